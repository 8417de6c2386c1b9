//! What must hold for any bytes that claim to be a journal file.
//!
//! Responsible for: valid files changed where it hurts (an object's kind, flags, size, links and counts,
//! items of lists), cut, and any bytes after a valid header; if one entry alone was changed, the others
//! are read as before.
//! Must not know: how the file is read. Uses the library's public face only.
//! Run by: cargo-fuzz, the driver; `crates/fwlog/tests/journal.rs` has a shorter form of its own.

use std::sync::{Arc, LazyLock};

use fwlog::input::journal::{Read, Wanted, read};
use testkit::journal::{Entry, Form, Pack, file};

/// A file, where its objects begin, and its lines.
struct File {
    bytes: Vec<u8>,
    objects: Vec<usize>,
    lines: Vec<Vec<u8>>,
}

/// One of each form.
static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let body = "IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 ";
    let entries: Vec<Entry> = (0..24)
        .map(|n| {
            let long = if n % 8 == 3 { body.repeat(8) } else { body.to_owned() };
            let mut entry = Entry::kernel(n, format!("drop {} {long}", n % 11));
            if n % 5 == 4 {
                entry.fields[2] = b"_TRANSPORT=syslog".to_vec();
            }
            entry
        })
        .collect();
    let mut files = Vec::new();
    for compact in [false, true] {
        for pack in [Pack::No, Pack::Xz, Pack::Lz4, Pack::Zstd] {
            for online in [false, true] {
                let bytes = file(Form { compact, pack, online, ..Form::default() }, &entries);
                let objects = objects(&bytes);
                let read = read(Arc::from(bytes.as_slice()), &wanted(4096)).expect("a valid file");
                assert!(read.troubles.is_empty() && read.lines.len() == 20, "{read:?}");
                files.push(File { bytes, objects, lines: lines(&read) });
            }
        }
    }
    files
});

/// Where objects begin: they lie one after the other.
fn objects(bytes: &[u8]) -> Vec<usize> {
    let mut objects = vec![0];
    let mut at = 272;
    while let Some(size) = bytes.get(at + 8..at + 16) {
        objects.push(at);
        let size = u64::from_le_bytes(size.try_into().unwrap_or_default());
        at += (size as usize).next_multiple_of(8).max(8);
    }
    objects
}

fn wanted(part: u64) -> Wanted {
    Wanted { part, ..Wanted::default() }
}

fn lines(read: &Read) -> Vec<Vec<u8>> {
    read.text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// A journal out of decisions: no panic, one line for each entry, no more of them than there is room
/// for, and the same again.
pub fn journal(decisions: &[u8]) {
    let [form, decisions @ ..] = decisions else { return };
    let File { bytes, objects, lines: intact } = &FILES[usize::from(*form) % FILES.len()];
    let mut bytes = bytes.clone();
    // Whether one entry was changed, and nothing else.
    let mut one_entry = false;
    if *form >= 0xc0 {
        // Any bytes after a valid header.
        bytes.truncate(272);
        bytes.extend_from_slice(decisions);
    } else {
        for (number, step) in decisions.chunks(5).take(24).enumerate() {
            let [object_low, object_high, field, how, value] = *step else { break };
            let object = objects[usize::from(u16::from_le_bytes([object_low, object_high])) % objects.len()];
            if how >= 0xf0 && object > 0 {
                // Another kind, or other flags.
                bytes[object + usize::from(how % 2)] = value % 9;
                one_entry = false;
                continue;
            }
            // Most fields are at the beginning.
            let at = object + usize::from(if field < 0xc0 { field % 10 } else { field % 40 }) * 8;
            one_entry = number == 0 && bytes[object] == 3 && at < object + 64;
            let Some(place) = bytes.get_mut(at..at + 8) else { continue };
            let old = u64::from_le_bytes((&*place).try_into().unwrap_or_default());
            let new = match how % 8 {
                0 => 0,
                1 => u64::MAX,
                2 => objects[usize::from(value) % objects.len()] as u64,
                3 => old.wrapping_add(8),
                4 => old.wrapping_sub(8),
                5 => old ^ 1 << (value % 64),
                6 => old.wrapping_add(u64::from(value)),
                _ => 1 << (value % 64),
            };
            place.copy_from_slice(&new.to_le_bytes());
        }
        if let Some(cut) = decisions.first().filter(|cut| **cut < 32) {
            bytes.truncate(bytes.len() * usize::from(*cut) / 32);
            one_entry = false;
        }
    }
    let len = bytes.len();
    let bytes: Arc<[u8]> = Arc::from(bytes);
    let first = read(Arc::clone(&bytes), &wanted(10));
    if let Ok(first) = &first {
        assert_eq!(first.text.iter().filter(|byte| **byte == b'\n').count(), first.lines.len());
        assert!(first.lines.len() <= len / 4);
        if one_entry {
            let read: Vec<Vec<u8>> = lines(first);
            let lost = intact.iter().filter(|line| !read.contains(line)).count();
            assert!(lost <= 1, "{lost} lines of others are lost: {:?} {:?}", first.lines, first.troubles);
        }
    }
    if *form % 8 == 0 {
        // In one piece, the same file.
        assert_eq!(first.is_ok(), read(bytes, &wanted(4096)).is_ok());
    }
}

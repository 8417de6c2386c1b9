//! Journals in memory: every form, every cut, changed bytes.
//!
//! One of 32 bytes is changed; all of the first 64 KiB with `FWSTAT_TEST_ALL=1`, which takes minutes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use fwlog::input::journal::{Missing, Read, Wanted, read};
use testkit::journal::{Entry, Form, Pack, file};

const BODY: &str = "IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 ";

/// Entries of the kernel and of others: short, long, recurring, with line ends, without message.
fn entries(count: u64) -> Vec<Entry> {
    (0..count)
        .map(|n| {
            let mut entry = Entry::kernel(n, format!("drop {n:04} {BODY}"));
            match n % 10 {
                1 => *entry.fields.last_mut().unwrap() = format!("MESSAGE=again {BODY}").into_bytes(),
                2 => {
                    *entry.fields.last_mut().unwrap() =
                        format!("MESSAGE=long {n} {}", BODY.repeat(20)).into_bytes();
                }
                3 => {
                    *entry.fields.last_mut().unwrap() = format!("MESSAGE=two\nlines {n} {BODY}").into_bytes();
                }
                4 => entry.fields[2] = b"_TRANSPORT=syslog".to_vec(),
                5 => drop(entry.fields.pop()),
                _ => {}
            }
            entry
        })
        .collect()
}

/// Numbers below a bound, the same in every run.
fn random(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    }
}

fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    for compact in [false, true] {
        for keyed in [false, true] {
            for pack in [Pack::No, Pack::Xz, Pack::Lz4, Pack::Zstd] {
                forms.push(Form { compact, keyed, pack, ..Form::default() });
            }
        }
    }
    forms
}

fn wanted() -> Wanted {
    Wanted { part: 100, ..Wanted::default() }
}

fn whole(bytes: Vec<u8>) -> Read {
    read(Arc::from(bytes), &wanted()).unwrap()
}

/// The lines that could be read.
fn lines(read: &Read) -> Vec<&[u8]> {
    let lines = read.text.split(|byte| *byte == b'\n').zip(&read.lines);
    lines.filter(|(_, (_, missing))| missing.is_none()).map(|(line, _)| line).collect()
}

/// A line's message, without what a damaged field beside it may have changed; also of an entry that
/// fits no line, and is an object.
fn message(line: &[u8]) -> Cow<'_, [u8]> {
    if line.starts_with(b"{") {
        let object: serde_json::Value = serde_json::from_slice(line).unwrap();
        return Cow::Owned(object["MESSAGE"].as_str().unwrap_or_default().as_bytes().to_vec());
    }
    let words: [&[u8]; 4] = [b"drop ", b"again ", b"long ", b"two"];
    let at = words.iter().filter_map(|word| line.windows(word.len()).position(|part| part == *word)).min();
    Cow::Borrowed(&line[at.unwrap_or(line.len())..])
}

#[test]
fn every_form_says_the_same() {
    let entries = entries(300);
    let first = whole(file(forms()[0], &entries));
    assert_eq!(first.lines.len(), 270);
    assert!(first.troubles.is_empty(), "{:?}", first.troubles);
    assert!(
        first
            .text
            .starts_with(b"2026-09-21T14:13:20.000000+00:00 gate kernel: [    0.000007] drop 0000 IN=eth0")
    );
    for form in forms() {
        assert_eq!(whole(file(form, &entries)), first, "{form:?}");
        let online = Form { online: true, ..form };
        assert_eq!(whole(file(online, &entries)), first, "{form:?}");
    }
}

#[test]
fn a_file_that_names_no_writers_is_read_whole_and_one_without_the_kernel_not_at_all() {
    let mut some = entries(50);
    for entry in &mut some {
        entry.fields.retain(|field| !field.starts_with(b"_TRANSPORT="));
    }
    assert_eq!(whole(file(Form::default(), &some)).lines.len(), 50);
    for entry in &mut some {
        entry.fields.push(b"_TRANSPORT=stdout".to_vec());
    }
    assert_eq!(whole(file(Form::default(), &some)), Read::default());
}

#[test]
fn what_is_there_of_a_file_cut_anywhere_is_read() {
    for compact in [false, true] {
        let bytes = file(Form { compact, ..Form::default() }, &entries(300));
        let all = whole(bytes.clone());
        let all = lines(&all);
        let mut most = 0;
        for place in 0..4096 {
            let len = bytes.len() * place / 4096;
            let Ok(read) = read(Arc::from(&bytes[..len]), &wanted()) else {
                assert!(len < 272, "{len}");
                continue;
            };
            assert!(!read.troubles.is_empty(), "{len}");
            // The lists lie at the end: without them entries are found one by one, in their order.
            let mut rest = all.iter();
            let some = lines(&read);
            for line in &some {
                assert!(rest.any(|other| other == line), "{len}: {}", line.escape_ascii());
            }
            most = most.max(some.len());
        }
        assert_eq!(most, all.len());
    }
}

#[test]
fn a_changed_byte_costs_little() {
    for compact in [false, true] {
        let bytes = file(Form { compact, ..Form::default() }, &entries(200));
        let all = whole(bytes.clone());
        let all = lines(&all);
        let messages: Vec<Cow<'_, [u8]>> = all.iter().map(|line| message(line)).collect();
        let mut bytes: Arc<[u8]> = Arc::from(bytes);
        let len = bytes.len().min(64 << 10);
        // The header, and a 32nd of the rest.
        let all_bytes = std::env::var_os("FWSTAT_TEST_ALL").is_some();
        let mut random = random(0x5eed);
        for at in (0..len).filter(|at| *at < 272 || all_bytes || random(32) == 0) {
            let flip = 1 << (at % 8);
            Arc::get_mut(&mut bytes).unwrap()[at] ^= flip;
            let started = Instant::now();
            // A wrong signature or an unknown flag is refused.
            if let Ok(read) = read(Arc::clone(&bytes), &wanted()) {
                let some: HashSet<Cow<'_, [u8]>> = lines(&read).into_iter().map(message).collect();
                let intact = messages.iter().filter(|message| some.contains(*message)).count();
                assert!(
                    intact + 40 >= all.len(),
                    "byte {at}: {intact} of {}, {:?}",
                    all.len(),
                    read.troubles
                );
            } else {
                assert!(at < 16, "byte {at}");
            }
            assert!(started.elapsed().as_secs() < 5, "byte {at}");
            Arc::get_mut(&mut bytes).unwrap()[at] ^= flip;
        }
    }
}

#[test]
fn lists_that_lie_cost_no_time() {
    let bytes = file(Form::default(), &entries(200));
    let mut random = random(0x9e37_79b9_7f4a_7c15);
    let offsets: Vec<usize> = (0..bytes.len() / 8)
        .map(|at| at * 8)
        .filter(|at| (1..=6).contains(&bytes[*at]) && bytes[at + 1] == 0 && bytes[at + 10..at + 16] == [0; 6])
        .collect();
    for _ in 0..3_000 {
        let mut copy = bytes.clone();
        for _ in 0..=random(3) {
            let at = offsets[random(offsets.len())] + random(10) * 8;
            let value = match random(5) {
                0 => 0,
                1 => u64::MAX,
                2 => offsets[random(offsets.len())] as u64,
                3 => bytes.len() as u64,
                _ => 1 << random(64),
            };
            if let Some(place) = copy.get_mut(at..at + 8) {
                place.copy_from_slice(&value.to_le_bytes());
            }
        }
        let started = Instant::now();
        let _ = read(Arc::from(copy), &wanted());
        assert!(started.elapsed().as_secs() < 5);
    }
}

#[test]
fn offsets_beyond_all_files_are_no_entries() {
    for compact in [false, true] {
        let bytes = file(Form { compact, ..Form::default() }, &entries(60));
        let text = b"_TRANSPORT=kernel";
        let at = bytes.windows(text.len()).position(|part| part == text).unwrap();
        let datum = at - if compact { 72 } else { 64 };
        for value in [u64::MAX, u64::MAX - 7, u64::MAX - 63, 1 << 63] {
            // Its first entry, the list of the others, the number of both; all at once.
            for fields in [&[40][..], &[48], &[56], &[40, 48], &[40, 48, 56]] {
                let mut bytes = bytes.clone();
                for field in fields {
                    bytes[datum + field..datum + field + 8].copy_from_slice(&value.to_le_bytes());
                }
                assert!(read(Arc::from(bytes), &wanted()).is_ok());
            }
        }
    }
}

#[test]
fn an_entry_of_a_wrong_size_costs_no_other() {
    for compact in [false, true] {
        let bytes = file(Form { compact, ..Form::default() }, &entries(60));
        let all = whole(bytes.clone());
        let all = lines(&all);
        let sizes = (7..16).map(|bit| 64 + (1_u64 << bit));
        for at in (272..bytes.len()).step_by(8).filter(|at| bytes[*at..at + 8] == [3, 0, 0, 0, 0, 0, 0, 0]) {
            for size in sizes.clone() {
                let mut bytes = bytes.clone();
                bytes[at + 8..at + 16].copy_from_slice(&size.to_le_bytes());
                let read = whole(bytes);
                let some = lines(&read);
                let lost = all.iter().filter(|line| !some.contains(line)).count();
                assert!(lost <= 1, "byte {at}, size {size}: {lost} lost");
            }
        }
    }
}

#[test]
fn damage_is_counted_and_located() {
    let mut bytes = file(Form::default(), &entries(100));
    // An entry's own kind: the offsets of its list lead to no entry then.
    let mut entries = Vec::new();
    let mut at = 272;
    while at + 16 <= bytes.len() {
        if bytes[at] == 3 {
            entries.push(at);
        }
        let size = u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap());
        at += (size as usize).next_multiple_of(8);
    }
    let at = entries[20];
    bytes[at] = 1;
    let read = whole(bytes);
    let damaged: Vec<_> = read.lines.iter().filter(|(_, missing)| missing.is_some()).collect();
    assert_eq!(damaged, [&(19, Some(Missing::Damaged("an offset that leads to no entry")))]);
}

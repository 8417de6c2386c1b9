//! What must hold for any bytes.
//!
//! Responsible for: the bodies of all fuzz targets. Each takes any bytes and panics if
//! something that must hold does not.
//! Must not know: where the bytes come from. Uses the library's public face only.
//! Run by: cargo-fuzz, the driver, and `crates/logparse/tests/suites/regressions.rs`.

use super::equal::Beside;
use logparse::testgen::{Source, Texts, packet};
use logparse::*;

/// A target: a function over any bytes.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("parse_line", parse_line),
    ("round_trip", round_trip),
    ("options", options),
    ("scan_equals_grammar", scan_equals_grammar),
];

/// A line, read through every door: no panic, positions inside, slices inside, the doors
/// agree, and a whole packet survives being written and read again.
pub fn parse_line(line: &[u8]) {
    let mut scratch = Vec::new();
    let plain = parse(line);
    check(line, &plain);
    let escaped = matches!(&plain, Err(error) if error.kind() == ErrorKind::NeedsScratch);
    {
        let with = parse_with(line, &mut scratch);
        match &with {
            Ok(entry) => {
                written_and_read(&entry.packet, entry.error);
                // Without escapes both doors say the same.
                if !line.contains(&b'\\') && !escaped {
                    assert_eq!(plain, with);
                }
            }
            Err(error) => {
                assert!(error.offset() <= line.len(), "{error}");
                assert!(error.kind() != ErrorKind::NeedsScratch);
            }
        }
    }
    if let Ok((packet, stop)) = parse_message(line) {
        written_and_read(&packet, stop);
        assert!(stop.is_none_or(|stop| stop.offset() <= line.len()));
    }
}

/// What is reported lies in the line.
fn check(line: &[u8], result: &Result<Entry<'_>, ParseError>) {
    let stop = match result {
        Ok(entry) => {
            let packet = &entry.packet;
            let range = line.as_ptr_range();
            for slice in [packet.prefix, packet.in_iface, packet.out_iface] {
                let slice = slice.as_ptr_range();
                assert!(slice.is_empty() || range.start <= slice.start && slice.end <= range.end);
            }
            let _ = packet.mac_header();
            assert!(packet.to_string().len() < 8 * (line.len() + 256));
            entry.error
        }
        Err(error) => Some(*error),
    };
    if let Some(stop) = stop {
        assert!(stop.offset() <= line.len(), "{stop}");
        let picture = stop.render(line).to_string();
        assert!(picture.bytes().all(|b| b == b'\n' || b == b' ' || b.is_ascii_graphic()), "{picture}");
    }
}

/// A whole packet of a dialect that tells all reads back as it was.
fn written_and_read(packet: &Packet<'_>, stop: Option<ParseError>) {
    let mut text = Vec::new();
    packet.emit(&mut text);
    if stop.is_some() || !matches!(packet.dialect, Dialect::Kernel | Dialect::Ebtables) {
        return;
    }
    assert_eq!(parse_message(&text), Ok((*packet, None)), "{}", text.escape_ascii());
}

/// A buffer of lines, scanned twice by one scanner, so that what the first pass learns is used
/// by the second: every line as the grammar reads it.
pub fn scan_equals_grammar(buffer: &[u8]) {
    let mut twice = Vec::with_capacity(2 * buffer.len() + 1024);
    for _ in 0..2 {
        twice.extend_from_slice(buffer);
        twice.push(b'\n');
    }
    let mut beside = Beside::new();
    if let Err(difference) = beside.scan_padded(&mut twice) {
        panic!("{difference}");
    }
    // And without anything behind the last line.
    if let Err(difference) = beside.scan(buffer) {
        panic!("{difference}");
    }
}

/// Bytes as decisions of the packet generator: what is written reads back.
pub fn round_trip(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let texts = Texts::draw(&mut source);
    let packet = packet(&mut source, &texts);
    let mut text = b"[    1.000000] ".to_vec();
    packet.emit(&mut text);
    let mut scratch = Vec::new();
    let entry = parse_with(&text, &mut scratch);
    let result = entry.map(|entry| (entry.packet, entry.error));
    assert_eq!(result, Ok((packet, None)), "{}", text.escape_ascii());
    assert_eq!(parse_message(&text[15..]), Ok((packet, None)), "{}", text.escape_ascii());
}

/// Bytes as options and as the text of extension headers: every byte is accounted for.
pub fn options(bytes: &[u8]) {
    let text: Vec<u8> = bytes.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect();
    let hex = HexText::new(&text).expect("pairs of digits");
    assert!(hex.bytes().eq(bytes.iter().copied()));

    let mut used = 0;
    for option in hex.tcp_options() {
        used += match option {
            TcpOption::End => bytes.len() - used,
            TcpOption::Nop => 1,
            TcpOption::Mss(_) | TcpOption::UserTimeout(_) => 4,
            TcpOption::WindowScale(_) => 3,
            TcpOption::SackPermitted => 2,
            TcpOption::Sack(blocks) => 2 + 8 * blocks.iter().count(),
            TcpOption::Timestamps { .. } => 10,
            TcpOption::Md5(data)
            | TcpOption::Authentication(data)
            | TcpOption::Multipath(data)
            | TcpOption::FastOpen(data)
            | TcpOption::Unknown { data, .. } => 2 + data.len(),
            TcpOption::Damaged { rest, .. } => 1 + rest.len(),
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(used, bytes.len());

    let mut used = 0;
    for option in hex.ip_options() {
        used += match option {
            IpOption::End => bytes.len() - used,
            IpOption::Nop => 1,
            IpOption::RecordRoute(route)
            | IpOption::LooseSourceRoute(route)
            | IpOption::StrictSourceRoute(route) => {
                // Slots of four bytes; what is left over is not shown.
                let rest = bytes[used + 1] as usize - 3;
                assert_eq!(route.iter().count(), rest / 4);
                3 + rest
            }
            IpOption::Timestamp { data, .. } => 4 + data.len(),
            IpOption::Security(data) | IpOption::Unknown { data, .. } => 2 + data.len(),
            IpOption::RouterAlert(_) => 4,
            IpOption::Damaged { rest, .. } => 1 + rest.len(),
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(used, bytes.len());

    if let Some(extensions) = Extensions::new(bytes) {
        assert!(extensions.iter().count() <= bytes.len());
        assert_eq!(extensions.text(), bytes);
    }
    let _ = RawMac(bytes).ethernet();
    let _ = (Mac::from_text(bytes), Protocol::from_name(bytes), TcpFlags::from_word(bytes));
}

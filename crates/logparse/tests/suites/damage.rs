//! Lines cut short and lines with a wrong byte: no panic, no invented value.

use crate::common::*;
use logparse::*;

/// The end of `IN=... OUT=... ` in a line that reads whole.
fn header_end(case: &Case, packet: &Packet<'_>) -> Option<usize> {
    let header = [&b"IN="[..], packet.in_iface, b" OUT=", packet.out_iface, b" "].concat();
    case.line.windows(header.len()).rposition(|window| window == header).map(|at| at + header.len())
}

/// The keys that may be a packet's last, so that a line torn inside their value reads as a
/// whole packet: relays take the last blank away, and `URGP=1` of `URGP=123` may be all there
/// ever was. Everywhere else a value without its blank is not reported.
const LAST: &[&str] = &[
    "flowlbl",
    "spt",
    "dpt",
    "urgp",
    "udp_len",
    "icmp_seq",
    "code",
    "parameter",
    "gateway",
    "mtu",
    "spi",
    "uid",
    "gid",
    "mark",
    "proto",
    "macproto",
    "mac",
    "unknown_ext",
    "opcode",
    "ptype",
    "ipdst",
    "out",
    "physin",
    "physout",
];

/// Lines whose cut forms are lines of another meaning, with the reason.
const OTHER_MEANING: &[(&str, &str)] = &[
    ("measured-ulogd: ulogd 2.0.8 LOGEMU", "up to OUT= nothing tells the prefix `ul: ` from a program's tag"),
    ("own-hostile: an interface named IN= behind", "as below"),
    ("kernel-ifname: ifname/name IN= ", "without a link header `IN=IN=` is a prefix that ends in `IN=`"),
];

#[test]
fn a_shortened_line_says_nothing_that_the_whole_line_does_not() {
    let mut failures = Failures::default();
    let (mut scratch, mut other) = (Vec::new(), Vec::new());
    let mut count = 0;
    let (mut shown, mut used) = (std::collections::HashSet::new(), std::collections::HashSet::new());
    for case in cases() {
        let Ok(whole) = parse_with(&case.line, &mut scratch) else { continue };
        let fields = observe(&whole.packet);
        let certain = header_end(&case, &whole.packet);
        for end in 0..case.line.len() {
            count += 1;
            let line = &case.line[..end];
            let entry = match parse_with(line, &mut other) {
                Ok(entry) => entry,
                Err(error) => {
                    assert!(error.offset() <= end, "{error} in {}", line.escape_ascii());
                    continue;
                }
            };
            if let Some(stop) = entry.error {
                assert!(stop.offset() <= end, "{stop} in {}", line.escape_ascii());
            }
            // A prefix may hold another header: cut inside it, that header is the line's.
            if certain.is_none_or(|header| end < header) {
                continue;
            }
            let torn = !matches!(case.line[end - 1], b' ' | b')' | b']') && case.line[end] != b' ';
            if line.ends_with(b"MARK=0") {
                continue; // torn in `MARK=0x1`, and whole if ulogd wrote it
            }
            let text = invented(&fields, &observe(&entry.packet), &case.line[..end], torn);
            if let Some((name, _)) = OTHER_MEANING.iter().find(|(name, _)| case.name.starts_with(name)) {
                if !text.is_empty() {
                    used.insert(*name);
                }
                continue;
            }
            // The first cut of a line that shows it is enough to see.
            if !text.is_empty() && shown.insert(case.name.clone()) {
                failures.add(format!("{}\n  {}\n{text}", case.name, line.escape_ascii()));
            }
        }
    }
    for (name, _) in OTHER_MEANING.iter().filter(|(name, _)| !used.contains(name)) {
        failures.add(format!("{name} is listed, but means the same"));
    }
    assert!(count > 800_000, "{count}");
    failures.check();
}

/// Values of a cut line that the whole line does not have, one a line.
fn invented(whole: &Fields, cut: &Fields, line: &[u8], torn: bool) -> String {
    let mut out = String::new();
    let mut torn_values = 0;
    for (key, value) in cut {
        let same = match (whole.get(key), value) {
            (Some(a), b) if a == b => true,
            (Some(Value::Table(a)), Value::Table(b)) => {
                out += &invented(a, b, line, torn);
                true
            }
            // The headers read so far; without its last blank `OPT ( )` is a line's end.
            (Some(Value::List(a)), Value::List(b)) if key == "ext" => {
                let (last, front) = b.split_last().unwrap();
                a.starts_with(front) && (a.get(front.len()) == Some(last) || line.ends_with(b")"))
            }
            // pvefw prints nothing behind the flags, so a line may end between them.
            (Some(Value::List(a)), Value::List(b)) if key == "tcp_flags" => {
                !cut.contains_key("res") && b.iter().all(|flag| a.contains(flag))
            }
            _ => {
                torn && LAST.contains(&key.as_str()) && {
                    torn_values += 1;
                    torn_values == 1
                }
            }
        };
        if !same {
            out += &format!("  {key}: {value:?}, the whole line says {:?}\n", whole.get(key));
        }
    }
    out
}

/// Every byte of every kind of line replaced: no panic, positions inside the line.
#[test]
fn a_wrong_byte_anywhere_does_no_harm() {
    let mut scratch = Vec::new();
    let mut count = 0;
    let mut seen = std::collections::HashSet::new();
    for case in cases() {
        // Lines with the same words are the same to a reader: one of each shape is enough.
        let shape: Vec<u8> = case.line.iter().copied().filter(|b| !b.is_ascii_hexdigit()).collect();
        if !seen.insert(shape) {
            continue;
        }
        let mut line = case.line.clone();
        for at in 0..line.len() {
            let byte = line[at];
            for wrong in [0, b' ', b'=', b']', b'9', 0xff, byte ^ 1] {
                line[at] = wrong;
                count += 1;
                let stop = match parse_with(&line, &mut scratch) {
                    Ok(entry) => {
                        let _ = emitted(&entry.packet);
                        entry.error
                    }
                    Err(error) => Some(error),
                };
                assert!(stop.is_none_or(|stop| stop.offset() <= line.len()), "{}", line.escape_ascii());
            }
            line[at] = byte;
        }
    }
    assert!(count > 1_000_000, "{count}");
}

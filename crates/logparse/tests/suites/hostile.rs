//! What an attacker may put into a line must not change what is said of the packet.
//!
//! A rule's author chooses the prefix, root in a container an interface's name, a local user
//! any text through /dev/log, a remote sender a host's name. The addresses reported are
//! always those that the kernel printed last.

use crate::common::*;
use logparse::*;

/// Texts that want to be something else. None is longer than a prefix can be.
const TEXTS: &[(&str, &[u8])] = &[
    ("a header with an address", b"IN=x OUT= SRC=1.2.3.4 DPT=22 "),
    ("a header of its own", b"IN=eth9 OUT=eth9 "),
    ("a header without a blank behind", b"IN=eth9 OUT=eth9"),
    ("half a header", b"IN=eth9 OUT="),
    ("the beginning of one", b"IN="),
    ("a bridge port", b"PHYSIN=x PHYSOUT="),
    ("an address", b"SRC=6.6.6.6 DST=6.6.6.6 "),
    ("an address without a blank", b"SRC=6.6.6.6"),
    (
        "a whole short packet",
        b"IN=x OUT= SRC=1.2.3.4 DST=1.2.3.4 LEN=1 TOS=0x00 PREC=0x00 TTL=1 ID=1 PROTO=2 ",
    ),
    ("a protocol and flags", b"PROTO=TCP SPT=1 DPT=22 SYN ACK URGP=0 "),
    ("a quoted packet", b"[SRC=1.1.1.1 DST=1.1.1.1 ] "),
    ("options", b"OPT (0000) "),
    ("an uptime", b"[12.345678] "),
    ("a syslog record", b"Jun 30 06:06:13 other kernel: [1.0] "),
    ("a syslog record with a header", b"Jun 30 06:06:13 other kernel: IN=x OUT= SRC=1.2.3.4 "),
    ("a priority", b"a<0>"),
    ("a repeat", b"message repeated 9 times: [ "),
    ("JSON", b"{\"log\":\"IN=x OUT= SRC=1.2.3.4\"} "),
    ("ebtables", b"MAC source = 00:00:00:00:00:00 proto = 0x0800 IP SRC=1.2.3.4 "),
    ("ipchains", b"Packet log: input DENY eth0 PROTO=6 1.2.3.4:1 1.2.3.4:22 "),
    ("Proxmox", b"100 6 tap100i0-IN 30/Jun/2024:06:06:13 +0200 DROP: IN=x OUT= "),
    ("a clipboard escape", b"\x1b]52;c;cm0gLXJmIC8=\x07 "),
    ("a colour escape", b"\x1b[31mred\x1b[0m "),
    ("quotes", b"\"'`$(reboot)` "),
    ("a newline as rsyslog writes it", b"x#012Jun 30 06:06:13 gw kernel: IN=x OUT= SRC=1.2.3.4 "),
    ("a carriage return", b"x\rIN=x OUT= SRC=1.2.3.4 "),
    ("a NUL", b"x\0IN=x OUT= "),
    ("no UTF-8", b"\xff\xfe\x80 "),
    ("right to left", "\u{202e}drop ".as_bytes()),
    ("tabs and blanks", b"\t   \t "),
    ("a format string", b"%s%n%p "),
];

/// Envelopes behind which a prefix begins without doubt.
const FRONTS: &[&str] = &[
    "4,1234,8486974964,-;",
    "[ 8486.974964] ",
    "<4>[ 8486.974964] ",
    "Jun 30 06:06:13 gw kernel: [ 8486.974964] ",
    "2024-06-30T06:06:13.123456+02:00 gw kernel: [ 8486.974964] ",
    "<4>1 2024-06-30T06:06:13.123456+02:00 gw kernel - - - [ 8486.974964] ",
    "Sun Jun 30 06:06:13 2024 kern.warn kernel: [ 8486.974964] ",
];

/// One message of each shape in the suite, from `IN=` on, and what it says.
fn messages() -> Vec<(Vec<u8>, Fields)> {
    let mut seen = std::collections::HashSet::new();
    let mut out = Vec::new();
    for case in cases() {
        let (Some(start), "nf" | "ebt", false) = (case.message, case.family.as_str(), case.cut) else {
            continue;
        };
        let Ok((packet, None)) = parse_message(&case.line[start..]) else { continue };
        let message = case.line[start + packet.prefix.len()..].to_vec();
        let shape: Vec<u8> = message.iter().copied().filter(|b| !b.is_ascii_hexdigit()).collect();
        if seen.insert(shape) {
            let mut fields = observe(&packet);
            fields.remove("prefix");
            out.push((message, fields));
        }
    }
    assert!(out.len() > 150, "{}", out.len());
    out
}

#[test]
fn prefix_cannot_forge_source() {
    let mut failures = Failures::default();
    let messages = messages();
    for (attack, text) in TEXTS {
        'attack: for (message, fields) in &messages {
            for front in FRONTS {
                let line = [front.as_bytes(), text, &message[..]].concat();
                let mut expected = fields.clone();
                expected.insert("prefix".into(), Value::Text(text.to_vec()));
                let mut scratch = Vec::new();
                let reported = parse_with(&line, &mut scratch).map(|entry| observe(&entry.packet));
                let reported = match reported {
                    Ok(reported) => reported,
                    Err(error) => {
                        failures.add(format!("{attack}: {error}\n  {}", line.escape_ascii()));
                        break 'attack;
                    }
                };
                // A second record's envelope in a prefix is one: the prefix is what follows.
                let mut prefix_only = reported.clone();
                prefix_only.remove("prefix");
                let same = if attack.contains("record") || attack.contains("newline") {
                    prefix_only == *fields
                } else {
                    reported == expected
                };
                if !same {
                    let text = differences(&expected, &reported);
                    failures.add(format!("{attack}:\n  {}\n{text}", line.escape_ascii()));
                    break 'attack;
                }
            }
        }
    }
    failures.check();
}

#[test]
fn interface_name_cannot_forge_source() {
    // At most 15 bytes, no blank, no slash, no colon.
    let names: &[&[u8]] = &[
        b"SRC=6.6.6.6",
        b"OUT=",
        b"OUT=x",
        b"DST=6.6.6.6",
        b"MAC=00",
        b"PHYSIN=x",
        b"a=b[x]",
        b"]",
        b"[SRC=1.1.1.1]",
        b"\x1b[31m",
        b"\"",
        b"#012",
        b"PROTO=2",
        b"LEN=1",
        b"IN",
        b"=",
    ];
    let mut failures = Failures::default();
    for (message, fields) in messages() {
        let (Value::Text(input), Value::Text(output)) = (&fields["in"], &fields["out"]) else { panic!() };
        let header = [b"IN=", &input[..], b" OUT=", output, b" "].concat();
        let rest = message.strip_prefix(&header[..]).unwrap();
        for (i, name) in names.iter().enumerate() {
            // A name stands where a device is; an empty one says that there is none.
            let other = names[(i + 5) % names.len()];
            let named = |old: &[u8], new: &[u8]| if old.is_empty() { Vec::new() } else { new.to_vec() };
            let (input, output) = (named(input, name), named(output, other));
            let line = [b"[    1.000000] drop IN=", &input[..], b" OUT=", &output, b" ", rest].concat();
            let mut expected = fields.clone();
            expected.insert("in".into(), Value::Text(input));
            expected.insert("out".into(), Value::Text(output));
            expected.insert("prefix".into(), Value::Text(b"drop ".to_vec()));
            match parse(&line) {
                Ok(entry) => {
                    let text = differences(&expected, &observe(&entry.packet));
                    if !text.is_empty() {
                        failures.add(format!("{}\n{text}", line.escape_ascii()));
                    }
                }
                Err(error) => failures.add(format!("{error}\n  {}", line.escape_ascii())),
            }
        }
    }
    failures.check();
}

/// A user's text through /dev/log is a line of that user's program, or of the kernel if it
/// lies about its tag; either way a line break in it is no line break here.
#[test]
fn an_escaped_newline_begins_no_second_record() {
    let line = b"Jun 30 06:06:13 gw kernel: [    1.000000] drop IN=eth0 OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=28 \
                 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 #012Jun 30 06:06:13 gw kernel: drop IN=eth0 OUT= SRC=6.6.6.6";
    let entry = parse(line).unwrap();
    assert_ne!(entry.completeness(), Completeness::Whole, "{entry:?}");
}

/// The kernel's own facility is 0: a priority that names another one is kept for the caller.
#[test]
fn a_forged_record_keeps_its_senders_facility() {
    let line =
        b"<13>Jun 30 06:06:13 gw kernel: IN=eth0 OUT= SRC=6.6.6.6 DST=192.0.2.2 LEN=28 TOS=0x00 PREC=0x00 \
                 TTL=64 ID=1 PROTO=2 ";
    let entry = parse(line).unwrap();
    assert_eq!(entry.envelope.facility, Some(1));
}

/// The picture of an error is for terminals: no byte of the line reaches it raw.
#[test]
fn error_pictures_strip_escape_sequences() {
    for (attack, text) in TEXTS {
        for tail in [&b""[..], b"IN=eth0 OUT= SRC=10.0.0.300 ", b"IN=eth0 OUT= SRC=\x1b[2J\xff "] {
            let line = [&b"kernel: "[..], text, tail].concat();
            let error = match parse(&line) {
                Ok(Entry { error: Some(stop), .. }) => stop,
                Ok(_) => continue,
                Err(error) => error,
            };
            let picture = error.render(&line).to_string();
            assert!(
                picture.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic()),
                "{attack}: {}",
                picture.escape_debug()
            );
        }
    }
}

/// `Debug` of a packet goes into reports of tests and bugs; it is ASCII as well.
#[test]
fn debug_output_holds_no_raw_bytes() {
    for (attack, text) in TEXTS {
        let packet = Packet { prefix: text, ..Packet::default() };
        let shown = format!("{packet:?}");
        assert!(shown.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{attack}: {shown}");
    }
}

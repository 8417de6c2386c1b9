//! Every line of `testdata/lines` through every engine: all that is expected is reported, and
//! nothing else; and what was read is written back as it stood.

use crate::common::*;
use logparse::*;

#[test]
fn every_line_gives_what_it_says_and_nothing_else() {
    let mut failures = Failures::default();
    let mut count = 0;
    for case in cases() {
        for (engine, read) in ENGINES {
            let mut checked = |result: Result<Entry<'_>, ParseError>| {
                count += 1;
                if let Err(text) = check(&case, result) {
                    failures.add(format!("{engine}: {}\n  {}\n{text}", case.name, case.line.escape_ascii()));
                }
            };
            match case.family.as_str() {
                "legacy" => checked(parse_legacy(&case.line)),
                _ if case.line.is_empty() => {}
                _ => read(&case.line, &mut checked),
            }
        }
    }
    assert!(count > 6_000, "{count}");
    failures.check();
}

fn check(case: &Case, result: Result<Entry<'_>, ParseError>) -> Result<(), String> {
    let Some(expect) = &case.expect else {
        return match result {
            Ok(entry) if entry.completeness() == Completeness::Whole => {
                Err(format!("  taken for a whole packet: {:?}", entry.packet))
            }
            _ => Ok(()),
        };
    };
    let entry = result.map_err(|error| format!("  {error}\n{}", error.render(&case.line)))?;
    let mut text = differences(expect, &observe(&entry.packet));
    if let Some(env) = &case.env {
        text += &differences(&env_keys(env.clone()), &observe_env(&entry.envelope));
    }
    match (case.cut, entry.completeness()) {
        (false, Completeness::Whole) | (true, Completeness::Truncated) => {}
        (_, other) => {
            text += &format!("  {other:?}");
            if let Some(stop) = entry.error {
                text += &format!(" at {stop}\n{}", stop.render(&case.line));
            }
        }
    }
    if text.is_empty() { Ok(()) } else { Err(text) }
}

/// Lines as they stand are messages without an envelope, too: what looks like one in them is
/// part of the prefix.
#[test]
fn a_bare_message_keeps_its_whole_prefix() {
    let mut failures = Failures::default();
    for case in cases() {
        let (Some(expect), None) = (&case.expect, &case.env) else { continue };
        if case.cut || case.family == "legacy" {
            continue;
        }
        match parse_message(&case.line[case.message.unwrap_or(0)..]) {
            Ok((packet, None)) => {
                let text = differences(expect, &observe(&packet));
                if !text.is_empty() {
                    failures.add(format!("{}\n{text}", case.name));
                }
            }
            other => failures.add(format!("{}: {other:?}", case.name)),
        }
    }
    failures.check();
}

/// Every envelope of the suite in front of every shape of message: each says what it says.
#[test]
fn every_envelope_in_front_of_every_packet() {
    let cases = cases();
    let mut scratch = Vec::new();
    let mut fronts = Vec::new();
    for case in cases.iter().filter(|case| case.family == "nf" && !case.cut) {
        let (Some(env), false) = (&case.env, case.name.ends_with(')')) else { continue };
        let entry = parse_with(&case.line, &mut scratch).unwrap();
        // Wrappers that also put something behind are left out, and so are octet counts.
        let text = emitted(&entry.packet);
        let Some(front) = case.line.strip_suffix(&text[..]) else { continue };
        let counted = front.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if counted > 0 && front[counted..].starts_with(b" <") {
            continue;
        }
        fronts.push((&case.name, front.to_vec(), env_keys(env.clone())));
    }
    assert!(fronts.len() > 30, "{}", fronts.len());
    let mut failures = Failures::default();
    let mut seen = std::collections::HashSet::new();
    let mut count = 0;
    for case in cases.iter().filter(|case| matches!(case.family.as_str(), "nf" | "ebt") && !case.cut) {
        let (Some(start), Some(expect)) = (case.message, &case.expect) else { continue };
        let Some(Value::Text(prefix)) = expect.get("prefix") else { continue };
        let message = &case.line[start + prefix.len()..];
        let shape: Vec<u8> = message.iter().copied().filter(|b| !b.is_ascii_hexdigit()).collect();
        if !seen.insert(shape) {
            continue;
        }
        let mut expect = expect.clone();
        expect.extend([("prefix".into(), Value::Text(b"tcp.in.dropped ".to_vec()))]);
        for (name, front, env) in &fronts {
            count += 1;
            let line = [front, &b"tcp.in.dropped "[..], message].concat();
            let text = match parse_with(&line, &mut scratch) {
                Ok(entry) => {
                    let stop = entry.error.map_or(String::new(), |stop| format!("  {stop}\n"));
                    differences(&expect, &observe(&entry.packet))
                        + &differences(env, &observe_env(&entry.envelope))
                        + &stop
                }
                Err(error) => error.to_string(),
            };
            if !text.is_empty() {
                failures.add(format!("{name}\n  {}\n{text}", line.escape_ascii()));
            }
        }
    }
    assert!(count > 5_000, "{count}");
    failures.check();
}

/// The kernel's stamp, sequence number and priority of each record, from its own header.
#[test]
fn kernel_stamps_are_read_to_the_microsecond() {
    let mut count = 0;
    for case in cases() {
        let Some(front) = case.message.map(|end| std::str::from_utf8(&case.line[..end]).unwrap()) else {
            continue;
        };
        let mut scratch = Vec::new();
        let Ok(Entry { envelope, .. }) = parse_with(&case.line, &mut scratch) else { continue };
        if let Some(stamp) = front.strip_prefix('[') {
            let stamp = stamp.trim_end_matches("] ").trim_start();
            assert_eq!(envelope.uptime.unwrap().to_string(), stamp, "{}", case.name);
        } else if let Some(header) = front.strip_suffix(';') {
            let fields: Vec<&str> = header.split(',').collect();
            assert_eq!(envelope.pri.unwrap().to_string(), fields[0], "{}", case.name);
            assert_eq!(envelope.sequence.unwrap().to_string(), fields[1], "{}", case.name);
            let uptime = envelope.uptime.unwrap();
            let micros = uptime.seconds * 1_000_000 + u64::from(uptime.micros);
            assert_eq!(micros.to_string(), fields[2], "{}", case.name);
        } else {
            panic!("{front}");
        }
        count += 1;
    }
    assert!(count > 2_500, "{count}");
}

/// Lines that are not written back as they stood, each with the reason. An entry that no
/// longer differs fails the test.
const DIFFERS: &[(&str, &str)] = &[
    ("derived-nf-old: old_tcp_options_truncated_bare", "2.6 wrote TRUNCATED without OPT ( )"),
    ("derived-nf-old: old_2_4_v6_sit_arrow_mac", "2.4 padded the numbers of TUNNEL= with blanks"),
    ("derived-ebt: ebt_arp_double_space", "2.6 wrote double blanks in ARP lines"),
    ("derived-envelopes: env_ulogd_logemu", "ulogd before 2.0.8 wrote MARK= without 0x"),
    ("derived-ulogd: ulogd_tcp", "ulogd before 2.0.8 wrote MARK= without 0x"),
    ("derived-ulogd: ulogd_no_mac", "ulogd before 2.0.8 wrote MARK= without 0x"),
    ("derived-ulogd: ulogd_icmp_extra_chosen_by_CODE", "ulogd before 2.0.8 wrote MARK= without 0x"),
    ("derived-ulogd: ulogd_ipv6_compressed_address", "ulogd before 2.0.8 wrote MARK= without 0x"),
    ("derived-ulogd: ulogd_arp_reply", "ulogd before 2.0.8 wrote MARK= without 0x"),
];

#[test]
fn packets_are_written_back_byte_for_byte() {
    let mut failures = Failures::default();
    let mut differ: Vec<&str> = Vec::new();
    let mut scratch = Vec::new();
    let mut count = 0;
    for case in cases() {
        // A cut line's last token is not certain, so it is not written.
        if case.expect.is_none() || case.cut {
            continue;
        }
        // A line with an envelope of its own ends with the message; wrappers put text behind.
        let wrapped = case.line.starts_with(b"{") || case.line.ends_with(b"]") && case.env.is_some();
        if wrapped {
            continue;
        }
        count += 1;
        let line = if case.name.ends_with("(kmsg)") { unescaped(&case.line) } else { case.line.clone() };
        let entry = match case.family.as_str() {
            "legacy" => parse_legacy(&case.line).unwrap(),
            _ => parse_with(&case.line, &mut scratch).unwrap(),
        };
        let text = emitted(&entry.packet);
        let same = match (case.message, &case.env) {
            (Some(start), _) => line[start..] == text[..],
            (None, None) => line == text,
            (None, Some(_)) => {
                let end = line.iter().rposition(|b| !matches!(b, 0 | b' ')).map_or(0, |at| at + 1);
                line[..end].ends_with(text.trim_ascii_end())
            }
        };
        let listed = DIFFERS.iter().find(|(name, _)| case.name.starts_with(name));
        match (same, listed) {
            (true, None) => {}
            (false, Some((name, _))) => differ.push(name),
            (true, Some((name, _))) => failures.add(format!("{name} is listed, but is written as it stood")),
            (false, None) => {
                failures.add(format!("{}\n  {}\n  {}", case.name, line.escape_ascii(), text.escape_ascii()));
            }
        }
    }
    for (name, _) in DIFFERS {
        if !differ.contains(name) {
            failures.add(format!("{name} is listed, but there is no such line"));
        }
    }
    assert!(count > 3_000, "{count}");
    failures.check();
}

/// Text behind a /dev/kmsg header with its `\xNN` undone.
fn unescaped(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = line;
    while let Some((&byte, tail)) = rest.split_first() {
        if let (b'\\', [b'x', high, low, tail @ ..]) = (byte, tail) {
            let digits = [*high, *low];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            rest = tail;
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    out
}

/// Options and extension headers of every line can be decoded to their end.
#[test]
fn options_of_every_line_are_decoded() {
    let (mut tcp, mut ip, mut headers) = (0, 0, 0);
    let mut scratch = Vec::new();
    for case in cases() {
        let Ok(entry) = parse_with(&case.line, &mut scratch) else { continue };
        for datagram in [Some(&entry.packet.datagram), entry.packet.quoted.as_ref()].into_iter().flatten() {
            if let Transport::Tcp(Tcp { options: Some(hex), .. }) = datagram.transport {
                tcp += hex.tcp_options().count();
            }
            if let Network::Ipv4(Ipv4 { options: Some(hex), .. }) = datagram.network {
                ip += hex.ip_options().count();
            }
            if let Network::Ipv6(ip) = &datagram.network {
                assert!(Extensions::new(ip.extensions.text()).is_some(), "{}: {ip:?}", case.name);
                headers += ip.extensions.iter().count();
            }
        }
    }
    assert!(tcp > 300 && ip > 40 && headers > 300, "{tcp} {ip} {headers}");
}

/// Values are made for each line, so their sizes are held: none may grow unseen.
#[test]
#[cfg(target_pointer_width = "64")]
fn values_stay_small() {
    for (name, size, limit) in [
        ("ParseError", size_of::<ParseError>(), 8),
        ("Datagram", size_of::<Datagram<'_>>(), 176),
        ("Packet", size_of::<Packet<'_>>(), 480),
        ("Envelope", size_of::<Envelope<'_>>(), 264),
        ("Entry", size_of::<Entry<'_>>(), 752),
    ] {
        assert!(size <= limit, "{name} has {size} bytes, more than {limit}");
    }
}

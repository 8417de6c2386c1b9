//! The scan equals the grammar on every input.
//!
//! A scan learns from the lines it reads, so what can go wrong is a pair: something learned
//! from one line, applied to another. Every test here feeds many lines in sequence to one
//! scanner, in buffers with bytes behind the last line, so that the quick path is really
//! taken; each counts the lines that took it and fails if there were too few.

use std::collections::HashSet;
use std::io::Write;

use crate::common::*;
use crate::equal::{Beside, Count};
use crate::forms::*;
use crate::mutate::Rng;
use logparse::testgen::{Source, Texts, packet};
use logparse::*;
use proptest::prelude::*;

/// A scanner under test and the buffer that it is given next.
#[derive(Default)]
struct Run {
    beside: Beside,
    buffer: Vec<u8>,
    failures: Failures,
    total: Count,
}

impl Run {
    fn line(&mut self, line: &[u8]) {
        self.buffer.extend_from_slice(line);
        self.buffer.push(b'\n');
        if self.buffer.len() > 1 << 16 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if let Err(difference) = self.beside.scan_padded(&mut self.buffer) {
            self.failures.add(difference);
        }
        self.buffer.clear();
    }

    /// Goes on with a scanner that has learned nothing.
    fn forget(&mut self) {
        self.flush();
        self.total += self.beside.count;
        self.beside = Beside::new();
    }

    /// Says how much was tried, and fails if anything differed or the quick path read less
    /// than `quick` lines.
    fn check(mut self, what: &str, quick: u64) {
        self.forget();
        let _ = writeln!(std::io::stdout(), "{what}: {}", self.total);
        self.failures.check();
        assert!(self.total.quick >= quick, "{what}: {}, expected {quick}", self.total);
    }
}

fn sample() -> Vec<u8> {
    std::fs::read(testkit::testdata("sample/kern.log")).unwrap()
}

fn shuffle<T>(rng: &mut Rng, items: &mut [T]) {
    for i in (1..items.len()).rev() {
        items.swap(i, rng.below(i + 1));
    }
}

/// The lines of the suite in the order of its files and in eight others, and the sample log
/// between them, through one scanner.
#[test]
fn the_suite_in_any_order() {
    let mut run = Run::default();
    let mut lines: Vec<Vec<u8>> = cases().into_iter().map(|case| case.line).collect();
    lines.extend(envelopes().into_iter().map(|(_, line, _)| line));
    let sample = sample();
    let mut rng = Rng::new(1);
    for _ in 0..9 {
        lines.iter().for_each(|line| run.line(line));
        sample.split(|byte| *byte == b'\n').for_each(|line| run.line(line));
        shuffle(&mut rng, &mut lines);
    }
    run.check("suite and sample log", 20_000);
}

/// What a line says does not depend on the lines in front of it, nor on where a buffer ends.
#[test]
fn a_line_alone_says_the_same() {
    /// Every line's place and meaning as text.
    fn scanned(scanner: &mut Scanner, buffer: &[u8], base: usize, out: &mut Vec<String>) -> u64 {
        let mut quick = 0;
        scanner.scan(buffer, |line| {
            let entry = match line.record {
                Ok(Line::Fast(packet)) => {
                    quick += 1;
                    Ok(packet.entry())
                }
                Ok(Line::Full(entry)) => Ok(*entry),
                Err(error) => Err(error),
            };
            out.push(format!("{} {} {entry:?}", base + line.offset, line.text.len()));
        });
        quick
    }
    let log = sample();
    let mut whole = Vec::new();
    let quick = scanned(&mut Scanner::new(), &log, 0, &mut whole);
    assert!(quick > 2_000, "{quick}");
    let mut alone = Vec::new();
    for (offset, line) in lines(&log) {
        assert_eq!(scanned(&mut Scanner::new(), line, offset, &mut alone), 0);
    }
    assert_eq!(whole.len(), alone.len());
    assert!(whole == alone);
    for size in [1, 700, 1_500, 4_096, 30_000] {
        let (mut parts, mut scanner, mut at) = (Vec::new(), Scanner::new(), 0);
        while at < log.len() {
            let end = (at + size).min(log.len());
            let end =
                log[end - 1..].iter().position(|byte| *byte == b'\n').map_or(log.len(), |more| end + more);
            scanned(&mut scanner, &log[at..end], at, &mut parts);
            at = end;
        }
        assert!(whole == parts, "in parts of {size} bytes");
    }
}

/// Every form that the quick path is for takes it.
#[test]
fn the_usual_forms_take_the_quick_path() {
    let usual: Vec<usize> =
        (0..BODIES.len() - 1).filter(|i| *i != 16 && (*i < 23 || *i >= BODIES.len() - RARE)).collect();
    for envelope in &ENVELOPES[..11] {
        for header in [0, 3, 7, 8, 10, 12, 15] {
            let mut run = Run::default();
            for _ in 0..2 {
                for body in &usual {
                    run.line(&[*envelope, b"[UFW BLOCK] ", HEADERS[header], BODIES[*body]].concat());
                }
            }
            run.flush();
            let count = run.beside.count;
            // All but the first, which is learned from.
            let expected = 2 * usual.len() as u64 - 1;
            assert_eq!(
                count.quick,
                expected,
                "{}{}",
                envelope.escape_ascii(),
                HEADERS[header].escape_ascii()
            );
        }
    }
}

/// ARP, which has no link layer.
#[test]
fn arp_takes_the_quick_path() {
    for envelope in &ENVELOPES[..11] {
        let mut run = Run::default();
        for _ in 0..3 {
            run.line(&[*envelope, b"arp ", HEADERS[7], BODIES[BODIES.len() - 1]].concat());
        }
        run.flush();
        assert_eq!(run.beside.count.quick, 2, "{}", envelope.escape_ascii());
    }
}

/// Objects of one writer, one after another; with every byte replaced, cut everywhere, and between those of another.
#[test]
fn objects_like_the_ones_before() {
    let mut run = Run::default();
    for (at, object) in OBJECTS.iter().enumerate() {
        // The stamp's key may begin with the sign as well: the message's is the last.
        let (front, behind) = object.rsplit_once('@').unwrap();
        let line = |body: &[u8], prefix: &str| {
            [front.as_bytes(), prefix.as_bytes(), HEADERS[[0, 7][at % 2]], body, behind.as_bytes()].concat()
        };
        let first = line(BODIES[0], "drop ");
        for body in BODIES.iter().filter(|body| !body.iter().any(u8::is_ascii_control)) {
            run.line(&line(body, "drop "));
            run.line(&line(body, r#"say \"hi\" "#));
            run.line(&first);
        }
        for end in 0..first.len() {
            run.line(&first[..end]);
            run.line(&first);
        }
        let mut changed = first.clone();
        for place in 0..first.len() {
            for (i, wrong) in b"\0\t\"\\ {}[],:0aN\xff".iter().enumerate() {
                if i % 4 == 0 {
                    run.line(&first);
                }
                changed[place] = *wrong;
                run.line(&changed);
            }
            changed[place] = first[place];
        }
        for other in OBJECTS {
            run.line(other.as_bytes());
            run.line(&first);
        }
    }
    run.check("objects like the ones before", 20_000);
}

/// Every byte of every kind of line replaced by bytes that mean something somewhere.
#[test]
fn every_byte_replaced() {
    let hostile = b"\0\t\r ()-.069:=AS]ag\xff";
    let mut run = Run::default();
    for line in forms() {
        run.line(&line);
        let mut changed = line.clone();
        for at in 0..line.len() {
            let byte = line[at];
            for (i, wrong) in hostile.iter().copied().chain([byte ^ 1, byte ^ 0x20, byte ^ 0x80]).enumerate()
            {
                // What was learned from a changed line makes room for the original again.
                if i % 8 == 0 {
                    run.line(&line);
                }
                changed[at] = wrong;
                run.line(&changed);
            }
            changed[at] = byte;
        }
        run.forget();
    }
    run.check("every byte of every form replaced", 200_000);
}

/// Every byte of one line of each kind replaced by all others.
#[test]
fn every_byte_replaced_by_every_byte() {
    let mut run = Run::default();
    for line in representatives() {
        let mut changed = line.clone();
        for at in 0..line.len() {
            let byte = line[at];
            for wrong in 0..=255u8 {
                if wrong % 8 == 0 {
                    run.line(&line);
                }
                changed[at] = wrong;
                run.line(&changed);
            }
            changed[at] = byte;
        }
        run.forget();
    }
    run.check("every byte of one line of each kind replaced by every byte", 200_000);
}

/// Every line cut at every byte; a byte taken out, one doubled, one put in.
#[test]
fn every_cut_and_every_slip() {
    let mut run = Run::default();
    for line in forms() {
        for at in 0..line.len() {
            if at % 8 == 0 {
                run.line(&line);
            }
            let (front, rear) = line.split_at(at);
            run.line(front);
            run.line(&[front, &rear[1..]].concat());
            run.line(&[front, &rear[..1], rear].concat());
            for slip in [&b" "[..], b"0", b"1", b"\r"] {
                run.line(&[front, slip, rear].concat());
            }
            // Without its end, without its beginning, with another line's end.
            run.line(rear);
            run.line(&[front, b" "].concat());
        }
        run.forget();
    }
    run.check("every cut and every slip", 50_000);
}

/// Every number and every word of a line replaced by numbers at the limits of what fields
/// hold; words taken out, doubled, exchanged, moved.
#[test]
fn every_number_at_its_limits_and_every_word_moved() {
    let numbers: &[&[u8]] = &[
        b"",
        b"0",
        b"00",
        b"01",
        b"1",
        b"9",
        b"10",
        b"99",
        b"100",
        b"127",
        b"128",
        b"255",
        b"256",
        b"999",
        b"1000",
        b"4095",
        b"4096",
        b"8191",
        b"8192",
        b"9999",
        b"10000",
        b"65535",
        b"65536",
        b"65599",
        b"99999",
        b"100000",
        b"999999",
        b"1000000",
        b"1048575",
        b"1048576",
        b"9999999",
        b"10000000",
        b"99999999",
        b"100000000",
        b"999999999",
        b"1000000000",
        b"2147483648",
        b"4294967295",
        b"4294967296",
        b"9999999999",
        b"10000000000",
        b"18446744073709551615",
        b"18446744073709551616",
        b"-1",
        b"+1",
        b"0x1",
        b"0xffffffff",
        b"0x100000000",
        b"1e3",
        b"1.5",
        b"a",
        b"A",
        b"fF",
        b"1.2.3.4",
        b"0.0.0.0",
        b"255.255.255.255",
        b"256.1.1.1",
        b"1.2.3",
        b"1.2.3.4.5",
        b"::",
        b"::1",
        b"fe80:0000:0000:0000:0000:0000:0000:0001",
        b"TCP",
        b"UDP",
        b"ICMP",
        b"ICMPv6",
        b"AH",
        b"DF",
        b"SYN",
        b"URGP=0",
        b"]",
    ];
    let mut run = Run::default();
    for line in forms() {
        run.line(&line);
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        for at in 0..words.len() {
            run.line(&line);
            let value = words[at].iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
            for number in numbers {
                let word = [&words[at][..value], number].concat();
                let mut changed = words.clone();
                changed[at] = &word;
                run.line(&changed.join(&b' '));
            }
            run.line(&line);
            let mut changed = words.clone();
            changed.remove(at);
            run.line(&changed.join(&b' '));
            changed.insert(at, words[at]);
            changed.insert(at, words[at]);
            run.line(&changed.join(&b' '));
            for other in [at + 1, at + 2, at + 5] {
                if other < words.len() {
                    let mut changed = words.clone();
                    changed.swap(at, other);
                    run.line(&changed.join(&b' '));
                    let word = changed.remove(at);
                    changed.insert(other - 1, word);
                    run.line(&changed.join(&b' '));
                }
            }
        }
        run.forget();
    }
    run.check("numbers at their limits, words moved", 50_000);
}

/// Another valid reading of every clock and uptime in an envelope: same width, other digits.
fn ticked(rng: &mut Rng, envelope: &[u8]) -> Vec<u8> {
    let mut out = envelope.to_vec();
    for at in 0..out.len() {
        // `hh:mm:ss`
        if let Some([h1, h2, b':', m1, m2, b':', s1, s2]) = out.get(at..at + 8)
            && [h1, h2, m1, m2, s1, s2].iter().all(|b| b.is_ascii_digit())
        {
            let clock = format!("{:02}:{:02}:{:02}", rng.below(25), rng.below(61) % 60, rng.below(122) / 2)
                .into_bytes();
            out[at..at + 8].copy_from_slice(&clock);
        }
        // `.micros`
        if out[at] == b'.' && out.get(at + 1..at + 7).is_some_and(|m| m.iter().all(u8::is_ascii_digit)) {
            let micros = format!("{:06}", rng.below(1_000_000)).into_bytes();
            out[at + 1..at + 7].copy_from_slice(&micros);
            if at > 0 && out[at - 1].is_ascii_digit() && rng.below(2) == 0 {
                out[at - 1] = b'0' + rng.below(10) as u8;
            }
        }
    }
    out
}

/// Every envelope of the suite and of the list above, once each.
fn all_envelopes() -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    let mut out: Vec<Vec<u8>> = ENVELOPES.iter().map(|envelope| envelope.to_vec()).collect();
    for case in cases() {
        let Ok(entry) = parse(&case.line) else { continue };
        let start = (entry.packet.prefix.as_ptr() as usize).wrapping_sub(case.line.as_ptr() as usize);
        let Some(envelope) = case.line.get(..start) else { continue };
        let shape: Vec<u8> = envelope.iter().map(|b| if b.is_ascii_digit() { b'0' } else { *b }).collect();
        if seen.insert(shape) {
            out.push(envelope.to_vec());
        }
    }
    assert!(out.len() > 80, "{}", out.len());
    out
}

/// Every learned envelope meets every learned front: is `DROP` a host or a prefix?
#[test]
fn every_envelope_before_every_front() {
    let envelopes = all_envelopes();
    let mut rng = Rng::new(20_240_630);
    let mut run = Run::default();
    // A scanner keeps few envelopes: groups that fit, each envelope in several of them, in
    // which neighbours (that look alike) and strangers meet.
    let mut order: Vec<usize> = (0..envelopes.len()).collect();
    for round in 0..12 {
        if round > 0 {
            shuffle(&mut rng, &mut order);
        }
        for group in order.chunks(8) {
            // A scanner keeps no more than 1,024 fronts.
            let words: Vec<&[u8]> = (0..12).map(|_| WORDS[rng.below(WORDS.len())]).collect();
            let headers = [0, 7, rng.below(HEADERS.len()), rng.below(HEADERS.len())];
            let mut lines = Vec::new();
            for envelope in group {
                for word in &words {
                    for header in headers {
                        lines.push((*envelope, *word, header, rng.below(BODIES.len())));
                        lines.push((*envelope, *word, header, [0, 3, 5][rng.below(3)]));
                    }
                }
            }
            for _ in 0..4 {
                shuffle(&mut rng, &mut lines);
                for (envelope, word, header, body) in &lines {
                    let envelope = &envelopes[*envelope];
                    let envelope =
                        if rng.below(3) == 0 { envelope.clone() } else { ticked(&mut rng, envelope) };
                    run.line(&[&envelope[..], word, HEADERS[*header], BODIES[*body]].concat());
                }
            }
            run.forget();
        }
    }
    run.check("every envelope before every front", 30_000);
}

/// A word behind the host is a tag, but ulogd writes none: there it is the prefix. What ulogd
/// wrote must not teach a scan how to read the kernel's lines.
#[test]
fn what_ulogd_wrote_says_nothing_about_the_kernel() {
    let head =
        "kern.info: IN=eth0 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 SRC=10.0.0.1 DST=10.0.0.2 ";
    let kernel = "LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=758 DF PROTO=UDP SPT=1 DPT=2 LEN=40 ";
    let ulogd = "LEN=60 TOS=00 PREC=0x00 TTL=63 ID=758 DF PROTO=UDP SPT=1 DPT=2 LEN=40 MARK=0 ";
    let lines = [
        format!("[ 8486.974964] {head}{kernel}"),
        format!("Jun 30 06:06:13 fw1 {}{kernel}", head.trim_start_matches("kern.info: ")),
        format!("Jun 30 06:06:13 fw1 {head}{ulogd}"),
        format!("Jun 30 06:06:13 fw1 {head}{kernel}"),
    ];
    let mut run = Run::default();
    lines.iter().chain(&lines).for_each(|line| run.line(line.as_bytes()));
    run.check("a word in front of two writers' texts", 1);
}

/// Days, months and years pass, leap seconds and impossible hours among them, and the uptime
/// grows; then it starts again, and the host changes.
#[test]
fn clocks_run_over_every_border() {
    let mut run = Run::default();
    let months = ["Jan", "Feb", "Mar", "Jun", "Dec"];
    let mut uptime = 0u64;
    for host in ["gw", "a-much-longer-name.example.net", "10.0.0.1"] {
        for (number, month) in [1, 2, 3, 6, 12].iter().zip(months) {
            for day in [0, 1, 2, 9, 10, 28, 29, 30, 31, 32] {
                for hour in (0..25).chain([29, 30, 99]) {
                    for (minute, second) in
                        [(0, 0), (9, 59), (10, 9), (59, 59), (59, 60), (60, 0), (5, 61), (99, 99)]
                    {
                        uptime = if uptime > 1 << 50 { 0 } else { uptime * 9 / 8 + 1 };
                        let micros = uptime.wrapping_mul(0x9e37_79b9) % 1_000_000;
                        let message = [WORDS[1 + hour % 3], HEADERS[day % 2 * 7], BODIES[hour % 8]].concat();
                        let clock = format!("{hour:02}:{minute:02}:{second:02}");
                        for stamp in [
                            format!("{month} {day:2} {clock} {host} kernel: [{uptime:5}.{micros:06}] "),
                            format!("2024-{number:02}-{day:02}T{clock}.{micros:06}+02:00 {host} kernel: "),
                            format!("[Sun {month} {day:2} {clock} 2024] "),
                            format!("[{uptime:5}.{micros:06}] "),
                        ] {
                            run.line(&[stamp.as_bytes(), &message].concat());
                        }
                    }
                }
            }
        }
        run.forget();
    }
    run.check("clocks over every border", 50_000);
}

/// A line of another kind (the first of a file that begins in the middle of a line, somebody's
/// text) does not keep a scan from learning how all others begin.
#[test]
fn a_line_of_another_kind_does_no_harm() {
    let log: Vec<u8> =
        sample().split_inclusive(|byte| *byte == b'\n').take(2_000).flatten().copied().collect();
    let quick = |front: &[u8]| {
        let mut beside = Beside::new();
        let mut buffer = [front, &log].concat();
        beside.scan_padded(&mut buffer).unwrap();
        beside.count.quick
    };
    let alone = quick(b"");
    assert!(alone > 1_000, "{alone}");
    for envelope in ENVELOPES {
        for word in [&b""[..], b"DROP ", b"home-fw kernel: "] {
            let line = [envelope, word, HEADERS[0], BODIES[0], b"\n"].concat();
            let behind = quick(&line);
            assert!(behind + 10 > alone, "{behind} of {alone} behind {}", line.escape_ascii());
        }
    }
}

/// Kinds of lines that take turns: whatever they have in common, all of them are read quickly but
/// for the last log's fragments.
#[test]
fn lines_that_take_turns() {
    let udp = "PROTO=UDP SPT=5353 DPT=53 LEN=8 ";
    let body = |i: usize| {
        let (a, b) = (i / 251 % 256, i % 251);
        format!("SRC=203.{}.{a}.{b} DST=10.0.0.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 ", i % 240)
    };
    let mac = "MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 ";
    type Log<'a> = (&'a str, u64, &'a dyn Fn(usize) -> String);
    let logs: [Log<'_>; 5] = [
        ("beginnings of 24 bytes", 1, &|i| {
            let out = if i.is_multiple_of(2) { "" } else { "eth1" };
            format!("Jun 30 06:06:13 gw kernel: [UFW BLOCK] IN=eth0 OUT={out} {mac}{}{udp}", body(i))
        }),
        ("beginnings of 60 bytes", 1, &|i| {
            let prefix = "a prefix that goes on as long as people's prefixes do not go on";
            format!("Jun 30 06:06:13 gw kernel: {prefix} IN=eth{} OUT= {mac}{}{udp}", i % 7, body(i))
        }),
        ("short fronts", 1, &|i| format!("Jun 30 06:06:13 gw kernel: IN=ppp{} OUT= {}{udp}", i % 2, body(i))),
        ("short hosts without a tag", 1, &|i| {
            let host = if i % 5 < 2 { "gw" } else { "fw" };
            format!("Jun 30 06:06:13 {host} {:03}DROP IN=eth0 OUT= {mac}{}{udp}", i % 20, body(i))
        }),
        ("fragments, and then one of two", 2, &|i| {
            let (prefix, rest) = match i < 66 || i.is_multiple_of(2) {
                true => ("FRAGS", "FRAG:185 PROTO=17 "),
                false => ("DROP", udp),
            };
            format!("Jun 30 06:06:13 gw kernel: {prefix} IN=eth0 OUT= {}{rest}", body(i))
        }),
    ];
    for (what, one_of, line) in logs {
        let mut run = Run::default();
        (0..20_000).for_each(|i| run.line(line(i).as_bytes()));
        run.check(what, 20_000 / one_of - 300);
    }
}

/// More hosts, fronts and hardware addresses than a scanner keeps.
#[test]
fn more_than_a_scanner_keeps() {
    let mut run = Run::default();
    let mut rng = Rng::new(7);
    for i in 0..60_000 {
        let host = if rng.below(3) == 0 { rng.below(40) } else { i / 5_000 };
        let front = if rng.below(3) == 0 { rng.below(3_000) } else { rng.below(8) };
        let mac = if rng.below(8) == 0 { rng.below(256) } else { 7 };
        let header = format!(
            "Jun 30 06:06:{:02} host{host} kernel: [{:5}.000001] rule-{front} IN=eth{} OUT= \
             MAC=00:16:3e:5e:6c:{mac:02x}:fe:ff:ff:ff:ff:ff:08:00 ",
            rng.below(60),
            i / 7,
            front % 5
        );
        run.line(&[header.as_bytes(), BODIES[rng.below(8)]].concat());
    }
    run.check("more than a scanner keeps", 10_000);
}

/// Buffers as the fuzz target gets them; says that they do reach the quick path.
#[test]
fn changed_lines_of_the_suite() {
    let seeds = crate::mutate::seeds(&testkit::testdata("lines"));
    let mut rng = Rng::new(99);
    let mut run = Run::default();
    let mut buffer = Vec::new();
    for i in 0..60_000 {
        crate::mutate::buffer(&mut rng, &seeds, &mut buffer);
        buffer.split(|byte| *byte == b'\n').for_each(|line| run.line(line));
        if i % 4 == 0 {
            run.forget();
        }
    }
    run.check("changed lines of the suite", 20_000);
}

/// Gives a packet one of a few heads, and takes from it what the quick path leaves to the
/// grammar.
fn plain(packet: &mut Packet<'_>, kind: usize) {
    match &mut packet.datagram.network {
        Network::Ipv4(ip) => {
            ip.flags.reserved = false;
            ip.flags.more_fragments = false;
        }
        Network::Ipv6(_) => {}
        _ => return,
    }
    packet.prefix = WORDS[kind];
    packet.in_iface = b"eth0";
    packet.out_iface = [&b""[..], b"eth1"][kind % 2];
    (packet.phys_in, packet.phys_out, packet.tunnel) = (None, None, None);
    packet.link = [Link::None, Link::Raw(RawMac(b"00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00"))][kind % 2];
}

/// A few texts, and many packets that have them, behind envelopes whose clocks run.
fn packets_in_sequence(bytes: &[u8], count: &mut Count) -> Result<(), TestCaseError> {
    let mut source = Source::new(bytes);
    let texts: Vec<Texts> = (0..1 + source.below(3)).map(|_| Texts::draw(&mut source)).collect();
    let envelopes: Vec<&[u8]> = (0..1 + source.below(3)).map(|_| ENVELOPES[source.below(24)]).collect();
    let mut rng = Rng::new(u64::from(source.byte()));
    let mut buffer = Vec::new();
    for i in 0..24 {
        let mut packet = packet(&mut source, &texts[i % texts.len()]);
        if i % 4 > 0 {
            plain(&mut packet, i % 3);
        }
        let envelope = envelopes[rng.below(envelopes.len())];
        let text = emitted(&packet);
        // Twice, so that what was learned from it is used.
        for _ in 0..2 {
            buffer.extend_from_slice(&ticked(&mut rng, envelope));
            buffer.extend_from_slice(&text);
            buffer.push(b'\n');
        }
    }
    let mut beside = Beside::new();
    let result = beside.scan_padded(&mut buffer);
    *count += beside.count;
    prop_assert_eq!(result, Ok(()));
    Ok(())
}

#[test]
fn generated_packets() {
    let mut count = Count::default();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let counted = std::cell::RefCell::new(&mut count);
    runner
        .run(&prop::collection::vec(any::<u8>(), 0..1_500), |bytes| {
            packets_in_sequence(&bytes, &mut counted.borrow_mut())
        })
        .unwrap();
    let _ = writeln!(std::io::stdout(), "generated packets: {count}");
    assert!(count.quick > 20_000, "{count}");
}

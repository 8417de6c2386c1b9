//! `fwstat diff`: weeks made up with planted changes of twenty kinds, and what is told of a pair without any.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::*;

/// One packet of a week.
#[derive(Clone, Debug)]
struct Packet {
    /// Seconds from the beginning of the week.
    second: u64,
    source: [u8; 4],
    port: u16,
    prefix: &'static str,
}

const WEEK: u64 = 7 * 86_400;

/// A week's text.
fn text(mut packets: Vec<Packet>, week: u64) -> String {
    packets.sort_by_key(|packet| packet.second);
    let line = |packet: &Packet| {
        let second = packet.second + week * WEEK;
        let Packet { source: [a, b, c, d], port, prefix, .. } = packet;
        format!(
            "2026-06-{:02}T{:02}:{:02}:{:02}Z gw kernel: {prefix} IN=eth0 OUT= MAC= SRC={a}.{b}.{c}.{d} DST=192.0.2.9 LEN=60 \
             TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=40000 DPT={port} WINDOW=64240 RES=0x00 SYN URGP=0\n",
            1 + second / 86_400,
            second / 3_600 % 24,
            second / 60 % 60,
            second % 60
        )
    };
    packets.iter().map(line).collect()
}

/// A moment of a week: more by day than by night, and each day of a life of its own.
fn moment(random: &mut Random, days: &[u64; 7]) -> u64 {
    loop {
        let second = random.below(WEEK);
        let by_day = if (6..22).contains(&(second / 3_600 % 24)) { 100 } else { 60 };
        if random.below(100 * 120) < by_day * days[(second / 86_400) as usize] {
            return second;
        }
    }
}

/// What comes every week: known senders, of which each sends again what was not answered, and strangers.
fn background(random: &mut Random) -> Vec<Packet> {
    let ports = [23u16, 22, 445, 3389, 80, 8080, 5060, 1433, 6379, 5900, 2323, 8443];
    let mut packets = Vec::new();
    let days: [u64; 7] = std::array::from_fn(|_| 80 + random.below(40));
    let mut send =
        |random: &mut Random, source: [u8; 4], rate: u64, prefix: &'static str, port: Option<u16>| {
            let even = [100; 7];
            // Near the rate, as chance has it: the sum of many small ones.
            let count = (0..rate * 4).filter(|_| random.below(4) == 0).count();
            for _ in 0..count {
                let port = port.unwrap_or(ports[(random.below(12) * random.below(12) / 11) as usize % 12]);
                let second = moment(random, if rate > 100 { &days } else { &even });
                let times = if random.below(6) == 0 { 2 } else { 1 };
                for again in 0..times {
                    let second = (second + again * 3).min(WEEK - 1);
                    packets.push(Packet { second, source, port, prefix });
                }
            }
        };
    let prefixes = ["tcp.in.dropped", "in.dropped", "fwd.dropped", "tcp.in.dropped"];
    for n in 0..300u64 {
        let source = [20, (n % 200) as u8, (n * 7 % 250) as u8, 9];
        send(random, source, 2 + 1_500 / (n + 3), prefixes[(n % 4) as usize], None);
    }
    for n in 0..12u8 {
        send(random, [30, n, 1, 1], 6 + u64::from(n) * 2, "tcp.in.foreign", Some(22));
    }
    for _ in 0..900 {
        let part = |random: &mut Random| 1 + random.below(250) as u8;
        let source = [60 + part(random) / 2, part(random), part(random), part(random)];
        let rate = 1 + random.below(3);
        send(random, source, rate, "in.dropped", None);
    }
    packets
}

/// The twenty kinds: in which table, what becomes of it, the key as it is printed.
fn planted(random: &mut Random, weeks: &mut [Vec<Packet>; 2]) -> Vec<(&'static str, &'static str, String)> {
    let ports = [23u16, 22, 445, 3389, 80];
    let mut kinds = Vec::new();
    let mut send = |random: &mut Random, of: &str, counts: [u64; 2], of_key: u8| {
        for (week, count) in weeks.iter_mut().zip(counts) {
            for n in 0..count {
                let (second, usual) = (random.below(WEEK), ports[random.below(5) as usize]);
                let stranger =
                    [170 + random.below(40) as u8, random.below(250) as u8, random.below(250) as u8, 7];
                let packet = |source, port, prefix| Packet { second, source, port, prefix };
                week.push(match of {
                    "sources" => packet([50, of_key, 1, 1], usual, "in.dropped"),
                    "networks" => packet([51, of_key, 1, 1 + (n % 240) as u8], usual, "in.dropped"),
                    "ports" => packet(stranger, 7_000 + u16::from(of_key), "in.dropped"),
                    "prefixes" => packet(
                        stranger,
                        usual,
                        ["new.rule", "old.rule", "risen.rule", "fallen.rule"][of_key as usize],
                    ),
                    _ => packet([52, of_key, 1, 1], 22, "tcp.in.foreign"),
                });
            }
        }
    };
    for of in ["sources", "networks", "ports", "prefixes", "near hits"] {
        for (key, change) in ["new", "gone", "risen", "fallen"].into_iter().enumerate() {
            let (few, many) = (35 + random.below(20), 120 + random.below(60));
            let counts = match change {
                "new" => [0, few],
                "gone" => [few, 0],
                "risen" => [few, many],
                _ => [many, few],
            };
            send(random, of, counts, key as u8);
            let name = match of {
                "sources" => format!("50.{key}.1.1"),
                "networks" => format!("51.{key}.1.0/24"),
                "ports" => format!("{} TCP", 7_000 + key),
                "prefixes" => ["new.rule", "old.rule", "risen.rule", "fallen.rule"][key].to_owned(),
                _ => format!("52.{key}.1.1 22 TCP"),
            };
            kinds.push((of, change, name));
        }
    }
    kinds
}

/// What is told of two inputs: table, change, key.
fn told(arguments: &[&str]) -> BTreeSet<(String, String, String)> {
    let ran = run(&[&["diff", "--utc", "-n", "0", "--format", "tsv"], arguments].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[0].to_owned(), cells[1].to_owned(), cells[3].to_owned())
    };
    ran.out.lines().skip(1).map(row).collect()
}

/// A change follows from a planted one: the network of a source, the source of a near hit.
fn follows(of: &str, key: &str) -> bool {
    let planted = |start: &str| key.starts_with(start);
    match of {
        "sources" | "networks" => planted("50.") || planted("51.") || planted("52."),
        _ => false,
    }
}

/// `FWSTAT_TEST_WEEKS` pairs of weeks; 3 if it is not set.
#[test]
fn planted_changes_are_told_and_hardly_anything_else() {
    let weeks = std::env::var("FWSTAT_TEST_WEEKS").ok().and_then(|text| text.parse().ok()).unwrap_or(3u64);
    let folder = Folder::new();
    let (mut missed, mut alarms) = (BTreeMap::new(), Vec::new());
    for seed in 0..weeks {
        let mut random = Random(1_000 + seed);
        let mut pair = [background(&mut random), background(&mut random)];
        let kinds = planted(&mut random, &mut pair);
        let [first, second] = pair;
        let (a, b) = (folder.write("a.log", text(first, 0)), folder.write("b.log", text(second, 1)));
        let states = [folder.path("a.state"), folder.path("b.state")];
        for (log, state) in [(&a, &states[0]), (&b, &states[1])] {
            let _ = std::fs::remove_file(state);
            assert_eq!(run(&["--utc", "-q", "--state", state, log]).code, 0);
        }
        for inputs in [[&a, &b], [&states[0], &states[1]]] {
            let told = told(&[inputs[0], inputs[1]]);
            let mut found = 0;
            for (of, change, key) in &kinds {
                let is_told = told.contains(&((*of).to_owned(), (*change).to_owned(), key.clone()));
                found += u32::from(is_told);
                if !is_told {
                    *missed.entry(format!("{of} {change}")).or_insert(0) += 1;
                }
            }
            assert!(found >= 19, "seed {seed}: {found} of 20: {missed:?}");
            let is_planted =
                |of: &str, key: &str| kinds.iter().any(|(known, _, name)| *known == of && name == key);
            let false_alarms: Vec<_> =
                told.into_iter().filter(|(of, _, key)| !is_planted(of, key) && !follows(of, key)).collect();
            assert!(false_alarms.len() <= 1, "seed {seed}: {false_alarms:?}");
            alarms.extend(false_alarms);
        }
    }
    assert!(alarms.len() as u64 <= weeks, "{alarms:?}");
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{weeks} pairs of weeks, twice: missed {missed:?}, false alarms {alarms:?}")
        .unwrap();
}

#[test]
fn two_weeks_of_the_same_are_no_news_and_the_exit_code_says_so() {
    let folder = Folder::new();
    let mut random = Random(5);
    let (a, b) = (background(&mut random), background(&mut random));
    let (a, b) = (folder.write("a.log", text(a, 0)), folder.write("b.log", text(b, 1)));
    let quiet = run(&["diff", "--utc", "--exit-code", &a, &b]);
    assert_eq!(quiet.code, 0, "{}", quiet.out);
    assert!(quiet.out.contains("no change"), "{}", quiet.out);
    let mut weeks = [background(&mut random), background(&mut random)];
    planted(&mut random, &mut weeks);
    let [first, second] = weeks;
    let all = folder.write("all.log", text(first.clone(), 0) + &text(second.clone(), 1));
    let (a, b) = (folder.write("a.log", text(first, 0)), folder.write("b.log", text(second, 1)));
    assert_eq!(run(&["diff", "--utc", "--exit-code", &a, &b]).code, 1);
    assert_eq!(run(&["diff", "--utc", "--exit-code", "-q", &a, &b]).code, 1);
    assert_eq!(run(&["diff", "--utc", &a, &b]).code, 0);
    // One log, and one state, cut at midnight.
    let halves = told(&["--before", "2026-06-08", &all]);
    assert_eq!(halves, told(&[&a, &b]));
    let state = folder.path("all.state");
    assert_eq!(run(&["--utc", "-q", "--state", &state, &all]).code, 0);
    let of_state = told(&["--before", "2026-06-08", &state]);
    let missing = halves.symmetric_difference(&of_state).count();
    assert!(missing <= 2, "{halves:?} {of_state:?}");
    for arguments in [
        &["diff", &a][..],
        &["diff", &a, &b, "--before", "today"],
        &["diff", "--before", "2026-06-08 06:00", "--utc", &state],
    ] {
        assert_eq!(run(arguments).code, 2, "{arguments:?}");
    }
    // Every form has the same rows.
    let json = run(&["diff", "--utc", "-n", "0", "-j", &a, &b]).json();
    let rows: usize =
        json["tables"].as_array().unwrap().iter().map(|table| table["rows"].as_array().unwrap().len()).sum();
    for (form, before) in [("csv", 1), ("tsv", 1), ("markdown", 2)] {
        let out = run(&["diff", "--utc", "-n", "0", "--format", form, &a, &b]).out;
        assert_eq!(out.lines().count(), rows + before, "{form}");
    }
    let first = &json["tables"][0]["rows"][0];
    assert_eq!(first["change"], "new");
    assert!(first["first_seen"].as_str().unwrap() >= "2026-06-08T00:00:00", "{first}");
}

#[test]
fn prefix_cannot_forge_a_row() {
    let folder = Folder::new();
    let mut random = Random(5);
    let a = background(&mut random);
    let evil = "x\u{1b}]52;c;aGk=\u{7}\u{202e}|<b>,\"";
    let text_of = |packets: Vec<Packet>, week| text(packets, week).replace("new.rule", evil);
    let mut b = a.clone();
    b.extend((0..80).map(|n| Packet {
        second: n * 7_000,
        source: [9, 9, 9, 9],
        port: 23,
        prefix: "new.rule",
    }));
    let (a, b) = (folder.write("a.log", text_of(a, 0)), folder.write("b.log", text_of(b, 1)));
    for form in ["table", "plain", "json", "csv", "tsv", "markdown"] {
        let out = run(&["diff", "--utc", "--format", form, &a, &b]).out;
        assert!(out.contains("9.9.9.9") || form == "json", "{form}: {out}");
        assert!(
            !out.contains('\u{1b}') && !out.contains('\u{202e}') && !out.contains('\u{7}'),
            "{form}: {out}"
        );
    }
}

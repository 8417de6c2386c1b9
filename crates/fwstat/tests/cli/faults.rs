//! Lines that were once read wrongly: `testdata/faults/lines.jsonl`, each a kind.

use serde_json::Value;

use crate::support::{Folder, run, run_with};

/// A value that is written in two ways is one: times with their fraction's zeros.
fn same(expected: &Value, said: &Value) -> bool {
    let moment = |value: &Value| {
        let text = value.as_str()?.strip_suffix('Z')?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        Some((whole.to_owned(), fraction.trim_end_matches('0').to_owned()))
    };
    expected == said || matches!((moment(expected), moment(said)), (Some(a), Some(b)) if a == b)
}

#[test]
fn every_line_that_was_read_wrongly_is_read() {
    let cases = include_str!("../../../../testdata/faults/lines.jsonl");
    let folder = Folder::new();
    let mut failures = String::new();
    let mut tried = 0;
    for case in cases.lines() {
        let case: Value = serde_json::from_str(case).unwrap();
        let (name, text) = (case["name"].as_str().unwrap(), case["text"].as_str().unwrap());
        let arguments: Vec<&str> =
            case["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        let path = folder.write("case.log", text);
        tried += 1;
        if let Some(totals) = case.get("totals") {
            let ran = run(&[&["check", "--json", &path], &arguments[..]].concat());
            for (key, value) in totals.as_object().unwrap() {
                if ran.json()["totals"][key] != *value {
                    failures += &format!("{name}: {key}: {} for {value}\n", ran.json()["totals"][key]);
                }
            }
        }
        let Some(expected) = case.get("expect") else { continue };
        for ran in [
            run(&[&["export", &path], &arguments[..]].concat()),
            run_with(text.as_bytes(), &[&["export"], &arguments[..]].concat()),
        ] {
            let records: Vec<Value> =
                ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let expected = expected.as_array().unwrap();
            if records.len() != expected.len() {
                failures += &format!("{name}: {} records for {}\n", records.len(), expected.len());
                continue;
            }
            for (record, expected) in records.iter().zip(expected) {
                for (key, value) in expected.as_object().unwrap() {
                    let no_year = *key == "time" && record[key].is_null() && record["stamp"].is_string();
                    if !no_year && !same(value, &record[key]) {
                        failures += &format!("{name}: {key}: {} for {value}\n", record[key]);
                    }
                }
            }
        }
    }
    assert_eq!(tried, 24);
    assert!(failures.is_empty(), "{failures}");
}

const PACKET: &str = "IN=eth0 OUT= SRC=203.0.113.77 DST=10.137.0.16 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=7 DF \
                      PROTO=TCP SPT=56296 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ";

/// Every envelope through the whole program, in one file and through a pipe.
#[test]
fn every_envelope_says_what_it_says() {
    let cases: Vec<Value> = include_str!("../../../../testdata/envelopes/heads.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut failures = String::new();
    for case in &cases {
        let line = case["line"].as_str().unwrap();
        // What the JSON of ulogd and of several lines is, a file's beginning decides.
        let text = line.replace("PACKET", PACKET) + "\n";
        let ran = run_with(text.as_bytes(), &["export", "--utc", "--year", "2024"]);
        let Ok(record) = serde_json::from_str::<Value>(ran.out.trim()) else {
            failures += &format!("{line}: {}{}\n", ran.out, ran.err);
            continue;
        };
        for key in ["prefix", "time", "host", "tag", "uptime", "severity", "writer"] {
            let expected = match (key, &case[key]) {
                ("prefix", prefix) => Value::from(prefix.as_str().unwrap().trim()),
                ("uptime", Value::String(uptime)) => Value::from(uptime.parse::<f64>().unwrap()),
                ("writer", Value::Null) => Value::from("kernel"),
                (_, expected) => expected.clone(),
            };
            let said = &record[key];
            if !same(&expected, said) {
                failures += &format!("{line}\n  {key}: {said} for {expected}\n");
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn a_stamp_or_a_zone_that_is_not_understood_is_told() {
    let assumptions = |line: &str| {
        let ran = run_with(line.as_bytes(), &["check", "--json", "--utc", "--year", "2024"]);
        let all = ran.json()["assumptions"].as_array().unwrap().clone();
        all.iter().map(|one| (one["kind"].to_string(), one["lines"].to_string())).collect::<Vec<_>>()
    };
    let told = |kind: &str| vec![(format!("\"{kind}\""), "1".to_owned())];
    let json = |time: &str| format!("{{\"time\": {time}, \"message\": \"DROP {PACKET}\"}}\n");
    for time in ["\"12:13:52\"", "\"next week\"", "1.728044032e9", "\"04/10/2024 12:13:52\""] {
        assert_eq!(assumptions(&json(time)), told("time"), "{time}");
    }
    for stamp in [
        "2024-10-04 14:13:52 Europe/Berlin",
        "Fri 2024-10-04 14:13:52 XYZT",
        "2024-10-04 14:13:52 Asia/Tokyo",
    ] {
        assert_eq!(assumptions(&format!("{stamp} gw kernel: DROP {PACKET}\n")), told("zone"), "{stamp}");
    }
    for time in ["\"2024-10-04T12:13:52Z\"", "1728044032", "\"24/10/2024 12:13:52\""] {
        assert!(assumptions(&json(time)).is_empty(), "{time}");
    }
    // One of two dates, which its numbers do not tell.
    let log = format!("04/10/2024 12:13:52 gw kernel: DROP {PACKET}\n");
    assert_eq!(run_with(log.as_bytes(), &["check", "--json"]).json()["unread_envelopes"]["count"], 1);
}

#[test]
fn an_envelope_that_is_not_understood_is_told() {
    let heads: [fn(usize) -> String; 6] = [
        |i| format!("30;06;2024 06:06:{i:02} gw: DROP "),
        |i| format!("!{i} kernel: DROP "),
        |_| "(appliance) kernel: DROP ".to_owned(),
        |i| format!("appliance [  12.3456{i:02}] DROP "),
        |i| format!("appliance/{i} <4>DROP "),
        |i| format!("%%{i}%% DROP "),
    ];
    for head in heads {
        let log: String = (10..60).map(|i| format!("{}{PACKET}\n", head(i))).collect();
        let check = run_with(log.as_bytes(), &["check", "--json"]).json();
        let told = &check["unread_envelopes"];
        let shown = run_with(log.as_bytes(), &[]).out;
        if head(10).starts_with('%') {
            assert!(told.is_null(), "{check}");
            assert!(shown.contains("prefix of their own"), "{shown}");
            continue;
        }
        assert_eq!(told["count"], 50, "{check}");
        assert_eq!(told["first"]["line"], 1, "{check}");
        assert_eq!(told["example"], head(10), "{check}");
        assert!(shown.contains("envelope that was not understood"), "{shown}");
    }
    let log: String = (10..60)
        .map(|i| format!("Jun 30 06:06:{i} gw kernel: [UFW BLOCK] {PACKET}\nJun 30 06:06:{i} gw kernel: nf_ct_tcp: SEQ {i} {PACKET}\n"))
        .collect();
    let ran = run_with(log.as_bytes(), &[]);
    assert!(!ran.out.contains("envelope"), "{}", ran.out);
}

const ULOGD: &str = "{\"timestamp\": \"2026-09-28T18:52:30.943369-0300\", \"dvc\": \"Netfilter\", \"raw.pktlen\": 60, \
    \"oob.prefix\": \"forward-drop\", \"oob.time.sec\": 1790632350, \"oob.time.usec\": 943369, \"oob.mark\": 0, \
    \"oob.in\": \"eth2\", \"oob.out\": \"eth1\", \"oob.hook\": 2, \"oob.family\": 2, \"oob.protocol\": 2048, \
    \"ip.protocol\": 6, \"ip.tos\": 0, \"ip.ttl\": 63, \"ip.totlen\": 60, \"ip.ihl\": 5, \"ip.id\": 37733, \
    \"ip.fragoff\": 16384, \"src_ip\": \"198.51.100.20\", \"dest_ip\": \"203.0.113.30\", \"src_port\": 51234, \
    \"dest_port\": 5432, \"tcp.window\": 64240, \"tcp.syn\": 1}\n";

#[test]
fn streams_of_objects_find_their_feet_again() {
    let folder = Folder::new();
    let record = |pretty: bool| {
        let value = serde_json::json!({ "__REALTIME_TIMESTAMP": "1772409605000000", "_TRANSPORT": "kernel", "MESSAGE": format!("drop {PACKET}") });
        if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() }
    };
    let good = record(true) + "\n";
    let text = format!("Jun 30 06:06:13 gw kernel: drop {PACKET}\n");
    let array = |records: &[&str]| format!("[\n{}\n]\n", records.join(",\n"));
    let indented: String = record(true).lines().map(|line| format!("  {line}\n")).collect();
    let indented = indented.trim_end_matches('\n');
    let export = format!(
        "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1772409605000000\n_TRANSPORT=kernel\nMESSAGE=drop {PACKET}\n\n"
    );
    let dmesg = format!("[   12.345678] drop {PACKET}\n");
    let elastic = |count: usize, pretty: bool| {
        let hit = serde_json::json!({ "_index": "x", "_source": { "message": format!("drop {PACKET}") } });
        let answer =
            serde_json::json!({ "took": 1, "hits": { "total": 3, "hits": vec![hit; count] }, "x": [1] });
        if pretty { serde_json::to_string_pretty(&answer).unwrap() } else { answer.to_string() }
    };
    // The server's own answer, and what tools keep of it: the status last, or left out.
    let loki_of = |status: bool, pretty: bool| {
        let line = serde_json::json!(["1719720373123456789", format!("drop {PACKET}")]);
        let stream = |lines: usize| serde_json::json!({ "stream": { "host": "gw" }, "values": vec![line.clone(); lines] });
        let data = serde_json::json!({ "resultType": "streams", "result": [stream(2), stream(1)] });
        let answer = match status {
            true => serde_json::json!({ "status": "success", "data": data }),
            false => serde_json::json!({ "data": data }),
        };
        if pretty { serde_json::to_string_pretty(&answer).unwrap() } else { answer.to_string() }
    };
    let loki = |pretty: bool| loki_of(true, pretty);
    let cases = [
        ("an open quote", format!("{good}{{\n  \"MESSAGE\" : \"open\n{good}{good}"), 3),
        ("a lost bracket", format!("{good}{}\n{good}{good}", good.trim_end().trim_end_matches('}')), 3),
        ("text after", format!("{good}{good}{text}"), 3),
        ("text before", format!("{text}{good}{good}"), 3),
        ("an array", array(&[indented, indented, indented]), 3),
        ("a damaged array", array(&[indented, "  {\n    \"MESSAGE\": \"open\n  }", indented, indented]), 3),
        (
            "an export cut at both ends",
            format!("SAGE=x\n\n{export}{export}{export}__CURSOR=s=1\nMESS=a\n"),
            3,
        ),
        ("an export with text", format!("{export}{text}{export}"), 3),
        ("text, then an object", format!("{}{good}{good}", text.repeat(9)), 11),
        ("text, then an array", format!("{}{}", text.repeat(9), array(&[indented, indented, indented])), 12),
        ("text, then an export", format!("{}{export}{text}{export}", text.repeat(9)), 12),
        ("text, then ulogd", format!("{}{ULOGD}{text}{ULOGD}", text.repeat(9)), 12),
        ("dmesg, objects between", format!("{dmesg}{dmesg}{good}{dmesg}{dmesg}"), 5),
        ("Elastic's answer", elastic(3, false), 3),
        ("Elastic's answer, pretty", elastic(3, true), 3),
        ("Loki's answer", loki(false), 3),
        ("Loki's answer without its status", loki_of(false, false), 3),
        ("Loki's answer without its status, pretty", loki_of(false, true), 3),
        ("Loki's answer, pretty, and text", format!("{}\n{text}", loki(true)), 4),
        ("ulogd through jq -s", format!("[{},{}]\n", ULOGD.trim(), ULOGD.trim()), 2),
        ("a text log that begins like an array", format!("[{{ odd\n{text}{text}{text}"), 3),
    ];
    for (name, log, packets) in cases {
        let file = folder.write("log", &log);
        for ran in [run_with(log.as_bytes(), &["check", "--json"]), run(&["check", "--json", &file])] {
            assert_eq!(ran.json()["totals"]["packets"], packets, "{name}: {}{}", ran.out, ran.err);
        }
        let records = run(&["export", &file]).out.lines().count();
        assert_eq!(records, packets, "{name}");
    }
}

#[test]
fn an_envelope_that_the_user_describes_is_read() {
    // The head, the expression, and what it says: time, host, tag, uptime, prefix.
    type Case = (fn(usize) -> String, &'static str, [&'static str; 5]);
    let cases: [Case; 7] = [
        (
            |i| format!("30;06;2024 06:06:{i:02} gw: DROP "),
            r"(?<time>\S+ \S+) (?<host>\S+): ",
            ["2024-06-30T06:06:10Z", "gw", "", "", "DROP"],
        ),
        (
            |i| format!("<<gw|20240630T0606{i:02}Z|kernel>> DROP "),
            r"<<(?<host>\w+)\|(?<time>\w+)\|(?<tag>\w+)>> ",
            ["2024-06-30T06:06:10Z", "gw", "kernel", "", "DROP"],
        ),
        (
            |i| format!("!{i} kernel 12.3456{i:02} \"say\" "),
            r"!\d+ (?<tag>\w+) (?<uptime>[\d.]+) ",
            ["", "", "kernel", "12.345610", "\"say\""],
        ),
        (
            |i| format!("at Jun 30 06:06:{i:02} on gw - DROP - "),
            r"at (?<time>\w+ \d+ \S+) on (?<host>\S+) - (?<prefix>\w+ )",
            ["2024-06-30T06:06:10Z", "gw", "", "", "DROP"],
        ),
        (
            |i| format!("1719727573.{i} | gw | mallory | DROP "),
            r"(?<time>\S+) \| (?<host>\S+) \| (?<tag>\S+) \| ",
            ["2024-06-30T06:06:13.100Z", "gw", "mallory", "", "DROP"],
        ),
        (|i| format!("%%{i}%% DROP "), r"%%\d+%% (?<prefix>)", ["", "", "", "", ""]),
        (
            |i| format!("2024.06.30-06:06:{i:02}+0200 Jun 30 06:06:13 x kernel: "),
            r"(?<time>\S+) ",
            ["2024-06-30T04:06:10Z", "", "", "", "Jun 30 06:06:13 x kernel:"],
        ),
    ];
    let folder = Folder::new();
    for (head, expression, expected) in cases {
        let log: String = (10..60).map(|i| format!("{}{PACKET}\n", head(i))).collect();
        let file = folder.write("log", format!("nothing\n{log}"));
        let packed = folder.write("log.gz", crate::inputs::gzip(log.as_bytes()));
        for arguments in [&["-"][..], &[&file], &[&packed]] {
            let fixed = ["export", "--utc", "--year", "2024", "--envelope", expression];
            let ran = run_with(log.as_bytes(), &[&fixed[..], arguments].concat());
            let records: Vec<Value> =
                ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(records.len(), 50, "{expression}: {}", ran.err);
            let said = ["time", "host", "tag", "uptime", "prefix"].map(|key| match &records[0][key] {
                Value::String(text) => text.clone(),
                Value::Number(uptime) => format!("{:.6}", uptime.as_f64().unwrap()),
                _ => String::new(),
            });
            assert_eq!(said, expected, "{expression}");
            assert_eq!(records[0]["src"], "203.0.113.77");
        }
        let ran = run_with(log.as_bytes(), &["--utc", "--year", "2024", "--envelope", expression]);
        // The last expression leaves a head in the prefix, which is said.
        assert_eq!(ran.out.contains("not understood"), expected[4].contains("kernel:"), "{}", ran.out);
    }
    // A span of time is that of the stamps that were read.
    let log: String = (10..60).map(|i| format!("30;06;2024 06:06:{i} gw: DROP {PACKET}\n")).collect();
    let file = folder.write("span.log", log);
    let since = ["--utc", "-S", "2024-06-30 06:06:20", "-U", "2024-06-30 06:06:29", &file, "--envelope"];
    let ran = run(&[&["check", "-j"], &since[..], &[r"(?<time>\S+ \S+) (?<host>\S+): "]].concat());
    assert_eq!(ran.json()["totals"]["matched"], 10, "{}", ran.out);
    for wrong in ["(", "no group", "(?<when>.*)"] {
        let ran = run(&["check", "--envelope", wrong, &file]);
        assert!(ran.code == 2 && ran.err.contains("--envelope: "), "{wrong}: {}", ran.err);
    }
    // The note says what helps.
    assert!(run(&[&file]).out.contains("--envelope"));
}

#[test]
fn months_of_two_languages_are_told_by_the_others() {
    let log = |stamps: &[&str]| -> String {
        stamps.iter().map(|stamp| format!("{stamp} 06:06:13 gw kernel: DROP {PACKET}\n")).collect()
    };
    let folder = Folder::new();
    for (stamps, expected) in [
        (&["ruj 30", "lis  1"][..], &["2024-09-30", "2024-10-01"][..]),
        (&["paź 30", "lis  1"], &["2024-10-30", "2024-11-01"]),
        (&["lip 30", "srp  1", "kol 1"], &["2024-06-30", "2024-07-01", "2024-08-01"]),
        (&["čec 30", "srp  1", "zář 1"], &["2024-07-30", "2024-08-01", "2024-09-01"]),
        (&["lis  1", "gru  1"], &["2024-11-01", "2024-12-01"]),
        (&["lis  1", "stu  1", "pro 1"], &["2024-10-01", "2024-11-01", "2024-12-01"]),
        (&["lis  1"], &["2024-11-01"]),
        (&["srp  1"], &["2024-08-01"]),
    ] {
        let text = log(stamps);
        let file = folder.write("log", &text);
        let packed = folder.write("log.gz", crate::inputs::gzip(text.as_bytes()));
        for name in [&file[..], &packed, "-"] {
            let ran =
                run_with(text.as_bytes(), &["export", "--utc", "--year", "2024", "--fields", "time", name]);
            let times: Vec<String> = ran.out.lines().map(|line| line[9..19].to_owned()).collect();
            assert_eq!(times, expected, "{stamps:?} {name}: {}", ran.err);
            let check = run_with(text.as_bytes(), &["check", "-j", "--utc", "--year", "2024", name]).json();
            let told = check["assumptions"].to_string().contains("no other month here tells which");
            assert_eq!(told, stamps.len() == 1, "{check}");
        }
    }
}

#[test]
fn all_screens_count_alike_or_say_why() {
    let repeated = format!("Jun 30 06:06:14 gw kernel: message repeated 3 times: [ DROP {PACKET}]\n");
    let one = format!("Jun 30 06:06:13 gw kernel: DROP {PACKET}\n");
    let cut = format!("Jun 30 06:06:15 gw kernel: DROP {}\n", &PACKET[..90]);
    let folder = Folder::new();
    for (log, expected) in [
        (one.repeat(2), "2 lines (2 packets), "),
        (format!("{one}{repeated}x\n"), "3 lines (4 packets in 2 lines, 1 not a firewall line), "),
        (format!("{one}{repeated}{cut}x\n"), "4 lines (5 packets in 2 lines and 1 truncated one, 1 not"),
        (format!("{one}{cut}{cut}"), "3 lines (3 packets in 1 line and 2 truncated ones), "),
    ] {
        let file = folder.write("log", log);
        let shown = run(&[&file]).out;
        assert!(shown.replace('\n', " ").contains(expected), "{shown}");
        let check = run(&["check", "-j", &file]).json();
        let of = |key: &str| check["totals"][key].as_u64().unwrap();
        assert_eq!(of("matched"), of("packets") + of("cut") + of("repeats"));
    }
    // What is passed over is said.
    let many: String = (0..60_000u32)
        .map(|i| {
            let (hour, minute, second) = (i / 3600 % 24, i / 60 % 60, i % 60);
            format!("2024-06-30T{hour:02}:{minute:02}:{second:02}Z gw kernel: DROP {PACKET}\n")
        })
        .collect();
    let file = folder.write("long.log", many);
    let since = ["-S", "2024-06-30 16:00:00", "--utc", &file];
    let check = run(&[&["check", "-j"], &since[..]].concat()).json();
    let of = |key: &str| check["totals"][key].as_u64().unwrap();
    assert!(of("skipped") > 0, "{check}");
    assert_eq!(of("skipped") + of("lines"), 60_000);
    assert!(run(&since).out.contains("read of 60,000"), "{}", run(&since).out);
}

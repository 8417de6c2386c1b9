//! Lines that were once read wrongly: `testdata/faults/lines.jsonl`, each a kind.

use serde_json::Value;

use crate::support::{Folder, run, run_with};

/// What is not read yet: years and moments of stamps that are read in rarer forms.
const NOT_YET: [&str; 2] = ["dmesg -H", "quiet log, 14 months"];

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
        if NOT_YET.contains(&name) {
            continue;
        }
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

#[test]
fn an_envelope_that_is_not_understood_is_told() {
    let heads: [fn(usize) -> String; 6] = [
        |i| format!("30;06;2024 06:06:{i:02} gw: DROP "),
        |i| format!("!{i} kernel: DROP "),
        |_| "|appliance| kernel: DROP ".to_owned(),
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

#[test]
fn streams_of_objects_find_their_feet_again() {
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
        ("a text log that begins like an array", format!("[{{ odd\n{text}{text}{text}"), 3),
    ];
    for (name, log, packets) in cases {
        let check = run_with(log.as_bytes(), &["check", "--json"]);
        assert_eq!(check.json()["totals"]["packets"], packets, "{name}: {}{}", check.out, check.err);
    }
}

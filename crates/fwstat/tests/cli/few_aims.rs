//! `fwstat scans` where few things were asked for: whether the packets leave no doubt.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::scans::scans;
use crate::support::*;

/// Each log with what must be found in it.
fn cases() -> BTreeMap<String, Vec<Value>> {
    let folder = testkit::testdata("few-aims");
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let cases: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text).unwrap();
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    let logs = files.filter_map(|name| Some(name.to_str()?.strip_suffix(".log")?.to_owned()));
    assert_eq!(logs.collect::<BTreeSet<String>>(), cases.keys().cloned().collect());
    cases
}

fn file(name: &str) -> String {
    testkit::testdata("few-aims").join(format!("{name}.log")).to_string_lossy().into_owned()
}

#[test]
fn packets_that_no_system_sends_need_few_aims_and_others_are_none() {
    for (name, wanted) in cases() {
        let log = file(&name);
        let found = scans(&log, &["--line-numbers"]);
        let campaigns = found["campaigns"].as_array().unwrap();
        assert_eq!(campaigns.len(), wanted.len(), "{name}: {campaigns:?}");
        // Nothing is hidden either.
        assert_eq!(found["low_confidence_hidden"], 0, "{name}");
        let lines = std::fs::read_to_string(&log).unwrap().lines().count();
        for (campaign, wanted) in campaigns.iter().zip(&wanted) {
            for (key, value) in wanted.as_object().unwrap() {
                let own = if key == "sources" { "n_sources" } else { key.as_str() };
                assert_eq!(campaign[own], *value, "{name}: {key}: {campaign}");
            }
            // All of the log is the scan, and no source of it is anything else.
            assert_eq!(campaign["packets"], lines, "{name}: {campaign}");
            assert_eq!(campaign["line_numbers"], serde_json::json!([[1, lines]]), "{name}");
            assert_eq!(found["sources_below"], 0, "{name}");
        }
    }
}

#[test]
fn few_aims_are_the_same_for_any_threads_chunks_and_states() {
    let folder = Folder::new();
    let text: String = cases().keys().map(|name| std::fs::read_to_string(file(name)).unwrap()).collect();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let whole = folder.write("whole.log", lines.join("\n") + "\n");
    let wanted = scans(&whole, &[])["campaigns"].clone();
    assert_eq!(wanted.as_array().unwrap().len(), cases().values().map(Vec::len).sum::<usize>());
    for (threads, chunk) in [("1", "1000"), ("8", "1000"), ("3", "65536")] {
        let found = scans(&whole, &["--threads", threads, "--chunk-size", chunk]);
        assert_eq!(found["campaigns"], wanted, "{threads} {chunk}");
    }
    // Lines in turns: what belongs together is in all of the states.
    let mut parts = vec![String::new(); 3];
    lines.iter().enumerate().for_each(|(at, line)| parts[at % 3] += &format!("{line}\n"));
    let states: Vec<String> = (0..3).map(|at| folder.path(&format!("{at}.state"))).collect();
    for (at, part) in parts.iter().enumerate() {
        let log = folder.write(&format!("{at}.log"), part);
        assert!(run(&["scans", "-q", "--utc", "--year", "2026", "--state", &states[at], &log]).code < 2);
    }
    for order in [[0, 1, 2], [2, 0, 1], [1, 0, 2]] {
        let [first, second, last] = order.map(|at| states[at].as_str());
        assert_eq!(scans(last, &[first, second])["campaigns"], wanted, "{order:?}");
    }
}

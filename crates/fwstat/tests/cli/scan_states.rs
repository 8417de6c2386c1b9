//! Scans in states: always as if one run had read all of it.

use std::fs;

use crate::scans::{daily, probe, scans, unpacked};
use crate::support::*;

/// Keeps what sources asked for in a state.
fn keep(state: &str, files: &[&str]) {
    let ran = run(&[&["scans", "-q", "--utc", "--year", "2026", "--state", state], files].concat());
    assert!(ran.code < 2, "{}", ran.err);
}

#[test]
fn daily_states_in_any_order_are_the_whole_log() {
    for (log, least) in [("14-hard-small", 7), ("15-hard-distributed", 6)] {
        daily_states(log, least);
    }
}

fn daily_states(log: &str, least: usize) {
    let folder = Folder::new();
    let text = unpacked(&folder, log);
    let whole = folder.write("whole.log", &text);
    let wanted = scans(&whole, &["--all"]);
    assert!(wanted["campaigns"].as_array().unwrap().len() > 5);
    let days = daily(&folder, &text);
    assert!(days.len() >= least, "{}", days.len());
    let states: Vec<String> = days.iter().map(|day| format!("{day}.state")).collect();
    days.iter().zip(&states).for_each(|(day, state)| keep(state, &[day]));
    let merge = |to: &str, from: &[&str]| {
        let ran = run(&[&["merge", "--output", to], from].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        fs::read(to).unwrap()
    };
    let mut joined: Option<Vec<u8>> = None;
    for turn in 0..days.len().min(7) {
        let mut order: Vec<&str> = states.iter().map(String::as_str).collect();
        order.rotate_left(turn);
        if turn % 2 == 1 {
            order.reverse();
        }
        let (last, others) = order.split_last().unwrap();
        let found = scans(last, &[&["--all"], others].concat());
        for part in ["campaigns", "sources_below", "answers", "others"] {
            assert_eq!(found[part], wanted[part], "{order:?}");
        }
        let bytes = merge(&folder.path("joined.state"), &order);
        assert!(joined.replace(bytes.clone()).is_none_or(|before| before == bytes), "{order:?}");
    }
    assert_eq!(scans(&folder.path("joined.state"), &["--all"])["campaigns"], wanted["campaigns"]);
    // Some days as logs, some as states; by network.
    let mixed = in_turns(&days, &states);
    let (last, others) = mixed.split_last().unwrap();
    assert_eq!(scans(last, &[&["--all"], others].concat())["campaigns"], wanted["campaigns"]);
    let by_network = scans(last, &[&["--all", "--by", "network"], others].concat());
    assert_eq!(by_network["campaigns"], scans(&whole, &["--all", "--by", "network"])["campaigns"]);
}

#[test]
fn a_state_goes_on_and_says_what_it_holds() {
    let folder = Folder::new();
    let first: String = (1..20).map(|port| probe(u32::from(port) * 60, "203.0.113.9", port)).collect();
    let more: String = (20..60).map(|port| probe(u32::from(port) * 60, "203.0.113.9", port)).collect();
    let (file, state) = (folder.write("kern.log", &first), folder.path("state"));
    keep(&state, &[&file]);
    folder.write("kern.log", first + &more);
    keep(&state, &[&file]);
    let found = scans(&state, &[]);
    assert_eq!(found["campaigns"].as_array().unwrap().len(), 1);
    assert_eq!((&found["campaigns"][0]["aims"], &found["campaigns"][0]["slow"]), (&59.into(), &false.into()));
    // It has the counts of any other state as well, and whatever counts on from it counts all of them.
    let whole = folder.write("whole.log", fs::read_to_string(&file).unwrap());
    for question in [&["top", "-j"][..], &["-j"], &["timeline", "-j"]] {
        let asked = |file: &str| {
            run(&[question, &["--utc", "--year", "2026", file]].concat()).json()["totals"].clone()
        };
        assert_eq!(asked(&state), asked(&whole), "{question:?}");
    }
    assert_eq!(run(&["-q", "--utc", "--year", "2026", "--state", &state, &file]).code, 0);
    assert_eq!(scans(&state, &[])["campaigns"], found["campaigns"]);
    let ran = run(&["top", "--by", "flags", &state]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("scans"), "{}", ran.err);
    let counts = folder.path("counts");
    assert_eq!(run(&["--state", &counts, "-q", &file]).code, 0);
    let ran = run(&["scans", &counts]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("does not hold the answer to `scans`"), "{}", ran.err);
    assert!(ran.err.contains("`fwstat scans --state`"), "{}", ran.err);
    assert_eq!(run(&["scans", "-j", "--line-numbers", &state]).code, 2);
}

#[test]
fn new_campaigns_are_a_difference() {
    let folder = Folder::new();
    let scan = |source: &str, from: u32| -> String {
        (1..30).map(|port| probe(from + u32::from(port), source, port)).collect()
    };
    // One that began before goes on; one is over; one is new.
    let before = scan("203.0.113.1", 100) + &scan("203.0.113.2", 3_000);
    let goes_on: String = (30..60).map(|port| probe(3_100 + u32::from(port), "203.0.113.2", port)).collect();
    let after = goes_on + &scan("203.0.113.3", 5_000);
    let whole = folder.write("whole.log", before.clone() + &after);
    let files = [folder.write("before.log", before), folder.write("after.log", after)];
    let states = files.clone().map(|file| format!("{file}.state"));
    for (file, state) in files.iter().zip(&states) {
        keep(state, &[file]);
    }
    let new = |arguments: &[&str]| {
        let ran = run(&[&["diff", "-j", "--utc"], arguments].concat());
        assert!(ran.code < 2, "{}", ran.err);
        let campaigns = ran.json()["new_campaigns"].clone();
        assert_eq!(campaigns["count"], 1, "{arguments:?}: {campaigns}");
        campaigns["rows"][0]["sources"][0].as_str().unwrap().to_owned()
    };
    assert_eq!(new(&[&files[0], &files[1]]), "203.0.113.3");
    assert_eq!(new(&["--before", "2026-03-02 00:52:10", &whole]), "203.0.113.3");
    let table = run(&["diff", "--utc", &files[0], &files[1]]).out;
    assert!(table.contains("scans: 1 new campaign\n"), "{table}");
    // So do states, with their counts; what has no scans has no campaigns.
    assert_eq!(new(&[&states[0], &states[1]]), "203.0.113.3");
    let counts = folder.path("counts");
    assert_eq!(run(&["--utc", "--year", "2026", "--state", &counts, "-q", &files[1]]).code, 0);
    let ran = run(&["diff", "-j", "--utc", &states[0], &counts]);
    assert!(ran.code < 2 && ran.json()["new_campaigns"].is_null(), "{}", ran.err);
}

/// One state is split at a midnight.
#[test]
fn new_campaigns_of_one_state_began_after_a_day() {
    let folder = Folder::new();
    let scan =
        |source: &str| -> String { (1..30).map(|port| probe(u32::from(port), source, port)).collect() };
    let next_day = scan("203.0.113.2").replace("2026-03-02T", "2026-03-03T");
    let file = folder.write("kern.log", scan("203.0.113.1") + &next_day);
    let state = folder.path("state");
    keep(&state, &[&file]);
    let ran = run(&["diff", "-j", "--utc", "--before", "2026-03-03", &state]);
    assert!(ran.code < 2, "{}", ran.err);
    assert_eq!(ran.json()["new_campaigns"]["count"], 1);
    assert_eq!(ran.json()["new_campaigns"]["rows"][0]["sources"][0], "203.0.113.2");
    let ran = run(&["diff", "--utc", "--before", "2026-03-02 12:00", &state]);
    assert!(ran.code == 2 && ran.err.contains("name a midnight"), "{}", ran.err);
}

//! Rules that `fwstat watch` suggests: taken on a terminal, as `fwstat suggest` has them.

use crate::support::*;
use crate::tmux::Tmux;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fwstat");

/// Lines that remain, as the headline says.
fn remaining(screen: &str) -> Option<u64> {
    let line = screen.lines().find(|line| line.contains(" lines, ") && line.contains(" rules"))?;
    line.split(" lines, ").nth(1)?.split(' ').next()?.replace(',', "").parse().ok()
}

#[test]
fn a_rule_is_taken_and_what_remains_falls() {
    let folder = Folder::new();
    std::fs::copy(testkit::testdata("sample/kern.log"), folder.path("kern.log")).unwrap();
    let rules = testkit::testdata("sample/guide.rules");
    let rules = rules.to_str().unwrap();
    let log = folder.path("kern.log");
    let document = run(&["suggest", "--json", "--utc", "--rules", rules, &log]).json();
    let all = document["totals"]["matched"].as_u64().unwrap();
    let command =
        format!("{PROGRAM} watch --no-config --utc --rules {rules} kern.log; echo code $?; sleep 60");
    let Some(screen) = Tmux::start(&folder, (120, 40), &command) else { return };
    screen.wait("panels", |shown| shown.contains("2 network") && shown.contains("LIVE"));
    screen.keys(&["S"]);
    screen.wait("rules", |shown| shown.contains("[ ]") && shown.contains("$ fwstat suggest --rules"));
    let shown = screen.wait_for("[ ]");
    let before = remaining(&shown).unwrap();
    assert!(before <= all && before > 0, "{shown}");
    // Each falls further.
    screen.keys(&["Space"]);
    screen.wait("one", |shown| {
        shown.contains("with 1 of") && remaining(shown).is_some_and(|left| left < before)
    });
    let one = remaining(&screen.wait_for("[x]")).unwrap();
    screen.keys(&["j", "Space"]);
    screen
        .wait("two", |shown| shown.contains("with 2 of") && remaining(shown).is_some_and(|left| left < one));
    let two = remaining(&screen.wait_for("with 2 of")).unwrap();
    screen.keys(&["k", "Enter"]);
    screen.wait("its lines", |shown| {
        shown.contains("a rule, and lines that it takes") && shown.contains("SRC=")
    });
    screen.keys(&["q", "W", "Enter"]);
    screen.wait("written", |shown| shown.contains("written: silence.sh, 2 rules; nothing was executed"));
    // It is not written over.
    screen.keys(&["W", "Enter"]);
    screen.wait("no file is lost", |shown| shown.contains("exists"));
    screen.keys(&["q", "q"]);
    screen.wait_for("code 0");
    let script = std::fs::read_to_string(folder.path("silence.sh")).unwrap();
    let commands: Vec<&str> = script.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(commands.iter().filter(|line| line.contains("-j DROP")).count(), 2, "{script}");
    // What `fwstat replay` says of this script is the same.
    let script = folder.path("silence.sh");
    let replayed = run(&["replay", "--utc", "--json", "--rules", rules, "--rules", &script, &log]).json();
    let what_if = &replayed["what_if"];
    let silenced: u64 =
        what_if["added"].as_array().unwrap().iter().map(|rule| rule["more"].as_u64().unwrap()).sum();
    assert_eq!(what_if["before"]["remaining"].as_u64().unwrap() - silenced, two, "{what_if}");
}

#[test]
fn what_cannot_be_suggested_is_said() {
    let folder = Folder::new();
    std::fs::copy(testkit::testdata("sample/kern.log"), folder.path("kern.log")).unwrap();
    let command = format!("cat kern.log | {PROGRAM} watch --no-config --utc; echo code $?; sleep 60");
    let Some(screen) = Tmux::start(&folder, (100, 30), &command) else { return };
    screen.wait("panels", |shown| shown.contains("2 network"));
    screen.keys(&["S"]);
    screen.wait("why", |shown| shown.contains("a pipe can be read only once"));
    screen.keys(&["Space", "W"]);
    screen.wait("none", |shown| shown.contains("no rule is taken"));
    screen.keys(&["q", "q"]);
    screen.wait_for("code 0");
}

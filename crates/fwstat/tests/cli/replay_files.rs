//! Rules of several files, what they would change, and the lines that remain.

use crate::support::*;

fn sample() -> (String, String) {
    let path = |name: &str| testkit::testdata(name).to_string_lossy().into_owned();
    (path("sample/kern.log"), path("sample/guide.rules"))
}

fn of_2026(arguments: &[&str]) -> Ran {
    finish(program().args(arguments).args(["--year", "2026"]))
}

/// The numbers that `--json` has for lines.
fn numbers(json: &serde_json::Value) -> [u64; 3] {
    ["remaining", "removed", "unknown"].map(|name| json[name].as_u64().unwrap())
}

#[test]
fn what_if_is_answered_first() {
    let (log, rules) = sample();
    let first = |rule: &str| {
        let ran = of_2026(&["replay", "--add", rule, &rules, &log]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out.lines().nth(3).unwrap().to_owned()
    };
    // What grep counts.
    let text = std::fs::read_to_string(&log).unwrap();
    let udp_138 =
        text.lines().filter(|line| line.contains("PROTO=UDP") && line.contains(" DPT=138 ")).count();
    let repeated: usize = text
        .lines()
        .filter(|line| line.contains("message repeated") && line.contains(" DPT=138 "))
        .map(|line| {
            line.split("repeated ").nth(1).unwrap().split(' ').next().unwrap().parse::<usize>().unwrap() - 1
        })
        .sum();
    let lines = udp_138 + repeated;
    assert_eq!(
        first("iptables -A MALICIOUS -p udp --dport 138 -j DROP").split(" (9").next().unwrap(),
        format!("MALICIOUS 5 (new) would take {lines} more lines")
    );
    let none = first("iptables -A MALICIOUS -p tcp --dport 138 -j DROP");
    let words = format!("MALICIOUS 5 (new) takes none: {lines} lines have udp 138, the rule says tcp");
    assert!(none.starts_with(&words), "{none}");
    assert!(
        first("iptables -A MALICIOUS -p udp --dport 9 -j DROP")
            .contains("takes none: no line of this log fits it")
    );
    let json =
        of_2026(&["replay", "-j", "--add", "-A MALICIOUS -p udp --dport 138 -j DROP", &rules, &log]).json();
    assert_eq!(json["what_if"]["added"][0]["more"].as_u64(), Some(lines as u64));
    let before = numbers(&json["what_if"]["before"]);
    let after = numbers(&json);
    assert_eq!(before.iter().sum::<u64>(), after.iter().sum::<u64>());
    assert_eq!(after[1], before[1] + lines as u64);
}

/// Both numbers are those that the two ways of asking give on their own.
#[test]
fn both_numbers_come_first() {
    let (log, rules) = sample();
    let plain = of_2026(&["replay", "-j", &rules, &log]).json();
    let written = of_2026(&["replay", "-j", "--written-by", &rules, &rules, &log]).json();
    assert_eq!(numbers(&plain["if_written_by_rules"]), numbers(&written));
    assert!(written.get("if_written_by_rules").is_none());
    let ran = of_2026(&["replay", &rules, &log]);
    let [remaining, ..] = numbers(&plain);
    let [then, _, unknown] = numbers(&written);
    let hang = numbers(&plain)[2] - unknown;
    let grouped = fwlog::text::grouped;
    let words = format!(
        "{} still logged for certain; {} still logged if these rules wrote the log: {} lines hang on that",
        grouped(remaining),
        grouped(then),
        grouped(hang)
    );
    assert_eq!(ran.out.lines().nth(3).unwrap(), words);
    // --print takes what is certain.
    let printed = of_2026(&["replay", "--print", "remaining", &rules, &log]);
    assert_eq!(printed.out.lines().count() as u64, remaining);
}

/// What was suggested, put into the ruleset in each form, silences what the suggestion says.
#[test]
fn what_was_suggested_can_be_replayed_in_each_form() {
    let (log, rules) = sample();
    let folder = Folder::new();
    let suggest =
        |more: &[&str]| of_2026(&[&["suggest", "--rules", &rules], more, &[log.as_str()]].concat()).out;
    let mut all = Vec::new();
    for (name, more) in [
        ("script", &[][..]),
        ("folded", &["--width", "60"]),
        ("once", &["--idempotent"]),
        ("restore", &["--format", "restore"]),
        ("nft", &["--format", "nft"]),
    ] {
        let file = folder.write(name, suggest(more));
        let json = of_2026(&["replay", "-j", "--rules", &rules, "--rules", &file, &log]).json();
        all.push((name, numbers(&json), json["what_if"]["before"].clone()));
    }
    assert!(all.windows(2).all(|two| (two[0].1, &two[0].2) == (two[1].1, &two[1].2)), "{all:?}");
    let silenced = suggest(&["-j"]);
    let silenced: serde_json::Value = serde_json::from_str(&silenced).unwrap();
    let sum: u64 = silenced["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule["action"] == "DROP")
        .map(|rule| rule["lines"].as_u64().unwrap())
        .sum();
    let gone = all[0].1[1] - all[0].2["removed"].as_u64().unwrap();
    // Suggest leaves out what is no evidence: truncated and repeated lines.
    assert!(gone >= sum && gone - sum < 12, "{gone} {sum}");
    // Taken away again, all is as it was.
    let (script, undo) = (folder.path("script"), folder.write("undo", suggest(&["--undo"])));
    let json =
        of_2026(&["replay", "-j", "--rules", &rules, "--rules", &script, "--rules", &undo, &log]).json();
    assert_eq!(numbers(&json), numbers(&json["what_if"]["before"]));
}

/// The lines that suggest prints are as many as it says, and each line is in one of the parts.
#[test]
fn suggest_prints_what_remains_and_what_it_removes() {
    let (log, rules) = sample();
    let folder = Folder::new();
    // Without lines that count for several.
    let text = std::fs::read_to_string(&log).unwrap();
    let plain: String = text
        .lines()
        .filter(|line| !line.contains("message repeated"))
        .map(|line| format!("{line}\n"))
        .collect();
    let file = folder.write("kern.log", &plain);
    let with = |more: &[&str], threads: &str| {
        of_2026(
            &[
                &["suggest", "--rules", &rules, "--threads", threads, "--chunk-size", "9000"],
                more,
                &[file.as_str()],
            ]
            .concat(),
        )
    };
    let json = with(&["-j"], "1").json();
    let drops = |of: &serde_json::Value| of["action"] == "DROP";
    let silenced: u64 = json["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| drops(rule))
        .map(|rule| rule["lines"].as_u64().unwrap())
        .sum();
    let removed = with(&["--print", "removed"], "3");
    let remaining = with(&["--print", "remaining"], "3");
    assert_eq!((removed.code, remaining.code), (0, 0), "{}{}", removed.err, remaining.err);
    assert_eq!(removed.out.lines().count() as u64, silenced);
    let summary = with(&[], "1").out;
    let left = format!("; {} remain.", fwlog::text::grouped(remaining.out.lines().count() as u64));
    assert!(summary.contains(&left), "{left} {summary}");
    // In the order of the log, each line once.
    let mut parts = [removed.out.lines().peekable(), remaining.out.lines().peekable()];
    let found =
        plain.lines().filter(|line| parts.iter_mut().any(|part| part.next_if_eq(line).is_some())).count();
    assert_eq!(found as u64, silenced + remaining.out.lines().count() as u64);
    assert!(parts.iter_mut().all(|part| part.next().is_none()));
    assert_eq!(with(&["--print", "remaining"], "1").out, remaining.out);
    // As a filter for the rest of the program.
    assert!(run_with(remaining.out.as_bytes(), &["top", "-"]).out.contains("tcp.in.foreign"));
}

#[test]
fn later_files_that_do_not_fit_are_errors() {
    let (log, rules) = sample();
    let folder = Folder::new();
    for (text, said) in [
        ("iptables -A NOSUCH -j DROP\n", "NOSUCH"),
        ("ip6tables -A INPUT -j DROP\n", "IPv6"),
        ("iptables -A INPUT -j DROP\nrm -rf /\n", "rm -rf /"),
    ] {
        let file = folder.write("later", text);
        let ran = run(&["replay", "--rules", &rules, "--rules", &file, &log]);
        assert!(ran.code == 2 && ran.out.is_empty() && ran.err.contains(said), "{text}: {}", ran.err);
    }
}

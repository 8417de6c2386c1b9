//! The manual: its pages have no fault, its texts are true, its commands run.

use crate::support::*;

const PAGES: [&str; 14] = [
    "man",
    "man-top",
    "man-timeline",
    "man-scans",
    "man-diff",
    "man-merge",
    "man-check",
    "man-lines",
    "man-export",
    "man-replay",
    "man-explain",
    "man-suggest",
    "man-report",
    "man-anonymise",
];

/// A topic's text as it is in the source.
fn topic(name: &str) -> String {
    std::fs::read_to_string(format!("{}/src/manual/topics/{name}.md", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What is between backticks in the first column of a topic's table.
fn terms(name: &str) -> Vec<String> {
    let rows = topic(name);
    let first = rows.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    first
        .flat_map(|cell| cell.split('`').step_by(2).map(ToOwned::to_owned).collect::<Vec<_>>())
        .filter(|term| !term.is_empty())
        .collect()
}

#[test]
fn every_page_is_sound() {
    let folder = Folder::new();
    let (mandoc, groff) = (has("mandoc"), has("groff"));
    for (program, there) in [("mandoc", mandoc), ("groff", groff)] {
        if !there {
            skipped(&format!("{program} is not there"));
        }
    }
    for page in PAGES {
        let text = run(&["--generate", page]).out;
        let file = folder.write(page, &text);
        if mandoc {
            assert_eq!(shell(&folder.0, &format!("mandoc -T lint -W warning {file} || true")), "", "{page}");
        }
        if groff {
            let check = format!("groff -man -ww -z -Tutf8 -Kutf8 {file} 2>&1 || true");
            assert_eq!(shell(&folder.0, &check), "", "{page}");
        }
        for section in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "\"EXIT STATUS\"", "\"SEE ALSO\""]
        {
            assert!(text.contains(&format!("\n.SH {section}\n")), "{page}: {section}");
        }
        // Each term has a text: of flags no value, of all a sentence.
        let lines: Vec<&str> = text.lines().collect();
        for at in (0..lines.len()).filter(|at| lines[*at] == ".TP") {
            let words = lines.get(at + 2).copied().unwrap_or_default();
            assert!(words.len() > 2 && !words.starts_with('.'), "{page}: {}: {words}", lines[at + 1]);
        }
        assert!(!text.contains("\\fIINTERACTIVE\\fR"), "{page}");
    }
    let man = run(&["--generate", "man"]).out;
    for section in ["COMMANDS", "FIELDS", "EXPRESSIONS", "TIMES", "SERVICES", "FILES", "ENVIRONMENT"] {
        assert!(man.contains(&format!("\n.SH {section}\n")), "{section}");
    }
}

#[test]
fn every_topic_is_printed() {
    let all = run(&["help"]).out;
    for name in ["fields", "where", "times", "cookbook", "services", "keys"] {
        let ran = run(&["help", name]);
        assert_eq!(ran.code, 0);
        assert!(all.contains(&format!("\n  {name} ")), "{all}");
        assert!(ran.out.lines().count() > 10 && !ran.out.contains('`'), "{}", ran.out);
        // Lines to copy are not folded.
        let prose = ran.out.lines().filter(|line| !line.starts_with("    "));
        assert!(prose.clone().all(|line| line.chars().count() <= 98), "{}", ran.out);
    }
    for command in ["top", "suggest"] {
        assert_eq!(run(&["help", command]).out, run(&[command, "--help"]).out);
    }
    let ran = run(&["help", "nothing"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("fields, where, times, cookbook"), "{}", ran.err);
}

#[test]
fn every_field_is_listed_and_can_be_asked() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(50, 60, 5));
    let listed = run(&["help", "fields"]).out;
    let names: Vec<&str> =
        listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    assert!(names.len() > 60, "{listed}");
    for name in &names {
        let ran = run(&["top", "--by", name, &log]);
        // Names and places are in files that the user names.
        let in_a_file = ran.code == 2 && ran.err.contains("is found in a file: --");
        assert!(ran.code == 0 || in_a_file, "{name}: {}", ran.err);
    }
    for line in run(&["export", &log]).out.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in record.as_object().unwrap().keys() {
            // `inner` holds the fields of the quoted packet.
            assert!(names.contains(&key.as_str()) || key == "inner", "{key}");
        }
    }
}

#[test]
fn every_expression_and_moment_of_the_manual_is_understood() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(50, 60, 5));
    let (mut expressions, mut moments) = (0, 0);
    for term in terms("where").iter().filter(|term| term.starts_with(|c: char| c.is_ascii_lowercase())) {
        let ran = run(&["top", "--where", term, &log]);
        assert!(ran.code < 2, "{term}: {}", ran.err);
        expressions += 1;
    }
    for term in terms("times") {
        let ran = run(&["top", "--now", "2026-07-01", "-S", &term, &log]);
        assert!(ran.code < 2, "{term}: {}", ran.err);
        moments += 1;
    }
    assert!(expressions >= 10 && moments >= 15, "{expressions} {moments}");
}

/// Lines that need another machine, a mail program or this machine's own logs are read, not run.
#[test]
fn every_command_of_the_cookbook_runs() {
    let folder = Folder::new();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/sample/");
    std::fs::copy(format!("{sample}kern.log"), folder.path("kern.log")).unwrap();
    std::fs::copy(format!("{sample}guide.rules"), folder.path("rules")).unwrap();
    shell(&folder.0, "gzip -k kern.log && mv kern.log.gz old.gz");
    let args = folder.write("args", "--year=2026\n");
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_fwstat")).parent().unwrap().display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let (mut ran, mut read) = (0, 0);
    for line in topic("cookbook").lines().filter_map(|line| line.strip_prefix("    ")) {
        let elsewhere = ["ssh ", "/var/log", "--journal", "iptables-", "--interactive", "fwstat  "];
        if elsewhere.iter().any(|word| line.contains(word)) || line.contains("jq") && !has("jq") {
            read += 1;
            continue;
        }
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", line]).current_dir(&folder.0).env("PATH", &path).env("FWSTAT_CONFIG_PATH", &args);
        let done = finish(shell.env("TZ", "UTC").stdin(std::process::Stdio::null()));
        assert!(done.code < 2, "{line}: {}", done.err);
        assert!(!done.err.contains("error"), "{line}: {}", done.err);
        ran += 1;
    }
    assert!(ran >= 18, "{ran} run, {read} read");
}

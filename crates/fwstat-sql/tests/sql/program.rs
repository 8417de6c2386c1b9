//! The program as a person has it: forms, messages, exit codes.

use std::process::{Command, Output, Stdio};

fn run(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fwstat-sql"))
        .args(["--no-config", "--utc", "--year=2026"])
        .args(words)
        .env("HOME", "/nowhere")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn sample() -> String {
    testkit::testdata("sample/kern.log").to_string_lossy().into_owned()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn forms_and_exit_codes() {
    let log = sample();
    let sql = "SELECT prefix, sum(n) AS packets FROM log GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2";
    let table = run(&[sql, &log]);
    assert_eq!(table.status.code(), Some(0), "{}", err(&table));
    let table = out(&table);
    assert!(table.starts_with("prefix") && table.lines().count() == 3, "{table}");
    let rows: Vec<Vec<String>> =
        table.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
    let csv = out(&run(&["--format=csv", sql, &log]));
    assert_eq!(csv, format!("prefix,packets\r\n{}\r\n{}\r\n", rows[0].join(","), rows[1].join(",")));
    let tsv = out(&run(&["--format=tsv", "-H", sql, &log]));
    assert_eq!(tsv, format!("{}\n{}\n", rows[0].join("\t"), rows[1].join("\t")));
    let json: serde_json::Value = serde_json::from_slice(&run(&["-j", sql, &log]).stdout).unwrap();
    assert_eq!(json[0]["prefix"], rows[0][0].as_str());
    assert_eq!(json[1]["packets"].to_string(), rows[1][1]);
    let ndjson = out(&run(&["--format=ndjson", sql, &log]));
    assert_eq!(ndjson.lines().count(), 2);
    assert!(
        out(&run(&["--format=markdown", sql, &log])).starts_with("| prefix | packets |\n| --- | ---: |\n")
    );
    let none = run(&["SELECT src FROM log WHERE prefix = 'no such'", &log]);
    assert_eq!((none.status.code(), err(&none)), (Some(1), String::new()));
    let missing = run(&["SELECT count(*) FROM log", &log, "/nowhere/x.log"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(err(&missing).contains("/nowhere/x.log: no such file"), "{}", err(&missing));
    assert!(out(&missing).lines().count() == 2, "{}", out(&missing));
}

#[test]
fn errors_say_where_and_what_was_meant() {
    let log = sample();
    for (sql, words) in [
        ("SELECT srcc FROM log", &["srcc", "`src`", "\n         ^"][..]),
        ("SELECT src FROM log WERE dpt = 22", &["dpt", "  SELECT src FROM log WERE dpt = 22\n", "^"]),
        ("SELECT src FROM logs", &["logs", "log and rest"]),
        ("SELECT cidr_match(src, '10.0.0.0/77') FROM log", &["`10.0.0.0/77` is no network"]),
        ("SELECT \u{1b}[31m FROM log", &["found: \\u{1b}"]),
    ] {
        let output = run(&[sql, &log]);
        let text = err(&output);
        assert_eq!(output.status.code(), Some(2), "{sql}: {text}");
        for word in words {
            assert!(text.contains(word), "{sql}: {text}");
        }
        for engine in
            ["SchemaError", "ParserError", "Error during planning", "Schema error", "DataFusion", "\u{1b}"]
        {
            assert!(!text.contains(engine), "{sql}: {text}");
        }
    }
}

#[test]
fn a_plan_is_told_in_words() {
    let text = out(&run(&[
        "--explain",
        "SELECT src, sum(n) FROM log WHERE prefix LIKE 'tcp%' GROUP BY 1",
        &sample(),
    ]));
    assert!(text.starts_with("Reads 1 file (930.9 KiB) in 1 piece"), "{text}");
    for words in
        ["Builds the columns src, n.", "Tests prefix LIKE tcp%, once for all lines that begin alike", "group"]
    {
        assert!(text.contains(words), "{text}");
    }
    let seen = out(&run(&["EXPLAIN ANALYZE SELECT count(*) FROM log", &sample()]));
    let lines = std::fs::read_to_string(sample()).unwrap().lines().count();
    assert!(seen.replace(['.', ' ', 'K'], "").contains("lines="), "{seen}");
    let count = out(&run(&[
        "--format=tsv",
        "-H",
        "SELECT (SELECT count(*) FROM log) + (SELECT count(*) FROM rest)",
        &sample(),
    ]));
    assert_eq!(count.trim(), lines.to_string());
}

#[test]
fn queries_come_from_files_and_standard_input() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("q.sql");
    std::fs::write(
        &path,
        "CREATE VIEW tcp AS SELECT * FROM log WHERE proto = 'TCP';\nSELECT count(*) AS tcp FROM tcp;",
    )
    .unwrap();
    let from_file = run(&["--format=tsv", "-f", path.to_str().unwrap(), &sample()]);
    assert_eq!(from_file.status.code(), Some(0), "{}", err(&from_file));
    let mut child = Command::new(env!("CARGO_BIN_EXE_fwstat-sql"))
        .args(["--format=tsv", &sample()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"SELECT count(*) AS tcp FROM log WHERE proto = 'TCP'").unwrap();
    let from_input = child.wait_with_output().unwrap();
    assert!(out(&from_file).ends_with(&out(&from_input)), "{} {}", out(&from_file), out(&from_input));
    // A log on standard input is one too; it is read once.
    let log = std::fs::File::open(sample()).unwrap();
    let piped = Command::new(env!("CARGO_BIN_EXE_fwstat-sql"))
        .args(["--format=tsv", "SELECT count(*) AS tcp FROM log WHERE proto = 'TCP'", "-"])
        .stdin(log)
        .output()
        .unwrap();
    assert_eq!(out(&piped), out(&from_input));
}

#[test]
fn queries_of_the_guide_and_of_the_help_can_be_done() {
    let guide = std::fs::read_to_string(testkit::repository().join("docs/src/engines.md")).unwrap();
    let help = out(&run(&["--help"]));
    let queries = |text: &str| -> Vec<String> {
        let parts = text.split("fwstat sql \"").skip(1);
        parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
    };
    let all = [queries(&guide), queries(&help)].concat();
    assert!(all.len() >= 7, "{all:?}");
    for sql in all {
        let ran = run(&[&sql, &sample()]);
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{sql}: {}", err(&ran));
    }
}

#[test]
fn words_in_the_wrong_place_are_told_with_the_right_command() {
    let log = sample();
    for (words, said) in [
        (
            &[&log, "SELECT src FROM log"][..],
            format!("the query comes before the files: fwstat sql \"SELECT src FROM log\" {log}"),
        ),
        (
            &["SELECT", "src", "FROM", "log", &log],
            format!("between quotes: fwstat sql \"SELECT src FROM log\" {log}"),
        ),
        (
            &["SELECT src FROM log", "lines", &log],
            format!("another command of fwstat, and no file: fwstat lines {log}"),
        ),
    ] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(err(&output).contains(&said), "{words:?}: {}", err(&output));
    }
}

#[test]
fn the_manual_has_every_option_and_shells_complete_them() {
    let page = out(&run(&["--generate", "man"])).replace("\\-", "-");
    assert!(page.contains(".TH FWSTAT-SQL 1"), "{page}");
    let help = out(&run(&["--help"]));
    let options =
        help.lines().filter_map(|line| line.trim_start().strip_prefix("--").or(line.split(", --").nth(1)));
    let mut count = 0;
    for option in options {
        let name = option.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap();
        count += 1;
        // Those that every command line has.
        assert!(page.contains(&format!("--{name}")) || ["help", "version"].contains(&name), "--{name}");
    }
    assert!(count > 40, "{count}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(out(&run(&["--generate", &format!("complete-{shell}")])).contains("fwstat-sql"), "{shell}");
    }
    // By its own name, and as a command of fwstat.
    for words in [&["fwstat-sql", "--memo"][..], &["fwstat", "sql", "--memo"]] {
        let asked = Command::new(env!("CARGO_BIN_EXE_fwstat-sql"))
            .env("COMPLETE", "fish")
            .arg("--")
            .args(words)
            .output()
            .unwrap();
        assert!(out(&asked).starts_with("--memory"), "{words:?}: {}", out(&asked));
    }
    let output = run(&["--generate", "man-top"]);
    assert_eq!(output.status.code(), Some(2));
}

//! `fwstat watch --every`: what is counted, written again and again for programs.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::*;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fwstat");

/// Waits until something is so.
fn until(why: &str, wanted: impl Fn() -> bool) {
    let started = Instant::now();
    while !wanted() {
        assert!(started.elapsed() < Duration::from_secs(30), "{why}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn watch(folder: &Folder, arguments: &[&str]) -> std::process::Child {
    let mut command = Command::new(PROGRAM);
    command.args(["watch", "--no-config", "--utc"]).args(arguments).current_dir(&folder.0);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn signalled(mut child: std::process::Child, signal: &str) -> Option<i32> {
    Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    child.wait().unwrap().code()
}

#[test]
fn documents_say_what_moved() {
    let folder = Folder::new();
    let text = std::fs::read_to_string(testkit::testdata("sample/kern.log")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    folder.write("kern.log", lines[..100].join("\n") + "\n");
    let child = watch(&folder, &["--every", "0.2s", "--output", "out", "kern.log"]);
    let documents = || -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(folder.path("out")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    until("the first", || documents().iter().any(|one| one["totals"]["lines"] == 100));
    let mut file = std::fs::OpenOptions::new().append(true).open(folder.path("kern.log")).unwrap();
    writeln!(file, "{}", lines[100..].join("\n")).unwrap();
    until("all", || documents().last().is_some_and(|last| last["totals"]["lines"] == lines.len()));
    assert_eq!(signalled(child, "-TERM"), Some(130));
    let all = documents();
    // Steps add up to the sum, whatever came between two reports.
    let moved: u64 = all.iter().map(|one| one["since_last"]["lines"].as_u64().unwrap()).sum();
    assert_eq!(moved, lines.len() as u64);
    assert!(
        all.iter().enumerate().all(|(at, one)| one["number"] == at + 1 && one["schema"] == "fwstat.watch/1")
    );
    // The tables are those of other commands.
    let last = all.last().unwrap();
    let top = run(&["top", "--json", "--utc", "--by", "src/24", &folder.path("kern.log")]).json();
    assert_eq!(last["totals"]["matched"], top["totals"]["matched"]);
    let row = &last["networks"]["rows"][0];
    assert_eq!((&row["packets"], &row["packets_at_most"]), (&row["packets_at_most"], &row["packets"]));
    let said = top.to_string();
    let address = row["network"].as_str().unwrap();
    assert!(said.contains(address), "{address} in {said}");
}

#[test]
fn prometheus_reads_whole_files() {
    let folder = Folder::new();
    let front = "Jun 30 06:06:13 gw kernel: [1.000001] ";
    let rest = "IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP \
        SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 \n";
    folder.write("kern.log", format!("{front}a\"}} 9 \\n\x1b[31m {rest}").repeat(7));
    let child =
        watch(&folder, &["--every", "0.1s", "--format", "prometheus", "--output", "m.prom", "kern.log"]);
    until("a file", || std::path::Path::new(&folder.path("m.prom")).exists());
    // Every look sees a whole report.
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        let text = std::fs::read_to_string(folder.path("m.prom")).unwrap();
        assert!(text.starts_with("# HELP fwstat_lines_total") && text.ends_with('\n'), "{text}");
        assert!(text.contains("port_packets_more_at_most") && !text.contains('\x1b'), "{text}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("fwstat_") && value.parse::<f64>().is_ok(), "{line}");
        }
    }
    let text = std::fs::read_to_string(folder.path("m.prom")).unwrap();
    assert!(text.contains("fwstat_lines_total 7\n") && text.contains("fwstat_live 1\n"), "{text}");
    assert!(text.contains("fwstat_port_packets{dport=\"23\",proto=\"tcp\"} 7\n"), "{text}");
    assert_eq!(signalled(child, "-INT"), Some(130));
}

#[test]
fn what_has_an_end_is_reported_once_more_at_its_end() {
    let log = testkit::testdata("sample/kern.log");
    let log = std::fs::read(log).unwrap();
    let ran = run_with(&log, &["watch", "--no-config", "--utc", "--every", "10s", "--format", "text"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("standard input: 3,923 lines, +3,923") && ran.out.contains(", end\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("  network  192.168.50.0/24 1,866"), "{}", ran.out);
    let ran = run(&["watch", "--every", "never", "kern.log"]);
    assert!(ran.code == 2 && ran.err.contains("--every"), "{}", ran.err);
}

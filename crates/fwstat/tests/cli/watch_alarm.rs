//! `fwstat watch` on a near hit: the bell, and a command that is told of it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::pty::Pty;
use crate::support::*;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fwstat");
/// Services for some: SSH for a network, and its prefix says who is none of them.
const RULES: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 22 -j ACCEPT\n\
    -A INPUT -j LOG --log-prefix \"in.dropped \"\nCOMMIT\n";

fn line(second: u32, prefix: &str, source: &str, port: u16) -> String {
    format!(
        "Jun 30 06:06:{second:02} gw kernel: [1.000001] {prefix} IN=eth0 OUT= MAC= SRC={source} DST=192.0.2.2 LEN=60 \
         TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=40000 DPT={port} WINDOW=64240 RES=0x00 SYN URGP=0 \n"
    )
}

fn append(folder: &Folder, text: &str) {
    let mut file = OpenOptions::new().append(true).open(folder.path("kern.log")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Waits until a file has so many lines.
fn told(folder: &Folder, lines: usize) -> Vec<String> {
    let started = Instant::now();
    loop {
        let text = std::fs::read_to_string(folder.path("told")).unwrap_or_default();
        if text.lines().count() >= lines {
            return text.lines().map(str::to_owned).collect();
        }
        assert!(started.elapsed() < Duration::from_secs(40), "{text}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

#[test]
fn a_command_is_told_by_its_environment_and_not_too_often() {
    let folder = Folder::new();
    folder.write("kern.log", line(1, "in.foreign", "192.0.2.70", 22));
    let rules = folder.write("rules", RULES);
    let command = "echo \"$FWSTAT_HITS $FWSTAT_SRC $FWSTAT_DPT $FWSTAT_PREFIX\" >> told";
    let mut child = Command::new(PROGRAM)
        .args([
            "watch",
            "--no-config",
            "--every",
            "0.2s",
            "--output",
            "out",
            "--rules",
            &rules,
            "--exec",
            command,
        ])
        .arg("kern.log")
        .current_dir(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let documents = || std::fs::read_to_string(folder.path("out")).unwrap_or_default();
    let started = Instant::now();
    while !documents().contains("\"lines\":1,") {
        assert!(started.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(30));
    }
    // What was there before is no news. A friend, and another port, are no near hits.
    append(&folder, &line(2, "in.dropped", "198.51.100.9", 22));
    append(&folder, &line(3, "in.dropped", "192.0.2.71", 23));
    append(&folder, &line(4, "in.dropped $(touch x)", "192.0.2.72", 22));
    assert_eq!(told(&folder, 1), ["1 192.0.2.72 22 in.dropped $(touch x)"]);
    let first = Instant::now();
    for second in 10..40 {
        append(&folder, &line(second, "tcp.in.foreign", "192.0.2.73", 2_000));
    }
    assert_eq!(told(&folder, 2)[1], "30 192.0.2.73 2000 tcp.in.foreign");
    assert!(first.elapsed() > Duration::from_secs(8), "{:?}", first.elapsed());
    assert!(documents().contains("\"near_hits\":31"));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!std::path::Path::new(&folder.path("x")).exists());
}

#[test]
fn the_bell_rings_for_what_is_new() {
    let folder = Folder::new();
    folder.write("kern.log", line(1, "in.foreign", "192.0.2.70", 22));
    let command = format!("{PROGRAM} watch --no-config --bell kern.log");
    let Some(mut pty) = Pty::start(&folder, (100, 30), &[], &command) else { return };
    pty.wait(0, &["LIVE"]);
    pty.settle(Duration::from_millis(400));
    assert!(!pty.since(0).contains(&7));
    append(&folder, &line(2, "in.foreign", "192.0.2.74", 22));
    pty.wait(0, &["\x07"]);
    pty.wait(0, &["192.0.2.74 > 192.0.2.2"]);
    // Another question reads the log again: it is the same near hit.
    let from = pty.len();
    pty.keys("\r");
    pty.wait(from, &["prefix "]);
    pty.settle(Duration::from_millis(400));
    assert_eq!(pty.since(0).iter().filter(|byte| **byte == 7).count(), 1);
    pty.keys("q");
    let (code, written) = pty.end();
    assert_eq!(code, Some(0));
    assert!(String::from_utf8_lossy(&written).contains("1 near hit since it was watched"));
}

#[test]
fn a_command_that_fails_is_said() {
    let folder = Folder::new();
    folder.write("kern.log", line(1, "in.dropped", "192.0.2.70", 22));
    let command = format!("{PROGRAM} watch --no-config --exec 'exit 3' kern.log");
    let Some(mut pty) = Pty::start(&folder, (140, 30), &[], &command) else { return };
    pty.wait(0, &["LIVE"]);
    append(&folder, &line(2, "in.foreign", "192.0.2.74", 22));
    pty.wait(0, &["note"]);
    pty.keys("a");
    pty.wait(0, &["--exec:", "`exit", "status:"]);
    pty.keys("q");
    std::thread::sleep(Duration::from_millis(200));
    pty.keys("q");
    assert_eq!(pty.end().0, Some(0));
}

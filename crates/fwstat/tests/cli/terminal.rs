//! On a real terminal, made by `script`: colours, bars, progress, Ctrl-C.

use std::io::{BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::*;

/// Runs a command line on a terminal of its own and gives what it wrote there.
fn on_terminal(line: &str) -> Option<String> {
    if !has("script") {
        skipped("script is not there");
        return None;
    }
    let line = format!("stty cols 100 rows 40; {} {line}", env!("CARGO_BIN_EXE_fwstat"));
    let mut command = Command::new("script");
    without_surroundings(&mut command);
    command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env("TZ", "UTC");
    let output = command.stdin(Stdio::null()).output().unwrap();
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn colours_and_bars() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(500, 60, 81));
    let Some(text) = on_terminal(&format!("top {file}")) else { return };
    assert!(text.contains("\u{1b}[1mPREFIX\u{1b}[0m"), "{text}");
    assert!(text.contains('█'), "{text}");
    let Some(text) = on_terminal(&format!("top --color never {file}")) else { return };
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn raw_lines_cannot_command_the_terminal() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(5, 60, 81).replace("IN=", "\x1b]52;c;cm0gLXJm\x07 IN="));
    for color in ["always", "never"] {
        let Some(text) = on_terminal(&format!("lines --color {color} {file}")) else { return };
        assert!(text.contains("cm0gLXJm"), "{text:?}");
        assert!(!text.contains("\x1b]") && !text.contains('\x07'), "{text:?}");
        assert_eq!(text.contains('\x1b'), color == "always", "{text:?}");
    }
}

#[test]
fn progress_is_shown_when_it_takes_long_and_goes_away() {
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    if !has("mkfifo") {
        return skipped("mkfifo is not there");
    }
    shell(&folder.0, "mkfifo pipe");
    let path = pipe.clone();
    let writer = std::thread::spawn(move || {
        let mut pipe = std::fs::File::options().write(true).open(path).unwrap();
        let text = log(100, 60, 82);
        for part in text.as_bytes().chunks(text.len() / 9) {
            let _ = pipe.write_all(part);
            std::thread::sleep(Duration::from_millis(120));
        }
    });
    let Some(text) = on_terminal(&format!("top {pipe}")) else { return };
    writer.join().unwrap();
    assert!(text.contains("KiB, "), "{text:?}");
    assert!(text.contains("\r\u{1b}[K"), "{text:?}");
    let quick = folder.write("kern.log", log(100, 60, 82));
    let Some(text) = on_terminal(&format!("top {quick}")) else { return };
    assert!(!text.contains("\r\u{1b}[K"), "{text:?}");
}

#[test]
fn an_interrupt_shows_what_was_counted() {
    if !has("kill") {
        return skipped("kill is not there");
    }
    for arguments in [&["top", "-j", "-"][..], &["top", "-"]] {
        let mut child = program()
            .args(arguments)
            .args(["--chunk-size", "1000", "--threads", "1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = log(500, 60, 83);
        stdin.write_all(text.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(1_500));
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        // Nothing more comes, and nobody closes the pipe: that it ends is due to the signal alone.
        let started = Instant::now();
        let mut out = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_to_string(&mut out).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        drop(stdin);
        if arguments.contains(&"-j") {
            let json: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert_eq!(json["partial"], true);
            assert!(json["totals"]["packets"].as_u64().unwrap() > 100, "{out}");
        } else {
            assert!(out.lines().any(|line| line == "interrupted: partial counts"), "{out}");
        }
    }
}

/// Records bear no mark that some are missing, so half an export never has the name of a whole.
#[test]
fn an_interrupted_export_leaves_no_file() {
    if !has("kill") {
        return skipped("kill is not there");
    }
    let folder = Folder::new();
    let out = folder.write("records.csv", "mine");
    let rejects = folder.path("rejects");
    let mut child = program()
        .args(["export", "--chunk-size", "1000", "--output", &out, "--rejects", &rejects, "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(log(500, 60, 85).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut err = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_to_string(&mut err).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(err.contains("records.csv: interrupted"), "{err}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
}

//! `--max-memory`: exact as long as there is room, then every number with what it may lack; floods of sources.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Child, Stdio};

use crate::support::*;

/// A line of this source to this port.
fn line(source: u32, port: u16) -> String {
    let source = std::net::Ipv4Addr::from(source);
    format!(
        "Jun 30 06:06:13 gw kernel: [1.000001] tcp.in.dropped IN=eth0 OUT= MAC= SRC={source} DST=192.0.2.2 LEN=60 TOS=0x00 \
         PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=40000 DPT={port} WINDOW=64240 RES=0x00 SYN URGP=0 \n"
    )
}

/// The sources of a flood: nine of ten come once, the tenth is one of twenty.
fn source(n: u64) -> u32 {
    // No two are the same below 2^30.
    let spread = (n as u32).wrapping_mul(0x9e37_79b1) & 0x3fff_ffff;
    match n % 10 {
        0 => 0x0a00_0001 + ((n / 10) % 20 * ((n / 200) % 20) / 19) as u32,
        _ => spread | 0x4000_0000,
    }
}

/// The true counts of the twenty.
fn often(lines: u64) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    for n in (0..lines).step_by(10) {
        *counts.entry(std::net::Ipv4Addr::from(source(n)).to_string()).or_default() += 1;
    }
    counts
}

/// Every row of a table against the true counts, and the most frequent are there.
fn check(table: &serde_json::Value, exact: &HashMap<String, u64>, wanted: usize) {
    let rows = table["rows"].as_array().unwrap();
    for row in rows {
        let (certain, most) = (row["count"].as_u64().unwrap(), row["count_at_most"].as_u64().unwrap());
        let of = exact.get(row["src"].as_str().unwrap()).copied().unwrap_or(1);
        assert!((certain..=most).contains(&of), "{row}: {of}");
    }
    let mut best: Vec<(&String, &u64)> = exact.iter().collect();
    best.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (source, count) in best.iter().take(wanted) {
        assert!(rows.iter().any(|row| row["src"] == source.as_str()), "{source} came {count} times");
    }
}

#[test]
fn the_frequent_are_found_in_a_flood_and_what_counts_lack_is_said() {
    let folder = Folder::new();
    let lines = 120_000;
    let file = folder.write("kern.log", (0..lines).map(|n| line(source(n), 23)).collect::<String>());
    let exact = often(lines);
    for threads in ["1", "3"] {
        let bounded = ["--max-memory", "1M", "--threads", threads, "--chunk-size", "65536", "-j", &file];
        let top = run(&[&["top", "--by", "src", "-n", "20"], &bounded[..]].concat()).json();
        let table = &top["tables"][0];
        check(table, &exact, 10);
        assert_eq!(table["distinct_is_estimate"], true);
        assert!(table["others_at_most"].as_u64().unwrap() > 0);
        let all =
            table["rows"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>();
        assert_eq!(all + table["rest"]["count"].as_u64().unwrap(), lines);
        let distinct = table["distinct"].as_f64().unwrap();
        assert!((distinct / (lines as f64 * 0.9) - 1.0).abs() < 0.04, "{distinct}");
        let overview = run(&[&["-n", "20"], &bounded[..]].concat()).json();
        check(&overview["tables"][1], &exact, 10);
        let timeline =
            run(&[&["timeline", "--by", "src", "-b", "1d", "-n", "10"], &bounded[..]].concat()).json();
        let rows = timeline["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| exact.contains_key(row["src"].as_str().unwrap())));
        check(&timeline, &exact, 8);
    }
    let text = run(&["top", "--by", "src", "--max-memory", "1M", &file]).out;
    assert!(
        text.contains("of about ") && text.contains('±') && text.contains("--max-memory has room for"),
        "{text}"
    );
}

#[test]
fn as_long_as_there_is_room_nothing_is_different() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(20_000, 20, 1));
    for command in [&["top"][..], &["top", "--by", "src,dport"], &["timeline", "--by", "prefix"], &[]] {
        let (plain, bounded) =
            (run(&[command, &[&file]].concat()), run(&[command, &["--max-memory", "1G", &file]].concat()));
        assert_eq!(plain.out, bounded.out, "{command:?}");
    }
    let rows = run(&["top", "--by", "src", "--max-memory", "1G", "--format", "csv", &file]).out;
    assert!(rows.starts_with("src,count,count_at_most,share\r\n"), "{rows}");
    for size in ["12", "0", "x", "5T5", "1K"] {
        assert_eq!(run(&["top", "--max-memory", size, &file]).code, 2, "{size}");
    }
}

/// Lines of the floods below: `FWSTAT_TEST_LINES`, 300,000 if it is not set.
fn lines_of_a_flood() -> u64 {
    std::env::var("FWSTAT_TEST_LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(300_000)
}

/// The most memory that a process took, in MiB, as looked up until it ended.
fn peak_until_its_end(child: &mut Child) -> u64 {
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
        most = most.max(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    most
}

/// A flood through a pipe, of nearly as many sources as lines, and the memory that the program took.
#[test]
fn a_flood_through_a_pipe_takes_no_more_memory_than_it_may() {
    let lines = lines_of_a_flood();
    let megabytes = if lines > 10_000_000 { 256 } else { 16 };
    let exact = often(lines);
    for command in [&["top", "--by", "src"][..], &["top"], &[]] {
        let mut child = program()
            .args(command)
            .args(["-n", "20", "-j", "--max-memory", &format!("{megabytes}M")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = std::io::BufWriter::with_capacity(1 << 20, child.stdin.take().unwrap());
        let (head, tail) = (
            "Jun 30 06:06:13 gw kernel: [1.000001] tcp.in.dropped IN=eth0 OUT= MAC= SRC=",
            " DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 \n",
        );
        for n in 0..lines {
            let source = std::net::Ipv4Addr::from(source(n));
            write!(input, "{head}{source}{tail}").unwrap();
        }
        input.flush().unwrap();
        drop(input);
        let most = peak_until_its_end(&mut child);
        let output = child.wait_with_output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let table = json["tables"].as_array().unwrap().iter().find(|table| table["by"][0] == "src").unwrap();
        assert_eq!(json["totals"]["packets"], lines);
        check(table, &exact, 15);
        // The program itself takes some, of which an optimised one needs less.
        let beside = if megabytes > 100 { 24 } else { 64 };
        assert!(most <= megabytes + beside, "{command:?}: {most} MiB resident, {megabytes} MiB allowed");
    }
}

/// The same from a file, which `suggest` reads twice: with fewer threads it says the same.
#[test]
fn suggest_on_a_flood_says_the_same_in_less_memory() {
    let folder = Folder::new();
    let lines = lines_of_a_flood() / 3;
    let path = folder.path("kern.log");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    (0..lines).for_each(|n| file.write_all(line(source(n), 23).as_bytes()).unwrap());
    file.into_inner().unwrap();
    let suggest = |more: &[&str]| {
        let mut child = program()
            .args(["suggest", "--trusted", "192.0.2.2", "-j", "--no-progress", &path])
            .args(more)
            .stdout(std::fs::File::create(folder.path("out")).unwrap())
            .spawn()
            .unwrap();
        let most = peak_until_its_end(&mut child);
        (std::fs::read_to_string(folder.path("out")).unwrap(), most)
    };
    let (plain, _) = suggest(&["--threads", "1"]);
    let (bounded, most) = suggest(&["--threads", "64", "--max-memory", "256M"]);
    assert_eq!(bounded, plain);
    assert!(most <= 280, "{most} MiB resident");
    let json: serde_json::Value = serde_json::from_str(&bounded).unwrap();
    let rule = json["rules"].as_array().unwrap().iter().find(|rule| rule["action"] == "DROP").unwrap();
    assert_eq!(rule["lines"], lines, "{rule}");
    let sources = rule["sources"].as_f64().unwrap();
    assert!((sources / (lines as f64 * 0.9) - 1.0).abs() < 0.04, "{sources}");
}

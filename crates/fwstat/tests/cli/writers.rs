//! Who wrote a line: what is told apart, counted, and believed.

use crate::support::{Folder, run, run_with};

const PACKET: &str = "IN=eth0 OUT= SRC=203.0.113.77 DST=10.137.0.16 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=7 DF \
                      PROTO=TCP SPT=56296 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ";

/// Many lines with one head: by the grammar and by the scan.
fn log(heads: &[&str]) -> String {
    heads
        .iter()
        .flat_map(|head| (0..5).map(move |i| format!("Jun 30 06:06:1{i} {head} drop {PACKET}\n")))
        .collect()
}

#[test]
fn writers_are_told_apart_on_both_paths() {
    let folder = Folder::new();
    let heads = [
        "gw kernel:",
        "gw mallory:",
        "gw kernel[1234]:",
        "gw kernel: [ 1234.567890]",
        "gw ulogd[77]:",
        "gw kernel[0]:",
    ];
    let path = folder.write("kern.log", log(&heads));
    let ran = run(&["top", "--by", "writer", "--json", &path]);
    let rows = ran.json()["tables"][0]["rows"].clone();
    let counted: Vec<(&str, u64)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["writer"].as_str().unwrap(), row["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(counted, [("kernel", 15), ("kernel[PID]", 5), ("mallory", 5), ("ulogd", 5)]);
    let check = run(&["check", "--json", &path]).json();
    assert_eq!(check["writers"].as_array().unwrap().len(), 4, "{check}");
    assert!(check["writers"].to_string().contains("mallory"), "{check}");
    let ran = run(&["check", &path]);
    assert!(ran.out.contains("mallory"), "{}", ran.out);
    let ran = run(&[&path]);
    assert!(ran.out.contains("10 records were not written by the kernel"), "{}", ran.out);
    let ran = run(&["export", "--where", "writer = \"kernel\"", &path]);
    assert_eq!(ran.out.lines().count(), 15);
    assert!(ran.out.lines().all(|line| line.contains("\"writer\":\"kernel\"")));
}

#[test]
fn a_journal_knows_where_a_record_came_in() {
    let record = |transport: &str, identifier: &str| {
        format!(
            "{{\"__REALTIME_TIMESTAMP\":\"1719720373000000\",\"_TRANSPORT\":\"{transport}\",\"SYSLOG_IDENTIFIER\":\"{identifier}\",\
             \"MESSAGE\":\"drop {PACKET}\"}}\n"
        )
    };
    let log = record("kernel", "kernel") + &record("syslog", "kernel") + &record("stdout", "mallory");
    let ran = run_with(log.as_bytes(), &["top", "--by", "writer", "--format", "csv"]);
    let mut rows: Vec<&str> = ran.out.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    rows.sort_unstable();
    assert_eq!(rows, ["kernel", "mallory", "syslog"]);
    let export = |transport: &str| {
        format!(
            "__REALTIME_TIMESTAMP=1719720373000000\n_TRANSPORT={transport}\nSYSLOG_IDENTIFIER=kernel\nMESSAGE=drop {PACKET}\n\n"
        )
    };
    let ran = run_with((export("kernel") + &export("syslog")).as_bytes(), &["check", "--json"]);
    let writers = ran.json()["writers"].to_string();
    assert!(writers.contains("syslog") && writers.contains("kernel"), "{writers}");
}

#[test]
fn what_a_foreign_line_says_of_others_is_one_claim() {
    let repeated = |tag: &str| {
        format!("Jun 30 06:06:13 gw {tag}: message repeated 4000000000 times: [ drop {PACKET}]\n")
    };
    for tag in ["mallory", "kernel[1234]"] {
        let ran = run_with(repeated(tag).as_bytes(), &["check", "--json"]);
        assert_eq!(ran.json()["totals"]["matched"], 1, "{tag}");
    }
    // The kernel's own is believed up to what a daemon counts in its window.
    let ran = run_with(repeated("kernel").as_bytes(), &["check", "--json"]);
    assert!(ran.json()["totals"]["matched"].as_u64().unwrap() <= 1_000_000, "{}", ran.out);
    let ran = run_with(repeated("kernel").replace("4000000000", "40").as_bytes(), &["check", "--json"]);
    assert_eq!(ran.json()["totals"]["matched"], 40);
    let lost = "Jun 30 06:06:13 gw mallory: net_ratelimit: 18446744073709551615 callbacks suppressed\n";
    let ran = run_with(lost.as_bytes(), &["check", "--json"]);
    assert_eq!(ran.json()["totals"]["lost_at_least"], 0);
}

#[test]
fn proxmox_guest_and_chain_are_fields() {
    let line = format!("102 6 tap102i0-IN 22/Feb/2025:12:43:32 -0600 policy DROP: {PACKET}\n");
    let ran = run_with(line.as_bytes(), &["export", "--utc"]);
    let record = ran.json();
    assert_eq!((&record["vmid"], &record["chain"]), (&102.into(), &"tap102i0-IN".into()));
    assert_eq!(record["writer"], "pvefw-logger");
    let ran = run_with(line.as_bytes(), &["top", "--by", "vmid,chain", "--format", "csv"]);
    assert!(ran.out.contains("102,tap102i0-IN,1"), "{}", ran.out);
}

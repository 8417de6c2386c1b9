//! `fwstat scans`: labelled logs of real tools, and of what looks like scans. A label is the oracle: it was written when
//! the packets were sent.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::*;

/// A log with its labels and its campaigns: what was sent, how.
struct Labelled {
    name: String,
    file: String,
    labels: Vec<String>,
    campaigns: Vec<Value>,
}

fn folder_of_logs() -> std::path::PathBuf {
    testkit::testdata("scans")
}

/// A log of 19 techniques in the background of the Internet.
pub(crate) fn tools(_: &Folder) -> String {
    folder_of_logs().join("02-techniques.log.gz").to_string_lossy().into_owned()
}

fn labelled() -> Vec<Labelled> {
    let folder = folder_of_logs();
    let text = std::fs::read_to_string(folder.join("campaigns.json")).unwrap();
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    all.into_iter()
        .map(|log| {
            let name = log["log"].as_str().unwrap().to_owned();
            let labels = shell(&folder, &format!("gzip -dc {name}.labels.gz"));
            Labelled {
                file: folder.join(format!("{name}.log.gz")).to_string_lossy().into_owned(),
                labels: labels.lines().map(ToOwned::to_owned).collect(),
                campaigns: log["campaigns"].as_array().unwrap().clone(),
                name,
            }
        })
        .collect()
}

pub(crate) fn scans(file: &str, more: &[&str]) -> Value {
    let ran = run(&[&["scans", "-j", "--utc", "--year", "2026"], more, &[file]].concat());
    assert!(ran.code < 2, "{}", ran.err);
    ran.json()
}

/// The lines of a campaign, from 0.
fn lines(campaign: &Value) -> Vec<usize> {
    let ranges = campaign["line_numbers"].as_array().unwrap();
    ranges.iter().flat_map(|r| r[0].as_u64().unwrap() as usize - 1..r[1].as_u64().unwrap() as usize).collect()
}

#[test]
fn each_labelled_campaign_is_one_row_and_nothing_else_is() {
    for log in labelled() {
        let found = scans(&log.file, &["--line-numbers"]);
        let count = |label: &str| log.labels.iter().filter(|own| *own == label).count();
        let mut rows: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for campaign in found["campaigns"].as_array().unwrap() {
            let lines = lines(campaign);
            let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
            for line in &lines {
                *labels.entry(&log.labels[*line]).or_default() += 1;
            }
            let (label, own) = labels.into_iter().max_by_key(|(_, own)| *own).unwrap();
            assert!(own * 2 > lines.len(), "{}: mixed: {campaign}", log.name);
            assert!(!label.starts_with("none:"), "{}: {label}: {campaign}", log.name);
            assert_eq!(campaign["packets"], lines.len(), "{}: {campaign}", log.name);
            assert!(label.starts_with("bg:") || own * 2 >= count(label), "{}: a part: {campaign}", log.name);
            rows.entry(label).or_default().push(campaign);
        }
        for wanted in log.campaigns.iter().filter(|wanted| wanted["optional"] == false) {
            let id = wanted["id"].as_str().unwrap();
            let own = rows.get(id).map_or(&[][..], Vec::as_slice);
            let [row] = own else { panic!("{}: {id}: {} rows", log.name, own.len()) };
            assert_eq!(row["technique"], wanted["technique"], "{}: {id}: {row}", log.name);
            assert_eq!(row["shape"], wanted["shape"], "{}: {id}: {row}", log.name);
        }
    }
}

/// The text of a log.
pub(crate) fn unpacked(folder: &Folder, name: &str) -> String {
    let file = folder_of_logs().join(format!("{name}.log.gz"));
    shell(&folder.0, &format!("gzip -dc {}", file.to_string_lossy()))
}

/// A log in one file a day.
pub(crate) fn daily(folder: &Folder, text: &str) -> Vec<String> {
    let mut days: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines() {
        *days.entry(line[..6].replace(' ', "_")).or_default() += &format!("{line}\n");
    }
    days.iter().map(|(day, text)| folder.write(&format!("{day}.log"), text)).collect()
}

#[test]
fn threads_chunks_and_daily_files_in_any_order_give_the_same() {
    let folder = Folder::new();
    let logs = labelled();
    let log = logs.iter().find(|log| log.name.starts_with("15")).unwrap();
    let wanted = scans(&log.file, &["--all", "--threads", "1"])["campaigns"].clone();
    assert!(wanted.as_array().unwrap().len() > 5);
    // Chunks are of unpacked files.
    let text = shell(&folder.0, &format!("gzip -dc {}", log.file));
    let whole = folder.write("whole.log", &text);
    for (threads, chunk) in [("1", "1000"), ("8", "1000"), ("3", "65536"), ("8", "4194304")] {
        let found = scans(&whole, &["--all", "--threads", threads, "--chunk-size", chunk]);
        assert_eq!(found["campaigns"], wanted, "{threads} {chunk}");
    }
    let files = daily(&folder, &text);
    for turn in 0..files.len() {
        let mut order: Vec<&str> = files.iter().map(String::as_str).collect();
        order.rotate_left(turn);
        if turn % 2 == 1 {
            order.reverse();
        }
        let last = order.pop().unwrap();
        let found = scans(last, &[&["--all"], &order[..]].concat());
        assert_eq!(found["campaigns"], wanted, "{order:?}");
    }
}

#[test]
fn the_lines_of_a_campaign_are_those_that_are_numbered() {
    let folder = Folder::new();
    for log in labelled().iter().filter(|log| log.name.starts_with("14") || log.name.starts_with("10")) {
        let text = shell(&folder.0, &format!("gzip -dc {}", log.file));
        let file = folder.write("kern.log", &text);
        let all: Vec<&str> = text.lines().collect();
        for campaign in scans(&file, &["--line-numbers"])["campaigns"].as_array().unwrap() {
            let id = campaign["id"].as_str().unwrap();
            let ran = run(&["lines", "--year", "2026", "--campaign", id, &file]);
            assert_eq!(ran.code, 0, "{}", ran.err);
            let wanted: Vec<&str> = lines(campaign).into_iter().map(|at| all[at]).collect();
            assert_eq!(ran.out.lines().collect::<Vec<_>>(), wanted, "{id}");
            // What is piped in is read twice too.
            let piped = run_with(text.as_bytes(), &["lines", "--year", "2026", "--campaign", id, "-c", "-"]);
            assert_eq!(piped.out.trim(), wanted.len().to_string());
        }
    }
    let file = folder.write("kern.log", log(200, 60, 7));
    let ran = run(&["lines", "--campaign", "00000000", &file]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("no campaign `00000000`"), "{}", ran.err);
}

/// A probe of a source for a port.
pub(crate) fn probe(second: u32, source: &str, port: u16) -> String {
    format!(
        "2026-03-02T{:02}:{:02}:{:02}+00:00 gate kernel: drop IN=eth0 OUT= MAC= SRC={source} DST=198.51.100.7 LEN=44 TOS=0x00 \
         PREC=0x00 TTL=50 ID={} PROTO=TCP SPT=40000 DPT={port} WINDOW=1024 RES=0x00 SYN URGP=0 \n",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        second % 1_000
    )
}

#[test]
fn a_network_can_be_one_sender() {
    let folder = Folder::new();
    // Two ports of each address: no address is a scanner, and they share no list.
    let text: String = (0..6)
        .flat_map(|n| [n, n + 6].map(|p| probe(n * 40, &format!("10.1.2.{n}"), 70 + p as u16)))
        .collect();
    let file = folder.write("kern.log", &text);
    let none = run(&["scans", &file]);
    assert_eq!(none.code, 1, "{}", none.out);
    assert!(none.out.contains("6 sources below the threshold"), "{}", none.out);
    let one = scans(&file, &["--by", "network"]);
    assert_eq!((&one["campaigns"][0]["n_sources"], &one["campaigns"][0]["aims"]), (&6.into(), &12.into()));
}

#[test]
fn memory_is_bounded_and_what_was_folded_is_said() {
    let folder = Folder::new();
    let mut text = String::new();
    for n in 0..80_000_u32 {
        let source = std::net::Ipv4Addr::from(0x0b00_0000 + n.wrapping_mul(0x9e37_79b1) % 0x00ff_ffff);
        text += &probe(n, &source.to_string(), 80);
        if n % 800 == 0 {
            text += &probe(n, "10.9.9.9", 1 + (n / 800) as u16);
        }
    }
    let file = folder.write("kern.log", &text);
    let ran = run(&["scans", "--max-memory", "1M", &file]);
    assert!(ran.out.contains("sources that asked for one thing only became a count"), "{}", ran.out);
    let json = scans(&file, &["--max-memory", "1M"]);
    assert!(json["sources_folded"].as_u64().unwrap() > 40_000);
    assert_eq!(json["campaigns"].as_array().unwrap().len(), 1);
    assert_eq!(json["campaigns"][0]["sources"][0], "10.9.9.9");
    assert_eq!(json["campaigns"][0]["aims"], 100);
    assert_eq!(run(&["scans", "--max-memory", "little", &file]).code, 2);
}

#[test]
fn order_limits_and_csv() {
    let folder = Folder::new();
    let file = tools(&folder);
    let json = scans(&file, &["--sort", "packets"]);
    let campaigns = json["campaigns"].as_array().unwrap();
    let packets: Vec<u64> = campaigns.iter().map(|c| c["packets"].as_u64().unwrap()).collect();
    assert!(packets.is_sorted_by(|a, b| a >= b), "{packets:?}");
    let csv = run(&["scans", "--format", "csv", "--year", "2026", &file]).out;
    assert_eq!(csv.lines().count(), campaigns.len() + 1);
    let table = run(&["scans", "-n", "3", "--year", "2026", &file]).out;
    assert!(table.contains(&format!("3 of {} campaigns", campaigns.len())), "{table}");
    // What it names can be typed.
    let line = table.lines().find(|line| line.contains("fwstat lines --campaign")).unwrap();
    let id = line.split_whitespace().nth(3).unwrap();
    assert!(campaigns.iter().any(|campaign| campaign["id"] == id), "{line}");
}

#[test]
fn a_network_that_suggest_calls_a_scanner_is_a_campaign() {
    let [log, rules] = ["noise/vps.log.gz", "noise/vps.rules"].map(testkit::testdata);
    let (log, rules) = (log.to_string_lossy(), rules.to_string_lossy());
    // Bans are of networks that scan.
    let ran = run(&["suggest", "--rules", &rules, "--format", "crowdsec", "--year", "2026", &log]);
    let bans: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
    assert!(!bans.is_empty(), "{}", ran.err);
    let found = scans(&log, &[]);
    for ban in bans {
        let network = ban["value"].as_str().unwrap().strip_suffix(".0/24").unwrap();
        let is_of_it = |campaign: &Value| {
            let sources = campaign["sources"].as_array().unwrap();
            sources.iter().all(|source| source.as_str().unwrap().starts_with(network))
        };
        assert!(found["campaigns"].as_array().unwrap().iter().any(is_of_it), "{ban}");
    }
}

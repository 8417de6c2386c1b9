//! Streams of objects with damage at random: every record that was not damaged is read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::*;

/// Records of a stream.
const RECORDS: usize = 9;
/// The source port of the first.
const FIRST: usize = 10_000;

fn packet(i: usize) -> String {
    format!(
        "drop IN=eth0 OUT= SRC=203.0.113.77 DST=10.137.0.16 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID={i} DF PROTO=TCP \
         SPT={} DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ",
        FIRST + i
    )
}

/// As journalctl prints a record, with something nested in it.
fn journals(i: usize) -> Value {
    json!({
        "__REALTIME_TIMESTAMP": (1_772_409_605_000_000 + i).to_string(), "_TRANSPORT": "kernel",
        "X": { "a": [1, { "b": 2 }] }, "MESSAGE": packet(i)
    })
}

/// As ulogd does.
fn ulogds(i: usize) -> Value {
    json!({
        "timestamp": "2026-09-28T18:52:30.943369-0300", "dvc": "Netfilter", "raw.pktlen": 60,
        "oob.prefix": "forward-drop", "oob.time.sec": 1_790_632_350, "oob.time.usec": 943_369, "oob.mark": 0,
        "oob.in": "eth2", "oob.out": "eth1", "oob.hook": 2, "oob.family": 2, "oob.protocol": 2048, "ip.protocol": 6,
        "ip.tos": 0, "ip.ttl": 63, "ip.totlen": 60, "ip.ihl": 5, "ip.id": i, "ip.fragoff": 16384,
        "src_ip": "198.51.100.20", "dest_ip": "203.0.113.30", "src_port": FIRST + i, "dest_port": 5432,
        "tcp.window": 64240, "tcp.syn": 1
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

/// A record's own bytes in an export: every other message with its length.
fn exported(i: usize) -> Vec<u8> {
    let head = format!(
        "__CURSOR=s=1;i={i}\n__REALTIME_TIMESTAMP={}\n_TRANSPORT=kernel\n",
        1_772_409_605_000_000 + i
    );
    let message = packet(i);
    match i % 2 {
        0 => format!("{head}MESSAGE={message}\n\n").into_bytes(),
        _ => {
            let length = (message.len() as u64).to_le_bytes();
            [head.as_bytes(), b"MESSAGE\n", &length, message.as_bytes(), b"\n\n"].concat()
        }
    }
}

/// What a stream is made of: its beginning, a record, what stands between two, its end.
struct Kind {
    name: &'static str,
    begin: &'static str,
    record: fn(usize) -> Vec<u8>,
    between: &'static str,
    end: &'static str,
}

const KINDS: [Kind; 9] = [
    Kind {
        name: "journal, pretty",
        begin: "",
        record: |i| pretty(&journals(i)).into(),
        between: "\n",
        end: "\n",
    },
    Kind { name: "journal, export", begin: "", record: exported, between: "", end: "" },
    Kind {
        name: "journal, lines",
        begin: "",
        record: |i| journals(i).to_string().into(),
        between: "\n",
        end: "\n",
    },
    Kind { name: "ulogd", begin: "", record: |i| ulogds(i).to_string().into(), between: "\n", end: "\n" },
    Kind { name: "ulogd, jq", begin: "", record: |i| pretty(&ulogds(i)).into(), between: "\n", end: "\n" },
    Kind {
        name: "jq -s",
        begin: "[\n",
        record: |i| indented(&journals(i), "  "),
        between: ",\n",
        end: "\n]\n",
    },
    Kind {
        name: "ulogd, jq -s",
        begin: "[\n",
        record: |i| indented(&ulogds(i), "  "),
        between: ",\n",
        end: "\n]\n",
    },
    Kind {
        name: "dmesg --json",
        begin: "{\n   \"dmesg\": [\n      ",
        record: |i| {
            let object = format!(
                "{{\n         \"pri\":    4,\n         \"time\":    12.345678,\n         \"msg\": {:?}\n      }}",
                packet(i)
            );
            object.into_bytes()
        },
        between: ",",
        end: "\n   ]\n}\n",
    },
    Kind {
        name: "in one line",
        begin: "",
        record: |i| journals(i).to_string().into(),
        between: "",
        end: "\n",
    },
];

fn indented(value: &Value, by: &str) -> Vec<u8> {
    let lines: Vec<String> = pretty(value).lines().map(|line| format!("{by}{line}")).collect();
    lines.join("\n").into_bytes()
}

/// Damages a record between its first byte and the line ends behind it: bytes that are lost, that come in, that are
/// others, and an end that is missing.
fn damaged(record: &[u8], random: &mut Random) -> Vec<u8> {
    const ODD: [&[u8]; 19] = [
        b"\"",
        b"{",
        b"}",
        b"[",
        b"]",
        b"\\",
        b"\n",
        b"\0",
        b",",
        b":",
        b"\xff",
        b"<",
        b"}\n",
        b"{\n",
        b"\"\n",
        b"]\n",
        b"Jun 30 x\n",
        b"\n\n",
        b"=",
    ];
    let end = record.iter().rposition(|byte| *byte != b'\n').unwrap() + 1;
    let at = 1 + random.next() as usize % (end - 1);
    let odd = ODD[random.next() as usize % ODD.len()];
    let (before, after) = record.split_at(at);
    match random.next() % 4 {
        0 => [before, &record[(at + random.next() as usize % 40).min(end - 1).max(at)..]].concat(),
        1 => [before, odd, after].concat(),
        2 => [before, odd, &after[1..]].concat(),
        _ => [before, &record[end..]].concat(),
    }
}

#[test]
fn what_was_not_damaged_is_read() {
    let folder = Folder::new();
    let mut random = Random(0x0b1e_c75e_ed5a_11ed);
    let mut failures = String::new();
    for kind in KINDS {
        for _ in 0..60 {
            // Where all is one line, the first record says how they begin.
            let first = usize::from(kind.between.is_empty() && kind.end == "\n");
            let broken: BTreeSet<usize> =
                (0..=random.next() % 2).map(|_| first + random.next() as usize % (RECORDS - first)).collect();
            let mut stream = kind.begin.as_bytes().to_vec();
            for i in 0..RECORDS {
                let record = (kind.record)(i);
                stream.extend(if broken.contains(&i) { damaged(&record, &mut random) } else { record });
                stream.extend_from_slice(if i + 1 < RECORDS { kind.between } else { kind.end }.as_bytes());
            }
            let ran = run(&["export", "--fields", "spt", &folder.write("stream", &stream)]);
            let read: BTreeSet<usize> = ran
                .out
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["spt"].as_u64())
                .map(|port| port as usize - FIRST)
                .collect();
            let lost: Vec<usize> =
                (0..RECORDS).filter(|i| !broken.contains(i) && !read.contains(i)).collect();
            if !lost.is_empty() {
                failures +=
                    &format!("{}: {broken:?} damaged, {lost:?} lost\n{}\n", kind.name, stream.escape_ascii());
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

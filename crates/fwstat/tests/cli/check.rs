//! `fwstat check`: the books close, every reason has its first place.

use crate::support::*;

const GOOD: &str = "Jun  1 00:00:00 gate kernel: tcp.in.dropped IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 \
                    PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 ";

#[test]
fn every_line_is_accounted_for() {
    let cut = "Jun  1 00:00:00 gate kernel: tcp.in.dropped IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TT";
    let damaged = GOOD.replace("LEN=40", "LEN=4x0");
    let lost = "Jun  1 00:00:00 gate kernel: net_ratelimit: 42 callbacks suppressed";
    let text = format!("{GOOD}\nnothing\n\n{cut}\n{GOOD}\r\n{damaged}\n{lost}\n{GOOD}");
    let ran = run_with(text.as_bytes(), &["check", "-j"]);
    let json = ran.json();
    let totals = &json["totals"];
    let of = |name: &str| totals[name].as_u64().unwrap();
    assert_eq!(
        (of("lines"), of("packets"), of("cut"), of("other"), of("damaged")),
        (8, 3, 1, 3, 1),
        "{json}"
    );
    assert_eq!(of("lines"), of("packets") + of("cut") + of("other") + of("damaged"));
    assert_eq!(of("lost_at_least"), 42);
    assert_eq!(json["losses"][0]["first"], serde_json::json!({"file": "-", "line": 7}));
    let first = |class: &str| {
        json["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|reason| reason["class"] == class)
            .map(|reason| reason["first"]["line"].as_u64().unwrap())
            .min()
    };
    assert_eq!((first("cut"), first("other"), first("damaged")), (Some(4), Some(2), Some(6)));
    let sum: u64 =
        json["reasons"].as_array().unwrap().iter().map(|reason| reason["count"].as_u64().unwrap()).sum();
    assert_eq!(sum, of("cut") + of("other") + of("damaged"));
    // --strict makes damage an error; without, it is counted.
    assert_eq!(ran.code, 0);
    assert_eq!(run_with(text.as_bytes(), &["check", "--strict"]).code, 2);
    assert_eq!(run_with(GOOD.as_bytes(), &["check", "--strict"]).code, 0);
    let table = run_with(text.as_bytes(), &["check"]).out;
    assert!(table.contains("42 lines: callbacks suppressed (first at -:7)"), "{table}");
}

#[test]
fn line_numbers_are_right_in_every_chunk_of_every_file() {
    let folder = Folder::new();
    let mut text = log(3_000, 10, 11);
    text += "the one odd line, with DESCR= in it\n";
    text += &log(500, 10, 12);
    let quiet = folder.write("a.log", format!("{GOOD}\n").repeat(100));
    let odd = folder
        .write("b.log", format!("{}{}\n", format!("{GOOD}\n").repeat(777), GOOD.replace("TTL=64", "TTL=x")));
    for chunk in ["1024", "100000", "4194304"] {
        let json = run(&["check", "-j", "--chunk-size", chunk, &quiet, &odd]).json();
        let reason =
            json["reasons"].as_array().unwrap().iter().find(|reason| reason["class"] == "damaged").unwrap();
        assert_eq!(reason["first"], serde_json::json!({"file": odd, "line": 778}));
    }
}

#[test]
fn a_line_of_100_megabytes_is_counted_and_left_out() {
    let folder = Folder::new();
    let mut text = format!("{GOOD}\n").into_bytes();
    text.resize(100 << 20, b'x');
    text.extend_from_slice(format!("\n{GOOD}\n").as_bytes());
    let file = folder.write("long.log", &text);
    for ran in [run(&["check", "-j", &file]), run_with(&text, &["check", "-j"])] {
        let json = ran.json();
        assert_eq!(json["totals"]["lines"], 3);
        assert_eq!(json["totals"]["packets"], 2);
        assert!(json["reasons"][0]["reason"].as_str().unwrap().starts_with("longer than 1 MiB"), "{json}");
    }
}

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

/// The lines of a file that are neither packets nor cut, byte for byte and in order.
#[test]
fn rejected_lines_are_written_as_they_are() {
    let folder = Folder::new();
    let mut text = Vec::new();
    let mut wanted: Vec<u8> = Vec::new();
    for n in 0..3_000 {
        let odd = match n % 5 {
            0 => Some(format!("Jun  1 00:00:00 gate sshd[{n}]: no packet").into_bytes()),
            1 => Some(GOOD.replace("TTL=64", &format!("TTL=x{n}")).into_bytes()),
            2 => Some(vec![0xff, 0x1b, b'[', n as u8 | 0x80]),
            _ => None,
        };
        let line = odd.clone().unwrap_or_else(|| GOOD.as_bytes().to_vec());
        text.extend_from_slice(&line);
        text.push(b'\n');
        if let Some(line) = odd {
            wanted.extend_from_slice(&line);
            wanted.push(b'\n');
        }
    }
    let file = folder.write("kern.log", &text);
    let rejects = folder.path("rejects");
    for command in ["check", "top", "timeline", "export"] {
        for (threads, chunk) in [("1", "300"), ("4", "1000"), ("3", "1000000")] {
            let options = ["--rejects", &rejects, "--threads", threads, "--chunk-size", chunk, "-q"];
            let ran = run(&[&[command, &file][..], &options].concat());
            assert_eq!(ran.code, 0, "{}", ran.err);
            assert!(std::fs::read(&rejects).unwrap() == wanted, "{command} {threads} {chunk}");
        }
    }
    // The books of the rejects are those of the log without packets.
    let (all, rest) = (run(&["check", "-j", &file]).json(), run(&["check", "-j", &rejects]).json());
    assert_eq!(all["totals"]["damaged"], rest["totals"]["damaged"]);
    assert_eq!(all["totals"]["other"], rest["totals"]["other"]);
    assert_eq!(rest["totals"]["packets"], 0);
}

#[test]
fn strict_holds_for_every_command() {
    let folder = Folder::new();
    let text = format!("{GOOD}\n{}\n{GOOD}\n", GOOD.replace("TTL=64", "TTL=x"));
    let (bad, good) = (folder.write("bad.log", text), folder.write("good.log", format!("{GOOD}\n")));
    for command in [&["check"][..], &["top"], &["timeline"], &["export"], &[]] {
        let ran = run(&[command, &["--strict", &bad]].concat());
        assert_eq!(ran.code, 2, "{command:?}");
        assert!(ran.err.contains("bad.log:2: 1 line is corrupt: "), "{}", ran.err);
        // What was good is there all the same.
        assert!(!ran.out.is_empty());
        assert_eq!(run(&[command, &["--strict", "--no-strict", &bad]].concat()).code, 0, "{command:?}");
        assert_eq!(run(&[command, &["--strict", &good]].concat()).code, 0, "{command:?}");
    }
}

#[test]
fn stats_say_how_the_reading_went() {
    let folder = Folder::new();
    let text = format!("{GOOD}\nnothing\n{GOOD}\n");
    let file = folder.write("kern.log", &text);
    let ran = run(&["top", "--stats", "-j", &file]);
    assert_eq!(ran.code, 0);
    ran.json();
    for words in
        [&format!("bytes  {} (", text.len()), "lines  3\n", "packets  2\n", "other  1\n", " lines/s\n"]
    {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    assert!(run(&["top", "-v", "-j", &file]).err.contains("3 lines in 0."));
    assert_eq!(run(&["top", "-j", &file]).err, "");
}

#[test]
fn the_other_forms_of_a_table() {
    let text = format!("{GOOD}\nnothing\n{GOOD}\n{}\n", GOOD.replace("TTL=64", "TTL=x"));
    let csv = run_with(text.as_bytes(), &["check", "--format", "csv"]).out;
    let tsv = run_with(text.as_bytes(), &["check", "--format", "tsv"]).out;
    assert!(csv.starts_with("class,count,file,line,reason\r\n"), "{csv}");
    assert!(csv.contains("damaged,1,-,4,"), "{csv}");
    assert_eq!(tsv.lines().count(), 3, "{tsv}");
    assert!(tsv.lines().all(|line| line.split('\t').count() == 5), "{tsv}");
    // Plain is what a pipe gets, whatever is asked of the terminal.
    for command in [&["top"][..], &["timeline"], &["check"], &[]] {
        let piped = run_with(text.as_bytes(), &[command, &["-"]].concat()).out;
        let plain = ["--format", "plain", "--color", "always", "-"];
        let plain = run_with(text.as_bytes(), &[command, &plain].concat()).out;
        assert_eq!(piped, plain, "{command:?}");
    }
    for form in ["csv", "tsv"] {
        let top = run_with(text.as_bytes(), &["top", "--by", "src,dport", "--format", form]).out;
        let sign = if form == "csv" { "," } else { "\t" };
        assert_eq!(top.lines().next().unwrap(), ["src", "dport", "count", "share"].join(sign));
        assert_eq!(top.lines().nth(1).unwrap(), ["10.0.0.1", "22", "2", "1"].join(sign));
        let line = run_with(text.as_bytes(), &["timeline", "--format", form, "-H", "--year", "2026"]).out;
        assert_eq!(line.lines().next().unwrap(), ["2026-06-01T00:00:00Z", "2"].join(sign));
    }
}

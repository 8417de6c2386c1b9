//! `fwstat explain`: every kind of line as a snapshot, and ways through the chains.
//!
//! `tests/explain/lines.txt` holds a name, a tab and a line of a real kernel each; the pages are
//! beside it. `BLESS=1` writes them anew.

use std::path::PathBuf;

use crate::inputs::gzip;
use crate::support::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/explain")
}

fn snapshot(name: &str, text: &str) {
    testkit::kept(&folder().join(format!("{name}.txt")), text);
}

#[test]
fn every_kind_of_line() {
    let lines = std::fs::read_to_string(folder().join("lines.txt")).unwrap();
    let mut kinds = 0;
    for (name, line) in lines.lines().filter_map(|line| line.split_once('\t')) {
        let ran = run(&["explain", line, "--width", "80"]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{name}:\n{}", ran.out);
        // Every field has words.
        let json = run(&["explain", line, "--json"]).json();
        for field in json["fields"].as_array().unwrap() {
            assert!(!field["meaning"].as_str().unwrap().is_empty(), "{name}: {field}");
        }
        snapshot(name, &ran.out);
        kinds += 1;
    }
    assert!(kinds >= 20, "{kinds}");
}

const RULES: &str = "*filter
:INPUT DROP [0:0]
:FRIENDLY - [0:0]
:MALICIOUS - [0:0]
:STDIN - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -j MALICIOUS
-A INPUT -j STDIN
-A INPUT -p tcp -m tcp -j LOG --log-prefix \"tcp.in.dropped \"
-A FRIENDLY -s 10.137.0.0/24 -j ACCEPT
-A FRIENDLY -p tcp -m tcp -j LOG --log-prefix \"tcp.in.foreign \"
-A FRIENDLY -j DROP
-A MALICIOUS -m conntrack --ctstate INVALID -j DROP
-A MALICIOUS -p tcp -m tcp --dport 138 -j DROP
-A STDIN -p tcp -m tcp --dport 22 -j FRIENDLY
COMMIT
";

fn line(prefix: &str, port: u16) -> String {
    format!(
        "Jun 30 06:06:13 gate kernel: [ 12.345678] {prefix} IN=eth0 OUT= \
         MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:01:08:00 SRC=203.0.113.9 DST=192.168.50.2 LEN=60 TOS=0x00 PREC=0x00 \
         TTL=52 ID=7 DF PROTO=TCP SPT=40000 DPT={port} WINDOW=64240 RES=0x00 SYN URGP=0 "
    )
}

#[test]
fn a_head_that_the_user_describes_is_taken_off() {
    let line =
        line("drop", 22).replace("Jun 30 06:06:13 gate kernel: [ 12.345678]", "30;06;2024 06:06:13 gate: ");
    let read = |more: &[&str]| {
        let ran = run(&[&["explain", &line, "--json"], more].concat());
        let json = ran.json();
        let value = |name: &str| {
            let fields = json["fields"].as_array().unwrap().iter();
            let found = fields.clone().find(|field| field["name"] == name || field["field"] == name);
            found.map_or(String::new(), |field| field["value"].as_str().unwrap_or_default().to_owned())
        };
        (value("prefix"), value("host"))
    };
    let head = r"(?<time>\S+ \S+) (?<host>\S+): +";
    assert_ne!(read(&[]), ("drop".to_owned(), "gate".to_owned()));
    assert_eq!(read(&["--envelope", head]), ("drop".to_owned(), "gate".to_owned()));
    let ran = run(&["explain", &line, "--envelope", "(?<when>x)"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--envelope"), "{}", ran.err);
}

#[test]
fn the_way_is_drawn_as_people_draw_it() {
    let folder = Folder::new();
    let rules = folder.write("rules", RULES);
    let ran = run(&["explain", &line("tcp.in.foreign", 22), "--rules", &rules, "--width", "80"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("INPUT -> MALICIOUS -> STDIN -> FRIENDLY -> LOG -> DROP\n"), "{}", ran.out);
    assert!(ran.out.contains("no match: -s 10.137.0.0/24"), "{}", ran.out);
    snapshot("way-foreign", &ran.out);
    let ran = run(&["explain", &line("tcp.in.dropped", 23), "--rules", &rules, "--width", "80"]);
    assert!(ran.out.contains("INPUT -> MALICIOUS -> STDIN -> LOG -> DROP\n"), "{}", ran.out);
    assert!(ran.out.contains("DROP (INPUT policy); logged by rule INPUT 4."), "{}", ran.out);
    // What if: the rule is put in first.
    let json = run(&[
        "explain",
        &line("tcp.in.dropped", 23),
        "--rules",
        &rules,
        "--add",
        "-A MALICIOUS -p tcp --dport 23 -j DROP",
        "--json",
    ])
    .json();
    assert_eq!((&json["way"], &json["end"]), (&"INPUT -> MALICIOUS -> DROP".into(), &"DROP".into()));
    // Other rules wrote it.
    let ran = run(&["explain", &line("[UFW BLOCK]", 23), "--rules", &rules]);
    assert!(ran.out.contains("no rule here has this prefix"), "{}", ran.out);
}

/// The UDP packet that the guide's `-p tcp --dport 138` rule was made for.
#[test]
fn the_netbios_rule_says_why_it_does_not_fit() {
    let folder = Folder::new();
    let rules = folder.write(
        "rules",
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 138 -j DROP\n\
         -A INPUT -p udp -m udp -j LOG --log-prefix \"udp.in.dropped \"\nCOMMIT\n",
    );
    let line = "udp.in.dropped IN=eth0 OUT= MAC=ff:ff:ff:ff:ff:ff:00:1b:21:3c:4d:5e:08:00 SRC=10.66.7.8 \
        DST=10.66.255.255 LEN=229 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=UDP SPT=138 DPT=138 LEN=209 ";
    let json = run(&["explain", line, "--rules", &rules, "--json"]).json();
    assert_eq!(json["steps"][0]["answer"], "no");
    assert!(json["steps"][0]["why"].as_str().unwrap().starts_with("no match: -p tcp"), "{json}");
    assert_eq!(json["way"], "INPUT -> LOG -> DROP");
}

#[test]
fn the_line_comes_from_anywhere() {
    let folder = Folder::new();
    let text = format!("Jun 30 06:06:12 gate sshd[1]: hello\n{}\n", line("tcp.in.dropped", 23));
    let log = folder.write("kern.log", &text);
    let wanted = run(&["explain", &line("tcp.in.dropped", 23)]);
    assert_eq!(wanted.code, 0);
    assert_eq!(run(&["explain", &format!("{log}:2")]).out, wanted.out);
    assert_eq!(run_with(line("tcp.in.dropped", 23).as_bytes(), &["explain", "-"]).out, wanted.out);
    // Not quoted: the shell made words of it.
    let whole = line("tcp.in.dropped", 23);
    let words: Vec<&str> = std::iter::once("explain").chain(whole.split_whitespace()).collect();
    assert_eq!(run(&words).out, wanted.out);
    // grep's exit codes.
    assert_eq!(run(&["explain", &format!("{log}:1")]).code, 1);
    let beyond = run(&["explain", &format!("{log}:9")]);
    assert!(beyond.code == 2 && beyond.err.contains("has 2 lines"), "{}", beyond.err);
    assert_eq!(run(&["explain", "/no/such/file:3"]).code, 2);
    assert_eq!(run(&["explain"]).code, 2);
}

#[test]
fn line_cannot_command_the_terminal() {
    let ran = run(&["explain", &line("x\x1b]52;c;cm0gLXJm\x07", 23)]);
    assert!(ran.code == 0 && !ran.out.contains('\x1b') && !ran.out.contains('\x07'), "{:?}", ran.out);
}

/// Rotated logs are compressed; a prefix with a line break makes a record of two lines.
#[test]
fn a_line_of_a_compressed_file_and_of_two_lines() {
    let folder = Folder::new();
    let wanted = run(&["explain", &line("tcp.in.dropped", 23)]).out;
    let text = format!("Jun 30 06:06:12 gate sshd[1]: hello\n{}\n", line("tcp.in.dropped", 23));
    let packed = folder.write("kern.log.1.gz", gzip(text.as_bytes()));
    assert_eq!(run(&["explain", &format!("{packed}:2")]).out, wanted);
    let beyond = run(&["explain", &format!("{packed}:3")]);
    assert!(beyond.code == 2 && beyond.err.contains("has 2 lines"), "{}", beyond.err);
    let whole = gzip(text.as_bytes());
    let cut = folder.write("cut.gz", &whole[..whole.len() - 40]);
    let ran = run(&["explain", &format!("{cut}:2")]);
    assert!(ran.code == 2 && ran.err.contains("gzip data ends in the middle"), "{}", ran.err);

    let body = "IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 ";
    let text = format!("[    8.974964] first part\n               second {body}\n[    9.000000] usb 1-1\n");
    let log = folder.write("dmesg", text);
    let first = run(&["explain", &format!("{log}:1"), "--json"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let second = run(&["explain", &format!("{log}:2"), "--json"]);
    assert_eq!(first.out, second.out);
    let fields = first.json()["fields"].clone();
    assert!(fields.as_array().unwrap().iter().any(|f| f["value"] == "first part\\x0asecond"), "{fields}");
    assert_eq!(run(&["explain", &format!("{log}:3")]).code, 1);
}

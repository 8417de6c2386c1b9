//! `fwstat top`: the same answer as awk, whatever the threads and chunks; terminal, pipe, JSON.

use std::process::Stdio;

use crate::support::*;

/// What people type instead.
fn awk(folder: &Folder, file: &str, prefix: &str, token: &str, limit: usize) -> Vec<(String, u64)> {
    let text = shell(
        &folder.0,
        &format!(
            "grep -F ' {prefix} IN=' {file} | awk '{{ for (i = 1; i <= NF; i++) if (index($i, \"{token}=\") == 1) \
             {{ print substr($i, {}); next }} }}' | sort | uniq -c | awk '{{ print $1, $2 }}'",
            token.len() + 2
        ),
    );
    let mut rows: Vec<(String, u64)> = text
        .lines()
        .map(|line| {
            let (count, key) = line.split_once(' ').unwrap();
            (key.to_owned(), count.parse().unwrap())
        })
        .collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| order(&a.0).cmp(&order(&b.0))));
    rows.truncate(limit);
    rows
}

/// Ties are broken by value: addresses of IPv4 first, by number.
fn order(key: &str) -> (u8, Vec<u8>) {
    match key.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(addr)) => (4, addr.octets().to_vec()),
        Ok(std::net::IpAddr::V6(addr)) => (6, addr.octets().to_vec()),
        Err(_) => {
            (0, key.parse::<u64>().map_or_else(|_| key.as_bytes().to_vec(), |n| n.to_be_bytes().to_vec()))
        }
    }
}

fn rows(json: &serde_json::Value, name: &str) -> Vec<(String, u64)> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    json["tables"][0]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (text(&row[name]), row["count"].as_u64().unwrap()))
        .collect()
}

#[test]
fn equals_grep_awk_sort_uniq() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(30_000, 20, 1));
    for (field, token) in [("src", "SRC"), ("in", "IN"), ("ttl", "TTL")] {
        let json = run(&["top", "--by", field, "-n", "10", "--prefix", "tcp.in.dropped", "-j", &file]).json();
        let mut expected = awk(&folder, &file, "tcp.in.dropped", token, 10);
        for row in &mut expected {
            // The kernel writes every zero of an IPv6 address.
            if let Ok(addr) = row.0.parse::<std::net::IpAddr>() {
                row.0 = addr.to_string();
            }
        }
        let mut rows = rows(&json, field);
        // IPv6 has no TTL; awk prints nothing where there is nothing.
        rows.retain(|(key, _)| key != "null");
        expected.truncate(rows.len());
        assert_eq!(rows, expected, "{field}");
        assert!(expected.len() >= if field == "in" { 3 } else { 9 });
    }
}

#[test]
fn the_answer_does_not_depend_on_threads_or_chunks() {
    let folder = Folder::new();
    let first = folder.write("a.log", log(4_000, 300, 2));
    let second = folder.write("b.log", log(3_000, 300, 3).trim_end());
    let commands = [
        &["top"][..],
        &["top", "--by", "src,dport,day", "-n", "0"],
        // Keys in forms of their own, among lines that either engine reads.
        &["top", "--by", "src", "-n", "0"],
        &["top", "--by", "src,dport", "-n", "0"],
        &["top", "--by", "proto,dst", "-n", "0"],
        &["top", "--by", "prefix,in", "-n", "0"],
        &["timeline", "--by", "proto"],
        &["check"],
        &["export"],
    ];
    for command in commands {
        let mut answers = Vec::new();
        for threads in ["1", "2", "8"] {
            for chunk in ["1024", "5000", "65536", "4194304"] {
                let mut arguments = command.to_vec();
                arguments.extend(["--threads", threads, "--chunk-size", chunk, &first, &second]);
                if command[0] != "export" {
                    arguments.push("-j");
                }
                let ran = run(&arguments);
                assert_eq!(ran.code, 0, "{}", ran.err);
                answers.push(ran.out);
            }
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{command:?}");
    }
}

#[test]
fn standard_input_gives_the_same_answer_as_the_file() {
    let folder = Folder::new();
    let text = log(2_000, 60, 4);
    let file = folder.write("kern.log", &text);
    let mut named = run(&["top", "-j", "--year", "2026", &file]).json();
    for dash in [&["top", "-j", "--year", "2026", "-"][..], &["top", "-j", "--year", "2026"]] {
        let mut piped = run_with(text.as_bytes(), dash).json();
        assert_eq!(piped["input"]["files"][0], "-");
        named["input"]["files"] = serde_json::json!([]);
        piped["input"]["files"] = serde_json::json!([]);
        assert_eq!(named, piped);
    }
}

#[test]
fn exit_codes() {
    let folder = Folder::new();
    let good = folder.write("kern.log", log(50, 60, 5));
    let none = folder.write("other.log", "Jun  1 00:00:00 gate sshd[1]: nothing here\n");
    let missing = folder.path("missing.log");
    assert_eq!(run(&["top", &good]).code, 0);
    assert_eq!(run(&["top", &none]).code, 1);
    assert_eq!(run(&["top", "--src", "203.0.113.77", &good]).code, 1);
    assert_eq!(run(&["top", "--no-such-option", &good]).code, 2);
    assert_eq!(run(&["top", "--by", "colour", &good]).code, 2);
    assert_eq!(run(&["top", &missing]).code, 2);
    // What can be read is read.
    let both = run(&["top", "-j", &missing, &good]);
    assert_eq!(both.code, 2);
    assert!(both.json()["totals"]["matched"].as_u64().unwrap() > 10);
    assert!(both.err.contains("missing.log: no such file or directory"), "{}", both.err);
    // Quiet: nothing but the exit code.
    let quiet = run(&["top", "-q", &good]);
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (0, "", ""));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(20_000, 20, 6));
    let script = format!(
        "{} export {file} | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_fwstat")
    );
    let output = std::process::Command::new("bash").arg("-c").arg(script).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn prefixes_contain_or_match() {
    let folder = Folder::new();
    let text = log(500, 60, 7);
    let file = folder.write("kern.log", &text);
    let count = |prefix: &str| {
        run(&["top", "-j", "--prefix", prefix, &file]).json()["totals"]["matched"].as_u64().unwrap()
    };
    let grep = |words: &[&str]| {
        text.lines().filter(|line| words.iter().any(|word| line.contains(word))).count() as u64
    };
    assert_eq!(count("tcp.in"), grep(&["tcp.in.dropped ", "tcp.in.foreign "]));
    assert_eq!(count("in.dropped"), grep(&["tcp.in.dropped ", "udp.in.dropped "]));
    assert_eq!(count("*.dropped"), grep(&["in.dropped ", "out.dropped "]));
    assert_eq!(count("tcp.??.foreign"), grep(&["tcp.in.foreign "]));
    assert_eq!(count("tcp"), count("tcp*"));
    assert_eq!(count("in.dropped*"), 0);
    assert_eq!(count("!tcp"), grep(&["udp.in.dropped ", "[UFW BLOCK] "]));
    assert_eq!(count("[UFW BLOCK] "), grep(&["[UFW BLOCK] "]));
}

#[test]
fn repeated_messages_count_as_often_as_they_say() {
    let body = "tcp.in.dropped IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 \
                PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 ";
    let text = format!(
        "Jun  1 00:00:00 gate kernel: {body}\nJun  1 00:00:09 gate kernel: message repeated 41 times: [ {body}]\n"
    );
    let json = run_with(text.as_bytes(), &["top", "-j", "--by", "src"]).json();
    assert_eq!(json["totals"]["packets"], 2);
    assert_eq!(json["totals"]["matched"], 42);
    assert_eq!(json["tables"][0]["rows"][0]["count"], 42);
}

/// Text in a log can be anything; none of it may be obeyed by a terminal or end up elsewhere.
#[test]
fn hostile_text_reaches_no_output_raw() {
    let hostile = "\u{1b}]52;c;cm0gLXJm\u{7}\u{1b}[2J \u{202e}evil\u{9b}31m <script> `rm` |x| IN=x OUT= SRC=1.2.3.4 DPT=22 ";
    let body = "IN=eth\u{1b}[31m OUT= MAC= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP \
                SPT=1 DPT=23 WINDOW=1 RES=0x00 SYN URGP=0 ";
    let text = format!("Jun  1 00:00:00 ga\u{1b}te kernel: {hostile}{body}\n");
    let forms: [&[&str]; 8] = [
        &["top"],
        &["top", "--by", "prefix,in,host", "--color", "always"],
        &["top", "--by", "prefix,in", "-j"],
        &["top", "--by", "prefix,in", "--format", "csv"],
        &["top", "--by", "prefix,in", "--format", "markdown"],
        &["export"],
        &["export", "--format", "csv"],
        &["check"],
    ];
    for arguments in forms {
        let ran = run_with(text.as_bytes(), arguments);
        assert_eq!(ran.code, 0, "{arguments:?} {}", ran.err);
        let plain = ran
            .out
            .replace("\u{1b}[0m", "")
            .replace("\u{1b}[1m", "")
            .replace("\u{1b}[2m", "")
            .replace("\u{1b}[36m", "");
        for bad in ['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}'] {
            assert!(!plain.contains(bad), "{arguments:?}: {plain:?}");
        }
    }
    // And the forged addresses stay text.
    let json = run_with(text.as_bytes(), &["top", "-j", "--by", "src,dport"]).json();
    assert_eq!(json["tables"][0]["rows"][0]["src"], "10.0.0.1");
    assert_eq!(json["tables"][0]["rows"][0]["dport"], 23);
    // A file's name is text of unknown origin as well.
    let folder = Folder::new();
    let file = folder.write("a\u{1b}[31m.log", &text);
    let ran = run(&["top", &file]);
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
    let ran = run(&["top", &folder.path("b\u{1b}[31m.log")]);
    assert!(!ran.err.contains('\u{1b}'), "{}", ran.err);
}

#[test]
fn a_table_knows_its_width() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(2_000, 60, 8));
    for width in ["40", "80", "160"] {
        let ran = run(&["top", "--width", width, &file]);
        let widest = ran.out.lines().skip(3).map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= width.parse::<usize>().unwrap().max(70), "{width}: {widest}\n{}", ran.out);
    }
    // In a pipe: no bars, no colours.
    let ran = run(&["top", &file]);
    assert!(!ran.out.contains(['█', '\u{1b}']), "{}", ran.out);
    let ran = run(&["top", "-H", "-x", "--by", "proto", &file]);
    assert!(ran.out.lines().all(|line| line.split_whitespace().count() == 4), "{}", ran.out);
}

#[test]
fn colour_obeys_the_surroundings() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(50, 60, 9));
    let escapes = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = program();
        command.args(["top", &file]).args(arguments).envs(variables.iter().copied());
        finish(&mut command).out.contains('\u{1b}')
    };
    assert!(!escapes(&[], &[]));
    assert!(escapes(&[], &["--color", "always"]));
    assert!(escapes(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!escapes(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(!escapes(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
}

#[test]
fn standard_output_that_is_full_is_an_error() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(50, 60, 10));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = program();
    let ran = command
        .args(["top", &file])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("No space left"), "{ran:?}");
}

/// Whichever engine reads a line: the first of its kind is read by the grammar, later ones by the scan.
#[test]
fn the_addresses_of_arp_are_no_source() {
    let folder = Folder::new();
    let line = "Jun 30 06:06:13 gw kernel: [1.0] x IN=eth0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 \
        MACSRC=02:00:00:00:00:01 IPSRC=192.0.2.77 MACDST=00:00:00:00:00:00 IPDST=192.0.2.1\n";
    let path = folder.write("kern.log", line.repeat(9));
    for by in ["src", "dst", "src,dst", "src,dport", "proto", "dport"] {
        let table = run(&["top", "--by", by, "-H", &path]).out;
        assert!(table.starts_with("(none)") && table.contains("100.0 %"), "{by}: {table}");
    }
    assert_eq!(run(&["lines", "-c", "-s", "192.0.2.77", &path]).out, "0\n");
    assert_eq!(run(&["lines", "-c", "--where", "arp_ipsrc = 192.0.2.77", &path]).out, "9\n");
    let csv = run(&["export", "--format", "csv", "--fields", "src,dst,arp_ipsrc", &path]).out;
    assert!(csv.lines().skip(1).all(|record| record == ",,192.0.2.77"), "{csv}");
}

//! `fwstat lines`: the lines themselves, with the ones around them.

use crate::support::{Folder, run, run_with};

/// A log of which each line is a record or another program's, numbered; every seventh is UDP.
fn log(lines: usize) -> Vec<String> {
    let packet = |n: usize, transport: &str| {
        format!(
            "{} gw kernel: [{n:5}.000001] in.dropped IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 \
             TTL=64 ID={n} {transport} ",
            crate::support::stamp(n as u64)
        )
    };
    (0..lines)
        .map(|n| match n % 7 {
            0 => packet(n, "PROTO=UDP SPT=40000 DPT=53 LEN=40"),
            3 => format!("{} gw sshd[7]: line {n}", crate::support::stamp(n as u64)),
            _ => packet(n, "DF PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0"),
        })
        .collect()
}

/// What `grep` prints, by its definition.
fn expected(lines: &[String], before: usize, after: usize, hit: impl Fn(&str) -> bool) -> String {
    let hits: Vec<bool> = lines.iter().map(|line| hit(line)).collect();
    let mut out = String::new();
    let mut last = None;
    for (at, line) in lines.iter().enumerate() {
        let near = hits[at.saturating_sub(after)..(at + before + 1).min(lines.len())].iter().any(|hit| *hit);
        if !near {
            continue;
        }
        if (before, after) != (0, 0) && last.is_some_and(|last| last + 1 != at) {
            out.push_str("--\n");
        }
        let mark = if hits[at] { ':' } else { '-' };
        out.push_str(&format!("{}{mark}{line}\n", at + 1));
        last = Some(at);
    }
    out
}

#[test]
fn the_lines_of_the_log_come_as_they_are() {
    let folder = Folder::new();
    let lines = log(3_000);
    let text = lines.join("\n") + "\n";
    let path = folder.write("kern.log", &text);
    let udp = |line: &str| line.contains("PROTO=UDP");
    for chunk in ["100", "4096", "1000000"] {
        let with = |more: &[&str]| {
            let first = ["lines", "-p", "udp", "--line-number", "--threads", "3", "--chunk-size", chunk];
            let ran = run(&[&first, more, &[&path]].concat());
            assert_eq!(ran.code, 0, "{}", ran.err);
            ran.out
        };
        assert_eq!(with(&[]), expected(&lines, 0, 0, udp));
        assert_eq!(with(&["--invert"]), expected(&lines, 0, 0, |line| !udp(line)));
        assert_eq!(with(&["-A", "2"]), expected(&lines, 0, 2, udp));
        assert_eq!(with(&["-B", "1"]), expected(&lines, 1, 0, udp));
        assert_eq!(with(&["-C", "2"]), expected(&lines, 2, 2, udp));
        assert_eq!(with(&["-C", "1", "--invert"]), expected(&lines, 1, 1, |line| !udp(line)));
        let all = expected(&lines, 0, 0, udp);
        let some =
            |lines: &mut dyn Iterator<Item = &str>| lines.map(|line| format!("{line}\n")).collect::<String>();
        assert_eq!(with(&["-n", "5"]), some(&mut all.lines().take(5)));
        assert_eq!(with(&["--tail", "4"]), some(&mut all.lines().skip(all.lines().count() - 4)));
        assert_eq!(with(&["-c"]), format!("{}\n", all.lines().count()));
    }
    // Without numbers they are bytes of the log; a pipe gives what the file gives.
    let bare: String = lines.iter().filter(|line| udp(line)).map(|line| format!("{line}\n")).collect();
    assert_eq!(run(&["lines", "-p", "udp", &path]).out, bare);
    assert_eq!(run_with(text.as_bytes(), &["lines", "-p", "udp", "-"]).out, bare);
    assert_eq!(
        run(&["lines", "-n", "2", "-A", "1", "-p", "udp", &path]).out,
        [0, 1, 7, 8].map(|n| lines[n].clone() + "\n").join("").replacen(
            &lines[7],
            &format!("--\n{}", lines[7]),
            1
        )
    );
}

#[test]
fn several_files_have_their_names() {
    let folder = Folder::new();
    let lines = log(30);
    let (one, two) =
        (folder.write("one", lines[..10].join("\n")), folder.write("two", lines[10..].join("\n") + "\n"));
    let named = |path: &str, from: usize, to: usize| -> String {
        (from..to).filter(|n| n % 7 == 0).map(|n| format!("{path}:{}\n", lines[n])).collect()
    };
    let all = [named(&one, 0, 10), named(&two, 10, 30)].concat();
    assert_eq!(run(&["lines", "-p", "udp", &one, &two]).out, all);
    assert_eq!(run(&["lines", "-p", "udp", "-c", &one, &two]).out, format!("{one}:2\n{two}:3\n"));
    assert_eq!(run(&["lines", "-p", "udp", "--with-filename", &one]).out, named(&one, 0, 10));
    let bare = run(&["lines", "-p", "udp", "--no-filename", &one, &two]).out;
    assert_eq!(bare, all.replace(&format!("{one}:"), "").replace(&format!("{two}:"), ""));
}

#[test]
fn exit_codes_are_greps() {
    let folder = Folder::new();
    let path = folder.write("log", log(20).join("\n"));
    assert_eq!(run(&["lines", "-p", "udp", &path]).code, 0);
    assert_eq!(run(&["lines", "-p", "gre", &path]).code, 1);
    assert_eq!(run(&["lines", "-p", "gre", "-c", &path]).out, "0\n");
    assert_eq!(run(&["lines", "-n", "1", "-p", "udp", &path]).code, 0);
    assert_eq!(run(&["lines", &folder.path("missing")]).code, 2);
    assert_eq!(run(&["lines", "--json", &path]).code, 2);
}

/// The coloured parts of a text, and the text without colours.
fn painted(text: &str, style: &str) -> (Vec<String>, String) {
    let parts = text.split(style).skip(1).map(|part| part.split('\x1b').next().unwrap().to_owned()).collect();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain += before;
        rest = after.split_once('m').unwrap().1;
    }
    (parts, plain + rest)
}

#[test]
fn what_the_filter_matched_is_coloured() {
    const FOUND: &str = "\x1b[1m\x1b[31m";
    let folder = Folder::new();
    let path = folder.write("kern.log", log(40).join("\n"));
    let with = |more: &[&str]| run(&[&["lines"], more, &[path.as_str()]].concat()).out;
    for (filter, marks) in [
        (&["--dport", "23", "--flags", "SYN"][..], &["DPT=23", "SYN"][..]),
        (&["-g", "ID=1[0-9]"], &["ID=11", "ID=12"]),
        (&["--prefix", "dropped", "-s", "192.0.2.0/24"], &["dropped", "SRC=192.0.2.1"]),
        (&["--where", "dport = 53 or spt = 1"], &["DPT=53"]),
        (&["-p", "!tcp"], &[]),
    ] {
        let coloured = with(&[filter, &["--color", "always"]].concat());
        let (found, plain) = painted(&coloured, FOUND);
        assert_eq!(plain, with(filter), "{filter:?}");
        assert!(plain.lines().count() > 2);
        let mut seen: Vec<&str> = Vec::new();
        found.iter().for_each(|mark| {
            if !seen.contains(&mark.as_str()) {
                seen.push(mark);
            }
        });
        assert_eq!(&seen[..marks.len()], marks, "{filter:?}");
        // With lines around them, hits are marked alike.
        let around = with(&[filter, &["--color", "always", "-A", "1"]].concat());
        assert_eq!(painted(&around, FOUND).0, found, "{filter:?}");
    }
}

#[test]
fn rows_of_a_table_are_aligned_and_fit() {
    let folder = Folder::new();
    let mut text = crate::support::log(300, 60, 7);
    text += &text.lines().nth(3).unwrap().replace("IN=", "\x1b[31m\u{202e}IN=");
    let path = folder.write("kern.log", &text);
    let plain = run(&["lines", &path]);
    let table = run(&["lines", "--format", "table", "--year", "2026", &path]);
    assert_eq!((table.code, table.err.as_str()), (0, ""));
    assert_eq!(table.out.lines().count(), plain.out.lines().count());
    assert!(!table.out.contains(['\x1b', '\u{202e}']));
    for (row, line) in table.out.lines().zip(plain.out.lines()) {
        let field = |key: &str| line.split(key).nth(1).unwrap().split(' ').next().unwrap();
        let src: std::net::IpAddr = field("SRC=").parse().unwrap();
        assert!(row.starts_with("2026-06-") && row.contains(&src.to_string()), "{row}");
    }
    for width in ["40", "60", "80", "120"] {
        let table = run(&["lines", "--format", "table", "--width", width, &path]);
        let widest = table.out.lines().map(fwlog::text::width).max().unwrap();
        assert!(widest <= width.parse().unwrap(), "{width}: {widest}");
        for line in plain.out.lines() {
            let src: std::net::IpAddr =
                line.split("SRC=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
            assert!(table.out.contains(&src.to_string()));
        }
    }
    assert_eq!(run(&["lines", "--format", "table", "--invert", &path]).code, 2);
    assert_eq!(run(&["lines", "--format", "csv", &path]).code, 2);
}

/// Whoever follows a log sees a line when it is written, not when much has come together.
#[test]
fn lines_come_as_they_are_written() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::Stdio;
    for table in [&[][..], &["--format", "table"]] {
        let mut child = crate::support::program()
            .args(["lines", "-p", "tcp"])
            .args(table)
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        for line in log(9).iter().filter(|line| line.contains("PROTO=TCP")) {
            input.write_all(format!("{line}\n").as_bytes()).unwrap();
            let mut read = String::new();
            // The pipe is still open: this comes back only if the line was written at once.
            output.read_line(&mut read).unwrap();
            assert!(read.contains("192.0.2.1"), "{table:?}: {read}");
        }
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

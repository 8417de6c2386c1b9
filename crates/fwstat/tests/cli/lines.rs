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

//! The digest of `fwstat report`: a mail that holds nothing which a log could forge, and tells each thing once.

use crate::support::*;

fn digest(arguments: &[&str]) -> Ran {
    run(&[&["report"][..], arguments].concat())
}

/// A line of a source at a port under a prefix, at a second of June.
fn line(second: u64, prefix: &str, src: &str, port: u16) -> String {
    format!(
        "{} gw kernel: {prefix} IN=eth0 OUT= MAC= SRC={src} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1024 \
         DPT={port} WINDOW=1 RES=0x00 SYN URGP=0 \n",
        stamp(second)
    )
}

#[test]
fn a_digest_has_the_number_first_and_fits_a_mail() {
    let folder = Folder::new();
    let log = folder.write("home.log", testkit::bytes("noise/home.log.gz"));
    let rules = folder.write("home.rules", testkit::bytes("noise/home.rules"));
    let suggest = run(&["suggest", "--json", "--rules", &rules, &log]).json();
    let told = digest(&["--format", "text", "--rules", &rules, &log]);
    assert_eq!(told.code, 0, "{}", told.err);
    let remaining = fwlog::text::grouped(suggest["after"].as_u64().unwrap());
    assert!(told.out.starts_with(&format!("{remaining} lines need eyes (")), "{}", told.out);
    let commands = told.out.split("Next:").nth(1).unwrap();
    assert_eq!(commands.matches("  # ").count(), 3, "{commands}");
    for line in told.out.lines() {
        assert!(line.len() <= 72 || line.contains("/tmp/"), "{line}");
    }
    let markdown = digest(&["--format", "markdown", "--rules", &rules, &log]).out;
    assert!(
        markdown.starts_with(&format!("# {remaining} lines need eyes ("))
            && markdown.contains("| ---: | --- |"),
        "{markdown}"
    );
    // By the name of the file.
    let out = folder.path("digest.md");
    assert_eq!(digest(&["--output", &out, "--rules", &rules, &log]).code, 0);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), markdown);
}

#[test]
fn a_mail_is_whole_and_its_headers_hold_nothing_of_a_log() {
    let folder = Folder::new();
    let hostile = "x\u{202e}<script>\x1b[31m Bcc: victim@evil.invalid";
    let mut log = String::new();
    for n in 0..40 {
        log += &line(n * 100, hostile, &format!("203.0.113.{n}"), 22);
    }
    let log = folder.write("a\nBcc: victim@evil.invalid\n.log", log);
    let mail = digest(&[
        "--format",
        "mail",
        "--to",
        "Bob <bob@example.org>",
        "--now",
        "2026-06-02T07:00:00Z",
        "--utc",
        &log,
    ]);
    assert_eq!(mail.code, 0, "{}", mail.err);
    let (headers, body) = mail.out.split_once("\n\n").unwrap();
    let names: Vec<&str> = headers.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, ["To", "Subject", "Date", "Auto-Submitted", "MIME-Version", "Content-Type"]);
    assert!(headers.contains("Date: Tue, 2 Jun 2026 07:00:00 +0000"), "{headers}");
    assert!(!headers.contains("evil") && mail.out.is_ascii() && !mail.out.contains('\x1b'));
    assert!(!body.split("Content-Type: text/html").nth(1).unwrap().contains("<script"));
    assert!(mail.out.lines().all(|line| line.len() <= 998));
    for wrong in ["", "root\nBcc: x", "\u{f6}"] {
        assert_eq!(digest(&["--format", "mail", "--to", wrong, &log]).code, 2, "{wrong:?}");
    }
    // The form is one that mail programs read.
    if !has("python3") {
        return skipped("python3 is not there");
    }
    let file = folder.write("mail", &mail.out);
    let script = "import email,email.policy,sys; m=email.message_from_file(open(sys.argv[1]),policy=email.policy.default); \
                  print(m['to'], [p.get_content_type() for p in m.walk()], len(m.defects))";
    let read = shell(&folder.0, &format!("python3 -c \"{script}\" {file}"));
    assert_eq!(read.trim(), "Bob <bob@example.org> ['multipart/alternative', 'text/plain', 'text/html'] 0");
}

/// Fourteen mornings of a log that grows and is rotated: each new thing is told on one of them.
#[test]
fn each_new_thing_is_told_once() {
    let folder = Folder::new();
    let (log, state) = (folder.path("kern.log"), folder.path("told"));
    let (mut today, mut told) = (String::new(), Vec::new());
    let command =
        ["--format", "mail", "--state", &state, "--quiet-if-nothing", "--year", "2026", "--rotated", &log];
    for day in 0..14u64 {
        // What comes every day, and what comes on some days for the first time.
        for n in 0..200 {
            today += &line(day * 86_400 + n * 400, "tcp.in.dropped", &format!("198.51.100.{}", n % 5), 23);
        }
        if day % 3 == 0 {
            today += &line(day * 86_400 + 50_000, "tcp.in.foreign", &format!("203.0.113.{day}"), 22);
        }
        std::fs::write(&log, &today).unwrap();
        let ran = digest(&command);
        assert!(matches!(ran.code, 0 | 1), "{day}: {}", ran.err);
        // Cron sends no mail where nothing is written.
        assert_eq!(ran.code == 0, !ran.out.is_empty(), "{day}");
        told.push(ran.out);
        let again = digest(&command);
        assert_eq!((again.code, again.out.as_str()), (1, ""), "{day}");
        // Rotated every third day: what was read is read once more under another name, or packed.
        if day % 3 == 2 {
            shell(
                &folder.0,
                "[ -e kern.log.1 ] && gzip -c kern.log.1 > kern.log.2.gz; mv kern.log kern.log.1",
            );
            today.clear();
        }
    }
    let new = |mail: &str, what: &str| mail.split("\nLook at").next().unwrap().contains(what);
    for day in (0..14u64).step_by(3) {
        let what = format!("near hit: 203.0.113.{day} at tcp/22");
        let mornings: Vec<usize> = (0..14).filter(|at| new(&told[*at], &what)).collect();
        assert_eq!(mornings, [day as usize], "{what}");
    }
    assert_eq!(told.iter().filter(|mail| new(mail, "port tcp/23 (telnet)")).count(), 1);
    assert_eq!(told.iter().filter(|mail| mail.is_empty()).count(), 9);
}

#[test]
fn a_damaged_state_is_told_and_begins_anew() {
    let folder = Folder::new();
    let log = folder.write("kern.log", line(5, "tcp.in.foreign", "203.0.113.7", 22).repeat(3));
    let state = folder.write("told", "{\"schema\":\"x");
    let first = digest(&["--format", "text", "--state", &state, &log]);
    assert!(first.code == 2 && first.err.contains("damaged") && first.err.contains("anew"), "{}", first.err);
    assert!(first.out.contains("\nNew\n"), "{}", first.out);
    let second = digest(&["--format", "text", "--state", &state, &log]);
    assert!(second.code == 1 && second.out.contains("; 0 new ("), "{}{}", second.out, second.err);
}

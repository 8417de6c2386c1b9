//! The journal's own files: equal to what journalctl says of them, in every order, cut and place.
//!
//! Needs journalctl, and for some systemd-journal-remote and root; says so if a test is skipped.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use testkit::journal::{Entry, Form, Pack, file};

use crate::support::*;

pub(crate) const REMOTE: &str = "/lib/systemd/systemd-journal-remote";

fn packet(n: u64) -> String {
    format!(
        "IN=eth0 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 SRC=10.{}.{}.9 DST=10.137.0.16 LEN=52 TOS=0x00 \
         PREC=0x00 TTL=63 ID=758 DF PROTO=TCP SPT={} DPT={} WINDOW=64240 RES=0x00 SYN URGP=0 ",
        n % 250,
        n / 250 % 250,
        1024 + n % 60_000,
        1 + n % 1000
    )
}

/// Messages of all kinds: long ones are packed, some recur, some are no text or not there.
pub(crate) fn entries(count: u64) -> Vec<Entry> {
    (0..count)
        .map(|n| {
            let body = packet(n);
            let mut entry = Entry::kernel(n, format!("drop {n:04} {body}"));
            let message = entry.fields.len() - 1;
            match n % 20 {
                1 => entry.fields[message] = format!("MESSAGE=long {}{body}", "x".repeat(700)).into_bytes(),
                2 => entry.fields[message] = format!("MESSAGE=two\nlines {body}").into_bytes(),
                3 => entry.fields[message] = [b"MESSAGE=bin\x01\xff ", body.as_bytes()].concat(),
                4 => entry.fields[message] = format!("MESSAGE=again {}", packet(1)).into_bytes(),
                5 => entry.fields.push(format!("MESSAGE=second {body}").into_bytes()),
                6 => entry.fields[message] = b"MESSAGE=".to_vec(),
                7 => entry.fields.truncate(message),
                8 => entry.fields[2] = b"_TRANSPORT=syslog".to_vec(),
                9 => entry.fields[5] = b"SYSLOG_IDENTIFIER=forger".to_vec(),
                10 => entry.fields.truncate(6),
                11 => entry.fields.push(b"_TRANSPORT=journal".to_vec()),
                12 => entry.fields[1] = b"_HOSTNAME=two words".to_vec(),
                13 => entry.fields[3] = b"PRIORITY=9".to_vec(),
                14 => entry.fields[message] = format!("MESSAGE=[   1.000000] kernel: {body}").into_bytes(),
                15 => drop(entry.fields.remove(6)),
                16 => {
                    entry.fields.remove(6);
                    entry.fields[message - 1] =
                        format!("MESSAGE=message repeated 3 times: [ {body}]").into_bytes();
                }
                _ => {}
            }
            entry
        })
        .collect()
}

/// The records of a run, without the names of files; without numbers of lines too, if they differ.
pub(crate) fn records(ran: &Ran, numbers: bool) -> Vec<Value> {
    assert!(ran.code < 2, "{}", ran.err);
    let without = |line: &str| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        record.as_object_mut().unwrap().remove("file");
        if !numbers {
            record.as_object_mut().unwrap().remove("line");
        }
        record
    };
    ran.out.lines().map(without).collect()
}

/// What journalctl exports of the kernel, read by the program.
pub(crate) fn oracle(arguments: &[&str], ours: &[&str]) -> Ran {
    let mut command = Command::new("journalctl");
    let output =
        command.args(["-q", "-o", "export", "--all"]).args(arguments).arg("_TRANSPORT=kernel").output();
    let arguments = [&["export"], ours, &["-"]].concat();
    run_with(&output.unwrap().stdout, &arguments)
}

pub(crate) fn has_journalctl() -> bool {
    let there = has("journalctl");
    if !there {
        skipped("journalctl is not installed");
    }
    there
}

#[test]
fn every_form_is_read_as_journalctl_reads_it() {
    let folder = Folder::new();
    let entries = entries(600);
    let mut first = None;
    for compact in [false, true] {
        for keyed in [false, true] {
            for pack in [Pack::No, Pack::Xz, Pack::Lz4, Pack::Zstd] {
                for online in [false, true] {
                    let form = Form { compact, keyed, pack, online, ..Form::default() };
                    let path = folder.write("system.journal", file(form, &entries));
                    let ours = records(&run(&["export", &path]), true);
                    assert!(ours.len() > 400, "{form:?}");
                    assert_eq!(first.get_or_insert_with(|| ours.clone()), &ours, "{form:?}");
                    if has("journalctl") {
                        let theirs = records(&oracle(&["--file", &path], &[]), true);
                        let differ = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
                        assert!(ours == theirs, "{form:?}: {} and {}: {differ:?}", ours.len(), theirs.len());
                    }
                }
            }
        }
    }
    has_journalctl();
}

#[test]
fn threads_and_pieces_change_nothing() {
    let folder = Folder::new();
    let path = folder.write("x.journal", file(Form::default(), &entries(3_000)));
    let whole = run(&["export", "--threads", "1", &path]);
    for (threads, chunk) in [("2", "1"), ("3", "5000"), ("2", "1000000"), ("1", "300")] {
        let ran = run(&["export", "--threads", threads, "--chunk-size", chunk, &path]);
        assert_eq!(ran.out, whole.out, "{threads} {chunk}");
    }
    let top = run(&["top", "-j", "--threads", "1", &path]);
    for (threads, chunk) in [("2", "1"), ("2", "5000")] {
        assert_eq!(run(&["top", "-j", "--threads", threads, "--chunk-size", chunk, &path]).out, top.out);
    }
    // The magic tells, not the name.
    std::fs::copy(&path, folder.path("renamed.txt")).unwrap();
    assert_eq!(records(&run(&["export", &folder.path("renamed.txt")]), true), records(&whole, true));
}

/// A machine's journal in three files, one of them set aside, and another copied twice.
fn machine(folder: &Path) {
    let all = entries(900);
    std::fs::create_dir_all(folder).unwrap();
    let names = ["system@x-1-1.journal", "system@y-2-2.journal~", "system.journal"];
    for (at, name) in names.iter().enumerate() {
        let mut part: Vec<Entry> = all[at * 300..at * 300 + 300].to_vec();
        for entry in &mut part {
            entry.boot = if at < 2 { 0xa1 } else { 0xa2 };
            entry.fields[0] =
                format!("_BOOT_ID={}", if at < 2 { "a1" } else { "a2" }.repeat(16)).into_bytes();
        }
        let form = Form { first: at as u64 * 300 + 1, online: at > 0, ..Form::default() };
        std::fs::write(folder.join(name), file(form, &part)).unwrap();
    }
    let mut of_user = Entry::kernel(7, "hello");
    of_user.fields[2] = b"_TRANSPORT=stdout".to_vec();
    let form = Form { first: 5, ..Form::default() };
    std::fs::write(folder.join("user-1000.journal"), file(form, &vec![of_user; 3])).unwrap();
}

#[test]
fn a_folder_is_one_journal() {
    let folder = Folder::new();
    let id = "0123456789abcdef0123456789abcdef";
    machine(&folder.0.join("var/log/journal").join(id));
    let below = folder.path("var/log/journal");
    let own = format!("{below}/{id}");
    let all = records(&run(&["export", &own]), false);
    assert!(all.len() > 600);
    for arguments in [
        vec!["export", &below],
        vec!["export", &format!("--journal={own}")],
        vec!["export", "--journal", "--root", folder.0.to_str().unwrap()],
        vec!["export", "--journal", "--machine-id", id, "--root", folder.0.to_str().unwrap()],
    ] {
        assert!(records(&run(&arguments), false) == all, "{arguments:?}");
    }
    // A file named twice, or copied, has no entry more.
    std::fs::copy(format!("{own}/system.journal"), format!("{own}/copy.journal")).unwrap();
    assert!(records(&run(&["export", &own]), false) == all);
    let count = |ran: Ran| ran.json()["totals"]["packets"].clone();
    assert_eq!(count(run(&["top", "-j", &own])), Value::from(all.len()));
    if !has_journalctl() {
        return;
    }
    assert!(records(&oracle(&["-D", &own], &[]), false) == all);
    for boot in
        ["0", "-1", "1", "2", "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1", "a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2-1"]
    {
        let ours = records(&run(&["export", &format!("--boot={boot}"), &own]), false);
        assert!(!ours.is_empty() && ours.len() < all.len());
        assert!(ours == records(&oracle(&["-D", &own, &format!("--boot={boot}")], &[]), false), "{boot}");
    }
    assert_eq!(run(&["export", "--boot=7", &own]).code, 1);
    assert!(run(&["export", "--boot=x", &own]).err.contains("is no boot"));
    for (since, until) in [(100, 500), (299, 300), (0, 10), (890, 2_000), (3_000, 4_000)] {
        let at = |n: u64| format!("@{}.{:06}", 1_790_000_000 + n / 1_000, n % 1_000 * 1_000);
        let (since, until) = (at(since), at(until));
        let ours = records(&run(&["export", "-S", &since, "-U", &until, &own]), false);
        let wanted: Vec<_> = records(&run(&["export", &own]), false)
            .into_iter()
            .filter(|record| {
                let micros =
                    |text: &str| text.trim_start_matches('@').replace('.', "").parse::<i64>().unwrap();
                let time: jiff::Timestamp = record["time"].as_str().unwrap().parse().unwrap();
                (micros(&since)..=micros(&until)).contains(&time.as_microsecond())
            })
            .collect();
        assert!(ours == wanted, "{since} {until}: {} of {}", ours.len(), wanted.len());
    }
}

#[test]
fn two_machines_are_merged_by_time() {
    let folder = Folder::new();
    let mut names = Vec::new();
    for (series, shift) in [(1, 0), (2, 300)] {
        let mut some = entries(400);
        for entry in &mut some {
            entry.realtime += shift;
            entry.boot = series;
            entry.fields[0] = format!("_BOOT_ID={}", format!("0{series}").repeat(16)).into_bytes();
            entry.fields[1] = format!("_HOSTNAME=host{series}").into_bytes();
        }
        let form = Form { series, ..Form::default() };
        names.push(folder.write(&format!("{series}.journal"), file(form, &some)));
    }
    let ours = records(&run(&["export", &names[1], &names[0]]), false);
    let time = |record: &Value| record["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let times: Vec<jiff::Timestamp> = ours.iter().map(time).collect();
    assert!(times.is_sorted(), "{:?}", times.windows(2).find(|pair| pair[0] > pair[1]));
    assert_ne!(ours[0]["host"], ours[1]["host"]);
    if has_journalctl() {
        assert!(ours == records(&oracle(&["--file", &names[0], "--file", &names[1]], &[]), false));
    }
}

#[test]
fn lines_of_a_journal_are_explained_and_replayed() {
    let folder = Folder::new();
    let path = folder.write("system.journal", file(Form::default(), &entries(100)));
    let record = &records(&run(&["export", &path]), true)[20];
    let ran = run(&["explain", "-j", &format!("{path}:{}", record["line"])]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains(record["src"].as_str().unwrap()), "{record} {}", ran.out);
    assert!(run(&["explain", &format!("{path}:1000")]).err.contains("has no entry 1000"));
    let rules = folder
        .write("rules", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j LOG --log-prefix \"drop \"\nCOMMIT\n");
    let ran = run(&["replay", "--print", "removed", &rules, &path]);
    assert!(ran.out.contains(" gate kernel: [    0.000007] drop 0000 IN=eth0"), "{}{}", ran.out, ran.err);
    assert!(run(&["suggest", &path]).code < 2);
}

#[test]
fn a_journal_in_a_stream_is_read_as_the_file_is() {
    let folder = Folder::new();
    let bytes = file(Form::default(), &entries(400));
    let path = folder.write("system.journal", &bytes);
    let whole = records(&run(&["export", &path]), true);
    assert!(records(&run_with(&bytes, &["export", "-"]), true) == whole);
    // Standard input that is the file itself, and has been read in part.
    let stdin = |skip: u64| {
        use std::io::Seek as _;
        let mut file = std::fs::File::open(&path).unwrap();
        file.seek(std::io::SeekFrom::Start(skip)).unwrap();
        finish(program().args(["export", "-"]).stdin(file))
    };
    assert!(records(&stdin(0), true) == whole);
    assert!(stdin(8).out.is_empty());
    let gz = {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&bytes).unwrap();
        gz.finish().unwrap()
    };
    let zst = zstd::stream::encode_all(&bytes[..], 3).unwrap();
    for (name, packed) in [("x.journal.gz", gz), ("x.journal.zst", zst)] {
        let path = folder.write(name, &packed);
        assert!(records(&run(&["export", &path]), true) == whole, "{name}");
        assert!(records(&run_with(&packed, &["export", "-"]), true) == whole, "{name}");
        let ran = run(&["explain", "-j", &format!("{path}:{}", whole[20]["line"])]);
        assert!(ran.out.contains(whole[20]["src"].as_str().unwrap()), "{}{}", ran.out, ran.err);
    }
    let top = run_with(&bytes, &["top", "-j", "-"]).json();
    assert_eq!(top["totals"]["packets"], whole.len());
    assert_eq!(top["totals"]["bytes"], run(&["top", "-j", &path]).json()["totals"]["bytes"]);
    for command in [vec!["suggest", "-"], vec!["timeline", "-"], vec!["check", "-"]] {
        assert!(run_with(&bytes, &command).code < 2, "{command:?}");
    }
    // Cut, and where it cannot be kept.
    let ran = run_with(&bytes[..bytes.len() / 2], &["export", "-"]);
    assert!(ran.code == 2 && ran.err.contains("ends at byte"), "{}", ran.err);
    let mut command = program();
    command.args(["export", &folder.path("x.journal.gz")]).env("TMPDIR", folder.path("none"));
    let ran = finish(&mut command);
    assert!(ran.code == 2 && ran.err.contains("(TMPDIR)"), "{}", ran.err);
}

/// Renames the file that is full and begins a new one, as journald does, over and over.
fn rotate(folder: &Path, rotations: u64, done: &std::sync::atomic::AtomicU64) {
    let active = folder.join("system.journal");
    for n in 0..rotations {
        let part: Vec<Entry> =
            (n * 20..n * 20 + 20).map(|n| Entry::kernel(n, format!("n{n} {}", packet(n)))).collect();
        let bytes = file(Form { first: n * 20 + 1, online: true, ..Form::default() }, &part);
        let made = folder.join("made");
        std::fs::write(&made, bytes).unwrap();
        if n > 0 {
            std::fs::rename(&active, folder.join(format!("system@{n:08}.journal"))).unwrap();
        }
        std::fs::rename(made, &active).unwrap();
        done.store(n + 1, std::sync::atomic::Ordering::SeqCst);
        // Slow enough for several runs to fall into it on any machine.
        std::thread::sleep(std::time::Duration::from_millis(8));
    }
}

#[test]
fn what_is_rotated_while_it_is_opened_is_not_lost() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let folder = Folder::new();
    let path = folder.0.clone();
    let done = std::sync::Arc::new(AtomicU64::new(0));
    let of_writer = std::sync::Arc::clone(&done);
    let writer = std::thread::spawn(move || rotate(&path, 300, &of_writer));
    let mut runs = 0;
    loop {
        let ended = writer.is_finished();
        let before = done.load(Ordering::SeqCst);
        if before > 0 {
            let ran = run(&["export", &format!("--journal={}", folder.0.display())]);
            let numbers: Vec<String> = records(&ran, true)
                .iter()
                .map(|record| record["prefix"].as_str().unwrap().to_owned())
                .collect();
            assert!(ran.err.is_empty(), "{}", ran.err);
            // All that was there, in order, nothing twice.
            assert!(numbers.len() as u64 >= before * 20, "{} of {}", numbers.len(), before * 20);
            let differ = numbers.iter().enumerate().find(|(n, prefix)| **prefix != format!("n{n}"));
            assert_eq!(differ, None);
            runs += 1;
        }
        if ended {
            break;
        }
    }
    writer.join().unwrap();
    assert!(runs > 3);
}

#[test]
fn damage_is_told_and_the_rest_is_read() {
    let folder = Folder::new();
    let bytes = file(Form::default(), &entries(500));
    let all =
        run(&["check", "-j", &folder.write("x.journal", &bytes)]).json()["totals"]["lines"].as_u64().unwrap();
    let ran = run(&["check", "-j", &folder.write("cut.journal", &bytes[..bytes.len() / 2])]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("ends at byte") && ran.err.contains("were found"), "{}", ran.err);
    assert!(ran.json()["totals"]["lines"].as_u64().unwrap() > all / 3);
    let mut newer = bytes;
    newer[12] |= 32;
    let ran = run(&["check", &folder.write("newer.journal", &newer)]);
    assert!(
        ran.err.contains("of a newer form (incompatible flags 0x20)")
            && ran.err.contains("journalctl --file"),
        "{}",
        ran.err
    );
}

#[test]
fn without_a_file_the_place_with_the_newest_record_is_read() {
    let folder = Folder::new();
    let root = folder.0.to_str().unwrap();
    machine(&folder.0.join("var/log/journal/0123456789abcdef0123456789abcdef"));
    let line = |year: u16| format!("{year}-09-22T14:00:00+00:00 gate kernel: drop {}\n", packet(1));
    folder.write("var/log/kern.log", line(2026));
    let ran = run(&["top", "--root", root]);
    assert!(ran.err.starts_with(&format!("fwstat: reading {root}/var/log/kern.log (")), "{}", ran.err);
    assert!(ran.err.contains("not read") && ran.err.contains("the journal in"), "{}", ran.err);
    folder.write("var/log/kern.log", line(2025) + "2026-12-01T00:00:00+00:00 gate kernel: something else\n");
    let ran = run(&["top", "--root", root]);
    assert!(ran.err.starts_with("fwstat: reading the journal in "), "{}", ran.err);
    assert!(ran.err.contains("kern.log (2025-09-22 14:00:00)"), "{}", ran.err);
}

#[test]
fn a_journal_that_may_not_be_read_says_what_helps() {
    if shell(&std::env::temp_dir(), "id -u").trim() != "0" || !has("setpriv") {
        return skipped("we are not root, or setpriv is not installed");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let own = folder.0.join("var/log/journal/0123456789abcdef0123456789abcdef");
    machine(&own);
    for file in std::fs::read_dir(&own).unwrap() {
        std::fs::set_permissions(file.unwrap().path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let program = env!("CARGO_BIN_EXE_fwstat");
    for arguments in [vec!["--journal"], vec![]] {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program, "top", "--root"]);
        let ran = finish(command.arg(&folder.0).args(arguments).stdin(Stdio::null()));
        if ran.err.contains("setpriv") {
            return skipped("the user 65534 may not run the program here");
        }
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("ermission denied") && ran.err.contains("group"), "{}", ran.err);
    }
}

/// Ends a program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_growing_journal_of_journal_remote_is_read() {
    if !Path::new(REMOTE).exists() || !has_journalctl() {
        return skipped("systemd-journal-remote is not installed");
    }
    let folder = Folder::new();
    let path = folder.path("remote.journal");
    let mut remote = Command::new(REMOTE);
    remote.args(["-o", &path, "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut remote = Running(remote.spawn().unwrap());
    let mut input = remote.0.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for n in 0..20_000u64 {
            let text = format!(
                "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={}\n_TRANSPORT=kernel\n_HOSTNAME=gate\n\
                 SYSLOG_IDENTIFIER=kernel\nPRIORITY=4\nMESSAGE=n{n} {}\n\n",
                1_790_000_000_000_000 + n * 50,
                n * 50 + 1,
                "a1".repeat(16),
                packet(n)
            );
            if input.write_all(text.as_bytes()).is_err() {
                break;
            }
            if n % 2_000 == 0 {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    });
    let prefixes = |ran: &Ran| -> Vec<String> {
        records(ran, true).iter().map(|record| record["prefix"].as_str().unwrap().to_owned()).collect()
    };
    let mut before = 0;
    loop {
        let ended = writer.is_finished();
        if std::fs::metadata(&path).is_ok_and(|meta| meta.len() > 0) {
            let seen = prefixes(&run(&["export", &path]));
            // Each once, in order, from the first on, never fewer than before.
            assert!(seen.len() >= before);
            assert!(seen.iter().enumerate().all(|(n, prefix)| *prefix == format!("n{n}")));
            before = seen.len();
            // Several passes go as far as the first one went.
            let advised = run(&["suggest", "-j", &path]);
            assert!(advised.code < 2, "{}", advised.err);
            assert!(advised.json()["totals"]["packets"].as_u64().unwrap() >= before as u64);
        }
        if ended {
            break;
        }
    }
    writer.join().unwrap();
    let _ = remote.0.wait();
    assert_eq!(prefixes(&run(&["export", &path])).len(), 20_000);
    let ours = records(&run(&["export", &path]), true);
    assert!(ours == records(&oracle(&["--file", &path], &[]), true));
}

#[test]
fn journald_itself_writes_what_we_read() {
    if shell(&std::env::temp_dir(), "id -u").trim() != "0" || !has("unshare") || !has_journalctl() {
        return skipped("we are not root, or unshare is not installed");
    }
    if !Path::new("/lib/systemd/systemd-journald").exists() || !Path::new("/dev/kmsg").exists() {
        return skipped("systemd-journald or /dev/kmsg is not there");
    }
    let folder = Folder::new();
    let out = folder.0.display();
    // In mounts of its own; `Audit=`, or it would switch the audit of the whole machine.
    let script = format!(
        "mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d || exit 7\n\
         printf '[Journal]\\nStorage=volatile\\nRateLimitIntervalSec=0\\nForwardToSyslog=no\\nForwardToWall=no\\nReadKMsg=yes\\nAudit=\\n' \
           > /run/systemd/journald.conf.d/x.conf\n\
         /lib/systemd/systemd-journald >/dev/null 2>&1 & pid=$!\n\
         sleep 2; kill -USR2 $pid; sleep 1\n\
         cp -r /run/log/journal {out}/live; kill $pid; wait $pid; cp -r /run/log/journal {out}/done; exit 0\n"
    );
    let status = Command::new("unshare").args(["-m", "sh", "-c", &script]).stdin(Stdio::null()).status();
    if !status.is_ok_and(|status| status.success()) {
        return skipped("no mounts of our own are allowed here");
    }
    for name in ["live", "done"] {
        let path = folder.path(name);
        let theirs = oracle(&["-D", &path], &["--rejects", &folder.path("theirs")]);
        let ours = run(&["export", "--rejects", &folder.path("ours"), &path]);
        assert!(records(&ours, false) == records(&theirs, false), "{name}");
        let lines = |ran: Ran| ran.json()["totals"]["lines"].as_u64().unwrap();
        let mut command = Command::new("journalctl");
        let export =
            command.args(["-q", "-D", &path, "-o", "export", "--all", "_TRANSPORT=kernel"]).output().unwrap();
        assert_eq!(
            lines(run(&["check", "-j", &path])),
            lines(run_with(&export.stdout, &["check", "-j", "-"]))
        );
    }
}

//! Everything an admin has, and everything that is wrong with it.

use std::io::Write as _;

use crate::support::*;

fn packets(ran: &Ran) -> u64 {
    ran.json()["totals"]["packets"].as_u64().unwrap()
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_wrong_is_said_and_the_rest_is_read() {
    let folder = Folder::new();
    let text = log(2_000, 60, 21);
    let good = folder.write("good.log", &text);
    let all = packets(&run(&["check", "-j", &good]));
    let packed = gzip(text.as_bytes());

    let cut = folder.write("cut.log.gz", &packed[..packed.len() / 2]);
    let mut broken = packed.clone();
    let middle = broken.len() / 2;
    broken[middle..middle + 40].fill(0xff);
    let broken = folder.write("broken.log.gz", broken);
    std::fs::create_dir(folder.0.join("folder")).unwrap();
    let cases: [(String, &str); 8] = [
        (folder.path("missing.log"), "missing.log: no such file or directory"),
        (folder.path("folder"), "folder: is a directory"),
        (cut, "the gzip data ends in the middle"),
        (broken, "the gzip data is damaged"),
        (folder.write("system.journal", b"LPKSHHRH\0\0\0\0"), "is a journal file that ends in its header"),
        (folder.write("x.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0"), "is a packet capture, not a log"),
        (folder.write("ls", b"\x7fELF\x02\x01\x01"), "is a program, not a log"),
        (folder.write("x.zip", b"PK\x03\x04abc"), "is a zip archive"),
    ];
    for (file, message) in &cases {
        let ran = run(&["check", "-j", file, &good]);
        assert_eq!(ran.code, 2, "{file}");
        assert!(ran.err.contains(message), "{file}: {}", ran.err);
        assert!(packets(&ran) >= all, "{file}");
    }
    // What stood in front of the damage counts.
    let ran = run(&["check", "-j", &cases[2].0]);
    assert!(packets(&ran) > all / 4, "{}", ran.out);
    // With a hint, where one helps.
    folder.write("rotated.log.1.gz", b"");
    let ran = run(&["top", &folder.path("rotated.log")]);
    assert!(ran.err.contains("there is") && ran.err.contains("rotated.log.1.gz"), "{}", ran.err);
}

#[test]
fn empty_and_binary_files_are_read_and_counted() {
    let folder = Folder::new();
    let empty = folder.write("empty.log", b"");
    let ran = run(&["check", "-j", &empty]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.json()["totals"]["lines"], 0);
    let mut random = Random(5);
    let noise: Vec<u8> = (0..300_000).map(|_| random.next() as u8).collect();
    let binary = folder.write("noise.bin", &noise);
    let ran = run(&["check", "-j", &binary]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let lines =
        noise.iter().filter(|b| **b == b'\n').count() as u64 + u64::from(*noise.last().unwrap() != b'\n');
    assert_eq!(ran.json()["totals"]["lines"], lines);
    let ran = run_with(b"", &["top"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
}

#[test]
fn a_file_that_may_not_be_read_says_who_may() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(10, 60, 1));
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&file).is_ok() {
        if !has("setpriv") {
            return skipped("root may read everything, and setpriv is not there");
        }
        std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = folder.path("fwstat");
        std::fs::copy(env!("CARGO_BIN_EXE_fwstat"), &program).unwrap();
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid", "65534", "--clear-groups", &program, "top", &file]);
        let ran = finish(&mut command);
        assert_eq!(ran.code, 2);
        assert!(
            ran.err.contains("kern.log: permission denied") && ran.err.contains("sudo fwstat"),
            "{}",
            ran.err
        );
    } else {
        let ran = run(&["top", &file]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("permission denied"), "{}", ran.err);
    }
}

#[test]
fn a_file_that_is_longer_or_shorter_afterwards() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(20_000, 10, 22));
    // It grows while it is read: what was there when it was opened is read, whole lines only.
    let path = file.clone();
    let writer = std::thread::spawn(move || {
        let mut log = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        for _ in 0..200 {
            log.write_all(b"Jun  1 00:00:00 gate sshd: more\n").unwrap();
        }
    });
    let ran = run(&["check", "-j", "--chunk-size", "4096", &file]);
    writer.join().unwrap();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.json()["totals"]["lines"].as_u64().unwrap() >= 20_000);
}

#[test]
fn standard_input_may_be_compressed() {
    let text = log(500, 60, 23);
    let plain = run_with(text.as_bytes(), &["top", "-j", "--year", "2026"]);
    let packed = run_with(&gzip(text.as_bytes()), &["top", "-j", "--year", "2026"]);
    assert_eq!(plain.out, packed.out);
    let raw = run_with(&gzip(text.as_bytes()), &["top", "-j", "--no-decompress"]);
    assert_eq!(raw.code, 1);
    let twice = run(&["top", "-", "-"]);
    assert!(twice.code == 2 && twice.err.contains("only once"), "{}", twice.err);
}

/// A prefix may hold line ends; dmesg and journalctl put the rest below the message.
#[test]
fn a_prefix_of_two_lines_is_one_record() {
    let body = "IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 ";
    let dmesg = format!("[    8.974964] first part\n               second {body}\n[    9.000000] usb 1-1\n");
    let journal = format!("Jun 30 06:06:13 gate kernel: first part\n{}second {body}\n", " ".repeat(29));
    let kmsg = format!("4,1,8974964,-;first part\\x0asecond {body}\n SUBSYSTEM=net\n DEVICE=n2\n");
    for text in [dmesg, journal, kmsg] {
        let ran = run_with(text.as_bytes(), &["export"]);
        assert_eq!(ran.code, 0, "{text}");
        let record: serde_json::Value = serde_json::from_str(ran.out.trim()).unwrap();
        assert_eq!(record["prefix"], "first part\nsecond", "{text}");
        assert_eq!(record["src"], "10.0.0.1");
        let check = run_with(text.as_bytes(), &["check", "-j"]).json();
        assert_eq!(check["totals"]["packets"], 1);
    }
    // But an indented line below something else is not part of it.
    let text = format!("[    8.974964] usb 1-1: new device\n                  drop {body}\n");
    let ran = run_with(text.as_bytes(), &["export"]);
    assert!(!ran.out.contains("usb"), "{}", ran.out);
}

#[test]
fn gaps_in_the_kernels_numbers_are_losses() {
    let body = "IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 ";
    let record = |n: u64| format!("4,{n},{n}000,-;drop {body}\n");
    let folder = Folder::new();
    let text: String = (1..200).chain(210..300).map(record).collect();
    let file = folder.write("kmsg", text);
    for chunk in ["64", "1000", "100000"] {
        let json = run(&["check", "-j", "--chunk-size", chunk, &file]).json();
        assert_eq!(json["totals"]["lost_at_least"], 10, "{chunk}");
    }
}

#[test]
fn the_journal_says_when_it_kept_no_message() {
    let text =
        "{\"MESSAGE\":null,\"__REALTIME_TIMESTAMP\":\"1\"}\nJun 30 06:06:13 gate kernel: [71B blob data]\n";
    let json = run_with(text.as_bytes(), &["check", "-j"]).json();
    assert_eq!(json["totals"]["other"], 2, "{json}");
}

#[test]
fn a_rotated_set_over_new_year() {
    let folder = Folder::new();
    let line = |stamp: &str, port: u32| {
        format!(
            "{stamp} gate kernel: drop IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 \
             PROTO=TCP SPT=1 DPT={port} WINDOW=1 RES=0x00 SYN URGP=0 \n"
        )
    };
    let newest = line("Jan  1 00:00:00", 5) + &line("Jan  2 10:00:00", 6);
    let middle = line("Dec 31 22:59:59", 3) + &line("Dec 31 23:00:00", 4);
    let oldest = line("Nov 30 00:00:00", 1) + &line("Dec 30 00:00:00", 2);
    let file = folder.write("kern.log", &newest);
    folder.write("kern.log.1", &middle);
    folder.write("kern.log.2.gz", gzip(oldest.as_bytes()));
    folder.write("kern.log.bak", line("Jan  9 00:00:00", 99));
    // All files were copied in January: only their order tells the older ones' year.
    let written = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_767_350_000);
    for name in ["kern.log", "kern.log.1", "kern.log.2.gz"] {
        std::fs::File::options()
            .write(true)
            .open(folder.0.join(name))
            .unwrap()
            .set_modified(written)
            .unwrap();
    }
    let fields = |arguments: &[&str]| {
        let mut all = vec!["export", "--rotated", "--fields", "time,dport", "--utc"];
        all.extend_from_slice(arguments);
        all.push(&file);
        run(&all).out
    };
    assert_eq!(
        fields(&[]),
        "{\"time\":\"2025-11-30T00:00:00Z\",\"dport\":1}\n\
         {\"time\":\"2025-12-30T00:00:00Z\",\"dport\":2}\n\
         {\"time\":\"2025-12-31T22:59:59Z\",\"dport\":3}\n\
         {\"time\":\"2025-12-31T23:00:00Z\",\"dport\":4}\n\
         {\"time\":\"2026-01-01T00:00:00Z\",\"dport\":5}\n\
         {\"time\":\"2026-01-02T10:00:00Z\",\"dport\":6}\n"
    );
    let since = fields(&["--since", "Dec 31 23:00:00", "--now", "2026-01-05"]);
    assert_eq!(since.lines().count(), 3, "{since}");
    assert!(since.starts_with("{\"time\":\"2025-12-31T23:00:00Z\""), "{since}");
    let until = fields(&["--until", "Dec 31 23:00:00", "--now", "2026-01-05"]);
    assert_eq!(until.lines().count(), 4, "{until}");
    // The year can be given; the newest line's.
    assert!(fields(&["--year", "2020"]).contains("2019-12-31T23:00:00Z"));
    // One file over New Year.
    let one = folder.write("one.log", oldest.clone() + &middle + &newest);
    std::fs::File::options().write(true).open(&one).unwrap().set_modified(written).unwrap();
    for chunk in ["64", "1000000"] {
        let ran = run(&["top", "-j", "--utc", "--by", "day", "--chunk-size", chunk, &one]).json();
        let days: Vec<&str> = ran["tables"][0]["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["day"].as_str().unwrap())
            .collect();
        assert_eq!(days, ["2025-12-31", "2025-11-30", "2025-12-30", "2026-01-01", "2026-01-02"], "{chunk}");
    }
}

#[test]
fn a_sorted_file_is_not_read_outside_of_the_span() {
    let folder = Folder::new();
    // Some 30 days.
    let text = log(40_000, 65, 24);
    let file = folder.write("kern.log", &text);
    let ask = |arguments: &[&str]| {
        let mut all = vec![
            "top",
            "-j",
            "--by",
            "src",
            "-n",
            "0",
            "--year",
            "2026",
            "--utc",
            "-S",
            "2026-06-10 12:00",
            "-U",
            "2026-06-10 18:00",
        ];
        all.extend_from_slice(arguments);
        run(&all).json()
    };
    let part = ask(&[&file]);
    // The same file where its lines cannot be skipped: from a pipe.
    let whole = {
        let mut all = vec![
            "top",
            "-j",
            "--by",
            "src",
            "-n",
            "0",
            "--year",
            "2026",
            "--utc",
            "-S",
            "2026-06-10 12:00",
            "-U",
            "2026-06-10 18:00",
        ];
        all.push("-");
        run_with(text.as_bytes(), &all).json()
    };
    assert!(whole["totals"]["matched"].as_u64().unwrap() > 100);
    assert_eq!(part["tables"], whole["tables"]);
    assert_eq!(whole["totals"]["lines"], 40_000);
    assert!(part["totals"]["lines"].as_u64().unwrap() < 4_000, "{}", part["totals"]);
}

#[test]
fn with_no_file_the_usual_places_are_looked_at() {
    let folder = Folder::new();
    let root = folder.0.to_str().unwrap().to_owned();
    let ran = run(&["--root", &root]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("no log in the usual places") && ran.err.contains("iptables -A INPUT"),
        "{}",
        ran.err
    );
    std::fs::create_dir_all(folder.0.join("var/log")).unwrap();
    folder.write("var/log/syslog", log(40, 60, 25));
    let ran = run(&["--root", &root]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.starts_with(&format!("fwstat: reading {root}/var/log/syslog (")), "{}", ran.err);
    folder.write("var/log/kern.log", log(40, 60, 25));
    assert!(run(&["top", "--root", &root]).err.contains("/var/log/kern.log ("));
}

#[test]
fn the_journals_program_is_run() {
    let folder = Folder::new();
    // A journalctl of our own, which tells what it was asked for.
    let body = "drop IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 ";
    let script = format!(
        "#!/bin/sh\nprintf '__REALTIME_TIMESTAMP=1782799573000000\\n_HOSTNAME=%s\\nMESSAGE={body}\\n\\n' \"$*\"\n"
    );
    let fake = folder.write("journalctl", script);
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").unwrap());
    let mut command = program();
    let ran = finish(command.args(["export", "--journal-pipe", "--since", "@1782799570"]).env("PATH", &path));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let record: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(record["host"], "-k -o export --no-pager --since=@1782799570");
    assert_eq!(record["time"], "2026-06-30T06:06:13Z");
    // And if it fails, that is said.
    folder.write("journalctl", "#!/bin/sh\necho 'No journal files were opened' >&2\nexit 1\n");
    let mut command = program();
    let ran = finish(command.args(["top", "--journal-pipe"]).env("PATH", &path));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("journalctl failed"), "{}", ran.err);
}

#[test]
fn ulogd2s_json_is_read() {
    let object = |port: u16| {
        format!(
            "{{\"timestamp\": \"2026-06-30T06:06:13.5+0000\", \"dvc\": \"Netfilter\", \"oob.prefix\": \"drop \", \"oob.in\": \"eth0\", \
             \"oob.out\": \"\", \"src_ip\": \"10.0.0.1\", \"dest_ip\": \"10.0.0.2\", \"ip.protocol\": 17, \"ip.tos\": 0, \"ip.ttl\": 64, \
             \"ip.totlen\": 48, \"ip.id\": 1, \"ip.fragoff\": 0, \"src_port\": 5353, \"dest_port\": {port}, \"udp.len\": 28}}\n"
        )
    };
    let text: String = (1..=200).map(object).collect();
    let ran = run_with(text.as_bytes(), &["export"]);
    let records: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 200);
    assert_eq!(records[9]["dpt"], 10);
    assert_eq!(records[9]["time"], "2026-06-30T06:06:13.500Z");
    assert_eq!(records[9]["prefix"], "drop");
}

/// A device, a pipe or a link keeps being what it is; a log is not replaced by its report.
#[test]
fn output_replaces_nothing_but_a_file() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(50, 60, 1));
    let null = "/dev/null";
    assert_eq!(run(&["top", "--output", null, &log]).code, 0);
    use std::os::unix::fs::FileTypeExt as _;
    assert!(std::fs::metadata(null).unwrap().file_type().is_char_device());
    let target = folder.write("target.json", "old");
    std::os::unix::fs::symlink(&target, folder.0.join("link.json")).unwrap();
    assert_eq!(run(&["top", "--output", &folder.path("link.json"), &log]).code, 0);
    assert!(folder.0.join("link.json").is_symlink());
    assert!(std::fs::read_to_string(&target).unwrap().contains("fwstat.top/1"));
    std::os::unix::fs::symlink(&log, folder.0.join("also.log")).unwrap();
    let before = std::fs::read(&log).unwrap();
    for option in ["--output", "--rejects"] {
        let ran = run(&["top", option, &folder.path("also.log"), &log]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("is being read"), "{}", ran.err);
    }
    assert!(std::fs::read(&log).unwrap() == before);
}

/// A service of systemd may get a `/dev` of its own, but `/dev/null` of the machine as its standard input.
#[test]
fn a_null_device_of_another_place_is_no_input() {
    let folder = Folder::new();
    let null = folder.path("null");
    let made = std::process::Command::new("mknod").args([&null, "c", "1", "3"]).status();
    let Some(null) = made.ok().filter(|made| made.success()).and_then(|_| std::fs::File::open(&null).ok())
    else {
        return skipped("no device can be made or opened here");
    };
    std::fs::create_dir_all(folder.0.join("root/var/log")).unwrap();
    folder.write("root/var/log/kern.log", log(40, 60, 25));
    let ran = finish(program().args(["--root", &folder.path("root")]).stdin(null));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.starts_with("fwstat: reading "), "{}", ran.err);
}

/// A machine without any log still has what its kernel remembers.
#[test]
fn with_no_log_at_all_the_ring_buffer_is_read() {
    use std::os::unix::fs::OpenOptionsExt as _;
    let open = std::fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg");
    if open.is_err() {
        return skipped("/dev/kmsg may not be read here");
    }
    let folder = Folder::new();
    let root = folder.0.to_str().unwrap().to_owned();
    std::fs::create_dir_all(folder.0.join("dev")).unwrap();
    std::os::unix::fs::symlink("/dev/kmsg", folder.0.join("dev/kmsg")).unwrap();
    let ran = run(&["check", "-j", "--root", &root]);
    assert!(ran.code < 2, "{}", ran.err);
    assert!(ran.err.contains("dev/kmsg, the kernel's ring buffer"), "{}", ran.err);
    assert_eq!(ran.json()["schema"], "fwstat.check/1");
    // A log goes before it.
    std::fs::create_dir_all(folder.0.join("var/log")).unwrap();
    folder.write("var/log/messages", log(10, 60, 1));
    assert!(run(&["check", "--root", &root]).err.contains("var/log/messages ("));
}

/// The size is the input's own, whatever its records became; a record is a line.
#[test]
fn records_of_several_lines_are_counted_and_explained() {
    let folder = Folder::new();
    let body = "drop IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 ";
    let mut export = Vec::new();
    for n in 0..500 {
        export.extend_from_slice(
            format!("__CURSOR=s={n}\n__REALTIME_TIMESTAMP=17827995730{n:05}\n").as_bytes(),
        );
        export.extend_from_slice(b"_BOOT_ID=0123456789abcdef\nPRIORITY=4\nMESSAGE");
        match n % 4 {
            // A text field, a field with its length, one that is damaged, and none at all.
            0 => export.extend_from_slice(format!("={body}\n").as_bytes()),
            1 => {
                let text = format!("two\nlines {body}");
                export.push(b'\n');
                export.extend_from_slice(&(text.len() as u64).to_le_bytes());
                export.extend_from_slice(text.as_bytes());
                export.push(b'\n');
            }
            2 => export.extend_from_slice(format!("={}\n", body.replace("TTL=64", "TTL=x")).as_bytes()),
            _ => export.extend_from_slice(b"=usb 1-1: new device\n"),
        }
        export.push(b'\n');
    }
    let file = folder.write("kernel.export", &export);
    let packed = folder.write("kernel.export.gz", gzip(&export));
    for (path, chunk) in [(&file, "1000"), (&file, "10000000"), (&packed, "1000")] {
        let json = run(&["check", "-j", "--chunk-size", chunk, path]).json();
        assert_eq!(json["input"]["bytes"], export.len());
        let of = |name: &str| json["totals"][name].as_u64().unwrap();
        assert_eq!((of("lines"), of("packets"), of("damaged"), of("other")), (500, 250, 125, 125), "{json}");
        let damaged = json["reasons"].as_array().unwrap().iter().find(|r| r["class"] == "damaged").unwrap();
        assert_eq!(damaged["first"]["line"], 3);
    }
    let text = run(&["check", &file]).out;
    assert!(text.contains("each counts as one line, and line numbers count records"), "{text}");
    assert!(!run(&["top", &file]).out.contains("line numbers count records"));
    // The size of a plain file is the file's, in any number of pieces.
    let text = log(3_000, 10, 5);
    let plain = folder.write("kern.log", &text);
    for chunk in ["700", "100000"] {
        let json = run(&["check", "-j", "--chunk-size", chunk, &plain]).json();
        assert_eq!(json["input"]["bytes"], text.len());
    }
    // A record that has no end takes no memory without end.
    let mut endless = b"__REALTIME_TIMESTAMP=1\n".to_vec();
    for _ in 0..40 {
        endless.extend_from_slice(b"MESSAGE=");
        endless.resize(endless.len() + (200 << 10), b'x');
        endless.push(b'\n');
    }
    let json = run_with(&endless, &["check", "-j"]).json();
    assert!(json["reasons"][0]["reason"].as_str().unwrap().starts_with("longer than 1 MiB"), "{json}");
}

/// A file without a firewall record gets a sentence, not empty tables.
#[test]
fn no_record_at_all_is_said() {
    let text = "Jun  1 00:00:00 gate sshd[1]: no packet\n";
    for command in [&[][..], &["top"], &["timeline"]] {
        let ran = run_with(text.as_bytes(), &[command, &["-"]].concat());
        assert_eq!(ran.code, 1);
        assert!(ran.out.contains("No firewall records found.") && !ran.out.contains("PREFIX"), "{}", ran.out);
        assert!(run_with(b"", &[command, &["-"]].concat()).out.contains("The file is empty."));
    }
    let utf16: Vec<u8> = "\u{feff}Jun 1".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let folder = Folder::new();
    let ran = run(&["top", &folder.write("u16.log", utf16)]);
    assert!(ran.code == 2 && ran.err.contains("UTF-16"), "{}", ran.err);
}

#[test]
fn what_follows_packed_text_costs_none_of_it() {
    let folder = Folder::new();
    let text = log(20_000, 60, 22);
    let all = packets(&run_with(text.as_bytes(), &["check", "-j"]));
    let xz = |text: &[u8]| {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let packings = [
        ("gz", gzip(text.as_bytes())),
        ("xz", xz(text.as_bytes())),
        ("zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
    ];
    for (name, packed) in packings {
        for (after, says) in [
            (&b""[..], None),
            (&[0; 512], None),
            (b"text after it\n", Some("is followed by something else; what came before was read")),
        ] {
            let file = folder.write(&format!("log.{name}"), [&packed[..], after].concat());
            let ran = run(&["check", "-j", &file]);
            assert_eq!(packets(&ran), all, "{name} {}: {}", after.len(), ran.err);
            match says {
                Some(says) => assert!(ran.code == 2 && ran.err.contains(says), "{name}: {}", ran.err),
                None => assert!(ran.code == 0 && ran.err.is_empty(), "{name}: {}", ran.err),
            }
        }
        // Packed twice, as two rotations do.
        let twice = folder.write(&format!("twice.{name}"), gzip(&packed));
        assert_eq!(packets(&run(&["check", "-j", &twice])), all, "{name}");
    }
}

#[test]
fn what_asks_for_more_memory_than_a_log_needs_is_told_so() {
    let folder = Folder::new();
    for (name, program) in
        [("log.xz", "xz --format=xz --lzma2=dict=512MiB -c"), ("log.zst", "zstd -q --ultra -20 --long=31 -c")]
    {
        let plain =
            folder.write("plain", log(2_000, 60, 23).repeat(if name.ends_with("xz") { 1 } else { 4 }));
        let packed = std::process::Command::new("sh").args(["-c", &format!("{program} < {plain}")]).output();
        let packed = packed.unwrap();
        if !packed.status.success() {
            skipped(&format!("{program} does not run"));
            continue;
        }
        let file = folder.write(name, packed.stdout);
        let ran = run(&["check", "-j", &file]);
        assert!(
            ran.code == 2 && ran.err.contains("asks for more than 256"),
            "{name}: {}{}",
            ran.out,
            ran.err
        );
    }
}

#[test]
fn files_of_overlapping_sets_are_read_once() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(200, 60, 24));
    let older = folder.write("kern.log.1", log(100, 60, 25));
    std::os::unix::fs::symlink("kern.log", folder.0.join("link")).unwrap();
    let once = run(&["check", "-j", "--rotated", &file]).json()["totals"]["lines"].clone();
    for names in [&[&file, &older][..], &[&older, &file], &[&file, &file], &[&file, &folder.path("link")]] {
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let ran = run(&[&["check", "-j", "--rotated"][..], &names].concat());
        assert_eq!(ran.json()["totals"]["lines"], once, "{names:?}");
    }
}

#[test]
fn text_of_windows_is_named_with_or_without_a_mark() {
    let folder = Folder::new();
    let text = log(50, 60, 26);
    let utf_16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
    for bytes in [
        utf_16(u16::to_le_bytes),
        utf_16(u16::to_be_bytes),
        [vec![0xff, 0xfe], utf_16(u16::to_le_bytes)].concat(),
    ] {
        let file = folder.write("log", &bytes);
        for ran in [run(&["check", &file]), run_with(&bytes, &["check"]), run_with(&gzip(&bytes), &["check"])]
        {
            assert!(ran.code == 2 && ran.err.contains("UTF-16") && ran.err.contains("iconv"), "{}", ran.err);
        }
    }
}

//! Logs that grow: every line on the disk comes once, whatever becomes of the file.
//!
//! A reader that is stopped (SIGSTOP) looks at nothing, so whatever a test does meanwhile lies between two looks.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use testkit::{journal, skipped};

use crate::support::{Folder, has, program, run};

/// A numbered line.
fn line(n: usize) -> String {
    format!(
        "Mar  2 00:{:02}:{:02} gw kernel: [{:5}.{n:06}] in.dropped IN=eth0 OUT= MAC= SRC=192.0.2.{} DST=192.0.2.9 LEN=60 \
         TOS=0x00 PREC=0x00 TTL=64 ID={n} PROTO=UDP SPT=40000 DPT=53 LEN=40\n",
        n / 60 % 60,
        n % 60,
        n / 1_000,
        n % 250
    )
}

fn lines(range: std::ops::Range<usize>) -> String {
    range.map(line).collect()
}

/// The numbers of the lines of a text; panics at a line that is none of ours.
fn numbers(text: &str) -> Vec<usize> {
    let number = |found: &str| {
        let n = found.split(" ID=").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        let n = n.unwrap_or_else(|| panic!("a broken line: {found}"));
        assert_eq!(format!("{found}\n"), line(n));
        n
    };
    text.lines().map(number).collect()
}

/// `fwstat lines -f` at work.
struct Reader {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Reader {
    fn start(folder: &Folder, arguments: &[&str]) -> Reader {
        let (out, err) = (folder.0.join("seen"), folder.0.join("said"));
        let open = |path: &Path| File::options().create(true).append(true).open(path).unwrap();
        let child = program()
            .arg("lines")
            .arg("-f")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(open(&out))
            .stderr(open(&err))
            .spawn()
            .unwrap();
        Reader { child, out, err }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Does something between two looks of the reader.
    fn between(&self, act: impl FnOnce()) {
        self.signal("-STOP");
        act();
        self.signal("-CONT");
    }

    fn seen(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// Waits until so many lines came, and a little longer: no more may come.
    fn wait(&self, wanted: usize) -> Vec<usize> {
        let began = Instant::now();
        while self.seen().lines().count() < wanted && began.elapsed() < Duration::from_secs(30) {
            sleep(Duration::from_millis(10));
        }
        sleep(Duration::from_millis(300));
        let seen = numbers(&self.seen());
        assert_eq!(seen.len(), wanted, "{:?}; said: {}", seen, fs::read_to_string(&self.err).unwrap());
        seen
    }

    /// Ends it as Ctrl-C does; what it said.
    fn end(self) -> String {
        self.end_by("-INT")
    }

    fn end_by(mut self, signal: &str) -> String {
        self.signal(signal);
        let status = self.child.wait().unwrap();
        let said = fs::read_to_string(&self.err).unwrap();
        assert_eq!(status.code(), Some(0), "{said}");
        said
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A log of so many lines that is followed, when all of them came.
fn followed(count: usize) -> (Folder, String, Reader) {
    let folder = Folder::new();
    let log = folder.write("kern.log", lines(0..count));
    let reader = Reader::start(&folder, &[&log]);
    assert_eq!(reader.wait(count), all(0..count));
    (folder, log, reader)
}

fn append(path: &str, text: &str) {
    File::options().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn all(range: std::ops::Range<usize>) -> Vec<usize> {
    range.collect()
}

#[test]
fn lines_come_as_they_are_written_and_a_half_one_waits() {
    let (_folder, log, reader) = followed(3);
    append(&log, &line(3)[..40]);
    assert_eq!(reader.wait(3), all(0..3));
    append(&log, &line(3)[40..]);
    assert_eq!(reader.wait(4), all(0..4));
    append(&log, line(4).trim_end());
    assert_eq!(reader.wait(4), all(0..4));
    let out = reader.out.clone();
    assert_eq!(reader.end(), "");
    // What has no end is a line when nothing more comes.
    assert_eq!(numbers(&fs::read_to_string(out).unwrap()), all(0..5));
}

#[test]
fn a_file_that_is_moved_away_is_read_to_its_end() {
    let (folder, log, reader) = followed(3);
    let mut writer = File::options().append(true).open(&log).unwrap();
    // With a half line, which the writer ends after the move; the new file has lines before that.
    writer.write_all(&line(3).as_bytes()[..50]).unwrap();
    fs::rename(&log, folder.path("kern.log.1")).unwrap();
    append(&log, &lines(5..7));
    assert_eq!(reader.wait(5), [0, 1, 2, 5, 6]);
    writer.write_all(&line(3).as_bytes()[50..]).unwrap();
    writer.write_all(line(4).as_bytes()).unwrap();
    let mut seen = reader.wait(7);
    seen.sort_unstable();
    assert_eq!(seen, all(0..7));
    assert_eq!(reader.end(), "");
}

#[test]
fn generations_between_two_looks_are_read_in_order() {
    for packed in [false, true] {
        if packed && !has("gzip") {
            return skipped("gzip is not installed");
        }
        let folder = Folder::new();
        let log = folder.write("kern.log", lines(0..2));
        folder.write("kern.log.1", lines(900..903));
        let reader = Reader::start(&folder, &[&log]);
        reader.wait(2);
        reader.between(|| {
            append(&log, &line(2));
            fs::rename(folder.path("kern.log.1"), folder.path("kern.log.4")).unwrap();
            fs::rename(&log, folder.path("kern.log.3")).unwrap();
            append(&log, &lines(3..5));
            fs::rename(&log, folder.path("kern.log.2")).unwrap();
            append(&log, &lines(5..7));
            fs::rename(&log, folder.path("kern.log.1")).unwrap();
            append(&log, &lines(7..9));
            if packed {
                for n in [2, 3, 4] {
                    assert!(
                        Command::new("gzip")
                            .arg(folder.path(&format!("kern.log.{n}")))
                            .status()
                            .unwrap()
                            .success()
                    );
                }
            }
        });
        assert_eq!(reader.wait(9), all(0..9), "{packed}");
        append(&log, &line(9));
        assert_eq!(reader.wait(10), all(0..10));
        assert_eq!(reader.end(), "");
    }
}

#[test]
fn the_rest_of_a_file_that_was_cut_is_found_in_its_copy() {
    for packed in [false, true] {
        if packed && !has("gzip") {
            return skipped("gzip is not installed");
        }
        // The new text is shorter, as long, longer.
        for new in [1, 4, 9] {
            let folder = Folder::new();
            let log = folder.write("kern.log", lines(0..3));
            let reader = Reader::start(&folder, &[&log]);
            reader.wait(3);
            reader.between(|| {
                append(&log, &line(3));
                fs::copy(&log, folder.path("kern.log.1")).unwrap();
                fs::write(&log, lines(4..4 + new)).unwrap();
                if packed {
                    assert!(Command::new("gzip").arg(folder.path("kern.log.1")).status().unwrap().success());
                }
            });
            assert_eq!(reader.wait(4 + new), all(0..4 + new), "{packed} {new}");
            let said = reader.end();
            assert!(said.contains("cut in place") && said.matches('\n').count() == 1, "{said}");
        }
    }
}

#[test]
fn two_cuts_between_two_looks_lose_nothing() {
    let (folder, log, reader) = followed(3);
    reader.between(|| {
        append(&log, &line(3));
        fs::copy(&log, folder.path("kern.log.2")).unwrap();
        fs::write(&log, lines(4..6)).unwrap();
        fs::copy(&log, folder.path("kern.log.1")).unwrap();
        fs::write(&log, lines(6..8)).unwrap();
    });
    assert_eq!(reader.wait(8), all(0..8));
    reader.end();
}

#[test]
fn a_cut_without_a_copy_is_said() {
    let (_folder, log, reader) = followed(3);
    fs::write(&log, lines(3..4)).unwrap();
    assert_eq!(reader.wait(4), all(0..4));
    let said = reader.end();
    assert!(said.contains("there is no copy of it"), "{said}");
}

#[test]
fn a_file_is_waited_for_and_may_go_and_come() {
    let folder = Folder::new();
    let log = folder.path("kern.log");
    let reader = Reader::start(&folder, &[&log]);
    sleep(Duration::from_millis(300));
    append(&log, &lines(0..2));
    reader.wait(2);
    // Gone, with a writer that is still alive; then there again.
    let mut writer = File::options().append(true).open(&log).unwrap();
    fs::remove_file(&log).unwrap();
    writer.write_all(line(2).as_bytes()).unwrap();
    reader.wait(3);
    append(&log, &lines(3..5));
    assert_eq!(reader.wait(5), all(0..5));
    // Its number may be given to the next.
    fs::remove_file(&log).unwrap();
    drop(writer);
    append(&log, &lines(5..7));
    assert_eq!(reader.wait(7), all(0..7));
    let said = reader.end();
    assert!(
        said.contains("kern.log: there is no such file yet") && said.matches('\n').count() == 1,
        "{said}"
    );
}

/// A writer whose disk is full loses lines, and one of them in the middle; the log is removed to make room.
#[test]
fn a_full_disk_gets_its_room_back_from_a_log_that_is_removed() {
    let folder = Folder::new();
    let disk = folder.path("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs", &disk]).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return skipped("no file system can be mounted");
    }
    struct Mounted(String);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").args(["-l", &self.0]).status();
        }
    }
    let _mounted = Mounted(disk.clone());
    let log = format!("{disk}/kern.log");
    append(&log, &lines(0..2));
    let reader = Reader::start(&folder, &[&log]);
    reader.wait(2);
    let mut writer = File::options().append(true).open(&log).unwrap();
    let whole =
        (2..).take_while(|n| writer.write(line(*n).as_bytes()).is_ok_and(|some| some == line(*n).len()));
    let whole = whole.count() + 2;
    let began = Instant::now();
    while reader.seen().lines().count() < whole && began.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(10));
    }
    drop(writer);
    fs::remove_file(&log).unwrap();
    // Its last line has no end.
    let began = Instant::now();
    let first = line(5_000);
    let written =
        || fs::write(&log, &first).is_ok() && fs::read(&log).is_ok_and(|text| text == first.as_bytes());
    while !written() {
        assert!(began.elapsed() < Duration::from_secs(20), "the room is never given back");
        fs::remove_file(&log).ok();
        sleep(Duration::from_millis(100));
    }
    let began = Instant::now();
    while !reader.seen().contains(&first) && began.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(10));
    }
    let seen = reader.seen();
    let of = |n: usize| seen.matches(line(n).as_str()).count();
    assert!((0..whole).all(|n| of(n) == 1) && of(5_000) == 1, "{seen}");
    reader.end();
}

#[test]
fn a_file_written_anew_by_an_editor_goes_on_where_it_was() {
    let (folder, log, reader) = followed(50);
    let new = folder.write("new", lines(0..52));
    fs::rename(new, &log).unwrap();
    assert_eq!(reader.wait(52), all(0..52));
    append(&log, &line(52));
    assert_eq!(reader.wait(53), all(0..53));
    assert_eq!(reader.end(), "");
}

#[test]
fn a_link_that_is_switched_and_a_file_that_may_not_be_read() {
    let folder = Folder::new();
    let (one, two) = (folder.write("a", lines(0..2)), folder.write("b", lines(2..4)));
    let log = folder.path("kern.log");
    symlink(&one, &log).unwrap();
    let reader = Reader::start(&folder, &[&log]);
    reader.wait(2);
    fs::remove_file(&log).unwrap();
    symlink(&two, &log).unwrap();
    assert_eq!(reader.wait(4), all(0..4));
    // A descriptor that is open reads on.
    fs::set_permissions(&two, fs::Permissions::from_mode(0o0)).unwrap();
    append_open(&two, &line(4));
    assert_eq!(reader.wait(5), all(0..5));
    reader.end();
}

/// Appends as root does, or as whoever had the file open.
fn append_open(path: &str, text: &str) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    append(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o0)).unwrap();
}

#[test]
fn several_files_are_read_as_lines_come() {
    let folder = Folder::new();
    let (one, two) = (folder.write("one.log", lines(0..2)), folder.write("two.log", lines(2..4)));
    let reader = Reader::start(&folder, &["--no-filename", &one, &two]);
    assert_eq!(reader.wait(4), all(0..4));
    append(&two, &line(4));
    reader.wait(5);
    append(&one, &line(5));
    assert_eq!(reader.wait(6), all(0..6));
    reader.end();
}

#[test]
fn logs_that_hold_the_same_lines_are_said_once() {
    let folder = Folder::new();
    let (kern, ufw) = (folder.write("kern.log", lines(0..40)), folder.write("ufw.log", lines(10..40)));
    let reader = Reader::start(&folder, &["--no-filename", &kern, &ufw]);
    reader.wait(70);
    append(&kern, &lines(40..60));
    append(&ufw, &lines(40..60));
    reader.wait(110);
    let said = reader.end();
    assert_eq!(said.matches("hold the same lines: each is counted twice").count(), 1, "{said}");
}

#[test]
fn records_of_several_lines_and_json_come_as_they_are_written() {
    let folder = Folder::new();
    let object = |n: usize| {
        format!("{{\n  \"MESSAGE\": {:?}\n}}\n", line(n).trim_end().split("kernel: ").nth(1).unwrap())
    };
    let export = |n: usize| {
        format!("_TRANSPORT=kernel\nMESSAGE={}\n\n", line(n).trim_end().split("kernel: ").nth(1).unwrap())
    };
    for record in [&object as &dyn Fn(usize) -> String, &export] {
        let log = folder.write("kern.log", record(0));
        let _ = fs::remove_file(folder.path("seen"));
        let reader = Reader::start(&folder, &["--format", "table", &log]);
        for n in 1..4 {
            let began = Instant::now();
            while reader.seen().lines().filter(|found| found.contains("192.0.2.9")).count() < n {
                assert!(began.elapsed() < Duration::from_secs(20), "{n}: {}", reader.seen());
                sleep(Duration::from_millis(20));
            }
            append(&log, &record(n));
        }
        reader.end();
    }
}

#[test]
fn a_pipe_gives_each_line_at_once_and_ends_when_its_reader_does() {
    let folder = Folder::new();
    let log = folder.write("kern.log", lines(0..1));
    let mut child =
        program().args(["export", "-f", "--fields", "ip_id", &log]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut bytes = [0; 64];
    for n in 0..3 {
        let read = out.read(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
        assert!(text.contains(&format!(":{n}")), "{text}");
        append(&log, &line(n + 1));
    }
    drop(out);
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not notice");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_place_is_kept_and_found_again_through_rotation() {
    let folder = Folder::new();
    let log = folder.write("kern.log", lines(0..3));
    let place = folder.path("place");
    let next = || {
        let ran = run(&["lines", "--cursor", &place, &log]);
        assert!(ran.code < 2 && ran.err.is_empty(), "{}", ran.err);
        numbers(&ran.out)
    };
    assert_eq!(next(), all(0..3));
    assert_eq!(next(), Vec::<usize>::new());
    append(&log, &(line(3) + &line(4)[..30]));
    assert_eq!(next(), [3]);
    append(&log, &line(4)[30..]);
    assert_eq!(next(), [4]);
    // Moved away twice.
    append(&log, &line(5));
    fs::rename(&log, folder.path("kern.log.2")).unwrap();
    folder.write("kern.log.1", lines(6..8));
    append(&log, &line(8));
    assert_eq!(next(), all(5..9));
    // Cut, with a copy.
    append(&log, &line(9));
    fs::copy(&log, folder.path("kern.log.0")).unwrap();
    fs::remove_file(folder.path("kern.log.2")).unwrap();
    fs::rename(folder.path("kern.log.1"), folder.path("kern.log.2")).unwrap();
    fs::rename(folder.path("kern.log.0"), folder.path("kern.log.1")).unwrap();
    fs::write(&log, lines(10..12)).unwrap();
    assert_eq!(next(), all(9..12));
    assert_eq!(next(), Vec::<usize>::new());
    // Following goes on there too, and keeps it whatever ends it.
    append(&log, &line(12));
    let reader = Reader::start(&folder, &["--cursor", &place, &log]);
    reader.wait(1);
    append(&log, &line(13));
    reader.wait(2);
    reader.end_by("-TERM");
    append(&log, &line(14));
    assert_eq!(next(), [14]);
    // A place that is nowhere any more is said, and damage.
    for name in ["kern.log", "kern.log.1", "kern.log.2"] {
        fs::remove_file(folder.path(name)).unwrap();
    }
    folder.write("kern.log", lines(20..22));
    let ran = run(&["lines", "--cursor", &place, &log]);
    assert_eq!(numbers(&ran.out), [20, 21]);
    assert!(ran.err.contains("the place where it was left is not there any more"), "{}", ran.err);
    folder.write("place", "{}");
    let ran = run(&["lines", "--cursor", &place, &log]);
    assert!(ran.code == 2 && ran.err.contains("this is no cursor of fwstat"), "{}", ran.err);
}

#[test]
fn what_needs_an_end_is_refused() {
    for (option, value) in [("--output", "x"), ("--rejects", "x")] {
        let ran = run(&["lines", "-f", option, value, "kern.log"]);
        assert!(ran.code == 2 && ran.err.contains("has no end"), "{}", ran.err);
    }
    let ran = run(&["lines", "-f", "--rotated", "kern.log"]);
    assert!(ran.code == 2 && ran.err.contains("--rotated"), "{}", ran.err);
}

/// Writes numbered lines in pieces that end in the middle of lines, into whatever file has the name when it is told
/// that the file was moved, until `end`; how many.
fn write(log: &Path, told: &Path, rate: usize, end: Duration, keep: bool) -> usize {
    let open = || File::options().append(true).create(true).open(log).unwrap();
    let (began, mut file, mut n) = (Instant::now(), open(), 0);
    while began.elapsed() < end {
        let wanted = (began.elapsed().as_secs_f64() * rate as f64) as usize;
        let text = lines(n..wanted.max(n));
        n = wanted.max(n);
        let (one, two) = text.as_bytes().split_at(text.len() / 2);
        file.write_all(one).unwrap();
        file.write_all(two).unwrap();
        if !keep && fs::remove_file(told).is_ok() {
            file = open();
        }
        sleep(Duration::from_millis(1));
    }
    n
}

#[test]
fn logrotate_loses_and_doubles_nothing_that_is_on_the_disk() {
    if !has("logrotate") {
        return skipped("logrotate is not installed");
    }
    for options in [
        "create",
        "create\ncompress",
        "create\ncompress\ndelaycompress",
        "nocreate",
        "copytruncate",
        "copytruncate\ncompress",
        "copytruncate\ncompress\ndelaycompress",
    ] {
        let folder = Folder::new();
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
        let log = folder.write("kern.log", "");
        let told = folder.0.join("told");
        let config = folder.write(
            "rotate.conf",
            format!(
                "{log} {{\nrotate 50\nmissingok\n{options}\npostrotate\ntouch {}\nendscript\n}}\n",
                told.display()
            ),
        );
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let reader = Reader::start(&folder, &[&log]);
        let path = PathBuf::from(&log);
        let keep = options.starts_with("copytruncate");
        let writer = std::thread::spawn(move || write(&path, &told, 8_000, Duration::from_secs(3), keep));
        for _ in 0..4 {
            sleep(Duration::from_millis(600));
            let state = folder.path("state");
            let rotated = Command::new("logrotate").args(["-f", "-s", &state, &config]).output().unwrap();
            assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
        }
        let written = writer.join().unwrap();
        let mut disk = BTreeSet::new();
        for entry in fs::read_dir(&folder.0).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("kern.log") {
                let text = match name.ends_with(".gz") {
                    true => Command::new("zcat").arg(entry.path()).output().unwrap().stdout,
                    false => fs::read(entry.path()).unwrap(),
                };
                disk.extend(numbers_of_whole(&String::from_utf8(text).unwrap()));
            }
        }
        let began = Instant::now();
        let seen = || numbers_of_whole(&reader.seen());
        while seen().len() < disk.len() && began.elapsed() < Duration::from_secs(30) {
            sleep(Duration::from_millis(50));
        }
        sleep(Duration::from_millis(300));
        let mut seen = seen();
        let came = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(came, seen.len(), "{options}: doubled");
        let lost = disk.iter().filter(|n| seen.binary_search(n).is_err()).count();
        assert_eq!(lost, 0, "{options}: {} on the disk, {came} seen", disk.len());
        // What is on no disk was destroyed before anybody could read it, or read before that.
        assert!(keep || disk.len() == written, "{options}: {} of {written}", disk.len());
        reader.end();
    }
}

/// Numbers of lines as they were written: a cut in place may leave parts of lines.
fn numbers_of_whole(text: &str) -> Vec<usize> {
    let number = |found: &str| found.split(" ID=").nth(1)?.split(' ').next()?.parse().ok();
    text.lines().filter_map(|found| number(found).filter(|n| format!("{found}\n") == line(*n))).collect()
}

/// Waits until lines with the packets of these numbers came, in this order, and no more.
fn wait_for_packets(reader: &Reader, wanted: std::ops::Range<usize>) {
    let ids = || -> Vec<usize> {
        let seen = reader.seen();
        let id = |found: &str| found.split(" ID=").nth(1)?.split(' ').next()?.parse().ok();
        seen.lines().filter_map(id).collect()
    };
    let began = Instant::now();
    while ids().len() < wanted.len() && began.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(10));
    }
    sleep(Duration::from_millis(400));
    let wanted: Vec<usize> = wanted.collect();
    assert_eq!(ids(), wanted, "{}", reader.seen());
}

#[test]
fn entries_of_journals_come_as_they_are_written_through_journalds_rotation() {
    let folder = Folder::new();
    let journals = folder.0.join("journal");
    fs::create_dir(&journals).unwrap();
    let entry = |n: usize| {
        let line = line(n);
        journal::Entry::kernel(n as u64, line.trim_end().split("] ").nth(1).unwrap())
    };
    let write = |name: &str, range: std::ops::Range<usize>| {
        let form = journal::Form { online: true, first: range.start as u64 + 1, ..journal::Form::default() };
        let entries: Vec<_> = range.map(entry).collect();
        fs::write(journals.join(name), journal::file(form, &entries)).unwrap();
    };
    write("system.journal", 0..3);
    let reader = Reader::start(&folder, &[&format!("--journal={}", journals.display())]);
    wait_for_packets(&reader, 0..3);
    reader.between(|| write("system.journal", 0..5));
    wait_for_packets(&reader, 0..5);
    reader.between(|| {
        write("system.journal", 0..6);
        fs::rename(journals.join("system.journal"), journals.join("system@1.journal")).unwrap();
        write("system.journal", 6..8);
    });
    wait_for_packets(&reader, 0..8);
    reader.between(|| write("system.journal", 6..300));
    wait_for_packets(&reader, 0..300);
    assert_eq!(reader.end(), "");
}

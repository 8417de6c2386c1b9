//! Journals that systemd's own programs wrote: every setting, several releases.
//!
//! `testdata/journals` has a packed file of each. Live, the `systemd-journal-remote` of this system
//! and of each system tree that `FWSTAT_SYSTEMD_ROOTS` names (separated by `:`; entering one needs
//! root) write them anew; with `BLESS=1` those become the packed files.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use testkit::journal::{Entry, export, packed};

use crate::journal::{REMOTE, entries, has_journalctl, oracle, records};
use crate::support::*;

/// Who writes: the program, and the root to enter.
struct Writer {
    root: Option<PathBuf>,
    release: u32,
}

impl Writer {
    /// Those that are here.
    fn all() -> Vec<Writer> {
        let roots = std::env::var("FWSTAT_SYSTEMD_ROOTS").unwrap_or_default();
        let roots = roots.split(':').filter(|root| !root.is_empty()).map(|root| Some(PathBuf::from(root)));
        let mut writers: Vec<Writer> = Vec::new();
        for root in roots.chain([None]) {
            let mut writer = Writer { root, release: 0 };
            let Ok(output) = writer.command().arg("--version").output() else { continue };
            let text = String::from_utf8_lossy(&output.stdout);
            writer.release = text.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
            if writer.release > 0 && writers.iter().all(|other| other.release != writer.release) {
                writers.push(writer);
            }
        }
        writers
    }

    fn command(&self) -> Command {
        match &self.root {
            None => Command::new(REMOTE),
            Some(root) => {
                let mut command = Command::new("chroot");
                command.arg(root).arg(REMOTE);
                command
            }
        }
    }

    /// The file it writes of an export.
    fn write(&self, setting: Setting, folder: &Folder, export: &[u8]) -> Vec<u8> {
        // Where a root has to be entered, it writes inside.
        let inside = format!("/tmp/fwstat-{}", std::process::id());
        let place = self.root.as_ref().map(|root| root.join(&inside[1..]));
        let outside = place.clone().unwrap_or_else(|| folder.0.join("written"));
        let _ = std::fs::remove_dir_all(&outside);
        std::fs::create_dir_all(&outside).unwrap();
        let target = if self.root.is_some() { Path::new(&inside) } else { &outside }.join("r.journal");
        let mut command = self.command();
        command
            .args([if setting.pack.is_none() { "--compress=no" } else { "--compress=yes" }, "-o"])
            .arg(target)
            .arg("-");
        let bit = |set: bool| if set { "1" } else { "0" };
        command.env("SYSTEMD_JOURNAL_COMPACT", bit(setting.compact));
        command.env("SYSTEMD_JOURNAL_KEYED_HASH", bit(setting.keyed));
        command.env("SYSTEMD_JOURNAL_COMPRESS", setting.pack.unwrap_or("0"));
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(export).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let bytes = std::fs::read(outside.join("r.journal")).unwrap();
        if let Some(place) = place {
            std::fs::remove_dir_all(place).unwrap();
        }
        bytes
    }
}

/// What a writer is told.
#[derive(Clone, Copy, Debug)]
struct Setting {
    compact: bool,
    keyed: bool,
    pack: Option<&'static str>,
}

fn settings() -> Vec<Setting> {
    let mut all = Vec::new();
    for compact in [false, true] {
        for keyed in [false, true] {
            for pack in [None, Some("XZ"), Some("LZ4"), Some("ZSTD")] {
                all.push(Setting { compact, keyed, pack });
            }
        }
    }
    all
}

/// The setting that a file shows: writers know only some, and do what they know otherwise.
fn shown(release: u32, bytes: &[u8]) -> String {
    let flags = bytes[12];
    let layout = if flags & 16 != 0 { "compact" } else { "regular" };
    let hash = if flags & 4 != 0 { "keyed" } else { "plain" };
    let pack = match packed(bytes) {
        0 => "none",
        1 => "xz",
        2 => "lz4",
        4 => "zstd",
        _ => "mixed",
    };
    format!("{release}-{layout}-{hash}-{pack}")
}

/// What the writers get: all kinds of messages, of two boots.
fn input() -> Vec<Entry> {
    let mut all = entries(160);
    for (n, entry) in all.iter_mut().enumerate() {
        if n >= 100 {
            entry.fields[0] = format!("_BOOT_ID={}", "a2".repeat(16)).into_bytes();
        }
        if n % 20 == 17 {
            entry.fields.push(b"_KERNEL_SUBSYSTEM=pci".to_vec());
            entry.fields.push(format!("_KERNEL_DEVICE=+pci:0000:00:{:02}.0", n % 30).into_bytes());
        }
        if n % 20 == 18 {
            entry.fields.remove(2);
        }
    }
    all
}

/// The records that an export of the kernel's entries of this input gives.
fn expected() -> Vec<Value> {
    let of_kernel = |entry: &Entry| entry.fields.iter().any(|field| field == b"_TRANSPORT=kernel");
    let kernel: Vec<Entry> = input().into_iter().filter(of_kernel).collect();
    let records = records(&run_with(&export(&kernel), &["export", "-"]), true);
    assert!(records.len() > 100);
    records
}

/// Whether the program reads a file as it was meant, and as journalctl reads it.
fn compare(name: &str, path: &str, expected: &[Value]) {
    let ours = records(&run(&["export", path]), true);
    let differ = ours.iter().zip(expected).find(|(ours, expected)| ours != expected);
    assert!(ours == expected, "{name}: {} and {}: {differ:?}", ours.len(), expected.len());
    if has("journalctl") {
        let theirs = records(&oracle(&["--file", path], &[]), true);
        let differ = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        assert!(ours == theirs, "{name}: {} and journalctl's {}: {differ:?}", ours.len(), theirs.len());
    }
}

#[test]
fn files_of_three_releases_say_what_was_written() {
    let folder = Folder::new();
    let expected = expected();
    let mut seen = BTreeSet::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(testkit::testdata("journals"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "zst"));
    files.sort();
    for path in &files {
        let name = path.file_name().unwrap().to_str().unwrap().trim_end_matches(".journal.zst");
        let bytes = zstd::stream::decode_all(std::fs::File::open(path).unwrap()).unwrap();
        let release = name.split('-').next().unwrap().parse().unwrap();
        assert_eq!(shown(release, &bytes), name);
        compare(name, &folder.write("x.journal", bytes), &expected);
        seen.insert(release);
    }
    assert!(files.len() >= 24 && seen.len() >= 3, "{} files of {seen:?}", files.len());
    has_journalctl();
}

#[test]
fn the_writers_of_this_machine_are_read_in_all_their_settings() {
    let folder = Folder::new();
    let expected = expected();
    let writers = Writer::all();
    let mut seen = BTreeSet::new();
    for writer in &writers {
        for setting in settings() {
            let bytes = writer.write(setting, &folder, &export(&input()));
            let name = shown(writer.release, &bytes);
            if !seen.insert(name.clone()) {
                continue;
            }
            if std::env::var_os("BLESS").is_some() {
                let packed = zstd::stream::encode_all(&bytes[..], 19).unwrap();
                std::fs::write(testkit::testdata("journals").join(format!("{name}.journal.zst")), packed)
                    .unwrap();
            }
            compare(&name, &folder.write("x.journal", bytes), &expected);
        }
    }
    // 252 and later know both layouts, both hashes, packing or none.
    let recent = writers.iter().filter(|writer| writer.release >= 252).count();
    assert!(seen.len() >= 8 * recent, "{seen:?}");
    if writers.len() < 3 {
        skipped(&format!(
            "{} settings of {} releases of systemd-journal-remote were compared; FWSTAT_SYSTEMD_ROOTS may name more",
            seen.len(),
            writers.len()
        ));
    }
}

/// journald on a disk of its own, with rotation, vacuum and a crash: in mounts of its own, so that
/// nothing of the machine's journal is touched. `Audit=`, or it would switch the audit of the whole machine.
fn journald(out: &Path, setting: &str) -> bool {
    let script = format!(
        "mount -t tmpfs none /run && mount -t tmpfs none /var/log || exit 7\n\
         mkdir -p {out}/disk /var/log/journal /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d\n\
         mount --bind {out}/disk /var/log/journal || exit 7\n\
         mkdir -p /var/log/journal/$(cat /etc/machine-id)\n\
         journalctl --setup-keys --interval=1s >/dev/null 2>&1\n\
         printf '[Journal]\\nStorage=persistent\\nRateLimitIntervalSec=0\\nForwardToSyslog=no\\nForwardToWall=no\\n\
         ReadKMsg=yes\\nAudit=\\nSystemMaxFileSize=1M\\nSystemMaxUse=6M\\n{setting}' > /run/systemd/journald.conf.d/x.conf\n\
         start() {{ /lib/systemd/systemd-journald >/dev/null 2>&1 & pid=$!; sleep 1.5; touch /run/systemd/journal/flushed; kill -USR1 $pid; sleep 1; }}\n\
         fill() {{ seq $1 $2 | sed 's/$/ and some words that others write/' | systemd-cat -t other; }}\n\
         start\n\
         cp -r {out}/disk {out}/begun\n\
         for n in 1 2 3 4; do echo \"<4>fwstat-test-$n IN=eth0 OUT= SRC=10.0.0.$n DST=10.0.0.9 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2\" > /dev/kmsg; \
           fill ${{n}}0000 ${{n}}2500; kill -USR2 $pid; done\n\
         fill 50000 53000 & cp -r {out}/disk {out}/live; wait $!\n\
         sleep 1; kill -9 $pid; wait $pid; cp -r {out}/disk {out}/killed\n\
         start; fill 60000 60500; sleep 1; cp -r {out}/disk {out}/again; kill $pid; wait $pid; cp -r {out}/disk {out}/done; exit 0\n",
        out = out.display()
    );
    let status = Command::new("unshare").args(["-m", "sh", "-c", &script]).stdin(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn journald_rotates_deletes_is_killed_and_is_read() {
    let may = shell(&std::env::temp_dir(), "id -u").trim() == "0" && has("unshare") && has("systemd-cat");
    if !may || !Path::new("/lib/systemd/systemd-journald").exists() || !Path::new("/dev/kmsg").exists() {
        return skipped(
            "we are not root, or systemd-journald, systemd-cat, unshare or /dev/kmsg is not there",
        );
    }
    if !has_journalctl() {
        return;
    }
    for setting in ["Seal=no\\n", "Seal=yes\\nCompress=8\\n", "Compress=no\\n"] {
        let folder = Folder::new();
        if !journald(&folder.0, setting) {
            return skipped("no mounts of our own are allowed here");
        }
        let names = shell(&folder.0, "ls begun/* live/* killed/* again/* done/*");
        assert!(names.contains(".journal~") && names.contains("system@"), "{names}");
        let mut most = 0;
        for name in ["begun", "live", "killed", "again", "done"] {
            let path = folder.path(name);
            let mut ran = run(&["export", &path]);
            if name == "live" {
                // A copy of a file that is being written may be cut, which is said.
                ran.code = 0;
            }
            let ours = records(&ran, false);
            let theirs = records(&oracle(&["-D", &path], &[]), false);
            if name == "live" {
                // Nothing less than what journalctl can read of that.
                assert!(theirs.iter().all(|record| ours.contains(record)), "{setting} {name}");
            } else {
                let differ = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
                assert!(ours == theirs, "{setting} {name}: {} and {}: {differ:?}", ours.len(), theirs.len());
            }
            let mut command = Command::new("journalctl");
            let export = command
                .args(["-q", "-D", &path, "-o", "export", "--all", "_TRANSPORT=kernel"])
                .output()
                .unwrap();
            let lines = |ran: Ran| ran.json()["totals"]["lines"].as_u64().unwrap();
            let count = lines(run(&["check", "-j", &path]));
            if name != "live" {
                assert_eq!(count, lines(run_with(&export.stdout, &["check", "-j", "-"])), "{setting} {name}");
            }
            most = most.max(count);
        }
        assert!(most > 4, "{setting}: {most}");
    }
}

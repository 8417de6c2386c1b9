//! The units of systemd and the script for cron that packages bring: their commands run, and they may do little.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::*;

/// The units of one kind: their names and texts.
fn units(kind: &str) -> Vec<(String, String)> {
    let folder = testkit::repository().join("packaging/systemd");
    let mut units: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())
        })
        .filter(|(name, _)| name.ends_with(kind))
        .collect();
    units.sort();
    assert!(!units.is_empty());
    units
}

/// The units in a folder, with the program of this test instead of the installed one.
fn installed(folder: &Folder) -> Vec<String> {
    let with_program = |text: String| text.replace("/usr/bin/fwstat", env!("CARGO_BIN_EXE_fwstat"));
    units("").into_iter().map(|(name, text)| folder.write(&name, with_program(text))).collect()
}

/// `systemd-analyze`, if it looks at files.
fn analyze(arguments: &[&str]) -> Option<Ran> {
    if !has("systemd-analyze") {
        skipped("systemd-analyze is not there");
        return None;
    }
    let ran = finish(Command::new("systemd-analyze").args(arguments).stdin(Stdio::null()));
    if ran.err.contains("unrecognized option") {
        skipped("systemd-analyze is older than 250");
        return None;
    }
    Some(ran)
}

#[test]
fn systemd_finds_nothing_wrong() {
    let folder = Folder::new();
    let files = installed(&folder);
    let mut arguments = vec!["verify", "--man=no", "--recursive-errors=no"];
    arguments.extend(files.iter().map(String::as_str));
    let Some(ran) = analyze(&arguments) else { return };
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn services_may_do_little() {
    let folder = Folder::new();
    for file in installed(&folder).iter().filter(|file| file.ends_with(".service")) {
        let Some(ran) = analyze(&["security", "--offline=yes", "--no-pager", file]) else { return };
        let (_, level) = ran.out.rsplit_once("exposure level for ").unwrap_or_else(|| panic!("{}", ran.err));
        let level: f64 = level.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(level < 2.0, "{file}: {level}");
    }
}

/// As a service: nothing on standard input, a folder of its own, the logs of a machine.
#[test]
fn what_services_run_leaves_their_files() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.0.join("root/var/log")).unwrap();
    folder.write("root/var/log/kern.log", log(400, 600, 9));
    for (name, text) in units(".service") {
        let own = folder.path(&name);
        std::fs::create_dir(&own).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let line = line.replace("/usr/bin/fwstat", env!("CARGO_BIN_EXE_fwstat"));
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {line} --root {}", folder.path("root"))]);
        shell.env("STATE_DIRECTORY", &own).env("RUNTIME_DIRECTORY", &own);
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut service = shell.spawn().unwrap();
        let is_there = || {
            let files = std::fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().metadata().unwrap());
            files.filter(|meta| meta.len() > 0).count() > 0
        };
        let started = Instant::now();
        while !is_there() && started.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(30));
        }
        if !text.contains("Type=oneshot") {
            Command::new("kill").arg(service.id().to_string()).status().unwrap();
        }
        let code = service.wait().unwrap().code();
        let good = text.lines().find_map(|line| line.strip_prefix("SuccessExitStatus=")).unwrap_or_default();
        let is_good =
            code.is_some_and(|code| code == 0 || good.split(' ').any(|one| one == code.to_string()));
        assert!(is_there() && is_good, "{name}: {code:?}");
    }
}

#[test]
fn the_script_for_cron_mails_the_report_as_a_user_that_may_do_nothing_else() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.0.join("root/var/log")).unwrap();
    let script = std::fs::read_to_string(testkit::repository().join("packaging/cron.daily")).unwrap();
    let machine = format!("-U today --year 2026 --now 2026-06-03 --root {}", folder.path("root"));
    let script =
        script.replace("-U today", &machine).replace("/usr/bin/fwstat", env!("CARGO_BIN_EXE_fwstat"));
    let script = folder.write("cron.daily", script);
    let cron = || {
        finish(Command::new("sh").arg(&script).env("TZ", "UTC").env("SENDMAIL", "cat").stdin(Stdio::null()))
    };
    let ran = cron();
    if !ran.err.contains("no log in the usual places") {
        return skipped("only root may become another user, who must reach this folder");
    }
    assert_ne!(ran.code, 0);
    folder.write("root/var/log/kern.log", log(400, 600, 9));
    let ran = cron();
    assert!(ran.code == 0 && ran.out.starts_with("To: root\nSubject: "), "{}{}", ran.out, ran.err);
}

//! The command line itself: help, man page, completions, the file of arguments.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::*;

/// The long options that a help text lists.
fn options(help: &str) -> Vec<String> {
    let mut options: Vec<String> = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-') && line.find('-') < Some(10))
        .filter_map(|line| {
            let name = line.split_whitespace().find(|word| word.starts_with("--"))?;
            // `--boot[=<BOOT>]`: the name ends where its value begins.
            Some(name.trim_end_matches(',').split(['[', '=']).next()?.to_owned())
        })
        .filter(|name| name.len() > 3)
        .collect();
    options.sort();
    options.dedup();
    options
}

/// What a shell is offered for a beginning of a command line.
fn offered(words: &[&str]) -> String {
    let mut command = program();
    command.env("COMPLETE", "fish").arg("--").arg("fwstat").args(words);
    finish(&mut command).out
}

#[test]
fn help_manual_and_completions_list_the_same_options() {
    for command in [
        "",
        "top",
        "timeline",
        "scans",
        "diff",
        "check",
        "lines",
        "export",
        "replay",
        "explain",
        "suggest",
        "report",
        "anonymise",
        "watch",
    ] {
        let words: Vec<&str> = [command].into_iter().filter(|word| !word.is_empty()).collect();
        let help = run(&[&words[..], &["--help"]].concat());
        assert_eq!(help.code, 0);
        let options = options(&help.out);
        assert!(options.len() >= 15, "{command:?}: {options:?}");
        let page = if command.is_empty() { "man".to_owned() } else { format!("man-{command}") };
        let page = run(&["--generate", &page]).out.replace("\\-", "-");
        let offered = offered(&[&words[..], &["--"]].concat());
        for option in options {
            assert!(page.contains(&format!("\\fB{option}\\fR")), "{command:?}: page: {option}");
            let listed = |line: &str| line.split('\t').next() == Some(option.as_str());
            assert!(offered.lines().any(listed), "{command:?}: completion: {option}: {offered}");
        }
    }
}

#[test]
fn help_fits_a_terminal() {
    for command in [
        "top",
        "timeline",
        "scans",
        "diff",
        "merge",
        "check",
        "export",
        "replay",
        "explain",
        "suggest",
        "report",
        "anonymise",
        "watch",
    ] {
        let help = run(&[command, "-h"]).out;
        assert!(help.lines().all(|line| line.chars().count() <= 98), "{help}");
        let before = help.lines().zip(help.lines().skip(1)).find(|(_, line)| line.starts_with("  [FILE]"));
        assert!(before.is_none_or(|(heading, _)| heading == "Arguments:"), "{help}");
    }
}

#[test]
fn arguments_may_come_from_a_file() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(300, 60, 51));
    let file = folder.write("args", "# my defaults\n--format=json\n-n\n3\n\n--nonsense\n");
    let with = |arguments: &[&str], file: &str| {
        let mut command = program();
        finish(command.args(arguments).arg(&log).env("FWSTAT_CONFIG_PATH", file))
    };
    let ran = with(&["top", "--by", "src"], &file);
    assert_eq!(ran.json()["tables"][0]["rows"].as_array().unwrap().len(), 3);
    assert!(ran.err.contains("args:6: no option is called `--nonsense`"), "{}", ran.err);
    // The command line wins; and the file can be left out.
    assert_eq!(
        with(&["top", "--by", "src", "-n", "2"], &file).json()["tables"][0]["rows"].as_array().unwrap().len(),
        2
    );
    assert!(with(&["top", "--no-config"], &file).out.contains("PREFIX"));
    let missing = with(&["top"], &folder.path("no-such-file"));
    assert!(missing.code == 0 && missing.err.contains("no-such-file"), "{}", missing.err);
}

#[test]
fn an_unknown_command_may_be_another_program() {
    let folder = Folder::new();
    let path = folder.write("fwstat-hello", "#!/bin/sh\necho \"hello $*\"\nexit 7\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = program();
    let ran = finish(command.args(["hello", "you", "--there"]).env("PATH", &folder.0));
    assert_eq!((ran.code, ran.out.as_str()), (7, "hello you --there\n"));
    // One that belongs to fwstat is named where it is missing.
    let missing = finish(program().args(["sql", "SELECT 1"]).env("PATH", &folder.0));
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("--path crates/fwstat-sql"), "{}", missing.err);
    // A file of that name is a file.
    folder.write("hello", log(10, 60, 52));
    let ran = finish(program().arg("hello").current_dir(&folder.0).env("PATH", &folder.0));
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn threads_come_from_the_environment() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(300, 60, 53));
    let mut command = program();
    assert_eq!(finish(command.args(["top", &log]).env("FWSTAT_THREADS", "3")).code, 0);
    let mut command = program();
    assert_eq!(finish(command.args(["top", &log]).env("FWSTAT_THREADS", "many")).code, 2);
}

/// Values that make no sense are refused; those that are merely large do no harm.
#[test]
fn extreme_values_end_in_an_answer() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(30, 60, 54) + "0000-01-01T00:00:00Z gate kernel: x\n");
    for year in ["0", "26", "65535", "x"] {
        let ran = run(&["top", "--year", year, &log]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{year}");
    }
    for arguments in [
        &["--threads", "9999"][..],
        &["--width", "1"],
        &["-n", "18446744073709551615"],
        &["--since", "@-9223372036", "--until", "2262-04-11"],
        &["--year", "1970"],
        &["--year", "2261"],
        &["--tz", "Pacific/Apia"],
    ] {
        for command in [&[][..], &["top"], &["timeline"]] {
            if command == ["timeline"] && arguments[0] == "-n" {
                continue;
            }
            let ran = run(&[command, arguments, &[&log]].concat());
            assert!(matches!(ran.code, 0 | 1), "{command:?} {arguments:?}: {}", ran.err);
        }
    }
}

#[test]
fn a_misspelt_command_is_no_file() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(30, 60, 55));
    let ran = run(&["tpo", &log]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("did you mean `fwstat top`?"), "{}", ran.err);
    // What is like no command may be meant as one, too; what looks like a name of a file, or is one, is read.
    assert!(run(&["missing", &log]).err.contains("nothing is called `missing`, no command and no file"));
    let overview = run(&["overview", &log, "-n", "3"]);
    let wanted = format!("comes without a command\n  fwstat {log} -n 3\n");
    assert!(overview.code == 2 && overview.err.contains(&wanted), "{}", overview.err);
    assert!(run(&["missing.log", &log]).err.contains("missing.log: no such file"));
    folder.write("tpo", "");
    assert_eq!(finish(program().args(["tpo", &log]).current_dir(&folder.0)).code, 0);
}

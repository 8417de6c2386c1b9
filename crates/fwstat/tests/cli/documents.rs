//! The README's commands print what the README says.
//!
//! `BLESS=1 cargo test` writes the output into it anew.

use std::path::Path;

use crate::support::*;

#[test]
fn every_command_prints_what_the_readme_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let folder = Folder::new();
    // The sample's stamps have no year; a fresh clone's files were written today.
    let year = folder.write("args", "--year=2026\n");
    let programs = Path::new(env!("CARGO_BIN_EXE_fwstat")).parent().unwrap().display().to_string();
    let mut written = String::new();
    let mut blocks = 0;
    let mut parts = text.split("```console\n");
    written += parts.next().unwrap();
    for part in parts {
        let (block, rest) = part.split_once("```").unwrap();
        let line = block.lines().next().unwrap();
        let mut shell = program_in_shell(line.strip_prefix("$ ").unwrap());
        let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
        let ran = finish(shell.current_dir(&root).env("PATH", path).env("FWSTAT_CONFIG_PATH", &year));
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        written += &format!("```console\n{line}\n{}```{rest}", ran.out);
        blocks += 1;
    }
    assert!(blocks >= 4);
    testkit::kept(&path, &written);
}

/// A command line of the README, with nothing of the surroundings that could change its output.
fn program_in_shell(line: &str) -> std::process::Command {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", line]).env("TZ", "UTC");
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "FWSTAT_THREADS"] {
        shell.env_remove(name);
    }
    shell
}

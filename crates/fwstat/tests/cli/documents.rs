//! The commands of the README and of the guide print what these say.
//!
//! `BLESS=1 cargo test` writes the output into them anew. A block marked as `console` is run; the others are counted, and
//! must be marked as what they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::*;

/// What blocks that are not run may be: commands for root, other programs or other machines; source; settings.
/// Of these `screen` is what another test draws.
const NOT_RUN: [&str; 5] = ["sh", "rust", "toml", "screen", "yaml"];

#[test]
fn every_command_prints_what_the_readme_says() {
    let (run, _) = checked(&root().join("README.md"), &root());
    assert!(run >= 4, "{run}");
}

#[test]
#[allow(clippy::print_stdout)] // what was not run is counted where it can be seen
fn every_command_prints_what_the_guide_says() {
    let guide = root().join("docs/src");
    let folder = Folder::new();
    let log = std::fs::read_to_string(root().join("testdata/sample/kern.log")).unwrap();
    // The sample as ufw's rules would have written it.
    let ufw = log.replace("tcp.in.dropped ", "[UFW BLOCK] ").replace("udp.in.dropped ", "[UFW BLOCK] ");
    folder.write("ufw.log", ufw);
    folder.write("kern.log", log);
    for place in ["docker.save", "firewalld.json", "fw4.json", "hand.json", "ufw.save"] {
        std::fs::copy(root().join("testdata/places").join(place), folder.path(place)).unwrap();
    }
    let noise = root().join("testdata/noise");
    for name in ["home", "vps"] {
        std::fs::copy(noise.join(format!("{name}.rules")), folder.path(&format!("{name}.rules"))).unwrap();
        let log = noise.join(format!("{name}.log.gz"));
        shell(&folder.0, &format!("gunzip -c {} > {name}.log", log.display()));
    }
    let summary = std::fs::read_to_string(guide.join("SUMMARY.md")).unwrap();
    let linked = |line: &str| Some(guide.join(line.split_once("](")?.1.split_once(')')?.0));
    let pages: Vec<PathBuf> = summary.lines().filter_map(linked).collect();
    let (mut run, mut not_run) = (0, BTreeMap::new());
    for page in &pages {
        let (blocks, others) = checked(page, &folder.0);
        run += blocks;
        for (kind, count) in others {
            *not_run.entry(kind).or_insert(0) += count;
        }
    }
    println!("{} pages: {run} blocks run; not run: {not_run:?}", pages.len());
    assert!(pages.len() >= 13 && run >= 25, "{} pages, {run} blocks", pages.len());
    // Each page of the guide is in the table of contents.
    let all = shell(&guide, "find . -name '*.md' ! -name SUMMARY.md | wc -l");
    assert_eq!(all.trim().parse(), Ok(pages.len()));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the commands of a document in a folder; how many, and how many blocks of which kind were not run.
fn checked(path: &Path, folder: &Path) -> (usize, BTreeMap<String, usize>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let settings = Folder::new();
    // The sample's stamps have no year; a fresh clone's files were written today.
    let year = settings.write("args", "--year=2026\n");
    let programs = Path::new(env!("CARGO_BIN_EXE_fwstat")).parent().unwrap().display().to_string();
    let search = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let (mut written, mut run, mut others) = (String::new(), 0, BTreeMap::new());
    let mut parts = text.split("```");
    written += parts.next().unwrap();
    while let Some(block) = parts.next() {
        let (kind, block) = block.split_once('\n').unwrap();
        if kind == "console" {
            let line = block.lines().next().unwrap();
            let mut shell = program_in_shell(line.strip_prefix("$ ").unwrap());
            let ran = finish(shell.current_dir(folder).env("PATH", &search).env("FWSTAT_CONFIG_PATH", &year));
            assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}: {line}", path.display());
            written += &format!("```console\n{line}\n{}```", ran.out);
            run += 1;
        } else {
            assert!(NOT_RUN.contains(&kind), "{}: a block without a mark: {block}", path.display());
            written += &format!("```{kind}\n{block}```");
            *others.entry(kind.to_owned()).or_insert(0) += 1;
        }
        written += parts.next().unwrap();
    }
    testkit::kept(path, &written);
    (run, others)
}

/// A command line of the README, with nothing of the surroundings that could change its output.
fn program_in_shell(line: &str) -> std::process::Command {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", line]).env("TZ", "UTC");
    without_surroundings(&mut shell);
    shell
}

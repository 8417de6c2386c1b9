//! The repository holds to what `ARCHITECTURE.md` says.

use std::fmt::Write as _;
use std::process::Command;

#[test]
fn the_repository_is_tidy() {
    let tree = tidy::Tree::read(&testkit::repository()).unwrap();
    let findings = tidy::check(&tree);
    let mut text = String::new();
    for finding in &findings {
        writeln!(text, "{finding}").unwrap();
    }
    assert!(
        findings.is_empty(),
        "{text}{} places. ARCHITECTURE.md has the rules; what must be so all the same goes into \
         crates/tidy/exceptions.txt, with its reason.",
        findings.len()
    );
}

/// Bytes of a file in the repository: whoever clones it takes all of them.
const LARGEST: usize = 1 << 20;

#[test]
fn what_is_tracked_belongs_here() {
    let root = testkit::repository();
    let listed = Command::new("git").args(["-C", root.to_str().unwrap(), "ls-files", "-z"]).output();
    let Some(listed) = listed.ok().filter(|git| git.status.success()) else {
        testkit::skipped("this is no checkout of git: what it tracks was not looked at");
        return;
    };
    let names = String::from_utf8(listed.stdout).unwrap();
    let mut strangers = Vec::new();
    for name in names.split_terminator('\0') {
        // A file that is being deleted is still listed.
        let Ok(bytes) = std::fs::read(root.join(name)) else { continue };
        let is_text = !bytes.iter().take(8192).any(|&byte| byte == 0);
        let may_be_binary = name.starts_with("testdata/");
        if bytes.len() > LARGEST || !(is_text || may_be_binary) {
            strangers.push(format!("{name}, {} bytes", bytes.len()));
        }
    }
    assert!(strangers.is_empty(), "large, or no text and no test data: {strangers:#?}");
}

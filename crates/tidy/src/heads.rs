//! Rule `head`: what the first comment of each file under `src/` says.
//!
//! Responsible for: the three sentences `Responsible for:`, `Must not know:` and `Tested by:`, and
//! that unit tests, test files and modules which a head names as its tests exist. The root of a
//! crate and the files of programs have a front page instead: any `//!`.
//! Must not know: paths in other comments; they have a rule of their own.
//! Tested by: the unit tests below.

use crate::{Finding, Tree};

const SENTENCES: [&str; 3] = ["Responsible for: ", "Must not know: ", "Tested by: "];
/// Words by which a head says where unit tests are.
const BELOW: [&str; 2] = ["the unit tests below", "the unit test below"];
const OF_ITS_FILES: &str = "the unit tests of its files";
const OF_MODULES: [&str; 2] = ["the unit tests of `", "the unit tests in `"];

pub(crate) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    for (path, text) in tree.sources() {
        for what in faults(tree, path, text) {
            findings.push(Finding { rule: "head", place: path.to_owned(), what });
        }
    }
}

/// The text of the first comment, its lines joined by blanks.
fn head(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.trim().to_owned() + " ").collect()
}

fn faults(tree: &Tree, path: &str, text: &str) -> Vec<String> {
    let head = head(text);
    if head.trim().is_empty() {
        return vec!["the file does not open with `//!`".to_owned()];
    }
    let inside = path.split_once("/src/").map_or(path, |(_, inside)| inside);
    if inside == "lib.rs" || inside == "main.rs" || inside.starts_with("bin/") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for sentence in SENTENCES {
        match head.split_once(sentence).map(|(_, rest)| rest.trim_start()) {
            None => faults.push(format!("the head has no `{}`", sentence.trim_end())),
            Some(rest) if rest.is_empty() || SENTENCES.iter().any(|other| rest.starts_with(other)) => {
                faults.push(format!("the head says nothing after `{}`", sentence.trim_end()));
            }
            Some(_) => {}
        }
    }
    let Some((_, tested)) = head.split_once(SENTENCES[2]) else { return faults };
    if BELOW.iter().any(|words| tested.contains(words)) && !has_unit_tests(text) {
        faults.push("the head names unit tests below, and there are none".to_owned());
    }
    if tested.contains(OF_ITS_FILES) && !tree.files(&beneath(path), ".rs").any(|(_, t)| has_unit_tests(t)) {
        faults.push("the head names unit tests of its files, and there are none".to_owned());
    }
    for module in OF_MODULES.iter().filter_map(|words| tested.split_once(words)) {
        let name = module.1.split('`').next().unwrap_or_default();
        let root = &path[..path.len() - inside.len()];
        let file = name.replace("::", "/");
        let ends = [format!("/{file}.rs"), format!("/{file}/mod.rs")];
        let found = tree
            .files(root, ".rs")
            .any(|(p, t)| ends.iter().any(|end| p.ends_with(end)) && has_unit_tests(t));
        if !found {
            faults.push(format!("the head names unit tests of `{name}`, and there are none"));
        }
    }
    let names = ["unit test", "tests of `", "tests/", "testdata/", ".rs`", ".sh`"];
    if !names.iter().any(|words| tested.contains(words)) {
        faults.push("`Tested by:` names no test".to_owned());
    }
    faults
}

/// The directory of a module's files: of `a/mod.rs` it is `a/`, of `a.rs` too.
fn beneath(path: &str) -> String {
    match path.strip_suffix("mod.rs") {
        Some(folder) => folder.to_owned(),
        None => path.trim_end_matches(".rs").to_owned() + "/",
    }
}

fn has_unit_tests(text: &str) -> bool {
    text.contains("#[cfg(test)]") && text.contains("#[test]")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str = "#[cfg(test)]\nmod tests { #[test] fn t() {} }\n";

    fn faults_of(head: &str, rest: &str) -> Vec<String> {
        let text: String = head.lines().map(|line| format!("//! {line}\n")).collect::<String>() + "\n" + rest;
        let files = [
            ("crates/a/src/x/mod.rs", text.as_str()),
            ("crates/a/src/x/walk.rs", TESTS),
            ("crates/a/src/y/z.rs", TESTS),
            ("crates/a/src/y/no.rs", ""),
            ("crates/a/tests/t.rs", ""),
        ];
        faults(&Tree::of(files), files[0].0, files[0].1)
    }

    fn tested_by(how: &str, rest: &str) -> Vec<String> {
        faults_of(&format!("X.\n\nResponsible for: a\nb.\nMust not know: c.\nTested by: {how}"), rest)
    }

    #[test]
    fn heads_say_three_things() {
        assert_eq!(faults_of("", ""), ["the file does not open with `//!`"]);
        assert_eq!(faults_of("X.", "").len(), 3);
        let empty = faults_of("Responsible for: \nMust not know: \nTested by: `tests/t.rs`", "");
        assert_eq!(empty.len(), 2, "{empty:?}");
        assert_eq!(tested_by("`tests/t.rs`.", ""), [""; 0]);
        assert_eq!(tested_by("looking hard.", ""), ["`Tested by:` names no test"]);
    }

    #[test]
    fn unit_tests_that_are_named_exist() {
        assert_eq!(tested_by("the unit tests below.", TESTS), [""; 0]);
        assert_eq!(tested_by("the unit tests below.", "").len(), 1);
        assert_eq!(tested_by("the unit tests of its files.", ""), [""; 0]);
        assert_eq!(tested_by("the unit tests of `walk`.", ""), [""; 0]);
        assert_eq!(tested_by("the unit tests in `y::z`.", ""), [""; 0]);
        assert_eq!(tested_by("the unit tests of `y::no`.", "").len(), 1);
        assert_eq!(tested_by("the unit tests of `gone`.", "").len(), 1);
    }

    #[test]
    fn crate_roots_have_front_pages() {
        let tree =
            Tree::of([("crates/a/src/lib.rs", "//! A crate.\n"), ("crates/a/src/main.rs", "fn main() {}\n")]);
        let mut findings = Vec::new();
        check(&tree, &mut findings);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "crates/a/src/main.rs");
    }
}

//! Rule `path`: what documents and comments name exists.
//!
//! Responsible for: files and directories in backticks or behind a link of Markdown, functions of
//! files (`FILE.rs::NAME`), `-p PACKAGE` and `--test NAME` of cargo commands. A word in capitals
//! (`tests/NAME.rs`) stands for any.
//! Must not know: which document says what.
//! Tested by: the unit tests below.

use std::collections::BTreeSet;

use crate::{Finding, Tree};

pub(crate) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    let packages: BTreeSet<String> =
        tree.files("", "Cargo.toml").filter_map(|(_, text)| package(text)).collect();
    for (path, text) in tree.files("", "") {
        let is_rust = path.ends_with(".rs");
        if !is_rust && !path.ends_with(".md") {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let said = if is_rust { comment(line) } else { line };
            let mut missing: Vec<String> = quoted(said).filter(|name| !exists(tree, path, name)).collect();
            if !is_rust {
                missing.extend(links(said).filter(|name| !exists_link(tree, path, name)));
            }
            let mut wrong = |what: String| {
                let what = format!("line {}: {what}", at + 1);
                findings.push(Finding { rule: "path", place: path.to_owned(), what });
            };
            missing.extend(functions(said).filter(|name| !exists_function(tree, path, name)));
            missing.into_iter().for_each(|name| wrong(format!("`{name}` does not exist")));
            commands(tree, &packages, said).into_iter().for_each(&mut wrong);
        }
    }
}

fn package(manifest: &str) -> Option<String> {
    let table: toml::Table = manifest.parse().ok()?;
    Some(table.get("package")?.get("name")?.as_str()?.to_owned())
}

/// The comment of a line of Rust, if the line is nothing else.
fn comment(line: &str) -> &str {
    let line = line.trim_start();
    if line.starts_with("//") { line } else { "" }
}

/// Words in backticks that look like paths of this repository.
fn quoted(line: &str) -> impl Iterator<Item = String> {
    line.split('`').skip(1).step_by(2).flat_map(str::split_whitespace).map(|word| {
        let word = word.trim_end_matches([',', ';', ':', ')', '.']);
        // `FILE:12` names a line.
        word.split_once(':').map_or(word, |(file, _)| file).to_owned()
    })
}

/// Words in backticks that name a function of a file.
fn functions(line: &str) -> impl Iterator<Item = String> {
    let words = line.split('`').skip(1).step_by(2).flat_map(str::split_whitespace);
    words.filter(|word| word.contains(".rs::")).map(str::to_owned)
}

/// Whether a file has a function: from the root, from `crates/`, or from the file's own crate.
fn exists_function(tree: &Tree, from: &str, name: &str) -> bool {
    let Some((file, function)) = name.split_once("::") else { return false };
    if function.bytes().all(|b| b.is_ascii_uppercase()) {
        return true;
    }
    let mut texts = ["", "crates/", owner(from)].into_iter().filter_map(|base| tree.text(&join(base, file)));
    texts.any(|text| text.contains(&format!("fn {function}(")))
}

/// Targets of links to files.
fn links(line: &str) -> impl Iterator<Item = String> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        (!target.is_empty() && !target.contains("://")).then(|| target.to_owned())
    })
}

fn exists_link(tree: &Tree, from: &str, target: &str) -> bool {
    tree.exists(&join(directory(from), target))
}

/// Whether what looks like a path is there: from the root, from `crates/`, from the file's own
/// crate, or from the file's directory. What does not look like a path of ours is fine.
fn exists(tree: &Tree, from: &str, name: &str) -> bool {
    let is_text = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/*".contains(c));
    let Some((first, _)) = name.split_once('/') else { return true };
    // `src/24` is a network.
    let is_number = name.rsplit('/').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if !is_text || is_number && !name.ends_with('/') || name.starts_with(['/', '-']) || name.contains("//") {
        return true;
    }
    let own = owner(from);
    let bases = ["", "crates/", own, directory(from)];
    let begins_here = |base: &&str| first != "." && first != ".." && tree.exists(&format!("{base}{first}"));
    let bases: Vec<&str> = bases.into_iter().filter(begins_here).collect();
    // Names such as `tests/NAME.rs` are ours wherever they are said.
    let is_ours = !bases.is_empty() || ["tests", "src", "testdata"].contains(&first);
    let pattern = pattern(name);
    let is_there = |base: &&str| tree.exists(&join(base, name)) || tree.exists(&join(base, &pattern));
    !is_ours || bases.iter().any(is_there)
}

/// A path with `*` for each word in capitals.
fn pattern(path: &str) -> String {
    let mut pattern = String::new();
    for word in path.split_inclusive(['/', '.', '-']) {
        let name = word.trim_end_matches(['/', '.', '-']);
        let is_any = name.len() > 2 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        pattern += if is_any { "*" } else { name };
        pattern += &word[name.len()..];
    }
    pattern
}

/// `crates/NAME/` of a file in a crate, or the first directory.
fn owner(path: &str) -> &str {
    let depth = if path.starts_with("crates/") { 2 } else { 1 };
    match path.match_indices('/').nth(depth - 1) {
        Some((at, _)) => &path[..=at],
        None => "",
    }
}

fn directory(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}

/// A path from a directory on, `.` and `..` worked out.
fn join(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// What is wrong with the cargo commands of a line.
fn commands(tree: &Tree, packages: &BTreeSet<String>, line: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for command in line.split("cargo ").skip(1) {
        let command = command.split('`').next().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().take_while(|word| *word != "--").collect();
        for pair in words.windows(2) {
            let is_any = pair[1].chars().all(|c| c.is_ascii_uppercase());
            if is_any {
                continue;
            }
            if pair[0] == "-p" && !packages.contains(pair[1]) {
                wrong.push(format!("there is no package `{}`", pair[1]));
            }
            let name = pair[1].trim_end_matches(['.', ',', ';', ':']);
            let files = [format!("crates/*/tests/{name}.rs"), format!("crates/*/tests/{name}/main.rs")];
            if pair[0] == "--test" && !files.iter().any(|file| tree.exists(file)) {
                wrong.push(format!("there is no test `{name}`"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of([
            ("README.md", ""),
            ("docs/GUIDE.md", ""),
            ("testdata/lines/a-b.toml", ""),
            ("crates/a/Cargo.toml", "[package]\nname = \"a-package\""),
            ("crates/a/src/lib.rs", ""),
            ("crates/a/src/x/mod.rs", ""),
            ("crates/a/tests/t.rs", "#[test]\nfn holds() {}"),
            ("crates/a/tests/cli/main.rs", ""),
            (path, text),
        ]);
        let mut findings = Vec::new();
        check(&tree, &mut findings);
        findings.into_iter().map(|f| f.what).collect()
    }

    #[test]
    fn paths_that_exist_are_fine() {
        for text in [
            "`testdata/lines/a-b.toml`, `testdata/lines/*.toml`, `crates/a`, `a/tests/t.rs`",
            "`net/netfilter/nf_log.c`, `/dev/kmsg`, `and/or`, `-p 1/2`, `src/24`, `x`",
            "`crates/a/src/NAME.rs` `crates/NAME/src/lib.rs` `testdata/lines/a-b.toml:12`",
            "`testdata/lines/a-NAME.toml`",
            "`a/tests/t.rs::holds`, `crates/a/tests/t.rs::holds`",
            "[x](README.md) [y](docs/GUIDE.md#part) [z](https://x.y/z) [w](#here)",
            "`cargo test -p a-package --test t -- filter`; `cargo test -p CRATE --test cli`",
        ] {
            assert_eq!(found("ARCHITECTURE.md", text), [""; 0], "{text}");
        }
        let code = "// `tests/t.rs`, `src/x`, `a/tests/t.rs`\nlet x = \"`tests/no.rs`\";";
        assert_eq!(found("crates/a/src/y.rs", code), [""; 0]);
    }

    #[test]
    fn paths_that_do_not_exist_are_found() {
        let missing = "line 2: `testdata/lines/no.toml` does not exist";
        assert_eq!(found("x.md", "\n`testdata/lines/no.toml`"), [missing]);
        for text in [
            "`testdata/lines/no*.toml`",
            "`crates/b/src/NAME.rs`",
            "`crates/a/src/NAME.toml`",
            "`a/tests/no.rs`",
            "`tests/no.rs`",
            "[x](no.md)",
            "`a/tests/t.rs::gone`",
            "`a/tests/t.rs::hold`",
        ] {
            assert_eq!(found("x.md", text).len(), 1, "{text}");
        }
        assert_eq!(found("crates/a/src/y.rs", "/// `tests/no.rs`").len(), 1);
        assert_eq!(
            found("docs/x.md", "[x](README.md) [y](../README.md)"),
            ["line 1: `README.md` does not exist"]
        );
        assert_eq!(found("x.md", "`cargo test -p b --test no`").len(), 2);
        assert_eq!(found("x.md", "cargo run -p b").len(), 1);
    }
}

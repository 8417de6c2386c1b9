//! The files that are checked.
//!
//! Responsible for: reading the repository's text files, or taking some from memory; asking
//! whether a path exists.
//! Must not know: any rule.
//! Tested by: the unit tests below.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

/// Where the exceptions are written.
pub(crate) const EXCEPTIONS: &str = "crates/tidy/exceptions.txt";
/// Crates whose own rules are checked; tests and benches are free.
const CRATES: &str = "crates/";
/// Never looked into.
const LEFT_OUT: [&str; 6] = [".git", "target", "corpus", "artifacts", "coverage", "node_modules"];

/// Files by their path from the root, with `/`.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
    /// All paths, those of directories and of files that are no text too.
    paths: BTreeSet<String>,
}

impl Tree {
    /// Reads a repository: the text of `.rs`, `.md`, `.toml` and the exceptions, the names of all.
    ///
    /// # Errors
    ///
    /// If a directory or a file cannot be read.
    pub fn read(root: &Path) -> io::Result<Tree> {
        let mut tree = Tree::default();
        tree.walk(root, "")?;
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, above: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if LEFT_OUT.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{above}{name}");
            if entry.file_type()?.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"))?;
            } else if path == EXCEPTIONS || [".rs", ".md", ".toml"].iter().any(|end| name.ends_with(end)) {
                self.files.insert(path.clone(), fs::read_to_string(entry.path())?);
            }
            self.paths.insert(path);
        }
        Ok(())
    }

    /// A tree of these files.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.files.insert(path.to_owned(), text.to_owned());
            let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            tree.paths.extend(ends.map(|end| path[..end].to_owned()));
        }
        tree
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether a file or directory is there; `*` in a path stands for any characters but `/`.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.paths.contains(path) || path.contains('*') && self.paths.iter().any(|p| matches(path, p))
    }

    /// Files whose path begins and ends so.
    pub(crate) fn files<'a>(
        &'a self,
        begin: &'a str,
        end: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .range(begin.to_owned()..)
            .take_while(move |(path, _)| path.starts_with(begin))
            .filter(move |(path, _)| path.ends_with(end))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The source files of all crates: `crates/NAME/src/**.rs`.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files(CRATES, ".rs").filter(|(path, _)| path.split('/').nth(2) == Some("src"))
    }

    /// The names of the crates: the directories under `crates/` with a `src/lib.rs`.
    pub(crate) fn crates(&self) -> Vec<String> {
        self.files(CRATES, "/src/lib.rs")
            .filter_map(|(path, _)| path.split('/').nth(1))
            .map(str::to_owned)
            .collect()
    }
}

/// Whether a path fits a pattern; `*` stays within a name.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((head, rest)) => path.strip_prefix(head).is_some_and(|tail| {
            let name = tail.find('/').unwrap_or(tail.len());
            (0..=name).filter(|&at| tail.is_char_boundary(at)).any(|at| matches(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_a_name() {
        assert!(matches("a/*.rs", "a/b.rs") && matches("a/*/c", "a/b/c") && matches("*", "a"));
        assert!(!matches("a/*.rs", "a/b/c.rs") && !matches("a/*", "b/a") && !matches("a", "ab"));
    }

    #[test]
    fn crates_and_their_sources_are_found() {
        let tree = Tree::of([
            ("crates/a/src/lib.rs", ""),
            ("crates/a/tests/t.rs", ""),
            ("crates/b/src/x/y.rs", ""),
            ("fuzz/src/lib.rs", ""),
        ]);
        assert_eq!(tree.crates(), ["a"]);
        assert_eq!(
            tree.sources().map(|(path, _)| path).collect::<Vec<_>>(),
            ["crates/a/src/lib.rs", "crates/b/src/x/y.rs"]
        );
        assert!(tree.exists("crates/b/src/x/") && tree.exists("crates/*/tests") && !tree.exists("crates/c"));
    }
}

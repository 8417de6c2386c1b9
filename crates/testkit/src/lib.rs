//! What all tests of this workspace share: where test data is, how a test says that it was
//! skipped, and how kept output is compared and renewed.
//!
//! Responsible for: one form of each, so that `.ci/run` can count skips and `BLESS=1` renews all.
//! Must not know: any crate of the program; it is a dependency of tests only.
//! Tested by: the unit tests below.

pub mod journal;

use std::fs;
use std::io::{Read as _, Write as _};
use std::panic::Location;
use std::path::{Path, PathBuf};

/// The directory of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// A file or directory under `testdata/`.
///
/// # Panics
///
/// If it is not there: what is in the repository is never a reason to skip.
#[must_use]
#[track_caller]
pub fn testdata(path: &str) -> PathBuf {
    let found = repository().join("testdata").join(path);
    assert!(found.exists(), "{} is missing", found.display());
    found
}

/// The bytes of a file under `testdata/`; unpacked if its name ends in `.gz`.
///
/// # Panics
///
/// If it cannot be read.
#[must_use]
#[track_caller]
pub fn bytes(path: &str) -> Vec<u8> {
    let found = testdata(path);
    let raw = fs::read(&found).unwrap_or_else(|error| panic!("{}: {error}", found.display()));
    if found.extension().is_none_or(|extension| extension != "gz") {
        return raw;
    }
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(raw.as_slice())
        .read_to_end(&mut unpacked)
        .unwrap_or_else(|error| panic!("{}: {error}", found.display()));
    unpacked
}

/// The same as text.
///
/// # Panics
///
/// If it cannot be read or is not UTF-8.
#[must_use]
#[track_caller]
pub fn text(path: &str) -> String {
    String::from_utf8(bytes(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A file or directory of `../shared/data`: other projects' lines and rulesets, which are read in
/// place and never committed. Where it is missing, this says that the test is skipped.
#[must_use]
#[track_caller]
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = repository().join("../shared/data").join(path);
    if found.exists() {
        return Some(found);
    }
    skipped(&format!("no ../shared/data/{path}"));
    None
}

/// Says on standard error that the test that runs, or a part of it, could not run here:
/// `skipped: NAME: reason`. Where the environment variable `SKIPPED` names a file, the line is
/// appended to it as well: `.ci/run` counts there.
#[track_caller]
pub fn skipped(why: &str) {
    let line = skip_line(std::thread::current().name(), Location::caller(), why);
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("SKIPPED")
        && let Ok(mut file) = fs::OpenOptions::new().create(true).append(true).open(path)
    {
        let _ = file.write_all(line.as_bytes());
    }
}

/// The line that [`skipped`] writes. A test's thread has the name of the test, unless tests run one
/// after another on the main thread.
fn skip_line(thread: Option<&str>, caller: &Location<'_>, why: &str) -> String {
    let name = match thread {
        Some(name) if name != "main" => name.to_owned(),
        _ => format!("{}:{}", caller.file(), caller.line()),
    };
    let why: Vec<&str> = why.split_whitespace().collect();
    format!("skipped: {name}: {}\n", why.join(" "))
}

/// Compares output with a file of the repository; with `BLESS=1` writes it there instead.
///
/// # Panics
///
/// If it differs, or the file cannot be written.
#[track_caller]
pub fn kept(path: &Path, actual: &str) {
    if std::env::var_os("BLESS").is_some() {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
        fs::write(path, actual).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if let Some(at) = first_difference(&expected, actual) {
        panic!(
            "{} differs at line {at} (BLESS=1 cargo test writes it anew: look at the difference first):\n{actual}",
            path.display()
        );
    }
}

/// The number of the first line that differs.
fn first_difference(expected: &str, actual: &str) -> Option<usize> {
    if expected == actual {
        return None;
    }
    let same = expected.split('\n').zip(actual.split('\n')).take_while(|(a, b)| a == b).count();
    Some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_one_line_with_the_tests_name() {
        let here = Location::caller();
        assert_eq!(skip_line(Some("a::b"), here, "no\n  x "), "skipped: a::b: no x\n");
        let unnamed = skip_line(Some("main"), here, "no x");
        assert!(unnamed.starts_with("skipped: ") && unnamed.contains(".rs:"), "{unnamed}");
        assert_eq!(skip_line(None, here, "no x"), unnamed);
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("", "a\n"), Some(1));
    }

    #[test]
    fn packed_files_are_unpacked() {
        let lines = text("noise/home.log.gz").lines().count();
        assert_eq!(lines, text("noise/home.labels.gz").lines().count());
        assert!(repository().join("README.md").exists() && testdata("lines").is_dir());
    }
}

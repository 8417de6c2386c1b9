//! What to read: the places where kernels' lines live, and rotated sets.
//!
//! Responsible for: finding files. Opens none.
//! Must not know: what is in them.
//! Tested by: the unit tests below, `tests/cli/inputs.rs`.

use std::fs::File;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// Where Linux systems keep the kernel's lines, the most specific first.
const PLACES: [&str; 6] = [
    "var/log/kern.log",
    "var/log/iptables.log",
    "var/log/ufw.log",
    "var/log/firewalld",
    "var/log/messages",
    "var/log/syslog",
];

/// What looking for a log came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file that may be read.
    File(PathBuf),
    /// There is a journal.
    Journal,
    /// There is nothing but the kernel's ring buffer.
    Kmsg(PathBuf),
    /// There is a file or a ring buffer, but it may not be read.
    Forbidden(PathBuf),
    /// There is nothing.
    Nothing,
}

/// Looks for a log below `root`.
#[must_use]
pub fn discover(root: &Path) -> Found {
    let mut forbidden = None;
    for place in PLACES {
        let path = root.join(place);
        match std::fs::metadata(&path) {
            Ok(meta) if meta.is_file() && meta.len() > 0 => match File::open(&path) {
                Ok(_) => return Found::File(path),
                Err(_) => forbidden = forbidden.or(Some(path)),
            },
            _ => {}
        }
    }
    let journal = ["var/log/journal", "run/log/journal"]
        .iter()
        .any(|place| std::fs::read_dir(root.join(place)).is_ok_and(|mut entries| entries.next().is_some()));
    // What the kernel still remembers, which is better than nothing.
    let kmsg = root.join("dev/kmsg");
    let device = std::fs::metadata(&kmsg).is_ok_and(|meta| meta.file_type().is_char_device());
    match forbidden {
        _ if journal => Found::Journal,
        Some(path) => Found::Forbidden(path),
        None if device => match super::stream::Kmsg::open(&kmsg) {
            Ok(_) => Found::Kmsg(kmsg),
            Err(_) => Found::Forbidden(kmsg),
        },
        None => Found::Nothing,
    }
}

/// A file with its older versions as logrotate leaves them, the oldest first: `kern.log.2.gz`,
/// `kern.log.1`, `kern.log-20260301.xz`, `kern.log`.
#[must_use]
pub fn rotated(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return vec![path.to_owned()] };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut older: Vec<(Age, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let Some(file) = file.to_str() else { continue };
        let Some(age) = file.strip_prefix(name).and_then(age) else { continue };
        let path = if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty()) {
            folder.join(file)
        } else {
            PathBuf::from(file)
        };
        older.push((age, path));
    }
    older.sort();
    // `x.1` and `x.1.gz`: logrotate was interrupted, both hold the same lines.
    older.dedup_by(|later, first| later.0 == first.0);
    let mut all: Vec<PathBuf> = older.into_iter().map(|(_, path)| path).collect();
    if path.exists() || all.is_empty() {
        all.push(path.to_owned());
    }
    all
}

/// How old a version is; the oldest compares least.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    /// A date: digits only, which compare like dates.
    Dated(String),
    /// A number: the higher, the older.
    Numbered(std::cmp::Reverse<u64>),
}

/// The age that the end of a name tells: `.1`, `.2.gz`, `-20260301.xz`, `-2026-03-01`, `.old`.
fn age(end: &str) -> Option<Age> {
    let end =
        [".gz", ".xz", ".zst", ".bz2"].iter().find_map(|packed| end.strip_suffix(packed)).unwrap_or(end);
    if end == ".old" {
        return Some(Age::Numbered(std::cmp::Reverse(1)));
    }
    let (sign, rest) = (end.get(..1)?, end.get(1..)?);
    if !matches!(sign, "." | "-" | "_") || rest.is_empty() {
        return None;
    }
    if sign == "." && rest.len() <= 4 {
        return rest.parse().ok().map(|n| Age::Numbered(std::cmp::Reverse(n)));
    }
    let digits: String = rest.chars().filter(|c| !matches!(c, '-' | '_' | 'T' | ':' | '.')).collect();
    let dated = (8..=14).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    dated.then_some(Age::Dated(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_age() {
        assert!(age(".3.gz").unwrap() < age(".2.gz").unwrap());
        assert!(age(".2.xz").unwrap() < age(".1").unwrap());
        assert!(age("-20260301.xz").unwrap() < age("-20260302").unwrap());
        assert!(age("-2026-03-01.zst").is_some());
        assert!(age(".bak").is_none());
        assert!(age("").is_none());
        assert!(age(".gz").is_none());
        assert!(age("2").is_none());
    }
}

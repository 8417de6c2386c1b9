//! What to read: the places where kernels' lines live, and rotated sets.
//!
//! Responsible for: finding files, and whether they may be read.
//! Must not know: what is in them.
//! Tested by: the unit tests below, `fwstat/tests/cli/inputs.rs`.

use super::journal;
use crate::sorting::InOrder as _;
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

/// A place with the kernel's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file that may be read.
    File(PathBuf),
    /// A folder of journals that may be read, and its files.
    Journal(PathBuf, Vec<PathBuf>),
}

/// What looking for logs came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Places that may be read, the most specific first; at least one.
    Places(Vec<Place>),
    /// There is nothing but the kernel's ring buffer.
    Kmsg(PathBuf),
    /// There is a file, a journal or a ring buffer, but it may not be read.
    Forbidden(PathBuf),
    /// There is nothing.
    Nothing,
}

/// Looks for logs below `root`; of journals, for those of `machine`, else of the system there.
#[must_use]
pub fn discover(root: &Path, machine: Option<&str>) -> Found {
    let mut forbidden = None;
    let mut places = Vec::new();
    for place in PLACES {
        let path = root.join(place);
        match std::fs::metadata(&path) {
            Ok(meta) if meta.is_file() && meta.len() > 0 => match File::open(&path) {
                Ok(_) => places.push(Place::File(path)),
                Err(_) => forbidden = forbidden.or(Some(path)),
            },
            _ => {}
        }
    }
    match journal::places::folders(root, machine) {
        Err((path, _)) => forbidden = forbidden.or(Some(path)),
        Ok(folders) => {
            for folder in folders {
                match journal::places::files(&folder, None) {
                    Err(_) => forbidden = forbidden.or(Some(folder)),
                    Ok(files) if files.is_empty() => {}
                    // The kernel's messages are in those of the system, which few may read.
                    Ok(files) => match files.iter().find(|file| File::open(file).is_err()) {
                        Some(file) => forbidden = forbidden.or(Some(file.clone())),
                        None => places.push(Place::Journal(folder, files)),
                    },
                }
            }
        }
    }
    if !places.is_empty() {
        return Found::Places(places);
    }
    // What the kernel still remembers, which is better than nothing.
    let kmsg = root.join("dev/kmsg");
    let device = std::fs::metadata(&kmsg).is_ok_and(|meta| meta.file_type().is_char_device());
    match forbidden {
        Some(path) => Found::Forbidden(path),
        None if device => match super::stream::Kmsg::open(&kmsg, false) {
            Ok(_) => Found::Kmsg(kmsg),
            Err(_) => Found::Forbidden(kmsg),
        },
        None => Found::Nothing,
    }
}

/// A file with its older versions as logrotate leaves them, the oldest first: `kern.log.2.gz`,
/// `kern.log.1`, `kern.log-20260301.xz`, `kern-20260301.log`, `kern.log`.
#[must_use]
pub fn rotated(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return vec![path.to_owned()] };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut older: Vec<(Age, String, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let Some(file) = file.to_str() else { continue };
        let unpacked = unpacked(file);
        let Some(age) = version(name, unpacked) else { continue };
        let path = if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty()) {
            folder.join(file)
        } else {
            PathBuf::from(file)
        };
        older.push((age, unpacked.to_owned(), path));
    }
    older.order();
    // `x.1` and `x.1.gz`: logrotate was interrupted, both hold the same lines.
    older.dedup_by(|later, first| later.1 == first.1);
    let mut all: Vec<PathBuf> = older.into_iter().map(|(_, _, path)| path).collect();
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

/// A name without the end that says how the file is packed.
fn unpacked(name: &str) -> &str {
    [".gz", ".xz", ".zst", ".bz2"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(name)
}

/// The age that a file's name tells, if it is a version of `name`: what logrotate puts behind it
/// or, with its option `extension`, before its extension.
fn version(name: &str, file: &str) -> Option<Age> {
    let inside = || {
        let (stem, extension) = name.rsplit_once('.')?;
        file.strip_prefix(stem)?.strip_suffix(extension)?.strip_suffix('.')
    };
    file.strip_prefix(name).and_then(age).or_else(|| inside().and_then(age))
}

/// The age that a part of a name tells: `.1`, `-20260301`, `-2026-03-01`, `.old`.
fn age(end: &str) -> Option<Age> {
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
        let age = |file: &str| version("kern.log", unpacked(file));
        assert!(age("kern.log.3.gz").unwrap() < age("kern.log.2.gz").unwrap());
        assert!(age("kern.log.2.xz").unwrap() < age("kern.log.1").unwrap());
        assert!(age("kern.log.10.gz").unwrap() < age("kern.log.9.gz").unwrap());
        assert!(age("kern.log-20260301.xz").unwrap() < age("kern.log-20260302").unwrap());
        assert!(age("kern-20260301.log.gz").unwrap() < age("kern-20260302.log").unwrap());
        assert!(age("kern.2.log").unwrap() < age("kern.1.log").unwrap());
        assert!(age("kern.log-2026-03-01.zst").is_some());
        for file in [
            "kern.log",
            "kern.log.bak",
            "kern.log2",
            "kern.log.gz",
            "kern.logs",
            "kern-extra.log",
            "kernel.1.log",
        ] {
            assert!(age(file).is_none(), "{file}");
        }
        assert!(version("messages", "messages-20260301").is_some());
    }

    #[test]
    fn a_set_is_read_from_its_oldest_file_on() {
        let folder = std::env::temp_dir().join(format!("fwstat-places-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let names = [
            "kern.log-20251201.xz",
            "kern.log-20260101",
            "kern.log.3.gz",
            "kern.log.2.zst",
            "kern.log.1",
            "kern.log.old",
            "kern.log",
        ];
        for name in names.iter().chain(&["kern.log.2", "kern.log.1.gz", "kern.log.swp", "mail.log.1"]) {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let set = rotated(&folder.join("kern.log"));
        let set: Vec<&str> = set.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        let mut wanted = names;
        wanted[3] = "kern.log.2";
        assert_eq!(set, wanted);
    }
}

//! What is said of an input that cannot be read.
//!
//! Responsible for: the words for an error of the system, and what helps against it: who may read a
//! file, which file has nearly this name.
//! Must not know: how inputs are read.
//! Tested by: `fwstat/tests/cli/inputs.rs`.

use crate::sorting::InOrder as _;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Something that could not be read, in full or in part. The rest is still read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// The input's name.
    pub name: String,
    /// What happened.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl InputError {
    pub(super) fn new(name: &str, reason: impl Into<String>) -> InputError {
        InputError { name: name.to_owned(), reason: reason.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> InputError {
        self.hint = Some(hint.into());
        self
    }
}

/// The text of an error without the number that the system gives it.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    match chars.next() {
        // "No such file" -> "no such file"; but "I/O error" stays.
        Some(first) if chars.as_str().starts_with(|c: char| c.is_ascii_lowercase()) => {
            first.to_lowercase().collect::<String>() + chars.as_str()
        }
        _ => text.to_owned(),
    }
}

/// An error of opening a file, with what helps against it.
pub(super) fn explain(name: &str, path: &Path, error: &io::Error) -> InputError {
    let plain = InputError::new(name, reason(error));
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let name = crate::text::quoted(name);
            plain.hint(format!("`sudo fwstat {name}`, or join the group that may read it ({})", group(path)))
        }
        io::ErrorKind::NotFound => match similar(path) {
            Some(near) => plain.hint(format!("there is {}", near.display())),
            None => plain,
        },
        _ => plain,
    }
}

/// The name of the group that owns a file, or the folder it is in.
#[must_use]
pub fn group(path: &Path) -> String {
    let gid = path.ancestors().find_map(|path| std::fs::metadata(path).ok()).map(|meta| meta.gid());
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let named = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse().ok() == gid && gid != Some(0)).then(|| name.to_owned())
    });
    // The files in it belong to this one where the folder is root's alone.
    let usual =
        if path.components().any(|part| part.as_os_str() == "journal") { "systemd-journal" } else { "adm" };
    named.unwrap_or_else(|| usual.to_owned())
}

/// A file beside `path` whose name begins with its name, such as a compressed one.
fn similar(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_str()?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut near: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|found| {
            found.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(wanted))
        })
        .collect();
    near.order();
    near.into_iter().next()
}

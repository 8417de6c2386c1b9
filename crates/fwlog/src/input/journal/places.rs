//! Where journals are.
//!
//! Responsible for: the folders in which journald keeps its files, and the files of a folder.
//! Must not know: what is in a file.
//! Tested by: `fwstat/tests/cli/journal.rs`.

use crate::sorting::InOrder as _;
use std::io;
use std::path::{Path, PathBuf};

/// Where a system keeps its journal: on the disk, and until the next start.
const PLACES: [&str; 2] = ["var/log/journal", "run/log/journal"];

/// The folders below `root` that hold journals of one machine: of `machine`, else the one that `root`
/// is the system of, else of all.
///
/// # Errors
/// The first of the places that are there and cannot be looked into.
pub fn folders(root: &Path, machine: Option<&str>) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let own = std::fs::read_to_string(root.join("etc/machine-id")).unwrap_or_default();
    let machine = machine.unwrap_or(own.trim());
    let mut folders = Vec::new();
    for place in PLACES {
        let place = root.join(place);
        let entries = match std::fs::read_dir(&place) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err((place, error)),
        };
        let mut all: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| is_machine(path)).collect();
        all.order();
        let own = place.join(machine);
        if is_id(machine) && all.contains(&own) {
            all = vec![own];
        }
        folders.extend(all);
    }
    Ok(folders)
}

/// The journal files of a folder, and of the folders of machines in it (of `machine` only, if that is
/// given): what `journalctl -D` reads.
///
/// # Errors
/// A folder cannot be read.
pub fn files(folder: &Path, machine: Option<&str>) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let of_machine = |id: &str| path.file_name().and_then(|name| name.to_str()) == Some(id);
        if is_machine(&path) {
            if machine.is_none_or(of_machine) {
                for entry in std::fs::read_dir(&path)? {
                    files.push(entry?.path());
                }
            }
        } else {
            files.push(path);
        }
    }
    files.retain(|path| is_named_so(path));
    files.order();
    Ok(files)
}

/// Whether a file is named as journald names its own, whole or set aside.
fn is_named_so(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.ends_with(".journal") || name.ends_with(".journal~")
}

/// Whether a path is a folder with a machine's id for its name.
fn is_machine(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(is_id) && path.is_dir()
}

/// Whether a text is an id: 32 hexadecimal digits.
fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

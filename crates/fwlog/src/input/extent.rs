//! How far files are read that are being written: as far as they went when they were first opened.
//!
//! A log that is read twice grows in between. What is counted in the first pass and proven in the
//! second must be the same lines, so whoever reads again shares the [`Extents`] of the first time.
//!
//! Responsible for: these limits, by file, whatever its name is by now.
//! Must not know: what is in a file.
//! Tested by: the unit test below, `fwstat/tests/cli/advice.rs`, `fwstat/tests/cli/journal.rs`.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, PoisonError};

/// What the length of a file is counted in: of journals, both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Entries of a journal.
    Entries,
}

/// Where files end, by device, inode and unit.
#[derive(Debug, Default)]
pub struct Extents(Mutex<HashMap<(u64, u64, Unit), u64>>);

impl Extents {
    /// The end of a file that goes as far as `now`: where it was when it was first asked for.
    pub fn end(&self, file: &Metadata, unit: Unit, now: u64) -> u64 {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *ends.entry((file.dev(), file.ino(), unit)).or_insert(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_ends_where_it_ended_first_also_under_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("log"), folder.path().join("log.1"));
        std::fs::write(&old, "one\n").unwrap();
        let extents = Extents::default();
        assert_eq!(extents.end(&std::fs::metadata(&old).unwrap(), Unit::Bytes, 4), 4);
        std::fs::rename(&old, &new).unwrap();
        std::fs::write(&old, "another\n").unwrap();
        assert_eq!(extents.end(&std::fs::metadata(&new).unwrap(), Unit::Bytes, 8), 4);
        assert_eq!(extents.end(&std::fs::metadata(&old).unwrap(), Unit::Bytes, 8), 8);
        assert_eq!(extents.end(&std::fs::metadata(&old).unwrap(), Unit::Entries, 3), 3);
    }
}

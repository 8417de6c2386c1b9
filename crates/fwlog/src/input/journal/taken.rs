//! What was read of journals that grow.
//!
//! Responsible for: how many entries of each file were read, by the file and not by its name.
//! Must not know: how a file is read.
//! Tested by: `fwstat/tests/cli/follow.rs`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Device and inode.
pub(super) type FileId = (u64, u64);

/// How many entries of each file were read, whatever its name is by now.
#[derive(Debug, Default)]
pub struct Taken(Mutex<HashMap<FileId, u64>>);

impl Taken {
    /// Notes that a file has so many entries, which are being read; how many were read before.
    pub(super) fn advance(&self, file: FileId, entries: u64) -> u64 {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = taken.entry(file).or_default();
        std::mem::replace(before, entries.max(*before))
    }
}

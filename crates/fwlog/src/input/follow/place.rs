//! A place in a log, to go on from at another time.
//!
//! Responsible for: what a place is known by when its file has another name by then, or is packed.
//! Must not know: how it is found again (`follower`), how it is kept (`cursor`).
//! Tested by: the tests of `cursor`, `fwstat/tests/cli/follow.rs`.

use super::grown::Id;

/// A place in a log, to go on from another time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which file.
    pub(super) id: Id,
    /// How far it was read.
    pub(super) at: u64,
    /// The number of the next line.
    pub(super) line: u64,
    /// What the file begins with.
    pub(super) head: Vec<u8>,
    /// The end of what was read.
    pub(super) tail: Vec<u8>,
}

impl Place {
    /// The beginning of a file.
    pub(super) fn beginning(id: Id) -> Place {
        Place { id, at: 0, line: 1, head: Vec::new(), tail: Vec::new() }
    }
}

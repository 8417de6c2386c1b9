//! Does a rule take a packet; the packet's path through the chains.
//!
//! Responsible for: three-valued answers, and walks.
//! Must not know: how many lines there are, or what is counted.
//! Tested by: the unit tests of its files, `tests/replay.rs`, `tests/oracle.rs`.

pub(crate) mod bases;
pub(crate) mod evidence;
pub(crate) mod fate;
pub(crate) mod index;
pub(crate) mod near_miss;
pub(crate) mod outcome;
pub(crate) mod rule;
pub(crate) mod run;
pub(crate) mod walk;
pub(crate) mod walker;

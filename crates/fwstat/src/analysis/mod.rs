//! What is made from aggregates: noise and the rules that silence it.
//!
//! Responsible for: conclusions. They are values; a report shows them.
//! Must not know: where lines come from, how a result looks.
//! Tested by: the unit tests of its files, `tests/cli/suggest.rs`.

pub mod explain;
pub mod log_text;
pub mod noise;
pub mod replay;
pub mod replayed;
pub mod suggest;
pub mod summary;
pub mod what_if;

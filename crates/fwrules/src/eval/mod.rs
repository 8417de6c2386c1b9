//! What a packet meets: one rule, and the way through the chains.
//!
//! Responsible for: the reference of every answer, in three values.
//! Must not know: how rules are written, what is remembered of many lines.
//! Tested by: `tests/oracle.rs`, `tests/replay.rs`.

pub(crate) mod evidence;
pub(crate) mod rule;
pub(crate) mod time;
pub(crate) mod walk;

//! The walker's answers for millions of lines.
//!
//! Responsible for: remembering answers by what a ruleset can tell apart.
//! Must not know: how a rule is matched: the walker is asked.
//! Tested by: `tests/compiled.rs`: equal to the walker.

pub(crate) mod classes;
pub(crate) mod compiled;
pub(crate) mod fields;
pub(crate) mod key;
pub(crate) mod layout;

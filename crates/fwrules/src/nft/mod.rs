//! What `nft -j list ruleset` prints, and nft's syntax.
//!
//! Responsible for: reading the one and writing the other.
//! Must not know: how a rule is matched.
//! Tested by: `tests/kernel.rs`.

pub(crate) mod condition;
pub(crate) mod implied;
pub(crate) mod merge;
pub(crate) mod parse;
pub(crate) mod statement;
pub(crate) mod value;
pub(crate) mod verdicts;
pub(crate) mod write;

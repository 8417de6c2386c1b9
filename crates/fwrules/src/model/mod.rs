//! Rules, rulesets and sets as values.
//!
//! Responsible for: the types that every other room speaks in.
//! Must not know: text formats, packets on their way, findings.
//! Tested by: the unit tests of its files, `tests/roundtrip.rs`.

pub(crate) mod conntrack;
pub(crate) mod error;
pub(crate) mod ipset;
pub(crate) mod names;
pub(crate) mod rule;
pub(crate) mod ruleset;
pub(crate) mod text;

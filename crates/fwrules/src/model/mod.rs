//! Rules and rulesets as values.
//!
//! Responsible for: the types that reading, writing, matching and linting share.
//! Must not know: text formats, packets on their way, findings.
//! Tested by: the unit tests of its files, `tests/roundtrip.rs`.

pub(crate) mod rule;
pub(crate) mod ruleset;
pub(crate) mod target;

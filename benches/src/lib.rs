//! What the benches share: the logs and rulesets they read.
//!
//! Responsible for: the generators of logs ([`corpus`]) and of rulesets ([`ruleset`]).
//! Must not know: what is measured. Times and comparisons are `criterion/`, `compare.py` and
//! `instructions.sh`.
//! Tested by: the unit tests of both.

pub mod corpus;
pub mod ruleset;

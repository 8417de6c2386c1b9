//! What the benches share: the corpus they read.
//!
//! Responsible for: the generator of logs ([`corpus`]).
//! Must not know: what is measured. Times and comparisons are `criterion/`, `compare.py` and
//! `instructions.sh`.
//! Tested by: the unit tests of [`corpus`].

pub mod corpus;

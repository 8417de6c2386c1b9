//! What a log is evidence of, without asking anybody: the packets, the links, this host's place
//! among them, and what its rules let in.
//!
//! Four steps, each in its file: a line becomes a [`sighting`] or a doubt; one pass over the log
//! keeps facts about [`links`] and a sample of sightings ([`survey`]); [`place`] concludes which
//! links lead outside and which networks are home; [`let_in`] reads the ruleset as [`pattern`]s.
//!
//! Responsible for: facts. No line is called noise here.
//! Must not know: which rules will be proposed.
//! Tested by: the unit tests of its files, `tests/cli/suggest.rs` on labelled logs.

pub mod address;
pub mod let_in;
pub mod links;
pub mod pattern;
pub mod place;
pub mod sighting;
pub mod spread;
pub mod survey;

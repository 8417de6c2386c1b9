//! What rules are made of: networks, names, sets, states, text.
//!
//! Responsible for: these values, each by itself.
//! Must not know: conditions, rules, packets on their way.
//! Tested by: the unit tests of its files, `tests/roundtrip.rs`.

pub(crate) mod conntrack;
pub(crate) mod error;
pub(crate) mod header;
pub(crate) mod hook;
pub(crate) mod ipset;
pub(crate) mod lookup;
pub(crate) mod names;
pub(crate) mod net;
pub(crate) mod prefixes;
pub(crate) mod text;
pub(crate) mod tri;

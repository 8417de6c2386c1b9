//! The words of rules: options as they are read, pieces as they are written, nft's expressions.
//!
//! Responsible for: what reading and writing any condition needs.
//! Must not know: conditions, rules.
//! Tested by: the unit tests of `iptables::parse` and `nft::write`, `tests/roundtrip.rs`.

pub(crate) mod nft;
pub(crate) mod option;
pub(crate) mod piece;

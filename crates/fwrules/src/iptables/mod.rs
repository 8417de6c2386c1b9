//! The text of `iptables`, `iptables-save` and `iptables-restore`.
//!
//! Responsible for: reading and writing it.
//! Must not know: how a rule is matched.
//! Tested by: `tests/roundtrip.rs`, `tests/kernel.rs`, `tests/shell.rs`.

pub(crate) mod parse;
pub(crate) mod write;

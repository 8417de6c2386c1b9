//! What `iptables-save`, `iptables -S`, scripts and people write, and writing it.
//!
//! Responsible for: reading and writing iptables' syntax.
//! Must not know: how a rule is matched.
//! Tested by: `tests/roundtrip.rs`, `tests/kernel.rs`, `tests/shell.rs`.

pub(crate) mod command;
pub(crate) mod parse;
pub(crate) mod rule;
pub(crate) mod target;
pub(crate) mod write;

//! Packet filter rulesets as values.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod clock;
mod compiled;
mod conntrack;
mod error;
mod evidence;
mod matching;
mod names;
mod read;
mod rule;
mod ruleset;
mod sets;
mod text;
mod walk;
mod write;

pub use compiled::{AnswerId, Compiled, Replayed, Replayer};
pub use conntrack::StateSet;
pub use error::{ReadError, WriteError};
pub use evidence::Evidence;
pub use matching::{Context, LocalAddress, Tri, Why};
pub use rule::*;
pub use ruleset::{Base, Chain, Hook, RuleId, Ruleset, Table};
pub use sets::{Entry, Part, PartKind, Set, Sets};
pub use text::{Text, shell_quote, shown};
pub use walk::{End, Fate, Outcome, Place, Reach, Step, Walk, Walker};
pub use write::COMMENT;

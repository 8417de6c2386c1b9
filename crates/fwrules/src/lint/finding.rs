//! What is wrong with a ruleset, as values.
//!
//! Responsible for: the findings' types.
//! Must not know: how they are found.
//! Tested by: the unit tests of `lint`, `tests/seed.rs`.

use crate::model::ruleset::RuleId;

/// One thing that is wrong, or looks wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The rule it is about; `None` for a chain.
    pub rule: Option<RuleId>,
    /// The chain it is about, if not a rule: table and chain.
    pub chain: Option<(usize, usize)>,
    /// Other rules that have to do with it, in order.
    pub others: Vec<RuleId>,
    /// In words, for people. Names in it are escaped.
    pub message: String,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FindingKind {
    /// Earlier rules take every packet that the rule could take.
    Shadowed,
    /// No packet that comes to the chain fits the rule.
    NeverComes,
    /// The rule's own conditions exclude each other.
    Contradiction,
    /// No packet comes to the chain.
    UnreachableChain,
    /// `-j NAME` where NAME is neither a chain nor an extension.
    MissingChain,
    /// The prefix says that the packet is dropped (or accepted), and it is not.
    MisleadingPrefix,
    /// Two rules write the same prefix.
    SamePrefix,
    /// The prefix is longer than is kept.
    PrefixCut,
    /// Accepted on its way out by loopback, dropped on its way in.
    LoopbackHalf,
    /// The service on this port does not speak the rule's protocol.
    WrongTransport,
    /// Nothing is wrong with a rule: there were too many to look at them all.
    Unfinished,
}

//! Results of a walk: steps, ends, fates.
//!
//! Responsible for: these values.
//! Must not know: how they are found.
//! Tested by: the unit tests of `eval::walk`, `tests/replay.rs`.

use crate::model::ruleset::{Place, RuleId};
use crate::model::target::Verdict;
use crate::values::hook::Hook;
use crate::values::tri::{Tri, Why};

/// How surely a packet comes to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// It may.
    Possible,
    /// It does.
    Certain,
}

/// One step of a walk: a rule that was asked, or the end of a built-in chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where.
    pub place: Place,
    /// Which hook the packet is at.
    pub hook: Hook,
    /// How many jumps deep: 0 in a built-in chain.
    pub depth: usize,
    /// Whether the packet surely comes here.
    pub reach: Reach,
    /// The answer.
    pub result: Tri,
    /// The line's being there gave the answer, not its fields; see [`Evidence`](crate::Evidence).
    pub proved: bool,
}

/// One way in which a walk can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// What happened to the packet; `None`: a target that is not known.
    pub verdict: Option<Verdict>,
    /// Who decided.
    pub by: Place,
    /// Whether it surely ends here.
    pub reach: Reach,
}

/// Result of a walk.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Outcome {
    /// Rules that write a line about the packet.
    pub logged: Vec<(RuleId, Reach)>,
    /// Rules that take it, LOG rules and jumps included: what the kernel's counters count.
    pub taken: Vec<(RuleId, Reach)>,
    /// How the way can end. Tables that only let the packet on to the next are not ends.
    pub ends: Vec<End>,
    /// Rules whose answer is unknown, in the order of the walk.
    pub unknown: Vec<(RuleId, Why)>,
    /// No table sees packets of this kind (an IPv6 line and an IPv4 ruleset).
    pub other_family: bool,
}

impl Outcome {
    /// The verdict, if every possible end agrees.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let mut verdicts = self.ends.iter().map(|e| e.verdict);
        let first = verdicts.next()??;
        verdicts.all(|v| v == Some(first)).then_some(first)
    }
}

/// The path of one packet: the steps as they were taken, and their result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Every rule that was asked, in order.
    pub steps: Vec<Step>,
    /// The end.
    pub outcome: Outcome,
}

/// What would become of a line if the ruleset had been this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// It would be written.
    Remains(RuleId),
    /// It would not: the packet's way ends before. The place is who ended it, as far as that
    /// is one place.
    Removed(Option<Place>),
    /// It depends on what the line does not tell: the rule, and why.
    Unknown(RuleId, Why),
    /// The packet is this host's own answer (a TCP reset, a SYN+ACK, an ICMP error) to a packet
    /// that this rule now drops: nothing is left to answer.
    Unanswered(RuleId),
    /// No rule writes lines with this prefix.
    Unwritten,
    /// The ruleset does not see packets of this family.
    OtherFamily,
}

/// A rule that did not take a packet, although it would have in another place or with one
/// condition changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Missed {
    /// Rules that would take the packet if its path had not ended before them; each with
    /// what ended it. Rules without conditions, which fit everything, are left out.
    pub behind: Vec<(RuleId, Place)>,
    /// Rules that the packet reached and that did not take it, but would have with one
    /// condition changed: the index into [`Rule::near_misses`](crate::Rule::near_misses).
    pub nearly: Vec<(RuleId, u32)>,
}

//! What added rules would change, and what holds if the ruleset wrote the log.
//!
//! Responsible for: conclusions from lines that two rulesets were asked about ([`super::replayed`]).
//! Must not know: how a rule is matched (`fwrules`), how a result is shown (`report::replay`).
//! Tested by: `tests/cli/replay_files.rs`.

use fwrules::{Place, Replayed, RuleId};
use serde::Serialize;

use super::replay::{Replay, RuleRow};
use super::replayed::{Class, Counted};
use crate::rules::Rulesets;

/// Lines by what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// Lines that would still be logged.
    pub remaining: u64,
    /// Lines that would no longer be logged.
    pub removed: u64,
    /// Lines that do not say enough.
    pub unknown: u64,
}

impl Numbers {
    fn of(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Remaining => &mut self.remaining,
            Class::Removed => &mut self.removed,
            Class::Unknown => &mut self.unknown,
        }
    }
}

/// What one added rule does to the log.
#[derive(Clone, Debug, Serialize)]
pub struct Added {
    /// Its name: chain and place.
    pub rule: String,
    /// Lines that it certainly takes.
    pub lines: u64,
    /// Lines that are no longer logged because of it, and were before.
    pub more: u64,
    /// Lines that it may take.
    #[serde(rename = "unknown")]
    pub maybe: u64,
    /// Why it takes no line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_none: Option<String>,
    /// Whether packets end at it.
    #[serde(skip)]
    pub ends: bool,
}

/// The answer to "what if".
#[derive(Clone, Debug, Serialize)]
pub struct WhatIf {
    /// The numbers without the added rules.
    pub before: Numbers,
    /// Rule by rule.
    pub added: Vec<Added>,
}

/// What is said beside the answers of one ruleset.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Beside {
    /// The numbers if the ruleset wrote the log, where they are others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_written_by_rules: Option<Numbers>,
    /// What rules that were added change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIf>,
}

/// Whether an answer has to do with a rule that was added to ruleset `n`.
#[must_use]
pub fn concerns(rulesets: &Rulesets, n: usize, answer: &Replayed) -> bool {
    if rulesets.taken_away {
        return true;
    }
    let taken = answer.outcome.taken.iter().map(|(id, _)| *id);
    taken.chain(ends(answer)).any(|id| is_added(rulesets, n, id))
}

fn is_added(rulesets: &Rulesets, n: usize, id: RuleId) -> bool {
    rulesets.all[n].1.rule(id).is_some_and(|rule| rule.added)
}

/// The rules at which such packets end.
fn ends(answer: &Replayed) -> impl Iterator<Item = RuleId> + '_ {
    answer.outcome.ends.iter().filter_map(|end| match end.by {
        Place::Rule(id) => Some(id),
        Place::Policy(..) => None,
    })
}

/// The numbers if the ruleset wrote the log, which decides lines that are unknown without that.
#[must_use]
pub fn if_written_by_rules(replay: &Replay, counted: &[Counted]) -> Option<Numbers> {
    let Replay { remaining, removed, unknown, .. } = *replay;
    let mut numbers = Numbers { remaining, removed, unknown };
    for (answer, stat) in counted.iter().flat_map(|counted| &counted.answers) {
        if let Some(fate) = &answer.if_writer {
            numbers.unknown -= stat.lines;
            *numbers.of(Class::of(fate)) += stat.lines;
        }
    }
    (numbers.unknown < unknown).then_some(numbers)
}

/// What the added rules change.
#[must_use]
pub fn what_if(rulesets: &Rulesets, replay: &Replay, counted: &[Counted]) -> WhatIf {
    let Replay { remaining, removed, unknown, .. } = *replay;
    let mut before = Numbers { remaining, removed, unknown };
    for ((answer, class), lines) in counted.iter().flat_map(|counted| &counted.seconds) {
        *before.of(Class::of(&answer.fate)) -= lines;
        *before.of(*class) += lines;
    }
    let ids = rulesets.all.iter().enumerate();
    let ids = ids.flat_map(|(n, (_, rules))| rules.rules().map(move |(id, _)| (n, id)));
    // The rows are in the order of the rulesets.
    let added = ids.zip(&replay.rules).filter(|(_, row)| row.added);
    let added = added.map(|((n, id), row)| Added {
        rule: row.name.clone(),
        lines: row.lines,
        more: newly_gone(rulesets, &counted[n], n, id),
        maybe: row.unknown,
        why_none: (row.lines == 0).then(|| why_none(replay, row)),
        ends: matches!(&row.target.0[..], b"DROP" | b"REJECT" | b"ACCEPT"),
    });
    WhatIf { before, added: added.collect() }
}

/// Lines that this rule keeps out of the log, and that were in it without the added rules.
fn newly_gone(rulesets: &Rulesets, counted: &Counted, n: usize, id: RuleId) -> u64 {
    let gone = |answer: &Replayed, class: Class| {
        Class::of(&answer.fate) == Class::Removed
            && class != Class::Removed
            && ends(answer).find(|end| is_added(rulesets, n, *end)) == Some(id)
    };
    counted.seconds.iter().filter(|((answer, class), _)| gone(answer, *class)).map(|(_, lines)| lines).sum()
}

/// Why an added rule takes no line: a single change with which it would, or the rule that comes first.
fn why_none(replay: &Replay, row: &RuleRow) -> String {
    if let Some(near) = row.near_misses.iter().max_by_key(|near| near.lines) {
        let lines = fwlog::text::count_of(near.lines, "line", "lines");
        let have = if near.lines == 1 { "has" } else { "have" };
        return match &near.transport {
            Some((from, to)) => {
                let port = ports(&near.rule.0).map(|ports| format!(" {ports}")).unwrap_or_default();
                format!("{lines} {have} {to}{port}, the rule says {from}")
            }
            None => format!("{lines} would fit with {}", near.change),
        };
    }
    let about = |finding: &&super::replay::Finding| finding.rules.first() == Some(&row.name);
    match replay.findings.iter().find(about) {
        Some(finding) => finding.message.clone(),
        None => "no line of this log fits it".to_owned(),
    }
}

/// The ports that a rule names, as they are written.
fn ports(rule: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(rule);
    let mut words = text.split_ascii_whitespace();
    words.find(|word| matches!(*word, "--dport" | "--dports" | "--sport" | "--sports" | "--ports"))?;
    Some(fwlog::text::escape(words.next()?.as_bytes()))
}

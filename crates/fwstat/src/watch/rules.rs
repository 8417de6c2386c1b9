//! The rules with their numbers: lines of the log on one side, the kernel's counters on the other.
//!
//! Responsible for: rules in their order with a key that outlives an insertion before them (chain, text, which of its
//! kind), what the log says of each, and what moved since a mark.
//! Must not know: where counters come from (`counters`), how rows look.
//! Tested by: the unit tests below, `tests/cli/watch_rules.rs`.
//!
//! The two sides are never added: the log knows packets that were logged, the counters all that came.

use std::collections::HashMap;

use fwrules::{Family, Place, Reach, RuleId, Ruleset};

use crate::analysis::replayed::Counted;
use crate::rules::Rulesets;

/// What tells a rule from all others, also when others come or go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleKey {
    /// Its chain, with table and family where there are several.
    pub chain: String,
    /// As people read it; empty: the policy of the chain.
    pub text: String,
    /// Which of several that are the same, from 0.
    pub nth: u32,
}

/// A rule, or the head of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRow {
    /// What tells it from others.
    pub key: RuleKey,
    /// Its number in the chain; 0: the chain itself.
    pub number: u32,
    /// The chain's policy, if this is its head.
    pub policy: Option<String>,
    /// Lines of the log that it certainly takes, and that it may take.
    pub lines: (u64, u64),
    /// Lines since the mark.
    pub moved: u64,
    /// What the kernel has counted, if it counts here.
    pub packets: Option<u64>,
    /// Packets since the mark.
    pub gained: u64,
    /// What is to be known of its counter.
    pub change: Change,
}

/// What became of a rule between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Change {
    /// Nothing but its counter.
    #[default]
    Same,
    /// It was not there.
    New,
    /// Its counter was set to zero.
    Reset,
    /// It is not in the kernel.
    Gone,
}

/// A rule, with its place and the counter that its text has.
#[derive(Debug)]
struct Listed {
    key: RuleKey,
    number: u32,
    policy: Option<String>,
    packets: Option<u64>,
    id: (usize, Place),
}

/// All chains with their rules, in order.
fn listed<'r>(all: impl Iterator<Item = &'r Ruleset>) -> Vec<Listed> {
    let mut out = Vec::new();
    let mut known: HashMap<(String, String), u32> = HashMap::new();
    for (n, rules) in all.enumerate() {
        let mut ids: HashMap<(u32, u32), Vec<RuleId>> = HashMap::new();
        rules.rules().for_each(|(id, _)| ids.entry((id.table, id.chain)).or_default().push(id));
        for (t, table) in rules.tables.iter().enumerate() {
            for (c, chain) in table.chains.iter().enumerate() {
                let mut name = rules.chain_name(t, c);
                if table.family == Family::Ipv6 && !rules.nft {
                    name.insert_str(0, "ip6 ");
                }
                let policy = chain.base.map(|base| base.policy.word().to_owned());
                if policy.is_none() && chain.rules.is_empty() {
                    continue;
                }
                let head = RuleKey { chain: name.clone(), text: String::new(), nth: 0 };
                let packets = chain.counters.filter(|_| policy.is_some()).map(|counters| counters.packets);
                out.push(Listed {
                    key: head,
                    number: 0,
                    policy,
                    packets,
                    id: (n, Place::Policy(t as u32, c as u32)),
                });
                let ids = ids.remove(&(t as u32, c as u32)).unwrap_or_default();
                for (rule, id) in chain.rules.iter().zip(ids) {
                    let text = rule.to_display();
                    let nth = known.entry((name.clone(), text.clone())).or_default();
                    let key = RuleKey { chain: name.clone(), text, nth: *nth };
                    *nth += 1;
                    let packets = rule.counters.map(|counters| counters.packets);
                    out.push(Listed {
                        key,
                        number: rules.number(id),
                        policy: None,
                        packets,
                        id: (n, Place::Rule(id)),
                    });
                }
            }
        }
    }
    out
}

/// The rules of the log, for what it says of each.
#[derive(Debug, Default)]
pub struct LogRules(Vec<Listed>);

impl LogRules {
    /// The rules that were named.
    #[must_use]
    pub fn new(rulesets: &Rulesets) -> LogRules {
        LogRules(listed(rulesets.all.iter().map(|(_, rules)| rules)))
    }

    /// What the log says of each: lines that it certainly takes, and that it may take. A policy takes what ends there.
    #[must_use]
    pub fn rows(&self, counted: &[Counted]) -> Vec<RuleRow> {
        let mut lines: HashMap<(usize, Place), (u64, u64)> = HashMap::new();
        for (n, counted) in counted.iter().enumerate() {
            for (answer, stat) in &counted.answers {
                let outcome = &answer.outcome;
                let rules = outcome.taken.iter().map(|(id, reach)| (Place::Rule(*id), *reach));
                let ends = outcome.ends.iter().map(|end| (end.by, end.reach));
                let policies = ends.filter(|(by, _)| matches!(by, Place::Policy(..)));
                for (place, reach) in rules.chain(policies) {
                    let (certain, possible) = lines.entry((n, place)).or_default();
                    match reach {
                        Reach::Certain => *certain += stat.lines,
                        Reach::Possible => *possible += stat.lines,
                    }
                }
            }
        }
        let row = |listed: &Listed| RuleRow {
            key: listed.key.clone(),
            number: listed.number,
            policy: listed.policy.clone(),
            lines: lines.get(&listed.id).copied().unwrap_or_default(),
            moved: 0,
            packets: None,
            gained: 0,
            change: Change::Same,
        };
        self.0.iter().map(row).collect()
    }
}

/// The kernel's counters from one sample to the next.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    rows: Vec<RuleRow>,
    any: bool,
    /// How often counters were set to zero.
    pub resets: u64,
}

impl Samples {
    /// Takes the next sample.
    pub fn take(&mut self, rulesets: &[Ruleset]) {
        let before: HashMap<RuleKey, RuleRow> =
            std::mem::take(&mut self.rows).into_iter().map(|row| (row.key.clone(), row)).collect();
        let mut reset = false;
        for listed in listed(rulesets.iter()) {
            let known = before.get(&listed.key);
            let old = known.and_then(|row| row.packets);
            let mut gained = known.map_or(0, |row| row.gained);
            let mut change = match known {
                None if self.any => Change::New,
                None => Change::Same,
                Some(row) => row.change,
            };
            match (old, listed.packets) {
                (Some(old), Some(now)) if now >= old => gained += now - old,
                (Some(_), Some(now)) => {
                    gained += now;
                    change = Change::Reset;
                    reset = true;
                }
                (None, Some(now)) if self.any => gained += now,
                _ => {}
            }
            self.rows.push(RuleRow {
                key: listed.key,
                number: listed.number,
                policy: listed.policy,
                lines: (0, 0),
                moved: 0,
                packets: listed.packets,
                gained,
                change,
            });
        }
        self.resets += u64::from(reset);
        self.any = true;
    }

    /// From here on.
    pub fn zero(&mut self) {
        for row in &mut self.rows {
            (row.gained, row.change) = (0, Change::Same);
        }
    }

    /// The kernel's rules with what the log says of them; without a sample, those of the log. What is in the log's rules
    /// alone comes last, as gone.
    #[must_use]
    pub fn joined(&self, log: &[RuleRow]) -> Vec<RuleRow> {
        if !self.any {
            return log.to_vec();
        }
        let lines: HashMap<&RuleKey, &RuleRow> = log.iter().map(|row| (&row.key, row)).collect();
        let mut rows = self.rows.clone();
        for row in &mut rows {
            row.lines = lines.get(&row.key).map_or((0, 0), |log| log.lines);
        }
        let here: std::collections::HashSet<&RuleKey> = self.rows.iter().map(|row| &row.key).collect();
        let gone = log.iter().filter(|row| !here.contains(&row.key) && row.number > 0);
        rows.extend(gone.map(|row| RuleRow { change: Change::Gone, ..row.clone() }));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(drop: u64, log: u64, more: &str) -> Ruleset {
        let text = format!(
            "*filter\n:INPUT DROP [{drop}:0]\n{more}[{log}:0] -A INPUT -p tcp -j LOG --log-prefix \"a \"\n\
             [5:0] -A INPUT -s 10.0.0.1/32 -j ACCEPT\nCOMMIT\n"
        );
        Ruleset::parse(text.as_bytes()).unwrap()
    }

    fn gained(samples: &Samples) -> Vec<(u32, u64, Change)> {
        samples.rows.iter().map(|row| (row.number, row.gained, row.change)).collect()
    }

    #[test]
    fn steps_are_by_rule_not_by_place() {
        let mut samples = Samples::default();
        samples.take(&[rules(7, 10, "")]);
        assert_eq!(gained(&samples), [(0, 0, Change::Same), (1, 0, Change::Same), (2, 0, Change::Same)]);
        // A rule was put in before all others.
        samples.take(&[rules(8, 13, "[2:0] -A INPUT -i lo -j ACCEPT\n")]);
        assert_eq!(
            gained(&samples),
            [(0, 1, Change::Same), (1, 2, Change::New), (2, 3, Change::Same), (3, 0, Change::Same)]
        );
        samples.zero();
        samples.take(&[rules(8, 13, "[2:0] -A INPUT -i lo -j ACCEPT\n")]);
        assert!(gained(&samples).iter().all(|(_, gained, change)| (*gained, *change) == (0, Change::Same)));
    }

    #[test]
    fn counters_that_fall_were_set_to_zero() {
        let mut samples = Samples::default();
        samples.take(&[rules(100, 100, "")]);
        samples.take(&[rules(3, 0, "")]);
        assert_eq!(gained(&samples)[..2], [(0, 3, Change::Reset), (1, 0, Change::Reset)]);
        assert_eq!(samples.resets, 1);
    }

    #[test]
    fn rules_that_are_the_same_are_told_apart() {
        let twice = "[1:0] -A INPUT -i lo -j ACCEPT\n[4:0] -A INPUT -i lo -j ACCEPT\n";
        let mut samples = Samples::default();
        samples.take(&[rules(0, 0, twice)]);
        samples.take(&[rules(0, 0, &twice.replace("[4:0]", "[9:0]"))]);
        assert_eq!(gained(&samples)[1..3], [(1, 0, Change::Same), (2, 5, Change::Same)]);
    }

    #[test]
    fn the_log_and_the_kernel_stay_apart() {
        let mut samples = Samples::default();
        let mut log: Vec<RuleRow> = {
            let mut other = Samples::default();
            other.take(&[rules(0, 0, "-A INPUT -i old -j DROP\n")]);
            other.rows
        };
        log[2].lines = (42, 1);
        assert_eq!(samples.joined(&log), log);
        samples.take(&[rules(1, 2, "")]);
        let rows = samples.joined(&log);
        assert_eq!((rows[1].lines, rows[1].packets), ((42, 1), Some(2)));
        assert_eq!((rows.len(), rows[3].change), (4, Change::Gone));
    }
}

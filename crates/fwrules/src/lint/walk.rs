//! All packets on their way through the chains.
//!
//! Responsible for: sending sets of packets through every chain, and what is seen of each rule.
//! Must not know: what is worth a finding.
//! Tested by: the unit tests of `lint`.

use std::collections::{BTreeMap, BTreeSet};

use crate::eval::walker::rewrites;
use crate::lint::finding::{Finding, FindingKind};
use crate::lint::names::Names;
use crate::lint::region::Region;
use crate::lint::space::{Space, everything};
use crate::matches::Condition;
use crate::model::ruleset::{RuleId, Ruleset};
use crate::model::target::{Effect, Verdict};
use crate::values::hook::Hook;
use crate::values::net::Family;

/// What was seen of one rule, over all ways to it.
#[derive(Default)]
pub(crate) struct Seen {
    /// Some packet comes to the chain.
    pub(crate) asked: bool,
    /// Some packet that comes to the chain fits.
    pub(crate) wanted: bool,
    /// Some packet is left that fits.
    pub(crate) fires: bool,
    /// The last of the rules before it that end a packet's way, for each way here.
    pub(crate) before: Vec<Option<u32>>,
    /// What comes to the chain at all.
    pub(crate) entry: Space,
}

/// Rules before a rule that are compared with it, where conditions have no field.
const OPAQUE: usize = 1_000;

/// What became of the packets of one LOG rule.
#[derive(Default)]
pub(crate) struct Traced {
    pub(crate) accepted: BTreeSet<Option<RuleId>>,
    pub(crate) dropped: BTreeSet<Option<RuleId>>,
}

pub(crate) struct Lint<'r> {
    pub(crate) rules: &'r Ruleset,
    pub(crate) names: Names,
    pub(crate) regions: BTreeMap<RuleId, Region>,
    pub(crate) seen: BTreeMap<RuleId, Seen>,
    pub(crate) traced: BTreeMap<RuleId, Traced>,
    pub(crate) chains: BTreeSet<(usize, usize)>,
    /// Rules that end a packet's way, as they were met, each with the one before it: ways share
    /// their beginnings.
    pub(crate) ended: Vec<(RuleId, Option<u32>)>,
    pub(crate) found: Vec<Finding>,
    pub(crate) budget: usize,
}

/// Packets on their way, and those of them that were logged.
#[derive(Clone, Default)]
pub(crate) struct Flow {
    pub(crate) all: Space,
    pub(crate) logged: Vec<(RuleId, Space)>,
}

impl Flow {
    fn map(&self, f: impl Fn(&Space) -> Space) -> Flow {
        let logged = self.logged.iter().map(|(id, s)| (*id, f(s))).filter(|(_, s)| !s.is_empty());
        Flow { all: f(&self.all), logged: logged.collect() }
    }

    /// What a rule that takes all of `space` leaves.
    fn without(mut self, space: &Space) -> Flow {
        self.all = self.all.without(space);
        self.logged = self.logged.into_iter().map(|(id, s)| (id, s.without(space))).collect();
        self.logged.retain(|(_, s)| !s.is_empty());
        self
    }

    /// The same packets; of those that some rules logged, without these.
    fn logged_less(mut self, of: impl Fn(RuleId) -> bool, space: &Space) -> Flow {
        for (id, logged) in &mut self.logged {
            if of(*id) {
                *logged = std::mem::take(logged).without(space);
            }
        }
        self.logged.retain(|(_, s)| !s.is_empty());
        self
    }

    fn or(mut self, other: Flow) -> Flow {
        self.all = self.all.or(other.all);
        for (id, space) in other.logged {
            match self.logged.iter_mut().find(|(i, _)| *i == id) {
                Some((_, s)) => *s = std::mem::take(s).or(space),
                None => self.logged.push((id, space)),
            }
        }
        self
    }
}

/// A way through the chains while it is walked.
pub(crate) struct Trail {
    /// The last rule that ends a packet's way, in [`Lint::ended`].
    pub(crate) last: Option<u32>,
    /// Those of them with conditions on what has no field.
    pub(crate) opaque: Vec<RuleId>,
    pub(crate) hook: Hook,
    /// Only look where packets end; the findings are made elsewhere.
    pub(crate) silent: bool,
    pub(crate) ends: Vec<(Verdict, Option<RuleId>)>,
}

impl<'r> Lint<'r> {
    pub(crate) fn new(rules: &'r Ruleset) -> Lint<'r> {
        let mut patterns = Vec::new();
        for (_, rule) in rules.rules() {
            // `-i` and `-o` first: names beyond those that have a bit are one.
            patterns.extend([true, false].iter().filter_map(|input| Some(&rule.interface(*input)?.value)));
            for condition in &rule.conditions {
                if let Condition::Interfaces(interfaces) = condition {
                    patterns.extend(&interfaces.names.value);
                }
            }
        }
        let names = Names::new(patterns.into_iter());
        let family = |id: RuleId| rules.tables[id.table as usize].family;
        let changes = rewrites(rules);
        let regions = rules
            .rules()
            .map(|(id, rule)| (id, Region::of(rule, family(id), &names, rules.nft, changes)))
            .collect();
        Lint {
            rules,
            names,
            regions,
            seen: BTreeMap::new(),
            traced: BTreeMap::new(),
            chains: BTreeSet::new(),
            ended: Vec::new(),
            found: Vec::new(),
            budget: 100_000,
        }
    }

    pub(crate) fn add(
        &mut self,
        kind: FindingKind,
        rule: Option<RuleId>,
        others: Vec<RuleId>,
        message: String,
    ) {
        self.found.push(Finding { kind, rule, others, message });
    }

    /// The interfaces a packet has at a hook: in and out.
    fn interfaces(hook: Hook) -> (u128, u128) {
        let (none, some) = (Names::NONE, !Names::NONE);
        match hook {
            Hook::Prerouting | Hook::Input => (some, none),
            Hook::Forward => (some, some),
            Hook::Output => (none, some),
            // Both packets that pass through and those of this host.
            Hook::Postrouting => (u128::MAX, some),
        }
    }

    pub(crate) fn walk_all(&mut self) {
        for hook in [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting] {
            for (table, chain, base) in self.rules.base_chains(hook) {
                let family = self.rules.tables[table].family;
                let (input, output) = Lint::interfaces(hook);
                let all = everything(family, input, output, self.rules.untracks());
                let mut path =
                    Trail { last: None, opaque: Vec::new(), hook, silent: false, ends: Vec::new() };
                let left = self.chain(table, chain, Flow { all, logged: Vec::new() }, &mut path, 0);
                self.end(base.policy, None, &left, true);
            }
        }
        // Hooks that have no place here (ingress) are not known to be unreachable.
        for (t, table) in self.rules.tables.iter().enumerate() {
            for (c, chain) in table.chains.iter().enumerate() {
                if chain.base.is_some_and(|b| b.hook.is_none()) || table.family == Family::Other {
                    self.chains.insert((t, c));
                }
            }
        }
    }

    /// Notes where logged packets end.
    fn end(&mut self, verdict: Verdict, by: Option<RuleId>, flow: &Flow, certain: bool) {
        for (log, space) in &flow.logged {
            if space.is_empty() {
                continue;
            }
            let traced = self.traced.entry(*log).or_default();
            match verdict {
                Verdict::Accept if certain => drop(traced.accepted.insert(by)),
                Verdict::Drop | Verdict::Reject => drop(traced.dropped.insert(by)),
                _ => {}
            }
        }
    }

    /// Notes a rule that ends a packet's way.
    fn ends(&mut self, id: RuleId, path: &mut Trail) {
        self.ended.push((id, path.last));
        path.last = Some(self.ended.len() as u32 - 1);
        if !self.regions[&id].opaque.is_empty() {
            path.opaque.push(id);
        }
    }

    /// The rules that end a packet's way before this one, on every way here, in order.
    pub(crate) fn before(&self, seen: &Seen, id: RuleId) -> Vec<RuleId> {
        let way = |last: &Option<u32>| {
            let mut at = *last;
            let mut rules: Vec<RuleId> = std::iter::from_fn(|| {
                let (rule, before) = self.ended[at? as usize];
                at = before;
                Some(rule)
            })
            .collect();
            rules.reverse();
            rules
        };
        let mut ways = seen.before.iter().map(way);
        let mut common = ways.next().unwrap_or_default();
        for other in ways {
            let other: BTreeSet<RuleId> = other.into_iter().collect();
            common.retain(|rule| other.contains(rule));
        }
        common.sort_unstable();
        common.retain(|rule| *rule != id);
        common
    }

    /// Notes what is seen of a rule on one way to it: `takes` if packets are left that fit.
    fn see(&mut self, id: RuleId, region: &Region, entry: &Space, takes: bool, path: &Trail) {
        // A rule before it with the same conditions on what has no field.
        let mut before = path.opaque.iter().rev().take(OPAQUE);
        let covered =
            !region.opaque.is_empty() && before.any(|rule| self.regions[rule].covers(region, entry));
        let seen = self.seen.entry(id).or_default();
        seen.asked |= !entry.is_empty();
        seen.wanted |= !entry.and(&region.space).is_empty();
        seen.fires |= takes && !covered;
        seen.entry = std::mem::take(&mut seen.entry).or(entry.clone());
        if !seen.before.contains(&path.last) {
            seen.before.push(path.last);
        }
    }

    pub(crate) fn chain(
        &mut self,
        table: usize,
        chain: usize,
        entry: Flow,
        path: &mut Trail,
        depth: usize,
    ) -> Flow {
        if !path.silent {
            self.chains.insert((table, chain));
        }
        let rules = self.rules;
        let mut now = entry.clone();
        let mut returned = Flow::default();
        let start = (path.last, path.opaque.len());
        for (i, rule) in rules.tables[table].chains[chain].rules.iter().enumerate() {
            let id = RuleId { table: table as u32, chain: chain as u32, rule: i as u32 };
            if self.budget == 0 || depth > 32 {
                return entry;
            }
            self.budget -= 1;
            let region = self.regions[&id].clone();
            let taken = now.map(|s| s.and(&region.space));
            if !path.silent {
                self.see(id, &region, &entry.all, !taken.all.is_empty(), path);
            }
            // What goes on to the next rule if this one takes what it can be sure of.
            let exact = region.is_exact();
            let left = |now: Flow, regions: &BTreeMap<RuleId, Region>| match exact {
                true => now.without(&region.space),
                // Conditions that have no field, but are those of the LOG rule: what it logged
                // ends here. So does what this very rule logs.
                false => now.logged_less(
                    |log| {
                        log == id
                            || !region.moody && region.opaque.iter().all(|m| regions[&log].opaque.contains(m))
                    },
                    &region.space,
                ),
            };
            if rule.log.is_some() && !path.silent && !taken.all.is_empty() {
                now.logged.retain(|(l, _)| *l != id);
                now.logged.push((id, taken.all.clone()));
            }
            match rule.target.effect() {
                Effect::Continue | Effect::Unknown => {}
                Effect::Verdict(verdict) => {
                    if !taken.all.is_empty() {
                        path.ends.push((verdict, Some(id)));
                        let logged = now.map(|s| s.and(&region.space));
                        self.end(verdict, Some(id), &logged, exact);
                    }
                    now = left(now, &self.regions);
                    self.ends(id, path);
                }
                Effect::Return => {
                    returned = returned.or(taken);
                    now = left(now, &self.regions);
                    self.ends(id, path);
                }
                Effect::Jump | Effect::Goto => {
                    let is_goto = rule.target.effect() == Effect::Goto;
                    let Some(target) = rules.tables[table].chain(rule.target.word()) else { continue };
                    if taken.all.is_empty() {
                        continue;
                    }
                    let before = (path.last, path.opaque.len());
                    let back = self.chain(table, target, taken, path, depth + 1);
                    if !rule.is_unconditional() {
                        // What stood in there, not every packet has seen.
                        path.last = before.0;
                        path.opaque.truncate(before.1);
                    }
                    now = left(now, &self.regions);
                    if is_goto {
                        returned = returned.or(back);
                        self.ends(id, path);
                    } else {
                        now = now.or(back);
                    }
                }
            }
        }
        // A RETURN leads past what follows it.
        if !returned.all.is_empty() {
            path.last = start.0;
            path.opaque.truncate(start.1);
        }
        now.or(returned)
    }
}

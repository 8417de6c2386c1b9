//! All packets on their way through the chains.
//!
//! Responsible for: sending sets of packets through every chain, and what is seen of each rule.
//! Must not know: what is worth a finding.
//! Tested by: the unit tests of `lint`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::eval::walker::changes;
use crate::lint::finding::{Finding, FindingKind};
use crate::lint::names::Names;
use crate::lint::region::{Opaque, Region};
use crate::lint::space::{BOXES, Space, everything};
use crate::matches::Condition;
use crate::model::ruleset::{ChainNames, RuleId, Ruleset};
use crate::model::target::{Effect, Verdict};
use crate::values::hook::Hook;

/// What was seen of one rule, over all ways to it.
#[derive(Default)]
pub(crate) struct Seen {
    /// Some packet comes to the chain.
    pub(crate) asked: bool,
    /// Some packet that comes to the chain fits.
    pub(crate) wanted: bool,
    /// Some packet is left that fits.
    pub(crate) fires: bool,
    /// Each way here.
    pub(crate) ways: Vec<Way>,
    /// What it takes, and whether all of that surely comes here.
    pub(crate) taken: Space,
    pub(crate) doubtful: bool,
}

impl Seen {
    /// What comes to the chain at all.
    pub(crate) fn entry(&self) -> Space {
        self.ways.iter().fold(Space::default(), |all, way| all.or(Space::clone(&way.entry)))
    }
}

/// One way to a rule.
pub(crate) struct Way {
    /// All packets of the hook.
    pub(crate) all: Rc<Space>,
    /// What comes to the chain.
    pub(crate) entry: Rc<Space>,
    /// The last of the rules before it that end a packet's way, in [`Lint::ended`].
    pub(crate) last: Option<u32>,
    /// The jump through which its chain was come to, in [`Lint::calls`].
    pub(crate) call: Option<u32>,
    /// A rule before it with the same conditions on what has no field.
    pub(crate) cover: Option<RuleId>,
}

/// A rule that ends a packet's way, on one way to it.
pub(crate) struct Ended {
    pub(crate) rule: RuleId,
    pub(crate) before: Option<u32>,
    /// The rule that sent the packets to its chain, in [`Lint::calls`].
    pub(crate) call: Option<u32>,
    /// What it takes, in a chain to which others jump.
    pub(crate) took: Option<Space>,
    /// It ends their way through its own chain only.
    pub(crate) back: bool,
    /// All that fit it come to it, but for those that other rules in this list took.
    pub(crate) sure: bool,
}

/// Rules before a rule that are compared with it, of each combination of conditions without a
/// field.
const OPAQUE: usize = 100;

/// Rules that are met on all ways, at most, each the more the more boxes of packets come to it.
/// Of chains that are then not followed to their end, nothing is found.
pub(crate) const EFFORT: usize = 1_000_000;

/// Boxes from which on a set is no longer cut down, at least.
const FEWEST_BOXES: usize = 16;

/// Jumps inside jumps that are followed.
const DEEPEST: usize = 32;

/// What became of the packets of one LOG rule.
#[derive(Default)]
pub(crate) struct Traced {
    pub(crate) accepted: BTreeSet<Option<RuleId>>,
    pub(crate) dropped: BTreeSet<Option<RuleId>>,
}

pub(crate) struct Lint<'r> {
    pub(crate) rules: &'r Ruleset,
    pub(crate) names: Names,
    pub(crate) chain_names: ChainNames<'r>,
    pub(crate) regions: BTreeMap<RuleId, Region>,
    pub(crate) seen: BTreeMap<RuleId, Seen>,
    pub(crate) traced: BTreeMap<RuleId, Traced>,
    pub(crate) chains: BTreeSet<(usize, usize)>,
    /// Rules that end a packet's way, as they were met, each with the one before it: ways share
    /// their beginnings.
    pub(crate) ended: Vec<Ended>,
    /// Jumps as they were taken, each with the one through which its chain was come to.
    pub(crate) calls: Vec<(RuleId, Option<u32>)>,
    pub(crate) found: Vec<Finding>,
    pub(crate) budget: usize,
    /// Chains of which not every way to them was followed to its end.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    /// Boxes from which on a set of packets is no longer cut down: the fewer the more rules there are.
    pub(crate) boxes: usize,
}

/// Packets on their way, and those of them that were logged.
#[derive(Clone, Default)]
pub(crate) struct Flow {
    pub(crate) all: Space,
    pub(crate) logged: Vec<(RuleId, Space)>,
    /// Conditions without a field decided about some: they may not all be here.
    pub(crate) doubtful: bool,
    /// As [`Lint::boxes`].
    pub(crate) most: usize,
}

impl Flow {
    fn map(&self, f: impl Fn(&Space) -> Space) -> Flow {
        let logged = self.logged.iter().map(|(id, s)| (*id, f(s))).filter(|(_, s)| !s.is_empty());
        Flow { all: f(&self.all), logged: logged.collect(), ..*self }
    }

    /// What a rule that takes all of `space` leaves.
    fn without(mut self, space: &Space) -> Flow {
        let most = self.most;
        self.all = self.all.without_at_most(space, most);
        let less = |(id, logged): (RuleId, Space)| (id, logged.without_at_most(space, most));
        self.logged = self.logged.into_iter().map(less).collect();
        self.logged.retain(|(_, s)| !s.is_empty());
        self
    }

    /// The same packets; of those that some rules logged, without these.
    fn logged_less(mut self, of: impl Fn(RuleId) -> bool, space: &Space) -> Flow {
        for (id, logged) in &mut self.logged {
            if of(*id) {
                *logged = std::mem::take(logged).without_at_most(space, self.most);
            }
        }
        self.logged.retain(|(_, s)| !s.is_empty());
        self
    }

    fn or(mut self, other: Flow) -> Flow {
        self.all = self.all.or(other.all);
        self.doubtful |= other.doubtful;
        self.most = self.most.max(other.most);
        for (id, space) in other.logged {
            match self.logged.iter_mut().find(|(i, _)| *i == id) {
                Some((_, s)) => *s = std::mem::take(s).or(space),
                None => self.logged.push((id, space)),
            }
        }
        self
    }
}

/// Rules on a way whose conditions have no field, as they were met.
#[derive(Default)]
pub(crate) struct Decided {
    rules: Vec<(RuleId, Vec<u32>)>,
    /// The same by their conditions.
    by: HashMap<Vec<u32>, Vec<RuleId>>,
}

impl Decided {
    fn push(&mut self, id: RuleId, opaque: &[u32]) {
        self.rules.push((id, opaque.to_vec()));
        self.by.entry(opaque.to_vec()).or_default().push(id);
    }

    fn truncate(&mut self, length: usize) {
        for (_, opaque) in self.rules.drain(length..) {
            self.by.get_mut(&opaque).and_then(Vec::pop);
        }
    }

    /// The last rules that have no other conditions than these.
    fn within<'d>(&'d self, opaque: &'d [u32]) -> impl Iterator<Item = &'d RuleId> {
        // Of more conditions than a few, all at once or each alone.
        let some = 1..1_u32 << opaque.len().min(6);
        some.flat_map(|chosen| {
            let chosen = |(i, one): (usize, &u32)| (i >= 6 || chosen >> i & 1 == 1).then_some(*one);
            let chosen: Vec<u32> = opaque.iter().enumerate().filter_map(chosen).collect();
            self.by.get(&chosen).into_iter().flat_map(|rules| rules.iter().rev().take(OPAQUE))
        })
    }
}

/// A way through the chains while it is walked.
pub(crate) struct Trail {
    /// The last rule that ends a packet's way, in [`Lint::ended`].
    pub(crate) last: Option<u32>,
    /// Those of them with conditions on what has no field.
    pub(crate) opaque: Decided,
    /// The jump through which the present chain was come to, in [`Lint::calls`].
    pub(crate) call: Option<u32>,
    /// Packets that may have left the chains on the way here before, or never reached them: rules
    /// decided about them by conditions that have no field.
    pub(crate) doubt: Space,
    /// All packets of the hook.
    pub(crate) all: Rc<Space>,
    /// Only look where packets end; the findings are made elsewhere.
    pub(crate) silent: bool,
    pub(crate) ends: Vec<(Verdict, Option<RuleId>)>,
}

impl Trail {
    pub(crate) fn new(all: &Space, silent: bool) -> Trail {
        let all = Rc::new(all.clone());
        let (opaque, doubt) = (Decided::default(), Space::default());
        Trail { last: None, opaque, call: None, doubt, all, silent, ends: Vec::new() }
    }
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
        let changes = changes(rules);
        let mut opaque = Opaque::default();
        let regions = rules
            .rules()
            .map(|(id, rule)| (id, Region::of(rule, family(id), &names, rules.nft, changes, &mut opaque)))
            .collect();
        Lint {
            rules,
            names,
            chain_names: ChainNames::new(rules),
            regions,
            seen: BTreeMap::new(),
            traced: BTreeMap::new(),
            chains: BTreeSet::new(),
            ended: Vec::new(),
            calls: Vec::new(),
            found: Vec::new(),
            budget: EFFORT,
            cut: BTreeSet::new(),
            boxes: (2 * EFFORT / rules.rules().count().max(1)).clamp(FEWEST_BOXES, BOXES),
        }
    }

    pub(crate) fn add(
        &mut self,
        kind: FindingKind,
        rule: Option<RuleId>,
        others: Vec<RuleId>,
        message: String,
    ) {
        self.found.push(Finding { kind, rule, chain: None, others, message });
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
        let untracks = self.rules.untracks();
        for hook in [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting] {
            for (table, chain, base) in self.rules.base_chains(hook) {
                let family = self.rules.tables[table].family;
                let (input, output) = Lint::interfaces(hook);
                let all = everything(family, input, output, untracks);
                let mut path = Trail::new(&all, false);
                let flow = Flow { all, most: self.boxes, ..Flow::default() };
                let left = self.chain(table, chain, flow, &mut path, 0);
                self.end(base.policy, None, &left, true);
            }
        }
        // Hooks that have no place here (ingress) are not known to be unreachable.
        for (t, table) in self.rules.tables.iter().enumerate() {
            for (c, chain) in table.chains.iter().enumerate() {
                if chain.base.is_some_and(|b| b.hook.is_none()) || !table.family.is_ip() {
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

    /// Notes a rule that ends a packet's way, and what it takes.
    fn ends(&mut self, id: RuleId, taken: Space, back: bool, path: &mut Trail) {
        let region = &self.regions[&id];
        if !region.opaque.is_empty() {
            path.opaque.push(id, &region.opaque);
        } else if !path.silent && !region.moody && !taken.is_empty() {
            path.opaque.push(id, &[region.same]);
            let sure = path.doubt.is_empty();
            let took = (path.call.is_some() || !sure).then(|| taken.without(&path.doubt));
            self.ended.push(Ended { rule: id, before: path.last, call: path.call, took, back, sure });
            path.last = Some(self.ended.len() as u32 - 1);
        }
    }

    /// Notes what is seen of a rule on one way to it: the packets that are left and fit.
    fn see(&mut self, id: RuleId, region: &Region, entry: &Rc<Space>, taken: &Flow, path: &Trail) {
        // A rule before it with the same conditions on what has no field, or for the same packets.
        let wanted = entry.and(&region.space);
        let covers = |rule: &&RuleId| self.regions[*rule].covers(region, &wanted);
        let cover = match region.opaque.is_empty() {
            true => path.opaque.within(&[region.same]).find(covers).copied(),
            false => path.opaque.within(&region.opaque).find(covers).copied(),
        };
        let seen = self.seen.entry(id).or_default();
        seen.asked |= !entry.is_empty();
        seen.wanted |= !wanted.is_empty();
        seen.fires |= !taken.all.is_empty() && cover.is_none();
        if self.rules.rule(id).is_some_and(|rule| rule.log.is_some()) {
            seen.taken = std::mem::take(&mut seen.taken).or(taken.all.clone());
            seen.doubtful |= taken.doubtful || !region.opaque.is_empty();
        }
        let (all, entry) = (Rc::clone(&path.all), Rc::clone(entry));
        seen.ways.push(Way { all, entry, last: path.last, call: path.call, cover });
    }

    /// Notes all chains that can be come to from one, where the walk goes no further.
    fn cut_from(&mut self, table: usize, chain: usize) {
        let rules = self.rules;
        let mut open = vec![chain];
        while let Some(chain) = open.pop() {
            if !self.cut.insert((table, chain)) {
                continue;
            }
            self.chains.insert((table, chain));
            let targets = rules.tables[table].chains[chain].rules.iter().map(|rule| rule.target.word());
            open.extend(targets.filter_map(|name| self.chain_names.get(table, name)));
        }
    }

    /// Whether all ways to a rule were followed.
    pub(crate) fn is_followed(&self, id: RuleId) -> bool {
        !self.cut.contains(&(id.table as usize, id.chain as usize))
    }

    /// Sends packets through the chain that a rule names; those of them that come back.
    fn jump(&mut self, id: RuleId, target: usize, taken: Flow, path: &mut Trail, depth: usize) -> Flow {
        let (call, asked, outside) = (path.call, path.opaque.rules.len(), path.doubt.clone());
        if !self.regions[&id].is_exact() {
            path.doubt = taken.all.clone();
        }
        self.calls.push((id, path.call));
        path.call = Some(self.calls.len() as u32 - 1);
        let back = self.chain(id.table as usize, target, taken, path, depth + 1);
        (path.call, path.doubt) = (call, outside);
        if self.rules.rule(id).is_none_or(|rule| !rule.is_unconditional()) {
            // What is asked in there, not every packet has seen.
            path.opaque.truncate(asked);
        }
        back
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
        let (start, came) = (path.opaque.rules.len(), Rc::new(entry.all.clone()));
        let doubt = path.doubt.clone();
        for (i, rule) in rules.tables[table].chains[chain].rules.iter().enumerate() {
            let id = RuleId { table: table as u32, chain: chain as u32, rule: i as u32 };
            if self.budget == 0 || depth > DEEPEST {
                if !path.silent {
                    self.cut_from(table, chain);
                }
                return entry;
            }
            let boxes = now.logged.iter().map(|(_, logged)| logged.0.len()).sum::<usize>() + now.all.0.len();
            self.budget = self.budget.saturating_sub(1 + boxes / 8);
            let region = self.regions[&id].clone();
            let mut taken = now.map(|s| s.and(&region.space));
            if !path.silent {
                self.see(id, &region, &came, &taken, path);
            }
            // What goes on to the next rule if this one takes what it can be sure of.
            let exact = region.is_exact();
            if !region.opaque.is_empty() && !taken.all.is_empty() && rule.target.effect() != Effect::Continue
            {
                (taken.doubtful, now.doubtful) = (true, true);
            }
            let left = |now: Flow, regions: &BTreeMap<RuleId, Region>| match exact {
                true => now.without(&region.space),
                // Conditions that have no field, but are those of the LOG rule: what it logged
                // ends here. So does what this very rule logs.
                false => {
                    now.logged_less(|log| log == id || region.asks_within(&regions[&log]), &region.space)
                }
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
                    self.ends(id, taken.all, false, path);
                }
                Effect::Return => {
                    now = left(now, &self.regions);
                    self.ends(id, taken.all.clone(), true, path);
                    if !exact {
                        path.doubt = std::mem::take(&mut path.doubt).or(taken.all.clone());
                    }
                    returned = returned.or(taken);
                }
                Effect::Jump | Effect::Goto => {
                    let is_goto = rule.target.effect() == Effect::Goto;
                    let Some(target) = self.chain_names.get(table, rule.target.word()) else { continue };
                    if taken.all.is_empty() {
                        continue;
                    }
                    let gone = if is_goto { taken.all.clone() } else { Space::default() };
                    let back = self.jump(id, target, taken, path, depth);
                    now = left(now, &self.regions);
                    if is_goto {
                        if !exact {
                            path.doubt = std::mem::take(&mut path.doubt).or(gone.clone());
                        }
                        self.ends(id, gone, true, path);
                        returned = returned.or(back);
                    } else {
                        now = now.or(back);
                    }
                }
            }
        }
        path.doubt = doubt;
        // A RETURN leads past what follows it.
        if !returned.all.is_empty() {
            path.opaque.truncate(start);
        }
        now.or(returned)
    }
}

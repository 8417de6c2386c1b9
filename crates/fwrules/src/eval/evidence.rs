//! What a line's being there proves.
//!
//! A line says more than its fields: it was **written**, by a LOG rule with its prefix. So
//! every rule that could have ended the packet's way before that LOG rule did not take
//! it, and every jump on the only way there did. That settles most of what the fields leave
//! open: a packet that was logged behind `-m conntrack --ctstate RELATED,ESTABLISHED -j
//! ACCEPT` was neither; the LOG rule's own `limit` let it through.
//!
//! The proof holds for the ruleset that wrote the line, which need not be the one that is
//! replayed. [`Evidence`] says what is known of it. Such facts only ever decide what the
//! fields leave unknown; they never overrule a field.
//!
//! Responsible for: finding these facts, once per ruleset.
//! Must not know: packets.
//! Tested by: the unit tests in `walk`, `tests/replay.rs`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::eval::index::Index;
use crate::matches::Condition;
use crate::model::rule::Rule;
use crate::model::ruleset::{ChainNames, RuleId, Ruleset};
use crate::model::target::{Effect, Target, Verdict};
use crate::values::conntrack::StateSet;
use crate::values::hook::{Hook, Path};
use crate::values::ipset::Set;
use crate::values::lookup::Lookup;

/// What is known of the ruleset that wrote the log.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum Evidence<'a> {
    /// Nothing: only the fields count.
    Nothing,
    /// It may have been an older one, but it already accepted packets of known connections
    /// (`ESTABLISHED`, `RELATED`) where this one does, and the LOG rule was reached and
    /// limited as it is here. Rules that drop may all be new. What one wants when an edited
    /// ruleset is tried on an older log.
    #[default]
    Usual,
    /// It was this ruleset, but for rules put in with [`Ruleset::add`].
    Same,
    /// It was that one.
    Writer(&'a Ruleset),
}

/// The facts of a ruleset, by prefix.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prior {
    facts: [HashMap<Vec<u8>, Facts>; 3],
}

/// The jumps that must certainly have led to a rule.
type Guards = Arc<[Rule]>;

/// What follows from a line with one prefix.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Rules of the replayed ruleset that did not take the packet, each with the jumps that
    /// must certainly have led to it.
    pub(crate) no: HashMap<RuleId, Guards, RandomState>,
    /// Rules that took it.
    pub(crate) yes: HashSet<RuleId, RandomState>,
    /// Rules of the writing ruleset that did not take it, for what they say about the state
    /// of the connection.
    pub(crate) refused: Vec<(Arc<Rule>, Guards)>,
    /// Where those are found that may take a packet.
    pub(crate) refused_index: Index,
    /// The writing ruleset is the replayed one: what `no` has was refused, and `refused` is empty.
    pub(crate) own: bool,
    /// Hooks at which a LOG rule with this prefix stands.
    pub(crate) hooks: Vec<Hook>,
}

impl Prior {
    /// `twins`: the writer's rules that are in `rules` as well; `None` if it is `rules` itself.
    pub(crate) fn new(
        rules: &Ruleset,
        evidence: Evidence<'_>,
        twins: Option<&HashMap<RuleId, RuleId>>,
        sets: &Lookup<'_>,
    ) -> Prior {
        let writer = match evidence {
            Evidence::Nothing => {
                // Hooks are not a matter of evidence: they follow from the ruleset alone.
                let mut prior = Prior::of(rules);
                for facts in prior.facts.iter_mut().flat_map(HashMap::values_mut) {
                    *facts = Facts { hooks: std::mem::take(&mut facts.hooks), ..Facts::default() };
                }
                return prior;
            }
            Evidence::Usual | Evidence::Same => rules,
            Evidence::Writer(writer) => writer,
        };
        let mut prior = Prior::of(writer);
        match (evidence, twins) {
            (Evidence::Usual, _) => {
                for facts in prior.facts.iter_mut().flat_map(HashMap::values_mut) {
                    facts.no.retain(|id, _| rules.rule(*id).is_some_and(lets_known_connections_in));
                    facts.yes.retain(|id| !rules.rule(*id).is_some_and(|rule| asks_moving_set(rules, rule)));
                }
            }
            (Evidence::Writer(_), None) => {
                prior.facts.iter_mut().flat_map(HashMap::values_mut).for_each(|facts| facts.own = true);
            }
            (Evidence::Writer(writer), Some(twins)) => {
                let hooks = Prior::of(rules);
                let mut copies = HashMap::new();
                for (way, facts) in prior.facts.iter_mut().enumerate() {
                    for (prefix, facts) in facts.iter_mut() {
                        facts.translate(writer, twins, &mut copies, sets);
                        facts.hooks =
                            hooks.facts[way].get(prefix).map(|f| f.hooks.clone()).unwrap_or_default();
                    }
                }
            }
            _ => {}
        }
        prior
    }

    /// The facts about a line with this prefix on this way.
    pub(crate) fn get(&self, path: Path, prefix: &[u8]) -> Option<&Facts> {
        self.facts[path as usize].get(prefix)
    }

    fn of(rules: &Ruleset) -> Prior {
        let mut prior = Prior::default();
        let names = ChainNames::new(rules);
        for path in Path::ALL {
            let (passed, via, guards, found) = (Vec::new(), Vec::new(), Guards::default(), HashMap::new());
            let mut search = Search { rules, names: &names, passed, via, guards, found, budget: 200_000 };
            for hook in path.hooks() {
                for (table, chain, _) in rules.base_chains(*hook) {
                    search.base(table, chain, *hook);
                }
            }
            // A search that was given up proves nothing.
            let complete = search.budget > 0;
            for (prefix, places) in search.found {
                let mut hooks: Vec<Hook> = places.iter().map(|p| p.hook).collect();
                hooks.dedup();
                let mut facts = Facts { hooks, ..Facts::default() };
                if complete {
                    let others: Vec<HashSet<RuleId>> =
                        places[1..].iter().map(|p| p.passed.iter().map(|(id, _)| *id).collect()).collect();
                    let everywhere = |id: &RuleId| others.iter().all(|passed| passed.contains(id));
                    for (id, guards) in &places[0].passed {
                        if everywhere(id) {
                            facts.no.insert(*id, Arc::clone(guards));
                        }
                    }
                    for id in &places[0].via {
                        if places.iter().all(|p| p.via.contains(id)) {
                            facts.yes.insert(*id);
                        }
                    }
                }
                prior.facts[path as usize].insert(prefix, facts);
            }
        }
        prior
    }
}

impl Facts {
    /// Facts about the writing ruleset as facts about the replayed one.
    fn translate(
        &mut self,
        writer: &Ruleset,
        twins: &HashMap<RuleId, RuleId>,
        copies: &mut HashMap<RuleId, Arc<Rule>>,
        sets: &Lookup<'_>,
    ) {
        let no = std::mem::take(&mut self.no);
        for (id, guards) in no {
            if let Some(rule) = writer.rule(id) {
                let copy = copies.entry(id).or_insert_with(|| Arc::new(rule.clone()));
                self.refused.push((Arc::clone(copy), Arc::clone(&guards)));
            }
            if let Some(twin) = twins.get(&id) {
                self.no.insert(*twin, guards);
            }
        }
        let numbered: Vec<(u32, &Rule)> = (0..).zip(self.refused.iter().map(|(rule, _)| &**rule)).collect();
        self.refused_index = Index::new(&numbered, sets, writer.changes.sets);
        let yes = std::mem::take(&mut self.yes);
        self.yes = yes.into_iter().filter_map(|id| twins.get(&id).copied()).collect();
    }
}

/// Whether the rule accepts packets of connections that are known, and only those.
fn lets_known_connections_in(rule: &Rule) -> bool {
    rule.target == Target::Accept
        && rule.conditions.iter().any(|c| match c {
            Condition::State(state) if !state.states.not => {
                let asked = state.states.value;
                asked.and(StateSet::NEW | StateSet::INVALID).is_empty()
                    && !asked.and(StateSet::ESTABLISHED | StateSet::RELATED).is_empty()
            }
            _ => false,
        })
}

/// Whether the rule asks for a set that is listed and changes by itself: that the packet was in it
/// once says nothing about another time.
fn asks_moving_set(rules: &Ruleset, rule: &Rule) -> bool {
    rule.conditions.iter().any(|condition| {
        let Condition::Set(set) = condition else { return false };
        rules.sets.get(set.name.as_bytes()).is_some_and(Set::is_timed)
    })
}

/// Rules of `new` that are in `old` as well, in the same chain: old id to new id.
pub(crate) fn twins(old: &Ruleset, new: &Ruleset) -> HashMap<RuleId, RuleId> {
    let mut twins = HashMap::new();
    let tables: HashMap<_, usize> = new.tables.iter().map(|t| (t.family, &t.name)).zip(0..).collect();
    let names = ChainNames::new(new);
    let hasher = RandomState::default();
    for (t, table) in old.tables.iter().enumerate() {
        let Some(nt) = tables.get(&(table.family, &table.name)).copied() else { continue };
        for (c, chain) in table.chains.iter().enumerate() {
            let Some(nc) = names.get(nt, chain.name.as_bytes()) else { continue };
            let rules = &new.tables[nt].chains[nc].rules;
            let mut unused: HashMap<u64, VecDeque<usize>> = HashMap::new();
            for (r, rule) in rules.iter().enumerate() {
                unused.entry(rule.meaning(&hasher)).or_default().push_back(r);
            }
            let id =
                |t: usize, c: usize, r: usize| RuleId { table: t as u32, chain: c as u32, rule: r as u32 };
            for (r, rule) in chain.rules.iter().enumerate() {
                let Some(like) = unused.get_mut(&rule.meaning(&hasher)) else { continue };
                let same = like.iter().position(|nr| rules[*nr].same(rule));
                if let Some(nr) = same.and_then(|at| like.remove(at)) {
                    twins.insert(id(t, c, r), id(nt, nc, nr));
                }
            }
        }
    }
    twins
}

struct Place {
    hook: Hook,
    passed: Vec<(RuleId, Guards)>,
    via: Vec<RuleId>,
}

/// Walks every chain as often as it is jumped to and notes what comes before LOG rules.
struct Search<'r> {
    rules: &'r Ruleset,
    names: &'r ChainNames<'r>,
    /// Rules that did not take a packet that has come this far, with their guards.
    passed: Vec<(RuleId, Guards)>,
    /// The jumps that led here, and those of them that have conditions.
    via: Vec<RuleId>,
    guards: Guards,
    found: HashMap<Vec<u8>, Vec<Place>>,
    budget: usize,
}

impl Search<'_> {
    fn base(&mut self, table: usize, chain: usize, hook: Hook) {
        let mut accepts = usize::MAX;
        self.chain(table, chain, hook, 0, &mut accepts);
        // An accepted packet goes on to the next table: what stood behind the first ACCEPT
        // it may not have seen.
        self.passed.truncate(accepts);
    }

    fn chain(&mut self, table: usize, chain: usize, hook: Hook, depth: usize, accepts: &mut usize) {
        let mut keep = usize::MAX;
        let rules = self.rules;
        if depth > 16 {
            self.budget = 0;
            return;
        }
        for (i, rule) in rules.tables[table].chains[chain].rules.iter().enumerate() {
            if rule.added {
                continue;
            }
            self.budget = self.budget.saturating_sub(1);
            if self.budget == 0 {
                return;
            }
            let id = RuleId { table: table as u32, chain: chain as u32, rule: i as u32 };
            if let Some(log) = &rule.log {
                let mut via = self.via.clone();
                via.push(id);
                let place = Place { hook, passed: self.passed.clone(), via };
                self.budget = self.budget.saturating_sub(self.passed.len() / 8);
                self.found.entry(log.written(rules.nft).to_vec()).or_default().push(place);
            }
            let effect = rule.target.effect();
            let target = match &rule.target {
                Target::Jump(name) | Target::Goto(name) => self.names.get(table, name.as_bytes()),
                _ => None,
            };
            match effect {
                Effect::Continue => {}
                Effect::Verdict(verdict) => {
                    if verdict == Verdict::Accept {
                        *accepts = (*accepts).min(self.passed.len());
                    }
                    self.pass(id);
                }
                Effect::Return => {
                    keep = keep.min(self.passed.len());
                    self.pass(id);
                }
                Effect::Jump => {
                    if let Some(target) = target {
                        self.jump(id, target, hook, depth, accepts);
                    }
                }
                Effect::Goto => {
                    keep = keep.min(self.passed.len());
                    if let Some(target) = target {
                        let before = self.passed.len();
                        self.jump(id, target, hook, depth, accepts);
                        self.passed.truncate(before);
                    }
                    self.pass(id);
                }
                Effect::Unknown => keep = keep.min(self.passed.len()),
            }
        }
        self.passed.truncate(keep);
    }

    fn jump(&mut self, id: RuleId, target: usize, hook: Hook, depth: usize, accepts: &mut usize) {
        let before = Arc::clone(&self.guards);
        if let Some(rule) = self.rules.rule(id).filter(|rule| !rule.is_unconditional()) {
            self.guards = before.iter().chain([rule]).cloned().collect();
        }
        self.via.push(id);
        self.chain(id.table as usize, target, hook, depth + 1, accepts);
        self.via.pop();
        self.guards = before;
    }

    fn pass(&mut self, id: RuleId) {
        self.passed.push((id, Arc::clone(&self.guards)));
    }
}

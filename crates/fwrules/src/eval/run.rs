//! One walk in progress.
//!
//! Responsible for: walking as the kernel does (hooks by IN and OUT, tables by priority, jump,
//! goto, return, policy, targets after which the walk goes on), with three values: at a rule
//! whose answer is unknown **both** ways are walked, and merged again after it. So a walk
//! visits each rule at most as often as the kernel could, and what does not depend on the
//! unknown comes out as certain.
//! Must not know: how many lines there are, or what is counted.
//! Tested by: the unit tests of `eval::walk`, `tests/replay.rs` (a real kernel's fates).

use logparse::{Network, Packet};

use crate::eval::bases::BaseChain;
use crate::eval::evidence::Facts;
use crate::eval::index::{Candidates, Index};
use crate::eval::outcome::{End, Missed, Outcome, Reach, Step};
use crate::eval::walker::{Newer, Walker};
use crate::matches::Condition;
use crate::matches::conntrack::state_match;
use crate::model::rule::Rule;
use crate::model::ruleset::{Place, RuleId};
use crate::model::target::{Effect, Verdict};
use crate::values::conntrack::StateSet;
use crate::values::hook::{Hook, Path};
use crate::values::net::{Family, Test};
use crate::values::tri::{Tri, Why};
use crate::view::{Context, View};

/// The near misses of every rule, by the rule's number in the text.
pub(crate) type NearMisses = [Vec<Rule>];

/// A packet on its way: how surely it is here, and which states it can still be in.
#[derive(Clone, Copy, Debug)]
struct State {
    certain: bool,
    states: StateSet,
}

fn merge(a: Option<State>, b: Option<State>) -> Option<State> {
    match (a, b) {
        (Some(a), Some(b)) => Some(State { certain: a.certain && b.certain, states: a.states | b.states }),
        (one, None) | (None, one) => one,
    }
}

/// One walk in progress.
pub(crate) struct Run<'w, 'p> {
    walker: &'w Walker<'w>,
    pub(crate) view: View<'p>,
    facts: Option<&'w Facts>,
    path: Option<Path>,
    pub(crate) ignored: Vec<RuleId>,
    pub(crate) steps: Option<Vec<Step>>,
    outcome: Outcome,
    /// Inside how many jumps that may not have been taken.
    doubt: usize,
    /// How many ends were met so far: a chain in which none was met certainly returns.
    ends: usize,
    accepted: Option<State>,
    accepts: Vec<End>,
    budget: usize,
    /// Where the rules are found that may take the packet; without, each is asked.
    index: Option<&'p Index>,
    candidates: Candidates<'p>,
    pub(crate) beyond: Option<Beyond<'p>>,
}

/// Where a walk goes on behind its end, to see what would have been.
pub(crate) struct Beyond<'n> {
    pub(crate) near: &'n NearMisses,
    /// What ended the packet's way.
    ended: Option<Place>,
    /// What ended its way through the present table.
    table_left: Option<Place>,
    /// Something may have ended it.
    unsure: bool,
    pub(crate) missed: Missed,
}

impl<'n> Beyond<'n> {
    pub(crate) fn new(near: &'n NearMisses) -> Beyond<'n> {
        Beyond { near, ended: None, table_left: None, unsure: false, missed: Missed::default() }
    }
}

/// The deepest nesting of jumps that is followed; the kernel refuses loops itself.
const DEPTH: usize = 64;
/// Rules asked in one walk, at most, beyond each of the ruleset's once.
const BUDGET: usize = 200_000;

impl<'w, 'p> Run<'w, 'p> {
    pub(crate) fn new(
        walker: &'w Walker<'w>,
        packet: &'p Packet<'p>,
        context: &'p Context<'p>,
        index: Option<&'p Index>,
    ) -> Run<'w, 'p>
    where
        'w: 'p,
    {
        let path = Path::of(packet.in_iface, packet.out_iface);
        let facts = path.and_then(|path| walker.prior.get(path, packet.prefix));
        let view = View {
            packet,
            context,
            sets: &walker.sets,
            hook: None,
            states: StateSet::possible(packet, walker.untracks),
            changes: walker.changes,
            nft: walker.rules.nft,
        };
        let mut run = Run {
            walker,
            view,
            facts,
            path,
            ignored: Vec::new(),
            steps: None,
            outcome: Outcome::default(),
            doubt: 0,
            ends: 0,
            accepted: None,
            accepts: Vec::new(),
            budget: BUDGET + walker.ids.len(),
            index,
            candidates: Candidates::default(),
            beyond: None,
        };
        run.view.states = run.refused_states();
        run
    }

    /// The states that are left when the writing ruleset's rules in front are taken off.
    fn refused_states(&self) -> StateSet {
        let mut states = self.view.states;
        let Some(facts) = self.facts else { return states };
        let mut refuse = |rule: &Rule, guards: &[Rule]| {
            if guards.iter().all(|g| g.evaluate(&self.view) == Tri::Yes) {
                states = self.less_taken(states, rule);
            }
        };
        if facts.own {
            for (id, rule) in self.may_take() {
                if let Some(guards) = facts.no.get(&id) {
                    refuse(rule, guards);
                }
            }
        }
        for number in facts.refused_index.among(&self.view).all() {
            let (rule, guards) = &facts.refused[number as usize];
            refuse(rule, guards);
        }
        // Refused in every state that its fields allow: other rules wrote the line. Fields win.
        if states.is_empty() { self.view.states } else { states }
    }

    /// The rules that may take the packet, as far as an index finds them.
    fn may_take(&self) -> impl Iterator<Item = (RuleId, &'w Rule)> + use<'w, 'p> {
        let all = || (0..self.walker.ids.len() as u32).collect();
        let asked: Vec<u32> = self.index.map_or_else(all, |index| index.among(&self.view).all().collect());
        let walker = self.walker;
        asked.into_iter().filter_map(move |number| {
            let id = walker.ids[number as usize];
            Some((id, walker.rules.rule(id)?))
        })
    }

    /// The states but those in which the rule surely takes the packet.
    fn less_taken(&self, mut states: StateSet, rule: &Rule) -> StateSet {
        for (state, _) in StateSet::WORDS.into_iter().take(5) {
            if states.contains(state) && rule.evaluate(&View { states: state, ..self.view }) == Tri::Yes {
                states = states.without(state);
            }
        }
        states
    }

    /// The states that are left when every rule that the line's being there refutes is taken
    /// off.
    pub(crate) fn settled_states(&self) -> StateSet {
        let mut states = self.view.states;
        let Some(facts) = self.facts else { return states };
        for (id, rule) in self.may_take() {
            if facts.no.contains_key(&id) {
                states = self.less_taken(states, rule);
            }
        }
        states
    }

    pub(crate) fn start(&mut self) {
        let walker = self.walker;
        let Some(path) = self.path else { return };
        let hooks = self.facts.map(|f| f.hooks.as_slice()).unwrap_or_default();
        let all = Some(State { certain: true, states: self.view.states });
        let state = match path {
            // A line that may be written before routing does not say whether the packet was for this host.
            Path::Input if hooks.contains(&Hook::Prerouting) => {
                let state = self.pass(path, &[Hook::Prerouting], all);
                let through: &[Hook] = &[Hook::Forward, Hook::Postrouting];
                self.either(state, [(Path::Input, &[Hook::Input]), (Path::Forward, through)])
            }
            // One that may be written at the very end does not say whether it came from it.
            Path::Output if hooks.contains(&Hook::Postrouting) => {
                let through: &[Hook] = &[Hook::Prerouting, Hook::Forward];
                let state = self.either(all, [(Path::Output, &[Hook::Output]), (Path::Forward, through)]);
                self.pass(path, &[Hook::Postrouting], state)
            }
            _ if hooks.contains(&Hook::Prerouting) => {
                let state = self.pass(path, &[Hook::Prerouting], all);
                self.doubt += 1;
                let state = self.pass(path, &path.hooks()[1..], state);
                self.doubt -= 1;
                state
            }
            _ => self.pass(path, path.hooks(), all),
        };
        let fits = |base: &BaseChain| self.sees(base);
        self.outcome.other_family = !walker.bases[path as usize].chains.iter().any(fits);
        if state.is_some() {
            self.outcome.ends.append(&mut self.accepts);
        }
    }

    /// Whether a chain sees packets of this family.
    fn sees(&self, base: &BaseChain) -> bool {
        match (self.walker.rules.tables[base.table].family, self.view.packet.datagram.network) {
            (Family::Ipv4, Network::Ipv4(_)) | (Family::Ipv6, Network::Ipv6(_)) => true,
            (Family::Inet, Network::Ipv4(_) | Network::Ipv6(_)) => true,
            // A line that was cut before its addresses.
            (_, Network::None) => true,
            _ => false,
        }
    }

    /// Walks the base chains of some hooks on a path. Gives back the packet that is still on its
    /// way then.
    fn pass(&mut self, path: Path, hooks: &[Hook], mut state: Option<State>) -> Option<State> {
        let walker = self.walker;
        let bases = &walker.bases[path as usize];
        let mut start = 0;
        for row in bases.chains.chunk_by(|one, next| one.hook == next.hook) {
            let (from, to) = (start, start + row.len());
            start = to;
            if !hooks.contains(&row[0].hook) || state.is_none() {
                continue;
            }
            self.come_to(row[0].hook);
            let place = |number| {
                let id = walker.ids[number as usize];
                (id.table as usize, id.chain as usize)
            };
            let asked = self.index.is_some().then(|| self.candidates.all().map(place));
            for at in bases.needed(from, to, &self.view.packet.datagram.network, asked) {
                let Some(now) = state else { break };
                if self.sees(&bases.chains[at]) {
                    state = self.base(bases.chains[at], now);
                }
            }
        }
        state
    }

    /// Looks the packet up as it is at this hook.
    fn come_to(&mut self, hook: Hook) {
        if self.view.hook != Some(hook) {
            self.view.hook = Some(hook);
            self.candidates = self.index.map(|index| index.among(&self.view)).unwrap_or_default();
        }
    }

    /// Walks one of several ways of which the line does not say which.
    fn either(&mut self, state: Option<State>, ways: [(Path, &[Hook]); 2]) -> Option<State> {
        let now = state?;
        let before = self.ends;
        let accepts = std::mem::take(&mut self.accepts);
        let (mut left, mut all): (_, Vec<End>) = (None, Vec::new());
        self.doubt += 1;
        for (path, hooks) in ways {
            self.accepts.clone_from(&accepts);
            let back = self.pass(path, hooks, state);
            if back.is_some() {
                let new = self.accepts.iter().filter(|end| !all.contains(end));
                all.extend(new.copied().collect::<Vec<_>>());
            }
            left = merge(left, back);
        }
        self.doubt -= 1;
        self.accepts = all;
        left.map(|left| State { certain: now.certain && self.ends == before, ..left })
    }

    /// Whether a chain that is asked before routing, or by a bridge, surely lets the packet pass.
    pub(crate) fn surely_passes(&mut self, base: BaseChain) -> bool {
        let states = self.view.states;
        let left = self.base(base, State { certain: true, states });
        self.view.states = states;
        left.is_some_and(|left| left.certain) && self.outcome.ends.is_empty()
    }

    fn base(&mut self, base: BaseChain, mut state: State) -> Option<State> {
        let before = self.ends;
        self.accepted = None;
        let all = state;
        let first = StateSet::NEW | StateSet::RELATED;
        let mut doubtful = false;
        if base.nat {
            // Only the first packet of a connection comes here.
            match state_match(state.states, first) {
                Tri::No => return Some(state),
                Tri::Yes => {}
                Tri::Unknown(_) => doubtful = true,
            }
            state.states = state.states.and(first);
        }
        self.come_to(base.hook);
        let old = std::mem::take(&mut self.accepts);
        self.doubt += usize::from(doubtful);
        if let Some(beyond) = &mut self.beyond {
            beyond.table_left = None;
        }
        if let Some(end) = self.chain(base.table, base.chain, base.hook, state, 0) {
            let place = Place::Policy(base.table as u32, base.chain as u32);
            let reach = self.reach(end);
            self.step(place, base.hook, 0, end, Tri::Yes, false);
            if self.beyond.is_some() {
                self.go_beyond(base.policy, place, reach);
                self.end(Some(Verdict::Accept), place, reach, end);
            } else {
                self.end(Some(base.policy), place, reach, end);
            }
        }
        self.doubt -= usize::from(doubtful);
        // Of several chains that let a packet pass, the one that people ask for is named: a rule
        // before a policy, the policies of INPUT, FORWARD and OUTPUT before those of other hooks.
        let policies = |ends: &[End]| ends.iter().all(|end| matches!(end.by, Place::Policy(..)));
        let middle = matches!(base.hook, Hook::Input | Hook::Forward | Hook::Output) && !base.nat;
        let asked = !self.walker.rules.tables[base.table].chains[base.chain].rules.is_empty();
        if !old.is_empty() && policies(&self.accepts) && !(middle && (asked || policies(&old))) {
            self.accepts = old;
        }
        if base.nat {
            return Some(all);
        }
        let stopped = self.ends != before;
        self.accepted.map(|s| State { certain: all.certain && !stopped, states: s.states })
    }

    fn reach(&self, state: State) -> Reach {
        if state.certain && self.doubt == 0 { Reach::Certain } else { Reach::Possible }
    }

    fn step(&mut self, place: Place, hook: Hook, depth: usize, state: State, result: Tri, proved: bool) {
        let reach = self.reach(state);
        if let Some(steps) = &mut self.steps {
            steps.push(Step { place, hook, depth, reach, result, proved });
        }
    }

    /// Notes an end. An accepted packet goes on to the next table; any other stops the way.
    fn end(&mut self, verdict: Option<Verdict>, by: Place, reach: Reach, state: State) {
        let end = End { verdict, by, reach };
        if verdict == Some(Verdict::Accept) {
            self.accepted = merge(self.accepted, Some(state));
            self.accepts.push(end);
        } else {
            self.ends += 1;
            self.outcome.ends.push(end);
        }
    }

    /// Asks the rule, and what the line's being there says where its fields do not.
    fn ask(&self, id: RuleId, rule: &Rule) -> (Tri, bool) {
        let result = rule.evaluate(&self.view);
        if !matches!(result, Tri::Unknown(_)) {
            return (result, false);
        }
        if let Some(facts) = self.facts {
            if let Some(guards) = facts.no.get(&id)
                && guards.iter().all(|g| g.evaluate(&self.view) == Tri::Yes || !self.writer_differs())
            {
                return (Tri::No, true);
            }
            if facts.yes.contains(&id) {
                return (Tri::Yes, true);
            }
        }
        (result, false)
    }

    /// Whether the chains of the writing ruleset may be entered differently from these.
    fn writer_differs(&self) -> bool {
        matches!(self.walker.evidence, Newer::Not(_))
    }

    /// The states with which the rule can (`take`) or cannot take the packet.
    fn split(&self, rule: &Rule, states: StateSet, take: bool) -> StateSet {
        if !rule.conditions.iter().any(|c| matches!(c, Condition::State(_))) {
            return states;
        }
        let mut left = states;
        for (state, _) in StateSet::WORDS.into_iter().take(5) {
            if !states.contains(state) {
                continue;
            }
            let result = rule.evaluate(&View { states: state, ..self.view });
            let impossible = if take { Tri::No } else { Tri::Yes };
            if result == impossible {
                left = left.without(state);
            }
        }
        left
    }

    /// Asks the rule of a packet that can be in these states; with the answer, whether it was
    /// proved, and the states in which the packet is taken and not taken.
    fn ask_in(&mut self, states: StateSet, id: RuleId, rule: &Rule) -> (Tri, bool, StateSet, StateSet) {
        self.view.states = states;
        let (mut result, proved) = self.ask(id, rule);
        if !proved && !matches!(result, Tri::Unknown(_)) {
            return (result, proved, states, states);
        }
        let (yes, no) = (self.split(rule, states, true), self.split(rule, states, false));
        if yes.is_empty() {
            result = Tri::No;
        } else if no.is_empty() && !proved {
            result = Tri::Yes;
        }
        (result, proved, yes, if no.is_empty() { states } else { no })
    }

    /// The packet that comes back from the chain to which a rule sends it.
    fn sent_to(&mut self, id: RuleId, hook: Hook, taken: State, depth: usize) -> Option<State> {
        let table = id.table as usize;
        let number = self.walker.numbers[table][id.chain as usize] + id.rule;
        match self.walker.targets[number as usize] {
            Some(target) => {
                let target = target as usize;
                let ends = self.ends + self.accept_count();
                let back = self.chain(table, target, hook, taken, depth + 1);
                let certain = taken.certain && self.ends + self.accept_count() == ends;
                back.map(|b| State { certain, ..b })
            }
            // No chain of this name: an extension that is not known.
            None => {
                self.outcome.unknown.push((id, Why::Target));
                self.end(None, Place::Rule(id), Reach::Possible, taken);
                Some(State { certain: false, ..taken })
            }
        }
    }

    /// Walks one chain. Gives back the packet that leaves it at its end or by RETURN.
    fn chain(&mut self, table: usize, chain: usize, hook: Hook, entry: State, depth: usize) -> Option<State> {
        let walker = self.walker;
        if depth > DEPTH {
            self.ends += 1;
            return Some(State { certain: false, ..entry });
        }
        let before = self.ends + self.accept_count();
        let mut now = Some(entry);
        let mut returned: Option<State> = None;
        let rules = &walker.rules.tables[table].chains[chain].rules;
        let first = walker.numbers[table][chain] as usize;
        let mut at = 0;
        while let Some(state) = now {
            let i = self.next_candidate(first, at, rules.len());
            let asked = (i + 1).min(rules.len()) - at;
            if self.budget < asked {
                self.ends += 1;
                return Some(State { certain: false, ..entry });
            }
            self.budget -= asked;
            at = i + 1;
            let Some(rule) = rules.get(i) else { break };
            let id = RuleId { table: table as u32, chain: chain as u32, rule: i as u32 };
            if !self.ignored.is_empty() && self.ignored.contains(&id) {
                continue;
            }
            let (result, proved, yes, no) = self.ask_in(state.states, id, rule);
            self.step(Place::Rule(id), hook, depth, state, result, proved);
            let unknown = match result {
                Tri::No => {
                    self.note_near(first + i, id, state);
                    now = Some(State { states: no, ..state });
                    continue;
                }
                Tri::Yes => false,
                Tri::Unknown(why) => {
                    self.outcome.unknown.push((id, why));
                    true
                }
            };
            if unknown {
                self.doubt += 1;
            }
            let taken = State { states: yes, ..state };
            let reach = self.reach(taken);
            self.outcome.taken.push((id, reach));
            if rule.log.is_some() {
                self.outcome.logged.push((id, reach));
            }
            self.note_behind(id, rule, reach);
            // The packet that was not taken; it is here for sure only if the other one is
            // back as well.
            let passed = State { certain: false, states: no };
            let other = unknown.then_some(passed);
            match rule.target.effect() {
                Effect::Continue => now = Some(if unknown { state } else { taken }),
                Effect::Verdict(verdict) if self.beyond.is_some() => {
                    self.go_beyond(verdict, Place::Rule(id), reach);
                    now = Some(if unknown { state } else { taken });
                }
                Effect::Verdict(verdict) => {
                    self.end(Some(verdict), Place::Rule(id), reach, taken);
                    now = other;
                }
                Effect::Return => {
                    returned = merge(returned, Some(taken));
                    now = other;
                }
                effect @ (Effect::Jump | Effect::Goto) => {
                    let back = self.sent_to(id, hook, taken, depth);
                    if effect == Effect::Jump {
                        now = match (back, other) {
                            (Some(back), Some(_)) => {
                                Some(State { certain: back.certain, states: back.states | no })
                            }
                            (back, other) => merge(back, other),
                        };
                    } else {
                        returned = merge(returned, back);
                        now = other;
                    }
                }
                Effect::Unknown => {
                    self.outcome.unknown.push((id, Why::Target));
                    self.end(None, Place::Rule(id), Reach::Possible, taken);
                    now = Some(State { certain: false, states: state.states });
                }
            }
            if unknown {
                self.doubt -= 1;
            }
        }
        let certain = entry.certain && self.ends + self.accept_count() == before;
        merge(returned, now).map(|s| State { certain, ..s })
    }

    /// The next rule of a chain, from `at`, that may take the packet; the chain's length if
    /// there is none.
    fn next_candidate(&self, first: usize, at: usize, len: usize) -> usize {
        if self.index.is_none() {
            return at;
        }
        self.candidates.next((first + at) as u32).map_or(len, |number| (number as usize - first).min(len))
    }

    /// Walking on: notes the rule if the packet's way has ended before it.
    fn note_behind(&mut self, id: RuleId, rule: &Rule, reach: Reach) {
        let rules = self.walker.rules;
        // It makes no difference which of two rules with one verdict takes the packet, and to
        // drop what is INVALID is what such a rule is for.
        let in_order = |end: Place| {
            let Place::Rule(by) = end else { return false };
            rules.rule(by).is_some_and(|by| {
                let effect = by.target.effect();
                let invalid = |c: &Condition| matches!(c, Condition::State(s) if s.states == Test::is(StateSet::INVALID));
                let refuses = |effect| matches!(effect, Effect::Verdict(Verdict::Drop | Verdict::Reject));
                matches!(effect, Effect::Verdict(_)) && effect == rule.target.effect()
                    || refuses(effect) && refuses(rule.target.effect())
                    || effect != Effect::Verdict(Verdict::Accept) && by.conditions.iter().any(invalid)
            })
        };
        if let Some(beyond) = &mut self.beyond
            && let Some(end) = beyond.ended.or(beyond.table_left)
            && reach == Reach::Certain
            && !rule.is_unconditional()
            && !in_order(end)
        {
            beyond.missed.behind.push((id, end));
        }
    }

    /// Walking on: notes which changes would have made this rule take the packet. Where the way
    /// has ended already, it does not matter.
    fn note_near(&mut self, number: usize, id: RuleId, state: State) {
        let reach = self.reach(state);
        if let Some(beyond) = &mut self.beyond
            && beyond.ended.or(beyond.table_left).is_none()
            && !beyond.unsure
            && reach == Reach::Certain
        {
            for (near, rule) in (0..).zip(&beyond.near[number]) {
                if rule.evaluate(&self.view) == Tri::Yes {
                    beyond.missed.nearly.push((id, near));
                }
            }
        }
    }

    /// Walking on: a verdict is noted, and the packet walks on as if there had been none.
    fn go_beyond(&mut self, verdict: Verdict, place: Place, reach: Reach) {
        let Some(beyond) = &mut self.beyond else { return };
        if reach == Reach::Certain {
            let left = if verdict == Verdict::Accept { &mut beyond.table_left } else { &mut beyond.ended };
            left.get_or_insert(place);
        } else {
            beyond.unsure = true;
        }
    }

    /// Accepting ends of the present table: they do not come back to the calling chain either.
    fn accept_count(&self) -> usize {
        self.accepts.len()
    }

    pub(crate) fn finish(mut self) -> (Vec<Step>, Outcome) {
        // A single possible end is certain: the packet has to end somewhere.
        if let [end] = &mut self.outcome.ends[..] {
            end.reach = Reach::Certain;
        }
        (self.steps.unwrap_or_default(), self.outcome)
    }
}

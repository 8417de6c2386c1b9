//! A packet's way through the chains.
//!
//! Responsible for: walking as the kernel does (hooks by IN and OUT, tables by priority, jump,
//! goto, return, policy, targets after which the walk goes on), with three values: at a rule
//! whose answer is unknown **both** ways are walked, and merged again behind it. So a walk
//! visits each rule at most as often as the kernel could, and what does not depend on the
//! unknown comes out as certain.
//! Must not know: how many lines there are, or what is counted.
//! Tested by: the unit tests below, `tests/replay.rs` (a real kernel's fates).

use logparse::{Ipv4, Ipv6, Network, Packet, Ports, Tcp, TcpFlags, Transport};

use crate::eval::evidence::{Evidence, Facts, Prior};
use crate::eval::rule::{Context, Rewrites, Tri, View, Why, state_match};
use crate::model::conntrack::StateSet;
use crate::model::rule::{Effect, Family, Match, Rule, Target, Verdict};
use crate::model::ruleset::{Chain, Hook, Path, Place, RuleId, Ruleset};

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
    /// The line's being there gave the answer, not its fields; see [`Evidence`].
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

/// What a walk came to.
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

/// The way of one packet: the steps as they were taken, and what they came to.
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

/// A ruleset made ready for walking: what follows from a line's prefix is worked out once.
///
/// ```
/// use fwrules::{Context, Evidence, Fate, Ruleset, Walker};
/// use logparse::{Packet, Ports, Transport, Udp};
/// let rules = Ruleset::parse_save(b"*filter
/// :INPUT DROP [0:0]
/// -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
/// -A INPUT -p udp -m udp --dport 138 -j DROP
/// -A INPUT -p udp -j LOG --log-prefix \"udp.in.dropped \"
/// COMMIT
/// ").unwrap();
/// let walker = Walker::new(&rules, Evidence::Usual);
/// let mut packet = Packet { prefix: b"udp.in.dropped ", in_iface: b"eth0", ..Packet::default() };
/// packet.datagram.network = logparse::Network::Ipv4(Default::default());
/// let mut to_port = |dst| {
///     packet.datagram.transport = Transport::Udp(Udp { ports: Ports { src: Some(99), dst: Some(dst) }, len: None });
///     walker.fate(&packet, &Context::default())
/// };
/// assert!(matches!(to_port(138), Fate::Removed(Some(_))));
/// assert!(matches!(to_port(137), Fate::Remains(_)));
/// ```
#[derive(Clone, Debug)]
pub struct Walker<'r> {
    rules: &'r Ruleset,
    prior: Prior,
    rewrites: Rewrites,
    untracks: bool,
    /// Base chains by way, in the order of the walk.
    bases: [Vec<BaseChain>; 3],
    /// Rules that may be newer than the log.
    evidence: Newer,
    /// By table and chain: how many rules stand in front of the chain's first, in the text.
    numbers: Vec<Vec<u32>>,
}

/// A rule that did not take a packet, although it would have in another place or with one
/// condition changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Missed {
    /// Rules that would take the packet if its way had not ended in front of them; each with
    /// what ended it. Rules without conditions, which fit everything, are left out.
    pub behind: Vec<(RuleId, Place)>,
    /// Rules that the packet came to and that did not take it, but would have with one
    /// condition changed: the index into [`Rule::near_misses`].
    pub nearly: Vec<(RuleId, u32)>,
}

/// The near misses of every rule, by the rule's number in the text.
pub(crate) type NearMisses = [Vec<Rule>];

/// Rules that may take a packet, one bit each, by the rule's number in the text. A rule whose
/// bit is not set certainly does not.
pub(crate) type Candidates<'c> = Option<&'c [u64]>;

/// Which rules may be newer than the log.
#[derive(Clone, Debug)]
enum Newer {
    Any,
    Added,
    Not(std::collections::HashSet<RuleId>),
}

#[derive(Clone, Copy, Debug)]
struct BaseChain {
    hook: Hook,
    table: usize,
    chain: usize,
    policy: Verdict,
    nat: bool,
}

impl<'r> Walker<'r> {
    /// Makes `rules` ready. `evidence` says which ruleset wrote the log.
    #[must_use]
    pub fn new(rules: &'r Ruleset, evidence: Evidence<'_>) -> Walker<'r> {
        let bases = Path::ALL.map(|path| {
            let of = |hook: &Hook| {
                rules
                    .base_chains(*hook)
                    .into_iter()
                    .map(|(table, chain, base)| BaseChain {
                        hook: *hook,
                        table,
                        chain,
                        policy: base.policy,
                        nat: base.nat,
                    })
                    .collect::<Vec<_>>()
            };
            path.hooks().iter().flat_map(of).collect()
        });
        let newer = match evidence {
            Evidence::Nothing | Evidence::Usual => Newer::Any,
            Evidence::Same => Newer::Added,
            Evidence::Writer(writer) => {
                let old = rules.rules().filter(|(id, rule)| {
                    let name = rules.chain_of(*id).map(|c| &c.name);
                    writer
                        .rules()
                        .any(|(w, other)| writer.chain_of(w).map(|c| &c.name) == name && other.same(rule))
                });
                Newer::Not(old.map(|(id, _)| id).collect())
            }
        };
        Walker {
            rules,
            prior: Prior::new(rules, evidence),
            rewrites: rewrites(rules),
            untracks: rules.untracks(),
            bases,
            evidence: newer,
            numbers: numbers(rules),
        }
    }

    /// The ruleset.
    #[must_use]
    pub fn ruleset(&self) -> &'r Ruleset {
        self.rules
    }

    /// The packet's whole way, step by step.
    #[must_use]
    pub fn walk(&self, packet: &Packet<'_>, context: &Context<'_>) -> Walk {
        let mut state = Run::new(self, packet, context, true);
        state.start();
        let (steps, outcome) = state.finish();
        Walk { steps, outcome }
    }

    /// What the packet's way comes to.
    #[must_use]
    pub fn outcome(&self, packet: &Packet<'_>, context: &Context<'_>) -> Outcome {
        self.outcome_among(packet, context, None)
    }

    /// As [`outcome`](Self::outcome), asking candidates only.
    pub(crate) fn outcome_among(
        &self,
        packet: &Packet<'_>,
        context: &Context<'_>,
        candidates: Candidates<'_>,
    ) -> Outcome {
        let mut run = Run::new(self, packet, context, false);
        run.candidates = candidates;
        run.start();
        run.finish().1
    }

    /// The rules that did not take the packet although they nearly would have: by every change
    /// that [`Rule::near_misses`] knows (`all`), or by that of the transport protocol only.
    #[must_use]
    pub fn missed(&self, packet: &Packet<'_>, context: &Context<'_>, all: bool) -> Missed {
        let near = near_misses(self.rules, all);
        self.missed_among(packet, context, &near, None)
    }

    pub(crate) fn missed_among(
        &self,
        packet: &Packet<'_>,
        context: &Context<'_>,
        near: &NearMisses,
        candidates: Candidates<'_>,
    ) -> Missed {
        let mut run = Run::new(self, packet, context, false);
        run.candidates = candidates;
        run.beyond =
            Some(Beyond { near, ended: None, table_left: None, unsure: false, missed: Missed::default() });
        run.start();
        run.beyond.map(|beyond| beyond.missed).unwrap_or_default()
    }

    /// Every condition of the rule at one step of a walk by itself, as text, with its answer:
    /// the words behind `explain`.
    #[must_use]
    pub fn conditions(&self, packet: &Packet<'_>, context: &Context<'_>, step: &Step) -> Vec<(String, Tri)> {
        let Place::Rule(id) = step.place else { return Vec::new() };
        let Some(rule) = self.rules.rule(id) else { return Vec::new() };
        let run = Run::new(self, packet, context, false);
        let view = View { hook: Some(step.hook), ..run.view };
        rule.parts().into_iter().map(|part| (part.to_display(), part.evaluate(&view))).collect()
    }

    /// For a step at a rule that did not take the packet: what to change so that it would
    /// ([`Rule::near_misses`]).
    #[must_use]
    pub fn near_miss(&self, packet: &Packet<'_>, context: &Context<'_>, step: &Step) -> Option<String> {
        let Place::Rule(id) = step.place else { return None };
        let run = Run::new(self, packet, context, false);
        let view = View { hook: Some(step.hook), ..run.view };
        let mut near = self.rules.rule(id)?.near_misses().into_iter();
        near.find(|(_, rule)| rule.evaluate(&view) == Tri::Yes).map(|(change, _)| change)
    }

    /// Whether the line would still be written.
    #[must_use]
    pub fn fate(&self, packet: &Packet<'_>, context: &Context<'_>) -> Fate {
        self.fate_of(packet, context, &self.outcome(packet, context), None)
    }

    /// As [`fate`](Self::fate), for an outcome that is there already; `candidates` are those
    /// for the packet's [`cause`].
    pub(crate) fn fate_of(
        &self,
        packet: &Packet<'_>,
        context: &Context<'_>,
        outcome: &Outcome,
        candidates: Candidates<'_>,
    ) -> Fate {
        if outcome.other_family {
            return Fate::OtherFamily;
        }
        let writes = |id: RuleId| {
            let log = self.rules.rule(id).and_then(|r| r.log.as_ref());
            log.is_some_and(|log| log.written(self.rules.nft) == packet.prefix)
        };
        let mut writers = outcome.logged.iter().filter(|(id, _)| writes(*id)).peekable();
        if writers.peek().is_none() {
            if !self.rules.rules().any(|(id, _)| writes(id)) {
                return Fate::Unwritten;
            }
            let certain = outcome.ends.iter().find(|e| e.reach == Reach::Certain);
            return Fate::Removed(match (certain, &outcome.ends[..]) {
                (Some(end), _) | (None, [end]) => Some(end.by),
                _ => None,
            });
        }
        match writers.find(|(_, reach)| *reach == Reach::Certain) {
            Some((id, _)) => match self.unanswered(packet, context, candidates) {
                Some(Ok(by)) => Fate::Unanswered(by),
                Some(Err((rule, why))) => Fate::Unknown(rule, why),
                None => Fate::Remains(*id),
            },
            None => {
                // The first rule whose answer makes a difference.
                let matters = |id: RuleId| {
                    writes(id) || self.rules.rule(id).is_some_and(|r| r.target.effect() != Effect::Continue)
                };
                let first = outcome.unknown.iter().find(|(id, _)| matters(*id)).or(outcome.unknown.first());
                match (first, outcome.logged.first()) {
                    (Some((id, why)), _) => Fate::Unknown(*id, *why),
                    (None, Some((id, _))) => Fate::Unknown(*id, Why::Route),
                    (None, None) => Fate::Removed(None),
                }
            }
        }
    }

    /// If the packet is an answer of this host: whether what it answers would now be dropped
    /// by a rule that need not have been there when the line was written.
    fn unanswered(
        &self,
        packet: &Packet<'_>,
        context: &Context<'_>,
        candidates: Candidates<'_>,
    ) -> Option<Result<RuleId, (RuleId, Why)>> {
        let cause = cause(packet)?;
        let mut run = Run::new(self, &cause, context, false);
        run.candidates = candidates;
        // Had it belonged to a known connection, so would the answer.
        let reply = Run::new(self, packet, context, false).settled_states();
        if reply.and(StateSet::ESTABLISHED).is_empty() {
            run.view.states = run.view.states.without(StateSet::ESTABLISHED | StateSet::RELATED);
        }
        let states = run.view.states;
        run.start();
        let outcome = run.finish().1;
        let newer = |id: RuleId| {
            let Some(rule) = self.rules.rule(id) else { return false };
            match &self.evidence {
                Newer::Any => !rule.is_unconditional(),
                Newer::Added => rule.added,
                Newer::Not(old) => !old.contains(&id),
            }
        };
        // Without the rules that may be new, would the packet have come in?
        let mut ignored: Vec<RuleId> = Vec::new();
        let mut now = outcome.clone();
        let mut doubt = None;
        for _ in 0..32 {
            if now.ends.iter().any(|e| e.verdict == Some(Verdict::Accept)) {
                let by = *ignored.first()?;
                return match doubt {
                    Some(doubt) => Some(Err(doubt)),
                    None => Some(Ok(by)),
                };
            }
            let dropping = now.ends.iter().find_map(|end| match end.by {
                Place::Rule(id) if end.verdict != Some(Verdict::Accept) && newer(id) => Some((id, end.reach)),
                _ => None,
            });
            let (id, reach) = dropping?;
            if reach == Reach::Possible && doubt.is_none() {
                doubt = now.unknown.iter().find(|(u, _)| *u == id).copied();
            }
            ignored.push(id);
            let mut run = Run::new(self, &cause, context, false);
            run.candidates = candidates;
            run.view.states = states;
            run.ignored.clone_from(&ignored);
            run.start();
            now = run.finish().1;
        }
        None
    }
}

/// The packet that this one answers, as far as it can be told: same addresses and ports the
/// other way round, or what an ICMP error quotes. Its flags, length and TTL are not known.
pub(crate) fn cause<'a>(packet: &Packet<'a>) -> Option<Packet<'a>> {
    if !packet.in_iface.is_empty() || packet.out_iface.is_empty() {
        return None;
    }
    let mut cause = Packet { in_iface: packet.out_iface, dialect: packet.dialect, ..Packet::default() };
    if let Some(quoted) = packet.quoted {
        cause.datagram = quoted;
        // The quoted fields are those of the packet as it came in.
        return Some(cause);
    }
    let Transport::Tcp(tcp) = packet.datagram.transport else { return None };
    let flags = tcp.flags?;
    let answers = flags.contains(TcpFlags::RST) || flags.contains(TcpFlags::SYN | TcpFlags::ACK);
    if !answers {
        return None;
    }
    cause.datagram.network = match packet.datagram.network {
        Network::Ipv4(ip) => Network::Ipv4(Ipv4 { src: ip.dst, dst: ip.src, ..Ipv4::default() }),
        Network::Ipv6(ip) => Network::Ipv6(Ipv6 { src: ip.dst, dst: ip.src, ..Ipv6::default() }),
        _ => return None,
    };
    let ports = Ports { src: tcp.ports.dst, dst: tcp.ports.src };
    cause.datagram.transport = Transport::Tcp(Tcp { ports, ..Tcp::default() });
    Some(cause)
}

/// By table and chain: how many rules stand in front of the chain's first.
fn numbers(rules: &Ruleset) -> Vec<Vec<u32>> {
    let mut next = 0;
    let mut first = |chain: &Chain| {
        let first = next;
        next += chain.rules.len() as u32;
        first
    };
    rules.tables.iter().map(|table| table.chains.iter().map(&mut first).collect()).collect()
}

/// Every rule's near misses, in the order of the text: all of them, or those only that look at
/// no field which the rule does not look at (the other transport protocol).
pub(crate) fn near_misses(rules: &Ruleset, all: bool) -> Vec<Vec<Rule>> {
    let of = |rule: &Rule| {
        let near = rule.near_misses().into_iter().map(|(_, rule)| rule);
        near.take_while(|near| all || near.protocol != rule.protocol).collect()
    };
    rules.rules().map(|(_, rule)| of(rule)).collect()
}

/// Which fields the ruleset changes on a packet's way.
pub(crate) fn rewrites(rules: &Ruleset) -> Rewrites {
    let mut found = Rewrites::default();
    for (_, rule) in rules.rules() {
        if let Target::Other { name, .. } = &rule.target {
            match name.as_bytes() {
                b"MARK" | b"CONNMARK" | b"TPROXY" | b"HMARK" | b"nft" => found.mark = true,
                b"TOS" | b"DSCP" | b"ECN" => found.tos = true,
                b"TTL" | b"HL" => found.ttl = true,
                b"SET" => found.sets = true,
                b"DNAT" | b"SNAT" | b"MASQUERADE" | b"REDIRECT" | b"NETMAP" => found.address = true,
                _ => {}
            }
        }
    }
    found
}

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
struct Run<'w, 'p> {
    walker: &'w Walker<'w>,
    view: View<'p>,
    facts: Option<&'w Facts>,
    path: Option<Path>,
    ignored: Vec<RuleId>,
    steps: Option<Vec<Step>>,
    outcome: Outcome,
    /// Inside how many jumps that may not have been taken.
    doubt: usize,
    /// How many ends were met so far: a chain in which none was met certainly returns.
    ends: usize,
    accepted: Option<State>,
    accepts: Vec<End>,
    budget: usize,
    candidates: Candidates<'p>,
    beyond: Option<Beyond<'p>>,
}

/// Where a walk goes on behind its end, to see what would have been.
struct Beyond<'n> {
    near: &'n NearMisses,
    /// What ended the packet's way.
    ended: Option<Place>,
    /// What ended its way through the present table.
    table_left: Option<Place>,
    /// Something may have ended it.
    unsure: bool,
    missed: Missed,
}

/// The deepest nesting of jumps that is followed; the kernel refuses loops itself.
const DEPTH: usize = 64;
/// Rules asked in one walk, at most.
const BUDGET: usize = 200_000;

impl<'w, 'p> Run<'w, 'p> {
    fn new(
        walker: &'w Walker<'w>,
        packet: &'p Packet<'p>,
        context: &'p Context<'p>,
        steps: bool,
    ) -> Run<'w, 'p>
    where
        'w: 'p,
    {
        let path = Path::of(packet.in_iface, packet.out_iface);
        let facts = path.and_then(|path| walker.prior.get(path, packet.prefix));
        let view = View {
            packet,
            context,
            sets: &walker.rules.sets,
            hook: None,
            states: StateSet::possible(packet, walker.untracks),
            rewrites: walker.rewrites,
            nft: walker.rules.nft,
        };
        let mut run = Run {
            walker,
            view,
            facts,
            path,
            ignored: Vec::new(),
            steps: steps.then(Vec::new),
            outcome: Outcome::default(),
            doubt: 0,
            ends: 0,
            accepted: None,
            accepts: Vec::new(),
            budget: BUDGET,
            candidates: None,
            beyond: None,
        };
        run.view.states = run.refused_states();
        run
    }

    /// The states that are left when the writing ruleset's rules in front are taken off.
    fn refused_states(&self) -> StateSet {
        let mut states = self.view.states;
        let Some(facts) = self.facts else { return states };
        for (rule, guards) in &facts.refused {
            if !guards.iter().all(|g| g.evaluate(&self.view) == Tri::Yes) {
                continue;
            }
            for (state, _) in StateSet::WORDS.into_iter().take(5) {
                if states.contains(state) && rule.evaluate(&View { states: state, ..self.view }) == Tri::Yes {
                    states = states.without(state);
                }
            }
        }
        // Refused in every state that its fields allow: other rules wrote the line. Fields win.
        if states.is_empty() { self.view.states } else { states }
    }

    /// The states that are left when every rule that the line's being there refutes is taken
    /// off.
    fn settled_states(&self) -> StateSet {
        let mut states = self.view.states;
        let Some(facts) = self.facts else { return states };
        for id in facts.no.keys() {
            let Some(rule) = self.walker.rules.rule(*id) else { continue };
            for (state, _) in StateSet::WORDS.into_iter().take(5) {
                if states.contains(state) && rule.evaluate(&View { states: state, ..self.view }) == Tri::Yes {
                    states = states.without(state);
                }
            }
        }
        states
    }

    fn start(&mut self) {
        let walker = self.walker;
        let Some(path) = self.path else { return };
        let network = self.view.packet.datagram.network;
        let mut state = Some(State { certain: true, states: self.view.states });
        let mut seen = false;
        let hooks = self.facts.map(|f| f.hooks.as_slice()).unwrap_or_default();
        // A line written before routing does not say whether the packet was for this host.
        let early = !hooks.is_empty() && hooks.iter().all(|h| *h == Hook::Prerouting);
        let unsure = hooks.contains(&Hook::Prerouting) && !early;
        for base in &walker.bases[path as usize] {
            let table = &walker.rules.tables[base.table];
            let fits = match (table.family, network) {
                (Family::Ipv4, Network::Ipv4(_)) | (Family::Ipv6, Network::Ipv6(_)) => true,
                (Family::Inet, Network::Ipv4(_) | Network::Ipv6(_)) => true,
                // A line that was cut in front of its addresses.
                (_, Network::None) => true,
                _ => false,
            };
            if !fits {
                continue;
            }
            seen = true;
            let Some(now) = state else { break };
            if early && base.hook != Hook::Prerouting {
                break;
            }
            let routed = unsure && base.hook != Hook::Prerouting;
            if routed {
                self.doubt += 1;
            }
            state = self.base(*base, now);
            if routed {
                self.doubt -= 1;
            }
        }
        self.outcome.other_family = !seen;
        if state.is_some() {
            self.outcome.ends.append(&mut self.accepts);
        }
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
        self.view.hook = Some(base.hook);
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
        // An empty chain is no place that anybody would name as the end.
        if self.accepts.iter().all(|e| matches!(e.by, Place::Policy(..))) && !old.is_empty() {
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
            if facts.yes.contains_key(&id) {
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
        if !rule.matches.iter().any(|m| matches!(m, Match::State { .. })) {
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
            self.view.states = state.states;
            let (mut result, proved) = self.ask(id, rule);
            let (mut yes, mut no) = (state.states, state.states);
            if proved || matches!(result, Tri::Unknown(_)) {
                yes = self.split(rule, state.states, true);
                no = self.split(rule, state.states, false);
                if yes.is_empty() {
                    result = Tri::No;
                } else if no.is_empty() && !proved {
                    result = Tri::Yes;
                }
                if no.is_empty() {
                    no = state.states;
                }
            }
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
                    let target = walker.rules.tables[table].chain(rule.target.word());
                    let back = match target {
                        Some(target) => {
                            let ends = self.ends + self.accept_count();
                            let back = self.chain(table, target, hook, taken, depth + 1);
                            let certain = state.certain && self.ends + self.accept_count() == ends;
                            back.map(|b| State { certain, ..b })
                        }
                        // No chain of this name: an extension that is not known.
                        None => {
                            self.outcome.unknown.push((id, Why::Target));
                            self.end(None, Place::Rule(id), Reach::Possible, taken);
                            Some(State { certain: false, ..taken })
                        }
                    };
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
        let Some(bits) = self.candidates else { return at };
        let (mut number, end) = (first + at, first + len);
        while number < end {
            let word = bits[number / 64] >> (number % 64);
            if word != 0 {
                return (number + word.trailing_zeros() as usize).min(end) - first;
            }
            number = (number / 64 + 1) * 64;
        }
        len
    }

    /// Walking on: notes the rule if the packet's way has ended before it.
    fn note_behind(&mut self, id: RuleId, rule: &Rule, reach: Reach) {
        if let Some(beyond) = &mut self.beyond
            && let Some(end) = beyond.ended.or(beyond.table_left)
            && reach == Reach::Certain
            && !rule.is_unconditional()
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

    fn finish(mut self) -> (Vec<Step>, Outcome) {
        // A single possible end is certain: the packet has to end somewhere.
        if let [end] = &mut self.outcome.ends[..] {
            end.reach = Reach::Certain;
        }
        (self.steps.unwrap_or_default(), self.outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] =
        b"in IN=eth0 OUT= MAC= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 \
        PROTO=TCP SPT=1 DPT=22 WINDOW=0 RES=0x00 SYN URGP=0 ";

    fn fate(rules: &str, evidence: Evidence<'_>) -> (Fate, String) {
        let rules = Ruleset::parse_save(format!("*filter\n{rules}\nCOMMIT\n").as_bytes()).unwrap();
        let entry = logparse::parse(LINE).unwrap();
        let walker = Walker::new(&rules, evidence);
        let walk = walker.walk(&entry.packet, &Context::default());
        let way = walk.steps.iter().filter(|s| s.result != Tri::No).map(|s| rules.place(s.place));
        (walker.fate(&entry.packet, &Context::default()), way.collect::<Vec<_>>().join(" -> "))
    }

    #[test]
    fn the_way_through_the_chains() {
        let rules = ":INPUT DROP [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -p udp -j ACCEPT\n-A INPUT -p tcp -j A\n\
            -A INPUT -j LOG --log-prefix \"in \"\n-A A -g B\n-A A -j ACCEPT\n-A B -p tcp --dport 22 -j RETURN\n-A B -j DROP";
        let (fate, way) = fate(rules, Evidence::Nothing);
        assert!(matches!(fate, Fate::Remains(_)));
        assert_eq!(way, "INPUT 2 -> A 1 -> B 1 -> INPUT 3 -> the policy of INPUT");
    }

    #[test]
    fn an_unknown_rule_matters_only_if_its_ways_differ() {
        let with = |rule: &str| {
            format!(
                ":INPUT DROP [0:0]\n:A - [0:0]\n{rule}\n-A INPUT -j LOG --log-prefix \"in \"\n-A A -p udp -j DROP"
            )
        };
        assert!(matches!(
            fate(&with("-A INPUT -m limit --limit 1/s -j A"), Evidence::Nothing).0,
            Fate::Remains(_)
        ));
        let (unknown, _) = fate(&with("-A INPUT -m limit --limit 1/s -j DROP"), Evidence::Nothing);
        assert!(matches!(unknown, Fate::Unknown(id, Why::Rate) if id.rule == 0));
        assert!(matches!(
            fate(&with("-A INPUT -p udp -m limit --limit 1/s -j DROP"), Evidence::Nothing).0,
            Fate::Remains(_)
        ));
    }

    #[test]
    fn states_are_used_up_on_the_way() {
        let rules = ":INPUT DROP [0:0]\n-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT\n\
            -A INPUT -m state --state INVALID,NEW -j DROP\n-A INPUT -j LOG --log-prefix \"in \"";
        assert!(matches!(fate(rules, Evidence::Nothing).0, Fate::Removed(None)));
    }

    #[test]
    fn that_the_line_was_written_is_evidence() {
        let state = ":INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n";
        let log = "-A INPUT -m limit --limit 5/min -j LOG --log-prefix \"in \"";
        let plain = format!("{state}{log}");
        assert!(matches!(fate(&plain, Evidence::Nothing).0, Fate::Unknown(_, Why::State)));
        assert!(matches!(fate(&plain, Evidence::Usual).0, Fate::Remains(_)));
        // A rule that drops may be new; of the same ruleset it is known not to have dropped.
        let drops = format!("{state}-A INPUT -m conntrack --ctstate INVALID -j DROP\n{log}");
        assert!(matches!(fate(&drops, Evidence::Usual).0, Fate::Unknown(id, Why::State) if id.rule == 1));
        assert!(matches!(fate(&drops, Evidence::Same).0, Fate::Remains(_)));
        let old = Ruleset::parse_save(format!("*filter\n{plain}\nCOMMIT\n").as_bytes()).unwrap();
        assert!(matches!(fate(&drops, Evidence::Writer(&old)).0, Fate::Unknown(_, Why::State)));
        // No evidence overrules a field.
        let certain = format!("{state}-A INPUT -p tcp -j DROP\n{log}");
        assert!(matches!(fate(&certain, Evidence::Same).0, Fate::Removed(Some(_))));
    }

    #[test]
    fn fields_win_over_a_wrong_writer() {
        // SYN and FIN together are INVALID, and the rules that are said to have written the line
        // would have dropped it.
        let rules = ":INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
            -A INPUT -m conntrack --ctstate INVALID -j DROP\n-A INPUT -j LOG --log-prefix \"in \"";
        let rules = Ruleset::parse_save(format!("*filter\n{rules}\nCOMMIT\n").as_bytes()).unwrap();
        let line = String::from_utf8_lossy(LINE).replace("SYN URGP", "SYN FIN URGP");
        let entry = logparse::parse(line.as_bytes()).unwrap();
        for evidence in [Evidence::Writer(&rules), Evidence::Same, Evidence::Usual, Evidence::Nothing] {
            let fate = Walker::new(&rules, evidence).fate(&entry.packet, &Context::default());
            assert!(matches!(fate, Fate::Removed(Some(Place::Rule(id))) if id.rule == 1), "{fate:?}");
        }
    }

    #[test]
    fn other_prefixes_and_families() {
        assert_eq!(
            fate(":INPUT DROP [0:0]\n-A INPUT -j LOG --log-prefix \"out \"", Evidence::Usual).0,
            Fate::Unwritten
        );
        let v6 = ":INPUT DROP [0:0]\n-A INPUT -s fe80::/10 -j LOG --log-prefix \"in \"";
        assert_eq!(fate(v6, Evidence::Usual).0, Fate::OtherFamily);
    }

    #[test]
    fn chains_that_call_each_other_end() {
        let rules = ":INPUT DROP [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n-A B -j A\n-A INPUT -j LOG --log-prefix \"in \"";
        assert!(matches!(fate(rules, Evidence::Usual).0, Fate::Unknown(..)));
        // Every chain twice the one before: 2^40 ways, walked up to a bound.
        let mut deep = String::from(":INPUT DROP [0:0]\n-A INPUT -j C0\n");
        for i in 0..40 {
            deep.push_str(&format!(":C{i} - [0:0]\n"));
        }
        for i in 0..39 {
            deep.push_str(&format!("-A C{i} -j C{0}\n-A C{i} -j C{0}\n", i + 1));
        }
        assert!(matches!(fate(&deep, Evidence::Usual).0, Fate::Unwritten));
    }
}

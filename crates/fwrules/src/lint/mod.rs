//! What is wrong with a ruleset, seen without any log.
//!
//! Every set of packets that can come to a hook is sent through the chains, and each rule
//! takes its part out of it. A rule for which nothing is left can never fire; who took it is
//! the reason. The sets are never too small, so what is reported holds; what is not reported
//! may still be wrong.
//!
//! Responsible for: the findings, in words.
//! Must not know: lines or packets.
//! Tested by: the unit tests below, `tests/seed.rs` (the guide's own faults).

pub(crate) mod space;

use std::collections::{BTreeMap, BTreeSet};

use logparse::Protocol;

use crate::eval::walk::rewrites;
use crate::lint::space::{Bytes, Cube, FIELDS, Field, Names, Ranges, Region, Space, address, everything};
use crate::model::conntrack::StateSet;
use crate::model::names::{SERVICES, Speaks};
use crate::model::rule::*;
use crate::model::ruleset::{Hook, RuleId, Ruleset};

/// One thing that is wrong, or looks wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The rule it is about; `None` for a chain.
    pub rule: Option<RuleId>,
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
}

/// What a ruleset's own text shows to be wrong, in the order of the text.
///
/// ```
/// use fwrules::{FindingKind, Ruleset, lint};
/// let rules = Ruleset::parse_save(b"*filter
/// :INPUT ACCEPT [0:0]
/// -A INPUT -p tcp -m tcp --dport 1:1023 -j ACCEPT
/// -A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j DROP
/// COMMIT
/// ").unwrap();
/// let findings = lint(&rules);
/// assert_eq!(findings[0].kind, FindingKind::Shadowed);
/// assert_eq!(findings[0].message, "INPUT 2 can never fire: INPUT 1 takes all its packets");
/// ```
#[must_use]
pub fn lint(rules: &Ruleset) -> Vec<Finding> {
    let mut lint = Lint::new(rules);
    lint.walk_all();
    lint.rules_that_never_fire();
    lint.chains();
    lint.prefixes();
    lint.loopback();
    lint.services();
    let mut found = lint.found;
    found.sort_by_key(|f| (f.rule, f.kind));
    found
}

/// Prefixes of a log that no rule writes: another ruleset wrote them, or another program.
pub fn unwritten<'a>(rules: &Ruleset, prefixes: impl IntoIterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
    let written: BTreeSet<&[u8]> =
        rules.rules().filter_map(|(_, rule)| rule.log.as_ref()).map(|log| log.written(rules.nft)).collect();
    prefixes.into_iter().filter(|p| !written.contains(p)).collect()
}

impl Rule {
    /// The rule with one condition changed in a way that people often mean: a port of the other
    /// transport, ports or the addresses of hosts the other way round. Each with what was
    /// changed. If such a rule takes lines and this one takes none, it is probably what was
    /// meant.
    #[must_use]
    pub fn near_misses(&self) -> Vec<(String, Rule)> {
        let mut list = Vec::new();
        let other = match self.protocol {
            Some(Test { not: false, value: Protocol::TCP }) => {
                Some((Protocol::UDP, "-p udp instead of -p tcp"))
            }
            Some(Test { not: false, value: Protocol::UDP }) => {
                Some((Protocol::TCP, "-p tcp instead of -p udp"))
            }
            _ => None,
        };
        let flags = self
            .matches
            .iter()
            .any(|m| matches!(m, Match::Tcp(t) if t.flags.is_some() || t.option.is_some()));
        // Without a port it would be another rule altogether.
        let ports = self.matches.iter().any(|m| match m {
            Match::Tcp(t) => t.sport.is_some() || t.dport.is_some(),
            Match::Ports(p) => p.sport.is_some() || p.dport.is_some(),
            Match::Multiport { .. } => true,
            _ => false,
        });
        if let Some((protocol, what)) = other
            && ports
            && !flags
        {
            let mut rule = Rule { protocol: Some(Test::is(protocol)), ..self.clone() };
            for m in &mut rule.matches {
                let ports = match m {
                    Match::Tcp(t) => Some((t.sport, t.dport)),
                    Match::Ports(p) => Some((p.sport, p.dport)),
                    _ => None,
                };
                if let Some((sport, dport)) = ports {
                    *m = match protocol {
                        Protocol::TCP => Match::Tcp(Tcp { sport, dport, ..Tcp::default() }),
                        _ => Match::Ports(Ports { protocol, sport, dport }),
                    };
                }
            }
            list.push((String::from(what), rule));
        }
        let mut turned = self.clone();
        let mut any = false;
        for m in &mut turned.matches {
            match m {
                Match::Tcp(t) if t.sport.is_some() || t.dport.is_some() => {
                    std::mem::swap(&mut t.sport, &mut t.dport);
                    any = true;
                }
                Match::Ports(p) if p.sport.is_some() || p.dport.is_some() => {
                    std::mem::swap(&mut p.sport, &mut p.dport);
                    any = true;
                }
                Match::Multiport { side, .. } if *side != PortSide::Either => {
                    *side = if *side == PortSide::Source { PortSide::Destination } else { PortSide::Source };
                    any = true;
                }
                _ => {}
            }
        }
        if any {
            list.push((String::from("source and destination port exchanged"), turned));
        }
        // The host's own network is the other end of nearly every packet: only single hosts.
        let is_host = |test: &Option<Test<Net>>| {
            test.as_ref()
                .is_none_or(|test| !test.not && test.value.range().is_some_and(|r| r.first == r.last))
        };
        let any = self.source.is_some() || self.destination.is_some();
        if any && is_host(&self.source) && is_host(&self.destination) {
            let turned = Rule { source: self.destination, destination: self.source, ..self.clone() };
            list.push((String::from("source and destination address exchanged"), turned));
        }
        list
    }
}

/// What was seen of one rule, over all ways to it.
#[derive(Default)]
struct Seen {
    /// Some packet comes to the chain.
    asked: bool,
    /// Some packet that comes to the chain fits.
    wanted: bool,
    /// Some packet is left that fits.
    fires: bool,
    /// The last of the rules before it that end a packet's way, for each way here.
    before: Vec<Option<u32>>,
    /// What comes to the chain at all.
    entry: Space,
}

/// Rules with one prefix that are compared with each other.
const PREFIXES: usize = 64;
/// Rules before a rule that are compared with it, where conditions have no field.
const OPAQUE: usize = 1_000;

/// What became of the packets of one LOG rule.
#[derive(Default)]
struct Traced {
    accepted: BTreeSet<Option<RuleId>>,
    dropped: BTreeSet<Option<RuleId>>,
}

struct Lint<'r> {
    rules: &'r Ruleset,
    names: Names,
    regions: BTreeMap<RuleId, Region>,
    seen: BTreeMap<RuleId, Seen>,
    traced: BTreeMap<RuleId, Traced>,
    chains: BTreeSet<(usize, usize)>,
    /// Rules that end a packet's way, as they were met, each with the one before it: ways share
    /// their beginnings.
    ended: Vec<(RuleId, Option<u32>)>,
    found: Vec<Finding>,
    budget: usize,
}

/// Packets on their way, and those of them that were logged.
#[derive(Clone, Default)]
struct Flow {
    all: Space,
    logged: Vec<(RuleId, Space)>,
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
struct Trail {
    /// The last rule that ends a packet's way, in [`Lint::ended`].
    last: Option<u32>,
    /// Those of them with conditions on what has no field.
    opaque: Vec<RuleId>,
    hook: Hook,
    /// Only look where packets end; the findings are made elsewhere.
    silent: bool,
    ends: Vec<(Verdict, Option<RuleId>)>,
}

impl<'r> Lint<'r> {
    fn new(rules: &'r Ruleset) -> Lint<'r> {
        let mut patterns = Vec::new();
        for (_, rule) in rules.rules() {
            patterns.extend(rule.input.iter().chain(&rule.output).map(|t| &t.value));
            for m in &rule.matches {
                if let Match::Interfaces { names, .. } = m {
                    patterns.extend(&names.value);
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

    fn add(&mut self, kind: FindingKind, rule: Option<RuleId>, others: Vec<RuleId>, message: String) {
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

    fn walk_all(&mut self) {
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
    fn before(&self, seen: &Seen, id: RuleId) -> Vec<RuleId> {
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

    fn chain(&mut self, table: usize, chain: usize, entry: Flow, path: &mut Trail, depth: usize) -> Flow {
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
                // A rule in front with the same conditions on what has no field.
                let covered = !region.opaque.is_empty()
                    && path
                        .opaque
                        .iter()
                        .rev()
                        .take(OPAQUE)
                        .any(|b| self.regions[b].covers(&region, &entry.all));
                let seen = self.seen.entry(id).or_default();
                seen.asked |= !entry.all.is_empty();
                seen.wanted |= !entry.all.and(&region.space).is_empty();
                seen.fires |= !taken.all.is_empty() && !covered;
                seen.entry = std::mem::take(&mut seen.entry).or(entry.all.clone());
                if !seen.before.contains(&path.last) {
                    seen.before.push(path.last);
                }
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
        // A RETURN leads past what stands behind it.
        if !returned.all.is_empty() {
            path.last = start.0;
            path.opaque.truncate(start.1);
        }
        now.or(returned)
    }

    fn rules_that_never_fire(&mut self) {
        let rules = self.rules;
        let mut news = Vec::new();
        for (id, _) in rules.rules() {
            let name = rules.name(id);
            let region = &self.regions[&id];
            if region.space.is_empty() {
                let message = format!("{name} can never fire: its own conditions exclude each other");
                news.push((FindingKind::Contradiction, id, Vec::new(), message));
                continue;
            }
            let Some(seen) = self.seen.get(&id) else { continue };
            if !seen.asked || seen.fires || self.budget == 0 {
                continue;
            }
            if !seen.wanted {
                let message = format!("{name} can never fire: {}", self.excluded(id, &seen.entry));
                news.push((FindingKind::NeverComes, id, Vec::new(), message));
                continue;
            }
            // Who takes them? One rule alone, or several together.
            let before = self.before(seen, id);
            let alone = before.iter().find(|b| self.regions[b].covers(region, &seen.entry));
            let (others, message) = match alone {
                Some(other) => {
                    let why = self.reason(*other, id);
                    (
                        vec![*other],
                        format!("{name} can never fire: {} takes all its packets{why}", rules.name(*other)),
                    )
                }
                None => {
                    let part = |b: &&RuleId| {
                        let other = &self.regions[*b];
                        other.is_exact() && !other.space.and(&region.space).and(&seen.entry).is_empty()
                    };
                    let several: Vec<RuleId> = before.iter().filter(part).copied().collect();
                    let names: Vec<String> = several.iter().take(5).map(|r| rules.name(*r)).collect();
                    let more = if several.len() > 5 {
                        format!(" and {} more", several.len() - 5)
                    } else {
                        String::new()
                    };
                    let who =
                        if names.is_empty() { String::from("rules in front") } else { names.join(", ") };
                    (several, format!("{name} can never fire: {who}{more} together take all its packets"))
                }
            };
            news.push((FindingKind::Shadowed, id, others, message));
        }
        for (kind, id, others, message) in news {
            self.add(kind, Some(id), others, message);
        }
    }

    /// What makes one rule cover another, where it is not plain to see.
    fn reason(&self, cover: RuleId, rule: RuleId) -> String {
        let by_state = |id: RuleId| {
            let rule = self.rules.rule(id);
            rule.is_some_and(|r| r.matches.iter().any(|m| matches!(m, Match::State { .. })))
        };
        if by_state(cover) && !by_state(rule) {
            String::from(", because connection tracking calls packets with such TCP flags INVALID")
        } else {
            String::new()
        }
    }

    /// Which condition no packet of the chain fits.
    fn excluded(&self, id: RuleId, entry: &Space) -> String {
        let region = &self.regions[&id];
        let chain = self.rules.chain_of(id).map(|c| c.name.to_string()).unwrap_or_default();
        let misses = |field: &Field| {
            entry.0.iter().all(|e| region.space.0.iter().all(|r| e.and(r).is_empty_in(*field)))
        };
        match FIELDS.iter().find(|f| misses(f)) {
            Some(Field::Protocol) => {
                let comes: Vec<String> = (0..=255)
                    .filter(|p| entry.0.iter().any(|c| c.protocol.has(*p)))
                    .map(|p| Protocol(p).to_string().to_ascii_lowercase())
                    .collect();
                match comes.len() {
                    0..=6 => format!("only {} packets are sent to {chain}", comes.join(" and ")),
                    _ => format!("no packet of its protocol is sent to {chain}"),
                }
            }
            Some(field) => {
                let what = match field {
                    Field::Input => "input interface",
                    Field::Output => "output interface",
                    Field::Source => "source address",
                    Field::Destination => "destination address",
                    Field::Sport => "source port",
                    Field::Dport => "destination port",
                    Field::Icmp => "ICMP type",
                    Field::Flags => "TCP flags",
                    Field::States => "connection state",
                    Field::Fragment => "fragments",
                    Field::Protocol => "protocol",
                };
                format!("no packet that is sent to {chain} fits its {what}")
            }
            None => format!("no packet that is sent to {chain} fits all its conditions"),
        }
    }

    fn chains(&mut self) {
        let rules = self.rules;
        let mut news = Vec::new();
        let mut callers: BTreeMap<(usize, &[u8]), Vec<RuleId>> = BTreeMap::new();
        for (id, rule) in rules.rules() {
            if let Target::Jump(name) | Target::Goto(name) = &rule.target {
                callers.entry((id.table as usize, name.as_bytes())).or_default().push(id);
            }
        }
        for (t, table) in rules.tables.iter().enumerate() {
            for (c, chain) in table.chains.iter().enumerate() {
                if self.chains.contains(&(t, c)) || self.budget == 0 {
                    continue;
                }
                let callers = callers.get(&(t, chain.name.as_bytes())).cloned().unwrap_or_default();
                let message = if callers.is_empty() {
                    format!("no rule jumps to chain {}", chain.name)
                } else {
                    let names: Vec<String> = callers.iter().map(|id| rules.name(*id)).collect();
                    format!("no packet comes to chain {}: {} never fires", chain.name, names.join(", "))
                };
                news.push((FindingKind::UnreachableChain, None, callers, message));
            }
        }
        for (id, rule) in rules.rules() {
            if let Target::Jump(name) | Target::Goto(name) = &rule.target
                && rules.tables[id.table as usize].chain(name.as_bytes()).is_none()
            {
                let message = format!(
                    "{} jumps to {name}, which is neither a chain nor a known target",
                    rules.name(id)
                );
                news.push((FindingKind::MissingChain, Some(id), Vec::new(), message));
            }
        }
        for (kind, id, others, message) in news {
            self.add(kind, id, others, message);
        }
    }

    fn prefixes(&mut self) {
        let rules = self.rules;
        let mut news = Vec::new();
        let mut earlier: BTreeMap<Vec<u8>, Vec<RuleId>> = BTreeMap::new();
        for (id, rule) in rules.rules() {
            let Some(log) = &rule.log else { continue };
            let name = rules.name(id);
            let written = log.written(rules.nft);
            if written.len() < log.prefix.as_bytes().len() {
                let message = format!(
                    "{name}: the prefix `{}` is cut to {} bytes: `{}`",
                    log.prefix,
                    written.len(),
                    crate::model::text::shown(written)
                );
                news.push((FindingKind::PrefixCut, id, Vec::new(), message));
            }
            // The same packet, on the same path through the host: only then a line does not say
            // which of the two wrote it.
            let writes = |id: RuleId| self.seen.get(&id).map(|seen| seen.entry.and(&self.regions[&id].space));
            let others = earlier.entry(written.to_vec()).or_default();
            let own = writes(id).filter(|own| !own.is_empty());
            let twin = own.and_then(|own| {
                let meets =
                    |other: &&RuleId| writes(**other).is_some_and(|theirs| !theirs.and(&own).is_empty());
                others.iter().rev().take(PREFIXES).rev().find(meets).copied()
            });
            if let Some(other) = twin {
                let message = format!(
                    "{name} and {} write the same prefix `{}`: their lines cannot be told apart",
                    rules.name(other),
                    crate::model::text::shown(written)
                );
                news.push((FindingKind::SamePrefix, id, vec![other], message));
            }
            others.push(id);
            let Some(traced) = self.traced.get(&id) else { continue };
            let says = |words: &[&str]| {
                let text = String::from_utf8_lossy(written).to_ascii_lowercase();
                words.iter().any(|w| text.contains(w))
            };
            let place = |by: &Option<RuleId>| {
                by.map_or_else(|| String::from("the chain's policy"), |r| rules.name(r))
            };
            let (verdict, ends, others) = if says(&["drop", "block", "reject", "deny", "denied", "discard"]) {
                ("accepted", &traced.accepted, &traced.dropped)
            } else if says(&["accept", "allow", "permit"]) {
                ("dropped", &traced.dropped, &traced.accepted)
            } else {
                continue;
            };
            if !ends.is_empty() {
                let some = if others.is_empty() { "the packets are" } else { "some of the packets are" };
                let who: Vec<String> = ends.iter().take(3).map(place).collect();
                let message = format!(
                    "{name} writes `{}`, but {some} {verdict} afterwards by {}",
                    crate::model::text::shown(written),
                    who.join(", ")
                );
                let others = ends.iter().flatten().copied().collect();
                news.push((FindingKind::MisleadingPrefix, id, others, message));
            }
        }
        for (kind, id, others, message) in news {
            self.add(kind, Some(id), others, message);
        }
    }

    /// A packet sent to this host's own address leaves by `lo` and comes in by `lo`: both
    /// OUTPUT and INPUT have to let it through.
    fn loopback(&mut self) {
        let rules = self.rules;
        let lo = self.names.one("lo");
        let mut news = Vec::new();
        for (here, there) in [(Hook::Output, Hook::Input), (Hook::Input, Hook::Output)] {
            for (id, rule) in rules.rules() {
                let region = &self.regions[&id];
                let only_lo = |c: &Cube| if here == Hook::Output { c.output == lo } else { c.input == lo };
                let accepts = rule.target == Target::Accept
                    && region.is_exact()
                    && !region.space.is_empty()
                    && region.space.0.iter().all(only_lo)
                    && self.seen.get(&id).is_some_and(|s| s.fires);
                if !accepts {
                    continue;
                }
                // New packets between loopback addresses, as the other side sees them.
                let own = |v6: bool| if v6 { ("::1", "::1") } else { ("127.0.0.0", "127.255.255.255") };
                let mut sent = Vec::new();
                for cube in &region.space.0 {
                    for v6 in [false, true] {
                        let (first, last) = own(v6);
                        let bound = |a: &str| a.parse().map(address).unwrap_or_default();
                        let addresses = Ranges::of(bound(first), bound(last));
                        let mut packet = cube.clone();
                        (packet.input, packet.output) = match there {
                            Hook::Input => (lo, Names::NONE),
                            _ => (Names::NONE, lo),
                        };
                        packet.states = packet.states.and(StateSet::NEW);
                        let all = Cube {
                            source: addresses.clone(),
                            destination: addresses,
                            ..Cube::all(Family::Inet)
                        };
                        let mut packet = packet.and(&all);
                        // TCP opens with SYN; other flags are never NEW and good.
                        if packet.protocol.has(Protocol::TCP.0) {
                            let syn = Cube {
                                protocol: Bytes::one(Protocol::TCP.0),
                                flags: Bytes::one(2),
                                ..packet.clone()
                            };
                            sent.push(syn);
                            packet.protocol = packet.protocol.without(Bytes::one(Protocol::TCP.0));
                        }
                        sent.push(packet);
                    }
                }
                sent.retain(|c| !c.is_empty());
                let family = rules.tables[id.table as usize].family;
                let mut drops: Vec<String> = Vec::new();
                let mut others = Vec::new();
                for (table, chain, base) in rules.base_chains(there) {
                    if rules.tables[table].family != family || base.nat {
                        continue;
                    }
                    let mut path =
                        Trail { last: None, opaque: Vec::new(), hook: there, silent: true, ends: Vec::new() };
                    let flow = Flow { all: Space(sent.clone()), logged: Vec::new() };
                    let left = self.chain(table, chain, flow, &mut path, 0);
                    for (verdict, by) in &path.ends {
                        if matches!(verdict, Verdict::Drop | Verdict::Reject)
                            && let Some(by) = by
                            && !others.contains(by)
                            // A rule against something special is no half-open loopback.
                            && rules.rule(*by).is_some_and(Rule::is_unconditional)
                        {
                            others.push(*by);
                            drops.push(rules.name(*by));
                        }
                    }
                    if !left.all.is_empty() && matches!(base.policy, Verdict::Drop | Verdict::Reject) {
                        drops.push(format!("the policy of {}", rules.tables[table].chains[chain].name));
                    }
                    debug_assert!(path.hook == there);
                }
                if !drops.is_empty() {
                    let (way, back) = match there {
                        Hook::Input => {
                            ("out by lo", format!("it comes in by lo again, where {}", drops.join(", ")))
                        }
                        _ => ("in by lo", format!("it has to leave by lo first, where {}", drops.join(", "))),
                    };
                    let verb = if drops.len() == 1 { "drops" } else { "drop" };
                    let message = format!(
                        "{} lets a packet {way}, but that is half of its way: {back} {verb} new connections",
                        rules.name(id)
                    );
                    news.push((id, others, message));
                }
            }
        }
        for (id, others, message) in news {
            self.add(FindingKind::LoopbackHalf, Some(id), others, message);
        }
    }

    /// A rule for TCP on a port whose service speaks UDP, or the other way round.
    fn services(&mut self) {
        let rules = self.rules;
        let mut news = Vec::new();
        for (id, rule) in rules.rules() {
            let Some(Test { not: false, value: protocol }) = rule.protocol else { continue };
            let (wrong, right) = match protocol {
                Protocol::TCP => (Speaks::Udp, "udp"),
                Protocol::UDP => (Speaks::Tcp, "tcp"),
                _ => continue,
            };
            let services: Vec<&(&str, u16, Speaks)> = destination_ports(rule)
                .iter()
                .map(|port| SERVICES.iter().find(|(_, p, _)| p == port))
                .collect::<Option<Vec<_>>>()
                .unwrap_or_default();
            if services.is_empty() || services.iter().any(|(_, _, speaks)| *speaks != wrong) {
                continue;
            }
            // Somebody who wrote both knows what he does.
            let twin = rule.near_misses().into_iter().next().map(|(_, twin)| twin);
            let chain = rules.chain_of(id).map(|c| c.rules.as_slice()).unwrap_or_default();
            if twin.is_some_and(|twin| chain.iter().any(|r| r.same(&twin))) {
                continue;
            }
            let names: Vec<String> =
                services.iter().map(|(name, port, _)| format!("{port} ({name})")).collect();
            let word = if protocol == Protocol::TCP { "tcp" } else { "udp" };
            let message = format!(
                "{} says -p {word}, but port {} is used with {right}: it takes nothing of that service",
                rules.name(id),
                names.join(", ")
            );
            news.push((id, message));
        }
        for (id, message) in news {
            self.add(FindingKind::WrongTransport, Some(id), Vec::new(), message);
        }
    }
}

/// The single destination ports that a rule names; empty if it names ranges or none.
fn destination_ports(rule: &Rule) -> Vec<u16> {
    let mut ports = Vec::new();
    for m in &rule.matches {
        let tests: Vec<Range<u16>> = match m {
            Match::Tcp(Tcp { dport: Some(test), .. }) | Match::Ports(Ports { dport: Some(test), .. })
                if !test.not =>
            {
                vec![test.value]
            }
            Match::Multiport { side: PortSide::Destination, ports } if !ports.not => ports.value.clone(),
            _ => continue,
        };
        for range in tests {
            if range.first != range.last {
                return Vec::new();
            }
            ports.push(range.first);
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let rules = Ruleset::parse_save(format!("*filter\n{text}\nCOMMIT\n").as_bytes()).unwrap();
        lint(&rules).into_iter().map(|f| f.message).collect()
    }

    #[test]
    fn several_rules_together_take_all() {
        assert_eq!(
            messages(
                ":INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 0:1023 -j DROP\n-A INPUT -p tcp -m tcp --dport 1024:65535 -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -s 10.0.0.1 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 1000:2000 -j ACCEPT"
            ),
            [
                "INPUT 3 can never fire: INPUT 1 takes all its packets",
                "INPUT 4 can never fire: INPUT 1, INPUT 2 together take all its packets",
            ]
        );
    }

    #[test]
    fn a_limit_never_takes_all() {
        assert!(
            messages(
                ":INPUT DROP [0:0]\n-A INPUT -m limit --limit 3/min -j ACCEPT\n-A INPUT -p tcp -j ACCEPT"
            )
            .is_empty()
        );
        // The same condition on the packet does.
        assert_eq!(
            messages(
                ":INPUT DROP [0:0]\n-A INPUT -m ttl --ttl-lt 5 -j DROP\n-A INPUT -p tcp -m ttl --ttl-lt 5 -j ACCEPT"
            ),
            ["INPUT 2 can never fire: INPUT 1 takes all its packets"]
        );
    }

    #[test]
    fn a_conditional_return_leaves_a_way() {
        let text = ":INPUT ACCEPT [0:0]\n:X - [0:0]\n-A INPUT -j X\n-A INPUT -p tcp -j DROP\n-A X -s 10.0.0.0/8 -j RETURN\n-A X -p tcp -j ACCEPT";
        assert!(messages(text).is_empty());
    }

    #[test]
    fn prefixes_that_mislead() {
        assert_eq!(
            messages(
                ":INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j LOG --log-prefix \"tcp dropped \"\n-A INPUT -p udp -j LOG --log-prefix \"udp dropped \"\n-A INPUT -p udp -j DROP\n-A INPUT -p icmp -j LOG --log-prefix \"udp dropped \""
            ),
            [
                "INPUT 1 writes `tcp dropped `, but the packets are accepted afterwards by the chain's policy",
                "INPUT 4 writes `udp dropped `, but the packets are accepted afterwards by the chain's policy",
            ]
        );
    }

    #[test]
    fn one_prefix_is_told_apart_by_path_protocol_and_reach() {
        let log = |rest: &str| format!("\n-A {rest} -j LOG --log-prefix \"x \"");
        let chains = ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:A - [0:0]\n-A INPUT -s 10.0.0.0/8 -j A";
        let apart = [log("INPUT -p tcp"), log("INPUT -p udp"), log("FORWARD -p tcp")].concat();
        assert!(messages(&format!("{chains}{apart}")).is_empty());
        let same = [log("A -p tcp"), log("INPUT -p tcp -m tcp --dport 22")].concat();
        assert_eq!(
            messages(&format!("{chains}{same}")),
            ["A 1 and INPUT 2 write the same prefix `x `: their lines cannot be told apart"]
        );
    }

    #[test]
    fn families_are_apart_in_inet() {
        let rule = |side: &str, op: &str, addr: &str, verdict: &str| {
            let (address, len) = addr.split_once('/').unwrap();
            let protocol = if address.contains(':') { "ip6" } else { "ip" };
            format!(
                r#"{{"rule": {{"family": "inet", "table": "t", "chain": "c", "expr": [{{"match": {{"op": "{op}",
                "left": {{"payload": {{"protocol": "{protocol}", "field": "{side}"}}}},
                "right": {{"prefix": {{"addr": "{address}", "len": {len}}}}}}}}}, {{"{verdict}": null}}]}}}}"#
            )
        };
        for (first, second) in [
            (rule("daddr", "==", "::ffff:0.0.0.0/96", "drop"), rule("daddr", "==", "10.66.0.0/24", "accept")),
            (rule("saddr", "!=", "10.0.0.0/8", "drop"), rule("saddr", "==", "fe80::/10", "accept")),
            (rule("saddr", "!=", "fe80::/10", "drop"), rule("saddr", "==", "10.0.0.0/8", "accept")),
        ] {
            let json = format!(
                r#"{{"nftables": [{{"table": {{"family": "inet", "name": "t"}}}}, {{"chain": {{"family": "inet", "table": "t",
                "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}}}, {first}, {second}]}}"#
            );
            assert_eq!(lint(&Ruleset::parse(json.as_bytes()).unwrap()), [], "{json}");
        }
    }

    #[test]
    fn what_rules_change_on_the_way_is_asked_anew() {
        let mark = "*mangle\n:INPUT ACCEPT [0:0]\n-A INPUT -m mark --mark 0x1 -j ACCEPT\n\
            -A INPUT -p tcp -m tcp --dport 22 -j MARK --set-xmark 0x1/0xffffffff\n-A INPUT -m mark --mark 0x1 -j ACCEPT\nCOMMIT\n";
        assert_eq!(lint(&Ruleset::parse(mark.as_bytes()).unwrap()), []);
        let fixed = mark.replace("-j MARK --set-xmark 0x1/0xffffffff", "-j ACCEPT");
        assert_eq!(lint(&Ruleset::parse(fixed.as_bytes()).unwrap()).len(), 1);
    }

    #[test]
    fn what_is_logged_and_dropped_by_the_same_set_is_not_accepted() {
        let set =
            ":INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set bad src -j LOG --log-prefix \"bad DROP \"\n";
        let drop = "-A INPUT -m set --match-set bad src -j DROP";
        assert!(messages(&format!("{set}{drop}")).is_empty());
        assert_eq!(messages(&format!("{set}{}", drop.replace("bad", "worse"))).len(), 1);
    }

    #[test]
    fn a_long_blocklist_is_noted_once() {
        const RULES: usize = 5_000;
        let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n");
        for i in 0..RULES {
            text.push_str(&format!("-A INPUT -s 10.{}.{}.1/32 -j DROP\n", i >> 8, i & 0xff));
        }
        let rules = Ruleset::parse_save(text.as_bytes()).unwrap();
        let mut lint = Lint::new(&rules);
        lint.walk_all();
        // What each rule knows of those before it is one number.
        assert_eq!(lint.ended.len(), RULES);
        assert!(lint.seen.values().all(|seen| seen.before.len() == 1));
    }

    #[test]
    fn chains_nobody_comes_to() {
        assert_eq!(
            messages(
                ":INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -p tcp -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j A\n-A INPUT -j NOPE"
            ),
            [
                "no packet comes to chain A: INPUT 2 never fires",
                "no rule jumps to chain B",
                "INPUT 2 can never fire: INPUT 1 takes all its packets",
                "INPUT 3 jumps to NOPE, which is neither a chain nor a known target",
            ]
        );
    }

    #[test]
    fn a_wrong_interface_for_the_chain() {
        assert_eq!(
            messages(":INPUT ACCEPT [0:0]\n:X - [0:0]\n-A INPUT -j X\n-A X -o eth0 -j DROP"),
            ["X 1 can never fire: no packet that is sent to X fits its output interface"]
        );
    }

    #[test]
    fn loopback_needs_both_ways() {
        let half = ":INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -o lo -j ACCEPT\n-A INPUT -m state --state ESTABLISHED -j ACCEPT";
        assert_eq!(
            messages(half),
            [
                "OUTPUT 1 lets a packet out by lo, but that is half of its way: it comes in by lo again, where the policy of INPUT drops new connections"
            ]
        );
        assert!(messages(&format!("{half}\n-A INPUT -i lo -j ACCEPT")).is_empty());
        assert!(messages(&format!("{half}\n-A INPUT -s 127.0.0.0/8 -j ACCEPT")).is_empty());
    }

    #[test]
    fn near_misses_are_what_people_mean() {
        let (_, rule) = Rule::parse(b"-s 10.0.0.1 -p tcp --dport 138 -j DROP").unwrap();
        let texts: Vec<String> = rule.near_misses().iter().map(|(_, r)| r.to_display()).collect();
        assert_eq!(
            texts,
            [
                "-s 10.0.0.1/32 -p udp -m udp --dport 138 -j DROP",
                "-s 10.0.0.1/32 -p tcp -m tcp --sport 138 -j DROP",
                "-d 10.0.0.1/32 -p tcp -m tcp --dport 138 -j DROP",
            ]
        );
    }
}

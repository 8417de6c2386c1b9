//! Loopback that is let through one way only.
//!
//! Responsible for: that finding.
//! Must not know: prefixes.
//! Tested by: the unit tests of `lint`.

use core::net::Ipv4Addr;
use std::collections::BTreeSet;

use logparse::Protocol;

use crate::lint::cube::{Cube, address};
use crate::lint::finding::FindingKind;
use crate::lint::names::Names;
use crate::lint::ranges::{Bytes, Ranges};
use crate::lint::space::Space;
use crate::lint::walk::{EFFORT, Flow, Lint, Trail};
use crate::model::rule::Rule;
use crate::model::ruleset::RuleId;
use crate::model::target::{Target, Verdict};
use crate::values::conntrack::StateSet;
use crate::values::hook::Hook;
use crate::values::net::Family;

/// `A`, `A or B`, `A, B or C`.
fn listed(names: &[String]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Ports from which connections are made.
const EPHEMERAL: (u128, u128) = (32_768, 60_999);

impl Lint<'_> {
    /// Whether a rule that lets some packets through on the other side is meant for loopback: then
    /// the rest is dropped on purpose. What leaves this host at all is chosen, but not answers:
    /// what comes from a service's port opens no connection.
    fn is_meant(&self, id: RuleId, there: Hook) -> bool {
        let (lo, first) = (self.names.one("lo"), Ipv4Addr::new(127, 0, 0, 0));
        let last = Ipv4Addr::new(127, 255, 255, 255);
        let four = Ranges::of(address(first.into()), address(last.into()));
        let six = Ranges::of(1, 1);
        let only = |set: &Ranges| four.covers(set) || six.covers(set);
        let opens = |c: &Cube| c.sport.covers(&Ranges::of(EPHEMERAL.0, EPHEMERAL.1));
        let mut cubes = self.regions[&id].space.0.iter();
        match there {
            Hook::Output => cubes.any(opens),
            _ => cubes.all(|c| c.input == lo || only(&c.source) || only(&c.destination)),
        }
    }

    /// The chains that packets of a hook can come to.
    fn chains_of(&self, hook: Hook) -> BTreeSet<(usize, usize)> {
        let base = self.rules.base_chains(hook).into_iter().filter(|(.., base)| !base.nat);
        let mut open: Vec<(usize, usize)> = base.map(|(table, chain, _)| (table, chain)).collect();
        let mut found: BTreeSet<(usize, usize)> = open.iter().copied().collect();
        while let Some((table, chain)) = open.pop() {
            for rule in &self.rules.tables[table].chains[chain].rules {
                if let Some(next) = self.chain_names.get(table, rule.target.word())
                    && found.insert((table, next))
                {
                    open.push((table, next));
                }
            }
        }
        found
    }

    /// New packets between loopback addresses that a rule lets through, as the other side sees them.
    fn sent(&self, id: RuleId, there: Hook) -> Vec<Cube> {
        let lo = self.names.one("lo");
        let mut sent = Vec::new();
        for cube in &self.regions[&id].space.0 {
            for (first, last) in [("127.0.0.0", "127.255.255.255"), ("::1", "::1")] {
                let bound = |a: &str| a.parse().map(address).unwrap_or_default();
                let addresses = Ranges::of(bound(first), bound(last));
                let mut packet = cube.clone();
                (packet.input, packet.output) = match there {
                    Hook::Input => (lo, Names::NONE),
                    _ => (Names::NONE, lo),
                };
                packet.states = packet.states.and(StateSet::NEW);
                let all =
                    Cube { source: addresses.clone(), destination: addresses, ..Cube::all(Family::Inet) };
                let mut packet = packet.and(&all);
                // TCP opens with SYN; other flags are never NEW and good.
                if packet.protocol.has(Protocol::TCP.0) {
                    let protocol = Bytes::one(Protocol::TCP.0);
                    sent.push(Cube { protocol, flags: Bytes::one(2), ..packet.clone() });
                    packet.protocol = packet.protocol.without(protocol);
                }
                sent.push(packet);
            }
        }
        sent.retain(|c| !c.is_empty());
        sent
    }

    /// A packet sent to this host's own address leaves by `lo` and comes in by `lo`: both
    /// OUTPUT and INPUT have to let it through.
    pub(crate) fn loopback(&mut self) {
        let rules = self.rules;
        let lo = self.names.one("lo");
        let mut news = Vec::new();
        // A question of its own, however much the others took.
        self.budget = EFFORT;
        for (here, there) in [(Hook::Output, Hook::Input), (Hook::Input, Hook::Output)] {
            let bases = rules.base_chains(there);
            let chains = self.chains_of(here);
            for (id, rule) in rules.rules() {
                let region = &self.regions[&id];
                let only_lo = |c: &Cube| if here == Hook::Output { c.output == lo } else { c.input == lo };
                let accepts = rule.target == Target::Accept
                    && chains.contains(&(id.table as usize, id.chain as usize))
                    && region.is_exact()
                    && !region.space.is_empty()
                    && region.space.0.iter().all(only_lo)
                    && self.seen.get(&id).is_some_and(|s| s.fires);
                if !accepts {
                    continue;
                }
                let sent = self.sent(id, there);
                let family = rules.tables[id.table as usize].family;
                let mut drops: Vec<String> = Vec::new();
                let (mut others, mut chosen) = (Vec::new(), false);
                // Every one of them for each rule: of tens of thousands of both, that is too much.
                self.budget = self.budget.saturating_sub(bases.len());
                for (table, chain, base) in bases.iter().copied() {
                    if rules.tables[table].family != family || base.nat || self.budget == 0 {
                        continue;
                    }
                    let all = Space(sent.clone());
                    let mut path = Trail::new(&all, true);
                    let flow = Flow { all, most: self.boxes, ..Flow::default() };
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
                        drops.push(format!("the {} policy", rules.chain_name(table, chain)));
                    }
                    let accepted = |(verdict, by): &(Verdict, Option<RuleId>)| {
                        *verdict == Verdict::Accept && by.is_some_and(|by| self.is_meant(by, there))
                    };
                    chosen |= path.ends.iter().any(accepted);
                }
                if !drops.is_empty() && !chosen && self.budget > 0 {
                    let (own, other) = match there {
                        Hook::Input => ("output", "input"),
                        _ => ("input", "output"),
                    };
                    let message = format!(
                        "{} allows loopback {own}, but loopback {other} is dropped (by {})",
                        rules.name(id),
                        listed(&drops)
                    );
                    news.push((id, others, message));
                }
            }
        }
        for (id, others, message) in news {
            self.add(FindingKind::LoopbackHalf, Some(id), others, message);
        }
    }
}

//! The base chains of one way through the host, of which a host can have tens of thousands.
//!
//! A chain none of whose rules may take a packet has its policy only. Of a row of such chains a
//! walk needs those that stop the packet, and those by whose policy it is said to be let through.
//!
//! Responsible for: their order, and which of a row of them are needed.
//! Must not know: how a chain is walked.
//! Tested by: `tests/compiled.rs`: the walker's answers are the same with all of them.

use std::collections::HashMap;

use logparse::Network;

use crate::model::ruleset::Ruleset;
use crate::model::target::Verdict;
use crate::values::hook::Hook;
use crate::values::net::Family;

#[derive(Clone, Copy, Debug)]
pub(crate) struct BaseChain {
    pub(crate) hook: Hook,
    pub(crate) table: usize,
    pub(crate) chain: usize,
    pub(crate) policy: Verdict,
    pub(crate) nat: bool,
}

/// The base chains of one way, in the order of the walk.
#[derive(Clone, Debug)]
pub(crate) struct Bases {
    pub(crate) chains: Vec<BaseChain>,
    /// By table and chain: where it is.
    places: HashMap<(usize, usize), u32>,
    /// For IPv4 and IPv6: those that see it.
    seen: [Seen; 2],
}

/// The places of base chains that see one family, each list in order.
#[derive(Clone, Debug, Default)]
struct Seen {
    all: Vec<u32>,
    /// Those that do not let packets through at their end.
    closed: Vec<u32>,
    /// Those of the type `nat` that do not: the walk goes on all the same.
    closed_nat: Vec<u32>,
    /// Those that have rules and are not of the type `nat`.
    asked: Vec<u32>,
    /// Those that are not of the type `nat`.
    plain: Vec<u32>,
}

/// Up to so many, each is walked.
const FEW: usize = 16;

impl Bases {
    pub(crate) fn new(rules: &Ruleset, chains: Vec<BaseChain>) -> Bases {
        let mut seen: [Seen; 2] = Default::default();
        for (at, base) in (0..).zip(&chains) {
            let table = &rules.tables[base.table];
            let families = [Family::Ipv4, Family::Ipv6].map(|family| [family, Family::Inet]);
            for (of, seen) in families.iter().zip(&mut seen) {
                if !of.contains(&table.family) {
                    continue;
                }
                seen.all.push(at);
                if base.policy != Verdict::Accept {
                    if base.nat { &mut seen.closed_nat } else { &mut seen.closed }.push(at);
                }
                if !base.nat {
                    seen.plain.push(at);
                    if !table.chains[base.chain].rules.is_empty() {
                        seen.asked.push(at);
                    }
                }
            }
        }
        let places = (0..).zip(&chains).map(|(at, base)| ((base.table, base.chain), at)).collect();
        Bases { chains, places, seen }
    }

    /// Which of the chains from `from` to `to` are needed, all of one hook, in order. `asked` are those
    /// with rules that may take the packet; `None` if any rule may.
    pub(crate) fn needed(
        &self,
        from: usize,
        to: usize,
        network: &Network,
        asked: Option<impl Iterator<Item = (usize, usize)>>,
    ) -> Vec<usize> {
        let seen = match network {
            Network::Ipv4(_) => &self.seen[0],
            Network::Ipv6(_) => &self.seen[1],
            _ => return (from..to).collect(),
        };
        let Some(asked) = asked.filter(|_| to - from > FEW) else { return (from..to).collect() };
        let within = |at: &usize| (from..to).contains(at);
        let mut needed: Vec<usize> =
            asked.filter_map(|place| Some(*self.places.get(&place)? as usize)).filter(within).collect();
        needed.sort_unstable();
        needed.dedup();
        let borders: Vec<usize> = needed.iter().copied().chain([to]).collect();
        let mut start = from;
        for end in borders {
            seen.of_row(start, end, &mut needed);
            start = end + 1;
        }
        needed.sort_unstable();
        needed.dedup();
        needed
    }
}

impl Seen {
    /// Of a row of chains that have their policies only: those that a walk needs.
    fn of_row(&self, from: usize, to: usize, needed: &mut Vec<usize>) {
        let first = |list: &[u32]| {
            let at = list.get(list.partition_point(|at| (*at as usize) < from))?;
            Some(*at as usize).filter(|at| *at < to)
        };
        let last = |list: &[u32]| {
            let at = list[..list.partition_point(|at| (*at as usize) < to)].last()?;
            Some(*at as usize).filter(|at| *at >= from)
        };
        // The first to let it through, the last that says so, and the first that does not.
        let chosen = [first(&self.all), first(&self.closed), last(&self.asked), last(&self.plain)];
        let nat = self.closed_nat.iter().map(|at| *at as usize).filter(|at| (from..to).contains(at));
        needed.extend(chosen.into_iter().flatten().chain(nat));
    }
}

//! A ruleset made ready for walking.
//!
//! Responsible for: what is worked out once: base chains by path, what a line's prefix proves,
//! which fields are rewritten on the way, which rules may be newer than the log.
//! Must not know: packets.
//! Tested by: the unit tests of `eval::walk`, `tests/replay.rs`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::eval::bases::{BaseChain, Bases};
use crate::eval::evidence::{Evidence, Prior, twins};
use crate::model::rule::Rule;
use crate::model::ruleset::{Chain, ChainNames, RuleId, Ruleset};
use crate::model::target::Target;
use crate::values::hook::{Hook, Path};
use crate::values::lookup::Lookup;
use crate::values::net::Family;
use crate::view::Changes;

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
    pub(crate) rules: &'r Ruleset,
    pub(crate) sets: Arc<Lookup<'r>>,
    /// The prefixes that rules write; with each, the first rule that writes it in a chain that is
    /// not walked.
    pub(crate) writers: HashMap<&'r [u8], Option<RuleId>>,
    pub(crate) prior: Prior,
    pub(crate) changes: Changes,
    pub(crate) untracks: bool,
    /// Base chains by way, in the order of the walk.
    pub(crate) bases: [Bases; 3],
    /// Base chains that lines show nothing of: before routing (`netdev`, `ingress`) and of bridges.
    pub(crate) unwalked: Vec<BaseChain>,
    /// Rules that may be newer than the log.
    pub(crate) evidence: Newer,
    /// By table and chain: how many rules come before the chain's first, in the text.
    pub(crate) numbers: Vec<Vec<u32>>,
    /// Every rule, by its number in the text.
    pub(crate) ids: Vec<RuleId>,
    /// For each of them, the chain that it sends packets to, if there is one of that name.
    pub(crate) targets: Vec<Option<u32>>,
}

/// Which rules may be newer than the log.
#[derive(Clone, Debug)]
pub(crate) enum Newer {
    Any,
    Added,
    Not(std::collections::HashSet<RuleId>),
}

impl<'r> Walker<'r> {
    /// Makes `rules` ready. `evidence` says which ruleset wrote the log.
    #[must_use]
    pub fn new(rules: &'r Ruleset, evidence: Evidence<'_>) -> Walker<'r> {
        Walker::with_sets(rules, evidence, Arc::new(Lookup::new(&rules.sets)))
    }

    /// As [`new`](Self::new), with the ruleset's sets made ready.
    pub(crate) fn with_sets(rules: &'r Ruleset, evidence: Evidence<'_>, sets: Arc<Lookup<'r>>) -> Walker<'r> {
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
            Bases::new(rules, path.hooks().iter().flat_map(of).collect())
        });
        let unwalked = rules.tables.iter().enumerate().flat_map(|(table, of)| {
            let chains = of.chains.iter().enumerate().filter_map(move |(chain, it)| {
                let base = it.base.filter(|base| base.hook.is_none() || of.family == Family::Bridge)?;
                let hook = base.hook.unwrap_or(Hook::Prerouting);
                Some(BaseChain { hook, table, chain, policy: base.policy, nat: base.nat })
            });
            chains.filter(move |_| of.family != Family::Arp)
        });
        let unwalked: Vec<BaseChain> = unwalked.collect();
        let itself =
            |writer: &Ruleset| core::ptr::eq(writer, rules) && !rules.rules().any(|(_, rule)| rule.added);
        let (newer, twins) = match evidence {
            Evidence::Nothing | Evidence::Usual => (Newer::Any, None),
            Evidence::Same => (Newer::Added, None),
            Evidence::Writer(writer) if itself(writer) => (Newer::Added, None),
            Evidence::Writer(writer) => {
                let twins = twins(writer, rules);
                let newer = match same_but_added(writer, rules) {
                    true => Newer::Added,
                    false => Newer::Not(twins.values().copied().collect()),
                };
                (newer, Some(twins))
            }
        };
        Walker {
            rules,
            targets: targets(rules),
            writers: writers(rules, &unwalked),
            prior: Prior::new(rules, evidence, twins.as_ref(), &sets),
            sets,
            changes: changes(rules),
            untracks: rules.untracks(),
            bases,
            unwalked,
            evidence: newer,
            numbers: numbers(rules),
            ids: rules.rules().map(|(id, _)| id).collect(),
        }
    }

    /// The ruleset.
    #[must_use]
    pub fn ruleset(&self) -> &'r Ruleset {
        self.rules
    }
}

/// The prefixes that rules write, each with the first rule that writes it in a chain that is not
/// walked.
fn writers<'r>(rules: &'r Ruleset, unwalked: &[BaseChain]) -> HashMap<&'r [u8], Option<RuleId>> {
    let tables: HashSet<usize> = unwalked.iter().map(|base| base.table).collect();
    let chains: HashSet<(usize, usize)> = unwalked.iter().map(|base| (base.table, base.chain)).collect();
    let mut writers: HashMap<&[u8], Option<RuleId>> = HashMap::new();
    for (id, rule) in rules.rules() {
        let Some(log) = &rule.log else { continue };
        let first = writers.entry(log.written(rules.nft)).or_default();
        let (table, chain) = (id.table as usize, id.chain as usize);
        let walked = rules.tables[table].family.is_ip();
        if first.is_none() && if walked { chains.contains(&(table, chain)) } else { tables.contains(&table) }
        {
            *first = Some(id);
        }
    }
    writers
}

/// For each rule, the chain that it sends packets to.
fn targets(rules: &Ruleset) -> Vec<Option<u32>> {
    let names = ChainNames::new(rules);
    let target = |(id, rule): (RuleId, &Rule)| match &rule.target {
        Target::Jump(name) | Target::Goto(name) => {
            names.get(id.table as usize, name.as_bytes()).map(|chain| chain as u32)
        }
        _ => None,
    };
    rules.rules().map(target).collect()
}

/// By table and chain: how many rules come before the chain's first.
fn numbers(rules: &Ruleset) -> Vec<Vec<u32>> {
    let mut next = 0;
    let mut first = |chain: &Chain| {
        let first = next;
        next += chain.rules.len() as u32;
        first
    };
    rules.tables.iter().map(|table| table.chains.iter().map(&mut first).collect()).collect()
}

/// Whether the rulesets are the same but for rules that were added to the second.
fn same_but_added(old: &Ruleset, new: &Ruleset) -> bool {
    let chain = |(old, new): (&Chain, &Chain)| {
        old.name == new.name
            && old.base == new.base
            && old.rules.len() == new.rules.iter().filter(|rule| !rule.added).count()
            && old.rules.iter().zip(new.rules.iter().filter(|rule| !rule.added)).all(|(a, b)| a.same(b))
    };
    old.tables.len() == new.tables.len()
        && old.tables.iter().zip(&new.tables).all(|(old, new)| {
            (old.family, &old.name, old.chains.len()) == (new.family, &new.name, new.chains.len())
                && old.chains.iter().zip(&new.chains).all(chain)
        })
}

/// Which fields the ruleset changes on a packet's way.
pub(crate) fn changes(rules: &Ruleset) -> Changes {
    let mut found = rules.changes;
    for (_, rule) in rules.rules() {
        if let Target::Other { name, .. } = &rule.target {
            match name.as_bytes() {
                b"MARK" | b"CONNMARK" | b"TPROXY" | b"HMARK" | b"nft" => found.mark = true,
                b"TOS" | b"DSCP" | b"ECN" => found.tos = true,
                b"TTL" | b"HL" => found.ttl = true,
                b"SET" => found.sets = true,
                b"TCPMSS" | b"TCPOPTSTRIP" => found.options = true,
                b"DNAT" | b"SNAT" | b"MASQUERADE" | b"REDIRECT" | b"NETMAP" => found.translates = true,
                _ => {}
            }
        }
    }
    found
}

//! A ruleset: tables, chains, rules, sets.
//!
//! Responsible for: the containers, looking things up in them, and adding rules for
//! "what if".
//! Must not know: how text is read or a packet matched.
//! Tested by: the unit tests of `iptables::parse`, `tests/replay.rs`.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::model::rule::{Counters, Rule};
use crate::model::target::{Target, Verdict};
use crate::values::hook::Hook;
use crate::values::ipset::Sets;
use crate::values::net::Family;
use crate::values::text::Text;
use crate::view::Changes;

/// Everything the kernel was told: tables with their chains, and the sets they name.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Ruleset {
    /// The tables.
    pub tables: Vec<Table>,
    /// Sets, from `ipset save` or from nft. Rules that name a set which is not here are
    /// unknown.
    pub sets: Sets,
    /// Written by nft: prefixes may be longer, chains have priorities.
    pub nft: bool,
    /// What was read over: line and why. Nothing in here is lost, it only has no effect.
    pub notes: Vec<(usize, String)>,
    /// What statements of nft's rules change, beside their targets.
    pub changes: Changes,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Table {
    /// Which packets it sees.
    pub family: Family,
    /// Its name: `filter`.
    pub name: Text,
    /// Its chains, in the order of the text.
    pub chains: Vec<Chain>,
    /// nft: another family has a table of this name.
    pub twin: bool,
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Chain {
    /// Its name.
    pub name: Text,
    /// What makes it a built-in (base) chain; `None` for a user's chain.
    pub base: Option<Base>,
    /// `[packets:bytes]` behind the policy.
    pub counters: Option<Counters>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// A chain into which the kernel itself sends packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Where in the packet's way; `None` for a hook that has no place here.
    pub hook: Option<Hook>,
    /// Lower runs first.
    pub priority: i32,
    /// What happens at its end.
    pub policy: Verdict,
    /// nft's `type nat`: only the first packet of a connection comes by.
    pub nat: bool,
}

/// Where a rule stands: its table, chain and position. Ordered as in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    /// Index into [`Ruleset::tables`].
    pub table: u32,
    /// Index into [`Table::chains`].
    pub chain: u32,
    /// Index into [`Chain::rules`].
    pub rule: u32,
}

/// A place at which a packet's way can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A rule.
    Rule(RuleId),
    /// The policy of a built-in chain: table and chain.
    Policy(u32, u32),
}

impl Base {
    /// The built-in chain of this name in iptables' table `table`; `policy` as in the text.
    #[must_use]
    pub(crate) fn iptables(table: &[u8], chain: &[u8], policy: Verdict) -> Base {
        let hook = Hook::from_name(chain);
        // include/uapi/linux/netfilter_ipv4.h
        let priority = match table {
            b"raw" => -300,
            b"mangle" => -150,
            b"nat" if matches!(hook, Some(Hook::Prerouting | Hook::Output)) => -100,
            b"nat" => 100,
            b"security" => 50,
            _ => 0,
        };
        Base { hook, priority, policy, nat: table == b"nat" }
    }
}

/// Where to find chains by their tables and names.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChainNames<'r>(HashMap<(usize, &'r [u8]), usize, RandomState>);

impl<'r> ChainNames<'r> {
    pub(crate) fn new(rules: &'r Ruleset) -> ChainNames<'r> {
        let mut names = HashMap::default();
        for (t, table) in rules.tables.iter().enumerate() {
            for (c, chain) in table.chains.iter().enumerate() {
                names.entry((t, chain.name.as_bytes())).or_insert(c);
            }
        }
        ChainNames(names)
    }

    /// The chain of this name in a table.
    pub(crate) fn get(&self, table: usize, name: &[u8]) -> Option<usize> {
        self.0.get(&(table, name)).copied()
    }
}

impl Table {
    /// The chain of this name.
    #[must_use]
    pub fn chain(&self, name: &[u8]) -> Option<usize> {
        self.chains.iter().position(|c| c.name.as_bytes() == name)
    }
}

impl Ruleset {
    /// The rule with this id.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.chain_of(id)?.rules.get(id.rule as usize)
    }

    /// The chain in which the rule with this id stands.
    #[must_use]
    pub fn chain_of(&self, id: RuleId) -> Option<&Chain> {
        self.tables.get(id.table as usize)?.chains.get(id.chain as usize)
    }

    /// Every rule with its id, in the order of the text.
    pub fn rules(&self) -> impl Iterator<Item = (RuleId, &Rule)> {
        self.tables.iter().enumerate().flat_map(|(t, table)| {
            table.chains.iter().enumerate().flat_map(move |(c, chain)| {
                chain
                    .rules
                    .iter()
                    .enumerate()
                    .map(move |(r, rule)| (RuleId { table: t as u32, chain: c as u32, rule: r as u32 }, rule))
            })
        })
    }

    /// A rule's number in its chain, from 1: as `iptables -L --line-numbers` counts, and as nft
    /// lists, where a verdict map is one rule.
    #[must_use]
    pub fn number(&self, id: RuleId) -> u32 {
        id.rule + 1 - self.rule(id).map_or(0, |rule| rule.folded)
    }

    /// `INPUT 4`: the chain and the rule's number in it.
    #[must_use]
    pub fn name(&self, id: RuleId) -> String {
        format!("{} {}", self.chain_name(id.table as usize, id.chain as usize), self.number(id))
    }

    /// `INPUT`: a chain's name, after its table's unless that is iptables' `filter`; and after the
    /// family where another one has a table of that name.
    #[must_use]
    pub fn chain_name(&self, table: usize, chain: usize) -> String {
        let Some(own) = self.tables.get(table) else { return String::from("?") };
        let Some(Chain { name, .. }) = own.chains.get(chain) else { return String::from("?") };
        // As for nft's own commands, the family `ip` goes without saying.
        let plain = !self.nft || own.family == Family::Ipv4;
        if plain && own.name == "filter" {
            return name.to_string();
        }
        match !plain && own.twin {
            true => format!("{} {} {name}", own.family.word(), own.name),
            false => format!("{} {name}", own.name),
        }
    }

    /// A place in words: `INPUT 4`, `INPUT policy`.
    #[must_use]
    pub fn place(&self, place: Place) -> String {
        match place {
            Place::Rule(id) => self.name(id),
            Place::Policy(table, chain) => {
                format!("{} policy", self.chain_name(table as usize, chain as usize))
            }
        }
    }

    /// The rules that write a line with exactly this prefix (as cut by the kernel).
    pub fn writers<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = RuleId> + 'a {
        self.rules()
            .filter(move |(_, rule)| rule.log.as_ref().is_some_and(|log| log.written(self.nft) == prefix))
            .map(|(id, _)| id)
    }

    /// Which packets the tables see: one family, or both.
    #[must_use]
    pub fn family(&self) -> Family {
        let mut families = self.tables.iter().map(|t| t.family).filter(|f| f.is_ip());
        match families.next() {
            None => Family::Inet,
            Some(first) if families.all(|f| f == first) => first,
            Some(_) => Family::Inet,
        }
    }

    /// Base chains of `hook`, in the order in which the kernel asks them.
    pub(crate) fn base_chains(&self, hook: Hook) -> Vec<(usize, usize, Base)> {
        let mut found = Vec::new();
        for (t, table) in self.tables.iter().enumerate() {
            if !table.family.is_ip() {
                continue;
            }
            for (c, chain) in table.chains.iter().enumerate() {
                match chain.base {
                    Some(base) if base.hook == Some(hook) => found.push((t, c, base)),
                    _ => {}
                }
            }
        }
        found.sort_by_key(|(_, _, base)| base.priority);
        found
    }

    /// Whether some packets are taken out of connection tracking.
    pub(crate) fn untracks(&self) -> bool {
        self.rules().any(|(_, rule)| match &rule.target {
            Target::Other { name, words } => {
                *name == "NOTRACK" || (*name == "CT" && words.iter().any(|w| *w == "--notrack"))
            }
            _ => false,
        })
    }
}

//! A ruleset: tables, chains, rules, sets.
//!
//! Responsible for: the containers, looking things up in them, and adding rules for
//! "what if".
//! Must not know: how text is read or a packet matched.
//! Tested by: the unit tests below.

use core::fmt;

use crate::error::ReadError;
use crate::rule::{Counters, Family, Rule, Target, Verdict};
use crate::sets::Sets;
use crate::text::Text;
use crate::walk::Place;

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

/// Where in a packet's way through the host rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Came in, not yet routed.
    Prerouting,
    /// For this host.
    Input,
    /// Passing through.
    Forward,
    /// From this host.
    Output,
    /// About to leave.
    Postrouting,
}

impl Hook {
    /// The built-in chain of this hook, as iptables writes it.
    #[must_use]
    pub const fn chain(self) -> &'static str {
        match self {
            Hook::Prerouting => "PREROUTING",
            Hook::Input => "INPUT",
            Hook::Forward => "FORWARD",
            Hook::Output => "OUTPUT",
            Hook::Postrouting => "POSTROUTING",
        }
    }

    /// The hook of a built-in chain's or nft hook's name, in any case.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Hook> {
        [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting]
            .into_iter()
            .find(|hook| hook.chain().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The hook in the middle of the way of a packet with these interfaces.
    #[must_use]
    pub fn middle(input: &[u8], output: &[u8]) -> Option<Hook> {
        Hook::way(input, output)
            .iter()
            .copied()
            .find(|hook| matches!(hook, Hook::Input | Hook::Forward | Hook::Output))
    }

    /// The hooks that a packet with these interfaces has come or will come by, in order. An
    /// empty name is no interface.
    #[must_use]
    pub fn way(input: &[u8], output: &[u8]) -> &'static [Hook] {
        match (input.is_empty(), output.is_empty()) {
            (false, true) => &[Hook::Prerouting, Hook::Input],
            (false, false) => &[Hook::Prerouting, Hook::Forward, Hook::Postrouting],
            (true, false) => &[Hook::Output, Hook::Postrouting],
            (true, true) => &[],
        }
    }
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

    /// `INPUT 4`: the chain and the rule's number in it from 1, as `iptables -L
    /// --line-numbers` counts; with the table in front unless it is `filter`.
    #[must_use]
    pub fn name(&self, id: RuleId) -> String {
        match (self.tables.get(id.table as usize), self.chain_of(id)) {
            (Some(table), Some(chain)) if table.name == "filter" => format!("{} {}", chain.name, id.rule + 1),
            (Some(table), Some(chain)) => format!("{} {} {}", table.name, chain.name, id.rule + 1),
            _ => String::from("?"),
        }
    }

    /// A place in words: `INPUT 4`, `the policy of INPUT`.
    #[must_use]
    pub fn place(&self, place: Place) -> String {
        match place {
            Place::Rule(id) => self.name(id),
            Place::Policy(table, chain) => {
                let chain = self.tables.get(table as usize).and_then(|t| t.chains.get(chain as usize));
                chain.map_or_else(|| String::from("?"), |c| format!("the policy of {}", c.name))
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
        let mut families = self.tables.iter().map(|t| t.family).filter(|f| *f != Family::Other);
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
            if table.family == Family::Other {
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

    /// Puts in a rule as it would be typed: `-A CHAIN ...` at the end, `-I CHAIN [N] ...` in
    /// front of rule N; `iptables` and `-t TABLE` may stand in front. The rule is marked
    /// [`added`](Rule::added). What if.
    ///
    /// ```
    /// use fwrules::Ruleset;
    /// let mut rules = Ruleset::parse_save(b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n").unwrap();
    /// let id = rules.add(b"-A INPUT -p udp --dport 138 -j DROP").unwrap();
    /// assert_eq!(rules.name(id), "INPUT 1");
    /// ```
    ///
    /// # Errors
    /// The text is no rule, or names a table or chain that is not here.
    pub fn add(&mut self, text: &[u8]) -> Result<RuleId, ReadError> {
        let command = crate::read::Command::parse(text, self.family())?;
        let missing = |what: &str, name: &Text, names: Vec<String>| {
            let help =
                if names.is_empty() { String::new() } else { format!("there are {}", names.join(", ")) };
            ReadError::new(command.column, format!("no {what} `{name}` in the ruleset"), help)
        };
        let (t, table) = self
            .tables
            .iter_mut()
            .enumerate()
            .find(|(_, t)| t.name == command.table)
            .ok_or_else(|| missing("table", &command.table, Vec::new()))?;
        let Some(c) = table.chain(command.chain.as_bytes()) else {
            let names = table.chains.iter().map(|c| c.name.to_string()).collect();
            return Err(missing("chain", &command.chain, names));
        };
        let rules = &mut table.chains[c].rules;
        let at = match command.position {
            None => rules.len(),
            Some(n) if n >= 1 && n <= rules.len() + 1 => n - 1,
            Some(n) => {
                return Err(ReadError::new(
                    command.column,
                    format!("position {n} is outside the chain"),
                    format!("{} has {} rules: 1 to {}", command.chain, rules.len(), rules.len() + 1),
                ));
            }
        };
        let mut rule = command.rule;
        rule.added = true;
        rules.insert(at, rule);
        Ok(RuleId { table: t as u32, chain: c as u32, rule: at as u32 })
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.chain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[u8] = b"*filter\n:INPUT DROP [0:0]\n:X - [0:0]\n-A INPUT -j X\nCOMMIT\n";

    #[test]
    fn an_added_rule_is_where_iptables_would_put_it() {
        let mut rules = Ruleset::parse_save(RULES).unwrap();
        let first = rules.add(b"iptables -I INPUT -p tcp -j DROP").unwrap();
        assert_eq!(rules.name(first), "INPUT 1");
        let third = rules.add(b"-t filter -I INPUT 3 -p udp -j DROP").unwrap();
        assert_eq!(rules.name(third), "INPUT 3");
        assert!(rules.rule(third).unwrap().added);
    }

    #[test]
    fn adding_says_what_is_missing() {
        let mut rules = Ruleset::parse_save(RULES).unwrap();
        let text = |e: ReadError| e.to_string();
        assert_eq!(
            text(rules.add(b"-A Y -j DROP").unwrap_err()),
            "line 1, column 4: no chain `Y` in the ruleset: there are INPUT, X"
        );
        assert_eq!(
            text(rules.add(b"-I INPUT 5 -j DROP").unwrap_err()),
            "line 1, column 4: position 5 is outside the chain: INPUT has 1 rules: 1 to 2"
        );
        assert!(text(rules.add(b"-t nat -A X -j DROP").unwrap_err()).contains("no table `nat`"));
    }
}

//! A rule as a value: what it tests, what it writes, what it does.
//!
//! Responsible for: the type of a rule, close to what `iptables-save` prints, because that is
//! what people read: conditions in their order (`-p -s -d -i -o -f`, then `-m ...`), a target.
//! Must not know: how a rule is read, matched or written.
//! Tested by: the unit test below, `tests/roundtrip.rs`, `tests/kernel.rs`.

use std::hash::{BuildHasher, Hash, Hasher};

use logparse::Protocol;

use crate::matches::{Condition, Look};
use crate::model::target::{Log, Target};
use crate::values::net::{Interface, Net, Side, Test};
use crate::values::text::Text;

/// `[packets:bytes]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Counters {
    /// Packets that matched.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rule {
    /// `[p:b]` or `-c p b`.
    pub counters: Option<Counters>,
    /// What it tests: all of it must fit. The header's tests first, in the order `-p -s -d -i -o
    /// -f` and each at most once; then `-m ...` as typed. [`Rule::set`] keeps that order.
    pub conditions: Vec<Condition>,
    /// The line it writes (`-j LOG`, `-j NFLOG`, nft's `log`). In nft a rule may write a line
    /// **and** have a target.
    pub log: Option<Log>,
    /// What it does.
    pub target: Target,
    /// Where it stood, from 1; 0 if it was not read from a file. Not part of its meaning.
    pub line: usize,
    /// Put in by [`Ruleset::add`](crate::Ruleset::add): it was not there when the log was
    /// written.
    pub added: bool,
    /// nft: how many elements of verdict maps, each a rule of its own here, come before this rule
    /// in its chain beyond the rules that nft lists.
    pub folded: u32,
    /// nft: it puts something of the packet into a set or a map (`add @s`, `update @s`).
    pub adds: bool,
}

impl Rule {
    /// Puts a condition in: one of the header replaces the rule's own, a match goes to the end.
    ///
    /// ```
    /// use fwrules::{Address, Net, Rule, Side, Target, Test};
    /// let mut rule = Rule { target: Target::Drop, ..Rule::default() };
    /// rule.set(Address { side: Side::Source, net: Test::is(Net::parse("10.66.0.0/16").unwrap()) });
    /// assert_eq!(rule.to_display(), "-s 10.66.0.0/16 -j DROP");
    /// ```
    pub fn set(&mut self, condition: impl Into<Condition>) {
        let condition = condition.into();
        match condition.header_place() {
            None => self.conditions.push(condition),
            Some(place) => {
                let before = |c: &Condition| c.header_place().is_some_and(|own| own < place);
                let at = self.conditions.partition_point(before);
                match self.conditions.get_mut(at) {
                    Some(own) if own.header_place() == Some(place) => *own = condition,
                    _ => self.conditions.insert(at, condition),
                }
            }
        }
    }

    /// `-p`; none and `-p all` are the same.
    #[must_use]
    pub fn protocol(&self) -> Option<Test<Protocol>> {
        self.conditions.iter().find_map(|c| match c {
            Condition::Protocol(test) => Some(*test),
            _ => None,
        })
    }

    /// The protocol that `-p` without `!` names.
    #[must_use]
    pub fn of_protocol(&self) -> Option<Protocol> {
        self.protocol().filter(|test| !test.not).map(|test| test.value)
    }

    /// `-s` or `-d`.
    #[must_use]
    pub fn address(&self, side: Side) -> Option<Test<Net>> {
        self.conditions.iter().find_map(|c| match c {
            Condition::Address(own) if own.side == side => Some(own.net),
            _ => None,
        })
    }

    /// `-i` (`input`) or `-o`.
    #[must_use]
    pub fn interface(&self, input: bool) -> Option<&Test<Interface>> {
        self.conditions.iter().find_map(|c| match c {
            Condition::Interface(own) if own.input == input => Some(&own.name),
            _ => None,
        })
    }

    /// The rule's comment, if it has one.
    #[must_use]
    pub fn comment(&self) -> Option<&Text> {
        self.conditions.iter().find_map(|c| match c {
            Condition::Comment(text) => Some(text),
            _ => None,
        })
    }

    /// What it tests: comments test nothing.
    pub fn tests(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(|c| !matches!(c, Condition::Comment(_)))
    }

    /// Whether what it takes goes into a set or a list that rules can ask: `-j SET`, `-m recent --set`,
    /// nft's `add @s`.
    #[must_use]
    pub fn fills(&self) -> bool {
        let says = |words: &[Text], word: &str| words.iter().any(|own| *own == *word);
        let set = matches!(&self.target, Target::Other { name, words } if *name == *"SET" && says(words, "--add-set"));
        let recent = self.conditions.iter().any(|condition| {
            matches!(condition, Condition::Other(own) if own.module == *"recent" && says(&own.words, "--set"))
        });
        self.adds || set || recent
    }

    /// Whether the rule takes every packet that comes to it.
    #[must_use]
    pub fn is_unconditional(&self) -> bool {
        self.tests().next().is_none()
    }

    /// Whether two rules mean the same: counters, comments and where they stood do not count.
    #[must_use]
    pub fn same(&self, other: &Rule) -> bool {
        self.log == other.log && self.target == other.target && self.tests().eq(other.tests())
    }

    /// A number that rules which mean [the same](Self::same) have in common.
    pub(crate) fn meaning(&self, hasher: &impl BuildHasher) -> u64 {
        let mut hashed = hasher.build_hasher();
        (&self.log, &self.target).hash(&mut hashed);
        self.tests().for_each(|test| test.hash(&mut hashed));
        hashed.finish()
    }

    /// Which fields of a packet the rule looks at, and for which values.
    pub fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        self.conditions.iter().for_each(|c| c.looks(look));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matches::Fragment;

    #[test]
    fn rules_that_fill_sets() {
        let fills = |text: &str| Rule::parse(text.as_bytes()).unwrap().1.fills();
        assert!(fills("-A INPUT -p tcp --dport 23 -j SET --add-set trap src"));
        assert!(fills("-A INPUT -p tcp --dport 23 -m recent --name trap --set -j DROP"));
        assert!(!fills("-A INPUT -m recent --name trap --update --seconds 60 -j DROP"));
        assert!(!fills("-A INPUT -p tcp --dport 23 -j SET --del-set trap src"));
    }

    #[test]
    fn conditions_take_their_place() {
        let mut rule = Rule::default();
        rule.set(Text::from("a"));
        rule.set(Fragment(true));
        rule.set(Test::is(Protocol::TCP));
        rule.set(Test::is(Protocol::UDP));
        assert_eq!(rule.to_display(), "-p udp -f -m comment --comment a");
    }
}

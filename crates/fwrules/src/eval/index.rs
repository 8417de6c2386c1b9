//! Which rules may take a packet at all, found without asking each.
//!
//! A rule that wants one source address is found by the packet's source address; one that wants a
//! port, by the port. Each rule is entered once, by the field that fewest others share with it, and
//! by protocol. A rule too many costs time; one too few would be wrong: what wants nothing that can
//! be looked up is always asked, and so is what wants a field that the line does not show.
//!
//! Responsible for: choosing each rule's field, and looking packets up.
//! Must not know: chains, what a rule's answer is.
//! Tested by: `tests/compiled.rs`: equal answers on generated rulesets, small and large.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use logparse::Protocol;

use crate::matches::Look;
use crate::model::rule::Rule;
use crate::values::ipset::PartKind;
use crate::values::lookup::{Lookup, number, prefixes};
use crate::values::net::{PortSide, Side, Test};
use crate::values::prefixes::{Prefix, Prefixes, address, name, port};
use crate::view::{View, known_protocol, later_fragment, mac};

/// What a rule can be found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Field {
    Address(Side),
    Port(Side),
    Interface {
        input: bool,
    },
    Mac,
    Mark,
    /// Every packet has it: for rules that want nothing else here.
    Any,
}

/// Prefixes by which one rule is entered, at most: longer lists are quickly searched themselves.
const MOST: usize = 4096;
/// Prefixes by which all rules are entered, at most.
const ALL: usize = 1 << 22;
/// Prefixes of one list that are looked at to see how many rules share it.
const SOME: usize = 4;

/// Rules by what they want: by protocol (`None`: by any), then by field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index(BTreeMap<Option<Protocol>, Vec<(Field, Prefixes)>>);

/// Rules that may take a packet, by number: lists, each in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates<'i>(Vec<&'i [u32]>);

/// Prefixes of one field, each with the rule that wants it.
type Entered = Vec<(Prefix, u32)>;

/// One way to enter a rule.
struct Wanted {
    field: Field,
    prefixes: Vec<Prefix>,
}

impl Index {
    /// `rules` have numbers, which may come more than once. `filled`: other rules fill the sets.
    pub(crate) fn new(rules: &[(u32, &Rule)], sets: &Lookup<'_>, filled: bool) -> Index {
        // How many rules want the same, by a hash of what they want.
        let (mut shared, hasher): (HashMap<u64, u32, RandomState>, RandomState) = Default::default();
        let hash = |of: Option<Protocol>, field: Field, prefix: &Prefix| hasher.hash_one((of, field, prefix));
        let mut entered: BTreeMap<(Option<Protocol>, Field), Entered> = BTreeMap::new();
        let mut room = ALL;
        for (_, rule) in rules {
            let (protocols, wanted) = (protocols(rule), wanted(rule, sets, filled));
            for one in wanted {
                for prefix in one.prefixes.iter().take(room.min(SOME)) {
                    protocols
                        .iter()
                        .for_each(|of| *shared.entry(hash(*of, one.field, prefix)).or_default() += 1);
                }
                room = room.saturating_sub(one.prefixes.len());
            }
        }
        for (number, rule) in rules.iter().copied() {
            let wanted = wanted(rule, sets, filled);
            for of in protocols(rule) {
                // What was not counted any more is not entered.
                let count = |field, prefix: &Prefix| {
                    shared.get(&hash(of, field, prefix)).copied().unwrap_or(u32::MAX)
                };
                let most = |one: &&Wanted| {
                    one.prefixes.iter().take(SOME).map(|prefix| count(one.field, prefix)).max()
                };
                match wanted.iter().min_by_key(most).filter(|one| most(one) < Some(u32::MAX)) {
                    Some(Wanted { field, prefixes }) => {
                        let list = entered.entry((of, *field)).or_default();
                        list.extend(prefixes.iter().map(|prefix| (*prefix, number)));
                    }
                    None => entered.entry((of, Field::Any)).or_default().push((Prefix::ANY, number)),
                }
            }
        }
        let mut index = Index::default();
        for ((of, field), list) in entered {
            index.0.entry(of).or_default().push((field, Prefixes::new(list)));
        }
        index
    }

    /// The rules that may take a packet, where it is now.
    pub(crate) fn among(&self, view: &View<'_>) -> Candidates<'_> {
        let protocol = known_protocol(view.datagram());
        let mut lists = Vec::new();
        for (of, fields) in &self.0 {
            if of.is_some() && protocol.is_some() && *of != protocol {
                continue;
            }
            for (field, prefixes) in fields {
                match field.of(view) {
                    Shown::Value(value) => lists.extend(prefixes.at(value)),
                    Shown::Nothing => {}
                    Shown::Unknown => lists.push(prefixes.all()),
                }
            }
        }
        Candidates(lists)
    }
}

impl Candidates<'_> {
    /// All of them, in no order; some more than once.
    pub(crate) fn all(&self) -> impl Iterator<Item = u32> {
        self.0.iter().copied().flatten().copied()
    }

    /// The first of them from `number` on.
    pub(crate) fn next(&self, number: u32) -> Option<u32> {
        let first = |list: &&[u32]| list.get(list.partition_point(|one| *one < number)).copied();
        self.0.iter().filter_map(first).min()
    }
}

/// What a packet shows of a field.
enum Shown {
    Value(u128),
    /// It has none, and no rule that wants one takes it.
    Nothing,
    Unknown,
}

impl Field {
    /// What a packet shows of the field to a rule where it is now.
    fn of(self, view: &View<'_>) -> Shown {
        let shown = match self {
            Field::Address(side) if view.readdressed(side) => None,
            Field::Address(side) => view.addr(side).map(address),
            // Of an unknown protocol, or translated with the destination.
            Field::Port(_)
                if known_protocol(view.datagram()).is_none()
                    || later_fragment(view.datagram())
                    || view.readdressed(Side::Destination) =>
            {
                None
            }
            Field::Port(side) => side.of(view.datagram().ports().src, view.datagram().ports().dst).map(port),
            Field::Interface { input } => view.interface(input).map(name),
            Field::Mac => match mac(view.packet) {
                Err(()) => return Shown::Nothing,
                Ok(mac) => mac.map(|mac| number(mac).into()),
            },
            Field::Mark if view.changes.mark => None,
            Field::Mark => view.mark().map(u128::from),
            Field::Any => Some(0),
        };
        shown.map_or(Shown::Unknown, Shown::Value)
    }
}

/// The protocols of which a packet must be one; `None` for any.
fn protocols(rule: &Rule) -> Vec<Option<Protocol>> {
    let mut all: Option<Vec<Protocol>> = None;
    rule.looks(&mut |look| {
        if let Look::Protocol(Test { not: false, value }) = look {
            match &mut all {
                Some(all) => all.retain(|protocol| value.contains(protocol)),
                None => all = Some(value.to_vec()),
            }
        }
    });
    match all {
        Some(all) if all.len() <= 8 => all.into_iter().map(Some).collect(),
        _ => vec![None],
    }
}

/// The fields that a packet must have for the rule to take it, each with its values.
fn wanted(rule: &Rule, sets: &Lookup<'_>, filled: bool) -> Vec<Wanted> {
    let mut list = Vec::new();
    let mut add = |field, prefixes: &mut dyn Iterator<Item = Prefix>| {
        let prefixes: Vec<Prefix> = prefixes.take(MOST + 1).collect();
        // Nothing at all is wanted by ranges that run backwards: those are asked.
        if (1..=MOST).contains(&prefixes.len()) {
            list.push(Wanted { field, prefixes });
        }
    };
    rule.looks(&mut |look| match look {
        Look::Address(side, Test { not: false, value }) => {
            add(Field::Address(side), &mut value.iter().flat_map(Prefix::of_addresses));
        }
        Look::Ports(side, Test { not: false, value }) if side != PortSide::Either => {
            let side = if side.is(Side::Source) { Side::Source } else { Side::Destination };
            add(Field::Port(side), &mut value.iter().flat_map(Prefix::of_ports));
        }
        Look::Interface { input, names: Test { not: false, value } } => {
            add(Field::Interface { input }, &mut value.iter().map(Prefix::of_interface));
        }
        Look::Mac(Test { not: false, value }) => {
            add(Field::Mac, &mut [Prefix::of_number(number(value))].into_iter());
        }
        Look::Mark(Test { not: false, value }) if value.mask == u32::MAX => {
            add(Field::Mark, &mut [Prefix::of_number(value.value.into())].into_iter());
        }
        Look::Set { name, sides, not: false } => {
            let known = sets.get(name.as_bytes()).filter(|known| !known.timed && !filled);
            let Some(set) = known.map(|known| known.set) else { return };
            let part = set.parts.iter().position(|kind| *kind == PartKind::Address);
            let Some(part) = part.filter(|_| sides.len() >= set.parts.len() && set.entries.len() <= MOST)
            else {
                return;
            };
            let of = |entry: &crate::values::ipset::Entry| entry.parts.get(part).and_then(prefixes);
            if let Some(all) = set.entries.iter().map(of).collect::<Option<Vec<_>>>() {
                add(Field::Address(sides[part]), &mut all.into_iter().flatten());
            }
        }
        _ => {}
    });
    list
}

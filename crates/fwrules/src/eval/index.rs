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
use std::sync::Arc;

use foldhash::fast::RandomState;
use logparse::Protocol;

use crate::matches::Look;
use crate::model::rule::Rule;
use crate::values::ipset::{Entry, PartKind};
use crate::values::lookup::{Lookup, number, prefixes};
use crate::values::net::{PortSide, Side, Test};
use crate::values::prefixes::{Prefix, Prefixes, address, name, port};
use crate::view::{View, known_protocol, later_fragment, mac};

/// What a rule can be found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Field {
    Address(Side),
    Port(Side),
    Interface {
        input: bool,
    },
    Mac,
    Mark,
    /// Every packet has it: for rules that want nothing else here.
    #[default]
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
pub(crate) struct Index(BTreeMap<Option<Protocol>, Vec<Column>>);

/// Rules that want a value of one field.
#[derive(Clone, Debug, Default)]
struct Column {
    field: Field,
    rules: Prefixes,
    /// Sets that several rules name, each by its place in `of_sets`: their entries are here once.
    sets: Prefixes,
    /// The rules that name each of them, in order.
    of_sets: Vec<Vec<u32>>,
    /// All of the rules that name them, in order.
    of_any_set: Vec<u32>,
}

/// Rules that may take a packet, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates<'i> {
    /// Lists, each in order.
    long: Vec<&'i [u32]>,
    /// All of the lists that are short, in order.
    short: Vec<u32>,
}

/// Lists up to this length are put together: a walk through many chains asks each of them often.
const SHORT: usize = 16;

/// One way to enter a rule.
struct Wanted {
    field: Field,
    prefixes: Arc<[Prefix]>,
    /// They are the entries of this set.
    set: Option<usize>,
}

/// What is to be entered in a [`Column`].
#[derive(Default)]
struct Entered {
    rules: Vec<(Prefix, u32)>,
    sets: BTreeMap<usize, (Arc<[Prefix]>, Vec<u32>)>,
}

impl Index {
    /// `rules` have numbers, which may come more than once. `filled`: other rules fill the sets.
    pub(crate) fn new(rules: &[(u32, &Rule)], sets: &Lookup<'_>, filled: bool) -> Index {
        // How many rules want the same, by a hash of what they want.
        let (mut shared, hasher): (HashMap<u64, u32, RandomState>, RandomState) = Default::default();
        let hash = |of: Option<Protocol>, field: Field, prefix: &Prefix| hasher.hash_one((of, field, prefix));
        let mut members = Members { sets, filled, known: HashMap::new() };
        for (_, rule) in rules {
            let protocols = protocols(rule);
            for one in wanted(rule, &mut members) {
                for prefix in one.prefixes.iter().take(SOME) {
                    protocols
                        .iter()
                        .for_each(|of| *shared.entry(hash(*of, one.field, prefix)).or_default() += 1);
                }
            }
        }
        let (mut entered, mut room): (BTreeMap<_, Entered>, usize) = (BTreeMap::new(), ALL);
        for (number, rule) in rules.iter().copied() {
            let wanted = wanted(rule, &mut members);
            for of in protocols(rule) {
                let count = |field, prefix: &Prefix| shared.get(&hash(of, field, prefix)).copied();
                let most = |one: &&Wanted| {
                    one.prefixes.iter().take(SOME).map(|prefix| count(one.field, prefix)).max()
                };
                let best = wanted.iter().min_by_key(most).filter(|one| one.prefixes.len() <= room);
                let column = entered.entry((of, best.map_or(Field::Any, |best| best.field))).or_default();
                match best {
                    Some(Wanted { prefixes, set: Some(set), .. }) => {
                        let new = || {
                            room -= prefixes.len();
                            (Arc::clone(prefixes), Vec::new())
                        };
                        column.sets.entry(*set).or_insert_with(new).1.push(number);
                    }
                    Some(Wanted { prefixes, .. }) => {
                        room -= prefixes.len();
                        column.rules.extend(prefixes.iter().map(|prefix| (*prefix, number)));
                    }
                    None => column.rules.push((Prefix::ANY, number)),
                }
            }
        }
        let mut index = Index::default();
        for ((of, field), entered) in entered {
            index.0.entry(of).or_default().push(entered.into_column(field));
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
            for column in fields {
                match column.field.of(view) {
                    Shown::Value(value) => {
                        lists.extend(column.rules.at(value));
                        let sets = column.sets.at(value).flatten();
                        lists.extend(sets.map(|set| column.of_sets[*set as usize].as_slice()));
                    }
                    Shown::Nothing => {}
                    Shown::Unknown => lists.extend([column.rules.all(), &column.of_any_set]),
                }
            }
        }
        let (short, long): (Vec<&[u32]>, _) = lists.into_iter().partition(|list| list.len() <= SHORT);
        let mut short = short.concat();
        short.sort_unstable();
        Candidates { long, short }
    }
}

impl Entered {
    fn into_column(self, field: Field) -> Column {
        let Entered { mut rules, sets } = self;
        let (mut entries, mut of_sets) = (Vec::new(), Vec::new());
        for (prefixes, named) in sets.into_values() {
            match named[..] {
                [one] => rules.extend(prefixes.iter().map(|prefix| (*prefix, one))),
                _ => {
                    entries.extend(prefixes.iter().map(|prefix| (*prefix, of_sets.len() as u32)));
                    of_sets.push(named);
                }
            }
        }
        let mut of_any_set = of_sets.concat();
        of_any_set.sort_unstable();
        of_any_set.dedup();
        Column { field, rules: Prefixes::new(rules), sets: Prefixes::new(entries), of_sets, of_any_set }
    }
}

impl Candidates<'_> {
    /// All of them, in no order; some more than once.
    pub(crate) fn all(&self) -> impl Iterator<Item = u32> {
        self.long.iter().copied().flatten().chain(&self.short).copied()
    }

    /// The first of them from `number` on.
    pub(crate) fn next(&self, number: u32) -> Option<u32> {
        let first = |list: &&[u32]| list.get(list.partition_point(|one| *one < number)).copied();
        self.long.iter().copied().chain([self.short.as_slice()]).filter_map(|list| first(&list)).min()
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

/// A set's number, and the prefixes of its entries if each has some.
type Member = (usize, Option<Arc<[Prefix]>>);

/// What sets hold, read once however many rules name them.
struct Members<'s> {
    sets: &'s Lookup<'s>,
    /// Other rules fill the sets.
    filled: bool,
    /// By name and part.
    known: HashMap<(Vec<u8>, usize), Member>,
}

impl Members<'_> {
    /// The number of a set, the part of it that is an address, and the prefixes of its entries.
    fn of(&mut self, name: &[u8], sides: usize) -> Option<(usize, usize, Arc<[Prefix]>)> {
        let set = self.sets.get(name).filter(|known| !known.timed && !self.filled)?.set;
        let part = set.parts.iter().position(|kind| *kind == PartKind::Address)?;
        if sides < set.parts.len() || set.entries.len() > MOST {
            return None;
        }
        let next = self.known.len();
        let read = || {
            let of = |entry: &Entry| entry.parts.get(part).and_then(prefixes);
            let all = set.entries.iter().map(of).collect::<Option<Vec<_>>>()?;
            Some(all.into_iter().flatten().collect())
        };
        let (number, prefixes) = self.known.entry((name.to_vec(), part)).or_insert_with(|| (next, read()));
        Some((*number, part, prefixes.clone()?))
    }
}

/// The fields that a packet must have for the rule to take it, each with its values.
fn wanted(rule: &Rule, sets: &mut Members<'_>) -> Vec<Wanted> {
    let mut list = Vec::new();
    let mut add = |field, set, prefixes: Arc<[Prefix]>| {
        // Nothing at all is wanted by ranges that run backwards: those are asked.
        if (1..=MOST).contains(&prefixes.len()) {
            list.push(Wanted { field, prefixes, set });
        }
    };
    rule.looks(&mut |look| match look {
        Look::Address(side, Test { not: false, value }) => {
            let all = value.iter().flat_map(Prefix::of_addresses);
            add(Field::Address(side), None, all.take(MOST + 1).collect());
        }
        Look::Ports(side, Test { not: false, value }) if side != PortSide::Either => {
            let side = if side.is(Side::Source) { Side::Source } else { Side::Destination };
            add(Field::Port(side), None, value.iter().flat_map(Prefix::of_ports).take(MOST + 1).collect());
        }
        Look::Interface { input, names: Test { not: false, value } } => {
            let all = value.iter().map(Prefix::of_interface);
            add(Field::Interface { input }, None, all.take(MOST + 1).collect());
        }
        Look::Mac(Test { not: false, value }) => {
            add(Field::Mac, None, [Prefix::of_number(number(value))].into());
        }
        Look::Mark(Test { not: false, value }) if value.mask == u32::MAX => {
            add(Field::Mark, None, [Prefix::of_number(value.value.into())].into());
        }
        Look::Set { name, sides, not: false } => {
            if let Some((set, part, prefixes)) = sets.of(name.as_bytes(), sides.len()) {
                add(Field::Address(sides[part]), Some(set), prefixes);
            }
        }
        _ => {}
    });
    list
}

//! Which packets a rule's conditions describe.
//!
//! Responsible for: the boxes of a rule. Whatever has no field there is opaque: a rule with an
//! opaque condition may take packets of its box, and is never sure to.
//! Must not know: chains or verdicts, which conditions there are.
//! Tested by: the unit tests below and those of `lint`.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use logparse::{Protocol, TcpFlags};

use crate::lint::cube::{Cube, PORTS, addresses, family_range};
use crate::lint::names::Names;
use crate::lint::ranges::{Bytes, Ranges};
use crate::lint::space::Space;
use crate::matches::{Condition, Look, Tcp};
use crate::model::rule::Rule;
use crate::values::conntrack::StateSet;
use crate::values::net::{Family, PortSide, Range, Test};
use crate::view::Changes;

/// What a rule's conditions say.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    /// The packets that can match.
    pub(crate) space: Space,
    /// Conditions on what has no field, but on the packet alone: the same packet gives the
    /// same answer. Numbers of [`Opaque`].
    pub(crate) opaque: Vec<u32>,
    /// Conditions on more than the packet: a limit, chance, memory.
    pub(crate) moody: bool,
    /// These, numbers of [`Opaque`]: of the same packet, two rules with the same ask the same.
    pub(crate) moods: Vec<u32>,
    /// A number that rules for the same packets have in common: no number of [`Opaque`].
    pub(crate) same: u32,
}

/// Conditions that have no field, each with a number.
#[derive(Default)]
pub(crate) struct Opaque(HashMap<Condition, u32>, RandomState);

impl Opaque {
    fn number(&mut self, condition: &Condition) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(condition.clone()).or_insert(next)
    }

    /// A number for these packets.
    fn same(&self, space: &Space) -> u32 {
        self.1.hash_one(&space.0) as u32 | 1 << 31
    }
}

impl Region {
    /// Whether every packet of the space does match.
    pub(crate) fn is_exact(&self) -> bool {
        self.opaque.is_empty() && !self.moody
    }

    /// Whether this asks for nothing without a field that `other` does not ask for as well.
    pub(crate) fn asks_within(&self, other: &Region) -> bool {
        self.opaque.iter().all(|m| other.opaque.contains(m))
            && self.moods.iter().all(|m| other.moods.contains(m))
    }

    /// Whether this takes all of `wanted`, which is of what `other` takes.
    pub(crate) fn covers(&self, other: &Region, wanted: &Space) -> bool {
        !self.moody && self.opaque.iter().all(|m| other.opaque.contains(m)) && self.space.covers(wanted)
    }

    pub(crate) fn of(
        rule: &Rule,
        family: Family,
        names: &Names,
        nft: bool,
        changes: Changes,
        numbers: &mut Opaque,
    ) -> Region {
        let space = Space(vec![Cube::all(family)]);
        let mut region = Region { space, opaque: Vec::new(), moody: false, moods: Vec::new(), same: 0 };
        for condition in &rule.conditions {
            let moody = std::mem::take(&mut region.moody);
            // nft's `th` looks at protocols without ports as well.
            let any_protocol =
                nft && rule.protocol().is_none() && matches!(condition, Condition::Multiport(_));
            let mut opaque = any_protocol;
            if !any_protocol {
                condition.looks(&mut |look| opaque |= !region.narrow(look, family, names, changes));
            }
            if opaque {
                region.opaque.push(match condition {
                    Condition::Tcp(tcp) => {
                        numbers.number(&Tcp { option: tcp.option, ..Tcp::default() }.into())
                    }
                    other => numbers.number(other),
                });
            } else if region.moody {
                region.moods.push(numbers.number(condition));
            }
            region.moody |= moody;
        }
        region.opaque.sort_unstable();
        region.opaque.dedup();
        region.same = numbers.same(&region.space);
        region
    }

    /// Cuts the region down to what a condition lets through. False if there is no field for it.
    fn narrow(&mut self, look: Look<'_>, family: Family, names: &Names, changes: Changes) -> bool {
        let mut cube = Cube::all(family);
        match look {
            Look::Protocol(test) => {
                let set = Bytes::filter(|p| test.value.contains(&Protocol(p)));
                cube.protocol = if test.not { Bytes::ALL.without(set) } else { set };
            }
            Look::Address(side, test) => cube.set(side, addresses(test.value), test.not, family),
            Look::Version { v6 } => {
                let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
                cube.source = family_range(family);
                cube.destination = family_range(family);
            }
            Look::Interface { input, names: test } => {
                let mut all = test.value.iter().map(|name| names.of(name));
                let Some(any) = all.try_fold(0, |set, name| Some(set | name?)) else { return false };
                *if input { &mut cube.input } else { &mut cube.output } =
                    if test.not { names.all() & !any } else { any };
            }
            Look::Fragment(is) => cube.fragment = if is { 2 } else { 1 },
            Look::Transport => cube.fragment = 1,
            Look::Ports(side, test) => return self.ports(cube, side, test),
            Look::Flags(test) => {
                cube.flags =
                    Bytes::filter(|bits| test.value.fit(TcpFlags::from_bits(bits.into())) != test.not);
            }
            Look::Icmp(test) => {
                let (first, last) = match (test.value.kind, test.value.code) {
                    (None, _) => (0, u16::MAX),
                    (Some(kind), None) => (u16::from(kind) << 8, u16::from(kind) << 8 | 0xff),
                    (Some(kind), Some(code)) => [u16::from(kind) << 8 | u16::from(code); 2].into(),
                };
                cube.icmp = numbers(&[Range { first, last }], test.not);
            }
            Look::States(test) => {
                let asked = test.value.and(StateSet::EXCLUSIVE);
                if asked != test.value {
                    return false;
                }
                cube.states = if test.not { StateSet::EXCLUSIVE.without(asked) } else { asked };
            }
            Look::Beyond => {
                self.moody = true;
                return true;
            }
            other => {
                // What the ruleset itself changes on the way is another question at each rule.
                self.moody |= match other {
                    Look::Mark(_) => changes.mark,
                    Look::Tos => changes.tos,
                    Look::Ttl => changes.ttl,
                    Look::Set { .. } => changes.sets,
                    Look::TcpOptions => changes.options,
                    _ => false,
                };
                return false;
            }
        }
        self.space = self.space.and(&Space(vec![cube]));
        true
    }

    fn ports(&mut self, mut cube: Cube, side: PortSide, test: Test<&[Range<u16>]>) -> bool {
        let set = numbers(test.value, test.not);
        cube.protocol = Bytes::filter(|p| matches!(p, 6 | 17 | 33 | 132 | 136));
        let mut other = None;
        match side {
            PortSide::Source => cube.sport = set,
            PortSide::Destination => cube.dport = set,
            PortSide::Either if test.not => (cube.sport, cube.dport) = (set.clone(), set),
            PortSide::Either => {
                other = Some(Cube { dport: set.clone(), ..cube.clone() });
                cube.sport = set;
            }
        }
        self.space = self.space.and(&Space([cube].into_iter().chain(other).collect()));
        true
    }
}

/// The numbers in some ranges, or all others.
fn numbers(ranges: &[Range<u16>], not: bool) -> Ranges {
    let forward = ranges.iter().filter(|r| r.first <= r.last);
    let set = Ranges::union(forward.map(|r| (u128::from(r.first), u128::from(r.last))).collect());
    if not { Ranges::of(0, PORTS).without(&set) } else { set }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::space::everything;

    fn region(text: &str) -> Region {
        let (_, rule) = Rule::parse(text.as_bytes()).unwrap();
        let names = Names::new([true, false].iter().filter_map(|input| Some(&rule.interface(*input)?.value)));
        Region::of(&rule, Family::Ipv4, &names, false, Changes::default(), &mut Opaque::default())
    }

    #[test]
    fn what_is_taken_away_is_gone() {
        let all = everything(Family::Ipv4, 2, 1, false);
        let tcp = region("-p tcp --dport 1:1023").space;
        let rest = all.clone().without(&tcp);
        assert!(rest.and(&tcp).is_empty());
        assert!(rest.and(&region("-p tcp --dport 1024").space).0.len() == 2);
        assert!(tcp.covers(&region("-p tcp -s 10.0.0.0/8 --dport 22").space));
        assert!(!tcp.covers(&region("-p udp --dport 22").space));
    }

    #[test]
    fn impossible_flags_are_invalid_packets() {
        let all = everything(Family::Ipv4, 2, 1, false);
        let invalid = region("-m conntrack --ctstate INVALID");
        let covers = |text| invalid.space.covers(&region(text).space.and(&all));
        assert!(covers("-p tcp --tcp-flags SYN,FIN SYN,FIN"));
        assert!(!covers("-p tcp --syn"));
    }
}

//! Sets of packets, as boxes: for each field the values that are in.
//!
//! Responsible for: intersection, difference and inclusion of such sets; which box a rule's
//! conditions describe. Whatever has no field here is opaque: a rule with an opaque condition
//! may take packets of its box, and is never sure to.
//! Must not know: chains or verdicts.
//! Tested by: the unit tests below and `lint`'s.

use std::net::IpAddr;
use std::sync::Arc;

use logparse::{Protocol, TcpFlags};

use crate::eval::rule::Rewrites;
use crate::model::conntrack::{StateSet, valid_flags};
use crate::model::rule::*;

/// Numbers as sorted, disjoint ranges. Boxes are copied far more often than changed, so they
/// share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ranges(Arc<[(u128, u128)]>);

impl Ranges {
    pub(crate) fn of(first: u128, last: u128) -> Ranges {
        Ranges(Arc::new([(first, last)]))
    }

    /// Whether some number is in both.
    fn meets(&self, other: &Ranges) -> bool {
        let (mut i, mut j) = (0, 0);
        while i < self.0.len() && j < other.0.len() {
            let (a, b) = (self.0[i], other.0[j]);
            if a.0.max(b.0) <= a.1.min(b.1) {
                return true;
            }
            if a.1 < b.1 { i += 1 } else { j += 1 }
        }
        false
    }

    fn union(mut list: Vec<(u128, u128)>) -> Ranges {
        list.sort_unstable();
        let mut out: Vec<(u128, u128)> = Vec::with_capacity(list.len());
        for (first, last) in list {
            match out.last_mut() {
                Some(end) if end.1 >= first || end.1.checked_add(1) == Some(first) => end.1 = end.1.max(last),
                _ => out.push((first, last)),
            }
        }
        Ranges(out.into())
    }

    fn and(&self, other: &Ranges) -> Ranges {
        if other.covers(self) {
            return self.clone();
        }
        if self.covers(other) {
            return other.clone();
        }
        let mut out = Vec::new();
        let (mut i, mut j) = (0, 0);
        while i < self.0.len() && j < other.0.len() {
            let (a, b) = (self.0[i], other.0[j]);
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                out.push((first, last));
            }
            if a.1 < b.1 { i += 1 } else { j += 1 }
        }
        Ranges(out.into())
    }

    fn without(&self, other: &Ranges) -> Ranges {
        let mut out = Vec::new();
        for &(first, last) in self.0.iter() {
            let mut at = first;
            let mut open = true;
            for &(from, to) in other.0.iter() {
                if to < at || from > last {
                    continue;
                }
                if from > at {
                    out.push((at, from - 1));
                }
                if to >= last {
                    open = false;
                    break;
                }
                at = to + 1;
            }
            if open {
                out.push((at, last));
            }
        }
        Ranges(out.into())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every number of `other` is here: touching ranges are always one.
    fn covers(&self, other: &Ranges) -> bool {
        let mut own = self.0.iter();
        let mut at = own.next();
        other.0.iter().all(|(first, last)| {
            while at.is_some_and(|(_, end)| end < first) {
                at = own.next();
            }
            at.is_some_and(|(from, to)| from <= first && last <= to)
        })
    }
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes([u64; 4]);

impl Bytes {
    pub(crate) const ALL: Bytes = Bytes([u64::MAX; 4]);
    const NONE: Bytes = Bytes([0; 4]);

    pub(crate) fn one(value: u8) -> Bytes {
        let mut set = Bytes::NONE;
        set.insert(value);
        set
    }

    fn insert(&mut self, value: u8) {
        self.0[usize::from(value >> 6)] |= 1 << (value & 63);
    }

    pub(crate) fn has(&self, value: u8) -> bool {
        self.0[usize::from(value >> 6)] >> (value & 63) & 1 == 1
    }

    pub(crate) fn filter(keep: impl Fn(u8) -> bool) -> Bytes {
        let mut set = Bytes::NONE;
        for value in 0..=255 {
            if keep(value) {
                set.insert(value);
            }
        }
        set
    }

    fn zip(self, other: Bytes, f: impl Fn(u64, u64) -> u64) -> Bytes {
        let mut out = self;
        for (a, b) in out.0.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        out
    }

    fn and(self, other: Bytes) -> Bytes {
        self.zip(other, |a, b| a & b)
    }

    pub(crate) fn without(self, other: Bytes) -> Bytes {
        self.zip(other, |a, b| a & !b)
    }

    fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}

/// A box: a packet is in it if each field is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cube {
    pub(crate) protocol: Bytes,
    pub(crate) flags: Bytes,
    /// Later fragment (bit 1) or not (bit 0).
    pub(crate) fragment: u8,
    pub(crate) states: StateSet,
    /// Interfaces by their atoms; see [`Names`].
    pub(crate) input: u128,
    pub(crate) output: u128,
    pub(crate) source: Ranges,
    pub(crate) destination: Ranges,
    pub(crate) sport: Ranges,
    pub(crate) dport: Ranges,
    /// Type and code: `type << 8 | code`.
    pub(crate) icmp: Ranges,
}

/// Where IPv4 addresses are kept among the numbers of IPv6's: at the very top, among groups
/// that nobody can assign, and never in an IPv6 range. `::ffff:0:0/96` is IPv6 like any other.
const MAPPED: u128 = u128::MAX << 32;
const PORTS: u128 = 65_535;

pub(crate) fn address(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => MAPPED | u128::from(addr.to_bits()),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// The addresses of some ranges.
fn addresses(ranges: &[AddressRange]) -> Ranges {
    let of = |v4: bool| {
        let family = ranges.iter().filter(|range| range.first.is_ipv4() == v4);
        family.map(|range| (address(range.first), address(range.last))).collect()
    };
    let (four, six) = (Ranges::union(of(true)), Ranges::union(of(false)));
    let six = six.without(&family_range(Family::Ipv4));
    Ranges::union(four.0.iter().chain(six.0.iter()).copied().collect())
}

/// All addresses of a family.
pub(crate) fn family_range(family: Family) -> Ranges {
    let v4 = Ranges::of(MAPPED, MAPPED | u128::from(u32::MAX));
    match family {
        Family::Ipv4 => v4,
        Family::Ipv6 => Ranges::of(0, u128::MAX).without(&v4),
        _ => Ranges::of(0, u128::MAX),
    }
}

/// The fields of a box, for telling people which of them excludes what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Protocol,
    Input,
    Output,
    Source,
    Destination,
    Dport,
    Sport,
    Icmp,
    Flags,
    States,
    Fragment,
}

pub(crate) const FIELDS: [Field; 11] = [
    Field::Protocol,
    Field::Input,
    Field::Output,
    Field::Source,
    Field::Destination,
    Field::Dport,
    Field::Sport,
    Field::Icmp,
    Field::Flags,
    Field::States,
    Field::Fragment,
];

impl Cube {
    /// Every packet of a family.
    pub(crate) fn all(family: Family) -> Cube {
        Cube {
            protocol: Bytes::ALL,
            flags: Bytes::ALL,
            fragment: 3,
            states: StateSet::EXCLUSIVE,
            input: u128::MAX,
            output: u128::MAX,
            source: family_range(family),
            destination: family_range(family),
            sport: Ranges::of(0, PORTS),
            dport: Ranges::of(0, PORTS),
            icmp: Ranges::of(0, PORTS),
        }
    }

    pub(crate) fn is_empty_in(&self, field: Field) -> bool {
        match field {
            Field::Protocol => self.protocol.is_empty(),
            Field::Flags => self.flags.is_empty(),
            Field::Fragment => self.fragment == 0,
            Field::States => self.states.is_empty(),
            Field::Input => self.input == 0,
            Field::Output => self.output == 0,
            Field::Source => self.source.is_empty(),
            Field::Destination => self.destination.is_empty(),
            Field::Sport => self.sport.is_empty(),
            Field::Dport => self.dport.is_empty(),
            Field::Icmp => self.icmp.is_empty(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        FIELDS.iter().any(|f| self.is_empty_in(*f))
    }

    /// Whether some packet is in both.
    pub(crate) fn meets(&self, other: &Cube) -> bool {
        self.input & other.input != 0
            && self.output & other.output != 0
            && self.fragment & other.fragment != 0
            && !self.protocol.and(other.protocol).is_empty()
            && !self.flags.and(other.flags).is_empty()
            && !self.states.and(other.states).is_empty()
            && self.dport.meets(&other.dport)
            && self.source.meets(&other.source)
            && self.destination.meets(&other.destination)
            && self.sport.meets(&other.sport)
            && self.icmp.meets(&other.icmp)
    }

    /// The packets in both; may be empty.
    pub(crate) fn and(&self, other: &Cube) -> Cube {
        Cube {
            protocol: self.protocol.and(other.protocol),
            flags: self.flags.and(other.flags),
            fragment: self.fragment & other.fragment,
            states: self.states.and(other.states),
            input: self.input & other.input,
            output: self.output & other.output,
            source: self.source.and(&other.source),
            destination: self.destination.and(&other.destination),
            sport: self.sport.and(&other.sport),
            dport: self.dport.and(&other.dport),
            icmp: self.icmp.and(&other.icmp),
        }
    }

    /// This box with one field less what `other` has in it.
    fn less(&self, other: &Cube, field: Field) -> Cube {
        let mut out = self.clone();
        match field {
            Field::Protocol => out.protocol = out.protocol.without(other.protocol),
            Field::Flags => out.flags = out.flags.without(other.flags),
            Field::Fragment => out.fragment &= !other.fragment,
            Field::States => out.states = out.states.without(other.states),
            Field::Input => out.input &= !other.input,
            Field::Output => out.output &= !other.output,
            Field::Source => out.source = out.source.without(&other.source),
            Field::Destination => out.destination = out.destination.without(&other.destination),
            Field::Sport => out.sport = out.sport.without(&other.sport),
            Field::Dport => out.dport = out.dport.without(&other.dport),
            Field::Icmp => out.icmp = out.icmp.without(&other.icmp),
        }
        out
    }

    /// This box with one field cut down to what `other` has in it.
    fn cut(&mut self, other: &Cube, field: Field) {
        match field {
            Field::Protocol => self.protocol = self.protocol.and(other.protocol),
            Field::Flags => self.flags = self.flags.and(other.flags),
            Field::Fragment => self.fragment &= other.fragment,
            Field::States => self.states = self.states.and(other.states),
            Field::Input => self.input &= other.input,
            Field::Output => self.output &= other.output,
            Field::Source => self.source = self.source.and(&other.source),
            Field::Destination => self.destination = self.destination.and(&other.destination),
            Field::Sport => self.sport = self.sport.and(&other.sport),
            Field::Dport => self.dport = self.dport.and(&other.dport),
            Field::Icmp => self.icmp = self.icmp.and(&other.icmp),
        }
    }

    /// The packets here and not in `other`, as disjoint boxes.
    fn without(self, other: &Cube, out: &mut Vec<Cube>) {
        if !self.meets(other) {
            out.push(self);
            return;
        }
        let mut rest = self;
        for field in FIELDS {
            let outside = rest.less(other, field);
            if outside.pieces() > PIECES {
                out.push(rest);
                return;
            }
            if !outside.is_empty_in(field) {
                out.push(outside);
                rest.cut(other, field);
            }
        }
    }

    /// How many ranges its addresses and ports are.
    fn pieces(&self) -> usize {
        self.source.0.len().max(self.destination.0.len()).max(self.sport.0.len()).max(self.dport.0.len())
    }

    fn covers(&self, other: &Cube) -> bool {
        other.protocol.without(self.protocol).is_empty()
            && other.flags.without(self.flags).is_empty()
            && other.fragment & !self.fragment == 0
            && other.states.without(self.states).is_empty()
            && other.input & !self.input == 0
            && other.output & !self.output == 0
            && self.source.covers(&other.source)
            && self.destination.covers(&other.destination)
            && self.sport.covers(&other.sport)
            && self.dport.covers(&other.dport)
            && self.icmp.covers(&other.icmp)
    }
}

/// A set of packets: what is in any of the boxes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space(pub(crate) Vec<Cube>);

/// With more boxes than this a set is no longer cut down: it stays too large, which makes
/// "this can never fire" harder to say, never wrong.
const BOXES: usize = 300;
/// As [`BOXES`], for the ranges of one field: a blocklist cuts addresses into very many.
const PIECES: usize = 1_000;

impl Space {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn and(&self, other: &Space) -> Space {
        let mut out = Vec::new();
        for a in &self.0 {
            for b in &other.0 {
                if a.meets(b) {
                    out.push(a.and(b));
                }
            }
        }
        Space(out)
    }

    /// The packets here and not in `other`. Boxes that `other` does not meet stay as they are.
    pub(crate) fn without(mut self, other: &Space) -> Space {
        let mut pieces = Vec::new();
        for b in &other.0 {
            let mut count = 0;
            for a in self.0.iter().filter(|a| a.meets(b)) {
                count += 1;
                a.clone().without(b, &mut pieces);
            }
            if self.0.len() - count + pieces.len() > BOXES {
                break;
            }
            if count > 0 {
                self.0.retain(|a| !a.meets(b));
                self.0.append(&mut pieces);
            }
        }
        self
    }

    pub(crate) fn or(mut self, other: Space) -> Space {
        for cube in other.0 {
            if !self.0.iter().any(|c| c.covers(&cube)) {
                self.0.retain(|c| !cube.covers(c));
                self.0.push(cube);
            }
        }
        self
    }

    /// Whether every packet of `other` is here.
    pub(crate) fn covers(&self, other: &Space) -> bool {
        other.0.iter().all(|o| self.0.iter().any(|c| c.covers(o))) || other.clone().without(self).is_empty()
    }
}

/// The interface names of a ruleset as atoms: names that no test tells apart are one bit.
/// Bit 0 is "no interface", bit 1 "any other".
pub(crate) struct Names {
    /// One representative name for each atom from bit 2 on.
    atoms: Vec<Vec<u8>>,
}

impl Names {
    pub(crate) fn new<'a>(patterns: impl Iterator<Item = &'a Interface>) -> Names {
        let mut atoms: Vec<Vec<u8>> = vec![b"lo".to_vec()];
        for pattern in patterns {
            let name = match pattern.wildcard() {
                // Another interface that begins like this: no name has a zero byte in it.
                Some(start) => [start, b"\0"].concat(),
                None => pattern.0.as_bytes().to_vec(),
            };
            if !atoms.contains(&name) && atoms.len() < 120 {
                atoms.push(name);
            }
        }
        Names { atoms }
    }

    pub(crate) const NONE: u128 = 1;

    /// The interfaces that a test lets through.
    fn test(&self, test: &Test<Interface>) -> u128 {
        let mut set = 0;
        let matches = |name: &[u8]| test.value.matches(name) != test.not;
        for (i, atom) in self.atoms.iter().enumerate() {
            if matches(atom) {
                set |= 1 << (i + 2);
            }
        }
        if matches(b"") {
            set |= Names::NONE;
        }
        if matches(b"\x01") {
            set |= 2;
        }
        set
    }

    pub(crate) fn one(&self, name: &str) -> u128 {
        self.test(&Test::is(Interface(name.into())))
    }
}

/// What a rule's conditions say.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    /// The packets that can match.
    pub(crate) space: Space,
    /// Conditions on what has no field, but on the packet alone: the same packet gives the
    /// same answer.
    pub(crate) opaque: Vec<Match>,
    /// Conditions on more than the packet: a limit, chance, memory.
    pub(crate) moody: bool,
}

impl Region {
    /// Whether every packet of the space does match.
    pub(crate) fn is_exact(&self) -> bool {
        self.opaque.is_empty() && !self.moody
    }

    /// Whether this takes all that `other` takes of `within`.
    pub(crate) fn covers(&self, other: &Region, within: &Space) -> bool {
        !self.moody
            && self.opaque.iter().all(|m| other.opaque.contains(m))
            && self.space.covers(&other.space.and(within))
    }

    pub(crate) fn of(rule: &Rule, family: Family, names: &Names, nft: bool, rewrites: Rewrites) -> Region {
        let mut region = Region { space: Space(vec![Cube::all(family)]), opaque: Vec::new(), moody: false };
        let mut all = Cube::all(family);
        if let Some(test) = rule.protocol {
            all.protocol = turned(Bytes::one(test.value.0), test.not);
        }
        for (test, side) in [(&rule.source, Side::Source), (&rule.destination, Side::Destination)] {
            let Some(test) = test else { continue };
            match test.value.range() {
                Some(range) => all.set(side, addresses(&[range]), test.not, family),
                // A mask that is no prefix: opaque, told apart by its text.
                None => region.opaque.push(Match::Addresses {
                    side,
                    ranges: Test {
                        not: test.not,
                        value: vec![AddressRange { first: test.value.addr(), last: test.value.mask() }],
                    },
                }),
            }
        }
        if let Some(test) = &rule.input {
            all.input = names.test(test);
        }
        if let Some(test) = &rule.output {
            all.output = names.test(test);
        }
        if let Some(is) = rule.fragment {
            all.fragment = if is { 2 } else { 1 };
        }
        region.narrow(vec![all]);
        for m in &rule.matches {
            match m {
                // nft's `th` looks at protocols without ports as well.
                Match::Multiport { .. } if nft && rule.protocol.is_none() => region.opaque.push(m.clone()),
                _ => region.one(m, family, names),
            }
        }
        // What the ruleset itself changes on the way is another question at each rule.
        region.moody |= region.opaque.iter().any(|m| match m {
            Match::Mark(_) => rewrites.mark,
            Match::Tos(_) | Match::Dscp(_) => rewrites.tos,
            Match::Ttl { .. } => rewrites.ttl,
            Match::Set { .. } => rewrites.sets,
            _ => false,
        });
        region
    }

    fn narrow(&mut self, cubes: Vec<Cube>) {
        self.space = self.space.and(&Space(cubes));
    }

    fn one(&mut self, m: &Match, family: Family, names: &Names) {
        let mut cube = Cube::all(family);
        match m {
            Match::Comment(_) => return,
            Match::Tcp(tcp) => {
                cube.protocol = Bytes::one(Protocol::TCP.0);
                cube.fragment = 1;
                cube.ports(&tcp.sport, &tcp.dport);
                if let Some(test) = &tcp.flags {
                    let (mask, set) = (test.value.mask, test.value.set);
                    cube.flags =
                        Bytes::filter(|bits| (TcpFlags::from_bits(bits.into()) & mask == set) != test.not);
                }
                if tcp.option.is_some() {
                    self.opaque.push(Match::Tcp(Tcp { option: tcp.option, ..Tcp::default() }));
                }
            }
            Match::Ports(p) => {
                cube.protocol = Bytes::one(p.protocol.0);
                cube.fragment = 1;
                cube.ports(&p.sport, &p.dport);
            }
            Match::Multiport { side, ports } => {
                let list = ports.value.iter().map(|r| (u128::from(r.first), u128::from(r.last))).collect();
                let mut set = Ranges::union(list);
                if ports.not {
                    set = Ranges::of(0, PORTS).without(&set);
                }
                cube.fragment = 1;
                cube.protocol = Bytes::filter(|p| matches!(p, 6 | 17 | 33 | 132 | 136));
                let mut other = cube.clone();
                match side {
                    PortSide::Source => cube.sport = set,
                    PortSide::Destination => cube.dport = set,
                    PortSide::Either if ports.not => {
                        cube.sport = set.clone();
                        cube.dport = set;
                    }
                    PortSide::Either => {
                        cube.sport = set.clone();
                        other.dport = set;
                        return self.narrow(vec![cube, other]);
                    }
                }
            }
            Match::Icmp(test) | Match::Icmpv6(test) => {
                let v6 = matches!(m, Match::Icmpv6(_));
                cube.protocol = Bytes::one(if v6 { Protocol::ICMPV6.0 } else { Protocol::ICMP.0 });
                cube.fragment = 1;
                let (first, last) = match (test.value.kind, test.value.code) {
                    (None, _) => (0, PORTS),
                    (Some(kind), None) => (u128::from(kind) << 8, u128::from(kind) << 8 | 0xff),
                    (Some(kind), Some(code)) => {
                        let one = u128::from(kind) << 8 | u128::from(code);
                        (one, one)
                    }
                };
                let set = Ranges::of(first, last);
                cube.icmp = if test.not { Ranges::of(0, PORTS).without(&set) } else { set };
            }
            Match::IpRange { source, destination } => {
                for (test, side) in [(source, Side::Source), (destination, Side::Destination)] {
                    if let Some(test) = test {
                        cube.set(side, addresses(&[test.value]), test.not, family);
                    }
                }
            }
            Match::Addresses { side, ranges } => {
                cube.set(*side, addresses(&ranges.value), ranges.not, family);
            }
            Match::Interfaces { input, names: test } => {
                let any = test.value.iter().fold(0, |set, name| set | names.test(&Test::is(name.clone())));
                let set = if test.not { !any } else { any };
                if *input {
                    cube.input = set;
                } else {
                    cube.output = set;
                }
            }
            Match::Protocols(test) => {
                let set = Bytes::filter(|p| test.value.contains(&Protocol(p)));
                cube.protocol = turned(set, test.not);
            }
            Match::Version { v6 } => {
                let family = if *v6 { Family::Ipv6 } else { Family::Ipv4 };
                cube.source = family_range(family);
                cube.destination = family_range(family);
            }
            Match::State { states, .. } => {
                let asked = states.value.and(StateSet::EXCLUSIVE);
                if asked != states.value {
                    self.opaque.push(m.clone());
                    return;
                }
                cube.states = if states.not { StateSet::EXCLUSIVE.without(asked) } else { asked };
            }
            Match::Other { module, .. } => {
                let fixed = [
                    "string",
                    "u32",
                    "bpf",
                    "policy",
                    "ecn",
                    "ipv6header",
                    "rt",
                    "eui64",
                    "mh",
                    "hbh",
                    "dst",
                ];
                if fixed.iter().any(|f| *module == *f) {
                    self.opaque.push(m.clone());
                } else {
                    self.moody = true;
                }
                return;
            }
            Match::Expression(_) => {
                self.moody = true;
                return;
            }
            other => {
                self.opaque.push(other.clone());
                return;
            }
        }
        self.narrow(vec![cube]);
    }
}

fn turned(set: Bytes, not: bool) -> Bytes {
    if not { Bytes::ALL.without(set) } else { set }
}

impl Cube {
    fn set(&mut self, side: Side, set: Ranges, not: bool, family: Family) {
        // `! -s` of one family's network never means the other family.
        let four = family_range(Family::Ipv4);
        let own = if set.meets(&four) { four } else { family_range(Family::Ipv6) };
        let set = if not { family_range(family).and(&own).without(&set) } else { set };
        match side {
            Side::Source => self.source = self.source.and(&set),
            Side::Destination => self.destination = self.destination.and(&set),
        }
    }

    fn ports(&mut self, sport: &Option<Test<Range<u16>>>, dport: &Option<Test<Range<u16>>>) {
        let set = |test: &Test<Range<u16>>| {
            let set = Ranges::of(u128::from(test.value.first), u128::from(test.value.last));
            if test.not { Ranges::of(0, PORTS).without(&set) } else { set }
        };
        if let Some(test) = sport {
            self.sport = set(test);
        }
        if let Some(test) = dport {
            self.dport = set(test);
        }
    }
}

/// Every packet that can come to a hook, with what connection tracking must say of it: TCP
/// flags that no stack sends are INVALID, IPv6 neighbour discovery is UNTRACKED.
pub(crate) fn everything(family: Family, input: u128, output: u128, untracks: bool) -> Space {
    let all = Cube { input, output, ..Cube::all(family) };
    let tracked =
        if untracks { StateSet::EXCLUSIVE } else { StateSet::EXCLUSIVE.without(StateSet::UNTRACKED) };
    let mut invalid = StateSet::INVALID;
    if untracks {
        invalid = invalid | StateSet::UNTRACKED;
    }
    let tcp = Bytes::one(Protocol::TCP.0);
    let icmpv6 = Bytes::one(Protocol::ICMPV6.0);
    let valid = Bytes::filter(|bits| valid_flags(TcpFlags::from_bits(bits.into())));
    let mut special = tcp;
    let mut cubes = vec![
        Cube { protocol: tcp, flags: valid, states: tracked, ..all.clone() },
        Cube { protocol: tcp, flags: Bytes::ALL.without(valid), states: invalid, ..all.clone() },
    ];
    if family != Family::Ipv4 {
        special = special.zip(icmpv6, |a, b| a | b);
        let kinds = [(130 << 8, 136 << 8 | 0xff), (143 << 8, 143 << 8 | 0xff)];
        let discovery = Ranges::union(kinds.to_vec());
        let rest = Ranges::of(0, PORTS).without(&discovery);
        cubes.push(Cube { protocol: icmpv6, icmp: discovery, states: StateSet::UNTRACKED, ..all.clone() });
        cubes.push(Cube { protocol: icmpv6, icmp: rest, states: tracked, ..all.clone() });
    }
    cubes.push(Cube { protocol: Bytes::ALL.without(special), states: tracked, ..all });
    Space(cubes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(text: &str) -> Region {
        let (_, rule) = Rule::parse(text.as_bytes()).unwrap();
        let names = Names::new(rule.input.iter().chain(rule.output.iter()).map(|t| &t.value));
        Region::of(&rule, Family::Ipv4, &names, false, Rewrites::default())
    }

    #[test]
    fn ranges_are_cut_and_joined() {
        let a = Ranges::union(vec![(5, 9), (1, 3), (4, 4), (20, 30)]);
        assert_eq!(*a.0, [(1, 9), (20, 30)]);
        assert_eq!(*a.without(&Ranges::of(3, 22)).0, [(1, 2), (23, 30)]);
        assert_eq!(*a.and(&Ranges::of(9, 20)).0, [(9, 9), (20, 20)]);
        assert!(a.covers(&Ranges::of(2, 8)) && !a.covers(&Ranges::of(2, 10)));
        assert!(Ranges::of(0, u128::MAX).without(&Ranges::of(0, u128::MAX)).is_empty());
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
        assert!(invalid.covers(&region("-p tcp --tcp-flags SYN,FIN SYN,FIN"), &all));
        assert!(!invalid.covers(&region("-p tcp --syn"), &all));
    }
}

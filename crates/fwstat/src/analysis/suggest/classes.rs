//! Which packets no rule tells apart.
//!
//! Rules look at a packet by tests, and so does what decides about noise. Two packets that no
//! test tells apart are of one **class**: whatever is found out about the first holds for all
//! of them, so that a line costs a look at its ports and addresses and one look-up. Senders
//! choose ports and addresses, but almost all of them fall into few classes.
//!
//! This is exact: lines with a test that is not known here have no class, and are asked one by
//! one.
//!
//! Responsible for: classes, and remembering by class.
//! Must not know: what is remembered.
//! Tested by: the unit tests below; every answer of the replay in `tests/cli/suggest.rs`
//! against a reading of its own.

use std::net::IpAddr;

use fwrules::{AddressRange, Look, Net, PortSide, Range, Rule, Side, Test};
use hashbrown::HashMap;
use logparse::{FastPacket, Link, MacHeader, Protocol, RawMac};

use super::chain::set_name;
use fwlog::record::Record;
use fwlog::sorting::InOrder as _;

/// Whom a link header is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addressed {
    /// There is no header, or none of a kind that is known.
    Unknown,
    /// Everybody.
    All,
    /// A group.
    Group,
    /// One machine.
    One,
}

impl Addressed {
    /// By a header that was decoded.
    fn header(header: Option<MacHeader>) -> Addressed {
        match header.and_then(|header| header.dst) {
            None => Addressed::Unknown,
            Some(mac) if mac.is_broadcast() => Addressed::All,
            Some(mac) if mac.is_multicast() => Addressed::Group,
            Some(_) => Addressed::One,
        }
    }

    /// By what the bulk path has read: its digits were checked.
    #[inline]
    fn scanned(link: Link<'_>) -> Addressed {
        match link {
            Link::Raw(RawMac([])) => Addressed::Unknown,
            Link::Raw(raw) if raw.0.starts_with(b"ff:ff:ff:ff:ff:ff") => Addressed::All,
            // The lowest bit of the first byte is the group's.
            Link::Raw(RawMac([_, b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f', ..])) => {
                Addressed::Group
            }
            Link::Raw(_) => Addressed::One,
            Link::Decoded(header) => Addressed::header(Some(header)),
            _ => Addressed::Unknown,
        }
    }
}

/// Everything that is asked of a packet.
#[derive(Clone, Debug, Default)]
pub struct Tests {
    source: Vec<AddressRange>,
    destination: Vec<AddressRange>,
    sport: Vec<Range<u16>>,
    dport: Vec<Range<u16>>,
    /// Something is asked that has no classes here.
    more: bool,
}

/// Addresses whose kind their number tells: broadcast, multicast, this host's own.
const SPECIAL: [&str; 6] = ["224.0.0.0/4", "255.255.255.255", "0.0.0.0", "127.0.0.0/8", "ff00::/8", "::/127"];

impl Tests {
    /// What a rule asks.
    pub fn rule(&mut self, rule: &Rule) {
        // Interfaces and the prefix are the same in all lines that begin alike; protocol, flags,
        // type and code and the link's destination are parts of the class as they are. An SPI is
        // never read by the bulk path.
        rule.looks(&mut |look| match look {
            Look::Address(side, test) => match side {
                Side::Source => self.source.extend(test.value),
                Side::Destination => self.destination.extend(test.value),
            },
            Look::Ports(side, test) => {
                if side != PortSide::Destination {
                    self.sport.extend(test.value);
                }
                if side != PortSide::Source {
                    self.dport.extend(test.value);
                }
            }
            // The set of own networks, whose members are asked for by `source`.
            Look::Set { name, .. } if *name == set_name(false) || *name == set_name(true) => {}
            Look::Protocol(_)
            | Look::Version { .. }
            | Look::Interface { .. }
            | Look::BridgePort(_)
            | Look::Transport
            | Look::Fragment(_)
            | Look::Flags(_)
            | Look::Icmp(_)
            | Look::States(_)
            | Look::PacketType
            | Look::Spi(_)
            | Look::Content
            | Look::Beyond => {}
            _ => self.more = true,
        });
    }

    /// A network that sources are asked for.
    pub fn source(&mut self, net: &Net) {
        match net.range() {
            Some(range) => self.source.push(range),
            None => self.more = true,
        }
    }

    /// A network that destinations are asked for.
    pub fn destination(&mut self, net: &Net) {
        match net.range() {
            Some(range) => self.destination.push(range),
            None => self.more = true,
        }
    }

    /// Ports that are asked for.
    pub fn ports(&mut self, source: Option<Test<Range<u16>>>, destination: Option<Test<Range<u16>>>) {
        self.sport.extend(source.map(|test| test.value));
        self.dport.extend(destination.map(|test| test.value));
    }

    /// The classes of these tests; `None` if lines must be asked one by one.
    #[must_use]
    pub fn classes(mut self) -> Option<Classes> {
        // A class is a number of 16 bits.
        let long = self.source.len().max(self.destination.len()) > 1 << 14;
        if self.more || long || self.sport.len().max(self.dport.len()) > 1 << 14 {
            return None;
        }
        self.destination.extend(SPECIAL.iter().filter_map(|net| Net::parse(net)?.range()));
        // A low port that speaks to a high one answers.
        self.sport.push(Range::new(0, 1023));
        self.dport.push(Range::new(1024, u16::MAX));
        let classes = Classes {
            source: Addresses::new(&self.source),
            destination: Addresses::new(&self.destination),
            sport: Ports::new(&self.sport),
            dport: Ports::new(&self.dport),
        };
        (classes.bits() <= u64::BITS).then_some(classes)
    }
}

/// The classes of packets.
#[derive(Debug)]
pub struct Classes {
    source: Addresses,
    destination: Addresses,
    sport: Ports,
    dport: Ports,
}

/// Bits of the front's number, the form, the flags, the link's destination, the family.
const FRONT: u32 = 10;
const FLAGS: u32 = 9;
const REST: u32 = FRONT + 2 + FLAGS + 2 + 1;
/// Bits of what tells packets without ports apart: protocol, type and code.
const PORTLESS: u32 = 24;

impl Classes {
    fn bits(&self) -> u32 {
        REST + self.source.bits + self.destination.bits + self.tail()
    }

    /// Bits of what stands last, with ports or without.
    #[inline]
    fn tail(&self) -> u32 {
        (self.sport.bits + self.dport.bits).max(PORTLESS)
    }

    /// The class of a line that the bulk path read.
    #[inline]
    fn of(&self, scanned: &FastPacket<'_>) -> Option<u64> {
        let addressed = Addressed::scanned(scanned.link());
        let front = scanned.prefix_key().index() as u64;
        let protocol = scanned.protocol().filter(|_| scanned.is_common())?;
        let ports = scanned.sport().zip(scanned.dport());
        let (source, destination, v6) = match (scanned.src_ipv4(), scanned.dst_ipv4()) {
            (Some(src), Some(dst)) => {
                // Whether this is a broadcast is told by both addresses together.
                if addressed == Addressed::Unknown && dst & 0xff == 0xff {
                    return None;
                }
                (self.source.v4(src), self.destination.v4(dst), false)
            }
            _ => {
                // Whether a header comes before UDP is told by the lengths.
                if protocol == Protocol::UDP {
                    return None;
                }
                (self.source.of(scanned.src()), self.destination.of(scanned.dst()), true)
            }
        };
        let mut key = front & ((1 << FRONT) - 1);
        let mut push = |value: u64, bits: u32| key = key << bits | value;
        push(addressed as u64, 2);
        push(u64::from(v6), 1);
        push(u64::from(source), self.source.bits);
        push(u64::from(destination), self.destination.bits);
        match (ports, scanned.tcp_flags()) {
            (Some((sport, dport)), flags) => {
                push(if flags.is_some() { 1 } else { 2 }, 2);
                push(flags.map_or(0, |flags| u64::from(flags.bits())), FLAGS);
                let (sport, dport) = (self.sport.of(sport), self.dport.of(dport));
                push(u64::from(sport) << self.dport.bits | u64::from(dport), self.tail());
            }
            (None, _) => {
                let icmp = scanned.icmp();
                push(if icmp.is_some() { 3 } else { 0 }, 2);
                push(0, FLAGS);
                let (kind, code) = icmp.unwrap_or_default();
                push(u64::from(protocol.0) << 16 | u64::from(kind) << 8 | u64::from(code), self.tail());
            }
        }
        (scanned.prefix_key().index() < 1 << FRONT).then_some(key)
    }
}

/// What was found out about classes. One per thread.
#[derive(Debug)]
pub struct Remembered<'c, V> {
    classes: Option<&'c Classes>,
    known: HashMap<u64, V>,
}

/// Classes remembered at most; then the memory starts anew.
const REMEMBERED: usize = 1 << 16;

impl<'c, V: Copy> Remembered<'c, V> {
    /// Nothing yet; without classes, nothing ever.
    #[must_use]
    pub fn new(classes: Option<&'c Classes>) -> Remembered<'c, V> {
        Remembered { classes, known: HashMap::new() }
    }

    /// What is known about a line's class, or `find` finds out.
    #[inline]
    pub fn get<'a>(&mut self, record: &Record<'a>, find: impl FnOnce(&Record<'a>) -> V) -> V {
        let class = self.classes.zip(record.line.fast()).and_then(|(classes, scanned)| classes.of(scanned));
        let Some(class) = class else { return find(record) };
        if let Some(value) = self.known.get(&class) {
            return *value;
        }
        let value = find(record);
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(class, value);
        value
    }
}

/// Ranges as intervals that no range cuts: where each begins, and its class. Intervals of which
/// the same ranges hold are one class.
fn intervals(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u16)> {
    ranges.order();
    ranges.dedup();
    let ends = ranges.iter().filter_map(|(_, last)| last.checked_add(1));
    let mut starts: Vec<u128> = ranges.iter().map(|(first, _)| *first).chain(ends).chain([0]).collect();
    starts.order();
    starts.dedup();
    // Of very many ranges (a long list of addresses) every interval is a class.
    let merge = ranges.len().saturating_mul(starts.len()) < 1 << 22;
    let mut known: HashMap<Vec<u16>, u16> = HashMap::new();
    let class = |(at, start): (usize, u128)| {
        let class = if merge {
            let holds = |(first, last): &(u128, u128)| (*first..=*last).contains(&start);
            let holding = (0u16..).zip(&ranges).filter(|(_, range)| holds(range)).map(|(i, _)| i).collect();
            let next = known.len() as u16;
            *known.entry(holding).or_insert(next)
        } else {
            at as u16
        };
        (start, class)
    };
    starts.into_iter().enumerate().map(class).collect()
}

/// Bits that numbers below `count` need.
fn bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// Classes of numbers of up to 32 bits: ports and IPv4 addresses.
///
/// Which intervals there are for each upper byte is at hand, and of almost all bytes there is one
/// only. So little memory is looked at that the processor's nearest cache holds it.
#[derive(Debug)]
struct Steps {
    /// Where intervals begin, and their classes.
    starts: Vec<(u32, u16)>,
    /// For each upper byte, the interval that its smallest number lies in; the last one behind.
    first: Vec<u16>,
    /// Bits below the upper byte.
    shift: u32,
}

impl Steps {
    /// Of numbers of this many bits.
    fn new(ranges: Vec<(u128, u128)>, bits: u32) -> Steps {
        let starts: Vec<(u32, u16)> = intervals(ranges)
            .into_iter()
            .filter(|(start, _)| *start < 1 << bits)
            .map(|(start, class)| (start as u32, class))
            .collect();
        let shift = bits - 8;
        let at = |byte: u32| starts.partition_point(|(start, _)| *start <= byte << shift) - 1;
        let first = (0..256).map(at).chain([starts.len() - 1]).map(|at| at as u16).collect();
        Steps { starts, first, shift }
    }

    #[inline(always)]
    fn of(&self, number: u32) -> u16 {
        let byte = (number >> self.shift) as usize;
        let (from, to) = (usize::from(self.first[byte]), usize::from(self.first[byte + 1]));
        if from == to { self.starts[from].1 } else { self.among(from, to, number) }
    }

    fn among(&self, from: usize, to: usize, number: u32) -> u16 {
        let behind = &self.starts[from + 1..=to];
        self.starts[from + behind.partition_point(|(start, _)| *start <= number)].1
    }

    /// One more than the greatest class.
    fn classes(&self) -> usize {
        self.starts.iter().map(|(_, class)| usize::from(*class) + 1).max().unwrap_or(1)
    }
}

/// Classes of ports.
#[derive(Debug)]
struct Ports {
    steps: Steps,
    bits: u32,
}

impl Ports {
    fn new(ranges: &[Range<u16>]) -> Ports {
        let steps = Steps::new(ranges.iter().map(|r| (r.first.into(), r.last.into())).collect(), u16::BITS);
        Ports { bits: bits(steps.classes()), steps }
    }

    #[inline]
    fn of(&self, port: u16) -> u16 {
        self.steps.of(port.into())
    }
}

/// Classes of addresses.
#[derive(Debug)]
struct Addresses {
    v4: Steps,
    /// Where intervals begin, and their classes.
    v6: Vec<(u128, u16)>,
    bits: u32,
}

impl Addresses {
    fn new(ranges: &[AddressRange]) -> Addresses {
        let four = |range: &AddressRange| match (range.first, range.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => Some((first.to_bits().into(), last.to_bits().into())),
            _ => None,
        };
        let six = |range: &AddressRange| match (range.first, range.last) {
            (IpAddr::V6(first), IpAddr::V6(last)) => Some((first.to_bits(), last.to_bits())),
            _ => None,
        };
        let v4 = Steps::new(ranges.iter().filter_map(four).collect(), u32::BITS);
        let v6 = intervals(ranges.iter().filter_map(six).collect());
        let classes = v6.iter().map(|(_, class)| usize::from(*class) + 1).max().unwrap_or(1);
        Addresses { bits: bits(classes.max(v4.classes())), v4, v6 }
    }

    #[inline]
    fn v4(&self, addr: u32) -> u16 {
        self.v4.of(addr)
    }

    #[inline]
    fn of(&self, addr: IpAddr) -> u16 {
        match addr {
            IpAddr::V4(addr) => self.v4(addr.to_bits()),
            IpAddr::V6(addr) => self.v6[self.v6.partition_point(|(start, _)| *start <= addr.to_bits()) - 1].1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_one_class_if_the_same_ranges_hold_them() {
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as u16
        };
        for many in [0, 1, 2, 5, 40] {
            let ranges: Vec<Range<u16>> = (0..many)
                .map(|_| {
                    let (a, b) = (random(), random());
                    Range::new(a.min(b), a.max(b))
                })
                .collect();
            let ports = Ports::new(&ranges);
            let mut seen: HashMap<Vec<bool>, u16> = HashMap::new();
            for port in 0..=u16::MAX {
                let holds = ranges.iter().map(|range| range.contains(port)).collect();
                let class = ports.of(port);
                assert_eq!(*seen.entry(holds).or_insert(class), class, "{port}");
                assert!(u32::from(class) < 1 << ports.bits);
            }
            let classes: std::collections::BTreeSet<u16> = seen.values().copied().collect();
            assert_eq!(classes.len(), seen.len());
        }
    }

    #[test]
    fn addresses_are_told_apart_at_both_ends_of_a_network() {
        let nets = ["10.0.0.0/8", "10.1.2.3", "255.255.255.255", "0.0.0.0", "2001:db8::/64", "::/127"];
        let ranges: Vec<AddressRange> =
            nets.iter().map(|net| Net::parse(net).unwrap().range().unwrap()).collect();
        let addresses = Addresses::new(&ranges);
        let class = |text: &str| addresses.of(text.parse().unwrap());
        assert_eq!(class("10.0.0.0"), class("10.255.255.255"));
        assert_eq!(class("9.255.255.255"), class("11.0.0.0"));
        assert_eq!(class("0.0.0.1"), class("255.255.255.254"));
        for (a, b) in [
            ("10.1.2.3", "10.1.2.4"),
            ("10.1.2.3", "10.1.2.2"),
            ("10.0.0.0", "9.255.255.255"),
            ("0.0.0.0", "0.0.0.1"),
            ("255.255.255.255", "0.0.0.0"),
            ("2001:db8::", "2001:db8:0:1::"),
            ("2001:db8::ffff:ffff:ffff:ffff", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::1", "::2"),
        ] {
            assert_ne!(class(a), class(b), "{a} {b}");
        }
    }

    #[test]
    fn what_has_no_class_is_asked_one_by_one() {
        let classes = |rule: &str| {
            let mut tests = Tests::default();
            tests.rule(&Rule::parse(rule.as_bytes()).unwrap().1);
            tests.classes()
        };
        assert!(classes("-A X -p udp -m udp --dport 138 -j DROP").is_some());
        assert!(classes("-A X ! -s 10.0.0.0/8 -p tcp -m multiport --dports 1,2:9 -j DROP").is_some());
        for other in [
            "-A X -m ttl --ttl-lt 5 -j DROP",
            "-A X -m length --length 40 -j DROP",
            "-A X -m mac --mac-source 00:1b:21:3c:4d:5e -j DROP",
            "-A X -m mark --mark 1 -j DROP",
            "-A X -s 10.0.0.1/255.0.0.255 -j DROP",
            "-A X -p tcp -m tcp --tcp-option 8 -j DROP",
            "-A X -m time --timestart 10:00 -j DROP",
            "-A X -m set --match-set bad src -j DROP",
            "-A X -m addrtype --dst-type LOCAL -j DROP",
        ] {
            assert!(classes(other).is_none(), "{other}");
        }
    }
}

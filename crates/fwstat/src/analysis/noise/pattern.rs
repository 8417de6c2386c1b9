//! Sets of packets of the kind that one rule can describe: what a candidate rule takes, what an
//! exception lets pass, what a ruleset lets in.
//!
//! Responsible for: these sets: whether two have a packet in common, which sightings are in one,
//! and how `iptables` writes it.
//! Must not know: why there is such a set.
//! Tested by: the unit tests below; `tests/cli/suggest.rs` compares with a matcher of its own.

use std::fmt::Write as _;

use fwlog::sorting::InOrder as _;
use fwrules::{Hook, Interface, Net, Range, shell_quote};
use logparse::Protocol;

use super::address::{Nets, net_name, overlap};
use super::sighting::{Sighting, To};
use super::survey::Surveyed;

/// Bits of [`Pattern::to`].
const TO: [(To, u8); 3] = [(To::One, 1), (To::Group, 2), (To::All, 4)];

/// A test for an interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OnInterface {
    /// `!`.
    pub not: bool,
    /// The name, or its beginning with `+`.
    pub name: Interface,
}

impl OnInterface {
    /// Exactly this interface.
    #[must_use]
    pub fn named(name: &[u8]) -> OnInterface {
        let text = fwrules::Text::from(String::from_utf8_lossy(name).as_ref());
        OnInterface { not: false, name: Interface(text) }
    }

    fn holds(&self, name: &[u8]) -> bool {
        self.name.matches(name) != self.not
    }

    /// Whether some interface is in both. Two patterns of which neither is negated, or one is.
    fn meets(&self, other: &OnInterface) -> bool {
        let start = |test: &OnInterface| test.name.wildcard().map(<[u8]>::to_vec);
        match (self.not, other.not) {
            (true, true) => true,
            (true, false) => other.meets(self),
            (false, true) => match (start(self), start(other)) {
                // A name, or all that begin so, can be outside unless all of it is inside.
                (None, _) => other.holds(self.name.0.as_bytes()),
                (Some(own), Some(theirs)) => !own.starts_with(&theirs),
                (Some(_), None) => true,
            },
            (false, false) => match (start(self), start(other)) {
                (None, _) => other.holds(self.name.0.as_bytes()),
                (_, None) => self.holds(other.name.0.as_bytes()),
                (Some(a), Some(b)) => a.starts_with(&b) || b.starts_with(&a),
            },
        }
    }
}

/// A set of packets. Of lists that name values one must hold, an empty list tests nothing; of
/// interfaces all must hold.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Pattern {
    /// IPv6.
    pub v6: bool,
    /// Only where this hook sees them.
    pub hook: Option<Hook>,
    /// `-i`.
    pub input: Vec<OnInterface>,
    /// `-o`.
    pub output: Vec<OnInterface>,
    /// `-s`; more than one need a set.
    pub source: Vec<Net>,
    /// `-d`.
    pub destination: Vec<Net>,
    /// To one host (1), a group (2), a broadcast address (4); 0: to any.
    pub to: u8,
    /// `-p`.
    pub protocol: Vec<u8>,
    /// `--sports`.
    pub sports: Vec<Range<u16>>,
    /// `--dports`.
    pub dports: Vec<Range<u16>>,
    /// ICMP types.
    pub kinds: Vec<u8>,
    /// `--syn`, `! --syn`.
    pub syn: Option<bool>,
    /// Only packets of known connections: no packet of a log's line is one.
    pub known: bool,
}

/// Values that are in both lists, where an empty list is every value; `None` if there is none.
fn both<T: Clone>(a: &[T], b: &[T], meet: impl Fn(&T, &T) -> Option<T>) -> Option<Vec<T>> {
    if a.is_empty() || b.is_empty() {
        return Some(if a.is_empty() { b.to_vec() } else { a.to_vec() });
    }
    let list: Vec<T> = a.iter().flat_map(|x| b.iter().filter_map(|y| meet(x, y))).collect();
    (!list.is_empty()).then_some(list)
}

fn meet_nets(a: &Net, b: &Net) -> Option<Net> {
    if !overlap(a, b) {
        return None;
    }
    // Of two networks one lies in the other; a mask with holes is kept as the wider one is.
    Some(if a.prefix_len() >= b.prefix_len() { *a } else { *b })
}

fn meet_ranges(a: &Range<u16>, b: &Range<u16>) -> Option<Range<u16>> {
    let (first, last) = (a.first.max(b.first), a.last.min(b.last));
    (first <= last).then_some(Range { first, last })
}

fn meet_values(a: &u8, b: &u8) -> Option<u8> {
    (a == b).then_some(*a)
}

impl Pattern {
    /// The bit of a kind of destination.
    #[must_use]
    pub fn bit(to: To) -> u8 {
        TO.iter().find(|(kind, _)| *kind == to).map_or(0, |(_, bit)| *bit)
    }

    /// The packets in both; `None` if there is none.
    #[must_use]
    pub fn and(&self, other: &Pattern) -> Option<Pattern> {
        let mut out = Pattern {
            v6: self.v6,
            hook: self.hook.or(other.hook),
            input: [&self.input[..], &other.input].concat(),
            output: [&self.output[..], &other.output].concat(),
            source: both(&self.source, &other.source, meet_nets)?,
            destination: both(&self.destination, &other.destination, meet_nets)?,
            to: match (self.to, other.to) {
                (0, to) | (to, 0) => to,
                (a, b) => a & b,
            },
            protocol: both(&self.protocol, &other.protocol, meet_values)?,
            sports: both(&self.sports, &other.sports, meet_ranges)?,
            dports: both(&self.dports, &other.dports, meet_ranges)?,
            kinds: both(&self.kinds, &other.kinds, meet_values)?,
            syn: self.syn.or(other.syn),
            known: self.known || other.known,
        };
        let apart = self.syn.zip(other.syn).is_some_and(|(a, b)| a != b);
        let nowhere = self.to != 0 && other.to != 0 && out.to == 0;
        if apart || nowhere || self.v6 != other.v6 {
            return None;
        }
        for list in [&mut out.input, &mut out.output] {
            if list.iter().any(|a| list.iter().any(|b| !a.meets(b))) {
                return None;
            }
            let mut seen = Vec::new();
            list.retain(|test| {
                let new = !seen.contains(test);
                seen.push(test.clone());
                new
            });
        }
        Some(out)
    }

    /// Whether a packet may be in both.
    #[must_use]
    pub fn meets(&self, other: &Pattern) -> bool {
        let hooks = self.hook.zip(other.hook).is_none_or(|(a, b)| a == b);
        let leaves =
            |a: &Pattern, b: &Pattern| a.hook == Some(Hook::Input) && b.output.iter().any(|test| !test.not);
        hooks
            && !leaves(self, other)
            && !leaves(other, self)
            && self.reaches(other)
            && other.reaches(self)
            && self.and(other).is_some()
    }

    /// Whether this surely has all packets of the other. Ports are compared range by range, of all else only equal
    /// tests, and none.
    #[must_use]
    pub fn covers(&self, other: &Pattern) -> bool {
        fn all<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
            wide.is_empty() || wide == narrow
        }
        let ports = |wide: &[Range<u16>], narrow: &[Range<u16>]| {
            let inside = |range: &Range<u16>| {
                wide.iter().any(|wide| wide.contains(range.first) && wide.contains(range.last))
            };
            wide.is_empty() || !narrow.is_empty() && narrow.iter().all(inside)
        };
        (self.v6, self.known) == (other.v6, other.known)
            && (self.hook.is_none() || self.hook == other.hook)
            && all(&self.input, &other.input)
            && all(&self.output, &other.output)
            && all(&self.source, &other.source)
            && all(&self.destination, &other.destination)
            && (self.to == 0 || self.to == other.to)
            && all(&self.protocol, &other.protocol)
            && ports(&self.sports, &other.sports)
            && ports(&self.dports, &other.dports)
            && all(&self.kinds, &other.kinds)
            && (self.syn.is_none() || self.syn == other.syn)
    }

    /// Whether the other's destinations can be of this one's kind.
    fn reaches(&self, other: &Pattern) -> bool {
        let nets = &other.destination;
        if nets.is_empty() || self.to == 0 {
            return true;
        }
        let groups = |net: &Net| net.addr().is_multicast();
        let host = |net: &Net| net.prefix_len() == Some(if net.addr().is_ipv4() { 32 } else { 128 });
        let can = |to: To| match to {
            To::Group => nets.iter().any(|net| groups(net) || !host(net) && net.is_any()),
            To::All => nets.iter().any(|net| {
                let ends = net_name(net).ends_with(".255");
                !groups(net) && net.addr().is_ipv4() && (!host(net) || ends)
            }),
            To::One => nets.iter().any(|net| !groups(net)),
        };
        TO.iter().any(|(to, bit)| self.to & bit != 0 && can(*to))
    }

    /// Whether a packet with these interfaces is in the pattern; for one after another.
    #[must_use]
    pub fn takes(&self, seen: &Sighting, input: &[u8], output: &[u8]) -> bool {
        let nets = |nets: &[Net], number: u128| {
            nets.is_empty() || nets.iter().any(|net| net.contains(super::address::address(number)))
        };
        self.on_path(input, output)
            && self.fits(seen)
            && nets(&self.source, seen.src)
            && nets(&self.destination, seen.dst)
    }

    fn on_path(&self, input: &[u8], output: &[u8]) -> bool {
        let holds = |tests: &[OnInterface], name: &[u8]| tests.iter().all(|test| test.holds(name));
        let hook = if output.is_empty() { Hook::Input } else { Hook::Forward };
        let leaves = if output.is_empty() { self.output.is_empty() } else { holds(&self.output, output) };
        holds(&self.input, input) && leaves && self.hook.is_none_or(|wanted| wanted == hook)
    }

    /// Everything but interfaces and addresses.
    fn fits(&self, seen: &Sighting) -> bool {
        let among = |ranges: &[Range<u16>], port: u16| {
            ranges.is_empty() || seen.ports && ranges.iter().any(|range| range.contains(port))
        };
        !self.known
            && self.v6 == seen.v6
            && (self.protocol.is_empty() || self.protocol.contains(&seen.protocol))
            && (self.to == 0 || self.to & Pattern::bit(seen.to) != 0)
            && self.syn.is_none_or(|syn| seen.protocol == Protocol::TCP.0 && seen.syn == syn)
            && among(&self.dports, seen.dport)
            && among(&self.sports, seen.sport)
            && (self.kinds.is_empty() || self.kinds.contains(&seen.kind))
    }

    /// What the pattern says of sightings, ready for many.
    #[must_use]
    pub fn matcher(&self, log: &Surveyed) -> Matcher<'_> {
        let fronts = log
            .fronts
            .iter()
            .map(|front| self.on_path(log.name(front.input), log.name(front.output)))
            .collect();
        Matcher {
            pattern: self,
            fronts,
            source: Nets::new(&self.source),
            destination: Nets::new(&self.destination),
        }
    }

    /// The conditions in `iptables`' words; `set` is the name for more than one source.
    #[must_use]
    pub fn words(&self, set: &str) -> String {
        let mut out = String::new();
        for (tests, option) in [(&self.input, "-i"), (&self.output, "-o")] {
            // iptables takes one test of each; what it cannot say makes the pattern wider.
            if let Some(test) = tests.iter().find(|test| !test.not).or(tests.first()) {
                let not = if test.not { "! " } else { "" };
                let _ = write!(out, " {not}{option} {}", shell_quote(test.name.0.as_bytes()));
            }
        }
        match &self.source[..] {
            [] => {}
            [one] => {
                let _ = write!(out, " -s {}", net_name(one));
            }
            _ => {
                let _ = write!(out, " -m set --match-set {set} src");
            }
        }
        if let [one] = &self.destination[..] {
            let _ = write!(out, " -d {}", net_name(one));
        }
        if let [one] = self.protocol[..] {
            let name = match Protocol(one) {
                Protocol::TCP => "tcp".to_owned(),
                Protocol::UDP => "udp".to_owned(),
                Protocol::ICMP => "icmp".to_owned(),
                Protocol::ICMPV6 => "ipv6-icmp".to_owned(),
                other => other.0.to_string(),
            };
            let _ = write!(out, " -p {name}");
        }
        if self.to == Pattern::bit(To::All) {
            out.push_str(" -m pkttype --pkt-type broadcast");
        } else if self.to == Pattern::bit(To::Group) && self.destination.is_empty() {
            out.push_str(if self.v6 { " -d ff00::/8" } else { " -d 224.0.0.0/4" });
        }
        match self.syn {
            Some(true) => out.push_str(" -m tcp --tcp-flags FIN,SYN,RST,ACK SYN"),
            Some(false) => out.push_str(" -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN"),
            None => {}
        }
        if self.known {
            out.push_str(" -m conntrack --ctstate RELATED,ESTABLISHED");
        }
        self.port_words(&mut out);
        if let [kind] = self.kinds[..] {
            let text = if self.v6 { "-m icmp6 --icmpv6-type" } else { "-m icmp --icmp-type" };
            let _ = write!(out, " {text} {kind}");
        }
        out
    }

    fn port_words(&self, out: &mut String) {
        let text = |ranges: &[Range<u16>]| {
            let one = |range: &Range<u16>| match range.first == range.last {
                true => range.first.to_string(),
                false => format!("{}:{}", range.first, range.last),
            };
            ranges.iter().map(one).collect::<Vec<_>>().join(",")
        };
        let single = self.sports.len() <= 1 && self.dports.len() <= 1;
        let module = match self.protocol[..] {
            [6] => Some("tcp"),
            [17] => Some("udp"),
            _ => None,
        };
        if let (true, Some(module)) = (single, module) {
            let mut named = false;
            for (ranges, option) in [(&self.sports, "--sport"), (&self.dports, "--dport")] {
                if !ranges.is_empty() {
                    if !named && self.syn.is_none() {
                        let _ = write!(out, " -m {module}");
                        named = true;
                    }
                    let _ = write!(out, " {option} {}", text(ranges));
                }
            }
            return;
        }
        for (ranges, option) in [(&self.sports, "--sports"), (&self.dports, "--dports")] {
            if !ranges.is_empty() {
                let _ = write!(out, " -m multiport {option} {}", text(ranges));
            }
        }
    }
}

/// A pattern ready to be asked for many sightings.
#[derive(Debug)]
pub struct Matcher<'p> {
    pattern: &'p Pattern,
    fronts: Vec<bool>,
    source: Nets,
    destination: Nets,
}

impl Matcher<'_> {
    /// Whether a packet is in the pattern.
    #[must_use]
    pub fn takes(&self, seen: &Sighting) -> bool {
        let p = self.pattern;
        self.fronts[seen.front as usize]
            && p.fits(seen)
            && (p.source.is_empty() || self.source.contains(seen.src))
            && (p.destination.is_empty() || self.destination.contains(seen.dst))
    }
}

/// Ports as ranges, in order, neighbours as one.
#[must_use]
pub fn ranges(ports: impl IntoIterator<Item = u16>) -> Vec<Range<u16>> {
    join(ports.into_iter().map(Range::one).collect())
}

/// Ranges in order, those that touch as one.
#[must_use]
pub fn join(mut list: Vec<Range<u16>>) -> Vec<Range<u16>> {
    list.order();
    let mut out: Vec<Range<u16>> = Vec::new();
    for range in list {
        match out.last_mut() {
            Some(last) if u32::from(range.first) <= u32::from(last.last) + 1 => {
                last.last = last.last.max(range.last);
            }
            _ => out.push(range),
        }
    }
    out
}

/// Places of `multiport` that ranges take.
#[must_use]
pub fn slots(ranges: &[Range<u16>]) -> usize {
    ranges.iter().map(|range| if range.first == range.last { 1 } else { 2 }).sum()
}

/// Ranges cut into lists that `multiport` takes.
#[must_use]
pub fn chunks(ranges: &[Range<u16>], most: usize) -> Vec<Vec<Range<u16>>> {
    let mut out: Vec<Vec<Range<u16>>> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(last) if slots(last) + slots(&[*range]) <= most => last.push(*range),
            _ => out.push(vec![*range]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(name: &str, not: bool) -> OnInterface {
        OnInterface { not, ..OnInterface::named(name.as_bytes()) }
    }

    #[test]
    fn interfaces_meet_if_one_name_is_in_both() {
        let meets = |a: (&str, bool), b: (&str, bool)| on(a.0, a.1).meets(&on(b.0, b.1));
        assert!(meets(("eth0", false), ("eth+", false)) && meets(("eth+", false), ("eth0", false)));
        assert!(!meets(("eth0", false), ("wg0", false)) && !meets(("eth0", false), ("eth0", true)));
        assert!(meets(("eth0", true), ("wg0", false)) && meets(("eth+", false), ("eth0", true)));
        assert!(!meets(("eth1", false), ("eth+", true)) && !meets(("eth1+", false), ("eth+", true)));
        assert!(meets(("e+", false), ("eth+", true)));
    }

    #[test]
    fn a_broadcast_rule_never_meets_what_is_for_a_host_or_a_group() {
        let rule = Pattern { to: Pattern::bit(To::All), ..Pattern::default() };
        let to = |net: &str| Pattern { destination: vec![Net::parse(net).unwrap()], ..Pattern::default() };
        assert!(!rule.meets(&to("192.0.2.7")) && !rule.meets(&to("224.0.0.251")));
        assert!(rule.meets(&to("192.0.2.0/24")) && rule.meets(&to("192.0.2.255")));
        let group = Pattern { to: Pattern::bit(To::Group), ..Pattern::default() };
        assert!(group.meets(&to("224.0.0.251")) && !group.meets(&to("192.0.2.0/24")));
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one() {
        let tcp = |input: &[&str], dports: &[Range<u16>]| Pattern {
            protocol: vec![6],
            input: input.iter().map(|name| OnInterface::named(name.as_bytes())).collect(),
            dports: dports.to_vec(),
            ..Pattern::default()
        };
        let ssh = [Range::one(22)];
        let wide = tcp(&[], &[Range::new(20, 25), Range::one(443)]);
        assert!(wide.covers(&tcp(&[], &ssh)));
        assert!(wide.covers(&tcp(&["eth0"], &[Range::new(20, 21), Range::one(443)])));
        // A port that the wider one lacks, all ports, another protocol, another family, a narrower place.
        assert!(!wide.covers(&tcp(&[], &[Range::new(24, 26)])));
        assert!(!wide.covers(&tcp(&[], &[])));
        assert!(!wide.covers(&Pattern { protocol: vec![17], ..tcp(&[], &ssh) }));
        assert!(!wide.covers(&Pattern { v6: true, ..tcp(&[], &ssh) }));
        assert!(!tcp(&["eth0"], &ssh).covers(&tcp(&[], &ssh)));
    }

    #[test]
    fn words_are_read_back() {
        let pattern = Pattern {
            input: vec![on("eth0", false)],
            protocol: vec![6],
            syn: Some(true),
            dports: ranges([23, 24, 80]),
            ..Pattern::default()
        };
        let text = format!("-A X{} -j DROP", pattern.words(""));
        assert_eq!(
            text,
            "-A X -i eth0 -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 23:24,80 -j DROP"
        );
        assert!(fwrules::Rule::parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn ranges_are_joined_and_cut() {
        assert_eq!(
            join(vec![Range::new(5, 9), Range::one(4), Range::new(65_534, 65_535), Range::one(65_535)]),
            [Range::new(4, 9), Range::new(65_534, 65_535)]
        );
        let many = ranges((0..40).map(|i| i * 10));
        assert!(chunks(&many, 15).iter().all(|chunk| slots(chunk) <= 15));
    }
}

//! One walk over the outside sources: who stands out, and what all others do.
//!
//! Responsible for: looking at each source once, on all threads. There may be a million of them.
//! Must not know: what the crowd's kinds come to (`crowd`), rules, lines.
//! Tested by: `tests/cli/suggest.rs`.

use std::collections::{BTreeMap, BTreeSet};

use fwrules::Net;
use logparse::Protocol;
use rayon::prelude::*;

use super::crowd::Counting;
use super::ground::{Nets, address};
use super::hosts::{Bar, MANY, may_be_slow, may_be_wide, services, width};
use super::packet::{Kind, Reply};
use super::sources::{Lines, Source, Sources};

/// A network or a host that scans.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    pub(super) net: Net,
    pub(super) seen: Lines,
    pub(super) sources: u64,
    protocols: BTreeSet<Option<u8>>,
}

impl Scanner {
    fn new(net: Net, hosts: &[(Source<'_>, Lines)]) -> Scanner {
        let mut scanner =
            Scanner { net, seen: Lines::default(), sources: hosts.len() as u64, protocols: BTreeSet::new() };
        for (source, seen) in hosts {
            scanner.seen.join(*seen);
            scanner.protocols.extend(protocols(source));
        }
        scanner
    }

    /// Its protocol, if it is only one.
    pub(super) fn protocol(&self) -> Option<u8> {
        only(&self.protocols)
    }
}

/// The protocol of a source, if it is only one.
pub(super) fn protocol(source: &Source<'_>) -> Option<u8> {
    only(&protocols(source))
}

fn only(protocols: &BTreeSet<Option<u8>>) -> Option<u8> {
    protocols.first().copied().flatten().filter(|_| protocols.len() == 1)
}

/// What rules can ask for as a protocol; `None`: ICMP, which is two.
fn protocols(source: &Source<'_>) -> BTreeSet<Option<u8>> {
    let mut protocols = BTreeSet::new();
    source.each(|kind, _| {
        protocols.insert(match kind {
            Kind::Request(protocol, _) | Kind::Proto(protocol) => Some(protocol),
            Kind::Reply(Reply::Udp, _) => Some(Protocol::UDP.0),
            Kind::Reply(..) | Kind::Trash(_) => Some(Protocol::TCP.0),
            Kind::Icmp(_) => None,
        });
    });
    protocols
}

/// Lines from which a source is worth a place in a list of the loudest.
const LOUD: u64 = 5;
/// Places in that list.
pub(super) const LOUDEST: usize = 100;

/// The loudest of many sources.
#[derive(Clone, Debug, Default)]
pub(super) struct Loudest(Vec<(u128, Lines)>);

impl Loudest {
    pub(super) fn add(&mut self, key: u128, seen: Lines) {
        if seen.lines >= LOUD {
            self.0.push((key, seen));
            if self.0.len() >= 32 * LOUDEST {
                self.trim();
            }
        }
    }

    fn trim(&mut self) {
        if self.0.len() > LOUDEST {
            self.0.select_nth_unstable_by_key(LOUDEST, Self::order);
            self.0.truncate(LOUDEST);
        }
    }

    fn order((key, seen): &(u128, Lines)) -> (std::cmp::Reverse<u64>, u128) {
        (std::cmp::Reverse(seen.lines), *key)
    }

    /// The loudest first.
    pub(super) fn ranked(mut self) -> Vec<(u128, Lines)> {
        self.trim();
        self.0.sort_unstable_by_key(Self::order);
        self.0
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Sifted<'t> {
    /// Sources in one's own networks; nothing else is known of them here.
    pub(super) own: Vec<Source<'t>>,
    /// In order.
    pub(super) scanners: Vec<Scanner>,
    /// Loud ones at few ports.
    pub(super) floods: Vec<Source<'t>>,
    /// Quiet ones that do enough to be told from the crowd, with the services that they try.
    pub(super) apart: Vec<(Source<'t>, usize)>,
    /// What those do.
    pub(super) of_apart: Counting,
    /// What all other quiet ones do.
    pub(super) crowd: Counting,
    /// The loudest of them.
    pub(super) loudest: Loudest,
    /// Quiet ones that send impossible flags.
    pub(super) trashing: u64,
}

/// Looks at the IPv4 sources of `outside` and at the IPv6 `sites`, which are not one's own.
/// `bits` are those of a source's address.
pub(super) fn sift<'t>(
    outside: &'t Sources,
    sites: &'t Sources,
    own: &Nets,
    bar: Bar,
    bits: (u8, u8),
) -> Sifted<'t> {
    let threads = rayon::current_num_threads();
    // An IPv6 host of one's own was left out before hosts were joined to sites.
    let fours = outside.fours(threads).into_par_iter().map(|part| Sifted::of(part, Some(own), bar, bits));
    let sixes = sites.sixes(threads).into_par_iter().map(|part| Sifted::of(part, None, bar, bits));
    let parts: Vec<Sifted<'_>> = fours.chain(sixes).collect();
    let mut parts = parts.into_iter();
    let mut sifted = parts.next().unwrap_or_default();
    parts.for_each(|part| sifted.join(part));
    sifted.scanners = siblings(std::mem::take(&mut sifted.scanners));
    sifted
}

impl<'t> Sifted<'t> {
    fn of(
        sources: impl Iterator<Item = Source<'t>>,
        own: Option<&Nets>,
        bar: Bar,
        bits: (u8, u8),
    ) -> Sifted<'t> {
        let mut sifted = Sifted::default();
        let mut hosts: Vec<(Source<'_>, Lines)> = Vec::new();
        let mut latest = 0;
        for source in sources {
            let key = source.key();
            if own.is_some_and(|own| own.contains(key)) {
                sifted.own.push(source);
                continue;
            }
            let network = match source {
                Source::V4(_) => key >> (32 - bits.0.min(24)),
                Source::V6(_) => key >> (128 - bits.1.min(64)),
            };
            if network != latest {
                sifted.network(&hosts, bar, bits);
                hosts.clear();
                latest = network;
            }
            hosts.push((source, source.all()));
        }
        sifted.network(&hosts, bar, bits);
        sifted
    }

    /// The hosts of one network: they scan together, or each is what it is.
    fn network(&mut self, hosts: &[(Source<'t>, Lines)], bar: Bar, bits: (u8, u8)) {
        if hosts.len() >= 4 && scan_together(hosts, bar) {
            self.scanners.push(Scanner::new(tightest(hosts, bits), hosts));
            return;
        }
        for one in hosts {
            let (source, seen) = one;
            if !bar.loud(seen) {
                self.quiet(source, *seen);
            } else if source.breadth() < MANY {
                self.floods.push(*source);
            } else {
                let net = Net::new(address(source.key()), width(source.key(), bits));
                self.scanners.push(Scanner::new(net, std::slice::from_ref(one)));
            }
        }
    }

    fn quiet(&mut self, source: &Source<'t>, seen: Lines) {
        let (mut most, mut trash) = (0, 0);
        source.each(|kind, lines| {
            most = most.max(lines);
            trash += if let Kind::Trash(_) = kind { lines } else { 0 };
        });
        self.trashing += u64::from(trash > 0);
        let services = if may_be_wide(source, seen) { services(source) } else { 0 };
        if may_be_slow(services, most, trash) {
            self.apart.push((*source, services));
            self.of_apart.add(source, seen);
        } else {
            self.crowd.add(source, seen);
            self.loudest.add(source.key(), seen);
        }
    }

    fn join(&mut self, other: Sifted<'t>) {
        self.own.extend(other.own);
        self.scanners.extend(other.scanners);
        self.floods.extend(other.floods);
        self.apart.extend(other.apart);
        rayon::join(|| self.of_apart.join(other.of_apart), || self.crowd.join(other.crowd));
        self.loudest.0.extend(other.loudest.0);
        self.trashing += other.trashing;
    }
}

/// Whether hosts of one network try many ports, none of them more than all others.
fn scan_together(hosts: &[(Source<'_>, Lines)], bar: Bar) -> bool {
    let lines: u64 = hosts.iter().map(|(_, seen)| seen.lines).sum();
    if lines < bar.at_least(50, 400) {
        return false;
    }
    let mut ports: BTreeMap<Kind, u64> = BTreeMap::new();
    for (source, _) in hosts {
        source.each(|kind, lines| *ports.entry(kind).or_default() += lines);
    }
    let requests = ports.keys().filter(|kind| matches!(kind, Kind::Request(..))).count();
    let most = ports.values().copied().max().unwrap_or(0);
    requests >= MANY && most * 2 <= lines
}

/// The smallest network that has all of these hosts.
fn tightest(hosts: &[(Source<'_>, Lines)], bits: (u8, u8)) -> Net {
    let (first, last) = (hosts[0].0.key(), hosts[hosts.len() - 1].0.key());
    let same = (first ^ last).leading_zeros().min(128) as u8;
    let addr = address(first);
    let length = if addr.is_ipv4() { same.saturating_sub(96).min(bits.0) } else { same.min(bits.1) };
    Net::new(addr, length)
}

/// Joins two halves of one network as long as there are any; in order.
fn siblings(scanners: Vec<Scanner>) -> Vec<Scanner> {
    let mut joined: Vec<Scanner> = Vec::new();
    for mut scanner in scanners {
        while let Some(other) = joined.last() {
            let (net, half) = (scanner.net, other.net);
            let length = net.prefix_len().unwrap_or(0);
            let halves = length > 16
                && half.prefix_len() == net.prefix_len()
                && half.addr().is_ipv4() == net.addr().is_ipv4()
                && Net::new(half.addr(), length - 1) == Net::new(net.addr(), length - 1);
            let Some(other) = joined.pop_if(|_| halves) else { break };
            scanner.net = Net::new(net.addr(), length - 1);
            scanner.seen.join(other.seen);
            scanner.sources += other.sources;
            scanner.protocols.extend(other.protocols);
        }
        joined.push(scanner);
    }
    joined
}

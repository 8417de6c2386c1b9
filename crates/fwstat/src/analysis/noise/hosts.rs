//! Single sources: one's own hosts, scanners, floods, and those that come slowly.
//!
//! Responsible for: telling sources that stand out from the crowd.
//! Must not know: what the crowd does (`crowd`), rules, lines.
//! Tested by: the unit tests below, `tests/cli/suggest.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fwrules::Net;
use rayon::prelude::*;

use super::crowd::{Counting, kind_name};
use super::ground::{Ground, address, around, collapsed, is_local, number};
use super::names::{self, Habit};
use super::packet::{Kind, Trash};
use super::sources::{Lines, Source};
use super::tally::Tally;
use super::{Found, Friend, Host, Why};

/// How many lines a kind must have to be noise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    pub(super) open: u64,
}

impl Bar {
    pub(super) fn at_least(self, lines: u64, one_in: u64) -> u64 {
        lines.max(self.open / one_in)
    }

    /// What many sources do at a service: lines and sources.
    pub(super) fn radiation(self, habit: Option<Habit>) -> (u64, u64) {
        match habit {
            Some(Habit::Net | Habit::Worm) => (self.at_least(20, 400), 8),
            Some(Habit::Lan) | None => (self.at_least(40, 200), 15),
            Some(Habit::Own) => (self.at_least(60, 100), 20),
        }
    }

    /// One source that fills a good part of the log, or writes it in a hurry.
    pub(super) fn loud(self, seen: &Lines) -> bool {
        // Of almost all sources nothing else has to be asked.
        if seen.lines < self.at_least(100, 1000) {
            return false;
        }
        let hourly = seen.span().map(|span| seen.lines * 3600 / u64::from(span.max(60)));
        let much = seen.lines >= self.at_least(100, 100);
        match seen.span() {
            // 1.5 an hour is 36 a day.
            Some(span) if much => seen.lines * 7200 / u64::from(span.max(60)) >= 3,
            Some(_) => hourly >= Some(60),
            None => much,
        }
    }
}

/// Services at which a source is a scanner rather than somebody with a mistyped port.
const SEVERAL: usize = 3;
/// Ports at which a loud source is a scanner rather than a flood.
pub(super) const MANY: usize = 20;
/// Services named of a host, those with most lines.
const TRIED: usize = 50;
/// Hosts worth a look that are named.
const WATCHED: usize = 1000;
/// Lines of one kind with which a source may stand out from those that do the same.
const OFTEN: u64 = 30;
/// The same for lines with impossible flags.
const FLAGS: u64 = 8;
/// Slow sources spared one by one; more of them are a crowd.
const SPARED: usize = 12;

/// One's own networks: those that are trusted, and the wire that this host is on.
pub(super) fn own_networks(tally: &Tally<'_>, ground: &Ground) -> Vec<Net> {
    let mut nets = ground.trusted.clone();
    for addr in tally.here.sorted().into_keys() {
        // A /64 is one wire. A neighbour in an IPv4 network of the internet is a stranger.
        if addr.is_ipv6() && !is_local(addr) {
            nets.push(around(addr, 24, 64));
        }
    }
    collapsed(nets)
}

/// What one's own hosts sent to this host alone.
pub(super) type Hosts = BTreeMap<IpAddr, (Lines, BTreeMap<Kind, u64>)>;

pub(super) fn hosts(tally: &Tally<'_>, own: &[Source<'_>]) -> Hosts {
    let mut hosts = Hosts::new();
    for (addr, kind, lines) in tally.own.iter() {
        let host = hosts.entry(addr).or_default();
        host.0.join(lines);
        *host.1.entry(kind).or_default() += lines.lines;
    }
    for source in own {
        let host = hosts.entry(address(source.key())).or_default();
        host.0.join(source.all());
        source.each(|kind, lines| *host.1.entry(kind).or_default() += lines);
    }
    hosts
}

/// What is tried there: a port stands for all ports of its service.
fn service_of(kind: Kind) -> Option<Kind> {
    match kind {
        Kind::Request(protocol, port) => {
            let (protocol, port) = names::first(protocol, port);
            Some(Kind::Request(protocol, port))
        }
        // Impossible flags of all kinds are one.
        Kind::Trash(_) => Some(Kind::Trash(Trash::Null)),
        Kind::Icmp(_) | Kind::Proto(_) | Kind::Reply(..) => None,
    }
}

/// How many services are tried.
pub(super) fn services(source: &Source<'_>) -> usize {
    let mut tried: Vec<Kind> = Vec::with_capacity(source.breadth());
    source.each(|kind, _| tried.extend(service_of(kind)));
    tried.sort_unstable();
    tried.dedup();
    tried.len()
}

pub(super) fn width(key: u128, bits: (u8, u8)) -> u8 {
    if address(key).is_ipv4() { bits.0 } else { bits.1 }
}

/// Whether a quiet source did enough for its services to be counted.
#[inline]
pub(super) fn may_be_wide(source: &Source<'_>, seen: Lines) -> bool {
    source.breadth() >= SEVERAL && seen.lines >= 4
}

/// Whether what it did is enough for [`slow`] to be asked about it: services, the most lines of
/// one kind, and those with impossible flags.
#[inline]
pub(super) fn may_be_slow(services: usize, most: u64, trash: u64) -> bool {
    services >= SEVERAL || most >= OFTEN || trash >= FLAGS
}

/// Sources that try several services without being loud, and those that come back to one much
/// more often than the crowd does.
/// `apart` are those that [may be](may_be_slow), `kinds` and `trashing` are of all quiet sources.
pub(super) fn slow<'t>(
    apart: &[(Source<'t>, usize)],
    kinds: &Counting,
    trashing: u64,
    found: &mut Found,
) -> BTreeMap<u128, Source<'t>> {
    let mut wide: Vec<(Source<'_>, usize)> =
        apart.iter().filter(|(_, services)| *services >= SEVERAL).copied().collect();
    let mut several = SEVERAL;
    while wide.len() > SPARED {
        several += 1;
        let before = wide.len();
        wide.retain(|(_, services)| *services >= several);
        if wide.is_empty() {
            found.notes.push(format!(
                "{before} outside sources try {} services each: that is a crowd, they are not spared one by one",
                several - 1
            ));
        }
    }
    let mut slow: BTreeMap<u128, Source<'_>> =
        wide.into_iter().map(|(source, _)| (source.key(), source)).collect();
    let trash = |source: &Source<'_>| {
        let mut lines = 0;
        source.each(|kind, own| lines += if let Kind::Trash(_) = kind { own } else { 0 });
        lines
    };
    let all_trash = kinds.trash();
    let mut loyal: Vec<(u128, Source<'_>)> = apart
        .iter()
        .map(|(source, _)| source)
        .filter(|source| {
            let v6 = address(source.key()).is_ipv6();
            let mut often = false;
            source.each(|kind, lines| {
                if lines < OFTEN {
                    return;
                }
                if let Some(all) = kinds.get(v6, kind) {
                    let others = all.seen.lines.saturating_sub(lines);
                    let mean = others / (all.sources.saturating_sub(1)).max(1);
                    often |= lines >= (10 * mean).max(OFTEN);
                }
            });
            // Stray packets with odd flags come by ones and twos: more of them are a FIN or
            // NULL scan, however quiet.
            let own = trash(source);
            let mean = (all_trash - own) / trashing.saturating_sub(1).max(1);
            often |= own >= (4 * mean).max(FLAGS);
            often
        })
        .map(|source| (source.key(), *source))
        .collect();
    loyal.retain(|(key, _)| !slow.contains_key(key));
    if loyal.len() > SPARED {
        loyal.clear();
    }
    slow.extend(loyal);
    slow
}

/// Who is worth looking at, and who might be let in.
pub(super) fn watch(found: &mut Found, ground: &Ground, own: &Hosts, slow: &BTreeMap<u128, Source<'_>>) {
    let ranked = |kinds: &[(Kind, u64)], v6: bool| {
        let mut names: BTreeMap<String, u64> = BTreeMap::new();
        for (kind, lines) in kinds {
            *names.entry(kind_name(v6, *kind)).or_default() += lines;
        }
        let mut names: Vec<(String, u64)> = names.into_iter().collect();
        names.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
        names.truncate(TRIED);
        names
    };
    for (addr, (seen, kinds)) in own {
        let services: BTreeSet<Kind> = kinds.keys().filter_map(|kind| service_of(*kind)).collect();
        let worm = kinds.keys().any(|kind| match kind {
            Kind::Request(protocol, port) => {
                names::service(*protocol, *port).is_some_and(|service| service.habit == Habit::Worm)
            }
            Kind::Trash(_) => true,
            _ => false,
        });
        let scans = services.len() >= SEVERAL || worm;
        if !scans && ground.is_trusted(*addr) {
            for (kind, lines) in kinds {
                if let Kind::Request(protocol, port) = kind
                    && !ground.listens(addr.is_ipv6(), *protocol, *port)
                {
                    let seen = Lines { lines: *lines, ..*seen };
                    found.friends.push(Friend { addr: *addr, protocol: *protocol, port: *port, seen });
                }
            }
            continue;
        }
        found.hosts.push(Host { addr: *addr, seen: *seen, tried: Vec::new(), why: Why::Own, scans });
    }
    for (key, source) in slow {
        let scans = services(source) >= SEVERAL;
        let (addr, seen) = (address(*key), source.all());
        found.hosts.push(Host { addr, seen, tried: Vec::new(), why: Why::Slow, scans });
    }
    found.hosts.sort_by_key(|host| (!host.scans, std::cmp::Reverse(host.seen.lines), host.addr));
    if found.hosts.len() > WATCHED {
        let more = found.hosts.len() - WATCHED;
        found.notes.push(format!("{more} more hosts of your own networks were seen, with fewer lines"));
        found.hosts.truncate(WATCHED);
    }
    // A host may have tried thousands of ports, each of which has a name.
    found.hosts.par_iter_mut().for_each(|host| {
        let mut kinds: Vec<(Kind, u64)> = Vec::new();
        match host.why {
            Why::Own => kinds.extend(
                own.get(&host.addr)
                    .iter()
                    .flat_map(|(_, kinds)| kinds.iter().map(|(kind, lines)| (*kind, *lines))),
            ),
            _ => slow
                .get(&number(host.addr))
                .into_iter()
                .for_each(|source| source.each(|kind, lines| kinds.push((kind, lines)))),
        }
        host.tried = ranked(&kinds, host.addr.is_ipv6());
    });
    found.friends.sort_by_key(|friend| (std::cmp::Reverse(friend.seen.lines), friend.addr, friend.port));
}

//! Who would be banned: for fail2ban, CrowdSec and ipset.
//!
//! A source address in a UDP packet is a claim, and so is that of any packet that opens nothing.
//! fail2ban is told of TCP near hits only; lists of addresses have networks that scan over most of
//! the log. Own and trusted hosts, and lines that the kernel did not write, are never in them.
//!
//! Responsible for: these lists, and what fail2ban would have done with this log.
//! Must not know: the programs' formats.
//! Tested by: `tests/cli/suggest.rs` with a real fail2ban.

use fwlog::sorting::InOrder as _;
use std::collections::BTreeMap;
use std::net::IpAddr;

use fwrules::Net;
use logparse::Protocol;

use super::lines::seconds;
use super::session::Draft;
use crate::analysis::noise::address::{Nets, address, number, overlap};
use crate::analysis::noise::sighting::{Sighting, To, doubt};
use fwlog::aggregate::Aggregate;
use fwlog::record::Record;

/// fail2ban's `maxretry` and `findtime` in seconds, as the jail says.
pub const RETRIES: usize = 5;
/// Seconds in which they must come.
pub const FIND_TIME: u32 = 600;
/// Sources watched at most.
const SOURCES: usize = 1 << 16;
/// Moments kept of a source.
const MOMENTS: usize = 4096;

/// A network that scans, and what a ban of it would have met in this log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loud {
    /// The network.
    pub net: Net,
    /// Its lines.
    pub lines: u64,
    /// Its addresses with their lines, as far as they were kept; most lines first.
    pub addresses: Vec<(IpAddr, u64)>,
    /// Whether further addresses were not kept.
    pub more: bool,
}

impl Loud {
    /// Networks that scan, most lines first, without those that touch an own network.
    #[must_use]
    pub fn of(draft: &Draft) -> Vec<Loud> {
        let own = &draft.signals.place.own;
        let mut list: Vec<(Net, u64)> = draft
            .advice
            .candidates
            .scanners
            .iter()
            .filter(|(net, _)| !own.iter().any(|own| overlap(own, net)))
            .copied()
            .collect();
        list.order_by_key(|(net, lines)| (std::cmp::Reverse(*lines), net.prefix_len(), net.addr()));
        // A host of a network that is there already adds nothing.
        let mut kept: Vec<Loud> = Vec::new();
        for (net, lines) in list {
            if !kept.iter().any(|other| overlap(&other.net, &net)) {
                kept.push(Loud { net, lines, addresses: Vec::new(), more: false });
            }
        }
        kept
    }
}

/// Counts the addresses of loud networks.
#[derive(Debug)]
pub struct Tally {
    /// First and last address of each network, in order, and its place in the list.
    ranges: Vec<(u128, u128, usize)>,
    seen: BTreeMap<u128, u64>,
    lines: Vec<u64>,
    more: bool,
}

impl Tally {
    /// Nothing yet. The networks have no address in common.
    #[must_use]
    pub fn new(list: &[Loud]) -> Tally {
        let range = |(at, loud): (usize, &Loud)| {
            loud.net.range().map(|range| (number(range.first), number(range.last), at))
        };
        let mut ranges: Vec<(u128, u128, usize)> = list.iter().enumerate().filter_map(range).collect();
        ranges.order();
        Tally { ranges, seen: BTreeMap::new(), lines: vec![0; list.len()], more: false }
    }

    fn place(&self, addr: u128) -> Option<usize> {
        let before = self.ranges.partition_point(|(first, ..)| *first <= addr);
        let (_, last, at) = self.ranges[before.checked_sub(1)?];
        (addr <= last).then_some(at)
    }

    fn trim(&mut self) {
        while self.seen.len() > SOURCES {
            self.seen.pop_last();
            self.more = true;
        }
    }

    /// The networks with what was counted.
    #[must_use]
    pub fn named(mut self, mut list: Vec<Loud>) -> Vec<Loud> {
        self.trim();
        for (loud, lines) in list.iter_mut().zip(&self.lines) {
            (loud.lines, loud.more) = (*lines, self.more);
        }
        for (addr, lines) in &self.seen {
            if let Some(loud) = self.place(*addr).and_then(|at| list.get_mut(at)) {
                loud.addresses.push((address(*addr), *lines));
            }
        }
        for loud in &mut list {
            loud.addresses.order_by_key(|(addr, lines)| (std::cmp::Reverse(*lines), *addr));
        }
        list
    }
}

impl Aggregate for Tally {
    fn add(&mut self, record: &Record<'_>) {
        let Some(src) = record.line.src().map(number) else { return };
        let Some(at) = self.place(src).filter(|_| !record.line.writer().is_foreign()) else { return };
        let packets = u64::from(record.line.repeat());
        self.lines[at] += packets;
        *self.seen.entry(src).or_default() += packets;
        if self.seen.len() > 2 * SOURCES {
            self.trim();
        }
    }

    fn merge(&mut self, other: Self) {
        for (sum, lines) in self.lines.iter_mut().zip(other.lines) {
            *sum += lines;
        }
        for (addr, lines) in other.seen {
            *self.seen.entry(addr).or_default() += lines;
        }
        self.more |= other.more;
        self.trim();
    }
}

/// What the jail looks for.
#[derive(Debug)]
pub struct Jail {
    /// Prefixes of near hits.
    pub prefixes: Vec<Vec<u8>>,
    /// Networks that are never banned.
    pub ignored: Vec<Net>,
    nets: Nets,
}

impl Jail {
    /// Of near hits, and only of prefixes that can be written into a filter literally.
    #[must_use]
    pub fn new(draft: &Draft) -> Jail {
        let literal =
            |prefix: &&Vec<u8>| !prefix.is_empty() && prefix.iter().all(|byte| matches!(byte, b' '..=b'~'));
        let ignored = draft.signals.place.own.clone();
        Jail {
            prefixes: draft.near_prefixes.iter().filter(literal).cloned().collect(),
            nets: Nets::new(&ignored),
            ignored,
        }
    }
}

/// Moments at which sources were seen by the filter.
#[derive(Debug)]
pub struct Watch<'j> {
    jail: &'j Jail,
    seen: BTreeMap<u128, Vec<u32>>,
}

impl<'j> Watch<'j> {
    /// Nothing yet.
    #[must_use]
    pub fn new(jail: &'j Jail) -> Watch<'j> {
        Watch { jail, seen: BTreeMap::new() }
    }

    fn trim(&mut self) {
        while self.seen.len() > SOURCES {
            self.seen.pop_last();
        }
        for moments in self.seen.values_mut().filter(|moments| moments.len() > MOMENTS) {
            moments.sort_unstable();
            moments.truncate(MOMENTS);
        }
    }

    /// Who would have been banned, with the lines of each.
    #[must_use]
    pub fn banned(mut self, jail: &Jail) -> Vec<(IpAddr, u64)> {
        self.trim();
        let mut list: Vec<(IpAddr, u64)> = Vec::new();
        for (src, mut moments) in self.seen {
            moments.sort_unstable();
            let in_time = |window: &[u32]| window[window.len() - 1] - window[0] <= FIND_TIME;
            if moments.windows(RETRIES).any(in_time) && !jail.nets.contains(src) {
                list.push((address(src), moments.len() as u64));
            }
        }
        list.order_by_key(|(addr, lines)| (std::cmp::Reverse(*lines), *addr));
        list
    }
}

impl Aggregate for Watch<'_> {
    fn add(&mut self, record: &Record<'_>) {
        if doubt(record).is_some() || !self.jail.prefixes.iter().any(|prefix| prefix == record.prefix()) {
            return;
        }
        let Some(seen) = Sighting::of(&record.line, 0, 0) else { return };
        let leaves = !record.line.out_iface().is_empty() || record.line.in_iface().is_empty();
        if !seen.syn || seen.protocol != Protocol::TCP.0 || seen.to != To::One || leaves {
            return;
        }
        self.seen.entry(seen.src).or_default().push(seconds(record));
        if self.seen.len() > 2 * SOURCES {
            self.trim();
        }
    }

    fn merge(&mut self, other: Self) {
        for (src, moments) in other.seen {
            self.seen.entry(src).or_default().extend(moments);
        }
        self.trim();
    }
}

//! What is counted of many sources: lines with their time, by source and kind.
//!
//! Responsible for: counting in bounded memory. What may come in any number (outside sources)
//! is kept exactly up to a limit and by network beyond it; everything else is kept for the
//! smallest keys up to a limit. Both depend only on what was seen, not on the order, so that
//! any number of threads gives the same answer.
//! Must not know: what is counted for what.
//! Tested by: the unit tests below.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::ground::number;
use super::packet::Kind;
use super::pairs::{Pair, Pairs};

/// Lines of one kind, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Lines {
    /// How many.
    pub lines: u64,
    /// When the first was written (seconds since 1970; 0: not known).
    pub first: u32,
    /// When the last was written.
    pub last: u32,
}

impl Lines {
    /// Some more, written at one moment.
    #[inline]
    pub fn add(&mut self, lines: u64, when: u32) {
        self.join(Lines { lines, first: when, last: when });
    }

    /// Both.
    pub fn join(&mut self, other: Lines) {
        self.lines += other.lines;
        self.first = match (self.first, other.first) {
            (0, when) | (when, 0) => when,
            (a, b) => a.min(b),
        };
        self.last = self.last.max(other.last);
    }

    /// Seconds from the first to the last; `None` if no time is known.
    #[must_use]
    pub fn span(&self) -> Option<u32> {
        (self.first > 0).then(|| self.last - self.first)
    }
}

/// A map that keeps its smallest keys, up to a limit.
///
/// A key that is among the smallest of everything seen was never thrown out, so its value is
/// exact.
#[derive(Clone, Debug)]
pub struct Bounded<K, V> {
    map: HashMap<K, V>,
    limit: usize,
    /// Nothing above it is kept: so many smaller keys were seen.
    greatest: Option<K>,
}

impl<K: Ord + Hash + Copy, V: Default> Bounded<K, V> {
    /// Nothing yet.
    pub(super) fn new(limit: usize) -> Self {
        Bounded { map: HashMap::new(), limit, greatest: None }
    }

    /// Changes the value of a key, if it is kept.
    #[inline]
    pub(super) fn at(&mut self, key: K, change: impl FnOnce(&mut V)) {
        if self.greatest.is_some_and(|greatest| key > greatest) {
            return;
        }
        change(self.map.entry(key).or_default());
        if self.map.len() >= 2 * self.limit {
            self.trim();
        }
    }

    /// Throws out what is beyond the limit. Needed before anything is asked.
    pub(super) fn trim(&mut self) {
        if self.map.len() > self.limit {
            let mut keys: Vec<K> = self.map.keys().copied().collect();
            let (_, last, _) = keys.select_nth_unstable(self.limit - 1);
            let last = *last;
            self.map.retain(|key, _| *key <= last);
            self.greatest = Some(last);
        }
    }

    /// Takes over what another thread counted.
    pub(super) fn merge(&mut self, other: Self, join: impl Fn(&mut V, V)) {
        for (key, value) in other.map {
            self.at(key, |own| join(own, value));
        }
    }

    /// What is known of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    /// The keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.map.keys()
    }

    /// What is kept, in order.
    #[must_use]
    pub fn sorted(&self) -> BTreeMap<K, &V> {
        self.map.iter().map(|(key, value)| (*key, value)).collect()
    }
}

/// Lines by address and kind, of both families.
#[derive(Clone, Debug)]
struct Both {
    v4: Pairs<u32>,
    v6: Pairs<u128>,
}

impl Both {
    /// The smallest, up to a limit; `largest` as for [`Pairs::new`].
    fn new(limit: usize, largest: usize) -> Both {
        Both { v4: Pairs::new(limit, largest), v6: Pairs::new(limit, largest / 2) }
    }

    fn settle(&mut self) {
        self.v4.settle();
        self.v6.settle();
    }

    fn merge(&mut self, other: Both) {
        rayon::join(|| self.v4.merge(other.v4), || self.v6.merge(other.v6));
    }
}

/// Lines of hosts by address and kind: the smallest, up to a limit; IPv4 before IPv6.
#[derive(Clone, Debug)]
pub struct Hosts {
    pairs: Both,
    limit: usize,
}

impl Hosts {
    /// Nothing yet.
    pub(super) fn new(limit: usize) -> Hosts {
        Hosts { pairs: Both::new(limit, 4 * limit), limit }
    }

    /// Some more lines of a host.
    #[inline]
    pub(super) fn count(&mut self, addr: IpAddr, kind: Kind, lines: u64, when: u32) {
        match addr {
            IpAddr::V4(addr) => self.pairs.v4.count(addr.to_bits(), kind, lines, when),
            IpAddr::V6(addr) => self.pairs.v6.count(addr.to_bits(), kind, lines, when),
        }
    }

    /// Puts everything in order. Needed before anything is joined or asked.
    pub(super) fn settle(&mut self) {
        self.pairs.settle();
        self.truncate();
    }

    /// Takes over what another thread counted.
    pub(super) fn merge(&mut self, other: Hosts) {
        self.pairs.merge(other.pairs);
        self.truncate();
    }

    fn truncate(&mut self) {
        self.pairs.v6.truncate(self.limit - self.pairs.v4.all().len());
    }

    /// What is kept, in order.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, Kind, Lines)> {
        let v4 = self.pairs.v4.iter().map(|(key, kind, seen)| (IpAddr::V4(key.into()), kind, seen));
        v4.chain(self.pairs.v6.iter().map(|(key, kind, seen)| (IpAddr::V6(key.into()), kind, seen)))
    }
}

/// What one outside source did: its pairs.
#[derive(Clone, Copy, Debug)]
pub enum Source<'t> {
    /// Of an IPv4 address or network.
    V4(&'t [Pair<u32>]),
    /// Of an IPv6 address or network.
    V6(&'t [Pair<u128>]),
}

/// Kinds kept of one source.
pub const KINDS: usize = 64;

impl Source<'_> {
    /// Its address as a number.
    #[must_use]
    #[inline]
    pub fn key(&self) -> u128 {
        match self {
            Source::V4(pairs) => number(IpAddr::V4(pairs[0].key.into())),
            Source::V6(pairs) => pairs[0].key,
        }
    }

    #[inline]
    fn pairs(&self, mut with: impl FnMut(u32, Lines)) {
        match self {
            Source::V4(pairs) => pairs.iter().for_each(|pair| with(pair.kind, pair.seen())),
            Source::V6(pairs) => pairs.iter().for_each(|pair| with(pair.kind, pair.seen())),
        }
    }

    /// All of its lines.
    #[must_use]
    #[inline]
    pub fn all(&self) -> Lines {
        let mut all = Lines::default();
        self.pairs(|_, seen| all.join(seen));
        all
    }

    /// Calls `with` for everything it did; of a source that did more than [`KINDS`] things, for
    /// the smallest of them.
    #[inline]
    pub fn each(&self, mut with: impl FnMut(Kind, u64)) {
        self.pairs(|kind, seen| {
            if let Some(kind) = Kind::of_number(kind) {
                with(kind, seen.lines);
            }
        });
    }

    /// How many things it did, [`KINDS`] at most.
    #[must_use]
    #[inline]
    pub fn breadth(&self) -> usize {
        match self {
            Source::V4(pairs) => pairs.len().min(KINDS),
            Source::V6(pairs) => pairs.len().min(KINDS),
        }
    }
}

/// Sources kept one by one; beyond that they are kept by network.
const SOURCES: usize = 7 << 17;
/// Bits kept of an IPv4 and of an IPv6 address, level by level.
const LEVELS: [(u8, u8); 6] = [(32, 128), (28, 64), (24, 56), (20, 48), (16, 40), (12, 32)];

/// Kinds kept of all sources together.
const ALL_KINDS: usize = 1 << 23;

/// Places of the largest table: as much as the processor's cache holds with that of another
/// thread.
const PLACES: usize = 1 << 18;

/// Outside sources.
#[derive(Clone, Debug)]
pub struct Sources {
    pairs: Both,
    /// 0: addresses; more: networks.
    level: usize,
}

impl Default for Sources {
    fn default() -> Sources {
        Sources { pairs: Both::new(usize::MAX, PLACES), level: 0 }
    }
}

fn mask4(addr: u32, level: usize) -> u32 {
    addr & u32::MAX << (32 - LEVELS[level].0)
}

fn mask6(addr: u128, level: usize) -> u128 {
    addr & u128::MAX << (128 - LEVELS[level].1)
}

/// Pairs in so many parts of about one size, none of which ends within a network.
fn split<K: Copy + Eq>(mut pairs: &[Pair<K>], parts: usize, network: impl Fn(K) -> K) -> Vec<&[Pair<K>]> {
    let size = pairs.len().div_ceil(parts.max(1)).max(1);
    let mut list = Vec::new();
    while let Some(last) = pairs.get(size - 1) {
        let same = pairs[size..].iter().take_while(|pair| network(pair.key) == network(last.key)).count();
        let (part, rest) = pairs.split_at(size + same);
        list.push(part);
        pairs = rest;
    }
    list.push(pairs);
    list
}

impl Sources {
    /// Some more lines of a source.
    #[inline]
    pub(super) fn add(&mut self, addr: IpAddr, kind: Kind, lines: u64, when: u32) {
        let full = match addr {
            IpAddr::V4(addr) => self.pairs.v4.add(mask4(addr.to_bits(), self.level), kind, lines, when),
            IpAddr::V6(addr) => self.pairs.v6.add(mask6(addr.to_bits(), self.level), kind, lines, when),
        };
        if full {
            self.settle();
        }
    }

    /// Puts everything in order. Needed before anything is joined or asked.
    pub(super) fn settle(&mut self) {
        self.pairs.settle();
        self.shrink();
    }

    /// From sources to networks, and to wider ones, until there are few enough. How many there
    /// are depends on what was seen alone, and so does where this ends.
    fn shrink(&mut self) {
        loop {
            let (fours, of_fours) = self.pairs.v4.trim(KINDS);
            let (sixes, of_sixes) = self.pairs.v6.trim(KINDS);
            let few = fours + sixes <= SOURCES && of_fours + of_sixes <= ALL_KINDS;
            if few || self.level + 1 == LEVELS.len() {
                return;
            }
            self.coarsen(self.level + 1);
        }
    }

    fn coarsen(&mut self, level: usize) {
        if level > self.level {
            self.level = level;
            self.pairs.v4.rename(|key| mask4(key, level));
            self.pairs.v6.rename(|key| mask6(key, level));
        }
    }

    /// Takes over what another thread counted.
    pub(super) fn merge(&mut self, mut other: Sources) {
        let level = self.level.max(other.level);
        self.coarsen(level);
        other.coarsen(level);
        self.pairs.merge(other.pairs);
        self.shrink();
    }

    /// Bits of IPv4 and IPv6 addresses that are kept: 32 and 128 unless there are too many.
    #[must_use]
    pub fn bits(&self) -> (u8, u8) {
        LEVELS[self.level]
    }

    /// Every source, in order: IPv4 and then IPv6.
    pub fn iter(&self) -> impl Iterator<Item = Source<'_>> {
        self.fours(1).into_iter().flatten().chain(self.sixes(1).into_iter().flatten())
    }

    /// The IPv4 sources in order, in so many parts. The hosts of one /24 are in one.
    pub fn fours(&self, parts: usize) -> Vec<impl Iterator<Item = Source<'_>> + Send> {
        let parts = split(self.pairs.v4.all(), parts, |key| key >> 8);
        parts.into_iter().map(|part| part.chunk_by(|a, b| a.key == b.key).map(Source::V4)).collect()
    }

    /// The IPv6 sources in the same way. The hosts of one /64 are in one part.
    pub fn sixes(&self, parts: usize) -> Vec<impl Iterator<Item = Source<'_>> + Send> {
        let parts = split(self.pairs.v6.all(), parts, |key| key >> 64);
        parts.into_iter().map(|part| part.chunk_by(|a, b| a.key == b.key).map(Source::V6)).collect()
    }

    /// The IPv6 sources that are wanted, by their /64: a host may take any address of it.
    #[must_use]
    pub fn sites(&self, wanted: impl Fn(u128) -> bool) -> Sources {
        let mut sites = Sources::default();
        sites.pairs.v6 = self.pairs.v6.of(wanted);
        sites.pairs.v6.rename(|key| key & u128::MAX << 64);
        sites.pairs.v6.trim(KINDS);
        sites
    }
}

#[cfg(test)]
mod tests {
    use super::super::ground::address;
    use super::*;

    #[test]
    fn the_smallest_keys_are_exact_in_any_order() {
        let build = |order: &mut dyn Iterator<Item = u32>| {
            let mut map: Bounded<u32, u64> = Bounded::new(10);
            for n in order {
                map.at(n % 50, |count| *count += 1);
            }
            map
        };
        let mut up = build(&mut (0..1000));
        let mut down = build(&mut (0..1000).rev());
        let expected: BTreeMap<u32, u64> = (0..10).map(|n| (n, 20)).collect();
        up.trim();
        down.trim();
        let of = |map: &Bounded<u32, u64>| map.sorted().into_iter().map(|(k, v)| (k, *v)).collect();
        assert_eq!(expected, of(&up));
        assert_eq!(expected, of(&down));
        std::mem::swap(&mut up, &mut down);
        up.merge(down, |own, other| *own += other);
        up.trim();
        assert_eq!(up.sorted().len(), 10);
        assert!(up.sorted().values().all(|n| **n == 40));
    }

    #[test]
    fn too_many_sources_are_kept_by_network() {
        let kind = Kind::Request(6, 23);
        let (mut whole, mut left, mut right) = (Sources::default(), Sources::default(), Sources::default());
        for n in 0..(SOURCES as u32 + SOURCES as u32 / 2) {
            let addr = IpAddr::V4(std::net::Ipv4Addr::from_bits(0x2000_0000 + n));
            whole.add(addr, kind, 1, 5);
            if n % 3 == 0 { &mut left } else { &mut right }.add(addr, kind, 1, 5);
        }
        [&mut whole, &mut left, &mut right].into_iter().for_each(Sources::settle);
        left.merge(right);
        assert_eq!(whole.bits(), (28, 64));
        let all = |sources: &Sources| -> Vec<(u128, Lines)> {
            sources.iter().map(|source| (source.key(), source.all())).collect()
        };
        assert_eq!((left.bits(), all(&left)), (whole.bits(), all(&whole)));
        assert!(left.iter().all(|source| source.all().lines == 16));
    }

    #[test]
    fn a_source_has_all_of_its_lines_and_its_smallest_kinds() {
        let mut sources = Sources::default();
        let addr = IpAddr::from([198, 51, 100, 7]);
        let many = KINDS as u16 + 9;
        for port in (1..=many).rev() {
            sources.add(addr, Kind::Request(6, port), u64::from(port), 100 + u32::from(port));
        }
        sources.add(addr, Kind::Request(6, 1), u64::from(u32::MAX), 7);
        sources.settle();
        let all: Vec<Source<'_>> = sources.iter().collect();
        let [source] = all[..] else { panic!("{all:?}") };
        let lines = u64::from(u32::MAX) + u64::from(many) * u64::from(many + 1) / 2;
        assert_eq!(source.all(), Lines { lines, first: 7, last: 100 + u32::from(many) });
        let mut seen = Vec::new();
        source.each(|kind, lines| seen.push((kind, lines)));
        assert_eq!((source.breadth(), seen.len()), (KINDS, KINDS));
        assert_eq!(seen[..2], [(Kind::Request(6, 1), 1 + u64::from(u32::MAX)), (Kind::Request(6, 2), 2)]);
    }

    #[test]
    fn no_part_ends_within_a_network() {
        let mut sources = Sources::default();
        for n in 0..5_000u32 {
            sources.add(IpAddr::V4((0x2000_0000 + n * n).into()), Kind::Request(6, 23), 1, 5);
        }
        sources.settle();
        let whole: Vec<u128> = sources.iter().map(|source| source.key()).collect();
        for many in [1, 2, 3, 64, 10_000] {
            let parts: Vec<Vec<u128>> = sources
                .fours(many)
                .into_iter()
                .map(|part| part.map(|source| source.key()).collect())
                .collect();
            assert_eq!(parts.concat(), whole);
            assert!(parts.len() <= many + 1);
            let full: Vec<&Vec<u128>> = parts.iter().filter(|part| !part.is_empty()).collect();
            assert!(full.windows(2).all(|two| two[0].last().unwrap() >> 8 != two[1][0] >> 8), "{many}");
        }
    }

    #[test]
    fn hosts_of_one_64_are_one_source() {
        let mut sources = Sources::default();
        for text in ["2001:db8::1", "2001:db8::2:3:4:5", "2001:db8:0:1::1", "2001:db8:0:2::1", "198.51.100.7"]
        {
            sources.add(text.parse().unwrap(), Kind::Icmp(128), 1, 5);
        }
        sources.settle();
        let not: std::net::Ipv6Addr = "2001:db8:0:2::1".parse().unwrap();
        let sites = sources.sites(|key| key != not.to_bits());
        let found: Vec<_> =
            sites.iter().map(|site| (address(site.key()).to_string(), site.all().lines)).collect();
        assert_eq!(found, [("2001:db8::".to_owned(), 2), ("2001:db8:0:1::".to_owned(), 1)]);
    }
}

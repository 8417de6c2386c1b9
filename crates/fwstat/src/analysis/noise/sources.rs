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
use hashbrown::hash_map::Entry;

use super::ground::number;
use super::packet::Kind;

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

/// What one outside source did.
///
/// Most sources do one thing only, and there may be a million of them: that takes 16 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Lines of one kind, and when.
    One(Kind, Brief),
    /// More.
    More(Box<More>),
}

/// [`Lines`] that are not many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brief {
    lines: u32,
    first: u32,
    last: u32,
}

/// A source that did several things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct More {
    all: Lines,
    /// In order; the smallest up to a limit.
    kinds: Vec<(Kind, u32)>,
    /// The greatest of them, if there is no room for more.
    greatest: Option<Kind>,
}

/// Kinds kept of one source.
pub const KINDS: usize = 64;

impl Source {
    fn new(kind: Kind, lines: u64, when: u32) -> Source {
        match u32::try_from(lines) {
            Ok(lines) => Source::One(kind, Brief { lines, first: when, last: when }),
            Err(_) => Source::More(Box::new(More {
                all: Lines { lines, first: when, last: when },
                kinds: vec![(kind, u32::MAX)],
                greatest: None,
            })),
        }
    }

    /// All of its lines.
    #[must_use]
    pub fn all(&self) -> Lines {
        match self {
            Source::One(_, Brief { lines, first, last }) => {
                Lines { lines: u64::from(*lines), first: *first, last: *last }
            }
            Source::More(more) => more.all,
        }
    }

    /// Calls `with` for everything it did; of a source that did more than [`KINDS`] things, for
    /// the smallest of them.
    pub fn each(&self, mut with: impl FnMut(Kind, u32)) {
        match self {
            Source::One(kind, brief) => with(*kind, brief.lines),
            Source::More(more) => more.kinds.iter().for_each(|(kind, lines)| with(*kind, *lines)),
        }
    }

    /// How many things it did, [`KINDS`] at most.
    #[must_use]
    pub fn breadth(&self) -> usize {
        match self {
            Source::One(..) => 1,
            Source::More(more) => more.kinds.len(),
        }
    }

    #[inline]
    fn add(&mut self, kind: Kind, lines: u64, when: u32) {
        if let Source::One(own, brief) = self
            && *own == kind
            && let Some(sum) = u32::try_from(lines).ok().and_then(|lines| brief.lines.checked_add(lines))
        {
            let mut all = Lines { lines: 0, first: brief.first, last: brief.last };
            all.add(0, when);
            *brief = Brief { lines: sum, first: all.first, last: all.last };
            return;
        }
        self.widen(|more| {
            more.all.add(lines, when);
            more.add(kind, u32::try_from(lines).unwrap_or(u32::MAX));
        });
    }

    /// Changes the form that has room for everything.
    fn widen(&mut self, with: impl FnOnce(&mut More)) {
        match self {
            Source::More(more) => with(more),
            Source::One(kind, brief) => {
                let kinds = vec![(*kind, brief.lines)];
                let mut more = Box::new(More { all: self.all(), kinds, greatest: None });
                with(&mut more);
                *self = Source::More(more);
            }
        }
    }

    /// Both as one.
    pub fn join(&mut self, other: &Source) {
        match other {
            // Adding no lines widens the span.
            Source::One(kind, brief) => {
                self.add(*kind, u64::from(brief.lines), brief.first);
                self.add(*kind, 0, brief.last);
            }
            Source::More(other) => self.widen(|more| {
                more.all.join(other.all);
                other.kinds.iter().for_each(|(kind, lines)| more.add(*kind, *lines));
            }),
        }
    }
}

impl More {
    #[inline]
    fn add(&mut self, kind: Kind, lines: u32) {
        if self.greatest.is_some_and(|greatest| kind > greatest) {
            return;
        }
        match self.kinds.binary_search_by_key(&kind, |(kind, _)| *kind) {
            Ok(at) => self.kinds[at].1 = self.kinds[at].1.saturating_add(lines),
            Err(at) => {
                self.kinds.truncate(KINDS - 1);
                self.kinds.insert(at, (kind, lines));
                if self.kinds.len() == KINDS {
                    self.greatest = self.kinds.last().map(|(kind, _)| *kind);
                }
            }
        }
    }
}

/// Sources kept one by one; beyond that they are kept by network. As many as a table of 2^20
/// places holds.
const SOURCES: usize = 7 << 17;
/// Bits kept of an IPv4 and of an IPv6 address, level by level.
const LEVELS: [(u8, u8); 6] = [(32, 128), (28, 64), (24, 56), (20, 48), (16, 40), (12, 32)];

/// Kinds kept of all sources together.
const ALL_KINDS: usize = 1 << 23;

/// Outside sources.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    v4: HashMap<u32, Source>,
    v6: HashMap<u128, Source>,
    /// Of all sources together.
    kinds: usize,
    /// 0: addresses; more: networks.
    level: usize,
}

fn mask4(addr: u32, level: usize) -> u32 {
    addr & u32::MAX << (32 - LEVELS[level].0)
}

fn mask6(addr: u128, level: usize) -> u128 {
    addr & u128::MAX << (128 - LEVELS[level].1)
}

impl Sources {
    /// Some more lines of a source.
    #[inline]
    pub(super) fn add(&mut self, addr: IpAddr, kind: Kind, lines: u64, when: u32) {
        let more = match addr {
            IpAddr::V4(addr) => add(&mut self.v4, mask4(addr.to_bits(), self.level), kind, lines, when),
            IpAddr::V6(addr) => add(&mut self.v6, mask6(addr.to_bits(), self.level), kind, lines, when),
        };
        if more > 0 {
            self.kinds += more;
            self.shrink();
        }
    }

    /// From sources to networks, and to wider ones, until there are few enough. How many there
    /// are depends on what was seen alone, and so does where this ends.
    #[inline]
    fn shrink(&mut self) {
        while (self.len() > SOURCES || self.kinds > ALL_KINDS) && self.level + 1 < LEVELS.len() {
            self.coarsen(self.level + 1);
        }
    }

    fn coarsen(&mut self, level: usize) {
        self.level = level;
        let (v4, v6) = (std::mem::take(&mut self.v4), std::mem::take(&mut self.v6));
        self.kinds = 0;
        for (key, source) in v4 {
            self.kinds += join(&mut self.v4, mask4(key, level), source);
        }
        for (key, source) in v6 {
            self.kinds += join(&mut self.v6, mask6(key, level), source);
        }
    }

    /// Takes over what another thread counted.
    pub(super) fn merge(&mut self, mut other: Sources) {
        let level = self.level.max(other.level);
        if self.level < level {
            self.coarsen(level);
        }
        if other.level < level {
            other.coarsen(level);
        }
        if other.len() > self.len() {
            std::mem::swap(self, &mut other);
        }
        for (key, source) in other.v4 {
            self.kinds += join(&mut self.v4, mask4(key, self.level), source);
            self.shrink();
        }
        for (key, source) in other.v6 {
            self.kinds += join(&mut self.v6, mask6(key, self.level), source);
            self.shrink();
        }
    }

    /// Bits of IPv4 and IPv6 addresses that are kept: 32 and 128 unless there are too many.
    #[must_use]
    pub fn bits(&self) -> (u8, u8) {
        LEVELS[self.level]
    }

    /// Every source with its address as a number, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &Source)> {
        let v4 = self.v4.iter().map(|(key, source)| (number(IpAddr::V4((*key).into())), source));
        v4.chain(self.v6.iter().map(|(key, source)| (*key, source)))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Adds lines; gives how many kinds were not there before.
#[inline]
fn add<K: Eq + Hash>(map: &mut HashMap<K, Source>, key: K, kind: Kind, lines: u64, when: u32) -> usize {
    match map.entry(key) {
        Entry::Occupied(mut entry) => {
            let source = entry.get_mut();
            let before = source.breadth();
            source.add(kind, lines, when);
            source.breadth() - before
        }
        Entry::Vacant(entry) => {
            entry.insert(Source::new(kind, lines, when));
            1
        }
    }
}

/// Adds what another thread or a narrower network has; gives how many kinds were not there.
fn join<K: Eq + Hash>(map: &mut HashMap<K, Source>, key: K, source: Source) -> usize {
    match map.entry(key) {
        Entry::Occupied(mut entry) => {
            let own = entry.get_mut();
            let before = own.breadth();
            own.join(&source);
            own.breadth() - before
        }
        Entry::Vacant(entry) => entry.insert(source).breadth(),
    }
}

#[cfg(test)]
mod tests {
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
        left.merge(right);
        assert_eq!(whole.bits(), (28, 64));
        assert_eq!((left.bits(), left.len()), (whole.bits(), whole.len()));
        assert!(left.iter().all(|(_, source)| source.all().lines == 16));
    }

    #[test]
    fn a_source_that_does_one_thing_is_small_and_counts_on() {
        assert_eq!(size_of::<Source>(), 16);
        let (a, b) = (Kind::Request(6, 22), Kind::Request(6, 23));
        let mut source = Source::new(a, 1, 7);
        source.add(a, 2, 5);
        assert_eq!(source.all(), Lines { lines: 3, first: 5, last: 7 });
        source.join(&Source::new(a, 1, 9));
        assert_eq!((source.all(), source.breadth()), (Lines { lines: 4, first: 5, last: 9 }, 1));
        source.add(a, u64::from(u32::MAX), 6);
        assert_eq!(source.all().lines, 4 + u64::from(u32::MAX));
        source.add(b, 1, 0);
        source.join(&Source::new(b, 1, 3));
        let mut seen = Vec::new();
        source.each(|kind, lines| seen.push((kind, lines)));
        assert_eq!(seen, [(a, u32::MAX), (b, 2)]);
        assert_eq!(source.all(), Lines { lines: 6 + u64::from(u32::MAX), first: 3, last: 9 });
    }
}

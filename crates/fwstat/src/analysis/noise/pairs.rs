//! Lines by address and kind of packet.
//!
//! Responsible for: counting them as fast as memory allows, and keeping them in order. What comes
//! is gathered in a table; a table that is full is put in order and joined with what is in order
//! already. So everything that is asked of the pairs later is one walk from front to back.
//! Must not know: whose addresses they are.
//! Tested by: the unit tests below.
//!
//! The table is open addressing in one vector. Pairs come in batches, and the places of a whole
//! batch are read before any is written, so that the processor waits for many places of memory at
//! a time and not for one after the other. Senders choose addresses and ports: the hash is keyed.

use std::hash::{BuildHasher as _, Hash};

use hashbrown::DefaultHashBuilder;

use super::packet::Kind;
use super::sources::Lines;

/// Lines of one address and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Pair<K> {
    /// In a table: none is an empty place.
    pub(super) lines: u64,
    first: u32,
    last: u32,
    pub(super) key: K,
    /// [`Kind::number`], or [`REST`].
    pub(super) kind: u32,
}

/// What stands for all kinds that are not kept; behind all of them.
pub(super) const REST: u32 = u32::MAX;

impl<K> Pair<K> {
    pub(super) fn seen(&self) -> Lines {
        Lines { lines: self.lines, first: self.first, last: self.last }
    }

    #[inline]
    fn join(&mut self, other: &Pair<K>) {
        let mut seen = self.seen();
        seen.join(other.seen());
        (self.lines, self.first, self.last) = (seen.lines, seen.first, seen.last);
    }
}

/// Pairs gathered before their places are looked for.
const BATCH: usize = 64;
/// Places of the first table, and of the largest one for each pair that is kept.
const PLACES: usize = 1 << 10;

/// The smallest pairs of addresses of one size, up to a limit.
///
/// A pair that is among the smallest of everything seen was never thrown out, so its lines are
/// exact: they do not depend on the order in which they came.
#[derive(Clone, Debug)]
pub struct Pairs<K> {
    /// In order, each once.
    run: Vec<Pair<K>>,
    /// A power of two long, at most three quarters full.
    table: Vec<Pair<K>>,
    /// Places of the next table, and of the largest one.
    places: usize,
    largest: usize,
    limit: usize,
    /// Nothing above it is kept: so many smaller pairs were seen.
    greatest: Option<(K, u32)>,
    filled: usize,
    batch: [Pair<K>; BATCH],
    waiting: usize,
    hasher: DefaultHashBuilder,
}

impl<K: Copy + Default + Hash + Ord> Pairs<K> {
    /// Nothing yet. `largest` is the size of the table in which they are gathered.
    pub(super) fn new(limit: usize, largest: usize) -> Self {
        Pairs {
            run: Vec::new(),
            table: Vec::new(),
            places: PLACES,
            largest,
            limit,
            greatest: None,
            filled: 0,
            batch: [Pair::default(); BATCH],
            waiting: 0,
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Some more lines. Gives whether the table is full now: before more comes, it must be
    /// [settled](Pairs::settle).
    #[inline]
    #[must_use]
    pub(super) fn add(&mut self, key: K, kind: Kind, lines: u64, when: u32) -> bool {
        let kind = kind.number();
        if self.greatest.is_some_and(|greatest| (key, kind) > greatest) {
            return false;
        }
        self.batch[self.waiting % BATCH] = Pair { lines, first: when, last: when, key, kind };
        self.waiting += 1;
        self.waiting == BATCH && self.gather()
    }

    /// The same for pairs whose number nothing else depends on.
    #[inline]
    pub(super) fn count(&mut self, key: K, kind: Kind, lines: u64, when: u32) {
        if self.add(key, kind, lines, when) {
            self.settle();
        }
    }

    /// Puts what is waiting into the table.
    fn gather(&mut self) -> bool {
        let waiting = std::mem::take(&mut self.waiting);
        if self.table.is_empty() {
            self.table.resize(self.places, Pair::default());
        }
        let mask = self.table.len() - 1;
        let mut places = [0; BATCH];
        let mut touched = 0;
        for (place, pair) in places.iter_mut().zip(&self.batch[..waiting]) {
            *place = self.hasher.hash_one((pair.key, pair.kind)) as usize & mask;
            touched ^= self.table[*place].kind;
        }
        // Keeps the reads above, whose only purpose is to be under way.
        std::hint::black_box(touched);
        for (place, pair) in places.into_iter().zip(&self.batch[..waiting]) {
            let mut at = place;
            loop {
                let own = &mut self.table[at];
                if own.lines == 0 {
                    *own = *pair;
                    self.filled += 1;
                    break;
                }
                if own.key == pair.key && own.kind == pair.kind {
                    own.join(pair);
                    break;
                }
                at = (at + 1) & mask;
            }
        }
        (self.filled + BATCH) * 4 > self.table.len() * 3
    }

    /// Puts everything in order. Needed before anything is asked, too.
    pub(super) fn settle(&mut self) {
        if self.waiting == 0 && self.filled == 0 {
            return;
        }
        self.gather();
        let mut pairs = std::mem::take(&mut self.table);
        pairs.retain(|pair| pair.lines > 0);
        pairs.sort_unstable_by_key(|pair| (pair.key, pair.kind));
        self.join(&pairs);
        pairs.clear();
        self.table = pairs;
        self.filled = 0;
        self.places = (2 * self.places).min(self.largest);
    }

    /// Takes over what is in order elsewhere.
    pub(super) fn merge(&mut self, other: Pairs<K>) {
        self.table = Vec::new();
        self.join(&other.run);
    }

    /// Joins pairs that are in order into those that are, from behind: nothing is overwritten
    /// before it was read.
    fn join(&mut self, mut other: &[Pair<K>]) {
        let run = &mut self.run;
        let mut left = run.len();
        run.resize(left + other.len(), Pair::default());
        let mut to = run.len();
        while let Some((pair, before)) = other.split_last() {
            let own = left.checked_sub(1).map(|at| &mut run[at]);
            match own {
                Some(own) if (own.key, own.kind) > (pair.key, pair.kind) => {
                    let own = *own;
                    left -= 1;
                    to -= 1;
                    run[to] = own;
                    continue;
                }
                Some(own) if (own.key, own.kind) == (pair.key, pair.kind) => own.join(pair),
                _ => {
                    to -= 1;
                    run[to] = *pair;
                }
            }
            other = before;
        }
        run.drain(left..to);
        self.truncate(self.limit);
    }

    /// Those whose keys are wanted.
    pub(super) fn of(&self, wanted: impl Fn(K) -> bool) -> Pairs<K> {
        let run = self.run.iter().filter(|pair| wanted(pair.key)).copied().collect();
        Pairs { run, ..Pairs::new(self.limit, self.largest) }
    }

    /// Changes all keys, in an order that stays as it is.
    pub(super) fn rename(&mut self, name: impl Fn(K) -> K) {
        self.run.iter_mut().for_each(|pair| pair.key = name(pair.key));
        for same in self.run.chunk_by_mut(|a, b| a.key == b.key) {
            same.sort_unstable_by_key(|pair| pair.kind);
        }
        self.run.dedup_by(|pair, before| {
            let same = (pair.key, pair.kind) == (before.key, before.kind);
            if same {
                before.join(pair);
            }
            same
        });
    }

    /// Keeps the smallest kinds of each key; what the others come to stands behind them as
    /// [`REST`]. Gives how many keys there are, and how many kinds of all of them.
    ///
    /// A kind that is among the smallest of everything seen was never thrown out, so it is
    /// exact.
    pub(super) fn trim(&mut self, kinds: usize) -> (usize, usize) {
        let (mut keys, mut all, mut of_key) = (0, 0, 0);
        let mut latest = None;
        // What is looked at first is not asked about: it is always the smallest.
        if let Some(first) = self.run.first() {
            (keys, all, of_key, latest) = (1, 1, 1, Some(first.key));
        }
        self.run.dedup_by(|pair, before| {
            if latest != Some(pair.key) {
                (keys, of_key, latest) = (keys + 1, 0, Some(pair.key));
            }
            of_key += 1;
            all += usize::from(of_key <= kinds);
            if of_key == kinds + 1 {
                pair.kind = REST;
            } else if of_key > kinds {
                before.join(pair);
                return true;
            }
            false
        });
        (keys, all)
    }

    /// Keeps the smallest pairs.
    pub(super) fn truncate(&mut self, most: usize) {
        if self.run.len() > most {
            self.run.truncate(most);
            self.greatest = self.run.last().map(|pair| (pair.key, pair.kind));
        }
    }

    /// All of them, in order, if they are settled.
    pub(super) fn all(&self) -> &[Pair<K>] {
        &self.run
    }

    /// The same with their kinds.
    pub fn iter(&self) -> impl Iterator<Item = (K, Kind, Lines)> {
        self.run.iter().filter_map(|pair| Some((pair.key, Kind::of_number(pair.kind)?, pair.seen())))
    }

    /// What is known of one.
    #[must_use]
    pub fn get(&self, key: K, kind: Kind) -> Option<Lines> {
        let pair = (key, kind.number());
        let at = self.run.binary_search_by_key(&pair, |pair| (pair.key, pair.kind)).ok()?;
        Some(self.run[at].seen())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Any number of pairs, the same for the same seed.
    fn some(seed: u64, many: usize, keys: u64, ports: u64) -> impl Iterator<Item = (u32, Kind, u32)> {
        let mut state = seed;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        (0..many).map(move |_| {
            let kind = Kind::Request(6, (random() % ports) as u16);
            ((random() % keys) as u32, kind, (random() % 1000) as u32)
        })
    }

    fn all_pairs() -> Pairs<u32> {
        Pairs::new(usize::MAX, 1 << 12)
    }

    fn counted(list: impl Iterator<Item = (u32, Kind, u32)>) -> Pairs<u32> {
        let mut pairs = all_pairs();
        list.for_each(|(key, kind, when)| pairs.count(key, kind, 1, when));
        pairs.settle();
        pairs
    }

    #[test]
    fn pairs_are_counted_exactly_and_in_order() {
        for (many, keys, ports) in
            [(0, 1, 1), (63, 9, 9), (64, 9, 9), (100_000, 40_000, 3), (50_000, 3, 9_000)]
        {
            let mut expected: BTreeMap<(u32, u32), Lines> = BTreeMap::new();
            for (key, kind, when) in some(7, many, keys, ports) {
                expected.entry((key, kind.number())).or_default().add(1, when);
            }
            let whole = counted(some(7, many, keys, ports));
            let mut left = counted(some(7, many, keys, ports).take(many / 3));
            left.merge(counted(some(7, many, keys, ports).skip(many / 3)));
            for pairs in [&whole, &left] {
                let found: Vec<_> =
                    pairs.all().iter().map(|pair| ((pair.key, pair.kind), pair.seen())).collect();
                assert_eq!(found, expected.iter().map(|(key, seen)| (*key, *seen)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_smallest_kinds_are_exact_and_nothing_is_lost() {
        let all = || some(3, 20_000, 5, 300);
        let mut whole = counted(all());
        let exact = whole.clone();
        assert_eq!(whole.trim(10), (5, 50));
        // Trimmed again and again, as it is while lines come.
        let mut parts = all_pairs();
        for from in (0..20_000).step_by(1000) {
            parts.merge(counted(all().skip(from).take(1000)));
            parts.trim(10);
        }
        assert_eq!(whole.all(), parts.all());
        for (trimmed, exact) in
            whole.all().chunk_by(|a, b| a.key == b.key).zip(exact.all().chunk_by(|a, b| a.key == b.key))
        {
            assert_eq!(trimmed[..10], exact[..10]);
            let mut rest = Lines::default();
            exact[10..].iter().for_each(|pair| rest.join(pair.seen()));
            assert_eq!((trimmed.len(), trimmed[10].kind, trimmed[10].seen()), (11, REST, rest));
        }
    }

    #[test]
    fn the_smallest_pairs_are_exact_in_any_order() {
        let list: Vec<_> = some(11, 60_000, 5_000, 4).collect();
        let least = |list: &mut dyn Iterator<Item = &(u32, Kind, u32)>| {
            let mut pairs = Pairs::new(100, 1 << 10);
            list.for_each(|(key, kind, when)| pairs.count(*key, *kind, 1, *when));
            pairs.settle();
            pairs
        };
        let (up, down) = (least(&mut list.iter()), least(&mut list.iter().rev()));
        let mut both = least(&mut list[..20_000].iter());
        both.merge(least(&mut list[20_000..].iter()));
        let exact = counted(list.iter().copied());
        for pairs in [up, down, both] {
            assert_eq!(pairs.all(), &exact.all()[..100]);
            assert_eq!(pairs.iter().count(), 100);
            let (key, kind, seen) = pairs.iter().nth(70).unwrap();
            assert_eq!(pairs.get(key, kind), Some(seen));
            assert_eq!(pairs.get(4_999, kind), None);
        }
    }

    #[test]
    fn keys_that_become_one_are_joined() {
        let mut pairs = counted(some(5, 30_000, 400, 20));
        pairs.rename(|key| key & !15);
        let joined = counted(some(5, 30_000, 400, 20).map(|(key, kind, when)| (key & !15, kind, when)));
        assert_eq!(pairs.all(), joined.all());
    }
}

//! The most frequent keys of a stream without end, in memory that does not grow.
//!
//! Responsible for: counts with a bound on what each may lack, and which keys are let go of.
//! Must not know: what the keys are.
//! Tested by: the unit tests below, against exact counts.
//!
//! As Space-Saving does (Metwally, Agrawal, El Abbadi 2005), a key that comes when there is no room takes the place of
//! the least frequent, and may have come before as often as that one did. Here half of the keys are let go of at once,
//! which costs the same for each record whatever the room is. As long as there is room, all counts are exact.

use std::hash::Hash;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::distinct::{Distinct, hash};

/// Keys that [`Bounded::add_all`] counts together.
const TOGETHER: usize = 64;

/// How often a key came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// It came so often, for certain.
    pub certain: u64,
    /// And at most so many times more, before it was counted.
    pub more: u64,
}

impl Count {
    fn most(self) -> u64 {
        self.certain + self.more
    }
}

/// Counts of at most so many keys.
#[derive(Clone, Debug)]
pub struct Bounded<K> {
    counts: HashTable<(K, Count)>,
    room: usize,
    /// A key that is not there came at most so often.
    missed: u64,
    total: u64,
    /// Since keys were let go of.
    distinct: Option<Distinct>,
    /// There were at least so many different keys: from a state, in which no more is kept of them.
    at_least: u64,
}

impl<K: Hash + Ord + Clone> Bounded<K> {
    /// Counts of at most `room` keys.
    #[must_use]
    pub fn new(room: usize) -> Bounded<K> {
        Bounded {
            counts: HashTable::new(),
            room: room.max(2),
            missed: 0,
            total: 0,
            distinct: None,
            at_least: 0,
        }
    }

    /// The memory that so many keys take in the end, but for what a key holds elsewhere.
    #[must_use]
    pub fn room_in(bytes: u64) -> usize {
        // A table is a power of two long and at most seven eighths full; a byte for each place beside its entry.
        let places = bytes / (size_of::<(K, Count)>() as u64 + 1);
        let places = if places == 0 { 0 } else { 1 << places.ilog2() };
        usize::try_from(places / 8 * 7).unwrap_or(usize::MAX / 2).saturating_sub(1)
    }

    /// What was kept of counts: each key with its count; how often one that is not there came at most; the sum of all
    /// counts; and how many keys there were at least.
    pub(super) fn kept(
        counts: Vec<(K, Count)>,
        room: usize,
        missed: u64,
        total: u64,
        at_least: u64,
    ) -> Bounded<K> {
        let mut bounded = Bounded::new(room.max(counts.len()));
        bounded.put(counts);
        Bounded { missed, total, at_least, ..bounded }
    }

    /// Keys at most.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Takes all memory that is needed for as many keys as there is room for, at once: a table that grows needs the
    /// old and the new place at the same time.
    #[must_use]
    pub fn reserved(mut self) -> Bounded<K> {
        self.counts.reserve(self.room + 1, |(key, _)| hash(key));
        self
    }

    /// Puts keys in that are not there, and differ.
    fn put(&mut self, counts: Vec<(K, Count)>) {
        self.counts.reserve(counts.len(), |(key, _)| hash(key));
        for (key, count) in counts {
            self.counts.insert_unique(hash(&key), (key, count), |(key, _)| hash(key));
        }
    }

    /// Counts a key that came so many times; whether it was not there before.
    pub fn add(&mut self, key: K, times: u64) -> bool {
        self.total += times;
        self.count(hash(&key), key, Count { certain: times, more: 0 })
    }

    /// Counts many keys that came so many times each. In a large table that takes less time than one after the other: the
    /// places of many are looked up before any is written, so that the processor waits for all of these at a time.
    pub fn add_all(&mut self, keys: impl IntoIterator<Item = (K, u64)>) {
        let mut keys = keys.into_iter();
        let mut some = Vec::with_capacity(TOGETHER);
        loop {
            some.extend(keys.by_ref().take(TOGETHER).map(|(key, times)| (hash(&key), key, times)));
            if some.is_empty() {
                return;
            }
            let known =
                |(hash, key, _): &&(u64, K, u64)| self.counts.find(*hash, |(k, _)| k == key).is_some();
            // Keeps the looks, whose only purpose is to be under way.
            std::hint::black_box(some.iter().filter(known).count());
            for (hash, key, times) in some.drain(..) {
                self.total += times;
                self.count(hash, key, Count { certain: times, more: 0 });
            }
        }
    }

    /// Adds to the count of a key with this hash; whether it was not there before.
    fn count(&mut self, hashed: u64, key: K, count: Count) -> bool {
        if let Some(distinct) = &mut self.distinct {
            distinct.add_hash(hashed);
        }
        let missed = self.missed;
        let is_new = match self.counts.entry(hashed, |(known, _)| *known == key, |(key, _)| hash(key)) {
            Entry::Occupied(mut entry) => {
                let (_, own) = entry.get_mut();
                own.certain += count.certain;
                own.more += count.more;
                false
            }
            Entry::Vacant(place) => {
                place.insert((key, Count { more: missed + count.more, ..count }));
                true
            }
        };
        if self.counts.len() > self.room {
            self.let_go();
        }
        is_new
    }

    /// Lets go of the less frequent half.
    fn let_go(&mut self) {
        if self.distinct.is_none() {
            let mut distinct = Distinct::default();
            self.counts.iter().for_each(|(key, _)| distinct.add(key));
            self.distinct = Some(distinct);
        }
        let mut most: Vec<u64> = self.counts.iter().map(|(_, count)| count.most()).collect();
        let middle = most.len() - 1 - (self.room / 2).min(most.len() - 1);
        let bar = *most.select_nth_unstable(middle).1;
        self.missed = self.missed.max(bar);
        // Out and in again: places that were taken would make the table grow.
        let kept: Vec<(K, Count)> = self.counts.drain().filter(|(_, count)| count.most() > bar).collect();
        self.put(kept);
    }

    fn find(&self, key: &K) -> Option<&Count> {
        self.counts.find(hash(key), |(known, _)| known == key).map(|(_, count)| count)
    }

    /// How often a key came; of one that is not there nothing is certain.
    #[must_use]
    pub fn get(&self, key: &K) -> Count {
        self.find(key).copied().unwrap_or(Count { certain: 0, more: self.missed })
    }

    /// The `limit` most frequent keys, by what is certain; ties by key.
    #[must_use]
    pub fn top(&self, limit: usize) -> Vec<(K, Count)> {
        let mut all: Vec<(&K, &Count)> = self.counts.iter().map(|(key, count)| (key, count)).collect();
        let order =
            |a: &(&K, &Count), b: &(&K, &Count)| b.1.certain.cmp(&a.1.certain).then_with(|| a.0.cmp(b.0));
        if limit < all.len() {
            all.select_nth_unstable_by(limit, order);
            all.truncate(limit);
        }
        all.sort_unstable_by(order);
        all.into_iter().map(|(key, count)| (key.clone(), *count)).collect()
    }

    /// The sum of all counts.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// A key that is not counted came at most so often; 0: all counts are exact.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// How many different keys there were, and whether that is exact.
    #[must_use]
    pub fn distinct(&self) -> (u64, bool) {
        match &self.distinct {
            None if self.at_least == 0 => (self.counts.len() as u64, true),
            None => (self.at_least.max(self.counts.len() as u64), false),
            Some(distinct) => (distinct.count().max(self.at_least).max(self.counts.len() as u64), false),
        }
    }

    /// Every key that is there, in no order.
    pub fn each(&self, mut with: impl FnMut(&K, Count)) {
        self.counts.iter().for_each(|(key, count)| with(key, *count));
    }

    /// Takes over what another has counted, of other records.
    pub fn merge(&mut self, other: &Bounded<K>) {
        match (&mut self.distinct, &other.distinct) {
            (Some(own), Some(theirs)) => own.merge(theirs),
            (None, Some(theirs)) => {
                let mut distinct = theirs.clone();
                self.counts.iter().for_each(|(key, _)| distinct.add(key));
                self.distinct = Some(distinct);
            }
            (_, None) => {}
        }
        if other.missed > 0 {
            for (key, count) in &mut self.counts {
                if other.find(key).is_none() {
                    count.more += other.missed;
                }
            }
        }
        // Keys are let go of on the way, or the table would grow beside the other one. One that goes and comes again lacks
        // what went.
        for (key, theirs) in &other.counts {
            self.count(hash(key), key.clone(), *theirs);
        }
        self.missed += other.missed;
        self.total += other.total;
        self.at_least = self.at_least.max(other.at_least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Random numbers, the same every time.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % n
        }
    }

    /// Every count against the exact one.
    fn check(bounded: &Bounded<u32>, exact: &BTreeMap<u32, u64>) {
        assert_eq!(bounded.total(), exact.values().sum::<u64>());
        for (key, true_count) in exact {
            let Count { certain, more } = bounded.get(key);
            assert!(
                (certain..=certain + more).contains(true_count),
                "{key}: {true_count} is not in {certain}+{more}"
            );
        }
    }

    #[test]
    fn as_long_as_there_is_room_counts_are_exact() {
        let mut bounded = Bounded::new(100);
        for n in 0..1_000u32 {
            assert_eq!(bounded.add(n % 100, 1), n < 100);
        }
        assert_eq!((bounded.missed(), bounded.distinct()), (0, (100, true)));
        assert_eq!(
            bounded.top(2),
            [(0, Count { certain: 10, more: 0 }), (1, Count { certain: 10, more: 0 })]
        );
    }

    #[test]
    fn the_frequent_are_found_among_many_that_come_once() {
        for seed in 0..5 {
            let mut random = Random(seed);
            let (mut bounded, mut exact) = (Bounded::new(1_000), BTreeMap::new());
            for n in 0..200_000u32 {
                // One in ten is of twenty keys, the first more often than the last.
                let key = match random.below(10) {
                    0 => random.below(1 + random.0 % 20) as u32,
                    _ => 1_000 + n,
                };
                bounded.add(key, 1);
                *exact.entry(key).or_default() += 1;
            }
            check(&bounded, &exact);
            assert!(bounded.missed() < 200_000 / 400, "{}", bounded.missed());
            let mut wanted: Vec<u32> = (0..20).collect();
            wanted.sort_by_key(|key| (std::cmp::Reverse(exact[key]), *key));
            let found: Vec<u32> = bounded.top(10).into_iter().map(|(key, _)| key).collect();
            assert_eq!(found, wanted[..10]);
            let (distinct, is_exact) = bounded.distinct();
            assert!(!is_exact && (distinct as f64 / exact.len() as f64 - 1.0).abs() < 0.033, "{distinct}");
        }
    }

    #[test]
    fn joined_counts_keep_the_bound() {
        let mut random = Random(9);
        let mut parts: Vec<Bounded<u32>> = (0..8).map(|_| Bounded::new(64)).collect();
        let mut exact = BTreeMap::new();
        for n in 0..40_000u32 {
            let key =
                if random.below(3) == 0 { random.below(8) as u32 } else { 100 + random.below(5_000) as u32 };
            parts[(n / 5_000) as usize].add(key, 1 + u64::from(key % 3 == 0));
            *exact.entry(key).or_default() += 1 + u64::from(key % 3 == 0);
        }
        let mut all = Bounded::new(64);
        parts.iter().for_each(|part| all.merge(part));
        check(&all, &exact);
        let mut backwards = Bounded::new(64);
        parts.iter().rev().for_each(|part| backwards.merge(part));
        check(&backwards, &exact);
    }
}

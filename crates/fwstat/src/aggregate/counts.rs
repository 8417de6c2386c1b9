//! How often each key occurs.
//!
//! Responsible for: exact counts of any number of keys, and the most frequent of them.
//! Must not know: what keys are for.
//! Tested by: the unit tests below, `tests/top.rs` against awk.
//!
//! Keys come off the wire, so whoever sends packets chooses them: the hash is seeded anew in
//! every process. A key of up to seven bytes (an IPv4 address, a port with a protocol) is kept
//! in a word; longer ones lie one behind the other in one vector.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::Aggregate;
use super::key::{self, Cell};
use crate::record::{Field, Record, Value};

/// Counts by key.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    fields: Vec<Field>,
    /// Whether records that lack the first field are left out.
    present: bool,
    short: HashMap<u64, u64>,
    long: HashTable<Slot>,
    keys: Vec<u8>,
    hasher: DefaultHashBuilder,
    scratch: Vec<u8>,
}

/// A long key's place in `keys`, and its count.
#[derive(Clone, Copy, Debug)]
struct Slot {
    at: u64,
    len: u32,
    count: u64,
}

impl Slot {
    fn key(self, keys: &[u8]) -> &[u8] {
        &keys[self.at as usize..][..self.len as usize]
    }
}

/// One key with its count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The values of the key.
    pub cells: Vec<Cell>,
    /// How often.
    pub count: u64,
}

/// The most frequent keys, and what the others add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// The most frequent first; ties by key.
    pub rows: Vec<Row>,
    /// How many keys there are.
    pub distinct: u64,
    /// The sum of all counts.
    pub total: u64,
}

impl Ranked {
    /// The sum of the counts that are not in `rows`.
    #[must_use]
    pub fn rest(&self) -> u64 {
        self.total - self.rows.iter().map(|row| row.count).sum::<u64>()
    }
}

impl Counts {
    /// Counts by these fields.
    #[must_use]
    pub fn by(fields: Vec<Field>) -> Counts {
        Counts { fields, ..Counts::default() }
    }

    /// Leaves records out that do not have the first field.
    #[must_use]
    pub fn only_present(mut self) -> Counts {
        self.present = true;
        self
    }

    /// The fields counted by.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How many keys there are.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        (self.short.len() + self.long.len()) as u64
    }

    fn add_key(&mut self, key: &[u8], count: u64) {
        if let Some(word) = pack(key) {
            *self.short.entry(word).or_default() += count;
            return;
        }
        let hash = self.hasher.hash_one(key);
        let keys = &self.keys;
        let found =
            self.long.entry(hash, |slot| slot.key(keys) == key, |slot| self.hasher.hash_one(slot.key(keys)));
        match found {
            hashbrown::hash_table::Entry::Occupied(mut slot) => slot.get_mut().count += count,
            hashbrown::hash_table::Entry::Vacant(place) => {
                place.insert(Slot { at: self.keys.len() as u64, len: key.len() as u32, count });
                self.keys.extend_from_slice(key);
            }
        }
    }

    /// Every key with its count, in no order.
    fn each(&self, mut with: impl FnMut(&[u8], u64)) {
        for (word, count) in &self.short {
            let (bytes, len) = unpack(*word);
            with(&bytes[..len], *count);
        }
        for slot in &self.long {
            with(slot.key(&self.keys), slot.count);
        }
    }

    /// The `limit` most frequent keys (0 for all of them); ties by key.
    #[must_use]
    pub fn ranked(&self, limit: usize) -> Ranked {
        let mut total = 0;
        // The worst of the best lies on top, to be pushed out by a better one.
        let mut best: BinaryHeap<(Reverse<u64>, Vec<u8>)> = BinaryHeap::new();
        self.each(|key, count| {
            total += count;
            if limit > 0 && best.len() == limit {
                let (Reverse(worst), last) = best.peek().map_or((Reverse(0), &[][..]), |(c, k)| (*c, k));
                if count < worst || (count == worst && key > last) {
                    return;
                }
                best.pop();
            }
            best.push((Reverse(count), key.to_vec()));
        });
        let rows = best
            .into_sorted_vec()
            .into_iter()
            .map(|(Reverse(count), key)| Row { cells: key::decode(&key), count })
            .collect();
        Ranked { rows, distinct: self.distinct(), total }
    }

    /// Every key with its count, in the order of keys.
    #[must_use]
    pub fn in_order(&self) -> Vec<Row> {
        let mut all = Vec::new();
        self.each(|key, count| all.push((key.to_vec(), count)));
        all.sort_unstable();
        all.into_iter().map(|(key, count)| Row { cells: key::decode(&key), count }).collect()
    }
}

impl Aggregate for Counts {
    fn add(&mut self, record: &Record<'_>) {
        let mut key = std::mem::take(&mut self.scratch);
        key.clear();
        for (i, field) in self.fields.iter().enumerate() {
            let value = field.value(record);
            if i == 0 && self.present && value == Value::Missing {
                self.scratch = key;
                return;
            }
            key::encode(&mut key, value);
        }
        self.add_key(&key, record.times());
        self.scratch = key;
    }

    fn merge(&mut self, other: Counts) {
        // The smaller one goes into the larger one.
        let (mut large, small) = if other.distinct() > self.distinct() {
            (other, std::mem::take(self))
        } else {
            (std::mem::take(self), other)
        };
        small.each(|key, count| large.add_key(key, count));
        *self = large;
    }
}

/// A key of up to seven bytes as a number that compares like it.
fn pack(key: &[u8]) -> Option<u64> {
    if key.len() > 7 {
        return None;
    }
    let mut word = [0; 8];
    word[..key.len()].copy_from_slice(key);
    word[7] = key.len() as u8;
    Some(u64::from_be_bytes(word))
}

fn unpack(word: u64) -> ([u8; 8], usize) {
    let bytes = word.to_be_bytes();
    (bytes, usize::from(bytes[7]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(keys: &[(&[u8], u64)]) -> Counts {
        let mut counts = Counts::default();
        for (text, count) in keys {
            let mut key = Vec::new();
            key::encode(&mut key, Value::Text(text));
            counts.add_key(&key, *count);
        }
        counts
    }

    fn rows(ranked: &Ranked) -> Vec<(String, u64)> {
        let text = |row: &Row| match &row.cells[..] {
            [Cell::Text(text)] => String::from_utf8_lossy(text).into_owned(),
            _ => panic!(),
        };
        ranked.rows.iter().map(|row| (text(row), row.count)).collect()
    }

    #[test]
    fn the_most_frequent_come_first_and_ties_by_key() {
        let counts =
            counts(&[(b"b", 2), (b"a", 2), (b"a very long key", 5), (b"c", 1), (b"b", 1), (b"d", 2)]);
        let ranked = counts.ranked(3);
        assert_eq!(
            rows(&ranked),
            [("a very long key".to_owned(), 5), ("b".to_owned(), 3), ("a".to_owned(), 2)]
        );
        assert_eq!((ranked.distinct, ranked.total, ranked.rest()), (5, 13, 3));
        assert_eq!(counts.ranked(0).rows.len(), 5);
    }

    #[test]
    fn parts_add_up_in_any_order() {
        let (a, b) = (counts(&[(b"x", 1), (b"longer than seven", 2)]), counts(&[(b"longer than seven", 3)]));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(b);
        ba.merge(a);
        assert_eq!(ab.ranked(0), ba.ranked(0));
        assert_eq!(ab.ranked(1).rows[0].count, 5);
    }
}

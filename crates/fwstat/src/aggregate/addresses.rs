//! How often each IPv4 address occurs.
//!
//! Responsible for: exact counts in eight bytes an address, filled faster than memory answers.
//! Must not know: what else is counted.
//! Tested by: the unit tests below, `tests/top.rs` against awk.
//!
//! Open addressing in one vector of words: the address below, its count above; a count of zero
//! is an empty place. Addresses are gathered in batches, and the places of a whole batch are
//! read before any is written, so that the processor waits for many places of memory at a
//! time and not for one after the other. Senders choose addresses, so the hash is keyed anew
//! in every process.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// Addresses gathered before they are counted.
const BATCH: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Addresses {
    /// A power of two long, at most three quarters full.
    places: Vec<u64>,
    distinct: usize,
    batch: [u32; BATCH],
    waiting: usize,
    /// Counts beyond 32 bits.
    beyond: HashMap<u32, u64>,
    /// Odd, and secret.
    factor: u64,
}

impl Default for Addresses {
    fn default() -> Addresses {
        let factor = RandomState::new().hash_one(0u64) | 1;
        Addresses {
            places: Vec::new(),
            distinct: 0,
            batch: [0; BATCH],
            waiting: 0,
            beyond: HashMap::new(),
            factor,
        }
    }
}

impl Addresses {
    /// Counts an address once.
    #[inline]
    pub(super) fn add(&mut self, address: u32) {
        self.batch[self.waiting] = address;
        self.waiting += 1;
        if self.waiting == BATCH {
            self.settle();
        }
    }

    /// Counts what was gathered. Needed before anything is asked.
    pub(super) fn settle(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.reserve(waiting);
        let places = self.places.len();
        let mut homes = [0usize; BATCH];
        let mut touched = 0u64;
        for (home, address) in homes.iter_mut().zip(&self.batch[..waiting]) {
            *home = self.home(*address) & (places - 1);
            touched ^= self.places[*home];
        }
        // Keeps the reads above, whose only purpose is to be under way.
        std::hint::black_box(touched);
        for (home, address) in homes.into_iter().zip(self.batch).take(waiting) {
            self.add_at(home, address, 1);
        }
    }

    /// Counts an address several times.
    pub(super) fn add_many(&mut self, address: u32, count: u64) {
        self.reserve(1);
        let home = self.home(address) & (self.places.len() - 1);
        self.add_at(home, address, count);
    }

    #[inline]
    fn home(&self, address: u32) -> usize {
        (u64::from(address).wrapping_add(1).wrapping_mul(self.factor) >> 32) as usize
    }

    #[inline]
    fn add_at(&mut self, home: usize, address: u32, count: u64) {
        let mask = self.places.len() - 1;
        let mut at = home;
        loop {
            let place = &mut self.places[at];
            let (found, counted) = (*place as u32, *place >> 32);
            if counted == 0 || found == address {
                self.distinct += usize::from(counted == 0);
                let sum = counted + count;
                if sum <= u64::from(u32::MAX) {
                    *place = sum << 32 | u64::from(address);
                } else {
                    *place = 1 << 32 | u64::from(address);
                    *self.beyond.entry(address).or_default() += sum - 1;
                }
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Makes room for some more.
    fn reserve(&mut self, more: usize) {
        let needed = (self.distinct + more) * 4 / 3 + 1;
        if needed <= self.places.len() {
            return;
        }
        let size = needed.next_power_of_two().max(1024);
        let old = std::mem::replace(&mut self.places, vec![0; size]);
        self.distinct = 0;
        for place in old.into_iter().filter(|place| *place != 0) {
            let home = self.home(place as u32) & (size - 1);
            self.add_at(home, place as u32, place >> 32);
        }
    }

    /// How many addresses there are.
    pub(super) fn distinct(&self) -> usize {
        self.distinct
    }

    /// Every address with its count, in no order.
    pub(super) fn each(&self, mut with: impl FnMut(u32, u64)) {
        for place in self.places.iter().filter(|place| **place != 0) {
            let address = *place as u32;
            let beyond =
                if self.beyond.is_empty() { 0 } else { self.beyond.get(&address).copied().unwrap_or(0) };
            with(address, (place >> 32) + beyond);
        }
    }

    /// Takes over what another thread counted.
    pub(super) fn merge(&mut self, other: Addresses) {
        let (mut large, small) = if other.distinct > self.distinct {
            (other, std::mem::take(self))
        } else {
            (std::mem::take(self), other)
        };
        small.each(|address, count| large.add_many(address, count));
        *self = large;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_beyond_every_border() {
        let mut addresses = Addresses::default();
        for round in 0..3u32 {
            for n in 0..10_000u32 {
                if n % (round + 1) == 0 {
                    addresses.add(n.wrapping_mul(0x9e37_79b9));
                }
            }
        }
        addresses.add_many(7, u64::from(u32::MAX));
        addresses.add_many(7, 5);
        addresses.settle();
        let mut seen = HashMap::new();
        addresses.each(|address, count| assert!(seen.insert(address, count).is_none()));
        assert_eq!(seen.len(), addresses.distinct());
        assert_eq!(seen.values().sum::<u64>(), 10_000 + 5_000 + 3_334 + u64::from(u32::MAX) + 5);
        assert_eq!(seen[&0], 3);
        let mut other = Addresses::default();
        other.add_many(7, 1);
        other.add_many(0, 1);
        other.merge(addresses);
        let mut sum = 0;
        other.each(|_, count| sum += count);
        assert_eq!(sum, 10_000 + 5_000 + 3_334 + u64::from(u32::MAX) + 7);
    }
}

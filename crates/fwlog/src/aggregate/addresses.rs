//! How often each address occurs.
//!
//! Responsible for: exact counts, of IPv4 in eight bytes an address and filled faster than memory answers.
//! Must not know: what else is counted.
//! Tested by: the unit tests below, `fwstat/tests/cli/top.rs` against awk.
//!
//! Open addressing in one vector of words: the address below, its count above; a count of zero
//! is an empty place. Addresses are gathered in batches, and the places of a whole batch are
//! read before any is written, so that the processor waits for many places of memory at a
//! time and not for one after the other. Senders choose addresses, so the hash is keyed anew
//! in every process.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use hashbrown::HashMap;

use super::word::taken;

/// Addresses gathered before they are counted.
const BATCH: usize = 64;

#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    /// A power of two long, at most seven eighths full, in the order of the hash but for
    /// places that were taken: so one table goes through another from front to back.
    places: Vec<u64>,
    distinct: usize,
    batch: Batch,
    /// Counts beyond 32 bits.
    beyond: HashMap<u32, u64>,
    /// The others are few enough, or come from few networks.
    sixes: HashMap<(u64, u64), u64>,
    /// Those of them that were not looked up yet.
    waiting: Vec<(u64, u64)>,
}

#[derive(Clone, Debug)]
struct Batch {
    addresses: [u32; BATCH],
    waiting: usize,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch { addresses: [0; BATCH], waiting: 0 }
    }
}

/// What addresses are hashed with: odd, and secret. One for all threads, so that their tables
/// have one order.
fn factor() -> u64 {
    static FACTOR: OnceLock<u64> = OnceLock::new();
    *FACTOR.get_or_init(|| RandomState::new().hash_one(0u64) | 1)
}

/// Empty places, each page of them written to. The kernel gives fresh memory as one page of zeros
/// until it is written to; here every place is read first, so each page would be changed for
/// another one later, and every change makes all other threads forget what they know of memory.
fn empty(size: usize) -> Vec<u64> {
    let mut places = vec![0; size];
    let words_of_a_page = 4096 / size_of::<u64>();
    places.iter_mut().step_by(words_of_a_page).for_each(|place| *place = std::hint::black_box(0));
    places
}

impl Addresses {
    /// Counts an address once.
    #[inline]
    pub(super) fn add(&mut self, address: u32) {
        let batch = &mut self.batch;
        batch.addresses[batch.waiting % BATCH] = address;
        batch.waiting += 1;
        if batch.waiting == BATCH {
            self.settle_four();
        }
    }

    /// Counts an address of the other kind once.
    #[inline]
    pub(super) fn add_one_six(&mut self, address: Ipv6Addr) {
        self.waiting.push(halves(address));
        if self.waiting.len() == BATCH {
            self.settle_six();
        }
    }

    /// Counts what was gathered. Needed before anything is asked.
    pub(super) fn settle(&mut self) {
        self.settle_four();
        self.settle_six();
    }

    #[inline(never)]
    fn settle_six(&mut self) {
        for address in self.waiting.drain(..) {
            *self.sixes.entry(address).or_default() += 1;
        }
    }

    #[inline(never)]
    fn settle_four(&mut self) {
        let Batch { addresses, waiting } = std::mem::take(&mut self.batch);
        self.reserve(waiting);
        let order = self.order();
        let mut homes = [0usize; BATCH];
        let mut touched = 0u64;
        for (home, address) in homes.iter_mut().zip(&addresses[..waiting]) {
            *home = order.home(*address);
            touched ^= self.places[*home];
        }
        // Keeps the reads above, whose only purpose is to be under way.
        std::hint::black_box(touched);
        for (home, address) in homes.into_iter().zip(addresses).take(waiting) {
            self.add_at(home, address, 1);
        }
    }

    /// Counts an address of the other kind several times.
    pub(super) fn add_six(&mut self, address: Ipv6Addr, count: u64) {
        *self.sixes.entry(halves(address)).or_default() += count;
    }

    /// Counts an address several times.
    pub(super) fn add_many(&mut self, address: u32, count: u64) {
        self.reserve(1);
        let home = self.order().home(address);
        self.add_at(home, address, count);
    }

    /// Where addresses belong in the table as it is now.
    #[inline]
    fn order(&self) -> Order {
        Order { factor: factor(), shift: 64 - self.places.len().max(2).trailing_zeros() }
    }

    #[inline]
    fn add_at(&mut self, home: usize, address: u32, count: u64) {
        let at = self.place_of(home, address);
        let place = &mut self.places[at];
        let counted = *place >> 32;
        self.distinct += usize::from(counted == 0);
        let sum = counted + count;
        if u32::try_from(sum).is_ok() {
            *place = sum << 32 | u64::from(address);
        } else {
            *place = 1 << 32 | u64::from(address);
            *self.beyond.entry(address).or_default() += sum - 1;
        }
    }

    /// Where an address is, or would be: its place, or the empty one behind its home.
    #[inline]
    fn place_of(&self, home: usize, address: u32) -> usize {
        let mask = self.places.len() - 1;
        let mut at = home;
        loop {
            let (found, counted) = (self.places[at] as u32, self.places[at] >> 32);
            if counted == 0 || found == address {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    fn holds(&self, address: u32) -> bool {
        !self.places.is_empty() && self.places[self.place_of(self.order().home(address), address)] != 0
    }

    /// Makes room for some more.
    fn reserve(&mut self, more: usize) {
        let needed = (self.distinct + more) * 8 / 7 + 1;
        if needed <= self.places.len() {
            return;
        }
        let size = needed.next_power_of_two().max(1024);
        let old = std::mem::replace(&mut self.places, empty(size));
        self.distinct = 0;
        let order = self.order();
        for place in old.into_iter().filter(|place| *place != 0) {
            self.add_at(order.home(place as u32), place as u32, place >> 32);
        }
    }

    /// None yet, with room for as many: a table that is filled in its own order while it is too small would look for every
    /// place.
    pub(super) fn emptied(&self) -> Addresses {
        let mut empty = Addresses::default();
        empty.reserve(self.distinct);
        empty
    }

    /// How many addresses there are.
    pub(super) fn distinct(&self) -> usize {
        self.distinct + self.sixes.len()
    }

    /// The memory that they take, and take soon, in bytes.
    pub(super) fn taken(&self) -> u64 {
        // Eight bytes a place, for seven keys in eight places.
        taken(self.distinct, self.places.len() / 8 * 7, 10)
            + taken(self.sixes.len(), self.sixes.capacity(), 30)
    }

    /// Every address with its count, in no order.
    pub(super) fn each(&self, mut with: impl FnMut(IpAddr, u64)) {
        self.each_four(|address, count| with(Ipv4Addr::from_bits(address).into(), count));
        for ((high, low), count) in &self.sixes {
            with(Ipv6Addr::from_bits(u128::from(*high) << 64 | u128::from(*low)).into(), *count);
        }
    }

    /// In the order of the table.
    fn each_four(&self, mut with: impl FnMut(u32, u64)) {
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
        // Room for all of them first, and no more: see `emptied`.
        let mut new = 0;
        small.each_four(|address, _| new += usize::from(!large.holds(address)));
        large.reserve(new);
        small.each_four(|address, count| large.add_many(address, count));
        for (address, count) in small.sixes {
            *large.sixes.entry(address).or_default() += count;
        }
        *self = large;
    }
}

fn halves(address: Ipv6Addr) -> (u64, u64) {
    let bits = address.to_bits();
    ((bits >> 64) as u64, bits as u64)
}

/// The order of a table of some size.
#[derive(Clone, Copy)]
struct Order {
    factor: u64,
    shift: u32,
}

impl Order {
    #[inline]
    fn home(self, address: u32) -> usize {
        (u64::from(address).wrapping_add(1).wrapping_mul(self.factor) >> self.shift) as usize
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
        let mut seen: HashMap<IpAddr, u64> = HashMap::new();
        addresses.each(|address, count| assert!(seen.insert(address, count).is_none()));
        assert_eq!(seen.len(), addresses.distinct());
        assert_eq!(seen.values().sum::<u64>(), 10_000 + 5_000 + 3_334 + u64::from(u32::MAX) + 5);
        assert_eq!(seen[&IpAddr::from([0, 0, 0, 0])], 3);
        let mut copy = addresses.emptied();
        addresses.each_four(|address, count| copy.add_many(address, count));
        assert_eq!((copy.distinct(), copy.places.len()), (addresses.distinct(), addresses.places.len()));
        let mut other = Addresses::default();
        other.add_many(7, 1);
        other.add_many(0, 1);
        other.merge(addresses);
        let mut sum = 0;
        other.each(|_, count| sum += count);
        assert_eq!(sum, 10_000 + 5_000 + 3_334 + u64::from(u32::MAX) + 7);
    }
}

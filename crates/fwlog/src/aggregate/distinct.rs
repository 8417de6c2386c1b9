//! How many different keys there were, in memory that does not grow: HyperLogLog.
//!
//! Responsible for: the estimate, and that two of them join into the one of both.
//! Must not know: what the keys are.
//! Tested by: the unit tests below.
//!
//! Flajolet, Fusy, Gandouet, Meunier: HyperLogLog (2007), with the linear counting of small numbers. With
//! 2^14 registers the standard error is 1.04 / sqrt(2^14), 0.8 %.

use std::hash::{BuildHasher as _, Hash};
use std::sync::LazyLock;

use hashbrown::DefaultHashBuilder;

/// The first bits of a hash say which register it belongs to.
const BITS: u32 = 14;
const REGISTERS: usize = 1 << BITS;

/// Keys come off the wire: whoever sends packets must not know which register they fall into. The same in all of this
/// process, so that two can be joined.
static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// The hash of a key.
#[inline]
pub(super) fn hash(key: &impl Hash) -> u64 {
    HASHER.hash_one(key)
}

/// An estimate of how many different keys there were.
#[derive(Clone, Debug)]
pub struct Distinct(Box<[u8]>);

impl Default for Distinct {
    fn default() -> Distinct {
        Distinct(vec![0; REGISTERS].into_boxed_slice())
    }
}

impl Distinct {
    /// Takes a key into account.
    pub fn add(&mut self, key: &impl Hash) {
        self.add_hash(hash(key));
    }

    /// Takes the key of a hash into account.
    pub(super) fn add_hash(&mut self, hash: u64) {
        let hash = mixed(hash);
        let register = &mut self.0[(hash >> (64 - BITS)) as usize];
        // The place of the first bit that is set, in what is left; the last bit ends it.
        let place = ((hash << BITS) | (1 << (BITS - 1))).leading_zeros() as u8 + 1;
        *register = (*register).max(place);
    }

    /// Takes over what another has seen.
    pub fn merge(&mut self, other: &Distinct) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own = (*own).max(*other);
        }
    }

    /// About how many different keys there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        let registers = REGISTERS as f64;
        let sum: f64 = self.0.iter().map(|place| 0.5_f64.powi(i32::from(*place))).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
        let empty = self.0.iter().filter(|place| **place == 0).count();
        let small = estimate <= 2.5 * registers && empty > 0;
        let count = if small { registers * libm::log(registers / empty as f64) } else { estimate };
        count.round() as u64
    }
}

/// Spreads a hash over all bits: that of a hash table need not be even in the first ones.
fn mixed(hash: u64) -> u64 {
    // The end of MurmurHash3, by Austin Appleby (public domain).
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_close_for_few_and_for_many() {
        let mut distinct = Distinct::default();
        let mut added = 0u32;
        for wanted in [0, 1, 10, 1_000, 20_000, 60_000, 500_000, 2_000_000] {
            while added < wanted {
                // Each key twice.
                distinct.add(&added);
                distinct.add(&added);
                added += 1;
            }
            let off = distinct.count() as f64 / f64::from(wanted.max(1)) - f64::from(wanted.min(1));
            // Four standard errors.
            assert!(off.abs() <= 0.033, "{wanted}: {}", distinct.count());
        }
    }

    #[test]
    fn joined_ones_count_what_both_have_seen_once() {
        let (mut a, mut b, mut both) = (Distinct::default(), Distinct::default(), Distinct::default());
        for n in 0..50_000u32 {
            if n < 30_000 {
                a.add(&n);
            }
            if n >= 20_000 {
                b.add(&n);
            }
            both.add(&n);
        }
        let mut ba = b.clone();
        ba.merge(&a);
        a.merge(&b);
        assert_eq!((a.count(), ba.count()), (both.count(), both.count()));
    }
}

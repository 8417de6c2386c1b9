//! How often each word of 64 bits occurs.
//!
//! Responsible for: exact counts of words in one table in their order, filled many at a time.
//! Must not know: what a word stands for.
//! Tested by: the unit tests below, `fwstat/tests/cli/top.rs` against awk.
//!
//! What comes is gathered, sorted, and joined with the table once there is half as much of it: each word is moved a few
//! times, one behind the other, where a hash table would wait for memory at every new one.

use super::word::taken;

/// Words gathered before they are counted, at least.
const LEAST: usize = 1 << 13;

/// Counts by word.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    /// In their order, each once.
    counts: Vec<(u64, u64)>,
    waiting: Vec<(u64, u64)>,
}

impl Packed {
    /// Counts a word several times.
    #[inline]
    pub(super) fn add(&mut self, word: u64, count: u64) {
        self.waiting.push((word, count));
        if self.waiting.len() >= LEAST && self.waiting.len() > self.counts.len() / 2 {
            self.settle();
        }
    }

    /// Counts what was gathered. Needed before anything is asked.
    #[inline(never)]
    pub(super) fn settle(&mut self) {
        let Packed { counts, waiting } = self;
        waiting.sort_unstable_by_key(|(word, _)| *word);
        waiting.dedup_by(|next, first| {
            let same = next.0 == first.0;
            first.1 += if same { next.1 } else { 0 };
            same
        });
        let mut at = 0;
        waiting.retain(|(word, count)| {
            while counts.get(at).is_some_and(|(known, _)| known < word) {
                at += 1;
            }
            match counts.get_mut(at) {
                Some((known, sum)) if known == word => {
                    *sum += count;
                    false
                }
                _ => true,
            }
        });
        // The new ones are put in from the back: nothing is written where something is yet to be read.
        let mut known = counts.len();
        counts.extend_from_slice(waiting);
        let mut place = counts.len();
        while let Some(new) = waiting.pop() {
            while known > 0 && counts[known - 1].0 > new.0 {
                (place, known) = (place - 1, known - 1);
                counts[place] = counts[known];
            }
            place -= 1;
            counts[place] = new;
        }
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// The memory that they take, and take soon, in bytes.
    pub(super) fn taken(&self) -> u64 {
        let entry = size_of::<(u64, u64)>();
        taken(self.counts.len(), self.counts.capacity(), entry) + (self.waiting.capacity() * entry) as u64
    }

    /// Every word with its count, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts.iter().copied()
    }

    /// Takes over what another thread counted.
    pub(super) fn merge(&mut self, mut other: Packed) {
        if other.counts.len() > self.counts.len() {
            std::mem::swap(self, &mut other);
        }
        self.waiting.append(&mut other.counts);
        self.waiting.append(&mut other.waiting);
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hashbrown::HashMap;

    #[test]
    fn counts_are_those_of_a_table_in_any_parts() {
        let mut expected: HashMap<u64, u64> = HashMap::new();
        let mut parts = [Packed::default(), Packed::default()];
        let mut word = 1u64;
        for at in 0..60_000u64 {
            // Some words often, most of them once.
            word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let key = if at % 3 == 0 { word >> 58 } else { word };
            *expected.entry(key).or_default() += at % 5 + 1;
            parts[usize::from(at > 45_000)].add(key, at % 5 + 1);
        }
        let [few, many] = &mut parts;
        many.settle();
        few.settle();
        let mut all = many.clone();
        all.merge(few.clone());
        few.merge(many.clone());
        for all in [&all, few] {
            let counts: Vec<(u64, u64)> = all.iter().collect();
            assert!(counts.is_sorted_by(|a, b| a.0 < b.0));
            assert_eq!(counts.len(), expected.len());
            assert!(counts.iter().all(|(word, count)| expected[word] == *count));
        }
    }
}

//! Keys of bytes that are kept one by one.
//!
//! Responsible for: a form in which a short key needs no memory of its own, in the order of the bytes; what tables of
//! keys take.
//! Must not know: what keys are of.
//! Tested by: the unit tests below.

use std::cmp::Ordering;

/// A key of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word {
    /// Up to seven bytes, as [`pack`] has them.
    Short(u64),
    Long(Box<[u8]>),
}

impl Word {
    pub(super) fn of(key: &[u8]) -> Word {
        pack(key).map_or_else(|| Word::Long(key.into()), Word::Short)
    }

    /// Gives the bytes to `with`.
    pub(super) fn bytes<T>(&self, with: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Word::Short(word) => {
                let (bytes, len) = unpack(*word);
                with(&bytes[..len])
            }
            Word::Long(bytes) => with(bytes),
        }
    }
}

impl Ord for Word {
    fn cmp(&self, other: &Word) -> Ordering {
        match (self, other) {
            (Word::Short(a), Word::Short(b)) => a.cmp(b),
            _ => self.bytes(|a| other.bytes(|b| a.cmp(b))),
        }
    }
}

impl PartialOrd for Word {
    fn partial_cmp(&self, other: &Word) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A key of up to seven bytes as a number that compares like it.
pub(super) fn pack(key: &[u8]) -> Option<u64> {
    if key.len() > 7 {
        return None;
    }
    let mut word = [0; 8];
    word[..key.len()].copy_from_slice(key);
    word[7] = key.len() as u8;
    Some(u64::from_be_bytes(word))
}

pub(super) fn unpack(word: u64) -> ([u8; 8], usize) {
    let bytes = word.to_be_bytes();
    (bytes, usize::from(bytes[7]))
}

/// What a table takes, and takes soon: one that grows needs its old and its new place at the same time.
pub(super) fn taken(len: usize, capacity: usize, entry: usize) -> u64 {
    /// So many keys may come before this is asked again: the lines of a chunk.
    const SOON: usize = 8_192;
    let now = (capacity * entry) as u64;
    if len + SOON > capacity { 3 * now } else { now }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_small_and_ordered_as_their_bytes() {
        assert_eq!(size_of::<Word>(), 16);
        let keys: [&[u8]; 8] = [b"", b"\0", b"\0\0", b"a", b"a\0", b"aaaaaaa", b"aaaaaaaa", b"b"];
        for a in keys {
            assert!(Word::of(a).bytes(|bytes| bytes == a));
            for b in keys {
                assert_eq!(Word::of(a).cmp(&Word::of(b)), a.cmp(b), "{a:?} {b:?}");
            }
        }
    }
}

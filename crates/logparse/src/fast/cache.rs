//! Texts that were read before, and what was decoded from them.
//!
//! Responsible for: recognising with one compare the few texts that make up most of a log.
//! Hardware addresses repeat, and so do the ends of TCP lines
//! (` WINDOW=64240 RES=0x00 SYN URGP=0 `): most hosts send one of a few windows.
//! Must not know: what the texts mean.
//! Tested by: the unit test below, `tests/suites/engines.rs`.

use crate::bytes::simd::alike;

/// The longest text.
pub(crate) const LONGEST: usize = 48;
const PLACES: usize = 256;

/// A text, and what was decoded from it.
#[derive(Clone, Copy)]
pub(crate) struct CachedText<V> {
    text: [u8; LONGEST],
    len: u8,
    pub(crate) value: V,
}

impl<V> CachedText<V> {
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }
}

/// The texts that were seen last, each in the slot that a hash of its words at `A` and `B` gives.
pub(crate) struct TextCache<V, const A: usize, const B: usize>(Box<[CachedText<V>; PLACES]>);

impl<V: Copy + Default, const A: usize, const B: usize> TextCache<V, A, B> {
    pub(crate) fn new() -> Self {
        // Longer than any text is: equal to none.
        TextCache(Box::new([CachedText { text: [0; LONGEST], len: u8::MAX, value: V::default() }; PLACES]))
    }

    /// What is known of the text that begins here.
    #[inline(always)]
    pub(crate) fn find(&self, text: &[u8; LONGEST]) -> Option<&CachedText<V>> {
        let known = &self.0[Self::place(text)];
        (alike(text, &known.text) >= u32::from(known.len)).then_some(known)
    }

    /// Remembers what was decoded from the first `len` bytes, if they are not too many.
    pub(crate) fn learn(&mut self, text: &[u8; LONGEST], len: usize, value: V) {
        if len <= LONGEST {
            self.0[Self::place(text)] = CachedText { text: *text, len: len as u8, value };
        }
    }

    #[inline(always)]
    fn place(text: &[u8; LONGEST]) -> usize {
        const { assert!(A + 8 <= LONGEST && B + 8 <= LONGEST) }
        let word = |at: usize| text[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        let mixed = word(A).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ word(B).wrapping_mul(0xd1b5_4a32_d192_ed03);
        (mixed >> 56) as usize % PLACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_text_counts_and_none_after_it() {
        let text = *b" WINDOW=64240 RES=0x00 SYN URGP=0 \nJan  1 00:00:";
        let mut memory = TextCache::<u8, 8, 22>::new();
        assert!(memory.find(&text).is_none());
        assert!(memory.find(&[0; LONGEST]).is_none());
        memory.learn(&text, 35, 7);
        memory.learn(&[b'x'; LONGEST], LONGEST + 1, 8);
        for place in 0..LONGEST {
            let mut other = text;
            other[place] ^= 1;
            assert_eq!(memory.find(&other).is_some(), place >= 35, "{place}");
        }
        assert_eq!(memory.find(&text).map(|known| (known.len(), known.value)), Some((35, 7)));
        assert!(memory.find(&[b'x'; LONGEST]).is_none());
    }
}

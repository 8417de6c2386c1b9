//! Compares of 16 bytes at a time.
//!
//! Responsible for: the few steps of the scan and of the grammar that vector registers are for.
//! The `wide` crate makes SSE2, NEON or plain arithmetic of them, so there is no `unsafe` here
//! and one form for every processor.
//! Must not know: what the bytes mean.
//! Tested by: the unit tests below, and all of the scan.

use wide::u8x16;

use super::swar;

/// The vectors of an array.
#[inline(always)]
fn vectors<const N: usize>(bytes: &[u8; N]) -> impl Iterator<Item = u8x16> {
    bytes.as_chunks::<16>().0.iter().map(|chunk| u8x16::new(*chunk))
}

#[inline(always)]
fn is_zero(vector: u8x16) -> bool {
    vector.simd_eq(u8x16::ZERO).to_bitmask() == 0xffff
}

/// A bit for each byte below `'0'`: blanks, dots and brackets, no digits and no letters.
#[inline(always)]
pub(crate) fn ends<const N: usize>(text: &[u8; N]) -> u64 {
    const { assert!(N <= 64) }
    let mut mask = 0;
    for (i, vector) in vectors(text).enumerate() {
        let end = vector.saturating_sub(u8x16::splat(b'0' - 1)).simd_eq(u8x16::ZERO).to_bitmask();
        mask |= u64::from(end) << (i * 16);
    }
    mask
}

/// Where a byte stands first in a text; the text's length if it does not. For short distances:
/// [`memchr`] is faster behind some hundred bytes.
#[inline(always)]
pub(crate) fn find(text: &[u8], byte: u8) -> usize {
    find_either(text, byte, byte)
}

/// A bit for each place where one of two bytes stands; for at most 64.
#[inline(always)]
pub(crate) fn each_of<const N: usize>(text: &[u8; N], one: u8, other: u8) -> u64 {
    const { assert!(N <= 64) }
    let mut mask = 0;
    for (i, vector) in vectors(text).enumerate() {
        let found = vector.simd_eq(u8x16::splat(one)) | vector.simd_eq(u8x16::splat(other));
        mask |= u64::from(found.to_bitmask()) << (i * 16);
    }
    mask
}

/// Where one of two bytes stands first in a text; the text's length if none does.
#[inline(always)]
pub(crate) fn find_either(text: &[u8], one: u8, other: u8) -> usize {
    let mut rest = text;
    while let Some((chunk, behind)) = rest.split_first_chunk() {
        let chunk = u8x16::new(*chunk);
        let found = chunk.simd_eq(u8x16::splat(one)) | chunk.simd_eq(u8x16::splat(other));
        let found = found.to_bitmask();
        if found != 0 {
            return text.len() - rest.len() + found.trailing_zeros() as usize;
        }
        rest = behind;
    }
    let mut before = text.len() - rest.len();
    if let Some((word, behind)) = rest.split_first_chunk() {
        let found = swar::places(*word, one) | swar::places(*word, other);
        if found != 0 {
            return before + found.trailing_zeros() as usize / 8;
        }
        (before, rest) = (text.len() - behind.len(), behind);
    }
    let found = rest.iter().position(|byte| *byte == one || *byte == other);
    before + found.unwrap_or(rest.len())
}

/// Whether `text` is `learned` wherever `mask` has bits. `N` is a multiple of 16 here and below.
#[inline(always)]
pub(crate) fn same<const N: usize>(text: &[u8; N], learned: &[u8; N], mask: &[u8; N]) -> bool {
    let mut wrong = u8x16::ZERO;
    for ((text, learned), mask) in vectors(text).zip(vectors(learned)).zip(vectors(mask)) {
        wrong |= (text ^ learned) & mask;
    }
    is_zero(wrong)
}

/// How many bytes are the same from the first one on; for at most 64.
#[inline(always)]
pub(crate) fn alike<const N: usize>(text: &[u8; N], learned: &[u8; N]) -> u32 {
    const { assert!(N <= 64) }
    let mut same = 0;
    for (i, (text, learned)) in vectors(text).zip(vectors(learned)).enumerate() {
        same |= u64::from(text.simd_eq(learned).to_bitmask()) << (i * 16);
    }
    same.trailing_ones()
}

/// Whether every byte lies in its range: at most so far above its least one.
#[inline(always)]
pub(crate) fn within<const N: usize>(text: &[u8; N], least: &[u8; N], above: &[u8; N]) -> bool {
    let mut wrong = u8x16::ZERO;
    for ((text, least), above) in vectors(text).zip(vectors(least)).zip(vectors(above)) {
        wrong |= (text - least).saturating_sub(above);
    }
    is_zero(wrong)
}

/// Whether every byte is a lower-case hex digit, or, where `colons` has 0xff, a colon; bytes
/// where `ignored` has 0xff may be anything.
#[inline(always)]
pub(crate) fn all_hex<const N: usize>(text: &[u8; N], colons: &[u8; N], ignored: &[u8; N]) -> bool {
    let between = |text: u8x16, from: u8, to: u8| {
        let outside = text.saturating_sub(u8x16::splat(to)) | u8x16::splat(from).saturating_sub(text);
        outside.simd_eq(u8x16::ZERO)
    };
    let mut wrong = u8x16::ZERO;
    for ((text, colons), ignored) in vectors(text).zip(vectors(colons)).zip(vectors(ignored)) {
        let hex = between(text, b'0', b'9') | between(text, b'a', b'f');
        let colon = text.simd_eq(u8x16::splat(b':'));
        let right = (colon & colons) | (hex & !colons) | ignored;
        wrong |= !right;
    }
    is_zero(wrong)
}

/// How many upper-case hex digits a text begins with.
#[inline(always)]
pub(crate) fn upper_hex<const N: usize>(text: &[u8; N]) -> usize {
    const { assert!(N == 64) }
    let between = |text: u8x16, from: u8, to: u8| {
        let outside = text.saturating_sub(u8x16::splat(to)) | u8x16::splat(from).saturating_sub(text);
        outside.simd_eq(u8x16::ZERO)
    };
    let mut digits = 0;
    for (i, text) in vectors(text).enumerate() {
        let hex = between(text, b'0', b'9') | between(text, b'A', b'F');
        digits |= u64::from(hex.to_bitmask()) << (i * 16);
    }
    digits.trailing_ones() as usize
}

/// The places of a text of `len` bytes, for [`all_hex`]: 0xff at every `period`th of them, and
/// behind them.
pub(crate) const fn places<const N: usize>(period: usize, len: usize) -> ([u8; N], [u8; N]) {
    let (mut colons, mut ignored) = ([0; N], [0; N]);
    let mut i = 0;
    while i < N {
        if i >= len {
            ignored[i] = 0xff;
        } else if i % period == period - 1 {
            colons[i] = 0xff;
        }
        i += 1;
    }
    (colons, ignored)
}

/// Length of the text of an Ethernet header of 14 bytes: pairs of digits, colons between.
pub(crate) const MAC_TEXT: usize = 41;

/// Whether the text of an Ethernet header in lower case stands here.
#[inline(always)]
pub(crate) fn is_mac_text(text: &[u8; 48]) -> bool {
    const PLACES: ([u8; 48], [u8; 48]) = places(3, MAC_TEXT);
    all_hex(text, &PLACES.0, &PLACES.1)
}

/// Whether an IPv6 address in full stands here: 8 groups of 4 lower-case digits.
#[inline(always)]
pub(crate) fn is_ipv6_text(text: &[u8; 48]) -> bool {
    const PLACES: ([u8; 48], [u8; 48]) = places(5, 39);
    all_hex(text, &PLACES.0, &PLACES.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_byte_is_found_at_every_place() {
        let colons: [u8; 64] = core::array::from_fn(|i| if i % 3 == 2 { 0xff } else { 0 });
        let ignored: [u8; 64] = core::array::from_fn(|i| if i >= 50 { 0xff } else { 0 });
        let right: [u8; 64] = core::array::from_fn(|i| if i % 3 == 2 { b':' } else { b'7' });
        assert!(all_hex(&right, &colons, &ignored));
        let (least, above) = (right.map(|b| b - 1), [2; 64]);
        for place in 0..64 {
            for value in 0..=255u8 {
                let mut text = right;
                text[place] = value;
                let hex = matches!(value, b'0'..=b'9' | b'a'..=b'f');
                let is_right = place >= 50 || if place % 3 == 2 { value == b':' } else { hex };
                assert_eq!(all_hex(&text, &colons, &ignored), is_right, "{place} {value}");
                let is_alike = place >= 50 || value == right[place];
                assert_eq!(same(&text, &right, &ignored.map(|i| !i)), is_alike);
                let first = if value == right[place] { 64 } else { place as u32 };
                assert_eq!(alike(&text, &right), first);
                assert_eq!(within(&text, &least, &above), value.abs_diff(right[place]) <= 1);
            }
        }
    }

    #[test]
    fn a_byte_is_found_at_every_place() {
        let mut text = [b'x'; 50];
        assert_eq!(find(&text, b' '), 50);
        for at in (0..50).rev() {
            text[at] = b' ';
            assert_eq!(find(&text, b' '), at);
            assert_eq!(find_either(&text, b'!', b' '), at);
        }
        assert_eq!(find(b"", b' '), 0);
    }

    #[test]
    fn upper_case_digits_are_counted() {
        for place in 0..64 {
            for value in 0..=255u8 {
                let mut text = [b'A'; 64];
                text[place] = value;
                let digit = matches!(value, b'0'..=b'9' | b'A'..=b'F');
                assert_eq!(upper_hex(&text), if digit { 64 } else { place });
            }
        }
    }

    #[test]
    fn ends_are_gathered_in_order() {
        let mut text = [b'x'; 64];
        (text[3], text[17], text[63]) = (b' ', b'.', 0);
        assert_eq!(ends(&text), 1 << 3 | 1 << 17 | 1 << 63);
    }
}

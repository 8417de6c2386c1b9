//! Arithmetic of eight bytes at a time: numbers, octets, hex digits.
//!
//! Responsible for: the steps that [`grammar`](crate::grammar), [`envelope`](crate::envelope)
//! and [`scan`](crate::scan) share, in safe code: a word is `u64::from_le_bytes` of eight bytes
//! of a line, so its lowest byte is the first.
//! Must not know: fields, lines, errors.
//! Tested by: the unit tests below, and all that read numbers.

use core::net::Ipv6Addr;

/// `'0'` in every byte.
pub(crate) const ZEROS: u64 = 0x3030_3030_3030_3030;
/// The highest bit of every byte.
pub(crate) const HIGH: u64 = 0x8080_8080_8080_8080;

/// Marks the bytes of a word that are no digits with their highest bit, and says nothing in the
/// other bits; the bytes are values already (`'0'` is 0).
#[inline(always)]
pub(crate) const fn marks(values: u64) -> u64 {
    // A byte of 10 and more gets its high bit; bytes from 0x80 on may carry into the next
    // one, which is behind the first that is marked.
    values.wrapping_add(0x7676_7676_7676_7676) | values
}

/// The marks alone.
#[inline(always)]
pub(crate) const fn no_digits(values: u64) -> u64 {
    marks(values) & HIGH
}

/// Marks where a byte stands in eight with the highest bit of its place: the first mark is right, and what follows it may
/// not be.
#[inline(always)]
pub(crate) const fn places(bytes: [u8; 8], byte: u8) -> u64 {
    let zeros = u64::from_le_bytes(bytes) ^ (byte as u64).wrapping_mul(0x0101_0101_0101_0101);
    zeros.wrapping_sub(0x0101_0101_0101_0101) & !zeros & HIGH
}

/// The values of a word's first `len` bytes (1 to 8), moved up to the highest ones; zeros come in below.
#[inline(always)]
pub(crate) const fn aligned(word: u64, len: usize) -> u64 {
    (word ^ ZEROS) << (len.wrapping_mul(8).wrapping_neg() & 63)
}

/// The values of a word's last `len` bytes (1 to 8), zeros before them.
#[inline(always)]
pub(crate) const fn last(word: u64, len: usize) -> u64 {
    (word ^ ZEROS) & (u64::MAX << (len.wrapping_mul(8).wrapping_neg() & 63))
}

/// The values of the digits that a word ends with, zeros before them. At least one byte is
/// none, and none is above 127.
#[inline(always)]
pub(crate) const fn last_digits(word: u64) -> u64 {
    let values = word ^ ZEROS;
    values & (!1 << (no_digits(values) | 1).ilog2())
}

/// The number that eight digits (values 0 to 9, the first in the lowest byte) stand for; any
/// number if they are no digits.
#[inline(always)]
pub(crate) const fn from_digits(digits: u64) -> u64 {
    // Each product adds ten times what comes before to what follows: of pairs of
    // digits, then of pairs of pairs, then of the two fours.
    let pairs = digits.wrapping_mul(1 + (10 << 8)) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(1 + (100 << 16)) >> 16 & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(1 + (10_000 << 32)) >> 32
}

/// Hour, minute and second of `hh:mm:ss`; any numbers if the digits are none.
#[inline(always)]
pub(crate) const fn clock(text: &[u8; 8]) -> (u8, u8, u8) {
    // Of each two digits, the number is where the first one was.
    let digits = (u64::from_le_bytes(*text) ^ ZEROS) & 0x0f0f_000f_0f00_0f0f;
    let numbers = digits * 10 + (digits >> 8);
    (numbers as u8, (numbers >> 24) as u8, (numbers >> 48) as u8)
}

/// The decimal number with which a text begins, leading zeros and all, and how many digits it
/// has; `None` if there is none, or if it does not fit.
#[inline(always)]
pub(crate) fn number(text: &[u8]) -> Option<(u64, usize)> {
    text.first_chunk()
        .and_then(short_number)
        .or_else(|| text.first_chunk().and_then(longer_number).or_else(|| any_number(text)))
}

/// [`number`] of eight to fifteen digits with something behind it.
#[inline]
fn longer_number(text: &[u8; 16]) -> Option<(u64, usize)> {
    const TENS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    let word = |at: usize| text[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let (high, low) = (word(0), word(8));
    let len = no_digits(low ^ ZEROS).trailing_zeros() as usize / 8;
    if no_digits(high ^ ZEROS) != 0 || len == 8 {
        return None;
    }
    let high = from_digits(high ^ ZEROS);
    // Of no digits, `aligned` would give all of the word.
    let low = if len == 0 { 0 } else { from_digits(aligned(low, len)) };
    Some((high * TENS[len] + low, 8 + len))
}

/// [`number`] of at most seven digits with something behind it.
#[inline(always)]
pub(crate) fn short_number(text: &[u8; 8]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(*text);
    let len = no_digits(word ^ ZEROS).trailing_zeros() as usize / 8;
    if len == 0 || len == 8 { None } else { Some((from_digits(aligned(word, len)), len)) }
}

/// [`number`] of any length, and at the end of a text.
#[inline(never)]
fn any_number(text: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    let mut len = 0;
    while let Some(digit) = text.get(len).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit <= 9) {
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        len += 1;
    }
    (len > 0).then_some((value, len))
}

/// The octet of a dotted quad that begins here and whose first byte below `'0'` is at `len`: its
/// value, and 0 if its text is right and `after` follows it.
///
/// An octet is right if its text is the one text of the value that its digits give: that rules
/// out too many digits, leading zeros and values above 255 at once.
#[inline(always)]
pub(crate) fn octet(text: &[u8; 4], len: usize, after: u8) -> (u32, u32) {
    // What ends the octet in the highest byte, its digits below, nothing below those. If it is
    // too long, another of its bytes is the highest, and none of them is `after`.
    let text = u32::from_le_bytes(*text) << (3usize.wrapping_sub(len).wrapping_mul(8) & 31);
    let value = (text & 0x0f_0f0f).wrapping_mul(0x64_0a01) >> 16 & 0xff;
    (value, text ^ OCTETS[value as usize] ^ u32::from(after) << 24)
}

/// The text of every octet: its digits right-aligned in the three lower bytes.
static OCTETS: [u32; 256] = {
    let mut texts = [0; 256];
    let mut value = 0;
    while value < 256 {
        let (hundreds, tens, ones) = (value / 100, value / 10 % 10, value % 10);
        let mut text = (b'0' as usize + ones) << 16;
        if value >= 10 {
            text |= (b'0' as usize + tens) << 8;
        }
        if value >= 100 {
            text |= b'0' as usize + hundreds;
        }
        texts[value] = text as u32;
        value += 1;
    }
    texts
};

/// The address of a text of 8 groups of 4 hex digits with colons between; any address if it is
/// no such text.
#[inline(always)]
pub(crate) fn ipv6_value(text: &[u8; 39]) -> Ipv6Addr {
    let mut octets = [0; 16];
    for (group, pair) in octets.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let digits = text[group * 5..].first_chunk().map_or(0, |digits| u32::from_le_bytes(*digits));
        // Letters have bit 6, and 1 in their lower four where they are worth 10.
        let values = (digits & 0x0f0f_0f0f) + (digits >> 6 & 0x0101_0101) * 9;
        let [high, _, low, _] = (values << 4 | values >> 8).to_le_bytes();
        *pair = [high, low];
    }
    Ipv6Addr::from(octets)
}

/// What a byte is worth as a hex digit as the kernel writes them in addresses; 0x80 marks the
/// others.
pub(crate) static LOWER_HEX: [u8; 256] = hex_table(b"0123456789abcdef", b"");
/// The same for the digits that the kernel writes in upper case.
pub(crate) static UPPER_HEX: [u8; 256] = hex_table(b"0123456789ABCDEF", b"");
/// The same for either case.
pub(crate) static HEX: [u8; 256] = hex_table(b"0123456789abcdef", b"ABCDEF");

/// `more` are other digits from ten on.
const fn hex_table(digits: &[u8; 16], more: &[u8]) -> [u8; 256] {
    let mut table = [0x80; 256];
    let mut digit = 0;
    while digit < 16 {
        table[digits[digit] as usize] = digit as u8;
        if digit < more.len() {
            table[more[digit] as usize] = 10 + digit as u8;
        }
        digit += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_eight_bytes_is_found() {
        for at in 0..8 {
            let mut bytes = *b"\x00\xff.-aZ\x80\x7f";
            bytes[at] = b'/';
            assert_eq!(places(bytes, b'/').trailing_zeros() as usize / 8, at);
            bytes[7] = b'/';
            assert_eq!(places(bytes, b'/').trailing_zeros() as usize / 8, at);
        }
        assert_eq!(places([0; 8], b'/'), 0);
        assert_eq!(places([b'/' ^ 1, b'/' ^ 0x80, 0, 1, 2, 3, 4, 5], b'/'), 0);
    }

    #[test]
    fn numbers_end_where_they_end() {
        let long = [12_345_678, 123_456_789, 999_999_999_999_999, 1_000_000_000_000_000];
        for n in [0u64, 7, 10, 65_535, 9_999_999, 4_294_967_296, u64::MAX].into_iter().chain(long) {
            let len = n.to_string().len();
            for behind in ["", " ", " 1", "x2345678", "\u{ff}", "..........", ":999999999999999"] {
                assert_eq!(number(format!("{n}{behind}").as_bytes()), Some((n, len)), "{n}{behind}");
            }
        }
        assert_eq!(number(b"007 "), Some((7, 3)));
        for text in ["", " 1234567", "x", "18446744073709551616", "99999999999999999999999"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn ipv6_digits_have_their_places() {
        let text = b"0123:4567:89ab:cdef:fedc:ba98:7654:3210";
        let value = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
        assert_eq!(ipv6_value(text), Ipv6Addr::from_bits(value));
    }

    #[test]
    fn octets_are_exact() {
        for value in 0..=255u32 {
            let digits = value.to_string();
            let mut text = *b"xxxx";
            let with_end = format!("{digits}.");
            text[..with_end.len()].copy_from_slice(with_end.as_bytes());
            assert_eq!(octet(&text, digits.len(), b'.'), (value, 0));
            assert_ne!(octet(&text, digits.len(), b' ').1, 0);
        }
        for (text, len) in [
            (b"256.", 3),
            (b"999.", 3),
            (b"01.x", 2),
            (b"00.x", 2),
            (b"001.", 3),
            (b"1:.x", 2),
            (b".1.x", 0),
            (b" .1x", 0),
        ] {
            assert_ne!(octet(text, len, b'.').1, 0, "{} {len}", text.escape_ascii());
        }
        for len in 4..64 {
            assert_ne!(octet(b"1234", len, b'.').1, 0, "{len}");
        }
    }
}

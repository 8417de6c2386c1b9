//! A line's bytes under a fixed frame, and the arithmetic of eight bytes at a time.
//!
//! Responsible for: reading words without a bounds check that can fail, numbers and
//! addresses from words.
//! Must not know: the order of a line's fields.
//! Tested by: the unit tests below (every number of 16 bits), `tests/suites/engines.rs`.
//!
//! The frame makes the checks disappear: a position is masked to the reach before it is
//! read. A position that ran over the reach reads nonsense, so whoever reads must look at
//! the end whether the last position is still within it ([`Window::holds`]): as long as nothing
//! is wrong positions only grow, so if the last one is within, all were.

/// Bytes of a line that the fast path can see.
pub(crate) const REACH: usize = 512;

/// Bytes of a [`Cursor`]'s view that a position in it can reach.
const NEAR: usize = 128;

/// The longest single read at a position.
const READ: usize = 64;

/// Bytes that must lie in a buffer from a line's first byte on: the reach, and a view behind it.
pub(crate) const FRAME: usize = REACH + NEAR + READ;

use super::cache::{LONGEST, TextCache};
use crate::bytes::simd::{MAC_TEXT, ends, is_ipv6_text, is_mac_text};
use crate::bytes::swar::{HIGH, ZEROS, from_digits, last_digits, marks, no_digits, octet};

/// The frame of a line.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a>(pub(crate) &'a [u8; FRAME]);

impl<'a> Window<'a> {
    /// Whether a position is within the reach.
    #[inline(always)]
    pub(crate) fn holds(at: usize) -> bool {
        at < REACH
    }

    /// `N` bytes from `at` on.
    #[inline(always)]
    pub(crate) fn bytes<const N: usize>(self, at: usize) -> &'a [u8; N] {
        const { assert!(N <= FRAME - REACH) }
        let at = at % REACH;
        match self.0[at..at + N].first_chunk() {
            Some(bytes) => bytes,
            None => &[0; N],
        }
    }

    #[inline(always)]
    pub(crate) fn u64(self, at: usize) -> u64 {
        u64::from_le_bytes(*self.bytes(at))
    }
}

/// A number's digits as a big-endian word, one a byte, so that numbers compare as words do.
const fn digits_of(number: u64) -> u64 {
    let mut digits = 0;
    let mut shift = 0;
    let mut rest = number;
    while rest > 0 {
        digits |= (rest % 10) << shift;
        rest /= 10;
        shift += 8;
    }
    digits
}

/// What is known of a number by how long its text is.
#[derive(Clone, Copy)]
struct OfLength {
    /// The bytes of a word that its text has if it ends where the word does.
    text: u64,
    /// The least number without a leading zero; there is none of no digits, and none of more
    /// than seven is read here.
    least: u64,
}

static OF_LENGTH: [OfLength; 64] = {
    let mut known = [OfLength { text: 0, least: 1 << 62 }; 64];
    known[1] = OfLength { text: 0xff << 56, least: 0 };
    let (mut power, mut digits) = (10, 2);
    while digits < 8 {
        known[digits] = OfLength { text: u64::MAX << (64 - 8 * digits), least: digits_of(power) };
        power *= 10;
        digits += 1;
    }
    known
};

/// Where a scan is in a line, and where the next values end.
///
/// What is read next lies in a view of the frame, and positions are those of the view: the
/// compiler knows that they are small, and checks nothing.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub(crate) window: Window<'a>,
    /// Where the frame has the view's first position.
    base: usize,
    /// The view, with [`BACK`] bytes before its first position.
    view: &'a [u8; NEAR + READ],
    /// The position in the view.
    at: usize,
    /// A bit for each byte in the view's first 64 that may end a value, and comes behind those
    /// that were taken. Finding the ends of many values with one look is what lets the
    /// processor work on all of them at a time: where a value ends does not wait for the
    /// value before it.
    ends: u64,
    wrong: Wrong,
}

/// What was wrong with the numbers so far. It is looked at once: a jump for each number would
/// cost more than the numbers behind a wrong one.
#[derive(Clone, Copy, Default)]
struct Wrong {
    /// Has the highest bit of a byte if that was no digit.
    digits: u64,
    /// Has its highest bit if a number was out of its range.
    range: u64,
}

/// Bytes of a view before its first position: a number is read as the word that ends where
/// it does, so that a position is never too small.
const BACK: usize = 8;

/// A decimal number of at most seven digits that was found right, by where it ends in the frame.
/// Every number follows a `=`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Digits(u16);

impl Digits {
    /// The number that ends at `end`.
    #[inline(always)]
    pub(crate) fn up_to(end: usize) -> Digits {
        Digits(end as u16)
    }

    /// Where the number ends in the frame.
    pub(crate) fn end(self) -> usize {
        usize::from(self.0)
    }

    /// The number. There must be one.
    #[inline(always)]
    pub(crate) fn value(self, window: Window<'_>) -> u32 {
        // What comes before it is text that was checked: nothing above 127.
        from_digits(last_digits(window.u64(self.end() - BACK))) as u32
    }
}

impl<'a> Cursor<'a> {
    /// A cursor at a position of the frame that has a head before it.
    #[inline(always)]
    pub(crate) fn new(window: Window<'a>, at: usize) -> Cursor<'a> {
        let view = window.bytes(at.wrapping_sub(BACK));
        Cursor { window, base: at, view, at: 0, ends: 0, wrong: Wrong::default() }
    }

    /// Makes a new view for what follows, and looks for the ends of values in it.
    #[inline(always)]
    pub(crate) fn look(&mut self) {
        self.renew();
        self.ends = ends::<64>(self.bytes(0));
    }

    /// Makes a new view for what follows, without ends.
    #[inline(always)]
    pub(crate) fn renew(&mut self) {
        *self = Cursor { wrong: self.wrong, ..Cursor::new(self.window, self.place()) };
    }

    /// Whether every number so far was right.
    #[inline(always)]
    pub(crate) fn is_right(&self) -> bool {
        (self.wrong.digits & HIGH) | (self.wrong.range >> 63) == 0
    }

    /// The position in the frame. Beyond the reach, every later one is as well.
    #[inline(always)]
    pub(crate) fn place(&self) -> usize {
        self.base + self.at
    }

    /// `N` bytes of the view.
    #[inline(always)]
    fn bytes<const N: usize>(&self, at: usize) -> &'a [u8; N] {
        self.back(at + BACK)
    }

    /// `N` bytes of the view from [`BACK`] before a position on.
    #[inline(always)]
    fn back<const N: usize>(&self, at: usize) -> &'a [u8; N] {
        const { assert!(N <= READ) }
        debug_assert!(at < NEAR, "a new view was forgotten");
        let at = at % NEAR;
        match self.view[at..at + N].first_chunk() {
            Some(bytes) => bytes,
            None => &[0; N],
        }
    }

    /// The bytes from here on.
    #[inline(always)]
    pub(crate) fn here<const N: usize>(&self) -> &'a [u8; N] {
        self.bytes(self.at)
    }

    /// Eight bytes from here on.
    #[inline(always)]
    pub(crate) fn word(&self) -> u64 {
        u64::from_le_bytes(*self.here())
    }

    #[inline(always)]
    pub(crate) fn go(&mut self, by: usize) {
        self.at += by;
    }

    /// Leaves out the next end, if there is reason to; without a jump.
    #[inline(always)]
    pub(crate) fn pass_end(&mut self, pass: bool) {
        self.ends &= self.ends.wrapping_sub(u64::from(pass));
    }

    /// The next end; 64, behind the bytes in sight, if there is none. A key or a blank must
    /// follow every value, so a value that is right ends there only if it does.
    #[inline(always)]
    fn end(&mut self) -> usize {
        let end = self.ends.trailing_zeros() as usize;
        self.ends &= self.ends.wrapping_sub(1);
        end
    }

    /// Takes a text, if it stands here.
    #[inline(always)]
    pub(crate) fn key<const N: usize>(&mut self, key: &[u8; N]) -> Option<()> {
        let here = self.here::<N>() == key;
        self.go(N);
        here.then_some(())
    }

    /// A decimal number of at most 7 digits, no leading zero, at most `MAX`, up to the next
    /// end. Whether it was one is told by [`Cursor::is_right`].
    ///
    /// The range is checked on the digits: where the value is not asked for, it is not computed.
    #[inline(always)]
    pub(crate) fn number<const MAX: u64>(&mut self) -> Digits {
        let end = self.end();
        let known = &OF_LENGTH[end.wrapping_sub(self.at) % OF_LENGTH.len()];
        let values = (u64::from_le_bytes(*self.back(end)) ^ ZEROS) & known.text;
        // Digits as numbers compare like the numbers; both are below 2^63, so what is out of
        // range leaves a highest bit behind. Where it does not, a byte was no digit.
        let ordered = values.swap_bytes();
        self.wrong.digits |= marks(values);
        self.wrong.range |=
            ordered.wrapping_sub(known.least) | const { digits_of(MAX) }.wrapping_sub(ordered);
        self.at = end;
        Digits::up_to(self.place())
    }

    /// A decimal number of at most 10 digits that fits 32 bits. Finds its own end: a new view
    /// is needed behind it.
    #[inline(always)]
    pub(crate) fn long_number(&mut self) -> Option<u32> {
        let low = self.word() ^ ZEROS;
        let high = u64::from_le_bytes(*self.bytes(self.at + 8)) ^ ZEROS;
        let len = match no_digits(low) {
            0 => 8 + (no_digits(high) | 1 << 63).trailing_zeros() as usize / 8,
            marks => marks.trailing_zeros() as usize / 8,
        };
        let text: &[u8; 16] = self.here();
        let value = text[..len.min(10)]
            .iter()
            .fold(0, |value, digit| value * 10 + u64::from(digit.wrapping_sub(b'0')));
        let leading_zero = len > 1 && low & 0xff == 0;
        if len == 0 || len > 10 || leading_zero {
            return None;
        }
        self.at += len;
        u32::try_from(value).ok()
    }

    /// A dotted quad up to the fourth end. Another byte between the ends, or another end, is
    /// found because it is no octet's text.
    #[inline(always)]
    pub(crate) fn ipv4(&mut self) -> Option<u32> {
        let (mut value, mut differs) = (0, 0);
        for after in [b'.', b'.', b'.', b' '] {
            let end = self.end();
            let (number, wrong) = octet(self.here(), end.wrapping_sub(self.at), after);
            (value, differs) = (value << 8 | number, differs | wrong);
            self.at = end + 1;
        }
        self.at -= 1;
        (differs == 0).then_some(value)
    }

    /// An address of 39 bytes, 8 groups of 4 lower-case digits: checked here, decoded on
    /// demand; gives its place.
    #[inline(always)]
    pub(crate) fn ipv6(&mut self) -> Option<u32> {
        let right = is_ipv6_text(self.here());
        let place = self.place() as u32;
        self.go(39);
        right.then_some(place)
    }
}

/// Two hex digits of a table.
#[inline(always)]
pub(crate) fn hex_pair(text: [u8; 2], table: &[u8; 256]) -> Option<u8> {
    let (high, low) = (table[usize::from(text[0])], table[usize::from(text[1])]);
    ((high | low) & 0x80 == 0).then_some(high << 4 | low)
}

/// The value of two hex digits that [`hex_pair`] has passed.
#[inline(always)]
pub(crate) fn pair_value(text: [u8; 2], table: &[u8; 256]) -> u8 {
    table[usize::from(text[0])] << 4 | table[usize::from(text[1])]
}

/// Texts of Ethernet headers and ` SRC=`, by the ends of the destination and of the source, and the
/// type.
pub(crate) type Macs = TextCache<(), 9, 33>;

/// Whether 14 bytes of two lower-case digits with colons between, and ` SRC=`, stand at `at`.
#[inline(always)]
pub(crate) fn mac_and_src(window: Window<'_>, at: &mut usize, macs: &mut Macs) -> bool {
    let text = window.bytes(*at);
    *at += MAC_AND_SRC;
    macs.find(text).is_some() || new_mac(text, macs)
}

const MAC_AND_SRC: usize = MAC_TEXT + b" SRC=".len();

#[inline(never)]
fn new_mac(text: &[u8; LONGEST], macs: &mut Macs) -> bool {
    let right = is_mac_text(text) && &text[MAC_TEXT..MAC_AND_SRC] == b" SRC=";
    if right {
        macs.learn(text, MAC_AND_SRC, ());
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text behind `SRC=`: some reads reach back to the last bytes before a value.
    fn framed(text: &str) -> [u8; FRAME] {
        let mut frame = [b'\n'; FRAME];
        frame[..8].copy_from_slice(b"OUT SRC=");
        frame[8..8 + text.len()].copy_from_slice(text.as_bytes());
        frame
    }

    fn read<T>(text: &str, parse: impl Fn(&mut Cursor<'_>) -> Option<T>) -> Option<(T, usize)> {
        let frame = framed(text);
        let mut cursor = Cursor::new(Window(&frame), 8);
        cursor.look();
        parse(&mut cursor).filter(|_| cursor.is_right()).map(|value| (value, cursor.place() - 8))
    }

    fn port(text: &str) -> Option<(u32, usize)> {
        let frame = framed(text);
        read(text, |c| Some(c.number::<65_535>())).map(|(digits, len)| (digits.value(Window(&frame)), len))
    }

    #[test]
    fn every_16_bit_number() {
        for n in 0..=70_000u32 {
            let text = format!("{n} x");
            let expected = (n <= 65_535).then(|| (n, text.len() - 2));
            assert_eq!(port(&text), expected, "{text}");
            if n > 0 {
                assert_eq!(port(&format!("0{text}")), None);
            }
        }
        assert_eq!(port("123456789 "), None);
        assert_eq!(port(" "), None);
    }

    #[test]
    fn numbers_of_32_bits() {
        let long = |text: &str| read(text, |c| c.long_number());
        for n in [0u32, 9, 10, 99_999_999, 100_000_000, 999_999_999, 1_000_000_000, u32::MAX] {
            assert_eq!(long(&format!("{n} ")), Some((n, n.to_string().len())));
        }
        for text in ["4294967296 ", "0123456789 ", "12345678901 ", "00000000 ", "x"] {
            assert_eq!(long(text), None, "{text}");
        }
    }

    #[test]
    fn addresses() {
        let quad = |text: &str| read(text, |c| c.ipv4());
        for a in [0u8, 1, 9, 10, 99, 100, 199, 200, 249, 250, 255] {
            for b in 0..=255u8 {
                let text = format!("{a}.{b}.{}.{} ", 255 - b, b / 2);
                let value = u32::from_be_bytes([a, b, 255 - b, b / 2]);
                assert_eq!(quad(&text), Some((value, text.len() - 1)), "{text}");
            }
        }
        for text in [
            "256.0.0.1 ",
            "1.2.3 ",
            "01.2.3.4 ",
            "1.2.3.04 ",
            "1.2.3.4567 ",
            "1..2.3 ",
            ".1.2.3",
            "1,2.3.4 ",
            "1.2.3.300 ",
            "1.2.3. ",
            "1234.2.3.4 ",
            "999.1.1.1 ",
            "00.0.0.0 ",
            "1.2.3.000 ",
        ] {
            assert_eq!(quad(text), None, "{text}");
        }
    }
}

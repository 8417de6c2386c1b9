//! The smallest parsers: tokens, numbers, addresses, and what ends a value.
//!
//! Responsible for: single values, checked against the range their field has on the wire.
//! Must not know: the order of fields.
//! Tested by: the unit tests below and everything above.
//!
//! All parsers are nom parsers over bytes: functions of the input, and of the token whose value
//! it is, for the error. A value is complete only if a terminator follows: `SPT=51` at the end of
//! a line may be all that is left of `SPT=51514`.
//!
//! What nearly every line has is read by words of eight bytes or vectors of sixteen. Whatever
//! does not fit them (the end of a line, a value that is wrong) is read byte by byte, out of the
//! way; that form alone says what is an error, and where.

use core::net::{Ipv4Addr, Ipv6Addr};

use nom::{IResult, Parser as _};

use crate::bytes::simd::{ends, find, is_ipv6_text};
use crate::bytes::swar::{self, HEX, ipv6_value, octet};
use crate::error::{ErrorKind, Expected, ParseError, Token, What};
use crate::types::{EtherType, Mac, hex_value};

/// Where and what a parser failed on: how many bytes were left, and what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fail {
    pub(crate) rest: usize,
    pub(crate) expected: Expected,
    pub(crate) ended: bool,
}

impl<'a> nom::error::ParseError<&'a [u8]> for Fail {
    fn from_error_kind(input: &'a [u8], _: nom::error::ErrorKind) -> Fail {
        Fail { rest: input.len(), expected: Expected { what: What::Text, token: Token::Empty }, ended: false }
    }
    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Fail) -> Fail {
        other
    }
}

impl Fail {
    /// The error of a line of which this failure's input was the end.
    #[cold]
    pub(crate) fn at(self, line_len: usize) -> ParseError {
        let kind = if self.ended {
            ErrorKind::Truncated(self.expected)
        } else {
            ErrorKind::Unexpected(self.expected)
        };
        ParseError::new(line_len - self.rest, kind)
    }
}

pub(crate) type In<'a> = &'a [u8];
pub(crate) type Res<'a, T> = IResult<In<'a>, T, Fail>;

/// A failure at `input`; `ended` if the text ran out rather than being wrong.
#[cold]
#[inline(never)]
pub(crate) fn fail<T>(input: In<'_>, what: What, token: Token, ended: bool) -> Res<'_, T> {
    Err(nom::Err::Error(Fail { rest: input.len(), expected: Expected { what, token }, ended }))
}

/// Whether all that is left of a line could be the beginning of a token of the grammar.
#[cold]
fn begins_a_token(rest: &[u8]) -> bool {
    /// Words of the grammar that stand without a value, and the tokens that the most common
    /// line ends with; the others are found in [`Token`] by the caller.
    const WORDS: &[&str] = &[
        "CE ",
        "DF ",
        "MF ",
        "AE ",
        "CWR ",
        "ECE ",
        "URG ",
        "ACK ",
        "PSH ",
        "RST ",
        "SYN ",
        "FIN ",
        "INCOMPLETE [",
        "OPT (",
        "OPT ( ",
        "TRUNCATED",
        "FRAG:",
        "PROTO=",
        "UID=",
        "GID=",
        "MARK=",
        "URGP=",
        "SEQ=",
        "ACK=",
        "WINDOW=",
        "RES=0x",
        "SPT=",
        "DPT=",
        "LEN=",
        "TOS=",
        "PREC=0x",
        "TTL=",
        "ID=",
        "TC=",
        "HOPLIMIT=",
        "FLOWLBL=",
        "TYPE=",
        "CODE=",
        "GATEWAY=",
        "PARAMETER=",
        "POINTER=",
        "MTU=",
        "SPI=0x",
        "SRC=",
        "DST=",
        "MAC=",
        "MACSRC=",
        "MACDST=",
        "MACPROTO=",
        "VPROTO=",
        "VID=",
        "TUNNEL=",
        "PHYSIN=",
        "PHYSOUT=",
        "ARP HTYPE=",
        "[SRC=",
        "MAC source = ",
        "MAC dest = ",
        "proto = 0x",
    ];
    WORDS.iter().any(|word| word.as_bytes().starts_with(rest))
}

/// The token's own text.
#[inline(always)]
pub(crate) fn token(input: In<'_>, token: Token) -> Res<'_, ()> {
    match input.strip_prefix(token.text().as_bytes()) {
        Some(rest) => Ok((rest, ())),
        None => missing(input, token),
    }
}

#[cold]
#[inline(never)]
fn missing<T>(input: In<'_>, token: Token) -> Res<'_, T> {
    let ended = token.text().as_bytes().starts_with(input) || begins_a_token(input);
    fail(input, What::Token, token, ended)
}

/// One blank or more. The kernel writes one; relays and people have been seen to double it.
#[inline(always)]
pub(crate) fn blank(input: In<'_>) -> Res<'_, ()> {
    match input {
        [b' ', rest @ ..] => match rest {
            [b' ', ..] => Ok((rest.trim_ascii_start(), ())),
            _ => Ok((rest, ())),
        },
        _ => fail(input, What::Blank, Token::Empty, input.is_empty()),
    }
}

/// The end of a value that may be the line's last: a blank, or the end of the line.
#[inline(always)]
pub(crate) fn blank_or_end(input: In<'_>) -> Res<'_, ()> {
    if input.is_empty() { Ok((input, ())) } else { blank(input) }
}

/// What may follow a value that can be the last of its packet: inside brackets only a blank,
/// because a line that ends there has lost the bracket.
#[inline(always)]
pub(crate) fn last_end(input: In<'_>, quoted: bool) -> Res<'_, ()> {
    if quoted { blank(input) } else { blank_or_end(input) }
}

/// What a field's value is read as.
///
/// A trait, and no function handed to [`field`]: what is handed on is not inlined, and then the
/// token is no constant where the value is read.
pub(crate) trait Value: Sized {
    /// Reads the value that follows the token `name`; what ends it stays.
    fn read(input: In<'_>, name: Token) -> Res<'_, Self>;
}

/// `TOKENvalue ` with a blank behind it.
#[inline(always)]
pub(crate) fn field<V: Value>(input: In<'_>, name: Token) -> Res<'_, V> {
    let (input, ()) = token(input, name)?;
    let (input, value) = V::read(input, name)?;
    let (input, ()) = blank(input)?;
    Ok((input, value))
}

/// A field that need not be there; if its token is there, its value must be.
#[inline(always)]
pub(crate) fn maybe<V: Value>(input: In<'_>, name: Token) -> Res<'_, Option<V>> {
    let Some(input) = input.strip_prefix(name.text().as_bytes()) else { return Ok((input, None)) };
    let (input, value) = V::read(input, name)?;
    let (input, ()) = blank(input)?;
    Ok((input, Some(value)))
}

/// A field that may be the last of the line.
#[inline(always)]
pub(crate) fn last<V: Value>(input: In<'_>, name: Token, quoted: bool) -> Res<'_, V> {
    let (input, ()) = token(input, name)?;
    let (input, value) = V::read(input, name)?;
    let (input, ()) = last_end(input, quoted)?;
    Ok((input, value))
}

/// [`last`], if its token is there.
#[inline(always)]
pub(crate) fn maybe_last<V: Value>(input: In<'_>, name: Token, quoted: bool) -> Res<'_, Option<V>> {
    let Some(input) = input.strip_prefix(name.text().as_bytes()) else { return Ok((input, None)) };
    let (input, value) = V::read(input, name)?;
    let (input, ()) = last_end(input, quoted)?;
    Ok((input, Some(value)))
}

/// A decimal number as `%u` prints it: no sign, no leading zero, at most `max`.
///
/// A value that runs into the end of the line is accepted here; whether it may is decided by
/// the terminator that the caller asks for.
#[inline(always)]
pub(crate) fn decimal(input: In<'_>, max: u64, name: Token) -> Res<'_, u64> {
    if let Some(text) = input.first_chunk()
        && let Some((value, len)) = swar::short_number(text)
        && value <= max
        && (text[0] != b'0' || len == 1)
    {
        return Ok((&input[len..], value));
    }
    any_decimal(input, max, name)
}

/// [`decimal`] of any length, and its failures.
#[inline(never)]
fn any_decimal(input: In<'_>, max: u64, name: Token) -> Res<'_, u64> {
    match swar::number(input) {
        Some((value, len)) if value <= max && (input[0] != b'0' || len == 1) => Ok((&input[len..], value)),
        _ => fail(input, What::Number, name, input.is_empty()),
    }
}

macro_rules! decimals {
    ($($type:ty)*) => {
        $(impl Value for $type {
            #[inline(always)]
            fn read(input: In<'_>, name: Token) -> Res<'_, $type> {
                let (rest, value) = decimal(input, <$type>::MAX as u64, name)?;
                Ok((rest, value as $type))
            }
        })*
    };
}

decimals! { u8 u16 u32 u64 }

/// Exactly `DIGITS` hexadecimal digits, either case, without `0x`.
pub(crate) struct Hex<const DIGITS: usize>(pub(crate) u32);

impl<const DIGITS: usize> Value for Hex<DIGITS> {
    #[inline(always)]
    fn read(input: In<'_>, name: Token) -> Res<'_, Self> {
        match full_hex::<DIGITS>(input) {
            Some(value) => Ok((&input[DIGITS..], Hex(value))),
            None => not_full_hex(input, DIGITS, name).map(|(rest, value)| (rest, Hex(value))),
        }
    }
}

/// Four hexadecimal digits.
impl Value for EtherType {
    #[inline(always)]
    fn read(input: In<'_>, name: Token) -> Res<'_, EtherType> {
        let (rest, Hex(value)) = Hex::<4>::read(input, name)?;
        Ok((rest, EtherType(value as u16)))
    }
}

/// 1 to `DIGITS` hexadecimal digits, either case, without `0x`.
pub(crate) struct ShortHex<const DIGITS: usize>(pub(crate) u32);

impl<const DIGITS: usize> Value for ShortHex<DIGITS> {
    #[inline(always)]
    fn read(input: In<'_>, name: Token) -> Res<'_, Self> {
        match full_hex::<DIGITS>(input) {
            Some(value) => Ok((&input[DIGITS..], ShortHex(value))),
            None => short_hex(input, DIGITS, name).map(|(rest, value)| (rest, ShortHex(value))),
        }
    }
}

/// The number of `DIGITS` digits and no more, if something follows them.
#[inline(always)]
fn full_hex<const DIGITS: usize>(input: In<'_>) -> Option<u32> {
    let (digits, [after, ..]) = input.split_first_chunk::<DIGITS>()? else { return None };
    let (mut value, mut wrong) = (0, 0);
    for digit in digits {
        let digit = HEX[usize::from(*digit)];
        value = value << 4 | u32::from(digit);
        wrong |= digit;
    }
    (wrong & 0x80 == 0 && HEX[usize::from(*after)] & 0x80 != 0).then_some(value)
}

/// [`ShortHex`] of fewer digits, and its failures.
#[inline(never)]
fn short_hex(input: In<'_>, digits: usize, name: Token) -> Res<'_, u32> {
    let mut value = 0u32;
    let mut len = 0;
    while let Some(digit) = input.get(len).and_then(|&byte| hex_value(byte)) {
        if len == digits {
            return fail(input, What::Hex, name, false);
        }
        value = value << 4 | u32::from(digit);
        len += 1;
    }
    if len == 0 {
        return fail(input, What::Hex, name, input.is_empty());
    }
    Ok((&input[len..], value))
}

/// [`Hex`] at the end of a line, and its failures.
#[inline(never)]
fn not_full_hex(input: In<'_>, digits: usize, name: Token) -> Res<'_, u32> {
    let (rest, value) = short_hex(input, digits, name)?;
    if input.len() - rest.len() == digits {
        Ok((rest, value))
    } else {
        fail(input, What::Hex, name, rest.is_empty())
    }
}

/// A dotted quad as `%pI4` prints it: no leading zeros.
impl Value for Ipv4Addr {
    #[inline(always)]
    fn read(input: In<'_>, name: Token) -> Res<'_, Ipv4Addr> {
        match input.first_chunk().and_then(quad_and_blank) {
            Some((address, len)) => Ok((&input[len..], address)),
            None => any_ipv4(input, name),
        }
    }
}

/// The dotted quad before a blank, and its length.
#[inline(always)]
pub(crate) fn quad_and_blank(text: &[u8; 20]) -> Option<(Ipv4Addr, usize)> {
    // Where all four octets end is known at once: none waits for the one before it. One that
    // is too long differs, so that the fourth of a quad that is right ends in sight.
    let mut ends = ends::<16>(text.first_chunk()?);
    let (mut at, mut value, mut differs) = (0, 0, 0);
    for after in [b'.', b'.', b'.', b' '] {
        let end = (ends | 1 << 15).trailing_zeros() as usize;
        ends &= ends.wrapping_sub(1);
        let (number, wrong) = octet(text[at..].first_chunk()?, end.wrapping_sub(at), after);
        (value, differs) = (value << 8 | number, differs | wrong);
        at = end + 1;
    }
    (differs == 0).then(|| (Ipv4Addr::from_bits(value), at - 1))
}

/// A dotted quad with something else behind it, and failures.
#[inline(never)]
fn any_ipv4(input: In<'_>, name: Token) -> Res<'_, Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut at = 0;
    for (i, octet) in octets.iter_mut().enumerate() {
        if i > 0 {
            if input.get(at) != Some(&b'.') {
                return not_an_address(input, name);
            }
            at += 1;
        }
        let digit = |at: usize| input.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d <= 9);
        let Some(first) = digit(at) else { return not_an_address(input, name) };
        let mut value = u16::from(first);
        at += 1;
        if first != 0 {
            while let Some(next) = digit(at) {
                value = value * 10 + u16::from(next);
                at += 1;
                if value > 255 {
                    return not_an_address(input, name);
                }
            }
        }
        *octet = value as u8;
    }
    Ok((&input[at..], Ipv4Addr::from(octets)))
}

#[cold]
#[inline(never)]
fn not_an_address<T>(input: In<'_>, name: Token) -> Res<'_, T> {
    let ended = input.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'));
    fail(input, What::Address, name, ended)
}

/// An address as `%pI6` prints it: 8 groups of 4 lower-case digits; 39 bytes.
#[inline(always)]
pub(crate) fn ipv6_full(input: In<'_>, name: Token) -> Res<'_, Ipv6Addr> {
    let mut padded = [0; 48];
    let text = match input.first_chunk() {
        Some(text) => text,
        // At the end of a line.
        None => {
            padded[..input.len()].copy_from_slice(input);
            &padded
        }
    };
    match (is_ipv6_text(text), text.first_chunk()) {
        (true, Some(address)) => Ok((&input[39..], ipv6_value(address))),
        _ => not_an_address(input, name),
    }
}

/// An address in the compressed form of RFC 5952, which ulogd and relays write.
pub(crate) fn ipv6_any(input: In<'_>, name: Token) -> Res<'_, Ipv6Addr> {
    let len = input
        .iter()
        .position(|byte| !(byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')))
        .unwrap_or(input.len());
    let address = core::str::from_utf8(&input[..len]).ok().and_then(|text| text.parse().ok());
    match address {
        Some(address) => Ok((&input[len..], address)),
        None => not_an_address(input, name),
    }
}

/// A hardware address with colons.
impl Value for Mac {
    #[inline(always)]
    fn read(input: In<'_>, name: Token) -> Res<'_, Mac> {
        match input.get(..17).and_then(Mac::from_text) {
            Some(mac) => Ok((&input[17..], mac)),
            None => {
                let ended = input.len() < 17 && input.iter().all(|b| b.is_ascii_hexdigit() || *b == b':');
                fail(input, What::Mac, name, ended)
            }
        }
    }
}

/// Bytes up to a blank; may be none.
#[inline(always)]
pub(crate) fn word(input: In<'_>) -> Res<'_, &[u8]> {
    let (text, rest) = input.split_at(find(input, b' '));
    Ok((rest, text))
}

/// The kernel's line buffer is cut at 976 to 1,018 bytes, depending on its version. A text of
/// this length that stops where it might also go on was cut.
pub(super) const SHORTEST_CUT: usize = 976;

/// Nothing but blanks may be left.
pub(super) fn end(input: In<'_>) -> Res<'_, ()> {
    let rest = input.trim_ascii_start();
    if rest.is_empty() { Ok((rest, ())) } else { fail(rest, What::End, Token::Empty, false) }
}

/// Runs a layer's parser on its value and stores the value even if the parser fails.
#[inline(always)]
pub(super) fn keep<'a, T, U>(
    mut value: T,
    parse: impl FnOnce(&mut T) -> Res<'a, U>,
    store: impl FnOnce(T),
) -> Res<'a, U> {
    let result = parse(&mut value);
    store(value);
    result
}

/// `TRUNCATED` at the end of the line, or before the closing bracket.
pub(super) fn truncated(input: In<'_>) -> Res<'_, ()> {
    let (rest, ()) = token(input, Token::Truncated)?;
    match rest.first() {
        None | Some(b']') => Ok((rest, ())),
        _ => blank_or_end.parse(rest),
    }
}

/// A datagram's outcome that ends the line early is no failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// Go on with the next layer.
    On,
    /// The kernel stopped printing here.
    Ends,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_checked_against_their_width() {
        assert_eq!(u16::read(b"65535 ", Token::Spt), Ok((&b" "[..], 65535)));
        assert!(u16::read(b"65536 ", Token::Spt).is_err());
        assert!(u16::read(b"007 ", Token::Spt).is_err());
        assert!(u16::read(b" ", Token::Spt).is_err());
        assert_eq!(u64::read(b"18446744073709551615", Token::Incomplete), Ok((&b""[..], u64::MAX)));
        assert!(u64::read(b"18446744073709551616", Token::Incomplete).is_err());
    }

    #[test]
    fn addresses_are_exact() {
        assert_eq!(Ipv4Addr::read(b"10.0.0.255 x", Token::Src).unwrap().1, Ipv4Addr::new(10, 0, 0, 255));
        for wrong in ["256.0.0.1 ", "1.2.3 ", "01.2.3.4 ", "1.2.3.", "x", "1..2.3"] {
            assert!(Ipv4Addr::read(wrong.as_bytes(), Token::Src).is_err(), "{wrong}");
        }
        let full = b"2001:0db8:0000:0000:0000:0000:0000:0077 ";
        assert_eq!(ipv6_full(full, Token::Src).unwrap().1, "2001:db8::77".parse::<Ipv6Addr>().unwrap());
        assert!(ipv6_full(b"2001:0DB8:0000:0000:0000:0000:0000:0077 ", Token::Src).is_err());
        assert_eq!(
            ipv6_any(b"2001:db8::77 ", Token::Src).unwrap().1,
            "2001:db8::77".parse::<Ipv6Addr>().unwrap()
        );
    }
}

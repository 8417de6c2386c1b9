//! Facilities and severities: as `<N>`, as syslog.conf's words, as `dmesg -x` pads them.
//!
//! Responsible for: reading them, and their names.
//! Must not know: what is around them.
//! Tested by: `testdata/lines/derived-envelopes.toml`, `tests/suites/envelopes.rs`.

use memchr::memchr;

use super::{Envelope, stamp};
use crate::bytes::simd::find;

/// `kern  :warn  : ` of `dmesg -x`: both words padded to six.
pub(super) fn dmesg_level<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let colon = memchr(b':', text)?;
    let facility = facility_number(text[..colon].trim_ascii_end())?;
    let rest = &text[colon + 1..];
    let colon = memchr(b':', rest)?;
    let severity = severity_number(rest[..colon].trim_ascii_end())?;
    let rest = rest[colon + 1..].strip_prefix(b" ")?;
    set_level(envelope, facility, severity);
    Some(rest)
}

pub(super) fn set_level(envelope: &mut Envelope<'_>, facility: u8, severity: u8) {
    envelope.facility = Some(facility);
    envelope.severity = Some(severity);
}

/// `facility.severity` at the beginning of a text.
#[inline]
pub(super) fn level_words(text: &[u8]) -> Option<(u8, u8, &[u8])> {
    // Every line's host is asked: most begin with a letter that no facility begins with.
    match text.first() {
        Some(b'k' | b'u' | b'm' | b'd' | b'a' | b's' | b'l' | b'n' | b'c' | b'f') => level_of(text),
        _ => None,
    }
}

fn level_of(text: &[u8]) -> Option<(u8, u8, &[u8])> {
    // No facility's name is longer than eight letters.
    let dot = find(&text[..text.len().min(16)], b'.');
    let rest = text.get(dot + 1..)?;
    let facility = facility_number(&text[..dot])?;
    let len = rest.iter().take_while(|b| b.is_ascii_lowercase()).count();
    Some((facility, severity_number(&rest[..len])?, &rest[len..]))
}

/// Facilities by the names of syslog.conf(5), in their numbers' order.
const FACILITIES: [&[u8]; 24] = [
    b"kern",
    b"user",
    b"mail",
    b"daemon",
    b"auth",
    b"syslog",
    b"lpr",
    b"news",
    b"uucp",
    b"cron",
    b"authpriv",
    b"ftp",
    b"ntp",
    b"security",
    b"console",
    b"clock",
    b"local0",
    b"local1",
    b"local2",
    b"local3",
    b"local4",
    b"local5",
    b"local6",
    b"local7",
];

pub(super) fn facility_number(name: &[u8]) -> Option<u8> {
    FACILITIES.iter().position(|known| *known == name).map(|at| at as u8)
}

/// A facility's name; `other` for numbers that have none.
pub(super) fn facility_name(number: u8) -> &'static [u8] {
    FACILITIES.get(usize::from(number)).copied().unwrap_or(b"other")
}

/// Severities by their names, in their numbers' order.
pub(super) fn severity_number(name: &[u8]) -> Option<u8> {
    const NAMES: [&[u8]; 8] = [b"emerg", b"alert", b"crit", b"err", b"warn", b"notice", b"info", b"debug"];
    match name {
        b"warning" => Some(4),
        b"error" => Some(3),
        b"panic" => Some(0),
        _ => NAMES.iter().position(|known| *known == name).map(|at| at as u8),
    }
}

/// `<N>`, 0 to 1023.
pub(super) fn pri<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let inside = text.strip_prefix(b"<")?;
    let len = inside.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    let value = stamp::number(&inside[..len]).filter(|n| *n <= 1023)?;
    let rest = inside[len..].strip_prefix(b">")?;
    envelope.pri = Some(value as u16);
    set_level(envelope, (value >> 3) as u8, (value & 7) as u8);
    Some(rest)
}

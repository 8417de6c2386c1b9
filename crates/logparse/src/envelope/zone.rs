//! Zones that are written after a stamp.
//!
//! Responsible for: names that clocks print, offsets with a sign, `UTC+2`, brackets and a colon around them.
//! Must not know: dates.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

use super::stamp;
use crate::time::{Civil, Stamp, Time, Zone};

/// Zones by the names that clocks print, with their offsets in minutes; of a name that several zones have, the
/// offset that more people's clocks mean by it.
const ZONES: [(&[u8], i32); 55] = [
    (b"UTC", 0),
    (b"GMT", 0),
    (b"UCT", 0),
    (b"Z", 0),
    (b"WET", 0),
    (b"WEST", 60),
    (b"CET", 60),
    (b"MEZ", 60),
    (b"WAT", 60),
    (b"CEST", 120),
    (b"MESZ", 120),
    (b"EET", 120),
    (b"SAST", 120),
    (b"CAT", 120),
    (b"EEST", 180),
    (b"EAT", 180),
    (b"MSK", 180),
    (b"TRT", 180),
    (b"GST", 240),
    (b"PKT", 300),
    (b"IST", 330),
    (b"NPT", 345),
    (b"ICT", 420),
    (b"WIB", 420),
    (b"HKT", 480),
    (b"SGT", 480),
    (b"MYT", 480),
    (b"PHT", 480),
    (b"AWST", 480),
    (b"JST", 540),
    (b"KST", 540),
    (b"ACST", 570),
    (b"ACDT", 630),
    (b"AEST", 600),
    (b"AEDT", 660),
    (b"NZST", 720),
    (b"NZDT", 780),
    (b"NST", -210),
    (b"NDT", -150),
    (b"BRT", -180),
    (b"ART", -180),
    (b"UYT", -180),
    (b"CLST", -180),
    (b"CLT", -240),
    (b"VET", -240),
    (b"AST", -240),
    (b"ADT", -180),
    (b"EST", -300),
    (b"EDT", -240),
    (b"MST", -420),
    (b"MDT", -360),
    (b"PST", -480),
    (b"PDT", -420),
    (b"AKST", -540),
    (b"HST", -600),
];

/// Names that mean one zone here and another there: which, the reader's own zone tells.
const AMBIGUOUS: [&[u8]; 3] = [b"BST", b"CST", b"CDT"];

/// A zone at the beginning of a text, and what follows it. A name after an offset
/// (`+0200 CEST`) belongs to it.
pub(super) fn zone(text: &[u8]) -> Option<(Zone, &[u8])> {
    let (open, close) = match text.first()? {
        b'(' => (1, Some(b')')),
        b'[' => (1, Some(b']')),
        b'A'..=b'Z' | b'+' | b'-' => (0, None),
        _ => return None,
    };
    let inside = &text[open..];
    if let Some(found) = region(inside, close) {
        return Some(found);
    }
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-');
    // An offset has a colon inside, a zone one after it.
    let is_colon = |at: usize| inside[at] == b':' && inside.get(at + 1).is_some_and(u8::is_ascii_digit);
    let len = (0..inside.len().min(12))
        .find(|at| !is_part(&inside[*at]) && !is_colon(*at))
        .unwrap_or(inside.len().min(12));
    let zone = named(inside.get(..len)?)?;
    let mut rest = &inside[len..];
    if let Some(close) = close {
        rest = rest.strip_prefix(&[close])?;
    }
    if let Some(after) = rest.strip_prefix(b":").filter(|after| after.first() == Some(&b' ')) {
        rest = after;
    }
    if matches!(inside[0], b'+' | b'-')
        && let Some(after) = rest.strip_prefix(b" ")
        && let Some(end) = after.iter().take(6).position(|b| *b == b' ')
        && ZONES.iter().any(|(known, _)| *known == &after[..end])
    {
        rest = &after[end..];
    }
    matches!(rest.first(), None | Some(b' ' | b']')).then_some((zone, rest))
}

/// `Europe/Berlin`: which offset it had, the letters alone do not tell.
fn region(text: &[u8], close: Option<u8>) -> Option<(Zone, &[u8])> {
    const AREAS: [&[u8]; 11] = [
        b"Africa",
        b"America",
        b"Antarctica",
        b"Arctic",
        b"Asia",
        b"Atlantic",
        b"Australia",
        b"Europe",
        b"Indian",
        b"Pacific",
        b"Etc",
    ];
    let area = text.iter().take(12).position(|b| *b == b'/').filter(|at| AREAS.contains(&&text[..*at]))?;
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+' | b'/');
    let len = text.iter().take(40).take_while(|b| is_part(b)).count();
    let mut rest = &text[len..];
    if let Some(close) = close {
        rest = rest.strip_prefix(&[close])?;
    }
    let mut letters = [0; 6];
    let shown = area.min(letters.len());
    letters[..shown].copy_from_slice(&text[..shown]);
    matches!(rest.first(), Some(b' ' | b']')).then_some((Zone::Name(letters), rest))
}

/// The zone of a name, `+0200`, `-03` or `UTC+5:30`.
fn named(name: &[u8]) -> Option<Zone> {
    if let Some((_, minutes)) = ZONES.iter().find(|(known, _)| *known == name) {
        return Some(Zone::Offset(minutes * 60));
    }
    if AMBIGUOUS.contains(&name) {
        let mut letters = [0; 6];
        letters[..name.len()].copy_from_slice(name);
        return Some(Zone::Name(letters));
    }
    let letters = name.iter().take_while(|b| b.is_ascii_uppercase()).count();
    if letters > 0 && !matches!(&name[..letters], b"UTC" | b"GMT") {
        return None;
    }
    let signed = &name[letters..];
    if let Some((Zone::Offset(offset), end)) = stamp::offset(signed, 0)
        && end == signed.len()
    {
        return Some(Zone::Offset(offset));
    }
    // `-03`, `+2`, `+5:30`.
    let (sign, digits) = match signed {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let colon = digits.iter().position(|b| *b == b':').unwrap_or(digits.len());
    let hours = stamp::number(&digits[..colon]).filter(|hours| colon <= 2 && *hours < 24)?;
    let minutes = match digits.get(colon + 1..) {
        Some(minutes) => stamp::number(minutes).filter(|value| minutes.len() == 2 && *value < 60)?,
        None => 0,
    };
    // A lone digit is a zone only after a name.
    let seconds = sign * (hours as i32 * 3600 + minutes as i32 * 60);
    (letters > 0 || colon == 2).then_some(Zone::Offset(seconds))
}

/// A zone after a stamp that has none, or a year after the clock of one.
#[inline]
pub(super) fn after<'a>(stamp: &mut Stamp<'a>, rest: &'a [u8]) -> &'a [u8] {
    match (&mut stamp.time, rest.first()) {
        (Time::Civil(civil), Some(b'A'..=b'Z' | b'+' | b'-' | b'(' | b'[' | b'1' | b'2')) => {
            of_civil(civil, rest)
        }
        _ => rest,
    }
}

#[inline(never)]
fn of_civil<'a>(civil: &mut Civil, rest: &'a [u8]) -> &'a [u8] {
    if rest[0].is_ascii_digit() {
        let Some(after) = year(civil, rest) else { return rest };
        // A zone may follow the year.
        return match after.first() {
            Some(b'A'..=b'Z' | b'+' | b'-' | b'(') if civil.zone == Zone::Local => of_civil(civil, after),
            _ => after,
        };
    }
    let Some((zone, after)) = zone(rest) else { return rest };
    match civil.zone {
        Zone::Local => civil.zone = zone,
        // Go prints the offset and the zone's name.
        own if own == zone && rest[0].is_ascii_uppercase() => {}
        _ => return rest,
    }
    after.strip_prefix(b" ").unwrap_or(after)
}

/// A year after the clock: `Dec 20 11:01:41 2024 `.
fn year<'a>(civil: &mut Civil, rest: &'a [u8]) -> Option<&'a [u8]> {
    let (digits, after) = (rest.get(..4)?, rest.get(4..)?.strip_prefix(b" ")?);
    let year = stamp::number(digits).filter(|year| (1970..2100).contains(year))?;
    civil.year.is_none().then_some(())?;
    civil.year = u16::try_from(year).ok();
    Some(after)
}

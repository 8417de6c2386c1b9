//! Stamps as text: every form that a logging program writes.
//!
//! Responsible for: where a stamp ends and what it says.
//! Must not know: what follows it.
//! Tested by: the unit tests below, `testdata/lines/derived-envelopes.toml`.

use super::{vendor, zone};
use crate::bytes::swar;
use crate::time::{Civil, Stamp, Time, Uptime, Zone, month_number};

/// A decimal number of 1 to 19 digits and nothing else.
#[inline]
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    // A moment's digits, as two words that may overlap.
    if let (8..=16, Some(front), Some(back)) = (text.len(), text.first_chunk(), text.last_chunk()) {
        let (front, back) = (u64::from_le_bytes(*front), u64::from_le_bytes(*back));
        if swar::no_digits(front ^ swar::ZEROS) | swar::no_digits(back ^ swar::ZEROS) != 0 {
            return None;
        }
        let behind = text.len() - 8;
        let low = if behind == 0 { 0 } else { swar::from_digits(swar::last(back, behind)) };
        return Some(swar::from_digits(front ^ swar::ZEROS) * 10u64.pow(behind as u32) + low);
    }
    text.iter().try_fold(0u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| value * 10 + u64::from(digit))
    })
}

/// Two digits at `at`.
#[inline]
fn two(text: &[u8], at: usize) -> Option<u8> {
    let tens = text.get(at)?.wrapping_sub(b'0');
    let ones = text.get(at + 1)?.wrapping_sub(b'0');
    (tens <= 9 && ones <= 9).then(|| tens * 10 + ones)
}

/// `hh:mm:ss` at `at`.
#[inline(always)]
pub(super) fn clock(text: &[u8], at: usize) -> Option<(u8, u8, u8)> {
    const COLONS: u64 = 0x0000_ff00_00ff_0000;
    let text = text.get(at..)?.first_chunk()?;
    let values = u64::from_le_bytes(*text) ^ u64::from_le_bytes(*b"00:00:00");
    if swar::no_digits(values) | values & COLONS != 0 {
        return None;
    }
    let (hour, minute, second) = swar::clock(text);
    (hour < 24 && minute < 60 && second <= 60).then_some((hour, minute, second))
}

/// `Mmm` at `at`.
#[inline(always)]
fn month(text: &[u8], at: usize) -> Option<u8> {
    month_number(*text.get(at..)?.first_chunk()?)
}

/// A day of the month of two places, padded with a blank or a zero.
fn day(text: &[u8], at: usize) -> Option<u8> {
    let tens = match text.get(at)? {
        b' ' => 0,
        digit @ b'0'..=b'3' => digit - b'0',
        _ => return None,
    };
    let ones = text.get(at + 1).filter(|digit| digit.is_ascii_digit())? - b'0';
    let day = tens * 10 + ones;
    (1..=31).contains(&day).then_some(day)
}

/// `.123456` or `,123456` at `at`: the nanoseconds and where the digits end.
pub(super) fn fraction(text: &[u8], at: usize) -> (u32, usize) {
    if !matches!(text.get(at), Some(b'.' | b',')) {
        return (0, at);
    }
    match swar::number(&text[at + 1..]) {
        Some((value, digits)) if digits <= 9 => {
            (value as u32 * 10u32.pow(9 - digits as u32), at + 1 + digits)
        }
        _ => long_fraction(text, at),
    }
}

/// [`fraction`] of more than nine digits, or of none.
#[inline(never)]
fn long_fraction(text: &[u8], at: usize) -> (u32, usize) {
    let digits = text[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return (0, at);
    }
    let nanos = text[at + 1..].iter().take(9).fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    (nanos, at + 1 + digits)
}

/// The stamp of the first `end` bytes, and the text behind it.
fn cut(text: &[u8], end: usize, time: Time) -> (Stamp<'_>, &[u8]) {
    (Stamp { text: &text[..end], time }, &text[end..])
}

/// Any stamp with which a line may begin, and what follows it; the blank behind is skipped.
#[inline(always)]
pub(super) fn any(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let (stamp, rest) = match text.first()? {
        b'A'..=b'Z' => rfc3164(text).or_else(|| weekday(text))?,
        b'0'..=b'9' => rfc3339(text).or_else(|| unix(text))?,
        _ => return None,
    };
    ended(stamp, rest)
}

/// A stamp and what follows it, if the stamp ends there; the blank behind is skipped.
#[inline(always)]
pub(super) fn ended<'a>(stamp: Stamp<'a>, rest: &'a [u8]) -> Option<(Stamp<'a>, &'a [u8])> {
    match rest {
        [b' ', rest @ ..] => Some((stamp, rest)),
        // dmesg -T closes its bracket here.
        [b']', ..] => Some((stamp, rest)),
        _ => None,
    }
}

/// `Jun 30 06:06:13`, with `.123456` or a year (`Jun 30 2024 06:06:13`) in some writers.
#[inline(always)]
pub(super) fn rfc3164(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let date: &[u8; 15] = text.first_chunk()?;
    if date[3] != b' ' || date[6] != b' ' {
        return None;
    }
    let (month, day) = (month(date, 0)?, day(date, 4)?);
    let (year, at) = match clock(text, 7) {
        Some(_) => (None, 7),
        None => (Some(u16::try_from(number(text.get(7..11)?)?).ok()?), 12),
    };
    if year.is_some() && text.get(11) != Some(&b' ') {
        return None;
    }
    let (hour, minute, second) = clock(text, at)?;
    let (nanos, end) = fraction(text, at + 8);
    let civil = Civil { year, month, day, hour, minute, second, nanos, zone: Zone::Local };
    Some(cut(text, end, Time::Civil(civil)))
}

/// `Sun Jun 30 06:06:13 2024` (ctime: logread, dmesg -T), `Sun 2024-06-30 06:06:13 CEST`
/// (journalctl short-full).
#[inline(never)]
fn weekday(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let name = text.get(..4)?;
    if !matches!(name, b"Mon " | b"Tue " | b"Wed " | b"Thu " | b"Fri " | b"Sat " | b"Sun ") {
        return None;
    }
    if text.get(4)?.is_ascii_digit() {
        let (stamp, rest) = rfc3339(&text[4..])?;
        let Time::Civil(mut civil) = stamp.time else { return None };
        if let Some((zone @ Zone::Offset(_), after)) = rest.strip_prefix(b" ").and_then(zone::zone)
            && !rest[1].is_ascii_alphabetic()
        {
            civil.zone = zone;
            return Some(cut(text, text.len() - after.len(), Time::Civil(civil)));
        }
        let letters = rest.strip_prefix(b" ")?.iter().take_while(|b| b.is_ascii_uppercase()).count();
        if !(1..=6).contains(&letters) {
            return None;
        }
        let mut zone = [0; 6];
        zone[..letters].copy_from_slice(&rest[1..=letters]);
        civil.zone = if &zone[..letters] == b"UTC" { Zone::Offset(0) } else { Zone::Name(zone) };
        let end = 4 + stamp.text.len() + 1 + letters;
        return Some(cut(text, end, Time::Civil(civil)));
    }
    let (stamp, rest) = rfc3164(&text[4..])?;
    let Time::Civil(mut civil) = stamp.time else { return None };
    let year = rest.strip_prefix(b" ")?.get(..4)?;
    civil.year = Some(u16::try_from(number(year)?).ok()?);
    let end = 4 + stamp.text.len() + 5;
    Some(cut(text, end, Time::Civil(civil)))
}

/// `2024-06-30T06:06:13.123456+02:00` and its kin: a blank for the `T`, a comma for the
/// point, an offset without its colon, or none.
pub(super) fn rfc3339(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let date: &[u8; 19] = text.first_chunk()?;
    if date[4] != b'-' || date[7] != b'-' || !matches!(date[10], b'T' | b' ' | b'_') {
        return None;
    }
    let year = u16::from(two(date, 0)?) * 100 + u16::from(two(date, 2)?);
    let month = two(date, 5).filter(|month| (1..=12).contains(month))?;
    let day = two(date, 8).filter(|day| (1..=31).contains(day))?;
    let (hour, minute, second) = clock(date, 11)?;
    let (nanos, at) = fraction(text, 19);
    let (zone, end) = offset(text, at)?;
    // Java repeats the zone by its name: `+02:00[Europe/Berlin]`.
    let end = match text.get(end) {
        Some(b'[') => {
            let name = text[end..].iter().take(40).position(|b| *b == b']');
            name.filter(|len| text[end..end + len].contains(&b'/')).map_or(end, |len| end + len + 1)
        }
        _ => end,
    };
    // svlogd writes an underscore, and UTC.
    let zone = if date[10] == b'_' { Zone::Offset(0) } else { zone };
    let civil = Civil { year: Some(year), month, day, hour, minute, second, nanos, zone };
    Some(cut(text, end, Time::Civil(civil)))
}

/// `Z`, `+02:00`, `+0200`, or nothing.
pub(super) fn offset(text: &[u8], at: usize) -> Option<(Zone, usize)> {
    let sign = match text.get(at) {
        Some(b'Z') => return Some((Zone::Offset(0), at + 1)),
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Some((Zone::Local, at)),
    };
    let hours = two(text, at + 1)?;
    let (minutes, end) = match text.get(at + 3) {
        Some(b':') => (two(text, at + 4)?, at + 6),
        Some(b'0'..=b'9') => (two(text, at + 3)?, at + 5),
        // PostgreSQL, and `date -Is` of busybox.
        _ => (0, at + 3),
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some((Zone::Offset(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)), end))
}

/// `1719720373.123456` (journalctl short-unix): at least nine digits and a fraction.
fn unix(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(9..=11).contains(&digits) || text.get(digits) != Some(&b'.') {
        return None;
    }
    let seconds = i64::try_from(number(&text[..digits])?).ok()?;
    let (nanos, end) = fraction(text, digits);
    Some(cut(text, end, Time::Unix { seconds, nanos }))
}

/// `Jun30 06:06` of `dmesg -e` and `-H`; with seconds where they were counted.
pub(super) fn short(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let month = month(text, 0)?;
    let day = day(text, 3)?;
    if text.get(5) != Some(&b' ') || text.get(8) != Some(&b':') {
        return None;
    }
    let (hour, minute) = (two(text, 6).filter(|h| *h < 24)?, two(text, 9).filter(|m| *m < 60)?);
    let (second, nanos, end) = match text.get(11) {
        Some(b':') => {
            let (nanos, end) = fraction(text, 14);
            (two(text, 12).filter(|s| *s < 60)?, nanos, end)
        }
        _ => (0, 0, 11),
    };
    let civil = Civil { year: None, month, day, hour, minute, second, nanos, zone: Zone::Local };
    Some(cut(text, end, Time::Civil(civil)))
}

/// `30/Jun/2024:06:06:13 +0200` of Proxmox.
pub(super) fn common_log(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    // A day is padded, or not.
    let at = if text.get(1) == Some(&b'/') { 1 } else { 2 };
    let day = match at {
        1 => text[0].checked_sub(b'0').filter(|day| (1..=9).contains(day))?,
        _ => day(text, 0)?,
    };
    let sep = |from: usize, byte: u8| text.get(at + from) == Some(&byte);
    if !(sep(0, b'/') && sep(4, b'/') && sep(9, b':') && sep(18, b' ')) {
        return None;
    }
    let month = month(text, at + 1)?;
    let year = Some(u16::try_from(number(text.get(at + 5..at + 9)?)?).ok()?);
    let (hour, minute, second) = clock(text, at + 10)?;
    let (zone, end) = offset(text, at + 19)?;
    let civil = Civil { year, month, day, hour, minute, second, nanos: 0, zone };
    Some(cut(text, end, Time::Civil(civil)))
}

/// `[ 8486.974964]`: seconds right-aligned, six digits after the point. The text after the bracket follows.
#[inline(always)]
pub(super) fn uptime(text: &[u8]) -> Option<(Uptime, &[u8])> {
    let (uptime, at) = uptime_digits(text)?;
    let rest = &text[at..];
    match rest {
        [b']', rest @ ..] => Some((uptime, rest)),
        [] => None,
        _ => Some((uptime, vendor::end_of_uptime(rest)?)),
    }
}

/// The numbers of an uptime stamp and where they end.
#[inline(always)]
fn uptime_digits(text: &[u8]) -> Option<(Uptime, usize)> {
    let mut at = 1;
    while text.get(at) == Some(&b' ') {
        at += 1;
    }
    let (seconds, digits) = swar::number(text.get(at..)?)?;
    at += digits;
    if text.get(at) != Some(&b'.') {
        return None;
    }
    at += 1;
    let (micros, digits) = swar::number(&text[at..])?;
    let missing = 6usize.checked_sub(digits)?;
    let micros = if missing == 0 { micros as u32 } else { micros as u32 * 10u32.pow(missing as u32) };
    Some((Uptime { seconds, micros }, at + digits))
}

/// An uptime, the time since the record before, and the text behind.
pub(super) type Delta<'a> = (Uptime, Option<&'a [u8]>, &'a [u8]);

/// `[ 8486.974964 <    0.000035>] `, `<    0.000001 >`, or blanks in place of the first.
pub(super) fn uptime_with_delta(text: &[u8]) -> Option<Delta<'_>> {
    let (uptime, at) = uptime_digits(text)?;
    let rest = text[at..].trim_ascii_start();
    if rest.len() == text.len() - at {
        return None;
    }
    if let Some(rest) = rest.strip_prefix(b"] ") {
        return Some((uptime, None, rest));
    }
    let inside = rest.strip_prefix(b"<")?;
    let end = memchr::memchr(b'>', inside)?;
    let delta = inside[..end].trim_ascii();
    let ok = !delta.is_empty() && delta.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let rest = inside[end + 1..].strip_prefix(b"] ")?;
    ok.then_some((uptime, Some(delta), rest))
}

/// `[1719720373.123] `.
pub(super) fn bracketed_unix(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', inside)?;
    let unix = &inside[..end];
    // An address in brackets is a host.
    let seconds = unix.iter().take_while(|b| b.is_ascii_digit()).count();
    let ok = seconds >= 9 && unix.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    Some((unix, inside[end + 1..].strip_prefix(b" ")?)).filter(|_| ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn civil(text: &str) -> (Civil, String) {
        let (stamp, rest) = any(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
        let Time::Civil(civil) = stamp.time else { panic!("{text}") };
        (civil, String::from_utf8(rest.to_vec()).unwrap())
    }

    #[test]
    fn numbers_of_every_length() {
        for len in 1..=19 {
            for digit in 0..=9u8 {
                let text: Vec<u8> = (0..len).map(|at| b'0' + (digit + at) % 10).collect();
                let value = std::str::from_utf8(&text).unwrap().parse().ok();
                assert_eq!(number(&text), value);
                for at in 0..text.len() {
                    for wrong in [b' ', b'/', b':', b'a', 0xff] {
                        let mut other = text.clone();
                        other[at] = wrong;
                        assert_eq!(number(&other), None);
                    }
                }
            }
        }
        assert_eq!((number(b""), number(b"12345678901234567890")), (None, None));
    }

    #[test]
    fn forms_agree_on_the_moment() {
        let forms = [
            "2024-06-30T06:06:13Z x",
            "2024-06-30T06:06:13+00:00 x",
            "2024-06-30T06:06:13+0000 x",
            "2024-06-30 06:06:13 x",
            "Sun Jun 30 06:06:13 2024 x",
            "Sun 2024-06-30 06:06:13 UTC x",
            "Jun 30 2024 06:06:13 x",
        ];
        for form in forms {
            let (civil, rest) = civil(form);
            assert_eq!(civil.seconds_as_utc(1999), 1_719_727_573, "{form}");
            assert_eq!(rest, "x");
        }
    }

    #[test]
    fn nonsense_is_no_stamp() {
        for text in [
            "Jun 32 06:06:13 x",
            "Jun  0 06:06:13 x",
            "Jum 30 06:06:13 x",
            "Jun 30 24:06:13 x",
            "2024-13-30T06:06:13Z x",
            "2024-06-30T06:06:13",
            "Jun 30 06:06:13x",
        ] {
            assert!(any(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn uptime_keeps_its_microseconds() {
        let (up, rest) = uptime(b"[ 8486.974964] x").unwrap();
        assert_eq!((up.to_string().as_str(), rest), ("8486.974964", &b" x"[..]));
        assert!(uptime(b"[8486] x").is_none());
        assert!(uptime(b"[UFW BLOCK] x").is_none());
    }
}

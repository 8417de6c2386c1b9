//! What the strict forms do not take: fronts that tools put before a line, stamps of other
//! languages and daemons, marks of vendors' kernels.
//!
//! Responsible for: one loop over the elements before an envelope (byte order mark, indentation,
//! quotes, `grep`'s file and line), and the rarer stamps, hosts and callers.
//! Must not know: what the message says.
//! Tested by: `tests/suites/envelopes.rs`, `crates/fwstat/tests/cli/envelopes.rs` of the program.

use super::{Envelope, month, severity_number, stamp};
use crate::time::{Civil, Stamp, Time, Zone};

/// Elements before one envelope, at most: a line of nothing but quotes is no envelope's.
const FRONTS: usize = 8;

/// The width of `[    1.000000] `, the shortest stamp of dmesg.
const STAMP_WIDTH: usize = 15;

/// 2001 and 2100 in seconds since 1970: numbers of ten digits outside are no moments.
const MOMENTS: core::ops::Range<i64> = 1_000_000_000..4_102_444_800;

/// Opens a text that no strict form takes; `None` if it has no envelope.
pub(super) fn open<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    if let Some((stamp, rest)) = stamp(text) {
        return Some(super::stamped(stamp, rest, envelope));
    }
    if let Some(rest) = logcat(text, envelope) {
        return Some(super::kernel_marks(rest, envelope));
    }
    if text.first() == Some(&b'(') || text.starts_with(b"-(") {
        return vendor_caller(text).map(|_| super::marks(text, envelope));
    }
    let mut rest = text;
    for _ in 0..FRONTS {
        rest = front(rest)?;
        if begins(rest) {
            return Some(super::syslog(rest, envelope));
        }
    }
    None
}

/// Whether an envelope begins here, and not another front.
fn begins(text: &[u8]) -> bool {
    let marked = || {
        let digits = text.iter().skip(1).take(4).take_while(|b| b.is_ascii_digit()).count();
        text[0] == b'<' && digits > 0 && text.get(digits + 1) == Some(&b'>')
    };
    match text.first() {
        None => false,
        Some(b'<') => marked(),
        Some(b'[') => {
            stamp::uptime(text).is_some()
                || stamp::any(&text[1..]).is_some()
                || stamp::short(&text[1..]).is_some()
        }
        Some(_) => text.starts_with(b"kernel:") || stamp::any(text).is_some() || stamp(text).is_some(),
    }
}

/// One element before an envelope: a byte order mark, blanks, a quote's mark, `FILE:` or `LINE:`.
fn front(text: &[u8]) -> Option<&[u8]> {
    match text.first()? {
        0xef => text.strip_prefix(b"\xef\xbb\xbf"),
        b' ' | b'\t' => {
            // dmesg indents the further lines of a record by the width of its stamp: what looks like
            // a stamp there is the record's own text.
            let rest = text.trim_ascii_start();
            (text.len() - rest.len() < STAMP_WIDTH || rest.first() != Some(&b'[')).then_some(rest)
        }
        b'>' | b'|' => Some(&text[1..]),
        b'0'..=b'9' => {
            let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
            // grep marks lines of the context with a dash.
            text[digits..].strip_prefix(b":").or_else(|| text[digits..].strip_prefix(b"-"))
        }
        b'(' if text.starts_with(b"(standard input):") => Some(&text[17..]),
        _ => {
            let name = text.iter().take(255).position(|b| matches!(b, b':' | b' ' | b'=' | b'[' | b'<'))?;
            // No blank follows a file's name, as one follows a prefix that ends in a colon.
            let rest = text[name..].strip_prefix(b":").filter(|rest| rest.first() != Some(&b' '))?;
            (name > 0).then_some(rest)
        }
    }
}

/// A stamp that the strict forms do not take, and what follows it.
pub(super) fn stamp(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    match text.first()? {
        b'@' => tai64n(text),
        b'0'..=b'9' => unix_seconds(text).or_else(|| date(text)),
        _ => date(text),
    }
}

/// A word up to a blank, and what follows the blank.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().take(48).position(|b| *b == b' ')?;
    Some((&text[..end], &text[end + 1..]))
}

/// A number of one or two digits with a dot, a comma or the sign of a day after it, or none.
fn day(text: &[u8]) -> Option<u8> {
    let text = text.strip_suffix(b",").unwrap_or(text);
    let text = text.strip_suffix(b".").or_else(|| text.strip_suffix("日".as_bytes())).unwrap_or(text);
    number(text, 2).and_then(|day| u8::try_from(day).ok()).filter(|day| (1..=31).contains(day))
}

fn number(text: &[u8], digits: usize) -> Option<u64> {
    (text.len() <= digits).then(|| stamp::number(text)).flatten()
}

fn year(text: &[u8]) -> Option<u16> {
    let text = text.strip_suffix(b",").unwrap_or(text);
    (text.len() == 4).then(|| number(text, 4)).flatten().and_then(|year| u16::try_from(year).ok())
}

/// `okt. 4 06:06:13`, `12月 16 14:59:25`, `4 Oct 2024 06:06:13`: month and day in either order, a
/// year or none, a clock.
fn date(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let (first, after) = word(text)?;
    let after = after.trim_ascii_start();
    let (second, mut after) = word(after)?;
    let (month, day) = match (month::month(first), day(second)) {
        (Some(month), Some(day)) => (month, day),
        _ => (month::month(second.strip_suffix(b",").unwrap_or(second))?, day_first(first)?),
    };
    let mut of_year = None;
    if let Some((third, rest)) = word(after)
        && let Some(year) = year(third)
    {
        of_year = Some(year);
        after = rest;
    }
    let (hour, minute, second) = stamp::clock(after, 0)?;
    let (nanos, end) = stamp::fraction(after, 8);
    let civil = Civil { year: of_year, month, day, hour, minute, second, nanos, zone: Zone::Local };
    let rest = &after[end..];
    let len = text.len() - rest.len();
    let stamp = Stamp { text: &text[..len], time: Time::Civil(civil) };
    match rest {
        [b' ', rest @ ..] => Some((stamp, rest)),
        [b']', ..] => Some((stamp, rest)),
        [b':', b' ', rest @ ..] => Some((stamp, rest)),
        _ => None,
    }
}

fn day_first(text: &[u8]) -> Option<u8> {
    // A bare number before a month's name is a day; a month with the sign of a month is none.
    day(text)
}

/// `1699501699 `: seconds since 1970 without a fraction.
fn unix_seconds(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let (digits, rest) = word(text)?;
    if digits.len() != 10 {
        return None;
    }
    let seconds = i64::try_from(stamp::number(digits)?).ok().filter(|seconds| MOMENTS.contains(seconds))?;
    Some((Stamp { text: digits, time: Time::Unix { seconds, nanos: 0 } }, rest))
}

/// `@4000000065...`: TAI64N of s6, daemontools and runit, 24 hex digits.
fn tai64n(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    /// The label of 1970 on the scale, and the ten seconds that those who write it add.
    const EPOCH: u64 = (1 << 62) + 10;
    let (label, rest) = word(text)?;
    let digits = core::str::from_utf8(label.strip_prefix(b"@")?).ok()?;
    if digits.len() != 24 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let seconds = u64::from_str_radix(&digits[..16], 16).ok()?.checked_sub(EPOCH)?;
    let nanos = u32::from_str_radix(&digits[16..], 16).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    let time = Time::Unix { seconds: i64::try_from(seconds).ok()?, nanos };
    Some((Stamp { text: label, time }, rest.trim_ascii_start()))
}

/// Zones by the names that clocks print, with their offsets in hours.
const ZONES: [(&[u8], i32); 24] = [
    (b"UTC", 0),
    (b"GMT", 0),
    (b"WET", 0),
    (b"WEST", 1),
    (b"BST", 1),
    (b"CET", 1),
    (b"CEST", 2),
    (b"EET", 2),
    (b"EEST", 3),
    (b"MSK", 3),
    (b"JST", 9),
    (b"KST", 9),
    (b"AEST", 10),
    (b"AEDT", 11),
    (b"NZST", 12),
    (b"NZDT", 13),
    (b"EST", -5),
    (b"EDT", -4),
    (b"CST", -6),
    (b"CDT", -5),
    (b"MST", -7),
    (b"MDT", -6),
    (b"PST", -8),
    (b"PDT", -7),
];

/// A zone after a stamp that has none: a name, or `+0200`.
pub(super) fn zone<'a>(stamp: &mut Stamp<'a>, rest: &'a [u8]) -> &'a [u8] {
    let Time::Civil(civil) = &mut stamp.time else { return rest };
    if civil.zone != Zone::Local || !matches!(rest.first(), Some(b'A'..=b'Z' | b'+' | b'-')) {
        return rest;
    }
    let end = rest.iter().take(8).position(|b| matches!(b, b' ' | b']'));
    let Some(end) = end else { return rest };
    let name = rest[..end].strip_suffix(b":").unwrap_or(&rest[..end]);
    let known = ZONES.iter().find(|(known, _)| *known == name).map(|(_, hours)| hours * 3600);
    let offset = || match stamp::offset(name, 0) {
        Some((Zone::Offset(offset), len)) if len == name.len() => Some(offset),
        _ => None,
    };
    match known.or_else(offset) {
        Some(seconds) => {
            civil.zone = Zone::Offset(seconds);
            let rest = &rest[end..];
            rest.strip_prefix(b" ").unwrap_or(rest)
        }
        None => rest,
    }
}

/// A masked or bracketed host: `<redacted>`, `[gw]`, `(none)`.
pub(super) fn is_masked(host: &[u8]) -> bool {
    match host {
        [b'<', inside @ .., b'>'] => !inside.is_empty() && !inside.iter().all(u8::is_ascii_digit),
        [b'[', inside @ .., b']'] | [b'(', inside @ .., b')'] => !inside.is_empty(),
        _ => false,
    }
}

/// `[29 lis 2025, 17:40:49 UTC] kern.warn: `: LuCI's view of the log.
pub(super) fn luci<'a>(inside: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let (mut stamp, rest) = date(inside)?;
    let rest = zone(&mut stamp, rest);
    let rest = rest.strip_prefix(b"] ")?;
    envelope.stamp = Some(stamp);
    Some(super::leveled(rest, envelope).unwrap_or(rest))
}

/// Android's `logcat`: `03-24 14:19:27.123  1234  1240 W kernel  : `, `... W/kernel  (    0): `.
fn logcat<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let date = text.get(..6)?;
    if date[2] != b'-' || date[5] != b' ' {
        return None;
    }
    let (month, day) = (number(&date[..2], 2)?, number(&date[3..5], 2)?);
    let (hour, minute, second) = stamp::clock(text, 6)?;
    let (nanos, end) = stamp::fraction(text, 14);
    let mut rest = text.get(end..)?.strip_prefix(b" ")?.trim_ascii_start();
    let mut pid = None;
    while rest.first()?.is_ascii_digit() {
        let (number, after) = word(rest)?;
        pid = pid.or(Some(number));
        rest = after.trim_ascii_start();
    }
    let severity = match rest.first()? {
        b'V' | b'D' => 7,
        b'I' => 6,
        b'W' => 4,
        b'E' => 3,
        b'F' | b'A' => 2,
        _ => return None,
    };
    let rest = rest[1..].strip_prefix(b" ").or_else(|| rest[1..].strip_prefix(b"/"))?;
    let colon = rest.iter().take(64).position(|b| *b == b':')?;
    let (tag, after) = (rest[..colon].trim_ascii_end(), &rest[colon + 1..]);
    let tag = match tag.iter().position(|b| *b == b'(') {
        Some(bracket) => {
            pid = tag[bracket + 1..].strip_suffix(b")").map(<[u8]>::trim_ascii);
            tag[..bracket].trim_ascii_end()
        }
        None => tag,
    };
    let civil = Civil {
        year: None,
        month: u8::try_from(month).ok().filter(|month| (1..=12).contains(month))?,
        day: u8::try_from(day).ok().filter(|day| (1..=31).contains(day))?,
        hour,
        minute,
        second,
        nanos,
        zone: Zone::Local,
    };
    envelope.stamp = Some(Stamp { text: &text[..end], time: Time::Civil(civil) });
    envelope.severity = Some(severity);
    envelope.tag = Some(tag);
    envelope.pid = pid.filter(|pid| *pid != b"0");
    after.strip_prefix(b" ")
}

/// What vendors' kernels print before a message: `(2)[22:ksoftirqd/2]`, `-(0)[0:swapper/0]`
/// (MediaTek), `[0:      swapper/0:    0] ` (Samsung), `[T22]` (Motorola). The caller, and the rest.
pub(super) fn vendor_caller(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let of_mediatek = text.first() == Some(&b'(');
    let bracket = match text.first()? {
        b'(' => {
            let digits = text[1..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
            (digits > 0 && text[digits + 1..].starts_with(b")[")).then_some(digits + 2)?
        }
        b'[' => 0,
        _ => return None,
    };
    let inside = &text[bracket + 1..];
    let end = inside.iter().take(64).position(|b| *b == b']')?;
    let (name, rest) = (&inside[..end], &inside[end + 1..]);
    let mut parts = name.split(|b| *b == b':').map(<[u8]>::trim_ascii);
    let first = parts.next()?;
    let (count, last) = parts.fold((1, first), |(count, _), part| (count + 1, part));
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    // Samsung's kernel marks an interrupt with a letter before the processor's number.
    let processor = first.strip_prefix(b"I").or_else(|| first.strip_prefix(b"C")).unwrap_or(first);
    let ok = if of_mediatek {
        count >= 2 && is_number(first)
    } else {
        count >= 3 && is_number(processor) && is_number(last) || count == 1 && is_task(first)
    };
    if !ok {
        return None;
    }
    // MediaTek's prefix follows at once.
    let rest = if of_mediatek { rest } else { rest.strip_prefix(b" ").unwrap_or(rest) };
    Some((name, rest))
}

/// `T22`, `C1`.
fn is_task(name: &[u8]) -> bool {
    matches!(name.split_first(), Some((b'T' | b'C', digits))
        if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// A severity as a word in any case, or as its number.
pub(super) fn severity(text: &[u8]) -> Option<u8> {
    let mut lower = [0; 9];
    let word = lower.get_mut(..text.len())?;
    word.copy_from_slice(text);
    word.make_ascii_lowercase();
    match &*word {
        b"informational" => Some(6),
        b"emergency" => Some(0),
        b"critical" => Some(2),
        [digit @ b'0'..=b'7'] => Some(digit - b'0'),
        word => severity_number(word),
    }
}

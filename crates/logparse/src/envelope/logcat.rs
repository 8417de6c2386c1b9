//! Android's `logcat`, in the forms of its `-v`.
//!
//! Responsible for: `03-24 14:19:27.123  1234  1240 W kernel  : ` (threadtime), `... W/kernel  (    0): ` (time),
//! `W/kernel  (    0): ` (brief), `W/kernel  : ` (tag), with years, users, zones, microseconds or seconds since 1970.
//! Must not know: what the message says.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

use super::{Envelope, stamp, zone};
use crate::time::{Civil, Stamp, Time, Zone};

/// Opens such a line; not one whose stamp is a strict one.
pub(super) fn open<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    if !text.first()?.is_ascii_digit() {
        return after_stamp(None, text, envelope);
    }
    let (mut when, rest) = dated(text)?;
    let rest = rest.strip_prefix(b" ")?.trim_ascii_start();
    let rest = zone::after(&mut when, rest).trim_ascii_start();
    after_stamp(Some(when), rest, envelope)
}

/// What follows the stamp, if there is one.
pub(super) fn after_stamp<'a>(
    when: Option<Stamp<'a>>,
    text: &'a [u8],
    envelope: &mut Envelope<'a>,
) -> Option<&'a [u8]> {
    let mut rest = text;
    let mut pid = None;
    let mut words = 0;
    while when.is_some() && !is_level(rest) {
        let end = rest.iter().take(24).position(|b| *b == b' ')?;
        let word = &rest[..end];
        let is_number = word.iter().all(u8::is_ascii_digit);
        // One user's name may come before the numbers of process and thread.
        words += 1;
        if words > 3 || !is_number && words > 1 {
            return None;
        }
        pid = pid.or(is_number.then_some(word));
        rest = rest[end..].trim_ascii_start();
    }
    let (level, after) = rest.split_first()?;
    let severity = severity(*level)?;
    let (separator, rest) = after.split_first()?;
    // A letter and a blank are words of any message: only numbers before them make them a level.
    if !(*separator == b'/' || *separator == b' ' && pid.is_some()) {
        return None;
    }
    let colon = rest.iter().take(64).position(|b| *b == b':')?;
    let (tag, message) = (rest[..colon].trim_ascii_end(), rest[colon + 1..].strip_prefix(b" ")?);
    let tag = match tag.iter().position(|b| *b == b'(') {
        Some(bracket) => {
            pid = Some(tag[bracket + 1..].strip_suffix(b")")?.trim_ascii());
            tag[..bracket].trim_ascii_end()
        }
        None => tag,
    };
    if when.is_none() && tag != b"kernel" {
        return None;
    }
    envelope.stamp = when;
    envelope.severity = Some(severity);
    // A line of the kernel without a tag begins with its stamp.
    let uptime = super::stamp::uptime(tag).filter(|(_, behind)| behind.is_empty());
    envelope.uptime = uptime.map(|(uptime, _)| uptime).or(envelope.uptime);
    envelope.tag = Some(tag).filter(|tag| !tag.is_empty() && uptime.is_none());
    envelope.pid = pid.filter(|pid| *pid != b"0");
    Some(message)
}

/// Whether a level follows: one letter, then a blank or a slash.
fn is_level(text: &[u8]) -> bool {
    matches!(text, [level, b' ' | b'/', ..] if severity(*level).is_some())
}

fn severity(letter: u8) -> Option<u8> {
    Some(match letter {
        b'V' | b'D' => 7,
        b'I' => 6,
        b'W' => 4,
        b'E' => 3,
        b'F' | b'A' => 2,
        _ => return None,
    })
}

/// `03-24 14:19:27.123`.
fn dated(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let date: &[u8; 6] = text.first_chunk()?;
    if date[2] != b'-' || date[5] != b' ' {
        return None;
    }
    let number = |digits: &[u8]| stamp::number(digits).and_then(|value| u8::try_from(value).ok());
    let month = number(&date[..2]).filter(|month| (1..=12).contains(month))?;
    let day = number(&date[3..5]).filter(|day| (1..=31).contains(day))?;
    let (hour, minute, second) = stamp::clock(text, 6)?;
    let (nanos, end) = stamp::fraction(text, 14);
    let civil = Civil { year: None, month, day, hour, minute, second, nanos, zone: Zone::Local };
    Some((Stamp { text: &text[..end], time: Time::Civil(civil) }, &text[end..]))
}

//! Heads of loggers that are no syslog: Go's glog, libraries of Java and Python, web servers' stamps, fields with
//! keys, a clock without a date; and rows of archives with more columns than a host and a tag.
//!
//! Responsible for: these, after everything else was tried.
//! Must not know: what the message says.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

use memchr::{memchr, memmem};

use super::{Envelope, date, json, kernel_marks, loose, stamp, tag};
use crate::time::{Civil, Stamp, Time, Zone};

/// Fields of a head, at most.
const FIELDS: usize = 24;

/// Opens such a text; `None` if it is none.
pub(super) fn open<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    if let Some((severity, stamp, rest)) = glog(text) {
        envelope.severity = Some(severity);
        envelope.stamp = Some(stamp);
        return Some(kernel_marks(tag(rest, envelope, true).unwrap_or(rest), envelope));
    }
    keyed(text, envelope)
}

/// `W0630 06:06:13.123456    123 file.go:12] message`: a severity, month, day and clock, a thread, a place.
fn glog(text: &[u8]) -> Option<(u8, Stamp<'_>, &[u8])> {
    let severity = match text.first()? {
        b'I' => 6,
        b'W' => 4,
        b'E' => 3,
        b'F' => 2,
        _ => return None,
    };
    let number = |from: usize| stamp::number(text.get(from..from + 2)?).map(|value| value as u8);
    let (month, day) = (number(1)?, number(3)?);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && text.get(5) == Some(&b' ');
    let (hour, minute, second) = stamp::clock(text, 6).filter(|_| is_date)?;
    let (nanos, end) = stamp::fraction(text, 14);
    let place = text[end..].iter().take(96).position(|b| *b == b']')?;
    let mut words = text[end..end + place].split(|b| *b == b' ').filter(|word| !word.is_empty());
    let thread = words.next().and_then(stamp::number);
    let is_place = words.next().is_some_and(|word| memchr(b':', word).is_some());
    (thread.is_some() && is_place && words.next().is_none()).then_some(())?;
    let civil = Civil { year: None, month, day, hour, minute, second, nanos, zone: Zone::Local };
    let rest = text[end + place + 1..].strip_prefix(b" ")?;
    Some((severity, Stamp { text: &text[1..end], time: Time::Civil(civil) }, rest))
}

/// `date=2024-06-30 time=06:06:13 devname=gw message`, `time=2024-06-30T06:06:13Z host=gw msg=message`: fields without
/// quotes before a message, one of which is a moment.
fn keyed<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let mut told = *envelope;
    let mut rest = text;
    let (mut fields, mut has_moment) = (0, false);
    while let Some((key, value, after)) = field(rest).filter(|_| fields < FIELDS) {
        fields += 1;
        match key {
            b"date" => {
                // The clock is the next field.
                let (clock, value, behind) = field(after)?;
                (clock == b"time").then_some(())?;
                let start = text.len() - rest.len() + key.len() + 1;
                let mut civil = day_of(text.get(start..start + 10)?)?;
                (civil.hour, civil.minute, civil.second) = stamp::clock(value, 0)?;
                civil.nanos = stamp::fraction(value, 8).0;
                let end = text.len() - behind.trim_ascii_start().len();
                let stamp = text[start..end].trim_ascii_end();
                told.stamp = Some(Stamp { text: stamp, time: Time::Civil(civil) });
                (has_moment, rest) = (true, behind);
                continue;
            }
            b"devname" | b"device_name" => told.host = Some(value),
            key if json::is_message(key) => {
                rest = &rest[key.len() + 1..];
                break;
            }
            key => {
                has_moment |= matches!(key, b"time" | b"ts" | b"t" | b"timestamp")
                    && json::moment(value, &mut Envelope::default());
                json::attributes(core::iter::once((key, value)), &mut told);
            }
        }
        rest = after;
    }
    has_moment.then_some(())?;
    *envelope = told;
    Some(kernel_marks(tag(rest, envelope, true).unwrap_or(rest), envelope))
}

/// A field's key and value, in lower case and without quotes, and what follows the blank after them.
fn field(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let key = text.iter().take(24).take_while(|b| b.is_ascii_lowercase() || **b == b'_').count();
    let value = text[key..].strip_prefix(b"=").filter(|_| key > 0)?;
    let end = memchr(b' ', value)?;
    (end > 0 && value[0] != b'"').then(|| (&text[..key], &value[..end], &value[end + 1..]))
}

/// The midnight of `2024-06-30`.
fn day_of(text: &[u8]) -> Option<Civil> {
    let number = |from: usize, to: usize| stamp::number(text.get(from..to)?);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let fits = text[4] == text[7] && (1..=12).contains(&month) && (1..=31).contains(&day);
    fits.then_some(Civil {
        year: Some(year as u16),
        month: month as u8,
        day: day as u8,
        hour: 0,
        minute: 0,
        second: 0,
        nanos: 0,
        zone: Zone::Local,
    })
}

/// `WARNING message`, `WARN kernel message`, `WARNING [main] kernel - message` after the stamp that Java and Python
/// write, with milliseconds after a comma: a level, a thread, the logger's name. After another stamp a level in words
/// may be a rule's prefix.
#[inline]
pub(super) fn after_stamp<'a>(
    stamp: Stamp<'a>,
    text: &'a [u8],
    envelope: &mut Envelope<'a>,
) -> Option<&'a [u8]> {
    /// `2024-06-30 06:06:13,123`
    const LENGTH: usize = 23;
    (stamp.text.len() == LENGTH && stamp.text[10] == b' ' && stamp.text[19] == b',').then_some(())?;
    let level = &text[..memchr(b' ', text)?];
    let is_level = level.iter().all(u8::is_ascii_uppercase) && loose::take_level(level, envelope);
    is_level.then(|| {
        let rest = text[level.len()..].trim_ascii_start();
        match rest.strip_prefix(b"kernel ") {
            Some(rest) => {
                envelope.tag = Some(b"kernel");
                kernel_marks(rest.strip_prefix(b"- ").unwrap_or(rest), envelope)
            }
            None => kernel_marks(tag(rest, envelope, true).unwrap_or(rest), envelope),
        }
    })
}

/// `06:06:13 gw kernel: message`: a clock that no date comes with is no moment; host and tag are what they are.
pub(super) fn clock_alone<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    stamp::clock(text, 0)?;
    let (_, end) = stamp::fraction(text, 8);
    let rest = text[end..].strip_prefix(b" ")?;
    if let Some(rest) = tag(rest, envelope, true) {
        return Some(kernel_marks(rest, envelope));
    }
    let host = &rest[..memchr(b' ', rest)?];
    let rest = tag(&rest[host.len() + 1..], envelope, true)?;
    envelope.host = Some(host);
    Some(kernel_marks(rest, envelope))
}

/// Whether a column of an archive says nothing of host, tag and level: a moment (that of arrival), a number, the
/// address of a host that has a name. A facility alone is noted.
pub(super) fn is_beside(field: &[u8], envelope: &mut Envelope<'_>) -> bool {
    if field.is_empty() || field.iter().all(u8::is_ascii_digit) {
        return true;
    }
    if field.first().is_some_and(u8::is_ascii_digit)
        && stamp::rfc3339(field).is_some_and(|(_, rest)| rest.is_empty())
    {
        return true;
    }
    if envelope.host.is_some() && loose::is_address(field) {
        return true;
    }
    let facility = loose::facility(field).filter(|_| envelope.host.is_some());
    envelope.facility = facility.or(envelope.facility);
    facility.is_some()
}

/// The one column of a row that names a host, if one and no other may: a name, no level, no facility, no tag, no
/// address, no path.
pub(super) fn host_column<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let is_name = |field: &&[u8]| {
        let known = loose::may_be_level(field)
            || loose::facility(field).is_some()
            || matches!(*field, b"kernel" | b"ulogd" | b"syslog" | b"true" | b"false" | b"null");
        field.iter().all(is_part)
            && field.iter().any(u8::is_ascii_alphabetic)
            && !known
            && !is_moment(field)
            && memmem::find(field, b"..").is_none()
    };
    let mut names = fields.filter(is_name);
    names.next().filter(|_| names.next().is_none())
}

/// Whether a column is a moment, in whatever form.
fn is_moment(field: &[u8]) -> bool {
    json::moment(field, &mut Envelope::default()) || date::whole(field).is_some()
}

//! What no strict form takes: the last that is tried before a text counts as a message without an envelope.
//!
//! Responsible for: the order in which the rarer forms are tried, lines whose fields tabs divide, names of hosts
//! that were masked.
//! Must not know: what the message says.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

use super::{
    Envelope, date, front, logcat, loggers, quoted, rfc5424, set_level, severity_number, stamp, vendor,
};
use crate::time::Stamp;

/// Opens a text that no strict form takes; `None` if it has no envelope.
pub(super) fn open<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    // RFC 5424 without its number in angle brackets.
    if text.starts_with(b"1 ")
        && let Some(message) = rfc5424(text, envelope)
    {
        return Some(super::message_of_rfc5424(message, envelope));
    }
    // The stamps of some forms of logcat are strict ones, and what follows them is no host.
    if let Some(rest) = logcat::open(text, envelope) {
        return Some(super::kernel_marks(rest, envelope));
    }
    if let Some((stamp, rest)) =
        stamp::rfc3339(text).or_else(|| stamp::rfc3164(text)).or_else(|| date::before_sign(text))
        && let Some((sign @ (b'\t' | b'|' | b';' | b','), rest)) = rest.split_first()
        && let Some(message) = divided(*sign, stamp, rest, envelope)
    {
        return Some(message);
    }
    if let Some((stamp, rest)) = date::any(text) {
        return Some(match stamp.text {
            [b'@', label @ ..] if matches!(label.len(), 16 | 24 | 32) => {
                super::of_supervisor(stamp, rest, envelope)
            }
            _ => super::stamped(stamp, rest, envelope, 0),
        });
    }
    if matches!(text.first(), Some(b'(' | b'-' | b'.')) && vendor::caller(text).is_some() {
        return Some(super::marks(text, envelope));
    }
    if let Some(message) = quoted::open(text, envelope) {
        return Some(message);
    }
    if let Some(rest) = leading_level(text, envelope).or_else(|| loggers::open(text, envelope)) {
        return Some(rest);
    }
    let Some(mut rest) = front::without(text) else { return loggers::clock_alone(text, envelope) };
    // What was quoted ends as it began.
    if let Some(quote @ (b'`' | b'"' | b'\'')) = text.first()
        && let Some(inside) = rest.strip_suffix(&[*quote])
    {
        rest = inside;
    }
    if let Some((message, _)) = super::kmsg::open(rest, envelope) {
        return Some(message);
    }
    let message = super::syslog(rest, envelope);
    // A stamp before the line's own tells the year that this one leaves out.
    envelope.outer_stamp = envelope.outer_stamp.or_else(|| stamp::rfc3339(text).map(|(stamp, _)| stamp.text));
    Some(message)
}

/// A level before a stamp: `[WARNING] 2024-06-30 06:06:13 `, `kern.warn Jun 30 06:06:13 `, `W 2024-...`; and what
/// follows it.
fn leading_level<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let end = text.iter().take(24).position(|b| *b == b' ')?;
    let (word, rest) = (&text[..end], &text[end + 1..]);
    let mut told = *envelope;
    take_level(word, &mut told).then_some(())?;
    let (stamp, rest) = stamp::any(rest).or_else(|| date::any(rest))?;
    *envelope = told;
    Some(super::stamped(stamp, rest, envelope, 0))
}

/// Fields that a sign divides: a level (`Kernel.Warning`), a host, a tag, in this order, each there or not. What
/// follows may be the sender's own line. Between other signs than tabs only if something is said there.
fn divided<'a>(sign: u8, stamp: Stamp<'a>, text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let mut rest = text;
    let told = *envelope;
    envelope.stamp = Some(stamp);
    while let Some(end) = rest.iter().take(64).position(|b| *b == sign) {
        let field = &rest[..end];
        if field == b"kernel" || field == b"ulogd" {
            envelope.tag = Some(field);
        } else if sign == b'\t' && loggers::is_beside(field, envelope) {
            // A moment, a number, the address of a host that has a name, a facility of its own.
        } else if let Some(tag) = field.strip_suffix(b":") {
            envelope.tag = Some(tag);
        } else if !take_level(field, envelope) {
            if envelope.host.is_some() || field.contains(&b' ') {
                break;
            }
            envelope.host = Some(field);
        }
        rest = &rest[end + 1..];
    }
    let near = &rest[..rest.len().min(64)];
    let is_quoted = || rest.first() == Some(&b'"') || memchr::memmem::find(near, &[sign, b'"']).is_some();
    if sign != b'\t' && (rest.len() == text.len() || is_quoted()) {
        *envelope = told;
        return None;
    }
    if envelope.tag.is_some() {
        return Some(super::kernel_marks(rest, envelope));
    }
    let told = (envelope.facility, envelope.severity, envelope.host);
    let message = super::relayed(stamp, rest, envelope, 0)
        .or_else(|| super::tag(rest, envelope, true).map(|rest| super::kernel_marks(rest, envelope)))
        .or_else(|| {
            // The sender's own name before its tag.
            let (host, after) = rest.split_at(rest.iter().take(64).position(|b| *b == b' ')?);
            let after = super::tag(&after[1..], envelope, true)?;
            envelope.host = Some(host);
            Some(super::kernel_marks(after, envelope))
        })
        .unwrap_or_else(|| super::kernel_marks(rest, envelope));
    if envelope.severity.is_none() {
        (envelope.facility, envelope.severity) = (told.0, told.1);
    }
    envelope.host = envelope.host.or(told.2);
    Some(message)
}

/// Fields that a sign between blanks divides, after the first sign: `gw | kernel | message`, `gw - message`,
/// `warning | gw | kernel | message`.
pub(super) fn separated<'a>(separator: u8, text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let field = |text: &'a [u8]| {
        let end = text.iter().take(64).position(|b| *b == b' ')?;
        let after = text[end..].strip_prefix(&[b' ', separator, b' '][..])?;
        Some((&text[..end], after))
    };
    let (mut host, mut told, mut rest) = (None, *envelope, text);
    while let Some((word, after)) = field(rest) {
        match word {
            b"kernel" | b"ulogd" => told.tag = Some(word),
            _ if take_level(word, &mut told) => {}
            _ if host.is_none() => host = Some(word),
            _ => return None,
        }
        rest = after;
    }
    (rest.len() < text.len()).then_some(())?;
    *envelope = Envelope { host, ..told };
    Some(super::tag(rest, envelope, true).map_or(rest, |rest| super::kernel_marks(rest, envelope)))
}

/// Whether a word between a stamp and a tag may be a level; every line's host is asked.
#[inline]
pub(super) fn may_be_level(word: &[u8]) -> bool {
    let is_severity = || match word.first().map(u8::to_ascii_lowercase) {
        Some(b'e' | b'a' | b'c' | b'w' | b'n' | b'i' | b'd' | b'p') if (3..=13).contains(&word.len()) => {
            severity(word).is_some()
        }
        _ => false,
    };
    is_severity() || word.len() <= 24 && level(word).is_some()
}

/// What follows a sender's address, a level or both, before the sender's own line.
pub(super) fn after_sender(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    for is_one in [is_address as fn(&[u8]) -> bool, may_be_level] {
        let end = rest.iter().take(48).position(|b| *b == b' ')?;
        if is_one(&rest[..end]) {
            rest = &rest[end + 1..];
        }
    }
    (rest.len() < text.len()).then_some(rest)
}

/// Whether a name in brackets stands for one that was taken out.
pub(super) fn is_mask(name: &[u8]) -> bool {
    const MASKS: [&[u8]; 9] = [
        b"redacted",
        b"hidden",
        b"masked",
        b"removed",
        b"censored",
        b"anonymized",
        b"host",
        b"hostname",
        b"snip",
    ];
    let inside = name.get(1..name.len().saturating_sub(1)).unwrap_or_default();
    MASKS.iter().any(|mask| mask.eq_ignore_ascii_case(inside))
}

/// A level as a field of its own, in brackets before anything else: `[warning] `, `(kern.warn) `, `<warning> `.
pub(super) fn level_field<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    if !matches!(text.first()?, b'[' | b'(' | b'<') {
        return None;
    }
    let end = text.iter().take(24).position(|b| *b == b' ')?;
    take_level(&text[..end], envelope).then(|| &text[end + 1..])
}

/// Takes the level that a word says, in brackets or not, before a colon or not: `warning`, `[kern.warn]`, `WARN:`;
/// `false` if it says none. A number may be anything.
pub(super) fn take_level(word: &[u8], envelope: &mut Envelope<'_>) -> bool {
    let word = word.strip_suffix(b":").unwrap_or(word);
    let word = match word {
        [b'[', inside @ .., b']'] | [b'(', inside @ .., b')'] | [b'<', inside @ .., b'>'] => inside,
        word => word,
    };
    if let Some((facility, severity)) = level(word) {
        set_level(envelope, facility, severity);
        return true;
    }
    let severity = severity(word).filter(|_| word.iter().any(u8::is_ascii_alphabetic));
    envelope.severity = severity.or(envelope.severity);
    severity.is_some()
}

/// `Kernel.Warning`, `kern.warn`.
pub(super) fn level(text: &[u8]) -> Option<(u8, u8)> {
    let dot = text.iter().position(|b| *b == b'.')?;
    Some((facility(&text[..dot])?, severity(&text[dot + 1..])?))
}

/// A host whose name is masked or in brackets, and what follows it: `<redacted>`, `[gw]`, `(none)`, `{my host}`.
pub(super) fn masked(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let close = match text.first()? {
        b'<' => b'>',
        b'[' => b']',
        b'(' => b')',
        b'{' => b'}',
        quote @ (b'"' | b'\'') => *quote,
        _ => return None,
    };
    let end = 1 + text[1..].iter().take(64).position(|b| *b == close)?;
    let inside = &text[1..end];
    let is_level = close == b'>' && inside.iter().all(u8::is_ascii_digit);
    (!inside.is_empty() && !is_level).then_some(())?;
    Some((&text[..=end], text[end + 1..].strip_prefix(b" ")?))
}

/// A text in lower case, if it is short.
fn lower<'b>(text: &[u8], buffer: &'b mut [u8; 16]) -> Option<&'b [u8]> {
    let word = buffer.get_mut(..text.len())?;
    word.copy_from_slice(text);
    word.make_ascii_lowercase();
    Some(word)
}

/// A severity as a word in any case, or as its number.
pub(super) fn severity(text: &[u8]) -> Option<u8> {
    // What iptables and nft give, unless they are told another.
    if text == b"warning" {
        return Some(4);
    }
    match lower(text, &mut [0; 16])? {
        b"informational" => Some(6),
        b"emergency" => Some(0),
        b"critical" => Some(2),
        [digit @ b'0'..=b'7'] => Some(digit - b'0'),
        word => severity_number(word),
    }
}

/// A facility as a word in any case, `kernel` among them, or as its number.
pub(super) fn facility(text: &[u8]) -> Option<u8> {
    if text == b"kern" {
        return Some(0);
    }
    let mut buffer = [0; 16];
    match lower(text, &mut buffer)? {
        b"kernel" => Some(0),
        b"user-level" => Some(1),
        word => {
            let number = || stamp::number(word).filter(|number| *number <= 127).map(|number| number as u8);
            super::facility_number(word).or_else(number)
        }
    }
}

/// Whether a word is an address, in brackets or not, with a port or not.
pub(super) fn is_address(text: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(text) else { return false };
    text.parse::<core::net::IpAddr>().is_ok() || text.parse::<core::net::SocketAddr>().is_ok()
}

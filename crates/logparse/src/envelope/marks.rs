//! What the kernel puts before its text, and what is left there by those who pass it on.
//!
//! Responsible for: the kernel's stamp and caller, a second tag, levels that nothing took out, the count of a repeated
//! message.
//! Must not know: stamps of logging programs, hosts, tags.
//! Tested by: `testdata/lines/derived-envelopes.toml`, `tests/suites/envelopes.rs` over `testdata/envelopes`.

use memchr::memchr;

use super::{BOM, Envelope, level_words, pri, set_level, stamp, vendor};

/// What the kernel itself puts before its text: `[ 8486.974964] `, `[    C1] `. Only one
/// stamp, and only here: the same text further on belongs to the message.
pub(super) fn kernel_marks<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    let mut rest = if envelope.tag == Some(b"kernel") { without_tag(text) } else { text };
    if let [b' ', after @ ..] = rest
        && stamp::uptime(after).is_some()
    {
        rest = after;
    }
    let rest = uptime_and_caller(rest, envelope);
    marks(rest, envelope)
}

/// What follows a tag of the kernel after its tag: relays write a second one before a message that has one.
#[inline]
fn without_tag(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some(after) = rest.strip_prefix(b"kernel: ").or_else(|| rest.strip_prefix(b"kernel[0]: ")) {
        rest = after;
    }
    rest
}

/// What may follow the kernel's stamp: the caller that a vendor's kernel prints, a level that
/// nothing took out, the count of a repeated message.
#[inline]
pub(super) fn marks<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    match text.first() {
        Some(b'[' | b'(' | b'-' | b'.' | b'~' | b' ' | b'I') => {
            if let Some((caller, rest)) = vendor::caller(text) {
                envelope.caller = Some(caller);
                return rest;
            }
            text
        }
        Some(b'<' | 1 | b'#' | b'^' | 0xef) => left_level(text, envelope),
        Some(b'k') => level_in_words(text, envelope),
        _ => repeated(text, envelope),
    }
}

/// A level that is left before a message: `<4>`, and the byte 1 before a digit as the kernel stores it, as it is
/// or as rsyslog (`#001`) and terminals (`^A`) write it. What stood before a message in brackets follows it.
fn left_level<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    if let Some(rest) = text.strip_prefix(BOM) {
        return rest;
    }
    if let Some(rest) = pri(text, envelope) {
        return if envelope.uptime.is_none() { uptime_and_caller(rest, envelope) } else { rest };
    }
    let marked = [&b"\x01"[..], b"#001", b"^A"].iter().find_map(|mark| text.strip_prefix(*mark));
    match marked {
        Some([digit @ b'0'..=b'7', rest @ ..]) => {
            set_level(envelope, 0, digit - b'0');
            rest
        }
        _ => text,
    }
}

/// `kern.warn: ` after the kernel's tag.
fn level_in_words<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    let words = if envelope.tag == Some(b"kernel") { level_words(text) } else { None };
    match words.and_then(|(facility, severity, rest)| Some((facility, severity, rest.strip_prefix(b": ")?))) {
        Some((facility, severity, rest)) => {
            set_level(envelope, facility, severity);
            rest
        }
        None => text,
    }
}

/// `[ 8486.974964] [    C1] ` is taken off, if it is there.
fn uptime_and_caller<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    if text.first() != Some(&b'[') {
        return text;
    }
    let Some((uptime, mut rest)) = stamp::uptime(text) else { return text };
    envelope.uptime = Some(uptime);
    if let Some((caller, after)) = caller(rest) {
        envelope.caller = Some(caller);
        rest = after;
    }
    rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"\t")).unwrap_or(rest)
}

/// A record's prefix without the stamp that the kernel puts before it.
pub(crate) fn without_uptime<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    match stamp::uptime(text) {
        Some((uptime, rest)) => {
            envelope.uptime = Some(uptime);
            rest.strip_prefix(b" ").unwrap_or(rest)
        }
        None => text,
    }
}

/// The most repeats that are believed of one line: a rule that logs a thousand packets a second,
/// through the longest window in which a daemon counts (rsyslog: ten minutes), has fewer.
const MOST_REPEATS: u32 = 1_000_000;

/// `message repeated N times: [ original]`, as rsyslog writes it: before a kernel's stamp,
/// if there is one. Behind the stamp it is a prefix that wants to be counted.
pub(super) fn repeated<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    if envelope.uptime.is_some() {
        return text;
    }
    let Some(rest) = text.strip_prefix(b"message repeated ") else { return text };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let Some(count) = stamp::number(&rest[..digits]).and_then(|n| u32::try_from(n).ok()) else { return text };
    let Some(inside) = rest[digits..].strip_prefix(b" times: [") else { return text };
    let inside = inside.strip_prefix(b" ").unwrap_or(inside);
    // More than any daemon counts in its window is a claim, and counts once.
    envelope.repeat = if count <= MOST_REPEATS { count.max(1) } else { 1 };
    let trimmed = inside.trim_ascii_end();
    // Without its bracket the record was cut (rsyslog keeps 800 bytes of it).
    uptime_and_caller(trimmed.strip_suffix(b"]").unwrap_or(inside), envelope)
}

/// `[    C1]`, `[ T1234]`.
pub(super) fn caller(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"[")?;
    let end = memchr(b']', inside)?;
    let name = inside[..end].trim_ascii_start();
    let (kind, digits) = name.split_first()?;
    let ok = matches!(kind, b'C' | b'T') && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    ok.then_some((name, &inside[end + 1..]))
}

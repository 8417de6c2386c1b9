//! Lines that are JSON objects: docker, `dmesg -J`, `journalctl -o json`, log shippers.
//!
//! Responsible for: finding the message and its attributes in one object, without decoding.
//! Must not know: what the message says. Objects are looked into where a writer keeps such things, a few
//! levels deep.
//! Tested by: `testdata/lines/derived-envelopes.toml`, the unit tests below.
//!
//! This is not a JSON library: it reads just enough to borrow from the line. What it does not
//! find well formed it refuses.

use memchr::{memchr, memchr2};

use super::{Encoding, Envelope, JournalTransport, Opened, loose, stamp};
use crate::error::{ErrorKind, ParseError};
use crate::time::{Stamp, Time, Uptime};

/// A JSON value, as its text.
#[derive(Clone, Copy)]
enum Value<'a> {
    /// Between the quotes, escapes as they are.
    Text(&'a [u8]),
    /// Between the brackets.
    Array(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Word(&'a [u8]),
    /// An object, brackets included.
    Object(&'a [u8]),
}

/// What a key means, whoever writes it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The text, which may have an envelope of its own.
    Message,
    /// The line of another program, with its line end (docker, Fluent Bit).
    Line,
    Host,
    Tag,
    Pid,
    Severity,
    Facility,
    Priority,
    /// When the record was made.
    Time,
    /// An object whose keys are looked at as if they stood here.
    Inside,
    /// An object of which the name counts.
    Named(&'static Meaning),
}

/// The keys of journald, dmesg, docker, syslog-ng, rsyslog, GELF, Elastic, Fluent Bit, fluentd,
/// promtail and their kin; in lower case.
const KEYS: &[(&[u8], Meaning)] = &[
    (b"message", Meaning::Message),
    (b"msg", Meaning::Message),
    (b"short_message", Meaning::Message),
    (b"line", Meaning::Message),
    (b"event.original", Meaning::Message),
    (b"log", Meaning::Line),
    (b"host", Meaning::Named(&Meaning::Host)),
    (b"hostname", Meaning::Host),
    (b"_hostname", Meaning::Host),
    (b"host.name", Meaning::Host),
    (b"host.hostname", Meaning::Host),
    (b"syslog_hostname", Meaning::Host),
    (b"fromhost", Meaning::Host),
    (b"source", Meaning::Host),
    (b"program", Meaning::Tag),
    (b"programname", Meaning::Tag),
    (b"syslogtag", Meaning::Tag),
    (b"syslog_identifier", Meaning::Tag),
    (b"syslog_program", Meaning::Tag),
    (b"_syslog_identifier", Meaning::Tag),
    (b"tag", Meaning::Tag),
    (b"ident", Meaning::Tag),
    (b"identifier", Meaning::Tag),
    (b"app", Meaning::Tag),
    (b"appname", Meaning::Tag),
    (b"app_name", Meaning::Tag),
    (b"app-name", Meaning::Tag),
    (b"_application_name", Meaning::Tag),
    (b"process.name", Meaning::Tag),
    (b"process", Meaning::Named(&Meaning::Tag)),
    (b"log.syslog.appname", Meaning::Tag),
    (b"pid", Meaning::Pid),
    (b"procid", Meaning::Pid),
    (b"syslog_pid", Meaning::Pid),
    (b"severity", Meaning::Severity),
    (b"priority", Meaning::Severity),
    (b"level", Meaning::Severity),
    (b"severity_label", Meaning::Severity),
    (b"syslogseverity", Meaning::Severity),
    (b"syslogseverity-text", Meaning::Severity),
    (b"syslogseverity_text", Meaning::Severity),
    (b"syslog_severity", Meaning::Severity),
    (b"log.level", Meaning::Severity),
    (b"log.syslog.severity.code", Meaning::Severity),
    (b"facility", Meaning::Facility),
    (b"syslog_facility", Meaning::Facility),
    (b"syslogfacility", Meaning::Facility),
    (b"syslogfacility-text", Meaning::Facility),
    (b"facility_label", Meaning::Facility),
    (b"pri", Meaning::Priority),
    (b"isodate", Meaning::Time),
    (b"r_isodate", Meaning::Time),
    (b"timestamp", Meaning::Time),
    (b"@timestamp", Meaning::Time),
    (b"timereported", Meaning::Time),
    (b"timegenerated", Meaning::Time),
    (b"eventtime", Meaning::Time),
    (b"date", Meaning::Time),
    (b"ts", Meaning::Time),
    (b"time", Meaning::Time),
    (b"_source", Meaning::Inside),
    (b"fields", Meaning::Inside),
    (b"labels", Meaning::Inside),
    (b"syslog", Meaning::Inside),
    (b"attrs", Meaning::Inside),
];

/// How many places there are for the keys: a power of two, several times as many as there are keys.
const PLACES: usize = 512;

/// At [`place`] of each key, or the next that is free, its number in [`KEYS`] plus one.
const PLACED: [u8; PLACES] = {
    let mut placed = [0; PLACES];
    let mut key = 0;
    while key < KEYS.len() {
        let mut at = place(KEYS[key].0);
        while placed[at] != 0 {
            at = (at + 1) % PLACES;
        }
        placed[at] = key as u8 + 1;
        key += 1;
    }
    placed
};

/// Where a key, in any case, is looked for first.
const fn place(key: &[u8]) -> usize {
    let (Some(first), Some(last)) = (key.first(), key.last()) else { return 0 };
    let middle = key[key.len() / 2] | 0x20;
    ((*first | 0x20) as usize * 31 + (*last | 0x20) as usize * 7 + middle as usize + key.len() * 67) % PLACES
}

fn meaning(key: &[u8]) -> Option<Meaning> {
    let mut at = place(key);
    while let Some(number) = usize::from(PLACED[at]).checked_sub(1) {
        let (known, meaning) = KEYS[number];
        if known.eq_ignore_ascii_case(key) {
            return Some(meaning);
        }
        at = (at + 1) % PLACES;
    }
    None
}

/// How deep objects are looked into.
const DEEPEST: usize = 3;

/// The texts that an object holds.
#[derive(Default)]
struct Texts<'a> {
    message: Option<Value<'a>>,
    line: Option<&'a [u8]>,
}

/// Opens the object that the line is.
pub(super) fn open<'a>(line: &'a [u8], envelope: &mut Envelope<'a>) -> Result<Opened<'a>, ParseError> {
    let mut texts = Texts::default();
    object(line, &mut texts, envelope, 0).ok_or_else(|| ParseError::new(0, ErrorKind::Wrapper))?;
    if let Some(text) = texts.line {
        // docker holds a line of some other program, with its own envelope and line end.
        let text = text.strip_suffix(b"\\n").unwrap_or(text);
        if memchr(b'\\', text).is_some() {
            return Ok(Opened { message: text, encoding: Encoding::Json });
        }
        return Ok(Opened { message: super::syslog(text, envelope), encoding: Encoding::Plain });
    }
    match texts.message {
        Some(Value::Text(text)) if memchr(b'\\', text).is_some() => {
            Ok(Opened { message: text, encoding: Encoding::Json })
        }
        // A shipper's `message` may have an envelope of its own; the journal's never has.
        Some(Value::Text(text)) if envelope.realtime_us.is_none() && envelope.uptime.is_none() => {
            Ok(Opened { message: super::syslog(text, envelope), encoding: Encoding::Plain })
        }
        Some(Value::Text(text)) => Ok(Opened { message: text, encoding: Encoding::Plain }),
        Some(Value::Array(text)) => Ok(Opened { message: text, encoding: Encoding::JsonArray }),
        Some(Value::Word(b"null")) => Err(ParseError::new(0, ErrorKind::MessageLost)),
        _ => Err(ParseError::new(0, ErrorKind::NoHeader)),
    }
}

/// Reads an object's members; `None` if it is not well formed.
fn object<'a>(
    text: &'a [u8],
    texts: &mut Texts<'a>,
    envelope: &mut Envelope<'a>,
    depth: usize,
) -> Option<()> {
    let mut rest = text.strip_prefix(b"{")?.trim_ascii_start();
    while rest.first() != Some(&b'}') {
        let (key, after) = string(rest)?;
        let after = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, after) = value(after)?;
        rest = after.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
        } else if rest.first() != Some(&b'}') {
            return None;
        }
        member(key, value, texts, envelope, depth)?;
    }
    Some(())
}

fn member<'a>(
    key: &[u8],
    value: Value<'a>,
    texts: &mut Texts<'a>,
    envelope: &mut Envelope<'a>,
    depth: usize,
) -> Option<()> {
    // The journal's and dmesg's own keys mean one thing each.
    if let Value::Text(text) | Value::Word(text) = value
        && exact(key, text, envelope)
    {
        return Some(());
    }
    match (meaning(key), value) {
        (Some(Meaning::Message), Value::Object(_)) | (None, _) => {}
        (Some(Meaning::Message), value) => texts.message = Some(value),
        (Some(Meaning::Line), Value::Text(text)) => texts.line = Some(text),
        // Elastic: `"log":{"syslog":{...}}`.
        (Some(Meaning::Line | Meaning::Inside), Value::Object(inside)) if depth < DEEPEST => {
            object(inside, texts, envelope, depth + 1)?;
        }
        (Some(Meaning::Named(meaning)), Value::Object(inside)) => {
            let mut of_name = Envelope::default();
            object_name(inside, *meaning, &mut of_name);
            envelope.host = of_name.host.or(envelope.host);
            envelope.tag = of_name.tag.or(envelope.tag);
        }
        (Some(Meaning::Severity), Value::Object(inside)) => {
            object_name(inside, Meaning::Severity, envelope);
        }
        (Some(meaning), Value::Text(text) | Value::Word(text)) => {
            let meaning = if let Meaning::Named(meaning) = meaning { *meaning } else { meaning };
            attribute(meaning, text, envelope);
        }
        _ => {}
    }
    Some(())
}

/// Takes `name`, `hostname` or `code` of a small object.
fn object_name<'a>(text: &'a [u8], meaning: Meaning, envelope: &mut Envelope<'a>) {
    let mut rest = text.get(1..).unwrap_or_default().trim_ascii_start();
    while let Some((key, after)) = string(rest) {
        let Some(after) = after.trim_ascii_start().strip_prefix(b":") else { return };
        let Some((value, after)) = value(after.trim_ascii_start()) else { return };
        if matches!(key, b"name" | b"hostname" | b"code")
            && let Value::Text(text) | Value::Word(text) = value
        {
            attribute(meaning, text, envelope);
        }
        let after = after.trim_ascii_start();
        rest = after.strip_prefix(b",").unwrap_or(after).trim_ascii_start();
    }
}

/// The keys of the journal and of `dmesg -J`; whether this was one.
fn exact<'a>(key: &[u8], text: &'a [u8], envelope: &mut Envelope<'a>) -> bool {
    match key {
        b"__REALTIME_TIMESTAMP" => envelope.realtime_us = stamp::number(text),
        b"_SOURCE_MONOTONIC_TIMESTAMP" => {
            if let Some(micros) = stamp::number(text) {
                envelope.uptime =
                    Some(Uptime { seconds: micros / 1_000_000, micros: (micros % 1_000_000) as u32 });
            }
        }
        b"_HOSTNAME" => envelope.host = Some(text),
        // The field is the journal's own, so no program can write it; of two, the kernel's tells.
        b"_TRANSPORT" if envelope.transport == Some(JournalTransport::Kernel) => {}
        b"_TRANSPORT" => envelope.transport = Some(JournalTransport::from(text)),
        b"SYSLOG_IDENTIFIER" => envelope.tag = Some(text),
        // dmesg -J has an uptime where docker has a moment.
        b"time" => return dmesg_time(text, envelope),
        _ => return false,
    }
    true
}

/// `8486.974964`, six digits after the point and no moment of this century.
fn dmesg_time(text: &[u8], envelope: &mut Envelope<'_>) -> bool {
    let Some(point) = memchr(b'.', text).filter(|point| text.len() - point == 7) else { return false };
    let (Some(seconds), Some(micros)) = (stamp::number(&text[..point]), stamp::number(&text[point + 1..]))
    else {
        return false;
    };
    if seconds >= 1_000_000_000 {
        return false;
    }
    envelope.uptime = Some(Uptime { seconds, micros: micros as u32 });
    true
}

/// What a key beside the message says.
fn attribute<'a>(meaning: Meaning, text: &'a [u8], envelope: &mut Envelope<'a>) {
    let small = |max: u64| stamp::number(text).filter(|n| *n <= max);
    match meaning {
        Meaning::Host if envelope.host.is_none() && !text.is_empty() => envelope.host = Some(text),
        Meaning::Tag if envelope.tag.is_none() => tag(text, envelope),
        Meaning::Pid if envelope.pid.is_none() && !matches!(text, b"" | b"-" | b"null") => {
            envelope.pid = Some(text);
        }
        Meaning::Severity => envelope.severity = loose::severity(text).or(envelope.severity),
        Meaning::Facility => {
            let by_name = || super::facility_number(text);
            envelope.facility = small(127).map(|n| n as u8).or_else(by_name).or(envelope.facility);
        }
        Meaning::Priority => {
            if let Some(pri) = small(1023) {
                envelope.pri = Some(pri as u16);
                envelope.facility = Some((pri >> 3) as u8);
                envelope.severity = Some((pri & 7) as u8);
            }
        }
        Meaning::Time => time(text, envelope),
        _ => {}
    }
}

/// A program's name, with what syslog puts after it: `kernel:`, `ulogd[77]:`. Fluentd's tags
/// (`kernel.warn`, `docker.4711`) name a way through fluentd and no program.
fn tag<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) {
    let text = text.strip_suffix(b":").unwrap_or(text);
    let (name, pid) = match memchr(b'[', text) {
        Some(bracket) => (&text[..bracket], text[bracket + 1..].strip_suffix(b"]")),
        None => (text, None),
    };
    if !name.is_empty() && memchr(b'.', name).is_none() {
        envelope.tag = Some(name);
        envelope.pid = pid.or(envelope.pid);
    }
}

/// The record's moment: RFC 3339, seconds or milliseconds since 1970.
fn time<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) {
    if stamp::rfc3339(text).is_some() {
        if envelope.outer_stamp.is_none() {
            envelope.outer_stamp = Some(text);
        }
        return;
    }
    let point = memchr(b'.', text).unwrap_or(text.len());
    let Some(whole) = stamp::number(&text[..point]) else { return };
    let (seconds, nanos) = match point {
        // Milliseconds, microseconds, nanoseconds.
        13 => (whole / 1_000, whole % 1_000 * 1_000_000),
        16 => (whole / 1_000_000, whole % 1_000_000 * 1_000),
        19 => (whole / 1_000_000_000, whole % 1_000_000_000),
        9 | 10 => (whole, u64::from(stamp::fraction(text, point).0)),
        _ => return,
    };
    let Ok(seconds) = i64::try_from(seconds) else { return };
    envelope.stamp = Some(Stamp { text, time: Time::Unix { seconds, nanos: nanos as u32 } });
}

/// A string's text and what follows its closing quote.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"\"")?;
    // Keys and most values are short.
    const SHORT: usize = 16;
    let short = inside.iter().take(SHORT).position(|byte| matches!(byte, b'"' | b'\\'));
    if let Some(end) = short.filter(|end| inside[*end] == b'"') {
        return Some((&inside[..end], &inside[end + 1..]));
    }
    let mut at = 0;
    loop {
        let found = at + memchr2(b'"', b'\\', inside.get(at..)?)?;
        if inside[found] == b'"' {
            return Some((&inside[..found], &inside[found + 1..]));
        }
        at = found + 2;
    }
}

/// A value and what follows it.
fn value(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    match text.first()? {
        b'"' => string(text).map(|(inside, rest)| (Value::Text(inside), rest)),
        b'[' | b'{' => {
            let len = nested_len(text)?;
            let inside = &text[1..len - 1];
            let value = if text[0] == b'[' { Value::Array(inside) } else { Value::Object(&text[..len]) };
            Some((value, &text[len..]))
        }
        _ => {
            let len = text.iter().position(|b| matches!(b, b',' | b'}' | b']')).unwrap_or(text.len());
            let word = text[..len].trim_ascii();
            (!word.is_empty()).then_some((Value::Word(word), &text[len..]))
        }
    }
}

/// The length of an array or object, brackets included.
fn nested_len(text: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => {
                let (_, rest) = string(&text[at..])?;
                at = text.len() - rest.len();
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Decodes a string's text or an array of byte values into `out`.
pub(crate) fn unescape(text: &[u8], encoding: Encoding, out: &mut Vec<u8>) -> Result<(), ParseError> {
    let broken = || ParseError::new(0, ErrorKind::Wrapper);
    match encoding {
        Encoding::Plain => out.extend_from_slice(text),
        Encoding::Kmsg => super::kmsg::unescape_kmsg(text, out),
        Encoding::JsonArray => {
            for number in text.split(|b| *b == b',') {
                let value = stamp::number(number.trim_ascii()).and_then(|n| u8::try_from(n).ok());
                out.push(value.ok_or_else(broken)?);
            }
        }
        Encoding::Json => {
            let mut rest = text;
            while let Some(at) = memchr(b'\\', rest) {
                out.extend_from_slice(&rest[..at]);
                let (byte, after) = rest[at + 1..].split_first().ok_or_else(broken)?;
                rest = after;
                match byte {
                    b'"' | b'\\' | b'/' => out.push(*byte),
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    b'n' => out.push(b'\n'),
                    b'r' => out.push(b'\r'),
                    b't' => out.push(b'\t'),
                    b'u' => {
                        let (character, after) = utf16(rest).ok_or_else(broken)?;
                        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                        rest = after;
                    }
                    _ => return Err(broken()),
                }
            }
            out.extend_from_slice(rest);
        }
    }
    Ok(())
}

/// The four digits behind `\u`, and a second half of a surrogate pair if they are a first.
fn utf16(text: &[u8]) -> Option<(char, &[u8])> {
    let unit = |text: &[u8]| -> Option<u32> {
        text.get(..4)?
            .iter()
            .try_fold(0, |value, b| Some(value << 4 | u32::from(crate::types::hex_value(*b)?)))
    };
    let first = unit(text)?;
    let rest = &text[4..];
    if (0xd800..0xdc00).contains(&first)
        && let Some(after) = rest.strip_prefix(b"\\u")
        && let Some(second) = unit(after).filter(|unit| (0xdc00..0xe000).contains(unit))
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return Some((char::from_u32(code)?, &after[4..]));
    }
    Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        let mut out = Vec::new();
        unescape(br#"a\"b\\\u00e9\ud83d\udd25\n"#, Encoding::Json, &mut out).unwrap();
        assert_eq!(out, "a\"b\\\u{e9}\u{1f525}\n".as_bytes());
        out.clear();
        unescape(b"116, 1,255", Encoding::JsonArray, &mut out).unwrap();
        assert_eq!(out, [116, 1, 255]);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in
            [&b"{"[..], b"{\"a\"", b"{\"a\":", b"{\"a\":1", b"{\"a\":\"x", b"{\"a\":[1", b"{\"a\" 1}", b"{,}"]
        {
            assert!(open(text, &mut Envelope::default()).is_err(), "{}", text.escape_ascii());
        }
    }
}

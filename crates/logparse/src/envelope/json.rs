//! Lines that are JSON objects: docker, `dmesg -J`, `journalctl -o json`, log shippers.
//!
//! Responsible for: finding the message and its attributes in one object, without decoding.
//! Must not know: what the message says. Objects deeper than one level are skipped.
//! Tested by: `testdata/lines/derived-envelopes.toml`, the unit tests below.
//!
//! This is not a JSON library: it reads just enough to borrow from the line. What it does not
//! find well formed it refuses.

use memchr::{memchr, memchr2};

use super::{Encoding, Envelope, JournalTransport, Opened, stamp};
use crate::error::{ErrorKind, ParseError};
use crate::time::Uptime;

/// A JSON value, as its text.
#[derive(Clone, Copy)]
enum Value<'a> {
    /// Between the quotes, escapes as they are.
    Text(&'a [u8]),
    /// Between the brackets.
    Array(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Word(&'a [u8]),
    /// An object; not looked into.
    Object,
}

/// Opens the object that the line is.
pub(super) fn open<'a>(line: &'a [u8], envelope: &mut Envelope<'a>) -> Result<Opened<'a>, ParseError> {
    let broken = || ParseError::new(0, ErrorKind::Wrapper);
    let mut message = None;
    let mut nested = None;
    let mut rest = line.strip_prefix(b"{").ok_or_else(broken)?.trim_ascii_start();
    while rest.first() != Some(&b'}') {
        let (key, after) = string(rest).ok_or_else(broken)?;
        let after = after.trim_ascii_start().strip_prefix(b":").ok_or_else(broken)?.trim_ascii_start();
        let (value, after) = value(after).ok_or_else(broken)?;
        rest = after.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
        } else if rest.first() != Some(&b'}') {
            return Err(broken());
        }
        match (key, value) {
            // journalctl, log shippers; dmesg; docker.
            (b"MESSAGE" | b"message" | b"msg", value) => message = Some(value),
            (b"log", Value::Text(text)) => nested = Some(text),
            (key, Value::Text(text)) => attribute(key, text, envelope),
            (key, Value::Word(text)) => attribute(key, text, envelope),
            (_, Value::Array(_) | Value::Object) => {}
        }
    }
    if let Some(text) = nested {
        // docker holds a line of some other program, with its own envelope and line end.
        let text = text.strip_suffix(b"\\n").unwrap_or(text);
        if memchr(b'\\', text).is_some() {
            return Ok(Opened { message: text, encoding: Encoding::Json });
        }
        return Ok(Opened { message: super::syslog(text, envelope), encoding: Encoding::Plain });
    }
    match message {
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

/// What a key beside the message says.
fn attribute<'a>(key: &[u8], text: &'a [u8], envelope: &mut Envelope<'a>) {
    let small = |max: u64| stamp::number(text).filter(|n| *n <= max);
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
        b"PRIORITY" => envelope.severity = small(7).map(|n| n as u8).or(envelope.severity),
        b"SYSLOG_FACILITY" => envelope.facility = small(127).map(|n| n as u8).or(envelope.facility),
        // dmesg -J.
        b"pri" => {
            if let Some(pri) = small(1023) {
                envelope.pri = Some(pri as u16);
                envelope.facility = Some((pri >> 3) as u8);
                envelope.severity = Some((pri & 7) as u8);
            }
        }
        b"time" if text.first().is_some_and(|b| b.is_ascii_digit()) => {
            // docker's is RFC 3339, dmesg's is an uptime.
            if stamp::rfc3339(text).is_some() {
                envelope.outer_stamp = Some(text);
            } else if let Some(point) = memchr(b'.', text)
                && let (Some(seconds), Some(micros)) =
                    (stamp::number(&text[..point]), stamp::number(&text[point + 1..]))
                && text.len() - point == 7
            {
                envelope.uptime = Some(Uptime { seconds, micros: micros as u32 });
            }
        }
        b"timestamp" | b"@timestamp" if stamp::rfc3339(text).is_some() => envelope.outer_stamp = Some(text),
        b"host" | b"hostname" if envelope.host.is_none() && !text.is_empty() => envelope.host = Some(text),
        _ => {}
    }
}

/// A string's text and what follows its closing quote.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"\"")?;
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
            let value = if text[0] == b'[' { Value::Array(inside) } else { Value::Object };
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
        Encoding::Kmsg => super::unescape_kmsg(text, out),
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

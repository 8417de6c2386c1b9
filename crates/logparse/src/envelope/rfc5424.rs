//! RFC 5424 and RFC 6587: `<4>1 STAMP HOST APP PROCID MSGID SD MSG`, and the count of its octets before it.
//!
//! Responsible for: that header.
//! Must not know: what the message says.
//! Tested by: `testdata/lines/derived-envelopes.toml`, `tests/suites/envelopes.rs`.

use memchr::memchr;

use super::{Envelope, stamp};

/// `1 STAMP HOST APP PROCID MSGID SD [BOM]MSG` after the PRI. `- - - [ 8486.9]` is no
/// structured data: the third `-` is.
pub(super) fn rfc5424<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let rest = text.strip_prefix(b"1 ")?;
    let (stamp, rest) = match rest.strip_prefix(b"- ") {
        Some(rest) => (None, rest),
        None => {
            let (stamp, rest) = stamp::rfc3339(rest)?;
            (Some(stamp), rest.strip_prefix(b" ")?)
        }
    };
    let mut words = [&b""[..]; 4];
    let mut rest = rest;
    for word in &mut words {
        let end = memchr(b' ', rest)?;
        *word = &rest[..end];
        rest = &rest[end + 1..];
    }
    let rest = match rest {
        [b'-', rest @ ..] => rest,
        [b'[', ..] => structured_data(rest)?,
        _ => return None,
    };
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let named = |word: &'a [u8]| (word != b"-").then_some(word);
    envelope.stamp = stamp;
    envelope.host = named(words[0]);
    envelope.tag = named(words[1]);
    envelope.pid = named(words[2]);
    Some(rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest))
}

/// Skips `[id key="value" ...]...`; values escape `"`, `\` and `]`.
fn structured_data(text: &[u8]) -> Option<&[u8]> {
    let mut quoted = false;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b']' if !quoted && text.get(at + 1) != Some(&b'[') => return Some(&text[at + 1..]),
            _ => {}
        }
        at += 1;
    }
    None
}

/// `183 ` before `<`.
pub(super) fn octet_count(text: &[u8]) -> Option<&[u8]> {
    let len = text.iter().take(8).take_while(|b| b.is_ascii_digit()).count();
    let rest = text[len..].strip_prefix(b" ")?;
    (len > 0 && rest.first() == Some(&b'<')).then_some(rest)
}

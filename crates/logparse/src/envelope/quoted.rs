//! Messages between quotes, among other fields: logfmt (`time=... host=gw msg="..."`) and rows of CSV
//! (`2024-06-30T06:06:13Z,gw,"..."`), as shippers and their databases write them; CloudWatch's rows.
//!
//! Responsible for: the text that holds the packet, and what the fields around it say.
//! Must not know: what the message says.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

use memchr::{memchr, memmem, memrchr};

use super::{Envelope, json, loggers};

/// Fields that are looked at.
const MOST: usize = 64;

/// The message of such a line; `None` for any other line. A text with escapes in it stays as it is.
pub(super) fn open<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let header = memmem::find(text, b"IN=")?;
    if text.starts_with(b"EVENTS\t") {
        return event(text, header, envelope);
    }
    let opening = memrchr(b'"', &text[..header])?;
    let closing = header + memchr(b'"', &text[header..])?;
    let (before, inside, after) = (&text[..opening], &text[opening + 1..closing], &text[closing + 1..]);
    if memchr(b'\\', inside).is_some() || after.first() == Some(&b'"') {
        return None;
    }
    if let Some(front) = before.strip_suffix(b"=") {
        let key = front.rsplit(|b| *b == b' ').next().unwrap_or(front);
        if !json::is_message(key) || !matches!(after.first(), None | Some(b' ')) {
            return None;
        }
        json::attributes(pairs(&front[..front.len() - key.len()]).chain(pairs(after)), envelope);
        return Some(json::inside(inside, envelope));
    }
    let separator = |b: Option<&u8>| b.copied().filter(|b| matches!(b, b',' | b';' | b'\t'));
    let (left, right) = (separator(before.last()), separator(after.first()));
    // A quote alone before a line is a mail's or a person's.
    let separator = left.or(right)?;
    if before.last().is_some_and(|_| left.is_none()) || after.first().is_some_and(|_| right.is_none()) {
        return None;
    }
    let fields = || before.split(|b| *b == separator).chain(after.split(|b| *b == separator)).take(MOST);
    let unquoted = |field: &'a [u8]| {
        field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field)
    };
    // Of several moments the first is the record's.
    let has_moment = fields().any(|field| json::moment(unquoted(field), envelope));
    let message = json::inside(inside, envelope);
    if has_moment && envelope.host.is_none() {
        envelope.host = loggers::host_column(fields().map(unquoted));
    }
    Some(message)
}

/// `EVENTS<TAB>ARRIVAL<TAB>MESSAGE<TAB>MILLISECONDS`: CloudWatch's events as AWS' command prints them.
fn event<'a>(text: &'a [u8], header: usize, envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let from = memrchr(b'\t', &text[..header])? + 1;
    let to = memrchr(b'\t', text).filter(|to| *to > from)?;
    json::moment(&text[to + 1..], envelope).then(|| json::inside(&text[from..to], envelope))
}

/// `key=value` and `key="value"`, with blanks between them.
fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = text;
    let next = move || {
        rest = rest.trim_ascii_start();
        let equals = memchr(b'=', rest)?;
        let (key, after) = (&rest[..equals], &rest[equals + 1..]);
        let key = key.rsplit(|b| *b == b' ').next().unwrap_or(key);
        let value;
        (value, rest) = match after.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = memchr(b'"', quoted)?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => after.split_at(memchr(b' ', after).unwrap_or(after.len())),
        };
        Some((key, value))
    };
    core::iter::from_fn(next).take(MOST)
}

//! Records as `/dev/kmsg` gives them.
//!
//! Responsible for: the numbers before a record's text, and the escapes in it.
//! Must not know: what the text says.
//! Tested by: `testdata/lines/derived-envelopes.toml`, `testdata/lines/kernel-prefix.toml`.

use memchr::memchr;

use super::level::set_level;
use super::{Encoding, Envelope, stamp};
use crate::bytes::swar;
use crate::time::Uptime;

/// `/dev/kmsg`: `priority,sequence,microseconds,flags[,...];text`.
pub(super) fn open<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<(&'a [u8], Encoding)> {
    let (_, digits) = swar::number(text)?;
    if text.get(digits) != Some(&b',') {
        return None;
    }
    let head = memchr(b';', &text[..text.len().min(128)])?;
    let mut fields = text[..head].split(|b| *b == b',');
    let priority = stamp::number(fields.next()?).filter(|n| *n <= 1023)?;
    let sequence = stamp::number(fields.next()?)?;
    let micros = stamp::number(fields.next()?)?;
    let flags = fields.next()?;
    // Unknown further fields are skipped, as the kernel's documentation asks.
    let caller = fields.find_map(|field| field.strip_prefix(b"caller="));
    envelope.pri = Some(priority as u16);
    set_level(envelope, (priority >> 3) as u8, (priority & 7) as u8);
    envelope.sequence = Some(sequence);
    envelope.uptime = Some(Uptime { seconds: micros / 1_000_000, micros: (micros % 1_000_000) as u32 });
    envelope.kmsg_flags = Some(flags);
    envelope.caller = caller;
    Some((&text[head + 1..], Encoding::Kmsg))
}

/// Whether a text begins as such a record does.
pub(super) fn begins(text: &[u8]) -> bool {
    open(text, &mut Envelope::default()).is_some()
}

/// Undoes `\xNN`, the only escape of `/dev/kmsg`.
pub(crate) fn unescape_kmsg(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let digit = |i: usize| rest.get(at + i).and_then(|b| crate::types::hex_value(*b));
        match (rest.get(at + 1), digit(2), digit(3)) {
            (Some(b'x'), Some(high), Some(low)) => {
                out.push(high << 4 | low);
                rest = &rest[at + 4..];
            }
            _ => {
                out.push(b'\\');
                rest = &rest[at + 1..];
            }
        }
    }
    out.extend_from_slice(rest);
}

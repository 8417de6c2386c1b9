//! Records as `/dev/kmsg` gives them.
//!
//! Responsible for: the numbers before a record's text, and the escapes in it.
//! Must not know: what the text says.
//! Tested by: `testdata/lines/derived-envelopes.toml`, `testdata/lines/kernel-prefix.toml`.

use memchr::memchr;

use super::level::set_level;
use super::{Encoding, Envelope};
use crate::bytes::{simd, swar};
use crate::time::Uptime;

/// `/dev/kmsg`: `priority,sequence,microseconds,flags[,...];text`.
pub(super) fn open<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<(&'a [u8], Encoding)> {
    let (priority, rest) = field(text)?;
    // Most lines that begin with a digit are no such record.
    if priority > 1023 {
        return None;
    }
    let (sequence, rest) = field(rest)?;
    let (micros, rest) = field(rest)?;
    let near = &rest[..rest.len().min(128)];
    let head = simd::find(near, b';');
    if head == near.len() {
        return None;
    }
    let (fields, message) = (&rest[..head], &rest[head + 1..]);
    let (flags, more) = match simd::find(fields, b',') {
        end if end < fields.len() => (&fields[..end], &fields[end + 1..]),
        _ => (fields, &b""[..]),
    };
    // Unknown further fields are skipped, as the kernel's documentation asks.
    let caller = more.split(|b| *b == b',').find_map(|field| field.strip_prefix(b"caller="));
    envelope.pri = Some(priority as u16);
    set_level(envelope, (priority >> 3) as u8, (priority & 7) as u8);
    envelope.sequence = Some(sequence);
    envelope.uptime = Some(Uptime { seconds: micros / 1_000_000, micros: (micros % 1_000_000) as u32 });
    envelope.kmsg_flags = Some(flags);
    envelope.caller = caller;
    Some((message, Encoding::Kmsg))
}

/// A number and the comma behind it; what follows.
#[inline]
fn field(text: &[u8]) -> Option<(u64, &[u8])> {
    let (number, len) = swar::number(text)?;
    Some((number, text[len..].strip_prefix(b",")?))
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

//! Envelopes of single programs: Kubernetes' CRI, Proxmox's `pvefw-logger`, metalog.
//!
//! Responsible for: those three.
//! Must not know: what the message says.
//! Tested by: `testdata/lines/derived-envelopes.toml`, `testdata/lines/derived-pvefw.toml`.

use memchr::memchr;

use super::{Envelope, kernel_marks, loose, stamp};
use crate::time::Stamp;

/// CRI (Kubernetes): `STAMP stdout F text`; `P` marks a part of a longer line.
pub(super) fn cri<'a>(
    stamp: Stamp<'a>,
    rest: &'a [u8],
    envelope: &mut Envelope<'a>,
) -> Option<(&'a [u8], bool)> {
    let rest = rest.strip_prefix(b" stdout ").or_else(|| rest.strip_prefix(b" stderr "))?;
    let (kind, rest) = rest.split_first()?;
    let whole = match kind {
        b'F' => true,
        b'P' => false,
        _ => return None,
    };
    let rest = rest.strip_prefix(b" ")?;
    envelope.outer_stamp = Some(stamp.text);
    Some((rest, whole))
}

/// Proxmox: `vmid level chain dd/Mon/yyyy:hh:mm:ss +zzzz message`.
pub(super) fn pvefw<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let vmid = stamp::number(&text[..digits]).and_then(|n| u32::try_from(n).ok())?;
    let rest = text[digits..].strip_prefix(b" ")?;
    let (level, rest) = rest.split_first()?;
    let severity = level.checked_sub(b'0').filter(|n| *n <= 8)?;
    let rest = rest.strip_prefix(b" ")?;
    let end = memchr(b' ', rest)?;
    let (stamp, after) = stamp::common_log(&rest[end + 1..])?;
    envelope.vmid = Some(vmid);
    envelope.severity = Some(severity);
    envelope.chain = Some(&rest[..end]);
    envelope.stamp = Some(stamp);
    after.strip_prefix(b" ")
}

/// The tag in brackets: `[kernel] ` of metalog, `(kernel) `, `[KERNEL]: ` and with a level behind it by others.
pub(super) fn metalogs<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let close = match text.first()? {
        b'[' => b']',
        b'(' => b')',
        b'{' => b'}',
        _ => return None,
    };
    let end = 1 + text[1..].iter().take(8).position(|b| *b == close)?;
    let tag: &[u8] = match &text[1..end] {
        name @ (b"ulogd" | b"ulogd2") => name,
        name if name.eq_ignore_ascii_case(b"kernel") => b"kernel",
        _ => return None,
    };
    let after = text[end + 1..].strip_prefix(b":").unwrap_or(&text[end + 1..]);
    let rest = after.strip_prefix(b" ").or_else(|| stamp::uptime(after).and(Some(after)))?;
    envelope.tag = Some(tag);
    let rest = loose::level_field(rest, envelope).unwrap_or(rest);
    Some(kernel_marks(rest, envelope))
}

//! The forms of `dmesg`, and of what puts a stamp into brackets as it does.
//!
//! Responsible for: uptimes, their differences and dates in brackets at the head of a line.
//! Must not know: what the message says.
//! Tested by: `testdata/lines/derived-envelopes.toml`, `tests/suites/envelopes.rs`.

use memchr::memchr;

use super::{Envelope, caller, date, marks, stamp, tag, zone};
use crate::time::{Stamp, Uptime};

/// The forms of `dmesg`, and `journalctl -o short-monotonic`, which puts its host after the stamp.
///
/// dmesg takes levels out of what it prints: one that is left there is a rule's prefix.
pub(super) fn dmesg<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    let marks = |text: &'a [u8], envelope: &mut Envelope<'a>| match text.first() {
        Some(b'<') => text,
        _ => marks(text, envelope),
    };
    let Some(inside) = text.strip_prefix(b"[") else { return marks(text, envelope) };
    // No machine was up for thirty years: that is a moment.
    let is_up = |(uptime, _): &(Uptime, &[u8])| uptime.seconds < 1_000_000_000;
    if let Some((uptime, rest)) = stamp::uptime(text).filter(is_up) {
        envelope.uptime = Some(uptime);
        if let Some((caller, rest)) = caller(rest) {
            envelope.caller = Some(caller);
            return marks(rest.strip_prefix(b" ").unwrap_or(rest), envelope);
        }
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        // `[ 8486.974964] host kernel: `: journalctl. The kernel's own text could look like
        // it only with a prefix that spells `word kernel: `.
        let host = memchr(b' ', rest).unwrap_or(0);
        let mut inner = Envelope::default();
        if host > 0
            && !rest.starts_with(b"kernel:")
            && let Some(after) = tag(&rest[host + 1..], &mut inner, true)
        {
            envelope.host = Some(&rest[..host]);
            envelope.tag = inner.tag;
            envelope.pid = inner.pid;
            return marks(after, envelope);
        }
        return marks(rest, envelope);
    }
    // `[ 8486.974964 <    0.000035>] `, `[ 8486.974964 <    0.000001 >] host kernel: `.
    if let Some((uptime, delta, rest)) = stamp::uptime_with_delta(text) {
        envelope.uptime = Some(uptime);
        envelope.delta = delta;
        let mut inner = Envelope::default();
        let host = memchr(b' ', rest).unwrap_or(0);
        if host > 0
            && let Some(after) = tag(&rest[host + 1..], &mut inner, true)
        {
            envelope.host = Some(&rest[..host]);
            envelope.tag = inner.tag;
            return marks(after, envelope);
        }
        return marks(rest, envelope);
    }
    if let Some((stamp, rest)) = bracketed(inside)
        && (rest.is_empty() || rest.first() == Some(&b' '))
    {
        return super::after_bracket(stamp, rest.get(1..).unwrap_or_default(), envelope);
    }
    // `[  +0.000035] `.
    let blanks = inside.iter().take_while(|b| **b == b' ').count();
    if inside.get(blanks) == Some(&b'+')
        && let Some(end) = memchr(b']', inside)
        && inside[blanks + 1..end].iter().all(|b| b.is_ascii_digit() || *b == b'.')
        && let Some(rest) = inside[end + 1..].strip_prefix(b" ")
    {
        envelope.delta = Some(&inside[blanks..end]);
        return marks(rest, envelope);
    }
    marks(text, envelope)
}

/// A stamp after an opening bracket, and what follows the closing one.
fn bracketed(inside: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let strict = || {
        let (mut stamp, rest) = stamp::any(inside).or_else(|| stamp::short(inside))?;
        let rest = zone::after(&mut stamp, rest);
        Some((stamp, rest.strip_prefix(b"]")?))
    };
    let web_servers = || {
        let (stamp, rest) = stamp::common_log(inside)?;
        Some((stamp, rest.strip_prefix(b"]")?))
    };
    strict().or_else(|| date::bracketed(inside)).or_else(web_servers)
}

//! Lines that end in an object: what shippers and loggers put before one.
//!
//! Responsible for: what such a head says beside the object.
//! Must not know: keys.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

use super::json::{Texts, moment, object, opened};
use super::{Envelope, Opened, date, stamp, zone};

/// A line's head before an object: `TIME<TAB>TAG<TAB>{...}` and `TIME TAG: {...}` of fluentd,
/// `TAG: [TIME, {...}]` and `[0] TAG: [TIME, {...}]` of Fluent Bit, the file that `grep` found it in.
#[cold]
pub(super) fn after_head<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<Opened<'a>> {
    /// Heads are short.
    const LONGEST: usize = 256;
    let begins = |at: &usize| text[*at..].starts_with(b"{\"");
    let at = (1..text.len().min(LONGEST)).find(begins)?;
    let mut inner = Envelope::default();
    let mut texts = Texts::default();
    let rest = object(&text[at..], &mut texts, &mut inner, 0)?;
    if !matches!(rest, b"" | b"]" | b" " | b"] ") {
        return None;
    }
    let head = &text[..at];
    let opened = opened(&texts, &mut inner).ok()?;
    let words = head.split(|b| matches!(b, b' ' | b'\t' | b'[' | b','));
    for word in words.map(|word| word.strip_suffix(b":").unwrap_or(word)) {
        // fluentd's tags end in the facility and the level.
        let level =
            word.iter().enumerate().filter(|(_, b)| **b == b'.').find_map(|(dot, _)| {
                super::level_words(&word[dot + 1..]).filter(|(_, _, rest)| rest.is_empty())
            });
        if let (Some((facility, severity, _)), None) = (level, inner.severity) {
            super::set_level(&mut inner, facility, severity);
        }
        if inner.stamp.is_some() || inner.outer_stamp.is_some() {
            continue;
        }
        let quoted = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\""));
        if let Some(quoted) = quoted {
            moment(quoted, &mut inner);
        } else if let Some((stamp, b"")) = date::unix(word) {
            inner.stamp = Some(stamp);
        }
    }
    if inner.stamp.is_none()
        && inner.outer_stamp.is_none()
        && let Some((mut stamp, rest)) = stamp::rfc3339(head)
    {
        zone::after(&mut stamp, rest.trim_ascii_start());
        inner.stamp = Some(stamp);
    }
    of_syslog(head, &mut inner);
    *envelope = inner;
    Some(opened)
}

/// What the head of a line of syslog says, whose message is the object: `STAMP HOST TAG: {...}`, `... @cee: {...}`.
fn of_syslog<'a>(head: &'a [u8], inner: &mut Envelope<'a>) {
    let mut outer = Envelope::default();
    let message = super::syslog(head, &mut outer);
    if outer.tag.is_none() || !matches!(message.trim_ascii(), b"" | b"@cee:" | b"JSON:") {
        return;
    }
    inner.host = inner.host.or(outer.host);
    inner.tag = inner.tag.or(outer.tag);
    inner.pid = inner.pid.or(outer.pid);
    inner.uptime = inner.uptime.or(outer.uptime);
    if inner.severity.is_none() {
        (inner.pri, inner.facility, inner.severity) = (outer.pri, outer.facility, outer.severity);
    }
    if inner.stamp.is_none() && inner.outer_stamp.is_none() {
        inner.stamp = outer.stamp;
    }
}

/// The message of a line that ends in an object, in a text that a shipper took over with its escapes undone.
pub(crate) fn object_inside<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<Opened<'a>> {
    text.ends_with(b"}").then_some(())?;
    let outer = *envelope;
    let mut inner = Envelope::default();
    let opened = after_head(text, &mut inner)?;
    inner.host = inner.host.or(outer.host);
    inner.tag = inner.tag.or(outer.tag);
    if inner.severity.is_none() {
        (inner.pri, inner.facility, inner.severity) = (outer.pri, outer.facility, outer.severity);
    }
    inner.outer_stamp = outer.outer_stamp.or(inner.outer_stamp);
    *envelope = inner;
    Some(opened)
}

//! What comes before a message: the envelope that a logging program put around it.
//!
//! Responsible for: recognising every one-line envelope of FORMAT.md section 3 and leaving
//! exactly the kernel's text behind it.
//! Must not know: what the message says.
//! Tested by: `testdata/lines/derived-envelopes.toml`, and every envelope before every packet.

mod colour;
mod date;
mod dmesg;
mod front;
mod headed;
mod json;
mod keys;
mod kmsg;
mod labels;
mod level;
mod logcat;
mod loggers;
mod loose;
mod marks;
mod month;
mod others;
mod quoted;
mod rfc5424;
mod shape;
mod stamp;
mod vendor;
mod writer;
mod zone;

use memchr::memchr;

use crate::bytes::simd::{find, find_either};
use crate::error::{ErrorKind, ParseError};
use crate::grammar::Source;
use crate::time::{Stamp, Time, Uptime};
pub(crate) use colour::{is_coloured, uncolour, without_colours};
use dmesg::dmesg;
pub(crate) use headed::object_inside;
pub(crate) use json::{inside, unescape};
use level::{dmesg_level, facility_name, facility_number, level_words, pri, set_level, severity_number};
use loose::level_field;
pub(crate) use marks::without_uptime;
use marks::{caller, kernel_marks, marks, repeated};
use others::{cri, metalogs, pvefw};
use rfc5424::{octet_count, rfc5424};
pub(crate) use shape::Shapes;
pub use writer::{JournalTransport, Writer};

/// What the envelope of a line says. Every field that the line does not have is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The stamp of the logging program.
    pub stamp: Option<Stamp<'a>>,
    /// The host as the relay named it; an address, a name, or a lie.
    pub host: Option<&'a [u8]>,
    /// The program: `kernel`, mostly.
    pub tag: Option<&'a [u8]>,
    /// The text in brackets behind the tag.
    pub pid: Option<&'a [u8]>,
    /// `<N>`: facility and severity in one number.
    pub pri: Option<u16>,
    /// The facility, 0 for the kernel; from [`pri`](Self::pri) or from words (`kern.warn`).
    pub facility: Option<u8>,
    /// The severity, 0 (emergency) to 7 (debug).
    pub severity: Option<u8>,
    /// The kernel's stamp: time since boot.
    pub uptime: Option<Uptime>,
    /// The kernel's caller mark: `T123` a task, `C1` a processor.
    pub caller: Option<&'a [u8]>,
    /// The record's sequence number (`/dev/kmsg`).
    pub sequence: Option<u64>,
    /// The record's flags (`/dev/kmsg`): `-`, or `c` for a continuation.
    pub kmsg_flags: Option<&'a [u8]>,
    /// Time since the record before (`dmesg -d`, `dmesg -e`).
    pub delta: Option<&'a [u8]>,
    /// Seconds since 1970 in brackets (`logread -t`).
    pub unix: Option<&'a [u8]>,
    /// The stamp of the wrapper around the envelope (docker, CRI, a second relay).
    pub outer_stamp: Option<&'a [u8]>,
    /// The journal's stamp in microseconds since 1970.
    pub realtime_us: Option<u64>,
    /// How the record came into the journal (`_TRANSPORT`): `kernel`, `syslog`, `stdout` ...
    pub transport: Option<JournalTransport>,
    /// Proxmox: the virtual machine's number.
    pub vmid: Option<u32>,
    /// Proxmox: the chain that logged.
    pub chain: Option<&'a [u8]>,
    /// How many times the message happened: 1, or N of `message repeated N times`.
    pub repeat: u32,
}

impl Default for Envelope<'_> {
    fn default() -> Self {
        Envelope {
            stamp: None,
            host: None,
            tag: None,
            pid: None,
            pri: None,
            facility: None,
            severity: None,
            uptime: None,
            caller: None,
            sequence: None,
            kmsg_flags: None,
            delta: None,
            unix: None,
            outer_stamp: None,
            realtime_us: None,
            transport: None,
            vmid: None,
            chain: None,
            repeat: 1,
        }
    }
}

/// What was found around a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened<'a> {
    /// The message, as written.
    pub(crate) message: &'a [u8],
    /// How `message` is written: wrappers may escape bytes.
    pub(crate) encoding: Encoding,
}

/// How a wrapper wrote the bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are.
    Plain,
    /// As the text of a JSON string.
    Json,
    /// As a JSON array of numbers (the journal's form of what is not UTF-8).
    JsonArray,
    /// As `/dev/kmsg` does: `\xNN` for everything but printable ASCII.
    Kmsg,
}

/// The byte order mark that some editors and programs write before a text.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Opens everything before a line's message and notes it in `envelope`.
///
/// # Errors
/// The line holds no message: a record's continuation, a lost message, a broken wrapper.
pub(crate) fn open<'a>(line: &'a [u8], envelope: &mut Envelope<'a>) -> Result<Opened<'a>, ParseError> {
    // A crash leaves runs of NUL before the first line written after it.
    let nuls = line.iter().take_while(|byte| **byte == 0).count();
    let text = &line[nuls..];
    match text.first() {
        Some(b'{') => match labels::strip(text, envelope) {
            // A bracket and a quote may begin a prefix.
            None if !json::begins(text) && memchr::memmem::find(text, b"IN=").is_some() => {
                Ok(Opened { message: text, encoding: Encoding::Plain })
            }
            None => json::open(text, envelope),
            Some(rest) => open(rest, envelope),
        },
        Some(0xef) if text.starts_with(BOM) => open(&text[BOM.len()..], envelope),
        // Shippers put a line's head before an object.
        Some(_)
            if matches!(text, [.., b'}'] | [.., b'}', b']' | b' '])
                && let Some(opened) = headed::after_head(text, envelope) =>
        {
            Ok(opened)
        }
        Some(b'0'..=b'9') => {
            if let Some((message, encoding)) = kmsg::open(text, envelope) {
                return Ok(Opened { message, encoding });
            }
            let Some((stamp, rest)) = stamp::rfc3339(text) else {
                return Ok(Opened { message: syslog(text, envelope), encoding: Encoding::Plain });
            };
            let message = match cri(stamp, rest, envelope) {
                Some((message, whole)) => {
                    let message = syslog(message, envelope);
                    if !whole {
                        return Err(ParseError::new(line.len(), ErrorKind::Partial));
                    }
                    message
                }
                None => match stamp::ended(stamp, rest) {
                    Some((stamp, rest)) => stamped(stamp, rest, envelope, 0),
                    None => loose::open(text, envelope).unwrap_or(text),
                },
            };
            Ok(Opened { message, encoding: Encoding::Plain })
        }
        // /dev/kmsg writes the dictionary of the record above as ` KEY=value`.
        Some(b' ') if is_dictionary(text) => Err(ParseError::new(0, ErrorKind::Continuation)),
        _ => Ok(Opened { message: syslog(text, envelope), encoding: Encoding::Plain }),
    }
}

/// [`open`] of the first envelope of a line, read like the lines before it if it is such an object as those were;
/// whether it was.
pub(crate) fn open_first<'a>(
    line: &'a [u8],
    envelope: &mut Envelope<'a>,
    shapes: &mut Shapes,
) -> (Result<Opened<'a>, ParseError>, bool) {
    if line.first() == Some(&b'{') {
        // What an object with these keys did not say, another may under any key.
        if let Some(opened @ Ok(_)) = json::open_known(line, envelope, shapes) {
            return (opened, true);
        }
        *envelope = Envelope::default();
    }
    (open(line, envelope), false)
}

/// ` KEY=value` with an upper-case key and nothing that looks like a header.
fn is_dictionary(text: &[u8]) -> bool {
    let key = text[1..].iter().take_while(|b| b.is_ascii_uppercase() || **b == b'_').count();
    key > 0
        && text.get(key + 1) == Some(&b'=')
        && !matches!(&text[1..=key], b"IN")
        && memchr::memmem::find(text, b" OUT=").is_none()
}

/// What the envelope says about the writer of the message.
pub(crate) fn source(envelope: &Envelope<'_>) -> Source {
    if envelope.vmid.is_some() {
        Source::Pvefw
    } else if envelope.uptime.is_some() || envelope.sequence.is_some() || envelope.tag == Some(b"kernel") {
        Source::Kernel
    } else {
        Source::Any
    }
}

/// The text envelopes: stamps, hosts, tags, kernel stamps. Always finds a message: text that
/// no envelope explains is the message's own.
pub(crate) fn syslog<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    // Most lines begin with the name of a month: what `other_syslog` takes begins with none of these.
    match text.first() {
        Some(b'M') if text.starts_with(b"MESSAGE=") => kernel_marks(&text[8..], envelope),
        Some(b'A'..=b'Z') => stamp_or_text(text, envelope),
        Some(b'[') => bracketed(text, envelope),
        _ => other_syslog(text, envelope),
    }
}

/// [`syslog`] that begins with a bracket, as `dmesg` does.
fn bracketed<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    let message = dmesg(text, envelope);
    let is_opened = message.len() < text.len();
    if is_opened { message } else { loose::open(text, envelope).unwrap_or(text) }
}

/// [`syslog`] that begins with anything but upper case.
fn other_syslog<'a>(mut text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    // RFC 6587: `183 <4>1 ...`.
    if let Some(rest) = octet_count(text) {
        text = rest;
    }
    // A level in words before everything (`kern.info: `), as some appliances write.
    if let Some((facility, severity, rest)) = level_words(text)
        && let Some(rest) = rest.strip_prefix(b": ")
    {
        set_level(envelope, facility, severity);
        text = rest;
    }
    if let Some(rest) = pri(text, envelope) {
        text = rest;
        if let Some(message) = rfc5424(text, envelope) {
            return message_of_rfc5424(message, envelope);
        }
    }
    match text.first() {
        Some(b'[') => bracketed(text, envelope),
        Some(b'k' | b'u' | b'd' | b'l' | b'm' | b'a' | b's' | b'c' | b'n' | b'f') => {
            if let Some(rest) = dmesg_level(text, envelope) {
                return match stamp::rfc3339(rest).and_then(|(stamp, rest)| stamp::ended(stamp, rest)) {
                    Some((stamp, rest)) => stamped(stamp, rest, envelope, 0),
                    None => dmesg(rest, envelope),
                };
            }
            if let Some(rest) = tag(text, envelope, true) {
                return kernel_marks(rest, envelope);
            }
            stamp_or_text(text, envelope)
        }
        Some(b'M') if text.starts_with(b"MESSAGE=") => kernel_marks(&text[8..], envelope),
        _ => stamp_or_text(text, envelope),
    }
}

/// The message after a header of RFC 5424.
fn message_of_rfc5424<'a>(message: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    // A relay without a program's name has a sender's line in its message.
    if let (None, Some(stamp)) = (envelope.tag, envelope.stamp)
        && let Some(message) = relayed(stamp, message, envelope, 0)
    {
        return message;
    }
    // rsyslog doubles the blank before a message that came through a socket.
    let doubled = message.strip_prefix(b" ").filter(|text| stamp::uptime(text).is_some());
    kernel_marks(doubled.unwrap_or(message), envelope)
}

/// A stamp and what it heads, Proxmox's numbers, or no envelope at all.
fn stamp_or_text<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    match stamp::any(text) {
        Some((stamp, rest)) => stamped(stamp, rest, envelope, 0),
        None => match pvefw(text, envelope) {
            Some(rest) => rest,
            None => loose::open(text, envelope).unwrap_or(text),
        },
    }
}

/// What follows a stamp, under so many relays' headers.
#[inline]
fn stamped<'a>(stamp: Stamp<'a>, rest: &'a [u8], envelope: &mut Envelope<'a>, depth: u8) -> &'a [u8] {
    let mut stamp = stamp;
    let rest = zone::after(&mut stamp, rest);
    envelope.stamp = Some(stamp);
    // `dmesg --time-format iso` writes a comma before the fraction, and no host follows it but the one of
    // `host kernel: `. Fifteen bytes, as most stamps have, are too few for a fraction.
    if stamp.text.len() > 15 && stamp.text[10] == b'T' && has_comma(stamp.text) {
        return after_bracket(stamp, rest, envelope);
    }
    if let Some(message) = loggers::after_stamp(stamp, rest, envelope) {
        return message;
    }
    // runit's svlogd and others put a stamp before a line of /proc/kmsg.
    if let Some(message) = leveled_by_number(stamp, rest, envelope, depth) {
        return message;
    }
    let mut rest = rest;
    // logread -t: `[1719720373.123] `.
    if stamp.text.first().is_some_and(u8::is_ascii_uppercase)
        && let Some((unix, after)) = stamp::bracketed_unix(rest)
    {
        envelope.unix = Some(unix);
        rest = after;
    }
    host_and_tag(stamp, rest, envelope, depth)
}

/// Whether a comma and a digit are in a stamp.
fn has_comma(stamp: &[u8]) -> bool {
    let comma = find(stamp, b',');
    stamp.get(comma + 1).is_some_and(u8::is_ascii_digit)
}

/// `<4>` after a stamp or a host, and what follows it: dmesg's forms, a sender's line, a tag, the message.
fn leveled_by_number<'a>(
    stamp: Stamp<'a>,
    text: &'a [u8],
    envelope: &mut Envelope<'a>,
    depth: u8,
) -> Option<&'a [u8]> {
    let rest = pri(text, envelope)?;
    if rest.first() == Some(&b'[') {
        return Some(dmesg(rest, envelope));
    }
    if let Some(message) = relayed(stamp, text, envelope, depth) {
        return Some(message);
    }
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    if let Some(message) = tag(rest, envelope, true) {
        return Some(kernel_marks(message, envelope));
    }
    let host = find(rest, b' ');
    match rest.get(host + 1..).and_then(|after| tag(after, envelope, true)) {
        Some(message) if host > 0 => {
            envelope.host = envelope.host.or(Some(&rest[..host]));
            Some(kernel_marks(message, envelope))
        }
        _ => Some(rest),
    }
}

/// What follows the stamp of a supervisor's logger (s6-log, multilog, svlogd): such logs have a host only in
/// the lines of syslog that go through them.
fn of_supervisor<'a>(stamp: Stamp<'a>, text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    envelope.stamp = Some(stamp);
    match leveled_by_number(stamp, text, envelope, 0) {
        Some(message) => message,
        None if stamp::uptime(text).is_some() => dmesg(text, envelope),
        None => after_bracket(stamp, text, envelope),
    }
}

/// What follows a stamp in brackets: a host and the kernel's tag, a level, a sender's line; else the message.
fn after_bracket<'a>(stamp: Stamp<'a>, text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    envelope.stamp = Some(stamp);
    let text = level_field(text, envelope).unwrap_or(text);
    if let Some(rest) = metalogs(text, envelope).or_else(|| loggers::after_stamp(stamp, text, envelope)) {
        return rest;
    }
    if let Some((caller, rest)) = caller(text) {
        envelope.caller = Some(caller);
        return marks(rest.strip_prefix(b" ").unwrap_or(rest), envelope);
    }
    if let Some(rest) = leveled(stamp, text, envelope).or_else(|| relayed(stamp, text, envelope, 0)) {
        return rest;
    }
    let host = find(text, b' ');
    let after_host = text.get(host + 1..).unwrap_or_default();
    if let Some(rest) = leveled_tag(text, envelope).or_else(|| tag(text, envelope, true)) {
        return kernel_marks(rest, envelope);
    }
    if let Some(rest) = tag(after_host, envelope, true) {
        envelope.host = Some(&text[..host]);
        return kernel_marks(rest, envelope);
    }
    match text.first() {
        // dmesg takes levels out of what it prints: one that is left there is a rule's prefix.
        Some(b'<') => text,
        _ => marks(text, envelope),
    }
}

/// `host [facility.severity] tag[pid]: `, or any part of it.
fn host_and_tag<'a>(stamp: Stamp<'a>, text: &'a [u8], envelope: &mut Envelope<'a>, depth: u8) -> &'a [u8] {
    // No host: logread, Asus, VyOS.
    if let Some(rest) = tag(text, envelope, true).or_else(|| leveled_tag(text, envelope)) {
        return kernel_marks(rest, envelope);
    }
    if let Some(rest) = leveled(stamp, text, envelope) {
        return rest;
    }
    let len = find_either(text, b' ', b'=');
    let host = &text[..len];
    // These begin a message, not a host's name. A name that ends in a colon is a prefix,
    // save an IPv6 address.
    let is_host = text.get(len) == Some(&b' ')
        && len > 0
        && !matches!(host[0], b'[' | b'"' | b'<' | b'(' | b'{' | b'\'')
        && (host[len - 1] != b':' || loose::is_address(host))
        // A sender's stamp is no host.
        && (len != 3 && !host[0].is_ascii_digit() || stamp::any(text).is_none());
    if !is_host {
        return without_host(stamp, text, envelope, depth);
    }
    let rest = &text[len + 1..];
    if depth < RELAYS && loose::may_be_level(host) && loose::take_level(host, envelope) {
        return host_and_tag(stamp, rest, envelope, depth + 1);
    }
    envelope.host = Some(host);
    if let Some(rest) = tag(rest, envelope, false).or_else(|| leveled_tag(rest, envelope)) {
        return kernel_marks(rest, envelope);
    }
    after_host(stamp, rest, envelope, depth)
}

/// What follows a host where no tag does.
fn after_host<'a>(stamp: Stamp<'a>, rest: &'a [u8], envelope: &mut Envelope<'a>, depth: u8) -> &'a [u8] {
    if let Some(rest) = relayed(stamp, rest, envelope, depth)
        .or_else(|| relayed(stamp, loose::after_sender(rest)?, envelope, depth))
        .or_else(|| leveled(stamp, rest, envelope))
        .or_else(|| leveled_by_number(stamp, rest, envelope, depth))
        .or_else(|| metalogs(rest, envelope))
    {
        return rest;
    }
    // UniFi gateways behind a relay: the host's name twice.
    if let Some(host) = envelope.host
        && let Some([b' ', after @ ..]) = rest.strip_prefix(host)
    {
        return repeated(after, envelope);
    }
    if let Some(rest) = level_field(rest, envelope) {
        let rest = tag(rest, envelope, true).unwrap_or(rest);
        return kernel_marks(rest, envelope);
    }
    // A relay's name or address before the host's, or a level or a number before the tag.
    let end = find(rest, b' ');
    if let Some(message) = rest.get(end + 1..).and_then(|after| tag(after, envelope, true)) {
        let word = &rest[..end];
        // A device's model and version may come before its program.
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let is_name = |word: &[u8]| word.iter().any(u8::is_ascii_alphabetic) && word.iter().all(is_part);
        let is_host = |word: &[u8]| is_name(word) || loose::is_address(word);
        if !loose::take_level(word, envelope) && is_host(word) {
            envelope.host = Some(word);
        }
        return kernel_marks(message, envelope);
    }
    if let Some(separator @ [b'|' | b'-']) = envelope.host
        && let Some(message) = loose::separated(separator[0], rest, envelope)
    {
        return message;
    }
    repeated(rest, envelope)
}

/// What follows a stamp and is no plain host: metalog's tag, a masked host, a sender's line, or the message.
fn without_host<'a>(stamp: Stamp<'a>, text: &'a [u8], envelope: &mut Envelope<'a>, depth: u8) -> &'a [u8] {
    // s6-log writes two blanks, logcat a column.
    if text.first() == Some(&b' ') && depth < RELAYS {
        let rest = text.trim_ascii_start();
        return match logcat::after_stamp(Some(stamp), rest, envelope) {
            Some(message) => kernel_marks(message, envelope),
            None => of_supervisor(stamp, rest, envelope),
        };
    }
    if let Some(rest) = metalogs(text, envelope).or_else(|| relayed(stamp, text, envelope, depth)) {
        return rest;
    }
    if let Some(rest) = labels::strip(text, envelope) {
        let told = envelope.host;
        let message = relayed(stamp, rest, envelope, depth).unwrap_or_else(|| {
            let rest = tag(rest, envelope, true).unwrap_or(rest);
            kernel_marks(rest, envelope)
        });
        envelope.host = envelope.host.or(told);
        return message;
    }
    if let Some((host, rest)) = loose::masked(text) {
        if let Some(rest) = tag(rest, envelope, true) {
            envelope.host = Some(host);
            return kernel_marks(rest, envelope);
        }
        if let Some(rest) = relayed(stamp, rest, envelope, depth) {
            return rest;
        }
        if loose::is_mask(host) {
            envelope.host = Some(host);
            return kernel_marks(rest, envelope);
        }
    }
    if let Some(rest) = level_field(text, envelope) {
        return after_bracket(stamp, rest, envelope);
    }
    // A colon after the host: socklog's senders, and before the kernel's tag.
    if let Some((host, rest)) = text.iter().take(48).position(|b| *b == b' ').map(|at| text.split_at(at))
        && let Some(host) = host.strip_suffix(b":").filter(|host| !host.is_empty())
    {
        let (told, rest) = (*envelope, &rest[1..]);
        let is_level = loose::take_level(host, envelope);
        let found = leveled(stamp, rest, envelope)
            .or_else(|| tag(rest, envelope, true).map(|rest| kernel_marks(rest, envelope)));
        if let Some(rest) = found {
            envelope.host = if is_level { told.host } else { Some(host) };
            return rest;
        }
        *envelope = told;
    }
    dmesg(text, envelope)
}

/// So many relays' headers are opened: a line of nothing but stamps is not read to its end.
const RELAYS: u8 = 4;

/// The envelope that a relay received, after its own: the inner one counts, the relay's stamp is
/// kept beside it.
fn relayed<'a>(outer: Stamp<'a>, text: &'a [u8], envelope: &mut Envelope<'a>, depth: u8) -> Option<&'a [u8]> {
    if depth >= RELAYS || !matches!(text.first()?, b'<' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | 0x80..) {
        return None;
    }
    let mut inner = Envelope::default();
    let rest = pri(text, &mut inner).unwrap_or(text);
    if let Some(message) = rfc5424(rest, &mut inner) {
        inner.outer_stamp = Some(outer.text);
        let message = message_of_rfc5424(message, &mut inner);
        *envelope = inner;
        return Some(message);
    }
    let (stamp, rest) = stamp::any(rest).or_else(|| date::any(rest))?;
    if inner.pri.is_none() && !matches!(stamp.time, Time::Civil(_)) {
        return None;
    }
    let message = stamped(stamp, rest, &mut inner, depth + 1);
    inner.outer_stamp = inner.outer_stamp.or(Some(outer.text));
    *envelope = inner;
    Some(message)
}

/// `kern.warn: ` without a tag (socklog, LuCI), and what follows it.
fn leveled<'a>(stamp: Stamp<'a>, text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let (facility, severity, rest) = level_words(text)?;
    let rest = rest.strip_prefix(b": ")?;
    if let Some(message) = relayed(stamp, rest, envelope, RELAYS - 1) {
        if envelope.severity.is_none() {
            set_level(envelope, facility, severity);
        }
        return Some(message);
    }
    set_level(envelope, facility, severity);
    let rest = tag(rest, envelope, true).unwrap_or(rest);
    Some(kernel_marks(rest, envelope))
}

/// `kern.warn tag: ` (busybox, logread).
fn leveled_tag<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let (facility, severity, rest) = level_words(text)?;
    let rest = rest.strip_prefix(b" ")?;
    let rest = tag(rest, envelope, false)?;
    set_level(envelope, facility, severity);
    Some(rest)
}

/// `tag: ` or `tag[pid]: `; with `kernel_only`, only the kernel's.
///
/// A tag is RFC 3164's: letters, digits and a few signs. A word with other bytes in it is the
/// beginning of the message.
#[inline(always)]
fn tag<'a>(text: &'a [u8], envelope: &mut Envelope<'a>, kernel_only: bool) -> Option<&'a [u8]> {
    if let Some(rest) = text.strip_prefix(b"kernel: ") {
        envelope.tag = Some(&text[..6]);
        envelope.pid = None;
        return Some(rest);
    }
    if kernel_only && !text.starts_with(b"kernel") {
        return None;
    }
    other_tag(text, envelope, kernel_only)
}

/// [`tag`] but for the common one.
fn other_tag<'a>(text: &'a [u8], envelope: &mut Envelope<'a>, kernel_only: bool) -> Option<&'a [u8]> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'@' | b'+');
    let len = text.iter().take_while(|b| is_name(b)).count();
    if len == 0 || kernel_only && len != 6 {
        return None;
    }
    let (name, rest) = text.split_at(len);
    // `kern.warn: ` is a level.
    if level_words(text).is_some_and(|(_, _, after)| after.len() == rest.len()) {
        return None;
    }
    let (pid, rest) = match rest {
        [b'[', inside @ ..] => {
            let end = memchr(b']', inside)?;
            (Some(&inside[..end]), &inside[end + 1..])
        }
        _ => (None, rest),
    };
    // Templates put a blank before the colon.
    let spaced = if name == b"kernel" { rest.strip_prefix(b" :") } else { None };
    let rest = spaced.or_else(|| rest.strip_prefix(b":"))?;
    let rest = match rest {
        [b' ', rest @ ..] => rest,
        [] => rest,
        // A tag glued to what follows it is the kernel's only, or has a process number.
        _ if name == b"kernel" => glued(rest, envelope),
        _ if pid.is_some() && matches!(name, b"ulogd" | b"ulogd2") => rest,
        _ => return None,
    };
    envelope.tag = Some(name);
    envelope.pid = pid;
    Some(rest)
}

/// What follows the kernel's tag without a blank: an uptime and the blank after it, or the message.
fn glued<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    if let Some((uptime, rest)) = stamp::uptime(text) {
        envelope.uptime = Some(uptime);
        // More of them are the prefix's: rules are found by it.
        return rest.strip_prefix(b" ").unwrap_or(rest);
    }
    text.strip_prefix(b"\t").unwrap_or(text)
}

/// Looks for an envelope inside a text that should hold none: the second of two records that
/// were joined to one line. Gives where it begins and where its message begins.
pub(crate) fn inner_envelope(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(colon) = memchr(b':', &text[at..]) {
        // Every stamp has `hh:mm:ss`; its beginning is a few bytes before the colon.
        let colon = at + colon;
        for back in [9, 13] {
            let Some(start) = colon.checked_sub(back) else { continue };
            let Some((stamp, rest)) = stamp::any(&text[start..]) else { continue };
            if !matches!(stamp.time, Time::Civil(_)) {
                continue;
            }
            let mut envelope = Envelope::default();
            let message = stamped(stamp, rest, &mut envelope, RELAYS);
            if envelope.tag.is_some() || envelope.host.is_some() {
                return Some((start, text.len() - message.len()));
            }
        }
        at = colon + 1;
    }
    None
}

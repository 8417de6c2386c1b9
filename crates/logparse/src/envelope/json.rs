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

use super::keys::{Meaning, meaning};
use super::shape::{How, Shape, Shapes};
use super::{Encoding, Envelope, JournalTransport, Opened, date, front, loose, stamp};
use crate::bytes::simd;
use crate::error::{ErrorKind, ParseError};
use crate::time::{Civil, Time, Uptime, Zone};

/// A JSON value, as its text.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    /// Between the quotes, escapes as they are.
    Text(&'a [u8]),
    /// Between the brackets.
    Array(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Word(&'a [u8]),
    /// An object, brackets included.
    Object(&'a [u8]),
}

/// How deep objects are looked into.
const DEEPEST: usize = 4;

/// What an object holds beside the envelope, and how far what it says of one is to be believed.
#[derive(Default)]
pub(super) struct Texts<'a> {
    message: Option<Value<'a>>,
    line: Option<&'a [u8]>,
    /// Whether the host is a relay's, the time that of its arrival, the tag that of a service.
    weak_host: bool,
    weak_time: bool,
    weak_tag: bool,
    /// The kernel's stamp in two numbers (Fluent Bit's `kmsg`).
    seconds: Option<u64>,
    micros: Option<u64>,
}

/// What a key says: the journal's and dmesg's own keys mean one thing each, others the same for many writers.
#[derive(Clone, Copy)]
pub(super) struct Role {
    exact: Option<Exact>,
    meaning: Option<Meaning>,
    /// What a text under it says, if it is an attribute.
    of_text: Option<Meaning>,
    /// What the text says that is under it in each line.
    known: Option<Known>,
}

/// What one text says, whatever else an object holds.
#[derive(Clone, Copy)]
enum Known {
    Severity(u8),
    Facility(u8),
}

impl Role {
    pub(super) fn of(key: &[u8]) -> Role {
        let (exact, meaning) = (Exact::of(key), meaning(key));
        let of_text = match meaning {
            _ if exact.is_some() => None,
            Some(Meaning::Message | Meaning::Line | Meaning::Inside | Meaning::Event | Meaning::Values) => {
                None
            }
            meaning => meaning.map(of_name),
        };
        Role { exact, meaning, of_text, known: None }
    }

    /// The same for a text that is under it in each line.
    pub(super) fn with(self, text: &[u8]) -> Role {
        let known = match self.of_text {
            Some(Meaning::Severity) => loose::severity(text).map(Known::Severity),
            Some(Meaning::Facility) => loose::facility(text).map(Known::Facility),
            _ => None,
        };
        Role { known: known.filter(|_| !is_nothing(text)), ..self }
    }

    /// Whether it says nothing.
    pub(super) fn is_none(self) -> bool {
        self.exact.is_none() && self.meaning.is_none()
    }
}

/// How writers say that they know nothing.
fn is_nothing(text: &[u8]) -> bool {
    matches!(text, b"" | b"-" | b"null")
}

/// Opens the object that the line is, if its keys are those of one that was read before.
pub(super) fn open_known<'a>(
    line: &'a [u8],
    envelope: &mut Envelope<'a>,
    shapes: &mut Shapes,
) -> Option<Result<Opened<'a>, ParseError>> {
    let mut read = |shape: &mut Shape, how: How| {
        let mut texts = Texts::default();
        *envelope = Envelope::default();
        let rest = shape.read(how, line, |role, value| member(role, value, &mut texts, envelope, 0))?;
        (!holds_more(rest)).then(|| opened(&texts, envelope))
    };
    shapes.find(|shape| read(shape, How::Runs).or_else(|| read(shape, How::Members)))
}

/// Opens the object that the line is.
pub(super) fn open<'a>(line: &'a [u8], envelope: &mut Envelope<'a>) -> Result<Opened<'a>, ParseError> {
    let mut texts = Texts::default();
    let rest = object(line, &mut texts, envelope, 0).ok_or_else(|| ParseError::new(0, ErrorKind::Wrapper))?;
    if holds_more(rest) {
        return Err(ParseError::new(line.len() - rest.len(), ErrorKind::Joined));
    }
    match opened(&texts, envelope) {
        Err(error) if error.kind() == ErrorKind::NoHeader => under_any_key(line, error, texts, envelope),
        opened => opened,
    }
}

/// Whether a packet may be in what follows an object: that line has several records, and none of them is its own.
#[inline]
fn holds_more(rest: &[u8]) -> bool {
    rest.len() > 1 && memchr::memmem::find(rest, b"IN=").is_some()
}

/// Whether a text begins as an object does: with a key, or with its end.
pub(super) fn begins(text: &[u8]) -> bool {
    let inside = text.strip_prefix(b"{").unwrap_or(text).trim_ascii_start();
    let after = match inside.first() {
        None | Some(b'}') => return true,
        Some(_) => string(inside).map(|(_, after)| after.trim_ascii_start()),
    };
    after.is_some_and(|after| after.starts_with(b":") || after.starts_with(b"=>"))
}

/// The message of an object that has none under a key that is known: the one string in it, however deep, that holds a
/// packet. If there are several, one record was made of them, and this is no way to read it.
#[cold]
fn under_any_key<'a>(
    line: &'a [u8],
    error: ParseError,
    mut texts: Texts<'a>,
    envelope: &mut Envelope<'a>,
) -> Result<Opened<'a>, ParseError> {
    let mut rest = line;
    let mut found = None;
    while let Some(at) = memchr(b'"', rest) {
        let Some((text, after)) = string(&rest[at..]) else { break };
        rest = after;
        let holds_packet = |text: &[u8]| {
            memchr::memmem::find(text, b"IN=")
                .is_some_and(|at| memchr::memmem::find(&text[at..], b" OUT=").is_some())
        };
        if holds_packet(text) && found.replace(text).is_some() {
            return Err(ParseError::new(0, ErrorKind::Wrapper));
        }
    }
    let Some(text) = found else { return Err(error) };
    texts.message = Some(Value::Text(text));
    opened(&texts, envelope)
}

/// The message among what an object holds, with its own envelope opened.
pub(super) fn opened<'a>(texts: &Texts<'a>, envelope: &mut Envelope<'a>) -> Result<Opened<'a>, ParseError> {
    if let (Some(seconds), Some(micros), None) = (texts.seconds, texts.micros, envelope.uptime) {
        envelope.uptime = Some(Uptime { seconds, micros: u32::try_from(micros).unwrap_or(0).min(999_999) });
    }
    if texts.weak_tag {
        envelope.tag = envelope.tag.filter(|tag| matches!(*tag, b"kernel" | b"ulogd" | b"ulogd2"));
    }
    if let Some(text) = texts.line {
        // docker holds a line of some other program, with its own envelope and line end.
        let text = text.strip_suffix(b"\\n").unwrap_or(text);
        if memchr(b'\\', text).is_some() {
            return Ok(Opened { message: text, encoding: Encoding::Json });
        }
        return Ok(Opened { message: inside(text, envelope), encoding: Encoding::Plain });
    }
    match texts.message {
        Some(Value::Text(text)) if memchr(b'\\', text).is_some() => {
            Ok(Opened { message: text, encoding: Encoding::Json })
        }
        Some(Value::Text(text)) => Ok(Opened { message: inside(text, envelope), encoding: Encoding::Plain }),
        Some(Value::Array(text)) => Ok(Opened { message: text, encoding: Encoding::JsonArray }),
        Some(Value::Word(b"null")) => Err(ParseError::new(0, ErrorKind::MessageLost)),
        _ => Err(ParseError::new(0, ErrorKind::NoHeader)),
    }
}

/// The message of a text that a shipper took over, which may have an envelope of its own. The journal's and the
/// kernel's never have, and a program's own text is what that program wrote, whatever it looks like.
pub(crate) fn inside<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> &'a [u8] {
    let has_none = envelope.realtime_us.is_some()
        || envelope.uptime.is_some()
        || envelope.transport == Some(JournalTransport::Kernel);
    let is_programs = envelope.tag.is_some() && envelope.writer().is_foreign();
    if has_none || is_programs || front::is_none(text) {
        return text;
    }
    let Envelope { host, tag, pri, facility, severity, outer_stamp, .. } = *envelope;
    // A reader of /dev/kmsg that prints what it reads.
    let begins = text.first().is_some_and(u8::is_ascii_digit);
    let kernels = if begins { super::kmsg::open(text, envelope) } else { None };
    let mut message = kernels.map_or_else(|| super::syslog(text, envelope), |(message, _)| message);
    // Graylog keeps the host and the tag in the text.
    if message.len() == text.len()
        && let Some(blank) = memchr(b' ', text)
        && let Some(rest) = super::tag(&text[blank + 1..], envelope, true)
    {
        envelope.host = Some(&text[..blank]);
        message = super::kernel_marks(rest, envelope);
    }
    // What the text does not say, the keys beside it do.
    envelope.host = envelope.host.or(host);
    envelope.tag = envelope.tag.or(tag);
    if envelope.severity.is_none() {
        (envelope.pri, envelope.facility, envelope.severity) = (pri, facility, severity);
    }
    envelope.outer_stamp = outer_stamp.or(envelope.outer_stamp);
    message
}

/// Reads an object's members; what follows it, or `None` if it is not well formed.
pub(super) fn object<'a>(
    text: &'a [u8],
    texts: &mut Texts<'a>,
    envelope: &mut Envelope<'a>,
    depth: usize,
) -> Option<&'a [u8]> {
    let mut rest = text.strip_prefix(b"{")?.trim_ascii_start();
    while rest.first() != Some(&b'}') {
        let (key, after) = string(rest)?;
        let after = after.trim_ascii_start();
        // Fluent Bit prints as Ruby does.
        let after = after.strip_prefix(b":").or_else(|| after.strip_prefix(b"=>"))?.trim_ascii_start();
        let (value, after) = value(after)?;
        rest = after.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
        } else if rest.first() != Some(&b'}') {
            return None;
        }
        member(Role::of(key), value, texts, envelope, depth)?;
    }
    Some(&rest[1..])
}

/// Notes what a member says; `None` if it is not well formed.
#[inline]
fn member<'a>(
    role: Role,
    value: Value<'a>,
    texts: &mut Texts<'a>,
    envelope: &mut Envelope<'a>,
    depth: usize,
) -> Option<()> {
    match (role.known, role.of_text, value) {
        (Some(Known::Severity(severity)), ..) => envelope.severity = Some(severity),
        (Some(Known::Facility(facility)), ..) => envelope.facility = Some(facility),
        (None, Some(meaning), Value::Text(text)) => attribute(meaning, text, texts, envelope),
        _ => return other_member(role, value, texts, envelope, depth),
    }
    Some(())
}

/// [`member`] that is no attribute's text.
fn other_member<'a>(
    role: Role,
    value: Value<'a>,
    texts: &mut Texts<'a>,
    envelope: &mut Envelope<'a>,
    depth: usize,
) -> Option<()> {
    if let (Some(exact), Value::Text(text) | Value::Word(text)) = (role.exact, value)
        && exact.note(text, envelope)
    {
        return Some(());
    }
    let Some(meaning) = role.meaning else { return Some(()) };
    // Kibana and Elastic's `fields` wrap every value.
    let value = match value {
        Value::Array(inside) if inside.first() == Some(&b'"') => {
            string(inside).map_or(value, |(text, _)| Value::Text(text))
        }
        value => value,
    };
    match (meaning, value) {
        (Meaning::Message | Meaning::Line | Meaning::Inside | Meaning::Event, Value::Object(inside))
            if depth < DEEPEST =>
        {
            object(inside, texts, envelope, depth + 1)?;
        }
        (_, Value::Object(_)) if depth >= DEEPEST => {}
        (Meaning::Message | Meaning::Event, value) => {
            let has_packet = |value: Value<'_>| match value {
                Value::Text(text) => memchr::memmem::find(text, b"IN=").is_some(),
                Value::Array(_) => true,
                _ => false,
            };
            if texts.message.is_none_or(|known| !has_packet(known) || has_packet(value)) {
                texts.message = Some(value);
            }
        }
        (Meaning::Line, Value::Text(text)) => texts.line = Some(text),
        (Meaning::Values, Value::Array(pair)) => stream_values(pair, texts, envelope),
        (
            Meaning::NamedHost | Meaning::NamedTag | Meaning::Severity | Meaning::Facility | Meaning::Time,
            Value::Object(inside),
        ) => object_name(inside, of_name(meaning), texts, envelope),
        (meaning, Value::Text(text) | Value::Word(text)) => {
            attribute(of_name(meaning), text, texts, envelope);
        }
        _ => {}
    }
    Some(())
}

/// What a text says where an object's name would.
fn of_name(meaning: Meaning) -> Meaning {
    match meaning {
        Meaning::NamedHost => Meaning::Host,
        Meaning::NamedTag => Meaning::Tag,
        meaning => meaning,
    }
}

/// `["1719720373123456789","line"]`: the first of a Loki stream's values.
fn stream_values<'a>(text: &'a [u8], texts: &mut Texts<'a>, envelope: &mut Envelope<'a>) {
    let pair =
        text.trim_ascii_start().strip_prefix(b"[").and_then(|inside| string(inside.trim_ascii_start()));
    let Some((when, after)) = pair else { return };
    let line = after.trim_ascii_start().strip_prefix(b",").and_then(|rest| string(rest.trim_ascii_start()));
    if let Some((line, _)) = line {
        attribute(Meaning::Time, when, texts, envelope);
        texts.message = Some(Value::Text(line));
    }
}

/// Takes `name`, `hostname`, `code` or `$date` of a small object.
fn object_name<'a>(text: &'a [u8], meaning: Meaning, texts: &mut Texts<'a>, envelope: &mut Envelope<'a>) {
    let mut rest = text.get(1..).unwrap_or_default().trim_ascii_start();
    while let Some((key, after)) = string(rest) {
        let Some(after) = after.trim_ascii_start().strip_prefix(b":") else { return };
        let Some((value, after)) = value(after.trim_ascii_start()) else { return };
        // MongoDB keeps a moment as `$date`.
        if matches!(key, b"name" | b"hostname" | b"code" | b"$date" | b"$numberLong")
            && let Value::Text(text) | Value::Word(text) = value
        {
            attribute(meaning, text, texts, envelope);
        }
        let after = after.trim_ascii_start();
        rest = after.strip_prefix(b",").unwrap_or(after).trim_ascii_start();
    }
}

/// The keys of the journal and of `dmesg -J`.
#[derive(Clone, Copy)]
enum Exact {
    Realtime,
    Monotonic,
    Host,
    Transport,
    Identifier,
    Time,
}

impl Exact {
    fn of(key: &[u8]) -> Option<Exact> {
        match key {
            b"__REALTIME_TIMESTAMP" => Some(Exact::Realtime),
            b"_SOURCE_MONOTONIC_TIMESTAMP" => Some(Exact::Monotonic),
            b"_HOSTNAME" => Some(Exact::Host),
            b"_TRANSPORT" => Some(Exact::Transport),
            b"SYSLOG_IDENTIFIER" => Some(Exact::Identifier),
            b"time" => Some(Exact::Time),
            _ => None,
        }
    }

    /// Notes what such a key says; `false` if the text is not such a writer's.
    fn note<'a>(self, text: &'a [u8], envelope: &mut Envelope<'a>) -> bool {
        match self {
            Exact::Realtime => envelope.realtime_us = stamp::number(text),
            Exact::Monotonic => {
                if let Some(micros) = stamp::number(text) {
                    envelope.uptime =
                        Some(Uptime { seconds: micros / 1_000_000, micros: (micros % 1_000_000) as u32 });
                }
            }
            Exact::Host => envelope.host = Some(text),
            // The field is the journal's own, so no program can write it; of two, the kernel's tells.
            Exact::Transport if envelope.transport == Some(JournalTransport::Kernel) => {}
            Exact::Transport => envelope.transport = Some(JournalTransport::from(text)),
            Exact::Identifier => envelope.tag = Some(text),
            // dmesg -J has an uptime where docker has a moment.
            Exact::Time => return dmesg_time(text, envelope),
        }
        true
    }
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
fn attribute<'a>(meaning: Meaning, text: &'a [u8], texts: &mut Texts<'a>, envelope: &mut Envelope<'a>) {
    if is_nothing(text) {
        return;
    }
    match meaning {
        Meaning::Host if (envelope.host.is_none() || texts.weak_host) && is_host(text) => {
            envelope.host = Some(text);
            texts.weak_host = false;
        }
        Meaning::Relay if envelope.host.is_none() && is_host(text) => {
            envelope.host = Some(text);
            texts.weak_host = true;
        }
        Meaning::Tag if envelope.tag.is_none() || texts.weak_tag => {
            texts.weak_tag = false;
            tag(text, envelope);
        }
        Meaning::Service if envelope.tag.is_none() => {
            texts.weak_tag = true;
            tag(text, envelope);
        }
        Meaning::Pid if envelope.pid.is_none() => envelope.pid = Some(text).filter(|pid| *pid != b"0"),
        Meaning::Severity => match loose::severity(text) {
            // ECS and others call facility and severity together a priority.
            None if envelope.realtime_us.is_none() => level(text, envelope),
            None => {}
            severity => envelope.severity = severity,
        },
        Meaning::Facility => envelope.facility = loose::facility(text).or(envelope.facility),
        Meaning::Priority => level(text, envelope),
        Meaning::Time if texts.weak_time || envelope.stamp.is_none() && envelope.outer_stamp.is_none() => {
            texts.weak_time = false;
            time(text, envelope);
        }
        Meaning::Arrival if envelope.stamp.is_none() && envelope.outer_stamp.is_none() => {
            texts.weak_time = true;
            time(text, envelope);
        }
        Meaning::Seconds => texts.seconds = stamp::number(text),
        Meaning::Micros => texts.micros = stamp::number(text),
        _ => {}
    }
}

/// Whether a text may be a host's name: a file's is none, and docker calls a stream so.
fn is_host(text: &[u8]) -> bool {
    simd::find(text, b'/') == text.len() && !matches!(text, b"stdout" | b"stderr")
}

/// Facility and severity in one number, or in words: `kern.warn`.
fn level(text: &[u8], envelope: &mut Envelope<'_>) {
    if let Some(pri) = stamp::number(text).filter(|pri| *pri <= 1023) {
        envelope.pri = Some(pri as u16);
        super::set_level(envelope, (pri >> 3) as u8, (pri & 7) as u8);
    } else if let Some((facility, severity, b"")) = super::level_words(text) {
        super::set_level(envelope, facility, severity);
    }
}

/// A program's name, with what syslog puts after it: `kernel:`, `ulogd[77]:`. Fluentd's tags
/// (`kernel.warn`, `docker.4711`) name a way through fluentd and no program.
fn tag<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) {
    if text == b"kernel" {
        envelope.tag = Some(text);
        return;
    }
    let text = text.strip_suffix(b":").unwrap_or(text);
    let (name, after) = text.split_at(simd::find(text, b'['));
    let pid = after.strip_prefix(b"[").and_then(|pid| pid.strip_suffix(b"]"));
    if !name.is_empty() && simd::find(name, b'.') == name.len() {
        envelope.tag = Some(name);
        envelope.pid = pid.or(envelope.pid);
    }
}

/// The record's moment: RFC 3339, a stamp of syslog, seconds or their fractions since 1970.
fn time<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) {
    // What was written before it is less sure.
    (envelope.stamp, envelope.outer_stamp) = (None, None);
    if !moment(text, envelope) {
        // Not understood, and not nothing.
        envelope.outer_stamp = Some(text);
    }
}

/// Notes the moment that a text says; `false` if it says none.
pub(super) fn moment<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> bool {
    // Most that begin with a letter are syslog's.
    let is_number = text.first().is_some_and(u8::is_ascii_digit);
    if !is_number && let Some((stamp, b"")) = stamp::rfc3164(text) {
        envelope.stamp = Some(stamp);
    } else if let Some((stamp, rest)) = stamp::rfc3339(text) {
        // Without a zone it is a local clock's.
        match stamp.time {
            Time::Civil(Civil { zone: Zone::Local, .. }) if rest.is_empty() => envelope.stamp = Some(stamp),
            _ => envelope.outer_stamp = Some(text),
        }
    } else if let Some((stamp, b"")) = date::unix(text) {
        envelope.stamp = Some(stamp);
    } else if let Some(stamp) = date::whole(text) {
        envelope.stamp = Some(stamp);
    } else {
        return false;
    }
    true
}

/// What keys and values of another form than an object's say.
pub(super) fn attributes<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>, envelope: &mut Envelope<'a>) {
    let mut texts = Texts::default();
    for (key, value) in pairs {
        if let Some(meaning) = meaning(key) {
            attribute(of_name(meaning), value, &mut texts, envelope);
        }
    }
}

/// Whether a key is one of those for a message.
pub(super) fn is_message(key: &[u8]) -> bool {
    matches!(meaning(key), Some(Meaning::Message | Meaning::Line | Meaning::Event | Meaning::Inside))
}

/// A string's text and what follows its closing quote.
#[inline]
pub(super) fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"\"")?;
    // Most values are short.
    let mut at = match inside.first_chunk::<32>() {
        Some(near) => (simd::each_of(near, b'"', b'\\').trailing_zeros() as usize).min(near.len()),
        None => simd::find_either(inside, b'"', b'\\'),
    };
    if inside.get(at) == Some(&b'"') {
        return Some((&inside[..at], &inside[at + 1..]));
    }
    loop {
        at += memchr2(b'"', b'\\', inside.get(at..)?)?;
        if *inside.get(at)? == b'"' {
            return Some((&inside[..at], &inside[at + 1..]));
        }
        at += 2;
    }
}

/// A value and what follows it.
#[inline]
pub(super) fn value(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
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

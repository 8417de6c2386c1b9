//! One line read on its own: its envelope opened, then its message read by the grammar.
//!
//! Responsible for: the way from a line's bytes to an [`Entry`]; what depends on the envelope
//! and the message together (records joined to one line, a tag that belongs to ulogd's prefix).
//! Must not know: how many lines there are, or what the lines before this one said.
//! Tested by: `testdata/lines`, `tests/suites/damage.rs`, `tests/suites/hostile.rs`.

use memchr::memmem;

use crate::bytes::simd;
use crate::envelope::{self, Encoding, Envelope, Writer};
use crate::error::{ErrorKind, ParseError};
use crate::grammar;
use crate::packet::{Dialect, Packet};

/// One line of a log: its envelope and the packet it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Entry<'a> {
    /// What the logging program put in front.
    pub envelope: Envelope<'a>,
    /// The packet; of a line that was not read to its end, what is certain of it.
    pub packet: Packet<'a>,
    /// Why and where reading stopped before the line's end; `None` for a whole packet.
    pub error: Option<ParseError>,
}

/// How much of a line was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Completeness {
    /// All of it.
    Whole,
    /// The kernel or a relay cut the line; what comes before the cut is certain.
    Truncated,
    /// The line holds something that no kernel writes; what comes before it was read.
    Corrupt,
}

impl<'a> Entry<'a> {
    /// Who wrote the line: [`Envelope::writer`], and ulogd by its own form of a packet.
    #[must_use]
    pub fn writer(&self) -> Writer<'a> {
        match self.packet.dialect {
            Dialect::Ulogd if self.envelope.tag.is_none() => Writer::Ulogd,
            _ => self.envelope.writer(),
        }
    }

    /// Whether the packet is whole, cut or damaged.
    #[must_use]
    pub fn completeness(&self) -> Completeness {
        match self.error {
            None => Completeness::Whole,
            Some(error) if error.is_truncation() => Completeness::Truncated,
            Some(_) => Completeness::Corrupt,
        }
    }
}

/// Reads one line.
///
/// Copies nothing: every slice of the result lies in `line`. A line end, a carriage return
/// and NULs at the end are not part of the message.
///
/// ```
/// let line = b"Jun 30 06:06:13 gw kernel: [ 8486.974964] tcp.in.dropped IN=eth0 OUT= \
///     MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 SRC=10.137.0.14 DST=10.137.0.16 LEN=52 \
///     TOS=0x00 PREC=0x00 TTL=63 ID=758 DF PROTO=TCP SPT=56296 DPT=8443 WINDOW=64240 RES=0x00 SYN URGP=0 ";
/// let entry = logparse::parse(line).unwrap();
/// assert_eq!(entry.packet.prefix, b"tcp.in.dropped ");
/// assert_eq!(entry.packet.src().unwrap().to_string(), "10.137.0.14");
/// assert_eq!(entry.packet.dport(), Some(8443));
/// assert_eq!(entry.envelope.host, Some(&b"gw"[..]));
/// ```
///
/// # Errors
/// The line is no firewall record; the kind says what else it is.
/// [`ErrorKind::NeedsScratch`] says that [`parse_with`] can read it.
pub fn parse(line: &[u8]) -> Result<Entry<'_>, ParseError> {
    filled(|entry| {
        let line = trimmed(line);
        if holds_no_header(line) {
            return Err(ParseError::new(0, ErrorKind::NoHeader));
        }
        if envelope::is_coloured(line) {
            return Err(ParseError::new(0, ErrorKind::NeedsScratch));
        }
        let opened = envelope::open(line, &mut entry.envelope)?;
        match opened.encoding {
            Encoding::Json | Encoding::JsonArray => Err(ParseError::new(0, ErrorKind::NeedsScratch)),
            // Without a scratch buffer a /dev/kmsg record keeps its escapes in the prefix.
            Encoding::Plain | Encoding::Kmsg => read(&Message { line, text: opened.message }, entry),
        }
    })
}

/// Reads one line; text that its wrapper wrote with escapes (JSON, `/dev/kmsg`) is decoded
/// into `scratch`, which is cleared first and keeps its memory from line to line.
///
/// ```
/// let line = br#"{"log":"kernel: say \"hi\" IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=28 \
/// TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 \n","stream":"stdout","time":"2024-06-30T04:06:13Z"}"#;
/// let line: Vec<u8> = line.iter().copied().filter(|b| *b != b'\n').collect();
/// let line = String::from_utf8(line).unwrap().replace("\\TOS", "TOS");
/// let mut scratch = Vec::new();
/// let entry = logparse::parse_with(line.as_bytes(), &mut scratch).unwrap();
/// assert_eq!(entry.packet.prefix, b"say \"hi\" ");
/// ```
///
/// # Errors
/// As [`parse`], without [`ErrorKind::NeedsScratch`].
#[inline]
pub fn parse_with<'a>(line: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<Entry<'a>, ParseError> {
    match holds_no_header(line) {
        true => Err(ParseError::new(0, ErrorKind::NoHeader)),
        false => parse_record(line, scratch),
    }
}

/// [`parse_with`] of a line in which a packet may be.
#[inline]
pub(crate) fn parse_record<'a>(line: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<Entry<'a>, ParseError> {
    filled(|entry| {
        let line = trimmed(line);
        if envelope::is_coloured(line) {
            return coloured(line, scratch, entry);
        }
        let opened = envelope::open(line, &mut entry.envelope)?;
        let message = decoded(line, opened, scratch, &mut entry.envelope)?;
        read(&message, entry)
    })
}

/// A message whose envelope was opened.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    /// The line, or what was decoded of it: positions in the message count from its beginning.
    line: &'a [u8],
    pub(crate) text: &'a [u8],
}

/// Opens a line in which a packet may be, as [`parse_record`] does, with the help of the lines before it. `None` if
/// that is no help: then nothing was read.
///
/// # Errors
/// As [`parse_record`].
#[inline]
pub(crate) fn open_record<'a>(
    line: &'a [u8],
    scratch: &'a mut Vec<u8>,
    envelope: &mut Envelope<'a>,
    shapes: &mut envelope::Shapes,
) -> Option<Result<(Message<'a>, bool), ParseError>> {
    let line = trimmed(line);
    if envelope::is_coloured(line) {
        return None;
    }
    let (opened, is_known) = envelope::open_first(line, envelope, shapes);
    let message = opened.and_then(|opened| decoded(line, opened, scratch, envelope));
    Some(message.map(|message| (message, is_known)))
}

/// The message without its wrapper's escapes.
#[inline]
fn decoded<'a>(
    line: &'a [u8],
    opened: envelope::Opened<'a>,
    scratch: &'a mut Vec<u8>,
    envelope: &mut Envelope<'a>,
) -> Result<Message<'a>, ParseError> {
    let escaped = match opened.encoding {
        Encoding::Plain => false,
        Encoding::Kmsg => memchr::memchr(b'\\', opened.message).is_some(),
        Encoding::Json | Encoding::JsonArray => true,
    };
    if !escaped {
        return Ok(Message { line, text: opened.message });
    }
    scratch.clear();
    envelope::unescape(opened.message, opened.encoding, scratch)?;
    if opened.encoding == Encoding::Json && envelope::is_coloured(trimmed(scratch)) {
        envelope::uncolour(scratch);
    }
    let line = trimmed(scratch);
    let text = match opened.encoding {
        // docker keeps lines of programs that write objects themselves. A bracket alone may begin a prefix.
        Encoding::Json if is_object(line) => plain(envelope::open(line, envelope)?)?,
        Encoding::Json => match envelope::object_inside(line, envelope) {
            Some(opened) => plain(opened)?,
            None => envelope::inside(line, envelope),
        },
        _ => line,
    };
    Ok(Message { line, text })
}

/// Whether a text begins as an object with a key does.
fn is_object(text: &[u8]) -> bool {
    let inside = text.strip_prefix(b"{").unwrap_or_default();
    inside.trim_ascii_start().first() == Some(&b'"')
}

/// The message of what needs no more memory.
fn plain(opened: envelope::Opened<'_>) -> Result<&[u8], ParseError> {
    match opened.encoding {
        Encoding::Plain | Encoding::Kmsg => Ok(opened.message),
        Encoding::Json | Encoding::JsonArray => Err(ParseError::new(0, ErrorKind::Wrapper)),
    }
}

/// A line that a program coloured, read without its colours.
#[cold]
fn coloured<'a>(line: &[u8], scratch: &'a mut Vec<u8>, entry: &mut Entry<'a>) -> Result<(), ParseError> {
    scratch.clear();
    envelope::without_colours(line, scratch);
    let text = trimmed(scratch);
    let message = plain(envelope::open(text, &mut entry.envelope)?)?;
    read(&Message { line: text, text: message }, entry)
}

/// An entry as `read` fills it. It is large: made where it will be, and never copied.
#[inline(always)]
fn filled<'a>(read: impl FnOnce(&mut Entry<'a>) -> Result<(), ParseError>) -> Result<Entry<'a>, ParseError> {
    let mut result = Ok(Entry::default());
    if let Ok(entry) = &mut result
        && let Err(error) = read(entry)
    {
        result = Err(error);
    }
    result
}

/// Who wrote a line that is no firewall record, as far as its envelope tells.
///
/// ```
/// let line = b"Jun 30 06:06:13 gw mallory: net_ratelimit: 9999999 callbacks suppressed";
/// assert_eq!(logparse::writer(line).name(), b"mallory");
/// ```
#[must_use]
pub fn writer(line: &[u8]) -> Writer<'_> {
    let mut envelope = Envelope::default();
    // Without a message there may still be a tag.
    let _ = envelope::open(trimmed(line), &mut envelope);
    envelope.writer()
}

/// Reads a message that stands alone: from the prefix on, without any envelope.
///
/// For callers that have the kernel's text already (the journal's `MESSAGE=`, a database).
/// What looks like an envelope is part of the prefix here.
///
/// # Errors
/// The message is no firewall record.
pub fn parse_message(message: &[u8]) -> Result<(Packet<'_>, Option<ParseError>), ParseError> {
    let mut packet = Packet::default();
    let stop = message_or_joined(trimmed(message), grammar::Source::Kernel, &mut packet)?;
    Ok((packet, stop))
}

/// Reads a line of ipchains (Linux 2.2) or ipfwadm (2.0), the filters before netfilter.
///
/// [`parse`] does not take these for packets of a `LOG` rule; who has logs of that age asks
/// for them by name.
///
/// ```
/// let line = b"kernel: Packet log: input DENY eth0 PROTO=6 203.0.113.9:51514 198.51.100.7:22 \
///     L=60 S=0x00 I=54321 F=0x4000 T=52 SYN (#3)";
/// let entry = logparse::parse_legacy(line).unwrap();
/// assert_eq!(entry.packet.chain_and_action(), Some((&b"input"[..], &b"DENY"[..])));
/// assert_eq!(entry.packet.dport(), Some(22));
/// ```
///
/// # Errors
/// The line is no such record.
pub fn parse_legacy(line: &[u8]) -> Result<Entry<'_>, ParseError> {
    let line = trimmed(line);
    let mut entry = Entry::default();
    let opened = envelope::open(line, &mut entry.envelope)?;
    let base = line.len().saturating_sub(opened.message.len());
    let (packet, stop) = grammar::legacy_message(opened.message)?;
    entry.packet = packet;
    entry.error = stop.map(|stop| stop.moved(base));
    Ok(entry)
}

/// Whether a look at the bytes tells that no packet can be in a line: most lines of a mixed
/// log end here. Lines that wrap their text (JSON, CRI), belong to the record above, or leave
/// out an empty `IN=` (Proxmox) need a closer look.
pub(crate) fn holds_no_header(line: &[u8]) -> bool {
    let closer_look = match line.first() {
        Some(b'{' | b' ' | 0) => true,
        Some(b'0'..=b'9') => line.get(4) != Some(&b'-') || line.get(20..).is_some_and(cri_part),
        _ => false,
    };
    !closer_look && grammar::ins(line).next().is_none()
}

/// Whether CRI's mark of a partial line follows its stamp.
fn cri_part(rest: &[u8]) -> bool {
    let rest = &rest[..rest.len().min(32)];
    let behind = &rest[simd::find(rest, b' ')..];
    behind.starts_with(b" stdout P ") || behind.starts_with(b" stderr P ")
}

/// The line without what relays and crashes leave at its end. The kernel's blank stays.
fn trimmed(line: &[u8]) -> &[u8] {
    let mut line = line;
    while let [rest @ .., b'\n' | b'\r' | 0] = line {
        line = rest;
    }
    line
}

/// Reads the message of an opened line; positions are moved to the line's beginning.
pub(crate) fn read<'a>(message: &Message<'a>, entry: &mut Entry<'a>) -> Result<(), ParseError> {
    let Message { line, text: message } = *message;
    let source = envelope::source(&entry.envelope);
    // The message is the line's tail, but for a wrapper's closing bracket or quote.
    let base = (message.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    let stop = message_or_joined(message, source, &mut entry.packet)?;
    entry.error = stop.map(|stop| stop.moved(base));
    tag_of_ulogd(entry, line);
    level_inside(entry);
    Ok(())
}

/// Old kernels wrote a packet after a message that had no line end yet: the level of the packet's
/// record is inside the line, and the prefix begins after it. In a record of its own a level is the
/// rule's prefix.
#[inline]
fn level_inside(entry: &mut Entry<'_>) {
    let prefix = entry.packet.prefix;
    if simd::find(prefix, b'<') == prefix.len() {
        return;
    }
    let is_level = |at: &usize| matches!(&prefix[*at..], [b'<', b'0'..=b'7', b'>', ..]);
    let Some(at) = memchr::memrchr(b'<', prefix).filter(is_level) else { return };
    // A message is a sentence; a prefix that holds such a mark is a word.
    if at > 0 && memchr::memchr(b' ', prefix[..at].trim_ascii()).is_some() {
        entry.envelope.severity = Some(prefix[at + 1] - b'0');
        entry.packet.prefix = envelope::without_uptime(&prefix[at + 3..], &mut entry.envelope);
    }
}

/// ulogd's LOGEMU writes no tag: what looks like one is the beginning of its prefix.
fn tag_of_ulogd<'a>(entry: &mut Entry<'a>, line: &'a [u8]) {
    if entry.packet.dialect != Dialect::Ulogd || entry.envelope.pid.is_some() {
        return;
    }
    let Some(tag) = entry.envelope.tag else { return };
    if matches!(tag, b"kernel" | b"ulogd" | b"ulogd2") {
        return;
    }
    // The tag may lie in another buffer than the message (a JSON attribute); then no range fits.
    let offset = |part: &[u8]| (part.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
    let (start, end) = (offset(tag), offset(entry.packet.prefix).wrapping_add(entry.packet.prefix.len()));
    if let Some(prefix) = line.get(start..end) {
        entry.packet.prefix = prefix;
        entry.envelope.tag = None;
    }
}

/// Reads a message; if its prefix holds the beginning of another record, what follows that.
fn message_or_joined<'a>(
    text: &'a [u8],
    source: grammar::Source,
    packet: &mut Packet<'a>,
) -> Result<Option<ParseError>, ParseError> {
    let stop = grammar::message(text, source, packet)?;
    // Proxmox writes each record with an envelope of its own, which was opened.
    if source == grammar::Source::Pvefw {
        return Ok(stop);
    }
    // Where reading stopped says more than where the records were joined.
    let joined = joined(packet, text);
    Ok(stop.or(joined))
}

/// The longest prefix any writer allows (nft: 127 bytes).
const LONGEST_PREFIX: usize = 127;

/// Whether a packet's prefix holds the beginning of another record: two writers on one file, or
/// a line end that was lost. The prefix then begins after the second envelope.
fn joined<'a>(packet: &mut Packet<'a>, text: &'a [u8]) -> Option<ParseError> {
    let prefix = packet.prefix;
    if prefix.len() <= 16 {
        return None;
    }
    let header = grammar::ins(prefix).next()?;
    memmem::find(&prefix[header..], b" OUT=")?;
    if let Some((stamp, end)) = envelope::inner_envelope(prefix, header) {
        packet.prefix = &text[end..prefix.len()];
        return Some(ParseError::new(stamp, ErrorKind::Joined));
    }
    (prefix.len() > LONGEST_PREFIX).then(|| ParseError::new(prefix.len(), ErrorKind::Joined))
}

//! The bulk path: many lines of one log, as fast as the machine reads them.
//!
//! Responsible for: walking a buffer line by line, reading the lines that look like lines read
//! before with a few vector compares and word loads, and giving every other line to the
//! grammar. Equal to [`parse_with`](crate::parse_with) on every input.
//! Must not know: what is counted.
//! Tested by: `tests/suites/engines.rs`: all of `testdata` with every mutation and every cut, property
//! tests, fuzzing; a difference to the grammar fails.
//!
//! How it works: lines of one log begin alike. What the grammar has read once is remembered as
//! a `fast::head`: an envelope whose bytes may only differ in the digits of its stamps, and a template
//! (prefix and interfaces) whose bytes may not differ at all. If a line's bytes fit, its
//! envelope and template are known without being read, and `fast::body` reads the fields behind
//! `SRC=` in the order in which the kernel prints them. The checks of all numbers are
//! gathered and looked at once. There is no `unsafe`: the compares of 16 bytes
//! are those of `bytes::simd`, which become vector instructions where the processor has them.

use memchr::memchr;

use crate::envelope::{self, Envelope, Shapes};
use crate::fast::body::{self, Endings};
use crate::fast::cursor::{FRAME, Macs, Window, mac_and_src};
use crate::fast::found::Body;
use crate::fast::head::{EnvelopeTemplate, Extent, Follows, PrefixTemplate};
use crate::fast::rare;
use crate::fast::span::{Span, TimeSpan};
use crate::fast::{FastPacket, KnownEnvelope};
use crate::grammar::Source;
use crate::line::Line;
use crate::packet::Packet;
use crate::parse::{Completeness, Entry, Message, holds_no_header, open_record, parse_record, read};
use crate::{ErrorKind, ParseError};

/// One line of a scan.
#[derive(Clone, Copy, Debug)]
pub struct ScannedLine<'a> {
    /// Where the line begins in the buffer.
    pub offset: usize,
    /// The line, without its `\n`.
    pub text: &'a [u8],
    /// The firewall record in it: whole, truncated or corrupt. Else why there is none.
    pub record: Result<Line<'a>, ParseError>,
}

/// Reads buffers of whole lines; remembers what the lines of a log have in common.
///
/// Keep one per thread and log. It allocates when it is made and when it learns a new kind of
/// line, at most a few hundred times; never for a line of a kind it knows.
///
/// ```
/// use logparse::Scanner;
/// let log = b"Jun 30 06:06:13 gw kernel: drop IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=28 \
/// TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=5353 DPT=53 LEN=8 \nother text\n";
/// let mut ports = Vec::new();
/// let mut scanner = Scanner::new();
/// scanner.scan(log, |line| {
///     if let Ok(record) = line.record {
///         ports.push(record.dport());
///     }
/// });
/// assert_eq!(ports, [Some(53)]);
/// ```
pub struct Scanner {
    envelopes: Vec<EnvelopeTemplate>,
    /// Where the envelope that was found last has its host.
    host_at: usize,
    /// By hash of a host's first bytes: the envelope that it had last.
    hosts: [Host; HOSTS],
    /// The envelope to forget next.
    oldest: usize,
    templates: Vec<PrefixTemplate>,
    /// The template to forget next.
    oldest_template: usize,
    /// Numbers given to templates so far.
    template_keys: u16,
    macs: Macs,
    /// By hash of a message's first bytes, few or more of them: a template that it may have.
    slots: Box<[Slot; SLOTS]>,
    endings: Endings,
    /// For each envelope, the earliest and the latest clock of the lines read quickly.
    spans: Vec<Span>,
    /// Spans of envelopes that were forgotten before they were asked for.
    retired: Vec<TimeSpan>,
    /// For each envelope, which templates the grammar has read behind it.
    pairs: Vec<[u64; TEMPLATES / 64]>,
    messages: Messages,
    shapes: Shapes,
    scratch: Vec<u8>,
    /// Lines with unknown heads since the last one from which something was learned.
    misses: u32,
}

/// An envelope, and where the message begins behind it: what is read next is found without
/// looking at the envelope itself.
#[derive(Clone, Copy, Default)]
struct Host {
    envelope: u8,
    message_at: u8,
}

/// A template, and what is needed to go on behind it, for the same reason.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// The template's number plus one.
    template: u16,
    extent: Extent,
}

/// Messages behind envelopes that are not learned, as JSON: read quickly on their own.
struct Messages {
    /// Which templates the grammar has read at a message's beginning: for a message of any writer, and
    /// of the kernel.
    templates: [[u64; TEMPLATES / 64]; 2],
    /// The message in a frame of its own; what was there before follows it.
    frame: Box<[u8; FRAME]>,
}

impl Messages {
    fn new() -> Messages {
        Messages { templates: [[0; TEMPLATES / 64]; 2], frame: Box::new([b'\n'; FRAME]) }
    }

    /// Which of `templates` are those for messages from here.
    fn place(source: Source) -> Option<usize> {
        match source {
            Source::Any => Some(0),
            Source::Kernel => Some(1),
            // Its records are not the kernel's.
            Source::Pvefw => None,
        }
    }
}

/// What is known of the head of a line that could not be read quickly.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    /// It is known: the fields behind it are the grammar's.
    Known,
    /// It is known from another host's lines, and will be found the next time.
    Found,
    /// It is none of those that were learned.
    Unknown,
}

/// Envelopes kept: one per host and date, ten hours each.
const ENVELOPES: usize = 16;
/// Fronts kept: one per prefix and pair of interfaces.
const TEMPLATES: usize = 1024;
const SLOTS: usize = 4096;
/// Fronts among which one is looked for that is not in its place.
const FEW: usize = 64;
/// Lines with unknown heads that teach nothing until only one in so many is tried. No log repeats
/// itself every so many lines.
const PATIENCE: u32 = 61;
const HOSTS: usize = 64;

impl Default for Scanner {
    fn default() -> Scanner {
        Scanner::new()
    }
}

impl core::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Scanner")
            .field("envelopes", &self.envelopes.len())
            .field("templates", &self.templates.len())
            .finish_non_exhaustive()
    }
}

impl Scanner {
    /// A scanner that has learned nothing yet.
    #[must_use]
    pub fn new() -> Scanner {
        Scanner {
            envelopes: Vec::new(),
            host_at: 0,
            hosts: [Host::default(); HOSTS],
            oldest: 0,
            templates: Vec::new(),
            oldest_template: 0,
            template_keys: 0,
            macs: Macs::new(),
            slots: Box::new([Slot::default(); SLOTS]),
            endings: Endings::new(),
            pairs: Vec::new(),
            messages: Messages::new(),
            shapes: Shapes::default(),
            spans: Vec::new(),
            retired: Vec::new(),
            scratch: Vec::new(),
            misses: 0,
        }
    }

    /// Calls `each` for every line of `buffer`, in order. A last line without `\n` is a line.
    ///
    /// The result of a line does not depend on the lines before it: it is what
    /// [`parse_with`](crate::parse_with) gives.
    #[inline]
    pub fn scan<'b>(&mut self, buffer: &'b [u8], mut each: impl for<'a> FnMut(ScannedLine<'a>)) {
        let mut at = 0;
        while at < buffer.len() {
            let rest: &'b [u8] = &buffer[at..];
            let window = rest.first_chunk().map(Window);
            let mut body = Body::default();
            if let Some(window) = window
                && let Some((packet, envelope)) = self.quick(window, &mut body)
            {
                let len = packet.line().len();
                each(ScannedLine { offset: at, text: packet.line(), record: Ok(Line::Fast(&packet)) });
                self.spans[envelope].note(window, at);
                at += len + 1;
                continue;
            }
            let len = memchr(b'\n', rest).unwrap_or(rest.len());
            let text = &rest[..len];
            if holds_no_header(text) {
                let record = Err(ParseError::new(0, ErrorKind::NoHeader));
                each(ScannedLine { offset: at, text, record });
            } else {
                let head = window.map_or(Head::Unknown, |window| self.find_head(window));
                if head == Head::Found {
                    continue;
                }
                self.slow(at, text, head, &mut each);
            }
            at += len + 1;
        }
    }

    /// Gives the first and the last moment of the [`Line::Fast`] lines since the last call,
    /// for each envelope that has a clock; offsets are those of the scans' buffers. For whoever
    /// wants to know a log's span without looking at the stamp of every line.
    pub fn time_spans(&mut self, each: impl FnMut(TimeSpan)) {
        let Scanner { envelopes, spans, retired, .. } = self;
        let current = envelopes.iter().zip(spans).filter_map(|(shape, span)| span.take(shape));
        retired.drain(..).chain(current).for_each(each);
    }

    /// Reads a line of a known kind, if it is one; gives it with its envelope. What is found is
    /// left in `body`, where it stays: a copy would wait for what was just written.
    #[inline(always)]
    fn quick<'a>(&'a mut self, window: Window<'a>, body: &'a mut Body) -> Option<(FastPacket<'a>, usize)> {
        let (host, slot) = self.head(window)?;
        let (message_at, template) = (usize::from(host.message_at), usize::from(slot.template) - 1);
        let at = message_at + usize::from(slot.extent.len);
        let end = body_after(slot.extent, window, at, body, &mut self.macs, &mut self.endings)?;
        let envelope = usize::from(host.envelope);
        let (shape, template) = (&self.envelopes[envelope], &self.templates[template]);
        let known = KnownEnvelope::Learned(shape);
        let line = &window.0[..end];
        Some((FastPacket { window, line, message_at, body, template, envelope: known }, envelope))
    }

    /// The known envelope and template that a line has. Hosts take turns in a log of many: the
    /// envelope is the one that this line's host had last.
    #[inline(always)]
    fn head(&self, window: Window<'_>) -> Option<(Host, Slot)> {
        let host = self.hosts[host_slot(window.u64(self.host_at))];
        Some((host, self.template_after(host, window)?))
    }

    /// If [`Scanner::head`] gives none, looks behind every known envelope, and remembers the one
    /// that it finds for this line's host: now there is one. Envelopes may be beginnings of each
    /// other (one is empty, one has an uptime more): the pair decides.
    #[cold]
    #[inline(never)]
    fn find_head(&mut self, window: Window<'_>) -> Head {
        if self.head(window).is_some() {
            return Head::Known;
        }
        let found = (0..self.envelopes.len())
            .filter(|envelope| self.envelopes[*envelope].may_fit(window))
            .map(|envelope| self.host(envelope))
            .find_map(|host| Some((host, self.find_template(host, window)?)));
        let Some((host, template)) = found else { return Head::Unknown };
        self.remember_host(host, window);
        self.slots[slot::<FEW_WORDS>(window, usize::from(host.message_at))] = template;
        Head::Found
    }

    /// The template of a line with this envelope. It may begin like another (`[UFW BLOCK] IN=eth0 OUT=`
    /// are 24 bytes), or be so short that the packet's address is among the bytes that tell its place:
    /// then it is looked for among all, if they are few.
    fn find_template(&self, host: Host, window: Window<'_>) -> Option<Slot> {
        let (shape, message_at) = (&self.envelopes[usize::from(host.envelope)], usize::from(host.message_at));
        if !shape.fits(window) {
            return None;
        }
        let places = [slot::<FEW_WORDS>(window, message_at), slot::<MORE_WORDS>(window, message_at)];
        let all = self.templates.iter().take(FEW).zip(1..);
        let all = all.map(|(template, number)| Slot { template: number, extent: template.extent });
        let mut slots = places.into_iter().map(|place| self.slots[place]).chain(all);
        slots.find(|slot| self.has_template(host, *slot, window))
    }

    fn host(&self, envelope: usize) -> Host {
        Host { envelope: envelope as u8, message_at: self.envelopes[envelope].message_at as u8 }
    }

    /// Lines with this line's host are looked for in this envelope first.
    fn remember_host(&mut self, host: Host, window: Window<'_>) {
        self.host_at = self.envelopes[usize::from(host.envelope)].tell_at;
        self.hosts[host_slot(window.u64(self.host_at))] = host;
    }

    /// The template that a line has if it has this envelope and the grammar has read a line of
    /// this pair.
    #[inline(always)]
    fn template_after(&self, host: Host, window: Window<'_>) -> Option<Slot> {
        let (envelope, message_at) = (usize::from(host.envelope), usize::from(host.message_at));
        let first = self.slots[slot::<FEW_WORDS>(window, message_at)];
        let shape = self.envelopes.get(envelope)?;
        // One that was forgotten may have left its place to another.
        if shape.message_at != message_at || !shape.fits(window) {
            return None;
        }
        self.has_template(host, first, window).then_some(first)
    }

    /// Whether a line with this envelope has the template of a slot, and the grammar has read a line
    /// of this pair.
    #[inline(always)]
    fn has_template(&self, host: Host, slot: Slot, window: Window<'_>) -> bool {
        let Some(number) = usize::from(slot.template).checked_sub(1) else { return false };
        self.templates.get(number).is_some_and(|template| {
            template.extent == slot.extent
                && self.pairs[usize::from(host.envelope)][number / 64] >> (number % 64) & 1 == 1
                && template.fits(window, usize::from(host.message_at))
        })
    }

    /// Reads a line whose head is none that was learned, and learns from it.
    fn slow(
        &mut self,
        offset: usize,
        text: &[u8],
        head: Head,
        each: &mut impl for<'a> FnMut(ScannedLine<'a>),
    ) {
        let mut scratch = core::mem::take(&mut self.scratch);
        let mut envelope = Envelope::default();
        match open_record(text, &mut scratch, &mut envelope, &mut self.shapes) {
            Some(Ok((message, is_known))) => {
                let is_whole = self.opened(offset, text, head, message, &envelope, each);
                if is_whole && !is_known && text.first() == Some(&b'{') {
                    self.shapes.learn(text);
                }
            }
            Some(Err(error)) => each(ScannedLine { offset, text, record: Err(error) }),
            None => Self::coloured(offset, text, each),
        }
        self.scratch = scratch;
    }

    /// Reads a line that a program coloured.
    #[cold]
    fn coloured(offset: usize, text: &[u8], each: &mut impl for<'a> FnMut(ScannedLine<'a>)) {
        match parse_record(text, &mut Vec::new()) {
            Ok(entry) => each(ScannedLine { offset, text, record: Ok(Line::Full(&entry)) }),
            Err(error) => each(ScannedLine { offset, text, record: Err(error) }),
        }
    }

    /// Reads the message of an opened line: quickly, if it is of a known kind, else by the grammar. Whether it is a
    /// whole packet.
    fn opened<'a>(
        &mut self,
        offset: usize,
        text: &'a [u8],
        head: Head,
        message: Message<'a>,
        envelope: &Envelope<'a>,
        each: &mut impl for<'b> FnMut(ScannedLine<'b>),
    ) -> bool {
        let source = envelope::source(envelope);
        let mut body = Body::default();
        if head == Head::Unknown
            && envelope.repeat == 1
            && let Some(packet) = self.quick_message(message.text, source, envelope, &mut body)
        {
            each(ScannedLine { offset, text, record: Ok(Line::Fast(&packet)) });
            if self.is_worth_it() {
                let mut entry = Entry { envelope: *envelope, ..Entry::default() };
                let is_read = read(&message, &mut entry).is_ok();
                let learned = is_read && self.learn(text, &entry).is_some();
                self.note_learned(learned);
            } else {
                self.note_learned(false);
            }
            return true;
        }
        let mut entry = Entry { envelope: *envelope, ..Entry::default() };
        if let Err(error) = read(&message, &mut entry) {
            each(ScannedLine { offset, text, record: Err(error) });
            return false;
        }
        each(ScannedLine { offset, text, record: Ok(Line::Full(&entry)) });
        let is_whole = entry.completeness() == Completeness::Whole;
        if head == Head::Unknown && is_whole {
            self.learn_if_worth_it(text, &entry, message.text, source);
        }
        is_whole
    }

    /// Reads a message of a known kind, whose envelope was opened already.
    fn quick_message<'a>(
        &'a mut self,
        message: &'a [u8],
        source: Source,
        envelope: &'a Envelope<'a>,
        body: &'a mut Body,
    ) -> Option<FastPacket<'a>> {
        let known = Messages::place(source)?;
        let Messages { frame, .. } = &mut self.messages;
        frame.get_mut(..message.len())?.copy_from_slice(message);
        *frame.get_mut(message.len())? = b'\n';
        let window = Window(&self.messages.frame);
        let bits = &self.messages.templates[known];
        let places = [slot::<FEW_WORDS>(window, 0), slot::<MORE_WORDS>(window, 0)];
        let template = places.into_iter().find_map(|slot| {
            let number = usize::from(self.slots[slot].template).checked_sub(1)?;
            let is_known = bits[number / 64] >> (number % 64) & 1 == 1;
            self.templates.get(number).filter(|template| is_known && template.fits(window, 0))
        })?;
        let at = usize::from(template.extent.len);
        let end = body_after(template.extent, window, at, body, &mut self.macs, &mut self.endings)?;
        // A line end inside the message is no end of a line.
        if end != message.len() {
            return None;
        }
        let envelope = KnownEnvelope::Opened(envelope);
        Some(FastPacket { window, line: message, message_at: 0, body, template, envelope })
    }

    /// Remembers the template of a message that the grammar read behind an envelope that is not learned.
    #[cold]
    #[inline(never)]
    fn learn_message(&mut self, entry: &Entry<'_>, message: &[u8], source: Source) -> Option<()> {
        let prefix = entry.packet.prefix;
        // What its envelope left in the prefix is taken out of it afterwards.
        if prefix.as_ptr() != message.as_ptr() || memchr(b'<', prefix).is_some() {
            return None;
        }
        let frame = padded(message)?;
        let window = Window(&frame);
        let template = self.template_of(window, 0, message, &entry.packet)?;
        let own = Slot { template: template as u16 + 1, extent: self.templates[template].extent };
        self.slots[slot::<FEW_WORDS>(window, 0)] = own;
        self.slots[slot::<MORE_WORDS>(window, 0)] = own;
        let (known, word, bit) = (Messages::place(source)?, template / 64, 1 << (template % 64));
        if self.messages.templates[known][word] & bit != 0 {
            return Some(());
        }
        // As for pairs: known once both ways of reading said the same.
        self.messages.templates[known][word] |= bit;
        let mut body = Body::default();
        let read = self.quick_message(message, source, &entry.envelope, &mut body);
        if read.is_some_and(|read| read.packet() == entry.packet) {
            return Some(());
        }
        self.messages.templates[known][word] &= !bit;
        None
    }

    /// Learns from a line that the grammar read, if it is worth it; `message` is what it read of the line.
    fn learn_if_worth_it(&mut self, line: &[u8], entry: &Entry<'_>, message: &[u8], source: Source) {
        let learned = self.is_worth_it()
            && (self.learn(line, entry).is_some() || self.learn_message(entry, message, source).is_some());
        self.note_learned(learned);
    }

    /// A rule may log nothing but packets that the grammar alone reads: if there was nothing to
    /// learn for a while, only one line in so many is tried.
    fn is_worth_it(&self) -> bool {
        self.misses < PATIENCE || self.misses.is_multiple_of(PATIENCE)
    }

    fn note_learned(&mut self, learned: bool) {
        self.misses = if learned { 0 } else { self.misses.wrapping_add(1) };
    }

    /// Remembers the head of a line that the grammar read; `None` if no line with this head can be
    /// read quickly, as far as this one tells.
    #[cold]
    #[inline(never)]
    fn learn(&mut self, line: &[u8], entry: &Entry<'_>) -> Option<()> {
        let frame = padded(line)?;
        let window = Window(&frame);
        let message_at = (entry.packet.prefix.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
        let message = line.get(message_at..)?;
        let known =
            self.envelopes.iter().position(|shape| shape.message_at == message_at && shape.fits(window));
        let (envelope, new_envelope) = match known {
            Some(known) => (known, None),
            None => (0, Some(EnvelopeTemplate::learn(line, entry, message_at)?)),
        };
        let template = self.template_of(window, message_at, message, &entry.packet)?;
        let envelope = new_envelope.map_or(envelope, |shape| self.keep_envelope(shape));
        let own = Slot { template: template as u16 + 1, extent: self.templates[template].extent };
        self.slots[slot::<FEW_WORDS>(window, message_at)] = own;
        self.slots[slot::<MORE_WORDS>(window, message_at)] = own;
        self.remember_host(self.host(envelope), window);
        let (word, bit) = (template / 64, 1 << (template % 64));
        if self.pairs[envelope][word] & bit != 0 {
            return Some(());
        }
        // Whether a word is a tag or a prefix may depend on what is behind it (ulogd writes no
        // tag): a pair is known once the quick path read a line of it as the grammar did.
        self.pairs[envelope][word] |= bit;
        let mut body = Body::default();
        if self.quick(window, &mut body).is_some_and(|(packet, _)| packet.entry() == *entry) {
            return Some(());
        }
        self.pairs[envelope][word] &= !bit;
        None
    }

    /// The template of a message that the grammar read.
    fn template_of(
        &mut self,
        window: Window<'_>,
        message_at: usize,
        message: &[u8],
        packet: &Packet<'_>,
    ) -> Option<usize> {
        let known = self
            .templates
            .iter()
            .position(|template| template.fits(window, message_at) && template.says(message, packet));
        if known.is_some() {
            return known;
        }
        let id = self.template_keys.checked_add(1)?;
        let template = PrefixTemplate::learn(message, packet, self.template_keys)?;
        self.template_keys = id;
        Some(self.keep_template(template))
    }

    /// In the place of the one that was learned first, if there are too many: interfaces of
    /// containers come and go.
    fn keep_template(&mut self, template: PrefixTemplate) -> usize {
        if self.templates.len() < TEMPLATES {
            self.templates.push(template);
            return self.templates.len() - 1;
        }
        let place = self.oldest_template;
        self.oldest_template = (self.oldest_template + 1) % TEMPLATES;
        self.templates[place] = template;
        let pairs = self.pairs.iter_mut().chain(&mut self.messages.templates);
        pairs.for_each(|templates| templates[place / 64] &= !(1 << (place % 64)));
        place
    }

    fn keep_envelope(&mut self, shape: EnvelopeTemplate) -> usize {
        if self.envelopes.len() < ENVELOPES {
            self.envelopes.push(shape);
            self.pairs.push([0; TEMPLATES / 64]);
            if let Some(shape) = self.envelopes.last() {
                self.spans.push(Span::of(shape));
            }
            return self.envelopes.len() - 1;
        }
        let place = self.oldest;
        self.oldest = (self.oldest + 1) % ENVELOPES;
        self.retired.extend(self.spans[place].take(&self.envelopes[place]));
        self.spans[place] = Span::of(&shape);
        self.envelopes[place] = shape;
        self.pairs[place] = [0; TEMPLATES / 64];
        place
    }
}

/// The line in a frame of its own.
fn padded(line: &[u8]) -> Option<[u8; FRAME]> {
    let mut frame = [b'\n'; FRAME];
    frame.get_mut(..line.len())?.copy_from_slice(line);
    Some(frame)
}

#[inline(always)]
fn host_slot(text: u64) -> usize {
    (text.wrapping_mul(ODD) >> 58) as usize % HOSTS
}

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Words of a message that tell where its template is looked up first, and then.
const FEW_WORDS: usize = 3;
const MORE_WORDS: usize = 5;

/// Where a template is looked up: a hash of the message's first words.
#[inline(always)]
fn slot<const WORDS: usize>(window: Window<'_>, message_at: usize) -> usize {
    // Products do not wait for each other.
    let mut mixed = 0;
    for word in 0..WORDS {
        let factor = ODD.rotate_left(word as u32 * 16) | 1;
        mixed ^= window.u64(message_at + word * 8).wrapping_mul(factor);
    }
    (mixed >> 52) as usize % SLOTS
}
/// Reads what follows a template, from `at` to the line's end; gives the position of the `\n`.
#[inline(always)]
fn body_after(
    extent: Extent,
    window: Window<'_>,
    mut at: usize,
    body: &mut Body,
    macs: &mut Macs,
    endings: &mut Endings,
) -> Option<usize> {
    match extent.follows {
        Follows::Mac if !mac_and_src(window, &mut at, macs) => None,
        Follows::Operation => rare::arp(window, at, body),
        Follows::Mac | Follows::Source => body::read(window, at, body, endings),
    }
}

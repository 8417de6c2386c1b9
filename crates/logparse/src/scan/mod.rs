//! The bulk path: many lines of one log, as fast as the machine reads them.
//!
//! Responsible for: walking a buffer line by line, reading the lines that look like lines read
//! before with a few vector compares and word loads, and giving every other line to the
//! grammar. Equal to [`parse_with`](crate::parse_with) on every input.
//! Must not know: what is counted.
//! Tested by: `tests/engines.rs`: all of `testdata` with every mutation and every cut, property
//! tests, fuzzing; a difference to the grammar fails.
//!
//! How it works: lines of one log begin alike. What the grammar has read once is remembered as
//! a [`head`]: an envelope whose bytes may only differ in the digits of its stamps, and a front
//! (prefix and interfaces) whose bytes may not differ at all. If a line's bytes fit, its
//! envelope and front are known without being read, and [`body`] reads the fields behind
//! `SRC=` in the order in which the kernel prints them. The checks of all numbers are
//! gathered and looked at once. There is no `unsafe` and no processor-specific code: the compares are
//! written so that the compiler makes vector instructions of them on every target.

mod body;
mod head;
mod memory;
mod window;

use core::hint::select_unpredictable;
use core::net::{IpAddr, Ipv4Addr};

use memchr::memchr;

use crate::time::{Civil, TimeOfDay, Uptime};
use crate::types::{Protocol, TcpFlags};
use crate::{Completeness, Entry, ErrorKind, Link, ParseError, holds_no_header, parse_record};
use body::{Body, Endings};
use head::{EnvelopeShape, Extent, Front};
use window::{FRAME, Macs, Window, mac_and_src};

/// What a scan finds in a line.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// A whole packet in a common form; fields are decoded when asked for.
    Packet(&'a Scanned<'a>),
    /// A firewall record that the grammar read: whole, cut or damaged.
    Entry(&'a Entry<'a>),
    /// No firewall record.
    Other(ParseError),
}

/// One line of a scan.
#[derive(Clone, Copy, Debug)]
pub struct ScannedLine<'a> {
    /// Where the line begins in the buffer.
    pub offset: usize,
    /// The line, without its `\n`.
    pub text: &'a [u8],
    /// What it says.
    pub found: Found<'a>,
}

impl<'a> ScannedLine<'a> {
    /// Gives the line to `look` as [`parse_with`](crate::parse_with) reads it, with every field
    /// typed. An entry is large: it is made where it is looked at, and not moved.
    #[inline]
    pub fn with_entry<R>(&self, look: impl FnOnce(Result<&Entry<'a>, ParseError>) -> R) -> R {
        match self.found {
            Found::Packet(packet) => {
                let mut entry = Entry::default();
                packet.fill(&mut entry);
                look(Ok(&entry))
            }
            Found::Entry(entry) => look(Ok(entry)),
            Found::Other(error) => look(Err(error)),
        }
    }
}

/// Reads buffers of whole lines; remembers what the lines of a log have in common.
///
/// Keep one per thread and log. It allocates when it is made and when it learns a new kind of
/// line, at most a few hundred times; never for a line of a kind it knows.
///
/// ```
/// use logparse::{Found, Scanner};
/// let log = b"Jun 30 06:06:13 gw kernel: drop IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=28 \
/// TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=5353 DPT=53 LEN=8 \nother text\n";
/// let mut ports = Vec::new();
/// let mut scanner = Scanner::new();
/// scanner.scan(log, |line| match line.found {
///     Found::Packet(packet) => ports.push(packet.dport()),
///     Found::Entry(entry) => ports.push(entry.packet.dport()),
///     Found::Other(_) => {}
/// });
/// assert_eq!(ports, [Some(53)]);
/// ```
pub struct Scanner {
    envelopes: Vec<EnvelopeShape>,
    /// Where the envelope that was found last has its host.
    host_at: usize,
    /// By hash of a host's first bytes: the envelope that it had last.
    hosts: [Host; HOSTS],
    /// The envelope to forget next.
    oldest: usize,
    fronts: Vec<Front>,
    /// The front to forget next.
    oldest_front: usize,
    /// Numbers given to fronts so far.
    front_ids: u16,
    macs: Macs,
    /// By hash of a message's first bytes, few or more of them: a front that it may have.
    slots: Box<[Slot; SLOTS]>,
    endings: Endings,
    /// For each envelope, the earliest and the latest clock of the lines read quickly.
    spans: Vec<Span>,
    /// Spans of envelopes that were forgotten before anybody asked.
    retired: Vec<Extremes>,
    /// For each envelope, which fronts the grammar has read behind it.
    pairs: Vec<[u64; FRONTS / 64]>,
    scratch: Vec<u8>,
    /// Lines with unknown heads since the last one from which something was learned.
    fruitless: u32,
}

/// An envelope, and where the message begins behind it: what is read next is found without
/// looking at the envelope itself.
#[derive(Clone, Copy, Default)]
struct Host {
    envelope: u8,
    message_at: u8,
}

/// A front, and what is needed to go on behind it, for the same reason.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// The front's number plus one.
    front: u16,
    extent: Extent,
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

/// The first and the last moment among the [`Found::Packet`] lines of one envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extremes {
    /// How many lines there were.
    pub lines: u64,
    /// Where in its buffer the line with the earliest stamp begins, and the stamp.
    pub earliest: (usize, Civil),
    /// The same for the latest.
    pub latest: (usize, Civil),
}

/// Clock texts as numbers: within one envelope they compare as the moments do.
#[derive(Clone, Copy)]
struct Span {
    /// Where the clock stands; `mask` covers its text.
    at: usize,
    mask: u128,
    lines: u64,
    earliest: (u128, usize),
    latest: (u128, usize),
}

impl Span {
    fn of(shape: &EnvelopeShape) -> Span {
        let (at, len) = shape.clock().unwrap_or((0, 0));
        let mask = if len == 0 { 0 } else { u128::MAX << (128 - len * 8) };
        Span { at, mask, lines: 0, earliest: (u128::MAX, 0), latest: (0, 0) }
    }

    #[inline(always)]
    fn note(&mut self, window: Window<'_>, offset: usize) {
        let clock = u128::from_be_bytes(*window.bytes(self.at)) & self.mask;
        self.lines += 1;
        if clock < self.earliest.0 {
            self.earliest = (clock, offset);
        }
        // Whether the second is over is not to be guessed: no jump.
        self.latest = select_unpredictable(clock > self.latest.0, (clock, offset), self.latest);
    }

    /// What was noted, if the envelope has a clock; begins anew.
    fn take(&mut self, shape: &EnvelopeShape) -> Option<Extremes> {
        let noted = core::mem::replace(self, Span::of(shape));
        if noted.lines == 0 {
            return None;
        }
        let (_, len) = shape.clock()?;
        let civil = |(clock, offset): (u128, usize)| {
            shape.civil_at(&clock.to_be_bytes(), len).map(|civil| (offset, civil))
        };
        Some(Extremes { lines: noted.lines, earliest: civil(noted.earliest)?, latest: civil(noted.latest)? })
    }
}

/// Envelopes kept: one per host and date, ten hours each.
const ENVELOPES: usize = 16;
/// Fronts kept: one per prefix and pair of interfaces.
const FRONTS: usize = 1024;
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
            .field("fronts", &self.fronts.len())
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
            fronts: Vec::new(),
            oldest_front: 0,
            front_ids: 0,
            macs: Macs::new(),
            slots: Box::new([Slot::default(); SLOTS]),
            endings: Endings::new(),
            pairs: Vec::new(),
            spans: Vec::new(),
            retired: Vec::new(),
            scratch: Vec::new(),
            fruitless: 0,
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
                let len = packet.end;
                each(ScannedLine { offset: at, text: packet.line(), found: Found::Packet(&packet) });
                self.spans[envelope].note(window, at);
                at += len + 1;
                continue;
            }
            let len = memchr(b'\n', rest).unwrap_or(rest.len());
            let text = &rest[..len];
            if holds_no_header(text) {
                let found = Found::Other(ParseError::new(0, ErrorKind::NoHeader));
                each(ScannedLine { offset: at, text, found });
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

    /// Gives the first and the last moment of the [`Found::Packet`] lines since the last call,
    /// for each envelope that has a clock; offsets are those of the scans' buffers. For whoever
    /// wants to know a log's span without looking at the stamp of every line.
    pub fn extremes(&mut self, each: impl FnMut(Extremes)) {
        let Scanner { envelopes, spans, retired, .. } = self;
        let current = envelopes.iter().zip(spans).filter_map(|(shape, span)| span.take(shape));
        retired.drain(..).chain(current).for_each(each);
    }

    /// Reads a line of a known kind, if it is one; gives it with its envelope. What is found is
    /// left in `body`, where it stays: a copy would wait for what was just written.
    #[inline(always)]
    fn quick<'a>(&'a mut self, window: Window<'a>, body: &'a mut Body) -> Option<(Scanned<'a>, usize)> {
        let (host, slot) = self.head(window)?;
        let (message_at, front) = (usize::from(host.message_at), usize::from(slot.front) - 1);
        let mut at = message_at + usize::from(slot.extent.len);
        if slot.extent.mac_follows && !mac_and_src(window, &mut at, &mut self.macs) {
            return None;
        }
        let end = body::read(window, at, body, &mut self.endings)?;
        let envelope = usize::from(host.envelope);
        let (shape, front) = (&self.envelopes[envelope], &self.fronts[front]);
        Some((Scanned { window, end, message_at, body, front, envelope: shape }, envelope))
    }

    /// The known envelope and front that a line has. Hosts take turns in a log of many: the
    /// envelope is the one that this line's host had last.
    #[inline(always)]
    fn head(&self, window: Window<'_>) -> Option<(Host, Slot)> {
        let host = self.hosts[host_slot(window.u64(self.host_at))];
        Some((host, self.front_behind(host, window)?))
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
            .find_map(|host| Some((host, self.find_front(host, window)?)));
        let Some((host, front)) = found else { return Head::Unknown };
        self.remember_host(host, window);
        self.slots[slot::<FEW_WORDS>(window, usize::from(host.message_at))] = front;
        Head::Found
    }

    /// The front of a line with this envelope. It may begin like another (`[UFW BLOCK] IN=eth0 OUT=`
    /// are 24 bytes), or be so short that the packet's address is among the bytes that tell its place:
    /// then it is looked for among all, if they are few.
    fn find_front(&self, host: Host, window: Window<'_>) -> Option<Slot> {
        let (shape, message_at) = (&self.envelopes[usize::from(host.envelope)], usize::from(host.message_at));
        if !shape.fits(window) {
            return None;
        }
        let places = [slot::<FEW_WORDS>(window, message_at), slot::<MORE_WORDS>(window, message_at)];
        let all = self.fronts.iter().take(FEW).zip(1..);
        let all = all.map(|(front, number)| Slot { front: number, extent: front.extent });
        let mut slots = places.into_iter().map(|place| self.slots[place]).chain(all);
        slots.find(|slot| self.has_front(host, *slot, window))
    }

    fn host(&self, envelope: usize) -> Host {
        Host { envelope: envelope as u8, message_at: self.envelopes[envelope].message_at as u8 }
    }

    /// Lines with this line's host are looked for in this envelope first.
    fn remember_host(&mut self, host: Host, window: Window<'_>) {
        self.host_at = self.envelopes[usize::from(host.envelope)].tell_at;
        self.hosts[host_slot(window.u64(self.host_at))] = host;
    }

    /// The front that a line has if it has this envelope and the grammar has read a line of
    /// this pair.
    #[inline(always)]
    fn front_behind(&self, host: Host, window: Window<'_>) -> Option<Slot> {
        let (envelope, message_at) = (usize::from(host.envelope), usize::from(host.message_at));
        let first = self.slots[slot::<FEW_WORDS>(window, message_at)];
        let shape = self.envelopes.get(envelope)?;
        // One that was forgotten may have left its place to another.
        if shape.message_at != message_at || !shape.fits(window) {
            return None;
        }
        self.has_front(host, first, window).then_some(first)
    }

    /// Whether a line with this envelope has the front of a slot, and the grammar has read a line
    /// of this pair.
    #[inline(always)]
    fn has_front(&self, host: Host, slot: Slot, window: Window<'_>) -> bool {
        let Some(number) = usize::from(slot.front).checked_sub(1) else { return false };
        self.fronts.get(number).is_some_and(|front| {
            front.extent == slot.extent
                && self.pairs[usize::from(host.envelope)][number / 64] >> (number % 64) & 1 == 1
                && front.fits(window, usize::from(host.message_at))
        })
    }

    /// Reads a line by the grammar, and learns from it.
    fn slow(
        &mut self,
        offset: usize,
        text: &[u8],
        head: Head,
        each: &mut impl for<'a> FnMut(ScannedLine<'a>),
    ) {
        let mut scratch = core::mem::take(&mut self.scratch);
        match &parse_record(text, &mut scratch) {
            Ok(entry) => {
                each(ScannedLine { offset, text, found: Found::Entry(entry) });
                if head == Head::Unknown && entry.completeness() == Completeness::Whole {
                    self.learn_if_worth_it(text, entry);
                }
            }
            Err(error) => each(ScannedLine { offset, text, found: Found::Other(*error) }),
        }
        self.scratch = scratch;
    }

    /// A rule may log nothing but packets that the grammar alone reads: if there was nothing to
    /// learn for a while, only one line in so many is tried.
    fn learn_if_worth_it(&mut self, line: &[u8], entry: &Entry<'_>) {
        let is_worth_it = self.fruitless < PATIENCE || self.fruitless.is_multiple_of(PATIENCE);
        if is_worth_it && self.learn(line, entry).is_some() {
            self.fruitless = 0;
        } else {
            self.fruitless = self.fruitless.wrapping_add(1);
        }
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
            None => (0, Some(EnvelopeShape::learn(line, entry, message_at)?)),
        };
        let known = self
            .fronts
            .iter()
            .position(|front| front.fits(window, message_at) && front.says(message, &entry.packet));
        let front = match known {
            Some(known) => known,
            None => {
                let id = self.front_ids.checked_add(1)?;
                let front = Front::learn(message, &entry.packet, self.front_ids)?;
                self.front_ids = id;
                self.keep_front(front)
            }
        };
        let envelope = new_envelope.map_or(envelope, |shape| self.keep_envelope(shape));
        let own = Slot { front: front as u16 + 1, extent: self.fronts[front].extent };
        self.slots[slot::<FEW_WORDS>(window, message_at)] = own;
        self.slots[slot::<MORE_WORDS>(window, message_at)] = own;
        self.remember_host(self.host(envelope), window);
        let (word, bit) = (front / 64, 1 << (front % 64));
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

    /// In the place of the one that was learned first, if there are too many: interfaces of
    /// containers come and go.
    fn keep_front(&mut self, front: Front) -> usize {
        if self.fronts.len() < FRONTS {
            self.fronts.push(front);
            return self.fronts.len() - 1;
        }
        let place = self.oldest_front;
        self.oldest_front = (self.oldest_front + 1) % FRONTS;
        self.fronts[place] = front;
        self.pairs.iter_mut().for_each(|fronts| fronts[place / 64] &= !(1 << (place % 64)));
        place
    }

    fn keep_envelope(&mut self, shape: EnvelopeShape) -> usize {
        if self.envelopes.len() < ENVELOPES {
            self.envelopes.push(shape);
            self.pairs.push([0; FRONTS / 64]);
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
        self.pairs[place] = [0; FRONTS / 64];
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

/// Words of a message that tell where its front is looked up first, and then.
const FEW_WORDS: usize = 3;
const MORE_WORDS: usize = 5;

/// Where a front is looked up: a hash of the message's first words.
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

/// A whole packet in a common form, checked in all its fields; each is decoded when asked for.
#[derive(Clone, Copy)]
pub struct Scanned<'a> {
    window: Window<'a>,
    end: usize,
    message_at: usize,
    body: &'a Body,
    front: &'a Front,
    envelope: &'a EnvelopeShape,
}

impl core::fmt::Debug for Scanned<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.entry().fmt(f)
    }
}

impl<'a> Scanned<'a> {
    #[inline(always)]
    fn line(&self) -> &'a [u8] {
        &self.window.0[..self.end]
    }

    #[inline(always)]
    fn message(&self) -> &'a [u8] {
        &self.window.0[self.message_at..self.end]
    }

    /// A number of the line's prefix and interfaces in this scanner: below 65,535, given in the
    /// order in which they were first seen. Lines with the same number have the same ones; a
    /// front that was forgotten among too many others has another number when it comes again. For
    /// keeping what was found out about a prefix or an interface without looking at the text again.
    #[must_use]
    #[inline(always)]
    pub fn front_id(&self) -> usize {
        usize::from(self.front.id)
    }

    /// The prefix, with its blanks.
    #[must_use]
    #[inline(always)]
    pub fn prefix(&self) -> &'a [u8] {
        self.front.prefix(self.message())
    }

    /// `IN=`.
    #[must_use]
    #[inline(always)]
    pub fn input(&self) -> &'a [u8] {
        self.front.input(self.message())
    }

    /// `OUT=`.
    #[must_use]
    #[inline(always)]
    pub fn output(&self) -> &'a [u8] {
        self.front.output(self.message())
    }

    /// The link layer: `MAC=`.
    #[must_use]
    #[inline(always)]
    pub fn link(&self) -> Link<'a> {
        self.front.link(self.message())
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> Option<&'a [u8]> {
        self.envelope.host(self.line())
    }

    /// The date and time of day of the stamp.
    #[must_use]
    pub fn civil(&self) -> Option<Civil> {
        self.envelope.civil(self.line())
    }

    /// [`Scanned::civil`] in two parts: a date that many lines share, where it stands (its time
    /// of day is of another line), and this line's time of day. For whoever looks at every line:
    /// nothing is copied.
    #[must_use]
    #[inline]
    pub fn clock_time(&self) -> Option<(&'a Civil, TimeOfDay)> {
        self.envelope.clock_time(self.line())
    }

    /// The kernel's stamp.
    #[must_use]
    pub fn uptime(&self) -> Option<Uptime> {
        self.envelope.uptime(self.line())
    }

    /// Whether the line has the stamp of a clock, so that [`Scanner::extremes`] knows it.
    #[must_use]
    #[inline]
    pub fn has_clock(&self) -> bool {
        self.envelope.clock().is_some()
    }

    /// The whole envelope.
    #[must_use]
    pub fn envelope(&self) -> crate::Envelope<'a> {
        let mut envelope = crate::Envelope::default();
        self.envelope.fill(self.line(), &mut envelope);
        envelope
    }

    /// The source address.
    #[must_use]
    #[inline(always)]
    pub fn src(&self) -> IpAddr {
        self.address(self.body.src)
    }

    /// The destination address.
    #[must_use]
    #[inline(always)]
    pub fn dst(&self) -> IpAddr {
        self.address(self.body.dst)
    }

    #[inline(always)]
    fn address(&self, value: u32) -> IpAddr {
        if self.body.v6 {
            // The text was checked; nothing but an address can stand there.
            body::ipv6_at(self.line(), value).map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6)
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(value))
        }
    }

    /// The source address as a number, if it is IPv4.
    #[must_use]
    #[inline(always)]
    pub fn src_ipv4(&self) -> Option<u32> {
        (!self.body.v6).then_some(self.body.src)
    }

    /// The destination address as a number, if it is IPv4.
    #[must_use]
    #[inline(always)]
    pub fn dst_ipv4(&self) -> Option<u32> {
        (!self.body.v6).then_some(self.body.dst)
    }

    /// The protocol.
    #[must_use]
    #[inline(always)]
    pub fn protocol(&self) -> Protocol {
        Protocol(self.body.protocol)
    }

    /// The source port, if the packet has ports.
    #[must_use]
    #[inline(always)]
    pub fn sport(&self) -> Option<u16> {
        self.body.has_ports.then(|| self.body.sport(self.window))
    }

    /// The destination port, if the packet has ports.
    #[must_use]
    #[inline(always)]
    pub fn dport(&self) -> Option<u16> {
        self.body.has_ports.then(|| self.body.dport(self.window))
    }

    /// The TCP flags, if it is a TCP packet.
    #[must_use]
    #[inline(always)]
    pub fn tcp_flags(&self) -> Option<TcpFlags> {
        let body = self.body;
        (body.protocol == Protocol::TCP.0 && body.has_ports).then_some(body.flags)
    }

    /// Type and code, if it is an ICMP or ICMPv6 packet that says them.
    #[must_use]
    #[inline(always)]
    pub fn icmp(&self) -> Option<(u8, u8)> {
        self.body.icmp(self.window)
    }

    /// Every field of the line, typed: what [`parse`](crate::parse) gives.
    #[must_use]
    #[inline]
    pub fn entry(&self) -> Entry<'a> {
        let mut entry = Entry::default();
        self.fill(&mut entry);
        entry
    }

    /// Fills an empty entry in its place: parts that are given back by value would be moved.
    #[inline(always)]
    fn fill(&self, entry: &mut Entry<'a>) {
        self.envelope.fill(self.line(), &mut entry.envelope);
        self.front.fill(self.message(), &mut entry.packet);
        self.body.fill(self.window, self.line(), &mut entry.packet);
    }
}

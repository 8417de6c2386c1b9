//! Heads of lines, learned: what comes before `SRC=` is the same from line to line but
//! for the digits of its stamps.
//!
//! Responsible for: deriving from a line that the grammar has read which other lines would be
//! read the same way, and checking a line against that with vector-sized compares.
//! Must not know: what follows `SRC=`.
//! Tested by: `tests/suites/engines.rs` (equality with the grammar on every input tried).
//!
//! A head has two parts, learned apart because they vary apart:
//!
//! - the **envelope**: stamp, host, tag, uptime. Every byte must be the learned one, except
//!   the digits of the clock and of the uptime, each of which has a range. The ranges are such
//!   that every stamp inside them is valid: the tens of the hour are fixed, so the ones are
//!   `0-9` or `0-3`.
//! - the **template**: prefix, `IN=`, `OUT=` up to `MAC=` or `SRC=`. Every byte must be the
//!   learned one.
//!
//! Why this is equal to the grammar: the parsers of both parts decide by the bytes of both
//! parts only; the learned bytes decide as they did, and digits inside their ranges change
//! values and no decision. The template's prefix holds no `IN=`, so the first header candidate
//! is the learned one. Where the message begins may depend on the message's first words (is
//! `DROP` a host or a prefix?): so a pair of an envelope and a template is used only after a line
//! of that very pair was read by the grammar and in the quick way, and both said the same
//! ([`Scanner`](crate::Scanner) keeps the pairs).

use core::ops::Range;

use super::cursor::Window;
use crate::bytes::simd::{MAC_TEXT, same, within};
use crate::bytes::swar::{aligned, clock, from_digits, last};
use crate::envelope::{Envelope, Writer};
use crate::packet::{Arp, Dialect, Link, Packet};
use crate::time::{Civil, Stamp, Time, TimeOfDay, Uptime};
use crate::{Entry, Network};

/// The longest envelope that is learned.
const LONGEST_ENVELOPE: usize = 96;
/// The longest template that is learned.
const LONGEST_TEMPLATE: usize = 128;

/// A range of a line, for slices that are found at the same place in every line of a shape.
type Place = Range<u16>;

fn place(line: &[u8], part: &[u8]) -> Option<Place> {
    let start = (part.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
    let end = start.checked_add(part.len())?;
    (end <= line.len()).then_some(start as u16..end as u16)
}

#[inline]
fn at<'a>(line: &'a [u8], place: &Place) -> &'a [u8] {
    line.get(usize::from(place.start)..usize::from(place.end)).unwrap_or_default()
}

/// `N` bytes of an array; zeros if it does not have them.
#[inline(always)]
fn part<const N: usize>(bytes: &[u8], from: usize) -> &[u8; N] {
    bytes[from..].first_chunk().unwrap_or(&[0; N])
}

/// A learned envelope.
pub(crate) struct EnvelopeTemplate {
    /// The least byte at each position, and how far above it a byte may be.
    least: [u8; LONGEST_ENVELOPE],
    above: [u8; LONGEST_ENVELOPE],
    /// Where a line tells soonest that it has another envelope: eight bytes of the host.
    pub(crate) tell_at: usize,
    /// Where the message begins.
    pub(crate) message_at: usize,
    /// Everything the envelope says that does not change; the rest is read by place.
    constant: Envelope<'static>,
    /// Who writes such lines, if it is not told by a name in the line.
    pub(crate) writer: Option<Writer<'static>>,
    stamp: Option<(Place, Civil, usize)>,
    /// Where the clock's text stands and how long it is.
    clock: Option<(usize, usize)>,
    /// Whether the clock has seconds: one of `dmesg -e` has none.
    has_seconds: bool,
    host: Option<Place>,
    tag: Option<Place>,
    pid: Option<Place>,
    caller: Option<Place>,
    /// The digits of the uptime's seconds; the microseconds are six places behind the point.
    uptime: Option<Place>,
}

impl EnvelopeTemplate {
    /// Learns from a line that the grammar read to its end.
    pub(crate) fn learn(line: &[u8], entry: &Entry<'_>, message_at: usize) -> Option<EnvelopeTemplate> {
        let envelope = &entry.envelope;
        // What varies from line to line in another way than by digits of a clock, or was
        // taken from a wrapper, is left to the grammar.
        let varies = envelope.sequence.is_some()
            || envelope.realtime_us.is_some()
            || envelope.transport.is_some()
            || envelope.delta.is_some()
            || envelope.unix.is_some()
            || envelope.outer_stamp.is_some()
            || envelope.vmid.is_some()
            || envelope.kmsg_flags.is_some()
            || envelope.repeat != 1
            // Once is also a count: what closes its bracket follows the packet.
            || memchr::memmem::find(&line[..message_at], b" times: [").is_some()
            // What an object says of a message may follow it.
            || memchr::memchr(b'{', &line[..message_at]).is_some();
        if varies || message_at > LONGEST_ENVELOPE {
            return None;
        }
        let mut shape = EnvelopeTemplate {
            least: [0; LONGEST_ENVELOPE],
            above: [u8::MAX; LONGEST_ENVELOPE],
            tell_at: 0,
            message_at,
            writer: match envelope.writer() {
                Writer::Kernel => Some(Writer::Kernel),
                Writer::Ulogd => Some(Writer::Ulogd),
                _ => None,
            },
            constant: Envelope {
                stamp: None,
                host: None,
                tag: None,
                pid: None,
                pri: envelope.pri,
                facility: envelope.facility,
                severity: envelope.severity,
                uptime: None,
                ..Envelope::default()
            },
            stamp: None,
            clock: None,
            has_seconds: true,
            host: None,
            tag: None,
            pid: None,
            caller: None,
            uptime: None,
        };
        shape.least[..message_at].copy_from_slice(&line[..message_at]);
        shape.above[..message_at].fill(0);
        let find = |part: Option<&[u8]>| -> Option<Option<Place>> {
            part.map_or(Some(None), |part| place(&line[..message_at], part).map(Some))
        };
        shape.host = find(envelope.host)?;
        shape.tell_at =
            shape.host.as_ref().map_or(0, |host| usize::from(host.start)).min(LONGEST_ENVELOPE - 8);
        shape.tag = find(envelope.tag)?;
        shape.pid = find(envelope.pid)?;
        shape.caller = find(envelope.caller)?;
        if let Some(stamp) = envelope.stamp {
            shape.learn_stamp(line, stamp)?;
        }
        if envelope.uptime.is_some() {
            shape.learn_uptime(line, envelope.uptime)?;
        }
        Some(shape)
    }

    /// Allows the digits of the clock: `hh:mm:ss` and a fraction, if one follows.
    fn learn_stamp(&mut self, line: &[u8], stamp: Stamp<'_>) -> Option<()> {
        let Time::Civil(civil) = stamp.time else { return None };
        let whole = place(&line[..self.message_at], stamp.text)?;
        let colon = memchr::memchr(b':', stamp.text)?;
        let clock = usize::from(whole.start) + colon.checked_sub(2)?;
        self.has_seconds = line.get(clock + 5) == Some(&b':');
        if !self.has_seconds {
            return self.learn_minute(line, civil, clock, whole);
        }
        // A clock of twelve hours, or of one digit, is not what its digits say.
        let digits = line.get(clock..)?.first_chunk()?;
        if (civil.hour, civil.minute, civil.second) != crate::bytes::swar::clock(digits) {
            return None;
        }
        let ones_of_hour = if line[clock] == b'2' { b'3' } else { b'9' };
        self.digits(clock + 1, ones_of_hour);
        self.digits(clock + 3, b'5');
        self.digits(clock + 4, b'9');
        self.digits(clock + 6, b'5');
        self.digits(clock + 7, b'9');
        // The 60th second is a leap second's: the grammar reads it.
        if line[clock + 6] == b'6' {
            return None;
        }
        let mut end = clock + 8;
        if matches!(line.get(end), Some(b'.' | b',')) {
            // A comma may divide fields.
            (end < usize::from(whole.end)).then_some(())?;
            end += 1;
            while line.get(end).is_some_and(u8::is_ascii_digit) && end < usize::from(whole.end) {
                self.digits(end, b'9');
                end += 1;
            }
        }
        self.clock = Some((clock, end - clock)).filter(|(_, len)| *len <= 16);
        self.stamp = Some((whole, civil, clock));
        Some(())
    }

    /// The same for `hh:mm` at the end of a stamp.
    fn learn_minute(&mut self, line: &[u8], civil: Civil, clock: usize, whole: Place) -> Option<()> {
        let digits: &[u8; 5] = line.get(clock..)?.first_chunk()?;
        let number = |at: usize| (digits[at] & 15) * 10 + (digits[at + 1] & 15);
        let says = [digits[0], digits[1], digits[3], digits[4]].iter().all(u8::is_ascii_digit)
            && (civil.hour, civil.minute, civil.second, civil.nanos) == (number(0), number(3), 0, 0);
        // What is read of a clock lies in the line.
        if !says || clock + 5 != usize::from(whole.end) {
            return None;
        }
        self.digits(clock + 1, if line[clock] == b'2' { b'3' } else { b'9' });
        self.digits(clock + 3, b'5');
        self.digits(clock + 4, b'9');
        self.clock = Some((clock, 5));
        self.stamp = Some((whole, civil, clock));
        Some(())
    }

    fn learn_uptime(&mut self, line: &[u8], uptime: Option<Uptime>) -> Option<()> {
        // The uptime's bracket is the last one whose text is a number with six decimals.
        let head = &line[..self.message_at];
        let points = head.iter().enumerate().rev().filter(|(_, byte)| **byte == b'.');
        let point = points.map(|(point, _)| point).find_map(|point| {
            let digits = head[..point].iter().rev().take_while(|b| b.is_ascii_digit()).count();
            let blanks = head[..point - digits].iter().rev().take_while(|b| **b == b' ').count();
            let micros = head.get(point + 1..point + 7)?;
            let is_uptime = digits > 0
                && digits <= 15
                && micros.iter().all(u8::is_ascii_digit)
                && matches!(head.get(point + 7), Some(b']'))
                && head[..point - digits - blanks].last() == Some(&b'[');
            is_uptime.then_some((point - digits, point))
        });
        let (start, point) = point?;
        for digit in (start..point).chain(point + 1..point + 7) {
            self.digits(digit, b'9');
        }
        self.uptime = Some(start as u16..point as u16);
        (self.uptime(line) == uptime).then_some(())
    }

    fn digits(&mut self, position: usize, greatest: u8) {
        self.least[position] = b'0';
        self.above[position] = greatest - b'0';
    }

    /// Whether a line may have this envelope: a look at its date and its host. For choosing
    /// between many.
    #[inline(always)]
    pub(crate) fn may_fit(&self, window: Window<'_>) -> bool {
        let word = |bytes: &[u8], from: usize| u64::from_le_bytes(*part(bytes, from));
        let differs = |from: usize| {
            // Digits that may vary are let through: they differ in their lower four bits only. What
            // follows the envelope may be anything.
            let anything = (word(&self.above, from) >> 7 & 0x0101_0101_0101_0101) * 0xff;
            (window.u64(from) ^ word(&self.least, from)) & 0xf0f0_f0f0_f0f0_f0f0 & !anything
        };
        differs(0) | differs(self.tell_at) == 0
    }

    /// Whether the grammar would read this line's envelope as it read the learned one.
    #[inline(always)]
    pub(crate) fn fits(&self, window: Window<'_>) -> bool {
        within::<64>(window.bytes(0), part(&self.least, 0), part(&self.above, 0))
            && (self.message_at <= 64
                || within::<32>(window.bytes(64), part(&self.least, 64), part(&self.above, 64)))
    }

    /// Fills in what the envelope says: stamp and uptime are read again, everything else is taken by
    /// place.
    #[inline(always)]
    pub(crate) fn fill<'a>(&self, line: &'a [u8], envelope: &mut Envelope<'a>) {
        let find = |place: &Option<Place>| place.as_ref().map(|place| at(line, place));
        envelope.stamp = self.stamp(line);
        envelope.host = find(&self.host);
        envelope.tag = find(&self.tag);
        envelope.pid = find(&self.pid);
        envelope.caller = find(&self.caller);
        envelope.uptime = self.uptime(line);
        envelope.pri = self.constant.pri;
        envelope.facility = self.constant.facility;
        envelope.severity = self.constant.severity;
    }

    /// The uptime alone.
    #[inline(always)]
    pub(crate) fn uptime(&self, line: &[u8]) -> Option<Uptime> {
        let place = self.uptime.as_ref()?;
        let (start, point) = (usize::from(place.start), usize::from(place.end));
        let seconds = match line[..point].last_chunk() {
            Some(text) if point - start <= 8 => from_digits(last(u64::from_le_bytes(*text), point - start)),
            _ => line[start..point].iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0')),
        };
        // A packet follows: there are more than eight bytes.
        let micros = line[point + 1..].first_chunk().map_or(0, |text| u64::from_le_bytes(*text));
        Some(Uptime { seconds, micros: from_digits(aligned(micros, 6)) as u32 })
    }

    /// The clock's time alone: a date that many lines share, with a time of day of another, and
    /// this line's time of day.
    #[inline(always)]
    pub(crate) fn clock_time(&self, line: &[u8]) -> Option<(&Civil, TimeOfDay)> {
        let (place, date, at) = self.stamp.as_ref()?;
        let (hour, minute, second) = clock(line[*at..].first_chunk()?);
        let mut time = TimeOfDay { hour, minute, second, nanos: date.nanos };
        if !self.has_seconds {
            time.second = 0;
        } else if matches!(line[at + 8], b'.' | b',') {
            time.nanos = fraction(&line[at + 9..usize::from(place.end)]);
        }
        Some((date, time))
    }

    /// Where the clock's text stands and how long it is, with its fraction; none if it does not
    /// fit 16 bytes.
    #[inline(always)]
    pub(crate) fn clock(&self) -> Option<(usize, usize)> {
        self.clock
    }

    /// The stamp's date with the time of day of another line's clock.
    pub(crate) fn civil_at(&self, text: &[u8; 16], len: usize) -> Option<Civil> {
        let (_, civil, _) = self.stamp.as_ref()?;
        let (hour, minute, second) = clock(text.first_chunk()?);
        let second = if self.has_seconds { second } else { 0 };
        let nanos = if len > 9 { fraction(&text[9..len]) } else { 0 };
        Some(Civil { hour, minute, second, nanos, ..*civil })
    }

    /// The stamp alone.
    pub(crate) fn stamp<'a>(&self, line: &'a [u8]) -> Option<Stamp<'a>> {
        let (place, ..) = self.stamp.as_ref()?;
        Some(Stamp {
            text: at(line, place),
            time: Time::Civil(self.clock_time(line).map(|(date, time)| date.at(time))?),
        })
    }

    /// The tag alone.
    pub(crate) fn tag<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        self.tag.as_ref().map(|place| at(line, place))
    }

    /// The severity alone.
    pub(crate) fn severity(&self) -> Option<u8> {
        self.constant.severity
    }

    /// The host alone.
    pub(crate) fn host<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        self.host.as_ref().map(|place| at(line, place))
    }
}

/// Nanoseconds of the digits at the beginning of `text`.
fn fraction(text: &[u8]) -> u32 {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count().min(9);
    let value = text[..digits].iter().fold(0u32, |n, digit| n * 10 + u32::from(digit - b'0'));
    value * 10u32.pow(9 - digits as u32)
}

/// How far a template goes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Length up to and with `MAC=`, or up to and with `SRC=` if there is no `MAC=`, or if
    /// its value is empty or decoded; of an ARP line up to and with `OPCODE=`.
    pub(crate) len: u8,
    pub(crate) follows: Follows,
}

/// What follows a template.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Follows {
    /// The value of `SRC=`.
    #[default]
    Source,
    /// An Ethernet header of 41 bytes, and ` SRC=`.
    Mac,
    /// The value of ARP's `OPCODE=`.
    Operation,
}

/// A learned template: from the prefix to `MAC=` or `SRC=`.
pub(crate) struct PrefixTemplate {
    text: [u8; LONGEST_TEMPLATE],
    mask: [u8; LONGEST_TEMPLATE],
    pub(crate) extent: Extent,
    /// Its number: the first template learned has 0.
    pub(crate) key: u16,
    /// Places relative to the message.
    prefix: Place,
    in_iface: Place,
    out_iface: Place,
    phys_in: Option<Place>,
    phys_out: Option<Place>,
    /// What the link layer is, if it is not a `MAC=` text that follows.
    link: Link<'static>,
    /// Of an ARP line, its kinds of addresses.
    pub(crate) arp: Option<Arp>,
}

impl PrefixTemplate {
    /// Learns from a line that the grammar read to its end, whose message is `message`.
    pub(crate) fn learn(message: &[u8], packet: &Packet<'_>, key: u16) -> Option<PrefixTemplate> {
        let usable = packet.dialect == Dialect::Kernel
            && packet.tunnel.is_none()
            && !matches!(packet.datagram.network, Network::None)
            && memchr::memmem::find(packet.prefix, b"IN=").is_none()
            && memchr::memchr(b'=', packet.in_iface).is_none();
        if !usable {
            return None;
        }
        let output_end = usize::from(place(message, packet.out_iface)?.end);
        let rest = message.get(output_end..)?;
        let arp = match packet.datagram.network {
            Network::Arp(Arp { hardware, protocol, .. }) => {
                Some(Arp { hardware, protocol, ..Arp::default() })
            }
            _ => None,
        };
        let behind = |key: &[u8]| Some(output_end + memchr::memmem::find(rest, key)? + key.len());
        let (len, follows, link) = match packet.link {
            Link::None if arp.is_some() => (behind(b" OPCODE=")?, Follows::Operation, Link::None),
            _ if arp.is_some() => return None,
            Link::Raw(mac) if mac.0.len() == MAC_TEXT => (behind(b" MAC=")?, Follows::Mac, Link::None),
            Link::Raw(mac) if !mac.0.is_empty() => return None,
            Link::Raw(_) => (behind(b" SRC=")?, Follows::Source, EMPTY_MAC),
            Link::None => (behind(b" SRC=")?, Follows::Source, Link::None),
            Link::Decoded(header) => (behind(b" SRC=")?, Follows::Source, Link::Decoded(header)),
        };
        // Doubled blanks come from editing; the grammar reads such lines.
        if len > LONGEST_TEMPLATE || memchr::memmem::find(&message[packet.prefix.len()..len], b"  ").is_some()
        {
            return None;
        }
        let mut text = [0; LONGEST_TEMPLATE];
        let mut mask = [0; LONGEST_TEMPLATE];
        text[..len].copy_from_slice(&message[..len]);
        mask[..len].fill(0xff);
        let find = |part: Option<&[u8]>| -> Option<Option<Place>> {
            part.map_or(Some(None), |part| place(message, part).map(Some))
        };
        Some(PrefixTemplate {
            text,
            mask,
            extent: Extent { len: len as u8, follows },
            key,
            prefix: place(message, packet.prefix)?,
            in_iface: place(message, packet.in_iface)?,
            out_iface: place(message, packet.out_iface)?,
            phys_in: find(packet.phys_in)?,
            phys_out: find(packet.phys_out)?,
            link,
            arp,
        })
    }

    /// Whether the learned bytes stand at `at`.
    #[inline(always)]
    pub(crate) fn fits(&self, window: Window<'_>, at: usize) -> bool {
        // Most have less than 48 bytes.
        const MOST: usize = 48;
        const REST: usize = LONGEST_TEMPLATE - MOST;
        same::<MOST>(window.bytes(at), part(&self.text, 0), part(&self.mask, 0))
            && (usize::from(self.extent.len) <= MOST
                || same::<REST>(window.bytes(at + MOST), part(&self.text, MOST), part(&self.mask, MOST)))
    }

    /// Whether this template says the same about a message as the grammar did.
    pub(crate) fn says(&self, message: &[u8], packet: &Packet<'_>) -> bool {
        place(message, packet.prefix) == Some(self.prefix.clone())
            && place(message, packet.in_iface) == Some(self.in_iface.clone())
            && place(message, packet.out_iface) == Some(self.out_iface.clone())
    }

    pub(crate) fn prefix<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        at(message, &self.prefix)
    }

    pub(crate) fn in_iface<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        at(message, &self.in_iface)
    }

    pub(crate) fn out_iface<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        at(message, &self.out_iface)
    }

    pub(crate) fn phys_in<'a>(&self, message: &'a [u8]) -> Option<&'a [u8]> {
        self.phys_in.as_ref().map(|place| at(message, place))
    }

    pub(crate) fn phys_out<'a>(&self, message: &'a [u8]) -> Option<&'a [u8]> {
        self.phys_out.as_ref().map(|place| at(message, place))
    }

    /// Fills in what the template says.
    #[inline(always)]
    pub(crate) fn fill<'a>(&self, message: &'a [u8], packet: &mut Packet<'a>) {
        packet.prefix = self.prefix(message);
        packet.in_iface = self.in_iface(message);
        packet.out_iface = self.out_iface(message);
        packet.phys_in = self.phys_in(message);
        packet.phys_out = self.phys_out(message);
        packet.link = self.link(message);
        if let Some(arp) = self.arp {
            packet.datagram.network = Network::Arp(arp);
        }
    }

    /// The link layer.
    #[inline(always)]
    pub(crate) fn link<'a>(&self, message: &'a [u8]) -> Link<'a> {
        let Extent { len, follows } = self.extent;
        if follows == Follows::Mac {
            Link::Raw(crate::RawMac(&message[usize::from(len)..usize::from(len) + MAC_TEXT]))
        } else {
            self.link
        }
    }
}

const EMPTY_MAC: Link<'static> = Link::Raw(crate::RawMac(b""));

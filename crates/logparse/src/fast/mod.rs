//! A packet that the scan read: the line's bytes and where its values are.
//!
//! Responsible for: decoding each field of such a packet when it is asked for.
//! Must not know: how the line was recognised.
//! Tested by: `tests/suites/engines.rs` (every accessor against the grammar).

pub(crate) mod body;
pub(crate) mod cache;
pub(crate) mod cursor;
pub(crate) mod fill;
pub(crate) mod found;
pub(crate) mod head;
pub(crate) mod rare;
pub(crate) mod span;

use core::net::{IpAddr, Ipv4Addr};

use crate::envelope::{Envelope, Writer};
use crate::packet::{Link, Network, Packet, Transport};
use crate::parse::Entry;
use crate::time::{Civil, Stamp, Time, TimeOfDay, Uptime};
use crate::types::{Protocol, TcpFlags};
use cursor::Window;
use found::{Body, Form};
use head::{EnvelopeTemplate, PrefixTemplate};

/// Identifies a prefix and its interfaces (`IN=`, `OUT=`, bridge ports) within one [`Scanner`](crate::Scanner).
///
/// Keys are small numbers, given in the order in which prefixes are first seen. A prefix that was
/// forgotten among too many others gets another key when it comes again. For keeping what was
/// found out about a prefix or an interface; see [`PrefixCache`](crate::PrefixCache).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrefixKey(pub(crate) u16);

impl PrefixKey {
    /// The key as an index, below 65,535.
    #[must_use]
    #[inline(always)]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A whole packet in a common form, checked in all its fields; each is decoded when asked for.
#[derive(Clone, Copy)]
pub struct FastPacket<'a> {
    pub(crate) window: Window<'a>,
    /// The line that the frame begins with, where it stands: the frame may be a copy.
    pub(crate) line: &'a [u8],
    pub(crate) message_at: usize,
    pub(crate) body: &'a Body,
    pub(crate) template: &'a PrefixTemplate,
    pub(crate) envelope: KnownEnvelope<'a>,
}

/// How the envelope of a packet is known.
#[derive(Clone, Copy)]
pub(crate) enum KnownEnvelope<'a> {
    /// It is like one that was learned: what it says is in the line, in the same places.
    Learned(&'a EnvelopeTemplate),
    /// It was opened; the line that the packet has is its message alone.
    Opened(&'a Envelope<'a>),
}

use KnownEnvelope::{Learned, Opened};

impl core::fmt::Debug for FastPacket<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.entry().fmt(f)
    }
}

impl<'a> FastPacket<'a> {
    #[inline(always)]
    pub(crate) fn line(&self) -> &'a [u8] {
        self.line
    }

    #[inline(always)]
    fn message(&self) -> &'a [u8] {
        &self.line[self.message_at..]
    }

    /// Which prefix and interfaces the line has; lines with equal keys have the same ones.
    #[must_use]
    #[inline(always)]
    pub fn prefix_key(&self) -> PrefixKey {
        PrefixKey(self.template.key)
    }

    /// The prefix, with its blanks.
    #[must_use]
    #[inline(always)]
    pub fn prefix(&self) -> &'a [u8] {
        self.template.prefix(self.message())
    }

    /// `IN=`.
    #[must_use]
    #[inline(always)]
    pub fn in_iface(&self) -> &'a [u8] {
        self.template.in_iface(self.message())
    }

    /// `OUT=`.
    #[must_use]
    #[inline(always)]
    pub fn out_iface(&self) -> &'a [u8] {
        self.template.out_iface(self.message())
    }

    /// `PHYSIN=`.
    #[must_use]
    pub fn phys_in(&self) -> Option<&'a [u8]> {
        self.template.phys_in(self.message())
    }

    /// `PHYSOUT=`.
    #[must_use]
    pub fn phys_out(&self) -> Option<&'a [u8]> {
        self.template.phys_out(self.message())
    }

    /// The link layer: `MAC=`.
    #[must_use]
    #[inline(always)]
    pub fn link(&self) -> Link<'a> {
        self.template.link(self.message())
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> Option<&'a [u8]> {
        match self.envelope {
            Learned(template) => template.host(self.line()),
            Opened(envelope) => envelope.host,
        }
    }

    /// The stamp of the logging program.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp<'a>> {
        match self.envelope {
            Learned(template) => template.stamp(self.line()),
            Opened(envelope) => envelope.stamp,
        }
    }

    /// The program that wrote the line.
    #[must_use]
    pub fn tag(&self) -> Option<&'a [u8]> {
        match self.envelope {
            Learned(template) => template.tag(self.line()),
            Opened(envelope) => envelope.tag,
        }
    }

    /// The severity, 0 (emergency) to 7 (debug).
    #[must_use]
    pub fn severity(&self) -> Option<u8> {
        match self.envelope {
            Learned(template) => template.severity(),
            Opened(envelope) => envelope.severity,
        }
    }

    /// The date and time of day of the stamp.
    #[must_use]
    pub fn civil(&self) -> Option<Civil> {
        self.clock_time().map(|(date, time)| date.at(time))
    }

    /// [`FastPacket::civil`] in two parts: a date that many lines share, where it stands (its time
    /// of day is of another line), and this line's time of day. For whoever looks at every line:
    /// nothing is copied.
    #[must_use]
    #[inline]
    pub fn clock_time(&self) -> Option<(&'a Civil, TimeOfDay)> {
        match self.envelope {
            Learned(template) => template.clock_time(self.line()),
            Opened(envelope) => match &envelope.stamp {
                Some(Stamp { time: Time::Civil(civil), .. }) => Some((civil, civil.time_of_day())),
                _ => None,
            },
        }
    }

    /// The kernel's stamp.
    #[must_use]
    pub fn uptime(&self) -> Option<Uptime> {
        match self.envelope {
            Learned(template) => template.uptime(self.line()),
            Opened(envelope) => envelope.uptime,
        }
    }

    /// Whether the line has the stamp of a clock, so that [`Scanner::time_spans`](crate::Scanner::time_spans) knows it.
    #[must_use]
    #[inline]
    pub fn has_clock(&self) -> bool {
        matches!(self.envelope, Learned(template) if template.clock().is_some())
    }

    /// The whole envelope.
    #[must_use]
    pub fn envelope(&self) -> Envelope<'a> {
        let mut envelope = Envelope::default();
        self.fill_envelope(&mut envelope);
        envelope
    }

    #[inline(always)]
    fn fill_envelope(&self, envelope: &mut Envelope<'a>) {
        match self.envelope {
            Learned(template) => template.fill(self.line(), envelope),
            Opened(opened) => *envelope = *opened,
        }
    }

    /// Gives `look` the envelope: one that was opened is not copied.
    #[inline]
    pub fn with_envelope<R>(&self, look: impl FnOnce(&Envelope<'a>) -> R) -> R {
        match self.envelope {
            Learned(_) => look(&self.envelope()),
            Opened(envelope) => look(envelope),
        }
    }

    /// The record's number (`/dev/kmsg`).
    #[must_use]
    #[inline(always)]
    pub fn sequence(&self) -> Option<u64> {
        match self.envelope {
            Learned(_) => None,
            Opened(envelope) => envelope.sequence,
        }
    }

    /// Who wrote the line.
    #[must_use]
    #[inline]
    pub fn writer(&self) -> Writer<'a> {
        match self.envelope {
            Learned(template) => template.writer.unwrap_or_else(|| self.envelope().writer()),
            Opened(envelope) => envelope.writer(),
        }
    }

    /// Whether the line has the tag of the kernel, or none where that means the kernel; `false` if it
    /// takes more than a look at the line's front to tell.
    #[must_use]
    #[inline(always)]
    pub fn is_the_kernels(&self) -> bool {
        match self.envelope {
            Learned(template) => matches!(template.writer, Some(Writer::Kernel)),
            Opened(envelope) => envelope.writer() == Writer::Kernel,
        }
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
            // The text was checked; nothing but an address can be there.
            fill::ipv6_at(self.line(), value).map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6)
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

    /// Whether it is an ARP packet: its addresses are those of ARP, not of an IP header.
    #[must_use]
    #[inline(always)]
    pub fn is_arp(&self) -> bool {
        self.body.form == Form::Arp
    }

    /// The protocol; an ARP line has none.
    #[must_use]
    #[inline(always)]
    pub fn protocol(&self) -> Option<Protocol> {
        (self.body.form != Form::Arp).then_some(Protocol(self.body.protocol))
    }

    /// Whether it is an IP packet with a whole header of its transport or a bare number for it: no fragment, no
    /// options, no extension headers, no ARP, none of the protocols that few packets have. Then its front,
    /// addresses, protocol, ports, flags, type and code are all that tells it from another, for most questions.
    #[must_use]
    #[inline(always)]
    pub fn is_common(&self) -> bool {
        !self.body.is_rare
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

    /// Whether it is an IPv6 packet; else it is an IPv4 packet, or ARP.
    #[must_use]
    #[inline(always)]
    pub fn is_ipv6(&self) -> bool {
        self.body.v6
    }

    /// `LEN=`: the length that the IP header claims; an ARP line has none.
    #[must_use]
    #[inline]
    pub fn ip_len(&self) -> Option<u32> {
        (self.body.form != Form::Arp).then(|| self.body.len(self.window))
    }

    /// Decodes the network layer.
    #[must_use]
    #[inline]
    pub fn network(&self) -> Network<'a> {
        let mut network = self.template.arp.map_or(Network::None, Network::Arp);
        self.body.fill_network(self.window, self.line(), &mut network);
        network
    }

    /// Decodes the transport layer.
    #[must_use]
    #[inline]
    pub fn transport(&self) -> Transport<'a> {
        if self.body.named_icmp {
            return self.packet().datagram.transport;
        }
        let mut transport = Transport::None;
        self.body.fill_transport(self.window, self.line(), &mut transport);
        transport
    }

    /// Whether there is more than the two layers: a quoted packet, owner or mark.
    #[inline(always)]
    pub(crate) fn has_rest(&self) -> bool {
        self.body.has_rest(self.line())
    }

    /// Decodes the whole packet.
    #[must_use]
    pub fn packet(&self) -> Packet<'a> {
        let mut packet = Packet::default();
        self.template.fill(self.message(), &mut packet);
        self.body.fill(self.window, self.line(), &mut packet);
        packet
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
    pub(crate) fn fill(&self, entry: &mut Entry<'a>) {
        self.fill_envelope(&mut entry.envelope);
        self.template.fill(self.message(), &mut entry.packet);
        self.body.fill(self.window, self.line(), &mut entry.packet);
    }
}

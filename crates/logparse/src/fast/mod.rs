//! A packet that the scan read: the line's bytes and where its values are.
//!
//! Responsible for: decoding each field of such a packet when it is asked for.
//! Must not know: how the line was recognised.
//! Tested by: `tests/suites/engines.rs` (every accessor against the grammar).

pub(crate) mod body;
pub(crate) mod cache;
pub(crate) mod cursor;
pub(crate) mod head;
pub(crate) mod span;

use core::net::{IpAddr, Ipv4Addr};

use crate::envelope::Writer;
use crate::packet::{Link, Network, Packet, Transport};
use crate::parse::Entry;
use crate::time::{Civil, Stamp, TimeOfDay, Uptime};
use crate::types::{Protocol, TcpFlags};
use body::Body;
use cursor::Window;
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
    pub(crate) end: usize,
    pub(crate) message_at: usize,
    pub(crate) body: &'a Body,
    pub(crate) template: &'a PrefixTemplate,
    pub(crate) envelope: &'a EnvelopeTemplate,
}

impl core::fmt::Debug for FastPacket<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.entry().fmt(f)
    }
}

impl<'a> FastPacket<'a> {
    #[inline(always)]
    pub(crate) fn line(&self) -> &'a [u8] {
        &self.window.0[..self.end]
    }

    #[inline(always)]
    fn message(&self) -> &'a [u8] {
        &self.window.0[self.message_at..self.end]
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
        self.envelope.host(self.line())
    }

    /// The stamp of the logging program.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp<'a>> {
        self.envelope.stamp(self.line())
    }

    /// The program that wrote the line.
    #[must_use]
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.envelope.tag(self.line())
    }

    /// The severity, 0 (emergency) to 7 (debug).
    #[must_use]
    pub fn severity(&self) -> Option<u8> {
        self.envelope.severity()
    }

    /// The date and time of day of the stamp.
    #[must_use]
    pub fn civil(&self) -> Option<Civil> {
        self.envelope.civil(self.line())
    }

    /// [`FastPacket::civil`] in two parts: a date that many lines share, where it stands (its time
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

    /// Whether the line has the stamp of a clock, so that [`Scanner::time_spans`](crate::Scanner::time_spans) knows it.
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

    /// Who wrote the line.
    #[must_use]
    #[inline]
    pub fn writer(&self) -> Writer<'a> {
        self.envelope.writer.unwrap_or_else(|| self.envelope().writer())
    }

    /// Whether the line has the tag of the kernel, or none where that means the kernel; `false` if it
    /// takes more than a look at the line's front to tell.
    #[must_use]
    #[inline(always)]
    pub fn is_the_kernels(&self) -> bool {
        matches!(self.envelope.writer, Some(Writer::Kernel))
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

    /// Whether it is an IPv6 packet; else it is an IPv4 packet.
    #[must_use]
    #[inline(always)]
    pub fn is_ipv6(&self) -> bool {
        self.body.v6
    }

    /// `LEN=`: the length that the IP header claims.
    #[must_use]
    #[inline]
    pub fn ip_len(&self) -> u32 {
        self.body.len(self.window)
    }

    /// Decodes the network layer.
    #[must_use]
    #[inline]
    pub fn network(&self) -> Network<'a> {
        let mut network = Network::None;
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
        self.envelope.fill(self.line(), &mut entry.envelope);
        self.template.fill(self.message(), &mut entry.packet);
        self.body.fill(self.window, self.line(), &mut entry.packet);
    }
}

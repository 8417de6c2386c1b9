//! One thing that a source asked for within a minute, in 40 bytes for IPv4.
//!
//! Responsible for: which packets ask for something, what of them is kept, and how two that ask for the same become one.
//! Must not know: what a scan is.
//! Tested by: `fwstat/tests/cli/scans.rs`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use logparse::{Line, Mac, Network, Protocol, TcpFlags, Transport};

use crate::record::Record;

/// Seconds within which the same question is one: a kernel repeats a SYN after 1, 1, 1, 1, 2, 4, 8 ... seconds.
pub const SLOT: i64 = 64;

/// What a packet asks, by its protocol, flags or type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// SYN.
    Syn,
    /// FIN.
    Fin,
    /// No flag.
    Null,
    /// FIN, PSH, URG.
    Xmas,
    /// FIN, ACK to a port that is no client's.
    Maimon,
    /// ACK to a port that is no client's.
    Ack,
    /// Other flags that no stack sends.
    Odd,
    /// What only a tool sends that tells systems apart.
    Os,
    /// UDP.
    Udp,
    /// Echo request.
    Ping,
    /// Timestamp request.
    Timestamp,
    /// Address mask or information request.
    Mask,
    /// SCTP: the kernel prints no ports.
    Sctp,
    /// Another protocol.
    Protocol,
    /// Nothing: an answer, a reset, a late packet of a connection.
    Answer,
}

impl Kind {
    /// All of them, each at the place of its number.
    pub(super) const ALL: [Kind; 15] = [
        Kind::Syn,
        Kind::Fin,
        Kind::Null,
        Kind::Xmas,
        Kind::Maimon,
        Kind::Ack,
        Kind::Odd,
        Kind::Os,
        Kind::Udp,
        Kind::Ping,
        Kind::Timestamp,
        Kind::Mask,
        Kind::Sctp,
        Kind::Protocol,
        Kind::Answer,
    ];
}

/// An address as the table holds it.
pub trait Address: Copy + Ord + std::fmt::Debug + Send {
    /// What is one question, in the order of source, slot, destination and what is asked.
    type Key: Copy + Ord;
    /// The key of a question.
    fn key(src: Self, slot: u32, dst: Self, what: u32) -> Self::Key;
    /// As a number that all addresses have; IPv4 as `::ffff:a.b.c.d`.
    fn wide(self) -> u128;
    /// Back again; none if it is of another family.
    fn narrow(wide: u128) -> Option<Self>;
    /// No address: of answers, of which only the source is kept.
    const NONE: Self;
}

impl Address for u32 {
    /// One number is compared much faster than four one by one.
    type Key = u128;

    #[inline]
    fn key(src: u32, slot: u32, dst: u32, what: u32) -> u128 {
        u128::from(src) << 96 | u128::from(slot) << 64 | u128::from(dst) << 32 | u128::from(what)
    }

    fn wide(self) -> u128 {
        0xffff_0000_0000 | u128::from(self)
    }

    fn narrow(wide: u128) -> Option<u32> {
        (wide >> 32 == 0xffff).then_some(wide as u32)
    }

    const NONE: u32 = 0;
}

impl Address for u128 {
    type Key = (u128, u32, u128, u32);

    #[inline]
    fn key(src: u128, slot: u32, dst: u128, what: u32) -> (u128, u32, u128, u32) {
        (src, slot, dst, what)
    }

    fn wide(self) -> u128 {
        self
    }

    fn narrow(wide: u128) -> Option<u128> {
        Some(wide)
    }

    const NONE: u128 = 0;
}

/// What a source asked for within a [`SLOT`]; of the facts beside it, those of the first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe<A = u128> {
    /// Who asked; IPv4 as `::ffff:a.b.c.d`.
    pub src: A,
    /// Who was asked.
    pub dst: A,
    /// Which part of [`SLOT`] seconds since 1970; 0 where the moment is not known.
    pub slot: u32,
    /// Milliseconds of the first packet in the slot.
    pub first: u16,
    /// The same of the last.
    pub last: u16,
    /// The place in the log, for packets of one moment: the lower half of the offset.
    pub order: u32,
    /// How many packets.
    pub count: u32,
    /// Source port; 0 without ports.
    pub sport: u16,
    /// Destination port; ICMP: the type.
    pub dport: u16,
    /// TCP window.
    pub window: u16,
    /// The length that the IP header claims.
    pub len: u16,
    /// IP ID; of IPv6 none.
    pub id: u16,
    /// IP protocol.
    pub protocol: u8,
    /// What is asked.
    pub kind: Kind,
    /// Hops left.
    pub ttl: u8,
    /// The fewest and the most hops left of all packets.
    pub ttls: (u8, u8),
    /// Bits of [`DF`](Probe::DF), [`FORWARDED`](Probe::FORWARDED), [`PORTS`](Probe::PORTS).
    pub marks: u8,
}

impl<A> Probe<A> {
    /// Must not be fragmented.
    pub const DF: u8 = 1;
    /// Not for this host.
    pub const FORWARDED: u8 = 2;
    /// Has ports.
    pub const PORTS: u8 = 4;

    /// The first packet's moment in milliseconds since 1970.
    #[inline]
    #[must_use]
    pub fn begin(&self) -> i64 {
        i64::from(self.slot) * SLOT * 1_000 + i64::from(self.first)
    }

    /// The last packet's moment.
    #[inline]
    #[must_use]
    pub fn end(&self) -> i64 {
        i64::from(self.slot) * SLOT * 1_000 + i64::from(self.last)
    }

    /// Whether a mark is set.
    #[inline]
    #[must_use]
    pub fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }
}

impl Probe {
    /// What one line asks; `None` for a line that can be no part of a scan.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Option<Probe> {
        let facts = Facts::of(record)?;
        let number = |address: IpAddr| match address {
            IpAddr::V4(four) => four.to_bits().wide(),
            IpAddr::V6(six) => six.to_bits(),
        };
        Some(facts.probe(number(facts.src), number(facts.dst)))
    }

    /// An address as people know it.
    #[must_use]
    pub fn address(number: u128) -> IpAddr {
        let address = Ipv6Addr::from_bits(number);
        address.to_ipv4_mapped().map_or(IpAddr::V6(address), |four: Ipv4Addr| IpAddr::V4(four))
    }

    /// Whether it is of IPv6.
    #[inline]
    #[must_use]
    pub fn is_v6(&self) -> bool {
        self.src >> 32 != 0xffff
    }
}

impl<A: Address> Probe<A> {
    /// What is one question: source, slot, destination, port, what is asked.
    #[inline]
    pub(super) fn key(&self) -> A::Key {
        let what = u32::from(self.dport) << 16 | u32::from(self.protocol) << 8 | self.kind as u32;
        A::key(self.src, self.slot, self.dst, what)
    }

    /// Takes over a probe of the same key.
    pub(super) fn join(&mut self, other: &Probe<A>) {
        let rest = |p: &Probe<A>| (p.first, p.order, p.sport, p.window, p.len, p.id, p.ttl, p.marks);
        let (count, last) = (self.count.saturating_add(other.count), self.last.max(other.last));
        let ttls = (self.ttls.0.min(other.ttls.0), self.ttls.1.max(other.ttls.1));
        if rest(other) < rest(self) {
            *self = *other;
        }
        (self.count, self.last, self.ttls) = (count, last, ttls);
    }

    pub(super) fn widened(&self) -> Probe {
        Probe {
            src: self.src.wide(),
            dst: self.dst.wide(),
            slot: self.slot,
            first: self.first,
            last: self.last,
            order: self.order,
            count: self.count,
            sport: self.sport,
            dport: self.dport,
            window: self.window,
            len: self.len,
            id: self.id,
            protocol: self.protocol,
            kind: self.kind,
            ttl: self.ttl,
            ttls: self.ttls,
            marks: self.marks,
        }
    }
}

/// What one source sent.
#[derive(Clone, Copy, Debug)]
pub struct OfSource<'p> {
    /// Probes that ask for something, in the order of time.
    pub asked: &'p [Probe],
    /// Answers, in no order.
    pub answers: &'p [Probe],
}

impl OfSource<'_> {
    /// Its address; there is at least one probe.
    #[must_use]
    pub fn address(&self) -> u128 {
        self.asked.first().or(self.answers.first()).map_or(0, |probe| probe.src)
    }
}

/// What is kept of a line, with its addresses.
pub(super) struct Facts {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) kind: Kind,
    probe: Probe<u32>,
}

impl Facts {
    /// `None` for a line that can be no part of a scan.
    pub(super) fn of(record: &Record<'_>) -> Option<Facts> {
        let line = &record.line;
        if line.in_iface() == b"lo" || line.writer().is_foreign() {
            return None;
        }
        let (src, dst, protocol) = (line.src()?, line.dst()?, line.protocol()?);
        let (ttl, id, df) = match line.network() {
            Network::Ipv4(ip) => (ip.ttl, ip.id, ip.flags.dont_fragment),
            Network::Ipv6(ip) => (ip.hop_limit, None, false),
            _ => return None,
        };
        let (kind, mut what) = asked(line, protocol);
        if is_to_many(line, dst) {
            return None;
        }
        if kind == Kind::Answer {
            what = What::default();
        }
        let moment = record.when.map_or(0, |when| when.utc.div_euclid(1_000_000).max(0));
        let slot = u32::try_from(moment / (SLOT * 1_000)).unwrap_or(u32::MAX);
        let within = (moment % (SLOT * 1_000)) as u16;
        let ttl = ttl.unwrap_or(0);
        let len = line.ip_len().map_or(0, |len| u16::try_from(len).unwrap_or(u16::MAX));
        let mark = |set: bool, bit: u8| if set { bit } else { 0 };
        let probe = Probe {
            src: 0,
            dst: 0,
            slot,
            first: within,
            last: within,
            order: record.at().1 as u32,
            count: u32::try_from(record.times()).unwrap_or(u32::MAX),
            sport: what.sport,
            dport: what.dport,
            window: what.window,
            len,
            id: id.unwrap_or(0),
            protocol: if kind == Kind::Answer { 0 } else { protocol.0 },
            kind,
            ttl,
            ttls: (ttl, ttl),
            marks: mark(df, Probe::<u32>::DF)
                | mark(!line.out_iface().is_empty(), Probe::<u32>::FORWARDED)
                | mark(what.ports, Probe::<u32>::PORTS),
        };
        Some(Facts { src, dst, kind, probe })
    }

    /// With the addresses as the table holds them.
    pub(super) fn probe<A: Address>(&self, src: A, dst: A) -> Probe<A> {
        let p = &self.probe;
        Probe {
            src,
            dst: if self.kind == Kind::Answer { A::NONE } else { dst },
            slot: p.slot,
            first: p.first,
            last: p.last,
            order: p.order,
            count: p.count,
            sport: p.sport,
            dport: p.dport,
            window: p.window,
            len: p.len,
            id: p.id,
            protocol: p.protocol,
            kind: p.kind,
            ttl: p.ttl,
            ttls: p.ttls,
            marks: p.marks,
        }
    }
}

/// What a packet asks for, beside the address.
#[derive(Clone, Copy, Default)]
struct What {
    sport: u16,
    dport: u16,
    window: u16,
    ports: bool,
}

/// What a packet asks, and for what.
fn asked(line: &Line<'_>, protocol: Protocol) -> (Kind, What) {
    let with = |sport: Option<u16>, dport: Option<u16>, window: Option<u16>| What {
        sport: sport.unwrap_or(0),
        dport: dport.unwrap_or(0),
        window: window.unwrap_or(0),
        ports: dport.is_some(),
    };
    let len = line.ip_len().unwrap_or(0);
    match line.transport() {
        Transport::Tcp(tcp) => {
            let what = with(tcp.ports.src, tcp.ports.dst, tcp.window);
            let Some(flags) = tcp.flags.filter(|_| what.ports) else { return (Kind::Answer, what) };
            (of_flags(flags, &what, len), what)
        }
        Transport::Udp(udp) | Transport::UdpLite(udp) => {
            let what = with(udp.ports.src, udp.ports.dst, None);
            let kind = match is_late_udp(&what) {
                _ if !what.ports => Kind::Answer,
                true => Kind::Answer,
                // The one UDP probe of nmap -O: 300 bytes of one letter.
                false if len == 328 => Kind::Os,
                false => Kind::Udp,
            };
            (kind, what)
        }
        Transport::Icmp(icmp) => {
            let number = icmp.kind.map_or(0, |kind| kind.0);
            let kind = match number {
                // nmap -O sends two, of 120 and 150 bytes, with these numbers.
                8 if matches!((len, icmp.seq), (148, Some(295)) | (178, Some(296))) => Kind::Os,
                8 => Kind::Ping,
                13 => Kind::Timestamp,
                15 | 17 => Kind::Mask,
                _ => Kind::Answer,
            };
            (kind, What { dport: u16::from(number), ..What::default() })
        }
        Transport::Icmpv6(icmp) => {
            let number = icmp.kind.map_or(0, |kind| kind.0);
            let kind = if number == 128 { Kind::Ping } else { Kind::Answer };
            (kind, What { dport: u16::from(number), ..What::default() })
        }
        Transport::Ports(of, ports) => {
            let what = with(ports.src, ports.dst, None);
            (if of == Protocol::SCTP { Kind::Sctp } else { Kind::Protocol }, what)
        }
        _ if protocol == Protocol::SCTP => (Kind::Sctp, What::default()),
        // IGMP is spoken by every host; a later fragment shows nothing.
        _ if protocol == Protocol(2) && line.ip_len().is_none_or(|len| len > 20) => {
            (Kind::Answer, What::default())
        }
        _ => (Kind::Protocol, What::default()),
    }
}

/// The lowest port that systems give to clients.
const CLIENTS: u16 = 32_768;

/// What TCP flags ask.
fn of_flags(flags: TcpFlags, what: &What, len: u32) -> Kind {
    const CORE: u16 = TcpFlags::FIN.bits()
        | TcpFlags::SYN.bits()
        | TcpFlags::RST.bits()
        | TcpFlags::PSH.bits()
        | TcpFlags::ACK.bits()
        | TcpFlags::URG.bits();
    let core = TcpFlags::from_bits(flags.bits() & CORE);
    if core.contains(TcpFlags::RST) || core.contains(TcpFlags::SYN | TcpFlags::ACK) {
        return Kind::Answer;
    }
    // A server's port as the source: the end of a connection that is forgotten here.
    let late = what.sport < 1_024 && what.dport >= CLIENTS;
    let xmas = TcpFlags::FIN | TcpFlags::PSH | TcpFlags::URG;
    match core {
        core if core == TcpFlags::SYN && what.window == 31_337 => Kind::Os,
        core if core == TcpFlags::SYN => Kind::Syn,
        _ if late => Kind::Answer,
        core if core.is_empty() && len == 60 && what.window == 128 => Kind::Os,
        core if core.is_empty() => Kind::Null,
        core if core == TcpFlags::FIN => Kind::Fin,
        core if core == xmas && len == 60 && what.window == 65_535 => Kind::Os,
        core if core == xmas => Kind::Xmas,
        core if core == TcpFlags::FIN | TcpFlags::ACK => Kind::Maimon,
        core if core == TcpFlags::ACK && len == 60 && matches!(what.window, 1_024 | 32_768) => Kind::Os,
        core if core == TcpFlags::ACK => Kind::Ack,
        core if core == xmas | TcpFlags::SYN => Kind::Os,
        // Data of a connection.
        core if core.contains(TcpFlags::ACK) => Kind::Answer,
        _ => Kind::Odd,
    }
}

/// Whether a UDP packet is an answer that came too late: from a service to a client's port.
fn is_late_udp(what: &What) -> bool {
    match what.sport {
        // Resolvers take their ports from all above 1023.
        53 => what.dport >= 1_024,
        1..1_024 => what.dport >= CLIENTS,
        _ => false,
    }
}

/// Whether a packet is for more than one host.
fn is_to_many(line: &Line<'_>, dst: IpAddr) -> bool {
    let IpAddr::V4(dst) = dst else { return dst.is_multicast() };
    if dst.is_multicast() || dst.is_broadcast() {
        return true;
    }
    if dst.octets()[3] != 255 {
        return false;
    }
    match line.mac_header() {
        Some(header) => header.dst.is_some_and(Mac::is_broadcast),
        // Nothing says which: what hosts shout to their neighbours is from a port to the same port.
        None => {
            matches!(line.sport().zip(line.dport()), Some((from, to)) if from == to) || line.sport().is_none()
        }
    }
}

//! Packets out of bytes: for property tests, fuzzing and benches.
//!
//! Responsible for: turning any bytes into a packet that the kernel can print. The same bytes
//! give the same packet; fewer and smaller bytes give a plainer one, so whatever shrinks
//! bytes shrinks packets.
//! Must not know: where the bytes come from.
//! Tested by: `tests/suites/properties.rs`.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::packet::*;
use crate::types::{EtherType, IcmpType, Icmpv6Type, Mac, Protocol, TcpFlags};

/// Bytes that decide. When they are used up, every decision is 0.
#[derive(Clone, Debug)]
pub struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    /// Decisions from `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Source<'a> {
        Source(bytes)
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    /// A number below `end`, which is at most 256.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// Yes in one of `n` cases.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    fn ipv4(&mut self) -> Ipv4Addr {
        Ipv4Addr::from(self.u32())
    }

    fn ipv6(&mut self) -> Ipv6Addr {
        let mut groups = [0; 8];
        // Runs of zeros are what compressed text would hide.
        let zeros = self.below(8);
        groups[..8 - zeros].fill_with(|| self.u16());
        Ipv6Addr::from(groups)
    }

    fn mac(&mut self) -> Mac {
        let mut octets = [0; 6];
        octets.fill_with(|| self.byte());
        Mac(octets)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// The texts of a packet, which its slices point into.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    prefix: Vec<u8>,
    /// `IN= OUT= PHYSIN= PHYSOUT=`.
    names: [Vec<u8>; 4],
    mac: Vec<u8>,
    outer: DatagramTexts,
    quoted: DatagramTexts,
}

#[derive(Clone, Debug, Default)]
struct DatagramTexts {
    ip_options: Vec<u8>,
    tcp_options: Vec<u8>,
    extensions: Vec<u8>,
    /// Whether the last header of `extensions` ends the line.
    ends: bool,
    /// Whether the last one is `FRAG:TRUNCATED`.
    cut: bool,
    /// Whether one is a later fragment, so that ports are not printed.
    fragment: bool,
}

/// Pieces of prefixes: what people write, and what tries to be something else.
const PREFIXES: &[&[u8]] = &[
    b"tcp.in.dropped ",
    b"[UFW BLOCK] ",
    b"Shorewall:net-fw:DROP:",
    b"TRACE: filter:INPUT:rule:1 ",
    b"nf_ct_proto_6: SEQ is over upper bound 1 (over the window of the receiver) ",
    b"IN=x OUT= SRC=1.2.3.4 DPT=22 ",
    b"IN=eth9 OUT=eth9 ",
    b"IN=",
    b"SRC=6.6.6.6 ",
    b"PROTO=TCP SYN ",
    b"[SRC=1.1.1.1 ] ",
    b"OPT (00) ",
    b"\x1b]52;c;AAAA\x07 ",
    b"\"quoted\" ",
    b"caf\xc3\xa9 ",
    b"\xff\xfe ",
    b"#012 ",
    b"%s%n ",
    b"  ",
    b"\t",
];

/// Names that an interface may have, if not should.
const NAMES: &[&[u8]] = &[
    b"eth0",
    b"lo",
    b"br-0123456789ab",
    b"wlan0.2000",
    b"SRC=6.6.6.6",
    b"OUT=x",
    b"a=b[x]",
    b"\x1b[31m",
    b"]",
    b"@%",
];

impl Texts {
    /// Draws the texts of a packet.
    pub fn draw(source: &mut Source<'_>) -> Texts {
        let mut texts = Texts::default();
        for _ in 0..source.below(4) {
            let piece = source.pick(PREFIXES);
            // No writer allows a longer one.
            if texts.prefix.len() + piece.len() <= 127 {
                texts.prefix.extend_from_slice(piece);
            }
        }
        for name in &mut texts.names {
            *name = source.pick(NAMES).to_vec();
        }
        for i in 0..source.pick(&[14, 0, 4, 18, 24, 34]) {
            let colon = if i == 0 { "" } else { ":" };
            texts.mac.extend_from_slice(format!("{colon}{:02x}", source.byte()).as_bytes());
        }
        texts.outer = DatagramTexts::draw(source);
        texts.quoted = DatagramTexts::draw(source);
        texts
    }
}

impl DatagramTexts {
    fn draw(source: &mut Source<'_>) -> DatagramTexts {
        let hex = |source: &mut Source<'_>| {
            let words = 1 + source.below(10);
            (0..words).flat_map(|_| format!("{:08X}", source.u32()).into_bytes()).collect()
        };
        let mut texts =
            DatagramTexts { ip_options: hex(source), tcp_options: hex(source), ..DatagramTexts::default() };
        let count = source.below(4);
        let wrapped = source.one_in(2);
        for _ in 0..count {
            texts.extension(source, wrapped);
            if texts.ends || texts.cut {
                break;
            }
        }
        texts
    }

    /// One extension header, as `dump_ipv6_packet` walks them.
    fn extension(&mut self, source: &mut Source<'_>, wrapped: bool) {
        let content = match source.below(5) {
            0 if source.one_in(8) => {
                self.cut = true;
                "FRAG:TRUNCATED ".to_owned()
            }
            0 => {
                let offset = if source.one_in(2) { source.u16() & 0xfff8 } else { 0 };
                self.fragment |= offset > 0;
                let more = if source.one_in(2) { "INCOMPLETE " } else { "" };
                format!("FRAG:{offset} {more}ID:{:08x} ", source.u32())
            }
            // Without --log-ip-options the others are not printed.
            _ if !wrapped => return,
            1 => {
                self.ends = self.fragment;
                String::new()
            }
            kind => {
                let name = if kind == 2 { "AH" } else { "ESP" };
                let short = source.one_in(6);
                self.ends = self.fragment || short || name == "ESP";
                match (self.fragment, short) {
                    (true, _) => format!("{name} "),
                    (false, true) => format!("{name} INCOMPLETE [{} bytes] ", source.u32()),
                    (false, false) => format!("{name} SPI=0x{:x} ", source.u32()),
                }
            }
        };
        let (open, close) = match (wrapped, self.cut, self.ends) {
            (false, ..) => ("", ""),
            (true, true, _) => ("OPT ( ", ""),
            (true, false, true) => ("OPT ( ", ")"),
            (true, false, false) => ("OPT ( ", ") "),
        };
        self.extensions.extend_from_slice(format!("{open}{content}{close}").as_bytes());
    }
}

/// Draws a packet that the kernel's `LOG` or ebtables' `log` can print.
///
/// ```
/// use logparse::testgen::{Source, Texts, packet};
/// let mut source = Source::new(b"any bytes at all");
/// let texts = Texts::draw(&mut source);
/// let packet = packet(&mut source, &texts);
/// assert!(packet.to_string().contains("IN="));
/// ```
pub fn packet<'a>(source: &mut Source<'_>, texts: &'a Texts) -> Packet<'a> {
    let some = |source: &mut Source<'_>, text: &'a [u8]| (!source.one_in(3)).then_some(text);
    let mut packet = Packet {
        prefix: &texts.prefix,
        in_iface: some(source, &texts.names[0]).unwrap_or_default(),
        out_iface: some(source, &texts.names[1]).unwrap_or_default(),
        ..Packet::default()
    };
    match source.below(12) {
        0 => ebtables(source, &mut packet),
        1 => arp(source, &mut packet),
        2 => {
            // An ethertype that is not printed: the link header stands alone.
            packet.link = match link(source, texts) {
                Link::Decoded(header) => Link::Decoded(MacHeader { ethertype: Some(LLDP), ..header }),
                _ => Link::Raw(RawMac(LLDP_MAC)),
            };
        }
        kind => {
            if source.one_in(8) {
                packet.phys_in = Some(&texts.names[2]);
            }
            if source.one_in(8) {
                packet.phys_out = Some(&texts.names[3]);
            }
            if !packet.in_iface.is_empty() {
                packet.link = link(source, texts);
                if matches!(packet.link, Link::Raw(_)) && source.one_in(16) {
                    packet.tunnel = Some(Tunnel { src: source.ipv4(), dst: source.ipv4() });
                }
            }
            let v6 = kind % 3 == 0;
            let (datagram, quotes) = datagram(source, v6, &texts.outer, true);
            packet.datagram = datagram;
            if quotes && !v6 && packet.in_iface.is_empty() && source.one_in(3) {
                // As on netdev egress: no brackets, no owner, no mark.
                let packet = &mut packet.datagram;
                (packet.uid, packet.gid, packet.mark) = (None, None, None);
            } else if quotes {
                packet.quoted = Some(self::datagram(source, v6, &texts.quoted, false).0);
            }
        }
    }
    packet
}

/// A type that the kernel does not print, alone and in a hardware header.
const LLDP: EtherType = EtherType(0x88cc);
const LLDP_MAC: &[u8] = b"01:80:c2:00:00:0e:00:16:3e:5e:6c:00:88:cc";

fn link<'a>(source: &mut Source<'_>, texts: &'a Texts) -> Link<'a> {
    if source.one_in(4) {
        return Link::Decoded(MacHeader {
            src: Some(source.mac()),
            dst: Some(source.mac()),
            vlan: source.one_in(2).then(|| Vlan { protocol: EtherType(source.u16()), tci: source.u16() }),
            ethertype: Some(EtherType(source.u16())),
        });
    }
    Link::Raw(RawMac(&texts.mac))
}

fn arp(source: &mut Source<'_>, packet: &mut Packet<'_>) {
    if source.one_in(3) {
        packet.link = Link::Decoded(MacHeader {
            src: Some(source.mac()),
            dst: Some(source.mac()),
            vlan: None,
            ethertype: Some(EtherType::ARP),
        });
    }
    if source.one_in(8) {
        packet.link = Link::None;
        packet.datagram.truncated = Some(Truncated::IpHeader);
        return;
    }
    let mut arp = Arp {
        hardware: Some(source.u16()),
        protocol: Some(EtherType(source.u16())),
        opcode: Some(source.u16()),
        ..Arp::default()
    };
    match source.below(4) {
        0 => {}
        1 => packet.datagram.incomplete = Some(Incomplete::Bytes(u64::MAX - u64::from(source.u32()))),
        _ => arp_payload(source, &mut arp),
    }
    packet.datagram.network = Network::Arp(arp);
}

fn arp_payload(source: &mut Source<'_>, arp: &mut Arp) {
    arp.src_mac = Some(source.mac());
    arp.src_ip = Some(source.ipv4());
    arp.dst_mac = Some(source.mac());
    arp.dst_ip = Some(source.ipv4());
}

/// A datagram, and whether it is an ICMP error that may quote another.
fn datagram<'a>(
    source: &mut Source<'_>,
    v6: bool,
    texts: &'a DatagramTexts,
    top: bool,
) -> (Datagram<'a>, bool) {
    let mut packet = Datagram::default();
    if source.one_in(16) {
        packet.truncated = Some(Truncated::IpHeader);
        return (packet, false);
    }
    let fragment;
    if v6 {
        let ip = Ipv6 {
            src: Some(source.ipv6()),
            dst: Some(source.ipv6()),
            len: Some(u32::from(source.u16()) + 40),
            traffic_class: Some(source.byte()),
            hop_limit: Some(source.byte()),
            flow_label: Some(source.u32() & 0xf_ffff),
            extensions: Extensions(&texts.extensions),
            priority: None,
        };
        packet.network = Network::Ipv6(ip);
        fragment = texts.fragment;
        if texts.cut {
            packet.truncated = Some(Truncated::FragHeader);
        }
        if texts.ends || texts.cut {
            return (packet, false);
        }
        match source.below(16) {
            14 => packet.truncated = Some(Truncated::ExtHeader),
            15 => {} // ESP without --log-ip-options
            _ => {}
        }
    } else {
        fragment = source.one_in(8);
        let options = source.one_in(6);
        let ip = Ipv4 {
            src: Some(source.ipv4()),
            dst: Some(source.ipv4()),
            len: Some(if source.one_in(32) { source.u32() } else { u32::from(source.u16()) }),
            tos: Some(source.byte() & 0x1e),
            prec: Some(source.byte() & 0xe0),
            ttl: Some(source.byte()),
            id: Some(source.u16()),
            flags: IpFlags {
                reserved: source.one_in(16),
                dont_fragment: source.one_in(2),
                more_fragments: source.one_in(16),
            },
            fragment: fragment.then(|| (source.u16() & 0x1fff).max(1)),
            options: options.then_some(HexText(&texts.ip_options)),
        };
        packet.network = Network::Ipv4(ip);
        if !options && source.one_in(24) {
            packet.truncated = Some(Truncated::IpOptions);
        }
    }
    if packet.truncated.is_some() {
        return (packet, false);
    }
    let (goes_on, quotes) = transport(source, v6, fragment, texts, &mut packet);
    if goes_on && top {
        if source.one_in(8) {
            (packet.uid, packet.gid) = (Some(source.u32()), Some(source.u32()));
        }
        if source.one_in(6) {
            packet.mark = Some(source.u32().max(1));
        }
    }
    (packet, quotes)
}

/// Draws the transport layer. Whether the line goes on behind it, and whether it may quote.
fn transport<'a>(
    source: &mut Source<'_>,
    v6: bool,
    fragment: bool,
    texts: &'a DatagramTexts,
    packet: &mut Datagram<'a>,
) -> (bool, bool) {
    let short = source.one_in(12) && !fragment;
    if short {
        packet.incomplete = Some(Incomplete::Bytes(u64::from(source.u32())));
    }
    let ports = |source: &mut Source<'_>| Ports { src: Some(source.u16()), dst: Some(source.u16()) };
    let bare = fragment || short;
    match source.below(10) {
        0..=3 => {
            let mut tcp = Tcp::default();
            if !bare {
                tcp.ports = ports(source);
                if source.one_in(3) {
                    (tcp.seq, tcp.ack) = (Some(source.u32()), Some(source.u32()));
                }
                tcp.window = Some(source.u16());
                tcp.reserved = Some(source.byte() & 0x3c);
                tcp.flags = Some(TcpFlags::from_bits(source.u16()));
                tcp.urgent = Some(source.u16());
                match source.below(8) {
                    0..=4 => {}
                    7 => packet.truncated = Some(Truncated::TcpOptions),
                    _ => tcp.options = Some(HexText(&texts.tcp_options)),
                }
            }
            packet.transport = Transport::Tcp(tcp);
            (!short && packet.truncated.is_none(), false)
        }
        4 | 5 => {
            let mut udp = Udp::default();
            if !bare {
                udp = Udp { ports: ports(source), len: Some(source.u16()) };
            }
            packet.transport = if source.one_in(8) { Transport::UdpLite(udp) } else { Transport::Udp(udp) };
            (!short, false)
        }
        6 | 7 if v6 => icmpv6(source, bare, packet),
        6 | 7 => icmp(source, fragment, short, packet),
        8 if !v6 && fragment => {
            // AH prints no PROTO= on a later fragment.
            packet.transport = if source.one_in(2) { Transport::Esp(None) } else { Transport::None };
            (true, false)
        }
        8 if !v6 => {
            let spi = (!short).then(|| source.u32());
            packet.transport = if source.one_in(2) { Transport::Esp(spi) } else { Transport::Ah(spi) };
            (true, false)
        }
        _ => {
            packet.incomplete = None;
            let number = source.byte();
            // What the kernel writes as a word is not written as a number.
            let words: &[u8] = if v6 { &[6, 17, 58, 136] } else { &[1, 6, 17, 50, 51, 136] };
            let number = if words.contains(&number) { 47 } else { number };
            packet.transport = Transport::Other(Protocol(number));
            (true, false)
        }
    }
}

fn icmp(source: &mut Source<'_>, fragment: bool, short: bool, packet: &mut Datagram<'_>) -> (bool, bool) {
    let mut icmp = Icmp::default();
    let kind = source.pick(&[8, 0, 3, 3, 4, 5, 11, 12, 13, 255]);
    let mut quotes = false;
    if !fragment && (!short || source.one_in(2)) {
        icmp.kind = Some(IcmpType(kind));
        icmp.code = Some(if source.one_in(2) { 4 } else { source.byte() });
    }
    // Types above 18 have no least length.
    if short && icmp.kind.is_some_and(|kind| kind.0 > 18) {
        packet.incomplete = None;
    }
    if !fragment && !short {
        match kind {
            0 | 8 => (icmp.id, icmp.seq) = (Some(source.u16()), Some(source.u16())),
            12 => icmp.parameter = Some(source.byte()),
            3 | 4 | 5 | 11 => {
                quotes = true;
                if kind == 5 {
                    icmp.gateway = Some(source.ipv4());
                }
                if kind == 3 && icmp.code == Some(4) {
                    icmp.mtu = Some(source.u16());
                }
            }
            _ => {}
        }
    }
    packet.transport = Transport::Icmp(icmp);
    (true, quotes)
}

fn icmpv6(source: &mut Source<'_>, bare: bool, packet: &mut Datagram<'_>) -> (bool, bool) {
    let mut icmp = Icmpv6::default();
    let kind = source.pick(&[128, 129, 1, 2, 3, 4, 134, 143]);
    let mut quotes = false;
    if !bare {
        icmp.kind = Some(Icmpv6Type(kind));
        icmp.code = Some(source.byte());
        match kind {
            128 | 129 => (icmp.id, icmp.seq) = (Some(source.u16()), Some(source.u16())),
            1..=4 => {
                quotes = true;
                if kind == 4 {
                    icmp.pointer = Some(source.u32());
                }
                if kind == 2 {
                    icmp.mtu = Some(source.u32());
                }
            }
            _ => {}
        }
    }
    packet.transport = Transport::Icmpv6(icmp);
    (packet.incomplete.is_none(), quotes)
}

fn ebtables(source: &mut Source<'_>, packet: &mut Packet<'_>) {
    packet.dialect = Dialect::Ebtables;
    let kind =
        source.pick(&[EtherType::IPV4, EtherType::IPV6, EtherType::ARP, EtherType::RARP, EtherType(0x88cc)]);
    packet.link = Link::Decoded(MacHeader {
        src: Some(source.mac()),
        dst: Some(source.mac()),
        vlan: None,
        ethertype: Some(kind),
    });
    let packet = &mut packet.datagram;
    if source.one_in(6) {
        return; // no printer was asked for
    }
    let short = source.one_in(6);
    match kind {
        EtherType::IPV4 | EtherType::IPV6 if short => packet.truncated = Some(Truncated::IpHeader),
        EtherType::ARP | EtherType::RARP if short => packet.truncated = Some(Truncated::ArpHeader),
        EtherType::IPV4 => {
            packet.network = Network::Ipv4(Ipv4 {
                src: Some(source.ipv4()),
                dst: Some(source.ipv4()),
                tos: Some(source.byte()),
                ..Ipv4::default()
            });
            ebtables_ports(source, packet);
        }
        EtherType::IPV6 => {
            packet.network = Network::Ipv6(Ipv6 {
                src: Some(source.ipv6()),
                dst: Some(source.ipv6()),
                priority: Some(source.byte() & 15),
                ..Ipv6::default()
            });
            ebtables_ports(source, packet);
        }
        EtherType::ARP | EtherType::RARP => {
            let mut arp = Arp {
                hardware: Some(source.u16()),
                protocol: Some(EtherType(source.u16())),
                opcode: Some(source.u16()),
                ..Arp::default()
            };
            match source.below(3) {
                0 => {}
                1 => packet.truncated = Some(Truncated::ArpPayload),
                _ => arp_payload(source, &mut arp),
            }
            packet.network = Network::Arp(arp);
        }
        _ => {}
    }
}

fn ebtables_ports(source: &mut Source<'_>, packet: &mut Datagram<'_>) {
    let short = source.one_in(6);
    let mut ports = Ports { src: Some(source.u16()), dst: Some(source.u16()) };
    let number = source.pick(&[6, 17, 136, 132, 33, 47, 1]);
    if short && !matches!(number, 47 | 1) {
        packet.truncated = Some(Truncated::TransportHeader);
        ports = Ports::default();
    }
    packet.transport = match number {
        6 => Transport::Tcp(Tcp { ports, ..Tcp::default() }),
        17 => Transport::Udp(Udp { ports, len: None }),
        136 => Transport::UdpLite(Udp { ports, len: None }),
        132 | 33 if !short => Transport::Ports(Protocol(number), ports),
        _ => Transport::Other(Protocol(number)),
    };
}

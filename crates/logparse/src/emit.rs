//! Writes a packet back as the text its program wrote: the other half of every round trip.
//!
//! Responsible for: order, spelling and blanks of every dialect's print formats. The texts
//! stand here a second time on purpose: a token that reader and writer share would hide its
//! own misspelling from the round trip.
//! Must not know: how a line is read, or what came before the message.
//! Tested by: `tests/suites/suite.rs` (every kernel line byte for byte, with its list of exceptions)
//! and the property tests of `tests/suites/properties.rs`.
//!
//! One rule: what is `Some` is printed, in the printer's order, each field with its own
//! blank. So a packet of a cut line gives the certain part of that line.
//!
//! What a packet does not tell, and what is therefore not written as it was: which era's
//! spelling a line had (`GID=` without a blank of 2.6.25, numbers padded to three columns in
//! `TUNNEL=` of 2.4, `OPT (TRUNCATED)` or bare `TRUNCATED`, double blanks in old ebtables ARP
//! lines, `MARK=` without `0x` of old ulogd); today's form is written.

use core::fmt::{self, Write};
use core::net::Ipv6Addr;

use crate::packet::*;
use crate::types::{EtherType, Protocol, TcpFlags};

impl Packet<'_> {
    /// Appends the packet's text to `out`, from the prefix to the last blank, without a line
    /// end.
    ///
    /// Allocates nothing but `out`'s own growth.
    ///
    /// ```
    /// let line = b"drop IN= OUT=eth0 SRC=192.0.2.1 DST=192.0.2.9 LEN=28 TOS=0x00 PREC=0xC0 \
    ///              TTL=64 ID=7 DF PROTO=UDP SPT=53 DPT=5353 LEN=8 MARK=0x1f ";
    /// let entry = logparse::parse(line)?;
    /// let mut text = Vec::new();
    /// entry.packet.emit(&mut text);
    /// assert_eq!(text, line);
    /// # Ok::<(), logparse::ParseError>(())
    /// ```
    pub fn emit(&self, out: &mut Vec<u8>) {
        // Writing to a vector does not fail.
        let _ = packet(&mut Bytes(out), self);
    }
}

/// The text of [`Packet::emit`], with U+FFFD where the prefix or an interface name is not
/// UTF-8. The text is as hostile as the line was: escape it before it reaches a terminal.
impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        packet(&mut Lossy(f), self)
    }
}

/// Where text goes: formatted ASCII, and raw bytes of the line.
trait Sink: Write {
    fn bytes(&mut self, bytes: &[u8]) -> fmt::Result;
}

struct Bytes<'a>(&'a mut Vec<u8>);

impl Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Sink for Bytes<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

struct Lossy<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Lossy<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_str(text)
    }
}

impl Sink for Lossy<'_, '_> {
    fn bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        for chunk in bytes.utf8_chunks() {
            self.0.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                self.0.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

/// Writes a field if the packet has it.
macro_rules! field {
    ($out:expr, $value:expr, $format:literal) => {
        if let Some(value) = $value {
            write!($out, $format, value)?;
        }
    };
}

/// A text value with what stands around it.
fn text(out: &mut impl Sink, before: &str, value: &[u8], after: &str) -> fmt::Result {
    out.write_str(before)?;
    out.bytes(value)?;
    out.write_str(after)
}

fn packet(out: &mut impl Sink, packet: &Packet<'_>) -> fmt::Result {
    out.bytes(packet.prefix)?;
    if let Dialect::Ipchains { .. } | Dialect::Ipfwadm = packet.dialect {
        return legacy(out, packet);
    }
    text(out, "IN=", packet.in_iface, " ")?;
    text(out, "OUT=", packet.out_iface, " ")?;
    if packet.dialect == Dialect::Ebtables {
        return ebtables(out, packet);
    }
    if let Some(name) = packet.phys_in {
        text(out, "PHYSIN=", name, " ")?;
    }
    if let Some(name) = packet.phys_out {
        text(out, "PHYSOUT=", name, " ")?;
    }
    link(out, &packet.link)?;
    if let Some(Tunnel { src, dst }) = packet.tunnel {
        write!(out, "TUNNEL={src}->{dst} ")?;
    }
    datagram(out, &packet.datagram, packet.quoted.as_ref(), packet.dialect)
}

/// `dump_mac_header` of `nf_log_syslog.c`.
fn link(out: &mut impl Sink, link: &Link<'_>) -> fmt::Result {
    match link {
        Link::None => Ok(()),
        Link::Raw(mac) => text(out, "MAC=", mac.0, " "),
        Link::Decoded(header) => {
            field!(out, header.src, "MACSRC={} ");
            field!(out, header.dst, "MACDST={} ");
            if let Some(vlan) = header.vlan {
                write!(out, "VPROTO={:04x} VID={} ", vlan.protocol.0, vlan.tci)?;
            }
            field!(out, header.ethertype.map(|kind| kind.0), "MACPROTO={:04x} ");
            Ok(())
        }
    }
}

/// `dump_ipv4_packet`, `dump_ipv6_packet` or `dump_arp_packet`; `quoted` is what stands in
/// brackets.
fn datagram(
    out: &mut impl Sink,
    packet: &Datagram<'_>,
    quoted: Option<&Datagram<'_>>,
    dialect: Dialect,
) -> fmt::Result {
    match &packet.network {
        Network::None => {}
        Network::Ipv4(ip) => ipv4(out, ip, dialect)?,
        Network::Ipv6(ip) => ipv6(out, ip, dialect)?,
        Network::Arp(packet) if dialect == Dialect::Ulogd => ulogd_arp(out, packet)?,
        Network::Arp(packet) => arp(out, packet)?,
    }
    if let Some(Truncated::IpHeader | Truncated::IpOptions | Truncated::ExtHeader) = packet.truncated {
        return out.write_str("TRUNCATED");
    }
    transport(out, &packet.transport, quoted, dialect)?;
    match packet.incomplete {
        // Here the blank comes before.
        Some(Incomplete::Bytes(n)) if matches!(packet.network, Network::Arp(_)) => {
            write!(out, " INCOMPLETE [{n} bytes]")?;
        }
        Some(Incomplete::Bytes(n)) => write!(out, "INCOMPLETE [{n} bytes] ")?,
        Some(Incomplete::Uncounted) => out.write_str("INCOMPLETE")?,
        None => {}
    }
    if packet.truncated == Some(Truncated::TcpOptions) {
        out.write_str("OPT (TRUNCATED)")?;
    }
    field!(out, packet.uid, "UID={} ");
    field!(out, packet.gid, "GID={} ");
    match dialect {
        Dialect::Pvefw => field!(out, packet.mark, "mark={} "),
        _ => field!(out, packet.mark, "MARK=0x{:x} "),
    }
    Ok(())
}

fn ipv4(out: &mut impl Sink, ip: &Ipv4<'_>, dialect: Dialect) -> fmt::Result {
    field!(out, ip.src, "SRC={} ");
    field!(out, ip.dst, "DST={} ");
    field!(out, ip.len, "LEN={} ");
    match dialect {
        Dialect::Ulogd => field!(out, ip.tos, "TOS={:02X} "),
        _ => field!(out, ip.tos, "TOS=0x{:02X} "),
    }
    field!(out, ip.prec, "PREC=0x{:02X} ");
    field!(out, ip.ttl, "TTL={} ");
    field!(out, ip.id, "ID={} ");
    for (flag, word) in
        [(ip.flags.reserved, "CE "), (ip.flags.dont_fragment, "DF "), (ip.flags.more_fragments, "MF ")]
    {
        if flag {
            out.write_str(word)?;
        }
    }
    match dialect {
        Dialect::Pvefw => field!(out, ip.fragment, "FRAG={} "),
        _ => field!(out, ip.fragment, "FRAG:{} "),
    }
    options(out, ip.options)
}

/// `OPT (` hex `) `: of the IPv4 header and of the TCP header.
fn options(out: &mut impl Sink, options: Option<HexText<'_>>) -> fmt::Result {
    match options {
        Some(hex) => text(out, "OPT (", hex.text(), ") "),
        None => Ok(()),
    }
}

fn ipv6(out: &mut impl Sink, ip: &Ipv6<'_>, dialect: Dialect) -> fmt::Result {
    for (name, address) in [("SRC=", ip.src), ("DST=", ip.dst)] {
        if let Some(address) = address {
            out.write_str(name)?;
            match dialect {
                Dialect::Kernel => write!(out, "{} ", Full(address))?,
                _ => write!(out, "{address} ")?,
            }
        }
    }
    field!(out, ip.len, "LEN={} ");
    field!(out, ip.traffic_class, "TC={} ");
    field!(out, ip.hop_limit, "HOPLIMIT={} ");
    field!(out, ip.flow_label, "FLOWLBL={} ");
    out.bytes(ip.extensions.text())
}

/// An IPv6 address as `%pI6` prints it: eight groups of four digits, never compressed.
struct Full(Ipv6Addr);

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i] = self.0.segments();
        write!(f, "{a:04x}:{b:04x}:{c:04x}:{d:04x}:{e:04x}:{g:04x}:{h:04x}:{i:04x}")
    }
}

/// `dump_arp_packet`: blanks come before, so the line ends without one.
fn arp(out: &mut impl Sink, packet: &Arp) -> fmt::Result {
    field!(out, packet.hardware, "ARP HTYPE={}");
    field!(out, packet.protocol.map(|kind| kind.0), " PTYPE=0x{:04x}");
    field!(out, packet.opcode, " OPCODE={}");
    field!(out, packet.src_mac, " MACSRC={}");
    field!(out, packet.src_ip, " IPSRC={}");
    field!(out, packet.dst_mac, " MACDST={}");
    field!(out, packet.dst_ip, " IPDST={}");
    Ok(())
}

/// `printpkt_arp` of ulogd2's `util/printpkt.c`.
fn ulogd_arp(out: &mut impl Sink, packet: &Arp) -> fmt::Result {
    field!(out, packet.src_ip, "SRC={} ");
    field!(out, packet.dst_ip, "DST={} ");
    out.write_str("PROTO=ARP ")?;
    match packet.opcode {
        Some(1) => out.write_str("REQUEST ")?,
        Some(2) => {
            out.write_str("REPLY ")?;
            field!(out, packet.src_mac, "REPLY_MAC={} ");
        }
        Some(10) => out.write_str("NAK ")?,
        Some(code) => write!(out, "OPCODE={code} ")?,
        None => {}
    }
    Ok(())
}

fn transport(
    out: &mut impl Sink,
    transport: &Transport<'_>,
    quoted: Option<&Datagram<'_>>,
    dialect: Dialect,
) -> fmt::Result {
    match transport {
        Transport::None => Ok(()),
        Transport::Tcp(header) => tcp(out, header, dialect),
        Transport::Udp(header) => {
            out.write_str("PROTO=UDP ")?;
            udp(out, header, dialect)
        }
        Transport::UdpLite(header) => {
            out.write_str("PROTO=UDPLITE ")?;
            udp(out, header, dialect)
        }
        Transport::Icmp(header) => icmp(out, header, quoted, dialect),
        Transport::Icmpv6(header) => icmpv6(out, header, quoted, dialect),
        Transport::Ah(spi) => security(out, "PROTO=AH ", *spi),
        Transport::Esp(spi) => security(out, "PROTO=ESP ", *spi),
        Transport::Ports(protocol, numbers) => {
            write!(out, "PROTO={} ", Name(*protocol, dialect))?;
            ports(out, numbers)
        }
        Transport::Other(protocol) => write!(out, "PROTO={} ", Name(*protocol, dialect)),
    }
}

/// What follows `PROTO=` for a protocol without a layer of its own: the kernel writes
/// the number, the programs know some names.
struct Name(Protocol, Dialect);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.1, self.0) {
            (Dialect::Ulogd | Dialect::Pvefw, Protocol::SCTP) => f.write_str("SCTP"),
            (Dialect::Pvefw, Protocol::IGMP) => f.write_str("IGMP"),
            (_, Protocol(number)) => write!(f, "{number}"),
        }
    }
}

fn ports(out: &mut impl Sink, ports: &Ports) -> fmt::Result {
    field!(out, ports.src, "SPT={} ");
    field!(out, ports.dst, "DPT={} ");
    Ok(())
}

/// `nf_log_dump_tcp_header`.
fn tcp(out: &mut impl Sink, header: &Tcp<'_>, dialect: Dialect) -> fmt::Result {
    out.write_str("PROTO=TCP ")?;
    ports(out, &header.ports)?;
    field!(out, header.seq, "SEQ={} ");
    field!(out, header.ack, "ACK={} ");
    field!(out, header.window, "WINDOW={} ");
    field!(out, header.reserved, "RES=0x{:02x} ");
    for word in header.flags.unwrap_or(TcpFlags::EMPTY).words() {
        write!(out, "{word} ")?;
    }
    if dialect != Dialect::Pvefw {
        field!(out, header.urgent, "URGP={} ");
    }
    options(out, header.options)
}

/// `nf_log_dump_udp_header`.
fn udp(out: &mut impl Sink, header: &Udp, dialect: Dialect) -> fmt::Result {
    ports(out, &header.ports)?;
    match dialect {
        Dialect::Pvefw => field!(out, header.len, "LEN={}"),
        _ => field!(out, header.len, "LEN={} "),
    }
    Ok(())
}

/// The ICMP part of `dump_ipv4_packet`. The packet's own MTU follows the brackets.
fn icmp(out: &mut impl Sink, header: &Icmp, quoted: Option<&Datagram<'_>>, dialect: Dialect) -> fmt::Result {
    out.write_str("PROTO=ICMP ")?;
    field!(out, header.kind.map(|kind| kind.0), "TYPE={} ");
    field!(out, header.code, "CODE={} ");
    field!(out, header.id, "ID={} ");
    field!(out, header.seq, "SEQ={} ");
    field!(out, header.parameter, "PARAMETER={} ");
    field!(out, header.gateway, "GATEWAY={} ");
    brackets(out, quoted, dialect)?;
    field!(out, header.mtu, "MTU={} ");
    Ok(())
}

/// The ICMPv6 part of `dump_ipv6_packet`.
fn icmpv6(
    out: &mut impl Sink,
    header: &Icmpv6,
    quoted: Option<&Datagram<'_>>,
    dialect: Dialect,
) -> fmt::Result {
    out.write_str(if dialect == Dialect::Pvefw { "PROTO=ICMPV6 " } else { "PROTO=ICMPv6 " })?;
    field!(out, header.kind.map(|kind| kind.0), "TYPE={} ");
    field!(out, header.code, "CODE={} ");
    field!(out, header.id, "ID={} ");
    field!(out, header.seq, "SEQ={} ");
    field!(out, header.pointer, "POINTER={:08x} ");
    brackets(out, quoted, dialect)?;
    field!(out, header.mtu, "MTU={} ");
    Ok(())
}

/// The packet quoted in an ICMP error. It can not quote another one.
fn brackets(out: &mut impl Sink, quoted: Option<&Datagram<'_>>, dialect: Dialect) -> fmt::Result {
    let Some(quoted) = quoted else { return Ok(()) };
    out.write_str("[")?;
    datagram(out, quoted, None, dialect)?;
    out.write_str("] ")
}

fn security(out: &mut impl Sink, name: &str, spi: Option<u32>) -> fmt::Result {
    out.write_str(name)?;
    field!(out, spi, "SPI=0x{:x} ");
    Ok(())
}

/// `ebt_log_packet` of `net/bridge/netfilter/ebt_log.c`, behind `OUT=`.
fn ebtables(out: &mut impl Sink, packet: &Packet<'_>) -> fmt::Result {
    let mut ethertype = EtherType(0);
    if let Link::Decoded(header) = &packet.link {
        field!(out, header.src, "MAC source = {} ");
        field!(out, header.dst, "MAC dest = {} ");
        field!(out, header.ethertype.map(|kind| kind.0), "proto = 0x{:04x}");
        ethertype = header.ethertype.unwrap_or(ethertype);
    }
    let packet = &packet.datagram;
    match &packet.network {
        Network::None => {}
        Network::Ipv4(ip) => {
            field!(out, ip.src, " IP SRC={}");
            field!(out, ip.dst, " IP DST={},");
            field!(out, ip.tos, " IP tos=0x{:02X},");
            field!(out, packet.protocol().map(|protocol| protocol.0), " IP proto={}");
        }
        Network::Ipv6(ip) => {
            field!(out, ip.src.map(Full), " IPv6 SRC={}");
            field!(out, ip.dst.map(Full), " IPv6 DST={},");
            field!(out, ip.priority, " IPv6 priority=0x{:01X},");
            field!(out, packet.protocol().map(|protocol| protocol.0), " Next Header={}");
        }
        Network::Arp(packet) => {
            field!(out, packet.hardware, " ARP HTYPE={},");
            field!(out, packet.protocol.map(|kind| kind.0), " PTYPE=0x{:04x},");
            field!(out, packet.opcode, " OPCODE={}");
            field!(out, packet.src_mac, " ARP MAC SRC={}");
            field!(out, packet.src_ip, " ARP IP SRC={}");
            field!(out, packet.dst_mac, " ARP MAC DST={}");
            field!(out, packet.dst_ip, " ARP IP DST={}");
        }
    }
    field!(out, packet.ports().src, " SPT={}");
    field!(out, packet.ports().dst, " DPT={}");
    out.write_str(match packet.truncated {
        Some(Truncated::IpHeader) if ethertype == EtherType::IPV6 => " INCOMPLETE IPv6 header",
        Some(Truncated::IpHeader) => " INCOMPLETE IP header",
        Some(Truncated::TransportHeader) => " INCOMPLETE TCP/UDP header",
        Some(Truncated::ArpHeader) => " INCOMPLETE ARP header",
        Some(Truncated::ArpPayload) => " INCOMPLETE ARP payload",
        _ => "",
    })
}

/// `dump_packet` of `ipchains_core.c` and `dprint_packet` of `ipfwadm_core.c`, behind the
/// action.
fn legacy(out: &mut impl Sink, packet: &Packet<'_>) -> fmt::Result {
    text(out, "", packet.in_iface, " ")?;
    let (datagram, chains) = (&packet.datagram, packet.dialect != Dialect::Ipfwadm);
    let Network::Ipv4(ip) = &datagram.network else { return Ok(()) };
    let mut ports = datagram.ports();
    let protocol = datagram.protocol().map(|protocol| protocol.0);
    match (datagram.transport, protocol) {
        (Transport::Icmp(icmp), _) if chains => {
            // The type and the code stand where the ports do.
            ports = Ports { src: icmp.kind.map(|kind| kind.0.into()), dst: icmp.code.map(u16::from) };
            out.write_str("PROTO=1 ")?;
        }
        (Transport::Icmp(icmp), _) => field!(out, icmp.kind.map(|kind| kind.0), "ICMP/{} "),
        (Transport::Tcp(_), _) if !chains => out.write_str("TCP ")?,
        (Transport::Udp(_), _) if !chains => out.write_str("UDP ")?,
        (_, protocol) => field!(out, protocol, "PROTO={} "),
    }
    if chains && ports == Ports::default() && matches!(datagram.transport, Transport::Other(_)) {
        ports = Ports { src: Some(u16::MAX), dst: Some(u16::MAX) };
    }
    for (address, port) in [(ip.src, ports.src), (ip.dst, ports.dst)] {
        field!(out, address, "{}");
        field!(out, port, ":{}");
        out.write_str(" ")?;
    }
    field!(out, ip.len, "L={} ");
    field!(out, ip.tos, "S=0x{:02X} ");
    field!(out, ip.id, "I={} ");
    let bits = u16::from(ip.flags.reserved) << 15
        | u16::from(ip.flags.dont_fragment) << 14
        | u16::from(ip.flags.more_fragments) << 13;
    let offset = ip.fragment.unwrap_or(0);
    match packet.dialect {
        Dialect::Ipchains { rule } => {
            write!(out, "F=0x{:04X} ", bits | offset)?;
            field!(out, ip.ttl, "T={} ");
            if packet.tcp_flags() == Some(TcpFlags::SYN) {
                out.write_str("SYN ")?;
            }
            field!(out, rule, "(#{})");
        }
        _ => {
            write!(out, "FO=0x{offset:04X} ")?;
            field!(out, ip.ttl, "T={}");
            if ip.flags.dont_fragment {
                out.write_str(" DF=1")?;
            }
            if ip.flags.more_fragments {
                out.write_str(" MF=1")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    fn written(packet: &Packet<'_>) -> String {
        let mut out = Vec::new();
        packet.emit(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), packet.to_string());
        packet.to_string()
    }

    #[test]
    fn an_empty_packet_is_its_header() {
        assert_eq!(written(&Packet::default()), "IN= OUT= ");
    }

    #[test]
    fn a_quoted_packet_stands_in_front_of_the_mtu() {
        let inner = Ipv4 { src: Some(Ipv4Addr::new(10, 0, 0, 1)), ..Default::default() };
        let packet = Packet {
            datagram: Datagram {
                transport: Transport::Icmp(Icmp { mtu: Some(1400), ..Default::default() }),
                mark: Some(0xcafe),
                ..Default::default()
            },
            quoted: Some(Datagram {
                network: Network::Ipv4(inner),
                truncated: Some(Truncated::IpOptions),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(written(&packet), "IN= OUT= PROTO=ICMP [SRC=10.0.0.1 TRUNCATED] MTU=1400 MARK=0xcafe ");
    }

    #[test]
    fn text_that_is_no_utf8_is_replaced_in_display_only() {
        let packet = Packet { prefix: b"a\xffb ", ..Default::default() };
        assert_eq!(packet.to_string(), "a\u{fffd}b IN= OUT= ");
        let mut out = Vec::new();
        packet.emit(&mut out);
        assert_eq!(out, b"a\xffb IN= OUT= ");
    }
}

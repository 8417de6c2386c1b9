//! What one line says about one packet.
//!
//! Responsible for: the typed values of a line, by layer. Everything borrowed is a slice of
//! the line itself; nothing here owns memory.
//! Must not know: how a line is read (`grammar`, `scan`) or written (`emit`).
//! Tested by: `tests/suites/main.rs` (every data file in `testdata`; the sizes).
//!
//! One rule holds for every `Option` in this module: **`None` means the line does not show
//! it**, because the kernel does not print it for such a packet or because the line was cut.
//! A packet without ports is not a packet to port 0.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use crate::hex::HexText;
use crate::types::{EtherType, IcmpType, Icmpv6Type, Mac, Protocol, TcpFlags};

/// The packet a line reports, layer by layer.
///
/// | tokens | field | kernel source (`net/netfilter/nf_log_syslog.c`) |
/// | --- | --- | --- |
/// | text before `IN=` | [`prefix`](Packet::prefix) | `nf_log_dump_packet_common` |
/// | `IN= OUT=` | [`in_iface`](Packet::in_iface), [`out_iface`](Packet::out_iface) | same |
/// | `PHYSIN= PHYSOUT=` | [`phys_in`](Packet::phys_in), [`phys_out`](Packet::phys_out) | same |
/// | `MAC=`, `MACSRC= MACDST= ...` | [`link`](Packet::link) | `dump_mac_header` |
/// | `TUNNEL=` | [`tunnel`](Packet::tunnel) | `dump_mac_header` |
/// | `SRC=` ... | [`datagram`](Packet::datagram) | `dump_ipv4_packet`, `dump_ipv6_packet`, `dump_arp_packet` |
/// | `[SRC=` ... `]` | [`quoted`](Packet::quoted) | same, called again |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Packet<'a> {
    /// The text of `--log-prefix`, byte for byte, with its blanks. Anything may stand here.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::bytes"))]
    pub prefix: &'a [u8],
    /// `IN=`: the interface the packet came in by; empty for packets this host sent.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::bytes"))]
    pub in_iface: &'a [u8],
    /// `OUT=`: the interface it leaves by; empty for packets to this host.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::bytes"))]
    pub out_iface: &'a [u8],
    /// `PHYSIN=`: the bridge port it came in by.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::bytes_or_none"))]
    pub phys_in: Option<&'a [u8]>,
    /// `PHYSOUT=`: the bridge port it leaves by.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::bytes_or_none"))]
    pub phys_out: Option<&'a [u8]>,
    /// The link layer.
    pub link: Link<'a>,
    /// `TUNNEL=`: the outer addresses on a sit device.
    pub tunnel: Option<Tunnel>,
    /// The packet itself.
    pub datagram: Datagram<'a>,
    /// The packet quoted in an ICMP error, one level deep. Its addresses are claims of the
    /// error's sender.
    pub quoted: Option<Datagram<'a>>,
    /// Which program's dialect the line is in.
    pub dialect: Dialect,
}

/// Who wrote the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Dialect {
    /// The kernel's `LOG` target and `nft log`.
    #[default]
    Kernel,
    /// The kernel's ebtables `log` watcher.
    Ebtables,
    /// ulogd2's LOGEMU and SYSLOG outputs, and UniFi's `DESCR=` form of them.
    Ulogd,
    /// Proxmox VE's `pvefw-logger`.
    Pvefw,
    /// ipchains of Linux 2.2 and its module in 2.4: `Packet log: input DENY eth0 PROTO=6 ...`.
    Ipchains {
        /// `(#3)`: the rule's number in its chain.
        rule: Option<u32>,
    },
    /// ipfwadm of Linux 2.0 and its module in 2.4: `IP fw-in deny eth0 TCP ...`.
    Ipfwadm,
}

/// The link layer of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Link<'a> {
    /// Nothing was printed.
    #[default]
    None,
    /// `MAC=`: the bytes of the link header as they were, of any length.
    Raw(RawMac<'a>),
    /// `MACSRC= MACDST= [VPROTO= VID=] MACPROTO=` (`--log-macdecode`), and ebtables' form.
    Decoded(MacHeader),
}

impl Link<'_> {
    /// The hardware addresses, whichever way the line shows them.
    #[must_use]
    pub fn mac_header(&self) -> Option<MacHeader> {
        match self {
            Link::None => None,
            Link::Raw(raw) => raw.ethernet(),
            Link::Decoded(header) => Some(*header),
        }
    }
}

/// The text of `MAC=`: colon-separated hex, as long as the device's link header.
///
/// The first six bytes are the **destination**, but only if the text has the length of an
/// Ethernet header; the accessors look at that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawMac<'a>(pub &'a [u8]);

impl core::fmt::Debug for RawMac<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "RawMac({})", self.0.escape_ascii())
    }
}

/// Length of the text of an Ethernet header: 14 bytes of two digits, 13 colons.
const ETHERNET_TEXT: usize = 14 * 3 - 1;

impl RawMac<'_> {
    /// Destination, source and type, if this is an Ethernet header of 14 bytes.
    #[must_use]
    pub fn ethernet(&self) -> Option<MacHeader> {
        let text: &[u8; ETHERNET_TEXT] = self.0.try_into().ok()?;
        let kind = &text[36..];
        let digit = |i: usize| crate::types::hex_value(kind[i]).map(u16::from);
        Some(MacHeader {
            dst: Some(Mac::from_text(&text[..17])?),
            src: Some(Mac::from_text(&text[18..35])?),
            vlan: None,
            ethertype: Some(EtherType(digit(0)? << 12 | digit(1)? << 8 | digit(3)? << 4 | digit(4)?)),
        })
    }
}

/// A decoded Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MacHeader {
    /// `MACSRC=`.
    pub src: Option<Mac>,
    /// `MACDST=`.
    pub dst: Option<Mac>,
    /// `VPROTO= VID=`: the tag in the packet's metadata (Linux 5.10).
    pub vlan: Option<Vlan>,
    /// `MACPROTO=`.
    pub ethertype: Option<EtherType>,
}

/// A VLAN tag. `VID=` prints the whole tag control information, not only the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Vlan {
    /// `VPROTO=`: 802.1Q or 802.1ad.
    pub protocol: EtherType,
    /// `VID=`: all 16 bits.
    pub tci: u16,
}

impl Vlan {
    /// The VLAN's number: 12 bits.
    #[must_use]
    pub const fn id(self) -> u16 {
        self.tci & 0xfff
    }

    /// The priority code point: the upper 3 bits.
    #[must_use]
    pub const fn priority(self) -> u8 {
        (self.tci >> 13) as u8
    }
}

/// `TUNNEL=a->b`: the outer addresses of a packet that came through a sit device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Tunnel {
    /// The outer source.
    pub src: Ipv4Addr,
    /// The outer destination.
    pub dst: Ipv4Addr,
}

/// A network packet: the logged one, or the one quoted in an ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Datagram<'a> {
    /// The network layer.
    pub network: Network<'a>,
    /// The transport layer.
    pub transport: Transport<'a>,
    /// `INCOMPLETE [n bytes]`: the transport header was short.
    pub incomplete: Option<Incomplete>,
    /// `TRUNCATED`: which header the packet did not have in full.
    pub truncated: Option<Truncated>,
    /// `UID=`: the user whose socket sent the packet.
    pub uid: Option<u32>,
    /// `GID=`.
    pub gid: Option<u32>,
    /// `MARK=`: the packet's mark. Inside brackets only on 2.6.26 to 3.10 kernels with IPv6,
    /// where it is still the outer packet's mark.
    pub mark: Option<u32>,
}

/// `INCOMPLETE`: how many bytes there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Incomplete {
    /// `[n bytes]`. Unsigned arithmetic of the kernel, so it may have wrapped
    /// (`4294967256`); 64 bits wide in ARP lines.
    Bytes(u64),
    /// ulogd does not say.
    Uncounted,
}

/// `TRUNCATED`: the header that was not there in full, known by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Truncated {
    /// The IP (or ARP) header.
    IpHeader,
    /// The IPv4 options.
    IpOptions,
    /// The TCP options.
    TcpOptions,
    /// The first bytes of an IPv6 extension header.
    ExtHeader,
    /// An IPv6 fragment header.
    FragHeader,
    /// ebtables: the ports of a transport header.
    TransportHeader,
    /// ebtables: the ARP header.
    ArpHeader,
    /// ebtables: the ARP payload.
    ArpPayload,
}

/// The network layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Network<'a> {
    /// None was printed: an ethertype the kernel does not print, or a cut line.
    #[default]
    None,
    /// IPv4.
    Ipv4(Ipv4<'a>),
    /// IPv6.
    Ipv6(Ipv6<'a>),
    /// ARP or RARP.
    Arp(Arp),
}

/// The IPv4 header as printed by `dump_ipv4_packet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Ipv4<'a> {
    /// `SRC=`.
    pub src: Option<Ipv4Addr>,
    /// `DST=`.
    pub dst: Option<Ipv4Addr>,
    /// `LEN=`: total length in bytes; above 65,535 for BIG TCP (Linux 6.3).
    pub len: Option<u32>,
    /// `TOS=0x`: the type-of-service byte masked with 0x1e (ebtables: the whole byte).
    pub tos: Option<u8>,
    /// `PREC=0x`: the byte masked with 0xe0.
    pub prec: Option<u8>,
    /// `TTL=`: hops left.
    pub ttl: Option<u8>,
    /// `ID=`.
    pub id: Option<u16>,
    /// `CE`, `DF`, `MF`.
    pub flags: IpFlags,
    /// `FRAG:`: the fragment's offset in units of **8 bytes**; never 0.
    pub fragment: Option<u16>,
    /// `OPT (`hex`)`: the header's options.
    pub options: Option<HexText<'a>>,
}

/// The three bits above an IPv4 fragment offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct IpFlags {
    /// `CE`: the reserved bit (not ECN's congestion mark).
    pub reserved: bool,
    /// `DF`: do not fragment.
    pub dont_fragment: bool,
    /// `MF`: more fragments follow.
    pub more_fragments: bool,
}

/// The IPv6 header as printed by `dump_ipv6_packet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Ipv6<'a> {
    /// `SRC=`.
    pub src: Option<Ipv6Addr>,
    /// `DST=`.
    pub dst: Option<Ipv6Addr>,
    /// `LEN=`: payload length plus the 40 bytes of this header.
    pub len: Option<u32>,
    /// `TC=`: traffic class.
    pub traffic_class: Option<u8>,
    /// `HOPLIMIT=`.
    pub hop_limit: Option<u8>,
    /// `FLOWLBL=`: 20 bits.
    pub flow_label: Option<u32>,
    /// The extension headers, as far as they were printed.
    pub extensions: Extensions<'a>,
    /// ebtables only, `IPv6 priority=0x`: the upper half of the traffic class.
    pub priority: Option<u8>,
}

/// The text of a line's IPv6 extension headers; read on demand by [`iter`](Extensions::iter).
///
/// The text holds whole items only, as the grammar accepted them.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions<'a>(pub(crate) &'a [u8]);

impl core::fmt::Debug for Extensions<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Extensions")?;
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Extensions<'a> {
    /// The text as it stood in the line.
    #[must_use]
    pub const fn text(&self) -> &'a [u8] {
        self.0
    }

    /// Whether no extension header was printed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One printed IPv6 extension header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Extension {
    /// Whether it stood in `OPT ( ... )` (`--log-ip-options`).
    pub wrapped: bool,
    /// What was printed of it.
    pub kind: ExtensionKind,
    /// Whether the line ended with it (`OPT ( ... )` without a blank).
    pub last: bool,
}

/// What is printed of an IPv6 extension header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum ExtensionKind {
    /// Hop-by-hop, routing or destination options: nothing but the wrapper.
    #[default]
    Opaque,
    /// `FRAG:`.
    Fragment {
        /// Offset in **bytes**; `None` for `FRAG:TRUNCATED`.
        offset: Option<u16>,
        /// `INCOMPLETE` without a count: more fragments follow.
        more: bool,
        /// `ID:`, hexadecimal.
        id: Option<u32>,
    },
    /// `AH`.
    Ah(Security),
    /// `ESP`.
    Esp(Security),
    /// `Unknown Ext Hdr n`.
    Unknown(u8),
}

/// What is printed of an AH or ESP extension header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Security {
    /// `SPI=0x`.
    pub spi: Option<u32>,
    /// `INCOMPLETE [n bytes]`.
    pub incomplete: Option<u32>,
}

/// An ARP or RARP packet as printed by `dump_arp_packet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Arp {
    /// `HTYPE=`.
    pub hardware: Option<u16>,
    /// `PTYPE=0x`.
    pub protocol: Option<EtherType>,
    /// `OPCODE=`: 1 request, 2 reply, 3 and 4 of RARP.
    pub opcode: Option<u16>,
    /// `MACSRC=` behind `ARP`: the sender's hardware address.
    pub src_mac: Option<Mac>,
    /// `IPSRC=`.
    pub src_ip: Option<Ipv4Addr>,
    /// `MACDST=` behind `ARP`.
    pub dst_mac: Option<Mac>,
    /// `IPDST=`.
    pub dst_ip: Option<Ipv4Addr>,
}

/// The transport layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Transport<'a> {
    /// No `PROTO=` was printed: ESP in IPv6, a later AH fragment, ARP, a cut line.
    #[default]
    None,
    /// `PROTO=TCP`.
    Tcp(Tcp<'a>),
    /// `PROTO=UDP`.
    Udp(Udp),
    /// `PROTO=UDPLITE`.
    UdpLite(Udp),
    /// `PROTO=ICMP`.
    Icmp(Icmp),
    /// `PROTO=ICMPv6`.
    Icmpv6(Icmpv6),
    /// `PROTO=AH` in IPv4, with its `SPI=`.
    Ah(Option<u32>),
    /// `PROTO=ESP` in IPv4, with its `SPI=`.
    Esp(Option<u32>),
    /// A protocol for which ebtables or ulogd print ports: SCTP, DCCP.
    Ports(Protocol, Ports),
    /// Every other protocol: the kernel prints its number and nothing more.
    Other(Protocol),
}

/// Two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Ports {
    /// `SPT=`.
    pub src: Option<u16>,
    /// `DPT=`.
    pub dst: Option<u16>,
}

/// The TCP header as printed by `nf_log_dump_tcp_header`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Tcp<'a> {
    /// `SPT=`, `DPT=`; none on a later fragment.
    pub ports: Ports,
    /// `SEQ=` (`--log-tcp-sequence`).
    pub seq: Option<u32>,
    /// `ACK=` with a number.
    pub ack: Option<u32>,
    /// `WINDOW=`: as on the wire, unscaled.
    pub window: Option<u16>,
    /// `RES=0x`: the reserved bits.
    pub reserved: Option<u8>,
    /// The flag words between `RES=` and `URGP=`; `None` if the line does not reach them.
    pub flags: Option<TcpFlags>,
    /// `URGP=`: the urgent pointer.
    pub urgent: Option<u16>,
    /// `OPT (`hex`)`: the header's options (`--log-tcp-options`).
    pub options: Option<HexText<'a>>,
}

/// The UDP header as printed by `nf_log_dump_udp_header`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Udp {
    /// `SPT=`, `DPT=`; none on a later fragment.
    pub ports: Ports,
    /// `LEN=`: UDP's own length, header included; not checked by anyone.
    pub len: Option<u16>,
}

/// ICMP for IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Icmp {
    /// `TYPE=`.
    pub kind: Option<IcmpType>,
    /// `CODE=`.
    pub code: Option<u8>,
    /// `ID=` of an echo.
    pub id: Option<u16>,
    /// `SEQ=` of an echo.
    pub seq: Option<u16>,
    /// `PARAMETER=` of a parameter problem: the offending byte's offset.
    pub parameter: Option<u8>,
    /// `GATEWAY=` of a redirect.
    pub gateway: Option<Ipv4Addr>,
    /// `MTU=` of "fragmentation needed".
    pub mtu: Option<u16>,
}

/// ICMP for IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Icmpv6 {
    /// `TYPE=`.
    pub kind: Option<Icmpv6Type>,
    /// `CODE=`.
    pub code: Option<u8>,
    /// `ID=` of an echo.
    pub id: Option<u16>,
    /// `SEQ=` of an echo.
    pub seq: Option<u16>,
    /// `POINTER=` of a parameter problem, hexadecimal.
    pub pointer: Option<u32>,
    /// `MTU=` of "packet too big".
    pub mtu: Option<u32>,
}

impl<'a> Packet<'a> {
    /// The packet's source address (of an ARP line, the sender's).
    #[must_use]
    pub fn src(&self) -> Option<IpAddr> {
        self.datagram.src()
    }

    /// The packet's destination address (of an ARP line, the target's).
    #[must_use]
    pub fn dst(&self) -> Option<IpAddr> {
        self.datagram.dst()
    }

    /// The protocol, if the line shows it.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        self.datagram.protocol()
    }

    /// The source port, if the line shows it.
    #[must_use]
    pub fn sport(&self) -> Option<u16> {
        self.datagram.ports().src
    }

    /// The destination port, if the line shows it.
    #[must_use]
    pub fn dport(&self) -> Option<u16> {
        self.datagram.ports().dst
    }

    /// The flag words, if this is a TCP packet that shows them.
    #[must_use]
    pub fn tcp_flags(&self) -> Option<TcpFlags> {
        match self.datagram.transport {
            Transport::Tcp(tcp) => tcp.flags,
            _ => None,
        }
    }

    /// The chain and the action of an ipchains or ipfwadm line, which stand in its prefix.
    #[must_use]
    pub fn chain_and_action(&self) -> Option<(&'a [u8], &'a [u8])> {
        let skip = match self.dialect {
            Dialect::Ipchains { .. } => 2,
            Dialect::Ipfwadm => 1,
            _ => return None,
        };
        let mut words = self.prefix.split(|byte| *byte == b' ').skip(skip);
        Some((words.next()?, words.next()?))
    }

    /// The hardware addresses, whichever way the line shows them.
    #[must_use]
    pub fn mac_header(&self) -> Option<MacHeader> {
        self.link.mac_header()
    }
}

impl Datagram<'_> {
    /// The source address (of an ARP packet, the sender's).
    #[must_use]
    pub fn src(&self) -> Option<IpAddr> {
        match &self.network {
            Network::None => None,
            Network::Ipv4(ip) => ip.src.map(IpAddr::V4),
            Network::Ipv6(ip) => ip.src.map(IpAddr::V6),
            Network::Arp(arp) => arp.src_ip.map(IpAddr::V4),
        }
    }

    /// The destination address (of an ARP packet, the target's).
    #[must_use]
    pub fn dst(&self) -> Option<IpAddr> {
        match &self.network {
            Network::None => None,
            Network::Ipv4(ip) => ip.dst.map(IpAddr::V4),
            Network::Ipv6(ip) => ip.dst.map(IpAddr::V6),
            Network::Arp(arp) => arp.dst_ip.map(IpAddr::V4),
        }
    }

    /// The packet's length in bytes, as its IP header claims it.
    #[must_use]
    pub fn len(&self) -> Option<u32> {
        match &self.network {
            Network::Ipv4(ip) => ip.len,
            Network::Ipv6(ip) => ip.len,
            _ => None,
        }
    }

    /// Whether no layer of the packet was printed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Datagram::default()
    }

    /// The protocol behind the IP header, if the line shows it.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        match self.transport {
            Transport::None => None,
            Transport::Tcp(_) => Some(Protocol::TCP),
            Transport::Udp(_) => Some(Protocol::UDP),
            Transport::UdpLite(_) => Some(Protocol::UDPLITE),
            Transport::Icmp(_) => Some(Protocol::ICMP),
            Transport::Icmpv6(_) => Some(Protocol::ICMPV6),
            Transport::Ah(_) => Some(Protocol::AH),
            Transport::Esp(_) => Some(Protocol::ESP),
            Transport::Ports(protocol, _) | Transport::Other(protocol) => Some(protocol),
        }
    }

    /// Type and code of an ICMP or ICMPv6 packet, as far as the line shows them.
    #[must_use]
    pub fn icmp(&self) -> (Option<u8>, Option<u8>) {
        match self.transport {
            Transport::Icmp(icmp) => (icmp.kind.map(|kind| kind.0), icmp.code),
            Transport::Icmpv6(icmp) => (icmp.kind.map(|kind| kind.0), icmp.code),
            _ => (None, None),
        }
    }

    /// The ports, as far as the line shows them.
    #[must_use]
    pub fn ports(&self) -> Ports {
        match self.transport {
            Transport::Tcp(tcp) => tcp.ports,
            Transport::Udp(udp) | Transport::UdpLite(udp) => udp.ports,
            Transport::Ports(_, ports) => ports,
            _ => Ports::default(),
        }
    }
}

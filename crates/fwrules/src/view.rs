//! A packet as one rule sees it.
//!
//! Responsible for: the fields that conditions ask for. The kernel's own conduct is the rule:
//! MARK is not printed when it is 0, a device without hardware addresses has none.
//! Must not know: conditions, rules, chains. What the walk has learned comes in as fields.
//! Tested by: `tests/oracle.rs`, `tests/replay.rs` (what a real kernel did).

use core::net::IpAddr;

use logparse::{Datagram, Dialect, Link, Mac, Network, Packet, Protocol, Transport};

use crate::values::conntrack::StateSet;
use crate::values::hook::Hook;
use crate::values::lookup::Lookup;
use crate::values::net::Side;
use crate::values::tri::{Tri, Why};

/// An address of this host and the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// The address.
    pub addr: IpAddr,
    /// The prefix length of its network: 24 of `192.168.50.2/24`.
    pub prefix: u8,
}

/// What is known beside the line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// This host's addresses, all of them; empty: not known. Only `addrtype` asks.
    pub local: &'a [LocalAddress],
    /// When the packet came, in seconds since 1970 (UTC). Only `time` asks.
    pub time: Option<i64>,
    /// The line was cut: what it does not show may have been there.
    pub cut: bool,
}

/// Which fields rules change on a packet's way, so that they may have been different when an
/// earlier rule saw the packet than when the line was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The mark.
    pub mark: bool,
    /// Type of service, DSCP, ECN.
    pub tos: bool,
    /// Time to live, hop limit.
    pub ttl: bool,
    /// Addresses and ports, by a statement that writes them into the packet.
    pub address: bool,
    /// Addresses and ports, by translation: `DNAT`, `MASQUERADE`, ...
    pub translates: bool,
    /// Options of TCP.
    pub options: bool,
    /// Sets that rules fill.
    pub sets: bool,
}

/// A packet as one rule sees it.
#[derive(Clone, Copy)]
pub(crate) struct View<'p> {
    pub(crate) packet: &'p Packet<'p>,
    pub(crate) context: &'p Context<'p>,
    pub(crate) sets: &'p Lookup<'p>,
    /// Where the rule stands; `None` if nothing is known of it.
    pub(crate) hook: Option<Hook>,
    pub(crate) states: StateSet,
    pub(crate) changes: Changes,
    /// The rule is nft's own.
    pub(crate) nft: bool,
}

impl<'p> View<'p> {
    pub(crate) fn alone(packet: &'p Packet<'p>, context: &'p Context<'p>, sets: &'p Lookup<'p>) -> View<'p> {
        let states = StateSet::possible(packet, false);
        View { packet, context, sets, hook: None, states, changes: Changes::default(), nft: false }
    }

    pub(crate) fn datagram(&self) -> &'p Datagram<'p> {
        &self.packet.datagram
    }

    pub(crate) fn protocol(&self, is: impl Fn(Protocol) -> bool) -> Tri {
        match known_protocol(self.datagram()) {
            Some(protocol) => Tri::known(is(protocol)),
            None => Tri::Unknown(Why::NotShown("PROTO=")),
        }
    }

    /// Whether the packet is of this protocol; a match of another protocol never applies.
    pub(crate) fn of(&self, protocol: Protocol) -> Tri {
        self.protocol(|p| p == protocol)
    }

    pub(crate) fn address(
        &self,
        side: Side,
        contains: impl Fn(IpAddr) -> bool,
        family: IpAddr,
        not: bool,
    ) -> Tri {
        match self.addr(side) {
            // A rule for one family never sees a packet of the other, `!` or not.
            Some(addr) if addr.is_ipv4() != family.is_ipv4() => Tri::No,
            Some(_) if self.readdressed(side) => Tri::Unknown(Why::Rewritten(side_name(side))),
            Some(addr) => Tri::known(contains(addr) != not),
            None => Tri::Unknown(Why::NotShown(side_name(side))),
        }
    }

    /// Whether the rule stands where an address and its port may still have been others: in front
    /// of a translation that the line already shows.
    pub(crate) fn readdressed(&self, side: Side) -> bool {
        match self.hook {
            // The kernel translates the destination here, the source as the packet leaves
            // (`HOOK2MANIP` in nf_nat_core.c). Other statements may write any field.
            Some(Hook::Prerouting) if !self.packet.in_iface.is_empty() => {
                self.changes.address || self.changes.translates && side == Side::Destination
            }
            Some(Hook::Postrouting) => self.changes.address || self.changes.translates,
            _ => false,
        }
    }

    /// The name of an interface; empty: it has none. `None` where it may have one that the line,
    /// written before or after the hook, does not show.
    pub(crate) fn interface(&self, input: bool) -> Option<&'p [u8]> {
        let shown = if input { self.packet.in_iface } else { self.packet.out_iface };
        let hidden = match self.hook {
            Some(Hook::Prerouting) => input,
            Some(Hook::Forward) => true,
            Some(Hook::Postrouting) => !input,
            _ => false,
        };
        (!shown.is_empty() || !hidden).then_some(shown)
    }

    /// Whether this is a later fragment.
    pub(crate) fn later_fragment(&self) -> bool {
        later_fragment(self.datagram())
    }

    pub(crate) fn ports(&self, protocol: Option<Protocol>) -> Result<(Option<u16>, Option<u16>), Tri> {
        if let Some(protocol) = protocol {
            match self.of(protocol) {
                Tri::Yes => {}
                other => return Err(other),
            }
        }
        if self.later_fragment() {
            return Err(FRAGMENT);
        }
        if self.readdressed(Side::Destination) {
            return Err(Tri::Unknown(Why::Rewritten("ports")));
        }
        let ports = self.datagram().ports();
        Ok((ports.src, ports.dst))
    }

    pub(crate) fn mark(&self) -> Option<u32> {
        let datagram = self.datagram();
        datagram.mark.or_else(|| {
            // The kernel prints MARK= unless it is 0, at the very end of a whole line.
            let whole = !self.context.cut
                && datagram.incomplete.is_none()
                && datagram.truncated.is_none()
                && !matches!((datagram.network, datagram.transport), (Network::Ipv6(_), Transport::None))
                && !matches!(datagram.network, Network::Arp(_) | Network::None);
            (whole && self.packet.dialect == Dialect::Kernel).then_some(0)
        })
    }

    pub(crate) fn addr(&self, side: Side) -> Option<IpAddr> {
        side.of(self.packet.src(), self.packet.dst())
    }
}

pub(crate) fn side_name(side: Side) -> &'static str {
    match side {
        Side::Source => "SRC=",
        Side::Destination => "DST=",
    }
}

/// The protocol as rules see it, if the line tells.
///
/// IPv6 needs care. An ESP header ends the line, so its number is not printed. An AH header is
/// passed over by the printer and by the old `ip6tables`, but to nft the packet's protocol is AH
/// (`IP6_FH_F_AUTH` in `nft_set_pktinfo_ipv6`; measured). Without `--log-ip-options` headers
/// in front are not printed; that there are some is seen only where lengths do not add up.
pub(crate) fn known_protocol(datagram: &Datagram<'_>) -> Option<Protocol> {
    let Network::Ipv6(ip) = datagram.network else { return datagram.protocol() };
    let extensions = ip.extensions.text();
    if contains(extensions, b"AH ") || datagram.incomplete.is_some() {
        return None;
    }
    match datagram.transport {
        Transport::None if contains(extensions, b"ESP ") => Some(Protocol::ESP),
        Transport::Udp(udp) if extensions.is_empty() => {
            let hidden = ip.len.zip(udp.len).is_some_and(|(len, udp)| len != 40 + u32::from(udp));
            if hidden { None } else { Some(Protocol::UDP) }
        }
        _ => datagram.protocol(),
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|w| w == word)
}

/// The number behind `key` in printed extension headers.
fn extension_number(text: &[u8], key: &[u8], radix: u32) -> Option<u32> {
    let at = text.windows(key.len()).position(|w| w == key)? + key.len();
    let digits = text[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
    u32::from_str_radix(core::str::from_utf8(&text[at..at + digits]).ok()?, radix).ok()
}

/// Whether the packet is a fragment other than the first.
pub(crate) fn later_fragment(datagram: &Datagram<'_>) -> bool {
    match datagram.network {
        Network::Ipv4(ip) => ip.fragment.is_some(),
        Network::Ipv6(ip) => extension_number(ip.extensions.text(), b"FRAG:", 10).is_some_and(|at| at > 0),
        _ => false,
    }
}

/// The SPI of an ESP or AH header, if it is shown.
pub(crate) fn spi(datagram: &Datagram<'_>, protocol: Protocol) -> Option<u32> {
    match datagram.transport {
        Transport::Esp(spi) if protocol == Protocol::ESP => spi,
        Transport::Ah(spi) if protocol == Protocol::AH => spi,
        _ => match datagram.network {
            Network::Ipv6(ip) if protocol == Protocol::ESP => {
                extension_number(ip.extensions.text(), b"ESP SPI=0x", 16)
            }
            Network::Ipv6(ip) if protocol == Protocol::AH => {
                extension_number(ip.extensions.text(), b"AH SPI=0x", 16)
            }
            _ => None,
        },
    }
}

/// The type-of-service byte and the bits of it that the line shows.
pub(crate) fn tos(datagram: &Datagram<'_>) -> Option<(u8, u8)> {
    match datagram.network {
        // Bit 0, half of ECN, is never printed.
        Network::Ipv4(ip) => Some((ip.tos? & 0x1e | ip.prec? & 0xe0, 0xfe)),
        Network::Ipv6(ip) => Some((ip.traffic_class?, 0xff)),
        _ => None,
    }
}

/// `TTL=` or `HOPLIMIT=`.
pub(crate) fn ttl(datagram: &Datagram<'_>) -> Option<u8> {
    match datagram.network {
        Network::Ipv4(ip) => ip.ttl,
        Network::Ipv6(ip) => ip.hop_limit,
        _ => None,
    }
}

/// Type and code of ICMP, either version.
pub(crate) fn icmp(datagram: &Datagram<'_>) -> (Option<u8>, Option<u8>) {
    match datagram.transport {
        Transport::Icmp(icmp) => (icmp.kind.map(|k| k.0), icmp.code),
        Transport::Icmpv6(icmp) => (icmp.kind.map(|k| k.0), icmp.code),
        _ => (None, None),
    }
}

/// The source's hardware address; `Err` says that the device has none.
pub(crate) fn mac(packet: &Packet<'_>) -> Result<Option<Mac>, ()> {
    match packet.link {
        // A device that is no Ethernet never matches (`xt_mac.c`), loopback included.
        _ if packet.in_iface == b"lo" => Err(()),
        Link::Raw(raw) if raw.0.is_empty() => Err(()),
        _ => Ok(packet.mac_header().and_then(|h| h.src)),
    }
}

/// What a match on the transport header says of a later fragment, which has none: the old
/// `iptables` never takes it, `iptables-nft` compares the payload that stands in its place
/// (measured on Linux 6.18; `nft_payload_fast_eval` does not look at the offset).
pub(crate) const FRAGMENT: Tri = Tri::Unknown(Why::NotShown("the transport header"));

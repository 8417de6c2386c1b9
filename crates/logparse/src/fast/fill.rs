//! A packet that the fast engine read, as a typed one.
//!
//! Responsible for: decoding what was found into the types of `packet`.
//! Must not know: heads.
//! Tested by: `tests/suites/engines.rs` (equality with the grammar on every input tried).

use core::net::{Ipv4Addr, Ipv6Addr};

use super::body::{Brought, icmp};
use super::cursor::{Cursor, Digits, Window, pair_value};
use super::found::{Body, Form, RESERVED, SERVICE};
use super::rare;
use crate::bytes::swar::{LOWER_HEX, UPPER_HEX, ipv6_value};
use crate::packet::{
    Datagram, HexText, Icmp, Icmpv6, IpFlags, Ipv4, Ipv6, Network, Packet, Ports, Tcp, Transport, Udp,
};
use crate::types::{IcmpType, Icmpv6Type, Protocol};

impl Body {
    /// The packet, and the one quoted in an ICMP error, typed; `line` is the line that was read.
    #[inline(always)]
    pub(crate) fn fill<'a>(&self, window: Window<'_>, line: &'a [u8], packet: &mut Packet<'a>) {
        self.fill_datagram(window, line, &mut packet.datagram);
        if self.has_rest(line) {
            fill_rest(self, window, line, packet);
        }
    }

    /// The typed datagram; `line` is the line that was read.
    #[inline(always)]
    pub(super) fn fill_datagram<'a>(&self, window: Window<'_>, line: &'a [u8], datagram: &mut Datagram<'a>) {
        self.fill_network(window, line, &mut datagram.network);
        self.fill_transport(window, line, &mut datagram.transport);
    }

    /// The network layer alone.
    #[inline(always)]
    pub(crate) fn fill_network<'a>(&self, window: Window<'_>, line: &'a [u8], network: &mut Network<'a>) {
        if self.v6 {
            *network = Network::Ipv6(Ipv6 {
                src: ipv6_at(line, self.src),
                dst: ipv6_at(line, self.dst),
                len: Some(self.len.value(window)),
                traffic_class: Some(self.class.value(window) as u8),
                hop_limit: Some(self.ttl.value(window) as u8),
                flow_label: Some(self.id.value(window)),
                ..Ipv6::default()
            });
        } else if self.form == Form::Arp {
            // The template has said that it is one.
        } else {
            let service: &[u8; SERVICE.len()] = window.bytes(usize::from(self.service));
            *network = Network::Ipv4(Ipv4 {
                src: Some(Ipv4Addr::from_bits(self.src)),
                dst: Some(Ipv4Addr::from_bits(self.dst)),
                len: Some(self.len.value(window)),
                tos: Some(pair_value([service[7], service[8]], &UPPER_HEX)),
                prec: Some(pair_value([service[17], service[18]], &UPPER_HEX)),
                ttl: Some(self.ttl.value(window) as u8),
                id: Some(self.id.value(window) as u16),
                flags: IpFlags { dont_fragment: self.dont_fragment, ..IpFlags::default() },
                ..Ipv4::default()
            });
        }
        if self.is_rare {
            match network {
                Network::Ipv4(ip) => rare::fill_ipv4(self, line, ip),
                Network::Ipv6(ip) => rare::fill_ipv6(self, line, ip),
                Network::Arp(arp) => rare::fill_arp(self, window, line, arp),
                Network::None => {}
            }
        }
    }

    /// The transport layer, but for what an ICMP type brings.
    #[inline(always)]
    pub(crate) fn fill_transport<'a>(
        &self,
        window: Window<'_>,
        line: &'a [u8],
        transport: &mut Transport<'a>,
    ) {
        let ports = || Ports { src: Some(self.sport(window)), dst: Some(self.dport(window)) };
        let udp = || Udp { ports: ports(), len: Some(self.window.value(window) as u16) };
        let icmp = || (self.kind.value(window) as u8, self.code.value(window) as u8);
        match Protocol(self.protocol) {
            Protocol::TCP if self.has_ports => {
                *transport = Transport::Tcp(Tcp {
                    ports: ports(),
                    seq: self.has_seq.then_some(self.seq),
                    ack: self.has_seq.then_some(self.ack),
                    window: Some(self.window.value(window) as u16),
                    reserved: Some(pair_value(*window.bytes(self.window.end() + RESERVED.len()), &LOWER_HEX)),
                    flags: Some(self.flags),
                    urgent: Some(if self.urgent.end() == 0 { 0 } else { self.urgent.value(window) as u16 }),
                    options: match self.has_options {
                        true => {
                            line.get(usize::from(self.options.0)..usize::from(self.options.1)).map(HexText)
                        }
                        false => None,
                    },
                });
            }
            Protocol::UDP if self.has_ports => *transport = Transport::Udp(udp()),
            Protocol::UDPLITE if self.has_ports => *transport = Transport::UdpLite(udp()),
            Protocol::ICMP if !self.v6 && self.named_icmp => {
                let (kind, code) = icmp();
                *transport =
                    Transport::Icmp(Icmp { kind: Some(IcmpType(kind)), code: Some(code), ..Icmp::default() });
            }
            Protocol::ICMPV6 if self.v6 && self.named_icmp => {
                let (kind, code) = icmp();
                *transport = Transport::Icmpv6(Icmpv6 {
                    kind: Some(Icmpv6Type(kind)),
                    code: Some(code),
                    ..Icmpv6::default()
                });
            }
            protocol => match self.form {
                Form::Common => *transport = Transport::Other(protocol),
                Form::Spi | Form::Headless => *transport = rare::fill_transport(self),
                Form::Arp => {}
            },
        }
    }
}

/// The IPv6 address whose text begins at `at`.
pub(crate) fn ipv6_at(line: &[u8], at: u32) -> Option<Ipv6Addr> {
    let text = line.get(at as usize..)?.first_chunk::<39>()?;
    Some(ipv6_value(text))
}

/// Decodes what few lines have: what an ICMP type brought, owner and mark.
#[inline(never)]
fn fill_rest<'a>(body: &Body, window: Window<'_>, line: &'a [u8], packet: &mut Packet<'a>) {
    let datagram = &mut packet.datagram;
    let mut cursor = Cursor::new(window, usize::from(body.rest));
    // Both were read before, or there is nothing.
    let brought = match body.named_icmp {
        true => icmp(&mut cursor, window, body).unwrap_or_default(),
        false => Brought::default(),
    };
    let owner = rare::owner_and_mark(&mut cursor).unwrap_or_default();
    fill_icmp(window, &brought, &mut datagram.transport);
    datagram.uid = owner.uid;
    datagram.gid = owner.gid;
    datagram.mark = owner.mark;
    packet.quoted = brought.quoted.map(|quoted| {
        let mut datagram = Datagram::default();
        quoted.fill_datagram(window, line, &mut datagram);
        let echo = Brought { echo: brought.quoted_echo, ..Brought::default() };
        fill_icmp(window, &echo, &mut datagram.transport);
        datagram
    });
}

fn fill_icmp(window: Window<'_>, brought: &Brought, transport: &mut Transport<'_>) {
    let number = |digits: Digits| digits.value(window) as u16;
    let echo = brought.echo.map(|(id, seq)| (number(id), number(seq)));
    match transport {
        Transport::Icmp(icmp) => {
            (icmp.id, icmp.seq) = echo.unzip();
            icmp.parameter = brought.parameter.map(|parameter| number(parameter) as u8);
            icmp.gateway = brought.gateway.map(Ipv4Addr::from_bits);
            icmp.mtu = brought.mtu.map(|mtu| mtu as u16);
        }
        Transport::Icmpv6(icmp) => {
            (icmp.id, icmp.seq) = echo.unzip();
            icmp.pointer = brought.pointer;
            icmp.mtu = brought.mtu;
        }
        _ => {}
    }
}

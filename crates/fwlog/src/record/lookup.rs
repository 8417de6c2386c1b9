//! What a record says about a field.
//!
//! Responsible for: taking each field out of a line, the same whichever engine read it.
//! Must not know: filters, tables, output forms.
//! Tested by: `fwstat/tests/cli/export.rs` (every key against the schema).

use std::net::IpAddr;

use logparse::{
    Completeness, Datagram, Dialect, Incomplete, Line, Link, Mac, Network, Protocol, Transport, Truncated,
};

use super::Record;
use super::field::{self, Field, Key};
use super::value::Value;
use crate::names::Names;
use crate::time::clock::When;

impl Field {
    /// What a line says about it.
    #[must_use]
    pub fn value<'a>(&self, record: &Record<'a>) -> Value<'a> {
        let value = if self.inner {
            match &record.line.quoted() {
                Some(inner) => packet_value(self.key, inner),
                None => Value::Missing,
            }
        } else {
            value(self.key, record)
        };
        match (value, self.net) {
            (Value::Addr(addr), Some(net)) => field::network(addr, net),
            _ => value,
        }
    }
}

fn number<'a>(value: Option<impl Into<u64>>) -> Value<'a> {
    value.map_or(Value::Missing, |v| Value::Number(v.into()))
}

fn text(value: Option<&[u8]>) -> Value<'_> {
    value.map_or(Value::Missing, Value::Text)
}

fn yes<'a>(flag: bool) -> Value<'a> {
    if flag { Value::True } else { Value::Missing }
}

/// A fixed word that is not of the log.
fn keyword<'a>(word: &'static str) -> Value<'a> {
    Value::Text(word.as_bytes())
}

fn mac<'a>(value: Option<Mac>) -> Value<'a> {
    value.map_or(Value::Missing, Value::Mac)
}

fn addr<'a>(value: Option<impl Into<IpAddr>>) -> Value<'a> {
    value.map_or(Value::Missing, |v| Value::Addr(v.into()))
}

/// What a line says about a field of its own or of its packet.
#[must_use]
pub fn value<'a>(key: Key, record: &Record<'a>) -> Value<'a> {
    let (line, beside) = (&record.line, || record.beside());
    let vlan = || line.mac_header().and_then(|header| header.vlan);
    match key {
        Key::Time => record.when.map_or(Value::Missing, Value::Time),
        // The line of an entry of the journal has a stamp that the journal did not write.
        Key::Stamp if beside().is_some() => Value::Missing,
        Key::Stamp => text(line.stamp().map(|stamp| stamp.text)),
        Key::Uptime => beside()
            .map_or_else(|| line.uptime(), |beside| beside.uptime())
            .map_or(Value::Missing, Value::Uptime),
        Key::Host => text(beside().map_or_else(|| line.host(), |beside| beside.host())),
        Key::Tag => text(beside().map_or_else(|| line.tag(), |beside| beside.tag())),
        Key::Writer => Value::Text(line.writer().name()),
        Key::Severity => number(beside().map_or_else(|| line.severity(), |beside| beside.severity())),
        Key::Repeat => number(Some(line.repeat()).filter(|repeat| *repeat > 1)),
        Key::Vmid => number(line.vmid()),
        Key::Chain => text(line.chain()),
        Key::File => Value::Text(record.file().as_bytes()),
        Key::Line => number(Some(record.line_number()).filter(|line| *line > 0)),
        Key::Kind => keyword(match line.completeness() {
            Completeness::Whole => "packet",
            Completeness::Truncated => "cut",
            Completeness::Corrupt => "damaged",
        }),
        Key::Family => keyword(match line.dialect() {
            Dialect::Ebtables => "ebtables",
            Dialect::Ulogd => "ulogd",
            Dialect::Pvefw => "pvefw",
            _ => "nf",
        }),
        Key::Prefix => Value::Text(record.prefix()),
        Key::In => Value::Text(line.in_iface()),
        Key::Out => Value::Text(line.out_iface()),
        Key::PhysIn => text(line.phys_in()),
        Key::PhysOut => text(line.phys_out()),
        Key::Mac => match line.link() {
            Link::Raw(raw) => Value::Lower(raw.0),
            _ => Value::Missing,
        },
        Key::MacDst => mac(line.mac_header().and_then(|header| header.dst)),
        Key::MacSrc => mac(line.mac_header().and_then(|header| header.src)),
        Key::MacType => number(line.mac_header().and_then(|header| header.ethertype).map(|kind| kind.0)),
        Key::VlanId => number(vlan().map(|vlan| vlan.id())),
        Key::VlanPcp => number(vlan().map(|vlan| vlan.priority())),
        Key::TunnelSrc => addr(line.tunnel().map(|tunnel| tunnel.src)),
        Key::TunnelDst => addr(line.tunnel().map(|tunnel| tunnel.dst)),
        Key::Month | Key::Day | Key::Hour | Key::Minute | Key::Weekday | Key::HourOfDay => {
            record.when.map_or(Value::Missing, |when| part_of(key, when))
        }
        Key::Src => addr(of_ip(line.src(), line)),
        Key::Dst => addr(of_ip(line.dst(), line)),
        Key::Len => number(line.ip_len()),
        Key::Proto => line.protocol().map_or(Value::Missing, Value::Proto),
        Key::ProtoNumber => number(line.protocol().map(|protocol| protocol.0)),
        Key::Spt => number(line.sport()),
        Key::Dpt => number(line.dport()),
        Key::Service => service(line.protocol(), line.dport()),
        Key::SrcName | Key::SrcCountry | Key::SrcAsn | Key::SrcAsOrg => {
            named(key, of_ip(line.src(), line), record.names())
        }
        Key::DstName | Key::DstCountry | Key::DstAsn | Key::DstAsOrg => {
            named(key, of_ip(line.dst(), line), record.names())
        }
        Key::Flags => line.tcp_flags().map_or(Value::Missing, Value::Flags),
        Key::IcmpType => number(line.icmp_type()),
        Key::IcmpCode => number(line.icmp_code()),
        Key::Uid => number(line.uid()),
        Key::Gid => number(line.gid()),
        Key::Mark => number(line.mark()),
        Key::Incomplete => incomplete(line.incomplete()),
        Key::Truncated => line.truncated().map_or(Value::Missing, |header| keyword(truncated(header))),
        _ if is_of_network(key) => network_value(key, &line.network()),
        _ => transport_value(key, &line.transport()),
    }
}

/// What files, or the resolver, say of an address.
fn named<'a>(key: Key, addr: Option<IpAddr>, names: Option<&'a Names>) -> Value<'a> {
    let (Some(addr), Some(names)) = (addr, names) else { return Value::Missing };
    let word = |found: Option<&'a str>| text(found.map(str::as_bytes));
    match key {
        Key::SrcName | Key::DstName => word(names.name(addr)),
        Key::SrcCountry | Key::DstCountry => word(names.places.country(addr)),
        Key::SrcAsn | Key::DstAsn => number(names.places.asn(addr)),
        _ => word(names.places.as_org(addr)),
    }
}

/// The values of the field `weekday`, as `date +%a` has them.
pub const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A part of a moment, by the clock of the report's zone.
fn part_of<'a>(key: Key, when: When) -> Value<'a> {
    let local = when.local_seconds();
    let day = local.div_euclid(86_400);
    let floor = |step: i64| {
        let start = local - local.rem_euclid(step) - i64::from(when.offset);
        Value::Time(When { utc: start * crate::time::clock::NANOS, offset: when.offset })
    };
    match key {
        Key::Day => Value::Day(day),
        Key::Month => {
            let (year, month, _) = crate::time::dates::civil_from_days(day);
            Value::Day(logparse::days_from_civil(year, month, 1))
        }
        Key::Hour => floor(3_600),
        Key::Minute => floor(60),
        // 1970-01-01 was a Thursday.
        Key::Weekday => keyword(WEEKDAYS[(day + 3).rem_euclid(7) as usize]),
        Key::HourOfDay => Value::Number((local.rem_euclid(86_400) / 3_600) as u64),
        _ => Value::Missing,
    }
}

/// An address of a line, unless it is one of an ARP packet: those are fields of their own (`arp_ipsrc`), and no `-s` of
/// a rule ever sees them.
#[inline]
fn of_ip(addr: Option<IpAddr>, line: &Line<'_>) -> Option<IpAddr> {
    let arp = match line {
        Line::Fast(fast) => fast.is_arp(),
        Line::Full(entry) => is_arp(&entry.packet.datagram),
    };
    addr.filter(|_| !arp)
}

/// Whether a packet is one of ARP, whose addresses are fields of its own (`arp_ipsrc`).
fn is_arp(packet: &Datagram<'_>) -> bool {
    matches!(packet.network, Network::Arp(_))
}

/// The service of a destination port: its name, or the port.
fn service<'a>(protocol: Option<Protocol>, port: Option<u16>) -> Value<'a> {
    match (protocol, port) {
        (Some(protocol), Some(port)) => {
            crate::services::name(protocol, port).map_or(Value::Number(u64::from(port)), keyword)
        }
        _ => Value::Missing,
    }
}

fn incomplete<'a>(header: Option<Incomplete>) -> Value<'a> {
    match header {
        Some(Incomplete::Bytes(bytes)) => Value::Number(bytes),
        Some(_) => Value::True,
        None => Value::Missing,
    }
}

/// What a packet, logged or quoted, says about a field.
#[must_use]
pub fn packet_value<'a>(key: Key, packet: &Datagram<'a>) -> Value<'a> {
    match key {
        Key::Src | Key::Dst if is_arp(packet) => Value::Missing,
        Key::Src => addr(packet.src()),
        Key::Dst => addr(packet.dst()),
        Key::Len => number(packet.len()),
        Key::Proto => packet.protocol().map_or(Value::Missing, Value::Proto),
        Key::ProtoNumber => number(packet.protocol().map(|protocol| protocol.0)),
        Key::Spt => number(packet.ports().src),
        Key::Dpt => number(packet.ports().dst),
        Key::Service => service(packet.protocol(), packet.ports().dst),
        Key::Uid => number(packet.uid),
        Key::Gid => number(packet.gid),
        Key::Mark => number(packet.mark),
        Key::Incomplete => incomplete(packet.incomplete),
        Key::Truncated => packet.truncated.map_or(Value::Missing, |header| keyword(truncated(header))),
        _ if is_of_network(key) => network_value(key, &packet.network),
        _ => transport_value(key, &packet.transport),
    }
}

/// Whether a field is one of the network layer alone.
fn is_of_network(key: Key) -> bool {
    matches!(
        key,
        Key::Tos
            | Key::Prec
            | Key::Ttl
            | Key::IpId
            | Key::Ce
            | Key::Df
            | Key::Mf
            | Key::Frag
            | Key::IpOpt
            | Key::Tc
            | Key::HopLimit
            | Key::FlowLbl
            | Key::Ext
            | Key::ArpHtype
            | Key::ArpPtype
            | Key::ArpOpcode
            | Key::ArpMacSrc
            | Key::ArpIpSrc
            | Key::ArpMacDst
            | Key::ArpIpDst
    )
}

fn network_value<'a>(key: Key, network: &Network<'a>) -> Value<'a> {
    match (network, key) {
        (Network::Ipv4(ip), Key::Tos) => number(ip.tos),
        (Network::Ipv4(ip), Key::Prec) => number(ip.prec),
        (Network::Ipv4(ip), Key::Ttl) => number(ip.ttl),
        (Network::Ipv4(ip), Key::IpId) => number(ip.id),
        (Network::Ipv4(ip), Key::Ce) => yes(ip.flags.reserved),
        (Network::Ipv4(ip), Key::Df) => yes(ip.flags.dont_fragment),
        (Network::Ipv4(ip), Key::Mf) => yes(ip.flags.more_fragments),
        (Network::Ipv4(ip), Key::Frag) => number(ip.fragment),
        (Network::Ipv4(ip), Key::IpOpt) => text(ip.options.map(|options| options.text())),
        (Network::Ipv6(ip), Key::Tc) => number(ip.traffic_class),
        (Network::Ipv6(ip), Key::HopLimit) => number(ip.hop_limit),
        (Network::Ipv6(ip), Key::FlowLbl) => number(ip.flow_label),
        (Network::Ipv6(ip), Key::Ext) if !ip.extensions.is_empty() => {
            Value::Text(ip.extensions.text().trim_ascii())
        }
        (Network::Arp(arp), Key::ArpHtype) => number(arp.hardware),
        (Network::Arp(arp), Key::ArpPtype) => number(arp.protocol.map(|kind| kind.0)),
        (Network::Arp(arp), Key::ArpOpcode) => number(arp.opcode),
        (Network::Arp(arp), Key::ArpMacSrc) => mac(arp.src_mac),
        (Network::Arp(arp), Key::ArpIpSrc) => addr(arp.src_ip),
        (Network::Arp(arp), Key::ArpMacDst) => mac(arp.dst_mac),
        (Network::Arp(arp), Key::ArpIpDst) => addr(arp.dst_ip),
        _ => Value::Missing,
    }
}

fn transport_value<'a>(key: Key, transport: &Transport<'a>) -> Value<'a> {
    match (transport, key) {
        (Transport::Tcp(tcp), Key::TcpSeq) => number(tcp.seq),
        (Transport::Tcp(tcp), Key::TcpAck) => number(tcp.ack),
        (Transport::Tcp(tcp), Key::Window) => number(tcp.window),
        (Transport::Tcp(tcp), Key::Res) => number(tcp.reserved),
        (Transport::Tcp(tcp), Key::Flags) => tcp.flags.map_or(Value::Missing, Value::Flags),
        (Transport::Tcp(tcp), Key::Urgp) => number(tcp.urgent),
        (Transport::Tcp(tcp), Key::TcpOpt) => text(tcp.options.map(|options| options.text())),
        (Transport::Udp(udp) | Transport::UdpLite(udp), Key::UdpLen) => number(udp.len),
        (Transport::Icmp(icmp), Key::IcmpType) => number(icmp.kind.map(|kind| kind.0)),
        (Transport::Icmp(icmp), Key::IcmpCode) => number(icmp.code),
        (Transport::Icmp(icmp), Key::IcmpId) => number(icmp.id),
        (Transport::Icmp(icmp), Key::IcmpSeq) => number(icmp.seq),
        (Transport::Icmp(icmp), Key::Parameter) => number(icmp.parameter),
        (Transport::Icmp(icmp), Key::Gateway) => addr(icmp.gateway),
        (Transport::Icmp(icmp), Key::Mtu) => number(icmp.mtu),
        (Transport::Icmpv6(icmp), Key::IcmpType) => number(icmp.kind.map(|kind| kind.0)),
        (Transport::Icmpv6(icmp), Key::IcmpCode) => number(icmp.code),
        (Transport::Icmpv6(icmp), Key::IcmpId) => number(icmp.id),
        (Transport::Icmpv6(icmp), Key::IcmpSeq) => number(icmp.seq),
        (Transport::Icmpv6(icmp), Key::Pointer) => number(icmp.pointer),
        (Transport::Icmpv6(icmp), Key::Mtu) => number(icmp.mtu),
        (Transport::Ah(spi) | Transport::Esp(spi), Key::Spi) => number(*spi),
        _ => Value::Missing,
    }
}

fn truncated(header: Truncated) -> &'static str {
    match header {
        Truncated::IpHeader => "ip_header",
        Truncated::IpOptions => "ip_options",
        Truncated::TcpOptions => "tcp_options",
        Truncated::ExtHeader => "ext_header",
        Truncated::FragHeader => "frag_header",
        Truncated::TransportHeader => "l4_header",
        Truncated::ArpHeader => "arp_header",
        Truncated::ArpPayload => "arp_payload",
        _ => "header",
    }
}

//! One line, ready to be asked: its packet, its envelope, its time and its place.
//!
//! Responsible for: the names under which users and programs know a line's fields, in the
//! order of the output contract, and how to take each one out of a line.
//! Must not know: filters, tables, output forms.
//! Tested by: `fwstat/tests/cli/export.rs` (every key against the schema), the unit tests below.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use logparse::{
    Completeness, Datagram, Dialect, Incomplete, Line, Link, Mac, Network, Protocol, TcpFlags, Transport,
    Truncated, Uptime,
};

use crate::time::clock::When;

/// A line that is a firewall record, whole or truncated.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The line as read.
    pub line: Line<'a>,
    /// The line as it stood in the file.
    pub raw: &'a [u8],
    /// When it was written, if that is known and was asked for.
    pub when: Option<When>,
    /// The file's name.
    pub file: &'a str,
    /// The line's number in the file, 1-based; 0 if it was not asked for.
    pub line_number: u64,
}

impl<'a> Record<'a> {
    /// How many packets the line stands for: N of `message repeated N times`.
    #[must_use]
    pub fn times(&self) -> u64 {
        u64::from(self.line.repeat())
    }

    /// The log prefix without its trailing blanks.
    #[must_use]
    pub fn prefix(&self) -> &'a [u8] {
        self.exact_prefix().trim_ascii_end()
    }

    /// The log prefix, byte for byte.
    #[must_use]
    pub fn exact_prefix(&self) -> &'a [u8] {
        self.line.prefix()
    }

    /// Gives `look` the same record with every field decoded: for those who ask for most of them.
    pub fn decoded<R>(&self, look: impl FnOnce(&Record<'_>) -> R) -> R {
        self.line.with_entry(|entry| look(&Record { line: Line::Full(entry), ..*self }))
    }
}

/// What a line says about a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// The line does not have it.
    Missing,
    /// It is so (`DF`).
    True,
    /// A number.
    Number(u64),
    /// Text of the line.
    Text(&'a [u8]),
    /// Text of the line that is shown in lower case.
    Lower(&'a [u8]),
    /// A word of ours.
    Word(&'static str),
    /// An address.
    Addr(IpAddr),
    /// A network.
    Net(IpAddr, u8),
    /// A hardware address.
    Mac(Mac),
    /// TCP flags.
    Flags(TcpFlags),
    /// A protocol, by name.
    Proto(Protocol),
    /// Seconds since the machine was started.
    Uptime(Uptime),
    /// A moment.
    Time(When),
    /// A day: days since 1970.
    Day(i64),
}

macro_rules! keys {
    ($($name:ident $text:literal;)*) => {
        /// A field of the record, in the order of the output contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Key { $(#[doc = concat!("`", $text, "`")] $name,)* }
        impl Key {
            /// Every field, in order.
            pub const ALL: &[Key] = &[$(Key::$name,)*];
            /// The field's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Key::$name => $text,)* }
            }
        }
    };
}

keys! {
    Time "time";
    Stamp "stamp";
    Uptime "uptime";
    Host "host";
    Tag "tag";
    Severity "severity";
    Repeat "repeat";
    File "file";
    Line "line";
    Kind "kind";
    Family "family";
    Prefix "prefix";
    In "in";
    Out "out";
    PhysIn "physin";
    PhysOut "physout";
    Mac "mac";
    MacDst "mac_dst";
    MacSrc "mac_src";
    MacType "mac_type";
    VlanId "vlan_id";
    VlanPcp "vlan_pcp";
    TunnelSrc "tunnel_src";
    TunnelDst "tunnel_dst";
    Src "src";
    Dst "dst";
    Len "len";
    Tos "tos";
    Prec "prec";
    Ttl "ttl";
    IpId "ip_id";
    Ce "ce";
    Df "df";
    Mf "mf";
    Frag "frag";
    IpOpt "ip_opt";
    Tc "tc";
    HopLimit "hoplimit";
    FlowLbl "flowlbl";
    Ext "ext";
    Proto "proto";
    ProtoNumber "proto_number";
    Spt "spt";
    Dpt "dpt";
    UdpLen "udp_len";
    TcpSeq "tcp_seq";
    TcpAck "tcp_ack";
    Window "window";
    Res "res";
    Flags "flags";
    Urgp "urgp";
    TcpOpt "tcp_opt";
    IcmpType "icmp_type";
    IcmpCode "icmp_code";
    IcmpId "icmp_id";
    IcmpSeq "icmp_seq";
    Parameter "parameter";
    Gateway "gateway";
    Pointer "pointer";
    Mtu "mtu";
    Spi "spi";
    Incomplete "incomplete";
    Truncated "truncated";
    ArpHtype "arp_htype";
    ArpPtype "arp_ptype";
    ArpOpcode "arp_opcode";
    ArpMacSrc "arp_macsrc";
    ArpIpSrc "arp_ipsrc";
    ArpMacDst "arp_macdst";
    ArpIpDst "arp_ipdst";
    Uid "uid";
    Gid "gid";
    Mark "mark";
    // Derived: for tables and filters, not part of the record.
    Service "service";
    Month "month";
    Day "day";
    Hour "hour";
    Minute "minute";
    Weekday "weekday";
    HourOfDay "hour_of_day";
}

impl Key {
    /// Whether the field belongs to the line and not to the packet: a quoted packet has none
    /// of these.
    #[must_use]
    pub fn of_line(self) -> bool {
        self < Key::Src || self >= Key::Month
    }

    /// Whether the field is part of an exported record (the others are derived).
    #[must_use]
    pub fn in_record(self) -> bool {
        self < Key::Service
    }

    /// Whether the field's value is a moment or part of one.
    #[must_use]
    pub fn needs_time(self) -> bool {
        self == Key::Time || self >= Key::Month
    }
}

/// A field as the user named it: of the packet or of the quoted one, whole or as a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name as typed, which is also the column's name.
    pub name: String,
    /// Which field.
    pub key: Key,
    /// Whether the packet quoted in an ICMP error is asked (`inner_src`).
    pub inner: bool,
    /// `src/24`: the length of the network; its value for IPv4 and for IPv6.
    pub net: Option<(u8, u8)>,
}

impl Field {
    /// Takes a name as typed: a record's key, an alias of one, a network (`src/24`), or a
    /// field of the quoted packet (`inner_dst`).
    ///
    /// # Errors
    /// What is wrong with the name, and which names there are.
    pub fn parse(text: &str) -> Result<Field, String> {
        let text = text.trim();
        let (name, net) = match text.split_once('/') {
            Some((name, length)) => (name, Some(length)),
            None => (text, None),
        };
        let (inner, plain) = match name.strip_prefix("inner_") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let key = key(plain).ok_or_else(|| unknown(name))?;
        if inner && key.of_line() {
            return Err(format!("a quoted packet has no `{plain}`"));
        }
        let net = match net {
            None => None,
            Some(_) if !matches!(key, Key::Src | Key::Dst) => {
                return Err(format!("`{name}` is no address: networks are src/24, dst/64 ..."));
            }
            Some(length) => match length.parse::<u8>() {
                // A length that only IPv6 has groups IPv6 and leaves IPv4 addresses whole; one that
                // both have groups IPv4, and IPv6 by 64, the usual size of one site's network.
                Ok(length) if length <= 32 => Some((length, length.max(64))),
                Ok(length) if length <= 128 => Some((32, length)),
                _ => return Err(format!("`{text}`: a network's length is 0 to 32, or to 128 for IPv6")),
            },
        };
        Ok(Field { name: text.to_owned(), key, inner, net })
    }

    /// A field by its key.
    #[must_use]
    pub fn of(key: Key) -> Field {
        Field { name: key.name().to_owned(), key, inner: false, net: None }
    }

    /// A field by its key, under another name.
    #[must_use]
    pub fn named(key: Key, name: &str) -> Field {
        Field { name: name.to_owned(), key, inner: false, net: None }
    }

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
            (Value::Addr(addr), Some(net)) => network(addr, net),
            _ => value,
        }
    }
}

/// The key with a name or an alias.
fn key(name: &str) -> Option<Key> {
    let name = name.to_ascii_lowercase();
    let alias = match name.as_str() {
        "sport" => Key::Spt,
        "dport" => Key::Dpt,
        "tcp_flags" => Key::Flags,
        "type" => Key::IcmpType,
        "code" => Key::IcmpCode,
        "protocol" => Key::Proto,
        "source" => Key::Src,
        "destination" => Key::Dst,
        "iface" | "interface" => Key::In,
        "date" => Key::Day,
        _ => return Key::ALL.iter().copied().find(|key| key.name() == name),
    };
    Some(alias)
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = Key::ALL.iter().map(|key| key.name()).chain(["sport", "dport"]).collect();
    let near = names
        .iter()
        .map(|known| (crate::text::distance(name, known), known))
        .min()
        .filter(|(distance, _)| distance * 3 <= name.len().max(3))
        .map_or_else(
            || ": prefix, src, dst, proto, sport, dport, service, in, out, flags ..., src/24, day, hour; all: fwstat export FILE".to_owned(),
            |(_, known)| format!("; did you mean `{known}`?"),
        );
    format!("no field is called `{}`{near}", crate::text::escape(name.as_bytes()))
}

/// The network of an address.
fn network<'a>(addr: IpAddr, (v4, v6): (u8, u8)) -> Value<'a> {
    match addr {
        IpAddr::V4(addr) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(v4)).unwrap_or(0);
            Value::Net(IpAddr::V4(Ipv4Addr::from_bits(addr.to_bits() & mask)), v4)
        }
        IpAddr::V6(addr) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(v6)).unwrap_or(0);
            Value::Net(IpAddr::V6(Ipv6Addr::from_bits(addr.to_bits() & mask)), v6)
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

fn mac<'a>(value: Option<Mac>) -> Value<'a> {
    value.map_or(Value::Missing, Value::Mac)
}

fn addr<'a>(value: Option<impl Into<IpAddr>>) -> Value<'a> {
    value.map_or(Value::Missing, |v| Value::Addr(v.into()))
}

/// What a line says about a field of its own or of its packet.
#[must_use]
pub fn value<'a>(key: Key, record: &Record<'a>) -> Value<'a> {
    let line = &record.line;
    let vlan = || line.mac_header().and_then(|header| header.vlan);
    match key {
        Key::Time => record.when.map_or(Value::Missing, Value::Time),
        Key::Stamp => text(line.stamp().map(|stamp| stamp.text)),
        Key::Uptime => line.uptime().map_or(Value::Missing, Value::Uptime),
        Key::Host => text(line.host()),
        Key::Tag => text(line.tag()),
        Key::Severity => number(line.severity()),
        Key::Repeat => number(Some(line.repeat()).filter(|repeat| *repeat > 1)),
        Key::File => Value::Text(record.file.as_bytes()),
        Key::Line => number((record.line_number > 0).then_some(record.line_number)),
        Key::Kind => Value::Word(match line.completeness() {
            Completeness::Whole => "packet",
            Completeness::Truncated => "cut",
            Completeness::Corrupt => "damaged",
        }),
        Key::Family => Value::Word(match line.dialect() {
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
        // A `-s` of a rule never sees the addresses of an ARP packet (arp_ipsrc).
        Key::Src | Key::Dst if matches!(line, Line::Full(entry) if is_arp(&entry.packet.datagram)) => {
            Value::Missing
        }
        Key::Src => addr(line.src()),
        Key::Dst => addr(line.dst()),
        Key::Len => number(line.ip_len()),
        Key::Proto => line.protocol().map_or(Value::Missing, Value::Proto),
        Key::ProtoNumber => number(line.protocol().map(|protocol| protocol.0)),
        Key::Spt => number(line.sport()),
        Key::Dpt => number(line.dport()),
        Key::Service => service(line.protocol(), line.dport()),
        Key::Flags => line.tcp_flags().map_or(Value::Missing, Value::Flags),
        Key::IcmpType => number(line.icmp_type()),
        Key::IcmpCode => number(line.icmp_code()),
        Key::Uid => number(line.uid()),
        Key::Gid => number(line.gid()),
        Key::Mark => number(line.mark()),
        Key::Incomplete => incomplete(line.incomplete()),
        Key::Truncated => line.truncated().map_or(Value::Missing, |header| Value::Word(truncated(header))),
        _ if is_of_network(key) => network_value(key, &line.network()),
        _ => transport_value(key, &line.transport()),
    }
}

/// A part of a moment, by the clock of the report's zone.
fn part_of<'a>(key: Key, when: When) -> Value<'a> {
    /// Names as `date +%a` has them.
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let local = when.local_seconds();
    let day = local.div_euclid(86_400);
    let floor = |step: i64| {
        let start = local - local.rem_euclid(step) - i64::from(when.offset);
        Value::Time(When { utc: start * crate::time::clock::NANOS, offset: when.offset })
    };
    match key {
        Key::Day => Value::Day(day),
        Key::Month => {
            let (year, month, _) = crate::time::clock::civil_from_days(day);
            Value::Day(logparse::days_from_civil(year, month, 1))
        }
        Key::Hour => floor(3_600),
        Key::Minute => floor(60),
        // 1970-01-01 was a Thursday.
        Key::Weekday => Value::Word(DAYS[(day + 3).rem_euclid(7) as usize]),
        Key::HourOfDay => Value::Number((local.rem_euclid(86_400) / 3_600) as u64),
        _ => Value::Missing,
    }
}

/// Whether a packet is one of ARP, whose addresses are fields of its own (`arp_ipsrc`).
fn is_arp(packet: &Datagram<'_>) -> bool {
    matches!(packet.network, Network::Arp(_))
}

/// The service of a destination port: its name, or the port.
fn service<'a>(protocol: Option<Protocol>, port: Option<u16>) -> Value<'a> {
    match (protocol, port) {
        (Some(protocol), Some(port)) => {
            crate::services::name(protocol, port).map_or(Value::Number(u64::from(port)), Value::Word)
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
        Key::Truncated => packet.truncated.map_or(Value::Missing, |header| Value::Word(truncated(header))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for key in Key::ALL {
            assert_eq!(super::key(key.name()), Some(*key));
        }
    }

    #[test]
    fn networks_and_quoted_packets_are_fields() {
        let field = Field::parse("src/24").unwrap();
        assert_eq!(field.net, Some((24, 64)));
        assert_eq!(Field::parse("dst/48").unwrap().net, Some((32, 48)));
        assert!(Field::parse("inner_dport").unwrap().inner);
        assert!(Field::parse("inner_prefix").is_err());
        assert!(Field::parse("proto/8").is_err());
        assert!(Field::parse("src/129").is_err());
    }

    #[test]
    fn a_wrong_name_gets_a_suggestion() {
        assert_eq!(Field::parse("srx").unwrap_err(), "no field is called `srx`; did you mean `src`?");
    }

    #[test]
    fn networks_are_masked() {
        let addr: IpAddr = "10.1.2.3".parse().unwrap();
        assert_eq!(network(addr, (24, 64)), Value::Net("10.1.2.0".parse().unwrap(), 24));
        assert_eq!(network(addr, (0, 64)), Value::Net("0.0.0.0".parse().unwrap(), 0));
        let addr: IpAddr = "2001:db8::1:2".parse().unwrap();
        assert_eq!(network(addr, (24, 64)), Value::Net("2001:db8::".parse().unwrap(), 64));
    }
}

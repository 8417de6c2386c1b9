//! The fields of a record: their keys, and how users name them.
//!
//! Responsible for: the output contract's keys and their order, aliases, networks (`src/24`) and
//! fields of quoted packets (`inner_dst`).
//! Must not know: how a field's value is found.
//! Tested by: the unit tests below.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::value::Value;
use crate::names::table::masked;

macro_rules! keys {
    ($($name:ident $text:literal $about:literal;)*) => {
        /// A field of the record, in the order of the output contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Key { $(#[doc = concat!("`", $text, "`: ", $about)] $name,)* }
        impl Key {
            /// Every field, in order.
            pub const ALL: &[Key] = &[$(Key::$name,)*];
            /// The field's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Key::$name => $text,)* }
            }
            /// What the field is, in a few words.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Key::$name => $about,)* }
            }
        }
    };
}

keys! {
    Time "time" "the moment, in UTC";
    Stamp "stamp" "the stamp as it is in the log";
    Uptime "uptime" "seconds since the machine was started";
    Host "host" "the machine that wrote the line";
    Tag "tag" "the program that wrote the line";
    Writer "writer" "kernel, ulogd, pvefw-logger, or the tag of another program";
    Severity "severity" "0 emergency to 7 debug";
    Repeat "repeat" "how often the log says that the message came";
    Vmid "vmid" "Proxmox: the number of the guest";
    Chain "chain" "Proxmox: the chain whose rule logged the packet";
    File "file" "the input";
    Line "line" "the number of the line in it";
    Kind "kind" "packet, or cut: its end is missing";
    Family "family" "who gave the record its form: nf, ebtables, ulogd, pvefw";
    Prefix "prefix" "the text of --log-prefix";
    In "in" "interface it came in by";
    Out "out" "interface it left by";
    PhysIn "physin" "port of the bridge it came in by";
    PhysOut "physout" "port of the bridge it left by";
    Mac "mac" "the hardware header, whole";
    MacDst "mac_dst" "hardware address of the receiver";
    MacSrc "mac_src" "hardware address of the last hop";
    MacType "mac_type" "Ethernet type: 0x0800 is IPv4";
    VlanId "vlan_id" "number of the VLAN";
    VlanPcp "vlan_pcp" "priority within the VLAN";
    TunnelSrc "tunnel_src" "far end of the tunnel";
    TunnelDst "tunnel_dst" "near end of the tunnel";
    Src "src" "source address";
    Dst "dst" "destination address";
    Len "len" "bytes of the packet";
    Tos "tos" "type of service";
    Prec "prec" "precedence";
    Ttl "ttl" "hops left (IPv4)";
    IpId "ip_id" "number of the packet, by which fragments are put together";
    Ce "ce" "the reserved bit of IPv4 is set";
    Df "df" "do not fragment";
    Mf "mf" "more fragments follow";
    Frag "frag" "place of a later fragment";
    IpOpt "ip_opt" "IP options, in hexadecimal";
    Tc "tc" "traffic class (IPv6)";
    HopLimit "hoplimit" "hops left (IPv6)";
    FlowLbl "flowlbl" "flow label (IPv6)";
    Ext "ext" "extension headers (IPv6)";
    Proto "proto" "protocol by name";
    ProtoNumber "proto_number" "protocol by number";
    Spt "spt" "source port (also sport)";
    Dpt "dpt" "destination port (also dport)";
    UdpLen "udp_len" "bytes of the UDP part";
    TcpSeq "tcp_seq" "sequence number";
    TcpAck "tcp_ack" "acknowledgement number";
    Window "window" "TCP window";
    Res "res" "reserved bits of TCP";
    Flags "flags" "TCP flags";
    Urgp "urgp" "urgent pointer";
    TcpOpt "tcp_opt" "TCP options, in hexadecimal";
    IcmpType "icmp_type" "ICMP type (also type)";
    IcmpCode "icmp_code" "ICMP code (also code)";
    IcmpId "icmp_id" "which series an echo belongs to";
    IcmpSeq "icmp_seq" "number of an echo in its series";
    Parameter "parameter" "ICMP: where the fault is";
    Gateway "gateway" "ICMP redirect: the router to use";
    Pointer "pointer" "ICMPv6: where the fault is";
    Mtu "mtu" "ICMP: the largest packet that fits";
    Spi "spi" "IPsec: the security association";
    Incomplete "incomplete" "the packet ended inside a header: bytes that were there";
    Truncated "truncated" "the packet was too short for a header";
    ArpHtype "arp_htype" "ARP: type of hardware, 1 is Ethernet";
    ArpPtype "arp_ptype" "ARP: protocol asked for";
    ArpOpcode "arp_opcode" "ARP: 1 request, 2 reply";
    ArpMacSrc "arp_macsrc" "ARP: hardware address of the sender";
    ArpIpSrc "arp_ipsrc" "ARP: address of the sender";
    ArpMacDst "arp_macdst" "ARP: hardware address of the target";
    ArpIpDst "arp_ipdst" "ARP: address of the target";
    Uid "uid" "user whose program sent it";
    Gid "gid" "group of that program";
    Mark "mark" "mark set on the packet by a rule";
    // Derived: for tables and filters, not part of the record.
    Service "service" "name of the destination port";
    SrcName "src_name" "name of the source: --names, --resolve";
    SrcCountry "src_country" "country of the source: --geoip";
    SrcAsn "src_asn" "autonomous system of the source: --geoip";
    SrcAsOrg "src_as_org" "who runs that system: --geoip";
    DstName "dst_name" "name of the destination: --names, --resolve";
    DstCountry "dst_country" "country of the destination: --geoip";
    DstAsn "dst_asn" "autonomous system of the destination: --geoip";
    DstAsOrg "dst_as_org" "who runs that system: --geoip";
    Month "month" "month of the report's zone";
    Day "day" "day (also date)";
    Hour "hour" "hour of a day";
    Minute "minute" "minute";
    Weekday "weekday" "Monday to Sunday";
    HourOfDay "hour_of_day" "0 to 23, days put together";
}

impl Key {
    /// Whether the field belongs to the line and not to the packet: a quoted packet has none
    /// of these.
    #[must_use]
    pub fn of_line(self) -> bool {
        self < Key::Src || self > Key::Service
    }

    /// Whether the field is part of an exported record (the others are derived).
    #[must_use]
    pub fn in_record(self) -> bool {
        self < Key::Service
    }

    /// The option that names the files in which the field is found, if the log alone does not tell it.
    #[must_use]
    pub fn source(self) -> Option<&'static str> {
        match self {
            Key::SrcName | Key::DstName => Some("--names"),
            Key::SrcCountry | Key::SrcAsn | Key::SrcAsOrg | Key::DstCountry | Key::DstAsn | Key::DstAsOrg => {
                Some("--geoip")
            }
            _ => None,
        }
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
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Field, String> {
        Field::parse(text)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<&str> for Key {
    type Error = String;

    /// A key by its name or an alias of it.
    fn try_from(name: &str) -> Result<Key, String> {
        key(name).ok_or_else(|| unknown(name))
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

/// What other programs call fields, and what they are called here.
const ELSEWHERE: [(&[&str], &str); 10] = [
    (
        &[
            "srcip",
            "src_ip",
            "sip",
            "saddr",
            "source_ip",
            "src_addr",
            "srcaddr",
            "from",
            "ip",
            "client",
            "attacker",
        ],
        "src",
    ),
    (
        &[
            "dstip",
            "dst_ip",
            "dip",
            "daddr",
            "dest",
            "dest_ip",
            "destination_ip",
            "dst_addr",
            "dstaddr",
            "to",
        ],
        "dst",
    ),
    (&["port", "dst_port", "dstport", "dest_port", "destination_port", "dp"], "dport"),
    (&["src_port", "srcport", "source_port", "sp"], "sport"),
    (&["in_iface", "iniface", "iif", "iifname", "indev", "input", "in_interface"], "in"),
    (&["out_iface", "outiface", "oif", "oifname", "outdev", "output", "out_interface"], "out"),
    (&["flag", "tcpflags", "tcp"], "flags"),
    (&["hostname", "machine", "server"], "host"),
    (&["log_prefix", "logprefix", "rule", "action"], "prefix"),
    (&["icmptype", "icmp"], "icmp_type"),
];

fn unknown(name: &str) -> String {
    let typed = name.to_ascii_lowercase();
    let names: Vec<&str> = Key::ALL.iter().map(|key| key.name()).chain(["sport", "dport"]).collect();
    let meant = ELSEWHERE.iter().find(|(words, _)| words.contains(&typed.as_str())).map(|(_, meant)| *meant);
    let near = || {
        let near = names.iter().map(|known| (strsim::levenshtein(&typed, known), *known)).min();
        near.filter(|(distance, _)| distance * 3 <= typed.len().max(3)).map(|(_, known)| known)
    };
    let escaped = crate::text::escape(name.as_bytes());
    match meant.or_else(near) {
        Some(known) => format!("no field is called `{escaped}`; did you mean `{known}`?"),
        None => format!(
            "no field is called `{escaped}`; there are {}, networks (src/24, dst/64), and inner_ before those of a packet",
            names.join(", ")
        ),
    }
}

/// The network of an address: of this length for IPv4, of that for IPv6.
pub(crate) fn network<'a>(addr: IpAddr, (v4, v6): (u8, u8)) -> Value<'a> {
    let length = if addr.is_ipv4() { v4 } else { v6 };
    Value::Net(masked(addr, length), length)
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

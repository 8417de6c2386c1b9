//! The fields of a record: their keys, and how users name them.
//!
//! Responsible for: the output contract's keys and their order, aliases, networks (`src/24`) and
//! fields of quoted packets (`inner_dst`).
//! Must not know: how a field's value is found.
//! Tested by: the unit tests below.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::value::Value;

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
    Writer "writer";
    Severity "severity";
    Repeat "repeat";
    Vmid "vmid";
    Chain "chain";
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
    (&["srcip", "src_ip", "sip", "saddr", "source_ip", "src_addr", "srcaddr", "from", "ip", "client", "attacker"], "src"),
    (&["dstip", "dst_ip", "dip", "daddr", "dest", "dest_ip", "destination_ip", "dst_addr", "dstaddr", "to"], "dst"),
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

/// The network of an address.
pub(super) fn network<'a>(addr: IpAddr, (v4, v6): (u8, u8)) -> Value<'a> {
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

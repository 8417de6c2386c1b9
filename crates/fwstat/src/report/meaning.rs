//! What each field of a line means, in words for people who have never seen one.
//!
//! Responsible for: the kernel's name of a field, its value, and a sentence.
//! Must not know: how a line is read or where the words are shown.
//! Tested by: `tests/cli/explain.rs`, the unit tests below.
//!
//! Sources: net/netfilter/nf_log_syslog.c for what is printed; RFC 791, 9293, 768, 792, 8200,
//! 4443 and 2474 for what it means.

use logparse::{Datagram, Transport};

use fwlog::record::{Key, Record, Value, packet_value, value};
use fwlog::services;
use fwlog::text;

/// One field, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// As the kernel writes it: `TTL`.
    pub field: String,
    /// The value, escaped.
    pub value: String,
    /// What it means.
    pub meaning: String,
    /// Whether nearly every line has it so: it says little about this one.
    pub usual: bool,
}

/// Every field of a line, in the order of the line.
#[must_use]
pub fn all(record: &Record<'_>) -> Vec<Said> {
    let mut said = Vec::new();
    let packet = &record.line.packet();
    for key in Key::ALL.iter().copied().filter(|key| key.in_record()) {
        if let (Key::Uid, Some(inner)) = (key, &packet.quoted) {
            said.push(Said {
                field: "[".to_owned(),
                value: String::new(),
                meaning: "the packet that this message is about, as far as it quotes it:".to_owned(),
                usual: false,
            });
            for key in Key::ALL
                .iter()
                .copied()
                .filter(|key| key.in_record() && !key.of_line() && *key != Key::ProtoNumber)
            {
                said.extend(one(key, packet_value(key, inner), inner, true));
            }
            said.push(Said {
                field: "]".to_owned(),
                value: String::new(),
                meaning: "end of the quoted packet".to_owned(),
                usual: false,
            });
        }
        // A writer is worth a line where it is not the one that everyone expects.
        if key == Key::Writer && !record.writer().is_foreign() {
            continue;
        }
        if matches!(key, Key::File | Key::Line | Key::Kind | Key::Family | Key::ProtoNumber | Key::Time) {
            continue;
        }
        let mut found = one(key, value(key, record), &packet.datagram, false);
        if let Some(said) = &mut found
            && matches!(key, Key::In | Key::Out)
        {
            said.meaning = interface(key, packet.in_iface, packet.out_iface).to_owned();
        }
        said.extend(found);
    }
    said
}

/// What an interface says about the packet's way.
fn interface(key: Key, input: &[u8], output: &[u8]) -> &'static str {
    match (key, input.is_empty(), output.is_empty()) {
        (Key::In, false, true) => "the interface it came in by, for this host itself (chain INPUT)",
        (Key::In, false, false) => "the interface it came in by",
        (Key::In, true, false) => "empty: this host made the packet itself (chain OUTPUT)",
        (Key::In, true, true) => "empty: the rule's place in the packet's way gives no interface",
        (_, _, true) => "empty: it was not on its way out",
        (_, true, false) => "the interface it was about to leave by",
        (_, false, false) => "the interface it was to leave by: this host passed it on (chain FORWARD)",
    }
}

/// One field.
fn one(key: Key, value: Value<'_>, packet: &Datagram<'_>, quoted: bool) -> Option<Said> {
    if value == Value::Missing {
        return None;
    }
    let shown = match (key, value) {
        (Key::Res | Key::Tos | Key::Prec, Value::Number(n)) => format!("0x{n:02x}"),
        (Key::MacType | Key::ArpPtype, Value::Number(n)) => format!("0x{n:04x}"),
        (Key::Mark, Value::Number(n)) => format!("0x{n:x}"),
        (Key::Spi, Value::Number(n)) => format!("0x{n:x}"),
        (_, Value::True) => String::new(),
        (_, Value::Text(bytes)) => text::escape(bytes),
        (_, Value::Flags(flags)) if flags.is_empty() => "(none)".to_owned(),
        (_, other) => text::escape(other.to_plain().as_bytes()),
    };
    let number = match value {
        Value::Number(n) => Some(n),
        _ => None,
    };
    Some(Said {
        field: kernel_name(key).to_owned(),
        value: shown,
        meaning: meaning(key, value, number, packet, quoted),
        usual: is_usual(key, value, number),
    })
}

/// Whether a field has this value, or any, in nearly every line.
fn is_usual(key: Key, value: Value<'_>, number: Option<u64>) -> bool {
    match key {
        Key::Uptime | Key::Host | Key::Tag | Key::Severity => true,
        Key::Mac | Key::MacDst | Key::MacSrc => true,
        Key::MacType => matches!(number, Some(0x0800 | 0x86dd)),
        Key::Len | Key::UdpLen | Key::IpId | Key::FlowLbl | Key::Df => true,
        Key::TcpSeq | Key::TcpAck | Key::Window | Key::IcmpId | Key::IcmpSeq => true,
        Key::Tos | Key::Prec | Key::Tc | Key::Res | Key::Urgp => number == Some(0),
        Key::Out => value == Value::Text(b""),
        _ => false,
    }
}

/// The word of the line.
fn kernel_name(key: Key) -> &'static str {
    match key {
        Key::Stamp => "time",
        Key::Uptime => "[uptime]",
        Key::Host => "host",
        Key::Tag => "program",
        Key::Writer => "writer",
        Key::Vmid => "guest",
        Key::Chain => "chain",
        Key::Severity => "severity",
        Key::Repeat => "repeated",
        Key::Prefix => "prefix",
        Key::In => "IN",
        Key::Out => "OUT",
        Key::PhysIn => "PHYSIN",
        Key::PhysOut => "PHYSOUT",
        Key::Mac => "MAC",
        Key::MacDst => "  to",
        Key::MacSrc => "  from",
        Key::MacType => "  type",
        Key::VlanId => "VID",
        Key::VlanPcp => "  PCP",
        Key::TunnelSrc => "TUNNEL from",
        Key::TunnelDst => "TUNNEL to",
        Key::Src => "SRC",
        Key::Dst => "DST",
        Key::Len => "LEN",
        Key::Tos => "TOS",
        Key::Prec => "PREC",
        Key::Ttl => "TTL",
        Key::IpId | Key::IcmpId => "ID",
        Key::Ce => "CE",
        Key::Df => "DF",
        Key::Mf => "MF",
        Key::Frag => "FRAG",
        Key::IpOpt | Key::TcpOpt => "OPT",
        Key::Tc => "TC",
        Key::HopLimit => "HOPLIMIT",
        Key::FlowLbl => "FLOWLBL",
        Key::Ext => "extensions",
        Key::Proto => "PROTO",
        Key::Spt => "SPT",
        Key::Dpt => "DPT",
        Key::UdpLen => "LEN",
        Key::TcpSeq | Key::IcmpSeq => "SEQ",
        Key::TcpAck => "ACK",
        Key::Window => "WINDOW",
        Key::Res => "RES",
        Key::Flags => "flags",
        Key::Urgp => "URGP",
        Key::IcmpType => "TYPE",
        Key::IcmpCode => "CODE",
        Key::Parameter => "PARAMETER",
        Key::Gateway => "GATEWAY",
        Key::Pointer => "POINTER",
        Key::Mtu => "MTU",
        Key::Spi => "SPI",
        Key::Incomplete => "INCOMPLETE",
        Key::Truncated => "TRUNCATED",
        Key::ArpHtype => "HTYPE",
        Key::ArpPtype => "PTYPE",
        Key::ArpOpcode => "OPCODE",
        Key::ArpMacSrc => "MACSRC",
        Key::ArpIpSrc => "IPSRC",
        Key::ArpMacDst => "MACDST",
        Key::ArpIpDst => "IPDST",
        Key::Uid => "UID",
        Key::Gid => "GID",
        Key::Mark => "MARK",
        other => other.name(),
    }
}

fn meaning(key: Key, value: Value<'_>, number: Option<u64>, packet: &Datagram<'_>, quoted: bool) -> String {
    let fixed = match key {
        Key::Stamp => "when the logging program wrote the line, as it wrote it",
        Key::Uptime => "seconds since the machine was started, by the kernel's clock",
        Key::Host => "the machine that wrote the line, as the log names it",
        Key::Tag => "the program that wrote the line; kernel: the packet filter itself",
        Key::Writer => "who wrote the line; any user can write one with another program's tag",
        Key::Vmid => "Proxmox: the number of the virtual machine or container",
        Key::Chain => "Proxmox: the chain whose rule logged the packet",
        Key::Severity => "how grave the message is: 0 emergency to 7 debug, set with --log-level",
        Key::Repeat => "the log says that the same message came so many times",
        Key::Prefix if value == Value::Text(b"") => "none: the rule that wrote the line has no --log-prefix",
        Key::Prefix => "--log-prefix of the rule that logged it: its author's words",
        Key::PhysIn => "the port of the bridge it came in by",
        Key::PhysOut => "the port of the bridge it was to leave by",
        Key::Mac if value == Value::Text(b"") || value == Value::Lower(b"") => {
            "empty: the device has no hardware addresses"
        }
        Key::Mac => "the hardware header: receiver, sender and type in one",
        Key::MacDst => match value {
            Value::Mac(mac) if mac.is_broadcast() => {
                "the hardware address it was sent to: every host on the link"
            }
            Value::Mac(mac) if mac.is_multicast() => {
                "the hardware address it was sent to: a group on the link"
            }
            _ => "the hardware address it was sent to: this host's own card, or the next hop's",
        },
        Key::MacSrc => {
            "the hardware address of the last hop: the sender itself only if it is on the same link"
        }
        Key::MacType => match number {
            Some(0x0800) => "what is inside: IPv4",
            Some(0x86dd) => "what is inside: IPv6",
            Some(0x0806) => "what is inside: ARP",
            Some(0x8100) => "what is inside: a VLAN",
            _ => "what is inside, by its Ethernet type",
        },
        Key::VlanId => "the number of the VLAN",
        Key::VlanPcp => "the priority within the VLAN, 0 to 7",
        Key::TunnelSrc => "the far end of the tunnel it came by",
        Key::TunnelDst => "the near end of the tunnel it came by",
        Key::Src if quoted => "who had sent the quoted packet",
        Key::Dst if quoted => "to whom the quoted packet was sent",
        Key::Src => "source address (can be spoofed)",
        Key::Dst => return destination(value),
        Key::Len => "bytes of the whole packet, headers included",
        Key::Tos => {
            "type of service without its upper three bits: how it asks to be treated; 0x00 is nothing special"
        }
        Key::Prec => "precedence: the upper three bits of the same byte; 0x00 is routine",
        Key::Ttl | Key::HopLimit => match packet_value(Key::Dst, packet) {
            Value::Addr(group) if group.is_multicast() => {
                "remaining hops; to a group, senders begin with as many as they want to pass"
            }
            _ => return hops(number),
        },
        Key::IpId => "IP ID, used to reassemble fragments",
        Key::Ce => "the reserved bit is set: not sent by any normal stack",
        Key::Df => "must not be fragmented",
        Key::Mf => "more fragments follow this one",
        Key::Frag => {
            "a later fragment, from this place of the packet on (in units of 8 bytes); it has no ports of its own"
        }
        Key::IpOpt => "options of the IP header, as hexadecimal bytes (--log-ip-options)",
        Key::Tc => "traffic class: how it asks to be treated; 0 is nothing special",
        Key::FlowLbl => "a label by which routers keep packets of one flow together",
        Key::Ext => "headers between IPv6's own and the transport's",
        Key::Proto => return protocol(value),
        Key::Spt => return port("source port; clients use any high number", number, packet),
        Key::Dpt => return port("destination port", number, packet),
        Key::UdpLen => "bytes of the UDP part: its header of 8 and the data",
        Key::TcpSeq => "the number of the first byte of data in the stream (--log-tcp-sequence)",
        Key::TcpAck => "the number of the byte that the sender expects next (--log-tcp-sequence)",
        Key::IcmpSeq => "the number of the request in its series",
        Key::IcmpId => "which series the request belongs to: one per running ping",
        Key::Window => "how many bytes the sender is ready to take",
        Key::Res => "reserved bits of the TCP header; 0x00 is normal",
        Key::Flags => return flags(value),
        Key::Urgp => "where urgent data ends; 0: there are none",
        Key::TcpOpt => "options of the TCP header, as hexadecimal bytes (--log-tcp-options)",
        Key::IcmpType => return icmp_type(number, packet),
        Key::IcmpCode => return icmp_code(number, packet),
        Key::Parameter | Key::Pointer => "where in the quoted packet the fault is",
        Key::Gateway => "the router that is to be used instead",
        Key::Mtu => "the largest packet that fits the next link, in bytes",
        Key::Spi => "which of the receiver's security associations decrypts it",
        Key::Incomplete => "the packet ended before its header did; so many bytes were there",
        Key::Truncated => "the kernel could not read this header: the packet is too short",
        Key::ArpHtype => "hardware type: 1 is Ethernet",
        Key::ArpPtype => "the protocol whose addresses are asked for",
        Key::ArpOpcode => match number {
            Some(1) => "1, a request: who has this address?",
            Some(2) => "2, a reply: I have it",
            _ => "what the ARP message wants",
        },
        Key::ArpMacSrc => "the sender's hardware address, as it says",
        Key::ArpIpSrc => "the sender's IP address, as it says",
        Key::ArpMacDst => "the hardware address asked about or told; all zero in a request",
        Key::ArpIpDst => "the IP address asked about",
        Key::Uid => "the user on this host whose program sent it (--log-uid)",
        Key::Gid => "the group of that program (--log-uid)",
        Key::Mark => {
            "the mark that a rule on this host has put on the packet; it is not in the packet itself"
        }
        _ => "",
    };
    fixed.to_owned()
}

fn destination(value: Value<'_>) -> String {
    use std::net::IpAddr;
    let kind = match value {
        Value::Addr(IpAddr::V4(addr)) if addr.is_broadcast() => "every host on the link (broadcast)",
        Value::Addr(addr) if addr.is_multicast() => "a group (multicast)",
        Value::Addr(addr) if addr.is_loopback() => "the host itself (loopback)",
        _ => return "destination address".to_owned(),
    };
    format!("destination address: {kind}")
}

fn hops(number: Option<u64>) -> String {
    let Some(left) = number else { return String::new() };
    // Hosts begin with one of these.
    let start = [64, 128, 255].into_iter().find(|start| *start >= left).unwrap_or(255);
    match start - left {
        0 => format!("remaining hops; initial value probably {start}: it may come from the same link"),
        1 => format!("remaining hops; initial value probably {start}: it probably passed one router"),
        routers if routers < 64 => {
            format!("remaining hops; initial value probably {start}: it probably passed {routers} routers")
        }
        _ => "remaining hops; each router takes one".to_owned(),
    }
}

fn protocol(value: Value<'_>) -> String {
    let Value::Proto(protocol) = value else { return String::new() };
    let what = match protocol.0 {
        1 => "ICMP: messages about IP itself (ping, errors)",
        2 => "IGMP: who listens to which multicast group",
        4 => "an IPv4 packet inside this one (tunnel)",
        6 => "TCP: connections (web, mail, ssh ...)",
        17 => "UDP: single messages without a connection (DNS, time, games ...)",
        33 => "DCCP: single messages with congestion control",
        41 => "an IPv6 packet inside this one (tunnel)",
        47 => "GRE: a tunnel",
        50 => "ESP: encrypted (IPsec)",
        51 => "AH: signed (IPsec)",
        58 => "ICMPv6: messages about IPv6 itself (neighbours, ping, errors)",
        89 => "OSPF: routers telling each other routes",
        103 => "PIM: routers telling each other multicast routes",
        112 => "VRRP: routers that replace each other",
        132 => "SCTP: connections of several streams",
        136 => "UDP-Lite: UDP that may arrive damaged",
        n => return format!("protocol number {n}"),
    };
    format!("{what}; protocol number {}", protocol.0)
}

fn port(what: &str, number: Option<u64>, packet: &Datagram<'_>) -> String {
    let name = packet
        .protocol()
        .zip(number.and_then(|n| u16::try_from(n).ok()))
        .and_then(|(protocol, port)| services::name(protocol, port));
    match name {
        Some(name) => format!("{what}, usually {name}"),
        None => what.to_owned(),
    }
}

fn flags(value: Value<'_>) -> String {
    let Value::Flags(flags) = value else { return String::new() };
    let words: Vec<&str> = flags.words().collect();
    let has = |word: &str| words.contains(&word);
    let what = match () {
        () if words.is_empty() => {
            "no flag at all: not sent by any normal stack, typical of scanners (null scan)"
        }
        () if has("SYN") && has("FIN") => {
            "opens and closes at once: not sent by any normal stack, typical of scanners"
        }
        () if has("SYN") && has("RST") => {
            "opens and refuses at once: not sent by any normal stack, typical of scanners"
        }
        () if has("SYN") && has("ACK") => "second packet of a connection: the answer that accepts it",
        () if has("SYN") => "first packet of a connection: a connection attempt",
        () if has("RST") => "the connection is refused or broken off",
        () if has("FIN") && has("PSH") && has("URG") && !has("ACK") => {
            "FIN, PSH and URG alone: scanners send that (Xmas scan)"
        }
        () if has("FIN") && !has("ACK") => "FIN without ACK: scanners send that (FIN scan)",
        () if has("FIN") => "the sender has nothing more to say",
        () if has("ACK") => {
            "within a connection: data or their acknowledgement; after a rule for known \
            connections it belongs to none of them (any more)"
        }
        () => "flags that no connection has alone",
    };
    what.to_owned()
}

fn icmp_type(number: Option<u64>, packet: &Datagram<'_>) -> String {
    let what = match (&packet.transport, number) {
        (Transport::Icmp(_), Some(n)) => match n {
            0 => "echo reply: the answer to a ping",
            3 => "destination unreachable: a packet could not be delivered",
            4 => "source quench: please send slower (no longer used)",
            5 => "redirect: take another router",
            8 => "echo request: a ping",
            9 => "router advertisement",
            10 => "router solicitation",
            11 => "time exceeded: a packet's hops ran out (traceroute lives on it)",
            12 => "parameter problem: a header was wrong",
            13 => "timestamp request",
            14 => "timestamp reply",
            17 => "address mask request",
            18 => "address mask reply",
            _ => "a type without a common name",
        },
        (_, Some(n)) => match n {
            1 => "destination unreachable: a packet could not be delivered",
            2 => "packet too big for the next link",
            3 => "time exceeded: a packet's hops ran out (traceroute lives on it)",
            4 => "parameter problem: a header was wrong",
            128 => "echo request: a ping",
            129 => "echo reply: the answer to a ping",
            130 => "multicast listener query",
            131 => "multicast listener report",
            132 => "multicast listener done",
            133 => "router solicitation: is there a router?",
            134 => "router advertisement: I am a router",
            135 => "neighbour solicitation: who has this address? (IPv6's ARP; dropping it breaks IPv6)",
            136 => "neighbour advertisement: I have it",
            137 => "redirect: take another router",
            143 => "multicast listener report, version 2",
            _ => "a type without a common name",
        },
        _ => "",
    };
    what.to_owned()
}

fn icmp_code(number: Option<u64>, packet: &Datagram<'_>) -> String {
    let what = match (&packet.transport, number) {
        (Transport::Icmp(icmp), Some(n)) => match (icmp.kind.map(|kind| kind.0), n) {
            (Some(3), 0) => "no way to the network",
            (Some(3), 1) => "no way to the host",
            (Some(3), 2) => "the host does not speak the protocol",
            (Some(3), 3) => "no program listens on the port",
            (Some(3), 4) => "it would have to be cut up, and must not be (DF)",
            (Some(3), 9 | 10 | 13) => "forbidden by a firewall's rules",
            (Some(11), 0) => "on its way",
            (Some(11), 1) => "while its pieces were put together",
            (Some(5), 1) => "for the host",
            _ => "a closer description of the type",
        },
        (Transport::Icmpv6(icmp), Some(n)) => match (icmp.kind.map(|kind| kind.0), n) {
            (Some(1), 0) => "no way there",
            (Some(1), 1) => "forbidden by a firewall's rules",
            (Some(1), 3) => "the host does not answer",
            (Some(1), 4) => "no program listens on the port",
            (Some(3), 0) => "on its way",
            (Some(3), 1) => "while its pieces were put together",
            _ => "a closer description of the type",
        },
        _ => "",
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_are_counted_from_what_systems_begin_with() {
        assert!(hops(Some(64)).contains("same link"));
        assert!(hops(Some(63)).contains("one router"));
        assert!(hops(Some(118)).contains("10 routers"));
        assert!(hops(Some(255)).contains("255"));
        assert!(!hops(Some(180)).contains("passed"));
    }

    #[test]
    fn every_field_of_a_record_has_a_word_of_the_line() {
        for key in Key::ALL.iter().copied().filter(|key| key.in_record()) {
            assert!(!kernel_name(key).is_empty());
        }
    }
}

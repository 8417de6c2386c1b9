//! Records under the names of the Elastic Common Schema (version 8).
//!
//! Responsible for: which of our fields goes by which of its names. What it has no name for
//! stands below `iptables.`, as in Elastic's own integration.
//! Must not know: where records go.
//! Tested by: `tests/cli/export.rs`.

use fwlog::record::{Key, Record, Value, value};
use fwlog::time::clock;

/// Our field, its name there.
pub const FIELDS: [(Key, &str); 45] = [
    (Key::Time, "@timestamp"),
    (Key::Severity, "log.syslog.severity.code"),
    (Key::Tag, "log.syslog.appname"),
    (Key::Host, "observer.hostname"),
    (Key::File, "log.file.path"),
    (Key::Line, "log.file.line"),
    (Key::Prefix, "rule.name"),
    (Key::In, "observer.ingress.interface.name"),
    (Key::Out, "observer.egress.interface.name"),
    (Key::VlanId, "network.vlan.id"),
    (Key::MacSrc, "source.mac"),
    (Key::MacDst, "destination.mac"),
    (Key::Src, "source.ip"),
    (Key::SrcName, "source.domain"),
    (Key::SrcCountry, "source.geo.country_iso_code"),
    (Key::SrcAsn, "source.as.number"),
    (Key::SrcAsOrg, "source.as.organization.name"),
    (Key::Spt, "source.port"),
    (Key::Dst, "destination.ip"),
    (Key::DstName, "destination.domain"),
    (Key::DstCountry, "destination.geo.country_iso_code"),
    (Key::DstAsn, "destination.as.number"),
    (Key::DstAsOrg, "destination.as.organization.name"),
    (Key::Dpt, "destination.port"),
    (Key::Len, "network.bytes"),
    (Key::Proto, "network.transport"),
    (Key::ProtoNumber, "network.iana_number"),
    (Key::MacType, "iptables.ether_type"),
    (Key::Tos, "iptables.tos"),
    (Key::Prec, "iptables.precedence_bits"),
    (Key::Ttl, "iptables.ttl"),
    (Key::HopLimit, "iptables.hop_limit"),
    (Key::FlowLbl, "iptables.flow_label"),
    (Key::IpId, "iptables.id"),
    (Key::Frag, "iptables.fragment_offset"),
    (Key::Incomplete, "iptables.incomplete_bytes"),
    (Key::Window, "iptables.tcp.window"),
    (Key::Flags, "iptables.tcp.flags"),
    (Key::TcpSeq, "iptables.tcp.seq"),
    (Key::TcpAck, "iptables.tcp.ack"),
    (Key::UdpLen, "iptables.udp.length"),
    (Key::IcmpType, "iptables.icmp.type"),
    (Key::IcmpCode, "iptables.icmp.code"),
    (Key::Mark, "iptables.mark"),
    (Key::Uid, "iptables.uid"),
];

/// The value of a field as the schema wants it: protocols in lower case, hardware addresses
/// in upper case with hyphens (RFC 7042).
#[must_use]
pub fn text(key: Key, record: &Record<'_>) -> Option<String> {
    match (key, value(key, record)) {
        (_, Value::Missing) => None,
        (Key::In | Key::Out | Key::Prefix, Value::Text([])) => None,
        (Key::Proto, value) => {
            let name = value.to_plain().to_ascii_lowercase();
            Some(if name == "icmpv6" { "ipv6-icmp".to_owned() } else { name })
        }
        (_, Value::Time(when)) => Some(clock::utc_text(when.utc)),
        (_, Value::Mac(mac)) => Some(mac.to_string().to_ascii_uppercase().replace(':', "-")),
        (_, value) => Some(value.to_plain()),
    }
}

/// `ipv4` or `ipv6`.
#[must_use]
pub fn network_type(record: &Record<'_>) -> Option<&'static str> {
    match value(Key::Src, record) {
        Value::Addr(addr) if addr.is_ipv4() => Some("ipv4"),
        Value::Addr(_) => Some("ipv6"),
        _ => None,
    }
}

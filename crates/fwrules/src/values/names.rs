//! Names that iptables accepts for numbers.
//!
//! Responsible for: protocols, services, ICMP types, DSCP classes, log levels.
//! Must not know: rules.
//! Tested by: `tests/kernel.rs` reads back what the real tools print for each.

use logparse::Protocol;

/// Protocols whose name libxtables knows by itself, so that a rule with the name loads on
/// any host (`xtables_chain_protos`). All others are written as numbers.
pub(crate) fn protocol_name(protocol: Protocol) -> Option<&'static str> {
    Some(match protocol.0 {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        50 => "esp",
        51 => "ah",
        58 => "ipv6-icmp",
        132 => "sctp",
        136 => "udplite",
        _ => return None,
    })
}

/// The protocol of a `-p` argument: a number, a name of libxtables, of `/etc/protocols` or of
/// the IANA list. `all` is 0.
pub(crate) fn protocol(text: &str) -> Option<Protocol> {
    if let Ok(number) = text.parse::<u8>() {
        return Some(Protocol(number));
    }
    let lower = text.to_ascii_lowercase();
    Some(Protocol(match lower.as_str() {
        "all" | "ip" => 0,
        "ipencap" => 4,
        "ipv6-mh" | "mh" => 135,
        "ggp" => 3,
        "st" => 5,
        "pup" => 12,
        "idp" => 22,
        "rdp" => 27,
        "iso-tp4" => 29,
        "xtp" => 36,
        "ddp" => 37,
        "idrp" => 45,
        "ospfigp" => 89,
        "skip" => 57,
        "vmtp" => 81,
        "isis" => 124,
        "mobility-header" => 135,
        "rspf" => 73,
        "etherip" => 97,
        "encap" => 98,
        "ipcomp" => 108,
        "fc" => 133,
        "mpls-in-ip" => 137,
        "manet" => 138,
        "wesp" => 141,
        "rohc" => 142,
        "icmp6" => 58,
        _ => return Protocol::from_name(lower.as_bytes()),
    }))
}

/// A service's port, for rules typed by hand. `iptables-save` always prints numbers.
pub(crate) fn service(text: &str) -> Option<u16> {
    SERVICES.iter().find(|(name, _, _)| text.eq_ignore_ascii_case(name)).map(|(_, port, _)| *port)
}

/// Which transport a service speaks (IANA's list and practice).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Tcp,
    Udp,
    Both,
}

/// Well-known services. The third column is what the service is used with in practice: a rule
/// for the other transport silences nothing that its author means.
pub(crate) const SERVICES: &[(&str, u16, Speaks)] = &[
    ("ftp-data", 20, Speaks::Tcp),
    ("ftp", 21, Speaks::Tcp),
    ("ssh", 22, Speaks::Tcp),
    ("telnet", 23, Speaks::Tcp),
    ("smtp", 25, Speaks::Tcp),
    ("domain", 53, Speaks::Both),
    ("bootps", 67, Speaks::Udp),
    ("bootpc", 68, Speaks::Udp),
    ("tftp", 69, Speaks::Udp),
    ("http", 80, Speaks::Tcp),
    ("kerberos", 88, Speaks::Both),
    ("pop3", 110, Speaks::Tcp),
    ("sunrpc", 111, Speaks::Both),
    ("auth", 113, Speaks::Tcp),
    ("ntp", 123, Speaks::Udp),
    ("netbios-ns", 137, Speaks::Udp),
    ("netbios-dgm", 138, Speaks::Udp),
    ("netbios-ssn", 139, Speaks::Tcp),
    ("imap2", 143, Speaks::Tcp),
    ("imap", 143, Speaks::Tcp),
    ("snmp", 161, Speaks::Udp),
    ("snmp-trap", 162, Speaks::Udp),
    ("ldap", 389, Speaks::Both),
    ("https", 443, Speaks::Both),
    ("microsoft-ds", 445, Speaks::Tcp),
    ("isakmp", 500, Speaks::Udp),
    ("syslog", 514, Speaks::Both),
    ("route", 520, Speaks::Udp),
    ("dhcpv6-client", 546, Speaks::Udp),
    ("dhcpv6-server", 547, Speaks::Udp),
    ("submission", 587, Speaks::Tcp),
    ("ipp", 631, Speaks::Both),
    ("ldaps", 636, Speaks::Tcp),
    ("imaps", 993, Speaks::Tcp),
    ("pop3s", 995, Speaks::Tcp),
    ("openvpn", 1194, Speaks::Both),
    ("ms-sql-s", 1433, Speaks::Tcp),
    ("ms-sql-m", 1434, Speaks::Udp),
    ("ssdp", 1900, Speaks::Udp),
    ("nfs", 2049, Speaks::Both),
    ("mysql", 3306, Speaks::Tcp),
    ("ws-discovery", 3702, Speaks::Udp),
    ("ipsec-nat-t", 4500, Speaks::Udp),
    ("sip", 5060, Speaks::Both),
    ("mdns", 5353, Speaks::Udp),
    ("llmnr", 5355, Speaks::Both),
    ("postgresql", 5432, Speaks::Tcp),
    ("http-alt", 8080, Speaks::Tcp),
];

/// ICMP types and codes by name (`libxt_icmp.h`).
const ICMP: &[(&str, u8, Option<u8>)] = &[
    ("echo-reply", 0, None),
    ("pong", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("TOS-network-unreachable", 3, Some(11)),
    ("TOS-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("TOS-network-redirect", 5, Some(2)),
    ("TOS-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("ping", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("info-request", 15, None),
    ("info-reply", 16, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

/// ICMPv6 types and codes by name (`libxt_icmp.h`, nft's words).
const ICMPV6: &[(&str, u8, Option<u8>)] = &[
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("ping", 128, None),
    ("echo-reply", 129, None),
    ("pong", 129, None),
    ("mld-listener-query", 130, None),
    ("mld-listener-report", 131, None),
    ("mld-listener-done", 132, None),
    ("mld-listener-reduction", 132, None),
    ("router-solicitation", 133, None),
    ("nd-router-solicit", 133, None),
    ("router-advertisement", 134, None),
    ("nd-router-advert", 134, None),
    ("neighbour-solicitation", 135, None),
    ("neighbor-solicitation", 135, None),
    ("nd-neighbor-solicit", 135, None),
    ("neighbour-advertisement", 136, None),
    ("neighbor-advertisement", 136, None),
    ("nd-neighbor-advert", 136, None),
    ("redirect", 137, None),
    ("nd-redirect", 137, None),
    ("router-renumbering", 138, None),
    ("mld2-listener-report", 143, None),
];

/// The type and code behind an ICMP name.
pub(crate) fn icmp(text: &str, v6: bool) -> Option<(u8, Option<u8>)> {
    let table = if v6 { ICMPV6 } else { ICMP };
    table.iter().find(|(name, _, _)| name.eq_ignore_ascii_case(text)).map(|(_, t, c)| (*t, *c))
}

/// DSCP classes (`dscp_helper.c`), also nft's words.
pub(crate) fn dscp(text: &str) -> Option<u8> {
    let lower = text.to_ascii_lowercase();
    let digit = |i: usize| lower.as_bytes().get(i).and_then(|b| b.checked_sub(b'0')).filter(|d| *d <= 7);
    match lower.as_str() {
        "be" | "cs0" => Some(0),
        "ef" => Some(46),
        "va" => Some(44),
        _ if lower.len() == 3 && lower.starts_with("cs") => digit(2).map(|d| d * 8),
        _ if lower.len() == 4 && lower.starts_with("af") => {
            let (class, drop) = (digit(2)?, digit(3)?);
            ((1..=4).contains(&class) && (1..=3).contains(&drop)).then_some(class * 8 + drop * 2)
        }
        _ => None,
    }
}

/// Log levels by name (`libxt_LOG.c`, nft).
pub(crate) const LEVELS: [(&str, u8); 12] = [
    ("alert", 1),
    ("crit", 2),
    ("debug", 7),
    ("emerg", 0),
    ("error", 3),
    ("err", 3),
    ("info", 6),
    ("notice", 5),
    ("panic", 0),
    ("warning", 4),
    ("warn", 4),
    ("audit", 8),
];

/// The answers of REJECT: the short names and those that `iptables-save` prints.
pub(crate) const REJECTS: [(&str, &str); 27] = [
    ("net-unreach", "icmp-net-unreachable"),
    ("icmp-net-unreachable", "icmp-net-unreachable"),
    ("host-unreach", "icmp-host-unreachable"),
    ("icmp-host-unreachable", "icmp-host-unreachable"),
    ("proto-unreach", "icmp-proto-unreachable"),
    ("icmp-proto-unreachable", "icmp-proto-unreachable"),
    ("port-unreach", "icmp-port-unreachable"),
    ("icmp-port-unreachable", "icmp-port-unreachable"),
    ("net-prohib", "icmp-net-prohibited"),
    ("icmp-net-prohibited", "icmp-net-prohibited"),
    ("host-prohib", "icmp-host-prohibited"),
    ("icmp-host-prohibited", "icmp-host-prohibited"),
    ("tcp-rst", "tcp-reset"),
    ("tcp-reset", "tcp-reset"),
    ("admin-prohib", "icmp-admin-prohibited"),
    ("icmp-admin-prohibited", "icmp-admin-prohibited"),
    ("icmp6-no-route", "icmp6-no-route"),
    ("no-route", "icmp6-no-route"),
    ("icmp6-adm-prohibited", "icmp6-adm-prohibited"),
    ("adm-prohibited", "icmp6-adm-prohibited"),
    ("icmp6-addr-unreachable", "icmp6-addr-unreachable"),
    ("addr-unreach", "icmp6-addr-unreachable"),
    ("icmp6-port-unreachable", "icmp6-port-unreachable"),
    ("policy-fail", "icmp6-policy-fail"),
    ("icmp6-policy-fail", "icmp6-policy-fail"),
    ("reject-route", "icmp6-reject-route"),
    ("icmp6-reject-route", "icmp6-reject-route"),
];

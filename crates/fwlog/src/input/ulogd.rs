//! ulogd2's JSON output, made into the text that ulogd2 itself writes.
//!
//! Responsible for: the keys that ulogd2's JSON plugin writes (`output/ulogd_output_JSON.c`; the
//! names are those of NFLOG, BASE, IFINDEX, IP2STR and HWHDR, or their `cim_name`: `src_ip`,
//! `dest_port` ...), and the text of its `util/printpkt.c`, in a journal's record, which has room
//! for the moment and the host. A line that has no addresses stays as it is.
//! Must not know: what becomes of the line.
//! Tested by: the unit tests below, `fwstat/tests/cli/daemons.rs` (a real ulogd2 writes both forms).

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::{Map, Value, json};

use super::bytes::Plain;
use super::edited::Edited;
use crate::time::clock;

/// The beginnings of keys that nothing else writes.
static KEYS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| [Finder::new("\"dvc\":"), Finder::new("\"oob."), Finder::new("\"raw.pkt")]);

/// Whether a stream's first bytes are such a line's. The order of the keys is not asked for:
/// older versions of the library that writes them have none.
#[must_use]
pub fn is_ulogd(head: &[u8]) -> bool {
    // A quote behind a backslash belongs to a text.
    let has = |words: &Finder<'_>| words.find_iter(head).any(|at| at == 0 || head[at - 1] != b'\\');
    // None of its keys begins with an underscore, as the journal's do.
    let first = head.strip_prefix(b"{").and_then(|rest| rest.trim_ascii_start().strip_prefix(b"\""));
    first.is_some_and(|key| key.first() != Some(&b'_')) && KEYS.iter().any(has)
}

/// The lines of a stream, packets of ulogd as records of a journal.
#[must_use]
pub fn as_records(input: Plain) -> Plain {
    Box::new(Edited::new(input, |line: &[u8], _: bool, out: &mut Vec<u8>| {
        // A piece of a longer line is not whole JSON: it passes as it is.
        let object = || serde_json::from_slice(line).ok();
        match is_ulogd(line).then(object).flatten().and_then(|object| record(&object)) {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => out.extend_from_slice(line),
        }
    }))
}

/// One object as a record of a journal, with a line end.
fn record(object: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let mut record = Map::new();
    if let Some(micros) = moment(object) {
        record.insert("__REALTIME_TIMESTAMP".to_owned(), json!(micros.to_string()));
    }
    // What the plugin says if nobody gave the machine a name.
    if let Some(host) = text("dvc").filter(|host| *host != "Netfilter") {
        record.insert("_HOSTNAME".to_owned(), json!(host));
    }
    record.insert("MESSAGE".to_owned(), json!(message(object)?));
    let mut line = Value::Object(record).to_string();
    line.push('\n');
    Some(line)
}

/// When the packet was seen, in microseconds of UTC. The stamp has no zone before 2.0.9, the
/// kernel's own seconds need none.
fn moment(object: &Map<String, Value>) -> Option<i64> {
    let number = |key: &str| object.get(key).and_then(Value::as_i64);
    if let Some(seconds) = number("oob.time.sec") {
        return seconds.checked_mul(1_000_000)?.checked_add(number("oob.time.usec").unwrap_or(0));
    }
    let stamp = object.get("timestamp").or_else(|| object.get("@timestamp"))?.as_str()?;
    clock::rfc3339(stamp.as_bytes()).map(|utc| utc.div_euclid(1_000))
}

/// The packet in ulogd2's words and order.
fn message(object: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    // Names without blanks and signs: nothing that could end a field early.
    let word = |key: &str| {
        text(key).filter(|name| !name.contains(|c: char| c.is_whitespace() || c == '=')).unwrap_or("")
    };
    let mut out = String::new();
    if let Some(prefix) = text("oob.prefix") {
        let _ = write!(out, "{prefix} ");
    }
    let mac = text("mac.str").filter(|mac| mac.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'));
    let _ = write!(out, "IN={} OUT={} MAC={} ", word("oob.in"), word("oob.out"), mac.unwrap_or(""));
    if let Some(operation) = number("arp.operation") {
        let address = |key: &str| text(key)?.parse::<std::net::Ipv4Addr>().ok();
        let (src, dst) = (address("arp.saddr.str")?, address("arp.daddr.str")?);
        let _ = write!(out, "SRC={src} DST={dst} PROTO=ARP ");
        let _ = match operation {
            1 => write!(out, "REQUEST "),
            2 => write!(out, "REPLY "),
            10 => write!(out, "NAK "),
            code => write!(out, "CODE={code} "),
        };
    } else {
        let address = |key: &str| text(key)?.parse::<IpAddr>().ok();
        let (src, dst) = (address("src_ip")?, address("dest_ip")?);
        let _ = write!(out, "SRC={src} DST={dst} ");
        let (protocol, later) = match (src, dst) {
            (IpAddr::V4(_), IpAddr::V4(_)) => ipv4(&mut out, object)?,
            (IpAddr::V6(_), IpAddr::V6(_)) => ipv6(&mut out, object)?,
            _ => return None,
        };
        transport(&mut out, object, protocol, later);
    }
    for (name, key) in [("UID", "oob.uid"), ("GID", "oob.gid")] {
        if let Some(id) = number(key) {
            let _ = write!(out, "{name}={id} ");
        }
    }
    if let Some(mark) = number("oob.mark") {
        let _ = write!(out, "MARK=0x{mark:x} ");
    }
    Some(out)
}

/// The IPv4 header; the protocol, and whether this is a later fragment, which has no transport
/// header (ulogd2 takes its payload for one).
fn ipv4(out: &mut String, object: &Map<String, Value>) -> Option<(u64, bool)> {
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    let _ = write!(out, "LEN={} ", number("ip.totlen")?);
    let tos = number("ip.tos")?;
    let _ = write!(out, "TOS={:02X} PREC=0x{:02X} ", tos & 0x1e, tos & 0xe0);
    let _ = write!(out, "TTL={} ID={} ", number("ip.ttl")?, number("ip.id")?);
    let fragment = number("ip.fragoff")?;
    for (bit, name) in [(0x8000, "CE "), (0x4000, "DF "), (0x2000, "MF ")] {
        out.push_str(if fragment & bit != 0 { name } else { "" });
    }
    let offset = fragment & 0x1fff;
    if offset != 0 {
        let _ = write!(out, "FRAG:{offset} ");
    }
    Some((number("ip.protocol")?, offset != 0))
}

/// The IPv6 header; as for IPv4.
fn ipv6(out: &mut String, object: &Map<String, Value>) -> Option<(u64, bool)> {
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    let _ = write!(out, "LEN={} ", number("ip6.payloadlen")?.checked_add(40)?);
    let _ = write!(out, "TC={} HOPLIMIT={} ", number("ip6.priority")?, number("ip6.hoplimit")?);
    let _ = write!(out, "FLOWLBL={} ", number("ip6.flowlabel")?);
    let mut later = false;
    if let Some((offset, id)) = number("ip6.fragoff").zip(number("ip6.fragid")) {
        let _ = write!(out, "FRAG: {offset} ID: {id:08x} ");
        later = offset != 0;
    }
    Some((number("ip6.nexthdr")?, later))
}

/// The transport header; `INCOMPLETE`, glued to what follows, where there is none.
fn transport(out: &mut String, object: &Map<String, Value>, protocol: u64, later: bool) {
    let number = |key: &str| object.get(key).and_then(Value::as_u64).filter(|_| !later);
    let ports = number("src_port").zip(number("dest_port"));
    let icmp = |part: &str, name: &str| number(&format!("{part}.{name}"));
    let name = match protocol {
        1 => "ICMP",
        6 => "TCP",
        17 => "UDP",
        50 => "ESP",
        51 => "AH",
        58 => "ICMPv6",
        132 if ports.is_some() => "SCTP",
        other => {
            let _ = write!(out, "PROTO={other} ");
            return;
        }
    };
    let _ = write!(out, "PROTO={name} ");
    let part = name.to_ascii_lowercase();
    match (protocol, ports) {
        (6, Some((from, to))) => {
            let _ = write!(out, "SPT={from} DPT={to} ");
            if let Some((seq, ack)) = number("tcp.seq").zip(number("tcp.ackseq")) {
                let _ = write!(out, "SEQ={seq} ACK={ack} ");
            }
            let _ = write!(out, "WINDOW={} ", number("tcp.window").unwrap_or(0));
            // The two bits of `res2` are those that ECN has taken since.
            let ecn = number("tcp.res2").unwrap_or(0);
            for (bit, name) in [(2, "CWR "), (1, "ECE ")] {
                out.push_str(if ecn & bit != 0 { name } else { "" });
            }
            for name in ["urg", "ack", "psh", "rst", "syn", "fin"] {
                let flag = object.get(&format!("tcp.{name}"));
                if flag.is_some_and(|v| v.as_bool() == Some(true) || v.as_u64() == Some(1)) {
                    let _ = write!(out, "{} ", name.to_uppercase());
                }
            }
            let _ = write!(out, "URGP={} ", number("tcp.urgp").unwrap_or(0));
        }
        (17, Some((from, to))) => {
            let _ = write!(out, "SPT={from} DPT={to} LEN={} ", number("udp.len").unwrap_or(0));
        }
        (132, Some((from, to))) => _ = write!(out, "SPT={from} DPT={to} "),
        (1 | 58, _) if icmp(&part, "type").is_some() => {
            let (kind, code) = (icmp(&part, "type").unwrap_or(0), icmp(&part, "code").unwrap_or(0));
            let _ = write!(out, "TYPE={kind} CODE={code} ");
            if let Some((id, seq)) = icmp(&part, "echoid").zip(icmp(&part, "echoseq")) {
                let _ = write!(out, "ID={id} SEQ={seq} ");
            }
            if let Some(mtu) = icmp(&part, "fragmtu") {
                let _ = write!(out, "MTU={mtu} ");
            }
        }
        _ => out.push_str("INCOMPLETE"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> Option<String> {
        record(&serde_json::from_str(json).unwrap())
    }

    /// The parser's reading of an object, in words.
    fn read(json: &str) -> String {
        let line = line(json).unwrap();
        let mut scratch = Vec::new();
        let entry = logparse::parse_with(line.trim_end().as_bytes(), &mut scratch).unwrap();
        assert!(entry.error.is_none(), "{line}");
        format!("{entry:?}")
    }

    const HEAD: &str = r#""dvc": "gate", "oob.time.sec": 1719720373, "oob.time.usec": 123456, "oob.prefix": "drop ", "oob.in": "eth0",
        "oob.out": "", "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "ip.tos": 0, "ip.ttl": 64, "ip.totlen": 60, "ip.id": 7"#;

    #[test]
    fn an_object_becomes_ulogds_text() {
        let json = r#"{"timestamp": "2024-06-30T06:06:13.123456", "dvc": "gate", "oob.prefix": "tcp.in.dropped ", "oob.time.sec": 1719720373,
            "oob.time.usec": 123456, "oob.in": "eth0", "oob.out": "", "oob.mark": 31,
            "mac.str": "00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00",
            "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "ip.protocol": 6, "ip.tos": 0, "ip.ttl": 64, "ip.totlen": 60,
            "ip.id": 7, "ip.fragoff": 16384, "src_port": 4711, "dest_port": 22, "tcp.seq": 1, "tcp.ackseq": 0,
            "tcp.window": 64240, "tcp.syn": 1, "tcp.res2": 3}"#;
        assert_eq!(
            line(json).unwrap(),
            "{\"__REALTIME_TIMESTAMP\":\"1719720373123456\",\"_HOSTNAME\":\"gate\",\"MESSAGE\":\"tcp.in.dropped  IN=eth0 OUT= \
             MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=00 PREC=0x00 TTL=64 ID=7 DF PROTO=TCP \
             SPT=4711 DPT=22 SEQ=1 ACK=0 WINDOW=64240 CWR ECE SYN URGP=0 MARK=0x1f \"}\n"
        );
        read(json);
    }

    #[test]
    fn the_moment_is_the_kernels_or_the_stamps() {
        let at = |json: &str| moment(&serde_json::from_str(json).unwrap());
        assert_eq!(at(r#"{"oob.time.sec": 1, "oob.time.usec": 2, "timestamp": "x"}"#), Some(1_000_002));
        assert_eq!(at(r#"{"timestamp": "1970-01-01T01:00:01.000002+0100"}"#), Some(1_000_002));
        assert_eq!(at(r#"{"@timestamp": "1970-01-01T01:00:01+0100"}"#), Some(1_000_000));
        assert_eq!(at(r#"{"timestamp": "1970-01-01T01:00:01"}"#), None);
        assert_eq!(at(r#"{"oob.time.sec": 9223372036854775807}"#), None);
    }

    #[test]
    fn a_later_fragment_has_no_ports() {
        let json = format!(
            r#"{{{HEAD}, "ip.protocol": 17, "ip.fragoff": 185, "src_port": 31097, "dest_port": 31097, "udp.len": 31097, "oob.mark": 0}}"#
        );
        let text = message(&serde_json::from_str(&json).unwrap()).unwrap();
        assert!(text.ends_with("FRAG:185 PROTO=UDP INCOMPLETEMARK=0x0 "), "{text}");
        read(&json);
    }

    #[test]
    fn arp_and_headers_that_are_not_there() {
        let arp = r#"{"oob.in": "eth0", "oob.out": "", "arp.operation": 1, "arp.saddr.str": "10.0.0.1", "arp.daddr.str": "10.0.0.2"}"#;
        assert!(line(arp).unwrap().contains("SRC=10.0.0.1 DST=10.0.0.2 PROTO=ARP REQUEST "));
        read(arp);
        for protocol in [1, 6, 17, 50, 51, 132, 47] {
            let json = format!(
                r#"{{{HEAD}, "ip.protocol": {protocol}, "ip.fragoff": 0, "oob.uid": 0, "oob.gid": 0}}"#
            );
            read(&json);
        }
    }

    #[test]
    fn what_is_no_packet_stays() {
        assert_eq!(line(r#"{"timestamp": "x", "dvc": "y"}"#), None);
        assert_eq!(line(r#"{"src_ip": "10.0.0.1", "dest_ip": "::1"}"#), None);
        // A flow of the NFCT plugin: it has addresses, but no packet.
        assert_eq!(line(r#"{"src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "orig.raw.pktcount": 3}"#), None);
    }

    #[test]
    fn ulogd_is_known_by_its_keys_in_any_order() {
        assert!(is_ulogd(br#"{"timestamp": "x", "dvc": "Netfilter", "raw.pktlen": 68"#));
        assert!(is_ulogd(br#"{"@version": 1, "@timestamp": "x", "dvc": "Netfilter""#));
        assert!(is_ulogd(br#"{"ip.ttl": 64, "oob.prefix": "x""#));
        assert!(!is_ulogd(br#"{"log":"{\"oob.prefix\": \"x\"}\n","stream":"stdout""#));
        assert!(!is_ulogd(br#"{"MESSAGE":"x""#));
    }

    #[test]
    fn prefix_cannot_forge_a_field() {
        let json = r#"{"oob.prefix": "x\nIN=a OUT=b SRC=6.6.6.6 ", "oob.in": "eth0 SRC=7.7.7.7", "src_ip": "10.0.0.1",
            "dest_ip": "10.0.0.2", "ip.protocol": 47, "ip.ttl": 1, "ip.totlen": 20, "ip.id": 0, "ip.tos": 0, "ip.fragoff": 0}"#;
        let line = line(json).unwrap();
        let mut scratch = Vec::new();
        let entry = logparse::parse_with(line.trim_end().as_bytes(), &mut scratch).unwrap();
        assert_eq!(entry.packet.src().unwrap().to_string(), "10.0.0.1");
    }
}

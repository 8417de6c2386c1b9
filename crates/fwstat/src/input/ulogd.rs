//! ulogd2's JSON output, made into the kernel's text.
//!
//! Responsible for: the keys that ulogd2's JSON plugin writes (`oob.prefix`, `src_ip`, `ip.ttl` ...,
//! from its sources: `output/ulogd_output_JSON.c` and the field names of its interpreters). A line
//! that has no addresses stays as it is.
//! Must not know: what becomes of the line.
//! Tested by: the unit tests below, `tests/cli/inputs.rs`.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::{Map, Value};

use super::LONGEST_LINE;
use super::decode::Plain;

/// Whether a stream's first bytes are such a line's.
#[must_use]
pub fn is_ulogd(head: &[u8]) -> bool {
    let has = |words: &[u8]| memchr::memmem::find(head, words).is_some();
    head.starts_with(b"{\"timestamp\"") && (has(b"\"dvc\"") || has(b"\"oob.") || has(b"\"raw."))
}

/// The lines of a stream as the kernel would have written them.
pub struct Ulogd {
    input: BufReader<Plain>,
    line: Vec<u8>,
    out: Vec<u8>,
    given: usize,
}

impl Ulogd {
    /// Lines of a stream of such JSON.
    #[must_use]
    pub fn new(input: Plain) -> Ulogd {
        let input = BufReader::with_capacity(256 << 10, input);
        Ulogd { input, line: Vec::new(), out: Vec::new(), given: 0 }
    }
}

impl Read for Ulogd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.out.len() {
            self.out.clear();
            self.given = 0;
            self.line.clear();
            // A longer line comes in pieces, none of which is whole JSON: they pass as they are.
            (&mut self.input).take(LONGEST_LINE as u64).read_until(b'\n', &mut self.line)?;
            match serde_json::from_slice(&self.line).ok().and_then(|object| kernel_text(&object)) {
                Some(text) => self.out.extend_from_slice(text.as_bytes()),
                None => self.out.extend_from_slice(&self.line),
            }
        }
        let part = &self.out[self.given..];
        let len = part.len().min(buffer.len());
        buffer[..len].copy_from_slice(&part[..len]);
        self.given += len;
        Ok(len)
    }
}

/// One object in the kernel's words and order.
fn kernel_text(object: &Map<String, Value>) -> Option<String> {
    use std::fmt::Write as _;
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    // Names without blanks and signs: nothing that could end a field early.
    let word = |key: &str| {
        text(key).filter(|name| !name.contains(|c: char| c.is_whitespace() || c == '=')).unwrap_or("")
    };
    let src: std::net::IpAddr = text("src_ip")?.parse().ok()?;
    let dst: std::net::IpAddr = text("dest_ip")?.parse().ok()?;
    let mut out = String::new();
    if let Some(stamp) = text("timestamp").filter(|stamp| !stamp.contains(char::is_whitespace)) {
        let _ = write!(out, "{stamp} ");
    }
    let _ = write!(out, "ulogd kernel: ");
    if let Some(prefix) = text("oob.prefix").map(|prefix| prefix.trim_end().replace(['\n', '\r'], " ")) {
        let _ = write!(out, "{prefix} ");
    }
    let _ = write!(out, "IN={} OUT={} ", word("oob.in"), word("oob.out"));
    if let Some(mac) = text("mac.str").filter(|mac| mac.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')) {
        let _ = write!(out, "MAC={mac} ");
    }
    let protocol = match (src, dst) {
        (std::net::IpAddr::V4(src), std::net::IpAddr::V4(dst)) => {
            let fragment = number("ip.fragoff").unwrap_or(0);
            let _ = write!(out, "SRC={src} DST={dst} LEN={} ", number("ip.totlen")?);
            let tos = number("ip.tos").unwrap_or(0);
            let _ = write!(out, "TOS=0x{:02X} PREC=0x{:02X} ", tos & 0x1e, tos & 0xe0);
            let _ = write!(out, "TTL={} ID={} ", number("ip.ttl")?, number("ip.id")?);
            for (bit, name) in [(0x8000, "CE "), (0x4000, "DF "), (0x2000, "MF ")] {
                out.push_str(if fragment & bit != 0 { name } else { "" });
            }
            if fragment & 0x1fff != 0 {
                let _ = write!(out, "FRAG:{} ", fragment & 0x1fff);
            }
            number("ip.protocol")?
        }
        (std::net::IpAddr::V6(src), std::net::IpAddr::V6(dst)) => {
            let groups =
                |addr: std::net::Ipv6Addr| addr.segments().map(|group| format!("{group:04x}")).join(":");
            let _ = write!(out, "SRC={} DST={} ", groups(src), groups(dst));
            let _ = write!(
                out,
                "LEN={} TC={} ",
                number("ip6.payloadlen")? + 40,
                number("ip6.priority").unwrap_or(0)
            );
            let (hops, label) = (number("ip6.hoplimit")?, number("ip6.flowlabel").unwrap_or(0));
            let _ = write!(out, "HOPLIMIT={hops} FLOWLBL={label} ");
            number("ip6.nexthdr")?
        }
        _ => return None,
    };
    let ports = number("src_port").zip(number("dest_port"));
    match (protocol, ports) {
        (6, Some((from, to))) => {
            let _ = write!(out, "PROTO=TCP SPT={from} DPT={to} ");
            if let Some((seq, ack)) = number("tcp.seq").zip(number("tcp.ackseq")) {
                let _ = write!(out, "SEQ={seq} ACK={ack} ");
            }
            let _ = write!(out, "WINDOW={} RES=0x00 ", number("tcp.window").unwrap_or(0));
            for name in ["urg", "ack", "psh", "rst", "syn", "fin"] {
                let set = object
                    .get(&format!("tcp.{name}"))
                    .is_some_and(|v| v.as_bool() == Some(true) || v.as_u64() == Some(1));
                if set {
                    let _ = write!(out, "{} ", name.to_uppercase());
                }
            }
            let _ = write!(out, "URGP={} ", number("tcp.urgp").unwrap_or(0));
        }
        (17, Some((from, to))) => {
            let _ = write!(out, "PROTO=UDP SPT={from} DPT={to} LEN={} ", number("udp.len").unwrap_or(8));
        }
        (1, _) | (58, _) => {
            let (name, part) = if protocol == 1 { ("ICMP", "icmp") } else { ("ICMPv6", "icmpv6") };
            let field = |name: &str| number(&format!("{part}.{name}"));
            let _ = write!(out, "PROTO={name} TYPE={} CODE={} ", field("type")?, field("code").unwrap_or(0));
            if let Some((id, seq)) = field("echoid").zip(field("echoseq")) {
                let _ = write!(out, "ID={id} SEQ={seq} ");
            }
        }
        _ => _ = write!(out, "PROTO={protocol} "),
    }
    if let Some(uid) = number("oob.uid") {
        let _ = write!(out, "UID={uid} GID={} ", number("oob.gid").unwrap_or(0));
    }
    if let Some(mark) = number("oob.mark").filter(|mark| *mark > 0) {
        let _ = write!(out, "MARK=0x{mark:x} ");
    }
    out.push('\n');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<String> {
        kernel_text(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn an_object_becomes_the_kernels_text() {
        let json = r#"{"timestamp": "2024-06-30T06:06:13.123456+0200", "dvc": "Netfilter", "oob.prefix": "tcp.in.dropped ",
            "oob.in": "eth0", "oob.out": "", "oob.mark": 31, "mac.str": "00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00",
            "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "ip.protocol": 6, "ip.tos": 0, "ip.ttl": 64, "ip.totlen": 60,
            "ip.id": 7, "ip.fragoff": 16384, "src_port": 4711, "dest_port": 22, "tcp.seq": 1, "tcp.ackseq": 0,
            "tcp.window": 64240, "tcp.syn": 1}"#;
        let line = text(json).unwrap();
        assert!(
            line.ends_with(
                "PROTO=TCP SPT=4711 DPT=22 SEQ=1 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 MARK=0x1f \n"
            ),
            "{line}"
        );
        let entry = logparse::parse(line.trim_end_matches('\n').as_bytes()).unwrap();
        assert!(entry.stop.is_none(), "{line}");
        assert_eq!(entry.packet.prefix, b"tcp.in.dropped ");
        assert!(entry.envelope.stamp.is_some());
    }

    #[test]
    fn what_is_no_packet_stays() {
        assert_eq!(text(r#"{"timestamp": "x", "dvc": "y"}"#), None);
        assert_eq!(text(r#"{"src_ip": "10.0.0.1", "dest_ip": "::1"}"#), None);
    }

    #[test]
    fn prefix_cannot_forge_a_field() {
        let json = r#"{"oob.prefix": "x\nIN=a OUT=b SRC=6.6.6.6 ", "oob.in": "eth0 SRC=7.7.7.7", "src_ip": "10.0.0.1",
            "dest_ip": "10.0.0.2", "ip.protocol": 47, "ip.ttl": 1, "ip.totlen": 20, "ip.id": 0}"#;
        let line = text(json).unwrap();
        let entry = logparse::parse(line.trim_end_matches('\n').as_bytes()).unwrap();
        assert_eq!(entry.packet.src().unwrap().to_string(), "10.0.0.1");
    }
}

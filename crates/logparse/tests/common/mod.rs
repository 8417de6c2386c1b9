//! The suite of `testdata/lines` and everything that drives engines over it.
//!
//! Responsible for: reading the data files, turning what an engine reports into the suite's
//! keys, and the table of engines. Used by every test in `tests/`.
//! Must not know: any single line.

#![allow(dead_code)] // each test program uses its part
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use logparse::*;

/// What is done with the result of a line.
pub(crate) type Each<'e> = &'e mut dyn FnMut(Result<Entry<'_>, ParseError>);

/// A function that reads a line and hands on what it says.
pub(crate) type Engine = fn(&[u8], Each<'_>);

/// Every engine there is; they must agree on every line.
pub(crate) const ENGINES: &[(&str, Engine)] = &[("grammar", grammar), ("scan", scan)];

fn grammar(line: &[u8], each: Each<'_>) {
    each(logparse::parse_with(line, &mut Vec::new()));
}

/// The line three times in one buffer, and bytes behind it: the first two are learned from, and
/// the third is read by the quick path if its form is one that the path knows.
fn scan(line: &[u8], each: Each<'_>) {
    assert!(!line.contains(&b'\n'), "a line is one line");
    let mut buffer = [line, line, line].join(&b'\n');
    let third = buffer.len() - line.len();
    buffer.push(b'\n');
    buffer.resize(buffer.len() + 700, b'#');
    Scanner::new().scan(&buffer, |found| {
        if found.offset == third {
            match found.record {
                Ok(record) => record.with_entry(|entry| each(Ok(*entry))),
                Err(error) => each(Err(error)),
            }
        }
    });
}

/// A value of the suite.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(Vec<u8>),
    Number(u64),
    Flag(bool),
    List(Vec<Value>),
    Table(Fields),
}

/// Values by key.
pub(crate) type Fields = BTreeMap<String, Value>;

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(f, "'{}'", text.escape_ascii()),
            Value::Number(n) => write!(f, "{n}"),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::List(list) => f.debug_list().entries(list).finish(),
            Value::Table(table) => f.debug_map().entries(table).finish(),
        }
    }
}

/// One line of the suite.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// File and name, for messages.
    pub(crate) name: String,
    /// nf, ebt, ulogd, pvefw, legacy or none.
    pub(crate) family: String,
    /// The line, without its line end.
    pub(crate) line: Vec<u8>,
    /// Where the message begins, if the suite says so (lines behind `fronts`).
    pub(crate) message: Option<usize>,
    /// What the envelope says.
    pub(crate) env: Option<Fields>,
    /// What the packet says.
    pub(crate) expect: Option<Fields>,
    /// Whether the line was cut.
    pub(crate) cut: bool,
}

/// Every line of `testdata/lines`.
pub(crate) fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(testkit::testdata("lines")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "toml")) {
        let text = std::fs::read_to_string(file).unwrap();
        let table: toml::Table = text.parse().unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for block in table["line"].as_array().unwrap() {
            read_block(file, block.as_table().unwrap(), &mut cases);
        }
    }
    assert!(cases.len() > 3_000, "{}", cases.len());
    cases
}

/// What `PACKET` means in the lines of `testdata/envelopes`.
pub(crate) const PACKET: &str = "IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=198.51.100.7 \
                                 DST=203.0.113.5 LEN=60 TOS=0x00 PREC=0x00 TTL=46 ID=55359 DF PROTO=TCP SPT=53382 \
                                 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ";

/// Every line of `testdata/envelopes`: its kind, its text, what else is said of it.
pub(crate) fn envelopes() -> Vec<(String, Vec<u8>, serde_json::Value)> {
    let text = std::fs::read_to_string(testkit::testdata("envelopes/heads.jsonl")).unwrap();
    let case = |line: &str| {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = case["line"].as_str().unwrap().replace("PACKET", PACKET);
        (case["kind"].as_str().unwrap().to_owned(), text.into_bytes(), case)
    };
    text.lines().map(case).collect()
}

fn read_block(file: &Path, block: &toml::Table, cases: &mut Vec<Case>) {
    let text = |key: &str| block.get(key).map(|v| v.as_str().unwrap());
    let name = format!("{}: {}", file.file_stem().unwrap().display(), text("name").unwrap());
    for key in block.keys() {
        let known = ["name", "family", "era", "source", "cut", "fronts", "line", "env", "expect"];
        assert!(known.contains(&key.as_str()), "{name}: unknown key {key}");
    }
    let fields = |key: &str| block.get(key).map(|v| read_fields(v.as_table().unwrap()));
    let line = bytes(text("line").unwrap());
    let case = Case {
        name,
        family: text("family").unwrap().to_owned(),
        message: None,
        env: fields("env"),
        expect: fields("expect"),
        cut: block.get("cut").is_some_and(|v| v.as_bool().unwrap()),
        line,
    };
    let Some(fronts) = block.get("fronts") else { return cases.push(case) };
    for front in fronts.as_array().unwrap() {
        let front = bytes(front.as_str().unwrap());
        cases.push(Case {
            name: format!("{} behind {}", case.name, front.escape_ascii()),
            line: [&front[..], &case.line].concat(),
            message: Some(front.len()),
            ..case.clone()
        });
    }
}

/// The suite's text: `\xNN` is a byte, `\\` a backslash.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'\\', [b'\\', tail @ ..]) => {
                out.push(b'\\');
                rest = tail;
            }
            (b'\\', [b'x', high, low, tail @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                out.push(u8::from_str_radix(digits, 16).unwrap());
                rest = tail;
            }
            (b'\\', _) => panic!("a lone backslash in {text}"),
            _ => out.push(byte),
        }
    }
    out
}

fn read_fields(table: &toml::Table) -> Fields {
    table.iter().map(|(key, value)| (key.clone(), read_value(key, value))).collect()
}

fn read_value(key: &str, value: &toml::Value) -> Value {
    match value {
        // Addresses are values: their spelling is not compared.
        toml::Value::String(text) if matches!(key, "src" | "dst" | "gateway") => {
            let address: std::net::IpAddr = text.parse().unwrap_or_else(|e| panic!("{key} {text}: {e}"));
            Value::Text(address.to_string().into_bytes())
        }
        toml::Value::String(text) if matches!(key, "incomplete" | "frag") && text != "none" => {
            Value::Number(text.parse().unwrap())
        }
        toml::Value::String(text) => Value::Text(bytes(text)),
        toml::Value::Integer(n) => Value::Number(u64::try_from(*n).unwrap()),
        toml::Value::Boolean(flag) => Value::Flag(*flag),
        toml::Value::Array(list) => Value::List(list.iter().map(|v| read_value(key, v)).collect()),
        toml::Value::Table(table) => Value::Table(read_fields(table)),
        other => panic!("{key}: {other:?}"),
    }
}

/// Collects values under keys.
#[derive(Default)]
struct Report(Fields);

impl Report {
    fn number(&mut self, key: &str, value: Option<impl Into<u64>>) {
        if let Some(value) = value {
            self.0.insert(key.to_owned(), Value::Number(value.into()));
        }
    }

    fn text(&mut self, key: &str, value: Option<impl AsRef<[u8]>>) {
        if let Some(value) = value {
            self.0.insert(key.to_owned(), Value::Text(value.as_ref().to_vec()));
        }
    }

    fn shown(&mut self, key: &str, value: Option<impl fmt::Display>) {
        self.text(key, value.map(|value| value.to_string()));
    }

    fn flag(&mut self, key: &str, value: bool) {
        if value {
            self.0.insert(key.to_owned(), Value::Flag(true));
        }
    }
}

/// What a packet says, in the suite's keys.
pub(crate) fn observe(packet: &Packet<'_>) -> Fields {
    let mut out = Report::default();
    out.text("prefix", Some(packet.prefix));
    out.text("in", Some(packet.in_iface));
    out.text("out", Some(packet.out_iface));
    out.text("physin", packet.phys_in);
    out.text("physout", packet.phys_out);
    match &packet.link {
        Link::None => {}
        Link::Raw(mac) => out.text("mac", Some(mac.0)),
        Link::Decoded(header) => {
            out.shown("macsrc", header.src);
            out.shown("macdst", header.dst);
            out.number("vproto", header.vlan.map(|vlan| vlan.protocol.0));
            out.number("vid", header.vlan.map(|vlan| vlan.tci));
            out.number("macproto", header.ethertype.map(|kind| kind.0));
        }
        other => panic!("{other:?}"),
    }
    out.shown("tunnel_src", packet.tunnel.map(|tunnel| tunnel.src));
    out.shown("tunnel_dst", packet.tunnel.map(|tunnel| tunnel.dst));
    observe_datagram(&packet.datagram, packet.dialect, &mut out);
    if let Some(quoted) = &packet.quoted {
        let mut inner = Report::default();
        observe_datagram(quoted, packet.dialect, &mut inner);
        out.0.insert("inner".into(), Value::Table(inner.0));
    }
    out.0
}

fn observe_datagram(packet: &Datagram<'_>, dialect: Dialect, out: &mut Report) {
    match &packet.network {
        Network::None => {}
        Network::Ipv4(ip) => {
            out.shown("src", ip.src);
            out.shown("dst", ip.dst);
            out.number("len", ip.len);
            out.number("tos", ip.tos);
            out.number("prec", ip.prec);
            out.number("ttl", ip.ttl);
            out.number("ip_id", ip.id);
            out.flag("ce", ip.flags.reserved);
            out.flag("df", ip.flags.dont_fragment);
            out.flag("mf", ip.flags.more_fragments);
            out.number("frag", ip.fragment);
            out.text("ip_opt", ip.options.map(|hex| hex.text()));
        }
        Network::Ipv6(ip) => {
            out.shown("src", ip.src);
            out.shown("dst", ip.dst);
            out.number("len", ip.len);
            out.number("tc", ip.traffic_class);
            out.number("hoplimit", ip.hop_limit);
            out.number("flowlbl", ip.flow_label);
            out.number("priority", ip.priority);
            observe_extensions(&ip.extensions, out);
        }
        Network::Arp(arp) => observe_arp(arp, packet, dialect, out),
        other => panic!("{other:?}"),
    }
    observe_transport(packet, dialect, out);
    match packet.incomplete {
        Some(Incomplete::Bytes(n)) if !matches!(packet.network, Network::Arp(_)) => {
            out.number("incomplete", Some(n));
        }
        Some(Incomplete::Uncounted) => out.flag("incomplete", true),
        _ => {}
    }
    out.text(
        "truncated",
        packet.truncated.map(|what| match what {
            Truncated::IpHeader => "ip_header",
            Truncated::IpOptions => "ip_options",
            Truncated::TcpOptions => "tcp_options",
            Truncated::ExtHeader => "ext_header",
            Truncated::FragHeader => "frag_header",
            Truncated::TransportHeader => "l4_header",
            Truncated::ArpHeader => "arp_header",
            Truncated::ArpPayload => "arp_payload",
            other => panic!("{other:?}"),
        }),
    );
    out.number("uid", packet.uid);
    out.number("gid", packet.gid);
    out.number("mark", packet.mark);
}

fn observe_extensions(extensions: &Extensions<'_>, out: &mut Report) {
    let mut list = Vec::new();
    for extension in extensions {
        let mut item = Report::default();
        item.flag("par", extension.wrapped);
        item.flag("last", extension.last);
        let security = |name, header: Security, item: &mut Report| {
            item.text("hdr", Some(name));
            item.number("spi", header.spi);
            item.number("incomplete", header.incomplete);
        };
        match extension.kind {
            ExtensionKind::Opaque => {}
            ExtensionKind::Fragment { offset, more, id } => {
                match offset {
                    Some(offset) => item.number("frag", Some(offset)),
                    None => item.text("frag", Some("none")),
                }
                item.flag("more", more);
                item.number("frag_id", id);
            }
            ExtensionKind::Ah(header) => security("AH", header, &mut item),
            ExtensionKind::Esp(header) => security("ESP", header, &mut item),
            ExtensionKind::Unknown(number) => {
                out.number("unknown_ext", Some(number));
                continue;
            }
            other => panic!("{other:?}"),
        }
        list.push(Value::Table(item.0));
    }
    if !list.is_empty() {
        out.0.insert("ext".into(), Value::List(list));
    }
}

fn observe_arp(arp: &Arp, packet: &Datagram<'_>, dialect: Dialect, out: &mut Report) {
    let mut item = Report::default();
    item.number("htype", arp.hardware);
    item.number("ptype", arp.protocol.map(|kind| kind.0));
    item.number("opcode", arp.opcode);
    item.shown("macsrc", arp.src_mac);
    item.shown("macdst", arp.dst_mac);
    if dialect == Dialect::Ulogd {
        out.shown("src", arp.src_ip);
        out.shown("dst", arp.dst_ip);
        out.text("proto", Some("ARP"));
    } else {
        item.shown("ipsrc", arp.src_ip);
        item.shown("ipdst", arp.dst_ip);
    }
    if let Some(Incomplete::Bytes(n)) = packet.incomplete {
        item.number("incomplete", Some(n));
    }
    if !item.0.is_empty() {
        out.0.insert("arp".into(), Value::Table(item.0));
    }
}

fn observe_transport(packet: &Datagram<'_>, dialect: Dialect, out: &mut Report) {
    let number = |protocol: Protocol| protocol.0.to_string();
    let name = match packet.transport {
        Transport::None => None,
        _ if matches!(dialect, Dialect::Ebtables | Dialect::Ipchains { .. }) => packet.protocol().map(number),
        Transport::Tcp(_) => Some("TCP".into()),
        Transport::Udp(_) => Some("UDP".into()),
        Transport::UdpLite(_) => Some("UDPLITE".into()),
        Transport::Icmp(_) => Some("ICMP".into()),
        Transport::Icmpv6(_) => Some("ICMPv6".into()),
        Transport::Ah(_) => Some("AH".into()),
        Transport::Esp(_) => Some("ESP".into()),
        Transport::Ports(protocol, _) | Transport::Other(protocol) => match (dialect, protocol.name()) {
            (Dialect::Ulogd | Dialect::Pvefw, Some(name)) => Some(name.into()),
            _ => Some(number(protocol)),
        },
        other => panic!("{other:?}"),
    };
    out.text("proto", name);
    out.number("spt", packet.ports().src);
    out.number("dpt", packet.ports().dst);
    match packet.transport {
        Transport::Tcp(tcp) => {
            out.number("tcp_seq", tcp.seq);
            out.number("tcp_ack", tcp.ack);
            out.number("window", tcp.window);
            out.number("res", tcp.reserved);
            if let Some(flags) = tcp.flags {
                let words = flags.words().map(|word| Value::Text(word.as_bytes().to_vec())).collect();
                out.0.insert("tcp_flags".into(), Value::List(words));
            }
            out.number("urgp", tcp.urgent);
            out.text("tcp_opt", tcp.options.map(|hex| hex.text()));
        }
        Transport::Udp(udp) | Transport::UdpLite(udp) => out.number("udp_len", udp.len),
        Transport::Icmp(icmp) => {
            out.number("type", icmp.kind.map(|kind| kind.0));
            out.number("code", icmp.code);
            out.number("icmp_id", icmp.id);
            out.number("icmp_seq", icmp.seq);
            out.number("parameter", icmp.parameter);
            out.shown("gateway", icmp.gateway);
            out.number("mtu", icmp.mtu);
        }
        Transport::Icmpv6(icmp) => {
            out.number("type", icmp.kind.map(|kind| kind.0));
            out.number("code", icmp.code);
            out.number("icmp_id", icmp.id);
            out.number("icmp_seq", icmp.seq);
            out.number("pointer", icmp.pointer);
            out.number("mtu", icmp.mtu);
        }
        Transport::Ah(spi) | Transport::Esp(spi) => out.number("spi", spi),
        _ => {}
    }
}

/// What an envelope says, in the suite's keys.
pub(crate) fn observe_env(envelope: &Envelope<'_>) -> Fields {
    let mut out = Report::default();
    out.text("ts", envelope.stamp.map(|stamp| stamp.text));
    out.text("host", envelope.host);
    out.text("tag", envelope.tag);
    out.text("pid", envelope.pid);
    out.number("pri", envelope.pri);
    out.number("facility", envelope.facility);
    out.number("severity", envelope.severity);
    out.shown("kernel_ts", envelope.uptime);
    out.text("caller", envelope.caller);
    out.number("seq", envelope.sequence);
    out.text("flags", envelope.kmsg_flags);
    out.text("delta", envelope.delta);
    out.text("unix", envelope.unix);
    out.text("outer_ts", envelope.outer_stamp);
    out.number("realtime_us", envelope.realtime_us);
    out.number("vmid", envelope.vmid);
    out.text("chain", envelope.chain);
    if envelope.repeat != 1 {
        out.number("repeat", Some(envelope.repeat));
    }
    out.0
}

/// The expectation of an envelope with the spellings that mean the same brought together.
pub(crate) fn env_keys(mut env: Fields) -> Fields {
    if let Some(Value::Number(micros)) = env.remove("mono_us") {
        let stamp = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        env.insert("kernel_ts".into(), Value::Text(stamp.into_bytes()));
    }
    env
}

/// Every difference between what is expected and what was reported, one a line.
pub(crate) fn differences(expected: &Fields, reported: &Fields) -> String {
    let mut out = String::new();
    for key in expected.keys().chain(reported.keys().filter(|key| !expected.contains_key(*key))) {
        match (expected.get(key), reported.get(key)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => out += &format!("  {key}: expected {a:?}, reported {b:?}\n"),
            (Some(a), None) => out += &format!("  {key}: expected {a:?}, not reported\n"),
            (None, Some(b)) => out += &format!("  {key}: reported {b:?}, not expected\n"),
            (None, None) => unreachable!(),
        }
    }
    out
}

/// Collects failures, so that one run shows all of them.
#[derive(Default)]
pub(crate) struct Failures {
    count: usize,
    shown: String,
}

impl Failures {
    /// Notes a failure; the first 20 are shown.
    pub(crate) fn add(&mut self, text: impl AsRef<str>) {
        self.count += 1;
        if self.count <= 60 {
            self.shown += text.as_ref();
            self.shown.push('\n');
        }
    }

    /// Fails the test if there was any.
    pub(crate) fn check(self) {
        assert!(self.count == 0, "{} failures, the first:\n{}", self.count, self.shown);
    }
}

/// The text of a packet.
pub(crate) fn emitted(packet: &Packet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    packet.emit(&mut out);
    out
}

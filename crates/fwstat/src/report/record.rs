//! Records as data: one JSON object or one line of a table each.
//!
//! Responsible for: the record of the output contract.
//! Must not know: which records, and where they go.
//! Tested by: `tests/cli/export.rs`, `tests/cli/schemas.rs`.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use logparse::{Datagram, Extension, ExtensionKind, Extensions, Line, Network, Packet, Security};

use super::csv::Delimiter;
use super::ecs;
use fwlog::record::{Field, Key, Record, Value, packet_value, value};
use fwlog::text;
use fwlog::time::clock;

/// Appends a record as one line of JSON.
pub fn ndjson(out: &mut Vec<u8>, record: &Record<'_>) {
    record.line.with_entry(|entry| {
        whole(out, &Record { line: Line::Full(entry), ..*record }, &entry.packet);
    });
}

fn whole(out: &mut Vec<u8>, record: &Record<'_>, packet: &Packet<'_>) {
    let mut object = Object::open(out);
    for key in Key::ALL.iter().copied().filter(|key| key.in_record()) {
        // The quoted packet stands where the kernel prints it: behind the ICMP fields.
        if let (Key::Uid, Some(inner)) = (key, &packet.quoted) {
            object.key("inner");
            let mut quoted = Object::open(object.out);
            for key in Key::ALL.iter().copied().filter(|key| key.in_record() && !key.of_line()) {
                quoted.part(key, packet_value(key, inner), inner);
            }
            quoted.close();
        }
        object.part(key, value(key, record), &packet.datagram);
    }
    object.close();
    out.push(b'\n');
}

/// Appends a record's chosen fields as one line of JSON.
pub fn ndjson_of(out: &mut Vec<u8>, record: &Record<'_>, fields: &[Field]) {
    let mut object = Object::open(out);
    for_fields(record, fields, |record| {
        for field in fields {
            object.field(&field.name, field.value(record));
        }
    });
    object.close();
    out.push(b'\n');
}

/// Gives `look` the record, decoded once if many of its fields are asked for.
fn for_fields(record: &Record<'_>, fields: &[Field], look: impl FnOnce(&Record<'_>)) {
    /// Decoding a field on its own takes less than a tenth of decoding all.
    const MANY: usize = 10;
    if fields.len() < MANY { look(record) } else { record.decoded(look) }
}

/// Appends a record's fields as one line of a table.
pub fn row_of(out: &mut Vec<u8>, record: &Record<'_>, fields: &[Field], sheet: Delimiter) {
    for_fields(record, fields, |record| row(out, record, fields, sheet));
}

fn row(out: &mut Vec<u8>, record: &Record<'_>, fields: &[Field], sheet: Delimiter) {
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            sheet.next(out);
        }
        match field.value(record) {
            Value::Missing => {}
            Value::Number(n) => _ = write!(out, "{n}"),
            Value::True => out.extend_from_slice(b"true"),
            Value::Text(text) => sheet.cell(out, &text::escape(text)),
            Value::Time(when) if field.key == Key::Time => sheet.cell(out, &clock::utc_text(when.utc)),
            other => sheet.cell(out, &text::escape(other.to_plain().as_bytes())),
        }
    }
    sheet.end(out);
}

/// Appends a record under the names of the Elastic Common Schema: as a line of JSON, or of a table.
pub fn ecs(out: &mut Vec<u8>, record: &Record<'_>, sheet: Option<Delimiter>) {
    record.decoded(|record| ecs_of(out, record, sheet));
}

fn ecs_of(out: &mut Vec<u8>, record: &Record<'_>, sheet: Option<Delimiter>) {
    if let Some(sheet) = sheet {
        let cells: Vec<String> = ecs::FIELDS
            .iter()
            .map(|(key, _)| {
                ecs::text(*key, record).map_or(String::new(), |text| text::escape(text.as_bytes()))
            })
            .collect();
        sheet.line(out, cells.iter().map(String::as_str));
        return;
    }
    let mut object = Object::open(out);
    object.field("ecs.version", Value::Text(b"8.17"));
    object.field("event.kind", Value::Text(b"event"));
    object.key("event.category");
    object.out.extend_from_slice(b"[\"network\"]");
    object.key("event.type");
    object.out.extend_from_slice(b"[\"info\"]");
    object.field(
        "network.type",
        ecs::network_type(record).map_or(Value::Missing, |kind| Value::Text(kind.as_bytes())),
    );
    for (key, name) in ecs::FIELDS {
        match (key, value(key, record)) {
            (_, Value::Number(_) | Value::Flags(_) | Value::True) => object.field(name, value(key, record)),
            (Key::Time, Value::Time(when)) => {
                object.key(name);
                object.text(clock::utc_text(when.utc).as_bytes());
            }
            (Key::Host | Key::Tag | Key::Prefix | Key::In | Key::Out | Key::File, Value::Text(text))
                if !text.is_empty() =>
            {
                object.field(name, Value::Text(text));
            }
            _ => {
                if let Some(text) = ecs::text(key, record) {
                    object.field(name, Value::Text(text.as_bytes()));
                }
            }
        }
    }
    object.close();
    out.push(b'\n');
}

/// What an ARP packet consists of.
const ARP: [(Key, &str); 8] = [
    (Key::ArpHtype, "htype"),
    (Key::ArpPtype, "ptype"),
    (Key::ArpOpcode, "opcode"),
    (Key::ArpMacSrc, "macsrc"),
    (Key::ArpIpSrc, "ipsrc"),
    (Key::ArpMacDst, "macdst"),
    (Key::ArpIpDst, "ipdst"),
    (Key::Incomplete, "incomplete"),
];

/// A JSON object being written.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Object<'o> {
        out.push(b'{');
        Object { out, empty: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    fn key(&mut self, name: &str) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A field with its value; nothing for what is missing.
    fn field(&mut self, name: &str, value: Value<'_>) {
        if value == Value::Missing {
            return;
        }
        self.key(name);
        match value {
            Value::Missing => {}
            Value::True => self.out.extend_from_slice(b"true"),
            Value::Number(n) => _ = write!(self.out, "{n}"),
            Value::Uptime(uptime) => _ = write!(self.out, "{uptime}"),
            Value::Text(text) => self.text(text),
            Value::Flags(flags) => {
                self.out.push(b'[');
                for (i, word) in flags.words().enumerate() {
                    let _ = write!(self.out, "{}\"{word}\"", if i > 0 { "," } else { "" });
                }
                self.out.push(b']');
            }
            Value::Time(when) if name == Key::Time.name() => {
                let _ = write!(self.out, "\"{}\"", clock::utc_text(when.utc));
            }
            Value::Lower(text) => self.text(&text.to_ascii_lowercase()),
            other => self.text(other.to_plain().as_bytes()),
        }
    }

    /// Text of a log: a string, or its bytes in base64 if it is none.
    fn text(&mut self, text: &[u8]) {
        match std::str::from_utf8(text) {
            Ok(text) => {
                self.out.push(b'"');
                for c in text.chars() {
                    match c {
                        '"' => self.out.extend_from_slice(b"\\\""),
                        '\\' => self.out.extend_from_slice(b"\\\\"),
                        '\n' => self.out.extend_from_slice(b"\\n"),
                        '\t' => self.out.extend_from_slice(b"\\t"),
                        '\r' => self.out.extend_from_slice(b"\\r"),
                        c if text::is_unsafe_to_display(c) => {
                            for unit in c.encode_utf16(&mut [0; 2]) {
                                let _ = write!(self.out, "\\u{unit:04x}");
                            }
                        }
                        c => self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                    }
                }
                self.out.push(b'"');
            }
            Err(_) => _ = write!(self.out, "{{\"bytes\":\"{}\"}}", STANDARD.encode(text)),
        }
    }

    /// A field of a whole record: some of them form a list or an object of their own.
    fn part(&mut self, key: Key, value: Value<'_>, packet: &Datagram<'_>) {
        let is_arp = matches!(packet.network, Network::Arp(_));
        match key {
            Key::Ext => self.ext(packet),
            Key::ArpHtype if is_arp => {
                self.key("arp");
                let mut arp = Object::open(self.out);
                for (key, name) in ARP {
                    arp.field(name, packet_value(key, packet));
                }
                arp.close();
            }
            Key::ArpHtype
            | Key::ArpPtype
            | Key::ArpOpcode
            | Key::ArpMacSrc
            | Key::ArpIpSrc
            | Key::ArpMacDst
            | Key::ArpIpDst => {}
            Key::Incomplete if is_arp => {}
            _ => self.field(key.name(), value),
        }
    }

    /// The extension headers of an IPv6 packet, as a list.
    fn ext(&mut self, packet: &Datagram<'_>) {
        let Network::Ipv6(ip) = &packet.network else { return };
        if ip.extensions.is_empty() {
            return;
        }
        let unknown = ip.extensions.iter().find_map(|extension| match extension.kind {
            ExtensionKind::Unknown(number) => Some(number),
            _ => None,
        });
        if unknown.is_none() || ip.extensions.iter().count() > 1 {
            self.key("ext");
            extensions(self.out, ip.extensions);
        }
        self.field("unknown_ext", unknown.map_or(Value::Missing, |number| Value::Number(number.into())));
    }
}

fn extensions(out: &mut Vec<u8>, extensions: Extensions<'_>) {
    out.push(b'[');
    let listed = |extension: &Extension| !matches!(extension.kind, ExtensionKind::Unknown(_));
    for (i, extension) in extensions.iter().filter(listed).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let mut object = Object::open(out);
        let number = |n: u64| Value::Number(n);
        let flag = |yes: bool| if yes { Value::True } else { Value::Missing };
        object.field("par", flag(extension.wrapped));
        let security = |object: &mut Object<'_>, hdr: &'static str, security: Security| {
            object.field("hdr", Value::Text(hdr.as_bytes()));
            object.field("spi", security.spi.map_or(Value::Missing, |spi| number(spi.into())));
            object.field("incomplete", security.incomplete.map_or(Value::Missing, |n| number(n.into())));
        };
        match extension.kind {
            ExtensionKind::Fragment { offset, more, id } => {
                match offset {
                    Some(offset) => object.field("frag", number(offset.into())),
                    None => {
                        object.key("frag");
                        object.out.extend_from_slice(b"null");
                    }
                }
                object.field("more", flag(more));
                object.field("frag_id", id.map_or(Value::Missing, |n| number(n.into())));
            }
            ExtensionKind::Ah(ah) => security(&mut object, "AH", ah),
            ExtensionKind::Esp(esp) => security(&mut object, "ESP", esp),
            _ => {}
        }
        object.field("last", flag(extension.last));
        object.close();
    }
    out.push(b']');
}

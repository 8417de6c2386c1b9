//! Reads nft's expressions as conditions.
//!
//! Responsible for: payload, meta, ct and fib matches against values and sets.
//! Must not know: rules.
//! Tested by: the unit tests of `nft::parse`, `tests/kernel.rs`.

use logparse::{Mac, Protocol, TcpFlags};
use serde_json::Value;

use crate::matches::{
    AddressType, AddressTypes, Addresses, Compare, Condition, IcmpTest, Interfaces, MissingOption, Multiport,
    NextHeader, Owner, PacketType, Ports, SetMatch, Spi, State, Tcp, Ttl, Version,
};
use crate::nft::value::{addresses, code_word, elements, flag_bits, interface, numbers, ports, protocol};
use crate::values::conntrack::StateSet;
use crate::values::header::{Flags, Icmp};
use crate::values::names;
use crate::values::net::{Masked, Net, PortSide, Side, Test};
use crate::values::text::Text;

/// `match`: `None` if it has no place here.
pub(crate) fn condition(body: &Value) -> Option<Vec<Condition>> {
    let op = body.get("op")?.as_str()?;
    let left = body.get("left")?;
    if field(left) == Some(("tcp", "flags")) && matches!(op, "in" | "!") {
        // `tcp flags syn` is any of these, `tcp flags ! syn` none of them.
        let mask = flag_bits(body.get("right")?)?;
        let test = Test { not: op == "in", value: Flags { mask, set: TcpFlags::EMPTY } };
        return Some(vec![Condition::Tcp(Tcp { flags: Some(test), ..Tcp::default() })]);
    }
    let not = match op {
        "==" | "in" => false,
        "!=" => true,
        op @ ("<" | ">" | "<=" | ">=") => return compare(body.get("left")?, op, body.get("right")?),
        _ => return None,
    };
    test(body.get("left")?, body.get("right")?, not)
}

/// `ip ttl < 5`, `tcp dport >= 1024`.
fn compare(left: &Value, op: &str, right: &Value) -> Option<Vec<Condition>> {
    let number = right.as_u64()?;
    if let Some(hop_limit) = is_ttl(left) {
        let value = u8::try_from(number).ok()?;
        let (compare, value) = match op {
            "<" => (Compare::Less, value),
            ">" => (Compare::Greater, value),
            "<=" => (Compare::Less, value.checked_add(1)?),
            _ => (Compare::Greater, value.checked_sub(1)?),
        };
        return Some(vec![Ttl { hop_limit, compare, value }.into()]);
    }
    // Everything else with an order is a range.
    let top = match field(left)?.1 {
        "sport" | "dport" => u64::from(u16::MAX),
        _ => u64::from(u32::MAX),
    };
    let (first, last) = match op {
        "<" => (0, number.checked_sub(1)?),
        "<=" => (0, number),
        ">" => (number.checked_add(1)?, top),
        _ => (number, top),
    };
    test(left, &serde_json::json!({ "range": [first, last] }), false)
}

/// The protocol and field of a payload expression.
fn field(left: &Value) -> Option<(&str, &str)> {
    let payload = left.get("payload")?;
    Some((payload.get("protocol")?.as_str()?, payload.get("field")?.as_str()?))
}

fn is_ttl(left: &Value) -> Option<bool> {
    match field(left)? {
        ("ip", "ttl") => Some(false),
        ("ip6", "hoplimit") => Some(true),
        _ => None,
    }
}

pub(crate) fn test(left: &Value, right: &Value, not: bool) -> Option<Vec<Condition>> {
    // `@name`: a named set.
    if let Some(name) = right.as_str().and_then(|r| r.strip_prefix('@')) {
        return named(left, name, not);
    }
    if let Some(key) = left.get("meta").and_then(|m| m.get("key")).and_then(Value::as_str) {
        return meta(key, right, not).map(|m| vec![m]);
    }
    if let Some(key) = left.get("ct").and_then(|m| m.get("key")).and_then(Value::as_str) {
        return match key {
            "state" => {
                let mut states = StateSet::EMPTY;
                for value in elements(right) {
                    states = states | StateSet::from_word(value.as_str()?)?;
                }
                Some(vec![State { old: false, states: Test { not, value: states } }.into()])
            }
            _ => None,
        };
    }
    if let Some(list) = left.get("&").and_then(Value::as_array) {
        return masked(list.first()?, list.get(1)?, right, not);
    }
    if let Some(fib) = left.get("fib") {
        return fib_type(fib, right, not).map(|m| vec![m]);
    }
    if let Some(option) = left.get("tcp option") {
        // An option without a name is listed by its number.
        if let Some(number) = option.get("base").and_then(Value::as_u64).and_then(|n| u8::try_from(n).ok()) {
            let whole = option.get("offset").and_then(Value::as_u64) == Some(0);
            let exists = right.as_bool()? != not;
            return whole.then(|| vec![has_option(number, exists)]);
        }
        let name = option.get("name").and_then(Value::as_str)?;
        if (name, option.get("field").and_then(Value::as_str)) == ("maxseg", Some("size")) {
            let value = ports(right)?;
            return Some(vec![Condition::Mss(Test { not, value })]);
        }
        let number = match name {
            "eol" => 0,
            "nop" => 1,
            "maxseg" => 2,
            "window" => 3,
            "sack-perm" | "sack-permitted" => 4,
            "sack" | "sack0" => 5,
            "fastopen" => 34,
            "md5sig" => 19,
            "mptcp" => 30,
            "timestamp" => 8,
            other => other.parse().ok()?,
        };
        return Some(vec![has_option(number, right.as_bool()? != not)]);
    }
    if let Some(list) = left.get("concat").and_then(Value::as_array) {
        return concat(list, right, not);
    }
    let (protocol, name) = field(left)?;
    let found = payload(protocol, name, right, not)?;
    // Ports and SPIs bring their protocol with them.
    let of = match protocol {
        "tcp" | "udp" | "udplite" | "sctp" | "dccp" | "esp" | "ah" => names::protocol(protocol),
        _ => None,
    };
    Some(of.map(|p| Condition::Protocols(Test::is(vec![p]))).into_iter().chain([found]).collect())
}

fn has_option(number: u8, exists: bool) -> Condition {
    match exists {
        true => Tcp { option: Some(Test::is(number)), ..Tcp::default() }.into(),
        false => MissingOption(number).into(),
    }
}

fn meta(key: &str, right: &Value, not: bool) -> Option<Condition> {
    let values = elements(right);
    Some(match key {
        "l4proto" => Condition::Protocols(Test {
            not,
            value: values.into_iter().map(protocol).collect::<Option<_>>()?,
        }),
        "iifname" | "oifname" | "iif" | "oif" => {
            let names = values.into_iter().map(interface).collect::<Option<Vec<_>>>()?;
            Interfaces { input: key.starts_with('i'), names: Test { not, value: names } }.into()
        }
        "nfproto" => match (right.as_str()?, not) {
            ("ipv4", false) | ("ipv6", true) => Version { v6: false }.into(),
            ("ipv6", false) | ("ipv4", true) => Version { v6: true }.into(),
            _ => return None,
        },
        "pkttype" => Condition::PacketType(Test { not, value: PacketType::from_word(right.as_str()?)? }),
        "length" => Condition::Length(Test { not, value: numbers(right)? }),
        "mark" => {
            let mark = numbers(right).filter(|range| range.first == range.last)?.first;
            Condition::Mark(Test { not, value: Masked { value: mark, mask: u32::MAX } })
        }
        "skuid" => Owner { uid: Some(Test { not, value: numbers(right)? }), gid: None }.into(),
        "skgid" => Owner { uid: None, gid: Some(Test { not, value: numbers(right)? }) }.into(),
        _ => return None,
    })
}

fn payload(protocol_name: &str, name: &str, right: &Value, not: bool) -> Option<Condition> {
    let values = elements(right);
    match (protocol_name, name) {
        ("ip" | "ip6", "saddr" | "daddr") => {
            let ranges = values.into_iter().map(addresses).collect::<Option<Vec<_>>>()?;
            let side = if name == "saddr" { Side::Source } else { Side::Destination };
            Some(Addresses::new(side, Test { not, value: ranges }).into())
        }
        ("ip", "protocol") | ("ip6", "nexthdr") => {
            let value = values.into_iter().map(protocol).collect::<Option<Vec<_>>>()?;
            let test = Test { not, value };
            Some(if name == "nexthdr" { NextHeader(test).into() } else { test.into() })
        }
        ("ip", "ttl") | ("ip6", "hoplimit") => {
            let compare = if not { Compare::NotEqual } else { Compare::Equal };
            let value = u8::try_from(right.as_u64()?).ok()?;
            Some(Ttl { hop_limit: protocol_name == "ip6", compare, value }.into())
        }
        ("ip" | "ip6", "dscp") => {
            let value = match right {
                Value::String(word) => names::dscp(word)?,
                other => u8::try_from(other.as_u64()?).ok()?,
            };
            Some(Condition::Dscp(Test { not, value }))
        }
        ("ip" | "ip6", "ecn") => {
            let value = match right {
                Value::String(word) => {
                    ["not-ect", "ect1", "ect0", "ce"].iter().position(|w| w == word)? as u8
                }
                other => u8::try_from(other.as_u64()?).ok()?,
            };
            Some(Condition::Tos(Test { not, value: Masked { value, mask: 3 } }))
        }
        ("ether", "saddr") => {
            let mac = Mac::from_text(right.as_str()?.as_bytes())?;
            Some(Condition::Mac(Test { not, value: mac }))
        }
        ("icmp" | "icmpv6", "type" | "code") => {
            let v6 = protocol_name == "icmpv6";
            let number = match right {
                Value::String(word) if name == "type" => names::icmp(word, v6)?.0,
                Value::String(word) => code_word(word, v6)?,
                other => u8::try_from(other.as_u64()?).ok()?,
            };
            let value = match name {
                "type" => Icmp { kind: Some(number), code: None },
                _ if not => return None,
                _ => Icmp { kind: None, code: Some(number) },
            };
            Some(IcmpTest { v6, icmp: Test { not, value } }.into())
        }
        ("esp" | "ah", "spi") => {
            let protocol = if protocol_name == "esp" { Protocol::ESP } else { Protocol::AH };
            Some(Spi { protocol, spi: Test { not, value: numbers(right)? } }.into())
        }
        (_, "sport" | "dport") => {
            let ranges = values.into_iter().map(ports).collect::<Option<Vec<_>>>()?;
            let of = match protocol_name {
                "tcp" => Some(Protocol::TCP),
                "udp" => Some(Protocol::UDP),
                "udplite" => Some(Protocol::UDPLITE),
                "sctp" => Some(Protocol::SCTP),
                "dccp" => Some(Protocol::DCCP),
                "th" => None,
                _ => return None,
            };
            let source = name == "sport";
            match (&ranges[..], of) {
                ([range], Some(of)) if right.get("set").is_none() => {
                    let test = Some(Test { not, value: *range });
                    let (sport, dport) = if source { (test, None) } else { (None, test) };
                    Some(match of {
                        Protocol::TCP => Condition::Tcp(Tcp { sport, dport, ..Tcp::default() }),
                        protocol => Condition::Ports(Ports { protocol, sport, dport }),
                    })
                }
                _ => {
                    let side = if source { PortSide::Source } else { PortSide::Destination };
                    Some(Multiport { side, ports: Test { not, value: ranges } }.into())
                }
            }
        }
        ("tcp", "flags") => {
            // Without a mask: exactly these flags.
            let set = flag_bits(right)?;
            let all = TcpFlags::from_bits(0xff);
            Some(Condition::Tcp(Tcp {
                flags: Some(Test { not, value: Flags { mask: all, set } }),
                ..Tcp::default()
            }))
        }
        _ => None,
    }
}

/// `tcp flags & (fin | syn) == syn`, `meta mark & 0xf0 == 0x10`, `ip frag-off & 0x1fff != 0`.
fn masked(left: &Value, mask: &Value, right: &Value, not: bool) -> Option<Vec<Condition>> {
    if let Some(("tcp", "flags")) = field(left) {
        let value = Flags { mask: flag_bits(mask)?, set: flag_bits(right)? };
        return Some(vec![Condition::Tcp(Tcp { flags: Some(Test { not, value }), ..Tcp::default() })]);
    }
    let number = |v: &Value| u32::try_from(v.as_u64()?).ok();
    if left.get("meta").and_then(|m| m.get("key")).and_then(Value::as_str) == Some("mark") {
        let value = Masked { value: number(right)?, mask: number(mask)? };
        return Some(vec![Condition::Mark(Test { not, value })]);
    }
    if let Some(("ip" | "ip6", name @ ("saddr" | "daddr"))) = field(left) {
        // A mask that is a prefix is a network; any other has no place in a set of ranges.
        let net = Net::with_mask(right.as_str()?.parse().ok()?, mask.as_str()?.parse().ok()?)?;
        let side = if name == "saddr" { Side::Source } else { Side::Destination };
        return Some(vec![Addresses::new(side, Test { not, value: vec![net.range()?] }).into()]);
    }
    None
}

fn fib_type(fib: &Value, right: &Value, not: bool) -> Option<Condition> {
    if fib.get("result")?.as_str()? != "type" {
        return None;
    }
    let flags: Vec<&str> = match fib.get("flags")? {
        Value::String(one) => vec![one],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let mut types = AddressTypes::default();
    for value in elements(right) {
        let word = value.as_str()?;
        types = types.or(AddressTypes::from_word(word)?);
    }
    let mut found = AddressType {
        limit_in: flags.contains(&"iif"),
        limit_out: flags.contains(&"oif"),
        ..AddressType::default()
    };
    let test = Some(Test { not, value: types });
    match (flags.contains(&"saddr"), flags.contains(&"daddr")) {
        (true, false) => found.source = test,
        (false, true) => found.destination = test,
        _ => return None,
    }
    Some(Condition::AddressType(found))
}

/// `ip saddr @bad`, `ip saddr . tcp dport @bad`.
fn named(left: &Value, name: &str, not: bool) -> Option<Vec<Condition>> {
    let side = |left: &Value| -> Option<(Side, Option<Protocol>)> {
        if let Some(key) = left.get("meta").and_then(|m| m.get("key")).and_then(Value::as_str) {
            return match key {
                "iifname" => Some((Side::Source, None)),
                "oifname" => Some((Side::Destination, None)),
                _ => None,
            };
        }
        let (protocol, field) = field(left)?;
        let of = match protocol {
            "tcp" => Some(Protocol::TCP),
            "udp" => Some(Protocol::UDP),
            _ => None,
        };
        match field {
            "saddr" | "sport" => Some((Side::Source, of)),
            "daddr" | "dport" => Some((Side::Destination, of)),
            _ => None,
        }
    };
    let fields: Vec<&Value> = match left.get("concat").and_then(Value::as_array) {
        Some(list) => list.iter().collect(),
        None => vec![left],
    };
    let found = fields.into_iter().map(side).collect::<Option<Vec<_>>>()?;
    let mut conditions: Vec<Condition> = Vec::new();
    if let Some(protocol) = found.iter().find_map(|(_, p)| *p) {
        conditions.push(Condition::Protocols(Test::is(vec![protocol])));
    }
    let sides = found.into_iter().map(|(side, _)| side).collect();
    conditions.push(SetMatch { name: Text::from(name), sides, not }.into());
    Some(conditions)
}

/// `icmp type . icmp code != { 3 . 1 }`.
fn concat(list: &[Value], right: &Value, not: bool) -> Option<Vec<Condition>> {
    let [kind, code] = list else { return None };
    let v6 = match (field(kind)?, field(code)?) {
        (("icmp", "type"), ("icmp", "code")) => false,
        (("icmpv6", "type"), ("icmpv6", "code")) => true,
        _ => return None,
    };
    let values = elements(right);
    let [value] = values[..] else { return None };
    let pair = value.get("concat")?.as_array()?;
    let number = |v: &Value, word: &dyn Fn(&str) -> Option<u8>| match v {
        Value::String(s) => s.parse().ok().or_else(|| word(s)),
        other => u8::try_from(other.as_u64()?).ok(),
    };
    let kind = number(pair.first()?, &|w| names::icmp(w, v6).map(|(k, _)| k))?;
    let code = number(pair.get(1)?, &|w| code_word(w, v6))?;
    let icmp = Test { not, value: Icmp { kind: Some(kind), code: Some(code) } };
    Some(vec![IcmpTest { v6, icmp }.into()])
}

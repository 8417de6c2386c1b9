//! Values of nft's JSON.
//!
//! Responsible for: numbers, ranges, addresses, interfaces, protocols, flags, as numbers or names.
//! Must not know: which expression they stand in.
//! Tested by: the unit tests of `nft::parse`, `tests/kernel.rs`.

use core::net::IpAddr;

use logparse::{Protocol, TcpFlags};
use serde_json::Value;

use crate::values::names;
use crate::values::net::{AddressRange, Interface, Net, Range};
use crate::values::text::Text;

/// The values of a set, or the one value.
pub(crate) fn elements(right: &Value) -> Vec<&Value> {
    match right {
        Value::Array(list) => list.iter().collect(),
        _ => match right.get("set") {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one) => vec![one],
            None => vec![right],
        },
    }
}

pub(crate) fn ports(value: &Value) -> Option<Range<u16>> {
    let one = |v: &Value| match v {
        Value::Number(n) => u16::try_from(n.as_u64()?).ok(),
        Value::String(s) => s.parse().ok().or_else(|| names::service(s)),
        _ => None,
    };
    match value.get("range").and_then(Value::as_array) {
        Some(list) => Some(Range::new(one(list.first()?)?, one(list.get(1)?)?)),
        None => one(value).map(Range::one),
    }
}

pub(crate) fn numbers(value: &Value) -> Option<Range<u32>> {
    let one = |v: &Value| u32::try_from(v.as_u64()?).ok();
    match value.get("range").and_then(Value::as_array) {
        Some(list) => Some(Range::new(one(list.first()?)?, one(list.get(1)?)?)),
        None => one(value).map(Range::one),
    }
}

pub(crate) fn addresses(value: &Value) -> Option<AddressRange> {
    let one = |v: &Value| v.as_str()?.parse::<IpAddr>().ok();
    if let Some(prefix) = value.get("prefix") {
        let length = u8::try_from(prefix.get("len")?.as_u64()?).ok()?;
        return Net::new(one(prefix.get("addr")?)?, length).range();
    }
    if let Some(list) = value.get("range").and_then(Value::as_array) {
        return Some(AddressRange { first: one(list.first()?)?, last: one(list.get(1)?)? });
    }
    let addr = one(value)?;
    Some(AddressRange { first: addr, last: addr })
}

/// nft's `eth*` is iptables' `eth+`. A name that ends in `+` itself has no place here.
pub(crate) fn interface(value: &Value) -> Option<Interface> {
    let name = value.as_str()?;
    match name.strip_suffix('*') {
        Some(start) if !start.ends_with('\\') => Some(Interface(Text::from(format!("{start}+")))),
        None if !name.ends_with('+') => Some(Interface(Text::from(name))),
        _ => None,
    }
}

pub(crate) fn protocol(value: &Value) -> Option<Protocol> {
    match value {
        Value::Number(n) => u8::try_from(n.as_u64()?).ok().map(Protocol),
        Value::String(s) => names::protocol(s),
        _ => None,
    }
}

/// ICMP codes by name, as nft lists them.
pub(crate) fn code_word(word: &str, v6: bool) -> Option<u8> {
    let list: &[(&str, u8)] = if v6 {
        &[
            ("no-route", 0),
            ("admin-prohibited", 1),
            ("addr-unreachable", 3),
            ("port-unreachable", 4),
            ("policy-fail", 5),
            ("reject-route", 6),
        ]
    } else {
        &[
            ("net-unreachable", 0),
            ("host-unreachable", 1),
            ("prot-unreachable", 2),
            ("port-unreachable", 3),
            ("frag-needed", 4),
            ("net-prohibited", 9),
            ("host-prohibited", 10),
            ("admin-prohibited", 13),
        ]
    };
    list.iter().find(|(name, _)| *name == word).map(|(_, code)| *code)
}

pub(crate) fn flag_bits(value: &Value) -> Option<TcpFlags> {
    match value {
        Value::Number(n) => Some(TcpFlags::from_bits(u16::try_from(n.as_u64()?).ok()?)),
        Value::String(word) => match word.as_str() {
            "ecn" => Some(TcpFlags::ECE),
            word => TcpFlags::from_word(word.as_bytes()),
        },
        Value::Array(list) => list.iter().try_fold(TcpFlags::EMPTY, |set, v| Some(set | flag_bits(v)?)),
        Value::Object(map) => {
            let list = map.get("|")?.as_array()?;
            list.iter().try_fold(TcpFlags::EMPTY, |set, v| Some(set | flag_bits(v)?))
        }
        _ => None,
    }
}

//! What an expression asks for silently, and the whole of one that does not map.
//!
//! Responsible for: the version and the transport whose header is looked into.
//! Must not know: statements, verdicts.
//! Tested by: the unit tests of `nft::parse`, `tests/kernel.rs` (what a real nft lists).

use logparse::Protocol;
use serde_json::Value;

use crate::matches::{Condition, Expression, Version};
use crate::model::rule::Rule;
use crate::values::names;
use crate::values::text::Text;

/// An expression as it stands.
pub(crate) fn keep(expression: &Value) -> Expression {
    Expression(Text::from(expression.to_string()))
}

/// The version that an expression asks for silently, as a condition of its own.
pub(crate) fn of_version(rule: &mut Rule, body: &Value, found: &[Condition]) {
    if let Some(v6) = version(body)
        && !found.iter().any(|c| matches!(c, Condition::Addresses(_)))
        && !rule.conditions.contains(&Version { v6 }.into())
    {
        rule.set(Version { v6 });
    }
}

/// Which transport's header an expression looks into: the packet must be of that protocol.
pub(crate) fn transport(value: &Value) -> Option<Protocol> {
    match value {
        Value::Object(object) => {
            let protocol = object.get("payload").and_then(|payload| payload.get("protocol"));
            match protocol.and_then(Value::as_str) {
                Some("icmpv6") => Some(Protocol::ICMPV6),
                Some(
                    name @ ("tcp" | "udp" | "udplite" | "sctp" | "dccp" | "esp" | "ah" | "icmp" | "igmp"),
                ) => names::protocol(name),
                _ => object.values().find_map(transport),
            }
        }
        Value::Array(list) => list.iter().find_map(transport),
        _ => None,
    }
}

/// Which version's header an expression looks into: in a table for both, the packet must be of
/// that version, `!=` or not, although the listing does not say so (measured). Addresses know it
/// by themselves.
fn version(value: &Value) -> Option<bool> {
    match value {
        Value::Object(object) => {
            let protocol = object.get("payload").and_then(|payload| payload.get("protocol"));
            match protocol.and_then(Value::as_str) {
                Some("ip" | "icmp" | "igmp") => Some(false),
                Some("ip6" | "icmpv6") => Some(true),
                _ if object.contains_key("ip option") => Some(false),
                _ if object.contains_key("exthdr") => Some(true),
                _ => object.values().find_map(version),
            }
        }
        Value::Array(list) => list.iter().find_map(version),
        _ => None,
    }
}

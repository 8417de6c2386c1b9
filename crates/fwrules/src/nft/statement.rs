//! Reads the statements of one rule of nft's.
//!
//! Responsible for: what a rule tests, writes and does.
//! What does not map is kept as its JSON text, is shown, and is unknown.
//! Must not know: tables, chains, sets.
//! Tested by: the unit tests of `nft::parse`, `tests/kernel.rs` (what a real nft lists).

use std::rc::Rc;

use serde_json::Value;

use crate::matches::Other;
use crate::model::rule::{Counters, Rule};
use crate::model::target::{Log, Target};
use crate::nft::condition::condition;
use crate::nft::implied::{keep, of_version, transport};
use crate::nft::merge::add;
use crate::nft::verdicts::{Verdicts, rules_of, target};
use crate::values::names;
use crate::values::net::Test;
use crate::values::text::Text;

/// Whether a statement looks something up in a map: if it is not there, the rule ends.
fn looks_up(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.contains_key("map") || object.values().any(looks_up),
        Value::Array(list) => list.iter().any(looks_up),
        _ => false,
    }
}

/// More elements than this are read as one condition.
const FEW: usize = 32;

/// `icmp type { echo-request, redirect }`: there is a condition for one type only, so each element gives
/// a rule of its own. They exclude each other.
fn one_by_one(body: &Value) -> Option<Vec<Value>> {
    let left = body.get("left")?;
    let first = left.get("concat").and_then(|list| list.get(0)).unwrap_or(left);
    let protocol = first.get("payload")?.get("protocol")?.as_str()?;
    let set = body.get("right")?.get("set")?.as_array()?;
    let asked = matches!(protocol, "icmp" | "icmpv6") && matches!(body.get("op")?.as_str()?, "==" | "in");
    if !asked || !(2..=FEW).contains(&set.len()) {
        return None;
    }
    let each = set.iter().map(|element| {
        let one = serde_json::json!({ "op": "==", "left": left, "right": element });
        condition(&one).is_some().then_some(one)
    });
    each.collect()
}

/// The rules that one rule of nft's gives: a verdict map gives one per element, and so does a set of
/// ICMP types. `named` knows the maps
/// that are named.
pub(crate) fn read_rule(
    expressions: &[Value],
    named: &mut dyn FnMut(&str) -> Option<Rc<Verdicts>>,
) -> Vec<Rule> {
    let mut rules = vec![Rule::default()];
    for expression in expressions {
        let Some((kind, body)) = expression.as_object().and_then(|o| o.iter().next()) else { continue };
        if kind == "vmap" {
            let base = rules.pop().unwrap_or_default();
            rules = rules_of(&base, body, expression, named);
            continue;
        }
        if kind == "match"
            && let Some(each) = one_by_one(body)
        {
            let with = |rule: &Rule, body: &Value| {
                let mut rule = rule.clone();
                statement(&mut rule, kind, body, expression);
                rule
            };
            rules = rules.iter().flat_map(|rule| each.iter().map(|body| with(rule, body))).collect();
            continue;
        }
        for rule in &mut rules {
            statement(rule, kind, body, expression);
        }
    }
    rules
}

fn log(body: &Value) -> Log {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let level = names::LEVELS.iter().find(|(name, _)| Some(*name) == text("level"));
    let flags: Vec<&str> = match body.get("flags") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let has = |word: &str| flags.contains(&word) || flags.contains(&"all");
    let group = body.get("group").and_then(Value::as_u64);
    Log {
        prefix: Text::from(text("prefix").unwrap_or("")),
        level: level.map(|(_, l)| *l).filter(|l| *l != 4),
        tcp_sequence: has("tcp sequence"),
        tcp_options: has("tcp options"),
        ip_options: has("ip options"),
        uid: has("skuid"),
        macdecode: has("ether"),
        nflog: group.map(|group| ["--nflog-group", &group.to_string()].map(Text::from).into()),
    }
}

fn statement(rule: &mut Rule, kind: &str, body: &Value, whole: &Value) {
    match kind {
        "match" => match condition(body) {
            // A condition behind a log statement does not hold for the line.
            Some(found) if rule.log.is_none() => {
                of_version(rule, body, &found);
                for m in found {
                    add(rule, m);
                }
            }
            _ => {
                if rule.log.is_none() {
                    of_version(rule, body, &[]);
                    if let Some(protocol) = transport(body) {
                        add(rule, Test::is(vec![protocol]).into());
                    }
                }
                rule.set(keep(whole));
            }
        },
        "counter" => {
            let number = |key| body.get(key).and_then(Value::as_u64);
            if let (Some(packets), Some(bytes)) = (number("packets"), number("bytes")) {
                rule.counters = Some(Counters { packets, bytes });
            }
        }
        "accept" | "drop" | "return" | "continue" | "queue" | "jump" | "goto" => {
            rule.target = target(whole).unwrap_or_default();
        }
        "reject" => rule.target = Target::Reject(Text::from(reject(body))),
        "log" => rule.log = Some(log(body)),
        "limit" => limit(rule, body, whole),
        "xt" => xt(rule, body),
        // Statements after which the rule goes on and that change no verdict.
        "notrack" => rule.target = Target::Other { name: Text::from("NOTRACK"), words: Vec::new() },
        "snat" | "dnat" | "masquerade" | "redirect" | "tproxy" => {
            if looks_up(body) {
                rule.set(keep(whole));
            }
            let name = Text::from(kind.to_ascii_uppercase());
            rule.target = Target::Other { name, words: Vec::new() };
        }
        "mangle" => {
            let key = body.get("key");
            let mark = key.and_then(|k| k.get("meta")).and_then(|m| m.get("key")).and_then(Value::as_str)
                == Some("mark");
            if looks_up(body) {
                rule.set(keep(whole));
            }
            if mark && rule.target == Target::Continue {
                rule.target =
                    Target::Other { name: Text::from("MARK"), words: vec![Text::from(whole.to_string())] };
            }
        }
        "set" | "map" | "quota" | "ct helper" | "ct timeout" | "flow" | "dup" | "secmark" | "ct count"
        | "last" => {
            rule.adds |= matches!(body.get("op").and_then(Value::as_str), Some("add" | "update"));
            // Sets and quotas as statements may stop the rule; `add @set` does not.
            if matches!(kind, "quota" | "ct count") {
                rule.set(keep(whole));
            }
        }
        _ => rule.set(keep(whole)),
    }
}

/// `limit rate 5/minute` is `-m limit`; more than so many, or bytes, is nothing that it says.
fn limit(rule: &mut Rule, body: &Value, whole: &Value) {
    let over = body.get("inv").and_then(Value::as_bool) == Some(true);
    if over || body.get("rate_unit").is_some_and(|unit| unit != "packets") {
        return rule.set(keep(whole));
    }
    let number = |key: &str, or: u64| body.get(key).and_then(Value::as_u64).unwrap_or(or);
    let unit = match body.get("per").and_then(Value::as_str).unwrap_or("second") {
        "minute" => "min",
        "second" => "sec",
        other => other,
    };
    let mut words = vec![Text::from("--limit"), Text::from(format!("{}/{unit}", number("rate", 0)))];
    let burst = number("burst", 5);
    if burst != 5 {
        words.extend([Text::from("--limit-burst"), Text::from(burst.to_string())]);
    }
    rule.set(Other { module: Text::from("limit"), words });
}

/// `iptables-nft` rules with old extensions: nft knows no more than the name. Before 1.0.6 not even
/// that: it may be a match, or a target that ends the packet's way.
fn xt(rule: &mut Rule, body: &Value) {
    let name = body.get("name").and_then(Value::as_str).unwrap_or("xt");
    let other = |name: &str| Target::Other { name: Text::from(name), words: Vec::new() };
    match body.get("type").and_then(Value::as_str) {
        Some("target") if name == "REJECT" => rule.target = Target::Reject(Text::default()),
        Some("target") => rule.target = other(name),
        _ if name == "comment" => {}
        _ => rule.set(Other { module: Text::from(name), words: Vec::new() }),
    }
    if body.is_null() && rule.target == Target::Continue {
        rule.target = other("xt");
    }
}

fn reject(body: &Value) -> String {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    match (text("type"), text("expr")) {
        (Some("tcp reset"), _) => String::from("tcp-reset"),
        (Some("icmp"), Some(word)) => match word {
            "prot-unreachable" => String::from("icmp-proto-unreachable"),
            word => format!("icmp-{word}"),
        },
        (Some("icmpv6"), Some(word)) => match word {
            "admin-prohibited" => String::from("icmp6-adm-prohibited"),
            word => format!("icmp6-{word}"),
        },
        _ => String::new(),
    }
}

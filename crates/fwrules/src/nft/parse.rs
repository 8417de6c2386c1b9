//! Reads `nft -j list ruleset`.
//!
//! Responsible for: tables, chains, sets and rules of nft's JSON (libnftables-json(5)), and the
//! statements of a rule. What does not map is kept as its JSON text, is shown, and is unknown.
//! Must not know: how a rule is matched.
//! Tested by: the unit tests below, `tests/kernel.rs` (what a real nft lists).

use logparse::{Mac, Protocol};
use serde_json::Value;

use crate::matches::{Condition, Expression, Other, Version};
use crate::model::rule::{Counters, Rule};
use crate::model::ruleset::{Base, Chain, Ruleset, Table};
use crate::model::target::{Log, Target, Verdict};
use crate::nft::condition::{condition, test};
use crate::nft::merge::add;
use crate::nft::value::{addresses, interface, ports};
use crate::values::error::ReadError;
use crate::values::hook::Hook;
use crate::values::ipset::{Entry, Part, PartKind, Set};
use crate::values::names;
use crate::values::net::{Family, Test};
use crate::values::text::Text;

impl Ruleset {
    /// Reads what `nft -j list ruleset` prints.
    ///
    /// ```
    /// let rules = fwrules::Ruleset::parse_nft_json(br#"{"nftables": [
    ///   {"table": {"family": "inet", "name": "fw"}},
    ///   {"chain": {"family": "inet", "table": "fw", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
    ///   {"rule": {"family": "inet", "table": "fw", "chain": "in", "expr": [
    ///     {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}},
    ///     {"log": {"prefix": "ssh "}}, {"drop": null}]}}
    /// ]}"#).unwrap();
    /// let (_, rule) = rules.rules().next().unwrap();
    /// assert_eq!(rule.to_display(), "-p tcp -m tcp --dport 22 -j LOG --log-prefix \"ssh \" + DROP");
    /// ```
    ///
    /// # Errors
    /// It is no JSON, or not of this kind; line and column are those of the JSON text.
    pub fn parse_nft_json(text: &[u8]) -> Result<Ruleset, ReadError> {
        let value: Value = serde_json::from_slice(text).map_err(|e| {
            let message = format!("no JSON: {e}");
            ReadError::new(e.column().max(1), message, "write what `nft -j list ruleset` prints")
                .at_line(e.line().max(1))
        })?;
        let Some(list) = value.get("nftables").and_then(Value::as_array) else {
            return Err(ReadError::new(
                1,
                "no \"nftables\" in it",
                "write what `nft -j list ruleset` prints",
            ));
        };
        let mut rules = Ruleset { nft: true, ..Ruleset::default() };
        for (i, item) in list.iter().enumerate() {
            if let Err(what) = rules.nft_item(item) {
                rules.notes.push((0, format!("item {}: {what}", i + 1)));
            }
        }
        Ok(rules)
    }

    fn nft_item(&mut self, item: &Value) -> Result<(), String> {
        let Some((kind, body)) = item.as_object().and_then(|o| o.iter().next()) else {
            return Err(String::from("no object"));
        };
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        match kind.as_str() {
            "metainfo" => Ok(()),
            "table" => {
                self.nft_table(text("family"), text("name"));
                Ok(())
            }
            "chain" => {
                let table = self.nft_table(text("family"), text("table"));
                let name = Text::from(text("name").ok_or("a chain without a name")?);
                let policy = if text("policy") == Some("drop") { Verdict::Drop } else { Verdict::Accept };
                let base = text("hook").map(|hook| Base {
                    hook: Hook::from_name(hook.as_bytes()),
                    priority: body.get("prio").and_then(Value::as_i64).unwrap_or(0) as i32,
                    policy,
                    nat: text("type") == Some("nat"),
                });
                self.tables[table].chains.push(Chain { name, base, counters: None, rules: Vec::new() });
                Ok(())
            }
            "set" | "map" => {
                self.nft_set(body);
                Ok(())
            }
            "rule" => {
                let table = self.nft_table(text("family"), text("table"));
                let name = text("chain").ok_or("a rule without a chain")?;
                let at = match self.tables[table].chain(name.as_bytes()) {
                    Some(at) => at,
                    None => {
                        let chain = Chain { name: Text::from(name), ..Chain::default() };
                        self.tables[table].chains.push(chain);
                        self.tables[table].chains.len() - 1
                    }
                };
                let empty = Vec::new();
                let expressions = body.get("expr").and_then(Value::as_array).unwrap_or(&empty);
                let mut read = read_rule(expressions);
                if expressions.iter().any(|e| e.get("xt").is_some()) {
                    let note =
                        "a rule of iptables-nft, of which nft lists only names: read `iptables-save` instead";
                    if !self.notes.iter().any(|(_, n)| n == note) {
                        self.notes.push((0, note.to_owned()));
                    }
                }
                if let Some(comment) = text("comment") {
                    for rule in &mut read {
                        rule.set(Text::from(comment));
                    }
                }
                self.tables[table].chains[at].rules.append(&mut read);
                Ok(())
            }
            other => Err(format!("`{other}` has no place here")),
        }
    }

    fn nft_table(&mut self, family: Option<&str>, name: Option<&str>) -> usize {
        let family = match family {
            Some("ip") => Family::Ipv4,
            Some("ip6") => Family::Ipv6,
            Some("inet") => Family::Inet,
            _ => Family::Other,
        };
        let name = Text::from(name.unwrap_or(""));
        match self.tables.iter().position(|t| t.family == family && t.name == name) {
            Some(at) => at,
            None => {
                self.tables.push(Table { family, name, chains: Vec::new() });
                self.tables.len() - 1
            }
        }
    }

    /// A named set, as far as its type is known here.
    fn nft_set(&mut self, body: &Value) {
        let Some(name) = body.get("name").and_then(Value::as_str) else { return };
        let kinds: Vec<&str> = match body.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let part = |kind: &&str| match *kind {
            "ipv4_addr" | "ipv6_addr" => Some(PartKind::Address),
            "inet_service" => Some(PartKind::Port),
            "ether_addr" => Some(PartKind::Mac),
            "ifname" => Some(PartKind::Interface),
            "mark" => Some(PartKind::Mark),
            _ => None,
        };
        let parts: Vec<PartKind> = kinds.iter().map(part).collect::<Option<Vec<_>>>().unwrap_or_default();
        let mut options = Vec::new();
        let flags = body.get("flags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        // Sets that rules or the clock change say nothing about the time of the log.
        if body.get("timeout").is_some()
            || flags.iter().any(|f| matches!(f.as_str(), Some("timeout" | "dynamic")))
        {
            options.push(Text::from("timeout"));
        }
        let empty = Vec::new();
        let mut entries = Vec::new();
        for element in body.get("elem").and_then(Value::as_array).unwrap_or(&empty) {
            let element = element.get("elem").and_then(|e| e.get("val")).unwrap_or(element);
            let values: Vec<&Value> = match element.get("concat").and_then(Value::as_array) {
                Some(list) => list.iter().collect(),
                None => vec![element],
            };
            let read = values.iter().zip(&parts).map(|(v, kind)| set_part(v, *kind));
            let parts = match read.collect::<Option<Vec<_>>>() {
                Some(parts) if !parts.is_empty() => parts,
                _ => vec![Part::Text(Text::from(element.to_string()))],
            };
            entries.push(Entry { parts, nomatch: false, options: Vec::new() });
        }
        let kind = Text::from(format!("nft:{}", kinds.join(",")));
        self.sets.sets.push(Set { name: Text::from(name), kind, options, parts, entries });
    }
}

fn set_part(value: &Value, kind: PartKind) -> Option<Part> {
    Some(match kind {
        PartKind::Address => Part::Addresses(addresses(value)?),
        PartKind::Port => Part::Port(None, ports(value)?),
        PartKind::Mac => Part::Mac(Mac::from_text(value.as_str()?.as_bytes())?),
        PartKind::Interface => Part::Interface(interface(value)?),
        PartKind::Mark => Part::Mark(u32::try_from(value.as_u64()?).ok()?),
        PartKind::Set => return None,
    })
}

/// The rules that one rule of nft's gives: a verdict map gives one per element.
fn read_rule(expressions: &[Value]) -> Vec<Rule> {
    let mut rules = vec![Rule::default()];
    for expression in expressions {
        let Some((kind, body)) = expression.as_object().and_then(|o| o.iter().next()) else { continue };
        if kind == "vmap" {
            // Elements exclude each other, so their order does not matter.
            let mapped = verdicts(body);
            let Some(mapped) = mapped else {
                for rule in &mut rules {
                    rule.set(keep(expression));
                    rule.target = unknown_target();
                }
                continue;
            };
            let base = rules.pop().unwrap_or_default();
            rules.clear();
            for (matches, target) in mapped {
                let mut rule = base.clone();
                of_version(&mut rule, body, &matches);
                for m in matches {
                    add(&mut rule, m);
                }
                rule.target = target;
                rules.push(rule);
            }
            continue;
        }
        for rule in &mut rules {
            statement(rule, kind, body, expression);
        }
    }
    rules
}

/// A target of which only the name is known.
fn unknown_target() -> Target {
    Target::Other { name: Text::from("nft"), words: Vec::new() }
}

fn keep(expression: &Value) -> Expression {
    Expression(Text::from(expression.to_string()))
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
        "accept" => rule.target = Target::Accept,
        "drop" => rule.target = Target::Drop,
        "return" => rule.target = Target::Return,
        "continue" => rule.target = Target::Continue,
        "queue" => rule.target = Target::Queue,
        "jump" | "goto" => {
            let name = Text::from(body.get("target").and_then(Value::as_str).unwrap_or(""));
            rule.target = if kind == "jump" { Target::Jump(name) } else { Target::Goto(name) };
        }
        "reject" => rule.target = Target::Reject(Text::from(reject(body))),
        "log" => rule.log = Some(log(body)),
        "limit" => {
            let number = |key: &str, or: u64| body.get(key).and_then(Value::as_u64).unwrap_or(or);
            let per = body.get("per").and_then(Value::as_str).unwrap_or("second");
            let unit = match per {
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
        // `iptables-nft` rules with old extensions: nft knows no more than the name.
        "xt" => {
            let name = body.get("name").and_then(Value::as_str).unwrap_or("xt");
            match body.get("type").and_then(Value::as_str) {
                Some("target") if name == "LOG" => rule.log = Some(Log::default()),
                Some("target") => {
                    rule.target = Target::Other { name: Text::from(name), words: Vec::new() };
                }
                _ if name == "comment" => {}
                _ => rule.set(Other { module: Text::from(name), words: Vec::new() }),
            }
        }
        // Statements after which the rule goes on and that change no verdict.
        "notrack" => rule.target = Target::Other { name: Text::from("NOTRACK"), words: Vec::new() },
        "snat" | "dnat" | "masquerade" | "redirect" | "tproxy" => {
            let name = Text::from(kind.to_ascii_uppercase());
            rule.target = Target::Other { name, words: Vec::new() };
        }
        "mangle" => {
            let key = body.get("key");
            let mark = key.and_then(|k| k.get("meta")).and_then(|m| m.get("key")).and_then(Value::as_str)
                == Some("mark");
            if mark && rule.target == Target::Continue {
                rule.target =
                    Target::Other { name: Text::from("MARK"), words: vec![Text::from(whole.to_string())] };
            }
        }
        "set" | "map" | "quota" | "ct helper" | "ct timeout" | "flow" | "dup" | "secmark" | "ct count"
        | "last" => {
            // Sets and quotas as statements may stop the rule; `add @set` does not.
            if matches!(kind, "quota" | "ct count") {
                rule.set(keep(whole));
            }
        }
        _ => rule.set(keep(whole)),
    }
}

/// The version that an expression asks for silently, as a condition of its own.
fn of_version(rule: &mut Rule, body: &Value, found: &[Condition]) {
    if let Some(v6) = version(body)
        && !found.iter().any(|c| matches!(c, Condition::Addresses(_)))
        && !rule.conditions.contains(&Version { v6 }.into())
    {
        rule.set(Version { v6 });
    }
}

/// Which transport's header an expression looks into: the packet must be of that protocol.
fn transport(value: &Value) -> Option<Protocol> {
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
                _ => object.values().find_map(version),
            }
        }
        Value::Array(list) => list.iter().find_map(version),
        _ => None,
    }
}

/// The elements of a verdict map: what each tests, and where it leads.
fn verdicts(body: &Value) -> Option<Vec<(Vec<Condition>, Target)>> {
    let key = body.get("key")?;
    let set = body.get("data")?.get("set")?.as_array()?;
    let mut list = Vec::new();
    for pair in set {
        let pair = pair.as_array()?;
        let value = pair.first()?;
        let value = value.get("elem").and_then(|e| e.get("val")).unwrap_or(value);
        let matches = test(key, value, false)?;
        let (kind, to) = pair.get(1)?.as_object()?.iter().next()?;
        let name = || Text::from(to.get("target").and_then(Value::as_str).unwrap_or(""));
        let target = match kind.as_str() {
            "accept" => Target::Accept,
            "drop" => Target::Drop,
            "return" => Target::Return,
            "continue" => Target::Continue,
            "queue" => Target::Queue,
            "jump" => Target::Jump(name()),
            "goto" => Target::Goto(name()),
            _ => return None,
        };
        list.push((matches, target));
    }
    Some(list)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(expressions: &str) -> Vec<String> {
        let json = format!(
            r#"{{"nftables": [{{"table": {{"family": "inet", "name": "t"}}}},
               {{"chain": {{"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}}},
               {{"rule": {{"family": "inet", "table": "t", "chain": "c", "expr": [{expressions}]}}}}]}}"#
        );
        let rules = Ruleset::parse_nft_json(json.as_bytes()).unwrap();
        rules.rules().map(|(_, r)| r.to_display()).collect()
    }

    #[test]
    fn verdict_maps_are_several_rules() {
        assert_eq!(
            rule(
                r#"{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["invalid", {"drop": null}], ["established", {"accept": null}]]}}}"#
            ),
            ["-m conntrack --ctstate INVALID -j DROP", "-m conntrack --ctstate ESTABLISHED -j ACCEPT"]
        );
    }

    #[test]
    fn what_does_not_map_is_kept_and_shown() {
        let shown = rule(
            r#"{"match": {"op": "==", "left": {"rt": {"key": "classid"}}, "right": 5}}, {"drop": null}"#,
        );
        assert!(
            shown[0].starts_with("nft: ") && shown[0].contains("classid") && shown[0].ends_with("-j DROP"),
            "{shown:?}"
        );
    }

    #[test]
    fn errors_have_line_and_column() {
        let error = Ruleset::parse_nft_json(b"{\n\"nftables\": [}").unwrap_err();
        assert_eq!((error.line, error.column), (2, 14));
        assert!(Ruleset::parse_nft_json(b"{}").unwrap_err().to_string().contains("no \"nftables\""));
    }
}

//! Reads `nft -j list ruleset`.
//!
//! Responsible for: what of nft's JSON (libnftables-json(5)) maps to rules here: payload, meta
//! and ct matches, sets, verdicts, verdict maps, log. Everything else is kept as its JSON
//! text, is shown, and evaluates to unknown.
//! Must not know: how a rule is matched.
//! Tested by: the unit tests below, `tests/kernel.rs` (what a real nft lists).

use core::net::IpAddr;

use logparse::{Mac, Protocol, TcpFlags};
use serde_json::Value;

use crate::model::conntrack::StateSet;
use crate::model::error::ReadError;
use crate::model::ipset::{Entry, Part, PartKind, Set};
use crate::model::names;
use crate::model::rule::*;
use crate::model::ruleset::{Base, Chain, Hook, Ruleset, Table};
use crate::model::text::Text;

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
                        rule.matches.push(Match::Comment(Text::from(comment)));
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
                    rule.matches.push(keep(expression));
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

fn keep(expression: &Value) -> Match {
    Match::Expression(Text::from(expression.to_string()))
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
                        add(rule, Match::Protocols(Test::is(vec![protocol])));
                    }
                }
                rule.matches.push(keep(whole));
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
        "log" => {
            let text = |key: &str| body.get(key).and_then(Value::as_str);
            let mut log = Log { prefix: Text::from(text("prefix").unwrap_or("")), ..Log::default() };
            let level = names::LEVELS.iter().find(|(name, _)| Some(*name) == text("level"));
            log.level = level.map(|(_, l)| *l).filter(|l| *l != 4);
            let mut flags: Vec<&str> = Vec::new();
            match body.get("flags") {
                Some(Value::String(one)) => flags.push(one),
                Some(Value::Array(list)) => flags.extend(list.iter().filter_map(Value::as_str)),
                _ => {}
            }
            let has = |word: &str| flags.contains(&word) || flags.contains(&"all");
            log.tcp_sequence = has("tcp sequence");
            log.tcp_options = has("tcp options");
            log.ip_options = has("ip options");
            log.uid = has("skuid");
            log.macdecode = has("ether");
            if let Some(group) = body.get("group").and_then(Value::as_u64) {
                log.nflog = Some(["--nflog-group", &group.to_string()].map(Text::from).into());
            }
            rule.log = Some(log);
        }
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
            rule.matches.push(Match::Other { module: Text::from("limit"), words });
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
                _ => rule.matches.push(Match::Other { module: Text::from(name), words: Vec::new() }),
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
                rule.matches.push(keep(whole));
            }
        }
        _ => rule.matches.push(keep(whole)),
    }
}

/// Puts a condition into a rule: into its header where iptables has it there.
fn add(rule: &mut Rule, m: Match) {
    match m {
        Match::Protocols(test) if test.value.len() == 1 && rule.protocol.is_none() => {
            rule.protocol = Some(Test { not: test.not, value: test.value[0] });
        }
        Match::Protocols(test) if test.value.len() == 1 && rule.protocol == Some(Test::is(test.value[0])) => {
        }
        Match::Addresses { side, ranges } if ranges.value.len() == 1 => {
            let slot = match side {
                Side::Source => &mut rule.source,
                Side::Destination => &mut rule.destination,
            };
            match network(&ranges.value[0]) {
                Some(net) if slot.is_none() => *slot = Some(Test { not: ranges.not, value: net }),
                Some(_) => rule.matches.push(Match::Addresses { side, ranges }),
                None => {
                    let test = Some(Test { not: ranges.not, value: ranges.value[0] });
                    rule.matches.push(match side {
                        Side::Source => Match::IpRange { source: test, destination: None },
                        Side::Destination => Match::IpRange { source: None, destination: test },
                    });
                }
            }
        }
        Match::Interfaces { input, names } if names.value.len() == 1 => {
            let slot = if input { &mut rule.input } else { &mut rule.output };
            if slot.is_none() {
                *slot = Some(Test { not: names.not, value: names.value[0].clone() });
            } else {
                rule.matches.push(Match::Interfaces { input, names });
            }
        }
        Match::Tcp(tcp) => {
            rule.protocol.get_or_insert(Test::is(Protocol::TCP));
            let merged = rule.matches.iter_mut().find_map(|m| match m {
                Match::Tcp(old) => Some(old),
                _ => None,
            });
            match merged {
                Some(old) if old.free_for(&tcp) => old.take(&tcp),
                _ => rule.matches.push(Match::Tcp(tcp)),
            }
        }
        Match::Ports(ports) => {
            rule.protocol.get_or_insert(Test::is(ports.protocol));
            let merged = rule.matches.iter_mut().find_map(|m| match m {
                Match::Ports(old) if old.protocol == ports.protocol => Some(old),
                _ => None,
            });
            match merged {
                Some(old) if old.sport.is_none() && old.dport.is_some() && ports.dport.is_none() => {
                    old.sport = ports.sport;
                }
                Some(old) if old.dport.is_none() && ports.sport.is_none() => old.dport = ports.dport,
                _ => rule.matches.push(Match::Ports(ports)),
            }
        }
        Match::Icmp(test) => {
            rule.protocol.get_or_insert(Test::is(Protocol::ICMP));
            code(rule, Match::Icmp(test));
        }
        Match::Icmpv6(test) => {
            rule.protocol.get_or_insert(Test::is(Protocol::ICMPV6));
            code(rule, Match::Icmpv6(test));
        }
        other => rule.matches.push(other),
    }
}

/// `icmp type 3 icmp code 1` is one test.
fn code(rule: &mut Rule, m: Match) {
    let (Match::Icmp(test) | Match::Icmpv6(test)) = &m else { return };
    if let (None, Some(code)) = (test.value.kind, test.value.code) {
        for old in &mut rule.matches {
            if let Match::Icmp(old) | Match::Icmpv6(old) = old
                && old.value.code.is_none()
                && !old.not
                && !test.not
            {
                old.value.code = Some(code);
                return;
            }
        }
        // A code without its type has no match here.
        rule.matches.push(Match::Expression(Text::from(format!("icmp code {code}"))));
        return;
    }
    rule.matches.push(m);
}

impl Tcp {
    fn free_for(&self, other: &Tcp) -> bool {
        (self.sport.is_none() || other.sport.is_none())
            && (self.dport.is_none() || other.dport.is_none())
            && (self.flags.is_none() || other.flags.is_none())
            && (self.option.is_none() || other.option.is_none())
    }

    fn take(&mut self, other: &Tcp) {
        self.sport = self.sport.or(other.sport);
        self.dport = self.dport.or(other.dport);
        self.flags = self.flags.or(other.flags);
        self.option = self.option.or(other.option);
    }
}

/// The range as a network, if it is one.
fn network(range: &AddressRange) -> Option<Net> {
    let length = match (range.first, range.last) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => return None,
    };
    let net = Net::new(range.first, length as u8);
    (net.range() == Some(*range)).then_some(net)
}

/// The version that an expression asks for silently, as a condition of its own.
fn of_version(rule: &mut Rule, body: &Value, found: &[Match]) {
    if let Some(v6) = version(body)
        && !found.iter().any(|m| matches!(m, Match::Addresses { .. }))
        && !rule.matches.contains(&Match::Version { v6 })
    {
        rule.matches.push(Match::Version { v6 });
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

/// `match`: `None` if it has no place here.
fn condition(body: &Value) -> Option<Vec<Match>> {
    let op = body.get("op")?.as_str()?;
    let left = body.get("left")?;
    if field(left) == Some(("tcp", "flags")) && matches!(op, "in" | "!") {
        // `tcp flags syn` is any of these, `tcp flags ! syn` none of them.
        let mask = flag_bits(body.get("right")?)?;
        let test = Test { not: op == "in", value: Flags { mask, set: TcpFlags::EMPTY } };
        return Some(vec![Match::Tcp(Tcp { flags: Some(test), ..Tcp::default() })]);
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
fn compare(left: &Value, op: &str, right: &Value) -> Option<Vec<Match>> {
    let number = right.as_u64()?;
    if let Some(hop_limit) = is_ttl(left) {
        let value = u8::try_from(number).ok()?;
        let (compare, value) = match op {
            "<" => (Compare::Less, value),
            ">" => (Compare::Greater, value),
            "<=" => (Compare::Less, value.checked_add(1)?),
            _ => (Compare::Greater, value.checked_sub(1)?),
        };
        return Some(vec![Match::Ttl { hop_limit, compare, value }]);
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

fn test(left: &Value, right: &Value, not: bool) -> Option<Vec<Match>> {
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
                Some(vec![Match::State { old: false, states: Test { not, value: states } }])
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
            let test = Some(Test { not: not == right.as_bool()?, value: number });
            return whole.then(|| vec![Match::Tcp(Tcp { option: test, ..Tcp::default() })]);
        }
        let name = option.get("name").and_then(Value::as_str)?;
        if (name, option.get("field").and_then(Value::as_str)) == ("maxseg", Some("size")) {
            let value = ports(right)?;
            return Some(vec![Match::Mss(Test { not, value })]);
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
        let exists = right.as_bool()?;
        let option = Some(Test { not: not == exists, value: number });
        return Some(vec![Match::Tcp(Tcp { option, ..Tcp::default() })]);
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
    Some(of.map(|p| Match::Protocols(Test::is(vec![p]))).into_iter().chain([found]).collect())
}

/// The values of a set, or the one value.
fn elements(right: &Value) -> Vec<&Value> {
    match right {
        Value::Array(list) => list.iter().collect(),
        _ => match right.get("set") {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one) => vec![one],
            None => vec![right],
        },
    }
}

fn ports(value: &Value) -> Option<Range<u16>> {
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

fn numbers(value: &Value) -> Option<Range<u32>> {
    let one = |v: &Value| u32::try_from(v.as_u64()?).ok();
    match value.get("range").and_then(Value::as_array) {
        Some(list) => Some(Range::new(one(list.first()?)?, one(list.get(1)?)?)),
        None => one(value).map(Range::one),
    }
}

fn addresses(value: &Value) -> Option<AddressRange> {
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
fn interface(value: &Value) -> Option<Interface> {
    let name = value.as_str()?;
    match name.strip_suffix('*') {
        Some(start) if !start.ends_with('\\') => Some(Interface(Text::from(format!("{start}+")))),
        None if !name.ends_with('+') => Some(Interface(Text::from(name))),
        _ => None,
    }
}

fn protocol(value: &Value) -> Option<Protocol> {
    match value {
        Value::Number(n) => u8::try_from(n.as_u64()?).ok().map(Protocol),
        Value::String(s) => names::protocol(s),
        _ => None,
    }
}

fn meta(key: &str, right: &Value, not: bool) -> Option<Match> {
    let values = elements(right);
    Some(match key {
        "l4proto" => {
            Match::Protocols(Test { not, value: values.into_iter().map(protocol).collect::<Option<_>>()? })
        }
        "iifname" | "oifname" | "iif" | "oif" => {
            let names = values.into_iter().map(interface).collect::<Option<Vec<_>>>()?;
            Match::Interfaces { input: key.starts_with('i'), names: Test { not, value: names } }
        }
        "nfproto" => match (right.as_str()?, not) {
            ("ipv4", false) | ("ipv6", true) => Match::Version { v6: false },
            ("ipv6", false) | ("ipv4", true) => Match::Version { v6: true },
            _ => return None,
        },
        "pkttype" => {
            let kind = match right.as_str()? {
                "host" | "unicast" => PacketType::Unicast,
                "broadcast" => PacketType::Broadcast,
                "multicast" => PacketType::Multicast,
                _ => return None,
            };
            Match::PacketType(Test { not, value: kind })
        }
        "length" => Match::Length(Test { not, value: numbers(right)? }),
        "mark" => Match::Mark(Test { not, value: Masked { value: numbers(right)?.first, mask: u32::MAX } }),
        "skuid" => Match::Owner { uid: Some(Test { not, value: numbers(right)? }), gid: None },
        "skgid" => Match::Owner { uid: None, gid: Some(Test { not, value: numbers(right)? }) },
        _ => return None,
    })
}

fn payload(protocol_name: &str, name: &str, right: &Value, not: bool) -> Option<Match> {
    let values = elements(right);
    match (protocol_name, name) {
        ("ip" | "ip6", "saddr" | "daddr") => {
            let ranges = values.into_iter().map(addresses).collect::<Option<Vec<_>>>()?;
            let side = if name == "saddr" { Side::Source } else { Side::Destination };
            Some(Match::Addresses { side, ranges: Test { not, value: ranges } })
        }
        ("ip", "protocol") | ("ip6", "nexthdr") => {
            let list = values.into_iter().map(protocol).collect::<Option<Vec<_>>>()?;
            Some(Match::Protocols(Test { not, value: list }))
        }
        ("ip", "ttl") | ("ip6", "hoplimit") => {
            let compare = if not { Compare::NotEqual } else { Compare::Equal };
            let value = u8::try_from(right.as_u64()?).ok()?;
            Some(Match::Ttl { hop_limit: protocol_name == "ip6", compare, value })
        }
        ("ip" | "ip6", "dscp") => {
            let value = match right {
                Value::String(word) => names::dscp(word)?,
                other => u8::try_from(other.as_u64()?).ok()?,
            };
            Some(Match::Dscp(Test { not, value }))
        }
        ("ip" | "ip6", "ecn") => {
            let value = match right {
                Value::String(word) => {
                    ["not-ect", "ect1", "ect0", "ce"].iter().position(|w| w == word)? as u8
                }
                other => u8::try_from(other.as_u64()?).ok()?,
            };
            Some(Match::Tos(Test { not, value: Masked { value, mask: 3 } }))
        }
        ("ether", "saddr") => {
            let mac = Mac::from_text(right.as_str()?.as_bytes())?;
            Some(Match::Mac(Test { not, value: mac }))
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
            let test = Test { not, value };
            Some(if v6 { Match::Icmpv6(test) } else { Match::Icmp(test) })
        }
        ("esp", "spi") => Some(Match::Esp(Test { not, value: numbers(right)? })),
        ("ah", "spi") => Some(Match::Ah(Test { not, value: numbers(right)? })),
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
                        Protocol::TCP => Match::Tcp(Tcp { sport, dport, ..Tcp::default() }),
                        protocol => Match::Ports(Ports { protocol, sport, dport }),
                    })
                }
                _ => {
                    let side = if source { PortSide::Source } else { PortSide::Destination };
                    Some(Match::Multiport { side, ports: Test { not, value: ranges } })
                }
            }
        }
        ("tcp", "flags") => {
            // Without a mask: exactly these flags.
            let set = flag_bits(right)?;
            let all = TcpFlags::from_bits(0xff);
            Some(Match::Tcp(Tcp {
                flags: Some(Test { not, value: Flags { mask: all, set } }),
                ..Tcp::default()
            }))
        }
        _ => None,
    }
}

/// ICMP codes by name, as nft lists them.
fn code_word(word: &str, v6: bool) -> Option<u8> {
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

fn flag_bits(value: &Value) -> Option<TcpFlags> {
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

/// `tcp flags & (fin | syn) == syn`, `meta mark & 0xf0 == 0x10`, `ip frag-off & 0x1fff != 0`.
fn masked(left: &Value, mask: &Value, right: &Value, not: bool) -> Option<Vec<Match>> {
    if let Some(("tcp", "flags")) = field(left) {
        let value = Flags { mask: flag_bits(mask)?, set: flag_bits(right)? };
        return Some(vec![Match::Tcp(Tcp { flags: Some(Test { not, value }), ..Tcp::default() })]);
    }
    let number = |v: &Value| u32::try_from(v.as_u64()?).ok();
    if left.get("meta").and_then(|m| m.get("key")).and_then(Value::as_str) == Some("mark") {
        let value = Masked { value: number(right)?, mask: number(mask)? };
        return Some(vec![Match::Mark(Test { not, value })]);
    }
    if let Some(("ip" | "ip6", name @ ("saddr" | "daddr"))) = field(left) {
        // A mask that is a prefix is a network; any other has no place in a set of ranges.
        let net = Net::with_mask(right.as_str()?.parse().ok()?, mask.as_str()?.parse().ok()?)?;
        let side = if name == "saddr" { Side::Source } else { Side::Destination };
        return Some(vec![Match::Addresses { side, ranges: Test { not, value: vec![net.range()?] } }]);
    }
    None
}

fn fib_type(fib: &Value, right: &Value, not: bool) -> Option<Match> {
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
        types = types.or(AddressTypes::WORDS.iter().find(|(_, w)| w.eq_ignore_ascii_case(word))?.0);
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
    Some(Match::AddressType(found))
}

/// `ip saddr @bad`, `ip saddr . tcp dport @bad`.
fn named(left: &Value, name: &str, not: bool) -> Option<Vec<Match>> {
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
    let mut matches: Vec<Match> = Vec::new();
    if let Some(protocol) = found.iter().find_map(|(_, p)| *p) {
        matches.push(Match::Protocols(Test::is(vec![protocol])));
    }
    let sides = found.into_iter().map(|(side, _)| side).collect();
    matches.push(Match::Set { name: Text::from(name), sides, not });
    Some(matches)
}

/// `icmp type . icmp code != { 3 . 1 }`.
fn concat(list: &[Value], right: &Value, not: bool) -> Option<Vec<Match>> {
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
    let test = Test { not, value: Icmp { kind: Some(kind), code: Some(code) } };
    Some(vec![if v6 { Match::Icmpv6(test) } else { Match::Icmp(test) }])
}

/// The elements of a verdict map: what each tests, and where it leads.
fn verdicts(body: &Value) -> Option<Vec<(Vec<Match>, Target)>> {
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

//! Reads `nft -j list ruleset`.
//!
//! Responsible for: tables, chains, sets and rules of nft's JSON (libnftables-json(5)), and the
//! statements of a rule. What does not map is kept as its JSON text, is shown, and is unknown.
//! Must not know: how a rule is matched.
//! Tested by: the unit tests below, `tests/kernel.rs` (what a real nft lists).

use std::collections::{HashMap, HashSet};

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
use crate::view::Changes;

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
        let mut reader =
            Reader { rules: Ruleset { nft: true, ..Ruleset::default() }, ..Reader::default() };
        let maps = list.iter().filter_map(|item| item.get("map"));
        reader.maps = maps.filter_map(|map| Some((whose(map, "name")?, map))).collect();
        reader.filled = list.iter().filter_map(|item| item.get("rule")).flat_map(filled).collect();
        for (i, item) in list.iter().enumerate() {
            if let Err(what) = reader.item(item) {
                reader.rules.notes.push((0, format!("item {}: {what}", i + 1)));
            }
        }
        reader.finish();
        Ok(reader.rules)
    }
}

/// What identifies an object: family, table, name.
type Whose<'v> = (&'v str, &'v str, &'v str);

fn whose<'v>(body: &'v Value, name: &str) -> Option<Whose<'v>> {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    Some((text("family")?, text("table")?, text(name)?))
}

/// A ruleset that is being read.
#[derive(Default)]
struct Reader<'v> {
    rules: Ruleset,
    maps: HashMap<Whose<'v>, &'v Value>,
    /// Sets and maps that rules put elements into, or take them out of.
    filled: HashSet<Whose<'v>>,
    tables: HashMap<(&'v str, &'v str), usize>,
    chains: HashMap<Whose<'v>, usize>,
    /// Tables that are switched off.
    dormant: Vec<usize>,
}

impl<'v> Reader<'v> {
    fn finish(&mut self) {
        for table in &self.dormant {
            let table = &mut self.rules.tables[*table];
            let note = format!("table {} is dormant: no packet comes to its chains", table.name);
            self.rules.notes.push((0, note));
            table.chains.iter_mut().for_each(|chain| chain.base = None);
        }
        let mut families: HashMap<Text, HashSet<Family>> = HashMap::new();
        for table in &self.rules.tables {
            families.entry(table.name.clone()).or_default().insert(table.family);
        }
        for table in &mut self.rules.tables {
            table.twin = families.get(&table.name).is_some_and(|of| of.len() > 1);
        }
        // Rules name a set without its table: which one of several is meant is not known.
        let mut seen: HashMap<Text, usize> = HashMap::new();
        self.rules.sets.sets.iter().for_each(|set| *seen.entry(set.name.clone()).or_default() += 1);
        for set in &mut self.rules.sets.sets {
            if seen.get(&set.name).is_some_and(|count| *count > 1) && !set.is_timed() {
                set.options.push(Text::from("timeout"));
            }
        }
        self.rules.changes.sets |= !self.filled.is_empty();
    }

    fn item(&mut self, item: &'v Value) -> Result<(), String> {
        let Some((kind, body)) = item.as_object().and_then(|o| o.iter().next()) else {
            return Err(String::from("no object"));
        };
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        match kind.as_str() {
            "metainfo" | "counter" | "quota" | "limit" | "ct helper" | "ct timeout" | "ct expectation"
            | "flowtable" | "secmark" | "synproxy" => Ok(()),
            "table" => {
                let table = self.table(text("family"), text("name"));
                if words(body.get("flags")).any(|flag| flag == "dormant") {
                    self.dormant.push(table);
                }
                Ok(())
            }
            "chain" => {
                let table = self.table(text("family"), text("table"));
                let name = Text::from(text("name").ok_or("a chain without a name")?);
                let policy = if text("policy") == Some("drop") { Verdict::Drop } else { Verdict::Accept };
                let base = text("hook").map(|hook| Base {
                    hook: Hook::from_name(hook.as_bytes()),
                    priority: body.get("prio").and_then(Value::as_i64).unwrap_or(0) as i32,
                    policy,
                    nat: text("type") == Some("nat"),
                });
                let chains = &mut self.rules.tables[table].chains;
                chains.push(Chain { name, base, counters: None, rules: Vec::new() });
                if let Some(whose) = whose(body, "name") {
                    self.chains.entry(whose).or_insert(chains.len() - 1);
                }
                Ok(())
            }
            "set" | "map" => {
                self.set(body);
                Ok(())
            }
            "rule" => self.rule(body),
            other => Err(format!("`{other}` has no place here")),
        }
    }

    fn rule(&mut self, body: &'v Value) -> Result<(), String> {
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let table = self.table(text("family"), text("table"));
        let name = text("chain").ok_or("a rule without a chain")?;
        let chains = &mut self.rules.tables[table].chains;
        let mut new = || {
            chains.push(Chain { name: Text::from(name), ..Chain::default() });
            chains.len() - 1
        };
        let at = match whose(body, "chain") {
            Some(whose) => *self.chains.entry(whose).or_insert_with(new),
            None => new(),
        };
        let expressions = body.get("expr").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let listed: Vec<Value> = expressions.iter().map(|e| self.with_elements(e, body)).collect();
        let mut read = read_rule(&listed);
        expressions.iter().for_each(|expression| changes(expression, &mut self.rules.changes));
        if expressions.iter().any(|e| e.get("xt").is_some()) {
            let note = "a rule of iptables-nft, of which nft lists only names: read `iptables-save` instead";
            if !self.rules.notes.iter().any(|(_, n)| n == note) {
                self.rules.notes.push((0, note.to_owned()));
            }
        }
        let rules = &mut self.rules.tables[table].chains[at].rules;
        let folded = rules.last().map_or(0, |rule| rule.folded);
        for (element, rule) in (0..).zip(&mut read) {
            rule.folded = folded + element;
            if let Some(comment) = text("comment") {
                rule.set(Text::from(comment));
            }
        }
        rules.append(&mut read);
        Ok(())
    }

    fn table(&mut self, family: Option<&'v str>, name: Option<&'v str>) -> usize {
        let (family, name) = (family.unwrap_or(""), name.unwrap_or(""));
        let tables = &mut self.rules.tables;
        *self.tables.entry((family, name)).or_insert_with(|| {
            let family = Family::from_word(family);
            tables.push(Table { family, name: Text::from(name), ..Table::default() });
            tables.len() - 1
        })
    }

    /// A verdict map that is named in a rule, with the elements that are listed for it.
    fn with_elements(&self, expression: &Value, rule: &'v Value) -> Value {
        let named = || {
            let body = expression.get("vmap")?;
            let name = body.get("data")?.as_str()?.strip_prefix('@')?;
            let (family, table, _) = whose(rule, "chain")?;
            let whose = (family, table, name);
            let map = self.maps.get(&whose)?;
            // Elements that come and go say nothing about the time of the log.
            let moves = map.get("timeout").is_some()
                || words(map.get("flags")).any(|flag| matches!(flag, "timeout" | "dynamic"))
                || self.filled.contains(&whose);
            let elements = map.get("elem").cloned().unwrap_or_else(|| Value::Array(Vec::new()));
            let data = serde_json::json!({ "set": elements, "moves": moves });
            Some(serde_json::json!({ "vmap": { "key": body.get("key")?, "data": data } }))
        };
        named().unwrap_or_else(|| expression.clone())
    }

    /// A named set, as far as its type is known here.
    fn set(&mut self, body: &Value) {
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
        // Sets that rules or the clock change say nothing about the time of the log.
        if body.get("timeout").is_some()
            || words(body.get("flags")).any(|flag| matches!(flag, "timeout" | "dynamic"))
            || whose(body, "name").is_some_and(|whose| self.filled.contains(&whose))
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
        self.rules.sets.sets.push(Set { name: Text::from(name), kind, options, parts, entries });
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

/// A word, or a list of words.
fn words(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = match value {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => core::slice::from_ref(one),
        None => &[],
    };
    list.iter().filter_map(Value::as_str)
}

/// The sets and maps that a rule's statements change: `add @s`, `update @s`, `delete @s`.
fn filled(rule: &Value) -> impl Iterator<Item = Whose<'_>> {
    let list = rule.get("expr").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (family, table) = whose(rule, "chain").map_or(("", ""), |(family, table, _)| (family, table));
    list.iter().filter_map(move |expression| {
        let of = |kind: &str| expression.get(kind)?.get(kind)?.as_str()?.strip_prefix('@');
        Some((family, table, of("set").or_else(|| of("map"))?))
    })
}

/// What a statement changes in the packet: `meta mark set`, `ip dscp set`, ...
fn changes(expression: &Value, changes: &mut Changes) {
    if let Some(key) = expression.get("mangle").and_then(|body| body.get("key")) {
        let meta = key.get("meta").and_then(|meta| meta.get("key")).and_then(Value::as_str);
        changes.mark |= meta == Some("mark");
        changes.options |= key.get("tcp option").is_some();
        if let Some(payload) = key.get("payload") {
            let field = payload.get("field").and_then(Value::as_str);
            // Bytes at some offset may be any of these.
            changes.tos |= matches!(field, Some("dscp" | "ecn") | None);
            changes.ttl |= matches!(field, Some("ttl" | "hoplimit") | None);
            changes.address |= matches!(field, Some("saddr" | "daddr" | "sport" | "dport") | None);
        }
    }
    changes.options |= expression.get("reset").is_some();
}

/// Whether a statement looks something up in a map: if it is not there, the rule ends.
fn looks_up(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.contains_key("map") || object.values().any(looks_up),
        Value::Array(list) => list.iter().any(looks_up),
        _ => false,
    }
}

/// The rules that one rule of nft's gives: a verdict map gives one per element.
fn read_rule(expressions: &[Value]) -> Vec<Rule> {
    let mut rules = vec![Rule::default()];
    for expression in expressions {
        let Some((kind, body)) = expression.as_object().and_then(|o| o.iter().next()) else { continue };
        if kind == "vmap" {
            let base = rules.pop().unwrap_or_default();
            rules = verdicts(&base, body, expression);
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
        "accept" | "drop" | "return" | "continue" | "queue" | "jump" | "goto" => {
            rule.target = target(whole).unwrap_or_default();
        }
        "reject" => rule.target = Target::Reject(Text::from(reject(body))),
        "log" => rule.log = Some(log(body)),
        // More than so many, or bytes: nothing that `-m limit` says.
        "limit"
            if body.get("inv").and_then(Value::as_bool) == Some(true)
                || body.get("rate_unit").is_some_and(|unit| unit != "packets") =>
        {
            rule.set(keep(whole));
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
            rule.set(Other { module: Text::from("limit"), words });
        }
        // `iptables-nft` rules with old extensions: nft knows no more than the name.
        // Before 1.0.6 not even that: it may be a match, or a target that ends the packet's way.
        "xt" if body.is_null() => {
            rule.set(Other { module: Text::from("xt"), words: Vec::new() });
            if rule.target == Target::Continue {
                rule.target = Target::Other { name: Text::from("xt"), words: Vec::new() };
            }
        }
        "xt" => {
            let name = body.get("name").and_then(Value::as_str).unwrap_or("xt");
            match body.get("type").and_then(Value::as_str) {
                Some("target") if name == "REJECT" => rule.target = Target::Reject(Text::default()),
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
                _ if object.contains_key("ip option") => Some(false),
                _ if object.contains_key("exthdr") => Some(true),
                _ => object.values().find_map(version),
            }
        }
        Value::Array(list) => list.iter().find_map(version),
        _ => None,
    }
}

/// The rules that a verdict map gives: one for each element, with what it tests and where it leads.
/// Elements exclude each other, so their order does not matter, but that of `*`, which is for all
/// that is not listed.
fn verdicts(base: &Rule, body: &Value, whole: &Value) -> Vec<Rule> {
    let key = body.get("key").unwrap_or(&Value::Null);
    let data = body.get("data");
    let listed = data.and_then(|data| data.get("set")).and_then(Value::as_array);
    let moves = data.and_then(|data| data.get("moves")).and_then(Value::as_bool) == Some(true);
    let unknown = || {
        let mut rule = base.clone();
        rule.set(keep(whole));
        rule.target = unknown_target();
        rule
    };
    let element = |pair: &Value| {
        let value = pair.get(0)?;
        let value = value.get("elem").and_then(|e| e.get("val")).unwrap_or(value);
        let target = target(pair.get(1)?)?;
        let mut rule = Rule { target, ..base.clone() };
        let rest = value == "*";
        let found = if rest { Some(Vec::new()) } else { test(key, value, false) };
        of_version(&mut rule, body, found.as_deref().unwrap_or_default());
        match found {
            Some(found) => found.into_iter().for_each(|condition| add(&mut rule, condition)),
            None => {
                let test = serde_json::json!({ "match": { "op": "==", "left": key, "right": value } });
                rule.set(keep(&test));
            }
        }
        if moves {
            rule.set(keep(whole));
        }
        Some((rest, rule))
    };
    let read = |listed: &Vec<Value>| listed.iter().map(element).collect::<Option<Vec<_>>>();
    let Some(mut read) = listed.and_then(read) else { return vec![unknown()] };
    read.sort_by_key(|(rest, _)| *rest);
    let mut rules: Vec<Rule> = read.into_iter().map(|(_, rule)| rule).collect();
    if moves {
        rules.push(unknown());
    } else if rules.is_empty() {
        // An empty map: a rule that takes nothing.
        rules.push(Rule { target: Target::Continue, ..unknown() });
    }
    rules
}

/// A verdict.
fn target(verdict: &Value) -> Option<Target> {
    let (kind, to) = verdict.as_object()?.iter().next()?;
    let name = || Text::from(to.get("target").and_then(Value::as_str).unwrap_or(""));
    Some(match kind.as_str() {
        "accept" => Target::Accept,
        "drop" => Target::Drop,
        "return" => Target::Return,
        "continue" => Target::Continue,
        "queue" => Target::Queue,
        "jump" => Target::Jump(name()),
        "goto" => Target::Goto(name()),
        _ => return None,
    })
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
    use crate::eval::evidence::Evidence;
    use crate::eval::outcome::Fate;
    use crate::eval::walker::Walker;
    use crate::values::tri::Why;
    use crate::view::Context;

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

    /// A chain in `input` that jumps by a named map, a set that rules fill, and a table before routing.
    const NAMED: &str = r#"{"nftables": [
        {"table": {"family": "ip", "name": "t"}},
        {"set": {"family": "ip", "table": "t", "name": "s", "type": "ipv4_addr"}},
        {"chain": {"family": "ip", "table": "t", "name": "i", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
        {"chain": {"family": "ip", "table": "t", "name": "x"}},
        {"map": {"family": "ip", "table": "t", "name": "m", "type": "ifname", "map": "verdict",
            "elem": [["eth0", {"jump": {"target": "x"}}], ["eth1", {"accept": null}]]}},
        {"rule": {"family": "ip", "table": "t", "chain": "i", "expr": [{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@m"}}]}},
        {"rule": {"family": "ip", "table": "t", "chain": "x", "expr": [{"match": {"op": "==",
            "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@s"}}, {"log": {"prefix": "seen "}}]}},
        {"rule": {"family": "ip", "table": "t", "chain": "x", "expr": [{"set": {"op": "add",
            "elem": {"payload": {"protocol": "ip", "field": "saddr"}}, "set": "@s"}}]}},
        {"rule": {"family": "ip", "table": "t", "chain": "x", "expr": [{"log": {"prefix": "x "}}, {"drop": null}]}},
        {"table": {"family": "netdev", "name": "d"}},
        {"chain": {"family": "netdev", "table": "d", "name": "g", "type": "filter", "hook": "ingress", "prio": 0, "policy": "accept"}},
        {"rule": {"family": "netdev", "table": "d", "chain": "g", "expr": [{"match": {"op": "==",
            "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 445}}, {"log": {"prefix": "early "}}, {"drop": null}]}}]}"#;

    fn fate(rules: &str, prefix: &str) -> Fate {
        let rules = Ruleset::parse_nft_json(rules.as_bytes()).unwrap();
        let line = format!(
            "{prefix}IN=eth0 OUT= MAC= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=22 WINDOW=0 RES=0x00 SYN URGP=0 "
        );
        let entry = logparse::parse(line.as_bytes()).unwrap();
        Walker::new(&rules, Evidence::Usual).fate(&entry.packet, &Context::default())
    }

    #[test]
    fn named_maps_sets_that_rules_fill_and_tables_before_routing() {
        assert!(matches!(fate(NAMED, "x "), Fate::Remains(_)));
        // That the line was written proves that the address was in the set then.
        assert!(matches!(fate(NAMED, "seen "), Fate::Unknown(_, Why::Set)));
        assert!(matches!(fate(NAMED, "early "), Fate::Unknown(_, Why::Route)));
        assert_eq!(fate(NAMED, "other "), Fate::Unwritten);
        // It may have been dropped before it was routed.
        assert!(matches!(fate(&NAMED.replace("445", "22"), "x "), Fate::Unknown(_, Why::Route)));
        // Another table has a map and a set of the same names.
        let twice = NAMED.replace(
            r#"{"table": {"family": "netdev""#,
            r#"{"set": {"family": "ip6", "table": "t", "name": "s", "type": "ipv6_addr"}}, {"table": {"family": "netdev""#,
        );
        assert!(matches!(fate(&twice, "x "), Fate::Remains(_)));
        // A map that rules fill: what was in it is not known.
        let filled = NAMED.replace(r#"{"set": {"op": "add","#, r#"{"map": {"op": "add", "map": "@m", "data": {"accept": null},"#);
        let rules = Ruleset::parse_nft_json(filled.as_bytes()).unwrap();
        assert_eq!(rules.rules().filter(|(_, rule)| rule.target == unknown_target()).count(), 1);
        let dormant = NAMED.replacen(r#""name": "t"}"#, r#""name": "t", "flags": ["dormant"]}"#, 1);
        assert!(matches!(fate(&dormant, "x "), Fate::OtherFamily));
    }

    #[test]
    fn of_old_extensions_only_names_are_known() {
        let with = |xt: &str| {
            let rule = r#"{"rule": {"family": "ip", "table": "t", "chain": "i", "expr": [XT]}}"#;
            NAMED
                .replace(
                    "{\"table\": {\"family\": \"netdev\"",
                    &format!("{},{{\"table\": {{\"family\": \"netdev\"", rule.replace("XT", xt)),
                )
                .replace("\"eth0\"", "\"eth9\"")
        };
        let log = r#"{"xt": {"type": "target", "name": "LOG"}}"#;
        assert!(matches!(fate(&with(log), "in "), Fate::Unknown(_, Why::Match)));
        assert!(matches!(fate(&with(r#"{"xt": null}"#), "in "), Fate::Unknown(_, Why::Match)));
        let reject = with(r#"{"xt": {"type": "target", "name": "REJECT"}}"#);
        assert_eq!(fate(&reject, "in "), Fate::Unwritten);
        assert!(
            Ruleset::parse_nft_json(reject.as_bytes())
                .unwrap()
                .rules()
                .any(|(_, r)| r.target == Target::Reject(Text::default()))
        );
    }

    #[test]
    fn rules_are_counted_as_nft_lists_them() {
        let json = r#"{"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c", "type": "filter", "hook": "input", "prio": 0}},
            {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"vmap": {"key": {"concat": [{"meta": {"key": "iifname"}},
                {"payload": {"protocol": "ip", "field": "saddr"}}]}, "data": {"set": [
                [{"concat": ["eth0", "10.0.0.1"]}, {"jump": {"target": "x"}}], ["*", {"drop": null}],
                [{"concat": ["eth1", "10.0.0.1"]}, {"accept": null}]]}}}]}},
            {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"limit": {"rate": 5, "per": "minute", "inv": true}}, {"drop": null}]}}]}"#;
        let rules = Ruleset::parse_nft_json(json.as_bytes()).unwrap();
        let shown: Vec<String> =
            rules.rules().map(|(id, rule)| format!("{}: {}", rules.name(id), rule.to_display())).collect();
        assert_eq!(
            shown,
            [
                "t c 1: -4 nft: meta iifname . ip saddr eth0 . 10.0.0.1 -j x",
                "t c 1: -4 nft: meta iifname . ip saddr eth1 . 10.0.0.1 -j ACCEPT",
                // What is in no other element comes last.
                "t c 1: -4 -j DROP",
                "t c 2: nft: limit rate over 5/minute -j DROP",
            ]
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

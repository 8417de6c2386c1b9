//! Reads `nft -j list ruleset`.
//!
//! Responsible for: tables, chains, sets, maps and rules of nft's JSON (libnftables-json(5)).
//! Must not know: what a rule's statements mean, how a rule is matched.
//! Tested by: the unit tests below, `tests/kernel.rs` (what a real nft lists).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use logparse::Mac;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::ruleset::{Base, Chain, Ruleset, Table};
use crate::model::target::Verdict;
use crate::nft::statement::read_rule;
use crate::nft::value::{addresses, interface, ports};
use crate::nft::verdicts::Verdicts;
use crate::values::error::ReadError;
use crate::values::hook::Hook;
use crate::values::ipset::{Entry, Part, PartKind, Set};
use crate::values::net::Family;
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
        let none = || ReadError::new(1, "no \"nftables\" in it", "write what `nft -j list ruleset` prints");
        // One object at a time is taken apart: all of a big ruleset's at once take much memory.
        let top: BTreeMap<String, &RawValue> = serde_json::from_slice(text).map_err(|e| {
            if e.is_data() {
                return none();
            }
            let message = format!("no JSON: {e}");
            ReadError::new(e.column().max(1), message, "write what `nft -j list ruleset` prints")
                .at_line(e.line().max(1))
        })?;
        let list = top.get("nftables").and_then(|raw| read::<Vec<&RawValue>>(raw)).ok_or_else(none)?;
        let mut reader = Reader { rules: Ruleset { nft: true, ..Ruleset::default() }, ..Reader::default() };
        let items: Vec<Option<(String, &RawValue)>> = list.into_iter().map(kind).collect();
        items.iter().flatten().for_each(|(kind, body)| reader.look_ahead(kind, body));
        for (i, item) in items.iter().enumerate() {
            let read = match item {
                Some((kind, body)) => reader.item(kind, body),
                None => Err(String::from("no object")),
            };
            if let Err(what) = read {
                reader.rules.notes.push((0, format!("item {}: {what}", i + 1)));
            }
        }
        reader.finish();
        Ok(reader.rules)
    }
}

fn read<'t, T: serde::Deserialize<'t>>(raw: &'t RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// What an object is, and what it says.
fn kind(item: &RawValue) -> Option<(String, &RawValue)> {
    read::<BTreeMap<String, &RawValue>>(item)?.pop_first()
}

/// A set or map: its elements as text, and all else that it says.
fn parted(body: &RawValue) -> Option<(Value, Option<&RawValue>)> {
    let mut of: BTreeMap<String, &RawValue> = read(body)?;
    let elements = of.remove("elem");
    let rest = of.into_iter().filter_map(|(key, raw)| Some((key, read(raw)?))).collect();
    Some((Value::Object(rest), elements))
}

/// Words as numbers: objects are told by theirs.
#[derive(Default)]
struct Names(HashMap<String, u32>);

impl Names {
    fn of(&mut self, word: &str) -> u32 {
        match self.0.get(word) {
            Some(number) => *number,
            None => {
                let number = self.0.len() as u32;
                self.0.insert(word.to_owned(), number);
                number
            }
        }
    }

    /// What identifies an object: family, table, and its name under this key.
    fn whose(&mut self, body: &Value, name: &str) -> Option<Whose> {
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let (family, table, name) = (text("family")?, text("table")?, text(name)?);
        Some([self.of(family), self.of(table), self.of(name)])
    }
}

/// What identifies an object: family, table, name.
type Whose = [u32; 3];

/// A map: what it says, and its elements.
struct Map<'t> {
    body: Value,
    elements: Option<&'t RawValue>,
    /// The same, once a rule has named it.
    read: Option<Rc<Verdicts>>,
}

/// A ruleset that is being read.
#[derive(Default)]
struct Reader<'t> {
    rules: Ruleset,
    names: Names,
    maps: HashMap<Whose, Map<'t>>,
    /// Sets and maps that rules put elements into, or take them out of.
    filled: HashSet<Whose>,
    tables: HashMap<[u32; 2], usize>,
    chains: HashMap<Whose, usize>,
    /// Tables that are switched off.
    dormant: Vec<usize>,
}

impl<'t> Reader<'t> {
    /// What rules refer to before it is listed.
    fn look_ahead(&mut self, kind: &str, body: &'t RawValue) {
        let says = |word: &str| body.get().contains(word);
        if kind == "map" {
            if let Some((body, elements)) = parted(body)
                && let Some(whose) = self.names.whose(&body, "name")
            {
                self.maps.insert(whose, Map { body, elements, read: None });
            }
        } else if kind == "rule" && (says("\"set\"") || says("\"map\"")) {
            let Some(rule) = read::<Value>(body) else { return };
            for name in filled(&rule) {
                if let Some([family, table, _]) = self.names.whose(&rule, "chain") {
                    self.filled.insert([family, table, self.names.of(name)]);
                }
            }
        }
    }

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

    fn item(&mut self, kind: &str, body: &RawValue) -> Result<(), String> {
        // Maps are read where rules name them.
        if kind == "map" {
            return Ok(());
        }
        if kind == "set" {
            if let Some((set, elements)) = parted(body) {
                self.set(&set, elements);
            }
            return Ok(());
        }
        let body = &serde_json::from_str::<Value>(body.get()).map_err(|error| error.to_string())?;
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        match kind {
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
                if let Some(whose) = self.names.whose(body, "name") {
                    self.chains.entry(whose).or_insert(chains.len() - 1);
                }
                Ok(())
            }
            "rule" => self.rule(body),
            other => Err(format!("`{other}` has no place here")),
        }
    }

    fn rule(&mut self, body: &Value) -> Result<(), String> {
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let table = self.table(text("family"), text("table"));
        let name = text("chain").ok_or("a rule without a chain")?;
        let chains = &mut self.rules.tables[table].chains;
        let mut new = || {
            chains.push(Chain { name: Text::from(name), ..Chain::default() });
            chains.len() - 1
        };
        let at = match self.names.whose(body, "chain") {
            Some(whose) => *self.chains.entry(whose).or_insert_with(new),
            None => new(),
        };
        let expressions = body.get("expr").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut read = read_rule(expressions, &mut |map| self.verdicts(map, body));
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

    fn table(&mut self, family: Option<&str>, name: Option<&str>) -> usize {
        let (family, name) = (family.unwrap_or(""), name.unwrap_or(""));
        let tables = &mut self.rules.tables;
        let whose = [self.names.of(family), self.names.of(name)];
        *self.tables.entry(whose).or_insert_with(|| {
            let family = Family::from_word(family);
            tables.push(Table { family, name: Text::from(name), ..Table::default() });
            tables.len() - 1
        })
    }

    /// What a map says that a rule names, if all its elements are verdicts.
    fn verdicts(&mut self, name: &str, rule: &Value) -> Option<Rc<Verdicts>> {
        let [family, table, _] = self.names.whose(rule, "chain")?;
        let whose = [family, table, self.names.of(name)];
        let map = self.maps.get_mut(&whose)?;
        if map.read.is_none() {
            let elements = map.elements.and_then(read::<Vec<&RawValue>>).unwrap_or_default();
            let mut verdicts = Verdicts::of(elements.into_iter().filter_map(read::<Value>))?;
            // Elements that come and go say nothing about the time of the log.
            verdicts.moves = moves(&map.body) || self.filled.contains(&whose);
            map.read = Some(Rc::new(verdicts));
        }
        map.read.clone()
    }

    /// A named set, as far as its type is known here.
    fn set(&mut self, body: &Value, elements: Option<&RawValue>) {
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
        if moves(body) || self.names.whose(body, "name").is_some_and(|whose| self.filled.contains(&whose)) {
            options.push(Text::from("timeout"));
        }
        let elements = elements.and_then(read::<Vec<&RawValue>>).unwrap_or_default();
        let mut entries = Vec::with_capacity(elements.len());
        for element in elements {
            let Some(element) = read::<Value>(element) else { continue };
            let element = &element;
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

/// Whether a set or map says that its elements come and go.
fn moves(body: &Value) -> bool {
    body.get("timeout").is_some()
        || words(body.get("flags")).any(|flag| matches!(flag, "timeout" | "dynamic"))
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
fn filled(rule: &Value) -> impl Iterator<Item = &str> {
    let list = rule.get("expr").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(move |expression| {
        let of = |kind: &str| expression.get(kind)?.get(kind)?.as_str()?.strip_prefix('@');
        of("set").or_else(|| of("map"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::evidence::Evidence;
    use crate::eval::outcome::Fate;
    use crate::eval::walker::Walker;
    use crate::model::target::Target;
    use crate::nft::verdicts::unknown_target;
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
        let filled = NAMED.replace(
            r#"{"set": {"op": "add","#,
            r#"{"map": {"op": "add", "map": "@m", "data": {"accept": null},"#,
        );
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
    fn a_set_of_icmp_types_is_a_rule_for_each() {
        let icmp = |field: &str| format!(r#"{{"payload": {{"protocol": "icmpv6", "field": "{field}"}}}}"#);
        let of = |op: &str, left: &str, set: &str| {
            rule(&format!(
                r#"{{"match": {{"op": "{op}", "left": {left}, "right": {{"set": [{set}]}}}}}}, {{"accept": null}}"#
            ))
        };
        assert_eq!(
            of("==", &icmp("type"), r#""packet-too-big", 135"#),
            [
                "-p ipv6-icmp -6 -m icmp6 --icmpv6-type 2 -j ACCEPT",
                "-p ipv6-icmp -6 -m icmp6 --icmpv6-type 135 -j ACCEPT",
            ]
        );
        let both = format!(r#"{{"concat": [{}, {}]}}"#, icmp("type"), icmp("code"));
        let pairs = r#"{"concat": ["destination-unreachable", "no-route"]}, {"concat": [4, 1]}"#;
        assert_eq!(
            of("==", &both, pairs),
            [
                "-p ipv6-icmp -6 -m icmp6 --icmpv6-type 1/0 -j ACCEPT",
                "-p ipv6-icmp -6 -m icmp6 --icmpv6-type 4/1 -j ACCEPT",
            ]
        );
        // None of them: no condition says that.
        assert_eq!(of("!=", &icmp("type"), "1, 2").len(), 1);
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

//! The text that `fwstat suggest --format nft` prints, as the JSON that nft would print of it.
//!
//! Responsible for: tables, chains and the words of rules in that text.
//! Must not know: what a rule matches (`fwrules`). Other words of nft are errors: its own `-j list ruleset` has all.
//! Tested by: the unit tests below, `tests/cli/replay_files.rs`.

use fwlog::sorting::InOrder as _;
use serde_json::{Value, json};

/// Whether a text is of this form.
pub(super) fn is_nft(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| line.starts_with("table ") && line.ends_with('{'))
}

/// The text as nft's JSON.
///
/// # Errors
/// The line that has other words.
pub(super) fn to_json(text: &str) -> Result<String, String> {
    let mut list = Vec::new();
    let (mut table, mut chain) = (None, None);
    for line in text.lines().map(str::trim) {
        let words = words(line);
        let all: Vec<&str> = words.iter().map(String::as_str).collect();
        match (&all[..], table.clone(), chain.clone()) {
            ([] | ["delete" | "add" | "flush", ..], ..) => {}
            ([first, ..], ..) if first.starts_with('#') => {}
            (["table", _, _], None, _) => {}
            (["table", family, name, "{"], None, _) => {
                list.push(json!({"table": {"family": family, "name": name}}));
                table = Some(((*family).to_owned(), (*name).to_owned()));
            }
            (["chain", name, "{"], Some(_), None) => chain = Some((*name).to_owned()),
            (["}"], _, Some(name)) => {
                let there = |own: &Value| own["chain"]["name"] == json!(name);
                if !list.iter().any(there) {
                    let (family, table) = table.clone().unwrap_or_default();
                    list.push(json!({"chain": {"family": family, "table": table, "name": name}}));
                }
                chain = None;
            }
            (["}"], Some(_), None) => table = None,
            (
                ["type", kind, "hook", hook, "priority", priority, "policy", policy],
                Some((family, own)),
                Some(name),
            ) => {
                let number: i64 =
                    priority.parse().map_err(|_| format!("a priority that is no number\n  {line}"))?;
                list.push(
                    json!({"chain": {"family": family, "table": own, "name": name, "type": kind, "hook": hook,
                    "prio": number, "policy": policy}}),
                );
            }
            (rule, Some((family, own)), Some(name)) => {
                let (expr, comment) = rule_of(rule).map_err(|why| format!("{why}\n  {line}"))?;
                list.push(json!({"rule": {"family": family, "table": own, "chain": name, "expr": expr, "comment": comment}}));
            }
            _ => return Err(format!("not understood; nft -j list ruleset has all\n  {line}")),
        }
    }
    // Chains come before the rules that are in them.
    list.order_by_key(|own| usize::from(own.get("rule").is_some()) + usize::from(own.get("table").is_none()));
    Ok(json!({ "nftables": list }).to_string())
}

/// The words of a line: texts in quotes whole (with their first quote), signs alone.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' if quoted => quoted = false,
            '"' => {
                quoted = true;
                word.push('"');
            }
            c if quoted => word.push(c),
            ' ' | '\t' | ';' | ',' => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            c => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// A rule's expressions and its comment.
fn rule_of(words: &[&str]) -> Result<(Vec<Value>, Option<String>), String> {
    let (mut expr, mut comment) = (Vec::new(), None);
    let mut rest = words;
    while let [first, after @ ..] = rest {
        rest = match (*first, after) {
            ("counter", after) => after,
            ("accept" | "drop" | "return", after) => {
                expr.push(json!({ *first: null }));
                after
            }
            ("jump" | "goto", [to, after @ ..]) => {
                expr.push(json!({ *first: {"target": to} }));
                after
            }
            ("comment", [text, after @ ..]) => {
                comment = Some(text.trim_start_matches('"').to_owned());
                after
            }
            ("iifname" | "oifname", after) => matched(&json!({"meta": {"key": first}}), after, &mut expr)?,
            ("meta", [key, after @ ..]) => matched(&json!({"meta": {"key": key}}), after, &mut expr)?,
            ("ct", [key, after @ ..]) => matched(&json!({"ct": {"key": key}}), after, &mut expr)?,
            ("tcp", ["flags", "&", mask, op @ ("==" | "!="), set, after @ ..]) => {
                let left = json!({"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, flags(mask)]});
                expr.push(json!({"match": {"op": op, "left": left, "right": flags(set)}}));
                after
            }
            (protocol @ ("ip" | "ip6" | "tcp" | "udp" | "icmp" | "icmpv6" | "th"), [field, after @ ..]) => {
                matched(&json!({"payload": {"protocol": protocol, "field": field}}), after, &mut expr)?
            }
            (word, _) => return Err(format!("`{word}` is not understood here; nft -j list ruleset has all")),
        };
    }
    Ok((expr, comment))
}

/// One comparison; gives back the words after it.
fn matched<'w, 't>(
    left: &Value,
    words: &'w [&'t str],
    expr: &mut Vec<Value>,
) -> Result<&'w [&'t str], String> {
    let (op, words) = match words {
        ["!=", rest @ ..] => ("!=", rest),
        ["==", rest @ ..] => ("==", rest),
        _ => ("==", words),
    };
    let states = left.get("ct").is_some();
    let (right, rest) = match words {
        ["{", rest @ ..] => {
            let end = rest.iter().position(|word| *word == "}").ok_or("a set is never closed")?;
            let list: Vec<Value> = rest[..end].iter().map(|word| value(word)).collect();
            (json!({ "set": list }), &rest[end + 1..])
        }
        [_, ..] if states => {
            let is_state =
                |word: &&&str| matches!(**word, "established" | "related" | "new" | "invalid" | "untracked");
            let end = words.iter().take_while(is_state).count();
            (json!(words[..end]), &words[end..])
        }
        [one, rest @ ..] => (value(one), rest),
        [] => return Err("a value is missing".to_owned()),
    };
    let op = if states { "in" } else { op };
    expr.push(json!({"match": {"op": op, "left": left, "right": right}}));
    Ok(rest)
}

/// A value: a number, a range, a network, a name.
fn value(word: &str) -> Value {
    if let Some(text) = word.strip_prefix('"') {
        return json!(text);
    }
    if let Ok(number) = word.parse::<u64>() {
        return json!(number);
    }
    if let Some((addr, length)) = word.split_once('/')
        && let Ok(length) = length.parse::<u8>()
    {
        return json!({"prefix": {"addr": addr, "len": length}});
    }
    match word.split_once('-') {
        Some((from, to))
            if from.starts_with(|c: char| c.is_ascii_hexdigit()) && !word.contains(char::is_alphabetic)
                || word.contains(':') =>
        {
            let (from, to) = word.split_once('-').unwrap_or((from, to));
            json!({"range": [value(from), value(to)]})
        }
        _ => json!(word),
    }
}

/// TCP flags: `(fin|syn)`, `syn`, `0x0`.
fn flags(word: &str) -> Value {
    let names: Vec<&str> = word.trim_matches(['(', ')']).split('|').collect();
    match names[..] {
        ["0x0" | "0"] => json!(0),
        [one] => json!(one),
        _ => json!({ "|": names }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_suggest_prints_is_read() {
        let text = "# x\ntable ip fwstat\ndelete table ip fwstat\ntable ip fwstat {\n\tchain M {\n\
            \t\tiifname \"eno1\" ip saddr != 10.0.0.0/8 udp dport { 67, 137-138 } counter drop comment \"[a, b]\"\n\
            \t\ttcp flags & (fin|syn) != syn counter return\n\t}\n\tchain input {\n\
            \t\ttype filter hook input priority -10; policy accept;\n\t\tct state established,related accept\n\t\tjump M\n\t}\n}\n";
        assert!(is_nft(text));
        let rules = fwrules::Ruleset::parse_nft_json(to_json(text).unwrap().as_bytes()).unwrap();
        assert_eq!((rules.tables.len(), rules.tables[0].chains.len(), rules.rules().count()), (1, 2, 4));
        assert!(to_json("table ip x {\nchain y {\nfrobnicate 7\n}\n}\n").unwrap_err().contains("frobnicate"));
    }
}

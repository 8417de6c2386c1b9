//! Rulesets as they are shared: what `iptables-save`, `ip6tables-save`, `nft list ruleset` (as text and as JSON) and `ipset
//! save` print.
//!
//! Addresses, networks and hardware addresses are mapped by their form, as in logs; interfaces, users and comments by the
//! words that they follow. A range of addresses is none any more: its ends are mapped, and what lies between is not what
//! lay between.
//!
//! Responsible for: the parts of a ruleset that are names.
//! Must not know: what a rule means.
//! Tested by: the unit tests below, `tests/cli/anonymise.rs` with the reader of rulesets.

use std::net::IpAddr;
use std::ops::Range;

use fwlog::sorting::InOrder as _;
use serde_json::Value;

use super::names::Kind;
use super::text::{Edit, Mapper};

/// What the word after another one is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Interface,
    User,
    Comment,
    Prefix,
}

/// Words of iptables, ipset and nft, and what follows them.
const AFTER: [(&str, Is); 27] = [
    ("-i", Is::Interface),
    ("-o", Is::Interface),
    ("--in-interface", Is::Interface),
    ("--out-interface", Is::Interface),
    ("--physdev-in", Is::Interface),
    ("--physdev-out", Is::Interface),
    ("--logical-in", Is::Interface),
    ("--logical-out", Is::Interface),
    ("iifname", Is::Interface),
    ("oifname", Is::Interface),
    ("ibrname", Is::Interface),
    ("obrname", Is::Interface),
    ("iif", Is::Interface),
    ("oif", Is::Interface),
    ("device", Is::Interface),
    ("devices", Is::Interface),
    ("ibriport", Is::Interface),
    ("obriport", Is::Interface),
    ("--uid-owner", Is::User),
    ("--gid-owner", Is::User),
    ("skuid", Is::User),
    ("skgid", Is::User),
    ("--comment", Is::Comment),
    ("comment", Is::Comment),
    ("--log-prefix", Is::Prefix),
    ("--nflog-prefix", Is::Prefix),
    ("prefix", Is::Prefix),
];

/// Whether a text is a ruleset, by what it begins with.
#[must_use]
pub fn is_ruleset(text: &[u8]) -> bool {
    let lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.take(200).find(|line| !line.is_empty() && !line.starts_with(b"#")).unwrap_or_default();
    let words: Vec<&[u8]> = first.split(|b| *b == b' ').filter(|word| !word.is_empty()).collect();
    match words[..] {
        [one] if one.starts_with(b"*") => one[1..].iter().all(u8::is_ascii_lowercase) && one.len() > 1,
        [b"table", _, .., b"{"] => true,
        [b"create", _, kind, ..] => memchr::memchr(b':', kind).is_some(),
        _ => is_json(text),
    }
}

fn is_json(text: &[u8]) -> bool {
    let start: Vec<u8> = text.iter().copied().filter(|b| !b.is_ascii_whitespace()).take(12).collect();
    start.starts_with(b"{\"nftables\"")
}

/// A ruleset as it is shared, and how many ranges of addresses in it are none any more.
///
/// # Errors
/// It is JSON that cannot be read.
pub fn ruleset(mapper: &mut Mapper, text: &[u8]) -> Result<(Vec<u8>, u64), String> {
    let mut ranges = 0;
    if is_json(text) {
        let mut value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        json(mapper, &mut value, None, &mut ranges);
        let mut out = value.to_string().into_bytes();
        out.push(b'\n');
        return Ok((out, ranges));
    }
    let (mut out, mut edits) = (Vec::with_capacity(text.len() + text.len() / 8), Vec::new());
    for line in text.split_inclusive(|b| *b == b'\n') {
        words(mapper, line, &mut edits);
        between(mapper, line, &mut edits, &mut ranges);
        mapper.write(line, &mut edits, &mut out);
    }
    Ok((out, ranges))
}

/// The words of a line: each with its place, without its quotes.
fn split(line: &[u8]) -> Vec<Range<usize>> {
    let (mut words, mut at) = (Vec::new(), 0);
    while at < line.len() {
        match line[at] {
            b'"' => {
                let start = at + 1;
                at = start;
                while at < line.len() && line[at] != b'"' {
                    at += if line[at] == b'\\' { 2 } else { 1 };
                }
                words.push(start..at.min(line.len()));
                at += 1;
            }
            b' ' | b'\t' | b'\n' | b'{' | b'}' | b',' | b';' | b'=' => at += 1,
            _ => {
                let start = at;
                while at < line.len() && !matches!(line[at], b' ' | b'\t' | b'\n' | b',' | b';' | b'"') {
                    at += 1;
                }
                words.push(start..at);
            }
        }
    }
    words
}

/// What stands after words that say what it is.
fn words(mapper: &mut Mapper, line: &[u8], edits: &mut Vec<Edit>) {
    let words = split(line);
    let text = |at: &Range<usize>| std::str::from_utf8(&line[at.clone()]).unwrap_or_default();
    let mut is = None;
    // Whether what follows is a list in braces.
    let mut list = false;
    for (number, at) in words.iter().enumerate() {
        let word = text(at);
        let quoted = at.start > 0 && line[at.start - 1] == b'"';
        let before = if number > 0 { &line[words[number - 1].end..at.start] } else { &[][..] };
        if list && before.contains(&b'}') {
            (is, list) = (None, false);
        }
        if let (false, Some((_, kind))) = (quoted, AFTER.iter().find(|(name, _)| *name == word)) {
            // `log prefix` is nft's; `prefix` alone is none.
            let log = *kind != Is::Prefix
                || word.starts_with("--")
                || number > 0 && text(&words[number - 1]) == "log";
            is = log.then_some(*kind);
            list = false;
            continue;
        }
        let Some(kind) = is else {
            // The interface of an entry of a set: `10.0.0.0/8,eth0`.
            if number > 2 && text(&words[0]) == "add" && line[at.start - 1] == b',' && is_interface(word) {
                edits.push(Edit { at: at.clone(), with: interface(mapper, word).into() });
            }
            continue;
        };
        if !quoted && matches!(word, "!=" | "==" | "!" | "=") {
            continue;
        }
        list |= before.contains(&b'{');
        let with = match kind {
            Is::Interface => interface(mapper, word),
            Is::User => user(mapper, word),
            Is::Comment => mapper.names.image(Kind::Comment, word.as_bytes()).to_vec(),
            Is::Prefix => match mapper.names.listed(word.trim().as_bytes()) {
                Some(listed) => [listed, if word.ends_with(' ') { b" " } else { b"" }].concat(),
                None => line[at.clone()].to_vec(),
            },
        };
        edits.push(Edit { at: at.clone(), with: with.into() });
        if !list {
            is = None;
        }
    }
}

fn is_interface(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.len() <= 15 && !word.contains([':', '/'])
}

/// The image of an interface; a pattern stays a pattern.
fn interface(mapper: &mut Mapper, name: &str) -> Vec<u8> {
    let sign = if name.ends_with(['+', '*']) { &name[name.len() - 1..] } else { "" };
    let stem = &name[..name.len() - sign.len()];
    [&*mapper.names.image(Kind::Interface, stem.as_bytes()), sign.as_bytes()].concat()
}

/// The image of a user: a number, a range of numbers, a name.
fn user(mapper: &mut Mapper, word: &str) -> Vec<u8> {
    let parts = word.split('-').map(|part| match part.parse::<u32>() {
        Ok(number) => mapper.names.user(number).to_string(),
        Err(_) => String::from_utf8_lossy(&mapper.names.image(Kind::User, part.as_bytes())).into_owned(),
    });
    parts.collect::<Vec<_>>().join("-").into_bytes()
}

/// Ranges of addresses: the smaller image comes first.
fn between(mapper: &mut Mapper, line: &[u8], edits: &mut Vec<Edit>, ranges: &mut u64) {
    let is_part = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':');
    for dash in memchr::memchr_iter(b'-', line) {
        let start = dash - line[..dash].iter().rev().take_while(|b| is_part(b)).count();
        let end = dash + 1 + line[dash + 1..].iter().take_while(|b| is_part(b)).count();
        let addr = |at: Range<usize>| std::str::from_utf8(&line[at]).ok()?.parse::<IpAddr>().ok();
        let (Some(first), Some(last)) = (addr(start..dash), addr(dash + 1..end)) else { continue };
        edits.push(Edit { at: start..end, with: range(mapper, first, last).into_bytes().into() });
        *ranges += 1;
    }
}

fn range(mapper: &mut Mapper, first: IpAddr, last: IpAddr) -> String {
    let mut ends = [mapper.addresses.image(first), mapper.addresses.image(last)];
    ends.order();
    format!("{}-{}", ends[0], ends[1])
}

/// A part of nft's JSON; `is` says what its strings are.
fn json(mapper: &mut Mapper, value: &mut Value, is: Option<Is>, ranges: &mut u64) {
    match value {
        Value::String(text) => {
            let with = match is {
                Some(Is::Interface) => interface(mapper, text),
                Some(Is::User) => user(mapper, text),
                Some(Is::Comment) => mapper.names.image(Kind::Comment, text.as_bytes()).to_vec(),
                Some(Is::Prefix) => {
                    mapper.names.listed(text.trim().as_bytes()).unwrap_or(text.as_bytes()).to_vec()
                }
                None => {
                    let mut out = Vec::new();
                    mapper.write(text.as_bytes(), &mut Vec::new(), &mut out);
                    out
                }
            };
            *text = String::from_utf8_lossy(&with).into_owned();
        }
        Value::Number(number) if is == Some(Is::User) => {
            if let Some(id) = number.as_u64().and_then(|id| u32::try_from(id).ok()) {
                *value = mapper.names.user(id).into();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| json(mapper, value, is, ranges)),
        Value::Object(map) => {
            if let Some(Value::Object(prefix)) = map.get_mut("prefix")
                && let Some(text) = prefix.get("addr").and_then(Value::as_str)
                && let (Ok(addr), Some(bits)) =
                    (text.parse::<IpAddr>(), prefix.get("len").and_then(Value::as_u64))
            {
                let net = mapper.addresses.network(addr, u8::try_from(bits).unwrap_or(128));
                prefix.insert("addr".to_owned(), net.to_string().into());
                return;
            }
            if let Some(Value::Array(ends)) = map.get_mut("range")
                && let [Value::String(first), Value::String(last)] = &mut ends[..]
                && let (Ok(a), Ok(b)) = (first.parse::<IpAddr>(), last.parse::<IpAddr>())
            {
                let text = range(mapper, a, b);
                let (a, b) = text.split_once('-').unwrap_or_default();
                (*first, *last) = (a.to_owned(), b.to_owned());
                *ranges += 1;
                return;
            }
            let matched = map.get("left").and_then(asked);
            let typed = map
                .get("type")
                .and_then(Value::as_str)
                .filter(|kind| *kind == "ifname")
                .map(|_| Is::Interface);
            for (key, value) in map.iter_mut() {
                let is = match key.as_str() {
                    "comment" => Some(Is::Comment),
                    "dev" | "devs" => Some(Is::Interface),
                    "prefix" => Some(Is::Prefix),
                    "right" => matched,
                    "elem" => typed.or(is),
                    // Names of what rules are made of are no text of a user's.
                    "family" | "table" | "chain" | "name" | "type" | "hook" | "op" | "key" | "protocol"
                    | "field"
                        if value.is_string() =>
                    {
                        continue;
                    }
                    _ => is,
                };
                json(mapper, value, is, ranges);
            }
        }
        _ => {}
    }
}

/// What the left side of a comparison asks for.
fn asked(left: &Value) -> Option<Is> {
    let key = left.get("meta")?.get("key")?.as_str()?;
    AFTER.iter().find(|(name, is)| *name == key && matches!(is, Is::Interface | Is::User)).map(|(_, is)| *is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymise::address::Addresses;
    use crate::anonymise::hardware::Hardware;
    use crate::anonymise::names::Names;

    fn mapper() -> Mapper {
        let key: [u8; 32] = std::array::from_fn(|at| at as u8);
        Mapper::new(
            Addresses::new(&key),
            Hardware::new(&key, true),
            Names::new(&key, std::collections::HashMap::from([(b"drop".to_vec(), b"x".to_vec())])),
        )
    }

    fn shared(text: &str) -> String {
        String::from_utf8(ruleset(&mut mapper(), text.as_bytes()).unwrap().0).unwrap()
    }

    #[test]
    fn rulesets_are_known_by_their_beginning() {
        for (text, is) in [
            ("# Generated by iptables-save\n*filter\n:INPUT DROP [0:0]\n", true),
            ("table inet filter {\n", true),
            ("{\"nftables\": [", true),
            ("{\n  \"nftables\": [", true),
            ("create bad hash:ip family inet\n", true),
            ("Jun  1 00:00:00 gw kernel: x\n", false),
            ("{\"MESSAGE\":\"x\"}", false),
            ("", false),
        ] {
            assert_eq!(is_ruleset(text.as_bytes()), is, "{text}");
        }
    }

    #[test]
    fn names_of_rules_are_mapped_and_words_are_not() {
        let rule = "-A INPUT -s 192.168.50.0/24 ! -i eth0 -p tcp -m tcp --dport 22 -m comment --comment \"ssh from Bob\" -j LOG \
                    --log-prefix \"drop \"\n";
        let out = shared(rule);
        assert!(out.starts_with("-A INPUT -s 192.168.") && out.contains(".0/24 ! -i if"), "{out}");
        assert!(
            out.contains("--dport 22 -m comment --comment \"comment-")
                && out.ends_with("--log-prefix \"x \"\n"),
            "{out}"
        );
        assert!(!out.contains("Bob") && !out.contains("eth0"));
        assert!(shared("-A X -o eth+ -j Y\n").contains("+ -j Y"));
        assert_eq!(shared("-A X -m owner --uid-owner 0 -j Y\n"), "-A X -m owner --uid-owner 0 -j Y\n");
        assert!(!shared("-A X -m owner --uid-owner 1000 -j Y\n").contains(" 1000 "));
        let set = shared("add own 10.1.0.0/16,eth0 timeout 0\n");
        assert!(
            set.starts_with("add own 10.") && set.contains("/16,if") && set.ends_with(" timeout 0\n"),
            "{set}"
        );
        let nft = shared("  iifname { \"eth0\", \"wlan0\" } tcp dport { 22, 80 } accept comment \"x y\"\n");
        assert!(
            nft.contains("tcp dport { 22, 80 } accept comment \"comment-")
                && !nft.contains("eth0")
                && !nft.contains("wlan0"),
            "{nft}"
        );
    }

    #[test]
    fn ranges_are_counted() {
        let (out, ranges) =
            ruleset(&mut mapper(), b"-A X -m iprange --src-range 203.0.113.1-203.0.113.9 -j Y\n").unwrap();
        assert_eq!(ranges, 1);
        let out = String::from_utf8(out).unwrap();
        let ends = out.split_whitespace().nth(5).unwrap().split_once('-').unwrap();
        assert!(ends.0.parse::<IpAddr>().unwrap() <= ends.1.parse::<IpAddr>().unwrap());
    }

    #[test]
    fn json_stays_a_ruleset() {
        let text = r#"{"nftables":[{"chain":{"family":"inet","table":"filter","name":"input","dev":"eth0"}},{"rule":{"family":"inet",
            "table":"filter","chain":"input","comment":"for Bob","expr":[{"match":{"op":"==","left":{"meta":{"key":"iifname"}},
            "right":"eth0"}},{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":{"prefix":{"addr":
            "198.51.100.0","len":24}}}},{"log":{"prefix":"drop "}},{"drop":null}]}}]}"#;
        let out = shared(text);
        assert!(!out.contains("Bob") && !out.contains("eth0") && !out.contains("198.51.100.0"), "{out}");
        assert!(
            out.contains("\"saddr\"") && out.contains("\"len\":24") && out.contains("\"prefix\":\"x\""),
            "{out}"
        );
        assert!(serde_json::from_str::<Value>(&out).is_ok());
    }
}

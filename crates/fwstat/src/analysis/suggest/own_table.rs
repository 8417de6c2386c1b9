//! The table that holds the rules where the ruleset is nft's: beside the others, with base chains of its own, so
//! that no reload of another table takes it away and one command does.
//!
//! Responsible for: its name and chains, that it comes before whatever logs, finding the one of an earlier run.
//! Must not know: what noise is, how commands are written.
//! Tested by: the unit tests below, `tests/cli/place.rs`, against a real kernel.

use fwrules::{Base, Chain, Family, Hook, Rule, Ruleset, Table, Target, Text, Verdict};

use super::reach::{logging, reached};

/// Its name, if no table of the host is called so.
pub const OWN_TABLE: &str = "fwstat";
/// The priority of its base chains where none logs before filter chains do.
pub const PRIORITY: i32 = -10;

/// The chain's name as nft takes it. Words of nft's own, as `drop` or `input`, are in small letters.
#[must_use]
pub fn nft_name(chain: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let name: String = chain.chars().filter(plain).collect();
    let word = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true if !word => name,
        true => format!("{OWN_TABLE}_{name}"),
        false => format!("c{name}"),
    }
}

/// The name of the base chain of a hook; the chain itself has no such name.
#[must_use]
pub fn base_name(hook: Hook) -> String {
    hook.chain().to_lowercase()
}

/// Where the table is in a ruleset.
pub(super) struct Own {
    pub(super) table: usize,
    pub(super) chain: usize,
    /// It was not there.
    pub(super) made: bool,
}

fn family(v6: bool) -> Family {
    if v6 { Family::Ipv6 } else { Family::Ipv4 }
}

/// Whether a table has this name, or this one and a number.
fn is_own(table: &Table) -> bool {
    let name = table.name.to_string();
    name.strip_prefix(OWN_TABLE).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

/// The table of an earlier run, or a new one, asked by what comes to INPUT.
///
/// For the replay its base chains hold the jump alone: no line is about a packet of `lo` or of a known
/// connection, which pass by.
pub(super) fn put(rules: &mut Ruleset, chain: &str, v6: bool) -> Own {
    let name = nft_name(chain);
    let asked = |table: &Table| {
        let at = table.chain(name.as_bytes())?;
        let ours = table.family == family(v6) && is_own(table) && reached(table, Hook::Input).contains(&at);
        ours.then_some(at)
    };
    let there = rules.tables.iter().enumerate().find_map(|(t, table)| Some((t, asked(table)?)));
    if let Some((table, chain)) = there {
        let own = &mut rules.tables[table];
        let target = Target::Jump(own.chains[chain].name.clone());
        for base in own.chains.iter_mut().filter(|chain| chain.base.is_some()) {
            base.rules = vec![Rule { target: target.clone(), ..Rule::default() }];
        }
        return Own { table, chain, made: false };
    }
    let taken = |name: &str| rules.tables.iter().any(|t| t.family == family(v6) && t.name == *name);
    let names = (1..).map(|n: usize| if n == 1 { OWN_TABLE.to_owned() } else { format!("{OWN_TABLE}{n}") });
    let free = names.into_iter().find(|name| !taken(name)).unwrap_or_default();
    let own = Chain { name: Text::from(name.as_str()), base: None, counters: None, rules: Vec::new() };
    rules.tables.push(Table {
        family: family(v6),
        name: Text::from(free.as_str()),
        chains: vec![own],
        ..Table::default()
    });
    let table = rules.tables.len() - 1;
    hang(rules, table, 0, Hook::Input);
    Own { table, chain: 0, made: true }
}

/// Makes packets of a hook come to the chain.
pub(super) fn hang(rules: &mut Ruleset, table: usize, chain: usize, hook: Hook) {
    let priority = priority(rules, table, hook);
    let own = &mut rules.tables[table];
    let name = base_name(hook);
    let jump = Rule { target: Target::Jump(own.chains[chain].name.clone()), added: true, ..Rule::default() };
    own.chains.push(Chain {
        name: Text::from(name.as_str()),
        base: Some(Base { hook: Some(hook), priority, policy: Verdict::Accept, nat: false }),
        counters: None,
        rules: vec![jump],
    });
}

/// Before all that logs at a hook.
fn priority(rules: &Ruleset, own: usize, hook: Hook) -> i32 {
    let family = rules.tables[own].family;
    let others = rules.tables.iter().enumerate().filter(|(at, table)| {
        *at != own && (table.family == family || table.family == Family::Inet) && !is_own(table)
    });
    let first = others
        .flat_map(|(_, table)| {
            let logging = logging(table, &|_| true);
            let bases = table.chains.iter().enumerate().filter_map(|(at, chain)| Some((at, chain.base?)));
            let asked: Vec<i32> = bases
                .filter(|(at, base)| base.hook == Some(hook) && !base.nat && logging[*at])
                .map(|(_, base)| base.priority)
                .collect();
            asked
        })
        .min();
    first.map_or(PRIORITY, |first| first.saturating_sub(10).min(PRIORITY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruleset(tables: &str) -> Ruleset {
        Ruleset::parse_nft_json(format!(r#"{{"nftables": [{tables}]}}"#).as_bytes()).unwrap()
    }

    fn base(table: &str, prio: i32, log: bool) -> String {
        let of = format!(r#""family": "inet", "table": "{table}""#);
        let what = if log { r#"{"log": {"prefix": "x "}}"# } else { r#"{"drop": null}"# };
        format!(
            r#"{{"table": {{"family": "inet", "name": "{table}"}}}},
            {{"chain": {{{of}, "name": "in", "type": "filter", "hook": "input", "prio": {prio}, "policy": "drop"}}}},
            {{"rule": {{{of}, "chain": "in", "expr": [{what}]}}}}"#
        )
    }

    fn put_into(tables: &[String]) -> (String, i32, bool) {
        let mut rules = ruleset(&tables.join(","));
        let own = put(&mut rules, "MALICIOUS", false);
        let table = &rules.tables[own.table];
        let base = table.chains.iter().find_map(|chain| chain.base).unwrap();
        (table.name.to_string(), base.priority, own.made)
    }

    #[test]
    fn it_comes_before_what_logs_and_has_a_name_of_its_own() {
        assert_eq!(put_into(&[base("t", 0, true)]), ("fwstat".to_owned(), -10, true));
        assert_eq!(put_into(&[base("t", -200, true)]), ("fwstat".to_owned(), -210, true));
        // What only drops hides nothing of the log.
        assert_eq!(put_into(&[base("a", -200, false), base("t", 10, true)]).1, -10);
        // Someone else's table.
        let other = r#"{"table": {"family": "ip", "name": "fwstat"}}"#.to_owned();
        assert_eq!(put_into(&[base("t", 0, true), other]), ("fwstat2".to_owned(), -10, true));
    }

    #[test]
    fn that_of_an_earlier_run_is_found() {
        let of = r#""family": "ip", "table": "fwstat""#;
        let earlier = format!(
            r#"{{"table": {{"family": "ip", "name": "fwstat"}}}}, {{"chain": {{{of}, "name": "MALICIOUS"}}}},
            {{"chain": {{{of}, "name": "input", "type": "filter", "hook": "input", "prio": -10, "policy": "accept"}}}},
            {{"rule": {{{of}, "chain": "input", "expr": [{{"jump": {{"target": "MALICIOUS"}}}}]}}}}"#
        );
        assert_eq!(put_into(&[base("t", 0, true), earlier]), ("fwstat".to_owned(), -10, false));
    }

    #[test]
    fn chains_have_names_that_nft_takes() {
        let names = ["MALICIOUS", "my+Own", "1st", "drop", "input", "ct-1"].map(nft_name);
        assert_eq!(names, ["MALICIOUS", "myOwn", "c1st", "fwstat_drop", "fwstat_input", "fwstat_ct-1"]);
    }
}

//! Which chains of a table packets come to, and where something is logged.
//!
//! Responsible for: these questions, by jumps alone.
//! Must not know: conditions of rules, where new ones go.
//! Tested by: `tests/cli/place.rs`.

use std::collections::{BTreeSet, HashMap};

use fwrules::{Chain, Family, Hook, Log, Ruleset, Table, Target, Text};

/// Whether packets of a family are filtered at one of these hooks.
pub(super) fn filtered(rules: &Ruleset, v6: bool, hooks: &[Hook]) -> bool {
    let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
    let sees = |table: &&Table| table.family == family || table.family == Family::Inet;
    let mut bases = rules.tables.iter().filter(sees).flat_map(|table| &table.chains).filter_map(|c| c.base);
    bases.any(|base| !base.nat && base.hook.is_some_and(|hook| hooks.contains(&hook)))
}

/// The chains that packets come to from a hook.
pub(super) fn reached(table: &Table, hook: Hook) -> BTreeSet<usize> {
    let start = |chain: &Chain| chain.base.is_some_and(|base| base.hook == Some(hook));
    let mut seen: BTreeSet<usize> = (0..table.chains.len()).filter(|i| start(&table.chains[*i])).collect();
    let mut open: Vec<usize> = seen.iter().copied().collect();
    while let Some(chain) = open.pop() {
        for rule in &table.chains[chain].rules {
            if let Target::Jump(name) | Target::Goto(name) = &rule.target
                && let Some(next) = table.chain(name.as_bytes())
                && seen.insert(next)
            {
                open.push(next);
            }
        }
    }
    seen
}

/// The chains in which, or in whose jumps, something is logged that counts.
pub(super) fn logging(table: &Table, counts: &dyn Fn(&Log) -> bool) -> Vec<bool> {
    let names: HashMap<&Text, usize> = table.chains.iter().map(|chain| &chain.name).zip(0..).collect();
    let mut callers: Vec<Vec<usize>> = vec![Vec::new(); table.chains.len()];
    let (mut logging, mut open) = (vec![false; table.chains.len()], Vec::new());
    for (at, chain) in table.chains.iter().enumerate() {
        for rule in &chain.rules {
            if rule.log.as_ref().is_some_and(counts) && !logging[at] {
                logging[at] = true;
                open.push(at);
            }
            if let Target::Jump(name) | Target::Goto(name) = &rule.target
                && let Some(to) = names.get(name)
            {
                callers[*to].push(at);
            }
        }
    }
    while let Some(at) = open.pop() {
        for caller in callers[at].iter().copied() {
            if !std::mem::replace(&mut logging[caller], true) {
                open.push(caller);
            }
        }
    }
    logging
}

//! Verdict maps: `tcp dport vmap { 22 : accept, 23 : drop }`, or one that has a name.
//!
//! Responsible for: their elements, and the rules that say the same.
//! Must not know: tables, where a map that has a name is listed.
//! Tested by: the unit tests of `nft::parse`, `tests/kernel.rs` (what a real nft lists).

use std::rc::Rc;

use serde_json::Value;

use crate::model::rule::Rule;
use crate::model::target::Target;
use crate::nft::condition::test;
use crate::nft::implied::{keep, of_version};
use crate::nft::merge::add;
use crate::values::text::Text;
/// What a verdict map says.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// Each key, with its place in `targets`.
    elements: Vec<(Value, usize)>,
    /// The verdicts, each once.
    targets: Vec<Target>,
    /// Elements come and go.
    pub(crate) moves: bool,
}

/// With more elements than this, those with one verdict are one rule.
const FEW: usize = 100;

impl Verdicts {
    /// `None` if an element's value is no verdict.
    pub(crate) fn of(pairs: impl Iterator<Item = Value>) -> Option<Verdicts> {
        let mut read = Verdicts::default();
        let mut last = Value::Null;
        let mut at = 0;
        for mut pair in pairs {
            let value = pair.get_mut(0)?.take();
            let value = value.get("elem").and_then(|e| e.get("val")).cloned().unwrap_or(value);
            let verdict = pair.get_mut(1)?.take();
            if read.targets.is_empty() || verdict != last {
                let target = target(&verdict)?;
                at = read.targets.iter().position(|own| *own == target).unwrap_or(read.targets.len());
                if at == read.targets.len() {
                    read.targets.push(target);
                }
                last = verdict;
            }
            read.elements.push((value, at));
        }
        Some(read)
    }

    /// The elements of each verdict as one set, if there are many for each.
    fn sets(&self) -> Option<Vec<Value>> {
        if self.elements.len() <= FEW.max(self.targets.len() * 8) {
            return None;
        }
        let mut sets = vec![Vec::new(); self.targets.len()];
        for (value, at) in &self.elements {
            // What is in no other element is in no set.
            if value == "*" {
                return None;
            }
            sets[*at].push(value.clone());
        }
        Some(sets.into_iter().map(|set| serde_json::json!({ "set": set })).collect())
    }
}

/// The rules that a verdict map gives: one for each element, with what it tests and where it leads.
/// Elements exclude each other, so their order does not matter, but that of `*`, which is for all
/// that is not listed.
pub(crate) fn rules_of(
    base: &Rule,
    body: &Value,
    whole: &Value,
    named: &mut dyn FnMut(&str) -> Option<Rc<Verdicts>>,
) -> Vec<Rule> {
    let (key, data) = (body.get("key").unwrap_or(&Value::Null), body.get("data"));
    let name = data.and_then(Value::as_str).and_then(|name| name.strip_prefix('@'));
    let listed = data.and_then(|data| data.get("set")).and_then(Value::as_array);
    let verdicts = match (name, listed) {
        (Some(name), _) => named(name),
        (None, listed) => listed.and_then(|list| Verdicts::of(list.iter().cloned())).map(Rc::new),
    };
    let unknown = |target| {
        let mut rule = Rule { target, ..base.clone() };
        rule.set(keep(whole));
        rule
    };
    let Some(verdicts) = verdicts else { return vec![unknown(unknown_target())] };
    let rule = |value: &Value, target: &Target| {
        let mut rule = Rule { target: target.clone(), ..base.clone() };
        let found = if value == "*" { Some(Vec::new()) } else { test(key, value, false) };
        of_version(&mut rule, key, found.as_deref().unwrap_or_default());
        let is_read = found.is_some();
        found.into_iter().flatten().for_each(|condition| add(&mut rule, condition));
        (rule, is_read)
    };
    let one = |(value, at): &(Value, usize)| {
        let (mut rule, is_read) = rule(value, &verdicts.targets[*at]);
        if !is_read {
            let test = serde_json::json!({ "match": { "op": "==", "left": key, "right": value } });
            rule.set(keep(&test));
        }
        rule
    };
    // Sets of what is read one by one only are no sets.
    let reads = |value: &Value| test(key, value, false).is_some();
    let alone = verdicts.elements.first().is_some_and(|(value, _)| reads(value));
    let together = verdicts.sets().and_then(|sets| {
        let of = |(set, target): (&Value, &Target)| {
            let (mut rule, is_read) = rule(set, target);
            // Nothing is lost: of its elements, nothing would be known either.
            if !is_read && !alone {
                rule.set(keep(whole));
            }
            (is_read || !alone).then_some(rule)
        };
        sets.iter().zip(&verdicts.targets).map(of).collect::<Option<Vec<_>>>()
    });
    let mut rules: Vec<Rule> = together.unwrap_or_else(|| {
        let mut elements: Vec<&(Value, usize)> = verdicts.elements.iter().collect();
        elements.sort_by_key(|(value, _)| value == "*");
        elements.into_iter().map(one).collect()
    });
    if verdicts.moves {
        rules.iter_mut().for_each(|rule| rule.set(keep(whole)));
        rules.push(unknown(unknown_target()));
    } else if rules.is_empty() {
        // An empty map: a rule that takes nothing.
        rules.push(unknown(Target::Continue));
    }
    rules
}

/// A target of which only the name is known.
pub(crate) fn unknown_target() -> Target {
    Target::Other { name: Text::from("nft"), words: Vec::new() }
}

/// A verdict.
pub(crate) fn target(verdict: &Value) -> Option<Target> {
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

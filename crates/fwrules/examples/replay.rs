//! Replays a log against a ruleset: which rule takes how many lines, how many are still logged.
//! `cargo run --example replay RULES LOG`.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;

use fwrules::{Compiled, Evidence, Fate, Ruleset};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rules, log] = &arguments[..] else { return Err("usage: replay RULES LOG".into()) };
    let rules = Ruleset::parse(&std::fs::read(rules)?)?;
    let log = std::fs::read(log)?;
    // Answers are remembered by class of packet, so that a long log costs little more than a short one.
    // These rules are taken to have written the log: what a line shows is then evidence of its path.
    let compiled = Compiled::new(&rules, Evidence::Writer(&rules), &[]);
    let mut replayer = compiled.replayer();
    let mut fates: BTreeMap<String, u64> = BTreeMap::new();
    for (_, line) in logparse::lines(&log) {
        let Ok(entry) = logparse::parse(line) else { continue };
        let id = replayer.replay(&entry.packet, None, entry.error.is_some());
        let fate = match &replayer.answer(id).fate {
            Fate::Remains(_) => "still logged".to_owned(),
            Fate::Removed(Some(by)) => format!("taken by {}", rules.place(*by)),
            Fate::Removed(None) => "taken by several rules".to_owned(),
            Fate::Unknown(rule, why) => format!("undecidable at {}: {why}", rules.name(*rule)),
            Fate::Unanswered(rule) => format!("answers to what {} takes", rules.name(*rule)),
            _ => "no rule here writes such lines".to_owned(),
        };
        *fates.entry(fate).or_default() += 1;
    }
    for (fate, lines) in fates {
        println!("{lines:>8} {fate}");
    }
    Ok(())
}

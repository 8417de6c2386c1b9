//! Walks one log line through a ruleset: `cargo run --example explain_line RULES LINE`.
#![allow(clippy::print_stdout)]

use std::error::Error;

use fwrules::{Context, Evidence, Ruleset, Walker};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rules, line] = &arguments[..] else { return Err("usage: explain_line RULES LINE".into()) };
    let rules = Ruleset::parse(&std::fs::read(rules)?)?;
    let entry = logparse::parse(line.as_bytes())?;
    let walk = Walker::new(&rules, Evidence::Usual).walk(&entry.packet, &Context::default());
    for step in &walk.steps {
        println!("{}: {:?}", rules.place(step.place), step.result);
    }
    Ok(())
}

//! Lists the chains of a ruleset, its rules in nft's syntax, and what is wrong with it:
//! `cargo run --example read_rules RULES`.
#![allow(clippy::print_stdout)]

use std::error::Error;

use fwrules::{Ruleset, lint, shown};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: read_rules RULES")?;
    let rules = Ruleset::parse(&std::fs::read(path)?)?;
    for table in &rules.tables {
        for chain in &table.chains {
            println!("{} {}: {} rules", table.name, chain.name, chain.rules.len());
            for rule in &chain.rules {
                match rule.to_nft(table.family) {
                    Ok(nft) => println!("    {}", shown(&nft)),
                    Err(why) => println!("    {} (not in nft: {why})", rule.to_display()),
                }
            }
        }
    }
    for finding in lint(&rules) {
        println!("{}", finding.message);
    }
    Ok(())
}

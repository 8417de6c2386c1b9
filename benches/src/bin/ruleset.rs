//! Writes a ruleset in the form of `iptables-save`; the same parameters give the same bytes.
//!
//!     cargo run --release -p fwstat-bench --bin ruleset -- RULES [SEED]

#![allow(clippy::print_stderr, clippy::print_stdout)] // a command-line tool

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: Option<u64>| match arguments.get(at) {
        Some(text) => text.parse().ok(),
        None => default,
    };
    match (number(0, None), number(1, Some(1))) {
        (Some(rules), Some(seed)) if arguments.len() <= 2 => {
            print!("{}", fwstat_bench::ruleset::ruleset(rules, seed));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: ruleset RULES [SEED]");
            ExitCode::from(2)
        }
    }
}

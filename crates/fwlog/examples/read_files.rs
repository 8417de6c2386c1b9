//! Reads logs of any kind and says what their lines are: `cargo run --example read_files LOG...`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;

use fwlog::filter::Filter;
use fwlog::input::{Input, InputQueue, ReadOptions};
use fwlog::pipeline::{self, Plan};
use fwlog::time::TimeZone;
use fwlog::time::clock::Clock;

fn main() -> Result<(), Box<dyn Error>> {
    let inputs: Vec<Input> = std::env::args_os().skip(1).map(|path| Input::File(path.into())).collect();
    if inputs.is_empty() {
        return Err("usage: read_files LOG...".into());
    }
    let queue = InputQueue::new(inputs, ReadOptions::default());
    let plan = Plan {
        filter: Filter::all(Vec::new()),
        clock: Clock::new(TimeZone::UTC, None),
        threads: 2,
        names: None,
    };
    let ((), account) = pipeline::run(&queue, &plan, None, || ())?;
    let totals = account.totals;
    println!("{} lines: {} packets, {} truncated", totals.lines, totals.packets, totals.cut);
    for (why, seen) in account.ranked_reasons() {
        println!("{:>8} {why} (first: line {})", seen.count, seen.first.line);
    }
    for error in queue.errors() {
        eprintln!("{}: {}", error.name, error.reason);
    }
    Ok(())
}

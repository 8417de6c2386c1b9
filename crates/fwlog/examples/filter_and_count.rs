//! Counts the sources of packets that an expression takes:
//! `cargo run --example filter_and_count 'dport = 22 and proto = tcp' LOG`.
#![allow(clippy::print_stdout)]

use std::error::Error;

use fwlog::aggregate::Counts;
use fwlog::filter::expr::{self, Context};
use fwlog::input::{Input, InputQueue, ReadOptions};
use fwlog::pipeline::{self, Plan};
use fwlog::record::{Field, Key};
use fwlog::time::TimeZone;
use fwlog::time::clock::Clock;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [expression, log] = &arguments[..] else {
        return Err("usage: filter_and_count EXPRESSION LOG".into());
    };
    let zone = TimeZone::UTC;
    let filter = expr::parse(expression, &Context { now: 0, zone: &zone })?;
    let queue = InputQueue::new(vec![Input::File(log.into())], ReadOptions::default());
    let plan = Plan { filter, clock: Clock::new(zone, None), threads: 2, names: None };
    let by_source = Counts::by(vec![Field::of(Key::Src)]);
    let (counts, account) = pipeline::run(&queue, &plan, None, || by_source.clone())?;
    for row in counts.ranked(10).rows {
        println!("{:>8} {}", row.count, row.cells[0].to_plain());
    }
    println!("{:>8} in all", account.totals.matched);
    Ok(())
}

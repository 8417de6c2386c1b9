//! A user-defined aggregate: the bytes that each protocol sent, counted on all cores.
//! `cargo run --example own_aggregate LOG`.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;

use fwlog::aggregate::Aggregate;
use fwlog::filter::Filter;
use fwlog::input::{Input, InputQueue, ReadOptions};
use fwlog::pipeline::{self, Plan};
use fwlog::record::{Key, Record, Value, value};
use fwlog::time::TimeZone;
use fwlog::time::clock::Clock;

/// Bytes by protocol. Adding is associative and commutative, so any thread may see any record.
#[derive(Default)]
struct Bytes(BTreeMap<String, u64>);

impl Aggregate for Bytes {
    fn add(&mut self, record: &Record<'_>) {
        if let (Some(protocol), Value::Number(length)) = (record.line.protocol(), value(Key::Len, record)) {
            *self.0.entry(protocol.to_string()).or_default() += length * record.times();
        }
    }

    fn merge(&mut self, other: Bytes) {
        for (protocol, bytes) in other.0 {
            *self.0.entry(protocol).or_default() += bytes;
        }
    }

    fn needs_time(&self) -> bool {
        false
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let log = std::env::args_os().nth(1).ok_or("usage: own_aggregate LOG")?;
    let queue = InputQueue::new(vec![Input::File(log.into())], ReadOptions::default());
    let plan = Plan {
        filter: Filter::all(Vec::new()),
        clock: Clock::new(TimeZone::UTC, None),
        threads: 2,
        names: None,
    };
    let (bytes, _) = pipeline::run(&queue, &plan, None, Bytes::default)?;
    for (protocol, bytes) in bytes.0 {
        println!("{bytes:>12} {protocol}");
    }
    Ok(())
}

//! Counts TCP packets to each destination port: `cargo run --example count LOG`.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;

use logparse::{Protocol, Scanner};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: count LOG")?;
    let log = std::fs::read(path)?;
    let mut ports: BTreeMap<u16, u64> = BTreeMap::new();
    Scanner::new().scan(&log, |line| {
        if let Ok(record) = line.record
            && record.protocol() == Some(Protocol::TCP)
            && let Some(port) = record.dport()
        {
            *ports.entry(port).or_default() += u64::from(record.repeat());
        }
    });
    for (port, count) in ports {
        println!("{port:>5} {count}");
    }
    Ok(())
}

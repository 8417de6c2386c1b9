//! Reads a log and says what its lines are: `cargo run --example read_file LOG`.
#![allow(clippy::print_stdout)]

use std::error::Error;

use logparse::{Completeness, Scanner};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: read_file LOG")?;
    let log = std::fs::read(path)?;
    let (mut whole, mut truncated, mut corrupt, mut other) = (0, 0, 0, 0);
    Scanner::new().scan(&log, |line| match line.record {
        Err(_) => other += 1,
        Ok(record) => match record.completeness() {
            Completeness::Whole => whole += 1,
            Completeness::Truncated => truncated += 1,
            Completeness::Corrupt => corrupt += 1,
        },
    });
    println!("{whole} packets, {truncated} truncated, {corrupt} corrupt, {other} other lines");
    Ok(())
}

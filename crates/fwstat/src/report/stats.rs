//! How much was read, how fast, and what it was: `--stats`.
//!
//! Responsible for: the words. Goes to standard error, since it is another one on every run.
//! Must not know: who keeps the time.
//! Tested by: `tests/cli/check.rs`.

use std::time::Duration;

use super::head::class_name;
use fwlog::pipeline::Account;
use fwlog::text;

/// One line: `1.0 GiB, 3,873,120 lines in 0.512 s (2.0 GiB/s)`.
#[must_use]
pub fn line(account: &Account, took: Duration) -> String {
    let lines = text::count_of(account.totals.lines, "line", "lines");
    let rate = text::bytes(per_second(account.bytes, took));
    format!("{}, {lines} in {:.3} s ({rate}/s)", text::bytes(account.bytes), took.as_secs_f64())
}

/// All of it, one fact a line.
#[must_use]
pub fn text(account: &Account, files: &[String], taken: u64, took: Duration) -> String {
    let totals = &account.totals;
    let mut out = String::new();
    let mut fact = |name: &str, value: String| out.push_str(&format!("{name:>9}  {value}\n"));
    let bytes = format!("{} ({})", text::grouped(account.bytes), text::bytes(account.bytes));
    fact(
        "bytes",
        match taken {
            same if same == account.bytes => bytes,
            packed => format!("{bytes}, {} as stored", text::grouped(packed)),
        },
    );
    fact("files", text::grouped(files.len() as u64));
    fact("time", format!("{:.3} s", took.as_secs_f64()));
    let (bytes, lines) = (per_second(account.bytes, took), per_second(totals.lines, took));
    fact("rate", format!("{}/s, {} lines/s", text::bytes(bytes), text::grouped(lines)));
    fact("lines", text::grouped(totals.lines));
    for (name, count) in [("packets", totals.packets), ("cut", totals.cut)] {
        fact(class_name(name), text::grouped(count));
    }
    for (name, count) in [("other", totals.other), ("damaged", totals.damaged)] {
        fact(class_name(name), text::grouped(count));
        for (why, seen) in account.ranked_reasons().iter().filter(|(why, _)| why.class() == name) {
            fact("", format!("  {}: {why}", text::grouped(seen.count)));
        }
    }
    fact("matched", text::grouped(totals.matched));
    out
}

fn per_second(count: u64, took: Duration) -> u64 {
    (count as f64 / took.as_secs_f64().max(0.000_001)) as u64
}

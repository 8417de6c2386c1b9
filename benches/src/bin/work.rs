//! One kind of work over one file, once: what `instructions.sh` counts the instructions of.
//!
//!     work read|grammar|few|full FILE
//!
//! `read` reads the file and counts its line ends; `grammar` reads every line by the nom
//! grammar; `few` scans and asks for prefix, source, port and protocol; `full` scans and asks
//! for every field. Prints the number of packets and a sum over what was read, which must be
//! the same for `grammar` and `full`.

#![allow(clippy::print_stderr, clippy::print_stdout)] // a command-line tool

use std::process::ExitCode;

use logparse::{Entry, Found, Scanned, Scanner};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, path] = &arguments[..] else { return usage() };
    let log = match std::fs::read(path) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("work: {path}: {error}");
            return ExitCode::from(2);
        }
    };
    let (packets, sum) = match kind.as_str() {
        "read" => (logparse::lines(&log).count() as u64, 0),
        "grammar" => grammar(&log),
        "few" => few(&log),
        "full" => full(&log),
        _ => return usage(),
    };
    println!("{packets} {sum:016x}");
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: work read|grammar|few|full FILE");
    ExitCode::from(2)
}

fn grammar(log: &[u8]) -> (u64, u64) {
    let (mut packets, mut sum) = (0, 0);
    let mut scratch = Vec::new();
    for (_, line) in logparse::lines(log) {
        if let Ok(entry) = logparse::parse_with(line, &mut scratch) {
            packets += 1;
            sum = add(sum, &entry);
        }
    }
    (packets, sum)
}

fn full(log: &[u8]) -> (u64, u64) {
    let (mut packets, mut sum) = (0, 0);
    Scanner::new().scan(log, |line| {
        match line.found {
            Found::Packet(packet) => sum = add(sum, &packet.entry()),
            Found::Entry(entry) => sum = add(sum, entry),
            Found::Other(_) => return,
        }
        packets += 1;
    });
    (packets, sum)
}

fn few(log: &[u8]) -> (u64, u64) {
    let (mut packets, mut sum) = (0, 0u64);
    Scanner::new().scan(log, |line| {
        match line.found {
            Found::Packet(packet) => sum = sum.wrapping_add(few_fields(&packet)),
            Found::Entry(_) => {}
            Found::Other(_) => return,
        }
        packets += 1;
    });
    (packets, sum)
}

/// What `top` asks for.
#[inline(always)]
fn few_fields(packet: &Scanned<'_>) -> u64 {
    let source = packet.src_ipv4().unwrap_or_default();
    u64::from(source)
        + u64::from(packet.dport().unwrap_or_default())
        + u64::from(packet.protocol().0)
        + packet.prefix().len() as u64
}

/// A sum that every part of an entry goes into: what is not used might not be read at all.
#[inline(always)]
fn add(sum: u64, entry: &Entry<'_>) -> u64 {
    // The value itself, as the caller of a library gets it.
    let entry = std::hint::black_box(entry);
    let number = |text: &[u8]| text.len() as u64;
    sum.wrapping_mul(31)
        .wrapping_add(number(entry.packet.prefix) + number(entry.packet.input) + number(entry.packet.output))
        .wrapping_add(u64::from(entry.packet.dport().unwrap_or_default()))
        .wrapping_add(u64::from(entry.packet.protocol().map_or(0, |protocol| protocol.0)))
        .wrapping_add(entry.envelope.uptime.map_or(0, |uptime| uptime.seconds))
}

//! One kind of work over one file, once: what `instructions.sh` counts the instructions of.
//!
//!     work read|grammar|few|full FILE
//!
//! `read` reads the file and counts its line ends; `grammar` reads every line by the nom
//! grammar; `few` scans and asks for prefix, source, port and protocol; `full` scans and asks
//! for every field. Prints the number of packets and a sum over what was read, which must be
//! the same for `grammar` and `full`.

#![allow(clippy::print_stderr, clippy::print_stdout)] // a command-line tool

use std::fs::File;
use std::io::{self, Read};
use std::process::ExitCode;

use logparse::{Entry, FastPacket, Line, Scanner};

/// What is read at a time, as fwstat reads.
const CHUNK: usize = 1 << 20;

/// Packets, and a sum over what was read of them.
#[derive(Default)]
struct Work {
    scanner: Scanner,
    scratch: Vec<u8>,
    packets: u64,
    sum: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, path] = &arguments[..] else { return usage() };
    let step: fn(&mut Work, &[u8]) = match kind.as_str() {
        "read" => |work, log| work.packets += logparse::lines(log).count() as u64,
        "grammar" => Work::grammar,
        "few" => Work::few,
        "full" => Work::full,
        _ => return usage(),
    };
    let mut work = Work::default();
    if let Err(error) = chunks(path, |chunk| step(&mut work, chunk)) {
        eprintln!("work: {path}: {error}");
        return ExitCode::from(2);
    }
    println!("{} {:016x}", work.packets, work.sum);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: work read|grammar|few|full FILE");
    ExitCode::from(2)
}

/// The file's whole lines, chunk by chunk, and its last line.
fn chunks(path: &str, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; CHUNK];
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0);
        }
        let read = file.read(&mut buffer[filled..])?;
        filled += read;
        let whole = if read == 0 { filled } else { logparse::last_line_end(&buffer[..filled]) };
        each(&buffer[..whole]);
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
        if read == 0 {
            return Ok(());
        }
    }
}

impl Work {
    fn grammar(&mut self, log: &[u8]) {
        for (_, line) in logparse::lines(log) {
            if let Ok(entry) = &logparse::parse_with(line, &mut self.scratch) {
                self.packets += 1;
                self.sum = add(self.sum, entry);
            }
        }
    }

    fn full(&mut self, log: &[u8]) {
        let Work { scanner, packets, sum, .. } = self;
        scanner.scan(log, |line| {
            if let Ok(record) = line.record {
                record.with_entry(|entry| {
                    *packets += 1;
                    *sum = add(*sum, entry);
                });
            }
        });
    }

    fn few(&mut self, log: &[u8]) {
        let Work { scanner, packets, sum, .. } = self;
        scanner.scan(log, |line| {
            match line.record {
                Ok(Line::Fast(packet)) => *sum = sum.wrapping_add(few_fields(packet)),
                Ok(Line::Full(_)) => {}
                Err(_) => return,
            }
            *packets += 1;
        });
    }
}

/// What `top` asks for.
#[inline(always)]
fn few_fields(packet: &FastPacket<'_>) -> u64 {
    let source = packet.src_ipv4().unwrap_or_default();
    u64::from(source)
        + u64::from(packet.dport().unwrap_or_default())
        + u64::from(packet.protocol().map_or(0, |protocol| protocol.0))
        + packet.prefix().len() as u64
}

/// A sum that every part of an entry goes into: what is not used might not be read at all.
#[inline(always)]
fn add(sum: u64, entry: &Entry<'_>) -> u64 {
    // The value itself, as the caller of a library gets it.
    let entry = std::hint::black_box(entry);
    let number = |text: &[u8]| text.len() as u64;
    sum.wrapping_mul(31)
        .wrapping_add(
            number(entry.packet.prefix) + number(entry.packet.in_iface) + number(entry.packet.out_iface),
        )
        .wrapping_add(u64::from(entry.packet.dport().unwrap_or_default()))
        .wrapping_add(u64::from(entry.packet.protocol().map_or(0, |protocol| protocol.0)))
        .wrapping_add(entry.envelope.uptime.map_or(0, |uptime| uptime.seconds))
}

//! Writes a log to standard output; the same parameters give the same bytes.
//!
//!     cargo run --release -p fwstat-bench --bin corpus -- BYTES [DISTINCT [EXPONENT [MIXED_PERCENT [SEED]]]]
//!
//! Without the others: 50000 sources, exponent 1.1, no other programs' lines, seed 1.

#![allow(clippy::print_stderr)] // a command-line tool's usage

use std::io::{self, BufWriter};
use std::process::ExitCode;

use fwstat_bench::corpus::{Parameters, write};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).map(|text| text.replace('_', "")).collect();
    let Some(parameters) = parameters(&arguments) else {
        eprintln!("usage: corpus BYTES [DISTINCT [EXPONENT [MIXED_PERCENT [SEED]]]]");
        return ExitCode::from(2);
    };
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    match write(&parameters, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("corpus: cannot write: {error}");
            ExitCode::from(2)
        }
    }
}

fn parameters(arguments: &[String]) -> Option<Parameters> {
    let number = |at: usize, default: u64| match arguments.get(at) {
        Some(text) => text.parse().ok(),
        None => Some(default),
    };
    let exponent = match arguments.get(2) {
        Some(text) => text.parse().ok().filter(|exponent: &f64| (0.0..=10.0).contains(exponent))?,
        None => 1.1,
    };
    (!arguments.is_empty() && arguments.len() <= 5).then_some(Parameters {
        bytes: number(0, 0)?,
        distinct: number(1, 50_000)?.max(1),
        exponent,
        mixed_percent: number(3, 0)?,
        seed: number(4, 1)?,
    })
}

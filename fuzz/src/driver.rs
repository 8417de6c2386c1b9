//! Runs fuzz targets on a stable compiler: changed lines of the suite, counted.
//!
//!     cargo run --release --no-default-features -- TARGET COUNT [SEED]
//!     cargo run --release --no-default-features -- seed       # fuzz/corpus for cargo-fuzz
//!
//! An input that makes a target panic is written to testdata/fuzz-regressions, where
//! `cargo test` replays it, and the driver ends with 1.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use fwstat_fuzz::mutate::{Rng, buffer as lines, input, seeds};
use fwstat_fuzz::targets::{TARGETS, Target};

/// Every target by its name.
fn targets() -> impl Iterator<Item = (&'static str, Target)> {
    TARGETS.iter().copied().chain([("journal", fwstat_fuzz::journal::journal as Target)])
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seeds = seeds(&root.join("../testdata/lines"));
    let number = |text: &str| text.replace('_', "").parse::<u64>().ok();
    match arguments[..] {
        ["seed"] => {
            seed(&root.join("corpus"), &seeds);
            ExitCode::SUCCESS
        }
        [name, count] | [name, count, _] => {
            let target = targets().find(|(of, _)| *of == name);
            let start = arguments.get(2).map_or(Some(1), |text| number(text));
            let (Some((name, target)), Some(count), Some(start)) = (target, number(count), start) else {
                return usage();
            };
            run(name, target, count, start, &seeds, &root.join("../testdata/fuzz-regressions"))
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    let names: Vec<&str> = targets().map(|(name, _)| name).collect();
    eprintln!("usage: driver TARGET COUNT [SEED]  |  driver seed\ntargets: {}", names.join(" "));
    ExitCode::from(2)
}

/// One file for each seed and target: the same bytes are lines, decisions and options.
fn seed(corpus: &Path, seeds: &[Vec<u8>]) {
    for (name, _) in targets() {
        let directory = corpus.join(name);
        std::fs::create_dir_all(&directory).expect("fuzz/corpus can be written");
        for (i, seed) in seeds.iter().enumerate() {
            std::fs::write(directory.join(format!("suite-{i:05}")), seed)
                .expect("fuzz/corpus can be written");
        }
        println!("{}: {} files", directory.display(), seeds.len());
    }
}

fn run(
    name: &str,
    target: Target,
    count: u64,
    start: u64,
    seeds: &[Vec<u8>],
    regressions: &Path,
) -> ExitCode {
    let began = Instant::now();
    let mut rng = Rng::new(start);
    let mut bytes = 0;
    let mut buffer = Vec::new();
    for i in 0..count {
        if matches!(name, "round_trip" | "options" | "journal") {
            // These take decisions and hex, not lines: plain bytes reach more of them.
            noise(&mut rng, seeds, &mut buffer);
        } else if name == "scan_equals_grammar" {
            lines(&mut rng, seeds, &mut buffer);
        } else {
            input(&mut rng, seeds, &mut buffer);
        }
        bytes += buffer.len();
        if catch_unwind(AssertUnwindSafe(|| target(&buffer))).is_err() {
            let path = keep(regressions, name, &buffer);
            println!("{name}: input {i} of seed {start} panics; kept as {}", path.display());
            return ExitCode::FAILURE;
        }
        if i % 1_000_000 == 999_999 {
            println!("{name}: {} inputs, {:.0} s", i + 1, began.elapsed().as_secs_f64());
            let _ = std::io::stdout().flush();
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{name}: {count} inputs of seed {start}, {bytes} bytes, {seconds:.0} s, no panic");
    ExitCode::SUCCESS
}

/// Plain bytes, or a changed line, up to 300 bytes.
fn noise(rng: &mut Rng, seeds: &[Vec<u8>], out: &mut Vec<u8>) {
    if rng.below(4) == 0 {
        input(rng, seeds, out);
        out.truncate(300);
        return;
    }
    out.clear();
    for _ in 0..rng.below(300) {
        // Small numbers are lengths and kinds.
        let byte = rng.number() as u8;
        out.push(if rng.below(3) == 0 { byte % 40 } else { byte });
    }
}

/// Keeps an input under a name made of its bytes.
fn keep(directory: &Path, name: &str, input: &[u8]) -> PathBuf {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = directory.join(format!("{name}-{hash:016x}"));
    std::fs::create_dir_all(directory).expect("the directory can be made");
    std::fs::write(&path, input).expect("the input can be kept");
    path
}

//! Times of counting, beside the scan that feeds it: few sources and many, by three power laws.
//!
//!     cargo bench -p fwstat-bench --bench aggregate [-- FILTER]
//!
//! Throughput is in packets. Every bench states how many it must have counted.

#![allow(missing_docs)] // criterion's macros make the functions

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fwlog::aggregate::{Aggregate, Counts};
use fwlog::record::{Field, Record};
use fwstat_bench::corpus::{self, Parameters};
use logparse::Scanner;

/// All sources alike, some more frequent, and as logs show it.
const EXPONENTS: [f64; 3] = [0.0, 0.6, 1.1];

/// What is counted by, as a user types it.
const FIELDS: [&[&str]; 6] =
    [&["src"], &["dport"], &["src", "dport"], &["prefix", "proto", "dport"], &["src/24"], &["mac_src"]];

fn log(exponent: f64) -> Vec<u8> {
    let parameters =
        Parameters { bytes: 8_000_000, distinct: 1_000_000, exponent, mixed_percent: 0, seed: 1 };
    let mut log = Vec::new();
    corpus::write(&parameters, &mut log).expect("a vector takes everything");
    log
}

fn each(scanner: &mut Scanner, log: &[u8], mut with: impl FnMut(&Record<'_>)) -> u64 {
    let mut records = 0;
    scanner.scan(log, |line| {
        let Ok(read) = line.record else { return };
        records += 1;
        with(&Record::alone(read, line.text));
    });
    records
}

fn counts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("counts");
    group.sample_size(20);
    for exponent in EXPONENTS {
        let log = log(exponent);
        let records = each(&mut Scanner::new(), &log, |_| {});
        group.throughput(Throughput::Elements(records));
        group.bench_function(format!("zipf-{exponent}/scan alone"), |bench| {
            let mut scanner = Scanner::new();
            bench.iter(|| {
                assert_eq!(
                    each(&mut scanner, black_box(&log), |record| {
                        black_box(record);
                    }),
                    records
                );
            });
        });
        for names in FIELDS {
            let fields: Vec<Field> =
                names.iter().map(|name| Field::parse(name).expect("a field's name")).collect();
            group.bench_function(format!("zipf-{exponent}/{}", names.join(",")), |bench| {
                let mut scanner = Scanner::new();
                bench.iter(|| {
                    let mut counts = Counts::by(fields.clone());
                    each(&mut scanner, black_box(&log), |record| counts.add(record));
                    counts.settle();
                    assert_eq!(counts.ranked(10).total, records);
                });
            });
        }
    }
    group.finish();
}

/// Two threads' counts into one.
fn merge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge");
    group.sample_size(20);
    for exponent in EXPONENTS {
        let log = log(exponent);
        let half = |text: &[u8]| {
            let mut counts = Counts::by(vec![Field::parse("src").expect("a field's name")]);
            each(&mut Scanner::new(), text, |record| counts.add(record));
            counts.settle();
            counts
        };
        let middle = logparse::last_line_end(&log[..log.len() / 2]);
        let (first, second) = (half(&log[..middle]), half(&log[middle..]));
        let whole = half(&log).distinct();
        group.throughput(Throughput::Elements(whole));
        group.bench_function(format!("zipf-{exponent}/src"), |bench| {
            bench.iter_batched(
                || (first.clone(), second.clone()),
                |(mut first, second)| {
                    first.merge(second);
                    assert_eq!(first.distinct(), whole);
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, counts, merge);
criterion_main!(benches);

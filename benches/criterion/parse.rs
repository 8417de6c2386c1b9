//! Times per kind of line, per envelope and per engine, and of writing packets.
//!
//!     cargo bench -p fwstat-bench [-- FILTER]
//!
//! Every bench states what it must find and fails otherwise. Throughput is in bytes of log.
//! Times move with the machine: only ratios within one run mean anything.

#![allow(missing_docs)] // criterion's macros make the functions

use std::hint::black_box;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use fwstat_bench::corpus::{self, Parameters};
use logparse::{Line, Scanner, lines, parse_with};

const HEAD: &str = "Jun 30 06:06:13 gw kernel: [ 8486.974964] drop IN=eth0 OUT= \
                    MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 ";
const V4: &str = "SRC=10.137.0.14 DST=10.137.0.16 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 DF ";
const V6: &str = "SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0001:ff00:00fb LEN=80 \
                  TC=0 HOPLIMIT=64 FLOWLBL=1048575 ";
const TCP: &str = "PROTO=TCP SPT=56296 DPT=8443 WINDOW=64240 RES=0x00 SYN URGP=0 ";
const TCP_LONG: &str = "PROTO=TCP SPT=56296 DPT=8443 SEQ=3405691582 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 \
                        OPT (020405B40402080A) UID=1000 GID=1000 MARK=0x1 ";
const UDP: &str = "PROTO=UDP SPT=5353 DPT=53 LEN=32 ";
const ECHO: &str = "PROTO=ICMP TYPE=8 CODE=0 ID=12 SEQ=1 ";
const QUOTE: &str = "PROTO=ICMP TYPE=3 CODE=3 [SRC=10.0.0.2 DST=10.0.0.1 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 \
                     PROTO=UDP SPT=56296 DPT=8443 LEN=8 ] ";
const FRAGMENT: &str = "SRC=10.137.0.14 DST=10.137.0.16 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 MF FRAG:185 ";

/// Kinds of lines by name; whether a scan reads them without the grammar.
fn kinds() -> Vec<(&'static str, String, bool)> {
    vec![
        ("v4-tcp", format!("{HEAD}{V4}{TCP}"), true),
        ("v4-tcp-seq-opt-uid", format!("{HEAD}{V4}{TCP_LONG}"), true),
        ("v4-udp", format!("{HEAD}{V4}{UDP}"), true),
        ("v4-icmp-echo", format!("{HEAD}{V4}{ECHO}"), true),
        ("v4-icmp-quote", format!("{HEAD}{V4}{QUOTE}"), true),
        ("v6-tcp", format!("{HEAD}{V6}{TCP}"), true),
        ("v6-udp", format!("{HEAD}{V6}{UDP}"), true),
        ("v4-fragment", format!("{HEAD}{FRAGMENT}PROTO=UDP "), false),
        (
            "arp",
            "[ 8486.974964] arp IN=eth0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=00:16:3e:5e:6c:00 \
                 IPSRC=10.0.0.1 MACDST=00:00:00:00:00:00 IPDST=10.0.0.2"
                .into(),
            false,
        ),
    ]
}

/// What a program put in front.
const ENVELOPES: [(&str, &str, bool); 6] = [
    ("rfc3164-uptime", "Jun 30 06:06:13 gw kernel: [ 8486.974964] ", true),
    ("rfc3164", "Jun 30 06:06:13 gw kernel: ", true),
    ("rfc3339", "2024-06-30T06:06:13.123456+02:00 gw kernel: [ 8486.974964] ", true),
    ("dmesg", "[ 8486.974964] ", true),
    ("rfc5424", "<4>1 2024-06-30T06:06:13.123456Z gw kernel - - - [ 8486.974964] ", true),
    ("kmsg", "4,1234,8486974964,-;", false),
];

const LINES: usize = 1_000;

/// The line many times, and bytes behind it, so that the last ones are like the others.
fn repeated(line: &str) -> Vec<u8> {
    let mut log = Vec::new();
    for _ in 0..LINES {
        log.extend_from_slice(line.as_bytes());
        log.push(b'\n');
    }
    log
}

fn grammar(log: &[u8]) -> usize {
    let mut scratch = Vec::new();
    let mut packets = 0;
    for (_, line) in lines(log) {
        let entry = &parse_with(line, &mut scratch);
        packets += usize::from(black_box(entry).as_ref().is_ok_and(|entry| entry.error.is_none()));
    }
    packets
}

fn scan(scanner: &mut Scanner, log: &[u8], full: bool) -> (usize, usize) {
    let (mut packets, mut quick) = (0, 0);
    scanner.scan(log, |line| match line.record {
        Ok(record @ Line::Fast(packet)) => {
            packets += 1;
            quick += 1;
            if full {
                record.with_entry(|entry| _ = black_box(entry));
            } else {
                black_box((
                    packet.src_ipv4(),
                    packet.dport(),
                    packet.protocol(),
                    packet.prefix_key().index(),
                ));
            }
        }
        Ok(Line::Full(entry)) => packets += usize::from(black_box(entry).error.is_none()),
        Err(_) => {}
    });
    (packets, quick)
}

fn engines(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, log: &[u8], is_quick: bool) {
    group.throughput(Throughput::Bytes(log.len() as u64));
    group.bench_function(format!("{name}/grammar"), |bench| {
        bench.iter(|| assert_eq!(grammar(black_box(log)), LINES));
    });
    for (engine, full) in [("scan-full", true), ("scan-few", false)] {
        group.bench_function(format!("{name}/{engine}"), |bench| {
            let mut scanner = Scanner::new();
            scan(&mut scanner, log, full);
            bench.iter(|| {
                let (packets, quick) = scan(&mut scanner, black_box(log), full);
                assert_eq!(packets, LINES);
                // The last lines of a buffer have too few bytes behind them.
                assert!(if is_quick { quick + 8 > LINES } else { quick == 0 }, "{quick}");
            });
        });
    }
}

fn line_kinds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kind");
    for (name, line, is_quick) in kinds() {
        engines(&mut group, name, &repeated(&line), is_quick);
    }
    group.finish();
}

fn envelopes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("envelope");
    for (name, envelope, is_quick) in ENVELOPES {
        let line = format!("{envelope}drop IN=eth0 OUT= {V4}{TCP}");
        engines(&mut group, name, &repeated(&line), is_quick);
    }
    group.finish();
}

fn emit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("emit");
    for (name, line, _) in kinds() {
        let entry = logparse::parse(line.as_bytes()).expect("a packet");
        let mut out = Vec::new();
        entry.packet.emit(&mut out);
        assert!(line.as_bytes().ends_with(&out));
        group.throughput(Throughput::Bytes(out.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| {
                out.clear();
                black_box(&entry.packet).emit(&mut out);
                assert!(!out.is_empty());
            });
        });
    }
    group.finish();
}

/// A whole log: other lines, many sources, days.
fn logs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log");
    group.sample_size(20);
    for (name, mixed_percent) in [("pure", 0), ("mixed", 30)] {
        let parameters =
            Parameters { bytes: 4_000_000, distinct: 50_000, exponent: 1.1, mixed_percent, seed: 1 };
        let mut log = Vec::new();
        corpus::write(&parameters, &mut log).expect("a vector takes everything");
        let packets = lines(&log).filter(|(_, line)| logparse::parse(line).is_ok()).count();
        group.throughput(Throughput::Bytes(log.len() as u64));
        group.bench_function(format!("{name}/grammar"), |bench| {
            let mut scratch = Vec::new();
            bench.iter(|| {
                let found =
                    lines(black_box(&log)).filter(|(_, line)| parse_with(line, &mut scratch).is_ok()).count();
                assert_eq!(found, packets);
            });
        });
        for (engine, full) in [("scan-full", true), ("scan-few", false)] {
            group.bench_function(format!("{name}/{engine}"), |bench| {
                bench.iter(|| assert_eq!(scan(&mut Scanner::new(), black_box(&log), full).0, packets));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, line_kinds, envelopes, emit, logs);
criterion_main!(benches);

//! How fast rulesets are: large ones are read, linted and replayed within seconds even without
//! optimisation; and a measurement of a compiled one, run by hand in release mode:
//! `cargo test -p fwrules --release --test speed -- --ignored --nocapture`

mod common;

use std::io::Write;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use fwrules::{Compiled, Evidence, Ruleset, Sets, lint};

/// A ruleset of 500 rules as they grow on a host: networks and ports in a MALICIOUS chain.
fn grown() -> Ruleset {
    let mut rng = common::Rng(5);
    let mut text = String::from(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n:MALICIOUS - [0:0]\n\
         -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -j MALICIOUS\n\
         -A INPUT -p tcp -j LOG --log-prefix \"tcp.in.dropped \"\n-A INPUT -p udp -j LOG --log-prefix \"udp.in.dropped \"\n\
         -A OUTPUT -j LOG --log-prefix \"out.dropped \"\n",
    );
    for i in 0..494 {
        let net = format!("{}.{}.0.0/16", 1 + rng.below(220), rng.below(256));
        let protocol = *rng.pick(&["tcp", "udp"]);
        let port = 1024 + rng.below(40_000);
        text.push_str(&match i % 4 {
            0 => format!("-A MALICIOUS -s {net} -j DROP\n"),
            1 => format!("-A MALICIOUS -s {net} -p {protocol} -m {protocol} --dport {port} -j DROP\n"),
            2 => format!("-A MALICIOUS -p {protocol} -m multiport --dports {port},{} -j DROP\n", port + 7),
            _ => format!("-A MALICIOUS -i eth{} -p {protocol} -m {protocol} --dport {port} -j DROP\n", i % 3),
        });
    }
    text.push_str("COMMIT\n");
    Ruleset::parse_save(text.as_bytes()).unwrap()
}

fn address(i: u32) -> std::net::Ipv4Addr {
    std::net::Ipv4Addr::from_bits((1 << 24) + (i << 3))
}

fn filter(chains: &str, rules: &str) -> Ruleset {
    let log = "-A INPUT -p tcp -j LOG --log-prefix \"tcp.in.dropped \"\n";
    Ruleset::parse(format!("*filter\n:INPUT DROP [0:0]\n{chains}{rules}{log}COMMIT\n").as_bytes()).unwrap()
}

fn nft(objects: &str) -> Ruleset {
    Ruleset::parse(format!(r#"{{"nftables": [{{"metainfo": {{}}}}{objects}]}}"#).as_bytes()).unwrap()
}

/// Twice as much takes about twice as long: each of these was once quadratic.
#[test]
fn large_rulesets_take_seconds() {
    type Make = fn(u32) -> Ruleset;
    // What is wrong with each: of rules that are there twice, those are found that the sets of
    // packets have room for; of 20,000 ports for TCP, those whose service speaks UDP.
    let kinds: [(&str, u32, RangeInclusive<usize>, Make); 7] = [
        ("a blocklist", 100_000, 0..=0, |n| {
            let rules: String = (0..n).map(|i| format!("-A INPUT -s {}/32 -j DROP\n", address(i))).collect();
            filter("", &rules)
        }),
        ("each rule twice", 100_000, 100..=50_000, |n| {
            let rules: String =
                (0..n).map(|i| format!("-A INPUT -s {}/32 -j DROP\n", address(i % (n / 2)))).collect();
            filter("", &rules)
        }),
        ("chained jumps", 20_000, 0..=0, |n| {
            let chains: String = (0..=n).map(|i| format!(":C{i} - [0:0]\n")).collect();
            let jumps: String = (0..n).map(|i| format!("-A C{i} -p tcp -j C{}\n", i + 1)).collect();
            filter(&chains, &format!("-A INPUT -j C0\n{jumps}"))
        }),
        ("a chain for each rule", 20_000, 0..=0, |n| {
            let chains: String = (0..n).map(|i| format!(":C{i} - [0:0]\n")).collect();
            let jumps: String =
                (0..n).map(|i| format!("-A INPUT -s {}/32 -j C{i}\n-A C{i} -j DROP\n", address(i))).collect();
            filter(&chains, &jumps)
        }),
        ("tables", 20_000, 5..=5, |n| {
            let table = |i: u32| {
                format!(
                    r#",{{"table": {{"family": "inet", "name": "t{i}"}}}},
                    {{"chain": {{"family": "inet", "table": "t{i}", "name": "c", "type": "filter", "hook": "input", "prio": 0}}}},
                    {{"rule": {{"family": "inet", "table": "t{i}", "chain": "c", "expr": [{{"match": {{"op": "==",
                    "left": {{"payload": {{"protocol": "tcp", "field": "dport"}}}}, "right": {}}}}}, {{"drop": null}}]}}}}"#,
                    i % 60_000 + 1000
                )
            };
            nft(&(0..n).map(table).collect::<String>())
        }),
        ("a set in a rule", 200_000, 0..=0, |n| {
            let elements: Vec<String> = (0..n).map(|i| format!("\"{}\"", address(i))).collect();
            nft(&format!(
                r#",{{"chain": {{"family": "ip", "table": "t", "name": "c", "type": "filter", "hook": "input", "prio": 0}}}},
                {{"rule": {{"family": "ip", "table": "t", "chain": "c", "expr": [{{"match": {{"op": "==",
                "left": {{"payload": {{"protocol": "ip", "field": "saddr"}}}}, "right": {{"set": [{}]}}}}}}, {{"drop": null}}]}}}}"#,
                elements.join(",")
            ))
        }),
        ("sets in sets", 50_000, 0..=0, |n| {
            let mut rules = filter("", "-A INPUT -m set --match-set s0 src -j DROP\n");
            let create: String = (0..n).map(|i| format!("create s{i} list:set\n")).collect();
            let add: String = (1..n).map(|i| format!("add s{} s{i}\n", i - 1)).collect();
            rules.sets = Sets::parse((create + &add).as_bytes()).unwrap();
            rules
        }),
    ];
    let line = b"tcp.in.dropped IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=44 TOS=0x00 PREC=0x00 TTL=57 ID=1 \
        PROTO=TCP SPT=1 DPT=22 WINDOW=1024 RES=0x00 SYN URGP=0 ";
    let packet = common::packet(line);
    for (what, count, wrong, make) in kinds {
        let started = Instant::now();
        let rules = make(count);
        let read = started.elapsed();
        let findings = lint(&rules).len();
        let linted = started.elapsed();
        let compiled = Compiled::new(&rules, Evidence::Usual, &[]);
        let mut replayer = compiled.replayer();
        replayer.replay(&packet, None, false);
        let took = started.elapsed();
        assert!(wrong.contains(&findings), "{what}: {findings} findings");
        let _ = writeln!(
            std::io::stderr(),
            "{what}, {count}: read {read:.1?}, linted {linted:.1?} ({findings} findings), replayed {took:.1?}"
        );
        // Ten times what an idle machine needs.
        assert!(took < Duration::from_secs(30), "{what}, {count}: {took:?}");
    }
}

#[test]
#[ignore = "a measurement"]
fn lines_per_second() {
    let rules = grown();
    assert!(rules.rules().count() >= 499);
    let mut rng = common::Rng(6);
    let mut log: Vec<Vec<u8>> = Vec::new();
    for _ in 0..400_000 {
        let tcp = rng.chance(2);
        let port = if rng.chance(2) { *rng.pick(&[22, 23, 445, 3389]) } else { rng.below(65_536) };
        let (a, b, c, d) = (1 + rng.below(223), rng.below(256), rng.below(256), rng.below(256));
        let head = format!(
            "IN=eth0 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 SRC={a}.{b}.{c}.{d} DST=10.137.0.16 LEN=44 TOS=0x00 PREC=0x00 TTL=57 ID=1169 "
        );
        log.push(
            if tcp {
                format!(
                    "tcp.in.dropped {head}PROTO=TCP SPT={} DPT={port} WINDOW=1024 RES=0x00 SYN URGP=0 ",
                    rng.below(65_536)
                )
            } else {
                format!("udp.in.dropped {head}PROTO=UDP SPT={} DPT={port} LEN=24 ", rng.below(65_536))
            }
            .into_bytes(),
        );
    }
    let started = Instant::now();
    let packets: Vec<_> = log.iter().map(|l| common::packet(l)).collect();
    let parsed = started.elapsed();
    let started = Instant::now();
    let compiled = Compiled::new(&rules, Evidence::Usual, &[]);
    let built = started.elapsed();
    assert!(compiled.is_memoised());
    // The best of many short runs: other work on the machine does not count.
    let mut replayer = compiled.replayer();
    let started = Instant::now();
    for packet in &packets {
        replayer.replay(packet, None, false);
    }
    let cold = started.elapsed();
    let mut best = f64::INFINITY;
    let mut sum = 0u64;
    for chunk in packets.chunks(4000) {
        for _ in 0..3 {
            let started = Instant::now();
            for packet in chunk {
                sum += u64::from(replayer.replay(packet, None, false).0);
            }
            best = best.min(started.elapsed().as_nanos() as f64 / chunk.len() as f64);
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "{best:.0} ns a line at best, {:.0} with all misses; {} answers, {} keys ({sum}); parsing {:.0} ns a line; compiled in {built:?}",
        cold.as_nanos() as f64 / packets.len() as f64,
        replayer.answers().len(),
        replayer.remembered(),
        parsed.as_nanos() as f64 / packets.len() as f64,
    );
}

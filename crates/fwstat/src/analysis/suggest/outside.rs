//! Candidates for what strangers send by outer links.
//!
//! What tells noise from signal is a crowd: many networks at one port, in most parts of the log,
//! on a link that is hit at many ports. Chance is taken into account: what is spread over all
//! ports meets now and then.
//!
//! Responsible for: radiation, backscatter, ICMP, spoofed blocks, scanning networks.
//! Must not know: the names of ports; how rules are chosen.
//! Tested by: `tests/cli/suggest.rs` (a permutation of ports permutes the rules).

use std::collections::{BTreeMap, BTreeSet};

use fwrules::Net;
use logparse::Protocol;

use super::candidate::{Candidates, Pack, Port, Reason, Single};
use super::evidence::{CROWD, EXPOSED, Evidence, SCANNER, WIDE_CROWD, WIDTH, width};
use crate::analysis::noise::address::{BOGUS, Nets, around, net_name};
use crate::analysis::noise::pattern::{OnInterface, Pattern};
use crate::analysis::noise::sighting::To;

/// A link and family: what strangers come by.
type Link = (u32, bool);
const TCP: u8 = Protocol::TCP.0;
const UDP: u8 = Protocol::UDP.0;

/// Lines of one kind, with their source networks.
#[derive(Clone, Debug, Default)]
struct Crowd {
    networks: BTreeMap<u128, u32>,
    lines: Vec<u32>,
}

impl Crowd {
    fn add(&mut self, network: u128, line: u32) {
        *self.networks.entry(network).or_default() += 1;
        self.lines.push(line);
    }
}

/// Ports with a crowd, by link, family, protocol and port.
type Ports = BTreeMap<(u32, bool, u8, u16), Crowd>;

/// Finds all of them.
pub fn find(evidence: &Evidence<'_>, out: &mut Candidates) {
    let mut ports = Ports::new();
    for (line, seen) in
        evidence.outside().filter(|(_, seen)| seen.ports && (seen.protocol == UDP || seen.syn))
    {
        let input = evidence.log.input(seen);
        ports.entry((input, seen.v6, seen.protocol, seen.dport)).or_default().add(seen.network(), line);
    }
    let chance = chance(&ports);
    let crowded = crowded(evidence, &ports, &chance, out);
    answers(evidence, &chance, out);
    unopened(evidence, out);
    icmp(evidence, out);
    if evidence.place.spoofed {
        spoofed(evidence, out);
    }
    scanners(evidence, &crowded, out);
    for (key, crowd) in ports.into_iter().filter(|(key, _)| crowded.contains(key)) {
        let (input, v6, protocol, port) = key;
        let pack = Pack {
            reason: Reason::Radiation,
            input: Some(evidence.log.name(input).to_vec()),
            v6,
            protocol,
            to: To::One,
        };
        out.ports.push(Port { pack, port, lines: crowd.lines });
    }
}

/// Of each link, family and protocol: how many networks meet at a port by chance, if what is
/// spread over all ports is spread evenly.
fn chance(ports: &Ports) -> BTreeMap<(u32, bool, u8), usize> {
    let mut spread: BTreeMap<(u32, bool, u8), usize> = BTreeMap::new();
    for ((input, v6, protocol, _), crowd) in ports.iter().filter(|(_, crowd)| crowd.networks.len() < 3) {
        *spread.entry((*input, *v6, *protocol)).or_default() += crowd.lines.len();
    }
    spread.into_iter().map(|(key, lines)| (key, meeting(lines as f64 / 65_536.0))).collect()
}

/// The smallest number of which 65,536 Poisson numbers with this mean have one in a hundred cases.
fn meeting(mean: f64) -> usize {
    let (mut most, mut term, mut tail) = (1, libm::exp(-mean), 1.0 - libm::exp(-mean));
    while 65_536.0 * tail > 0.01 && most < 1 << 20 {
        term *= mean / most as f64;
        tail -= term;
        most += 1;
    }
    most
}

fn crowded(
    evidence: &Evidence<'_>,
    ports: &Ports,
    chance: &BTreeMap<(u32, bool, u8), usize>,
    out: &mut Candidates,
) -> BTreeSet<(u32, bool, u8, u16)> {
    let mut found: BTreeSet<(u32, bool, u8, u16)> = BTreeSet::new();
    for (key, crowd) in ports {
        let least = chance.get(&(key.0, key.1, key.2)).copied().unwrap_or(0).max(CROWD);
        let many = crowd.networks.len() >= least && width(&crowd.networks) >= CROWD as f64 / 2.0;
        if !many || (crowd.lines.len() as f64) < evidence.rare() {
            continue;
        }
        if evidence.comes_again(&crowd.lines, crowd.networks.len()) {
            found.insert(*key);
        } else {
            out.over.extend(&crowd.lines);
        }
    }
    // An exposed link is hit at many ports, or by very many networks; else a port is a finding.
    let links: BTreeSet<Link> = found.iter().map(|(input, v6, ..)| (*input, *v6)).collect();
    for link in links {
        let own: Vec<_> = found.iter().filter(|key| (key.0, key.1) == link).copied().collect();
        let lines: usize = own.iter().map(|key| ports[key].lines.len()).sum();
        let wide = own.iter().any(|key| ports[key].networks.len() >= WIDE_CROWD);
        if own.len() < EXPOSED.0 && !wide || (lines as f64) < EXPOSED.1 * evidence.all() {
            own.iter().for_each(|key| {
                found.remove(key);
            });
        }
    }
    found
}

/// UDP answers: a source port that a crowd shares, to targets that are never the same.
fn answers(evidence: &Evidence<'_>, chance: &BTreeMap<(u32, bool, u8), usize>, out: &mut Candidates) {
    // Source networks, target ports, lines.
    type Answers = (BTreeSet<u128>, BTreeMap<u16, u32>, Vec<u32>);
    let mut all: BTreeMap<(u32, bool, u16), Answers> = BTreeMap::new();
    for (line, seen) in evidence.outside() {
        if seen.protocol != UDP || !seen.ports || seen.dport < 1024 || !evidence.asked.answers(seen.v6) {
            continue;
        }
        let one = all.entry((evidence.log.input(seen), seen.v6, seen.sport)).or_default();
        one.0.insert(seen.network());
        *one.1.entry(seen.dport).or_default() += 1;
        one.2.push(line);
    }
    for ((input, v6, port), (networks, targets, lines)) in all {
        let least = chance.get(&(input, v6, UDP)).copied().unwrap_or(0).max(CROWD);
        if networks.len() >= least && width(&targets) >= WIDTH && lines.len() as f64 >= evidence.rare() {
            let input = Some(evidence.log.name(input).to_vec());
            let pack = Pack { reason: Reason::Backscatter, input, v6, protocol: UDP, to: To::One };
            out.ports.push(Port { pack, port, lines });
        }
    }
}

fn on(evidence: &Evidence<'_>, input: u32) -> Vec<OnInterface> {
    vec![OnInterface::named(evidence.log.name(input))]
}

/// TCP that opens no connection: answers, ends, flags of nothing.
fn unopened(evidence: &Evidence<'_>, out: &mut Candidates) {
    let mut all: BTreeMap<Link, Crowd> = BTreeMap::new();
    for (line, seen) in evidence.outside().filter(|(_, seen)| seen.protocol == TCP && !seen.syn && seen.ports)
    {
        let network = if seen.v6 { seen.src >> 64 } else { seen.network() };
        all.entry((evidence.log.input(seen), seen.v6)).or_default().add(network, line);
    }
    for ((input, v6), crowd) in all {
        if evidence.asked.answers(v6) && is_crowd(evidence, &crowd) {
            out.singles.push(Single {
                reason: Reason::Backscatter,
                pattern: Pattern {
                    v6,
                    input: on(evidence, input),
                    protocol: vec![TCP],
                    syn: Some(false),
                    ..Pattern::default()
                },
                what: "tcp that opens no connection: answers, ends, odd flags".to_owned(),
                lines: crowd.lines,
            });
        }
    }
}

fn is_crowd(evidence: &Evidence<'_>, crowd: &Crowd) -> bool {
    crowd.networks.len() >= CROWD && crowd.lines.len() as f64 >= evidence.rare()
}

/// ICMP types that ask (all of them), and those that answer (only after known connections pass).
const ICMP: [(bool, u8, bool); 10] = [
    (false, 8, true),
    (false, 13, true),
    (false, 3, false),
    (false, 11, false),
    (false, 0, false),
    (true, 128, true),
    (true, 1, false),
    (true, 3, false),
    (true, 129, false),
    (true, 4, false),
];

/// ICMP of crowds, type by type, and of IPv4 all of it but what changes routes.
fn icmp(evidence: &Evidence<'_>, out: &mut Candidates) {
    let mut all: BTreeMap<(u32, bool, u8), Crowd> = BTreeMap::new();
    for (line, seen) in evidence.outside() {
        let asks =
            ICMP.iter().find(|(v6, kind, _)| (*v6, *kind) == (seen.v6, seen.kind)).map(|(.., asks)| *asks);
        let protocol = if seen.v6 { Protocol::ICMPV6 } else { Protocol::ICMP };
        let Some(asks) = asks.filter(|_| seen.protocol == protocol.0) else { continue };
        let plain = matches!(seen.kind, 8 | 128);
        let may =
            evidence.asked.answers(seen.v6) || asks && (plain || evidence.asked.known[usize::from(seen.v6)]);
        if may {
            let network = if seen.v6 { seen.src >> 64 } else { seen.network() };
            all.entry((evidence.log.input(seen), seen.v6, seen.kind)).or_default().add(network, line);
        }
    }
    all.retain(|_, crowd| is_crowd(evidence, crowd));
    let mut whole: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut kinds: BTreeMap<u32, usize> = BTreeMap::new();
    for ((input, v6, kind), crowd) in all {
        if !v6 {
            whole.entry(input).or_default().extend(&crowd.lines);
            *kinds.entry(input).or_default() += 1;
        }
        let protocol = if v6 { Protocol::ICMPV6 } else { Protocol::ICMP };
        out.singles.push(Single {
            reason: if matches!(kind, 8 | 13 | 128) { Reason::Radiation } else { Reason::Backscatter },
            pattern: Pattern {
                v6,
                input: on(evidence, input),
                protocol: vec![protocol.0],
                kinds: vec![kind],
                ..Pattern::default()
            },
            what: format!("{} type {kind}", if v6 { "icmpv6" } else { "icmp" }),
            lines: crowd.lines,
        });
    }
    for (input, mut lines) in whole {
        if kinds[&input] > 1 && evidence.asked.answers(false) {
            lines.sort_unstable();
            out.singles.push(Single {
                reason: Reason::Radiation,
                pattern: Pattern {
                    input: on(evidence, input),
                    protocol: vec![Protocol::ICMP.0],
                    ..Pattern::default()
                },
                what: "icmp, but for redirects and router advertisements".to_owned(),
                lines,
            });
        }
    }
}

/// Blocks that no router should bring packets from, where a crowd of them comes.
fn spoofed(evidence: &Evidence<'_>, out: &mut Candidates) {
    for block in BOGUS.iter().filter_map(|block| Net::parse(block)) {
        let nets = Nets::new(&[block]);
        let mut all: BTreeMap<u32, Crowd> = BTreeMap::new();
        for (line, seen) in evidence.outside() {
            if !seen.v6 && seen.protocol == TCP && nets.contains(seen.src) {
                all.entry(evidence.log.input(seen)).or_default().add(seen.network(), line);
            }
        }
        for (input, crowd) in all {
            if !is_crowd(evidence, &crowd) || !evidence.asked.answers(false) {
                continue;
            }
            out.singles.push(Single {
                reason: Reason::Spoofed,
                pattern: Pattern {
                    input: on(evidence, input),
                    source: vec![block],
                    protocol: vec![TCP],
                    ..Pattern::default()
                },
                what: format!("{} by an outer link", net_name(&block)),
                lines: crowd.lines,
            });
        }
    }
}

/// What a source network did.
#[derive(Debug, Default)]
struct Scan {
    /// Lines at ports that no crowd hits.
    odd: BTreeMap<(u8, u16), u32>,
    lines: Vec<u32>,
    /// Its hosts, [`HOSTS`] at most.
    hosts: BTreeSet<u128>,
}

/// Hosts of a network that scan together: fewer must be at more ports.
const HOSTS: usize = 4;

/// Networks that try very many ports, for most of the log: never wider than /24 or /48.
fn scanners(evidence: &Evidence<'_>, crowded: &BTreeSet<(u32, bool, u8, u16)>, out: &mut Candidates) {
    let bar = evidence.bar(SCANNER.0, SCANNER.1);
    let least = SCANNER.0 / evidence.weight;
    for (v4, v6) in [(24, 48), (32, 64), (32, 128)] {
        let mut all: BTreeMap<(u32, u128), Scan> = BTreeMap::new();
        for (line, seen) in evidence.outside() {
            let known = evidence.asked.known[usize::from(seen.v6)];
            if !known || !seen.ports || !(seen.protocol == UDP || seen.syn) || !seen.v6 && v6 == 128 {
                continue;
            }
            let input = evidence.log.input(seen);
            let shift = if seen.v6 { 128 - v6 } else { 32 - v4 };
            let scan = all.entry((input, seen.src >> shift << shift)).or_default();
            scan.lines.push(line);
            if scan.hosts.len() < HOSTS {
                scan.hosts.insert(seen.src);
            }
            if !crowded.contains(&(input, seen.v6, seen.protocol, seen.dport)) {
                *scan.odd.entry((seen.protocol, seen.dport)).or_default() += 1;
            }
        }
        for ((input, network), scan) in all {
            let odd: u32 = scan.odd.values().sum();
            let loud = scan.lines.len() as f64 >= bar && evidence.scans_again(&scan.lines);
            // Thirty ports of one host can be a slow scan with a list; of many hosts they are not.
            let listed = scan.hosts.len() < HOSTS && (scan.odd.len() as f64) < WIDTH;
            if !loud || listed || width(&scan.odd) < WIDTH || f64::from(odd) < least.min(SCANNER.0) {
                continue;
            }
            let net = around(network, v4, v6);
            out.scanners.push((net, (scan.lines.len() as f64 * evidence.weight) as u64));
            scanner(evidence, input, net, scan.odd.len(), scan.lines, out);
        }
    }
}

/// The rules for one scanning network: all of it, or its TCP only.
fn scanner(
    evidence: &Evidence<'_>,
    input: u32,
    net: Net,
    ports: usize,
    lines: Vec<u32>,
    out: &mut Candidates,
) {
    let v6 = net.addr().is_ipv6();
    let pattern = Pattern { v6, input: on(evidence, input), source: vec![net], ..Pattern::default() };
    let what = format!("{} at {ports} ports", net_name(&net));
    let tcp: Vec<u32> = lines.iter().copied().filter(|line| evidence.seen(*line).protocol == TCP).collect();
    out.singles.push(Single {
        reason: Reason::Scanner,
        pattern: Pattern { protocol: vec![TCP], ..pattern.clone() },
        what: what.clone(),
        lines: tcp,
    });
    out.singles.push(Single { reason: Reason::Scanner, pattern, what, lines });
}

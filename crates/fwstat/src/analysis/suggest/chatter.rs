//! Candidates for what is broadcast or multicast on a link, and for what steady devices of the own
//! network send to this host alone.
//!
//! Of broadcast and multicast only what **asks** is noise. What claims something for others
//! (answers of a DHCP server, router and neighbour advertisements, redirects) is signal, always.
//! Routing and redundancy protocols are noise only for a source that speaks all the time.
//!
//! Responsible for: these candidates.
//! Must not know: the names of ports; how rules are chosen.
//! Tested by: `tests/cli/suggest.rs`.

use std::collections::{BTreeMap, BTreeSet};

use fwrules::{Net, Range};
use logparse::Protocol;

use super::candidate::{Candidates, Pack, Port, Reason, Single};
use super::evidence::{Evidence, STEADY, WIDTH, width};
use crate::analysis::noise::address::{address, host};
use crate::analysis::noise::pattern::{OnInterface, Pattern, ranges};
use crate::analysis::noise::sighting::{NO_MAC, Sighting, To};
use crate::analysis::noise::spread::PARTS;

/// ICMPv6 types that ask all hosts; 134, 136 and 137 claim something.
const ASKS: [u8; 6] = [130, 131, 132, 133, 135, 143];
/// Protocols of routers among themselves: VRRP, OSPF, EIGRP, IGP, PIM, IS-IS.
const SPEAKERS: [u8; 6] = [112, 89, 88, 9, 103, 124];
/// Ports that a device of habit uses at most.
const HABITS: usize = 4;

/// Finds all of them.
pub fn find(evidence: &Evidence<'_>, out: &mut Candidates) {
    chatter(evidence, out);
    every_link(out);
    answers_of_many(evidence, out);
    devices(evidence, out);
    unreachables(evidence, out);
}

/// What tells chatter apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Talk {
    Udp(u16),
    Icmpv6(u8),
    Igmp,
    Speaker(u8, u128),
}

/// What a broadcast or multicast packet says, if it is a kind that asks.
fn talk(evidence: &Evidence<'_>, seen: &Sighting) -> Option<Talk> {
    let known = evidence.asked.known[usize::from(seen.v6)];
    match Protocol(seen.protocol) {
        Protocol::UDP if seen.ports => {
            let claims =
                matches!((seen.sport, seen.dport), (67, 68) | (547, 546)) || matches!(seen.dport, 68 | 546);
            let lease = matches!(seen.dport, 67 | 547);
            (!claims && (known || !lease)).then_some(Talk::Udp(seen.dport))
        }
        Protocol::ICMPV6 => (known && ASKS.contains(&seen.kind)).then_some(Talk::Icmpv6(seen.kind)),
        Protocol::IGMP => Some(Talk::Igmp),
        Protocol(number) if SPEAKERS.contains(&number) => known.then_some(Talk::Speaker(number, seen.src)),
        _ => None,
    }
}

fn chatter(evidence: &Evidence<'_>, out: &mut Candidates) {
    let mut all: BTreeMap<(u32, bool, To, Talk), Vec<u32>> = BTreeMap::new();
    for (line, seen) in evidence.open().filter(|(_, seen)| seen.to != To::One) {
        if let Some(talk) = talk(evidence, seen) {
            all.entry((evidence.log.input(seen), seen.v6, seen.to, talk)).or_default().push(line);
        }
    }
    for ((input, v6, to, talk), lines) in all {
        let steady = matches!(talk, Talk::Speaker(..));
        let parts = evidence.parts(&lines);
        if (lines.len() as f64) < evidence.rare() || parts < if steady { PARTS as u32 } else { 2 } {
            continue;
        }
        let name = evidence.log.name(input).to_vec();
        let base = Pattern {
            v6,
            input: vec![OnInterface::named(&name)],
            to: Pattern::bit(to),
            ..Pattern::default()
        };
        let single = |pattern: Pattern, what: String, lines: Vec<u32>| Single {
            reason: Reason::Chatter,
            pattern,
            what,
            lines,
        };
        match talk {
            Talk::Udp(port) => {
                let pack =
                    Pack { reason: Reason::Chatter, input: Some(name), v6, protocol: Protocol::UDP.0, to };
                out.ports.push(Port { pack, port, lines });
            }
            Talk::Icmpv6(kind) => {
                let protocol = vec![Protocol::ICMPV6.0];
                let pattern = Pattern { protocol, kinds: vec![kind], ..base };
                out.singles.push(single(pattern, format!("icmpv6 type {kind} to groups"), lines));
            }
            Talk::Igmp => {
                let pattern = Pattern { protocol: vec![Protocol::IGMP.0], ..base };
                out.singles.push(single(pattern, "igmp".to_owned(), lines));
            }
            Talk::Speaker(protocol, src) => {
                let pattern = Pattern { protocol: vec![protocol], source: vec![host(src)], ..base };
                let what = format!("protocol {protocol} of {}, all the time", address(src));
                out.singles.push(single(pattern, what, lines));
            }
        }
    }
}

/// The same chatter on several links: one rule without `-i`.
fn every_link(out: &mut Candidates) {
    let mut all: BTreeMap<(Pack, u16), (usize, Vec<u32>)> = BTreeMap::new();
    for port in out.ports.iter().filter(|port| port.pack.reason == Reason::Chatter) {
        let (links, lines) = all.entry((Pack { input: None, ..port.pack.clone() }, port.port)).or_default();
        *links += 1;
        lines.extend(&port.lines);
    }
    for ((pack, port), (links, mut lines)) in all {
        if links > 1 {
            lines.sort_unstable();
            out.ports.push(Port { pack, port, lines });
        }
    }
}

/// Open unicast of own hosts on the link to this host, with the network that it lies in.
fn local<'e>(evidence: &'e Evidence<'_>) -> impl Iterator<Item = (u32, &'e Sighting, Net)> {
    let place = evidence.place;
    evidence.open().filter_map(move |(line, seen)| {
        let known = evidence.asked.known[usize::from(seen.v6)];
        let fits = known
            && evidence.is_own(line)
            && seen.to == To::One
            && seen.mac != NO_MAC
            && evidence.log.output(seen).is_none()
            && !place.here.contains(&seen.src);
        if !fits {
            return None;
        }
        let nets = place.links.get(&(evidence.log.input(seen), seen.v6))?;
        let net = nets.iter().find(|net| net.contains(seen.source()))?;
        (seen.v6 || place.broadcast.contains(net)).then_some((line, seen, *net))
    })
}

fn is_steady(evidence: &Evidence<'_>, lines: &[u32]) -> bool {
    lines.len() as f64 >= STEADY * evidence.all() && evidence.parts(lines) == PARTS as u32
}

fn decision(evidence: &Evidence<'_>, input: u32, pattern: Pattern, what: String, lines: Vec<u32>) -> Single {
    let input = vec![OnInterface::named(evidence.log.name(input))];
    Single { reason: Reason::Steady, pattern: Pattern { input, ..pattern }, what, lines }
}

/// Answers of several hosts from one source port, to ports that are never the same: what this
/// host asked by multicast.
fn answers_of_many(evidence: &Evidence<'_>, out: &mut Candidates) {
    type Answers = (BTreeSet<u128>, BTreeMap<u16, u32>, Vec<u32>, Option<Net>);
    let mut all: BTreeMap<(u32, bool, u128, u16), Answers> = BTreeMap::new();
    for (line, seen, net) in local(evidence) {
        if seen.protocol == Protocol::UDP.0 && seen.ports && seen.sport > 0 && seen.dport >= 1024 {
            let first = crate::analysis::noise::address::number(net.addr());
            let one = all.entry((evidence.log.input(seen), seen.v6, first, seen.sport)).or_default();
            one.0.insert(seen.src);
            *one.1.entry(seen.dport).or_default() += 1;
            one.2.push(line);
            one.3 = Some(net);
        }
    }
    for ((input, v6, _, port), (hosts, targets, lines, net)) in all {
        if hosts.len() >= 2
            && width(&targets) >= WIDTH
            && is_steady(evidence, &lines)
            && evidence.asked.answers(v6)
        {
            let pattern = Pattern {
                v6,
                source: net.into_iter().collect(),
                protocol: vec![Protocol::UDP.0],
                sports: ranges([port]),
                dports: vec![Range::new(1024, u16::MAX)],
                ..Pattern::default()
            };
            let what = format!("answers of {} local hosts from udp port {port}", hosts.len());
            out.singles.push(decision(evidence, input, pattern, what, lines));
        }
    }
}

/// Devices that do nothing but open the same few high ports of this host, all the time. What one
/// device alone does is its own doing, and stays.
fn devices(evidence: &Evidence<'_>, out: &mut Candidates) {
    // Ports that it opened (none: no SYN), its lines, its hardware address.
    type Device = (BTreeMap<Option<u16>, u32>, Vec<u32>, u64);
    let mut all: BTreeMap<(u32, bool, u128), Device> = BTreeMap::new();
    for (line, seen, _) in local(evidence) {
        if seen.protocol == Protocol::TCP.0 && seen.ports {
            let one = all.entry((evidence.log.input(seen), seen.v6, seen.src)).or_default();
            *one.0.entry(seen.syn.then_some(seen.dport)).or_default() += 1;
            one.1.push(line);
            one.2 = seen.mac;
        }
    }
    let mut users: BTreeMap<(u32, Option<u16>), usize> = BTreeMap::new();
    for ((input, ..), (ports, ..)) in &all {
        ports.keys().for_each(|port| *users.entry((*input, *port)).or_default() += 1);
    }
    for ((input, v6, src), (ports, lines, mac)) in &all {
        let habit = ports.len() <= HABITS
            && ports.keys().all(|port| port.is_some_and(|p| p >= 1024) && users[&(*input, *port)] >= 2);
        if habit && is_steady(evidence, lines) {
            let pattern = Pattern {
                v6: *v6,
                source: vec![host(*src)],
                protocol: vec![Protocol::TCP.0],
                syn: Some(true),
                dports: ranges(ports.keys().flatten().copied()),
                ..Pattern::default()
            };
            let bytes = mac.to_be_bytes();
            let mac: Vec<String> = bytes[2..].iter().map(|byte| format!("{byte:02x}")).collect();
            let what = format!("device {} ({}), nothing but these ports", address(*src), mac.join(":"));
            out.singles.push(decision(evidence, *input, pattern, what, lines.clone()));
        }
    }
}

/// Unreachables of one host, all the time: the gateway's answers to this host's own packets.
fn unreachables(evidence: &Evidence<'_>, out: &mut Candidates) {
    let mut all: BTreeMap<(u32, u128), Vec<u32>> = BTreeMap::new();
    for (line, seen, _) in local(evidence) {
        if seen.protocol == Protocol::ICMP.0 && seen.kind == 3 && seen.code != 4 && !seen.v6 {
            all.entry((evidence.log.input(seen), seen.src)).or_default().push(line);
        }
    }
    for ((input, src), lines) in all {
        if is_steady(evidence, &lines) && evidence.asked.answers(false) {
            let pattern = Pattern {
                source: vec![host(src)],
                protocol: vec![Protocol::ICMP.0],
                kinds: vec![3],
                ..Pattern::default()
            };
            let what = format!("unreachables of {}, all the time", address(src));
            out.singles.push(decision(evidence, input, pattern, what, lines));
        }
    }
}

//! What no rule may take, as patterns made once: they become RETURN rules before the DROPs.
//!
//! A service that the rules let some use is open to see for all others: whoever else comes
//! there is a near hit, so the pattern of a port loses its source. It keeps interface and
//! destination: udp 53 let in on wg0 says nothing of eth0.
//!
//! Responsible for: these patterns.
//! Must not know: which rules are chosen.
//! Tested by: the unit tests below, `tests/cli/suggest.rs` (no packet that a ruleset lets in is ever dropped).

use std::collections::{BTreeMap, BTreeSet};

use fwrules::{Hook, Range};
use logparse::Protocol;

use super::evidence::Asked;
use crate::analysis::noise::address::{address, host, number};
use crate::analysis::noise::pattern::{OnInterface, Pattern, chunks, join};
use crate::analysis::noise::place::Place;
use crate::analysis::noise::survey::Surveyed;

/// Places of a `multiport`.
const SLOTS: usize = 15;
/// Ports that a prefix of its own is about, at most.
const PREFIX_PORTS: usize = 15;

/// Ports of kept prefixes named one by one.
const KEPT_PORTS: usize = 60;

/// Makes them: from what is let in, from prefixes, and where no ruleset is known from caution.
/// `kept` says of each prefix, by its number, whether its lines must stay visible.
#[must_use]
pub fn find(log: &Surveyed, place: &Place, let_in: &[Pattern], asked: Asked, kept: &[bool]) -> Vec<Pattern> {
    let mut services = Services::default();
    let mut out: Vec<Pattern> = Vec::new();
    for pattern in let_in {
        let forward = pattern.hook == Some(Hook::Forward);
        if forward && !asked.forwards[usize::from(pattern.v6)] {
            continue;
        }
        let outs = if forward && pattern.output.iter().all(|test| test.not) {
            outputs(log, pattern.v6)
        } else {
            Vec::new()
        };
        for pattern in leaving(pattern, forward, &outs) {
            if is_service(&pattern) {
                services.add(place, &pattern);
            } else {
                exact(&pattern, &mut out);
            }
        }
    }
    by_prefix(log, asked, kept, &mut services);
    let families: BTreeSet<bool> = log.sample.iter().map(|seen| seen.v6).collect();
    for v6 in families.iter().copied().filter(|v6| !asked.known[usize::from(*v6)]) {
        services.port(v6, Protocol::TCP.0, 22);
        out.extend(outputs(log, v6).into_iter().map(|output| Pattern {
            v6,
            output: vec![output],
            ..Pattern::default()
        }));
    }
    let mut all = services.finish(place, asked);
    all.extend(out);
    all.retain(|pattern| families.contains(&pattern.v6));
    let mut seen: Vec<Pattern> = Vec::new();
    all.retain(|pattern| {
        let new = !seen.contains(pattern);
        seen.push(pattern.clone());
        new
    });
    all
}

/// The interfaces by which packets of a family left.
fn outputs(log: &Surveyed, v6: bool) -> Vec<OnInterface> {
    let names: BTreeSet<u32> =
        log.sample.iter().filter(|seen| seen.v6 == v6).filter_map(|seen| log.output(seen)).collect();
    names.into_iter().map(|name| OnInterface::named(log.name(name))).collect()
}

/// A pattern of FORWARD once for each interface that packets leave by; of INPUT, as it is.
fn leaving(pattern: &Pattern, forward: bool, outs: &[OnInterface]) -> Vec<Pattern> {
    let mut pattern = Pattern { hook: None, ..pattern.clone() };
    let first = |tests: &[OnInterface]| tests.iter().find(|test| !test.not).cloned().into_iter().collect();
    // A test that only says what it is not (`! -i eth0`) is kept where there is no other.
    pattern.input =
        pattern.input.iter().find(|test| !test.not).or(pattern.input.first()).cloned().into_iter().collect();
    if !forward {
        pattern.output = Vec::new();
        // Only what is for this host; `finish` says so where FORWARD asks as well.
        pattern.hook = Some(Hook::Input);
        return vec![pattern];
    }
    pattern.output = first(&pattern.output);
    if !pattern.output.is_empty() {
        return vec![pattern];
    }
    outs.iter().map(|output| Pattern { output: vec![output.clone()], ..pattern.clone() }).collect()
}

/// Whether a pattern is about ports that some may use; what comes from a low UDP port only
/// is an answer (67 to 68).
pub(in crate::analysis) fn is_service(pattern: &Pattern) -> bool {
    let answers =
        pattern.sports.iter().any(|range| range.last < 1024) && pattern.protocol == [Protocol::UDP.0];
    !pattern.dports.is_empty() && !answers
}

/// Exceptions that keep their source, one for each value: a rule has one of each.
fn exact(pattern: &Pattern, out: &mut Vec<Pattern>) {
    let plain = pattern.protocol.is_empty() && pattern.input.is_empty() && pattern.output.is_empty();
    // A source let in to everything is own.
    if plain && !pattern.source.is_empty() && pattern.destination.is_empty() {
        return;
    }
    let each = |list: &[u8]| {
        if list.is_empty() { vec![Vec::new()] } else { list.iter().map(|v| vec![*v]).collect() }
    };
    let nets = |list: &[fwrules::Net]| {
        if list.is_empty() { vec![Vec::new()] } else { list.iter().map(|net| vec![*net]).collect() }
    };
    for protocol in each(&pattern.protocol) {
        for kinds in each(&pattern.kinds) {
            for source in nets(&pattern.source) {
                for destination in nets(&pattern.destination) {
                    out.push(Pattern {
                        hook: None,
                        protocol: protocol.clone(),
                        kinds: kinds.clone(),
                        source: source.clone(),
                        destination,
                        syn: None,
                        ..pattern.clone()
                    });
                }
            }
        }
    }
}

/// Services by what their rules have in common, so that one rule names many ports.
#[derive(Debug, Default)]
struct Services {
    /// By a text that orders them: the rule without its ports, and the ports.
    all: BTreeMap<String, (Pattern, Vec<Range<u16>>)>,
}

impl Services {
    fn port(&mut self, v6: bool, protocol: u8, port: u16) {
        let pattern = Pattern { v6, protocol: vec![protocol], ..Pattern::default() };
        self.put(pattern, &[Range::one(port)]);
    }

    fn put(&mut self, pattern: Pattern, ports: &[Range<u16>]) {
        let key = format!("{}{}{:?}", u8::from(pattern.v6), pattern.words(""), pattern.hook);
        self.all.entry(key).or_insert_with(|| (pattern, Vec::new())).1.extend(ports);
    }

    fn add(&mut self, place: &Place, pattern: &Pattern) {
        let protocols = match pattern.protocol.is_empty() {
            true => vec![Protocol::TCP.0, Protocol::UDP.0],
            false => pattern.protocol.clone(),
        };
        let here = |net: &fwrules::Net| place.here.contains(&number(net.addr()));
        let local = pattern.hook == Some(Hook::Input) && pattern.destination.iter().any(here);
        let destinations = match pattern.destination.is_empty() || local {
            true => vec![Vec::new()],
            false => pattern.destination.iter().map(|net| vec![*net]).collect(),
        };
        for protocol in protocols {
            for destination in &destinations {
                let one = Pattern {
                    source: Vec::new(),
                    sports: Vec::new(),
                    dports: Vec::new(),
                    kinds: Vec::new(),
                    syn: None,
                    protocol: vec![protocol],
                    destination: destination.clone(),
                    ..pattern.clone()
                };
                self.put(one, &pattern.dports);
            }
        }
    }

    fn finish(self, place: &Place, asked: Asked) -> Vec<Pattern> {
        let mut all: Vec<(Pattern, Vec<Range<u16>>)> = Vec::new();
        for (mut pattern, ports) in self.all.into_values() {
            // The chain is asked by FORWARD too: what is let in to this host is for its address.
            let here: Vec<u128> =
                place.here.iter().copied().filter(|addr| address(*addr).is_ipv6() == pattern.v6).collect();
            let tcp = pattern.protocol == [Protocol::TCP.0] && pattern.hook == Some(Hook::Input);
            if let ([here], true, true, true) =
                (&here[..], tcp, pattern.destination.is_empty(), asked.forwards[usize::from(pattern.v6)])
            {
                pattern.destination = vec![host(*here)];
            }
            pattern.hook = None;
            match all.iter_mut().find(|(other, _)| *other == pattern) {
                Some((_, list)) => list.extend(ports),
                None => all.push((pattern, ports)),
            }
        }
        let all: Vec<Pattern> = all
            .into_iter()
            .map(|(pattern, ports)| Pattern { dports: join(ports), ..pattern })
            .filter(|pattern| !pattern.dports.is_empty())
            .collect();
        let needed = |narrow: &&Pattern| !all.iter().any(|wide| wide != *narrow && wide.covers(narrow));
        let rules = |pattern: &Pattern| {
            let lists = chunks(&pattern.dports, SLOTS).into_iter();
            lists.map(|dports| Pattern { dports, ..pattern.clone() }).collect::<Vec<Pattern>>()
        };
        all.iter().filter(needed).flat_map(rules).collect()
    }
}

/// Prefixes that say that their ports are services: kept ones, and where no ruleset is known those
/// of which each port has nearly all its lines under this prefix.
fn by_prefix(log: &Surveyed, asked: Asked, kept: &[bool], services: &mut Services) {
    let mut ports: BTreeMap<usize, BTreeMap<u16, u64>> = BTreeMap::new();
    let mut all: BTreeMap<u16, u64> = BTreeMap::new();
    let mut visible: BTreeMap<(bool, u8), BTreeSet<u16>> = BTreeMap::new();
    for seen in &log.sample {
        let prefix = log.prefix_number(seen);
        let here = log.output(seen).is_none() && seen.ports;
        if here && kept[prefix] && (seen.syn || seen.protocol != Protocol::TCP.0) {
            visible.entry((seen.v6, seen.protocol)).or_default().insert(seen.dport);
        }
        if here && seen.syn {
            *ports.entry(prefix).or_default().entry(seen.dport).or_default() += 1;
            *all.entry(seen.dport).or_default() += 1;
        }
    }
    for ((v6, protocol), ports) in visible {
        // A prefix of everything: all of the protocol.
        let all = [Range::new(0, u16::MAX)];
        let list: Vec<Range<u16>> = ports.iter().map(|port| Range::one(*port)).collect();
        let list = if list.len() > KEPT_PORTS { &all[..] } else { &list };
        services.put(Pattern { v6, protocol: vec![protocol], ..Pattern::default() }, list);
    }
    if asked.known.contains(&true) || ports.len() < 2 {
        return;
    }
    for own in ports.values() {
        let apart = |(port, lines): (&u16, &u64)| lines * 10 > all[port] * 9;
        if own.len() <= PREFIX_PORTS && own.iter().all(apart) {
            for port in own.keys() {
                [false, true].iter().for_each(|v6| services.port(*v6, Protocol::TCP.0, *port));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_end_up_alike_are_one_exception() {
        let mut services = Services::default();
        let ssh = Pattern { protocol: vec![6], hook: Some(Hook::Input), ..Pattern::default() };
        services.put(ssh.clone(), &[Range::one(22)]);
        services.put(Pattern { hook: None, ..ssh.clone() }, &[Range::one(22), Range::one(8443)]);
        services.put(
            Pattern { input: vec![OnInterface::named(b"wg0")], ..ssh },
            &[Range::one(8443), Range::one(25)],
        );
        let asked = Asked { forwards: [false; 2], ..Asked::default() };
        let made = services.finish(&Place::default(), asked);
        let mut ports: Vec<Vec<u16>> =
            made.iter().map(|pattern| pattern.dports.iter().map(|range| range.first).collect()).collect();
        ports.sort();
        assert_eq!(ports, [vec![22, 8443], vec![25, 8443]]);
    }
}

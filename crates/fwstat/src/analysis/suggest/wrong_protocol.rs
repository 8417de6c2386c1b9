//! Rules of the chain that take nothing because they ask for the wrong protocol.
//!
//! Responsible for: finding them, and their better form.
//! Must not know: new rules.
//! Tested by: `tests/cli/suggest.rs`.

use std::collections::BTreeMap;

use fwrules::{Condition, Multiport, NearMiss, PortSide, Ports, Range, Rule, Target, Tcp, Test};
use logparse::Protocol;

use crate::analysis::noise::sighting::Sighting;
use crate::analysis::noise::survey::Surveyed;

/// A rule of the chain that takes nothing because it asks for the wrong protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// Its number in the chain, from 1.
    pub number: usize,
    /// As it is.
    pub rule: Rule,
    /// As it should be.
    pub better: Rule,
    /// Lines that it would take then.
    pub lines: u64,
    /// IPv6.
    pub v6: bool,
}

/// Finds rules of the chain that took nothing while the other of TCP and UDP would.
#[must_use]
pub fn dead(rules: &[Rule], taken: impl Fn(usize) -> u64, log: &Surveyed, v6: bool) -> Vec<Dead> {
    let mut seen: Option<BTreeMap<(u8, u16), u64>> = None;
    let mut dead = Vec::new();
    for (i, rule) in rules.iter().enumerate() {
        let counted = rule.counters.is_some_and(|counters| counters.packets > 0);
        if rule.target != Target::Drop || counted || taken(i) > 0 {
            continue;
        }
        let Some((NearMiss::Transport { from, to }, mut better)) = rule.other_transport() else { continue };
        better.counters = None;
        let Some(ports) = destination_ports(rule) else { continue };
        let seen = seen.get_or_insert_with(|| all_ports(log, v6));
        let hits = |wanted: Protocol| -> u64 {
            seen.iter()
                .filter(|((protocol, port), _)| {
                    *protocol == wanted.0 && ports.iter().any(|range| range.contains(*port))
                })
                .map(|(_, lines)| lines)
                .sum()
        };
        let lines = hits(to);
        if lines > 0 && hits(from) == 0 {
            dead.push(Dead { number: i + 1, rule: rule.clone(), better, lines, v6 });
        }
    }
    dead
}

/// The destination ports that a rule names; nothing if it asks for more than ports.
fn destination_ports(rule: &Rule) -> Option<Vec<Range<u16>>> {
    let mut ports = Vec::new();
    for condition in &rule.conditions {
        match condition {
            Condition::Tcp(Tcp { dport: Some(dport), flags: None, option: None, .. })
            | Condition::Ports(Ports { dport: Some(dport), .. }) => ports.push(dport.value),
            Condition::Multiport(Multiport {
                side: PortSide::Destination,
                ports: Test { not: false, value },
            }) => {
                ports.extend(value);
            }
            Condition::Protocol(_)
            | Condition::Address(_)
            | Condition::Interface(_)
            | Condition::Fragment(_)
            | Condition::Comment(_) => {}
            _ => return None,
        }
    }
    (!ports.is_empty()).then_some(ports)
}

/// The lines of each port that came in.
fn all_ports(log: &Surveyed, v6: bool) -> BTreeMap<(u8, u16), u64> {
    let mut seen: BTreeMap<(u8, u16), u64> = BTreeMap::new();
    let here = |line: &&Sighting| line.v6 == v6 && line.ports && log.output(line).is_none();
    for line in log.sample.iter().filter(here) {
        *seen.entry((line.protocol, line.dport)).or_default() += 1;
    }
    seen.values_mut().for_each(|lines| *lines = (*lines as f64 * log.weight()).round() as u64);
    seen
}

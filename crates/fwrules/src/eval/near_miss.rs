//! A rule with one condition changed in a way that people often mean.
//!
//! Responsible for: the changes, and the changed rules.
//! Must not know: packets.
//! Tested by: the unit test below, `tests/compiled.rs`.

use core::fmt;

use logparse::Protocol;

use crate::matches::{Address, Condition, Ports, Tcp};
use crate::model::rule::Rule;
use crate::model::ruleset::Ruleset;
use crate::values::net::{Net, PortSide, Side, Test};

/// What is changed in a rule. If the changed rule takes lines and the rule itself takes none, the
/// changed one is probably what was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NearMiss {
    /// The ports of the other transport.
    Transport {
        /// The rule's protocol.
        from: Protocol,
        /// The other one.
        to: Protocol,
    },
    /// Source and destination ports are exchanged.
    Ports,
    /// Source and destination addresses are exchanged.
    Addresses,
}

impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |protocol: Protocol| protocol.to_string().to_ascii_lowercase();
        match self {
            NearMiss::Transport { from, to } => write!(f, "-p {} instead of -p {}", word(*to), word(*from)),
            NearMiss::Ports => f.write_str("source and destination port exchanged"),
            NearMiss::Addresses => f.write_str("source and destination address exchanged"),
        }
    }
}

impl Rule {
    /// The rule with one condition changed, in each of the ways of [`NearMiss`] that it has.
    #[must_use]
    pub fn near_misses(&self) -> Vec<(NearMiss, Rule)> {
        let mut list = Vec::new();
        list.extend(self.other_transport());
        list.extend(self.turned_ports().map(|rule| (NearMiss::Ports, rule)));
        list.extend(self.turned_addresses().map(|rule| (NearMiss::Addresses, rule)));
        list
    }

    /// The same ports of UDP instead of TCP, or the other way round.
    #[must_use]
    pub fn other_transport(&self) -> Option<(NearMiss, Rule)> {
        let from = self.of_protocol()?;
        let to = match from {
            Protocol::TCP => Protocol::UDP,
            Protocol::UDP => Protocol::TCP,
            _ => return None,
        };
        let mut rule = self.clone();
        rule.set(Test::is(to));
        // Without a port it would be another rule altogether.
        let mut any = false;
        for condition in &mut rule.conditions {
            let (sport, dport) = match condition {
                Condition::Tcp(tcp) if tcp.flags.is_some() || tcp.option.is_some() => return None,
                Condition::Tcp(tcp) => (tcp.sport, tcp.dport),
                Condition::Ports(ports) => (ports.sport, ports.dport),
                Condition::Multiport(_) => {
                    any = true;
                    continue;
                }
                _ => continue,
            };
            any |= sport.is_some() || dport.is_some();
            *condition = match to {
                Protocol::TCP => Tcp { sport, dport, ..Tcp::default() }.into(),
                protocol => Ports { protocol, sport, dport }.into(),
            };
        }
        any.then_some((NearMiss::Transport { from, to }, rule))
    }

    fn turned_ports(&self) -> Option<Rule> {
        let mut rule = self.clone();
        let mut any = false;
        for condition in &mut rule.conditions {
            let (sport, dport) = match condition {
                Condition::Tcp(tcp) => (&mut tcp.sport, &mut tcp.dport),
                Condition::Ports(ports) => (&mut ports.sport, &mut ports.dport),
                Condition::Multiport(multiport) if multiport.side != PortSide::Either => {
                    let source = multiport.side.is(Side::Source);
                    multiport.side = if source { PortSide::Destination } else { PortSide::Source };
                    any = true;
                    continue;
                }
                _ => continue,
            };
            any |= sport.is_some() || dport.is_some();
            core::mem::swap(sport, dport);
        }
        any.then_some(rule)
    }

    /// The host's own network is the other end of nearly every packet: only single hosts.
    fn turned_addresses(&self) -> Option<Rule> {
        let own = Side::BOTH.map(|side| self.address(side));
        let is_host = |test: Test<Net>| !test.not && test.value.range().is_some_and(|r| r.first == r.last);
        if own == [None, None] || !own.iter().flatten().all(|test| is_host(*test)) {
            return None;
        }
        let mut rule = self.clone();
        rule.conditions.retain(|c| !matches!(c, Condition::Address(_)));
        let [source, destination] = own;
        for (side, net) in [(Side::Source, destination), (Side::Destination, source)] {
            if let Some(net) = net {
                rule.set(Address { side, net });
            }
        }
        Some(rule)
    }
}

/// Every rule's near misses, in the order of the text: all of them, or those only that look at
/// no field which the rule does not look at (the other transport protocol).
pub(crate) fn near_misses(rules: &Ruleset, all: bool) -> Vec<Vec<Rule>> {
    let of = |rule: &Rule| match all {
        true => rule.near_misses().into_iter().map(|(_, rule)| rule).collect(),
        // The first of them, where a rule has it.
        false => rule.other_transport().map(|(_, rule)| rule).into_iter().collect(),
    };
    rules.rules().map(|(_, rule)| of(rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_what_people_mean() {
        let (_, rule) = Rule::parse(b"-s 10.0.0.1 -p tcp --dport 138 -j DROP").unwrap();
        let texts: Vec<String> = rule.near_misses().iter().map(|(_, r)| r.to_display()).collect();
        assert_eq!(
            texts,
            [
                "-s 10.0.0.1/32 -p udp -m udp --dport 138 -j DROP",
                "-s 10.0.0.1/32 -p tcp -m tcp --sport 138 -j DROP",
                "-d 10.0.0.1/32 -p tcp -m tcp --dport 138 -j DROP",
            ]
        );
        assert_eq!(rule.near_misses()[0].0.to_string(), "-p udp instead of -p tcp");
    }
}

//! Rules for a port whose service speaks the other transport.
//!
//! Responsible for: that finding.
//! Must not know: how packets were sent through the chains.
//! Tested by: the unit tests of `lint`, `tests/seed.rs`.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use logparse::Protocol;

use crate::lint::finding::FindingKind;
use crate::lint::walk::Lint;
use crate::matches::{Condition, Multiport, Ports, Tcp};
use crate::model::rule::Rule;
use crate::values::names::{SERVICES, Speaks};
use crate::values::net::{PortSide, Range};

impl Lint<'_> {
    /// A rule for TCP on a port whose service speaks UDP, or the other way round.
    pub(crate) fn services(&mut self) {
        let rules = self.rules;
        let mut news = Vec::new();
        // What the rules of a chain mean.
        let (mut chains, hasher): (HashMap<_, HashMap<u64, Vec<&Rule>>>, _) =
            (HashMap::new(), RandomState::default());
        for (id, rule) in rules.rules() {
            let Some(protocol) = rule.of_protocol() else { continue };
            let (wrong, right) = match protocol {
                Protocol::TCP => (Speaks::Udp, "udp"),
                Protocol::UDP => (Speaks::Tcp, "tcp"),
                _ => continue,
            };
            let services: Vec<&(&str, u16, Speaks)> = destination_ports(rule)
                .iter()
                .map(|port| SERVICES.iter().find(|(_, p, _)| p == port))
                .collect::<Option<Vec<_>>>()
                .unwrap_or_default();
            if services.is_empty() || services.iter().any(|(_, _, speaks)| *speaks != wrong) {
                continue;
            }
            // Where both are written, that is meant.
            let twin = rule.near_misses().into_iter().next().map(|(_, twin)| twin);
            let meanings = || {
                let chain = rules.chain_of(id).map(|c| c.rules.as_slice()).unwrap_or_default();
                let mut all: HashMap<u64, Vec<&Rule>> = HashMap::new();
                chain.iter().for_each(|rule| all.entry(rule.meaning(&hasher)).or_default().push(rule));
                all
            };
            let chain = chains.entry((id.table, id.chain)).or_insert_with(meanings);
            let alike = |twin: &Rule| chain.get(&twin.meaning(&hasher));
            if twin.is_some_and(|twin| alike(&twin).is_some_and(|rules| rules.iter().any(|r| r.same(&twin))))
            {
                continue;
            }
            let names: Vec<String> =
                services.iter().map(|(name, port, _)| format!("{port} ({name})")).collect();
            let word = if protocol == Protocol::TCP { "tcp" } else { "udp" };
            let message = format!(
                "{} says -p {word}, but port {} is used with {right}: it takes nothing of that service",
                rules.name(id),
                names.join(", ")
            );
            news.push((id, message));
        }
        for (id, message) in news {
            self.add(FindingKind::WrongTransport, Some(id), Vec::new(), message);
        }
    }
}

/// The single destination ports that a rule names; empty if it names ranges or none.
fn destination_ports(rule: &Rule) -> Vec<u16> {
    let mut ports = Vec::new();
    for condition in &rule.conditions {
        let tests: Vec<Range<u16>> = match condition {
            Condition::Tcp(Tcp { dport: Some(test), .. })
            | Condition::Ports(Ports { dport: Some(test), .. })
                if !test.not =>
            {
                vec![test.value]
            }
            Condition::Multiport(Multiport { side: PortSide::Destination, ports }) if !ports.not => {
                ports.value.clone()
            }
            _ => continue,
        };
        for range in tests {
            if range.first != range.last {
                return Vec::new();
            }
            ports.push(range.first);
        }
    }
    ports
}

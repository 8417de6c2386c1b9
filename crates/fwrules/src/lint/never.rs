//! Rules that never fire, chains that no packet comes to.
//!
//! Responsible for: these findings, and who or what is the reason.
//! Must not know: how packets were sent through the chains.
//! Tested by: the unit tests of `lint`.

use std::collections::BTreeMap;

use logparse::Protocol;

use crate::lint::cube::{FIELDS, Field};
use crate::lint::finding::FindingKind;
use crate::lint::space::Space;
use crate::lint::walk::Lint;
use crate::matches::Condition;
use crate::model::ruleset::RuleId;
use crate::model::target::Target;

impl Lint<'_> {
    pub(crate) fn rules_that_never_fire(&mut self) {
        let rules = self.rules;
        let mut news = Vec::new();
        for (id, _) in rules.rules() {
            let name = rules.name(id);
            let region = &self.regions[&id];
            if region.space.is_empty() {
                let message = format!("{name} can never fire: its own conditions exclude each other");
                news.push((FindingKind::Contradiction, id, Vec::new(), message));
                continue;
            }
            let Some(seen) = self.seen.get(&id) else { continue };
            if !seen.asked || seen.fires || self.budget == 0 {
                continue;
            }
            if !seen.wanted {
                let message = format!("{name} can never fire: {}", self.excluded(id, &seen.entry));
                news.push((FindingKind::NeverComes, id, Vec::new(), message));
                continue;
            }
            // Who takes them? One rule alone, or several together.
            let before = self.before(seen, id);
            let alone = before.iter().find(|b| self.regions[b].covers(region, &seen.entry));
            let (others, message) = match alone {
                Some(other) => {
                    let why = self.reason(*other, id);
                    (
                        vec![*other],
                        format!("{name} can never fire: {} takes all its packets{why}", rules.name(*other)),
                    )
                }
                None => {
                    let part = |b: &&RuleId| {
                        let other = &self.regions[*b];
                        other.is_exact() && !other.space.and(&region.space).and(&seen.entry).is_empty()
                    };
                    let several: Vec<RuleId> = before.iter().filter(part).copied().collect();
                    let names: Vec<String> = several.iter().take(5).map(|r| rules.name(*r)).collect();
                    let more = if several.len() > 5 {
                        format!(" and {} more", several.len() - 5)
                    } else {
                        String::new()
                    };
                    let who =
                        if names.is_empty() { String::from("rules in front") } else { names.join(", ") };
                    (several, format!("{name} can never fire: {who}{more} together take all its packets"))
                }
            };
            news.push((FindingKind::Shadowed, id, others, message));
        }
        for (kind, id, others, message) in news {
            self.add(kind, Some(id), others, message);
        }
    }

    /// What makes one rule cover another, where it is not plain to see.
    fn reason(&self, cover: RuleId, rule: RuleId) -> String {
        let by_state = |id: RuleId| {
            let rule = self.rules.rule(id);
            rule.is_some_and(|r| r.conditions.iter().any(|c| matches!(c, Condition::State(_))))
        };
        if by_state(cover) && !by_state(rule) {
            String::from(", because connection tracking calls packets with such TCP flags INVALID")
        } else {
            String::new()
        }
    }

    /// Which condition no packet of the chain fits.
    fn excluded(&self, id: RuleId, entry: &Space) -> String {
        let region = &self.regions[&id];
        let chain = self.rules.chain_of(id).map(|c| c.name.to_string()).unwrap_or_default();
        let misses = |field: &Field| {
            entry.0.iter().all(|e| region.space.0.iter().all(|r| e.and(r).is_empty_in(*field)))
        };
        match FIELDS.iter().find(|f| misses(f)) {
            Some(Field::Protocol) => {
                let comes: Vec<String> = (0..=255)
                    .filter(|p| entry.0.iter().any(|c| c.protocol.has(*p)))
                    .map(|p| Protocol(p).to_string().to_ascii_lowercase())
                    .collect();
                match comes.len() {
                    0..=6 => format!("only {} packets are sent to {chain}", comes.join(" and ")),
                    _ => format!("no packet of its protocol is sent to {chain}"),
                }
            }
            Some(field) => {
                let what = match field {
                    Field::Input => "input interface",
                    Field::Output => "output interface",
                    Field::Source => "source address",
                    Field::Destination => "destination address",
                    Field::Sport => "source port",
                    Field::Dport => "destination port",
                    Field::Icmp => "ICMP type",
                    Field::Flags => "TCP flags",
                    Field::States => "connection state",
                    Field::Fragment => "fragments",
                    Field::Protocol => "protocol",
                };
                format!("no packet that is sent to {chain} fits its {what}")
            }
            None => format!("no packet that is sent to {chain} fits all its conditions"),
        }
    }

    pub(crate) fn chains(&mut self) {
        let rules = self.rules;
        let mut news = Vec::new();
        let mut callers: BTreeMap<(usize, &[u8]), Vec<RuleId>> = BTreeMap::new();
        for (id, rule) in rules.rules() {
            if let Target::Jump(name) | Target::Goto(name) = &rule.target {
                callers.entry((id.table as usize, name.as_bytes())).or_default().push(id);
            }
        }
        for (t, table) in rules.tables.iter().enumerate() {
            for (c, chain) in table.chains.iter().enumerate() {
                if self.chains.contains(&(t, c)) || self.budget == 0 {
                    continue;
                }
                let callers = callers.get(&(t, chain.name.as_bytes())).cloned().unwrap_or_default();
                let message = if callers.is_empty() {
                    format!("no rule jumps to chain {}", chain.name)
                } else {
                    let names: Vec<String> = callers.iter().map(|id| rules.name(*id)).collect();
                    format!("no packet comes to chain {}: {} never fires", chain.name, names.join(", "))
                };
                news.push((FindingKind::UnreachableChain, None, callers, message));
            }
        }
        for (id, rule) in rules.rules() {
            if let Target::Jump(name) | Target::Goto(name) = &rule.target
                && rules.tables[id.table as usize].chain(name.as_bytes()).is_none()
            {
                let message = format!(
                    "{} jumps to {name}, which is neither a chain nor a known target",
                    rules.name(id)
                );
                news.push((FindingKind::MissingChain, Some(id), Vec::new(), message));
            }
        }
        for (kind, id, others, message) in news {
            self.add(kind, id, others, message);
        }
    }
}

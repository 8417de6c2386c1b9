//! Prefixes that mislead, are cut, or are written twice.
//!
//! Responsible for: these findings.
//! Must not know: how packets were sent through the chains.
//! Tested by: the unit tests of `lint`.

use std::collections::BTreeMap;

use crate::lint::finding::FindingKind;
use crate::lint::walk::Lint;
use crate::model::ruleset::RuleId;
use crate::values::text::shown;

/// Rules with one prefix that are compared with each other.
const PREFIXES: usize = 64;
impl Lint<'_> {
    pub(crate) fn prefixes(&mut self) {
        let rules = self.rules;
        let mut news = Vec::new();
        let mut earlier: BTreeMap<Vec<u8>, Vec<RuleId>> = BTreeMap::new();
        for (id, rule) in rules.rules() {
            let Some(log) = &rule.log else { continue };
            let name = rules.name(id);
            let written = log.written(rules.nft);
            if written.len() < log.prefix.as_bytes().len() {
                let message = format!(
                    "{name}: the prefix `{}` is cut to {} bytes: `{}`",
                    log.prefix,
                    written.len(),
                    shown(written)
                );
                news.push((FindingKind::PrefixCut, id, Vec::new(), message));
            }
            // The same packet, on the same path through the host: only then a line does not say
            // which of the two wrote it.
            let writes =
                |id: RuleId| self.seen.get(&id).filter(|seen| !seen.doubtful).map(|seen| &seen.taken);
            let others = earlier.entry(written.to_vec()).or_default();
            let twin = writes(id).and_then(|own| {
                let meets =
                    |other: &&RuleId| writes(**other).is_some_and(|theirs| !theirs.and(own).is_empty());
                others.iter().rev().take(PREFIXES).rev().find(meets).copied()
            });
            if let Some(other) = twin {
                let message = format!(
                    "{name} and {} write the same prefix `{}`: their lines cannot be told apart",
                    rules.name(other),
                    shown(written)
                );
                news.push((FindingKind::SamePrefix, id, vec![other], message));
            }
            others.push(id);
            // What was not followed to its end may end elsewhere.
            let Some(traced) = self.traced.get(&id).filter(|_| self.cut.is_empty()) else { continue };
            let says = |words: &[&str]| {
                let text = String::from_utf8_lossy(written).to_ascii_lowercase();
                words.iter().any(|w| text.contains(w))
            };
            let place = |by: &Option<RuleId>| {
                by.map_or_else(|| String::from("the chain's policy"), |r| rules.name(r))
            };
            let (verdict, ends, others) = if says(&["drop", "block", "reject", "deny", "denied", "discard"]) {
                ("accepted", &traced.accepted, &traced.dropped)
            } else if says(&["accept", "allow", "permit"]) {
                ("dropped", &traced.dropped, &traced.accepted)
            } else {
                continue;
            };
            if !ends.is_empty() {
                let some = if others.is_empty() { "the packets are" } else { "some of the packets are" };
                let who: Vec<String> = ends.iter().take(3).map(place).collect();
                let message = format!(
                    "{name} writes `{}`, but {some} {verdict} afterwards by {}",
                    shown(written),
                    who.join(", ")
                );
                let others = ends.iter().flatten().copied().collect();
                news.push((FindingKind::MisleadingPrefix, id, others, message));
            }
        }
        for (kind, id, others, message) in news {
            self.add(kind, Some(id), others, message);
        }
    }
}

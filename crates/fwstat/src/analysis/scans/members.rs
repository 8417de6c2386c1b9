//! Which campaign a line belongs to.
//!
//! Responsible for: that a line's own fields decide it.
//! Must not know: how campaigns are found.
//! Tested by: `tests/cli/scans.rs`.

use std::collections::BTreeSet;

use fwlog::aggregate::scans::{Kind, Probe};
use hashbrown::HashMap;

use super::aim::{Aim, aim};

/// What one source did in one campaign.
#[derive(Clone, Debug)]
struct Part {
    campaign: usize,
    first: i64,
    last: i64,
    aims: BTreeSet<Aim>,
}

/// The parts of campaigns, by source.
#[derive(Clone, Debug, Default)]
pub struct Members {
    by_source: HashMap<u128, Vec<Part>>,
}

impl Members {
    /// Adds a campaign's probes under a number.
    pub fn add(&mut self, campaign: usize, probes: &[Probe]) {
        for probe in probes {
            let parts = self.by_source.entry(probe.src).or_default();
            let (first, last) = (probe.begin(), probe.end());
            let at = match parts.iter().rposition(|part| part.campaign == campaign) {
                Some(at) => at,
                None => {
                    parts.push(Part { campaign, first, last, aims: BTreeSet::new() });
                    parts.len() - 1
                }
            };
            let part = &mut parts[at];
            (part.first, part.last) = (part.first.min(first), part.last.max(last));
            part.aims.insert(aim(probe));
        }
    }

    /// The number of the campaign that a probe of one line belongs to.
    #[must_use]
    pub fn of(&self, probe: &Probe) -> Option<usize> {
        let slot = |moment: i64| moment.div_euclid(fwlog::aggregate::scans::SLOT * 1_000);
        let belongs = |part: &&Part| match probe.kind {
            // Of answers only the slot is kept.
            Kind::Answer => (slot(part.first)..=slot(part.last)).contains(&i64::from(probe.slot)),
            _ => (part.first..=part.last).contains(&probe.begin()) && part.aims.contains(&aim(probe)),
        };
        self.by_source.get(&probe.src)?.iter().find(belongs).map(|part| part.campaign)
    }
}

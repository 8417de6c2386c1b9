//! Which campaign a line belongs to.
//!
//! Responsible for: that a line's own fields decide it.
//! Must not know: how campaigns are found.
//! Tested by: `tests/cli/scans.rs`.

use fwlog::aggregate::scans::{Kind, Probe, SLOT};
use hashbrown::HashMap;

use super::aim::{Aim, aim, aims};

/// What one source did in one campaign.
#[derive(Clone, Debug)]
struct Part {
    campaign: u32,
    first: i64,
    last: i64,
    /// In order.
    aims: Vec<Aim>,
}

/// The parts of campaigns, by source.
#[derive(Clone, Debug, Default)]
pub struct Members {
    by_source: HashMap<u128, Vec<Part>>,
}

impl Members {
    /// Adds probes of one source to a campaign.
    pub(super) fn add(&mut self, campaign: u32, probes: &[Probe]) {
        let Some(first) = probes.iter().map(Probe::begin).min() else { return };
        let last = probes.iter().map(Probe::end).max().unwrap_or(first);
        let part = Part { campaign, first, last, aims: aims(probes) };
        self.by_source.entry(probes[0].src).or_default().push(part);
    }

    /// The number of the campaign that a probe of one line belongs to.
    #[must_use]
    pub fn of(&self, probe: &Probe) -> Option<usize> {
        let slot = |moment: i64| moment.div_euclid(SLOT * 1_000);
        let belongs = |part: &&Part| match probe.kind {
            // Of answers only the slot is kept.
            Kind::Answer => (slot(part.first)..=slot(part.last)).contains(&i64::from(probe.slot)),
            _ => {
                (part.first..=part.last).contains(&probe.begin())
                    && part.aims.binary_search(&aim(probe)).is_ok()
            }
        };
        self.by_source.get(&probe.src)?.iter().find(belongs).map(|part| part.campaign as usize)
    }
}

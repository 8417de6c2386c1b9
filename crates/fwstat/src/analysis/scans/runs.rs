//! Where one source's work ends and the next begins.
//!
//! A pause ends a run if it is far beyond the run's own pace: a probe an hour for a month is one run, a fast scan that
//! comes again after a week is two.
//!
//! Responsible for: cutting probes in the order of time.
//! Must not know: which runs are scans.
//! Tested by: `tests/cli/scans.rs`.

use std::collections::BTreeSet;

use fwlog::aggregate::scans::Probe;
use hashbrown::HashMap;

use super::aim::{Aim, aim};

/// A pause of an hour at most never ends a run (psad, and Richter's CDN firewalls), one of five days always does.
pub const HOUR: i64 = 3_600_000;
const LONGEST: i64 = 5 * 24 * HOUR;
/// The longest of 250 exponential pauses is 8 medians; with an uneven pace 12.
const PACE: i64 = 24;
/// The same question within so much time is a retry.
pub const RETRY: i64 = 60_000;
/// Pauses whose middle is looked for.
const PAUSES: usize = 4_096;

/// For each probe whether its aim was not asked for just before: a visit.
#[must_use]
pub fn visits(probes: &[Probe]) -> Vec<bool> {
    let mut last: HashMap<Aim, i64> = HashMap::new();
    let mut visit = |probe: &Probe| {
        let before = last.insert(aim(probe), probe.end());
        before.is_none_or(|before| probe.begin() - before > RETRY)
    };
    probes.iter().map(&mut visit).collect()
}

/// The middle one of some pauses.
fn typical(pauses: &[i64]) -> i64 {
    let step = pauses.len().div_ceil(PAUSES).max(1);
    let mut some: Vec<i64> = pauses.iter().step_by(step).copied().collect();
    if some.is_empty() {
        return 0;
    }
    let middle = some.len() / 2;
    *some.select_nth_unstable(middle).1
}

/// The middle pause between visits.
#[must_use]
pub fn typical_pause(probes: &[Probe]) -> i64 {
    typical(&pauses(probes))
}

/// Pauses between visits, in order.
fn pauses(probes: &[Probe]) -> Vec<i64> {
    let visits = visits(probes);
    let begins: Vec<i64> =
        probes.iter().zip(visits).filter(|(_, visit)| *visit).map(|(p, _)| p.begin()).collect();
    begins.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Cuts probes in the order of time; gives where each run begins and ends. No pause of `least` milliseconds cuts.
#[must_use]
pub fn cut(probes: &[Probe], least: i64) -> Vec<std::ops::Range<usize>> {
    let mut end = i64::MIN;
    // Pauses that may end a run, with the place behind them.
    let mut long: Vec<(i64, usize)> = Vec::new();
    for (at, probe) in probes.iter().enumerate() {
        if at > 0 && probe.begin() - end > least {
            long.push((probe.begin() - end, at));
        }
        end = end.max(probe.end());
    }
    let mut cuts: BTreeSet<usize> = long.iter().map(|(_, at)| *at).collect();
    if !long.is_empty() {
        let visits = visits(probes);
        // Of each probe how many visits there are before it.
        let before: Vec<usize> = std::iter::once(0)
            .chain(visits.iter().scan(0, |sum, visit| {
                *sum += usize::from(*visit);
                Some(*sum)
            }))
            .collect();
        let pauses = pauses(probes);
        long.sort_unstable();
        // A pause that is too long for the few probes around it may not be for the run that they become part of.
        loop {
            let cut = cuts.len();
            for (pause, at) in &long {
                if !cuts.contains(at) {
                    continue;
                }
                let from = cuts.range(..at).next_back().copied().unwrap_or(0);
                let to = cuts.range(at + 1..).next().copied().unwrap_or(probes.len());
                let last = before[to].saturating_sub(1).max(before[from]);
                let own = &pauses[before[from].min(pauses.len())..last.min(pauses.len())];
                if *pause <= typical(own).saturating_mul(PACE).clamp(least, LONGEST) {
                    cuts.remove(at);
                }
            }
            if cuts.len() == cut {
                break;
            }
        }
    }
    let ends: Vec<usize> = cuts.into_iter().chain([probes.len()]).collect();
    let begins = std::iter::once(0).chain(ends.iter().copied());
    begins.zip(ends.iter().copied()).map(|(from, to)| from..to).filter(|range| !range.is_empty()).collect()
}

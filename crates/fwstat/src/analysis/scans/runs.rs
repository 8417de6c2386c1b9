//! Where one source's work ends and the next begins.
//!
//! A pause ends a run if it is far beyond the run's own pace: a probe an hour for a month is one run, a fast scan that
//! comes again after a week is two.
//!
//! Responsible for: cutting questions in the order of time.
//! Must not know: which runs are scans.
//! Tested by: the unit tests below, `tests/cli/scans.rs`.

use std::collections::BTreeSet;
use std::ops::Range;

use fwlog::aggregate::scans::Probe;

use super::aim::{Aim, aim};

/// A pause of an hour at most never ends a run (psad, and Richter's CDN firewalls), one of five days always does.
pub const HOUR: i64 = 3_600_000;
/// The longest pause within a run.
pub const LONGEST: i64 = 5 * 24 * HOUR;
/// The longest of 250 exponential pauses is 8 medians; with an uneven pace 12.
const PACE: i64 = 24;
/// The same question within so much time is a retry.
const RETRY: i64 = 60_000;
/// Pauses whose middle is looked for.
const PAUSES: usize = 4_096;

/// A question: when, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// Milliseconds since 1970.
    pub begin: i64,
    /// When it was repeated last.
    pub end: i64,
    /// For what.
    pub aim: Aim,
}

impl From<&Probe> for Ask {
    fn from(probe: &Probe) -> Ask {
        Ask { begin: probe.begin(), end: probe.end(), aim: aim(probe) }
    }
}

/// For each question whether it was not asked just before: a visit.
#[must_use]
pub fn visits(asks: &[Ask]) -> Vec<bool> {
    let mut order: Vec<(Aim, u32)> = (0..).zip(asks).map(|(at, ask)| (ask.aim, at)).collect();
    order.sort_unstable();
    let mut visits = vec![true; asks.len()];
    for pair in order.windows(2) {
        let [(before, earlier), (aim, later)] = pair else { continue };
        let pause = asks[*later as usize].begin - asks[*earlier as usize].end;
        if before == aim && pause <= RETRY {
            visits[*later as usize] = false;
        }
    }
    visits
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
    let asks: Vec<Ask> = probes.iter().map(Ask::from).collect();
    let visits = visits(&asks);
    typical(&pauses(&asks, &visits))
}

/// Pauses between visits, in order.
fn pauses(asks: &[Ask], visits: &[bool]) -> Vec<i64> {
    let begins: Vec<i64> =
        asks.iter().zip(visits).filter(|(_, visit)| **visit).map(|(ask, _)| ask.begin).collect();
    begins.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Cuts questions in the order of time; gives where each run begins and ends. No pause of `least` milliseconds cuts.
#[must_use]
pub fn cut(asks: &[Ask], least: i64) -> Vec<Range<usize>> {
    let mut end = i64::MIN;
    // Pauses that may end a run, with the place behind them.
    let mut long: Vec<(i64, usize)> = Vec::new();
    for (at, ask) in asks.iter().enumerate() {
        if at > 0 && ask.begin - end > least {
            long.push((ask.begin - end, at));
        }
        end = end.max(ask.end);
    }
    let mut cuts: BTreeSet<usize> = long.iter().map(|(_, at)| *at).collect();
    if !long.is_empty() {
        let visits = visits(asks);
        let pauses = pauses(asks, &visits);
        // Of each question how many visits there are before it.
        let mut before = Vec::with_capacity(asks.len() + 1);
        let mut sum = 0;
        before.push(0);
        before.extend(visits.iter().map(|visit| {
            sum += usize::from(*visit);
            sum
        }));
        long.sort_unstable();
        // A pause that is too long for the few questions around it may not be for the run that they become part of.
        loop {
            let cut = cuts.len();
            for (pause, at) in &long {
                if !cuts.contains(at) {
                    continue;
                }
                let from = cuts.range(..at).next_back().copied().unwrap_or(0);
                let to = cuts.range(at + 1..).next().copied().unwrap_or(asks.len());
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
    let ends: Vec<usize> = cuts.into_iter().chain([asks.len()]).collect();
    let begins = std::iter::once(0).chain(ends.iter().copied());
    begins.zip(ends.iter().copied()).map(|(from, to)| from..to).filter(|range| !range.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Questions with these pauses between them, in minutes; each for something new, or all for one thing.
    fn asks(pauses: impl IntoIterator<Item = f64>, new: bool) -> Vec<Ask> {
        let mut begin = 1_000_000_000_000;
        let mut out = vec![Ask { begin, end: begin, aim: 0 }];
        for (n, pause) in (1..).zip(pauses) {
            begin += (pause * 60_000.0) as i64;
            out.push(Ask { begin, end: begin, aim: if new { n } else { 0 } });
        }
        out
    }

    #[test]
    fn an_hourly_scan_is_one_run() {
        // Exponential pauses of a mean of an hour: the longest of 300 is more than five hours.
        let uneven = (1..300).map(|n| -60.0 * (f64::from(n * 37 % 300 + 1) / 301.0).ln());
        let runs = cut(&asks(uneven, true), HOUR);
        assert_eq!((runs.len(), runs.first()), (1, Some(&(0..300))));
    }

    #[test]
    fn what_comes_again_after_a_week_is_another_run() {
        let week = 7.0 * 24.0 * 60.0;
        let fast = || std::iter::repeat_n(0.01, 99);
        let pauses = fast().chain([week]).chain(fast()).chain([week]).chain(fast());
        assert_eq!(cut(&asks(pauses, true), HOUR), [0..100, 100..200, 200..300]);
        // A pause of 45 minutes is within a scan, one of two hours is not within a fast one.
        assert_eq!(cut(&asks(fast().chain([45.0]).chain(fast()), true), HOUR).len(), 1);
        assert_eq!(cut(&asks(fast().chain([120.0]).chain(fast()), true), HOUR).len(), 2);
    }

    #[test]
    fn retries_are_no_visits() {
        let pauses = [1.0, 1.0, 2.0, 4.0, 8.0].map(|seconds: f64| seconds / 60.0).into_iter().chain([5.0]);
        assert_eq!(visits(&asks(pauses, false)), [true, false, false, false, false, false, true]);
    }
}

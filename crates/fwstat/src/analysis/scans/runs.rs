//! Where one source's work ends and the next begins.
//!
//! A pause ends a run if it is far beyond the run's own pace: a probe an hour for a month is one run, a fast scan that
//! comes again after a week is two.
//!
//! Responsible for: cutting questions in the order of time.
//! Must not know: which runs are scans.
//! Tested by: the unit tests below, `tests/cli/scans.rs`.

use std::ops::Range;

use fwlog::aggregate::scans::Probe;

use super::aim::{Aim, aim, pair};

/// A pause of an hour at most never ends a run (psad, and Richter's CDN firewalls), one of five days always does.
pub const HOUR: i64 = 3_600_000;
/// The longest pause within a run.
pub const LONGEST: i64 = 5 * 24 * HOUR;
/// The longest of 250 exponential pauses is 8 medians; with an uneven pace 12.
const PACE: i64 = 24;
/// The same question within so much time is a retry.
pub const RETRY: i64 = 60_000;
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
    let mut order: Vec<u128> = (0..).zip(asks).map(|(at, ask)| pair(ask.aim, at)).collect();
    order.sort_unstable();
    let mut visits = vec![true; asks.len()];
    let place = |of: u128| of as u64 as usize;
    for two in order.windows(2) {
        let (earlier, later) = (place(two[0]), place(two[1]));
        if two[0] >> 64 == two[1] >> 64 && asks[later].begin - asks[earlier].end <= RETRY {
            visits[later] = false;
        }
    }
    visits
}

/// Some of many pauses, evenly.
fn some(pauses: &[i64]) -> impl ExactSizeIterator<Item = i64> {
    pauses.iter().step_by(pauses.len().div_ceil(PAUSES).max(1)).copied()
}

/// The middle one of some pauses.
fn typical(pauses: &[i64]) -> i64 {
    let mut some: Vec<i64> = some(pauses).collect();
    if some.is_empty() {
        return 0;
    }
    let middle = some.len() / 2;
    *some.select_nth_unstable(middle).1
}

/// Whether a pause is within the pace of pauses around it: no longer than [`PACE`] times the middle one, which need not
/// be found for that.
fn is_within_pace(pause: i64, pauses: &[i64]) -> bool {
    let some = some(pauses);
    let middle = some.len() / 2;
    !pauses.is_empty() && some.filter(|own| own.saturating_mul(PACE) < pause).count() <= middle
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
    let ends = if long.is_empty() { Vec::new() } else { ends(asks, &long) };
    let begins = std::iter::once(0).chain(ends.iter().copied());
    let ends = ends.iter().copied().chain([asks.len()]);
    begins.zip(ends).map(|(from, to)| from..to).filter(|range| !range.is_empty()).collect()
}

/// Which of the long pauses, in the order of time, end a run; the places behind them.
fn ends(asks: &[Ask], long: &[(i64, usize)]) -> Vec<usize> {
    let visits = visits(asks);
    let pauses = pauses(asks, &visits);
    // How many visits there are before the first question, before that behind each long pause, and in all.
    let mut before = vec![0];
    let mut from = 0;
    for to in long.iter().map(|(_, at)| *at).chain([asks.len()]) {
        before.push(before[before.len() - 1] + visits[from..to].iter().filter(|visit| **visit).count());
        from = to;
    }
    // The pauses that still cut, each with the one before and behind it; the first is behind the beginning.
    let mut left: Vec<usize> = (0..before.len()).map(|at| at.saturating_sub(1)).collect();
    let mut right: Vec<usize> = (0..before.len()).map(|at| at + 1).collect();
    let mut cuts: Vec<(i64, usize)> = (1..)
        .zip(long)
        .filter(|(_, (pause, _))| *pause <= LONGEST)
        .map(|(at, (pause, _))| (*pause, at))
        .collect();
    let mut ends = vec![true; long.len() + 1];
    cuts.sort_unstable();
    // A pause that is too long for the few questions around it may not be for the run that they become part of.
    loop {
        let open = cuts.len();
        cuts.retain(|(pause, at)| {
            let (from, to) = (left[*at], right[*at]);
            let last = before[to].saturating_sub(1).max(before[from]).min(pauses.len());
            if !is_within_pace(*pause, &pauses[before[from].min(pauses.len())..last]) {
                return true;
            }
            (right[from], left[to]) = (to, from);
            ends[*at] = false;
            false
        });
        if cuts.len() == open {
            break;
        }
    }
    (1..).zip(long).filter(|(at, _)| ends[*at]).map(|(_, (_, place))| *place).collect()
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
        let uneven = (1..300).map(|n| -60.0 * libm::log(f64::from(n * 37 % 300 + 1) / 301.0));
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

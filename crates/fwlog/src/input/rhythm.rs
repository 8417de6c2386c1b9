//! How a log's time goes on from line to line, and which silence is none of its own.
//!
//! Responsible for: the steps forward of a log as numbers: how many, the usual one, the largest; and
//! whether a step sticks out of them.
//! Must not know: years, lines, where a step is.
//! Tested by: the unit tests below, `fwstat/tests/cli/clocks.rs`.

const DAY: i64 = 86_400;
/// How many of the largest steps are kept.
const LARGEST: usize = 32;

/// The steps forward of a log.
#[derive(Clone, Debug, Default)]
pub struct Rhythm {
    /// How often time went forward by 2^n seconds, and how often at all.
    by_size: [u32; 32],
    count: u64,
    /// All together, in seconds.
    covered: i64,
    /// The largest, the largest first.
    largest: [i64; LARGEST],
}

impl Rhythm {
    /// Notes a step, which is not 0.
    #[inline]
    pub fn add(&mut self, step: i64) {
        self.by_size[step.max(1).ilog2().min(31) as usize] += 1;
        self.count += 1;
        self.covered += step;
        if step > self.largest[LARGEST - 1] {
            self.insert(step);
        }
    }

    fn insert(&mut self, step: i64) {
        let place = self.largest.partition_point(|other| *other >= step);
        self.largest[place..].rotate_right(1);
        self.largest[place] = step;
    }

    /// The usual step, if there were a few: half of them are less.
    #[must_use]
    pub fn usual(&self) -> Option<i64> {
        let mut sum = 0;
        (self.count >= 3).then(|| {
            let at = self.by_size.iter().position(|steps| {
                sum += u64::from(*steps);
                sum * 2 >= self.count
            });
            2_i64 << at.unwrap_or(31)
        })
    }

    /// How many of `steps`, which come beside those noted and the largest of which is the first, stick out of
    /// all others.
    ///
    /// Silences are told from each other by their tail: where they come by chance, the largest ones
    /// follow each other at distances that say how much larger one more may be. A log that is short
    /// says nothing about long silences, so there must be lines enough, and time enough.
    #[must_use]
    pub fn sticking_out(mut self, steps: &[i64]) -> usize {
        /// So many may stick out, and one step of so many; more are the log's way.
        const MANY: u64 = 6;
        const ONE_OF: u64 = 16;
        /// The part of a silence that a log must have lasted to say that it is unusual.
        const PART: i64 = 200;
        let most = ((self.count + steps.len() as u64) / ONE_OF).min(MANY).min(steps.len() as u64) as usize;
        steps[most..].iter().for_each(|step| self.add(*step));
        let tail = self.tail();
        for many in (1..=most).rev() {
            let next = steps[..most].get(many).copied().unwrap_or(self.largest[0]);
            let covered = self.covered + steps[many..most].iter().sum::<i64>();
            if steps[many - 1] > tail.unlikely(next) && covered >= steps[many - 1] / PART {
                return many;
            }
        }
        0
    }

    /// How the largest steps follow each other.
    fn tail(&self) -> Tail {
        /// Fewer than this say nothing about their distances; so many about factors.
        const FEW: usize = 4;
        const SOME: usize = 8;
        let kept = self.largest.partition_point(|step| *step > 0);
        // The upper quarter may be a tail; of a few lines, more.
        let many = (self.count / 4).max(FEW as u64).min(kept.saturating_sub(1) as u64) as usize;
        let (mut sum, mut logs) = (0.0, 0.0);
        let mut tail = Tail::default();
        for at in 0..many {
            let (step, next) = (self.largest[at] as f64, self.largest[at + 1] as f64);
            let count = (at + 1) as f64;
            sum += step;
            logs += libm::log(step);
            if at + 1 >= FEW.min(many) {
                tail.distance = tail.distance.max(sum / count - next);
            }
            if at < SOME {
                tail.factor = logs / count - libm::log(next);
            }
        }
        tail
    }
}

/// How much larger the largest of some steps is than the next, on average: as a distance, and as a
/// factor (its logarithm).
#[derive(Clone, Copy, Debug, Default)]
struct Tail {
    distance: f64,
    factor: f64,
}

impl Tail {
    /// A step from which on one is not to be expected next to one of this size.
    fn unlikely(self, next: i64) -> i64 {
        /// A machine that is off for a week is nothing special.
        const LEAST: i64 = 7 * DAY;
        /// So many distances come by chance in one log of some ten thousands; so many factors in one of twenty.
        const DISTANCES: f64 = 10.0;
        const FACTORS: f64 = 3.0;
        let next = next as f64;
        let by_distance = next + DISTANCES * self.distance;
        let by_factor = next * libm::exp(FACTORS * self.factor);
        // Where all steps are alike, one of twice their size is still no wonder.
        let most = by_distance.max(by_factor).max(2.0 * next).min(i64::MAX as f64 / 4.0);
        (most as i64).max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of `steps`, and one more.
    fn sticks_out(steps: impl IntoIterator<Item = i64>, one: i64) -> bool {
        let mut rhythm = Rhythm::default();
        steps.into_iter().for_each(|step| rhythm.add(step));
        rhythm.sticking_out(&[one]) == 1
    }

    #[test]
    fn a_silence_is_told_from_the_others() {
        let minutes = || (0..5_000).map(|at| 30 + at * 7_919 % 61);
        assert!(sticks_out(minutes(), 20 * DAY));
        assert!(!sticks_out(minutes(), 6 * DAY));
        // A log of an hour says nothing about months, nor does one of a few lines.
        assert!(!sticks_out(minutes().take(60), 100 * DAY));
        assert!(!sticks_out([DAY, 2 * DAY, DAY, 3 * DAY], 100 * DAY));
        // Lines of weeks.
        assert!(!sticks_out((0..100).map(|at| DAY * (1 + at * 31 % 40)), 70 * DAY));
        assert!(sticks_out((0..100).map(|at| DAY * (1 + at * 31 % 40)), 200 * DAY));
        // Silences that double: one more is none.
        assert!(!sticks_out(
            (0..20).flat_map(|at| std::iter::repeat_n(1 << at, 1 << ((21 - at) / 3))),
            20 * DAY
        ));
    }

    #[test]
    fn the_usual_step_is_that_of_half_the_lines() {
        let mut rhythm = Rhythm::default();
        assert_eq!(rhythm.usual(), None);
        for step in [60, 60, 60, 60, DAY] {
            rhythm.add(step);
        }
        assert_eq!(rhythm.usual(), Some(64));
    }
}

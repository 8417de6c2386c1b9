//! Whether a log has a rhythm: hours of the day or days of the week with more packets than others, again and again.
//!
//! Responsible for: the mean of each hour of the week over the hours that were observed, and whether the hours differ by
//! more than chance.
//! Must not know: how that is drawn.
//! Tested by: the unit tests below.

/// Hours of a week.
const HOURS: usize = 168;
/// Weeks that must have been seen, in hours: what comes twice is the least that can be a rhythm.
const LEAST: usize = 14 * 24;
/// How many times the spread within groups the spread between them must be: chance gives one hour of the day 2.2 times
/// in one log of a thousand, and one day of the week 3.8 times.
const HOURLY: f64 = 2.5;
const DAILY: f64 = 4.5;

/// What is to be said of a week.
#[derive(Clone, Debug, PartialEq)]
pub enum Week {
    /// The log is too short to say.
    Short,
    /// The hours differ as chance lets them.
    Even,
    /// There is a rhythm: packets in each hour of the week, Monday's first, on average over the hours observed.
    Rhythm(Vec<f64>),
}

impl Week {
    /// What the counts of hours, one after the other, come to; the first is that of the hour with this number (hours
    /// of local time since 1970). The first and the last may have been observed in part only and are left out.
    #[must_use]
    pub fn of(hours: &[u64], first: i64) -> Week {
        let whole = hours.get(1..hours.len().saturating_sub(1)).unwrap_or(&[]);
        if whole.len() < LEAST {
            return Week::Short;
        }
        // Monday 00:00 was four days after 1 January 1970.
        let of_week = |at: usize| (first + 1 + at as i64 - 96).rem_euclid(HOURS as i64) as usize;
        let by = |group: &dyn Fn(usize) -> usize, groups: usize| {
            let all: Vec<(usize, f64)> =
                whole.iter().enumerate().map(|(at, n)| (group(of_week(at)), (*n as f64).sqrt())).collect();
            spread(&all, groups)
        };
        if by(&|hour| hour % 24, 24) < HOURLY && by(&|hour| hour / 24, 7) < DAILY {
            return Week::Even;
        }
        let (mut sums, mut seen) = (vec![0.0; HOURS], vec![0.0; HOURS]);
        for (at, count) in whole.iter().enumerate() {
            sums[of_week(at)] += *count as f64;
            seen[of_week(at)] += 1.0;
        }
        Week::Rhythm(sums.iter().zip(&seen).map(|(sum, seen): (&f64, &f64)| sum / seen.max(1.0)).collect())
    }
}

/// How many times larger the spread between groups is than within them, each by its degrees of freedom (the F statistic
/// of an analysis of variance). Roots of counts are compared: they spread alike, whether there are few or many.
fn spread(values: &[(usize, f64)], groups: usize) -> f64 {
    let (mut sums, mut counts) = (vec![0.0; groups], vec![0.0; groups]);
    for (group, value) in values {
        sums[*group] += value;
        counts[*group] += 1.0;
    }
    let mean = |group: usize| if counts[group] > 0.0 { sums[group] / counts[group] } else { 0.0 };
    let all = sums.iter().sum::<f64>() / values.len().max(1) as f64;
    let between: f64 = (0..groups).map(|group| counts[group] * (mean(group) - all).powi(2)).sum();
    let within: f64 = values.iter().map(|(group, value)| (value - mean(*group)).powi(2)).sum();
    let (left, right) = (groups as f64 - 1.0, (values.len() as f64 - groups as f64).max(1.0));
    if within > 0.0 { (between / left) / (within / right) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look like chance.
    fn chance(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    }

    #[test]
    fn chance_is_no_rhythm_and_a_rhythm_is_one() {
        let mut rhythms = 0;
        for seed in 0..200 {
            let mut chance = chance(seed);
            let even: Vec<u64> = (0..24 * 30).map(|_| 20 + chance(20)).collect();
            rhythms += usize::from(Week::of(&even, 5) != Week::Even);
        }
        assert!(rhythms <= 2, "{rhythms}");
        let mut chance = chance(1);
        let nights: Vec<u64> =
            (0..24 * 30).map(|hour| chance(20) + if hour % 24 < 6 { 30 } else { 10 }).collect();
        let Week::Rhythm(means) = Week::of(&nights, 0) else { panic!("nights are a rhythm") };
        assert_eq!(means.len(), HOURS);
        assert!(means[3] > means[12] * 1.5, "{means:?}");
    }

    #[test]
    fn an_hour_is_in_its_place_of_the_week() {
        // Thursday, 1 January 1970, 00:00 is the first hour of three weeks; each Friday at 09:00 is loud.
        let hours: Vec<u64> =
            (0..24 * 21).map(|hour| if hour % HOURS == 33 { 900 } else { 10 + hour as u64 % 3 }).collect();
        let Week::Rhythm(means) = Week::of(&hours, 0) else { panic!("Fridays are a rhythm") };
        assert_eq!(means.iter().position(|mean| *mean > 100.0), Some(4 * 24 + 9));
    }

    #[test]
    fn two_weeks_are_needed() {
        assert_eq!(Week::of(&[5; LEAST + 1], 0), Week::Short);
        assert_eq!(Week::of(&[], 0), Week::Short);
        assert_eq!(Week::of(&[5; LEAST + 2], 0), Week::Even);
    }
}

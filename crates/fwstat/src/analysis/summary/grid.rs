//! Equal buckets of local time that a picture has room for.
//!
//! Responsible for: their width, and which of them a moment falls into.
//! Must not know: what is counted in them.
//! Tested by: the unit tests below.

/// Widths of a bucket in seconds: what people read a clock and a calendar by.
const WIDTHS: [i64; 18] = [
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
];

/// Equal buckets, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The beginning of the first (local seconds).
    pub start: i64,
    /// The width of each in seconds.
    pub step: i64,
    /// How many there are.
    pub count: usize,
}

impl Grid {
    /// Buckets from the first to the last moment (local seconds), at most so many and as narrow as that allows; wider
    /// than a week only if weeks are too many.
    #[must_use]
    pub fn over(first: i64, last: i64, most: usize) -> Grid {
        let most = most.max(1) as i64;
        let needed = |step: i64| last.div_euclid(step) - first.div_euclid(step) + 1;
        let known = WIDTHS.iter().copied().find(|step| needed(*step) <= most);
        let step = known.unwrap_or_else(|| {
            let week = WIDTHS[WIDTHS.len() - 1];
            let weeks = needed(week) / most + 1;
            week * weeks
        });
        Grid {
            start: first.div_euclid(step) * step,
            step,
            count: usize::try_from(needed(step)).unwrap_or(1).max(1),
        }
    }

    /// The bucket of a moment; none outside of all of them.
    #[must_use]
    pub fn of(&self, local: i64) -> Option<usize> {
        let at = usize::try_from((local - self.start).div_euclid(self.step)).ok()?;
        (at < self.count).then_some(at)
    }

    /// The end of the last bucket (local seconds).
    #[must_use]
    pub fn end(&self) -> i64 {
        self.start + self.step * self.count as i64
    }
}

/// Neighbours added up until there are at most so many values.
#[must_use]
pub fn narrowed(values: &[u64], most: usize) -> Vec<u64> {
    let each = values.len().div_ceil(most.max(1)).max(1);
    values.chunks(each).map(|part| part.iter().sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_the_span_and_are_few() {
        for (first, last) in [(0, 0), (-5, 5), (86_399, 86_400), (1_000_000, 900_000_000), (0, 1 << 40)] {
            let grid = Grid::over(first, last, 96);
            assert!(grid.count <= 96 && grid.count > 0, "{grid:?}");
            assert_eq!(grid.of(first), Some(0), "{grid:?}");
            assert_eq!(grid.of(last), Some(grid.count - 1), "{grid:?}");
            assert_eq!((grid.of(grid.start - 1), grid.of(grid.end())), (None, None));
        }
        assert_eq!(Grid::over(0, 86_399, 96), Grid { start: 0, step: 1_800, count: 48 });
    }

    #[test]
    fn neighbours_are_added_up() {
        assert_eq!(narrowed(&[1, 2, 3, 4, 5], 3), [3, 7, 5]);
        assert_eq!(narrowed(&[1, 2], 3), [1, 2]);
        assert!(narrowed(&[], 3).is_empty());
    }
}

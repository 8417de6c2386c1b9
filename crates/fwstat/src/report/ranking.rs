//! Counts by some fields, the largest first.
//!
//! Responsible for: the rows of a table of counts, and a row's share of the whole.
//! Must not know: how they are shown.
//! Tested by: `tests/cli/top.rs`.

use fwlog::aggregate::{Counts, Ranked};

/// Counts by some fields, ranked.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// The fields' names.
    pub by: Vec<String>,
    /// The rows and the rest.
    pub ranked: Ranked,
}

impl Ranking {
    /// The `limit` largest of some counts; all of them if it is 0.
    #[must_use]
    pub fn new(counts: &Counts, limit: usize) -> Ranking {
        let by = counts.fields().iter().map(|field| field.name.clone()).collect();
        Ranking { by, ranked: counts.ranked(limit) }
    }

    /// A row's part of everything that passed the filters.
    #[must_use]
    pub fn share(count: u64, matched: u64) -> f64 {
        if matched == 0 {
            return 0.0;
        }
        // Four digits: the same on every machine, and enough for any chart.
        (count as f64 / matched as f64 * 10_000.0).round() / 10_000.0
    }
}

//! Counts by some fields, in the order that was asked for.
//!
//! Responsible for: the rows of a table of counts, a row's share of the whole, and how many values another field
//! has in each row.
//! Must not know: how they are shown.
//! Tested by: `tests/cli/top.rs`, `tests/cli/screens.rs`.

use fwlog::sorting::InOrder as _;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::style::RenderOptions;
use fwlog::aggregate::{Counts, Ranked};
use fwlog::record::OwnedValue;

/// The order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The most packets first.
    #[default]
    Count,
    /// By the values.
    Key,
    /// The most values of the other field first.
    Distinct,
}

/// Which rows are shown, and in which order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    /// So many rows; all of them if it is 0.
    pub limit: usize,
    /// Rows with at least so many packets.
    pub min: u64,
    /// Their order.
    pub order: Order,
}

/// Values of another field, row by row.
#[derive(Clone, Debug)]
pub struct Distinct {
    /// The field.
    pub field: String,
    /// How many values it has in each row.
    pub values: Vec<u64>,
}

/// Counts by some fields, ranked.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// The fields' names.
    pub by: Vec<String>,
    /// The rows and the rest.
    pub ranked: Ranked,
    /// How many values another field has in each row.
    pub of_other: Option<Distinct>,
    /// Whether the shares are summed up from row to row: of rows in the order of their counts.
    pub cumulative: bool,
    /// Whether what is said below the rows is kept short.
    pub brief: bool,
    /// When each row was seen last, for people.
    pub last: Option<Vec<String>>,
    /// The names of each row's address, for people, and which column it is in.
    pub names: Option<(usize, Vec<String>)>,
}

impl Ranking {
    /// The `limit` largest of some counts; all of them if it is 0.
    #[must_use]
    pub fn new(counts: &Counts, limit: usize) -> Ranking {
        let by = counts.fields().iter().map(|field| field.name.clone()).collect();
        Ranking {
            by,
            ranked: counts.ranked(limit),
            of_other: None,
            cumulative: false,
            brief: false,
            last: None,
            names: None,
        }
    }

    /// The rows of some counts that are wanted. `wider` has the same counts with one field more, the last: how
    /// many values it has in each row.
    #[must_use]
    pub fn chosen(counts: &Counts, wider: Option<&Counts>, choice: Choice) -> Ranking {
        if wider.is_none() && choice.min == 0 && choice.order == Order::Count {
            return Ranking::new(counts, choice.limit);
        }
        let mut all = Ranking::new(counts, 0);
        all.ranked.rows.retain(|row| row.count >= choice.min);
        let mut values: BTreeMap<Vec<OwnedValue>, u64> = BTreeMap::new();
        for mut row in wider.into_iter().flat_map(|wider| wider.ranked(0).rows) {
            if row.cells.pop().is_some_and(|other| other != OwnedValue::Missing) {
                *values.entry(row.cells).or_default() += 1;
            }
        }
        let of = |cells: &[OwnedValue]| values.get(cells).copied().unwrap_or(0);
        match choice.order {
            Order::Count => {}
            Order::Key => all.ranked.rows.order_by(|a, b| a.cells.cmp(&b.cells)),
            // Of equal ones the one with more packets stays first.
            Order::Distinct => all.ranked.rows.order_by_key(|row| Reverse(of(&row.cells))),
        }
        if choice.limit > 0 {
            all.ranked.rows.truncate(choice.limit);
        }
        all.of_other = wider.and_then(|wider| wider.fields().last()).map(|field| Distinct {
            field: field.name.clone(),
            values: all.ranked.rows.iter().map(|row| of(&row.cells)).collect(),
        });
        all
    }

    /// What is said where a bound of memory was reached.
    #[must_use]
    pub fn bound_note(&self, look: &RenderOptions) -> Option<String> {
        let missed = self.ranked.missed.filter(|missed| *missed > 0)?;
        Some(format!(
            "by {}: more values than --max-memory has room for: counts may lack what ± says, and a value that is not \
             counted came at most {} times",
            self.by.join(","),
            look.number(missed)
        ))
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

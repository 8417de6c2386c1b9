//! How much of a log is noise, about: from a part of its lines.
//!
//! Responsible for: the choice of lines, the same for any number of threads, and the share in them.
//! Must not know: how it is shown.
//! Tested by: `tests/cli/screens.rs`: against what `suggest` says of the whole log.

use fwlog::aggregate::Aggregate;
use fwlog::record::Record;

use super::session::{Session, Settings};
use crate::analysis::noise::address::Nets;
use crate::analysis::noise::links::mixed;
use crate::analysis::noise::survey::Survey;

/// Lines that are looked at, about.
const LINES: u64 = 20_000;
/// Bytes of a line, about.
const LINE: u64 = 220;
/// Of fewer lines no share is said.
const FEWEST: u64 = 50;

/// One line of so many is looked at: a power of two.
#[must_use]
pub fn one_of(bytes: u64) -> u64 {
    (bytes / LINE / LINES).max(1).next_power_of_two()
}

/// The lines that are looked at.
pub struct Sample<'k> {
    survey: Survey<'k>,
    trusted: &'k Nets,
    ranks: &'k [usize],
    one_of: u64,
    lines: u64,
    most: u64,
}

impl<'k> Sample<'k> {
    /// One line of `one_of`, which is a power of two.
    #[must_use]
    pub fn new(trusted: &'k Nets, ranks: &'k [usize], one_of: u64) -> Sample<'k> {
        Sample { survey: Survey::new(trusted, ranks), trusted, ranks, one_of, lines: 0, most: u64::MAX }
    }

    /// No share is told of more lines than these, where memory is bounded.
    #[must_use]
    pub fn of_at_most(self, lines: Option<u64>) -> Sample<'k> {
        Sample { most: lines.unwrap_or(u64::MAX), ..self }
    }

    /// Forgets the lines, if they are too many.
    fn keep_within(&mut self) {
        if self.lines > self.most {
            self.survey = Survey::new(self.trusted, self.ranks);
        }
    }

    /// Which share of the lines rules could silence; `None` if there are too few to tell.
    #[must_use]
    pub fn noise(self) -> Option<f64> {
        if self.lines < FEWEST || self.lines > self.most {
            return None;
        }
        let settings = Settings { chain: "MALICIOUS".to_owned(), most: 20, ..Settings::default() };
        let advice = Session::new(settings).draft(&self.survey.finish()).advice;
        Some((advice.noise as f64 / self.lines as f64).min(1.0))
    }
}

/// A number of where a line begins, so that neighbours are chosen or not as if by chance.
fn chance((source, offset): (usize, u64)) -> u64 {
    mixed(offset.wrapping_add((source as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

impl Aggregate for Sample<'_> {
    fn add(&mut self, record: &Record<'_>) {
        if self.one_of == 1 || chance(record.at()) & (self.one_of - 1) == 0 {
            self.lines += 1;
            if self.lines <= self.most {
                self.survey.add(record);
            } else if self.lines - 1 == self.most {
                self.keep_within();
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.lines += other.lines;
        self.survey.merge(other.survey);
        self.keep_within();
    }

    fn settle(&mut self) {
        self.survey.settle();
    }
}

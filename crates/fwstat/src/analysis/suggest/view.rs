//! What becomes of each line with the rules of a suggestion, and why it stays if it does: asked of one line after
//! another, as the proof was.
//!
//! Responsible for: this answer, remembered by class of line.
//! Must not know: what is counted by it.
//! Tested by: `tests/cli/report.rs`: the sums are those of the suggestion.

use fwlog::record::Record;

use super::classes::{Classes, Remembered};
use super::lines::Why;
use super::proof::outside;
use super::signals::Signals;
use super::site::{Answer, Asker, Judge};
use crate::analysis::noise::sighting::doubt;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// A new rule takes it.
    Silenced,
    /// A rule that was there takes it.
    Taken,
    /// It stays; why it must, if it must.
    Stays(Option<Why>),
}

/// The rules of a suggestion, ready to be asked by any number of threads.
#[derive(Debug)]
pub struct View<'v> {
    signals: &'v Signals,
    judge: &'v Judge<'v>,
    classes: Option<Classes>,
}

impl<'v> View<'v> {
    /// What the rules do, and what must stay visible.
    #[must_use]
    pub fn new(signals: &'v Signals, judge: &'v Judge<'v>) -> View<'v> {
        let mut tests = judge.tests();
        signals.tests(&mut tests);
        View { signals, judge, classes: tests.classes() }
    }

    /// One thread's part.
    #[must_use]
    pub fn viewer(&'v self) -> Viewer<'v> {
        Viewer {
            signals: self.signals,
            asker: self.judge.asker(),
            remembered: Remembered::new(self.classes.as_ref()),
        }
    }
}

/// One thread's memory.
#[derive(Debug)]
pub struct Viewer<'v> {
    signals: &'v Signals,
    asker: Asker<'v>,
    remembered: Remembered<'v, Becomes>,
}

impl Viewer<'_> {
    /// What becomes of a line.
    pub fn of(&mut self, record: &Record<'_>) -> Becomes {
        // What is no evidence stays, whatever a rule would do.
        if let Some(doubt) = doubt(record) {
            return Becomes::Stays(Some(outside(doubt)));
        }
        let Viewer { signals, asker, remembered } = self;
        remembered.get(record, |record| match asker.ask(record) {
            Answer::New(_) => Becomes::Silenced,
            Answer::Old(_) => Becomes::Taken,
            Answer::Maybe(_) | Answer::Unknown | Answer::Remains => Becomes::Stays(signals.of(record)),
        })
    }
}

//! Reading again what was read, when the reading itself showed that more must be known first.
//!
//! Responsible for: when that is so and can be done, and putting all inputs back to their beginnings.
//! Must not know: what is found on the second reading.
//! Tested by: `fwstat/tests/cli/clocks.rs`, `fwstat/tests/cli/faults.rs`.

use std::sync::atomic::Ordering;

use super::{Input, InputQueue, State, journal, lock};

impl InputQueue {
    /// Notes that there are records in a file that are not lines: it was read in place, as text.
    pub fn found_records(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    /// Whether what was read is to be read again, because years may be wrong that can be known, or because there
    /// are records in it that are not lines: then it begins anew, more thoroughly.
    #[must_use]
    pub fn begin_anew(&self, far: bool) -> bool {
        let watched = self.watched.load(Ordering::Relaxed);
        let doubtful = self.doubtful.load(Ordering::Relaxed) || far || watched;
        let files = self.sources.iter().all(|source| match &source.input {
            Input::File(path) => {
                std::fs::metadata(path).is_ok_and(|meta| meta.is_file()) && !journal::is_journal(path)
            }
            _ => false,
        });
        let stopped = self.stop.load(Ordering::Relaxed);
        // What was written in order is not written again.
        if !doubtful
            || !files
            || stopped
            || self.reading.ordered
            || self.thorough.swap(true, Ordering::Relaxed)
        {
            return false;
        }
        for source in &self.sources {
            *lock(&source.state) = State::Unopened;
            source.done.store(false, Ordering::Release);
        }
        lock(&self.errors).clear();
        for texts in [&self.notes, &self.remarks] {
            lock(texts).clear();
        }
        lock(&self.doubts).clear();
        lock(&self.skipped).clear();
        for sum in [&self.tickets, &*self.taken, &*self.plain] {
            sum.store(0, Ordering::Relaxed);
        }
        true
    }
}

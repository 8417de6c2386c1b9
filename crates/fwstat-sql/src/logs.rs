//! The logs that a query reads, and what was found out on reading them.
//!
//! Responsible for: what all scans of a query share: inputs, the options of reading, errors, the account
//! of lines.
//! Must not know: tables, plans.
//! Tested by: `tests/sql/rows.rs`.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use fwlog::input::apart::{Cut, Piece};
use fwlog::input::{InputError, InputQueue};
use fwlog::pipeline::{Account, Plan, Totals};

/// The logs of one query.
#[derive(Debug)]
pub struct Logs {
    queue: InputQueue,
    /// What every line goes through: the filters and the clock of the command line.
    pub plan: Plan,
    /// Whether files are read from their beginning, so that records of several lines in them are found.
    whole: AtomicBool,
    found: Mutex<Found>,
    /// By what another process opens the same logs.
    origin: Option<String>,
}

/// What was found out so far.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What could not be read, in full or in part.
    pub errors: Vec<InputError>,
    /// The lines of all pieces that were read to their end.
    pub totals: Totals,
}

/// There are records in a file that are not lines: it must be read from its beginning.
#[derive(Debug)]
pub struct ReadWhole;

impl fmt::Display for ReadWhole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ReadWhole::WORDS)
    }
}

impl std::error::Error for ReadWhole {}

impl ReadWhole {
    /// What it says, also in another process.
    pub const WORDS: &str =
        "there are records of several lines among the lines: --whole reads each file from its beginning";
}

impl Logs {
    /// Logs that nothing was read of yet.
    #[must_use]
    pub fn new(queue: InputQueue, plan: Plan, whole: bool) -> Logs {
        Logs { queue, plan, whole: AtomicBool::new(whole), found: Mutex::default(), origin: None }
    }

    /// The same for a cluster: by `origin` its other processes open them. What cannot be read there ends the query.
    #[must_use]
    pub fn of_cluster(self, origin: String) -> Logs {
        Logs { origin: Some(origin), ..self }
    }

    /// By what another process opens the same logs, if one may be asked to.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Whether files are read from their beginning.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }

    /// From now on files are read from their beginning; what was found so far is forgotten.
    pub fn read_whole(&self) {
        self.whole.store(true, Ordering::Relaxed);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Found::default();
    }

    /// Bytes of all files, as they are stored.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.queue.size()
    }

    /// All of it in pieces.
    #[must_use]
    pub fn pieces(&self, cut: &Cut) -> Vec<Piece> {
        let whole = cut.whole || self.whole.load(Ordering::Relaxed);
        let (pieces, errors) = self.queue.pieces(&Cut { whole, ..cut.clone() });
        self.note(errors, None);
        pieces
    }

    /// Keeps what came of a piece.
    pub fn note(&self, errors: Vec<InputError>, account: Option<&Account>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        for error in errors {
            // Two scans of a query meet the same errors.
            if !found.errors.contains(&error) {
                found.errors.push(error);
            }
        }
        if let Some(Account { totals, .. }) = account {
            let sum = &mut found.totals;
            sum.lines += totals.lines;
            sum.packets += totals.packets;
            sum.cut += totals.cut;
            sum.other += totals.other;
            sum.damaged += totals.damaged;
            sum.matched += totals.matched;
            sum.repeats += totals.repeats;
            sum.lost_at_least += totals.lost_at_least;
        }
    }

    /// What was found out so far.
    #[must_use]
    pub fn found(&self) -> Found {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

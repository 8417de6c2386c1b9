//! What every report begins with.
//!
//! Responsible for: the facts of a reading that all reports share, as values.
//! Must not know: how they are shown.
//! Tested by: `tests/cli/schemas.rs`.

use serde_json::{Map, Value};

use fwlog::pipeline::{Account, Totals};
use fwlog::time::clock;

/// Something that was taken to be so, because the log does not say it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Assumption {
    /// What it is about, in one word of the output contract.
    pub kind: &'static str,
    /// A sentence; where one line matters, it begins with its place.
    pub message: String,
    /// How many lines it holds for.
    pub lines: u64,
}

/// What was read, what was asked for, how many lines of each kind there are.
#[derive(Clone, Debug)]
pub struct Head {
    /// The inputs' names.
    pub files: Vec<String>,
    /// Bytes read, decoded.
    pub bytes: u64,
    /// The first and the last moment of a record (nanoseconds, UTC), with the report's offset.
    pub span: Option<(clock::When, clock::When)>,
    /// The filters as typed.
    pub filters: Map<String, Value>,
    /// The sums.
    pub totals: Totals,
    /// What had to be assumed.
    pub assumptions: Vec<Assumption>,
    /// The same, and what could not be read: sentences.
    pub notes: Vec<String>,
    /// Whether the reading was interrupted.
    pub partial: bool,
    /// Whether some of it was kept in states, in which only what was asked can be asked again.
    pub of_states: bool,
}

impl Head {
    /// The head of a report on what an account says.
    #[must_use]
    pub fn new(
        files: Vec<String>,
        filters: Map<String, Value>,
        account: &Account,
        clock: &clock::Clock,
        notes: Vec<String>,
    ) -> Head {
        let span = account.span.map(|(first, last)| (clock.at(first), clock.at(last)));
        Head {
            files,
            bytes: account.bytes,
            span,
            filters,
            totals: account.totals,
            assumptions: Vec::new(),
            notes,
            partial: false,
            of_states: false,
        }
    }

    /// Whether there is no firewall record at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.totals.packets + self.totals.cut == 0
    }
}

/// What people call a class of lines; programs are given its JSON name.
#[must_use]
pub fn class_name(class: &'static str) -> &'static str {
    match class {
        "cut" => "truncated",
        "damaged" => "corrupt",
        same => same,
    }
}

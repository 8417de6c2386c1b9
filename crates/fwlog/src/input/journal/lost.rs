//! What could not be read of a journal's entries.
//!
//! Responsible for: counting it, with the place of the first.
//! Must not know: how entries are read.
//! Tested by: `tests/journal.rs` (damage).

/// Data objects of one file that could not be read, in entries that could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Which input it is.
    pub source: usize,
    /// How many.
    pub objects: u64,
    /// The first of them, and what is wrong with it.
    pub first: Option<(u64, &'static str)>,
}

impl Lost {
    /// Notes one more.
    pub(super) fn add(&mut self, at: u64, why: &'static str) {
        self.objects += 1;
        self.first.get_or_insert((at, why));
    }

    /// Takes over what was noted elsewhere for the same input.
    pub fn merge(&mut self, other: Lost) {
        self.objects += other.objects;
        self.first = match (self.first, other.first) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (at, why) = self.first.unwrap_or_default();
        let fields = if self.objects == 1 { "field" } else { "fields" };
        write!(f, "{} {fields} of entries could not be read, first at byte {at}: {why}", self.objects)
    }
}

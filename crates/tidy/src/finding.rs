//! What a check says.
//!
//! Responsible for: the form of a finding.
//! Must not know: any rule.
//! Tested by: `tests/tidy.rs` prints them, the unit tests of `layers` read them.

/// One place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Which rule: a word of the table above.
    pub rule: &'static str,
    /// What `exceptions.txt` names to allow it: a file, `FILE function`, or the files of a circle.
    pub place: String,
    /// What is wrong, with line numbers, and what to do.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.rule, self.place, self.what)
    }
}

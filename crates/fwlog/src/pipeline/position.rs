//! Where a line is, and how often such lines were seen.
//!
//! Responsible for: places that can be compared and merged, before and after lines are numbered.
//! Must not know: why a place is kept.
//! Tested by: `fwstat/tests/cli/check.rs`.

use crate::text;

/// A line's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Which input.
    pub source: usize,
    /// Where the line begins.
    pub offset: u64,
    /// The line's number. While lines are still being read, counted from its chunk's first line.
    pub line: u64,
    /// The offset of its chunk, while `line` is counted from there.
    pub(super) chunk: Option<u64>,
}

impl Position {
    /// The place as other programs print it, `kern.log:17`, with the name out of `files`; the name
    /// alone if the line has no number.
    #[must_use]
    pub fn in_files(&self, files: &[String]) -> String {
        let file = text::escape(files.get(self.source).map_or("-", String::as_str).as_bytes());
        if self.line == 0 { file } else { format!("{file}:{}", self.line) }
    }
}

/// How often, and where first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How many lines.
    pub count: u64,
    /// The first of them.
    pub first: Position,
}

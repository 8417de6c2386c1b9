//! Chunks: whole lines that one thread works on.
//!
//! Responsible for: what a chunk is, the memory it lies in, and how inputs are cut into chunks.
//! Must not know: where the bytes come from.
//! Tested by: the unit tests of `split` and `stream`.

use super::years::{Calendar, Years};

/// The longest line that is read. A kernel's line ends below 1,024 bytes and a journal's JSON
/// record with one below 100 KiB; a longer line is counted and left out.
pub const LONGEST_LINE: usize = 1 << 20;

/// How much of the text in front of a chunk comes with it: enough for the first line of a
/// record of several lines.
pub const BEFORE: usize = 2048;

/// How inputs are read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Bytes handed out at once.
    pub chunk: usize,
    /// Whether compressed input is decoded.
    pub decompress: bool,
    /// Whether chunks must come in order and with their line numbers.
    pub ordered: bool,
    /// Whether stamps are wanted, and how years are found.
    pub years: Years,
    /// Only lines between these moments are wanted (local seconds): of a plain file, stretches
    /// whose lines all have other stamps are not read.
    pub between: Option<(i64, i64)>,
}

/// Whole lines to work on.
#[derive(Debug)]
pub struct Chunk<'b> {
    /// Which input.
    pub source: usize,
    /// Where in the (decoded) input the first line begins.
    pub offset: u64,
    /// The first line's number, 1-based, where lines are counted on reading.
    pub first_line: Option<u64>,
    /// The chunk's place among all chunks, where they come in order.
    pub ticket: u64,
    /// The end of the text in front, at most [`BEFORE`] bytes, from a line's beginning if it fits.
    pub before: &'b [u8],
    /// The lines.
    pub bytes: &'b [u8],
    /// What is known about the years of stamps here.
    pub calendar: Calendar,
}

/// A thread's memory for one chunk at a time.
#[derive(Debug, Default)]
pub struct Buffer {
    /// `before`, then the lines.
    pub(super) bytes: Vec<u8>,
    /// Where the lines begin in `bytes`.
    pub(super) start: usize,
    /// Where they end.
    pub(super) end: usize,
    /// Behind the end of the last line that was asked for, only for lines that go on.
    pub(super) source: usize,
    pub(super) offset: u64,
    pub(super) first_line: Option<u64>,
    pub(super) ticket: u64,
    pub(super) calendar: Calendar,
}

impl Buffer {
    /// The chunk it holds.
    #[must_use]
    pub fn chunk(&self) -> Chunk<'_> {
        Chunk {
            source: self.source,
            offset: self.offset,
            first_line: self.first_line,
            ticket: self.ticket,
            before: &self.bytes[..self.start],
            bytes: &self.bytes[self.start..self.end],
            calendar: self.calendar.clone(),
        }
    }
}

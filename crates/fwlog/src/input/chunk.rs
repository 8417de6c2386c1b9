//! Chunks: whole lines that one thread works on.
//!
//! Responsible for: what a chunk is, the memory it lies in, and how inputs are cut into chunks.
//! Must not know: where the bytes come from.
//! Tested by: the unit tests of `split` and `stream`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::decode::Decoding;
use super::extent::Extents;
use super::follow::Follow;
use super::journal::{Desk, Heads, Wanted};
use super::years::{Calendar, Years};

/// How much of the text before a chunk comes with it: enough for the first line of a
/// record of several lines.
pub const BEFORE: usize = 2048;

/// How inputs are read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Bytes handed out at once.
    pub chunk: usize,
    /// How bytes become lines.
    pub decoding: Decoding,
    /// Whether chunks must come in order and with their line numbers.
    pub ordered: bool,
    /// Whether stamps are wanted, and how years are found.
    pub years: Years,
    /// Only lines between these moments are wanted (local seconds): of a plain file, stretches
    /// whose lines all have other stamps are not read.
    pub between: Option<(i64, i64)>,
    /// Which of a journal's entries are wanted.
    pub entries: Wanted,
    /// How far files are read; shared by those who read them again.
    pub extents: Arc<Extents>,
    /// What files are called where that is not their path.
    pub names: Arc<HashMap<PathBuf, String>>,
    /// Whether inputs that grow are read on, by one thread and in order.
    pub follow: Option<Follow>,
}

impl Default for ReadOptions {
    /// Chunks of 1 MiB in any order, compressed input decoded, everything wanted.
    fn default() -> ReadOptions {
        ReadOptions {
            chunk: 1 << 20,
            decoding: Decoding::default(),
            ordered: false,
            years: Years::default(),
            between: None,
            entries: Wanted::default(),
            extents: Arc::default(),
            names: Arc::default(),
            follow: None,
        }
    }
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
    /// What the journal says beside each line, where the lines are its entries.
    pub heads: Option<&'b Heads>,
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
    /// For the journal's entries: whether the chunk is such, and what they are read with.
    pub(super) is_journal: bool,
    desk: Option<Box<Desk>>,
}

impl Buffer {
    /// Empties it for entries of the journal; gives where their lines go.
    pub(super) fn begin_entries(&mut self) -> (&mut Desk, &mut Vec<u8>) {
        self.bytes.clear();
        self.start = 0;
        self.offset = 0;
        self.first_line = Some(1);
        self.calendar = Calendar::default();
        self.is_journal = true;
        (self.desk.get_or_insert_default(), &mut self.bytes)
    }

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
            heads: self.desk.as_ref().filter(|_| self.is_journal).map(|desk| &desk.heads),
        }
    }
}

/// What came of asking an input for a chunk.
pub(super) enum Take {
    Chunk,
    /// There are no lines for now, and whether all that was written already was handed out.
    Later(bool),
    Done,
}

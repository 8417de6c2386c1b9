//! Files that follow each other, cut into pieces that any thread reads.
//!
//! Responsible for: these pieces, which is the next, and how much of a file each stands for.
//! Must not know: how files are found and put in order (`plan`).
//! Tested by: `fwstat/tests/cli/journal.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::desk::{Desk, Task};
use super::file::{How, List, PART, Run};
use super::layout::Id;
use super::lost::Lost;
use super::member::{Opened, Wanted};
use crate::input::years::Years;

/// Files that follow each other, in pieces.
#[derive(Debug)]
pub struct Parts {
    files: Vec<(usize, Arc<Opened>)>,
    parts: Vec<Part>,
    next: AtomicUsize,
    boot: Option<Id>,
}

/// A piece of work.
#[derive(Clone, Copy, Debug)]
struct Part {
    file: usize,
    run: Run,
    /// How much of the file it stands for.
    bytes: u64,
}

impl Parts {
    /// All entries of these files.
    pub(super) fn new(files: Vec<(usize, Arc<Opened>)>, wanted: &Wanted) -> Parts {
        Parts::of_boot(files, wanted, None)
    }

    pub(super) fn of_boot(files: Vec<(usize, Arc<Opened>)>, wanted: &Wanted, boot: Option<Id>) -> Parts {
        let mut parts = Vec::new();
        for (file, (_, opened)) in files.iter().enumerate() {
            let begin = parts.len();
            for run in &opened.list.runs {
                // What is found by going from object to object comes in pieces already.
                let size = if run.how == How::Hop { PART } else { wanted.part.clamp(1, PART) };
                for from in (0..run.len).step_by(size as usize) {
                    let run = List::cut(&opened.journal, run, from, size.min(run.len - from));
                    parts.push(Part { file, run, bytes: 0 });
                }
            }
            let count = (parts.len() - begin) as u64;
            let size = opened.size;
            for (at, part) in (0u64..).zip(&mut parts[begin..]) {
                part.bytes = size / count + u64::from(at == 0) * (size % count);
            }
        }
        Parts { files, parts, next: AtomicUsize::new(0), boot }
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The piece with the entry `number` (1-based).
    pub(super) fn part_of(&self, number: u64) -> Option<usize> {
        let has =
            |part: &Part| (part.run.first..part.run.first + part.run.len).contains(&number.wrapping_sub(1));
        self.parts.iter().position(has)
    }

    /// The number of the next piece, if there is one.
    pub fn next(&self) -> Option<usize> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        (next < self.parts.len()).then_some(next)
    }

    /// Appends the lines of a piece to `out`; how many bytes of the file it stands for, and what could
    /// not be read of its entries.
    pub fn read(&self, part: usize, years: &Years, desk: &mut Desk, out: &mut Vec<u8>) -> (u64, Lost) {
        let Part { file, run, bytes } = self.parts[part];
        let (source, opened) = &self.files[file];
        let (journal, want) = (&opened.journal, opened.list.want);
        (bytes, desk.read(&Task { journal, source: *source, run, want, boot: self.boot }, years, out))
    }
}

//! A thread's memory for reading journals, and one piece of work done with it.
//!
//! Responsible for: from a run of entries to a chunk's lines and heads.
//! Must not know: which runs there are (`plan`).
//! Tested by: `fwstat/tests/cli/journal.rs`.

use super::file::{Hopper, How, Journal, Run, Want};
use super::layout::{u32_at, u64_at};
use super::lines::{Heads, Origin, Writer};
use super::lost::Lost;
use super::walk::{Step, Walker, apart};
use crate::input::years::Years;

/// What a thread keeps between pieces of work.
#[derive(Debug, Default)]
pub struct Desk {
    walker: Walker,
    writer: Writer,
    /// What the chunk's entries say beside their lines.
    pub heads: Heads,
    items: Vec<u8>,
    /// The file read last, by its input.
    file: Option<usize>,
}

/// A run of one file's entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task<'j> {
    pub(super) journal: &'j Journal,
    pub(super) source: usize,
    pub(super) run: Run,
    pub(super) want: Want,
    pub(super) boot: Option<[u8; 16]>,
}

impl Desk {
    /// Appends the lines of a run to `out`, in the order of the list.
    pub(super) fn read(&mut self, task: &Task<'_>, years: &Years, out: &mut Vec<u8>) -> Lost {
        if self.file != Some(task.source) {
            self.walker.begin_file();
            self.file = Some(task.source);
        }
        let mut offsets = Offsets::new(task, &mut self.items);
        self.walker.begin_part(offsets.apart());
        self.walker.boot = task.boot;
        self.writer.begin_part();
        self.heads.clear();
        let want = (!task.run.listed).then_some(task.want);
        while let Some((index, at)) = offsets.next(task) {
            let origin = Origin { source: task.source, line: task.run.first + index + 1 };
            match self.walker.entry(task.journal, at, want) {
                Step::Read(entry) => {
                    let text = self.walker.text(&entry);
                    let names = self.walker.names();
                    self.writer.write(out, &mut self.heads.all, names, years, origin, (&entry, text));
                }
                Step::Unwanted => {}
                // In a list of all entries, it is not known whose a damaged one is.
                Step::Damaged(_) if want.is_some_and(|want| want != Want::All) => {}
                Step::Damaged(why) => Writer::damaged(out, &mut self.heads.all, origin, why),
            }
        }
        self.heads.names.extend_from_slice(self.walker.names());
        Lost { source: task.source, ..std::mem::take(&mut self.walker.lost) }
    }
}

/// The offsets of a run's entries, one after the other.
pub(super) enum Offsets<'i> {
    /// Read from the file.
    Items { items: &'i [u8], width: usize, next: usize },
    /// Found on the way.
    Hop { hopper: Hopper, next: u64 },
}

impl<'i> Offsets<'i> {
    pub(super) fn new(task: &Task<'_>, items: &'i mut Vec<u8>) -> Offsets<'i> {
        let width = match task.run.how {
            How::Hop => return Offsets::Hop { hopper: Hopper::new(task.run.at), next: 0 },
            How::Inline => 8,
            How::Items => task.journal.layout().array_item(),
        };
        // A run of a piece of work is short.
        items.resize(usize::try_from(task.run.len).unwrap_or(0).saturating_mul(width), 0);
        let read = task.journal.medium.read(items, task.run.at);
        items.truncate(read / width * width);
        Offsets::Items { items, width, next: 0 }
    }

    pub(super) fn apart(&self) -> u64 {
        match self {
            Offsets::Items { items, width, .. } => apart(items, *width, items.len() / width),
            Offsets::Hop { .. } => 0,
        }
    }

    /// The next entry's number in the run, and its offset.
    #[inline]
    pub(super) fn next(&mut self, task: &Task<'_>) -> Option<(u64, u64)> {
        match self {
            Offsets::Items { items, width, next } => {
                let item = items.get(*next * *width..(*next + 1) * *width)?;
                let index = *next as u64;
                *next += 1;
                let at = match item.len() {
                    8 => u64_at(item, 0),
                    _ => u64::from(u32_at(item, 0)),
                };
                // Slots that were not used yet.
                (at != 0).then_some((index, at))
            }
            Offsets::Hop { hopper, next } => {
                let at = hopper.next(task.journal).filter(|_| *next < task.run.len)?;
                *next += 1;
                Some((*next - 1, at))
            }
        }
    }
}

//! Several journals as one.
//!
//! Responsible for: taking the earliest of several files' next entries, each entry once.
//! Must not know: which files have to be merged (`plan`).
//! Tested by: `fwstat/tests/cli/journal.rs`.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use super::desk::{Offsets, Task};
use super::file::{Key, List, PART, Run, Want};
use super::layout::Id;
use super::lines::{Heads, Origin, Writer};
use super::lost::Lost;
use super::member::{Opened, Wanted};
use super::walk::{Entry, Step, Walker};
use crate::input::years::Years;

/// Files that are merged.
#[derive(Debug)]
pub struct Merge {
    files: Vec<Cursor>,
    last: Option<Key>,
    part: u64,
    items: Vec<u8>,
}

/// How far one of them has been read.
#[derive(Debug)]
struct Cursor {
    source: usize,
    opened: Arc<Opened>,
    walker: Walker,
    writer: Writer,
    boot: Option<Id>,
    /// The run at hand, and how much of it was queued.
    run: usize,
    from: u64,
    /// Whether the entries queued were taken from the kernel's own list.
    listed: bool,
    /// Numbers and offsets of the next entries.
    queue: VecDeque<(u64, u64)>,
    /// The entry that comes next, and its number.
    head: Option<(u64, Result<Entry, &'static str>)>,
}

impl Cursor {
    /// Reads on to the next entry.
    fn advance(&mut self, items: &mut Vec<u8>) {
        self.head = None;
        while self.head.is_none() {
            let Some((line, at)) = self.queue.pop_front() else {
                if !self.fill(items) {
                    return;
                }
                continue;
            };
            let want = (!self.listed).then_some(self.opened.list.want);
            self.head = match self.walker.entry(&self.opened.journal, at, want) {
                Step::Read(entry) => Some((line, Ok(entry))),
                Step::Unwanted => None,
                Step::Damaged(_) if want.is_some_and(|want| want != Want::All) => None,
                Step::Damaged(why) => Some((line, Err(why))),
            };
        }
    }

    /// Queues the next entries' offsets; `false` if there are none left.
    fn fill(&mut self, items: &mut Vec<u8>) -> bool {
        let Some(run) = self.opened.list.runs.get(self.run) else { return false };
        let len = PART.min(run.len - self.from);
        let piece: Run = List::cut(&self.opened.journal, run, self.from, len);
        self.from += len;
        if self.from >= run.len {
            (self.run, self.from) = (self.run + 1, 0);
        }
        self.listed = piece.listed;
        let (journal, want) = (&self.opened.journal, self.opened.list.want);
        let task = Task { journal, source: self.source, run: piece, want, boot: self.boot };
        let mut offsets = Offsets::new(&task, items);
        self.walker.begin_part(offsets.apart());
        self.writer.begin_part();
        self.walker.boot = self.boot;
        while let Some((index, at)) = offsets.next(&task) {
            self.queue.push_back((piece.first + index + 1, at));
        }
        true
    }
}

impl Merge {
    pub(super) fn new(files: Vec<(usize, Arc<Opened>)>, wanted: &Wanted, boot: Option<Id>) -> Merge {
        let mut items = Vec::new();
        let files = files.into_iter().map(|(source, opened)| {
            let mut cursor = Cursor {
                source,
                opened,
                walker: Walker::default(),
                writer: Writer::default(),
                boot,
                run: 0,
                from: 0,
                listed: true,
                queue: VecDeque::new(),
                head: None,
            };
            cursor.advance(&mut items);
            cursor
        });
        Merge { files: files.collect(), last: None, part: wanted.part.clamp(1, PART), items: Vec::new() }
    }

    /// Appends the lines of the next entries to `out`; `false` if there are none left.
    pub fn next(&mut self, years: &Years, heads: &mut Heads, out: &mut Vec<u8>) -> bool {
        heads.clear();
        let begin = out.len();
        for _ in 0..self.part {
            let Some(at) = self.earliest() else { break };
            let cursor = &mut self.files[at];
            let Some((line, head)) = cursor.head else { break };
            let origin = Origin { source: cursor.source, line };
            match head {
                Err(why) => Writer::damaged(out, &mut heads.all, origin, why),
                Ok(entry) if self.last.is_some_and(|last| compare(&last, &entry.key) == Ordering::Equal) => {}
                Ok(entry) => {
                    self.last = Some(entry.key);
                    let (text, names) = (cursor.walker.text(&entry), cursor.walker.names());
                    cursor.writer.write(out, &mut heads.all, names, years, origin, (&entry, text));
                    heads.adopt(names);
                }
            }
            cursor.advance(&mut self.items);
        }
        out.len() > begin || self.earliest().is_some()
    }

    /// The file whose entry comes next. What is damaged has no time and is told at once.
    fn earliest(&self) -> Option<usize> {
        let mut earliest: Option<(usize, &Key)> = None;
        for (at, cursor) in self.files.iter().enumerate() {
            match &cursor.head {
                Some((_, Err(_))) => return Some(at),
                Some((_, Ok(entry)))
                    if earliest.is_none_or(|(_, key)| compare(&entry.key, key) == Ordering::Less) =>
                {
                    earliest = Some((at, &entry.key));
                }
                _ => {}
            }
        }
        earliest.map(|(at, _)| at)
    }

    /// What could not be read of entries that were, since this was asked last.
    pub fn lost(&mut self) -> Vec<Lost> {
        let lost =
            |cursor: &mut Cursor| Lost { source: cursor.source, ..std::mem::take(&mut cursor.walker.lost) };
        self.files.iter_mut().map(lost).filter(|lost| lost.objects > 0).collect()
    }

    /// How long the files are together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|cursor| cursor.opened.size).sum()
    }
}

/// How `journalctl` orders entries of different files; equal ones are one entry.
fn compare(one: &Key, other: &Key) -> Ordering {
    if one == other {
        return Ordering::Equal;
    }
    let mut order = Ordering::Equal;
    if one.series == other.series {
        order = one.seqnum.cmp(&other.seqnum);
    }
    if one.boot == other.boot {
        order = order.then(one.monotonic.cmp(&other.monotonic));
    }
    order.then(one.realtime.cmp(&other.realtime)).then(one.xor.cmp(&other.xor))
}

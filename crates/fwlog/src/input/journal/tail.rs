//! Journals that grow.
//!
//! Responsible for: noticing that journald wrote to a file of a set, began one or gave one another name, and reading the
//! entries that are new, each once.
//! Must not know: what an entry says, when to look again (`follow`).
//! Tested by: `fwstat/tests/cli/follow.rs`.
//!
//! journald writes into memory that it shares with the file, which changes neither size nor time: what is looked at is
//! the header, which counts the entries.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::sync::Arc;

use super::desk::Desk;
use super::layout::HEADER;
use super::lost::Lost;
use super::member::{Member, Wanted};
use super::places;
use super::plan::{self, Named, Work};
use super::taken::FileId;
use crate::input::years::Years;

/// A file that was seen, and its header then.
#[derive(Debug)]
struct Seen {
    file: File,
    header: Vec<u8>,
}

/// A set of journals whose new entries are read.
#[derive(Debug)]
pub struct Tail {
    named: Vec<Named>,
    wanted: Wanted,
    /// The input that it is.
    source: usize,
    /// The number of the next file that is opened: never the same, so that nothing is remembered of another.
    next: usize,
    seen: HashMap<FileId, Seen>,
    work: VecDeque<Work>,
}

impl Tail {
    /// Reads what is not yet read of a set, as the input of this number.
    #[must_use]
    pub fn new(named: Vec<Named>, wanted: Wanted, source: usize) -> Tail {
        // New entries are of the last boot.
        let wanted = Wanted { boot: None, ..wanted };
        // Far from the numbers of inputs.
        let next = usize::MAX / 2;
        Tail { named, wanted, source, next, seen: HashMap::new(), work: VecDeque::new() }
    }

    /// Fills a chunk with new entries; `None` if there are none for now, else what could not be read of them.
    pub fn next(&mut self, years: &Years, desk: &mut Desk, out: &mut Vec<u8>) -> Option<Vec<Lost>> {
        loop {
            if self.work.is_empty() && !self.look() {
                return None;
            }
            let lost = match self.work.front_mut() {
                None => return None,
                Some(Work::Parts(parts)) => {
                    let Some(part) = parts.next() else {
                        self.work.pop_front();
                        continue;
                    };
                    vec![parts.read(part, years, desk, out).1]
                }
                Some(Work::Merge(merge)) => {
                    let more = merge.next(years, &mut desk.heads, out);
                    let lost = merge.lost();
                    if !more {
                        self.work.pop_front();
                    }
                    lost
                }
            };
            desk.heads.move_to(self.source);
            if !out.is_empty() || !lost.is_empty() {
                return Some(lost.into_iter().map(|lost| Lost { source: self.source, ..lost }).collect());
            }
        }
    }

    /// Opens the files that changed since they were looked at; whether there are any.
    fn look(&mut self) -> bool {
        let mut changed = Vec::new();
        let mut there = HashMap::new();
        for path in self.paths() {
            let Ok(meta) = std::fs::metadata(&path) else { continue };
            let id = (meta.dev(), meta.ino());
            let Some(seen) = self.seen.remove(&id).or_else(|| Seen::open(&path)) else { continue };
            there.entry(id).or_insert((seen, path));
        }
        for (id, (mut seen, path)) in there {
            if seen.has_changed() {
                changed.push(Named::File(path));
            }
            self.seen.insert(id, seen);
        }
        if changed.is_empty() {
            return false;
        }
        // They have grown since they were opened last.
        self.wanted.extents = Arc::default();
        let (members, work) = plan::open(changed, &self.wanted, self.next);
        self.next += members.len();
        for id in members.iter().filter(|member| member.postponed).filter_map(Member::inode) {
            self.seen.remove(&id);
        }
        self.work.extend(work.into_iter().map(|(_, work)| work));
        !self.work.is_empty()
    }

    fn paths(&self) -> Vec<PathBuf> {
        let paths = self.named.iter().flat_map(|named| match named {
            Named::File(path) => vec![path.clone()],
            // A folder that cannot be read just now is looked at again.
            Named::Folder(folder, machine) => places::files(folder, machine.as_deref()).unwrap_or_default(),
        });
        paths.collect()
    }
}

impl Seen {
    /// A file of which nothing was seen.
    fn open(path: &std::path::Path) -> Option<Seen> {
        Some(Seen { file: File::open(path).ok()?, header: Vec::new() })
    }

    /// Whether its header is another one than the last time.
    fn has_changed(&mut self) -> bool {
        let mut header = vec![0; HEADER];
        let changed = self.file.read_exact_at(&mut header, 0).is_ok() && header != self.header;
        if changed {
            self.header = header;
        }
        changed
    }
}

//! One journal file of a set: open, with the list of its entries that are wanted.
//!
//! Responsible for: opening it, what can be left out of it because of its time, and why it cannot be read.
//! Must not know: the other files of the set (`plan`).
//! Tested by: `fwstat/tests/cli/journal.rs`.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::boot::Boot;
use super::file::{Journal, Key, List, Want};
use super::layout::{Id, SIGNATURE};
use super::taken::Taken;
use super::window::Medium;
use crate::input::extent::{Extents, Unit};

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Not received before and not after (microseconds since 1970).
    pub between: Option<(u64, u64)>,
    /// Of this boot only.
    pub boot: Option<Boot>,
    /// Of this machine only.
    pub machine: Option<Id>,
    /// Whether the entries' order matters.
    pub ordered: bool,
    /// How many entries make a chunk.
    pub part: u64,
    /// How far files are read.
    pub extents: Arc<Extents>,
    /// Where it is noted what was read of files, if each opening shall give what is new since the one before.
    pub taken: Option<Arc<Taken>>,
}

/// One file of a set.
#[derive(Debug)]
pub struct Member {
    /// Its path.
    pub path: PathBuf,
    /// Why it cannot be read; else it can.
    pub refused: Option<Refused>,
    /// What is wrong with it or was left out of it.
    pub troubles: Vec<String>,
    /// What was left out as asked.
    pub notes: Vec<String>,
    /// Whether it has to be opened once more to read what is new in it.
    pub(super) postponed: bool,
    pub(super) opened: Option<Arc<Opened>>,
}

/// Why a file is not read.
#[derive(Debug)]
pub enum Refused {
    /// It cannot be opened.
    Io(io::Error),
    /// It is something else, or of a form that is not known.
    Form(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Io(error) => error.fmt(f),
            Refused::Form(form) => form.fmt(f),
        }
    }
}

/// A file that is open, and its entries.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) journal: Journal,
    pub(super) list: List,
    /// The bytes that its entries stand for.
    pub(super) size: u64,
    first: Option<Key>,
    last: Option<Key>,
}

impl Opened {
    pub(super) fn new(journal: Journal, list: List, extents: &Extents) -> Opened {
        let size = match journal.medium.metadata() {
            Some(file) => extents.end(&file, Unit::Bytes, journal.limit),
            None => journal.limit,
        };
        let first = list.runs.iter().find_map(|run| List::key(&journal, run, 0..run.len));
        let last = list.runs.iter().rev().find_map(|run| List::last_key(&journal, run));
        Opened { journal, list, size, first, last }
    }
}

impl Member {
    pub(super) fn open(path: PathBuf, wanted: &Wanted) -> Member {
        match File::open(&path) {
            Ok(file) => Member::of(path, Medium::File(Arc::new(file)), wanted),
            Err(error) => Member { refused: Some(Refused::Io(error)), ..Member::new(path) },
        }
    }

    pub(super) fn of(path: PathBuf, medium: Medium, wanted: &Wanted) -> Member {
        let mut member = Member::new(path);
        match Journal::open(medium) {
            Err(why) => member.refused = Some(Refused::Form(why)),
            Ok(journal) => member.take(journal, wanted),
        }
        member
    }

    pub(super) fn new(path: PathBuf) -> Member {
        Member {
            path,
            refused: None,
            troubles: Vec::new(),
            notes: Vec::new(),
            postponed: false,
            opened: None,
        }
    }

    /// Takes over a journal and finds its entries.
    fn take(&mut self, mut journal: Journal, wanted: &Wanted) {
        let mut list = journal.list();
        if let Some(file) = journal.medium.metadata() {
            list.truncate(&journal, wanted.extents.end(&file, Unit::Entries, list.len()));
        }
        if let (Some(taken), Some(file)) = (&wanted.taken, journal.medium.metadata()) {
            // Between two steps of its writer not only the kernel's entries are in the list: they could not be counted.
            self.postponed = list.want == Want::Kernel && journal.header.online && list.len() > 0;
            match self.postponed {
                true => list.runs.clear(),
                false => list.leave_out(&journal, taken.advance((file.dev(), file.ino()), list.len())),
            }
        }
        if wanted.machine.is_some_and(|machine| machine != journal.header.machine) {
            list.runs.clear();
        }
        if let Some((since, until)) = wanted.between {
            let left = list.between(&journal, since, until);
            if left > 0 {
                self.notes.push(format!(
                    "{left} of the journal's entries before or after --since and --until were not read: its times ascend"
                ));
            }
        }
        self.troubles.append(&mut journal.troubles);
        self.opened = Some(Arc::new(Opened::new(journal, list, &wanted.extents)));
    }

    /// Which file it is, whatever its name.
    pub(super) fn inode(&self) -> Option<(u64, u64)> {
        let opened = self.opened.as_ref()?;
        opened.journal.medium.metadata().map(|meta| (meta.dev(), meta.ino()))
    }

    pub(super) fn ends(&self) -> Option<(&Key, &Key)> {
        let opened = self.opened.as_ref()?;
        Some((opened.first.as_ref()?, opened.last.as_ref()?))
    }
}

/// Whether a file is a journal, by its first bytes.
#[must_use]
pub fn is_journal(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; 8];
    // A pipe would lose what is read here.
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file())
        && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && head == *SIGNATURE
}

/// Whether an open file is a journal of which nothing was read yet.
#[must_use]
pub fn is_at_its_beginning(file: &File) -> bool {
    use std::io::Seek as _;
    use std::os::unix::fs::FileExt as _;
    let mut head = [0; 8];
    let mut place = file;
    file.metadata().is_ok_and(|meta| meta.is_file())
        && place.stream_position().is_ok_and(|at| at == 0)
        && file.read_exact_at(&mut head, 0).is_ok()
        && head == *SIGNATURE
}

//! Which entries of which files are read, in which order, in which pieces.
//!
//! Responsible for: opening a set of journals, what can be left out because of its time or boot,
//! the order of files, and entries that two files have.
//! Must not know: what an entry says.
//! Tested by: `fwstat/tests/cli/journal.rs`.
//!
//! Journals of one machine follow each other: each entry's number is greater than the one before, over
//! all files of a series. Only files whose numbers or times overlap are merged entry by entry, by the
//! rules of `journalctl` (systemd's `compare_locations`): the number within a series, the
//! monotonic clock within a boot, else the clock; what is equal in all of these is one entry.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{self, AtomicUsize};

use super::boot::{Boot, boots, narrow};
use super::desk::{Desk, Task};
use super::file::{How, Journal, Key, List, PART, Run};
use super::layout::{Id, SIGNATURE};
use super::merge::Merge;
use super::places;
use super::window::Medium;
use crate::input::extent::Extents;
use crate::input::years::Years;

/// A folder of more files than these is not looked through again.
const MOST_FILES: usize = 1 << 16;

/// Where journals are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// One file.
    File(PathBuf),
    /// Those in a folder, and in the folders of machines in it (or of this machine).
    Folder(PathBuf, Option<String>),
}

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
    first: Option<Key>,
    last: Option<Key>,
}

/// What is done with neighbouring files of a set.
#[derive(Debug)]
pub enum Work {
    /// They are read in pieces, by all threads.
    Parts(Arc<Parts>),
    /// They are merged.
    Merge(Box<Merge>),
}

/// Opens journals (files and folders) and puts them in order. The second value says for each piece of work with which
/// of the files it begins.
#[must_use]
pub fn open(named: Vec<Named>, wanted: &Wanted, first_source: usize) -> (Vec<Member>, Vec<(usize, Work)>) {
    let mut members = Vec::new();
    for named in named {
        match named {
            Named::File(path) => members.push(Member::open(path, wanted)),
            Named::Folder(folder, machine) => open_folder(&mut members, folder, machine.as_deref(), wanted),
        }
    }
    set(members, wanted, first_source)
}

/// Opens the journals of a folder. A file that is full gets another name, and a new one its name: so the
/// folder is looked through again when its files are open, until there is nothing new.
fn open_folder(members: &mut Vec<Member>, folder: PathBuf, machine: Option<&str>, wanted: &Wanted) {
    let mut seen = HashSet::new();
    let mut known: HashSet<(u64, u64)> = members.iter().filter_map(Member::inode).collect();
    loop {
        let paths = match places::files(&folder, machine) {
            Ok(paths) => paths,
            Err(error) => {
                members.push(Member { refused: Some(Refused::Io(error)), ..Member::new(folder) });
                return;
            }
        };
        let before = seen.len();
        for path in paths {
            if !seen.insert(path.clone()) {
                continue;
            }
            let member = Member::open(path, wanted);
            // Deleted since, since the folder has become too large, or not begun; or known by another name.
            let gone = matches!(&member.refused, Some(Refused::Io(error)) if error.kind() == io::ErrorKind::NotFound);
            let empty = std::fs::metadata(&member.path).is_ok_and(|meta| meta.len() == 0);
            if !gone && !empty && member.inode().is_none_or(|id| known.insert(id)) {
                members.push(member);
            }
        }
        // Names of which none was seen yet cannot come for ever, unless a disk is being filled.
        if seen.len() == before || seen.len() > MOST_FILES {
            return;
        }
    }
}

/// The same for one file that is open already.
#[must_use]
pub fn open_file(file: File, wanted: &Wanted, source: usize) -> (Member, Option<Work>) {
    let member = Member::of(PathBuf::new(), Medium::File(Arc::new(file)), wanted);
    let (mut members, mut work) = set(vec![member], wanted, source);
    (members.remove(0), work.pop().map(|(_, work)| work))
}

/// Puts a set of open files in order.
fn set(mut members: Vec<Member>, wanted: &Wanted, first_source: usize) -> (Vec<Member>, Vec<(usize, Work)>) {
    let boot = choose(&mut members, wanted);
    let groups = arrange(&mut members, wanted.ordered);
    let mut work = Vec::new();
    let mut at = 0;
    let mut single: Vec<(usize, Arc<Opened>)> = Vec::new();
    let mut begin = 0;
    let close = |single: &mut Vec<(usize, Arc<Opened>)>, work: &mut Vec<(usize, Work)>, begin: usize| {
        if !single.is_empty() {
            let parts = Parts::of_boot(std::mem::take(single), wanted, boot);
            work.push((begin, Work::Parts(Arc::new(parts))));
        }
    };
    for group in groups {
        let opened: Vec<_> = (at..at + group)
            .filter_map(|at| Some((first_source + at, Arc::clone(members[at].opened.as_ref()?))))
            .collect();
        if group > 1 {
            close(&mut single, &mut work, begin);
            work.push((at, Work::Merge(Box::new(Merge::new(opened, wanted, boot)))));
        } else {
            if single.is_empty() {
                begin = at;
            }
            single.extend(opened);
        }
        at += group;
    }
    close(&mut single, &mut work, begin);
    (members, work)
}

/// Finds the boot that is meant, and leaves out the others.
fn choose(members: &mut [Member], wanted: &Wanted) -> Option<Id> {
    let meant = wanted.boot?;
    let journals = members.iter().filter_map(|member| Some(&member.opened.as_ref()?.journal));
    let boot = meant.choose(&boots(journals));
    for member in members {
        let Some(opened) = member.opened.take().and_then(Arc::into_inner) else { continue };
        let Opened { journal, mut list, .. } = opened;
        match boot {
            Some(boot) => narrow(&mut list, &journal, boot),
            None => list.runs.clear(),
        }
        member.opened = Some(Arc::new(Opened::new(journal, list)));
    }
    // A boot that is not there has no entries.
    boot.or(Some(Id::default()))
}

impl Opened {
    fn new(journal: Journal, list: List) -> Opened {
        let first = list.runs.iter().find_map(|run| list.key(&journal, run, 0..run.len));
        let last = list.runs.iter().rev().find_map(|run| list.last_key(&journal, run));
        Opened { journal, list, first, last }
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

    fn new(path: PathBuf) -> Member {
        Member { path, refused: None, troubles: Vec::new(), notes: Vec::new(), opened: None }
    }

    /// Takes over a journal and finds its entries.
    fn take(&mut self, mut journal: Journal, wanted: &Wanted) {
        let mut list = journal.list();
        if let Some(file) = journal.medium.metadata() {
            list.truncate(&journal, wanted.extents.end(&file, list.len()));
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
        self.opened = Some(Arc::new(Opened::new(journal, list)));
    }

    /// Which file it is, whatever its name.
    fn inode(&self) -> Option<(u64, u64)> {
        let opened = self.opened.as_ref()?;
        opened.journal.medium.metadata().map(|meta| (meta.dev(), meta.ino()))
    }

    pub(super) fn ends(&self) -> Option<(&Key, &Key)> {
        let opened = self.opened.as_ref()?;
        Some((opened.first.as_ref()?, opened.last.as_ref()?))
    }
}

/// Sorts the files; gives how many of them belong together, one number for each group.
fn arrange(members: &mut [Member], ordered: bool) -> Vec<usize> {
    // By series, and in it by number; what has no entries goes first.
    members.sort_by_cached_key(|member| {
        let first = member.ends().map(|(first, _)| (first.series, first.seqnum));
        (first, member.path.clone())
    });
    let series = |member: &Member| member.ends().map(|(first, _)| first.series);
    let several = {
        let mut all: Vec<_> = members.iter().filter_map(series).collect();
        all.dedup();
        all.len() > 1
    };
    if several {
        members.sort_by_cached_key(|member| member.ends().map(|(first, _)| first.realtime));
    }
    let mut groups: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < members.len() {
        let mut end = at + 1;
        while end < members.len()
            && (at..end).any(|before| {
                (end..members.len()).any(|after| touch(&members[before], &members[after], ordered))
            })
        {
            end += 1;
        }
        groups.push(end - at);
        at = end;
    }
    groups
}

/// Whether entries of the one may belong between those of the other or be the same, so that they
/// cannot be read one after the other.
fn touch(one: &Member, other: &Member, ordered: bool) -> bool {
    let (Some((first, last)), Some((other_first, other_last))) = (one.ends(), other.ends()) else {
        return false;
    };
    if first.series == other_first.series {
        return first.seqnum <= other_last.seqnum && other_first.seqnum <= last.seqnum;
    }
    let overlap = first.realtime <= other_last.realtime && other_first.realtime <= last.realtime;
    let one_boot = first.boot == last.boot && other_first.boot == other_last.boot;
    match one_boot && first.boot == other_first.boot {
        true => first.monotonic <= other_last.monotonic && other_first.monotonic <= last.monotonic,
        // Entries of different boots are never the same.
        false if one_boot => ordered && overlap,
        false => overlap,
    }
}

/// How `journalctl` orders entries of different files; equal ones are one entry.
pub(super) fn compare(one: &Key, other: &Key) -> Ordering {
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

    fn of_boot(files: Vec<(usize, Arc<Opened>)>, wanted: &Wanted, boot: Option<Id>) -> Parts {
        let mut parts = Vec::new();
        for (file, (_, opened)) in files.iter().enumerate() {
            let begin = parts.len();
            for run in &opened.list.runs {
                // What is found by going from object to object comes in pieces already.
                let size = if run.how == How::Hop { PART } else { wanted.part.clamp(1, PART) };
                for from in (0..run.len).step_by(size as usize) {
                    let run = opened.list.cut(&opened.journal, run, from, size.min(run.len - from));
                    parts.push(Part { file, run, bytes: 0 });
                }
            }
            let count = (parts.len() - begin) as u64;
            let size = opened.journal.limit;
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
        let next = self.next.fetch_add(1, atomic::Ordering::Relaxed);
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
        && head == *super::layout::SIGNATURE
}

//! Which files of a set are read, in which order, and which of them are merged.
//!
//! Responsible for: opening a set of journals, what can be left out because of its boot, and the order of
//! files.
//! Must not know: what an entry says.
//! Tested by: `fwstat/tests/cli/journal.rs`.
//!
//! Journals of one machine follow each other: each entry's number is greater than the one before, over
//! all files of a series. Only files whose numbers or times overlap are merged entry by entry, by the
//! rules of `journalctl` (systemd's `compare_locations`): the number within a series, the
//! monotonic clock within a boot, else the clock; what is equal in all of these is one entry.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::boot::{boots, narrow};
use super::layout::Id;
use super::member::{Member, Opened, Refused, Wanted};
use super::merge::Merge;
use super::parts::Parts;
use super::places;
use super::window::Medium;
use crate::sorting::InOrder as _;

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
        member.opened = Some(Arc::new(Opened::new(journal, list, &wanted.extents)));
    }
    // A boot that is not there has no entries.
    boot.or(Some(Id::default()))
}

/// Sorts the files; gives how many of them belong together, one number for each group.
fn arrange(members: &mut [Member], ordered: bool) -> Vec<usize> {
    // By series, and in it by number; what has no entries goes first.
    let first = |member: &Member| member.ends().map(|(first, _)| (first.series, first.seqnum));
    members.order_by(|a, b| first(a).cmp(&first(b)).then_with(|| a.path.cmp(&b.path)));
    let series = |member: &Member| member.ends().map(|(first, _)| first.series);
    let several = {
        let mut all: Vec<_> = members.iter().filter_map(series).collect();
        all.dedup();
        all.len() > 1
    };
    if several {
        members.order_by_key(|member| member.ends().map(|(first, _)| first.realtime));
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

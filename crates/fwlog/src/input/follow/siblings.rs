//! The files beside a log that rotation left: where the rest of one that was cut is, and which were never read.
//!
//! Responsible for: telling copies of what was read from what was not: by the file itself, or by what it begins with,
//! packed or not.
//! Must not know: when a file is looked for (`follower`).
//! Tested by: the tests of `follower`.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::cursor::Cursor;
use super::grown::{HEAD, Id};
use super::place::Place;
use crate::input::bytes::{self, Plain};
use crate::input::discover;
use crate::input::unpack::{Packing, Unpacked};

/// Files that are remembered.
const KNOWN: usize = 1024;

/// A rotated file.
#[derive(Clone, Debug)]
pub(super) struct Sibling {
    pub(super) path: PathBuf,
    pub(super) id: Id,
    pub(super) written: SystemTime,
    /// What it begins with, unpacked.
    pub(super) head: Vec<u8>,
    pub(super) packed: bool,
}

/// The rotated files of a log without itself, the oldest first. What cannot be read (yet) is left out, and said.
pub(super) fn of(path: &Path) -> (Vec<Sibling>, bool) {
    let mut complete = true;
    let mut siblings = Vec::new();
    for found in discover::rotated(path).into_iter().filter(|found| found != path) {
        match read(found) {
            Ok(sibling) => siblings.push(sibling),
            Err(_) => complete = false,
        }
    }
    (siblings, complete)
}

/// The log itself, if it is there.
pub(super) fn named(path: &Path) -> Option<Sibling> {
    read(path.to_owned()).ok()
}

fn read(path: PathBuf) -> io::Result<Sibling> {
    let (mut text, packed, file) = open(&path)?;
    let meta = file.metadata()?;
    let mut head = vec![0; HEAD];
    let read = bytes::read_full(&mut text, &mut head)?;
    head.truncate(read);
    Ok(Sibling { id: (meta.dev(), meta.ino()), written: meta.modified()?, path, head, packed })
}

/// A file's text from its beginning, and whether it is packed.
pub(super) fn open(path: &Path) -> io::Result<(Plain, bool, File)> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut head = [0; 8];
    let read = bytes::read_full(&mut &file, &mut head)?;
    let begun = io::Cursor::new(head[..read].to_vec()).chain(file.try_clone()?);
    Ok(match Packing::of(&head[..read]) {
        Some(packing) => (Box::new(Unpacked::new(packing, Box::new(begun))?), true, file),
        None => (Box::new(begun), false, file),
    })
}

/// A file's text after its first `at` bytes; `None` if it has not so many.
pub(super) fn rest(path: &Path, at: u64) -> io::Result<Option<Plain>> {
    let (mut text, packed, mut file) = open(path)?;
    if !packed {
        file.seek(SeekFrom::Start(at))?;
        return Ok((file.metadata()?.len() >= at).then(|| Box::new(file) as Plain));
    }
    let skipped = io::copy(&mut (&mut text).take(at), &mut io::sink())?;
    Ok((skipped == at).then_some(text))
}

impl Cursor {
    /// Puts the place in a log that was never read before the oldest of its rotated files.
    pub fn begin_with_rotated(&mut self, path: &Path) {
        let (files, _) = of(path);
        if let (None, Some(oldest)) = (self.of(path), files.first()) {
            self.set(path, vec![Place::beginning(oldest.id)]);
        }
    }
}

/// Whether two files begin alike, as far as both are known.
pub(super) fn alike(one: &[u8], other: &[u8]) -> bool {
    let len = one.len().min(other.len());
    len > 0 && one[..len] == other[..len]
}

/// The files whose lines were read, or were there before.
#[derive(Debug, Default)]
pub(super) struct Known(Vec<(Id, Vec<u8>)>);

impl Known {
    /// Notes a file and what it begins with.
    pub(super) fn add(&mut self, id: Id, head: &[u8]) {
        match self
            .0
            .iter_mut()
            .find(|(known, begins)| *known == id && (alike(begins, head) || begins.is_empty()))
        {
            Some((_, begins)) if begins.len() < head.len() => *begins = head.to_vec(),
            Some(_) => {}
            None => {
                if self.0.len() >= KNOWN {
                    self.0.remove(0);
                }
                self.0.push((id, head.to_vec()));
            }
        }
    }

    /// Whether a file is one of them, or a copy of one.
    pub(super) fn has(&self, sibling: &Sibling) -> bool {
        // The number of a file that is gone may be given to another.
        self.0
            .iter()
            .any(|(id, head)| alike(head, &sibling.head) || *id == sibling.id && sibling.head.is_empty())
    }
}

//! A file that grows.
//!
//! Responsible for: taking what was appended to an open file, with the proof that it follows what was taken before: the
//! same read brings the end of what is known already. A file that was cut or written anew under the same name shows,
//! whatever its size is now.
//! Must not know: names, lines.
//! Tested by: the unit tests below, the tests of `follower`.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

/// What tells a file from others, whatever its name: device and inode.
pub(super) type Id = (u64, u64);

/// How much of the end of what was taken is read again with what comes next.
pub(super) const TAIL: usize = 256;
/// How much of its beginning is kept: what a copy of it begins with.
pub(super) const HEAD: usize = 1024;
/// The most that is taken at once.
const STEP: usize = 256 << 10;

/// An open file and how far it was taken.
#[derive(Debug)]
pub(super) struct Grown {
    file: File,
    id: Id,
    at: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
    window: Vec<u8>,
}

/// The outcome of a look at a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There is nothing new.
    Quiet,
    /// Bytes were appended, and taken.
    Taken,
    /// What was taken is no longer there: the file was cut, or is another one in the same place.
    Replaced,
}

impl Grown {
    /// A file of which nothing was taken.
    ///
    /// # Errors
    /// The system cannot tell which file it is.
    pub(super) fn new(file: File) -> io::Result<Grown> {
        let meta = file.metadata()?;
        let id = (meta.dev(), meta.ino());
        Ok(Grown { file, id, at: 0, head: Vec::new(), tail: Vec::new(), window: Vec::new() })
    }

    /// A file that was taken up to `at`, as far as it goes: its first and last bytes are read again.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn resume(file: File, at: u64) -> io::Result<Grown> {
        let mut grown = Grown::new(file)?;
        let read = |from: u64, most: usize| -> io::Result<Vec<u8>> {
            let mut bytes = vec![0; most];
            grown.file.read_exact_at(&mut bytes, from)?;
            Ok(bytes)
        };
        let most = |limit: usize| usize::try_from(at).unwrap_or(limit).min(limit);
        let (head, tail) = (read(0, most(HEAD))?, read(at - most(TAIL) as u64, most(TAIL))?);
        (grown.at, grown.head, grown.tail) = (at, head, tail);
        Ok(grown)
    }

    /// Appends what is new to `out`, some of it if there is much.
    ///
    /// # Errors
    /// It cannot be read just now.
    pub(super) fn look(&mut self, out: &mut Vec<u8>) -> io::Result<Look> {
        let known = self.tail.len();
        self.window.resize(TAIL + STEP, 0);
        let from = self.at - known as u64;
        let read = loop {
            match self.file.read_at(&mut self.window, from) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        let Some((old, new)) = self.window[..read].split_at_checked(known) else { return Ok(Look::Replaced) };
        if old != self.tail {
            return Ok(Look::Replaced);
        }
        if new.is_empty() {
            return Ok(Look::Quiet);
        }
        out.extend_from_slice(new);
        if self.head.len() < HEAD {
            let more = new.len().min(HEAD - self.head.len());
            self.head.extend_from_slice(&new[..more]);
        }
        self.at += new.len() as u64;
        self.tail.clear();
        self.tail.extend_from_slice(&self.window[read.saturating_sub(TAIL)..read]);
        Ok(Look::Taken)
    }

    /// Begins at the beginning again: the file was cut. Its former head is given.
    pub(super) fn begin_again(&mut self) -> Vec<u8> {
        self.at = 0;
        self.tail.clear();
        std::mem::take(&mut self.head)
    }

    /// Whether another file begins with all that was taken of this one: an editor or `rsync` wrote it anew.
    #[must_use]
    pub(super) fn goes_on_in(&self, other: &File) -> bool {
        let same = |bytes: &[u8], at: u64| {
            let mut there = vec![0; bytes.len()];
            other.read_exact_at(&mut there, at).is_ok() && there == bytes
        };
        self.at > 0 && same(&self.head, 0) && same(&self.tail, self.at - self.tail.len() as u64)
    }

    /// Which file it is.
    #[must_use]
    pub(super) fn id(&self) -> Id {
        self.id
    }

    /// How far it was taken.
    #[must_use]
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// What it begins with, at most [`HEAD`] bytes of what was taken.
    #[must_use]
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The file.
    #[must_use]
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Whether it has no name any more.
    #[must_use]
    pub(super) fn is_unlinked(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.nlink() == 0)
    }

    /// Whether its file system has hardly any room: less than a hundredth.
    #[must_use]
    pub(super) fn is_on_full_disk(&self) -> bool {
        rustix::fs::fstatvfs(&self.file).is_ok_and(|disk| disk.f_bavail.saturating_mul(100) < disk.f_blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn what_is_appended_is_taken_once_and_a_cut_is_seen_at_any_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut writer = File::options().append(true).create(true).open(&path).unwrap();
        let mut grown = Grown::new(File::open(&path).unwrap()).unwrap();
        let mut out = Vec::new();
        assert_eq!(grown.look(&mut out).unwrap(), Look::Quiet);
        let mut all = Vec::new();
        for round in 0..50usize {
            let piece = format!("{round} {}\n", "x".repeat(round * 13));
            writer.write_all(piece.as_bytes()).unwrap();
            all.extend_from_slice(piece.as_bytes());
            assert_eq!(grown.look(&mut out).unwrap(), Look::Taken);
            assert_eq!(grown.look(&mut out).unwrap(), Look::Quiet);
        }
        assert!(out == all && grown.at() == all.len() as u64 && grown.head() == &all[..HEAD]);
        let resumed = Grown::resume(File::open(&path).unwrap(), grown.at()).unwrap();
        assert!(resumed.head == grown.head && resumed.tail == grown.tail);
        assert!(resumed.goes_on_in(&File::open(&path).unwrap()));
        // Shorter, as long, longer.
        for len in [0, 5, all.len(), all.len() + 70] {
            let mut grown = Grown::resume(File::open(&path).unwrap(), all.len() as u64).unwrap();
            let copy = folder.path().join("copy");
            std::fs::copy(&path, &copy).unwrap();
            grown.file = File::open(&copy).unwrap();
            std::fs::write(&copy, "y".repeat(len)).unwrap();
            assert_eq!(grown.look(&mut out).unwrap(), Look::Replaced, "{len}");
            assert_eq!(grown.begin_again(), &all[..HEAD]);
            let before = out.len();
            assert_eq!(grown.look(&mut out).unwrap() == Look::Taken, len > 0);
            assert_eq!(out.len() - before, len);
        }
    }
}

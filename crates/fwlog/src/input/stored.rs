//! Text that is read at any place: of a file, of an object in a store that is elsewhere, or in memory.
//!
//! Responsible for: that those who cut a text in ranges need not know where it lies.
//! Must not know: stores, lines.
//! Tested by: the unit tests of `split`, `apart` and `years`.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::SystemTime;

/// A log that is no file of this machine. It does not change while it is read: where it would, reading is an error.
pub trait Object: fmt::Debug + Send + Sync {
    /// The name under which it is reported.
    fn name(&self) -> &str;

    /// Its bytes, as they are stored.
    fn size(&self) -> u64;

    /// When it was written, if that is known.
    fn written(&self) -> Option<SystemTime>;

    /// Fills the buffer with what begins at `at`; less than it holds only at the end.
    ///
    /// # Errors
    /// It cannot be read.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

/// An object among inputs. Two are the same if their names are.
#[derive(Clone, Debug)]
pub struct Remote(pub Arc<dyn Object>);

impl PartialEq for Remote {
    fn eq(&self, other: &Remote) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Remote {}

/// Text that is read at any place.
pub trait Text {
    /// Fills the buffer, or some of it, with what begins at `at`; nothing at the end.
    ///
    /// # Errors
    /// It cannot be read.
    fn text_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl Text for File {
    fn text_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.read_at(buffer, at)
    }
}

impl Text for Remote {
    fn text_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.0.read_at(buffer, at)
    }
}

impl Text for [u8] {
    fn text_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = self.get(at as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

/// A file or an object.
#[derive(Debug)]
pub enum Stored {
    /// A file.
    File(File),
    /// An object.
    Remote(Remote),
}

impl Text for Stored {
    fn text_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Stored::File(file) => file.text_at(buffer, at),
            Stored::Remote(remote) => remote.text_at(buffer, at),
        }
    }
}

/// A text, read from some place on.
#[derive(Debug)]
pub struct Part<'t, T: ?Sized> {
    /// The text.
    pub text: &'t T,
    /// Where it is read next.
    pub at: u64,
}

impl<T: Text + ?Sized> Read for Part<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.text.text_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// An object from its beginning to its end.
pub(super) struct Onward {
    remote: Remote,
    at: u64,
}

impl Onward {
    pub(super) fn new(remote: Remote) -> Onward {
        Onward { remote, at: 0 }
    }
}

impl Read for Onward {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut part = Part { text: &self.remote, at: self.at };
        let read = part.read(buffer)?;
        self.at = part.at;
        Ok(read)
    }
}

/// Fills the whole buffer with what begins at `at`.
///
/// # Errors
/// It cannot be read, or ends before.
pub(super) fn exactly(text: &(impl Text + ?Sized), buffer: &mut [u8], at: u64) -> io::Result<()> {
    Part { text, at }.read_exact(buffer)
}

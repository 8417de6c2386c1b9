//! Bytes of a file, read in pieces.
//!
//! Responsible for: where the bytes come from, and the piece of them that is at hand.
//! Must not know: what they mean.
//! Tested by: the tests of `look`.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Keeps a stream in a file without a name, in the folder for temporary files: a journal is read from
/// many places of it at once.
///
/// # Errors
/// The stream cannot be read, or there is no room for it.
pub fn spool(mut stream: impl Read) -> io::Result<File> {
    let folder = std::env::temp_dir();
    let told = |error: io::Error| {
        let text = format!("a journal in a stream is kept in {} (TMPDIR): {error}", folder.display());
        io::Error::new(error.kind(), text)
    };
    let mut file = tempfile::tempfile_in(&folder).map_err(told)?;
    let mut piece = vec![0; 256 << 10];
    loop {
        let read = match stream.read(&mut piece) {
            Ok(0) => return Ok(file),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        file.write_all(&piece[..read]).map_err(told)?;
    }
}

/// Where a journal's bytes are.
#[derive(Clone, Debug)]
pub(super) enum Medium {
    /// In a file.
    File(Arc<File>),
    /// In memory, for tests.
    Memory(Arc<[u8]>),
}

impl Medium {
    /// Reads from `at` on until `buffer` is full, the medium ends or cannot be read; how many bytes
    /// came.
    pub(super) fn read(&self, buffer: &mut [u8], at: u64) -> usize {
        match self {
            Medium::File(file) => {
                let mut read = 0;
                while read < buffer.len() {
                    match file.read_at(&mut buffer[read..], at.saturating_add(read as u64)) {
                        Ok(0) => break,
                        Ok(more) => read += more,
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        // A bad sector costs the objects on it.
                        Err(_) => break,
                    }
                }
                read
            }
            Medium::Memory(bytes) => {
                let from = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                let len = buffer.len().min(bytes.len() - from);
                buffer[..len].copy_from_slice(&bytes[from..from + len]);
                len
            }
        }
    }

    /// Its length.
    pub(super) fn len(&self) -> u64 {
        match self {
            Medium::File(_) => self.metadata().map_or(0, |meta| meta.len()),
            Medium::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// What the system says of the file.
    pub(super) fn metadata(&self) -> Option<Metadata> {
        match self {
            Medium::File(file) => file.metadata().ok(),
            Medium::Memory(_) => None,
        }
    }
}

/// A piece of a medium.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    base: u64,
    len: usize,
}

impl Window {
    /// Forgets what it holds: another file is read.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Whether it holds these bytes.
    #[inline]
    pub(super) fn has(&self, at: u64, len: usize) -> bool {
        at.checked_sub(self.base)
            .and_then(|from| from.checked_add(len as u64))
            .is_some_and(|end| end <= self.len as u64)
    }

    /// The bytes, if it holds them.
    #[inline]
    pub(super) fn get(&self, at: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.base)?).ok()?;
        self.bytes[..self.len].get(from..from.checked_add(len)?)
    }

    /// Reads `len` bytes from `base` on, fewer where the medium ends.
    pub(super) fn load(&mut self, medium: &Medium, base: u64, len: usize) {
        if self.bytes.len() < len {
            self.bytes.resize(len, 0);
        }
        self.base = base;
        self.len = medium.read(&mut self.bytes[..len], base);
    }
}

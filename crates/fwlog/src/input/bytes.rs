//! Streams of bytes, and what is done with every one of them: counted, looked at, read in full.
//!
//! Responsible for: the type of a stream, and the small readers that others are made from.
//! Must not know: formats, lines.
//! Tested by: `fwstat/tests/cli/inputs.rs`.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The longest line that is read. A kernel's line ends below 1,024 bytes and a journal's JSON
/// record with one below 100 KiB; a longer line is counted and left out.
pub const LONGEST_LINE: usize = 1 << 20;

/// How many bytes of an input are looked at.
pub const HEAD: usize = 256;

/// Counts the bytes that pass.
pub(super) struct Counting<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R> Counting<R> {
    pub(super) fn new(inner: R, taken: Arc<AtomicU64>) -> Counting<R> {
        Counting { inner, taken }
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Whether a reader that waits for what is still to come says so, by `WouldBlock`: no more for now. Whoever reads from
/// one keeps what it has of a line and asks again.
#[derive(Clone, Debug, Default)]
pub struct Pauses(Arc<AtomicBool>);

impl Pauses {
    /// Whether it does.
    #[must_use]
    pub fn are_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Tells them from now on, or no more: for a reader that cannot do without what it asks for.
    pub fn tell(&self, told: bool) {
        self.0.store(told, Ordering::Relaxed);
    }
}

/// Whether an error says that there is no more for now.
pub(super) fn is_pause(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// What is counted on the way.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Bytes as they are stored.
    pub taken: Arc<AtomicU64>,
    /// Bytes after decompression, before records become lines.
    pub plain: Arc<AtomicU64>,
    /// Whether the stream tells its pauses.
    pub pauses: Pauses,
    /// Whether records of several lines became one line each.
    pub folded: bool,
    /// The first line whose month has two readings of which none is told, and a sentence about it.
    pub doubt: Option<(u64, String)>,
}

/// A stream of plain bytes.
pub type Plain = Box<dyn Read + Send>;

/// The first bytes of a stream, and the stream as if they had not been read.
pub(super) fn peek(mut stream: Plain) -> io::Result<(Vec<u8>, Plain)> {
    let mut head = vec![0; HEAD];
    let mut read = 0;
    let failed = loop {
        match stream.read(&mut head[read..]) {
            Ok(0) => break None,
            Ok(n) => read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A line tells what a stream is, if no more comes.
            Err(error) if is_pause(&error) && head[..read].contains(&b'\n') => break None,
            Err(error) if is_pause(&error) => {}
            Err(error) => break Some(error),
        }
        if read == head.len() {
            break None;
        }
    };
    head.truncate(read);
    let front = io::Cursor::new(head.clone());
    Ok(match failed {
        // What came before the error is good; the error comes when it is used up.
        Some(error) => (head, Box::new(front.chain(Fail::new(error)))),
        None => (head, Box::new(front.chain(stream))),
    })
}

/// A stream that is nothing but an error.
pub struct Fail(Option<io::Error>);

impl Fail {
    /// Gives this error once.
    #[must_use]
    pub fn new(error: io::Error) -> Fail {
        Fail(Some(error))
    }
}

impl Read for Fail {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Gives what was not given yet of some bytes, as far as `buffer` has room; how much that was.
#[inline]
pub(super) fn give(from: &[u8], given: &mut usize, buffer: &mut [u8]) -> usize {
    let part = &from[*given..];
    let len = part.len().min(buffer.len());
    buffer[..len].copy_from_slice(&part[..len]);
    *given += len;
    len
}

/// Appends up to `more` bytes; how many there were. What came before an error is kept. Room is made once for many
/// reads, and no larger than what comes needs.
///
/// # Errors
/// Reading fails.
pub(super) fn append(input: &mut impl Read, bytes: &mut Vec<u8>, more: usize) -> io::Result<usize> {
    const AT_ONCE: usize = 256 << 10;
    let (start, limit) = (bytes.len(), bytes.len() + more);
    let mut end = start;
    let read = loop {
        if end == limit {
            break Ok(());
        }
        if end == bytes.len() {
            bytes.resize(limit.min(end + AT_ONCE), 0);
        }
        match input.read(&mut bytes[end..]) {
            Ok(0) => break Ok(()),
            Ok(n) => end += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    bytes.truncate(end);
    read.map(|()| end - start)
}

/// Reads until `buffer` is full or the input ends.
///
/// # Errors
/// Reading fails.
pub fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match input.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

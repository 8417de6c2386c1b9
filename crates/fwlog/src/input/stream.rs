//! An input that can only be read from front to back, as chunks of whole lines.
//!
//! Responsible for: line ends, line numbers, lines too long to be read.
//! Must not know: what the bytes were packed with.
//! Tested by: the unit tests below.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::{memchr, memchr_iter, memrchr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::bytes::{LONGEST_LINE, Pauses, Plain, SILENCE, append, give, is_pause};
use super::chunk::{BEFORE, Buffer};
use super::runs::Doubt;
use super::years::{self, Calendar, Survey, Years};

/// What is said of a stream whose years could not be followed to its end.
const DOUBT: &str = "its stamps have no year, and from about here on they do not fit what came before: the clock \
     was wrong, or there is more than a year in it, which is known from a file only; --year fixes the year of the \
     last line";

/// The stream and what of it was read but not handed out.
pub struct Stream {
    inner: Plain,
    chunk: usize,
    /// Read ahead, and how much of it was taken since.
    held: (Vec<u8>, usize),
    /// Read, not handed out.
    rest: Vec<u8>,
    /// The end of what was handed out.
    before: Vec<u8>,
    /// The offset of `rest`.
    offset: u64,
    /// The number of the next line.
    line: u64,
    /// An error to give when everything before it was handed out.
    failed: Option<io::Error>,
    ended: bool,
    /// Whether there was no more for now when it was read last.
    paused: bool,
    /// Whether the rest of a line is left out.
    skipping: bool,
    years: Years,
    /// What is known of them, up to this byte.
    calendar: Calendar,
    known_until: u64,
    /// The text before this byte was read ahead.
    ahead: u64,
    /// The number of the first line whose year is in doubt.
    doubtful: Option<u64>,
}

/// What came of asking a stream for lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Lines.
    Chunk,
    /// There are none for now.
    Later,
    /// There are none left.
    End,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("offset", &self.offset)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl Stream {
    /// Chunks of about `chunk` bytes of a stream.
    #[must_use]
    pub fn new(inner: Plain, chunk: usize, years: Years) -> Stream {
        Stream {
            inner,
            chunk,
            held: (Vec::new(), 0),
            rest: Vec::new(),
            before: Vec::new(),
            offset: 0,
            line: 1,
            failed: None,
            ended: false,
            paused: false,
            skipping: false,
            years,
            calendar: Calendar::default(),
            known_until: 0,
            ahead: 0,
            doubtful: None,
        }
    }

    /// A stream of nothing.
    #[must_use]
    pub fn ended() -> Stream {
        Stream::new(Box::new(io::empty()), 1, Years::default())
    }

    /// The same, of an input whose first `offset` bytes are left out, up to the line of this number.
    #[must_use]
    pub fn from_place(self, (offset, line): (u64, u64)) -> Stream {
        Stream { offset, line, ..self }
    }

    /// Where the next line begins, and its number.
    #[must_use]
    pub fn place(&self) -> (u64, u64) {
        (self.offset, self.line)
    }

    /// Takes over what a survey found of what is there up to this byte.
    pub fn know_until(&mut self, calendar: Calendar, end: u64) {
        self.calendar = calendar;
        self.known_until = end;
    }

    /// From now on, time is so much later than when the stream was opened.
    pub fn time_passes(&mut self, years: Years) {
        self.years = years;
    }

    /// Takes over what a survey of the whole input found.
    pub fn know(&mut self, calendar: Calendar) {
        self.calendar = calendar;
        self.known_until = u64::MAX;
    }

    /// Reads ahead, if stamps have no years: what comes later tells them. What was found, and whether
    /// that was all.
    pub fn look_ahead(&mut self) -> (Survey, bool) {
        /// As much as may be held in memory.
        const AHEAD: usize = 32 << 20;
        if !self.years.wanted {
            return (Survey::default(), true);
        }
        let mut ahead = Vec::new();
        self.fill_with_patience(&mut ahead, 64 << 10);
        if !years::is_yearless(&ahead) {
            self.put_back(ahead);
            return (Survey::default(), true);
        }
        self.fill_with_patience(&mut ahead, AHEAD);
        let all = self.ended;
        // A line that goes on is looked at when it is whole.
        let whole = if all { ahead.len() } else { logparse::last_line_end(&ahead) };
        let survey = years::survey_stream(&mut &ahead[..whole], &self.years).unwrap_or_default();
        self.calendar = survey.calendar.clone();
        self.known_until = if all { u64::MAX } else { whole as u64 };
        self.put_back(ahead);
        (survey, all)
    }

    /// Appends up to `more` bytes, of a stream that pauses what comes until it is silent for a while: what decides
    /// about all lines should have seen what there is.
    fn fill_with_patience(&mut self, bytes: &mut Vec<u8>, more: usize) {
        let (end, mut silent) = (bytes.len() + more, 0);
        while bytes.len() < end && !self.ended && (silent < SILENCE || memchr(b'\n', bytes).is_none()) {
            let before = bytes.len();
            self.fill(bytes, end - before);
            silent = if bytes.len() > before { 0 } else { silent.saturating_add(1) };
        }
    }

    /// Whether there is text that was read ahead and not handed out.
    #[must_use]
    pub fn holds_text(&self) -> bool {
        self.offset < self.ahead
    }

    /// Makes what was read the next to be read.
    fn put_back(&mut self, bytes: Vec<u8>) {
        self.ahead = bytes.len() as u64;
        self.held = (bytes, 0);
        if let Some(error) = self.failed.take() {
            self.inner = Box::new(super::bytes::Fail::new(error));
        }
        self.ended = false;
    }

    /// From which line on the years are in doubt, once everything was read.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        let line = self.doubtful?;
        Some(Doubt { line, lines: self.line - line, text: DOUBT.to_owned() })
    }

    /// What is known about the years of the next bytes.
    fn calendar_of(&mut self, bytes: &[u8]) -> Calendar {
        let end = self.offset + bytes.len() as u64;
        if end <= self.known_until || self.calendar.is_empty() {
            return self.calendar.for_range(self.offset, bytes.len() as u64);
        }
        // From the first line of this chunk on, if that is known; else from the last one before.
        let Some(hint) = self.calendar.hint(self.offset) else { return Calendar::default() };
        let (calendar, wrong) = years::go_on(bytes, self.offset, hint.near, &self.years);
        if wrong && self.doubtful.is_none() {
            self.doubtful = Some(self.line);
        }
        // A chunk without stamps leaves it as it is.
        if !calendar.is_empty() {
            self.calendar = calendar;
            self.known_until = self.known_until.min(self.offset);
        }
        self.calendar.clone()
    }

    /// Fills `buffer`; `false` at the end.
    ///
    /// # Errors
    /// Reading failed; everything before the error was handed out.
    pub fn next(&mut self, buffer: &mut Buffer) -> io::Result<bool> {
        loop {
            match self.poll(buffer)? {
                Poll::Chunk => return Ok(true),
                Poll::Later => {}
                Poll::End => return Ok(false),
            }
        }
    }

    /// Fills `buffer` with what there is.
    ///
    /// # Errors
    /// As for [`Stream::next`].
    pub fn poll(&mut self, buffer: &mut Buffer) -> io::Result<Poll> {
        if self.skipping && !self.skip_line() {
            return Ok(Poll::Later);
        }
        buffer.bytes.clear();
        buffer.bytes.extend_from_slice(&self.before);
        buffer.start = buffer.bytes.len();
        buffer.bytes.append(&mut self.rest);
        // Read until there is a whole line and the chunk is full.
        let mut searched = buffer.start;
        let mut wanted = buffer.start + self.chunk;
        let end = loop {
            let more = wanted.saturating_sub(buffer.bytes.len());
            if more > 0 && !self.ended {
                self.fill(&mut buffer.bytes, more);
            }
            if let Some(at) = memrchr(b'\n', &buffer.bytes[searched..]) {
                break searched + at + 1;
            }
            if self.ended {
                break buffer.bytes.len();
            }
            if self.paused && buffer.bytes.len() - buffer.start <= LONGEST_LINE {
                self.rest.extend_from_slice(&buffer.bytes[buffer.start..]);
                return Ok(Poll::Later);
            }
            if buffer.bytes.len() - buffer.start > LONGEST_LINE {
                // No end in sight: hand out enough to be seen as too long, and skip the rest.
                let keep = buffer.start + LONGEST_LINE + 1;
                self.rest = buffer.bytes.split_off(keep);
                self.skipping = true;
                self.hand_out(buffer, keep);
                self.line += 1;
                return Ok(Poll::Chunk);
            }
            searched = buffer.bytes.len();
            wanted = buffer.bytes.len() + self.chunk.max(64 << 10);
        };
        if end == buffer.start {
            return match self.failed.take() {
                Some(error) => Err(error),
                None => Ok(Poll::End),
            };
        }
        self.rest.extend_from_slice(&buffer.bytes[end..]);
        self.hand_out(buffer, end);
        Ok(Poll::Chunk)
    }

    /// Notes what a chunk is, and what comes behind it.
    fn hand_out(&mut self, buffer: &mut Buffer, end: usize) {
        let bytes = &buffer.bytes[buffer.start..end];
        buffer.end = end;
        buffer.offset = self.offset;
        buffer.first_line = Some(self.line);
        buffer.calendar = self.calendar_of(bytes);
        self.line += memchr_iter(b'\n', bytes).count() as u64;
        self.offset += bytes.len() as u64;
        self.before.clear();
        let from = bytes.len().saturating_sub(BEFORE);
        self.before.extend_from_slice(&bytes[from..]);
    }

    /// Appends up to `more` bytes.
    fn fill(&mut self, bytes: &mut Vec<u8>, more: usize) {
        let (held, taken) = &mut self.held;
        let part = (held.len() - *taken).min(more);
        bytes.extend_from_slice(&held[*taken..*taken + part]);
        *taken += part;
        if *taken == held.len() {
            self.held = (Vec::new(), 0);
        }
        let (start, more) = (bytes.len(), more - part);
        self.paused = false;
        if more == 0 {
            return;
        }
        match append(&mut self.inner, bytes, more) {
            Err(error) if is_pause(&error) => self.paused = true,
            Ok(_) if bytes.len() - start < more => self.ended = true,
            Ok(_) => {}
            Err(error) => {
                self.ended = true;
                self.failed = Some(error);
            }
        }
    }

    /// Leaves out the rest of a line; `false` if its end is still to come.
    fn skip_line(&mut self) -> bool {
        const STEP: usize = 256 << 10;
        let mut bytes = std::mem::take(&mut self.rest);
        loop {
            if let Some(end) = memchr(b'\n', &bytes) {
                self.rest = bytes.split_off(end + 1);
                self.offset += bytes.len() as u64;
                self.skipping = false;
                return true;
            }
            self.offset += bytes.len() as u64;
            bytes.clear();
            if self.ended {
                self.skipping = false;
                return true;
            }
            self.fill(&mut bytes, STEP);
            if bytes.is_empty() && self.paused {
                return false;
            }
        }
    }
}

/// A pipe or a terminal: whoever waits for it looks up now and then whether he still shall.
#[derive(Debug)]
pub struct Pipe<R> {
    inner: R,
    stop: Arc<AtomicBool>,
    pauses: Pauses,
}

impl<R: Read + AsFd> Pipe<R> {
    /// Reads `inner` until `stop` is set: then it has ended.
    #[must_use]
    pub fn new(inner: R, stop: Arc<AtomicBool>, pauses: Pauses) -> Pipe<R> {
        Pipe { inner, stop, pauses }
    }
}

impl<R: Read + AsFd> Read for Pipe<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        /// How long a person waits for Ctrl-C without noticing.
        const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            match poll(&mut [PollFd::new(&self.inner, PollFlags::IN)], Some(&GLANCE)) {
                Ok(0) if self.pauses.are_told() => return Err(io::ErrorKind::WouldBlock.into()),
                Ok(0) | Err(Errno::INTR) => {}
                // What cannot be waited for can be read at once.
                Ok(_) | Err(_) => match self.inner.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return read,
                },
            }
        }
    }
}

/// Opens a file; of a pipe that nothing writes to yet, without waiting for a writer: [`Pipe`] waits, and looks up.
///
/// # Errors
/// It cannot be opened.
pub fn open(path: &Path, meta: &Metadata) -> io::Result<File> {
    match meta.file_type().is_fifo() {
        true => OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path),
        false => File::open(path),
    }
}

/// Whether what has this path can be read only once: a pipe or a socket.
#[must_use]
pub fn is_read_once(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo() || meta.file_type().is_socket())
}

/// A program whose output is read.
#[derive(Debug)]
pub struct Program {
    child: Child,
    output: ChildStdout,
    name: String,
}

impl Program {
    /// Starts it; its complaints go to our standard error.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(words: &[String]) -> io::Result<Program> {
        let (name, arguments) =
            words.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program"))?;
        let mut child =
            Command::new(name).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        Ok(Program { child, output, name: name.clone() })
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }
}

impl Read for Program {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.output.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            let status = self.child.wait()?;
            if !status.success() {
                return Err(io::Error::other(format!("{} failed: {status}", self.name)));
            }
        }
        Ok(read)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Nobody reads on: it would wait for ever. If it has ended already, so much the better.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The kernel's ring buffer, `/dev/kmsg`: what is in it now, or what comes as well.
#[derive(Debug)]
pub struct Kmsg {
    file: File,
    follows: bool,
    /// One record; the kernel gives a whole one at a time or none.
    record: Vec<u8>,
    len: usize,
    given: usize,
}

impl Kmsg {
    /// Opens it; after the last record that is there it ends, or says that there is no more for now if it `follows`.
    ///
    /// # Errors
    /// It cannot be opened, as by users other than root on most systems.
    pub fn open(path: &Path, follows: bool) -> io::Result<Kmsg> {
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        Ok(Kmsg { file, follows, record: vec![0; 16 << 10], len: 0, given: 0 })
    }
}

impl AsFd for Kmsg {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Read for Kmsg {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.len {
            match self.file.read(&mut self.record) {
                Ok(len) => (self.len, self.given) = (len, 0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.follows => return Ok(0),
                // Records were overwritten before they were read; their numbers leave a gap.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => continue,
                Err(error) => return Err(error),
            }
            if self.len == 0 {
                return Ok(0);
            }
        }
        Ok(give(&self.record[..self.len], &mut self.given, buffer))
    }
}

/// Whether a path is the kernel's ring buffer.
#[must_use]
pub fn is_kmsg(path: &Path) -> bool {
    let kmsg = Path::new("/dev/kmsg");
    path == kmsg || std::fs::canonicalize(path).is_ok_and(|path| path == kmsg)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every chunk of a text: where it begins, its first line's number, its bytes.
    fn chunks(text: &[u8], chunk: usize) -> Vec<(u64, u64, Vec<u8>)> {
        let input = Box::new(io::Cursor::new(text.to_vec()));
        let mut stream = Stream::new(input, chunk, Years::default());
        let mut buffer = Buffer::default();
        let mut all = Vec::new();
        while stream.next(&mut buffer).unwrap() {
            let chunk = buffer.chunk();
            all.push((chunk.offset, chunk.first_line.unwrap(), chunk.bytes.to_vec()));
        }
        all
    }

    /// Gives its pieces one by one, and says that there is no more for now after each.
    struct Slow(Vec<&'static str>, bool);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            match self.0.first() {
                Some(_) if !self.1 => Err(io::ErrorKind::WouldBlock.into()),
                Some(piece) => {
                    buffer[..piece.len()].copy_from_slice(piece.as_bytes());
                    let len = piece.len();
                    self.0.remove(0);
                    Ok(len)
                }
                None => Ok(0),
            }
        }
    }

    #[test]
    fn what_came_is_handed_out_when_there_is_no_more_for_now() {
        let pieces = vec!["one\n", "two\nth", "re", "e\n", "four"];
        let mut stream = Stream::new(Box::new(Slow(pieces, false)), 1 << 20, Years::default());
        let mut buffer = Buffer::default();
        let mut all = Vec::new();
        while stream.next(&mut buffer).unwrap() {
            all.push(String::from_utf8(buffer.chunk().bytes.to_vec()).unwrap());
        }
        assert_eq!(all, ["one\n", "two\n", "three\n", "four"]);
    }

    #[test]
    fn chunks_are_whole_lines_of_any_size() {
        let text: Vec<u8> =
            (0..500).flat_map(|i| format!("line {}\n", "x".repeat(i % 90)).into_bytes()).collect();
        for size in [1, 7, 64, 1000, 1 << 20] {
            let chunks = chunks(&text, size);
            let joined: Vec<u8> = chunks.iter().flat_map(|(_, _, bytes)| bytes.clone()).collect();
            assert_eq!(joined, text, "{size}");
            let mut line = 1;
            let mut offset = 0;
            for (at, first, bytes) in &chunks {
                assert_eq!((*at, *first), (offset, line));
                assert!(bytes.ends_with(b"\n"));
                line += memchr_iter(b'\n', bytes).count() as u64;
                offset += bytes.len() as u64;
            }
        }
    }

    #[test]
    fn the_last_line_needs_no_end() {
        assert_eq!(chunks(b"a\nb", 1), [(0, 1, b"a\n".to_vec()), (2, 2, b"b".to_vec())]);
        assert!(chunks(b"", 10).is_empty());
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut text = b"first\n".to_vec();
        text.resize(text.len() + 5 * LONGEST_LINE, b'x');
        text.extend_from_slice(b"\nlast\n");
        for size in [1024, 1 << 20, 1 << 24] {
            let chunks = chunks(&text, size);
            let last = chunks.last().unwrap();
            assert!(last.2.ends_with(b"last\n"), "{size}");
            assert!(
                chunks
                    .iter()
                    .all(|(_, _, bytes)| size > LONGEST_LINE || bytes.len() <= LONGEST_LINE + size + 1)
            );
            let lines: usize = chunks.iter().flat_map(|(_, _, bytes)| logparse::lines(bytes)).count();
            assert_eq!(lines, 3, "{size}");
        }
    }
}

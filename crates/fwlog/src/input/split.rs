//! A plain file, or an object of a store, cut in place: every thread reads its own pieces.
//!
//! Responsible for: pieces of whole lines. A piece is the lines that begin in its range.
//! Must not know: what a line says, except the stamps that `years` looks at.
//! Tested by: the unit tests below.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use memchr::memchr;

use super::bytes::LONGEST_LINE;
use super::chunk::{BEFORE, Buffer, ReadOptions};
use super::stored::{Stored, exactly};
use super::years::{self, Depth, Survey, Years};

/// How much is read at a time in search of the end of a piece's last line.
const STEP: usize = 4096;

/// The file and the next range to hand out.
#[derive(Debug)]
pub struct Split {
    file: Stored,
    size: u64,
    /// What to read: where each piece begins and ends.
    pieces: Vec<(u64, u64)>,
    next: AtomicUsize,
    survey: Survey,
}

impl Split {
    /// A file of `size` bytes, whose stamps are looked at first, so thoroughly.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn new(
        file: Stored,
        size: u64,
        reading: &ReadOptions,
        years: &Years,
        depth: Depth,
    ) -> io::Result<Split> {
        let survey = match reading.between {
            Some(between) => years::survey_between(&file, size, years, between)?,
            None => years::survey(&file, size, years, depth)?,
        };
        let chunk = reading.chunk.max(1) as u64;
        let mut pieces = Vec::new();
        let mut at = 0;
        for (skip, to) in survey.skip.iter().map(|(at, to, _)| (*at, *to)).chain([(size, size)]) {
            while at < skip {
                pieces.push((at, skip.min(at + chunk)));
                at += chunk;
            }
            at = to;
        }
        Ok(Split { file, size, pieces, next: AtomicUsize::new(0), survey })
    }

    /// What was found out about the file before its lines.
    #[must_use]
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// What was left out.
    #[must_use]
    pub fn note(&self, name: &str) -> Option<String> {
        let left: u64 = self.survey.skip.iter().map(|(at, to, _)| to - at).sum();
        (left > 0).then(|| {
            format!(
                "{name}: {} whose stamps are before --since or after --until were not read",
                crate::text::bytes(left)
            )
        })
    }

    /// Fills `buffer` with the next piece; `false` when there is none left.
    ///
    /// # Errors
    /// ReadOptions failed, or the file became shorter.
    pub fn next(&self, buffer: &mut Buffer) -> io::Result<bool> {
        loop {
            let Some((at, to)) = self.pieces.get(self.next.fetch_add(1, Ordering::Relaxed)) else {
                return Ok(false);
            };
            if self.read(buffer, *at, *to)? {
                return Ok(true);
            }
        }
    }

    /// How many pieces there are.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// How many bytes some pieces have, between the line ends next to their borders.
    #[must_use]
    pub fn bytes(&self, pieces: Range<usize>) -> u64 {
        self.pieces.get(pieces).unwrap_or_default().iter().map(|(at, to)| to - at).sum()
    }

    /// Where the first of some pieces begins and the last one ends.
    #[must_use]
    pub fn range(&self, pieces: Range<usize>) -> (u64, u64) {
        match self.pieces.get(pieces).unwrap_or_default() {
            [] => (0, 0),
            all => (all[0].0, all[all.len() - 1].1),
        }
    }

    /// Fills `buffer` with one piece, whoever else read it; `false` if no line begins in it.
    ///
    /// # Errors
    /// Reading failed, or the file became shorter.
    pub fn read_piece(&self, piece: usize, buffer: &mut Buffer) -> io::Result<bool> {
        match self.pieces.get(piece) {
            Some((at, to)) => self.read(buffer, *at, *to),
            None => Ok(false),
        }
    }

    /// Reads the lines that begin in `at..to`; `false` if none does.
    fn read(&self, buffer: &mut Buffer, at: u64, to: u64) -> io::Result<bool> {
        let bytes = &mut buffer.bytes;
        let from = at.saturating_sub(BEFORE as u64);
        // Not cleared: what the last chunk left is overwritten, and zeroing it first costs.
        bytes.resize((to - from) as usize, 0);
        exactly(&self.file, bytes, from).map_err(shrunk)?;
        // The first line that begins here is the one behind the first line end from `at - 1` on.
        let lead = (at - from) as usize;
        buffer.start = match lead {
            0 => 0,
            _ => match memchr(b'\n', &bytes[lead - 1..]) {
                Some(end) if lead + end < bytes.len() => lead + end,
                _ => return Ok(false),
            },
        };
        // The last line goes on behind the range, unless the range ends with it.
        let mut end = bytes.len();
        let mut next = to;
        while bytes[end - 1] != b'\n' && next < self.size {
            let step = STEP.min((self.size - next) as usize);
            let old = bytes.len();
            bytes.resize(old + step, 0);
            exactly(&self.file, &mut bytes[old..], next).map_err(shrunk)?;
            next += step as u64;
            match memchr(b'\n', &bytes[old..]) {
                Some(found) => {
                    end = old + found + 1;
                    break;
                }
                None => end = bytes.len(),
            }
            // Long enough to be left out; the piece with its end begins behind it.
            if end - buffer.start > (to - at) as usize + LONGEST_LINE + STEP {
                break;
            }
        }
        bytes.truncate(end);
        buffer.end = end;
        buffer.offset = from + buffer.start as u64;
        buffer.first_line = None;
        buffer.calendar = self.survey.calendar.for_range(buffer.offset, (end - buffer.start) as u64);
        Ok(true)
    }
}

fn shrunk(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::other("became shorter while it was being read; what was left was read")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write as _;

    fn pieces(text: &[u8], chunk: usize) -> Vec<u8> {
        let path =
            std::env::temp_dir().join(format!("fwstat-split-{}-{chunk}-{}", std::process::id(), text.len()));
        File::create(&path).unwrap().write_all(text).unwrap();
        let reading = ReadOptions { chunk, years: Years::default(), ..ReadOptions::default() };
        let split = Split::new(
            Stored::File(File::open(&path).unwrap()),
            text.len() as u64,
            &reading,
            &Years::default(),
            Depth::Sample,
        )
        .unwrap();
        let mut buffer = Buffer::default();
        let mut all = Vec::new();
        while split.next(&mut buffer).unwrap() {
            let chunk = buffer.chunk();
            assert_eq!(chunk.offset, all.len() as u64);
            all.extend_from_slice(chunk.bytes);
        }
        std::fs::remove_file(path).unwrap();
        all
    }

    #[test]
    fn every_byte_is_handed_out_once() {
        let text: Vec<u8> =
            (0..400).flat_map(|i| format!("line {}\n", "x".repeat(i * 7 % 300)).into_bytes()).collect();
        for chunk in [1, 2, 5, 100, 1024, 1 << 20] {
            assert!(pieces(&text, chunk) == text, "{chunk}");
            assert!(pieces(&text[..text.len() - 1], chunk) == text[..text.len() - 1], "{chunk}");
        }
        assert_eq!(pieces(b"\n\n\n", 1), b"\n\n\n");
    }
}

//! Records of several lines, and ulogd's, that begin somewhere in a text.
//!
//! Responsible for: passing text on as it is, and noticing where such records begin; from there on every line goes
//! through the readers of records, which leave text as it is too.
//! Must not know: what a record says.
//! Tested by: `fwstat/tests/cli/faults.rs`, the unit tests below.

use std::io::{self, Read};
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::bytes::{Fail, Pauses, Plain, append, give, is_pause};
use super::follow::Beside;
use super::objects::{Objects, next_object};
use super::reframe::{self, Export};
use super::ulogd;

/// Bytes that are looked at together.
const BLOCK: usize = 128 << 10;

/// What the first line of such records begins with, after a line end.
static BEGINNINGS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| [Finder::new("\n{"), Finder::new("\n__"), Finder::new("\n[\n")]);

/// All readers of records, one after another: what one does not know it leaves as it is.
#[must_use]
pub fn records(stream: Plain) -> Plain {
    ulogd::as_records(Box::new(Objects::new(Box::new(Export::among_text(stream)))))
}

/// A reader of records, which cannot do without what it asks for: where `pauses` are told it is read beside, and tells
/// those of its own.
#[must_use]
pub fn beside(pauses: &Pauses, records: Plain) -> (Plain, Pauses) {
    if !pauses.are_told() {
        return (records, pauses.clone());
    }
    pauses.tell(false);
    let own = Pauses::default();
    own.tell(true);
    (Box::new(Beside::new(records, own.clone())), own)
}

/// Whether a line is the first of records that are not lines that the parser reads.
#[must_use]
pub fn begins(line: &[u8]) -> bool {
    match line.first() {
        // ulogd's first keys are its own. Firehose, and others who join what they send, write an object behind
        // another.
        Some(b'{') => {
            line[1..].trim_ascii().is_empty()
                || ulogd::is_ulogd(&line[..line.len().min(256)])
                || next_object(line, false).is_some()
        }
        Some(b'[') => line[1..].trim_ascii().is_empty(),
        Some(b'_') => reframe::begins_export(line),
        _ => false,
    }
}

/// A text in which records may begin.
pub struct Watched {
    input: Option<Plain>,
    pauses: Pauses,
    /// The readers of records, once they were needed.
    records: Option<Plain>,
    /// An error to give when all before it was.
    failed: Option<io::Error>,
    block: Vec<u8>,
    given: usize,
    /// The bytes of the block that were found to be text.
    text: usize,
    /// Whether the first line was looked at.
    begun: bool,
}

impl Watched {
    /// Watches a text from its beginning.
    #[must_use]
    pub fn new(input: Plain, pauses: Pauses) -> Watched {
        Watched {
            input: Some(input),
            pauses,
            records: None,
            failed: None,
            block: Vec::new(),
            given: 0,
            text: 0,
            begun: false,
        }
    }

    /// Reads the next block and looks for records in it: what follows the last line end stays for the next look.
    fn look(&mut self) -> io::Result<bool> {
        if let Some(error) = self.failed.take() {
            self.input = None;
            return Err(error);
        }
        let Some(input) = &mut self.input else { return Ok(false) };
        // The line end before the rest is kept: a line is looked at with it.
        self.block.drain(..self.given.saturating_sub(1));
        self.given = self.block.len().min(1);
        let before = self.block.len();
        let (pause, failed) = match append(input, &mut self.block, BLOCK) {
            Err(error) if is_pause(&error) => (Some(error), None),
            read => (None, read.err()),
        };
        self.failed = failed;
        let read = self.block.len() - before;
        self.text = match memchr::memrchr(b'\n', &self.block) {
            // Nothing comes after a fault.
            Some(end)
                if (read > 0 || pause.is_some()) && self.failed.is_none() && self.block.len() < 2 * BLOCK =>
            {
                end + 1
            }
            None if pause.is_some() => 0,
            _ => self.block.len(),
        };
        self.text = self.text.max(self.given);
        let from = self.given.saturating_sub(1);
        let lines = BEGINNINGS.iter().filter_map(|finder| {
            finder
                .find_iter(&self.block[from..self.text])
                .map(|at| from + at + 1)
                .find(|at| self.is_first(*at))
        });
        let first = Some(0).filter(|at| !self.begun && self.text > 0 && self.is_first(*at));
        let found = first.or_else(|| lines.min());
        self.begun |= self.text > 0;
        if let Some(at) = found {
            let rest = io::Cursor::new(self.block.split_off(at));
            self.text = at;
            let failed = self.failed.take().map(Fail::new);
            self.records = self.input.take().map(|input| {
                let records = match failed {
                    Some(failed) => records(Box::new(rest.chain(failed))),
                    None => records(Box::new(rest.chain(input))),
                };
                beside(&self.pauses, records).0
            });
        }
        match pause {
            Some(pause) if self.text <= self.given && self.records.is_none() => Err(pause),
            _ => Ok(read > 0 || self.given < self.block.len() || self.failed.is_some()),
        }
    }

    fn is_first(&self, at: usize) -> bool {
        let line = &self.block[at..];
        begins(&line[..memchr::memchr(b'\n', line).unwrap_or(line.len())])
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.given >= self.text {
            if let Some(records) = &mut self.records {
                return records.read(buffer);
            }
            if !self.look()? {
                return Ok(0);
            }
        }
        Ok(give(&self.block[..self.text], &mut self.given, buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = "{\n  \"MESSAGE\": \"a\"\n}\n";
    const LINE: &str = "{  \"MESSAGE\": \"a\"}\n";

    fn read(text: &str, error: bool) -> (String, bool) {
        let text = io::Cursor::new(text.as_bytes().to_vec());
        let input: Plain = match error {
            true => Box::new(text.chain(Fail::new(io::Error::other("damaged")))),
            false => Box::new(text),
        };
        let mut out = Vec::new();
        let failed = Watched::new(input, Pauses::default()).read_to_end(&mut out).is_err();
        (String::from_utf8(out).unwrap(), failed)
    }

    #[test]
    fn a_pause_gives_the_whole_lines_that_came() {
        struct Pausing(Vec<Option<&'static str>>);
        impl Read for Pausing {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let Some(next) = self.0.pop() else { return Ok(0) };
                let Some(text) = next else { return Err(io::ErrorKind::WouldBlock.into()) };
                buffer[..text.len()].copy_from_slice(text.as_bytes());
                Ok(text.len())
            }
        }
        let pieces = vec![Some("end"), None, Some("t\n"), None, None, Some("one\ntw"), None];
        let mut watched = Watched::new(Box::new(Pausing(pieces)), Pauses::default());
        let mut told = Vec::new();
        loop {
            let mut buffer = [0; 64];
            match watched.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => told.push(String::from_utf8(buffer[..len].to_vec()).unwrap()),
                Err(error) => told.push(error.kind().to_string()),
            }
        }
        let told: Vec<&str> = told.iter().map(|text| text.split(' ').next().unwrap()).collect();
        assert_eq!(told, ["operation", "one\n", "operation", "twt\n", "end"]);
    }

    #[test]
    fn text_passes_and_records_become_lines_wherever_they_begin() {
        for lines in [0, 1, 2, 5_000, 40_000] {
            let text = "Jun 30 06:06:13 gw kernel: x\n".repeat(lines);
            for tail in ["", "no end", "{\"a\": 1}\n"] {
                let whole = format!("{text}{tail}");
                assert_eq!(read(&whole, false), (whole.clone(), false), "{lines} {tail}");
                let (out, failed) = read(&whole, true);
                assert!(out == whole && failed, "{lines} {tail}");
            }
            if lines > 0 {
                let (out, _) = read(&format!("{text}{OBJECT}{text}{OBJECT}"), false);
                assert!(out == format!("{text}{LINE}{text}{LINE}"), "{lines}");
            }
        }
    }
}

//! Streams whose lines are changed one by one.
//!
//! Responsible for: handing each line, or a piece of one that is too long to be held, to what changes it, and that
//! everything before a fault is given before the fault.
//! Must not know: what is changed.
//! Tested by: the unit test below; the tests of `dmesg`, `envelope`, `months`, `ulogd`.

use std::io::{self, BufRead, BufReader, Read};

use super::bytes::{Fail, LONGEST_LINE, Plain, give, is_pause};

/// Bytes that are read and given at once.
const AT_ONCE: usize = 256 << 10;

/// A stream with `edit` applied to its lines: it is given a line with its end, whether that goes on with a line
/// before it that was too long, and where to append what is to be read instead.
pub(super) struct Edited<E> {
    input: BufReader<Plain>,
    edit: E,
    /// A line that does not lie in the buffer as a whole, as far as it came.
    line: Vec<u8>,
    goes_on: bool,
    out: Vec<u8>,
    given: usize,
}

impl<E: FnMut(&[u8], bool, &mut Vec<u8>)> Edited<E> {
    pub(super) fn new(input: Plain, edit: E) -> Edited<E> {
        let input = BufReader::with_capacity(AT_ONCE, input);
        Edited { input, edit, line: Vec::new(), goes_on: false, out: Vec::new(), given: 0 }
    }

    /// Whether a whole line was read already.
    fn has_line(&self) -> bool {
        memchr::memchr(b'\n', self.input.buffer()).is_some()
    }

    /// Appends the next line to `out`; `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        let whole = memchr::memchr(b'\n', self.input.buffer()).filter(|end| *end <= LONGEST_LINE);
        if let Some(end) = whole.filter(|_| self.line.is_empty()) {
            let goes_on = std::mem::take(&mut self.goes_on);
            (self.edit)(&self.input.buffer()[..=end], goes_on, &mut self.out);
            self.input.consume(end + 1);
            return Ok(true);
        }
        let room = (LONGEST_LINE + 1 - self.line.len()) as u64;
        if let Err(error) = (&mut self.input).take(room).read_until(b'\n', &mut self.line) {
            // What there is of the line is no line, unless more comes.
            if !is_pause(&error) {
                self.out.append(&mut self.line);
            }
            return Err(error);
        }
        if self.line.is_empty() {
            return Ok(false);
        }
        let goes_on = std::mem::replace(&mut self.goes_on, self.line.last() != Some(&b'\n'));
        (self.edit)(&self.line, goes_on, &mut self.out);
        self.line.clear();
        Ok(true)
    }
}

impl<E: FnMut(&[u8], bool, &mut Vec<u8>)> Read for Edited<E> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.out.len() {
            self.out.clear();
            self.given = 0;
            // What there is is given before more is waited for.
            while self.out.len() < buffer.len().min(AT_ONCE) && (self.out.is_empty() || self.has_line()) {
                match self.next() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) if self.out.is_empty() => return Err(error),
                    Err(error) if is_pause(&error) => break,
                    // First what came before it.
                    Err(error) => {
                        self.input = BufReader::new(Box::new(Fail::new(error)));
                        break;
                    }
                }
            }
        }
        Ok(give(&self.out, &mut self.given, buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_before_a_fault_is_given_and_long_lines_come_in_pieces() {
        let long = "x".repeat(LONGEST_LINE + 10);
        let text = format!("one\n{long}\ntwo\nno end");
        let fault = Fail::new(io::Error::other("damaged"));
        let input = Box::new(io::Cursor::new(text.into_bytes()).chain(fault));
        let mut pieces = Vec::new();
        let mut out = Vec::new();
        let failed = Edited::new(input, |line: &[u8], goes_on: bool, out: &mut Vec<u8>| {
            pieces.push((line.len(), goes_on));
            out.push(b'>');
            out.extend_from_slice(line);
        })
        .read_to_end(&mut out);
        assert!(failed.is_err());
        let split = long.split_at(LONGEST_LINE + 1);
        assert!(out == format!(">one\n>{}>{}\n>two\nno end", split.0, split.1).into_bytes());
        assert_eq!(pieces, [(4, false), (LONGEST_LINE + 1, false), (10, true), (4, false)]);
    }
}

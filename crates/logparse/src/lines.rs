//! Lines of a buffer, and where a buffer may be split.
//!
//! Responsible for: line ends. Copies nothing.
//! Must not know: what a line says.
//! Tested by: the unit tests below.

use memchr::{memchr, memrchr};

/// The lines of a buffer with the byte offset of each; without their `\n`.
///
/// A last line without a line end is a line. A `\r` before the line end stays; the parser
/// drops it.
///
/// ```
/// let lines: Vec<_> = logparse::lines(b"one\ntwo").collect();
/// assert_eq!(lines, [(0, &b"one"[..]), (4, &b"two"[..])]);
/// ```
#[must_use]
pub fn lines(buffer: &[u8]) -> Lines<'_> {
    Lines { buffer, at: 0 }
}

/// Iterator of [`lines`].
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    buffer: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<(usize, &'a [u8])> {
        let rest = &self.buffer[self.at..];
        if rest.is_empty() {
            return None;
        }
        let start = self.at;
        let (line, used) = match memchr(b'\n', rest) {
            Some(end) => (&rest[..end], end + 1),
            None => (rest, rest.len()),
        };
        self.at += used;
        Some((start, line))
    }
}

/// How much of `buffer` is whole lines: the offset behind its last `\n`, 0 if there is none.
///
/// ```
/// assert_eq!(logparse::last_line_end(b"one\ntw"), 4);
/// assert_eq!(logparse::last_line_end(b"tw"), 0);
/// ```
#[must_use]
pub fn last_line_end(buffer: &[u8]) -> usize {
    memrchr(b'\n', buffer).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lines_are_lines() {
        let offsets: Vec<_> = lines(b"\n\nx\n").map(|(at, line)| (at, line.len())).collect();
        assert_eq!(offsets, [(0, 0), (1, 0), (2, 1)]);
        assert_eq!(lines(b"").count(), 0);
    }
}

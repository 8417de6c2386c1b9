//! Colours that dmesg, journalctl and grep put into a line.
//!
//! Responsible for: telling them from escape sequences that a prefix really has, and taking them out.
//! Must not know: what the line says.
//! Tested by: `tests/suites/envelopes.rs`, the unit tests below.

use memchr::memchr;
use memchr::memmem;

/// Whether a program coloured the line: it begins or ends with a sequence, has one after ` SRC=`,
/// where the kernel prints none, grep's mark of a hit anywhere, two in a row, or one before the kernel's
/// tag. Elsewhere a sequence may be part of a prefix or of an interface's name, which stay as they are.
#[inline]
pub(crate) fn is_coloured(line: &[u8]) -> bool {
    memchr(0x1b, line).is_some_and(|first| is_colour(line, first))
}

/// Whether the sequence that begins at `first`, or one after it, is a program's.
#[cold]
fn is_colour(line: &[u8], first: usize) -> bool {
    if sequence(&line[first..]).is_none() && !line[first..].starts_with(b"\x1b[") {
        return false;
    }
    let ends = || {
        let trimmed = line.trim_ascii_end();
        memmem::rfind(trimmed, b"\x1b[")
            .is_some_and(|at| sequence(&trimmed[at..]) == Some(trimmed.len() - at))
    };
    let after_header = || {
        let Some(header) = memmem::rfind(line, b"IN=") else { return false };
        let after = &line[header..];
        let body = &after[memmem::find(after, b" SRC=").unwrap_or(after.len())..];
        memmem::find_iter(body, b"\x1b[").any(|at| sequence(&body[at..]).is_some())
    };
    let is_hit = || memmem::find(line, b"m\x1b[K").is_some();
    // Two sequences in a row (ripgrep), and one where no prefix can be.
    let is_double = || {
        let after =
            |at: usize| sequence(&line[at..]).is_some_and(|len| sequence(&line[at + len..]).is_some());
        memmem::find_iter(line, b"\x1b[").any(after)
    };
    let in_envelope = || memmem::find(line, b"kernel").is_some_and(|tag| first < tag);
    first == 0 && sequence(line).is_some()
        || is_hit()
        || ends()
        || after_header()
        || is_double()
        || in_envelope()
}

/// The length of the sequence that sets a colour (`m`) or clears a line (`K`) here.
fn sequence(text: &[u8]) -> Option<usize> {
    // `tput sgr0` chooses the character set as well.
    if text.starts_with(b"\x1b(B") {
        return Some(3);
    }
    let inside = text.strip_prefix(b"\x1b[")?;
    let digits = inside.iter().take_while(|b| b.is_ascii_digit() || matches!(**b, b';' | b':')).count();
    matches!(inside.get(digits), Some(b'm' | b'K')).then_some(digits + 3)
}

/// Takes the colours out of a line.
#[cold]
pub(crate) fn uncolour(line: &mut Vec<u8>) {
    let (mut from, mut to) = (0, 0);
    while from < line.len() {
        match sequence(&line[from..]) {
            Some(len) => from += len,
            None => {
                line[to] = line[from];
                (from, to) = (from + 1, to + 1);
            }
        }
    }
    line.truncate(to);
}

/// The line without its colours.
pub(crate) fn without_colours(line: &[u8], out: &mut Vec<u8>) {
    let mut rest = line;
    while let Some(at) = memchr(0x1b, rest) {
        out.extend_from_slice(&rest[..at]);
        let len = sequence(&rest[at..]).unwrap_or_else(|| {
            out.push(0x1b);
            1
        });
        rest = &rest[at + len..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_prefix_holds_is_no_colour() {
        for line in [
            &b"IN=\x1b[2J\"IN=lo OUT= SRC=10.0.0.1 "[..],
            b"IN=\x1b[31m IN=lo OUT= SRC=10.0.0.1 ",
            b"a\x1b[31mb IN=lo OUT=\x1b[2J",
            b"IN=\x1b[31m OUT=eth\x1b[0m SRC=10.0.0.1 ",
        ] {
            assert!(!is_coloured(line), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn colours_go_and_prefixes_stay() {
        let mut out = Vec::new();
        let line =
            b"\x1b[32m[ 1.000000] \x1b[0m\x1b[33mdrop \x1b[0mIN=\x1b[01;31m\x1b[Keth0\x1b[m\x1b[K OUT=";
        assert!(is_coloured(line));
        without_colours(line, &mut out);
        assert_eq!(out, b"[ 1.000000] drop IN=eth0 OUT=");
        let mut own = line.to_vec();
        uncolour(&mut own);
        assert_eq!(own, out);
        assert!(!is_coloured(b"[ 1.000000] a\x1b[31mb IN=eth0 OUT= SRC=10.0.0.1 "));
        assert!(!is_coloured(b"plain"));
    }
}

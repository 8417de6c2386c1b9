//! `dmesg -H`: lines that say how long after the line before they were written.
//!
//! Responsible for: the moment of such lines. dmesg prints the minute where it changes, `[Jan14
//! 11:48]`, and the time since the line before everywhere else, `[  +0.000011]`; here each gets what
//! these come to, `[Jan14 11:48:00.000011]`. The seconds of the first line of a minute are not printed
//! and count as 0.
//! Must not know: what a line says behind its stamp; years.
//! Tested by: the unit tests below, `fwstat/tests/cli/clocks.rs`.

use logparse::month_number;

use super::bytes::Plain;
use super::edited::Edited;

/// Whether the bytes begin with a line of `dmesg -H`.
#[must_use]
pub fn is_human(head: &[u8]) -> bool {
    let line = &head[colours(head)..];
    minute(line).is_some() || since(line).is_some()
}

/// The lines of a stream of `dmesg -H`, each with its moment.
#[must_use]
pub fn moments(input: Plain) -> Plain {
    let mut clock = Moment::default();
    Box::new(Edited::new(input, move |line: &[u8], goes_on: bool, out: &mut Vec<u8>| {
        clock.line(line, goes_on, out);
    }))
}

/// The moment of the last line.
#[derive(Default)]
struct Moment {
    /// The minute printed last, and microseconds since it began.
    minute: Option<[u8; 11]>,
    micros: u64,
}

impl Moment {
    /// Appends a line to `out`, with its moment; `inside`: what goes on with a long line.
    fn line(&mut self, line: &[u8], inside: bool, out: &mut Vec<u8>) {
        let at = if inside { line.len() } else { colours(line) };
        let (front, line) = line.split_at(at);
        out.extend_from_slice(front);
        if let Some(minute) = minute(line) {
            (self.minute, self.micros) = (Some(minute), 0);
        } else if let (Some(minute), Some((micros, len))) = (self.minute, since(line)) {
            // The next minute has a line of its own.
            self.micros = (self.micros + micros).min(59_999_999);
            out.push(b'[');
            out.extend_from_slice(&minute);
            out.extend_from_slice(&seconds(self.micros));
            out.extend_from_slice(&line[len..]);
            return;
        }
        out.extend_from_slice(line);
    }
}

/// `:12.500011]`, of less than 100 seconds.
fn seconds(micros: u64) -> [u8; 11] {
    let mut text = *b":00.000000]";
    let mut rest = micros;
    for place in [9, 8, 7, 6, 5, 4, 2, 1] {
        text[place] += (rest % 10) as u8;
        rest /= 10;
    }
    text
}

/// How many bytes of colours a line begins with.
fn colours(line: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = line[at..].strip_prefix(b"\x1b[") {
        let digits = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b';').count();
        if rest.get(digits) != Some(&b'm') {
            break;
        }
        at += 2 + digits + 1;
    }
    at
}

/// `[Jan14 11:48]`, `[Jan 4 11:48]`: what is inside.
fn minute(line: &[u8]) -> Option<[u8; 11]> {
    let inside: &[u8; 11] = line.strip_prefix(b"[")?.first_chunk()?;
    month_number([inside[0], inside[1], inside[2]])?;
    let digit = |at: usize| inside[at].is_ascii_digit();
    let day = (digit(3) || inside[3] == b' ') && digit(4);
    let time = digit(6) && digit(7) && inside[8] == b':' && digit(9) && digit(10);
    (day && time && inside[5] == b' ' && line.get(12) == Some(&b']')).then_some(*inside)
}

/// `[  +0.000011]`: microseconds, and the length of the stamp.
fn since(line: &[u8]) -> Option<(u64, usize)> {
    const LONGEST: usize = 24;
    let inside = line.strip_prefix(b"[")?;
    let blanks = inside.iter().take_while(|b| **b == b' ').count();
    let number = inside[blanks..].strip_prefix(b"+")?;
    let end = number.iter().take(LONGEST).position(|b| *b == b']')?;
    let point = end.checked_sub(7).filter(|point| (1..=9).contains(point) && number[*point] == b'.')?;
    let digits = number[..point].iter().chain(&number[point + 1..end]);
    let micros = digits.copied().try_fold(0, |micros: u64, digit| {
        digit.is_ascii_digit().then(|| micros * 10 + u64::from(digit - b'0'))
    })?;
    Some((micros, 1 + blanks + 1 + end + 1))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _};

    use super::*;
    use crate::input::LONGEST_LINE;

    fn lines(text: &str) -> String {
        let mut all = String::new();
        moments(Box::new(io::Cursor::new(text.as_bytes().to_vec()))).read_to_string(&mut all).unwrap();
        all
    }

    #[test]
    fn times_since_the_line_before_add_up() {
        assert_eq!(
            lines(
                "[Jan14 11:48] a\n[  +0.000011] b\n[ +12.500000] c\n         more\n[Jan 5 00:00] d\n[  +0.100000] e"
            ),
            "[Jan14 11:48] a\n[Jan14 11:48:00.000011] b\n[Jan14 11:48:12.500011] c\n         more\n[Jan 5 00:00] d\n\
             [Jan 5 00:00:00.100000] e"
        );
        assert_eq!(
            lines("\x1b[32m[Jan14 11:48] \x1b[0ma\n\x1b[32m[  +0.000011] \x1b[0mb\n"),
            "\x1b[32m[Jan14 11:48] \x1b[0ma\n\x1b[32m[Jan14 11:48:00.000011] \x1b[0mb\n"
        );
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        for text in [
            "[  +0.000011] no minute before\n",
            "[Jan14 11:48] a\n[  +0.00001] x\n[  +x.000011] x\n[  -0.000011] x\n[ 8486.974964] x\n\n[",
            "[Jum14 11:48] a\n[  +0.000011] b\n",
            "",
        ] {
            assert_eq!(lines(text), text);
        }
        let long =
            format!("[Jan14 11:48] {}[  +0.000011] b\n[  +0.000011] c\n", "x".repeat(LONGEST_LINE - 14));
        assert!(lines(&long).ends_with("x[  +0.000011] b\n[Jan14 11:48:00.000011] c\n"));
    }

    #[test]
    fn the_first_line_tells() {
        assert!(
            is_human(b"[Jan14 11:48] x")
                && is_human(b"[  +0.000011] x")
                && is_human(b"\x1b[32m[Jan14 11:48] ")
        );
        assert!(!is_human(b"[ 8486.974964] x") && !is_human(b"[") && !is_human(b"Jan 14 11:48:00 gate x"));
    }
}

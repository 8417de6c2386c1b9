//! Envelopes that the user describes: `--envelope REGEX`.
//!
//! Responsible for: what the named groups of a regular expression say of a line's head. Lines that it matches, and
//! that may hold a packet, become lines that the parser reads: objects with the head's parts and the kernel's text.
//! All others stay as they are.
//! Must not know: what the kernel's text says.
//! Tested by: the unit tests below, `fwstat/tests/cli/faults.rs`.
//!
//! The lines are rewritten before anything else looks at them, so that years, `--since` and `--until` see the
//! stamps too.

use std::sync::Arc;

use memchr::memmem;
use regex::bytes::{Captures, Regex, RegexBuilder};

use super::bytes::Plain;
use super::edited::Edited;
use super::reframe::add;

/// The names that groups may have.
const GROUPS: [&str; 5] = ["time", "host", "tag", "uptime", "prefix"];

/// The memory that a compiled expression may take.
const LARGEST: usize = 1 << 20;

/// A head as the user described it.
#[derive(Clone, Debug)]
pub struct Head {
    regex: Regex,
}

impl Head {
    /// Compiles the expression, which has to match at a line's beginning.
    ///
    /// ```
    /// use fwlog::input::envelope::Head;
    /// assert!(Head::new(r"(?<time>\S+ \S+) (?<host>\S+): ").is_ok());
    /// assert!(Head::new("(?<when>.*)").is_err());
    /// ```
    ///
    /// # Errors
    /// It is no regular expression, is too large, or has no group with one of the names.
    pub fn new(text: &str) -> Result<Head, String> {
        // An error points at what was typed.
        Regex::new(text).map_err(|error| error.to_string())?;
        let regex = RegexBuilder::new(&format!("^(?:{text})"))
            .size_limit(LARGEST)
            .unicode(true)
            .build()
            .map_err(|error| error.to_string())?;
        let named: Vec<&str> = regex.capture_names().flatten().collect();
        if let Some(unknown) = named.iter().find(|name| !GROUPS.contains(name)) {
            return Err(format!("no group is called `{unknown}`: {}", GROUPS.join(", ")));
        }
        if named.is_empty() {
            return Err(format!("it names no group: (?<time>...), with one of {}", GROUPS.join(", ")));
        }
        Ok(Head { regex })
    }

    /// The line that the parser reads in place of one that has this head; `None` for any other line.
    #[must_use]
    pub fn opened(&self, line: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.rewrite(line.strip_suffix(b"\r").unwrap_or(line), &mut out).then_some(out)
    }

    /// Writes the line that the parser reads to `out`; `false` if this is no such line.
    fn rewrite(&self, line: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(header) = memmem::find(line, b"IN=") else { return false };
        let Some(found) = self.regex.captures(line) else { return false };
        let end = found.get(0).map_or(0, |whole| whole.end());
        let message = match found.name("prefix") {
            Some(prefix) if prefix.end() <= header => [prefix.as_bytes(), &line[header..]].concat(),
            // Without the group the prefix begins where the expression ends.
            None if end <= header => line[end..].to_vec(),
            _ => return false,
        };
        let mut object = Vec::new();
        for (group, key) in [("host", "_HOSTNAME"), ("tag", "SYSLOG_IDENTIFIER")] {
            if let Some(value) = part(&found, group) {
                add(&mut object, key, value);
            }
        }
        if let Some(value) = part(&found, "time") {
            add(&mut object, "timestamp", &moment(value).unwrap_or_else(|| value.to_vec()));
        }
        if let Some(micros) = part(&found, "uptime").and_then(micros) {
            add(&mut object, "_SOURCE_MONOTONIC_TIMESTAMP", micros.to_string().as_bytes());
        }
        // Nothing in the kernel's text is an envelope.
        add(&mut object, "_TRANSPORT", b"kernel");
        out.push(b'{');
        out.append(&mut object);
        out.extend_from_slice(b",\"MESSAGE\":");
        text(&message, out);
        out.push(b'}');
        true
    }
}

/// A group that is there and not empty.
fn part<'l>(found: &Captures<'l>, group: &str) -> Option<&'l [u8]> {
    found.name(group).map(|part| part.as_bytes().trim_ascii()).filter(|part| !part.is_empty())
}

/// A string of JSON of any bytes.
fn text(message: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in message {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\r' => out.extend_from_slice(b"\\r"),
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
}

/// Microseconds of `12345.678901`, with blanks or brackets around.
fn micros(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim_matches(['[', ']', ' ']);
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<6}");
    let micros: u64 = fraction.get(..6)?.parse().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)
}

/// A date of numbers as RFC 3339: year, month and day in this order or reversed, with any signs between them
/// (`2024.06.30-06:06:13`, `30;06;2024 06:06:13.5 +0200`, `20240630T060613Z`). What is none stays for the parser.
fn moment(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?.trim_matches(['[', ']', '(', ')', ' ']);
    let mut rest = text;
    let mut numbers = Vec::new();
    while numbers.len() < 6 {
        rest =
            rest.trim_start_matches(|c: char| c.is_ascii_punctuation() || matches!(c, ' ' | 'T' | 't' | '_'));
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        match digits {
            0 => return None,
            // All in one: 20240630, 060613, 20240630060613.
            6 | 8 | 14 => {
                let year = if digits == 6 { "" } else { &number[..4] };
                numbers.extend(Some(year).filter(|year| !year.is_empty()));
                let pairs = &number[year.len()..];
                numbers.extend((0..pairs.len()).step_by(2).map(|at| &pairs[at..at + 2]));
            }
            1 | 2 | 4 => numbers.push(number),
            _ => return None,
        }
        rest = after;
    }
    let number = |at: usize| numbers[at].parse::<u16>().ok();
    let (year, month, day) = match numbers[0].len() {
        4 => (number(0)?, number(1)?, number(2)?),
        // The day first, unless the numbers say otherwise.
        _ if numbers[2].len() == 4 && number(1)? > 12 => (number(2)?, number(0)?, number(1)?),
        _ if numbers[2].len() == 4 => (number(2)?, number(1)?, number(0)?),
        _ => return None,
    };
    let (hour, minute, second) = (number(3)?, number(4)?, number(5)?);
    if numbers.len() != 6 || month > 12 || day > 31 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let fraction =
        rest.strip_prefix(['.', ',']).map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let (fraction, zone) = match fraction {
        0 => ("", rest),
        digits => (&rest[1..=digits], &rest[1 + digits..]),
    };
    let dot = if fraction.is_empty() { "" } else { "." };
    let zone = zone.trim();
    let zone = if matches!(zone, "UTC" | "GMT" | "z") { "Z" } else { zone };
    let date = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    Some(format!("{date}{dot}{fraction}{zone}").into_bytes())
}

/// A stream whose lines are rewritten.
#[must_use]
pub fn rewritten(input: Plain, head: Arc<Head>) -> Plain {
    Box::new(Edited::new(input, move |line: &[u8], goes_on: bool, out: &mut Vec<u8>| {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if !goes_on && head.rewrite(text, out) {
            out.push(b'\n');
        } else {
            out.extend_from_slice(line);
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _};

    use super::*;

    #[test]
    fn dates_of_numbers_are_read() {
        let read = |text: &str| moment(text.as_bytes()).map(|text| String::from_utf8(text).unwrap());
        for text in [
            "2024-06-30 06:06:13",
            "2024.06.30-06:06:13",
            "30;06;2024 06:06:13",
            "30.6.2024 6:06:13",
            "06/30/2024 06:06:13",
            "20240630T060613",
            "20240630 06:06:13",
            "20240630060613",
            "[2024/06/30_06:06:13]",
        ] {
            assert_eq!(read(text).as_deref(), Some("2024-06-30T06:06:13"), "{text}");
        }
        assert_eq!(read("30;06;2024 06:06:13.25 +0200").as_deref(), Some("2024-06-30T06:06:13.25+0200"));
        assert_eq!(read("2024-06-30 06:06:13 UTC").as_deref(), Some("2024-06-30T06:06:13Z"));
        for text in ["", "Jun 30 06:06:13", "06:06:13", "2024-13-30 06:06:13", "1719720373"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn only_lines_of_packets_with_that_head_change() {
        let head = Arc::new(Head::new(r"(?<time>\S+ \S+) (?<host>\S+): ").unwrap());
        let packet = b"30;06;2024 06:06:13 gw: say \"hi\" IN=eth0 OUT= \r\n";
        let other = b"30;06;2024 06:06:13 gw: no packet\n!17 IN=eth0 OUT=\n";
        let input = Box::new(io::Cursor::new([&packet[..], other].concat()));
        let mut out = Vec::new();
        rewritten(input, head).read_to_end(&mut out).unwrap();
        let expected = br#"{"_HOSTNAME":"gw","timestamp":"2024-06-30T06:06:13","_TRANSPORT":"kernel","MESSAGE":"say \"hi\" IN=eth0 OUT= "}
"#;
        assert_eq!(String::from_utf8(out).unwrap().as_bytes(), [&expected[..], other].concat());
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in ["(", "plain", "(?<when>x)", "(?<time>x{1000}{1000})"] {
            assert!(Head::new(text).is_err(), "{text}");
        }
    }
}

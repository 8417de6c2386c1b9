//! The stamp at the head of a line, read without the rest of the line.
//!
//! Responsible for: the common forms, `Jun 30 06:06:13`, RFC 3339 and `[Jun30 06:06]`, in a few comparisons; any
//! other form of a line that may be a packet, by the parser; and whether the stamp at the head is
//! surely the moment that the parser will find.
//! Must not know: years, files.
//! Tested by: the unit tests below.

use std::sync::LazyLock;

use logparse::{Civil, Time, Zone, month_number};
use memchr::memmem::Finder;

/// What every packet has.
static IN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("IN="));

/// What the head of a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The stamp, if there is one.
    pub stamp: Option<Civil>,
    /// Whether the line is no packet, or a packet of this moment.
    pub proven: bool,
}

/// Reads the head of a line; an uncommon one only if the parser is to be asked.
#[must_use]
pub fn head(line: &[u8], ask: bool) -> Head {
    match stamp(line) {
        // Behind any other tag, or none, there may be a second stamp.
        Some(civil) => Head { stamp: Some(civil), proven: is_kernels(line) || IN.find(line).is_none() },
        None if IN.find(line).is_none() => Head { stamp: None, proven: true },
        None => Head { stamp: ask.then(|| by_parser(line)).flatten(), proven: false },
    }
}

/// The stamp of a line in whatever form, if the line is a packet.
fn by_parser(line: &[u8]) -> Option<Civil> {
    let mut scratch = Vec::new();
    let entry = logparse::parse_with(line, &mut scratch).ok()?;
    match entry.envelope.stamp?.time {
        Time::Civil(civil) if entry.envelope.realtime_us.is_none() => Some(civil),
        _ => None,
    }
}

/// Whether a line goes on behind its stamp with a host, `kernel:`, and no second stamp.
fn is_kernels(line: &[u8]) -> bool {
    const TAG: &[u8] = b" kernel: ";
    // The stamp has no blank behind its 15th byte in either form.
    let Some(rest) = line.get(15..) else { return false };
    let Some(host) = memchr::memchr(b' ', rest).map(|at| &rest[at + 1..]) else { return false };
    let Some(tag) = memchr::memchr(b' ', host).map(|at| &host[at..]) else { return false };
    // `kernel: [ 8486.974964] ` is no date.
    let Some(message) = tag.strip_prefix(TAG) else { return false };
    let is_date = |text: &[u8]| {
        text.first_chunk().copied().and_then(month_number).is_some()
            || text.first().is_some_and(|b| b.is_ascii_digit() || *b == b'<')
    };
    let inside = if is_uptime(message) { None } else { message.strip_prefix(b"[") };
    !is_date(message) && !inside.is_some_and(is_date)
}

/// `[12345.678901]`.
fn is_uptime(message: &[u8]) -> bool {
    let Some(inside) = message.strip_prefix(b"[") else { return false };
    let end = memchr::memchr(b']', &inside[..inside.len().min(24)]).unwrap_or(0);
    inside[..end].iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b' '))
}

/// The stamp at the head of a line, if it is one of the common forms: `Jun 30 06:06:13`,
/// RFC 3339, or `[Jun30 06:06]` of dmesg.
#[must_use]
pub fn stamp(line: &[u8]) -> Option<Civil> {
    let line = match line {
        [b'<', rest @ ..] => &rest[memchr::memchr(b'>', &rest[..rest.len().min(4)])? + 1..],
        _ => line,
    };
    if let [b'[', inside @ ..] = line {
        return minute(inside);
    }
    let number = |from: usize, len: usize| -> Option<u16> {
        line.get(from..from + len)?
            .iter()
            .try_fold(0, |n: u16, b| b.is_ascii_digit().then(|| n * 10 + u16::from(b - b'0')))
    };
    let byte = |at: usize| line.get(at).copied();
    let small = |from: usize| number(from, 2).map(|n| n as u8);
    let time = |at: usize| {
        let (hour, minute, second) = (small(at)?, small(at + 3)?, small(at + 6)?);
        let ok = byte(at + 2)? == b':' && byte(at + 5)? == b':' && hour < 24 && minute < 60 && second < 61;
        ok.then_some((hour, minute, second))
    };
    if let Some(month) = line.first_chunk().copied().and_then(month_number) {
        let day = match byte(4)? {
            b' ' => number(5, 1)? as u8,
            _ => small(4)?,
        };
        let (hour, minute, second) = time(7)?;
        let ok = byte(3)? == b' ' && byte(6)? == b' ' && (1..=31).contains(&day);
        return ok.then_some(Civil {
            year: None,
            month,
            day,
            hour,
            minute,
            second,
            nanos: 0,
            zone: Zone::Local,
        });
    }
    let (year, month, day) = (number(0, 4)?, small(5)?, small(8)?);
    let (hour, minute, second) = time(11)?;
    let ok = byte(4)? == b'-'
        && byte(7)? == b'-'
        && matches!(byte(10)?, b'T' | b' ')
        && (1..=12).contains(&month)
        && (1..=31).contains(&day);
    let mut at = 19;
    if matches!(byte(at), Some(b'.' | b',')) {
        at += 1;
        while byte(at).is_some_and(|b| b.is_ascii_digit()) {
            at += 1;
        }
    }
    let zone = match byte(at) {
        Some(b'Z') => Zone::Offset(0),
        Some(sign @ (b'+' | b'-')) => {
            let minutes = if byte(at + 3) == Some(b':') { at + 4 } else { at + 3 };
            let seconds = i32::from(small(at + 1)?) * 3_600 + i32::from(small(minutes)?) * 60;
            Zone::Offset(if sign == b'-' { -seconds } else { seconds })
        }
        _ => Zone::Local,
    };
    ok.then_some(Civil { year: Some(year), month, day, hour, minute, second, nanos: 0, zone })
}

/// `Jan14 11:48]` or `Jan14 11:48:00.000011]` behind its bracket, as far as the minute.
fn minute(inside: &[u8]) -> Option<Civil> {
    let text: &[u8; 12] = inside.first_chunk()?;
    let month = month_number([text[0], text[1], text[2]])?;
    let digit = |at: usize| text[at].is_ascii_digit().then(|| text[at] - b'0');
    let two = |at: usize| Some(digit(at)? * 10 + digit(at + 1)?);
    let day = if text[3] == b' ' { digit(4)? } else { two(3)? };
    let (hour, minute) = (two(6)?, two(9)?);
    let marks = text[5] == b' ' && text[8] == b':' && matches!(text[11], b']' | b':');
    let ok = marks && (1..=31).contains(&day) && hour < 24 && minute < 60;
    ok.then_some(Civil { year: None, month, day, hour, minute, second: 0, nanos: 0, zone: Zone::Local })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_read() {
        assert_eq!(stamp(b"Jul  4 06:06:13 host").unwrap().day, 4);
        assert_eq!(stamp(b"<4>Jul 14 06:06:13 host").unwrap().day, 14);
        assert_eq!(stamp(b"2024-06-30T06:06:13.123+02:00 h").unwrap().zone, Zone::Offset(7_200));
        assert_eq!(stamp(b"2024-06-30T06:06:13+0200 h").unwrap().zone, Zone::Offset(7_200));
        assert_eq!(stamp(b"[Jan 4 11:48] x").unwrap().day, 4);
        assert_eq!(stamp(b"[Jan14 11:48:00.000011] x").unwrap().minute, 48);
        assert!(stamp(b"[ 8486.974964] x").is_none());
        assert!(stamp(b"Jun").is_none());
        assert!(stamp(b"").is_none());
    }

    #[test]
    fn a_second_stamp_may_be_the_one_that_counts() {
        let proven = |line: &str| head(line.as_bytes(), true).proven;
        assert!(proven("Jul  4 06:06:13 gate kernel: drop IN=eth0 OUT="));
        assert!(proven("Jul  4 06:06:13 gate kernel: [   12.345678] drop IN=eth0 OUT="));
        assert!(proven("2024-06-30T06:06:13.5+02:00 gate kernel: drop IN=eth0 OUT="));
        assert!(proven("Jul  4 06:06:13 gate sshd[1]: Jul 3 06:06:13 hello"));
        assert!(proven("a line of something else"));
        for line in [
            "Jul  4 06:06:13 relay Jul  3 06:06:13 gate kernel: drop IN=eth0 OUT=",
            "Jul  4 06:06:13 relay kernel: Jul  3 06:06:13 gate kernel: drop IN=eth0 OUT=",
            "Jul  4 06:06:13 relay kernel: 2024-06-30T06:06:13 gate drop IN=eth0 OUT=",
            "Jul  4 06:06:13 relay kernel: <4>Jul  3 06:06:13 gate drop IN=eth0 OUT=",
            "Jul  4 06:06:13 gate ulogd[3]: drop IN=eth0 OUT=",
            "               drop IN=eth0 OUT=",
        ] {
            assert!(!proven(line), "{line}");
        }
    }
}

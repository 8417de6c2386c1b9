//! The years that RFC 3164 stamps leave out.
//!
//! Responsible for: a reference time at fixed places of every input, from which the year of
//! each line follows. Of a file, the stamps at the heads of some hundred blocks are read and
//! walked back from the file's modification time, over every December before a January. Of a
//! stream, they are walked forward from the first line, which is taken to be written in the
//! twelve months before the file's modification (or before now).
//! Must not know: packets.
//! Tested by: the unit tests below, `fwstat/tests/cli/inputs.rs`.
//!
//! Blocks have fixed borders: which year a line gets does not depend on chunks or threads.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use logparse::{Civil, Zone, month_number};

use crate::time::clock::{YearHint, year_of};

const DAY: i64 = 86_400;
/// Lines may stand a little out of order.
const SLACK: i64 = 7 * DAY;
/// How many blocks of a file are looked at, about.
const BLOCKS: u64 = 256;
/// The size of a stream's blocks, as a power of two.
const STREAM_SHIFT: u32 = 12;

/// How years are found for one input.
#[derive(Clone, Debug)]
pub struct Years {
    /// Whether anybody asks for times.
    pub wanted: bool,
    /// The year of the newest line, if the user knows it.
    pub year: Option<u16>,
    /// The zone of stamps without one.
    pub zone: TimeZone,
    /// Now, in seconds of UTC: no line is later.
    pub now: i64,
    /// Local seconds that no line is later than.
    pub limit: i64,
}

impl Default for Years {
    fn default() -> Self {
        Years { wanted: false, year: None, zone: TimeZone::UTC, now: 0, limit: 0 }
    }
}

impl Years {
    /// The rules for a file that was last written at `written`, and whose newer neighbour in a
    /// rotated set begins at `limit` (local seconds).
    #[must_use]
    pub fn of_file(&self, written: Option<SystemTime>, limit: Option<i64>) -> Years {
        let written = written
            .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
            .map_or(self.now, |since| since.as_secs() as i64);
        // A day of grace: the writer's zone may be another one, its clock may be ahead.
        let mut own = self.local(written) + DAY;
        if let Some(year) = self.year {
            own = logparse::days_from_civil(i64::from(year) + 1, 1, 1) * DAY - 1;
        }
        Years { limit: limit.map_or(own, |limit| own.min(limit)), ..self.clone() }
    }

    /// The local seconds of a moment.
    #[must_use]
    pub fn local(&self, utc: i64) -> i64 {
        let timestamp = jiff::Timestamp::from_second(utc).unwrap_or_default();
        utc + i64::from(self.zone.to_offset(timestamp).seconds())
    }

    /// The local seconds of a stamp that has a year.
    fn known(&self, civil: &Civil) -> Option<i64> {
        let seconds = civil.seconds_as_utc(civil.year?);
        Some(match civil.zone {
            Zone::Offset(offset) => self.local(seconds - i64::from(offset)),
            _ => seconds,
        })
    }

    /// The latest moment not behind `limit` that a stamp can mean.
    fn latest(&self, civil: &Civil, limit: i64) -> i64 {
        let year = year_of(limit);
        let this = civil.seconds_as_utc(year);
        if this <= limit { this } else { civil.seconds_as_utc(year.saturating_sub(1)) }
    }
}

/// Reference times of an input, or of the part of it that a chunk covers.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    years: Option<Box<Years>>,
    limit: i64,
    shift: u32,
    /// The number of the first block here.
    first: u64,
    /// Local seconds of the first stamp in each block, or of the last one in front of it.
    near: Vec<Option<i64>>,
    /// Whether the block that was begun last still waits for its first stamp.
    waiting: bool,
    /// Whether stamps without a year went back in time.
    backwards: bool,
}

impl Calendar {
    /// The calendar of a stream, to be extended as it is read.
    #[must_use]
    pub fn open(years: &Years) -> Calendar {
        if !years.wanted {
            return Calendar::default();
        }
        Calendar {
            years: Some(Box::new(years.clone())),
            limit: years.limit,
            shift: STREAM_SHIFT,
            ..Calendar::default()
        }
    }

    /// What is known about the year of a stamp at `offset`.
    #[must_use]
    #[inline(always)]
    pub fn hint(&self, offset: u64) -> Option<YearHint> {
        let block = (offset >> self.shift).checked_sub(self.first)?;
        let near = (*self.near.get(block as usize)?)?;
        Some(YearHint { near, limit: self.limit })
    }

    /// The part that covers some bytes.
    #[must_use]
    pub fn for_range(&self, offset: u64, len: u64) -> Calendar {
        if self.near.is_empty() {
            return Calendar::default();
        }
        let block = |offset: u64| {
            ((offset >> self.shift).saturating_sub(self.first) as usize).min(self.near.len() - 1)
        };
        let (from, to) = (block(offset), block(offset + len));
        Calendar {
            limit: self.limit,
            shift: self.shift,
            first: self.first + from as u64,
            near: self.near[from..=to].to_vec(),
            ..Calendar::default()
        }
    }

    /// Goes on over the next bytes of a stream: whole lines.
    pub fn extend(&mut self, offset: u64, bytes: &[u8]) {
        let Some(years) = self.years.clone() else { return };
        // Only the last block is still of use.
        let block = offset >> self.shift;
        let keep = (block.saturating_sub(self.first) as usize).min(self.near.len().saturating_sub(1));
        self.near.drain(..keep);
        self.first += keep as u64;
        let end = offset + bytes.len() as u64;
        loop {
            let next = (self.first + self.near.len() as u64) << self.shift;
            let from = if self.waiting { offset } else { next };
            if from >= end && !self.waiting {
                break;
            }
            if !self.waiting {
                let last = self.near.last().copied().flatten();
                self.near.push(last);
                self.waiting = true;
            }
            let limit = (self.first + self.near.len() as u64) << self.shift;
            // A line that begins right at the border is known by the line end in front of it.
            let start = (from.saturating_sub(offset) as usize).saturating_sub(1);
            let window = &bytes[start..limit.min(end).saturating_sub(offset) as usize];
            match first_stamp(window, from > offset) {
                Some(civil) => {
                    let last = self.near.last().copied().flatten();
                    let time = years.known(&civil).unwrap_or_else(|| self.walk(&years, last, &civil));
                    if let Some(slot) = self.near.last_mut() {
                        *slot = Some(time);
                    }
                    // The first block's stamp also serves what stands in front of it.
                    self.waiting = false;
                }
                None if end < limit => break,
                None => self.waiting = false,
            }
        }
    }

    /// The next reference behind `last`.
    fn walk(&mut self, years: &Years, last: Option<i64>, civil: &Civil) -> i64 {
        match last {
            None => years.latest(civil, self.limit),
            Some(near) => {
                let time = civil.seconds_as_utc(YearHint { near, limit: self.limit }.year(civil));
                self.backwards |= time < near - 91 * DAY;
                time
            }
        }
    }

    /// Why the years may be wrong, if they may be.
    #[must_use]
    pub fn doubt(&self) -> Option<&'static str> {
        self.backwards.then_some(
            "its stamps have no year and go back in time: either it is not in order or it is longer than a year; --year fixes the year of its last line",
        )
    }

    /// The bytes of a file that hold everything between two moments (local seconds), if its
    /// lines are in order; else all of it.
    #[must_use]
    pub fn range(&self, since: i64, until: i64, size: u64) -> (u64, u64) {
        // The zones' changes of the clock, and a line or two out of order.
        const MARGIN: i64 = 3 * 3_600;
        let known: Vec<(u64, i64)> =
            self.near.iter().zip(0..).filter_map(|(near, block): (_, u64)| Some((block, (*near)?))).collect();
        if known.len() < 2 || !known.windows(2).all(|pair| pair[0].1 <= pair[1].1) {
            return (0, size);
        }
        let start = known.iter().rev().find(|(_, near)| *near < since.saturating_sub(MARGIN));
        let end = known.iter().find(|(_, near)| *near > until.saturating_add(MARGIN));
        let start = start.map_or(0, |(block, _)| block.saturating_sub(1) << self.shift);
        let end = end.map_or(size, |(block, _)| ((block + 1) << self.shift).min(size));
        (start, end.max(start))
    }
}

/// The calendar of a plain file: looks at the heads of its blocks and at its end.
///
/// # Errors
/// The file cannot be read.
pub fn survey(file: &File, size: u64, years: &Years) -> io::Result<Calendar> {
    if !years.wanted || size == 0 {
        return Ok(Calendar::default());
    }
    let shift = (size / BLOCKS).next_power_of_two().trailing_zeros().max(12);
    let mut heads = Vec::new();
    let mut buffer = vec![0; 4096];
    let mut at = 0;
    while at < size {
        heads.push(head(file, at, size.min(at + (1 << shift)), &mut buffer)?);
        at += 1 << shift;
    }
    let tail = last_stamp(file, size)?;
    let near = walk_back(years, &heads, tail);
    Ok(Calendar { limit: years.limit, shift, near, ..Calendar::default() })
}

/// The first stamp of a line that begins in `at..end`.
fn head(file: &File, at: u64, end: u64, buffer: &mut [u8]) -> io::Result<Option<Civil>> {
    /// Further into a block nobody looks: a block without stamps takes the one before.
    const FAR: u64 = 64 << 10;
    let mut from = at.saturating_sub(1);
    let mut partial = at > 0;
    while from < end.min(at + FAR) {
        let want = buffer.len().min((end - from) as usize);
        let read = file.read_at(&mut buffer[..want], from)?;
        if read == 0 {
            break;
        }
        if let Some(civil) = first_stamp(&buffer[..read], partial) {
            return Ok(Some(civil));
        }
        // A stamp across the border of two reads is found in the second.
        from += (read as u64).saturating_sub(64).max(1);
        partial = true;
    }
    Ok(None)
}

/// The last stamp of a file.
fn last_stamp(file: &File, size: u64) -> io::Result<Option<Civil>> {
    let from = size.saturating_sub(64 << 10);
    let mut buffer = vec![0; (size - from) as usize];
    let read = file.read_at(&mut buffer, from)?;
    let lines: Vec<&[u8]> = logparse::lines(&buffer[..read]).map(|(_, line)| line).collect();
    Ok(lines.into_iter().rev().find_map(stamp))
}

/// Gives every head its time, from the end.
fn walk_back(years: &Years, heads: &[Option<Civil>], tail: Option<Civil>) -> Vec<Option<i64>> {
    let mut heads = heads.to_vec();
    // A machine without a clock of its own boots in January 1: one head that fits neither of
    // its neighbours, while they fit each other, says nothing.
    let of_year = |civil: &Civil| civil.year.is_none().then(|| civil.seconds_as_utc(2000));
    for i in 1..heads.len() {
        let next = heads.get(i + 1).copied().flatten().or(tail);
        let (Some(a), Some(b), Some(c)) = (heads[i - 1], heads[i], next) else { continue };
        let (Some(a), Some(b), Some(c)) = (of_year(&a), of_year(&b), of_year(&c)) else { continue };
        if a <= c + SLACK && (b + SLACK < a || b > c + SLACK) {
            heads[i] = None;
        }
    }
    let mut limit = years.limit;
    if let Some(civil) = &tail {
        limit = years.known(civil).unwrap_or_else(|| years.latest(civil, limit));
    }
    let mut times: Vec<Option<i64>> = heads
        .iter()
        .rev()
        .map(|head| {
            let civil = head.as_ref()?;
            limit = years.known(civil).unwrap_or_else(|| years.latest(civil, limit + SLACK));
            Some(limit)
        })
        .collect();
    times.reverse();
    // A block without a stamp takes the one before; the first blocks take the first there is.
    let mut last = times.iter().copied().flatten().next().or_else(|| tail.map(|_| limit));
    for time in &mut times {
        last = time.or(last);
        *time = last;
    }
    times
}

/// The stamp of the first line that has one; with `partial`, the text in front of the first
/// line end is skipped.
fn first_stamp(bytes: &[u8], partial: bool) -> Option<Civil> {
    let skip = if partial { memchr::memchr(b'\n', bytes)? + 1 } else { 0 };
    logparse::lines(&bytes[skip..]).find_map(|(_, line)| stamp(line))
}

/// The stamp at the head of a line, if it is one of the two common forms: `Jun 30 06:06:13`,
/// or RFC 3339.
#[must_use]
pub fn stamp(line: &[u8]) -> Option<Civil> {
    let line = match line {
        [b'<', rest @ ..] => &rest[memchr::memchr(b'>', &rest[..rest.len().min(4)])? + 1..],
        _ => line,
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::clock::local_text;

    fn years(limit: &str) -> Years {
        let civil = stamp(limit.as_bytes()).unwrap();
        let limit = civil.seconds_as_utc(civil.year.unwrap());
        Years { wanted: true, limit, ..Years::default() }
    }

    fn walked(limit: &str, heads: &[&str]) -> Vec<String> {
        let heads: Vec<_> = heads.iter().map(|head| stamp(head.as_bytes())).collect();
        let (tail, heads) = heads.split_last().unwrap();
        walk_back(&years(limit), heads, *tail)
            .into_iter()
            .map(|t| local_text(t.unwrap())[..10].to_owned())
            .collect()
    }

    #[test]
    fn december_before_january_is_last_year() {
        let days = walked(
            "2026-01-05 12:00:00",
            &["Dec 30 00:00:00", "Dec 31 23:00:00", "Jan  1 00:00:00", "Jan  4 00:00:00"],
        );
        assert_eq!(days, ["2025-12-30", "2025-12-31", "2026-01-01"]);
    }

    #[test]
    fn several_years_are_walked_back() {
        let days = walked(
            "2026-03-01 12:00:00",
            &[
                "May  1 00:00:00",
                "Sep  1 00:00:00",
                "Feb  1 00:00:00",
                "Jul  1 00:00:00",
                "Nov  1 00:00:00",
                "Jan  4 00:00:00",
            ],
        );
        assert_eq!(days, ["2024-05-01", "2024-09-01", "2025-02-01", "2025-07-01", "2025-11-01"]);
    }

    #[test]
    fn a_boot_without_a_clock_does_not_count() {
        let days = walked(
            "2026-07-01 12:00:00",
            &["Jun  4 00:00:00", "Jan  1 00:00:10", "Jun  5 00:00:00", "Jun  9 00:00:00"],
        );
        assert_eq!(days, ["2026-06-04", "2026-06-04", "2026-06-05"]);
    }

    #[test]
    fn a_stream_is_walked_forward_in_any_pieces() {
        let mut text = String::new();
        for (month, day) in [("Nov", 20), ("Dec", 31), ("Jan", 1), ("Feb", 2)] {
            for i in 0..200 {
                text += &format!("{month} {day:>2} 01:02:{:02} host kernel: x\n", i % 60);
            }
        }
        let years = years("2026-02-03 00:00:00");
        let mut answers = Vec::new();
        for size in [100, 5_000, 1 << 20] {
            let mut calendar = Calendar::open(&years);
            let mut hints = Vec::new();
            let mut from = 0;
            while from < text.len() {
                let limit = text.len().min(from + size);
                let to = text[limit - 1..].find('\n').map_or(text.len(), |at| limit + at);
                calendar.extend(from as u64, &text.as_bytes()[from..to]);
                let part = calendar.for_range(from as u64, (to - from) as u64);
                for (at, line) in logparse::lines(&text.as_bytes()[from..to]) {
                    let civil = stamp(line).unwrap();
                    hints.push(part.hint((from + at) as u64).unwrap().year(&civil));
                }
                from = to;
            }
            answers.push(hints);
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[1], answers[2]);
        assert_eq!(answers[0][0], 2025);
        assert_eq!(answers[0][799], 2026);
        assert_eq!(answers[0].iter().filter(|year| **year == 2026).count(), 400);
    }

    #[test]
    fn stamps_are_read() {
        assert_eq!(stamp(b"Jul  4 06:06:13 host").unwrap().day, 4);
        assert_eq!(stamp(b"<4>Jul 14 06:06:13 host").unwrap().day, 14);
        assert_eq!(stamp(b"2024-06-30T06:06:13.123+02:00 h").unwrap().zone, Zone::Offset(7_200));
        assert_eq!(stamp(b"2024-06-30T06:06:13+0200 h").unwrap().zone, Zone::Offset(7_200));
        assert!(stamp(b"[ 8486.974964] x").is_none());
        assert!(stamp(b"Jun").is_none());
        assert!(stamp(b"").is_none());
    }
}

//! The years that RFC 3164 stamps leave out.
//!
//! Responsible for: a reference time for every line of an input, which says the year of its stamp.
//! Of a plain file, some stamps are read first: where two of them that follow each other are hours
//! apart or less, what lies between is taken to be so too, and otherwise all of it is read. That is
//! not a proof, so whoever reads the lines afterwards says when a stamp is far from its reference;
//! then all stamps are read, and the lines once more. What is packed is walked forward as it is
//! read, and likewise once more where that was wrong.
//! Must not know: packets; how the years follow from the stamps (`walk`).
//! Tested by: `fwstat/tests/cli/clocks.rs`.

use std::io::{self, Read};
use std::time::SystemTime;

use jiff::tz::TimeZone;
use logparse::{Civil, Zone};

use super::runs::{Doubt, End, Point};
use super::stamps::{self, Head};
use super::stored::{Part, Text};
use super::walk::{Walk, Walked};
use crate::time::clock::YearHint;
use crate::time::dates::DAY;

const HOUR: i64 = 3_600;
/// A file up to this size is read in full.
const SMALL: u64 = 512 << 10;
/// How far apart stamps of a larger one are looked at; nearer where two of them are not close.
const STRIDES: [u64; 2] = [1 << 20, 128 << 10];
/// How much text is looked at for one.
const LOOK: usize = 2 << 10;
/// How much is read at once.
const STEP: usize = 1 << 20;

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
    /// Local seconds of the last change, if that is known.
    pub written: Option<i64>,
}

impl Default for Years {
    fn default() -> Self {
        Years { wanted: false, year: None, zone: TimeZone::UTC, now: 0, limit: 0, written: None }
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
        let written = self.local(written);
        // A day of grace: the writer's zone may be another one, its clock may be ahead.
        let mut own = written + DAY;
        if let Some(year) = self.year {
            own = logparse::days_from_civil(i64::from(year) + 1, 1, 1) * DAY - 1;
        }
        let known = self.year.is_none() && limit.is_none_or(|limit| written <= limit);
        Years {
            limit: limit.map_or(own, |limit| own.min(limit)),
            // The newest line of all is in the newest file.
            year: self.year.filter(|_| limit.is_none()),
            written: known.then_some(written),
            ..self.clone()
        }
    }

    /// The local seconds of a moment.
    #[must_use]
    pub fn local(&self, utc: i64) -> i64 {
        let timestamp = jiff::Timestamp::from_second(utc).unwrap_or_default();
        utc + i64::from(self.zone.to_offset(timestamp).seconds())
    }

    fn point(&self, civil: &Civil) -> Point {
        let Some(year) = civil.year else { return Point::of(civil) };
        let seconds = civil.seconds_as_utc(year);
        Point::known(match civil.zone {
            Zone::Offset(offset) => self.local(seconds - i64::from(offset)),
            _ => seconds,
        })
    }

    fn end(&self) -> End {
        End { limit: self.limit, year: self.year.map(i64::from), written: self.written }
    }
}

/// Reference times of an input, or of the part of it that a chunk covers.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    /// From which byte on, and local seconds.
    near: Vec<(u64, i64)>,
    /// Whether some stamps were not read.
    sampled: bool,
}

impl Calendar {
    fn new(walked: &Walked, sampled: bool) -> Calendar {
        Calendar { near: walked.near.clone(), sampled }
    }

    /// What is known about the year of a stamp at `offset`.
    #[must_use]
    #[inline(always)]
    pub fn hint(&self, offset: u64) -> Option<YearHint> {
        let near = match &self.near[..] {
            [] => return None,
            [(_, near)] => *near,
            all => all[all.partition_point(|(from, _)| *from <= offset).saturating_sub(1)].1,
        };
        Some(YearHint { near, sampled: self.sampled })
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.near.is_empty()
    }

    /// Local seconds of the first stamp.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        self.near.first().map(|(_, near)| *near)
    }

    /// The part that covers some bytes.
    #[must_use]
    pub fn for_range(&self, offset: u64, len: u64) -> Calendar {
        let from = self.near.partition_point(|(from, _)| *from <= offset).saturating_sub(1);
        let to = self.near.partition_point(|(from, _)| *from < offset + len).max(from);
        Calendar { near: self.near[from..to.max((from + 1).min(self.near.len()))].to_vec(), ..*self }
    }
}

/// What was found out about an input before its lines are read.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Its references.
    pub calendar: Calendar,
    /// What had to be assumed.
    pub doubts: Vec<Doubt>,
    /// Whole lines that are not wanted: where they begin and end, and how many they are.
    pub skip: Vec<(u64, u64, u64)>,
}

impl Survey {
    fn new(walk: Walk, years: &Years, sampled: bool) -> (Survey, Walked) {
        let yearless = walk.is_yearless();
        let walked = walk.finish(years.end());
        let survey = match yearless {
            true => Survey {
                calendar: Calendar::new(&walked, sampled),
                doubts: walked.doubts.clone(),
                ..Survey::default()
            },
            false => Survey { calendar: Calendar { near: Vec::new(), sampled }, ..Survey::default() },
        };
        (survey, walked)
    }
}

/// How thoroughly stamps are looked at before lines are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// As far as it takes no time.
    Sample,
    /// All of them, unless none has been seen that needs it.
    Likely,
    /// All.
    All,
}

/// Looks at the stamps of a plain file.
///
/// # Errors
/// The file cannot be read.
pub fn survey(file: &(impl Text + ?Sized), size: u64, years: &Years, depth: Depth) -> io::Result<Survey> {
    if !years.wanted || size == 0 {
        return Ok(Survey::default());
    }
    if depth != Depth::All && size > SMALL {
        if !probe(file, size)? {
            return Ok(Survey::new(Walk::default(), years, true).0);
        }
        if depth == Depth::Sample {
            let walk = sample(file, 0, size, &STRIDES, Walk::default(), years)?;
            if walk.is_calm() {
                return Ok(Survey::new(walk, years, true).0);
            }
        }
    }
    let (walk, sampled) = read(&mut Part { text: file, at: 0 }, years, depth == Depth::All, None)?;
    Ok(Survey::new(walk, years, sampled).0)
}

/// The same from all stamps, and which lines surely lie outside of two moments (local seconds).
///
/// # Errors
/// The file cannot be read.
pub fn survey_between(
    file: &(impl Text + ?Sized),
    size: u64,
    years: &Years,
    between: (i64, i64),
) -> io::Result<Survey> {
    /// So many bytes are skipped or not.
    const BLOCK: u64 = 32 << 10;
    /// The zones' changes of the clock.
    const MARGIN: i64 = 3 * HOUR;
    let (walk, sampled) = read(&mut Part { text: file, at: 0 }, years, false, Some(BLOCK))?;
    let (mut survey, walked) = Survey::new(walk, years, sampled);
    let (since, until) = (between.0.saturating_add(-MARGIN), between.1.saturating_add(MARGIN));
    for (at, (span, times)) in walked.spans.iter().enumerate() {
        let out = times.is_none_or(|(first, last)| last < since || first > until);
        if !span.proven || !out {
            continue;
        }
        let end = walked.spans.get(at + 1).map_or(size, |(next, _)| next.offset.min(size));
        match survey.skip.last_mut() {
            Some((_, last, lines)) if *last == span.offset => (*last, *lines) = (end, *lines + span.lines),
            _ => survey.skip.push((span.offset, end, span.lines)),
        }
    }
    Ok(survey)
}

/// What is found out from all stamps of a stream that will be read once more, or of its beginning.
///
/// # Errors
/// It cannot be read.
pub fn survey_stream(text: &mut impl Read, years: &Years) -> io::Result<Survey> {
    let (walk, sampled) = read(text, years, false, None)?;
    Ok(Survey::new(walk, years, sampled).0)
}

/// The calendar of lines that follow others: `before` are the local seconds of the last of those.
/// Whether it cannot be right: a line is later than allowed, or a year begins after long silence.
#[must_use]
pub fn go_on(bytes: &[u8], offset: u64, before: i64, years: &Years) -> (Calendar, bool) {
    let walk = Walk::after(before, years.limit);
    // Reading what is in memory does not fail.
    let walk = sample(bytes, offset, bytes.len() as u64, &[16 << 10], walk, years).unwrap_or_default();
    let wrong = walk.is_overdue();
    (Calendar::new(&walk.finish(years.end()), true), wrong)
}

/// The heads of lines, as they come.
struct Heads {
    /// How many lines the parser may still read in vain; none if it must read all.
    patience: Option<u32>,
    /// Whether it matters that a stamp is surely that of the line.
    prove: bool,
}

impl Heads {
    fn new(all: bool, prove: bool) -> Heads {
        /// A log of another kind says so in its first lines.
        const PATIENCE: u32 = 64;
        Heads { patience: (!all).then_some(PATIENCE), prove }
    }

    fn read(&mut self, line: &[u8]) -> Head {
        if !self.prove
            && let Some(stamp) = stamps::stamp(line)
        {
            return Head { stamp: Some(stamp), proven: false };
        }
        let head = stamps::head(line, self.patience != Some(0));
        if let Some(patience) = &mut self.patience
            && head.stamp.is_none()
            && !head.proven
        {
            *patience = patience.saturating_sub(1);
        }
        head
    }
}

/// Walks over all lines; with a border behind every so many bytes. Whether some stamps may have been
/// left out.
fn read(text: &mut impl Read, years: &Years, all: bool, borders: Option<u64>) -> io::Result<(Walk, bool)> {
    let mut walk = Walk::default();
    let mut heads = Heads::new(all, borders.is_some());
    let mut buffer = vec![0; STEP];
    let (mut held, mut offset) = (0, 0);
    // Whether a line that is too long goes on.
    let mut inside = false;
    let mut border = 0;
    loop {
        let read = super::bytes::read_full(text, &mut buffer[held..])?;
        let bytes = &buffer[..held + read];
        let last = bytes.len() < buffer.len();
        let whole = match memchr::memrchr(b'\n', bytes) {
            _ if last => bytes.len(),
            Some(at) => at + 1,
            None => {
                // The head of a long line is enough; of what follows, only the end is looked for.
                if !std::mem::replace(&mut inside, true) {
                    add(&mut walk, years, offset, heads.read(&bytes[..LOOK]));
                }
                offset += bytes.len() as u64;
                held = 0;
                continue;
            }
        };
        for (at, line) in logparse::lines(&bytes[..whole]) {
            let at = offset + at as u64;
            if std::mem::take(&mut inside) {
                continue;
            }
            if let Some(size) = borders
                && at >= border
            {
                walk.border(at);
                border = at + size;
            }
            add(&mut walk, years, at, heads.read(line));
        }
        if last {
            return Ok((walk, heads.patience == Some(0)));
        }
        offset += whole as u64;
        held = bytes.len() - whole;
        buffer.copy_within(whole..whole + held, 0);
    }
}

fn add(walk: &mut Walk, years: &Years, offset: u64, head: Head) {
    match head.stamp {
        Some(civil) => walk.add(offset, years.point(&civil), head.proven),
        None => walk.blank(offset, head.proven),
    }
}

/// Whether a text has stamps without a year, as far as a few looks tell.
fn probe(text: &(impl Text + ?Sized), size: u64) -> io::Result<bool> {
    const LOOKS: u64 = 64;
    let mut buffer = vec![0; LOOK];
    for look in 0..LOOKS {
        if let Some((_, civil)) = first_stamp(text, size / LOOKS * look, &mut buffer)?
            && civil.year.is_none()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether lines have stamps without a year, as far as a few looks tell.
#[must_use]
pub fn is_yearless(bytes: &[u8]) -> bool {
    probe(bytes, bytes.len() as u64).unwrap_or(false)
}

/// Goes on with a text of `size` bytes that begins at `offset`: looks at stamps that lie the first of `strides` apart,
/// where two of them are not close at those that lie the next one apart, and at last at all between them.
fn sample(
    text: &(impl Text + ?Sized),
    offset: u64,
    size: u64,
    strides: &[u64],
    walk: Walk,
    years: &Years,
) -> io::Result<Walk> {
    let mut looks = Looks { text, offset, years, walk, look: vec![0; LOOK], block: Vec::new() };
    let first = looks.first(0)?;
    looks.add(first);
    // To the last line: what comes after it is not known.
    looks.between(0, size, first.is_some(), None, strides)?;
    Ok(looks.walk)
}

/// A stamp that was found: where its line begins.
type Found = Option<(u64, Point)>;

/// Looks at some stamps of a text.
struct Looks<'t, T: ?Sized> {
    text: &'t T,
    /// Where it begins in the input.
    offset: u64,
    years: &'t Years,
    walk: Walk,
    look: Vec<u8>,
    block: Vec<u8>,
}

impl<T: Text + ?Sized> Looks<'_, T> {
    fn first(&mut self, at: u64) -> io::Result<Found> {
        Ok(first_stamp(self.text, at, &mut self.look)?.map(|(at, civil)| (at, self.years.point(&civil))))
    }

    fn add(&mut self, found: Found) {
        if let Some((at, point)) = found {
            self.walk.add(self.offset + at, point, false);
        }
    }

    /// Looks between two places that are not close. `begins`: whether a stamp was found at the first one; `end`: the
    /// stamp at the second one, which whoever asks adds.
    fn between(&mut self, from: u64, to: u64, begins: bool, end: Found, strides: &[u64]) -> io::Result<()> {
        let [stride, nearer @ ..] = strides else { return self.all(from, to) };
        let (mut at, mut known) = (from, begins);
        while at < to {
            let next = (at + stride).min(to);
            let found = if next < to { self.first(next)? } else { end };
            let close = known && found.is_some_and(|(_, point)| self.walk.is_close(point));
            if !close {
                self.between(at, next, known, found, nearer)?;
            }
            if next < to {
                self.add(found);
            }
            (at, known) = (next, found.is_some());
        }
        Ok(())
    }

    /// Looks at all lines that begin in a block.
    fn all(&mut self, at: u64, to: u64) -> io::Result<()> {
        let from = at.saturating_sub(1);
        self.block.resize((to - from) as usize, 0);
        let read = super::bytes::read_full(&mut Part { text: self.text, at: from }, &mut self.block)?;
        let block = &self.block[..read];
        let skip = if at > 0 { memchr::memchr(b'\n', block).map_or(read, |end| end + 1) } else { 0 };
        for (line_at, line) in logparse::lines(&block[skip..]) {
            if let Some(civil) = stamps::head(line, true).stamp {
                let at = self.offset + from + (skip + line_at) as u64;
                self.walk.add(at, self.years.point(&civil), false);
            }
        }
        Ok(())
    }
}

/// The first stamp of a line that begins within reach of `at`, and where the line begins.
fn first_stamp(text: &(impl Text + ?Sized), at: u64, buffer: &mut [u8]) -> io::Result<Option<(u64, Civil)>> {
    let from = at.saturating_sub(1);
    let read = text.text_at(buffer, from)?;
    let bytes = &buffer[..read];
    let skip = if at > 0 { memchr::memchr(b'\n', bytes).map_or(read, |end| end + 1) } else { 0 };
    let mut lines = logparse::lines(&bytes[skip..]);
    Ok(lines.find_map(|(line_at, line)| {
        // Of a line that is cut off here, the stamp may be.
        let whole = skip + line_at + line.len() < read || line.len() > 64;
        let civil = stamps::head(line, true).stamp.filter(|_| whole)?;
        Some((from + (skip + line_at) as u64, civil))
    }))
}

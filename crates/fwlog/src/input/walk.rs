//! From the stamps of a log, line after line, to the year of each.
//!
//! Responsible for: what stamps without a year tell together. From one line to the next, time steps
//! back by a week at most or forward by eleven months at most: one year fits, and no other. Where
//! neither holds, `clocks` decides and says so.
//! Must not know: files, zones, what a line says besides its stamp.
//! Tested by: `fwstat/tests/cli/clocks.rs`.
//!
//! While it walks, years are relative and all have 366 days: a stamp is a place in such a year.

use logparse::Civil;

use super::clocks::{Doubt, Judge};
use super::rhythm::Rhythm;
use crate::time::dates::{DAY, YEAR, is_leap_day, local_of, place_of, place_of_local};

const HOUR: i64 = 3_600;
/// How far lines may be out of order.
pub const SLACK: i64 = 7 * DAY;
/// What a step is read as that fits none: this far back, a step is taken as one, and farther as one
/// forward, of a year less that.
const BACK: i64 = 28 * DAY;
/// What one reference serves: far less than half a year.
const REACH: i64 = DAY;
/// More runs than this are not kept: what follows is taken as one.
const RUNS: usize = 1 << 18;
/// Spans likewise.
const SPANS: usize = 4 * RUNS;
/// A clock that goes back by more than this was not set from one zone to another.
const SET_BACK: i64 = 26 * HOUR;
/// How many clocks that were set back are kept.
const SETS: usize = 64;

/// A moment as a stamp gives it: perhaps the year, and seconds from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    year: Option<i64>,
    second: i64,
}

impl Point {
    /// Of a stamp without a year.
    #[must_use]
    pub fn of(civil: &Civil) -> Point {
        Point { year: None, second: place_of(civil) }
    }

    /// Of local seconds.
    #[must_use]
    pub fn known(local: i64) -> Point {
        let (year, second) = place_of_local(local);
        Point { year: Some(year), second }
    }

    /// The place in the year.
    #[must_use]
    pub fn second(self) -> i64 {
        self.second
    }

    /// A time on the scale; in year 0 if the year is not known.
    fn time(self) -> i64 {
        self.year.unwrap_or(0) * YEAR + self.second
    }
}

/// Lines that follow each other within a week.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The number of the first line, if lines are counted, and its time.
    pub line: u64,
    /// The time of its first line.
    pub first: i64,
    /// The time of its last line.
    pub last: i64,
    /// The earliest time.
    pub low: i64,
    /// The latest time.
    pub high: i64,
    /// Whether its stamps say the year.
    pub known: bool,
}

impl Run {
    fn new(line: u64, time: i64, known: bool) -> Run {
        Run { line, first: time, last: time, low: time, high: time, known }
    }
}

/// Lines that are more than a day before those before them, without a step forward to where these were.
#[derive(Clone, Copy, Debug)]
pub struct SetBack {
    /// The number of the first of them.
    pub line: u64,
    /// Its run.
    pub run: usize,
    /// The latest time before it.
    pub from: i64,
    /// Its own time.
    pub to: i64,
    /// The latest among them.
    inner: i64,
    lines: u64,
}

impl SetBack {
    /// Whether a time is a step forward to where the lines were before, as after lines that came late.
    fn returns(&self, time: i64) -> bool {
        (time - self.inner) * 4 > self.from - self.to
    }

    /// Whether they have lasted long enough to be no lines that came late.
    fn is_long(&self) -> bool {
        self.lines >= 64 || (self.lines >= 16 && (self.inner - self.to) * 4 > self.from - self.to)
    }
}

/// A stamp of February 29.
#[derive(Clone, Copy, Debug)]
pub struct LeapDay {
    /// The number of its line.
    pub line: u64,
    /// The run that it is in.
    pub run: usize,
    /// Its year on the scale.
    pub year: i64,
}

/// Whole lines that one reference serves.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Where the first line begins.
    pub offset: u64,
    /// How many lines.
    pub lines: u64,
    /// Whether the time of each line that may be a packet is among those noted here.
    pub proven: bool,
    /// The run it is part of, and times in its years; none before the first stamp.
    run: usize,
    times: Option<(i64, i64, i64)>,
}

/// All stamps of an input so far.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    pub(super) runs: Vec<Run>,
    spans: Vec<Span>,
    /// The steps forward within runs.
    pub(super) rhythm: Rhythm,
    /// Lines noted so far.
    pub(super) lines: u64,
    /// The first February 29 of each year and run.
    pub(super) leap_days: Vec<LeapDay>,
    /// Clocks that were set back by more than a day and less than a week; and one that may have been.
    pub(super) set_back: Vec<SetBack>,
    low: Option<SetBack>,
    yearless: bool,
    /// The line from which on there were too many runs or spans to keep.
    pub(super) crowded: Option<u64>,
    /// What no line is later than, if it is known beforehand.
    limit: Option<i64>,
    overdue: bool,
}

/// What a walk comes to.
#[derive(Clone, Debug, Default)]
pub struct Walked {
    /// Where a reference begins to serve, and its local seconds.
    pub near: Vec<(u64, i64)>,
    /// Stretches of lines, with the local seconds of the earliest and the latest.
    pub spans: Vec<(Span, Option<(i64, i64)>)>,
    /// What had to be assumed, in the order of the lines.
    pub doubts: Vec<Doubt>,
}

/// What is known beside the stamps.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Local seconds that the last line is not later than.
    pub limit: i64,
    /// The year of the newest line, if the user knows it.
    pub year: Option<i64>,
    /// When the input was written last, if that is known.
    pub written: Option<i64>,
}

impl Walk {
    /// Whether there was a stamp without a year.
    #[must_use]
    pub fn is_yearless(&self) -> bool {
        self.yearless
    }

    /// Whether all lines follow each other within a week, and none of them is in doubt.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.runs.len() <= 1 && self.set_back.is_empty() && self.low.is_none()
    }

    /// A walk that goes on after a line of these local seconds, whose lines are not later than `limit`.
    #[must_use]
    pub fn after(local: i64, limit: i64) -> Walk {
        let run = Run::new(0, Point::known(local).time(), true);
        Walk { runs: vec![run], limit: Some(Point::known(limit).time()), ..Walk::default() }
    }

    /// Whether a line would have been later than allowed, or a new year came after long silence, or
    /// time went back farther than lines come late.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.overdue
    }

    /// Whether a point comes within hours of the last one.
    #[must_use]
    pub fn is_close(&self, point: Point) -> bool {
        let step = self.runs.last().map(|run| self.time_of(point) - run.last);
        step.is_some_and(|step| (-HOUR..=12 * HOUR).contains(&step))
    }

    /// Begins a stretch of lines at `offset`, if the last one has any.
    pub fn border(&mut self, offset: u64) {
        let (run, lines) = (self.runs.len().saturating_sub(1), 0);
        let span = Span { offset, lines, proven: true, run, times: None };
        match self.spans.last_mut() {
            Some(last) if last.lines == 0 => *last = span,
            _ => self.spans.push(span),
        }
    }

    /// A line at `offset` without a stamp, which may be a packet or not.
    pub fn blank(&mut self, offset: u64, proven: bool) {
        if self.spans.is_empty() {
            self.border(offset);
        }
        self.lines += 1;
        if let Some(span) = self.spans.last_mut() {
            span.lines += 1;
            span.proven &= proven;
        }
    }

    /// The time of a point that follows what there is.
    fn time_of(&self, point: Point) -> i64 {
        let (None, Some(run)) = (point.year, self.runs.last()) else { return point.time() };
        let by_last = follow(run.last, point.second, BACK);
        if fits(by_last - run.last) {
            return by_last;
        }
        // The last line may have come late.
        let by_high = follow(run.high, point.second, BACK);
        if fits(by_high - run.high) { by_high } else { by_last }
    }

    /// A line at `offset` with a stamp, which is the time of the line if `proven`.
    pub fn add(&mut self, offset: u64, point: Point, proven: bool) {
        let mut time = self.time_of(point);
        if let (Some(limit), None, Some(run)) = (self.limit, point.year, self.runs.last()) {
            self.overdue |= time > limit + SLACK || !(-SLACK..=60 * DAY).contains(&(time - run.last));
            if time > limit + SLACK {
                time -= YEAR;
            }
        }
        self.lines += 1;
        self.yearless |= point.year.is_none();
        self.follow_run(time, point.year.is_some());
        let run = self.runs.len() - 1;
        if point.year.is_none() && is_leap_day(time) {
            let year = time.div_euclid(YEAR);
            if self.leap_days.last().is_none_or(|last| (last.run, last.year) != (run, year)) {
                self.leap_days.push(LeapDay { line: self.lines, run, year });
            }
        }
        let full = self.spans.len() >= SPANS;
        match self.spans.last_mut() {
            Some(span)
                if full
                    || span
                        .times
                        .is_none_or(|(near, ..)| span.run == run && (time - near).abs() <= REACH) =>
            {
                let (near, low, high) = span.times.unwrap_or((time, time, time));
                span.run = run;
                span.times = Some((near, low.min(time), high.max(time)));
                span.lines += 1;
                span.proven &= proven;
            }
            _ => self.spans.push(Span { offset, lines: 1, proven, run, times: Some((time, time, time)) }),
        }
        if full && self.crowded.is_none() {
            self.crowded = Some(self.lines);
        }
    }

    /// Puts a line into the last run, or begins one with it.
    fn follow_run(&mut self, time: i64, known: bool) {
        // Behind a known year all years are.
        let known = known || self.runs.last().is_some_and(|run| run.known);
        let line = self.lines;
        let full = self.runs.len() >= RUNS;
        let near = |run: &Run| (time - run.last).abs() <= SLACK || (time - run.high).abs() <= SLACK;
        match self.runs.last_mut() {
            Some(run) if full || run.known == known && near(run) => {
                let high = run.high;
                if time > high {
                    self.rhythm.add(time - high);
                    run.high = time;
                }
                run.low = run.low.min(time);
                run.last = time;
                if time < high - SET_BACK || self.low.is_some() {
                    self.watch_low(time, high);
                }
            }
            _ => {
                self.runs.push(Run::new(line, time, known));
                self.end_low();
            }
        }
        if full && self.crowded.is_none() {
            self.crowded = Some(line);
        }
    }

    /// A line of a run that is, or was a line ago, more than a day before those before it.
    fn watch_low(&mut self, time: i64, high: i64) {
        let Some(low) = &mut self.low else {
            let run = self.runs.len() - 1;
            let line = self.lines;
            self.low = Some(SetBack { line, run, from: high, to: time, inner: time, lines: 1 });
            return;
        };
        if low.returns(time) {
            self.low = None;
            return;
        }
        low.inner = low.inner.max(time);
        low.lines += 1;
        if time > low.from {
            let low = self.low.take();
            self.note_set_back(low);
        }
    }

    fn end_low(&mut self) {
        let low = self.low.take().filter(SetBack::is_long);
        self.note_set_back(low);
    }

    fn note_set_back(&mut self, set_back: Option<SetBack>) {
        if self.set_back.len() < SETS {
            self.set_back.extend(set_back);
        }
    }

    /// The years of all lines.
    #[must_use]
    pub fn finish(mut self, end: End) -> Walked {
        self.end_low();
        let spans = std::mem::take(&mut self.spans);
        let years = Judge::new(self).years(end);
        let mut walked = Walked { doubts: years.doubts, ..Walked::default() };
        for span in spans {
            let times = span.times.zip(years.moves.get(span.run)).map(|((near, low, high), (by, base))| {
                let near_local = local_of(near + by, *base);
                walked.near.push((span.offset, near_local));
                (near_local - (near - low), near_local + (high - near))
            });
            walked.spans.push((span, times));
        }
        walked
    }
}

/// Whether a step is one that needs no word: a day more, where February 29 is left out.
fn fits(step: i64) -> bool {
    (-SLACK - DAY..=336 * DAY).contains(&step)
}

/// The time of a place in a year that follows another: less than `back` before it, or after it.
#[must_use]
pub fn follow(last: i64, second: i64, back: i64) -> i64 {
    last - back + (second - (last - back)).rem_euclid(YEAR)
}

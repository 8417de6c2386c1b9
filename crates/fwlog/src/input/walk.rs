//! From the stamps of a log, line after line, to the year of each.
//!
//! Responsible for: what stamps without a year tell together. From one line to the next, time steps
//! back by a week at most or forward by eleven months at most: one year fits, and no other. Where
//! neither holds, `clocks` decides and says so.
//! Must not know: files, zones, what a line says besides its stamp.
//! Tested by: `fwstat/tests/cli/clocks.rs`.
//!
//! While it walks, years are relative and all have 366 days: a stamp is a place in such a year.

use super::clocks::Judge;
use super::runs::{Doubt, End, LeapDay, Point, Run, Runs, SLACK, SetBack, follow};
use crate::time::dates::{DAY, YEAR, is_leap_day, local_of};

const HOUR: i64 = 3_600;
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
    /// Runs, and what else the stamps tell.
    stamps: Runs,
    spans: Vec<Span>,
    /// A clock that may have been set back.
    low: Option<SetBack>,
    yearless: bool,
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

impl Walk {
    /// Whether there was a stamp without a year.
    #[must_use]
    pub fn is_yearless(&self) -> bool {
        self.yearless
    }

    /// Whether all lines follow each other within a week, and none of them is in doubt.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.stamps.all.len() <= 1 && self.stamps.set_back.is_empty() && self.low.is_none()
    }

    /// A walk that goes on after a line of these local seconds, whose lines are not later than `limit`.
    #[must_use]
    pub fn after(local: i64, limit: i64) -> Walk {
        let run = Run::new(0, Point::known(local).time(), true);
        Walk {
            stamps: Runs { all: vec![run], ..Runs::default() },
            limit: Some(Point::known(limit).time()),
            ..Walk::default()
        }
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
        let step = self.stamps.all.last().map(|run| self.time_of(point) - run.last);
        step.is_some_and(|step| (-HOUR..=12 * HOUR).contains(&step))
    }

    /// Begins a stretch of lines at `offset`, if the last one has any.
    pub fn border(&mut self, offset: u64) {
        let (run, lines) = (self.stamps.all.len().saturating_sub(1), 0);
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
        self.stamps.lines += 1;
        if let Some(span) = self.spans.last_mut() {
            span.lines += 1;
            span.proven &= proven;
        }
    }

    /// The time of a point that follows what there is.
    fn time_of(&self, point: Point) -> i64 {
        let (None, Some(run)) = (point.year, self.stamps.all.last()) else { return point.time() };
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
        if let (Some(limit), None, Some(run)) = (self.limit, point.year, self.stamps.all.last()) {
            self.overdue |= time > limit + SLACK || !(-SLACK..=60 * DAY).contains(&(time - run.last));
            if time > limit + SLACK {
                time -= YEAR;
            }
        }
        self.stamps.lines += 1;
        self.yearless |= point.year.is_none();
        self.follow_run(time, point.year.is_some());
        let run = self.stamps.all.len() - 1;
        if point.year.is_none() && is_leap_day(time) {
            let year = time.div_euclid(YEAR);
            if self.stamps.leap_days.last().is_none_or(|last| (last.run, last.year) != (run, year)) {
                self.stamps.leap_days.push(LeapDay { line: self.stamps.lines, run, year });
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
        if full && self.stamps.crowded.is_none() {
            self.stamps.crowded = Some(self.stamps.lines);
        }
    }

    /// Puts a line into the last run, or begins one with it.
    fn follow_run(&mut self, time: i64, known: bool) {
        // Behind a known year all years are.
        let known = known || self.stamps.all.last().is_some_and(|run| run.known);
        let line = self.stamps.lines;
        let full = self.stamps.all.len() >= RUNS;
        let near = |run: &Run| (time - run.last).abs() <= SLACK || (time - run.high).abs() <= SLACK;
        match self.stamps.all.last_mut() {
            Some(run) if full || run.known == known && near(run) => {
                let high = run.high;
                if time > high {
                    self.stamps.rhythm.add(time - high);
                    run.high = time;
                }
                run.low = run.low.min(time);
                run.last = time;
                if time < high - SET_BACK || self.low.is_some() {
                    self.watch_low(time, high);
                }
            }
            _ => {
                self.stamps.all.push(Run::new(line, time, known));
                self.end_low();
            }
        }
        if full && self.stamps.crowded.is_none() {
            self.stamps.crowded = Some(line);
        }
    }

    /// A line of a run that is, or was a line ago, more than a day before those before it.
    fn watch_low(&mut self, time: i64, high: i64) {
        let Some(low) = &mut self.low else {
            let run = self.stamps.all.len() - 1;
            let line = self.stamps.lines;
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
        if self.stamps.set_back.len() < SETS {
            self.stamps.set_back.extend(set_back);
        }
    }

    /// The years of all lines.
    #[must_use]
    pub fn finish(mut self, end: End) -> Walked {
        self.end_low();
        let spans = std::mem::take(&mut self.spans);
        let years = Judge::new(self.stamps).years(end);
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

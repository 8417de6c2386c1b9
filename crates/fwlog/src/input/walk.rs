//! From the stamps of a log, line after line, to the year of each.
//!
//! Responsible for: what stamps without a year tell together. From one line to the next, time steps
//! back by a week at most or forward by less than a year less a week: one year fits, and no other.
//! That leaves two questions. A clock that is wrong for a while (a machine that boots without one, a
//! relay that delivers late) looks like a year that was silent but for some lines; it is known by what
//! follows, which goes on where the log had stopped. And a step that no other step of the log comes
//! near may be a clock that was set: it is said, with its line.
//! Must not know: files, zones, what a line says besides its stamp.
//! Tested by: `fwstat/tests/cli/clocks.rs`.
//!
//! While it walks, years are relative and all have 366 days: a stamp is a place in such a year.

use logparse::{Civil, days_from_civil};

use crate::time::clock::{civil_from_days, local_text, year_of};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// How far lines may be out of order.
pub const SLACK: i64 = 7 * DAY;
/// A year with February 29.
const YEAR: i64 = 366 * DAY;
/// What one reference serves: far less than half a year.
const REACH: i64 = DAY;
/// More runs than this are not kept: what follows is taken as one.
const RUNS: usize = 1 << 18;
/// How many runs a wrong clock may last.
const AHEAD: usize = 64;

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
        Point { year: None, second: civil.seconds_as_utc(2000) - at_2000() }
    }

    /// Of local seconds.
    #[must_use]
    pub fn known(local: i64) -> Point {
        let (year, month, day) = civil_from_days(local.div_euclid(DAY));
        let second = (days_from_civil(2000, month, day) * DAY - at_2000()) + local.rem_euclid(DAY);
        Point { year: Some(year), second }
    }
}

fn at_2000() -> i64 {
    days_from_civil(2000, 1, 1) * DAY
}

/// Local seconds of a place in a year.
fn local(time: i64, base: i64) -> i64 {
    let (_, month, day) = civil_from_days((at_2000() + time.rem_euclid(YEAR)).div_euclid(DAY));
    days_from_civil(time.div_euclid(YEAR) + base, month, day) * DAY + time.rem_euclid(DAY)
}

/// Lines that follow each other within a week.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The number of the first line, if lines are counted, and its time.
    line: u64,
    first: i64,
    last: i64,
    low: i64,
    high: i64,
    /// Whether its stamps say the year.
    known: bool,
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
    runs: Vec<Run>,
    spans: Vec<Span>,
    /// How often time went forward by 2^n seconds, and how often at all.
    steps: [u32; 32],
    /// Lines noted so far.
    lines: u64,
    /// The largest steps forward within runs, the largest first.
    largest: [i64; 4],
    /// The last run with a February 29, and the year of that.
    leap: Option<(usize, i64)>,
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

/// Something that had to be assumed about the years of lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// The number of the first line, 1-based.
    pub line: u64,
    /// For how many lines.
    pub lines: u64,
    /// A sentence.
    pub text: String,
}

/// What is known beside the stamps.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Local seconds that the last line is not later than.
    pub limit: i64,
    /// When the input was written last, if that is known.
    pub written: Option<i64>,
}

impl Walk {
    /// Whether there was a stamp without a year.
    #[must_use]
    pub fn is_yearless(&self) -> bool {
        self.yearless
    }

    /// Whether all lines follow each other within a week.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.runs.len() <= 1
    }

    /// A walk that goes on after a line of these local seconds, whose lines are not later than `limit`.
    #[must_use]
    pub fn after(local: i64, limit: i64) -> Walk {
        let time = |local: i64| {
            let Point { year, second } = Point::known(local);
            year.unwrap_or(0) * YEAR + second
        };
        let first = time(local);
        let run = Run { line: 0, first, last: first, low: first, high: first, known: true };
        Walk { runs: vec![run], limit: Some(time(limit)), ..Walk::default() }
    }

    /// Whether a line would have been later than allowed, or a new year came after long silence.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.overdue
    }

    fn last(&self) -> Option<i64> {
        Some(self.runs.last()?.last)
    }

    /// Whether a point comes within hours of the last one.
    #[must_use]
    pub fn is_close(&self, point: Point) -> bool {
        let step = self.last().map(|last| self.place(point) - last);
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

    /// Where a point comes after the last one.
    fn place(&self, point: Point) -> i64 {
        if let Some(year) = point.year {
            return year * YEAR + point.second;
        }
        self.last().map_or(point.second, |last| follow(last, point.second))
    }

    /// A line at `offset` with a stamp, which is the time of the line if `proven`.
    pub fn add(&mut self, offset: u64, point: Point, proven: bool) {
        let mut time = self.place(point);
        if let (Some(limit), None, Some(last)) = (self.limit, point.year, self.last()) {
            self.overdue |= time > limit + SLACK || time - last > 60 * DAY;
            if time > limit + SLACK {
                time -= YEAR;
            }
        }
        self.lines += 1;
        self.yearless |= point.year.is_none();
        // Behind a known year all years are.
        let known = point.year.is_some() || self.runs.last().is_some_and(|run| run.known);
        let line = self.lines;
        let full = self.runs.len() >= RUNS;
        match self.runs.last_mut() {
            Some(run) if full || run.known == known && (time - run.last).abs() <= SLACK => {
                if time > run.high {
                    let step = time - run.high;
                    self.steps[step.ilog2().min(31) as usize] += 1;
                    insert(&mut self.largest, step);
                    run.high = time;
                }
                run.low = run.low.min(time);
                run.last = time;
            }
            _ => self.runs.push(Run { line, first: time, last: time, low: time, high: time, known }),
        }
        let run = self.runs.len() - 1;
        if point.year.is_none() && is_leap_day(point.second) {
            self.leap = Some((run, time.div_euclid(YEAR)));
        }
        let full = self.spans.len() >= 4 * RUNS;
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
    }

    /// The usual step forward, if there were a few.
    fn usual(&self) -> Option<i64> {
        let all: u32 = self.steps.iter().sum();
        let mut sum = 0;
        (all >= 3).then(|| {
            let at = self.steps.iter().position(|steps| {
                sum += steps;
                sum * 2 >= all
            });
            2_i64 << at.unwrap_or(31)
        })
    }

    /// The years of all lines.
    #[must_use]
    pub fn finish(mut self, end: End) -> Walked {
        let mut doubts = Vec::new();
        // What a run's times are wrong by, as far as that is known.
        let moves = self.wrong_clocks(end, &mut doubts);
        for (run, by) in self.runs.iter_mut().zip(&moves) {
            for time in [&mut run.first, &mut run.last, &mut run.low, &mut run.high] {
                *time += by.0;
            }
        }
        let base = self.base(end, &moves);
        self.far_steps(&moves, base, &mut doubts);
        doubts.sort();
        let of = |run: &Run| if run.known { 0 } else { base };
        let mut walked = Walked { doubts, ..Walked::default() };
        for span in &self.spans {
            let times = span.times.zip(self.runs.get(span.run)).map(|((near, low, high), run)| {
                let (by, base) = (moves[span.run].0, of(run));
                let near_local = local(near + by, base);
                walked.near.push((span.offset, near_local));
                (near_local - (near - low), near_local + (high - near))
            });
            walked.spans.push((*span, times));
        }
        walked
    }

    /// The year that is 0 so far: no line is later than allowed.
    fn base(&self, end: End, moves: &[(i64, bool)]) -> i64 {
        let unknown = self.runs.iter().take_while(|run| !run.known).count();
        let limit = match self.runs.get(unknown) {
            Some(known) => local(known.first, 0) + SLACK,
            None => end.limit,
        };
        let last = self.runs[..unknown].iter().zip(moves).rev().find(|(_, (_, wrong))| !wrong);
        let Some(last) = last.map(|(run, _)| run.last).or_else(|| Some(self.runs.first()?.last)) else {
            return 0;
        };
        let year = i64::from(year_of(limit)) - last.div_euclid(YEAR);
        // A February 29 has only some years.
        let leap = self.leap.filter(|(run, _)| *run < unknown && !moves[*run].1);
        let fits = |base: i64| {
            leap.is_none_or(|(run, year)| has_leap_day(year + moves[run].0.div_euclid(YEAR) + base))
        };
        let allowed = |base: &i64| local(last, *base) <= limit;
        let bases = || (year - 8..=year).rev().filter(allowed);
        bases().find(|base| fits(*base)).or_else(|| bases().next()).unwrap_or(year)
    }

    /// Finds the runs that a wrong clock wrote; how far each run is to be moved, and whether its clock
    /// was wrong.
    fn wrong_clocks(&self, end: End, doubts: &mut Vec<Doubt>) -> Vec<(i64, bool)> {
        let runs = &self.runs;
        let mut moves = vec![(0, false); runs.len()];
        let mut moved = 0;
        let mut at = 0;
        while at + 1 < runs.len() {
            let back = (at + 2..runs.len().min(at + AHEAD)).find(|next| {
                !runs[at].known && !runs[*next].known && self.goes_on(at, *next, runs[*next].first)
            });
            // At the end of a log, it goes on with the moment of its last change.
            let end_point = end.written.map(Point::known).filter(|_| back.is_none() && !runs[at].known);
            let ends = end_point.filter(|point| {
                let now = follow(runs[runs.len() - 1].last, point.second);
                runs.len() - at <= AHEAD && !runs[runs.len() - 1].known && self.goes_on(at, runs.len(), now)
            });
            let (next, after) = match (back, ends) {
                (Some(next), _) => (next, runs[next].first),
                (None, Some(point)) => (runs.len(), follow(runs[runs.len() - 1].last, point.second)),
                (None, None) => {
                    at += 1;
                    moves[at].0 = if runs[at].known { 0 } else { moved };
                    continue;
                }
            };
            let years = (after - runs[at].last + YEAR / 2).div_euclid(YEAR) * YEAR;
            for wrong in at + 1..next {
                let reference = if is_start(&runs[wrong]) { after - years - YEAR / 2 } else { runs[at].last };
                let first = runs[wrong].first;
                let near = first - (first - reference + YEAR / 2).div_euclid(YEAR) * YEAR;
                moves[wrong] = (moved + near - first, true);
            }
            let first = &runs[at + 1];
            let end = runs.get(next).map_or(self.lines + 1, |run| run.line);
            let back = match runs.get(next) {
                Some(run) => {
                    format!("to line {}; line {} goes on where line {}", end - 1, run.line, first.line - 1)
                }
                None => format!("to the end; the file was written on where line {}", first.line - 1),
            };
            doubts.push(Doubt {
                line: first.line,
                lines: end - first.line,
                text: format!(
                    "from this line the clock shows {}, {back} with {} had stopped: taken as a clock that was \
                     wrong for a while, not as another year (--year fixes the year of the last line)",
                    day(first.first),
                    day(runs[at].last)
                ),
            });
            moved -= years;
            if let Some(moves) = moves.get_mut(next) {
                moves.0 = moved;
            }
            at = next;
        }
        moves
    }

    /// Whether what follows `next` runs at `after` goes on where run `at` had stopped, a year or more
    /// of near silence later.
    fn goes_on(&self, at: usize, next: usize, after: i64) -> bool {
        const SIX_HOURS: i64 = 6 * HOUR;
        const TEN_DAYS: i64 = 10 * DAY;
        let between = &self.runs[at + 1..next];
        let lapse = after - self.runs[at].last;
        let years = (lapse + YEAR / 2).div_euclid(YEAR);
        let (Some(first), true) = (between.first(), years > 0) else { return false };
        // A log of few lines may be silent for a year but for one day; and what goes on within the usual
        // step of a log with many lines does not do so by chance.
        let late = match self.usual() {
            Some(..=TEN_DAYS) if is_start(first) => 30 * DAY,
            Some(usual @ ..=SIX_HOURS) => (4 * usual).clamp(HOUR / 6, 12 * HOUR),
            _ => return false,
        };
        let lasted: i64 = between.iter().map(|run| run.high - run.low).sum();
        let off = lapse - years * YEAR;
        // While the clock was wrong, time went on; or it did not, where two writers take turns.
        let goes_on = |off: i64| (-HOUR..=late).contains(&off);
        goes_on(off - lasted) || (goes_on(off) && lasted <= 60 * DAY)
    }

    /// Says which steps no other step of the log comes near. Eleven months and more may as well be a
    /// step back by some weeks.
    fn far_steps(&self, moves: &[(i64, bool)], base: i64, doubts: &mut Vec<Doubt>) {
        const ELEVEN_MONTHS: i64 = 334 * DAY;
        /// So many steps may stick out, and one of so many; more are the log's way.
        const MANY: usize = 8;
        const ONE_OF: usize = 32;
        let mut before: Option<&Run> = None;
        let mut steps = Vec::new();
        for (run, (_, wrong)) in self.runs.iter().zip(moves) {
            if *wrong {
                continue;
            }
            if let Some(before) = before.filter(|before| !before.known && !run.known) {
                steps.push((run.first - before.last, run, before));
            }
            before = Some(run);
        }
        steps.sort_by_key(|(step, ..)| std::cmp::Reverse(*step));
        let lines: usize = self.steps.iter().map(|steps| *steps as usize).sum();
        let mut far = steps.partition_point(|(step, ..)| *step > ELEVEN_MONTHS);
        let many = ((lines + steps.len()) / ONE_OF).min(MANY).min(steps.len());
        for count in far + 1..=many {
            let mut others = self.largest;
            steps[count..].iter().take(others.len()).for_each(|(step, ..)| insert(&mut others, *step));
            if steps[count - 1].0 > unlikely(&others) {
                far = count;
            }
        }
        for (step, run, before) in &steps[..far] {
            doubts.push(Doubt {
                line: run.line,
                lines: run.line - 1,
                text: format!(
                    "the stamps have no year, and here they go from {} to {}: taken as {} days of silence; if the \
                     clock was set, or if it was a year more or less, the lines before this one have another year \
                     (--year)",
                    &local_text(local(before.last, base))[..16],
                    &local_text(local(run.first, base))[..16],
                    step / DAY
                ),
            });
        }
    }
}

/// The time of a place in a year that can follow another.
fn follow(last: i64, second: i64) -> i64 {
    let time = last.div_euclid(YEAR) * YEAR + second;
    match time - last {
        step if step < -SLACK => time + YEAR,
        step if step >= YEAR - SLACK => time - YEAR,
        _ => time,
    }
}

/// Puts a step among the largest.
fn insert(largest: &mut [i64; 4], step: i64) {
    if let Some(place) = largest.iter().position(|other| step > *other) {
        largest[place..].rotate_right(1);
        largest[place] = step;
    }
}

/// A step that is not to be expected where these are the largest: they say how thin the tail is.
fn unlikely(largest: &[i64; 4]) -> i64 {
    let [first, .., fourth] = *largest;
    let ratio = first.max(1) as f64 / fourth.max(1) as f64;
    ((first as f64 * ratio.powf(1.5).max(4.0)) as i64).max(2 * SLACK)
}

fn is_leap_day(second: i64) -> bool {
    (59 * DAY..60 * DAY).contains(&second)
}

fn has_leap_day(year: i64) -> bool {
    civil_from_days(days_from_civil(year, 2, 29)).1 == 2
}

/// Whether a run begins as a clock does that has nothing to begin with: on January 1 at midnight, in
/// some zone.
fn is_start(run: &Run) -> bool {
    let second = (run.first + 14 * HOUR).rem_euclid(YEAR);
    second <= 28 * HOUR
}

/// A day as stamps show it.
fn day(time: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, month, day) = civil_from_days((at_2000() + time.rem_euclid(YEAR)).div_euclid(DAY));
    format!("{} {day}", MONTHS[usize::from(month) - 1])
}

//! Clocks that were wrong: which stretches of a log they wrote, and which years remain in doubt.
//!
//! Responsible for: what the runs of a walk mean together. A clock that is wrong for a while (a machine
//! that boots without one, a relay that delivers late) looks like a year that was silent but for some
//! lines; it is known by what follows, which goes on where the log had stopped. Every step that no year
//! explains is said with its line: one back by more than a week or forward by more than eleven months,
//! one back that does not end as late lines do, a silence that no other of the log comes near (it may
//! as well be a year more), a February 29 in a year without one.
//! Must not know: files, zones, how lines became runs.
//! Tested by: `fwstat/tests/cli/clocks.rs`.

use super::rhythm::Rhythm;
use super::runs::{Doubt, End, LeapDay, Point, Run, Runs, SLACK, SetBack, follow};
use crate::sorting::InOrder as _;
use crate::time::clock::local_text;
use crate::time::dates::{DAY, YEAR, day_of, exists, local_of, year_of};

const HOUR: i64 = 3_600;
/// The longest silence that is taken as it is, without a word.
const ELEVEN_MONTHS: i64 = 334 * DAY;
/// How many runs a wrong clock may last.
const AHEAD: usize = 64;
/// Of so many places something is said.
const SAID: usize = 16;

/// The years of runs.
pub(super) struct Judged {
    /// For each run: by how much its times are to be moved, and which year is 0 then.
    pub moves: Vec<(i64, i64)>,
    /// What had to be assumed, in the order of the lines.
    pub doubts: Vec<Doubt>,
}

/// Runs that a wrong clock wrote.
#[derive(Clone, Copy)]
struct Stretch {
    /// The run before them.
    before: usize,
    /// The run after them, or how many there are.
    next: usize,
    /// When the log goes on.
    after: i64,
}

/// Finds them.
pub(super) struct Judge {
    runs: Vec<Run>,
    /// By how much each run was moved.
    moves: Vec<i64>,
    /// Whether a wrong clock wrote it.
    wrong: Vec<bool>,
    /// How many runs come before the first with a year.
    unknown: usize,
    rhythm: Rhythm,
    leap_days: Vec<LeapDay>,
    set_back: Vec<SetBack>,
    crowded: Option<u64>,
    lines: u64,
    doubts: Vec<Doubt>,
}

impl Judge {
    /// For all stamps of an input.
    #[must_use]
    pub(super) fn new(stamps: Runs) -> Judge {
        let Runs { all: runs, rhythm, lines, leap_days, set_back, crowded } = stamps;
        Judge {
            moves: vec![0; runs.len()],
            wrong: vec![false; runs.len()],
            unknown: runs.iter().take_while(|run| !run.known).count(),
            runs,
            rhythm,
            leap_days,
            set_back,
            crowded,
            lines,
            doubts: Vec::new(),
        }
    }

    /// The years of all runs.
    #[must_use]
    pub(super) fn years(mut self, end: End) -> Judged {
        self.long_silences();
        self.wrong_clocks(end);
        let far = self.far_steps();
        let base = self.base(end, &far);
        self.say_steps(base, &far);
        self.say_set_back(base);
        if let Some(line) = self.crowded {
            self.doubts.push(Doubt {
                line,
                lines: self.lines - line + 1,
                text: "from about here on time jumps too often to be followed: years may be wrong".to_owned(),
            });
        }
        let base_of = |run: &Run| if run.known { 0 } else { base };
        let moves = self.runs.iter().zip(&self.moves).map(|(run, by)| (*by, base_of(run))).collect();
        Judged { moves, doubts: few(self.doubts) }
    }

    /// Moves a run.
    fn shift(&mut self, run: usize, by: i64) {
        self.moves[run] += by;
        let run = &mut self.runs[run];
        for time in [&mut run.first, &mut run.last, &mut run.low, &mut run.high] {
            *time += by;
        }
    }

    /// Where lines are weeks apart, no step goes back by weeks: it goes forward by most of a year.
    fn long_silences(&mut self) {
        if self.rhythm.usual().is_some_and(|usual| usual <= 10 * DAY) {
            return;
        }
        let mut by = 0;
        for at in 1..self.unknown {
            // Both before they are moved.
            if self.runs[at].first < self.runs[at - 1].last - by - SLACK - DAY {
                by += YEAR;
            }
            self.shift(at, by);
        }
    }

    /// Finds the runs that a wrong clock wrote, and moves them and what follows.
    fn wrong_clocks(&mut self, end: End) {
        let stretches = self.stretches(end);
        // Where the log is silent for weeks now and then, some silences come to a year.
        let silences =
            (1..self.unknown).filter(|run| self.runs[*run].first - self.runs[run - 1].last > SLACK);
        let own = silences.count().saturating_sub(2 * stretches.len()) as u64;
        if own > 2 + self.lines / 256 {
            return;
        }
        let mut moves = vec![0; self.unknown];
        let mut moved = 0;
        for Stretch { before, next, after } in stretches {
            let years = years_of(after - self.runs[before].last) * YEAR;
            for (wrong, by) in moves.iter_mut().enumerate().take(next).skip(before + 1) {
                let run = &self.runs[wrong];
                let reference = if is_start(run) { after - years - YEAR / 2 } else { self.runs[before].last };
                *by = -years_of(run.first - reference) * YEAR;
                self.wrong[wrong] = true;
            }
            self.say_wrong(before, next);
            // All that follows is moved, so that it goes on.
            moves.iter_mut().skip(before + 1).take(next - before - 1).for_each(|by| *by += moved);
            moved -= years;
            moves.iter_mut().skip(next).for_each(|by| *by = moved);
        }
        for (run, by) in moves.into_iter().enumerate() {
            self.shift(run, by);
        }
    }

    /// Stretches after which the log goes on where it had stopped before them.
    fn stretches(&self, end: End) -> Vec<Stretch> {
        let count = self.runs.len();
        let mut stretches = Vec::new();
        let mut before = 0;
        while before + 1 < self.unknown {
            let back = (before + 2..self.unknown.min(before + AHEAD))
                .find(|next| self.goes_on(before, *next, self.runs[*next].first));
            // At the end of a log, it goes on with the moment of its last change.
            let is_end = back.is_none() && count - before <= AHEAD && self.unknown == count;
            let written = end.written.filter(|_| is_end);
            let written =
                written.map(|local| follow(self.runs[count - 1].last, Point::known(local).second, SLACK));
            let written = written.filter(|time| self.goes_on(before, count, *time));
            let stretch = match (back, written) {
                (Some(next), _) => Stretch { before, next, after: self.runs[next].first },
                (None, Some(after)) => Stretch { before, next: count, after },
                (None, None) => {
                    before += 1;
                    continue;
                }
            };
            before = stretch.next;
            stretches.push(stretch);
        }
        stretches
    }

    /// Whether what follows `next` runs at `after` goes on where run `before` had stopped: a year or more of
    /// near silence later, or at once where time had gone back.
    fn goes_on(&self, before: usize, next: usize, after: i64) -> bool {
        const SIX_HOURS: i64 = 6 * HOUR;
        const TEN_DAYS: i64 = 10 * DAY;
        let between = &self.runs[before + 1..next];
        let last = self.runs[before].last;
        let years = years_of(after - last);
        let [first, more @ ..] = between else { return false };
        let goes_back = first.first < last || after < between[between.len() - 1].last - SLACK;
        // A wrong clock that starts anew starts where it did before; any other is silent only as the log is.
        if years < 0 || (years == 0 && !goes_back) || !more.iter().all(is_start) {
            return false;
        }
        // A log of few lines may be silent for a year but for one day; and what goes on within the usual
        // step of a log with many lines does not do so by chance.
        let late = match self.rhythm.usual() {
            Some(..=TEN_DAYS) if is_start(first) => 30 * DAY,
            Some(usual @ ..=SIX_HOURS) => (4 * usual).clamp(HOUR / 6, 12 * HOUR),
            _ => return false,
        };
        let lasted: i64 = between.iter().map(|run| run.high - run.low).sum();
        let off = after - last - years * YEAR;
        // While the clock was wrong, time went on; or it did not, where two writers take turns.
        let goes_on = |off: i64| (-HOUR..=late).contains(&off);
        goes_on(off - lasted) || (goes_on(off) && lasted <= 60 * DAY)
    }

    fn say_wrong(&mut self, at: usize, next: usize) {
        let first = &self.runs[at + 1];
        let end = self.runs.get(next).map_or(self.lines + 1, |run| run.line);
        let back = match self.runs.get(next) {
            Some(run) => {
                format!("to line {}; line {} goes on where line {}", end - 1, run.line, first.line - 1)
            }
            None => format!("to the end; the file was written on where line {}", first.line - 1),
        };
        self.doubts.push(Doubt {
            line: first.line,
            lines: end - first.line,
            text: format!(
                "from this line the clock shows {}, {back} with {} had stopped: taken as a clock that was \
                 wrong for a while or as lines that came late, not as another year (--year fixes the year of the \
                 newest line)",
                day_of(first.first),
                day_of(self.runs[at].last)
            ),
        });
    }

    /// The runs that no wrong clock wrote and that have no year, each with the latest time before it.
    fn steps(&self) -> impl Iterator<Item = (usize, usize, i64)> {
        let mut before: Option<usize> = None;
        let mut front = i64::MIN;
        let trusted = (0..self.unknown).filter(|run| !self.wrong[*run]);
        trusted.filter_map(move |run| {
            let step = before.replace(run).map(|before| (run, before, front));
            front = front.max(self.runs[run].high);
            step
        })
    }

    /// The runs before which no other silence of the log is as long by far.
    fn far_steps(&self) -> Vec<usize> {
        let mut steps: Vec<(i64, usize)> =
            self.steps().map(|(run, _, front)| (self.runs[run].first - front, run)).collect();
        steps.retain(|(step, _)| *step > SLACK);
        steps.order_by_key(|(step, _)| std::cmp::Reverse(*step));
        let sizes: Vec<i64> = steps.iter().map(|(step, _)| *step).collect();
        let many = self.rhythm.clone().sticking_out(&sizes);
        steps[..many].iter().map(|(_, run)| *run).collect()
    }

    /// The year that is 0 so far: no line is later than allowed, and each February 29 is in a year that
    /// has one.
    fn base(&mut self, end: End, far: &[usize]) -> i64 {
        let base = self.latest_base(end);
        /// Years are put in for so many; a log with more has more faults than can be undone.
        const DAYS: usize = 8;
        self.leap_days.retain(|day| day.run < self.unknown && !self.wrong[day.run]);
        for day in self.leap_days.clone().into_iter().rev().take(DAYS) {
            let year = |judge: &Judge| day.year + judge.moves[day.run] / YEAR + base;
            let Some(more) = (0..8).find(|more| exists(year(self) - more, 2, 29)) else { continue };
            if more == 0 {
                continue;
            }
            // The first of them is the largest.
            let place = far.iter().find(|run| **run > day.run);
            let text = match place {
                Some(run) => format!(
                    "the stamps before line {} tell of a February 29 that is in no year unless a year more than they \
                     show has passed there: taken so",
                    self.runs[*run].line
                ),
                None => format!(
                    "a February 29, in a year that has none by the time of writing: taken as {} (--year fixes \
                     the year of the newest line)",
                    year(self) - more
                ),
            };
            self.doubts.push(Doubt {
                line: place.map_or(day.line, |run| self.runs[*run].line),
                lines: self.lines,
                text,
            });
            match place {
                Some(end) => (0..*end).for_each(|run| self.shift(run, -more * YEAR)),
                None => return base - more,
            }
        }
        base
    }

    fn latest_base(&self, end: End) -> i64 {
        let limit = match self.runs.get(self.unknown) {
            Some(known) => local_of(known.first, 0) + SLACK,
            None => end.limit,
        };
        let trusted = || self.runs[..self.unknown].iter().zip(&self.wrong).filter(|(_, wrong)| !**wrong);
        if let (Some(year), true) = (end.year, self.unknown == self.runs.len()) {
            let newest = trusted().map(|(run, _)| run.high).max();
            return newest.map_or(0, |newest| year - newest.div_euclid(YEAR));
        }
        let Some(last) = trusted().next_back().map(|(run, _)| run.last) else { return 0 };
        let year = i64::from(year_of(limit)) - last.div_euclid(YEAR);
        if local_of(last, year) <= limit { year } else { year - 1 }
    }

    /// Says which steps may be others than they are taken for.
    fn say_steps(&mut self, base: i64, far: &[usize]) {
        let mut doubts = Vec::new();
        for (run, before, _) in self.steps() {
            let (from, to) = (self.runs[before].last, self.runs[run].first);
            let (from_local, to_local) = (local_of(from, base), local_of(to, base));
            let step = to_local - from_local;
            let line = self.runs[run].line;
            let (from, to) = (&local_text(from_local)[..16], &local_text(to_local)[..16]);
            let text = if step < -SLACK {
                format!(
                    "the stamps have no year, and here they go back from {from} to {to}: taken as a clock that was \
                     set back or as lines that came late; if it was {} days of silence, the lines before this one \
                     are a year older (--year fixes the year of the newest line)",
                    365 + step / DAY
                )
            } else if step > ELEVEN_MONTHS || far.contains(&run) {
                format!(
                    "the stamps have no year, and here they go from {from} to {to}: taken as {} days of silence; if \
                     the clock was set, or if it was a year more or less, the lines before this one have another \
                     year (--year fixes the year of the newest line)",
                    step / DAY
                )
            } else {
                continue;
            };
            doubts.push(Doubt { line, lines: line - 1, text });
        }
        self.doubts.append(&mut doubts);
    }

    /// Says where a clock was set back by days.
    fn say_set_back(&mut self, base: i64) {
        for set in std::mem::take(&mut self.set_back) {
            if set.run >= self.unknown || self.wrong[set.run] {
                continue;
            }
            let text = |time: i64| local_text(local_of(time + self.moves[set.run], base));
            let doubt = Doubt {
                line: set.line,
                lines: set.line - 1,
                text: format!(
                    "the stamps have no year, and here they go back from {} to {} and on from there: taken as a \
                     clock that was set back; if it was a silence of almost a year, the lines before this one are a \
                     year older (--year fixes the year of the newest line)",
                    &text(set.from)[..16],
                    &text(set.to)[..16],
                ),
            };
            self.doubts.push(doubt);
        }
    }
}

/// The first of them; how many more there are is said with the last.
fn few(mut doubts: Vec<Doubt>) -> Vec<Doubt> {
    doubts.order();
    let more = doubts.len().saturating_sub(SAID);
    doubts.truncate(SAID);
    if let (Some(last), 1..) = (doubts.last_mut(), more) {
        last.text += &format!("; {more} more such places follow");
    }
    doubts
}

/// How many years a time is, to the nearest.
fn years_of(time: i64) -> i64 {
    (time + YEAR / 2).div_euclid(YEAR)
}

/// Whether a run begins as a clock does that has nothing to begin with: on January 1 at midnight, in
/// some zone.
fn is_start(run: &Run) -> bool {
    let second = (run.first + 14 * HOUR).rem_euclid(YEAR);
    second <= 28 * HOUR
}

//! What the stamps of a log are before their years are known: runs of lines that follow each other.
//!
//! Responsible for: the values that `walk` makes of stamps and `clocks` judges.
//! Must not know: files, zones, which year a run is of.
//! Tested by: `fwstat/tests/cli/clocks.rs`.

use logparse::Civil;

use super::rhythm::Rhythm;
use crate::time::dates::{DAY, YEAR, place_of, place_of_local};

/// How far lines may be out of order.
pub const SLACK: i64 = 7 * DAY;
/// A moment as a stamp gives it: perhaps the year, and seconds from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The year, if the stamp says it.
    pub year: Option<i64>,
    /// The place in the year.
    pub second: i64,
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

    /// A time on the scale; in year 0 if the year is not known.
    #[must_use]
    pub fn time(self) -> i64 {
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
    /// A run of one line.
    #[must_use]
    pub fn new(line: u64, time: i64, known: bool) -> Run {
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
    pub inner: i64,
    /// How many they are.
    pub lines: u64,
}

impl SetBack {
    /// Whether a time is a step forward to where the lines were before, as after lines that came late.
    #[must_use]
    pub fn returns(&self, time: i64) -> bool {
        (time - self.inner) * 4 > self.from - self.to
    }

    /// Whether they have lasted long enough to be no lines that came late.
    #[must_use]
    pub fn is_long(&self) -> bool {
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

/// All stamps of an input.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// Their runs.
    pub all: Vec<Run>,
    /// The steps forward within runs.
    pub rhythm: Rhythm,
    /// How many lines there are.
    pub lines: u64,
    /// The first February 29 of each year and run.
    pub leap_days: Vec<LeapDay>,
    /// Clocks that were set back by more than a day and less than a week.
    pub set_back: Vec<SetBack>,
    /// The line from which on there were too many runs to keep.
    pub crowded: Option<u64>,
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

/// The time of a place in a year that follows another: less than `back` before it, or after it.
#[must_use]
pub fn follow(last: i64, second: i64, back: i64) -> i64 {
    last - back + (second - (last - back)).rem_euclid(YEAR)
}

//! The lines that candidates are made of, and the bars that they must pass.
//!
//! Responsible for: what is asked of a line by every candidate: whether its source is own, whether
//! an exception covers it, in which part of the log it lies; and every constant of the model.
//! Must not know: how rules are chosen.
//! Tested by: `tests/cli/suggest.rs`.

use std::collections::BTreeMap;

use crate::analysis::noise::pattern::{Matcher, Pattern};
use crate::analysis::noise::place::Place;
use crate::analysis::noise::sighting::{Sighting, To};
use crate::analysis::noise::spread::PARTS;
use crate::analysis::noise::survey::Surveyed;

/// Source networks that no single party has: fewer can be one.
pub const CROWD: usize = 8;
/// Parts of the log in which noise comes again: what is over needs no rule.
pub const PARTS_AGAIN: u32 = PARTS as u32 / 2;
/// Different targets (effective number) that only an indiscriminate scanner has.
pub const WIDTH: f64 = 64.0;
/// Fewer lines than this are rare, and this part of the log.
const RARE: (f64, f64) = (12.0, 0.0005);
/// A rule that takes less than this part of the log is not worth its place.
const WORTH: f64 = 0.0008;
/// A scanning network has at least so many lines at odd ports, and this part of the log.
pub const SCANNER: (f64, f64) = (30.0, 0.0025);
/// An exposed link is hit at so many ports, and by this part of the log.
pub const EXPOSED: (usize, f64) = (3, 0.01);
/// A log of fewer lines is a moment: what came once in it may come again.
const SHORT: f64 = 10_000.0;
/// A crowd that is large enough to be believed within a moment.
const LARGE: usize = 32;
/// A scanner that is loud enough to be believed within a moment, as part of the log.
const LOUD: f64 = 0.1;
/// A crowd of so many networks proves an exposed link by itself.
pub const WIDE_CROWD: usize = 64;
/// What own devices do steadily, as part of the log.
pub const STEADY: f64 = 0.01;

/// What is known of the place where the rules will be asked, by family (IPv6: 1).
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// A ruleset was given.
    pub known: [bool; 2],
    /// Known connections pass before the chain is asked.
    pub answers_pass: [bool; 2],
    /// FORWARD asks the chain as well.
    pub forwards: [bool; 2],
}

impl Asked {
    /// Whether answers and ends of connections may be dropped: only after known connections pass.
    /// Where a ruleset is known, they pass before the chain or by the chain's first rule.
    #[must_use]
    pub fn answers(&self, v6: bool) -> bool {
        self.known[usize::from(v6)]
    }
}

/// Lines as evidence.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The log.
    pub log: &'a Surveyed,
    /// Where this host is.
    pub place: &'a Place,
    /// What is known of the rules.
    pub asked: Asked,
    /// Lines that the chain sees, by number in the sample.
    pub lines: Vec<u32>,
    /// Lines that no exception covers, of those.
    open: Vec<bool>,
    own: Vec<bool>,
    part: Vec<u8>,
    /// Lines of the log for one of the sample.
    pub weight: f64,
}

impl<'a> Evidence<'a> {
    /// Of a log, with these exceptions.
    #[must_use]
    pub fn new(log: &'a Surveyed, place: &'a Place, exceptions: &[Pattern], asked: Asked) -> Evidence<'a> {
        let matchers: Vec<Matcher<'_>> = exceptions.iter().map(|pattern| pattern.matcher(log)).collect();
        let sees = |seen: &Sighting| sees(log, asked, seen);
        Evidence {
            lines: (0..log.sample.len() as u32).filter(|line| sees(&log.sample[*line as usize])).collect(),
            open: log.sample.iter().map(|seen| !matchers.iter().any(|matcher| matcher.takes(seen))).collect(),
            own: log.sample.iter().map(|seen| place.is_own(log, seen)).collect(),
            part: log.sample.iter().map(|seen| log.spread.part(seen.at)).collect(),
            weight: log.weight(),
            log,
            place,
            asked,
        }
    }

    /// A line of the sample.
    #[must_use]
    pub fn seen(&self, line: u32) -> &Sighting {
        &self.log.sample[line as usize]
    }

    /// Whether its source is own.
    #[must_use]
    pub fn is_own(&self, line: u32) -> bool {
        self.own[line as usize]
    }

    /// Whether the chain sees a line.
    #[must_use]
    pub fn sees(&self, seen: &Sighting) -> bool {
        sees(self.log, self.asked, seen)
    }

    /// Lines that the chain sees and no exception covers.
    pub fn open(&self) -> impl Iterator<Item = (u32, &Sighting)> {
        self.lines.iter().filter(|line| self.open[**line as usize]).map(|line| (*line, self.seen(*line)))
    }

    /// Open lines of strangers to one host, by an outer link.
    pub fn outside(&self) -> impl Iterator<Item = (u32, &Sighting)> {
        self.open().filter(|(line, seen)| self.is_of_stranger(*line, seen))
    }

    fn is_of_stranger(&self, line: u32, seen: &Sighting) -> bool {
        !self.is_own(line) && seen.to == To::One && self.place.outer.contains(&self.log.input(seen))
    }

    /// Whether a line that the chain sees is one of those of [`Evidence::outside`].
    #[must_use]
    pub fn is_outside(&self, line: u32, seen: &Sighting) -> bool {
        self.open[line as usize] && self.is_of_stranger(line, seen)
    }

    /// In how many parts of the log some lines lie.
    #[must_use]
    pub fn parts(&self, lines: &[u32]) -> u32 {
        lines.iter().fold(0u8, |mask, line| mask | 1 << self.part[*line as usize]).count_ones()
    }

    /// Whether a crowd comes again: it is seen in most parts of the log. Of a short log, parts
    /// say nothing; a large crowd is believed.
    #[must_use]
    pub fn comes_again(&self, lines: &[u32], networks: usize) -> bool {
        self.parts(lines) >= PARTS_AGAIN || self.is_short() && networks >= LARGE
    }

    /// The same of one scanning network.
    #[must_use]
    pub fn scans_again(&self, lines: &[u32]) -> bool {
        self.parts(lines) >= PARTS_AGAIN || self.is_short() && lines.len() as f64 >= LOUD * self.all()
    }

    fn is_short(&self) -> bool {
        self.all() * self.weight < SHORT
    }

    /// Lines of the sample that the chain sees.
    #[must_use]
    pub fn all(&self) -> f64 {
        self.lines.len().max(1) as f64
    }

    /// A bar of so many lines of the log, and of this part of it, in lines of the sample.
    #[must_use]
    pub fn bar(&self, lines: f64, part: f64) -> f64 {
        (lines / self.weight).max(part * self.all())
    }

    /// Fewer lines are rare: they stay visible.
    #[must_use]
    pub fn rare(&self) -> f64 {
        self.bar(RARE.0, RARE.1)
    }

    /// Fewer lines are not worth a rule.
    #[must_use]
    pub fn worth(&self) -> f64 {
        self.rare().max(WORTH * self.all())
    }
}

/// Whether the chain sees a line.
fn sees(log: &Surveyed, asked: Asked, seen: &Sighting) -> bool {
    log.output(seen).is_none() || asked.forwards[usize::from(seen.v6)]
}

/// How many different targets some counts show: pairs of lines for one pair at the same target.
/// Twenty chosen ports give 20 however many lines there are; a scanner of everything thousands.
#[must_use]
pub fn width<K>(counts: &BTreeMap<K, u32>) -> f64 {
    let all: f64 = counts.values().map(|n| f64::from(*n)).sum();
    let same: f64 = counts.values().map(|n| f64::from(*n) * (f64::from(*n) - 1.0)).sum();
    if same == 0.0 { all * all } else { all * (all - 1.0) / same }
}

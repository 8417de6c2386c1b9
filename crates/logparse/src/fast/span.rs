//! The earliest and the latest clock of the lines that a scan read.
//!
//! Responsible for: keeping both without reading a stamp: within one envelope the texts of
//! clocks compare as the moments do.
//! Must not know: what an envelope looks like otherwise.
//! Tested by: the fuzz target `scan_equals_grammar`, `tests/suites/engines.rs`.

use core::hint::select_unpredictable;

use super::cursor::Window;
use super::head::EnvelopeTemplate;
use crate::time::Civil;

/// The first and the last moment among the [`Line::Fast`](crate::Line::Fast) lines of one envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSpan {
    /// How many lines there were.
    pub lines: u64,
    /// Where in its buffer the line with the earliest stamp begins, and the stamp.
    pub earliest: (usize, Civil),
    /// The same for the latest.
    pub latest: (usize, Civil),
}

/// Clock texts as numbers: within one envelope they compare as the moments do.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    /// Where the clock stands; `mask` covers its text.
    at: usize,
    mask: u128,
    lines: u64,
    earliest: (u128, usize),
    latest: (u128, usize),
}

impl Span {
    pub(crate) fn of(shape: &EnvelopeTemplate) -> Span {
        let (at, len) = shape.clock().unwrap_or((0, 0));
        let mask = if len == 0 { 0 } else { u128::MAX << (128 - len * 8) };
        Span { at, mask, lines: 0, earliest: (u128::MAX, 0), latest: (0, 0) }
    }

    #[inline(always)]
    pub(crate) fn note(&mut self, window: Window<'_>, offset: usize) {
        let clock = u128::from_be_bytes(*window.bytes(self.at)) & self.mask;
        self.lines += 1;
        if clock < self.earliest.0 {
            self.earliest = (clock, offset);
        }
        // Whether the second is over is not to be guessed: no jump.
        self.latest = select_unpredictable(clock > self.latest.0, (clock, offset), self.latest);
    }

    /// What was noted, if the envelope has a clock; begins anew.
    pub(crate) fn take(&mut self, shape: &EnvelopeTemplate) -> Option<TimeSpan> {
        let noted = core::mem::replace(self, Span::of(shape));
        if noted.lines == 0 {
            return None;
        }
        let (_, len) = shape.clock()?;
        let civil = |(clock, offset): (u128, usize)| {
            shape.civil_at(&clock.to_be_bytes(), len).map(|civil| (offset, civil))
        };
        Some(TimeSpan { lines: noted.lines, earliest: civil(noted.earliest)?, latest: civil(noted.latest)? })
    }
}

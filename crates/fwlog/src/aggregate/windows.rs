//! Counts by key over a time that goes on: slices of time, of which old ones are dropped or joined.
//!
//! Responsible for: which slice a moment belongs to, what a window adds up to, and how a key went through its slices.
//! Must not know: what the keys are, clocks other than the log's.
//! Tested by: the unit tests below, against exact counts.
//!
//! A window ends with the latest moment seen: that of the log, not the wall clock's.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::Hash;

use super::bounded::{Bounded, Count};

/// Which time is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// All of it, in slices that become twice as wide when there are more than so many.
    All {
        /// Slices at most.
        slices: usize,
    },
    /// The last slices of a fixed width.
    Last {
        /// Slices at most.
        slices: usize,
        /// The width of each in seconds.
        width: i64,
    },
}

/// Counts by key over a span of time.
#[derive(Clone, Debug)]
pub struct Sliced<K> {
    span: Span,
    /// Keys at most, and those of a slice.
    room: usize,
    sliced: usize,
    width: i64,
    /// By the number of the slice, the oldest first; only those in which something was counted.
    slices: VecDeque<(i64, Bounded<K>)>,
    /// Of all time, where nothing is dropped.
    all: Bounded<K>,
    /// Records older than the window when they came, or without a moment.
    outside: u64,
}

impl<K: Hash + Ord + Clone> Sliced<K> {
    /// Nothing yet: at most `room` keys are counted, `sliced` of them in each slice.
    #[must_use]
    pub fn new(span: Span, room: usize, sliced: usize) -> Sliced<K> {
        let width = match span {
            Span::All { .. } => 1,
            Span::Last { width, .. } => width.max(1),
        };
        Sliced { span, room, sliced, width, slices: VecDeque::new(), all: Bounded::new(room), outside: 0 }
    }

    /// Counts a key at a moment (local seconds); whether it was not known before. What has no moment belongs to all
    /// time, and to no slice.
    pub fn add(&mut self, key: K, moment: Option<i64>, times: u64) -> bool {
        match (self.span, moment) {
            (Span::All { .. }, Some(moment)) => {
                self.add_to_slice(key.clone(), moment, times);
                self.all.add(key, times)
            }
            (Span::All { .. }, None) => self.all.add(key, times),
            (Span::Last { .. }, Some(moment)) => self.add_to_slice(key, moment, times),
            (Span::Last { .. }, None) => {
                self.outside += times;
                false
            }
        }
    }

    fn add_to_slice(&mut self, key: K, moment: i64, times: u64) -> bool {
        let slot = moment.div_euclid(self.width);
        // Lines come in the order of time, or nearly so.
        let at = match self.slices.back() {
            Some((last, _)) if *last == slot => self.slices.len() - 1,
            _ => match self.place(slot) {
                Some(at) => at,
                None => {
                    self.outside += times;
                    return false;
                }
            },
        };
        let is_new = self.slices[at].1.add(key, times);
        if let Span::All { slices } = self.span {
            self.widen(slices);
        }
        is_new
    }

    /// Where a slice is, made if there is none; none if it is older than the window.
    fn place(&mut self, slot: i64) -> Option<usize> {
        let newest = self.slices.back().map_or(slot, |(last, _)| (*last).max(slot));
        if let Span::Last { slices, .. } = self.span {
            let oldest = newest - slices as i64 + 1;
            if slot < oldest {
                return None;
            }
            while self.slices.front().is_some_and(|(first, _)| *first < oldest) {
                self.slices.pop_front();
            }
        }
        let at = self.slices.partition_point(|(other, _)| *other < slot);
        if self.slices.get(at).is_none_or(|(other, _)| *other != slot) {
            self.slices.insert(at, (slot, Bounded::new(self.sliced)));
        }
        Some(at)
    }

    /// Makes slices twice as wide until there are at most so many from the first to the last.
    fn widen(&mut self, most: usize) {
        while let (Some((first, _)), Some((last, _))) = (self.slices.front(), self.slices.back())
            && last - first >= most as i64
        {
            self.width *= 2;
            let mut joined: VecDeque<(i64, Bounded<K>)> = VecDeque::new();
            for (slot, slice) in std::mem::take(&mut self.slices) {
                let slot = slot.div_euclid(2);
                match joined.back_mut() {
                    Some((last, own)) if *last == slot => own.merge(&slice),
                    _ => joined.push_back((slot, slice)),
                }
            }
            self.slices = joined;
        }
    }

    /// The counts of the whole window.
    #[must_use]
    pub fn sum(&self) -> Cow<'_, Bounded<K>> {
        match self.span {
            Span::All { .. } => Cow::Borrowed(&self.all),
            Span::Last { .. } => {
                let mut sum = Bounded::new(self.room);
                self.slices.iter().for_each(|(_, slice)| sum.merge(slice));
                Cow::Owned(sum)
            }
        }
    }

    /// The beginning and the end of the window (local seconds): from its first slice to the end of its last.
    #[must_use]
    pub fn bounds(&self) -> Option<(i64, i64)> {
        let (first, _) = self.slices.front()?;
        let (last, _) = self.slices.back()?;
        let first = match self.span {
            Span::All { .. } => *first,
            Span::Last { slices, .. } => last - slices as i64 + 1,
        };
        Some((first * self.width, (last + 1) * self.width))
    }

    /// The width of a slice in seconds.
    #[must_use]
    pub fn width(&self) -> i64 {
        self.width
    }

    /// Records that belong to no slice: older than the window when they came, or without a moment.
    #[must_use]
    pub fn outside(&self) -> u64 {
        self.outside
    }

    /// How often a key came in each of at most `columns` equal parts of the window, the oldest first.
    #[must_use]
    pub fn row(&self, key: &K, columns: usize) -> Vec<u64> {
        self.columns(columns, |slice| slice.get(key).certain)
    }

    /// The same of all keys together.
    #[must_use]
    pub fn totals(&self, columns: usize) -> Vec<u64> {
        self.columns(columns, Bounded::total)
    }

    fn columns(&self, columns: usize, of: impl Fn(&Bounded<K>) -> u64) -> Vec<u64> {
        let Some((from, to)) = self.bounds() else { return vec![0; columns] };
        let slots = ((to - from) / self.width).max(1);
        // A part is never narrower than a slice: else every other one would be empty.
        let columns = columns.min(usize::try_from(slots).unwrap_or(usize::MAX)).max(1);
        let mut out = vec![0; columns];
        let first = from / self.width;
        for (slot, slice) in &self.slices {
            let at = ((slot - first) * columns as i64 / slots).clamp(0, columns as i64 - 1);
            out[at as usize] += of(slice);
        }
        out
    }

    /// How often a key came in the last `seconds` of the window, by whole slices, at least one.
    #[must_use]
    pub fn recent(&self, key: &K, seconds: i64) -> Count {
        let Some((last, _)) = self.slices.back() else { return Count::default() };
        let from = last - (seconds / self.width).max(1) + 1;
        let mut sum = Count::default();
        for (_, slice) in self.slices.iter().rev().take_while(|(slot, _)| *slot >= from) {
            let Count { certain, more } = slice.get(key);
            sum = Count { certain: sum.certain + certain, more: sum.more + more };
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_time_has_few_slices_and_loses_nothing() {
        let mut sliced = Sliced::new(Span::All { slices: 16 }, 100, 100);
        for second in 0..10_000 {
            sliced.add(second % 3, Some(1_000_000 + second), 1);
        }
        assert!(sliced.slices.len() <= 16, "{}", sliced.slices.len());
        assert_eq!(sliced.sum().total(), 10_000);
        assert_eq!(sliced.totals(8).iter().sum::<u64>(), 10_000);
        assert_eq!(sliced.row(&0, 8).iter().sum::<u64>(), 3_334);
        let (from, to) = sliced.bounds().unwrap();
        assert!(from <= 1_000_000 && to >= 1_010_000 && sliced.width() * 16 >= to - from);
    }

    #[test]
    fn a_window_moves_on_and_drops_what_is_older() {
        let mut sliced = Sliced::new(Span::Last { slices: 60, width: 1 }, 100, 100);
        for second in 0..300 {
            sliced.add(second / 100, Some(second), 2);
        }
        // Seconds 240 to 299.
        assert_eq!(sliced.bounds(), Some((240, 300)));
        assert_eq!(sliced.sum().top(9), [(2, Count { certain: 120, more: 0 })]);
        assert_eq!(sliced.recent(&2, 10).certain, 20);
        // A line that is late belongs to its slice; one that is too late to none.
        assert!(!sliced.add(2, Some(250), 1));
        assert_eq!((sliced.sum().total(), sliced.outside()), (121, 0));
        assert!(!sliced.add(2, Some(200), 1));
        assert_eq!((sliced.sum().total(), sliced.outside()), (121, 1));
        // A gap empties it.
        sliced.add(7, Some(10_000), 1);
        assert_eq!(sliced.sum().total(), 1);
    }

    #[test]
    fn columns_are_never_narrower_than_slices() {
        let mut sliced = Sliced::new(Span::All { slices: 48 }, 100, 100);
        for second in 0..20 {
            sliced.add(0, Some(second), 1);
        }
        assert_eq!(sliced.row(&0, 40), vec![1; 20]);
        assert_eq!(sliced.row(&0, 10), vec![2; 10]);
        assert_eq!(Sliced::<u8>::new(Span::All { slices: 48 }, 9, 9).row(&0, 3), [0, 0, 0]);
    }

    #[test]
    fn what_has_no_moment_is_in_no_slice() {
        let mut sliced = Sliced::new(Span::All { slices: 4 }, 9, 9);
        assert!(sliced.add(1, None, 5));
        assert_eq!((sliced.sum().total(), sliced.bounds()), (5, None));
        let mut last = Sliced::new(Span::Last { slices: 4, width: 60 }, 9, 9);
        assert!(!last.add(1, None, 5));
        assert_eq!((last.sum().total(), last.outside()), (0, 5));
    }
}

//! Keys in order, each with its count in each slice of time.
//!
//! Responsible for: that table, how two are joined, and its form in a state.
//! Must not know: how records are counted, how wide a slice is.
//! Tested by: the unit tests below, those of `slices`, `fwstat/tests/cli/states.rs`.
//!
//! What a state holds is read into it as it was written and joined in one pass: no table is built to be asked once.

use super::state::{Damaged, Keys, Reader, Writer};

/// Counts by key and slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) keys: Keys,
    /// Where the counts of each key end.
    ends: Vec<usize>,
    /// The slice and the count there, in the order of slices.
    counts: Vec<(i64, u64)>,
}

impl Series {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Of any counts, each key and slice once.
    pub(super) fn of(mut all: Vec<(&[u8], i64, u64)>) -> Series {
        all.sort_unstable();
        let mut series = Series::default();
        for of_key in all.chunk_by(|a, b| a.0 == b.0) {
            series.push(of_key[0].0, of_key.iter().map(|(_, slice, count)| (*slice, *count)));
        }
        series
    }

    /// Appends a key, the counts of one slice as their sum; none without counts.
    fn push(&mut self, key: &[u8], counts: impl Iterator<Item = (i64, u64)>) {
        let start = self.counts.len();
        for (slice, count) in counts {
            match self.counts[start..].last_mut() {
                Some((last, sum)) if *last == slice => *sum += count,
                _ => self.counts.push((slice, count)),
            }
        }
        if self.counts.len() > start {
            self.keys.push(key, &[]);
            self.ends.push(self.counts.len());
        }
    }

    /// Each key with its counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[(i64, u64)])> {
        let mut start = 0;
        self.keys.iter().zip(&self.ends).map(move |(key, end)| {
            let counts = &self.counts[start..*end];
            start = *end;
            (key, counts)
        })
    }

    /// The slices, some of them more than once.
    pub(super) fn slices(&self) -> impl Iterator<Item = i64> {
        self.counts.iter().map(|(slice, _)| *slice)
    }

    /// The part of some slices, which may become others that are in the same order.
    pub(super) fn part(&self, slice: impl Fn(i64) -> Option<i64>) -> Series {
        let mut part = Series::default();
        for (key, counts) in self.iter() {
            part.push(key, counts.iter().filter_map(|(at, count)| Some((slice(*at)?, *count))));
        }
        part
    }

    /// Both together.
    pub(super) fn with(self, other: Series) -> Series {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let mut both = Series::default();
        let (mut own, mut others) = (self.iter().peekable(), other.iter().peekable());
        let mut joined = Vec::new();
        loop {
            let before = match (own.peek(), others.peek()) {
                (Some((key, _)), Some((other, _))) => key.cmp(other),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => return both,
            };
            joined.clear();
            let mut key: &[u8] = &[];
            for (from, wanted) in [(&mut own, before.is_le()), (&mut others, before.is_ge())] {
                if let Some((next, counts)) = from.next_if(|_| wanted) {
                    key = next;
                    joined.extend_from_slice(counts);
                }
            }
            if before.is_eq() {
                joined.sort_unstable();
            }
            both.push(key, joined.iter().copied());
        }
    }

    /// The places of keys by how many slices they have, then in their own order: keys that came as often have series that
    /// look alike, which packs them well.
    fn order(&self) -> Vec<std::ops::Range<usize>> {
        // A place for each length: there are few of them, and sorting would take longer than all else here.
        let mut places = Vec::new();
        let mut start = 0;
        for end in &self.ends {
            let length = end - start;
            if length >= places.len() {
                places.resize(length + 1, 0);
            }
            places[length] += 1;
            start = *end;
        }
        let mut before = 0;
        for place in &mut places {
            before += std::mem::replace(place, before);
        }
        let mut all = vec![0..0; self.ends.len()];
        let mut start = 0;
        for end in &self.ends {
            let place = &mut places[end - start];
            all[*place] = start..*end;
            *place += 1;
            start = *end;
        }
        all
    }

    /// Appends them; the keys under known ones, if there are any.
    pub(super) fn write(&self, heads: Option<&Keys>, out: &mut Writer) {
        match heads {
            Some(heads) => out.keys_under(heads, &self.keys),
            None => out.keys(&self.keys),
        }
        let order = self.order();
        let mut start = 0;
        for end in &self.ends {
            out.number((end - start) as u64);
            start = *end;
        }
        let first = self.slices().min().unwrap_or(0);
        out.signed(first);
        order.iter().for_each(|range| out.number((self.counts[range.start].0 - first) as u64));
        for range in &order {
            for pair in self.counts[range.clone()].windows(2) {
                out.number((pair[1].0 - pair[0].0) as u64);
            }
        }
        for range in order {
            self.counts[range].iter().for_each(|(_, count)| out.number(*count));
        }
    }

    /// Reads what [`Series::write`] wrote.
    ///
    /// # Errors
    /// The bytes are damaged.
    pub(super) fn read(heads: Option<&Keys>, from: &mut Reader<'_>) -> Result<Series, Damaged> {
        let keys = match heads {
            Some(heads) => from.keys_under(heads)?,
            None => from.keys()?,
        };
        let mut ends = Vec::with_capacity(keys.len());
        let mut end = 0usize;
        for length in from.numbers(keys.len())? {
            let length = usize::try_from(length).ok().filter(|length| *length > 0);
            end = length.and_then(|length| end.checked_add(length)).ok_or(Damaged("a slice is damaged"))?;
            ends.push(end);
        }
        let first = from.signed()?;
        from.has(end)?;
        let mut series = Series { keys, ends, counts: vec![(first, 0); end] };
        let step = |from: &mut Reader<'_>, slice: i64, least: u64| {
            let step = Some(from.number()?).filter(|step| *step >= least);
            let next = step.and_then(|step| slice.checked_add(i64::try_from(step).ok()?));
            next.ok_or(Damaged("a slice is damaged"))
        };
        let order = series.order();
        for range in &order {
            series.counts[range.start].0 = step(from, first, 0)?;
        }
        for range in &order {
            for at in range.start + 1..range.end {
                series.counts[at].0 = step(from, series.counts[at - 1].0, 1)?;
            }
        }
        for range in order {
            for (_, count) in &mut series.counts[range] {
                *count = from.times()?;
            }
        }
        Ok(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(all: &[(&[u8], i64, u64)]) -> Series {
        Series::of(all.to_vec())
    }

    #[test]
    fn two_are_joined_in_any_order_and_come_back() {
        let a = series(&[(b"a", 1, 1), (b"a", 3, 2), (b"c", -4, 9)]);
        let b = series(&[(b"a", 2, 5), (b"a", 3, 1), (b"b", 7, 300)]);
        let both = series(&[(b"a", 1, 1), (b"a", 2, 5), (b"a", 3, 3), (b"b", 7, 300), (b"c", -4, 9)]);
        assert_eq!(a.clone().with(b.clone()), both);
        assert_eq!(b.with(a.clone()), both);
        assert_eq!(a.clone().with(Series::default()), a);
        assert_eq!(both.part(|slice| (slice < 2).then_some(slice)), series(&[(b"a", 1, 1), (b"c", -4, 9)]));
        assert_eq!(both.part(|_| Some(0)), series(&[(b"a", 0, 9), (b"b", 0, 300), (b"c", 0, 9)]));
        let mut out = Writer::default();
        both.write(None, &mut out);
        let bytes = out.finish();
        let mut from = Reader::new(&bytes);
        assert_eq!(Series::read(None, &mut from), Ok(both));
        assert_eq!(from.finish(), Ok(()));
        for end in 0..bytes.len() {
            assert!(Series::read(None, &mut Reader::new(&bytes[..end])).is_err(), "{end}");
        }
    }
}

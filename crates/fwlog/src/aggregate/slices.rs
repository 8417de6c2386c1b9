//! How often each key occurs in each slice of time.
//!
//! Responsible for: counts by slice, all of one width, and what they add up to: in all, in a part of the time, of one key.
//! Must not know: what slices are compared for.
//! Tested by: the unit tests below, `fwstat/tests/cli/states.rs`, `fwstat/tests/cli/diff.rs`.
//!
//! Lines of a log come in the order of time, so the slice that is open is counted in at full speed. Slices are of local
//! time, so that a day begins at midnight. What comes from a state stays as it was read, beside what is counted.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use hashbrown::HashMap;

use super::series;
use super::state::{Damaged, Keys, Reader, State, Writer};
use super::{Aggregate, Counts};
use crate::input::Chunk;
use crate::record::{Field, Record};

/// So many slices that are narrower than a day: of more of them days are made.
const MOST: usize = 1_000;
const DAY: i64 = 86_400;
/// Slices that share the memory of a table, where it is bounded.
const SHARED: u64 = 8;

/// The counts of a key: of each slice in which it came.
pub type Series = Vec<(i64, u64)>;

/// Counts by key and slice of time.
#[derive(Clone, Debug)]
pub struct Slices {
    /// Nothing counted, of the same question.
    empty: Counts,
    width: i64,
    /// The slice that is counted in, and its local seconds.
    open: Counts,
    seconds: Range<i64>,
    closed: BTreeMap<i64, Counts>,
    /// And what was read, of the same slices or others.
    kept: series::Series,
    /// Of records without a known moment.
    timeless: Counts,
}

impl Slices {
    /// Slices of so many seconds, in which is counted as `empty` counts. Of hours become days if there are many.
    #[must_use]
    pub fn new(empty: Counts, width: i64) -> Slices {
        Slices {
            open: empty.clone(),
            timeless: empty.clone(),
            empty,
            width: width.max(1),
            seconds: 0..0,
            closed: BTreeMap::new(),
            kept: series::Series::default(),
        }
    }

    /// Lets the counts take about so much memory at most: see [`Counts::within`].
    #[must_use]
    pub fn within(self, bytes: Option<u64>) -> Slices {
        Slices::new(self.empty.within(bytes.map(|bytes| bytes / SHARED)), self.width)
    }

    /// The fields counted by.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        self.empty.fields()
    }

    /// The width of a slice in seconds.
    #[must_use]
    pub fn width(&self) -> i64 {
        self.width
    }

    /// The beginnings of the slices in which something was counted (local seconds).
    pub fn starts(&self) -> impl Iterator<Item = i64> {
        let all: BTreeSet<i64> = self.closed.keys().copied().chain(self.kept.slices()).collect();
        all.into_iter().map(|slice| slice * self.width)
    }

    /// The counts of all time.
    #[must_use]
    pub fn sum(&self) -> Counts {
        if self.has_bound() && !self.kept.is_empty() {
            let mut own = self.clone();
            own.spread();
            return own.sum();
        }
        let mut sum = self.timeless.clone();
        for (key, counts) in self.kept.iter() {
            sum.add_whole(key, counts.iter().map(|(_, count)| count).sum());
        }
        sum.settle();
        self.closed.values().for_each(|counts| sum.merge(counts.clone()));
        sum
    }

    /// The slices that begin before a moment (local seconds), and the others. What has no moment is in neither.
    #[must_use]
    pub fn split(&self, moment: i64) -> (Slices, Slices) {
        let part = |wanted: &dyn Fn(i64) -> bool| {
            let mut part = Slices::new(self.empty.clone(), self.width);
            let slices = self.closed.iter().filter(|(slice, _)| wanted(**slice * self.width));
            part.closed = slices.map(|(slice, counts)| (*slice, counts.clone())).collect();
            part.kept = self.kept.part(|slice| wanted(slice * self.width).then_some(slice));
            part
        };
        (part(&|start| start < moment), part(&|start| start >= moment))
    }

    /// Every key with its counts: of each slice in which it came, the beginning (local seconds) and the count.
    #[must_use]
    pub fn by_key(&self) -> HashMap<Vec<u8>, Series> {
        let series = |counts: &[(i64, u64)]| {
            counts.iter().map(|(slice, count)| (slice * self.width, *count)).collect()
        };
        self.gathered().iter().map(|(key, counts)| (key.to_vec(), series(counts))).collect()
    }

    /// One table of all slices.
    fn gathered(&self) -> Cow<'_, series::Series> {
        if self.closed.is_empty() {
            return Cow::Borrowed(&self.kept);
        }
        Cow::Owned(self.kept.clone().with(self.counted()))
    }

    /// One table of the slices that were counted in.
    fn counted(&self) -> series::Series {
        let mut keys = Keys::default();
        let mut counted = Vec::new();
        for (slice, counts) in &self.closed {
            counts.each_key(|key, count| {
                keys.push(key, &[]);
                counted.push((*slice, count));
            });
        }
        series::Series::of(
            keys.iter().zip(counted).map(|(key, (slice, count))| (key, slice, count)).collect(),
        )
    }

    /// Makes one table of all slices, as a state has it, if no keys were let go of.
    pub fn gather(&mut self) {
        if !self.has_let_go() {
            self.kept = std::mem::take(&mut self.kept).with(self.counted());
            self.closed.clear();
        }
    }

    /// Makes a table of each slice of what was read: then memory can be bounded.
    fn spread(&mut self) {
        let kept = std::mem::take(&mut self.kept);
        for (key, counts) in kept.iter() {
            for (slice, count) in counts {
                self.closed.entry(*slice).or_insert_with(|| self.empty.clone()).add_whole(key, *count);
            }
        }
        self.closed.values_mut().for_each(Counts::settle);
    }

    /// Whether memory is bounded, or was.
    fn has_bound(&self) -> bool {
        self.closed.values().chain([&self.empty, &self.timeless]).any(Counts::has_bound)
    }

    /// Whether keys were let go of.
    fn has_let_go(&self) -> bool {
        self.closed.values().chain([&self.timeless]).any(Counts::has_let_go)
    }

    /// The keys of all slices, if they are known. Of a table that was gathered or read.
    #[must_use]
    pub fn keys(&self) -> Option<&Keys> {
        (!self.has_let_go()).then_some(&self.kept.keys)
    }

    /// Makes days of slices that are narrower, if there are many: a table for each hour of years would fill the memory.
    fn widen(&mut self) {
        let closed = std::mem::take(&mut self.closed);
        for (slice, counts) in closed {
            let day = (slice * self.width).div_euclid(DAY);
            match self.closed.get_mut(&day) {
                Some(own) => own.merge(counts),
                None => {
                    self.closed.insert(day, counts);
                }
            }
        }
        let day = |slice: i64| Some((slice * self.width).div_euclid(DAY));
        self.kept = self.kept.part(day);
        self.width = DAY;
    }

    /// Closes the open slice.
    fn close(&mut self) {
        self.open.settle();
        if self.open.distinct() == 0 {
            return;
        }
        let open = std::mem::replace(&mut self.open, self.empty.clone());
        let slice = self.seconds.start.div_euclid(self.width);
        match self.closed.get_mut(&slice) {
            Some(counts) => counts.merge(open),
            None => {
                self.closed.insert(slice, open);
            }
        }
        if self.width < DAY && self.closed.len() > MOST {
            self.widen();
        }
    }

    #[cold]
    fn turn_to(&mut self, local: i64) {
        self.close();
        let start = local.div_euclid(self.width) * self.width;
        self.seconds = start..start.saturating_add(self.width);
    }
}

impl Aggregate for Slices {
    fn add(&mut self, record: &Record<'_>) {
        let Some(when) = record.when else {
            self.timeless.add(record);
            return;
        };
        let local = when.local_seconds();
        if !self.seconds.contains(&local) {
            self.turn_to(local);
        }
        self.open.add(record);
    }

    fn merge(&mut self, mut other: Slices) {
        self.settle();
        other.settle();
        for slices in [&mut *self, &mut other] {
            slices.seconds = 0..0;
        }
        if self.width != other.width {
            self.widen();
            other.widen();
        }
        if self.has_bound() || other.has_bound() {
            self.spread();
            other.spread();
        }
        for (slice, counts) in other.closed {
            match self.closed.get_mut(&slice) {
                Some(own) => own.merge(counts),
                None => {
                    self.closed.insert(slice, counts);
                }
            }
        }
        self.kept = std::mem::take(&mut self.kept).with(other.kept);
        self.timeless.merge(other.timeless);
        if self.width < DAY && self.closed.len() > MOST {
            self.widen();
        }
    }

    fn settle(&mut self) {
        self.close();
        self.timeless.settle();
    }

    fn end_of_chunk(&mut self, chunk: &Chunk<'_>) {
        self.open.end_of_chunk(chunk);
        self.timeless.end_of_chunk(chunk);
    }
}

impl State for Slices {
    fn write(&self, out: &mut Writer) {
        self.write_under(None, out);
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.read_under(None, from)
    }
}

impl Slices {
    /// Appends all keys once, with their series; keys of several values under these first values. Where a bound of memory
    /// was reached, slice by slice.
    pub fn write_under(&self, heads: Option<&Keys>, out: &mut Writer) {
        out.number(self.width as u64);
        if self.has_let_go() {
            let mut own = self.clone();
            own.spread();
            out.number(1);
            out.number(own.closed.len() as u64);
            for (slice, counts) in &own.closed {
                out.signed(*slice);
                counts.write(out);
            }
        } else {
            out.number(0);
            self.gathered().write(heads, out);
        }
        self.timeless.write(out);
    }

    /// Takes what [`Slices::write_under`] wrote under the same first values into empty ones of the same question.
    ///
    /// # Errors
    /// The bytes are none that it writes.
    pub fn read_under(&mut self, heads: Option<&Keys>, from: &mut Reader<'_>) -> Result<(), Damaged> {
        if from.number()? != self.width as u64 {
            return Err(Damaged("its slices are of another width"));
        }
        if from.number()? != 0 {
            for _ in 0..from.count()? {
                let slice = self.slice(from.signed()?)?;
                let mut counts = self.empty.clone();
                counts.read(from)?;
                self.closed.insert(slice, counts);
            }
            return self.timeless.read(from);
        }
        self.kept = series::Series::read(heads, from)?;
        if !self.kept.keys.iter().all(|key| self.empty.is_key(key)) {
            return Err(Damaged("a key is of other fields"));
        }
        let slices = [self.kept.slices().min(), self.kept.slices().max()];
        slices.into_iter().flatten().try_for_each(|slice| self.slice(slice).map(|_| ()))?;
        self.timeless.read(from)
    }

    /// The number of a slice, if there can be such a one.
    fn slice(&self, number: i64) -> Result<i64, Damaged> {
        let fits = number.checked_mul(self.width).and_then(|start| start.checked_add(self.width)).is_some();
        if fits { Ok(number) } else { Err(Damaged("a slice is damaged")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::key;
    use crate::record::{Key, Value};

    fn slices(packets: &[(i64, u64)]) -> Slices {
        let mut slices = Slices::new(Counts::by(vec![Field::of(Key::Dpt)]), 10);
        for (second, port) in packets {
            if !slices.seconds.contains(second) {
                slices.turn_to(*second);
            }
            let mut bytes = Vec::new();
            key::encode(&mut bytes, Value::Number(*port));
            slices.open.add_whole(&bytes, 1);
        }
        slices.settle();
        slices
    }

    fn kept(slices: &Slices) -> Vec<u8> {
        let mut out = Writer::default();
        slices.write(&mut out);
        out.finish()
    }

    #[test]
    fn many_hours_become_days() {
        let mut slices = Slices::new(Counts::by(vec![Field::of(Key::Dpt)]), 3_600);
        let mut bytes = Vec::new();
        key::encode(&mut bytes, Value::Number(53));
        for hour in 0..3_000 {
            slices.turn_to(hour * 3_600 + 5);
            slices.open.add_whole(&bytes, 1);
        }
        slices.settle();
        assert_eq!((slices.width(), slices.starts().count()), (DAY, 125));
        assert_eq!(slices.sum().ranked(0).total, 3_000);
        assert!(slices.by_key()[&bytes].iter().all(|(_, count)| *count == 24));
    }

    #[test]
    fn parts_in_any_order_are_the_whole_and_what_is_kept_comes_back() {
        let packets: Vec<(i64, u64)> = (0..500).map(|n| (n * 7 % 131 - 60, n as u64 % 13)).collect();
        let whole = slices(&packets);
        for order in [[0, 1, 2], [2, 0, 1]] {
            let parts: Vec<Slices> = packets.chunks(170).map(slices).collect();
            let mut all = slices(&[]);
            order.iter().for_each(|at| all.merge(parts[*at].clone()));
            assert_eq!(kept(&all), kept(&whole));
        }
        let bytes = kept(&whole);
        let mut again = slices(&[]);
        let mut from = Reader::new(&bytes);
        again.read(&mut from).unwrap();
        from.finish().unwrap();
        assert_eq!(kept(&again), bytes);
        assert_eq!(again.sum().ranked(0), whole.sum().ranked(0));
        let (before, after) = again.split(0);
        assert_eq!(before.sum().ranked(0).total + after.sum().ranked(0).total, 500);
        assert!(before.starts().all(|start| start < 0) && after.starts().all(|start| start >= 0));
        // Every shorter one is an error, none a panic.
        for end in 0..bytes.len() {
            let mut from = Reader::new(&bytes[..end]);
            assert!(slices(&[]).read(&mut from).is_err(), "{end}");
        }
    }
}

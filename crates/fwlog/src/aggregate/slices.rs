//! How often each key occurs in each slice of time.
//!
//! Responsible for: counts by slice, all of one width, and what they add up to: in all, in a part of the time, of one key.
//! Must not know: what slices are compared for.
//! Tested by: the unit tests below, `fwstat/tests/cli/states.rs`, `fwstat/tests/cli/diff.rs`.
//!
//! Lines of a log come in the order of time, so the slice that is open is counted in at full speed. Slices are of local
//! time, so that a day begins at midnight.

use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashMap;

use super::state::{Damaged, Reader, State, Writer};
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
        self.closed.keys().map(|slice| slice * self.width)
    }

    /// The counts of all time.
    #[must_use]
    pub fn sum(&self) -> Counts {
        let mut sum = self.timeless.clone();
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
            part
        };
        (part(&|start| start < moment), part(&|start| start >= moment))
    }

    /// Every key with its counts: of each slice in which it came, the beginning (local seconds) and the count.
    #[must_use]
    pub fn by_key(&self) -> HashMap<Vec<u8>, Series> {
        let mut all: HashMap<Vec<u8>, Series> = HashMap::new();
        for (slice, counts) in &self.closed {
            counts.each_key(|key, count| {
                all.entry_ref(key).or_default().push((slice * self.width, count));
            });
        }
        all
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
        if self.closed.len() > MOST && self.width < DAY {
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
        for (slice, counts) in other.closed {
            match self.closed.get_mut(&slice) {
                Some(own) => own.merge(counts),
                None => {
                    self.closed.insert(slice, counts);
                }
            }
        }
        self.timeless.merge(other.timeless);
        if self.closed.len() > MOST && self.width < DAY {
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

/// All keys once, then for each the slices in which it came and the counts there. Where a bound of memory was reached,
/// slice by slice.
impl State for Slices {
    fn write(&self, out: &mut Writer) {
        out.number(self.width as u64);
        let bounded = self.closed.values().chain([&self.timeless]).any(Counts::has_let_go);
        out.number(u64::from(bounded));
        if bounded {
            out.number(self.closed.len() as u64);
            for (slice, counts) in &self.closed {
                out.signed(*slice);
                counts.write(out);
            }
            self.timeless.write(out);
            return;
        }
        let mut all: HashMap<Vec<u8>, Series> = HashMap::new();
        for (slice, counts) in &self.closed {
            counts.each_key(|key, count| all.entry_ref(key).or_default().push((*slice, count)));
        }
        let mut all: Vec<(Vec<u8>, Series)> = all.into_iter().collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        out.keys(&all.iter().map(|(key, _)| &key[..]).collect::<Vec<_>>());
        all.iter().for_each(|(_, slices)| out.number(slices.len() as u64));
        let first = self.closed.keys().next().copied().unwrap_or(0);
        out.signed(first);
        for (_, slices) in &all {
            let mut before = first;
            for (slice, _) in slices {
                out.number((slice - before) as u64);
                before = *slice;
            }
        }
        all.iter().flat_map(|(_, slices)| slices).for_each(|(_, count)| out.number(*count));
        self.timeless.write(out);
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
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
        let keys = from.keys()?;
        if !keys.iter().all(|key| self.empty.is_key(key)) {
            return Err(Damaged("a key is of other fields"));
        }
        let lengths = keys.iter().map(|_| from.count()).collect::<Result<Vec<usize>, Damaged>>()?;
        let first = from.signed()?;
        let mut at = Vec::new();
        for length in &lengths {
            let mut slice = first;
            for _ in 0..*length {
                slice = i64::try_from(from.number()?)
                    .ok()
                    .and_then(|step| slice.checked_add(step))
                    .ok_or(Damaged("a slice is damaged"))?;
                at.push(self.slice(slice)?);
            }
        }
        let mut slices = at.into_iter();
        for (key, length) in keys.iter().zip(lengths) {
            for slice in slices.by_ref().take(length) {
                let count = from.times()?;
                self.closed.entry(slice).or_insert_with(|| self.empty.clone()).add_whole(key, count);
            }
        }
        self.timeless.read(from)
    }
}

impl Slices {
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

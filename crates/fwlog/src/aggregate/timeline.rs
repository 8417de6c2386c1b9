//! How often, over time.
//!
//! Responsible for: counts per bucket of time and key, with buckets that become wider by
//! themselves as the span grows, so that memory does not grow with the time a log covers.
//! Must not know: how a timeline is drawn.
//! Tested by: the unit tests below, `fwstat/tests/cli/timeline.rs`.
//!
//! Buckets are of local time, so that a day begins at midnight; each width divides the next.

use crate::sorting::InOrder as _;
use std::collections::HashMap;
use std::ops::Range;

use super::state::{Damaged, Reader, State, Writer};
use super::{Aggregate, key};
use crate::input::Chunk;
use crate::record::{Field, Record};

/// Widths in seconds; each divides the one behind it, and days are whole.
pub const STEPS: [i64; 10] = [1, 10, 60, 300, 1_800, 3_600, 10_800, 43_200, 86_400, 604_800];
/// More buckets than this, and they become wider.
const MOST: usize = 4_096;

/// Counts by time and key.
#[derive(Clone, Debug)]
pub struct Timeline {
    fields: Vec<Field>,
    step: i64,
    /// Whether the width may grow.
    grows: bool,
    /// All counts, and those of each key, by the number of the bucket.
    all: HashMap<i64, u64>,
    by: HashMap<Vec<u8>, HashMap<i64, u64>>,
    open: Open,
    scratch: Vec<u8>,
    /// Records without a known moment.
    timeless: u64,
    bound: Option<Bound>,
}

/// The bound of memory of a timeline, and what it cost.
#[derive(Clone, Debug)]
struct Bound {
    /// Keys and buckets of keys at most.
    room: usize,
    /// What the counts of a key may lack in all: of those that were there when keys were let go of last.
    more: HashMap<Vec<u8>, u64>,
    /// A key that is not there came at most so often.
    missed: u64,
}

/// The bucket that is counted in: lines of a log come in the order of time, so most fall where
/// the one before them fell.
#[derive(Clone, Debug, Default)]
struct Open {
    bucket: i64,
    /// The local seconds that fall into it: asked for each line, so that no line is divided by the width.
    seconds: Range<i64>,
    all: u64,
    /// The first keys that came; searched one by one, so they are few.
    by: Vec<(Vec<u8>, u64)>,
}

/// Keys of an open bucket.
const OPEN_KEYS: usize = 8;

impl Timeline {
    /// A timeline with buckets of a fixed width, or of one that suits the span.
    #[must_use]
    pub fn new(fields: Vec<Field>, step: Option<i64>) -> Timeline {
        Timeline {
            fields,
            step: step.unwrap_or(STEPS[0]),
            grows: step.is_none(),
            all: HashMap::new(),
            by: HashMap::new(),
            open: Open::default(),
            scratch: Vec::new(),
            timeless: 0,
            bound: None,
        }
    }

    /// Lets its keys take about so much memory at most. Until then counts are exact; then the least frequent keys are
    /// let go of, and it is known what the others may lack.
    #[must_use]
    pub fn within(mut self, bytes: Option<u64>) -> Timeline {
        /// What a key with one bucket takes.
        const KEY: u64 = 400;
        let room = |bytes: u64| usize::try_from(bytes / KEY).unwrap_or(usize::MAX).max(16);
        self.bound = bytes.map(|bytes| Bound { room: room(bytes), more: HashMap::new(), missed: 0 });
        self
    }

    /// How often a key can have come that is not there, if memory was bounded; 0: all are there.
    #[must_use]
    pub fn missed(&self) -> Option<u64> {
        self.bound.as_ref().map(|bound| bound.missed)
    }

    /// What all counts of a key together may lack. A key that came since keys were let go of last is not in the list.
    #[must_use]
    pub fn more(&self, key: &[u8]) -> u64 {
        self.bound.as_ref().map_or(0, |bound| bound.more.get(key).copied().unwrap_or(bound.missed))
    }

    /// Lets go of the less frequent half of the keys, if there is no room for all of them.
    fn keep_within(&mut self) {
        let Some(room) = self.bound.as_ref().map(|bound| bound.room).filter(|room| self.by.len() > room / 4)
        else {
            return;
        };
        self.settle();
        let entries: usize = self.by.values().map(HashMap::len).sum();
        let Some(bound) = self.bound.as_mut().filter(|_| entries + self.by.len() > room) else { return };
        // A key that came since keys were let go of last may have come before.
        for key in self.by.keys() {
            if !bound.more.contains_key(key) {
                bound.more.insert(key.clone(), bound.missed);
            }
        }
        let most = |key: &[u8], counts: &HashMap<i64, u64>| counts.values().sum::<u64>() + bound.more[key];
        let mut all: Vec<u64> = self.by.iter().map(|(key, counts)| most(key, counts)).collect();
        let middle = all.len() / 2;
        let bar = *all.select_nth_unstable(middle).1;
        self.by.retain(|key, counts| most(key, counts) > bar);
        bound.more.retain(|key, _| self.by.contains_key(key));
        bound.missed = bound.missed.max(bar);
    }

    /// Makes the buckets as wide as `step`, which is a multiple of their width.
    fn widen(&mut self, step: i64) {
        if step == self.step {
            return;
        }
        let ratio = step / self.step;
        let wider = |narrow: &HashMap<i64, u64>| {
            let mut wide = HashMap::new();
            for (bucket, count) in narrow {
                *wide.entry(shifted(*bucket, self.step, ratio, step)).or_default() += count;
            }
            wide
        };
        self.all = wider(&self.all);
        self.by = self.by.iter().map(|(key, counts)| (key.clone(), wider(counts))).collect();
        self.step = step;
    }

    /// Makes the buckets as wide as their number asks for: the same width in how many parts they were counted.
    fn grow(&mut self) {
        while self.grows
            && self.all.len() > MOST
            && let Some(step) = STEPS.iter().copied().find(|step| *step > self.step)
        {
            self.widen(step);
        }
    }

    /// Makes the buckets of a width that grows those of a fixed one, if they fit into them; whether they do.
    #[must_use]
    pub fn fix(&mut self, step: i64) -> bool {
        let fits = self.step == step || self.grows && step > self.step && step % self.step == 0;
        if fits {
            self.widen(step);
            self.grows = false;
        }
        fits
    }

    /// Makes the buckets wide enough for the span to fit into about `most` of them.
    pub fn fit(&mut self, most: usize) {
        if !self.grows {
            return;
        }
        let Some((first, last)) = self.span() else { return };
        let fits = |step: &i64| *step >= self.step && (last - first) / step < most as i64;
        let widest = STEPS[STEPS.len() - 1];
        self.widen(STEPS.iter().copied().find(fits).unwrap_or(widest));
    }

    /// Makes the buckets days, if they are narrower and there is a week of them or more.
    pub fn prefer_days(&mut self) {
        const DAY: i64 = 86_400;
        let days = self.span().map_or(0, |(first, last)| (last - first) / DAY);
        if self.grows && self.step < DAY && DAY % self.step == 0 && days >= 7 {
            self.widen(DAY);
        }
    }

    /// The beginning of the first and of the last bucket (local seconds).
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        let first = self.all.keys().min()?;
        let last = self.all.keys().max()?;
        Some((self.start(*first), self.start(*last)))
    }

    /// Leaves out the few packets that lie so far from all others that these would be one bucket of the picture: a
    /// clock was wrong. Gives back how many they were. Buckets that a user chose keep all.
    pub fn leave_out_outliers(&mut self) -> u64 {
        /// Of so many packets one may be an outlier.
        const AMONG: u64 = 200;
        /// The others must be so many times closer together.
        const CLOSER: i64 = 20;
        if !self.grows {
            return 0;
        }
        let mut buckets: Vec<(i64, u64)> = self.all.iter().map(|(bucket, count)| (*bucket, *count)).collect();
        buckets.order();
        let total: u64 = buckets.iter().map(|(_, count)| count).sum();
        let most = (total / AMONG).max(u64::from(total > 20));
        let span = |buckets: &[(i64, u64)]| match buckets {
            [first, .., last] => last.0 - first.0,
            _ => 0,
        };
        let whole = span(&buckets);
        let (mut core, mut left, mut best) = (&buckets[..], 0, None);
        // Take from the end with the larger gap, as long as few are taken.
        while let [first, second, .., before, last] = core {
            let (at_start, at_end) = (second.0 - first.0, last.0 - before.0);
            left += if at_start >= at_end { first.1 } else { last.1 };
            if left > most {
                break;
            }
            core = if at_start >= at_end { &core[1..] } else { &core[..core.len() - 1] };
            if span(core) * CLOSER < whole {
                best = Some((core[0].0, core[core.len() - 1].0, left));
                break;
            }
        }
        let Some((first, last, left)) = best else { return 0 };
        self.all.retain(|bucket, _| (first..=last).contains(bucket));
        self.by.values_mut().for_each(|counts| counts.retain(|bucket, _| (first..=last).contains(bucket)));
        self.by.retain(|_, counts| !counts.is_empty());
        left
    }

    /// The width of a bucket in seconds.
    #[must_use]
    pub fn step(&self) -> i64 {
        self.step
    }

    /// The fields counted by.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Records without a known moment.
    #[must_use]
    pub fn timeless(&self) -> u64 {
        self.timeless
    }

    /// The beginnings of all buckets from the first to the last, empty ones included; at most
    /// `most` of them, from the first on.
    #[must_use]
    pub fn starts(&self, most: usize) -> Vec<i64> {
        let (Some(first), Some(last)) = (self.all.keys().min(), self.all.keys().max()) else {
            return Vec::new();
        };
        (*first..=*last).take(most).map(|bucket| self.start(bucket)).collect()
    }

    /// All counts in a bucket that begins at `start`.
    #[must_use]
    pub fn at(&self, start: i64) -> u64 {
        self.all.get(&bucket(start, self.step)).copied().unwrap_or(0)
    }

    /// The keys with their counts over all time, the largest first; ties by key.
    #[must_use]
    pub fn ranked(&self) -> Vec<(Vec<u8>, u64)> {
        let mut all: Vec<(Vec<u8>, u64)> =
            self.by.iter().map(|(key, counts)| (key.clone(), counts.values().sum())).collect();
        all.order_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all
    }

    /// The count of a key in a bucket that begins at `start`.
    #[must_use]
    pub fn of(&self, key: &[u8], start: i64) -> u64 {
        let counts = self.by.get(key).and_then(|counts| counts.get(&bucket(start, self.step)));
        counts.copied().unwrap_or(0)
    }

    fn start(&self, bucket: i64) -> i64 {
        bucket * self.step + shift(self.step)
    }
}

/// Weeks begin on Monday; 1970-01-01 was a Thursday.
fn shift(step: i64) -> i64 {
    if step % 604_800 == 0 { -3 * 86_400 } else { 0 }
}

fn bucket(local: i64, step: i64) -> i64 {
    (local - shift(step)).div_euclid(step)
}

/// The wider bucket that a narrow one lies in.
fn shifted(narrow: i64, step: i64, ratio: i64, wide: i64) -> i64 {
    if shift(step) == shift(wide) {
        narrow.div_euclid(ratio)
    } else {
        bucket(narrow * step + shift(step), wide)
    }
}

impl Aggregate for Timeline {
    fn add(&mut self, record: &Record<'_>) {
        let Some(when) = record.when else {
            self.timeless += record.times();
            return;
        };
        let (local, times) = (when.local_seconds(), record.times());
        if !self.open.seconds.contains(&local) {
            self.settle();
            // Which may have made them wider.
            let bucket = bucket(local, self.step);
            let first = self.start(bucket);
            self.open = Open { bucket, seconds: first..first.saturating_add(self.step), ..Open::default() };
        }
        let bucket = self.open.bucket;
        self.open.all += times;
        if self.fields.is_empty() {
            return;
        }
        self.scratch.clear();
        for field in &self.fields {
            key::encode(&mut self.scratch, field.value(record));
        }
        let by = &mut self.open.by;
        match by.iter().position(|(key, _)| *key == self.scratch) {
            Some(at) => by[at].1 += times,
            None if by.len() < OPEN_KEYS => by.push((self.scratch.clone(), times)),
            None => add_to(&mut self.by, &self.scratch, bucket, times),
        }
    }

    /// Closes the open bucket.
    fn settle(&mut self) {
        let Open { bucket, all, by, .. } = std::mem::take(&mut self.open);
        if all == 0 {
            return;
        }
        *self.all.entry(bucket).or_default() += all;
        for (key, count) in by {
            add_to(&mut self.by, &key, bucket, count);
        }
        self.grow();
    }

    fn merge(&mut self, mut other: Timeline) {
        self.settle();
        other.settle();
        let missed = self.missed().unwrap_or(0) + other.missed().unwrap_or(0);
        if missed > 0 {
            let keys = self.by.keys().chain(other.by.keys());
            let more = keys.map(|key| (key.clone(), self.more(key) + other.more(key))).collect();
            let room = [&self.bound, &other.bound].into_iter().flatten().map(|bound| bound.room).max();
            self.bound = Some(Bound { room: room.unwrap_or(0), missed, more });
        }
        let step = self.step.max(other.step);
        self.widen(step);
        other.widen(step);
        for (bucket, count) in other.all {
            *self.all.entry(bucket).or_default() += count;
        }
        for (key, counts) in other.by {
            let own = self.by.entry(key).or_default();
            for (bucket, count) in counts {
                *own.entry(bucket).or_default() += count;
            }
        }
        self.timeless += other.timeless;
        self.grow();
        self.keep_within();
    }

    fn end_of_chunk(&mut self, _chunk: &Chunk<'_>) {
        self.keep_within();
    }
}

/// The width; the buckets and their counts; the same of each key; what counts may lack, where memory was bounded.
impl State for Timeline {
    fn write(&self, out: &mut Writer) {
        fn buckets(out: &mut Writer, counts: &HashMap<i64, u64>) {
            let mut all: Vec<(i64, u64)> = counts.iter().map(|(bucket, count)| (*bucket, *count)).collect();
            all.order();
            out.number(all.len() as u64);
            let mut before = 0;
            for (bucket, _) in &all {
                out.signed(bucket.wrapping_sub(before));
                before = *bucket;
            }
            all.iter().for_each(|(_, count)| out.number(*count));
        }
        out.number(self.step as u64);
        buckets(out, &self.all);
        let mut keys: Vec<(&Vec<u8>, &HashMap<i64, u64>)> = self.by.iter().collect();
        keys.order_by_key(|(key, _)| *key);
        out.keys(&keys.iter().map(|(key, _)| &key[..]).collect());
        keys.iter().for_each(|(_, counts)| buckets(out, counts));
        out.number(self.timeless);
        let missed = self.missed().unwrap_or(0);
        out.number(missed);
        if missed > 0 {
            keys.iter().for_each(|(key, _)| out.number(self.more(key)));
        }
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        fn buckets(from: &mut Reader<'_>) -> Result<HashMap<i64, u64>, Damaged> {
            let len = from.count()?;
            let mut bucket = 0i64;
            let all = (0..len).map(|_| {
                bucket = bucket.wrapping_add(from.signed()?);
                Ok(bucket)
            });
            let all = all.collect::<Result<Vec<i64>, Damaged>>()?;
            all.into_iter().map(|bucket| Ok((bucket, from.times()?))).collect()
        }
        let step = i64::try_from(from.number()?).unwrap_or(0);
        let known = if self.grows { STEPS.contains(&step) } else { step == self.step };
        if !known {
            return Err(Damaged("its buckets are of another width"));
        }
        self.step = step;
        self.all = buckets(from)?;
        let keys = from.keys()?;
        for key in keys.iter() {
            if key::cells(key) != Some(self.fields.len()) {
                return Err(Damaged("a key is of other fields"));
            }
            self.by.insert(key.to_vec(), buckets(from)?);
        }
        self.timeless = from.times()?;
        let missed = from.times()?;
        if missed > 0 {
            let room = self.bound.as_ref().map_or(0, |bound| bound.room).max(4 * keys.len());
            let more =
                keys.iter().map(|key| Ok((key.to_vec(), from.times()?))).collect::<Result<_, Damaged>>()?;
            self.bound = Some(Bound { room, more, missed });
        }
        // Moments far from all that can be shown would overflow where buckets are drawn.
        let far = |counts: &HashMap<i64, u64>| {
            counts
                .keys()
                .any(|bucket| bucket.checked_mul(step).is_none_or(|start| start.abs() > i64::MAX / 4))
        };
        if far(&self.all) || self.by.values().any(far) { Err(Damaged("a bucket is damaged")) } else { Ok(()) }
    }
}

fn add_to(by: &mut HashMap<Vec<u8>, HashMap<i64, u64>>, key: &[u8], bucket: i64, count: u64) {
    let buckets = match by.get_mut(key) {
        Some(buckets) => buckets,
        None => by.entry(key.to_vec()).or_default(),
    };
    *buckets.entry(bucket).or_default() += count;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_divide_each_other() {
        for pair in STEPS.windows(2) {
            assert_eq!(pair[1] % pair[0], 0, "{pair:?}");
            // So that a thread's width is never wider than what fits in the end.
            assert!(pair[1] / pair[0] <= 10, "{pair:?}");
        }
    }

    #[test]
    fn keys_that_are_let_go_of_are_known_by_what_others_may_lack() {
        let timeline = || Timeline::new(Vec::new(), Some(1)).within(Some(400 * 64));
        let mut exact: HashMap<Vec<u8>, u64> = HashMap::new();
        let mut parts = [timeline(), timeline(), timeline()];
        for n in 0..3_000u64 {
            let part = &mut parts[(n / 1_000) as usize];
            let key = if n % 3 == 0 { vec![0, (n % 4) as u8] } else { n.to_be_bytes().to_vec() };
            add_to(&mut part.by, &key, (n % 5) as i64, 1);
            *exact.entry(key).or_default() += 1;
            part.keep_within();
            assert!(part.by.len() <= 65);
        }
        let [mut all, second, third] = parts;
        all.merge(second);
        all.merge(third);
        assert!(all.missed().is_some_and(|missed| missed > 0));
        for (key, count) in exact {
            let of: u64 = all.by.get(&key).map_or(0, |counts| counts.values().sum());
            let most = all.by.get(&key).map_or(all.missed().unwrap(), |_| of + all.more(&key));
            assert!((of..=most).contains(&count), "{key:?}: {of}, {count}, {most}");
        }
        assert_eq!(all.ranked()[0].0[0], 0);
    }

    #[test]
    fn widening_keeps_the_counts_in_their_time() {
        let mut timeline = Timeline::new(Vec::new(), None);
        for second in [0, 9, 10, 59, 60, 86_399, 86_400, 5 * 86_400] {
            timeline.all.insert(second, 1);
        }
        for step in &STEPS[1..] {
            timeline.widen(*step);
            assert_eq!(timeline.all.values().sum::<u64>(), 8);
        }
        // Monday, December 29, 1969 and Monday, January 5, 1970.
        assert_eq!(timeline.starts(9), [-3 * 86_400, 4 * 86_400]);
        assert_eq!((timeline.at(-3 * 86_400), timeline.at(4 * 86_400)), (7, 1));
    }
}

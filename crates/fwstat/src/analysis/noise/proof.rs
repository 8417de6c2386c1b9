//! The proof: every line of the log goes through the ruleset with the new rules in it.
//!
//! Responsible for: what each rule takes after those before it, from how many sources, when,
//! with samples; and every line taken that must stay visible, itemised.
//! Must not know: how rules came about.
//! Tested by: `tests/cli/suggest.rs`, on labelled logs and against a real kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;

use super::Why;
use super::classes::{Classes, Remembered};
use super::ground::{Fronts, Ground, Kept, Way, number};
use super::known::Known;
use super::packet::Glance;
use super::site::{Answer, Asker};
use super::sources::Lines;
use super::tally::seconds;
use crate::aggregate::Aggregate;
use crate::record::Record;

/// How many different addresses: exact up to a limit, then a close guess.
///
/// Keeps the smallest hashes (Bar-Yossef et al., 2002): with 16,384 of them the standard error
/// is 0.8 %. Nothing depends on the order.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    hashes: hashbrown::HashSet<u64, BuildHasherDefault<Itself>>,
    /// Nothing above it is kept.
    limit: Option<u64>,
}

const HASHES: usize = 1 << 14;

/// The hash of a hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct Itself(u64);

impl Hasher for Itself {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A hash without a seed: the guess is the same on every run. (The mixer of SplitMix64.)
#[inline]
fn mixed(number: u128) -> u64 {
    let step = |word: u64| {
        let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    };
    step(step((number >> 64) as u64).wrapping_add(number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15))
}

impl Distinct {
    #[inline]
    fn add(&mut self, addr: IpAddr) {
        self.put(mixed(number(addr)));
    }

    #[inline]
    fn put(&mut self, hash: u64) {
        if self.limit.is_none_or(|limit| hash <= limit)
            && self.hashes.insert(hash)
            && self.hashes.len() >= 2 * HASHES
        {
            self.prune();
        }
    }

    fn prune(&mut self) {
        if self.hashes.len() > HASHES {
            let mut all: Vec<u64> = self.hashes.iter().copied().collect();
            let (_, last, _) = all.select_nth_unstable(HASHES - 1);
            let last = *last;
            self.hashes.retain(|hash| *hash <= last);
            self.limit = Some(last);
        }
    }

    fn merge(&mut self, other: Distinct) {
        self.limit = match (self.limit, other.limit) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if let Some(limit) = self.limit {
            self.hashes.retain(|hash| *hash <= limit);
        }
        for hash in other.hashes {
            self.put(hash);
        }
    }

    /// How many, and whether that is exact.
    #[must_use]
    pub fn count(&self) -> (u64, bool) {
        let mut own = self.clone();
        own.prune();
        match own.limit {
            None => (own.hashes.len() as u64, true),
            Some(limit) => {
                let part = (limit as f64 + 1.0) / (u64::MAX as f64 + 1.0);
                (((HASHES - 1) as f64 / part).round() as u64, false)
            }
        }
    }
}

/// Lines shown of each rule.
pub const SAMPLES: usize = 5;

/// Interfaces remembered of each rule.
const INPUTS: usize = 8;

/// Lines as they stood in the file, the earliest.
pub type Samples = BTreeSet<(i64, Vec<u8>)>;

#[inline]
fn sample(samples: &mut Samples, when: i64, raw: &[u8]) {
    if samples.len() >= SAMPLES
        && let Some((last, text)) = samples.last()
        && (*last, &text[..]) <= (when, raw)
    {
        return;
    }
    samples.insert((when, raw.to_vec()));
    if samples.len() > SAMPLES {
        samples.pop_last();
    }
}

/// What one rule takes.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Lines, after the rules before it.
    pub seen: Lines,
    /// Lines that it may take as well: they do not tell enough.
    pub maybe: u64,
    /// Their sources.
    pub sources: Distinct,
    /// The earliest.
    pub samples: Samples,
    /// Interfaces that they came in by, eight at most.
    pub inputs: BTreeSet<Vec<u8>>,
    /// Lines among them that must stay visible.
    pub hides: BTreeMap<Why, (u64, Samples)>,
}

/// What the rules do with a line, and why it must stay visible, if it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    answer: Answer,
    signal: Option<Why>,
    v6: bool,
}

/// One pass of proof.
#[derive(Debug)]
pub struct Proof<'g> {
    ground: &'g Ground,
    known: &'g Known,
    asker: Asker<'g>,
    fronts: Fronts,
    /// By class of line, the number of its verdict.
    remembered: Remembered<'g, usize>,
    /// The verdicts, and the lines of each until they are settled.
    verdicts: Vec<(Verdict, u64)>,
    /// Rule by rule, of IPv4 and of IPv6: each ruleset numbers its own.
    pub rules: [Vec<Taken>; 2],
    /// All lines.
    pub before: u64,
    /// Lines that rules take that were there.
    pub old: u64,
    /// Lines of which the replay cannot tell.
    pub unknown: u64,
    /// Lines that are noise, whether a rule takes them or not.
    pub noise: u64,
    /// Lines that remain, by reason; `None`: noise for which there is no rule.
    pub remain: BTreeMap<Option<Why>, u64>,
}

impl<'g> Proof<'g> {
    /// Nothing yet; `many` are the numbers of new rules of IPv4 and of IPv6.
    #[must_use]
    pub fn new(
        ground: &'g Ground,
        known: &'g Known,
        (asker, classes): (Asker<'g>, Option<&'g Classes>),
        many: [usize; 2],
    ) -> Proof<'g> {
        Proof {
            ground,
            known,
            asker,
            fronts: Fronts::default(),
            remembered: Remembered::new(classes),
            verdicts: Vec::new(),
            rules: many.map(|many| vec![Taken::default(); many]),
            before: 0,
            old: 0,
            unknown: 0,
            noise: 0,
            remain: BTreeMap::new(),
        }
    }

    /// The verdict on a line, by its number.
    fn verdict(&mut self, record: &Record<'_>) -> usize {
        let Proof { ground, known, asker, fronts, remembered, verdicts, rules, .. } = self;
        remembered.get(record, |record| {
            let answer = asker.ask(record);
            let packet = &record.entry.packet;
            let v6 = matches!(packet.datagram.network, logparse::Network::Ipv6(_));
            let front = fronts.of(record, ground);
            let signal = match (front.way, front.kept) {
                (Way::Out, _) => Some(Why::Sent),
                (Way::Through, _) => Some(Why::Forwarded),
                (Way::In, Some(Kept::NearHit)) => Some(Why::NearHit),
                (Way::In, Some(Kept::LetIn)) => Some(Why::LetIn),
                (Way::In, None) => match Glance::of(record) {
                    Some(glance) => known.signal(ground, &glance),
                    None => Some(Why::Rare),
                },
            };
            if let Answer::New(rule) = answer
                && let Some(taken) = rules[usize::from(v6)].get_mut(rule)
                && !taken.inputs.contains(packet.input)
            {
                taken.inputs.insert(packet.input.to_vec());
                if taken.inputs.len() > INPUTS {
                    taken.inputs.pop_last();
                }
            }
            let verdict = Verdict { answer, signal, v6 };
            verdicts.iter().position(|(known, _)| *known == verdict).unwrap_or_else(|| {
                verdicts.push((verdict, 0));
                verdicts.len() - 1
            })
        })
    }
}

impl Aggregate for Proof<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let times = record.times();
        let number = self.verdict(record);
        let (Verdict { answer, signal, v6 }, lines) = &mut self.verdicts[number];
        *lines += times;
        let (rule, taken) = match *answer {
            Answer::New(rule) => (rule, true),
            Answer::Maybe(rule) => (rule, false),
            _ => return,
        };
        let Some(place) = self.rules[usize::from(*v6)].get_mut(rule) else { return };
        let moment = record.when.map_or(i64::MAX, |when| when.utc);
        if taken {
            place.seen.add(times, seconds(record));
            let src = match record.scanned() {
                Some(scanned) => Some(scanned.src()),
                None => record.entry.packet.src(),
            };
            if let Some(src) = src {
                place.sources.add(src);
            }
            sample(&mut place.samples, moment, record.raw);
        } else {
            place.maybe += times;
        }
        // What may be hidden counts as hidden.
        if let Some(why) = signal {
            let (lines, samples) = place.hides.entry(*why).or_default();
            *lines += times;
            sample(samples, moment, record.raw);
        }
    }

    fn settle(&mut self) {
        for (Verdict { answer, signal, .. }, lines) in std::mem::take(&mut self.verdicts) {
            self.before += lines;
            if let Answer::Old(_) = answer {
                self.old += lines;
                continue;
            }
            if signal.is_none() {
                self.noise += lines;
            }
            if !matches!(answer, Answer::New(_)) {
                *self.remain.entry(signal).or_default() += lines;
            }
            if matches!(answer, Answer::Maybe(_) | Answer::Unknown) {
                self.unknown += lines;
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (own, other) in self.rules.iter_mut().flatten().zip(other.rules.into_iter().flatten()) {
            own.seen.join(other.seen);
            own.maybe += other.maybe;
            own.sources.merge(other.sources);
            for (when, raw) in other.samples {
                sample(&mut own.samples, when, &raw);
            }
            own.inputs.extend(other.inputs);
            while own.inputs.len() > INPUTS {
                own.inputs.pop_last();
            }
            for (why, (lines, samples)) in other.hides {
                let place = own.hides.entry(why).or_default();
                place.0 += lines;
                for (when, raw) in samples {
                    sample(&mut place.1, when, &raw);
                }
            }
        }
        self.before += other.before;
        self.old += other.old;
        self.unknown += other.unknown;
        self.noise += other.noise;
        for (why, lines) in other.remain {
            *self.remain.entry(why).or_default() += lines;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_counted_and_many_are_guessed() {
        let count = |range: std::ops::Range<u32>| {
            let mut distinct = Distinct::default();
            range.for_each(|n| distinct.add(IpAddr::V4(n.into())));
            distinct
        };
        assert_eq!(count(0..10_000).count(), (10_000, true));
        let (guess, exact) = count(0..1_000_000).count();
        assert!(!exact && (970_000..1_030_000).contains(&guess), "{guess}");
        let (mut left, right) = (count(0..600_000), count(400_000..1_000_000));
        left.merge(right);
        assert_eq!(left.count(), (guess, false));
    }
}

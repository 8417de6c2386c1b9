//! The proof: every line of the log goes through the ruleset with the new rules in it.
//!
//! Responsible for: what each rule takes after those before it, from how many sources, when,
//! with samples; and every line taken that must stay visible, itemised.
//! Must not know: how rules came about.
//! Tested by: `tests/cli/suggest.rs`, on labelled logs and against a real kernel.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hasher as _};

use super::noise::{Known, Why};
use super::noise_ground::{Answer, Asker, Ground, Kept};
use super::noise_tally::{Kind, Lines, link_only, seconds, to_many};
use crate::aggregate::Aggregate;
use crate::record::Record;

/// How many different addresses: exact up to a limit, then a close guess.
///
/// Keeps the smallest hashes (Bar-Yossef et al., 2002): with 16,384 of them the standard error
/// is 0.8 %. Nothing depends on the order.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    hashes: HashSet<u64>,
    /// Nothing above it is kept.
    limit: Option<u64>,
}

const HASHES: usize = 1 << 14;

impl Distinct {
    fn add(&mut self, value: impl std::hash::Hash) {
        // Without a seed: the guess is the same on every run.
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        self.put(hasher.finish());
    }

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

/// One pass of proof.
#[derive(Debug)]
pub struct Proof<'g> {
    ground: &'g Ground,
    known: &'g Known,
    asker: Asker<'g>,
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
    /// Nothing yet.
    #[must_use]
    pub fn new(ground: &'g Ground, known: &'g Known, asker: Asker<'g>, v4: usize, v6: usize) -> Proof<'g> {
        Proof {
            ground,
            known,
            asker,
            rules: [vec![Taken::default(); v4], vec![Taken::default(); v6]],
            before: 0,
            old: 0,
            unknown: 0,
            noise: 0,
            remain: BTreeMap::new(),
        }
    }

    /// Why a line must stay visible, if it must.
    fn signal(&self, record: &Record<'_>) -> Option<Why> {
        let packet = &record.entry.packet;
        if packet.input.is_empty() {
            return Some(Why::Sent);
        }
        if !packet.output.is_empty() {
            return Some(Why::Forwarded);
        }
        match self.ground.kept(record.prefix()) {
            Some(Kept::NearHit) => return Some(Why::NearHit),
            Some(Kept::LetIn) => return Some(Why::LetIn),
            None => {}
        }
        let (Some(src), Some(dst)) = (packet.src(), packet.dst()) else { return Some(Why::Rare) };
        let many = to_many(packet, dst);
        let kind = Kind::of(packet, many.is_some());
        let many = many.or(link_only(src.is_ipv6(), kind));
        self.known.signal(self.ground, kind, many.is_some(), src)
    }
}

impl Aggregate for Proof<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let times = record.times();
        self.before += times;
        let packet = &record.entry.packet;
        let when = seconds(record);
        let cut = record.entry.completeness() != logparse::Completeness::Whole;
        let answer = self.asker.ask(packet, Some(i64::from(when)), cut);
        if let Answer::Old(_) = answer {
            self.old += times;
            return;
        }
        let signal = self.signal(record);
        if signal.is_none() {
            self.noise += times;
        }
        let rule = match answer {
            Answer::New(rule) => rule,
            Answer::Maybe(rule) => {
                self.unknown += times;
                *self.remain.entry(signal).or_default() += times;
                let family = usize::from(matches!(packet.datagram.network, logparse::Network::Ipv6(_)));
                let Some(taken) = self.rules[family].get_mut(rule) else { return };
                taken.maybe += times;
                let moment = record.when.map_or(i64::MAX, |when| when.utc);
                // What may be hidden counts as hidden.
                if let Some(why) = signal {
                    let (lines, samples) = taken.hides.entry(why).or_default();
                    *lines += times;
                    sample(samples, moment, record.raw);
                }
                return;
            }
            Answer::Unknown => {
                self.unknown += times;
                *self.remain.entry(signal).or_default() += times;
                return;
            }
            _ => {
                *self.remain.entry(signal).or_default() += times;
                return;
            }
        };
        let family = usize::from(matches!(packet.datagram.network, logparse::Network::Ipv6(_)));
        let Some(taken) = self.rules[family].get_mut(rule) else { return };
        taken.seen.join(Lines { lines: times, first: when, last: when });
        if let Some(src) = packet.src() {
            taken.sources.add(src);
        }
        if !taken.inputs.contains(packet.input) {
            taken.inputs.insert(packet.input.to_vec());
            if taken.inputs.len() > INPUTS {
                taken.inputs.pop_last();
            }
        }
        let moment = record.when.map_or(i64::MAX, |when| when.utc);
        sample(&mut taken.samples, moment, record.raw);
        if let Some(why) = signal {
            let (lines, samples) = taken.hides.entry(why).or_default();
            *lines += times;
            sample(samples, moment, record.raw);
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
            range.for_each(|n| distinct.add(n));
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

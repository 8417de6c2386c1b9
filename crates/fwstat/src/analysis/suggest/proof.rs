//! The proof: every line of the log goes through the ruleset with the new rules in it.
//!
//! Responsible for: what each rule takes after those before it, from how many sources, when,
//! with samples; and every line taken that must stay visible, itemised. One pass answers for
//! every choice of the new rules: of each line it is also kept which of them would take it
//! next, and what would become of it without any.
//! Must not know: how rules came about.
//! Tested by: `tests/cli/suggest.rs`, on labelled logs and against a real kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;

use fwrules::{Context, Rule, RuleId, Target, Tri};
use hashbrown::HashMap;
use logparse::{Completeness, Network};

use super::classes::{Classes, Remembered};
use super::lines::{Lines, Why, seconds};
use super::signals::Signals;
use super::site::{Answer, Asker, Judge};
use crate::analysis::noise::address::number;
use crate::analysis::noise::links;
use crate::analysis::noise::sighting::{Doubt, doubt};
use fwlog::aggregate::Aggregate;
use fwlog::record::Record;
use fwlog::time::clock::NANOS;

/// How many different addresses: exact up to a limit, then a close guess.
///
/// Keeps the smallest hashes (Bar-Yossef et al., 2002): with 16,384 of them the standard error
/// is 0.8 %. Nothing depends on the order.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    hashes: hashbrown::HashSet<u64, BuildHasherDefault<Itself>>,
    /// Nothing above it is kept.
    limit: Option<u64>,
    /// What was not looked up yet: together it takes less time.
    waiting: Vec<u64>,
}

/// Hashes looked up together.
const WAITING: usize = 32;

const HASHES: usize = 1 << 14;
/// As many as a table of 2^15 places holds.
const MOST_HASHES: usize = 7 << 12;

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

/// A hash without a seed: the guess is the same on every run.
#[inline]
fn mixed(high: u64, low: u64) -> u64 {
    links::mixed(links::mixed(high).wrapping_add(low).wrapping_add(0x9e37_79b9_7f4a_7c15))
}

/// The hash of an IPv4 address: that of its number, of which half is known.
#[inline]
fn mixed_v4(addr: u32) -> u64 {
    mixed(0, 0xffff_0000_0000 | u64::from(addr))
}

/// The hash of an address's number.
#[inline]
fn mixed_addr(addr: IpAddr) -> u64 {
    let number = number(addr);
    mixed((number >> 64) as u64, number as u64)
}

impl Distinct {
    #[inline]
    fn put(&mut self, hash: u64) {
        if self.limit.is_none_or(|limit| hash <= limit) {
            self.waiting.push(hash);
            if self.waiting.len() == WAITING {
                self.settle();
            }
        }
    }

    /// Takes an address into account.
    pub fn add(&mut self, addr: IpAddr) {
        self.put(match addr {
            IpAddr::V4(addr) => mixed_v4(addr.to_bits()),
            addr @ IpAddr::V6(_) => mixed_addr(addr),
        });
    }

    /// Looks up what was not yet. Needed before anything is joined or asked.
    fn settle(&mut self) {
        self.hashes.extend(self.waiting.drain(..));
        if self.hashes.len() > MOST_HASHES - WAITING {
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

    /// Takes over what another has seen.
    pub fn merge(&mut self, mut other: Distinct) {
        self.settle();
        other.settle();
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
        self.settle();
    }

    /// How many, and whether that is exact.
    #[must_use]
    pub fn count(&self) -> (u64, bool) {
        let mut own = self.clone();
        own.settle();
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

/// Nothing later is a sample.
fn latest_sample(samples: &Samples) -> i64 {
    samples.last().filter(|_| samples.len() == SAMPLES).map_or(i64::MAX, |(when, _)| *when)
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

impl Taken {
    fn join(&mut self, other: &Group) {
        self.seen.join(other.seen);
        self.sources.merge(other.sources.clone());
        for (when, raw) in &other.samples {
            sample(&mut self.samples, *when, raw);
        }
        self.inputs.extend(other.inputs.iter().cloned());
        while self.inputs.len() > INPUTS {
            self.inputs.pop_last();
        }
    }
}

/// What the rules do with a line, and why it must stay visible, if it must.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Verdict {
    /// With all new rules.
    answer: Answer,
    /// New rules behind the one that takes it, which would do so as well, and whether surely.
    then: Vec<(usize, bool)>,
    /// Without any new rule.
    without: Answer,
    signal: Option<Why>,
    v6: bool,
}

impl Verdict {
    /// The answer with some of the new rules.
    fn with(&self, keep: impl Fn(usize) -> bool) -> Answer {
        let (first, certain) = match self.answer {
            Answer::New(first) => (first, true),
            Answer::Maybe(first) => (first, false),
            other => return other,
        };
        if keep(first) {
            return self.answer;
        }
        match self.then.iter().find(|(rule, _)| keep(*rule)) {
            Some((rule, true)) if certain => Answer::New(*rule),
            Some((rule, _)) => Answer::Maybe(*rule),
            None => self.without,
        }
    }
}

/// Lines with one verdict; all but the lines only if a new rule takes them.
#[derive(Clone, Debug, Default)]
struct Group {
    taken: bool,
    seen: Lines,
    sources: Distinct,
    samples: Samples,
    /// Later lines are no samples.
    latest: i64,
    inputs: BTreeSet<Vec<u8>>,
}

impl Group {
    fn new(taken: bool) -> Group {
        Group { taken, latest: i64::MAX, ..Group::default() }
    }
}

/// What is needed to say what becomes of a line. `[IPv4, IPv6]` where there are two.
#[derive(Clone, Copy, Debug)]
pub struct Case<'g> {
    /// What must stay visible.
    pub signals: &'g Signals,
    /// The rulesets with the new rules, and as they were.
    pub judges: [&'g Judge<'g>; 2],
    /// The new rules.
    pub rules: &'g [Vec<Rule>; 2],
    /// Lines that no rule tells apart.
    pub classes: Option<&'g Classes>,
}

/// One pass of proof.
#[derive(Debug)]
pub struct Prover<'g> {
    case: Case<'g>,
    with: Asker<'g>,
    without: Asker<'g>,
    /// By class of line, the number of its verdict.
    remembered: Remembered<'g, usize>,
    numbers: HashMap<Verdict, usize>,
    groups: Vec<Group>,
    /// Lines that are no evidence, by why.
    doubted: BTreeMap<Why, u64>,
}

impl<'g> Prover<'g> {
    /// Nothing yet.
    #[must_use]
    pub fn new(case: Case<'g>) -> Prover<'g> {
        Prover {
            case,
            with: case.judges[0].asker(),
            without: case.judges[1].asker(),
            remembered: Remembered::new(case.classes),
            numbers: HashMap::new(),
            groups: Vec::new(),
            doubted: BTreeMap::new(),
        }
    }

    /// The group of a line, by its number.
    #[inline]
    fn group(&mut self, record: &Record<'_>) -> usize {
        let Prover { case, with, without, remembered, numbers, groups, .. } = self;
        remembered.get(record, |record| {
            let verdict = verdict(case, with, without, record);
            let number = number_of(verdict, numbers, groups);
            let Group { taken, inputs, .. } = &mut groups[number];
            if *taken && !inputs.contains(record.line.in_iface()) {
                inputs.insert(record.line.in_iface().to_vec());
                if inputs.len() > INPUTS {
                    inputs.pop_last();
                }
            }
            number
        })
    }

    /// What was proven.
    #[must_use]
    pub fn finish(self) -> Proof {
        let mut groups: Vec<Option<Group>> = self.groups.into_iter().map(Some).collect();
        let mut take = |number: usize| groups[number].take().unwrap_or_default();
        let groups = self.numbers.into_iter().map(|(verdict, number)| (verdict, take(number))).collect();
        Proof { groups, doubted: self.doubted }
    }
}

/// The number of a verdict's group; a new one if there is none yet.
fn number_of(verdict: Verdict, numbers: &mut HashMap<Verdict, usize>, groups: &mut Vec<Group>) -> usize {
    let taken = matches!(verdict.answer, Answer::New(_) | Answer::Maybe(_));
    *numbers.entry(verdict).or_insert_with(|| {
        groups.push(Group::new(taken));
        groups.len() - 1
    })
}

/// What becomes of a line: the slow way.
fn verdict(case: &Case<'_>, with: &mut Asker<'_>, without: &mut Asker<'_>, record: &Record<'_>) -> Verdict {
    let packet = &record.line.packet();
    let v6 = matches!(packet.datagram.network, Network::Ipv6(_));
    let signal = case.signals.of(record);
    let answer = with.ask(record);
    let (Answer::New(first) | Answer::Maybe(first)) = answer else {
        return Verdict { answer, then: Vec::new(), without: answer, signal, v6 };
    };
    let time = record.when.map(|when| when.utc.div_euclid(NANOS));
    let cut = record.line.completeness() != Completeness::Whole;
    let context = Context { time, cut, ..Context::default() };
    let rules = case.rules[usize::from(v6)].iter().enumerate().skip(first + 1);
    // An exception ends the way of what it takes.
    let mut then = Vec::new();
    for (number, rule) in rules {
        match rule.matches(packet, &context) {
            Tri::No => {}
            _ if rule.target == Target::Return => break,
            sure => then.push((number, sure == Tri::Yes)),
        }
    }
    Verdict { answer, then, without: without.ask(record), signal, v6 }
}

/// Why a line stays out of the proof.
pub(super) fn outside(doubt: Doubt) -> Why {
    match doubt {
        Doubt::Truncated => Why::Truncated,
        Doubt::Foreign => Why::Foreign,
        Doubt::Repeated => Why::Repeated,
        Doubt::Fragment | Doubt::Other => Why::Fragment,
    }
}

impl Aggregate for Prover<'_> {
    fn add(&mut self, record: &Record<'_>) {
        if let Some(doubt) = doubt(record) {
            *self.doubted.entry(outside(doubt)).or_default() += record.times();
            return;
        }
        let number = self.group(record);
        let group = &mut self.groups[number];
        group.seen.add(record.times(), seconds(record));
        if !group.taken {
            return;
        }
        let hash = match record.line.src_ipv4() {
            Some(src) => Some(mixed_v4(src.to_bits())),
            None => record.line.src().map(mixed_addr),
        };
        if let Some(hash) = hash {
            group.sources.put(hash);
        }
        let when = record.when.map_or(i64::MAX, |when| when.utc);
        if when <= group.latest {
            sample(&mut group.samples, when, record.raw);
            group.latest = latest_sample(&group.samples);
        }
    }

    fn merge(&mut self, other: Self) {
        let Proof { groups, doubted } = other.finish();
        for (why, lines) in doubted {
            *self.doubted.entry(why).or_default() += lines;
        }
        for (verdict, theirs) in groups {
            let number = number_of(verdict, &mut self.numbers, &mut self.groups);
            let mut both = Taken::default();
            both.join(&self.groups[number]);
            both.join(&theirs);
            let Taken { seen, sources, samples, inputs, .. } = both;
            let latest = latest_sample(&samples);
            self.groups[number] = Group { taken: theirs.taken, seen, sources, samples, latest, inputs };
        }
    }
}

/// What one pass proved, for every choice of the new rules.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    groups: Vec<(Verdict, Group)>,
    doubted: BTreeMap<Why, u64>,
}

/// What some rules come to.
#[derive(Clone, Debug, Default)]
pub struct Proved {
    /// Rule by rule, of IPv4 and of IPv6: each ruleset numbers its own.
    pub rules: [Vec<Taken>; 2],
    /// All lines.
    pub before: u64,
    /// Lines that rules take that were there.
    pub old: u64,
    /// Lines that rules take that were there, rule by rule; IPv6: true.
    pub by_old: BTreeMap<(bool, RuleId), u64>,
    /// Lines of which the replay cannot tell.
    pub unknown: u64,
    /// Lines that remain, by reason; `None`: noise for which there is no rule.
    pub remain: BTreeMap<Option<Why>, u64>,
}

impl Proof {
    /// What the new rules come to of which `keep` says so, by family.
    #[must_use]
    pub fn with(&self, keep: &[Vec<bool>; 2]) -> Proved {
        let mut proved = Proved::default();
        for (rules, keep) in proved.rules.iter_mut().zip(keep) {
            rules.resize_with(keep.len(), Taken::default);
        }
        for (why, lines) in &self.doubted {
            proved.before += lines;
            *proved.remain.entry(Some(*why)).or_default() += lines;
        }
        for (verdict, group) in &self.groups {
            let family = usize::from(verdict.v6);
            let lines = group.seen.lines;
            let answer = verdict.with(|rule| keep[family].get(rule) == Some(&true));
            proved.before += lines;
            if let Answer::Old(rule) = answer {
                proved.old += lines;
                *proved.by_old.entry((verdict.v6, rule)).or_default() += lines;
                continue;
            }
            let (rule, sure) = match answer {
                Answer::New(rule) => (Some(rule), true),
                Answer::Maybe(rule) => (Some(rule), false),
                _ => (None, false),
            };
            if !sure {
                *proved.remain.entry(verdict.signal).or_default() += lines;
            }
            if matches!(answer, Answer::Maybe(_) | Answer::Unknown) {
                proved.unknown += lines;
            }
            let Some(taken) = rule.and_then(|rule| proved.rules[family].get_mut(rule)) else { continue };
            if sure {
                taken.join(group);
            } else {
                taken.maybe += lines;
            }
            // What may be hidden counts as hidden.
            if let Some(why) = verdict.signal {
                let (hidden, samples) = taken.hides.entry(why).or_default();
                *hidden += lines;
                for (when, raw) in &group.samples {
                    sample(samples, *when, raw);
                }
            }
        }
        proved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_hash_is_known() {
        for addr in [0, 1, 0x0a89_0085, u32::MAX] {
            assert_eq!(mixed_v4(addr), mixed_addr(IpAddr::V4(addr.into())));
        }
    }

    #[test]
    fn few_are_counted_and_many_are_guessed() {
        let count = |range: std::ops::Range<u32>| {
            let mut distinct = Distinct::default();
            range.for_each(|n| distinct.put(mixed_v4(n)));
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

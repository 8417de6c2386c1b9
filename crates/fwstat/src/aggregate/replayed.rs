//! What rulesets do with each line, counted.
//!
//! Responsible for: one count per answer of a ruleset and one per prefix, with the first and
//! last moment and a sample line; the answers themselves are `fwrules`'.
//! Must not know: what is made of the counts.
//! Tested by: `tests/cli/replay.rs`: against a real kernel, and for any number of threads.

use fwrules::{Compiled, Fate, Place, Reach, Replayed, Replayer, RuleId};
use hashbrown::HashMap;
use logparse::Completeness;

use super::Aggregate;
use crate::clock::NANOS;
use crate::record::Record;
use crate::rules::Rulesets;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The rules would write it.
    Remaining,
    /// They would not.
    Removed,
    /// The line does not tell.
    Unknown,
}

impl Class {
    /// The class of a fate.
    #[must_use]
    pub fn of(fate: &Fate) -> Class {
        match fate {
            Fate::Remains(_) => Class::Remaining,
            Fate::Removed(_) | Fate::Unanswered(_) | Fate::Unwritten => Class::Removed,
            _ => Class::Unknown,
        }
    }
}

/// How many lines, when, and one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Lines, each as often as it says.
    pub lines: u64,
    /// The first and the last moment (nanoseconds, UTC).
    pub span: Option<(i64, i64)>,
    /// The earliest line, of several the smallest: the same whoever sees it first.
    pub sample: Option<(i64, Vec<u8>)>,
}

impl Stat {
    fn add(&mut self, record: &Record<'_>) {
        self.lines += record.times();
        let when = record.when.map(|when| when.utc);
        if let Some(when) = when {
            self.moment(when);
        }
        let at = when.unwrap_or(i64::MAX);
        let earlier = match &self.sample {
            None => true,
            Some((other, raw)) => at < *other || (at == *other && record.raw < &raw[..]),
        };
        if earlier {
            self.sample = Some((at, record.raw.to_vec()));
        }
    }

    fn moment(&mut self, when: i64) {
        self.span = Some(self.span.map_or((when, when), |(first, last)| (first.min(when), last.max(when))));
    }

    /// Takes over another count.
    pub fn merge(&mut self, other: &Stat) {
        self.lines += other.lines;
        if let Some((first, last)) = other.span {
            self.moment(first);
            self.moment(last);
        }
        if let Some(sample) = &other.sample
            && self.sample.as_ref().is_none_or(|own| sample < own)
        {
            self.sample = Some(sample.clone());
        }
    }
}

/// What is known of one ruleset's lines.
#[derive(Debug, Default)]
pub struct Counted {
    /// Lines by answer.
    pub answers: HashMap<Replayed, Stat>,
    /// Lines by prefix, byte for byte.
    pub prefixes: HashMap<Vec<u8>, Stat>,
    /// Lines by what ends their way and by the rules that would take them if they stood alone
    /// (rules of [`crate::rules::Alone`]).
    pub alone: HashMap<(Option<Place>, Vec<RuleId>), u64>,
}

/// Takes the output of a chunk: its ticket and its bytes; gives a vector to use on.
pub type Sink<'c> = &'c (dyn Fn(u64, Vec<u8>) -> Vec<u8> + Sync);

/// The aggregate: each ruleset's answers and prefixes.
pub struct Replays<'c> {
    rulesets: &'c Rulesets,
    replayers: Vec<Replayer<'c>>,
    /// The same for the rules alone; empty if nobody asks.
    alone: Vec<Replayer<'c>>,
    /// By ruleset, answer and answer alone.
    pairs: Vec<HashMap<(u32, u32), u64>>,
    /// By ruleset and answer, until it is settled.
    open: Vec<Vec<Stat>>,
    /// By ruleset.
    pub counted: Vec<Counted>,
    print: Option<(Class, Sink<'c>)>,
    bytes: Vec<u8>,
}

impl<'c> Replays<'c> {
    /// Nothing yet. `compiled` has one for each of `rulesets`; with `print`, the raw lines of
    /// that class are written as well.
    #[must_use]
    pub fn new(
        rulesets: &'c Rulesets,
        compiled: &'c [Compiled<'c>],
        alone: &'c [Compiled<'c>],
        print: Option<(Class, Sink<'c>)>,
    ) -> Replays<'c> {
        Replays {
            rulesets,
            replayers: compiled.iter().map(Compiled::replayer).collect(),
            alone: alone.iter().map(Compiled::replayer).collect(),
            pairs: alone.iter().map(|_| HashMap::new()).collect(),
            open: compiled.iter().map(|_| Vec::new()).collect(),
            counted: compiled.iter().map(|_| Counted::default()).collect(),
            print,
            bytes: Vec::new(),
        }
    }
}

impl Aggregate for Replays<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let packet = &record.entry.packet;
        let cut = record.entry.completeness() != Completeness::Whole;
        let time = record.when.map(|when| when.utc.div_euclid(NANOS));
        let n = self.rulesets.of(packet);
        let id = self.replayers[n].replay(packet, time, cut);
        let at = id.0 as usize;
        let open = &mut self.open[n];
        if open.len() <= at {
            open.resize(at + 1, Stat::default());
        }
        open[at].add(record);
        if let Some(alone) = self.alone.get_mut(n) {
            let other = alone.replay(packet, time, cut);
            *self.pairs[n].entry((id.0, other.0)).or_default() += record.times();
        }
        let prefixes = &mut self.counted[n].prefixes;
        match prefixes.get_mut(packet.prefix) {
            Some(stat) => stat.add(record),
            None => prefixes.entry(packet.prefix.to_vec()).or_default().add(record),
        }
        if let Some((class, _)) = self.print
            && Class::of(&self.replayers[n].answer(id).fate) == class
        {
            self.bytes.extend_from_slice(record.raw);
            self.bytes.push(b'\n');
        }
    }

    fn settle(&mut self) {
        for ((replayer, open), counted) in self.replayers.iter().zip(&mut self.open).zip(&mut self.counted) {
            for (answer, stat) in replayer.answers().iter().zip(std::mem::take(open)) {
                counted.answers.entry(answer.clone()).or_default().merge(&stat);
            }
        }
        for (n, pairs) in self.pairs.iter_mut().enumerate() {
            for ((id, other), lines) in std::mem::take(pairs) {
                let outcome = &self.replayers[n].answers()[id as usize].outcome;
                let end = outcome.ends.iter().find(|end| end.reach == Reach::Certain).map(|end| end.by);
                let taken = &self.alone[n].answers()[other as usize].outcome.taken;
                let sure = taken.iter().filter(|(_, reach)| *reach == Reach::Certain).map(|(id, _)| *id);
                let key = (end, sure.collect());
                *self.counted[n].alone.entry(key).or_default() += lines;
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (own, other) in self.counted.iter_mut().zip(other.counted) {
            for (answer, stat) in other.answers {
                own.answers.entry(answer).or_default().merge(&stat);
            }
            for (key, lines) in other.alone {
                *own.alone.entry(key).or_default() += lines;
            }
            for (prefix, stat) in other.prefixes {
                own.prefixes.entry(prefix).or_default().merge(&stat);
            }
        }
    }

    fn end_of_chunk(&mut self, ticket: u64) {
        if let Some((_, sink)) = self.print {
            self.bytes = sink(ticket, std::mem::take(&mut self.bytes));
        }
    }
}

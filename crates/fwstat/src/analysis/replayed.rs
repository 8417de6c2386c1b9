//! What rulesets do with each line, counted.
//!
//! Responsible for: one count per answer of a ruleset and one per prefix, with the first and
//! last moment and a sample line; the answers themselves are `fwrules`'.
//! Must not know: what is made of the counts.
//! Tested by: `tests/cli/replay.rs`: against a real kernel, and for any number of threads.

use std::sync::Arc;

use fwrules::{AnswerId, Compiled, Family, Fate, Front, Replayed, Replayer};
use hashbrown::HashMap;
use logparse::{Completeness, Entry, FastPacket, Line, PrefixCache};

use crate::rules::Rulesets;
use fwlog::aggregate::Aggregate;
use fwlog::input::Chunk;
use fwlog::record::Record;
use fwlog::time::clock::NANOS;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    pub answers: HashMap<Arc<Replayed>, Stat>,
    /// Lines by prefix, byte for byte.
    pub prefixes: HashMap<Vec<u8>, Stat>,
    /// Lines that were asked about twice: by the answer, and by the class of the second one.
    pub seconds: HashMap<(Arc<Replayed>, Class), u64>,
}

/// Rulesets that are asked as well, and about which lines.
#[derive(Clone, Copy)]
pub struct Second<'c> {
    /// One for each ruleset.
    pub compiled: &'c [Compiled<'c>],
    /// About lines with this answer of the ruleset with this number.
    pub about: &'c (dyn Fn(usize, &Replayed) -> bool + Sync),
}

/// Takes the output of a chunk: its ticket and its bytes; gives a vector to use on.
pub type Sink<'c> = &'c (dyn Fn(u64, Vec<u8>) -> Vec<u8> + Sync);

/// The aggregate: each ruleset's answers and prefixes.
pub struct Replays<'c> {
    rulesets: &'c Rulesets,
    needs_time: bool,
    /// By ruleset.
    open: Vec<Open<'c>>,
    /// The same for rulesets that are asked as well, if any are.
    second: Option<(Second<'c>, Vec<Open<'c>>)>,
    /// By ruleset, by answer: whether it is asked about as well, and how often each second answer came.
    pairs: Vec<Vec<(bool, Vec<u64>)>>,
    /// Which ruleset sees IPv4.
    v4: usize,
    /// By ruleset.
    pub counted: Vec<Counted>,
    print: Option<(Class, Sink<'c>)>,
    bytes: Vec<u8>,
}

/// What one ruleset's lines are counted in until it is settled.
struct Open<'c> {
    replayer: Replayer<'c>,
    /// By answer.
    answers: Vec<Stat>,
    /// By the number of a prefix.
    prefixes: Vec<Stat>,
    numbers: HashMap<Vec<u8>, usize>,
    /// For lines that the bulk path read, by their front: the number of the prefix, and the
    /// front as the replayer knows it.
    fronts: PrefixCache<(usize, Option<Front>)>,
}

impl<'c> Replays<'c> {
    /// Nothing yet. `compiled` has one for each of `rulesets`; with `print`, the raw lines of
    /// that class are written as well.
    #[must_use]
    pub fn new(
        rulesets: &'c Rulesets,
        compiled: &'c [Compiled<'c>],
        print: Option<(Class, Sink<'c>)>,
        second: Option<Second<'c>>,
    ) -> Replays<'c> {
        let open = |compiled: &'c Compiled<'c>| Open {
            replayer: compiled.replayer(),
            answers: Vec::new(),
            prefixes: Vec::new(),
            numbers: HashMap::new(),
            fronts: PrefixCache::default(),
        };
        let beside = second.map_or(&[][..], |second| second.compiled);
        Replays {
            rulesets,
            needs_time: print.is_none() || compiled.iter().chain(beside).any(Compiled::needs_time),
            open: compiled.iter().map(open).collect(),
            second: second.map(|second| (second, beside.iter().map(open).collect())),
            pairs: vec![Vec::new(); compiled.len()],
            v4: rulesets.of_family(Family::Ipv4),
            counted: compiled.iter().map(|_| Counted::default()).collect(),
            print,
            bytes: Vec::new(),
        }
    }
}

impl Open<'_> {
    /// The number of a prefix.
    fn prefix(&mut self, prefix: &[u8]) -> usize {
        if let Some(number) = self.numbers.get(prefix) {
            return *number;
        }
        let number = self.prefixes.len();
        self.prefixes.push(Stat::default());
        self.numbers.insert(prefix.to_vec(), number);
        number
    }

    /// The answer for a line that the bulk path read, if it is known, and its prefix.
    #[inline]
    fn recall(&mut self, scanned: &FastPacket<'_>) -> Option<(AnswerId, usize)> {
        let line = Line::Fast(scanned);
        let (prefix, front) = match self.fronts.get(&line) {
            Some(known) => known,
            None => {
                let prefix = self.prefix(line.prefix());
                let front = self.replayer.front(line.prefix(), line.in_iface(), line.out_iface());
                self.fronts.insert(&line, (prefix, front));
                (prefix, front)
            }
        };
        Some((self.replayer.recall(front?, scanned)?, prefix))
    }

    fn ask(&mut self, entry: &Entry<'_>, record: &Record<'_>) -> (AnswerId, usize) {
        let cut = entry.completeness() != Completeness::Whole;
        let time = record.when.map(|when| when.utc.div_euclid(NANOS));
        (self.replayer.replay(&entry.packet, time, cut), self.prefix(entry.packet.prefix))
    }

    fn count(&mut self, answer: AnswerId, prefix: usize, record: &Record<'_>) {
        let at = answer.0 as usize;
        if self.answers.len() <= at {
            self.answers.resize(at + 1, Stat::default());
        }
        self.answers[at].add(record);
        self.prefixes[prefix].add(record);
    }
}

impl Replays<'_> {
    /// Asks the other ruleset, if it is to be asked about lines with this answer.
    fn ask_again(&mut self, n: usize, answer: AnswerId, record: &Record<'_>) {
        let Some((second, open)) = &mut self.second else { return };
        let (at, pairs) = (answer.0 as usize, &mut self.pairs[n]);
        for id in pairs.len()..=at {
            let id = AnswerId(u32::try_from(id).unwrap_or(u32::MAX));
            pairs.push(((second.about)(n, self.open[n].replayer.answer(id)), Vec::new()));
        }
        let (wanted, counts) = &mut pairs[at];
        if !*wanted {
            return;
        }
        let (_, (other, _)) = answer_of(self.rulesets, self.v4, open, record);
        let other = other.0 as usize;
        if counts.len() <= other {
            counts.resize(other + 1, 0);
        }
        counts[other] += record.times();
    }
}

/// Which of some rulesets sees a line, and its answer with the number of the prefix.
#[inline]
fn answer_of(
    rulesets: &Rulesets,
    v4: usize,
    open: &mut [Open<'_>],
    record: &Record<'_>,
) -> (usize, (AnswerId, usize)) {
    let scanned = record.line.fast().filter(|scanned| scanned.src_ipv4().is_some());
    match scanned.and_then(|scanned| open[v4].recall(scanned)) {
        Some(known) => (v4, known),
        None => record.line.with_entry(|entry| {
            let n = rulesets.of(&entry.packet);
            (n, open[n].ask(entry, record))
        }),
    }
}

impl Aggregate for Replays<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let (n, (answer, prefix)) = answer_of(self.rulesets, self.v4, &mut self.open, record);
        self.ask_again(n, answer, record);
        let open = &mut self.open[n];
        open.count(answer, prefix, record);
        if let Some((class, _)) = self.print
            && Class::of(&open.replayer.answer(answer).fate) == class
        {
            self.bytes.extend_from_slice(record.raw);
            self.bytes.push(b'\n');
        }
    }

    fn needs_time(&self) -> bool {
        self.needs_time
    }

    fn settle(&mut self) {
        if let Some((_, seconds)) = &self.second {
            for (n, pairs) in self.pairs.iter_mut().enumerate() {
                let (first, second) = (self.open[n].replayer.answers(), seconds[n].replayer.answers());
                for (answer, (_, counts)) in first.iter().zip(std::mem::take(pairs)) {
                    for (other, lines) in second.iter().zip(counts).filter(|(_, lines)| *lines > 0) {
                        let pair = (Arc::clone(answer), Class::of(&other.fate));
                        *self.counted[n].seconds.entry(pair).or_default() += lines;
                    }
                }
            }
        }
        for (open, counted) in self.open.iter_mut().zip(&mut self.counted) {
            for (answer, stat) in open.replayer.answers().iter().zip(std::mem::take(&mut open.answers)) {
                counted.answers.entry(Arc::clone(answer)).or_default().merge(&stat);
            }
            let mut prefixes = std::mem::take(&mut open.prefixes);
            for (prefix, number) in open.numbers.drain() {
                let stat = std::mem::take(&mut prefixes[number]);
                // A front may have been looked at without a line to count.
                if stat.lines > 0 {
                    counted.prefixes.entry(prefix).or_default().merge(&stat);
                }
            }
            open.fronts.clear();
        }
    }

    fn merge(&mut self, other: Self) {
        for (own, other) in self.counted.iter_mut().zip(other.counted) {
            for (answer, stat) in other.answers {
                own.answers.entry(answer).or_default().merge(&stat);
            }
            for (prefix, stat) in other.prefixes {
                own.prefixes.entry(prefix).or_default().merge(&stat);
            }
            for (pair, lines) in other.seconds {
                *own.seconds.entry(pair).or_default() += lines;
            }
        }
    }

    fn end_of_chunk(&mut self, chunk: &Chunk<'_>) {
        if let Some((_, sink)) = self.print {
            self.bytes = sink(chunk.ticket, std::mem::take(&mut self.bytes));
        }
    }
}

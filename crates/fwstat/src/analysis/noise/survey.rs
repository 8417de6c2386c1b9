//! The one pass over the log that the model needs: facts about links from every line, and a
//! sample of the lines themselves.
//!
//! A log of up to [`SAMPLE`] lines is held whole. Of a longer one the lines with the smallest
//! hashes of their positions are kept: every line has the same chance, the sender of a packet
//! cannot choose it, and neither threads nor chunks change it. All bars of the model are parts of
//! the log, so a sample has the same answer; memory does not grow with the log or its sources.
//!
//! Responsible for: this pass.
//! Must not know: noise, rules.
//! Tested by: `tests/cli/suggest.rs` (any threads, any chunks, millions of sources).

use std::collections::BTreeMap;

use hashbrown::HashMap;
use logparse::{PrefixCache, Writer};

use super::address::{Nets, number};
use super::links::{Links, mixed};
use super::sighting::{Doubt, Sighting, doubt};
use super::spread::{Spread, position};
use fwlog::aggregate::Aggregate;
use fwlog::record::Record;

/// Lines held at most.
pub const SAMPLE: usize = 1 << 17;
/// Prefixes with interfaces kept apart; further prefixes count as none.
const FRONTS: usize = 1 << 14;
/// Programs named that wrote lines, and destinations of this host's packets.
const NAMED: usize = 64;
const SENT: usize = 4096;

/// What lines that begin alike have in common: numbers of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Front {
    /// `IN=`.
    pub input: u32,
    /// `OUT=`.
    pub output: u32,
    /// The prefix without its trailing blanks.
    pub prefix: u32,
}

/// Names as numbers.
#[derive(Clone, Debug, Default)]
struct Names {
    list: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, u32>,
}

impl Names {
    fn number(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.list.len() as u32;
        self.list.push(name.to_vec());
        self.numbers.insert(name.to_vec(), number);
        number
    }
}

/// Lines that are no evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubted {
    /// How many.
    pub lines: u64,
    /// The first one's position.
    pub first: u64,
}

/// The counts of one pass.
#[derive(Debug)]
pub struct Survey<'k> {
    trusted: &'k Nets,
    /// Of each input its place in the order of names.
    ranks: &'k [usize],
    names: Names,
    fronts: Vec<Front>,
    numbers: HashMap<Front, u32>,
    quick: PrefixCache<u32>,
    lines_of: Vec<u64>,
    links: Links,
    sample: Vec<(u64, Sighting)>,
    limit: u64,
    lines: u64,
    doubts: BTreeMap<Doubt, Doubted>,
    writers: BTreeMap<Vec<u8>, u64>,
    sent: BTreeMap<(u128, u8, u16), u64>,
    spans: Vec<Option<(u64, u64)>>,
}

impl<'k> Survey<'k> {
    /// Nothing yet. `ranks` has each input's place in the order of their names.
    #[must_use]
    pub fn new(trusted: &'k Nets, ranks: &'k [usize]) -> Survey<'k> {
        Survey {
            trusted,
            ranks,
            names: Names::default(),
            fronts: Vec::new(),
            numbers: HashMap::new(),
            quick: PrefixCache::default(),
            lines_of: Vec::new(),
            links: Links::default(),
            sample: Vec::new(),
            limit: u64::MAX,
            lines: 0,
            doubts: BTreeMap::new(),
            writers: BTreeMap::new(),
            sent: BTreeMap::new(),
            spans: vec![None; ranks.len()],
        }
    }

    /// The number of a line's front.
    #[inline]
    fn front(&mut self, record: &Record<'_>) -> u32 {
        let line = &record.line;
        if let Some(number) = self.quick.get(line) {
            return number;
        }
        let prefix = if self.fronts.len() < FRONTS { record.prefix() } else { b"" };
        let front = Front {
            input: self.names.number(line.in_iface()),
            output: self.names.number(line.out_iface()),
            prefix: self.names.number(prefix),
        };
        let number = self.number(front);
        self.quick.insert(line, number);
        number
    }

    fn number(&mut self, front: Front) -> u32 {
        let next = self.fronts.len() as u32;
        let number = *self.numbers.entry(front).or_insert(next);
        if number == next {
            self.fronts.push(front);
            self.lines_of.push(0);
        }
        number
    }

    #[inline]
    fn keep(&mut self, hash: u64, seen: Sighting) {
        if hash > self.limit {
            return;
        }
        self.sample.push((hash, seen));
        if self.sample.len() >= SAMPLE + SAMPLE / 2 {
            self.trim();
        }
    }

    fn trim(&mut self) {
        if self.sample.len() > SAMPLE {
            let (_, last, _) = self.sample.select_nth_unstable_by_key(SAMPLE - 1, |(hash, _)| *hash);
            self.limit = self.limit.min(last.0);
            self.sample.truncate(SAMPLE);
        }
    }

    fn send(&mut self, record: &Record<'_>) {
        let line = &record.line;
        let (Some(dst), Some(protocol)) = (line.dst(), line.protocol()) else { return };
        *self.sent.entry((number(dst), protocol.0, line.dport().unwrap_or(0))).or_default() += record.times();
        while self.sent.len() > SENT {
            self.sent.pop_last();
        }
    }

    /// Numbers names in their order, so that no thread's order is left in them.
    fn sort_names(&mut self) {
        let mut list = self.names.list.clone();
        list.sort_unstable();
        let place = |name: &Vec<u8>| list.binary_search(name).unwrap_or_default() as u32;
        let places: Vec<u32> = self.names.list.iter().map(place).collect();
        for front in &mut self.fronts {
            let of = |number: u32| places[number as usize];
            *front = Front { input: of(front.input), output: of(front.output), prefix: of(front.prefix) };
        }
        let mut links = Links::default();
        links.join(std::mem::take(&mut self.links), &places);
        self.links = links;
        self.names.list = list;
    }

    /// What was counted, with names instead of numbers.
    #[must_use]
    pub fn finish(mut self) -> Surveyed {
        self.trim();
        self.links.settle();
        let mut sample: Vec<Sighting> =
            std::mem::take(&mut self.sample).into_iter().map(|(_, seen)| seen).collect();
        sample.sort_unstable_by_key(|seen| seen.at);
        let order: Vec<usize> = (0..self.spans.len()).collect();
        self.sort_names();
        Surveyed {
            spread: Spread::new(&self.spans, &order),
            sample,
            lines: self.lines,
            fronts: self.fronts,
            lines_of: self.lines_of,
            names: self.names.list,
            links: self.links,
            doubts: self.doubts,
            writers: self.writers,
            sent: self.sent,
        }
    }
}

impl Aggregate for Survey<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let at = position(self.ranks[record.at().0], record.at().1);
        if let Some(doubt) = doubt(record) {
            let doubted = self.doubts.entry(doubt).or_insert(Doubted { lines: 0, first: at });
            doubted.lines += 1;
            doubted.first = doubted.first.min(at);
            if let (Doubt::Foreign, Writer::Program(writer)) = (doubt, record.line.writer()) {
                *self.writers.entry(writer.to_vec()).or_default() += 1;
                while self.writers.len() > NAMED {
                    self.writers.pop_last();
                }
            }
            return;
        }
        let number = self.front(record);
        self.lines_of[number as usize] += 1;
        let front = self.fronts[number as usize];
        if self.names.list[front.input as usize].is_empty() {
            return self.send(record);
        }
        let Some(seen) = Sighting::of(&record.line, number, at) else { return };
        if self.names.list[front.input as usize] == b"lo" {
            return;
        }
        self.lines += 1;
        let span = &mut self.spans[self.ranks[record.at().0]];
        let (first, last) = span.unwrap_or((record.at().1, record.at().1));
        *span = Some((first.min(record.at().1), last.max(record.at().1)));
        let forwarded = !self.names.list[front.output as usize].is_empty();
        let trusted = !self.trusted.is_empty() && self.trusted.contains(seen.src);
        self.links.add(front.input, forwarded, trusted, &seen);
        self.keep(mixed(at.wrapping_mul(0x9e37_79b9_7f4a_7c15)), seen);
    }

    fn merge(&mut self, other: Self) {
        let names: Vec<u32> = other.names.list.iter().map(|name| self.names.number(name)).collect();
        let fronts: Vec<u32> = other
            .fronts
            .iter()
            .map(|front| {
                self.number(Front {
                    input: names[front.input as usize],
                    output: names[front.output as usize],
                    prefix: names[front.prefix as usize],
                })
            })
            .collect();
        for (number, lines) in fronts.iter().zip(&other.lines_of) {
            self.lines_of[*number as usize] += lines;
        }
        self.links.join(other.links, &names);
        self.limit = self.limit.min(other.limit);
        for (hash, seen) in other.sample {
            let front = fronts[seen.front as usize];
            self.keep(hash, Sighting { front, ..seen });
        }
        self.lines += other.lines;
        for (doubt, theirs) in other.doubts {
            let own = self.doubts.entry(doubt).or_insert(Doubted { lines: 0, first: theirs.first });
            own.lines += theirs.lines;
            own.first = own.first.min(theirs.first);
        }
        for (writer, lines) in other.writers {
            *self.writers.entry(writer).or_default() += lines;
        }
        while self.writers.len() > NAMED {
            self.writers.pop_last();
        }
        for (to, lines) in other.sent {
            *self.sent.entry(to).or_default() += lines;
        }
        while self.sent.len() > SENT {
            self.sent.pop_last();
        }
        for (own, theirs) in self.spans.iter_mut().zip(other.spans) {
            *own = match (*own, theirs) {
                (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
                (own, theirs) => own.or(theirs),
            };
        }
    }

    fn needs_time(&self) -> bool {
        false
    }
}

/// What one pass gave.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The lines held, in the order of the log.
    pub sample: Vec<Sighting>,
    /// Lines of which they are a sample.
    pub lines: u64,
    /// What [`Sighting::front`] means.
    pub fronts: Vec<Front>,
    /// Lines of each front.
    pub lines_of: Vec<u64>,
    /// What the numbers in fronts and links mean.
    pub names: Vec<Vec<u8>>,
    /// Facts from all lines.
    pub links: Links,
    /// Where in the log a position is.
    pub spread: Spread,
    /// Lines that are no evidence.
    pub doubts: BTreeMap<Doubt, Doubted>,
    /// Programs that wrote lines, other than the kernel; the first names.
    pub writers: BTreeMap<Vec<u8>, u64>,
    /// This host's own packets: destination, protocol, port.
    pub sent: BTreeMap<(u128, u8, u16), u64>,
}

impl Surveyed {
    /// The interface by which a packet came in.
    #[must_use]
    pub fn input(&self, seen: &Sighting) -> u32 {
        self.fronts[seen.front as usize].input
    }

    /// The interface by which it leaves; `None` if it is for this host.
    #[must_use]
    pub fn output(&self, seen: &Sighting) -> Option<u32> {
        let output = self.fronts[seen.front as usize].output;
        (!self.names[output as usize].is_empty()).then_some(output)
    }

    /// A name.
    #[must_use]
    pub fn name(&self, number: u32) -> &[u8] {
        &self.names[number as usize]
    }

    /// The prefix of a line.
    #[must_use]
    pub fn prefix(&self, seen: &Sighting) -> &[u8] {
        self.name(self.fronts[seen.front as usize].prefix)
    }

    /// Something about each prefix, by its number in fronts.
    #[must_use]
    pub fn of_prefixes<T>(&self, of: impl Fn(&[u8]) -> T) -> Vec<T> {
        self.names.iter().map(|name| of(name)).collect()
    }

    /// The number of a line's prefix.
    #[must_use]
    pub fn prefix_number(&self, seen: &Sighting) -> usize {
        self.fronts[seen.front as usize].prefix as usize
    }

    /// Lines of the log that one line of the sample stands for.
    #[must_use]
    pub fn weight(&self) -> f64 {
        if self.sample.is_empty() { 1.0 } else { self.lines as f64 / self.sample.len() as f64 }
    }
}

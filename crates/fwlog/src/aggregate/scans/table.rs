//! Probes in the order of their keys.
//!
//! Responsible for: keeping them in little memory, and joining those of one key.
//! Must not know: what a probe means.
//! Tested by: the unit tests below.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem::size_of;

use super::fold::{Asked, Folded};
use super::probe::{Address, Kind, OfSource, Probe};

/// Probes before the first order is made.
const FIRST: usize = 1 << 20;
/// The same at least, however little memory there is.
const FEW: usize = 1 << 12;

/// Probes: some as they came, the others in parts that are in order.
#[derive(Clone, Debug)]
pub(super) struct Table<A> {
    open: Vec<Probe<A>>,
    parts: Vec<Vec<Probe<A>>>,
    /// So many that came are put in order.
    limit: usize,
    /// The same, if memory is bounded: what is in order makes room for what comes.
    bound: Option<usize>,
}

impl<A> Default for Table<A> {
    fn default() -> Self {
        Table { open: Vec::new(), parts: Vec::new(), limit: FIRST, bound: None }
    }
}

impl<A: Address> Table<A> {
    /// Nothing yet; so many bytes at most for what is not yet in order.
    pub(super) fn within(bytes: Option<usize>) -> Table<A> {
        let bound = bytes.map(|bytes| (bytes / size_of::<Probe<A>>()).clamp(FEW, FIRST));
        Table { limit: bound.unwrap_or(FIRST), bound, ..Table::default() }
    }

    /// Takes a probe; whether it is time to look at the room.
    #[inline]
    pub(super) fn add(&mut self, probe: Probe<A>) -> bool {
        self.open.push(probe);
        if self.open.len() < self.limit {
            return false;
        }
        compact(&mut self.open);
        match self.bound {
            None => self.limit = (self.open.len() * 2).max(FIRST),
            // Repeats of a few leave room for more; all else is out of the way.
            Some(bound) if self.open.len() > bound / 2 => self.settle(),
            Some(_) => {}
        }
        true
    }

    /// Probes that are kept.
    pub(super) fn len(&self) -> usize {
        self.open.len() + self.parts.iter().map(Vec::len).sum::<usize>()
    }

    /// Puts everything in order.
    pub(super) fn settle(&mut self) {
        compact(&mut self.open);
        if !self.open.is_empty() {
            self.open.shrink_to_fit();
            self.parts.push(std::mem::take(&mut self.open));
        }
        self.limit = self.bound.unwrap_or(FIRST);
    }

    /// Takes over another's.
    pub(super) fn merge(&mut self, mut other: Table<A>) {
        self.settle();
        other.settle();
        self.parts.append(&mut other.parts);
    }

    /// Takes probes that are in the order of their keys, each key once.
    pub(super) fn put(&mut self, probes: Vec<Probe<A>>) {
        if !probes.is_empty() {
            self.parts.push(probes);
        }
    }

    /// The same of some sources only.
    pub(super) fn only(&self, wanted: &impl Fn(u128) -> bool) -> Table<A> {
        let mut all = Vec::new();
        self.each_joined(wanted, &mut |probes: &[Probe<A>]| all.extend_from_slice(probes));
        let mut table = Table::default();
        table.put(all);
        table
    }

    /// Gives `with` the probes of each source that is wanted.
    pub(super) fn each_source(&self, wanted: &impl Fn(u128) -> bool, with: &mut impl FnMut(OfSource<'_>)) {
        let (mut asked, mut answers) = (Vec::new(), Vec::new());
        self.each_joined(wanted, &mut |probes: &[Probe<A>]| {
            asked.clear();
            answers.clear();
            for probe in probes {
                if probe.kind == Kind::Answer { &mut answers } else { &mut asked }.push(probe.widened());
            }
            // Slots follow each other already.
            let place = |p: &Probe| (p.first, p.order);
            for of_slot in asked.chunk_by_mut(|a, b| a.slot == b.slot) {
                of_slot.sort_unstable_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.key().cmp(&b.key())));
            }
            with(OfSource { asked: &asked, answers: &answers });
        });
    }

    /// The same as they are kept, in the order of their keys.
    pub(super) fn each_joined(&self, wanted: &impl Fn(u128) -> bool, with: &mut impl FnMut(&[Probe<A>])) {
        debug_assert!(self.open.is_empty(), "not settled");
        let mut found = Vec::new();
        self.sources(|of_parts| {
            if !of_parts.first().and_then(|part| part.first()).is_some_and(|probe| wanted(probe.src.wide())) {
                return;
            }
            if let [one] = of_parts {
                return with(one);
            }
            found.clear();
            of_parts.iter().for_each(|part| found.extend_from_slice(part));
            compact(&mut found);
            with(&found);
        });
    }

    /// Gives `with` what each part has of each source.
    fn sources(&self, mut with: impl FnMut(&[&[Probe<A>]])) {
        let mut rest: Vec<&[Probe<A>]> = self.parts.iter().map(Vec::as_slice).collect();
        let mut next: BinaryHeap<Reverse<(A, usize)>> =
            rest.iter().enumerate().filter_map(|(at, part)| Some(Reverse((part.first()?.src, at)))).collect();
        let mut found: Vec<&[Probe<A>]> = Vec::new();
        while let Some(Reverse((source, at))) = next.pop() {
            let end = rest[at].iter().position(|probe| probe.src != source).unwrap_or(rest[at].len());
            let (own, behind) = rest[at].split_at(end);
            rest[at] = behind;
            found.push(own);
            if let Some(probe) = behind.first() {
                next.push(Reverse((probe.src, at)));
            }
            if next.peek().is_none_or(|Reverse((other, _))| *other != source) {
                with(&found);
                found.clear();
            }
        }
    }

    /// Turns sources that asked for so many things at most into counts.
    pub(super) fn fold(&mut self, most: usize, folded: &mut Folded) {
        self.settle();
        let (mut gone, mut aims): (Vec<A>, Vec<Asked>) = (Vec::new(), Vec::new());
        self.sources(|of_parts| {
            let all = || of_parts.iter().flat_map(|part| part.iter());
            aims.clear();
            for probe in all() {
                let aim = (probe.dst.wide(), probe.protocol, probe.dport);
                if !aims.contains(&aim) {
                    if aims.len() == most {
                        return;
                    }
                    aims.push(aim);
                }
            }
            folded.add(&aims, all().map(|probe| u64::from(probe.count)).sum());
            gone.extend(all().next().map(|probe| probe.src));
        });
        for part in &mut self.parts {
            let mut next = gone.iter().peekable();
            part.retain(|probe| {
                while next.next_if(|source| **source < probe.src).is_some() {}
                next.peek() != Some(&&probe.src)
            });
            part.shrink_to_fit();
        }
        self.parts.retain(|part| !part.is_empty());
    }
}

/// Puts probes in the order of their keys, and joins those of one.
fn compact<A: Address>(probes: &mut Vec<Probe<A>>) {
    probes.sort_unstable_by_key(Probe::key);
    probes.dedup_by(|later, kept| {
        let same = later.key() == kept.key();
        if same {
            kept.join(later);
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(n: u32) -> Probe<u32> {
        let hash = n.wrapping_mul(0x9e37_79b1) >> 7;
        let (ttl, first) = ((hash % 60) as u8, (hash % 64_000) as u16);
        Probe {
            src: hash % 50,
            dst: hash % 3,
            slot: hash % 7,
            first,
            last: first,
            order: n,
            count: 1,
            sport: (hash % 977) as u16,
            dport: (hash % 5) as u16,
            window: 1_024,
            len: 40,
            id: 7,
            protocol: 6,
            kind: Kind::Syn,
            ttl,
            ttls: (ttl, ttl),
            marks: 0,
        }
    }

    fn all(table: &Table<u32>) -> Vec<Probe> {
        let mut out = Vec::new();
        table.each_source(&|_| true, &mut |source: OfSource<'_>| out.extend_from_slice(source.asked));
        out
    }

    #[test]
    fn parts_join_in_any_order() {
        let count = 200_000;
        let mut whole = Table::default();
        let mut parts: Vec<Table<u32>> = (0..5).map(|_| Table::default()).collect();
        for n in 0..count {
            whole.add(probe(n));
            parts[(n % 5) as usize].add(probe(n));
        }
        whole.settle();
        let wanted = all(&whole);
        assert_eq!(wanted.iter().map(|probe| probe.count).sum::<u32>(), count);
        assert_eq!(wanted.len(), 50 * 3 * 7);
        for turn in 0..5 {
            let mut joined = Table::default();
            for at in 0..5 {
                joined.merge(parts[(at + turn) % 5].clone());
            }
            assert_eq!(all(&joined), wanted);
        }
    }

    #[test]
    fn sources_of_few_aims_become_a_count() {
        let mut table = Table::default();
        // Of each source so many aims as its number; in two parts.
        for part in 0..2 {
            for n in 0..40 {
                let aim = Probe {
                    src: 1 + n % 8,
                    slot: n + part,
                    dport: (n % (1 + n % 8)) as u16,
                    dst: 9,
                    ..probe(n)
                };
                table.add(aim);
            }
            table.settle();
        }
        let aims = |table: &Table<u32>, src: u32| {
            let of = all(table).into_iter().filter(|probe| probe.src as u32 == src).map(|probe| probe.dport);
            of.collect::<std::collections::BTreeSet<u16>>().len()
        };
        let before: Vec<usize> = (1..9).map(|src| aims(&table, src)).collect();
        let mut folded = Folded::default();
        table.fold(2, &mut folded);
        let gone = before.iter().filter(|aims| **aims <= 2).count();
        assert!(gone > 1 && gone < 8, "{before:?}");
        assert_eq!((folded.sources, folded.packets), (gone as u64, gone as u64 * 10));
        for (src, before) in (1..9).zip(before) {
            assert_eq!(aims(&table, src), if before <= 2 { 0 } else { before });
        }
    }
}

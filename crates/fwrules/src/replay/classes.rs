//! Classes: values that no test of a ruleset tells apart.
//!
//! Responsible for: numbering the classes of ports, lengths, flags, ids and addresses, and giving
//! each value its number.
//! Must not know: rules.
//! Tested by: `tests/compiled.rs`: equal answers on generated rulesets and packets.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use logparse::TcpFlags;

use crate::values::conntrack::valid_flags;
use crate::values::header::Flags;
use crate::values::net::{AddressRange, Net, Range};

/// Classes of a small number: a table with one entry per value.
#[derive(Debug)]
pub(crate) struct Table {
    /// By value.
    pub(crate) of: Vec<u32>,
    pub(crate) classes: u32,
}

/// Numbers the answers that a list of tests gives.
#[derive(Default)]
struct Signatures(HashMap<Vec<u64>, u32>);

impl Signatures {
    /// The class of these answers, from 1: 0 is for a field that is not shown.
    fn class(&mut self, answers: impl Iterator<Item = bool>) -> u32 {
        let mut bits = Vec::new();
        for (i, answer) in answers.enumerate() {
            if i % 64 == 0 {
                bits.push(0);
            }
            if answer && let Some(last) = bits.last_mut() {
                *last |= 1 << (i % 64);
            }
        }
        let next = self.0.len() as u32 + 1;
        *self.0.entry(bits).or_insert(next)
    }
}

/// Intervals that no test tells apart are made one class. With very many of them (a big set)
/// that would take longer than it saves.
fn worth_merging(tests: usize, intervals: usize) -> bool {
    tests.saturating_mul(intervals) < 1 << 26
}

impl Table {
    /// Classes of the numbers up to 65,535 by ranges; larger ones are as 65,535.
    pub(crate) fn ranges(tests: &[Range<u32>]) -> Option<Table> {
        if tests.is_empty() {
            return None;
        }
        let mut tests = tests.to_vec();
        tests.sort_unstable_by_key(|r| (r.first, r.last));
        tests.dedup();
        // 65,536 stands for everything above: BIG TCP.
        const END: u32 = 65_536;
        let mut cuts: BTreeSet<u32> = [0, END].into();
        for range in &tests {
            cuts.insert(range.first.min(END));
            cuts.insert(range.last.saturating_add(1).min(END));
        }
        let mut signatures = Signatures::default();
        let mut of = vec![0; END as usize + 1];
        let cuts: Vec<u32> = cuts.into_iter().collect();
        let merge = worth_merging(tests.len(), cuts.len());
        for (i, start) in cuts.iter().enumerate() {
            let end = cuts.get(i + 1).copied().unwrap_or(END + 1);
            let class =
                if merge { signatures.class(tests.iter().map(|r| r.contains(*start))) } else { i as u32 + 1 };
            of[*start as usize..end as usize].fill(class);
        }
        let classes = if merge { signatures.0.len() } else { cuts.len() };
        Some(Table { of, classes: classes as u32 })
    }

    /// Classes of TCP flags.
    pub(crate) fn flags(tests: &[Flags]) -> Table {
        let mut signatures = Signatures::default();
        let mut of = Vec::with_capacity(512);
        for bits in 0..512 {
            let flags = TcpFlags::from_bits(bits);
            let answers = tests.iter().map(|t| t.fit(flags));
            of.push(signatures.class(answers.chain([valid_flags(flags)])));
        }
        Table { of, classes: signatures.0.len() as u32 }
    }

    #[inline]
    pub(crate) fn class(&self, value: Option<u32>) -> u32 {
        match value {
            Some(value) => self.of[(value as usize).min(self.of.len() - 1)],
            None => 0,
        }
    }
}

/// Classes of a large number: where each begins.
#[derive(Debug)]
pub(crate) struct Cuts {
    pub(crate) starts: Vec<u32>,
}

impl Cuts {
    pub(crate) fn new(tests: &[Range<u32>]) -> Option<Cuts> {
        let mut starts: BTreeSet<u32> = [0].into();
        for range in tests {
            starts.insert(range.first);
            starts.extend(range.last.checked_add(1));
        }
        (!tests.is_empty()).then(|| Cuts { starts: starts.into_iter().collect() })
    }

    pub(crate) fn class(&self, value: Option<u32>) -> u32 {
        value.map_or(0, |v| self.starts.partition_point(|s| *s <= v) as u32)
    }
}

/// Classes of addresses: where each begins.
#[derive(Debug)]
pub(crate) struct Addresses {
    v4: Vec<u32>,
    v4_class: Vec<u32>,
    /// For each upper half of an IPv4 address, where in `v4` its addresses begin.
    top: Vec<u32>,
    v6: Vec<u128>,
    v6_class: Vec<u32>,
    pub(crate) classes: u32,
}

impl Addresses {
    pub(crate) fn new(tests: &[AddressRange], local: &[AddressRange], types: bool) -> Option<Addresses> {
        if tests.is_empty() && !types {
            return None;
        }
        let mut tests: Vec<AddressRange> = tests.to_vec();
        if types {
            tests.extend_from_slice(local);
            // Addresses whose type their number tells.
            let special =
                ["224.0.0.0/4", "255.255.255.255", "0.0.0.0", "127.0.0.0/8", "ff00::/8", "::1", "::"];
            tests.extend(special.iter().filter_map(|net| Net::parse(net)?.range()));
        }
        tests.sort_unstable_by_key(|r| (r.first, r.last));
        tests.dedup();
        let mut v4_cuts: BTreeSet<u32> = [0].into();
        let mut v6_cuts: BTreeSet<u128> = [0].into();
        for range in &tests {
            match (range.first, range.last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4_cuts.insert(first.to_bits());
                    v4_cuts.extend(last.to_bits().checked_add(1));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    v6_cuts.insert(first.to_bits());
                    v6_cuts.extend(last.to_bits().checked_add(1));
                }
                _ => {}
            }
        }
        let v4: Vec<u32> = v4_cuts.into_iter().collect();
        let v6: Vec<u128> = v6_cuts.into_iter().collect();
        let merge = worth_merging(tests.len(), v4.len() + v6.len());
        let mut signatures = Signatures::default();
        let mut next = 0;
        let mut class = |addr: IpAddr| {
            next += 1;
            if merge { signatures.class(tests.iter().map(|t| t.contains(addr))) } else { next }
        };
        let v4_class: Vec<u32> = v4.iter().map(|a| class(IpAddr::V4((*a).into()))).collect();
        let v6_class: Vec<u32> = v6.iter().map(|a| class(IpAddr::V6((*a).into()))).collect();
        let top = (0..=0x1_0000_u64)
            .map(|half| v4.partition_point(|a| u64::from(*a) < half << 16) as u32)
            .collect();
        let classes = v4_class.iter().chain(&v6_class).copied().max().unwrap_or(0);
        Some(Addresses { v4, v4_class, top, v6, v6_class, classes })
    }

    #[inline]
    pub(crate) fn class(&self, addr: Option<IpAddr>) -> u32 {
        match addr {
            None => 0,
            Some(IpAddr::V4(addr)) => self.v4_class(addr.to_bits()),
            Some(IpAddr::V6(addr)) => {
                let at = self.v6.partition_point(|a| *a <= addr.to_bits());
                self.v6_class[at - 1]
            }
        }
    }

    /// The class of an IPv4 address.
    #[inline]
    pub(crate) fn v4_class(&self, bits: u32) -> u32 {
        let half = (bits >> 16) as usize;
        let (from, to) = (self.top[half] as usize, self.top[half + 1] as usize);
        let within = self.v4[from..to].partition_point(|a| *a <= bits);
        // The interval may begin before this half.
        self.v4_class[from + within - 1]
    }
}

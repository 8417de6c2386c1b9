//! What every source asked for, and when: what scans are found in.
//!
//! A scan is told by what one sender asks over hours and days, so nothing is judged while lines are read: every line is
//! reduced to a [`Probe`], and probes that ask the same again within a minute become one. What is kept is a map with
//! values that join in any order, so that threads, chunks, files and hosts give the same. The judgement belongs to the
//! reader of [`Scans::each_source`].
//!
//! Responsible for: this map, in bounded memory.
//! Must not know: what a scan is.
//! Tested by: the unit tests of its files, any threads and chunks in `fwstat/tests/cli/scans.rs`.

mod fold;
mod kept;
mod probe;
mod table;

pub use fold::Folded;
pub use probe::{Kind, OfSource, Probe, SLOT};

use std::mem::size_of;
use std::net::IpAddr;

use self::probe::Facts;
use self::table::Table;
use super::Aggregate;
use crate::record::Record;

/// The part of the memory that the tables may take: the rest is for packets that are not yet in order, and for what scans are
/// found with.
const TABLES: (usize, usize) = (2, 5);
/// The part of it for packets that are not yet in order.
const OPEN: usize = 5;
/// Sources that asked for more things than this never become a count.
const MOST: usize = 64;

/// What every source asked for.
#[derive(Clone, Debug)]
pub struct Scans {
    four: Table<u32>,
    six: Table<u128>,
    /// Bytes that all parts together may use; none: as many as are needed.
    room: Option<usize>,
    /// Of how many parts this one is, and how many were joined in it.
    parts: (usize, usize),
    folded: Folded,
    /// Packets that ask for nothing.
    answers: u64,
    /// Packets that can be no part of a scan: broadcasts, packets of this host, lines of other programs.
    others: u64,
}

impl Scans {
    /// Nothing yet. If that, joined with `parts` others, and looking for scans in it would use more than `room` bytes, sources
    /// that asked for one thing only become a count; those that asked for more, if that is not enough.
    #[must_use]
    pub fn new(room: Option<usize>, parts: usize) -> Scans {
        let open = room.map(|room| room / OPEN / parts.max(1));
        Scans {
            four: Table::within(open),
            six: Table::within(open),
            room,
            parts: (parts.max(1), 1),
            folded: Folded::default(),
            answers: 0,
            others: 0,
        }
    }

    /// Packets that ask for nothing: answers, resets, late packets of connections.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// Packets that can be no part of a scan: broadcasts, packets of this host, lines of other programs.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// The sources that became a count.
    #[must_use]
    pub fn folded(&self) -> &Folded {
        &self.folded
    }

    /// Gives `with` the probes of each source that is wanted; sources come in the order of their addresses.
    pub fn each_source(&self, wanted: impl Fn(u128) -> bool, mut with: impl FnMut(OfSource<'_>)) {
        self.four.each_source(&wanted, &mut with);
        self.six.each_source(&wanted, &mut with);
    }

    /// The same of some sources only.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(u128) -> bool) -> Scans {
        Scans { four: self.four.only(&wanted), six: self.six.only(&wanted), ..Scans::new(self.room, 1) }
    }

    fn bytes(&self) -> usize {
        self.four.len() * size_of::<Probe<u32>>() + self.six.len() * size_of::<Probe<u128>>()
    }

    /// Makes room, if there is none.
    fn fold(&mut self) {
        let Some(room) = self.room else { return };
        let (of, joined) = self.parts;
        let room = room / TABLES.1 * TABLES.0 / of * joined;
        let mut most = 1;
        while self.bytes() > room && most <= MOST {
            self.four.fold(most, &mut self.folded);
            self.six.fold(most, &mut self.folded);
            self.folded.most = self.folded.most.max(most as u64);
            most *= 2;
        }
    }
}

impl Aggregate for Scans {
    fn add(&mut self, record: &Record<'_>) {
        let times = record.times();
        let Some(facts) = Facts::of(record) else {
            self.others += times;
            return;
        };
        if facts.kind == Kind::Answer {
            self.answers += times;
        }
        let full = match (facts.src, facts.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => self.four.add(facts.probe(src.to_bits(), dst.to_bits())),
            (IpAddr::V6(src), IpAddr::V6(dst)) => self.six.add(facts.probe(src.to_bits(), dst.to_bits())),
            _ => false,
        };
        if full {
            self.fold();
        }
    }

    fn merge(&mut self, other: Scans) {
        self.four.merge(other.four);
        self.six.merge(other.six);
        self.folded.merge(other.folded);
        self.answers += other.answers;
        self.others += other.others;
        self.parts.1 = (self.parts.1 + other.parts.1).min(self.parts.0);
        self.fold();
    }

    fn settle(&mut self) {
        self.four.settle();
        self.six.settle();
        self.fold();
    }
}

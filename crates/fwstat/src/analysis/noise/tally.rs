//! What is counted of a log to find its noise: every packet as a kind of packet, by source.
//!
//! Responsible for: one pass over the log in bounded memory.
//! Must not know: what is noise.
//! Tested by: `tests/cli/suggest.rs`: labelled logs, any number of threads.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fwrules::RuleId;

use super::classes::{Classes, Remembered};
use super::ground::{Fronts, Ground, Kept, Scope, Way, number};
use super::packet::{Glance, Kind, Many};
use super::pairs::Pairs;
use super::site::{Answer, Asker};
use super::sources::{Bounded, Hosts, Lines, Sources};
use fwlog::aggregate::Aggregate;
use fwlog::record::Record;
use fwlog::time::clock::NANOS;

/// Talk on one's own network: what, to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chatter {
    /// IPv6.
    pub v6: bool,
    /// What.
    pub kind: Kind,
    /// To whom; solicited-node groups are one.
    pub dst: IpAddr,
    /// Broadcast or multicast.
    pub many: Many,
}

impl Hash for Chatter {
    /// Two words: on a network of many talkers most lines are looked up here.
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u128(number(self.dst));
        hasher.write_u64(u64::from(self.kind.number()) << 2 | u64::from(self.v6) << 1 | self.many as u64);
    }
}

/// The counts of one pass.
#[derive(Debug)]
pub struct Tally<'g> {
    ground: &'g Ground,
    /// Rules that were there and take lines count first.
    asker: Option<(Asker<'g>, Remembered<'g, Option<RuleId>>)>,
    fronts: Fronts,
    /// Lines of each front, until they are settled, and its prefix.
    of_fronts: Vec<(u64, Vec<u8>)>,
    /// Lines that rules take that were there, rule by rule. IPv6: true.
    pub old: BTreeMap<(bool, RuleId), u64>,
    /// Everything that came in and is not taken by rules that were there.
    pub open: u64,
    /// Lines that rules take that were there.
    pub taken: u64,
    /// Lines of packets that this host sent.
    pub outgoing: Lines,
    /// Lines of packets that passed through.
    pub forwarded: Lines,
    /// Lines of other protocols than IP.
    pub others: u64,
    /// Lines that are kept for their prefix, by kind. IPv6: true.
    pub kept: Pairs<bool>,
    /// Lines whose prefix says that they were let in.
    pub let_in: Pairs<bool>,
    /// Broadcast and multicast.
    pub chatter: Bounded<Chatter, (Lines, Few)>,
    /// Unicast of one's own network and of those who are trusted.
    pub own: Hosts,
    /// Unicast from everywhere else.
    pub outside: Sources,
    /// This host's addresses, by lines.
    pub here: Bounded<IpAddr, u64>,
    latest_here: Box<[(IpAddr, u64); HERE]>,
    /// Where this host's packets were going: destination, protocol, port.
    pub going: Hosts,
    /// Prefixes of lines that came in, with a count.
    pub prefixes: BTreeMap<Vec<u8>, u64>,
}

/// Some addresses: the smallest, [`FEW`] at most.
#[derive(Clone, Debug)]
pub struct Few {
    set: BTreeSet<IpAddr>,
    /// Those seen last, at places of their own: the same few talk all the time.
    latest: [IpAddr; LATEST],
}

/// How many addresses [`Few`] are at most.
pub const FEW: usize = 256;
const LATEST: usize = 16;
const PREFIXES: usize = 256;
/// Addresses of this host kept at hand.
const HERE: usize = 256;
/// Kinds of lines kept for their prefix.
const KINDS: usize = 1 << 14;

impl Default for Few {
    fn default() -> Few {
        Few { set: BTreeSet::new(), latest: [IpAddr::V4(Ipv4Addr::UNSPECIFIED); LATEST] }
    }
}

impl Few {
    #[inline]
    fn put(&mut self, addr: IpAddr) {
        let latest = &mut self.latest[last_byte(addr) % LATEST];
        if *latest != addr || addr.is_unspecified() {
            *latest = addr;
            self.insert(addr);
        }
    }

    fn insert(&mut self, addr: IpAddr) {
        let beyond = self.set.len() == FEW && self.set.last().is_some_and(|last| addr > *last);
        if !beyond && self.set.insert(addr) && self.set.len() > FEW {
            self.set.pop_last();
        }
    }

    /// They, in order.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> {
        self.set.iter().copied()
    }
}

/// What tells the addresses of one network apart.
#[inline]
fn last_byte(addr: IpAddr) -> usize {
    usize::from(match addr {
        IpAddr::V4(addr) => addr.octets()[3],
        IpAddr::V6(addr) => addr.octets()[15],
    })
}

/// When a record was written, in seconds; 0 if that is not known.
#[must_use]
pub fn seconds(record: &Record<'_>) -> u32 {
    record.when.and_then(|when| u32::try_from(when.utc.div_euclid(NANOS)).ok()).unwrap_or(0)
}

/// `ff02::1:ff00:0`.
const SOLICITED: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;

/// A group's address; all groups of neighbours' questions are one.
fn group(dst: IpAddr) -> IpAddr {
    match dst {
        // ff02::1:ff00:0/104
        IpAddr::V6(a) if a.to_bits() >> 24 == SOLICITED >> 24 => Ipv6Addr::from_bits(SOLICITED).into(),
        _ => dst,
    }
}

impl<'g> Tally<'g> {
    /// Nothing yet. `asker` is asked about rules that take lines already.
    #[must_use]
    pub fn new(ground: &'g Ground, asker: Option<(Asker<'g>, Option<&'g Classes>)>) -> Tally<'g> {
        Tally {
            ground,
            asker: asker.map(|(asker, classes)| (asker, Remembered::new(classes))),
            fronts: Fronts::default(),
            of_fronts: Vec::new(),
            old: BTreeMap::new(),
            open: 0,
            taken: 0,
            outgoing: Lines::default(),
            forwarded: Lines::default(),
            others: 0,
            kept: Pairs::new(KINDS, 4 * KINDS),
            let_in: Pairs::new(KINDS, 4 * KINDS),
            chatter: Bounded::new(1 << 12),
            own: Hosts::new(1 << 15),
            outside: Sources::default(),
            here: Bounded::new(1 << 10),
            latest_here: Box::new([(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0); HERE]),
            going: Hosts::new(1 << 12),
            prefixes: BTreeMap::new(),
        }
    }

    /// Throws out what is beyond the limits. Needed before anything is asked.
    pub fn trim(&mut self) {
        self.chatter.trim();
        self.here.trim();
    }

    /// The rule that was there and takes this line.
    fn old(&mut self, record: &Record<'_>) -> Option<RuleId> {
        let (asker, known) = self.asker.as_mut()?;
        known.get(record, |record| match asker.ask(record) {
            Answer::Old(rule) => Some(rule),
            _ => None,
        })
    }

    /// Counts one of this host's addresses: there are few, so the latest are kept at hand.
    #[inline]
    fn here(&mut self, dst: IpAddr, times: u64) {
        let place = &mut self.latest_here[last_byte(dst) % HERE];
        if place.0 != dst {
            let (other, lines) = std::mem::replace(place, (dst, 0));
            if lines > 0 {
                self.here.at(other, |count| *count += lines);
            }
        }
        place.1 += times;
    }

    /// Counts the prefix of a line that came in.
    #[inline]
    fn prefix(&mut self, record: &Record<'_>, times: u64) {
        let Some(id) = record.line.fast().map(|scanned| scanned.prefix_key().index()) else {
            return self.count_prefix(record.prefix(), times);
        };
        if self.of_fronts.len() <= id {
            self.of_fronts.resize(id + 1, (0, Vec::new()));
        }
        let (lines, prefix) = &mut self.of_fronts[id];
        if *lines == 0 {
            *prefix = record.prefix().to_vec();
        }
        *lines += times;
    }

    fn count_prefix(&mut self, prefix: &[u8], times: u64) {
        match self.prefixes.get_mut(prefix) {
            Some(count) => *count += times,
            None => {
                self.prefixes.insert(prefix.to_vec(), times);
                if self.prefixes.len() > PREFIXES {
                    self.prefixes.pop_last();
                }
            }
        }
    }
}

impl Aggregate for Tally<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let (times, when) = (record.times(), seconds(record));
        let Some(Glance { src, dst, kind, many }) = Glance::of(record) else {
            self.others += times;
            return;
        };
        let front = self.fronts.of(record, self.ground);
        match front.way {
            Way::Out => {
                self.outgoing.add(times, when);
                self.going.count(dst, kind, times, when);
                return;
            }
            Way::Through => return self.forwarded.add(times, when),
            Way::In => {}
        }
        let v6 = src.is_ipv6();
        if let Some(rule) = self.old(record) {
            *self.old.entry((v6, rule)).or_default() += times;
            self.taken += times;
            return;
        }
        self.open += times;
        self.prefix(record, times);
        match front.kept {
            Some(Kept::NearHit) => return self.kept.count(v6, kind, times, when),
            Some(Kept::LetIn) => return self.let_in.count(v6, kind, times, when),
            None => {}
        }
        if let Some(many) = many {
            return self.chatter.at(Chatter { v6, kind, dst: group(dst), many }, |(lines, sources)| {
                lines.add(times, when);
                sources.put(src);
            });
        }
        self.here(dst, times);
        match self.ground.scope(src) {
            Scope::Own => self.own.count(src, kind, times, when),
            Scope::Outside => self.outside.add(src, kind, times, when),
        }
    }

    fn settle(&mut self) {
        self.kept.settle();
        self.let_in.settle();
        self.own.settle();
        self.going.settle();
        self.outside.settle();
        for (addr, lines) in self.latest_here.iter_mut().filter(|(_, lines)| *lines > 0) {
            self.here.at(*addr, |count| *count += std::mem::take(lines));
        }
        for (lines, prefix) in std::mem::take(&mut self.of_fronts) {
            if lines > 0 {
                self.count_prefix(&prefix, lines);
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (rule, lines) in other.old {
            *self.old.entry(rule).or_default() += lines;
        }
        self.open += other.open;
        self.taken += other.taken;
        self.outgoing.join(other.outgoing);
        self.forwarded.join(other.forwarded);
        self.others += other.others;
        // One's own hosts beside all others: either may be a good part of everything.
        rayon::join(|| self.outside.merge(other.outside), || self.own.merge(other.own));
        self.kept.merge(other.kept);
        self.let_in.merge(other.let_in);
        self.chatter.merge(other.chatter, |own, other| {
            own.0.join(other.0);
            other.1.iter().for_each(|addr| own.1.insert(addr));
        });
        self.here.merge(other.here, |own, other| *own += other);
        self.going.merge(other.going);
        for (prefix, count) in other.prefixes {
            self.count_prefix(&prefix, count);
        }
    }
}

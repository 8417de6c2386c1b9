//! Several senders that do one scan: decoys, neighbours, a list that is divided among strangers' addresses.
//!
//! Responsible for: which senders belong together.
//! Must not know: how one sender is judged.
//! Tested by: `tests/cli/scans.rs`.

use std::collections::{BTreeMap, BTreeSet};

use fwlog::aggregate::scans::{Kind, Probe};
use hashbrown::HashMap;

use super::aim::{AIMS, Aim, Traits, aim, distinct, host, is_made, pair, port};
use super::likeness::{self, Asker};
use super::made::FEWEST;
use super::ports;
use super::runs::{self, Ask, HOUR};
use super::sender::Part;
use super::twins::{self, Mark};

/// What one source asked for in one run with one tool.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Who; of a network, the first.
    pub src: u128,
    /// Which of the sender's pieces it is.
    pub nth: u32,
    /// What its packets have in common.
    pub traits: Traits,
    /// Its first packet.
    pub begin: i64,
    /// Its last packet.
    pub end: i64,
    /// Its probes, and how many of them a tool made.
    pub probes: (u32, u32),
    /// All of them are for hosts behind this one.
    pub forwarded: bool,
    /// The scan that it is a part of, with other pieces of the same sender; none for a sender that scans nothing.
    pub of: Option<u32>,
    /// Where what it asked for is among that of all.
    asked: (u32, u32),
    /// Where its marks are.
    marks: (u32, u32),
}

impl Piece {
    /// How many different things it asked for.
    #[must_use]
    pub fn aims(&self) -> usize {
        (self.asked.1 - self.asked.0) as usize
    }

    /// A tool made the packets.
    fn is_made(&self) -> bool {
        self.probes.1 * 5 >= self.probes.0 * 4
    }
}

/// The pieces of all senders.
#[derive(Debug, Default)]
pub struct Pieces {
    /// Each of them.
    pub list: Vec<Piece>,
    /// Each aim of each piece, when it was asked for first; in the order of time.
    asked: Vec<(i64, Aim)>,
    /// Marks of packets, by which decoys are known: the smallest of each piece.
    marks: Vec<Mark>,
    /// The sources of those pieces that have several.
    several: HashMap<u32, Vec<u128>>,
    /// What one piece asked for, while it is put in order.
    scratch: Vec<u128>,
}

impl Pieces {
    /// Adds a part of what a sender asked for.
    pub fn add(&mut self, asked: &[Probe], part: &Part, nth: u32, of: Option<u32>) {
        let own = || part.members.iter().map(|at| &asked[*at as usize]);
        let from = (self.asked.len() as u32, self.marks.len() as u32);
        let src = own().next().map_or(0, |probe| probe.src);
        let (mut end, mut made, mut forwarded, mut is_several) = (0, 0, true, false);
        let mut aims = std::mem::take(&mut self.scratch);
        for probe in own() {
            end = probe.end().max(end);
            made += u32::from(is_made(probe));
            forwarded &= probe.is(Probe::<u128>::FORWARDED);
            is_several |= probe.src != src;
            aims.push(pair(aim(probe), probe.begin() as u64));
        }
        // The first of each aim; then in the order of time.
        aims.sort_unstable();
        aims.dedup_by_key(|aim| *aim >> 64);
        aims.iter_mut().for_each(|aim| *aim = aim.rotate_left(64));
        aims.sort_unstable();
        self.asked.extend(aims.drain(..).map(|asked| ((asked >> 64) as i64, asked as Aim)));
        self.scratch = aims;
        if of.is_some() || part.decoy {
            self.marks.append(&mut twins::marks(own()));
        }
        if is_several {
            let all = distinct(own().map(|probe| probe.src).collect());
            self.several.insert(self.list.len() as u32, all);
        }
        self.list.push(Piece {
            src,
            nth,
            traits: part.traits,
            begin: self.asked.get(from.0 as usize).map_or(0, |(begin, _)| *begin),
            end,
            probes: (part.members.len() as u32, made),
            forwarded,
            of,
            asked: (from.0, self.asked.len() as u32),
            marks: (from.1, self.marks.len() as u32),
        });
    }

    /// Each aim of a piece, when it was asked for first; in the order of time.
    #[must_use]
    pub fn asked(&self, piece: &Piece) -> &[(i64, Aim)] {
        &self.asked[piece.asked.0 as usize..piece.asked.1 as usize]
    }

    fn marks(&self, piece: &Piece) -> &[Mark] {
        &self.marks[piece.marks.0 as usize..piece.marks.1 as usize]
    }

    /// The different aims of some pieces, in order.
    #[must_use]
    pub fn union<'p>(&self, some: impl Iterator<Item = &'p Piece>) -> Vec<Aim> {
        distinct(some.flat_map(|piece| self.asked(piece).iter().map(|(_, aim)| *aim)).collect())
    }

    /// The sources of some pieces, in order.
    #[must_use]
    pub fn sources(&self, some: &[u32]) -> Vec<u128> {
        let of = |at: &u32| match self.several.get(at) {
            Some(all) => all.clone(),
            None => vec![self.list[*at as usize].src],
        };
        distinct(some.iter().flat_map(of).collect())
    }

    /// Its host, if it is one.
    fn host(&self, piece: &Piece) -> Option<u64> {
        let mut hosts = self.asked(piece).iter().map(|(_, aim)| host(*aim));
        let first = hosts.next()?;
        hosts.all(|host| host == first).then_some(first)
    }

    fn ports(&self, piece: &Piece) -> Vec<u16> {
        distinct(self.asked(piece).iter().filter_map(|(_, aim)| port(*aim)).collect())
    }
}

/// How a scan's senders were found to belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// There is one.
    Alone,
    /// All send the same packets at the same time.
    Decoys,
    /// They share a network and divide the aims.
    Neighbours,
    /// They divide a list of ports, or the addresses of a network.
    Divided,
}

/// Pieces that belong together.
#[derive(Clone, Debug)]
pub struct Group {
    /// Their places.
    pub members: Vec<u32>,
    /// Why.
    pub how: How,
}

/// Which pieces of several senders belong together; `hosts` were asked in all. What is left of a scan whose other
/// pieces belong to others is a group too, if it is enough to be one.
#[must_use]
pub fn groups(pieces: &Pieces, hosts: usize) -> Vec<Group> {
    let mut siblings: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (at, piece) in (0..).zip(&pieces.list) {
        if let Some(of) = piece.of {
            siblings.entry(of).or_default().push(at);
        }
    }
    let mut merger =
        Merger { free: vec![true; pieces.list.len()], pieces, siblings, groups: Vec::new(), hosts };
    merger.decoys();
    merger.neighbours(|source| if is_v4(source) { Some(source >> 8) } else { Some(source >> 64) }, NEAR);
    merger.neighbours(|source| if is_v4(source) { None } else { Some(source >> 80) }, NEAR);
    merger.divided();
    merger.neighbours(|source| if is_v4(source) { Some(source >> 16) } else { None }, WIDE);
    merger.left_over();
    merger.groups
}

fn is_v4(source: u128) -> bool {
    source >> 32 == 0xffff
}

/// What neighbours must have together.
#[derive(Clone, Copy)]
struct Bar {
    sources: usize,
    aims: usize,
    /// Aims of all, for each different one.
    again: f64,
    /// Aims of one at most.
    each: usize,
}

/// So many aims of sources of one network may be one scan.
pub const NEIGHBOURS: usize = 20;

const NEAR: Bar = Bar { sources: 2, aims: NEIGHBOURS, again: 1.3, each: usize::MAX };
const WIDE: Bar = Bar { sources: 20, aims: 40, again: 1.1, each: 3 };

struct Merger<'p> {
    pieces: &'p Pieces,
    /// Whether a piece belongs to no group yet.
    free: Vec<bool>,
    /// The pieces of each scan of one sender.
    siblings: BTreeMap<u32, Vec<u32>>,
    groups: Vec<Group>,
    /// How many different hosts were asked in all.
    hosts: usize,
}

impl Merger<'_> {
    fn piece(&self, at: u32) -> &Piece {
        &self.pieces.list[at as usize]
    }

    fn asked(&self, at: u32) -> &[(i64, Aim)] {
        self.pieces.asked(self.piece(at))
    }

    fn is_free(&self, at: u32) -> bool {
        self.free[at as usize]
    }

    fn join(&mut self, members: &[u32], how: How) {
        let mut all: BTreeSet<u32> = members.iter().copied().collect();
        // A little that one of the sources sent with another tool goes with the rest.
        for of in members.iter().filter_map(|at| self.piece(*at).of) {
            let little = |at: &&u32| self.is_free(**at) && self.piece(**at).aims() < AIMS;
            all.extend(self.siblings.get(&of).into_iter().flatten().filter(little));
        }
        for at in &all {
            self.free[*at as usize] = false;
        }
        self.groups.push(Group { members: all.into_iter().collect(), how });
    }

    /// Senders of the same packets at the same time.
    fn decoys(&mut self) {
        const TOGETHER: i64 = 60_000;
        // Hardly any mark is there more than once.
        let often = twins::often(self.pieces.marks.clone(), usize::MAX);
        if often.is_empty() {
            return;
        }
        let mut marks: Vec<(Mark, u32)> = Vec::new();
        for (at, piece) in (0..).zip(&self.pieces.list) {
            let own = self.pieces.marks(piece).iter().filter(|mark| often.binary_search(mark).is_ok());
            marks.extend(own.map(|mark| (*mark, at)));
        }
        marks.sort_unstable();
        let mut groups: BTreeMap<Vec<u32>, Vec<Mark>> = BTreeMap::new();
        for same in marks.chunk_by(|a, b| a.0 == b.0) {
            let begin = |at: u32| self.piece(at).begin;
            let mut members: Vec<u32> = same.iter().map(|(_, at)| *at).collect();
            members.sort_unstable_by_key(|at| (begin(*at), *at));
            let mut rest = &members[..];
            while let [first, ..] = *rest {
                let until = begin(first) + TOGETHER;
                let (together, later) = rest.split_at(rest.partition_point(|at| begin(*at) <= until));
                rest = later;
                let sources = distinct(together.iter().map(|at| self.piece(*at).src).collect());
                if sources.len() >= twins::SENDERS {
                    groups.entry(distinct(together.to_vec())).or_default().push(same[0].0);
                }
            }
        }
        // Groups that share a sender are one; a line that was lost makes a smaller group.
        let mut joined: Vec<(BTreeSet<u32>, Vec<Mark>)> = Vec::new();
        for (group, marks) in groups {
            let (mut group, mut marks): (BTreeSet<u32>, Vec<Mark>) = (group.into_iter().collect(), marks);
            let (touching, others): (Vec<_>, Vec<_>) =
                joined.into_iter().partition(|(other, _)| !other.is_disjoint(&group));
            for (other, more) in touching {
                group.extend(other);
                marks.extend(more);
            }
            joined = others;
            joined.push((group, marks));
        }
        for (group, _) in joined.into_iter().filter(|(_, marks)| twins::are_sure(marks)) {
            let group: Vec<u32> = group.into_iter().collect();
            if self.union(&group).len() >= FEWEST {
                self.join(&group, How::Decoys);
            }
        }
    }

    /// Senders of one network, as `network` names it, that divide the aims among them.
    fn neighbours(&mut self, network: impl Fn(u128) -> Option<u128>, bar: Bar) {
        let mut all: Vec<(u128, Traits, u32)> = (0..)
            .zip(&self.pieces.list)
            .filter(|(at, piece)| self.is_free(*at) && piece.aims() <= bar.each)
            .filter_map(|(at, piece)| Some((network(piece.src)?, piece.traits, at)))
            .collect();
        all.sort_unstable();
        for own in all.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|own| own.len() >= bar.sources) {
            let members: Vec<u32> = own.iter().map(|(.., at)| *at).collect();
            for run in self.together(&members, HOUR) {
                let run = self.dividing(run);
                if self.are_neighbours(&run, bar) {
                    self.join(&run, How::Neighbours);
                }
            }
        }
    }

    fn are_neighbours(&self, run: &[u32], bar: Bar) -> bool {
        let sources = distinct(run.iter().map(|at| self.piece(*at).src).collect());
        let sum: usize = run.iter().map(|at| self.piece(*at).aims()).sum();
        if sources.len() < bar.sources || sum < bar.aims {
            return false;
        }
        let union = self.union(run);
        union.len() >= bar.aims
            && sum as f64 / union.len() as f64 <= bar.again
            && self.overlap(run)
            && !likeness::is_client(self.asker(run), &union)
    }

    /// Who some pieces are of, all together.
    fn asker(&self, run: &[u32]) -> Asker {
        let made: usize =
            run.iter().filter(|at| self.piece(**at).is_made()).map(|at| self.piece(*at).aims()).sum();
        let all: usize = run.iter().map(|at| self.piece(*at).aims()).sum();
        Asker {
            made: made * 5 >= all * 4,
            private: run.first().is_some_and(|at| likeness::is_private(self.piece(*at).src)),
            forwarded: run.iter().all(|at| self.piece(*at).forwarded),
        }
    }

    /// The different aims of some pieces, in order.
    fn union(&self, run: &[u32]) -> Vec<Aim> {
        self.pieces.union(run.iter().map(|at| self.piece(*at)))
    }

    /// Without those that mostly ask for what others ask for too.
    fn dividing(&self, run: Vec<u32>) -> Vec<u32> {
        let mut askers: HashMap<Aim, u32> = HashMap::new();
        for (_, aim) in run.iter().flat_map(|at| self.asked(*at)) {
            *askers.entry(*aim).or_default() += 1;
        }
        let own = |at: &u32| {
            let asked = self.asked(*at);
            asked.iter().filter(|(_, aim)| askers[aim] == 1).count() * 10 >= asked.len() * 7
        };
        run.into_iter().filter(own).collect()
    }

    /// Whether most pieces go on while others do, if they are long enough to say.
    fn overlap(&self, run: &[u32]) -> bool {
        let long = run.iter().map(|at| self.piece(*at)).filter(|piece| piece.aims() >= AIMS);
        let mut spans: Vec<(i64, i64)> = long.map(|piece| (piece.begin, piece.end)).collect();
        spans.sort_unstable();
        spans.len() < 2
            || spans.windows(2).filter(|pair| pair[1].0 <= pair[0].1).count() * 2 >= spans.len() - 1
    }

    /// The pieces cut by the pace of all of them.
    fn together(&self, members: &[u32], least: i64) -> Vec<Vec<u32>> {
        let mut asked: Vec<(i64, Aim, u32)> = members
            .iter()
            .flat_map(|at| self.asked(*at).iter().map(move |(begin, aim)| (*begin, *aim, *at)))
            .collect();
        asked.sort_unstable();
        let asks: Vec<Ask> =
            asked.iter().map(|(begin, aim, _)| Ask { begin: *begin, end: *begin, aim: *aim }).collect();
        let mut seen: BTreeSet<u32> = BTreeSet::new();
        runs::cut(&asks, least)
            .into_iter()
            .map(|run| {
                let own = distinct(asked[run].iter().map(|(.., at)| *at).collect::<Vec<u32>>());
                // A piece is where it begins.
                own.into_iter().filter(|at| seen.insert(*at)).collect()
            })
            .collect()
    }

    /// Far senders that divide a list of ports of one host, or the hosts of a network at one port.
    fn divided(&mut self) {
        let mut by_host: Vec<(u64, Traits, u32)> = Vec::new();
        let mut by_port: Vec<(u16, Traits, u32)> = Vec::new();
        for (at, piece) in (0..).zip(&self.pieces.list).filter(|(at, _)| self.is_free(*at)) {
            const WITH_PORTS: [Kind; 6] =
                [Kind::Syn, Kind::Udp, Kind::Fin, Kind::Null, Kind::Xmas, Kind::Ack];
            if !piece.traits.is_of(&WITH_PORTS) {
                continue;
            }
            let asked = self.pieces.asked(piece);
            let mut ports = asked.iter().filter_map(|(_, aim)| port(*aim));
            if let Some(host) = self.pieces.host(piece) {
                if asked.len() <= SHARE || self.pieces.ports(piece).len() <= SHARE {
                    by_host.push((host, piece.traits, at));
                }
            } else if let Some(only) = ports.next()
                && ports.all(|port| port == only)
            {
                by_port.push((only, piece.traits, at));
            }
        }
        for members in alike(by_host) {
            for run in self.together(&members, 6 * HOUR) {
                self.list(&run);
            }
        }
        for members in alike(by_port) {
            for run in self.together(&members, 6 * HOUR) {
                self.spread(&run);
            }
        }
    }

    /// Ports of one host: strangers would ask for the same ones, shares of a list are different.
    fn list(&mut self, run: &[u32]) {
        // Shares are of like size: those that asked for more than one thing, else those that asked for one.
        for single in [false, true] {
            let is_such = |at: &u32| self.is_free(*at) && single == (self.piece(*at).aims() == 1);
            let some: Vec<u32> = run.iter().copied().filter(is_such).collect();
            if let Some(members) = self.share(&some) {
                self.join(&members, How::Divided);
            }
        }
    }

    fn share(&self, run: &[u32]) -> Option<Vec<u32>> {
        if run.len() < SENDERS {
            return None;
        }
        let mut best: Option<(usize, Vec<u32>)> = None;
        let shares: Vec<(u32, Vec<u16>)> =
            run.iter().map(|at| (*at, self.pieces.ports(self.piece(*at)))).collect();
        for list in ports::lists() {
            let of_list =
                |share: &[u16]| share.iter().filter(|port| list.has(**port)).count() * 10 >= share.len() * 9;
            let inside: Vec<&(u32, Vec<u16>)> = shares.iter().filter(|(_, share)| of_list(share)).collect();
            let sum: usize = inside.iter().map(|(_, share)| share.len()).sum();
            let union =
                distinct(inside.iter().flat_map(|(_, share)| share.iter().copied()).collect::<Vec<u16>>());
            let sources = distinct(inside.iter().map(|(at, _)| self.piece(*at).src).collect());
            if sources.len() < SENDERS || union.len() < LIST {
                continue;
            }
            // How often strangers would have asked for the same port.
            let expected = (sum * sum) as f64 / (2.0 * list.count() as f64);
            let again = (sum - union.len()) as f64;
            let fits = expected >= EXPECTED && again <= expected * 0.2;
            if fits && best.as_ref().is_none_or(|(most, _)| sum > *most) {
                best = Some((sum, inside.iter().map(|(at, _)| *at).collect()));
            }
        }
        best.map(|(_, members)| members)
    }

    /// Hosts of a network at one port.
    fn spread(&mut self, run: &[u32]) {
        let run: Vec<u32> = run.iter().copied().filter(|at| self.is_free(*at)).collect();
        let union = self.union(&run);
        let sum: usize = run.iter().map(|at| self.piece(*at).aims()).sum();
        let sources = distinct(run.iter().map(|at| self.piece(*at).src).collect());
        let enough = union.len() >= LIST && union.len() * 4 >= self.hosts;
        if sources.len() >= SENDERS && enough && sum as f64 / union.len() as f64 <= 2.0 {
            self.join(&run, How::Divided);
        }
    }

    /// What is left of scans some pieces of which belong to others.
    fn left_over(&mut self) {
        let mut left: Vec<Vec<u32>> = Vec::new();
        for own in self.siblings.values().filter(|own| own.iter().any(|at| !self.is_free(*at))) {
            let free: Vec<u32> = own.iter().copied().filter(|at| self.is_free(*at)).collect();
            let is_sctp = free.iter().any(|at| self.piece(*at).traits.is_of(&[Kind::Sctp]));
            if self.union(&free).len() >= AIMS || is_sctp {
                left.push(free);
            }
        }
        for members in left {
            self.join(&members, How::Alone);
        }
    }
}

/// Members by what they have in common, if there are enough.
fn alike<T: Ord + Copy>(mut all: Vec<(T, Traits, u32)>) -> Vec<Vec<u32>> {
    all.sort_unstable();
    let same = all.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|own| own.len() >= SENDERS);
    same.map(|own| own.iter().map(|(.., at)| *at).collect()).collect()
}

/// Senders that divide a list at least; ports that one has at most; ports of the list that they have together.
const SENDERS: usize = 10;
const SHARE: usize = 60;
const LIST: usize = 60;
/// Ports that strangers would have had in common at least.
const EXPECTED: f64 = 12.0;

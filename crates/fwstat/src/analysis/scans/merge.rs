//! Several senders that do one scan: decoys, neighbours, a list that is divided among strangers' addresses.
//!
//! Responsible for: which senders belong together.
//! Must not know: how one sender is judged.
//! Tested by: `tests/cli/scans.rs`.

use std::collections::{BTreeMap, BTreeSet};

use fwlog::aggregate::scans::{Kind, Probe};
use hashbrown::HashMap;

use super::aim::{AIMS, Aim, Traits, aim, main_traits, traits};
use super::runs::{self, HOUR};

/// What one source asked for in one run.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its probes, in the order of time.
    pub probes: Vec<Probe>,
    /// Whether it is a scan by itself.
    pub alone: bool,
    /// Whether the source asked for other things too.
    pub among_others: bool,
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

/// One scan.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Its probes, in the order of time.
    pub probes: Vec<Probe>,
    /// How its senders belong together.
    pub how: How,
    /// Whether its sources asked for other things too, which are no part of it.
    pub among_others: bool,
}

/// Joins the pieces that belong together; the others are scans if they are by themselves.
#[must_use]
pub fn merged(pieces: Vec<Piece>, hosts: usize) -> Vec<Scan> {
    let (pieces, origins) = split(pieces);
    let mut merger = Merger { free: vec![true; pieces.len()], pieces, origins, scans: Vec::new(), hosts };
    merger.decoys();
    merger.neighbours(|source| if source >> 32 == 0xffff { source >> 8 } else { source >> 64 }, NEAR);
    merger.neighbours(|source| if source >> 32 == 0xffff { u128::MAX } else { source >> 80 }, NEAR);
    merger.divided();
    merger.neighbours(|source| if source >> 32 == 0xffff { source >> 16 } else { u128::MAX }, WIDE);
    merger.rest()
}

/// What decoys have in common: aim, source port, window, IP ID.
type Packet = (Aim, u16, u16, u16);

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

const NEAR: Bar = Bar { sources: 2, aims: 20, again: 1.3, each: usize::MAX };
const WIDE: Bar = Bar { sources: 20, aims: 40, again: 1.1, each: 3 };

struct Merger {
    pieces: Vec<Piece>,
    /// Which pieces were one: what one source sent with several tools.
    origins: Vec<usize>,
    /// Whether a piece belongs to no scan yet.
    free: Vec<bool>,
    scans: Vec<Scan>,
    /// How many different hosts were asked in all.
    hosts: usize,
}

impl Merger {
    fn emit(&mut self, members: &BTreeSet<usize>, how: How) {
        let mut probes = Vec::new();
        let mut among_others = false;
        let origins: BTreeSet<usize> = members.iter().map(|at| self.origins[*at]).collect();
        // A little that one of the sources sent with another tool goes with the rest.
        let little = |at: usize| {
            self.free[at]
                && !members.contains(&at)
                && origins.contains(&self.origins[at])
                && self.aims(at).len() < AIMS
        };
        let with: Vec<usize> =
            (0..self.pieces.len()).filter(|at| members.contains(at) || little(*at)).collect();
        for at in with {
            self.free[at] = false;
            among_others |= self.pieces[at].among_others;
            probes.append(&mut self.pieces[at].probes);
        }
        sort(&mut probes);
        self.scans.push(Scan { probes, how, among_others });
    }

    /// Senders of the same packets: of nmap's decoys each probe has one source port and one ID.
    fn decoys(&mut self) {
        const TOGETHER: i64 = 30_000;
        const SENDERS: usize = 3;
        let mut same: HashMap<Packet, Vec<(i64, usize)>> = HashMap::new();
        for (at, piece) in self.pieces.iter().enumerate().filter(|(_, piece)| piece.alone) {
            for probe in piece.probes.iter().filter(|probe| probe.protocol == 6) {
                let key = (aim(probe), probe.sport, probe.window, probe.id);
                same.entry(key).or_default().push((probe.begin(), at));
            }
        }
        let mut groups: BTreeMap<BTreeSet<usize>, usize> = BTreeMap::new();
        for mut senders in same.into_values().filter(|senders| senders.len() >= SENDERS) {
            senders.sort_unstable();
            let first = senders[0].0;
            let together: BTreeSet<usize> =
                senders.iter().filter(|(time, _)| time - first <= TOGETHER).map(|(_, at)| *at).collect();
            if together.len() >= SENDERS {
                *groups.entry(together).or_default() += 1;
            }
        }
        // Groups that share a sender are one; a line that was lost makes a smaller group.
        let mut joined: Vec<(BTreeSet<usize>, usize)> = Vec::new();
        for (group, count) in groups {
            let (mut group, mut count) = (group, count);
            let (touching, others): (Vec<_>, Vec<_>) =
                joined.into_iter().partition(|(other, _)| !other.is_disjoint(&group));
            for (other, more) in touching {
                group.extend(other);
                count += more;
            }
            joined = others;
            joined.push((group, count));
        }
        for (group, _) in joined.into_iter().filter(|(_, count)| *count >= AIMS) {
            self.emit(&group, How::Decoys);
        }
    }

    /// Senders of one network, as `network` names it (all ones: none), that divide the aims among them.
    fn neighbours(&mut self, network: impl Fn(u128) -> u128, bar: Bar) {
        let mut groups: BTreeMap<(u128, Traits), Vec<usize>> = BTreeMap::new();
        for (at, piece) in self.pieces.iter().enumerate().filter(|(at, _)| self.free[*at]) {
            let network = network(piece.probes[0].src);
            if network != u128::MAX
                && let Some(traits) = main_traits(&piece.probes)
            {
                groups.entry((network, traits)).or_default().push(at);
            }
        }
        for members in groups.into_values().filter(|members| members.len() >= bar.sources) {
            for run in self.together(&members, HOUR) {
                let run = self.dividing(run);
                let shares: Vec<BTreeSet<Aim>> = run.iter().map(|at| self.aims(*at)).collect();
                let sources: BTreeSet<u128> = run.iter().map(|at| self.pieces[*at].probes[0].src).collect();
                let union: BTreeSet<Aim> = shares.iter().flatten().copied().collect();
                let sum: usize = shares.iter().map(BTreeSet::len).sum();
                let fits = sources.len() >= bar.sources
                    && union.len() >= bar.aims
                    && sum as f64 / union.len() as f64 <= bar.again
                    && shares.iter().all(|share| share.len() <= bar.each)
                    && self.overlap(&run)
                    && !self.is_harmless(&run, &union);
                if fits {
                    self.emit(&run.into_iter().collect(), How::Neighbours);
                }
            }
        }
    }

    /// Without those that mostly ask for what others ask for too.
    fn dividing(&self, run: Vec<usize>) -> Vec<usize> {
        let mut askers: HashMap<Aim, u32> = HashMap::new();
        let shares: Vec<BTreeSet<Aim>> = run.iter().map(|at| self.aims(*at)).collect();
        for aim in shares.iter().flatten() {
            *askers.entry(*aim).or_default() += 1;
        }
        let own = |share: &BTreeSet<Aim>| {
            share.iter().filter(|aim| askers[*aim] == 1).count() * 10 >= share.len() * 7
        };
        run.into_iter().zip(&shares).filter(|(_, share)| own(share)).map(|(at, _)| at).collect()
    }

    fn aims(&self, at: usize) -> BTreeSet<Aim> {
        self.pieces[at].probes.iter().map(aim).collect()
    }

    /// Whether all together look like something else.
    fn is_harmless(&self, run: &[usize], union: &BTreeSet<Aim>) -> bool {
        let mut probes: Vec<Probe> =
            run.iter().flat_map(|at| self.pieces[*at].probes.iter().copied()).collect();
        sort(&mut probes);
        super::likeness::instead(&probes, union, AIMS).is_some()
    }

    /// Whether most pieces go on while others do, if they are long enough to say.
    fn overlap(&self, run: &[usize]) -> bool {
        let mut spans: Vec<(i64, i64)> = run
            .iter()
            .map(|at| &self.pieces[*at].probes)
            .filter(|probes| probes.len() >= 5)
            .map(|probes| (probes[0].begin(), probes.iter().map(Probe::end).max().unwrap_or(0)))
            .collect();
        spans.sort_unstable();
        spans.len() < 2
            || spans.windows(2).filter(|pair| pair[1].0 <= pair[0].1).count() * 2 >= spans.len() - 1
    }

    /// The pieces cut by the pace of all of them.
    fn together(&self, members: &[usize], least: i64) -> Vec<Vec<usize>> {
        let mut probes: Vec<(Probe, usize)> = members
            .iter()
            .flat_map(|at| self.pieces[*at].probes.iter().map(move |probe| (*probe, *at)))
            .collect();
        probes.sort_unstable_by_key(|(probe, at)| (probe.begin(), probe.order, *at, aim(probe)));
        let only: Vec<Probe> = probes.iter().map(|(probe, _)| *probe).collect();
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        runs::cut(&only, least)
            .into_iter()
            .map(|run| {
                let own: BTreeSet<usize> = probes[run].iter().map(|(_, at)| *at).collect();
                // A piece is where it begins.
                let new: Vec<usize> = own.into_iter().filter(|at| seen.insert(*at)).collect();
                new
            })
            .collect()
    }

    /// Far senders that divide a list of ports of one host, or the hosts of a network at one port.
    fn divided(&mut self) {
        let mut by_host: BTreeMap<(u128, Traits), Vec<usize>> = BTreeMap::new();
        let mut by_port: BTreeMap<(u8, u16, Traits), Vec<usize>> = BTreeMap::new();
        for (at, piece) in self.pieces.iter().enumerate().filter(|(at, _)| self.free[*at]) {
            let Some(traits) = main_traits(&piece.probes) else { continue };
            if !matches!(traits.kind, Kind::Syn | Kind::Udp | Kind::Fin | Kind::Null | Kind::Xmas | Kind::Ack)
            {
                continue;
            }
            let hosts: BTreeSet<u128> = piece.probes.iter().map(|probe| probe.dst).collect();
            let ports: BTreeSet<u16> = piece.probes.iter().map(|probe| probe.dport).collect();
            let first = &piece.probes[0];
            if hosts.len() == 1 && ports.len() <= SHARE {
                by_host.entry((first.dst, traits)).or_default().push(at);
            }
            if ports.len() == 1 && hosts.len() >= 2 {
                by_port.entry((first.protocol, first.dport, traits)).or_default().push(at);
            }
        }
        for members in by_host.into_values().filter(|members| members.len() >= SENDERS) {
            for run in self.together(&members, 6 * HOUR) {
                self.list(&run);
            }
        }
        for members in by_port.into_values().filter(|members| members.len() >= SENDERS) {
            for run in self.together(&members, 6 * HOUR) {
                self.spread(&run);
            }
        }
    }

    /// Ports of one host: strangers would ask for the same ones, shares of a list are different.
    fn list(&mut self, run: &[usize]) {
        let run: Vec<usize> = run.iter().copied().filter(|at| self.free[*at]).collect();
        // Shares are of like size: those that asked for more than one thing, else those that asked for one.
        for single in [false, true] {
            let some: Vec<usize> = run
                .iter()
                .copied()
                .filter(|at| single == (self.aims(*at).len() == 1) && self.free[*at])
                .collect();
            if let Some(members) = self.share(&some) {
                self.emit(&members, How::Divided);
            }
        }
    }

    fn share(&self, run: &[usize]) -> Option<BTreeSet<usize>> {
        let mut best: Option<(usize, BTreeSet<usize>)> = None;
        let ports =
            |at: usize| self.pieces[at].probes.iter().map(|probe| probe.dport).collect::<BTreeSet<u16>>();
        let shares: Vec<(usize, BTreeSet<u16>)> = run.iter().map(|at| (*at, ports(*at))).collect();
        for list in super::ports::lists() {
            let inside: Vec<&(usize, BTreeSet<u16>)> = shares
                .iter()
                .filter(|(_, share)| {
                    share.iter().filter(|port| list.has(**port)).count() * 10 >= share.len() * 9
                })
                .collect();
            let sum: usize = inside.iter().map(|(_, share)| share.len()).sum();
            let union: BTreeSet<u16> = inside.iter().flat_map(|(_, share)| share.iter().copied()).collect();
            let sources: BTreeSet<u128> =
                inside.iter().map(|(at, _)| self.pieces[*at].probes[0].src).collect();
            if sources.len() < SENDERS || union.len() < LIST {
                continue;
            }
            // How often strangers would have asked for the same port.
            let expected = (sum * sum) as f64 / (2.0 * list.count() as f64);
            let again = (sum - union.len()) as f64;
            if expected >= EXPECTED
                && again <= expected * 0.2
                && best.as_ref().is_none_or(|(most, _)| sum > *most)
            {
                best = Some((sum, inside.iter().map(|(at, _)| *at).collect()));
            }
        }
        best.map(|(_, members)| members)
    }

    /// Hosts of a network at one port.
    fn spread(&mut self, run: &[usize]) {
        let run: BTreeSet<usize> = run.iter().copied().filter(|at| self.free[*at]).collect();
        let shares: Vec<BTreeSet<Aim>> = run.iter().map(|at| self.aims(*at)).collect();
        let union: BTreeSet<Aim> = shares.iter().flatten().copied().collect();
        let sum: usize = shares.iter().map(BTreeSet::len).sum();
        let sources: BTreeSet<u128> = run.iter().map(|at| self.pieces[*at].probes[0].src).collect();
        let enough = union.len() >= LIST && union.len() * 4 >= self.hosts;
        if sources.len() >= SENDERS && enough && sum as f64 / union.len() as f64 <= 2.0 {
            self.emit(&run, How::Divided);
        }
    }

    /// What is left: scans by themselves, in the order of time.
    fn rest(mut self) -> Vec<Scan> {
        let mut alone: BTreeMap<usize, (Vec<Probe>, bool)> = BTreeMap::new();
        for (at, piece) in self.pieces.into_iter().enumerate().filter(|(at, _)| self.free[*at]) {
            if piece.alone {
                let (probes, among_others) = alone.entry(self.origins[at]).or_default();
                probes.extend(piece.probes);
                *among_others |= piece.among_others;
            }
        }
        for (mut probes, among_others) in alone.into_values() {
            sort(&mut probes);
            // What is left where the others are part of something else.
            if probes.iter().map(aim).collect::<BTreeSet<_>>().len() >= AIMS || is_sctp(&probes) {
                self.scans.push(Scan { probes, how: How::Alone, among_others });
            }
        }
        self.scans
            .sort_unstable_by_key(|scan| scan.probes.first().map(|p| (p.begin(), p.src, p.dst, p.dport)));
        self.scans
    }
}

/// So many aims of one tool are a piece.
const TOOL: usize = 3;

/// Pieces by what one sender's tools made, where each asked for enough to be a scan; and which were one.
fn split(pieces: Vec<Piece>) -> (Vec<Piece>, Vec<usize>) {
    let (mut out, mut origins) = (Vec::new(), Vec::new());
    for (origin, piece) in pieces.into_iter().enumerate() {
        let mut aims: BTreeMap<Traits, BTreeSet<Aim>> = BTreeMap::new();
        for probe in piece.probes.iter().filter(|_| piece.alone) {
            aims.entry(traits(probe)).or_default().insert(aim(probe));
        }
        aims.retain(|_, aims| aims.len() >= TOOL);
        let Some(main) = main_traits(&piece.probes).filter(|_| aims.len() > 1) else {
            out.push(piece);
            origins.push(origin);
            continue;
        };
        let mut parts: BTreeMap<Traits, Vec<Probe>> = BTreeMap::new();
        for probe in &piece.probes {
            let own = traits(probe);
            parts.entry(if aims.contains_key(&own) { own } else { main }).or_default().push(*probe);
        }
        for probes in parts.into_values() {
            out.push(Piece { probes, ..piece.clone() });
            origins.push(origin);
        }
    }
    (out, origins)
}

fn is_sctp(probes: &[Probe]) -> bool {
    probes.iter().any(|probe| probe.kind == Kind::Sctp)
}

/// Senders that divide a list at least; ports that one has at most; ports of the list that they have together.
const SENDERS: usize = 10;
const SHARE: usize = 60;
const LIST: usize = 60;
/// Ports that strangers would have had in common at least.
const EXPECTED: f64 = 12.0;

/// Puts probes of several sources in the order of time.
fn sort(probes: &mut [Probe]) {
    probes.sort_unstable_by_key(|p| (p.begin(), p.order, p.src, p.dst, p.protocol, p.dport, p.kind));
}

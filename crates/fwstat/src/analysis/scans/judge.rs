//! Which of one source's probes are a scan.
//!
//! A scanner asks for many things, each once; a client asks for few, again and again. What is judged is the aim and not
//! the source: behind one address there may be a scanner and ordinary clients.
//!
//! Responsible for: the runs of one source, and the aims of each that count.
//! Must not know: other sources.
//! Tested by: `tests/cli/scans.rs`.

use std::ops::Range;

use fwlog::aggregate::scans::{Kind, Probe};

use super::aim::{AIMS, Aim, aim, aims, common, distinct, is_made, main_traits, pair};
use super::likeness::{self, Asker};
use super::made;
use super::runs::{self, Ask, HOUR, LONGEST, RETRY};

/// Aims for each visit.
const ONCE: f64 = 0.45;
/// Packets for each aim.
const PACKETS: f64 = 8.0;
/// An aim that is asked for more often than this is a client's.
const VISITS: u32 = 2;
/// A few aims that come in so many runs are a monitor's.
const RUNS: usize = 4;
const FEW: usize = 20;
/// Runs that are compared with each other; of more only those that are the same are.
const COMPARED: usize = 256;

/// A scan of one source.
#[derive(Clone, Debug)]
pub struct Found {
    /// The places of its probes, in the order of time.
    pub members: Vec<u32>,
    /// Whether the source asked for other things too, which are no part of it.
    pub among_others: bool,
}

/// Whether what a source asked for is enough to be looked at.
#[must_use]
pub fn may_be(asked: &[Probe]) -> bool {
    let packets = || asked.iter().map(|probe| u64::from(probe.count)).sum::<u64>();
    asked.len() >= AIMS || packets() >= SCTP || made::is_scan(asked)
}

/// The scans in one source's probes, in the order of time; answers are none of them.
#[must_use]
pub fn scans(probes: &[Probe]) -> Vec<Found> {
    let asks: Vec<Ask> = probes.iter().map(Ask::from).collect();
    let runs = runs::cut(&asks, HOUR);
    let monitor = monitors(probes, &runs);
    let mut found: Vec<Found> = Vec::new();
    for (run, _) in runs.into_iter().zip(monitor).filter(|(_, monitor)| !monitor) {
        found.extend(in_run(probes, run));
    }
    if found.len() > 1 { continued(probes, found) } else { found }
}

/// Which runs are a monitor's: a few aims that come again and again.
fn monitors(probes: &[Probe], runs: &[Range<usize>]) -> Vec<bool> {
    if runs.len() < RUNS {
        return vec![false; runs.len()];
    }
    // Of hardly any source a single aim comes again so often: no run of the others needs to be compared.
    let mut all: Vec<u128> = Vec::with_capacity(probes.len());
    for (nth, run) in (0..).zip(runs) {
        all.extend(probes[run.clone()].iter().map(|probe| pair(aim(probe), nth)));
    }
    let often: Vec<Aim> = distinct(all)
        .chunk_by(|a, b| a >> 64 == b >> 64)
        .filter(|of_aim| of_aim.len() >= RUNS)
        .map(|of_aim| (of_aim[0] >> 64) as Aim)
        .collect();
    if often.is_empty() {
        return vec![false; runs.len()];
    }
    let sets: Vec<Vec<Aim>> = runs.iter().map(|run| aims(&probes[run.clone()])).collect();
    let within = |few: &[Aim], all: &[Aim]| {
        if sets.len() <= COMPARED { common(few, all) == few.len() } else { few == all }
    };
    let again = |set: &Vec<Aim>| sets.iter().filter(|all| within(set, all)).take(RUNS).count();
    let may_be = |set: &Vec<Aim>| set.len() < FEW && common(set, &often) == set.len();
    sets.iter().map(|set| may_be(set) && again(set) >= RUNS).collect()
}

/// Scans that go on where the one before ended: other aims in the same manner within five days are the same scan.
fn continued(probes: &[Probe], found: Vec<Found>) -> Vec<Found> {
    let of = |found: &Found| -> Vec<Probe> { found.members.iter().map(|at| probes[*at as usize]).collect() };
    let mut joined: Vec<Found> = Vec::new();
    for next in found {
        let goes_on = |last: &Found| {
            let (before, after) = (of(last), of(&next));
            let pause = after[0].begin() - before.iter().map(Probe::end).max().unwrap_or(0);
            let (old, new) = (aims(&before), aims(&after));
            pause <= LONGEST
                && main_traits(&before) == main_traits(&after)
                && common(&old, &new) * 10 <= old.len().min(new.len())
        };
        match joined.last_mut().filter(|last| goes_on(last)) {
            Some(last) => {
                last.members.extend(next.members);
                last.among_others |= next.among_others;
            }
            None => joined.push(next),
        }
    }
    joined
}

/// The scans of one run.
fn in_run(probes: &[Probe], run: Range<usize>) -> Vec<Found> {
    let own = &probes[run.clone()];
    let places = || run.clone().map(|at| at as u32);
    let visited = match judge(own) {
        Verdict::Scan => return vec![Found { members: places().collect(), among_others: false }],
        Verdict::No => return Vec::new(),
        Verdict::Mixed(visited) => visited,
    };
    // What a tool made, without what ordinary programs sent.
    let made: Vec<u32> = places().filter(|at| is_made(&probes[*at as usize])).collect();
    if made.len() < own.len() {
        let found = parts(probes, &made);
        if !found.is_empty() {
            return found;
        }
    }
    // What was asked for once, where little is asked for again.
    let is_often = |visited: &&Visited| visited.visits > VISITS || visited.packets as f64 > PACKETS;
    let often: Vec<Aim> = visited.iter().filter(is_often).map(|visited| visited.aim).collect();
    let rest = visited.len() - often.len();
    if often.is_empty() || rest < AIMS || often.len() * 3 > rest {
        return Vec::new();
    }
    let is_once = |at: &u32| often.binary_search(&aim(&probes[*at as usize])).is_err();
    parts(probes, &places().filter(is_once).collect::<Vec<u32>>())
}

/// The scans in some probes of a run, which may be several by their own pace.
fn parts(probes: &[Probe], places: &[u32]) -> Vec<Found> {
    let own: Vec<Probe> = places.iter().map(|at| probes[*at as usize]).collect();
    let asks: Vec<Ask> = own.iter().map(Ask::from).collect();
    let scans =
        runs::cut(&asks, HOUR).into_iter().filter(|run| matches!(judge(&own[run.clone()]), Verdict::Scan));
    scans.map(|run| Found { members: places[run].to_vec(), among_others: true }).collect()
}

/// What a run is, taken as one.
enum Verdict {
    Scan,
    No,
    /// Some of its aims come again and again.
    Mixed(Vec<Visited>),
}

/// How often an aim was asked for.
struct Visited {
    aim: Aim,
    visits: u32,
    packets: u64,
}

/// So many SCTP packets in so short a time, or with so many different TTLs, are a scan: a log shows no ports of them.
const SCTP: u64 = 10;
const SCTP_TTLS: u8 = 4;
const SCTP_TIME: i64 = 600_000;

fn judge(run: &[Probe]) -> Verdict {
    if is_sctp_scan(run) {
        return Verdict::Scan;
    }
    let few = || if made::is_scan(run) { Verdict::Scan } else { Verdict::No };
    if run.len() < AIMS {
        return few();
    }
    let visited = visited(run);
    if visited.len() < AIMS {
        return few();
    }
    let visits: u32 = visited.iter().map(|visited| visited.visits).sum();
    let packets: u64 = visited.iter().map(|visited| visited.packets).sum();
    let count = visited.len() as f64;
    if count / f64::from(visits) < ONCE || packets as f64 / count > PACKETS {
        return Verdict::Mixed(visited);
    }
    let aims: Vec<Aim> = visited.iter().map(|visited| visited.aim).collect();
    if likeness::is_traceroute(run) || likeness::is_client(Asker::of(run), &aims) {
        return Verdict::No;
    }
    Verdict::Scan
}

fn is_sctp_scan(run: &[Probe]) -> bool {
    let sctp = || run.iter().filter(|p| p.kind == Kind::Sctp && p.dport == 0);
    let packets: u64 = sctp().map(|p| u64::from(p.count)).sum();
    if packets < SCTP {
        return false;
    }
    let least = sctp().map(|p| p.ttls.0).min().unwrap_or(0);
    let most = sctp().map(|p| p.ttls.1).max().unwrap_or(0);
    let end = run.iter().map(Probe::end).max().unwrap_or(0);
    most - least >= SCTP_TTLS || end - run[0].begin() < SCTP_TIME
}

/// How often each aim was asked for, in the order of aims.
fn visited(run: &[Probe]) -> Vec<Visited> {
    let mut all: Vec<u128> = (0..).zip(run).map(|(at, probe)| pair(aim(probe), at)).collect();
    all.sort_unstable();
    let of_aim = |own: &[u128]| {
        let probe = |of: u128| &run[of as u64 as usize];
        let pauses = own.windows(2).map(|two| probe(two[1]).begin() - probe(two[0]).end());
        Visited {
            aim: (own[0] >> 64) as Aim,
            visits: 1 + pauses.filter(|pause| *pause > RETRY).count() as u32,
            packets: own.iter().map(|of| u64::from(probe(*of).count)).sum(),
        }
    };
    all.chunk_by(|a, b| a >> 64 == b >> 64).map(of_aim).collect()
}

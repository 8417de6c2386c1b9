//! Which of one source's probes are a scan.
//!
//! A scanner asks for many things, each once; a client asks for few, again and again. What is judged is the aim and not
//! the source: behind one address there may be a scanner and ordinary clients.
//!
//! Responsible for: the runs of one source, the aims of each that count, and those that are left.
//! Must not know: other sources.
//! Tested by: `tests/cli/scans.rs`.

use std::collections::{BTreeMap, BTreeSet};

use fwlog::aggregate::scans::{Kind, Probe};

use super::aim::{AIMS, Aim, aim, is_made, main_traits};
use super::likeness;
use super::runs::{self, HOUR};

/// Aims for each visit.
const ONCE: f64 = 0.45;
/// Packets for each aim.
const PACKETS: f64 = 8.0;
/// An aim that is asked for more often than this is a client's.
const VISITS: u32 = 2;
/// A few aims that come in so many runs are a monitor's.
const RUNS: usize = 4;
const FEW: usize = 20;

/// A scan of one source.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its probes, in the order of time.
    pub probes: Vec<Probe>,
    /// Whether the source asked for other things too, which are no part of it.
    pub among_others: bool,
}

/// The scans in one source's probes, in the order of time; answers are no part of them.
#[must_use]
pub fn scans(all: &[Probe]) -> Vec<Found> {
    let asked = all.iter().filter(|probe| probe.kind != Kind::Answer).count();
    let packets: u64 = all.iter().map(|probe| u64::from(probe.count)).sum();
    if asked < AIMS && packets < SCTP {
        return Vec::new();
    }
    let probes: Vec<Probe> = all.iter().filter(|probe| probe.kind != Kind::Answer).copied().collect();
    let runs = runs::cut(&probes, HOUR);
    let sets: Vec<BTreeSet<Aim>> =
        runs.iter().map(|run| probes[run.clone()].iter().map(aim).collect()).collect();
    let mut found: Vec<Found> = Vec::new();
    for (run, aims) in runs.iter().zip(&sets) {
        let again = || sets.iter().filter(|set| aims.is_subset(set)).count();
        if aims.len() < FEW && sets.len() >= RUNS && again() >= RUNS {
            continue;
        }
        found.extend(in_run(&probes[run.clone()]));
    }
    continued(found)
}

/// Scans that go on where the one before ended: other aims in the same manner within five days are the same scan.
fn continued(found: Vec<Found>) -> Vec<Found> {
    let mut joined: Vec<Found> = Vec::new();
    for next in found {
        let goes_on = |last: &Found| {
            let before: BTreeSet<Aim> = last.probes.iter().map(aim).collect();
            let aims: BTreeSet<Aim> = next.probes.iter().map(aim).collect();
            let again = aims.intersection(&before).count();
            let pause = next.probes[0].begin() - last.probes.iter().map(Probe::end).max().unwrap_or(0);
            let alike = main_traits(&last.probes) == main_traits(&next.probes);
            pause <= 5 * 24 * HOUR && alike && again * 10 <= aims.len().min(before.len())
        };
        match joined.last_mut().filter(|last| goes_on(last)) {
            Some(last) => {
                last.probes.extend(next.probes);
                last.among_others |= next.among_others;
            }
            None => joined.push(next),
        }
    }
    joined
}

/// The scans of one run.
fn in_run(run: &[Probe]) -> Vec<Found> {
    match judge(run) {
        Verdict::Scan => return vec![Found { probes: run.to_vec(), among_others: false }],
        Verdict::No => return Vec::new(),
        Verdict::Mixed => {}
    }
    // What a tool made, without what ordinary programs sent.
    let made: Vec<Probe> = run.iter().filter(|probe| is_made(probe)).copied().collect();
    if made.len() < run.len() {
        let found = parts(&made);
        if !found.is_empty() {
            return found;
        }
    }
    // What was asked for once, where little is asked for again.
    let visits = visits_of(run);
    let mut packets: BTreeMap<Aim, u64> = BTreeMap::new();
    for probe in run {
        *packets.entry(aim(probe)).or_default() += u64::from(probe.count);
    }
    let is_often = |(aim, visits): (&Aim, &u32)| {
        (*visits > VISITS || packets.get(aim).is_some_and(|packets| *packets as f64 > PACKETS))
            .then_some(*aim)
    };
    let often: BTreeSet<Aim> = visits.iter().filter_map(is_often).collect();
    let rest = visits.len() - often.len();
    if often.is_empty() || rest < AIMS || often.len() * 3 > rest {
        return Vec::new();
    }
    let once: Vec<Probe> = run.iter().filter(|probe| !often.contains(&aim(probe))).copied().collect();
    parts(&once)
}

/// The scans in some probes of a run, which may be several by their own pace.
fn parts(probes: &[Probe]) -> Vec<Found> {
    let runs = runs::cut(probes, HOUR);
    let scans = runs.into_iter().filter(|run| judge(&probes[run.clone()]) == Verdict::Scan);
    scans.map(|run| Found { probes: probes[run].to_vec(), among_others: true }).collect()
}

/// What a run is, taken as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Scan,
    No,
    /// Some of its aims come again and again.
    Mixed,
}

/// So many SCTP packets in so short a time, or with so many different TTLs, are a scan: a log shows no ports of them.
const SCTP: u64 = 10;
const SCTP_TTLS: u8 = 4;
const SCTP_TIME: i64 = 600_000;

fn judge(run: &[Probe]) -> Verdict {
    let sctp: Vec<&Probe> = run.iter().filter(|p| p.kind == Kind::Sctp && p.dport == 0).collect();
    let packets: u64 = sctp.iter().map(|p| u64::from(p.count)).sum();
    if packets >= SCTP {
        let least = sctp.iter().map(|p| p.ttls.0).min().unwrap_or(0);
        let most = sctp.iter().map(|p| p.ttls.1).max().unwrap_or(0);
        let time = run[run.len() - 1].end() - run[0].begin();
        if most - least >= SCTP_TTLS || time < SCTP_TIME {
            return Verdict::Scan;
        }
    }
    let visits = visits_of(run);
    let aims: BTreeSet<Aim> = visits.keys().copied().collect();
    if aims.len() < AIMS {
        return Verdict::No;
    }
    let visited: u32 = visits.values().sum();
    let packets: u64 = run.iter().map(|p| u64::from(p.count)).sum();
    let count = aims.len() as f64;
    if count / f64::from(visited) < ONCE || packets as f64 / count > PACKETS {
        return Verdict::Mixed;
    }
    if likeness::instead(run, &aims, AIMS).is_some() {
        return Verdict::No;
    }
    Verdict::Scan
}

/// How often each aim was visited.
fn visits_of(run: &[Probe]) -> BTreeMap<Aim, u32> {
    let mut count: BTreeMap<Aim, u32> = BTreeMap::new();
    for (probe, visit) in run.iter().zip(runs::visits(run)) {
        *count.entry(aim(probe)).or_default() += u32::from(visit);
    }
    count
}

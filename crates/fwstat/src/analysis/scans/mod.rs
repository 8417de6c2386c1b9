//! Scans: one campaign, however many packets, sources or days.
//!
//! Responsible for: what campaigns there are in what sources asked for.
//! Must not know: logs, reports.
//! Tested by: `tests/cli/scans.rs`.

pub mod aim;
pub mod campaign;
pub mod judge;
pub mod likeness;
pub mod members;
pub mod merge;
pub mod ports;
pub mod runs;
pub mod tool;

use std::collections::BTreeSet;

use fwlog::aggregate::Scans;
use fwlog::aggregate::scans::{Kind, Probe};
use hashbrown::{HashMap, HashSet};

pub use campaign::{Campaign, Confidence};
pub use members::Members;
pub use ports::ranges;

use aim::{AIMS, Aim, aim};
use merge::Piece;

/// An aim that more sources ask for is what all the Internet asks for, and nobody's share of a list.
const ASKERS: u8 = 4;

/// Who counts as one sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// An address.
    Source,
    /// A /24, of IPv6 a /64.
    Network,
}

/// All campaigns.
#[derive(Clone, Debug, Default)]
pub struct Campaigns {
    /// In the order of time.
    pub list: Vec<Campaign>,
    /// Which lines belong to them, by their places in the list.
    pub members: Members,
    /// Sources that asked for something and scanned nothing.
    pub below: u64,
}

impl Campaigns {
    /// The campaigns in what sources asked for.
    #[must_use]
    pub fn of(scans: &Scans, by: Sender) -> Campaigns {
        let first = First::of(scans, by);
        let mut pieces = first.pieces;
        each_sender(scans, by, |probes| {
            if !first.found.contains(&sender(probes[0].src, by)) {
                pieces.extend(shares(probes, &first.askers));
            }
        });
        let mut campaigns = Campaigns { below: first.below, ..Campaigns::default() };
        for (at, scan) in merge::merged(pieces, first.hosts.len()).iter().enumerate() {
            let sources: BTreeSet<u128> = scan.probes.iter().map(|probe| probe.src).collect();
            let times = |source: &u128| {
                let own = scan.probes.iter().filter(|probe| probe.src == *source).map(|probe| probe.slot);
                let slots: Vec<u32> = own.collect();
                (slots.iter().min().copied(), slots.iter().max().copied())
            };
            let answers =
                sources.iter().filter_map(|source| Some((first.answers.get(source)?, times(source))));
            let answers = answers
                .flat_map(|(answers, (from, to))| {
                    answers.iter().filter(move |(slot, _)| Some(*slot) >= from && Some(*slot) <= to)
                })
                .map(|(_, count)| u64::from(*count))
                .sum();
            campaigns.list.push(Campaign::of(scan, answers));
            campaigns.members.add(at, &scan.probes);
        }
        campaigns
    }
}

/// What the first look at all senders gives.
#[derive(Default)]
struct First {
    /// Scans of one sender.
    pieces: Vec<Piece>,
    /// Their senders.
    found: HashSet<u128>,
    /// Their answers: slot and packets, by source.
    answers: HashMap<u128, Vec<(u32, u32)>>,
    /// How many of the other senders asked for each aim.
    askers: HashMap<Aim, u8>,
    /// Hosts that were asked.
    hosts: HashSet<u128>,
    /// Senders that scanned nothing.
    below: u64,
}

impl First {
    fn of(scans: &Scans, by: Sender) -> First {
        let mut first = First::default();
        each_sender(scans, by, |probes| first.look(probes, by));
        first
    }

    fn look(&mut self, probes: &[Probe], by: Sender) {
        let asked = || probes.iter().filter(|probe| probe.kind != Kind::Answer);
        if asked().next().is_none() {
            return;
        }
        self.hosts.extend(asked().map(|probe| probe.dst));
        let scans = judge::scans(probes);
        if scans.is_empty() {
            self.below += 1;
            let mut aims: Vec<Aim> = asked().map(aim).collect();
            aims.sort_unstable();
            aims.dedup();
            for aim in aims {
                let askers = self.askers.entry(aim).or_default();
                *askers = askers.saturating_add(1);
            }
            return;
        }
        self.found.insert(sender(probes[0].src, by));
        for probe in probes.iter().filter(|probe| probe.kind == Kind::Answer) {
            self.answers.entry(probe.src).or_default().push((probe.slot, probe.count));
        }
        let piece =
            |scan: judge::Found| Piece { probes: scan.probes, alone: true, among_others: scan.among_others };
        self.pieces.extend(scans.into_iter().map(piece));
    }
}

/// What a sender that scans nothing by itself may have for its share of a scan, by its runs.
fn shares(probes: &[Probe], askers: &HashMap<Aim, u8>) -> Vec<Piece> {
    let rare = |probe: &&Probe| {
        probe.kind != Kind::Answer && askers.get(&aim(probe)).is_some_and(|askers| *askers <= ASKERS)
    };
    let own: Vec<Probe> = probes.iter().filter(rare).copied().collect();
    let runs = runs::cut(&own, runs::HOUR);
    let piece = |run: std::ops::Range<usize>| {
        let probes = own[run].to_vec();
        let aims = probes.iter().map(aim).collect::<BTreeSet<_>>().len();
        let visits = runs::visits(&probes).into_iter().filter(|visit| *visit).count();
        // Who comes again and again is no scanner's helper.
        // Who asked for more was judged, and is no scanner.
        (visits <= aims * 2 && aims < AIMS).then_some(Piece { probes, alone: false, among_others: false })
    };
    runs.into_iter().filter_map(piece).collect()
}

/// The number of a sender.
fn sender(source: u128, by: Sender) -> u128 {
    match by {
        Sender::Source => source,
        Sender::Network if source >> 32 == 0xffff => source >> 8,
        Sender::Network => source >> 64,
    }
}

/// Gives `with` the probes of each sender in the order of time.
fn each_sender(scans: &Scans, by: Sender, mut with: impl FnMut(&[Probe])) {
    if by == Sender::Source {
        return scans.each_source(with);
    }
    let mut open: Vec<Probe> = Vec::new();
    let mut close = |probes: &mut Vec<Probe>| {
        probes.sort_by_key(|probe| (probe.begin(), probe.order));
        if !probes.is_empty() {
            with(probes);
        }
        probes.clear();
    };
    scans.each_source(|probes| {
        if open.first().is_some_and(|first| sender(first.src, by) != sender(probes[0].src, by)) {
            close(&mut open);
        }
        open.extend_from_slice(probes);
    });
    close(&mut open);
}

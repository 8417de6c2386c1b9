//! Scans: one campaign, however many packets, sources or days.
//!
//! Probes are looked at sender by sender, as the aggregate gives them, and hardly anything is kept: of a scan what is
//! said of it, and a piece by which scans of several senders are found. Those are gathered in one more look.
//!
//! Responsible for: what campaigns there are in what sources asked for.
//! Must not know: logs, reports.
//! Tested by: the unit tests of its files, `tests/cli/scans.rs`.

pub mod aim;
pub mod campaign;
pub mod judge;
pub mod likeness;
pub mod members;
pub mod merge;
pub mod ports;
pub mod runs;
pub mod sender;
pub mod tool;

use fwlog::aggregate::Scans;
use fwlog::aggregate::scans::{Kind, Probe};
use hashbrown::{HashMap, HashSet};

pub use campaign::{Campaign, Confidence};
pub use members::Members;
pub use ports::ranges;

use aim::{Aim, Traits, aim, aims, are_made, distinct, host, traits};
use campaign::Scan;
use merge::{Group, How, Piece};
use sender::{Part, Rare};

/// Which campaigns come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Those that began last.
    Newest,
    /// Those that began first.
    Oldest,
    /// Of the most packets.
    Packets,
    /// Of the most aims.
    Aims,
    /// Of the most sources.
    Sources,
}

/// Who counts as one sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sender {
    /// An address.
    #[default]
    Source,
    /// A /24, of IPv6 a /64.
    Network,
}

impl Sender {
    /// The number of the sender with an address.
    fn of(self, source: u128) -> u128 {
        match self {
            Sender::Source => source,
            Sender::Network if source >> 32 == 0xffff => source >> 8,
            Sender::Network => source >> 64,
        }
    }
}

/// What more senders have in common is no trait of a few: what they ask for is not looked at for shares of a scan.
const CROWD: u32 = 1 << 14;

/// All campaigns.
#[derive(Clone, Debug, Default)]
pub struct Campaigns {
    /// In the order of time.
    pub list: Vec<Campaign>,
    /// Senders that asked for something and scanned nothing.
    pub below: u64,
    by: Sender,
    rare: Rare,
    /// Which pieces of each sender belong to which campaign.
    assigned: HashMap<u128, Vec<(u32, u32)>>,
}

impl Campaigns {
    /// The campaigns in what sources asked for.
    #[must_use]
    pub fn of(scans: &Scans, by: Sender) -> Campaigns {
        let mut first = First::default();
        each_sender(scans, by, |_| true, |probes| first.look(probes, by));
        let First { mut pieces, found, asked, crowds, hosts, below, scans: mut wholes } = first;
        let rare = Rare::of(asked);
        each_sender(
            scans,
            by,
            |sender| !found.contains(&sender),
            |probes| {
                let asked = sender::asked(probes);
                let shares = sender::shares(&asked, &rare);
                let of_few = |part: &Part| crowds.get(&part.traits).is_none_or(|senders| *senders <= CROWD);
                let some = (0..).zip(shares).filter(|(_, part)| of_few(part));
                pieces.extend(some.map(|(nth, part)| piece(&asked, &part, nth, None)));
            },
        );
        drop(found);
        let groups = merge::groups(&pieces, hosts.len());
        let mut campaigns = Campaigns { below, by, rare, ..Campaigns::default() };
        for of in groups.iter().flat_map(|group| &group.members).filter_map(|at| pieces[*at as usize].of) {
            wholes[of as usize] = None;
        }
        // A campaign, and the pieces that it is made of.
        let mut all: Vec<(Campaign, Vec<u32>)> = campaigns.gathered(scans, &pieces, groups);
        let mut of_whole: Vec<Vec<u32>> = vec![Vec::new(); wholes.len()];
        for (at, piece) in (0..).zip(&pieces) {
            if let Some(of) = piece.of {
                of_whole[of as usize].push(at);
            }
        }
        all.extend(wholes.into_iter().zip(of_whole).filter_map(|(whole, members)| Some((*whole?, members))));
        all.sort_by(|(a, _), (b, _)| (a.span, &a.sources, &a.id).cmp(&(b.span, &b.sources, &b.id)));
        for (number, (campaign, members)) in (0..).zip(all) {
            for piece in members.iter().map(|at| &pieces[*at as usize]) {
                campaigns.assigned.entry(by.of(piece.src)).or_default().push((piece.nth, number));
            }
            campaigns.list.push(campaign);
        }
        campaigns
    }

    /// The campaigns that are shown, by their places in the list, and how many of low confidence are not (`all`: none).
    #[must_use]
    pub fn rows(&self, all: bool, order: Order) -> (Vec<usize>, u64) {
        let hidden = |at: &usize| !all && self.list[*at].confidence == Confidence::Low;
        let mut rows: Vec<usize> = (0..self.list.len()).filter(|at| !hidden(at)).collect();
        rows.sort_by_key(|at| {
            let campaign = &self.list[*at];
            let begin = campaign.span.map_or(0, |(first, _)| first);
            let largest = match order {
                Order::Newest => begin,
                Order::Oldest => -begin,
                Order::Packets => i64::try_from(campaign.packets).unwrap_or(i64::MAX),
                Order::Aims => campaign.aims as i64,
                Order::Sources => campaign.sources.len() as i64,
            };
            (std::cmp::Reverse(largest), *at)
        });
        let low = (self.list.len() - rows.len()) as u64;
        (rows, low)
    }

    /// The pieces of a sender, as they were numbered.
    fn parts(&self, asked: &[Probe]) -> Vec<Part> {
        let scans = sender::scans(asked);
        if scans.is_empty() { sender::shares(asked, &self.rare) } else { scans }
    }

    /// What is said of groups of pieces, from their probes.
    fn gathered(&self, scans: &Scans, pieces: &[Piece], groups: Vec<Group>) -> Vec<(Campaign, Vec<u32>)> {
        let mut wanted: HashMap<u128, Vec<(u32, usize)>> = HashMap::new();
        for (number, group) in groups.iter().enumerate() {
            for piece in group.members.iter().map(|at| &pieces[*at as usize]) {
                wanted.entry(self.by.of(piece.src)).or_default().push((piece.nth, number));
            }
        }
        let mut gathered: Vec<(Vec<Probe>, u64, bool)> = vec![(Vec::new(), 0, false); groups.len()];
        each_sender(
            scans,
            self.by,
            |sender| wanted.contains_key(&sender),
            |probes| {
                let asked = sender::asked(probes);
                let parts = self.parts(&asked);
                let own = &wanted[&self.by.of(probes[0].src)];
                for group in distinct(own.iter().map(|(_, group)| *group).collect()) {
                    let mine =
                        own.iter().filter(|(_, of)| *of == group).map(|(nth, _)| &parts[*nth as usize]);
                    let of_group = probes_of(&asked, mine.clone());
                    let (all, answers, among_others) = &mut gathered[group];
                    *answers += answers_within(probes, &of_group);
                    *among_others |= mine.into_iter().any(|part| part.among_others);
                    all.extend(of_group);
                }
            },
        );
        let campaign = |(group, (mut probes, answers, among_others)): (Group, (Vec<Probe>, u64, bool))| {
            probes.sort_unstable_by_key(|p| (p.begin(), p.order, p.src, p.dst, p.protocol, p.dport, p.kind));
            let scan = Scan { probes: &probes, how: group.how, among_others, answers };
            (Campaign::of(&scan), group.members)
        };
        groups.into_iter().zip(gathered).map(campaign).collect()
    }

    /// Which lines belong to which campaign, by its place in the list.
    #[must_use]
    pub fn members(&self, scans: &Scans) -> Members {
        let mut members = Members::default();
        each_sender(
            scans,
            self.by,
            |sender| self.assigned.contains_key(&sender),
            |probes| {
                let asked = sender::asked(probes);
                let parts = self.parts(&asked);
                let own = &self.assigned[&self.by.of(probes[0].src)];
                for campaign in distinct(own.iter().map(|(_, campaign)| *campaign).collect::<Vec<u32>>()) {
                    let mine =
                        own.iter().filter(|(_, of)| *of == campaign).map(|(nth, _)| &parts[*nth as usize]);
                    let mut probes = probes_of(&asked, mine);
                    probes.sort_by_key(|probe| probe.src);
                    for of_source in probes.chunk_by(|a, b| a.src == b.src) {
                        members.add(campaign, of_source);
                    }
                }
            },
        );
        members
    }
}

/// What the first look at all senders gives.
#[derive(Default)]
struct First {
    /// What is said of each scan of one sender; none once its pieces belong to others.
    scans: Vec<Option<Box<Campaign>>>,
    /// Their pieces.
    pieces: Vec<Piece>,
    /// Their senders.
    found: HashSet<u128>,
    /// What each of the other senders asked for.
    asked: Vec<Aim>,
    /// How many of the other senders send packets with which traits.
    crowds: HashMap<Traits, u32>,
    /// Hosts that were asked.
    hosts: HashSet<u64>,
    /// Senders that scanned nothing.
    below: u64,
}

impl First {
    fn look(&mut self, probes: &[Probe], by: Sender) {
        let asked = sender::asked(probes);
        if asked.is_empty() {
            return;
        }
        let mut last = None;
        for host in asked.iter().map(|probe| host(aim(probe))) {
            if last.replace(host) != Some(host) {
                self.hosts.insert(host);
            }
        }
        let parts = sender::scans(&asked);
        if parts.is_empty() {
            self.below += 1;
            *self.crowds.entry(traits(&asked[0])).or_default() += 1;
            self.asked.extend(aims(asked.iter()));
            return;
        }
        self.found.insert(by.of(asked[0].src));
        for of_scan in parts.chunk_by(|a, b| a.scan == b.scan) {
            let own = probes_of(&asked, of_scan);
            let among_others = of_scan.iter().any(|part| part.among_others);
            let scan =
                Scan { probes: &own, how: How::Alone, among_others, answers: answers_within(probes, &own) };
            self.scans.push(Some(Box::new(Campaign::of(&scan))));
            let number = self.scans.len() as u32 - 1;
            let first = parts.iter().position(|part| part.scan == of_scan[0].scan).unwrap_or(0) as u32;
            self.pieces
                .extend((first..).zip(of_scan).map(|(nth, part)| piece(&asked, part, nth, Some(number))));
        }
    }
}

/// The probes of some parts, in the order of time.
fn probes_of<'p>(asked: &[Probe], parts: impl IntoIterator<Item = &'p Part>) -> Vec<Probe> {
    let mut places: Vec<u32> = parts.into_iter().flat_map(|part| part.members.iter().copied()).collect();
    places.sort_unstable();
    places.into_iter().map(|at| asked[at as usize]).collect()
}

/// A part, as it is kept until all senders have been looked at.
fn piece(asked: &[Probe], part: &Part, nth: u32, of: Option<u32>) -> Piece {
    let own = || part.members.iter().map(|at| &asked[*at as usize]);
    let mut first: Vec<(u64, i64)> = own().map(|probe| (aim(probe), probe.begin())).collect();
    first.sort_unstable();
    first.dedup_by_key(|(aim, _)| *aim);
    let mut asks: Vec<(i64, u64)> = first.into_iter().map(|(aim, begin)| (begin, aim)).collect();
    asks.sort_unstable();
    Piece {
        src: own().next().map_or(0, |probe| probe.src),
        nth,
        traits: part.traits,
        asked: asks.into_boxed_slice(),
        end: own().map(Probe::end).max().unwrap_or(0),
        marks: if of.is_some() { merge::marks(own()) } else { Box::default() },
        made: are_made(own()),
        forwarded: own().all(|probe| probe.is(Probe::<u128>::FORWARDED)),
        of,
    }
}

/// Packets that answer, of the sources of some probes, within the time of each.
fn answers_within(all: &[Probe], own: &[Probe]) -> u64 {
    if all.len() == own.len() {
        return 0;
    }
    let mut spans: Vec<(u128, u32)> = own.iter().map(|probe| (probe.src, probe.slot)).collect();
    spans.sort_unstable();
    let within = |probe: &&Probe| {
        let from = spans.partition_point(|(src, _)| *src < probe.src);
        let to = spans.partition_point(|(src, _)| *src <= probe.src);
        from < to && (spans[from].1..=spans[to - 1].1).contains(&probe.slot)
    };
    all.iter()
        .filter(|probe| probe.kind == Kind::Answer)
        .filter(within)
        .map(|probe| u64::from(probe.count))
        .sum()
}

/// Gives `with` the probes of each wanted sender in the order of time.
fn each_sender(scans: &Scans, by: Sender, wanted: impl Fn(u128) -> bool, mut with: impl FnMut(&[Probe])) {
    if by == Sender::Source {
        return scans.each_source(wanted, with);
    }
    let mut open: Vec<Probe> = Vec::new();
    let mut close = |probes: &mut Vec<Probe>| {
        probes.sort_by_key(|probe| (probe.begin(), probe.order));
        if !probes.is_empty() {
            with(probes);
        }
        probes.clear();
    };
    scans.each_source(
        |source| wanted(by.of(source)),
        |probes| {
            if open.first().is_some_and(|first| by.of(first.src) != by.of(probes[0].src)) {
                close(&mut open);
            }
            open.extend_from_slice(probes);
        },
    );
    close(&mut open);
}

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
pub mod made;
pub mod members;
pub mod merge;
pub mod ports;
pub mod runs;
pub mod sender;
pub mod tool;
pub mod twins;

use fwlog::aggregate::Scans;
use fwlog::aggregate::scans::{OfSource, Probe, SLOT};
use fwlog::sorting::InOrder as _;
use hashbrown::{HashMap, HashSet};

pub use campaign::{Campaign, Confidence};
pub use members::Members;
pub use ports::ranges;

use aim::{Aim, Traits, aim, aims, distinct, host, traits};
use campaign::Scan;
use merge::{Group, How, Pieces};
use sender::{Part, Rare};
use twins::{Seen, Twins};

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

/// All campaigns, in outline: what is said of one is made of its probes once it is shown.
#[derive(Clone, Debug, Default)]
pub struct Campaigns {
    /// In the order of time.
    list: Vec<Outline>,
    /// Senders that asked for something and scanned nothing.
    pub below: u64,
    by: Sender,
    rare: Rare,
    /// Which pieces of each sender belong to which campaign.
    assigned: HashMap<u128, Vec<(u32, u32)>>,
}

/// What decides which campaigns are shown, and in which order.
#[derive(Clone, Debug)]
struct Outline {
    span: Option<(i64, i64)>,
    /// In order.
    sources: Box<[u128]>,
    aims: usize,
    confidence: Confidence,
    how: How,
}

/// Which campaigns are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Also those of low confidence.
    pub low: bool,
    /// Only those that began at this moment or later, in milliseconds since 1970.
    pub since: Option<i64>,
    /// Their order.
    pub order: Order,
    /// So many at most.
    pub limit: usize,
}

/// Campaigns that are shown.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// In the order that was asked for.
    pub list: Vec<Campaign>,
    /// The number of each.
    pub numbers: Vec<usize>,
    /// How many there are, with those beyond a limit.
    pub all: usize,
    /// Those of low confidence, which are not among them.
    pub low: u64,
}

impl Campaigns {
    /// The campaigns in what sources asked for.
    #[must_use]
    pub fn of(scans: &Scans, by: Sender) -> Campaigns {
        let mut first = First::default();
        each_sender(scans, by, |_| true, |sender| first.look(sender, by));
        let First { mut pieces, found, asked, seen, crowds, hosts, below, scans: count } = first;
        let rare = Rare::of(asked, Twins::of(seen));
        each_sender(
            scans,
            by,
            |sender| !found.contains(&sender),
            |sender| {
                let shares = sender::shares(sender.asked, &rare);
                let of_few = |part: &Part| {
                    part.decoy || crowds.get(&part.traits).is_none_or(|senders| *senders <= CROWD)
                };
                for (nth, part) in (0..).zip(shares).filter(|(_, part)| of_few(part)) {
                    pieces.add(sender.asked, &part, nth, None);
                }
            },
        );
        drop(found);
        let mut groups = merge::groups(&pieces, hosts.len());
        // The scans of one sender no piece of which belongs to others.
        let mut alone: Vec<Vec<u32>> = vec![Vec::new(); count as usize];
        for (at, of) in (0..).zip(&pieces.list).filter_map(|(at, piece)| Some((at, piece.of?))) {
            alone[of as usize].push(at);
        }
        for of in groups.iter().flat_map(|group| &group.members).filter_map(|at| pieces.list[*at as usize].of)
        {
            alone[of as usize].clear();
        }
        let alone = alone.into_iter().filter(|members| !members.is_empty());
        groups.extend(alone.map(|members| Group { members, how: How::Alone }));
        let mut all: Vec<(Outline, Vec<u32>)> =
            groups.into_iter().map(|group| (Outline::of(&pieces, &group), group.members)).collect();
        all.order_by(|(a, own), (b, others)| (a.span, &a.sources, own).cmp(&(b.span, &b.sources, others)));
        let mut campaigns = Campaigns { below, by, rare, ..Campaigns::default() };
        for (number, (outline, members)) in (0..).zip(all) {
            for piece in members.iter().map(|at| &pieces.list[*at as usize]) {
                let own = campaigns.assigned.entry(by.of(piece.src)).or_default();
                // Who scans nothing alone may with others.
                campaigns.below -= u64::from(own.is_empty() && piece.of.is_none());
                own.push((piece.nth, number));
            }
            campaigns.list.push(outline);
        }
        campaigns
    }

    /// The campaigns that are shown.
    #[must_use]
    pub fn shown(&self, scans: &Scans, wanted: &Wanted) -> Shown {
        let &Wanted { order, limit, .. } = wanted;
        let begin = |at: &usize| self.list[*at].span.map_or(0, |(first, _)| first);
        let is_low = |at: &usize| !wanted.low && self.list[*at].confidence == Confidence::Low;
        let of_time = (0..self.list.len()).filter(|at| wanted.since.is_none_or(|since| begin(at) >= since));
        let (low, mut numbers): (Vec<usize>, Vec<usize>) = of_time.partition(is_low);
        let (all, low) = (numbers.len(), low.len() as u64);
        let mut list = Vec::new();
        if order == Order::Packets {
            // How many packets it has is told by its probes.
            let told = self.told(scans, &numbers);
            let mut sorted: Vec<(usize, Campaign)> = numbers.into_iter().zip(told).collect();
            sorted.order_by_key(|(at, campaign)| (std::cmp::Reverse(campaign.packets), *at));
            sorted.truncate(limit);
            (numbers, list) = sorted.into_iter().unzip();
        } else {
            numbers.order_by_key(|at| {
                let outline = &self.list[*at];
                let begin = begin(at);
                let largest = match order {
                    Order::Newest | Order::Packets => begin,
                    Order::Oldest => -begin,
                    Order::Aims => outline.aims as i64,
                    Order::Sources => outline.sources.len() as i64,
                };
                (std::cmp::Reverse(largest), *at)
            });
            numbers.truncate(limit);
            list.append(&mut self.told(scans, &numbers));
        }
        Shown { list, numbers, all, low }
    }

    /// Those of medium and high confidence in which some sources have a part, the most packets first.
    #[must_use]
    pub fn with_sources(&self, scans: &Scans, wanted: impl Fn(u128) -> bool) -> Vec<Campaign> {
        let outlines = self.list.iter().enumerate();
        let has = |outline: &Outline| {
            outline.confidence != Confidence::Low && outline.sources.iter().any(|source| wanted(*source))
        };
        let numbers: Vec<usize> =
            outlines.filter(|(_, outline)| has(outline)).map(|(number, _)| number).collect();
        let mut list = self.told(scans, &numbers);
        list.order_by_key(|campaign| std::cmp::Reverse(campaign.packets));
        list
    }

    /// The number of the campaign with an ID.
    #[must_use]
    pub fn find(&self, scans: &Scans, id: &str) -> Option<usize> {
        let all: Vec<usize> = (0..self.list.len()).collect();
        self.told(scans, &all).iter().position(|campaign| campaign.id == id)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The pieces of a sender, as they were numbered.
    fn parts(&self, asked: &[Probe]) -> Vec<Part> {
        let scans = sender::scans(asked);
        if scans.is_empty() { sender::shares(asked, &self.rare) } else { scans }
    }

    /// What is said of some campaigns, from their probes.
    fn told(&self, scans: &Scans, numbers: &[usize]) -> Vec<Campaign> {
        let place: HashMap<u32, usize> =
            numbers.iter().enumerate().map(|(at, of)| (*of as u32, at)).collect();
        let is_told = |of: &[(u32, u32)]| of.iter().any(|(_, number)| place.contains_key(number));
        let mut told: Vec<Option<Campaign>> = vec![None; numbers.len()];
        let mut gathered: HashMap<usize, (Vec<Probe>, u64, bool)> = HashMap::new();
        each_sender(
            scans,
            self.by,
            |sender| self.assigned.get(&sender).is_some_and(|of| is_told(of)),
            |sender| {
                let parts = self.parts(sender.asked);
                let own = &self.assigned[&self.by.of(sender.asked[0].src)];
                for number in distinct(own.iter().map(|(_, number)| *number).collect::<Vec<u32>>()) {
                    let Some(at) = place.get(&number) else { continue };
                    let mine =
                        own.iter().filter(|(_, of)| *of == number).map(|(nth, _)| &parts[*nth as usize]);
                    let probes = probes_of(sender.asked, mine.clone());
                    let answers = answers_within(sender.answers, &probes);
                    let among_others = mine.into_iter().any(|part| part.among_others);
                    let outline = &self.list[number as usize];
                    if outline.sources.len() == 1 {
                        let scan = Scan { probes: &probes, how: outline.how, among_others, answers };
                        told[*at] = Some(Campaign::of(&scan));
                        continue;
                    }
                    let of_all = gathered.entry(*at).or_default();
                    of_all.0.extend(probes);
                    of_all.1 += answers;
                    of_all.2 |= among_others;
                }
            },
        );
        for (at, (mut probes, answers, among_others)) in gathered {
            probes.sort_unstable_by_key(|p| (p.begin(), p.order, p.src, p.dst, p.protocol, p.dport, p.kind));
            let how = self.list[numbers[at]].how;
            told[at] = Some(Campaign::of(&Scan { probes: &probes, how, among_others, answers }));
        }
        told.into_iter().flatten().collect()
    }

    /// Which lines belong to which campaign, by its number.
    #[must_use]
    pub fn members(&self, scans: &Scans) -> Members {
        let mut members = Members::default();
        each_sender(
            scans,
            self.by,
            |sender| self.assigned.contains_key(&sender),
            |sender| {
                let parts = self.parts(sender.asked);
                let own = &self.assigned[&self.by.of(sender.asked[0].src)];
                for campaign in distinct(own.iter().map(|(_, campaign)| *campaign).collect::<Vec<u32>>()) {
                    let mine =
                        own.iter().filter(|(_, of)| *of == campaign).map(|(nth, _)| &parts[*nth as usize]);
                    let mut probes = probes_of(sender.asked, mine);
                    probes.order_by_key(|probe| probe.src);
                    for of_source in probes.chunk_by(|a, b| a.src == b.src) {
                        members.add(campaign, of_source);
                    }
                }
            },
        );
        members
    }
}

impl Outline {
    /// Of the pieces of a campaign.
    fn of(pieces: &Pieces, group: &Group) -> Outline {
        let own = || group.members.iter().map(|at| &pieces.list[*at as usize]);
        let aims = pieces.union(own());
        let begin = own().map(|piece| piece.begin).min().unwrap_or(0);
        let end = own().map(|piece| piece.end).max().unwrap_or(0);
        let (all, made) = own().fold((0, 0), |sum, piece| (sum.0 + piece.probes.0, sum.1 + piece.probes.1));
        Outline {
            // Where moments are not known they are within the first slot.
            span: (begin >= SLOT * 1_000).then_some((begin, end)),
            sources: pieces.sources(&group.members).into_boxed_slice(),
            aims: aims.len(),
            confidence: campaign::confidence(&aims, made * 5 >= all * 4),
            how: group.how,
        }
    }
}

/// What the first look at all senders gives.
#[derive(Default)]
struct First {
    /// How many scans of one sender there are.
    scans: u32,
    /// Their pieces.
    pieces: Pieces,
    /// Their senders.
    found: HashSet<u128>,
    /// What each of the other senders asked for.
    asked: Vec<Aim>,
    /// Packets by which decoys are known.
    seen: Seen,
    /// How many of the other senders send packets with which traits.
    crowds: HashMap<Traits, u32>,
    /// Hosts that were asked.
    hosts: HashSet<u64>,
    /// Senders that scanned nothing.
    below: u64,
}

impl First {
    fn look(&mut self, sender: OfSource<'_>, by: Sender) {
        let asked = sender.asked;
        if asked.is_empty() {
            return;
        }
        let mut last = None;
        for host in asked.iter().map(|probe| host(aim(probe))) {
            if last.replace(host) != Some(host) {
                self.hosts.insert(host);
            }
        }
        let parts = sender::scans(asked);
        self.seen.add(asked, !parts.is_empty());
        if parts.is_empty() {
            self.below += 1;
            *self.crowds.entry(traits(&asked[0])).or_default() += 1;
            self.asked.extend(aims(asked.iter()));
            return;
        }
        self.found.insert(by.of(asked[0].src));
        let mut last = None;
        for (nth, part) in (0..).zip(&parts) {
            if last.replace(part.scan) != Some(part.scan) {
                self.scans += 1;
            }
            self.pieces.add(asked, part, nth, Some(self.scans - 1));
        }
    }
}

/// The probes of some parts, in the order of time.
fn probes_of<'p>(asked: &[Probe], parts: impl IntoIterator<Item = &'p Part>) -> Vec<Probe> {
    let mut places: Vec<u32> = parts.into_iter().flat_map(|part| part.members.iter().copied()).collect();
    places.sort_unstable();
    places.into_iter().map(|at| asked[at as usize]).collect()
}

/// Packets of some answers that are of the sources of some probes, within the time of each.
fn answers_within(answers: &[Probe], own: &[Probe]) -> u64 {
    if answers.is_empty() {
        return 0;
    }
    let mut spans: Vec<(u128, u32)> = own.iter().map(|probe| (probe.src, probe.slot)).collect();
    spans.sort_unstable();
    let within = |probe: &&Probe| {
        let from = spans.partition_point(|(src, _)| *src < probe.src);
        let to = spans.partition_point(|(src, _)| *src <= probe.src);
        from < to && (spans[from].1..=spans[to - 1].1).contains(&probe.slot)
    };
    answers.iter().filter(within).map(|probe| u64::from(probe.count)).sum()
}

/// Gives `with` the probes of each wanted sender in the order of time.
fn each_sender(scans: &Scans, by: Sender, wanted: impl Fn(u128) -> bool, mut with: impl FnMut(OfSource<'_>)) {
    if by == Sender::Source {
        return scans.each_source(wanted, with);
    }
    let (mut asked, mut answers, mut open): (Vec<Probe>, Vec<Probe>, _) = (Vec::new(), Vec::new(), None);
    let mut close = |asked: &mut Vec<Probe>, answers: &mut Vec<Probe>| {
        if asked.is_empty() && answers.is_empty() {
            return;
        }
        asked.sort_by_key(|probe| (probe.begin(), probe.order));
        with(OfSource { asked, answers });
        asked.clear();
        answers.clear();
    };
    scans.each_source(
        |source| wanted(by.of(source)),
        |source| {
            let sender = by.of(source.address());
            if open.replace(sender).is_some_and(|before| before != sender) {
                close(&mut asked, &mut answers);
            }
            asked.extend_from_slice(source.asked);
            answers.extend_from_slice(source.answers);
        },
    );
    close(&mut asked, &mut answers);
}

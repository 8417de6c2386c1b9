//! What a report counts on its last pass: of the few that are shown, when and where; of all lines, which remain.
//!
//! Responsible for: counting in memory that does not grow with the log, but for the sources of lines that remain.
//! Must not know: how the few were chosen, how anything is shown.
//! Tested by: `tests/cli/report.rs`.

use std::net::IpAddr;
use std::ops::Range;

use fwlog::aggregate::{Aggregate, Counts};
use fwlog::record::{Field, Key, Record};
use hashbrown::HashMap;
use logparse::{PrefixCache, Protocol};

use super::first::{Chosen, NET, ROWS};
use super::grid::Grid;
use crate::analysis::near_hits;
use crate::analysis::noise::address::{is_v4, number};
use crate::analysis::suggest::lines::Why;
use crate::analysis::suggest::proof::Distinct;
use crate::analysis::suggest::view::{Becomes, Viewer};

/// Hours that are looked at for a rhythm: the last sixty weeks.
const HOURS: i64 = 60 * 168;
const HOUR: i64 = 3_600;

/// A set of ports.
#[derive(Clone, Debug)]
pub struct PortSet(Box<[u64; 1024]>);

impl Default for PortSet {
    fn default() -> PortSet {
        PortSet(Box::new([0; 1024]))
    }
}

impl PortSet {
    fn add(&mut self, port: u16) {
        self.0[usize::from(port) / 64] |= 1 << (port % 64);
    }

    fn has(&self, port: u16) -> bool {
        self.0[usize::from(port) / 64] >> (port % 64) & 1 == 1
    }

    fn merge(&mut self, other: &PortSet) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(own, other)| *own |= other);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

/// What is counted of a source or a network.
#[derive(Clone, Debug, Default)]
pub struct Talker {
    /// Packets in each bucket; nothing where no picture is drawn.
    pub time: Vec<u64>,
    /// Ports it tried.
    pub ports: PortSet,
    /// Packets at each of the ports that are shown.
    pub at: Vec<u64>,
    /// Its first and last moment (local seconds).
    pub span: Option<(i64, i64)>,
}

/// What is counted of a port.
#[derive(Clone, Debug, Default)]
pub struct AtPort {
    /// Packets in each bucket.
    pub time: Vec<u64>,
    /// Sources that tried it.
    pub sources: Distinct,
}

/// What remains with the rules of a suggestion.
#[derive(Clone, Debug)]
pub struct Remaining {
    /// Lines in each bucket.
    pub time: Vec<u64>,
    /// Lines by prefix, by source, and by port with its protocol: of those that remain, or of those that go.
    by: [Counts; 3],
    /// Which of them.
    counted: Which,
    /// Near hits, by source, port and protocol.
    pub near: Counts,
}

/// Which lines are counted by source: those that remain, or those that go, if they are few. The first pass has counted all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that remain.
    Remain,
    /// Those that go.
    Go,
}

/// One of so many lines goes, at most, where only those that go are counted.
const FEW: u64 = 4;

impl Which {
    /// Where so many lines of all go.
    #[must_use]
    pub fn of(gone: u64, all: u64) -> Which {
        if gone.saturating_mul(FEW) <= all { Which::Go } else { Which::Remain }
    }
}

impl Remaining {
    /// What remains by prefix, by source and by port, of all that the first pass counted.
    #[must_use]
    pub fn by(self, all: [Counts; 3]) -> [Counts; 3] {
        match self.counted {
            Which::Remain => self.by,
            Which::Go => {
                let mut gone = self.by.iter();
                all.map(|all| gone.next().map_or_else(Counts::default, |gone| all.less(gone)))
            }
        }
    }
}

/// Where the few are found.
#[derive(Debug)]
pub struct Places<'c> {
    chosen: &'c Chosen,
    prefixes: HashMap<&'c [u8], u32>,
    sources: HashMap<u128, usize>,
    networks: HashMap<(bool, u128), usize>,
    /// Which [`spot`]s have one of both: most sources are none of the few, and are not looked up.
    spots: PortSet,
    ports: HashMap<(u8, u16), usize>,
    hours: Grid,
}

impl<'c> Places<'c> {
    /// Of what was chosen.
    #[must_use]
    pub fn new(chosen: &'c Chosen) -> Places<'c> {
        let hours = chosen.grid.map_or(Grid { start: 0, step: HOUR, count: 0 }, |grid| {
            let (first, last) = (grid.start.div_euclid(HOUR), (grid.end() - 1).div_euclid(HOUR));
            let first = first.max(last - HOURS + 1);
            let count = usize::try_from(last - first + 1).unwrap_or(0);
            Grid { start: first * HOUR, step: HOUR, count }
        });
        let prefixes = (0u32..).zip(&chosen.prefixes);
        let mut spots = PortSet::default();
        chosen.sources.iter().chain(&chosen.networks).for_each(|(addr, _)| spots.add(spot(network(*addr))));
        Places {
            chosen,
            prefixes: prefixes.map(|(at, (prefix, _))| (&prefix[..], at)).collect(),
            sources: chosen.sources.iter().enumerate().map(|(at, (addr, _))| (number(*addr), at)).collect(),
            networks: chosen.networks.iter().enumerate().map(|(at, (net, _))| (network(*net), at)).collect(),
            spots,
            ports: chosen.ports.iter().enumerate().map(|(at, (port, _))| (*port, at)).collect(),
            hours,
        }
    }

    /// The hours that are looked at for a rhythm.
    #[must_use]
    pub fn hours(&self) -> Grid {
        self.hours
    }
}

/// The network of a source.
fn network(addr: IpAddr) -> (bool, u128) {
    let number = number(addr);
    let v4 = is_v4(number);
    (v4, if v4 { number >> (32 - NET.0) } else { number >> (128 - NET.1) })
}

/// A number that all addresses of a network have, and few others.
fn spot(network: (bool, u128)) -> u16 {
    network.1 as u16
}

/// One thread's pass.
pub struct Details<'v> {
    places: &'v Places<'v>,
    viewer: Viewer<'v>,
    quick: PrefixCache<u32>,
    /// The bucket and the hour of the line before, and the local seconds that have both.
    open: (Range<i64>, Option<usize>, Option<usize>),
    counted: Detailed,
}

/// What the last pass counted.
#[derive(Clone, Debug)]
pub struct Detailed {
    /// Packets of each prefix in each bucket; those of all others come last.
    pub prefixes: Vec<Vec<u64>>,
    /// The sources that are shown.
    pub sources: Vec<Talker>,
    /// The networks that are looked at.
    pub networks: Vec<Talker>,
    /// The ports that are shown.
    pub ports: Vec<AtPort>,
    /// What remains.
    pub remaining: Remaining,
    /// Packets by hour.
    pub hours: Vec<u64>,
}

impl Detailed {
    /// Nothing yet.
    #[must_use]
    pub fn new(places: &Places<'_>, which: Which) -> Detailed {
        let Chosen { prefixes, sources, networks, ports, grid, .. } = places.chosen;
        let time = vec![0; grid.map_or(0, |grid| grid.count)];
        let talker = |time: Vec<u64>| Talker { time, at: vec![0; ports.len()], ..Talker::default() };
        let by = |keys: &[Key]| Counts::by(keys.iter().map(|key| Field::of(*key)).collect());
        Detailed {
            prefixes: vec![time.clone(); prefixes.len() + 1],
            sources: sources.iter().map(|_| talker(time.clone())).collect(),
            networks: (0..networks.len())
                .map(|at| talker(if at < ROWS { time.clone() } else { Vec::new() }))
                .collect(),
            ports: ports.iter().map(|_| AtPort { time: time.clone(), ..AtPort::default() }).collect(),
            remaining: Remaining {
                time,
                by: [
                    by(&[Key::Prefix]),
                    by(&[Key::Src]).only_present(),
                    by(&[Key::Dpt, Key::Proto]).only_present(),
                ],
                counted: which,
                near: by(&[Key::Src, Key::Dpt, Key::Proto]),
            },
            hours: vec![0; places.hours.count],
        }
    }

    fn merge(&mut self, other: Detailed) {
        self.prefixes.iter_mut().zip(&other.prefixes).for_each(|(own, other)| join(own, other));
        self.sources.iter_mut().zip(&other.sources).for_each(|(own, other)| own.merge(other));
        self.networks.iter_mut().zip(&other.networks).for_each(|(own, other)| own.merge(other));
        for (own, other) in self.ports.iter_mut().zip(other.ports) {
            join(&mut own.time, &other.time);
            own.sources.merge(other.sources);
        }
        join(&mut self.remaining.time, &other.remaining.time);
        for (own, other) in self.remaining.by.iter_mut().zip(other.remaining.by) {
            own.merge(other);
        }
        self.remaining.near.merge(other.remaining.near);
        join(&mut self.hours, &other.hours);
    }
}

impl<'v> Details<'v> {
    /// Nothing yet.
    #[must_use]
    pub fn new(places: &'v Places<'v>, viewer: Viewer<'v>, which: Which) -> Details<'v> {
        let counted = Detailed::new(places, which);
        Details { places, viewer, quick: PrefixCache::default(), open: (0..0, None, None), counted }
    }

    /// What was counted.
    #[must_use]
    pub fn finish(self) -> Detailed {
        self.counted
    }

    /// The bucket and the hour of a moment (local seconds).
    fn place(&mut self, local: i64) -> (Option<usize>, Option<usize>) {
        let (seconds, bucket, hour) = &self.open;
        if seconds.contains(&local) {
            return (*bucket, *hour);
        }
        let Some(grid) = self.places.chosen.grid else { return (None, None) };
        let (bucket, hour) = (grid.of(local), self.places.hours.of(local));
        // Both are the same as long as neither ends.
        let until = |step: i64| (local.div_euclid(step) * step, local.div_euclid(step) * step + step);
        let (narrow, wide) = (until(grid.step), until(HOUR));
        self.open = (narrow.0.max(wide.0)..narrow.1.min(wide.1), bucket, hour);
        (bucket, hour)
    }

    /// The row of a line's prefix.
    fn prefix(&mut self, record: &Record<'_>) -> usize {
        let (places, others) = (self.places, self.counted.prefixes.len() - 1);
        let find = || places.prefixes.get(record.prefix()).copied().unwrap_or(others as u32);
        self.quick.get_or_insert_with(&record.line, find) as usize
    }
}

impl Talker {
    fn add(
        &mut self,
        times: u64,
        bucket: Option<usize>,
        local: Option<i64>,
        port: Option<u16>,
        at: Option<usize>,
    ) {
        add(&mut self.time, bucket, times);
        if let Some(port) = port {
            self.ports.add(port);
        }
        if let Some(at) = at {
            self.at[at] += times;
        }
        if let Some(local) = local {
            self.span = Some(self.span.map_or((local, local), |(a, b)| (a.min(local), b.max(local))));
        }
    }

    fn merge(&mut self, other: &Talker) {
        join(&mut self.time, &other.time);
        join(&mut self.at, &other.at);
        self.ports.merge(&other.ports);
        self.span = match (self.span, other.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (own, other) => own.or(other),
        };
    }
}

/// Counts in a bucket, if there is one.
fn add(counts: &mut [u64], at: Option<usize>, times: u64) {
    if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
        *count += times;
    }
}

/// Adds up what two threads counted.
fn join(own: &mut [u64], other: &[u64]) {
    own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
}

impl Aggregate for Details<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let times = record.times();
        let local = record.when.map(|when| when.local_seconds());
        let (bucket, hour) = local.map_or((None, None), |local| self.place(local));
        let (prefix, becomes) = (self.prefix(record), self.viewer.of(record));
        let (places, counted) = (self.places, &mut self.counted);
        add(&mut counted.hours, hour, times);
        add(&mut counted.prefixes[prefix], bucket, times);
        let port = record.line.dport();
        let protocol = record.line.protocol().unwrap_or(Protocol(0)).0;
        let at = port.and_then(|port| places.ports.get(&(protocol, port)).copied());
        let src = record.line.src();
        if let Some(at) = at {
            add(&mut counted.ports[at].time, bucket, times);
            src.into_iter().for_each(|src| counted.ports[at].sources.add(src));
        }
        if let Some((src, net)) = src.map(|src| (src, network(src)))
            && places.spots.has(spot(net))
        {
            if let Some(source) = places.sources.get(&number(src)) {
                counted.sources[*source].add(times, bucket, local, port, at);
            }
            if let Some(net) = places.networks.get(&net) {
                counted.networks[*net].add(times, bucket, local, port, at);
            }
        }
        let which = if matches!(becomes, Becomes::Stays(_)) { Which::Remain } else { Which::Go };
        if which == counted.remaining.counted {
            counted.remaining.by.iter_mut().for_each(|counts| counts.add(record));
        }
        if let Becomes::Stays(why) = becomes {
            add(&mut counted.remaining.time, bucket, times);
            let is_near = match why {
                Some(Why::NearHit) => true,
                // The rules that log it say so themselves.
                Some(Why::Kept) => near_hits::says_so(record.prefix()),
                _ => false,
            };
            if is_near {
                counted.remaining.near.add(record);
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.counted.merge(other.counted);
    }

    fn settle(&mut self) {
        self.counted.remaining.by.iter_mut().for_each(Counts::settle);
        self.counted.remaining.near.settle();
    }
}

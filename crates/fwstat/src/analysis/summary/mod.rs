//! What a report tells of a log: what remains without its noise, who, when and at which ports, and what changed.
//!
//! Three passes: [`first`] counts all of it beside the survey of [`suggest`](super::suggest), the second proves the
//! suggested rules, and [`details`] looks more closely at what is shown and at what remains.
//!
//! Responsible for: the summary, as a value.
//! Must not know: how it is shown.
//! Tested by: `tests/cli/report.rs`.

pub mod change;
pub mod details;
pub mod first;
pub mod grid;
pub mod news;
pub mod week;

use fwlog::sorting::InOrder as _;
use std::net::IpAddr;

use fwlog::aggregate::{Ranked, Row};
use fwlog::record::OwnedValue;

use super::suggest::suggestion::Suggestion;
use change::{Change, halves};
use details::{AtPort, Detailed, Places, Talker};
use first::{Chosen, First, ROWS};
use grid::Grid;
use week::Week;

/// Changes that are told.
const CHANGES: usize = 12;
/// Near hits that are named; a page shows the first of them.
const NEAR: usize = 5_000;
/// Rows of each table of what remains.
const REMAINING: usize = 10;

/// Something that packets have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The prefix.
    Prefix(Vec<u8>),
    /// The port, after its protocol.
    Port(u8, u16),
    /// The network of the source: /24 of IPv4, /64 of IPv6.
    Network(IpAddr),
}

/// A row with its packets and what was counted of it.
#[derive(Clone, Debug)]
pub struct Counted<K, V> {
    /// What it is.
    pub what: K,
    /// Packets.
    pub packets: u64,
    /// More of it.
    pub more: V,
}

/// A near hit: an untrusted source on an open service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearHit {
    /// The source.
    pub src: IpAddr,
    /// The protocol, and the port if it has ports.
    pub at: (u8, Option<u16>),
    /// Lines.
    pub lines: u64,
}

/// What a report tells.
#[derive(Debug)]
pub struct Summary {
    /// The rules that silence noise, and what they leave.
    pub suggestion: Suggestion,
    /// The time that pictures show.
    pub grid: Option<Grid>,
    /// Packets far from all others in time, and packets without a known time.
    pub untimed: (u64, u64),
    /// Prefixes with their packets over time.
    pub prefixes: Vec<Counted<Vec<u8>, Vec<u64>>>,
    /// Packets of all other prefixes over time.
    pub other_prefixes: Vec<u64>,
    /// How many prefixes there are.
    pub all_prefixes: u64,
    /// The sources with the most packets.
    pub sources: Vec<Counted<IpAddr, Talker>>,
    /// How many sources there are.
    pub all_sources: u64,
    /// The networks with the most packets.
    pub networks: Vec<Counted<IpAddr, Talker>>,
    /// How many networks there are.
    pub all_networks: u64,
    /// The ports with the most packets.
    pub ports: Vec<Counted<(u8, u16), AtPort>>,
    /// How many ports there are.
    pub all_ports: u64,
    /// Lines that remain over time.
    pub remaining_time: Vec<u64>,
    /// Lines that remain, by prefix, by source, by port with its protocol.
    pub remaining: [Ranked; 3],
    /// Near hits, most lines first, and how many there are.
    pub near: (Vec<NearHit>, u64),
    /// Lines of all near hits.
    pub near_lines: u64,
    /// What is new, gone or grown from the first half of the time to the second.
    pub changes: Vec<Change<Subject>>,
    /// Whether there is a rhythm.
    pub week: Week,
}

impl Summary {
    /// What all passes come to: all lines as the first one counted them, and the details.
    #[must_use]
    pub fn new(
        suggestion: Suggestion,
        (chosen, first): (&Chosen, First),
        places: &Places<'_>,
        details: Detailed,
    ) -> Summary {
        let Detailed { mut prefixes, sources, networks, ports, mut remaining, hours } = details;
        let week = Week::of(&hours, places.hours().start / 3_600);
        let other_prefixes = prefixes.pop().unwrap_or_default();
        let near = remaining.near.ranked(NEAR);
        let near_lines = near.total;
        let mut summary = Summary {
            suggestion,
            grid: chosen.grid,
            untimed: (chosen.outside, chosen.timeless),
            prefixes: counted(&chosen.prefixes, prefixes),
            other_prefixes,
            all_prefixes: chosen.all_prefixes,
            sources: counted(&chosen.sources, sources),
            all_sources: chosen.all_sources,
            networks: counted(&chosen.networks, networks),
            all_networks: chosen.all_networks,
            ports: counted(&chosen.ports, ports),
            all_ports: chosen.all_ports,
            remaining_time: std::mem::take(&mut remaining.time),
            remaining: remaining.by(first.by()).map(|counts| counts.ranked(REMAINING)),
            near: (near.rows.iter().filter_map(near_hit).collect(), near.distinct),
            near_lines,
            changes: Vec::new(),
            week,
        };
        summary.changes = summary.changes();
        summary
    }

    /// The addresses that are shown: sources, networks, near hits, hosts worth a look; each once.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let remaining = self.remaining[1].rows.iter().filter_map(|row| match row.cells.first() {
            Some(OwnedValue::Addr(addr)) => Some(*addr),
            _ => None,
        });
        let mut all: Vec<IpAddr> = self
            .sources
            .iter()
            .chain(&self.networks)
            .map(|row| row.what)
            .chain(self.near.0.iter().take(ROWS).map(|hit| hit.src))
            .chain(self.suggestion.hosts.iter().map(|host| host.src))
            .chain(self.suggestion.friends.iter().map(|(friend, _)| friend.addr))
            .chain(remaining)
            .collect();
        all.order();
        all.dedup();
        all
    }

    /// What changed, that which chance explains least first.
    fn changes(&self) -> Vec<Change<Subject>> {
        let prefixes = self.prefixes.iter().map(|row| (Subject::Prefix(row.what.clone()), &row.more));
        let ports = self.ports.iter().map(|row| (Subject::Port(row.what.0, row.what.1), &row.more.time));
        let networks =
            self.networks.iter().take(ROWS).map(|row| (Subject::Network(row.what), &row.more.time));
        let mut changes: Vec<Change<Subject>> = prefixes
            .chain(ports)
            .chain(networks)
            .filter_map(|(what, time)| {
                let (before, after) = halves(time);
                Change::of(what, before, after)
            })
            .collect();
        changes.order_by(|a, b| b.weight().total_cmp(&a.weight()).then_with(|| a.what.cmp(&b.what)));
        changes.truncate(CHANGES);
        changes
    }

    /// The networks whose ports differ most from those of all packets, by the packets that do; most first.
    #[must_use]
    pub fn unusual_networks(&self, most: usize) -> Vec<&Counted<IpAddr, Talker>> {
        let all: u64 = self.ports.iter().map(|row| row.packets).sum();
        let usual: Vec<f64> = self.ports.iter().map(|row| row.packets as f64 / all.max(1) as f64).collect();
        let score = |row: &Counted<IpAddr, Talker>| {
            let own: u64 = row.more.at.iter().sum();
            let part = |count: &u64| *count as f64 / own.max(1) as f64;
            let apart: f64 =
                row.more.at.iter().zip(&usual).map(|(count, usual)| (part(count) - usual).abs()).sum();
            apart / 2.0 * own as f64
        };
        let mut rows: Vec<(f64, &Counted<IpAddr, Talker>)> =
            self.networks.iter().map(|row| (score(row), row)).filter(|(score, _)| *score >= 1.0).collect();
        rows.order_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.what.cmp(&b.1.what)));
        rows.truncate(most);
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// Keys and packets beside what was counted of them.
fn counted<K: Clone, V>(keys: &[(K, u64)], more: Vec<V>) -> Vec<Counted<K, V>> {
    let rows = keys.iter().zip(more);
    rows.map(|((what, packets), more)| Counted { what: what.clone(), packets: *packets, more }).collect()
}

fn near_hit(row: &Row) -> Option<NearHit> {
    match &row.cells[..] {
        [OwnedValue::Addr(src), port, OwnedValue::Proto(protocol)] => {
            let port = match port {
                OwnedValue::Number(port) => u16::try_from(*port).ok(),
                _ => None,
            };
            Some(NearHit { src: *src, at: (protocol.0, port), lines: row.count })
        }
        _ => None,
    }
}

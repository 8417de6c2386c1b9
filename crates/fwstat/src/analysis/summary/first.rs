//! What a report counts on its first pass over a log, and what of it is looked at more closely on the last one.
//!
//! Responsible for: counts of all sources, ports and prefixes, and the few that are shown.
//! Must not know: noise, rules, how anything is shown.
//! Tested by: `tests/cli/report.rs`.

use std::net::IpAddr;

use fwlog::aggregate::{Aggregate, Counts, Ranked, Timeline};
use fwlog::record::{Field, Key, OwnedValue, Record};

use super::grid::Grid;

/// Rows of a table of sources, networks or ports.
pub const ROWS: usize = 25;
/// Prefixes with a picture of their own.
pub const PREFIXES: usize = 12;
/// Networks of which the ports are looked at.
pub const NETWORKS: usize = 200;
/// Buckets of a picture over time.
const BUCKETS: usize = 120;

/// The counts of the first pass.
#[derive(Clone, Debug)]
pub struct First {
    prefixes: Counts,
    sources: Counts,
    ports: Counts,
    timeline: Timeline,
}

impl Default for First {
    fn default() -> First {
        First {
            prefixes: Counts::by(vec![Field::of(Key::Prefix)]),
            sources: Counts::by(vec![Field::of(Key::Src)]).only_present(),
            ports: Counts::by(vec![Field::named(Key::Dpt, "dport"), Field::of(Key::Proto)]).only_present(),
            timeline: Timeline::new(Vec::new(), None),
        }
    }
}

impl Aggregate for First {
    fn add(&mut self, record: &Record<'_>) {
        self.prefixes.add(record);
        self.sources.add(record);
        self.ports.add(record);
        self.timeline.add(record);
    }

    fn merge(&mut self, other: First) {
        self.prefixes.merge(other.prefixes);
        self.sources.merge(other.sources);
        self.ports.merge(other.ports);
        self.timeline.merge(other.timeline);
    }

    fn settle(&mut self) {
        self.prefixes.settle();
        self.sources.settle();
        self.ports.settle();
        self.timeline.settle();
    }
}

/// What is looked at more closely, the most packets first, each with its packets.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Prefixes, and how many there are.
    pub prefixes: Vec<(Vec<u8>, u64)>,
    /// How many prefixes there are.
    pub all_prefixes: u64,
    /// Sources.
    pub sources: Vec<(IpAddr, u64)>,
    /// How many sources there are.
    pub all_sources: u64,
    /// Networks of sources, by an address in them with all other bits zero: /24 of IPv4, /64 of IPv6.
    pub networks: Vec<(IpAddr, u64)>,
    /// How many networks there are.
    pub all_networks: u64,
    /// Ports with their protocols.
    pub ports: Vec<((u8, u16), u64)>,
    /// How many ports there are.
    pub all_ports: u64,
    /// The time that pictures show; none if no packet has a time.
    pub grid: Option<Grid>,
    /// Packets far from all others in time, which no picture shows.
    pub outside: u64,
    /// Packets without a known time.
    pub timeless: u64,
}

impl First {
    /// Lines by prefix, by source, and by port with its protocol.
    #[must_use]
    pub fn by(self) -> [Counts; 3] {
        [self.prefixes, self.sources, self.ports]
    }
}

/// Bits of the networks that sources are put together by.
pub const NET: (u8, u8) = (24, 64);

impl First {
    /// What is looked at more closely.
    #[must_use]
    pub fn choose(&mut self) -> Chosen {
        let by_network = Field { name: "src/24".to_owned(), key: Key::Src, inner: false, net: Some(NET) };
        let networks = self.sources.networks(by_network).ranked(NETWORKS);
        let (prefixes, sources, ports) =
            (self.prefixes.ranked(PREFIXES), self.sources.ranked(ROWS), self.ports.ranked(ROWS));
        let outside = self.timeline.leave_out_outliers();
        let span = self.timeline.span();
        Chosen {
            all_prefixes: prefixes.distinct,
            all_sources: sources.distinct,
            all_networks: networks.distinct,
            all_ports: ports.distinct,
            prefixes: rows(prefixes, |cells| match cells {
                [OwnedValue::Text(prefix)] => Some(prefix.clone()),
                _ => Some(Vec::new()),
            }),
            sources: rows(sources, address),
            networks: rows(networks, address),
            ports: rows(ports, |cells| match cells {
                [OwnedValue::Number(port), OwnedValue::Proto(protocol)] => {
                    Some((protocol.0, u16::try_from(*port).ok()?))
                }
                _ => None,
            }),
            grid: span.map(|(first, last)| Grid::over(first, last + self.timeline.step() - 1, BUCKETS)),
            outside,
            timeless: self.timeline.timeless(),
        }
    }
}

/// The rows that have a key of this kind.
fn rows<K>(ranked: Ranked, key: impl Fn(&[OwnedValue]) -> Option<K>) -> Vec<(K, u64)> {
    ranked.rows.into_iter().filter_map(|row| Some((key(&row.cells)?, row.count))).collect()
}

fn address(cells: &[OwnedValue]) -> Option<IpAddr> {
    match cells {
        [OwnedValue::Addr(addr)] => Some(*addr),
        [OwnedValue::Net(addr, _)] => Some(*addr),
        _ => None,
    }
}

//! Facts about links, from every line: which hardware address brings packets from where, which
//! addresses of this host are asked, which broadcast addresses are used.
//!
//! Responsible for: counting them in bounded memory. What is kept beyond a limit is chosen by the
//! keys alone (the smallest, or the smallest hashes), so that the order of lines plays no part.
//! Must not know: what follows from them (`place`).
//! Tested by: the unit tests below, `tests/cli/suggest.rs`.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::sighting::{NO_MAC, Sighting, To};

/// Hardware addresses kept of one interface; a link with more is no home.
pub const STATIONS: usize = 4096;
/// Wide networks (/16, /32) kept of a hardware address.
pub const WIDE: usize = 4;
/// Sources kept of a hardware address, and of an interface as networks.
pub const SOURCES: usize = 64;
/// Networks kept of an interface.
pub const NETWORKS: usize = 9;
/// Addresses of this host, and broadcast addresses.
const ADDRESSES: usize = 256;
/// Destinations whose lines are entered together.
const LATELY: usize = 32;

/// What one hardware address brought.
#[derive(Clone, Debug, Default)]
pub struct Station {
    /// The /16s or /32s of its sources, [`WIDE`] at most.
    pub wide: BTreeSet<u128>,
    /// Its sources with their lines, the [`SOURCES`] smallest, as long as `wide` has room.
    pub sources: BTreeMap<u128, u64>,
}

impl Station {
    /// Whether it brings packets from so many networks that it is a router.
    #[must_use]
    pub fn is_router(&self) -> bool {
        self.wide.len() >= 3
    }

    fn join(&mut self, other: Station) {
        self.wide.extend(other.wide);
        while self.wide.len() > WIDE {
            self.wide.pop_last();
        }
        for (source, lines) in other.sources {
            *self.sources.entry(source).or_default() += lines;
        }
        self.trim();
    }

    fn trim(&mut self) {
        if self.is_router() {
            self.sources.clear();
        }
        while self.sources.len() > SOURCES {
            self.sources.pop_last();
        }
    }
}

/// The facts. Interfaces are numbers.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// By interface and source hardware address.
    pub stations: HashMap<(u32, u64), Station>,
    /// Unicast destinations at INPUT, by lines.
    pub here: BTreeMap<u128, u64>,
    /// Broadcast addresses of an interface.
    pub broadcasts: BTreeSet<(u32, u128)>,
    /// Source networks (/24, /64) of an interface, [`NETWORKS`] at most.
    pub networks: HashMap<(u32, bool), BTreeSet<u128>>,
    /// Interfaces with more hardware addresses than are kept.
    pub crowded: BTreeSet<u32>,
    latest: (u32, u128),
    /// Destinations seen lately, and their lines that are not entered yet; each has one place.
    asked: [(u128, u64); LATELY],
    /// Interface, hardware address and family of the line before, if nothing more is learnt of them.
    settled: Option<(u32, u64, bool)>,
}

const LINK_LOCAL: u128 = 0xfe80 << 112;

/// Whether a source says nothing of where it is: link-local, or none.
#[must_use]
pub fn is_placeless(src: u128) -> bool {
    src >> 118 == LINK_LOCAL >> 118
        || src >> 16 == 0xffff_a9fe
        || src as u32 == 0 && src >> 32 == 0xffff
        || src == 0
}

impl Links {
    /// Takes a packet that came in by an interface; `forwarded` if it is not for this host,
    /// `trusted` if its source is.
    #[inline]
    pub fn add(&mut self, input: u32, forwarded: bool, trusted: bool, seen: &Sighting) {
        if !forwarded && seen.to == To::One {
            let at = seen.dst as usize % LATELY;
            if self.asked[at].0 != seen.dst {
                self.enter_asked(at);
                self.asked[at].0 = seen.dst;
            }
            self.asked[at].1 += 1;
        }
        if seen.to == To::All && self.latest != (input, seen.dst) {
            self.latest = (input, seen.dst);
            self.broadcasts.insert((input, seen.dst));
            if self.broadcasts.len() > ADDRESSES {
                self.broadcasts.pop_last();
            }
        }
        let key = (input, seen.mac, seen.v6);
        if self.settled == Some(key) {
            return;
        }
        let placeless = is_placeless(seen.src);
        let networks = self.networks.entry((input, seen.v6)).or_default();
        if !placeless && networks.len() < NETWORKS {
            networks.insert(seen.src >> if seen.v6 { 64 } else { 8 });
        }
        let full = networks.len() >= NETWORKS;
        let station = self.stations.entry((input, seen.mac)).or_default();
        if station.wide.len() >= WIDE {
            self.settled = full.then_some(key);
            return;
        }
        if seen.to == To::One && !placeless && !trusted {
            station.wide.insert(seen.src >> if seen.v6 { 96 } else { 16 });
        }
        if seen.mac != NO_MAC && !placeless && !station.is_router() {
            *station.sources.entry(seen.src).or_default() += 1;
        }
        station.trim();
        if self.stations.len() > 2 * STATIONS {
            self.trim_stations();
        }
    }

    fn enter_asked(&mut self, at: usize) {
        let (dst, lines) = std::mem::take(&mut self.asked[at]);
        if lines > 0 {
            *self.here.entry(dst).or_default() += lines;
            if self.here.len() > 2 * ADDRESSES {
                self.trim_here();
            }
        }
    }

    fn trim_here(&mut self) {
        while self.here.len() > ADDRESSES {
            self.here.pop_last();
        }
    }

    fn trim_stations(&mut self) {
        let mut by: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        self.stations.keys().for_each(|(input, mac)| by.entry(*input).or_default().push(mixed(*mac)));
        for (input, mut hashes) in by {
            if hashes.len() > STATIONS {
                self.crowded.insert(input);
                let (_, limit, _) = hashes.select_nth_unstable(STATIONS - 1);
                let limit = *limit;
                self.stations.retain(|(i, mac), _| *i != input || mixed(*mac) <= limit);
            }
        }
    }

    /// Takes over another thread's facts; `names` translates its numbers of interfaces.
    pub fn join(&mut self, mut other: Links, names: &[u32]) {
        (0..LATELY).for_each(|at| other.enter_asked(at));
        for ((input, mac), station) in other.stations {
            self.stations.entry((names[input as usize], mac)).or_default().join(station);
        }
        for (addr, lines) in other.here {
            *self.here.entry(addr).or_default() += lines;
        }
        self.broadcasts.extend(other.broadcasts.into_iter().map(|(input, dst)| (names[input as usize], dst)));
        for ((input, v6), nets) in other.networks {
            let all = self.networks.entry((names[input as usize], v6)).or_default();
            all.extend(nets);
            while all.len() > NETWORKS {
                all.pop_last();
            }
        }
        self.crowded.extend(other.crowded.into_iter().map(|input| names[input as usize]));
        self.settle();
    }

    /// Keeps no more than the limits allow.
    pub fn settle(&mut self) {
        (0..LATELY).for_each(|at| self.enter_asked(at));
        self.trim_here();
        self.trim_stations();
        while self.broadcasts.len() > ADDRESSES {
            self.broadcasts.pop_last();
        }
    }
}

/// A number that says nothing of its order any more (splitmix64's finisher).
#[must_use]
pub fn mixed(number: u64) -> u64 {
    let x = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(n: u64) -> Sighting {
        let v4 = 0xffff_0000_0000u128;
        Sighting {
            src: v4 | u128::from(mixed(n) as u32),
            dst: v4 | (0xc0a8_0102 + u128::from(n % 3)),
            at: n,
            front: 0,
            mac: n % 5,
            sport: 1,
            dport: 2,
            protocol: 6,
            kind: 0,
            code: 0,
            ports: true,
            syn: true,
            v6: false,
            to: To::One,
        }
    }

    #[test]
    fn parts_joined_are_the_whole_in_any_order() {
        let of = |numbers: &mut dyn Iterator<Item = u64>| {
            let mut links = Links::default();
            numbers.for_each(|n| links.add((n % 2) as u32, false, false, &seen(n)));
            links
        };
        let mut whole = of(&mut (0..2000));
        let (mut odd, even) =
            (of(&mut (0..2000).rev().filter(|n| n % 3 == 0)), of(&mut (0..2000).filter(|n| n % 3 > 0)));
        odd.join(even, &[0, 1]);
        whole.settle();
        assert_eq!(odd.here, whole.here);
        assert_eq!(odd.here.values().sum::<u64>(), 2000);
        let routers = |links: &Links| {
            let mut list: Vec<(u32, u64)> = links
                .stations
                .iter()
                .filter(|(_, station)| station.is_router())
                .map(|(key, _)| *key)
                .collect();
            list.sort_unstable();
            list
        };
        assert_eq!(routers(&odd), routers(&whole));
        assert_eq!(routers(&whole).len(), 10);
    }
}

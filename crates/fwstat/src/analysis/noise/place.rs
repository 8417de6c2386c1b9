//! Where this host is: which links lead to the internet, which networks are home.
//!
//! Nothing is taken from RFC 1918 alone: neighbours in 10/8 behind a provider's router are
//! strangers, and a public network on the link is home.
//!
//! Responsible for: these conclusions, from facts about links, the rules and `--trusted`.
//! Must not know: noise.
//! Tested by: `tests/cli/suggest.rs`.

use std::collections::{BTreeMap, BTreeSet};

use fwrules::{Hook, Net};

use super::address::{BOGUS, Nets, PRIVATE, address, around, host, joined, number};
use super::links::NETWORKS;
use super::pattern::Pattern;
use super::sighting::{NO_MAC, Sighting, To};
use super::survey::Surveyed;

/// Fewer networks of bogus sources on an outer link are no crowd: whoever spoofs them stays visible.
const SPOOFED: usize = 8;
/// Lines that prove an address of this host.
const HERE: u64 = 3;

/// Where this host is.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Addresses of this host.
    pub here: BTreeSet<u128>,
    /// Interfaces that a router's packets come by.
    pub outer: BTreeSet<u32>,
    routers: BTreeSet<(u32, u64)>,
    /// Networks on the link, by interface and family.
    pub links: BTreeMap<(u32, bool), Vec<Net>>,
    /// Networks of the link whose broadcast address was seen.
    pub broadcast: Vec<Net>,
    /// Own networks, trusted ones and those that the rules let in, as few as they can be.
    pub own: Vec<Net>,
    nets: Nets,
    /// Bogus sources come from so many networks that they are a spoofed crowd.
    pub spoofed: bool,
}

impl Place {
    /// Of a log; `trusted` and `friends` (sources that the rules let in) are known before.
    #[must_use]
    pub fn new(log: &Surveyed, trusted: &[Net], let_in: &[Pattern]) -> Place {
        let mut place = Place {
            here: log
                .links
                .here
                .iter()
                .filter(|(addr, lines)| **lines >= HERE && !link_local(**addr))
                .map(|(a, _)| *a)
                .collect(),
            ..Place::default()
        };
        for ((input, mac), station) in &log.links.stations {
            if station.is_router() {
                place.routers.insert((*input, *mac));
                place.outer.insert(*input);
            }
        }
        let mut own: Vec<Net> = trusted.to_vec();
        own.extend(place.here.iter().map(|addr| host(*addr)));
        place.find_links(log);
        for ((input, _), nets) in &place.links {
            if place.outer.contains(input) {
                own.extend(nets);
            }
        }
        for ((input, v6), nets) in &log.links.networks {
            if !place.outer.contains(input) && nets.len() < NETWORKS {
                let bits = if *v6 { 64 } else { 8 };
                own.extend(nets.iter().map(|net| around(net << bits, 24, 64)));
            }
        }
        own.extend(friends(let_in));
        own.extend(Net::parse("fe80::/10"));
        own.retain(|net| !net.is_any());
        place.nets = Nets::new(&own);
        own.extend(place.private_and_few(log));
        place.own = joined(own);
        place.nets = Nets::new(&place.own);
        place
    }

    /// Whether a hardware address is not that of a router.
    #[must_use]
    pub fn on_link(&self, input: u32, mac: u64) -> bool {
        mac != NO_MAC && !self.routers.contains(&(input, mac))
    }

    /// Whether a packet's source is known: home, trusted, let in, or on the link.
    #[must_use]
    pub fn is_own(&self, log: &Surveyed, seen: &Sighting) -> bool {
        self.nets.contains(seen.src) || seen.to == To::One && self.on_link(log.input(seen), seen.mac)
    }

    /// Whether an address is of an own network.
    #[must_use]
    pub fn is_home(&self, addr: u128) -> bool {
        self.nets.contains(addr)
    }

    /// The networks on links: the smallest one whose broadcast address was seen and that holds
    /// nine of ten sources, else each source's /24 or /64.
    fn find_links(&mut self, log: &Surveyed) {
        let mut near: BTreeMap<(u32, bool), BTreeSet<u128>> = BTreeMap::new();
        for ((input, mac), station) in &log.links.stations {
            if self.on_link(*input, *mac) {
                for source in station.sources.keys() {
                    near.entry((*input, !super::address::is_v4(*source))).or_default().insert(*source);
                }
            }
        }
        for ((input, v6), sources) in near {
            let mut nets: Vec<Net> = Vec::new();
            for (on, broadcast) in log.links.broadcasts.iter().filter(|(on, _)| *on == input && !v6) {
                let close: Vec<u128> =
                    sources.iter().copied().filter(|source| source >> 16 == broadcast >> 16).collect();
                let ends = |length: u8| {
                    let net = Net::new(address(*broadcast), length);
                    net.range().is_some_and(|range| number(range.last) == *broadcast).then_some(net)
                };
                let holds = |net: &Net| {
                    let inside = close.iter().filter(|source| net.contains(address(**source))).count();
                    !close.is_empty() && inside * 10 >= close.len() * 9
                };
                let net = (16..=30).rev().map_while(ends).find(holds);
                if let Some(net) = net.filter(|_| *on == input) {
                    nets.push(net);
                }
            }
            self.broadcast.extend(&nets);
            for source in &sources {
                if !nets.iter().any(|net| net.contains(address(*source))) {
                    nets.push(around(*source, 24, 64));
                }
            }
            self.links.insert((input, v6), nets);
        }
    }

    /// Blocks of LANs, and networks of sources from a router that no router should have brought, if
    /// those are few.
    fn private_and_few(&mut self, log: &Surveyed) -> Vec<Net> {
        let bogus: Vec<Net> = BOGUS.iter().filter_map(|net| Net::parse(net)).collect();
        let bogus_nets = Nets::new(&bogus);
        let mut seen: BTreeSet<u128> = BTreeSet::new();
        for one in &log.sample {
            let input = log.input(one);
            let outside = self.outer.contains(&input) && self.routers.contains(&(input, one.mac));
            if outside
                && !one.v6
                && one.to == To::One
                && bogus_nets.contains(one.src)
                && !self.is_home(one.src)
            {
                seen.insert(one.src >> 8);
            }
        }
        self.spoofed = seen.len() >= SPOOFED;
        if self.spoofed || self.outer.is_empty() {
            return Vec::new();
        }
        // A source of a LAN's block that comes by a router is spoofed, the first one of tomorrow too.
        let lans = PRIVATE.iter().filter_map(|net| Net::parse(net));
        lans.chain(seen.iter().map(|net| around(net << 8, 24, 64))).collect()
    }
}

fn link_local(addr: u128) -> bool {
    addr >> 118 == 0xfe80 >> 6
}

/// The sources that the rules let in to anything.
#[must_use]
pub fn friends(let_in: &[Pattern]) -> Vec<Net> {
    let all = let_in.iter().filter(|pattern| pattern.hook != Some(Hook::Output));
    all.flat_map(|pattern| pattern.source.iter().copied()).filter(|net| !net.is_any()).collect()
}

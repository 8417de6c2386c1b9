//! What is worth a look among the lines that stay: own hosts that try ports, strangers who come
//! again and again, trusted hosts at closed ports.
//!
//! Responsible for: these lists, from the sample.
//! Must not know: how they are shown.
//! Tested by: `tests/cli/suggest.rs`.

use fwlog::sorting::InOrder as _;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hashbrown::HashMap;
use serde::Serialize;

use super::chain::{Chain, port_name};
use super::evidence::{Evidence, PARTS_AGAIN};
use super::scanners::Found;
use crate::analysis::noise::address::{Nets, address, number};
use crate::analysis::noise::pattern::Matcher;
use crate::analysis::noise::sighting::To;
use crate::analysis::scans::Campaign;

/// Hosts, and services of one host, listed at most; of hosts more are looked at.
const HOSTS: usize = 100;
const LOOKED_AT: usize = 4_096;
const SERVICES: usize = 12;
/// Ports that an own host has no reason to try.
const TRIED: usize = 3;
/// Why an own host is listed.
pub const OWN: &str = "own_network";
/// Lines of a stranger that are a visit again and again.
const AGAIN: usize = 4;

/// A service that a host tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Its name or port.
    pub service: String,
    /// Lines.
    pub lines: u64,
}

/// A host worth looking at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Its address.
    pub src: IpAddr,
    /// Its lines that stay.
    pub lines: u64,
    /// `own_network`; of a stranger `scan` or `slow_scan`, if it is a source of a campaign, or `repeated`: it comes again
    /// and again.
    pub why: &'static str,
    /// It is a source of a campaign.
    pub scans: bool,
    /// The campaign's name, as `fwstat scans` has it.
    pub campaign: Option<String>,
    /// It is worth a look: a stranger, or an own host that tries several ports.
    #[serde(skip)]
    pub suspect: bool,
    /// The services it tried, most lines first.
    pub tried: Vec<Tried>,
}

/// A trusted host at a port that is closed to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Friend {
    /// Who.
    pub addr: IpAddr,
    /// Protocol.
    pub protocol: u8,
    /// Port.
    pub port: u16,
    /// Lines.
    pub lines: u64,
}

/// What is worth a look.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Hosts, those worth a look first.
    pub hosts: Vec<Host>,
    /// Trusted hosts at closed ports.
    pub friends: Vec<Friend>,
}

impl Watched {
    /// Says of each host whether it is a source of one of these campaigns, and keeps those that are listed.
    pub fn tell(&mut self, found: &Found) {
        let mut of: HashMap<u128, &Campaign> = HashMap::new();
        for campaign in &found.by_source {
            campaign.sources.iter().for_each(|src| {
                of.entry(*src).or_insert(campaign);
            });
        }
        for host in &mut self.hosts {
            let Some(campaign) = of.get(&number(host.src)) else { continue };
            host.scans = true;
            host.suspect = true;
            host.campaign = found.id(campaign);
            if host.why != OWN {
                host.why = if campaign.slow { "slow_scan" } else { "scan" };
            }
        }
        self.hosts.order_by_key(|host| (!host.suspect, std::cmp::Reverse(host.lines), host.src));
        self.hosts.truncate(HOSTS);
    }
}

#[derive(Debug, Default)]
struct Left {
    ports: BTreeMap<(u8, u16), u64>,
    lines: Vec<u32>,
    own: bool,
}

/// Looks at the lines that the chain leaves.
#[must_use]
pub fn find(evidence: &Evidence<'_>, chain: &Chain, trusted: &Nets) -> Watched {
    let log = evidence.log;
    let rules: Vec<(Matcher<'_>, bool)> =
        chain.rules.iter().map(|rule| (rule.pattern.matcher(log), rule.drops())).collect();
    let mut left: BTreeMap<u128, Left> = BTreeMap::new();
    let mut friends: BTreeMap<(IpAddr, u8, u16), u64> = BTreeMap::new();
    for line in &evidence.lines {
        let seen = evidence.seen(*line);
        let dropped = rules.iter().find(|(rule, _)| rule.takes(seen)).is_some_and(|(_, drops)| *drops);
        let asks = seen.to == To::One && seen.ports && (seen.syn || seen.protocol != 6);
        if dropped || !asks || evidence.place.here.contains(&seen.src) {
            continue;
        }
        if trusted.contains(seen.src) && log.output(seen).is_none() {
            *friends.entry((seen.source(), seen.protocol, seen.dport)).or_default() += 1;
        }
        let one = left.entry(seen.src).or_default();
        *one.ports.entry((seen.protocol, seen.dport)).or_default() += 1;
        one.lines.push(*line);
        one.own = evidence.is_own(*line);
    }
    let whole = |lines: u64| (lines as f64 * evidence.weight).round() as u64;
    let mut hosts: Vec<Host> = left
        .into_iter()
        .filter(|(_, left)| {
            left.own || left.lines.len() >= AGAIN && evidence.parts(&left.lines) >= PARTS_AGAIN
        })
        .map(|(src, left)| host(src, &left, whole))
        .collect();
    hosts.order_by_key(|host| (!host.suspect, std::cmp::Reverse(host.lines), host.src));
    hosts.truncate(LOOKED_AT);
    let mut friends: Vec<Friend> = friends
        .into_iter()
        .map(|((addr, protocol, port), lines)| Friend { addr, protocol, port, lines: whole(lines) })
        .collect();
    friends.order_by_key(|friend| (std::cmp::Reverse(friend.lines), friend.clone()));
    friends.truncate(HOSTS);
    Watched { hosts, friends }
}

fn host(src: u128, left: &Left, whole: impl Fn(u64) -> u64) -> Host {
    let distinct: BTreeSet<u16> = left.ports.keys().map(|(_, port)| *port).collect();
    let mut tried: Vec<Tried> = left
        .ports
        .iter()
        .map(|((protocol, port), lines)| Tried { service: port_name(*protocol, *port), lines: whole(*lines) })
        .collect();
    // Ports with as many lines stand in the order of their numbers.
    tried.order_by_key(|tried| std::cmp::Reverse(tried.lines));
    tried.truncate(SERVICES);
    Host {
        src: address(src),
        lines: whole(left.lines.len() as u64),
        why: if left.own { OWN } else { "repeated" },
        scans: false,
        campaign: None,
        suspect: !left.own || distinct.len() >= TRIED,
        tried,
    }
}

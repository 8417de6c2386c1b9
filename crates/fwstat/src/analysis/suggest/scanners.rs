//! Who scans, by the one judgement that `fwstat scans` has too (`analysis::scans`), and what becomes of each scan.
//!
//! That judgement needs everything that a source asked for. Keeping it of all sources would double what a pass costs, so the
//! sample says which sources ask for enough to be looked at, and the pass that proves the rules keeps what those ask for.
//!
//! Responsible for: these sources, and which campaigns the rules take, or why none does.
//! Must not know: what a scan is, how rules are chosen.
//! Tested by: `tests/cli/agree.rs`.

use std::net::IpAddr;

use fwlog::aggregate::scans::Probe;
use fwlog::aggregate::{Aggregate, Scans};
use fwlog::record::Record;
use fwlog::sorting::InOrder as _;
use fwrules::Net;
use hashbrown::{HashMap, HashSet};
use logparse::Protocol;
use serde::Serialize;

use super::chain::{Chain, Proposal};
use super::evidence::Evidence;
use crate::analysis::noise::address::{Nets, address, is_v4, number};
use crate::analysis::noise::links;
use crate::analysis::noise::pattern::Matcher;
use crate::analysis::noise::sighting::{Sighting, To};
use crate::analysis::noise::survey::Surveyed;
use crate::analysis::scans::aim::{self, AIMS};
use crate::analysis::scans::merge::NEIGHBOURS;
use crate::analysis::scans::{Campaign, Campaigns, Order, Sender, Wanted};

/// Sources, and networks of several, that are looked at; most lines first.
const MOST: usize = 1_024;
/// What suspects ask for that is kept, in packets: of those who ask for more than their share, only some aims are.
const KEPT: u64 = 1 << 15;
/// Lines for each aim: a scan has far fewer, even behind the address of busy clients.
const AGAIN: f64 = 32.0;
/// Bits of the first look at an address.
const BITS: u32 = 16;

/// What an IPv4 address has before it as a number.
const V4: u64 = 0xffff_0000_0000;

/// Sources that may scan.
#[derive(Clone, Debug, Default)]
pub struct Suspects {
    sources: HashSet<u128>,
    networks: HashSet<u128>,
    /// Networks that rules would drop because they scan.
    dropped: Vec<Net>,
    /// Of these sources one of so many aims is kept.
    thinned: HashMap<u128, u64>,
    /// A bit for the hash of each network in which one of them is: of most lines it says that they are of no suspect.
    bits: Vec<u64>,
}

/// What of one source is known from the sample.
#[derive(Clone, Debug, Default)]
struct Few {
    lines: u32,
    aims: [u32; AIMS],
    count: u8,
    /// Of each aim a bit that is its hash.
    bits: u64,
}

/// Whether so many lines are few enough for the aims that these bits are of (linear counting).
fn is_once(lines: u32, bits: u64) -> bool {
    let empty = f64::from(bits.count_zeros());
    bits == u64::MAX || f64::from(lines) <= AGAIN * 64.0 * libm::log(64.0 / empty)
}

/// The network whose sources may scan together.
fn network(src: u128) -> u128 {
    if is_v4(src) { src >> 8 } else { src >> 80 }
}

/// Where the bit of a network is.
#[inline]
fn bit(network: u64) -> (usize, u64) {
    let hash = network.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS);
    ((hash / 64) as usize, 1 << (hash % 64))
}

/// A number for what a packet is aimed at; none for one that surely asks for nothing.
fn aimed_at(seen: &Sighting) -> Option<u32> {
    // A late answer: from a service to a client's port.
    let late = seen.ports && !seen.syn && seen.sport < 1_024 && seen.dport >= 32_768;
    if late || seen.to != To::One {
        return None;
    }
    let what = match seen.protocol {
        // A log shows no ports of it: what is counted are packets.
        protocol if protocol == Protocol::SCTP.0 => seen.at as u32,
        protocol => {
            u32::from(protocol) << 16 | u32::from(if seen.ports { seen.dport } else { u16::from(seen.kind) })
        }
    };
    let host = (seen.dst as u64 ^ (seen.dst >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Some((host as u32 ^ what).max(1))
}

impl Suspects {
    /// Those of a log, of which rules would drop some networks because they scan.
    #[must_use]
    pub fn of(log: &Surveyed, dropped: Vec<Net>) -> Suspects {
        let mut all: HashMap<u128, Few> = HashMap::new();
        for (seen, aim) in log.sample.iter().filter_map(|seen| Some((seen, aimed_at(seen)?))) {
            let few = all.entry(seen.src).or_default();
            few.lines += 1;
            few.bits |= 1 << (links::mixed(u64::from(aim)) % 64);
            let count = usize::from(few.count);
            if count < AIMS && !few.aims[..count].contains(&aim) {
                few.aims[count] = aim;
                few.count += 1;
            }
        }
        all.retain(|_, few| is_once(few.lines, few.bits));
        let mut networks: HashMap<u128, (usize, usize, u32)> = HashMap::new();
        for (src, few) in &all {
            let (sources, aims, lines) = networks.entry(network(*src)).or_default();
            *sources += 1;
            *aims += usize::from(few.count);
            *lines += few.lines;
        }
        let many = all.iter().filter(|(_, few)| usize::from(few.count) == AIMS);
        let sources = most(many.map(|(src, few)| (few.lines, *src)).collect());
        let many = networks.iter().filter(|(_, (sources, aims, _))| *sources > 1 && *aims >= NEIGHBOURS);
        let networks = most(many.map(|(network, (.., lines))| (*lines, *network)).collect());
        let mut bits = vec![0; (1 << BITS) / 64];
        let of_sources = sources.iter().map(|src| network(*src));
        for (at, bit) in of_sources.chain(networks.iter().copied()).map(|network| bit(network as u64)) {
            bits[at] |= bit;
        }
        let mut suspects = Suspects { sources, networks, dropped, bits, thinned: HashMap::new() };
        let own = all.iter().filter(|(src, _)| suspects.has(**src));
        let packets: Vec<(u128, u64)> =
            own.map(|(src, few)| (*src, (f64::from(few.lines) * log.weight()) as u64)).collect();
        let share = share(packets.iter().map(|(_, packets)| *packets).collect(), KEPT);
        let loud = packets.into_iter().filter(|(_, packets)| *packets > share);
        suspects.thinned = loud.map(|(src, packets)| (src, packets.div_ceil(share))).collect();
        suspects
    }

    /// Whether a packet of a suspect is kept.
    fn keeps(&self, src: u128, record: &Record<'_>) -> bool {
        let Some(of) = self.thinned.get(&src) else { return true };
        let aim = Probe::of(record).map_or(0, |probe| aim::aim(&probe));
        links::mixed(aim).is_multiple_of(*of)
    }

    /// Whether a source is one of them.
    #[inline]
    #[must_use]
    pub fn has(&self, src: u128) -> bool {
        self.may_have(network(src) as u64) && self.surely_has(src)
    }

    /// The same of an IPv4 address.
    #[inline]
    fn has_v4(&self, src: u32) -> bool {
        let src = V4 | u64::from(src);
        self.may_have(src >> 8) && self.surely_has(u128::from(src))
    }

    #[inline]
    fn may_have(&self, network: u64) -> bool {
        let (at, bit) = bit(network);
        self.bits.get(at).is_some_and(|bits| bits & bit != 0)
    }

    #[inline(never)]
    fn surely_has(&self, src: u128) -> bool {
        self.sources.contains(&src) || self.networks.contains(&network(src))
    }
}

impl Suspects {
    /// Who of them scans, by what each source asked for, which was kept for this.
    fn found(&self, scans: &Scans) -> Found {
        let by_source = campaigns(scans, Sender::Source);
        Found { by_network: self.of_networks(scans, &by_source), by_source, thinned: self.thinned.clone() }
    }

    /// The same where all campaigns of a log are known, and what all sources asked for.
    #[must_use]
    pub fn found_among(&self, campaigns: &Campaigns, scans: &Scans) -> Found {
        let by_source = campaigns.with_sources(scans, |source| self.has(source));
        Found { by_network: self.of_networks(scans, &by_source), by_source, thinned: HashMap::new() }
    }

    /// Of the networks that rules would drop those that scan by what all of their sources did together, if none of them scans
    /// alone (`fwstat scans --by network`).
    fn of_networks(&self, scans: &Scans, by_source: &[Campaign]) -> Vec<Campaign> {
        let rest: Vec<Net> = self.dropped.iter().copied().filter(|net| !is_of(net, by_source)).collect();
        if rest.is_empty() {
            return Vec::new();
        }
        let rest = Nets::new(&rest);
        campaigns(&scans.only(|source| rest.contains(source)), Sender::Network)
    }
}

/// All campaigns but those of low confidence, the most packets first.
fn campaigns(scans: &Scans, by: Sender) -> Vec<Campaign> {
    let wanted = Wanted { low: false, since: None, order: Order::Packets, limit: usize::MAX };
    Campaigns::of(scans, by).shown(scans, &wanted).list
}

/// The campaigns of suspects.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Those of sources.
    pub by_source: Vec<Campaign>,
    /// Those of networks.
    pub by_network: Vec<Campaign>,
    /// Of so many of what each source asks for one is kept: then the campaign's name and its packets are not known.
    thinned: HashMap<u128, u64>,
}

impl Found {
    /// A campaign's name; none if it is not known.
    #[must_use]
    pub fn id(&self, campaign: &Campaign) -> Option<String> {
        let whole = campaign.sources.iter().all(|source| !self.thinned.contains_key(source));
        whole.then(|| campaign.id.clone())
    }

    /// Whether a campaign comes from a network.
    #[must_use]
    pub fn has(&self, net: &Net) -> bool {
        is_of(net, &self.by_source) || is_of(net, &self.by_network)
    }
}

fn is_of(net: &Net, campaigns: &[Campaign]) -> bool {
    let mut sources = campaigns.iter().flat_map(|campaign| &campaign.sources);
    sources.any(|source| net.contains(address(*source)))
}

/// What each may have at most, so that all together have no more than there is.
fn share(mut all: Vec<u64>, mut left: u64) -> u64 {
    all.sort_unstable();
    let mut others = all.len() as u64;
    for own in all {
        if own.saturating_mul(others) > left {
            return (left / others).max(1);
        }
        (left, others) = (left - own, others - 1);
    }
    u64::MAX
}

/// Those with the most lines.
fn most(mut all: Vec<(u32, u128)>) -> HashSet<u128> {
    all.order_by_key(|(lines, who)| (std::cmp::Reverse(*lines), *who));
    all.truncate(MOST);
    all.into_iter().map(|(_, who)| who).collect()
}

/// What suspects ask for, in one pass over the log.
#[derive(Debug)]
pub struct Asking<'s> {
    suspects: &'s Suspects,
    scans: Scans,
}

impl<'s> Asking<'s> {
    /// Nothing yet.
    #[must_use]
    pub fn new(suspects: &'s Suspects) -> Asking<'s> {
        Asking { suspects, scans: Scans::new(None, 1) }
    }

    /// The campaigns among it.
    #[must_use]
    pub fn found(&self) -> Found {
        self.suspects.found(&self.scans)
    }
}

impl Aggregate for Asking<'_> {
    #[inline]
    fn add(&mut self, record: &Record<'_>) {
        let src = match record.line.src_ipv4() {
            Some(src) => {
                self.suspects.has_v4(src.to_bits()).then_some(u128::from(V4 | u64::from(src.to_bits())))
            }
            None => record.line.src().map(number).filter(|src| self.suspects.has(*src)),
        };
        if src.is_some_and(|src| self.suspects.keeps(src, record)) {
            self.scans.add(record);
        }
    }

    fn merge(&mut self, other: Self) {
        self.scans.merge(other.scans);
    }

    fn settle(&mut self) {
        self.scans.settle();
    }
}

/// Why no rule takes the packets of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// Its source is own or trusted.
    Own,
    /// What it asks for is let in, or must stay visible.
    Kept,
    /// Its packets are forwarded, and do not come to the chain.
    Forwarded,
    /// No ruleset was given: it is not known what a network that scans may ask for.
    NoRules,
    /// It came once and went: no rule helps against what is over.
    Over,
    /// Too few packets or ports for a rule: it stays visible.
    Few,
}

impl Left {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Left::Own => "own or trusted",
            Left::Kept => "at what is let in or kept visible",
            Left::Forwarded => "forwarded",
            Left::NoRules => "without --rules no scanner is dropped",
            Left::Over => "came once and went",
            Left::Few => "too few packets or ports for a rule",
        }
    }
}

/// A campaign, and what the rules do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scanner {
    /// Its name, as `fwstat scans` has it; none if its sources ask for so much that only a part of it was looked at.
    pub id: Option<String>,
    /// Its first source.
    pub src: IpAddr,
    /// Who counts as one sender: as `--by` of `fwstat scans`.
    pub by: &'static str,
    /// How many sources it has.
    pub sources: usize,
    /// Its packets.
    pub packets: u64,
    /// medium or high.
    pub confidence: &'static str,
    /// Slower than a probe a minute.
    pub slow: bool,
    /// Why no rule takes it; none if one does.
    pub left: Option<Left>,
}

/// What the sample says of the lines of one suspect.
#[derive(Clone, Debug, Default)]
struct Lines {
    all: u32,
    own: u32,
    /// Those that come to the chain.
    seen: u32,
    /// Those of strangers that a rule could take.
    outside: Vec<u32>,
    v6: bool,
    /// By the rule that takes them.
    taken: Vec<(usize, u32)>,
}

/// What the rules may do with what suspects send.
#[derive(Clone, Debug, Default)]
pub struct Fates {
    by_source: HashMap<u128, Fate>,
    /// The rules that were thought of.
    rules: Vec<Proposal>,
    /// Lines of the log for one of the sample.
    weight: f64,
}

/// The same of one source.
#[derive(Clone, Debug)]
struct Fate {
    all: u32,
    taken: Vec<(usize, u32)>,
    left: Left,
}

impl Fates {
    /// Of what the sample has of each suspect.
    #[must_use]
    pub fn of(evidence: &Evidence<'_>, suspects: &Suspects, chain: &Chain) -> Fates {
        let log = evidence.log;
        let rules: Vec<Matcher<'_>> = chain.rules.iter().map(|rule| rule.pattern.matcher(log)).collect();
        let mut all: HashMap<u128, Lines> = HashMap::new();
        for (line, seen) in (0..).zip(&log.sample).filter(|(_, seen)| suspects.has(seen.src)) {
            let lines = all.entry(seen.src).or_default();
            lines.all += 1;
            lines.v6 = seen.v6;
            lines.own += u32::from(evidence.is_own(line));
            if !evidence.sees(seen) {
                continue;
            }
            lines.seen += 1;
            if let Some(at) = rules.iter().position(|rule| rule.takes(seen)) {
                match lines.taken.iter_mut().find(|(rule, _)| *rule == at) {
                    Some((_, count)) => *count += 1,
                    None => lines.taken.push((at, 1)),
                }
            }
            if evidence.is_outside(line, seen) {
                lines.outside.push(line);
            }
        }
        let by_source = all.into_iter().map(|(src, lines)| (src, fate(evidence, lines))).collect();
        Fates { by_source, rules: chain.rules.clone(), weight: evidence.weight }
    }

    /// What becomes of some campaigns with these rules.
    #[must_use]
    pub fn scanners(&self, found: &Found, rules: &[&Proposal]) -> Vec<Scanner> {
        let kept: Vec<bool> = self.rules.iter().map(|rule| rule.drops() && rules.contains(&rule)).collect();
        let of = |campaign: &Campaign, by| {
            let mut fates: Vec<&Fate> =
                campaign.sources.iter().filter_map(|src| self.by_source.get(src)).collect();
            let all: u32 = fates.iter().map(|fate| fate.all).sum();
            let taken = fates.iter().flat_map(|fate| &fate.taken).filter(|(at, _)| kept[*at]);
            let taken: u32 = taken.map(|(_, lines)| lines).sum();
            // Of several sources, that with the most lines says why.
            fates.order_by_key(|fate| (std::cmp::Reverse(fate.all), fate.left));
            let left = fates.first().map_or(Left::Few, |fate| fate.left);
            Scanner {
                id: found.id(campaign),
                src: address(campaign.sources[0]),
                by,
                sources: campaign.sources.len(),
                packets: match found.id(campaign) {
                    Some(_) => campaign.packets,
                    None => (f64::from(all) * self.weight).round() as u64,
                },
                confidence: campaign.confidence.word(),
                slow: campaign.slow,
                left: (all == 0 || taken * 2 < all).then_some(left),
            }
        };
        let by_source = found.by_source.iter().map(|campaign| of(campaign, "source"));
        by_source.chain(found.by_network.iter().map(|campaign| of(campaign, "network"))).collect()
    }
}

fn fate(evidence: &Evidence<'_>, lines: Lines) -> Fate {
    let most = |part: u32| part * 2 >= lines.all;
    let left = if most(lines.own) {
        Left::Own
    } else if !most(lines.seen) {
        Left::Forwarded
    } else if !most(lines.outside.len() as u32) {
        Left::Kept
    } else if !evidence.asked.known[usize::from(lines.v6)] {
        Left::NoRules
    } else if !evidence.scans_again(&lines.outside) {
        Left::Over
    } else {
        Left::Few
    };
    Fate { all: lines.all, taken: lines.taken, left }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loud_leave_room_for_all_others() {
        assert_eq!(share(vec![1, 2, 3], 6), u64::MAX);
        assert_eq!(share(vec![100, 1, 2, 100], 43), 20);
        assert_eq!(share(vec![7, 7], 1), 1);
        assert_eq!(share(Vec::new(), 5), u64::MAX);
    }
}

//! What in a log is noise, which kind of noise, and what must stay visible.
//!
//! What tells them apart, in words:
//!
//! * **Chatter** is sent to everybody on one's own network: broadcast or multicast. No router
//!   lets it through, so it says something about neighbours, never about attackers.
//! * **Radiation** is many outside sources with few packets each at one service. No single
//!   one of them matters; a single source that comes again and again does.
//! * **A scanner** is one source, or the hosts of one network, at many ports, loudly. Quiet
//!   and at few ports for days is the opposite: somebody who does not want to be seen.
//! * **Backscatter** answers what this host never asked, from many sources.
//! * **Trash** has flags that no stack sends.
//! * **A flood** is one source with a good part of the whole log.
//!
//! Everything else is signal, and so is, whatever it looks like: unicast of one's own network
//! and of those who are trusted, lines kept for their prefix, services that are let in,
//! what this host sends, and kinds that are rare.
//!
//! Responsible for: these findings, from counts alone. The table of names lowers a bar, it
//! decides nothing.
//! Must not know: rules, lines.
//! Tested by: `tests/cli/suggest.rs` on labelled logs of many networks.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use fwrules::Net;
use logparse::Protocol;

use super::noise_ground::{Ground, Scope, address, around, collapsed, is_local, number};
use super::noise_names::{self, Habit, Service};
use super::noise_tally::{Chatter, Kind, Lines, Many, Reply, Source, Tally, Trash};

/// The kinds of noise, in the order in which they are shown if they are equally loud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Broadcast and multicast of one's own network.
    Chatter,
    /// Many outside sources at one service.
    Radiation,
    /// One source or network at many ports.
    Scanner,
    /// Answers to nothing.
    Backscatter,
    /// Impossible packets.
    Trash,
    /// One loud source.
    Flood,
}

impl Class {
    /// A word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Class::Chatter => "chatter",
            Class::Radiation => "radiation",
            Class::Scanner => "scanner",
            Class::Backscatter => "backscatter",
            Class::Trash => "trash",
            Class::Flood => "flood",
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Class::Chatter => "chatter of your own network",
            Class::Radiation => "background radiation of the internet",
            Class::Scanner => "a scanner",
            Class::Backscatter => "backscatter",
            Class::Trash => "impossible packets",
            Class::Flood => "a flood of one source",
        }
    }
}

/// What packets a piece of noise consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Requests to ports of a protocol.
    Ports(u8, Vec<u16>),
    /// Answers from ports; no ports: from any.
    Replies(Reply, Vec<u16>),
    /// Impossible flags.
    Flags(Trash),
    /// ICMP of a type.
    Icmp(u8),
    /// A protocol.
    Proto(u8),
    /// Everything of a network in one protocol (if it is only one), but for these ports.
    Source(Net, Option<u8>),
}

/// One piece of noise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noise {
    /// Which kind.
    pub class: Class,
    /// What it is called: `netbios`, `telnet`, `83.118.222.0/24`.
    pub name: String,
    /// IPv6.
    pub v6: bool,
    /// Its packets.
    pub shape: Shape,
    /// Its lines.
    pub seen: Lines,
    /// Distinct sources; of chatter 256 at most.
    pub sources: u64,
    /// Chatter: to whom, with the lines of each.
    pub to: Vec<(IpAddr, Many, u64)>,
    /// Why it must be narrowed to its destinations, if it must.
    pub narrow: Option<Why>,
    /// Sources that do the same and must stay visible.
    pub spared: Vec<Net>,
}

/// Why lines must stay visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Their prefix is kept: near hits.
    NearHit,
    /// They were let in.
    LetIn,
    /// This host sent them.
    Sent,
    /// They passed through.
    Forwarded,
    /// Unicast of one's own network, or of a trusted host.
    Own,
    /// A source that comes slowly, again and again, at several services.
    Slow,
    /// A service of this host.
    Listens,
    /// Too few of the kind to be noise.
    Rare,
}

impl Why {
    /// A word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Why::NearHit => "near_hit",
            Why::LetIn => "let_in",
            Why::Sent => "sent",
            Why::Forwarded => "forwarded",
            Why::Own => "own_network",
            Why::Slow => "slow_scan",
            Why::Listens => "listening",
            Why::Rare => "rare",
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Why::NearHit => "near hits",
            Why::LetIn => "packets that were let in",
            Why::Sent => "packets that this host sent",
            Why::Forwarded => "packets that passed through",
            Why::Own => "hosts of your own network",
            Why::Slow => "slow scans",
            Why::Listens => "a service that is let in",
            Why::Rare => "rare kinds",
        }
    }
}

/// Noise that no rule may silence, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is called.
    pub name: String,
    /// Its lines.
    pub lines: u64,
    /// Why, in a sentence.
    pub why: String,
}

/// A host worth looking at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its address.
    pub addr: IpAddr,
    /// What was seen of it.
    pub seen: Lines,
    /// The services it tried, most lines first.
    pub tried: Vec<(String, u64)>,
    /// Why it stays visible.
    pub why: Why,
    /// It behaves like a scanner.
    pub scans: bool,
}

/// A trusted host at a port that is closed to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// Who.
    pub addr: IpAddr,
    /// Protocol.
    pub protocol: u8,
    /// Port.
    pub port: u16,
    /// What was seen of it.
    pub seen: Lines,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Lines that came in and are open.
    pub open: u64,
    /// The noise, in no order.
    pub noise: Vec<Noise>,
    /// Noise that no rule may silence.
    pub refused: Vec<Refused>,
    /// Who is worth looking at.
    pub hosts: Vec<Host>,
    /// Who might be let in.
    pub friends: Vec<Friend>,
    /// One's own networks, the trusted ones first.
    pub own: Vec<Net>,
    /// What tells a line's class in the proof.
    pub known: Known,
    /// The loudest outside sources, networks that scan first.
    pub loud: Vec<(Net, Class, Lines)>,
    /// What could not be kept apart: sentences.
    pub notes: Vec<String>,
}

/// What belongs to the noise that was found, for one packet after another.
#[derive(Clone, Debug, Default)]
pub struct Known {
    chatter: HashSet<(bool, Kind)>,
    noise: HashSet<(bool, Kind)>,
    /// Answers from any port.
    replies: HashSet<(bool, Reply)>,
    trash: bool,
    nets: Vec<Net>,
    slow: HashSet<u128>,
    own: Vec<Net>,
}

impl Known {
    /// Why a line that came in must stay visible; `None` if it is noise that was found.
    #[must_use]
    pub fn signal(&self, ground: &Ground, kind: Kind, many: bool, src: IpAddr) -> Option<Why> {
        let v6 = src.is_ipv6();
        if many {
            return (!self.chatter.contains(&(v6, kind))).then_some(Why::Rare);
        }
        if ground.scope(src) == Scope::Own || self.own.iter().any(|net| net.contains(src)) {
            return Some(Why::Own);
        }
        let address = number(src) & if v6 { !0 << 64 } else { !0 };
        if self.slow.contains(&address) {
            return Some(Why::Slow);
        }
        if let Kind::Request(protocol, port) = kind
            && ground.listens(v6, protocol, port)
        {
            return Some(Why::Listens);
        }
        let found = match kind {
            Kind::Trash(_) => self.trash,
            Kind::Reply(reply, _) if self.replies.contains(&(v6, reply)) => true,
            _ => self.noise.contains(&(v6, kind)),
        };
        if found || self.nets.iter().any(|net| net.contains(src)) { None } else { Some(Why::Rare) }
    }
}

/// How many lines a kind must have to be noise.
#[derive(Clone, Copy, Debug)]
struct Bar {
    open: u64,
}

impl Bar {
    fn at_least(self, lines: u64, one_in: u64) -> u64 {
        lines.max(self.open / one_in)
    }

    /// What many sources do at a service: lines and sources.
    fn radiation(self, habit: Option<Habit>) -> (u64, u64) {
        match habit {
            Some(Habit::Net | Habit::Worm) => (self.at_least(20, 400), 8),
            Some(Habit::Lan) | None => (self.at_least(40, 200), 15),
            Some(Habit::Own) => (self.at_least(60, 100), 20),
        }
    }

    /// One source that fills a good part of the log, or writes it in a hurry.
    fn loud(self, seen: &Lines) -> bool {
        let hourly = seen.span().map(|span| seen.lines * 3600 / u64::from(span.max(60)));
        let much = seen.lines >= self.at_least(100, 100);
        let some = seen.lines >= self.at_least(100, 1000);
        match seen.span() {
            // 1.5 an hour is 36 a day.
            Some(span) if much => seen.lines * 7200 / u64::from(span.max(60)) >= 3,
            Some(_) => some && hourly >= Some(60),
            None => much,
        }
    }
}

/// Services at which a source is a scanner rather than somebody with a mistyped port.
const SEVERAL: usize = 3;
/// Ports at which a loud source is a scanner rather than a flood.
const MANY: usize = 20;
/// Slow sources spared one by one; more of them are a crowd.
const SPARED: usize = 12;

/// Finds the noise of a log.
#[must_use]
pub fn find(tally: &Tally<'_>, ground: &Ground, answers_pass: [bool; 2]) -> Found {
    let bar = Bar { open: tally.open };
    let mut found = Found { open: tally.open, own: own_networks(tally, ground), ..Found::default() };
    found.known.own.clone_from(&found.own);
    let mut outside: Vec<(u128, &Source)> = tally.outside.iter().collect();
    outside.sort_unstable_by_key(|(key, _)| *key);
    // A network's neighbours on the same wire are one's own, even with addresses of the internet.
    let mine = |addr: IpAddr| found.own.iter().any(|net| net.contains(addr));
    let (own, outside): (Vec<_>, Vec<_>) = outside.into_iter().partition(|(key, _)| mine(address(*key)));
    let (outside, folded) = fold(&outside);
    let mut outside: Vec<(u128, &Source)> =
        outside.into_iter().chain(folded.iter().map(|(key, source)| (*key, source))).collect();
    outside.sort_unstable_by_key(|(key, _)| *key);
    let bits = (tally.outside.bits().0, tally.outside.bits().1.min(64));
    if tally.outside.bits().0 < 32 {
        found.notes.push(format!(
            "more sources than are kept apart ({}): outside sources were judged by their networks (/{})",
            1 << 20,
            tally.outside.bits().0
        ));
    }
    let own_hosts = hosts(tally, &own);
    let scanners = scanners(bar, &outside, bits);
    let scans = |key: u128| {
        let addr = address(key);
        scanners.iter().any(|(net, _)| net.contains(addr))
    };
    let rest: Vec<(u128, &Source)> = outside.iter().filter(|(key, _)| !scans(*key)).copied().collect();
    let (floods, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, source)| bar.loud(&source.all));
    let slow = slow(&rest, &mut found);
    let crowd: Vec<(u128, &Source)> =
        rest.iter().filter(|(key, _)| !slow.contains_key(key)).copied().collect();
    let kinds = Kinds::of(&crowd);
    let view = View { tally, ground, bar, bits, kinds: &kinds, slow: &slow, hosts: &own_hosts, answers_pass };
    found.known.slow = slow.keys().copied().collect();
    view.radiation(&mut found);
    view.replies(&mut found);
    view.trash(&mut found);
    view.sources(&mut found, &scanners, &floods);
    // Last: whether chatter must be narrowed depends on what else was found.
    view.chatter(&mut found);
    for noise in &found.noise {
        let known = &mut found.known;
        let mut take = |kind: Kind| {
            if noise.class == Class::Chatter {
                known.chatter.insert((noise.v6, kind));
            } else {
                known.noise.insert((noise.v6, kind));
            }
        };
        match &noise.shape {
            Shape::Ports(protocol, ports) => {
                for port in ports {
                    take(Kind::Request(*protocol, *port));
                }
            }
            Shape::Replies(reply, ports) if ports.is_empty() => {
                known.replies.insert((noise.v6, *reply));
            }
            Shape::Replies(reply, ports) => ports.iter().for_each(|port| take(Kind::Reply(*reply, *port))),
            Shape::Flags(_) => known.trash = true,
            Shape::Icmp(kind) => take(Kind::Icmp(*kind)),
            Shape::Proto(protocol) => take(Kind::Proto(*protocol)),
            Shape::Source(net, _) => known.nets.push(*net),
        }
    }
    watch(&mut found, ground, &own_hosts, &slow);
    found.loud = loud(&scanners, &floods, &crowd, bits);
    found
}

/// An IPv6 host may take any address of its /64: those of one are one source.
fn fold<'t>(outside: &[(u128, &'t Source)]) -> (Vec<(u128, &'t Source)>, BTreeMap<u128, Source>) {
    let (v6, v4): (Vec<_>, Vec<_>) = outside.iter().partition(|(key, _)| address(*key).is_ipv6());
    let mut folded: BTreeMap<u128, Source> = BTreeMap::new();
    for (key, source) in v6 {
        match folded.get_mut(&(key & (!0 << 64))) {
            Some(own) => own.join(source),
            None => {
                folded.insert(key & (!0 << 64), source.clone());
            }
        }
    }
    (v4, folded)
}

/// Sources worth a place in a list of addresses, the loudest first.
fn loud(
    scanners: &[(Net, Lines)],
    floods: &[(u128, &Source)],
    crowd: &[(u128, &Source)],
    bits: (u8, u8),
) -> Vec<(Net, Class, Lines)> {
    const MOST: usize = 100;
    let host = |key: u128| Net::new(address(key), width(key, bits));
    let mut list: Vec<(Net, Class, Lines)> =
        scanners.iter().map(|(net, seen)| (*net, Class::Scanner, *seen)).collect();
    list.extend(floods.iter().map(|(key, source)| (host(*key), Class::Flood, source.all)));
    let mut rest: Vec<&(u128, &Source)> = crowd.iter().filter(|(_, source)| source.all.lines >= 5).collect();
    rest.sort_by_key(|(key, source)| (std::cmp::Reverse(source.all.lines), *key));
    list.extend(rest.iter().map(|(key, source)| (host(*key), Class::Radiation, source.all)));
    list.truncate(MOST);
    list
}

/// One's own networks: those that are trusted, and the wire that this host is on.
fn own_networks(tally: &Tally<'_>, ground: &Ground) -> Vec<Net> {
    let mut nets = ground.trusted.clone();
    for addr in tally.here.sorted().into_keys() {
        // A /64 is one wire. A neighbour in an IPv4 network of the internet is a stranger.
        if addr.is_ipv6() && !is_local(addr) {
            nets.push(around(addr, 24, 64));
        }
    }
    collapsed(nets)
}

/// What one's own hosts sent to this host alone.
type Hosts = BTreeMap<IpAddr, (Lines, BTreeMap<Kind, u64>)>;

fn hosts(tally: &Tally<'_>, own: &[(u128, &Source)]) -> Hosts {
    let mut hosts = Hosts::new();
    for ((addr, kind), lines) in tally.own.sorted() {
        let host = hosts.entry(addr).or_default();
        host.0.join(*lines);
        *host.1.entry(kind).or_default() += lines.lines;
    }
    for (key, source) in own {
        let host = hosts.entry(address(*key)).or_default();
        host.0.join(source.all);
        source.each(|kind, lines| *host.1.entry(kind).or_default() += u64::from(lines));
    }
    hosts
}

/// What is tried there, by name: the ports of a service are one.
fn service_of(kind: Kind) -> Option<String> {
    match kind {
        Kind::Request(protocol, port) => Some(noise_names::name(protocol, port)),
        Kind::Trash(_) => Some("impossible flags".to_owned()),
        Kind::Icmp(_) | Kind::Proto(_) | Kind::Reply(..) => None,
    }
}

fn services(source: &Source) -> usize {
    let mut names = BTreeSet::new();
    source.each(|kind, _| names.extend(service_of(kind)));
    names.len()
}

/// Networks that scan, each with what was seen of it: hosts of one network at many ports, or
/// one loud host.
fn scanners(bar: Bar, outside: &[(u128, &Source)], bits: (u8, u8)) -> Vec<(Net, Lines)> {
    let network = |key: u128| {
        let addr = address(key);
        around(addr, bits.0.min(24), bits.1.min(64))
    };
    let mut nets: Vec<(Net, Lines)> = Vec::new();
    for hosts in outside.chunk_by(|(a, _), (b, _)| network(*a) == network(*b)) {
        let mut all = Lines::default();
        hosts.iter().for_each(|(_, source)| all.join(source.all));
        let alone = hosts.iter().filter(|(_, source)| source.breadth() >= MANY && bar.loud(&source.all));
        if hosts.len() >= 4 && all.lines >= bar.at_least(50, 400) {
            let mut ports: BTreeMap<Kind, u64> = BTreeMap::new();
            for (_, source) in hosts {
                source.each(|kind, lines| *ports.entry(kind).or_default() += u64::from(lines));
            }
            let requests = ports.keys().filter(|kind| matches!(kind, Kind::Request(..))).count();
            let most = ports.values().copied().max().unwrap_or(0);
            if requests >= MANY && most * 2 <= all.lines {
                nets.push((tightest(hosts, bits), all));
                continue;
            }
        }
        for (key, source) in alone {
            nets.push((Net::new(address(*key), width(*key, bits)), source.all));
        }
    }
    siblings(nets)
}

fn width(key: u128, bits: (u8, u8)) -> u8 {
    if address(key).is_ipv4() { bits.0 } else { bits.1 }
}

/// The smallest network that has all of these hosts.
fn tightest(hosts: &[(u128, &Source)], bits: (u8, u8)) -> Net {
    let (first, last) = (hosts[0].0, hosts[hosts.len() - 1].0);
    let same = (first ^ last).leading_zeros().min(128) as u8;
    let addr = address(first);
    let length = if addr.is_ipv4() { same.saturating_sub(96).min(bits.0) } else { same.min(bits.1) };
    Net::new(addr, length)
}

/// Joins two halves of one network as long as there are any.
fn siblings(mut nets: Vec<(Net, Lines)>) -> Vec<(Net, Lines)> {
    loop {
        let pair = (1..nets.len()).find(|i| {
            let (a, b) = (nets[*i - 1].0, nets[*i].0);
            let length = a.prefix_len().unwrap_or(0);
            a.prefix_len() == b.prefix_len()
                && length > 16
                && a.addr().is_ipv4() == b.addr().is_ipv4()
                && Net::new(a.addr(), length - 1) == Net::new(b.addr(), length - 1)
        });
        let Some(i) = pair else { return nets };
        let (other, lines) = nets.remove(i);
        let (net, all) = &mut nets[i - 1];
        *net = Net::new(other.addr(), net.prefix_len().unwrap_or(1) - 1);
        all.join(lines);
    }
}

/// Sources that try several services without being loud, and those that come back to one much
/// more often than the crowd does.
fn slow<'t>(rest: &[(u128, &'t Source)], found: &mut Found) -> BTreeMap<u128, &'t Source> {
    let mut wide: Vec<(usize, u128, &Source)> = rest
        .iter()
        .filter(|(_, source)| source.breadth() >= SEVERAL && source.all.lines >= 4)
        .map(|(key, source)| (services(source), *key, *source))
        .filter(|(services, ..)| *services >= SEVERAL)
        .collect();
    let mut several = SEVERAL;
    while wide.len() > SPARED {
        several += 1;
        let before = wide.len();
        wide.retain(|(services, ..)| *services >= several);
        if wide.is_empty() {
            found.notes.push(format!(
                "{before} outside sources try {} services each: that is a crowd, they are not spared one by one",
                several - 1
            ));
        }
    }
    let mut slow: BTreeMap<u128, &Source> = wide.into_iter().map(|(_, key, source)| (key, source)).collect();
    let kinds = Kinds::of(rest);
    let mut loyal: Vec<(u128, &Source)> = rest
        .iter()
        .filter(|(key, source)| {
            let mut often = false;
            source.each(|kind, lines| {
                if let Some(all) = kinds.0.get(&(address(*key).is_ipv6(), kind)) {
                    let others = all.seen.lines.saturating_sub(u64::from(lines));
                    let mean = others / (all.sources.saturating_sub(1)).max(1);
                    often |= u64::from(lines) >= (10 * mean).max(30);
                }
            });
            often && !slow.contains_key(key)
        })
        .copied()
        .collect();
    if loyal.len() > SPARED {
        loyal.clear();
    }
    slow.extend(loyal);
    slow
}

/// Kinds of packets of the crowd.
struct Kinds(BTreeMap<(bool, Kind), Count>);

#[derive(Clone, Copy, Default)]
struct Count {
    seen: Lines,
    sources: u64,
    most: u64,
}

impl Count {
    fn join(&mut self, other: &Count) {
        self.seen.join(other.seen);
        self.sources += other.sources;
        self.most = self.most.max(other.most);
    }
}

impl Kinds {
    fn of(sources: &[(u128, &Source)]) -> Kinds {
        let mut kinds: hashbrown::HashMap<(bool, Kind), Count> = hashbrown::HashMap::new();
        for (key, source) in sources {
            let v6 = address(*key).is_ipv6();
            source.each(|kind, lines| {
                let lines = u64::from(lines);
                let count = kinds.entry((v6, kind)).or_default();
                count.seen.join(Lines { lines, ..source.all });
                count.sources += 1;
                count.most = count.most.max(lines);
            });
        }
        Kinds(kinds.into_iter().collect())
    }
}

/// Everything that the single findings look at.
struct View<'t> {
    tally: &'t Tally<'t>,
    ground: &'t Ground,
    bar: Bar,
    /// Bits of an outside source's address.
    bits: (u8, u8),
    kinds: &'t Kinds,
    slow: &'t BTreeMap<u128, &'t Source>,
    hosts: &'t Hosts,
    answers_pass: [bool; 2],
}

/// The kinds of one service.
type Members = Vec<(Kind, Count)>;

/// Many sources, few packets each.
fn is_crowd(count: &Count, bar: (u64, u64)) -> bool {
    count.seen.lines >= bar.0
        && count.sources >= bar.1
        && count.seen.lines <= 100 * count.sources
        && count.most * 2 <= count.seen.lines
}

impl View<'_> {
    /// Slow sources and own networks that do one of these things.
    fn spared(&self, v6: bool, does: impl Fn(Kind) -> bool) -> Vec<Net> {
        let mut nets = Vec::new();
        for (key, source) in self.slow {
            let addr = address(*key);
            let mut any = false;
            source.each(|kind, _| any |= does(kind));
            if any && addr.is_ipv6() == v6 {
                nets.push(around(addr, self.bits.0, self.bits.1));
            }
        }
        for (addr, (_, kinds)) in self.hosts {
            if addr.is_ipv6() == v6 && kinds.keys().any(|kind| does(*kind)) {
                nets.push(around(*addr, 24, 64));
            }
        }
        nets
    }

    /// Why no rule may take a kind, if it may not.
    fn forbidden(&self, v6: bool, kind: Kind) -> Option<String> {
        let ground = self.ground;
        let kept = |lines: Option<&Lines>| lines.map(|lines| lines.lines);
        if let Kind::Request(protocol, port) = kind
            && ground.listens(v6, protocol, port)
        {
            return Some("the rules let somebody in there".to_owned());
        }
        if let Kind::Icmp(_) = kind
            && ground.open.contains(&(v6, if v6 { Protocol::ICMPV6.0 } else { Protocol::ICMP.0 }))
        {
            return Some("the rules let ICMP in".to_owned());
        }
        if let Some(lines) = kept(self.tally.kept.sorted().get(&(v6, kind)).copied()) {
            return Some(format!("{lines} near hits would be hidden with it"));
        }
        if let Some(lines) = kept(self.tally.let_in.sorted().get(&(v6, kind)).copied()) {
            return Some(format!("{lines} of these packets were let in"));
        }
        None
    }

    fn radiation(&self, found: &mut Found) {
        // The ports of one service are one piece of noise.
        let mut groups: BTreeMap<(bool, u8, Option<Service>, Option<Kind>), Members> = BTreeMap::new();
        for ((v6, kind), count) in &self.kinds.0 {
            let key = match kind {
                Kind::Request(protocol, port) => match noise_names::service(*protocol, *port) {
                    Some(service) => (*v6, *protocol, Some(service), None),
                    None => (*v6, *protocol, None, Some(*kind)),
                },
                Kind::Icmp(_) | Kind::Proto(_) => (*v6, 0, None, Some(*kind)),
                Kind::Reply(..) | Kind::Trash(_) => continue,
            };
            groups.entry(key).or_default().push((*kind, *count));
        }
        for ((v6, protocol, service, alone), members) in groups {
            let habit = match alone {
                Some(Kind::Icmp(_)) => Some(Habit::Net),
                _ => service.map(|service| service.habit),
            };
            let bar = self.bar.radiation(habit);
            let mut all = Count::default();
            members.iter().for_each(|(_, count)| all.join(count));
            if !is_crowd(&all, bar) {
                continue;
            }
            let mut ports = Vec::new();
            let mut seen = Count::default();
            let mut no: Option<(String, u64)> = None;
            for (kind, count) in &members {
                if count.seen.lines < (bar.0 / 10).max(5) && members.len() > 1 {
                    continue;
                }
                if let Some(why) = self.forbidden(v6, *kind) {
                    no = Some((why, no.map_or(0, |(_, lines)| lines) + count.seen.lines));
                    continue;
                }
                if let Kind::Request(_, port) = kind {
                    ports.push(*port);
                }
                seen.join(count);
            }
            let name = match (service, alone) {
                (Some(service), _) => service.name.to_owned(),
                (None, Some(Kind::Request(protocol, port))) => noise_names::name(protocol, port),
                (None, Some(kind)) => kind_name(v6, kind),
                (None, None) => String::new(),
            };
            if let Some((why, lines)) = no {
                found.refused.push(Refused { name: name.clone(), lines, why });
            }
            if seen.seen.lines == 0 {
                continue;
            }
            let shape = match alone {
                Some(Kind::Icmp(kind)) => Shape::Icmp(kind),
                Some(Kind::Proto(protocol)) => Shape::Proto(protocol),
                _ => Shape::Ports(protocol, ports.clone()),
            };
            // An error message about a connection of this host's own must get through.
            if matches!(shape, Shape::Icmp(_)) && !self.answers_pass[usize::from(v6)] {
                let why = "the chain is asked before known connections are let in".to_owned();
                found.refused.push(Refused { name, lines: seen.seen.lines, why });
                continue;
            }
            let spared = self.spared(v6, |kind| match kind {
                Kind::Request(p, port) => p == protocol && ports.contains(&port),
                other => alone == Some(other),
            });
            found.noise.push(Noise {
                class: Class::Radiation,
                name,
                v6,
                shape,
                seen: seen.seen,
                sources: seen.sources,
                to: Vec::new(),
                narrow: None,
                spared,
            });
        }
    }

    fn replies(&self, found: &mut Found) {
        for v6 in [false, true] {
            for reply in [Reply::SynAck, Reply::Reset, Reply::Late, Reply::Udp] {
                let mut all = Count::default();
                let mut ports: Vec<(u16, Count)> = Vec::new();
                for ((of, kind), count) in &self.kinds.0 {
                    if let Kind::Reply(is, port) = kind
                        && (*of, *is) == (v6, reply)
                    {
                        all.join(count);
                        ports.push((*port, *count));
                    }
                }
                if !is_crowd(&all, (self.bar.at_least(20, 400), 8)) {
                    continue;
                }
                let name = match reply {
                    Reply::SynAck => "SYN+ACK to nothing",
                    Reply::Reset => "RST to nothing",
                    Reply::Late => "ends of old connections",
                    Reply::Udp => "UDP answers to nothing",
                };
                if !self.answers_pass[usize::from(v6)] {
                    found.refused.push(Refused {
                        name: name.to_owned(),
                        lines: all.seen.lines,
                        why: "the chain is asked before known connections are let in: a rule would cut your own \
                              connections (put ACCEPT of RELATED,ESTABLISHED first)"
                            .to_owned(),
                    });
                    continue;
                }
                let least = (all.seen.lines / 20).max(5);
                let mut main: Vec<(u16, Count)> =
                    ports.iter().filter(|(_, count)| count.seen.lines >= least).copied().collect();
                let mut part = Count::default();
                main.iter().for_each(|(_, count)| part.join(count));
                let everywhere = part.seen.lines * 10 < all.seen.lines * 9;
                if everywhere && reply == Reply::Udp {
                    continue;
                }
                if everywhere {
                    main.clear();
                    part = all;
                }
                let mut ports: Vec<u16> = main.into_iter().map(|(port, _)| port).collect();
                let kept = self.tally.kept.sorted();
                let forbidden = |port: u16| kept.contains_key(&(v6, Kind::Reply(reply, port)));
                ports.retain(|port| !forbidden(*port));
                let any_kept =
                    kept.keys().any(|(f, kind)| *f == v6 && matches!(kind, Kind::Reply(r, _) if *r == reply));
                if (everywhere && any_kept) || (!everywhere && ports.is_empty()) {
                    continue;
                }
                let spared = self.spared(v6, |kind| match kind {
                    Kind::Reply(is, port) => is == reply && (everywhere || ports.contains(&port)),
                    _ => false,
                });
                found.noise.push(Noise {
                    class: Class::Backscatter,
                    name: name.to_owned(),
                    v6,
                    shape: Shape::Replies(reply, ports),
                    seen: part.seen,
                    sources: part.sources,
                    to: Vec::new(),
                    narrow: None,
                    spared,
                });
            }
        }
    }

    fn trash(&self, found: &mut Found) {
        for v6 in [false, true] {
            let mut all = Count::default();
            let of = |trash: Trash| self.kinds.0.get(&(v6, Kind::Trash(trash)));
            for count in Trash::ALL.into_iter().filter_map(of) {
                all.join(count);
            }
            if all.seen.lines < self.bar.at_least(10, 1000) || all.sources < 3 {
                continue;
            }
            for trash in Trash::ALL {
                let Some(count) = of(trash) else { continue };
                if count.seen.lines < (all.seen.lines / 50).max(2) {
                    continue;
                }
                if let Some(why) = self.forbidden(v6, Kind::Trash(trash)) {
                    let name = trash.name().to_owned();
                    found.refused.push(Refused { name, lines: count.seen.lines, why });
                    continue;
                }
                // The test of one pattern takes packets of others as well.
                let spared = self.spared(v6, |kind| matches!(kind, Kind::Trash(_)));
                found.noise.push(Noise {
                    class: Class::Trash,
                    name: trash.name().to_owned(),
                    v6,
                    shape: Shape::Flags(trash),
                    seen: count.seen,
                    sources: count.sources,
                    to: Vec::new(),
                    narrow: None,
                    spared,
                });
            }
        }
    }

    fn sources(&self, found: &mut Found, scanners: &[(Net, Lines)], floods: &[(u128, &Source)]) {
        let only_protocol = |net: &Net| {
            let mut seen = BTreeSet::new();
            for (key, source) in self.tally.outside.iter().filter(|(key, _)| net.contains(address(*key))) {
                let _ = key;
                source.each(|kind, _| {
                    seen.insert(match kind {
                        Kind::Request(protocol, _) | Kind::Proto(protocol) => Some(protocol),
                        Kind::Reply(Reply::Udp, _) => Some(Protocol::UDP.0),
                        Kind::Reply(..) | Kind::Trash(_) => Some(Protocol::TCP.0),
                        Kind::Icmp(_) => None,
                    });
                });
            }
            let count = self.tally.outside.iter().filter(|(key, _)| net.contains(address(*key))).count();
            (if seen.len() == 1 { seen.pop_first().flatten() } else { None }, count as u64)
        };
        for (net, seen) in scanners {
            let (protocol, sources) = only_protocol(net);
            found.noise.push(Noise {
                class: Class::Scanner,
                name: net_name(net),
                v6: net.addr().is_ipv6(),
                shape: Shape::Source(*net, protocol),
                seen: *seen,
                sources,
                to: Vec::new(),
                narrow: None,
                spared: Vec::new(),
            });
        }
        for (key, source) in floods {
            let addr = address(*key);
            let net = Net::new(addr, width(*key, self.bits));
            let v6 = addr.is_ipv6();
            // Its one service, unless everybody does it and a rule for everybody is there.
            let mut kinds = Vec::new();
            source.each(|kind, lines| kinds.push((kind, lines)));
            let done = |kind: Kind| {
                found
                    .noise
                    .iter()
                    .any(|noise| noise.v6 == v6 && noise.class == Class::Radiation && has(noise, kind))
            };
            if kinds.iter().all(|(kind, _)| done(*kind)) {
                found.known.nets.push(net);
                continue;
            }
            let (protocol, _) = only_protocol(&net);
            found.noise.push(Noise {
                class: if source.breadth() >= MANY { Class::Scanner } else { Class::Flood },
                name: net_name(&net),
                v6,
                shape: Shape::Source(net, protocol),
                seen: source.all,
                sources: 1,
                to: Vec::new(),
                narrow: None,
                spared: Vec::new(),
            });
        }
    }

    fn chatter(&self, found: &mut Found) {
        type Group<'t> = Vec<(Chatter, Lines, &'t BTreeSet<IpAddr>)>;
        let mut groups: BTreeMap<(bool, Option<Service>, Option<Kind>), Group<'_>> = BTreeMap::new();
        for (chatter, (lines, sources)) in self.tally.chatter.sorted() {
            let service = match chatter.kind {
                Kind::Request(protocol, port) => noise_names::service(protocol, port),
                _ => None,
            };
            let alone = service.is_none().then_some(chatter.kind);
            groups.entry((chatter.v6, service, alone)).or_default().push((chatter, *lines, sources));
        }
        for ((v6, service, alone), members) in groups {
            let known = service.is_some_and(|service| service.habit == Habit::Lan)
                || matches!(
                    (v6, alone),
                    (false, Some(Kind::Proto(2))) | (true, Some(Kind::Icmp(130..=137 | 143)))
                );
            let least = if known { self.bar.at_least(1, 2000) } else { self.bar.at_least(10, 400) };
            let mut seen = Lines::default();
            let mut sources: BTreeSet<IpAddr> = BTreeSet::new();
            let mut kinds: BTreeSet<Kind> = BTreeSet::new();
            let mut to: BTreeMap<(IpAddr, Many), u64> = BTreeMap::new();
            let mut no: Option<(String, u64)> = None;
            for (chatter, lines, from) in members {
                if let Some(why) = self.forbidden(v6, chatter.kind) {
                    no = Some((why, no.map_or(0, |(_, lines)| lines) + lines.lines));
                    continue;
                }
                seen.join(lines);
                sources.extend(from.iter().copied());
                kinds.insert(chatter.kind);
                *to.entry((chatter.dst, chatter.many)).or_default() += lines.lines;
            }
            let name = match (service, alone) {
                (Some(service), _) => service.name.to_owned(),
                (None, Some(Kind::Request(protocol, port))) => noise_names::name(protocol, port),
                (None, Some(kind)) => kind_name(v6, kind),
                (None, None) => String::new(),
            };
            if let Some((why, lines)) = no
                && lines >= least
            {
                found.refused.push(Refused { name: name.clone(), lines, why });
            }
            let Some(first) = kinds.first().copied() else { continue };
            if seen.lines < least {
                continue;
            }
            let shape = match first {
                Kind::Request(protocol, _) => Shape::Ports(
                    protocol,
                    kinds
                        .iter()
                        .filter_map(|kind| if let Kind::Request(_, port) = kind { Some(*port) } else { None })
                        .collect(),
                ),
                Kind::Icmp(kind) => Shape::Icmp(kind),
                Kind::Proto(protocol) => Shape::Proto(protocol),
                Kind::Reply(..) | Kind::Trash(_) => continue,
            };
            let narrow = self.unicast_too(v6, &kinds, found);
            found.noise.push(Noise {
                class: Class::Chatter,
                name,
                v6,
                shape,
                seen,
                sources: sources.len() as u64,
                to: to.into_iter().map(|((addr, many), lines)| (addr, many, lines)).collect(),
                narrow,
                spared: Vec::new(),
            });
        }
    }

    /// Whether packets of these kinds to this host alone must stay visible.
    fn unicast_too(&self, v6: bool, kinds: &BTreeSet<Kind>, found: &Found) -> Option<Why> {
        if self
            .hosts
            .iter()
            .any(|(addr, (_, own))| addr.is_ipv6() == v6 && own.keys().any(|kind| kinds.contains(kind)))
        {
            return Some(Why::Own);
        }
        for (key, source) in self.slow {
            let mut any = false;
            source.each(|kind, _| any |= kinds.contains(&kind));
            if any && address(*key).is_ipv6() == v6 {
                return Some(Why::Slow);
            }
        }
        let noise = |kind: Kind| {
            found.noise.iter().any(|noise| {
                noise.v6 == v6
                    && noise.class == Class::Radiation
                    && noise.spared.is_empty()
                    && has(noise, kind)
            })
        };
        kinds.iter().any(|kind| self.kinds.0.contains_key(&(v6, *kind)) && !noise(*kind)).then_some(Why::Rare)
    }
}

/// Whether a piece of noise has packets of this kind.
fn has(noise: &Noise, kind: Kind) -> bool {
    match (&noise.shape, kind) {
        (Shape::Ports(protocol, ports), Kind::Request(p, port)) => *protocol == p && ports.contains(&port),
        (Shape::Replies(reply, ports), Kind::Reply(r, port)) => {
            *reply == r && (ports.is_empty() || ports.contains(&port))
        }
        (Shape::Flags(_), Kind::Trash(_)) => true,
        (Shape::Icmp(a), Kind::Icmp(b)) | (Shape::Proto(a), Kind::Proto(b)) => *a == b,
        _ => false,
    }
}

/// A kind without ports, by name.
fn kind_name(v6: bool, kind: Kind) -> String {
    match kind {
        Kind::Icmp(kind) if v6 => match kind {
            130..=132 | 143 => "multicast listener reports".to_owned(),
            133 => "router solicitations".to_owned(),
            134 => "router advertisements".to_owned(),
            135 | 136 => "neighbour discovery".to_owned(),
            _ => logparse::Icmpv6Type(kind).name().map_or(format!("icmpv6 type {kind}"), str::to_owned),
        },
        Kind::Icmp(kind) => {
            logparse::IcmpType(kind).name().map_or(format!("icmp type {kind}"), str::to_owned)
        }
        Kind::Proto(protocol) => Protocol(protocol).to_string().to_lowercase(),
        Kind::Request(protocol, port) => noise_names::name(protocol, port),
        Kind::Reply(Reply::Udp, port) => format!("udp from {}", noise_names::name(Protocol::UDP.0, port)),
        Kind::Reply(_, port) => format!("answers from {}", noise_names::name(Protocol::TCP.0, port)),
        Kind::Trash(trash) => trash.name().to_owned(),
    }
}

/// A network as people write it: a host without `/32`.
#[must_use]
pub fn net_name(net: &Net) -> String {
    let whole = if net.addr().is_ipv4() { 32 } else { 128 };
    match net.prefix_len() {
        Some(length) if length == whole => net.addr().to_string(),
        Some(length) => format!("{}/{length}", net.addr()),
        None => format!("{}/{}", net.addr(), net.mask()),
    }
}

/// Who is worth looking at, and who might be let in.
fn watch(found: &mut Found, ground: &Ground, own: &Hosts, slow: &BTreeMap<u128, &Source>) {
    let ranked = |kinds: &mut dyn Iterator<Item = (Kind, u64)>, v6: bool| {
        let mut names: BTreeMap<String, u64> = BTreeMap::new();
        for (kind, lines) in kinds {
            *names.entry(kind_name(v6, kind)).or_default() += lines;
        }
        let mut names: Vec<(String, u64)> = names.into_iter().collect();
        names.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
        names
    };
    for (addr, (seen, kinds)) in own {
        let tried = ranked(&mut kinds.iter().map(|(kind, lines)| (*kind, *lines)), addr.is_ipv6());
        let names: BTreeSet<String> = kinds.keys().filter_map(|kind| service_of(*kind)).collect();
        let worm = kinds.keys().any(|kind| match kind {
            Kind::Request(protocol, port) => {
                noise_names::service(*protocol, *port).is_some_and(|service| service.habit == Habit::Worm)
            }
            Kind::Trash(_) => true,
            _ => false,
        });
        let scans = names.len() >= SEVERAL || worm;
        if !scans && ground.is_trusted(*addr) {
            for (kind, lines) in kinds {
                if let Kind::Request(protocol, port) = kind
                    && !ground.listens(addr.is_ipv6(), *protocol, *port)
                {
                    let seen = Lines { lines: *lines, ..*seen };
                    found.friends.push(Friend { addr: *addr, protocol: *protocol, port: *port, seen });
                }
            }
            continue;
        }
        found.hosts.push(Host { addr: *addr, seen: *seen, tried, why: Why::Own, scans });
    }
    for (key, source) in slow {
        let addr = address(*key);
        let mut kinds = Vec::new();
        source.each(|kind, lines| kinds.push((kind, u64::from(lines))));
        let tried = ranked(&mut kinds.into_iter(), addr.is_ipv6());
        let scans = services(source) >= SEVERAL;
        found.hosts.push(Host { addr, seen: source.all, tried, why: Why::Slow, scans });
    }
    found.hosts.sort_by_key(|host| (!host.scans, std::cmp::Reverse(host.seen.lines), host.addr));
    found.friends.sort_by_key(|friend| (std::cmp::Reverse(friend.seen.lines), friend.addr, friend.port));
}

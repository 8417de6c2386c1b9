//! Kinds of packets: what many sources do, what goes to everybody, what no stack sends.
//!
//! Responsible for: the findings that rest on kinds, and whom their rules must leave out.
//! Must not know: rules, lines.
//! Tested by: `tests/cli/suggest.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fwrules::Net;
use hashbrown::HashMap;
use logparse::Protocol;

use super::ground::{Ground, address, around};
use super::hosts::{Bar, Hosts, MANY, width};
use super::names::{self, Habit, Service};
use super::packet::{Kind, Many, Reply, Trash};
use super::sift::{self, Scanner};
use super::sources::{Lines, Source};
use super::tally::{Chatter, Few, Tally};
use super::{Class, Found, Noise, Refused, Shape, Why, net_name};

/// Lines of a kind and their sources.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) seen: Lines,
    pub(super) sources: u64,
    /// The most lines of one of them.
    most: u64,
}

impl Count {
    /// So many lines of a source of which so much was seen.
    #[inline]
    fn add(&mut self, lines: u64, seen: Lines) {
        self.seen.join(Lines { lines, ..seen });
        self.sources += 1;
        self.most = self.most.max(lines);
    }

    fn join(&mut self, other: &Count) {
        self.seen.join(other.seen);
        self.sources += other.sources;
        self.most = self.most.max(other.most);
    }
}

/// What some sources do, being counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Counting(HashMap<(bool, Kind), Count>);

impl Counting {
    /// A source, of which so much was seen.
    #[inline]
    pub(super) fn add(&mut self, source: &Source<'_>, seen: Lines) {
        let v6 = address(source.key()).is_ipv6();
        source.each(|kind, lines| self.0.entry((v6, kind)).or_default().add(lines, seen));
    }

    /// Takes over what was counted of others.
    pub(super) fn join(&mut self, mut other: Counting) {
        if other.0.len() > self.0.len() {
            std::mem::swap(self, &mut other);
        }
        for (kind, count) in other.0 {
            self.0.entry(kind).or_default().join(&count);
        }
    }

    /// Without some sources; `rest` are all others that do the same and are not in `others`.
    pub(super) fn leave_out<'t>(
        &mut self,
        sources: impl Iterator<Item = &'t Source<'t>>,
        others: &Counting,
        rest: impl Iterator<Item = &'t Source<'t>>,
    ) {
        // The first, the last and the most of a kind cannot be subtracted: it is counted anew.
        let mut anew: HashMap<(bool, Kind), Count> = HashMap::new();
        for source in sources {
            let v6 = address(source.key()).is_ipv6();
            source.each(|kind, _| {
                anew.insert((v6, kind), others.get(v6, kind).copied().unwrap_or_default());
            });
        }
        if anew.is_empty() {
            return;
        }
        for source in rest {
            let (v6, seen) = (address(source.key()).is_ipv6(), source.all());
            source.each(|kind, lines| {
                if let Some(count) = anew.get_mut(&(v6, kind)) {
                    count.add(lines, seen);
                }
            });
        }
        self.0.extend(anew);
        self.0.retain(|_, count| count.sources > 0);
    }

    pub(super) fn get(&self, v6: bool, kind: Kind) -> Option<&Count> {
        self.0.get(&(v6, kind))
    }

    /// Lines with impossible flags.
    pub(super) fn trash(&self) -> u64 {
        let of =
            |(v6, trash): (bool, Trash)| self.get(v6, Kind::Trash(trash)).map_or(0, |count| count.seen.lines);
        [false, true].into_iter().flat_map(|v6| Trash::ALL.map(|trash| (v6, trash))).map(of).sum()
    }
}

/// Everything that the single findings look at.
pub(super) struct View<'t> {
    pub(super) tally: &'t Tally<'t>,
    pub(super) ground: &'t Ground,
    pub(super) bar: Bar,
    /// Bits of an outside source's address.
    pub(super) bits: (u8, u8),
    pub(super) kinds: &'t Counting,
    pub(super) slow: &'t BTreeMap<u128, Source<'t>>,
    pub(super) hosts: &'t Hosts,
    pub(super) answers_pass: [bool; 2],
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
        if let Some(Lines { lines, .. }) = self.tally.kept.get(v6, kind) {
            return Some(format!("{lines} near hits would be hidden with it"));
        }
        if let Some(Lines { lines, .. }) = self.tally.let_in.get(v6, kind) {
            return Some(format!("{lines} of these packets were let in"));
        }
        None
    }

    pub(super) fn radiation(&self, found: &mut Found) {
        // The ports of one service are one piece of noise.
        let mut groups: BTreeMap<(bool, u8, Option<Service>, Option<Kind>), Members> = BTreeMap::new();
        let bar_of = |service: Option<Service>, alone: Option<Kind>| {
            self.bar.radiation(match alone {
                Some(Kind::Icmp(_)) => Some(Habit::Net),
                _ => service.map(|service| service.habit),
            })
        };
        for ((v6, kind), count) in &self.kinds.0 {
            let key = match kind {
                Kind::Request(protocol, port) => match names::service(*protocol, *port) {
                    Some(service) => (*v6, *protocol, Some(service), None),
                    None => (*v6, *protocol, None, Some(*kind)),
                },
                Kind::Icmp(_) | Kind::Proto(_) => (*v6, 0, None, Some(*kind)),
                Kind::Reply(..) | Kind::Trash(_) => continue,
            };
            // Of many ports that nobody has a name for, most are out at once.
            if key.3.is_none() || is_crowd(count, bar_of(None, key.3)) {
                groups.entry(key).or_default().push((*kind, *count));
            }
        }
        for ((v6, protocol, service, alone), mut members) in groups {
            members.sort_unstable_by_key(|(kind, _)| *kind);
            let bar = bar_of(service, alone);
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
                (None, Some(Kind::Request(protocol, port))) => names::name(protocol, port),
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

    pub(super) fn replies(&self, found: &mut Found) {
        let mut lists: BTreeMap<(bool, Reply), Vec<(u16, Count)>> = BTreeMap::new();
        for ((v6, kind), count) in &self.kinds.0 {
            if let Kind::Reply(reply, port) = kind {
                lists.entry((*v6, *reply)).or_default().push((*port, *count));
            }
        }
        for v6 in [false, true] {
            for reply in Reply::ALL {
                let ports = lists.remove(&(v6, reply)).unwrap_or_default();
                let mut all = Count::default();
                ports.iter().for_each(|(_, count)| all.join(count));
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
                let mut main = ports;
                main.retain(|(_, count)| count.seen.lines >= least);
                main.sort_unstable_by_key(|(port, _)| *port);
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
                let kept = &self.tally.kept;
                let forbidden = |port: u16| kept.get(v6, Kind::Reply(reply, port)).is_some();
                ports.retain(|port| !forbidden(*port));
                let any_kept = kept
                    .iter()
                    .any(|(f, kind, _)| f == v6 && matches!(kind, Kind::Reply(r, _) if r == reply));
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

    pub(super) fn trash(&self, found: &mut Found) {
        for v6 in [false, true] {
            let mut all = Count::default();
            let of = |trash: Trash| self.kinds.get(v6, Kind::Trash(trash));
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

    pub(super) fn sources(&self, found: &mut Found, scanners: &[Scanner], floods: &[Source<'_>]) {
        for scanner in scanners {
            let net = scanner.net;
            found.noise.push(Noise {
                class: Class::Scanner,
                name: net_name(&net),
                v6: net.addr().is_ipv6(),
                shape: Shape::Source(net, scanner.protocol()),
                seen: scanner.seen,
                sources: scanner.sources,
                to: Vec::new(),
                narrow: None,
                spared: Vec::new(),
            });
        }
        for source in floods {
            let addr = address(source.key());
            let net = Net::new(addr, width(source.key(), self.bits));
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
                found.known.source(net);
                continue;
            }
            found.noise.push(Noise {
                class: if source.breadth() >= MANY { Class::Scanner } else { Class::Flood },
                name: net_name(&net),
                v6,
                shape: Shape::Source(net, sift::protocol(source)),
                seen: source.all(),
                sources: 1,
                to: Vec::new(),
                narrow: None,
                spared: Vec::new(),
            });
        }
    }

    pub(super) fn chatter(&self, found: &mut Found) {
        type Group<'t> = Vec<(Chatter, Lines, &'t Few)>;
        let mut groups: BTreeMap<(bool, Option<Service>, Option<Kind>), Group<'_>> = BTreeMap::new();
        for (chatter, (lines, sources)) in self.tally.chatter.sorted() {
            let service = match chatter.kind {
                Kind::Request(protocol, port) => names::service(protocol, port),
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
                sources.extend(from.iter());
                kinds.insert(chatter.kind);
                *to.entry((chatter.dst, chatter.many)).or_default() += lines.lines;
            }
            let name = match (service, alone) {
                (Some(service), _) => service.name.to_owned(),
                (None, Some(Kind::Request(protocol, port))) => names::name(protocol, port),
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
        kinds.iter().any(|kind| self.kinds.get(v6, *kind).is_some() && !noise(*kind)).then_some(Why::Rare)
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
pub(super) fn kind_name(v6: bool, kind: Kind) -> String {
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
        Kind::Request(protocol, port) => names::name(protocol, port),
        Kind::Reply(Reply::Udp, port) => format!("udp from {}", names::name(Protocol::UDP.0, port)),
        Kind::Reply(_, port) => format!("answers from {}", names::name(Protocol::TCP.0, port)),
        Kind::Trash(trash) => trash.name().to_owned(),
    }
}

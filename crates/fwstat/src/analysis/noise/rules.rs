//! From noise to rules: as few as possible, each no wider than what it is for.
//!
//! Responsible for: the rules as values, their comments, and how one is made narrower.
//! Must not know: lines; whether a rule keeps its promise is for the proof (`proof`).
//! Tested by: the unit tests below, `tests/cli/suggest.rs`, with the real tools.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fwrules::{Flags, Icmp, Match, Net, PacketType, PortSide, Ports, Range, Rule, Target, Tcp, Test, Text};
use logparse::{Protocol, TcpFlags};

use super::ground::{Ground, LOCAL, collapsed, interface, is_local};
use super::packet::{Kind, Many, Reply, Trash};
use super::tally::Tally;
use super::{Class, Found, Noise, Refused, Shape};

/// A rule that is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Which kind of noise it is for.
    pub class: Class,
    /// IPv6.
    pub v6: bool,
    /// The rule.
    pub rule: Rule,
    /// The noise that it is for.
    pub noise: Vec<Noise>,
    /// Lines of that noise, before any other rule.
    pub expected: u64,
    /// Who must stay visible beside it.
    pub spared: Vec<Net>,
}

/// What `multiport` takes: 15 ports, a range counts two.
const SLOTS: usize = 15;
/// Networks that one rule can leave out and still be read: seven blocks of one's own, and some.
const LEFT_OUT: usize = 12;

/// To whom, if that must be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum To {
    Anyone,
    Host(IpAddr),
    Groups,
    Broadcast,
}

/// The rules for what was found, those for most lines first.
#[must_use]
pub fn propose(found: &mut Found, tally: &Tally<'_>, ground: &Ground) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    let visible = Visible::new(tally, ground);
    // What can share a rule: ports of one protocol, of one class, to the same destination.
    let mut shared: BTreeMap<(Class, bool, u8, To), Vec<Noise>> = BTreeMap::new();
    for noise in &found.noise {
        let (v6, class) = (noise.v6, noise.class);
        match &noise.shape {
            Shape::Ports(protocol, _) => {
                for to in destinations(noise) {
                    shared.entry((class, v6, *protocol, to)).or_default().push(noise.clone());
                }
            }
            Shape::Source(net, protocol) => {
                proposals.extend(of_source(noise, *net, *protocol, &visible, &mut found.refused));
            }
            _ => {
                let Some(spared) = few(noise.spared.clone()) else {
                    found.refused.push(too_many(noise.name.clone(), noise.seen.lines, noise.spared.len()));
                    continue;
                };
                for to in destinations(noise) {
                    let spared = spared.clone();
                    let rule = finish(single(noise), v6, to, &spared, comment(class, &[noise]));
                    let noise = vec![noise.clone()];
                    proposals.push(Proposal { class, v6, rule, expected: lines(&noise, to), noise, spared });
                }
            }
        }
    }
    for ((class, v6, protocol, to), members) in shared {
        let own: Vec<Net> =
            found.own.iter().filter(|net| net.addr().is_ipv6() == v6 && !is_host(net)).copied().collect();
        proposals.extend(of_ports(class, v6, protocol, to, members, &own, &mut found.refused));
    }
    proposals.sort_by_cached_key(|proposal| {
        let text = proposal.rule.to_display();
        (std::cmp::Reverse(proposal.expected), proposal.class, text)
    });
    proposals
}

fn is_host(net: &Net) -> bool {
    net.prefix_len() == Some(if net.addr().is_ipv4() { 32 } else { 128 })
}

fn lines(noise: &[Noise], to: To) -> u64 {
    let of = |noise: &Noise| match to {
        To::Anyone => noise.seen.lines,
        To::Host(addr) => noise.to.iter().filter(|(a, ..)| *a == addr).map(|(.., n)| n).sum(),
        To::Groups => noise.to.iter().filter(|(_, m, _)| *m == Many::Group).map(|(.., n)| n).sum(),
        To::Broadcast => noise.to.iter().filter(|(_, m, _)| *m == Many::All).map(|(.., n)| n).sum(),
    };
    noise.iter().map(of).sum()
}

/// Where chatter goes, if its rule must say so.
fn destinations(noise: &Noise) -> Vec<To> {
    if noise.narrow.is_none() {
        return vec![To::Anyone];
    }
    let of = |wanted: Many| -> Vec<IpAddr> {
        noise.to.iter().filter(|(_, many, _)| *many == wanted).map(|(addr, ..)| *addr).collect()
    };
    let (groups, all) = (of(Many::Group), of(Many::All));
    let mut list = Vec::new();
    match groups[..] {
        [] => {}
        [one] if one.is_multicast() => list.push(To::Host(one)),
        _ => list.push(To::Groups),
    }
    match all.len() {
        0 => {}
        1 | 2 => list.extend(all.into_iter().map(To::Host)),
        _ => list.push(To::Broadcast),
    }
    list
}

/// One rule for many ports; several if there are too many for one.
fn of_ports(
    class: Class,
    v6: bool,
    protocol: u8,
    to: To,
    mut members: Vec<Noise>,
    own: &[Net],
    refused: &mut Vec<Refused>,
) -> Vec<Proposal> {
    members.sort_by_key(|noise| (std::cmp::Reverse(noise.seen.lines), noise.name.clone()));
    let mut spared: Vec<Net> = members.iter().flat_map(|noise| noise.spared.iter().copied()).collect();
    let all_own = own;
    // Radiation comes from outside: a host of one's own network that does the same is the most
    // interesting line there can be, also tomorrow.
    let own = if class == Class::Radiation && own.len() <= LEFT_OUT / 2 { own } else { &[] };
    spared.extend(own);
    let spared = match few(spared.into_iter().map(|net| wider(net, all_own)).collect()) {
        Some(spared) => spared,
        None => {
            // Services at which nobody has to be left out can still be silenced.
            let (with, without): (Vec<Noise>, Vec<Noise>) =
                members.into_iter().partition(|noise| !noise.spared.is_empty());
            let no = |noise: Noise| too_many(noise.name, noise.seen.lines, noise.spared.len());
            refused.extend(with.into_iter().map(no));
            members = without;
            collapsed(own.to_vec())
        }
    };
    let mut proposals = Vec::new();
    let mut open: Vec<Noise> = Vec::new();
    let slots = |members: &[Noise]| {
        ranges(members).iter().map(|range| if range.first == range.last { 1 } else { 2 }).sum::<usize>()
    };
    let mut close = |open: &mut Vec<Noise>| {
        if open.is_empty() {
            return;
        }
        let noise = std::mem::take(open);
        let rule = Rule { protocol: Some(Test::is(Protocol(protocol))), ..Rule::default() };
        let mut rule = rule;
        rule.matches = port_matches(protocol, &ranges(&noise));
        let text = comment(class, &noise.iter().collect::<Vec<_>>());
        let rule = finish(rule, v6, to, &spared, text);
        let spared = spared.clone();
        proposals.push(Proposal { class, v6, rule, expected: lines(&noise, to), noise, spared });
    };
    for noise in members {
        open.push(noise);
        if slots(&open) > SLOTS
            && let Some(last) = open.pop()
        {
            close(&mut open);
            open.push(last);
        }
    }
    close(&mut open);
    proposals
}

fn too_many(name: String, lines: u64, sources: usize) -> Refused {
    Refused { name, lines, why: format!("{sources} other sources would have to be left out") }
}

/// As few networks as one rule can leave out, that hold all of these; `None` if that cannot be.
/// Where there are too many hosts of one's own, their blocks are left out.
fn few(nets: Vec<Net>) -> Option<Vec<Net>> {
    let half = |net: Net| Net::new(net.addr(), net.prefix_len().map_or(16, |length| length.min(16)));
    let block = |net: Net| {
        let mut blocks = LOCAL.iter().filter_map(|block| Net::parse(block));
        blocks.find(|block| block.contains(net.addr())).unwrap_or(net)
    };
    let widened = |nets: Vec<Net>, wider: &dyn Fn(Net) -> Net| {
        let local = |net: Net| if is_local(net.addr()) { wider(net) } else { net };
        collapsed(nets.into_iter().map(local).collect())
    };
    let mut nets = collapsed(nets);
    if nets.len() > LEFT_OUT {
        nets = widened(nets, &|net| if net.addr().is_ipv4() { half(net) } else { net });
    }
    if nets.len() > LEFT_OUT {
        nets = widened(nets, &block);
    }
    (nets.len() <= LEFT_OUT).then_some(nets)
}

/// The network of one's own that a network lies in, if it does.
fn wider(net: Net, own: &[Net]) -> Net {
    let holds = |other: &&Net| other.contains(net.addr()) && other.prefix_len() <= net.prefix_len();
    own.iter().find(holds).copied().unwrap_or(net)
}

/// The ports of some noise; three in a row are a range.
fn ranges(members: &[Noise]) -> Vec<Range<u16>> {
    let mut ports: Vec<u16> = members
        .iter()
        .flat_map(|noise| match &noise.shape {
            Shape::Ports(_, ports) | Shape::Replies(_, ports) => ports.clone(),
            _ => Vec::new(),
        })
        .collect();
    joined(&mut ports)
}

fn joined(ports: &mut Vec<u16>) -> Vec<Range<u16>> {
    ports.sort_unstable();
    ports.dedup();
    let mut ranges = Vec::new();
    for run in ports.chunk_by(|a, b| *b == *a + 1) {
        if run.len() >= 3 {
            ranges.push(Range::new(run[0], run[run.len() - 1]));
        } else {
            ranges.extend(run.iter().map(|port| Range::one(*port)));
        }
    }
    ranges
}

fn port_matches(protocol: u8, ranges: &[Range<u16>]) -> Vec<Match> {
    let one = if let [one] = ranges { Some(Test::is(*one)) } else { None };
    match one {
        Some(dport) if protocol == Protocol::TCP.0 => {
            vec![Match::Tcp(Tcp { dport: Some(dport), ..Tcp::default() })]
        }
        Some(dport) => {
            vec![Match::Ports(Ports { protocol: Protocol(protocol), sport: None, dport: Some(dport) })]
        }
        None => vec![Match::Multiport { side: PortSide::Destination, ports: Test::is(ranges.to_vec()) }],
    }
}

/// A rule for noise that shares one with nothing else.
fn single(noise: &Noise) -> Rule {
    let mut rule = Rule::default();
    let mut is = |protocol: Protocol, matches: Vec<Match>| {
        rule.protocol = Some(Test::is(protocol));
        rule.matches = matches;
    };
    match &noise.shape {
        Shape::Flags(trash) => is(Protocol::TCP, vec![flags_match(trash_flags(*trash), None)]),
        Shape::Replies(Reply::Udp, ports) => {
            let high = Some(Test::is(Range::new(1024, u16::MAX)));
            let ranges = joined(&mut ports.clone());
            match ranges[..] {
                [one] => is(
                    Protocol::UDP,
                    vec![Match::Ports(Ports {
                        protocol: Protocol::UDP,
                        sport: Some(Test::is(one)),
                        dport: high,
                    })],
                ),
                _ => is(
                    Protocol::UDP,
                    vec![
                        Match::Multiport { side: PortSide::Source, ports: Test::is(limited(ranges)) },
                        Match::Ports(Ports { protocol: Protocol::UDP, sport: None, dport: high }),
                    ],
                ),
            }
        }
        Shape::Replies(reply, ports) => {
            let (fin, syn, rst, ack) = (TcpFlags::FIN, TcpFlags::SYN, TcpFlags::RST, TcpFlags::ACK);
            let flags = match reply {
                Reply::SynAck => Flags { mask: fin | syn | rst | ack, set: syn | ack },
                Reply::Reset => Flags { mask: fin | syn | rst, set: rst },
                Reply::Late | Reply::Udp => Flags { mask: syn | rst | ack, set: ack },
            };
            let ranges = joined(&mut ports.clone());
            match ranges[..] {
                [] => is(Protocol::TCP, vec![flags_match(flags, None)]),
                [one] => is(Protocol::TCP, vec![flags_match(flags, Some(one))]),
                _ => is(
                    Protocol::TCP,
                    vec![
                        Match::Multiport { side: PortSide::Source, ports: Test::is(limited(ranges)) },
                        flags_match(flags, None),
                    ],
                ),
            }
        }
        Shape::Icmp(kind) => {
            let test = Test::is(Icmp { kind: Some(*kind), code: None });
            if noise.v6 {
                is(Protocol::ICMPV6, vec![Match::Icmpv6(test)]);
            } else {
                is(Protocol::ICMP, vec![Match::Icmp(test)]);
            }
        }
        Shape::Proto(protocol) => is(Protocol(*protocol), Vec::new()),
        Shape::Ports(..) | Shape::Source(..) => {}
    }
    rule
}

/// As many as fit.
fn limited(ranges: Vec<Range<u16>>) -> Vec<Range<u16>> {
    let mut slots = 0;
    ranges
        .into_iter()
        .take_while(|range| {
            slots += if range.first == range.last { 1 } else { 2 };
            slots <= SLOTS
        })
        .collect()
}

fn flags_match(flags: Flags, sport: Option<Range<u16>>) -> Match {
    Match::Tcp(Tcp { sport: sport.map(Test::is), flags: Some(Test::is(flags)), ..Tcp::default() })
}

fn trash_flags(trash: Trash) -> Flags {
    let (mask, set) = trash.test();
    Flags { mask, set }
}

/// Ports that the admin wants to see whoever knocks: services, and where near hits come from.
/// By family and protocol.
struct Visible(BTreeMap<(bool, u8), Vec<Range<u16>>>);

impl Visible {
    fn new(tally: &Tally<'_>, ground: &Ground) -> Visible {
        let mut ports: BTreeMap<(bool, u8), Vec<Range<u16>>> = BTreeMap::new();
        for (v6, protocol, first, last) in &ground.listening {
            ports.entry((*v6, *protocol)).or_default().push(Range::new(*first, *last));
        }
        for (v6, kind, _) in tally.kept.iter().chain(tally.let_in.iter()) {
            if let Kind::Request(protocol, port) = kind {
                ports.entry((v6, protocol)).or_default().push(Range::one(port));
            }
        }
        for list in ports.values_mut() {
            list.sort_unstable_by_key(|range| (range.first, std::cmp::Reverse(range.last)));
            let mut last = None;
            list.retain(|range| {
                let inside = last.is_some_and(|last| range.last <= last);
                last = last.max(Some(range.last));
                !inside
            });
        }
        Visible(ports)
    }

    fn of(&self, v6: bool, protocol: u8) -> &[Range<u16>] {
        self.0.get(&(v6, protocol)).map_or(&[], Vec::as_slice)
    }
}

/// Everything of one source or network, but for what must stay visible.
fn of_source(
    noise: &Noise,
    net: Net,
    protocol: Option<u8>,
    visible: &Visible,
    refused: &mut Vec<Refused>,
) -> Vec<Proposal> {
    let v6 = noise.v6;
    let visible = |protocol: u8| visible.of(v6, protocol);
    let make = |protocol: Option<u8>, not: Vec<Range<u16>>| {
        let mut rule = Rule {
            source: Some(Test::is(net)),
            protocol: protocol.map(|protocol| Test::is(Protocol(protocol))),
            ..Rule::default()
        };
        if !not.is_empty() {
            let ports = Test { not: true, value: not };
            rule.matches.push(Match::Multiport { side: PortSide::Destination, ports });
        }
        let rule = finish(rule, v6, To::Anyone, &[], comment(noise.class, &[noise]));
        Proposal {
            class: noise.class,
            v6,
            rule,
            noise: vec![noise.clone()],
            expected: noise.seen.lines,
            spared: Vec::new(),
        }
    };
    let both = [Protocol::TCP.0, Protocol::UDP.0];
    let protocols: Vec<u8> = match protocol {
        Some(protocol) => vec![protocol],
        None => both.to_vec(),
    };
    let slots =
        |list: &[Range<u16>]| list.iter().map(|r| if r.first == r.last { 1 } else { 2 }).sum::<usize>();
    if protocols.iter().any(|protocol| slots(visible(*protocol)) > SLOTS) {
        refused.push(Refused {
            name: noise.name.clone(),
            lines: noise.seen.lines,
            why: "more services would have to stay visible than one rule can leave out".to_owned(),
        });
        return Vec::new();
    }
    if protocol.is_none() && both.iter().all(|protocol| visible(*protocol).is_empty()) {
        return vec![make(None, Vec::new())];
    }
    protocols.into_iter().map(|protocol| make(Some(protocol), visible(protocol).to_vec())).collect()
}

/// Adds what every rule has: the destination, who is left out, the comment, DROP.
fn finish(mut rule: Rule, v6: bool, to: To, spared: &[Net], comment: String) -> Rule {
    let host = |addr: IpAddr| Net::new(addr, 128);
    match to {
        To::Anyone => {}
        To::Host(addr) if addr.is_ipv6() && addr.to_string() == "ff02::1:ff00:0" => {
            rule.destination = Some(Test::is(Net::new(addr, 104)));
        }
        To::Host(addr) => rule.destination = Some(Test::is(host(addr))),
        To::Groups => {
            let groups = if v6 { "ff00::/8" } else { "224.0.0.0/4" };
            rule.destination = Net::parse(groups).map(Test::is);
        }
        To::Broadcast => rule.matches.insert(0, Match::PacketType(Test::is(PacketType::Broadcast))),
    }
    leave_out(&mut rule, spared);
    rule.matches.push(Match::Comment(Text::from(comment.as_str())));
    rule.target = Target::Drop;
    rule
}

/// `! -s` for the widest network, `! --src-range` for the others.
fn leave_out(rule: &mut Rule, spared: &[Net]) {
    let mut spared: Vec<Net> = spared.to_vec();
    spared.sort_by_key(|net| (net.prefix_len(), net.addr()));
    let mut spared = spared.into_iter();
    if rule.source.is_none() {
        rule.source = spared.next().map(|value| Test { not: true, value });
    }
    for (at, net) in spared.enumerate() {
        if let Some(range) = net.range() {
            let source = Some(Test { not: true, value: range });
            rule.matches.insert(at, Match::IpRange { source, destination: None });
        }
    }
}

/// What stands in a rule's comment. `iptables` cuts it at 255 bytes, nft at 128.
fn comment(class: Class, noise: &[&Noise]) -> String {
    const LONGEST: usize = 120;
    let start = match class {
        Class::Chatter | Class::Radiation => "unwanted ",
        Class::Trash => return "[malicious packet patterns]".to_owned(),
        Class::Backscatter => return "[backscatter]".to_owned(),
        Class::Scanner => return "[scanner]".to_owned(),
        Class::Flood => return "[flood]".to_owned(),
    };
    let mut text = format!("[{start}");
    for (i, noise) in noise.iter().enumerate() {
        let rest = noise_rest(i, noise, text.len(), LONGEST);
        match rest {
            Some(part) => text.push_str(&part),
            None => {
                text.push_str(" ...");
                break;
            }
        }
    }
    text.push(']');
    text
}

fn noise_rest(i: usize, noise: &Noise, used: usize, longest: usize) -> Option<String> {
    let part = if i == 0 { noise.name.clone() } else { format!(", {}", noise.name) };
    (used + part.len() <= longest - 6).then_some(part)
}

/// The same rule, taking less: of chatter only what goes to these destinations, of the others
/// only what comes in by this interface.
#[must_use]
pub fn narrower(proposal: &Proposal, input: Option<&[u8]>) -> Option<Rule> {
    let mut rule = proposal.rule.clone();
    if proposal.class == Class::Chatter && rule.destination.is_none() {
        let mut to: Vec<(IpAddr, Many)> =
            proposal.noise.iter().flat_map(|noise| noise.to.iter().map(|(a, m, _)| (*a, *m))).collect();
        to.sort_unstable();
        to.dedup();
        match to[..] {
            [(addr, _)] => rule.destination = Some(Test::is(Net::new(addr, 128))),
            _ if to.iter().all(|(_, many)| *many == Many::Group) => {
                let groups = if proposal.v6 { "ff00::/8" } else { "224.0.0.0/4" };
                rule.destination = Net::parse(groups).map(Test::is);
            }
            _ if to.iter().all(|(_, many)| *many == Many::All) => {
                rule.matches.insert(0, Match::PacketType(Test::is(PacketType::Broadcast)));
            }
            _ => {}
        }
        if rule != proposal.rule {
            return Some(rule);
        }
    }
    let input = input?;
    if rule.input.is_some() {
        return None;
    }
    rule.input = Some(Test::is(interface(input)));
    Some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::noise::sources::Lines;

    fn noise(class: Class, name: &str, shape: Shape) -> Noise {
        Noise {
            class,
            name: name.to_owned(),
            v6: false,
            shape,
            seen: Lines { lines: 10, first: 0, last: 0 },
            sources: 3,
            to: Vec::new(),
            narrow: None,
            spared: Vec::new(),
        }
    }

    fn text(rule: &Rule) -> String {
        rule.to_iptables(b"MALICIOUS", fwrules::Family::Ipv4).unwrap()
    }

    #[test]
    fn the_guides_rule_with_the_packets_protocol() {
        let netbios = noise(Class::Chatter, "netbios", Shape::Ports(17, vec![138]));
        let rules = of_ports(Class::Chatter, false, 17, To::Anyone, vec![netbios], &[], &mut Vec::new());
        assert_eq!(
            text(&rules[0].rule),
            "iptables -A MALICIOUS -p udp -m udp --dport 138 -m comment --comment \"[unwanted netbios]\" -j DROP"
        );
    }

    #[test]
    fn fifteen_ports_are_one_rule_and_sixteen_are_two() {
        let many =
            |n: u16| (0..n).map(|i| noise(Class::Radiation, "x", Shape::Ports(6, vec![i * 10]))).collect();
        let rules = |n: u16| of_ports(Class::Radiation, false, 6, To::Anyone, many(n), &[], &mut Vec::new());
        assert_eq!(rules(15).len(), 1);
        assert_eq!(rules(16).len(), 2);
        let run = noise(Class::Radiation, "run", Shape::Ports(6, (100..130).collect()));
        let rule = &of_ports(Class::Radiation, false, 6, To::Anyone, vec![run], &[], &mut Vec::new())[0].rule;
        assert!(text(rule).contains("-p tcp -m tcp --dport 100:129 "), "{}", text(rule));
    }

    #[test]
    fn too_many_of_ones_own_are_left_out_by_their_blocks() {
        let few = |list: Vec<String>| few(list.iter().map(|net| Net::parse(net).unwrap()).collect());
        let nets = |list: &[&str]| Some(list.iter().map(|net| Net::parse(net).unwrap()).collect::<Vec<_>>());
        let many = |front: &str| (0..20).map(|i| format!("{front}.{i}.0/24")).collect::<Vec<_>>();
        assert_eq!(few(many("10.1")[..12].to_vec()).map(|nets| nets.len()), Some(12));
        assert_eq!(few(many("10.1")), nets(&["10.1.0.0/16"]));
        let mut list: Vec<String> = (0..20).map(|i| format!("10.{i}.7.0/24")).collect();
        list.push("198.51.100.7".to_owned());
        assert_eq!(few(list), nets(&["10.0.0.0/8", "198.51.100.7"]));
        assert_eq!(few((0..20).map(|i| format!("198.51.100.{i}")).collect()), None);
        let six = (0..20).map(|i| format!("fd00:{i}::/64")).collect();
        assert_eq!(few(six), nets(&["fc00::/7"]));
    }

    #[test]
    fn several_are_left_out_without_another_rule() {
        let mut telnet = noise(Class::Radiation, "telnet", Shape::Ports(6, vec![23]));
        telnet.spared = vec![Net::parse("198.51.100.7").unwrap()];
        let own = [Net::parse("192.168.50.0/24").unwrap()];
        let rules = of_ports(Class::Radiation, false, 6, To::Anyone, vec![telnet], &own, &mut Vec::new());
        assert_eq!(
            text(&rules[0].rule),
            "iptables -A MALICIOUS ! -s 192.168.50.0/24 -p tcp -m iprange ! --src-range \
             198.51.100.7-198.51.100.7 -m tcp --dport 23 -m comment --comment \"[unwanted telnet]\" -j DROP"
        );
    }

    #[test]
    fn long_comments_end_before_nft_cuts_them() {
        let name = "a service with a long name";
        let many: Vec<Noise> =
            (0..20).map(|_| noise(Class::Radiation, name, Shape::Ports(6, vec![1]))).collect();
        let text = comment(Class::Radiation, &many.iter().collect::<Vec<_>>());
        assert!(text.len() <= 128 && text.ends_with(" ...]"), "{text}");
    }
}

//! What is known before the log is read: whom the admin trusts, which prefixes are to be kept,
//! and what the ruleset says: who is let in, which services listen, where the chain hangs.
//!
//! Responsible for: facts about networks and rulesets.
//! Must not know: what noise is.
//! Tested by: the unit tests below, `tests/cli/suggest.rs`.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fwrules::{Hook, Interface, Match, Net, Range, Rule, Ruleset, Table, Target, Test};
use logparse::{PrefixCache, Protocol};

use super::site::{reached, text_of};
use fwlog::record::Record;

/// What the admin said about the networks, and what the rules say.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// Networks and hosts that are trusted: never silenced, except for their broadcasts.
    pub trusted: Vec<Net>,
    /// Parts of prefixes whose lines are never silenced.
    pub keep: Vec<Vec<u8>>,
    /// Ports at which this host lets somebody in: protocol and ports, by family (IPv6: true).
    pub listening: BTreeSet<(bool, u8, u16, u16)>,
    /// Protocols that are let in whole.
    pub open: BTreeSet<(bool, u8)>,
}

/// Where an address belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One's own network, a trusted host, or an address that no router on the internet takes.
    Own,
    /// Anywhere else.
    Outside,
}

/// Prefixes that say that a packet was let in.
const LET_IN: [&[u8]; 5] = [b"accept", b"allow", b"permit", b"audit", b"pass"];

impl Ground {
    /// Where an address belongs.
    #[must_use]
    pub fn scope(&self, addr: IpAddr) -> Scope {
        if is_local(addr) || self.is_trusted(addr) { Scope::Own } else { Scope::Outside }
    }

    /// Whether somebody said that it is trusted.
    #[must_use]
    pub fn is_trusted(&self, addr: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(addr))
    }

    fn front(&self, record: &Record<'_>) -> Front {
        let way = match (record.line.in_iface().is_empty(), record.line.out_iface().is_empty()) {
            (true, _) => Way::Out,
            (false, false) => Way::Through,
            (false, true) => Way::In,
        };
        Front { way, kept: self.kept(record.prefix()) }
    }

    /// Why lines with this prefix are never silenced, if they are not.
    #[must_use]
    pub fn kept(&self, prefix: &[u8]) -> Option<Kept> {
        let holds = |part: &[u8]| {
            !part.is_empty() && prefix.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
        };
        if self.keep.iter().any(|part| pattern(part, prefix)) || holds(b"foreign") {
            Some(Kept::NearHit)
        } else if LET_IN.iter().any(|part| holds(part)) {
            Some(Kept::LetIn)
        } else {
            None
        }
    }

    /// Whether this host lets somebody in at a port.
    #[must_use]
    pub fn listens(&self, v6: bool, protocol: u8, port: u16) -> bool {
        self.open.contains(&(v6, protocol))
            || self
                .listening
                .iter()
                .any(|(f, p, first, last)| (*f, *p) == (v6, protocol) && (*first..=*last).contains(&port))
    }

    /// Takes over what a ruleset says about who is let in. `chain` is left out: what stands
    /// there is about noise.
    pub fn learn(&mut self, rules: &Ruleset, chain: &[u8], v6: bool) {
        for table in rules.tables.iter().filter(|table| table.name != "nat") {
            for index in reached(table, Hook::Input) {
                let place = &table.chains[index];
                if place.name.as_bytes() == chain {
                    continue;
                }
                for rule in &place.rules {
                    if !lets_in(table, rule, 0) || is_loopback(rule) {
                        continue;
                    }
                    self.learn_rule(rule, v6);
                }
            }
        }
        self.trusted = collapsed(std::mem::take(&mut self.trusted));
    }

    fn learn_rule(&mut self, rule: &Rule, v6: bool) {
        let ports = ports_of(rule);
        let protocol = rule.protocol.filter(|test| !test.not).map(|test| test.value.0);
        match (protocol, ports.is_empty()) {
            (Some(protocol), false) => {
                self.listening.extend(ports.iter().map(|range| (v6, protocol, range.first, range.last)));
            }
            // `-p icmp -j FRIENDLY`; but ESTABLISHED with `-p tcp` opens nothing.
            (Some(protocol), true) if !has_state(rule) && rule.source.is_none() => {
                self.open.insert((v6, protocol));
            }
            (_, true) if rule.target == Target::Accept => {
                if let Some(Test { not: false, value }) = rule.source
                    && !value.is_any()
                    && value.prefix_len().is_some()
                {
                    self.trusted.push(value);
                }
            }
            _ => {}
        }
    }
}

/// The way that a packet takes through this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To this host: the chain is asked.
    In,
    /// Through it.
    Through,
    /// Sent by it.
    Out,
}

/// What the prefix and the interfaces of a line say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    /// The way that its packet takes.
    pub way: Way,
    /// Why the line is kept for its prefix, if it is.
    pub kept: Option<Kept>,
}

/// What fronts say: found out once for lines that begin alike. One per thread.
#[derive(Clone, Debug, Default)]
pub struct Fronts(PrefixCache<Front>);

impl Fronts {
    /// What the front of a line says.
    #[inline]
    pub fn of(&mut self, record: &Record<'_>, ground: &Ground) -> Front {
        self.0.get_or_insert_with(&record.line, || ground.front(record))
    }
}

/// Why lines are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kept {
    /// Knocks at a service that is there, from people who may not.
    NearHit,
    /// The prefix says that the packet was let in.
    LetIn,
}

/// `--keep` as `--prefix` is read: part of the prefix, or with `*` and `?` all of it.
fn pattern(pattern: &[u8], prefix: &[u8]) -> bool {
    fn glob(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
            (Some((b'?', rest)), Some((_, text))) => glob(rest, text),
            (Some((a, rest)), Some((b, text))) if a == b => glob(rest, text),
            _ => false,
        }
    }
    if pattern.contains(&b'*') || pattern.contains(&b'?') {
        return glob(pattern, prefix);
    }
    !pattern.is_empty() && memchr::memmem::find(prefix, pattern).is_some()
}

/// Addresses that cannot come from the internet: private, shared, link-local, loopback.
pub const LOCAL: [&str; 10] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::/127",
    "fc00::/7",
    "fe80::/10",
];

/// Whether an address is one of [`LOCAL`].
#[must_use]
#[inline]
pub fn is_local(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            a.is_private()
                || a.is_link_local()
                || a.is_loopback()
                || first == 0
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(a) => {
            let head = a.segments()[0];
            a.is_unspecified() || a.is_loopback() || head & 0xffc0 == 0xfe80 || head & 0xfe00 == 0xfc00
        }
    }
}

/// Networks without those that lie in another of them, in order.
#[must_use]
pub fn collapsed(mut nets: Vec<Net>) -> Vec<Net> {
    // A network comes before everything that lies in it.
    nets.sort_unstable_by_key(|net| (net.addr(), net.prefix_len()));
    let mut kept: Vec<Net> = Vec::new();
    let mut wide: Option<Net> = None;
    for net in nets {
        if kept.last() == Some(&net) || wide.is_some_and(|wide| wide.contains(net.addr())) {
            continue;
        }
        // A mask that is no prefix has holes.
        if net.prefix_len().is_some() {
            wide = Some(net);
        }
        kept.push(net);
    }
    kept
}

/// Networks to ask for many addresses.
#[derive(Clone, Debug)]
pub struct Nets {
    /// First and last address, in order and apart; of IPv4 and of IPv6.
    ranges: [Vec<(u128, u128)>; 2],
    /// Masks that are no prefixes.
    others: Vec<Net>,
}

impl Nets {
    /// Of networks that are [`collapsed`].
    #[must_use]
    pub fn new(nets: &[Net]) -> Nets {
        let ranges = [false, true].map(|v6| {
            let own = nets.iter().filter(|net| net.addr().is_ipv6() == v6).filter_map(Net::range);
            let mut own: Vec<(u128, u128)> =
                own.map(|range| (number(range.first), number(range.last))).collect();
            own.sort_unstable();
            own
        });
        Nets { ranges, others: nets.iter().filter(|net| net.range().is_none()).copied().collect() }
    }

    /// Whether an address lies in one of them.
    #[must_use]
    pub fn contains(&self, key: u128) -> bool {
        let ranges = &self.ranges[usize::from(address(key).is_ipv6())];
        let before = ranges.partition_point(|(first, _)| *first <= key);
        before.checked_sub(1).is_some_and(|at| key <= ranges[at].1)
            || self.others.iter().any(|net| net.contains(address(key)))
    }
}

fn ports_of(rule: &Rule) -> Vec<Range<u16>> {
    let mut ports = Vec::new();
    let mut take = |test: &Option<Test<Range<u16>>>| {
        if let Some(Test { not: false, value }) = test {
            ports.push(*value);
        }
    };
    for test in &rule.matches {
        match test {
            Match::Tcp(tcp) => take(&tcp.dport),
            Match::Ports(ports) => take(&ports.dport),
            _ => {}
        }
    }
    for test in &rule.matches {
        if let Match::Multiport { side, ports: Test { not: false, value } } = test
            && *side != fwrules::PortSide::Source
        {
            ports.extend(value.iter().copied());
        }
    }
    ports
}

fn has_state(rule: &Rule) -> bool {
    rule.matches.iter().any(|test| matches!(test, Match::State { .. }))
}

fn is_loopback(rule: &Rule) -> bool {
    matches!(&rule.input, Some(Test { not: false, value }) if value.0 == "lo")
}

/// Whether a rule lets a packet in, itself or by the chain that it jumps to.
fn lets_in(table: &Table, rule: &Rule, depth: usize) -> bool {
    match &rule.target {
        Target::Accept => true,
        Target::Jump(name) | Target::Goto(name) if depth < 16 => match table.chain(name.as_bytes()) {
            Some(chain) => table.chains[chain].rules.iter().any(|rule| lets_in(table, rule, depth + 1)),
            None => false,
        },
        _ => false,
    }
}

/// The network of `length` bits around an address.
#[must_use]
pub fn around(addr: IpAddr, v4: u8, v6: u8) -> Net {
    Net::new(addr, if addr.is_ipv4() { v4 } else { v6 })
}

/// An address as a number that orders like it; IPv4 as `::ffff:a.b.c.d`.
#[must_use]
pub fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(a) => a.to_ipv6_mapped().to_bits(),
        IpAddr::V6(a) => a.to_bits(),
    }
}

/// The address with this number.
#[must_use]
pub fn address(number: u128) -> IpAddr {
    let addr = Ipv6Addr::from_bits(number);
    addr.to_ipv4_mapped().map_or(IpAddr::V6(addr), |a: Ipv4Addr| IpAddr::V4(a))
}

/// A rule's name for a protocol: lower case, as iptables has it.
#[must_use]
pub fn protocol_word(protocol: u8) -> String {
    Protocol(protocol).to_string().to_lowercase()
}

/// An interface as a rule has it.
#[must_use]
pub fn interface(name: &[u8]) -> Interface {
    Interface(text_of(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[u8] = b"*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
:FRIENDLY - [0:0]
:STDIN - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -j STDIN
-A INPUT -p tcp -m tcp -j LOG --log-prefix \"tcp.in.dropped \"
-A FRIENDLY -s 10.137.0.0/24 -j ACCEPT
-A FRIENDLY -s 10.137.0.14/32 -j ACCEPT
-A FRIENDLY -j DROP
-A STDIN -p tcp -m tcp --dport 22 -j FRIENDLY
-A STDIN -p tcp -m multiport --dports 80,8000:8010 -j ACCEPT
-A STDIN -p icmp -j FRIENDLY
COMMIT
";

    #[test]
    fn rules_tell_who_is_let_in() {
        let rules = Ruleset::parse_save(RULES).unwrap();
        let mut ground = Ground::default();
        ground.learn(&rules, b"MALICIOUS", false);
        assert_eq!(ground.trusted, [Net::parse("10.137.0.0/24").unwrap()]);
        assert!(
            ground.listens(false, 6, 22) && ground.listens(false, 6, 8005) && !ground.listens(false, 17, 22)
        );
        assert!(ground.listens(false, 1, 8) && !ground.listens(true, 6, 22));
    }

    #[test]
    fn local_addresses_are_those_of_the_list() {
        let nets: Vec<Net> = LOCAL.iter().map(|net| Net::parse(net).unwrap()).collect();
        for net in &nets {
            let range = net.range().unwrap();
            let (first, last) = (number(range.first), number(range.last));
            for number in [first.wrapping_sub(1), first, first + 1, last - 1, last, last.wrapping_add(1)] {
                let addr = address(number);
                assert_eq!(is_local(addr), nets.iter().any(|net| net.contains(addr)), "{addr}");
            }
        }
    }

    #[test]
    fn networks_in_networks_are_left_out() {
        let nets = |list: &[&str]| -> Vec<Net> { list.iter().map(|net| Net::parse(net).unwrap()).collect() };
        let all =
            ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "9.0.0.1", "11.0.0.0", "::1", "::/64", "10.0.0.0"];
        assert_eq!(collapsed(nets(&all)), nets(&["9.0.0.1", "10.0.0.0/8", "11.0.0.0", "::/64"]));
        let masked = ["10.0.0.0/255.0.0.255", "10.0.0.0/24", "10.0.0.7"];
        assert_eq!(collapsed(nets(&masked)).len(), 2);
        for list in
            [nets(&all), nets(&masked), nets(&["::1", "0.0.0.0", "255.255.255.255", "fe80::/10"]), Vec::new()]
        {
            let list = collapsed(list);
            let many = Nets::new(&list);
            for text in [
                "0.0.0.0",
                "9.0.0.1",
                "9.255.255.255",
                "10.0.0.0",
                "10.0.0.8",
                "10.7.6.0",
                "11.0.0.0",
                "11.0.0.1",
                "255.255.255.255",
                "::",
                "::1",
                "::ffff:ffff:ffff:0",
                "fe80::1",
                "fec0::",
            ] {
                let addr: IpAddr = text.parse().unwrap();
                assert_eq!(many.contains(number(addr)), list.iter().any(|net| net.contains(addr)), "{text}");
            }
        }
    }

    #[test]
    fn keep_is_read_as_prefix_is() {
        let ground = Ground { keep: vec![b"ssh".to_vec(), b"a*z".to_vec()], ..Ground::default() };
        assert_eq!(ground.kept(b"my ssh knocks"), Some(Kept::NearHit));
        assert_eq!(ground.kept(b"a to z"), Some(Kept::NearHit));
        assert_eq!(ground.kept(b"a to z."), None);
        assert_eq!(ground.kept(b"tcp.in.foreign"), Some(Kept::NearHit));
        assert_eq!(ground.kept(b"[UFW ALLOW] "), Some(Kept::LetIn));
        assert_eq!(ground.kept(b"tcp.in.dropped"), None);
    }

    #[test]
    fn addresses_keep_their_order_as_numbers() {
        for text in ["10.0.0.1", "2001:db8::1", "::1"] {
            let addr: IpAddr = text.parse().unwrap();
            assert_eq!(address(number(addr)), addr);
        }
    }
}

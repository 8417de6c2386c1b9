//! Does a rule take the packet of a line: yes, no, or unknown and why.
//!
//! Responsible for: each match against what a line shows. The kernel's own conduct is the
//! rule: an interface that is not there is an empty name, MARK is not printed when it is 0, a
//! device without hardware addresses never matches one.
//! Must not know: chains. What the walk has learned comes in through [`View`].
//! Tested by: the unit tests below, `tests/replay.rs` (what a real kernel did),
//! `tests/kernel.rs`.

use core::fmt;
use core::net::IpAddr;

use logparse::{Datagram, Dialect, Link, Mac, Network, Packet, Protocol, Transport};

use crate::model::conntrack::StateSet;
use crate::model::ipset::{Key, PartKind, Sets};
use crate::model::rule::*;
use crate::model::ruleset::Hook;
use crate::model::text::Text;

/// Yes, no, or unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tri {
    /// Certainly.
    Yes,
    /// Certainly not.
    No,
    /// The line cannot tell.
    Unknown(Why),
}

/// Why something is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Why {
    /// The state of the connection.
    State,
    /// How many packets came before (`limit`, `hashlimit`).
    Rate,
    /// What the kernel remembers (`recent`, `connlimit`, `quota`, `connbytes`).
    Memory,
    /// Chance (`statistic`).
    Chance,
    /// The packet's content (`string`, `u32`, `bpf`).
    Payload,
    /// The time of day, which was not given.
    Time,
    /// The sending or receiving socket, or who owns it.
    Socket,
    /// This host's addresses and routes, which were not given.
    Host,
    /// A set that was not given, is of an unknown type or changes by itself.
    Set,
    /// A field that this line does not print; its name.
    NotShown(&'static str),
    /// A field that the ruleset itself rewrites on the packet's way; its name.
    Rewritten(&'static str),
    /// Where the packet would go next (not yet routed when the line was written).
    Route,
    /// A match, option or expression that is not known here.
    Match,
    /// A target that is not known here.
    Target,
    /// A program in user space decides.
    UserSpace,
    /// The chains are nested or joined in a way that was not followed to the end.
    Depth,
}

impl Why {
    /// A small number for each, for tables; fields that are not shown share one per layer.
    pub(crate) fn index(self) -> u32 {
        match self {
            Why::State => 0,
            Why::Rate => 1,
            Why::Memory => 2,
            Why::Chance => 3,
            Why::Payload => 4,
            Why::Time => 5,
            Why::Socket => 6,
            Why::Host => 7,
            Why::Set => 8,
            Why::Route => 9,
            Why::Match => 10,
            Why::Target => 11,
            Why::UserSpace => 12,
            Why::Depth => 13,
            Why::NotShown("PROTO=") => 14,
            Why::NotShown("SPT=") => 15,
            Why::NotShown("DPT=") => 16,
            Why::NotShown(_) => 17,
            Why::Rewritten(_) => 18,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Why::State => "the state of the connection is not in the line",
            Why::Rate => "a rate limit depends on the packets before",
            Why::Memory => "it depends on what the kernel remembers of earlier packets",
            Why::Chance => "it depends on chance",
            Why::Payload => "the packet's content is not in the line",
            Why::Time => "the time of the packet was not given",
            Why::Socket => "the socket is not in the line",
            Why::Host => "the host's own addresses were not given",
            Why::Set => "the set's content is not known",
            Why::NotShown(field) => return write!(f, "{field} is not in the line"),
            Why::Rewritten(field) => return write!(f, "{field} is rewritten by the ruleset itself"),
            Why::Route => "the line was written before the packet was routed",
            Why::Match => "the match is not known to fwrules",
            Why::Target => "the target is not known to fwrules",
            Why::UserSpace => "a program decides",
            Why::Depth => "the chains are nested too deeply",
        };
        f.write_str(text)
    }
}

impl Tri {
    /// Both: no if either is, else unknown if either is.
    #[must_use]
    pub fn and(self, other: Tri) -> Tri {
        match (self, other) {
            (Tri::No, _) | (_, Tri::No) => Tri::No,
            (Tri::Yes, other) => other,
            (unknown, _) => unknown,
        }
    }

    /// Either: yes if one is, else unknown if one is.
    #[must_use]
    pub fn or(self, other: Tri) -> Tri {
        !(!self).and(!other)
    }

    fn known(is: bool) -> Tri {
        if is { Tri::Yes } else { Tri::No }
    }

    fn test<T>(self, test: &Test<T>) -> Tri {
        if test.not { !self } else { self }
    }
}

impl core::ops::Not for Tri {
    type Output = Tri;
    /// Turned around by `!`.
    fn not(self) -> Tri {
        match self {
            Tri::Yes => Tri::No,
            Tri::No => Tri::Yes,
            unknown => unknown,
        }
    }
}

/// An address of this host and the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// The address.
    pub addr: IpAddr,
    /// The prefix length of its network: 24 of `192.168.50.2/24`.
    pub prefix: u8,
}

/// What is known beside the line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// This host's addresses, all of them; empty: not known. Only `addrtype` asks.
    pub local: &'a [LocalAddress],
    /// When the packet came, in seconds since 1970 (UTC). Only `time` asks.
    pub time: Option<i64>,
    /// The line was cut: what it does not show may have been there.
    pub cut: bool,
}

/// Which fields a ruleset rewrites, so that they may have been different when a rule in front
/// saw the packet than when the line was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rewrites {
    pub(crate) mark: bool,
    pub(crate) tos: bool,
    pub(crate) ttl: bool,
    pub(crate) address: bool,
    /// Sets that rules fill.
    pub(crate) sets: bool,
}

/// A packet as one rule sees it.
#[derive(Clone, Copy)]
pub(crate) struct View<'p> {
    pub(crate) packet: &'p Packet<'p>,
    pub(crate) context: &'p Context<'p>,
    pub(crate) sets: &'p Sets,
    /// Where the rule stands; `None` if nothing is known of it.
    pub(crate) hook: Option<Hook>,
    pub(crate) states: StateSet,
    pub(crate) rewrites: Rewrites,
    /// The rule is nft's own.
    pub(crate) nft: bool,
}

impl Rule {
    /// Whether the rule takes this packet, for a rule that stands alone: sets are not known,
    /// and of the connection's state only what the packet's own fields tell.
    ///
    /// ```
    /// use fwrules::{Context, Rule, Tri};
    /// use logparse::{Packet, Transport, Udp, Ports};
    /// let mut packet = Packet { in_iface: b"eth0", ..Packet::default() };
    /// packet.datagram.transport =
    ///     Transport::Udp(Udp { ports: Ports { src: Some(138), dst: Some(138) }, len: None });
    /// let (_, tcp) = Rule::parse(b"-p tcp --dport 138 -j DROP").unwrap();
    /// let (_, udp) = Rule::parse(b"-p udp --dport 138 -j DROP").unwrap();
    /// assert_eq!(tcp.matches(&packet, &Context::default()), Tri::No);
    /// assert_eq!(udp.matches(&packet, &Context::default()), Tri::Yes);
    /// ```
    #[must_use]
    pub fn matches(&self, packet: &Packet<'_>, context: &Context<'_>) -> Tri {
        let sets = Sets::default();
        let view = View::alone(packet, context, &sets);
        self.evaluate(&view)
    }

    /// Every condition of the rule as a rule of its own; comments are left out.
    pub(crate) fn parts(&self) -> Vec<Rule> {
        let empty = Rule::default;
        let mut list = Vec::new();
        list.extend(self.protocol.map(|test| Rule { protocol: Some(test), ..empty() }));
        list.extend(self.source.map(|test| Rule { source: Some(test), ..empty() }));
        list.extend(self.destination.map(|test| Rule { destination: Some(test), ..empty() }));
        list.extend(self.input.clone().map(|test| Rule { input: Some(test), ..empty() }));
        list.extend(self.output.clone().map(|test| Rule { output: Some(test), ..empty() }));
        list.extend(self.fragment.map(|is| Rule { fragment: Some(is), ..empty() }));
        for m in self.matches.iter().filter(|m| !matches!(m, Match::Comment(_))) {
            list.push(Rule { matches: vec![m.clone()], ..empty() });
        }
        list
    }

    pub(crate) fn evaluate(&self, view: &View<'_>) -> Tri {
        let mut result = self.header(view);
        for m in &self.matches {
            if result == Tri::No {
                return Tri::No;
            }
            result = result.and(m.evaluate(view));
        }
        result
    }

    fn header(&self, view: &View<'_>) -> Tri {
        let mut result = Tri::Yes;
        if let Some(test) = &self.protocol {
            result = view.protocol(|p| p == test.value).test(test);
        }
        if let Some(test) = &self.source {
            result = result.and(view.address(
                Side::Source,
                |a| test.value.contains(a),
                test.value.addr(),
                test.not,
            ));
        }
        if let Some(test) = &self.destination {
            let contains = |a| test.value.contains(a);
            result = result.and(view.address(Side::Destination, contains, test.value.addr(), test.not));
        }
        if let Some(test) = &self.input {
            result = result.and(Tri::known(test.value.matches(view.packet.in_iface)).test(test));
        }
        if let Some(test) = &self.output {
            result = result.and(view.output(|name| test.value.matches(name)).test(test));
        }
        if let Some(is) = self.fragment {
            result = result.and(match view.packet.datagram.network {
                Network::Ipv4(ip) => Tri::known(ip.fragment.is_some() == is),
                _ => Tri::Unknown(Why::NotShown("FRAG:")),
            });
        }
        result
    }
}

impl<'p> View<'p> {
    pub(crate) fn alone(packet: &'p Packet<'p>, context: &'p Context<'p>, sets: &'p Sets) -> View<'p> {
        let states = StateSet::possible(packet, false);
        View { packet, context, sets, hook: None, states, rewrites: Rewrites::default(), nft: false }
    }

    fn datagram(&self) -> &'p Datagram<'p> {
        &self.packet.datagram
    }

    fn protocol(&self, is: impl Fn(Protocol) -> bool) -> Tri {
        match known_protocol(self.datagram()) {
            Some(protocol) => Tri::known(is(protocol)),
            None => Tri::Unknown(Why::NotShown("PROTO=")),
        }
    }

    /// Whether the packet is of this protocol; a match of another protocol never applies.
    fn of(&self, protocol: Protocol) -> Tri {
        self.protocol(|p| p == protocol)
    }

    fn address(&self, side: Side, contains: impl Fn(IpAddr) -> bool, family: IpAddr, not: bool) -> Tri {
        let addr = match side {
            Side::Source => self.packet.src(),
            Side::Destination => self.packet.dst(),
        };
        match addr {
            // A rule for one family never sees a packet of the other, `!` or not.
            Some(addr) if addr.is_ipv4() != family.is_ipv4() => Tri::No,
            Some(_) if self.readdressed() => Tri::Unknown(Why::Rewritten(side_name(side))),
            Some(addr) => Tri::known(contains(addr) != not),
            None => Tri::Unknown(Why::NotShown(side_name(side))),
        }
    }

    /// Whether the rule stands where addresses and ports may still have been others: in front
    /// of a translation that the line already shows.
    fn readdressed(&self) -> bool {
        self.rewrites.address
            && match self.hook {
                Some(Hook::Prerouting) => !self.packet.in_iface.is_empty(),
                Some(Hook::Postrouting) => true,
                _ => false,
            }
    }

    fn output(&self, is: impl Fn(&[u8]) -> bool) -> Tri {
        Tri::known(is(self.packet.out_iface))
    }

    /// Whether this is a later fragment.
    fn later_fragment(&self) -> bool {
        later_fragment(self.datagram())
    }

    fn ports(&self, protocol: Option<Protocol>) -> Result<(Option<u16>, Option<u16>), Tri> {
        if let Some(protocol) = protocol {
            match self.of(protocol) {
                Tri::Yes => {}
                other => return Err(other),
            }
        }
        if self.later_fragment() {
            return Err(FRAGMENT);
        }
        if self.readdressed() {
            return Err(Tri::Unknown(Why::Rewritten("ports")));
        }
        let ports = self.datagram().ports();
        Ok((ports.src, ports.dst))
    }

    /// The type-of-service byte and the bits of it that the line shows.
    fn tos(&self) -> Option<(u8, u8)> {
        match self.datagram().network {
            // Bit 0, half of ECN, is never printed.
            Network::Ipv4(ip) => Some((ip.tos? & 0x1e | ip.prec? & 0xe0, 0xfe)),
            Network::Ipv6(ip) => Some((ip.traffic_class?, 0xff)),
            _ => None,
        }
    }

    fn mark(&self) -> Option<u32> {
        let datagram = self.datagram();
        datagram.mark.or_else(|| {
            // The kernel prints MARK= unless it is 0, at the very end of a whole line.
            let whole = !self.context.cut
                && datagram.incomplete.is_none()
                && datagram.truncated.is_none()
                && !matches!((datagram.network, datagram.transport), (Network::Ipv6(_), Transport::None))
                && !matches!(datagram.network, Network::Arp(_) | Network::None);
            (whole && self.packet.dialect == Dialect::Kernel).then_some(0)
        })
    }

    /// The source's hardware address; `Err` says that the device has none.
    fn mac(&self) -> Result<Option<Mac>, ()> {
        match self.packet.link {
            // A device that is no Ethernet never matches (`xt_mac.c`), loopback included.
            _ if self.packet.in_iface == b"lo" => Err(()),
            Link::Raw(raw) if raw.0.is_empty() => Err(()),
            _ => Ok(self.packet.mac_header().and_then(|h| h.src)),
        }
    }

    /// Which types the routing table can have for an address.
    fn address_types(&self, side: Side, limit_in: bool) -> AddressTypes {
        use AddressTypes as T;
        let addr = match side {
            Side::Source => self.packet.src(),
            Side::Destination => self.packet.dst(),
        };
        let Some(addr) = addr else { return T::ALL };
        let mut types = match addr {
            IpAddr::V4(a) if a.is_multicast() => return T::MULTICAST,
            IpAddr::V4(a) if a.is_broadcast() || a.is_unspecified() => return T::BROADCAST,
            IpAddr::V4(a) if a.is_loopback() => T::LOCAL.or(T::BROADCAST),
            // nft asks for a route, without an interface, first; there may be none (measured).
            IpAddr::V6(a) if a.is_multicast() && self.nft => return T::ALL,
            IpAddr::V6(a) if a.is_multicast() => return T::MULTICAST,
            IpAddr::V6(a) if a.is_loopback() => T::LOCAL,
            IpAddr::V4(_) => T::ALL.without(T::MULTICAST.or(T::ANYCAST)),
            IpAddr::V6(_) => T::ALL.without(T::MULTICAST.or(T::BROADCAST)),
        };
        // What the routing already decided: INPUT is for this host, FORWARD is not.
        match (side, self.hook) {
            (Side::Destination, Some(Hook::Input)) if !limit_in => {
                types = types.and(T::LOCAL.or(T::BROADCAST).or(T::ANYCAST));
            }
            (Side::Destination, Some(Hook::Forward)) => types = types.without(T::LOCAL.or(T::BROADCAST)),
            (Side::Source, Some(Hook::Output)) if !limit_in => types = types.and(T::LOCAL.or(T::UNICAST)),
            _ => {}
        }
        if !self.context.local.is_empty() && !limit_in {
            // A list need not name 127.0.0.1 or link-local addresses: where it contradicts what
            // is certain, it is not complete.
            let listed = types.and(self.listed_type(addr));
            if !listed.is_empty() {
                types = listed;
            }
        }
        types
    }

    /// Whether an address is of one of the types asked for.
    fn address_type(&self, side: Side, asked: AddressTypes, limited: bool) -> Tri {
        use AddressTypes as T;
        if self.readdressed() {
            return Tri::Unknown(Why::Rewritten(side_name(side)));
        }
        let possible = self.address_types(side, limited);
        let routed = |asked: T| {
            if possible.without(asked).is_empty() {
                Tri::Yes
            } else if possible.and(asked).is_empty() {
                Tri::No
            } else {
                Tri::Unknown(Why::Host)
            }
        };
        let addr = match side {
            Side::Source => self.packet.src(),
            Side::Destination => self.packet.dst(),
        };
        match addr {
            // `ip6tables` asks for all of them at once, and MULTICAST, UNICAST and UNSPEC of the
            // address itself, not of its route (`match_type6` in `xt_addrtype.c`; measured).
            Some(IpAddr::V6(addr)) if !self.nft => {
                let has = |t: T| !asked.and(t).is_empty();
                let unicast = !addr.is_multicast() && !addr.is_unspecified();
                if has(T::MULTICAST) && !addr.is_multicast()
                    || has(T::UNICAST) && !unicast
                    || has(T::UNSPEC) && !addr.is_unspecified()
                {
                    return Tri::No;
                }
                let route = asked.and(T::LOCAL.or(T::ANYCAST).or(T::UNREACHABLE));
                if route.is_empty() { Tri::Yes } else { routed(route) }
            }
            _ => routed(asked),
        }
    }

    /// The type of an address by the list of this host's own.
    fn listed_type(&self, addr: IpAddr) -> AddressTypes {
        use AddressTypes as T;
        for own in self.context.local {
            if own.addr == addr {
                return T::LOCAL;
            }
        }
        for own in self.context.local {
            let Some(range) = Net::new(own.addr, own.prefix).range() else { continue };
            // The last address of a network is its broadcast address, where it has one.
            if addr.is_ipv4() && own.prefix < 31 && own.addr.is_ipv4() && range.last == addr {
                return T::BROADCAST;
            }
        }
        T::ALL.without(T::LOCAL.or(T::BROADCAST).or(T::MULTICAST))
    }

    /// What a set's part compares with.
    fn key(&self, part: PartKind, side: Side) -> Key<'p> {
        let datagram = self.datagram();
        match part {
            PartKind::Address => Key::Address(match side {
                Side::Source => self.packet.src(),
                Side::Destination => self.packet.dst(),
            }),
            PartKind::Port => {
                let port = match datagram.transport {
                    Transport::Icmp(icmp) => {
                        icmp.kind.zip(icmp.code).map(|(k, c)| u16::from(k.0) << 8 | u16::from(c))
                    }
                    Transport::Icmpv6(icmp) => {
                        icmp.kind.zip(icmp.code).map(|(k, c)| u16::from(k.0) << 8 | u16::from(c))
                    }
                    // A protocol without ports is entered as port 0.
                    Transport::Other(p) if !matches!(p, Protocol::SCTP | Protocol::DCCP) => Some(0),
                    _ if side == Side::Source => datagram.ports().src,
                    _ => datagram.ports().dst,
                };
                Key::Port(known_protocol(datagram), port)
            }
            PartKind::Mac => Key::Mac(self.mac().ok().flatten()),
            PartKind::Interface => Key::Interface(match side {
                Side::Source => self.packet.in_iface,
                Side::Destination => self.packet.out_iface,
            }),
            PartKind::Mark => Key::Mark(self.mark()),
            PartKind::Set => Key::Address(None),
        }
    }

    fn in_set(&self, name: &Text, sides: &[Side], depth: u8) -> Tri {
        let unknown = Tri::Unknown(Why::Set);
        let Some(set) = self.sets.get(name.as_bytes()) else { return unknown };
        if depth > 4 || set.is_timed() {
            return unknown;
        }
        if set.parts == [PartKind::Set] {
            return set.entries.iter().fold(Tri::No, |so_far, entry| match &entry.parts[..] {
                [crate::model::ipset::Part::Set(member)] => so_far.or(self.in_set(member, sides, depth + 1)),
                _ => so_far.or(unknown),
            });
        }
        // `src` for a set of two parts is not allowed to be short.
        if sides.len() < set.parts.len() || self.readdressed() {
            return unknown;
        }
        let keys: Vec<Key<'_>> =
            set.parts.iter().zip(sides).map(|(part, side)| self.key(*part, *side)).collect();
        match set.holds(&keys) {
            Some(is) => Tri::known(is),
            None => unknown,
        }
    }
}

impl AddressTypes {
    /// Those here and not in `other`.
    #[must_use]
    pub const fn without(self, other: AddressTypes) -> AddressTypes {
        AddressTypes(self.0 & !other.0)
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Source => "SRC=",
        Side::Destination => "DST=",
    }
}

/// The protocol as rules see it, if the line tells.
///
/// IPv6 needs care. An ESP header ends the line, so its number is not printed. An AH header is
/// passed over by the printer and by the old `ip6tables`, but to nft the packet's protocol is AH
/// (`IP6_FH_F_AUTH` in `nft_set_pktinfo_ipv6`; measured). Without `--log-ip-options` headers
/// in front are not printed; that there are some is seen only where lengths do not add up.
pub(crate) fn known_protocol(datagram: &Datagram<'_>) -> Option<Protocol> {
    let Network::Ipv6(ip) = datagram.network else { return datagram.protocol() };
    let extensions = ip.extensions.text();
    if contains(extensions, b"AH ") || datagram.incomplete.is_some() {
        return None;
    }
    match datagram.transport {
        Transport::None if contains(extensions, b"ESP ") => Some(Protocol::ESP),
        Transport::Udp(udp) if extensions.is_empty() => {
            let hidden = ip.len.zip(udp.len).is_some_and(|(len, udp)| len != 40 + u32::from(udp));
            if hidden { None } else { Some(Protocol::UDP) }
        }
        _ => datagram.protocol(),
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|w| w == word)
}

/// The number behind `key` in printed extension headers.
fn extension_number(text: &[u8], key: &[u8], radix: u32) -> Option<u32> {
    let at = text.windows(key.len()).position(|w| w == key)? + key.len();
    let digits = text[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
    u32::from_str_radix(core::str::from_utf8(&text[at..at + digits]).ok()?, radix).ok()
}

/// Whether the packet is a fragment other than the first.
pub(crate) fn later_fragment(datagram: &Datagram<'_>) -> bool {
    match datagram.network {
        Network::Ipv4(ip) => ip.fragment.is_some(),
        Network::Ipv6(ip) => extension_number(ip.extensions.text(), b"FRAG:", 10).is_some_and(|at| at > 0),
        _ => false,
    }
}

/// The SPI of an ESP or AH header, if it is shown.
pub(crate) fn spi(datagram: &Datagram<'_>, protocol: Protocol) -> Option<u32> {
    match datagram.transport {
        Transport::Esp(spi) if protocol == Protocol::ESP => spi,
        Transport::Ah(spi) if protocol == Protocol::AH => spi,
        _ => match datagram.network {
            Network::Ipv6(ip) if protocol == Protocol::ESP => {
                extension_number(ip.extensions.text(), b"ESP SPI=0x", 16)
            }
            Network::Ipv6(ip) if protocol == Protocol::AH => {
                extension_number(ip.extensions.text(), b"AH SPI=0x", 16)
            }
            _ => None,
        },
    }
}

/// A port range against a port that may not be shown.
fn port(test: &Option<Test<Range<u16>>>, port: Option<u16>, name: &'static str) -> Tri {
    match (test, port) {
        (None, _) => Tri::Yes,
        (Some(test), Some(port)) => Tri::known(test.value.contains(port)).test(test),
        (Some(_), None) => Tri::Unknown(Why::NotShown(name)),
    }
}

impl Match {
    pub(crate) fn evaluate(&self, view: &View<'_>) -> Tri {
        match self {
            Match::Comment(_) => Tri::Yes,
            Match::Tcp(tcp) => tcp_match(tcp, view),
            Match::Ports(p) => match view.ports(Some(p.protocol)) {
                Err(other) => other,
                Ok((sport, dport)) => port(&p.sport, sport, "SPT=").and(port(&p.dport, dport, "DPT=")),
            },
            Match::Multiport { side, ports } => {
                let (sport, dport) = match view.ports(None) {
                    Ok(found) => found,
                    Err(other) => return other,
                };
                let has_ports = |p: Protocol| {
                    matches!(
                        p,
                        Protocol::TCP | Protocol::UDP | Protocol::UDPLITE | Protocol::SCTP | Protocol::DCCP
                    )
                };
                match view.protocol(has_ports) {
                    Tri::Yes => {}
                    // nft's `th` takes the bytes that stand there, whatever they are (measured).
                    Tri::No if view.nft => return Tri::Unknown(Why::Payload),
                    other => return other,
                }
                let one = |number: Option<u16>, name| match number {
                    Some(number) => Tri::known(ports.value.iter().any(|r| r.contains(number))),
                    None => Tri::Unknown(Why::NotShown(name)),
                };
                let result = match side {
                    PortSide::Source => one(sport, "SPT="),
                    PortSide::Destination => one(dport, "DPT="),
                    PortSide::Either => one(sport, "SPT=").or(one(dport, "DPT=")),
                };
                result.test(ports)
            }
            Match::Icmp(test) => {
                let shown = match view.datagram().transport {
                    Transport::Icmp(icmp) => (icmp.kind.map(|k| k.0), icmp.code),
                    _ if view.of(Protocol::ICMP) == Tri::No => return Tri::No,
                    _ => (None, None),
                };
                view.of(Protocol::ICMP).and(icmp_match(test, shown, view))
            }
            Match::Icmpv6(test) => {
                let shown = match view.datagram().transport {
                    Transport::Icmpv6(icmp) => (icmp.kind.map(|k| k.0), icmp.code),
                    _ if view.of(Protocol::ICMPV6) == Tri::No => return Tri::No,
                    _ => (None, None),
                };
                view.of(Protocol::ICMPV6).and(icmp_match(test, shown, view))
            }
            Match::IpRange { source, destination } => {
                let one = |test: &Option<Test<AddressRange>>, side| match test {
                    None => Tri::Yes,
                    Some(t) => view.address(side, |a| t.value.contains(a), t.value.first, t.not),
                };
                one(source, Side::Source).and(one(destination, Side::Destination))
            }
            Match::Addresses { side, ranges } => match ranges.value.first() {
                None => Tri::No.test(ranges),
                Some(first) => {
                    let contains = |a| ranges.value.iter().any(|r| r.contains(a));
                    view.address(*side, contains, first.first, ranges.not)
                }
            },
            Match::Interfaces { input, names } => {
                let any = |name: &[u8]| names.value.iter().any(|i| i.matches(name));
                if *input { Tri::known(any(view.packet.in_iface)) } else { view.output(any) }.test(names)
            }
            Match::Protocols(test) => view.protocol(|p| test.value.contains(&p)).test(test),
            Match::Version { v6 } => match view.datagram().network {
                Network::Ipv4(_) => Tri::known(!v6),
                Network::Ipv6(_) => Tri::known(*v6),
                _ => Tri::No,
            },
            Match::Mac(test) => match view.mac() {
                Err(()) => Tri::No,
                Ok(Some(mac)) => Tri::known(mac == test.value).test(test),
                Ok(None) => Tri::Unknown(Why::NotShown("MAC=")),
            },
            Match::PacketType(test) => packet_type(view)
                .map_or(Tri::Unknown(Why::NotShown("MAC=")), |kind| {
                    Tri::known(kind == test.value).test(test)
                }),
            Match::AddressType(a) => {
                let one = |test: &Option<Test<AddressTypes>>, side| match test {
                    None => Tri::Yes,
                    Some(test) => view.address_type(side, test.value, a.limit_in || a.limit_out).test(test),
                };
                one(&a.source, Side::Source).and(one(&a.destination, Side::Destination))
            }
            Match::Ttl { hop_limit, compare, value } => {
                let shown = match view.datagram().network {
                    Network::Ipv4(ip) if !hop_limit => ip.ttl,
                    Network::Ipv6(ip) if *hop_limit => ip.hop_limit,
                    Network::Ipv4(_) | Network::Ipv6(_) => return Tri::No,
                    _ => None,
                };
                let field = if *hop_limit { "HOPLIMIT=" } else { "TTL=" };
                if view.rewrites.ttl {
                    return Tri::Unknown(Why::Rewritten(field));
                }
                let Some(mut ttl) = shown else { return Tri::Unknown(Why::NotShown(field)) };
                // FORWARD prints what is left after routing took one.
                let passing = !view.packet.in_iface.is_empty() && !view.packet.out_iface.is_empty();
                if view.hook == Some(Hook::Prerouting) && passing {
                    ttl = ttl.saturating_add(1);
                }
                Tri::known(match compare {
                    Compare::Equal => ttl == *value,
                    Compare::NotEqual => ttl != *value,
                    Compare::Less => ttl < *value,
                    Compare::Greater => ttl > *value,
                })
            }
            Match::Length(test) => match view.datagram().len() {
                Some(len) => Tri::known(test.value.contains(len)).test(test),
                None => Tri::Unknown(Why::NotShown("LEN=")),
            },
            Match::Tos(test) => tos_match(view, test.value).test(test),
            Match::Dscp(test) => tos_match(view, Masked { value: test.value << 2, mask: 0xfc }).test(test),
            Match::Mark(test) => match view.mark() {
                _ if view.rewrites.mark => Tri::Unknown(Why::Rewritten("MARK=")),
                Some(mark) => Tri::known(mark & test.value.mask == test.value.value).test(test),
                None => Tri::Unknown(Why::NotShown("MARK=")),
            },
            Match::Owner { uid, gid } => {
                let one = |test: &Option<Test<Range<u32>>>, shown: Option<u32>, name| match (test, shown) {
                    (None, _) => Tri::Yes,
                    (Some(test), Some(id)) => Tri::known(test.value.contains(id)).test(test),
                    (Some(_), None) => Tri::Unknown(Why::NotShown(name)),
                };
                one(uid, view.datagram().uid, "UID=").and(one(gid, view.datagram().gid, "GID="))
            }
            Match::Esp(test) => spi_match(view, test, Protocol::ESP),
            Match::Ah(test) => spi_match(view, test, Protocol::AH),
            Match::Set { name, sides, not } => {
                let result = view.in_set(name, sides, 0);
                if *not { !result } else { result }
            }
            Match::Physdev { input, output } => {
                let one =
                    |test: &Option<Test<Interface>>, shown: Option<&[u8]>, name: &[u8]| match (test, shown) {
                        (None, _) => Tri::Yes,
                        (Some(test), Some(port)) => Tri::known(test.value.matches(port)).test(test),
                        // The bridge port is printed only where it differs from the interface.
                        (Some(test), None) if !test.value.matches(name) => Tri::No.test(test),
                        (Some(_), None) => Tri::Unknown(Why::NotShown("PHYSIN=, PHYSOUT=")),
                    };
                one(input, view.packet.phys_in, view.packet.in_iface).and(one(
                    output,
                    view.packet.phys_out,
                    view.packet.out_iface,
                ))
            }
            Match::State { states, .. } => state_match(view.states, states.value).test(states),
            Match::Mss(test) => {
                let Transport::Tcp(tcp) = view.datagram().transport else { return view.of(Protocol::TCP) };
                match tcp.options {
                    None => Tri::Unknown(Why::NotShown("OPT ( of TCP")),
                    Some(options) => {
                        let bytes: Vec<u8> = options.bytes().collect();
                        let mss = tcp_options(&bytes).find(|(kind, data)| *kind == 2 && data.len() == 2);
                        match mss {
                            Some((_, data)) => {
                                Tri::known(test.value.contains(u16::from(data[0]) << 8 | u16::from(data[1])))
                                    .test(test)
                            }
                            None => Tri::No.test(test),
                        }
                    }
                }
            }
            Match::Other { module, words } => other(module, words, view),
            Match::Expression(_) => Tri::Unknown(Why::Match),
        }
    }
}

/// What a match on the transport header says of a later fragment, which has none: the old
/// `iptables` never takes it, `iptables-nft` compares the payload that stands in its place
/// (measured on Linux 6.18; `nft_payload_fast_eval` does not look at the offset).
const FRAGMENT: Tri = Tri::Unknown(Why::NotShown("the transport header"));

/// The states a packet may be in against the states asked for.
pub(crate) fn state_match(possible: StateSet, asked: StateSet) -> Tri {
    let exclusive = asked.and(StateSet::EXCLUSIVE);
    let translated = exclusive != asked;
    if possible.without(exclusive).is_empty() {
        Tri::Yes
    } else if possible.and(exclusive).is_empty() && !translated {
        Tri::No
    } else {
        Tri::Unknown(Why::State)
    }
}

fn tcp_match(test: &Tcp, view: &View<'_>) -> Tri {
    let (sport, dport) = match view.ports(Some(Protocol::TCP)) {
        Ok(found) => found,
        Err(other) => return other,
    };
    let Transport::Tcp(tcp) = view.datagram().transport else {
        return Tri::Unknown(Why::NotShown("the transport header"));
    };
    let mut result = port(&test.sport, sport, "SPT=").and(port(&test.dport, dport, "DPT="));
    if let Some(flags) = &test.flags {
        result = result.and(match tcp.flags {
            Some(set) => Tri::known(set & flags.value.mask == flags.value.set).test(flags),
            None => Tri::Unknown(Why::NotShown("the TCP flags")),
        });
    }
    if let Some(option) = &test.option {
        result = result.and(match tcp.options {
            Some(options) => {
                let bytes: Vec<u8> = options.bytes().collect();
                Tri::known(tcp_options(&bytes).any(|(kind, _)| kind == option.value)).test(option)
            }
            None => Tri::Unknown(Why::NotShown("OPT ( of TCP")),
        });
    }
    result
}

/// The options of a TCP header: kind and data.
fn tcp_options(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    core::iter::from_fn(move || {
        let (&kind, rest) = bytes.split_first()?;
        if kind < 2 {
            // End and no-operation have no length.
            bytes = rest;
            return Some((kind, &rest[..0]));
        }
        let length = usize::from(*rest.first()?);
        let data = bytes.get(2..length.max(2))?;
        bytes = bytes.get(length.max(2)..)?;
        Some((kind, data))
    })
}

fn icmp_match(test: &Test<Icmp>, (kind, code): (Option<u8>, Option<u8>), view: &View<'_>) -> Tri {
    if view.later_fragment() {
        return FRAGMENT;
    }
    let Some(wanted) = test.value.kind else { return Tri::Yes.test(test) };
    let Some(kind) = kind else { return Tri::Unknown(Why::NotShown("TYPE=")) };
    let result = match (kind == wanted, test.value.code, code) {
        (false, _, _) => Tri::No,
        (true, None, _) => Tri::Yes,
        (true, Some(wanted), Some(code)) => Tri::known(wanted == code),
        (true, Some(_), None) => Tri::Unknown(Why::NotShown("CODE=")),
    };
    result.test(test)
}

fn tos_match(view: &View<'_>, wanted: Masked<u8>) -> Tri {
    if view.rewrites.tos {
        return Tri::Unknown(Why::Rewritten("TOS="));
    }
    match view.tos() {
        None => Tri::Unknown(Why::NotShown("TOS=")),
        Some((value, shown)) if value & wanted.mask & shown != wanted.value & shown => Tri::No,
        Some((_, shown)) if wanted.value & !wanted.mask & shown != 0 => Tri::No,
        Some((_, shown)) if wanted.mask & !shown == 0 => Tri::Yes,
        Some(_) => Tri::Unknown(Why::NotShown("the lowest bit of TOS")),
    }
}

fn spi_match(view: &View<'_>, test: &Test<Range<u32>>, protocol: Protocol) -> Tri {
    match spi(view.datagram(), protocol) {
        _ if view.later_fragment() => view.of(protocol).and(FRAGMENT),
        Some(spi) => Tri::known(test.value.contains(spi)).test(test),
        None => match view.of(protocol) {
            // IPv6 walks over AH: another protocol may stand behind it.
            Tri::No if protocol == Protocol::AH && matches!(view.datagram().network, Network::Ipv6(_)) => {
                Tri::Unknown(Why::NotShown("SPI="))
            }
            Tri::No => Tri::No,
            _ => Tri::Unknown(Why::NotShown("SPI=")),
        },
    }
}

/// To whom the frame was sent, from its destination hardware address.
fn packet_type(view: &View<'_>) -> Option<PacketType> {
    let dst = view.packet.mac_header()?.dst?;
    Some(if dst.is_broadcast() {
        PacketType::Broadcast
    } else if dst.is_multicast() {
        PacketType::Multicast
    } else {
        PacketType::Unicast
    })
}

/// A match that was kept as words.
fn other(module: &Text, words: &[Text], view: &View<'_>) -> Tri {
    Tri::Unknown(match module.as_str().unwrap_or("") {
        "limit" | "hashlimit" | "dstlimit" => Why::Rate,
        "recent" | "connlimit" | "quota" | "quota2" | "connbytes" | "rateest" | "nfacct" | "fuzzy"
        | "psd" => Why::Memory,
        "statistic" | "random" | "nth" | "condition" => Why::Chance,
        "string" | "u32" | "bpf" | "layer7" | "ndpi" | "tls" | "ipp2p" => Why::Payload,
        "socket" | "owner" | "cgroup" | "cpu" | "devgroup" => Why::Socket,
        "rpfilter" | "policy" | "realm" | "addrtype" | "osf" | "ecn" | "geoip" => Why::Host,
        "conntrack" | "state" | "connmark" | "connlabel" | "helper" | "cluster" => Why::State,
        "set" => Why::Set,
        "time" => match view.context.time {
            None => Why::Time,
            Some(now) => match crate::eval::time::matches(words, now) {
                Some(is) => return Tri::known(is),
                None => Why::Time,
            },
        },
        _ => Why::Match,
    })
}

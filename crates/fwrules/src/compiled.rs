//! The same answers as [`Walker`], for millions of lines.
//!
//! A ruleset looks at a packet through its tests only. So every field is reduced to its
//! **class**: two values are of one class if no test of the ruleset tells them apart. The
//! answer is a function of the classes; it is worked out once per combination, by the
//! [`Walker`] itself, and remembered. Random addresses and ports, which attackers choose,
//! fall into few classes, and so does almost all of a log.
//!
//! Responsible for: classes, the key made of them, the memory of answers.
//! Must not know: how a rule is matched: it asks `Walker`.
//! Tested by: `tests/compiled.rs`: equal to `Walker` on generated rulesets and packets.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use logparse::{Network, Packet, Protocol, TcpFlags, Transport};

use crate::conntrack::valid_flags;
use crate::evidence::{Evidence, way_index};
use crate::matching::{Context, LocalAddress, Tri, View, known_protocol, later_fragment, spi};
use crate::rule::*;
use crate::ruleset::Ruleset;
use crate::sets::{Part, PartKind, Sets};
use crate::walk::{Fate, Outcome, Walker};

/// A ruleset made ready for many lines. Shared by threads; each takes a [`Replayer`].
///
/// ```
/// use fwrules::{Compiled, Evidence, Ruleset};
/// let rules = Ruleset::parse_save(b"*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j LOG --log-prefix \"in \"\nCOMMIT\n").unwrap();
/// let compiled = Compiled::new(&rules, Evidence::Usual, &[]);
/// let mut replayer = compiled.replayer();
/// let entry = logparse::parse(b"in IN=eth0 OUT= MAC= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=2 WINDOW=0 RES=0x00 SYN URGP=0 ").unwrap();
/// let id = replayer.replay(&entry.packet, None, false);
/// assert!(matches!(replayer.answer(id).fate, fwrules::Fate::Remains(_)));
/// ```
#[derive(Debug)]
pub struct Compiled<'r> {
    walker: Walker<'r>,
    local: Vec<LocalAddress>,
    prefixes: HashMap<Vec<u8>, u32>,
    source: Option<Addresses>,
    destination: Option<Addresses>,
    sport: Option<Table>,
    dport: Option<Table>,
    length: Option<Table>,
    flags: Option<Table>,
    uid: Option<Cuts>,
    gid: Option<Cuts>,
    spi: Option<Cuts>,
    /// Tests of the mark.
    marks: Vec<Masked<u32>>,
    interfaces: Vec<Interface>,
    macs: Option<HashMap<logparse::Mac, u32>>,
    uses: Uses,
    /// Tests that fit no field: asked of every packet.
    odd: Vec<Odd>,
    /// Whether the key has room for all of this.
    fits: bool,
    widths: Widths,
}

/// A test that is asked of every packet as it is.
#[derive(Debug)]
enum Odd {
    Match(Match),
    Net(Side, Net),
}

/// Which single fields the ruleset looks at.
#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    input: bool,
    output: bool,
    phys: bool,
    icmp: bool,
    packet_type: bool,
    ttl: bool,
    tos: bool,
    time: bool,
    fragment: bool,
}

/// Bits of the key's parts whose width depends on the ruleset.
#[derive(Clone, Copy, Debug, Default)]
struct Widths {
    prefix: u32,
    source: u32,
    destination: u32,
    sport: u32,
    dport: u32,
    length: u32,
    flags: u32,
    macs: u32,
    uid: u32,
    gid: u32,
    spi: u32,
}

/// Interface names are numbered as they come; each has this many bits.
const NAME_BITS: u32 = 10;
/// Marks are numbered by the tests they pass, as they come.
const MARK_BITS: u32 = 8;

/// What is remembered of one combination of classes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replayed {
    /// What becomes of the line.
    pub fate: Fate,
    /// What the packet's way comes to.
    pub outcome: Outcome,
}

/// The number of an answer of one [`Replayer`]: count lines by it, and look at the answers
/// once, at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnswerId(pub u32);

/// One thread's memory of answers.
#[derive(Debug)]
pub struct Replayer<'c> {
    compiled: &'c Compiled<'c>,
    known: HashMap<u128, AnswerId, RandomState>,
    answers: Vec<Replayed>,
    ids: HashMap<Replayed, AnswerId, RandomState>,
    names: HashMap<Vec<u8>, u32, RandomState>,
    /// The tests that a name passes, by its number.
    name_classes: HashMap<Vec<bool>, u32, RandomState>,
    last: [(Vec<u8>, u32); 5],
    marks: HashMap<u32, u32, RandomState>,
    mark_classes: HashMap<Vec<bool>, u32, RandomState>,
}

/// Keys remembered at most; then the memory starts anew.
const KEYS: usize = 1 << 20;
/// Interface names remembered at most.
const NAMES: usize = 1 << 12;

impl<'r> Compiled<'r> {
    /// Makes `rules` ready. `local` are this host's addresses, if known.
    #[must_use]
    pub fn new(rules: &'r Ruleset, evidence: Evidence<'_>, local: &[LocalAddress]) -> Compiled<'r> {
        let mut found = Found::default();
        if !local.is_empty() {
            for own in local {
                found.local.extend(Net::new(own.addr, own.prefix).range());
                found.local.push(AddressRange { first: own.addr, last: own.addr });
            }
        }
        // A second ruleset's rules are asked as well where they are evidence.
        let writer = match evidence {
            Evidence::Writer(writer) => Some(writer),
            _ => None,
        };
        for rules in [Some(rules), writer].into_iter().flatten() {
            for (_, rule) in rules.rules() {
                found.rule(rule, &rules.sets);
            }
        }
        let mut prefixes = HashMap::new();
        for (_, rule) in rules.rules() {
            if let Some(log) = &rule.log {
                let next = prefixes.len() as u32 + 1;
                prefixes.entry(log.written(rules.nft).to_vec()).or_insert(next);
            }
        }
        let source = Addresses::new(&found.source, &found.local, found.types);
        let destination = Addresses::new(&found.destination, &found.local, found.types);
        let sport = Table::ranges(&found.sport);
        let dport = Table::ranges(&found.dport);
        let length = Table::ranges(&found.length);
        let flags = (found.state || !found.flags.is_empty()).then(|| Table::flags(&found.flags));
        let macs = (!found.macs.is_empty())
            .then(|| found.macs.iter().zip(3..).map(|(mac, id)| (*mac, id)).collect::<HashMap<_, _>>());
        let (uid, gid, spi) = (Cuts::new(&found.uid), Cuts::new(&found.gid), Cuts::new(&found.spi));
        let bits = |count: u32| u32::BITS - count.leading_zeros();
        let table = |t: &Option<Table>| t.as_ref().map_or(0, |t| bits(t.classes));
        let cuts = |c: &Option<Cuts>| c.as_ref().map_or(0, |c| bits(c.starts.len() as u32));
        let addresses = |a: &Option<Addresses>| a.as_ref().map_or(0, |a| bits(a.classes));
        let widths = Widths {
            prefix: bits(prefixes.len() as u32),
            source: addresses(&source),
            destination: addresses(&destination),
            sport: table(&sport),
            dport: table(&dport),
            length: table(&length),
            flags: table(&flags),
            macs: macs.as_ref().map_or(0, |m| bits(m.len() as u32 + 3)),
            uid: cuts(&uid),
            gid: cuts(&gid),
            spi: cuts(&spi),
        };
        let u = found.uses;
        let one = |on: bool, bits: u32| if on { bits } else { 0 };
        let total = widths.prefix
            + widths.source
            + widths.destination
            + widths.sport
            + widths.dport
            + widths.length
            + widths.flags
            + widths.macs
            + 16
            + one(u.input, NAME_BITS)
            + one(u.output, NAME_BITS)
            + one(u.phys, 2 * NAME_BITS)
            + one(u.icmp, 18)
            + one(u.packet_type, 2)
            + one(u.ttl, 9)
            + one(u.tos, 9)
            + one(!found.marks.is_empty(), MARK_BITS)
            + widths.uid
            + widths.gid
            + widths.spi
            + one(u.time, 40)
            + one(u.fragment, 1)
            + 6 * found.odd.len() as u32;
        Compiled {
            walker: Walker::new(rules, evidence),
            local: local.to_vec(),
            prefixes,
            source,
            destination,
            sport,
            dport,
            length,
            flags,
            uid,
            gid,
            spi,
            marks: found.marks,
            interfaces: found.interfaces,
            macs,
            uses: u,
            odd: found.odd,
            fits: total <= 128,
            widths,
        }
    }

    /// The reference: the same answers, one walk each.
    #[must_use]
    pub fn walker(&self) -> &Walker<'r> {
        &self.walker
    }

    /// Whether answers are remembered: the ruleset looks at few enough fields. Else each line
    /// is a walk of its own.
    #[must_use]
    pub fn is_memoised(&self) -> bool {
        self.fits
    }

    /// A memory of answers for one thread.
    #[must_use]
    pub fn replayer(&self) -> Replayer<'_> {
        Replayer {
            compiled: self,
            known: HashMap::default(),
            answers: Vec::new(),
            ids: HashMap::default(),
            names: HashMap::default(),
            name_classes: HashMap::default(),
            last: Default::default(),
            marks: HashMap::default(),
            mark_classes: HashMap::default(),
        }
    }
}

impl<'c> Replayer<'c> {
    /// What becomes of this packet's line. `time` is when it came (seconds since 1970, UTC;
    /// only `-m time` asks), `cut` whether the line was cut.
    pub fn replay(&mut self, packet: &Packet<'_>, time: Option<i64>, cut: bool) -> AnswerId {
        let compiled = self.compiled;
        let context = Context { local: &compiled.local, time, cut };
        let key = if compiled.fits { self.key(packet, &context) } else { None };
        if let Some(key) = key
            && let Some(id) = self.known.get(&key)
        {
            return *id;
        }
        let outcome = compiled.walker.outcome(packet, &context);
        let fate = compiled.walker.fate_of(packet, &context, &outcome);
        let answer = Replayed { fate, outcome };
        let id = match self.ids.get(&answer) {
            Some(id) => *id,
            None => {
                let id = AnswerId(self.answers.len() as u32);
                self.answers.push(answer.clone());
                self.ids.insert(answer, id);
                id
            }
        };
        if let Some(key) = key {
            if self.known.len() >= KEYS {
                self.known.clear();
            }
            self.known.insert(key, id);
        }
        id
    }

    /// The answer with this number.
    ///
    /// # Panics
    /// The number is another replayer's.
    #[must_use]
    pub fn answer(&self, id: AnswerId) -> &Replayed {
        &self.answers[id.0 as usize]
    }

    /// How many combinations of classes are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.known.len()
    }

    /// All answers so far, by number.
    #[must_use]
    pub fn answers(&self) -> &[Replayed] {
        &self.answers
    }

    /// The classes of a packet's fields, in one number. `None`: not all that matters fits.
    #[inline]
    fn key(&mut self, packet: &Packet<'_>, context: &Context<'_>) -> Option<u128> {
        let c = self.compiled;
        let way = way_index(packet.input, packet.output)?;
        let transport = &packet.datagram.transport;
        // An answer of this host is judged by the packet it answers as well: not a matter of
        // this packet's classes.
        if way == 2 {
            let answer = match transport {
                Transport::Tcp(tcp) => {
                    let flags = tcp.flags.unwrap_or_default();
                    flags.contains(TcpFlags::RST) || flags.contains(TcpFlags::SYN | TcpFlags::ACK)
                }
                _ => packet.quoted.is_some(),
            };
            if answer {
                return None;
            }
        }
        let mut key = Key(0);
        key.push(way as u32, 2);
        let family = match packet.datagram.network {
            Network::Ipv4(_) => 1,
            Network::Ipv6(_) => 2,
            Network::None => 0,
            _ => 3,
        };
        key.push(family, 2);
        key.push(u32::from(context.cut), 1);
        key.push(u32::from(later_fragment(&packet.datagram)), 1);
        key.push(number(known_protocol(&packet.datagram).map(|p| p.0)), 9);
        key.push(u32::from(matches!(transport, Transport::None)), 1);
        key.push(self.prefix(packet.prefix), c.widths.prefix);
        if let Some(addresses) = &c.source {
            key.push(addresses.class(packet.src()), c.widths.source);
        }
        if let Some(addresses) = &c.destination {
            key.push(addresses.class(packet.dst()), c.widths.destination);
        }
        if c.sport.is_some() || c.dport.is_some() {
            let ports = packet.datagram.ports();
            if let Some(table) = &c.sport {
                key.push(table.class(ports.src.map(u32::from)), c.widths.sport);
            }
            if let Some(table) = &c.dport {
                key.push(table.class(ports.dst.map(u32::from)), c.widths.dport);
            }
        }
        if let Some(table) = &c.flags {
            let flags = match transport {
                Transport::Tcp(tcp) => tcp.flags.map(|f| u32::from(f.bits())),
                _ => None,
            };
            key.push(table.class(flags), c.widths.flags);
        }
        if let Some(table) = &c.length {
            key.push(table.class(packet.datagram.len()), c.widths.length);
        }
        let uses = &c.uses;
        if uses.input {
            let class = self.name(0, packet.input)?;
            key.push(class, NAME_BITS);
        }
        if uses.output {
            let class = self.name(1, packet.output)?;
            key.push(class, NAME_BITS);
        }
        if uses.phys {
            for (slot, name) in [(2, packet.phys_input), (3, packet.phys_output)] {
                let class = match name {
                    Some(name) => self.name(slot, name)?,
                    None => 0,
                };
                key.push(class, NAME_BITS);
            }
        }
        if uses.icmp {
            let (kind, code) = match transport {
                Transport::Icmp(icmp) => (icmp.kind.map(|k| k.0), icmp.code),
                Transport::Icmpv6(icmp) => (icmp.kind.map(|k| k.0), icmp.code),
                _ => (None, None),
            };
            key.push(number(kind), 9);
            key.push(number(code), 9);
        }
        if uses.packet_type {
            let class = match packet.mac_header().and_then(|h| h.dst) {
                None => 0,
                Some(mac) if mac.is_broadcast() => 1,
                Some(mac) if mac.is_multicast() => 2,
                Some(_) => 3,
            };
            key.push(class, 2);
        }
        if let Some(macs) = &c.macs {
            let class = match packet.link {
                _ if packet.input == b"lo" => 0,
                logparse::Link::Raw(raw) if raw.0.is_empty() => 0,
                _ => match packet.mac_header().and_then(|h| h.src) {
                    None => 1,
                    Some(mac) => macs.get(&mac).copied().unwrap_or(2),
                },
            };
            key.push(class, c.widths.macs);
        }
        if uses.ttl {
            let ttl = match packet.datagram.network {
                Network::Ipv4(ip) => ip.ttl,
                Network::Ipv6(ip) => ip.hop_limit,
                _ => None,
            };
            key.push(number(ttl), 9);
        }
        if uses.tos {
            let tos = match packet.datagram.network {
                Network::Ipv4(ip) => ip.tos.zip(ip.prec).map(|(t, p)| t & 0x1e | p & 0xe0),
                Network::Ipv6(ip) => ip.traffic_class,
                _ => None,
            };
            key.push(number(tos), 9);
        }
        if !c.marks.is_empty() {
            // What an absent MARK= means depends on how the line ends.
            let datagram = &packet.datagram;
            let kernel = packet.dialect == logparse::Dialect::Kernel;
            if datagram.incomplete.is_some() || datagram.truncated.is_some() || !kernel {
                return None;
            }
            let class = match datagram.mark {
                Some(mark) => self.mark(mark)?,
                None => 0,
            };
            key.push(class, MARK_BITS);
        }
        if let Some(cuts) = &c.uid {
            key.push(cuts.class(packet.datagram.uid), c.widths.uid);
        }
        if let Some(cuts) = &c.gid {
            key.push(cuts.class(packet.datagram.gid), c.widths.gid);
        }
        if let Some(cuts) = &c.spi {
            let shown = spi(&packet.datagram, Protocol::ESP).or_else(|| spi(&packet.datagram, Protocol::AH));
            key.push(cuts.class(shown), c.widths.spi);
        }
        if uses.fragment {
            let first = matches!(packet.datagram.network, Network::Ipv4(ip) if ip.fragment.is_some());
            key.push(u32::from(first), 1);
        }
        if uses.time {
            let time = context.time.map_or(0, |t| (t as u64).wrapping_add(1) & 0xff_ffff_ffff);
            key.push((time >> 20) as u32, 20);
            key.push((time & 0xf_ffff) as u32, 20);
        }
        if !c.odd.is_empty() {
            let sets = &c.walker.ruleset().sets;
            let view = View::alone(packet, context, sets);
            for odd in &c.odd {
                let answer = match odd {
                    Odd::Match(m) => m.evaluate(&view),
                    Odd::Net(side, net) => {
                        let addr = if *side == Side::Source { packet.src() } else { packet.dst() };
                        match addr {
                            Some(addr) if net.contains(addr) => Tri::Yes,
                            _ => Tri::No,
                        }
                    }
                };
                key.push(
                    match answer {
                        Tri::No => 0,
                        Tri::Yes => 1,
                        Tri::Unknown(why) => 2 + why.index(),
                    },
                    6,
                );
            }
        }
        Some(key.0)
    }

    /// The number of a prefix that the ruleset writes; 0 for any other.
    #[inline]
    fn prefix(&mut self, prefix: &[u8]) -> u32 {
        if self.last[4].0 == prefix {
            return self.last[4].1;
        }
        let id = self.compiled.prefixes.get(prefix).copied().unwrap_or(0);
        self.last[4].0.clear();
        self.last[4].0.extend_from_slice(prefix);
        self.last[4].1 = id;
        id
    }

    /// The class of a mark, from 1; `None` if there are too many.
    fn mark(&mut self, mark: u32) -> Option<u32> {
        let id = match self.marks.get(&mark) {
            Some(id) => *id,
            None => {
                let tests = self.compiled.marks.iter().map(|t| mark & t.mask == t.value).collect();
                let next = self.mark_classes.len() as u32 + 1;
                let id = *self.mark_classes.entry(tests).or_insert(next);
                if self.marks.len() < NAMES {
                    self.marks.insert(mark, id);
                }
                id
            }
        };
        (id < 1 << MARK_BITS).then_some(id)
    }

    /// The class of an interface's name, from 1; `None` if there are too many.
    #[inline]
    fn name(&mut self, slot: usize, name: &[u8]) -> Option<u32> {
        let (last, id) = &self.last[slot];
        if *id > 0 && last == name {
            return Some(*id);
        }
        let id = match self.names.get(name) {
            Some(id) => *id,
            None => {
                let tests: Vec<bool> = self.compiled.interfaces.iter().map(|i| i.matches(name)).collect();
                let next = self.name_classes.len() as u32 + 1;
                // `lo` has no hardware address, and no name is no interface.
                let mut tests = tests;
                tests.push(name == b"lo");
                tests.push(name.is_empty());
                let id = *self.name_classes.entry(tests).or_insert(next);
                if self.names.len() < NAMES {
                    self.names.insert(name.to_vec(), id);
                }
                id
            }
        };
        self.last[slot].0.clear();
        self.last[slot].0.extend_from_slice(name);
        self.last[slot].1 = id;
        (id < 1 << NAME_BITS).then_some(id)
    }
}

/// The key under construction.
struct Key(u128);

impl Key {
    #[inline]
    fn push(&mut self, value: u32, bits: u32) {
        debug_assert!(bits == 32 || value < 1 << bits, "{value} in {bits} bits");
        self.0 = self.0 << bits | u128::from(value);
    }
}

/// A byte that may not be shown, in 9 bits.
#[inline]
fn number(value: Option<u8>) -> u32 {
    value.map_or(0, |v| u32::from(v) + 1)
}

/// Everything a ruleset looks at.
#[derive(Default)]
struct Found {
    source: Vec<AddressRange>,
    destination: Vec<AddressRange>,
    local: Vec<AddressRange>,
    types: bool,
    sport: Vec<Range<u32>>,
    dport: Vec<Range<u32>>,
    length: Vec<Range<u32>>,
    uid: Vec<Range<u32>>,
    gid: Vec<Range<u32>>,
    spi: Vec<Range<u32>>,
    marks: Vec<Masked<u32>>,
    flags: Vec<Flags>,
    state: bool,
    interfaces: Vec<Interface>,
    macs: BTreeSet<logparse::Mac>,
    uses: Uses,
    odd: Vec<Odd>,
}

impl Found {
    fn side(&mut self, side: Side) -> &mut Vec<AddressRange> {
        match side {
            Side::Source => &mut self.source,
            Side::Destination => &mut self.destination,
        }
    }

    fn net(&mut self, side: Side, net: &Net) {
        match net.range() {
            Some(range) => self.side(side).push(range),
            None => self.odd.push(Odd::Net(side, *net)),
        }
    }

    fn ports(&mut self, sport: Option<Test<Range<u16>>>, dport: Option<Test<Range<u16>>>) {
        let wide = |r: Range<u16>| Range::new(u32::from(r.first), u32::from(r.last));
        self.sport.extend(sport.map(|t| wide(t.value)));
        self.dport.extend(dport.map(|t| wide(t.value)));
    }

    fn interface(&mut self, interface: &Interface) {
        if !self.interfaces.contains(interface) {
            self.interfaces.push(interface.clone());
        }
    }

    fn rule(&mut self, rule: &Rule, sets: &Sets) {
        if let Some(test) = &rule.source {
            self.net(Side::Source, &test.value);
        }
        if let Some(test) = &rule.destination {
            self.net(Side::Destination, &test.value);
        }
        if let Some(test) = &rule.input {
            self.uses.input = true;
            self.interface(&test.value);
        }
        if let Some(test) = &rule.output {
            self.uses.output = true;
            self.interface(&test.value);
        }
        self.uses.fragment |= rule.fragment.is_some();
        for m in &rule.matches {
            self.one(m, sets);
        }
    }

    fn one(&mut self, m: &Match, sets: &Sets) {
        match m {
            Match::Comment(_) | Match::Protocols(_) | Match::Version { .. } | Match::Expression(_) => {}
            Match::Tcp(tcp) => {
                self.ports(tcp.sport, tcp.dport);
                self.flags.extend(tcp.flags.map(|t| t.value));
                if tcp.option.is_some() {
                    self.odd.push(Odd::Match(m.clone()));
                }
            }
            Match::Ports(p) => self.ports(p.sport, p.dport),
            Match::Multiport { side, ports } => {
                for range in &ports.value {
                    let test = Some(Test::is(*range));
                    let (source, destination) = match side {
                        PortSide::Source => (test, None),
                        PortSide::Destination => (None, test),
                        PortSide::Either => (test, test),
                    };
                    self.ports(source, destination);
                }
            }
            Match::Icmp(_) | Match::Icmpv6(_) => self.uses.icmp = true,
            Match::IpRange { source, destination } => {
                self.source.extend(source.map(|t| t.value));
                self.destination.extend(destination.map(|t| t.value));
            }
            Match::Addresses { side, ranges } => self.side(*side).extend(ranges.value.iter().copied()),
            Match::Interfaces { input, names } => {
                self.uses.input |= *input;
                self.uses.output |= !*input;
                for name in &names.value {
                    self.interface(name);
                }
            }
            Match::Mac(test) => {
                self.macs.insert(test.value);
            }
            Match::PacketType(_) => self.uses.packet_type = true,
            Match::AddressType(_) => self.types = true,
            Match::Ttl { .. } => self.uses.ttl = true,
            Match::Length(test) => self.length.push(test.value),
            Match::Tos(_) | Match::Dscp(_) => self.uses.tos = true,
            Match::Mark(test) => self.marks.push(test.value),
            Match::Owner { uid, gid } => {
                self.uid.extend(uid.map(|t| t.value));
                self.gid.extend(gid.map(|t| t.value));
            }
            Match::Esp(test) | Match::Ah(test) => self.spi.push(test.value),
            Match::Set { name, sides, .. } => self.set(name, sides, sets, m, 0),
            Match::Physdev { input, output } => {
                self.uses.phys = true;
                // Where the port is not shown, the interface's own name is looked at.
                self.uses.input = true;
                self.uses.output = true;
                for test in [input, output].into_iter().flatten() {
                    self.interface(&test.value);
                }
            }
            Match::State { .. } => {
                self.state = true;
                self.uses.icmp = true;
            }
            Match::Mss(_) => self.odd.push(Odd::Match(m.clone())),
            Match::Other { module, .. } => self.uses.time |= *module == "time",
        }
    }

    fn set(&mut self, name: &crate::text::Text, sides: &[Side], sets: &Sets, m: &Match, depth: u8) {
        let Some(set) = sets.get(name.as_bytes()) else { return };
        if set.is_timed() || depth > 4 {
            return;
        }
        if set.parts == [PartKind::Set] {
            for entry in &set.entries {
                if let [Part::Set(member)] = &entry.parts[..] {
                    self.set(member, sides, sets, m, depth + 1);
                }
            }
            return;
        }
        let plain = set.entries.iter().flat_map(|e| &e.parts).all(|part| match part {
            Part::Net(net) => net.range().is_some(),
            Part::Addresses(_) | Part::Port(..) | Part::Interface(_) => true,
            _ => false,
        });
        if !plain {
            self.odd.push(Odd::Match(m.clone()));
            return;
        }
        for entry in &set.entries {
            for (part, side) in entry.parts.iter().zip(sides) {
                match part {
                    Part::Net(net) => self.net(*side, net),
                    Part::Addresses(range) => self.side(*side).push(*range),
                    Part::Port(protocol, range) => {
                        if matches!(protocol, Some(Protocol::ICMP | Protocol::ICMPV6)) {
                            self.uses.icmp = true;
                        }
                        let test = Some(Test::is(*range));
                        match side {
                            Side::Source => self.ports(test, None),
                            Side::Destination => self.ports(None, test),
                        }
                    }
                    Part::Interface(interface) => {
                        self.uses.input |= *side == Side::Source;
                        self.uses.output |= *side == Side::Destination;
                        self.interface(interface);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Classes of a small number: a table with one entry per value.
#[derive(Debug)]
struct Table {
    of: Vec<u32>,
    classes: u32,
}

/// Numbers the answers that a list of tests gives.
#[derive(Default)]
struct Signatures(HashMap<Vec<u64>, u32>);

impl Signatures {
    /// The class of these answers, from 1: 0 is for a field that is not shown.
    fn class(&mut self, answers: impl Iterator<Item = bool>) -> u32 {
        let mut bits = Vec::new();
        for (i, answer) in answers.enumerate() {
            if i % 64 == 0 {
                bits.push(0);
            }
            if answer && let Some(last) = bits.last_mut() {
                *last |= 1 << (i % 64);
            }
        }
        let next = self.0.len() as u32 + 1;
        *self.0.entry(bits).or_insert(next)
    }
}

/// Intervals that no test tells apart are made one class. With very many of them (a big set)
/// that would take longer than it saves.
fn worth_merging(tests: usize, intervals: usize) -> bool {
    tests.saturating_mul(intervals) < 1 << 26
}

impl Table {
    /// Classes of the numbers up to 65,535 by ranges; larger ones are as 65,535.
    fn ranges(tests: &[Range<u32>]) -> Option<Table> {
        if tests.is_empty() {
            return None;
        }
        let mut tests = tests.to_vec();
        tests.sort_unstable_by_key(|r| (r.first, r.last));
        tests.dedup();
        // 65,536 stands for everything above: BIG TCP.
        const END: u32 = 65_536;
        let mut cuts: BTreeSet<u32> = [0, END].into();
        for range in &tests {
            cuts.insert(range.first.min(END));
            cuts.insert(range.last.saturating_add(1).min(END));
        }
        let mut signatures = Signatures::default();
        let mut of = vec![0; END as usize + 1];
        let cuts: Vec<u32> = cuts.into_iter().collect();
        let merge = worth_merging(tests.len(), cuts.len());
        for (i, start) in cuts.iter().enumerate() {
            let end = cuts.get(i + 1).copied().unwrap_or(END + 1);
            let class =
                if merge { signatures.class(tests.iter().map(|r| r.contains(*start))) } else { i as u32 + 1 };
            of[*start as usize..end as usize].fill(class);
        }
        let classes = if merge { signatures.0.len() } else { cuts.len() };
        Some(Table { of, classes: classes as u32 })
    }

    /// Classes of TCP flags.
    fn flags(tests: &[Flags]) -> Table {
        let mut signatures = Signatures::default();
        let mut of = Vec::with_capacity(512);
        for bits in 0..512 {
            let flags = TcpFlags::from_bits(bits);
            let answers = tests.iter().map(|t| flags & t.mask == t.set);
            of.push(signatures.class(answers.chain([valid_flags(flags)])));
        }
        Table { of, classes: signatures.0.len() as u32 }
    }

    #[inline]
    fn class(&self, value: Option<u32>) -> u32 {
        match value {
            Some(value) => self.of[(value as usize).min(self.of.len() - 1)],
            None => 0,
        }
    }
}

/// Classes of a large number: where each begins.
#[derive(Debug)]
struct Cuts {
    starts: Vec<u32>,
}

impl Cuts {
    fn new(tests: &[Range<u32>]) -> Option<Cuts> {
        let mut starts: BTreeSet<u32> = [0].into();
        for range in tests {
            starts.insert(range.first);
            starts.extend(range.last.checked_add(1));
        }
        (!tests.is_empty()).then(|| Cuts { starts: starts.into_iter().collect() })
    }

    fn class(&self, value: Option<u32>) -> u32 {
        value.map_or(0, |v| self.starts.partition_point(|s| *s <= v) as u32)
    }
}

/// Classes of addresses: where each begins.
#[derive(Debug)]
struct Addresses {
    v4: Vec<u32>,
    v4_class: Vec<u32>,
    /// For each upper half of an IPv4 address, where in `v4` its addresses begin.
    top: Vec<u32>,
    v6: Vec<u128>,
    v6_class: Vec<u32>,
    classes: u32,
}

impl Addresses {
    fn new(tests: &[AddressRange], local: &[AddressRange], types: bool) -> Option<Addresses> {
        if tests.is_empty() && !types {
            return None;
        }
        let mut tests: Vec<AddressRange> = tests.to_vec();
        if types {
            tests.extend_from_slice(local);
            // Addresses whose type their number tells.
            let special =
                ["224.0.0.0/4", "255.255.255.255", "0.0.0.0", "127.0.0.0/8", "ff00::/8", "::1", "::"];
            tests.extend(special.iter().filter_map(|net| Net::parse(net)?.range()));
        }
        tests.sort_unstable_by_key(|r| (r.first, r.last));
        tests.dedup();
        let mut v4_cuts: BTreeSet<u32> = [0].into();
        let mut v6_cuts: BTreeSet<u128> = [0].into();
        for range in &tests {
            match (range.first, range.last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4_cuts.insert(first.to_bits());
                    v4_cuts.extend(last.to_bits().checked_add(1));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    v6_cuts.insert(first.to_bits());
                    v6_cuts.extend(last.to_bits().checked_add(1));
                }
                _ => {}
            }
        }
        let v4: Vec<u32> = v4_cuts.into_iter().collect();
        let v6: Vec<u128> = v6_cuts.into_iter().collect();
        let merge = worth_merging(tests.len(), v4.len() + v6.len());
        let mut signatures = Signatures::default();
        let mut next = 0;
        let mut class = |addr: IpAddr| {
            next += 1;
            if merge { signatures.class(tests.iter().map(|t| t.contains(addr))) } else { next }
        };
        let v4_class: Vec<u32> = v4.iter().map(|a| class(IpAddr::V4((*a).into()))).collect();
        let v6_class: Vec<u32> = v6.iter().map(|a| class(IpAddr::V6((*a).into()))).collect();
        let top = (0..=0x1_0000_u64)
            .map(|half| v4.partition_point(|a| u64::from(*a) < half << 16) as u32)
            .collect();
        let classes = v4_class.iter().chain(&v6_class).copied().max().unwrap_or(0);
        Some(Addresses { v4, v4_class, top, v6, v6_class, classes })
    }

    #[inline]
    fn class(&self, addr: Option<IpAddr>) -> u32 {
        match addr {
            None => 0,
            Some(IpAddr::V4(addr)) => {
                let bits = addr.to_bits();
                let half = (bits >> 16) as usize;
                let (from, to) = (self.top[half] as usize, self.top[half + 1] as usize);
                let within = self.v4[from..to].partition_point(|a| *a <= bits);
                // The interval may begin before this half.
                self.v4_class[from + within - 1]
            }
            Some(IpAddr::V6(addr)) => {
                let at = self.v6.partition_point(|a| *a <= addr.to_bits());
                self.v6_class[at - 1]
            }
        }
    }
}

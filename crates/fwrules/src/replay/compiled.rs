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

use foldhash::fast::RandomState;
use logparse::{FastPacket, Network, Packet, Protocol, TcpFlags, Transport};

use crate::eval::evidence::Evidence;
use crate::eval::rule::{Context, LocalAddress, Tri, View, known_protocol, later_fragment, spi};
use crate::eval::walk::{Fate, Missed, Outcome, Walker, cause, near_misses};
use crate::model::ipset::{Part, PartKind, Sets};
use crate::model::rule::*;
use crate::model::ruleset::{Path, Ruleset};
use crate::replay::candidates::Candidates;
use crate::replay::classes::{Addresses, Cuts, Table};

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
    /// Whether the rules look at addresses, ports, flags, prefix and interfaces only.
    glance: bool,
    widths: Widths,
    candidates: Candidates,
    /// Every rule's near misses, if answers are to say what was missed.
    near: Option<Vec<Vec<Rule>>>,
    tries_all: bool,
}

/// A test that is asked of every packet as it is.
#[derive(Debug, PartialEq)]
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
    /// The packet's way through the host; `None` for a packet without interfaces.
    pub path: Option<Path>,
    /// What becomes of the line.
    pub fate: Fate,
    /// What the packet's way comes to.
    pub outcome: Outcome,
    /// Rules that nearly took the packet; nothing unless the ruleset was compiled
    /// [`with_missed`](Compiled::with_missed).
    pub missed: Missed,
}

/// What lines with the same prefix and interfaces have in common, for one [`Replayer`].
#[derive(Clone, Copy, Debug)]
pub struct Front {
    path: Path,
    key: u128,
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
    /// Answers of this host: by their own classes and those of the packet that they answer.
    replies: HashMap<(u128, u128), AnswerId, RandomState>,
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
/// Up to so many rules, every near miss is tried.
const FEW_RULES: usize = 100;
/// Interface names remembered at most.
const NAMES: usize = 1 << 12;

impl<'r> Compiled<'r> {
    /// Makes `rules` ready. `local` are this host's addresses, if known.
    #[must_use]
    pub fn new(rules: &'r Ruleset, evidence: Evidence<'_>, local: &[LocalAddress]) -> Compiled<'r> {
        Compiled::make(rules, evidence, local, None, false)
    }

    /// As [`new`](Self::new), and every answer also says which rules nearly took the packet.
    /// Where there are more than a hundred rules, or answers could not be remembered any more,
    /// the only near miss tried is the other transport protocol: the others look at fields that
    /// the rules do not look at.
    #[must_use]
    pub fn with_missed(rules: &'r Ruleset, evidence: Evidence<'_>, local: &[LocalAddress]) -> Compiled<'r> {
        let of = |all| Compiled::make(rules, evidence, local, Some(near_misses(rules, all)), all);
        let all = (rules.rules().count() <= FEW_RULES).then(|| of(true));
        all.filter(Compiled::is_memoised).unwrap_or_else(|| of(false))
    }

    fn make(
        rules: &'r Ruleset,
        evidence: Evidence<'_>,
        local: &[LocalAddress],
        near: Option<Vec<Vec<Rule>>>,
        tries_all: bool,
    ) -> Compiled<'r> {
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
        for rule in near.iter().flatten().flatten() {
            found.rule(rule, &rules.sets);
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
        let glance = total <= 128
            && found.marks.is_empty()
            && found.odd.is_empty()
            && length.is_none()
            && macs.is_none()
            && uid.is_none()
            && gid.is_none()
            && spi.is_none()
            && !(u.phys || u.packet_type || u.ttl || u.tos || u.time || u.fragment);
        let walker = Walker::new(rules, evidence);
        let tables = [&sport, &dport].map(Option::as_ref);
        let candidates =
            Candidates::new(rules, near.as_deref(), [&source, &destination].map(Option::as_ref), tables);
        Compiled {
            walker,
            candidates,
            near,
            tries_all,
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
            glance,
            widths,
        }
    }

    /// The reference: the same answers, one walk each.
    #[must_use]
    pub fn walker(&self) -> &Walker<'r> {
        &self.walker
    }

    /// The rules that may take the packet.
    fn among(&self, packet: &Packet<'_>) -> Vec<u64> {
        let addresses = |of: &Option<Addresses>, addr| of.as_ref().map_or(0, |a| a.class(addr));
        let protocol = known_protocol(&packet.datagram);
        // Where the protocol is not known, nobody compares ports.
        let ports = protocol.map_or_else(Default::default, |_| packet.datagram.ports());
        let table =
            |of: &Option<Table>, port: Option<u16>| of.as_ref().map_or(0, |t| t.class(port.map(u32::from)));
        self.candidates.among([
            number(protocol.map(|p| p.0)),
            addresses(&self.source, packet.src()),
            addresses(&self.destination, packet.dst()),
            table(&self.sport, ports.src),
            table(&self.dport, ports.dst),
        ])
    }

    /// Whether every near miss is tried, not the other transport protocol only.
    #[must_use]
    pub fn tries_all(&self) -> bool {
        self.tries_all
    }

    /// Whether answers depend on when a packet came.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.uses.time
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
            replies: HashMap::default(),
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
        let key = self.key(packet, &context);
        let cause = cause(packet);
        // An answer of this host is judged by the packet it answers as well.
        let cause_key = match &cause {
            Some(cause) => self.key(cause, &context).map(Some),
            None => Some(None),
        };
        let known = match (key, cause_key) {
            (Some(key), Some(None)) => self.known.get(&key),
            (Some(key), Some(Some(cause))) => self.replies.get(&(key, cause)),
            _ => None,
        };
        if let Some(id) = known {
            return *id;
        }
        let id = self.work_out(packet, &context, cause.as_ref());
        if self.known.len() + self.replies.len() >= KEYS {
            self.known.clear();
            self.replies.clear();
        }
        match (key, cause_key) {
            (Some(key), Some(None)) => drop(self.known.insert(key, id)),
            (Some(key), Some(Some(cause))) => drop(self.replies.insert((key, cause), id)),
            _ => {}
        }
        id
    }

    /// The answer for a line that a scan read, if it is remembered and the line shows at a
    /// glance all that the ruleset looks at. Else: [`replay`](Self::replay).
    ///
    /// `front` is that of the line's prefix and interfaces.
    #[inline]
    pub fn recall(&self, front: Front, scanned: &FastPacket<'_>) -> Option<AnswerId> {
        let c = self.compiled;
        let (src, dst) = (scanned.src_ipv4()?, scanned.dst_ipv4()?);
        let (sport, dport) = (scanned.sport()?, scanned.dport()?);
        let flags = match scanned.protocol() {
            Protocol::TCP => Some(scanned.tcp_flags()?),
            Protocol::UDP => None,
            _ => return None,
        };
        if !c.glance || front.path == Path::Output && flags.is_some_and(answers) {
            return None;
        }
        let mut key = Key(front.key);
        key.push(head(1, false, false, Some(scanned.protocol()), false), HEAD_BITS);
        if let Some(addresses) = &c.source {
            key.push(addresses.v4_class(src), c.widths.source);
        }
        if let Some(addresses) = &c.destination {
            key.push(addresses.v4_class(dst), c.widths.destination);
        }
        if let Some(table) = &c.sport {
            key.push(table.of[usize::from(sport)], c.widths.sport);
        }
        if let Some(table) = &c.dport {
            key.push(table.of[usize::from(dport)], c.widths.dport);
        }
        if let Some(table) = &c.flags {
            key.push(table.class(flags.map(|f| u32::from(f.bits()))), c.widths.flags);
        }
        if c.uses.icmp {
            key.push(0, 18);
        }
        self.known.get(&key.0).copied()
    }

    /// Walks the packet's way.
    #[inline(never)]
    fn work_out(
        &mut self,
        packet: &Packet<'_>,
        context: &Context<'_>,
        cause: Option<&Packet<'_>>,
    ) -> AnswerId {
        let compiled = self.compiled;
        let walker = &compiled.walker;
        let among = compiled.among(packet);
        let outcome = walker.outcome_among(packet, context, Some(&among));
        let cause = cause.map(|cause| compiled.among(cause));
        let fate = walker.fate_of(packet, context, &outcome, cause.as_deref());
        let missed = match &compiled.near {
            Some(near) => walker.missed_among(packet, context, near, Some(&among)),
            None => Missed::default(),
        };
        let path = Path::of(packet.in_iface, packet.out_iface);
        let answer = Replayed { path, fate, outcome, missed };
        match self.ids.get(&answer) {
            Some(id) => *id,
            None => {
                let id = AnswerId(self.answers.len() as u32);
                self.answers.push(answer.clone());
                self.ids.insert(answer, id);
                id
            }
        }
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

    /// What lines with this prefix and these interfaces have in common. `None`: too many
    /// different interfaces, or a packet without any.
    #[inline]
    pub fn front(&mut self, prefix: &[u8], input: &[u8], output: &[u8]) -> Option<Front> {
        let c = self.compiled;
        let path = Path::of(input, output)?;
        let mut key = Key(0);
        key.push(path as u32, 2);
        key.push(self.prefix(prefix), c.widths.prefix);
        if c.uses.input {
            let class = self.name(0, input)?;
            key.push(class, NAME_BITS);
        }
        if c.uses.output {
            let class = self.name(1, output)?;
            key.push(class, NAME_BITS);
        }
        Some(Front { path, key: key.0 })
    }

    /// The classes of a packet's fields, in one number. `None`: not all that matters fits.
    #[inline]
    fn key(&mut self, packet: &Packet<'_>, context: &Context<'_>) -> Option<u128> {
        let c = self.compiled;
        if !c.fits {
            return None;
        }
        let mut key = Key(self.front(packet.prefix, packet.in_iface, packet.out_iface)?.key);
        let transport = &packet.datagram.transport;
        let family = match packet.datagram.network {
            Network::Ipv4(_) => 1,
            Network::Ipv6(_) => 2,
            Network::None => 0,
            _ => 3,
        };
        let (fragment, protocol) = (later_fragment(&packet.datagram), known_protocol(&packet.datagram));
        let none = matches!(transport, Transport::None);
        key.push(head(family, context.cut, fragment, protocol, none), HEAD_BITS);
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
        if uses.phys {
            for (slot, name) in [(2, packet.phys_in), (3, packet.phys_out)] {
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
                _ if packet.in_iface == b"lo" => 0,
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

/// Bits of [`head`].
const HEAD_BITS: u32 = 14;

/// The beginning of every key behind its front.
#[inline]
fn head(family: u32, cut: bool, fragment: bool, protocol: Option<Protocol>, none: bool) -> u32 {
    family << 12
        | u32::from(cut) << 11
        | u32::from(fragment) << 10
        | number(protocol.map(|p| p.0)) << 1
        | u32::from(none)
}

/// Whether a packet with these flags may be this host's answer to another.
#[inline]
fn answers(flags: TcpFlags) -> bool {
    flags.contains(TcpFlags::RST) || flags.contains(TcpFlags::SYN | TcpFlags::ACK)
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

    fn odd(&mut self, odd: Odd) {
        if !self.odd.contains(&odd) {
            self.odd.push(odd);
        }
    }

    fn net(&mut self, side: Side, net: &Net) {
        match net.range() {
            Some(range) => self.side(side).push(range),
            None => self.odd(Odd::Net(side, *net)),
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
                    self.odd(Odd::Match(m.clone()));
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
            Match::Mss(_) => self.odd(Odd::Match(m.clone())),
            Match::Other { module, .. } => self.uses.time |= *module == "time",
        }
    }

    fn set(&mut self, name: &crate::model::text::Text, sides: &[Side], sets: &Sets, m: &Match, depth: u8) {
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
            self.odd(Odd::Match(m.clone()));
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

//! What is counted of a log to find its noise: every packet as a kind of packet, by source.
//!
//! Responsible for: one pass over the log in bounded memory. What may come in any number
//! (outside sources) is kept exactly up to a limit and by network beyond it; everything else is
//! kept for the smallest keys up to a limit. Both depend only on what was seen, not on the
//! order, so that any number of threads gives the same answer.
//! Must not know: what is noise (`noise`).
//! Tested by: the unit tests below, `tests/cli/suggest.rs`.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use fwrules::RuleId;
use hashbrown::HashMap;
use logparse::{Packet, Protocol, TcpFlags, Transport};

use super::noise_ground::{Answer, Asker, Ground, Kept, Scope, number};
use crate::aggregate::Aggregate;
use crate::clock::NANOS;
use crate::record::Record;

/// What a packet is, as far as rules can tell packets apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It asks for a service: TCP SYN, or UDP to a port. Protocol and destination port.
    Request(u8, u16),
    /// It answers something that was never asked. What kind of answer, and the source port.
    Reply(Reply, u16),
    /// No stack sends it: a combination of TCP flags.
    Trash(Trash),
    /// ICMP or ICMPv6 of a type.
    Icmp(u8),
    /// Another protocol, or a fragment without ports.
    Proto(u8),
}

/// Answers to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    /// TCP SYN with ACK.
    SynAck,
    /// TCP RST.
    Reset,
    /// Other TCP with ACK: the rest of a connection that is gone.
    Late,
    /// UDP from a port of a service to a high port.
    Udp,
}

/// Flags that no stack sends together, in the order in which they are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trash {
    /// SYN and FIN.
    SynFin,
    /// SYN and RST.
    SynRst,
    /// FIN and RST.
    FinRst,
    /// None at all: a NULL scan.
    Null,
    /// FIN without ACK: FIN and Xmas scans.
    FinAlone,
    /// URG or PSH without ACK.
    PushAlone,
}

impl Trash {
    /// All of them.
    pub const ALL: [Trash; 6] =
        [Trash::SynFin, Trash::SynRst, Trash::FinRst, Trash::Null, Trash::FinAlone, Trash::PushAlone];

    /// The pattern of these flags.
    #[must_use]
    pub fn of(flags: TcpFlags) -> Option<Trash> {
        let has = |part: TcpFlags| flags.contains(part);
        if has(TcpFlags::SYN | TcpFlags::FIN) {
            Some(Trash::SynFin)
        } else if has(TcpFlags::SYN | TcpFlags::RST) {
            Some(Trash::SynRst)
        } else if has(TcpFlags::FIN | TcpFlags::RST) {
            Some(Trash::FinRst)
        } else if flags & SIX == TcpFlags::EMPTY {
            Some(Trash::Null)
        } else if !has(TcpFlags::ACK) && has(TcpFlags::FIN) {
            Some(Trash::FinAlone)
        } else if !has(TcpFlags::ACK) && !has(TcpFlags::SYN) && !has(TcpFlags::RST) {
            Some(Trash::PushAlone)
        } else {
            None
        }
    }

    /// `--tcp-flags`: the flags that are looked at, and those that are set.
    #[must_use]
    pub fn test(self) -> (TcpFlags, TcpFlags) {
        let (fin, syn, rst, ack) = (TcpFlags::FIN, TcpFlags::SYN, TcpFlags::RST, TcpFlags::ACK);
        match self {
            Trash::SynFin => (fin | syn, fin | syn),
            Trash::SynRst => (syn | rst, syn | rst),
            Trash::FinRst => (fin | rst, fin | rst),
            Trash::Null => (SIX, TcpFlags::EMPTY),
            Trash::FinAlone => (fin | ack, fin),
            Trash::PushAlone => (syn | rst | ack, TcpFlags::EMPTY),
        }
    }

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Trash::SynFin => "SYN with FIN",
            Trash::SynRst => "SYN with RST",
            Trash::FinRst => "FIN with RST",
            Trash::Null => "no flags (NULL scan)",
            Trash::FinAlone => "FIN without ACK (FIN and Xmas scans)",
            Trash::PushAlone => "data without ACK",
        }
    }
}

/// The six flags that `--tcp-flags ALL` means.
const SIX: TcpFlags = TcpFlags::from_bits(63);

impl Kind {
    /// What a packet is; `many`: it was sent to more than one machine, so it answers nobody.
    #[must_use]
    pub fn of(packet: &Packet<'_>, many: bool) -> Kind {
        let ports = |protocol: Protocol, src: Option<u16>, dst: Option<u16>| match (src, dst) {
            // A service's port speaking to a port that no service has: an answer. Two services
            // talk to each other at their own ports (67 to 68, 123 to 123).
            (Some(src), Some(dst)) if src < 1024 && dst >= 1024 && !many => Kind::Reply(Reply::Udp, src),
            (_, Some(dst)) => Kind::Request(protocol.0, dst),
            (_, None) => Kind::Proto(protocol.0),
        };
        match packet.datagram.transport {
            Transport::Tcp(tcp) => {
                let (Some(dst), Some(flags)) = (tcp.ports.dst, tcp.flags) else {
                    return Kind::Proto(Protocol::TCP.0);
                };
                let src = tcp.ports.src.unwrap_or(0);
                if let Some(trash) = Trash::of(flags) {
                    Kind::Trash(trash)
                } else if flags.contains(TcpFlags::SYN | TcpFlags::ACK) {
                    Kind::Reply(Reply::SynAck, src)
                } else if flags.contains(TcpFlags::SYN) {
                    Kind::Request(Protocol::TCP.0, dst)
                } else if flags.contains(TcpFlags::RST) {
                    Kind::Reply(Reply::Reset, src)
                } else {
                    Kind::Reply(Reply::Late, src)
                }
            }
            Transport::Udp(udp) => ports(Protocol::UDP, udp.ports.src, udp.ports.dst),
            Transport::Icmp(icmp) => {
                icmp.kind.map_or(Kind::Proto(Protocol::ICMP.0), |kind| Kind::Icmp(kind.0))
            }
            Transport::Icmpv6(icmp) => {
                icmp.kind.map_or(Kind::Proto(Protocol::ICMPV6.0), |kind| Kind::Icmp(kind.0))
            }
            _ => match packet.protocol() {
                Some(protocol) => Kind::Proto(protocol.0),
                None => Kind::Proto(255),
            },
        }
    }
}

/// Whether a packet was sent to more than one machine.
#[must_use]
pub fn to_many(packet: &Packet<'_>, dst: IpAddr) -> Option<Many> {
    match dst {
        IpAddr::V6(dst) => return dst.is_multicast().then_some(Many::Group),
        IpAddr::V4(dst) if dst.is_multicast() => return Some(Many::Group),
        IpAddr::V4(dst) if dst.is_broadcast() => return Some(Many::All),
        IpAddr::V4(_) => {}
    }
    match packet.mac_header().and_then(|header| header.dst) {
        Some(mac) if mac.is_broadcast() => Some(Many::All),
        Some(_) => None,
        // No link header in the line: the highest address of the sender's own network.
        None => match (packet.src(), dst) {
            (Some(IpAddr::V4(src)), IpAddr::V4(dst)) => {
                let ([a, b, c, _], [d, e, f, last]) = (src.octets(), dst.octets());
                (last == 255 && [a, b, c] == [d, e, f]).then_some(Many::All)
            }
            _ => None,
        },
    }
}

/// IGMP and neighbour discovery never leave a network, whomever they are sent to.
#[must_use]
pub fn link_only(v6: bool, kind: Kind) -> Option<Many> {
    match (v6, kind) {
        (false, Kind::Proto(2)) | (true, Kind::Icmp(130..=137 | 143)) => Some(Many::Group),
        _ => None,
    }
}

/// To how many a packet was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Many {
    /// Broadcast.
    All,
    /// Multicast.
    Group,
}

/// Talk on one's own network: what, to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chatter {
    /// IPv6.
    pub v6: bool,
    /// What.
    pub kind: Kind,
    /// To whom; solicited-node groups are one.
    pub dst: IpAddr,
    /// Broadcast or multicast.
    pub many: Many,
}

/// Lines of one kind, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Lines {
    /// How many.
    pub lines: u64,
    /// When the first was written (seconds since 1970; 0: not known).
    pub first: u32,
    /// When the last was written.
    pub last: u32,
}

impl Lines {
    fn add(&mut self, lines: u64, when: u32) {
        self.join(Lines { lines, first: when, last: when });
    }

    /// Both.
    pub fn join(&mut self, other: Lines) {
        self.lines += other.lines;
        self.first = match (self.first, other.first) {
            (0, when) | (when, 0) => when,
            (a, b) => a.min(b),
        };
        self.last = self.last.max(other.last);
    }

    /// Seconds from the first to the last; `None` if no time is known.
    #[must_use]
    pub fn span(&self) -> Option<u32> {
        (self.first > 0).then(|| self.last - self.first)
    }
}

/// A map that keeps its smallest keys, up to a limit.
///
/// A key that is among the smallest of everything seen was never thrown out, so its value is
/// exact.
#[derive(Clone, Debug)]
pub struct Bounded<K, V> {
    map: HashMap<K, V>,
    limit: usize,
    /// Whether keys were thrown out.
    pub cut: bool,
}

impl<K: Ord + Hash + Copy, V: Default> Bounded<K, V> {
    fn new(limit: usize) -> Self {
        Bounded { map: HashMap::new(), limit, cut: false }
    }

    fn at(&mut self, key: K) -> &mut V {
        if self.map.len() >= 2 * self.limit && !self.map.contains_key(&key) {
            self.prune();
        }
        self.map.entry(key).or_default()
    }

    fn prune(&mut self) {
        if self.map.len() > self.limit {
            let mut keys: Vec<K> = self.map.keys().copied().collect();
            let (_, last, _) = keys.select_nth_unstable(self.limit - 1);
            let last = *last;
            self.map.retain(|key, _| *key <= last);
            self.cut = true;
        }
    }

    fn merge(&mut self, other: Self, join: impl Fn(&mut V, V)) {
        self.cut |= other.cut;
        for (key, value) in other.map {
            join(self.at(key), value);
        }
    }

    /// What is kept, in order.
    #[must_use]
    pub fn sorted(&self) -> BTreeMap<K, &V> {
        let mut all: BTreeMap<K, &V> = self.map.iter().map(|(key, value)| (*key, value)).collect();
        while all.len() > self.limit {
            all.pop_last();
        }
        all
    }
}

/// What one outside source did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// All of its lines.
    pub all: Lines,
    kinds: Kinds,
}

/// Most sources do one thing only.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kinds {
    One(Kind, u32),
    /// In order; the smallest up to a limit.
    Some(Vec<(Kind, u32)>),
}

/// Kinds kept of one source.
pub const KINDS: usize = 64;

impl Source {
    /// Calls `with` for everything it did; of a source that did more than [`KINDS`] things, for
    /// the smallest of them.
    pub fn each(&self, mut with: impl FnMut(Kind, u32)) {
        match &self.kinds {
            Kinds::One(kind, lines) => with(*kind, *lines),
            Kinds::Some(list) => list.iter().for_each(|(kind, lines)| with(*kind, *lines)),
        }
    }

    /// How many things it did, [`KINDS`] at most.
    #[must_use]
    pub fn breadth(&self) -> usize {
        match &self.kinds {
            Kinds::One(..) => 1,
            Kinds::Some(list) => list.len(),
        }
    }

    fn add(&mut self, kind: Kind, lines: u32) {
        match &mut self.kinds {
            Kinds::One(own, count) if *own == kind => *count = count.saturating_add(lines),
            Kinds::One(own, count) => {
                let mut list = vec![(*own, *count), (kind, lines)];
                list.sort_unstable();
                self.kinds = Kinds::Some(list);
            }
            Kinds::Some(list) => match list.binary_search_by_key(&kind, |(kind, _)| *kind) {
                Ok(at) => list[at].1 = list[at].1.saturating_add(lines),
                Err(at) if at < KINDS => {
                    list.insert(at, (kind, lines));
                    list.truncate(KINDS);
                }
                Err(_) => {}
            },
        }
    }

    /// Both as one.
    pub fn join(&mut self, other: &Source) {
        self.all.join(other.all);
        other.each(|kind, lines| self.add(kind, lines));
    }
}

/// Sources kept one by one; beyond that they are kept by network.
const SOURCES: usize = 1 << 20;
/// Bits kept of an IPv4 and of an IPv6 address, level by level.
const LEVELS: [(u8, u8); 6] = [(32, 128), (28, 64), (24, 56), (20, 48), (16, 40), (12, 32)];

/// Outside sources.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    map: HashMap<u128, Source>,
    /// 0: addresses; more: networks.
    level: usize,
}

fn masked(number: u128, level: usize) -> u128 {
    let (v4, v6) = LEVELS[level];
    let is_v4 = number >> 32 == 0xffff;
    let bits = if is_v4 { 96 + u32::from(v4) } else { u32::from(v6) };
    number & u128::MAX.checked_shl(128 - bits).unwrap_or(0)
}

impl Sources {
    fn add(&mut self, addr: IpAddr, kind: Kind, lines: u64, when: u32) {
        let key = masked(number(addr), self.level);
        let count = u32::try_from(lines).unwrap_or(u32::MAX);
        match self.map.get_mut(&key) {
            Some(source) => {
                source.all.add(lines, when);
                source.add(kind, count);
            }
            None => {
                let all = Lines { lines, first: when, last: when };
                self.map.insert(key, Source { all, kinds: Kinds::One(kind, count) });
                self.shrink();
            }
        }
    }

    fn shrink(&mut self) {
        while self.map.len() > SOURCES && self.level + 1 < LEVELS.len() {
            self.coarsen(self.level + 1);
        }
    }

    fn coarsen(&mut self, level: usize) {
        self.level = level;
        for (key, source) in std::mem::take(&mut self.map) {
            self.put(masked(key, level), source);
        }
    }

    fn put(&mut self, key: u128, source: Source) {
        match self.map.get_mut(&key) {
            Some(own) => own.join(&source),
            None => {
                self.map.insert(key, source);
            }
        }
    }

    fn merge(&mut self, mut other: Sources) {
        let level = self.level.max(other.level);
        if self.level < level {
            self.coarsen(level);
        }
        if other.level < level {
            other.coarsen(level);
        }
        if other.map.len() > self.map.len() {
            std::mem::swap(&mut self.map, &mut other.map);
        }
        for (key, source) in other.map {
            self.put(masked(key, self.level), source);
            self.shrink();
        }
    }

    /// Bits of IPv4 and IPv6 addresses that are kept: 32 and 128 unless there are too many.
    #[must_use]
    pub fn bits(&self) -> (u8, u8) {
        LEVELS[self.level]
    }

    /// Every source with its address as a number.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &Source)> {
        self.map.iter().map(|(key, source)| (*key, source))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

/// What is known of one's own hosts' unicast packets.
pub type Own = Bounded<(IpAddr, Kind), Lines>;

/// The counts of one pass.
#[derive(Debug)]
pub struct Tally<'g> {
    ground: &'g Ground,
    /// Rules that were there and take lines count first.
    asker: Option<Asker<'g>>,
    /// Lines that rules take that were there, rule by rule. IPv6: true.
    pub old: BTreeMap<(bool, RuleId), u64>,
    /// Everything that came in and is not taken by rules that were there.
    pub open: u64,
    /// Lines that rules take that were there.
    pub taken: u64,
    /// Lines of packets that this host sent.
    pub outgoing: Lines,
    /// Lines of packets that passed through.
    pub forwarded: Lines,
    /// Lines of other protocols than IP.
    pub others: u64,
    /// Lines that are kept for their prefix, by kind. IPv6: true.
    pub kept: Bounded<(bool, Kind), Lines>,
    /// Lines whose prefix says that they were let in.
    pub let_in: Bounded<(bool, Kind), Lines>,
    /// Broadcast and multicast.
    pub chatter: Bounded<Chatter, (Lines, SmallSet)>,
    /// Unicast of one's own network and of those who are trusted.
    pub own: Own,
    /// Unicast from everywhere else.
    pub outside: Sources,
    /// This host's addresses, by lines.
    pub here: Bounded<IpAddr, u64>,
    /// Where this host's packets were going: destination, protocol, port.
    pub going: Bounded<(IpAddr, Kind), Lines>,
    /// Prefixes of lines that came in, with a count.
    pub prefixes: BTreeMap<Vec<u8>, u64>,
}

/// Some addresses, the smallest.
pub type SmallSet = std::collections::BTreeSet<IpAddr>;
/// How many addresses a [`SmallSet`] has at most.
pub const SMALL: usize = 256;
const PREFIXES: usize = 256;

fn put(set: &mut SmallSet, addr: IpAddr) {
    if set.insert(addr) && set.len() > SMALL {
        set.pop_last();
    }
}

/// When a record was written, in seconds; 0 if that is not known.
#[must_use]
pub fn seconds(record: &Record<'_>) -> u32 {
    record.when.and_then(|when| u32::try_from(when.utc.div_euclid(NANOS)).ok()).unwrap_or(0)
}

/// `ff02::1:ff00:0`.
const SOLICITED: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;

/// A group's address; all groups of neighbours' questions are one.
fn group(dst: IpAddr) -> IpAddr {
    match dst {
        // ff02::1:ff00:0/104
        IpAddr::V6(a) if a.to_bits() >> 24 == SOLICITED >> 24 => Ipv6Addr::from_bits(SOLICITED).into(),
        _ => dst,
    }
}

impl<'g> Tally<'g> {
    /// Nothing yet.
    #[must_use]
    pub fn new(ground: &'g Ground, asker: Option<Asker<'g>>) -> Tally<'g> {
        Tally {
            ground,
            asker,
            old: BTreeMap::new(),
            open: 0,
            taken: 0,
            outgoing: Lines::default(),
            forwarded: Lines::default(),
            others: 0,
            kept: Bounded::new(1 << 14),
            let_in: Bounded::new(1 << 14),
            chatter: Bounded::new(1 << 12),
            own: Bounded::new(1 << 16),
            outside: Sources::default(),
            here: Bounded::new(1 << 10),
            going: Bounded::new(1 << 12),
            prefixes: BTreeMap::new(),
        }
    }
}

impl Aggregate for Tally<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let packet = &record.entry.packet;
        let (times, when) = (record.times(), seconds(record));
        let (Some(src), Some(dst)) = (packet.src(), packet.dst()) else {
            self.others += times;
            return;
        };
        let many = to_many(packet, dst);
        let kind = Kind::of(packet, many.is_some());
        match (packet.input.is_empty(), packet.output.is_empty()) {
            (true, _) => {
                self.outgoing.add(times, when);
                self.going.at((dst, kind)).add(times, when);
                return;
            }
            (false, false) => {
                self.forwarded.add(times, when);
                return;
            }
            (false, true) => {}
        }
        if let Some(asker) = &mut self.asker
            && let Answer::Old(rule) = asker.ask(packet, Some(i64::from(when)), false)
        {
            *self.old.entry((src.is_ipv6(), rule)).or_default() += times;
            self.taken += times;
            return;
        }
        self.open += times;
        let v6 = src.is_ipv6();
        let prefix = record.prefix();
        match self.prefixes.get_mut(prefix) {
            Some(count) => *count += times,
            None => {
                self.prefixes.insert(prefix.to_vec(), times);
                if self.prefixes.len() > PREFIXES {
                    self.prefixes.pop_last();
                }
            }
        }
        match self.ground.kept(prefix) {
            Some(Kept::NearHit) => return self.kept.at((v6, kind)).add(times, when),
            Some(Kept::LetIn) => return self.let_in.at((v6, kind)).add(times, when),
            None => {}
        }
        if let Some(many) = many.or(link_only(v6, kind)) {
            let (lines, sources) = self.chatter.at(Chatter { v6, kind, dst: group(dst), many });
            lines.add(times, when);
            put(sources, src);
            return;
        }
        *self.here.at(dst) += times;
        match self.ground.scope(src) {
            Scope::Own => self.own.at((src, kind)).add(times, when),
            Scope::Outside => self.outside.add(src, kind, times, when),
        }
    }

    fn merge(&mut self, other: Self) {
        for (rule, lines) in other.old {
            *self.old.entry(rule).or_default() += lines;
        }
        self.open += other.open;
        self.taken += other.taken;
        self.outgoing.join(other.outgoing);
        self.forwarded.join(other.forwarded);
        self.others += other.others;
        self.kept.merge(other.kept, |own, other| own.join(other));
        self.let_in.merge(other.let_in, |own, other| own.join(other));
        self.chatter.merge(other.chatter, |own, other| {
            own.0.join(other.0);
            other.1.into_iter().for_each(|addr| put(&mut own.1, addr));
        });
        self.own.merge(other.own, |own, other| own.join(other));
        self.outside.merge(other.outside);
        self.here.merge(other.here, |own, other| *own += other);
        self.going.merge(other.going, |own, other| own.join(other));
        for (prefix, count) in other.prefixes {
            *self.prefixes.entry(prefix).or_default() += count;
        }
        while self.prefixes.len() > PREFIXES {
            self.prefixes.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_nobody_sends_are_told_apart() {
        let of = |words: &[TcpFlags]| Trash::of(words.iter().fold(TcpFlags::EMPTY, |all, flag| all | *flag));
        let (fin, syn, rst, psh, ack, urg) =
            (TcpFlags::FIN, TcpFlags::SYN, TcpFlags::RST, TcpFlags::PSH, TcpFlags::ACK, TcpFlags::URG);
        assert_eq!(of(&[syn, fin]), Some(Trash::SynFin));
        assert_eq!(of(&[syn, rst]), Some(Trash::SynRst));
        assert_eq!(of(&[]), Some(Trash::Null));
        assert_eq!(of(&[urg, psh, fin]), Some(Trash::FinAlone));
        assert_eq!(of(&[psh]), Some(Trash::PushAlone));
        for fine in [&[syn][..], &[syn, ack], &[ack], &[ack, fin], &[rst], &[rst, ack], &[psh, ack]] {
            assert_eq!(of(fine), None, "{fine:?}");
        }
        // Every combination of the six is trash exactly if one of the tests says so.
        for bits in 0..64 {
            let flags = TcpFlags::from_bits(bits);
            let tests = Trash::ALL.iter().any(|trash| {
                let (mask, set) = trash.test();
                flags & mask == set
            });
            assert_eq!(Trash::of(flags).is_some(), tests, "{flags}");
        }
    }

    #[test]
    fn the_smallest_keys_are_exact_in_any_order() {
        let build = |order: &mut dyn Iterator<Item = u32>| {
            let mut map: Bounded<u32, u64> = Bounded::new(10);
            for n in order {
                *map.at(n % 50) += 1;
            }
            map
        };
        let mut up = build(&mut (0..1000));
        let mut down = build(&mut (0..1000).rev());
        let expected: BTreeMap<u32, u64> = (0..10).map(|n| (n, 20)).collect();
        let of = |map: &Bounded<u32, u64>| map.sorted().into_iter().map(|(k, v)| (k, *v)).collect();
        assert_eq!(expected, of(&up));
        assert_eq!(expected, of(&down));
        std::mem::swap(&mut up, &mut down);
        up.merge(down, |own, other| *own += other);
        assert_eq!(up.sorted().len(), 10);
        assert!(up.sorted().values().all(|n| **n == 40));
    }

    #[test]
    fn too_many_sources_are_kept_by_network() {
        let kind = Kind::Request(6, 23);
        let (mut whole, mut left, mut right) = (Sources::default(), Sources::default(), Sources::default());
        for n in 0..(SOURCES as u32 + SOURCES as u32 / 2) {
            let addr = IpAddr::V4(std::net::Ipv4Addr::from_bits(0x2000_0000 + n));
            whole.add(addr, kind, 1, 5);
            if n % 3 == 0 { &mut left } else { &mut right }.add(addr, kind, 1, 5);
        }
        left.merge(right);
        assert_eq!(whole.bits(), (28, 64));
        assert_eq!((left.bits(), left.len()), (whole.bits(), whole.len()));
        assert!(left.iter().all(|(_, source)| source.all.lines == 16));
    }
}

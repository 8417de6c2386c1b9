//! A rule as a value: what it tests, what it writes, what it does.
//!
//! Responsible for: the types of a rule. They are close to what `iptables-save` prints,
//! because that is what people read: a header (`-p -s -d -i -o -f`), matches in their order
//! (`-m ...`), a target. What has no type here is kept as text.
//! Must not know: how a rule is read, matched or written.
//! Tested by: `tests/roundtrip.rs`, `tests/kernel.rs`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use logparse::{Mac, Protocol, TcpFlags};

use crate::model::conntrack::StateSet;
use crate::model::text::Text;

/// Which packets a ruleset or table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Family {
    /// `iptables`, nft's `ip`.
    #[default]
    Ipv4,
    /// `ip6tables`, nft's `ip6`.
    Ipv6,
    /// nft's `inet`: both.
    Inet,
    /// Anything else nft has (`arp`, `bridge`, `netdev`): kept, never walked.
    Other,
}

/// `[packets:bytes]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Counters {
    /// Packets that matched.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A value that a packet is tested against, and whether `!` turns the test around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Test<T> {
    /// `!` stands in front.
    pub not: bool,
    /// What is tested for.
    pub value: T,
}

impl<T> Test<T> {
    /// The test without `!`.
    pub const fn is(value: T) -> Test<T> {
        Test { not: false, value }
    }
}

/// An address with a mask; the mask need not be a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Net {
    addr: IpAddr,
    mask: IpAddr,
}

impl Net {
    /// The network of `addr` with a prefix of `length` bits; longer than the address: all of it.
    #[must_use]
    pub fn new(addr: IpAddr, length: u8) -> Net {
        let mask = match addr {
            IpAddr::V4(_) => {
                let bits = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(bits))
            }
            IpAddr::V6(_) => {
                let bits = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(bits))
            }
        };
        Net { addr: and(addr, mask), mask }
    }

    /// The addresses that agree with `addr` in the bits of `mask`; `None` for mixed families.
    #[must_use]
    pub fn with_mask(addr: IpAddr, mask: IpAddr) -> Option<Net> {
        (addr.is_ipv4() == mask.is_ipv4()).then(|| Net { addr: and(addr, mask), mask })
    }

    /// Reads `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.1.2.3`, and the same of IPv6.
    #[must_use]
    pub fn parse(text: &str) -> Option<Net> {
        let (addr, length) = match text.split_once('/') {
            Some((addr, length)) => (addr.parse().ok()?, Some(length)),
            None => (text.parse().ok()?, None),
        };
        match length {
            None => Some(Net::new(addr, 128)),
            Some(length) => match length.parse::<u8>() {
                Ok(bits) if bits <= if addr.is_ipv4() { 32 } else { 128 } => Some(Net::new(addr, bits)),
                Ok(_) => None,
                Err(_) => Net::with_mask(addr, length.parse().ok()?),
            },
        }
    }

    /// The lowest address.
    #[must_use]
    pub const fn addr(&self) -> IpAddr {
        self.addr
    }

    /// The mask.
    #[must_use]
    pub const fn mask(&self) -> IpAddr {
        self.mask
    }

    /// The prefix length, if the mask is a prefix.
    #[must_use]
    pub fn prefix_len(&self) -> Option<u8> {
        let (bits, width) = match self.mask {
            IpAddr::V4(mask) => (u128::from(mask.to_bits()) << 96, 32),
            IpAddr::V6(mask) => (mask.to_bits(), 128),
        };
        let ones = bits.leading_ones();
        (bits.count_ones() == ones && ones <= width).then_some(ones as u8)
    }

    /// Whether `addr` lies in it; never for an address of the other family.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        addr.is_ipv4() == self.addr.is_ipv4() && and(addr, self.mask) == self.addr
    }

    /// Whether it is every address.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.prefix_len() == Some(0)
    }

    /// The addresses as a range, if the mask is a prefix.
    #[must_use]
    pub fn range(&self) -> Option<AddressRange> {
        self.prefix_len()?;
        let last = match (self.addr, self.mask) {
            (IpAddr::V4(a), IpAddr::V4(m)) => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() | !m.to_bits())),
            (IpAddr::V6(a), IpAddr::V6(m)) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() | !m.to_bits())),
            _ => return None,
        };
        Some(AddressRange { first: self.addr, last })
    }
}

fn and(addr: IpAddr, mask: IpAddr) -> IpAddr {
    match (addr, mask) {
        (IpAddr::V4(a), IpAddr::V4(m)) => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() & m.to_bits())),
        (IpAddr::V6(a), IpAddr::V6(m)) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() & m.to_bits())),
        _ => addr,
    }
}

/// Addresses from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange {
    /// The lowest.
    pub first: IpAddr,
    /// The highest.
    pub last: IpAddr,
}

impl AddressRange {
    /// Whether `addr` lies in it.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        addr.is_ipv4() == self.first.is_ipv4() && self.first <= addr && addr <= self.last
    }
}

/// Numbers from `first` to `last`, both included: ports, lengths, ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Range<T> {
    /// The lowest.
    pub first: T,
    /// The highest.
    pub last: T,
}

impl<T: PartialOrd + Copy> Range<T> {
    /// From `first` to `last`.
    pub const fn new(first: T, last: T) -> Range<T> {
        Range { first, last }
    }

    /// One value.
    pub const fn one(value: T) -> Range<T> {
        Range { first: value, last: value }
    }

    /// Whether `value` lies in it.
    pub fn contains(&self, value: T) -> bool {
        self.first <= value && value <= self.last
    }
}

/// A number under a mask: `value/mask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Masked<T> {
    /// The value.
    pub value: T,
    /// The bits that count.
    pub mask: T,
}

/// The name of an interface, or its beginning followed by `+`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interface(pub Text);

impl Interface {
    /// The beginning in front of `+`, if this is such a pattern.
    #[must_use]
    pub fn wildcard(&self) -> Option<&[u8]> {
        self.0.as_bytes().strip_suffix(b"+")
    }

    /// Whether an interface of this name (empty: no interface) is meant.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        match self.wildcard() {
            Some(start) => name.starts_with(start),
            None => name == self.0.as_bytes(),
        }
    }
}

/// Source or destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Where the packet comes from.
    Source,
    /// Where it goes to.
    Destination,
}

/// Which ports `multiport` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortSide {
    /// `--sports`.
    Source,
    /// `--dports`.
    Destination,
    /// `--ports`: either of the two.
    Either,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rule {
    /// `[p:b]` or `-c p b`.
    pub counters: Option<Counters>,
    /// `-p`; `None` and `-p all` are the same.
    pub protocol: Option<Test<Protocol>>,
    /// `-s`.
    pub source: Option<Test<Net>>,
    /// `-d`.
    pub destination: Option<Test<Net>>,
    /// `-i`.
    pub input: Option<Test<Interface>>,
    /// `-o`.
    pub output: Option<Test<Interface>>,
    /// `-f` (`false`: `! -f`).
    pub fragment: Option<bool>,
    /// `-m ...`, in order.
    pub matches: Vec<Match>,
    /// The line it writes (`-j LOG`, `-j NFLOG`, nft's `log`). In nft a rule may write a line
    /// **and** have a target.
    pub log: Option<Log>,
    /// What it does.
    pub target: Target,
    /// Where it stood, from 1; 0 if it was not read from a file. Not part of its meaning.
    pub line: usize,
    /// Put in by [`Ruleset::add`](crate::Ruleset::add): it was not there when the log was
    /// written.
    pub added: bool,
}

/// One `-m` match.
///
/// What a rule tests with options that have no place here is kept whole in [`Match::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Match {
    /// `-m tcp`.
    Tcp(Tcp),
    /// `-m udp`, `-m sctp`, `-m dccp`, `-m udplite`: ports of a protocol that is not TCP.
    Ports(Ports),
    /// `-m multiport`.
    Multiport {
        /// Which port is looked at.
        side: PortSide,
        /// At most 15; a range counts two. nft's sets may be longer.
        ports: Test<Vec<Range<u16>>>,
    },
    /// `-m icmp --icmp-type`.
    Icmp(Test<Icmp>),
    /// `-m icmp6 --icmpv6-type`.
    Icmpv6(Test<Icmp>),
    /// `-m iprange`.
    IpRange {
        /// `--src-range`.
        source: Option<Test<AddressRange>>,
        /// `--dst-range`.
        destination: Option<Test<AddressRange>>,
    },
    /// `-m mac --mac-source`.
    Mac(Test<Mac>),
    /// `-m pkttype --pkt-type`.
    PacketType(Test<PacketType>),
    /// `-m addrtype`.
    AddressType(AddressType),
    /// `-m ttl`, `-m hl`.
    Ttl {
        /// `-m hl` (IPv6) instead of `-m ttl`.
        hop_limit: bool,
        /// How it is compared.
        compare: Compare,
        /// With what.
        value: u8,
    },
    /// `-m length --length`.
    Length(Test<Range<u32>>),
    /// `-m tos --tos`.
    Tos(Test<Masked<u8>>),
    /// `-m dscp --dscp`: 6 bits.
    Dscp(Test<u8>),
    /// `-m mark --mark`.
    Mark(Test<Masked<u32>>),
    /// `-m owner`.
    Owner {
        /// `--uid-owner`.
        uid: Option<Test<Range<u32>>>,
        /// `--gid-owner`.
        gid: Option<Test<Range<u32>>>,
    },
    /// `-m esp --espspi`.
    Esp(Test<Range<u32>>),
    /// `-m ah --ahspi`.
    Ah(Test<Range<u32>>),
    /// `-m set --match-set`.
    Set {
        /// The set's name.
        name: Text,
        /// Which of the packet's two sides each part of an entry is compared with.
        sides: Vec<Side>,
        /// `!` in front.
        not: bool,
    },
    /// `-m physdev`: bridge ports.
    Physdev {
        /// `--physdev-in`.
        input: Option<Test<Interface>>,
        /// `--physdev-out`.
        output: Option<Test<Interface>>,
    },
    /// `-m conntrack --ctstate`, `-m state --state`.
    State {
        /// `-m state` instead of `-m conntrack`.
        old: bool,
        /// The states.
        states: Test<StateSet>,
    },
    /// `-m tcpmss --mss`.
    Mss(Test<Range<u16>>),
    /// `-m comment --comment`: matches always.
    Comment(Text),
    /// nft: an address out of several.
    Addresses {
        /// Which address.
        side: Side,
        /// The set.
        ranges: Test<Vec<AddressRange>>,
    },
    /// nft: an interface out of several.
    Interfaces {
        /// The input interface (`false`: the output interface).
        input: bool,
        /// The set.
        names: Test<Vec<Interface>>,
    },
    /// nft: a protocol out of several.
    Protocols(Test<Vec<Protocol>>),
    /// nft in `inet` tables: `meta nfproto`.
    Version {
        /// IPv6 (`false`: IPv4).
        v6: bool,
    },
    /// Any other match, kept word by word. It evaluates to unknown.
    Other {
        /// Behind `-m`.
        module: Text,
        /// Its options.
        words: Vec<Text>,
    },
    /// nft: an expression that does not map to a match here, as its JSON text.
    Expression(Text),
}

/// `-m tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tcp {
    /// `--sport`.
    pub sport: Option<Test<Range<u16>>>,
    /// `--dport`.
    pub dport: Option<Test<Range<u16>>>,
    /// `--tcp-flags`, `--syn`.
    pub flags: Option<Test<Flags>>,
    /// `--tcp-option`.
    pub option: Option<Test<u8>>,
}

/// `--tcp-flags mask set`: of the flags in `mask` exactly those of `set` are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// The flags that are looked at.
    pub mask: TcpFlags,
    /// Those that must be there.
    pub set: TcpFlags,
}

/// Ports of UDP, UDPLITE, SCTP or DCCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The protocol.
    pub protocol: Protocol,
    /// `--sport`.
    pub sport: Option<Test<Range<u16>>>,
    /// `--dport`.
    pub dport: Option<Test<Range<u16>>>,
}

/// An ICMP or ICMPv6 type with its codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// The type; `None` is `any`.
    pub kind: Option<u8>,
    /// The code; `None` is every code.
    pub code: Option<u8>,
}

/// How a time to live is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Equal.
    Equal,
    /// `!` equal.
    NotEqual,
    /// Less.
    Less,
    /// Greater.
    Greater,
}

/// To whom a frame was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketType {
    /// To this host.
    Unicast,
    /// To all.
    Broadcast,
    /// To a group.
    Multicast,
}

/// `-m addrtype`: what the routing table says an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AddressType {
    /// `--src-type`.
    pub source: Option<Test<AddressTypes>>,
    /// `--dst-type`.
    pub destination: Option<Test<AddressTypes>>,
    /// `--limit-iface-in`: look at the addresses of the input interface only.
    pub limit_in: bool,
    /// `--limit-iface-out`.
    pub limit_out: bool,
}

/// A set of address types, in `iptables-save`'s order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct AddressTypes(pub u16);

impl AddressTypes {
    /// The words, each with its bit (`RTN_*` of `linux/rtnetlink.h`).
    pub const WORDS: [(AddressTypes, &'static str); 12] = [
        (AddressTypes(1), "UNSPEC"),
        (AddressTypes(1 << 1), "UNICAST"),
        (AddressTypes(1 << 2), "LOCAL"),
        (AddressTypes(1 << 3), "BROADCAST"),
        (AddressTypes(1 << 4), "ANYCAST"),
        (AddressTypes(1 << 5), "MULTICAST"),
        (AddressTypes(1 << 6), "BLACKHOLE"),
        (AddressTypes(1 << 7), "UNREACHABLE"),
        (AddressTypes(1 << 8), "PROHIBIT"),
        (AddressTypes(1 << 9), "THROW"),
        (AddressTypes(1 << 10), "NAT"),
        (AddressTypes(1 << 11), "XRESOLVE"),
    ];
    /// No address.
    pub const UNSPEC: AddressTypes = AddressTypes(1);
    /// Where packets are refused.
    pub const UNREACHABLE: AddressTypes = AddressTypes(1 << 7);
    /// An address of another host.
    pub const UNICAST: AddressTypes = AddressTypes(1 << 1);
    /// An address of this host.
    pub const LOCAL: AddressTypes = AddressTypes(1 << 2);
    /// A broadcast address.
    pub const BROADCAST: AddressTypes = AddressTypes(1 << 3);
    /// An anycast address (IPv6).
    pub const ANYCAST: AddressTypes = AddressTypes(1 << 4);
    /// A group.
    pub const MULTICAST: AddressTypes = AddressTypes(1 << 5);
    /// Every type there is.
    pub const ALL: AddressTypes = AddressTypes(0xfff);

    /// Those in either.
    #[must_use]
    pub const fn or(self, other: AddressTypes) -> AddressTypes {
        AddressTypes(self.0 | other.0)
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: AddressTypes) -> AddressTypes {
        AddressTypes(self.0 & other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The line a rule writes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Log {
    /// `--log-prefix`, as it stands in the rule; see [`Log::written`].
    pub prefix: Text,
    /// `--log-level`; `None` is the default, 4 (warning).
    pub level: Option<u8>,
    /// `--log-tcp-sequence`.
    pub tcp_sequence: bool,
    /// `--log-tcp-options`.
    pub tcp_options: bool,
    /// `--log-ip-options`.
    pub ip_options: bool,
    /// `--log-uid`.
    pub uid: bool,
    /// `--log-macdecode`.
    pub macdecode: bool,
    /// NFLOG: what else stands behind it (`--nflog-group 5`). The line is then written by a
    /// program, ulogd, and not by the kernel.
    pub nflog: Option<Vec<Text>>,
}

impl Log {
    /// The longest prefix of `-j LOG`; a longer one is cut by `iptables` without a word.
    pub const IPTABLES_PREFIX: usize = 29;
    /// The longest prefix of nft's `log prefix` (the kernel refuses more), and where a
    /// prefix of ours is cut for NFLOG is 63.
    pub const NFT_PREFIX: usize = 127;
    /// The longest prefix of NFLOG.
    pub const NFLOG_PREFIX: usize = 63;

    /// The prefix as it stands in the log's lines: what is longer than `iptables` keeps is cut.
    /// nft's rules (`nft` true) keep 127 bytes.
    #[must_use]
    pub fn written(&self, nft: bool) -> &[u8] {
        let limit = match (&self.nflog, nft) {
            (Some(_), _) => Log::NFLOG_PREFIX,
            (None, true) => Log::NFT_PREFIX,
            (None, false) => Log::IPTABLES_PREFIX,
        };
        let bytes = self.prefix.as_bytes();
        &bytes[..bytes.len().min(limit)]
    }
}

/// What a rule does with a packet it takes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Target {
    /// Nothing: the rule counts (or logs), the walk goes on.
    #[default]
    Continue,
    /// `-j ACCEPT`: the packet is through this table's chain.
    Accept,
    /// `-j DROP`.
    Drop,
    /// `-j REJECT --reject-with`: dropped, and the sender is told. Empty: the default answer.
    Reject(Text),
    /// `-j RETURN`: back to the chain that jumped here; in a built-in chain, its policy.
    Return,
    /// `-j QUEUE`, nft's `queue`: a program decides.
    Queue,
    /// `-j CHAIN`. A name that is no chain of the table is an extension that is not known.
    Jump(Text),
    /// `-g CHAIN`: as a jump, but a return goes to the chain before this one.
    Goto(Text),
    /// Any other target, kept word by word (`-j MARK --set-mark 1`).
    Other {
        /// Behind `-j`.
        name: Text,
        /// Its options.
        words: Vec<Text>,
    },
}

/// What becomes of the walk when a rule with this target takes a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Continue,
    Verdict(Verdict),
    Return,
    Jump,
    Goto,
    /// An extension that is not known: it may end the walk or not.
    Unknown,
}

/// How the walk through one hook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verdict {
    /// The packet went on.
    Accept,
    /// It was dropped.
    Drop,
    /// It was dropped and its sender told.
    Reject,
    /// A program in user space decides.
    Queue,
}

impl Verdict {
    /// The word for it: `ACCEPT`, `DROP`, `REJECT`, `QUEUE`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Accept => "ACCEPT",
            Verdict::Drop => "DROP",
            Verdict::Reject => "REJECT",
            Verdict::Queue => "QUEUE",
        }
    }
}

/// Extensions after which the walk goes on (man 8 iptables-extensions).
const CONTINUING: [&str; 27] = [
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DNPT",
    "DSCP",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "LED",
    "MARK",
    "NOTRACK",
    "RATEEST",
    "SECMARK",
    "SET",
    "SNPT",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
    "ULOG",
    "LOGMARK",
];

/// Extensions of the nat and mangle tables that end the table with "accepted".
const TRANSLATING: [&str; 6] = ["DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP", "TPROXY"];

impl Target {
    pub(crate) fn effect(&self) -> Effect {
        match self {
            Target::Continue => Effect::Continue,
            Target::Accept => Effect::Verdict(Verdict::Accept),
            Target::Drop => Effect::Verdict(Verdict::Drop),
            Target::Reject(_) => Effect::Verdict(Verdict::Reject),
            Target::Return => Effect::Return,
            Target::Queue => Effect::Verdict(Verdict::Queue),
            Target::Jump(_) => Effect::Jump,
            Target::Goto(_) => Effect::Goto,
            Target::Other { name, .. } => match name.as_str() {
                Some(name) if CONTINUING.contains(&name) => Effect::Continue,
                Some(name) if TRANSLATING.contains(&name) => Effect::Verdict(Verdict::Accept),
                Some("NFQUEUE" | "QUEUE") => Effect::Verdict(Verdict::Queue),
                Some("TARPIT" | "CHAOS" | "DELUDE" | "STEAL" | "SYNPROXY") => Effect::Verdict(Verdict::Drop),
                _ => Effect::Unknown,
            },
        }
    }

    /// The word behind `-j`: `DROP`, a chain, an extension. Empty if there is none.
    #[must_use]
    pub fn word(&self) -> &[u8] {
        match self {
            Target::Continue => b"",
            Target::Accept => b"ACCEPT",
            Target::Drop => b"DROP",
            Target::Reject(_) => b"REJECT",
            Target::Return => b"RETURN",
            Target::Queue => b"QUEUE",
            Target::Jump(name) | Target::Goto(name) | Target::Other { name, .. } => name.as_bytes(),
        }
    }
}

impl Rule {
    /// The rule's comment, if it has one.
    #[must_use]
    pub fn comment(&self) -> Option<&Text> {
        self.matches.iter().find_map(|m| match m {
            Match::Comment(text) => Some(text),
            _ => None,
        })
    }

    /// Whether two rules mean the same: counters, comments and where they stood do not count.
    #[must_use]
    pub fn same(&self, other: &Rule) -> bool {
        fn tests(rule: &Rule) -> impl Iterator<Item = &Match> {
            rule.matches.iter().filter(|m| !matches!(m, Match::Comment(_)))
        }
        self.protocol == other.protocol
            && self.source == other.source
            && self.destination == other.destination
            && self.input == other.input
            && self.output == other.output
            && self.fragment == other.fragment
            && self.log == other.log
            && self.target == other.target
            && tests(self).eq(tests(other))
    }
}

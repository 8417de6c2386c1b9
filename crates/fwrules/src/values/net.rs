//! Networks, ranges, interfaces, and tests of such values.
//!
//! Responsible for: the values that conditions compare fields with.
//! Must not know: conditions, rules.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::values::text::Text;

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
    /// nft's `netdev`: asked before a packet is routed, or as it leaves. Not walked.
    Netdev,
    /// nft's `bridge`: frames between ports of a bridge. Not walked.
    Bridge,
    /// nft's `arp`: no IP packets.
    Arp,
    /// Anything else: kept, never walked.
    Other,
}

impl Family {
    /// nft's word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
            Family::Inet => "inet",
            Family::Netdev => "netdev",
            Family::Bridge => "bridge",
            Family::Arp => "arp",
            Family::Other => "other",
        }
    }

    /// The family of nft's word.
    #[must_use]
    pub fn from_word(word: &str) -> Family {
        use Family::{Arp, Bridge, Inet, Ipv4, Ipv6, Netdev, Other};
        let all = [Ipv4, Ipv6, Inet, Netdev, Bridge, Arp];
        all.into_iter().find(|family| family.word() == word).unwrap_or(Other)
    }

    /// Whether tables of this family see packets as the lines of the kernel's log show them.
    #[must_use]
    pub const fn is_ip(self) -> bool {
        matches!(self, Family::Ipv4 | Family::Ipv6 | Family::Inet)
    }
}

/// A value that a packet is tested against, and whether `!` turns the test around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Test<T> {
    /// `!` comes before.
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

impl fmt::Display for Net {
    /// As `iptables-save` has it: `10.0.0.0/8`, or with the mask if it is no prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix_len() {
            Some(length) => write!(f, "{}/{length}", self.addr),
            None => write!(f, "{}/{}", self.addr, self.mask),
        }
    }
}

/// Addresses from `first` to `last`, both included and of one family.
pub type AddressRange = Range<IpAddr>;

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

impl<T: PartialEq + fmt::Display> Range<T> {
    /// One value, or both ends with `between` them.
    pub(crate) fn text(&self, between: char) -> String {
        if self.first == self.last {
            self.first.to_string()
        } else {
            format!("{}{between}{}", self.first, self.last)
        }
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
    /// The beginning before `+`, if this is such a pattern.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl Side {
    /// Both.
    pub const BOTH: [Side; 2] = [Side::Source, Side::Destination];

    /// The one or the other of two values.
    pub(crate) fn of<T>(self, source: T, destination: T) -> T {
        match self {
            Side::Source => source,
            Side::Destination => destination,
        }
    }
}

impl PortSide {
    /// Whether the port of this side is looked at alone.
    pub(crate) fn is(self, side: Side) -> bool {
        self == side.of(PortSide::Source, PortSide::Destination)
    }
}

//! Things found by a value that each of them wants: rules by addresses and ports, entries of sets.
//!
//! Everything wanted is a number of 128 bits or the beginning of one: a range is the few prefixes
//! that make it up, an interface's name its bytes. A value is looked up once for each length of
//! prefix that occurs.
//!
//! Responsible for: the sorted list of prefixes.
//! Must not know: what wants a value, what a value means.
//! Tested by: the unit test below, `tests/compiled.rs`: the walker's answers are the same without it.

use core::net::IpAddr;

use crate::values::net::{AddressRange, Interface, Range};

/// The first `length` bits of a number; the others are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Prefix {
    length: u8,
    bits: u128,
}

impl Prefix {
    /// Every number.
    pub(crate) const ANY: Prefix = Prefix { length: 0, bits: 0 };

    fn new(bits: u128, length: u8) -> Prefix {
        Prefix { length, bits: bits & mask(length) }
    }

    /// The prefixes that make up the numbers from `first` to `last`.
    fn of_range(mut first: u128, last: u128) -> impl Iterator<Item = Prefix> {
        let mut more = first <= last;
        std::iter::from_fn(move || {
            if !more {
                return None;
            }
            // As many low bits as are 0 in the first and lead not beyond the last.
            let within = |free: &u32| first | !mask((128 - free) as u8) <= last;
            let free = (0..=first.trailing_zeros().min(128)).rev().find(within).unwrap_or(0);
            let end = first | !mask((128 - free) as u8);
            let prefix = Prefix::new(first, (128 - free) as u8);
            (first, more) = (end.wrapping_add(1), end < last);
            Some(prefix)
        })
    }

    pub(crate) fn of_addresses(range: &AddressRange) -> impl Iterator<Item = Prefix> + use<> {
        Prefix::of_range(address(range.first), address(range.last))
    }

    pub(crate) fn of_ports(range: &Range<u16>) -> impl Iterator<Item = Prefix> + use<> {
        Prefix::of_range(port(range.first), port(range.last) | !mask(16))
    }

    /// Names longer than 16 bytes are one with others that begin as they do.
    pub(crate) fn of_interface(interface: &Interface) -> Prefix {
        match interface.wildcard() {
            Some(start) => Prefix::new(name(start), (start.len() * 8).min(128) as u8),
            None => Prefix::new(name(interface.0.as_bytes()), 128),
        }
    }

    pub(crate) fn of_number(number: u64) -> Prefix {
        Prefix::new(u128::from(number), 128)
    }
}

fn mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

/// An address as a number: IPv4 as IPv6 writes it.
pub(crate) fn address(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

pub(crate) fn port(port: u16) -> u128 {
    u128::from(port) << 112
}

/// An interface's name as a number.
pub(crate) fn name(name: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    let length = name.len().min(16);
    bytes[..length].copy_from_slice(&name[..length]);
    u128::from_be_bytes(bytes)
}

/// Things by what they want: each is a number, and can want several prefixes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes {
    /// By length, then bits, then number; the last two in lists of their own.
    bits: Vec<u128>,
    numbers: Vec<u32>,
    /// Each length that occurs, and where its prefixes end.
    lengths: Vec<(u8, u32)>,
    /// Every number once, in order.
    all: Vec<u32>,
}

impl Prefixes {
    pub(crate) fn new(mut wanted: Vec<(Prefix, u32)>) -> Prefixes {
        wanted.sort_unstable();
        wanted.dedup();
        let mut lengths: Vec<(u8, u32)> = Vec::new();
        for (end, (prefix, _)) in (1..).zip(&wanted) {
            match lengths.last_mut() {
                Some((length, last)) if *length == prefix.length => *last = end,
                _ => lengths.push((prefix.length, end)),
            }
        }
        let mut all: Vec<u32> = wanted.iter().map(|(_, number)| *number).collect();
        let (bits, numbers) = wanted.into_iter().map(|(prefix, number)| (prefix.bits, number)).unzip();
        all.sort_unstable();
        all.dedup();
        Prefixes { bits, numbers, lengths, all }
    }

    /// Those that want `value`: a list for each prefix of it that is wanted, each in order.
    pub(crate) fn at(&self, value: u128) -> impl Iterator<Item = &[u32]> {
        let mut start = 0;
        self.lengths.iter().filter_map(move |(length, end)| {
            let (from, to) = (std::mem::replace(&mut start, *end as usize), *end as usize);
            let (of, wanted) = (&self.bits[from..to], value & mask(*length));
            let first = of.partition_point(|bits| *bits < wanted);
            let count = of[first..].partition_point(|bits| *bits == wanted);
            (count > 0).then(|| &self.numbers[from + first..from + first + count])
        })
    }

    /// All of them, in order: any may be meant where the value is not known.
    pub(crate) fn all(&self) -> &[u32] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_prefixes_that_hold_its_numbers_and_no_others() {
        let mut wanted = Vec::new();
        let ranges = [(0, 65_535), (80, 90), (22, 22), (1024, 65_535), (1, 65_534), (9, 8)];
        for (number, (first, last)) in (0..).zip(ranges) {
            wanted.extend(Prefix::of_ports(&Range::new(first, last)).map(|prefix| (prefix, number)));
        }
        let of = Prefixes::new(wanted);
        for value in 0..=u16::MAX {
            let mut found: Vec<u32> = of.at(port(value)).flatten().copied().collect();
            found.sort_unstable();
            let holds = |(number, (first, last)): (u32, (u16, u16))| {
                (first..=last).contains(&value).then_some(number)
            };
            assert_eq!(found, (0..).zip(ranges).filter_map(holds).collect::<Vec<_>>(), "{value}");
        }
        // The range that runs backwards wants nothing.
        assert_eq!(of.all(), [0, 1, 2, 3, 4]);
        assert_eq!(Prefix::of_range(0, u128::MAX).collect::<Vec<_>>(), [Prefix::ANY]);
        assert!(Prefix::of_range(1, u128::MAX).count() == 128);
    }

    #[test]
    fn names_are_found_by_their_beginnings() {
        let of = |text: &str| Prefix::of_interface(&Interface(text.into()));
        let names = ["eth0", "eth+", "+", "a-name-of-more-than-sixteen", "eth"];
        let of = Prefixes::new(names.iter().map(|text| of(text)).zip(0..).collect());
        let found = |text: &[u8]| of.at(name(text)).flatten().copied().collect::<Vec<_>>();
        assert_eq!(found(b"eth0"), [2, 1, 0]);
        assert_eq!(found(b"eth"), [2, 1, 4]);
        assert_eq!(found(b""), [2]);
        assert_eq!(found(b"a-name-of-more-than-sixteen"), [2, 3]);
    }
}

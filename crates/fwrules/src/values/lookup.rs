//! Whether something is in a set.
//!
//! Responsible for: sets by their names, and entries by one of their parts, so that a set of a
//! million entries is not read for each packet.
//! Must not know: rules. Where the parts of a packet come from is `matches::set`'s business.
//! Tested by: the unit tests below, `tests/speed.rs`.

use core::net::IpAddr;
use std::collections::HashMap;

use logparse::{Mac, Protocol};

use crate::values::ipset::{Entry, Part, PartKind, Set, Sets};
use crate::values::prefixes::{Prefix, Prefixes, address, name, port};

/// What a packet shows of one part; `None` where the line does not show it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'a> {
    Address(Option<IpAddr>),
    /// The protocol and the port (for ICMP, type and code).
    Port(Option<Protocol>, Option<u16>),
    Mac(Option<Mac>),
    Interface(&'a [u8]),
    Mark(Option<u32>),
}

/// The sets of a host by name, ready to be asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lookup<'s>(HashMap<&'s [u8], Known<'s>>);

/// One set, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Known<'s> {
    pub(crate) set: &'s Set,
    /// Its content changes by itself: today's listing says nothing about the time of the log.
    pub(crate) timed: bool,
    /// The part by which entries are found.
    part: usize,
    entries: Prefixes,
    /// Entries that cannot be found by it.
    rest: Vec<u32>,
}

impl<'s> Lookup<'s> {
    pub(crate) fn new(sets: &'s Sets) -> Lookup<'s> {
        let mut lookup = Lookup::default();
        for set in &sets.sets {
            lookup.0.entry(set.name.as_bytes()).or_insert_with(|| Known::new(set));
        }
        lookup
    }

    /// The set of this name.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Known<'s>> {
        self.0.get(name)
    }
}

impl<'s> Known<'s> {
    fn new(set: &'s Set) -> Known<'s> {
        // Addresses tell most entries apart.
        let part = set.parts.iter().position(|kind| *kind == PartKind::Address).unwrap_or(0);
        let (mut wanted, mut rest) = (Vec::new(), Vec::new());
        for (number, entry) in (0..).zip(&set.entries) {
            match entry.parts.get(part).and_then(prefixes) {
                Some(prefixes) => wanted.extend(prefixes.into_iter().map(|prefix| (prefix, number))),
                None => rest.push(number),
            }
        }
        Known { set, timed: set.is_timed(), part, entries: Prefixes::new(wanted), rest }
    }

    /// Whether the set holds `keys`: yes, no, or `None` where a key is not shown, or the set
    /// is of a type that is not known here.
    pub(crate) fn holds(&self, keys: &[Key<'_>]) -> Option<bool> {
        let set = self.set;
        if set.parts.is_empty() || keys.len() < set.parts.len() {
            return None;
        }
        match value(keys[self.part]) {
            None => best(set.entries.iter(), keys),
            Some(value) => {
                let mut found: Vec<u32> =
                    self.entries.at(value).flatten().chain(&self.rest).copied().collect();
                found.sort_unstable();
                best(found.iter().map(|number| &set.entries[*number as usize]), keys)
            }
        }
    }
}

/// The answer of the entries that may hold `keys`.
fn best<'e>(entries: impl Iterator<Item = &'e Entry>, keys: &[Key<'_>]) -> Option<bool> {
    // The most specific network wins (`nomatch` is an exception to a wider one).
    let mut best: Option<(u32, bool)> = None;
    let mut unknown = false;
    for entry in entries {
        let mut length = 0;
        let mut all = Some(true);
        for (i, part) in entry.parts.iter().enumerate() {
            let one = keys.get(i).and_then(|key| part_holds(part, *key));
            all = match (all, one) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
            length += match part {
                Part::Net(net) => u32::from(net.prefix_len().unwrap_or(0)),
                _ => 128,
            };
        }
        match all {
            Some(true) if best.is_none_or(|(b, _)| length >= b) => best = Some((length, !entry.nomatch)),
            None => unknown = true,
            _ => {}
        }
    }
    match (best, unknown) {
        (_, true) => None,
        (Some((_, is)), false) => Some(is),
        (None, false) => Some(false),
    }
}

/// What a part wants; `None` where that is no range.
pub(crate) fn prefixes(part: &Part) -> Option<Vec<Prefix>> {
    Some(match part {
        Part::Net(net) => Prefix::of_addresses(&net.range()?).collect(),
        Part::Addresses(range) => Prefix::of_addresses(range).collect(),
        Part::Port(_, range) => Prefix::of_ports(range).collect(),
        Part::Mac(mac) => vec![Prefix::of_number(number(*mac))],
        Part::Interface(interface) => vec![Prefix::of_interface(interface)],
        Part::Mark(mark) => vec![Prefix::of_number((*mark).into())],
        Part::Set(_) | Part::Text(_) => return None,
    })
}

/// A key as a number.
fn value(key: Key<'_>) -> Option<u128> {
    match key {
        Key::Address(addr) => addr.map(address),
        Key::Port(_, of) => of.map(port),
        Key::Mac(mac) => mac.map(|mac| number(mac).into()),
        Key::Interface(of) => Some(name(of)),
        Key::Mark(mark) => mark.map(u128::from),
    }
}

pub(crate) fn number(mac: Mac) -> u64 {
    mac.0.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn part_holds(part: &Part, key: Key<'_>) -> Option<bool> {
    Some(match (part, key) {
        (Part::Net(net), Key::Address(addr)) => net.contains(addr?),
        (Part::Addresses(range), Key::Address(addr)) => range.contains(addr?),
        (Part::Port(protocol, range), Key::Port(of, port)) => {
            if let Some(protocol) = protocol
                && of? != *protocol
            {
                return Some(false);
            }
            range.contains(port?)
        }
        (Part::Mac(mac), Key::Mac(of)) => of? == *mac,
        (Part::Interface(interface), Key::Interface(name)) => interface.matches(name),
        (Part::Mark(mark), Key::Mark(of)) => of? == *mark,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &[u8] = b"\
create a hash:ip,port family inet hashsize 1024 maxelem 65536
add a 10.0.0.1,tcp:80
create c hash:net family inet hashsize 1024 maxelem 65536
add c 10.0.0.0/8
add c 10.1.0.0/16 nomatch
";

    #[test]
    fn an_exception_in_a_wider_net_is_no_member() {
        let sets = Sets::parse(SAVED).unwrap();
        let lookup = Lookup::new(&sets);
        let c = lookup.get(b"c").unwrap();
        let holds = |addr: &str| c.holds(&[Key::Address(Some(addr.parse().unwrap()))]);
        assert_eq!(holds("10.2.0.1"), Some(true));
        assert_eq!(holds("10.1.0.1"), Some(false));
        assert_eq!(holds("11.1.0.1"), Some(false));
        assert_eq!(c.holds(&[Key::Address(None)]), None);
    }

    #[test]
    fn a_part_that_is_not_shown_is_unknown_only_if_it_matters() {
        let sets = Sets::parse(SAVED).unwrap();
        let lookup = Lookup::new(&sets);
        let key = |addr: &str, port| {
            let keys = [Key::Address(addr.parse().ok()), Key::Port(Some(Protocol::TCP), port)];
            lookup.get(b"a").unwrap().holds(&keys)
        };
        assert_eq!(key("10.0.0.1", Some(80)), Some(true));
        assert_eq!(key("10.0.0.1", None), None);
        assert_eq!(key("10.0.0.2", None), Some(false));
    }
}

//! Addresses as numbers, networks as ranges.
//!
//! Responsible for: the arithmetic of addresses that the model needs.
//! Must not know: logs, rules.
//! Tested by: the unit tests below.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fwlog::sorting::InOrder as _;
use fwrules::Net;

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

/// The network of `v4` or `v6` bits around an address.
#[must_use]
pub fn around(number: u128, v4: u8, v6: u8) -> Net {
    let addr = address(number);
    Net::new(addr, if addr.is_ipv4() { v4 } else { v6 })
}

/// One host.
#[must_use]
pub fn host(number: u128) -> Net {
    Net::new(address(number), 128)
}

/// A network as people write it: a host without `/32`.
#[must_use]
pub fn net_name(net: &Net) -> String {
    let whole = if net.addr().is_ipv4() { 32 } else { 128 };
    match net.prefix_len() {
        Some(length) if length == whole => net.addr().to_string(),
        Some(length) => format!("{}/{length}", net.addr()),
        None => format!("{}/{}", net.addr(), net.mask()),
    }
}

/// Whether two networks have an address in common.
#[must_use]
pub fn overlap(a: &Net, b: &Net) -> bool {
    match (a.range(), b.range()) {
        (Some(a), Some(b)) => {
            a.first.is_ipv4() == b.first.is_ipv4() && a.first <= b.last && b.first <= a.last
        }
        // A mask with holes.
        _ => a.addr().is_ipv4() == b.addr().is_ipv4(),
    }
}

/// Networks without those that lie in another of them, in order.
#[must_use]
pub fn collapsed(mut nets: Vec<Net>) -> Vec<Net> {
    // A network comes before everything that lies in it.
    nets.order_by_key(|net| (net.addr(), net.prefix_len()));
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

/// As [`collapsed`], and two halves of a network as that network.
#[must_use]
pub fn joined(nets: Vec<Net>) -> Vec<Net> {
    let mut nets = collapsed(nets);
    loop {
        let mut joined: Vec<Net> = Vec::with_capacity(nets.len());
        for net in &nets {
            if let (Some(last), Some(length)) = (joined.last().copied(), net.prefix_len())
                && length > 0
                && last.prefix_len() == Some(length)
                && last.addr() != net.addr()
                && Net::new(last.addr(), length - 1) == Net::new(net.addr(), length - 1)
                && last.addr().is_ipv4() == net.addr().is_ipv4()
            {
                joined.pop();
                joined.push(Net::new(last.addr(), length - 1));
            } else {
                joined.push(*net);
            }
        }
        if joined.len() == nets.len() {
            return joined;
        }
        nets = joined;
    }
}

/// Networks to ask for many addresses.
#[derive(Clone, Debug, Default)]
pub struct Nets {
    /// First and last address, in order and apart; of IPv4 and of IPv6, whose `::/0` would hold all.
    ranges: [Vec<(u128, u128)>; 2],
    /// Masks that are no prefixes.
    others: Vec<Net>,
}

impl Nets {
    /// Of any networks.
    #[must_use]
    pub fn new(nets: &[Net]) -> Nets {
        let nets = collapsed(nets.to_vec());
        let ranges = [true, false].map(|v4| {
            let own = nets.iter().filter(|net| net.addr().is_ipv4() == v4).filter_map(Net::range);
            let mut own: Vec<(u128, u128)> =
                own.map(|range| (number(range.first), number(range.last))).collect();
            own.order();
            own
        });
        Nets { ranges, others: nets.iter().filter(|net| net.range().is_none()).copied().collect() }
    }

    /// Whether an address lies in one of them.
    #[must_use]
    pub fn contains(&self, number: u128) -> bool {
        let ranges = &self.ranges[usize::from(!is_v4(number))];
        let before = ranges.partition_point(|(first, _)| *first <= number);
        before.checked_sub(1).is_some_and(|at| number <= ranges[at].1)
            || self.others.iter().any(|net| net.contains(address(number)))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.iter().all(Vec::is_empty) && self.others.is_empty()
    }
}

/// Whether a number is that of an IPv4 address.
#[must_use]
pub fn is_v4(number: u128) -> bool {
    number >> 32 == 0xffff
}

/// Blocks that no router of the internet carries: a source in them that comes through a router is
/// spoofed.
pub const BOGUS: [&str; 6] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "240.0.0.0/4", "100.64.0.0/10"];

/// Blocks that LANs use (RFC 1918).
pub const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(list: &[&str]) -> Vec<Net> {
        list.iter().map(|net| Net::parse(net).unwrap()).collect()
    }

    #[test]
    fn networks_in_networks_are_left_out_and_halves_joined() {
        let all =
            ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "9.0.0.1", "11.0.0.0", "::1", "::/64", "10.0.0.0"];
        assert_eq!(collapsed(nets(&all)), nets(&["9.0.0.1", "10.0.0.0/8", "11.0.0.0", "::/64"]));
        assert_eq!(collapsed(nets(&["10.0.0.0/255.0.0.255", "10.0.0.0/24", "10.0.0.7"])).len(), 2);
        assert_eq!(joined(nets(&["10.0.0.0/25", "10.0.0.128/25", "10.0.1.0/24"])), nets(&["10.0.0.0/23"]));
    }

    #[test]
    fn many_networks_are_asked_as_each_of_them() {
        let list = nets(&["::/0", "10.0.0.0/8", "9.0.0.1", "10.0.0.0/255.0.0.255", "fe80::/10"]);
        let many = Nets::new(&list);
        for text in ["9.0.0.0", "9.0.0.1", "10.7.7.7", "11.0.0.0", "::1", "fe80::1", "255.255.255.255"] {
            let addr: IpAddr = text.parse().unwrap();
            assert_eq!(many.contains(number(addr)), list.iter().any(|net| net.contains(addr)), "{text}");
            assert_eq!(address(number(addr)), addr);
        }
    }
}

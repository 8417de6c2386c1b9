//! Addresses as they are shared: Crypto-PAn, within what must be known of an address for a log to make sense.
//!
//! What is private, of the link or of this host stays that: no bit is flipped that would lead out of such a network, or
//! into it. For that the bits on the way to it (those that it has in common with it, and the next) are not flipped
//! either, so the first bits of an address that lies close to one of them are known. Groups (multicast), the
//! broadcast address, loopback and the unspecified address stay as they are; a group that is made from an address
//! (solicited nodes, prefixes) is mapped below its own prefix. An IPv4 address inside of an IPv6 one (mapped, NAT64)
//! is mapped as it is elsewhere.
//!
//! Responsible for: the image of an address and of a network.
//! Must not know: how an address is written.
//! Tested by: the unit tests below, `tests/cli/anonymise.rs`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::pan::{Key, Pan, first};

/// Networks that are mapped inside of themselves: their first 32 bits, and how many count.
const INSIDE: [(u32, u32); 9] = [
    (0x0000_0000, 8),
    (0x0a00_0000, 8),
    (0x6440_0000, 10),
    (0x7f00_0000, 8),
    (0xa9fe_0000, 16),
    (0xac10_0000, 12),
    (0xc0a8_0000, 16),
    (0xe000_0000, 4),
    (0xf000_0000, 4),
];
/// Of those, where `.255` is the broadcast address of a network, most likely, and stays one.
const LANS: [(u32, u32); 4] = [(0x0a00_0000, 8), (0xa9fe_0000, 16), (0xac10_0000, 12), (0xc0a8_0000, 16)];

/// The same of IPv6: the unspecified address and loopback, IPv4 mapped, NAT64, the global ones, unique local ones, the
/// link's, groups.
const INSIDE_6: [(u128, u32); 9] = [
    (0, 128),
    (1, 128),
    (0xffff << 32, 96),
    (0x0064_ff9b << 96, 96),
    (0x2000 << 112, 3),
    (0xfc00 << 112, 8),
    (0xfd00 << 112, 8),
    (0xfe80 << 112, 64),
    (0xff00 << 112, 8),
];

/// Images that are remembered: a power of two.
const REMEMBERED: usize = 1 << 15;

/// Maps addresses, and remembers some.
#[derive(Debug)]
pub struct Addresses {
    pan: Pan,
    /// Address and image, and whether there is one.
    known: Vec<(u32, u32)>,
    /// The same of IPv6.
    known_6: Vec<(u128, u128)>,
}

/// How many first bits two addresses have in common.
fn common(a: u128, b: u128) -> u32 {
    (a ^ b).leading_zeros()
}

impl Addresses {
    /// With this key.
    #[must_use]
    pub fn new(key: &Key) -> Addresses {
        // No address is remembered as one whose place is another's.
        let known = (0..REMEMBERED).map(|_| (0, 0)).collect();
        Addresses { pan: Pan::new(key), known, known_6: vec![(0, 0); REMEMBERED / 8] }
    }

    /// The image of an address.
    pub fn image(&mut self, addr: IpAddr) -> IpAddr {
        match addr {
            IpAddr::V4(addr) => self.v4(addr).into(),
            IpAddr::V6(addr) => self.v6(addr).into(),
        }
    }

    /// The image of an IPv4 address.
    pub fn v4(&mut self, addr: Ipv4Addr) -> Ipv4Addr {
        let bits = addr.to_bits();
        if stays(bits) {
            return addr;
        }
        let place = (bits.wrapping_mul(0x9e37_79b1) >> (32 - REMEMBERED.trailing_zeros())) as usize;
        let (known, image) = self.known[place];
        // Zero stays, so it is never looked for.
        if known == bits {
            return image.into();
        }
        let image = self.map(bits, 32);
        self.known[place] = (bits, image);
        image.into()
    }

    /// The image of the first `length` bits of an address; the others are left zero. What no network of this length
    /// stays is its address's image.
    fn map(&self, bits: u32, length: u32) -> u32 {
        let fixed = fixed(bits);
        let flips = self.pan.flips_32(bits, fixed.min(length)..length);
        (bits ^ flips ^ kept_ends(bits, flips)) & first_32(length)
    }

    /// The image of an IPv6 address.
    pub fn v6(&mut self, addr: Ipv6Addr) -> Ipv6Addr {
        let bits = addr.to_bits();
        if stays_6(bits) {
            return addr;
        }
        let hash = (bits as u64 ^ (bits >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = (hash >> (64 - self.known_6.len().trailing_zeros())) as usize;
        if self.known_6[place].0 == bits {
            return self.known_6[place].1.into();
        }
        let image = self.map_6(bits, 128);
        self.known_6[place] = (bits, image);
        image.into()
    }

    fn map_6(&mut self, bits: u128, length: u32) -> u128 {
        // An IPv4 address inside is the same one.
        if let Some(start) =
            [0xffff_u128 << 32, 0x0064_ff9b << 96].into_iter().find(|net| common(*net, bits) >= 96)
        {
            let inside = self.v4(Ipv4Addr::from_bits(bits as u32)).to_bits();
            return (start | u128::from(inside)) & first(length);
        }
        let fixed = fixed_6(bits);
        (bits ^ self.pan.flips(bits, fixed.min(length)..length)) & first(length)
    }

    /// The image of a network: of as many first bits as it has.
    pub fn network(&mut self, addr: IpAddr, length: u8) -> IpAddr {
        let length = u32::from(length);
        match addr {
            IpAddr::V4(addr) if stays(addr.to_bits()) => addr.into(),
            IpAddr::V4(addr) => Ipv4Addr::from_bits(self.map(addr.to_bits(), length.min(32))).into(),
            IpAddr::V6(addr) if stays_6(addr.to_bits()) => addr.into(),
            IpAddr::V6(addr) => Ipv6Addr::from_bits(self.map_6(addr.to_bits(), length.min(128))).into(),
        }
    }
}

/// Whether an address stays as it is: of this network (0.0.0.0/8), loopback, a group, the broadcast address.
fn stays(bits: u32) -> bool {
    bits >> 24 == 0 || bits >> 24 == 127 || bits >> 28 == 0xe || bits == u32::MAX
}

fn stays_6(bits: u128) -> bool {
    let group = bits >> 120 == 0xff;
    bits <= 1 || group && !is_made(bits)
}

/// Whether a group is made from an address: of solicited nodes (RFC 4291), or from a prefix (RFC 3306, RFC 3956).
fn is_made(bits: u128) -> bool {
    common(bits, SOLICITED) >= 104 || bits >> 116 & 0x3 == 0x3 && bits >> 120 == 0xff
}

/// `ff02::1:ff00:0`, of which the last 24 bits are those of an address.
const SOLICITED: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;

/// How many first bits of an address are not flipped.
fn fixed(bits: u32) -> u32 {
    let near = |(net, length): &(u32, u32)| ((net ^ bits).leading_zeros() + 1).min(*length);
    INSIDE.iter().map(near).max().unwrap_or(0)
}

fn fixed_6(bits: u128) -> u32 {
    if bits >> 120 == 0xff {
        return if common(bits, SOLICITED) >= 104 { 104 } else { 32 };
    }
    let near = |(net, length): &(u128, u32)| (common(*net, bits) + 1).min(*length);
    INSIDE_6.iter().map(near).max().unwrap_or(0)
}

/// The flips among the last eight bits that must not be: on the way to the broadcast address of a LAN.
fn kept_ends(bits: u32, flips: u32) -> u32 {
    // All of the broadcast address of all networks.
    if bits >> 28 == 0xf {
        let ones = bits.leading_ones();
        return flips & first_32(ones.saturating_add(1).min(32)) & !first_32(3);
    }
    if !LANS.iter().any(|(net, length)| (net ^ bits).leading_zeros() >= *length) {
        return 0;
    }
    let ones = (bits << 24).leading_ones();
    flips & first_32((25 + ones).min(32)) & !first_32(24)
}

/// A mask of the first bits of 32.
fn first_32(bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn addresses() -> Addresses {
        Addresses::new(&std::array::from_fn(|at| at as u8 * 7 + 3))
    }

    fn of(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_an_address_is_for_stays() {
        let mut addresses = addresses();
        for same in [
            "0.0.0.0",
            "127.0.0.1",
            "127.0.0.53",
            "224.0.0.1",
            "224.0.0.251",
            "239.255.255.250",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::1",
            "ff02::fb",
            "ff05::1:3",
        ] {
            assert_eq!(addresses.image(of(same)), of(same), "{same}");
        }
        for (text, first) in [
            ("10.1.2.3", "10."),
            ("172.20.30.40", "172."),
            ("192.168.50.10", "192.168."),
            ("169.254.7.7", "169.254."),
            ("100.100.3.4", "100."),
            ("fe80::216:3eff:fe5e:6c00", "fe80::"),
            ("fd12:3456:789a::1", "fd"),
            ("ff02::1:ff5e:6c00", "ff02::1:ff"),
            ("::ffff:192.168.1.7", "::ffff:192.168."),
        ] {
            let image = addresses.image(of(text));
            assert!(image.to_string().starts_with(first) && image != of(text), "{text}: {image}");
        }
        // The address of a LAN for all of its hosts.
        for text in ["10.3.4.255", "192.168.178.255", "172.16.9.255"] {
            assert!(addresses.image(of(text)).to_string().ends_with(".255"), "{text}");
        }
        // An address inside of another is the same one.
        let IpAddr::V4(plain) = addresses.image(of("203.0.113.9")) else { panic!() };
        assert_eq!(addresses.image(of("::ffff:203.0.113.9")), IpAddr::V6(plain.to_ipv6_mapped()));
    }

    /// Every pair has as many first bits in common as before, so no two addresses become one.
    #[test]
    fn networks_stay_networks_of_their_size() {
        let mut addresses = addresses();
        let mut state = 1u64;
        let mut all: Vec<u32> = Vec::new();
        for _ in 0..400 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let base = (state >> 32) as u32;
            all.extend([base, base ^ 1, base ^ 0x100, base ^ 0xff]);
        }
        for lan in
            [0x0a00_0000u32, 0xac10_0000, 0xc0a8_0000, 0xa9fe_0000, 0x6440_0000, 0xf000_0000, 0xffff_ff00]
        {
            all.extend((0..300).map(|n| lan ^ (n * 77)));
        }
        let images: Vec<u32> = all.iter().map(|a| addresses.v4((*a).into()).to_bits()).collect();
        for (a, x) in all.iter().zip(&images) {
            for (b, y) in all.iter().zip(&images) {
                if stays(*a) == stays(*b) {
                    assert_eq!((a ^ b).leading_zeros(), (x ^ y).leading_zeros(), "{a:x} {b:x}");
                } else {
                    assert_ne!(x, y);
                }
            }
        }
        let inside =
            |bits: u32| INSIDE.iter().position(|(net, length)| (net ^ bits).leading_zeros() >= *length);
        for (a, x) in all.iter().zip(&images) {
            assert_eq!(inside(*a), inside(*x), "{a:x} {x:x}");
        }
    }

    #[test]
    fn networks_of_ipv6_stay_networks() {
        let mut addresses = addresses();
        let mut all: Vec<u128> = Vec::new();
        for start in [
            0x2001_0db8_u128 << 96,
            0x2a02 << 112,
            0xfd00_1234 << 96,
            0xfe80 << 112,
            0x3fff << 112,
            0x64 << 112,
        ] {
            all.extend((0..40u128).map(|n| start ^ (n << 64) ^ (n * n * 0x1_0001)));
        }
        let images: HashSet<u128> = all.iter().map(|a| addresses.v6((*a).into()).to_bits()).collect();
        assert_eq!(images.len(), all.iter().collect::<HashSet<_>>().len());
        for a in &all {
            for b in &all {
                let [x, y] = [a, b].map(|bits| addresses.v6((*bits).into()).to_bits());
                assert_eq!(common(*a, *b), common(x, y), "{a:x} {b:x}");
            }
        }
    }

    #[test]
    fn a_network_is_the_network_of_its_addresses() {
        let mut addresses = addresses();
        for (text, length) in
            [("198.51.100.0", 24), ("192.168.50.0", 24), ("10.0.0.0", 8), ("203.0.113.9", 32), ("0.0.0.0", 0)]
        {
            let IpAddr::V4(net) = addresses.network(of(text), length) else { panic!() };
            let IpAddr::V4(inside) = of(text) else { panic!() };
            let member = addresses.v4((inside.to_bits() | if length < 32 { 7 } else { 0 }).into());
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            assert_eq!(net.to_bits() & !mask, 0);
            if text != "0.0.0.0" {
                assert_eq!(net.to_bits(), member.to_bits() & mask, "{text}/{length}");
            }
        }
        let net = addresses.network(of("2001:db8::"), 32);
        let IpAddr::V6(member) = addresses.image(of("2001:db8::7")) else { panic!() };
        assert_eq!(net, IpAddr::V6(Ipv6Addr::from_bits(member.to_bits() & first(32))));
    }
}

//! Hardware addresses as they are shared.
//!
//! Groups and the broadcast address stay, and so does the vendor, unless it is to be dropped: then nothing is left but
//! whether an address was given by a vendor or locally. The group of a solicited node holds the end of an address and is
//! mapped below `33:33:ff`. Below what stays the mapping keeps prefixes, as that of addresses does.
//!
//! Responsible for: the image of six bytes, or of the first of them.
//! Must not know: how a hardware address is written.
//! Tested by: the unit tests below, `tests/cli/anonymise.rs`.

use super::pan::{Key, Pan, first};

/// Images that are remembered.
const REMEMBERED: usize = 1 << 10;

/// Maps hardware addresses.
#[derive(Debug)]
pub struct Hardware {
    pan: Pan,
    /// Whether the vendor stays.
    vendor: bool,
    known: Vec<([u8; 6], [u8; 6])>,
}

impl Hardware {
    /// With a key of its own.
    #[must_use]
    pub fn new(key: &Key, vendor: bool) -> Hardware {
        Hardware { pan: Pan::new(key), vendor, known: vec![([0; 6], [0; 6]); REMEMBERED] }
    }

    /// The image of an address.
    pub fn image(&mut self, mac: [u8; 6]) -> [u8; 6] {
        let place =
            mac.iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
        let place = place % REMEMBERED;
        if self.known[place].0 == mac {
            return self.known[place].1;
        }
        let mut image = mac;
        self.map(&mut image);
        self.known[place] = (mac, image);
        image
    }

    /// Maps an address, or the first bytes of one.
    pub fn replace(&mut self, bytes: &mut [u8]) {
        match <[u8; 6]>::try_from(&*bytes) {
            Ok(whole) => bytes.copy_from_slice(&self.image(whole)),
            Err(_) => self.map(bytes),
        }
    }

    /// Maps the first bytes of an address.
    pub fn map(&self, bytes: &mut [u8]) {
        let mut whole = [0; 16];
        let length = bytes.len().min(6);
        whole[..length].copy_from_slice(&bytes[..length]);
        let address = u128::from_be_bytes(whole);
        let fixed = match &whole[..6] {
            [0, 0, 0, 0, 0, 0] if length == 6 => return,
            [0x33, 0x33, 0xff, ..] => 24,
            // A group.
            [head, ..] if head & 1 == 1 => return,
            _ if self.vendor => 24,
            // The two bits that say which kind it is come last in the first byte.
            _ => 0,
        };
        let kinds = u128::from(0x03u8) << 120;
        let flips = self.pan.flips(address, fixed..48) & !(kinds & !first(fixed)) & first(length as u32 * 8);
        bytes[..length].copy_from_slice(&(address ^ flips).to_be_bytes()[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn hardware(vendor: bool) -> Hardware {
        Hardware::new(&std::array::from_fn(|at| at as u8), vendor)
    }

    #[test]
    fn groups_stay_and_vendors_if_they_may() {
        let mut keep = hardware(true);
        for same in [[0xff; 6], [0; 6], [1, 0, 0x5e, 0, 0, 0xfb], [0x33, 0x33, 0, 0, 0, 1]] {
            assert_eq!(keep.image(same), same);
        }
        let mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
        let image = keep.image(mac);
        assert!(image[..3] == mac[..3] && image[3..] != mac[3..], "{image:?}");
        let node = keep.image([0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        assert!(node[..3] == [0x33, 0x33, 0xff] && node[3..] != [0x12, 0x34, 0x56]);
        let dropped = hardware(false).image(mac);
        assert!(dropped[..3] != mac[..3] && dropped[0] & 3 == mac[0] & 3, "{dropped:?}");
    }

    #[test]
    fn no_two_become_one_and_parts_are_parts() {
        for vendor in [true, false] {
            let mut hardware = hardware(vendor);
            let all: Vec<[u8; 6]> = (0..3000u32)
                .map(|n| {
                    let [_, a, b, c] = (n * 5_003).to_be_bytes();
                    [0, (n % 7) as u8, 0x1b, a, b, c]
                })
                .collect();
            let images: HashSet<[u8; 6]> = all.iter().map(|mac| hardware.image(*mac)).collect();
            assert_eq!(images.len(), all.len());
            for mac in &all[..50] {
                let image = hardware.image(*mac);
                for length in 0..6 {
                    let mut part = *mac;
                    hardware.map(&mut part[..length]);
                    assert_eq!(part[..length], image[..length]);
                }
            }
        }
    }
}

//! Crypto-PAn: addresses that keep how many first bits they have in common, and nothing else.
//!
//! Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization (ICNP 2002). Whether the n-th bit of an address is
//! flipped is a pseudo-random function of the bits before it: the first bit of AES of these bits, filled up with those
//! of a secret block. So two addresses of one network are two addresses of one network afterwards, whatever its size.
//!
//! Responsible for: the function as it was published, of up to 128 bits.
//! Must not know: which addresses are mapped otherwise.
//! Tested by: the unit tests below, with the vectors of the published source.

use std::ops::Range;

use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes128, Block};

/// Blocks that are encrypted together: the processor works on that many at a time.
const TOGETHER: usize = 8;

/// A key: sixteen bytes for AES, and sixteen from which the block is made that fills up.
pub type Key = [u8; 32];

/// The function of one key.
#[derive(Debug)]
pub struct Pan {
    cipher: Aes128,
    pad: u128,
}

/// A mask of the first bits.
#[must_use]
pub fn first(bits: u32) -> u128 {
    u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0)
}

impl Pan {
    /// The function of a key.
    #[must_use]
    pub fn new(key: &Key) -> Pan {
        let (mut cipher, mut pad) = ([0; 16], [0; 16]);
        cipher.copy_from_slice(&key[..16]);
        pad.copy_from_slice(&key[16..]);
        let cipher = Aes128::new(&cipher.into());
        let mut block: Block = pad.into();
        cipher.encrypt_block(&mut block);
        Pan { cipher, pad: u128::from_be_bytes(block.into()) }
    }

    /// Which bits with these numbers (from 0, the first bit) are flipped in an address that begins at the first bit of
    /// `address`: a mask.
    #[must_use]
    pub fn flips(&self, address: u128, bits: Range<u32>) -> u128 {
        let mut flips = 0;
        let mut next = bits.start;
        while next < bits.end {
            let mut blocks = [Block::default(); TOGETHER];
            let count = (bits.end - next).min(TOGETHER as u32);
            for (bit, block) in (next..next + count).zip(&mut blocks) {
                let mask = first(bit);
                *block = (address & mask | self.pad & !mask).to_be_bytes().into();
            }
            self.cipher.encrypt_blocks(&mut blocks[..count as usize]);
            for (bit, block) in (next..next + count).zip(&blocks) {
                flips |= u128::from(block[0] >> 7) << (127 - bit);
            }
            next += count;
        }
        flips
    }

    /// [`Pan::flips`] of an address of 32 bits: for each address that was not seen before.
    #[must_use]
    pub fn flips_32(&self, address: u32, bits: Range<u32>) -> u32 {
        // All blocks end as the one that fills up.
        let filled: Block = self.pad.to_be_bytes().into();
        let pad = (self.pad >> 96) as u32;
        let mut flips = 0;
        let mut next = bits.start;
        while next < bits.end {
            let mut blocks = [filled; TOGETHER];
            let count = (bits.end - next).min(TOGETHER as u32);
            for (bit, block) in (next..next + count).zip(&mut blocks) {
                let rest = u32::MAX >> bit;
                block[..4].copy_from_slice(&(address & !rest | pad & rest).to_be_bytes());
            }
            self.cipher.encrypt_blocks(&mut blocks[..count as usize]);
            for (bit, block) in (next..next + count).zip(&blocks) {
                flips |= u32::from(block[0] >> 7) << (31 - bit);
            }
            next += count;
        }
        flips
    }

    /// A pseudo-random number of some bytes, of one kind: the CBC-MAC of the kind, the length and the bytes.
    #[must_use]
    pub fn number(&self, kind: u8, bytes: &[u8]) -> u128 {
        let mut state = (u128::from(kind) << 64) ^ bytes.len() as u128;
        for chunk in std::iter::once(&[][..]).chain(bytes.chunks(16)) {
            let mut block = [0; 16];
            block[..chunk.len()].copy_from_slice(chunk);
            let mut block: Block = (state ^ u128::from_be_bytes(block)).to_be_bytes().into();
            self.cipher.encrypt_block(&mut block);
            state = u128::from_be_bytes(block.into());
        }
        state
    }

    /// A key for another purpose.
    #[must_use]
    pub fn derived(&self, purpose: &[u8]) -> Key {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&self.number(0xfe, purpose).to_be_bytes());
        key[16..].copy_from_slice(&self.number(0xff, purpose).to_be_bytes());
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// The key of the published sample.
    const SAMPLE: Key = [
        21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131, 121, 121,
        101, 39, 98, 87, 76, 45, 42, 132, 34, 2,
    ];

    /// `sample_trace_raw.dat` and `sample_trace_sanitized.dat` of Crypto-PAn 1.0, each address once.
    const TRACE: &str = "\
        128.11.68.132 135.242.180.132 129.118.74.4 134.136.186.123 130.132.252.244 133.68.164.234 \
        141.223.7.43 141.167.8.160 141.233.145.108 141.129.237.235 152.163.225.39 151.140.114.167 \
        156.29.3.236 147.225.12.42 165.247.96.84 162.9.99.234 166.107.77.190 160.132.178.185 \
        192.102.249.13 252.138.62.131 192.215.32.125 252.43.47.189 192.233.80.103 252.25.108.8 \
        192.41.57.43 252.222.221.184 193.150.244.223 253.169.52.216 195.205.63.100 255.186.223.5 \
        198.200.171.101 249.199.68.213 198.26.132.101 249.36.123.202 198.36.213.5 249.7.21.132 \
        198.51.77.238 249.18.186.254 199.217.79.101 248.38.184.213 202.49.198.20 245.206.7.234 \
        203.12.160.252 244.248.163.4 204.184.162.189 243.192.77.90 204.202.136.230 243.178.4.198 \
        204.29.20.4 243.33.20.123 205.178.38.67 242.108.198.51 205.188.147.153 242.96.16.101 \
        205.188.248.25 242.96.88.27 205.245.121.43 242.21.121.163 207.105.49.5 241.118.205.138 \
        207.135.65.238 241.202.129.222 207.155.9.214 241.220.250.22 207.188.7.45 241.255.249.220 \
        207.25.71.27 241.33.119.156 207.33.151.131 241.1.233.131 208.147.89.59 227.237.98.191 \
        208.234.120.210 227.154.67.17 208.28.185.184 227.39.94.90 208.52.56.122 227.8.63.165 \
        209.12.231.7 226.243.167.8 209.238.72.3 226.6.119.243 209.246.74.109 226.22.124.76 \
        209.68.60.238 226.184.220.233 209.85.249.6 226.170.70.6 212.120.124.31 228.135.163.231 \
        212.146.8.236 228.19.4.234 212.186.227.154 228.59.98.98 212.204.172.118 228.71.195.169 \
        212.206.130.201 228.69.242.193 216.148.237.145 235.84.194.111 216.157.30.252 235.89.31.26 \
        216.184.159.48 235.96.225.78 216.227.10.221 235.28.253.36 216.254.18.172 235.7.16.162 \
        216.32.132.250 235.192.139.38 216.35.217.178 235.195.157.81 24.0.250.221 100.15.198.226 \
        24.13.62.231 100.2.192.247 24.14.213.138 100.1.42.141 24.5.0.80 100.9.15.210 \
        24.7.198.88 100.10.6.25 24.94.26.44 100.88.228.35 38.15.67.68 64.3.66.187 \
        4.3.88.225 124.60.155.63 63.14.55.111 95.9.215.7 63.195.241.44 95.179.238.44 \
        63.97.7.140 95.97.9.123 64.14.118.196 0.255.183.58 64.34.154.117 0.221.154.117 \
        64.39.15.238 0.219.7.41";

    #[test]
    fn addresses_of_the_published_trace_are_mapped_as_published() {
        let pan = Pan::new(&SAMPLE);
        let words: Vec<&str> = TRACE.split_whitespace().collect();
        assert_eq!(words.len() % 2, 0);
        for pair in words.chunks(2) {
            let [raw, wanted] = [pair[0], pair[1]].map(|text| text.parse::<Ipv4Addr>().unwrap());
            let address = u128::from(raw.to_bits()) << 96;
            let mapped = Ipv4Addr::from_bits(((address ^ pan.flips(address, 0..32)) >> 96) as u32);
            assert_eq!(mapped, wanted, "{raw}");
            assert_eq!(raw.to_bits() ^ pan.flips_32(raw.to_bits(), 0..32), wanted.to_bits(), "{raw}");
            for (from, to) in [(0, 0), (3, 7), (8, 32), (31, 32), (5, 24)] {
                let wide = (pan.flips(address, from..to) >> 96) as u32;
                assert_eq!(pan.flips_32(raw.to_bits(), from..to), wide, "{raw} {from}..{to}");
            }
        }
    }

    /// The vectors that other implementations agree on for 128 bits, with the same key.
    #[test]
    fn addresses_of_128_bits_are_mapped_as_elsewhere() {
        let pan = Pan::new(&SAMPLE);
        for (raw, wanted) in [
            ("::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"),
            ("::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"),
            ("::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838"),
            ("2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"),
            ("2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"),
        ] {
            let address = raw.parse::<Ipv6Addr>().unwrap().to_bits();
            let mapped = Ipv6Addr::from_bits(address ^ pan.flips(address, 0..128));
            assert_eq!(mapped, wanted.parse::<Ipv6Addr>().unwrap(), "{raw}");
        }
    }

    #[test]
    fn numbers_depend_on_kind_and_length() {
        let pan = Pan::new(&SAMPLE);
        let all = [pan.number(1, b"a"), pan.number(2, b"a"), pan.number(1, b"a\0"), pan.number(1, b"")];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one));
        }
        assert_ne!(pan.derived(b"x"), pan.derived(b"y"));
    }
}

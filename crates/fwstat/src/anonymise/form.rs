//! How addresses are written: in dotted decimal, in groups, in pairs of hexadecimal digits.
//!
//! Responsible for: reading each form and writing it, quickly.
//! Must not know: where in a text they stand, what becomes of them.
//! Tested by: the unit tests below, those of `text`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An address in dotted decimal.
pub(super) fn quad(bytes: &[u8]) -> Option<u32> {
    if !(7..=15).contains(&bytes.len()) {
        return None;
    }
    let (mut bits, mut octet, mut digits, mut dots) = (0u32, 0u32, 0, 0);
    for b in bytes {
        let digit = b.wrapping_sub(b'0');
        if digit < 10 && digits < 3 {
            octet = octet * 10 + u32::from(digit);
            digits += 1;
        } else if *b == b'.' && digits > 0 && octet < 256 {
            (bits, octet, digits, dots) = (bits << 8 | octet, 0, 0, dots + 1);
        } else {
            return None;
        }
    }
    (dots == 3 && digits > 0 && octet < 256).then_some(bits << 8 | octet)
}

/// An address of IPv6.
pub(super) fn six(bytes: &[u8]) -> Option<Ipv6Addr> {
    (bytes.len() >= 2).then(|| std::str::from_utf8(bytes).ok()?.parse().ok())?
}

/// A byte in two hexadecimal digits.
pub(super) fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |b: u8| (b as char).to_digit(16).map(|digit| digit as u8);
    match digits {
        [a, b] => Some(digit(*a)? << 4 | digit(*b)?),
        _ => None,
    }
}

/// Writes bytes in two digits each, with this between them.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8], between: u8, upper: bool) {
    const DIGITS: [&[u8; 16]; 2] = [b"0123456789abcdef", b"0123456789ABCDEF"];
    let digits = DIGITS[usize::from(upper)];
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            out.push(between);
        }
        out.extend([digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
    }
}

/// An address of IPv6 as the kernel writes it: eight groups of four digits.
pub(super) fn push_groups(out: &mut Vec<u8>, addr: Ipv6Addr) {
    for (at, two) in addr.octets().chunks_exact(2).enumerate() {
        if at > 0 {
            out.push(b':');
        }
        for byte in two {
            out.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
        }
    }
}

/// The decimal digits of a byte and a dot, and how many bytes these are.
const DECIMAL: [([u8; 4], u8); 256] = {
    let mut all = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let (hundreds, tens, ones) = (octet / 100, octet / 10 % 10, octet % 10);
        let digits = [hundreds as u8 + b'0', tens as u8 + b'0', ones as u8 + b'0'];
        all[octet] = match (hundreds, tens) {
            (0, 0) => ([digits[2], b'.', b'.', b'.'], 2),
            (0, _) => ([digits[1], digits[2], b'.', b'.'], 3),
            _ => ([digits[0], digits[1], digits[2], b'.'], 4),
        };
        octet += 1;
    }
    all
};

/// Writes an address in dotted decimal.
pub(super) fn push_quad(out: &mut Vec<u8>, addr: Ipv4Addr) {
    // Each octet is written over the rest of the one before it.
    let (mut text, mut length) = ([0; 16], 0);
    for octet in addr.octets() {
        let (digits, count) = DECIMAL[usize::from(octet)];
        text[length..length + 4].copy_from_slice(&digits);
        length += usize::from(count);
    }
    out.extend_from_slice(&text[..length - 1]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_decimal_is_read_as_the_standard_library_reads_it() {
        for octet in 0..=255u8 {
            for addr in [[octet, 0, 9, 255], [10, octet, 99, octet], [255, 100, octet, 1]].map(Ipv4Addr::from)
            {
                let mut text = Vec::new();
                push_quad(&mut text, addr);
                assert_eq!(text, addr.to_string().into_bytes());
                assert_eq!(quad(&text), Some(addr.to_bits()));
            }
        }
        assert_eq!(quad(b"001.02.3.4"), Some(0x0102_0304), "zeros in front are read as decimal");
        for wrong in [
            "",
            "1.2.3",
            "1.2.3.",
            ".1.2.3",
            "1..2.3",
            "256.1.1.1",
            "1.1.1.256",
            "1.2.3.4.5",
            "1234.1.1.1",
            "1.2.3.x",
            "99999999999.1.1",
            "1.2.3.4444",
        ] {
            assert_eq!(quad(wrong.as_bytes()), None, "{wrong}");
        }
    }
}

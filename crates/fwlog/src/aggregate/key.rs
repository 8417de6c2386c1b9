//! A record's fields as one key of bytes.
//!
//! Responsible for: bytes that are short, that compare like the values they stand for (so that
//! ties have one order everywhere), and from which the values come back.
//! Must not know: tables.
//! Tested by: the unit tests below.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use logparse::{Mac, Protocol, TcpFlags, Uptime};

use crate::record::{OwnedValue, Value};
use crate::time::clock::When;

const MISSING: u8 = 0x00;
const TRUE: u8 = 0x01;
/// And 1 for each byte of the number.
const NUMBER: u8 = 0x10;
const TEXT: u8 = 0x20;
const ADDR4: u8 = 0x30;
const ADDR6: u8 = 0x31;
const NET4: u8 = 0x32;
const NET6: u8 = 0x33;
const MAC: u8 = 0x40;
const FLAGS: u8 = 0x41;
const PROTO: u8 = 0x42;
const UPTIME: u8 = 0x43;
const TIME: u8 = 0x44;
const DAY: u8 = 0x45;

/// Appends a value to a key.
pub fn encode(key: &mut Vec<u8>, value: Value<'_>) {
    let signed = |n: i64| (n as u64 ^ (1 << 63)).to_be_bytes();
    match value {
        Value::Missing => key.push(MISSING),
        Value::True => key.push(TRUE),
        Value::Number(n) => {
            let bytes = n.to_be_bytes();
            let skip = (n.leading_zeros() / 8) as usize;
            key.push(NUMBER + (8 - skip) as u8);
            key.extend_from_slice(&bytes[skip..]);
        }
        Value::Text(text) => encode_text(key, text.iter().copied()),
        Value::Lower(text) => encode_text(key, text.iter().map(u8::to_ascii_lowercase)),
        Value::Addr(IpAddr::V4(addr)) => {
            key.push(ADDR4);
            key.extend_from_slice(&addr.octets());
        }
        Value::Addr(IpAddr::V6(addr)) => {
            key.push(ADDR6);
            key.extend_from_slice(&addr.octets());
        }
        Value::Net(IpAddr::V4(addr), length) => {
            key.push(NET4);
            key.extend_from_slice(&addr.octets());
            key.push(length);
        }
        Value::Net(IpAddr::V6(addr), length) => {
            key.push(NET6);
            key.extend_from_slice(&addr.octets());
            key.push(length);
        }
        Value::Mac(mac) => {
            key.push(MAC);
            key.extend_from_slice(&mac.0);
        }
        Value::Flags(flags) => {
            key.push(FLAGS);
            key.extend_from_slice(&flags.bits().to_be_bytes());
        }
        Value::Proto(protocol) => key.extend_from_slice(&[PROTO, protocol.0]),
        Value::Uptime(uptime) => {
            key.push(UPTIME);
            key.extend_from_slice(&uptime.seconds.to_be_bytes());
            key.extend_from_slice(&uptime.micros.to_be_bytes());
        }
        Value::Time(when) => {
            key.push(TIME);
            key.extend_from_slice(&signed(when.utc));
            key.extend_from_slice(&signed(i64::from(when.offset))[4..]);
        }
        Value::Day(day) => {
            key.push(DAY);
            key.extend_from_slice(&signed(day));
        }
    }
}

/// Text ends with `00 01`; a zero in it becomes `00 ff`.
fn encode_text(key: &mut Vec<u8>, text: impl Iterator<Item = u8>) {
    key.push(TEXT);
    for byte in text {
        key.push(byte);
        if byte == 0 {
            key.push(0xff);
        }
    }
    key.extend_from_slice(&[0, 1]);
}

/// The address of a key that is one and nothing else.
#[must_use]
pub fn address(key: &[u8]) -> Option<IpAddr> {
    match key.split_first()? {
        (&ADDR4, rest) => Some(IpAddr::from(<[u8; 4]>::try_from(rest).ok()?)),
        (&ADDR6, rest) => Some(IpAddr::from(<[u8; 16]>::try_from(rest).ok()?)),
        _ => None,
    }
}

/// How many bytes the first value of a key has.
#[must_use]
pub fn head(key: &[u8]) -> Option<usize> {
    let (tag, rest) = key.split_first()?;
    let len = match *tag {
        MISSING | TRUE => 0,
        TEXT => {
            let mut at = 0;
            loop {
                at += 1 + rest.get(at..)?.iter().position(|byte| *byte == 0)?;
                at += 1;
                if *rest.get(at - 1)? == 1 {
                    break at;
                }
            }
        }
        ADDR4 => 4,
        ADDR6 => 16,
        NET4 => 5,
        NET6 => 17,
        MAC => 6,
        FLAGS => 2,
        PROTO => 1,
        UPTIME | TIME => 12,
        DAY => 8,
        number => usize::from(number.checked_sub(NUMBER).filter(|len| *len <= 8)?),
    };
    (len <= rest.len()).then_some(1 + len)
}

/// How many values bytes have that may be a key.
#[must_use]
pub fn cells(mut key: &[u8]) -> Option<usize> {
    let mut cells = 0;
    while !key.is_empty() {
        key = &key[head(key)?..];
        cells += 1;
    }
    Some(cells)
}

/// The values of a key.
///
/// # Panics
/// If the bytes do not come from [`encode`].
#[must_use]
pub fn decode(key: &[u8]) -> Vec<OwnedValue> {
    checked(key).unwrap_or_else(|| panic!("these bytes are no key: {key:02x?}"))
}

/// The values of bytes that may be a key.
#[must_use]
pub fn checked(mut key: &[u8]) -> Option<Vec<OwnedValue>> {
    let mut cells = Vec::new();
    while let Some((tag, rest)) = key.split_first() {
        key = rest;
        let mut take = |len: usize| {
            let (bytes, rest) = key.split_at_checked(len)?;
            key = rest;
            Some(bytes)
        };
        fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
            let mut out = [0; N];
            out.copy_from_slice(bytes);
            out
        }
        let unsign = |bytes: &[u8]| (u64::from_be_bytes(array(bytes)) ^ (1 << 63)) as i64;
        cells.push(match *tag {
            MISSING => OwnedValue::Missing,
            TRUE => OwnedValue::True,
            TEXT => {
                let mut text = Vec::new();
                loop {
                    match take(1)?[0] {
                        0 if take(1)?[0] == 1 => break,
                        byte => text.push(byte),
                    }
                }
                OwnedValue::Text(text)
            }
            ADDR4 => OwnedValue::Addr(Ipv4Addr::from(array::<4>(take(4)?)).into()),
            ADDR6 => OwnedValue::Addr(Ipv6Addr::from(array::<16>(take(16)?)).into()),
            NET4 => OwnedValue::Net(Ipv4Addr::from(array::<4>(take(4)?)).into(), take(1)?[0]),
            NET6 => OwnedValue::Net(Ipv6Addr::from(array::<16>(take(16)?)).into(), take(1)?[0]),
            MAC => OwnedValue::Mac(Mac(array(take(6)?))),
            FLAGS => OwnedValue::Flags(TcpFlags::from_bits(u16::from_be_bytes(array(take(2)?)))),
            PROTO => OwnedValue::Proto(Protocol(take(1)?[0])),
            UPTIME => OwnedValue::Uptime(Uptime {
                seconds: u64::from_be_bytes(array(take(8)?)),
                micros: u32::from_be_bytes(array(take(4)?)),
            }),
            TIME => {
                OwnedValue::Time(When { utc: unsign(take(8)?), offset: i32::from_be_bytes(array(take(4)?)) })
            }
            DAY => OwnedValue::Day(unsign(take(8)?)),
            number => {
                let len = number.checked_sub(NUMBER).filter(|len| *len <= 8)?;
                let bytes = take(usize::from(len))?;
                OwnedValue::Number(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
            }
        });
    }
    Some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: Value<'_>) -> Vec<u8> {
        let mut key = Vec::new();
        encode(&mut key, value);
        key
    }

    #[test]
    fn keys_compare_like_their_values() {
        let numbers = [0, 1, 9, 10, 255, 256, 65_535, 65_536, u64::from(u32::MAX), u64::MAX];
        for pair in numbers.windows(2) {
            assert!(bytes(Value::Number(pair[0])) < bytes(Value::Number(pair[1])));
        }
        let texts: [&[u8]; 6] = [b"", b"\0", b"\0a", b"a", b"a\0", b"ab"];
        for pair in texts.windows(2) {
            assert!(bytes(Value::Text(pair[0])) < bytes(Value::Text(pair[1])), "{pair:?}");
        }
        for pair in [i64::MIN, -1, 0, 1, i64::MAX].windows(2) {
            assert!(bytes(Value::Day(pair[0])) < bytes(Value::Day(pair[1])));
        }
    }

    #[test]
    fn values_come_back() {
        let mut key = Vec::new();
        encode(&mut key, Value::Text(b"a\0\x01b"));
        encode(&mut key, Value::Number(443));
        encode(&mut key, Value::Missing);
        encode(&mut key, Value::Number(0));
        encode(&mut key, Value::Addr("2001:db8::1".parse().unwrap()));
        encode(&mut key, Value::Time(When { utc: -5, offset: -3600 }));
        encode(&mut key, Value::Lower(b"AB:CD"));
        assert_eq!((cells(&key), head(&key)), (Some(7), Some(8)));
        for end in 0..key.len() {
            assert_eq!(cells(&key[..end]), checked(&key[..end]).map(|cells| cells.len()), "{end}");
        }
        assert_eq!(
            decode(&key),
            [
                OwnedValue::Text(b"a\0\x01b".to_vec()),
                OwnedValue::Number(443),
                OwnedValue::Missing,
                OwnedValue::Number(0),
                OwnedValue::Addr("2001:db8::1".parse().unwrap()),
                OwnedValue::Time(When { utc: -5, offset: -3600 }),
                OwnedValue::Text(b"ab:cd".to_vec()),
            ]
        );
    }
}

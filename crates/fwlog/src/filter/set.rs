//! Sets of values, as they are written in options.
//!
//! Responsible for: ranges of numbers and of addresses, networks, names, patterns.
//! Must not know: records.
//! Tested by: the unit tests below.

use std::net::IpAddr;

use logparse::Protocol;
use regex::bytes::Regex;

use crate::record::{Key, Value};
use crate::services;

/// Values of one field.
#[derive(Clone, Debug, Default)]
pub struct Set {
    numbers: Vec<(u64, u64)>,
    addrs: Vec<(IpAddr, IpAddr)>,
    texts: Vec<Vec<u8>>,
    patterns: Vec<Regex>,
}

impl Set {
    /// One number.
    #[must_use]
    pub fn number(n: u64) -> Set {
        Set::numbers(n, n)
    }

    /// A range of numbers, both ends included.
    #[must_use]
    pub fn numbers(from: u64, to: u64) -> Set {
        Set { numbers: vec![(from, to)], ..Set::default() }
    }

    /// Whether a value is one of these; `None` if there is no value.
    #[must_use]
    pub fn holds(&self, value: Value<'_>) -> Option<bool> {
        let number = |n: u64| self.numbers.iter().any(|(from, to)| (*from..=*to).contains(&n));
        Some(match value {
            Value::Missing => return None,
            Value::Number(n) => number(n),
            Value::Proto(protocol) => number(u64::from(protocol.0)),
            Value::True => number(1),
            Value::Uptime(uptime) => number(uptime.seconds),
            Value::Addr(addr) | Value::Net(addr, _) => self
                .addrs
                .iter()
                .any(|(from, to)| from.is_ipv4() == addr.is_ipv4() && (*from..=*to).contains(&addr)),
            Value::Text(text) => self.is_text(text),
            other => self.is_text(other.to_plain().as_bytes()),
        })
    }

    fn is_text(&self, text: &[u8]) -> bool {
        self.texts.iter().any(|own| own == text) || self.patterns.iter().any(|pattern| pattern.is_match(text))
    }

    /// Joins two sets.
    #[must_use]
    pub fn or(mut self, other: Set) -> Set {
        self.numbers.extend(other.numbers);
        self.addrs.extend(other.addrs);
        self.texts.extend(other.texts);
        self.patterns.extend(other.patterns);
        self
    }

    /// Values of a field as written: `22`, `1000:2000`, `ssh`, `10.0.0.0/8`, `eth+`.
    ///
    /// # Errors
    /// The text is no value of this field.
    pub fn parse(key: Key, text: &str) -> Result<Set, String> {
        match key {
            Key::Src
            | Key::Dst
            | Key::TunnelSrc
            | Key::TunnelDst
            | Key::Gateway
            | Key::ArpIpSrc
            | Key::ArpIpDst => addresses(text),
            Key::Proto => protocol(text),
            Key::Spt | Key::Dpt => ports(text),
            Key::In | Key::Out | Key::PhysIn | Key::PhysOut => Ok(interface(text)),
            _ if is_number(key) => numbers(text, u64::MAX)
                .ok_or_else(|| format!("`{text}` is no number and no range of numbers (as 10, 0x1f, 10:20)")),
            Key::Mac | Key::MacDst | Key::MacSrc | Key::ArpMacSrc | Key::ArpMacDst => {
                Ok(Set { texts: vec![text.to_ascii_lowercase().into_bytes()], ..Set::default() })
            }
            _ => Ok(Set { texts: vec![text.as_bytes().to_vec()], ..Set::default() }),
        }
    }

    /// One text, as it is.
    #[must_use]
    pub fn text(text: &str) -> Set {
        Set { texts: vec![text.as_bytes().to_vec()], ..Set::default() }
    }

    /// The addresses of the same family before or behind one: `<`, `<=`, `>`, `>=`.
    ///
    /// # Errors
    /// The text is no address.
    pub fn addresses_beside(sign: &str, text: &str) -> Result<Set, String> {
        let addr: IpAddr = text.parse().map_err(|_| format!("`{text}` is no address"))?;
        let (lowest, highest, bits) = match addr {
            IpAddr::V4(v4) => (0, u128::from(u32::MAX), u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (0, u128::MAX, v6.to_bits()),
        };
        let range = match sign {
            "<" => bits.checked_sub(1).map(|last| (lowest, last)),
            "<=" => Some((lowest, bits)),
            ">" => bits.checked_add(1).filter(|first| *first <= highest).map(|first| (first, highest)),
            _ => Some((bits, highest)),
        };
        let addr = |bits: u128| match addr {
            IpAddr::V4(_) => IpAddr::V4((bits as u32).into()),
            IpAddr::V6(_) => IpAddr::V6(bits.into()),
        };
        Ok(Set {
            addrs: range.map(|(from, to)| (addr(from), addr(to))).into_iter().collect(),
            ..Set::default()
        })
    }

    /// Text that matches a pattern with `*` and `?`, as a whole.
    #[must_use]
    pub fn glob(pattern: &str) -> Set {
        let mut regex = String::from("(?s-u)^");
        for byte in pattern.bytes() {
            match byte {
                b'*' => regex.push_str(".*"),
                b'?' => regex.push('.'),
                _ => regex.push_str(&format!("\\x{byte:02x}")),
            }
        }
        regex.push('$');
        let patterns = Regex::new(&regex).into_iter().collect();
        Set { patterns, ..Set::default() }
    }
}

/// Whether the values of a field are numbers.
#[must_use]
pub fn is_number(key: Key) -> bool {
    matches!(
        key,
        Key::Severity
            | Key::Repeat
            | Key::Vmid
            | Key::Line
            | Key::MacType
            | Key::VlanId
            | Key::VlanPcp
            | Key::Len
            | Key::Tos
            | Key::Prec
            | Key::Ttl
            | Key::IpId
            | Key::Ce
            | Key::Df
            | Key::Mf
            | Key::Frag
            | Key::Tc
            | Key::HopLimit
            | Key::FlowLbl
            | Key::ProtoNumber
            | Key::Spt
            | Key::Dpt
            | Key::UdpLen
            | Key::TcpSeq
            | Key::TcpAck
            | Key::Window
            | Key::Res
            | Key::Urgp
            | Key::SrcAsn
            | Key::DstAsn
            | Key::IcmpType
            | Key::IcmpCode
            | Key::IcmpId
            | Key::IcmpSeq
            | Key::Parameter
            | Key::Pointer
            | Key::Mtu
            | Key::Spi
            | Key::Incomplete
            | Key::ArpHtype
            | Key::ArpPtype
            | Key::ArpOpcode
            | Key::Uid
            | Key::Gid
            | Key::Mark
            | Key::HourOfDay
            | Key::Uptime
    )
}

/// A number, decimal or hexadecimal.
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

/// `5`, `5:9`, `5-9`, `5:`, `:9`.
fn numbers(text: &str, largest: u64) -> Option<Set> {
    let (from, to) = match text.split_once([':', '-']) {
        None => (number(text)?, number(text)?),
        Some(("", "")) => return None,
        Some((from, "")) => (number(from)?, largest),
        Some(("", to)) => (0, number(to)?),
        Some((from, to)) => (number(from)?, number(to)?),
    };
    (from <= to && to <= largest).then(|| Set::numbers(from, to))
}

fn ports(text: &str) -> Result<Set, String> {
    if let Some(set) = numbers(text, 65_535) {
        return Ok(set);
    }
    let named = services::ports(text);
    if named.is_empty() {
        return Err(format!("`{text}` is no port (0 to 65535), no range (as 1000:2000) and no service name"));
    }
    let numbers = named.into_iter().map(|port| (u64::from(port), u64::from(port))).collect();
    Ok(Set { numbers, ..Set::default() })
}

fn protocol(text: &str) -> Result<Set, String> {
    if let Some(set) = numbers(text, 255) {
        return Ok(set);
    }
    match Protocol::from_name(text.as_bytes()) {
        Some(protocol) => Ok(Set::number(u64::from(protocol.0))),
        None if text.eq_ignore_ascii_case("all") => Ok(Set::numbers(0, 255)),
        None => Err(format!("`{text}` is no protocol: a name such as tcp, or a number up to 255")),
    }
}

/// An address, a network, or a range of addresses.
fn addresses(text: &str) -> Result<Set, String> {
    let bad =
        || format!("`{text}` is no address, no network (as 10.0.0.0/8) and no range (as 10.0.0.1-10.0.0.9)");
    let addr = |text: &str| text.parse::<IpAddr>().map_err(|_| bad());
    let range = if let Some((from, to)) = text.split_once('-') {
        let (from, to) = (addr(from)?, addr(to)?);
        if from.is_ipv4() != to.is_ipv4() || from > to {
            return Err(bad());
        }
        (from, to)
    } else if let Some((net, length)) = text.split_once('/') {
        match addr(net)? {
            IpAddr::V4(net) => {
                // iptables takes a mask as well: 10.0.0.0/255.0.0.0.
                let mask = match length.parse::<std::net::Ipv4Addr>() {
                    Ok(mask) if mask.to_bits().leading_ones() == mask.to_bits().count_ones() => {
                        mask.to_bits()
                    }
                    Ok(_) => return Err(bad()),
                    Err(_) => match length.parse::<u32>() {
                        Ok(length @ 0..=32) => u32::MAX.checked_shl(32 - length).unwrap_or(0),
                        _ => return Err(bad()),
                    },
                };
                let from = net.to_bits() & mask;
                let addr = |bits: u32| IpAddr::V4(bits.into());
                (addr(from), addr(from | !mask))
            }
            IpAddr::V6(net) => {
                let Ok(length @ 0..=128) = length.parse::<u32>() else { return Err(bad()) };
                let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
                let from = net.to_bits() & mask;
                let addr = |bits: u128| IpAddr::V6(bits.into());
                (addr(from), addr(from | !mask))
            }
        }
    } else {
        (addr(text)?, addr(text)?)
    };
    Ok(Set { addrs: vec![range], ..Set::default() })
}

/// An interface's name; `+` at its end stands for any rest, as iptables has it.
fn interface(text: &str) -> Set {
    match text.strip_suffix('+') {
        Some(start) => Set::glob(&format!("{start}*")),
        None if text.contains(['*', '?']) => Set::glob(text),
        None => Set { texts: vec![text.as_bytes().to_vec()], ..Set::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(key: Key, set: &str, value: Value<'_>) -> bool {
        Set::parse(key, set).unwrap().holds(value) == Some(true)
    }

    fn addr(text: &str) -> Value<'static> {
        Value::Addr(text.parse().unwrap())
    }

    #[test]
    fn networks_and_ranges_hold_their_ends() {
        assert!(holds(Key::Src, "10.0.0.0/8", addr("10.255.255.255")));
        assert!(!holds(Key::Src, "10.0.0.0/8", addr("11.0.0.0")));
        assert!(holds(Key::Src, "10.1.2.3/8", addr("10.0.0.0")));
        assert!(holds(Key::Src, "10.0.0.0/255.255.0.0", addr("10.0.3.4")));
        assert!(holds(Key::Src, "0.0.0.0/0", addr("255.255.255.255")));
        assert!(!holds(Key::Src, "0.0.0.0/0", addr("::1")));
        assert!(holds(Key::Src, "2001:db8::/32", addr("2001:db8:ffff::1")));
        assert!(holds(Key::Src, "10.0.0.1-10.0.0.9", addr("10.0.0.9")));
        for wrong in
            ["10.0.0.0/33", "10.0.0", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "10.0.0.0/255.0.255.0", "x"]
        {
            assert!(Set::parse(Key::Src, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ports_are_numbers_ranges_and_names() {
        assert!(holds(Key::Dpt, "ssh", Value::Number(22)));
        assert!(holds(Key::Dpt, "1000:2000", Value::Number(2000)));
        assert!(holds(Key::Dpt, "1000-2000", Value::Number(1000)));
        assert!(holds(Key::Dpt, ":1023", Value::Number(0)));
        assert!(holds(Key::Dpt, "1024:", Value::Number(65_535)));
        for wrong in ["65536", "9:1", "nonsense", ":", ""] {
            assert!(Set::parse(Key::Dpt, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn interfaces_and_globs() {
        assert!(holds(Key::In, "eth+", Value::Text(b"eth0.5")));
        assert!(!holds(Key::In, "eth+", Value::Text(b"wan")));
        assert!(holds(Key::In, "", Value::Text(b"")));
        let glob = Set::glob("tcp.*.drop?ed");
        assert_eq!(glob.holds(Value::Text(b"tcp.in.dropped")), Some(true));
        assert_eq!(glob.holds(Value::Text(b"xtcp.in.dropped")), Some(false));
        assert_eq!(glob.holds(Value::Missing), None);
        assert_eq!(Set::glob("a[b").holds(Value::Text(b"a[b")), Some(true));
    }
}

//! What one line is evidence of: a packet that the kernel saw, in 64 bytes.
//!
//! Only a whole line that the kernel wrote once is evidence. Everything else is [`Doubt`]: it is
//! counted and named, it proves nothing and it vetoes nothing.
//!
//! Responsible for: which lines are evidence, and the values that the model looks at.
//! Must not know: rules, noise.
//! Tested by: the unit tests below, `tests/cli/suggest.rs`.

use std::net::IpAddr;

use logparse::{Completeness, Dialect, Line, Link, Mac, Network, Protocol, TcpFlags, Transport};

use super::address::number;
use fwlog::record::Record;

/// Why a line is no evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// Its end is missing, or may be.
    Truncated,
    /// Another program wrote it.
    Foreign,
    /// `message repeated N times`.
    Repeated,
    /// A later fragment: no ports in it.
    Fragment,
    /// No IP packet that came in: ARP, packets of this host.
    Other,
}

impl Doubt {
    /// All of them.
    pub const ALL: [Doubt; 5] =
        [Doubt::Truncated, Doubt::Foreign, Doubt::Repeated, Doubt::Fragment, Doubt::Other];
}

/// To how many a packet was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum To {
    /// One host.
    One,
    /// A multicast group.
    Group,
    /// A broadcast address.
    All,
}

/// A packet as the model sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Source, IPv4 as `::ffff:a.b.c.d`.
    pub src: u128,
    /// Destination.
    pub dst: u128,
    /// Where in the log: input and offset, see [`Spread`](super::spread::Spread).
    pub at: u64,
    /// Interfaces and prefix, by number.
    pub front: u32,
    /// Source hardware address; all ones if the line shows none.
    pub mac: u64,
    /// `SPT=`; 0 without ports.
    pub sport: u16,
    /// `DPT=`; 0 without ports.
    pub dport: u16,
    /// IP protocol.
    pub protocol: u8,
    /// ICMP or ICMPv6 type.
    pub kind: u8,
    /// ICMP or ICMPv6 code.
    pub code: u8,
    /// Whether it has ports.
    pub ports: bool,
    /// A TCP packet that opens a connection: SYN, and none of ACK, RST, FIN.
    pub syn: bool,
    /// IPv6.
    pub v6: bool,
    /// To whom.
    pub to: To,
}

/// No hardware address in the line.
pub const NO_MAC: u64 = u64::MAX;

/// A hardware address as a number.
#[must_use]
pub fn mac_number(mac: Mac) -> u64 {
    mac.0.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Why a line is no evidence, if it is none.
#[must_use]
pub fn doubt(record: &Record<'_>) -> Option<Doubt> {
    let line = &record.line;
    if line.writer().is_foreign() {
        return Some(Doubt::Foreign);
    }
    if line.repeat() > 1 {
        return Some(Doubt::Repeated);
    }
    if line.completeness() != Completeness::Whole {
        return Some(Doubt::Truncated);
    }
    // A relay cuts anywhere. The kernel ends a record with a blank, so a last number before a
    // blank is whole; without one the packet's own lengths must agree.
    let ended = record.raw.trim_ascii_end().len() < record.raw.len();
    // Such a packet is no fragment and lacks no field.
    if ended && line.fast().is_some_and(|scanned| scanned.is_common()) {
        return None;
    }
    doubt_of(line, ended)
}

/// The same of a line that is whole as far as its fields say; `ended`: a blank follows the last.
/// Whichever engine read the line, the answer is one.
fn doubt_of(line: &Line<'_>, ended: bool) -> Option<Doubt> {
    let header = match line.network() {
        Network::Ipv4(ip) if ip.fragment.is_some() => return Some(Doubt::Fragment),
        Network::Ipv4(_) => 20,
        Network::Ipv6(_) => 40,
        _ => return Some(Doubt::Other),
    };
    if line.src().is_none() || line.dst().is_none() || line.protocol().is_none() {
        return Some(Doubt::Truncated);
    }
    let (length, kernel) = (line.ip_len(), line.dialect() == Dialect::Kernel);
    let cut = match line.transport() {
        Transport::Tcp(tcp) if kernel => tcp.urgent.is_none(),
        Transport::Udp(udp) if kernel => {
            let agree = |len: u16, all: u32| {
                let sum = u32::from(len) + header;
                sum == all || header == 40 && sum <= all
            };
            !udp.len.zip(length).is_some_and(|(len, all)| ended || agree(len, all))
        }
        Transport::Icmp(icmp) => icmp.code.is_none(),
        Transport::Icmpv6(icmp) => icmp.code.is_none(),
        // `PROTO=1` is what is left of `PROTO=17`, `PROTO=112` ...
        Transport::Other(protocol) => {
            !ended && protocol.0 < 2 || matches!(protocol, Protocol::TCP | Protocol::UDP)
        }
        _ => false,
    };
    if cut {
        return Some(Doubt::Truncated);
    }
    None
}

impl Sighting {
    /// What a line shows; `front` and `at` are the caller's. `None` without addresses.
    #[must_use]
    pub fn of(line: &Line<'_>, front: u32, at: u64) -> Option<Sighting> {
        let (src, dst) = (line.src()?, line.dst()?);
        let (from, mac) = macs(&line.link());
        let to = match dst {
            IpAddr::V4(dst) if dst.is_multicast() => To::Group,
            IpAddr::V6(dst) if dst.is_multicast() => To::Group,
            IpAddr::V4(dst) if dst.is_broadcast() || mac.is_some_and(Mac::is_broadcast) => To::All,
            IpAddr::V4(dst) if mac.is_none() && dst.octets()[3] == 255 => To::All,
            _ => To::One,
        };
        let opens = |flags: TcpFlags| {
            let asked = TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST | TcpFlags::FIN;
            flags & asked == TcpFlags::SYN
        };
        let ports = line.sport().zip(line.dport());
        let (sport, dport) = ports.unwrap_or_default();
        Some(Sighting {
            src: number(src),
            dst: number(dst),
            at,
            front,
            mac: from.map_or(NO_MAC, mac_number),
            sport,
            dport,
            protocol: line.protocol()?.0,
            kind: line.icmp_type().unwrap_or(0),
            code: line.icmp_code().unwrap_or(0),
            ports: ports.is_some(),
            syn: line.tcp_flags().is_some_and(opens),
            v6: src.is_ipv6(),
            to,
        })
    }

    /// The source as an address.
    #[must_use]
    pub fn source(&self) -> IpAddr {
        super::address::address(self.src)
    }

    /// The source's network: /24 of IPv4, /48 of IPv6, as a number.
    #[must_use]
    pub fn network(&self) -> u128 {
        self.src >> if self.v6 { 80 } else { 8 }
    }
}

/// Source and destination of the link header, if it is Ethernet's.
#[must_use]
pub fn macs(link: &Link<'_>) -> (Option<Mac>, Option<Mac>) {
    let header = match link {
        Link::Raw(raw) => raw.ethernet(),
        Link::Decoded(header) => Some(*header),
        _ => None,
    };
    header.map_or((None, None), |header| (header.src, header.dst))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubts(line: &str) -> Option<Doubt> {
        let entry = logparse::parse(line.as_bytes()).unwrap();
        if entry.completeness() != Completeness::Whole {
            return Some(Doubt::Truncated);
        }
        doubt_of(&Line::Full(&entry), line.ends_with(' '))
    }

    const UDP: &str = "kernel: x IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=229 TOS=0x00 PREC=0x00 TTL=64 ID=0 \
                       PROTO=UDP SPT=138 DPT=138 LEN=209 ";
    const TCP: &str = "kernel: x IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF \
                       PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 ";

    #[test]
    fn no_cut_line_is_evidence() {
        for line in [UDP, TCP] {
            assert_eq!(doubts(line), None);
            assert_eq!(doubts(line.trim_end()), None);
            let start = line.find("SRC=").unwrap();
            for end in start..line.trim_end().len() {
                if let Ok(entry) = logparse::parse(&line.as_bytes()[..end]) {
                    let whole = entry.completeness() == Completeness::Whole;
                    assert!(!whole || doubt_of(&Line::Full(&entry), false).is_some(), "{}", &line[..end]);
                }
            }
        }
    }

    #[test]
    fn a_blank_at_the_end_proves_the_last_number() {
        // Whoever sends a datagram chooses its length field: it need not agree with the packet's.
        let odd = UDP.replace("LEN=209", "LEN=20");
        let short = odd.replace("PROTO=UDP SPT=138 DPT=138 LEN=20", "PROTO=1");
        for line in [odd, short] {
            assert_eq!(doubts(&line), None, "{line}");
            assert_eq!(doubts(line.trim_end()), Some(Doubt::Truncated), "{line}");
        }
    }

    #[test]
    fn a_sighting_is_small() {
        assert!(size_of::<Sighting>() <= 80, "{}", size_of::<Sighting>());
    }
}

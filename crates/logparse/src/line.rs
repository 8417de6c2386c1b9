//! A firewall record, whichever engine read it.
//!
//! Responsible for: one view of a record with an accessor for every field, so that its reader
//! need not know whether the scan or the grammar read the line; a cache of what was found out
//! about a prefix.
//! Must not know: how a line is read.
//! Tested by: `tests/suites/engines.rs` (every accessor gives the same for both engines), the unit
//! test below.

use core::net::{IpAddr, Ipv4Addr};

use crate::envelope::{Envelope, Writer};
use crate::error::ParseError;
use crate::fast::{FastPacket, PrefixKey};
use crate::packet::{
    Datagram, Dialect, Incomplete, Link, MacHeader, Network, Packet, Transport, Truncated, Tunnel,
};
use crate::parse::{Completeness, Entry};
use crate::time::{Stamp, Uptime};
use crate::types::{Protocol, TcpFlags};

/// A firewall record: borrowed, and read by the scan or by the grammar.
///
/// Each accessor decodes what it gives and nothing more. Reading two or three fields of a line that
/// the scan read costs only these; whoever reads most of them takes [`with_entry`](Line::with_entry)
/// once. `None` means that the line does not show the field.
///
/// ```
/// use logparse::Scanner;
/// let log = b"Jun 30 06:06:13 gw kernel: drop IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=28 \
/// TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=5353 DPT=53 LEN=8 \nother text\n";
/// let mut seen = Vec::new();
/// Scanner::new().scan(log, |line| {
///     if let Ok(record) = line.record {
///         seen.push((record.in_iface().to_vec(), record.src(), record.dport()));
///     }
/// });
/// assert_eq!(seen, [(b"eth0".to_vec(), "10.0.0.1".parse().ok(), Some(53))]);
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Line<'a> {
    /// A whole packet in a common form, read by the scan; fields are decoded when asked for.
    Fast(&'a FastPacket<'a>),
    /// A record that the grammar read: whole, truncated or corrupt.
    Full(&'a Entry<'a>),
}

impl<'a> From<&'a Entry<'a>> for Line<'a> {
    fn from(entry: &'a Entry<'a>) -> Line<'a> {
        Line::Full(entry)
    }
}

/// An accessor that both engines have under the same name.
macro_rules! both {
    ($($(#[$doc:meta])* $name:ident: $type:ty = |$fast:ident| $of_fast:expr, |$full:ident| $of_full:expr;)*) => {
        impl<'a> Line<'a> {
            $(
                $(#[$doc])*
                #[must_use]
                #[inline(always)]
                pub fn $name(&self) -> $type {
                    match self {
                        Line::Fast($fast) => $of_fast,
                        Line::Full($full) => $of_full,
                    }
                }
            )*
        }
    };
}

both! {
    /// The text of `--log-prefix`, byte for byte, with its blanks.
    prefix: &'a [u8] = |fast| fast.prefix(), |full| full.packet.prefix;
    /// `IN=`; empty for packets that this host sent.
    in_iface: &'a [u8] = |fast| fast.in_iface(), |full| full.packet.in_iface;
    /// `OUT=`; empty for packets to this host.
    out_iface: &'a [u8] = |fast| fast.out_iface(), |full| full.packet.out_iface;
    /// `PHYSIN=`.
    phys_in: Option<&'a [u8]> = |fast| fast.phys_in(), |full| full.packet.phys_in;
    /// `PHYSOUT=`.
    phys_out: Option<&'a [u8]> = |fast| fast.phys_out(), |full| full.packet.phys_out;
    /// The link layer.
    link: Link<'a> = |fast| fast.link(), |full| full.packet.link;
    /// `TUNNEL=`.
    tunnel: Option<Tunnel> = |_fast| None, |full| full.packet.tunnel;
    /// Which program's dialect the line is in.
    dialect: Dialect = |_fast| Dialect::Kernel, |full| full.packet.dialect;
    /// The source address (of an ARP line, the sender's).
    src: Option<IpAddr> = |fast| Some(fast.src()), |full| full.packet.src();
    /// The destination address (of an ARP line, the target's).
    dst: Option<IpAddr> = |fast| Some(fast.dst()), |full| full.packet.dst();
    /// The length that the IP header claims.
    ip_len: Option<u32> = |fast| fast.ip_len(), |full| full.packet.datagram.len();
    /// The protocol.
    protocol: Option<Protocol> = |fast| fast.protocol(), |full| full.packet.protocol();
    /// The source port.
    sport: Option<u16> = |fast| fast.sport(), |full| full.packet.sport();
    /// The destination port.
    dport: Option<u16> = |fast| fast.dport(), |full| full.packet.dport();
    /// The TCP flags, if this is a TCP packet that shows them.
    tcp_flags: Option<TcpFlags> = |fast| fast.tcp_flags(), |full| full.packet.tcp_flags();
    /// The network layer.
    network: Network<'a> = |fast| fast.network(), |full| full.packet.datagram.network;
    /// The transport layer.
    transport: Transport<'a> = |fast| fast.transport(), |full| full.packet.datagram.transport;
    /// The packet quoted in an ICMP error.
    quoted: Option<Datagram<'a>> = |fast| rest(fast).and_then(|packet| packet.quoted), |full| full.packet.quoted;
    /// `UID=`.
    uid: Option<u32> = |fast| rest(fast).and_then(|packet| packet.datagram.uid), |full| full.packet.datagram.uid;
    /// `GID=`.
    gid: Option<u32> = |fast| rest(fast).and_then(|packet| packet.datagram.gid), |full| full.packet.datagram.gid;
    /// `MARK=`.
    mark: Option<u32> = |fast| rest(fast).and_then(|packet| packet.datagram.mark), |full| full.packet.datagram.mark;
    /// `INCOMPLETE [n bytes]`.
    incomplete: Option<Incomplete> = |_fast| None, |full| full.packet.datagram.incomplete;
    /// `TRUNCATED`: which header the packet did not have in full.
    truncated: Option<Truncated> = |_fast| None, |full| full.packet.datagram.truncated;
    /// The packet, without the one that it quotes.
    datagram: Datagram<'a> = |fast| fast.packet().datagram, |full| full.packet.datagram;
    /// The whole packet: large, and copied.
    packet: Packet<'a> = |fast| fast.packet(), |full| full.packet;

    /// The stamp of the logging program.
    stamp: Option<Stamp<'a>> = |fast| fast.stamp(), |full| full.envelope.stamp;
    /// The host as the relay named it.
    host: Option<&'a [u8]> = |fast| fast.host(), |full| full.envelope.host;
    /// The program that wrote the line.
    tag: Option<&'a [u8]> = |fast| fast.tag(), |full| full.envelope.tag;
    /// Who wrote the line: the kernel, a daemon that logs for it, or another program.
    writer: Writer<'a> = |fast| fast.writer(), |full| full.writer();
    /// Proxmox: the number of the guest.
    vmid: Option<u32> = |_fast| None, |full| full.envelope.vmid;
    /// Proxmox: the chain that logged.
    chain: Option<&'a [u8]> = |_fast| None, |full| full.envelope.chain;
    /// The severity, 0 (emergency) to 7 (debug).
    severity: Option<u8> = |fast| fast.severity(), |full| full.envelope.severity;
    /// The kernel's stamp: time since boot.
    uptime: Option<Uptime> = |fast| fast.uptime(), |full| full.envelope.uptime;
    /// The record's number (`/dev/kmsg`).
    sequence: Option<u64> = |fast| fast.sequence(), |full| full.envelope.sequence;
    /// How many packets the line reports: N of `message repeated N times`, else 1.
    repeat: u32 = |_fast| 1, |full| full.envelope.repeat.max(1);
    /// The whole envelope.
    envelope: Envelope<'a> = |fast| fast.envelope(), |full| full.envelope;

    /// Why and where reading stopped before the line's end; `None` for a whole packet.
    error: Option<ParseError> = |_fast| None, |full| full.error;
    /// Whether the record is whole, truncated or corrupt.
    completeness: Completeness = |_fast| Completeness::Whole, |full| full.completeness();
    /// The key of the prefix and its interfaces in the scanner that read the line; the grammar gives none.
    prefix_key: Option<PrefixKey> = |fast| Some(fast.prefix_key()), |_full| None;
    /// The packet as the scan read it, if it did.
    fast: Option<&'a FastPacket<'a>> = |fast| Some(*fast), |_full| None;
}

/// The packet, if the line has more than the two layers; most lines have not.
#[inline]
fn rest<'a>(fast: &FastPacket<'a>) -> Option<Packet<'a>> {
    fast.has_rest().then(|| fast.packet())
}

impl<'a> Line<'a> {
    /// The source address, if it is IPv4.
    #[must_use]
    #[inline(always)]
    pub fn src_ipv4(&self) -> Option<Ipv4Addr> {
        match self {
            Line::Fast(fast) => fast.src_ipv4().map(Ipv4Addr::from_bits),
            Line::Full(full) => ipv4(full.packet.src()),
        }
    }

    /// The destination address, if it is IPv4.
    #[must_use]
    #[inline(always)]
    pub fn dst_ipv4(&self) -> Option<Ipv4Addr> {
        match self {
            Line::Fast(fast) => fast.dst_ipv4().map(Ipv4Addr::from_bits),
            Line::Full(full) => ipv4(full.packet.dst()),
        }
    }

    /// The hardware addresses, whichever way the line shows them.
    #[must_use]
    #[inline]
    pub fn mac_header(&self) -> Option<MacHeader> {
        self.link().mac_header()
    }

    /// The type of an ICMP or ICMPv6 packet.
    #[must_use]
    #[inline]
    pub fn icmp_type(&self) -> Option<u8> {
        match self {
            Line::Fast(fast) => fast.icmp().map(|(kind, _)| kind),
            Line::Full(full) => full.packet.datagram.icmp().0,
        }
    }

    /// The code of an ICMP or ICMPv6 packet.
    #[must_use]
    #[inline]
    pub fn icmp_code(&self) -> Option<u8> {
        match self {
            Line::Fast(fast) => fast.icmp().map(|(_, code)| code),
            Line::Full(full) => full.packet.datagram.icmp().1,
        }
    }

    /// Gives `look` every field, typed, as [`parse_with`](crate::parse_with) reads them. An entry is
    /// large: it is made where it is looked at, and not moved.
    #[inline]
    pub fn with_entry<R>(&self, look: impl FnOnce(&Entry<'a>) -> R) -> R {
        match self {
            Line::Fast(fast) => {
                let mut entry = Entry::default();
                fast.fill(&mut entry);
                look(&entry)
            }
            Line::Full(entry) => look(entry),
        }
    }
}

fn ipv4(address: Option<IpAddr>) -> Option<Ipv4Addr> {
    match address {
        Some(IpAddr::V4(address)) => Some(address),
        _ => None,
    }
}

/// What was found out about prefixes and their interfaces, kept per [`PrefixKey`]: asked once for
/// all lines that have the same ones.
///
/// One per [`Scanner`](crate::Scanner): keys of two scanners do not mean the same. Lines that the
/// grammar read have no key; for them nothing is kept.
#[derive(Clone, Debug)]
pub struct PrefixCache<T> {
    known: Vec<Option<T>>,
}

impl<T> Default for PrefixCache<T> {
    fn default() -> Self {
        PrefixCache { known: Vec::new() }
    }
}

impl<T: Copy> PrefixCache<T> {
    /// What is known of the line's prefix.
    #[must_use]
    #[inline(always)]
    pub fn get(&self, line: &Line<'_>) -> Option<T> {
        self.known.get(line.prefix_key()?.index()).copied().flatten()
    }

    /// Keeps what was found out about the line's prefix.
    pub fn insert(&mut self, line: &Line<'_>, value: T) {
        if let Some(key) = line.prefix_key() {
            self.known.resize(self.known.len().max(key.index() + 1), None);
            self.known[key.index()] = Some(value);
        }
    }

    /// What is known of the line's prefix, found out by `find` if nothing is.
    #[inline(always)]
    pub fn get_or_insert_with(&mut self, line: &Line<'_>, find: impl FnOnce() -> T) -> T {
        if let Some(known) = self.get(line) {
            return known;
        }
        let value = find();
        self.insert(line, value);
        value
    }

    /// Forgets everything, for another scanner's lines.
    pub fn clear(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Scanner;

    #[test]
    fn what_a_prefix_says_is_found_once() {
        let line = |prefix: &str| {
            format!(
                "Jun 30 06:06:13 gw kernel: {prefix} IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=28 TOS=0x00 \
                 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=5353 DPT=53 LEN=8 \n"
            )
        };
        let mut log =
            [line("drop"), line("drop"), line("drop"), line("limit"), line("limit"), line("drop")].concat();
        // The scan reads no line in the last bytes of a buffer.
        log.push_str(&"#".repeat(700));
        let (mut cache, mut asked, mut seen) = (PrefixCache::default(), 0, Vec::new());
        Scanner::new().scan(log.as_bytes(), |line| {
            let Ok(record) = line.record else { return };
            seen.push(cache.get_or_insert_with(&record, || {
                asked += 1;
                record.prefix().len()
            }));
        });
        assert_eq!(seen, [5, 5, 5, 6, 6, 5]);
        // The first line of each prefix is the grammar's, the second is the first with a key.
        assert_eq!(asked, 4);
    }
}

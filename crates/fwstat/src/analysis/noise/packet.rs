//! What a packet is, as far as noise can be told by single packets.
//!
//! Responsible for: the kinds, and what is seen of a line without reading it whole: the bulk
//! path has it at hand, and the rest is asked of the entry.
//! Must not know: what is counted.
//! Tested by: the unit tests below, `tests/cli/suggest.rs`.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use logparse::{FastPacket, Line, Link, MacHeader, Packet, Protocol, RawMac, TcpFlags, Transport};

use fwlog::record::Record;

/// What a packet is, as far as rules can tell packets apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It asks for a service: TCP SYN, or UDP to a port. Protocol and destination port.
    Request(u8, u16),
    /// It answers something that was never asked. What kind of answer, and the source port.
    Reply(Reply, u16),
    /// No stack sends it: a combination of TCP flags.
    Trash(Trash),
    /// ICMP or ICMPv6 of a type.
    Icmp(u8),
    /// Another protocol, or a fragment without ports.
    Proto(u8),
}

/// Answers to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    /// TCP SYN with ACK.
    SynAck,
    /// TCP RST.
    Reset,
    /// Other TCP with ACK: the rest of a connection that is gone.
    Late,
    /// UDP from a port of a service to a high port.
    Udp,
}

impl Reply {
    /// All of them, in order.
    pub const ALL: [Reply; 4] = [Reply::SynAck, Reply::Reset, Reply::Late, Reply::Udp];
}

/// Flags that no stack sends together, in the order in which they are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trash {
    /// SYN and FIN.
    SynFin,
    /// SYN and RST.
    SynRst,
    /// FIN and RST.
    FinRst,
    /// None at all: a NULL scan.
    Null,
    /// FIN without ACK: FIN and Xmas scans.
    FinAlone,
    /// URG or PSH without ACK.
    PushAlone,
}

impl Trash {
    /// All of them.
    pub const ALL: [Trash; 6] =
        [Trash::SynFin, Trash::SynRst, Trash::FinRst, Trash::Null, Trash::FinAlone, Trash::PushAlone];

    /// The pattern of these flags.
    #[must_use]
    pub fn of(flags: TcpFlags) -> Option<Trash> {
        let has = |part: TcpFlags| flags.contains(part);
        if has(TcpFlags::SYN | TcpFlags::FIN) {
            Some(Trash::SynFin)
        } else if has(TcpFlags::SYN | TcpFlags::RST) {
            Some(Trash::SynRst)
        } else if has(TcpFlags::FIN | TcpFlags::RST) {
            Some(Trash::FinRst)
        } else if flags & SIX == TcpFlags::EMPTY {
            Some(Trash::Null)
        } else if !has(TcpFlags::ACK) && has(TcpFlags::FIN) {
            Some(Trash::FinAlone)
        } else if !has(TcpFlags::ACK) && !has(TcpFlags::SYN) && !has(TcpFlags::RST) {
            Some(Trash::PushAlone)
        } else {
            None
        }
    }

    /// `--tcp-flags`: the flags that are looked at, and those that are set.
    #[must_use]
    pub fn test(self) -> (TcpFlags, TcpFlags) {
        let (fin, syn, rst, ack) = (TcpFlags::FIN, TcpFlags::SYN, TcpFlags::RST, TcpFlags::ACK);
        match self {
            Trash::SynFin => (fin | syn, fin | syn),
            Trash::SynRst => (syn | rst, syn | rst),
            Trash::FinRst => (fin | rst, fin | rst),
            Trash::Null => (SIX, TcpFlags::EMPTY),
            Trash::FinAlone => (fin | ack, fin),
            Trash::PushAlone => (syn | rst | ack, TcpFlags::EMPTY),
        }
    }

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Trash::SynFin => "SYN with FIN",
            Trash::SynRst => "SYN with RST",
            Trash::FinRst => "FIN with RST",
            Trash::Null => "no flags (NULL scan)",
            Trash::FinAlone => "FIN without ACK (FIN and Xmas scans)",
            Trash::PushAlone => "data without ACK",
        }
    }
}

/// The six flags that `--tcp-flags ALL` means.
const SIX: TcpFlags = TcpFlags::from_bits(63);

impl Hash for Kind {
    /// One word: kinds are looked up for every line.
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u32(self.number());
    }
}

impl Kind {
    /// The kind as a number that orders like it.
    #[must_use]
    #[inline]
    pub fn number(self) -> u32 {
        let (form, what, port) = match self {
            Kind::Request(protocol, port) => (0, protocol, port),
            Kind::Reply(reply, port) => (1, reply as u8, port),
            Kind::Trash(trash) => (2, trash as u8, 0),
            Kind::Icmp(kind) => (3, kind, 0),
            Kind::Proto(protocol) => (4, protocol, 0),
        };
        form << 24 | u32::from(what) << 16 | u32::from(port)
    }

    /// The kind with this number; `None` if there is none.
    #[must_use]
    #[inline]
    pub fn of_number(number: u32) -> Option<Kind> {
        let [form, what, ..] = number.to_be_bytes();
        let port = number as u16;
        Some(match form {
            0 => Kind::Request(what, port),
            1 => Kind::Reply(*Reply::ALL.get(usize::from(what))?, port),
            2 => Kind::Trash(*Trash::ALL.get(usize::from(what))?),
            3 => Kind::Icmp(what),
            4 => Kind::Proto(what),
            _ => return None,
        })
    }

    /// What a TCP packet is.
    #[inline]
    fn tcp(src: u16, dst: u16, flags: TcpFlags) -> Kind {
        if flags & SIX == TcpFlags::SYN {
            Kind::Request(Protocol::TCP.0, dst)
        } else if let Some(trash) = Trash::of(flags) {
            Kind::Trash(trash)
        } else if flags.contains(TcpFlags::SYN | TcpFlags::ACK) {
            Kind::Reply(Reply::SynAck, src)
        } else if flags.contains(TcpFlags::SYN) {
            Kind::Request(Protocol::TCP.0, dst)
        } else if flags.contains(TcpFlags::RST) {
            Kind::Reply(Reply::Reset, src)
        } else {
            Kind::Reply(Reply::Late, src)
        }
    }

    /// What a UDP packet is; `many`: it was sent to more than one machine, so it answers nobody.
    #[inline]
    fn udp(src: u16, dst: u16, many: bool) -> Kind {
        // A service's port speaking to a port that no service has: an answer. Two services
        // talk to each other at their own ports (67 to 68, 123 to 123).
        if src < 1024 && dst >= 1024 && !many {
            Kind::Reply(Reply::Udp, src)
        } else {
            Kind::Request(Protocol::UDP.0, dst)
        }
    }

    /// What a packet is.
    fn of(packet: &Packet<'_>, many: bool) -> Kind {
        let protocol = || Kind::Proto(packet.protocol().map_or(255, |protocol| protocol.0));
        match packet.datagram.transport {
            Transport::Tcp(tcp) => match (tcp.ports.src.unwrap_or(0), tcp.ports.dst, tcp.flags) {
                (src, Some(dst), Some(flags)) => Kind::tcp(src, dst, flags),
                _ => Kind::Proto(Protocol::TCP.0),
            },
            Transport::Udp(udp) => match (udp.ports.src, udp.ports.dst) {
                (Some(src), Some(dst)) => Kind::udp(src, dst, many),
                (None, Some(dst)) => Kind::Request(Protocol::UDP.0, dst),
                (_, None) => Kind::Proto(Protocol::UDP.0),
            },
            Transport::Icmp(icmp) => icmp.kind.map_or_else(protocol, |kind| Kind::Icmp(kind.0)),
            Transport::Icmpv6(icmp) => icmp.kind.map_or_else(protocol, |kind| Kind::Icmp(kind.0)),
            _ => protocol(),
        }
    }
}

/// Whom a link header is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressed {
    /// There is no header, or none of a kind that is known.
    Unknown,
    /// Everybody.
    All,
    /// A group.
    Group,
    /// One machine.
    One,
}

impl Addressed {
    /// By a header that was decoded.
    fn header(header: Option<MacHeader>) -> Addressed {
        match header.and_then(|header| header.dst) {
            None => Addressed::Unknown,
            Some(mac) if mac.is_broadcast() => Addressed::All,
            Some(mac) if mac.is_multicast() => Addressed::Group,
            Some(_) => Addressed::One,
        }
    }

    /// By what the bulk path has read: its digits were checked.
    #[inline]
    pub(super) fn scanned(link: Link<'_>) -> Addressed {
        match link {
            Link::Raw(RawMac([])) => Addressed::Unknown,
            Link::Raw(raw) if raw.0.starts_with(b"ff:ff:ff:ff:ff:ff") => Addressed::All,
            // The lowest bit of the first byte is the group's.
            Link::Raw(RawMac([_, b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f', ..])) => {
                Addressed::Group
            }
            Link::Raw(_) => Addressed::One,
            Link::Decoded(header) => Addressed::header(Some(header)),
            _ => Addressed::Unknown,
        }
    }
}

/// To how many a packet was sent, if to more than one machine.
#[inline]
fn to_many(src: IpAddr, dst: IpAddr, addressed: Addressed) -> Option<Many> {
    match dst {
        IpAddr::V6(dst) => return dst.is_multicast().then_some(Many::Group),
        IpAddr::V4(dst) if dst.is_multicast() => return Some(Many::Group),
        IpAddr::V4(dst) if dst.is_broadcast() => return Some(Many::All),
        IpAddr::V4(_) => {}
    }
    match (addressed, src, dst) {
        (Addressed::All, ..) => Some(Many::All),
        // No link header in the line: the highest address of the sender's own network.
        (Addressed::Unknown, IpAddr::V4(src), IpAddr::V4(dst)) => {
            let ([a, b, c, _], [d, e, f, last]) = (src.octets(), dst.octets());
            (last == 255 && [a, b, c] == [d, e, f]).then_some(Many::All)
        }
        _ => None,
    }
}

/// What is seen of a packet that has addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Where it comes from.
    pub src: IpAddr,
    /// Where it goes to.
    pub dst: IpAddr,
    /// What it is.
    pub kind: Kind,
    /// To how many it was sent, if to more than one machine.
    pub many: Option<Many>,
}

impl Glance {
    /// Looks at a line; `None` if its packet has no addresses.
    #[must_use]
    #[inline]
    pub fn of(record: &Record<'_>) -> Option<Glance> {
        match record.line {
            Line::Fast(scanned) => Some(Glance::scanned(scanned)),
            Line::Full(entry) => Glance::packet(&entry.packet),
        }
    }

    #[inline]
    fn scanned(scanned: &FastPacket<'_>) -> Glance {
        let (src, dst) = (scanned.src(), scanned.dst());
        let many = to_many(src, dst, Addressed::scanned(scanned.link()));
        let kind = match (scanned.sport(), scanned.dport(), scanned.tcp_flags(), scanned.icmp()) {
            (Some(src), Some(dst), Some(flags), _) => Kind::tcp(src, dst, flags),
            (Some(src), Some(dst), None, _) => Kind::udp(src, dst, many.is_some()),
            (.., Some((kind, _))) => Kind::Icmp(kind),
            _ => Kind::Proto(scanned.protocol().0),
        };
        Glance { src, dst, kind, many: many.or(link_only(src.is_ipv6(), kind)) }
    }

    fn packet(packet: &Packet<'_>) -> Option<Glance> {
        let (src, dst) = (packet.src()?, packet.dst()?);
        let many = to_many(src, dst, Addressed::header(packet.mac_header()));
        let kind = Kind::of(packet, many.is_some());
        Some(Glance { src, dst, kind, many: many.or(link_only(src.is_ipv6(), kind)) })
    }
}

/// IGMP and neighbour discovery never leave a network, whomever they are sent to.
fn link_only(v6: bool, kind: Kind) -> Option<Many> {
    match (v6, kind) {
        (false, Kind::Proto(2)) | (true, Kind::Icmp(130..=137 | 143)) => Some(Many::Group),
        _ => None,
    }
}

/// To how many a packet was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Many {
    /// Broadcast.
    All,
    /// Multicast.
    Group,
}

#[cfg(test)]
mod tests {
    use logparse::{Line, Scanner};

    use super::*;

    #[test]
    fn flags_that_nobody_sends_are_told_apart() {
        let of = |words: &[TcpFlags]| Trash::of(words.iter().fold(TcpFlags::EMPTY, |all, flag| all | *flag));
        let (fin, syn, rst, psh, ack, urg) =
            (TcpFlags::FIN, TcpFlags::SYN, TcpFlags::RST, TcpFlags::PSH, TcpFlags::ACK, TcpFlags::URG);
        assert_eq!(of(&[syn, fin]), Some(Trash::SynFin));
        assert_eq!(of(&[syn, rst]), Some(Trash::SynRst));
        assert_eq!(of(&[]), Some(Trash::Null));
        assert_eq!(of(&[urg, psh, fin]), Some(Trash::FinAlone));
        assert_eq!(of(&[psh]), Some(Trash::PushAlone));
        for fine in [&[syn][..], &[syn, ack], &[ack], &[ack, fin], &[rst], &[rst, ack], &[psh, ack]] {
            assert_eq!(of(fine), None, "{fine:?}");
        }
        // Every combination of the six is trash exactly if one of the tests says so.
        for bits in 0..64 {
            let flags = TcpFlags::from_bits(bits);
            let tests = Trash::ALL.iter().any(|trash| {
                let (mask, set) = trash.test();
                flags & mask == set
            });
            assert_eq!(Trash::of(flags).is_some(), tests, "{flags}");
        }
    }

    #[test]
    fn numbers_of_kinds_order_like_them_and_come_back() {
        let mut kinds: Vec<Kind> = Vec::new();
        for port in [0, 1, 255, 256, u16::MAX] {
            kinds.extend([Kind::Request(6, port), Kind::Request(17, port), Kind::Request(255, port)]);
            kinds.extend(Reply::ALL.map(|reply| Kind::Reply(reply, port)));
        }
        kinds.extend(Trash::ALL.map(Kind::Trash));
        kinds.extend([0, 8, 255].map(Kind::Icmp));
        kinds.extend([0, 6, 255].map(Kind::Proto));
        kinds.sort_unstable();
        assert!(kinds.is_sorted_by(|a, b| a.number() < b.number()));
        assert!(kinds.iter().all(|kind| Kind::of_number(kind.number()) == Some(*kind)));
        assert_eq!(Kind::of_number(u32::MAX), None);
    }

    #[test]
    fn a_glance_at_the_bulk_path_is_a_glance_at_the_entry() {
        let mut log = String::new();
        let links = [
            "",
            "MAC= ",
            "MAC=ff:ff:ff:ff:ff:ff:00:1b:21:3c:4d:5e:08:00 ",
            "MAC=01:00:5e:00:00:fb:00:1b:21:3c:4d:5e:08:00 ",
            "MAC=52:54:00:12:34:56:00:1b:21:3c:4d:5e:08:00 ",
        ];
        let rests = [
            "PROTO=UDP SPT=53 DPT=40000 LEN=40 ",
            "PROTO=UDP SPT=4000 DPT=138 LEN=40 ",
            "PROTO=TCP SPT=80 DPT=4000 WINDOW=0 RES=0x00 ACK SYN URGP=0 ",
            "PROTO=TCP SPT=80 DPT=4000 WINDOW=0 RES=0x00 SYN URGP=0 ",
            "PROTO=TCP SPT=80 DPT=4000 WINDOW=0 RES=0x00 CWR ECE SYN URGP=0 ",
            "PROTO=TCP SPT=80 DPT=4000 WINDOW=0 RES=0x00 URGP=0 ",
            "PROTO=TCP SPT=80 DPT=4000 WINDOW=0 RES=0x00 RST URGP=0 ",
            "PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=2 ",
            "PROTO=2 ",
            "PROTO=6 ",
        ];
        for link in links {
            for dst in ["192.168.7.255", "255.255.255.255", "224.0.0.1", "10.0.0.1"] {
                for rest in rests {
                    log += &format!(
                        "x IN=eth0 OUT= {link}SRC=192.168.7.2 DST={dst} LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 {rest}\n"
                    );
                }
            }
            for dst in ["ff02:0000:0000:0000:0000:0000:0000:00fb", "2001:0db8:0000:0000:0000:0000:0000:0001"]
            {
                for rest in [rests[0], rests[3], "PROTO=ICMPv6 TYPE=143 CODE=0 "] {
                    log += &format!(
                        "x IN=eth0 OUT= {link}SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST={dst} LEN=60 TC=0 HOPLIMIT=64 FLOWLBL=0 {rest}\n"
                    );
                }
            }
        }
        // The bulk path needs room behind a line, and must have seen one like it.
        let log = log.repeat(2) + &"x\n".repeat(600);
        let mut quick = 0;
        Scanner::new().scan(log.as_bytes(), |line| {
            if let Ok(Line::Fast(scanned)) = line.record {
                quick += 1;
                assert_eq!(
                    Some(Glance::scanned(scanned)),
                    Glance::packet(&scanned.entry().packet),
                    "{scanned:?}"
                );
            }
        });
        assert!(quick > 300, "{quick}");
    }
}

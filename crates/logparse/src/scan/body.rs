//! The fields behind a learned head, in expected order.
//!
//! Responsible for: IPv4 and IPv6 with TCP, UDP, ICMP (one quoted packet), and every protocol
//! that is a bare number, in the forms that make up nearly all of a log. Anything else, and
//! anything wrong, is refused and left to the grammar.
//! Must not know: heads.
//! Tested by: `tests/engines.rs` (equality with the grammar on every input tried).

use core::net::{Ipv4Addr, Ipv6Addr};

use super::window::{Cursor, LOWER_HEX, UPPER_HEX, Window, hex_pair, ipv6_value};
use crate::packet::{
    Datagram, HexText, Icmp, Icmpv6, IpFlags, Ipv4, Ipv6, Network, Ports, Tcp, Transport, Udp,
};
use crate::types::{IcmpType, Icmpv6Type, Protocol, TcpFlags};

const U8: u64 = u8::MAX as u64;
const U16: u64 = u16::MAX as u64;
/// Lengths above this (BIG TCP jumbo packets) are read by the grammar.
const LENGTH: u64 = 9_999_999;

/// What was read of a datagram; texts are positions in the line.
#[derive(Clone, Copy, Default)]
pub(super) struct Body {
    pub(super) v6: bool,
    /// IPv4: the address. IPv6: where its text begins.
    pub(super) src: u32,
    pub(super) dst: u32,
    len: u32,
    tos: u8,
    prec: u8,
    /// TTL or hop limit.
    ttl: u8,
    /// ID or flow label.
    id: u32,
    traffic_class: u8,
    dont_fragment: bool,
    /// The protocol's number.
    pub(super) protocol: u8,
    /// Whether ICMP was written as a word; `PROTO=1` is a bare number.
    named_icmp: bool,
    pub(super) sport: u16,
    pub(super) dport: u16,
    /// Whether the ports mean something.
    pub(super) has_ports: bool,
    has_seq: bool,
    seq: u32,
    ack: u32,
    window: u16,
    reserved: u8,
    pub(super) flags: TcpFlags,
    urgent: u16,
    options: (u16, u16),
    udp_len: u16,
    kind: u8,
    code: u8,
}

/// What an ICMP type brought.
#[derive(Clone, Copy, Default)]
struct Brought {
    echo: Option<(u16, u16)>,
    mtu: Option<u16>,
    quoted: Option<Body>,
}

/// The owner and the mark.
#[derive(Clone, Copy, Default)]
struct Owner {
    uid: Option<u32>,
    gid: Option<u32>,
    mark: Option<u32>,
}

/// Everything behind a head. The parts that few lines have are values of their own: what is
/// read in line stays in registers, and what nobody asks for is never computed.
#[derive(Clone, Copy, Default)]
pub(super) struct Bodies {
    pub(super) outer: Body,
    brought: Brought,
    owner: Owner,
}

/// Reads from behind `SRC=` to the line's end; gives the position of the `\n`.
#[inline(always)]
pub(super) fn read(window: Window<'_>, at: usize) -> Option<(Bodies, usize)> {
    let mut cursor = Cursor::new(window, at);
    let mut outer = Body::default();
    network(&mut cursor, &mut outer)?;
    transport(&mut cursor, &mut outer)?;
    let mut brought = Brought::default();
    if outer.named_icmp {
        (brought, cursor) = icmp(cursor, (outer.v6, outer.kind, outer.code))?;
    }
    // The line ends with `\n`, or with the kernel's own blank in front of it.
    let mut owner = Owner::default();
    let end = cursor.word();
    let mut at = cursor.at + usize::from(end as u8 == b' ');
    if end as u8 != b'\n' && end as u16 != u16::from_le_bytes(*b" \n") {
        (owner, cursor) = owner_and_mark(cursor)?;
        at = cursor.at;
    }
    Window::holds(at).then_some((Bodies { outer, brought, owner }, at))
}

/// The network layer, up to the blank in front of `PROTO=`.
#[inline(always)]
fn network(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    // An IPv6 address in full has its first colon behind four digits, where a dotted quad
    // has a dot or a digit.
    body.v6 = cursor.window.byte(cursor.at + 4) == b':';
    if body.v6 {
        body.src = cursor.ipv6()?;
        cursor.key(b" DST=")?;
        body.dst = cursor.ipv6()?;
        cursor.key(b" LEN=")?;
        cursor.look();
        body.len = cursor.number::<LENGTH>()?;
        cursor.key(b" TC=")?;
        body.traffic_class = cursor.number::<U8>()? as u8;
        cursor.key(b" HOPLIMIT=")?;
        body.ttl = cursor.number::<U8>()? as u8;
        cursor.key(b" FLOWLBL=")?;
        body.id = cursor.number::<0xf_ffff>()?;
    } else {
        cursor.look();
        body.src = cursor.ipv4()?;
        cursor.key(b" DST=")?;
        body.dst = cursor.ipv4()?;
        cursor.key(b" LEN=")?;
        body.len = cursor.number::<LENGTH>()?;
        type_of_service(cursor, body)?;
        // From here to the window of a TCP packet it is 59 bytes at most.
        cursor.look();
        body.ttl = cursor.number::<U8>()? as u8;
        cursor.key(b" ID=")?;
        body.id = cursor.number::<U16>()?;
        // Half of all packets have it: no branch.
        let dont_fragment = cursor.word() as u32 == u32::from_le_bytes(*b" DF ");
        body.dont_fragment = dont_fragment;
        cursor.go(usize::from(dont_fragment) * 3);
    }
    Some(())
}

/// ` TOS=0x00 PREC=0x00 TTL=`: 24 bytes, of which four may vary.
#[inline(always)]
fn type_of_service(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    const TEXT: &[u8; 24] = b" TOS=0x00 PREC=0x00 TTL=";
    let text: &[u8; 24] = cursor.window.bytes(cursor.at);
    let [a, b, c, d] = [text[7], text[8], text[17], text[18]];
    let mut rest = *text;
    (rest[7], rest[8], rest[17], rest[18]) = (b'0', b'0', b'0', b'0');
    if rest != *TEXT {
        return None;
    }
    body.tos = hex_pair([a, b], &UPPER_HEX)?;
    body.prec = hex_pair([c, d], &UPPER_HEX)?;
    cursor.at += TEXT.len();
    Some(())
}

/// ` PROTO=` and the fields of TCP and UDP, to the end of the last value; of ICMP, to the end
/// of `CODE=`.
#[inline(always)]
fn transport(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    cursor.key(b" PROTO=")?;
    let name: &[u8; 8] = cursor.window.bytes(cursor.at);
    let is_tcp = name == b"TCP SPT=";
    if is_tcp || name == b"UDP SPT=" {
        cursor.go(8);
        if body.v6 {
            cursor.look();
        }
        body.has_ports = true;
        body.sport = cursor.number::<U16>()? as u16;
        cursor.key(b" DPT=")?;
        body.dport = cursor.number::<U16>()? as u16;
        if is_tcp {
            body.protocol = Protocol::TCP.0;
            return tcp(cursor, body);
        }
        body.protocol = Protocol::UDP.0;
        cursor.key(b" LEN=")?;
        body.udp_len = cursor.number::<U16>()? as u16;
        return Some(());
    }
    if name == b"ICMP TYP" && !body.v6 {
        body.protocol = Protocol::ICMP.0;
        cursor.key(b"ICMP TYPE=")?;
    } else if name == b"ICMPv6 T" && body.v6 {
        body.protocol = Protocol::ICMPV6.0;
        cursor.key(b"ICMPv6 TYPE=")?;
    } else if name[0].is_ascii_digit() {
        body.protocol = cursor.number::<U8>()? as u8;
        return Some(());
    } else {
        return None;
    }
    body.named_icmp = true;
    cursor.look();
    body.kind = cursor.number::<U8>()? as u8;
    cursor.key(b" CODE=")?;
    body.code = cursor.number::<U8>()? as u8;
    Some(())
}

/// From behind the ports to `URGP=`, and the options.
#[inline(always)]
fn tcp(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    if cursor.window.bytes::<5>(cursor.at) == b" SEQ=" {
        body.has_seq = true;
        cursor.at += 5;
        body.seq = cursor.long_number()?;
        cursor.key(b" ACK=")?;
        body.ack = cursor.long_number()?;
        cursor.key(b" WINDOW=")?;
        cursor.look();
    } else {
        cursor.key(b" WINDOW=")?;
    }
    body.window = cursor.number::<U16>()? as u16;
    cursor.key(b" RES=0x")?;
    let [high, low, blank] = *cursor.window.bytes(cursor.at);
    if blank != b' ' {
        return None;
    }
    body.reserved = hex_pair([high, low], &LOWER_HEX)?;
    cursor.at += 3;
    let mut flags = TcpFlags::EMPTY;
    // The kernel prints each of nine words at most once.
    for _ in 0..9 {
        flags |= match cursor.window.bytes(cursor.at) {
            b"SYN " => TcpFlags::SYN,
            b"URGP" => break,
            b"ACK " => TcpFlags::ACK,
            b"RST " => TcpFlags::RST,
            b"FIN " => TcpFlags::FIN,
            b"PSH " => TcpFlags::PSH,
            b"URG " => TcpFlags::URG,
            b"ECE " => TcpFlags::ECE,
            b"CWR " => TcpFlags::CWR,
            _ => return None,
        };
        cursor.at += 4;
    }
    body.flags = flags;
    cursor.key(b"URGP=")?;
    // Nearly every packet's urgent pointer is 0.
    if let [b'0', b'\n' | b' '] = *cursor.window.bytes(cursor.at) {
        cursor.at += 1;
    } else {
        cursor.look();
        body.urgent = cursor.number::<U16>()? as u16;
    }
    if cursor.window.bytes(cursor.at) == b" OPT (" {
        cursor.at += 6;
        let start = cursor.at;
        while UPPER_HEX[usize::from(cursor.window.byte(cursor.at))] & 0x80 == 0 && Window::holds(cursor.at) {
            cursor.at += 1;
        }
        if (cursor.at - start) % 2 == 1 || cursor.window.byte(cursor.at) != b')' {
            return None;
        }
        body.options = (start as u16, cursor.at as u16);
        cursor.at += 1;
    }
    Some(())
}

/// What an ICMP type brings behind `CODE=`.
#[inline(never)]
fn icmp(cursor: Cursor<'_>, (v6, kind, code): (bool, u8, u8)) -> Option<(Brought, Cursor<'_>)> {
    let (mut cursor, mut brought) = (cursor, Brought::default());
    match (v6, kind) {
        (false, 0 | 8) | (true, 128 | 129) => {
            cursor.key(b" ID=")?;
            let id = cursor.number::<U16>()? as u16;
            cursor.key(b" SEQ=")?;
            brought.echo = Some((id, cursor.number::<U16>()? as u16));
        }
        // Errors that quote.
        (false, 3 | 4 | 11) | (true, 1 | 3) => {
            cursor.key(b" [SRC=")?;
            let mut inner = Body::default();
            network(&mut cursor, &mut inner)?;
            transport(&mut cursor, &mut inner)?;
            if inner.named_icmp {
                return None;
            }
            cursor.key(b" ]")?;
            brought.quoted = Some(inner);
            if (v6, kind, code) == (false, 3, 4) {
                cursor.key(b" MTU=")?;
                cursor.look();
                brought.mtu = Some(cursor.number::<U16>()? as u16);
            }
        }
        // A gateway, a parameter, a pointer: rare, and left to the grammar.
        (false, 5 | 12) | (true, 2 | 4) => return None,
        _ => {}
    }
    Some((brought, cursor))
}

/// ` UID= GID= MARK=0x`, each optional, and the line's end, on which the cursor is left.
#[inline(never)]
fn owner_and_mark(cursor: Cursor<'_>) -> Option<(Owner, Cursor<'_>)> {
    let (mut cursor, mut owner) = (cursor, Owner::default());
    if cursor.window.bytes(cursor.at) == b" UID=" {
        cursor.at += 5;
        owner.uid = Some(cursor.long_number()?);
    }
    if cursor.window.bytes(cursor.at) == b" GID=" {
        cursor.at += 5;
        owner.gid = Some(cursor.long_number()?);
    }
    if cursor.window.bytes(cursor.at) == b" MARK=0x" {
        cursor.at += 8;
        let (start, mut mark) = (cursor.at, 0);
        let digit = |cursor: &Cursor<'_>| LOWER_HEX[usize::from(cursor.window.byte(cursor.at))];
        while cursor.at - start < 8 && digit(&cursor) & 0x80 == 0 {
            mark = mark << 4 | u32::from(digit(&cursor));
            cursor.at += 1;
        }
        if cursor.at == start {
            return None;
        }
        owner.mark = Some(mark);
    }
    cursor.at += usize::from(cursor.word() as u8 == b' ');
    (cursor.word() as u8 == b'\n').then_some((owner, cursor))
}

impl Bodies {
    /// The packet, typed; `line` is the line that was read.
    pub(super) fn datagram<'a>(&self, line: &'a [u8]) -> Datagram<'a> {
        let mut datagram = self.outer.datagram(line);
        match &mut datagram.transport {
            Transport::Icmp(icmp) => {
                icmp.id = self.brought.echo.map(|(id, _)| id);
                icmp.seq = self.brought.echo.map(|(_, seq)| seq);
                icmp.mtu = self.brought.mtu;
            }
            Transport::Icmpv6(icmp) => {
                icmp.id = self.brought.echo.map(|(id, _)| id);
                icmp.seq = self.brought.echo.map(|(_, seq)| seq);
            }
            _ => {}
        }
        datagram.uid = self.owner.uid;
        datagram.gid = self.owner.gid;
        datagram.mark = self.owner.mark;
        datagram
    }

    /// The packet quoted in an ICMP error, typed.
    pub(super) fn quoted<'a>(&self, line: &'a [u8]) -> Option<Datagram<'a>> {
        self.brought.quoted.as_ref().map(|quoted| quoted.datagram(line))
    }
}

impl Body {
    /// The typed datagram; `line` is the line that was read.
    fn datagram<'a>(&self, line: &'a [u8]) -> Datagram<'a> {
        let network = if self.v6 {
            Network::Ipv6(Ipv6 {
                src: ipv6_at(line, self.src),
                dst: ipv6_at(line, self.dst),
                len: Some(self.len),
                traffic_class: Some(self.traffic_class),
                hop_limit: Some(self.ttl),
                flow_label: Some(self.id),
                ..Ipv6::default()
            })
        } else {
            Network::Ipv4(Ipv4 {
                src: Some(Ipv4Addr::from_bits(self.src)),
                dst: Some(Ipv4Addr::from_bits(self.dst)),
                len: Some(self.len),
                tos: Some(self.tos),
                prec: Some(self.prec),
                ttl: Some(self.ttl),
                id: Some(self.id as u16),
                flags: IpFlags { dont_fragment: self.dont_fragment, ..IpFlags::default() },
                ..Ipv4::default()
            })
        };
        Datagram { network, transport: self.transport(line), ..Datagram::default() }
    }

    fn transport<'a>(&self, line: &'a [u8]) -> Transport<'a> {
        let ports = Ports { src: Some(self.sport), dst: Some(self.dport) };
        match Protocol(self.protocol) {
            Protocol::TCP if self.has_ports => Transport::Tcp(Tcp {
                ports,
                seq: self.has_seq.then_some(self.seq),
                ack: self.has_seq.then_some(self.ack),
                window: Some(self.window),
                reserved: Some(self.reserved),
                flags: Some(self.flags),
                urgent: Some(self.urgent),
                options: match self.options {
                    (0, 0) => None,
                    (from, to) => line.get(usize::from(from)..usize::from(to)).map(HexText),
                },
            }),
            Protocol::UDP if self.has_ports => Transport::Udp(Udp { ports, len: Some(self.udp_len) }),
            Protocol::ICMP if !self.v6 && self.named_icmp => Transport::Icmp(Icmp {
                kind: Some(IcmpType(self.kind)),
                code: Some(self.code),
                ..Icmp::default()
            }),
            Protocol::ICMPV6 if self.v6 && self.named_icmp => Transport::Icmpv6(Icmpv6 {
                kind: Some(Icmpv6Type(self.kind)),
                code: Some(self.code),
                ..Icmpv6::default()
            }),
            protocol => Transport::Other(protocol),
        }
    }
}

/// The IPv6 address whose text begins at `at`.
pub(super) fn ipv6_at(line: &[u8], at: u32) -> Option<Ipv6Addr> {
    let text = line.get(at as usize..)?.first_chunk::<39>()?;
    Some(Ipv6Addr::from(ipv6_value(text)))
}

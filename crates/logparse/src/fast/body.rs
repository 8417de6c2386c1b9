//! The fields behind a learned head, in expected order.
//!
//! Responsible for: IPv4 and IPv6 with TCP, UDP, ICMP (one quoted packet), and every protocol
//! that is a bare number, in the forms that make up nearly all of a log. Anything else, and
//! anything wrong, is refused and left to the grammar.
//! Must not know: heads.
//! Tested by: `tests/suites/engines.rs` (equality with the grammar on every input tried).

use core::net::{Ipv4Addr, Ipv6Addr};

use super::cache::TextCache;
use super::cursor::{Cursor, Digits, Window, hex_pair, pair_value};
use crate::bytes::swar::{LOWER_HEX, UPPER_HEX, ipv6_value};
use crate::packet::{
    Datagram, HexText, Icmp, Icmpv6, IpFlags, Ipv4, Ipv6, Network, Packet, Ports, Tcp, Transport, Udp,
};
use crate::types::{IcmpType, Icmpv6Type, Protocol, TcpFlags};

const U8: u64 = u8::MAX as u64;
const U16: u64 = u16::MAX as u64;
/// Lengths above this (BIG TCP jumbo packets) are read by the grammar.
const LENGTH: u64 = 9_999_999;

/// What was found of a datagram: everything was checked, and stands where it says. Nothing is
/// decoded that was not needed for the check: most questions are about two or three fields.
#[derive(Clone, Copy, Default)]
pub(crate) struct Body {
    pub(crate) v6: bool,
    /// The protocol's number.
    pub(crate) protocol: u8,
    /// Whether the ports mean something.
    pub(crate) has_ports: bool,
    /// Whether ICMP was written as a word; `PROTO=1` is a bare number.
    pub(crate) named_icmp: bool,
    dont_fragment: bool,
    has_seq: bool,
    pub(crate) flags: TcpFlags,
    /// IPv4: the address. IPv6: where its text begins.
    pub(crate) src: u32,
    pub(crate) dst: u32,
    len: Digits,
    /// IPv4: where ` TOS=` begins.
    service: u16,
    /// IPv6: the traffic class.
    class: Digits,
    /// TTL or hop limit.
    ttl: Digits,
    /// ID or flow label.
    id: Digits,
    sport: Digits,
    dport: Digits,
    /// TCP: the window. UDP: the length.
    window: Digits,
    seq: u32,
    ack: u32,
    /// There is none if it is 0.
    urgent: Digits,
    /// Where the hex digits of `OPT (` begin and end; the same place if there are none.
    options: (u16, u16),
    has_options: bool,
    kind: Digits,
    code: Digits,
    /// Where the transport ends: what an ICMP type brings follows, owner and mark.
    rest: u16,
}

/// The end of a TCP line, from the blank before `WINDOW=` to its `\n`. Places count from there.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ending {
    /// Where the window ends.
    window: u8,
    /// Where `URGP=0` ends.
    rest: u8,
    flags: TcpFlags,
}

/// Ends of TCP lines, by their window and flags.
pub(crate) type Endings = TextCache<Ending, 8, 22>;

/// What an ICMP type brought.
#[derive(Clone, Copy, Default)]
struct Brought {
    echo: Option<(Digits, Digits)>,
    mtu: Option<Digits>,
    quoted: Option<Body>,
}

/// The owner and the mark.
#[derive(Clone, Copy, Default)]
struct Owner {
    uid: Option<u32>,
    gid: Option<u32>,
    mark: Option<u32>,
}

/// Reads from behind `SRC=` to the line's end into an empty body; gives the position of the `\n`.
#[inline(always)]
pub(crate) fn read(window: Window<'_>, at: usize, body: &mut Body, endings: &mut Endings) -> Option<usize> {
    let mut cursor = Cursor::new(window, at);
    network(&mut cursor, body)?;
    transport(&mut cursor, body)?;
    let at = match Protocol(body.protocol) {
        Protocol::TCP if body.has_ports => match endings.find(cursor.here()) {
            Some(known) => {
                let (start, ending) = (cursor.place(), known.value);
                body.flags = ending.flags;
                body.window = Digits::up_to(start + usize::from(ending.window));
                body.rest = (start + usize::from(ending.rest)) as u16;
                start + known.len() - 1
            }
            None => new_ending(&mut cursor, window, body, endings)?,
        },
        _ => line_end(cursor, window, body)?,
    };
    (Window::holds(at) && cursor.is_right()).then_some(at)
}

/// Reads what follows the ports of a TCP packet, and remembers it.
#[inline(never)]
fn new_ending(
    cursor: &mut Cursor<'_>,
    window: Window<'_>,
    body: &mut Body,
    endings: &mut Endings,
) -> Option<usize> {
    let (start, text) = (cursor.place(), *cursor.here());
    tcp(cursor, body)?;
    let rest = cursor.place();
    let end = line_end(*cursor, window, body)?;
    let is_simple = end <= rest + 1 && !body.has_options && body.urgent.end() == 0;
    if is_simple && cursor.is_right() && Window::holds(end) {
        let place = |at: usize| (at - start) as u8;
        let ending = Ending { window: place(body.window.end()), rest: place(rest), flags: body.flags };
        endings.learn(&text, end + 1 - start, ending);
    }
    Some(end)
}

/// Notes where the transport ends, and gives the position of the line's `\n`.
#[inline(always)]
fn line_end(cursor: Cursor<'_>, window: Window<'_>, body: &mut Body) -> Option<usize> {
    body.rest = cursor.place() as u16;
    // The line ends with `\n`, or with the kernel's own blank before it.
    let end = cursor.word() as u16;
    if !body.named_icmp && end as u8 == b'\n' {
        Some(cursor.place())
    } else if !body.named_icmp && end == u16::from_le_bytes(*b" \n") {
        Some(cursor.place() + 1)
    } else {
        rest(cursor, window, body)
    }
}

/// What few lines have: what an ICMP type brings, owner and mark.
#[inline(never)]
fn rest(mut cursor: Cursor<'_>, window: Window<'_>, body: &Body) -> Option<usize> {
    if body.named_icmp {
        icmp(&mut cursor, window, body)?;
    }
    owner_and_mark(&mut cursor)?;
    cursor.is_right().then(|| cursor.place())
}

/// The network layer, up to the blank before `PROTO=`.
#[inline(always)]
fn network(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    // An IPv6 address in full has its first colon behind four digits, where a dotted quad
    // has a dot or a digit.
    body.v6 = cursor.here::<5>()[4] == b':';
    if body.v6 {
        body.src = cursor.ipv6()?;
        cursor.key(b" DST=")?;
        body.dst = cursor.ipv6()?;
        cursor.key(b" LEN=")?;
        cursor.look();
        body.len = cursor.number::<LENGTH>();
        cursor.key(b" TC=")?;
        body.class = cursor.number::<U8>();
        cursor.key(b" HOPLIMIT=")?;
        body.ttl = cursor.number::<U8>();
        cursor.key(b" FLOWLBL=")?;
        body.id = cursor.number::<0xf_ffff>();
    } else {
        cursor.look();
        body.src = cursor.ipv4()?;
        cursor.key(b" DST=")?;
        body.dst = cursor.ipv4()?;
        cursor.key(b" LEN=")?;
        body.len = cursor.number::<LENGTH>();
        body.service = cursor.place() as u16;
        if !is_type_of_service(cursor.here()) {
            return None;
        }
        cursor.go(SERVICE.len());
        // From here to the ports and the length of a UDP packet it is 55 bytes at most.
        cursor.look();
        body.ttl = cursor.number::<U8>();
        cursor.key(b" ID=")?;
        body.id = cursor.number::<U16>();
        // Half of all packets have it: no branch.
        let dont_fragment = cursor.word() as u32 == u32::from_le_bytes(*b" DF ");
        body.dont_fragment = dont_fragment;
        cursor.go(usize::from(dont_fragment) * 3);
        cursor.pass_end(dont_fragment);
    }
    Some(())
}

/// 24 bytes, of which four may vary.
const SERVICE: &[u8; 24] = b" TOS=0x00 PREC=0x00 TTL=";

/// Whether the text is [`SERVICE`] with any values.
#[inline(always)]
fn is_type_of_service(text: &[u8; 24]) -> bool {
    // Compared as words: a copy with the four bytes blotted out would wait for its own stores.
    let word =
        |text: &[u8; 24], at: usize| text[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let differs = |at: usize, mask: u64| (word(text, at) ^ word(SERVICE, at)) & mask;
    let differs = differs(0, 0x00ff_ffff_ffff_ffff) | differs(8, !0xff) | differs(16, 0xffff_ffff_ff00_00ff);
    let digits = [7, 8, 17, 18].map(|digit| UPPER_HEX[usize::from(text[digit])]);
    differs == 0 && digits.into_iter().fold(0, |all, digit| all | digit) & 0x80 == 0
}

/// ` PROTO=` and the fields of UDP, to the end of the last value; of TCP, to the end of the ports
/// and numbers of the stream; of ICMP, to the end of `CODE=`.
#[inline(always)]
fn transport(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    cursor.key(b" PROTO=")?;
    let name = cursor.here::<8>();
    let is_tcp = name == b"TCP SPT=";
    if is_tcp || name == b"UDP SPT=" {
        cursor.go(8);
        if body.v6 {
            cursor.look();
        } else {
            // The blank behind the name.
            cursor.pass_end(true);
        }
        body.has_ports = true;
        body.sport = cursor.number::<U16>();
        cursor.key(b" DPT=")?;
        body.dport = cursor.number::<U16>();
        if is_tcp {
            body.protocol = Protocol::TCP.0;
            if cursor.here::<5>() == b" SEQ=" {
                stream(cursor, body)?;
            }
            return Some(());
        }
        body.protocol = Protocol::UDP.0;
        cursor.key(b" LEN=")?;
        body.window = cursor.number::<U16>();
        return Some(());
    }
    if name == b"ICMP TYP" && !body.v6 {
        body.protocol = Protocol::ICMP.0;
        cursor.key(b"ICMP TYPE=")?;
    } else if name == b"ICMPv6 T" && body.v6 {
        body.protocol = Protocol::ICMPV6.0;
        cursor.key(b"ICMPv6 TYPE=")?;
    } else if name[0].is_ascii_digit() {
        body.protocol = cursor.number::<U8>().value(cursor.window) as u8;
        return Some(());
    } else {
        return None;
    }
    body.named_icmp = true;
    cursor.look();
    body.kind = cursor.number::<U8>();
    cursor.key(b" CODE=")?;
    body.code = cursor.number::<U8>();
    Some(())
}

/// ` SEQ= ACK=`.
#[inline(never)]
fn stream(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    body.has_seq = true;
    cursor.go(b" SEQ=".len());
    cursor.renew();
    body.seq = cursor.long_number()?;
    cursor.key(b" ACK=")?;
    body.ack = cursor.long_number()?;
    cursor.renew();
    Some(())
}

/// From the window to `URGP=`, and the options.
#[inline(always)]
fn tcp(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    cursor.key(b" WINDOW=")?;
    cursor.look();
    body.window = cursor.number::<U16>();
    reserved(cursor.here())?;
    cursor.go(RESERVED.len() + 3);
    // The kernel prints each of eight words at most once.
    for _ in 0..=8 {
        let word = cursor.here();
        if word == b"URGP" {
            break;
        }
        body.flags |= TcpFlags::of_kernel_word(word)?;
        cursor.go(4);
    }
    cursor.key(b"URGP=")?;
    // Nearly every packet's urgent pointer is 0.
    if let [b'0', b'\n' | b' '] = *cursor.here() {
        cursor.go(1);
    } else {
        cursor.look();
        body.urgent = cursor.number::<U16>();
    }
    if cursor.here() == b" OPT (" {
        options(cursor, body)?;
    }
    Some(())
}

const RESERVED: &[u8; 7] = b" RES=0x";

/// The reserved bits, if the text is [`RESERVED`], two digits and a blank.
#[inline(always)]
fn reserved(text: &[u8; 10]) -> Option<u8> {
    let (key, [high, low, blank]) = text.split_first_chunk().zip(text.last_chunk())?;
    if key.0 != RESERVED || *blank != b' ' {
        return None;
    }
    hex_pair([*high, *low], &LOWER_HEX)
}

/// ` OPT (`, pairs of hex digits, and `)`.
#[inline(never)]
fn options(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    cursor.go(b" OPT (".len());
    let start = cursor.place();
    loop {
        // Forty bytes of options are the most that TCP has.
        cursor.renew();
        let [high, low] = *cursor.here();
        if high == b')' {
            break;
        }
        hex_pair([high, low], &UPPER_HEX)?;
        if !Window::holds(cursor.place()) {
            return None;
        }
        cursor.go(2);
    }
    body.has_options = true;
    body.options = (start as u16, cursor.place() as u16);
    cursor.go(1);
    Some(())
}

/// What an ICMP type brings behind `CODE=`.
fn icmp(cursor: &mut Cursor<'_>, window: Window<'_>, body: &Body) -> Option<Brought> {
    let mut brought = Brought::default();
    let (kind, code) = (body.kind.value(window), body.code.value(window));
    match (body.v6, kind) {
        (false, 0 | 8) | (true, 128 | 129) => {
            cursor.key(b" ID=")?;
            cursor.look();
            let id = cursor.number::<U16>();
            cursor.key(b" SEQ=")?;
            brought.echo = Some((id, cursor.number::<U16>()));
        }
        // Errors that quote.
        (false, 3 | 4 | 11) | (true, 1 | 3) => {
            cursor.key(b" [SRC=")?;
            let mut inner = Body::default();
            cursor.renew();
            network(cursor, &mut inner)?;
            transport(cursor, &mut inner)?;
            if inner.protocol == Protocol::TCP.0 && inner.has_ports {
                tcp(cursor, &mut inner)?;
            }
            if inner.named_icmp {
                return None;
            }
            cursor.key(b" ]")?;
            brought.quoted = Some(inner);
            if (body.v6, kind, code) == (false, 3, 4) {
                cursor.key(b" MTU=")?;
                cursor.look();
                brought.mtu = Some(cursor.number::<U16>());
            }
        }
        // A gateway, a parameter, a pointer: rare, and left to the grammar.
        (false, 5 | 12) | (true, 2 | 4) => return None,
        _ => {}
    }
    Some(brought)
}

/// ` UID= GID= MARK=0x`, each optional, and the line's end, on which the cursor is left.
fn owner_and_mark(cursor: &mut Cursor<'_>) -> Option<Owner> {
    let mut owner = Owner::default();
    cursor.renew();
    if cursor.here() == b" UID=" {
        cursor.go(5);
        owner.uid = Some(cursor.long_number()?);
    }
    if cursor.here() == b" GID=" {
        cursor.go(5);
        owner.gid = Some(cursor.long_number()?);
    }
    if cursor.here() == b" MARK=0x" {
        cursor.go(8);
        let text: &[u8; 8] = cursor.here();
        let len = text.iter().take_while(|digit| LOWER_HEX[usize::from(**digit)] & 0x80 == 0).count();
        if len == 0 {
            return None;
        }
        let digit = |mark: u32, digit: &u8| mark << 4 | u32::from(LOWER_HEX[usize::from(*digit)]);
        owner.mark = Some(text[..len].iter().fold(0, digit));
        cursor.go(len);
    }
    cursor.go(usize::from(cursor.word() as u8 == b' '));
    (cursor.word() as u8 == b'\n').then_some(owner)
}

impl Body {
    /// The packet, and the one quoted in an ICMP error, typed; `line` is the line that was read.
    #[inline(always)]
    pub(crate) fn fill<'a>(&self, window: Window<'_>, line: &'a [u8], packet: &mut Packet<'a>) {
        self.fill_datagram(window, line, &mut packet.datagram);
        if self.has_rest(line) {
            self.fill_rest(window, line, packet);
        }
    }

    /// Whether there is more than the two layers. Most lines end where the transport does.
    #[inline(always)]
    pub(crate) fn has_rest(&self, line: &[u8]) -> bool {
        self.named_icmp || usize::from(self.rest) + 1 < line.len()
    }

    /// What few lines have.
    #[inline(never)]
    fn fill_rest<'a>(&self, window: Window<'_>, line: &'a [u8], packet: &mut Packet<'a>) {
        let datagram = &mut packet.datagram;
        let mut cursor = Cursor::new(window, usize::from(self.rest));
        // Both were read before, or there is nothing.
        let brought = match self.named_icmp {
            true => icmp(&mut cursor, window, self).unwrap_or_default(),
            false => Brought::default(),
        };
        let owner = owner_and_mark(&mut cursor).unwrap_or_default();
        let number = |digits: Digits| digits.value(window) as u16;
        let echo = brought.echo.map(|(id, seq)| (number(id), number(seq)));
        match &mut datagram.transport {
            Transport::Icmp(icmp) => {
                (icmp.id, icmp.seq) = echo.unzip();
                icmp.mtu = brought.mtu.map(number);
            }
            Transport::Icmpv6(icmp) => (icmp.id, icmp.seq) = echo.unzip(),
            _ => {}
        }
        datagram.uid = owner.uid;
        datagram.gid = owner.gid;
        datagram.mark = owner.mark;
        packet.quoted = brought.quoted.map(|quoted| {
            let mut datagram = Datagram::default();
            quoted.fill_datagram(window, line, &mut datagram);
            datagram
        });
    }

    /// The source port; any number if the packet has none.
    #[inline(always)]
    pub(crate) fn sport(&self, window: Window<'_>) -> u16 {
        self.sport.value(window) as u16
    }

    /// The destination port; any number if the packet has none.
    #[inline(always)]
    pub(crate) fn dport(&self, window: Window<'_>) -> u16 {
        self.dport.value(window) as u16
    }

    /// Type and code, if ICMP was written as a word.
    #[inline(always)]
    pub(crate) fn icmp(&self, window: Window<'_>) -> Option<(u8, u8)> {
        self.named_icmp.then(|| (self.kind.value(window) as u8, self.code.value(window) as u8))
    }

    /// The length that the IP header claims.
    #[inline(always)]
    pub(crate) fn len(&self, window: Window<'_>) -> u32 {
        self.len.value(window)
    }

    /// The typed datagram; `line` is the line that was read.
    #[inline(always)]
    fn fill_datagram<'a>(&self, window: Window<'_>, line: &'a [u8], datagram: &mut Datagram<'a>) {
        self.fill_network(window, line, &mut datagram.network);
        self.fill_transport(window, line, &mut datagram.transport);
    }

    /// The network layer alone.
    #[inline(always)]
    pub(crate) fn fill_network<'a>(&self, window: Window<'_>, line: &'a [u8], network: &mut Network<'a>) {
        if self.v6 {
            *network = Network::Ipv6(Ipv6 {
                src: ipv6_at(line, self.src),
                dst: ipv6_at(line, self.dst),
                len: Some(self.len.value(window)),
                traffic_class: Some(self.class.value(window) as u8),
                hop_limit: Some(self.ttl.value(window) as u8),
                flow_label: Some(self.id.value(window)),
                ..Ipv6::default()
            });
        } else {
            let service: &[u8; SERVICE.len()] = window.bytes(usize::from(self.service));
            *network = Network::Ipv4(Ipv4 {
                src: Some(Ipv4Addr::from_bits(self.src)),
                dst: Some(Ipv4Addr::from_bits(self.dst)),
                len: Some(self.len.value(window)),
                tos: Some(pair_value([service[7], service[8]], &UPPER_HEX)),
                prec: Some(pair_value([service[17], service[18]], &UPPER_HEX)),
                ttl: Some(self.ttl.value(window) as u8),
                id: Some(self.id.value(window) as u16),
                flags: IpFlags { dont_fragment: self.dont_fragment, ..IpFlags::default() },
                ..Ipv4::default()
            });
        }
    }

    /// The transport layer, but for what an ICMP type brings.
    #[inline(always)]
    pub(crate) fn fill_transport<'a>(
        &self,
        window: Window<'_>,
        line: &'a [u8],
        transport: &mut Transport<'a>,
    ) {
        let ports = || Ports { src: Some(self.sport(window)), dst: Some(self.dport(window)) };
        let icmp = || (self.kind.value(window) as u8, self.code.value(window) as u8);
        match Protocol(self.protocol) {
            Protocol::TCP if self.has_ports => {
                *transport = Transport::Tcp(Tcp {
                    ports: ports(),
                    seq: self.has_seq.then_some(self.seq),
                    ack: self.has_seq.then_some(self.ack),
                    window: Some(self.window.value(window) as u16),
                    reserved: Some(pair_value(*window.bytes(self.window.end() + RESERVED.len()), &LOWER_HEX)),
                    flags: Some(self.flags),
                    urgent: Some(if self.urgent.end() == 0 { 0 } else { self.urgent.value(window) as u16 }),
                    options: match self.has_options {
                        true => {
                            line.get(usize::from(self.options.0)..usize::from(self.options.1)).map(HexText)
                        }
                        false => None,
                    },
                });
            }
            Protocol::UDP if self.has_ports => {
                *transport =
                    Transport::Udp(Udp { ports: ports(), len: Some(self.window.value(window) as u16) });
            }
            Protocol::ICMP if !self.v6 && self.named_icmp => {
                let (kind, code) = icmp();
                *transport =
                    Transport::Icmp(Icmp { kind: Some(IcmpType(kind)), code: Some(code), ..Icmp::default() });
            }
            Protocol::ICMPV6 if self.v6 && self.named_icmp => {
                let (kind, code) = icmp();
                *transport = Transport::Icmpv6(Icmpv6 {
                    kind: Some(Icmpv6Type(kind)),
                    code: Some(code),
                    ..Icmpv6::default()
                });
            }
            protocol => *transport = Transport::Other(protocol),
        }
    }
}

/// The IPv6 address whose text begins at `at`.
pub(crate) fn ipv6_at(line: &[u8], at: u32) -> Option<Ipv6Addr> {
    let text = line.get(at as usize..)?.first_chunk::<39>()?;
    Some(ipv6_value(text))
}

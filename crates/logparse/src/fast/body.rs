//! The fields behind a learned head, in expected order.
//!
//! Responsible for: IPv4 and IPv6 with TCP, UDP, ICMP, and every protocol that is a bare number, in the
//! forms that make up nearly all of a log; `rare` has the others. Anything wrong is refused and left to
//! the grammar.
//! Must not know: heads.
//! Tested by: `tests/suites/engines.rs` (equality with the grammar on every input tried).

use core::net::{Ipv4Addr, Ipv6Addr};

use super::cache::TextCache;
use super::cursor::{Cursor, Digits, Window, hex_pair, pair_value};
use super::rare;
use crate::bytes::simd::upper_hex;
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
    pub(super) dont_fragment: bool,
    /// Whether there is something of `rare` in the network or the transport layer.
    pub(crate) is_rare: bool,
    /// Whether this is a fragment other than the first.
    pub(super) is_later: bool,
    pub(crate) form: Form,
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
    /// ID or flow label. ARP: the operation.
    pub(super) id: Digits,
    pub(super) sport: Digits,
    pub(super) dport: Digits,
    /// TCP: the window. UDP: the length.
    pub(super) window: Digits,
    /// TCP: the sequence number. AH and ESP: the SPI.
    pub(super) seq: u32,
    ack: u32,
    /// There is none if it is 0.
    urgent: Digits,
    /// Where the hex digits of `OPT (` begin and end; the same place if there are none.
    options: (u16, u16),
    has_options: bool,
    pub(super) kind: Digits,
    pub(super) code: Digits,
    /// Where the network layer's rare part begins and ends. ARP: where the two hardware addresses begin.
    pub(super) extra: (u16, u16),
    /// Where the transport ends: what an ICMP type brings follows, owner and mark.
    rest: u16,
}

/// What form the transport layer has, or what comes in its place.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// A header in full, or a bare number.
    #[default]
    Common,
    /// `AH SPI=`, `ESP SPI=`.
    Spi,
    /// A name and no header.
    Headless,
    /// No datagram: ARP.
    Arp,
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
        rare::tail(cursor, window, body)
    }
}

/// The network layer, up to the blank before `PROTO=`.
#[inline(always)]
pub(super) fn network(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
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
pub(super) fn transport(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    if cursor.here() != b" PROTO=" {
        rare::network_rest(cursor, body)?;
    }
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
        return rare::transport_rest(cursor, body);
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
pub(super) fn tcp(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
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
    body.options = options_text(cursor)?;
    body.has_options = true;
    Some(())
}

/// The same: where the digits begin and end.
pub(super) fn options_text(cursor: &mut Cursor<'_>) -> Option<(u16, u16)> {
    cursor.go(b" OPT (".len());
    cursor.renew();
    let start = cursor.place();
    // Forty bytes of options are the most that a header has.
    for _ in 0..2 {
        let digits = upper_hex::<64>(cursor.here());
        cursor.go(digits);
        cursor.renew();
        if digits < 64 {
            break;
        }
    }
    let end = cursor.place();
    cursor.key(b")")?;
    ((end - start).is_multiple_of(2) && Window::holds(end)).then_some((start as u16, end as u16))
}

impl Body {
    /// The packet, and the one quoted in an ICMP error, typed; `line` is the line that was read.
    #[inline(always)]
    pub(crate) fn fill<'a>(&self, window: Window<'_>, line: &'a [u8], packet: &mut Packet<'a>) {
        self.fill_datagram(window, line, &mut packet.datagram);
        if self.has_rest(line) {
            rare::fill(self, window, line, packet);
        }
    }

    /// Whether there is more than the two layers. Most lines end where the transport does.
    #[inline(always)]
    pub(crate) fn has_rest(&self, line: &[u8]) -> bool {
        self.named_icmp || usize::from(self.rest) + 1 < line.len()
    }

    /// Where the transport ends.
    pub(super) fn tail_at(&self) -> usize {
        usize::from(self.rest)
    }

    /// Notes that nothing follows.
    pub(super) fn end_at(&mut self, place: usize) {
        self.rest = place as u16;
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
    pub(super) fn fill_datagram<'a>(&self, window: Window<'_>, line: &'a [u8], datagram: &mut Datagram<'a>) {
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
        } else if self.form == Form::Arp {
            // The template has said that it is one.
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
        if self.is_rare {
            match network {
                Network::Ipv4(ip) => rare::fill_ipv4(self, line, ip),
                Network::Ipv6(ip) => rare::fill_ipv6(self, line, ip),
                Network::Arp(arp) => rare::fill_arp(self, window, line, arp),
                Network::None => {}
            }
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
            Protocol::UDPLITE if self.has_ports => {
                *transport =
                    Transport::UdpLite(Udp { ports: ports(), len: Some(self.window.value(window) as u16) });
            }
            protocol => match self.form {
                Form::Common => *transport = Transport::Other(protocol),
                Form::Spi | Form::Headless => *transport = rare::fill_transport(self),
                Form::Arp => {}
            },
        }
    }
}

/// The IPv6 address whose text begins at `at`.
pub(crate) fn ipv6_at(line: &[u8], at: u32) -> Option<Ipv6Addr> {
    let text = line.get(at as usize..)?.first_chunk::<39>()?;
    Some(ipv6_value(text))
}

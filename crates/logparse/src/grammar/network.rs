//! The network layer: IPv4, IPv6 with its extension headers, ARP.
//!
//! Responsible for: what `dump_ipv4_packet`, `dump_ipv6_packet` and `dump_arp_packet` print
//! before `PROTO=`.
//! Must not know: transports.
//! Tested by: `testdata/lines`, round trips.

use core::net::{IpAddr, Ipv4Addr};

use nom::{Parser, bytes::complete::take_while, combinator::opt};

use super::transport::{self, Reader};
use super::value::{
    Flow, Hex, In, Res, ShortHex, Value, blank, decimal, fail, field, ipv6_any, ipv6_full, keep, maybe,
    quad_and_blank, token, truncated,
};
use crate::error::{Token, What};
use crate::packet::{
    Arp, Datagram, Dialect, Extensions, HexText, Incomplete, Ipv4, Ipv6, Link, Network, Packet, Truncated,
};
use crate::types::{EtherType, Mac};

/// What follows the link layer: a datagram, ARP, `TRUNCATED`, or nothing.
pub(super) fn payload<'a>(input: In<'a>, packet: &mut Packet<'a>, reader: &mut Reader) -> Res<'a, ()> {
    match input.first() {
        Some(b'S') => {
            let Packet { datagram: outer, quoted, .. } = packet;
            datagram(input, outer, Some(quoted), reader)
        }
        Some(b'A') => keep(
            Arp::default(),
            |value| arp(input, value, &mut packet.datagram.incomplete),
            |value| packet.datagram.network = Network::Arp(value),
        ),
        Some(b'T') => {
            let (rest, ()) = truncated(input)?;
            packet.datagram.truncated = Some(Truncated::IpHeader);
            Ok((rest, ()))
        }
        // An ethertype that the kernel does not print; the link part must be there.
        None if packet.link != Link::None && reader.dialect != Dialect::Pvefw => {
            if announces_more(packet.link) {
                fail(input, What::Body, Token::Empty, true)
            } else {
                Ok((input, ()))
            }
        }
        _ => fail(input, What::Body, Token::Empty, input.is_empty() || b"SRC=".starts_with(input)),
    }
}

/// Whether a link part says that a packet follows which the kernel prints: a header of IPv4, IPv6
/// or ARP, or no whole header at all, which only a cut leaves at a line's end.
fn announces_more(link: Link<'_>) -> bool {
    const PRINTED: [&[u8]; 3] = [b"08:00", b"86:dd", b"08:06"];
    match link {
        Link::Raw(mac) => {
            let octets = mac.0.len().div_ceil(3);
            octets > 0 && octets < 14 || octets >= 14 && PRINTED.iter().any(|kind| mac.0.ends_with(kind))
        }
        Link::Decoded(header) => {
            header.ethertype.is_some_and(|kind| matches!(kind.0, 0x0800 | 0x86dd | 0x0806))
        }
        _ => false,
    }
}

/// `SRC=` to the end of the packet. `quoted` is where an ICMP error's quoted packet goes; it
/// is `None` inside brackets, since the kernel quotes one level only.
pub(super) fn datagram<'a>(
    input: In<'a>,
    datagram: &mut Datagram<'a>,
    quoted: Option<&mut Option<Datagram<'a>>>,
    reader: &mut Reader,
) -> Res<'a, ()> {
    let (rest, src) = address(input, Token::Src, reader)?;
    let (rest, flow) = match src {
        IpAddr::V4(src) => {
            let mut end = None;
            let result = keep(
                Ipv4 { src: Some(src), ..Ipv4::default() },
                |ip| ipv4_fields(rest, ip, &mut end, reader),
                |ip| datagram.network = Network::Ipv4(ip),
            );
            datagram.truncated = end;
            result?
        }
        IpAddr::V6(src) => {
            let mut end = None;
            let result = keep(
                Ipv6 { src: Some(src), ..Ipv6::default() },
                |ip| ipv6_fields(rest, ip, &mut end, reader),
                |ip| datagram.network = Network::Ipv6(ip),
            );
            datagram.truncated = end;
            result?
        }
    };
    match flow {
        Flow::Ends => Ok((rest, ())),
        Flow::On => transport::transport(rest, datagram, quoted, reader),
    }
}

/// An address of either family. The kernel writes IPv6 in full; other writers compress it.
#[inline(always)]
fn address<'a>(input: In<'a>, name: Token, reader: &mut Reader) -> Res<'a, IpAddr> {
    let (value, ()) = token(input, name)?;
    if let Some((address, len)) = value.first_chunk().and_then(quad_and_blank) {
        let (rest, ()) = blank(&value[len..])?;
        return Ok((rest, IpAddr::V4(address)));
    }
    let dotted = value.get(1) == Some(&b'.') || value.get(2) == Some(&b'.') || value.get(3) == Some(&b'.');
    let (rest, address) = if dotted {
        let (rest, address) = Ipv4Addr::read(value, name)?;
        (rest, IpAddr::V4(address))
    } else if let Ok((rest, address)) = ipv6_full(value, name) {
        (rest, IpAddr::V6(address))
    } else {
        let (rest, address) = ipv6_any(value, name)?;
        if reader.dialect == Dialect::Kernel {
            reader.dialect = Dialect::Ulogd;
        }
        (rest, IpAddr::V6(address))
    };
    let (rest, ()) = blank(rest)?;
    Ok((rest, address))
}

/// `DST=` to the IP options.
#[inline(always)]
fn ipv4_fields<'a>(
    input: In<'a>,
    ip: &mut Ipv4<'a>,
    end: &mut Option<Truncated>,
    reader: &mut Reader,
) -> Res<'a, Flow> {
    let (input, dst) = field::<Ipv4Addr>(input, Token::Dst)?;
    ip.dst = Some(dst);
    let (input, len) = maybe::<u32>(input, Token::Len)?;
    ip.len = len;
    let (input, tos) = maybe::<Tos>(input, Token::Tos)?;
    if let Some(Tos(_, false)) = tos
        && reader.dialect == Dialect::Kernel
    {
        reader.dialect = Dialect::Ulogd;
    }
    ip.tos = tos.map(|Tos(value, _)| value);
    let (input, prec) = maybe::<Hex<2>>(input, Token::Prec)?;
    ip.prec = prec.map(|Hex(value)| value as u8);
    let (input, ttl) = maybe::<u8>(input, Token::Ttl)?;
    ip.ttl = ttl;
    let (input, id) = maybe::<u16>(input, Token::Id)?;
    ip.id = id;
    let (input, set) = flag(input, Token::Ce)?;
    ip.flags.reserved = set;
    let (input, set) = flag(input, Token::Df)?;
    ip.flags.dont_fragment = set;
    let (input, set) = flag(input, Token::Mf)?;
    ip.flags.more_fragments = set;
    let (input, fragment) = ipv4_fragment(input)?;
    ip.fragment = fragment;
    let (input, options) = hex_options(input)?;
    ip.options = options;
    if input.first() == Some(&b'T') {
        let (input, ()) = truncated(input)?;
        *end = Some(Truncated::IpOptions);
        return Ok((input, Flow::Ends));
    }
    Ok((input, Flow::On))
}

/// The value of `TOS=`: `0x` and two digits, and whether the `0x` was there; ulogd leaves it out.
struct Tos(u8, bool);

impl Value for Tos {
    #[inline(always)]
    fn read(input: In<'_>, name: Token) -> Res<'_, Tos> {
        let digits = input.strip_prefix(b"0x").unwrap_or(input);
        let (rest, Hex(value)) = Hex::<2>::read(digits, name)?;
        Ok((rest, Tos(value as u8, digits.len() < input.len())))
    }
}

/// A bare word such as `DF `.
#[inline(always)]
fn flag(input: In<'_>, word: Token) -> Res<'_, bool> {
    match input.strip_prefix(word.text().as_bytes()) {
        Some([b' ', rest @ ..]) => Ok((rest, true)),
        _ => Ok((input, false)),
    }
}

/// `FRAG:185 `, in units of 8 bytes; `FRAG=` of Proxmox, `FRAG: 0` of ulogd.
#[inline(always)]
fn ipv4_fragment(input: In<'_>) -> Res<'_, Option<u16>> {
    let Some(value) = input.strip_prefix(b"FRAG:").or_else(|| input.strip_prefix(b"FRAG=")) else {
        return Ok((input, None));
    };
    let (rest, offset) = decimal(value, 8191, Token::Frag)?;
    let (rest, ()) = blank(rest)?;
    Ok((rest, Some(offset as u16)))
}

/// `OPT (`hex`) `: the options of an IPv4 or TCP header.
#[inline(always)]
pub(super) fn hex_options(input: In<'_>) -> Res<'_, Option<HexText<'_>>> {
    let Some(value) = input.strip_prefix(Token::Opt.text().as_bytes()) else {
        return Ok((input, None));
    };
    hex_options_value(value, blank)
}

/// The hex and the closing parenthesis of [`hex_options`].
pub(super) fn hex_options_value<'a>(
    value: In<'a>,
    end: impl Fn(In<'a>) -> Res<'a, ()>,
) -> Res<'a, Option<HexText<'a>>> {
    let (rest, text) = take_while(|byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F')).parse(value)?;
    match (HexText::new(text), rest) {
        (Some(text), [b')', rest @ ..]) => {
            let (rest, ()) = end(rest)?;
            Ok((rest, Some(text)))
        }
        _ => fail(value, What::Options, Token::Opt, rest.is_empty()),
    }
}

/// `DST=` to the last extension header.
fn ipv6_fields<'a>(
    input: In<'a>,
    ip: &mut Ipv6<'a>,
    end: &mut Option<Truncated>,
    reader: &mut Reader,
) -> Res<'a, Flow> {
    let (input, dst) = match address(input, Token::Dst, reader)? {
        (rest, IpAddr::V6(dst)) => (rest, dst),
        (_, IpAddr::V4(_)) => return fail(input, What::Address, Token::Dst, false),
    };
    ip.dst = Some(dst);
    let (input, len) = maybe::<u32>(input, Token::Len)?;
    ip.len = len;
    let (input, class) = maybe::<u8>(input, Token::Tc)?;
    ip.traffic_class = class;
    let (input, hops) = maybe::<u8>(input, Token::HopLimit)?;
    ip.hop_limit = hops;
    let Some(value) = input.strip_prefix(Token::FlowLbl.text().as_bytes()) else {
        // Writers other than the kernel leave it out.
        return if hops.is_some() && input.starts_with(b"PROTO=") {
            Ok((input, Flow::On))
        } else {
            token(input, Token::FlowLbl).map(|(rest, ())| (rest, Flow::On))
        };
    };
    let (input, label) = decimal(value, 0xf_ffff, Token::FlowLbl)?;
    // ESP without --log-ip-options ends the line here.
    let (input, ()) = blank(input)?;
    ip.flow_label = Some(label as u32);
    // pvefw prints HOPLIMIT= behind FLOWLBL=.
    let input = if hops.is_none() {
        let (input, hops) = maybe::<u8>(input, Token::HopLimit)?;
        ip.hop_limit = hops;
        input
    } else {
        input
    };
    let (rest, flow) = extensions(input, &mut ip.extensions, end)?;
    Ok((rest, flow))
}

/// The printed extension headers, in packet order. The text of the whole ones is kept.
fn extensions<'a>(start: In<'a>, kept: &mut Extensions<'a>, end: &mut Option<Truncated>) -> Res<'a, Flow> {
    let mut input = start;
    loop {
        let (rest, flow) = match input {
            [b'O', b'P', b'T', ..] => wrapped(input)?,
            [b'F', b'R', b'A', b'G', ..] => {
                let (rest, whole) = fragment(input)?;
                (rest, if whole { Item::Whole } else { Item::FragTruncated })
            }
            [b'T', b'R', b'U', ..] => {
                let (rest, ()) = truncated(input)?;
                *end = Some(Truncated::ExtHeader);
                return Ok((rest, Flow::Ends));
            }
            [b'U', b'n', b'k', ..] => {
                let (rest, ()) = token(input, Token::UnknownExt)?;
                let (rest, _) = u8::read(rest, Token::UnknownExt)?;
                (rest, Item::Last)
            }
            _ => return Ok((input, Flow::On)),
        };
        *kept = Extensions(&start[..start.len() - rest.len()]);
        input = rest;
        match flow {
            Item::Whole => {}
            Item::Last => return Ok((input, Flow::Ends)),
            Item::FragTruncated => {
                *end = Some(Truncated::FragHeader);
                return Ok((input, Flow::Ends));
            }
        }
    }
}

/// How an extension header ended.
#[derive(Clone, Copy)]
enum Item {
    Whole,
    /// The line ends with it.
    Last,
    /// `FRAG:TRUNCATED `; the line ends with it.
    FragTruncated,
}

/// `OPT ( ... ) `, one header each. Without the last blank the line ends here.
fn wrapped(input: In<'_>) -> Res<'_, Item> {
    let (rest, ()) = token(input, Token::Opt)?;
    let (mut rest, ()) = blank(rest)?;
    match rest.first() {
        Some(b'F') => {
            let (after, whole) = fragment(rest)?;
            if !whole {
                return Ok((after, Item::FragTruncated));
            }
            rest = after;
        }
        Some(b'A' | b'E') => {
            let name = if rest.starts_with(b"AH ") {
                3
            } else if rest.starts_with(b"ESP ") {
                4
            } else {
                return fail(
                    rest,
                    What::Options,
                    Token::Opt,
                    b"AH ".starts_with(rest) || b"ESP ".starts_with(rest),
                );
            };
            rest = &rest[name..];
            if rest.starts_with(Token::Spi.text().as_bytes()) {
                let (after, ()) = token(rest, Token::Spi)?;
                let (after, _) = ShortHex::<8>::read(after, Token::Spi)?;
                let (after, ()) = blank(after)?;
                rest = after;
            } else if rest.starts_with(b"I") {
                let (after, _) = incomplete(rest)?;
                rest = after;
            }
        }
        _ => {}
    }
    match rest {
        [b')'] => Ok((&rest[1..], Item::Last)),
        [b')', b']', ..] => Ok((&rest[1..], Item::Last)),
        [b')', b' ', after @ ..] => Ok((after, Item::Whole)),
        _ => fail(rest, What::Options, Token::Opt, rest.is_empty()),
    }
}

/// `FRAG:1448 INCOMPLETE ID:deadbeef `, in bytes; `false` for `FRAG:TRUNCATED `.
fn fragment(input: In<'_>) -> Res<'_, bool> {
    let (rest, ()) = token(input, Token::Frag)?;
    if rest.starts_with(b"TRUNCATED") {
        let (rest, ()) = truncated(rest)?;
        return Ok((rest, false));
    }
    // ulogd writes `FRAG: 0 ID: deadbeef`.
    let loose = rest.first() == Some(&b' ');
    let (rest, _) = decimal(rest.strip_prefix(b" ").unwrap_or(rest), 65_535, Token::Frag)?;
    let (rest, ()) = blank(rest)?;
    let rest = rest.strip_prefix(b"INCOMPLETE ").unwrap_or(rest);
    let (rest, ()) = token(rest, Token::FragId)?;
    let rest = if loose { rest.strip_prefix(b" ").unwrap_or(rest) } else { rest };
    let (rest, _) = Hex::<8>::read(rest, Token::FragId)?;
    let (rest, ()) = blank(rest)?;
    Ok((rest, true))
}

/// `INCOMPLETE [n bytes] `.
pub(super) fn incomplete(input: In<'_>) -> Res<'_, u64> {
    let (rest, ()) = token(input, Token::Incomplete)?;
    let (rest, count) = u64::read(rest, Token::Incomplete)?;
    match rest.strip_prefix(b" bytes]") {
        Some([b' ', rest @ ..]) => Ok((rest, count)),
        Some(rest) if rest.is_empty() || rest[0] == b']' => Ok((rest, count)),
        _ => fail(rest, What::Token, Token::Bytes, b" bytes] ".starts_with(rest)),
    }
}

/// `ARP HTYPE=1 PTYPE=0x0800 OPCODE=1` and the payload. The blanks come before here.
fn arp<'a>(input: In<'a>, arp: &mut Arp, short: &mut Option<Incomplete>) -> Res<'a, ()> {
    /// A value before a blank, or the last one of the line.
    fn ends<'a, T>(input: In<'a>, result: Res<'a, T>, name: Token) -> Res<'a, T> {
        let (rest, value) = result?;
        match rest.first() {
            None | Some(b' ') => Ok((rest, value)),
            _ => fail(input, What::Blank, name, false),
        }
    }
    let (input, ()) = token(input, Token::Arp)?;
    let (rest, hardware) = ends(input, u16::read(input, Token::Arp), Token::Arp)?;
    if rest.is_empty() {
        return fail(input, What::Number, Token::Arp, true);
    }
    arp.hardware = Some(hardware);
    let (input, ()) = token(rest, Token::Ptype)?;
    let (rest, protocol) = ends(input, EtherType::read(input, Token::Ptype), Token::Ptype)?;
    if rest.is_empty() {
        return fail(rest, What::Token, Token::Opcode, true);
    }
    arp.protocol = Some(protocol);
    let (input, ()) = token(rest, Token::Opcode)?;
    let (rest, opcode) = ends(input, u16::read(input, Token::Opcode), Token::Opcode)?;
    arp.opcode = Some(opcode);
    if rest.starts_with(b" INCOMPLETE") {
        let (rest, count) = incomplete(&rest[1..])?;
        *short = Some(Incomplete::Bytes(count));
        return Ok((rest, ()));
    }
    if rest.trim_ascii_start().is_empty() {
        return Ok((&rest[rest.len()..], ()));
    }
    let (rest, ()) = token(rest, Token::ArpMacSrc)?;
    let (rest, address) = Mac::read(rest, Token::ArpMacSrc)?;
    arp.src_mac = Some(address);
    let (input, ()) = token(rest, Token::ArpIpSrc)?;
    let (rest, ip) = Ipv4Addr::read(input, Token::ArpIpSrc)?;
    if rest.is_empty() {
        return fail(input, What::Address, Token::ArpIpSrc, true);
    }
    arp.src_ip = Some(ip);
    let (rest, ()) = token(rest, Token::ArpMacDst)?;
    let (rest, address) = Mac::read(rest, Token::ArpMacDst)?;
    arp.dst_mac = Some(address);
    let (input, ()) = token(rest, Token::ArpIpDst)?;
    let (rest, ip) = ends(input, Ipv4Addr::read(input, Token::ArpIpDst), Token::ArpIpDst)?;
    arp.dst_ip = Some(ip);
    opt(blank).parse(rest).map(|(rest, _)| (rest, ()))
}

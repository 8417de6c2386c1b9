//! The filters before netfilter: ipchains (Linux 2.2, and a module in 2.4) and ipfwadm (2.0).
//!
//! Responsible for: `Packet log: chain TARGET ...` and `IP chain action ...`.
//! Must not know: the other formats.
//! Tested by: `testdata/lines`.
//!
//! Sources: `dump_packet` of `ipchains_core.c` and `dprint_packet` of `ipfwadm_core.c`, 2.4.22.
//! The chain and the action stay in the packet's prefix.

use core::net::Ipv4Addr;

use nom::{
    IResult, Parser,
    bytes::complete::tag,
    combinator::opt,
    sequence::{preceded, terminated},
};

use super::value::{Fail, Hex, In, Res, Value, blank, blank_or_end, end, fail, word};
use crate::error::{Token, What};
use crate::packet::{Datagram, Dialect, Icmp, IpFlags, Ipv4, Network, Packet, Ports, Tcp, Transport, Udp};
use crate::types::{IcmpType, Protocol, TcpFlags};

/// Where an ipchains or ipfwadm record begins in a message, if one does.
pub(super) fn begins(text: &[u8]) -> bool {
    text.starts_with(b"Packet log: ") || text.starts_with(b"IP fw-") || text.starts_with(b"IP acct ")
}

/// The whole message.
pub(super) fn message<'a>(text: In<'a>, packet: &mut Packet<'a>) -> Res<'a, ()> {
    if let Some(rest) = text.strip_prefix(b"Packet log: ") {
        packet.dialect = Dialect::Ipchains { rule: None };
        ipchains(text, rest, packet)
    } else {
        packet.dialect = Dialect::Ipfwadm;
        ipfwadm(text, packet)
    }
}

/// `chain TARGET [port] dev PROTO=n a:p b:q L= S=0x I= F=0x T= [O=0x..] [SYN ](#rule)`.
fn ipchains<'a>(text: In<'a>, rest: In<'a>, packet: &mut Packet<'a>) -> Res<'a, ()> {
    let (rest, _chain) = word_and_blank(rest)?;
    let (rest, _target) = word_and_blank(rest)?;
    // REDIRECT prints the port it redirects to.
    let rest = match u16::read(rest, Token::Empty) {
        Ok((after, _)) if after.first() == Some(&b' ') => &after[1..],
        _ => rest,
    };
    packet.prefix = &text[..text.len() - rest.len()];
    let (rest, device) = word_and_blank(rest)?;
    packet.in_iface = device;
    let (rest, protocol) = keyed::<u8>("PROTO=", Token::Proto).parse(rest)?;
    let protocol = Protocol(protocol);
    let mut ip = Ipv4::default();
    let result = addresses(rest, protocol, &mut ip, &mut packet.datagram);
    packet.datagram.network = Network::Ipv4(ip);
    let (rest, ()) = result?;
    let result = counters(rest, &mut ip, "F=0x");
    packet.datagram.network = Network::Ipv4(ip);
    let (mut rest, ()) = result?;
    while let Some(option) = rest.strip_prefix(b"O=0x") {
        let (after, _) = Hex::<8>::read(option, Token::Opt)?;
        let (after, ()) = blank(after)?;
        rest = after;
    }
    let rest = syn(rest, &mut packet.datagram);
    let (rest, ()) = literal(b"(#")(rest)?;
    let (rest, rule) = u32::read(rest, Token::Empty)?;
    let (rest, ()) = literal(b")")(rest)?;
    packet.dialect = Dialect::Ipchains { rule: Some(rule) };
    end(rest)
}

/// `IP chain action dev TCP a:p b:q L= S=0x I= FO=0x T= [DF=1] [MF=1]`.
fn ipfwadm<'a>(text: In<'a>, packet: &mut Packet<'a>) -> Res<'a, ()> {
    let (rest, ()) = literal(b"IP ")(text)?;
    let (rest, _chain) = word_and_blank(rest)?;
    let (rest, _action) = word_and_blank(rest)?;
    packet.prefix = &text[..text.len() - rest.len()];
    let (rest, device) = word_and_blank(rest)?;
    packet.in_iface = device;
    let (after, name) = word_and_blank(rest)?;
    // ICMP is followed by its type: `ICMP/8`; others are `PROTO=n`.
    let (name, kind) = match name.iter().position(|byte| *byte == b'/') {
        Some(at) => (&name[..at], Some(&name[at + 1..])),
        None => (name, None),
    };
    let protocol = match name.strip_prefix(b"PROTO=") {
        Some(number) => Protocol(u8::read(number, Token::Proto)?.1),
        None => match Protocol::from_name(name) {
            Some(protocol) => protocol,
            None => return fail(rest, What::Text, Token::Empty, after.is_empty()),
        },
    };
    let mut ip = Ipv4::default();
    let result = addresses(after, protocol, &mut ip, &mut packet.datagram);
    packet.datagram.network = Network::Ipv4(ip);
    let (rest, ()) = result?;
    if let (Some(kind), Transport::Icmp(icmp)) = (kind, &mut packet.datagram.transport) {
        icmp.kind = u8::read(kind, Token::Type).ok().map(|(_, kind)| IcmpType(kind));
    }
    let result = counters(rest, &mut ip, "FO=0x");
    packet.datagram.network = Network::Ipv4(ip);
    let (rest, ()) = result?;
    let (rest, df) = opt(literal(b"DF=1")).parse(rest)?;
    let rest = rest.trim_ascii_start();
    let (rest, mf) = opt(literal(b"MF=1")).parse(rest)?;
    ip.flags.dont_fragment |= df.is_some();
    ip.flags.more_fragments |= mf.is_some();
    packet.datagram.network = Network::Ipv4(ip);
    end(rest)
}

/// A text that must stand here.
fn literal<'a>(text: &'static [u8]) -> impl FnMut(In<'a>) -> Res<'a, ()> {
    move |input| {
        let found: IResult<In<'a>, In<'a>, Fail> = tag(text).parse(input);
        match found {
            Ok((rest, _)) => Ok((rest, ())),
            Err(_) => fail(input, What::Text, Token::Empty, text.starts_with(input)),
        }
    }
}

fn word_and_blank(input: In<'_>) -> Res<'_, &[u8]> {
    let (rest, text) = word(input)?;
    let (rest, ()) = blank(rest)?;
    Ok((rest, text))
}

/// `KEYvalue `.
fn keyed<'a, V: Value>(key: &'static str, name: Token) -> impl Parser<In<'a>, Output = V, Error = Fail> {
    terminated(preceded(literal(key.as_bytes()), move |input| V::read(input, name)), blank_or_end)
}

/// `a:p b:q `; of ICMP the ports are the type and the code.
fn addresses<'a>(
    input: In<'a>,
    protocol: Protocol,
    ip: &mut Ipv4<'a>,
    datagram: &mut Datagram<'a>,
) -> Res<'a, ()> {
    let (rest, src) = Ipv4Addr::read(input, Token::Src)?;
    let (rest, sport) = port(rest)?;
    let (rest, ()) = blank(rest)?;
    ip.src = Some(src);
    let (rest, dst) = Ipv4Addr::read(rest, Token::Dst)?;
    let (rest, dport) = port(rest)?;
    let (rest, ()) = blank(rest)?;
    ip.dst = Some(dst);
    let ports = Ports { src: sport, dst: dport };
    datagram.transport = match protocol {
        Protocol::TCP => Transport::Tcp(Tcp { ports, ..Tcp::default() }),
        Protocol::UDP => Transport::Udp(Udp { ports, len: None }),
        Protocol::ICMP => Transport::Icmp(Icmp {
            kind: sport.and_then(|n| u8::try_from(n).ok()).map(IcmpType),
            code: dport.and_then(|n| u8::try_from(n).ok()),
            ..Icmp::default()
        }),
        _ => Transport::Other(protocol),
    };
    Ok((rest, ()))
}

/// `:p`, if there is one.
fn port(input: In<'_>) -> Res<'_, Option<u16>> {
    match input.strip_prefix(b":") {
        Some(digits) => u16::read(digits, Token::Spt).map(|(rest, port)| (rest, Some(port))),
        None => Ok((input, None)),
    }
}

/// `L= S=0x I= F=0x T= `: length, type of service, id, fragment word, time to live.
fn counters<'a>(input: In<'a>, ip: &mut Ipv4<'a>, fragment_key: &'static str) -> Res<'a, ()> {
    let (input, len) = keyed::<u32>("L=", Token::Len).parse(input)?;
    ip.len = Some(len);
    let (input, Hex(tos)) = keyed::<Hex<2>>("S=0x", Token::Tos).parse(input)?;
    ip.tos = Some(tos as u8);
    let (input, id) = keyed::<u16>("I=", Token::Id).parse(input)?;
    ip.id = Some(id);
    let (input, Hex(word)) = keyed::<Hex<4>>(fragment_key, Token::Frag).parse(input)?;
    ip.flags = IpFlags {
        reserved: word & 0x8000 != 0,
        dont_fragment: word & 0x4000 != 0,
        more_fragments: word & 0x2000 != 0,
    };
    ip.fragment = Some((word & 0x1fff) as u16).filter(|offset| *offset != 0);
    let (input, ttl) = keyed::<u8>("T=", Token::Ttl).parse(input)?;
    ip.ttl = Some(ttl);
    Ok((input, ()))
}

/// ipchains prints `SYN ` for a packet that opens a connection, and no other flag.
fn syn<'a>(input: In<'a>, datagram: &mut Datagram<'a>) -> In<'a> {
    match (input.strip_prefix(b"SYN "), &mut datagram.transport) {
        (Some(rest), Transport::Tcp(tcp)) => {
            tcp.flags = Some(TcpFlags::SYN);
            rest
        }
        _ => input,
    }
}

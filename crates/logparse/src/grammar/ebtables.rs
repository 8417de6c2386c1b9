//! The body of ebtables' own format (`ebt_log`), behind `IN= OUT= `.
//!
//! Responsible for: `MAC source = ... MAC dest = ... proto = 0x...` and its details.
//! Must not know: the other formats.
//! Tested by: `testdata/lines/ebtables*`.
//!
//! Blanks stand in front of the keys here, values are followed by a comma or nothing, and the
//! line ends without a blank.

use super::leaf::{
    In, Res, dec_u8, dec_u16, fail, field, hex, hex_exact, ipv4, ipv6_any, ipv6_full, mac, token,
};
use super::{end, keep};
use crate::error::{Token, What};
use crate::packet::{
    Arp, Datagram, Ipv4, Ipv6, Link, MacHeader, Network, Packet, Ports, Tcp, Transport, Truncated, Udp,
};
use crate::types::{EtherType, Protocol};

/// The whole body.
pub(super) fn body<'a>(input: In<'a>, packet: &mut Packet<'a>) -> Res<'a, ()> {
    let (rest, ()) = keep(
        MacHeader::default(),
        |header| link(input, header),
        |header| packet.link = Link::Decoded(header),
    )?;
    let (rest, ()) = detail(rest, &mut packet.datagram)?;
    end(rest)
}

fn link<'a>(input: In<'a>, header: &mut MacHeader) -> Res<'a, ()> {
    let (input, src) = field(input, Token::EbtSource, mac)?;
    header.src = Some(src);
    let (input, dst) = field(input, Token::EbtDest, mac)?;
    header.dst = Some(dst);
    let (input, ()) = token(input, Token::EbtProto)?;
    let (input, ethertype) = hex_exact::<4>(input, Token::EbtProto)?;
    header.ethertype = Some(EtherType(ethertype as u16));
    Ok((input, ()))
}

/// A value, and the proof that it is whole: something follows, or it is the line's last.
fn whole<'a, T>(
    input: In<'a>,
    name: Token,
    value: impl FnOnce(In<'a>, Token) -> Res<'a, T>,
    may_be_last: bool,
) -> Res<'a, T> {
    let (rest, value) = value(input, name)?;
    match rest.first() {
        Some(b' ' | b',') => Ok((rest, value)),
        None if may_be_last => Ok((rest, value)),
        _ => fail(input, What::Blank, name, rest.is_empty()),
    }
}

/// One key and its value.
fn keyed<'a, T>(
    input: In<'a>,
    name: Token,
    value: impl FnOnce(In<'a>, Token) -> Res<'a, T>,
    may_be_last: bool,
) -> Res<'a, T> {
    let (input, ()) = token(input, name)?;
    whole(input, name, value, may_be_last)
}

fn detail<'a>(input: In<'a>, datagram: &mut Datagram<'a>) -> Res<'a, ()> {
    if input.trim_ascii_start().is_empty() {
        return Ok((&input[input.len()..], ()));
    }
    for (text, what) in [
        (&b" INCOMPLETE IP header"[..], Truncated::IpHeader),
        (b" INCOMPLETE IPv6 header", Truncated::IpHeader),
        (b" INCOMPLETE ARP header", Truncated::ArpHeader),
    ] {
        if let Some(rest) = input.strip_prefix(text) {
            datagram.truncated = Some(what);
            return Ok((rest, ()));
        }
    }
    if input.starts_with(Token::EbtIp6Src.text().as_bytes()) {
        let mut ip = Ipv6::default();
        let result = ipv6(input, &mut ip);
        datagram.network = Network::Ipv6(ip);
        let (rest, protocol) = result?;
        return transport(rest, protocol, datagram);
    }
    if input.starts_with(Token::EbtArp.text().as_bytes()) {
        let mut value = Arp::default();
        let result = arp(input, &mut value, datagram);
        datagram.network = Network::Arp(value);
        return result;
    }
    let mut ip = Ipv4::default();
    let result = ipv4_header(input, &mut ip);
    if ip != Ipv4::default() {
        datagram.network = Network::Ipv4(ip);
    }
    let (rest, protocol) = result?;
    transport(rest, protocol, datagram)
}

fn ipv4_header<'a>(input: In<'a>, ip: &mut Ipv4<'a>) -> Res<'a, Protocol> {
    let (input, src) = keyed(input, Token::EbtIpSrc, ipv4, false)?;
    ip.src = Some(src);
    let (input, dst) = keyed(input, Token::EbtIpDst, ipv4, false)?;
    ip.dst = Some(dst);
    let (input, tos) = keyed(input, Token::EbtTos, hex_exact::<2>, false)?;
    ip.tos = Some(tos as u8);
    let (input, protocol) = keyed(input, Token::EbtIpProto, dec_u8, true)?;
    Ok((input, Protocol(protocol)))
}

fn ipv6<'a>(input: In<'a>, ip: &mut Ipv6<'a>) -> Res<'a, Protocol> {
    let (input, src) = keyed(input, Token::EbtIp6Src, ipv6_address, false)?;
    ip.src = Some(src);
    let (input, dst) = keyed(input, Token::EbtIp6Dst, ipv6_address, false)?;
    ip.dst = Some(dst);
    let (input, priority) = keyed(input, Token::EbtPriority, hex::<1>, false)?;
    ip.priority = Some(priority as u8);
    let (input, next) = keyed(input, Token::EbtNext, dec_u8, true)?;
    Ok((input, Protocol(next)))
}

/// Full from 2.6.29 on; unpadded groups before.
fn ipv6_address(input: In<'_>, name: Token) -> Res<'_, core::net::Ipv6Addr> {
    ipv6_full(input, name).or_else(|_| ipv6_any(input, name))
}

/// The ports of TCP, UDP, UDPLITE, SCTP and DCCP.
fn transport<'a>(input: In<'a>, protocol: Protocol, datagram: &mut Datagram<'a>) -> Res<'a, ()> {
    let store = |datagram: &mut Datagram<'a>, ports: Ports| {
        datagram.transport = match protocol {
            Protocol::TCP => Transport::Tcp(Tcp { ports, ..Tcp::default() }),
            Protocol::UDP => Transport::Udp(Udp { ports, len: None }),
            Protocol::UDPLITE => Transport::UdpLite(Udp { ports, len: None }),
            _ if ports == Ports::default() => Transport::Other(protocol),
            _ => Transport::Ports(protocol, ports),
        };
    };
    store(datagram, Ports::default());
    if let Some(rest) = input.strip_prefix(b" INCOMPLETE TCP/UDP header") {
        datagram.truncated = Some(Truncated::TransportHeader);
        return Ok((rest, ()));
    }
    if input.trim_ascii_start().is_empty() {
        return Ok((&input[input.len()..], ()));
    }
    let (input, src) = keyed(input, Token::EbtSpt, dec_u16, false)?;
    store(datagram, Ports { src: Some(src), dst: None });
    let (input, dst) = keyed(input, Token::EbtDpt, dec_u16, true)?;
    store(datagram, Ports { src: Some(src), dst: Some(dst) });
    Ok((input, ()))
}

fn arp<'a>(input: In<'a>, arp: &mut Arp, datagram: &mut Datagram<'a>) -> Res<'a, ()> {
    let (input, hardware) = keyed(input, Token::EbtArp, dec_u16, false)?;
    arp.hardware = Some(hardware);
    let (input, protocol) = keyed(input, Token::EbtPtype, hex_exact::<4>, false)?;
    arp.protocol = Some(EtherType(protocol as u16));
    let (input, opcode) = keyed(input, Token::EbtOpcode, dec_u16, true)?;
    arp.opcode = Some(opcode);
    if let Some(rest) = input.strip_prefix(b" INCOMPLETE ARP payload") {
        datagram.truncated = Some(Truncated::ArpPayload);
        return Ok((rest, ()));
    }
    if input.trim_ascii_start().is_empty() {
        return Ok((&input[input.len()..], ()));
    }
    let (input, address) = keyed(input, Token::EbtArpMacSrc, mac, false)?;
    arp.src_mac = Some(address);
    let (input, address) = keyed(one_blank(input), Token::EbtArpIpSrc, ipv4, false)?;
    arp.src_ip = Some(address);
    let (input, address) = keyed(one_blank(input), Token::EbtArpMacDst, mac, false)?;
    arp.dst_mac = Some(address);
    let (input, address) = keyed(one_blank(input), Token::EbtArpIpDst, ipv4, true)?;
    arp.dst_ip = Some(address);
    Ok((input, ()))
}

/// Kernels up to 2.6.3x doubled the blank in front of some ARP keys.
fn one_blank(input: In<'_>) -> In<'_> {
    match input {
        [b' ', b' ', ..] => &input[1..],
        _ => input,
    }
}

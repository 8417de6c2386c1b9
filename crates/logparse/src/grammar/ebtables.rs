//! The body of ebtables' own format (`ebt_log`), behind `IN= OUT= `.
//!
//! Responsible for: `MAC source = ... MAC dest = ... proto = 0x...` and its details.
//! Must not know: the other formats.
//! Tested by: `testdata/lines/kernel-ebtables.toml`.
//!
//! Blanks come before the keys here, values are followed by a comma or nothing, and the
//! line ends without a blank.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::value::{Hex, In, Res, ShortHex, Value, end, fail, field, ipv6_any, ipv6_full, keep, token};
use crate::error::{Token, What};
use crate::packet::{
    Arp, Datagram, Ipv4, Ipv6, Link, MacHeader, Network, Packet, Ports, Tcp, Transport, Truncated, Udp,
};
use crate::types::{EtherType, Mac, Protocol};

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
    let (input, src) = field::<Mac>(input, Token::EbtSource)?;
    header.src = Some(src);
    let (input, dst) = field::<Mac>(input, Token::EbtDest)?;
    header.dst = Some(dst);
    let (input, ()) = token(input, Token::EbtProto)?;
    let (input, ethertype) = EtherType::read(input, Token::EbtProto)?;
    header.ethertype = Some(ethertype);
    Ok((input, ()))
}

/// One key and its value, and the proof that it is whole: something follows, or it is the
/// line's last.
fn keyed<V: Value>(input: In<'_>, name: Token, may_be_last: bool) -> Res<'_, V> {
    let (input, ()) = token(input, name)?;
    let (rest, value) = V::read(input, name)?;
    match rest.first() {
        Some(b' ' | b',') => Ok((rest, value)),
        None if may_be_last => Ok((rest, value)),
        _ => fail(input, What::Blank, name, rest.is_empty()),
    }
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
    let (input, src) = keyed::<Ipv4Addr>(input, Token::EbtIpSrc, false)?;
    ip.src = Some(src);
    let (input, dst) = keyed::<Ipv4Addr>(input, Token::EbtIpDst, false)?;
    ip.dst = Some(dst);
    let (input, Hex(tos)) = keyed::<Hex<2>>(input, Token::EbtTos, false)?;
    ip.tos = Some(tos as u8);
    let (input, protocol) = keyed::<u8>(input, Token::EbtIpProto, true)?;
    Ok((input, Protocol(protocol)))
}

fn ipv6<'a>(input: In<'a>, ip: &mut Ipv6<'a>) -> Res<'a, Protocol> {
    let (input, src) = keyed::<Ipv6Addr>(input, Token::EbtIp6Src, false)?;
    ip.src = Some(src);
    let (input, dst) = keyed::<Ipv6Addr>(input, Token::EbtIp6Dst, false)?;
    ip.dst = Some(dst);
    let (input, ShortHex(priority)) = keyed::<ShortHex<1>>(input, Token::EbtPriority, false)?;
    ip.priority = Some(priority as u8);
    let (input, next) = keyed::<u8>(input, Token::EbtNext, true)?;
    Ok((input, Protocol(next)))
}

/// Full from 2.6.29 on; unpadded groups before.
impl Value for Ipv6Addr {
    fn read(input: In<'_>, name: Token) -> Res<'_, Ipv6Addr> {
        ipv6_full(input, name).or_else(|_| ipv6_any(input, name))
    }
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
    let (input, src) = keyed::<u16>(input, Token::EbtSpt, false)?;
    store(datagram, Ports { src: Some(src), dst: None });
    let (input, dst) = keyed::<u16>(input, Token::EbtDpt, true)?;
    store(datagram, Ports { src: Some(src), dst: Some(dst) });
    Ok((input, ()))
}

fn arp<'a>(input: In<'a>, arp: &mut Arp, datagram: &mut Datagram<'a>) -> Res<'a, ()> {
    let (input, hardware) = keyed::<u16>(input, Token::EbtArp, false)?;
    arp.hardware = Some(hardware);
    let (input, protocol) = keyed::<EtherType>(input, Token::EbtPtype, false)?;
    arp.protocol = Some(protocol);
    let (input, opcode) = keyed::<u16>(input, Token::EbtOpcode, true)?;
    arp.opcode = Some(opcode);
    if let Some(rest) = input.strip_prefix(b" INCOMPLETE ARP payload") {
        datagram.truncated = Some(Truncated::ArpPayload);
        return Ok((rest, ()));
    }
    if input.trim_ascii_start().is_empty() {
        return Ok((&input[input.len()..], ()));
    }
    let (input, address) = keyed::<Mac>(input, Token::EbtArpMacSrc, false)?;
    arp.src_mac = Some(address);
    let (input, address) = keyed::<Ipv4Addr>(one_blank(input), Token::EbtArpIpSrc, false)?;
    arp.src_ip = Some(address);
    let (input, address) = keyed::<Mac>(one_blank(input), Token::EbtArpMacDst, false)?;
    arp.dst_mac = Some(address);
    let (input, address) = keyed::<Ipv4Addr>(one_blank(input), Token::EbtArpIpDst, true)?;
    arp.dst_ip = Some(address);
    Ok((input, ()))
}

/// Kernels up to 2.6.3x doubled the blank before some ARP keys.
fn one_blank(input: In<'_>) -> In<'_> {
    match input {
        [b' ', b' ', ..] => &input[1..],
        _ => input,
    }
}

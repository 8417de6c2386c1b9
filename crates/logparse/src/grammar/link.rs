//! The link layer: `MAC=`, the `--log-macdecode` form, `TUNNEL=`.
//!
//! Responsible for: what `dump_mac_header` and its ancestors print.
//! Must not know: what the frame carries.
//! Tested by: `testdata/lines`, round trips.

use core::net::Ipv4Addr;

use nom::Parser;

use super::leaf::{In, Res, blank, blank_or_end, dec_u16, fail, field, hex_exact, mac, maybe, token, word};
use crate::error::{Token, What};
use crate::packet::{Link, MacHeader, Packet, RawMac, Tunnel, Vlan};
use crate::types::EtherType;

/// The link part, if there is one.
pub(super) fn link<'a>(input: In<'a>, packet: &mut Packet<'a>) -> Res<'a, ()> {
    if let Some(value) = input.strip_prefix(Token::Mac.text().as_bytes()) {
        let (rest, text) = word(value)?;
        let decoded =
            text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b':' | b'-' | b'>'));
        if !decoded {
            return fail(value, What::Mac, Token::Mac, false);
        }
        if rest.is_empty() && text.len() % 3 != 2 {
            return fail(value, What::Mac, Token::Mac, true);
        }
        packet.link = Link::Raw(RawMac(text));
        let (rest, ()) = blank_or_end(rest)?;
        let (rest, tunnel) = tunnel(rest)?;
        packet.tunnel = tunnel;
        return Ok((rest, ()));
    }
    if input.starts_with(Token::MacSrc.text().as_bytes()) {
        return super::keep(
            MacHeader::default(),
            |header| decoded(input, header),
            |header| packet.link = Link::Decoded(header),
        );
    }
    Ok((input, ()))
}

/// `MACSRC=a MACDST=b [VPROTO=8100 VID=10] MACPROTO=0800 `: source first.
fn decoded<'a>(input: In<'a>, header: &mut MacHeader) -> Res<'a, ()> {
    let (input, src) = field(Token::MacSrc, mac(Token::MacSrc)).parse(input)?;
    header.src = Some(src);
    let (input, dst) = field(Token::MacDst, mac(Token::MacDst)).parse(input)?;
    header.dst = Some(dst);
    let (input, protocol) = maybe(Token::Vproto, hex_exact(4, Token::Vproto)).parse(input)?;
    let input = match protocol {
        None => input,
        Some(protocol) => {
            let (input, tci) = field(Token::Vid, dec_u16(Token::Vid)).parse(input)?;
            header.vlan = Some(Vlan { protocol: EtherType(protocol as u16), tci });
            input
        }
    };
    let (input, ()) = token(Token::MacProto)(input)?;
    let (input, ethertype) = hex_exact(4, Token::MacProto)(input)?;
    header.ethertype = Some(EtherType(ethertype as u16));
    blank_or_end(input)
}

/// `TUNNEL=a->b `; 2.4 padded the numbers with blanks to three places.
fn tunnel(input: In<'_>) -> Res<'_, Option<Tunnel>> {
    let Some(value) = input.strip_prefix(Token::Tunnel.text().as_bytes()) else {
        return Ok((input, None));
    };
    let (rest, src) = padded_ipv4(value, Token::Tunnel)?;
    let (rest, ()) = token(Token::Arrow)(rest)?;
    let (rest, dst) = padded_ipv4(rest, Token::Arrow)?;
    let (rest, ()) = blank(rest)?;
    Ok((rest, Some(Tunnel { src, dst })))
}

/// A dotted quad whose numbers may be padded with blanks: `123.123.  0.123`.
fn padded_ipv4(input: In<'_>, name: Token) -> Res<'_, Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut rest = input;
    for (i, octet) in octets.iter_mut().enumerate() {
        if i > 0 {
            match rest {
                [b'.', after @ ..] => rest = after,
                _ => return fail(input, What::Address, name, rest.is_empty()),
            }
        }
        let (after, value) = super::leaf::dec_u8(name)(rest.trim_ascii_start())?;
        *octet = value;
        rest = after;
    }
    Ok((rest, Ipv4Addr::from(octets)))
}

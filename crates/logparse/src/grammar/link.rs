//! The link layer: `MAC=`, the `--log-macdecode` form, `TUNNEL=`.
//!
//! Responsible for: what `dump_mac_header` and its ancestors print.
//! Must not know: what the frame carries.
//! Tested by: `testdata/lines`, round trips.

use core::net::Ipv4Addr;

use super::value::{In, Res, Value, blank, blank_or_end, fail, field, keep, maybe, token, word};
use crate::bytes::simd::{MAC_TEXT, is_mac_text};
use crate::error::{Token, What};
use crate::packet::{Link, MacHeader, Packet, RawMac, Tunnel, Vlan};
use crate::types::{EtherType, Mac};

/// The link part, if there is one.
pub(super) fn link<'a>(input: In<'a>, packet: &mut Packet<'a>) -> Res<'a, ()> {
    if let Some(value) = input.strip_prefix(Token::Mac.text().as_bytes()) {
        let (rest, text) = raw(value)?;
        packet.link = Link::Raw(RawMac(text));
        let (rest, ()) = blank_or_end(rest)?;
        let (rest, tunnel) = tunnel(rest)?;
        packet.tunnel = tunnel;
        return Ok((rest, ()));
    }
    if input.starts_with(Token::MacSrc.text().as_bytes()) {
        return keep(
            MacHeader::default(),
            |header| decoded(input, header),
            |header| packet.link = Link::Decoded(header),
        );
    }
    Ok((input, ()))
}

/// The text of `MAC=`: an Ethernet header's, mostly.
#[inline(always)]
fn raw(input: In<'_>) -> Res<'_, &[u8]> {
    match input.first_chunk() {
        Some(text) if is_mac_text(text) && text[MAC_TEXT] == b' ' => {
            let (text, rest) = input.split_at(MAC_TEXT);
            Ok((rest, text))
        }
        _ => any_raw(input),
    }
}

/// The text of a link header of any length.
fn any_raw(input: In<'_>) -> Res<'_, &[u8]> {
    let (rest, text) = word(input)?;
    let is_link =
        text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b':' | b'-' | b'>'));
    if !is_link {
        return fail(input, What::Mac, Token::Mac, false);
    }
    if rest.is_empty() && text.len() % 3 != 2 {
        return fail(input, What::Mac, Token::Mac, true);
    }
    Ok((rest, text))
}

/// `MACSRC=a MACDST=b [VPROTO=8100 VID=10] MACPROTO=0800 `: source first.
fn decoded<'a>(input: In<'a>, header: &mut MacHeader) -> Res<'a, ()> {
    let (input, src) = field::<Mac>(input, Token::MacSrc)?;
    header.src = Some(src);
    let (input, dst) = field::<Mac>(input, Token::MacDst)?;
    header.dst = Some(dst);
    let (input, protocol) = maybe::<EtherType>(input, Token::Vproto)?;
    let input = match protocol {
        None => input,
        Some(protocol) => {
            let (input, tci) = field::<u16>(input, Token::Vid)?;
            header.vlan = Some(Vlan { protocol, tci });
            input
        }
    };
    let (input, ()) = token(input, Token::MacProto)?;
    let (input, ethertype) = EtherType::read(input, Token::MacProto)?;
    header.ethertype = Some(ethertype);
    blank_or_end(input)
}

/// `TUNNEL=a->b `; 2.4 padded the numbers with blanks to three places.
fn tunnel(input: In<'_>) -> Res<'_, Option<Tunnel>> {
    let Some(value) = input.strip_prefix(Token::Tunnel.text().as_bytes()) else {
        return Ok((input, None));
    };
    let (rest, src) = padded_ipv4(value, Token::Tunnel)?;
    let (rest, ()) = token(rest, Token::Arrow)?;
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
        let (after, value) = u8::read(rest.trim_ascii_start(), name)?;
        *octet = value;
        rest = after;
    }
    Ok((rest, Ipv4Addr::from(octets)))
}

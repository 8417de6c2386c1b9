//! The grammar of a message: from the prefix to the end, in the kernel's print order.
//!
//! Responsible for: finding the header, choosing the dialect, and what a line that is not
//! read to its end still says for certain.
//! Must not know: envelopes (what comes before the message).
//! Tested by: `testdata/lines`, round trips, every shortened and mutated line.
//!
//! | module | reads |
//! | --- | --- |
//! | [`value`] | tokens, numbers, addresses, terminators |
//! | [`link`] | `MAC=`, `MACSRC=` ..., `TUNNEL=` |
//! | [`network`] | IPv4, IPv6 with extension headers, ARP |
//! | [`transport`] | TCP, UDP, ICMP and all other protocols; the quoted packet |
//! | [`ebtables`] | the body of ebtables' own format |
//! | [`legacy`] | ipchains and ipfwadm, the filters before netfilter |
//!
//! The parsers fill a value in place, field by field, so that after a failure the value
//! holds what came before it and was complete.

mod ebtables;
mod legacy;
mod link;
mod network;
mod transport;
mod value;

use core::iter;

use crate::bytes::simd::find;
use crate::error::{ErrorKind, Expected, ParseError, Token, What};
use crate::packet::{Dialect, Link, Network, Packet};
use memchr::memmem;
use value::{Fail, In, Res, blank, end, fail, token, word};

/// What a message's writer is known to be before its first byte is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Anything that logs for the kernel.
    Any,
    /// `pvefw-logger`, which leaves out an empty `IN=` or `OUT=`.
    Pvefw,
    /// A record that certainly comes from the kernel (its tag or stamp says so), so that a
    /// header cut in its middle is a truncated record and not other text.
    Kernel,
}

/// Where `IN=` stands. The first `=` of a firewall record is nearly always this one, and other
/// lines have few: a search for three bytes would take longer to set up.
#[inline(always)]
pub(crate) fn ins(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut from = 0;
    iter::from_fn(move || {
        loop {
            let at = from + find(&text[from..], b'=');
            from = at + 1;
            if from > text.len() {
                from = at;
                return None;
            }
            if text[..at].ends_with(b"IN") {
                return Some(at - 2);
            }
        }
    })
}

/// Reads a message: prefix, header, body, into an empty packet. What is in the packet then is
/// certain; the error in the result says why and where reading stopped.
///
/// # Errors
/// No header was found: the message is no firewall record.
pub(crate) fn message<'a>(
    text: &'a [u8],
    source: Source,
    packet: &mut Packet<'a>,
) -> Result<Option<ParseError>, ParseError> {
    if source == Source::Pvefw {
        return pvefw(text, packet);
    }
    // The header is the rightmost `IN=... OUT=...` from which the grammar reaches the end
    // (FORMAT.md 5.1). Nothing behind a header can look like one, save an interface name
    // that contains `IN=`; so for a whole line the first candidate from the left that
    // reaches the end is the rightmost, unless another begins inside its `IN=` name.
    let mut best: Option<(Packet<'_>, Fail)> = None;
    for at in ins(text) {
        // `PHYSIN=` ends in `IN=`; on 2.4 bridges `OUT=` even follows it.
        if best.is_some() && text[..at].ends_with(b"PHYS") {
            continue;
        }
        packet.prefix = &text[..at];
        match record(&text[at..], packet) {
            Ok(_) => {
                // The kernel prints an IP packet's link header only if it came in by a device:
                // then the name is not empty, but may itself end in `IN=`.
                let came_in = packet.dialect == Dialect::Kernel
                    && !matches!(packet.link, Link::None)
                    && matches!(packet.datagram.network, Network::Ipv4(_) | Network::Ipv6(_));
                let name = packet.in_iface;
                let searched = if came_in { &name[..name.len().saturating_sub(1)] } else { name };
                if let Some(nested) = memmem::rfind(searched, b"IN=")
                    && !searched[..nested].ends_with(b"PHYS")
                {
                    packet.prefix = &text[..at + 3 + nested];
                    packet.in_iface = &name[nested + 3..];
                }
                return Ok(None);
            }
            Err(nom::Err::Error(failure) | nom::Err::Failure(failure)) => {
                // Of several headers that do not reach the end, the rightmost is the real
                // one: whatever comes before it is its prefix.
                let header_read = failure.expected.token != Token::In;
                if header_read {
                    best = Some((*packet, failure));
                }
            }
            Err(nom::Err::Incomplete(_)) => {}
        }
        *packet = Packet::default();
    }
    match best {
        Some((read, failure)) if header_is_whole(&failure) || source == Source::Kernel && failure.ended => {
            *packet = read;
            Ok(Some(failure.at(text.len())))
        }
        _ => Err(ParseError::new(0, ErrorKind::NoHeader)),
    }
}

/// Reads a message of ipchains or ipfwadm.
///
/// # Errors
/// The message is none.
pub(crate) fn legacy_message(text: &[u8]) -> Result<(Packet<'_>, Option<ParseError>), ParseError> {
    if !legacy::begins(text) {
        return Err(ParseError::new(0, ErrorKind::NoHeader));
    }
    let mut packet = Packet::default();
    match legacy::message(text, &mut packet) {
        Ok(_) => Ok((packet, None)),
        Err(nom::Err::Error(failure) | nom::Err::Failure(failure)) => {
            Ok((packet, Some(failure.at(text.len()))))
        }
        Err(nom::Err::Incomplete(_)) => Err(ParseError::new(0, ErrorKind::NoHeader)),
    }
}

/// Whether a failure lies behind `IN=... OUT=... `.
fn header_is_whole(failure: &Fail) -> bool {
    !matches!(failure.expected.token, Token::In | Token::Out)
}

/// From `IN=` to the end of the text.
fn record<'a>(input: In<'a>, packet: &mut Packet<'a>) -> Res<'a, ()> {
    let (input, ()) = header(input, packet)?;
    body(input, packet)
}

/// `IN=if OUT=if [PHYSIN=if] [PHYSOUT=if]`; the 2.4 bridge code has `PHYSIN=` behind `IN=`.
fn header<'a>(input: In<'a>, packet: &mut Packet<'a>) -> Res<'a, ()> {
    let (input, name) = interface(input, Token::In)?;
    packet.in_iface = name;
    let (input, before_out) = physical(input, Token::PhysIn)?;
    packet.phys_in = before_out;
    let (input, name) = interface(input, Token::Out)?;
    packet.out_iface = name;
    let (input, behind_out) = physical(input, Token::PhysIn)?;
    packet.phys_in = before_out.or(behind_out);
    let (input, name) = physical(input, Token::PhysOut)?;
    packet.phys_out = name;
    Ok((input, ()))
}

/// Interface names have at most 15 bytes.
const LONGEST_INTERFACE: usize = 15;

/// `TOKENname `: a name of 0 to 15 bytes without blanks.
#[inline(always)]
fn interface(input: In<'_>, name: Token) -> Res<'_, &[u8]> {
    let (value, ()) = token(input, name).map_err(|error| {
        error.map(|failure| Fail { expected: Expected { what: What::Token, token: name }, ..failure })
    })?;
    let (rest, text) = word(value)?;
    if text.len() > LONGEST_INTERFACE {
        return fail(value, What::Interface, name, false);
    }
    match rest {
        [b' ', rest @ ..] => {
            Ok((if rest.first() == Some(&b' ') { rest.trim_ascii_start() } else { rest }, text))
        }
        _ => fail(value, What::Interface, name, true),
    }
}

/// A bridge port's name of 1 to 15 bytes, if its token is there.
#[inline(always)]
fn physical(input: In<'_>, name: Token) -> Res<'_, Option<&[u8]>> {
    match input.strip_prefix(name.text().as_bytes()) {
        None => Ok((input, None)),
        Some(value) => {
            let (rest, text) = word(value)?;
            if text.is_empty() || text.len() > LONGEST_INTERFACE {
                return fail(value, What::Interface, name, rest.is_empty());
            }
            let (rest, ()) = blank(rest)?;
            Ok((rest, Some(text)))
        }
    }
}

/// Everything behind the header.
fn body<'a>(input: In<'a>, packet: &mut Packet<'a>) -> Res<'a, ()> {
    // ebtables has no bridge ports in its header: its devices are the ports.
    let ports = packet.phys_in.is_some() || packet.phys_out.is_some();
    if !ports && input.starts_with(Token::EbtSource.text().as_bytes()) {
        packet.dialect = Dialect::Ebtables;
        return ebtables::body(input, packet);
    }
    let (input, ()) = link::link(input, packet)?;
    let mut reader =
        transport::Reader { dialect: packet.dialect, text_len: 0, egress: packet.in_iface.is_empty() };
    // The kernel's cut is reckoned over the whole record, the prefix included.
    reader.text_len = packet.prefix.len() + input.len();
    let result = network::payload(input, packet, &mut reader);
    packet.dialect = reader.dialect;
    let (input, ()) = result?;
    end(input)
}

/// A message of `pvefw-logger`: `IN=` or `OUT=` are left out when empty.
fn pvefw<'a>(text: &'a [u8], packet: &mut Packet<'a>) -> Result<Option<ParseError>, ParseError> {
    let header = |name: &[u8]| {
        memmem::rfind_iter(text, name).find(|at| text[..*at].last().is_none_or(|byte| *byte == b' '))
    };
    let Some(at) = header(b"IN=").or_else(|| header(b"OUT=")) else {
        return Err(ParseError::new(0, ErrorKind::NoHeader));
    };
    packet.prefix = &text[..at];
    packet.dialect = Dialect::Pvefw;
    match pvefw_record(&text[at..], packet) {
        Ok(_) => Ok(None),
        Err(nom::Err::Error(failure) | nom::Err::Failure(failure)) => Ok(Some(failure.at(text.len()))),
        Err(nom::Err::Incomplete(_)) => Err(ParseError::new(0, ErrorKind::NoHeader)),
    }
}

fn pvefw_record<'a>(mut input: In<'a>, packet: &mut Packet<'a>) -> Res<'a, ()> {
    if input.starts_with(b"IN=") {
        let (rest, name) = interface(input, Token::In)?;
        packet.in_iface = name;
        input = rest;
    }
    if input.starts_with(b"OUT=") {
        let (rest, name) = interface(input, Token::Out)?;
        packet.out_iface = name;
        input = rest;
    }
    let (input, name) = physical(input, Token::PhysIn)?;
    packet.phys_in = name;
    let (input, name) = physical(input, Token::PhysOut)?;
    packet.phys_out = name;
    body(input, packet)
}

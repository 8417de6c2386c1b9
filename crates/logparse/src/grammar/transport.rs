//! The transport layer, the packet quoted in an ICMP error, and the owner and mark behind it.
//!
//! Responsible for: everything from `PROTO=` on, and the question whether a line that ends
//! may end there.
//! Must not know: how addresses are printed.
//! Tested by: `testdata/lines`, round trips, every shortened line.

use core::net::Ipv4Addr;

use super::network::{datagram, hex_options_value, incomplete};
use super::value::{
    In, Res, SHORTEST_CUT, ShortHex, Value, blank_or_end, decimal, fail, field, last, last_end, maybe,
    maybe_last, token, truncated, word,
};
use crate::bytes::simd::find_either;
use crate::error::{Token, What};
use crate::packet::{
    Arp, Datagram, Dialect, Icmp, Icmpv6, Incomplete, Ipv4, Network, Ports, Tcp, Transport, Truncated, Udp,
};
use crate::types::{IcmpType, Icmpv6Type, Mac, Protocol, TcpFlags};

/// What is known about the line while its body is read.
pub(super) struct Reader {
    /// Whose dialect it turned out to be.
    pub(super) dialect: Dialect,
    /// Bytes of the record, for telling the kernel's own cut.
    pub(super) text_len: usize,
    /// Whether `IN=` is empty: on netdev egress an ICMP error is printed without its quote.
    pub(super) egress: bool,
}

/// From `PROTO=` to the end of the packet.
pub(super) fn transport<'a>(
    input: In<'a>,
    datagram: &mut Datagram<'a>,
    quote: Option<&mut Option<Datagram<'a>>>,
    reader: &mut Reader,
) -> Res<'a, ()> {
    let quoted = quote.is_none();
    let Some(value) = input.strip_prefix(Token::Proto.text().as_bytes()) else {
        return without_protocol(input, datagram, quoted, reader);
    };
    let (rest, name) = protocol_word(value, datagram)?;
    let (rest, ()) = match name {
        b"TCP" => {
            let mut tcp = Tcp::default();
            let result = tcp_fields(rest, &mut tcp, datagram, quoted, reader);
            datagram.transport = Transport::Tcp(tcp);
            result
        }
        b"UDP" => {
            let mut udp = Udp::default();
            let result = udp_fields(rest, &mut udp, datagram, quoted, reader);
            datagram.transport = Transport::Udp(udp);
            result
        }
        b"ICMP" => {
            let mut icmp = Icmp::default();
            let result = icmp_fields(rest, &mut icmp, datagram, quote, reader);
            datagram.transport = Transport::Icmp(icmp);
            result
        }
        b"ICMPv6" | b"ICMPV6" => {
            let mut icmp = Icmpv6::default();
            let result = icmpv6_fields(rest, &mut icmp, datagram, quote, reader);
            datagram.transport = Transport::Icmpv6(icmp);
            result
        }
        b"UDPLITE" => {
            let mut udp = Udp::default();
            let result = udp_fields(rest, &mut udp, datagram, quoted, reader);
            datagram.transport = Transport::UdpLite(udp);
            result
        }
        b"AH" => {
            let mut spi = None;
            let result = spi_field(rest, &mut spi, datagram, quoted, reader);
            datagram.transport = Transport::Ah(spi);
            result
        }
        b"ESP" => {
            let mut spi = None;
            let result = spi_field(rest, &mut spi, datagram, quoted, reader);
            datagram.transport = Transport::Esp(spi);
            result
        }
        _ => {
            // The kernel has no other names.
            if reader.dialect == Dialect::Kernel && name.first().is_some_and(u8::is_ascii_alphabetic) {
                reader.dialect = Dialect::Ulogd;
            }
            other(name, value, rest, datagram, quoted)
        }
    }?;
    tail(rest, datagram, quoted, reader)
}

/// A datagram that ends without `PROTO=`.
fn without_protocol<'a>(
    input: In<'a>,
    datagram: &mut Datagram<'a>,
    quoted: bool,
    reader: &mut Reader,
) -> Res<'a, ()> {
    // A line of this length was cut by the kernel, wherever it ends.
    let cut_by_kernel = reader.text_len >= SHORTEST_CUT;
    let legal = match &datagram.network {
        // AH's later fragments print no PROTO= since 2.6.12.
        Network::Ipv4(ip) => ip.fragment.is_some(),
        // ESP, and headers behind a later fragment, end the line.
        Network::Ipv6(_) => !cut_by_kernel,
        _ => false,
    };
    let ends = input.is_empty() || quoted && input.starts_with(b"]") || begins_tail(input);
    if legal && ends { tail(input, datagram, quoted, reader) } else { token(input, Token::Proto) }
}

/// The word behind `PROTO=` and what follows its blank.
#[inline(always)]
fn protocol_word<'a>(value: In<'a>, datagram: &Datagram<'_>) -> Res<'a, &'a [u8]> {
    // Nearly every packet's name has three letters.
    let len = match value {
        [b'T', b'C', b'P', b' ', ..] | [b'U', b'D', b'P', b' ', ..] => 3,
        _ => find_either(value, b' ', b']'),
    };
    let (name, rest) = value.split_at(len);
    match rest {
        [b' ', rest @ ..] => {
            Ok((if rest.first() == Some(&b' ') { rest.trim_ascii_start() } else { rest }, name))
        }
        [] => {
            // `UDP` may be all that is left of `UDPLITE`, `ICMP` of `ICMPv6`.
            let may_end = name.first().is_some_and(u8::is_ascii_digit) || is_later_fragment(datagram);
            if may_end { Ok((rest, name)) } else { fail(value, What::Text, Token::Proto, true) }
        }
        _ => Ok((rest, name)),
    }
}

/// Whether the datagram is a fragment other than the first: it has no transport header.
fn is_later_fragment(datagram: &Datagram<'_>) -> bool {
    match &datagram.network {
        Network::Ipv4(ip) => ip.fragment.is_some(),
        Network::Ipv6(ip) => {
            let text = ip.extensions.text();
            memchr::memmem::find_iter(text, b"FRAG:").any(|at| matches!(text.get(at + 5), Some(b'1'..=b'9')))
        }
        _ => false,
    }
}

/// Whether the transport part may end here without a header: nothing is left of the packet.
#[inline(always)]
fn ends_here(input: In<'_>, datagram: &Datagram<'_>, quoted: bool) -> bool {
    let at_end = input.is_empty() || quoted && input[0] == b']' || begins_tail(input);
    at_end && is_later_fragment(datagram)
}

/// Whether the owner or mark part begins here.
fn begins_tail(input: In<'_>) -> bool {
    [Token::Uid, Token::Gid, Token::Mark].iter().any(|name| input.starts_with(name.text().as_bytes()))
}

/// Whether there is no transport header to read: it was short, or this is a later fragment.
#[inline(always)]
fn no_header<'a>(
    input: In<'a>,
    datagram: &mut Datagram<'a>,
    quoted: bool,
    reader: &mut Reader,
) -> Res<'a, bool> {
    // Nearly every header begins with `SPT=`.
    if input.starts_with(Token::Spt.text().as_bytes()) {
        return Ok((input, false));
    }
    let (rest, short) = short(input, datagram, reader)?;
    Ok((rest, short || ends_here(rest, datagram, quoted)))
}

/// `ID= SEQ=` of an echo, if they are there.
fn echo<'a>(input: In<'a>, quoted: bool, id: &mut Option<u16>, seq: &mut Option<u16>) -> Res<'a, ()> {
    let (input, found) = maybe::<u16>(input, Token::Id)?;
    *id = found;
    if id.is_none() {
        return Ok((input, ()));
    }
    let (input, found) = last::<u16>(input, Token::Seq, quoted)?;
    *seq = Some(found);
    Ok((input, ()))
}

/// `INCOMPLETE [n bytes] `; ulogd writes the word alone, glued to what follows.
fn short<'a>(input: In<'a>, datagram: &mut Datagram<'a>, reader: &mut Reader) -> Res<'a, bool> {
    match input.strip_prefix(b"INCOMPLETE") {
        None => match input.strip_prefix(b"INVALID=LEN") {
            Some(rest) if reader.dialect == Dialect::Pvefw => {
                datagram.incomplete = Some(Incomplete::Uncounted);
                blank_or_end(rest).map(|(rest, ())| (rest, true))
            }
            _ => Ok((input, false)),
        },
        Some([b' ', b'[', ..]) => {
            let (rest, count) = incomplete(input)?;
            datagram.incomplete = Some(Incomplete::Bytes(count));
            Ok((rest, true))
        }
        Some(rest) if rest.starts_with(b"MARK=") || rest.starts_with(b"UID=") => {
            datagram.incomplete = Some(Incomplete::Uncounted);
            reader.dialect = Dialect::Ulogd;
            Ok((rest, true))
        }
        Some(rest) => fail(rest, What::Token, Token::Bytes, b" [".starts_with(rest)),
    }
}

/// `SPT=` to the TCP options.
#[inline(always)]
fn tcp_fields<'a>(
    input: In<'a>,
    tcp: &mut Tcp<'a>,
    datagram: &mut Datagram<'a>,
    quoted: bool,
    reader: &mut Reader,
) -> Res<'a, ()> {
    let (input, absent) = no_header(input, datagram, quoted, reader)?;
    if absent {
        return Ok((input, ()));
    }
    let (input, port) = field::<u16>(input, Token::Spt)?;
    tcp.ports.src = Some(port);
    let (input, port) = field::<u16>(input, Token::Dpt)?;
    tcp.ports.dst = Some(port);
    let (input, seq) = maybe::<u32>(input, Token::Seq)?;
    tcp.seq = seq;
    let (input, ack) = maybe::<u32>(input, Token::Ack)?;
    tcp.ack = ack;
    let (input, window) = field::<u16>(input, Token::Window)?;
    tcp.window = Some(window);
    let (input, reserved) = maybe::<ShortHex<2>>(input, Token::Res)?;
    tcp.reserved = reserved.map(|ShortHex(value)| value as u8);
    let (input, flags) = tcp_flags(input)?;
    if reader.dialect == Dialect::Pvefw && !input.starts_with(Token::Urgp.text().as_bytes()) {
        // pvefw prints neither RES= nor URGP=: its line ends with the flags.
        let last_word = if input.is_empty() { None } else { TcpFlags::from_word(input) };
        tcp.flags = Some(flags | last_word.unwrap_or_default());
        return Ok((if last_word.is_some() { &input[input.len()..] } else { input }, ()));
    }
    let (input, urgent) = last::<u16>(input, Token::Urgp, quoted)?;
    tcp.flags = Some(flags);
    tcp.urgent = Some(urgent);
    if tcp.reserved.is_none() && reader.dialect == Dialect::Kernel {
        reader.dialect = Dialect::Ulogd;
    }
    match input.first() {
        Some(b'O') => {
            let (value, ()) = token(input, Token::Opt)?;
            if value.starts_with(b"TRUNCATED)") {
                datagram.truncated = Some(Truncated::TcpOptions);
                return Ok((&value[b"TRUNCATED)".len()..], ()));
            }
            let (rest, options) = hex_options_value(value, |rest| last_end(rest, quoted))?;
            tcp.options = options;
            Ok((rest, ()))
        }
        Some(b'T') => {
            let (rest, ()) = truncated(input)?;
            datagram.truncated = Some(Truncated::TcpOptions);
            Ok((rest, ()))
        }
        _ => Ok((input, ())),
    }
}

/// The flag words, each followed by a blank.
#[inline(always)]
fn tcp_flags(mut input: In<'_>) -> Res<'_, TcpFlags> {
    let mut flags = TcpFlags::EMPTY;
    loop {
        if let Some((word, rest)) = input.split_first_chunk()
            && let Some(flag) = TcpFlags::of_kernel_word(word)
        {
            flags |= flag;
            input = rest;
        } else if let Some(rest) = input.strip_prefix(b"AE ") {
            flags |= TcpFlags::AE;
            input = rest;
        } else {
            return Ok((input, flags));
        }
    }
}

/// `SPT= DPT= LEN=`.
#[inline(always)]
fn udp_fields<'a>(
    input: In<'a>,
    udp: &mut Udp,
    datagram: &mut Datagram<'a>,
    quoted: bool,
    reader: &mut Reader,
) -> Res<'a, ()> {
    let (input, absent) = no_header(input, datagram, quoted, reader)?;
    if absent {
        return Ok((input, ()));
    }
    let (input, port) = field::<u16>(input, Token::Spt)?;
    udp.ports.src = Some(port);
    let (input, port) = field::<u16>(input, Token::Dpt)?;
    udp.ports.dst = Some(port);
    let (input, len) = last::<u16>(input, Token::Len, quoted)?;
    udp.len = Some(len);
    Ok((input, ()))
}

/// `TYPE= CODE=` and what the type brings.
fn icmp_fields<'a>(
    input: In<'a>,
    icmp: &mut Icmp,
    datagram: &mut Datagram<'a>,
    quote: Option<&mut Option<Datagram<'a>>>,
    reader: &mut Reader,
) -> Res<'a, ()> {
    let quoted = quote.is_none();
    let (input, absent) = no_header(input, datagram, quoted, reader)?;
    if absent {
        return Ok((input, ()));
    }
    let (input, kind) = field::<u8>(input, Token::Type)?;
    icmp.kind = Some(IcmpType(kind));
    let (input, code) = last::<u8>(input, Token::Code, quoted)?;
    icmp.code = Some(code);
    let input = match short(input, datagram, reader)? {
        (rest, true) => return Ok((rest, ())),
        (rest, false) => rest,
    };
    let (input, ()) = echo(input, quoted, &mut icmp.id, &mut icmp.seq)?;
    let (input, parameter) = maybe_last::<u8>(input, Token::Parameter, quoted)?;
    icmp.parameter = parameter;
    let (input, gateway) = maybe_last::<Ipv4Addr>(input, Token::Gateway, quoted)?;
    icmp.gateway = gateway;
    let (input, found) = quoted_packet(input, quote, reader)?;
    let (input, mtu) = maybe_last::<u16>(input, Token::Mtu, quoted)?;
    icmp.mtu = mtu;
    // What must follow for the line to be whole.
    if reader.dialect == Dialect::Kernel {
        match kind {
            0 | 8 if icmp.id.is_none() => return missing(input, Token::Id),
            12 if parameter.is_none() => return missing(input, Token::Parameter),
            5 if gateway.is_none() => return missing(input, Token::Gateway),
            3 | 4 | 5 | 11 if !found && !quoted && !reader.egress => return missing(input, Token::Quote),
            3 if code == 4 && mtu.is_none() => return missing(input, Token::Mtu),
            _ => {}
        }
    }
    Ok((input, ()))
}

/// The same for IPv6.
fn icmpv6_fields<'a>(
    input: In<'a>,
    icmp: &mut Icmpv6,
    datagram: &mut Datagram<'a>,
    quote: Option<&mut Option<Datagram<'a>>>,
    reader: &mut Reader,
) -> Res<'a, ()> {
    let quoted = quote.is_none();
    let (input, absent) = no_header(input, datagram, quoted, reader)?;
    if absent {
        return Ok((input, ()));
    }
    let (input, kind) = field::<u8>(input, Token::Type)?;
    icmp.kind = Some(Icmpv6Type(kind));
    let (input, code) = last::<u8>(input, Token::Code, quoted)?;
    icmp.code = Some(code);
    let (input, ()) = echo(input, quoted, &mut icmp.id, &mut icmp.seq)?;
    let (input, pointer) = maybe::<ShortHex<8>>(input, Token::Pointer)?;
    icmp.pointer = pointer.map(|ShortHex(value)| value);
    let (input, found) = quoted_packet(input, quote, reader)?;
    let (input, mtu) = maybe_last::<u32>(input, Token::Mtu, quoted)?;
    icmp.mtu = mtu;
    if reader.dialect == Dialect::Kernel {
        match kind {
            128 | 129 if icmp.id.is_none() => return missing(input, Token::Id),
            4 if icmp.pointer.is_none() => return missing(input, Token::Pointer),
            1..=4 if !found && !quoted => return missing(input, Token::Quote),
            2 if mtu.is_none() => return missing(input, Token::Mtu),
            _ => {}
        }
    }
    Ok((input, ()))
}

/// A field that the kernel always prints here is not there.
fn missing(input: In<'_>, name: Token) -> Res<'_, ()> {
    let ended = input.is_empty() || name.text().as_bytes().starts_with(input);
    fail(input, What::Token, name, ended)
}

/// `[` packet `] `. Inside brackets there is no second quote.
fn quoted_packet<'a>(
    input: In<'a>,
    quote: Option<&mut Option<Datagram<'a>>>,
    reader: &mut Reader,
) -> Res<'a, bool> {
    let Some(slot) = quote else { return Ok((input, false)) };
    let Some(inside) = input.strip_prefix(b"[") else { return Ok((input, false)) };
    let mut inner = Datagram::default();
    let result = if inside.starts_with(b"T") {
        truncated(inside).map(|(rest, ())| {
            inner.truncated = Some(Truncated::IpHeader);
            (rest, ())
        })
    } else {
        datagram(inside, &mut inner, None, reader)
    };
    if !inner.is_empty() {
        *slot = Some(inner);
    }
    let (rest, ()) = result?;
    match rest {
        [b']', rest @ ..] => blank_or_end(rest).map(|(rest, ())| (rest, true)),
        _ => fail(rest, What::ClosingBracket, Token::Empty, rest.is_empty()),
    }
}

/// `SPI=0x`.
fn spi_field<'a>(
    input: In<'a>,
    spi: &mut Option<u32>,
    datagram: &mut Datagram<'a>,
    quoted: bool,
    reader: &mut Reader,
) -> Res<'a, ()> {
    let (input, absent) = no_header(input, datagram, quoted, reader)?;
    if absent {
        return Ok((input, ()));
    }
    let (input, ShortHex(value)) = last::<ShortHex<8>>(input, Token::Spi, quoted)?;
    *spi = Some(value);
    Ok((input, ()))
}

/// Every other protocol: a number and nothing more. ulogd writes names, and ports for SCTP;
/// its ARP lines have `PROTO=ARP`.
fn other<'a>(
    name: &'a [u8],
    value: In<'a>,
    rest: In<'a>,
    datagram: &mut Datagram<'a>,
    quoted: bool,
) -> Res<'a, ()> {
    if name == b"ARP" {
        return ulogd_arp(rest, datagram);
    }
    let protocol = if name.first().is_some_and(u8::is_ascii_digit) {
        let (after, number) = u8::read(value, Token::Proto)?;
        if !after.is_empty() && !matches!(after[0], b' ' | b']') {
            return fail(value, What::Number, Token::Proto, false);
        }
        Protocol(number)
    } else {
        match Protocol::from_name(name) {
            Some(protocol) => protocol,
            None => return fail(value, What::Text, Token::Proto, rest.is_empty()),
        }
    };
    if rest.starts_with(Token::Spt.text().as_bytes()) {
        let mut ports = Ports::default();
        let result = (|| {
            let (rest, port) = field::<u16>(rest, Token::Spt)?;
            ports.src = Some(port);
            let (rest, port) = last::<u16>(rest, Token::Dpt, quoted)?;
            ports.dst = Some(port);
            Ok((rest, ()))
        })();
        datagram.transport = Transport::Ports(protocol, ports);
        return result;
    }
    datagram.transport = Transport::Other(protocol);
    Ok((rest, ()))
}

/// ulogd's ARP: `SRC= DST= PROTO=ARP REPLY REPLY_MAC=mac `, `REQUEST `, `NAK `, `OPCODE=n `.
fn ulogd_arp<'a>(input: In<'a>, datagram: &mut Datagram<'a>) -> Res<'a, ()> {
    let Network::Ipv4(Ipv4 { src, dst, .. }) = datagram.network else {
        return fail(input, What::Body, Token::Proto, false);
    };
    let mut arp = Arp { src_ip: src, dst_ip: dst, ..Arp::default() };
    let (rest, kind) = word(input)?;
    let (rest, ()) = blank_or_end(rest)?;
    let result = match kind {
        b"REQUEST" => {
            arp.opcode = Some(1);
            Ok((rest, ()))
        }
        b"REPLY" => {
            arp.opcode = Some(2);
            field::<Mac>(rest, Token::Reply).map(|(rest, mac)| {
                arp.src_mac = Some(mac);
                (rest, ())
            })
        }
        b"NAK" => {
            arp.opcode = Some(10);
            Ok((rest, ()))
        }
        _ => match kind.strip_prefix(b"OPCODE=").map(|number| u16::read(number, Token::Opcode)) {
            Some(Ok((_, opcode))) => {
                arp.opcode = Some(opcode);
                Ok((rest, ()))
            }
            _ => fail(input, What::Text, Token::Proto, rest.is_empty()),
        },
    };
    datagram.network = Network::Arp(arp);
    result
}

/// `UID= GID= MARK=`, each optional. ulogd writes the mark's hex without `0x` up to 2.0.7;
/// Proxmox writes `mark=` in decimal.
#[inline(always)]
fn tail<'a>(input: In<'a>, datagram: &mut Datagram<'a>, quoted: bool, reader: &mut Reader) -> Res<'a, ()> {
    if input.is_empty() {
        return Ok((input, ()));
    }
    let (input, uid) = maybe_last::<u32>(input, Token::Uid, quoted)?;
    datagram.uid = uid;
    let (input, gid) = maybe_last::<u32>(input, Token::Gid, quoted)?;
    datagram.gid = gid;
    if let Some(value) = input.strip_prefix(Token::Mark.text().as_bytes()) {
        let digits = match value.strip_prefix(b"0x") {
            Some(digits) => digits,
            None => {
                if reader.dialect == Dialect::Kernel {
                    reader.dialect = Dialect::Ulogd;
                }
                value
            }
        };
        let (rest, ShortHex(mark)) = ShortHex::<8>::read(digits, Token::Mark)?;
        let (rest, ()) = last_end(rest, quoted)?;
        datagram.mark = Some(mark);
        return Ok((rest, ()));
    }
    if reader.dialect == Dialect::Pvefw
        && let Some(value) = input.strip_prefix(b"mark=")
    {
        let (rest, mark) = decimal(value, u64::from(u32::MAX), Token::Mark)?;
        let (rest, ()) = last_end(rest, quoted)?;
        datagram.mark = Some(mark as u32);
        return Ok((rest, ()));
    }
    Ok((input, ()))
}

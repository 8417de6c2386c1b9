//! The fields behind a learned head, in expected order.
//!
//! Responsible for: IPv4 and IPv6 with TCP, UDP, ICMP, and every protocol that is a bare number, in the
//! forms that make up nearly all of a log; `rare` has the others. Anything wrong is refused and left to
//! the grammar.
//! Must not know: heads.
//! Tested by: `tests/suites/engines.rs` (equality with the grammar on every input tried).

use super::cache::TextCache;
use super::cursor::{Cursor, Digits, Window, hex_pair};
use super::found::{Body, RESERVED, SERVICE};
use super::rare;
use crate::bytes::swar::{HEX, LOWER_HEX, UPPER_HEX};
use crate::types::{Protocol, TcpFlags};

const U8: u64 = u8::MAX as u64;
const U16: u64 = u16::MAX as u64;
/// Lengths above this (BIG TCP jumbo packets) are read by the grammar.
const LENGTH: u64 = 9_999_999;

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
        tail(cursor, window, body)
    }
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
    body.options = rare::options_text(cursor)?;
    body.has_options = true;
    Some(())
}

/// What an ICMP type brought.
#[derive(Clone, Copy, Default)]
pub(super) struct Brought {
    pub(super) echo: Option<(Digits, Digits)>,
    pub(super) parameter: Option<Digits>,
    pub(super) gateway: Option<u32>,
    pub(super) pointer: Option<u32>,
    pub(super) mtu: Option<u32>,
    pub(super) quoted: Option<Body>,
    pub(super) quoted_echo: Option<(Digits, Digits)>,
}

/// What few lines have behind the transport: what an ICMP type brings, owner and mark. Gives the position of the
/// line's `\n`.
#[inline(never)]
fn tail(mut cursor: Cursor<'_>, window: Window<'_>, body: &Body) -> Option<usize> {
    if body.named_icmp {
        icmp(&mut cursor, window, body)?;
    }
    rare::owner_and_mark(&mut cursor)?;
    cursor.is_right().then(|| cursor.place())
}

/// What an ICMP type brings behind `CODE=`.
pub(super) fn icmp(cursor: &mut Cursor<'_>, window: Window<'_>, body: &Body) -> Option<Brought> {
    let mut brought = Brought::default();
    let (kind, code) = (body.kind.value(window), body.code.value(window));
    match (body.v6, kind) {
        (false, 0 | 8) | (true, 128 | 129) => brought.echo = Some(echo(cursor)?),
        (false, 12) => {
            cursor.key(b" PARAMETER=")?;
            cursor.look();
            brought.parameter = Some(cursor.number::<U8>());
        }
        // Errors that quote.
        (false, 3..=5 | 11) | (true, 1..=4) => {
            cursor.renew();
            if (body.v6, kind) == (false, 5) {
                cursor.key(b" GATEWAY=")?;
                cursor.look();
                brought.gateway = Some(cursor.ipv4()?);
            }
            if (body.v6, kind) == (true, 4) {
                cursor.key(b" POINTER=")?;
                brought.pointer = Some(rare::short_hex(cursor, &HEX)?);
            }
            quoted(cursor, window, &mut brought)?;
            if (body.v6, kind, code) == (false, 3, 4) {
                cursor.key(b" MTU=")?;
                cursor.look();
                brought.mtu = Some(cursor.number::<U16>().value(window));
            }
            if (body.v6, kind) == (true, 2) {
                cursor.key(b" MTU=")?;
                brought.mtu = Some(cursor.long_number()?);
            }
        }
        _ => {}
    }
    Some(brought)
}

/// ` ID= SEQ=`.
fn echo(cursor: &mut Cursor<'_>) -> Option<(Digits, Digits)> {
    cursor.renew();
    cursor.key(b" ID=")?;
    cursor.look();
    let id = cursor.number::<U16>();
    cursor.key(b" SEQ=")?;
    Some((id, cursor.number::<U16>()))
}

/// ` [SRC= ... ]`.
fn quoted(cursor: &mut Cursor<'_>, window: Window<'_>, brought: &mut Brought) -> Option<()> {
    cursor.key(b" [SRC=")?;
    let mut inner = Body::default();
    cursor.renew();
    network(cursor, &mut inner)?;
    transport(cursor, &mut inner)?;
    if inner.protocol == Protocol::TCP.0 && inner.has_ports {
        tcp(cursor, &mut inner)?;
    }
    if inner.named_icmp {
        match (inner.v6, inner.kind.value(window)) {
            (false, 0 | 8) | (true, 128 | 129) => brought.quoted_echo = Some(echo(cursor)?),
            // What an error quoted is not quoted again, but other numbers are printed.
            (false, 3..=5 | 11 | 12) | (true, 1..=4) => return None,
            _ => {}
        }
    }
    cursor.renew();
    cursor.key(b" ]")?;
    brought.quoted = Some(inner);
    Some(())
}

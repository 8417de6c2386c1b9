//! What few packets have: flags and options of IPv4, extension headers of IPv6, fragments, the rarer protocols, owner
//! and mark, ARP.
//!
//! Responsible for: checking these, and decoding them when they are asked for.
//! Must not know: heads; the fields that nearly every packet has.
//! Tested by: `tests/suites/engines.rs` (equality with the grammar on every input tried).

use core::net::Ipv4Addr;

use super::cursor::{Cursor, Window};
use super::found::{Body, Form};
use crate::bytes::simd::upper_hex;
use crate::bytes::swar::{HEX, LOWER_HEX};
use crate::packet::{Arp, Extensions, HexText, Icmp, Icmpv6, Ipv4, Ipv6, Tcp, Transport, Udp};
use crate::types::{Mac, Protocol};

const U16: u64 = u16::MAX as u64;

/// What comes between the common fields of the network layer and ` PROTO=`; the cursor is left there.
#[inline(never)]
pub(super) fn network_rest(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    let start = cursor.place();
    if body.v6 {
        extensions(cursor, body)?;
    } else {
        flags(cursor, body)?;
    }
    body.is_rare = true;
    body.extra = (start as u16, cursor.place() as u16);
    cursor.look();
    // The blank before `PROTO=`.
    cursor.pass_end(true);
    Some(())
}

/// ` CE DF MF FRAG:185 OPT (9404)`, each optional; ` DF` may have been read.
fn flags(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    cursor.renew();
    if !body.dont_fragment {
        cursor.go(3 * usize::from(cursor.here() == b" CE"));
        body.dont_fragment = cursor.here() == b" DF";
        cursor.go(3 * usize::from(body.dont_fragment));
    }
    cursor.go(3 * usize::from(cursor.here() == b" MF"));
    if cursor.here() == b" FRAG:" {
        cursor.go(6);
        cursor.look();
        cursor.number::<8191>();
        body.is_later = true;
    }
    if cursor.here() == b" OPT (" {
        options_text(cursor)?;
    }
    Some(())
}

/// ` OPT ( )`, ` OPT ( AH SPI=0x1234 )`, ` FRAG:1448 INCOMPLETE ID:deadbeef`, in any order, up to ` PROTO=`.
fn extensions(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    while Window::holds(cursor.place()) {
        cursor.renew();
        if cursor.here() == b" PROTO=" {
            return Some(());
        }
        if cursor.here() == b" FRAG:" {
            fragment(cursor, body)?;
            continue;
        }
        cursor.key(b" OPT (")?;
        if cursor.here() == b" FRAG:" {
            fragment(cursor, body)?;
        } else if cursor.here() == b" AH " || cursor.here() == b" ESP " {
            let esp = usize::from(cursor.here() == b" ESP ");
            cursor.go(b" AH".len() + esp);
            if cursor.here() == b" SPI=0x" {
                spi(cursor)?;
            }
        }
        cursor.key(b" )")?;
    }
    None
}

/// ` FRAG:1448 INCOMPLETE ID:deadbeef`.
fn fragment(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    cursor.go(b" FRAG:".len());
    body.is_later |= matches!(cursor.here(), [b'1'..=b'9']);
    cursor.look();
    cursor.number::<U16>();
    cursor.go(b" INCOMPLETE".len() * usize::from(cursor.here() == b" INCOMPLETE"));
    cursor.key(b" ID:")?;
    let digits: &[u8; 8] = cursor.here();
    cursor.go(8);
    let wrong = digits.iter().fold(0, |wrong, digit| wrong | HEX[usize::from(*digit)]);
    (wrong & 0x80 == 0).then_some(())
}

/// ` SPI=0x1234`.
fn spi(cursor: &mut Cursor<'_>) -> Option<u32> {
    cursor.go(b" SPI=0x".len());
    short_hex(cursor, &HEX)
}

/// ` OPT (`, pairs of hex digits, and `)`: where the digits begin and end.
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

/// One to eight hex digits of a table, and no more.
pub(super) fn short_hex(cursor: &mut Cursor<'_>, table: &[u8; 256]) -> Option<u32> {
    let text: &[u8; 9] = cursor.here();
    let len = text.iter().take_while(|digit| table[usize::from(**digit)] & 0x80 == 0).count();
    if !(1..=8).contains(&len) {
        return None;
    }
    cursor.go(len);
    let digit = |value: u32, digit: &u8| value << 4 | u32::from(table[usize::from(*digit)]);
    Some(text[..len].iter().fold(0, digit))
}

/// UDP-Lite, AH and ESP, and later fragments, which have no header; from the protocol's name on.
#[inline(never)]
pub(super) fn transport_rest(cursor: &mut Cursor<'_>, body: &mut Body) -> Option<()> {
    cursor.renew();
    let (len, protocol) = match cursor.here::<8>() {
        [b'U', b'D', b'P', b'L', b'I', b'T', b'E', _] => (7, Protocol::UDPLITE),
        [b'I', b'C', b'M', b'P', b'v', b'6', ..] if body.v6 => (6, Protocol::ICMPV6),
        [b'I', b'C', b'M', b'P', ..] if !body.v6 => (4, Protocol::ICMP),
        [b'T', b'C', b'P', ..] => (3, Protocol::TCP),
        [b'U', b'D', b'P', ..] => (3, Protocol::UDP),
        [b'E', b'S', b'P', ..] => (3, Protocol::ESP),
        [b'A', b'H', ..] => (2, Protocol::AH),
        _ => return None,
    };
    cursor.go(len);
    body.is_rare = true;
    body.protocol = protocol.0;
    if protocol == Protocol::UDPLITE && cursor.here() == b" SPT=" {
        cursor.go(5);
        cursor.look();
        body.has_ports = true;
        body.sport = cursor.number::<U16>();
        cursor.key(b" DPT=")?;
        body.dport = cursor.number::<U16>();
        cursor.key(b" LEN=")?;
        body.window = cursor.number::<U16>();
        return Some(());
    }
    if matches!(protocol, Protocol::AH | Protocol::ESP) && cursor.here() == b" SPI=0x" {
        body.seq = spi(cursor)?;
        body.form = Form::Spi;
        return Some(());
    }
    body.form = Form::Headless;
    (body.is_later && matches!(cursor.here(), [b' ' | b'\n'])).then_some(())
}

/// The transport layer of a packet that [`transport_rest`] read.
pub(super) fn fill_transport<'a>(body: &Body) -> Transport<'a> {
    let spi = (body.form == Form::Spi).then_some(body.seq);
    match Protocol(body.protocol) {
        Protocol::TCP => Transport::Tcp(Tcp::default()),
        Protocol::UDP => Transport::Udp(Udp::default()),
        Protocol::UDPLITE => Transport::UdpLite(Udp::default()),
        Protocol::ICMP => Transport::Icmp(Icmp::default()),
        Protocol::ICMPV6 => Transport::Icmpv6(Icmpv6::default()),
        Protocol::AH => Transport::Ah(spi),
        Protocol::ESP => Transport::Esp(spi),
        protocol => Transport::Other(protocol),
    }
}

/// What [`network_rest`] read of IPv4.
pub(super) fn fill_ipv4<'a>(body: &Body, line: &'a [u8], ip: &mut Ipv4<'a>) {
    let mut rest = text(body, line);
    let mut flag = |word: &[u8]| match rest.strip_prefix(word) {
        Some(after) => {
            rest = after;
            true
        }
        None => false,
    };
    ip.flags.reserved = flag(b" CE");
    flag(b" DF");
    ip.flags.more_fragments = flag(b" MF");
    if flag(b" FRAG:") {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digit = |value: u16, digit: &u8| value * 10 + u16::from(digit - b'0');
        ip.fragment = Some(rest[..digits].iter().fold(0, digit));
        rest = &rest[digits..];
    }
    ip.options = rest.strip_prefix(b" OPT (").and_then(|text| text.strip_suffix(b")")).map(HexText);
}

/// What [`network_rest`] read of IPv6.
pub(super) fn fill_ipv6<'a>(body: &Body, line: &'a [u8], ip: &mut Ipv6<'a>) {
    // Each has a blank behind it: the text begins and ends behind one.
    let (start, end) = (usize::from(body.extra.0) + 1, usize::from(body.extra.1) + 1);
    ip.extensions = Extensions(line.get(start..end).unwrap_or_default());
}

fn text<'a>(body: &Body, line: &'a [u8]) -> &'a [u8] {
    line.get(usize::from(body.extra.0)..usize::from(body.extra.1)).unwrap_or_default()
}

/// The owner and the mark.
#[derive(Clone, Copy, Default)]
pub(super) struct Owner {
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) mark: Option<u32>,
}

/// ` UID= GID= MARK=0x`, each optional, and the line's end, on which the cursor is left.
pub(super) fn owner_and_mark(cursor: &mut Cursor<'_>) -> Option<Owner> {
    let mut owner = Owner::default();
    cursor.renew();
    if cursor.here() == b" UID=" {
        cursor.go(5);
        owner.uid = Some(cursor.long_number()?);
    }
    if cursor.here() == b" GID=" {
        cursor.go(5);
        owner.gid = Some(cursor.long_number()?);
    }
    if cursor.here() == b" MARK=0x" {
        cursor.go(8);
        owner.mark = Some(short_hex(cursor, &LOWER_HEX)?);
    }
    cursor.go(usize::from(cursor.word() as u8 == b' '));
    (cursor.word() as u8 == b'\n').then_some(owner)
}

/// Reads an ARP line from behind `OPCODE=` to its end into an empty body; gives the position of the `\n`.
#[inline(never)]
pub(crate) fn arp(window: Window<'_>, at: usize, body: &mut Body) -> Option<usize> {
    let mut cursor = Cursor::new(window, at);
    body.is_rare = true;
    body.form = Form::Arp;
    cursor.look();
    body.id = cursor.number::<U16>();
    cursor.key(b" MACSRC=")?;
    let sender = cursor.place();
    mac(&mut cursor)?;
    cursor.key(b" IPSRC=")?;
    cursor.look();
    body.src = cursor.ipv4()?;
    cursor.key(b" MACDST=")?;
    body.extra = (sender as u16, cursor.place() as u16);
    mac(&mut cursor)?;
    cursor.key(b" IPDST=")?;
    // An address is read to the blank behind it, which the kernel does not write here.
    let text: &[u8; 17] = cursor.here();
    let len = text.iter().position(|byte| matches!(byte, b' ' | b'\n'))?;
    body.dst = core::str::from_utf8(&text[..len]).ok()?.parse::<Ipv4Addr>().ok()?.to_bits();
    cursor.go(len);
    body.rest = cursor.place() as u16;
    cursor.go(usize::from(cursor.word() as u8 == b' '));
    let at = cursor.place();
    (cursor.word() as u8 == b'\n' && Window::holds(at) && cursor.is_right()).then_some(at)
}

fn mac(cursor: &mut Cursor<'_>) -> Option<()> {
    let text: &[u8; 17] = cursor.here();
    cursor.go(text.len());
    Mac::from_text(text).map(|_| ())
}

/// What [`arp`] read, beside what the template says.
pub(super) fn fill_arp(body: &Body, window: Window<'_>, line: &[u8], arp: &mut Arp) {
    let mac = |at: u16| line.get(usize::from(at)..usize::from(at) + 17).and_then(Mac::from_text);
    arp.opcode = Some(body.id.value(window) as u16);
    arp.src_mac = mac(body.extra.0);
    arp.src_ip = Some(Ipv4Addr::from_bits(body.src));
    arp.dst_mac = mac(body.extra.1);
    arp.dst_ip = Some(Ipv4Addr::from_bits(body.dst));
}

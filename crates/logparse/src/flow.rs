//! ulogd2's connection records: `[DESTROY] ORIG: SRC=... , REPLY: SRC=...`.
//!
//! Responsible for: the one-line text of ulogd2's flow output. A flow is no packet, so
//! [`parse`](crate::parse) does not take it for one.
//! Must not know: the packet grammar.
//! Tested by: `testdata/lines`, the example below.

use core::net::IpAddr;

use crate::types::Protocol;

/// A connection that conntrack saw begin, change or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flow<'a> {
    /// `NEW`, `UPDATE` or `DESTROY`.
    pub event: &'a [u8],
    /// The direction of the packet that opened the connection.
    pub original: FlowSide,
    /// The other direction.
    pub reply: FlowSide,
}

/// One direction of a [`Flow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FlowSide {
    /// `SRC=`.
    pub src: Option<IpAddr>,
    /// `DST=`.
    pub dst: Option<IpAddr>,
    /// `PROTO=`.
    pub protocol: Option<Protocol>,
    /// `SPT=`.
    pub sport: Option<u16>,
    /// `DPT=`.
    pub dport: Option<u16>,
    /// `PKTS=`.
    pub packets: Option<u64>,
    /// `BYTES=`.
    pub bytes: Option<u64>,
}

/// Reads a flow record, wherever in the line it stands.
///
/// `TYPE=` and `CODE=` of ICMP flows are left out: ulogd2 prints them swapped.
///
/// ```
/// let line = b"[NEW] ORIG: SRC=192.0.2.77 DST=192.0.2.1 PROTO=TCP SPT=40000 DPT=22 PKTS=0 BYTES=0 , \
///     REPLY: SRC=192.0.2.1 DST=192.0.2.77 PROTO=TCP SPT=22 DPT=40000 PKTS=0 BYTES=0 ";
/// let flow = logparse::parse_flow(line).unwrap();
/// assert_eq!(flow.event, b"NEW");
/// assert_eq!(flow.reply.sport, Some(22));
/// ```
#[must_use]
pub fn parse_flow(line: &[u8]) -> Option<Flow<'_>> {
    let at = memchr::memmem::find(line, b"] ORIG: SRC=")?;
    let begin = memchr::memrchr(b'[', &line[..at])?;
    let event = &line[begin + 1..at];
    if !matches!(event, b"NEW" | b"UPDATE" | b"DESTROY") {
        return None;
    }
    let text = &line[at + b"] ORIG: ".len()..];
    let middle = memchr::memmem::find(text, b", REPLY: ")?;
    Some(Flow { event, original: side(&text[..middle])?, reply: side(&text[middle + b", REPLY: ".len()..])? })
}

fn side(text: &[u8]) -> Option<FlowSide> {
    let mut side = FlowSide::default();
    for word in text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        let equals = memchr::memchr(b'=', word)?;
        let (key, value) = (&word[..equals], core::str::from_utf8(&word[equals + 1..]).ok()?);
        match key {
            b"SRC" => side.src = Some(value.parse().ok()?),
            b"DST" => side.dst = Some(value.parse().ok()?),
            b"PROTO" => {
                side.protocol =
                    Protocol::from_name(value.as_bytes()).or_else(|| value.parse().ok().map(Protocol));
            }
            b"SPT" => side.sport = Some(value.parse().ok()?),
            b"DPT" => side.dport = Some(value.parse().ok()?),
            b"PKTS" => side.packets = Some(value.parse().ok()?),
            b"BYTES" => side.bytes = Some(value.parse().ok()?),
            _ => {}
        }
    }
    (side.src.is_some() && side.dst.is_some()).then_some(side)
}

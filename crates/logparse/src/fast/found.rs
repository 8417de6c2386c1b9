//! What the fast engine found of a packet: where its values are.
//!
//! Responsible for: the places, and the few values that a check gives on the way.
//! Must not know: how they were found.
//! Tested by: `tests/suites/engines.rs`.

use super::cursor::{Digits, Window};
use crate::types::TcpFlags;

/// What was found of a datagram: everything was checked, and stands where it says. Nothing is
/// decoded that was not needed for the check: most questions are about two or three fields.
#[derive(Clone, Copy, Default)]
pub(crate) struct Body {
    pub(crate) v6: bool,
    /// The protocol's number.
    pub(crate) protocol: u8,
    /// Whether the ports mean something.
    pub(crate) has_ports: bool,
    /// Whether ICMP was written as a word; `PROTO=1` is a bare number.
    pub(crate) named_icmp: bool,
    pub(super) dont_fragment: bool,
    /// Whether there is something of `rare` in the network or the transport layer.
    pub(crate) is_rare: bool,
    /// Whether this is a fragment other than the first.
    pub(super) is_later: bool,
    pub(crate) form: Form,
    pub(super) has_seq: bool,
    pub(crate) flags: TcpFlags,
    /// IPv4: the address. IPv6: where its text begins.
    pub(crate) src: u32,
    pub(crate) dst: u32,
    pub(super) len: Digits,
    /// IPv4: where ` TOS=` begins.
    pub(super) service: u16,
    /// IPv6: the traffic class.
    pub(super) class: Digits,
    /// TTL or hop limit.
    pub(super) ttl: Digits,
    /// ID or flow label. ARP: the operation.
    pub(super) id: Digits,
    pub(super) sport: Digits,
    pub(super) dport: Digits,
    /// TCP: the window. UDP: the length.
    pub(super) window: Digits,
    /// TCP: the sequence number. AH and ESP: the SPI.
    pub(super) seq: u32,
    pub(super) ack: u32,
    /// There is none if it is 0.
    pub(super) urgent: Digits,
    /// Where the hex digits of `OPT (` begin and end; the same place if there are none.
    pub(super) options: (u16, u16),
    pub(super) has_options: bool,
    pub(super) kind: Digits,
    pub(super) code: Digits,
    /// Where the network layer's rare part begins and ends. ARP: where the two hardware addresses begin.
    pub(super) extra: (u16, u16),
    /// Where the transport ends: what an ICMP type brings follows, owner and mark.
    pub(super) rest: u16,
}

/// What form the transport layer has, or what comes in its place.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// A header in full, or a bare number.
    #[default]
    Common,
    /// `AH SPI=`, `ESP SPI=`.
    Spi,
    /// A name and no header.
    Headless,
    /// No datagram: ARP.
    Arp,
}

impl Body {
    /// Whether there is more than the two layers. Most lines end where the transport does.
    #[inline(always)]
    pub(crate) fn has_rest(&self, line: &[u8]) -> bool {
        self.named_icmp || usize::from(self.rest) + 1 < line.len()
    }

    /// The source port; any number if the packet has none.
    #[inline(always)]
    pub(crate) fn sport(&self, window: Window<'_>) -> u16 {
        self.sport.value(window) as u16
    }

    /// The destination port; any number if the packet has none.
    #[inline(always)]
    pub(crate) fn dport(&self, window: Window<'_>) -> u16 {
        self.dport.value(window) as u16
    }

    /// Type and code, if ICMP was written as a word.
    #[inline(always)]
    pub(crate) fn icmp(&self, window: Window<'_>) -> Option<(u8, u8)> {
        self.named_icmp.then(|| (self.kind.value(window) as u8, self.code.value(window) as u8))
    }

    /// The length that the IP header claims.
    #[inline(always)]
    pub(crate) fn len(&self, window: Window<'_>) -> u32 {
        self.len.value(window)
    }
}

/// 24 bytes, of which four may vary.
pub(super) const SERVICE: &[u8; 24] = b" TOS=0x00 PREC=0x00 TTL=";

pub(super) const RESERVED: &[u8; 7] = b" RES=0x";

//! What connection tracking can have said about a packet.
//!
//! Responsible for: sets of states, and which states a packet's own fields leave possible.
//! Must not know: rules.
//! Tested by: the unit tests below, `tests/replay.rs`, and stage 4 of the seed logs.

use core::fmt;

use logparse::{Network, Packet, Protocol, TcpFlags, Transport};

/// A set of connection states (`-m conntrack --ctstate`).
///
/// A packet is in exactly one of INVALID, NEW, RELATED, ESTABLISHED and UNTRACKED; SNAT and
/// DNAT are true or not beside that.
///
/// ```
/// use fwrules::StateSet;
/// let states = StateSet::RELATED | StateSet::ESTABLISHED;
/// assert_eq!(states.to_string(), "RELATED,ESTABLISHED");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StateSet(u8);

impl StateSet {
    /// The packet makes no sense to connection tracking.
    pub const INVALID: StateSet = StateSet(1);
    /// The first packet of a connection.
    pub const NEW: StateSet = StateSet(2);
    /// A new connection that belongs to another, or an ICMP error about one.
    pub const RELATED: StateSet = StateSet(4);
    /// Packets were seen both ways.
    pub const ESTABLISHED: StateSet = StateSet(8);
    /// Not tracked at all.
    pub const UNTRACKED: StateSet = StateSet(16);
    /// The source was rewritten.
    pub const SNAT: StateSet = StateSet(32);
    /// The destination was rewritten.
    pub const DNAT: StateSet = StateSet(64);
    /// No state.
    pub const EMPTY: StateSet = StateSet(0);
    /// The five states of which a packet has one.
    pub const EXCLUSIVE: StateSet = StateSet(31);

    /// The words in the order in which `iptables-save` prints them.
    pub const WORDS: [(StateSet, &'static str); 7] = [
        (StateSet::INVALID, "INVALID"),
        (StateSet::NEW, "NEW"),
        (StateSet::RELATED, "RELATED"),
        (StateSet::ESTABLISHED, "ESTABLISHED"),
        (StateSet::UNTRACKED, "UNTRACKED"),
        (StateSet::SNAT, "SNAT"),
        (StateSet::DNAT, "DNAT"),
    ];

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: StateSet) -> StateSet {
        StateSet(self.0 & other.0)
    }

    /// Those here and not in `other`.
    #[must_use]
    pub const fn without(self, other: StateSet) -> StateSet {
        StateSet(self.0 & !other.0)
    }

    /// Whether every state of `other` is here.
    #[must_use]
    pub const fn contains(self, other: StateSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set of one word, in any case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<StateSet> {
        StateSet::WORDS.into_iter().find(|(_, w)| w.eq_ignore_ascii_case(word)).map(|(s, _)| s)
    }

    /// The states that connection tracking can have given this packet, as far as its own
    /// fields tell.
    ///
    /// * TCP with flags that no stack sends (`tcp_valid_flags` of
    ///   `nf_conntrack_proto_tcp.c`: SYN with FIN or RST, no flags at all, FIN without ACK ...)
    ///   is always INVALID.
    /// * An ICMP answer can never be NEW (`icmp_pkt_to_tuple`, `valid_new`); an ICMP error is
    ///   RELATED or INVALID; an ICMP type above 18 is INVALID.
    /// * IPv6 neighbour and listener discovery is never tracked.
    ///
    /// `untracked`: whether the host switches tracking off for some packets (`-j CT
    /// --notrack`); only then is UNTRACKED possible for the others.
    #[must_use]
    pub fn possible(packet: &Packet<'_>, untracked: bool) -> StateSet {
        let extra = if untracked { StateSet::UNTRACKED } else { StateSet::EMPTY };
        let states = match packet.datagram.transport {
            Transport::Tcp(tcp) => match tcp.flags {
                Some(flags) if !valid_flags(flags) => StateSet::INVALID,
                // A bare SYN opens or repeats; anything else may be either.
                _ => StateSet::INVALID | StateSet::NEW | StateSet::RELATED | StateSet::ESTABLISHED,
            },
            Transport::Icmp(icmp) => match icmp.kind.map(|k| k.0) {
                Some(8 | 13 | 15 | 17) | None => StateSet::EXCLUSIVE.without(StateSet::UNTRACKED),
                Some(0 | 14 | 16 | 18) => StateSet::INVALID | StateSet::ESTABLISHED | StateSet::RELATED,
                Some(3 | 4 | 5 | 11 | 12) => StateSet::INVALID | StateSet::RELATED,
                Some(19..) => StateSet::INVALID,
                Some(_) => StateSet::INVALID,
            },
            Transport::Icmpv6(icmp) => match icmp.kind.map(|k| k.0) {
                Some(130..=136 | 143) => return StateSet::UNTRACKED,
                Some(128) | None => StateSet::EXCLUSIVE,
                Some(129) => StateSet::INVALID | StateSet::ESTABLISHED | StateSet::RELATED,
                Some(1..=4) => StateSet::INVALID | StateSet::RELATED,
                Some(_) => StateSet::INVALID | StateSet::NEW | StateSet::RELATED | StateSet::ESTABLISHED,
            },
            _ => StateSet::EXCLUSIVE.without(StateSet::UNTRACKED),
        };
        match packet.datagram.network {
            // ARP is not tracked.
            Network::Arp(_) => StateSet::UNTRACKED,
            _ if packet.datagram.protocol() == Some(Protocol::ICMPV6) => states | extra,
            _ => states | extra,
        }
    }
}

/// Whether a stack sends these flags (`tcp_valid_flags`); PSH, ECE, CWR and AE do not count.
#[must_use]
pub(crate) fn valid_flags(flags: TcpFlags) -> bool {
    const FIN: u16 = TcpFlags::FIN.bits();
    const SYN: u16 = TcpFlags::SYN.bits();
    const RST: u16 = TcpFlags::RST.bits();
    const ACK: u16 = TcpFlags::ACK.bits();
    const URG: u16 = TcpFlags::URG.bits();
    const SYN_URG: u16 = SYN | URG;
    const SYN_ACK: u16 = SYN | ACK;
    const RST_ACK: u16 = RST | ACK;
    const FIN_ACK: u16 = FIN | ACK;
    const FIN_ACK_URG: u16 = FIN | ACK | URG;
    const ACK_URG: u16 = ACK | URG;
    matches!(
        flags.bits() & (FIN | SYN | RST | ACK | URG),
        SYN | SYN_URG | SYN_ACK | RST | RST_ACK | FIN_ACK | FIN_ACK_URG | ACK | ACK_URG
    )
}

impl core::ops::BitOr for StateSet {
    type Output = StateSet;
    fn bitor(self, other: StateSet) -> StateSet {
        StateSet(self.0 | other.0)
    }
}

impl fmt::Display for StateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (state, word) in StateSet::WORDS {
            if self.contains(state) {
                if !first {
                    f.write_str(",")?;
                }
                first = false;
                f.write_str(word)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for StateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_no_stack_sends_are_invalid() {
        use TcpFlags as F;
        for flags in
            [F::SYN, F::SYN | F::ACK, F::RST, F::FIN | F::ACK, F::ACK | F::PSH, F::SYN | F::ECE | F::CWR]
        {
            assert!(valid_flags(flags), "{flags}");
        }
        for flags in
            [F::EMPTY, F::FIN, F::SYN | F::FIN, F::SYN | F::RST, F::FIN | F::PSH | F::URG, F::RST | F::FIN]
        {
            assert!(!valid_flags(flags), "{flags}");
        }
    }
}

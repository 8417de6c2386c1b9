//! What a condition looks at.
//!
//! Responsible for: the one inventory of fields and values, by which classes of packets, rules
//! that may fit and regions of packets are found.
//! Must not know: which condition looks.
//! Tested by: `tests/compiled.rs`: equal answers on generated rulesets and packets.

use logparse::{Mac, Protocol};

use crate::values::conntrack::StateSet;
use crate::values::header::{Flags, Icmp};
use crate::values::net::{AddressRange, Interface, Masked, Net, PortSide, Range, Side, Test};
use crate::values::text::Text;

/// A field of a packet with the values that a condition lets through.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Look<'c> {
    /// The protocol is one of these.
    Protocol(Test<&'c [Protocol]>),
    /// An address lies in one of these.
    Address(Side, Test<&'c [AddressRange]>),
    /// As [`Look::Address`], for a mask that is no prefix.
    Masked(Side, Test<Net>),
    /// The packet is IPv6 (or IPv4).
    Version {
        /// IPv6.
        v6: bool,
    },
    /// An interface has one of these names.
    Interface {
        /// The input interface.
        input: bool,
        /// The names.
        names: Test<&'c [Interface]>,
    },
    /// The interfaces of a bridge, or where they are not printed those of the packet.
    BridgePort(&'c Interface),
    /// Only later fragments, or only others.
    Fragment(bool),
    /// The transport header: a later fragment has none.
    Transport,
    /// A port is one of these. The protocol may be any that has ports.
    Ports(PortSide, Test<&'c [Range<u16>]>),
    /// The flags of TCP.
    Flags(Test<Flags>),
    /// The options of TCP.
    TcpOptions,
    /// What no other field here is: the same packet gives the same answer.
    Odd,
    /// The type and code of ICMP.
    Icmp(Test<Icmp>),
    /// The state of the connection.
    States(Test<StateSet>),
    /// The source's hardware address.
    Mac(Test<Mac>),
    /// To whom the frame was sent.
    PacketType,
    /// What the routing table says of an address.
    AddressType,
    /// The time to live.
    Ttl,
    /// The packet's length.
    Length(Range<u32>),
    /// The type of service.
    Tos,
    /// The mark.
    Mark(Test<Masked<u32>>),
    /// The user.
    Uid(Range<u32>),
    /// The group.
    Gid(Range<u32>),
    /// The SPI of ESP or AH. The protocol is not always certain.
    Spi(Range<u32>),
    /// What the parts of a set's entries are compared with.
    Set {
        /// The set.
        name: &'c Text,
        /// The packet's side for each part.
        sides: &'c [Side],
        /// The packet must not be in it.
        not: bool,
    },
    /// The time of day.
    Time,
    /// What the packet has and a line never shows: the same packet gives the same answer.
    Content,
    /// More than the packet: what came before, chance, this host.
    Beyond,
}

//! What rules can ask of a packet: one file per match.
//!
//! Responsible for: the list of conditions. Each file has the type, how it is read, saved and
//! written for nft, whether a packet fits it, and which fields it looks at. A new match is a
//! file and a line in the list below.
//! Must not know: rules, chains.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`, `tests/replay.rs`.

pub(crate) mod kind;
pub(crate) mod look;
mod time;

pub use crate::matches::look::Look;

use logparse::{Mac as HardwareAddress, Protocol as IpProtocol};

use crate::matches::kind::{Kind, Module};
use crate::values::error::ReadError;
use crate::values::net::{Family, Masked, Range, Test};
use crate::values::text::Text;
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

macro_rules! conditions {
    ($($file:ident: $($(#[$doc:meta])* $kind:ident($type:ty)),+;)+) => {
        $(pub(crate) mod $file;
        #[allow(unused_imports, unreachable_pub, reason = "some matches have no type of their own")]
        pub use $file::*;)+

        /// What a rule asks of a packet.
        ///
        /// What a rule tests with options that have no place here is kept whole in
        /// [`Condition::Other`].
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Condition {
            $($($(#[$doc])* $kind($type),)+)+
        }

        $($(impl From<$type> for Condition {
            fn from(condition: $type) -> Condition {
                Condition::$kind(condition)
            }
        })+)+

        /// The modules of each condition.
        const MODULES: &[&[Module]] = &[$($(<$type as Kind>::MODULES,)+)+];

        /// Reads the options behind `-m`; `None`: kept as words.
        pub(crate) fn parse(module: &str, options: &[Opt], family: Family) -> Result<Option<Condition>, ReadError> {
            $($(if <$type as Kind>::MODULES.iter().any(|(name, _)| *name == module) {
                return Ok(<$type as Kind>::parse(module, options, family)?.map(Condition::$kind));
            })+)+
            Ok(None)
        }

        impl Condition {
            pub(crate) fn save(&self, out: &mut Pieces) {
                match self { $($(Condition::$kind(it) => it.save(out),)+)+ }
            }

            pub(crate) fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
                match self { $($(Condition::$kind(it) => it.nft(nft),)+)+ }
            }

            pub(crate) fn evaluate(&self, view: &View<'_>) -> Tri {
                match self { $($(Condition::$kind(it) => it.evaluate(view),)+)+ }
            }

            /// Which fields of a packet it looks at, and for which values: it fits a packet only
            /// if all of these do.
            pub fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
                match self { $($(Condition::$kind(it) => it.looks(look),)+)+ }
            }
        }
    };
}

conditions! {
    protocol:
        /// `-p`.
        Protocol(Test<IpProtocol>),
        /// nft: a protocol out of several.
        Protocols(Test<Vec<IpProtocol>>);
    address:
        /// `-s`, `-d`.
        Address(Address),
        /// nft: an address out of several.
        Addresses(Addresses);
    interface:
        /// `-i`, `-o`.
        Interface(OnInterface),
        /// nft: an interface out of several.
        Interfaces(Interfaces);
    fragment:
        /// `-f`.
        Fragment(Fragment);
    version:
        /// nft in `inet` tables: `meta nfproto`.
        Version(Version);
    tcp:
        /// `-m tcp`.
        Tcp(Tcp);
    missing:
        /// nft: `tcp option N missing`.
        MissingOption(MissingOption);
    nexthdr:
        /// nft: `ip6 nexthdr`.
        NextHeader(NextHeader);
    ports:
        /// `-m udp`, `-m sctp`, `-m dccp`, `-m udplite`: ports of a protocol that is not TCP.
        Ports(Ports);
    multiport:
        /// `-m multiport`.
        Multiport(Multiport);
    icmp:
        /// `-m icmp`, `-m icmp6`.
        Icmp(IcmpTest);
    iprange:
        /// `-m iprange`.
        IpRange(IpRange);
    mac:
        /// `-m mac --mac-source`.
        Mac(Test<HardwareAddress>);
    pkttype:
        /// `-m pkttype --pkt-type`.
        PacketType(Test<PacketType>);
    addrtype:
        /// `-m addrtype`.
        AddressType(AddressType);
    ttl:
        /// `-m ttl`, `-m hl`.
        Ttl(Ttl);
    length:
        /// `-m length --length`.
        Length(Test<Range<u32>>);
    tos:
        /// `-m tos --tos`.
        Tos(Test<Masked<u8>>);
    dscp:
        /// `-m dscp --dscp`: 6 bits.
        Dscp(Test<u8>);
    mark:
        /// `-m mark --mark`.
        Mark(Test<Masked<u32>>);
    owner:
        /// `-m owner`.
        Owner(Owner);
    spi:
        /// `-m esp --espspi`, `-m ah --ahspi`.
        Spi(Spi);
    set:
        /// `-m set --match-set`.
        Set(SetMatch);
    physdev:
        /// `-m physdev`: bridge ports.
        Physdev(Physdev);
    conntrack:
        /// `-m conntrack --ctstate`, `-m state --state`.
        State(State);
    tcpmss:
        /// `-m tcpmss --mss`.
        Mss(Test<Range<u16>>);
    connlimit:
        /// `-m connlimit`.
        ConnLimit(ConnLimit);
    statistic:
        /// `-m statistic`.
        Statistic(Statistic);
    comment:
        /// `-m comment --comment`: matches always.
        Comment(Text);
    other:
        /// Any other match, kept word by word.
        Other(Other);
    expression:
        /// nft: an expression that does not map to a match here.
        Expression(Expression);
}

/// How many values an option of a module takes; `None`: the module or the option is not known.
pub(crate) fn arity(module: &str, option: &str) -> Option<usize> {
    let (_, options) = MODULES.iter().copied().flatten().find(|(name, _)| *name == module)?;
    options.iter().find(|(name, _)| *name == option).map(|(_, count)| *count)
}

impl Condition {
    /// Where it stands in a rule's header; `None` for all others.
    pub(crate) fn header_place(&self) -> Option<usize> {
        Some(match self {
            Condition::Protocol(_) => 0,
            Condition::Address(it) => it.side.of(1, 2),
            Condition::Interface(it) => {
                if it.input {
                    3
                } else {
                    4
                }
            }
            Condition::Fragment(_) => 5,
            _ => return None,
        })
    }
}

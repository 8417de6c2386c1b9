//! `-m pkttype`.
//!
//! Responsible for: that one match.
//! Must not know: addresses.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use logparse::Packet;

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Test};
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// To whom a frame was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// To this host.
    Unicast,
    /// To all.
    Broadcast,
    /// To a group.
    Multicast,
}

impl PacketType {
    /// The word for it; `host` and `unicast` are the same.
    pub(crate) fn from_word(word: &str) -> Option<PacketType> {
        Some(match word.to_ascii_lowercase().as_str() {
            "unicast" | "host" => PacketType::Unicast,
            "broadcast" => PacketType::Broadcast,
            "multicast" => PacketType::Multicast,
            _ => return None,
        })
    }

    /// From the destination's hardware address.
    pub(crate) fn of(packet: &Packet<'_>) -> Option<PacketType> {
        let dst = packet.mac_header()?.dst?;
        Some(if dst.is_broadcast() {
            PacketType::Broadcast
        } else if dst.is_multicast() {
            PacketType::Multicast
        } else {
            PacketType::Unicast
        })
    }

    fn word(self, unicast: &'static str) -> &'static str {
        match self {
            PacketType::Unicast => unicast,
            PacketType::Broadcast => "broadcast",
            PacketType::Multicast => "multicast",
        }
    }
}

impl Kind for Test<PacketType> {
    const MODULES: &'static [Module] = &[("pkttype", &[("--pkt-type", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Test<PacketType>>, ReadError> {
        let [o] = options else { return Ok(None) };
        Ok(Some(o.read_test("unicast, broadcast or multicast", PacketType::from_word)?))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("pkttype");
        out.option(self, "--pkt-type", self.value.word("unicast"));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.test("meta pkttype", self.not, self.value.word("host"));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        Tri::ask(self, PacketType::of(view.packet), "MAC=", |wanted, kind| *wanted == kind)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::PacketType);
    }
}

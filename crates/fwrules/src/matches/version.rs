//! nft's `meta nfproto`.
//!
//! Responsible for: that one match.
//! Must not know: the table's family.
//! Tested by: `tests/kernel.rs`.

use logparse::Network;

use crate::matches::kind::Kind;
use crate::matches::look::Look;
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::piece::Pieces;

/// nft in `inet` tables: only packets of this version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// IPv6 (`false`: IPv4).
    pub v6: bool,
}

impl Kind for Version {
    fn save(&self, out: &mut Pieces) {
        out.bare(if self.v6 { "-6" } else { "-4" });
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.push(if self.v6 { "meta nfproto ipv6" } else { "meta nfproto ipv4" });
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        match view.datagram().network {
            Network::Ipv4(_) => Tri::known(!self.v6),
            Network::Ipv6(_) => Tri::known(self.v6),
            _ => Tri::No,
        }
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Version { v6: self.v6 });
    }
}

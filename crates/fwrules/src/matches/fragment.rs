//! `-f`.
//!
//! Responsible for: that one match.
//! Must not know: IPv6, which has no such option.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`.

use logparse::Network;

use crate::matches::kind::Kind;
use crate::matches::look::Look;
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::piece::Pieces;

/// `-f`: only later fragments (`false`: `! -f`, only others).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fragment(pub bool);

impl Kind for Fragment {
    fn save(&self, out: &mut Pieces) {
        out.name(!self.0, "-f");
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.masked("ip frag-off", "0x1fff", self.0, 0);
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        match view.datagram().network {
            Network::Ipv4(ip) => Tri::known(ip.fragment.is_some() == self.0),
            _ => Tri::Unknown(Why::NotShown("FRAG:")),
        }
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Fragment(self.0));
    }
}

//! nft's `tcp option N missing`.
//!
//! Responsible for: that expression alone: unlike `! --tcp-option`, it is true of packets of all
//! other protocols (`NFT_EXTHDR_F_PRESENT` in the kernel's `nft_exthdr_tcp_eval`).
//! Must not know: rules.
//! Tested by: the unit tests of `nft::parse`, `tests/kernel.rs`.

use logparse::Protocol;

use crate::matches::kind::Kind;
use crate::matches::look::Look;
use crate::matches::tcp::has_option;
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::piece::Pieces;

/// nft: no TCP option of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MissingOption(pub u8);

impl Kind for MissingOption {
    fn save(&self, out: &mut Pieces) {
        // Only for people: iptables has no word for it.
        out.bare(format!("tcp option {} missing", self.0));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.push(&format!("tcp option {} missing", self.0));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        !view.of(Protocol::TCP).and(has_option(view, self.0))
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Odd);
    }
}

//! `-p`, and nft's `meta l4proto`.
//!
//! Responsible for: those two.
//! Must not know: which protocol a match implies.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`.

use logparse::Protocol;

use crate::matches::kind::Kind;
use crate::matches::look::Look;
use crate::values::names;
use crate::values::net::Test;
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord, protocol, set};
use crate::words::piece::Pieces;

impl Kind for Test<Protocol> {
    fn save(&self, out: &mut Pieces) {
        let name = names::protocol_name(self.value);
        out.option(self, "-p", name.map_or_else(|| self.value.0.to_string(), str::to_owned));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        // Not where another word brings it.
        if self.not || nft.says != Some(self.value) {
            let word = match self.value {
                Protocol::TCP | Protocol::UDP => protocol(self.value),
                other => other.0.to_string(),
            };
            nft.test("meta l4proto", self.not, word);
        }
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        view.protocol(|p| p == self.value).test(self)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Protocol(Test { not: self.not, value: &[self.value] }));
    }
}

impl Kind for Test<Vec<Protocol>> {
    fn save(&self, out: &mut Pieces) {
        // Only for people: iptables has no word for it.
        let text: Vec<_> = self.value.iter().map(|p| p.0.to_string()).collect();
        out.bare(format!("l4proto{} {{ {} }}", if self.not { " !=" } else { "" }, text.join(", ")));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.test("meta l4proto", self.not, set(&self.value, |p| protocol(*p)));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        view.protocol(|p| self.value.contains(&p)).test(self)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Protocol(Test { not: self.not, value: &self.value }));
    }
}

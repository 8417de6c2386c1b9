//! `-m dscp`.
//!
//! Responsible for: that one match.
//! Must not know: ECN.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use crate::matches::tos::fits;
use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::names;
use crate::values::net::{Family, Masked, Test};
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::{Opt, number};
use crate::words::piece::Pieces;

impl Kind for Test<u8> {
    const MODULES: &'static [Module] = &[("dscp", &[("--dscp", 1), ("--dscp-class", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Test<u8>>, ReadError> {
        let [o] = options else { return Ok(None) };
        let read = |text: &str| match o.name() {
            "--dscp" => number(text).filter(|n| *n < 64).map(|n| n as u8),
            _ => names::dscp(text),
        };
        Ok(Some(o.read_test("a number below 64 or a class (AF11, CS1, EF)", read)?))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("dscp");
        out.option(self, "--dscp", format!("0x{:02x}", self.value));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.test(&format!("{} dscp", nft.ip()), self.not, format!("0x{:02x}", self.value));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        fits(view, Masked { value: self.value << 2, mask: 0xfc }).test(self)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Tos);
    }
}

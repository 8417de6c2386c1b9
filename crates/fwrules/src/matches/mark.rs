//! `-m mark`.
//!
//! Responsible for: that one match.
//! Must not know: who sets marks.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Masked, Test};
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::{Opt, masked};
use crate::words::piece::Pieces;

impl Masked<u32> {
    /// Whether this mark fits.
    #[must_use]
    pub fn fit(&self, mark: u32) -> bool {
        mark & self.mask == self.value
    }
}

impl Kind for Test<Masked<u32>> {
    const MODULES: &'static [Module] = &[("mark", &[("--mark", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Test<Masked<u32>>>, ReadError> {
        let [o] = options else { return Ok(None) };
        Ok(Some(o.read_test("a value or value/mask", masked)?))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("mark");
        let value = match self.value.mask {
            u32::MAX => format!("0x{:x}", self.value.value),
            mask => format!("0x{:x}/0x{mask:x}", self.value.value),
        };
        out.option(self, "--mark", value);
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        let value = format!("0x{:x}", self.value.value);
        match self.value.mask {
            u32::MAX => nft.test("meta mark", self.not, value),
            mask => nft.masked("meta mark", format!("0x{mask:x}"), self.not, value),
        }
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        if view.changes.mark {
            return Tri::Unknown(Why::Rewritten("MARK="));
        }
        Tri::ask(self, view.mark(), "MARK=", Masked::fit)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Mark(*self));
    }
}

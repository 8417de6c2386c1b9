//! `-m length`.
//!
//! Responsible for: that one match.
//! Must not know: headers.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Range, Test};
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::{Opt, number_range};
use crate::words::piece::Pieces;

impl Kind for Test<Range<u32>> {
    const MODULES: &'static [Module] = &[("length", &[("--length", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Test<Range<u32>>>, ReadError> {
        let [o] = options else { return Ok(None) };
        let mut test = o.read_test("a length or a range (0:100)", |text| number_range(text, ':'))?;
        test.value.last = test.value.last.min(u32::from(u16::MAX));
        Ok(Some(test))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("length");
        out.option(self, "--length", self.value.text(':'));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.range("meta length", self);
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        Tri::ask(self, view.datagram().len(), "LEN=", Range::contains)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Length(self.value));
    }
}

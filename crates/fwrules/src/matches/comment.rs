//! `-m comment`.
//!
//! Responsible for: that one match.
//! Must not know: rules.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::Family;
use crate::values::text::Text;
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// The longest comment of `-m comment`; a longer one is cut by `iptables` without a word.
pub const COMMENT: usize = 255;

impl Kind for Text {
    const MODULES: &'static [Module] = &[("comment", &[("--comment", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Text>, ReadError> {
        let [o] = options else { return Ok(None) };
        Ok(Some(o.value()?.text.clone()))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("comment");
        out.bare("--comment");
        // A comment is for people: what cannot stand in a rule becomes a blank.
        let blank = |b: &u8| if matches!(b, 0 | b'\n' | b'\r') { b' ' } else { *b };
        out.string(self.cut(COMMENT).iter().map(blank).collect());
    }

    fn nft(&self, _: &mut Nft) -> Result<(), NoWord> {
        // At the end of the rule.
        Ok(())
    }

    fn evaluate(&self, _: &View<'_>) -> Tri {
        Tri::Yes
    }

    fn looks(&self, _: &mut dyn FnMut(Look<'_>)) {}
}

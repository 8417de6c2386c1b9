//! `-m mac`.
//!
//! Responsible for: that one match.
//! Must not know: which devices have hardware addresses.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use logparse::Mac;

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Test};
use crate::values::tri::{Tri, Why};
use crate::view::{View, mac};
use crate::words::nft::{Nft, NoWord};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

impl Kind for Test<Mac> {
    const MODULES: &'static [Module] = &[("mac", &[("--mac-source", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Test<Mac>>, ReadError> {
        let [o] = options else { return Ok(None) };
        let mac = Mac::from_text(o.value()?.text.as_bytes());
        Ok(Some(o.test(mac.ok_or_else(|| o.bad("a hardware address (00:16:3e:5e:6c:00)"))?)))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("mac");
        out.option(self, "--mac-source", self.value.to_string());
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.test("ether saddr", self.not, self.value);
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        match mac(view.packet) {
            Err(()) => Tri::No,
            Ok(Some(mac)) => Tri::known(mac == self.value).test(self),
            Ok(None) => Tri::Unknown(Why::NotShown("MAC=")),
        }
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Mac(*self));
    }
}

//! `-m tcpmss`.
//!
//! Responsible for: that one match.
//! Must not know: other options of TCP.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use logparse::{Protocol, Transport};

use crate::matches::tcp::options_of;
use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Range, Test};
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::{Opt, port_range};
use crate::words::piece::Pieces;

impl Kind for Test<Range<u16>> {
    const MODULES: &'static [Module] = &[("tcpmss", &[("--mss", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Test<Range<u16>>>, ReadError> {
        let [o] = options else { return Ok(None) };
        Ok(Some(o.read_test("a size or a range (1:600)", port_range)?))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("tcpmss");
        out.option(self, "--mss", self.value.text(':'));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.range("tcp option maxseg size", self);
        nft.says = Some(Protocol::TCP);
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let Transport::Tcp(tcp) = view.datagram().transport else { return view.of(Protocol::TCP) };
        if view.changes.options {
            return Tri::Unknown(Why::Rewritten("OPT ("));
        }
        let Some(options) = tcp.options else { return Tri::Unknown(Why::NotShown("OPT ( of TCP")) };
        let bytes: Vec<u8> = options.bytes().collect();
        let mss = options_of(&bytes).find(|(kind, data)| *kind == 2 && data.len() == 2);
        let fits = mss.is_some_and(|(_, data)| self.value.contains(u16::from(data[0]) << 8 | u16::from(data[1])));
        Tri::known(fits).test(self)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::TcpOptions);
    }
}

//! `-m tos`.
//!
//! Responsible for: that one match, and a type of service against the bits that a line shows.
//! Must not know: DSCP classes.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Masked, Test};
use crate::values::tri::{Tri, Why};
use crate::view::{View, tos};
use crate::words::nft::{Nft, NoWord};
use crate::words::option::{Opt, masked};
use crate::words::piece::Pieces;

const NAMES: [(&str, u8); 5] = [
    ("minimize-delay", 0x10),
    ("maximize-throughput", 0x08),
    ("maximize-reliability", 0x04),
    ("minimize-cost", 0x02),
    ("normal-service", 0x00),
];

impl Kind for Test<Masked<u8>> {
    const MODULES: &'static [Module] = &[("tos", &[("--tos", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Test<Masked<u8>>>, ReadError> {
        let [o] = options else { return Ok(None) };
        // `libxt_tos.c`: a name is compared with all but the ECN bits.
        let text = o.str()?;
        if let Some((_, value)) = NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
            return Ok(Some(o.test(Masked { value: *value, mask: 0x3f })));
        }
        let m = o.read("a value, value/mask or a name", masked)?;
        let byte = |n: u32| if n == u32::MAX { Some(0xff) } else { u8::try_from(n).ok() };
        match (byte(m.value), byte(m.mask)) {
            (Some(value), Some(mask)) => Ok(Some(o.test(Masked { value, mask }))),
            _ => Err(o.bad("numbers up to 0xff")),
        }
    }

    fn save(&self, out: &mut Pieces) {
        out.module("tos");
        out.option(self, "--tos", format!("0x{:02x}/0x{:02x}", self.value.value, self.value.mask));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        let Masked { value, mask } = self.value;
        if nft.family != Family::Ipv4 {
            return Err(None);
        }
        nft.masked("@nh,8,8", format!("0x{mask:x}"), self.not, format!("0x{value:x}"));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        fits(view, self.value).test(self)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Tos);
    }
}

/// A wanted type of service against the bits that the line shows.
pub(crate) fn fits(view: &View<'_>, wanted: Masked<u8>) -> Tri {
    if view.changes.tos {
        return Tri::Unknown(Why::Rewritten("TOS="));
    }
    match tos(view.datagram()) {
        None => Tri::Unknown(Why::NotShown("TOS=")),
        Some((value, shown)) if value & wanted.mask & shown != wanted.value & shown => Tri::No,
        Some((_, shown)) if wanted.value & !wanted.mask & shown != 0 => Tri::No,
        Some((_, shown)) if wanted.mask & !shown == 0 => Tri::Yes,
        Some(_) => Tri::Unknown(Why::NotShown("the lowest bit of TOS")),
    }
}

//! `-m esp`, `-m ah`.
//!
//! Responsible for: that one match.
//! Must not know: other headers of IPsec.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use logparse::{Network, Protocol};

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Range, Test};
use crate::values::tri::{Tri, Why};
use crate::view::{FRAGMENT, View, spi};
use crate::words::nft::{Nft, NoWord};
use crate::words::option::{Opt, number_range};
use crate::words::piece::Pieces;

/// `-m esp --espspi`, `-m ah --ahspi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spi {
    /// ESP or AH.
    pub protocol: Protocol,
    /// The SPI.
    pub spi: Test<Range<u32>>,
}

impl Spi {
    fn word(&self) -> &'static str {
        if self.protocol == Protocol::ESP { "esp" } else { "ah" }
    }
}

impl Kind for Spi {
    const MODULES: &'static [Module] = &[("esp", &[("--espspi", 1)]), ("ah", &[("--ahspi", 1)])];

    fn parse(module: &str, options: &[Opt], _: Family) -> Result<Option<Spi>, ReadError> {
        let [o] = options else { return Ok(None) };
        let spi = o.read_test("a number or a range (256:512)", |text| number_range(text, ':'))?;
        let protocol = if module == "esp" { Protocol::ESP } else { Protocol::AH };
        Ok(Some(Spi { protocol, spi }))
    }

    fn save(&self, out: &mut Pieces) {
        out.module(self.word());
        out.option(&self.spi, &format!("--{}spi", self.word()), self.spi.value.text(':'));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.range(&format!("{} spi", self.word()), &self.spi);
        nft.says = Some(self.protocol);
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let of = view.of(self.protocol);
        if view.later_fragment() {
            return of.and(FRAGMENT);
        }
        match (spi(view.datagram(), self.protocol), of) {
            (Some(spi), _) => Tri::known(self.spi.value.contains(spi)).test(&self.spi),
            // IPv6 walks over AH: another protocol may follow it.
            (None, Tri::No)
                if self.protocol == Protocol::AH && matches!(view.datagram().network, Network::Ipv6(_)) =>
            {
                Tri::Unknown(Why::NotShown("SPI="))
            }
            (None, Tri::No) => Tri::No,
            (None, _) => Tri::Unknown(Why::NotShown("SPI=")),
        }
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Spi(self.spi.value));
    }
}

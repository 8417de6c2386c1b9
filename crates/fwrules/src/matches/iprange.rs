//! `-m iprange`.
//!
//! Responsible for: that one match.
//! Must not know: networks.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{AddressRange, Family, Side, Test};
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord, ip_of};
use crate::words::option::{Opt, address_range};
use crate::words::piece::Pieces;

/// `-m iprange`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpRange {
    /// `--src-range`.
    pub source: Option<Test<AddressRange>>,
    /// `--dst-range`.
    pub destination: Option<Test<AddressRange>>,
}

impl IpRange {
    fn tests(&self) -> impl Iterator<Item = (Side, &Test<AddressRange>)> {
        let one = |side: Side| Some((side, side.of(&self.source, &self.destination).as_ref()?));
        Side::BOTH.into_iter().filter_map(one)
    }
}

fn both_ends(range: &AddressRange) -> String {
    format!("{}-{}", range.first, range.last)
}

impl Kind for IpRange {
    const MODULES: &'static [Module] = &[("iprange", &[("--src-range", 1), ("--dst-range", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<IpRange>, ReadError> {
        let mut found = IpRange { source: None, destination: None };
        for o in options {
            let range = o.read_test("two addresses with - between", address_range)?;
            *if o.name() == "--src-range" { &mut found.source } else { &mut found.destination } = Some(range);
        }
        Ok((!options.is_empty()).then_some(found))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("iprange");
        out.option_if("--src-range", self.source.as_ref(), both_ends);
        out.option_if("--dst-range", self.destination.as_ref(), both_ends);
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        for (side, test) in self.tests() {
            let field = format!("{} {}", ip_of(test.value.first), side.of("saddr", "daddr"));
            nft.test(&field, test.not, both_ends(&test.value));
        }
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        self.tests().fold(Tri::Yes, |result, (side, test)| {
            result.and(view.address(side, |addr| test.value.contains(addr), test.value.first, test.not))
        })
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        for (side, test) in self.tests() {
            look(Look::Address(side, Test { not: test.not, value: &[test.value] }));
        }
    }
}

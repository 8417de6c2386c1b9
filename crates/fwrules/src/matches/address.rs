//! `-s`, `-d`, and nft's sets of addresses.
//!
//! Responsible for: those.
//! Must not know: translation; [`View::address`] knows where it may have happened.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`.

use crate::matches::kind::Kind;
use crate::matches::look::Look;
use crate::values::net::{AddressRange, Net, Side, Test};
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord, ip_of, set};
use crate::words::piece::Pieces;

/// `-s` or `-d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Which address.
    pub side: Side,
    /// The network it must be in.
    pub net: Test<Net>,
}

impl Kind for Address {
    fn save(&self, out: &mut Pieces) {
        out.option(&self.net, self.side.of("-s", "-d"), self.net.value.to_string());
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        let Test { not, value: net } = &self.net;
        let field = format!("{} {}", ip_of(net.addr()), self.side.of("saddr", "daddr"));
        match net.range() {
            Some(one) if one.first == one.last => nft.test(&field, *not, one.first),
            Some(_) => nft.test(&field, *not, net),
            None => nft.masked(&field, net.mask(), *not, net.addr()),
        }
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let net = &self.net.value;
        view.address(self.side, |addr| net.contains(addr), net.addr(), self.net.not)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        match self.net.value.range() {
            Some(range) => look(Look::Address(self.side, Test { not: self.net.not, value: &[range] })),
            None => look(Look::Masked(self.side, self.net)),
        }
    }
}

/// nft: an address out of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Which address.
    pub side: Side,
    /// The set.
    pub ranges: Test<Vec<AddressRange>>,
}

impl Kind for Addresses {
    fn save(&self, out: &mut Pieces) {
        // Only for people: iptables has no word for it.
        let not = if self.ranges.not { " !=" } else { "" };
        out.bare(format!("{}{not} {{ ", self.side.of("saddr", "daddr")));
        let list: Vec<String> = self.ranges.value.iter().map(|r| r.text('-')).collect();
        out.bare(format!("{} }}", list.join(", ")));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        let first = self.ranges.value.first().ok_or(None)?;
        let field = format!("{} {}", ip_of(first.first), self.side.of("saddr", "daddr"));
        nft.test(&field, self.ranges.not, set(&self.ranges.value, |r| r.text('-')));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        match self.ranges.value.first() {
            None => Tri::No.test(&self.ranges),
            Some(first) => {
                let contains = |addr| self.ranges.value.iter().any(|r| r.contains(addr));
                view.address(self.side, contains, first.first, self.ranges.not)
            }
        }
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Address(self.side, Test { not: self.ranges.not, value: &self.ranges.value }));
    }
}

//! `-s`, `-d`, and nft's sets of addresses.
//!
//! Responsible for: those.
//! Must not know: translation; [`View::address`] knows where it may have happened.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`.

use core::net::IpAddr;

use crate::matches::kind::Kind;
use crate::matches::look::Look;
use crate::values::net::{AddressRange, Net, Side, Test};
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord, ip_of, set};
use crate::words::piece::Pieces;

/// `-s` or `-d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// Which address.
    pub side: Side,
    /// The set: sorted, and none meets another, so that a long one is searched quickly.
    ranges: Test<Vec<AddressRange>>,
}

impl Addresses {
    /// The address of this side must be in one of `ranges`, or in none of them.
    #[must_use]
    pub fn new(side: Side, ranges: Test<Vec<AddressRange>>) -> Addresses {
        let Test { not, value: mut list } = ranges;
        list.sort_unstable();
        list.dedup_by(|next, last| {
            let meet = next.first.is_ipv4() == last.first.is_ipv4() && next.first <= last.last;
            if meet {
                last.last = last.last.max(next.last);
            }
            meet
        });
        Addresses { side, ranges: Test { not, value: list } }
    }

    /// The set: sorted, and none of its ranges meets another.
    #[must_use]
    pub fn ranges(&self) -> Test<&[AddressRange]> {
        Test { not: self.ranges.not, value: &self.ranges.value }
    }

    fn contains(&self, addr: IpAddr) -> bool {
        let ranges = &self.ranges.value;
        let after = ranges.partition_point(|range| range.first <= addr);
        after > 0 && ranges[after - 1].contains(addr)
    }
}

impl Kind for Addresses {
    fn save(&self, out: &mut Pieces) {
        // Only for people: iptables has no word for it.
        let not = if self.ranges.not { " !=" } else { "" };
        let list = set(&self.ranges.value, |range| range.text('-'));
        out.bare(format!("{}{not} {list}", self.side.of("saddr", "daddr")));
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
                view.address(self.side, |addr| self.contains(addr), first.first, self.ranges.not)
            }
        }
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Address(self.side, self.ranges()));
    }
}

//! Boxes of packets: for each field the values that are in.
//!
//! Responsible for: intersection, difference and inclusion of boxes.
//! Must not know: rules.
//! Tested by: the unit tests of `lint::region` and `lint`.

use std::net::IpAddr;
use std::sync::LazyLock;

use crate::lint::ranges::{Bytes, Ranges};
use crate::values::conntrack::StateSet;
use crate::values::net::{AddressRange, Family, Side};

/// Where IPv4 addresses are kept among the numbers of IPv6's: at the very top, among groups
/// that nobody can assign, and never in an IPv6 range. `::ffff:0:0/96` is IPv6 like any other.
const MAPPED: u128 = u128::MAX << 32;
pub(crate) const PORTS: u128 = 65_535;

pub(crate) fn address(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => MAPPED | u128::from(addr.to_bits()),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// The addresses of some ranges.
pub(crate) fn addresses(ranges: &[AddressRange]) -> Ranges {
    let of = |v4: bool| {
        let family = ranges.iter().filter(|range| range.first.is_ipv4() == v4);
        family.map(|range| (address(range.first), address(range.last))).collect()
    };
    let (four, six) = (Ranges::union(of(true)), Ranges::union(of(false)));
    let six = six.without(&family_range(Family::Ipv4));
    Ranges::union(four.0.iter().chain(six.0.iter()).copied().collect())
}

/// All addresses of IPv4, of IPv6, of both; all ports: every box begins with them.
static WHOLE: LazyLock<[Ranges; 4]> = LazyLock::new(|| {
    let (four, both) = (Ranges::of(MAPPED, MAPPED | u128::from(u32::MAX)), Ranges::of(0, u128::MAX));
    let six = both.without(&four);
    [four, six, both, Ranges::of(0, PORTS)]
});

/// All addresses of a family.
pub(crate) fn family_range(family: Family) -> Ranges {
    let [four, six, both, _] = &*WHOLE;
    let whole = match family {
        Family::Ipv4 => four,
        Family::Ipv6 => six,
        _ => both,
    };
    whole.clone()
}

/// All ports; all types and codes of ICMP.
fn whole_ports() -> Ranges {
    WHOLE[3].clone()
}

/// Ranges of one field with which a box is no longer cut down: a blocklist cuts addresses into
/// very many.
const PIECES: usize = 1_000;

/// The values of one field.
trait Values {
    fn and(&self, other: &Self) -> Self;
    fn without(&self, other: &Self) -> Self;
    fn is_empty(&self) -> bool;

    fn meets(&self, other: &Self) -> bool
    where
        Self: Sized,
    {
        !self.and(other).is_empty()
    }

    fn covers(&self, other: &Self) -> bool
    where
        Self: Sized,
    {
        other.without(self).is_empty()
    }
}

macro_rules! bits {
    ($($number:ty)+) => {
        $(impl Values for $number {
            fn and(&self, other: &$number) -> $number {
                self & other
            }
            fn without(&self, other: &$number) -> $number {
                self & !other
            }
            fn is_empty(&self) -> bool {
                *self == 0
            }
        })+
    };
}

bits! { u8 u128 }

impl Values for StateSet {
    fn and(&self, other: &StateSet) -> StateSet {
        StateSet::and(*self, *other)
    }
    fn without(&self, other: &StateSet) -> StateSet {
        StateSet::without(*self, *other)
    }
    fn is_empty(&self) -> bool {
        StateSet::is_empty(*self)
    }
}

impl Values for Bytes {
    fn and(&self, other: &Bytes) -> Bytes {
        Bytes::and(*self, *other)
    }
    fn without(&self, other: &Bytes) -> Bytes {
        Bytes::without(*self, *other)
    }
    fn is_empty(&self) -> bool {
        *self == Bytes::NONE
    }
}

impl Values for Ranges {
    fn and(&self, other: &Ranges) -> Ranges {
        Ranges::and(self, other)
    }
    fn without(&self, other: &Ranges) -> Ranges {
        Ranges::without(self, other)
    }
    fn is_empty(&self) -> bool {
        Ranges::is_empty(self)
    }
    fn meets(&self, other: &Ranges) -> bool {
        Ranges::meets(self, other)
    }
    fn covers(&self, other: &Ranges) -> bool {
        Ranges::covers(self, other)
    }
}

macro_rules! cube {
    ($($(#[$doc:meta])* $field:ident $name:ident: $type:ty,)+) => {
        /// A box: a packet is in it if each field is.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub(crate) struct Cube {
            $($(#[$doc])* pub(crate) $name: $type,)+
        }

        /// The fields of a box, for telling people which of them excludes what.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Field { $($field,)+ }

        pub(crate) const FIELDS: [Field; [$(Field::$field),+].len()] = [$(Field::$field),+];

        impl Cube {
            pub(crate) fn is_empty_in(&self, field: Field) -> bool {
                match field { $(Field::$field => Values::is_empty(&self.$name),)+ }
            }

            /// Whether some packet is in both.
            pub(crate) fn meets(&self, other: &Cube) -> bool {
                $(Values::meets(&self.$name, &other.$name))&&+
            }

            /// The packets in both; may be empty.
            pub(crate) fn and(&self, other: &Cube) -> Cube {
                Cube { $($name: Values::and(&self.$name, &other.$name),)+ }
            }

            /// This box with one field less what `other` has in it.
            fn less(&self, other: &Cube, field: Field) -> Cube {
                let mut out = self.clone();
                match field { $(Field::$field => out.$name = Values::without(&out.$name, &other.$name),)+ }
                out
            }

            /// This box with one field cut down to what `other` has in it.
            fn cut(&mut self, other: &Cube, field: Field) {
                match field { $(Field::$field => self.$name = Values::and(&self.$name, &other.$name),)+ }
            }

            pub(crate) fn covers(&self, other: &Cube) -> bool {
                $(Values::covers(&self.$name, &other.$name))&&+
            }
        }
    };
}

cube! {
    Protocol protocol: Bytes,
    /// By the atoms of [`Names`](super::names::Names).
    Input input: u128,
    Output output: u128,
    Source source: Ranges,
    Destination destination: Ranges,
    Dport dport: Ranges,
    Sport sport: Ranges,
    /// Type and code: `type << 8 | code`.
    Icmp icmp: Ranges,
    Flags flags: Bytes,
    States states: StateSet,
    /// Later fragment (bit 1) or not (bit 0).
    Fragment fragment: u8,
}

impl Cube {
    /// Every packet of a family.
    pub(crate) fn all(family: Family) -> Cube {
        Cube {
            protocol: Bytes::ALL,
            flags: Bytes::ALL,
            fragment: 3,
            states: StateSet::EXCLUSIVE,
            input: u128::MAX,
            output: u128::MAX,
            source: family_range(family),
            destination: family_range(family),
            sport: whole_ports(),
            dport: whole_ports(),
            icmp: whole_ports(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        FIELDS.iter().any(|f| self.is_empty_in(*f))
    }

    /// Whether taking `other` away leaves it as it is: they do not meet, or it has too many pieces to
    /// be cut down further.
    pub(crate) fn stays_without(&self, other: &Cube) -> bool {
        !self.meets(other) || self.pieces() >= PIECES && !other.covers(self)
    }

    /// The packets here and not in `other`, as disjoint boxes.
    pub(crate) fn without(self, other: &Cube, out: &mut Vec<Cube>) {
        let mut rest = self;
        for field in FIELDS {
            let outside = rest.less(other, field);
            if outside.pieces() > PIECES {
                out.push(rest);
                return;
            }
            if !outside.is_empty_in(field) {
                out.push(outside);
                rest.cut(other, field);
            }
        }
    }

    /// How many ranges its addresses and ports are.
    fn pieces(&self) -> usize {
        self.source.0.len().max(self.destination.0.len()).max(self.sport.0.len()).max(self.dport.0.len())
    }

    pub(crate) fn set(&mut self, side: Side, set: Ranges, not: bool, family: Family) {
        // `! -s` of one family's network never means the other family.
        let four = family_range(Family::Ipv4);
        let own = if set.meets(&four) { four } else { family_range(Family::Ipv6) };
        let set = if not { family_range(family).and(&own).without(&set) } else { set };
        match side {
            Side::Source => self.source = self.source.and(&set),
            Side::Destination => self.destination = self.destination.and(&set),
        }
    }
}

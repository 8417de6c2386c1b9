//! Sets of packets, as boxes.
//!
//! Responsible for: intersection, difference and inclusion of such sets; every packet that can
//! come to a hook.
//! Must not know: rules, chains or verdicts.
//! Tested by: the unit tests of `lint::region` and `lint`.

use logparse::{Protocol, TcpFlags};

use crate::lint::cube::{Cube, PORTS};
use crate::lint::ranges::{Bytes, Ranges};
use crate::values::conntrack::{StateSet, valid_flags};
use crate::values::net::Family;

/// A set of packets: what is in any of the boxes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space(pub(crate) Vec<Cube>);

impl Space {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn and(&self, other: &Space) -> Space {
        let mut out = Vec::new();
        for a in &self.0 {
            for b in &other.0 {
                if a.meets(b) {
                    // One box is what nearly every rule has.
                    if out.is_empty() {
                        out.reserve_exact(1);
                    }
                    out.push(a.and(b));
                }
            }
        }
        Space(out)
    }

    /// The packets here and not in `other`. Boxes that `other` does not meet stay as they are, and
    /// all do that it does not cover once there are many.
    pub(crate) fn without(self, other: &Space) -> Space {
        self.without_at_most(other, BOXES)
    }

    /// The same; many are `most`.
    pub(crate) fn without_at_most(mut self, other: &Space, most: usize) -> Space {
        let mut pieces = Vec::new();
        for b in &other.0 {
            let mut count = self.0.len();
            self.0.retain(|a| {
                if count >= most && !b.covers(a) || a.stays_without(b) {
                    return true;
                }
                let before = pieces.len();
                a.clone().without(b, &mut pieces);
                count = count + pieces.len() - before - 1;
                false
            });
            self.0.append(&mut pieces);
        }
        self
    }

    pub(crate) fn or(mut self, other: Space) -> Space {
        for cube in other.0 {
            if !self.0.iter().any(|c| c.covers(&cube)) {
                self.0.retain(|c| !cube.covers(c));
                self.0.push(cube);
            }
        }
        self
    }

    /// Whether every packet of `other` is here.
    pub(crate) fn covers(&self, other: &Space) -> bool {
        // Several may cover a box together.
        other.0.iter().all(|o| self.0.iter().any(|c| c.covers(o)))
            || self.0.len() > 1 && other.clone().without(self).is_empty()
    }
}

/// With more boxes than this a set is no longer cut down: it stays too large, which makes
/// "this can never fire" harder to say, never wrong.
pub(crate) const BOXES: usize = 300;

/// Every packet that can come to a hook, with what connection tracking must say of it: TCP
/// flags that no stack sends are INVALID, IPv6 neighbour discovery is UNTRACKED.
pub(crate) fn everything(family: Family, input: u128, output: u128, untracks: bool) -> Space {
    if family == Family::Inet {
        // No packet is of both families.
        let mut both = everything(Family::Ipv4, input, output, untracks);
        both.0.extend(everything(Family::Ipv6, input, output, untracks).0);
        return both;
    }
    let all = Cube { input, output, ..Cube::all(family) };
    let tracked =
        if untracks { StateSet::EXCLUSIVE } else { StateSet::EXCLUSIVE.without(StateSet::UNTRACKED) };
    let mut invalid = StateSet::INVALID;
    if untracks {
        invalid = invalid | StateSet::UNTRACKED;
    }
    let tcp = Bytes::one(Protocol::TCP.0);
    let icmpv6 = Bytes::one(Protocol::ICMPV6.0);
    let valid = Bytes::filter(|bits| valid_flags(TcpFlags::from_bits(bits.into())));
    let mut special = tcp;
    let mut cubes = vec![
        Cube { protocol: tcp, flags: valid, states: tracked, ..all.clone() },
        Cube { protocol: tcp, flags: Bytes::ALL.without(valid), states: invalid, ..all.clone() },
    ];
    if family != Family::Ipv4 {
        special = special.zip(icmpv6, |a, b| a | b);
        let kinds = [(130 << 8, 136 << 8 | 0xff), (143 << 8, 143 << 8 | 0xff)];
        let discovery = Ranges::union(kinds.to_vec());
        let rest = Ranges::of(0, PORTS).without(&discovery);
        cubes.push(Cube { protocol: icmpv6, icmp: discovery, states: StateSet::UNTRACKED, ..all.clone() });
        cubes.push(Cube { protocol: icmpv6, icmp: rest, states: tracked, ..all.clone() });
    }
    cubes.push(Cube { protocol: Bytes::ALL.without(special), states: tracked, ..all });
    Space(cubes)
}

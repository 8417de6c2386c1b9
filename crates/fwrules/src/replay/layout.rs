//! The classes of all fields that a ruleset looks at, and their places in a key.
//!
//! Responsible for: which fields there are, how many bits each has, whether all fits.
//! Must not know: packets.
//! Tested by: `tests/compiled.rs`: equal answers on generated rulesets and packets.

use std::collections::HashMap;

use logparse::Mac;

use crate::matches::Condition;
use crate::model::ruleset::Ruleset;
use crate::replay::classes::{Addresses, Cuts, Table};
use crate::replay::fields::{Fields, Uses};
use crate::values::net::{AddressRange, Interface, Masked};
use crate::values::prefixes::{Prefix, Prefixes};

/// Interface names are numbered as they come; each has this many bits.
pub(crate) const NAME_BITS: u32 = 10;
/// Marks are numbered by the tests they pass, as they come.
pub(crate) const MARK_BITS: u32 = 8;
/// Bits of an answer of an odd test.
pub(crate) const ODD_BITS: u32 = 6;
/// Bits of what every key begins with after its front.
pub(crate) const HEAD_BITS: u32 = 14;

/// The classes of each field.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) prefixes: HashMap<Vec<u8>, u32>,
    pub(crate) prefix_bits: u32,
    pub(crate) addresses: [Option<Addresses>; 2],
    pub(crate) ports: [Option<Table>; 2],
    pub(crate) length: Option<Table>,
    pub(crate) flags: Option<Table>,
    pub(crate) uid: Option<Cuts>,
    pub(crate) gid: Option<Cuts>,
    pub(crate) spi: Option<Cuts>,
    /// Tests of the mark.
    pub(crate) marks: Vec<Masked<u32>>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) interface_names: Prefixes,
    pub(crate) macs: HashMap<Mac, u32>,
    pub(crate) mac_bits: u32,
    pub(crate) uses: Uses,
    /// Tests that fit no field: asked of every packet.
    pub(crate) odd: Vec<Condition>,
    /// Whether the key has room for all of this.
    pub(crate) fits: bool,
    /// Whether the rules look at addresses, ports, flags, prefix and interfaces only.
    pub(crate) glance: bool,
}

/// Bits for the numbers up to `count`.
pub(crate) fn bits(count: u32) -> u32 {
    u32::BITS - count.leading_zeros()
}

impl Layout {
    /// `local` are networks and addresses of this host.
    pub(crate) fn new(rules: &Ruleset, found: Fields, local: &[AddressRange]) -> Layout {
        let mut prefixes = HashMap::new();
        for (_, rule) in rules.rules() {
            if let Some(log) = &rule.log {
                let next = prefixes.len() as u32 + 1;
                prefixes.entry(log.written(rules.nft).to_vec()).or_insert(next);
            }
        }
        let macs: HashMap<Mac, u32> = found.macs.iter().copied().zip(3..).collect();
        let flags = found.state || !found.flags.is_empty();
        let interfaces: Vec<Interface> = found.interfaces.into_iter().collect();
        let mut layout = Layout {
            prefix_bits: bits(prefixes.len() as u32),
            prefixes,
            addresses: found.addresses.map(|tests| Addresses::new(&tests, local, found.types)),
            ports: found.ports.map(|tests| Table::ranges(&tests)),
            length: Table::ranges(&found.length),
            flags: flags.then(|| Table::flags(&found.flags)),
            uid: Cuts::new(&found.uid),
            gid: Cuts::new(&found.gid),
            spi: Cuts::new(&found.spi),
            marks: found.marks,
            interface_names: Prefixes::new(interfaces.iter().map(Prefix::of_interface).zip(0..).collect()),
            interfaces,
            mac_bits: if macs.is_empty() { 0 } else { bits(macs.len() as u32 + 3) },
            macs,
            uses: found.uses,
            odd: found.odd,
            fits: false,
            glance: false,
        };
        let (at_a_glance, more) = (layout.glance_bits(), layout.more_bits());
        layout.fits = at_a_glance + more <= u128::BITS;
        layout.glance = layout.fits && more == 0;
        layout
    }

    /// Bits of what a scan shows.
    fn glance_bits(&self) -> u32 {
        let one = |on: bool, bits: u32| if on { bits } else { 0 };
        // Two for the path.
        2 + HEAD_BITS
            + self.prefix_bits
            + one(self.uses.input, NAME_BITS)
            + one(self.uses.output, NAME_BITS)
            + self.addresses.iter().flatten().map(|a| bits(a.classes)).sum::<u32>()
            + self.ports.iter().flatten().map(|p| bits(p.classes)).sum::<u32>()
            + self.flags.as_ref().map_or(0, |f| bits(f.classes))
            + one(self.uses.icmp, 18)
    }

    /// Bits of everything else.
    fn more_bits(&self) -> u32 {
        let one = |on: bool, bits: u32| if on { bits } else { 0 };
        let cuts = [&self.uid, &self.gid, &self.spi];
        self.length.as_ref().map_or(0, |l| bits(l.classes))
            + one(self.uses.phys, 2 * NAME_BITS)
            + one(self.uses.packet_type, 2)
            + self.mac_bits
            + one(self.uses.ttl, 9)
            + one(self.uses.tos, 9)
            + one(!self.marks.is_empty(), MARK_BITS)
            + cuts.into_iter().flatten().map(|c| bits(c.starts.len() as u32)).sum::<u32>()
            + one(self.uses.time, 40)
            + ODD_BITS * self.odd.len() as u32
    }
}

//! Sources of which nothing is kept but a count.
//!
//! Responsible for: how many there were, and what they asked for.
//! Must not know: which sources are folded.
//! Tested by: `fwstat/tests/cli/scans.rs`.

use std::collections::BTreeMap;

/// Aims that are counted one by one.
const AIMS: usize = 4_096;

/// Sources that became a count: each had asked for one thing only.
#[derive(Clone, Debug, Default)]
pub struct Folded {
    /// How many.
    pub sources: u64,
    /// Their packets.
    pub packets: u64,
    /// By destination, protocol and port; the first `AIMS` of them.
    pub aims: BTreeMap<(u128, u8, u16), u64>,
}

impl Folded {
    /// Counts a source.
    pub(super) fn add(&mut self, dst: u128, protocol: u8, port: u16, packets: u64) {
        self.sources += 1;
        self.packets += packets;
        *self.aims.entry((dst, protocol, port)).or_default() += 1;
        self.trim();
    }

    /// Takes over what another counted.
    pub(super) fn merge(&mut self, other: Folded) {
        self.sources += other.sources;
        self.packets += other.packets;
        for (aim, sources) in other.aims {
            *self.aims.entry(aim).or_default() += sources;
            self.trim();
        }
    }

    fn trim(&mut self) {
        while self.aims.len() > AIMS {
            self.aims.pop_last();
        }
    }
}

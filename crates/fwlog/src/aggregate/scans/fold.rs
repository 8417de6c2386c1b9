//! Sources of which nothing is kept but a count.
//!
//! Responsible for: how many there were, and what they asked for.
//! Must not know: which sources are folded.
//! Tested by: `fwstat/tests/cli/scans.rs`.

use std::collections::BTreeMap;

/// Aims that are counted one by one.
const AIMS: usize = 4_096;

/// A destination, a protocol, a port.
pub(super) type Asked = (u128, u8, u16);

/// Sources that became a count.
#[derive(Clone, Debug, Default)]
pub struct Folded {
    /// For how many things each had asked at most: 1, unless there was no room for the others either.
    pub most: u64,
    /// How many.
    pub sources: u64,
    /// Their packets.
    pub packets: u64,
    /// By destination, protocol and port; the first `AIMS` of them.
    pub aims: BTreeMap<Asked, u64>,
}

impl Folded {
    /// Counts a source.
    pub(super) fn add(&mut self, asked: &[Asked], packets: u64) {
        self.sources += 1;
        self.packets += packets;
        asked.iter().for_each(|aim| self.count(*aim, 1));
    }

    /// Takes over what another counted.
    pub(super) fn merge(&mut self, other: Folded) {
        self.most = self.most.max(other.most);
        self.sources += other.sources;
        self.packets += other.packets;
        other.aims.into_iter().for_each(|(aim, sources)| self.count(aim, sources));
    }

    fn count(&mut self, aim: Asked, sources: u64) {
        if self.aims.len() >= AIMS && self.aims.last_key_value().is_some_and(|(last, _)| *last < aim) {
            return;
        }
        *self.aims.entry(aim).or_default() += sources;
        while self.aims.len() > AIMS {
            self.aims.pop_last();
        }
    }
}

//! When each source was seen last.
//!
//! Responsible for: the latest moment of each source address, as long as there are not too many of them.
//! Must not know: which sources are asked about.
//! Tested by: `fwstat/tests/cli/screens.rs`.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::Aggregate;
use crate::record::Record;

/// Of more sources nothing is kept: their moments would cost more time and memory than all else that is counted.
/// Whether there are more does not depend on how the log was divided among threads.
const MOST: usize = 1 << 14;

/// The latest moment of each source (nanoseconds, UTC).
#[derive(Clone, Debug, Default)]
pub struct Latest {
    v4: HashMap<u32, i64>,
    others: HashMap<IpAddr, i64>,
    too_many: bool,
}

impl Latest {
    /// When this source was seen last, if any of its packets has a time.
    #[must_use]
    pub fn of(&self, source: IpAddr) -> Option<i64> {
        match source {
            IpAddr::V4(addr) => self.v4.get(&addr.to_bits()).copied(),
            IpAddr::V6(_) => self.others.get(&source).copied(),
        }
    }

    /// Gives up if there are too many sources.
    fn limit(&mut self) {
        if self.v4.len() + self.others.len() > MOST {
            *self = Latest { too_many: true, ..Latest::default() };
        }
    }
}

impl Aggregate for Latest {
    fn add(&mut self, record: &Record<'_>) {
        if self.too_many {
            return;
        }
        let Some(when) = record.when.map(|when| when.utc) else { return };
        let last = match (record.line.src_ipv4(), record.line.src()) {
            (Some(addr), _) => self.v4.entry(addr.to_bits()).or_insert(when),
            (None, Some(IpAddr::V4(addr))) => self.v4.entry(addr.to_bits()).or_insert(when),
            (None, Some(addr)) => self.others.entry(addr).or_insert(when),
            (None, None) => return,
        };
        *last = when.max(*last);
        self.limit();
    }

    fn merge(&mut self, other: Latest) {
        if self.too_many || other.too_many {
            *self = Latest { too_many: true, ..Latest::default() };
            return;
        }
        for (addr, when) in other.v4 {
            let last = self.v4.entry(addr).or_insert(when);
            *last = when.max(*last);
        }
        for (addr, when) in other.others {
            let last = self.others.entry(addr).or_insert(when);
            *last = when.max(*last);
        }
        self.limit();
    }
}

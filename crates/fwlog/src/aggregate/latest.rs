//! When each source was seen last.
//!
//! Responsible for: the latest moment of each source address, as long as there are not too many of them.
//! Must not know: which sources are asked about.
//! Tested by: `fwstat/tests/cli/screens.rs`.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::state::{Damaged, Reader, State, Writer};
use super::{Aggregate, key};
use crate::record::{Record, Value};
use crate::sorting::InOrder as _;
use crate::time::clock::NANOS;

/// Of more sources nothing is kept: their moments would cost more time and memory than all else that is counted.
/// Whether there are more does not depend on how the log was divided among threads.
const MOST: usize = 1 << 14;

/// The latest moment of each source (nanoseconds, UTC); none at all once there were too many sources.
#[derive(Clone, Debug)]
pub struct Latest(Option<HashMap<IpAddr, i64>>);

impl Default for Latest {
    fn default() -> Latest {
        Latest(Some(HashMap::new()))
    }
}

impl Latest {
    /// When this source was seen last, if that is known and any of its packets has a time.
    #[must_use]
    pub fn of(&self, source: IpAddr) -> Option<i64> {
        self.0.as_ref()?.get(&source).copied()
    }

    fn note(&mut self, source: IpAddr, when: i64) {
        let Some(sources) = &mut self.0 else { return };
        let last = sources.entry(source).or_insert(when);
        *last = when.max(*last);
        if sources.len() > MOST {
            self.0 = None;
        }
    }
}

impl Aggregate for Latest {
    fn add(&mut self, record: &Record<'_>) {
        if let (true, Some(when)) = (self.0.is_some(), record.when)
            && let Some(source) = record.line.src()
        {
            self.note(source, when.utc);
        }
    }

    fn merge(&mut self, other: Latest) {
        match other.0 {
            Some(sources) => sources.into_iter().for_each(|(source, when)| self.note(source, when)),
            None => self.0 = None,
        }
    }
}

/// Whether there are not too many; the sources; the seconds, the nanoseconds beside them.
impl State for Latest {
    fn write(&self, out: &mut Writer) {
        let Some(sources) = &self.0 else { return out.number(0) };
        out.number(1);
        let key = |source: &IpAddr| {
            let mut bytes = Vec::new();
            key::encode(&mut bytes, Value::Addr(*source));
            bytes
        };
        let mut all: Vec<(Vec<u8>, i64)> =
            sources.iter().map(|(source, when)| (key(source), *when)).collect();
        all.order();
        out.keys(&all.iter().map(|(key, _)| &key[..]).collect());
        all.iter().for_each(|(_, when)| out.signed(when.div_euclid(NANOS)));
        all.iter().for_each(|(_, when)| out.signed(when.rem_euclid(NANOS)));
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        if from.number()? == 0 {
            self.0 = None;
            return Ok(());
        }
        let keys = from.keys()?;
        let mut numbers = || keys.iter().map(|_| from.signed()).collect::<Result<Vec<i64>, Damaged>>();
        let (seconds, nanos) = (numbers()?, numbers()?);
        for ((key, seconds), nanos) in keys.iter().zip(seconds).zip(nanos) {
            let source = key::address(key);
            let when = seconds.checked_mul(NANOS).and_then(|when| when.checked_add(nanos));
            let (Some(source), Some(when)) = (source, when) else {
                return Err(Damaged("a source is damaged"));
            };
            self.note(source, when);
        }
        Ok(())
    }
}

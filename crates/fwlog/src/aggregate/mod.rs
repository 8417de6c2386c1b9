//! What is made of records: values that many threads can build and then join.
//!
//! Responsible for: the trait, and counting by key.
//! Must not know: where records come from, how results are shown.
//! Tested by: the unit tests of its files; every thread count and chunk size in `fwstat/tests/cli/top.rs`.

mod addresses;
pub mod bounded;
pub mod counts;
mod distinct;
pub mod key;
mod latest;
mod packed;
pub mod scans;
mod series;
mod slices;
pub mod state;
pub mod timeline;
pub mod windows;
mod word;

pub use bounded::Bounded;
pub use counts::{Counts, Ranked, Row};
pub use distinct::Distinct;
pub use latest::Latest;
pub use scans::Scans;
pub use slices::{Series, Slices};
pub use state::State;
pub use timeline::Timeline;
pub use windows::Sliced;

use crate::input::Chunk;
use crate::record::Record;

/// Something built from records, in any order, in any number of parts.
///
/// `add` and `merge` must be associative and commutative: the answer may not depend on which
/// thread saw which record.
pub trait Aggregate: Send {
    /// Takes one record into account.
    fn add(&mut self, record: &Record<'_>);

    /// Takes over what another thread made.
    fn merge(&mut self, other: Self);

    /// Whether it looks at a record's moment. If no aggregate does, it is not computed.
    fn needs_time(&self) -> bool {
        true
    }

    /// Called once behind a thread's last record, before anything is joined or asked.
    fn settle(&mut self) {}

    /// Called behind the last record of a chunk, for what must come out in order.
    fn end_of_chunk(&mut self, _chunk: &Chunk<'_>) {}
}

/// Nothing is built: for who wants only the account of what was read.
impl Aggregate for () {
    fn add(&mut self, _record: &Record<'_>) {}

    fn merge(&mut self, _other: ()) {}

    fn needs_time(&self) -> bool {
        false
    }
}

/// Two aggregates built in one pass.
impl<A: Aggregate, B: Aggregate> Aggregate for (A, B) {
    fn add(&mut self, record: &Record<'_>) {
        self.0.add(record);
        self.1.add(record);
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
        self.1.merge(other.1);
    }

    fn needs_time(&self) -> bool {
        self.0.needs_time() || self.1.needs_time()
    }

    fn settle(&mut self) {
        self.0.settle();
        self.1.settle();
    }

    fn end_of_chunk(&mut self, chunk: &Chunk<'_>) {
        self.0.end_of_chunk(chunk);
        self.1.end_of_chunk(chunk);
    }
}

/// Several aggregates of one kind, built in one pass; joined place by place.
impl<A: Aggregate> Aggregate for Vec<A> {
    fn add(&mut self, record: &Record<'_>) {
        for aggregate in self {
            aggregate.add(record);
        }
    }

    fn merge(&mut self, other: Self) {
        for (own, other) in self.iter_mut().zip(other) {
            own.merge(other);
        }
    }

    fn needs_time(&self) -> bool {
        self.iter().any(Aggregate::needs_time)
    }

    fn settle(&mut self) {
        self.iter_mut().for_each(Aggregate::settle);
    }

    fn end_of_chunk(&mut self, chunk: &Chunk<'_>) {
        for aggregate in self {
            aggregate.end_of_chunk(chunk);
        }
    }
}

//! Chunks as they come, one after another, with what is known so far after each.
//!
//! Responsible for: the same loop over lines as [`run`](super::run), for whoever reads a log that does not end.
//! Must not know: inputs, screens.
//! Tested by: `fwstat/tests/cli/watch.rs`, and its example.

use hashbrown::HashMap;

use super::account::Account;
use super::plan::Plan;
use super::scan::{Rest, Worker};
use crate::input::Chunk;
use crate::record::Record;

/// The pipeline for one thread that takes chunks as they come.
///
/// ```
/// use fwlog::filter::Filter;
/// use fwlog::input::{Buffer, Input, InputQueue, ReadOptions};
/// use fwlog::pipeline::{Live, Plan};
/// use fwlog::time::{TimeZone, clock::Clock};
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/sample/kern.log");
/// let queue = InputQueue::new(vec![Input::File(path.into())], ReadOptions::default());
/// let plan = Plan { filter: Filter::All, clock: Clock::new(TimeZone::UTC, None), threads: 1, names: None };
/// let names = queue.names();
/// let mut live = Live::new(&plan, &names, true);
/// let (mut buffer, mut packets) = (Buffer::default(), 0);
/// while queue.next(&mut buffer) {
///     live.chunk(&buffer.chunk(), &mut |record| packets += record.times());
///     assert_eq!(live.account().totals.matched, packets);
/// }
/// ```
pub struct Live<'p> {
    worker: Worker<'p>,
    /// The last number that the kernel gave a record, by input.
    sequences: HashMap<usize, u64>,
}

impl<'p> Live<'p> {
    /// Nothing was read yet. `names` are those of the inputs; `needs_time` if records are asked for their moments.
    #[must_use]
    pub fn new(plan: &'p Plan, names: &'p [String], needs_time: bool) -> Live<'p> {
        Live { worker: Worker::new(plan, names, needs_time), sequences: HashMap::new() }
    }

    /// Every line of a chunk; `add` is given the records that pass the plan's filter.
    pub fn chunk(&mut self, chunk: &Chunk<'_>, add: &mut dyn FnMut(&Record<'_>)) {
        self.worker.chunk(chunk, add);
        self.worker.account.settle_chunk(&mut self.sequences);
    }

    /// The same, with the lines that are no packets for `rest`, after the records of the chunk.
    pub fn chunk_and_rest(
        &mut self,
        chunk: &Chunk<'_>,
        add: &mut dyn FnMut(&Record<'_>),
        rest: &mut dyn FnMut(Rest),
    ) {
        self.worker.rest = Some(Vec::new());
        self.chunk(chunk, add);
        self.worker.rest.take().into_iter().flatten().for_each(rest);
    }

    /// What was read so far.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.worker.account
    }
}

//! What a run does with every line.
//!
//! Responsible for: the choices that all threads share.
//! Must not know: inputs, aggregates.
//! Tested by: `fwstat/tests/cli/top.rs`.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::filter::Filter;
use crate::names::Names;
use crate::time::clock::Clock;

/// What every line goes through.
#[derive(Debug)]
pub struct Plan {
    /// Which records count.
    pub filter: Filter,
    /// How stamps become moments.
    pub clock: Clock,
    /// How many threads work.
    pub threads: usize,
    /// What files and the resolver say of addresses, if either was asked for.
    pub names: Option<Arc<Names>>,
}

impl Plan {
    /// The threads, for what is done with what was counted.
    ///
    /// # Errors
    /// They cannot be started.
    pub fn pool(&self) -> anyhow::Result<ThreadPool> {
        Ok(ThreadPoolBuilder::new().num_threads(self.threads.max(1)).build()?)
    }
}

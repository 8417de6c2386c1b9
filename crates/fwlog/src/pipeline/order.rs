//! Parts of an output, made by many threads, written in the order of the input.
//!
//! Responsible for: the order, and how far a fast thread may run ahead.
//! Must not know: what is written.
//! Tested by: `fwstat/tests/cli/export.rs`, `fwstat/tests/cli/check.rs`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Where bytes go.
pub type Out = Box<dyn Write + Send>;

/// What takes the parts of a long output, one after the other.
pub trait Sink: Send {
    /// What a chunk of the input comes to.
    type Part: Default + Send;

    /// Writes one; gives back what of it can be used on.
    ///
    /// # Errors
    /// It cannot be written.
    fn take(&mut self, part: Self::Part) -> io::Result<Self::Part>;

    /// Nothing more comes.
    ///
    /// # Errors
    /// The end cannot be written.
    fn finish(self) -> io::Result<()>;
}

impl Sink for Out {
    type Part = Vec<u8>;

    fn take(&mut self, mut part: Vec<u8>) -> io::Result<Vec<u8>> {
        self.write_all(&part)?;
        part.clear();
        Ok(part)
    }

    fn finish(mut self) -> io::Result<()> {
        self.flush()
    }
}

/// Puts the chunks of many threads in order.
pub struct Writer<S: Sink = Out> {
    state: Mutex<State<S>>,
    moved: Condvar,
    /// How many chunks may wait for one that is late.
    ahead: u64,
    stop: Arc<AtomicBool>,
}

struct State<S: Sink> {
    out: S,
    next: u64,
    waiting: BTreeMap<u64, S::Part>,
    failed: Option<io::Error>,
}

impl<S: Sink> Writer<S> {
    /// Writes to `out`; `stop` is set when that fails.
    #[must_use]
    pub fn new(out: S, threads: usize, stop: Arc<AtomicBool>) -> Writer<S> {
        let state = State { out, next: 0, waiting: BTreeMap::new(), failed: None };
        Writer { state: Mutex::new(state), moved: Condvar::new(), ahead: 4 * threads as u64, stop }
    }

    /// Takes a chunk's output; gives one to use on.
    pub fn put(&self, ticket: u64, part: S::Part) -> S::Part {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The thread with the oldest chunk never waits, so one always makes progress.
        while ticket > state.next + self.ahead && state.failed.is_none() {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.insert(ticket, part);
        let mut spare = S::Part::default();
        loop {
            let next = state.next;
            let Some(part) = state.waiting.remove(&next) else { break };
            if state.failed.is_none() {
                match state.out.take(part) {
                    Ok(part) => spare = part,
                    Err(error) => {
                        state.failed = Some(error);
                        self.stop.store(true, Ordering::Relaxed);
                    }
                }
            }
            state.next += 1;
        }
        self.moved.notify_all();
        spare
    }

    /// Ends the output.
    ///
    /// # Errors
    /// It could not be written.
    pub fn finish(self) -> io::Result<()> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.failed {
            Some(error) => Err(error),
            None => state.out.finish(),
        }
    }
}

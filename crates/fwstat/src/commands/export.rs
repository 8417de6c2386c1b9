//! `fwstat export`: every record that passes the filters, in the order of the input.
//!
//! Responsible for: the order: threads write their chunks one after the other.
//! Must not know: what a record looks like as data (`report::record`).
//! Tested by: `tests/cli/export.rs`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use anyhow::bail;

use super::{Beside, Outcome, format, outcome, run};
use crate::aggregate::Aggregate;
use crate::cli::{self, Format};
use crate::options::{self, Options};
use crate::record::{Field, Record};
use crate::report;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Export) -> anyhow::Result<Outcome> {
    let options = Options::new(&arguments.common, true)?;
    let form = format(&options, Format::Ndjson, &[Format::Ndjson, Format::Csv, Format::Parquet])?;
    if form == Format::Parquet {
        bail!(
            "this build writes no Parquet\n  \
             DuckDB makes it from NDJSON: fwstat export FILE > x.ndjson && \
             duckdb -c \"copy (from 'x.ndjson') to 'x.parquet'\""
        );
    }
    let fields = options::fields("--fields", &arguments.fields)?;
    let ecs = arguments.schema == cli::Schema::Ecs;
    let fields = match form {
        Format::Csv if fields.is_empty() => report::record::all_fields(),
        _ => fields,
    };
    let mut beside = None;
    let out: Box<dyn Write + Send> = match &options.output {
        _ if options.quiet => Box::new(io::sink()),
        None => Box::new(io::stdout()),
        Some(path) => {
            let file = Beside::create(path)?;
            let out = Box::new(file.file.try_clone()?);
            beside = Some(file);
            out
        }
    };
    let writer = Writer::new(out, options.plan.threads, Arc::clone(&options.feed.stop));
    if form == Format::Csv && options.look.header {
        let mut head = Vec::new();
        match ecs {
            true => report::csv::line(&mut head, report::ecs::FIELDS.iter().map(|(_, name)| *name)),
            false => report::csv::line(&mut head, fields.iter().map(|field| field.name.as_str())),
        }
        writer.header(&head);
    }
    let make =
        || Exported { writer: &writer, fields: &fields, csv: form == Format::Csv, ecs, bytes: Vec::new() };
    let (_, account, _) = run(&options, make)?;
    writer.finish()?;
    if let Some(file) = beside {
        file.done()?;
    }
    Ok(outcome(&options, &account))
}

/// One thread's records of the chunk at hand.
struct Exported<'w> {
    writer: &'w Writer,
    fields: &'w [Field],
    csv: bool,
    ecs: bool,
    bytes: Vec<u8>,
}

impl Aggregate for Exported<'_> {
    fn add(&mut self, record: &Record<'_>) {
        if self.ecs {
            report::record::ecs(&mut self.bytes, record, self.csv);
        } else if self.csv {
            report::record::csv_of(&mut self.bytes, record, self.fields);
        } else if self.fields.is_empty() {
            report::record::ndjson(&mut self.bytes, record);
        } else {
            report::record::ndjson_of(&mut self.bytes, record, self.fields);
        }
    }

    fn merge(&mut self, _: Self) {}

    fn end_of_chunk(&mut self, ticket: u64) {
        self.bytes = self.writer.put(ticket, std::mem::take(&mut self.bytes));
    }
}

/// Puts the chunks of many threads in order.
pub(crate) struct Writer {
    state: Mutex<State>,
    moved: Condvar,
    /// How many chunks may wait for one that is late.
    ahead: u64,
    stop: Arc<AtomicBool>,
}

struct State {
    out: Box<dyn Write + Send>,
    next: u64,
    waiting: BTreeMap<u64, Vec<u8>>,
    failed: Option<io::Error>,
}

impl Writer {
    pub(super) fn new(out: Box<dyn Write + Send>, threads: usize, stop: Arc<AtomicBool>) -> Writer {
        let state = State { out, next: 0, waiting: BTreeMap::new(), failed: None };
        Writer { state: Mutex::new(state), moved: Condvar::new(), ahead: 4 * threads as u64, stop }
    }

    fn header(&self, bytes: &[u8]) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).write(bytes, &self.stop);
    }

    /// Takes a chunk's output; gives a vector to use on.
    pub(crate) fn put(&self, ticket: u64, bytes: Vec<u8>) -> Vec<u8> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has the oldest chunk never waits, so somebody always moves on.
        while ticket > state.next + self.ahead && state.failed.is_none() {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.insert(ticket, bytes);
        let mut spare = Vec::new();
        loop {
            let next = state.next;
            let Some(bytes) = state.waiting.remove(&next) else { break };
            state.write(&bytes, &self.stop);
            state.next += 1;
            spare = bytes;
        }
        self.moved.notify_all();
        spare.clear();
        spare
    }

    pub(super) fn finish(self) -> io::Result<()> {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.failed.take() {
            Some(error) => Err(error),
            None => state.out.flush(),
        }
    }
}

impl State {
    fn write(&mut self, bytes: &[u8], stop: &AtomicBool) {
        if self.failed.is_none()
            && let Err(error) = self.out.write_all(bytes)
        {
            self.failed = Some(error);
            stop.store(true, Ordering::Relaxed);
        }
    }
}

//! `fwstat export`: every record that passes the filters, in the order of the input.
//!
//! Responsible for: which form a record takes. Chunks come out in order (`pipeline::order`).
//! Must not know: what a record looks like as data (`report::record`).
//! Tested by: `tests/cli/export.rs`.

use std::io::Write as _;
use std::sync::Arc;

use super::{Outcome, commit_unless_stopped, finish, format, hints, outcome, output, run, sheet};
use crate::atomic_file::AtomicFile;
use crate::cli::{self, Format};
use crate::options::{self, Options};
use crate::report::{self, diagnostics};
use fwlog::aggregate::Aggregate;
use fwlog::input::Chunk;
use fwlog::pipeline::order::{Sink, Writer};
use fwlog::record::{Field, Record};

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Export) -> anyhow::Result<Outcome> {
    let options = Options::following(&arguments.common, &arguments.follow)?;
    let form = format(&options, Format::Ndjson, Format::of("export"))?;
    let fields = options::fields("--fields", &arguments.fields, options.plan.names.as_deref())?;
    let ecs = arguments.schema == cli::Schema::Ecs;
    if form == Format::Parquet {
        return parquet(&arguments.common, &options, fields, ecs);
    }
    let sheet = sheet(form);
    let fields = if sheet.is_some() && fields.is_empty() { Field::all() } else { fields };
    let add = |out: &mut Vec<u8>, record: &Record<'_>| {
        if ecs {
            report::record::ecs(out, record, sheet);
        } else if let Some(sheet) = sheet {
            report::record::row_of(out, record, &fields, sheet);
        } else if fields.is_empty() {
            report::record::ndjson(out, record);
        } else {
            report::record::ndjson_of(out, record, &fields);
        }
    };
    let mut head = Vec::new();
    if let Some(sheet) = sheet
        && options.look.header
    {
        match ecs {
            true => sheet.line(&mut head, report::ecs::FIELDS.iter().map(|(_, name)| *name)),
            false => sheet.line(&mut head, fields.iter().map(|field| field.name.as_str())),
        }
    }
    let (mut out, beside) = output(&options)?;
    out.write_all(&head)?;
    export(&arguments.common, &options, out, beside, add)
}

/// Parquet, where the build has it.
#[cfg(feature = "parquet")]
fn parquet(
    common: &cli::Common,
    options: &Options,
    fields: Vec<Field>,
    ecs: bool,
) -> anyhow::Result<Outcome> {
    use std::io::IsTerminal as _;
    if options.output.is_none() && !options.quiet && std::io::stdout().is_terminal() {
        anyhow::bail!("Parquet is nothing for a terminal: --output FILE.parquet, or > FILE.parquet");
    }
    let mut names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        anyhow::bail!("--fields: `{}` twice, and Parquet's columns need names of their own", twice[0]);
    }
    let columns = report::parquet::Columns::new(fields, ecs);
    let (out, beside) = output(options)?;
    let file = report::parquet::File::new(out, &columns)?;
    export(common, options, file, beside, |batch, record| columns.add(batch, record))
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: &cli::Common, _: &Options, _: Vec<Field>, _: bool) -> anyhow::Result<Outcome> {
    anyhow::bail!(
        "this build writes no Parquet: `cargo install --path crates/fwstat --features parquet` makes one that does\n  \
         CSV and NDJSON hold the same columns; DuckDB turns them into Parquet: fwstat export FILE > x.ndjson && \
         duckdb -c \"copy (from 'x.ndjson') to 'x.parquet'\""
    )
}

/// Every record that passes the filters, added to its chunk's part by `add`, the parts in order.
fn export<S: Sink>(
    common: &cli::Common,
    options: &Options,
    out: S,
    beside: Option<AtomicFile>,
    add: impl Fn(&mut S::Part, &Record<'_>) + Sync,
) -> anyhow::Result<Outcome> {
    let writer = Writer::new(out, options.plan.threads, Arc::clone(&options.queue.stop));
    let make = || Exported { writer: &writer, add: &add, part: S::Part::default() };
    let (_, account, head) = run(options, make)?;
    finish(writer, options)?;
    // Records have no place for it.
    for assumption in head.assumptions.iter().filter(|_| !options.quiet) {
        diagnostics::warning(&assumption.message)?;
    }
    for hint in hints::nothing_passed(common, options, &account) {
        diagnostics::warning(&hint)?;
    }
    if let Some(file) = beside {
        commit_unless_stopped(file, options)?;
    }
    Ok(outcome(options, &account))
}

/// One thread's records of the chunk at hand.
struct Exported<'w, S: Sink, F> {
    writer: &'w Writer<S>,
    add: &'w F,
    part: S::Part,
}

impl<S: Sink, F: Fn(&mut S::Part, &Record<'_>) + Sync> Aggregate for Exported<'_, S, F> {
    fn add(&mut self, record: &Record<'_>) {
        (self.add)(&mut self.part, record);
    }

    fn merge(&mut self, _: Self) {}

    fn end_of_chunk(&mut self, chunk: &Chunk<'_>) {
        self.part = self.writer.put(chunk.ticket, std::mem::take(&mut self.part));
    }
}

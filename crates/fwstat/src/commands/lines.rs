//! `fwstat lines`: the lines of the records that pass the filters, as they are in the log.
//!
//! Responsible for: which lines are hits, and that all lines are handed on where those around hits are wanted.
//! Must not know: how a line is printed (`report::lines`).
//! Tested by: `tests/cli/lines.rs`.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::scans::{OneCampaign, campaign};
use super::{Outcome, commit_unless_stopped, finish, hints, outcome, output, pass};
use crate::cli::{self, Format};
use crate::options::Options;
use crate::report::diagnostics;
use crate::report::line_row::Row;
use crate::report::lines::{Form, Hit, Part, Printer};
use fwlog::aggregate::Aggregate;
use fwlog::filter::Filter;
use fwlog::input::Chunk;
use fwlog::pipeline::order::Writer;
use fwlog::record::Record;
use fwlog::text;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Lines) -> anyhow::Result<Outcome> {
    let asked = arguments.campaign.as_deref().map(|id| campaign(&arguments.common, id)).transpose()?;
    let options = match &asked {
        Some(asked) => asked.options()?,
        None => Options::following(&arguments.common, &arguments.follow)?,
    };
    let table = match options.format {
        None => false,
        Some(Format::Table | Format::Plain) => true,
        Some(_) => anyhow::bail!(
            "`fwstat lines` writes lines as they are, or --format table; `fwstat export` writes data"
        ),
    };
    if table && arguments.invert {
        anyhow::bail!(
            "--format table is of records, and --invert asks for lines that are none of those that pass"
        );
    }
    let names = options.queue.names();
    let terminal = options.output.is_none() && io::stdout().is_terminal();
    let named = arguments.with_filename || names.len() > 1 && !arguments.no_filename;
    let around = |own: Option<usize>| own.or(arguments.context).unwrap_or(0);
    let form = Form {
        around: (around(arguments.before_context), around(arguments.after_context)),
        first: arguments.limit.filter(|limit| *limit > 0),
        last: arguments.tail,
        count: arguments.count,
        names: if named {
            names.iter().map(|name| text::escape(name.as_bytes())).collect()
        } else {
            Vec::new()
        },
        // A table has columns of its own.
        numbers: arguments.line_number || terminal && !arguments.count && !table,
        color: options.look.color,
        escaped: terminal || table,
        table: table.then(|| options.look.clone()),
    };
    let shown = Shown {
        marks: options.look.color && !table && !arguments.count && !arguments.invert,
        rows: table && !arguments.count,
        filter: &options.plan.filter,
    };
    let whole = !arguments.count && form.around != (0, 0);
    let (out, beside) = output(&options)?;
    let (hits, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    // What is no record is wanted of all lines.
    let never = Arc::default();
    let stop = if options.rejects.is_some() { &never } else { &options.queue.stop };
    let printer = Printer::new(out, form, Arc::clone(&hits), Arc::clone(&enough), Arc::clone(stop));
    let writer = Writer::new(printer, options.plan.threads, Arc::clone(&options.queue.stop));
    let make = || Lines {
        writer: &writer,
        names: &names,
        shown,
        part: Part::default(),
        hits: Vec::new(),
        all: whole || arguments.invert,
        invert: arguments.invert,
        campaign: asked.as_ref(),
    };
    let (_, account, head) = pass(&options, make, asked.is_none())?;
    finish(writer, &options)?;
    for assumption in head.assumptions.iter().filter(|_| !options.quiet) {
        diagnostics::warning(&assumption.message)?;
    }
    for hint in hints::nothing_passed(&arguments.common, &options, &account) {
        diagnostics::warning(&hint)?;
    }
    let enough = enough.load(Ordering::Relaxed);
    match beside {
        Some(file) if enough => file.commit()?,
        Some(file) => commit_unless_stopped(file, &options)?,
        None => {}
    }
    Ok(match outcome(&options, &account) {
        Outcome::Interrupted if enough => Outcome::Found,
        Outcome::Found | Outcome::Nothing if hits.load(Ordering::Relaxed) > 0 => Outcome::Found,
        Outcome::Found => Outcome::Nothing,
        other => other,
    })
}

/// What is shown of a hit.
#[derive(Clone, Copy)]
struct Shown<'w> {
    /// Which parts the filter matched.
    marks: bool,
    /// A row instead of the line.
    rows: bool,
    filter: &'w Filter,
}

impl Shown<'_> {
    fn of(&self, record: &Record<'_>) -> Hit {
        // A record of two lines is printed as two.
        let one = memchr::memchr(b'\n', record.raw).is_none();
        Hit {
            marks: if self.marks && one { self.filter.marks(record) } else { Vec::new() },
            row: self.rows.then(|| Row::new(record)),
        }
    }
}

/// One thread's lines of the chunk at hand.
struct Lines<'w> {
    writer: &'w Writer<Printer>,
    names: &'w [String],
    shown: Shown<'w>,
    part: Part,
    /// Where hits begin in the input, and how many lines each has beside its last one.
    hits: Vec<(u64, usize, Hit)>,
    /// Whether all lines of a chunk are handed on.
    all: bool,
    invert: bool,
    /// The campaign whose lines are wanted.
    campaign: Option<&'w OneCampaign>,
}

impl Lines<'_> {
    /// Every line of a chunk: what is a hit is known by where it begins.
    fn whole(&mut self, chunk: &Chunk<'_>) {
        let lines: Vec<&[u8]> =
            chunk.bytes.strip_suffix(b"\n").unwrap_or(chunk.bytes).split(|b| *b == b'\n').collect();
        let mut hit: Vec<Option<Hit>> = vec![None; lines.len()];
        let mut hits = std::mem::take(&mut self.hits).into_iter().peekable();
        let mut offset = chunk.offset;
        for (at, line) in lines.iter().enumerate() {
            if let Some((_, above, found)) = hits.next_if(|(begin, ..)| *begin == offset) {
                hit[at.saturating_sub(above)..=at].fill(Some(found));
            }
            offset += line.len() as u64 + 1;
        }
        for ((at, line), hit) in (0u64..).zip(&lines).zip(hit) {
            let (source, number) = match chunk.heads.and_then(|heads| heads.get(at)) {
                Some(head) => (head.source, head.line),
                None => (chunk.source, chunk.first_line.unwrap_or(1) + at),
            };
            let hit = if self.invert { hit.is_none().then(Hit::default) } else { hit };
            self.part.add(line, source, number, hit);
        }
    }
}

impl Aggregate for Lines<'_> {
    fn add(&mut self, record: &Record<'_>) {
        if self.campaign.is_some_and(|campaign| !campaign.has(record)) {
            return;
        }
        let (source, offset) = record.at();
        if self.all {
            let above = memchr::memchr_iter(b'\n', record.raw).count();
            self.hits.push((offset, above, self.shown.of(record)));
            return;
        }
        // A chunk of journals' entries is of several files.
        let same = self.names.get(source).is_some_and(|name| name == record.file());
        let named = || self.names.iter().position(|name| name == record.file());
        let source = if same { source } else { named().unwrap_or(source) };
        self.part.add(record.raw, source, record.line_number(), Some(self.shown.of(record)));
    }

    fn merge(&mut self, _: Self) {}

    fn needs_time(&self) -> bool {
        self.shown.rows || self.campaign.is_some()
    }

    fn end_of_chunk(&mut self, chunk: &Chunk<'_>) {
        if self.all {
            self.whole(chunk);
        }
        self.part = self.writer.put(chunk.ticket, std::mem::take(&mut self.part));
    }
}

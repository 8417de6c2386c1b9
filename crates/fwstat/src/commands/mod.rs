//! The commands: options -> pipeline -> result -> report. One short file each.
//!
//! Responsible for: which aggregates a command needs, and which report it makes.
//! Must not know: how lines are read or how a form of output is written.
//! Tested by: `tests/cli`.

mod assumptions;
pub mod check;
pub mod explain;
pub mod export;
mod hints;
pub mod lines;
mod names;
pub mod overview;
mod passes;
pub mod replay;
pub mod report;
pub mod suggest;
pub mod suggest_interactive;
mod suggest_print;
pub mod timeline;
pub mod top;
#[cfg(feature = "watch")]
pub mod watch;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::atomic_file::AtomicFile;
use crate::cli::Format;
use crate::options::Options;
use crate::progress::Progress;
use crate::report::csv::Delimiter;
use crate::report::style::RenderOptions;
use crate::report::{Head, diagnostics, stats};
use fwlog::aggregate::Aggregate;
use fwlog::pipeline::order::{Out, Sink, Writer};
use fwlog::pipeline::{self, Account};
use fwlog::text;

/// Result of a command; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something was found: 0.
    Found,
    /// Nothing was found: 1.
    Nothing,
    /// Some input could not be read; what could be was reported: 2.
    Failed,
    /// Interrupted; partial results were printed: 130.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Found => 0,
            Outcome::Nothing => 1,
            Outcome::Failed => 2,
            Outcome::Interrupted => 130,
        })
    }
}

/// Reads everything, and reports what could not be read.
fn run<A: Aggregate>(options: &Options, make: impl Fn() -> A + Sync) -> anyhow::Result<(A, Account, Head)> {
    pass(options, make, true)
}

/// Reads everything; if this is the `first` time, reports what could not be read.
fn pass<A: Aggregate>(
    options: &Options,
    make: impl Fn() -> A + Sync,
    first: bool,
) -> anyhow::Result<(A, Account, Head)> {
    // First Ctrl-C: stop and print partial results. Second: exit at once.
    let stop = &options.queue.stop;
    // What has no end but this one ends well with it.
    let signals = if options.endless { &[SIGINT, SIGTERM, SIGHUP][..] } else { &[SIGINT, SIGTERM] };
    for signal in signals.iter().copied() {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(stop))?;
        signal_hook::flag::register(signal, Arc::clone(stop))?;
    }
    let asked = names::before(options)?;
    let rejects = match &options.rejects {
        Some(path) => {
            let file = AtomicFile::create(path)?;
            let out: Out = Box::new(file.writer()?);
            Some((Writer::new(out, options.plan.threads, Arc::clone(stop)), file))
        }
        None => None,
    };
    let started = Instant::now();
    let progress =
        options.progress.then(|| Progress::start(Arc::clone(&options.queue.taken), options.queue.size()));
    let writer = rejects.as_ref().map(|(writer, _)| writer);
    let (mut aggregate, mut account) = pipeline::run(&options.queue, &options.plan, writer, &make)?;
    let assumed = &options.plan.clock.assumed;
    if writer.is_none() && options.queue.begin_anew(assumed.far.load(Ordering::Relaxed) > 0) {
        options.plan.clock.begin_anew();
        (aggregate, account) = pipeline::run(&options.queue, &options.plan, writer, &make)?;
    }
    drop(progress);
    if let Some((writer, file)) = rejects {
        writer.finish()?;
        commit_unless_stopped(file, options)?;
    }
    if first {
        diagnostics::input_errors(&options.queue.errors())?;
        print_diagnostics(options, &account, started.elapsed())?;
    }
    let assumptions = assumptions::all(options, &account);
    let mut notes = options.queue.notes();
    notes.extend(assumptions.iter().map(|assumption| assumption.message.clone()));
    if options.verbose {
        notes.extend(options.queue.remarks());
    }
    notes.extend(asked);
    notes.extend(foreign(&options.look, &account));
    notes.extend(unread(&options.look, &account));
    notes.extend(doubtful_hosts(&options.look, &account));
    let partial = options.queue.stop.load(Ordering::Relaxed);
    if partial {
        notes.insert(0, "interrupted: partial counts".to_owned());
    }
    let files = options.queue.names();
    let mut head = Head::new(files, options.filters.clone(), &account, &options.plan.clock, notes);
    head.partial = partial;
    head.assumptions = assumptions;
    Ok((aggregate, account, head))
}

/// What is said on standard error about the reading: `--strict`, `--stats`, `-v`.
fn print_diagnostics(options: &Options, account: &Account, took: Duration) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    let files = options.queue.names();
    if let (true, Some((why, seen))) = (options.strict, account.first_damaged()) {
        let lines = text::count_of(account.totals.damaged, "line is", "lines are");
        diagnostics::error(&format!("{}: {lines} corrupt: {why}", seen.first.in_files(&files)))?;
    }
    if options.stats {
        out.write_all(stats::text(account, &files, options.queue.taken(), took).as_bytes())?;
    } else if options.verbose {
        writeln!(out, "fwstat: {}", stats::line(account, took))?;
    }
    Ok(())
}

/// What helps where an envelope is not understood.
const WAY_OUT: &str = "--envelope '(?<time>...) (?<host>...)' says what comes before the prefix";

/// What is said about envelopes that were not understood.
fn unread(look: &RenderOptions, account: &Account) -> Option<String> {
    if let Some((seen, prefix)) = &account.unread.found {
        let packets = look.count_of(seen.count, "packet has", "packets have");
        return Some(format!(
            "{packets} an envelope that was not understood: it is part of the prefix, as in `{}`; times, hosts and counts by \
             prefix are not those of the log; {WAY_OUT}",
            text::escape(prefix)
        ));
    }
    let (different, among, prefix) = account.unread.differ()?;
    Some(format!(
        "{} of {} have a prefix of their own, as `{}`: an envelope may be part of it; {WAY_OUT}",
        look.number(different),
        look.count_of(among, "packet", "packets"),
        text::escape(prefix)
    ))
}

/// What is said about hosts that may be prefixes.
fn doubtful_hosts(look: &RenderOptions, account: &Account) -> Option<String> {
    let (seen, host) = account.unread.hosts.as_ref()?;
    let packets = look.count_of(seen.count, "packet has", "packets have");
    Some(format!(
        "{packets} one word before `IN=`, as `{}`: it counts as the host, and may be the prefix; {WAY_OUT}",
        text::escape(host)
    ))
}

/// What is said about records that the kernel did not write.
fn foreign(look: &RenderOptions, account: &Account) -> Option<String> {
    const NAMED: usize = 3;
    if account.foreign == 0 {
        return None;
    }
    let writers = account.writers();
    let programs: Vec<_> = writers
        .iter()
        .filter(|(name, _, _)| !matches!(*name, b"kernel" | b"ulogd" | b"pvefw-logger"))
        .collect();
    let named: Vec<String> = programs
        .iter()
        .take(NAMED)
        .map(|(name, count, _)| format!("{} ({})", text::escape(name), look.number(*count)))
        .collect();
    let more = if programs.len() > NAMED { " ..." } else { "" };
    let records = look.count_of(account.foreign, "record was", "records were");
    Some(format!(
        "{records} not written by the kernel, but by {}{more}: any user can write such lines (--where 'writer = \"kernel\"')",
        named.join(", ")
    ))
}

/// Result of a run.
fn outcome(options: &Options, account: &Account) -> Outcome {
    if options.queue.stop.load(Ordering::Relaxed) && !options.endless {
        Outcome::Interrupted
    } else if !options.queue.errors().is_empty() || (options.strict && account.totals.damaged > 0) {
        Outcome::Failed
    } else if account.totals.matched > 0 {
        Outcome::Found
    } else {
        Outcome::Nothing
    }
}

/// Writes a report where it belongs. Where nothing could be read there is nothing to report.
fn write(options: &Options, account: &Account, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = account.totals.lines == 0 && !options.queue.errors().is_empty();
    if options.quiet || failed {
        return Ok(());
    }
    match &options.output {
        None => {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush()).context("standard output")?;
        }
        Some(path) => replace(path, bytes)?,
    }
    told_again(options)
}

/// Says once more, after what was printed, which inputs could not be read: their errors may have scrolled away.
fn told_again(options: &Options) -> anyhow::Result<()> {
    let errors = options.queue.errors();
    if errors.is_empty() || options.quiet {
        return Ok(());
    }
    let names: Vec<String> = errors.iter().take(5).map(|error| text::escape(error.name.as_bytes())).collect();
    let more = if errors.len() > 5 { format!(" and {} more", errors.len() - 5) } else { String::new() };
    diagnostics::error(&format!("not all of it was read: {}{more} (see above)", names.join(", ")))?;
    Ok(())
}

/// Writes a file at once or not at all.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let file = AtomicFile::create(path)?;
    file.writer()?.write_all(bytes).with_context(|| path.display().to_string())?;
    file.commit()
}

/// Where a long output goes, and the file that takes its name at the end.
fn output(options: &Options) -> anyhow::Result<(Out, Option<AtomicFile>)> {
    Ok(match &options.output {
        _ if options.quiet => (Box::new(io::sink()), None),
        None => (Box::new(io::stdout()), None),
        Some(path) => {
            let file = AtomicFile::create(path)?;
            (Box::new(file.writer()?), Some(file))
        }
    })
}

/// Ends a long output; an error says where it went.
fn finish<S: Sink>(writer: Writer<S>, options: &Options) -> anyhow::Result<()> {
    writer.finish().with_context(|| match &options.output {
        Some(path) => path.display().to_string(),
        None => "standard output".to_owned(),
    })?;
    options.queue.keep_places();
    told_again(options)
}

/// Gives a file its name, unless the reading was interrupted: records have no mark that says that
/// some are missing.
fn commit_unless_stopped(file: AtomicFile, options: &Options) -> anyhow::Result<()> {
    if !options.queue.stop.load(Ordering::Relaxed) || !file.is_atomic() {
        return file.commit();
    }
    let name = text::escape(file.target().to_string_lossy().as_bytes());
    writeln!(anstream::stderr(), "fwstat: {name}: interrupted, so it was not written")?;
    Ok(())
}

/// The form of output: the one asked for, if the command has it.
fn format(options: &Options, default: Format, known: &[Format]) -> anyhow::Result<Format> {
    let by_name = || match options.output.as_ref()?.extension()?.to_str()? {
        "json" => Some(Format::Json),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "csv" => Some(Format::Csv),
        "tsv" => Some(Format::Tsv),
        "md" => Some(Format::Markdown),
        "parquet" => Some(Format::Parquet),
        "html" | "htm" => Some(Format::Html),
        _ => None,
    };
    let format = match options.format.or_else(by_name).unwrap_or(default) {
        // The same words; `options.look` has nothing of a terminal in it.
        Format::Plain if known.contains(&Format::Table) => Format::Table,
        format => format,
    };
    if !known.contains(&format) {
        let name = |format: &Format| format!("{format:?}").to_lowercase();
        let names: Vec<String> = known.iter().map(name).collect();
        bail!("this command does not write {}, but {}", name(&format), names.join(", "));
    }
    Ok(format)
}

/// The kind of sheet that a form is, if it is one.
fn sheet(format: Format) -> Option<Delimiter> {
    match format {
        Format::Csv => Some(Delimiter::Csv),
        Format::Tsv => Some(Delimiter::Tsv),
        _ => None,
    }
}

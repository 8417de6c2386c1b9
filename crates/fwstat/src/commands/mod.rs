//! The commands: options -> pipeline -> result -> report. One short file each.
//!
//! Responsible for: which aggregates a command needs, and which report it makes.
//! Must not know: how lines are read or how a form of output is written.
//! Tested by: `tests/cli`.

pub mod check;
pub mod explain;
pub mod export;
pub mod overview;
pub mod replay;
pub mod suggest;
pub mod suggest_interactive;
pub mod timeline;
pub mod top;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::aggregate::Aggregate;
use crate::cli::Format;
use crate::options::Options;
use crate::pipeline::{self, Account};
use crate::progress::Progress;
use crate::report::Head;
use crate::report::csv::Sheet;

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something was found: 0.
    Found,
    /// Nothing was found: 1.
    Nothing,
    /// Some input could not be read; what could be was reported: 2.
    Failed,
    /// Somebody pressed Ctrl-C; what was counted so far was reported: 130.
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
    // Ctrl-C once: report what there is. Twice: go away.
    let stop = &options.feed.stop;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(stop))?;
        signal_hook::flag::register(signal, Arc::clone(stop))?;
    }
    let progress =
        options.progress.then(|| Progress::start(Arc::clone(&options.feed.taken), options.feed.size()));
    let (aggregate, account) = pipeline::run(&options.feed, &options.plan, make)?;
    drop(progress);
    let errors = options.feed.errors();
    crate::complain(&errors)?;
    let mut notes = notes(options, &account);
    let partial = options.feed.stop.load(Ordering::Relaxed);
    if partial {
        notes.insert(0, "interrupted: this is what was counted so far".to_owned());
    }
    let files = options.feed.names();
    let mut head = Head::new(files, options.filters.clone(), &account, &options.plan.clock, notes);
    head.partial = partial;
    Ok((aggregate, account, head))
}

/// What had to be assumed.
fn notes(options: &Options, account: &Account) -> Vec<String> {
    use std::sync::atomic::Ordering::Relaxed;
    let look = &options.look;
    let assumed = &options.plan.clock.assumed;
    let mut notes = options.feed.notes();
    let lines = |n: u64| look.count_of(n, "line", "lines");
    let asked = options.plan.filter.needs_time();
    let year = assumed.year.load(Relaxed);
    if year > 0 && (asked || options.verbose) {
        notes.push(format!(
            "{} without a year: it was found from the time the file was written (--year)",
            lines(year)
        ));
    }
    let zone = assumed.zone.load(Relaxed);
    if zone > 0 && (asked || options.verbose) {
        let name = options.plan.clock.zone.iana_name().unwrap_or("the local one");
        notes.push(format!("{} without a zone: taken as {name} (--tz)", lines(zone)));
    }
    for (n, what) in [
        (
            assumed.repeated_hour.load(Relaxed),
            "in an hour that the clocks repeat: taken as the first of the two",
        ),
        (assumed.skipped_hour.load(Relaxed), "in an hour that the clocks leave out: moved forward"),
    ] {
        if n > 0 {
            notes.push(format!("{} {what}", lines(n)));
        }
    }
    if account.timeless > 0 && asked {
        let relative = assumed.relative.load(Relaxed);
        let hint = if relative > 0 { "; stamps that count from the start need --boot-time" } else { "" };
        notes.push(format!(
            "{} without a known time: left out by --since and --until{hint}",
            lines(account.timeless)
        ));
    }
    notes
}

/// What came of a run.
fn outcome(options: &Options, account: &Account) -> Outcome {
    if options.feed.stop.load(Ordering::Relaxed) {
        Outcome::Interrupted
    } else if !options.feed.errors().is_empty() {
        Outcome::Failed
    } else if account.totals.matched > 0 {
        Outcome::Found
    } else {
        Outcome::Nothing
    }
}

/// Writes a report where it belongs. Where nothing could be read there is nothing to report.
fn write(options: &Options, account: &Account, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = account.totals.lines == 0 && !options.feed.errors().is_empty();
    if options.quiet || failed {
        return Ok(());
    }
    match &options.output {
        None => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()?;
            Ok(())
        }
        Some(path) => replace(path, bytes),
    }
}

/// Writes a file beside `path` and renames it, so that nobody sees half of it.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = Beside::create(path)?;
    file.file.write_all(bytes).with_context(|| path.display().to_string())?;
    file.done()
}

/// A file that takes its name when it is complete.
#[derive(Debug)]
pub struct Beside {
    file: std::fs::File,
    here: std::path::PathBuf,
    name: std::path::PathBuf,
    done: bool,
}

impl Beside {
    /// Creates it beside `path`.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn create(path: &Path) -> anyhow::Result<Beside> {
        let mut here = path.as_os_str().to_owned();
        here.push(format!(".{}.part", std::process::id()));
        let here = std::path::PathBuf::from(here);
        let file = std::fs::File::create(&here).with_context(|| path.display().to_string())?;
        Ok(Beside { file, here, name: path.to_owned(), done: false })
    }

    /// A second handle to write to.
    ///
    /// # Errors
    /// The system has none left.
    pub fn try_clone(&self) -> io::Result<std::fs::File> {
        self.file.try_clone()
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn done(mut self) -> anyhow::Result<()> {
        self.file.sync_all().with_context(|| self.name.display().to_string())?;
        std::fs::rename(&self.here, &self.name).with_context(|| self.name.display().to_string())?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.done {
            let _ = std::fs::remove_file(&self.here);
        }
    }
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
        _ => None,
    };
    let format = match options.format.or_else(by_name).unwrap_or(default) {
        // The same words; `options.look` has nothing of a terminal in it.
        Format::Plain if known.contains(&Format::Table) => Format::Table,
        format => format,
    };
    if !known.contains(&format) {
        let names: Vec<String> = known.iter().map(|format| format!("{format:?}").to_lowercase()).collect();
        bail!(
            "this command does not write {}: --format {}",
            format!("{format:?}").to_lowercase(),
            names.join(", ")
        );
    }
    Ok(format)
}

/// The kind of sheet that a form is, if it is one.
fn sheet(format: Format) -> Option<Sheet> {
    match format {
        Format::Csv => Some(Sheet::Csv),
        Format::Tsv => Some(Sheet::Tsv),
        _ => None,
    }
}

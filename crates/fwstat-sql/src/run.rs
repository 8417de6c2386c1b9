//! The program: where the query comes from, what it reads, where its rows go.
//!
//! Responsible for: a query of the command line, of a file or of standard input; what is said on standard
//! error; the exit code.
//! Must not know: how a query is done.
//! Tested by: `tests/cli.rs`.

use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use datafusion::prelude::SessionContext;
use fwstat::atomic_file::AtomicFile;
use fwstat::cli::Format;
use fwstat::commands::Outcome;
use fwstat::options::Options;
use fwstat::report::diagnostics;
use fwstat::whole_file;
use tokio::runtime::Runtime;

use crate::cli::{Cli, is_query};
use crate::logs::Logs;
use crate::output::FORMS;
use crate::query::{self, Failure, Style};
use crate::session::{self, Limits};
use crate::{errors, shell};

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn run(cli: &Cli) -> anyhow::Result<Outcome> {
    let mut cli = cli.clone();
    let typed = cli.common.files.first().filter(|word| is_query(word)).cloned();
    let typed = typed.map(|word| {
        cli.common.files.remove(0);
        word.to_string_lossy().into_owned()
    });
    let text = match (typed, &cli.query_file) {
        (Some(_), Some(_)) => bail!("a query is typed, and --file names another"),
        (Some(text), None) => Some(text),
        (None, Some(path)) if path.as_os_str() != "-" => {
            let name = || path.display().to_string();
            Some(whole_file::text(path, whole_file::LIST).with_context(name)?)
        }
        (None, None) if io::stdin().is_terminal() => None,
        (None, _) => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).context("standard input, which has the query")?;
            // What was the query is no log.
            if cli.common.files.is_empty() && cli.common.input.root.is_none() {
                cli.common.input.root = Some(PathBuf::from("/"));
            }
            Some(text)
        }
    };
    let opened = Opened::new(&cli)?;
    let runtime = runtime(opened.limits.partitions)?;
    let outcome = match text {
        Some(text) => once(&cli, &text, &opened, &runtime),
        None => shell::run(&cli, opened, &runtime),
    };
    // Threads that still read for nobody are not waited for.
    runtime.shutdown_background();
    outcome
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

/// What a statement is run with: the logs as they are now.
pub struct Opened {
    /// The logs.
    pub logs: Arc<Logs>,
    /// How results are written.
    pub style: Style,
    /// What may be used.
    pub limits: Limits,
    output: Option<PathBuf>,
    quiet: bool,
    verbose: bool,
    strict: bool,
}

impl Opened {
    /// Looks at the surroundings.
    ///
    /// # Errors
    /// An option makes no sense.
    pub fn new(cli: &Cli) -> anyhow::Result<Opened> {
        if cli.common.input.accounting.rejects.is_some() {
            bail!("--rejects is of other commands: here lines that are no packets are the table `rest`");
        }
        let options = Options::new(&cli.common, false)?;
        let form = options.format.unwrap_or(Format::Table);
        if !FORMS.contains(&form) {
            bail!("--format: there are table, csv, tsv, json, ndjson and markdown");
        }
        let partitions = options.plan.threads;
        let Options { plan, queue, look, output, quiet, verbose, strict, .. } = options;
        Ok(Opened {
            logs: Arc::new(Logs::new(queue, plan, cli.whole)),
            style: Style { form, look, limit: cli.rows },
            limits: Limits { partitions, memory: cli.memory.unwrap_or_else(session::default_memory) },
            output,
            quiet,
            verbose,
            strict,
        })
    }

    /// Says what could not be read, and which lines are no packets; whether all is well.
    ///
    /// # Errors
    /// Standard error cannot be written to.
    pub fn tell(&self, sql: &str) -> io::Result<bool> {
        let found = self.logs.found();
        diagnostics::input_errors(&found.errors)?;
        let totals = found.totals;
        let rest = totals.other + totals.damaged;
        let look = &self.style.look;
        if self.strict && totals.damaged > 0 {
            let lines = look.count_of(totals.damaged, "line is", "lines are");
            diagnostics::error(&format!("{lines} corrupt: SELECT * FROM rest WHERE class = 'damaged'"))?;
        } else if !self.quiet && totals.lines > 0 && rest == totals.lines && !sql.contains("rest") {
            diagnostics::warning("no line is a packet: SELECT why, count(*) FROM rest GROUP BY 1")?;
        } else if self.verbose && rest > 0 {
            let lines = look.count_of(totals.lines, "line", "lines");
            diagnostics::warning(&format!(
                "{lines} read, {} of them no packets: SELECT why, count(*) FROM rest GROUP BY 1",
                look.number(rest)
            ))?;
        }
        Ok(found.errors.is_empty() && !(self.strict && totals.damaged > 0))
    }
}

/// The statements of a text, one after the other; the rows of the last one decide the exit code.
fn once(cli: &Cli, text: &str, opened: &Opened, runtime: &Runtime) -> anyhow::Result<Outcome> {
    let context = session::session(opened.limits)?;
    session::open(&context, &opened.logs)?;
    let statements = match query::statements(text) {
        Ok(statements) if statements.is_empty() => bail!("the query is empty"),
        Ok(statements) => statements,
        Err(error) => return Ok(failed(&Failure::Query(error), text)),
    };
    let file = opened.output.as_deref().map(AtomicFile::create).transpose()?;
    let mut out: Box<dyn Write> = match &file {
        Some(file) => Box::new(io::BufWriter::new(file.writer()?)),
        None if opened.quiet => Box::new(io::sink()),
        None => Box::new(io::BufWriter::with_capacity(64 << 10, io::stdout())),
    };
    let mut rows = 0;
    for sql in &statements {
        let ran = runtime.block_on(statement(cli, &context, opened, sql, &mut *out));
        match ran {
            Ok(count) => rows = count,
            Err(Failure::Output(error)) if is_broken_pipe(&error) => return Ok(Outcome::Found),
            Err(failure) => {
                opened.tell(sql)?;
                return Ok(failed(&failure, sql));
            }
        }
    }
    out.flush()?;
    drop(out);
    if let Some(file) = file {
        file.commit()?;
    }
    match opened.tell(text)? {
        true if rows > 0 => Ok(Outcome::Found),
        true => Ok(Outcome::Nothing),
        false => Ok(Outcome::Failed),
    }
}

async fn statement(
    cli: &Cli,
    context: &SessionContext,
    opened: &Opened,
    sql: &str,
    out: &mut dyn Write,
) -> Result<u64, Failure> {
    match cli.explain {
        true => query::explain(context, sql, &opened.style, out).await,
        false => query::run(context, &opened.logs, sql, &opened.style, out).await,
    }
}

/// Says why a statement failed.
pub fn failed(failure: &Failure, sql: &str) -> Outcome {
    let text = match failure {
        Failure::Cancelled => return Outcome::Interrupted,
        Failure::Query(error) => errors::message(error, sql),
        Failure::Output(error) => {
            diagnostics::fatal(error);
            return Outcome::Failed;
        }
    };
    // Where standard error is gone, nobody can be told.
    let _ = diagnostics::error(&text);
    Outcome::Failed
}

/// Whether an error is nothing but a reader that went away.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(broken))
}

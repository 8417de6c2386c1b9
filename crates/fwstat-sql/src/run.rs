//! The program: where the query comes from, what it reads, where its rows go.
//!
//! Responsible for: a query of the command line, of a file or of standard input; the exit code.
//! Must not know: how a query is done.
//! Tested by: `tests/sql/program.rs`.

use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use datafusion::prelude::SessionContext;
use fwstat::atomic_file::AtomicFile;
use fwstat::commands::Outcome;
use fwstat::whole_file;
use tokio::runtime::Runtime;

use crate::cli::{Cli, is_query, misplaced};
use crate::opened::{Opened, failed, is_broken_pipe};
use crate::query::{self, Failure};
use crate::{session, shell};

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
    if let Some(words) = misplaced(typed.as_deref(), &cli.common.files) {
        bail!(words);
    }
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
    // Threads that still read what is not wanted any more are not waited for.
    runtime.shutdown_background();
    outcome
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

/// The statements of a text, one after the other; the rows of the last one decide the exit code.
fn once(cli: &Cli, text: &str, opened: &Opened, runtime: &Runtime) -> anyhow::Result<Outcome> {
    let context = runtime.block_on(opened.session(cli))?;
    session::open(&context, &opened.logs, &opened.exports)?;
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
        true if opened.logs.origin().is_some() => {
            query::run(context, &opened.logs, &format!("EXPLAIN {sql}"), &opened.style, out).await
        }
        true => query::explain(context, sql, &opened.style, out).await,
        false => query::run(context, &opened.logs, sql, &opened.style, out).await,
    }
}

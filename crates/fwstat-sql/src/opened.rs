//! What a statement is run with, and what is said about it afterwards.
//!
//! Responsible for: what the command line means here and now; messages on standard error.
//! Must not know: where statements come from.
//! Tested by: `tests/sql/program.rs`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use datafusion::prelude::SessionContext;
use fwlog::input::InputError;
use fwlog::text;
use fwstat::cli::Format;
use fwstat::commands::Outcome;
use fwstat::options::Options;
use fwstat::report::diagnostics;

use crate::cli::Cli;
#[cfg(feature = "cluster")]
use crate::cluster;
use crate::errors;
use crate::exports::{self, Exports};
use crate::logs::Logs;
#[cfg(feature = "s3")]
use crate::objects;
use crate::output::FORMS;
use crate::query::{Failure, Style};
use crate::session::{self, Limits};

/// What a statement is run with: the logs as they are now.
pub struct Opened {
    /// The logs.
    pub logs: Arc<Logs>,
    /// Parquet files with rows of the same table.
    pub exports: Exports,
    /// How results are written.
    pub style: Style,
    /// What may be used.
    pub limits: Limits,
    /// Where the rows go, if not to standard output.
    pub output: Option<PathBuf>,
    /// Nothing but the exit code.
    pub quiet: bool,
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
        let mut common = cli.common.clone();
        let exports = exports::take(&mut common.files);
        let (objects, missing) = remote(&mut common.files)?;
        let no_raw =
            !(exports.is_empty() && objects.is_empty() && missing.is_empty()) && common.files.is_empty();
        let options = Options::of_logs(&common, no_raw)?;
        let other = options.filters.keys().find(|name| !matches!(name.as_str(), "since" | "until"));
        if let (Some(name), Some(export)) = (other, exports.first()) {
            let name = match name.as_str() {
                "in" => "--in-interface".to_owned(),
                "out" => "--out-interface".to_owned(),
                "family" => "-4 or -6".to_owned(),
                name => format!("--{name}"),
            };
            let export = text::escape(export.to_string_lossy().as_bytes());
            bail!(
                "{name} is tested on raw lines, and {export} is Parquet, which has none: use WHERE in the query"
            );
        }
        let (exports, errors) = Exports::new(exports, options.span);
        let form = options.format.unwrap_or(Format::Table);
        if !FORMS.contains(&form) {
            bail!("--format: there are table, csv, tsv, json, ndjson and markdown");
        }
        let partitions = options.plan.threads;
        let Options { plan, mut queue, look, output, quiet, verbose, strict, .. } = options;
        let sent: Vec<serde_json::Value> = objects.iter().map(|object| object.described()).collect();
        objects.into_iter().for_each(|object| queue.add_object(object));
        let mut logs = Logs::new(queue, plan, cli.whole);
        if cli.cluster.is_some() {
            logs = logs.of_cluster(described(&Cli { common, ..cli.clone() }, no_raw, &sent)?);
        }
        logs.note(errors, None);
        logs.note(missing, None);
        Ok(Opened {
            logs: Arc::new(logs),
            exports,
            style: Style { form, look, limit: cli.rows },
            limits: Limits { partitions, memory: cli.memory.unwrap_or_else(session::default_memory) },
            output,
            quiet,
            verbose,
            strict,
        })
    }

    /// A session: here, or one of a cluster.
    ///
    /// # Errors
    /// The cluster's scheduler cannot be reached, or an option is of a cluster.
    pub async fn session(&self, cli: &Cli) -> anyhow::Result<SessionContext> {
        #[cfg(feature = "cluster")]
        if let Some(scheduler) = &cli.cluster {
            cluster::reach(scheduler).await?;
            let partitions = cli.partitions.map(usize::from);
            return Ok(cluster::session(scheduler, self.logs.size(), partitions)?);
        }
        if cli.partitions.is_some() {
            bail!("--partitions is of a cluster: here --threads says how many parts there are");
        }
        Ok(session::session(self.limits)?)
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

/// Takes the objects of stores out of a list of files, and what cannot be found.
#[cfg(feature = "s3")]
fn remote(files: &mut Vec<PathBuf>) -> anyhow::Result<(Vec<Arc<objects::Log>>, Vec<InputError>)> {
    Ok(objects::found(&objects::take(files)))
}

/// What there is none of without stores.
#[cfg(not(feature = "s3"))]
#[derive(Debug)]
enum NoObject {}

#[cfg(not(feature = "s3"))]
impl NoObject {
    fn described(&self) -> serde_json::Value {
        match *self {}
    }
}

#[cfg(not(feature = "s3"))]
impl fwlog::input::stored::Object for NoObject {
    fn name(&self) -> &str {
        match *self {}
    }

    fn size(&self) -> u64 {
        match *self {}
    }

    fn written(&self) -> Option<std::time::SystemTime> {
        match *self {}
    }

    fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
        match *self {}
    }
}

/// Without stores there is none.
#[cfg(not(feature = "s3"))]
fn remote(files: &mut Vec<PathBuf>) -> anyhow::Result<(Vec<Arc<NoObject>>, Vec<InputError>)> {
    match files.iter().find(|file| file.to_string_lossy().starts_with("s3://")) {
        Some(file) => bail!(
            "{}: this fwstat-sql was built without S3:\n  \
             cargo install --locked --path crates/fwstat-sql --features s3",
            text::escape(file.to_string_lossy().as_bytes())
        ),
        None => Ok(Default::default()),
    }
}

#[cfg(feature = "cluster")]
fn described(cli: &Cli, may_be_none: bool, objects: &[serde_json::Value]) -> anyhow::Result<String> {
    cluster::describe(cli, may_be_none, objects)
}

#[cfg(not(feature = "cluster"))]
fn described(_: &Cli, _: bool, _: &[serde_json::Value]) -> anyhow::Result<String> {
    bail!(
        "--cluster: this fwstat-sql was built without it:\n  \
         cargo install --locked --path crates/fwstat-sql --features cluster"
    )
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
    // Without standard error it cannot be said.
    let _ = diagnostics::error(&text);
    Outcome::Failed
}

/// Whether an error is nothing but a reader that went away.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(broken))
}

//! One statement: planned, run, written, and cancelled if the user says so.
//!
//! Responsible for: rows as they come; reading again where the first reading showed that files must be
//! read from their beginning.
//! Must not know: where statements come from.
//! Tested by: `tests/sql/rows.rs`, `tests/sql/program.rs`.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::DFParser;
use futures::StreamExt as _;
use fwstat::cli::Format;
use fwstat::report::style::RenderOptions;

use crate::explain;
use crate::logs::{Logs, ReadWhole};
use crate::output::Output;

/// So many rows are held before the first is written: until then, reading can begin anew.
const HELD: usize = 1 << 16;

/// How results are written.
#[derive(Clone, Debug)]
pub struct Style {
    /// The form.
    pub form: Format,
    /// What a table looks like.
    pub look: RenderOptions,
    /// Rows of a table that are shown; 0 is all.
    pub limit: usize,
}

/// Why there is no result, or not all of it.
#[derive(Debug)]
pub enum Failure {
    /// The query cannot be done.
    Query(DataFusionError),
    /// The result cannot be written.
    Output(anyhow::Error),
    /// The user did not want it any more.
    Cancelled,
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Failure {
        Failure::Query(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Output(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Output(error.into())
    }
}

/// The statements of a text, each as it was written.
///
/// # Errors
/// One of them is no SQL.
pub fn statements(text: &str) -> Result<Vec<String>> {
    let parsed = DFParser::parse_sql(text)?;
    match parsed.len() {
        // As typed, so that places of errors are right.
        0 | 1 => Ok(parsed.iter().map(|_| text.to_owned()).collect()),
        _ => Ok(parsed.iter().map(ToString::to_string).collect()),
    }
}

/// Runs one statement; how many rows it gave. An interruption (Ctrl-C) ends it.
///
/// # Errors
/// See [`Failure`].
pub async fn run(
    context: &SessionContext,
    logs: &Logs,
    sql: &str,
    style: &Style,
    out: &mut dyn Write,
) -> std::result::Result<u64, Failure> {
    let running = Running::default();
    let done = tokio::select! {
        done = attempts(context, logs, sql, style, out, &running) => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::Cancelled),
    };
    if matches!(done, Err(Failure::Cancelled | Failure::Output(_))) {
        running.cancel(context).await;
    }
    done
}

/// The plan that is run.
#[derive(Default)]
struct Running(Mutex<Option<Arc<dyn ExecutionPlan>>>);

impl Running {
    /// Here dropping the stream is enough; a cluster has to be told.
    async fn cancel(&self, context: &SessionContext) {
        let plan = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        #[cfg(feature = "cluster")]
        if let Some(plan) = plan {
            crate::cluster::cancel(context, &plan).await;
        }
        #[cfg(not(feature = "cluster"))]
        let _ = (plan, context);
    }
}

async fn attempts(
    context: &SessionContext,
    logs: &Logs,
    sql: &str,
    style: &Style,
    out: &mut dyn Write,
    running: &Running,
) -> std::result::Result<u64, Failure> {
    if let Some(asked) = explained(sql).filter(|_| logs.origin().is_none()) {
        return explain(context, asked, style, out).await;
    }
    let (schema, mut stream) = begin(context, sql, running).await?;
    let (held, done) = match hold(&mut stream).await {
        Err(error) if asks_for_whole(&error) => {
            drop(stream);
            logs.read_whole();
            stream = begin(context, sql, running).await?.1;
            hold(&mut stream).await?
        }
        other => other?,
    };
    if style.form == Format::Table
        && schema.fields().iter().map(|field| field.name()).eq(["plan_type", "plan"])
    {
        return Ok(explain::engines_own(&held, out)?);
    }
    let mut output = Output::new(out, style.form, style.look.clone(), style.limit, &schema)?;
    for batch in held {
        output.add(&batch)?;
    }
    while let Some(batch) = if done { None } else { stream.next().await } {
        output.add(&batch?)?;
    }
    Ok(output.finish()?)
}

/// The statement after `EXPLAIN`, if it has no options: it is told in words.
pub(crate) fn explained(sql: &str) -> Option<&str> {
    let (word, rest) = sql.trim_start().split_once(char::is_whitespace)?;
    let next = rest.split_whitespace().next()?.to_ascii_uppercase();
    let plain = word.eq_ignore_ascii_case("explain");
    (plain && !matches!(next.as_str(), "ANALYZE" | "VERBOSE" | "FORMAT")).then_some(rest)
}

async fn begin(
    context: &SessionContext,
    sql: &str,
    running: &Running,
) -> Result<(SchemaRef, SendableRecordBatchStream)> {
    let frame = context.sql(sql).await?;
    let schema = Arc::clone(frame.schema().inner());
    let task = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    *running.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
    Ok((schema, execute_stream(plan, task)?))
}

/// The first rows, and whether there are no more.
async fn hold(stream: &mut SendableRecordBatchStream) -> Result<(Vec<RecordBatch>, bool)> {
    let (mut held, mut rows) = (Vec::new(), 0);
    while rows < HELD {
        let Some(batch) = stream.next().await else { return Ok((held, true)) };
        let batch = batch?;
        rows += batch.num_rows();
        held.push(batch);
    }
    Ok((held, false))
}

/// Whether an error says that files must be read from their beginning.
fn asks_for_whole(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::External(inner) => inner.is::<ReadWhole>(),
        // From another process it comes as text.
        other => other.to_string().contains(ReadWhole::WORDS),
    }
}

/// How a statement would be done: in words, then as the engine's tree.
///
/// # Errors
/// See [`Failure`].
pub async fn explain(
    context: &SessionContext,
    sql: &str,
    style: &Style,
    out: &mut dyn Write,
) -> std::result::Result<u64, Failure> {
    let plan = context.sql(sql).await?.create_physical_plan().await?;
    let text = explain::words(plan.as_ref(), &style.look);
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(1)
}

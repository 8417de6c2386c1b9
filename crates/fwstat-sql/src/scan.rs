//! The scan: pieces of logs as batches of rows, in DataFusion's `DataSourceExec`.
//!
//! Responsible for: one piece after another through fwstat's own pipeline, so that SQL and `fwstat top`
//! cannot differ; what EXPLAIN says of a scan.
//! Must not know: how pieces are cut and dealt (`table`).
//! Tested by: `tests/sql/rows.rs`.
//!
//! Reading and parsing are work, not waiting, so each piece has a thread of the pool for such work, and
//! its batches come through a channel. A reader that goes away ends the thread at the next batch.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::object_store::ObjectStore;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr_common::physical_expr::fmt_sql;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use datafusion::physical_plan::{DisplayFormatType, apply_expression_roots};
use datafusion_datasource::file::FileSource;
use datafusion_datasource::file_scan_config::FileScanConfig;
use datafusion_datasource::file_stream::{FileOpenFuture, FileOpener};
use datafusion_datasource::{PartitionedFile, TableSchema};
use futures::StreamExt as _;
use futures::stream;
use fwlog::input::Buffer;
use fwlog::input::apart::{Cut, Piece};
use fwlog::pipeline::{Account, Live};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::columns::{Columns, RestColumns};
use crate::front::Front;
use crate::logs::{Logs, ReadWhole};
use crate::schema;

/// Batches that wait for their reader.
const AHEAD: usize = 2;
/// Rows of a batch, if nothing else is said.
const ROWS: usize = 8192;

/// Which lines a scan gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lines {
    /// Packets, whole or cut.
    Log,
    /// All others.
    Rest,
}

impl Lines {
    /// The columns.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        match self {
            Lines::Log => schema::log(),
            Lines::Rest => schema::rest(),
        }
    }
}

/// What is read of every piece. Each file of the scan has its [`Piece`] as an extension.
#[derive(Clone, Debug)]
pub struct LogSource {
    logs: Arc<Logs>,
    lines: Lines,
    /// How the logs are cut, and whether records are asked for their moments.
    cut: Cut,
    /// A filter over the columns of [`schema::FRONT`].
    front: Option<Arc<dyn PhysicalExpr>>,
    table: TableSchema,
    projection: SplitProjection,
    rows: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl LogSource {
    /// A scan that gives all columns.
    #[must_use]
    pub fn new(logs: Arc<Logs>, lines: Lines, cut: Cut, front: Option<Arc<dyn PhysicalExpr>>) -> LogSource {
        let table = TableSchema::builder(lines.schema()).build();
        let projection = SplitProjection::unprojected(&table);
        let metrics = ExecutionPlanMetricsSet::new();
        LogSource { logs, lines, cut, front, table, projection, rows: ROWS, metrics }
    }
}

/// The number of a file's piece among all that the logs were cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered(pub usize);

impl LogSource {
    /// What is read.
    #[must_use]
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Which lines are given.
    #[must_use]
    pub fn lines(&self) -> Lines {
        self.lines
    }

    /// How the logs are cut.
    #[must_use]
    pub fn cut(&self) -> &Cut {
        &self.cut
    }

    /// The filter that is tested once for all lines that begin alike.
    #[must_use]
    pub fn front(&self) -> Option<&Arc<dyn PhysicalExpr>> {
        self.front.as_ref()
    }

    /// What is built and tested here, in sentences.
    #[must_use]
    pub fn words(&self) -> String {
        let schema = self.table.file_schema();
        let names = self.projection.file_indices.iter().map(|at| schema.field(*at).name().as_str());
        let names: Vec<&str> = names.collect();
        let mut out = match &names[..] {
            [] => "  Builds no column: rows are counted.\n".to_owned(),
            [name] => format!("  Builds the column {name}.\n"),
            names => format!("  Builds the columns {}.\n", names.join(", ")),
        };
        if let Some(front) = &self.front {
            let front = fmt_sql(front.as_ref()).to_string();
            let front = fwlog::text::escape(front.as_bytes());
            out.push_str(&format!("  Tests {front}, once for all lines that begin alike.\n"));
        }
        if self.cut.times {
            out.push_str("  Finds the moment of each line.\n");
        }
        out
    }
}

impl FileSource for LogSource {
    fn create_file_opener(
        &self,
        _: Arc<dyn ObjectStore>,
        _: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let opener = Arc::new(Opener { source: self.clone(), partition });
        ProjectionOpener::try_new(self.projection.clone(), opener, self.table.file_schema())
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table
    }

    fn with_batch_size(&self, rows: usize) -> Arc<dyn FileSource> {
        Arc::new(LogSource { rows: rows.max(1), ..self.clone() })
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let all = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.table.file_schema(), &all);
        Ok(Some(Arc::new(LogSource { projection, ..self.clone() })))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        "fwlog"
    }

    fn fmt_extra(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.front {
            Some(front) => write!(f, ", front={front}"),
            None => Ok(()),
        }
    }

    /// The pieces are cut already, each where its file may be cut.
    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.projection.source.iter(), visit)
    }
}

/// Opens the pieces of one partition.
struct Opener {
    source: LogSource,
    partition: usize,
}

impl FileOpener for Opener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let piece = file.extensions.get::<Piece>().cloned();
        let piece = piece.ok_or_else(|| internal_datafusion_err!("a file of a scan without its piece"))?;
        let counter =
            |name: &'static str| MetricBuilder::new(&self.source.metrics).counter(name, self.partition);
        let counted = Counted {
            lines: counter("lines"),
            packets: counter("packets"),
            cut: counter("cut"),
            damaged: counter("damaged"),
            other: counter("other"),
            bytes: counter("bytes_read"),
        };
        let source = self.source.clone();
        Ok(Box::pin(async move {
            let (out, batches) = channel(AHEAD);
            let task = SpawnedTask::spawn_blocking(move || {
                let counts = read(&source, &piece, &out);
                counted.add(&counts);
            });
            Ok(stream::unfold((batches, Some(task)), next).boxed())
        }))
    }
}

type State = (Receiver<Result<RecordBatch>>, Option<SpawnedTask<()>>);

/// The next batch; behind the last one, what ended the thread if that was a panic.
async fn next((mut batches, task): State) -> Option<(Result<RecordBatch>, State)> {
    if let Some(batch) = batches.recv().await {
        return Some((batch, (batches, task)));
    }
    let error = task?.join().await.err()?;
    Some((Err(DataFusionError::ExecutionJoin(Box::new(error))), (batches, None)))
}

/// The counters of a scan, for EXPLAIN ANALYZE.
struct Counted {
    lines: Count,
    packets: Count,
    cut: Count,
    damaged: Count,
    other: Count,
    bytes: Count,
}

impl Counted {
    fn add(&self, account: &Account) {
        let totals = &account.totals;
        let sums = [
            (&self.lines, totals.lines),
            (&self.packets, totals.packets),
            (&self.cut, totals.cut),
            (&self.damaged, totals.damaged),
            (&self.other, totals.other),
            (&self.bytes, account.bytes),
        ];
        for (counter, sum) in sums {
            counter.add(usize::try_from(sum).unwrap_or(usize::MAX));
        }
    }
}

/// Where the rows of a piece go.
struct Rows<'o> {
    out: &'o Sender<Result<RecordBatch>>,
    /// Whether no more of them are wanted.
    closed: bool,
}

impl Rows<'_> {
    fn give(&mut self, batch: Result<RecordBatch>) {
        self.closed |= batch.is_err();
        self.closed |= self.out.blocking_send(batch).is_err();
    }
}

/// Reads a piece to its end, or until its rows are not wanted any more.
fn read(source: &LogSource, piece: &Piece, out: &Sender<Result<RecordBatch>>) -> Account {
    let mut rows = Rows { out, closed: false };
    let (account, errors) = match source.lines {
        Lines::Log => packets(source, piece, &mut rows),
        Lines::Rest => others(source, piece, &mut rows),
    };
    if account.records && piece.range().is_some() && !rows.closed {
        rows.give(Err(DataFusionError::External(Box::new(ReadWhole))));
    }
    if source.logs.origin().is_some() && !rows.closed {
        log_read(piece, &account);
        if let Some(error) = errors.first() {
            // Who asked is elsewhere, and would not see it.
            let error = format!("{}: {}", error.name, error.reason);
            rows.give(Err(DataFusionError::Execution(error)));
        }
    }
    // Of what was not read to its end nothing is known for sure.
    source.logs.note(errors, (!rows.closed).then_some(&account));
    account
}

/// A server says of each piece what it read of it, if it is asked to say much.
fn log_read(piece: &Piece, account: &Account) {
    let name = fwlog::text::escape(piece.name.as_bytes());
    let (from, to) = piece.range().unwrap_or((0, piece.bytes));
    log::info!("read {name} {from}..{to}: {} lines, {} bytes", account.totals.lines, account.bytes);
}

type Came = (Account, Vec<fwlog::input::InputError>);

fn packets(source: &LogSource, piece: &Piece, rows: &mut Rows<'_>) -> Came {
    let table = source.table.file_schema();
    let made = Columns::new(&source.projection.file_indices, table).and_then(|columns| {
        let front = source.front.as_ref().map(|front| {
            let indices = schema::FRONT.map(|key| table.index_of(key.name()));
            let indices = indices.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
            Front::new(Arc::clone(front), &indices, table)
        });
        Ok((columns, front.transpose()?))
    });
    let (mut columns, mut front) = match made {
        Ok(made) => made,
        Err(error) => {
            rows.give(Err(error));
            return Default::default();
        }
    };
    let mut reading = piece.open();
    let names = reading.names().to_vec();
    let mut live = Live::new(&source.logs.plan, &names, source.cut.times);
    let (mut buffer, mut bytes) = (Buffer::default(), 0);
    while !rows.closed && !rows.out.is_closed() && reading.next(&mut buffer) {
        let chunk = buffer.chunk();
        bytes += chunk.bytes.len() as u64;
        live.chunk(&chunk, &mut |record| {
            if front.as_mut().is_none_or(|front| front.passes(record)) && !rows.closed {
                columns.add(record);
                if columns.rows() >= source.rows {
                    rows.give(columns.take());
                }
            }
        });
        if let Some(error) = front.as_mut().and_then(Front::failed) {
            rows.give(Err(error));
        }
    }
    if columns.rows() > 0 && !rows.closed {
        rows.give(columns.take());
    }
    let mut account = live.account().clone();
    account.bytes = bytes;
    (account, reading.errors())
}

fn others(source: &LogSource, piece: &Piece, rows: &mut Rows<'_>) -> Came {
    let mut columns = RestColumns::default();
    let indices = &source.projection.file_indices;
    let mut reading = piece.open();
    let names = reading.names().to_vec();
    let mut live = Live::new(&source.logs.plan, &names, false);
    let (mut buffer, mut bytes) = (Buffer::default(), 0);
    while !rows.closed && !rows.out.is_closed() && reading.next(&mut buffer) {
        let chunk = buffer.chunk();
        bytes += chunk.bytes.len() as u64;
        live.chunk_and_rest(&chunk, &mut |_| {}, &mut |rest| {
            columns.add(&rest, &names);
            if columns.rows() >= source.rows && !rows.closed {
                rows.give(columns.take(indices));
            }
        });
    }
    if columns.rows() > 0 && !rows.closed {
        rows.give(columns.take(indices));
    }
    let mut account = live.account().clone();
    account.bytes = bytes;
    (account, reading.errors())
}

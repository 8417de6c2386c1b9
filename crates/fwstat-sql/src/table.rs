//! The tables `log` and `rest`: what a query asks for becomes a scan of pieces.
//!
//! Responsible for: which filters the scan takes, how logs are cut and dealt to partitions. Prefix and
//! interfaces are tested in the scan (`front`); of time, files are left out in stretches (`bounds`), and
//! the filter is tested again behind the scan; everything else is DataFusion's.
//! Must not know: how a piece is read (`scan`).
//! Tested by: `tests/sql/rows.rs`.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNode as _;
use datafusion::common::{DFSchema, DataFusionError, Statistics};
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::object_store;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion_datasource::PartitionedFile;
use datafusion_datasource::file_groups::FileGroup;
use datafusion_datasource::file_scan_config::FileScanConfigBuilder;
use datafusion_datasource::source::DataSourceExec;
use fwlog::input::apart::{Cut, Piece};
use fwlog::time::clock::Clock;

use crate::bounds::bounds;
use crate::logs::Logs;
use crate::scan::{Lines, LogSource, Numbered};
use crate::schema;

/// The smallest and the largest piece of a file, in bytes.
const PIECE: (u64, u64) = (1 << 20, 32 << 20);
/// Pieces for each partition: those that are done early take what is left.
const PER_PARTITION: u64 = 4;
/// The same on a cluster, where the last piece that is read should be a small part of what each executor reads.
const PER_PARTITION_APART: u64 = 16;
/// What a packed byte weighs beside one that is not.
const PACKED: u64 = 10;
/// About so long is a line, for the planner.
const LINE: usize = 200;

/// One of the tables.
#[derive(Debug)]
pub struct LogTable {
    logs: Arc<Logs>,
    lines: Lines,
    schema: SchemaRef,
}

impl LogTable {
    /// The table of these lines.
    #[must_use]
    pub fn new(logs: Arc<Logs>, lines: Lines) -> LogTable {
        LogTable { logs, lines, schema: lines.schema() }
    }

    /// What is read.
    #[must_use]
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Which lines it has.
    #[must_use]
    pub fn lines(&self) -> Lines {
        self.lines
    }

    /// The number of a column.
    fn index(&self, name: &str) -> Option<usize> {
        self.schema.index_of(name).ok()
    }

    /// The filter for the scan, from those that it takes.
    fn front(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let taken = filters.iter().filter(|filter| self.takes(filter)).cloned();
        let Some(all) = conjunction(taken) else { return Ok(None) };
        let front = DFSchema::try_from(schema::front(&self.schema)?)?;
        state.create_physical_expr(all, &front).map(Some)
    }

    /// Whether the scan tests this filter: it asks for nothing but the prefix and the interfaces.
    fn takes(&self, filter: &Expr) -> bool {
        let is_front = |name: &str| schema::FRONT.iter().any(|key| key.name() == name);
        let columns = filter.column_refs();
        self.lines == Lines::Log
            // Without any column it is a constant, as NULL is, which the planner may have made of one that was taken.
            && columns.iter().all(|column| is_front(&column.name))
            && !filter.is_volatile()
            && !filter.exists(|part| Ok(is_more_than_a_row(part))).unwrap_or(true)
    }
}

/// Whether an expression's value depends on more than the row at hand.
fn is_more_than_a_row(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::Exists(_)
            | Expr::OuterReferenceColumn(..)
            | Expr::Placeholder(_)
            | Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
    )
}

#[async_trait]
impl TableProvider for LogTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match filter {
            filter if self.takes(filter) => TableProviderFilterPushDown::Exact,
            filter if self.lines == Lines::Log && bounds(&[(**filter).clone()]).is_some() => {
                TableProviderFilterPushDown::Inexact
            }
            _ => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let columns = projection.unwrap_or(&all);
        let asks = |name: &str| self.index(name).is_some_and(|at| columns.contains(&at));
        let clock = &self.logs.plan.clock;
        let is_log = self.lines == Lines::Log;
        let between = bounds(filters).filter(|_| is_log);
        let partitions = state.config().target_partitions().max(1);
        let is_apart = self.logs.origin().is_some();
        let each = if is_apart { PER_PARTITION_APART } else { PER_PARTITION };
        let wanted = self.logs.size() / (each * partitions as u64);
        let cut = Cut {
            size: wanted.clamp(PIECE.0, PIECE.1),
            times: is_log && (asks("time") || between.is_some() || self.logs.plan.filter.needs_time()),
            whole: is_log && asks("line"),
            between: between.map(|(from, to)| (local(clock, from), local(clock, to))),
        };
        let front = self.front(state, filters)?;
        let source = LogSource::new(Arc::clone(&self.logs), self.lines, cut.clone(), front);
        // Years are found from stamps, which takes reading.
        let logs = Arc::clone(&self.logs);
        let pieces = SpawnedTask::spawn_blocking(move || logs.pieces(&cut)).join().await;
        let pieces = pieces.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?;
        let groups = if is_apart { dealt_apart(pieces, partitions) } else { dealt(pieces, partitions) };
        if groups.is_empty() {
            return Ok(Arc::new(EmptyExec::new(Arc::new(self.schema.project(columns)?))));
        }
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
            .with_statistics(self.statistics())
            .with_projection_indices(Some(columns.clone()))?
            .with_file_groups(groups)
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

impl LogTable {
    /// How much there is, about: an exact number would be taken for the answer to `count(*)`.
    fn statistics(&self) -> Statistics {
        let bytes = usize::try_from(self.logs.size()).unwrap_or(usize::MAX);
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = Precision::Inexact(bytes / LINE);
        statistics.total_byte_size = Precision::Inexact(bytes);
        statistics
    }
}

/// Seconds of the log's clock at a moment in microseconds of UTC; open ends stay open.
fn local(clock: &Clock, micros: i64) -> i64 {
    match micros {
        i64::MIN | i64::MAX => micros,
        _ => micros.div_euclid(1_000_000) + i64::from(clock.offset_at(micros.saturating_mul(1_000))),
    }
}

/// Pieces with their weights and numbers, the heaviest first; those that weigh the same in their order.
fn weighed(pieces: Vec<Piece>) -> Vec<(u64, usize, Piece)> {
    let weight = |piece: &Piece| match piece.range() {
        Some(_) => piece.bytes,
        None => piece.bytes.saturating_mul(PACKED).max(1),
    };
    let weighed = pieces.into_iter().enumerate().map(|(number, piece)| (weight(&piece), number, piece));
    let mut pieces: Vec<(u64, usize, Piece)> = weighed.collect();
    pieces.sort_by_key(|(weight, ..)| std::cmp::Reverse(*weight));
    pieces
}

/// Pieces as files of at most so many groups: the heaviest first, each to the lightest group.
fn dealt(pieces: Vec<Piece>, partitions: usize) -> Vec<FileGroup> {
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); partitions.min(pieces.len())];
    for (weight, number, piece) in weighed(pieces) {
        if let Some((sum, files)) = groups.iter_mut().min_by_key(|(sum, _)| *sum) {
            *sum += weight;
            files.push(file(piece).with_extension(Numbered(number)));
        }
    }
    groups.into_iter().map(|(_, files)| FileGroup::new(files)).collect()
}

/// Pieces as files of groups for executors, each of which takes the next group when it is done with one: a group has
/// its part of what is left, so that the last ones are small, and all are done at about the same time.
fn dealt_apart(pieces: Vec<Piece>, partitions: usize) -> Vec<FileGroup> {
    let pieces = weighed(pieces);
    let weights: Vec<u64> = pieces.iter().map(|(weight, ..)| *weight).collect();
    let mut pieces =
        pieces.into_iter().map(|(_, number, piece)| file(piece).with_extension(Numbered(number)));
    let of_group = |count| FileGroup::new(pieces.by_ref().take(count).collect());
    parts_of_what_is_left(&weights, partitions).into_iter().map(of_group).collect()
}

/// How many pieces each group has.
fn parts_of_what_is_left(weights: &[u64], partitions: usize) -> Vec<usize> {
    let mut left: u64 = weights.iter().sum();
    let (mut counts, mut at) = (Vec::new(), 0);
    while at < weights.len() {
        let part = left.div_ceil(partitions.max(1) as u64);
        let (mut count, mut sum) = (1, weights[at]);
        while let Some(next) = weights.get(at + count).filter(|next| sum + **next <= part) {
            (count, sum) = (count + 1, sum + next);
        }
        counts.push(count);
        (at, left) = (at + count, left - sum);
    }
    counts
}

/// A piece as DataFusion's plans know it. The path is for people: the piece itself goes along.
fn file(piece: Piece) -> PartitionedFile {
    let absolute = std::path::absolute(Path::new(&piece.name)).ok();
    let path = absolute.and_then(|path| object_store::path::Path::from_absolute_path(path).ok());
    let path = path.unwrap_or_else(|| object_store::path::Path::from(piece.name.as_str()));
    let mut file = PartitionedFile::new("", piece.bytes);
    file.object_meta.location = path;
    if let Some((from, to)) = piece.range() {
        let signed = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
        file = file.with_range(signed(from), signed(to));
    }
    file.with_extension(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_become_smaller_and_have_every_piece_once() {
        let counts = parts_of_what_is_left(&[10; 128], 8);
        assert_eq!((counts[0], counts.last().copied(), counts.iter().sum::<usize>()), (16, Some(1), 128));
        // Each of them has something for each partition of the next step: there must not be many.
        assert!(counts.is_sorted_by(|a, b| a >= b) && counts.len() <= 4 * 8, "{counts:?}");
        assert_eq!(parts_of_what_is_left(&[10; 128], 1), [128]);
        // What is heavier than its part goes alone, and first.
        assert_eq!(parts_of_what_is_left(&[100, 1, 1, 1, 1], 2), [1, 2, 1, 1]);
        assert_eq!(parts_of_what_is_left(&[0, 0], 2), [2]);
        assert_eq!(parts_of_what_is_left(&[], 2), [0; 0]);
    }
}

//! A plan in words: what is read, which columns are built, what is tested where.
//!
//! Responsible for: the sentences about scans of logs, and the steps above them.
//! Must not know: how a plan came about.
//! Tested by: `tests/sql/program.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::cast::as_string_array;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion_datasource::file_scan_config::FileScanConfig;
use datafusion_datasource::source::DataSourceExec;
use fwlog::text;
use fwstat::report::style::RenderOptions;

use crate::scan::LogSource;

/// What a plan does.
#[must_use]
pub fn words(plan: &dyn ExecutionPlan, look: &RenderOptions) -> String {
    let mut out = String::new();
    scans(plan, look, &mut out);
    out.push_str("\nThe steps, the last one first:\n");
    for line in displayable(plan).indent(false).to_string().lines() {
        let indent = line.len() - line.trim_start().len();
        let (name, about) = line.trim().split_once(": ").unwrap_or((line.trim(), ""));
        let step = step(name).unwrap_or(name);
        // The scan is described above.
        let about = if name == "DataSourceExec" { "" } else { about };
        let about = about.split(", input_partitions=").next().unwrap_or_default();
        let sign = if about.is_empty() { "" } else { ": " };
        let about = text::escape(without_numbers(about).as_bytes());
        out.push_str(&format!("  {}{step}{sign}{about}\n", " ".repeat(indent)));
    }
    out
}

/// Without the columns' numbers, as in `src@0`.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split('@');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// The engine's name of a step, as a verb.
fn step(name: &str) -> Option<&'static str> {
    Some(match name {
        "DataSourceExec" => "read",
        "AggregateExec" => "group",
        "FilterExec" => "keep rows where",
        "ProjectionExec" => "compute columns",
        "RepartitionExec" => "deal rows to partitions",
        "CoalescePartitionsExec" => "put partitions together",
        "SortExec" => "sort",
        "SortPreservingMergeExec" => "merge sorted partitions",
        "GlobalLimitExec" | "LocalLimitExec" => "stop",
        "HashJoinExec" | "SortMergeJoinExec" | "NestedLoopJoinExec" | "CrossJoinExec" => "join",
        "UnionExec" => "put tables below each other",
        "WindowAggExec" | "BoundedWindowAggExec" => "compute over neighbours",
        "EmptyExec" => "nothing to read",
        _ => return None,
    })
}

/// A sentence about each scan.
fn scans(plan: &dyn ExecutionPlan, look: &RenderOptions, out: &mut String) {
    let config = (plan as &dyn std::any::Any).downcast_ref::<DataSourceExec>().and_then(|scan| {
        (scan.data_source().as_ref() as &dyn std::any::Any).downcast_ref::<FileScanConfig>()
    });
    if let Some(config) = config {
        let source = config.file_source.as_ref() as &dyn std::any::Any;
        if let Some(source) = source.downcast_ref::<LogSource>() {
            let all = || config.file_groups.iter().flat_map(|group| group.files());
            let files: BTreeSet<_> = all().map(|file| &file.object_meta.location).collect();
            let bytes: u64 = all().map(|file| file.object_meta.size).sum();
            let count = |number: usize, one: &str, many: &str| look.count_of(number as u64, one, many);
            out.push_str(&format!(
                "Reads {} ({}) in {}, by {} at once.\n",
                count(files.len(), "file", "files"),
                text::bytes(bytes),
                count(all().count(), "piece", "pieces"),
                config.file_groups.len(),
            ));
            out.push_str(&source.words());
        } else if config.file_source.file_type() == "parquet" {
            let all = config.file_groups.iter().flat_map(|group| group.files());
            let files: BTreeMap<_, u64> =
                all.map(|file| (&file.object_meta.location, file.object_meta.size)).collect();
            out.push_str(&format!(
                "Reads {} ({}), by {} at once: only the columns that are asked for.\n",
                look.count_of(files.len() as u64, "Parquet file", "Parquet files"),
                text::bytes(files.values().sum()),
                config.file_groups.len(),
            ));
        }
    }
    for child in plan.children() {
        scans(child.as_ref(), look, out);
    }
}

/// The plans that the engine itself tells, with their lines; how many.
///
/// # Errors
/// They cannot be written.
pub fn engines_own(batches: &[RecordBatch], out: &mut dyn Write) -> anyhow::Result<u64> {
    let mut count = 0;
    for batch in batches {
        let plans = as_string_array(batch.column(1))?;
        for plan in plans.iter().flatten() {
            count += 1;
            for line in plan.lines() {
                writeln!(out, "{}", text::escape(line.as_bytes()))?;
            }
        }
    }
    out.flush()?;
    Ok(count)
}

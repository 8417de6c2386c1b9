//! A session: the tables and functions of one statement, and what it may use.
//!
//! Responsible for: DataFusion's settings.
//! Must not know: output, terminals.
//! Tested by: `tests/sql/rows.rs`, `tests/sql/program.rs`.

use std::sync::Arc;

use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::exports::Exports;
use crate::functions;
use crate::logs::Logs;
use crate::scan::Lines;
use crate::table::LogTable;

/// The names of the tables.
pub const TABLES: [(&str, Lines); 2] = [("log", Lines::Log), ("rest", Lines::Rest)];

/// What a session may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many partitions of a query are worked on at once.
    pub partitions: usize,
    /// Bytes of memory for sorting, joining and grouping.
    pub memory: usize,
}

/// An empty session: functions, no tables.
///
/// # Errors
/// DataFusion refuses a setting.
pub fn session(limits: Limits) -> Result<SessionContext> {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.partitions.max(1))
        .with_information_schema(true)
        .with_batch_size(8192);
    let options = config.options_mut();
    // Text is plain text everywhere, so that raw logs and exports have the same types.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.parquet.schema_force_view_types = false;
    options.sql_parser.collect_spans = true;
    // Where half of the rows are groups of their own, grouping each partition first gains nothing.
    options.execution.skip_partial_aggregation_probe_ratio_threshold = 0.5;
    let runtime =
        RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(limits.memory))).build_arc()?;
    let context = SessionContext::new_with_config_rt(config, runtime);
    for function in functions::all() {
        context.register_udf(function);
    }
    Ok(context)
}

/// Lets the tables be those of these logs; rows of exports are below those of raw logs.
///
/// # Errors
/// DataFusion refuses a name.
pub fn open(context: &SessionContext, logs: &Arc<Logs>, exports: &Exports) -> Result<()> {
    for (name, lines) in TABLES {
        context.deregister_table(name)?;
        let table = Arc::new(LogTable::new(Arc::clone(logs), lines));
        if lines == Lines::Rest || exports.is_empty() {
            context.register_table(name, table)?;
        } else {
            let raw = LogicalPlanBuilder::scan("raw", provider_as_source(table), None)?;
            let all = raw.union(exports.plan()?.build()?)?.build()?;
            context.register_table(name, Arc::new(ViewTable::new(all, None)))?;
        }
    }
    Ok(())
}

/// 60 % of the machine's memory, or of what its container may use; 1 GiB if neither is known.
#[must_use]
pub fn default_memory() -> usize {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_whitespace().nth(1)?.parse::<usize>().ok()?.checked_mul(1024)
    });
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let container = container.and_then(|text| text.trim().parse::<usize>().ok());
    machine.into_iter().chain(container).min().map_or(1 << 30, |all| all / 10 * 6)
}

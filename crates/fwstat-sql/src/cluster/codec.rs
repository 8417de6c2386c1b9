//! Our table and our scan in the engine's plans, as bytes; everything else is Ballista's.
//!
//! Responsible for: that a scan comes out as it went in: projection, filter, and for each file of each group the piece
//! that it is. Pieces travel as numbers: both sides cut the same logs in the same way.
//! Must not know: connections.
//! Tested by: the unit tests below, `benches/cluster.sh`.

use std::any::Any;
use std::sync::Arc;

use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{TableReference, internal_datafusion_err, plan_datafusion_err, plan_err};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::proto_decode::PhysicalExprDecodeCtx;
use datafusion::physical_expr_common::physical_expr::proto_encode::PhysicalExprEncodeCtx;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_datasource::file_groups::FileGroup;
use datafusion_datasource::file_scan_config::{FileScanConfig, FileScanConfigBuilder};
use datafusion_datasource::source::DataSourceExec;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::from_proto::parse_protobuf_file_scan_config;
use datafusion_proto::physical_plan::to_proto::serialize_file_scan_config;
use datafusion_proto::physical_plan::{
    PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf::{FileScanExecConf, PhysicalExprNode};
use fwlog::input::apart::Piece;
use prost::Message as _;
use serde_json::{Value, json};

use super::messages::{self, Opener};
use super::origin::Served;
use crate::scan::{LogSource, Numbered};
use crate::schema;
use crate::table::LogTable;

/// Both codecs of a process: of a server, with what it serves.
pub(super) fn codecs(
    served: Option<Served>,
) -> (Arc<dyn LogicalExtensionCodec>, Arc<dyn PhysicalExtensionCodec>) {
    let opener = Arc::new(Opener::new(served));
    let logical = Logical { others: BallistaLogicalExtensionCodec::default(), opener: Arc::clone(&opener) };
    let physical = Physical { others: BallistaPhysicalExtensionCodec::default(), opener };
    (Arc::new(logical), Arc::new(physical))
}

/// Tables.
#[derive(Debug)]
struct Logical {
    others: BallistaLogicalExtensionCodec,
    opener: Arc<Opener>,
}

impl LogicalExtensionCodec for Logical {
    fn try_decode(&self, bytes: &[u8], inputs: &[LogicalPlan], context: &TaskContext) -> Result<Extension> {
        self.others.try_decode(bytes, inputs, context)
    }

    fn try_encode(&self, node: &Extension, out: &mut Vec<u8>) -> Result<()> {
        self.others.try_encode(node, out)
    }

    fn try_decode_table_provider(
        &self,
        bytes: &[u8],
        name: &TableReference,
        schema: SchemaRef,
        context: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        if !messages::is_ours(bytes) {
            return self.others.try_decode_table_provider(bytes, name, schema, context);
        }
        let (head, _) = messages::read(bytes)?;
        let table = LogTable::new(self.opener.logs(&head)?, messages::lines(&head)?);
        if table.schema() != schema {
            return plan_err!("the columns of `{name}` are others here");
        }
        Ok(Arc::new(table))
    }

    fn try_encode_table_provider(
        &self,
        name: &TableReference,
        table: Arc<dyn TableProvider>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match (table.as_ref() as &dyn Any).downcast_ref::<LogTable>() {
            Some(ours) => messages::write(&messages::table(ours.logs(), ours.lines())?, &[], out),
            None => return self.others.try_encode_table_provider(name, table, out),
        }
        Ok(())
    }

    fn try_decode_file_format(
        &self,
        bytes: &[u8],
        context: &TaskContext,
    ) -> Result<Arc<dyn FileFormatFactory>> {
        self.others.try_decode_file_format(bytes, context)
    }

    fn try_encode_file_format(&self, out: &mut Vec<u8>, format: Arc<dyn FileFormatFactory>) -> Result<()> {
        self.others.try_encode_file_format(out, format)
    }
}

/// Scans.
#[derive(Debug)]
struct Physical {
    others: BallistaPhysicalExtensionCodec,
    opener: Arc<Opener>,
}

impl PhysicalExtensionCodec for Physical {
    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        out: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let scan = (node.as_ref() as &dyn Any).downcast_ref::<DataSourceExec>();
        match scan.and_then(|scan| scan.downcast_to_file_source::<LogSource>()) {
            Some((config, source)) => self.encode(config, source, out, converter),
            None => self.others.try_encode(node, out, converter),
        }
    }

    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match messages::is_ours(bytes) {
            true => self.decode(bytes, context, converter),
            false => self.others.try_decode(bytes, inputs, context, converter),
        }
    }

    fn try_encode_expr(
        &self,
        node: &Arc<dyn PhysicalExpr>,
        out: &mut Vec<u8>,
        context: &PhysicalExprEncodeCtx<'_>,
    ) -> Result<()> {
        self.others.try_encode_expr(node, out, context)
    }

    fn try_decode_expr(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn PhysicalExpr>],
        context: &PhysicalExprDecodeCtx<'_>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        self.others.try_decode_expr(bytes, inputs, context)
    }
}

impl Physical {
    fn encode(
        &self,
        config: &FileScanConfig,
        source: &LogSource,
        out: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let numbered = |group: &FileGroup| {
            let files = group.files().iter().map(|file| {
                let number = file.extension::<Numbered>();
                number
                    .map(|number| number.0)
                    .ok_or_else(|| internal_datafusion_err!("a piece without its number"))
            });
            files.collect::<Result<Vec<usize>>>()
        };
        let groups = config.file_groups.iter().map(numbered).collect::<Result<Vec<_>>>()?;
        let mut head = messages::table(source.logs(), source.lines())?;
        head["cut"] = messages::cut(source.cut());
        head["groups"] = json!(groups);
        let front = match source.front() {
            Some(front) => converter.physical_expr_to_proto(front, self)?.encode_to_vec(),
            None => Vec::new(),
        };
        let config = serialize_file_scan_config(config, self, converter)?.encode_to_vec();
        messages::write(&head, &[config, front], out);
        Ok(())
    }

    fn decode(
        &self,
        bytes: &[u8],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (head, parts) = messages::read(bytes)?;
        let &[config, front] = &parts[..] else { return plan_err!("a scan that is not whole") };
        let (pieces, cut) = self.opener.pieces(&head)?;
        let broken = |error: prost::DecodeError| plan_datafusion_err!("a scan that cannot be read: {error}");
        let config = FileScanExecConf::decode(config).map_err(broken)?;
        let context = PhysicalPlanDecodeContext::new(context, self);
        let lines = messages::lines(&head)?;
        let front = match front {
            [] => None,
            front => {
                let node = PhysicalExprNode::decode(front).map_err(broken)?;
                let columns = schema::front(&lines.schema())?;
                Some(converter.proto_to_physical_expr(&node, &columns, &context)?)
            }
        };
        let source = Arc::new(LogSource::new(self.opener.logs(&head)?, lines, cut, front));
        let config = parse_protobuf_file_scan_config(&config, &context, converter, source)?;
        let groups = attached(&config.file_groups, &head["groups"], &pieces)?;
        Ok(DataSourceExec::from_data_source(
            FileScanConfigBuilder::from(config).with_file_groups(groups).build(),
        ))
    }
}

/// The files of each group with their pieces, which must be those that were meant.
fn attached(groups: &[FileGroup], numbers: &Value, pieces: &[Piece]) -> Result<Vec<FileGroup>> {
    let wrong = || plan_datafusion_err!("the logs are not cut here as they were for the plan");
    let all = numbers.as_array().filter(|all| all.len() == groups.len()).ok_or_else(wrong)?;
    let group = |(group, numbers): (&FileGroup, &Value)| {
        let numbers =
            numbers.as_array().filter(|numbers| numbers.len() == group.files().len()).ok_or_else(wrong)?;
        let files = group.files().iter().zip(numbers).map(|(file, number)| {
            let number = number.as_u64().and_then(|number| usize::try_from(number).ok()).ok_or_else(wrong)?;
            let piece = pieces.get(number).ok_or_else(wrong)?;
            let range = piece.range().map(|(from, to)| (i64::try_from(from).ok(), i64::try_from(to).ok()));
            if file.range.as_ref().map(|range| (Some(range.start), Some(range.end))) != range {
                return Err(wrong());
            }
            Ok(file.clone().with_extension(piece.clone()).with_extension(Numbered(number)))
        });
        Ok(FileGroup::new(files.collect::<Result<Vec<_>>>()?))
    };
    groups.iter().zip(all).map(group).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::physical_plan::collect;
    use datafusion_proto::physical_plan::DefaultPhysicalProtoConverter;

    use super::super::origin;
    use super::*;
    use crate::cli::Cli;
    use crate::scan::Lines;
    use crate::session::{self, Limits};

    fn scan(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
        match (plan.as_ref() as &dyn Any).is::<DataSourceExec>() {
            true => Some(Arc::clone(plan)),
            false => plan.children().into_iter().find_map(scan),
        }
    }

    /// The rows of a scan, in an order of their own.
    async fn rows(scan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Vec<String> {
        let batches = collect(scan, context).await.unwrap();
        let text = pretty_format_batches(&batches).unwrap().to_string();
        let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_scan_gives_the_same_rows_in_another_process() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(there_and_back());
    }

    async fn there_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("kern.log");
        std::fs::copy(testkit::testdata("sample/kern.log"), &log).unwrap();
        let words = ["fwstat sql", "--utc", "--year=2026", "--chunk-size=20000", log.to_str().unwrap()];
        let mut cli = Cli::try_parse_from(words).unwrap();
        cli.words = words.map(ToOwned::to_owned).to_vec();
        let described = origin::describe(&cli, false, &[]).unwrap();
        let served = Served { root: folder.path().to_owned(), objects: Vec::new() };
        let logs = Arc::new(origin::open(&described, false, &served).unwrap());
        let table: Arc<dyn TableProvider> = Arc::new(LogTable::new(logs, Lines::Log));
        let (logical, physical) = codecs(Some(served));
        let context = session::session(Limits { partitions: 3, memory: 1 << 28 }).unwrap();
        let name = TableReference::bare("log");
        let mut bytes = Vec::new();
        logical.try_encode_table_provider(&name, Arc::clone(&table), &mut bytes).unwrap();
        let there =
            logical.try_decode_table_provider(&bytes, &name, table.schema(), &context.task_ctx()).unwrap();
        context.register_table("log", there).unwrap();
        for sql in [
            "SELECT src, n FROM log WHERE prefix LIKE 'tcp%'",
            "SELECT time, network(src, 16) FROM log WHERE time > '2026-01-01' AND prefix <> 'x'",
            "SELECT file, line FROM log",
        ] {
            let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
            let here = scan(&plan).unwrap();
            let (mut bytes, converter) = (Vec::new(), DefaultPhysicalProtoConverter {});
            physical.try_encode(Arc::clone(&here), &mut bytes, &converter).unwrap();
            let decode = |bytes: &[u8]| physical.try_decode(bytes, &[], &context.task_ctx(), &converter);
            let there = decode(&bytes).unwrap();
            let (here, there) = (rows(here, context.task_ctx()).await, rows(there, context.task_ctx()).await);
            assert!(here.len() > 50 && here == there, "{sql}: {} and {}", here.len(), there.len());
            for end in (4..bytes.len()).step_by(97) {
                assert!(decode(&bytes[..end]).is_err(), "{sql}: {end} bytes");
            }
        }
    }
}

//! The client of a cluster: a session whose queries are done elsewhere, and the end of one that is not wanted any more.
//!
//! Responsible for: the settings that travel with a session.
//! Must not know: what is asked.
//! Tested by: the unit tests below, `benches/cluster.sh`.

use std::any::Any;
use std::sync::Arc;

use ballista_core::config::BALLISTA_CLIENT_PULL;
use ballista_core::execution_plans::DistributedQueryExec;
use ballista_core::extension::{SessionConfigExt as _, SessionStateExt as _};
use ballista_core::serde::protobuf::CancelJobParams;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::utils::create_grpc_client_endpoint;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::protobuf::LogicalPlanNode;

use super::codec;
use crate::functions;

/// Bytes of the longest message: a plan names every file.
pub(super) const MESSAGE: u32 = 64 << 20;
/// So much text is a partition, unless there are fewer than [`FEWEST`] then, or more than [`MOST`].
const PARTITION: u64 = 256 << 20;
/// So many partitions at least: how many processors there are is not known here.
const FEWEST: usize = 8;
/// So many at most: each part that is read leaves something for each partition, and fetching these takes time.
const MOST: usize = 64;

/// Where a session's queries are done.
struct Scheduler(String);

/// A session whose queries are done by the cluster of this scheduler, over so many bytes of logs.
///
/// # Errors
/// DataFusion refuses a setting.
pub fn session(scheduler: &str, bytes: u64, partitions: Option<usize>) -> Result<SessionContext> {
    let (logical, physical) = codec::codecs(None);
    let fitting = usize::try_from(bytes.div_ceil(PARTITION)).unwrap_or(usize::MAX).clamp(FEWEST, MOST);
    let config = settings(SessionConfig::new_with_ballista())
        // The other way tells a job's name late, so that it could not be ended before.
        .set_bool(BALLISTA_CLIENT_PULL, true)
        .with_target_partitions(partitions.unwrap_or(fitting))
        .with_extension(Arc::new(Scheduler(scheduler.to_owned())))
        .with_ballista_logical_extension_codec(logical)
        .with_ballista_physical_extension_codec(physical);
    let state = SessionStateBuilder::new_with_default_features().with_config(config).build();
    let context = SessionContext::new_with_state(state.upgrade_for_ballista(format!("http://{scheduler}"))?);
    // Not before: the functions of a session are replaced when it is made one of a cluster.
    for function in functions::all() {
        context.register_udf(function);
    }
    Ok(context)
}

/// What all sessions of a cluster have.
pub(super) fn settings(config: SessionConfig) -> SessionConfig {
    let mut config = config
        .with_information_schema(true)
        .with_batch_size(8192)
        .with_ballista_grpc_client_max_message_size(MESSAGE as usize);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    // A task has its own files; what it could take from others is what others read.
    options.execution.enable_file_stream_work_stealing = false;
    config
}

/// Ends a plan's job on the cluster; nothing if it has none.
pub async fn cancel(context: &SessionContext, plan: &Arc<dyn ExecutionPlan>) {
    let scheduler = context.copied_config().get_extension::<Scheduler>();
    let (Some(scheduler), Some(job)) = (scheduler, job(plan)) else { return };
    let ended = async {
        let endpoint = create_grpc_client_endpoint(format!("http://{}", scheduler.0), None).ok()?;
        let channel = endpoint.connect().await.ok()?;
        SchedulerGrpcClient::new(channel).cancel_job(CancelJobParams { job_id: job }).await.ok()
    };
    // A scheduler that cannot be reached does nothing for anybody.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), ended).await;
}

fn job(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    let query = (plan.as_ref() as &dyn Any).downcast_ref::<DistributedQueryExec<LogicalPlanNode>>();
    match query {
        Some(query) => query.job_id().map(|id| id.to_string()),
        None => plan.children().into_iter().find_map(job),
    }
}

/// Whether a scheduler is there.
///
/// # Errors
/// It is not, or not within ten seconds.
pub async fn reach(scheduler: &str) -> Result<()> {
    let wrong = |why: String| {
        DataFusionError::Execution(format!("the scheduler {scheduler} cannot be reached: {why}"))
    };
    let endpoint = create_grpc_client_endpoint(format!("http://{scheduler}"), None);
    let endpoint = endpoint.map_err(|error| wrong(error.to_string()))?;
    match tokio::time::timeout(std::time::Duration::from_secs(10), endpoint.connect()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Err(wrong(cause.unwrap_or_else(|| error.to_string())))
        }
        Err(_) => Err(wrong("no answer".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What answers depend on; the engine's defaults change silently.
    #[test]
    fn settings_are_those_that_answers_depend_on() {
        let context = session("localhost:1", 1 << 40, None).unwrap();
        let config = context.copied_config();
        let options = config.options();
        assert_eq!(options.execution.target_partitions, MOST);
        assert!(!options.execution.enable_file_stream_work_stealing);
        assert!(!options.optimizer.enable_round_robin_repartition);
        assert!(!options.optimizer.enable_dynamic_filter_pushdown);
        assert!(!options.sql_parser.map_string_types_to_utf8view);
        assert!(!options.execution.parquet.schema_force_view_types);
        assert!(config.ballista_config().client_pull());
        assert_eq!(config.ballista_grpc_client_max_message_size(), 64 << 20);
        assert!(context.state().scalar_functions().contains_key("cidr_match"));
        assert_eq!(session("localhost:1", 0, None).unwrap().copied_config().target_partitions(), FEWEST);
    }
}

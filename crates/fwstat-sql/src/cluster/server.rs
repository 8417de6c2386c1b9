//! The processes of a cluster: a scheduler, and executors, which read.
//!
//! Responsible for: their settings. There is no authentication: they listen to this machine only, unless told otherwise, and
//! serve one folder, to be read.
//! Must not know: how a plan becomes bytes (`codec`).
//! Tested by: the unit tests below, `benches/cluster.sh`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, anyhow, ensure};
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::utils::{default_config_producer, default_session_builder};
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::{SchedulerConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_process::start_server;
use clap::{Args, Parser, Subcommand};
use datafusion::error::Result;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{FunctionRegistry as _, SessionStateBuilder};

use super::origin::Served;
use super::own::Own;
use super::store::Stores;
use super::{client, codec};
use crate::functions;

/// Seconds without a sign of an executor, after which its work is given to others; and between two signs.
const DEAD: (u64, u64) = (20, 5);
/// Seconds that a query waits for a new executor when none is left.
const ALONE: u64 = 15;
/// Seconds that what a query left on disk is kept, and between two looks at it.
const LEFT: (u64, u64) = (3600, 600);

/// Run a part of a cluster for `fwstat sql --cluster`.
///
/// There is no authentication: whoever reaches a scheduler can read all files below its folder. Keep these ports in a
/// network of their own.
#[derive(Parser, Debug)]
#[command(name = "fwstat sql cluster", version)]
pub(super) struct Cluster {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand, Debug)]
enum Part {
    /// Take queries, and give parts of them to executors.
    Scheduler(Scheduler),
    /// Read logs.
    Executor(Executor),
}

#[derive(Args, Debug)]
struct Serving {
    /// The folder that is served, to be read; files elsewhere are refused.
    #[arg(long, value_name = "DIR", default_value = "/var/log")]
    root: PathBuf,
    /// Objects of S3 that are served too, as s3://BUCKET/BEGINNING; more than one if it is given more than once.
    #[cfg(feature = "s3")]
    #[arg(long, value_name = "NAME")]
    objects: Vec<String>,
    /// Listen to all networks.
    #[arg(long)]
    insecure: bool,
    /// Say on standard error what happens.
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Args, Debug)]
struct Scheduler {
    /// Address and port to listen to.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:50050")]
    bind: std::net::SocketAddr,
    #[command(flatten)]
    serving: Serving,
}

#[derive(Args, Debug)]
struct Executor {
    /// The scheduler.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    scheduler: String,
    /// Address to listen to.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The name by which clients and other executors find this one, if it is another than the address.
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// Port for results.
    #[arg(long, value_name = "PORT", default_value_t = 50051)]
    port: u16,
    /// Port for the scheduler.
    #[arg(long, value_name = "PORT", default_value_t = 50052)]
    grpc_port: u16,
    /// Parts of queries that are worked on at once (default: one per processor).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    vcores: Option<u16>,
    /// Folder for what is between two steps of a query (default: a new one among the temporary files).
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Memory for sorting, joining and grouping (default: 70 % of what there is).
    #[arg(long, value_name = "SIZE", value_parser = crate::cli::size)]
    memory: Option<usize>,
    #[command(flatten)]
    serving: Serving,
}

/// Runs it until it is told to end.
pub(super) fn run(asked: Cluster) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match asked.part {
        Part::Scheduler(asked) => runtime.block_on(scheduler(asked)),
        Part::Executor(asked) => runtime.block_on(executor(asked)),
    }
}

impl Serving {
    /// Looks at what is asked, and begins to tell what happens.
    fn begin(&self, address: IpAddr) -> anyhow::Result<Served> {
        ensure!(
            self.insecure || !address.is_unspecified(),
            "{address} is every network that this machine has, and there is no authentication: name an address, or say --insecure"
        );
        Told::begin(self.verbose);
        let root = self.root.canonicalize().with_context(|| format!("--root: {}", self.root.display()))?;
        #[cfg(feature = "s3")]
        for name in &self.objects {
            ensure!(name.starts_with(crate::objects::SCHEME), "--objects: s3://BUCKET/BEGINNING is needed");
        }
        Ok(Served {
            root,
            #[cfg(feature = "s3")]
            objects: self.objects.clone(),
            #[cfg(not(feature = "s3"))]
            objects: Vec::new(),
        })
    }
}

async fn scheduler(asked: Scheduler) -> anyhow::Result<()> {
    let served = asked.serving.begin(asked.bind.ip())?;
    let config = Arc::new(scheduler_config(&asked, &served)?);
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(plain)?;
    tokio::select! {
        ended = start_server(cluster, asked.bind, config) => ended.map_err(plain),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

fn scheduler_config(asked: &Scheduler, served: &Served) -> anyhow::Result<SchedulerConfig> {
    let (logical, physical) = codec::codecs(Some(served.clone()));
    let files = runtime(&served.root, None)?;
    Ok(SchedulerConfig {
        bind_host: asked.bind.ip().to_string(),
        bind_port: asked.bind.port(),
        external_host: asked.bind.ip().to_string(),
        task_distribution: TaskDistributionPolicy::RoundRobin,
        grpc_server_max_decoding_message_size: client::MESSAGE,
        grpc_server_max_encoding_message_size: client::MESSAGE,
        grpc_client_max_message_size: client::MESSAGE,
        executor_timeout_seconds: DEAD.0,
        no_executors_grace_period_seconds: ALONE,
        expire_dead_executor_interval_seconds: DEAD.1,
        override_config_producer: Some(Arc::new(|| client::settings(default_config_producer()))),
        override_session_builder: Some(Arc::new(move |config| {
            let state = default_session_builder(config)?;
            let builder = SessionStateBuilder::new_from_existing(state);
            let mut state = builder.with_runtime_env(Arc::clone(&files)).build();
            for function in functions::all() {
                state.register_udf(Arc::new(function))?;
            }
            Ok(state)
        })),
        override_logical_codec: Some(logical),
        override_physical_codec: Some(physical),
        ..SchedulerConfig::default()
    })
}

async fn executor(asked: Executor) -> anyhow::Result<()> {
    let served = asked.serving.begin(asked.bind)?;
    let own = match &asked.work_dir {
        Some(_) => None,
        None => Some(Own::new(&std::env::temp_dir())?),
    };
    let work = asked.work_dir.as_deref().or(own.as_ref().map(Own::path)).context("--work-dir")?;
    start_executor_process(Arc::new(executor_config(&asked, &served, work)?)).await.map_err(plain)
}

fn executor_config(asked: &Executor, served: &Served, work: &Path) -> anyhow::Result<ExecutorProcessConfig> {
    let (logical, physical) = codec::codecs(Some(served.clone()));
    let files = runtime(&served.root, Some(work))?;
    let (host, port) = asked.scheduler.rsplit_once(':').context("--scheduler: HOST:PORT is needed")?;
    let mut known = BallistaFunctionRegistry::default();
    let ours = functions::all().into_iter().map(|function| (function.name().to_owned(), Arc::new(function)));
    known.scalar_functions.extend(ours);
    let nested = ballista_core::extension::ballista_scalar_functions();
    known.scalar_functions.extend(nested.into_iter().map(|function| (function.name().to_owned(), function)));
    let default = ExecutorProcessConfig::default();
    Ok(ExecutorProcessConfig {
        bind_host: asked.bind.to_string(),
        external_host: Some(asked.advertise.clone().unwrap_or_else(|| asked.bind.to_string())),
        port: asked.port,
        grpc_port: asked.grpc_port,
        scheduler_host: host.to_owned(),
        scheduler_port: port.parse().context("--scheduler: HOST:PORT is needed")?,
        scheduler_connect_timeout_seconds: 60,
        vcores: asked.vcores.map_or(default.vcores, usize::from),
        work_dir: Some(work.to_str().context("--work-dir: a name that is no text")?.to_owned()),
        job_data_ttl_seconds: LEFT.0,
        job_data_clean_up_interval_seconds: LEFT.1,
        grpc_max_decoding_message_size: client::MESSAGE,
        grpc_max_encoding_message_size: client::MESSAGE,
        executor_heartbeat_interval_seconds: DEAD.1,
        memory_pool_size: asked.memory.map(|bytes| bytes as u64),
        override_config_producer: Some(Arc::new(|| client::settings(default_config_producer()))),
        override_function_registry: Some(Arc::new(known)),
        override_runtime_producer: Some(Arc::new(move |_| Ok(Arc::clone(&files)))),
        override_logical_codec: Some(logical),
        override_physical_codec: Some(physical),
        ..default
    })
}

/// The surroundings of a server: the one store, and where it puts what does not fit into memory.
fn runtime(root: &Path, work: Option<&Path>) -> Result<Arc<RuntimeEnv>> {
    let builder = RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(Stores::new(root)?));
    match work {
        Some(work) => builder.with_temp_file_path(work).build_arc(),
        None => builder.build_arc(),
    }
}

fn plain(error: ballista_core::error::BallistaError) -> anyhow::Error {
    anyhow!("{error}")
}

/// What the engine has to say, on standard error.
struct Told(log::LevelFilter);

static TOLD: OnceLock<Told> = OnceLock::new();

impl Told {
    fn begin(verbose: bool) {
        let level = if verbose { log::LevelFilter::Info } else { log::LevelFilter::Warn };
        // There is one already only in tests.
        if log::set_logger(TOLD.get_or_init(|| Told(level))).is_ok() {
            log::set_max_level(level);
        }
    }
}

impl log::Log for Told {
    fn enabled(&self, meta: &log::Metadata<'_>) -> bool {
        meta.level() <= self.0
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = fwlog::text::escape(record.args().to_string().as_bytes());
            // Without standard error it cannot be said.
            let _ = fwstat::report::diagnostics::warning(&text);
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Part {
        Cluster::try_parse_from([&["fwstat sql cluster"], words].concat()).unwrap().part
    }

    #[test]
    fn servers_listen_to_this_machine_and_read_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let served = Served { root: folder.path().to_owned(), objects: Vec::new() };
        let Part::Scheduler(asked) = parsed(&["scheduler"]) else { panic!() };
        assert!(asked.bind.ip().is_loopback());
        let config = scheduler_config(&asked, &served).unwrap();
        assert_eq!(config.grpc_client_max_message_size, 64 << 20);
        assert!(config.executor_timeout_seconds <= 30 && config.override_physical_codec.is_some());
        config.validate().unwrap();
        let state = (config.override_session_builder.unwrap())(default_config_producer()).unwrap();
        assert!(state.scalar_functions().contains_key("network"));
        assert!(
            state.runtime_env().object_store_registry.get_store(&url::Url::parse("s3://x").unwrap()).is_err()
        );
        let Part::Executor(asked) = parsed(&["executor", "--scheduler=h:1", "--vcores=2"]) else { panic!() };
        assert!(asked.bind.is_loopback());
        let config = executor_config(&asked, &served, folder.path()).unwrap();
        assert_eq!((config.vcores, config.grpc_max_decoding_message_size), (2, 64 << 20));
        assert!(
            config.scheduler_connect_timeout_seconds >= 60 && config.job_data_clean_up_interval_seconds > 0
        );
        assert!(config.override_function_registry.unwrap().scalar_functions.contains_key("is_scan"));
        let all = parsed(&["scheduler", "--bind=0.0.0.0:1"]);
        let Part::Scheduler(all) = all else { panic!() };
        assert!(all.serving.begin(all.bind.ip()).is_err());
    }
}

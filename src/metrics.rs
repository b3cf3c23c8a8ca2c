//! Where the figures of this process are kept, and those that are read when somebody asks for them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use caravan_wire::Metrics;
use metrics::{Unit, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use nix::sys::statvfs::statvfs;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::node::Node;
use crate::roles::Role;

/// How often samples are summed up; until then each takes its place in memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// How often it is tried how long a pool lets one wait for a connection.
const ROUND: Duration = Duration::from_secs(1);

/// Takes in what is counted from now on. Buckets, not quantiles: what several processes counted can be added up.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let appends = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)?
        .set_buckets_for_metric(Matcher::Suffix("_batch_size".to_owned()), &appends)?
        .install_recorder()
}

/// All figures as they stand when it is called.
pub fn rendering(handle: PrometheusHandle, node: &Node, role: Role) -> Metrics {
    describe_gauge!("caravan_build_info", "1; version and role of this process");
    gauge!("caravan_build_info", "version" => env!("CARGO_PKG_VERSION"), "role" => role.name()).set(1);
    describe_gauge!("caravan_pool_connections", "Connections to a database that are kept, by whether one is at work");
    describe_gauge!("caravan_pool_connections_max", "Connections to a database that are kept at most");
    describe_gauge!(
        "caravan_data_dir_available_bytes",
        Unit::Bytes,
        "Room on the disk of the data directory, where there is one"
    );
    let process = Collector::default();
    process.describe();
    let pools = node.pools();
    let data_dir = node.config.uses_data_dir().then(|| node.config.data_dir.clone());
    Arc::new(move || {
        process.collect();
        for &(name, ref pool) in &pools {
            read_pool(name, pool);
        }
        if let Some(bytes) = data_dir.as_deref().and_then(room) {
            gauge!("caravan_data_dir_available_bytes").set(bytes);
        }
        handle.render()
    })
}

fn read_pool(name: &'static str, pool: &PgPool) {
    let (all, idle) = (f64::from(pool.size()), pool.num_idle() as f64);
    gauge!("caravan_pool_connections", "pool" => name, "state" => "idle").set(idle);
    // They are read one after the other.
    gauge!("caravan_pool_connections", "pool" => name, "state" => "used").set((all - idle).max(0.0));
    gauge!("caravan_pool_connections_max", "pool" => name).set(pool.options().get_max_connections());
}

/// Bytes that may still be written where a directory is.
fn room(dir: &Path) -> Option<f64> {
    let disk = statvfs(dir).ok()?;
    Some(disk.blocks_available() as f64 * disk.fragment_size() as f64)
}

/// Sums samples up, until `stop`.
pub async fn keep_up(handle: PrometheusHandle, stop: CancellationToken) -> Result<()> {
    while tokio::time::timeout(UPKEEP, stop.cancelled()).await.is_err() {
        handle.run_upkeep();
    }
    Ok(())
}

/// Tries how long a pool lets one wait, until `stop`: it does not tell of those who do.
pub async fn try_pool(name: &'static str, pool: PgPool, stop: CancellationToken) -> Result<()> {
    describe_histogram!(
        "caravan_pool_wait_seconds",
        Unit::Seconds,
        "How long a connection to a database was waited for, tried each second; after 3 s a request gets 503"
    );
    let waited = histogram!("caravan_pool_wait_seconds", "pool" => name);
    while tokio::time::timeout(ROUND, stop.cancelled()).await.is_err() {
        let begun = Instant::now();
        let _connection = pool.acquire().await;
        waited.record(begun.elapsed());
    }
    Ok(())
}

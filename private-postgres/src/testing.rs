//! Real databases for tests: each asks for its own, on one cluster under the target directory. Test programs leave it
//! running for those that come after them, and each drops what earlier ones left there. `CARAVAN_TEST_POSTGRES` names
//! another server (a superuser's URL, without database).

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use crate::process::PidFile;
use crate::{Error, PrivatePostgres, moved_to};

/// The URL of a new, empty database. Panics when no Postgres can be had: a test without its server fails.
pub async fn database() -> String {
    let server = server().await.unwrap_or_else(|error| panic!("this test needs a Postgres server: {error}"));
    let mut random = [0u8; 8];
    getrandom::fill(&mut random).expect("the system gives randomness");
    let name = format!("{PREFIX}{:016x}", u64::from_ne_bytes(random));
    let mut connection =
        PgConnection::connect(&format!("{server}/postgres")).await.expect("the test server takes connections");
    connection.execute(AssertSqlSafe(format!("create database {name}"))).await.expect("a database can be made");
    format!("{server}/{name}")
}

async fn server() -> Result<String, Error> {
    if let Ok(url) = std::env::var("CARAVAN_TEST_POSTGRES") {
        return Ok(url);
    }
    let cluster = CLUSTER.get_or_try_init(|| async {
        let settings = [("max_connections", "400"), ("max_wal_size", "256MB")];
        let cluster = PrivatePostgres::start(&directory(), &settings).await?;
        drop_abandoned(&cluster).await?;
        Ok::<_, Error>(cluster)
    });
    Ok(cluster.await?.url("").trim_end_matches('/').to_owned())
}

/// Drops the databases of test programs that have ended: all there are, unless another program is at work.
async fn drop_abandoned(cluster: &PrivatePostgres) -> Result<(), Error> {
    let turn = cluster.user.turn().await?;
    if !cluster.user.is_only(&turn)? {
        return Ok(());
    }
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await?;
    let abandoned: Vec<String> = sqlx::query_scalar("select datname from pg_database where starts_with(datname, $1)")
        .bind(PREFIX)
        .fetch_all(&mut connection)
        .await?;
    for name in abandoned {
        connection.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await?;
    }
    Ok(connection.close().await?)
}

const PREFIX: &str = "test_";

/// Used until this program ends.
static CLUSTER: OnceCell<PrivatePostgres> = OnceCell::const_new();

/// Drops the databases in the cluster that test programs share and stops it, if it runs and none of them is at work.
pub async fn stop() -> Result<(), Error> {
    let dir = directory();
    if !may_run_in(&dir) {
        return Ok(());
    }
    let cluster = PrivatePostgres::start(&dir, &[]).await?;
    drop_abandoned(&cluster).await?;
    cluster.close().await
}

/// Whether the cluster in `dir` runs, or ended without tidying up.
fn may_run_in(dir: &Path) -> bool {
    let dir = moved_to(dir).unwrap_or_else(|| dir.to_owned());
    PidFile::of(&dir.join("data")).exists()
}

fn directory() -> PathBuf {
    // target/debug/deps/<program> → target/test-servers
    let program = std::env::current_exe().expect("a program knows its path");
    let target = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    target.map_or_else(std::env::temp_dir, |dir| dir.to_owned()).join("test-servers/postgres")
}

//! Real databases for tests: each asks for its own, on one cluster under the target directory that later test
//! programs adopt. `CARAVAN_TEST_POSTGRES` names another server (a superuser's URL, without database).

use std::path::PathBuf;

use nix::fcntl::{Flock, FlockArg};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::{Error, PrivatePostgres};

/// The URL of a new, empty database. Panics when no Postgres can be had: a test without its server fails.
pub async fn database() -> String {
    let server = server().await.unwrap_or_else(|error| panic!("this test needs a Postgres server: {error}"));
    let mut random = [0u8; 8];
    getrandom::fill(&mut random).expect("the system gives randomness");
    let name = format!("test_{:016x}", u64::from_ne_bytes(random));
    let mut connection =
        sqlx::PgConnection::connect(&format!("{server}/postgres")).await.expect("the test server takes connections");
    connection.execute(AssertSqlSafe(format!("create database {name}"))).await.expect("a database can be made");
    format!("{server}/{name}")
}

async fn server() -> Result<String, Error> {
    if let Ok(url) = std::env::var("CARAVAN_TEST_POSTGRES") {
        return Ok(url);
    }
    let dir = directory();
    std::fs::create_dir_all(&dir)?;
    // Test programs run side by side; one of them starts the server.
    let lock = std::fs::File::create(dir.join("lock"))?;
    let _guard = tokio::task::spawn_blocking(|| Flock::lock(lock, FlockArg::LockExclusive))
        .await
        .map_err(std::io::Error::other)?
        .map_err(|(_, error)| std::io::Error::from(error))?;
    let cluster = PrivatePostgres::start(&dir.join("postgres"), &[("max_connections", "400")]).await?;
    Ok(cluster.url("").trim_end_matches('/').to_owned())
}

/// Stops the cluster that test programs share, if it runs.
pub async fn stop() -> Result<(), Error> {
    let dir = directory().join("postgres");
    if PrivatePostgres::runs_in(&dir).await { PrivatePostgres::start(&dir, &[]).await?.stop().await } else { Ok(()) }
}

fn directory() -> PathBuf {
    // target/debug/deps/<program> → target/test-servers
    let program = std::env::current_exe().expect("a program knows its path");
    let target = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    target.map_or_else(std::env::temp_dir, |dir| dir.to_owned()).join("test-servers")
}

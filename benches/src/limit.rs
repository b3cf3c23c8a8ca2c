//! The limits: what Postgres does at the same moment when nothing of ours is in between.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use caravan_event_store::Json;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use tokio::process::Command;

use crate::cluster::Cluster;

/// Bytes of JSON in each row that pgbench inserts.
const PAYLOAD: usize = 256;

/// pgbench on a database of its own.
pub struct Pgbench {
    program: PathBuf,
    url: String,
    insert: PathBuf,
}

impl Pgbench {
    pub async fn prepare(cluster: &Cluster) -> Result<Pgbench> {
        let url = cluster.database("bench_limit").await?;
        let insert = cluster.dir().join("insert.sql");
        std::fs::write(&insert, format!("insert into inserted (data) values ('{}');\n", payload(PAYLOAD)?.text()))?;
        let mut connection = PgConnection::connect(&url).await?;
        let table = "create table if not exists inserted (id bigserial primary key, data jsonb not null);
            truncate inserted";
        connection.execute(table).await?;
        let pgbench = Pgbench { program: find()?, url, insert };
        let scaled: bool =
            sqlx::query_scalar("select to_regclass('pgbench_accounts') is not null").fetch_one(&mut connection).await?;
        if !scaled {
            pgbench.run(&["-i", "-q", "-s", "10"]).await?;
        }
        Ok(pgbench)
    }

    /// Single-row inserts a second, each committed on its own.
    pub async fn inserts(&self, clients: u32, slice: Duration) -> Result<f64> {
        let script = self.insert.display().to_string();
        self.tps(&["-f", &script, "-M", "prepared"], clients, slice).await
    }

    /// Selects by key a second (`pgbench -S`).
    pub async fn selects(&self, clients: u32, slice: Duration) -> Result<f64> {
        self.tps(&["-S", "-M", "prepared"], clients, slice).await
    }

    async fn tps(&self, what: &[&str], clients: u32, slice: Duration) -> Result<f64> {
        let (clients, threads) = (clients.to_string(), clients.min(2).to_string());
        let seconds = slice.as_secs().max(1).to_string();
        let mut arguments = vec!["-n", "-c", &clients, "-j", &threads, "-T", &seconds];
        arguments.extend(what);
        let output = self.run(&arguments).await?;
        let tps = output.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        tps.with_context(|| format!("pgbench printed no tps:\n{output}"))
    }

    async fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.program).args(arguments).arg(&self.url).output().await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("pgbench {}: {text}{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(text)
    }
}

/// A JSON object of so many bytes.
pub fn payload(bytes: usize) -> Result<Json> {
    let frame = r#"{"text":""}"#.len();
    Ok(Json::of(&json!({"text": "x".repeat(bytes.saturating_sub(frame))}))?)
}

/// The rows of a table, to be copied into another of the same shape.
pub struct Copy {
    url: String,
    table: String,
    data: Vec<u8>,
    rows: u64,
}

impl Copy {
    /// Takes all rows of `table` into memory, and makes an empty table like it, indexes included.
    pub async fn of(pool: &PgPool, url: &str, table: &str) -> Result<Copy> {
        use futures::TryStreamExt;
        use sqlx::postgres::PgPoolCopyExt;
        let copied = "bench_copied".to_owned();
        let make = format!("drop table if exists {copied}; create table {copied} (like {table} including all)");
        pool.execute(AssertSqlSafe(make)).await?;
        let rows: i64 =
            sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}"))).fetch_one(pool).await?;
        let select = format!("copy {table} to stdout");
        let mut data = vec![];
        let mut chunks = pool.copy_out_raw(&select).await?;
        while let Some(chunk) = chunks.try_next().await? {
            data.extend_from_slice(&chunk);
        }
        Ok(Copy { url: url.to_owned(), table: copied, data, rows: rows.unsigned_abs() })
    }

    /// Rows a second of one COPY of them all into the emptied table, committed.
    pub async fn rows_a_second(&self) -> Result<f64> {
        let mut connection = PgConnection::connect(&self.url).await?;
        connection.execute(AssertSqlSafe(format!("truncate {}", self.table))).await?;
        let started = Instant::now();
        let mut copy = connection.copy_in_raw(&format!("copy {} from stdin", self.table)).await?;
        for chunk in self.data.chunks(1 << 20) {
            copy.send(chunk).await?;
        }
        let rows = copy.finish().await?;
        let elapsed = started.elapsed();
        if rows != self.rows {
            bail!("COPY took {rows} rows of {}", self.rows);
        }
        Ok(rows as f64 / elapsed.as_secs_f64())
    }
}

fn find() -> Result<PathBuf> {
    let mut places: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    places.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    let mut places: Vec<PathBuf> = places.into_iter().rev().map(|path| path.join("bin")).collect();
    places.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let found = places.iter().map(|dir| dir.join("pgbench")).find(|program| Path::exists(program));
    found.context("pgbench is in neither PATH nor /usr/lib/postgresql/*/bin: install postgresql-contrib")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_json_of_the_size_asked_for() {
        let payload = payload(PAYLOAD).unwrap();
        assert_eq!(payload.text().len(), PAYLOAD);
        assert!(payload.read::<serde_json::Value>().unwrap().is_object());
    }
}

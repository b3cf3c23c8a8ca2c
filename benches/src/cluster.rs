//! The Postgres that everything is measured on: one of our own, with its default, durable settings, on a real disk.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use caravan_private_postgres::PrivatePostgres;
use nix::fcntl::{Flock, FlockArg};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

pub struct Cluster {
    postgres: PrivatePostgres,
    /// Where benches keep what they need, below the target directory.
    dir: PathBuf,
    /// Held while they run: two at once would measure each other, and drop each other's databases.
    _alone: Flock<File>,
}

impl Cluster {
    pub async fn start() -> Result<Cluster> {
        let dir = target()?.join("bench");
        std::fs::create_dir_all(&dir)?;
        let alone = Flock::lock(File::create(dir.join("lock"))?, FlockArg::LockExclusiveNonblock)
            .map_err(|_| anyhow!("benches run in {} already", dir.display()))?;
        let postgres = PrivatePostgres::start(&dir.join("postgres"), &[("max_connections", "400")]).await?;
        let cluster = Cluster { postgres, dir, _alone: alone };
        cluster.must_be_durable().await?;
        Ok(cluster)
    }

    pub async fn stop(&self) -> Result<()> {
        Ok(self.postgres.stop().await?)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The URL of a database, as it is.
    pub async fn database(&self, name: &str) -> Result<String> {
        Ok(self.postgres.database(name).await?)
    }

    /// The URL of a database without anything in it.
    pub async fn fresh_database(&self, name: &str) -> Result<String> {
        let mut connection = PgConnection::connect(&self.postgres.url("postgres")).await?;
        let drop = format!("drop database if exists \"{name}\" with (force)");
        connection.execute(AssertSqlSafe(drop)).await?;
        self.database(name).await
    }

    /// A pool on a new database with the log's tables.
    pub async fn log(&self, name: &str) -> Result<(PgPool, String)> {
        let url = self.fresh_database(name).await?;
        let pool = PgPoolOptions::new().max_connections(8).connect(&url).await?;
        caravan_migrations::MAIN.run(&pool).await?;
        Ok((pool, url))
    }

    /// A figure from a disk that forgets, or from commits that don't wait for it, would mean nothing.
    async fn must_be_durable(&self) -> Result<()> {
        let mut connection = PgConnection::connect(&self.postgres.url("postgres")).await?;
        for (setting, value) in [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")] {
            let found: String =
                sqlx::query_scalar("select current_setting($1)").bind(setting).fetch_one(&mut connection).await?;
            if found != value {
                bail!("Postgres runs with {setting} = {found}");
            }
        }
        let data: String =
            sqlx::query_scalar("select current_setting('data_directory')").fetch_one(&mut connection).await?;
        let filesystem = nix::sys::statfs::statfs(Path::new(&data)).with_context(|| data.clone())?;
        if filesystem.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC {
            bail!("{data} is in memory: set CARGO_TARGET_DIR to a directory on a disk");
        }
        Ok(())
    }
}

/// The target directory: this program is in target/release.
pub fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    target.map(Path::to_owned).context("this program is not in a target directory")
}

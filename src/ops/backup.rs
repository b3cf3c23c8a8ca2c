//! `caravan backup` and `caravan restore`: all that the embedded form keeps, as files.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use caravan_private_postgres::PrivatePostgres;
use caravan_projections::OPENED_TABLES;
use clap::Args;

use crate::config::{Config, FILES};
use crate::data_dir;
use crate::node;
use crate::stop;

#[derive(Args)]
pub struct Backup {
    /// A directory that is not there yet
    dir: PathBuf,
}

#[derive(Args)]
pub struct Restore {
    /// What `caravan backup` made
    dir: PathBuf,
}

/// The databases and the directories beside them, in the order they are copied. Keys come after the log, so that there
/// is one for every value in it.
const DATABASES: [&str; 2] = [node::MAIN_DATABASE, node::KEYS_DATABASE];
const DIRECTORIES: [&str; 3] = ["secrets", "outbox", FILES];

/// The database of a name, as a file in a backup.
fn dump(dir: &Path, database: &str) -> PathBuf {
    dir.join(format!("{database}.dump"))
}

impl Backup {
    /// Beside a running `serve` or on its own.
    pub async fn run(self, config: Config) -> Result<()> {
        only_embedded(&config)?;
        let made = DirBuilder::new().mode(0o700).create(&self.dir);
        made.with_context(|| format!("{}: name a directory that is not there yet", self.dir.display()))?;
        let started = node::start(&config).await.context("the embedded Postgres")?;
        let outcome = unless_stopped(self.copy(&config.data_dir, &started)).await;
        started.close().await.context("the embedded Postgres")?;
        outcome.with_context(|| format!("what is in {} is no backup", self.dir.display()))?;
        eprintln!(
            "everything is in {}; it holds the secrets of the data directory too: keep it as safe",
            self.dir.display()
        );
        Ok(())
    }

    async fn copy(&self, data_dir: &Path, postgres: &PrivatePostgres) -> Result<()> {
        for database in DATABASES {
            eprintln!("database {database}");
            let empty = (database == node::MAIN_DATABASE).then_some(OPENED_TABLES);
            postgres.dump(database, empty, &dump(&self.dir, database)).await.context(database)?;
        }
        copy_directories(data_dir, &self.dir)
    }
}

impl Restore {
    /// Into a data directory in which there is nothing yet.
    pub async fn run(self, config: Config) -> Result<()> {
        only_embedded(&config)?;
        for database in DATABASES {
            let file = dump(&self.dir, database);
            ensure!(file.exists(), "{} is no backup: it lacks {}", self.dir.display(), file.display());
        }
        let key = self.dir.join("secrets/master-key");
        ensure!(
            key.exists() || !config.master_key.is_empty(),
            "nothing in this backup can be read without its master key: {} is missing, and CARAVAN_MASTER_KEY is not set",
            key.display()
        );
        let dir = &config.data_dir;
        let taken = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
        ensure!(!taken, "{} is not empty: a backup is restored into a data directory of its own", dir.display());
        data_dir::prepare(dir)?;
        let unfinished = data_dir::begin_restoring(dir)?;
        copy_directories(&self.dir, dir)?;
        let postgres = node::start(&config).await.context("the embedded Postgres")?;
        let outcome = unless_stopped(fill(&postgres, &self.dir)).await;
        postgres.close().await.context("the embedded Postgres")?;
        outcome.with_context(|| format!("{} is not whole: delete it and try again", dir.display()))?;
        fs::remove_file(unfinished)?;
        eprintln!("restored: `caravan serve` goes on from here");
        Ok(())
    }
}

async fn fill(postgres: &PrivatePostgres, backup: &Path) -> Result<()> {
    for database in DATABASES {
        eprintln!("database {database}");
        postgres.restore(database, &dump(backup, database)).await.context(database)?;
    }
    Ok(())
}

/// Gives work up on SIGTERM and SIGINT, so that Postgres is left in order.
async fn unless_stopped(work: impl Future<Output = Result<()>>) -> Result<()> {
    let stop = stop::asked()?;
    tokio::select! {
        outcome = work => outcome,
        () = stop.cancelled() => bail!("interrupted"),
    }
}

fn only_embedded(config: &Config) -> Result<()> {
    if config.database()?.is_some() || config.keys_database()?.is_some() {
        bail!(
            "this is for the embedded Postgres; with one of your own, use its tools: see Backups in docs/OPERATIONS.md"
        );
    }
    Ok(())
}

/// Copies the directories, as far as they are there.
fn copy_directories(from: &Path, to: &Path) -> Result<()> {
    for name in DIRECTORIES {
        let (from, to) = (from.join(name), to.join(name));
        if from.exists() {
            copy_directory(&from, &to)?;
        }
    }
    Ok(())
}

fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(to).with_context(|| format!("{}", to.display()))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_directory(&path, &copy)?;
            continue;
        }
        // Whoever opens a pipe may wait for ever, and whoever follows links to directories never ends.
        if !fs::metadata(&path).is_ok_and(|what| what.is_file()) {
            eprintln!("left out, being neither a file nor a directory: {}", path.display());
            continue;
        }
        match fs::copy(&path, &copy) {
            // What was forgotten or finished meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            copied => copied.with_context(|| format!("{}", path.display()))?,
        };
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

//! Databases as files, by Postgres' own programs.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::{Error, PrivatePostgres};

impl PrivatePostgres {
    /// Writes a database, as it is at this moment, to a new file; of the tables named like `empty`, a pattern, no rows.
    pub async fn dump(&self, database: &str, empty: Option<&str>, file: &Path) -> Result<(), Error> {
        let without = empty.map(|pattern| format!("--exclude-table-data={pattern}"));
        let (file, url) = (file.to_string_lossy(), self.url(database));
        let mut arguments = vec!["--format=custom", "--no-owner", "--file", &file, &url];
        arguments.extend(without.as_deref());
        self.client("pg_dump", &arguments).await
    }

    /// Fills an empty database, made if it does not exist, from a file that [`Self::dump`] wrote.
    pub async fn restore(&self, database: &str, file: &Path) -> Result<(), Error> {
        let url = self.database(database).await?;
        self.client("pg_restore", &["--exit-on-error", "--no-owner", "--dbname", &url, &file.to_string_lossy()]).await
    }

    /// Runs a program of the version that made the data as ourselves, so that files are ours.
    async fn client(&self, program: &str, arguments: &[&str]) -> Result<(), Error> {
        let mut command = Command::new(self.bin.join(program));
        let output = command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).output().await?;
        if output.status.success() {
            return Ok(());
        }
        // The URL is among what it may repeat.
        let output = String::from_utf8_lossy(&output.stderr).replace(&self.password, "…");
        Err(Error::Program { program: program.to_owned(), output })
    }
}

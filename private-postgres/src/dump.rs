//! Databases as files, by Postgres' own programs.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::{Error, PrivatePostgres};

impl PrivatePostgres {
    /// Writes a database, as it is at this moment, to a new file.
    pub async fn dump(&self, database: &str, file: &Path) -> Result<(), Error> {
        self.client(
            "pg_dump",
            &["--format=custom", "--no-owner", "--file", &file.to_string_lossy(), &self.url(database)],
        )
        .await
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

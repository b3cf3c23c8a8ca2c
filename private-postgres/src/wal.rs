//! The write-ahead log of a cluster: what was deleted from a table stays readable in it for as long as its files exist.

use sqlx::{Connection, PgConnection};

use crate::{Error, PrivatePostgres};

impl PrivatePostgres {
    /// Removes every file of the write-ahead log that there is now; the server goes on in a new one. The checkpoint
    /// that this takes also removes the files of tables that were rewritten or dropped before.
    pub async fn discard_wal(&self) -> Result<(), Error> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        let recycles: bool =
            sqlx::query_scalar("select current_setting('wal_recycle')::boolean").fetch_one(&mut connection).await?;
        if recycles {
            return Err(Error::WalRecycled);
        }
        let last: String = sqlx::query_scalar("select max(name) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'")
            .fetch_one(&mut connection)
            .await?;
        // Beyond files made ahead too: each may be an older one under a new name, from when they were recycled.
        loop {
            // At the very beginning of a file a switch does nothing.
            sqlx::query("select pg_logical_emit_message(false, ''::text, ''::text)").execute(&mut connection).await?;
            sqlx::query("select pg_switch_wal()").execute(&mut connection).await?;
            let current: String = sqlx::query_scalar("select pg_walfile_name(pg_current_wal_insert_lsn())")
                .fetch_one(&mut connection)
                .await?;
            if current > last {
                break;
            }
        }
        sqlx::query("checkpoint").execute(&mut connection).await?;
        let kept: i64 =
            sqlx::query_scalar("select count(*) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$' and name <= $1")
                .bind(last)
                .fetch_one(&mut connection)
                .await?;
        connection.close().await?;
        if kept > 0 { Err(Error::WalKept(kept)) } else { Ok(()) }
    }
}

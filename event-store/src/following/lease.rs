//! Who follows: one process at a time takes the lease, and every transaction proves with the fence that nobody else
//! has moved the checkpoint meanwhile.

use std::time::Duration;

use sqlx::PgConnection;

use crate::event::Position;

/// How long a lease holds without being renewed: well over what a slow batch takes, since another process would be as
/// slow and the two would take it from each other for ever. A process that ends, or loses its connection, frees it at
/// once.
const TERM: Duration = Duration::from_secs(60);

/// The right to follow under a name, from a position on.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    name: String,
    pub position: Position,
    epoch: i64,
}

/// Makes the checkpoint if there is none.
pub(super) async fn make_checkpoint(
    connection: &mut PgConnection,
    name: &str,
    position: Position,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("insert into checkpoints (name, position) values ($1, $2) on conflict do nothing");
    query.bind(name).bind(position).execute(connection).await.map(|_| ())
}

pub(super) async fn has_checkpoint(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar("select exists (select from checkpoints where name = $1)");
    query.bind(name).fetch_one(connection).await
}

impl Lease {
    /// Takes the lease if it is free. It then belongs to `connection`, which database, process and start tell from
    /// every other: a copy of the database does not wait for whoever follows the original.
    pub async fn take(connection: &mut PgConnection, name: &str) -> Result<Option<Lease>, sqlx::Error> {
        let query = sqlx::query_as(
            "update checkpoints set epoch = epoch + 1, holder = mine.pid, holder_database = mine.datname,
                    holder_started = mine.backend_start,
                    leased_until = clock_timestamp() + make_interval(secs => $2)
             from pg_stat_activity mine
             where mine.pid = pg_backend_pid() and name = $1
               and (leased_until is null or leased_until < clock_timestamp() or holder = mine.pid
                    or not exists (select from pg_stat_activity other
                                   where pid = holder and datname = holder_database and backend_start = holder_started
                                     and datname = mine.datname))
             returning position, epoch",
        );
        let taken: Option<(Position, i64)> =
            query.bind(name).bind(TERM.as_secs_f64()).fetch_optional(connection).await?;
        Ok(taken.map(|(position, epoch)| Lease { name: name.to_owned(), position, epoch }))
    }

    /// The fence: moves the checkpoint to `position` and renews the lease. False when another has it: then the
    /// transaction must not be committed.
    pub async fn advance(&self, connection: &mut PgConnection, position: Position) -> Result<bool, sqlx::Error> {
        let query = sqlx::query(
            "update checkpoints set position = $4, moved_at = clock_timestamp(),
                    leased_until = clock_timestamp() + make_interval(secs => $5)
             where name = $1 and position = $2 and epoch = $3",
        );
        let query = query.bind(&self.name).bind(self.position).bind(self.epoch).bind(position).bind(TERM.as_secs_f64());
        Ok(query.execute(connection).await?.rows_affected() == 1)
    }

    /// Renews the lease while there is nothing to do, or too much for one moment. False when another has it.
    pub async fn renew(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let query = sqlx::query(
            "update checkpoints set leased_until = clock_timestamp() + make_interval(secs => $4)
             where name = $1 and position = $2 and epoch = $3",
        );
        let query = query.bind(&self.name).bind(self.position).bind(self.epoch).bind(TERM.as_secs_f64());
        Ok(query.execute(connection).await?.rows_affected() == 1)
    }

    /// Leaves the lease to whoever comes.
    pub async fn release(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let query =
            sqlx::query("update checkpoints set leased_until = null, holder = null where name = $1 and epoch = $2");
        query.bind(&self.name).bind(self.epoch).execute(connection).await.map(|_| ())
    }
}

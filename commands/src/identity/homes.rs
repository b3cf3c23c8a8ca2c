//! Where somebody signed in from lately: there, others' failures keep nobody out. Kept as keyed hashes of account and
//! address beside the log, since it is worth nothing after a month.

use caravan_domain::EntityId;
use sqlx::PgPool;
use uuid::Uuid;

use super::guesses::origin;
use crate::{Asking, CommandError, Commands};

/// The addresses that accounts signed in from.
pub(crate) struct Homes {
    pool: PgPool,
}

impl Homes {
    pub(crate) fn new(pool: PgPool) -> Self {
        Homes { pool }
    }

    /// Removes what is too old to count.
    pub(crate) async fn purge(&self) -> Result<(), CommandError> {
        let old = "delete from home where signed_in_at < clock_timestamp() - interval '30 days'";
        sqlx::query(old).execute(&self.pool).await?;
        Ok(())
    }
}

/// Whether the account signed in from the caller's address within 30 days. Costs the same where there is none.
pub(super) async fn is_home(asking: &Asking, account: Option<EntityId>) -> Result<bool, CommandError> {
    let account = account.unwrap_or(EntityId(Uuid::nil()));
    let known = sqlx::query_scalar(
        "select exists (select from home where account = $1 and place = $2
             and signed_in_at > clock_timestamp() - interval '30 days')",
    );
    let place = place(asking, account);
    let known: bool = known.bind(account.0).bind(place).fetch_one(&asking.homes().pool).await?;
    Ok(known && asking.caller().address.is_some())
}

/// The account signed in from the caller's address. Noted once an hour: more is not worth a write.
pub(super) async fn note_home(asking: &Asking, account: EntityId) -> Result<(), CommandError> {
    if asking.caller().address.is_some() {
        let note = sqlx::query(
            "insert into home (account, place) values ($1, $2)
             on conflict (account, place) do update set signed_in_at = clock_timestamp()
             where home.signed_in_at < clock_timestamp() - interval '1 hour'",
        );
        note.bind(account.0).bind(place(asking, account)).execute(&asking.homes().pool).await?;
    }
    Ok(())
}

pub(super) async fn forget_homes(commands: &Commands, account: EntityId) -> Result<(), CommandError> {
    sqlx::query("delete from home where account = $1").bind(account.0).execute(&commands.homes().pool).await?;
    Ok(())
}

fn place(asking: &Asking, account: EntityId) -> String {
    asking.vault().hash("home", &format!("{account} {}", origin(asking)))
}

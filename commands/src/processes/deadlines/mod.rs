//! What happens to a stream when a moment has come: a row for each, which a task of its own carries out. Each context
//! has a list of its own.

mod due;
mod identity;

use caravan_domain::EntityId;
use caravan_event_store::StreamId;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use sqlx::PgConnection;

pub use due::Due;
pub use identity::forget_again;

use super::Setup;
use super::reactions::Reactions;
use crate::CommandError;
use due::Firing;

/// Something that falls due for streams of a category.
struct Deadline {
    category: &'static str,
    /// Tells it from others of the category. Rows hold it, so it stays.
    name: &'static str,
    /// Does it: an ordinary command that looks at the clock itself, or what changes nothing the second time. It may be
    /// early. Gives when it is due again, if it is.
    fire: Fire,
}

type Fire = for<'a> fn(&'a mut Firing) -> BoxFuture<'a, Result<Option<DateTime<Utc>>, CommandError>>;

/// The deadlines of every context.
fn all() -> impl Iterator<Item = &'static Deadline> {
    [identity::DEADLINES].into_iter().flatten()
}

/// Sets and lifts deadlines as events tell.
pub fn deadlines(setup: &Setup) -> Reactions {
    identity::register(Reactions::new("deadlines", setup))
}

impl Deadline {
    /// Sees to it that this is done at the moment given, or before where it is due earlier.
    async fn set(&self, tx: &mut PgConnection, id: EntityId, due_at: DateTime<Utc>) -> sqlx::Result<()> {
        sqlx::query(
            "insert into deadline (category, stream_id, name, due_at) values ($1, $2, $3, $4)
             on conflict (category, stream_id, name) do update set due_at = least(deadline.due_at, excluded.due_at)",
        )
        .bind(self.category)
        .bind(id.0)
        .bind(self.name)
        .bind(due_at)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// There is nothing left to be done.
    async fn lift(&self, tx: &mut PgConnection, id: EntityId) -> sqlx::Result<()> {
        sqlx::query("delete from deadline where category = $1 and stream_id = $2 and name = $3")
            .bind(self.category)
            .bind(id.0)
            .bind(self.name)
            .execute(tx)
            .await?;
        Ok(())
    }

    fn is_of(&self, stream: &StreamId, name: &str) -> bool {
        self.category == stream.category && self.name == name
    }
}

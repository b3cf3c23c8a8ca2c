//! The `tallies` follower: keeps every tally at the log's end.

use async_trait::async_trait;
use caravan_event_store::following::{FollowError, Follower};
use caravan_event_store::{Filter, Recorded, Revision, StreamId};
use sqlx::PgConnection;

use super::TALLIES;
use super::apply::{apply, counted, filter};
use crate::bookkeeping;

/// The follower that counts.
pub fn tallies_follower() -> impl Follower {
    TallyFollower
}

struct TallyFollower;

#[async_trait]
impl Follower for TallyFollower {
    fn name(&self) -> &str {
        TALLIES
    }

    fn filter(&self) -> Filter {
        filter()
    }

    async fn apply(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), FollowError> {
        let mut what = Vec::with_capacity(batch.len());
        for recorded in batch {
            let counted = counted(recorded).map_err(|error| FollowError::poison(recorded, error.to_string()))?;
            what.extend(counted);
        }
        Ok(apply(tx, what).await?)
    }

    async fn skip(&mut self, tx: &mut PgConnection, stream: &StreamId, event: Revision) -> Result<(), sqlx::Error> {
        bookkeeping::pass(tx, stream, event).await
    }
}

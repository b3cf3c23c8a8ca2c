//! Takes down what falls due: sign-ups that lapse, and people whose values have to be gone for certain.

use async_trait::async_trait;
use caravan_domain::identity::sign_up::ATTEMPT_LIFE;
use caravan_domain::identity::{Account, AccountEvent, SignUp, SignUpEvent};
use caravan_domain::{Decider, EntityId};
use caravan_event_store::following::{FollowError, Follower};
use caravan_event_store::{Filter, Recorded};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::due::What;
use super::reaction::decoded;

/// Whoever is forgotten is so at once, by the command itself; this much later it is done again. By then everything
/// that was under way with an opened value has ended, and what broke off is finished.
const FORGOTTEN_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(5);

pub struct Deadlines;

#[async_trait]
impl Follower for Deadlines {
    fn name(&self) -> &str {
        "deadlines"
    }

    fn filter(&self) -> Filter {
        Filter {
            categories: [SignUp::CATEGORY, Account::CATEGORY].map(str::to_owned).to_vec(),
            event_types: ["SignUpBegun", "SignUpDropped", "SignUpCompleted", "PersonForgotten"]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    fn durable(&self) -> bool {
        true
    }

    async fn apply(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), FollowError> {
        for event in batch {
            let again = event.time + FORGOTTEN_AGAIN_AFTER;
            match event.stream.category.as_str() {
                SignUp::CATEGORY => match decoded::<SignUp>(event)? {
                    SignUpEvent::SignUpBegun(attempt) => {
                        let due_at = attempt.begun_at + ATTEMPT_LIFE;
                        set(tx, What::SignUpLapses, attempt.id, event, due_at).await?;
                    }
                    SignUpEvent::SignUpDropped { attempt } => {
                        lift(tx, What::SignUpLapses, attempt).await?;
                        set(tx, What::AttemptIsForgotten, attempt, event, again).await?;
                    }
                    SignUpEvent::SignUpCompleted { attempt, .. } => lift(tx, What::SignUpLapses, attempt).await?,
                    _ => {}
                },
                _ => {
                    if let AccountEvent::PersonForgotten { .. } = decoded::<Account>(event)? {
                        set(tx, What::PersonIsForgotten, event.stream.id, event, again).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

async fn set(
    tx: &mut PgConnection,
    what: What,
    subject: EntityId,
    event: &Recorded,
    due_at: DateTime<Utc>,
) -> Result<(), FollowError> {
    sqlx::query(
        "insert into deadlines (what, subject, stream_id, due_at) values ($1, $2, $3, $4)
         on conflict (what, subject) do update set due_at = excluded.due_at",
    )
    .bind(what.name())
    .bind(subject.0)
    .bind(event.stream.id.0)
    .bind(due_at)
    .execute(tx)
    .await?;
    Ok(())
}

async fn lift(tx: &mut PgConnection, what: What, subject: EntityId) -> Result<(), FollowError> {
    sqlx::query("delete from deadlines where what = $1 and subject = $2")
        .bind(what.name())
        .bind(subject.0)
        .execute(tx)
        .await?;
    Ok(())
}

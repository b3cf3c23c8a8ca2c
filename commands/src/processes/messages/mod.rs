//! Our messages: which events demand them, to whom, and what they say. A demand is a row, once; words are found for it
//! when it is sent. Each context has a list of its own, with a file for each message and its words beside it.

mod composing;
mod identity;
mod lane;
mod platform;
mod reach;
mod sender;
#[cfg(test)]
mod tests;
mod trips;
mod words;

use caravan_domain::EntityId;
use caravan_domain::identity::Notice;
use caravan_domain::platform::message_setting::MESSAGE_SETTING;
use caravan_domain::platform::seeds::Seed;
use caravan_event_store::following::FollowError;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use serde_json::json;
use uuid::Uuid;

pub(crate) use reach::Reach;
pub use sender::Sender;
pub(crate) use trips::crew_invitation::CREW_INVITATION;
pub(crate) use trips::trip_booking_reminder::TRIP_BOOKING_REMINDER;

use super::Setup;
use super::reaction::Reaction;
use super::reactions::Reactions;
use crate::CommandError;
use composing::{Composed, Composing};

/// What nobody was told within a day, they are not told any more.
const WORTH_TELLING: TimeDelta = TimeDelta::hours(24);

/// One of our messages.
pub(crate) struct Template {
    /// What rows and the outbox call it: `crew-invitation`.
    name: &'static str,
    /// What it says: the subject, an empty line, and paragraphs, in the form of `minijinja`. Mails have them with
    /// markup too.
    words: &'static str,
    /// How staff know its mail, which they can switch off; none of what is never mailed.
    mail: Option<Mail>,
    /// By which of their settings people switch it off; none of what always goes: codes.
    notice: Option<Notice>,
    /// Finds out who gets it and what fills its words; none where there is nothing to tell any more.
    compose: Compose,
}

/// The setting of a message that may be mailed.
#[derive(Clone, Copy)]
struct Mail {
    /// The number of the setting: it stays.
    number: u64,
    recipient: &'static str,
}

type Compose = for<'a> fn(&'a Composing<'a>) -> BoxFuture<'a, Result<Option<Composed>, CommandError>>;

/// A message that an event demands for one person.
struct Demand {
    recipient: EntityId,
    /// What of the event's stream it tells of, if not of the whole: a number within it.
    part: Option<u32>,
    due_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// The messages of every context.
fn all() -> impl Iterator<Item = &'static Template> {
    [identity::MESSAGES, trips::MESSAGES, platform::MESSAGES].into_iter().flatten()
}

/// The settings of the messages that are mailed, as an installation begins with them.
pub(crate) fn settings() -> impl Iterator<Item = Seed> {
    all().filter_map(|template| {
        let Mail { number, recipient } = template.mail?;
        let (subject, text) = template.words.split_once("\n\n").unwrap_or(("", template.words));
        Some(Seed {
            record: &MESSAGE_SETTING,
            number,
            fields: json!({
                "action": template.name,
                "enabled": true,
                "recipient": recipient,
                "email_subject": subject,
                "email_message": text,
            }),
            leads: vec![],
            kept: &["action", "recipient", "email_subject", "email_message"],
        })
    })
}

/// Takes down which messages events demand.
pub fn messages(setup: &Setup) -> Reactions {
    let reactions = Reactions::new("messages", setup).no_older_than(WORTH_TELLING);
    platform::register(trips::register(identity::register(reactions)))
}

/// Takes down the messages that need to know what happened long ago.
pub fn moved_trips(setup: &Setup) -> Reactions {
    trips::trip_is_moved_to_booking::register(Reactions::new(MOVED_TRIPS, setup))
}

/// The follower's name.
pub(super) const MOVED_TRIPS: &str = "moved-trips";

impl Demand {
    /// Due now, and for a day.
    fn of(reaction: &Reaction<'_>, recipient: EntityId) -> Demand {
        let due_at = reaction.recorded.time;
        Demand { recipient, part: None, due_at, expires_at: due_at + WORTH_TELLING }
    }
}

impl Template {
    async fn demand(&self, reaction: &mut Reaction<'_>, demand: Demand) -> Result<(), FollowError> {
        let Demand { recipient, part, due_at, expires_at } = demand;
        if expires_at <= reaction.clock.now() {
            return Ok(());
        }
        let told = format!("{}/{}/{recipient}", self.name, part.unwrap_or_default());
        let event = reaction.recorded;
        sqlx::query(
            "insert into outgoing_messages
                 (id, template, category, stream_id, revision, recipient, part, expires_at, due_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
        )
        .bind(Uuid::new_v5(&event.id, told.as_bytes()))
        .bind(self.name)
        .bind(&event.stream.category)
        .bind(event.stream.id.0)
        .bind(event.revision)
        .bind(recipient.0)
        .bind(part.map(i64::from))
        .bind(expires_at)
        .bind(due_at)
        .execute(&mut *reaction.tx)
        .await?;
        Ok(())
    }
}

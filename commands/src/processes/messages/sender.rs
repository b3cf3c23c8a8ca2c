//! Sends the messages that are due. A message that was accepted is never sent again; one whose acceptance is not known
//! is, under the same id.

use std::sync::Arc;
use std::time::Duration;

use caravan_clock::Clock;
use caravan_domain::EntityId;
use caravan_domain::identity::Channel;
use caravan_domain::identity::contact::claimed_form;
use caravan_domain::platform::message_setting::{MESSAGE_SETTING, MessageSetting};
use caravan_event_store::{Direction, Recorded, StreamId};
use caravan_limits::LimitError;
use caravan_limits::known::MESSAGES_TO_RECIPIENT;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future;
use sqlx::{FromRow, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::composing::{Composed, Composing};
use super::words::Words;
use super::{Mail, Template, all};
use crate::effects::{Carriers, DeliveryError, Message};
use crate::processes::{Setup, measure};
use crate::{CommandError, Commands};

/// How often messages that are due are looked for.
const POLL: Duration = Duration::from_millis(200);
/// The pause after the database did not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How many messages are on their way at a time.
const TOGETHER: usize = 4;
/// A message that was not accepted is tried again after 2 s, 4 s and so on up to this.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(300);
/// After so many tries, about half an hour, it has failed.
const MOST_ATTEMPTS: i32 = 13;

#[derive(Clone)]
pub struct Sender {
    commands: Commands,
    clock: Clock,
    pool: PgPool,
    carriers: Carriers,
    public_url: Arc<str>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    template: String,
    category: String,
    stream_id: Uuid,
    revision: i64,
    recipient: Uuid,
    part: Option<i64>,
    expires_at: DateTime<Utc>,
    attempts: i32,
}

impl Sender {
    pub fn new(setup: &Setup) -> Self {
        let Setup { commands, clock, pool, carriers, public_url, .. } = setup.clone();
        Sender { commands, clock, pool, carriers, public_url }
    }

    /// Sends what is due, until `stop`; what is on its way then is seen through.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.send_due(&stop).await {
                Ok(()) => POLL,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "messages have to wait");
                    PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn send_due(&self, stop: &CancellationToken) -> Result<(), CommandError> {
        let due: bool = sqlx::query_scalar(
            "select exists (select from outgoing_messages where outcome is null and due_at <= $1
                            and (template = any($2) or expires_at <= $1))",
        )
        .bind(self.clock.now())
        .bind(names())
        .fetch_one(&self.pool)
        .await?;
        if !due {
            return Ok(());
        }
        let drain = async || {
            while !stop.is_cancelled() && self.send_next().await? {}
            Ok(())
        };
        // None is given up because of another: what it has just delivered would be delivered again.
        future::join_all((0..TOGETHER).map(|_| drain())).await.into_iter().collect()
    }

    /// Sends the due message that expires first; says whether there was one. Its row stays locked meanwhile, so that a
    /// process that dies leaves it to the next at once.
    pub async fn send_next(&self) -> Result<bool, CommandError> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let row: Option<Row> = sqlx::query_as(
            "select id, template, category, stream_id, revision, recipient, part, expires_at, attempts
             from outgoing_messages where outcome is null and due_at <= $1
               and (template = any($2) or expires_at <= $1)
             order by expires_at, due_at limit 1 for update skip locked",
        )
        .bind(now)
        .bind(names())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(false) };
        if row.expires_at <= now {
            self.settle(&mut tx, &row, "void", Some("too late")).await?;
            measure::message(None, "void");
        } else {
            match self.message(&row).await {
                Ok(Some(message)) if self.is_switched_off(&row, &message).await? => {
                    self.settle(&mut tx, &row, "void", Some("switched off")).await?;
                    measure::message(Some(message.channel), "void");
                }
                Ok(Some(message)) if self.is_too_much(&row, &message).await? => {
                    self.settle(&mut tx, &row, "dropped", Some("beyond a limit")).await?;
                    measure::message(Some(message.channel), "dropped");
                }
                Ok(Some(message)) => self.deliver(&mut tx, &row, &message).await?,
                Ok(None) => {
                    self.settle(&mut tx, &row, "void", Some("nobody to tell")).await?;
                    measure::message(None, "void");
                }
                Err(error @ (CommandError::Unavailable(_) | CommandError::Busy | CommandError::Overloaded)) => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, id = %row.id, "message cannot be composed");
                    self.settle(&mut tx, &row, "failed", Some("cannot be composed")).await?;
                    measure::message(None, "failed");
                }
            }
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn message(&self, row: &Row) -> Result<Option<Message>, CommandError> {
        let template = template(row)?;
        let Some(recorded) = self.event(row).await? else { return Ok(None) };
        let composing = Composing {
            commands: &self.commands,
            recorded: &recorded,
            recipient: EntityId(row.recipient),
            part: row.part.and_then(|part| part.try_into().ok()),
            public_url: &self.public_url,
        };
        let Some(Composed { to, values, named }) = (template.compose)(&composing).await? else { return Ok(None) };
        let words = Words::of(template.words, &values).map_err(CommandError::broken)?;
        let mut subjects = vec![to.person];
        subjects.extend(named.filter(|named| *named != to.person));
        let is_mail = to.channel == Channel::Mail;
        Ok(Some(Message {
            id: row.id,
            channel: to.channel,
            to: to.to,
            html: if is_mail { Some(words.html().map_err(CommandError::broken)?) } else { None },
            subject: is_mail.then_some(words.subject),
            text: words.text,
            template: template.name.to_owned(),
            subjects,
            created_at: recorded.time,
        }))
    }

    async fn event(&self, row: &Row) -> Result<Option<Recorded>, CommandError> {
        let stream = StreamId::new(&row.category, EntityId(row.stream_id));
        Ok(self.commands.store().read_stream(&stream, row.revision, Direction::Forwards, 1).await?.pop())
    }

    /// Whether staff want no such mail to be sent.
    async fn is_switched_off(&self, row: &Row, message: &Message) -> Result<bool, CommandError> {
        let Some(Mail { number, .. }) = template(row)?.mail.filter(|_| message.channel == Channel::Mail) else {
            return Ok(false);
        };
        let id = self.commands.vault().id_of(MESSAGE_SETTING.kind.name, number);
        let setting = self.commands.record(&MESSAGE_SETTING, id).await?.state.get::<MessageSetting>();
        Ok(setting.is_some_and(|setting| !setting.enabled))
    }

    /// Whether a notice, which nobody asked for, is beyond what its recipient may get or its stream may cause. What was
    /// asked for has been counted with the request, and what was tried before has been counted then.
    async fn is_too_much(&self, row: &Row, message: &Message) -> Result<bool, CommandError> {
        let Some(notices) = template(row)?.notice.filter(|_| row.attempts == 0) else { return Ok(false) };
        let recipient = MESSAGES_TO_RECIPIENT.of(claimed_form(message.channel, &message.to));
        match self.commands.limits().spend(&[recipient, notices.of(row.stream_id)]).await {
            Ok(()) => Ok(false),
            Err(LimitError::Limited { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    #[tracing::instrument(name = "deliver message", skip_all, fields(otel.kind = "client", caravan.template = message.template))]
    async fn deliver(&self, tx: &mut PgConnection, row: &Row, message: &Message) -> Result<(), CommandError> {
        let (template, id) = (&message.template, row.id);
        let outcome = match self.carriers.deliver(message).await {
            Ok(()) => {
                self.settle(tx, row, "accepted", None).await?;
                "accepted"
            }
            Err(DeliveryError::Later(reason)) if row.attempts + 1 < MOST_ATTEMPTS => {
                tracing::warn!(%id, template, reason, attempts = row.attempts + 1, "message is tried again");
                self.postpone(tx, row).await?;
                "postponed"
            }
            Err(DeliveryError::Later(reason) | DeliveryError::Refused(reason)) => {
                tracing::error!(%id, template, reason, attempts = row.attempts + 1, "message could not be sent");
                self.settle(tx, row, "failed", Some(&reason)).await?;
                "failed"
            }
        };
        measure::message(Some(message.channel), outcome);
        Ok(())
    }

    async fn settle(
        &self,
        tx: &mut PgConnection,
        row: &Row,
        outcome: &str,
        reason: Option<&str>,
    ) -> Result<(), CommandError> {
        sqlx::query(
            "update outgoing_messages set outcome = $2, reason = $3, attempts = attempts + 1, settled_at = $4
             where id = $1",
        )
        .bind(row.id)
        .bind(outcome)
        .bind(reason)
        .bind(self.clock.now())
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn postpone(&self, tx: &mut PgConnection, row: &Row) -> Result<(), CommandError> {
        let pause = TimeDelta::seconds(1 << (row.attempts + 1).min(MOST_ATTEMPTS)).min(LONGEST_PAUSE);
        sqlx::query("update outgoing_messages set attempts = attempts + 1, due_at = $2 where id = $1")
            .bind(row.id)
            .bind(self.clock.now() + pause)
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// The messages that this program has; others wait for one that does, until they are too late.
fn names() -> Vec<&'static str> {
    all().map(|template| template.name).collect()
}

/// Which message a row is.
fn template(row: &Row) -> Result<&'static Template, CommandError> {
    all().find(|template| template.name == row.template).ok_or_else(|| CommandError::broken(NoSuchMessage))
}

/// A row is of a message that this program does not have.
#[derive(Debug, thiserror::Error)]
#[error("there is no such message")]
struct NoSuchMessage;

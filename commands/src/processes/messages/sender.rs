//! Sends the messages that are due. A message that was accepted is never sent again; one whose acceptance is not known
//! is, under the same id.

use std::sync::Arc;
use std::time::Duration;

use caravan_clock::Clock;
use caravan_domain::identity::{Account, AccountCommand, Medium};
use caravan_domain::{EntityId, Sealed};
use caravan_event_store::{Direction, Recorded, StreamId};
use caravan_files::Files;
use caravan_limits::known::MESSAGES_TO_RECIPIENT;
use caravan_limits::{Limit, LimitError};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future;
use sqlx::{FromRow, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::composing::{Composed, Composing, Reached};
use super::reach::Reach;
use super::words::Words;
use super::{Template, all};
use crate::effects::{Carriers, DeliveryError, Message};
use crate::processes::{Setup, measure};
use crate::{Caller, CommandError, Commands};

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
/// Why nothing is sent.
const NOBODY: &str = "nobody to tell";
const GONE: &str = "the device is gone";

#[derive(Clone)]
pub struct Sender {
    commands: Commands,
    clock: Clock,
    pool: PgPool,
    carriers: Carriers,
    files: Files,
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
    /// The session of the device it goes to; none before it is known to go to one.
    device: Option<i64>,
    /// Whether its last device was gone, so that it goes another way.
    rerouted: bool,
    expires_at: DateTime<Utc>,
    attempts: i32,
}

/// What became of a row.
enum Composition {
    Ready(Box<Ready>),
    /// Why there is nothing to send.
    Void(&'static str),
}

/// A message that is ready to go.
struct Ready {
    message: Message,
    /// Where it goes, as the account has it.
    to: Sealed,
    device: Option<u32>,
    /// The recipient's other devices, to which it goes as well.
    other_devices: Vec<u32>,
    /// As in [`Composed`].
    limited: Option<(&'static Limit, EntityId)>,
}

impl Sender {
    pub fn new(setup: &Setup) -> Self {
        let Setup { commands, clock, pool, carriers, files, public_url, .. } = setup.clone();
        Sender { commands, clock, pool, carriers, files, public_url }
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
            "select id, template, category, stream_id, revision, recipient, part, device, rerouted, expires_at,
                    attempts
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
            match self.compose(&row).await {
                Ok(Composition::Ready(ready)) if self.is_too_much(&row, &ready).await? => {
                    self.settle(&mut tx, &row, "dropped", Some("beyond a limit")).await?;
                    measure::message(Some(ready.message.channel), "dropped");
                }
                Ok(Composition::Ready(ready)) => {
                    self.spread(&mut tx, &row, &ready).await?;
                    self.deliver(&mut tx, &row, &ready).await?;
                }
                Ok(Composition::Void(reason)) => {
                    self.settle(&mut tx, &row, "void", Some(reason)).await?;
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

    async fn compose(&self, row: &Row) -> Result<Composition, CommandError> {
        let template = template(row)?;
        let Some(recorded) = self.event(row).await? else { return Ok(Composition::Void(NOBODY)) };
        let composing = Composing {
            commands: &self.commands,
            files: &self.files,
            template,
            now: self.clock.now(),
            recorded: &recorded,
            recipient: EntityId(row.recipient),
            part: row.part.and_then(|part| part.try_into().ok()),
            public_url: &self.public_url,
        };
        let Some(Composed { to, values, named, limited, written }) = (template.compose)(&composing).await? else {
            return Ok(Composition::Void(NOBODY));
        };
        let Reached { person, reach, .. } = to;
        let (channel, to) = match reach {
            Reach::By(channel, to) => (channel, to),
            Reach::SwitchedOff => return Ok(Composition::Void("switched off")),
            Reach::Nowhere => return Ok(Composition::Void(NOBODY)),
        };
        let is_meant = |device: Option<u32>| row.device.is_none() || row.device == device.map(i64::from);
        let mut to = to.into_iter().filter(|to| is_meant(to.device));
        let Some(first) = to.next() else { return Ok(Composition::Void(GONE)) };
        let words = Words::of(template.words, &values).map_err(CommandError::broken)?;
        let mut subjects = vec![person];
        subjects.extend(named.filter(|named| *named != person));
        let message = Message {
            id: row.id,
            channel,
            to: first.address,
            html: match (channel, &written) {
                (_, Some(written)) => written.html.clone(),
                (Medium::Mail, None) => Some(words.html().map_err(CommandError::broken)?),
                (Medium::Push | Medium::Sms, None) => None,
            },
            letterhead: written.as_ref().map(|written| written.letterhead.clone()),
            attachment: written.and_then(|written| written.attachment),
            subject: (channel != Medium::Sms).then_some(words.subject),
            text: words.text,
            template: template.name.to_owned(),
            subjects,
            created_at: recorded.time,
        };
        let other_devices = to.filter_map(|to| to.device).collect();
        Ok(Composition::Ready(Box::new(Ready {
            message,
            to: first.sealed,
            device: first.device,
            other_devices,
            limited,
        })))
    }

    /// Of what goes to several devices, each gets a row of its own.
    async fn spread(&self, tx: &mut PgConnection, row: &Row, ready: &Ready) -> Result<(), CommandError> {
        let Some(device) = ready.device.filter(|_| row.device.is_none()) else { return Ok(()) };
        let others = ready.other_devices.iter();
        let ids: Vec<Uuid> = others.clone().map(|other| Uuid::new_v5(&row.id, &other.to_be_bytes())).collect();
        sqlx::query(
            "with told as (update outgoing_messages set device = $2 where id = $1 returning *)
             insert into outgoing_messages
                 (id, template, category, stream_id, revision, recipient, part, device, expires_at, due_at)
             select other.id, template, category, stream_id, revision, recipient, part, other.device, expires_at, due_at
             from told, unnest($3::uuid[], $4::bigint[]) other (id, device) on conflict do nothing",
        )
        .bind(row.id)
        .bind(i64::from(device))
        .bind(ids)
        .bind(others.map(|other| i64::from(*other)).collect::<Vec<_>>())
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn event(&self, row: &Row) -> Result<Option<Recorded>, CommandError> {
        let stream = StreamId::new(&row.category, EntityId(row.stream_id));
        Ok(self.commands.store().read_stream(&stream, row.revision, Direction::Forwards, 1).await?.pop())
    }

    /// Whether a notice, which nobody asked for, is beyond what its recipient may get or what it tells of may cause.
    /// What was asked for has been counted with the request, and what was tried before has been counted then: for where
    /// it went, which may not be where it goes now.
    async fn is_too_much(&self, row: &Row, ready: &Ready) -> Result<bool, CommandError> {
        if row.attempts > 0 || (ready.limited.is_none() && !row.rerouted) {
            return Ok(false);
        }
        let Message { channel, to, .. } = &ready.message;
        let mut places = vec![MESSAGES_TO_RECIPIENT.of(channel.claimed_form(to))];
        // A person with several devices, or none any more, is told once.
        let is_first = row.device.is_none() && !row.rerouted;
        places.extend(ready.limited.filter(|_| is_first).map(|(notices, of)| notices.of(of)));
        match self.commands.limits().spend(&places).await {
            Ok(()) => Ok(false),
            Err(LimitError::Limited { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    #[tracing::instrument(name = "deliver message", skip_all, fields(otel.kind = "client", caravan.template = ready.message.template))]
    async fn deliver(&self, tx: &mut PgConnection, row: &Row, ready: &Ready) -> Result<(), CommandError> {
        let message = &ready.message;
        let (template, id) = (&message.template, row.id);
        let outcome = match self.carriers.deliver(message).await {
            Ok(()) => {
                self.settle(tx, row, "accepted", None).await?;
                "accepted"
            }
            Err(DeliveryError::Gone) => match ready.device {
                Some(session) => self.give_up_device(tx, row, session, &ready.to).await?,
                None => {
                    tracing::error!(%id, template, "message was for a device that there never was");
                    self.settle(tx, row, "failed", Some(GONE)).await?;
                    "failed"
                }
            },
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

    /// The push service does not know the device any more. Where it was the last one, the message goes another way.
    async fn give_up_device(
        &self,
        tx: &mut PgConnection,
        row: &Row,
        session: u32,
        endpoint: &Sealed,
    ) -> Result<&'static str, CommandError> {
        let now = self.clock.now();
        let asking = self.commands.asked_by(Caller::system(now, Uuid::new_v4()));
        let drop = AccountCommand::DropPushEndpoint { session, endpoint: endpoint.clone() };
        let left = match asking.send::<Account>(endpoint.subject, drop).await {
            Ok(done) => !done.state.reached_by(Medium::Push, now).is_empty(),
            // Forgotten meanwhile.
            Err(CommandError::Rejected(_)) => true,
            Err(error) => return Err(error),
        };
        if left {
            self.settle(tx, row, "void", Some(GONE)).await?;
            return Ok("void");
        }
        sqlx::query("update outgoing_messages set attempts = 0, device = null, rerouted = true where id = $1")
            .bind(row.id)
            .execute(tx)
            .await?;
        Ok("postponed")
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

//! Sends the messages that are due. A message that was accepted is never sent again; one whose acceptance is not known
//! is, under the same id.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use caravan_clock::Clock;
use caravan_domain::identity::{Account, AccountCommand, Medium};
use caravan_domain::platform::letter::StoredFile;
use caravan_domain::{EntityId, Sealed};
use caravan_event_store::{Direction, Recorded, StreamId};
use caravan_files::Files;
use caravan_limits::known::MESSAGES_TO_RECIPIENT;
use caravan_limits::{Limit, LimitError};
use chrono::{DateTime, Utc};
use futures::future;
use sqlx::PgPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::composing::{Composed, Composing, Reached};
use super::lane::{Devices, Lane, MOST_ATTEMPTS, Outcome, Row, Sent, names};
use super::reach::Reach;
use super::words::Words;
use super::{Template, all};
use crate::effects::{Attachment, Carriers, DeliveryError, Message, attachment};
use crate::processes::Setup;
use crate::{Caller, CommandError, Commands};

/// How often messages that are due are looked for.
pub(super) const POLL: Duration = Duration::from_millis(200);
/// The pause after the database did not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How many lots of messages are under way at a time, each with a connection to the database.
const LANES: usize = 2;
/// How many of them have files with them, which lie in memory.
const WITH_FILES: usize = 4;
/// How many are counted by limits at once: those of one trip wait for each other with a connection each.
const COUNTED: usize = 4;
/// How long a file may take that goes with a mail.
const PATIENCE_FOR_FILE: Duration = Duration::from_secs(10);
/// Why nothing is sent.
const NOBODY: &str = "nobody to tell";
const GONE: &str = "the device is gone";
const NO_FILES: &str = "files cannot be reached";

#[derive(Clone)]
pub struct Sender {
    commands: Commands,
    pub(super) clock: Clock,
    pub(super) pool: PgPool,
    carriers: Carriers,
    files: Files,
    with_files: Arc<Semaphore>,
    counted: Arc<Semaphore>,
    public_url: Arc<str>,
}

/// What there is to do about a row.
enum Composition {
    Ready(Box<Ready>),
    /// Why there is nothing to send.
    Void(&'static str),
    /// Why it cannot be sent now.
    Later(&'static str),
    /// Why it can never be sent.
    Failed(&'static str),
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
    /// For the file that goes with it.
    _place: Option<OwnedSemaphorePermit>,
}

impl Sender {
    pub fn new(setup: &Setup) -> Self {
        let Setup { commands, clock, pool, carriers, files, public_url, .. } = setup.clone();
        let with_files = Arc::new(Semaphore::new(WITH_FILES));
        let counted = Arc::new(Semaphore::new(COUNTED));
        Sender { commands, clock, pool, carriers, files, with_files, counted, public_url }
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
        // None is given up because of another: what it has just delivered would be delivered again.
        let lanes = (0..LANES).map(|_| Lane::of(self).drain(stop));
        future::join_all(lanes).await.into_iter().collect()
    }

    /// Sends the due message that expires first; says whether there was one.
    pub async fn send_next(&self) -> Result<bool, CommandError> {
        let mut lane = Lane::of(self);
        let taken = lane.advance(1).await?;
        lane.see_through().await?;
        Ok(taken > 0)
    }

    /// Sends what is due.
    pub async fn send_all(&self) -> Result<(), CommandError> {
        self.send_due(&CancellationToken::new()).await
    }

    /// Sends one message that was due at `now`. Nothing of that is written yet but what limits count.
    pub(super) async fn send(&self, row: Row, now: DateTime<Utc>) -> Sent {
        let mut sent = Sent { row, channel: None, devices: None, outcome: Ok(Outcome::Void("too late")) };
        if sent.row.expires_at > now {
            sent.outcome = self.compose_and_deliver(&mut sent).await;
        }
        sent
    }

    async fn compose_and_deliver(&self, sent: &mut Sent) -> Result<Outcome, CommandError> {
        let row = &sent.row;
        let ready = match self.compose(row).await {
            Ok(Composition::Ready(ready)) => ready,
            Ok(Composition::Void(reason)) => return Ok(Outcome::Void(reason)),
            Ok(Composition::Later(reason)) => return Ok(later(row, reason.to_owned())),
            Ok(Composition::Failed(reason)) => return Ok(failed(row, reason.to_owned())),
            Err(error @ (CommandError::Unavailable(_) | CommandError::Busy | CommandError::Overloaded)) => {
                return Err(error);
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, id = %row.id, "message cannot be composed");
                return Ok(Outcome::Failed("cannot be composed".to_owned()));
            }
        };
        sent.channel = Some(ready.message.channel);
        if self.is_too_much(row, &ready).await? {
            return Ok(Outcome::Dropped);
        }
        if let Some(first) = ready.device.filter(|_| row.device.is_none()) {
            sent.devices = Some(Devices { first, others: ready.other_devices.clone() });
        }
        self.deliver(row, *ready).await
    }

    async fn compose(&self, row: &Row) -> Result<Composition, CommandError> {
        let template = template(row)?;
        let Some(recorded) = self.event(row).await? else { return Ok(Composition::Void(NOBODY)) };
        let composing = Composing {
            commands: &self.commands,
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
        let attached = match written.as_ref().and_then(|written| written.attachment.as_ref()) {
            Some(file) => match self.attached(file).await {
                Ok(attached) => Some(attached),
                Err(instead) => return Ok(instead),
            },
            None => None,
        };
        let (attachment, place) = attached.unzip();
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
            attachment,
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
            _place: place,
        })))
    }

    /// The file that goes with a mail, and its place among those that lie in memory; else what there is to do without.
    async fn attached(&self, file: &StoredFile) -> Result<(Attachment, OwnedSemaphorePermit), Composition> {
        let place = self.with_files.clone().acquire_owned().await.expect("is never closed");
        let reading = attachment(&self.files, &file.bucket, &file.path);
        match tokio::time::timeout(PATIENCE_FOR_FILE, reading).await {
            Ok(Ok(Some(content))) => {
                let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
                Ok((Attachment { name, content: STANDARD.encode(content) }, place))
            }
            Ok(Ok(None)) => Err(Composition::Failed("the file that goes with it is gone")),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a file that goes with a mail cannot be read");
                Err(Composition::Later(NO_FILES))
            }
            Err(_) => Err(Composition::Later(NO_FILES)),
        }
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
        let _turn = self.counted.acquire().await.expect("is never closed");
        match self.commands.limits().spend(&places).await {
            Ok(()) => Ok(false),
            Err(LimitError::Limited { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    #[tracing::instrument(name = "deliver message", skip_all, fields(otel.kind = "client", caravan.template = ready.message.template))]
    async fn deliver(&self, row: &Row, ready: Ready) -> Result<Outcome, CommandError> {
        match self.carriers.deliver(&ready.message).await {
            Ok(()) => Ok(Outcome::Accepted),
            Err(DeliveryError::Gone) => match ready.device {
                Some(session) => self.give_up_device(session, &ready.to).await,
                // It was for a device that there never was.
                None => Ok(failed(row, GONE.to_owned())),
            },
            Err(DeliveryError::Later(reason)) => Ok(later(row, reason)),
            Err(DeliveryError::Refused(reason)) => Ok(failed(row, reason)),
        }
    }

    /// The push service does not know the device any more. Where it was the last one, the message goes another way.
    async fn give_up_device(&self, session: u32, endpoint: &Sealed) -> Result<Outcome, CommandError> {
        let now = self.clock.now();
        let asking = self.commands.asked_by(Caller::system(now, Uuid::new_v4()));
        let drop = AccountCommand::DropPushEndpoint { session, endpoint: endpoint.clone() };
        let left = match asking.send::<Account>(endpoint.subject, drop).await {
            Ok(done) => !done.state.reached_by(Medium::Push, now).is_empty(),
            // Forgotten meanwhile.
            Err(CommandError::Rejected(_)) => true,
            Err(error) => return Err(error),
        };
        Ok(if left { Outcome::Void(GONE) } else { Outcome::Rerouted })
    }
}

/// Not now, and never if that was so often enough.
fn later(row: &Row, reason: String) -> Outcome {
    let attempts = row.attempts + 1;
    if attempts >= MOST_ATTEMPTS {
        return failed(row, reason);
    }
    tracing::warn!(id = %row.id, template = row.template, reason, attempts, "message is tried again");
    Outcome::Later
}

fn failed(row: &Row, reason: String) -> Outcome {
    let attempts = row.attempts + 1;
    tracing::error!(id = %row.id, template = row.template, reason, attempts, "message could not be sent");
    Outcome::Failed(reason)
}

/// Which message a row is.
fn template(row: &Row) -> Result<&'static Template, CommandError> {
    all().find(|template| template.name == row.template).ok_or_else(|| CommandError::broken(NoSuchMessage))
}

/// A row is of a message that this program does not have.
#[derive(Debug, thiserror::Error)]
#[error("there is no such message")]
struct NoSuchMessage;

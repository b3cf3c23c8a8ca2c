//! Takes due messages many at a time and writes down what became of them. Their rows are locked meanwhile, so that a
//! process that dies leaves them to the next.

use caravan_domain::identity::Medium;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{FromRow, PgConnection};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::all;
use super::sender::{POLL, Sender};
use crate::CommandError;
use crate::processes::measure;

/// How many messages are taken at once, and settled together.
const BATCH: usize = 32;
/// How many may be under way, most of which somebody takes long to accept.
const ROOM: usize = 64;
/// What is under way is nobody else's for so long without its lock: from one transaction to the next.
const HELD: TimeDelta = TimeDelta::seconds(5);
/// A message that was not accepted is tried again after 2 s, 4 s and so on up to this.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(300);
/// After so many tries, about half an hour, it has failed.
pub(super) const MOST_ATTEMPTS: i32 = 13;

/// A message to send.
#[derive(FromRow)]
pub(super) struct Row {
    pub id: Uuid,
    pub template: String,
    pub category: String,
    pub stream_id: Uuid,
    pub revision: i64,
    pub recipient: Uuid,
    pub part: Option<i64>,
    /// The session of the device it goes to; none before it is known to go to one.
    pub device: Option<i64>,
    /// Whether its last device was gone, so that it goes another way.
    pub rerouted: bool,
    pub expires_at: DateTime<Utc>,
    pub attempts: i32,
}

/// What became of a row. Where that is not known, it stays as it is.
pub(super) struct Sent {
    pub row: Row,
    /// Where it went; unknown before it was composed.
    pub channel: Option<Medium>,
    pub devices: Option<Devices>,
    pub outcome: Result<Outcome, CommandError>,
}

/// The devices of somebody who has some.
pub(super) struct Devices {
    pub first: u32,
    /// To these the message goes as well.
    pub others: Vec<u32>,
}

pub(super) enum Outcome {
    Accepted,
    /// Why there was nothing to send.
    Void(&'static str),
    Dropped,
    Failed(String),
    Later,
    /// The last device was gone.
    Rerouted,
}

impl Outcome {
    /// As it is counted, and stored of what is settled.
    fn name(&self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Void(_) => "void",
            Outcome::Dropped => "dropped",
            Outcome::Failed(_) => "failed",
            Outcome::Later | Outcome::Rerouted => "postponed",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Void(reason) => Some(reason),
            Outcome::Dropped => Some("beyond a limit"),
            Outcome::Failed(reason) => Some(reason),
            Outcome::Accepted | Outcome::Later | Outcome::Rerouted => None,
        }
    }
}

/// Messages under way, and the one connection that they need. What takes long holds up neither those that were taken
/// with it nor those that come later.
pub(super) struct Lane<'s> {
    sender: &'s Sender,
    /// Tasks of their own, ended with this: what holds a connection goes on while the lane waits for one.
    under_way: JoinSet<Sent>,
    /// Those under way.
    ids: Vec<Uuid>,
    /// Why one of them was left as it was.
    trouble: Option<CommandError>,
}

impl<'s> Lane<'s> {
    pub fn of(sender: &'s Sender) -> Lane<'s> {
        Lane { sender, under_way: JoinSet::new(), ids: vec![], trouble: None }
    }

    /// Sends what is due until nothing is left, `stop` or trouble; what is under way then is seen through.
    pub async fn drain(mut self, stop: &CancellationToken) -> Result<(), CommandError> {
        while !stop.is_cancelled() && self.trouble.is_none() {
            let room = BATCH.min(ROOM - self.ids.len());
            if self.advance(room).await? == 0 && self.ids.is_empty() {
                break;
            }
        }
        self.see_through().await
    }

    pub async fn see_through(mut self) -> Result<(), CommandError> {
        while !self.ids.is_empty() {
            self.advance(0).await?;
        }
        self.trouble.map_or(Ok(()), Err)
    }

    /// Takes up to `most` due messages, those first that expire first, gives those under way a moment, and settles
    /// what is done; says how many it took.
    pub async fn advance(&mut self, most: usize) -> Result<usize, CommandError> {
        let now = self.sender.clock.now();
        let mut tx = self.sender.pool.begin().await?;
        lock_again(&mut tx, &self.ids).await?;
        let rows = if most > 0 { take(&mut tx, most, &self.ids, now).await? } else { vec![] };
        let taken = rows.len();
        let awaited = if rows.is_empty() { self.ids.clone() } else { rows.iter().map(|row| row.id).collect() };
        self.ids.extend(rows.iter().map(|row| row.id));
        for row in rows {
            let sender = self.sender.clone();
            self.under_way.spawn(async move { sender.send(row, now).await });
        }
        let done = self.done(awaited).await;
        let now = self.sender.clock.now();
        settle(&mut tx, &done, now).await?;
        hold(&mut tx, &self.ids, now + HELD).await?;
        tx.commit().await?;
        for sent in done {
            match sent.outcome {
                Ok(outcome) => measure::message(sent.channel, outcome.name()),
                Err(error) => self.trouble = Some(error),
            }
        }
        Ok(taken)
    }

    /// What is done once all of `awaited` are, or after a moment.
    async fn done(&mut self, mut awaited: Vec<Uuid>) -> Vec<Sent> {
        let mut done = vec![];
        let all = async {
            while !awaited.is_empty() {
                let Some(sent) = self.under_way.join_next().await else { break };
                let sent = sent.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
                self.ids.retain(|id| *id != sent.row.id);
                awaited.retain(|id| *id != sent.row.id);
                done.push(sent);
            }
        };
        // The others are looked at again with the next.
        let _ = tokio::time::timeout(POLL, all).await;
        done
    }
}

async fn take(tx: &mut PgConnection, most: usize, but: &[Uuid], now: DateTime<Utc>) -> Result<Vec<Row>, CommandError> {
    let rows = sqlx::query_as(
        "select id, template, category, stream_id, revision, recipient, part, device, rerouted, expires_at,
                attempts
         from outgoing_messages where outcome is null and due_at <= $1
           and (template = any($2) or expires_at <= $1) and id <> all($3)
         order by expires_at, due_at limit $4 for update skip locked",
    )
    .bind(now)
    .bind(names())
    .bind(but)
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(tx)
    .await?;
    Ok(rows)
}

async fn settle(tx: &mut PgConnection, done: &[Sent], now: DateTime<Utc>) -> Result<(), CommandError> {
    let (mut ids, mut outcomes, mut reasons) = (vec![], vec![], vec![]);
    for Sent { row, devices, outcome, .. } in done {
        let Ok(outcome) = outcome else { continue };
        if let Some(devices) = devices {
            spread(tx, row, devices, now).await?;
        }
        match outcome {
            Outcome::Later => postpone(tx, row, now).await?,
            Outcome::Rerouted => reroute(tx, row, now).await?,
            Outcome::Accepted | Outcome::Void(_) | Outcome::Dropped | Outcome::Failed(_) => {
                ids.push(row.id);
                outcomes.push(outcome.name());
                reasons.push(outcome.reason());
            }
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update outgoing_messages message
         set outcome = done.outcome, reason = done.reason, attempts = attempts + 1, settled_at = $4
         from unnest($1::uuid[], $2::text[], $3::text[]) done (id, outcome, reason) where message.id = done.id",
    )
    .bind(ids)
    .bind(outcomes)
    .bind(reasons)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

async fn postpone(tx: &mut PgConnection, row: &Row, now: DateTime<Utc>) -> Result<(), CommandError> {
    let pause = TimeDelta::seconds(1 << (row.attempts + 1).min(MOST_ATTEMPTS)).min(LONGEST_PAUSE);
    sqlx::query("update outgoing_messages set attempts = attempts + 1, due_at = $2 where id = $1")
        .bind(row.id)
        .bind(now + pause)
        .execute(tx)
        .await?;
    Ok(())
}

/// Nobody takes what is still under way between this transaction and the next.
async fn hold(tx: &mut PgConnection, ids: &[Uuid], until: DateTime<Utc>) -> Result<(), CommandError> {
    if !ids.is_empty() {
        sqlx::query("update outgoing_messages set due_at = $2 where id = any($1)")
            .bind(ids)
            .bind(until)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// As long as this process lives and is heard of, what it has under way is not sent by another.
async fn lock_again(tx: &mut PgConnection, ids: &[Uuid]) -> Result<(), CommandError> {
    if !ids.is_empty() {
        sqlx::query("select from outgoing_messages where id = any($1) for update skip locked")
            .bind(ids)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Of what goes to several devices, each gets a row of its own.
async fn spread(tx: &mut PgConnection, row: &Row, devices: &Devices, now: DateTime<Utc>) -> Result<(), CommandError> {
    let others = devices.others.iter();
    let ids: Vec<Uuid> = others.clone().map(|other| Uuid::new_v5(&row.id, &other.to_be_bytes())).collect();
    sqlx::query(
        "with told as (update outgoing_messages set device = $2 where id = $1 returning *)
         insert into outgoing_messages
             (id, template, category, stream_id, revision, recipient, part, device, expires_at, due_at)
         select other.id, template, category, stream_id, revision, recipient, part, other.device, expires_at, $5
         from told, unnest($3::uuid[], $4::bigint[]) other (id, device) on conflict do nothing",
    )
    .bind(row.id)
    .bind(i64::from(devices.first))
    .bind(ids)
    .bind(others.map(|other| i64::from(*other)).collect::<Vec<_>>())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

async fn reroute(tx: &mut PgConnection, row: &Row, now: DateTime<Utc>) -> Result<(), CommandError> {
    let reroute =
        "update outgoing_messages set attempts = 0, device = null, rerouted = true, due_at = $2 where id = $1";
    sqlx::query(reroute).bind(row.id).bind(now).execute(tx).await?;
    Ok(())
}

/// The messages that this program has; others wait for one that does, until they are too late.
pub(super) fn names() -> Vec<&'static str> {
    all().map(|template| template.name).collect()
}

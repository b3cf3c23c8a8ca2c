//! Carries out what has fallen due. Each is an ordinary command, or something that changes nothing the second time.

use std::collections::BTreeSet;
use std::time::Duration;

use caravan_domain::identity::{Account, AccountEvent, SignUp, SignUpCommand};
use caravan_domain::{Decider, EntityId};
use caravan_event_store::{Direction, Filter, codec};
use chrono::Utc;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Setup;
use crate::effects::Outbox;
use crate::{Caller, CommandError, Commands, stream};

/// How often what is due is looked for.
const POLL: Duration = Duration::from_secs(1);
/// Carried out in one transaction.
const BATCH: i64 = 50;
/// How much later something is tried again whose time has not come after all, or that failed, seconds.
const LATER: f64 = 60.0;
/// Events of the log read at once.
const PAGE: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The attempt, if it is still waiting.
    SignUpLapses,
    /// A sign-up that came to nothing.
    AttemptIsForgotten,
    PersonIsForgotten,
}

impl What {
    const ALL: [What; 3] = [What::SignUpLapses, What::AttemptIsForgotten, What::PersonIsForgotten];

    pub(super) fn name(self) -> &'static str {
        match self {
            What::SignUpLapses => "sign-up lapses",
            What::AttemptIsForgotten => "attempt is forgotten",
            What::PersonIsForgotten => "person is forgotten",
        }
    }
}

pub struct Due {
    commands: Commands,
    pool: PgPool,
    outbox: Outbox,
}

impl Due {
    pub fn new(setup: &Setup) -> Self {
        Due { commands: setup.commands.clone(), pool: setup.pool.clone(), outbox: setup.carriers.outbox.clone() }
    }

    /// Carries out what is due, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut reminded = false;
        while !stop.is_cancelled() {
            let pass = async {
                if !reminded {
                    self.forget_again().await?;
                    reminded = true;
                }
                while self.carry_out().await? > 0 {}
                Ok::<_, CommandError>(())
            };
            if let Err(error) = pass.await {
                tracing::warn!(error = &error as &dyn std::error::Error, "what is due has to wait");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Sees to it that whoever was forgotten stays so where the keys come from a backup made before, together with the
    /// temp members and the sign-up that they turned out to be.
    pub async fn forget_again(&self) -> Result<(), CommandError> {
        let filter = Filter {
            categories: vec![Account::CATEGORY.to_owned()],
            event_types: ["PersonForgotten", "Absorbed"].map(str::to_owned).to_vec(),
        };
        let (mut forgotten, mut absorbed) = (BTreeSet::new(), vec![]);
        let mut from = 0;
        loop {
            let page = self.commands.store().read_all(from, Direction::Forwards, &filter, PAGE).await?;
            for event in &page.events {
                match codec::decode::<Account>(event).map_err(CommandError::broken)? {
                    AccountEvent::PersonForgotten { .. } => {
                        forgotten.insert(event.stream.id);
                    }
                    AccountEvent::Absorbed { into } => absorbed.push((event.stream.id, into)),
                    _ => {}
                }
            }
            if page.end {
                break;
            }
            from = page.next;
        }
        for (temp, into) in absorbed {
            if forgotten.contains(&into) {
                self.commands.vault().link(temp, into).await?;
            }
        }
        for person in &forgotten {
            if let Some(attempt) = self.sign_up_of(*person).await? {
                self.commands.vault().link(attempt, *person).await?;
            }
        }
        let forgotten: Vec<Uuid> = forgotten.into_iter().map(|person| person.0).collect();
        sqlx::query(
            "insert into deadlines (what, subject, stream_id, due_at)
             select $1, person, person, now() from unnest($2::uuid[]) person on conflict do nothing",
        )
        .bind(What::PersonIsForgotten.name())
        .bind(forgotten)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The attempt that made somebody's account, if that has another id.
    async fn sign_up_of(&self, person: EntityId) -> Result<Option<EntityId>, CommandError> {
        let events =
            self.commands.store().read_stream(&stream::<Account>(person), 0, Direction::Forwards, PAGE).await?;
        for event in &events {
            if let AccountEvent::Registered(registration) =
                codec::decode::<Account>(event).map_err(CommandError::broken)?
            {
                return Ok(registration.sign_up.filter(|attempt| *attempt != person));
            }
        }
        Ok(None)
    }

    /// Carries out up to a batch; gives how many were due. What fails for good is tried again later and logged.
    pub async fn carry_out(&self) -> Result<usize, CommandError> {
        let mut tx = self.pool.begin().await?;
        let due: Vec<(String, Uuid, Uuid)> = sqlx::query_as(
            "select what, subject, stream_id from deadlines where due_at <= now()
             order by due_at limit $1 for update skip locked",
        )
        .bind(BATCH)
        .fetch_all(&mut *tx)
        .await?;
        let mut forgotten = vec![];
        let (mut done, mut later) = (vec![], vec![]);
        for (name, subject, stream_id) in &due {
            let Some(what) = What::ALL.into_iter().find(|what| what.name() == name) else { continue };
            let outcome = match what {
                What::SignUpLapses => self.lapse(EntityId(*stream_id), EntityId(*subject)).await,
                What::AttemptIsForgotten => self.forget_attempt(EntityId(*subject), &mut forgotten).await,
                What::PersonIsForgotten => self.forget(EntityId(*subject), &mut forgotten).await,
            };
            match outcome {
                Ok(true) => done.push((what.name(), *subject)),
                Ok(false) => later.push((what.name(), *subject)),
                Err(error @ CommandError::Unavailable(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, what = name, %subject, "is tried again");
                    later.push((what.name(), *subject));
                }
            }
        }
        self.clear_outbox(forgotten).await?;
        let (what, subjects): (Vec<&str>, Vec<Uuid>) = done.into_iter().unzip();
        sqlx::query("delete from deadlines where (what, subject) in (select * from unnest($1::text[], $2::uuid[]))")
            .bind(what)
            .bind(subjects)
            .execute(&mut *tx)
            .await?;
        let (what, subjects): (Vec<&str>, Vec<Uuid>) = later.into_iter().unzip();
        sqlx::query(
            "update deadlines set due_at = now() + make_interval(secs => $3)
             where (what, subject) in (select * from unnest($1::text[], $2::uuid[]))",
        )
        .bind(what)
        .bind(subjects)
        .bind(LATER)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(due.len())
    }

    /// Whether the attempt is gone. That it was dropped is what makes its values be forgotten.
    async fn lapse(&self, sign_up: EntityId, attempt: EntityId) -> Result<bool, CommandError> {
        let asking = self.commands.asked_by(Caller::system(Utc::now(), Uuid::new_v5(&attempt.0, b"lapse")));
        let done = asking.send::<SignUp>(sign_up, SignUpCommand::Lapse { attempt }).await?;
        Ok(done.state.find(attempt).is_none())
    }

    /// Unless somebody named the person meanwhile.
    async fn forget_attempt(&self, attempt: EntityId, forgotten: &mut Vec<EntityId>) -> Result<bool, CommandError> {
        match self.commands.state::<Account>(attempt).await?.revision {
            -1 => self.forget(attempt, forgotten).await,
            _ => Ok(true),
        }
    }

    async fn forget(&self, person: EntityId, forgotten: &mut Vec<EntityId>) -> Result<bool, CommandError> {
        forgotten.extend(self.commands.vault().forget(person).await?);
        Ok(true)
    }

    async fn clear_outbox(&self, forgotten: Vec<EntityId>) -> Result<(), CommandError> {
        if forgotten.is_empty() {
            return Ok(());
        }
        let outbox = self.outbox.clone();
        let cleared = tokio::task::spawn_blocking(move || outbox.forget(&forgotten)).await;
        let cleared = cleared.map_err(std::io::Error::other).flatten();
        cleared.map(|_| ()).map_err(|error| CommandError::Unavailable(Box::new(error)))
    }
}

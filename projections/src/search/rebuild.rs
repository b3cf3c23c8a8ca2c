//! Making search documents anew, beside the ones in use, while the follower goes on.

use std::collections::HashSet;
use std::time::Duration;

use caravan_domain::Kind;
use caravan_event_store::Position;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::follower::{CHUNK, of_subjects};
use super::{Place, Search, SearchError, opened, render};
use crate::bookkeeping::{self, DOCUMENTS, SEARCH};
use crate::rebuild::{connect, is_lock_timeout};
use crate::{RebuildError, schema};

/// Pause before the switch is tried again, after somebody held on to the checkpoint.
const PAUSE: Duration = Duration::from_millis(100);

/// A kind whose search documents are being made.
struct Beside<'a> {
    kind: &'static Kind,
    place: Place<'a>,
    shape: String,
    /// The new index; none where texts are replaced in their table.
    index: Option<String>,
}

impl Search {
    /// Makes all search documents anew and switches to them; returns how many. May be stopped at any time.
    pub async fn rebuild(&self) -> Result<u64, RebuildError> {
        Ok(self.renew(self.places()).await?)
    }

    /// Makes what is missing or has another shape than the program's.
    pub(super) async fn prepare(&self) -> Result<(), SearchError> {
        let mut connection = self.pool.acquire().await?;
        let mut stale = Vec::new();
        let mut elsewhere = Vec::new();
        for (kind, place) in self.places() {
            let current = match place {
                Place::Index(elastic) => {
                    elsewhere.push(kind.name);
                    elastic.current(kind).await?.map(|(_, shape)| shape)
                }
                Place::Opened => opened::shape(&mut connection, kind).await?,
            };
            if current != Some(shape(&mut connection, kind).await?) {
                stale.push((kind, place));
            }
        }
        opened::clear(&mut connection, &elsewhere).await?;
        drop(connection);
        if !stale.is_empty() {
            self.renew(stale).await?;
        }
        Ok(())
    }

    async fn renew(&self, places: Vec<(&'static Kind, Place<'_>)>) -> Result<u64, SearchError> {
        let mut connection = connect(&self.pool).await?;
        let alone: bool = sqlx::query_scalar("select pg_try_advisory_lock(hashtext('caravan search rebuild'))")
            .fetch_one(&mut connection)
            .await?;
        if !alone {
            return Err(SearchError::Running);
        }
        let since = bookkeeping::position(&mut connection, SEARCH).await?;
        let documents_at = bookkeeping::position(&mut connection, DOCUMENTS).await?;
        if documents_at < since {
            return Err(SearchError::Lagging);
        }
        let mut kinds = Vec::new();
        for (kind, place) in places {
            let shape = shape(&mut connection, kind).await?;
            let index = match place {
                Place::Index(elastic) => Some(elastic.create_beside(kind, &shape).await?),
                Place::Opened => None,
            };
            kinds.push(Beside { kind, place, shape, index });
        }
        let mut written = 0;
        for beside in &kinds {
            written += self.fill(&mut connection, beside).await?;
        }
        while !self.switch(&mut connection, &kinds, since, documents_at).await? {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(written)
    }

    async fn fill(&self, connection: &mut PgConnection, beside: &Beside<'_>) -> Result<u64, SearchError> {
        let mut after = Uuid::nil();
        let mut written = 0;
        loop {
            let documents = render::read_on(connection, beside.kind, after, CHUNK as i64).await?;
            let Some(last) = documents.last().map(|document| document.id) else { return Ok(written) };
            written += documents.len() as u64;
            after = last;
            let rendered = render::render(&self.vault, beside.kind, documents, &HashSet::new()).await?;
            match beside.place {
                Place::Index(elastic) => {
                    elastic.write_all(beside.kind, beside.index.as_deref(), &rendered).await?;
                }
                Place::Opened => opened::write(connection, beside.kind, &rendered).await?,
            }
        }
    }

    /// With the follower held: what has changed since, whom the log has forgotten since, then the switch. False when
    /// somebody else held the checkpoint for too long.
    async fn switch(
        &self,
        connection: &mut PgConnection,
        kinds: &[Beside<'_>],
        since: Position,
        documents_at: Position,
    ) -> Result<bool, SearchError> {
        let mut tx = connection.begin().await?;
        sqlx::query("set local lock_timeout = '200ms'").execute(&mut *tx).await?;
        match bookkeeping::hold(&mut tx, SEARCH).await {
            Err(error) if is_lock_timeout(&error) => return Ok(false),
            other => other?,
        };
        let forgotten = self.forgotten_since(since).await?;
        for beside in kinds {
            let Beside { kind, place, shape, index } = beside;
            let target = (*place, index.as_deref());
            let sql = format!("select id from {} where position > $1", schema::view(kind));
            let changed: Vec<Uuid> =
                sqlx::query_scalar(AssertSqlSafe(sql)).bind(documents_at).fetch_all(&mut *tx).await?;
            self.write(&mut tx, kind, target, &changed, &forgotten).await?;
            if let (Place::Index(elastic), Some(index)) = (place, index) {
                elastic.refresh(index).await?;
            }
            let held = of_subjects(&mut tx, kind, *place, index.as_deref(), &forgotten).await?;
            self.write(&mut tx, kind, target, &held, &forgotten).await?;
            match (place, index) {
                (Place::Index(elastic), Some(index)) => {
                    elastic.refresh(index).await?;
                    elastic.switch(kind, index).await?;
                }
                _ => opened::complete(&mut tx, kind, shape).await?,
            }
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// What search documents of a kind are made of and how: the folding rules of its documents, fields, text.
async fn shape(connection: &mut PgConnection, kind: &Kind) -> Result<String, sqlx::Error> {
    let models = bookkeeping::read(connection).await?;
    let fold_version = models.get(kind.name).map_or(0, |model| model.fold_version);
    Ok(format!("born, fold {fold_version}, {:?}, text {:?}, sealed {:?}", kind.fields, kind.text, kind.sealed_text))
}

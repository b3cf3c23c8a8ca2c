//! Rendering documents anew, beside what is in use, while the follower goes on.

use std::collections::HashSet;
use std::time::Duration;

use caravan_domain::Kind;
use caravan_event_store::Position;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::follower::CHUNK;
use super::{Place, Renderer, SearchError, opened, render};
use crate::bookkeeping::{self, DOCUMENTS};
use crate::rebuild::{connect, is_lock_timeout};
use crate::{RebuildError, schema};

/// Pause before the switch is tried again, after somebody held on to the checkpoint.
const PAUSE: Duration = Duration::from_millis(100);

/// A kind that is being rendered.
struct Beside {
    kind: &'static Kind,
    shape: String,
    /// The new index; none where texts are replaced in their table.
    index: Option<String>,
}

impl Renderer {
    /// Renders all documents anew and switches to what comes of it; returns how many. May be stopped at any time.
    pub async fn rebuild(&self) -> Result<u64, RebuildError> {
        let renewed = self.renew(self.kinds().collect()).await?;
        if let Place::Opened = self.place {
            let kinds: Vec<&str> = self.kinds().map(|kind| kind.name).collect();
            opened::keep_only(&mut *self.rendering.pool.acquire().await?, &kinds).await?;
        }
        Ok(renewed)
    }

    /// Makes what is missing or has another shape than the program's.
    pub(super) async fn prepare(&self) -> Result<(), SearchError> {
        let mut connection = self.rendering.pool.acquire().await?;
        let mut stale = Vec::new();
        for kind in self.kinds() {
            let current = match &self.place {
                Place::Index(elastic) => elastic.current(kind).await?.map(|(_, shape)| shape),
                Place::Opened => opened::shape(&mut connection, kind).await?,
            };
            if current != Some(shape(&mut connection, kind).await?) {
                stale.push(kind);
            }
        }
        if let Place::Opened = self.place {
            // Until it is filled, nothing is found in it.
            opened::outdate(&mut connection, &stale).await?;
        }
        drop(connection);
        if !stale.is_empty() {
            self.renew(stale).await?;
        }
        Ok(())
    }

    async fn renew(&self, renewed: Vec<&'static Kind>) -> Result<u64, SearchError> {
        let mut connection = connect(&self.rendering.pool).await?;
        if !opened::take_alone(&mut connection, self.name()).await? {
            return Err(SearchError::Running);
        }
        let since = bookkeeping::position(&mut connection, self.name()).await?;
        let documents_at = bookkeeping::position(&mut connection, DOCUMENTS).await?;
        if documents_at < since {
            return Err(SearchError::Lagging);
        }
        let mut kinds = Vec::new();
        for kind in renewed {
            let shape = shape(&mut connection, kind).await?;
            let index = match &self.place {
                Place::Index(elastic) => Some(elastic.create_beside(kind, &shape).await?),
                Place::Opened => None,
            };
            kinds.push(Beside { kind, shape, index });
        }
        let mut written = 0;
        for beside in &kinds {
            written += self.fill(&mut connection, beside).await?;
        }
        loop {
            match self.switch(&mut connection, &kinds, since, documents_at).await {
                // The follower is in the middle of a batch, and may have written what is to be written.
                Err(SearchError::Sql(error)) if is_lock_timeout(&error) => tokio::time::sleep(PAUSE).await,
                switched => return switched.map(|()| written),
            }
        }
    }

    async fn fill(&self, connection: &mut PgConnection, beside: &Beside) -> Result<u64, SearchError> {
        let mut after = Uuid::nil();
        let mut written = 0;
        loop {
            let documents = render::read_on(connection, beside.kind, after, CHUNK as i64).await?;
            let Some(last) = documents.last().map(|document| document.id) else { return Ok(written) };
            written += documents.len() as u64;
            after = last;
            self.put(connection, beside.kind, beside.index.as_deref(), documents, &HashSet::new()).await?;
        }
    }

    /// With the follower held: what has changed since, whom the log has forgotten since, then the switch.
    async fn switch(
        &self,
        connection: &mut PgConnection,
        kinds: &[Beside],
        since: Position,
        documents_at: Position,
    ) -> Result<(), SearchError> {
        let mut tx = connection.begin().await?;
        sqlx::query("set local lock_timeout = '200ms'").execute(&mut *tx).await?;
        if bookkeeping::hold(&mut tx, self.name()).await? == 0 {
            // It never ran: everything up to there is rendered now, and need not be again.
            bookkeeping::move_to(&mut tx, self.name(), documents_at).await?;
        }
        let forgotten = self.forgotten_since(since).await?;
        for beside in kinds {
            let Beside { kind, shape, index } = beside;
            let index = index.as_deref();
            let sql = format!("select id from {} where position > $1", schema::view(kind));
            let changed: Vec<Uuid> =
                sqlx::query_scalar(AssertSqlSafe(sql)).bind(documents_at).fetch_all(&mut *tx).await?;
            self.write(&mut tx, kind, index, &changed, &forgotten).await?;
            if let (Place::Index(elastic), Some(index)) = (&self.place, index) {
                elastic.refresh(index).await?;
            }
            let held = self.of_subjects(&mut tx, kind, index, &forgotten).await?;
            self.write(&mut tx, kind, index, &held, &forgotten).await?;
            match (&self.place, index) {
                (Place::Index(elastic), Some(index)) => {
                    elastic.refresh(index).await?;
                    elastic.switch(kind, index).await?;
                }
                _ => opened::complete(&mut tx, kind, shape).await?,
            }
        }
        Ok(tx.commit().await?)
    }
}

/// What is rendered of a kind and how: the folding rules of its documents, fields, text.
async fn shape(connection: &mut PgConnection, kind: &Kind) -> Result<String, sqlx::Error> {
    let models = bookkeeping::read(connection).await?;
    let fold_version = models.get(kind.name).map_or(0, |model| model.fold_version);
    let sealed: Vec<(&str, bool)> = kind.sealed.iter().map(|sealed| (sealed.name, kind.searches(sealed))).collect();
    Ok(format!("born, fold {fold_version}, {:?}, text {:?}, sealed {sealed:?}", kind.fields, kind.text))
}

//! Point reads: concurrent ones are drained into one statement per kind.

use std::collections::HashMap;
use std::sync::Arc;

use caravan_domain::Kind;
use caravan_postgres::SidePool;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Postgres, Row as _};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::document::{COLUMNS, Stored, columns, stored};
use crate::{ReadError, schema};

/// A document as read, and that of the entity it belongs to, where that is read along.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub own: Stored,
    pub parent: Option<Stored>,
}

type Answer = Result<Vec<Arc<Loaded>>, ReadError>;

struct Ask {
    ids: Vec<Uuid>,
    answer: oneshot::Sender<Answer>,
}

/// Reads the documents of one kind; a task of its own drains what has queued while the statement before ran.
pub(crate) struct Loader {
    queue: mpsc::UnboundedSender<Ask>,
}

/// Connections that the loaders of all kinds share.
pub(crate) const CONNECTIONS: u32 = 8;

/// Callers answered by one statement.
const CALLERS: usize = 256;

impl Loader {
    pub(crate) fn new(pool: SidePool, kind: &Kind) -> Loader {
        let sql = format!("select {} from {} own where own.id = any($1)", columns("own"), schema::view(kind));
        Loader::of(pool, sql)
    }

    /// One that reads each document's parent along, in the same statement.
    pub(crate) fn with_parent(pool: SidePool, kind: &Kind, parent: &Kind) -> Loader {
        let (own, above) = (columns("own"), columns("above"));
        let (child, parent) = (schema::view(kind), schema::view(parent));
        let sql = format!(
            "select {own}, {above} from {child} own left join {parent} above on above.id = own.parent
             where own.id = any($1)"
        );
        Loader::of(pool, sql)
    }

    fn of(pool: SidePool, sql: String) -> Loader {
        let (queue, asked) = mpsc::unbounded_channel();
        tokio::spawn(drain(pool, sql.into(), asked));
        Loader { queue }
    }

    /// The documents of these ids, in their order; those missing are left out.
    pub(crate) async fn load(&self, ids: Vec<Uuid>) -> Answer {
        let (answer, answered) = oneshot::channel();
        let gone = || ReadError::broken("the loader has stopped");
        self.queue.send(Ask { ids, answer }).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

async fn drain(pool: SidePool, sql: Arc<str>, mut asked: mpsc::UnboundedReceiver<Ask>) {
    let mut asks = Vec::with_capacity(CALLERS);
    while asked.recv_many(&mut asks, CALLERS).await > 0 {
        let mut connection = None;
        // The connection is kept while there is work and given back before waiting.
        loop {
            answer(&pool, &mut connection, &sql, asks.drain(..)).await;
            while asks.len() < CALLERS
                && let Ok(ask) = asked.try_recv()
            {
                asks.push(ask);
            }
            if asks.is_empty() {
                break;
            }
        }
    }
}

async fn answer(
    pool: &SidePool,
    connection: &mut Option<PoolConnection<Postgres>>,
    sql: &Arc<str>,
    asks: impl Iterator<Item = Ask>,
) {
    let asks: Vec<Ask> = asks.filter(|ask| !ask.answer.is_closed()).collect();
    let mut ids: Vec<Uuid> = asks.iter().flat_map(|ask| ask.ids.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = match read(pool, connection, sql, &ids).await {
        // A connection of the pool may have died while it idled; a fresh one tells.
        Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) => {
            drop(connection.take().map(PoolConnection::detach));
            read(pool, connection, sql, &ids).await
        }
        other => other,
    };
    match found {
        Ok(found) => {
            for ask in asks {
                let documents = ask.ids.iter().filter_map(|id| found.get(id).cloned()).collect();
                let _ = ask.answer.send(Ok(documents));
            }
        }
        Err(error) => {
            drop(connection.take().map(PoolConnection::detach));
            let error = ReadError::from(error);
            for ask in asks {
                let _ = ask.answer.send(Err(error.clone()));
            }
        }
    }
}

async fn read(
    pool: &SidePool,
    connection: &mut Option<PoolConnection<Postgres>>,
    sql: &Arc<str>,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Arc<Loaded>>, sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(pool.acquire().await?),
    };
    let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(ids);
    let rows = SidePool::in_time(query.fetch_all(&mut **connection)).await?;
    let whole = |row: &PgRow| {
        let own = stored(row, 0)?;
        let read_along = row.len() > COLUMNS && row.try_get::<Option<Uuid>, _>(COLUMNS)?.is_some();
        let parent = if read_along { Some(stored(row, COLUMNS)?) } else { None };
        Ok((own.id, Arc::new(Loaded { own, parent })))
    };
    rows.iter().map(whole).collect()
}

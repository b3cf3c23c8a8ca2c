//! Point reads: concurrent ones are drained into one statement per kind.

use std::collections::HashMap;
use std::sync::Arc;

use caravan_domain::Kind;
use caravan_event_store::{KeyedPool, Position, Revision};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Postgres, Row as _};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{ReadError, schema};

/// A document as read, its state still text.
#[derive(Debug)]
pub(crate) struct Stored {
    pub id: Uuid,
    pub revision: Revision,
    pub position: Position,
    pub fold_version: i32,
    pub state: String,
}

type Answer = Result<Vec<Arc<Stored>>, ReadError>;

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
    pub(crate) fn new(pool: KeyedPool, kind: &Kind) -> Loader {
        let (queue, asked) = mpsc::unbounded_channel();
        let sql = format!(
            "select id, revision, position, fold_version, state::text from {} where id = any($1)",
            schema::view(kind)
        );
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

async fn drain(pool: KeyedPool, sql: Arc<str>, mut asked: mpsc::UnboundedReceiver<Ask>) {
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
    pool: &KeyedPool,
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
    pool: &KeyedPool,
    connection: &mut Option<PoolConnection<Postgres>>,
    sql: &Arc<str>,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Arc<Stored>>, sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(pool.acquire().await?),
    };
    let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(ids);
    let rows = KeyedPool::in_time(query.fetch_all(&mut **connection)).await?;
    rows.iter()
        .map(|row| {
            let stored = Stored {
                id: row.try_get(0)?,
                revision: row.try_get(1)?,
                position: row.try_get(2)?,
                fold_version: row.try_get(3)?,
                state: row.try_get(4)?,
            };
            Ok((stored.id, Arc::new(stored)))
        })
        .collect()
}

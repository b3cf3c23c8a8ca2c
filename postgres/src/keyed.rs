//! Connections for statements that find rows by key.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Error, PgPool, Postgres};

/// How long a statement may take. Longer ones hang: the server may be gone without a word.
const LIMIT: Duration = Duration::from_secs(10);

/// A few connections beside a main pool, for statements whose plan does not depend on what they ask for: planning costs
/// more than they do, so it is done once. A plan made while a table was still small has to serve a large one.
#[derive(Clone)]
pub struct KeyedPool {
    main: PgPool,
    own: PgPool,
}

impl KeyedPool {
    /// At most so many connections, made when first needed, to the database of the main pool and with its timeouts.
    pub fn beside(main: &PgPool, connections: u32) -> KeyedPool {
        let plans = [("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("jit", "off")];
        let connect = (*main.connect_options()).clone().options(plans);
        let own = main.options().clone().min_connections(0).max_connections(connections).connect_lazy_with(connect);
        KeyedPool { main: main.clone(), own }
    }

    /// A connection; none once the main pool is closed.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, Error> {
        if self.main.is_closed() { Err(Error::PoolClosed) } else { self.own.acquire().await }
    }

    /// The outcome of a statement on one of the connections. After an [`Error::Io`] the connection must not come back
    /// to the pool: it may hang.
    pub async fn in_time<T>(statement: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(LIMIT, statement).await.unwrap_or_else(|elapsed| Err(Error::Io(elapsed.into())))
    }
}

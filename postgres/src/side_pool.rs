//! A few connections beside a main pool, for statements that need settings of their own.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Error, PgPool, Postgres};

/// How long a statement may take. Longer ones hang: the server may be gone without a word.
const LIMIT: Duration = Duration::from_secs(10);

/// Connections to the database of a main pool, with its timeouts and some settings more, as long as that is open.
#[derive(Clone)]
pub struct SidePool {
    main: PgPool,
    own: PgPool,
}

impl SidePool {
    /// At most so many connections, made when first needed, with these settings of Postgres.
    pub fn beside(main: &PgPool, connections: u32, settings: &[(&str, &str)]) -> SidePool {
        let connect = (*main.connect_options()).clone().options(settings.iter().copied());
        let own = main.options().clone().min_connections(0).max_connections(connections).connect_lazy_with(connect);
        SidePool { main: main.clone(), own }
    }

    /// For statements whose plan does not depend on what they ask for: planning costs more than they do, so it is done
    /// once. A plan made while a table was still small has to serve a large one.
    pub fn keyed(main: &PgPool, connections: u32) -> SidePool {
        let plans = [("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("jit", "off")];
        SidePool::beside(main, connections, &plans)
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

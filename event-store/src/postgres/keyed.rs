//! Connections for statements that find rows by key.

use sqlx::pool::PoolConnection;
use sqlx::{Error, PgPool, Postgres};

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
}

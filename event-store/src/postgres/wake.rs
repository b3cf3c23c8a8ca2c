//! Hearing of appends, whichever process made them. Only ever saves waiting: subscribers also look each second.

use std::convert::Infallible;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::watch;

use crate::event::Position;
use crate::tail::heard;

/// The pause before listening again after an error.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens on a connection of its own until the main pool is closed.
pub(super) async fn run(main: PgPool, head: watch::Sender<Position>) {
    let options = (*main.connect_options()).clone();
    let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None).connect_lazy_with(options);
    loop {
        let Err(error) = listen(&pool, &head).await;
        if main.is_closed() {
            return;
        }
        tracing::warn!(error = &error as &dyn std::error::Error, "listening for appends is interrupted");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(pool: &PgPool, head: &watch::Sender<Position>) -> Result<Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("events").await?;
    loop {
        if let Ok(position) = listener.recv().await?.payload().parse() {
            heard(head, position);
        }
    }
}

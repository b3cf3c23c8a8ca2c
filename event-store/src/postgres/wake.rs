//! Hearing of appends, whichever process made them. Only ever saves waiting: subscribers also look each second.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::watch;

use super::heard;
use crate::event::Position;

/// The pause before listening again after an error.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens for ever, on a connection of its own.
pub(super) async fn run(options: PgConnectOptions, head: watch::Sender<Position>) {
    let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None).connect_lazy_with(options);
    loop {
        if let Err(error) = listen(&pool, &head).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "listening for appends is interrupted");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(pool: &sqlx::PgPool, head: &watch::Sender<Position>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("events").await?;
    loop {
        if let Ok(position) = listener.recv().await?.payload().parse() {
            heard(head, position);
        }
    }
}

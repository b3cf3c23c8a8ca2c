//! What is counted of the work that waits for its time: outgoing messages and deadlines.

use std::time::Duration;

use caravan_clock::Clock;
use caravan_domain::identity::Medium;
use chrono::{DateTime, Utc};
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// How often the rows that wait are looked at.
const ROUND: Duration = Duration::from_secs(5);

/// What may become of a message that was due.
const OUTCOMES: [&str; 5] = ["accepted", "postponed", "failed", "dropped", "void"];

/// A message that was due came to an outcome. `channel`: where it went; unknown before it was composed.
pub(super) fn message(channel: Option<Medium>, outcome: &'static str) {
    counter!("caravan_messages_total", "channel" => name(channel), "outcome" => outcome).increment(1);
}

fn name(channel: Option<Medium>) -> &'static str {
    match channel {
        Some(Medium::Mail) => "mail",
        Some(Medium::Push) => "push",
        Some(Medium::Sms) => "sms",
        None => "none",
    }
}

/// Says what is counted, and starts every count at 0.
pub(super) fn begin() {
    describe_counter!(
        "caravan_messages_total",
        "Messages by channel and outcome: accepted, postponed (tried again), failed (given up), dropped (a notice beyond a \
         limit), void (nobody to tell, switched off, or too late)"
    );
    describe_gauge!("caravan_messages_waiting", "Messages that are not settled yet, postponed ones included");
    describe_gauge!(
        "caravan_messages_overdue_seconds",
        Unit::Seconds,
        "How long the message that was due first waits; 0 where none is due"
    );
    describe_gauge!(
        "caravan_deadlines_overdue_seconds",
        Unit::Seconds,
        "How long the deadline that was due first waits; 0 where none is due"
    );
    for channel in Medium::ALL.map(Some).into_iter().chain([None]) {
        for outcome in OUTCOMES {
            counter!("caravan_messages_total", "channel" => name(channel), "outcome" => outcome).increment(0);
        }
    }
}

/// Looks at what waits, until `stop`.
pub(super) async fn watch(pool: PgPool, clock: Clock, stop: CancellationToken) {
    while !stop.is_cancelled() {
        // A database that does not answer is told of elsewhere; the figures stay as they were.
        if let Ok((messages, overdue, deadlines)) = look(&pool, clock.now()).await {
            gauge!("caravan_messages_waiting").set(messages as f64);
            gauge!("caravan_messages_overdue_seconds").set(overdue);
            gauge!("caravan_deadlines_overdue_seconds").set(deadlines);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

async fn look(pool: &PgPool, now: DateTime<Utc>) -> sqlx::Result<(i64, f64, f64)> {
    sqlx::query_as(
        "select (select count(*) from outgoing_messages where outcome is null),
                (select greatest(coalesce(extract(epoch from $1 - min(due_at)), 0), 0)::float8
                 from outgoing_messages where outcome is null),
                (select greatest(coalesce(extract(epoch from $1 - min(due_at)), 0), 0)::float8 from deadline)",
    )
    .bind(now)
    .fetch_one(pool)
    .await
}

//! What is counted of the log and of those who follow it.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::port::{AppendError, Appended, StoreError};

/// How an append may end.
const OUTCOMES: [&str; 4] = ["stored", "conflict", "refused", "unavailable"];

pub(crate) fn outcome(outcome: &Result<Appended, AppendError>) -> &'static str {
    match outcome {
        Ok(_) => "stored",
        Err(AppendError::Conflict { .. }) => "conflict",
        Err(AppendError::Store(StoreError::Refused(_))) => "refused",
        Err(AppendError::Store(StoreError::Unavailable(_))) => "unavailable",
    }
}

/// Says what is counted of the log, and starts every count at 0.
pub(crate) fn begin_log() {
    describe_counter!(
        "caravan_appends_total",
        "Appends by outcome: stored, conflict (the stream had moved; commands decide again), refused, unavailable"
    );
    describe_histogram!(
        "caravan_append_duration_seconds",
        Unit::Seconds,
        "Time that an append took, waiting for its batch included"
    );
    describe_histogram!("caravan_append_batch_size", "Appends sent to the log at once: they share a commit");
    describe_gauge!("caravan_appends_in_flight", "Appends whose outcome is waited for: queued, or sent");
    describe_gauge!("caravan_log_position", "Position of the last event of the log that this process has heard of");
    for outcome in OUTCOMES {
        counter!("caravan_appends_total", "outcome" => outcome).increment(0);
    }
    gauge!("caravan_appends_in_flight").set(0);
}

/// The same of a follower.
pub(crate) fn begin_follower(follower: &str) {
    describe_gauge!("caravan_follower_position", "Position up to which a follower has taken in the log");
    describe_gauge!(
        "caravan_follower_active",
        "1 where this process follows; 0 where it stands by for another that does"
    );
    describe_gauge!("caravan_follower_parked_streams", "Streams that the follower in this process has set aside");
    describe_counter!("caravan_follower_parked_total", "Streams that a follower could not apply and set aside");
    counter!("caravan_follower_parked_total", "follower" => follower.to_owned()).increment(0);
    active(follower, false);
    parked(follower, 0);
}

pub(crate) fn active(follower: &str, active: bool) {
    gauge!("caravan_follower_active", "follower" => follower.to_owned()).set(f64::from(u8::from(active)));
}

pub(crate) fn parked(follower: &str, streams: usize) {
    gauge!("caravan_follower_parked_streams", "follower" => follower.to_owned()).set(streams as f64);
}

/// Counts as an append in flight until dropped.
pub(crate) struct InFlight;

impl InFlight {
    pub(crate) fn begin() -> Self {
        gauge!("caravan_appends_in_flight").increment(1);
        InFlight
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!("caravan_appends_in_flight").decrement(1);
    }
}

//! `liketrip`: the trips that somebody likes.

use caravan_commands::trips::likes;
use caravan_wire::krugo::ids::TripId;
use caravan_wire::{Call, Outcome, Stream};
use serde::Deserialize;
use serde_json::json;

use crate::{Write, answer, asking};

/// `likeRequest` and `unlikeRequest`
#[derive(Deserialize)]
struct NameTrip {
    trip: TripId,
}

pub(super) async fn like(call: Call<Write>) -> Outcome<Stream> {
    let NameTrip { trip } = call.body()?;
    let done = likes::like(&asking(&call).await?, trip.0).await?;
    answer(&done, json!({"tripId": trip}))
}

pub(super) async fn unlike(call: Call<Write>) -> Outcome<Stream> {
    let NameTrip { trip } = call.body()?;
    let done = likes::unlike(&asking(&call).await?, trip.0).await?;
    answer(&done, json!({"tripId": trip}))
}

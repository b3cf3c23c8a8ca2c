//! `tripideas`: what members suggest to their crew.

use caravan_commands::trips::ideas;
use caravan_domain::EntityId;
use caravan_domain::trips::trip_idea::{Suggestion, TripIdeaState};
use caravan_wire::krugo::day::Day;
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Failure, Outcome, Stream};
use serde::Deserialize;
use serde_json::json;

use crate::{Write, answer, asking};

#[derive(Deserialize)]
struct AddTripIdea {
    crew_id: EntityId,
    city_id: EntityId,
    start_date: Day,
    end_date: Day,
    #[serde(default)]
    event_ids: Vec<EntityId>,
    #[serde(default)]
    liked_user_ids: Vec<EntityId>,
}

pub(super) async fn add_trip_idea(call: Call<Write>) -> Outcome<Stream> {
    let AddTripIdea { crew_id, city_id, start_date, end_date, event_ids, liked_user_ids } = call.body()?;
    let (Day(start_date), Day(end_date)) = (start_date, end_date);
    let new = Suggestion { crew_id, city_id, start_date, end_date, event_ids, liked_user_ids };
    let done = ideas::suggest(&asking(&call).await?, new).await?;
    let TripIdeaState::Active(idea) = &*done.state else {
        return Err(Failure::not_found("no such trip idea"));
    };
    answer(&done, trips::added_trip_idea(done.id, idea))
}

/// `likeTripIdeaRequest`, `unlikeTripIdeaRequest` and `deleteTripIdeaRequest`
#[derive(Deserialize)]
struct NameTripIdea {
    crew_id: EntityId,
    id: EntityId,
}

pub(super) async fn like_trip_idea(call: Call<Write>) -> Outcome<Stream> {
    let NameTripIdea { crew_id, id } = call.body()?;
    let done = ideas::like(&asking(&call).await?, id, crew_id).await?;
    answer(&done, json!({"crewId": crew_id, "id": id, "userId": call.account()?}))
}

pub(super) async fn unlike_trip_idea(call: Call<Write>) -> Outcome<Stream> {
    let NameTripIdea { crew_id, id } = call.body()?;
    let done = ideas::unlike(&asking(&call).await?, id, crew_id).await?;
    answer(&done, json!({"crewId": crew_id, "id": id, "userId": call.account()?}))
}

pub(super) async fn delete_trip_idea(call: Call<Write>) -> Outcome<Stream> {
    let NameTripIdea { crew_id, id } = call.body()?;
    let done = ideas::delete(&asking(&call).await?, id, crew_id).await?;
    answer(&done, json!({"crewId": crew_id, "id": id}))
}

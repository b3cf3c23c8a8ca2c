//! `tripideas`: what members suggest to their crew.

use caravan_commands::Done;
use caravan_commands::trips::NewIdea;
use caravan_domain::EntityId;
use caravan_domain::trips::trip_idea::{TripIdeaState, TripIdeas};
use caravan_wire::krugo::day::Day;
use caravan_wire::krugo::{ids, trips};
use caravan_wire::{Call, Failure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::requests::{Outcome, acting, refused};
use crate::Write;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AddTripIdea {
    crew_id: String,
    suggestor_id: String,
    city_id: String,
    start_date: Day,
    end_date: Day,
    #[serde(default)]
    event_ids: Vec<String>,
    #[serde(default)]
    liked_user_ids: Vec<String>,
}

pub(super) async fn add_trip_idea(call: Call<Write>) -> Outcome {
    let request: AddTripIdea = call.body()?;
    acting(&call, "suggestorId", &request.suggestor_id)?;
    let new = NewIdea {
        crew_id: ids::parse(&request.crew_id, "crewId")?,
        city_id: ids::parse(&request.city_id, "cityId")?,
        start_date: request.start_date.0,
        end_date: request.end_date.0,
        event_ids: ids::parse_all(&request.event_ids, "eventIds")?,
        liked_user_ids: ids::parse_all(&request.liked_user_ids, "likedUserIds")?,
    };
    let made = call.state.commands.suggest_trip(new, &call.state.caller(&call).await?).await.map_err(refused)?;
    let TripIdeaState::Active(idea) = &*made.done.state else {
        return Err(Failure::not_found("no such trip idea"));
    };
    changed(&made.done, trips::added_trip_idea(made.id, idea))
}

fn changed(done: &Done<TripIdeas>, body: Value) -> Outcome {
    Ok(crate::answer(done, body))
}

/// `likeTripIdeaRequest`, `unlikeTripIdeaRequest` and `deleteTripIdeaRequest`
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NameTripIdea {
    crew_id: String,
    id: String,
    user_id: String,
}

/// Actor, crew and idea.
fn named(call: &Call<Write>) -> Result<(EntityId, EntityId, EntityId), Failure> {
    let request: NameTripIdea = call.body()?;
    let actor = acting(call, "userId", &request.user_id)?;
    Ok((actor, ids::parse(&request.crew_id, "crewId")?, ids::parse(&request.id, "id")?))
}

pub(super) async fn like_trip_idea(call: Call<Write>) -> Outcome {
    let (actor, crew, idea) = named(&call)?;
    let done = call.state.commands.like_trip(idea, crew, &call.state.caller(&call).await?).await.map_err(refused)?;
    changed(&done, json!({"crewId": crew, "id": idea, "userId": actor}))
}

pub(super) async fn unlike_trip_idea(call: Call<Write>) -> Outcome {
    let (actor, crew, idea) = named(&call)?;
    let done = call.state.commands.unlike_trip(idea, crew, &call.state.caller(&call).await?).await.map_err(refused)?;
    changed(&done, json!({"crewId": crew, "id": idea, "userId": actor}))
}

pub(super) async fn delete_trip_idea(call: Call<Write>) -> Outcome {
    let (_, crew, idea) = named(&call)?;
    let done =
        call.state.commands.delete_trip_idea(idea, crew, &call.state.caller(&call).await?).await.map_err(refused)?;
    changed(&done, json!({"crewId": crew, "id": idea}))
}

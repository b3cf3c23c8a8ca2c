//! `liketrip`: the trips that somebody likes, and those that most do.

use caravan_domain::EntityId;
use caravan_domain::catalogue::discover::{Liked, TripWindow};
use caravan_domain::trips::likes::{TripLikes, TripLikesState};
use caravan_projections::AsOf;
use caravan_wire::krugo::ids::TripId;
use caravan_wire::krugo::trends as shapes;
use caravan_wire::{Answer, Call, Failure, Outcome};
use serde::Deserialize;
use serde_json::json;

use crate::Read;
use crate::catalogue::liked;
use crate::reads::bounded;

async fn likes(call: &Call<Read>, person: EntityId) -> Result<TripLikesState, Failure> {
    Ok(call.state.models.get::<TripLikes>(person).await?.map(|likes| likes.state).unwrap_or_default())
}

pub(super) async fn liked_trip_ids(call: Call<Read>) -> Outcome {
    let likes = likes(&call, call.account()?).await?;
    let ids: Vec<TripId> = likes.liked.into_iter().map(TripId).collect();
    Ok(Answer::json(json!({"likedTripIds": ids})))
}

#[derive(Deserialize)]
struct LikedTrips {
    trips: Vec<TripId>,
}

/// Of the trips that are asked for those that the caller likes, each once.
pub(super) async fn liked_trips(call: Call<Read>) -> Outcome {
    let LikedTrips { trips } = call.body()?;
    /// Trips that one request asks for at most.
    const MOST: usize = 100;
    if trips.len() > MOST {
        return Err(Failure::invalid("trips", format!("names more than {MOST}")));
    }
    let person = call.account()?;
    let likes = likes(&call, person).await?;
    let mut liked: Vec<TripWindow> = vec![];
    for TripId(trip) in trips {
        if likes.likes(&trip) && !liked.contains(&trip) {
            liked.push(trip);
        }
    }
    let shown = crate::catalogue::liked(&call, &liked).await?;
    Ok(Answer::json(shown.iter().map(|liked| shapes::liked_trip(liked, Some(person))).collect()))
}

#[derive(Deserialize)]
struct TopLikedTrips {
    count: Option<u32>,
}

pub(super) async fn top_liked_trips(call: Call<Read>) -> Outcome {
    let TopLikedTrips { count } = call.body()?;
    let count = bounded(count)?;
    let as_of = AsOf { position: call.state.models.tallied().await?, time: call.now };
    let ranked = call.state.models.top_liked(as_of, None, count).await?;
    let trips: Vec<TripWindow> = ranked.iter().map(|ranked| ranked.trip).collect();
    let person = call.account()?;
    let own = likes(&call, person).await?;
    let liked = liked(&call, &trips).await?;
    // As they were ranked: another may have liked one meanwhile.
    let ranked = liked.into_iter().zip(ranked).map(|(liked, ranked)| Liked { likes: ranked.likes, ..liked });
    let shape = |liked: Liked| shapes::liked_trip(&liked, own.likes(&liked.trip).then_some(person));
    Ok(Answer::json(ranked.map(shape).collect()))
}

//! Trip ideas.

use caravan_domain::EntityId;
use caravan_domain::trips::trip_idea::{Suggestion, TripIdeaCommand, TripIdeas};

use super::facts::{crew, existing_city, existing_events};
use crate::{Asking, CommandError, Done};

pub async fn suggest(asking: &Asking, suggestion: Suggestion) -> Result<Done<TripIdeas>, CommandError> {
    let suggest = async {
        let crew = crew(asking, suggestion.crew_id).await?;
        existing_city(asking, suggestion.city_id).await?;
        existing_events(asking, &suggestion.event_ids, "event_ids").await?;
        Ok(TripIdeaCommand::Suggest { suggestion, crew })
    };
    asking.send_once(asking.new_id::<TripIdeas>().await?, suggest).await
}

pub async fn like(asking: &Asking, idea: EntityId, crew_id: EntityId) -> Result<Done<TripIdeas>, CommandError> {
    let like = async { Ok(TripIdeaCommand::Like { crew_id, crew: crew(asking, crew_id).await? }) };
    asking.send_once(idea, like).await
}

pub async fn unlike(asking: &Asking, idea: EntityId, crew_id: EntityId) -> Result<Done<TripIdeas>, CommandError> {
    let unlike = async { Ok(TripIdeaCommand::Unlike { crew_id, crew: crew(asking, crew_id).await? }) };
    asking.send_once(idea, unlike).await
}

pub async fn delete(asking: &Asking, idea: EntityId, crew_id: EntityId) -> Result<Done<TripIdeas>, CommandError> {
    let delete = async { Ok(TripIdeaCommand::Delete { crew_id, crew: crew(asking, crew_id).await? }) };
    asking.send_once(idea, delete).await
}

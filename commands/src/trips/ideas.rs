//! Trip ideas.

use caravan_domain::EntityId;
use caravan_domain::trips::trip_idea::{Suggestion, TripIdeaCommand, TripIdeas};
use chrono::NaiveDate;

use crate::{Caller, CommandError, Commands, Done, stream};

pub struct NewIdea {
    pub crew_id: EntityId,
    pub city_id: EntityId,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub event_ids: Vec<EntityId>,
    pub liked_user_ids: Vec<EntityId>,
}

impl Commands {
    pub async fn suggest_trip(&self, new: NewIdea, caller: &Caller) -> Result<Done<TripIdeas>, CommandError> {
        let crew = self.crew(new.crew_id).await?;
        self.existing_city(new.city_id).await?;
        self.existing_events(&new.event_ids, "event_ids").await?;
        let id = self.new_id("trip_idea", caller).await?;
        let NewIdea { crew_id, city_id, start_date, end_date, event_ids, liked_user_ids } = new;
        let suggestion = Suggestion { crew_id, crew, city_id, start_date, end_date, event_ids, liked_user_ids };
        self.execute::<TripIdeas>(stream::<TripIdeas>(id), TripIdeaCommand::Suggest(suggestion), caller).await
    }

    pub async fn like_trip(
        &self,
        idea: EntityId,
        crew_id: EntityId,
        caller: &Caller,
    ) -> Result<Done<TripIdeas>, CommandError> {
        let like = TripIdeaCommand::Like { crew_id, crew: self.crew(crew_id).await? };
        self.execute::<TripIdeas>(stream::<TripIdeas>(idea), like, caller).await
    }

    pub async fn unlike_trip(
        &self,
        idea: EntityId,
        crew_id: EntityId,
        caller: &Caller,
    ) -> Result<Done<TripIdeas>, CommandError> {
        let unlike = TripIdeaCommand::Unlike { crew_id, crew: self.crew(crew_id).await? };
        self.execute::<TripIdeas>(stream::<TripIdeas>(idea), unlike, caller).await
    }

    pub async fn delete_trip_idea(
        &self,
        idea: EntityId,
        crew_id: EntityId,
        caller: &Caller,
    ) -> Result<Done<TripIdeas>, CommandError> {
        let delete = TripIdeaCommand::Delete { crew_id, crew: self.crew(crew_id).await? };
        self.execute::<TripIdeas>(stream::<TripIdeas>(idea), delete, caller).await
    }
}

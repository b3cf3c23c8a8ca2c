//! A trip was suggested to a crew: its other members are told.

use caravan_domain::identity::Notice;
use caravan_domain::trips::trip_idea::{TripIdeaEvent, TripIdeaState, TripIdeas};
use caravan_event_store::following::FollowError;
use caravan_limits::known::NOTICES_OF_CREW;
use chrono::NaiveDate;
use futures::FutureExt;

use super::super::composing::{Composed, Composing};
use super::super::words::Values;
use super::super::{Mail, Template};
use super::{city_name, crew_member, tell_crew};
use crate::CommandError;
use crate::processes::reaction::Reaction;

pub const TRIP_IS_SHARED: Template = Template {
    name: "trip-is-shared",
    words: include_str!("trip_is_shared.txt"),
    mail: Some(Mail { number: 7, recipient: "Member" }),
    notice: Some(Notice::TripIsShared),
    compose: |it| compose(it).boxed(),
};

pub async fn demand(mut reaction: Reaction<'_>, event: TripIdeaEvent) -> Result<(), FollowError> {
    let TripIdeaEvent::TripIdeaSuggested(idea) = event else { return Err(reaction.misled()) };
    tell_crew(&mut reaction, idea.crew, &TRIP_IS_SHARED).await
}

async fn compose(composing: &Composing<'_>) -> Result<Option<Composed>, CommandError> {
    let state = composing.state::<TripIdeas>().await?;
    let TripIdeaState::Active(idea) = &*state else { return Ok(None) };
    let Some(to) = crew_member(composing, idea.crew).await? else { return Ok(None) };
    let (named, suggestor) = composing.first_name(Some(idea.suggestor)).await?;
    let city = city_name(composing, idea.city).await?;
    let days = (idea.start_date, idea.end_date);
    let values = values(suggestor.as_deref(), city.as_deref(), days, composing.public_url);
    Ok(Some(Composed { to, values, named, limited: Some((&NOTICES_OF_CREW, idea.crew)), written: None }))
}

pub fn values(suggestor: Option<&str>, city: Option<&str>, (start, end): (NaiveDate, NaiveDate), url: &str) -> Values {
    let values = Values::default().typed("suggestor", suggestor).typed("city", city);
    values.ours("start", start.to_string()).ours("end", end.to_string()).ours("url", url)
}

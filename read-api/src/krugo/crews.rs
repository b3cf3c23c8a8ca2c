//! Queries about crews: those of a person, their bookings and ideas, and whom a phone number belongs to.

use std::collections::{BTreeMap, BTreeSet};

use caravan_domain::catalogue::event::Event;
use caravan_domain::identity::claim::Claim;
use caravan_domain::identity::contact;
use caravan_domain::trips::booking;
use caravan_domain::trips::booking::TripBookingState;
use caravan_domain::trips::crew::{self, CrewState, Crews};
use caravan_domain::trips::trip_idea::{self, TripIdeaState};
use caravan_domain::{EntityId, Sealed};
use caravan_limits::rules::{NUMBERS_PER_ACCOUNT, NUMBERS_PER_ADDRESS};
use caravan_projections::{Condition, Plan};
use caravan_wire::krugo::catalogue::event as event_shape;
use caravan_wire::krugo::trips as shapes;
use caravan_wire::shape::set;
use caravan_wire::{Answer, Call, Failure};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::{accounts, has_account, picture, profile, temps};
use super::shared::everything;
use crate::Read;

type Outcome = Result<Answer, Failure>;

pub(super) async fn crews(call: Call<Read>) -> Outcome {
    let actor = call.account()?;
    let plan = Plan::all(&crew::KIND, 1_000).and(Condition::Contains("members", vec![actor.to_string()]));
    let found = everything::<CrewState>(&call.state, plan).await?;
    let people: Vec<EntityId> =
        found.iter().filter_map(|crew| crew.state.crew().ok()).flat_map(|crew| crew.members.clone()).collect();
    let accounts = accounts(&call, &people).await?;
    let list = found.iter().filter_map(|document| {
        let crew = document.state.crew().ok()?;
        let mut shape = shapes::crew(document.id, crew);
        let members = crew.members.iter().map(|person| {
            let mut member = json!({"userId": person});
            set(&mut member, "imageUrl", accounts.get(person).and_then(picture));
            member
        });
        shape["members"] = members.collect();
        Some(shape)
    });
    Ok(Answer::json(list.collect()))
}

#[derive(Deserialize)]
struct OfCrew {
    crew_id: EntityId,
}

/// The crew that a query names, if it exists and the caller is a member.
async fn own_crew(call: &Call<Read>) -> Result<EntityId, Failure> {
    let OfCrew { crew_id } = call.query()?;
    let crew = call.state.models.get::<Crews>(crew_id).await?.ok_or_else(|| Failure::not_found("no such crew"))?;
    crew.state.crew()?.only_members(call.account()?)?;
    Ok(crew_id)
}

pub(super) async fn trip_bookings(call: Call<Read>) -> Outcome {
    listed(call, |state, now| state.booking().is_ok_and(|booking| !state.is_abandoned() && !booking.is_past(now))).await
}

pub(super) async fn past_trip_bookings(call: Call<Read>) -> Outcome {
    listed(call, |state, now| state.booking().is_ok_and(|booking| !state.is_abandoned() && booking.is_past(now))).await
}

pub(super) async fn abandoned_trip_bookings(call: Call<Read>) -> Outcome {
    listed(call, |state, _| state.is_abandoned()).await
}

/// The crew's bookings of which `which` is true; whether one is past depends on its city's time zone.
async fn listed(call: Call<Read>, which: fn(&TripBookingState, DateTime<Utc>) -> bool) -> Outcome {
    let crew = own_crew(&call).await?;
    let plan = Plan::all(&booking::KIND, 1_000).and(Condition::Is("crew", vec![json!(crew)]));
    let mut found = everything::<TripBookingState>(&call.state, plan).await?;
    found.retain(|document| which(&document.state, call.now));
    let members = found.iter().filter_map(|document| document.state.booking().ok()).flat_map(|b| b.members.clone());
    let temps = temps(&call, members).await?;
    let list = found.iter().filter_map(|document| {
        Some(shapes::crew_trip_booking(document.id, document.state.booking().ok()?, &temps, call.now))
    });
    Ok(Answer::json(list.collect()))
}

/// The crew's ideas with full records of their events; one called off meanwhile is shown as it was.
pub(super) async fn trip_ideas(call: Call<Read>) -> Outcome {
    let crew = own_crew(&call).await?;
    let plan = Plan::all(&trip_idea::KIND, 1_000).and(Condition::Is("crew", vec![json!(crew)]));
    let found = everything::<TripIdeaState>(&call.state, plan).await?;
    let ideas: Vec<_> = found
        .iter()
        .filter_map(|document| match &document.state {
            TripIdeaState::Active(idea) => Some((document.id, idea)),
            TripIdeaState::Unknown | TripIdeaState::Deleted { .. } => None,
        })
        .collect();
    let events: Vec<EntityId> = ideas.iter().flat_map(|(_, idea)| idea.events.iter().copied()).collect();
    let events = call.state.models.get_many::<Event>(&events).await?;
    let events: BTreeMap<EntityId, Value> =
        events.iter().filter_map(|event| Some((event.id, event_shape(event.id, event.state.listing()?)))).collect();
    let list = ideas.iter().map(|(id, idea)| {
        let mut shape = shapes::trip_idea(*id, idea);
        shape["startDateUnix"] = json!(shapes::unix(idea.start_date));
        shape["events"] = idea.events.iter().filter_map(|event| events.get(event).cloned()).collect();
        shape
    });
    Ok(Answer::json(list.collect()))
}

#[derive(Deserialize)]
struct ExistingMembersQuery {
    phone_numbers: String,
}

/// Those of the numbers that belong to somebody: proven by an account, or of a temp member in one of the caller's crews.
pub(super) async fn existing_members(call: Call<Read>) -> Outcome {
    let query: ExistingMembersQuery = call.query()?;
    let actor = call.account()?;
    let texts = query.phone_numbers.split(',').filter(|text| !text.trim().is_empty());
    let mut claims: Vec<EntityId> = vec![];
    let mut numbers: BTreeMap<EntityId, String> = BTreeMap::new();
    for text in texts {
        let phone = contact::phone("phone_numbers", &number(text))?;
        let claim = call.state.vault.claim_id("phone", &phone);
        if numbers.insert(claim, phone).is_none() {
            claims.push(claim);
        }
    }
    let count = u32::try_from(claims.len()).unwrap_or(u32::MAX);
    let asked = [NUMBERS_PER_ACCOUNT.of(actor).times(count), NUMBERS_PER_ADDRESS.of(call.address).times(count)];
    if count > 0 {
        call.state.limits.spend(&asked).await?;
    }
    let held = call.state.models.get_many::<Claim>(&claims).await?;
    let owners: Vec<EntityId> = held.iter().filter_map(|claim| claim.state.owner).collect();
    let owners = accounts(&call, &owners).await?;
    let present: BTreeMap<EntityId, EntityId> =
        owners.iter().map(|(id, account)| (*id, account.present(*id))).collect();
    let accounts = accounts(&call, &present.values().copied().collect::<Vec<_>>()).await?;
    let holders = held.iter().filter_map(|claim| {
        let owner = present.get(&claim.state.owner?)?;
        let account = accounts.get(owner)?;
        Some((*owner, account, numbers.get(&claim.id)?, account.own_phone()?))
    });
    let holders: Vec<_> = holders.collect();
    let theirs: Vec<&Sealed> = holders.iter().map(|(.., phone)| *phone).collect();
    let theirs = call.state.vault.open_many(&theirs).await?;
    let mut found: Vec<(EntityId, bool, Value)> = vec![];
    for ((owner, account, number, _), phone) in holders.into_iter().zip(theirs) {
        if *number == phone {
            let mut shape = profile(account);
            shape["id"] = json!(owner);
            // The caller has just said it.
            shape["phoneNumber"] = json!(number);
            found.push((owner, has_account(account), shape));
        }
    }
    if found.iter().any(|(_, has_account, _)| !has_account) {
        let crewmates = crewmates(&call, actor).await?;
        found.retain(|(owner, has_account, _)| *has_account || crewmates.contains(owner));
    }
    found.sort_by_key(|(owner, ..)| (owner.number(), *owner));
    Ok(Answer::json(found.into_iter().map(|(.., shape)| shape).collect()))
}

/// A number as it was meant: blanks around it say nothing, but a plus that was not encoded arrives as one.
fn number(text: &str) -> String {
    let trimmed = text.trim();
    let lost_its_plus = text.starts_with(' ') && trimmed.starts_with(|first: char| first.is_ascii_digit());
    if lost_its_plus { format!("+{trimmed}") } else { trimmed.to_owned() }
}

/// Everybody in a crew with the caller.
async fn crewmates(call: &Call<Read>, actor: EntityId) -> Result<BTreeSet<EntityId>, Failure> {
    let plan = Plan::all(&crew::KIND, 1_000).and(Condition::Contains("members", vec![actor.to_string()]));
    let crews = everything::<CrewState>(&call.state, plan).await?;
    Ok(crews.iter().filter_map(|crew| crew.state.crew().ok()).flat_map(|crew| crew.members.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn blanks_say_nothing_and_a_plus_that_was_lost_is_put_back() {
        for text in ["+15550100", " 15550100", " +15550100", "+15550100 ", "  15550100 "] {
            assert_eq!(number(text), "+15550100");
        }
        assert_eq!(number("15550100"), "15550100");
        assert_eq!(number("x 1"), "x 1");
    }
}

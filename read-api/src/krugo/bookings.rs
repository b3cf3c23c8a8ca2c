//! Queries about one trip booking: itself, its members, events, tickets, rooms and balances.

use std::collections::HashMap;

use caravan_domain::identity::AccountState;
use caravan_domain::trips::booking::{TripBooking, TripBookingState, TripBookings};
use caravan_domain::trips::crew::{CrewState, Crews};
use caravan_domain::{EntityId, Sealed};
use caravan_projections::Read as Document;
use caravan_wire::krugo::ids::{AccommodationId, BundleId};
use caravan_wire::krugo::trips as shapes;
use caravan_wire::shape::{sealed, set};
use caravan_wire::{Answer, Call, Failure, Log, Stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::{accounts, profile, temps};
use crate::Read;

type Outcome<O = Stream> = Result<Answer<O>, Failure>;

/// A booking that the caller may see.
pub(super) struct Visible {
    pub id: EntityId,
    document: Document<TripBookingState>,
    crew: CrewState,
}

impl Visible {
    fn booking(&self) -> Result<&TripBooking, Failure> {
        Ok(self.document.state.booking()?)
    }

    /// The members' phone numbers that the caller may see: their own, those of members who take part, and those by which
    /// they invited somebody who still has them.
    async fn numbers<'a>(
        &self,
        call: &Call<Read>,
        accounts: &'a HashMap<EntityId, AccountState>,
    ) -> Result<HashMap<EntityId, &'a Sealed>, Failure> {
        let reader = call.account()?;
        let (booking, crew) = (self.booking()?, self.crew.crew().ok());
        let mut numbers = HashMap::new();
        let mut invited: Vec<(EntityId, &'a Sealed, &Sealed)> = vec![];
        for person in &booking.members {
            let Some(account) = accounts.get(person) else { continue };
            let shown = *person == reader
                || booking.shows_number(*person, reader)
                || crew.is_some_and(|crew| crew.shows_number(*person, reader));
            let by_number = crew.and_then(|crew| crew.invited_by_number(*person, reader));
            match (account.phone(), account.own_phone(), by_number) {
                (Some(number), ..) if shown => drop(numbers.insert(*person, number)),
                (_, Some(own), Some(known)) => invited.push((*person, own, known)),
                _ => {}
            }
        }
        let both: Vec<&Sealed> = invited.iter().flat_map(|(_, own, known)| [*own, *known]).collect();
        let opened = call.state.vault.open_many(&both).await?;
        let same = invited.iter().zip(opened.chunks(2)).filter(|(_, opened)| opened[0] == opened[1]);
        numbers.extend(same.map(|((person, own, _), _)| (*person, *own)));
        Ok(numbers)
    }

    fn answer(&self, body: Value) -> Answer<Stream> {
        Answer::json(body).of(self.document.revision, self.document.position)
    }
}

/// The booking, if the caller may see it.
async fn visible(call: &Call<Read>, id: EntityId) -> Result<Visible, Failure> {
    let actor = call.account()?;
    let models = &call.state.models;
    let found = models.get_with_parent::<TripBookings, Crews>(id).await?;
    let (document, crew) = found.ok_or_else(|| Failure::not_found("no such trip booking"))?;
    let booking = document.state.booking()?;
    let crew = crew.map(|crew| crew.state).unwrap_or_default();
    if !booking.may_be_seen_by(actor, &crew) {
        return Err(Failure::forbidden("only members of the booking's crew may see it"));
    }
    Ok(Visible { id, document, crew })
}

#[derive(Deserialize)]
struct TripBookingQuery {
    crew_id: EntityId,
    id: EntityId,
}

pub(super) async fn trip_booking(call: Call<Read>) -> Outcome {
    let TripBookingQuery { crew_id, id } = call.query()?;
    let visible = visible(&call, id).await?;
    let booking = visible.booking()?;
    if crew_id != booking.crew {
        return Err(Failure::not_found("the crew has no such trip booking").on("crew_id"));
    }
    let temps = temps(&call, booking.members.iter().copied()).await?;
    Ok(visible.answer(shapes::trip_booking(visible.id, booking, &temps, call.now)))
}

#[derive(Deserialize)]
struct ById {
    id: EntityId,
}

pub(super) async fn payment_balances(call: Call<Read>) -> Outcome {
    let ById { id } = call.query()?;
    let visible = visible(&call, id).await?;
    let balances: Vec<Value> = visible.booking()?.balances().iter().map(shapes::payment_balance).collect();
    Ok(visible.answer(json!({"paymentBalances": balances})))
}

#[derive(Deserialize)]
struct AccommodationsQuery {
    trip_booking_id: Option<EntityId>,
    id: Option<AccommodationId>,
}

/// With `tripBookingId` all of that booking, with `id` that one; with both, that one must be of that booking.
pub(super) async fn accommodations(call: Call<Read>) -> Outcome {
    let AccommodationsQuery { trip_booking_id, id: one } = call.query()?;
    let id = match (trip_booking_id, one) {
        (Some(booking), Some(one)) if one.booking != booking => {
            return Err(Failure::not_found("the booking has no such accommodation").on("id"));
        }
        (Some(booking), _) => booking,
        (None, Some(one)) => one.booking,
        (None, None) => return Err(Failure::invalid("trip_booking_id", "is required where id is not given")),
    };
    let visible = visible(&call, id).await?;
    let booking = visible.booking()?;
    let list = match one {
        Some(one) => vec![shapes::accommodation(id, booking.accommodation(one.number)?)],
        None => booking.accommodations.iter().map(|one| shapes::accommodation(id, one)).collect(),
    };
    Ok(visible.answer(Value::Array(list)))
}

#[derive(Deserialize)]
struct OfBooking {
    trip_booking_id: EntityId,
}

/// The booking that `tripBookingId` names.
async fn of_booking(call: &Call<Read>) -> Result<Visible, Failure> {
    let OfBooking { trip_booking_id } = call.query()?;
    visible(call, trip_booking_id).await
}

pub(super) async fn event_attendees(call: Call<Read>) -> Outcome {
    let visible = of_booking(&call).await?;
    let events = &visible.booking()?.events;
    Ok(visible.answer(events.iter().map(|attendance| shapes::event_attendees(visible.id, attendance)).collect()))
}

#[derive(Deserialize)]
struct TicketBundleQuery {
    id: BundleId,
}

pub(super) async fn ticket_bundle(call: Call<Read>) -> Outcome {
    let TicketBundleQuery { id } = call.query()?;
    let visible = visible(&call, id.booking).await?;
    Ok(visible.answer(shapes::ticket_bundle(visible.id, visible.booking()?.bundle(id.number)?)))
}

pub(super) async fn trip_booking_ticket_bundles(call: Call<Read>) -> Outcome {
    let visible = of_booking(&call).await?;
    let bundles = &visible.booking()?.bundles;
    Ok(visible.answer(bundles.iter().map(|bundle| shapes::ticket_bundle(visible.id, bundle)).collect()))
}

/// Members with their names, which come from several streams: no ETag.
pub(super) async fn trip_booking_members(call: Call<Read>) -> Outcome<Log> {
    let visible = of_booking(&call).await?;
    let booking = visible.booking()?;
    let accounts = accounts(&call, &booking.members).await?;
    let numbers = visible.numbers(&call, &accounts).await?;
    let members = booking.members.iter().map(|person| {
        let terms = booking.terms.get(person).copied().unwrap_or_default();
        let (start, end) = booking.days_of(&terms);
        let mut member = accounts.get(person).map_or_else(|| json!({}), profile);
        set(&mut member, "phoneNumber", numbers.get(person).map(|number| sealed(number)));
        member["tripBookingId"] = json!(visible.id);
        member["userId"] = json!(person);
        member["isLeader"] = json!(booking.is_leader(*person));
        member["availability"] = json!(shapes::availability(terms.availability));
        member["startDate"] = json!(start);
        member["endDate"] = json!(end);
        member
    });
    Ok(Answer::json(members.collect()).at(visible.document.position))
}

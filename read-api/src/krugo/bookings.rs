//! Queries about one trip booking: itself, its members, events, tickets, rooms and balances.

use std::collections::{BTreeSet, HashMap};

use caravan_domain::identity::Attribute;
use caravan_domain::identity::account::Account;
use caravan_domain::trips::booking::{TripBooking, TripBookingState, TripBookings};
use caravan_domain::trips::crew::{CrewState, Crews};
use caravan_domain::{EntityId, Sealed};
use caravan_projections::Document;
use caravan_wire::krugo::ids::{AccommodationId, BundleId};
use caravan_wire::krugo::trips as shapes;
use caravan_wire::{Answer, Call, Failure, Log, Stream};
use serde::Deserialize;
use serde_json::{Value, json};

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

    /// The members' phone numbers that the caller may see: their own, those of members who take part, and those by
    /// which they invited somebody who still has them.
    async fn numbers<'p>(
        &self,
        call: &Call<Read>,
        profiles: &'p HashMap<EntityId, Profile>,
    ) -> Result<HashMap<EntityId, &'p String>, Failure> {
        let reader = call.account()?;
        let (booking, crew) = (self.booking()?, self.crew.crew().ok());
        let shown = |person: EntityId| {
            person == reader
                || booking.shows_number(person, reader)
                || crew.is_some_and(|crew| crew.shows_number(person, reader))
        };
        let invited: Vec<(EntityId, &Sealed)> = booking
            .members
            .iter()
            .filter_map(|person| Some((*person, crew?.invited_by_number(*person, reader)?)))
            .collect();
        let sealed: Vec<&Sealed> = invited.iter().map(|(_, number)| *number).collect();
        let known = call.state.vault.open_many(&sealed).await?;
        let known: HashMap<EntityId, String> = invited.into_iter().map(|(person, _)| person).zip(known).collect();
        let number = |person: &EntityId| {
            let profile = profiles.get(person)?;
            let number = if shown(*person) {
                profile.phone.as_ref()
            } else {
                profile.own_phone().filter(|number| known.get(person) == Some(number))
            };
            Some((*person, number?))
        };
        Ok(booking.members.iter().filter_map(number).collect())
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

/// Which of these people have no account.
pub(super) async fn temps(
    call: &Call<Read>,
    people: impl IntoIterator<Item = EntityId>,
) -> Result<shapes::TempMembers, Failure> {
    let people = people.into_iter().collect::<BTreeSet<_>>();
    Ok(call.state.people.temps(&call.state.models, people).await?.into_iter().collect())
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
    let profiles = profiles(&call, &booking.members).await?;
    let numbers = visible.numbers(&call, &profiles).await?;
    let members = booking.members.iter().map(|person| {
        let terms = booking.terms.get(person).copied().unwrap_or_default();
        let (start, end) = booking.days_of(&terms);
        let mut member = profiles.get(person).map_or_else(|| json!({}), Profile::shape);
        if let Some(number) = numbers.get(person) {
            member["phoneNumber"] = json!(number);
        }
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

/// What a person shows to those they travel with, opened.
#[derive(Default)]
pub(super) struct Profile {
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    /// Whether nobody else can have the phone number.
    owns_phone: bool,
    pub picture: Option<String>,
    pub has_account: bool,
}

impl Profile {
    /// The phone number by which this person is found.
    pub fn own_phone(&self) -> Option<&String> {
        self.phone.as_ref().filter(|_| self.owns_phone)
    }

    /// `firstName`, `lastName`, `imageUrl`, `isKrugoUser`, as far as known. Who sees the number, the caller decides.
    pub fn shape(&self) -> Value {
        let mut shape = json!({"isKrugoUser": self.has_account});
        let known = [("firstName", &self.first_name), ("lastName", &self.last_name), ("imageUrl", &self.picture)];
        for (name, value) in known {
            if let Some(value) = value {
                shape[name] = json!(value);
            }
        }
        shape
    }
}

/// The profiles of these people, those unknown left out.
pub(super) async fn profiles(call: &Call<Read>, people: &[EntityId]) -> Result<HashMap<EntityId, Profile>, Failure> {
    let accounts = call.state.models.get_many::<Account>(people).await?;
    let sealed: Vec<_> = accounts
        .iter()
        .map(|account| {
            let state = &account.state;
            let picture = state.registered().and_then(|registered| registered.attribute(Attribute::Picture));
            [state.first_name(), state.last_name(), state.phone(), picture]
        })
        .collect();
    let known: Vec<_> = sealed.iter().flatten().copied().flatten().collect();
    let mut opened = call.state.vault.open_many(&known).await?.into_iter();
    let profiles = accounts.iter().zip(sealed).map(|(account, fields)| {
        let [first_name, last_name, phone, picture] = fields.map(|field| field.and_then(|_| opened.next()));
        let has_account = account.state.registered().is_some();
        let owns_phone = account.state.own_phone().is_some();
        (account.id, Profile { first_name, last_name, phone, owns_phone, picture, has_account })
    });
    Ok(profiles.collect())
}

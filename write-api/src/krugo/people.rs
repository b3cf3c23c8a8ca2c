//! `bookingpeople`: who goes along. A request names the person meant; the token says who acts.

use caravan_commands::identity::people;
use caravan_commands::trips::bookings;
use caravan_domain::EntityId;
use caravan_domain::identity::Medium;
use caravan_domain::trips::booking::{Availability, MemberChange, NewMember, TripBookingEvent};
use caravan_wire::krugo::day::Day;
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Failure, Outcome, Stream};
use serde::Deserialize;
use serde_json::json;

use crate::{Write, answer, asking};

/// Whether the person has an account is not the client's to say.
#[derive(Deserialize)]
struct AddMember {
    trip_booking_id: EntityId,
    person: EntityId,
    leader: Option<bool>,
    #[serde(rename = "isKrugoUser")]
    _is_krugo_user: Option<bool>,
    availability: Option<Availability>,
    start_date: Option<Day>,
    end_date: Option<Day>,
}

pub(super) async fn add_trip_booking_member(call: Call<Write>) -> Outcome<Stream> {
    let request: AddMember = call.body()?;
    let id = request.trip_booking_id;
    let new = NewMember {
        person: request.person,
        leader: request.leader.unwrap_or(false),
        start_date: request.start_date.map(|day| day.0),
        end_date: request.end_date.map(|day| day.0),
        availability: request.availability,
    };
    let (person, done) = bookings::add_member(&asking(&call).await?, id, new).await?;
    let temps = people::temp_members(&call.state.commands, &[person]).await?;
    answer(&done, trips::added_member(id, done.state.booking()?, person, &temps))
}

#[derive(Deserialize)]
struct UpdateMember {
    trip_booking_id: EntityId,
    /// Who acts when left out.
    person: Option<EntityId>,
    leader: Option<bool>,
    availability: Option<Availability>,
    start_date: Option<Day>,
    end_date: Option<Day>,
}

pub(super) async fn update_trip_booking_member(call: Call<Write>) -> Outcome<Stream> {
    let request: UpdateMember = call.body()?;
    let id = request.trip_booking_id;
    let person = request.person.map_or_else(|| call.account(), Ok)?;
    let person = people::present(&call.state.commands, person).await?;
    let change = MemberChange {
        person,
        leader: request.leader,
        start_date: request.start_date.map(|day| day.0),
        end_date: request.end_date.map(|day| day.0),
        availability: request.availability,
    };
    let done = bookings::change_member(&asking(&call).await?, id, change).await?;
    answer(&done, trips::updated_member(id, done.state.booking()?, person))
}

/// `removeTripBookingMemberRequest` and `remindTripBookingMemberRequest`
#[derive(Deserialize)]
struct NameMember {
    trip_booking_id: EntityId,
    person: EntityId,
}

pub(super) async fn remove_trip_booking_member(call: Call<Write>) -> Outcome<Stream> {
    let NameMember { trip_booking_id: id, person } = call.body()?;
    let person = people::present(&call.state.commands, person).await?;
    let done = bookings::remove_member(&asking(&call).await?, id, person).await?;
    answer(&done, json!({"tripBookingId": id, "userId": person}))
}

pub(super) async fn remind_trip_booking_member(call: Call<Write>) -> Outcome<Stream> {
    let NameMember { trip_booking_id: id, person } = call.body()?;
    let person = people::present(&call.state.commands, person).await?;
    let done = bookings::remind_member(&asking(&call).await?, id, person).await?;
    let reminded = done.events.iter().find_map(|event| match event {
        TripBookingEvent::MemberReminded { medium, at, .. } => Some((*medium, *at)),
        _ => None,
    });
    let (medium, at) = reminded.ok_or_else(|| Failure::broken("a reminder left no event"))?;
    let kind = match medium {
        Medium::Mail => "email",
        Medium::Push => "push",
        Medium::Sms => "sms",
    };
    answer(
        &done,
        json!({
            "tripBookingId": id,
            "userId": person,
            "reminderType": kind,
            "deliveryTime": at.timestamp(),
        }),
    )
}

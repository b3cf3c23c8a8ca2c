//! `bookingpeople`: who goes along. A request names the person meant; the token says who acts.

use std::collections::BTreeSet;

use caravan_commands::trips::NewMember;
use caravan_domain::EntityId;
use caravan_domain::identity::Channel;
use caravan_domain::trips::booking::{Availability, ChangeMember, TripBookingEvent};
use caravan_wire::krugo::day::Day;
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Failure};
use serde::Deserialize;
use serde_json::json;

use super::requests::Outcome;
use crate::{Write, answer};

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

pub(super) async fn add_trip_booking_member(call: Call<Write>) -> Outcome {
    let request: AddMember = call.body()?;
    let id = request.trip_booking_id;
    let new = NewMember {
        person: request.person,
        leader: request.leader.unwrap_or(false),
        start_date: request.start_date.map(|day| day.0),
        end_date: request.end_date.map(|day| day.0),
        availability: request.availability,
    };
    let commands = &call.state.commands;
    let (person, done) = commands.add_booking_member(id, new, &call.state.caller(&call).await?).await?;
    let temps = commands.temp_members(&[person]).await?;
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

pub(super) async fn update_trip_booking_member(call: Call<Write>) -> Outcome {
    let request: UpdateMember = call.body()?;
    let id = request.trip_booking_id;
    let person = request.person.map_or_else(|| call.account(), Ok)?;
    let person = call.state.commands.present(person).await?;
    let change = ChangeMember {
        person,
        leader: request.leader,
        with_account: BTreeSet::new(),
        start_date: request.start_date.map(|day| day.0),
        end_date: request.end_date.map(|day| day.0),
        availability: request.availability,
    };
    let caller = call.state.caller(&call).await?;
    let done = call.state.commands.change_booking_member(id, change, &caller).await?;
    answer(&done, trips::updated_member(id, done.state.booking()?, person))
}

/// `removeTripBookingMemberRequest` and `remindTripBookingMemberRequest`
#[derive(Deserialize)]
struct NameMember {
    trip_booking_id: EntityId,
    person: EntityId,
}

pub(super) async fn remove_trip_booking_member(call: Call<Write>) -> Outcome {
    let NameMember { trip_booking_id: id, person } = call.body()?;
    let person = call.state.commands.present(person).await?;
    let caller = call.state.caller(&call).await?;
    let done = call.state.commands.remove_booking_member(id, person, &caller).await?;
    answer(&done, json!({"tripBookingId": id, "userId": person}))
}

pub(super) async fn remind_trip_booking_member(call: Call<Write>) -> Outcome {
    let NameMember { trip_booking_id: id, person } = call.body()?;
    let person = call.state.commands.present(person).await?;
    let caller = call.state.caller(&call).await?;
    let done = call.state.commands.remind_booking_member(id, person, &caller).await?;
    let reminded = done.events.iter().find_map(|event| match event {
        TripBookingEvent::MemberReminded { channel, at, .. } => Some((*channel, *at)),
        _ => None,
    });
    let (channel, at) = reminded.ok_or_else(|| Failure::broken("a reminder left no event"))?;
    let kind = match channel {
        Channel::Mail => "email",
        Channel::Sms => "sms",
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

//! A booking is made, changed, abandoned and recovered.

use std::collections::BTreeSet;

use super::commands::{ChangeBooking, CreateBooking, NewBooking};
use super::{Decision, TripBooking, TripBookingEvent};
use crate::trips::crew::CrewState;
use crate::trips::{by_system, distinct, in_order};
use crate::{Context, EntityId, Rejection};

pub(super) fn create(create: CreateBooking, context: &Context) -> Decision {
    let CreateBooking { booking, crew, time_zone } = create;
    let NewBooking { crew_id, city_id, start_date, end_date, leader_ids } = booking;
    let crew = crew.crew()?;
    let creator = context.person()?;
    crew.only_members(creator)?;
    in_order(Some(start_date), Some(end_date), "end_date")?;
    let leaders = some_leaders(leader_ids)?;
    crew.only_names_members(&leaders, "leader_ids")?;
    let takes_part = leaders.contains(&creator).then_some(TripBookingEvent::MemberTookPart { person: creator });
    let created = TripBookingEvent::BookingCreated {
        crew: crew_id,
        city: city_id,
        time_zone,
        start_date,
        end_date,
        creator,
        leaders,
    };
    Ok(std::iter::once(created).chain(takes_part).collect())
}

pub(super) fn made_already() -> Rejection {
    Rejection::conflict("booking-exists", "this trip booking exists already")
}

fn some_leaders(leader_ids: Vec<EntityId>) -> Result<Vec<EntityId>, Rejection> {
    let leaders = distinct(leader_ids);
    if leaders.is_empty() {
        Err(Rejection::invalid("booking-needs-leader", "leader_ids", "needs at least one leader"))
    } else {
        Ok(leaders)
    }
}

pub(super) fn change(booking: &TripBooking, change: ChangeBooking, context: &Context) -> Decision {
    booking.acting_leader(context)?;
    booking.only_of(change.crew_id)?;
    let start_date = change.start_date.unwrap_or(booking.start_date);
    let end_date = change.end_date.unwrap_or(booking.end_date);
    in_order(Some(start_date), Some(end_date), "end_date")?;
    let mut events = vec![];
    if (start_date, end_date) != (booking.start_date, booking.end_date) {
        events.push(TripBookingEvent::BookingDatesChanged { start_date, end_date });
    }
    if let Some(leader_ids) = change.leader_ids {
        let leaders = some_leaders(leader_ids)?;
        booking.only_members(leaders.iter().copied(), "leader_ids")?;
        if leaders != booking.leaders {
            events.push(TripBookingEvent::LeadersChanged { leaders });
        }
    }
    if let Some(bundles) = reordered(&booking.bundle_order, change.ticket_bundle_ids, "ticket_bundle_ids")? {
        events.push(TripBookingEvent::BundlesReordered { bundles });
    }
    if let Some(accommodations) =
        reordered(&booking.accommodation_order, change.accommodation_ids, "accommodation_ids")?
    {
        events.push(TripBookingEvent::AccommodationsReordered { accommodations });
    }
    Ok(events)
}

/// The new order if it differs: exactly the known numbers, each once.
fn reordered(known: &[u32], wanted: Option<Vec<u32>>, field: &'static str) -> Result<Option<Vec<u32>>, Rejection> {
    let Some(wanted) = wanted else { return Ok(None) };
    let known_set: BTreeSet<&u32> = known.iter().collect();
    if wanted.len() != known.len() || wanted.iter().collect::<BTreeSet<_>>() != known_set {
        return Err(Rejection::invalid("order-lists-all", field, "must list exactly what the booking has"));
    }
    Ok((wanted != known).then_some(wanted))
}

pub(super) fn abandon(booking: &TripBooking, crew_id: EntityId, context: &Context) -> Decision {
    booking.acting_leader(context)?;
    booking.only_of(crew_id)?;
    Ok(vec![TripBookingEvent::BookingAbandoned {}])
}

pub(super) fn abandon_with_crew(context: &Context) -> Decision {
    by_system(context)?;
    Ok(vec![TripBookingEvent::BookingAbandoned {}])
}

/// Members who left the crew while the booking was abandoned leave it too, so that its members are the crew's again.
pub(super) fn recover(
    booking: &TripBooking,
    crew_id: EntityId,
    crew: &CrewState,
    forced: bool,
    context: &Context,
) -> Decision {
    let leader = booking.acting_leader(context)?;
    booking.only_of(crew_id)?;
    let CrewState::Active(crew) = crew else {
        return Err(Rejection::conflict("booking-crew-deleted", "the crew was deleted"));
    };
    crew.only_members(leader)?;
    if booking.is_past(context.now) && !forced {
        return Err(Rejection::conflict("booking-past", "its dates have passed"));
    }
    let gone = booking.members.iter().filter(|member| !crew.is_member(**member));
    let removed = gone.map(|person| TripBookingEvent::MemberRemoved { person: *person });
    Ok(std::iter::once(TripBookingEvent::BookingRecovered {}).chain(removed).collect())
}

pub(super) fn recovered_already(booking: &TripBooking, crew_id: EntityId, context: &Context) -> Decision {
    booking.acting_leader(context)?;
    booking.only_of(crew_id)?;
    Ok(vec![])
}

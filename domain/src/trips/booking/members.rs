//! Who goes along, on which days and in which role.

use std::collections::BTreeSet;

use super::commands::{AddMember, ChangeMember, MemberChange, NewMember};
use super::events::Terms;
use super::{Decision, TripBooking, TripBookingEvent};
use crate::identity::Medium;
use crate::trips::{Successor, by_system, in_order};
use crate::{Actor, Context, EntityId, Rejection};

pub(super) fn add(booking: &TripBooking, add: AddMember, context: &Context) -> Decision {
    let AddMember { member: NewMember { person, leader, start_date, end_date, availability }, crew } = add;
    let actor = booking.acting_member(context)?;
    if leader && !booking.is_leader(actor) {
        return Err(only_leaders_make_leaders());
    }
    crew.crew()?.only_names_members(&[person], "person")?;
    let terms = Terms { start_date, end_date, availability: availability.unwrap_or_default() };
    let (start, end) = booking.days_of(&terms);
    in_order(Some(start), Some(end), "end_date")?;
    match booking.terms.get(&person) {
        None => Ok(vec![TripBookingEvent::MemberAdded { person, leader, terms }]),
        Some(known) if *known == terms && booking.is_leader(person) == leader => Ok(vec![]),
        Some(_) => {
            Err(Rejection::conflict("member-of-booking-already", "is a member of the booking already").on("person"))
        }
    }
}

fn only_leaders_make_leaders() -> Rejection {
    Rejection::forbidden("only-leaders-make-leaders", "only leaders of the booking may make somebody a leader")
        .on("leader")
}

/// The terms of a member who must be one.
fn terms(booking: &TripBooking, person: EntityId) -> Result<&Terms, Rejection> {
    let terms = booking.terms.get(&person);
    terms.ok_or_else(|| Rejection::not_found("no-such-booking-member", "is not a member of the booking").on("person"))
}

/// Leaders are changed and removed by leaders only.
fn may_change(booking: &TripBooking, actor: EntityId, person: EntityId) -> Result<(), Rejection> {
    if booking.is_leader(person) && !booking.is_leader(actor) {
        return Err(Rejection::forbidden(
            "only-leaders-change-leaders",
            "only leaders of the booking may change a leader",
        ));
    }
    Ok(())
}

pub(super) fn change(booking: &TripBooking, change: ChangeMember, context: &Context) -> Decision {
    let ChangeMember { change, with_account } = change;
    let MemberChange { person, .. } = change;
    let actor = booking.acting_member(context)?;
    let known = terms(booking, person)?;
    may_change(booking, actor, person)?;
    let leads = booking.is_leader(person);
    let leads_then = change.leader.unwrap_or(leads);
    if leads != leads_then && !booking.is_leader(actor) {
        return Err(only_leaders_make_leaders());
    }
    let terms = Terms {
        start_date: change.start_date.or(known.start_date),
        end_date: change.end_date.or(known.end_date),
        availability: change.availability.unwrap_or(known.availability),
    };
    if change.start_date.is_some() || change.end_date.is_some() {
        let (start, end) = booking.days_of(&terms);
        in_order(Some(start), Some(end), "end_date")?;
    }
    let mut events = vec![];
    if terms != *known {
        events.push(TripBookingEvent::MemberChanged { person, terms });
    }
    if leads_then && !leads {
        let leaders = booking.leaders.iter().copied().chain([person]).collect();
        events.push(TripBookingEvent::LeadersChanged { leaders });
    }
    if leads && !leads_then {
        let nobody =
            || Rejection::conflict("nobody-else-could-lead", "nobody else could lead the booking").on("leader");
        events.extend(lead_on(booking, person, &with_account).ok_or_else(nobody)?);
    }
    Ok(events)
}

fn successor(booking: &TripBooking, person: EntityId, with_account: &BTreeSet<EntityId>) -> Successor {
    Successor::of(person, &booking.leaders, booking.creator, &booking.members, with_account)
}

fn leaders_without(booking: &TripBooking, person: EntityId, successor: Option<EntityId>) -> TripBookingEvent {
    let staying = booking.leaders.iter().copied().filter(|leader| *leader != person);
    TripBookingEvent::LeadersChanged { leaders: staying.chain(successor).collect() }
}

/// Nobody is kept: where the last leader goes, somebody follows; with nobody who could, the booking is abandoned.
fn goes(booking: &TripBooking, person: EntityId, with_account: &BTreeSet<EntityId>) -> Vec<TripBookingEvent> {
    let mut events = vec![TripBookingEvent::MemberRemoved { person }];
    if booking.is_leader(person) {
        match successor(booking, person, with_account) {
            Successor::Needless => {}
            Successor::One(one) => events.push(leaders_without(booking, person, Some(one))),
            Successor::Nobody => events.push(TripBookingEvent::BookingAbandoned {}),
        }
    }
    events
}

/// With the first command by which a member takes part that is said too. Who goes does not take part.
pub(super) fn taking_part(
    booking: &TripBooking,
    mut events: Vec<TripBookingEvent>,
    context: &Context,
) -> Vec<TripBookingEvent> {
    let Actor::Person(person) = context.actor else { return events };
    let gone = TripBookingEvent::MemberRemoved { person };
    let first = booking.is_member(person) && !booking.took_part.contains(&person);
    if first && !events.is_empty() && !events.contains(&gone) {
        events.push(TripBookingEvent::MemberTookPart { person });
    }
    events
}

pub(super) fn remove(
    booking: &TripBooking,
    person: EntityId,
    with_account: &BTreeSet<EntityId>,
    context: &Context,
) -> Decision {
    let actor = booking.acting_member(context)?;
    terms(booking, person)?;
    may_change(booking, actor, person)?;
    if person != actor && !may_clear(booking, actor, person) {
        return Err(Rejection::forbidden(
            "only-leaders-remove-who-paid",
            "only leaders of the booking remove somebody who has paid, or has a part in what others paid",
        ));
    }
    Ok(goes(booking, person, with_account))
}

/// Whether somebody may take away each ticket and each place in a room that another has. Who has paid for something
/// keeps a say in it.
fn may_clear(booking: &TripBooking, actor: EntityId, person: EntityId) -> bool {
    if has_paid(booking, person) && !booking.is_leader(actor) {
        return false;
    }
    let uses = |bundle: &&super::Bundle| bundle.tickets.iter().any(|ticket| ticket.consumer == Some(person));
    let stays = |room: &&super::Room| room.guests.iter().any(|guest| guest.person == person);
    let mut rooms = booking.accommodations.iter().flat_map(|accommodation| &accommodation.rooms).filter(stays);
    booking.bundles.iter().filter(uses).all(|bundle| booking.may_act_on_bundle(bundle, actor))
        && rooms.all(|room| booking.may_act_on_room(room, actor))
}

pub(super) fn remind(booking: &TripBooking, person: EntityId, medium: Option<Medium>, context: &Context) -> Decision {
    booking.acting_member(context)?;
    terms(booking, person)?;
    let medium = medium.ok_or_else(|| {
        Rejection::conflict("member-unreachable", "cannot be reached by mail, push or sms").on("person")
    })?;
    Ok(vec![TripBookingEvent::MemberReminded { person, medium, at: context.now }])
}

pub(super) fn leave_crew(
    booking: &TripBooking,
    person: EntityId,
    with_account: &BTreeSet<EntityId>,
    context: &Context,
) -> Decision {
    by_system(context)?;
    Ok(if booking.is_member(person) { goes(booking, person, with_account) } else { vec![] })
}

pub(super) fn pass_on(
    booking: &TripBooking,
    person: EntityId,
    with_account: &BTreeSet<EntityId>,
    context: &Context,
) -> Decision {
    by_system(context)?;
    Ok(lead_on(booking, person, with_account).unwrap_or_else(|| vec![TripBookingEvent::BookingAbandoned {}]))
}

/// What lets the booking be led without `person`, who stays in it; none where nobody could.
pub(super) fn lead_on(
    booking: &TripBooking,
    person: EntityId,
    with_account: &BTreeSet<EntityId>,
) -> Option<Vec<TripBookingEvent>> {
    if !booking.is_leader(person) {
        return Some(vec![]);
    }
    match successor(booking, person, with_account) {
        Successor::Needless => Some(vec![leaders_without(booking, person, None)]),
        Successor::One(one) => Some(vec![leaders_without(booking, person, Some(one))]),
        Successor::Nobody => None,
    }
}

pub(super) fn replace(booking: &TripBooking, from: EntityId, to: EntityId, context: &Context) -> Decision {
    by_system(context)?;
    let present = from != to && (booking.is_member(from) || has_paid(booking, from));
    Ok(if present { vec![TripBookingEvent::MemberReplaced { from, to }] } else { vec![] })
}

/// A former member may still be owed.
fn has_paid(booking: &TripBooking, person: EntityId) -> bool {
    let bundle = |bundle: &super::Bundle| {
        bundle.purchaser == person || bundle.tickets.iter().any(|ticket| ticket.purchaser == person)
    };
    let mut rooms = booking.accommodations.iter().flat_map(|accommodation| &accommodation.rooms);
    booking.bundles.iter().any(bundle) || rooms.any(|room| room.terms.purchaser == person)
}

//! The booking's events and who attends them.

use super::*;

#[test]
fn members_add_events_with_attendees() {
    let add = TripBookingCommand::AddEvent { event: game(), attendees: Some(vec![ben(), cal(), ben()]) };
    let event = TripBookingEvent::EventAdded { event: game(), attendees: vec![ben(), cal()] };
    let state = booking().by(ben()).when(add.clone()).then([event]);
    assert!(of(&state).has_event(game()));
    booking().by(dan()).when(add).then_err("only-booking-members");
}

#[test]
fn attendees_must_be_members() {
    let add = TripBookingCommand::AddEvent { event: game(), attendees: Some(vec![dan()]) };
    let rejection = booking().by(ben()).when(add).then_err("names-non-member-of-booking");
    assert_eq!(rejection.field(), Some("attendees"));
    let change = TripBookingCommand::ChangeAttendees { event: concert(), attendees: vec![dan()] };
    booking().by(ben()).when(change).then_err("names-non-member-of-booking");
}

#[test]
fn an_event_is_in_the_booking_once() {
    let add = |attendees| TripBookingCommand::AddEvent { event: concert(), attendees };
    booking().by(ben()).when(add(None)).then_nothing();
    booking().by(ben()).when(add(Some(vec![ann(), ben()]))).then_nothing();
    booking().by(ben()).when(add(Some(vec![cal()]))).then_err("event-in-booking-already");
}

#[test]
fn an_attendee_list_replaces_the_attendees() {
    let change = |event, attendees| TripBookingCommand::ChangeAttendees { event, attendees };
    booking()
        .by(cal())
        .when(change(concert(), vec![cal(), cal()]))
        .then([TripBookingEvent::AttendeesChanged { event: concert(), attendees: vec![cal()] }]);
    booking().by(cal()).when(change(concert(), vec![ann(), ben()])).then_nothing();
    booking().by(cal()).when(change(game(), vec![])).then_err("no-such-attendance");
    booking().by(dan()).when(change(concert(), vec![])).then_err("only-booking-members");
}

#[test]
fn removing_an_event_clears_attendees_and_consumers_but_bundles_and_purchases_stay() {
    let remove = TripBookingCommand::RemoveEvent { event: concert() };
    let state = after([bundle_added(10_000, &[Some(ann()), Some(cal())])])
        .by(ben())
        .when(remove)
        .then([TripBookingEvent::EventRemoved { event: concert() }]);
    assert!(of(&state).events.is_empty());
    assert_eq!(of(&state).bundles, [bundle(10_000, &[None, None])]);
    // Borne by the purchaser: nobody owes anything.
    assert_eq!(owed(&state), []);
}

#[test]
fn nobody_sheds_a_debt_by_removing_the_event() {
    let remove = TripBookingCommand::RemoveEvent { event: concert() };
    after([bundle_added(10_000, &[Some(cal())])])
        .by(cal())
        .when(remove.clone())
        .then_err("only-leaders-unassign-by-removal");
    after([bundle_added(10_000, &[Some(cal())])]).by(ann()).when(remove.clone()).then_state();
    after([bundle_added(10_000, &[None])]).by(cal()).when(remove).then_state();
}

#[test]
fn only_members_remove_events_and_only_events_that_are_there() {
    booking().by(dan()).when(TripBookingCommand::RemoveEvent { event: concert() }).then_err("only-booking-members");
    booking().by(ann()).when(TripBookingCommand::RemoveEvent { event: game() }).then_err("no-such-attendance");
}

#[test]
fn nothing_more_is_assigned_for_a_removed_event() {
    let assign = TripBookingCommand::AssignTicket { bundle: 1, ticket: 3, consumer: ann() };
    after([bundle_added(100, &[None]), TripBookingEvent::EventRemoved { event: concert() }])
        .by(ben())
        .when(assign)
        .then_err("ticket-event-left-booking");
}

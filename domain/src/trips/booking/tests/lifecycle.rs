//! Making, changing, abandoning and recovering a booking.

use super::*;

fn create(leader_ids: Vec<EntityId>) -> CreateBooking {
    let (start_date, end_date) = (day(1), day(4));
    CreateBooking {
        booking: NewBooking { crew_id: crew_id(), city_id: id(60), start_date, end_date, leader_ids },
        crew: crew(),
        time_zone: chrono_tz::America::Toronto,
    }
}

fn nothing() -> Given<TripBookings> {
    given([]).at(at("2030-01-01T12:00:00Z"))
}

#[test]
fn a_crew_member_creates_a_booking_and_its_leaders_are_its_members() {
    let create_by = |person| nothing().by(person).when(create(vec![ann(), ann()]));
    create_by(ann()).then([created(), takes_part(ann())]);
    let state = create_by(dan()).then_state();
    assert_eq!(of(&state).creator, dan());
    assert_eq!(of(&state).members, [ann()]);
    assert_eq!(of(&state).leaders, [ann()]);
    assert!(of(&state).events.is_empty() && of(&state).bundles.is_empty() && of(&state).accommodations.is_empty());
}

#[test]
fn a_booking_is_created_once() {
    booking().by(ann()).when(create(vec![ann()])).then_err("booking-exists");
    abandoned().by(ann()).when(create(vec![ann()])).then_err("booking-exists");
}

#[test]
fn only_crew_members_create_bookings() {
    nothing().by(eve()).when(create(vec![ann()])).then_err("only-crew-members");
    nothing().anonymous().when(create(vec![ann()])).then_err("needs-person");
}

#[test]
fn a_deleted_crew_takes_no_bookings() {
    let create = CreateBooking { crew: deleted_crew(), ..create(vec![ann()]) };
    nothing().by(ann()).when(create).then_err("no-such-crew");
}

#[test]
fn leaders_must_be_crew_members_and_there_is_one_at_least() {
    for (leaders, rule) in [(vec![eve()], "names-non-member-of-crew"), (vec![], "booking-needs-leader")] {
        let rejection = nothing().by(ann()).when(create(leaders)).then_err(rule);
        assert_eq!(rejection.field(), Some("leader_ids"));
    }
}

#[test]
fn an_end_before_its_start_is_refused() {
    let mut create = create(vec![ann()]);
    create.booking.end_date = day(1).pred_opt().unwrap();
    let rejection = nothing().by(ann()).when(create).then_err("dates-in-order");
    assert_eq!(rejection.field(), Some("end_date"));
}

#[test]
fn past_dates_may_be_booked() {
    given::<TripBookings>([])
        .at(at("2031-01-01T00:00:00Z"))
        .by(ann())
        .when(create(vec![ann()]))
        .then([created(), takes_part(ann())]);
}

#[test]
fn a_trip_is_past_once_today_in_the_citys_time_zone_is_after_its_end() {
    let state = nothing().by(ann()).when(create(vec![ann()])).then_state();
    // Toronto is four hours behind in May.
    assert!(!of(&state).is_past(at("2030-05-05T03:59:59Z")));
    assert!(of(&state).is_past(at("2030-05-05T04:00:00Z")));
}

#[test]
fn commands_still_work_on_a_past_trip() {
    let add = TripBookingCommand::AddEvent { event: game(), attendees: None };
    booking().at(at("2031-01-01T00:00:00Z")).by(ben()).when(add).then_state();
}

fn change() -> ChangeBooking {
    ChangeBooking {
        crew_id: crew_id(),
        start_date: None,
        end_date: None,
        leader_ids: None,
        ticket_bundle_ids: None,
        accommodation_ids: None,
    }
}

#[test]
fn leaders_change_dates_and_what_is_left_out_stays() {
    let change = ChangeBooking { end_date: Some(day(6)), ..change() };
    booking()
        .by(ann())
        .when(change)
        .then([TripBookingEvent::BookingDatesChanged { start_date: day(1), end_date: day(6) }]);
}

#[test]
fn only_leaders_change_the_booking() {
    booking().by(ben()).when(change()).then_err("only-booking-leaders");
}

#[test]
fn changed_dates_stay_in_order() {
    let change = ChangeBooking { start_date: Some(day(5)), ..change() };
    booking().by(ann()).when(change).then_err("dates-in-order");
}

#[test]
fn a_booking_is_found_only_in_its_crew() {
    let change = ChangeBooking { crew_id: id(41), ..change() };
    booking().by(ann()).when(change).then_err("booking-of-another-crew");
    booking().by(ann()).when(TripBookingCommand::Abandon { crew_id: id(41) }).then_err("booking-of-another-crew");
}

#[test]
fn a_leader_list_replaces_the_leaders() {
    let change = |leaders| TripBookingCommand::Change(ChangeBooking { leader_ids: Some(leaders), ..change() });
    booking()
        .by(ann())
        .when(change(vec![ben(), cal()]))
        .then([TripBookingEvent::LeadersChanged { leaders: vec![ben(), cal()] }]);
    booking().by(ann()).when(change(vec![ann()])).then_nothing();
    booking().by(ann()).when(change(vec![])).then_err("booking-needs-leader");
}

#[test]
fn leaders_must_be_members() {
    let change = ChangeBooking { leader_ids: Some(vec![ann(), dan()]), ..change() };
    let rejection = booking().by(ann()).when(change).then_err("names-non-member-of-booking");
    assert_eq!(rejection.field(), Some("leader_ids"));
}

fn two_bundles() -> Given<TripBookings> {
    let second = Bundle { number: 9, tickets: vec![], purchase: None, ..bundle(0, &[]) };
    after([bundle_added(100, &[None]), TripBookingEvent::BundleAdded { bundle: second }])
}

#[test]
fn bundle_ids_only_reorder() {
    let change = |ids| TripBookingCommand::Change(ChangeBooking { ticket_bundle_ids: Some(ids), ..change() });
    let state = two_bundles()
        .by(ann())
        .when(change(vec![9, 1]))
        .then([TripBookingEvent::BundlesReordered { bundles: vec![9, 1] }]);
    assert_eq!(of(&state).bundle_order, [9, 1]);
    two_bundles().by(ann()).when(change(vec![1, 9])).then_nothing();
    for ids in [vec![1], vec![1, 9, 10], vec![1, 1], vec![]] {
        let rejection = two_bundles().by(ann()).when(change(ids)).then_err("order-lists-all");
        assert_eq!(rejection.field(), Some("ticket_bundle_ids"));
    }
}

#[test]
fn accommodation_ids_only_reorder() {
    let change = |ids| TripBookingCommand::Change(ChangeBooking { accommodation_ids: Some(ids), ..change() });
    let second = Accommodation { number: 9, details: Details::default(), rooms: vec![] };
    let two = || after([hotel(100, vec![]), TripBookingEvent::AccommodationAdded { accommodation: second.clone() }]);
    two()
        .by(ann())
        .when(change(vec![9, 1]))
        .then([TripBookingEvent::AccommodationsReordered { accommodations: vec![9, 1] }]);
    let rejection = two().by(ann()).when(change(vec![9])).then_err("order-lists-all");
    assert_eq!(rejection.field(), Some("accommodation_ids"));
}

#[test]
fn leaders_alone_abandon_and_recover() {
    let abandon = TripBookingCommand::Abandon { crew_id: crew_id() };
    let state = booking().by(ann()).when(abandon.clone()).then([TripBookingEvent::BookingAbandoned {}]);
    assert!(state.is_abandoned());
    booking().by(ben()).when(abandon).then_err("only-booking-leaders");
    abandoned().by(ann()).when(recover(false)).then([TripBookingEvent::BookingRecovered {}]);
    abandoned().by(ben()).when(recover(false)).then_err("only-booking-leaders");
}

fn abandoned() -> Given<TripBookings> {
    after([bundle_added(100, &[None]), TripBookingEvent::BookingAbandoned {}])
}

fn recover(forced: bool) -> TripBookingCommand {
    TripBookingCommand::Recover { crew_id: crew_id(), crew: crew(), forced }
}

#[test]
fn an_abandoned_booking_accepts_only_recover() {
    let commands = [
        TripBookingCommand::Abandon { crew_id: crew_id() },
        TripBookingCommand::Change(change()),
        removal(ben()),
        TripBookingCommand::AddEvent { event: game(), attendees: None },
        TripBookingCommand::AssignTicket { bundle: 1, ticket: 3, consumer: ann() },
        TripBookingCommand::AddGuests { guests: vec![] },
    ];
    for command in commands {
        abandoned().by(ann()).when(command.clone()).then_err("booking-abandoned");
        abandoned().by(eve()).when(command).then_err("only-booking-members");
    }
}

#[test]
fn recovering_an_active_booking_changes_nothing() {
    booking().by(ann()).when(recover(false)).then_nothing();
    booking().by(ben()).when(recover(false)).then_err("only-booking-leaders");
}

#[test]
fn past_dates_refuse_recovery_unless_forced() {
    let later = at("2030-05-05T04:00:00Z");
    abandoned().at(later).by(ann()).when(recover(false)).then_err("booking-past");
    abandoned().at(later).by(ann()).when(recover(true)).then([TripBookingEvent::BookingRecovered {}]);
}

#[test]
fn a_deleted_crew_always_refuses_recovery() {
    let recover = TripBookingCommand::Recover { crew_id: crew_id(), crew: deleted_crew(), forced: true };
    abandoned().by(ann()).when(recover).then_err("booking-crew-deleted");
}

#[test]
fn who_left_the_crew_meanwhile_is_not_recovered() {
    let crew = crew_of(vec![ann(), cal()]);
    let recover = TripBookingCommand::Recover { crew_id: crew_id(), crew, forced: false };
    abandoned()
        .by(ann())
        .when(recover)
        .then([TripBookingEvent::BookingRecovered {}, TripBookingEvent::MemberRemoved { person: ben() }]);
    let crew = crew_of(vec![ben(), cal()]);
    let recover = TripBookingCommand::Recover { crew_id: crew_id(), crew, forced: false };
    abandoned().by(ann()).when(recover).then_err("only-crew-members");
}

#[test]
fn what_does_not_exist_is_not_found() {
    nothing().by(ann()).when(recover(false)).then_err("no-such-booking");
    nothing().by(ann()).when(removal(ben())).then_err("no-such-booking");
}

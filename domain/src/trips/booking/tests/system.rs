//! What only the system commands: consequences of leaving or deleting a crew, and of a temp member being absorbed.

use super::*;

#[test]
fn leaving_the_crew_leaves_the_booking() {
    let leave = departure(ben());
    booking().when(leave.clone()).then([TripBookingEvent::MemberRemoved { person: ben() }]);
    booking().by(ann()).when(leave).then_err("only-system");
    booking().when(departure(dan())).then_nothing();
}

#[test]
fn where_the_last_leader_leaves_the_longest_standing_member_becomes_leader() {
    booking().when(departure(ann())).then([
        TripBookingEvent::MemberRemoved { person: ann() },
        TripBookingEvent::LeadersChanged { leaders: vec![ben()] },
    ]);
}

#[test]
fn another_leader_goes_on_leading() {
    after([TripBookingEvent::LeadersChanged { leaders: vec![ann(), cal()] }])
        .when(departure(ann()))
        .then([TripBookingEvent::MemberRemoved { person: ann() }]);
}

#[test]
fn with_nobody_left_the_booking_is_abandoned() {
    let state = given::<TripBookings>([created()])
        .when(departure(ann()))
        .then([TripBookingEvent::MemberRemoved { person: ann() }, TripBookingEvent::BookingAbandoned {}]);
    assert!(state.is_abandoned());
}

#[test]
fn a_leader_who_was_forgotten_leads_no_more_and_stays_with_what_is_owed() {
    let pass_on = |with_account| TripBookingCommand::PassOn { person: ann(), with_account };
    let leaders = |leaders| TripBookingEvent::LeadersChanged { leaders };
    booking().when(pass_on([ben(), cal()].into())).then([leaders(vec![ben()])]);
    after([leaders(vec![ann(), cal()])]).when(pass_on([ben(), cal()].into())).then([leaders(vec![cal()])]);
    after([leaders(vec![cal()])]).when(pass_on([ben(), cal()].into())).then_nothing();
    booking().when(pass_on([].into())).then([TripBookingEvent::BookingAbandoned {}]);
    booking().by(ann()).when(pass_on([ben()].into())).then_err("only-system");
}

#[test]
fn an_abandoned_booking_keeps_the_shares_of_who_left_and_a_leader_who_can_recover_it() {
    let hotel = hotel(10_000, vec![guest(4, ann(), None), guest(5, ben(), None)]);
    let left = || after([hotel.clone(), TripBookingEvent::BookingAbandoned {}]).when(departure(ann()));
    let state = left().then([TripBookingEvent::LeadersChanged { leaders: vec![ben()] }]);
    assert_eq!(owed(&state), [(ann(), -5_000), (ben(), 5_000)]);
    let crew = crew_of(vec![ben(), cal()]);
    let recover = TripBookingCommand::Recover { crew_id: crew_id(), crew, forced: false };
    let events =
        [hotel, TripBookingEvent::BookingAbandoned {}, TripBookingEvent::LeadersChanged { leaders: vec![ben()] }];
    after(events)
        .by(ben())
        .when(recover)
        .then([TripBookingEvent::BookingRecovered {}, TripBookingEvent::MemberRemoved { person: ann() }]);
}

#[test]
fn a_booking_is_seen_by_its_crew_and_by_who_was_in_it_to_the_last() {
    let state = booking().by(ann()).when(TripBookingCommand::Abandon { crew_id: crew_id() }).then_state();
    let seen_by = |crew: &CrewState| {
        let everybody = [ann(), ben(), cal(), dan(), eve()];
        everybody.into_iter().filter(|person| of(&state).only_seen_by(*person, crew).is_ok()).collect::<Vec<_>>()
    };
    assert_eq!(seen_by(&crew()), [ann(), ben(), cal(), dan()]);
    // Cal was removed, and is in the booking still.
    assert_eq!(seen_by(&crew_of(vec![ann(), ben(), dan()])), [ann(), ben(), dan()]);
    assert_eq!(seen_by(&deleted_crew()), [ann(), ben(), cal()]);
    let removed = CrewEvent::CrewMemberRemoved { person: cal() };
    let deleted = CrewEvent::CrewDeleted { at: at("2030-01-01T00:00:00Z") };
    let without_cal = [removed, deleted].iter().fold(CrewState::clone(&crew()), Crews::evolve);
    assert_eq!(seen_by(&without_cal), [ann(), ben()]);
    assert_eq!(seen_by(&CrewState::Unknown), []);
}

#[test]
fn a_deleted_crew_abandons_its_bookings() {
    booking().when(TripBookingCommand::AbandonWithCrew).then([TripBookingEvent::BookingAbandoned {}]);
    booking().by(ann()).when(TripBookingCommand::AbandonWithCrew).then_err("only-system");
    after([TripBookingEvent::BookingAbandoned {}]).when(TripBookingCommand::AbandonWithCrew).then_nothing();
}

#[test]
fn only_active_bookings_are_left() {
    after([TripBookingEvent::BookingAbandoned {}]).when(departure(ben())).then_nothing();
}

#[test]
fn an_absorbed_temp_member_is_replaced_everywhere() {
    let temp = ben();
    let account = eve();
    let replace = TripBookingCommand::ReplaceMember { from: temp, to: account };
    let happened = [
        bundle_added(10_000, &[Some(temp), Some(cal())]),
        TripBookingEvent::AccommodationAdded {
            accommodation: Accommodation {
                number: 20,
                details: Details { guest_users: vec![temp], ..Details::default() },
                rooms: vec![Room {
                    number: 21,
                    terms: RoomTerms {
                        check_in_date: None,
                        check_out_date: None,
                        room_type: None,
                        purchaser: ann(),
                        purchase: Some(Purchase { number: 22, amount: usd(1_000), date: 0 }),
                    },
                    guests: vec![guest(23, temp, None)],
                }],
            },
        },
    ];
    let state =
        after(happened).when(replace.clone()).then([TripBookingEvent::MemberReplaced { from: temp, to: account }]);
    assert_eq!(of(&state).members, [ann(), account, cal()]);
    assert_eq!(of(&state).attendance(concert()).unwrap().attendees, [ann(), account]);
    assert_eq!(owed(&state), [(ann(), -1_000), (account, -4_000), (cal(), 5_000)]);
    assert!(!serde_json::to_string(&state).unwrap().contains(&temp.to_string()));
    booking().by(ann()).when(replace).then_err("only-system");
}

#[test]
fn duplicates_collapse_when_both_are_there() {
    let rooms = hotel(10_000, vec![guest(4, ben(), Some(0.25)), guest(5, cal(), Some(0.5)), guest(6, ann(), None)]);
    let state = after([TripBookingEvent::LeadersChanged { leaders: vec![ann(), cal()] }, rooms])
        .when(TripBookingCommand::ReplaceMember { from: cal(), to: ben() })
        .then_state();
    assert_eq!(of(&state).members, [ann(), ben()]);
    assert_eq!(of(&state).leaders, [ann(), ben()]);
    assert_eq!(of(&state).terms.len(), 2);
    assert_eq!(of(&state).room(2).unwrap().1.guests, [guest(4, ben(), Some(0.75)), guest(6, ann(), None)]);
}

#[test]
fn replacing_works_on_abandoned_bookings_and_for_who_is_still_owed() {
    let replace = TripBookingCommand::ReplaceMember { from: ben(), to: eve() };
    let replaced = TripBookingEvent::MemberReplaced { from: ben(), to: eve() };
    after([TripBookingEvent::BookingAbandoned {}]).when(replace.clone()).then([replaced.clone()]);
    after([bundle_added(100, &[Some(cal())]), TripBookingEvent::MemberRemoved { person: ben() }])
        .when(replace.clone())
        .then([replaced]);
    after([TripBookingEvent::MemberRemoved { person: ben() }]).when(replace).then_nothing();
}

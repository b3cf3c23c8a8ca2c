//! What only the system commands: consequences of leaving or deleting a crew, and of a temp member being absorbed.

use super::*;
use crate::RejectionKind::Forbidden;

#[test]
fn leaving_the_crew_leaves_the_booking() {
    let leave = TripBookingCommand::LeaveCrew { person: ben() };
    booking().when(leave.clone()).then([TripBookingEvent::MemberRemoved { person: ben() }]);
    booking().by(ann()).when(leave).then_err(Forbidden);
    booking().when(TripBookingCommand::LeaveCrew { person: dan() }).then_nothing();
}

#[test]
fn where_the_last_leader_leaves_the_longest_standing_member_becomes_leader() {
    booking().when(TripBookingCommand::LeaveCrew { person: ann() }).then([
        TripBookingEvent::MemberRemoved { person: ann() },
        TripBookingEvent::LeadersChanged { leaders: vec![ben()] },
    ]);
}

#[test]
fn another_leader_goes_on_leading() {
    after([TripBookingEvent::LeadersChanged { leaders: vec![ann(), cal()] }])
        .when(TripBookingCommand::LeaveCrew { person: ann() })
        .then([TripBookingEvent::MemberRemoved { person: ann() }]);
}

#[test]
fn with_nobody_left_the_booking_is_abandoned() {
    let state = given::<TripBookings>([created()])
        .when(TripBookingCommand::LeaveCrew { person: ann() })
        .then([TripBookingEvent::MemberRemoved { person: ann() }, TripBookingEvent::BookingAbandoned {}]);
    assert!(state.is_abandoned());
}

#[test]
fn a_deleted_crew_abandons_its_bookings() {
    booking().when(TripBookingCommand::AbandonWithCrew).then([TripBookingEvent::BookingAbandoned {}]);
    booking().by(ann()).when(TripBookingCommand::AbandonWithCrew).then_err(Forbidden);
    after([TripBookingEvent::BookingAbandoned {}]).when(TripBookingCommand::AbandonWithCrew).then_nothing();
}

#[test]
fn only_active_bookings_are_left() {
    after([TripBookingEvent::BookingAbandoned {}]).when(TripBookingCommand::LeaveCrew { person: ben() }).then_nothing();
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
    booking().by(ann()).when(replace).then_err(Forbidden);
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

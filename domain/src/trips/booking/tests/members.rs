//! Adding, changing, removing and reminding members.

use super::*;

fn add(person: EntityId) -> AddMember {
    to_be(NewMember { person, leader: false, start_date: None, end_date: None, availability: None })
}

fn to_be(member: NewMember) -> AddMember {
    AddMember { member, crew: crew() }
}

fn change(person: EntityId) -> MemberChange {
    MemberChange { person, leader: None, start_date: None, end_date: None, availability: None }
}

fn changing(change: MemberChange) -> TripBookingCommand {
    TripBookingCommand::ChangeMember(ChangeMember { change, with_account: accounts() })
}

#[test]
fn members_add_crew_members_who_start_undecided() {
    let state = booking().by(ben()).when(add(dan())).then([added(dan())]);
    assert_eq!(of(&state).terms[&dan()].availability, Availability::Undecided);
    assert_eq!(of(&state).members, [ann(), ben(), cal(), dan()]);
}

#[test]
fn a_member_has_own_dates_and_availability() {
    let terms = Terms { start_date: Some(day(2)), end_date: Some(day(3)), availability: Availability::Going };
    let add = to_be(NewMember {
        start_date: terms.start_date,
        end_date: terms.end_date,
        availability: Some(Availability::Going),
        ..add(dan()).member
    });
    booking().by(ben()).when(add).then([TripBookingEvent::MemberAdded { person: dan(), leader: false, terms }]);
}

#[test]
fn own_dates_are_in_order_with_the_bookings_where_one_is_left_out() {
    let add = to_be(NewMember { start_date: Some(day(5)), ..add(dan()).member });
    booking().by(ben()).when(add).then_err("dates-in-order");
    let change = MemberChange { start_date: Some(day(3)), end_date: Some(day(2)), ..change(ben()) };
    let rejection = booking().by(ben()).when(changing(change)).then_err("dates-in-order");
    assert_eq!(rejection.field(), Some("end_date"));
}

#[test]
fn booking_members_are_crew_members() {
    let rejection = booking().by(ann()).when(add(eve())).then_err("names-non-member-of-crew");
    assert_eq!(rejection.field(), Some("person"));
}

#[test]
fn only_members_add_members() {
    booking().by(dan()).when(add(dan())).then_err("only-booking-members");
    booking().by(eve()).when(add(dan())).then_err("only-booking-members");
}

#[test]
fn only_leaders_add_leaders() {
    let add = to_be(NewMember { leader: true, ..add(dan()).member });
    booking().by(ben()).when(add.clone()).then_err("only-leaders-make-leaders");
    let state = booking().by(ann()).when(add).then_state();
    assert_eq!(of(&state).leaders, [ann(), dan()]);
}

#[test]
fn a_person_is_a_member_once() {
    booking().by(ann()).when(add(ben())).then_nothing();
    let again = to_be(NewMember { availability: Some(Availability::Going), ..add(ben()).member });
    booking().by(ann()).when(again).then_err("member-of-booking-already");
}

#[test]
fn availability_changes_freely() {
    for availability in [Availability::Going, Availability::NotGoing] {
        let change = MemberChange { availability: Some(availability), ..change(ben()) };
        let terms = Terms { availability, ..Terms::default() };
        booking().by(ben()).when(changing(change)).then([TripBookingEvent::MemberChanged { person: ben(), terms }]);
    }
    let same = MemberChange { availability: Some(Availability::Undecided), ..change(ben()) };
    booking().by(ben()).when(changing(same)).then_nothing();
}

#[test]
fn members_change_members_but_only_leaders_change_leaders() {
    let dates = |person| changing(MemberChange { start_date: Some(day(2)), ..change(person) });
    booking().by(ben()).when(dates(cal())).then_state();
    booking().by(ben()).when(dates(ann())).then_err("only-leaders-change-leaders");
    booking().by(ann()).when(dates(ben())).then_state();
    booking().by(dan()).when(dates(ben())).then_err("only-booking-members");
    booking().by(ann()).when(dates(dan())).then_err("no-such-booking-member");
}

#[test]
fn only_leaders_make_leaders() {
    let lead = |leads| changing(MemberChange { leader: Some(leads), ..change(ben()) });
    booking().by(ben()).when(lead(true)).then_err("only-leaders-make-leaders");
    booking().by(ann()).when(lead(true)).then([TripBookingEvent::LeadersChanged { leaders: vec![ann(), ben()] }]);
    booking().by(ben()).when(lead(false)).then_nothing();
    after([TripBookingEvent::LeadersChanged { leaders: vec![ann(), ben()] }])
        .by(ben())
        .when(lead(false))
        .then([TripBookingEvent::LeadersChanged { leaders: vec![ann()] }]);
}

fn leads(leaders: Vec<EntityId>) -> TripBookingEvent {
    TripBookingEvent::LeadersChanged { leaders }
}

#[test]
fn nobody_is_kept_and_where_the_last_leader_goes_the_creator_follows() {
    let gone = |person| TripBookingEvent::MemberRemoved { person };
    after([leads(vec![cal()])]).by(cal()).when(removal(cal())).then([gone(cal()), leads(vec![ann()])]);
    let resign = |person| changing(MemberChange { leader: Some(false), ..change(person) });
    after([leads(vec![cal()])]).by(cal()).when(resign(cal())).then([leads(vec![ann()])]);
    // With another leader nobody has to follow.
    after([leads(vec![ann(), ben()])]).by(ann()).when(removal(ann())).then([gone(ann())]);
}

#[test]
fn else_the_longest_standing_member_with_an_account_follows() {
    let gone = TripBookingEvent::MemberRemoved { person: ann() };
    booking().by(ann()).when(removal(ann())).then([gone.clone(), leads(vec![ben()])]);
    let without_ben = [ann(), cal()].into();
    let remove = TripBookingCommand::RemoveMember { person: ann(), with_account: without_ben };
    booking().by(ann()).when(remove).then([gone.clone(), leads(vec![cal()])]);
    // A leader without an account leads nothing.
    let remove = TripBookingCommand::RemoveMember { person: ann(), with_account: [ann(), cal()].into() };
    after([leads(vec![ann(), ben()])]).by(ann()).when(remove).then([gone, leads(vec![ben(), cal()])]);
    let resign = MemberChange { leader: Some(false), ..change(ann()) };
    booking().by(ann()).when(changing(resign)).then([leads(vec![ben()])]);
}

#[test]
fn with_nobody_left_the_booking_is_abandoned() {
    let alone = TripBookingCommand::RemoveMember { person: ann(), with_account: [ann()].into() };
    let state = booking()
        .by(ann())
        .when(alone)
        .then([TripBookingEvent::MemberRemoved { person: ann() }, TripBookingEvent::BookingAbandoned {}]);
    assert!(state.is_abandoned());
    // Who only resigns is there still, so that there is nobody to leave it to.
    let change = MemberChange { leader: Some(false), ..change(ann()) };
    let resign = TripBookingCommand::ChangeMember(ChangeMember { change, with_account: [ann()].into() });
    let rejection = booking().by(ann()).when(resign).then_err("nobody-else-could-lead");
    assert_eq!(rejection.field(), Some("leader"));
}

#[test]
fn with_their_first_command_a_member_takes_part_unless_they_go() {
    let fresh = || given::<TripBookings>([created(), added(ben()), added(cal())]);
    let going = MemberChange { availability: Some(Availability::Going), ..change(ben()) };
    let terms = Terms { availability: Availability::Going, ..Terms::default() };
    let changed = TripBookingEvent::MemberChanged { person: ben(), terms };
    let state = fresh().by(ben()).when(changing(going.clone())).then([changed, takes_part(ben())]);
    assert!(of(&state).shows_number(ben(), cal()) && of(&state).shows_number(ben(), ann()));
    assert!(!of(&state).shows_number(ben(), dan()) && !of(&state).shows_number(cal(), ben()));
    let other = MemberChange { availability: Some(Availability::NotGoing), ..going.clone() };
    let terms = Terms { availability: Availability::NotGoing, ..Terms::default() };
    booking().by(ben()).when(changing(other)).then([TripBookingEvent::MemberChanged { person: ben(), terms }]);
    fresh().by(ben()).when(removal(ben())).then([TripBookingEvent::MemberRemoved { person: ben() }]);
    // What others do with somebody is not theirs.
    let state = fresh().by(ann()).when(changing(going)).then_state();
    assert!(!of(&state).shows_number(ben(), cal()));
}

#[test]
fn members_remove_members_but_only_leaders_remove_leaders() {
    let remove = removal;
    booking().by(ben()).when(remove(cal())).then([TripBookingEvent::MemberRemoved { person: cal() }]);
    booking().by(ben()).when(remove(ben())).then([TripBookingEvent::MemberRemoved { person: ben() }]);
    booking().by(ben()).when(remove(ann())).then_err("only-leaders-change-leaders");
    booking().by(dan()).when(remove(ben())).then_err("only-booking-members");
    booking().by(ann()).when(remove(dan())).then_err("no-such-booking-member");
}

#[test]
fn who_has_a_part_in_what_others_paid_is_removed_by_those_or_leaders_or_goes() {
    let remove = removal(cal());
    let ticket = || after([bundle_added(10_000, &[Some(cal())]), added(dan())]);
    let room = || after([hotel(10_000, vec![guest(4, cal(), None), guest(5, ben(), None)]), added(dan())]);
    ticket().by(dan()).when(remove.clone()).then_err("only-leaders-remove-who-paid");
    for allowed in [ben(), ann(), cal()] {
        ticket().by(allowed).when(remove.clone()).then_state();
    }
    // Ben's share of the room would grow, and so would that of others.
    for refused in [ben(), dan()] {
        room().by(refused).when(remove.clone()).then_err("only-leaders-remove-who-paid");
    }
    for allowed in [ann(), cal()] {
        room().by(allowed).when(remove.clone()).then_state();
    }
}

#[test]
fn a_removed_member_owes_nothing_further_and_is_still_owed() {
    let happened = || {
        after([
            TripBookingEvent::BundleAdded { bundle: bundle(10_000, &[Some(ann()), Some(cal())]) },
            TripBookingEvent::AccommodationAdded {
                accommodation: Accommodation {
                    number: 20,
                    details: Details { name: "Inn".into(), guest_users: vec![ben(), cal()], ..Details::default() },
                    rooms: vec![],
                },
            },
            TripBookingEvent::RoomAdded {
                accommodation: 20,
                room: Room {
                    number: 21,
                    terms: RoomTerms {
                        check_in_date: None,
                        check_out_date: None,
                        room_type: None,
                        purchaser: ann(),
                        purchase: Some(Purchase { number: 22, amount: usd(9_000), date: 0 }),
                    },
                    guests: vec![guest(23, ben(), None), guest(24, cal(), None), guest(25, ann(), None)],
                },
            },
        ])
    };
    let before = happened().by(ann()).when(TripBookingCommand::AddEvent { event: concert(), attendees: None }).then([]);
    assert_eq!(owed(&before), [(ann(), -1_000), (ben(), -7_000), (cal(), 8_000)]);
    let without_ben = happened().by(ann()).when(removal(ben())).then_state();
    // Ben's third of the room falls on the other guests; what Ann and Cal owe him for the tickets stays.
    assert_eq!(owed(&without_ben), [(ann(), 500), (cal(), 9_500), (ben(), -10_000)]);
    let booking = of(&without_ben);
    assert_eq!(booking.attendance(concert()).unwrap().attendees, [ann()]);
    assert_eq!(booking.accommodation(20).unwrap().details.guest_users, [cal()]);
    assert_eq!(booking.room(21).unwrap().1.guests, [guest(24, cal(), None), guest(25, ann(), None)]);
    let without_cal = happened().by(ann()).when(removal(cal())).then_state();
    assert_eq!(owed(&without_cal), [(ann(), 500), (ben(), -500)]);
    assert_eq!(of(&without_cal).ticket(1, 4).unwrap().consumer, None);
}

#[test]
fn what_is_owed_to_a_purchaser_stays_when_they_leave_an_equal_split() {
    let guests = vec![guest(4, ben(), None), guest(5, cal(), None), guest(6, ann(), None)];
    let leaders = TripBookingEvent::LeadersChanged { leaders: vec![ben()] };
    let happened = || after([hotel(9_000, guests.clone()), leaders.clone()]);
    let before = happened().by(ann()).when(TripBookingCommand::AddEvent { event: concert(), attendees: None }).then([]);
    assert_eq!(owed(&before), [(ann(), -6_000), (ben(), 3_000), (cal(), 3_000)]);
    let after = happened().by(ben()).when(removal(ann())).then_state();
    assert_eq!(owed(&after), [(ben(), 3_000), (cal(), 3_000), (ann(), -6_000)]);
}

#[test]
fn members_remind_members_through_the_channel_that_reaches_them() {
    let remind = |person, medium| TripBookingCommand::RemindMember { person, medium };
    let reminded =
        TripBookingEvent::MemberReminded { person: cal(), medium: Medium::Sms, at: at("2030-01-01T12:00:00Z") };
    booking().by(ben()).when(remind(cal(), Some(Medium::Sms))).then([reminded]);
    booking().by(ben()).when(remind(cal(), None)).then_err("member-unreachable");
    booking().by(ben()).when(remind(dan(), Some(Medium::Mail))).then_err("no-such-booking-member");
    booking().by(dan()).when(remind(cal(), Some(Medium::Mail))).then_err("only-booking-members");
}

#[test]
fn who_is_added_again_has_not_taken_part_again() {
    let back = [TripBookingEvent::MemberRemoved { person: ben() }, added(ben())];
    let going = Terms { availability: Availability::Going, ..Terms::default() };
    let change = MemberChange { availability: Some(Availability::Going), ..change(ben()) };
    let changed = TripBookingEvent::MemberChanged { person: ben(), terms: going };
    after(back).by(ben()).when(changing(change)).then([changed, takes_part(ben())]);
}

#[test]
fn who_has_paid_is_removed_by_leaders_or_goes() {
    let paid = || after([bundle_added(10_000, &[None])]);
    paid().by(cal()).when(removal(ben())).then_err("only-leaders-remove-who-paid");
    for actor in [ann(), ben()] {
        paid().by(actor).when(removal(ben())).then([TripBookingEvent::MemberRemoved { person: ben() }]);
    }
}

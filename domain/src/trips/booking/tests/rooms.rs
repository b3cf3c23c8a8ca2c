//! Accommodations, rooms, guests and their shares. Ann paid room 2 of accommodation 1.

use super::*;

fn stay() -> AddAccommodation {
    let guests = vec![new_guest(ann(), Some(0.5)), new_guest(ben(), Some(0.5))];
    let room = NewRoom {
        check_in_date: Some(day(1)),
        check_out_date: Some(day(4)),
        room_type: Some(2),
        purchase: Some(price("480")),
        guests,
        ..NewRoom::default()
    };
    AddAccommodation { name: "Palm Hotel".into(), rooms: vec![room], ..AddAccommodation::default() }
}

fn with_room(guests: Vec<Guest>) -> Given<TripBookings> {
    after([hotel(48_000, guests)])
}

fn owed_with(guests: Vec<Guest>) -> Vec<(EntityId, i128)> {
    let nothing = TripBookingCommand::AddEvent { event: concert(), attendees: None };
    owed(&with_room(guests).by(ann()).when(nothing).then([]))
}

#[test]
fn one_call_makes_the_accommodation_with_rooms_purchases_and_guests() {
    let guests = vec![guest(4, ann(), Some(0.5)), guest(5, ben(), Some(0.5))];
    let state = booking().by(ann()).when(stay()).then([hotel(48_000, guests)]);
    assert_eq!(of(&state).next_child, 6);
    assert_eq!(owed(&state), [(ann(), -24_000), (ben(), 24_000)]);
    booking().by(dan()).when(stay()).then_err("only-booking-members");
}

#[test]
fn what_is_wrong_deep_inside_is_named() {
    let refused = |field: &str, rule: &str, change: fn(&mut NewRoom)| {
        let mut stay = stay();
        change(&mut stay.rooms[0]);
        let rejection = booking().by(ann()).when(stay).then_err(rule);
        assert_eq!(rejection.field(), Some(field));
    };
    let no_member = "names-non-member-of-booking";
    refused("rooms[0].check_out_date", "dates-in-order", |room| room.check_out_date = day(1).pred_opt());
    refused("rooms[0].purchase.purchaser_id", no_member, |room| room.purchaser_id = Some(dan()));
    refused("rooms[0].purchase.amount", "amount-form", |room| room.purchase = Some(price("-1")));
    refused("rooms[0].guests[1].person", no_member, |room| room.guests[1].person = dan());
    refused("rooms[0].guests[1].proportion", "proportions-fit", |room| room.guests[1].proportion = Some(0.6));
    refused("rooms[0].guests[0].check_out_date", "dates-in-order", |room| {
        room.guests[0].check_in_date = Some(day(3));
        room.guests[0].check_out_date = Some(day(2));
    });
}

#[test]
fn an_accommodation_has_a_name_and_guests_who_are_members() {
    let nameless = AddAccommodation { name: " ".into(), ..stay() };
    booking().by(ann()).when(nameless).then_err("text-empty");
    let details = DetailsChange { guest_ids: Some(vec![dan()]), ..DetailsChange::default() };
    let stay = AddAccommodation { details, ..stay() };
    let rejection = booking().by(ann()).when(stay).then_err("names-non-member-of-booking");
    assert_eq!(rejection.field(), Some("guest_ids"));
}

#[test]
fn without_a_purchaser_the_actor_is_and_only_leaders_name_another() {
    let room = NewRoom { purchase: Some(price("10")), ..NewRoom::default() };
    let add = |room| TripBookingCommand::AddRoom { accommodation: 1, room };
    let state = with_room(vec![]).by(cal()).when(add(room.clone())).then_state();
    assert_eq!(of(&state).accommodations[0].rooms[1].terms.purchaser, cal());
    let room = NewRoom { purchaser_id: Some(ben()), ..room };
    let rejection = with_room(vec![]).by(cal()).when(add(room.clone())).then_err("only-leaders-name-purchasers");
    assert_eq!(rejection.field(), Some("purchase.purchaser_id"));
    let stay = AddAccommodation { rooms: vec![room.clone()], ..stay() };
    let rejection = booking().by(cal()).when(stay).then_err("only-leaders-name-purchasers");
    assert_eq!(rejection.field(), Some("rooms[0].purchase.purchaser_id"));
    let state = with_room(vec![]).by(ann()).when(add(room)).then_state();
    assert_eq!(of(&state).accommodations[0].rooms[1].terms.purchaser, ben());
}

#[test]
fn rooms_are_added_by_members_to_what_is_there() {
    let add = |accommodation| TripBookingCommand::AddRoom { accommodation, room: NewRoom::default() };
    with_room(vec![]).by(dan()).when(add(1)).then_err("only-booking-members");
    with_room(vec![]).by(ann()).when(add(9)).then_err("no-such-accommodation");
}

#[test]
fn the_price_of_a_room_splits_by_proportion_and_the_remainder_is_the_purchasers() {
    assert_eq!(owed_with(vec![guest(4, ben(), Some(0.25))]), [(ann(), -12_000), (ben(), 12_000)]);
}

#[test]
fn if_no_guest_has_a_proportion_the_split_is_equal() {
    let guests = vec![guest(4, ann(), None), guest(5, ben(), None), guest(6, cal(), None)];
    assert_eq!(owed_with(guests), [(ann(), -32_000), (ben(), 16_000), (cal(), 16_000)]);
}

#[test]
fn if_some_guests_have_a_proportion_a_missing_one_is_nothing() {
    let guests = vec![guest(4, ben(), Some(0.5)), guest(5, cal(), None)];
    assert_eq!(owed_with(guests), [(ann(), -24_000), (ben(), 24_000)]);
}

#[test]
fn a_room_without_guests_is_the_purchasers() {
    assert_eq!(owed_with(vec![]), []);
}

#[test]
fn proportions_sum_to_one_at_most() {
    let add = |proportion| TripBookingCommand::AddGuests { guests: vec![(2, new_guest(cal(), Some(proportion)))] };
    let room = || with_room(vec![guest(4, ann(), Some(0.5)), guest(5, ben(), Some(0.25))]);
    let rejection = room().by(ann()).when(add(0.250_1)).then_err("proportions-fit");
    assert_eq!(rejection.field(), Some("[0].proportion"));
    room().by(ann()).when(add(0.25 + 5e-10)).then_state();
    room().by(ann()).when(add(-0.1)).then_err("proportions-fit");
}

#[test]
fn several_guests_are_added_at_once_each_to_its_room() {
    let guests = vec![(2, new_guest(ben(), None)), (2, new_guest(cal(), None))];
    with_room(vec![])
        .by(ann())
        .when(TripBookingCommand::AddGuests { guests: guests.clone() })
        .then([TripBookingEvent::GuestsAdded { room: 2, guests: vec![guest(4, ben(), None), guest(5, cal(), None)] }]);
    with_room(vec![]).by(dan()).when(TripBookingCommand::AddGuests { guests }).then_err("only-booking-members");
    let elsewhere = TripBookingCommand::AddGuests { guests: vec![(9, new_guest(ben(), None))] };
    with_room(vec![]).by(ben()).when(elsewhere).then_err("no-such-room");
}

#[test]
fn a_person_is_a_guest_of_a_room_once() {
    let add = TripBookingCommand::AddGuests { guests: vec![(2, new_guest(ben(), None))] };
    with_room(vec![guest(4, ben(), None)]).by(ben()).when(add).then_err("guest-in-room-already");
    let twice = TripBookingCommand::AddGuests { guests: vec![(2, new_guest(ben(), None)); 2] };
    with_room(vec![]).by(ben()).when(twice).then_err("guest-in-room-already");
}

fn change_guest() -> ChangeGuest {
    ChangeGuest { guest: 4, room: 2, person: None, proportion: None, check_in_date: None, check_out_date: None }
}

#[test]
fn a_guests_person_share_and_dates_change() {
    let change = ChangeGuest { person: Some(cal()), proportion: Some(1.0), ..change_guest() };
    with_room(vec![guest(4, ben(), Some(0.5))])
        .by(ann())
        .when(change)
        .then([TripBookingEvent::GuestChanged { room: 2, guest: guest(4, cal(), Some(1.0)) }]);
    let same = TripBookingCommand::ChangeGuest(change_guest());
    with_room(vec![guest(4, ben(), None)]).by(ben()).when(same.clone()).then_nothing();
    with_room(vec![guest(4, ben(), None)]).by(dan()).when(same.clone()).then_err("only-booking-members");
    with_room(vec![]).by(ben()).when(same).then_err("no-such-guest");
}

#[test]
fn a_changed_guest_still_fits_the_room() {
    let others = vec![guest(4, ben(), Some(0.5)), guest(5, cal(), Some(0.5))];
    let more = ChangeGuest { proportion: Some(0.6), ..change_guest() };
    with_room(others.clone()).by(ann()).when(more).then_err("proportions-fit");
    let twice = ChangeGuest { person: Some(cal()), ..change_guest() };
    with_room(others).by(ann()).when(twice).then_err("guest-in-room-already");
}

/// Cal's room 8 of accommodation 1.
fn another_room(purchase: Option<Purchase>, guests: Vec<Guest>) -> TripBookingEvent {
    let terms = RoomTerms { check_in_date: None, check_out_date: None, room_type: None, purchaser: cal(), purchase };
    TripBookingEvent::RoomAdded { accommodation: 1, room: Room { number: 8, terms, guests } }
}

#[test]
fn a_guest_moves_to_another_room() {
    let purchase = Purchase { number: 9, amount: usd(1_000), date: 0 };
    let state = after([hotel(48_000, vec![guest(4, ben(), None)]), another_room(Some(purchase), vec![])])
        .by(ben())
        .when(ChangeGuest { room: 8, ..change_guest() })
        .then([TripBookingEvent::GuestChanged { room: 8, guest: guest(4, ben(), None) }]);
    assert!(of(&state).room(2).unwrap().1.guests.is_empty());
    assert_eq!(owed(&state), [(ben(), 1_000), (cal(), -1_000)]);
}

#[test]
fn a_guest_is_removed_from_the_room_named() {
    let remove = |room| TripBookingCommand::RemoveGuest { room, guest: 4 };
    let state = with_room(vec![guest(4, ben(), None)])
        .by(ann())
        .when(remove(2))
        .then([TripBookingEvent::GuestRemoved { guest: 4 }]);
    assert_eq!(owed(&state), []);
    with_room(vec![guest(4, ben(), None)]).by(cal()).when(remove(9)).then_err("no-such-guest-in-room");
    with_room(vec![guest(4, ben(), None)]).by(ben()).when(remove(2)).then_state();
    for (refused, rule) in [(cal(), "only-who-paid-room-or-leaders"), (dan(), "only-booking-members")] {
        with_room(vec![guest(4, ben(), None)]).by(refused).when(remove(2)).then_err(rule);
    }
}

fn change_room() -> ChangeRoom {
    ChangeRoom { accommodation: 1, room: 2, ..ChangeRoom::default() }
}

#[test]
fn a_room_changes_its_dates_type_and_purchase() {
    let change = ChangeRoom {
        check_out_date: Some(day(5)),
        room_type: Some(3),
        purchaser_id: Some(ben()),
        purchase_number: Some(3),
        purchase: Some(Price { amount: Some("500".into()), ..Price::default() }),
        ..change_room()
    };
    let state = with_room(vec![guest(4, ann(), None)]).by(ann()).when(change).then_state();
    let terms = of(&state).room(2).unwrap().1.terms;
    assert_eq!((terms.check_out_date, terms.room_type, terms.purchaser), (Some(day(5)), Some(3), ben()));
    assert_eq!(owed(&state), [(ann(), 50_000), (ben(), -50_000)]);
    with_room(vec![]).by(ann()).when(change_room()).then_nothing();
}

#[test]
fn a_changed_room_is_checked_like_a_new_one() {
    let refused = |change| with_room(vec![]).by(ann()).when(change);
    refused(ChangeRoom { check_in_date: Some(day(5)), ..change_room() }).then_err("dates-in-order");
    refused(ChangeRoom { purchaser_id: Some(dan()), ..change_room() }).then_err("names-non-member-of-booking");
    refused(ChangeRoom { purchase_number: Some(9), ..change_room() }).then_err("no-such-purchase-of-room");
    refused(ChangeRoom { accommodation: 9, ..change_room() }).then_err("no-such-accommodation");
    refused(ChangeRoom { room: 9, ..change_room() }).then_err("no-such-room-in-accommodation");
    for (refused, rule) in [(cal(), "only-who-paid-room-or-leaders"), (dan(), "only-booking-members")] {
        with_room(vec![]).by(refused).when(change_room()).then_err(rule);
    }
}

#[test]
fn an_accommodation_changes_its_top_level_data() {
    let details = DetailsChange {
        address: Some("12 Main Street".into()),
        guest_ids: Some(vec![ben(), ben()]),
        simple: Some(true),
        ..DetailsChange::default()
    };
    let change = ChangeAccommodation { accommodation: 1, name: None, details };
    let state = with_room(vec![]).by(ann()).when(change.clone()).then_state();
    let details = &of(&state).accommodations[0].details;
    assert_eq!(details.name, "Palm Hotel");
    assert_eq!(details.address.as_deref(), Some("12 Main Street"));
    assert_eq!((details.guest_users.as_slice(), details.simple), ([ben()].as_slice(), true));
    for (refused, rule) in [(cal(), "only-who-paid-room-or-leaders"), (dan(), "only-booking-members")] {
        with_room(vec![]).by(refused).when(change.clone()).then_err(rule);
    }
    after([unpaid()]).by(cal()).when(change.clone()).then_state();
    let elsewhere = ChangeAccommodation { accommodation: 9, ..change };
    with_room(vec![]).by(cal()).when(elsewhere).then_err("no-such-accommodation");
}

#[test]
fn with_an_accommodation_everything_below_it_goes() {
    let remove = TripBookingCommand::RemoveAccommodation { accommodation: 1 };
    let state = with_room(vec![guest(4, ben(), None)])
        .by(ann())
        .when(remove.clone())
        .then([TripBookingEvent::AccommodationRemoved { accommodation: 1 }]);
    assert!(of(&state).accommodations.is_empty() && of(&state).accommodation_order.is_empty());
    assert_eq!(owed(&state), []);
    for (refused, rule) in [(cal(), "only-who-paid-room-or-leaders"), (dan(), "only-booking-members")] {
        with_room(vec![]).by(refused).when(remove.clone()).then_err(rule);
    }
    after([unpaid()]).by(cal()).when(remove.clone()).then_state();
    booking().by(ann()).when(remove).then_err("no-such-accommodation");
}

#[test]
fn with_a_room_its_guests_and_purchase_go() {
    let remove = |accommodation, room| TripBookingCommand::RemoveRoom { accommodation, room };
    let state = with_room(vec![guest(4, ben(), None)])
        .by(ann())
        .when(remove(1, 2))
        .then([TripBookingEvent::RoomRemoved { room: 2 }]);
    assert!(of(&state).accommodations[0].rooms.is_empty());
    assert_eq!(owed(&state), []);
    with_room(vec![]).by(cal()).when(remove(1, 9)).then_err("no-such-room-in-accommodation");
    for (refused, rule) in [(cal(), "only-who-paid-room-or-leaders"), (dan(), "only-booking-members")] {
        with_room(vec![]).by(refused).when(remove(1, 2)).then_err(rule);
    }
    after([unpaid()]).by(cal()).when(remove(1, 2)).then_state();
}

/// The hotel before anybody paid, with Cal in its room.
fn unpaid() -> TripBookingEvent {
    let mut hotel = hotel(1, vec![guest(4, cal(), None)]);
    if let TripBookingEvent::AccommodationAdded { accommodation } = &mut hotel {
        accommodation.rooms[0].terms.purchase = None;
    }
    hotel
}

#[test]
fn who_enters_the_first_purchase_of_a_room_made_it() {
    let paid = || TripBookingCommand::ChangeRoom(ChangeRoom { purchase: Some(price("100")), ..change_room() });
    let state = after([unpaid()]).by(ben()).when(paid()).then_state();
    assert_eq!(owed(&state), [(ben(), -10_000), (cal(), 10_000)]);
    // Only leaders say that it was somebody else.
    let by_cal = ChangeRoom { purchaser_id: Some(cal()), purchase: Some(price("100")), ..change_room() };
    let rejection = after([unpaid()]).by(ben()).when(by_cal.clone()).then_err("only-leaders-name-purchasers");
    assert_eq!(rejection.field(), Some("purchase.purchaser_id"));
    after([unpaid()]).by(ann()).when(by_cal).then_state();
    // A later change of the price leaves the purchaser.
    let leaders = TripBookingEvent::LeadersChanged { leaders: vec![ben()] };
    let state = after([hotel(48_000, vec![guest(4, cal(), None)]), leaders]).by(ben()).when(paid()).then_state();
    assert_eq!(of(&state).room(2).unwrap().1.terms.purchaser, ann());
    with_room(vec![guest(4, cal(), None)]).by(ben()).when(paid()).then_err("only-who-paid-room-or-leaders");
    let by_somebody_who_left = ChangeRoom { purchaser_id: Some(cal()), purchase: Some(price("100")), ..change_room() };
    after([unpaid(), TripBookingEvent::MemberRemoved { person: cal() }])
        .by(ben())
        .when(by_somebody_who_left)
        .then_err("names-non-member-of-booking");
}

#[test]
fn guests_stay_in_the_order_they_were_made() {
    let state = after([hotel(48_000, vec![guest(4, ben(), None)]), another_room(None, vec![guest(9, cal(), None)])])
        .by(ben())
        .when(ChangeGuest { room: 8, ..change_guest() })
        .then_state();
    assert_eq!(of(&state).room(8).unwrap().1.guests, [guest(4, ben(), None), guest(9, cal(), None)]);
}

/// Ann's room 2 with Ben and Cal, Cal's unpaid or paid room 8.
fn two_rooms(guests: Vec<Guest>, others: Vec<Guest>) -> Given<TripBookings> {
    let purchase = Purchase { number: 9, amount: usd(1_000), date: 0 };
    after([hotel(48_000, guests), another_room(Some(purchase), others)])
}

#[test]
fn anybody_joins_a_room_that_another_paid_without_a_share_of_their_own_choosing() {
    let join = |person, share| TripBookingCommand::AddGuests { guests: vec![(2, new_guest(person, share))] };
    let room = || with_room(vec![guest(4, ann(), None)]);
    let state = room().by(ben()).when(join(ben(), None)).then_state();
    assert_eq!(owed(&state), [(ann(), -24_000), (ben(), 24_000)]);
    for share in [0.0, 0.1] {
        let rejection = room().by(ben()).when(join(ben(), Some(share))).then_err("only-who-paid-sets-shares");
        assert_eq!(rejection.field(), Some("[0].proportion"));
    }
    let rejection = room().by(ben()).when(join(cal(), None)).then_err("only-who-paid-sets-places");
    assert_eq!(rejection.field(), Some("[0].person"));
    room().by(ann()).when(join(cal(), Some(0.5))).then_state();
    after([unpaid()]).by(ben()).when(join(ben(), Some(0.5))).then_state();
}

#[test]
fn a_guest_changes_their_own_days_and_nothing_that_concerns_money() {
    let room = || with_room(vec![guest(4, ben(), Some(0.5)), guest(5, cal(), Some(0.5))]);
    let change = |change| TripBookingCommand::ChangeGuest(change);
    let days = ChangeGuest { check_in_date: Some(day(2)), ..change_guest() };
    let state = room().by(ben()).when(change(days)).then_state();
    assert_eq!(of(&state).guest(4).unwrap().1.check_in_date, Some(day(2)));
    room().by(ben()).when(change(ChangeGuest { proportion: Some(0.5), ..days })).then_state();
    for (refused, rule) in [
        (ChangeGuest { proportion: Some(0.1), ..change_guest() }, "only-who-paid-sets-shares"),
        (ChangeGuest { person: Some(ann()), ..change_guest() }, "only-who-paid-sets-places"),
        (ChangeGuest { guest: 5, check_in_date: Some(day(2)), ..change_guest() }, "only-who-paid-room-or-leaders"),
        (ChangeGuest { guest: 5, person: Some(ben()), ..change_guest() }, "only-who-paid-room-or-leaders"),
    ] {
        room().by(ben()).when(change(refused)).then_err(rule);
    }
}

#[test]
fn who_moves_a_guest_may_act_on_both_rooms_or_moves_themselves_without_a_share() {
    let moved = |change: ChangeGuest| TripBookingCommand::ChangeGuest(ChangeGuest { room: 8, ..change });
    let rooms = || two_rooms(vec![guest(4, ben(), Some(0.5))], vec![guest(7, ann(), None)]);
    // Ben's half of Ann's room says nothing in Cal's: Ann would owe nothing there any more.
    let state = rooms()
        .by(ben())
        .when(moved(change_guest()))
        .then([TripBookingEvent::GuestChanged { room: 8, guest: guest(4, ben(), None) }]);
    assert_eq!(owed(&state), [(ann(), 500), (ben(), 500), (cal(), -1_000)]);
    rooms()
        .by(ben())
        .when(moved(ChangeGuest { proportion: Some(0.5), ..change_guest() }))
        .then_err("only-who-paid-sets-shares");
    rooms()
        .by(ben())
        .when(moved(ChangeGuest { person: Some(cal()), ..change_guest() }))
        .then_err("only-who-paid-sets-places");
    // Cal paid the one room, not the other.
    rooms().by(cal()).when(moved(change_guest())).then_err("only-who-paid-room-or-leaders");
    rooms().by(ann()).when(moved(ChangeGuest { proportion: Some(0.5), ..change_guest() })).then_state();
    let back = ChangeGuest { guest: 7, room: 2, ..change_guest() };
    two_rooms(vec![], vec![guest(7, ben(), None)]).by(cal()).when(back).then_err("only-who-paid-sets-places");
}

#[test]
fn nobody_makes_another_owe_by_going() {
    let guests = vec![guest(4, ben(), Some(0.5)), guest(5, cal(), None)];
    assert_eq!(owed_with(guests.clone()), [(ann(), -24_000), (ben(), 24_000)]);
    let remove = TripBookingCommand::RemoveGuest { room: 2, guest: 4 };
    let state = with_room(guests.clone()).by(ben()).when(remove).then_state();
    assert_eq!(owed(&state), []);
    let state =
        two_rooms(guests.clone(), vec![]).by(ben()).when(ChangeGuest { room: 8, ..change_guest() }).then_state();
    assert_eq!(owed(&state), [(ben(), 1_000), (cal(), -1_000)]);
    let state = with_room(guests).by(ben()).when(removal(ben())).then_state();
    assert_eq!(owed(&state), []);
}

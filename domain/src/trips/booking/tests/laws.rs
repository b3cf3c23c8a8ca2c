//! Laws that hold whatever happens.

use proptest::prelude::*;

use super::*;
use crate::Context;
use crate::decider::fold;

fn person() -> impl Strategy<Value = EntityId> {
    (1u64..6).prop_map(id)
}

fn event_id() -> impl Strategy<Value = EntityId> {
    (50u64..52).prop_map(id)
}

fn child() -> impl Strategy<Value = u32> {
    1u32..16
}

fn purchase() -> impl Strategy<Value = Option<Purchase>> {
    let purchase = (child(), 0i64..100_000, prop::bool::ANY).prop_map(|(number, minor, yen)| {
        let amount = crate::Money { minor, currency: if yen { iso_currency::Currency::JPY } else { usd(0).currency } };
        Purchase { number, amount, date: 0 }
    });
    prop::option::of(purchase)
}

fn any_bundle() -> impl Strategy<Value = Bundle> {
    let ticket = (child(), event_id(), person(), prop::option::of(person()))
        .prop_map(|(number, event, purchaser, consumer)| Ticket { number, event, purchaser, consumer });
    (child(), event_id(), person(), purchase(), prop::collection::vec(ticket, 0..4)).prop_map(
        |(number, event, purchaser, purchase, tickets)| Bundle {
            number,
            event,
            purchaser,
            purchase,
            tickets,
            general_admission: false,
            special_seating: false,
            bought_here: false,
        },
    )
}

fn any_guest() -> impl Strategy<Value = Guest> {
    (child(), person(), prop::option::of(0.0f64..0.4)).prop_map(|(number, person, share)| guest(number, person, share))
}

fn any_terms() -> impl Strategy<Value = RoomTerms> {
    (person(), purchase()).prop_map(|(purchaser, purchase)| RoomTerms {
        check_in_date: None,
        check_out_date: None,
        room_type: None,
        purchaser,
        purchase,
    })
}

fn any_room() -> impl Strategy<Value = Room> {
    (child(), any_terms(), prop::collection::vec(any_guest(), 0..3)).prop_map(|(number, terms, guests)| Room {
        number,
        terms,
        guests,
    })
}

fn any_accommodation() -> impl Strategy<Value = Accommodation> {
    (child(), prop::collection::vec(person(), 0..3), prop::collection::vec(any_room(), 0..3)).prop_map(
        |(number, guest_users, rooms)| Accommodation {
            number,
            details: Details { guest_users, ..Details::default() },
            rooms,
        },
    )
}

fn any_event() -> impl Strategy<Value = TripBookingEvent> {
    use TripBookingEvent as E;
    let people = || prop::collection::vec(person(), 0..4);
    prop_oneof![
        Just(created()),
        Just(E::BookingDatesChanged { start_date: day(2), end_date: day(1) }),
        people().prop_map(|leaders| E::LeadersChanged { leaders }),
        prop::collection::vec(child(), 0..3).prop_map(|bundles| E::BundlesReordered { bundles }),
        Just(E::BookingAbandoned {}),
        Just(E::BookingRecovered {}),
        (person(), prop::bool::ANY).prop_map(|(person, leader)| E::MemberAdded {
            person,
            leader,
            terms: Terms::default()
        }),
        person().prop_map(|person| E::MemberChanged { person, terms: Terms::default() }),
        person().prop_map(|person| E::MemberRemoved { person }),
        (person(), person()).prop_map(|(from, to)| E::MemberReplaced { from, to }),
        (event_id(), people()).prop_map(|(event, attendees)| E::EventAdded { event, attendees }),
        (event_id(), people()).prop_map(|(event, attendees)| E::AttendeesChanged { event, attendees }),
        event_id().prop_map(|event| E::EventRemoved { event }),
        any_bundle().prop_map(|bundle| E::BundleAdded { bundle }),
        any_bundle().prop_map(|bundle| E::BundleChanged { bundle }),
        child().prop_map(|bundle| E::BundleRemoved { bundle }),
        (child(), child(), person()).prop_map(|(bundle, number, purchaser)| E::TicketAdded {
            bundle,
            ticket: Ticket { number, event: concert(), purchaser, consumer: None }
        }),
        (child(), child(), person()).prop_map(|(bundle, ticket, consumer)| E::TicketAssigned {
            bundle,
            ticket,
            consumer
        }),
        (child(), child(), event_id(), person())
            .prop_map(|(bundle, ticket, event, purchaser)| { E::TicketChanged { bundle, ticket, event, purchaser } }),
        (child(), child()).prop_map(|(bundle, ticket)| E::TicketRemoved { bundle, ticket }),
        any_accommodation().prop_map(|accommodation| E::AccommodationAdded { accommodation }),
        child().prop_map(|accommodation| E::AccommodationChanged { accommodation, details: Details::default() }),
        child().prop_map(|accommodation| E::AccommodationRemoved { accommodation }),
        (child(), any_room()).prop_map(|(accommodation, room)| E::RoomAdded { accommodation, room }),
        (child(), any_terms()).prop_map(|(room, terms)| E::RoomChanged { room, terms }),
        child().prop_map(|room| E::RoomRemoved { room }),
        (child(), prop::collection::vec(any_guest(), 0..3)).prop_map(|(room, guests)| E::GuestsAdded { room, guests }),
        (child(), any_guest()).prop_map(|(room, guest)| E::GuestChanged { room, guest }),
        child().prop_map(|guest| E::GuestRemoved { guest }),
    ]
}

/// Any events in any order, sensible or not, on a booking that was made.
pub(in crate::trips::booking) fn bookings() -> impl Strategy<Value = TripBookingState> {
    prop::collection::vec(any_event(), 0..60)
        .prop_map(|events| fold::<TripBookings>(std::iter::once(&created()).chain(&events)))
}

/// Commands whose repeat asks for what is already so.
fn any_command() -> impl Strategy<Value = TripBookingCommand> {
    use TripBookingCommand as C;
    let people = || prop::collection::vec(person(), 0..4);
    let terms = || {
        (prop::option::of(event_id()), prop::option::of(person()))
            .prop_map(|(event_id, purchaser_id)| TicketTerms { event_id, purchaser_id })
    };
    let change_bundle = (
        child(),
        prop::option::of(event_id()),
        prop::option::of(person()),
        prop::option::of(prop::collection::vec(terms(), 0..4)),
        prop::bool::ANY,
    );
    prop_oneof![
        Just(C::Abandon { crew_id: crew_id() }),
        prop::bool::ANY.prop_map(|forced| C::Recover { crew_id: crew_id(), crew: crew(), forced }),
        (person(), prop::bool::ANY).prop_map(|(person, leader)| C::AddMember(AddMember {
            member: NewMember { person, leader, start_date: None, end_date: None, availability: None },
            crew: crew()
        })),
        (person(), prop::option::of(prop::bool::ANY)).prop_map(|(person, leader)| C::ChangeMember(ChangeMember {
            change: MemberChange {
                person,
                leader,
                start_date: Some(day(2)),
                end_date: None,
                availability: Some(Availability::Going)
            },
            with_account: accounts()
        })),
        person().prop_map(removal),
        (event_id(), prop::option::of(people())).prop_map(|(event, attendees)| C::AddEvent { event, attendees }),
        (event_id(), people()).prop_map(|(event, attendees)| C::ChangeAttendees { event, attendees }),
        event_id().prop_map(|event| C::RemoveEvent { event }),
        (child(), child(), person()).prop_map(|(bundle, ticket, consumer)| C::AssignTicket {
            bundle,
            ticket,
            consumer
        }),
        (child(), child(), terms()).prop_map(|(bundle, ticket, terms)| C::ChangeTicket { bundle, ticket, terms }),
        (child(), child()).prop_map(|(bundle, ticket)| C::RemoveTicket { bundle, ticket }),
        change_bundle.prop_map(|(bundle, event_id, purchaser_id, tickets, priced)| C::ChangeBundle(ChangeBundle {
            bundle,
            event_id,
            purchaser_id,
            tickets,
            purchase: priced.then(|| price("12.34")),
            ..ChangeBundle::default()
        })),
        child().prop_map(|accommodation| C::RemoveAccommodation { accommodation }),
        (child(), child(), person()).prop_map(|(guest, room, person)| C::ChangeGuest(ChangeGuest {
            guest,
            room,
            person: Some(person),
            proportion: Some(0.1),
            check_in_date: None,
            check_out_date: None
        })),
        (child(), child()).prop_map(|(room, guest)| C::RemoveGuest { room, guest }),
        (person(), person()).prop_map(|(from, to)| C::ReplaceMember { from, to }),
        person().prop_map(departure),
        person().prop_map(|person| C::PassOn { person, with_account: accounts() }),
    ]
}

proptest! {
    #[test]
    fn any_events_in_any_order_fold(events in prop::collection::vec(any_event(), 0..60)) {
        fold::<TripBookings>(&events);
    }

    #[test]
    fn a_state_comes_back_from_its_document(state in bookings()) {
        let document = serde_json::to_value(&state).unwrap();
        prop_assert_eq!(serde_json::from_value::<TripBookingState>(document).unwrap(), state);
    }

    #[test]
    fn a_repeated_command_adds_nothing(
        commands in prop::collection::vec((any_command(), 0u64..4), 1..40),
        bundles in prop::collection::vec(any_bundle(), 0..3),
        stays in prop::collection::vec(any_accommodation(), 0..3),
    ) {
        let mut state = fold::<TripBookings>(&[created(), added(ben()), added(cal())]);
        for bundle in bundles {
            state = TripBookings::evolve(state, &TripBookingEvent::BundleAdded { bundle });
        }
        for accommodation in stays {
            state = TripBookings::evolve(state, &TripBookingEvent::AccommodationAdded { accommodation });
        }
        for (command, actor) in commands {
            let now = at("2030-01-01T12:00:00Z");
            let context = if actor == 0 { Context::system(now) } else { Context::by(id(actor), now) };
            let Ok(events) = TripBookings::decide(&state, command.clone(), &context) else { continue };
            state = events.iter().fold(state, TripBookings::evolve);
            if let Ok(again) = TripBookings::decide(&state, command.clone(), &context) {
                prop_assert_eq!(again, vec![], "{:?}", command);
            }
        }
    }

    #[test]
    fn an_active_booking_that_people_changed_keeps_a_leader(
        commands in prop::collection::vec((any_command(), 0u64..4), 1..60),
    ) {
        let mut state = fold::<TripBookings>(&[created(), added(ben()), added(cal())]);
        for (command, actor) in commands {
            let now = at("2030-01-01T12:00:00Z");
            let context = if actor == 0 { Context::system(now) } else { Context::by(id(actor), now) };
            let events = TripBookings::decide(&state, command, &context).unwrap_or_default();
            state = events.iter().fold(state, TripBookings::evolve);
            let booking = of(&state);
            prop_assert!(state.is_abandoned() || !booking.leaders.is_empty());
            prop_assert!(booking.leaders.iter().all(|leader| booking.is_member(*leader)));
            prop_assert_eq!(booking.members.len(), booking.terms.len());
        }
    }
}

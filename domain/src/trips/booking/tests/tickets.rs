//! Bundles, tickets and their prices. Ben bought bundle 1.

use super::*;

fn add() -> AddBundle {
    AddBundle {
        crew_id: Some(crew_id()),
        event_id: concert(),
        purchaser_id: ben(),
        tickets: vec![TicketTerms::default(); 2],
        purchase: Some(price("240")),
        general_admission: true,
        special_seating: false,
        bought_here: false,
    }
}

fn with_bundle(consumers: &[Option<EntityId>]) -> Given<TripBookings> {
    after([bundle_added(24_000, consumers)])
}

#[test]
fn any_member_adds_a_bundle_that_they_bought_with_tickets_and_purchase_in_one_go() {
    booking().by(ben()).when(add()).then([bundle_added(24_000, &[None, None])]);
    booking().by(dan()).when(add()).then_err("only-booking-members");
}

#[test]
fn only_leaders_add_a_bundle_that_somebody_else_bought() {
    let rejection = booking().by(cal()).when(add()).then_err("only-leaders-name-purchasers");
    assert_eq!(rejection.field(), Some("purchaser_id"));
    booking().by(ann()).when(add()).then([bundle_added(24_000, &[None, None])]);
}

#[test]
fn only_leaders_give_a_ticket_another_purchaser_than_its_bundle() {
    let of_cal = TicketTerms { purchaser_id: Some(cal()), ..TicketTerms::default() };
    let tickets = vec![TicketTerms::default(), of_cal];
    let mixed = TripBookingCommand::AddBundle(AddBundle { tickets: tickets.clone(), ..add() });
    let rejection = booking().by(ben()).when(mixed.clone()).then_err("only-leaders-name-purchasers");
    assert_eq!(rejection.field(), Some("tickets[1].purchaser_id"));
    booking().by(ann()).when(mixed).then_state();
    let commands = [
        TripBookingCommand::AddTicket { bundle: 1, ticket: of_cal },
        TripBookingCommand::ChangeTicket { bundle: 1, ticket: 3, terms: of_cal },
        TripBookingCommand::ChangeBundle(ChangeBundle { tickets: Some(tickets), ..change() }),
        TripBookingCommand::ChangeBundle(ChangeBundle { purchaser_id: Some(cal()), ..change() }),
    ];
    for command in commands {
        let given = || with_bundle(&[None, None]);
        given().by(ben()).when(command.clone()).then_err("only-leaders-name-purchasers");
        given().by(cal()).when(command.clone()).then_err("only-purchaser-or-leaders");
        with_bundle(&[None, None]).by(ann()).when(command).then_state();
    }
    let of_ben = TicketTerms { purchaser_id: Some(ben()), ..TicketTerms::default() };
    with_bundle(&[]).by(ben()).when(TripBookingCommand::AddTicket { bundle: 1, ticket: of_ben }).then_state();
}

#[test]
fn nobody_becomes_owed_for_what_another_paid() {
    let to_self = TicketTerms { purchaser_id: Some(cal()), ..TicketTerms::default() };
    with_bundle(&[])
        .by(cal())
        .when(TripBookingCommand::AddTicket { bundle: 1, ticket: to_self })
        .then_err("only-purchaser-or-leaders");
    let add = TripBookingCommand::AddTicket { bundle: 1, ticket: TicketTerms::default() };
    with_bundle(&[]).by(cal()).when(add).then_err("only-purchaser-or-leaders");
}

#[test]
fn the_event_must_be_in_the_booking() {
    let add = AddBundle { event_id: game(), ..add() };
    let rejection = booking().by(ann()).when(add).then_err("not-an-event-of-booking");
    assert_eq!(rejection.field(), Some("event_id"));
}

#[test]
fn a_crew_named_must_be_the_bookings() {
    let add = AddBundle { crew_id: Some(id(41)), ..add() };
    booking().by(ann()).when(add).then_err("booking-of-another-crew");
    let change = ChangeBundle { crew_id: Some(id(41)), ..change() };
    with_bundle(&[]).by(ben()).when(change).then_err("booking-of-another-crew");
}

#[test]
fn the_purchaser_must_be_a_member() {
    let by_stranger = AddBundle { purchaser_id: dan(), ..add() };
    let rejection = booking().by(ann()).when(by_stranger).then_err("names-non-member-of-booking");
    assert_eq!(rejection.field(), Some("purchaser_id"));
    let ticket = TicketTerms { purchaser_id: Some(dan()), ..TicketTerms::default() };
    let add = AddBundle { tickets: vec![TicketTerms::default(), ticket], ..add() };
    let rejection = booking().by(ann()).when(add).then_err("names-non-member-of-booking");
    assert_eq!(rejection.field(), Some("tickets[1].purchaser_id"));
}

#[test]
fn amounts_follow_the_currency_and_are_not_negative() {
    for (amount, currency, field, rule) in [
        ("1.234", "USD", "amount", "amount-form"),
        ("1.5", "JPY", "amount", "amount-form"),
        ("-1", "USD", "amount", "amount-form"),
        ("1", "ZZZ", "currency", "currency-unknown"),
    ] {
        let purchase = Price { amount: Some(amount.into()), currency: Some(currency.into()), date: None };
        let add = AddBundle { purchase: Some(purchase), ..add() };
        let rejection = booking().by(ann()).when(add).then_err(rule);
        assert_eq!(rejection.field(), Some(format!("purchase.{field}").as_str()));
    }
    for (purchase, rule) in [
        (Price { amount: None, ..price("1") }, "purchase-amount-required"),
        (Price { currency: None, ..price("1") }, "purchase-currency-required"),
    ] {
        let add = AddBundle { purchase: Some(purchase), ..add() };
        booking().by(ann()).when(add).then_err(rule);
    }
}

#[test]
fn a_purchase_without_a_date_is_of_now() {
    let add = AddBundle { purchase: Some(Price { date: None, ..price("1") }), ..add() };
    let state = booking().by(ann()).when(add).then_state();
    assert_eq!(of(&state).bundles[0].purchase.unwrap().date, at("2030-01-01T12:00:00Z").timestamp());
}

#[test]
fn a_purchase_was_made_between_1970_and_9999() {
    for date in [-1, 253_402_300_800] {
        let add = AddBundle { purchase: Some(Price { date: Some(date), ..price("1") }), ..add() };
        let rejection = booking().by(ann()).when(add).then_err("purchase-date-range");
        assert_eq!(rejection.field(), Some("purchase.date"));
    }
}

#[test]
fn each_ticket_carries_an_equal_part_and_leftovers_go_by_creation_order() {
    let state = after([bundle_added(100, &[Some(ann()), Some(cal()), Some(cal())])])
        .by(ann())
        .when(TripBookingCommand::AddEvent { event: concert(), attendees: None })
        .then([]);
    assert_eq!(owed(&state), [(ann(), 34), (ben(), -100), (cal(), 66)]);
}

#[test]
fn an_unassigned_share_stays_with_the_purchaser() {
    let assign = TripBookingCommand::AssignTicket { bundle: 1, ticket: 4, consumer: cal() };
    let state = with_bundle(&[None, None]).by(ben()).when(assign).then([TripBookingEvent::TicketAssigned {
        bundle: 1,
        ticket: 4,
        consumer: cal(),
    }]);
    assert_eq!(owed(&state), [(ben(), -12_000), (cal(), 12_000)]);
}

#[test]
fn the_consumer_owes_that_tickets_purchaser() {
    let bought_by_ann = TicketTerms { purchaser_id: Some(ann()), ..TicketTerms::default() };
    let change = TripBookingCommand::ChangeTicket { bundle: 1, ticket: 3, terms: bought_by_ann };
    let state = with_bundle(&[Some(cal()), Some(cal())])
        .by(ann())
        .when(change)
        .then([TripBookingEvent::TicketChanged { bundle: 1, ticket: 3, event: concert(), purchaser: ann() }]);
    assert_eq!(owed(&state), [(ann(), -12_000), (ben(), -12_000), (cal(), 24_000)]);
}

#[test]
fn only_the_purchaser_or_a_leader_adds_assigns_changes_or_deletes_a_ticket() {
    let terms = TicketTerms { purchaser_id: Some(ben()), ..TicketTerms::default() };
    let commands = [
        TripBookingCommand::AddTicket { bundle: 1, ticket: TicketTerms::default() },
        TripBookingCommand::AssignTicket { bundle: 1, ticket: 3, consumer: cal() },
        TripBookingCommand::ChangeTicket { bundle: 1, ticket: 3, terms },
        TripBookingCommand::RemoveTicket { bundle: 1, ticket: 3 },
        TripBookingCommand::RemoveBundle { bundle: 1 },
        TripBookingCommand::ChangeBundle(ChangeBundle {
            bundle: 1,
            special_seating: Some(true),
            ..ChangeBundle::default()
        }),
    ];
    for command in commands {
        for allowed in [ann(), ben()] {
            with_bundle(&[None]).by(allowed).when(command.clone()).then_state();
        }
        with_bundle(&[None]).by(cal()).when(command.clone()).then_err("only-purchaser-or-leaders");
        for stranger in [dan(), eve()] {
            with_bundle(&[None]).by(stranger).when(command.clone()).then_err("only-booking-members");
        }
    }
}

#[test]
fn the_receiver_of_a_ticket_must_be_a_member() {
    let assign = TripBookingCommand::AssignTicket { bundle: 1, ticket: 3, consumer: dan() };
    let rejection = with_bundle(&[None]).by(ben()).when(assign).then_err("names-non-member-of-booking");
    assert_eq!(rejection.field(), Some("consumer"));
}

#[test]
fn assigning_again_moves_the_ticket_or_changes_nothing() {
    let assign = |consumer| TripBookingCommand::AssignTicket { bundle: 1, ticket: 3, consumer };
    with_bundle(&[Some(cal())]).by(ben()).when(assign(cal())).then_nothing();
    let state = with_bundle(&[Some(cal())]).by(ben()).when(assign(ann())).then_state();
    assert_eq!(of(&state).ticket(1, 3).unwrap().consumer, Some(ann()));
}

#[test]
fn a_ticket_that_is_not_there_is_not_found() {
    let assign = |bundle, ticket| TripBookingCommand::AssignTicket { bundle, ticket, consumer: ann() };
    with_bundle(&[None]).by(ben()).when(assign(1, 99)).then_err("no-such-ticket");
    with_bundle(&[None]).by(ben()).when(assign(99, 3)).then_err("no-such-bundle");
    with_bundle(&[None]).by(ben()).when(TripBookingCommand::RemoveBundle { bundle: 99 }).then_err("no-such-bundle");
}

#[test]
fn an_added_ticket_is_unassigned_and_shares_the_price() {
    let add = TripBookingCommand::AddTicket { bundle: 1, ticket: TicketTerms::default() };
    let ticket = Ticket { number: 4, event: concert(), purchaser: ben(), consumer: None };
    let state = with_bundle(&[Some(cal())])
        .by(ben())
        .when(add.clone())
        .then([TripBookingEvent::TicketAdded { bundle: 1, ticket }]);
    assert_eq!(of(&state).bundles[0].tickets.len(), 2);
    assert_eq!(owed(&state), [(ben(), -12_000), (cal(), 12_000)]);
    with_bundle(&[]).by(dan()).when(add).then_err("only-booking-members");
}

#[test]
fn an_added_ticket_names_an_event_of_the_booking_and_a_member() {
    for (ticket, rule) in [
        (TicketTerms { event_id: Some(game()), purchaser_id: None }, "not-an-event-of-booking"),
        (TicketTerms { event_id: None, purchaser_id: Some(dan()) }, "names-non-member-of-booking"),
    ] {
        with_bundle(&[]).by(ann()).when(TripBookingCommand::AddTicket { bundle: 1, ticket }).then_err(rule);
    }
}

#[test]
fn a_removed_ticket_leaves_its_share_to_the_others() {
    let state = with_bundle(&[Some(cal()), None])
        .by(ben())
        .when(TripBookingCommand::RemoveTicket { bundle: 1, ticket: 4 })
        .then([TripBookingEvent::TicketRemoved { bundle: 1, ticket: 4 }]);
    assert_eq!(owed(&state), [(ben(), -24_000), (cal(), 24_000)]);
}

#[test]
fn with_a_bundle_its_tickets_and_purchase_go() {
    let state = with_bundle(&[Some(cal())])
        .by(ann())
        .when(TripBookingCommand::RemoveBundle { bundle: 1 })
        .then([TripBookingEvent::BundleRemoved { bundle: 1 }]);
    assert!(of(&state).bundles.is_empty() && of(&state).bundle_order.is_empty());
    assert_eq!(owed(&state), []);
}

#[test]
fn a_ticket_changes_to_another_event_of_the_booking() {
    let terms = TicketTerms { event_id: Some(game()), purchaser_id: None };
    let change = TripBookingCommand::ChangeTicket { bundle: 1, ticket: 3, terms };
    with_bundle(&[None]).by(ben()).when(change.clone()).then_err("not-an-event-of-booking");
    let event = TripBookingEvent::EventAdded { event: game(), attendees: vec![] };
    after([bundle_added(100, &[None]), event]).by(ben()).when(change).then([TripBookingEvent::TicketChanged {
        bundle: 1,
        ticket: 3,
        event: game(),
        purchaser: ben(),
    }]);
}

fn change() -> ChangeBundle {
    ChangeBundle { bundle: 1, ..ChangeBundle::default() }
}

#[test]
fn a_change_of_event_or_purchaser_goes_to_every_ticket() {
    let event = TripBookingEvent::EventAdded { event: game(), attendees: vec![] };
    let change = ChangeBundle { event_id: Some(game()), purchaser_id: Some(cal()), ..change() };
    let state = after([bundle_added(100, &[None, Some(ann())]), event]).by(ann()).when(change).then_state();
    let bundle = &of(&state).bundles[0];
    assert_eq!((bundle.event, bundle.purchaser), (game(), cal()));
    assert!(bundle.tickets.iter().all(|ticket| ticket.event == game() && ticket.purchaser == cal()));
    assert_eq!(bundle.tickets[1].consumer, Some(ann()));
}

#[test]
fn tickets_of_a_change_apply_by_position() {
    let by_ann = TicketTerms { purchaser_id: Some(ann()), ..TicketTerms::default() };
    let change = ChangeBundle { tickets: Some(vec![TicketTerms::default(), by_ann]), ..change() };
    let state = with_bundle(&[None, None]).by(ann()).when(change).then_state();
    let purchasers: Vec<EntityId> = of(&state).bundles[0].tickets.iter().map(|ticket| ticket.purchaser).collect();
    assert_eq!(purchasers, [ben(), ann()]);
}

#[test]
fn the_tickets_listed_are_as_many_as_the_number_says() {
    let change = ChangeBundle { tickets: Some(vec![TicketTerms::default()]), number_of_tickets: Some(2), ..change() };
    let rejection = with_bundle(&[None, None]).by(ben()).when(change).then_err("tickets-listed-and-counted");
    assert_eq!(rejection.field(), Some("number_of_tickets"));
}

#[test]
fn a_larger_number_adds_unassigned_tickets() {
    let change = ChangeBundle { number_of_tickets: Some(3), ..change() };
    with_bundle(&[Some(cal())])
        .by(ben())
        .when(change)
        .then([TripBookingEvent::BundleChanged { bundle: bundle(24_000, &[Some(cal()), None, None]) }]);
}

#[test]
fn a_smaller_number_removes_unassigned_tickets() {
    let change = ChangeBundle { number_of_tickets: Some(1), ..change() };
    let state = with_bundle(&[None, Some(cal()), None]).by(ben()).when(change).then_state();
    let tickets: Vec<u32> = of(&state).bundles[0].tickets.iter().map(|ticket| ticket.number).collect();
    assert_eq!(tickets, [4]);
}

#[test]
fn too_few_unassigned_tickets_refuse_a_smaller_number() {
    let change = ChangeBundle { number_of_tickets: Some(1), ..change() };
    with_bundle(&[Some(ann()), Some(cal()), None]).by(ben()).when(change).then_err("too-few-unassigned-tickets");
}

#[test]
fn a_bundle_holds_a_thousand_tickets_at_most() {
    let change = ChangeBundle { number_of_tickets: Some(1_001), ..change() };
    with_bundle(&[]).by(ben()).when(change).then_err("bundle-full");
}

#[test]
fn a_price_changes_in_its_parts() {
    let change = |purchase| TripBookingCommand::ChangeBundle(ChangeBundle { purchase: Some(purchase), ..change() });
    let state =
        with_bundle(&[]).by(ben()).when(change(Price { amount: Some("9.5".into()), ..Price::default() })).then_state();
    let purchase = of(&state).bundles[0].purchase.unwrap();
    assert_eq!((purchase.number, purchase.amount, purchase.date), (2, usd(950), 1_559_433_600));
    let only_currency = |code: &str| change(Price { currency: Some(code.into()), ..Price::default() });
    with_bundle(&[]).by(ben()).when(only_currency("USD")).then_nothing();
    with_bundle(&[]).by(ben()).when(only_currency("EUR")).then_err("purchase-amount-required");
}

#[test]
fn a_bundle_as_it_is_changes_nothing() {
    let same = ChangeBundle {
        event_id: Some(concert()),
        purchaser_id: Some(ben()),
        tickets: Some(vec![TicketTerms { event_id: Some(concert()), purchaser_id: Some(ben()) }; 2]),
        number_of_tickets: Some(2),
        purchase: Some(price("240.00")),
        general_admission: Some(true),
        ..change()
    };
    with_bundle(&[None, Some(cal())]).by(ben()).when(same).then_nothing();
}

#[test]
fn a_tickets_own_purchaser_assigns_it_and_no_more() {
    // Ben's bundle with one ticket that a leader made Cal's.
    let mixed = || {
        let mut bundle = bundle(10_000, &[None, Some(ann())]);
        bundle.tickets[0].purchaser = cal();
        after([TripBookingEvent::BundleAdded { bundle }])
    };
    let assign = |ticket| TripBookingCommand::AssignTicket { bundle: 1, ticket, consumer: ann() };
    for allowed in [cal(), ben(), ann()] {
        let state = mixed().by(allowed).when(assign(3)).then_state();
        assert_eq!(owed(&state), [(ann(), 10_000), (ben(), -5_000), (cal(), -5_000)]);
    }
    mixed().by(cal()).when(assign(4)).then_err("only-purchaser-or-leaders");
    let to_ben = TicketTerms { purchaser_id: Some(ben()), ..TicketTerms::default() };
    let for_the_bundle = [
        TripBookingCommand::ChangeTicket { bundle: 1, ticket: 3, terms: TicketTerms::default() },
        TripBookingCommand::ChangeBundle(ChangeBundle { number_of_tickets: Some(1), ..change() }),
        TripBookingCommand::ChangeBundle(ChangeBundle { special_seating: Some(true), ..change() }),
        TripBookingCommand::RemoveTicket { bundle: 1, ticket: 3 },
        TripBookingCommand::RemoveBundle { bundle: 1 },
    ];
    for command in for_the_bundle {
        mixed().by(cal()).when(command.clone()).then_err("only-purchaser-or-leaders");
        mixed().by(ben()).when(command).then_state();
    }
    // What is owed to Cal is Cal's: the bundle's purchaser does not take it back.
    let take_back = [
        TripBookingCommand::ChangeTicket { bundle: 1, ticket: 3, terms: to_ben },
        TripBookingCommand::ChangeBundle(ChangeBundle {
            tickets: Some(vec![to_ben, TicketTerms::default()]),
            ..change()
        }),
    ];
    for command in take_back {
        mixed().by(ben()).when(command.clone()).then_err("only-leaders-name-purchasers");
        mixed().by(ann()).when(command).then_state();
    }
}

#[test]
fn nothing_new_is_bought_for_an_event_that_was_removed_or_by_somebody_who_left() {
    let add = TripBookingCommand::AddTicket { bundle: 1, ticket: TicketTerms::default() };
    let more = TripBookingCommand::ChangeBundle(ChangeBundle { number_of_tickets: Some(9), ..change() });
    let reprice = TripBookingCommand::ChangeBundle(ChangeBundle { purchase: Some(price("1")), ..change() });
    let without_event = || after([bundle_added(100, &[None]), TripBookingEvent::EventRemoved { event: concert() }]);
    let without_ben = || after([bundle_added(100, &[None]), TripBookingEvent::MemberRemoved { person: ben() }]);
    for (given, field, rule) in [
        (without_event as fn() -> _, "event_id", "not-an-event-of-booking"),
        (without_ben, "purchaser_id", "names-non-member-of-booking"),
    ] {
        for command in [&add, &more] {
            let rejection = given().by(ann()).when(command.clone()).then_err(rule);
            assert_eq!(rejection.field(), Some(field));
        }
        given().by(ann()).when(reprice.clone()).then_state();
    }
    let unpaid = TripBookingEvent::BundleAdded { bundle: Bundle { purchase: None, ..bundle(1, &[Some(cal())]) } };
    let left = TripBookingEvent::MemberRemoved { person: ben() };
    after([unpaid, left]).by(ann()).when(reprice).then_err("names-non-member-of-booking");
}

#[test]
fn a_booking_is_bounded() {
    let full = || {
        after((0..20).map(|index| {
            let tickets = (0..999).map(|ticket| Ticket {
                number: 2 + index * 1_000 + ticket,
                event: concert(),
                purchaser: ben(),
                consumer: None,
            });
            let number = 1 + index * 1_000;
            TripBookingEvent::BundleAdded {
                bundle: Bundle { number, purchase: None, tickets: tickets.collect(), ..bundle(1, &[]) },
            }
        }))
    };
    let add = TripBookingCommand::AddTicket { bundle: 1, ticket: TicketTerms::default() };
    full().by(ann()).when(add).then_err("booking-full");
    full().by(ann()).when(TripBookingCommand::RemoveTicket { bundle: 1, ticket: 2 }).then_state();
    let members = (100..1_097).map(|number| added(id(number)));
    let one_more = NewMember { person: dan(), leader: false, start_date: None, end_date: None, availability: None };
    let one_more = AddMember { member: one_more, crew: crew() };
    after(members).by(ann()).when(one_more).then_err("booking-full");
}

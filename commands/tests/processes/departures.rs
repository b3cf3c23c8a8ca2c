use caravan_commands::Caller;
use caravan_commands::processes::departures;
use caravan_commands::trips::{bookings, likes};
use caravan_domain::catalogue::discover::TripWindow;
use caravan_domain::identity::AccountCommand;
use caravan_domain::trips::booking::{
    AddMember, ChangeBooking, MemberChange, NewBooking, NewMember, TripBookingCommand, TripBookingState, TripBookings,
};
use caravan_domain::trips::crew::{CrewChange, CrewCommand, CrewState, Crews};
use caravan_domain::trips::likes::TripLikes;
use caravan_domain::{EntityId, RejectionKind};

use crate::world::{World, day};

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_a_crew_leaves_its_bookings() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let (crew, other) = (world.crew(dana, &[eli]).await, world.crew(dana, &[eli]).await);
    let together = world.booking(crew, dana, &[eli]).await;
    let led = world.booking(crew, eli, &[dana]).await;
    let alone = world.booking(crew, eli, &[]).await;
    let elsewhere = world.booking(other, dana, &[eli]).await;
    world.remove_from_crew(crew, eli, eli).await;

    world.follow_and_die(departures(&world.setup)).await;
    let restarted = world.another().await;
    restarted.follow(departures(&restarted.setup)).await;

    assert_eq!(world.booking_members(together).await, [dana]);
    let led = world.booking_state(led).await;
    assert_eq!(led.booking().unwrap().leaders, [dana], "the longest-standing member leads");
    assert!(world.booking_state(alone).await.is_abandoned());
    assert_eq!(world.booking_members(elsewhere).await, [dana, eli]);
    assert_eq!(world.events("MemberRemoved").await.len(), 3, "once each");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_is_not_repeated_for_somebody_who_came_back() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let crew = world.crew(dana, &[eli]).await;
    let booking = world.booking(crew, dana, &[eli]).await;
    world.remove_from_crew(crew, eli, eli).await;
    world.follow_and_die(departures(&world.setup)).await;
    assert_eq!(world.booking_members(booking).await, [dana]);

    world.change_crew(crew, dana, CrewCommand::AddMember { person: eli }).await;
    world.add_member(booking, dana, eli).await;
    world.follow(departures(&world.setup)).await;
    assert_eq!(world.booking_members(booking).await, [dana, eli]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_does_not_reach_a_booking_that_was_joined_later() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let crew = world.crew(dana, &[eli]).await;
    let booking = world.booking(crew, dana, &[]).await;
    world.remove_from_crew(crew, eli, eli).await;
    world.follow_and_die(departures(&world.setup)).await;
    world.change_crew(crew, dana, CrewCommand::AddMember { person: eli }).await;
    world.add_member(booking, dana, eli).await;
    world.follow(departures(&world.setup)).await;
    assert_eq!(world.booking_members(booking).await, [dana, eli]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_recovered_while_its_crew_was_deleted_is_abandoned_again() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    let crew = world.crew(dana, &[]).await;
    let booking = world.booking(crew, dana, &[]).await;
    let change = async |command| world.by(dana).send::<TripBookings>(booking, command).await.unwrap();
    change(TripBookingCommand::Abandon { crew_id: crew }).await;
    let before = world.commands.state::<Crews>(crew).await.unwrap().state;
    world.change_crew(crew, dana, CrewCommand::Delete).await;
    change(TripBookingCommand::Recover { crew_id: crew, crew: before, forced: false }).await;
    world.follow(departures(&world.setup)).await;
    assert!(world.booking_state(booking).await.is_abandoned());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_crew_abandons_its_bookings() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    let crew = world.crew(dana, &[]).await;
    let bookings = [world.booking(crew, dana, &[]).await, world.booking(crew, dana, &[]).await];
    let kept = world.booking(world.crew(dana, &[]).await, dana, &[]).await;
    world.follow(departures(&world.setup)).await;
    world.change_crew(crew, dana, CrewCommand::Delete).await;
    world.follow_and_die(departures(&world.setup)).await;
    world.follow(departures(&world.setup)).await;
    for booking in bookings {
        assert!(world.booking_state(booking).await.is_abandoned());
    }
    assert!(!world.booking_state(kept).await.is_abandoned());
    let abandoned = world.events("BookingAbandoned").await;
    assert_eq!(abandoned.len(), 2);
    let deleted = world.events("CrewDeleted").await;
    for event in abandoned {
        let metadata = event.metadata().unwrap();
        assert_eq!(metadata.causation_id, Some(deleted[0].id));
        assert_eq!(metadata.correlation_id, deleted[0].metadata().unwrap().correlation_id);
        assert_eq!(metadata.actor, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joined_a_booking_while_leaving_the_crew_leaves_it_too() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let crew = world.crew(dana, &[eli]).await;
    let booking = world.booking(crew, dana, &[]).await;
    // Whoever adds Eli has read the crew before Eli left it.
    let before = world.commands.state::<Crews>(crew).await.unwrap().state;
    world.remove_from_crew(crew, eli, eli).await;
    let add = NewMember { person: eli, leader: false, start_date: None, end_date: None, availability: None };
    let add = AddMember { member: add, crew: before };
    world.by(dana).send::<TripBookings>(booking, TripBookingCommand::AddMember(add)).await.unwrap();
    world.follow(departures(&world.setup)).await;
    assert_eq!(world.booking_members(booking).await, [dana]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absorbed_temp_member_is_left_to_be_replaced() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let crew = world.crew(dana, &[]).await;
    let temp = world.invite(crew, dana, "+14165550100").await;
    let booking = world.booking(crew, dana, &[temp]).await;
    world.account(temp, AccountCommand::Absorb { into: eli }).await;
    // The crew knows already, the booking does not.
    let replace = CrewCommand::ReplaceMember { from: temp, to: eli };
    world.system().send::<Crews>(crew, replace).await.unwrap();
    world.follow(departures(&world.setup)).await;
    assert_eq!(world.booking_members(booking).await, [dana, temp]);
    let replace = TripBookingCommand::ReplaceMember { from: temp, to: eli };
    world.system().send::<TripBookings>(booking, replace).await.unwrap();
    world.follow(departures(&world.setup)).await;
    assert_eq!(world.booking_members(booking).await, [dana, eli]);
    assert!(matches!(world.booking_state(booking).await, TripBookingState::Active(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_forgotten_is_in_charge_of_nothing_any_more() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let (crew, alone) = (world.crew(dana, &[eli]).await, world.crew(dana, &[]).await);
    let (booking, lone) = (world.booking(crew, dana, &[eli]).await, world.booking(alone, dana, &[]).await);
    world.account(dana, AccountCommand::Forget).await;
    world.follow_and_die(departures(&world.setup)).await;
    world.follow(departures(&world.setup)).await;
    let state = world.crew_state(crew).await;
    assert_eq!((state.admins, state.members), (vec![eli], vec![dana, eli]));
    let state = world.booking_state(booking).await;
    assert_eq!(state.booking().unwrap().leaders, [eli]);
    assert!(world.booking_state(lone).await.is_abandoned());
    assert_eq!(world.events("CrewDeleted").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_booking_is_led_by_who_is_still_in_the_crew() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let fay = world.person("Fay", None, None).await;
    let crew = world.crew(dana, &[eli, fay]).await;
    let booking = world.booking(crew, dana, &[eli, fay]).await;
    let abandon = TripBookingCommand::Abandon { crew_id: crew };
    world.by(dana).send::<TripBookings>(booking, abandon).await.unwrap();
    // Eli stays in the abandoned booking, where his shares are, but could not recover it.
    for gone in [eli, dana] {
        world.remove_from_crew(crew, gone, gone).await;
        world.follow(departures(&world.setup)).await;
    }
    assert!(world.booking_state(booking).await.booking().unwrap().is_leader(fay));
    bookings::recover(&world.by(fay), booking, crew, false).await.unwrap();
    assert_eq!(world.booking_members(booking).await, [fay]);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_with_an_account_leads_a_booking() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    let crew = world.crew(dana, &[]).await;
    let temp = world.invite(crew, dana, "+14165550100").await;
    let booking = world.booking(crew, dana, &[temp]).await;
    let led_by = async |leaders: &[EntityId]| {
        let change = ChangeBooking {
            crew_id: crew,
            start_date: None,
            end_date: None,
            leader_ids: Some(leaders.to_vec()),
            ticket_bundle_ids: None,
            accommodation_ids: None,
        };
        bookings::change(&world.by(dana), booking, change).await
    };
    assert!(led_by(&[temp]).await.is_err_and(|error| error.is_rejection(RejectionKind::Invalid)));
    assert!(led_by(&[temp, dana]).await.is_ok());
    let city_id = world.city().await;
    let new = NewBooking { crew_id: crew, city_id, start_date: day(1), end_date: day(4), leader_ids: vec![temp] };
    let made = bookings::create(&world.by(dana), new).await;
    assert!(made.is_err_and(|error| error.is_rejection(RejectionKind::Invalid)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_change_something_learns_nothing_of_its_revision() {
    let world = World::new().await;
    let (dana, stranger) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let crew = world.crew(dana, &[]).await;
    for revision in 0..4 {
        let caller = Caller { if_match: Some(revision), ..world.by(stranger).caller().clone() };
        let refused = world.commands.asked_by(caller).send::<Crews>(crew, CrewCommand::Delete).await;
        assert!(refused.is_err_and(|error| error.is_rejection(RejectionKind::Forbidden)), "{revision}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_leaves_to_who_has_an_account_or_the_crew_ends() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let crew = world.crew(dana, &[]).await;
    let temp = world.invite(crew, dana, "+14165550100").await;
    world.change_crew(crew, dana, CrewCommand::AddMember { person: eli }).await;
    let booking = world.booking(crew, dana, &[temp, eli]).await;
    let left = bookings::remove_member(&world.by(dana), booking, dana).await.unwrap();
    assert_eq!(left.state.booking().unwrap().leaders, [eli], "the temp member cannot lead");
    let resign =
        MemberChange { person: eli, leader: Some(false), start_date: None, end_date: None, availability: None };
    let resigned = bookings::change_member(&world.by(eli), booking, resign).await;
    assert!(resigned.is_err_and(|error| error.is_rejection(RejectionKind::Conflict)), "only Eli could lead");
    world.remove_from_crew(crew, dana, dana).await;
    assert_eq!(world.crew_state(crew).await.admins, [eli]);
    world.remove_from_crew(crew, eli, eli).await;
    world.follow(departures(&world.setup)).await;
    assert_eq!(world.events("CrewDeleted").await.len(), 1);
    assert!(world.booking_state(booking).await.is_abandoned());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_last_admins_who_leave_at_once_neither_leaves_the_crew_to_nobody() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let fay = world.person("Fay", None, None).await;
    for _ in 0..10 {
        let crew = world.crew(dana, &[eli, fay]).await;
        let admins = CrewCommand::Change(CrewChange {
            name: None,
            description: None,
            has_image: None,
            admin_ids: Some(vec![dana, eli]),
        });
        world.change_crew(crew, dana, admins).await;
        tokio::join!(world.remove_from_crew(crew, dana, dana), world.remove_from_crew(crew, eli, eli));
        let state = world.crew_state(crew).await;
        assert_eq!((state.admins, state.members), (vec![fay], vec![fay]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_crew_is_not_brought_back_by_who_absorbs_a_member() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let crew = world.crew(dana, &[]).await;
    let temp = world.invite(crew, dana, "+14165550100").await;
    world.change_crew(crew, dana, CrewCommand::Delete).await;
    let replace = CrewCommand::ReplaceMember { from: temp, to: eli };
    world.system().send::<Crews>(crew, replace).await.unwrap();
    world.follow(departures(&world.setup)).await;
    let kept = sqlx::query_scalar::<_, i64>("select count(*) from crew_members where crew = $1");
    assert_eq!(kept.bind(crew.0).fetch_one(&world.pool).await.unwrap(), 0);
    let state = world.commands.state::<Crews>(crew).await.unwrap().state;
    let CrewState::Deleted { last_members, .. } = &*state else { panic!("{state:?}") };
    assert_eq!(last_members, &[dana, eli], "who absorbed the temp member reads on");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_forgotten_likes_no_trip_any_more() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let region = world.region().await;
    let trip = |first| TripWindow { region, first_day: day(first), last_day: day(first + 2) };
    for (person, first) in [(dana, 3), (eli, 3), (dana, 10)] {
        likes::like(&world.by(person), trip(first)).await.unwrap();
    }
    world.account(dana, AccountCommand::Forget).await;
    world.follow_and_die(departures(&world.setup)).await;
    world.follow(departures(&world.setup)).await;
    let liked = async |person| world.commands.state::<TripLikes>(person).await.unwrap().state.liked.clone();
    assert_eq!(liked(dana).await, []);
    assert_eq!(liked(eli).await, [trip(3)]);
    assert_eq!(world.events("TripUnliked").await.len(), 2, "once each");
}

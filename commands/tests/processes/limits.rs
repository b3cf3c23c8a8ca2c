//! How much one person may have sent to others, each limit with its default.

use std::net::IpAddr;

use caravan_commands::identity::sign_up;
use caravan_commands::identity::sign_up::SignUpForm;
use caravan_commands::processes::{departures, messages};
use caravan_commands::trips::crews::NewInvite;
use caravan_commands::trips::{bookings, crews};
use caravan_commands::{Caller, CommandError};
use caravan_domain::identity::details;
use caravan_domain::trips::booking::{AddAccommodation, NewRoom, Price, TripBookingCommand, TripBookings};
use caravan_domain::{EntityId, RejectionKind};

use crate::world::World;

#[track_caller]
fn limited<T>(outcome: Result<T, CommandError>) {
    match outcome {
        Err(CommandError::Limited { retry_after }) => assert!(retry_after.as_secs() <= 24 * 60 * 60),
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("expected a limit"),
    }
}

fn invites(numbers: std::ops::Range<u32>) -> Vec<NewInvite> {
    let invite = |number| NewInvite { phone_number: format!("+1416555{number:04}"), first_name: None, last_name: None };
    numbers.map(invite).collect()
}

async fn outcomes(world: &World, outcome: &str) -> i64 {
    let count = sqlx::query_scalar("select count(*) from outgoing_messages where outcome = $1").bind(outcome);
    count.fetch_one(&world.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_invites_200_people_a_day_and_25_of_them_at_once() {
    let world = World::new().await;
    let dana = world.person("Dana", Some("+14165559999"), None).await;
    let crew = world.crew(dana, &[]).await;
    let invite = async |numbers| crews::invite(&world.by(dana), crew, vec![], invites(numbers)).await;
    limited(invite(0..201).await);
    assert!(world.events("Invited").await.is_empty(), "nobody was made for what was refused");
    invite(0..150).await.unwrap();
    limited(invite(150..201).await);
    invite(0..150).await.unwrap();
    invite(150..200).await.unwrap();
    limited(invite(200..201).await);
    let eli = world.person("Eli", Some("+14165559998"), None).await;
    let other = world.crew(eli, &[]).await;
    crews::invite(&world.by(eli), other, vec![], invites(200..201)).await.unwrap();

    world.follow(messages(&world.setup)).await;
    let seconds: Vec<f64> = sqlx::query_scalar(
        "select extract(epoch from due_at - min(due_at) over ())::float8 from outgoing_messages order by 1 limit 151",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert!(seconds[24] < 5.0, "25 go out as soon as they were asked for");
    for (number, due) in seconds.iter().enumerate().skip(30).take(115) {
        // One a second, give or take how long it took to ask, and the one by Eli.
        assert!((due - (number as f64 - 24.0)).abs() < 5.0, "the {number}th goes out after {due} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_recipient_gets_five_requests_a_day_of_one_sender() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    let eli = world.person("Eli", Some("+14165550122"), None).await;
    let finn = world.person("Finn", None, None).await;
    let crew = world.crew(dana, &[eli, finn]).await;
    let booking = world.booking(crew, dana, &[eli, finn]).await;
    let other = world.crew(dana, &[]).await;
    let remind = async |by| bookings::remind_member(&world.by(by), booking, eli).await;
    for _ in 0..4 {
        remind(dana).await.unwrap();
    }
    // By number or by id, it is the same person.
    world.invite(other, dana, "+14165550122").await;
    limited(remind(dana).await);
    let third = world.crew(dana, &[]).await;
    world.follow(departures(&world.setup)).await;
    limited(crews::invite(&world.by(dana), third, vec![eli], vec![]).await);
    let by_number = vec![NewInvite { phone_number: "+14165550122".into(), first_name: None, last_name: None }];
    limited(crews::invite(&world.by(dana), third, vec![], by_number).await);
    remind(finn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_or_is_repeated_does_not_count() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    let eli = world.person("Eli", Some("+14165550122"), None).await;
    let stranger = world.person("Finn", None, None).await;
    let crew = world.crew(dana, &[eli]).await;
    let booking = world.booking(crew, dana, &[eli]).await;
    for _ in 0..6 {
        let refused = bookings::remind_member(&world.by(stranger), booking, eli).await;
        assert!(refused.err().unwrap().is_rejection(RejectionKind::Forbidden));
    }
    let repeated = world.by(dana).under_key(dana, "key", b"remind").await.unwrap();
    for _ in 0..6 {
        bookings::remind_member(&repeated, booking, eli).await.unwrap();
    }
    bookings::remind_member(&world.by(dana), booking, eli).await.unwrap();
    assert_eq!(world.events("MemberReminded").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_sends_50_reminders_a_day() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    let mut others = vec![];
    for number in 0..11 {
        others.push(world.person("Eli", Some(&format!("+1416555{number:04}")), None).await);
    }
    let crew = world.crew(dana, &others).await;
    let booking = world.booking(crew, dana, &others).await;
    let remind = async |person| bookings::remind_member(&world.by(dana), booking, person).await;
    for person in &others[..10] {
        for _ in 0..5 {
            remind(*person).await.unwrap();
        }
    }
    limited(remind(others[10]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_recipient_gets_20_messages_a_day_and_no_notice_beyond() {
    let world = World::new().await;
    let eli = world.person("Eli", Some("+14165550122"), None).await;
    let mut senders = vec![];
    for _ in 0..5 {
        senders.push(world.person("Dana", None, None).await);
    }
    let everybody: Vec<EntityId> = senders[1..].iter().copied().chain([eli]).collect();
    let crew = world.crew(senders[0], &everybody).await;
    let booking = world.booking(crew, senders[0], &everybody).await;
    for sender in &senders[..4] {
        for _ in 0..5 {
            bookings::remind_member(&world.by(*sender), booking, eli).await.unwrap();
        }
    }
    limited(bookings::remind_member(&world.by(senders[4]), booking, eli).await);
    buy(&world, booking, senders[0], 1).await;
    world.follow(messages(&world.setup)).await;
    world.send_all().await;
    assert_eq!((outcomes(&world, "accepted").await, outcomes(&world, "dropped").await), (20, 1));
    assert_eq!(world.outbox().len(), 20);
}

/// Rooms that one member pays for, which all others are told of.
async fn buy(world: &World, booking: EntityId, purchaser: EntityId, rooms: usize) {
    let price = Price { amount: Some("300".into()), currency: Some("CAD".into()), date: None };
    let room = NewRoom { purchase: Some(price), ..NewRoom::default() };
    let add = AddAccommodation { name: "Inn".into(), rooms: vec![room; rooms], ..AddAccommodation::default() };
    let add = TripBookingCommand::AddAccommodation(add);
    world.by(purchaser).send::<TripBookings>(booking, add).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_booking_causes_50_notices_a_day() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    let mut others = vec![];
    for number in 0..10 {
        others.push(world.person("Eli", Some(&format!("+1416555{number:04}")), None).await);
    }
    let crew = world.crew(dana, &others).await;
    let booking = world.booking(crew, dana, &others).await;
    let second = world.booking(crew, dana, &others[..1]).await;
    // Whoever of them buys: 3 rooms by one, 3 by another.
    buy(&world, booking, dana, 3).await;
    buy(&world, booking, others[0], 3).await;
    buy(&world, second, dana, 1).await;
    world.follow(messages(&world.setup)).await;
    world.send_all().await;
    // Nobody reaches Dana, so Eli's purchases tell nine.
    assert_eq!((outcomes(&world, "accepted").await, outcomes(&world, "dropped").await), (50 + 1, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_begins_20_sign_ups_an_hour() {
    let world = World::new().await;
    let sign_up = async |number: u32, from: &str| {
        let form = SignUpForm {
            username: format!("user{number}"),
            password: "correct horse battery".to_owned(),
            details: details::parse([("phone_number", format!("+1416555{number:04}").as_str())]).unwrap(),
        };
        let address = Some(from.parse::<IpAddr>().unwrap());
        let asking = world.commands.asked_by(Caller { address, ..world.anyone().caller().clone() });
        sign_up::begin(&asking, form).await
    };
    for number in 0..20 {
        sign_up(number, "192.0.2.1").await.unwrap();
    }
    limited(sign_up(20, "192.0.2.1").await);
    sign_up(20, "192.0.2.2").await.unwrap();
}

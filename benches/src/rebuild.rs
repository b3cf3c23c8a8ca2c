//! Rebuilding the trip bookings' read model from a log of a million events.

use std::time::Instant;

use anyhow::{Result, ensure};
use caravan_domain::trips::booking::{
    Accommodation, Availability, Bundle, Details, Guest, Purchase, Room, RoomTerms, Terms, Ticket, TripBookingEvent,
    TripBookings,
};
use caravan_domain::{Decider, EntityId, Money};
use caravan_event_store::{Append, EventStore, Expected, Metadata, PostgresStore, StreamId, codec};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use futures::{StreamExt, TryStreamExt};
use iso_currency::Currency;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::limit::Copy;
use crate::report::{Pair, Row};
use crate::server::Program;

/// Streams, each a booking as people make them.
const BOOKINGS: u32 = 40_000;

/// Events of each.
const EVENTS: u32 = 25;

/// Appends under way at once while the log is made.
const APPENDS: usize = 128;

pub async fn measure(cluster: &Cluster, rounds: u32) -> Result<Row> {
    let program = Program::fresh(cluster, "bench_rebuild").await?;
    program.run(&["migrate"]).await?;
    let pool = PgPoolOptions::new().max_connections(4).connect(program.database_url()).await?;
    fill(&pool).await?;
    // As in a running system whose followers have taken everything in: what is measured is folding it anew.
    sqlx::query(
        "insert into checkpoints (name, position) select 'postgres', max(position) from events
         on conflict (name) do update set position = excluded.position",
    )
    .execute(&pool)
    .await?;
    rebuild(&program, &pool).await?;
    let copy = Copy::of(&pool, program.database_url(), &table(&pool).await?).await?;
    let mut pairs = vec![];
    for round in 1..=rounds {
        let limit = copy.rows_a_second().await?;
        let ours = rebuild(&program, &pool).await?;
        eprintln!("rebuild: round {round} of {rounds}: {ours:.0} events/s, COPY {limit:.0} rows/s");
        pairs.push(Pair { ours, limit });
    }
    Ok(Row::rate("rebuild of trip bookings over 1,000,000 events, events/s of COPY's rows/s", "s", &pairs, 0.5))
}

/// Runs `caravan rebuild trip_booking`, start of the process included; events a second.
async fn rebuild(program: &Program, pool: &PgPool) -> Result<f64> {
    let started = Instant::now();
    program.run(&["rebuild", "trip_booking"]).await?;
    let elapsed = started.elapsed();
    let (documents, revision): (i64, i64) =
        sqlx::query_as("select count(*), min(revision) from doc_trip_booking").fetch_one(pool).await?;
    ensure!(documents == i64::from(BOOKINGS) && revision == i64::from(EVENTS) - 1, "the rebuilt model is not whole");
    Ok(f64::from(BOOKINGS * EVENTS) / elapsed.as_secs_f64())
}

/// The table behind the view of trip bookings.
async fn table(pool: &PgPool) -> Result<String> {
    let version: i32 =
        sqlx::query_scalar("select version from read_model where name = 'trip_booking'").fetch_one(pool).await?;
    Ok(format!("doc_trip_booking_v{version}"))
}

async fn fill(pool: &PgPool) -> Result<()> {
    let store = PostgresStore::new(pool.clone());
    let started = Instant::now();
    futures::stream::iter(0..BOOKINGS)
        .map(|index| append(&store, index))
        .buffer_unordered(APPENDS)
        .try_for_each(async |index| {
            if index % 10_000 == 0 {
                eprintln!("rebuild: making the log: {} of {} events", index * EVENTS, BOOKINGS * EVENTS);
            }
            Ok(())
        })
        .await?;
    eprintln!("rebuild: the log was made in {:.0} s", started.elapsed().as_secs_f64());
    sqlx::query(AssertSqlSafe("vacuum analyze events")).execute(pool).await?;
    Ok(())
}

async fn append(store: &PostgresStore, index: u32) -> Result<u32> {
    let stream = StreamId::new(TripBookings::CATEGORY, id(index));
    let command_id = Uuid::new_v4();
    let metadata = Metadata {
        command_id,
        correlation_id: command_id,
        causation_id: None,
        actor: Some(id(index + 1)),
        dialect: "krugo".to_owned(),
    };
    let events = codec::encode::<TripBookings>(&booking(index), &stream, &metadata)?;
    store.append(Append { stream, expected: Expected::NoStream, events }).await?;
    Ok(index)
}

fn id(number: u32) -> EntityId {
    EntityId::from_parts(u64::from(number), *Uuid::new_v4().as_bytes().first_chunk().unwrap_or(&[0; 10]))
}

/// The life of one booking: four friends, two events, two bundles of tickets, a flat with two rooms.
fn booking(index: u32) -> Vec<TripBookingEvent> {
    use TripBookingEvent as E;
    let [leader, second, third, fourth] = [1, 2, 3, 4].map(|friend| id(index * 4 + friend));
    let [concert, game] = [1, 2].map(|event| id(index % 900 + event));
    let start_date = NaiveDate::from_ymd_opt(2031, 1, 1).unwrap_or_default() + TimeDelta::days(i64::from(index % 700));
    let end_date = start_date + TimeDelta::days(3);
    let terms = Terms { start_date: None, end_date: None, availability: Availability::Undecided };
    let going = Terms { availability: Availability::Going, ..terms };
    let joined = |person| E::MemberAdded { person, leader: false, terms };
    let assigned = |bundle, ticket, consumer| E::TicketAssigned { bundle, ticket, consumer };
    vec![
        E::BookingCreated {
            crew: id(index / 3),
            city: id(index % 500),
            time_zone: Tz::Europe__Berlin,
            start_date,
            end_date,
            creator: leader,
            leaders: vec![leader],
        },
        joined(second),
        joined(third),
        joined(fourth),
        E::MemberChanged { person: second, terms: going },
        E::MemberChanged { person: third, terms: going },
        E::EventAdded { event: concert, attendees: vec![leader, second] },
        E::EventAdded { event: game, attendees: vec![] },
        E::AttendeesChanged { event: concert, attendees: vec![leader, second, third, fourth] },
        E::BundleAdded { bundle: bundle(1, concert, leader, 36_000) },
        assigned(1, 3, leader),
        assigned(1, 4, second),
        assigned(1, 5, third),
        assigned(1, 6, fourth),
        E::BundleAdded { bundle: bundle(7, game, second, 18_500) },
        assigned(7, 9, second),
        assigned(7, 10, third),
        E::AccommodationAdded { accommodation: flat(13, leader, [leader, second], [third, fourth]) },
        E::MemberChanged { person: fourth, terms: going },
        E::GuestChanged { room: 14, guest: guest(16, leader, Some(0.6)) },
        E::GuestChanged { room: 14, guest: guest(17, second, Some(0.4)) },
        assigned(7, 11, fourth),
        assigned(7, 12, leader),
        E::LeadersChanged { leaders: vec![leader, second] },
        E::BookingDatesChanged { start_date, end_date: end_date + TimeDelta::days(1) },
    ]
}

/// A bundle of four tickets; its purchase and tickets have the numbers after its own.
fn bundle(number: u32, event: EntityId, purchaser: EntityId, minor: i64) -> Bundle {
    Bundle {
        number,
        event,
        purchaser,
        purchase: Some(purchase(number + 1, minor)),
        tickets: (number + 2..number + 6).map(|number| Ticket { number, event, purchaser, consumer: None }).collect(),
        general_admission: true,
        special_seating: false,
        bought_here: false,
    }
}

fn purchase(number: u32, minor: i64) -> Purchase {
    Purchase { number, amount: Money { minor, currency: Currency::EUR }, date: 1_900_000_000 }
}

/// An accommodation of two rooms with two guests each; all have the numbers after its own.
fn flat(number: u32, purchaser: EntityId, first: [EntityId; 2], second: [EntityId; 2]) -> Accommodation {
    let room = |number: u32, guests: [EntityId; 2]| Room {
        number,
        terms: RoomTerms {
            check_in_date: None,
            check_out_date: None,
            room_type: Some(2),
            purchaser,
            purchase: Some(purchase(number + 1, 24_000)),
        },
        guests: (number + 2..).zip(guests).map(|(number, person)| guest(number, person, None)).collect(),
    };
    Accommodation {
        number,
        details: Details {
            name: "Flat by the river".to_owned(),
            city_name: Some("Berlin".to_owned()),
            hotel_type: Some(1),
            ..Details::default()
        },
        rooms: vec![room(number + 1, first), room(number + 5, second)],
    }
}

fn guest(number: u32, person: EntityId, proportion: Option<f64>) -> Guest {
    Guest { number, person, proportion, check_in_date: None, check_out_date: None }
}

//! Tallies: what is counted, how it fades, pages that hold still while people like, and that the log says the same.

use std::collections::{BTreeMap, BTreeSet};

use caravan_domain::EntityId;
use caravan_domain::catalogue::city::CITY;
use caravan_domain::catalogue::discover::TripWindow;
use caravan_domain::catalogue::picture::Motif;
use caravan_domain::kinds::KINDS;
use caravan_event_store::StreamId;
use caravan_event_store::following::{follow, parked};
use caravan_projections::{
    AsOf, DOCUMENTS, Discrepancy, RankedTrip, SearchTarget, TALLIES, rebuild_tallies, tallies_follower,
};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::{SOON, World, world};

/// An id of any kind: the first byte of its tail says which.
fn id(kind: u8, number: u64) -> EntityId {
    EntityId::from_parts(number, [kind; 10])
}

fn event(number: u64) -> EntityId {
    id(1, number)
}

fn region(number: u64) -> EntityId {
    id(2, number)
}

fn city(number: u64) -> EntityId {
    id(3, number)
}

fn performer(number: u64) -> EntityId {
    id(4, number)
}

fn person(number: u64) -> EntityId {
    id(5, number)
}

/// A weekend in that region.
fn trip(number: u64) -> TripWindow {
    let first_day = NaiveDate::from_ymd_opt(2031, 5, 2).unwrap();
    TripWindow { region: region(number), first_day, last_day: first_day + Days::new(2) }
}

async fn counting(world: &World) {
    tokio::spawn(follow(world.store.clone(), world.checkpoints.clone(), tallies_follower(), world.stop.clone()));
}

/// An event on the Saturday of the region's trip, in the city and by the performer of the region's number.
async fn list(world: &World, number: u64, of_region: u64, category: &str) {
    let listed = json!({
        "source": "test", "external_id": number.to_string(), "name": "A night", "starts_at": "2031-05-03T18:00:00.000Z",
        "zone": "Europe/Berlin", "region": region(of_region), "city": city(of_region),
        "performers": [performer(of_region)], "category": category, "event_type": "concerts",
    });
    world.append(&StreamId::new("event", event(number)), vec![("Listed", listed)]).await;
}

async fn change_likes(world: &World, by: u64, what: &str, trips: &[TripWindow]) {
    let data = |trip: &TripWindow| serde_json::to_value(trip).unwrap();
    let events = trips.iter().map(|trip| (what, data(trip))).collect();
    world.append(&StreamId::new("trip_likes", person(by)), events).await;
}

async fn as_of_now(world: &World) -> AsOf {
    world.caught_up(TALLIES).await;
    AsOf { position: world.models.tallied().await.unwrap(), time: Utc::now() }
}

async fn likes_of(world: &World, number: u64) -> i64 {
    world.caught_up(TALLIES).await;
    world.models.liked_trips(&[trip(number)], Utc::now()).await.unwrap()[0].likes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liked_trip_has_the_events_of_its_region_and_days_as_they_are_now() {
    let world = world(KINDS, SearchTarget::Postgres).await;
    counting(&world).await;
    list(&world, 1, 1, "Concerts/Rock").await;
    list(&world, 2, 1, "Concerts/Rock").await;
    list(&world, 3, 2, "Concerts/Rock").await;
    change_likes(&world, 1, "TripLiked", &[trip(1), trip(3)]).await;
    let top = async || {
        let now = as_of_now(&world).await;
        world.models.top_liked(now, None, 10).await.unwrap()
    };
    assert_eq!(top().await, [RankedTrip { trip: trip(1), likes: 1 }], "nothing takes place in the third region");
    let found = world.models.liked_trips(&[trip(3), trip(1)], Utc::now()).await.unwrap();
    assert_eq!((found[0].trip, found[0].likes, found[0].event_count), (trip(3), 1, 0));
    assert_eq!((found[1].event_count, found[1].events.clone()), (2, vec![event(1), event(2)]));
    assert!(found[1].last_like_at.is_some_and(|at| (Utc::now() - at).num_seconds() < 60));

    let later = json!({"starts_at": "2031-05-09T18:00:00.000Z", "zone": "Europe/Berlin"});
    world.append(&StreamId::new("event", event(1)), vec![("Rescheduled", later)]).await;
    world.append(&StreamId::new("event", event(2)), vec![("Cancelled", json!({}))]).await;
    assert_eq!(top().await, []);
    world.append(&StreamId::new("event", event(2)), vec![("Reinstated", json!({}))]).await;
    let moved = json!({"region": region(3), "city": city(3)});
    world.append(&StreamId::new("event", event(2)), vec![("Moved", moved)]).await;
    assert_eq!(top().await, [RankedTrip { trip: trip(3), likes: 1 }]);
    let begun = "2031-05-03T18:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let as_of = AsOf { time: begun, ..as_of_now(&world).await };
    assert_eq!(world.models.top_liked(as_of, None, 10).await.unwrap(), [], "it has begun");
    change_likes(&world, 1, "TripUnliked", &[trip(3)]).await;
    assert_eq!(top().await, []);
    assert_eq!(likes_of(&world, 3).await, 0);
}

/// What people do between two pages.
fn doings() -> impl Strategy<Value = Vec<(u64, u64)>> {
    vec((0..7u64, 0..16u64), 0..12)
}

fn some<S: Strategy>(runner: &mut TestRunner, strategy: &S) -> S::Value {
    strategy.new_tree(runner).expect("there is one").current()
}

/// Who likes what.
#[derive(Default)]
struct Liked(BTreeSet<(u64, u64)>);

impl Liked {
    /// Each likes what they do not like yet, and no longer what they do.
    async fn go_on(&mut self, world: &World, doings: Vec<(u64, u64)>) {
        for (by, number) in doings {
            let what = if self.0.insert((by, number)) { "TripLiked" } else { "TripUnliked" };
            if what == "TripUnliked" {
                self.0.remove(&(by, number));
            }
            change_likes(world, by, what, &[trip(number)]).await;
        }
    }

    /// Nothing takes place in region 15.
    fn ranked(&self) -> Vec<RankedTrip> {
        let mut likes: BTreeMap<u64, i64> = BTreeMap::new();
        for (_, number) in self.0.iter().filter(|(_, number)| *number != 15) {
            *likes.entry(*number).or_default() += 1;
        }
        let mut ranked: Vec<_> =
            likes.into_iter().map(|(number, likes)| RankedTrip { trip: trip(number), likes }).collect();
        ranked.sort_by_key(|ranked| (-ranked.likes, ranked.trip.region));
        ranked
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_repeat_nothing_and_lose_nothing_while_people_like() {
    let world = world(KINDS, SearchTarget::Postgres).await;
    counting(&world).await;
    for number in 0..15 {
        list(&world, number, number, "Concerts").await;
    }
    let mut runner = TestRunner::deterministic();
    let mut liked = Liked::default();
    let mut moved = 0;
    for _ in 0..40 {
        liked.go_on(&world, some(&mut runner, &doings())).await;
        let as_of = as_of_now(&world).await;
        let expected = liked.ranked();
        let size = some(&mut runner, &(1..5usize));
        let mut shown: Vec<RankedTrip> = vec![];
        loop {
            let page = world.models.top_liked(as_of, shown.last().copied(), size).await.unwrap();
            let ends = page.len() < size;
            shown.extend(page);
            liked.go_on(&world, some(&mut runner, &doings())).await;
            // Sometimes what was liked is counted by the next page, sometimes not yet.
            if some(&mut runner, &any::<bool>()) {
                world.caught_up(TALLIES).await;
            }
            if ends {
                break;
            }
        }
        assert_eq!(shown, expected);
        moved += usize::from(liked.ranked() != expected);
    }
    assert!(moved > 20, "only {moved} times was anything liked between pages");
}

async fn found_city(world: &World, number: u64, country: &str) {
    let record = json!({"name": format!("City {number}"), "country": country, "region": region(number),
        "place": {"lat": 52.5, "lon": 13.4}, "time_zone": "Europe/Berlin", "population": 1_000});
    let stream = StreamId::new(CITY.kind.name, city(number));
    world.append(&stream, vec![("Created", json!({"fields": record}))]).await;
}

/// A trip idea in the city, with the event named twice.
fn suggested(of_city: u64, of_event: u64) -> Vec<(&'static str, Value)> {
    let idea = json!({"crew": id(6, 1), "city": city(of_city), "start_date": "2031-05-02", "end_date": "2031-05-04",
        "events": [event(of_event), event(of_event)], "suggestor": person(1), "liked": []});
    vec![("TripIdeaSuggested", idea)]
}

/// A trip booking in the city, with the event.
fn booked(of_city: u64, of_event: u64) -> Vec<(&'static str, Value)> {
    let booking = json!({"crew": id(6, 1), "city": city(of_city), "time_zone": "Europe/Berlin",
        "start_date": "2031-05-02", "end_date": "2031-05-04", "creator": person(1), "leaders": [person(1)]});
    let added = json!({"event": event(of_event), "attendees": []});
    vec![("BookingCreated", booking), ("EventAdded", added)]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ideas_bookings_and_likes_name_trends_and_fades() {
    let world = world(KINDS, SearchTarget::Postgres).await;
    world.follow();
    counting(&world).await;
    for (number, country) in [(1, "DE"), (2, "NL"), (3, "DE")] {
        found_city(&world, number, country).await;
    }
    list(&world, 1, 1, "Concerts/Rock").await;
    list(&world, 2, 2, "Sports/Football").await;
    list(&world, 3, 3, "Theater").await;
    world.append(&StreamId::new("trip_idea", id(7, 1)), suggested(1, 1)).await;
    world.append(&StreamId::new("trip_booking", id(8, 1)), booked(1, 2)).await;
    change_likes(&world, 1, "TripLiked", &[trip(2)]).await;
    // Taken back, it counts no less; and what is past counts for nothing.
    change_likes(&world, 1, "TripUnliked", &[trip(2)]).await;
    world.append(&StreamId::new("event", event(3)), vec![("Cancelled", json!({}))]).await;
    change_likes(&world, 1, "TripLiked", &[trip(3)]).await;
    world.caught_up(TALLIES).await;
    world.caught_up("postgres").await;

    let cities = async |countries: Option<&[String]>, days: i64| {
        let now = Utc::now() + TimeDelta::days(days);
        let found = world.models.trending_cities(countries, 10, now).await.unwrap();
        let hundredths = |count: f64| (count * 100.0).round() as i64;
        found.iter().map(|trending| (trending.city.id, hundredths(trending.count))).collect::<Vec<_>>()
    };
    assert_eq!(cities(None, 0).await, [(city(1), 200), (city(2), 100)], "idea and booking; like");
    assert_eq!(cities(None, 14).await, [(city(1), 100)], "a half has faded");
    assert_eq!(cities(None, 42).await, []);
    assert_eq!(cities(Some(&["NL".to_owned(), "FR".to_owned()]), 0).await, [(city(2), 100)]);

    let performers = async |categories: Option<&[&str]>| {
        let categories: Option<Vec<String>> =
            categories.map(|categories| categories.iter().map(|category| (*category).to_owned()).collect());
        let found = world.models.trending_performers(categories.as_deref(), 10, Utc::now()).await.unwrap();
        found.iter().map(|trending| (trending.performer, trending.count.round() as i64, trending.event_count)).collect()
    };
    let all: Vec<(EntityId, i64, i64)> = performers(None).await;
    assert_eq!(all, [(performer(2), 2, 1), (performer(1), 1, 1)], "booking and like; idea");
    let of = async |category: &str| -> Vec<EntityId> {
        performers(Some(&[category])).await.into_iter().map(|(id, _, _): (EntityId, i64, i64)| id).collect()
    };
    assert_eq!(of("Sports").await, [performer(2)]);
    assert_eq!(of("Sports/Football").await, [performer(2)]);
    assert_eq!(of("Sports/Foot").await, []);
    assert_eq!(of("concerts").await, [performer(2), performer(1)], "the sort of both");
}

/// A picture of the first city, as it is stored.
async fn add_picture(world: &World, number: u64) -> EntityId {
    let picture = id(6, number);
    let fields =
        json!({"thing": city(1), "name": number.to_string(), "md5": format!("{number:032x}"), "file": picture});
    world.append(&StreamId::new("picture", picture), vec![("Created", json!({"fields": fields}))]).await;
    picture
}

async fn vote(world: &World, by: u64, votes: &[(&str, u64, &str)]) {
    let data = |number: &u64, vote: &str| json!({"picture": id(6, *number), "vote": vote});
    let events = votes.iter().map(|(what, number, vote)| (*what, data(number, vote))).collect();
    world.append(&StreamId::new("picture_votes", person(by)), events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_rank_by_votes_and_then_by_age() {
    let world = world(KINDS, SearchTarget::Postgres).await;
    counting(&world).await;
    world.follow();
    for number in 1..=4 {
        add_picture(&world, number).await;
    }
    let motif = Motif::Thing(city(1));
    let ranked = async |count: usize| -> Vec<(String, i64)> {
        world.caught_up(TALLIES).await;
        world.caught_up(DOCUMENTS).await;
        let pictures = world.models.pictures(&motif, count).await.unwrap();
        pictures.into_iter().map(|found| (found.picture.name, found.rank)).collect()
    };
    let named =
        |ranks: &[(&str, i64)]| ranks.iter().map(|(name, rank)| ((*name).to_owned(), *rank)).collect::<Vec<_>>();
    assert_eq!(ranked(10).await, named(&[("1", 0), ("2", 0), ("3", 0), ("4", 0)]));
    vote(&world, 1, &[("VoteCast", 3, "up"), ("VoteCast", 1, "down"), ("VoteCast", 4, "up")]).await;
    vote(&world, 2, &[("VoteCast", 4, "up"), ("VoteCast", 3, "up")]).await;
    assert_eq!(ranked(10).await, named(&[("3", 2), ("4", 2), ("2", 0), ("1", -1)]));
    vote(&world, 2, &[("VoteTakenBack", 3, "up"), ("VoteCast", 3, "down")]).await;
    assert_eq!(ranked(2).await, named(&[("4", 2), ("2", 0)]));
    let first = world.models.first_pictures(&[city(1), city(2)]).await.unwrap();
    assert_eq!(first.into_iter().collect::<Vec<_>>(), [(city(1), id(6, 4))]);
    let deleted = json!({"at": "2031-05-01T00:00:00Z"});
    world.append(&StreamId::new("picture", id(6, 4)), vec![("Deleted", deleted)]).await;
    assert_eq!(ranked(10).await, named(&[("2", 0), ("3", 0), ("1", -1)]));
    assert_eq!(world.models.pictures(&Motif::BuiltIn("1".to_owned()), 10).await.unwrap(), []);
    assert_eq!(world.verified().await.differences, []);
    world.sql("update tally_picture set rank = 7").await;
    assert_eq!(world.verified().await.differences.len(), 3);
    rebuild_tallies(&world.pool, &world.store, &|_| {}).await.unwrap();
    assert_eq!(world.verified().await.differences, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_counts_once_a_day_whatever_they_do() {
    let world = world(KINDS, SearchTarget::Postgres).await;
    world.follow();
    counting(&world).await;
    found_city(&world, 1, "DE").await;
    list(&world, 1, 1, "Concerts/Rock").await;
    let mut numbers = 1..;
    let mut everything = async |by: u64| {
        for _ in 0..3 {
            let (idea, booking) = (id(7, numbers.next().unwrap()), id(8, numbers.next().unwrap()));
            world.append_by(person(by), &StreamId::new("trip_idea", idea), suggested(1, 1)).await;
            world.append_by(person(by), &StreamId::new("trip_booking", booking), booked(1, 1)).await;
            change_likes(&world, by, "TripLiked", &[trip(1)]).await;
            change_likes(&world, by, "TripUnliked", &[trip(1)]).await;
            // Some of it in one batch of the follower, some not.
            world.caught_up(TALLIES).await;
        }
    };
    let counts = async || {
        world.caught_up(TALLIES).await;
        world.caught_up("postgres").await;
        let cities = world.models.trending_cities(None, 10, Utc::now()).await.unwrap();
        let performers = world.models.trending_performers(None, 10, Utc::now()).await.unwrap();
        assert_eq!((cities.len(), performers.len()), (1, 1));
        (cities[0].count.round() as i64, performers[0].count.round() as i64)
    };
    everything(1).await;
    assert_eq!(counts().await, (1, 1));
    everything(2).await;
    assert_eq!(counts().await, (2, 2));
    assert_eq!(world.verified().await.differences, []);
    rebuild_tallies(&world.pool, &world.store, &|_| {}).await.unwrap();
    assert_eq!(counts().await, (2, 2));

    // The next day they count again, and the days before are forgotten.
    world.sql("update tally_naming set day = day - 1").await;
    everything(1).await;
    assert_eq!(counts().await, (3, 3));
    world.sql("update tally_naming set day = day - 2").await;
    everything(2).await;
    assert_eq!(counts().await, (4, 4));
    let days: i64 =
        sqlx::query_scalar("select count(distinct day) from tally_naming").fetch_one(&world.pool).await.unwrap();
    assert_eq!(days, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_trip_of_a_year_no_more_is_looked_at_than_is_counted() {
    let world = world(KINDS, SearchTarget::Postgres).await;
    counting(&world).await;
    for number in 1..=520 {
        list(&world, number, 9, "Concerts").await;
    }
    world.caught_up(TALLIES).await;
    let last_day = trip(9).last_day;
    let year = TripWindow { first_day: last_day - Days::new(364), last_day, ..trip(9) };
    let found = world.models.liked_trips(&[year], Utc::now()).await.unwrap();
    assert_eq!((found[0].event_count, found[0].events.len()), (500, 50));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_like_before_a_time_is_told_of_the_last_day() {
    let world = world(KINDS, SearchTarget::Postgres).await;
    counting(&world).await;
    change_likes(&world, 1, "TripLiked", &[trip(1), trip(2)]).await;
    let last = world.store.head().await.unwrap();
    world.caught_up(TALLIES).await;
    let before = async |hours: i64| world.models.last_liked(Utc::now() - TimeDelta::hours(hours)).await.unwrap();
    assert_eq!((before(-1).await, before(1).await), (last, 0));
    world.sql("update tally_trip_change set at = at - interval '2 hours'").await;
    assert_eq!((before(1).await, before(3).await), (last, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_the_same_and_a_rebuild_puts_right_what_differs() {
    let world = world(KINDS, SearchTarget::Postgres).await;
    counting(&world).await;
    let mut runner = TestRunner::deterministic();
    let mut liked = Liked::default();
    for number in 0..15 {
        list(&world, number, number, "Concerts").await;
        liked.go_on(&world, some(&mut runner, &doings())).await;
    }
    // Its stream stops there; all others go on.
    let stuck = StreamId::new("trip_likes", person(99));
    world.append(&stuck, vec![("TripLiked", json!({"region": 7}))]).await;
    change_likes(&world, 99, "TripLiked", &[trip(1)]).await;
    liked.go_on(&world, some(&mut runner, &doings())).await;
    let as_of = as_of_now(&world).await;
    let ranking = async || world.models.top_liked(as_of, None, 100).await.unwrap();
    assert_eq!(ranking().await, liked.ranked());
    let verified = world.verified().await;
    assert_eq!(verified.differences, []);
    assert!(verified.tallies > 60, "{} rows", verified.tallies);

    world
        .sql("update tally_trip set likes = likes + 7 where region = (select min(region::text)::uuid from tally_trip)")
        .await;
    world.sql("delete from tally_trend where id = (select max(id::text)::uuid from tally_trend)").await;
    world
        .sql("update tally_event set day = day + 1 where event = (select min(event::text)::uuid from tally_event)")
        .await;
    let verified = world.verified().await;
    let what: Vec<(&str, &Discrepancy)> =
        verified.differences.iter().map(|difference| (difference.read_model.as_str(), &difference.what)).collect();
    let fields = |name: &str| Discrepancy::Fields(vec![name.to_owned()]);
    assert_eq!(
        what,
        [
            (TALLIES, &fields("tally_event.day")),
            (TALLIES, &fields("tally_trip.likes")),
            (TALLIES, &Discrepancy::Missing)
        ]
    );
    rebuild_tallies(&world.pool, &world.store, &|_| {}).await.unwrap();
    assert_eq!(world.verified().await.differences, []);
    assert_eq!(ranking().await, liked.ranked());
    // As often as one likes, while people like and the follower counts.
    for _ in 0..10 {
        let doings = some(&mut runner, &vec((0..7u64, 0..16u64), 30));
        let rebuilding = rebuild_tallies(&world.pool, &world.store, &|_| {});
        let (rebuilt, ()) = tokio::join!(rebuilding, liked.go_on(&world, doings));
        rebuilt.unwrap();
    }
    world.caught_up(TALLIES).await;
    assert_eq!(world.verified().await.differences, []);
    // The follower goes on from there.
    change_likes(&world, 50, "TripLiked", &[trip(3)]).await;
    let before = liked.ranked().iter().find(|ranked| ranked.trip == trip(3)).map_or(0, |ranked| ranked.likes);
    assert_eq!(likes_of(&world, 3).await, before + 1);
    let waiting: Vec<(String, Value)> =
        sqlx::query_as("select category, to_jsonb(stream_id) from parked_streams where follower = 'tallies'")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(waiting, [("trip_likes".to_owned(), json!(person(99)))]);
    // An operator has it left out for good: what came after it counts from now on.
    let before = likes_of(&world, 1).await;
    assert!(parked::skip(&world.pool, TALLIES, &stuck).await.unwrap());
    let resumed = async || {
        while likes_of(&world, 1).await == before {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, resumed()).await.unwrap();
    assert_eq!(likes_of(&world, 1).await, before + 1);
    assert_eq!(world.verified().await.differences, []);
}

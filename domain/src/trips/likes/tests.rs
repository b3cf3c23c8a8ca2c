use chrono::{DateTime, Days, NaiveDate, Utc};

use super::*;
use crate::EntityId;
use crate::decider::testing::given;

fn person() -> EntityId {
    EntityId::from_parts(1, [1; 10])
}

fn now() -> DateTime<Utc> {
    "2030-05-01T12:00:00Z".parse().unwrap()
}

/// A weekend so many days after the first of May 2030.
fn trip(days: u64) -> TripWindow {
    let first_day = NaiveDate::from_ymd_opt(2030, 5, 1).unwrap() + Days::new(days);
    TripWindow { region: EntityId::from_parts(7, [7; 10]), first_day, last_day: first_day + Days::new(2) }
}

fn liked(trips: impl IntoIterator<Item = u64>) -> Vec<TripLikesEvent> {
    trips.into_iter().map(|days| TripLikesEvent::TripLiked(trip(days))).collect()
}

fn like(days: u64) -> TripLikesCommand {
    TripLikesCommand::Like { trip: trip(days) }
}

fn unlike(days: u64) -> TripLikesCommand {
    TripLikesCommand::Unlike { trip: trip(days) }
}

#[test]
fn a_trip_is_liked_once() {
    given::<TripLikes>([]).at(now()).by(person()).when(like(3)).then(liked([3]));
    given::<TripLikes>(liked([3])).at(now()).by(person()).when(like(3)).then([]);
    given::<TripLikes>(liked([3])).at(now()).by(person()).when(like(4)).then(liked([4]));
}

#[test]
fn a_like_is_taken_back_once_and_may_come_again() {
    let unliked = TripLikesEvent::TripUnliked(trip(3));
    given::<TripLikes>(liked([3, 4])).at(now()).by(person()).when(unlike(3)).then([unliked.clone()]);
    given::<TripLikes>(liked([4])).at(now()).by(person()).when(unlike(3)).then([]);
    let events = [liked([3]), vec![unliked]].concat();
    given::<TripLikes>(events).at(now()).by(person()).when(like(3)).then(liked([3]));
}

#[test]
fn only_trips_that_there_can_be_are_liked() {
    let rejection = given::<TripLikes>([]).at(now()).by(person()).when(like(3_650)).then_err("trip-too-far");
    assert_eq!(rejection.field(), Some("trip"));
}

#[test]
fn a_list_of_likes_has_an_end() {
    let full = || liked(0..MOST_LIKED as u64);
    given::<TripLikes>(full()).at(now()).by(person()).when(like(2_000)).then_err("too-many-liked-trips");
    given::<TripLikes>(full()).at(now()).by(person()).when(like(3)).then([]);
}

#[test]
fn the_system_alone_takes_all_back() {
    let all = [3, 4].map(|days| TripLikesEvent::TripUnliked(trip(days)));
    given::<TripLikes>(liked([3, 4])).at(now()).when(TripLikesCommand::TakeAllBack).then(all);
    given::<TripLikes>(liked([3])).at(now()).by(person()).when(TripLikesCommand::TakeAllBack).then_err("only-system");
    given::<TripLikes>([]).at(now()).when(like(3)).then_err("needs-person");
}

#[test]
fn likes_are_kept_in_their_order() {
    let events = [liked([5, 3, 4]), vec![TripLikesEvent::TripUnliked(trip(3))]].concat();
    let state = crate::decider::fold::<TripLikes>(&events);
    assert_eq!(state.liked, [trip(5), trip(4)]);
}

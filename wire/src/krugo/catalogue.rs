//! Shapes of events and of trips found. The contract's names stand above each function.
//!
//! The `vivid` ids, ranks and search counts belong to an outside ticket market; an event that does not come from there
//! has none.

use caravan_domain::EntityId;
use caravan_domain::catalogue::city::City;
use caravan_domain::catalogue::discover::{Candidate, TripWindow};
use caravan_domain::catalogue::event::PublishedEvent;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::ids::TripId;
use super::trips::number;
use crate::shape::set;

/// `Event`
pub fn event(id: EntityId, published: &PublishedEvent) -> Value {
    let details = &published.details;
    let mut shape = json!({
        "id": id,
        "eventName": details.name,
        "eventDate": details.schedule.starts_at.timestamp(),
        "eventDateString": details.schedule.local_start().format("%Y-%m-%dT%H:%M:%S").to_string(),
        "eventDay": published.day,
        "timezone": details.schedule.zone,
        "eventTypeId": details.category.event_type.name(),
    });
    let location = &details.location;
    set(&mut shape, "cityId", location.city);
    set(&mut shape, "regionId", location.region);
    set(&mut shape, "venueId", location.venue);
    if let Some((main, others)) = details.performers.split_first() {
        set(&mut shape, "performerId", Some(main));
        set(&mut shape, "masterPerformer", Some(true));
        set(&mut shape, "secondaryPerformerIds", Some(others));
    }
    let offers = &details.offers;
    set(&mut shape, "url", offers.url.as_ref());
    set(&mut shape, "minPrice", offers.prices.map(|prices| number(prices.lowest)));
    set(&mut shape, "maxPrice", offers.prices.map(|prices| number(prices.highest)));
    set(&mut shape, "listingCount", offers.offer_count);
    set(&mut shape, "ticketCount", offers.ticket_count);
    set(&mut shape, "ageRestriction", offers.minimum_age);
    shape
}

/// `updatedTicketsResponse`: of a number that is not known there are 0.
pub fn updated_tickets(published: &PublishedEvent) -> Value {
    let offers = &published.details.offers;
    let mut shape =
        json!({"ticketCount": offers.ticket_count.unwrap_or(0), "listingCount": offers.offer_count.unwrap_or(0)});
    set(&mut shape, "minPrice", offers.prices.map(|prices| number(prices.lowest)));
    set(&mut shape, "maxPrice", offers.prices.map(|prices| number(prices.highest)));
    shape
}

/// What clients are told of a city, its id apart.
pub fn city(city: &City) -> Value {
    json!({
        "city": city.name,
        "countryCode": city.country,
        "regionId": city.region,
        "lat": city.place.lat,
        "lng": city.place.lon,
        "timezone": city.time_zone,
    })
}

/// `Trip`: `flexible` days at either end.
pub fn trip(trip: TripWindow, events: &[Candidate], flexible: u32, zone: Tz) -> Value {
    let events: Vec<Value> = events.iter().map(|candidate| event(candidate.id, &candidate.published)).collect();
    let mut shape = window(trip, trip.flexible(flexible), zone);
    shape["eventCount"] = json!(events.len());
    shape["events"] = Value::Array(events);
    shape
}

/// `buildTripResponse`: nothing in it yet, nor flexible.
pub fn empty_trip(trip: TripWindow, zone: Tz) -> Value {
    let mut shape = window(trip, (trip.first_day, trip.last_day), zone);
    set(&mut shape, "events", Some(json!([])));
    shape
}

fn window(trip: TripWindow, flexible: (NaiveDate, NaiveDate), zone: Tz) -> Value {
    json!({
        "tripId": TripId(trip),
        "regionId": trip.region,
        "timezone": zone,
        "tripStartDate": trip.first_day,
        "tripEndDate": trip.last_day,
        "flexibleStartDate": flexible.0,
        "flexibleEndDate": flexible.1,
    })
}

/// `PerformerEventCount`
pub fn performer_event_count(performer: EntityId, count: usize, next: Option<DateTime<Utc>>) -> Value {
    let mut shape = json!({"id": performer, "eventCount": count});
    set(&mut shape, "nextEventDate", next.map(|next| next.timestamp()));
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> PublishedEvent {
        serde_json::from_value(json!({
            "source": "s", "external_id": "1", "name": "Desert Sound Live", "starts_at": "2019-06-16T03:00:00.000Z",
            "zone": "America/Los_Angeles", "day": "2019-06-15", "performers": [id(8), id(9)], "region": id(17),
            "category": "Concerts", "event_type": "concerts",
            "prices": {"lowest": {"minor": 4500, "currency": "USD"}, "highest": {"minor": 32050, "currency": "USD"}},
            "minimum_age": 18,
        }))
        .unwrap()
    }

    fn id(number: u64) -> EntityId {
        EntityId::from_parts(number, [1; 10])
    }

    #[test]
    fn an_event_is_told_by_the_local_clock_and_in_major_units() {
        let expected = json!({
            "id": id(501), "eventName": "Desert Sound Live", "eventDate": 1_560_654_000,
            "eventDateString": "2019-06-15T20:00:00", "eventDay": "2019-06-15", "timezone": "America/Los_Angeles",
            "eventTypeId": "concerts", "regionId": id(17), "performerId": id(8), "masterPerformer": true,
            "secondaryPerformerIds": [id(9)], "minPrice": 45, "maxPrice": 320.5, "ageRestriction": 18,
        });
        assert_eq!(event(id(501), &published()), expected);
    }

    #[test]
    fn a_trip_shows_exact_and_flexible_days() {
        let day = |text: &str| text.parse().unwrap();
        let window = TripWindow { region: id(17), first_day: day("2019-06-14"), last_day: day("2019-06-17") };
        let events = [Candidate { id: id(501), published: published() }];
        let shape = trip(window, &events, 1, chrono_tz::America::Los_Angeles);
        assert_eq!(shape["tripId"], format!("{}-20190614-20190617", id(17)), "by whatever days it may shift");
        assert_eq!(shape["flexibleStartDate"], "2019-06-13");
        assert_eq!(shape["flexibleEndDate"], "2019-06-18");
        assert_eq!((&shape["tripStartDate"], &shape["tripEndDate"]), (&json!("2019-06-14"), &json!("2019-06-17")));
        assert_eq!(shape["eventCount"], 1);
        assert_eq!(shape["events"][0]["id"], json!(id(501)));
    }
}

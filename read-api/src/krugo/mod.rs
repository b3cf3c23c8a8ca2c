//! Krugo's queries, by group.

mod appdata;
mod bookingdotcom;
mod bookings;
mod crews;
mod discover;
mod events;
mod likes;
mod notices;
mod people;
mod pictures;
mod tickets;
mod trending;
mod users;

use caravan_domain::identity::Medium;
use caravan_wire::krugo::DIALECT;
use caravan_wire::krugo::services::services;
use caravan_wire::{Answer, Routes};

use crate::Read;

pub(crate) fn routes() -> Routes<Read> {
    Routes::new(&DIALECT)
        .on("crews", crews::crews)
        .on("trip-bookings", crews::trip_bookings)
        .on("past-trip-bookings", crews::past_trip_bookings)
        .on("abandoned-trip-bookings", crews::abandoned_trip_bookings)
        .on("trip-booking", bookings::trip_booking)
        .on("payment-balances", bookings::payment_balances)
        .on("get-trip-booking-members", bookings::trip_booking_members)
        .on("event-attendees", bookings::event_attendees)
        .on("ticket-bundle", bookings::ticket_bundle)
        .on("trip-booking-ticket-bundles", bookings::trip_booking_ticket_bundles)
        .on("accommodations", bookings::accommodations)
        .search("discover-any", discover::any)
        .search("discover-dates", discover::dates)
        .search("discover-cities-by-date", discover::cities_by_date)
        .search("discover-performers", discover::performers)
        .search("discover-performers-in-cities", discover::performers_in_cities)
        .on("build-trip", discover::build_trip)
        .search("performer-events", events::of_performer)
        .search("events-for-date", events::for_date)
        .search("events-for-trip", events::for_trip)
        .search("performer-event-count", events::count)
        .on("get-app-data-start-keys", appdata::start_keys)
        .on("get-current-cache-keys", appdata::cache_keys)
        .on("getall", appdata::items)
        .on("sync-app-data", appdata::changes)
        .on("updated-tickets", tickets::updated)
        .on("booking-link", bookingdotcom::link)
        .on("booking-details", bookingdotcom::details)
        .on("route", |_| async { Ok(Answer::json(services())) })
        .on("trip-ideas", crews::trip_ideas)
        .on("liked-trip-ids", likes::liked_trip_ids)
        .tallied("liked-trips", likes::liked_trips)
        .tallied("top-liked-trips", likes::top_liked_trips)
        .tallied("trending-cities", trending::cities)
        .tallied("trending-performers", trending::performers)
        .tallied("get-trending-events", trending::events)
        .tallied("get-image", pictures::of_motif)
        .tallied("get-static-image", pictures::of_motif)
        .public("image-file", pictures::file)
        .on("existing-members", crews::existing_members)
        .on("get-profile-picture", users::profile_picture)
        .on("get-user-preferences", users::preferences)
        .on("getmfastatus", users::mfa_status)
        .on("mailing-settings", |call| notices::settings(call, Medium::Mail))
        .on("push-notification-settings", |call| notices::settings(call, Medium::Push))
        .on("sms-settings", |call| notices::settings(call, Medium::Sms))
}

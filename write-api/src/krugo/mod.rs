//! Krugo's commands, by group.

mod accommodations;
mod booking;
mod crews;
mod events;
mod ideas;
mod invites;
mod likes;
mod mailing;
mod notices;
mod people;
mod pictures;
mod requests;
mod tickets;
mod trending;
mod users;

use caravan_domain::catalogue::picture_votes::Vote;
use caravan_domain::identity::Medium;
use caravan_wire::Routes;
use caravan_wire::krugo::DIALECT;

use crate::Write;

pub(crate) fn routes() -> Routes<Write> {
    users::routes(Routes::new(&DIALECT))
        .forwarding("route-post")
        .on("create-crew", crews::create_crew)
        .on("update-crew", crews::update_crew)
        .on("delete-crew", crews::delete_crew)
        .on("add-crew-member", crews::add_crew_member)
        .on("remove-crew-member", crews::remove_crew_member)
        .on("send-invites-for-crew", invites::send_invites_for_crew)
        .on("add-trip-idea", ideas::add_trip_idea)
        .on("like-trip-idea", ideas::like_trip_idea)
        .on("unlike-trip-idea", ideas::unlike_trip_idea)
        .on("delete-trip-idea", ideas::delete_trip_idea)
        .on("like", likes::like)
        .on("unlike", likes::unlike)
        .on("upvote-image", |call| pictures::vote(call, Vote::Up))
        .on("downvote-image", |call| pictures::vote(call, Vote::Down))
        .on("upload-image", pictures::upload)
        .on("delete-image", pictures::delete)
        .on("add-trending-event", trending::add_trending_event)
        .on("create-trip-booking", booking::create_trip_booking)
        .on("update-trip-booking", booking::update_trip_booking)
        .on("abandon-trip-booking", booking::abandon_trip_booking)
        .on("recover-abandoned-trip-booking", booking::recover_abandoned_trip_booking)
        .on("add-trip-booking-member", people::add_trip_booking_member)
        .on("update-trip-booking-member", people::update_trip_booking_member)
        .on("remove-trip-booking-member", people::remove_trip_booking_member)
        .on("remind-trip-booking-member", people::remind_trip_booking_member)
        .on("add-trip-booking-event", events::add_trip_booking_event)
        .on("update-event-attendees", events::update_event_attendees)
        .on("remove-trip-booking-event", events::remove_trip_booking_event)
        .on("add-ticket-bundle", tickets::add_ticket_bundle)
        .on("update-ticket-bundle", tickets::update_ticket_bundle)
        .on("delete-ticket-bundle", tickets::delete_ticket_bundle)
        .on("add-ticket", tickets::add_ticket)
        .on("update-ticket", tickets::update_ticket)
        .on("assign-ticket", tickets::assign_ticket)
        .on("delete-ticket", tickets::delete_ticket)
        .on("add-accommodation", accommodations::add_accommodation)
        .on("update-accommodation", accommodations::update_accommodation)
        .on("delete-accommodation", accommodations::delete_accommodation)
        .on("add-accommodation-room", accommodations::add_accommodation_room)
        .on("update-accommodation-room", accommodations::update_accommodation_room)
        .on("delete-accommodation-room", accommodations::delete_accommodation_room)
        .on("add-accommodation-guests", accommodations::add_accommodation_guests)
        .on("update-accommodation-guest", accommodations::update_accommodation_guest)
        .on("delete-accommodation-guest", accommodations::delete_accommodation_guest)
        .on("join-mailing-list", mailing::join_mailing_list)
        .on("send-plain-email", mailing::send_plain_email)
        .on("send-attachment-email", mailing::send_attachment_email)
        .on("update-mailing-settings", |call| notices::update(call, Medium::Mail))
        .on("update-push-notification-settings", |call| notices::update(call, Medium::Push))
        .on("update-sms-settings", |call| notices::update(call, Medium::Sms))
        .on("update-user-push-endpoint", notices::update_user_push_endpoint)
}

use caravan_domain::trips::booking::TripBookings;
use caravan_domain::trips::crew::Crews;
use caravan_domain::trips::likes::TripLikes;
use caravan_domain::trips::trip_idea::TripIdeas;
use serde_json::{Value, json};

use crate::{Pinned, pinned};

const ONE: &str = "00000000-0000-8000-8000-000000000001";
const OTHER: &str = "00000000-0000-8000-8000-000000000002";
const EVENT: &str = "00000000-0000-8000-8000-000000000003";
const CREW: &str = "00000000-0000-8000-8000-000000000004";
const CITY: &str = "00000000-0000-8000-8000-000000000005";
const AT: &str = "2026-01-31T18:00:00Z";

fn event(name: &str, data: Value) -> Value {
    json!({"type": name, "data": data})
}

pub fn all() -> Vec<Pinned> {
    vec![crews(), trip_ideas(), likes(), bookings()]
}

fn crews() -> Pinned {
    pinned::<Crews>([
        event(
            "CrewCreated",
            json!({"name": "Weekend", "description": "Old friends", "has_image": false, "creator": ONE,
                "admins": [ONE], "members": [ONE, OTHER]}),
        ),
        event(
            "CrewCreated",
            json!({"name": "Weekend", "has_image": true, "creator": ONE, "admins": [ONE], "members": [ONE]}),
        ),
        event("CrewChanged", json!({"name": "Road trips", "description": true, "has_image": true, "admins": [OTHER]})),
        event("CrewChanged", json!({"name": "Road trips"})),
        event("CrewMemberAdded", json!({"person": OTHER})),
        event("CrewMemberInvited", json!({"person": OTHER, "inviter": ONE})),
        event(
            "CrewMemberInvited",
            json!({"person": OTHER, "inviter": ONE, "number": {"subject": OTHER, "cipher": "c", "hash": "h"}}),
        ),
        event("CrewMemberTookPart", json!({"person": OTHER})),
        event("CrewMemberRemoved", json!({"person": OTHER})),
        event("CrewMemberReplaced", json!({"from": OTHER, "to": ONE})),
        event("CrewDeleted", json!({"at": AT})),
    ])
}

fn trip_ideas() -> Pinned {
    pinned::<TripIdeas>([
        event(
            "TripIdeaSuggested",
            json!({"crew": CREW, "city": CITY, "start_date": "2030-05-01", "end_date": "2030-05-04",
                "events": [EVENT], "suggestor": ONE, "liked": [OTHER]}),
        ),
        event("TripIdeaLiked", json!({"person": ONE})),
        event("TripIdeaUnliked", json!({"person": ONE})),
        event("TripIdeaPersonReplaced", json!({"from": OTHER, "to": ONE})),
        event("TripIdeaDeleted", json!({"at": AT})),
    ])
}

fn likes() -> Pinned {
    let trip = json!({"region": CITY, "first_day": "2030-05-01", "last_day": "2030-05-04"});
    pinned::<TripLikes>([event("TripLiked", trip.clone()), event("TripUnliked", trip)])
}

fn purchase() -> Value {
    json!({"number": 2, "amount": {"minor": 24_000, "currency": "USD"}, "date": 1_559_433_600})
}

fn bundle() -> Value {
    json!({"number": 1, "event": EVENT, "purchaser": ONE, "purchase": purchase(),
        "tickets": [{"number": 3, "event": EVENT, "purchaser": ONE, "consumer": OTHER},
            {"number": 4, "event": EVENT, "purchaser": ONE}],
        "general_admission": true, "special_seating": false, "bought_here": false})
}

fn guest() -> Value {
    json!({"number": 6, "person": ONE, "proportion": 0.5, "check_in_date": "2030-05-01",
        "check_out_date": "2030-05-04"})
}

fn room() -> Value {
    json!({"number": 5, "check_in_date": "2030-05-01", "check_out_date": "2030-05-04", "room_type": 2,
        "purchaser": ONE, "purchase": purchase(), "guests": [guest(), {"number": 7, "person": OTHER}]})
}

fn details() -> Value {
    json!({"name": "Palm Hotel", "address": "12 Main Street", "city_name": "Toronto", "state": "ON", "city": CITY,
        "hotel_type": 1, "guest_users": [ONE], "simple": false})
}

fn bookings() -> Pinned {
    let mut accommodation = details();
    accommodation["number"] = json!(8);
    accommodation["rooms"] = json!([room()]);
    let terms = json!({"check_in_date": "2030-05-01", "check_out_date": "2030-05-04", "room_type": 2,
        "purchaser": ONE, "purchase": purchase()});
    pinned::<TripBookings>([
        event(
            "BookingCreated",
            json!({"crew": CREW, "city": CITY, "time_zone": "America/Toronto", "start_date": "2030-05-01",
                "end_date": "2030-05-04", "creator": ONE, "leaders": [ONE]}),
        ),
        event("BookingDatesChanged", json!({"start_date": "2030-05-01", "end_date": "2030-05-04"})),
        event("LeadersChanged", json!({"leaders": [OTHER]})),
        event("BundlesReordered", json!({"bundles": [2, 1]})),
        event("AccommodationsReordered", json!({"accommodations": [2, 1]})),
        event("BookingAbandoned", json!({})),
        event("BookingRecovered", json!({})),
        event(
            "MemberAdded",
            json!({"person": OTHER, "leader": false, "start_date": "2030-05-01", "end_date": "2030-05-04",
                "availability": "going"}),
        ),
        event("MemberAdded", json!({"person": OTHER, "leader": true, "availability": "undecided"})),
        event("MemberChanged", json!({"person": OTHER, "availability": "notgoing"})),
        event("MemberRemoved", json!({"person": OTHER})),
        event("MemberTookPart", json!({"person": OTHER})),
        event("MemberReplaced", json!({"from": OTHER, "to": ONE})),
        event("MemberReminded", json!({"person": OTHER, "channel": "sms", "at": AT})),
        event("EventAdded", json!({"event": EVENT, "attendees": [ONE]})),
        event("AttendeesChanged", json!({"event": EVENT, "attendees": []})),
        event("EventRemoved", json!({"event": EVENT})),
        event("BundleAdded", json!({"bundle": bundle()})),
        event("BundleChanged", json!({"bundle": bundle()})),
        event("BundleRemoved", json!({"bundle": 1})),
        event("TicketAdded", json!({"bundle": 1, "ticket": {"number": 3, "event": EVENT, "purchaser": ONE}})),
        event("TicketChanged", json!({"bundle": 1, "ticket": 3, "event": EVENT, "purchaser": ONE})),
        event("TicketAssigned", json!({"bundle": 1, "ticket": 3, "consumer": OTHER})),
        event("TicketRemoved", json!({"bundle": 1, "ticket": 3})),
        event("AccommodationAdded", json!({"accommodation": accommodation})),
        event("AccommodationChanged", json!({"accommodation": 8, "details": details()})),
        event(
            "AccommodationChanged",
            json!({"accommodation": 8, "details": {"name": "Inn", "guest_users": [], "simple": true}}),
        ),
        event("AccommodationRemoved", json!({"accommodation": 8})),
        event("RoomAdded", json!({"accommodation": 8, "room": room()})),
        event("RoomAdded", json!({"accommodation": 8, "room": {"number": 5, "purchaser": ONE, "guests": []}})),
        event("RoomChanged", json!({"room": 5, "terms": terms})),
        event("RoomRemoved", json!({"room": 5})),
        event("GuestsAdded", json!({"room": 5, "guests": [guest()]})),
        event("GuestChanged", json!({"room": 5, "guest": guest()})),
        event("GuestRemoved", json!({"guest": 6})),
    ])
}

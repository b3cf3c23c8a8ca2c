use caravan_domain::catalogue::Event;
use caravan_domain::catalogue::picture_votes::PictureVotes;
use serde_json::{Value, json};

use crate::{Pinned, pinned};

const ONE: &str = "00000000-0000-8000-8000-000000000001";
const OTHER: &str = "00000000-0000-8000-8000-000000000002";

fn event(name: &str, data: Value) -> Value {
    json!({"type": name, "data": data})
}

pub fn all() -> Vec<Pinned> {
    vec![events(), picture_votes()]
}

fn events() -> Pinned {
    pinned::<Event>([
        event(
            "Listed",
            json!({
                "source": "football", "external_id": "worldcup-2026-1", "name": "Mexico v South Africa",
                "starts_at": "2026-06-11T19:00:00.000Z", "ends_at": "2026-06-11T21:00:00.000Z",
                "zone": "America/Mexico_City", "venue": ONE, "city": OTHER, "region": ONE,
                "place": {"lat": 19.30306, "lon": -99.15056}, "performers": [ONE, OTHER],
                "category": "Sports/Football/World Cup", "event_type": "sports", "url": "https://example.com/1",
                "prices": {"lowest": {"minor": 4500, "currency": "USD"}, "highest": {"minor": 32000, "currency": "USD"}},
                "offer_count": 12, "ticket_count": 48, "minimum_age": 18,
                "organizer": {"organisation": "FIFA"},
            }),
        ),
        event(
            "Listed",
            json!({
                "source": "conferences", "external_id": "euruko-2026", "name": "EuRuKo 2026",
                "starts_at": "2026-09-16T22:00:00.000Z", "ends_at": "2026-09-18T22:00:00.000Z", "all_day": true,
                "zone": "Europe/Vienna", "category": "Conferences/Technology", "event_type": "conferences",
            }),
        ),
        event("Renamed", json!({"name": "Mexico – South Africa"})),
        event("Rescheduled", json!({"starts_at": "2026-06-11T20:00:00.000Z", "zone": "America/Mexico_City"})),
        event("Moved", json!({"venue": ONE, "city": OTHER, "region": ONE, "place": {"lat": 19.3, "lon": -99.15}})),
        event("LineUpChanged", json!({"performers": [OTHER]})),
        event("Recategorised", json!({"category": "Concerts/Rock", "event_type": "concerts"})),
        event("OffersChanged", json!({"url": "https://example.com/2", "minimum_age": 16})),
        event(
            "OrganizerChanged",
            json!({"organizer": {"person": {"subject": ONE, "cipher": "Y2lwaGVy", "hash": "aGFzaA"}}}),
        ),
        event("OrganizerChanged", json!({})),
        event("Cancelled", json!({})),
        event("Reinstated", json!({})),
    ])
}

fn picture_votes() -> Pinned {
    pinned::<PictureVotes>([
        event("VoteCast", json!({"picture": ONE, "vote": "up"})),
        event("VoteTakenBack", json!({"picture": ONE, "vote": "down"})),
    ])
}

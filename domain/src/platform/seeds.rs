//! What an installation begins with, under numbers that never change. Staff change it, and what they delete stays
//! deleted.

use serde_json::{Value, json};

use super::event_role::EVENT_ROLE;
use super::event_service::{EVENT_SERVICE, ROLE_PERMISSION};
use super::image_sizes::{EVENT_IMAGE_SIZES, SPEAKER_IMAGE_SIZES};
use super::settings::SETTINGS;
use super::system_role::{PANEL, SYSTEM_ROLE};
use super::user_permission::USER_PERMISSION;
use crate::Record;

/// A record to begin with.
pub struct Seed {
    pub record: &'static Record,
    pub number: u64,
    pub fields: Value,
    /// Fields that lead to others, each with the kind and number of that.
    pub leads: Vec<(&'static str, &'static str, u64)>,
    /// Fields that are the program's, which sets them anew where another version of it has set them.
    pub kept: &'static [&'static str],
}

const ROLES: [(&str, &str); 7] = [
    ("owner", "Owner"),
    ("organizer", "Organizer"),
    ("coorganizer", "Co-organizer"),
    ("track_organizer", "Track organizer"),
    ("moderator", "Moderator"),
    ("attendee", "Attendee"),
    ("registrar", "Registrar"),
];

const SERVICES: [&str; 5] = ["track", "microlocation", "session", "speaker", "sponsor"];

const PANELS: [&str; 10] =
    ["sales", "admin", "events", "sessions", "users", "permissions", "messages", "reports", "settings", "content"];

/// All of them; what something leads to comes before it.
pub fn seeds() -> Vec<Seed> {
    let plain =
        |record: &'static Record, number: u64, fields: Value| Seed { record, number, fields, leads: vec![], kept: &[] };
    let mut seeds = vec![];
    for ((name, title), number) in ROLES.into_iter().zip(1..) {
        seeds.push(plain(&EVENT_ROLE, number, json!({"name": name, "title_name": title})));
    }
    for (name, number) in SERVICES.into_iter().zip(1..) {
        seeds.push(plain(&EVENT_SERVICE, number, json!({"name": name})));
    }
    let pairs =
        (1..=ROLES.len() as u64).flat_map(|role| (1..=SERVICES.len() as u64).map(move |service| (role, service)));
    for ((role, service), number) in pairs.zip(1..) {
        // Whoever organises writes all of it, a track organizer the tracks; the others read.
        let writes = role <= 3 || (role == 4 && service == 1);
        seeds.push(Seed {
            record: &ROLE_PERMISSION,
            number,
            fields: json!({"can_create": writes, "can_read": true, "can_update": writes, "can_delete": writes}),
            leads: vec![("role", EVENT_ROLE.kind.name, role), ("service", EVENT_SERVICE.kind.name, service)],
            kept: &[],
        });
    }
    for (name, number) in PANELS.into_iter().zip(1..) {
        seeds.push(plain(&PANEL, number, json!({"panel_name": name, "can_access": true})));
    }
    for (name, number) in [("Sales Admin", 1), ("Marketer", 2)] {
        seeds.push(plain(&SYSTEM_ROLE, number, json!({"name": name})));
    }
    for (name, description, number) in
        [("publish_event", "Publish an event", 1), ("create_event", "Create an event", 2)]
    {
        let fields =
            json!({"name": name, "description": description, "unverified_user": number == 2, "anonymous_user": false});
        seeds.push(plain(&USER_PERMISSION, number, fields));
    }
    let events = json!({"full_width": 1300, "full_height": 500, "full_quality": 80, "icon_width": 75, "icon_height": 30,
        "icon_quality": 80, "thumbnail_width": 500, "thumbnail_height": 200, "thumbnail_quality": 80, "type": "event-image"});
    seeds.push(plain(&EVENT_IMAGE_SIZES, 1, events));
    let speakers = json!({"icon_size_width_height": 35, "icon_size_quality": 80, "small_size_width_height": 50,
        "small_size_quality": 80, "thumbnail_size_width_height": 500, "type": "speaker-image"});
    seeds.push(plain(&SPEAKER_IMAGE_SIZES, 1, speakers));
    seeds.push(plain(&SETTINGS, 1, json!({"app_name": "Caravan"})));
    seeds
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::EntityId;

    #[test]
    fn each_is_complete_and_leads_to_one_before_it() {
        let mut known = HashSet::new();
        for Seed { record, number, mut fields, leads, .. } in seeds() {
            for (field, kind, other) in leads {
                assert!(known.contains(&(kind, other)), "{kind} {other}");
                fields[field] = json!(EntityId::from_parts(other, [0; 10]));
            }
            (record.normalise)(fields).unwrap();
            assert!(known.insert((record.kind.name, number)), "{} {number} twice", record.kind.name);
        }
    }
}

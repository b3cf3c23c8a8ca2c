//! Shapes of what clients keep copies of: cities, regions, performers and events. The contract says nothing of items:
//! each has its `id` and where in the log it was made and last changed, by which a client goes on reading.

use caravan_domain::catalogue::city::City;
use caravan_domain::catalogue::performer::Performer;
use caravan_domain::catalogue::region::Region;
use caravan_domain::{EntityId, Stamps};
use serde_json::{Map, Value, json};

use super::catalogue;
use crate::shape::set;

/// The members of an item that say where in the log it was made, and where it last changed.
pub const MADE: &str = "createdPosition";
pub const CHANGED: &str = "position";

/// `StartKey`: of a whole table.
pub fn start_key(table: &str) -> Value {
    json!({"table": table, "startKeyName": MADE, "startKey": "0", "sortKeyName": "id", "sortKey": ""})
}

/// `CacheKey`: of a table that last changed at `position`.
pub fn cache_key(table: &str, position: i64, changed: Option<&Stamps>) -> Value {
    json!({
        "objectType": table,
        "primaryKey": table,
        "secondaryKey": position.to_string(),
        "lastUpdated": changed.map_or(0, |stamps| stamps.updated_at.timestamp()),
    })
}

/// An item of any table: its members; one that is deleted has only when.
pub fn item(id: EntityId, position: i64, stamps: &Stamps, members: Option<Value>) -> Value {
    let mut item = match members {
        Some(Value::Object(members)) => members,
        Some(_) | None => Map::from_iter([("deletedAt".to_owned(), json!(stamps.updated_at.timestamp()))]),
    };
    item.insert("id".to_owned(), json!(id));
    item.insert(MADE.to_owned(), json!(stamps.born.to_string()));
    item.insert(CHANGED.to_owned(), json!(position.to_string()));
    Value::Object(item)
}

pub fn city(city: &City) -> Value {
    let mut shape = catalogue::city(city);
    set(&mut shape, "population", Some(city.population));
    shape
}

pub fn region(region: &Region) -> Value {
    json!({"name": region.name, "code": region.code, "countryCode": region.country, "timezone": region.time_zone})
}

pub fn performer(performer: &Performer) -> Value {
    json!({"name": performer.name})
}

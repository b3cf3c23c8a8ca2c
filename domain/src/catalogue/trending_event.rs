//! What the platform's staff put forward in the feed of what is trending. Its id names its image.

use chrono::NaiveDate;
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::{EntityId, Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct TrendingEvent {
    /// What it is about: a performer, a city; clients choose among their pictures by it.
    #[garde(length(chars, min = 1, max = 100))]
    pub sort: String,
    /// What a client does when it is chosen.
    #[garde(length(chars, min = 1, max = 100))]
    pub action: Option<String>,
    /// What is to be discovered then.
    #[garde(dive)]
    pub query: Option<DiscoverQuery>,
}

/// A search for trips. What names nothing that there is finds nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
#[garde(custom(in_order))]
pub struct DiscoverQuery {
    #[garde(length(max = 100))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub performers: Vec<EntityId>,
    #[garde(length(max = 100))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cities: Vec<EntityId>,
    #[garde(length(max = 100))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<EntityId>,
    #[garde(length(max = 100))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<EntityId>,
    #[garde(length(max = 100), inner(length(chars, min = 1, max = 200)))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<NaiveDate>,
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<NaiveDate>,
}

/// Once made it stays as it is.
pub const TRENDING_EVENT: Record = Record::of::<TrendingEvent>("trending_event").known(Who::SignedIn).appended(STAFF);

fn in_order(query: &DiscoverQuery, _: &()) -> garde::Result {
    match (query.start_date, query.end_date) {
        (Some(start), Some(end)) if end < start => Err(garde::Error::new("ends before it starts")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(fields: Value) -> String {
        (TRENDING_EVENT.normalise)(fields).unwrap_err().field().unwrap().to_owned()
    }

    #[test]
    fn what_is_put_forward_is_kept_as_it_was_given() {
        let performer = EntityId::from_parts(1, [1; 10]);
        let given = json!({"sort": "performer", "action": "discover", "query": {"performers": [performer]}});
        assert_eq!((TRENDING_EVENT.normalise)(given.clone()).map(Value::Object).unwrap(), given);
        assert!((TRENDING_EVENT.normalise)(json!({"sort": "trip"})).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(refused(json!({"action": "discover"})), "sort");
        assert_eq!(refused(json!({"sort": ""})), "sort");
        assert_eq!(refused(json!({"sort": "x", "query": {"categories": ["a", ""]}})), "query.categories[1]");
        let days = json!({"start_date": "2030-05-02", "end_date": "2030-05-01"});
        assert_eq!(refused(json!({"sort": "x", "query": days})), "query");
    }
}

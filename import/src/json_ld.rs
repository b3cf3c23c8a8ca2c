//! schema.org `Event` as JSON-LD: one, an array, or a `@graph` among other things.

use std::fmt;
use std::io::Read;

use caravan_domain::catalogue::Place;
use caravan_domain::catalogue::event::{Category, Offers};
use chrono_tz::Tz;
use serde::Deserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::announcement::{
    AnnouncedLocation, AnnouncedOrganizer, Announcement, Ends, Sink, Spot, When, name, prices, text, web_address,
};
use crate::areas::country;

/// Reads a document event by event, however long an array is.
pub fn read(input: impl Read, sink: &mut Sink) -> anyhow::Result<()> {
    let mut json = serde_json::Deserializer::from_reader(input);
    json.deserialize_any(Document { sink })?;
    Ok(json.end()?)
}

struct Document<'s, 'r> {
    sink: &'s mut Sink<'r>,
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event or an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut record = 0;
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            record += 1;
            if !(self.sink)(Spot::Record(record), value(&element).and_then(|node| event(&node))) {
                while elements.next_element::<IgnoredAny>()?.is_some() {}
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut object: Vec<(String, Box<RawValue>)> = vec![];
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        let Some((_, graph)) = object.iter().find(|(key, _)| key == "@graph") else {
            let node: Result<Map<_, _>, _> = object.into_iter().map(|(key, raw)| Ok((key, value(&raw)?))).collect();
            (self.sink)(Spot::Record(1), node.and_then(|node| event(&Value::Object(node))));
            return Ok(());
        };
        let nodes: Vec<&RawValue> =
            serde_json::from_str(graph.get()).map_err(|_| A::Error::custom("@graph is not an array"))?;
        for (record, node) in (1..).zip(nodes) {
            let event = match value(node) {
                Ok(node) if !is_event(&node) => continue,
                node => node.and_then(|node| event(&node)),
            };
            if !(self.sink)(Spot::Record(record), event) {
                break;
            }
        }
        Ok(())
    }
}

/// A record's content. It is read apart from its neighbours, so that what no text or number can hold, such as half a
/// surrogate pair, spoils only the record itself.
fn value(raw: &RawValue) -> Result<Value, String> {
    serde_json::from_str(raw.get()).map_err(|error| format!("cannot be read: {error}"))
}

/// The announcement that a schema.org event is, or what is wrong with it.
pub fn event(node: &Value) -> Result<Announcement, String> {
    if !node.is_object() {
        return Err("is not an object".into());
    }
    if !is_event(node) {
        return Err("is not a schema.org Event".into());
    }
    let (name, called_off) = name(string(&node["name"]).unwrap_or_default())?;
    let starts = string(&node["startDate"]).ok_or("has no startDate")?;
    let starts = When::parse(starts).map_err(|error| format!("startDate: {error}"))?;
    let ends = match string(&node["endDate"]) {
        Some(ends) => Some(Ends::At(When::parse(ends).map_err(|error| format!("endDate: {error}"))?)),
        None => None,
    };
    let status = string(&node["eventStatus"]).unwrap_or_default();
    Ok(Announcement {
        source: None,
        source_id: [&node["@id"], &node["identifier"]].into_iter().find_map(string).map(str::to_owned),
        name,
        starts,
        ends,
        zone: first(&node["eventSchedule"])["scheduleTimezone"].as_str().and_then(|zone| zone.parse::<Tz>().ok()),
        location: location(&node["location"]),
        category: category(node),
        performers: each(&node["performer"]).filter_map(named).collect(),
        offers: offers(node),
        organizer: each(&node["organizer"]).find_map(organizer),
        cancelled: called_off || status.ends_with("EventCancelled"),
    })
}

fn is_event(node: &Value) -> bool {
    types(node).any(|name| name.ends_with("Event") || name == "Festival")
}

/// Type names without prefix or address.
fn types(node: &Value) -> impl Iterator<Item = &str> {
    each(&node["@type"]).filter_map(Value::as_str).filter_map(|name| name.rsplit(['/', ':', '#']).next())
}

fn category(node: &Value) -> Category {
    let keywords = each(&node["keywords"]).filter_map(Value::as_str).flat_map(|words| words.split(','));
    Category::from_words(types(node).filter(|name| *name != "Event").chain(keywords))
}

fn location(value: &Value) -> AnnouncedLocation {
    let place = each(value).find(|place| types(place).all(|name| name != "VirtualLocation")).unwrap_or(&Value::Null);
    let address = first(&place["address"]);
    let geo = first(&place["geo"]);
    let point = number(&geo["latitude"]).zip(number(&geo["longitude"]));
    AnnouncedLocation {
        venue: named(place),
        street: string(&address["streetAddress"]).or(string(address)).and_then(text),
        postal_code: string(&address["postalCode"]).and_then(text),
        city: string(&address["addressLocality"]).and_then(text),
        region: named(&address["addressRegion"]),
        country: named(&address["addressCountry"]).as_deref().and_then(country),
        place: point.and_then(|(lat, lon)| Place::new(lat, lon).ok()),
    }
}

fn offers(node: &Value) -> Offers {
    let mut amounts = vec![];
    let mut counts: Option<u64> = None;
    let mut tickets: Option<u64> = None;
    for offer in each(&node["offers"]) {
        let currency = string(&offer["priceCurrency"]).unwrap_or_default();
        for price in [&offer["price"], &offer["lowPrice"], &offer["highPrice"]] {
            let amount = string(price).map(str::to_owned).or_else(|| price.is_number().then(|| price.to_string()));
            amounts.extend(amount.map(|amount| (amount, currency)));
        }
        let left = [&offer["inventoryLevel"], &offer["inventoryLevel"]["value"]].into_iter().find_map(Value::as_u64);
        tickets = left.map(|left| tickets.unwrap_or(0).saturating_add(left)).or(tickets);
        counts = offer["offerCount"].as_u64().map(|count| counts.unwrap_or(0).saturating_add(count)).or(counts);
    }
    let age = string(&node["typicalAgeRange"]).unwrap_or_default();
    let age: String = age.chars().take_while(char::is_ascii_digit).collect();
    Offers {
        url: each(&node["url"]).find_map(string).and_then(web_address),
        prices: prices(amounts.iter().map(|(amount, currency)| (amount.as_str(), *currency))),
        offer_count: counts.and_then(|count| count.try_into().ok()),
        ticket_count: tickets.and_then(|count| count.try_into().ok()),
        minimum_age: age.parse().ok().filter(|age| *age > 0),
    }
}

fn organizer(value: &Value) -> Option<AnnouncedOrganizer> {
    Some(AnnouncedOrganizer { name: named(value)?, is_person: types(value).any(|name| name == "Person") })
}

/// A thing's name: it may be the name itself.
fn named(value: &Value) -> Option<String> {
    string(value).or_else(|| string(&value["name"])).and_then(text)
}

/// JSON-LD writes a list of one as the one.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(values) => values.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
    .iter()
}

fn first(value: &Value) -> &Value {
    each(value).next().unwrap_or(&Value::Null)
}

fn string(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| string(value)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use caravan_domain::catalogue::event::EventType;
    use serde_json::json;

    fn all(document: Value) -> Vec<(Spot, Result<Announcement, String>)> {
        let mut found = vec![];
        let text = document.to_string();
        read(text.as_bytes(), &mut |spot, event| {
            found.push((spot, event));
            true
        })
        .unwrap();
        found
    }

    fn concert() -> Value {
        json!({
            "@context": "https://schema.org", "@type": ["MusicEvent"], "@id": "https://example.com/#17",
            "name": "Rock &amp; Roll (Cancelled)", "startDate": "2026-01-30T19:00:00-05:00", "endDate": "2026-01-30",
            "location": [
                {"@type": "VirtualLocation", "url": "https://example.com/stream"},
                {"@type": "Place", "name": "Massey Hall", "geo": {"latitude": "43.65", "longitude": -79.38}, "address": {
                    "streetAddress": "178 Victoria St", "addressLocality": "Toronto", "addressRegion": "ON",
                    "postalCode": "M5B 1T7", "addressCountry": {"@type": "Country", "name": "ca"}}},
            ],
            "performer": [{"@type": "MusicGroup", "name": "Sloan"}, {"name": ""}, "Joel Plaskett"],
            "organizer": [{"name": ""}, {"@type": "Person", "name": "A. Promoter"}],
            "offers": [
                {"price": "25.00", "priceCurrency": "CAD", "inventoryLevel": {"value": 40}},
                {"@type": "AggregateOffer", "lowPrice": 20, "highPrice": 99.5, "priceCurrency": "CAD", "offerCount": 3},
            ],
            "typicalAgeRange": "19+", "keywords": "Live Performances, Music",
            "description": "call me at home",
        })
    }

    #[test]
    fn everything_an_event_says_is_understood() {
        let event = event(&concert()).unwrap();
        assert_eq!(event.name, "Rock & Roll");
        assert!(event.cancelled);
        assert_eq!(event.source_id.as_deref(), Some("https://example.com/#17"));
        assert_eq!(event.location.venue.as_deref(), Some("Massey Hall"));
        assert_eq!(event.location.country, Some("CA"));
        assert_eq!(event.location.place, Place::new(43.65, -79.38).ok());
        assert_eq!(event.performers, ["Sloan", "Joel Plaskett"]);
        assert_eq!(event.organizer, Some(AnnouncedOrganizer { name: "A. Promoter".into(), is_person: true }));
        assert_eq!(event.category.event_type, EventType::Concerts);
        let offers = event.offers;
        let prices = offers.prices.unwrap();
        assert_eq!((prices.lowest.minor, prices.highest.minor), (2_000, 9_950));
        assert_eq!((offers.offer_count, offers.ticket_count, offers.minimum_age), (Some(3), Some(40), Some(19)));
    }

    #[test]
    fn one_an_array_and_a_graph_are_read_alike() {
        assert_eq!(all(concert()).len(), 1);
        let array = all(json!([concert(), {"@type": "Person"}, 7, concert()]));
        let outcome: Vec<_> = array.iter().map(|(spot, event)| (spot.to_string(), event.is_ok())).collect();
        let expected = [("record 1", true), ("record 2", false), ("record 3", false), ("record 4", true)];
        assert_eq!(outcome, expected.map(|(spot, good)| (spot.to_owned(), good)));
        let graph = all(json!({"@context": "https://schema.org", "@graph": [{"@type": "WebPage"}, concert()]}));
        let spots: Vec<_> = graph.iter().map(|(spot, event)| (*spot, event.is_ok())).collect();
        assert_eq!(spots, [(Spot::Record(2), true)]);
    }

    #[test]
    fn an_odd_record_does_not_stop_the_others() {
        let good = concert();
        let surrogate = r#"{"@type": "Event", "name": "\ud83d"}"#;
        let number = r#"{"@type": "Event", "offers": {"price": 1e999}}"#;
        let all = |text: &str| {
            let mut found = vec![];
            let read = read(text.as_bytes(), &mut |spot, event| {
                found.push((spot.to_string(), event.err().map(|reason| reason.starts_with("cannot be read"))));
                true
            });
            read.unwrap();
            found
        };
        let expected = [(1, Some(true)), (2, Some(true)), (3, None)];
        let expected = expected.map(|(record, reason)| (format!("record {record}"), reason));
        assert_eq!(all(&format!("[{surrogate}, {number}, {good}]")), expected);
        assert_eq!(all(&format!(r#"{{"@graph": [{surrogate}, {number}, {good}]}}"#)), expected);
        assert_eq!(all(surrogate), expected[..1]);
    }

    #[test]
    fn what_is_before_a_broken_place_is_read() {
        let text = format!("[{}, {{\"name\": ", concert());
        let mut good = 0;
        let outcome = read(text.as_bytes(), &mut |_, event| {
            good += usize::from(event.is_ok());
            true
        });
        assert!(outcome.is_err());
        assert_eq!(good, 1);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (field, value) in [("startDate", json!("soon")), ("endDate", json!("later")), ("name", json!(" "))] {
            let mut node = concert();
            node[field] = value;
            assert!(event(&node).unwrap_err().contains(field), "{field}");
        }
    }
}

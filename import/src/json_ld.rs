//! schema.org `Event` as JSON-LD: one, an array, a `@graph` or list among other things, or several documents in a row.

use std::io::BufRead;

use anyhow::bail;
use caravan_domain::catalogue::Place;
use caravan_domain::catalogue::event::{Category, Offers};
use serde_json::Value;

use crate::announcement::{AnnouncedLocation, AnnouncedOrganizer, Announcement, Record, Sink, Spot, prices};
use crate::areas::country;
use crate::fault::Fault;
use crate::json::{End, Scanner, resumptions, text_member};
use crate::text::{name, says_cancelled, text, verbatim, web_address};
use crate::when::{Ends, When};
use crate::zones;

/// Reads documents event by event, however long their lists are.
pub fn read(input: impl BufRead, sink: &mut Sink) -> anyhow::Result<()> {
    let mut reader = Reader { scanner: Scanner::new(input), sink, record: 0, lists: 0, value: vec![] };
    while let Some(first) = reader.scanner.significant()? {
        let goes_on = match first {
            b'[' => reader.list(false)?,
            first if reader.record == 0 && first != b'{' => bail!("is not JSON"),
            // What separates or closes documents that are no more than records.
            b',' | b']' | b'}' => true,
            first => reader.value(first, false)?,
        };
        if !goes_on {
            return Ok(());
        }
    }
    anyhow::ensure!(reader.record > 0, "has no record");
    Ok(())
}

struct Reader<'s, 'r, R> {
    scanner: Scanner<R>,
    sink: &'s mut Sink<'r>,
    /// How many there were.
    record: u64,
    /// How many it is within.
    lists: u32,
    value: Vec<u8>,
}

const MOST_LISTS: u32 = 8;

impl<R: BufRead> Reader<'_, '_, R> {
    /// Reads the elements of a list to its end; says whether more are wanted. Of a `@graph`, events alone are records.
    fn list(&mut self, is_graph: bool) -> anyhow::Result<bool> {
        loop {
            match self.scanner.significant()? {
                None => bail!("ends within a list"),
                Some(b']') => return Ok(true),
                // One more or less matters to nobody, nor what a broken record left.
                Some(b',' | b'}' | b':') => {}
                Some(first) => {
                    if !self.value(first, is_graph)? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn value(&mut self, first: u8, is_graph: bool) -> anyhow::Result<bool> {
        let end = self.scanner.value(first, &mut self.value)?;
        if end == End::List {
            self.lists += 1;
            anyhow::ensure!(self.lists <= MOST_LISTS, "has lists within lists within lists");
            if !self.list(true)? {
                return Ok(false);
            }
            self.lists -= 1;
            self.scanner.closed_list();
            self.scanner.pass()?;
            return Ok(true);
        }
        self.record += 1;
        let spot = Spot::Record(self.record);
        let broken = match (end, serde_json::from_slice::<Value>(&self.value)) {
            (End::Complete, Ok(node)) => {
                let events = events(&node);
                if events.is_empty() && !is_graph {
                    return Ok((self.sink)(spot, announcement(&node)));
                }
                return Ok(events.iter().all(|event| (self.sink)(spot, announcement(event))));
            }
            (End::TooLong, _) => Fault::new("is longer than 1 MiB"),
            (_, Err(error)) => Fault::told("cannot be read", format!("cannot be read: {error}")),
            (End::Cut | End::List, Ok(_)) => Fault::new("cannot be read"),
        };
        // A quote or bracket too few takes in what follows: that is read by itself.
        let mut lost = vec![of_object(broken, &self.value)];
        let mut next = None;
        for at in resumptions(&self.value).take(MOST_TRIES) {
            match begins_event(&self.value[at..], end == End::TooLong) {
                Begins::Event => {
                    next = Some(at);
                    break;
                }
                Begins::BrokenEvent => lost.push(of_object(Fault::new("cannot be read"), &self.value[at..])),
                Begins::Other => {}
            }
        }
        if let Some(at) = next {
            self.scanner.put_back(&self.value[at..]);
        } else if end == End::Cut {
            bail!("ends within record {}", self.record);
        }
        for (number, fault) in (self.record..).zip(lost) {
            self.record = number;
            if !(self.sink)(Spot::Record(number), Err(fault)) {
                return Ok(false);
            }
        }
        if end == End::TooLong && next.is_none() && self.scanner.pass()? == End::Cut {
            bail!("ends within record {}", self.record);
        }
        Ok(true)
    }
}

/// Places that are tried in what cannot be read.
const MOST_TRIES: usize = 200;

enum Begins {
    Event,
    /// It says that it is one, but cannot be read either.
    BrokenEvent,
    Other,
}

/// What begins with a text, of which the end may be missing.
fn begins_event(text: &[u8], is_cut: bool) -> Begins {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) if is_event(&value) => Begins::Event,
        Some(Ok(_)) | None => Begins::Other,
        Some(Err(error)) => {
            let types = ["@type", "type"].iter().find_map(|name| text_member(text, name));
            let is_event = types.is_some_and(|name| is_event(&serde_json::json!({"@type": name})));
            match is_event {
                true if is_cut && error.is_eof() => Begins::Event,
                true => Begins::BrokenEvent,
                false => Begins::Other,
            }
        }
    }
}

/// What is wrong with an object that cannot be read, told with its name where that can be.
fn of_object(fault: Fault, object: &[u8]) -> Fault {
    match text_member(object, "name").as_deref().and_then(text) {
        Some(name) => fault.of(&name),
        None => fault,
    }
}

/// The events that a node is or holds. Those of a series or festival take from it what they lack.
pub fn events(node: &Value) -> Vec<Value> {
    const HOLDERS: [&str; 7] = ["@graph", "itemListElement", "item", "mainEntity", "events", "event", "@list"];
    if !is_event(node) {
        let nodes = HOLDERS.iter().flat_map(|name| each(&node[*name]));
        return nodes.chain(node.as_array().into_iter().flatten()).flat_map(events).collect();
    }
    let parts = ["subEvent", "subEvents"].iter().flat_map(|name| each(&node[*name])).filter(|part| part.is_object());
    let parts: Vec<Value> = parts.map(|part| inheriting(part, node)).filter(is_event).collect();
    let is_series = types(node).any(|name| name == "EventSeries");
    let mut found = vec![];
    if parts.is_empty() || !is_series && string(&node["startDate"]).is_some() {
        found.push(node.clone());
    }
    found.extend(parts.iter().flat_map(events));
    found
}

/// A part of a larger event, with what it leaves to that to say.
fn inheriting(part: &Value, whole: &Value) -> Value {
    let mut part = part.clone();
    if types(&part).next().is_none() {
        part["@type"] = Value::from("Event");
    }
    for name in ["name", "location", "organizer", "eventStatus"] {
        if part[name].is_null() && !whole[name].is_null() {
            part[name] = whole[name].clone();
        }
    }
    part
}

/// The announcement that a schema.org event is, or what is wrong with it.
pub fn announcement(node: &Value) -> Record {
    if !node.is_object() {
        return Err(Fault::new("is not an object"));
    }
    if !is_event(node) {
        return Err(Fault::new("is not a schema.org Event"));
    }
    let (name, called_off) = name(string(&node["name"]).unwrap_or_default()).ok_or(Fault::new("has no name"))?;
    let starts = string(&node["startDate"]).ok_or(Fault::new("has no startDate").of(&name))?;
    let starts = moment("startDate", starts).map_err(|fault| fault.of(&name))?;
    let mut notes = vec![];
    let ends = string(&node["endDate"]).and_then(|ends| {
        let ends = moment("endDate", ends);
        ends.map_err(|fault| notes.push(fault)).ok().map(Ends::At)
    });
    let mut states = each(&node["eventStatus"]).filter_map(|state| string(state).or_else(|| id(state)));
    let zone = string(&first(&node["eventSchedule"])["scheduleTimezone"]).and_then(zones::zone);
    Ok(Announcement {
        source_id: identifier(node),
        starts: match (starts, zone) {
            (When::Local(local), Some(zone)) => When::zoned(local, zone),
            (starts, _) => starts,
        },
        ends: match (ends, zone) {
            (Some(Ends::At(When::Local(local))), Some(zone)) => Some(Ends::At(When::zoned(local, zone))),
            (ends, _) => ends,
        },
        zone,
        location: location(&node["location"]),
        category: category(node),
        performers: each(&node["performer"]).chain(each(&node["performers"])).filter_map(named).collect(),
        offers: offers(node),
        organizer: each(&node["organizer"]).find_map(organizer),
        cancelled: called_off || states.any(says_cancelled),
        notes,
        ..Announcement::new(name, starts)
    })
}

fn moment(field: &str, text: &str) -> Result<When, Fault> {
    When::parse(text).ok_or_else(|| Fault::of_field(field, text, "is neither a date nor a time"))
}

/// Whether a node is an event, or a series of some.
pub fn is_event(node: &Value) -> bool {
    types(node).any(|name| name.ends_with("Event") || ["Festival", "EventSeries", "Hackathon"].contains(&name))
}

/// Type names without prefix or address.
fn types(node: &Value) -> impl Iterator<Item = &str> {
    let names = each(&node["@type"]).chain(each(&node["type"])).filter_map(Value::as_str);
    names.filter_map(|name| name.trim_end_matches('/').rsplit(['/', ':', '#']).next())
}

fn id(node: &Value) -> Option<&str> {
    ["@id", "id"].iter().find_map(|name| node[*name].as_str())
}

/// What names an event at its source. A name within the document, `_:b0`, does not.
fn identifier(node: &Value) -> Option<String> {
    let own = ["@id", "id"].iter().find_map(|name| plain(&node[*name])).filter(|id| !id.starts_with("_:"));
    own.or_else(|| each(&node["identifier"]).find_map(|value| plain(value).or_else(|| plain(&value["value"]))))
}

/// A text or number as it stands.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        value => string(value).or_else(|| id(value)).and_then(verbatim),
    }
}

fn category(node: &Value) -> Category {
    let keywords = each(&node["keywords"]).filter_map(named);
    let keywords: Vec<String> = keywords.collect();
    let types: Vec<String> = types(node).filter(|name| *name != "Event").filter_map(text).collect();
    let words = keywords.iter().flat_map(|words| words.split(',')).map(str::trim);
    Category::from_words(types.iter().map(String::as_str).chain(words))
}

fn location(value: &Value) -> AnnouncedLocation {
    let places = || each(value).filter(|place| types(place).all(|name| name != "VirtualLocation"));
    let place = places().find(|place| place.is_object()).or_else(|| places().next()).unwrap_or(&Value::Null);
    if let Some(text) = string(place) {
        return AnnouncedLocation::from_text(text);
    }
    let is_address = types(place).any(|name| name == "PostalAddress") || place["address"].is_null();
    let address = if is_address { place } else { first(&place["address"]) };
    let geo = first(&place["geo"]);
    let point = number(&geo["latitude"]).or(number(&place["latitude"]));
    let point = point.zip(number(&geo["longitude"]).or(number(&place["longitude"])));
    let street = string(&address["streetAddress"]).or(string(address)).and_then(text);
    let in_words = || street.clone().filter(|street| string(address).is_some() || street.contains(','));
    let venue = named(place);
    let in_name = || AnnouncedLocation::from_text(venue.as_deref().filter(|name| name.contains(','))?).city;
    AnnouncedLocation {
        postal_code: string(&address["postalCode"]).and_then(text),
        city: named(&address["addressLocality"]).or_else(in_words).or_else(in_name),
        region: named(&address["addressRegion"]),
        country: named(&address["addressCountry"]).as_deref().and_then(country),
        place: point.and_then(|(lat, lon)| Place::new(lat, lon).ok()),
        street,
        venue,
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
        url: each(&node["url"]).find_map(|url| string(url).or_else(|| id(url))).and_then(web_address),
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
    string(value).or_else(|| string(&first(value)["name"])).and_then(text)
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

/// A text: by itself, in a list, as `@value`, or in one of several languages.
fn string(value: &Value) -> Option<&str> {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Array(values) => values.iter().find_map(string)?,
        Value::Object(members) => match members.get("@value") {
            Some(value) => value.as_str()?,
            None => {
                let is_language = |name: &String| {
                    matches!(name.split('-').next().map(str::len), Some(2 | 3))
                        && !["id", "url", "geo"].contains(&&**name)
                };
                members.values().next().filter(|_| members.keys().all(is_language))?.as_str()?
            }
        },
        _ => return None,
    };
    Some(text.trim()).filter(|text| !text.is_empty())
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
            found.push((spot, event.map_err(|fault| fault.to_string())));
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
        let event = announcement(&concert()).unwrap();
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
                found.push((spot.to_string(), event.err().map(|fault| fault.reason == "cannot be read")));
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
            let outcome = announcement(&node);
            let told = outcome.map(|event| event.notes.iter().map(ToString::to_string).collect::<String>());
            assert!(told.unwrap_or_else(|fault| fault.to_string()).contains(field), "{field}");
        }
    }

    /// The events of a text, by name, and how the others failed.
    fn names(text: &str) -> Vec<(u64, String)> {
        let mut found = vec![];
        read(text.as_bytes(), &mut |spot, event| {
            let Spot::Record(record) = spot else { panic!("{spot}") };
            found.push((record, event.map_or_else(|fault| fault.reason.to_string(), |event| event.name)));
            true
        })
        .unwrap();
        found
    }

    fn event_named(name: &str) -> String {
        format!(
            r#"{{"@type": "Event", "name": "{name}", "startDate": "2027-06-10", "performer": [{{"name": "P"}}, {{"name": "Q"}}]}}"#
        )
    }

    fn numbered<const N: usize>(names: [(u64, &str); N]) -> Vec<(u64, String)> {
        names.map(|(number, name)| (number, name.to_owned())).to_vec()
    }

    #[test]
    fn a_record_that_cannot_be_read_spoils_no_other() {
        let [a, b, c] = ["A", "B", "C"].map(event_named);
        let odd = "cannot be read";
        let expected = numbered([(1, "A"), (2, odd), (3, "C")]);
        let newline = b.replace("2027-06-10", "2027\n06");
        let comma = b.replace("]}", "],}");
        let no_quote = b.replace("\"B\"", "\"B");
        let no_bracket = b.strip_suffix('}').unwrap();
        let surplus = format!("{comma}}}");
        for broken in [&newline, &comma, &no_quote, no_bracket, &surplus, "{'single': 'quotes'}"] {
            assert_eq!(names(&format!("[{a},\n{broken},\n{c}]")), expected, "{broken}");
            assert_eq!(names(&format!("{{\"@graph\": [{a}, {broken}, {c}]}}")), expected, "{broken}");
            assert_eq!(names(&format!("{a}\n{broken}\n{c}")), expected, "{broken}");
        }
        assert_eq!(names(&format!("[{a},,{b},]")), numbered([(1, "A"), (2, "B")]));
        assert_eq!(names(&format!("[{a}] [{b}]{c}")), numbered([(1, "A"), (2, "B"), (3, "C")]));
    }

    #[test]
    fn what_a_record_holds_is_read_though_the_record_cannot_be() {
        let [a, b, c, d] = ["A", "B", "C", "D"].map(event_named);
        let odd = "cannot be read";
        let no_quote = b.replace("\"2027-06-10", "2027-06-10");
        let festival = |parts: &[&str]| {
            format!(
                r#"{{"@type": "Festival", "name": "F", "startDate": "2027-06-09", "subEvent": [{}]}}"#,
                parts.join(", ")
            )
        };
        let middle = festival(&[&a, &no_quote, &c]);
        let expected = [(1, odd), (2, "A"), (3, odd), (4, "C"), (5, "D")];
        for text in [format!("{middle}{d}"), format!("[{middle}, {d}]"), format!("{{\"@graph\": [{middle}, {d}]}}")] {
            assert_eq!(names(&text), numbered(expected), "{text}");
        }
        // What is lost on the way is told as well, by name.
        let mut told = vec![];
        read(festival(&[&no_quote, &c]).as_bytes(), &mut |_, event| {
            told.push(event.map_or_else(|fault| fault.to_string(), |event| event.name));
            true
        })
        .unwrap();
        assert!(told[0].starts_with("cannot be read: ") && told[0].ends_with(" (F)"), "{told:?}");
        assert_eq!(told[1..], ["cannot be read (B)", "C"]);
        let padding = format!(r#"{{"x": "{}"}}"#, "x".repeat(1024 * 1024));
        let part = format!(r#"{{"x": "{}"}}"#, "x".repeat(1024 * 1024 - 100));
        let across = format!(r#"{{"data": [{part}, {a}, {b}]}} {c}"#);
        let expected = [(1, "is longer than 1 MiB"), (2, "A"), (3, "B"), (4, "C")];
        assert_eq!(names(&across), numbered(expected));
        let long = format!(r#"{{"data": [{a}, {b}, {padding}]}} {c}"#);
        let expected = [(1, "is longer than 1 MiB"), (2, "A"), (3, "B"), (4, "is longer than 1 MiB"), (5, "C")];
        assert_eq!(names(&long), numbered(expected));
    }

    #[test]
    fn events_are_found_in_what_holds_them() {
        let [a, b] = ["A", "B"].map(event_named);
        for text in [
            format!(r#"{{"@graph": {a}}}"#),
            format!(r#"{{"@type": "ItemList", "itemListElement": [{{"@type": "ListItem", "item": {a}}}]}}"#),
            format!(r#"{{"@type": "MusicGroup", "name": "P", "event": [{a}]}}"#),
            format!(r#"[{{"@type": "WebPage", "mainEntity": {a}}}]"#),
            a.replace("@type", "type"),
            format!(r#"{{"@type": "EventSeries", "name": "S", "subEvent": [{a}]}}"#),
        ] {
            assert_eq!(names(&text), numbered([(1, "A")]), "{text}");
        }
        let festival =
            format!(r#"{{"@type": "Festival", "name": "F", "startDate": "2027-06-09", "subEvent": [{a}, {b}]}}"#);
        assert_eq!(names(&festival), numbered([(1, "F"), (1, "A"), (1, "B")]));
        let season =
            r#"{"@type": "EventSeries", "name": "S", "location": "Toronto", "subEvent": {"startDate": "2027-06-10"}}"#;
        let event = all(serde_json::from_str(season).unwrap()).remove(0).1.unwrap();
        assert_eq!((event.name.as_str(), event.location.city.as_deref()), ("S", Some("Toronto")));
        assert_eq!(names(r#"[{"@type": "EventSeries", "name": "S"}]"#), numbered([(1, "has no startDate")]));
    }

    fn changed(field: &str, value: Value) -> Announcement {
        let mut node = concert();
        node[field] = value;
        announcement(&node).unwrap()
    }

    #[test]
    fn texts_may_be_of_a_language() {
        for name in [
            json!({"@language": "de", "@value": "Konzert"}),
            json!({"de": "Konzert", "en": "Concert"}),
            json!(["Konzert"]),
        ] {
            assert_eq!(changed("name", name.clone()).name, "Konzert", "{name}");
        }
    }

    #[test]
    fn a_location_may_be_words_an_address_or_a_list() {
        let parts = |value: Value| {
            let location = changed("location", value).location;
            (location.venue.unwrap_or_default(), location.city.unwrap_or_default())
        };
        let address = "178 Victoria St, Toronto, ON M5B 1T7, Canada";
        let expected = ("Massey Hall".to_owned(), address.to_owned());
        assert_eq!(parts(json!(format!("Massey Hall, {address}"))), expected);
        assert_eq!(parts(json!({"@type": "Place", "name": "Massey Hall", "address": address})), expected);
        assert_eq!(parts(json!([{"@type": "Place", "name": "Massey Hall", "address": [address]}])), expected);
        assert_eq!(parts(json!({"name": "Massey Hall", "address": {"streetAddress": address}})), expected);
        let postal = json!({"@type": "PostalAddress", "name": "Trinity College", "addressLocality": ["Dublin"], "addressCountry": "IE"});
        assert_eq!(parts(postal.clone()), ("Trinity College".into(), "Dublin".into()));
        assert_eq!(changed("location", postal).location.country, Some("IE"));
    }

    #[test]
    fn a_status_may_be_an_object_a_list_or_a_word() {
        let is_cancelled = |status: Value| {
            let mut node = concert();
            (node["name"], node["eventStatus"]) = (json!("Rock"), status);
            announcement(&node).unwrap().cancelled
        };
        for status in [
            json!({"@id": "https://schema.org/EventCancelled"}),
            json!("Cancelled"),
            json!(["EventCancelled"]),
            json!("https://schema.org/EventCancelled/"),
        ] {
            assert!(is_cancelled(status.clone()), "{status}");
        }
        assert!(!is_cancelled(json!("https://schema.org/EventScheduled")));
    }

    #[test]
    fn an_id_may_be_a_number_or_a_property() {
        let id = |field: &str, value: Value| {
            let mut node = concert();
            node["@id"] = Value::Null;
            node[field] = value;
            announcement(&node).unwrap().source_id
        };
        assert_eq!(id("identifier", json!(4711)).as_deref(), Some("4711"));
        assert_eq!(id("identifier", json!({"@type": "PropertyValue", "value": "J15"})).as_deref(), Some("J15"));
        assert_eq!(id("identifier", json!([{"value": 7}])).as_deref(), Some("7"));
        assert_eq!(id("id", json!("J14")).as_deref(), Some("J14"));
        assert_eq!(id("@id", json!("_:b0")), None);
        assert_eq!(id("identifier", json!("a\u{0}b")).as_deref(), Some("a b"));
    }

    #[test]
    fn what_no_database_keeps_is_left_out() {
        let event = changed("url", json!("https://example.com/a\u{0}b"));
        assert_eq!(event.offers.url, None);
        let event = changed("keywords", json!(["Mu\u{0}sic\u{0}"]));
        assert!(!event.category.category.contains('\0'), "{:?}", event.category);
    }
}

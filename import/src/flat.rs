//! Flat records: rows of a CSV with the header of `demo/events.csv`, or JSON objects with the same names, one a line.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use caravan_domain::catalogue::Place;
use caravan_domain::catalogue::event::{Category, Offers};
use serde_json::Value;

use crate::announcement::{AnnouncedLocation, AnnouncedOrganizer, Announcement, Record, Sink, Spot, prices};
use crate::areas::country;
use crate::fault::Fault;
use crate::json::LONGEST_RECORD;
use crate::json_ld;
use crate::table::{Row, Table};
use crate::text::{name, says_cancelled, text, verbatim, web_address};
use crate::when::{Ends, When};
use crate::zones;

/// What a flat record may say. `performers` are separated by `|`, `category` is a path separated by `/`, `all_day` is
/// `yes` or empty, `status` is `cancelled` or empty.
const FIELDS: [&str; 23] = [
    "source",
    "source_id",
    "name",
    "category",
    "performers",
    "starts_at",
    "ends_at",
    "all_day",
    "time_zone",
    "venue",
    "street",
    "postal_code",
    "city",
    "region",
    "country",
    "latitude",
    "longitude",
    "url",
    "organizer",
    "status",
    "currency",
    "lowest_price",
    "highest_price",
];

/// Reads rows under a header.
pub fn read_csv(input: impl BufRead, sink: &mut Sink) -> anyhow::Result<()> {
    let mut table = Table::new(input);
    let header = table.header()?;
    for needed in ["name", "starts_at"] {
        anyhow::ensure!(header.iter().any(|name| name == needed), "the header has no column {needed}");
    }
    for (at, name) in header.iter().enumerate().filter(|(_, name)| FIELDS.contains(&name.as_str())) {
        anyhow::ensure!(!header[..at].contains(name), "the header has two columns {name}");
    }
    let unknown: Vec<&str> = header.iter().map(String::as_str).filter(|name| !FIELDS.contains(name)).collect();
    if unknown.iter().any(|name| !name.is_empty()) {
        tracing::warn!("columns that are not known are left out: {}", unknown.join(", "));
    }
    while let Some((line, row)) = table.row()? {
        let event = match row {
            Row::Unclosed => Err(Fault::new("opens a quote that is not closed")),
            Row::TooLong => Err(Fault::new("is longer than 1 MiB")),
            Row::Fields(fields) => row_event(&header, &fields),
        };
        if !sink(Spot::Line(line), event) {
            break;
        }
    }
    Ok(())
}

fn row_event(header: &[String], row: &[Vec<u8>]) -> Record {
    // Spreadsheets pad rows and leave out empty fields at their ends.
    if row.iter().skip(header.len()).any(|field| !field.trim_ascii().is_empty()) {
        let reason = "has more fields than the header";
        return Err(Fault::told(reason, format!("has {} fields, the header has {}", row.len(), header.len())));
    }
    let mut fields: HashMap<&str, &str> = HashMap::new();
    for (name, field) in header.iter().zip(row).filter(|(name, _)| FIELDS.contains(&name.as_str())) {
        fields.insert(name, std::str::from_utf8(field).map_err(|_| Fault::new("is not UTF-8"))?);
    }
    announcement(|name| fields.get(name).map(|value| (*value).to_owned()))
}

/// Reads one JSON object a line: schema.org events where they say so, flat records otherwise.
pub fn read_ndjson(mut input: impl BufRead, sink: &mut Sink) -> anyhow::Result<()> {
    let mut line = vec![];
    for number in 1.. {
        line.clear();
        if (&mut input).take(LONGEST_RECORD as u64).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let spot = Spot::Line(number);
        if line.len() == LONGEST_RECORD && line.last() != Some(&b'\n') {
            input.skip_until(b'\n')?;
            if !sink(spot, Err(Fault::new("is longer than 1 MiB"))) {
                break;
            }
            continue;
        }
        // Lines of an array are written so as well.
        let text = line.trim_ascii();
        let text = text.strip_suffix(b",").unwrap_or(text).trim_ascii();
        if [b"".as_slice(), b"[", b"]"].contains(&text) {
            continue;
        }
        if !parse(text).into_iter().all(|event| sink(spot, event)) {
            break;
        }
    }
    Ok(())
}

fn parse(line: &[u8]) -> Vec<Record> {
    match serde_json::from_slice::<Value>(line) {
        Ok(Value::Object(fields)) if fields.contains_key("starts_at") => {
            vec![announcement(|name| flat(fields.get(name)?))]
        }
        Ok(object @ Value::Object(_)) => match json_ld::events(&object).as_slice() {
            [] if object.get("@type").is_some() || object.get("type").is_some() => vec![json_ld::announcement(&object)],
            [] => vec![announcement(|name| flat(object.get(name)?))],
            events => events.iter().map(json_ld::announcement).collect(),
        },
        Ok(_) => vec![Err(Fault::new("is not an object"))],
        Err(error) => vec![Err(Fault::told("is not JSON", format!("is not JSON: {error}")))],
    }
}

/// A JSON value as a cell would spell it.
fn flat(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(if *yes { "yes" } else { "" }.to_owned()),
        Value::Array(values) => Some(values.iter().filter_map(flat).collect::<Vec<_>>().join("|")),
        Value::Null | Value::Object(_) => None,
    }
}

fn announcement(cell: impl Fn(&str) -> Option<String>) -> Record {
    let (name, called_off) = name(&cell("name").unwrap_or_default()).ok_or(Fault::new("has no name"))?;
    named(cell, &name, called_off).map_err(|fault| fault.of(&name))
}

fn named(cell: impl Fn(&str) -> Option<String>, name: &str, called_off: bool) -> Record {
    let field = |name| cell(name).and_then(|value| text(&value));
    let when = |name| match field(name) {
        None => Ok(None),
        Some(value) => match When::parse(&value) {
            Some(when) => Ok(Some(when)),
            None => Err(Fault::of_field(name, &value, "is neither a date nor a time")),
        },
    };
    let all_day = match field("all_day").map(|value| value.to_lowercase()).as_deref() {
        None | Some("no" | "false" | "0") => false,
        Some("yes" | "true" | "1") => true,
        Some(other) => return Err(Fault::of_field("all_day", other, "is neither yes nor no")),
    };
    let starts = when("starts_at")?.ok_or(Fault::new("has no starts_at"))?;
    if all_day && !matches!(starts, When::Day(_)) {
        return Err(Fault::new("starts_at: is not a plain date, as all_day asks for"));
    }
    let zone = match field("time_zone") {
        Some(zone) => {
            let unknown = || Fault::of_field("time_zone", &zone, "is no time zone that is known");
            Some(zones::zone(&zone).ok_or_else(unknown)?)
        }
        None => None,
    };
    let zoned = |when| match (when, zone) {
        (When::Local(local), Some(zone)) => When::zoned(local, zone),
        (when, _) => when,
    };
    let mut notes = vec![];
    let ends = when("ends_at").unwrap_or_else(|fault| {
        notes.push(fault);
        None
    });
    // Where the separator is a semicolon, the decimal point is a comma.
    let number = |name| field(name).and_then(|value| value.replace(',', ".").parse::<f64>().ok());
    let currency = field("currency").unwrap_or_default();
    let amounts = [field("lowest_price"), field("highest_price")];
    Ok(Announcement {
        source: field("source"),
        source_id: cell("source_id").as_deref().and_then(verbatim),
        ends: ends.map(zoned).map(Ends::At),
        zone,
        location: AnnouncedLocation {
            venue: field("venue"),
            street: field("street"),
            postal_code: field("postal_code"),
            city: field("city"),
            region: field("region"),
            country: field("country").as_deref().and_then(country),
            place: number("latitude").zip(number("longitude")).and_then(|(lat, lon)| Place::new(lat, lon).ok()),
        },
        category: Category::from_path(&field("category").unwrap_or_default()),
        performers: field("performers").iter().flat_map(|names| names.split('|')).filter_map(text).collect(),
        offers: Offers {
            url: field("url").as_deref().and_then(web_address),
            prices: prices(amounts.iter().flatten().map(|amount| (amount.as_str(), currency.as_str()))),
            ..Offers::default()
        },
        organizer: field("organizer").map(|name| AnnouncedOrganizer { name, is_person: false }),
        cancelled: called_off || field("status").is_some_and(|status| says_cancelled(&status)),
        notes,
        ..Announcement::new(name.to_owned(), zoned(starts))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    type Found = Vec<(String, Record)>;

    fn csv(text: impl AsRef<[u8]>) -> anyhow::Result<Found> {
        let mut found = vec![];
        read_csv(text.as_ref(), &mut |spot, event| {
            found.push((spot.to_string(), event));
            true
        })?;
        Ok(found)
    }

    fn ndjson(text: &[u8]) -> Found {
        let mut found = vec![];
        read_ndjson(text, &mut |spot, event| {
            found.push((spot.to_string(), event));
            true
        })
        .unwrap();
        found
    }

    fn outcomes(found: &Found) -> Vec<(&str, bool)> {
        found.iter().map(|(line, event)| (line.as_str(), event.is_ok())).collect()
    }

    fn first() -> Announcement {
        csv("name,starts_at\nA,2026-01-30\n").unwrap().remove(0).1.unwrap()
    }

    #[test]
    fn rows_are_read_and_bad_ones_named_by_line() {
        let found =
            csv("source,source_id,name,starts_at,all_day,performers,country,latitude,longitude,time_zone,ends_at\n\
             f,1,\"Two\nlines\",2026-06-11T13:00:00-06:00,,Mexico|South Africa,mx,19.3,-99.1,America/Mexico_City,\n\
             f,2,Short\n\
             f,3,Days,2026-06-11,yes,,,,,Mars/Olympus,\n\
             f,4,Days,2026-06-11,yes,,,,,UTC,2026-06-12\n\
             f,5,,2026-06-11,yes,,,,,UTC,\n\
             f,6,Timed,2026-06-11T10:00,yes,,,,,UTC,\n")
            .unwrap();
        let expected = [
            ("line 2", true),
            ("line 4", false),
            ("line 5", false),
            ("line 6", true),
            ("line 7", false),
            ("line 8", false),
        ];
        assert_eq!(outcomes(&found), expected);
        let match_ = found[0].1.as_ref().unwrap();
        assert_eq!(match_.name, "Two lines");
        assert_eq!(match_.performers, ["Mexico", "South Africa"]);
        assert_eq!(match_.location.country, Some("MX"));
        let last = NaiveDate::from_ymd_opt(2026, 6, 12).unwrap();
        assert_eq!(found[3].1.as_ref().unwrap().ends, Some(Ends::At(When::Day(last))));
    }

    #[test]
    fn rows_may_be_longer_or_shorter_by_empty_fields() {
        let found =
            csv("name,starts_at,city\nA,2026-01-30,Toronto,,\nB,2026-01-30\nC,2026-01-30,Toronto,,x\n").unwrap();
        assert_eq!(outcomes(&found), [("line 2", true), ("line 3", true), ("line 4", false)]);
        assert_eq!(found[2].1.as_ref().unwrap_err().to_string(), "has 5 fields, the header has 3");
    }

    #[test]
    fn a_file_with_another_header_is_refused() {
        assert!(csv("title,date\nx,y\n").unwrap_err().to_string().contains("column name"));
        let twice = csv("name,starts_at,City,city \n").unwrap_err();
        assert_eq!(twice.to_string(), "the header has two columns city");
        // Columns that are not read may be called alike, such as empty ones.
        assert!(csv("name,starts_at,,\n").is_ok());
        assert!(csv("").is_err());
    }

    #[test]
    fn a_bad_end_is_left_out_and_told() {
        let event = csv("name,starts_at,ends_at\nA,2026-01-30,late\n").unwrap().remove(0).1.unwrap();
        assert_eq!(event.ends, None);
        assert_eq!(event.notes[0].to_string(), "ends_at: \"late\" is neither a date nor a time");
    }

    #[test]
    fn lines_hold_flat_records_or_schema_org_events() {
        let long = format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024));
        let text = format!(
            "{{\"name\": \"A\", \"starts_at\": \"2026-01-30\", \"performers\": [\"B\", \"C\"], \"latitude\": 1.5, \"longitude\": 2}},\n\n{long}\n{}\nnonsense\n[1]\n{}",
            r#"{"@type": "Event", "name": "D", "startDate": "2026-01-30"}"#,
            r#"{"type": "MusicEvent", "id": "7", "name": "E", "startDate": "2026-01-30"}"#
        );
        let found = ndjson(text.as_bytes());
        let expected = [
            ("line 1", true),
            ("line 3", false),
            ("line 4", true),
            ("line 5", false),
            ("line 6", false),
            ("line 7", true),
        ];
        assert_eq!(outcomes(&found), expected);
        assert_eq!(found[0].1.as_ref().unwrap().performers, ["B", "C"]);
        assert_eq!(found[0].1.as_ref().unwrap().location.place, Place::new(1.5, 2.0).ok());
    }

    #[test]
    fn ids_tell_events_apart_and_stay() {
        assert_eq!(first().external_id(), first().external_id());
        let mut other = first();
        other.location.venue = Some("Hall".into());
        assert_ne!(first().external_id(), other.external_id());
        let mut numbered = first();
        numbered.source_id = Some("17".into());
        assert_eq!(numbered.external_id(), "17");
    }
}

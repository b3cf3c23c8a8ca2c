//! Flat records: rows of a CSV with the header of `demo/events.csv`, or JSON objects with the same names, one a line.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use caravan_domain::catalogue::Place;
use caravan_domain::catalogue::event::{Category, Offers};
use chrono_tz::Tz;
use serde_json::Value;

use crate::announcement::{
    AnnouncedLocation, AnnouncedOrganizer, Announcement, Ends, Sink, Spot, When, name, prices, text, web_address,
};
use crate::areas::country;
use crate::json_ld;

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

/// Longest line of NDJSON, in bytes.
const LONGEST_LINE: u64 = 1024 * 1024;

/// Reads rows under a header.
pub fn read_csv(input: impl Read, sink: &mut Sink) -> anyhow::Result<()> {
    // Every row ends with a line feed, the last one too, so that its line follows from how many were read by then.
    let terminator = csv::Terminator::Any(b'\n');
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).terminator(terminator).from_reader(input.chain(b"\n".as_slice()));
    let header: Vec<String> = reader.headers()?.iter().map(|name| name.trim().to_lowercase()).collect();
    for needed in ["name", "starts_at"] {
        anyhow::ensure!(header.iter().any(|name| name == needed), "the header has no column {needed}");
    }
    for (at, name) in header.iter().enumerate().filter(|(_, name)| FIELDS.contains(&name.as_str())) {
        anyhow::ensure!(!header[..at].contains(name), "the header has two columns {name}");
    }
    for unknown in header.iter().filter(|name| !FIELDS.contains(&name.as_str())) {
        tracing::warn!("column {unknown:?} is not known and left out");
    }
    let mut row = csv::ByteRecord::new();
    while reader.read_byte_record(&mut row)? {
        let lines = 1 + row.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        // Its own position takes in blank lines before it, but is right where a quote is never closed.
        let position = row.position().map_or(1, csv::Position::line);
        let spot = Spot::Line(position.max(reader.position().line().saturating_sub(lines)));
        let event = match csv::StringRecord::from_byte_record(row.clone()) {
            // A blank line.
            Ok(row) if row.len() == 1 && row[0].trim().is_empty() => continue,
            Ok(row) if row.len() != header.len() => {
                Err(format!("has {} fields, the header has {}", row.len(), header.len()))
            }
            Ok(row) => {
                let fields: HashMap<&str, &str> = header.iter().map(String::as_str).zip(&row).collect();
                announcement(|name| fields.get(name).map(|value| (*value).to_owned()))
            }
            Err(_) => Err("is not UTF-8".into()),
        };
        if !sink(spot, event) {
            break;
        }
    }
    Ok(())
}

/// Reads one JSON object a line: schema.org events where they say so, flat records otherwise.
pub fn read_ndjson(mut input: impl BufRead, sink: &mut Sink) -> anyhow::Result<()> {
    let mut line = vec![];
    for number in 1.. {
        line.clear();
        if (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
            input.skip_until(b'\n')?;
            if !sink(Spot::Line(number), Err("is longer than 1 MiB".into())) {
                break;
            }
            continue;
        }
        if !line.trim_ascii().is_empty() && !sink(Spot::Line(number), parse(&line)) {
            break;
        }
    }
    Ok(())
}

fn parse(line: &[u8]) -> Result<Announcement, String> {
    match serde_json::from_slice::<Value>(line) {
        Ok(object) if object.get("@type").is_some() => json_ld::event(&object),
        Ok(Value::Object(fields)) => announcement(|name| flat(fields.get(name)?)),
        Ok(_) => Err("is not an object".into()),
        Err(error) => Err(format!("is not JSON: {error}")),
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

fn announcement(cell: impl Fn(&str) -> Option<String>) -> Result<Announcement, String> {
    let field = |name| cell(name).and_then(|value| text(&value));
    let (name, called_off) = name(&cell("name").unwrap_or_default())?;
    let when = |name| match field(name) {
        Some(value) => When::parse(&value).map(Some).map_err(|error| format!("{name}: {error}")),
        None => Ok(None),
    };
    let all_day = match field("all_day").map(|value| value.to_lowercase()).as_deref() {
        None | Some("no" | "false" | "0") => false,
        Some("yes" | "true" | "1") => true,
        Some(other) => return Err(format!("all_day: {other:?} is neither yes nor no")),
    };
    let starts = when("starts_at")?.ok_or("has no starts_at")?;
    if all_day && !matches!(starts, When::Day(_)) {
        return Err("starts_at: is not a plain date, as all_day asks for".into());
    }
    let zone = match field("time_zone") {
        Some(zone) => Some(zone.parse::<Tz>().map_err(|_| format!("time_zone: {zone:?} is not an IANA time zone"))?),
        None => None,
    };
    let number = |name| field(name).and_then(|value| value.parse::<f64>().ok());
    let currency = field("currency").unwrap_or_default();
    let amounts = [field("lowest_price"), field("highest_price")];
    Ok(Announcement {
        source: field("source"),
        source_id: field("source_id"),
        name,
        starts,
        ends: when("ends_at")?.map(Ends::At),
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
        cancelled: called_off || field("status").is_some_and(|status| status.to_lowercase().starts_with("cancel")),
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use chrono::NaiveDate;

    type Found = Vec<(String, Result<Announcement, String>)>;

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

    pub fn announcement() -> Announcement {
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
        let lines: Vec<_> = found.iter().map(|(line, event)| (line.as_str(), event.is_ok())).collect();
        let expected = [
            ("line 2", true),
            ("line 4", false),
            ("line 5", false),
            ("line 6", true),
            ("line 7", false),
            ("line 8", false),
        ];
        assert_eq!(lines, expected);
        let match_ = found[0].1.as_ref().unwrap();
        assert_eq!(match_.name, "Two lines");
        assert_eq!(match_.performers, ["Mexico", "South Africa"]);
        assert_eq!(match_.location.country, Some("MX"));
        let last = NaiveDate::from_ymd_opt(2026, 6, 12).unwrap();
        assert_eq!(found[3].1.as_ref().unwrap().ends, Some(Ends::At(When::Day(last))));
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        let rows: &[u8] = b"name,starts_at\n\nA,soon\n\"B\nB\",soon\n \nC\xff,soon\n\"D\",soon\n\"E";
        for end in [b"\n".as_slice(), b"\r\n"] {
            let text = rows.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(end);
            let lines: Vec<_> = csv(text).unwrap().into_iter().map(|(line, _)| line).collect();
            assert_eq!(lines, ["line 3", "line 4", "line 7", "line 8", "line 9"]);
        }
    }

    #[test]
    fn a_file_with_another_header_is_refused() {
        assert!(csv("title,date\nx,y\n").unwrap_err().to_string().contains("column name"));
        let twice = csv("name,starts_at,City,city \n").unwrap_err();
        assert_eq!(twice.to_string(), "the header has two columns city");
        // Columns that are not read may be called alike, such as empty ones.
        assert!(csv("name,starts_at,,\n").is_ok());
    }

    #[test]
    fn lines_hold_flat_records_or_schema_org_events() {
        let long = format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024));
        let text = format!(
            "{{\"name\": \"A\", \"starts_at\": \"2026-01-30\", \"performers\": [\"B\", \"C\"], \"latitude\": 1.5, \"longitude\": 2}}\n\n{long}\n{}\nnonsense\n[1]",
            r#"{"@type": "Event", "name": "D", "startDate": "2026-01-30"}"#
        );
        let found = ndjson(text.as_bytes());
        let lines: Vec<_> = found.iter().map(|(line, event)| (line.as_str(), event.is_ok())).collect();
        assert_eq!(
            lines,
            [("line 1", true), ("line 3", false), ("line 4", true), ("line 5", false), ("line 6", false)]
        );
        assert_eq!(found[0].1.as_ref().unwrap().performers, ["B", "C"]);
        assert_eq!(found[0].1.as_ref().unwrap().location.place, Place::new(1.5, 2.0).ok());
    }

    #[test]
    fn ids_tell_events_apart_and_stay() {
        let first = announcement();
        assert_eq!(first.external_id(), announcement().external_id());
        let mut other = announcement();
        other.location.venue = Some("Hall".into());
        assert_ne!(first.external_id(), other.external_id());
        let mut numbered = announcement();
        numbered.source_id = Some("17".into());
        assert_eq!(numbered.external_id(), "17");
    }
}

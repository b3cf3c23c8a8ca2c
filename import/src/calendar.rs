//! iCalendar (RFC 5545), event by event.

use std::io::{self, BufRead};
use std::str::FromStr;

use caravan_domain::catalogue::Place;
use caravan_domain::catalogue::event::{Category, Offers};
use chrono::{Days, TimeDelta};
use chrono_tz::Tz;
use icalendar::{CalendarComponent, CalendarDateTime, Component, DatePerhapsTime, Event, EventLike};

use crate::announcement::{AnnouncedLocation, Announcement, Ends, Sink, Spot, When, name, text, web_address};
use crate::areas::areas;

/// Longest event, in bytes.
const LONGEST_EVENT: usize = 1024 * 1024;

/// Reads the events of a calendar; what else it holds is passed over.
pub fn read(mut input: impl BufRead, sink: &mut Sink) -> anyhow::Result<()> {
    let mut zone: Option<Tz> = None;
    let mut event: Option<(u64, Vec<u8>)> = None;
    let mut seen_calendar = false;
    let mut line = vec![];
    let mut number = 1;
    loop {
        let read = read_unfolded(&mut input, &mut line)?;
        if read == 0 {
            break;
        }
        capitalise_names(&mut line);
        let word = line.to_ascii_uppercase();
        match &mut event {
            None if word == b"BEGIN:VEVENT" => event = Some((number, b"BEGIN:VEVENT\r\n".to_vec())),
            None if word.starts_with(b"BEGIN:VCALENDAR") => seen_calendar = true,
            None => {
                if let Some(name) = line.strip_prefix(b"X-WR-TIMEZONE:") {
                    zone = zone_of(&String::from_utf8_lossy(name));
                }
            }
            Some((start, lines)) if word == b"END:VEVENT" => {
                let spot = Spot::Line(*start);
                lines.extend(b"END:VEVENT\r\n");
                let outcome = match std::str::from_utf8(lines) {
                    _ if lines.len() > LONGEST_EVENT => Err("is longer than 1 MiB".into()),
                    Ok(lines) => parse(lines, zone),
                    Err(_) => Err("is not UTF-8".into()),
                };
                event = None;
                if !sink(spot, outcome) {
                    return Ok(());
                }
            }
            Some((_, lines)) if lines.len() <= LONGEST_EVENT => {
                lines.extend(&line);
                lines.extend(b"\r\n");
            }
            Some(_) => {}
        }
        number += read;
    }
    anyhow::ensure!(seen_calendar, "has no BEGIN:VCALENDAR");
    if let Some((start, _)) = event {
        sink(Spot::Line(start), Err("has no END:VEVENT".into()));
    }
    Ok(())
}

/// Reads a content line with the lines it was folded into, which may split a character. Says how many lines it was.
fn read_unfolded(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    line.clear();
    let mut read = 0;
    while input.read_until(b'\n', line)? > 0 {
        read += 1;
        while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            line.pop();
        }
        match input.fill_buf()?.first() {
            Some(b' ' | b'\t') => input.consume(1),
            _ => break,
        }
        // More is not kept.
        line.truncate(LONGEST_EVENT);
    }
    Ok(read)
}

/// Puts the names of properties and parameters in capitals, as the parser knows them.
fn capitalise_names(line: &mut [u8]) {
    let mut is_name = true;
    let mut is_quoted = false;
    for byte in line {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b':' if !is_quoted => return,
            b';' if !is_quoted => is_name = true,
            b'=' if !is_quoted => is_name = false,
            _ if is_name => byte.make_ascii_uppercase(),
            _ => {}
        }
    }
}

fn parse(lines: &str, default_zone: Option<Tz>) -> Result<Announcement, String> {
    let calendar = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{lines}END:VCALENDAR\r\n");
    let calendar = icalendar::Calendar::from_str(&calendar).map_err(|_| "is not iCalendar".to_owned())?;
    match calendar.components.as_slice() {
        [CalendarComponent::Event(event)] => announcement(event, default_zone),
        _ => Err("is not one event".into()),
    }
}

fn announcement(event: &Event, default_zone: Option<Tz>) -> Result<Announcement, String> {
    if event.properties().contains_key("RRULE") || event.multi_properties().contains_key("RDATE") {
        return Err("repeats (RRULE, RDATE): only single events are taken".into());
    }
    let (name, called_off) = name(event.get_summary().unwrap_or_default())?;
    let (starts, zone) = moment(event.get_start().ok_or("has no DTSTART that can be read")?, default_zone)?;
    let ends = match (event.get_end(), event.property_value("DURATION")) {
        // A day that ends an event in a calendar is the one after it.
        (Some(DatePerhapsTime::Date(after)), _) => {
            let last = after.checked_sub_days(Days::new(1)).unwrap_or(after);
            Some(Ends::At(When::Day(match starts {
                When::Day(first) if after == first => first,
                _ => last,
            })))
        }
        (Some(end), _) => Some(Ends::At(moment(end, default_zone)?.0)),
        (None, _) if event.properties().contains_key("DTEND") => return Err("has no DTEND that can be read".into()),
        (None, Some(text)) => {
            let length = duration(text).ok_or_else(|| format!("DURATION: {text:?} is not a duration"))?;
            Some(Ends::After(length))
        }
        (None, None) => None,
    };
    // One occurrence of a series has the series' id and a date of its own.
    let occurrence = event.property_value("RECURRENCE-ID").map(|id| format!("/{id}")).unwrap_or_default();
    let categories = event.get_categories().unwrap_or_default();
    let status = event.property_value("STATUS").unwrap_or_default();
    Ok(Announcement {
        source: None,
        source_id: event.get_uid().and_then(text).map(|uid| uid + &occurrence),
        name,
        starts,
        ends,
        zone: zone.or(default_zone),
        location: location(event),
        category: Category::from_words(categories.iter().map(String::as_str)),
        performers: vec![],
        offers: Offers { url: event.get_url().and_then(web_address), ..Offers::default() },
        // ORGANIZER is a mailbox, mostly a person's.
        organizer: None,
        cancelled: called_off || status.trim().eq_ignore_ascii_case("CANCELLED"),
    })
}

fn moment(moment: DatePerhapsTime, default_zone: Option<Tz>) -> Result<(When, Option<Tz>), String> {
    Ok(match moment {
        DatePerhapsTime::Date(day) => (When::Day(day), None),
        DatePerhapsTime::DateTime(CalendarDateTime::Utc(instant)) => (When::Instant(instant), None),
        DatePerhapsTime::DateTime(CalendarDateTime::Floating(local)) => (When::Local(local), None),
        DatePerhapsTime::DateTime(CalendarDateTime::WithTimezone { date_time, tzid }) => {
            let zone = zone_of(&tzid).or(default_zone);
            (When::Local(date_time), Some(zone.ok_or_else(|| format!("TZID: {tzid:?} is not an IANA time zone"))?))
        }
    })
}

/// Some programs put a path before the zone's name: `/example.org/America/Toronto`.
fn zone_of(tzid: &str) -> Option<Tz> {
    let tzid = tzid.trim().trim_matches('"');
    let tails = tzid.match_indices('/').map(|(at, _)| &tzid[at + 1..]);
    std::iter::once(tzid).chain(tails).find_map(|name| name.parse().ok())
}

/// `P1DT2H30M`, in weeks, days, hours, minutes and seconds.
fn duration(text: &str) -> Option<TimeDelta> {
    let mut seconds: i64 = 0;
    let mut digits = String::new();
    let rest = text.trim().trim_start_matches('+').strip_prefix('P')?;
    for char in rest.chars() {
        let unit = match char {
            'W' => 7 * 86_400,
            'D' => 86_400,
            'H' => 3_600,
            'M' => 60,
            'S' => 1,
            'T' if digits.is_empty() => continue,
            digit if digit.is_ascii_digit() && digits.len() < 9 => {
                digits.push(digit);
                continue;
            }
            _ => return None,
        };
        seconds = seconds.checked_add(digits.parse::<i64>().ok()? * unit)?;
        digits.clear();
    }
    if digits.is_empty() && rest.len() > 1 { TimeDelta::try_seconds(seconds) } else { None }
}

/// `LOCATION` is free text, mostly "venue, street, city, country" or these in lines.
fn location(event: &Event) -> AnnouncedLocation {
    let parts: Vec<String> = event.get_location().unwrap_or_default().split([',', '\n']).filter_map(text).collect();
    let venue = parts.first().cloned();
    // "Toronto, ON" and a single part may name the city; what has a city after it is a venue.
    let may_be_city = parts.iter().skip(1).all(|part| !areas(part).is_empty());
    let city = text(&parts[usize::from(!may_be_city)..].join(", "));
    let point = event.property_value("GEO").and_then(|geo| geo.split_once(';'));
    let place = point.and_then(|(lat, lon)| Place::new(lat.trim().parse().ok()?, lon.trim().parse().ok()?).ok());
    AnnouncedLocation { venue, city, place, ..AnnouncedLocation::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{NaiveDate, NaiveDateTime};
    use chrono_tz::America::Toronto;
    use chrono_tz::Europe::Vienna;

    fn all(text: impl AsRef<[u8]>) -> anyhow::Result<Vec<(String, Result<Announcement, String>)>> {
        let mut found = vec![];
        read(text.as_ref(), &mut |spot, event| {
            found.push((spot.to_string(), event));
            true
        })?;
        Ok(found)
    }

    fn one(lines: &str) -> Result<Announcement, String> {
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1@x\r\nSUMMARY:Talk\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        all(&text).unwrap().remove(0).1
    }

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn times_have_a_zone_are_utc_or_whole_days() {
        let zoned = one("DTSTART;TZID=America/Toronto:20260130T190000\r\nDURATION:PT1H30M").unwrap();
        assert_eq!((zoned.starts, zoned.zone), (When::Local(local("2026-01-30T19:00:00")), Some(Toronto)));
        assert_eq!(zoned.ends, Some(Ends::After(TimeDelta::minutes(90))));
        let path = one("DTSTART;TZID=/example.org/Europe/Vienna:20260130T190000").unwrap();
        assert_eq!(path.zone, Some(Vienna));
        let utc = one("DTSTART:20260130T190000Z\r\nDTEND:20260130T200000Z").unwrap();
        assert_eq!(utc.starts, When::parse("2026-01-30T19:00:00Z").unwrap());
        let days = one("DTSTART;VALUE=DATE:20260130\r\nDTEND;VALUE=DATE:20260201").unwrap();
        let day = |day| NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        assert_eq!((days.starts, days.ends), (When::Day(day(30)), Some(Ends::At(When::Day(day(31))))));
        let leap = one("DTSTART:20161231T235960Z").unwrap().schedule(Toronto).unwrap();
        assert_eq!(leap.starts_at.to_rfc3339(), "2017-01-01T00:00:00+00:00");
        let endless = one("DTSTART:20260130T190000Z\r\nDURATION:P99999999W").unwrap().schedule(Toronto);
        assert_eq!(endless.unwrap_err().to_string(), "ends_at: is out of the calendar");
        assert!(one("DTSTART;TZID=Nowhere:20260130T190000").unwrap_err().contains("TZID"));
        assert!(one("DTSTART:today").is_err());
        assert!(one("DTSTART:20260130T190000Z\r\nDTEND:whenever").is_err());
    }

    #[test]
    fn events_are_read_one_by_one_and_named_by_line() {
        let found = all("BEGIN:VCALENDAR\nX-WR-TIMEZONE:Europe/Vienna\nBEGIN:VTIMEZONE\nTZID:X\nEND:VTIMEZONE\n\
             BEGIN:VEVENT\nUID:a\nSUMMARY:Long na\n me\\, folded\nDTSTART:20260130T190000\n\
             LOCATION:Konzerthaus\\, Lothringerstraße 20\\, Wien\\, AT\nGEO:48.2;16.37\nCATEGORIES:Music,Rock\n\
             STATUS:CANCELLED\nURL:https://example.com/a\nORGANIZER;CN=A Person:mailto:a@example.com\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:b\nSUMMARY:Weekly\nDTSTART:20260130T190000Z\nRRULE:FREQ=WEEKLY\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:c\nSUMMARY:Cut off\n")
        .unwrap();
        let spots: Vec<_> = found.iter().map(|(spot, event)| (spot.as_str(), event.is_ok())).collect();
        assert_eq!(spots, [("line 6", true), ("line 18", false), ("line 24", false)]);
        let event = found[0].1.as_ref().unwrap();
        assert_eq!(event.name, "Long name, folded");
        assert_eq!(event.zone, Some(Vienna));
        assert!(event.cancelled);
        assert_eq!(event.organizer, None);
        assert_eq!(event.location.venue.as_deref(), Some("Konzerthaus"));
        assert_eq!(event.location.city.as_deref(), Some("Lothringerstraße 20, Wien, AT"));
        assert_eq!(event.category.category, "Concerts/Music");
    }

    #[test]
    fn every_part_of_a_location_but_the_venue_may_be_the_city() {
        let parts = |location: &str| {
            let location = one(&format!("DTSTART:20260130T190000Z\r\nLOCATION:{location}")).unwrap().location;
            (location.venue.unwrap_or_default(), location.city.unwrap_or_default())
        };
        let pair = |venue: &str, city: &str| (venue.to_owned(), city.to_owned());
        assert_eq!(
            parts("Massey Hall\\n178 Victoria St\\nToronto\\, Ontario\\, Canada"),
            pair("Massey Hall", "178 Victoria St, Toronto, Ontario, Canada")
        );
        assert_eq!(parts("Toronto\\, ON"), pair("Toronto", "Toronto, ON"));
        assert_eq!(parts("Massey Hall\\, Toronto"), pair("Massey Hall", "Toronto"));
        assert_eq!(parts("Toronto"), pair("Toronto", "Toronto"));
        assert_eq!(parts(""), pair("", ""));
    }

    #[test]
    fn names_and_states_are_known_in_any_case() {
        let event = one("dtstart;tzid=\"America/Toronto\":20260130T190000\r\nstatus:cancelled").unwrap();
        assert_eq!((event.zone, event.cancelled), (Some(Toronto), true));
    }

    #[test]
    fn bytes_are_unfolded_before_they_are_read_and_must_be_text() {
        let calendar = |summary: &[u8]| {
            let start = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260130T190000Z\r\nSUMMARY:";
            all([start, summary, b"\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"].concat())
                .unwrap()
        };
        let folded = calendar(b"Caf\xc3\r\n \xa9\r\n\t Nights");
        assert_eq!(folded[0].1.as_ref().unwrap().name, "Café Nights");
        assert_eq!(folded[1].0, "line 8");
        let latin = calendar(b"Caf\xe9");
        assert_eq!((latin[0].0.as_str(), latin[0].1.as_ref().unwrap_err().as_str()), ("line 2", "is not UTF-8"));
    }

    #[test]
    fn what_is_no_calendar_is_refused() {
        assert!(all("hello\n").is_err());
    }

    #[test]
    fn durations_are_weeks_to_seconds() {
        assert_eq!(duration("P1W"), Some(TimeDelta::weeks(1)));
        assert_eq!(duration("P1DT2H3M4S"), Some(TimeDelta::seconds(93_784)));
        for wrong in ["", "P", "PT", "1H", "P1", "PX", "-PT1H"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}

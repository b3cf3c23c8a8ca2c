//! iCalendar (RFC 5545), event by event.

mod line;
mod time_zone;

use std::collections::HashMap;
use std::io::BufRead;

use caravan_domain::catalogue::Place;
use caravan_domain::catalogue::event::{Category, Offers};
use chrono::{Days, TimeDelta};
use chrono_tz::Tz;

use crate::announcement::{AnnouncedLocation, Announcement, Record, Sink, Spot};
use crate::fault::{Fault, shortened};
use crate::text::{name, says_cancelled, text, verbatim, web_address};
use crate::when::{Ends, Length, When};
use crate::zones;
use line::{LONGEST_EVENT, Line, read_unfolded};
use time_zone::OwnZone;

/// Reads the events of calendars; what else they hold is passed over.
pub fn read(mut input: impl BufRead, sink: &mut Sink) -> anyhow::Result<()> {
    let mut calendar = Calendar::default();
    let mut place = Reading::Calendar;
    let mut seen_calendar = false;
    let mut bytes = vec![];
    let mut number = 1;
    loop {
        let read = read_unfolded(&mut input, &mut bytes)?;
        let spot = Spot::Line(number);
        number += read;
        if read == 0 {
            break;
        }
        let line = Line::parse(&String::from_utf8_lossy(&bytes));
        let block = line.as_ref().map(|line| (line.name.as_str(), line.value.trim().to_ascii_uppercase()));
        let block = block.as_ref().map(|(name, value)| (*name, value.as_str()));
        match (&mut place, block) {
            (_, Some(("BEGIN", "VEVENT"))) => {
                let before = std::mem::replace(&mut place, Reading::Event(Lines::new(spot)));
                if let Reading::Event(cut) = before
                    && !sink(cut.spot, Err(Fault::new("has no END:VEVENT")))
                {
                    return Ok(());
                }
            }
            (Reading::Event(event), Some(("END", "VEVENT"))) => {
                let (spot, outcome) = (event.spot, event.announcement(&calendar));
                place = Reading::Calendar;
                if !sink(spot, outcome) {
                    return Ok(());
                }
            }
            (Reading::Event(event), Some(("END", "VCALENDAR"))) => {
                let spot = event.spot;
                (calendar, place) = (Calendar::default(), Reading::Calendar);
                if !sink(spot, Err(Fault::new("has no END:VEVENT"))) {
                    return Ok(());
                }
            }
            (Reading::Event(event), _) => event.take(&bytes, line),
            (_, Some(("BEGIN", "VCALENDAR"))) => {
                (calendar, place, seen_calendar) = (Calendar::default(), Reading::Calendar, true);
            }
            (Reading::Calendar, Some(("BEGIN", "VTIMEZONE"))) => place = Reading::Zone(OwnZone::default()),
            (Reading::Zone(zone), Some(("END", "VTIMEZONE"))) => {
                let zone = std::mem::take(zone);
                calendar.zones.insert(zone.id.clone(), zone);
                place = Reading::Calendar;
            }
            (Reading::Zone(zone), _) => line.iter().for_each(|line| zone.take(line)),
            (Reading::Calendar, _) => line.iter().for_each(|line| calendar.take(line)),
        }
    }
    anyhow::ensure!(seen_calendar, "has no BEGIN:VCALENDAR");
    if let Reading::Event(cut) = place {
        sink(cut.spot, Err(Fault::new("has no END:VEVENT")));
    }
    Ok(())
}

enum Reading {
    Calendar,
    Zone(OwnZone),
    Event(Lines),
}

/// What a calendar says about all of its events.
#[derive(Default)]
struct Calendar {
    /// Of times that say none.
    zone: Option<Tz>,
    is_cancelled: bool,
    zones: HashMap<String, OwnZone>,
}

impl Calendar {
    fn take(&mut self, line: &Line) {
        match line.name.as_str() {
            "X-WR-TIMEZONE" => self.zone = zones::zone(&line.value),
            "METHOD" => self.is_cancelled = line.value.trim().eq_ignore_ascii_case("CANCEL"),
            _ => {}
        }
    }

    /// The moment of a DTSTART or DTEND, and the zone that it names.
    fn moment(&self, line: &Line) -> Result<(When, Option<Tz>), Fault> {
        let wrong = || Fault::of_field(&line.name, &line.value, "is neither a date nor a time");
        let is_day = line.parameter("VALUE").is_some_and(|kind| kind.eq_ignore_ascii_case("DATE"));
        let id = line.parameter("TZID").map(str::trim).filter(|id| !id.is_empty());
        let when = match When::parse(&line.value).ok_or_else(wrong)? {
            // Midnight of what is called a day is that day.
            When::Local(local) if is_day && local.time() == chrono::NaiveTime::MIN => When::Day(local.date()),
            when => when,
        };
        let Some(id) = id else { return Ok((when, None)) };
        let own = self.zones.get(id);
        // "EST" is what the file says it is: mostly not what IANA has by that name.
        let goes_first =
            own.is_some_and(|own| zones::is_abbreviation(id) && (own.alias().is_some() || own.has_rules()));
        let named = zones::zone(id).filter(|_| !goes_first);
        let zone = named.or_else(|| own?.alias());
        match (when, zone) {
            (When::Local(local), Some(zone)) => Ok((When::zoned(local, zone), Some(zone))),
            (When::Local(local), None) => {
                let unknown = || {
                    Fault::told(
                        "TZID: is no time zone that is known",
                        format!("TZID: {:?} is no time zone that is known", shortened(id)),
                    )
                };
                let own = own.ok_or_else(unknown)?;
                if own.is_unclear() {
                    let reason = "TZID: its VTIMEZONE has rules that are not understood";
                    let told = format!("TZID: {:?}: its VTIMEZONE has rules that are not understood", shortened(id));
                    return Err(Fault::told(reason, told));
                }
                let when = own.read(local).ok_or_else(unknown)?;
                Ok((when, zones::of_clock(when)))
            }
            (when, zone) => Ok((when, zone)),
        }
    }
}

/// The lines of an event.
struct Lines {
    spot: Spot,
    lines: Vec<Line>,
    bytes: usize,
    is_text: bool,
    /// Components inside of it, such as alarms, that have lines of the same names.
    depth: u32,
    /// Whether the last line was one to keep.
    is_kept: bool,
}

impl Lines {
    fn new(spot: Spot) -> Lines {
        Lines { spot, lines: vec![], bytes: 0, is_text: true, depth: 0, is_kept: false }
    }

    fn take(&mut self, bytes: &[u8], line: Option<Line>) {
        match line.as_ref().map(|line| line.name.as_str()) {
            Some("BEGIN") => self.depth += 1,
            Some("END") => self.depth = self.depth.saturating_sub(1),
            _ if self.depth > 0 => {}
            Some(name) => self.is_kept = READ.contains(&name),
            None => {}
        }
        if self.depth > 0 || !self.is_kept {
            return;
        }
        self.bytes += bytes.len();
        match line {
            _ if self.bytes > LONGEST_EVENT => {}
            Some(line) => {
                self.is_text &= std::str::from_utf8(bytes).is_ok();
                self.lines.push(line);
            }
            // The rest of a text whose line breaks were not encoded.
            None => {
                let is_text = |line: &&mut Line| ["LOCATION", "SUMMARY"].contains(&line.name.as_str());
                if let (Some(last), Ok(rest)) = (self.lines.last_mut().filter(is_text), std::str::from_utf8(bytes)) {
                    last.value.push_str("\\n");
                    last.value.push_str(rest.trim());
                }
            }
        }
    }

    fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    fn text(&self, name: &str) -> String {
        self.line(name).map(Line::text).unwrap_or_default()
    }

    fn announcement(&self, calendar: &Calendar) -> Record {
        if self.bytes > LONGEST_EVENT {
            return Err(Fault::new("is longer than 1 MiB"));
        }
        if !self.is_text {
            return Err(Fault::new("is not UTF-8"));
        }
        let (name, called_off) = name(&self.text("SUMMARY")).ok_or(Fault::new("has no name"))?;
        self.named(calendar, &name, called_off).map_err(|fault| fault.of(&name))
    }

    fn named(&self, calendar: &Calendar, name: &str, called_off: bool) -> Record {
        let once = |line: &Line| line.value.to_ascii_uppercase().split(';').any(|part| part.trim() == "COUNT=1");
        if self.line("RDATE").is_some() || self.line("RRULE").is_some_and(|line| !once(line)) {
            return Err(Fault::new("repeats itself (RRULE, RDATE): only single events are taken"));
        }
        let (starts, zone) = calendar.moment(self.line("DTSTART").ok_or(Fault::new("has no DTSTART"))?)?;
        let mut notes = vec![];
        let ends = self.ends(calendar, starts).unwrap_or_else(|fault| {
            notes.push(fault);
            None
        });
        // One occurrence of a series has the series' id and a date of its own.
        let occurrence = self.line("RECURRENCE-ID").map(|line| format!("/{}", line.value)).unwrap_or_default();
        let categories = self.lines.iter().filter(|line| line.name == "CATEGORIES").map(Line::text).collect::<Vec<_>>();
        let categories: Vec<String> = categories.iter().flat_map(|words| words.split(',')).filter_map(text).collect();
        Ok(Announcement {
            source_id: verbatim(&self.text("UID")).map(|uid| uid + &occurrence),
            version: self.line("SEQUENCE").and_then(|line| line.value.trim().parse().ok()).unwrap_or(0),
            ends,
            zone,
            floating: calendar.zone,
            location: self.location(),
            category: Category::from_words(categories.iter().map(String::as_str)),
            offers: Offers { url: self.line("URL").and_then(|line| web_address(&line.value)), ..Offers::default() },
            // ORGANIZER is a mailbox, mostly a person's.
            cancelled: called_off || calendar.is_cancelled || says_cancelled(&self.text("STATUS")),
            notes,
            ..Announcement::new(name.to_owned(), starts)
        })
    }

    fn ends(&self, calendar: &Calendar, starts: When) -> Result<Option<Ends>, Fault> {
        if let Some(line) = self.line("DTEND") {
            return Ok(Some(Ends::At(match calendar.moment(line)?.0 {
                // A day that ends an event in a calendar is the one after it.
                When::Day(after) if starts == When::Day(after) => starts,
                When::Day(after) => When::Day(after.checked_sub_days(Days::new(1)).unwrap_or(after)),
                end => end,
            })));
        }
        let Some(line) = self.line("DURATION") else { return Ok(None) };
        let wrong = || Fault::of_field(&line.name, &line.value, "is no duration");
        Ok(Some(Ends::After(duration(&line.value).ok_or_else(wrong)?)))
    }

    /// `LOCATION` is free text, mostly "venue, street, city, country" or these in lines.
    fn location(&self) -> AnnouncedLocation {
        // Whoever escapes the sign between the two numbers means no less.
        let geo = self.text("GEO");
        let point = geo.split_once([';', ',']);
        let place = point.and_then(|(lat, lon)| Place::new(lat.trim().parse().ok()?, lon.trim().parse().ok()?).ok());
        AnnouncedLocation { place, ..AnnouncedLocation::from_text(&self.text("LOCATION")) }
    }
}

/// What is read of an event: the rest, descriptions and attachments above all, is not even kept until its end.
const READ: [&str; 14] = [
    "SUMMARY",
    "DTSTART",
    "DTEND",
    "DURATION",
    "UID",
    "RECURRENCE-ID",
    "SEQUENCE",
    "RRULE",
    "RDATE",
    "CATEGORIES",
    "URL",
    "STATUS",
    "GEO",
    "LOCATION",
];

/// `P1DT2H30M`, in weeks, days, hours, minutes and seconds.
fn duration(text: &str) -> Option<Length> {
    let mut length = Length::default();
    let mut digits = String::new();
    let mut in_time = false;
    let rest = text.trim().trim_start_matches('+').strip_prefix(['P', 'p'])?;
    for char in rest.chars() {
        let count = || digits.parse::<i64>().ok();
        let time = |seconds: i64| TimeDelta::try_seconds(count()?.checked_mul(seconds)?);
        match char.to_ascii_uppercase() {
            'W' => length.days = length.days.checked_add(u64::try_from(count()?).ok()?.checked_mul(7)?)?,
            'D' => length.days = length.days.checked_add(u64::try_from(count()?).ok()?)?,
            'H' => length.time = length.time.checked_add(&time(3_600)?)?,
            'M' if in_time => length.time = length.time.checked_add(&time(60)?)?,
            'S' => length.time = length.time.checked_add(&time(1)?)?,
            'T' if digits.is_empty() && !in_time => {
                in_time = true;
                continue;
            }
            digit if digit.is_ascii_digit() && digits.len() < 9 => {
                digits.push(digit);
                continue;
            }
            _ => return None,
        }
        digits.clear();
    }
    (digits.is_empty() && rest.contains(|char: char| char.is_ascii_digit())).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announcement::Spot;
    use chrono::{DateTime, NaiveDate, Utc};
    use chrono_tz::America::Toronto;
    use chrono_tz::Europe::Vienna;

    fn all(text: impl AsRef<[u8]>) -> anyhow::Result<Vec<(Spot, Record)>> {
        let mut found = vec![];
        read(text.as_ref(), &mut |spot, event| {
            found.push((spot, event));
            true
        })?;
        Ok(found)
    }

    fn calendar(head: &str, lines: &str) -> Record {
        let event = format!("BEGIN:VEVENT\r\nUID:1@x\r\nSUMMARY:Talk\r\n{lines}\r\nEND:VEVENT\r\n");
        all(format!("BEGIN:VCALENDAR\r\n{head}\r\n{event}END:VCALENDAR\r\n")).unwrap().remove(0).1
    }

    fn one(lines: &str) -> Record {
        calendar("VERSION:2.0", lines)
    }

    fn instant(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    /// When an event starts on the clocks of Toronto, and what was left out of it.
    fn starts(lines: &str) -> (String, bool, Option<String>) {
        let event = one(lines).unwrap();
        let (schedule, fault) = event.schedule(Toronto, Toronto).unwrap();
        let notes = event.notes.into_iter().chain(fault).map(|fault| fault.to_string()).next();
        (schedule.starts_at.to_rfc3339(), schedule.all_day, notes)
    }

    #[test]
    fn times_have_a_zone_are_utc_or_whole_days() {
        let zoned = one("DTSTART;TZID=America/Toronto:20260130T190000\r\nDURATION:PT1H30M").unwrap();
        assert_eq!((zoned.starts.instant(Toronto), zoned.zone), (instant("2026-01-31T00:00:00Z"), Some(Toronto)));
        assert_eq!(zoned.ends, Some(Ends::After(Length { days: 0, time: TimeDelta::minutes(90) })));
        assert_eq!(one("DTSTART;TZID=/example.org/Europe/Vienna:20260130T190000").unwrap().zone, Some(Vienna));
        let utc = one("DTSTART:20260130T190000Z\r\nDTEND:20260130T200000Z").unwrap();
        assert_eq!(Some(utc.starts), When::parse("2026-01-30T19:00:00Z"));
        let days = one("DTSTART;VALUE=DATE:20260130\r\nDTEND;VALUE=DATE:20260201").unwrap();
        let day = |day| NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        assert_eq!((days.starts, days.ends), (When::Day(day(30)), Some(Ends::At(When::Day(day(31))))));
        assert_eq!(one("DTSTART;TZID=:20260130T190000").unwrap().zone, None);
        assert!(one("DTSTART;TZID=Nowhere:20260130T190000").unwrap_err().to_string().contains("TZID"));
        assert!(one("DTSTART:today").is_err());
    }

    #[test]
    fn each_end_has_a_zone_of_its_own() {
        let event = one("DTSTART:20270610T230000Z\r\nDTEND;TZID=Eastern Standard Time:20270610T210000").unwrap();
        let (schedule, fault) = event.schedule(Toronto, Toronto).unwrap();
        assert_eq!((schedule.ends_at, fault), (Some(instant("2027-06-11T01:00:00Z")), None));
    }

    #[test]
    fn a_day_with_a_time_is_a_time() {
        assert_eq!(starts("DTSTART;VALUE=DATE:20270610T200000"), ("2027-06-11T00:00:00+00:00".into(), false, None));
        let utc = "DTSTART;VALUE=DATE:20270610T200000Z\r\nDTEND;VALUE=DATE:20270610T220000Z";
        assert_eq!(starts(utc), ("2027-06-10T20:00:00+00:00".into(), false, None));
        assert_eq!(starts("DTSTART;TZID=America/Toronto:20270610T190000Z").0, "2027-06-10T19:00:00+00:00");
        assert_eq!(starts("DTSTART;VALUE=DATE:20270610T000000"), ("2027-06-10T04:00:00+00:00".into(), true, None));
        assert_eq!(starts("DTSTART:20270610T240000").0, "2027-06-11T04:00:00+00:00");
    }

    #[test]
    fn a_bad_end_is_left_out_and_told() {
        for end in [
            "DTEND:None",
            "DTEND:",
            "DURATION:",
            "DURATION:-PT1H",
            "DTEND;VALUE=DATE:20270610",
            "DTEND:20270610T220000Z",
        ] {
            let (starts_at, _, fault) = starts(&format!("DTSTART:20270610T230000Z\r\n{end}"));
            assert_eq!((starts_at.as_str(), fault.is_some()), ("2027-06-10T23:00:00+00:00", true), "{end}");
        }
    }

    #[test]
    fn a_zone_may_have_other_names_or_rules_of_its_own() {
        let start = |head: &str, zone: &str| {
            let event = calendar(head, &format!("DTSTART;TZID={zone}:20270610T190000")).unwrap();
            (event.starts.instant(Toronto).to_rfc3339(), event.zone.map(|zone| zone.name()))
        };
        let club = "BEGIN:VTIMEZONE\r\nTZID:Club Zone\r\nX-LIC-LOCATION:America/Toronto\r\nEND:VTIMEZONE";
        assert_eq!(start(club, "Club Zone"), ("2027-06-10T23:00:00+00:00".into(), Some("America/Toronto")));
        let rules = "BEGIN:VTIMEZONE\r\nTZID:Club Zone\r\nBEGIN:DAYLIGHT\r\nDTSTART:20070311T020000\r\n\
            RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nEND:DAYLIGHT\r\n\
            BEGIN:STANDARD\r\nDTSTART:20071104T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\r\n\
            TZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500\r\nEND:STANDARD\r\nEND:VTIMEZONE";
        assert_eq!(start(rules, "Club Zone"), ("2027-06-10T23:00:00+00:00".into(), Some("Etc/GMT+4")));
        // Nor is it what IANA has by that name: there, EST never has daylight saving, and GMT is not London.
        assert_eq!(start(&rules.replace("Club Zone", "EST"), "EST").0, "2027-06-10T23:00:00+00:00");
        assert_eq!(start("", "EST").0, "2027-06-11T00:00:00+00:00");
        assert_eq!(start(&club.replace("Club Zone", "EST"), "EST").1, Some("America/Toronto"));
        let elsewhere = rules.replace("Club Zone", "America/Los_Angeles");
        assert_eq!(start(&elsewhere, "America/Los_Angeles").0, "2027-06-11T02:00:00+00:00");
        let unclear = calendar(&rules.replace("2SU", "2SU;COUNT=3"), "DTSTART;TZID=Club Zone:20270610T190000");
        let told = "TZID: \"Club Zone\": its VTIMEZONE has rules that are not understood (Talk)";
        assert_eq!(unclear.unwrap_err().to_string(), told);
        // A feed's zone is for times that name none, not for those that name one that is not known.
        let unknown = calendar("X-WR-TIMEZONE:UTC", "DTSTART;TZID=Customized Time Zone:20270610T190000").unwrap_err();
        assert_eq!(unknown.to_string(), "TZID: \"Customized Time Zone\" is no time zone that is known (Talk)");
    }

    #[test]
    fn what_holds_for_all_of_a_calendar_may_have_parameters() {
        let event = calendar("X-WR-TIMEZONE;VALUE=TEXT:America/Los_Angeles", "DTSTART:20270610T190000").unwrap();
        assert_eq!((event.zone, event.floating), (None, Some(chrono_tz::America::Los_Angeles)));
        assert!(calendar("METHOD:CANCEL", "DTSTART:20270610T190000").unwrap().cancelled);
        assert!(one("DTSTART:20270610T190000\r\nSTATUS:CANCELED").unwrap().cancelled);
        let two = "BEGIN:VCALENDAR\nMETHOD:CANCEL\nX-WR-TIMEZONE:UTC\nEND:VCALENDAR\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:A\n\
            DTSTART:20270610T190000\nEND:VEVENT\nEND:VCALENDAR\n";
        let event = all(two).unwrap().remove(0).1.unwrap();
        assert_eq!((event.cancelled, event.floating), (false, None));
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
        let spots: Vec<_> = found.iter().map(|(spot, event)| (spot.to_string(), event.is_ok())).collect();
        let expected = [("line 6", true), ("line 18", false), ("line 24", false)];
        assert_eq!(spots, expected.map(|(spot, good)| (spot.to_owned(), good)));
        let event = found[0].1.as_ref().unwrap();
        assert_eq!(event.name, "Long name, folded");
        assert_eq!(event.floating, Some(Vienna));
        assert!(event.cancelled);
        assert_eq!(event.organizer, None);
        assert_eq!(event.location.venue.as_deref(), Some("Konzerthaus"));
        assert_eq!(event.location.city.as_deref(), Some("Lothringerstraße 20, Wien, AT"));
        assert_eq!(event.category.category, "Concerts/Music");
    }

    #[test]
    fn nothing_a_neighbour_does_loses_an_event() {
        let event = |uid: &str, lines: &str, end: &str| {
            format!("BEGIN:VEVENT\r\nUID:{uid}\r\nSUMMARY:{uid}\r\nDTSTART:20270610T190000Z\r\n{lines}{end}")
        };
        let good = |uid| event(uid, "LOCATION:Toronto\r\n", "END:VEVENT\r\n");
        let attachment = format!("ATTACH;ENCODING=BASE64:{}\r\n", "A".repeat(2 * LONGEST_EVENT));
        for odd in [
            event("odd", "", "END:VEVENT \r\n"),
            event("odd", "DESCRIPTION:one\r\ntwo without colon\r\nJoin: https://example.com\r\n\r\n", "end:vevent\r\n"),
            event("odd", "ORGANIZER;CN=\"Unclosed:mailto:a@b\r\n", "END:VEVENT\r\n"),
            event("odd", "BEGIN:VALARM\r\nSUMMARY:No\r\nDURATION:PT15M\r\nEND:VALARM\r\n", "END:VEVENT\t\r\n"),
            event("odd", &attachment, "END:VEVENT\r\n"),
            event("odd", "ORGANIZER=\"mailto:a@b\"\r\n\r\n", "END:VEVENT\r\n"),
            event("odd", "LOCATION:\0\r\nURL:https://a\0b\r\n", "END:VEVENT\r\n"),
        ] {
            let text = format!("BEGIN:VCALENDAR \r\n{}{odd}{}END:VCALENDAR\r\n", good("a"), good("b"));
            let names: Vec<_> = all(&text).unwrap().into_iter().map(|(_, event)| event.unwrap().name).collect();
            assert_eq!(names, ["a", "odd", "b"], "{}", &text[..text.len().min(400)]);
        }
        let unended = format!("BEGIN:VCALENDAR\r\n{}{}END:VCALENDAR\r\n", event("odd", "", ""), good("b"));
        let outcomes: Vec<_> = all(unended).unwrap().into_iter().map(|(_, event)| event.is_ok()).collect();
        assert_eq!(outcomes, [false, true]);
    }

    #[test]
    fn a_location_in_raw_lines_is_one_location() {
        let event = one(
            "DTSTART:20270610T190000Z\r\nLOCATION:Massey Hall\r\n178 Victoria St\r\nToronto\\, ON\r\nSTATUS:CONFIRMED",
        );
        assert_eq!(event.unwrap().location.city.as_deref(), Some("178 Victoria St, Toronto, ON"));
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
        assert_eq!(folded[1].0, Spot::Line(8));
        let latin = calendar(b"Caf\xe9");
        assert_eq!((latin[0].0, latin[0].1.as_ref().unwrap_err().to_string()), (Spot::Line(2), "is not UTF-8".into()));
    }

    #[test]
    fn what_is_no_calendar_is_refused() {
        assert!(all("hello\n").is_err());
    }

    #[test]
    fn durations_are_weeks_to_seconds() {
        let length = |days, seconds| Some(Length { days, time: TimeDelta::seconds(seconds) });
        assert_eq!(duration("P1W"), length(7, 0));
        assert_eq!(duration("P1DT2H3M4S"), length(1, 7_384));
        assert_eq!(duration("P1DT"), length(1, 0));
        for wrong in ["", "P", "PT", "1H", "P1", "PX", "P1Y", "P1M", "-PT1H"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}

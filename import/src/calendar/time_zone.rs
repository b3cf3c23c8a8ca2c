//! A file's own time zones (VTIMEZONE), for those whose names nobody else knows.

use chrono::{Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use chrono_tz::Tz;

use super::line::Line;
use crate::when::{When, offset_of};
use crate::zones;

#[derive(Debug, Default)]
pub struct OwnZone {
    pub id: String,
    /// The zone that it is by another name.
    alias: Option<Tz>,
    observances: Vec<Observance>,
    open: Option<Observance>,
}

/// A part of the year, standard or daylight saving, over some years.
#[derive(Debug, Default)]
struct Observance {
    start: Option<NaiveDateTime>,
    /// Seconds east of UTC before and from its onsets on.
    from: i32,
    to: Option<i32>,
    /// Onsets besides `start`.
    dates: Vec<NaiveDateTime>,
    yearly: Option<Yearly>,
}

/// `FREQ=YEARLY`, as all zones of real calendars have it.
#[derive(Debug, Default)]
struct Yearly {
    month: Option<u32>,
    /// The n-th of its month, or from its end; 0 where only the days of the month say which.
    weekday: Option<(i32, Weekday)>,
    days_of_month: Vec<u32>,
    until: Option<NaiveDateTime>,
}

impl OwnZone {
    /// Takes a line between BEGIN:VTIMEZONE and its end.
    pub fn take(&mut self, line: &Line) {
        match (line.name.as_str(), &mut self.open) {
            ("TZID", None) => self.id = line.value.trim_matches('"').to_owned(),
            ("X-LIC-LOCATION", None) => self.alias = zones::zone(&line.value),
            ("BEGIN", _) => self.open = Some(Observance::default()),
            ("END", Some(_)) => self.observances.extend(self.open.take()),
            (_, Some(open)) => open.take(line),
            _ => {}
        }
    }

    /// The named zone that it is, where it says so.
    pub fn alias(&self) -> Option<Tz> {
        self.alias
    }

    /// A wall clock reading by its rules.
    pub fn read(&self, local: NaiveDateTime) -> Option<When> {
        let offset = FixedOffset::east_opt(self.seconds(local)?)?;
        Some(When::Instant(local.checked_sub_offset(offset)?.and_utc(), Some(offset)))
    }

    /// Seconds east of UTC, by the observance that began last.
    fn seconds(&self, local: NaiveDateTime) -> Option<i32> {
        let begun = self.observances.iter().filter_map(|one| Some((one.onset(local)?, one.to?)));
        let last = begun.max_by_key(|(onset, _)| *onset).map(|(_, to)| to);
        // Before all of them, what held before the first.
        last.or_else(|| {
            self.observances.iter().filter(|one| one.to.is_some()).min_by_key(|one| one.start).map(|one| one.from)
        })
    }
}

impl Observance {
    fn take(&mut self, line: &Line) {
        match line.name.as_str() {
            "DTSTART" => self.start = local(&line.value),
            "TZOFFSETFROM" => self.from = offset_of(&line.value).unwrap_or(self.from),
            "TZOFFSETTO" => self.to = offset_of(&line.value),
            "RDATE" => self.dates.extend(line.value.split(',').filter_map(local)),
            "RRULE" => self.yearly = Yearly::parse(&line.value),
            _ => {}
        }
    }

    /// When it began last, at `moment` or before.
    fn onset(&self, moment: NaiveDateTime) -> Option<NaiveDateTime> {
        let start = self.start?;
        let by_rule = self
            .yearly
            .iter()
            .flat_map(|rule| [moment.year(), moment.year() - 1].into_iter().filter_map(|year| rule.onset(year, start)));
        let onsets = std::iter::once(start).chain(self.dates.iter().copied()).chain(by_rule);
        onsets.filter(|onset| *onset >= start && *onset <= moment).max()
    }
}

impl Yearly {
    fn parse(rule: &str) -> Option<Yearly> {
        let mut yearly = Yearly::default();
        for (name, value) in rule.split(';').filter_map(|part| part.split_once('=')) {
            match name.trim().to_ascii_uppercase().as_str() {
                "FREQ" if !value.eq_ignore_ascii_case("YEARLY") => return None,
                "BYMONTH" => yearly.month = value.parse().ok(),
                "BYDAY" => {
                    let (ordinal, day) = value.split_at_checked(value.len().checked_sub(2)?)?;
                    let weekday = match day.to_ascii_uppercase().as_str() {
                        "MO" => Weekday::Mon,
                        "TU" => Weekday::Tue,
                        "WE" => Weekday::Wed,
                        "TH" => Weekday::Thu,
                        "FR" => Weekday::Fri,
                        "SA" => Weekday::Sat,
                        "SU" => Weekday::Sun,
                        _ => return None,
                    };
                    yearly.weekday = Some((ordinal.parse().unwrap_or(0), weekday));
                }
                "BYMONTHDAY" => yearly.days_of_month = value.split(',').filter_map(|day| day.parse().ok()).collect(),
                "UNTIL" => yearly.until = local(value.trim_end_matches(['Z', 'z'])),
                _ => {}
            }
        }
        Some(yearly)
    }

    /// Its onset in a year, at the time of day of `start`.
    fn onset(&self, year: i32, start: NaiveDateTime) -> Option<NaiveDateTime> {
        let first = NaiveDate::from_ymd_opt(year, self.month.unwrap_or(start.month()), 1)?;
        let days = || first.iter_days().take_while(|day| day.month() == first.month());
        let day = match self.weekday {
            None if self.days_of_month.is_empty() => first.with_day(start.day())?,
            None => days().find(|day| self.days_of_month.contains(&day.day()))?,
            Some((0, weekday)) if self.days_of_month.is_empty() => days().find(|day| day.weekday() == weekday)?,
            Some((0, weekday)) => {
                days().find(|day| day.weekday() == weekday && self.days_of_month.contains(&day.day()))?
            }
            Some((ordinal @ 1.., weekday)) => {
                days().filter(|day| day.weekday() == weekday).nth(usize::try_from(ordinal - 1).ok()?)?
            }
            Some((ordinal, weekday)) => {
                let of_weekday: Vec<NaiveDate> = days().filter(|day| day.weekday() == weekday).collect();
                *of_weekday.iter().nth_back(usize::try_from(-ordinal - 1).ok()?)?
            }
        };
        // A rule ends in UTC, and zones differ from it by less than a day.
        let onset = day.and_time(start.time());
        self.until.is_none_or(|until| onset <= until + TimeDelta::days(1)).then_some(onset)
    }
}

fn local(text: &str) -> Option<NaiveDateTime> {
    match When::parse(text)? {
        When::Local(local) => Some(local),
        When::Instant(instant, _) => Some(instant.naive_utc()),
        When::Day(day) => day.checked_add_days(Days::new(0))?.and_hms_opt(0, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(lines: &str) -> OwnZone {
        let mut zone = OwnZone::default();
        lines.lines().filter_map(|line| Line::parse(line.trim())).for_each(|line| zone.take(&line));
        zone
    }

    /// Hours east of UTC at noon.
    fn hours(zone: &OwnZone, day: &str) -> i32 {
        zone.seconds(format!("{day}T12:00:00").parse().unwrap()).unwrap() / 3600
    }

    #[test]
    fn rules_are_evaluated_for_the_date() {
        let club = own("TZID:Club Zone
            BEGIN:STANDARD
            DTSTART:16010101T020000
            TZOFFSETFROM:-0400
            TZOFFSETTO:-0500
            RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11
            END:STANDARD
            BEGIN:DAYLIGHT
            DTSTART:16010101T020000
            TZOFFSETFROM:-0500
            TZOFFSETTO:-0400
            RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3
            END:DAYLIGHT");
        for (day, expected) in
            [("2027-01-10", -5), ("2027-03-13", -5), ("2027-03-14", -4), ("2027-11-06", -4), ("2027-11-07", -5)]
        {
            assert_eq!(hours(&club, day), expected, "{day}");
        }
    }

    #[test]
    fn rules_may_count_from_the_end_and_stop() {
        let zone = own("BEGIN:DAYLIGHT
            DTSTART:19810329T020000
            TZOFFSETFROM:+0100
            TZOFFSETTO:+0200
            RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20300331T010000Z
            END:DAYLIGHT
            BEGIN:STANDARD
            DTSTART:19961027T030000
            TZOFFSETFROM:+0200
            TZOFFSETTO:+0100
            RRULE:FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=25,26,27,28,29,30,31;BYDAY=SU
            END:STANDARD");
        for (day, expected) in [
            ("2027-03-27", 1),
            ("2027-03-28", 2),
            ("2027-10-30", 2),
            ("2027-10-31", 1),
            ("2031-07-01", 1),
            ("1970-07-01", 1),
        ] {
            assert_eq!(hours(&zone, day), expected, "{day}");
        }
    }

    #[test]
    fn a_zone_may_be_one_of_another_name_or_nothing() {
        assert_eq!(own("TZID:X\nX-LIC-LOCATION:America/Toronto").alias(), Some(chrono_tz::America::Toronto));
        assert_eq!(own("TZID:X").seconds("2027-01-01T00:00:00".parse().unwrap()), None);
    }
}

//! A file's own time zones (VTIMEZONE), for those whose names nobody else knows.

use chrono::{Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
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
    /// Whether some of its rules are not understood: those that are would tell wrong times.
    is_unclear: bool,
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
    is_unclear: bool,
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
            ("END", Some(open)) => {
                self.is_unclear |= open.is_unclear || open.start.is_none() || open.to.is_none();
                self.observances.extend(self.open.take());
            }
            (_, Some(open)) => open.take(line),
            _ => {}
        }
    }

    /// The named zone that it is, where it says so.
    pub fn alias(&self) -> Option<Tz> {
        self.alias
    }

    /// Whether it has rules.
    pub fn has_rules(&self) -> bool {
        !self.observances.is_empty()
    }

    pub fn is_unclear(&self) -> bool {
        self.is_unclear
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
        // What is not read as it is meant is not read at all.
        let is_read = match line.name.as_str() {
            "DTSTART" => read_into(&mut self.start, local(&line.value)),
            "TZOFFSETFROM" => offset(&line.value).map(|from| self.from = from).is_some(),
            "TZOFFSETTO" => read_into(&mut self.to, offset(&line.value)),
            "RDATE" => match line.value.split(',').map(local).collect::<Option<Vec<_>>>() {
                Some(dates) => {
                    self.dates.extend(dates);
                    true
                }
                None => false,
            },
            "RRULE" => self.yearly.is_none() && read_into(&mut self.yearly, Yearly::parse(&line.value)),
            "EXDATE" | "EXRULE" => false,
            _ => true,
        };
        self.is_unclear |= !is_read;
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
    /// `None` where it says anything that is not understood.
    fn parse(rule: &str) -> Option<Yearly> {
        let mut yearly = Yearly::default();
        let mut is_yearly = false;
        for part in rule.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            let value = value.trim();
            match name.trim().to_ascii_uppercase().as_str() {
                "FREQ" if value.eq_ignore_ascii_case("YEARLY") => is_yearly = true,
                "INTERVAL" if value == "1" => {}
                "WKST" => {}
                "BYMONTH" => yearly.month = Some(value.parse().ok().filter(|month| (1..=12).contains(month))?),
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
                    let ordinal = if ordinal.is_empty() { 0 } else { ordinal.parse().ok()? };
                    yearly.weekday = Some((ordinal, weekday));
                }
                "BYMONTHDAY" => {
                    let day = |day: &str| day.trim().parse().ok().filter(|day| (1..=31).contains(day));
                    yearly.days_of_month = value.split(',').map(day).collect::<Option<_>>()?;
                }
                "UNTIL" => yearly.until = Some(local(value.trim_end_matches(['Z', 'z']))?),
                _ => return None,
            }
        }
        // Of a year, not of a month.
        let is_of_year = yearly.month.is_none() && (yearly.weekday.is_some() || !yearly.days_of_month.is_empty());
        let has_both = yearly.weekday.is_some_and(|(ordinal, _)| ordinal != 0) && !yearly.days_of_month.is_empty();
        (is_yearly && !is_of_year && !has_both).then_some(yearly)
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

/// Puts what was read; says whether anything was.
fn read_into<T>(field: &mut Option<T>, read: Option<T>) -> bool {
    let is_read = read.is_some();
    *field = read;
    is_read
}

/// Seconds east of UTC, as `+0130` or, of local mean time, `+005328`.
fn offset(text: &str) -> Option<i32> {
    let text = text.trim();
    match text.split_at_checked(5) {
        Some((minutes, seconds)) if seconds.len() == 2 && !minutes.contains(':') => {
            let whole = offset_of(minutes)?;
            let seconds: i32 = seconds.parse().ok().filter(|seconds| (0..60).contains(seconds))?;
            Some(whole + if text.starts_with('+') { seconds } else { -seconds })
        }
        _ => offset_of(text),
    }
}

fn local(text: &str) -> Option<NaiveDateTime> {
    match When::parse(text)? {
        When::Local(local) => Some(local),
        When::Instant(instant, _) => Some(instant.naive_utc()),
        When::Day(day) => Some(day.and_time(NaiveTime::MIN)),
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
    fn rules_that_are_not_understood_are_told() {
        let with = |line: &str| {
            own(&format!(
                "BEGIN:STANDARD\nDTSTART:20071104T020000\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\n{line}\nEND:STANDARD"
            ))
        };
        for understood in [
            "RRULE:FREQ=YEARLY",
            "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=1SU;BYMONTH=11;WKST=SU",
            "RRULE:FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=4",
            "RRULE:FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1,2,3,4,5,6,7;BYDAY=SU",
            "TZOFFSETFROM:-051732",
            "TZNAME:EST",
        ] {
            assert!(!with(understood).is_unclear(), "{understood}");
        }
        for odd in [
            "RRULE:FREQ=MONTHLY;BYDAY=1SU",
            "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU;COUNT=3",
            "RRULE:FREQ=YEARLY;INTERVAL=2;BYMONTH=11;BYDAY=1SU",
            "RRULE:FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=-1",
            "RRULE:FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1,2,3;BYDAY=1SU",
            "RRULE:FREQ=YEARLY;BYMONTH=10,11;BYDAY=1SU",
            "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=SA,SU",
            "RRULE:FREQ=YEARLY;BYDAY=40SU",
            "RRULE:FREQ=YEARLY;BYYEARDAY=300",
            "RRULE:FREQ=YEARLY;BYMONTH=11;UNTIL=never",
            "RRULE:BYMONTH=11",
            "RDATE:soon",
            "TZOFFSETTO:west",
        ] {
            assert!(with(odd).is_unclear(), "{odd}");
        }
    }

    #[test]
    fn a_zone_may_be_one_of_another_name_or_nothing() {
        assert_eq!(own("TZID:X\nX-LIC-LOCATION:America/Toronto").alias(), Some(chrono_tz::America::Toronto));
        assert_eq!(own("TZID:X").seconds("2027-01-01T00:00:00".parse().unwrap()), None);
    }
}

//! When an event takes place.

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::Rejection;
use crate::catalogue::instant;

/// Instants, and the zone in which they are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    #[serde(with = "instant")]
    pub starts_at: DateTime<Utc>,
    /// Exclusive. Absent when nobody said.
    #[serde(with = "instant::option", default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Whole days: it starts and ends at midnight of its zone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_day: bool,
    pub zone: Tz,
}

impl Schedule {
    /// At stated times; refuses an end before the start.
    pub fn timed(starts_at: DateTime<Utc>, ends_at: Option<DateTime<Utc>>, zone: Tz) -> Result<Schedule, Rejection> {
        let schedule = Schedule { starts_at, ends_at, all_day: false, zone };
        schedule.check()?;
        Ok(schedule)
    }

    /// From the first day to the last, both included.
    pub fn days(first: NaiveDate, last: NaiveDate, zone: Tz) -> Result<Schedule, Rejection> {
        let after = last.checked_add_days(Days::new(1)).unwrap_or(last);
        let midnight = |day: NaiveDate| local_instant(zone, day.and_time(NaiveTime::MIN));
        let schedule = Schedule { starts_at: midnight(first), ends_at: Some(midnight(after)), all_day: true, zone };
        if last < first {
            return Err(ends_first());
        }
        schedule.check()?;
        Ok(schedule)
    }

    pub(super) fn check(&self) -> Result<(), Rejection> {
        let years = DateTime::UNIX_EPOCH..Utc.with_ymd_and_hms(9000, 1, 1, 0, 0, 0).single().unwrap_or_default();
        if !years.contains(&self.starts_at) {
            return Err(out_of_calendar("starts_at"));
        }
        match self.ends_at {
            Some(end) if end < self.starts_at => Err(ends_first()),
            Some(end) if !years.contains(&end) => Err(out_of_calendar("ends_at")),
            _ => Ok(()),
        }
    }

    /// Wall clock of the start, where it takes place.
    pub fn local_start(&self) -> NaiveDateTime {
        self.starts_at.with_timezone(&self.zone).naive_local()
    }

    /// Calendar day of the start, where it takes place.
    pub fn day(&self) -> NaiveDate {
        self.local_start().date()
    }

    /// The same days of the week and times of the day, `weeks` later by the wall clock of the zone.
    pub fn later_by_weeks(&self, weeks: i64) -> Schedule {
        let later = |instant: DateTime<Utc>| {
            let local = instant.with_timezone(&self.zone).naive_local();
            local_instant(self.zone, local.checked_add_signed(Duration::weeks(weeks)).unwrap_or(local))
        };
        Schedule { starts_at: later(self.starts_at), ends_at: self.ends_at.map(later), ..self.clone() }
    }
}

/// The refusal of an instant that no calendar has to show.
pub fn out_of_calendar(field: &'static str) -> Rejection {
    Rejection::invalid("instant-out-of-calendar", field, "is out of the calendar")
}

fn ends_first() -> Rejection {
    Rejection::invalid("event-ends-before-start", "ends_at", "ends before it starts")
}

/// The instant of a wall clock reading: the first of two where clocks go back; where they skip it, as much later as
/// they skip.
pub fn local_instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    if !(1..9999).contains(&local.year()) {
        // No zone is known to differ from UTC then, and the ends of the calendar stay far away.
        return local.and_utc();
    }
    // No zone ever skipped more than a day.
    let reading = |hours: i64| zone.from_local_datetime(&(local - Duration::hours(hours))).earliest();
    (0..=24)
        .find_map(|hours| reading(hours).map(|instant| instant.to_utc() + Duration::hours(hours)))
        .unwrap_or_else(|| local.and_utc())
}

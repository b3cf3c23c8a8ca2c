//! What is trending: how often cities and performers were named of late.

use chrono::{DateTime, Utc};

/// In which each time that something was named comes to count half, seconds.
const HALF_LIFE: f64 = 14.0 * 86_400.0;

/// A count that fades: what was named just now counts 1, what was named 14 days ago half.
///
/// All that is counted fades alike, so the order of two counts stays as it is while nothing is added. What is kept of
/// a count is therefore its [level](Trend::level), which time does not change: how many half-lives after 1970 it is, or
/// was, worth exactly 1. To add is one change of it, and the order of levels is that of the counts at any time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    level: f64,
}

impl Trend {
    /// Of something that was named once.
    pub fn once(at: DateTime<Utc>) -> Trend {
        Trend { level: half_lives(at) }
    }

    /// As it was kept.
    pub fn of_level(level: f64) -> Trend {
        Trend { level }
    }

    /// Named once more. `at` may be earlier than what is counted already.
    pub fn and(self, at: DateTime<Utc>) -> Trend {
        let other = half_lives(at);
        let (high, low) = (self.level.max(other), self.level.min(other));
        // 2^high + 2^low, of which neither fits a number.
        Trend { level: high + (low - high).exp2().ln_1p() / std::f64::consts::LN_2 }
    }

    pub fn level(self) -> f64 {
        self.level
    }

    pub fn count(self, now: DateTime<Utc>) -> f64 {
        (self.level - half_lives(now)).exp2()
    }

    /// The one that counts so much at a time.
    pub fn counting(count: f64, now: DateTime<Utc>) -> Trend {
        Trend { level: half_lives(now) + count.log2() }
    }
}

fn half_lives(at: DateTime<Utc>) -> f64 {
    at.timestamp_micros() as f64 / 1e6 / HALF_LIFE
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};
    use proptest::prelude::*;

    use super::*;

    /// What the counts below may be off by, of 1.
    const TOLERANCE: f64 = 1e-9;

    fn day(days: f64) -> DateTime<Utc> {
        let begin = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
        begin + TimeDelta::microseconds((days * 86_400e6) as i64)
    }

    fn named(days: &[f64]) -> Trend {
        let (first, others) = days.split_first().unwrap();
        others.iter().fold(Trend::once(day(*first)), |trend, at| trend.and(day(*at)))
    }

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= TOLERANCE * expected.max(1.0)
    }

    #[test]
    fn what_is_named_counts_one_and_half_after_fourteen_days() {
        let trend = Trend::once(day(0.0));
        assert!(close(trend.count(day(0.0)), 1.0));
        assert!(close(trend.count(day(14.0)), 0.5));
        assert!(close(trend.and(day(14.0)).count(day(14.0)), 1.5));
        assert!(close(trend.and(day(14.0)).count(day(28.0)), 0.75));
        assert!(close(Trend::counting(0.25, day(5.0)).count(day(5.0)), 0.25));
    }

    /// Days on which something was named.
    fn days() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(0.0..1_000.0, 1..40)
    }

    proptest! {
        #[test]
        fn a_count_is_the_sum_of_what_each_naming_is_worth(days in days(), later in 0.0..200.0) {
            let now = 1_000.0 + later;
            let expected: f64 = days.iter().map(|at: &f64| f64::exp2((at - now) / 14.0)).sum();
            prop_assert!(close(named(&days).count(day(now)), expected));
        }

        #[test]
        fn it_halves_every_fourteen_days(days in days(), later in 0.0..200.0) {
            let trend = named(&days);
            let (before, after) = (trend.count(day(1_000.0 + later)), trend.count(day(1_014.0 + later)));
            prop_assert!(close(after, before / 2.0));
        }

        #[test]
        fn the_order_of_levels_is_that_of_counts_at_any_time(one in days(), other in days(), now in 0.0..2_000.0) {
            let (one, other) = (named(&one), named(&other));
            let counts = (one.count(day(now)), other.count(day(now)));
            prop_assert_eq!(one.level().total_cmp(&other.level()), counts.0.total_cmp(&counts.1));
        }

        #[test]
        fn what_is_told_late_counts_as_if_told_in_time(days in days()) {
            let mut sorted = days.clone();
            sorted.sort_by(f64::total_cmp);
            prop_assert!(close(named(&days).level(), named(&sorted).level()));
        }
    }
}

//! The one clock of a process: what rules, deadlines and messages go by, so that all of them can be moved together.
//!
//! Limits, leases, timeouts and tidying stay on the machine's time: they are about machines and who asks them.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// The furthest that a clock may be ahead.
const MOST_AHEAD: TimeDelta = TimeDelta::days(3660);

/// The machine's time, or a moment ahead of it. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    ahead_ms: Arc<AtomicI64>,
}

/// A text that does not say how far a clock is to be ahead.
#[derive(Debug, thiserror::Error)]
#[error("expected how far it is ahead, such as +3d4h, at most ten years")]
pub struct NotALead;

impl Clock {
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.ahead()
    }

    /// How far it is ahead of the machine's time, in milliseconds at the finest.
    pub fn ahead(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// Moves every clone on.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead_ms.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}

/// Nothing: the machine's time. `+3d4h`: so far ahead of it.
impl FromStr for Clock {
    type Err = NotALead;

    fn from_str(text: &str) -> Result<Self, NotALead> {
        let clock = Clock::default();
        if text.is_empty() {
            return Ok(clock);
        }
        let ahead = text.strip_prefix('+').and_then(|ahead| humantime::parse_duration(ahead).ok());
        let ahead = ahead.and_then(|ahead| TimeDelta::from_std(ahead).ok()).filter(|ahead| *ahead <= MOST_AHEAD);
        clock.advance(ahead.ok_or(NotALead)?);
        Ok(clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_read() {
        for (text, ahead) in [
            ("", TimeDelta::zero()),
            ("+3d4h", TimeDelta::hours(76)),
            ("+90s", TimeDelta::seconds(90)),
            ("+1day 30min", TimeDelta::minutes(1470)),
        ] {
            assert_eq!(text.parse::<Clock>().unwrap().ahead(), ahead, "{text:?}");
        }
        for wrong in ["3d", "-3d", "+", "+3", "+3x", "+11y", "+99999999999999999d", "2027-01-01"] {
            assert!(wrong.parse::<Clock>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn clones_are_moved_together() {
        let clock = Clock::default();
        let other = clock.clone();
        clock.advance(TimeDelta::hours(25));
        let ahead = other.now() - Utc::now();
        assert!(ahead > TimeDelta::hours(24) && ahead <= TimeDelta::hours(25), "{ahead}");
    }
}

//! Moments of a capture.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// A moment of a capture: whole nanoseconds since the Unix epoch.
///
/// Shown, and written to JSON, as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `nanos` nanoseconds after the Unix epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`; zero if `earlier` is later, which
    /// happens where the clock of the capture was set back.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Time between the two, whichever comes first.
    pub const fn apart(self, other: Self) -> Duration {
        Duration::from_nanos(self.0.abs_diff(other.0))
    }

    /// Nanoseconds between the two, whichever comes first: for what is asked
    /// of every packet.
    pub(crate) const fn nanos_apart(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }

    /// The moment `duration` later; saturates in the year 2554.
    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0 / NANOS_PER_SECOND, self.0 % NANOS_PER_SECOND);
        let (year, month, day) = civil_date(seconds / SECONDS_PER_DAY);
        let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}")?;
        write!(f, ":{:02}", seconds % 60)?;
        match nanos {
            0 => {}
            _ if nanos % 1000 == 0 => write!(f, ".{:06}", nanos / 1000)?,
            _ => write!(f, ".{nanos:09}")?,
        }
        write!(f, "Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A duration in nanoseconds; saturates at 584 years.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A duration in seconds, rounded once (`as_secs_f64` adds two parts).
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e9
}

/// A duration in milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

/// Year, month and day of the day `days` after 1 January 1970, in the
/// Gregorian calendar. Years are taken to start in March, so that the leap
/// day is the last of its year, and are grouped into eras of 400.
fn civil_date(days: u64) -> (u64, u64, u64) {
    const ERA_DAYS: u64 = 146_097;
    let days = days + 719_468; // since 1 March of the year 0
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339() {
        for (seconds, nanos, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (951_782_400, 0, "2000-02-29T00:00:00Z"),
            (951_868_799, 1, "2000-02-29T23:59:59.000000001Z"),
            (951_868_800, 1000, "2000-03-01T00:00:00.000001Z"),
            (1_767_225_599, 0, "2025-12-31T23:59:59Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00Z"),
            (4_294_967_295, 999_999_999, "2106-02-07T06:28:15.999999999Z"),
        ] {
            let time = Timestamp::from_nanos(seconds * NANOS_PER_SECOND + nanos);
            assert_eq!(time.to_string(), text);
        }
    }

    #[test]
    fn differences_saturate() {
        let (early, late) = (Timestamp::from_nanos(3), Timestamp::from_nanos(8));
        assert_eq!(late.since(early), Duration::from_nanos(5));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.apart(late), Duration::from_nanos(5));
        assert_eq!(late.after(Duration::MAX), Timestamp::from_nanos(u64::MAX));
    }
}

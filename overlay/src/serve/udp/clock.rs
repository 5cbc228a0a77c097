//! Real time as the run sees it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mdht_krpc::Instant;

/// How long at most a datagram is taken to have waited for us: more means that
/// somebody has set the system's clock.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Time since the run began, and the date.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    begun: std::time::Instant,
    date: Duration,
}

#[allow(clippy::disallowed_methods)] // here real time enters
impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            begun: std::time::Instant::now(),
            date: date(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::ZERO + self.begun.elapsed()
    }

    /// The time at which the kernel received what it dated so, which is not
    /// after now.
    pub(crate) fn received(&self, dated: Option<Duration>) -> Instant {
        let now = self.now();
        let waited = dated.and_then(|dated| date().checked_sub(dated));
        match waited {
            Some(waited) if waited < LONGEST_WAIT => now - waited,
            _ => now,
        }
    }

    /// The date of a moment of the run, since the Unix epoch. It never jumps.
    pub(crate) fn date(&self, at: Instant) -> Duration {
        self.date + at.since(Instant::ZERO)
    }
}

#[allow(clippy::disallowed_methods)] // as above
fn date() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

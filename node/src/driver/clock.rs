//! The clock of a live node.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mdht_krpc::Instant;

/// Counts from its making, time that the machine sleeps included: a node that
/// slept must notice.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begun: Duration,
    /// Wall-clock time at the beginning, since the Unix epoch.
    epoch: Duration,
}

impl Clock {
    /// A clock that begins to count now.
    pub fn start() -> Self {
        Self {
            begun: since_boot(),
            epoch: wall_clock(),
        }
    }

    /// Time since it began.
    pub fn now(&self) -> Instant {
        Instant::ZERO + since_boot().saturating_sub(self.begun)
    }

    /// Wall-clock time of a moment, since the Unix epoch.
    pub fn wall_clock_at(&self, at: Instant) -> Duration {
        self.epoch + at.since(Instant::ZERO)
    }
}

/// Wall-clock time since the Unix epoch.
#[allow(clippy::disallowed_methods)] // the driver is where clocks are read
pub(crate) fn wall_clock() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    use nix::time::{ClockId, clock_gettime};
    match clock_gettime(ClockId::CLOCK_BOOTTIME) {
        Ok(time) => time.into(),
        Err(error) => unreachable!("CLOCK_BOOTTIME is there since Linux 2.6.39: {error}"),
    }
}

/// Elsewhere the monotonic clock must do; on some systems it stops in sleep.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods)] // the driver is where clocks are read
fn since_boot() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed()
}

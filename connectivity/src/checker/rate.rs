//! How many probes leave in a second.

use std::time::Duration;

use mdht_krpc::Instant;

/// A bucket of tokens: one for each probe, filled at a steady rate, with room
/// for a quarter of a second.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    per_token: Duration,
    room: Duration,
    /// When the bucket would be full.
    full_at: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        let per_token = Duration::from_secs(1) / per_second.max(1);
        Self {
            per_token,
            // a node is asked from three sockets at once
            room: Duration::from_millis(250).max(3 * per_token),
            full_at: Instant::ZERO,
        }
    }

    /// When `probes` may leave; now or earlier, if at once.
    pub(super) fn free_at(&self, probes: u32) -> Instant {
        self.full_at + probes * self.per_token - self.room
    }

    /// Takes the tokens of `probes`.
    pub(super) fn take(&mut self, now: Instant, probes: u32) {
        self.full_at = self.full_at.max(now) + probes * self.per_token;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_rate_leave_in_the_long_run() {
        let mut rate = Rate::new(100);
        let mut now = Instant::ZERO;
        let mut sent = 0;
        while now < Instant::ZERO + Duration::from_secs(10) {
            if rate.free_at(3) <= now {
                rate.take(now, 3);
                sent += 3;
            } else {
                now = rate.free_at(3);
            }
        }
        assert!((1000..=1030).contains(&sent), "{sent}");
    }
}

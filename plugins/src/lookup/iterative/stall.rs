//! When an answer is later than most.
//!
//! As mldht does: round-trip times are counted in bins of 50 ms, older ones less
//! and less. A query has stalled when nine in ten answers would have come, but
//! not before 100 ms more than the fastest tenth needs.

use std::time::Duration;

/// Width of a bin.
const BIN: Duration = Duration::from_millis(50);
/// Up to 10 s.
const BINS: usize = 200;
/// After so many times, older ones count `DECAY` of what they did.
const DECAY_EVERY: u32 = 16;
const DECAY: f32 = 0.95;
/// Beyond the tenth percentile.
const BASELINE: Duration = Duration::from_millis(100);
/// Before any time is known.
const FIRST: Duration = Duration::from_secs(10);

/// Round-trip times of all queries of a node.
#[derive(Debug)]
pub(super) struct RoundTrips {
    bins: [f32; BINS],
    since_decay: u32,
    stall: Duration,
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self {
            bins: [0.0; BINS],
            since_decay: 0,
            stall: FIRST,
        }
    }
}

impl RoundTrips {
    pub(super) fn observe(&mut self, rtt: Duration) {
        let bin = rtt.as_millis() / BIN.as_millis();
        let bin = usize::try_from(bin).unwrap_or(BINS).min(BINS - 1);
        self.bins[bin] += 1.0;
        self.since_decay += 1;
        if self.since_decay == DECAY_EVERY {
            self.since_decay = 0;
            self.bins.iter_mut().for_each(|bin| *bin *= DECAY);
        }
        self.stall = self.percentile(0.9).max(self.percentile(0.1) + BASELINE);
    }

    /// A query unanswered for so long has stalled.
    pub(super) const fn stall(&self) -> Duration {
        self.stall
    }

    /// The upper end of the bin up to which this share of times lies.
    fn percentile(&self, share: f32) -> Duration {
        let wanted = share * self.bins.iter().sum::<f32>();
        let mut below = 0.0;
        let mut upper = Duration::ZERO;
        for bin in self.bins {
            below += bin;
            upper += BIN;
            if below >= wanted {
                break;
            }
        }
        upper
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(times_ms: impl Iterator<Item = u64>) -> Duration {
        let mut round_trips = RoundTrips::default();
        times_ms.for_each(|ms| round_trips.observe(Duration::from_millis(ms)));
        round_trips.stall()
    }

    #[test]
    fn nine_in_ten_come_before() {
        let stall = after((0..2000).map(|i| i * 7 % 1000));
        assert!((850..=950).contains(&stall.as_millis()), "{stall:?}");
    }

    #[test]
    fn where_all_are_alike_there_is_patience() {
        assert_eq!(after((0..100).map(|_| 20)), Duration::from_millis(150));
    }

    #[test]
    fn what_was_is_forgotten() {
        let stall = after((0..100).map(|_| 5000).chain((0..2000).map(|_| 20)));
        assert_eq!(stall, Duration::from_millis(150));
    }

    #[test]
    fn before_anything_is_known_nothing_stalls() {
        assert_eq!(RoundTrips::default().stall(), FIRST);
    }
}

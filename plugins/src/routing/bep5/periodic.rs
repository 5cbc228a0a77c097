//! What goes by the clock alone.

use std::time::Duration;

use mdht_krpc::Instant;

/// Something done once in a while, the first time after that while.
#[derive(Debug)]
pub(super) struct Periodic {
    /// Zero is never.
    every: Duration,
    next: Instant,
}

impl Periodic {
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every,
            next: Instant::ZERO + every,
        }
    }

    /// Whether it is to be done now; then it is next due a while later.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = !self.every.is_zero() && now >= self.next;
        if is_due {
            self.next = now + self.every;
        }
        is_due
    }

    pub(super) fn next(&self) -> Option<Instant> {
        (!self.every.is_zero()).then_some(self.next)
    }
}

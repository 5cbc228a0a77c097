//! One ordered queue of deadlines; the earliest is the node's next.

use std::collections::BTreeMap;

use mdht_krpc::{Family, Instant};

use super::search::SearchId;
use super::transactions::TransactionId;
use super::{LookupId, RepublishId};

/// What falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// A query's soft timeout.
    Soft(TransactionId),
    /// A query is given up.
    Hard(TransactionId),
    /// A routing module wants to act.
    Routing(Family),
    /// A lookup wants to be woken.
    Search(SearchId),
    /// The next attempt to join the overlay.
    Join(Family),
    /// A lookup has waited long enough for the node to join.
    Patience(LookupId),
    /// Whether others reach us is to be looked at.
    Reachability(Family),
    /// An item is to be put again.
    Republish(RepublishId),
    /// Queries that wait for the budget may go, or are given up.
    Postponed,
    /// The budget may be free again.
    BudgetFree,
    /// The token secrets change.
    Secrets,
    /// Stored peers and items expire.
    Peers,
}

/// Names one scheduled timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey(Instant, u64);

impl TimerKey {
    /// When it falls due.
    pub(crate) const fn at(self) -> Instant {
        self.0
    }
}

/// Deadlines in order; those at the same moment in the order they were set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeMap<TimerKey, Timer>,
    next: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, timer: Timer) -> TimerKey {
        self.next += 1;
        let key = TimerKey(at, self.next);
        self.queue.insert(key, timer);
        key
    }

    /// Takes a timer back, if one was set.
    pub(crate) fn cancel(&mut self, key: impl Into<Option<TimerKey>>) {
        if let Some(key) = key.into() {
            self.queue.remove(&key);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|(key, _)| key.0)
    }

    /// Takes the earliest timer that is due, with the moment it was due at; it
    /// is disarmed before it runs.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        let entry = self.queue.first_entry()?;
        let due = entry.key().0;
        (due <= now).then(|| (due, entry.remove()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_timers_come_in_order_and_only_once() {
        let at = Instant::from_micros;
        let mut timers = Timers::default();
        timers.set(at(20), Timer::Peers);
        let cancelled = timers.set(at(5), Timer::Join(Family::V4));
        timers.set(at(10), Timer::Secrets);
        timers.set(at(10), Timer::Routing(Family::V4));
        timers.cancel(cancelled);
        assert_eq!(timers.next_deadline(), Some(at(10)));
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.pop_due(at(15)), Some((at(10), Timer::Secrets)));
        assert_eq!(
            timers.pop_due(at(10)),
            Some((at(10), Timer::Routing(Family::V4)))
        );
        assert_eq!(timers.pop_due(at(10)), None);
        assert_eq!(timers.next_deadline(), Some(at(20)));
    }
}

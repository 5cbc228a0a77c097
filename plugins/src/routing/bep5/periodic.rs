//! What goes by the clock alone: lookups, and the refreshes of buckets.

use std::time::Duration;

use mdht_krpc::{Id, Instant};

use super::Bep5;
use crate::routing::table::{Bucket, Moment};
use crate::routing::{RoutingAction, RoutingCx};

/// Least time between two refreshes.
const REFRESH_SPACING: Duration = Duration::from_secs(2);

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

impl Bep5 {
    /// Looks up our own ID as soon as there is somebody to ask [BEP 5].
    pub(super) fn join(&mut self, cx: &mut RoutingCx<'_>) {
        if !self.has_joined && self.table.len() > 0 {
            self.has_joined = true;
            cx.actions.push(RoutingAction::Lookup {
                target: self.table.own_id(),
            });
        }
    }

    /// Lookups that go by the clock; returns when the next one is due.
    pub(super) fn look_up(&mut self, cx: &mut RoutingCx<'_>) -> Option<Instant> {
        let may = self.has_joined && cx.online;
        if self.own_lookup.is_due(cx.now) && may {
            let target = self.table.own_id();
            cx.actions.push(RoutingAction::Lookup { target });
        }
        if self.random_lookup.is_due(cx.now) && may {
            let target = Id::random(cx.rng);
            cx.actions.push(RoutingAction::Lookup { target });
        }
        let due = [&self.own_lookup, &self.random_lookup];
        due.into_iter().filter_map(Periodic::next).min()
    }

    /// Buckets whose freshness matters, each with when it is to be refreshed:
    /// those no deeper than the deepest that holds a contact.
    fn refreshes(&self) -> impl Iterator<Item = (Instant, usize)> {
        let buckets = self.table.buckets();
        let used = buckets.iter().rposition(|bucket| !bucket.main.is_empty());
        let used = &buckets[..used.map_or(0, |deepest| deepest + 1)];
        let due = |bucket: &Bucket| bucket.touched.instant() + self.config.fresh;
        used.iter()
            .enumerate()
            .map(move |(index, bucket)| (due(bucket), index))
    }

    /// Refreshes the bucket that is due, if one is; returns when the next may be.
    pub(super) fn refresh(&mut self, cx: &mut RoutingCx<'_>) -> Instant {
        if cx.online
            && cx.now >= self.next_refresh
            && let Some((due, bucket)) = self.refreshes().min()
            && due <= cx.now
        {
            let target = self.table.own_id().random_in_bucket(bucket, cx.rng);
            cx.actions.push(RoutingAction::Lookup { target });
            self.table.bucket_mut(bucket, cx.now).touched = Moment::of(cx.now);
            self.next_refresh = cx.now + REFRESH_SPACING;
        }
        let next = self
            .refreshes()
            .min()
            .map_or(cx.now + self.config.fresh, |(due, _)| due);
        next.max(self.next_refresh).max(cx.now + REFRESH_SPACING)
    }
}

//! Lookups that wait for the node to join, or for somebody to ask.

use mdht_krpc::Instant;

use super::UserLookup;
use crate::core::timers::Timer;
use crate::core::{Core, LookupId};

impl Core {
    /// How often a lookup that nobody answered is begun anew: a node that has
    /// just joined may know a single contact, whose one packet was lost.
    const MOST_RETRIES: u32 = 2;

    /// Has a lookup wait, until `end` at the latest.
    pub(super) fn wait_until(&mut self, id: LookupId, end: Instant) {
        let patience = self.timers.set(end, Timer::Patience(id));
        if let Some(lookup) = self.lookups.get_mut(&id) {
            lookup.patience = Some(patience);
        }
    }

    /// Starts the lookups that wait for the node to join or for somebody to
    /// ask, in every overlay that it has joined.
    pub(crate) fn start_waiting_lookups(&mut self) {
        if !self.lookups.values().any(|l| l.patience.is_some()) {
            return;
        }
        let joined: Vec<_> = self
            .overlays
            .iter()
            .filter(|o| o.joined)
            .map(|o| o.family)
            .collect();
        if joined.is_empty() {
            return;
        }
        let waiting: Vec<_> = self
            .lookups
            .iter()
            .filter(|(_, l)| l.patience.is_some())
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            let Some(lookup) = self.lookups.get_mut(&id) else {
                continue;
            };
            self.timers.cancel(lookup.patience.take());
            lookup.report.joined = true;
            lookup.starting = true;
            let request = lookup.request;
            for family in &joined {
                self.start_user_search(*family, request, id);
            }
            if let Some(lookup) = self.lookups.get_mut(&id) {
                lookup.starting = false;
                self.finish_if_over(id);
            }
        }
    }

    /// The node has not joined in time: the lookup ends with nothing.
    pub(crate) fn lose_patience(&mut self, id: LookupId) {
        if let Some(lookup) = self.lookups.get_mut(&id) {
            lookup.patience = None;
            self.finish_if_over(id);
        }
    }

    /// Begins a lookup anew that nobody has answered, or has one wait that knew
    /// nobody to ask; whether it does.
    pub(super) fn retry(&mut self, id: LookupId) -> bool {
        let Some(lookup) = self.lookups.get(&id) else {
            return false;
        };
        let is_starved = lookup.report.joined && lookup.report.queries == 0;
        if is_starved {
            // for somebody to answer us, who can then be asked
            let end = lookup.asked + self.config.patience;
            if end > self.now {
                self.wait_until(id, end);
            }
            return end > self.now;
        }
        if !lookup.is_unanswered() || lookup.retries >= Self::MOST_RETRIES {
            return false;
        }
        if let Some(lookup) = self.lookups.get_mut(&id) {
            lookup.retries += 1;
        }
        self.wait_until(id, self.now + self.config.patience);
        self.start_waiting_lookups();
        true
    }
}

impl UserLookup {
    const fn is_unanswered(&self) -> bool {
        self.report.queries > 0 && self.report.responses == 0
    }
}

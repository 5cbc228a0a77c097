//! What shows whether others reach us, gathered where it passes; and what
//! follows from it.

use std::net::SocketAddr;

use mdht_krpc::Family;

use super::reachability::{Reachability, Step, Visit};
use super::timers::Timer;
use super::{Core, Event, SocketId};

impl Core {
    /// Whether we ask and answer nobody, and say so (BEP 43).
    pub fn is_read_only(&self, family: Family) -> bool {
        let overlay = self.overlay_ref(family);
        let found = overlay.and_then(|overlay| overlay.reachability.as_ref());
        self.config.read_only || found.is_some_and(|reachability| reachability.is_read_only())
    }

    /// Whether others reach us, as far as it was found out by packets alone;
    /// `None` if it is not known, or nobody asked for it in
    /// [`Config::read_only_if_unreachable`](super::Config::read_only_if_unreachable).
    pub fn is_reachable(&self, family: Family) -> Option<bool> {
        let overlay = self.overlay_ref(family)?;
        overlay.reachability.as_ref()?.verdict()
    }

    pub(crate) fn reachability(&mut self, family: Family) -> Option<&mut Reachability> {
        self.overlay(family)?.reachability.as_deref_mut()
    }

    pub(crate) fn note_sent(&mut self, to: SocketAddr) {
        let now = self.now;
        if let Some(reachability) = self.reachability(Family::of(&to)) {
            reachability.on_sent(now, to.ip());
        }
    }

    /// A host has answered a query of ours.
    pub(crate) fn note_acquaintance(&mut self, from: SocketAddr) {
        if let Some(reachability) = self.reachability(Family::of(&from)) {
            reachability.on_answer(from.ip());
        }
    }

    /// Somebody has queried us.
    pub(crate) fn note_visit(&mut self, socket: SocketId, from: SocketAddr) {
        let (now, family) = (self.now, Family::of(&from));
        let visit = Visit {
            from: from.ip(),
            external: self.external_addr(family).map(|addr| addr.ip()),
            by_main_socket: self.main_socket(family) == Some(socket),
        };
        let Some(reachability) = self.reachability(family) else {
            return;
        };
        let (is_unsolicited, step) = reachability.on_query(now, visit);
        self.stats.unsolicited_queries += u64::from(is_unsolicited);
        if let Some(step) = step {
            self.take_step(family, step);
        }
    }

    /// Others agree that our IP address is another one now.
    pub(crate) fn note_moved(&mut self, family: Family) {
        let now = self.now;
        if let Some(step) = self.reachability(family).map(|found| found.on_moved(now)) {
            self.take_step(family, step);
        }
    }

    /// The first answer has come: from now on it can be found out.
    pub(crate) fn begin_reachability_watch(&mut self, family: Family) {
        let now = self.now;
        if let Some(reachability) = self.reachability(family) {
            let until = reachability.begin_watch(now);
            self.take_step(family, Step::Wait { until });
        }
    }

    pub(crate) fn look_at_reachability(&mut self, family: Family) {
        let now = self.now;
        let Some(overlay) = self.overlay(family) else {
            return;
        };
        let (online, scattered) = (overlay.online, overlay.external.is_scattered());
        if let Some(reachability) = &mut overlay.reachability {
            reachability.timer = None;
            let step = reachability.on_due(now, online, scattered);
            self.take_step(family, step);
        }
    }

    fn take_step(&mut self, family: Family, step: Step) {
        let until = step.until();
        let key = self.timers.set(until, Timer::Reachability(family));
        let planned = self
            .reachability(family)
            .map(|found| found.timer.replace(key));
        self.timers.cancel(planned.flatten());
        match step {
            Step::Reachable { is_news: true, .. } => self.tell(Event::Reachable { family }),
            Step::Wait { .. } | Step::Reachable { .. } => {}
            Step::Unreachable { .. } => {
                self.stats.read_only_turns += 1;
                let trial_in = until.since(self.now);
                self.tell(Event::Unreachable { family, trial_in });
            }
            Step::Trial { .. } => {
                self.stats.reachability_trials += 1;
                self.tell(Event::ReachabilityTrial { family });
                // those close to us are to hear that we take part again
                if let Some(own_id) = self.id(family) {
                    self.start_maintenance_lookup(family, own_id);
                }
            }
        }
    }
}

//! One iterative lookup that goes on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mdht_krpc::Contact;

use super::config::Config;
use super::queue::{Fate, Queue, Ranked};
use super::stall::RoundTrips;
use crate::lookup::referrals::Referrals;
use crate::lookup::responders::Responders;
use crate::lookup::{Lookup, LookupAction, LookupCx, LookupRequest, LookupResponse, Timeout};

pub(super) struct State {
    config: Config,
    round_trips: Option<Arc<Mutex<RoundTrips>>>,
    request: LookupRequest,
    queue: Queue,
    referrals: Referrals,
    pub(super) responders: Responders,
}

impl Lookup for State {
    fn start(&mut self, cx: &mut LookupCx<'_>) {
        let closest = cx.closest(self.request.target, self.config.start);
        self.enqueue(closest.iter().map(|candidate| candidate.contact), None);
        self.begin(cx);
    }

    fn on_response(&mut self, cx: &mut LookupCx<'_>, response: &LookupResponse<'_>) {
        self.queue.settle(response.contact, Fate::Over);
        self.referrals.answered(response.contact);
        self.responders.answered(response);
        self.enqueue(response.nodes.iter().copied(), Some(response.contact));
        if response.has_values {
            self.slow_down();
        }
        match self.request.is_met_by(response) {
            true => self.finish(cx),
            false => self.proceed(cx),
        }
    }

    fn on_error(&mut self, cx: &mut LookupCx<'_>, contact: &Contact) {
        self.queue.settle(contact, Fate::Over);
        self.proceed(cx);
    }

    fn on_timeout(&mut self, cx: &mut LookupCx<'_>, contact: &Contact, timeout: Timeout) {
        let fate = match timeout {
            Timeout::Soft => Fate::Slow,
            Timeout::Hard => Fate::Over,
        };
        self.slow_down();
        // its soft timeout has already set off what this query's end may set off
        let counted = self.queue.settle(contact, fate);
        match counted {
            Some(Fate::Slow) if !self.queue.is_idle() => {}
            _ => self.proceed(cx),
        }
    }
}

impl State {
    pub(super) fn new(
        config: Config,
        request: &LookupRequest,
        round_trips: Option<Arc<Mutex<RoundTrips>>>,
    ) -> Self {
        Self {
            round_trips,
            request: *request,
            queue: Queue::new(config.limits),
            referrals: Referrals::new(config.trust.per_responder),
            responders: config.responders(request),
            config,
        }
    }

    /// Sends the first queries.
    pub(super) fn begin(&mut self, cx: &mut LookupCx<'_>) {
        self.responders.begin(cx);
        for _ in 0..self.config.alpha {
            self.query_next(cx);
        }
        self.finish_if_over(cx);
    }

    /// The first values have come, or somebody has not answered in time.
    const fn slow_down(&mut self) {
        if let Some(parallel) = self.config.slow_parallel {
            self.config.parallel = parallel;
        }
        if let Some(beta) = self.config.slow_beta {
            self.config.beta = beta;
        }
    }

    /// Sends up to beta queries within the bound, and ends if nothing is left.
    fn proceed(&mut self, cx: &mut LookupCx<'_>) {
        for _ in 0..self.config.beta {
            if self.room() == 0 || !self.query_next(cx) {
                break;
            }
        }
        self.finish_if_over(cx);
    }

    /// How many more may be in flight.
    fn room(&self) -> usize {
        let queried = self.queue.queried.iter();
        let in_flight = queried.filter(|q| q.fate == Fate::InFlight);
        let in_flight = match self.next().filter(|_| self.config.counts_nearer) {
            Some(next) => in_flight
                .filter(|q| self.request.target.distance(&q.contact.id) < next.distance)
                .count(),
            None => in_flight.count(),
        };
        self.config.parallel.saturating_sub(in_flight)
    }

    /// When a query stops to count as in flight.
    fn soft(&self) -> Option<Duration> {
        let Some(round_trips) = &self.round_trips else {
            return self.config.soft;
        };
        let round_trips = round_trips.lock().unwrap_or_else(PoisonError::into_inner);
        Some(round_trips.stall().min(self.config.timeout))
    }

    /// The closest contact not yet queried that is worth it. Those whom one alone
    /// has named who named many in vain are a last resort.
    fn next(&self) -> Option<Ranked> {
        let reach = self.responders.reach();
        let vouched = self.queue.next(&reach, |one| self.referrals.may_ask(one));
        let is_idle = || self.queue.is_idle();
        vouched.or_else(|| {
            self.queue
                .next(&reach, |one| is_idle() && reach.is_last_resort(one))
        })
    }

    /// Asks the next; false if there is none.
    fn query_next(&mut self, cx: &mut LookupCx<'_>) -> bool {
        let Some(Ranked { contact, .. }) = self.next() else {
            return false;
        };
        self.queue.ask(&contact);
        self.referrals.asked(&contact);
        cx.actions.push(LookupAction::Query {
            contact,
            soft: self.soft(),
            hard: self.config.timeout,
        });
        true
    }

    /// Over: nothing in flight, and nobody left who is worth asking.
    fn finish_if_over(&self, cx: &mut LookupCx<'_>) {
        if self.is_over() {
            self.finish(cx);
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.queue.is_idle() && self.next().is_none()
    }

    fn finish(&self, cx: &mut LookupCx<'_>) {
        self.responders
            .finish(cx, &self.request, self.config.announce);
    }

    /// Remembers contacts not seen before in this lookup, whoever named them. The
    /// mark only ever comes closer: what is beyond it now need not be kept.
    pub(super) fn enqueue(
        &mut self,
        contacts: impl Iterator<Item = Contact>,
        by: Option<&Contact>,
    ) {
        let reach = self.responders.reach();
        for contact in contacts {
            self.referrals.named(&contact, by.map(|by| by.addr));
            let ranked = Ranked::new(&self.request.target, contact);
            self.queue.push(ranked, &reach);
        }
    }

    /// Another lookup has queried this contact: it is none of ours.
    pub(super) fn leave_to_another(&mut self, contact: Contact) {
        self.queue.leave_to_another(contact);
    }

    pub(super) fn has_queried(&self, contact: &Contact) -> bool {
        self.queue.has_queried(contact)
    }
}

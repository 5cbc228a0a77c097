//! The iterative lookup of the thesis, and its variants as parameter values
//! [thesis 8.IV].
//!
//! `alpha` queries go out at the start; each response, error or timeout makes
//! room for up to `beta` more. Where the thesis is silent:
//! - only contacts closer to the target than the `mark`-th closest responder
//!   are queried (3, as pymdht measured; 8 is the textbook rule),
//! - one query per IP address, so that one host cannot hold up a lookup with
//!   many IDs,
//! - the `queue` closest contacts not yet queried are remembered (64: with a
//!   few more than the closest sixteen, a batch of dead or forged contacts
//!   near the target does not push the honest ones out),
//! - the table is asked for `start` contacts (16), so that a first batch that
//!   is dead leaves others to try,
//! - `paths` lookups that share no contact run beside each other (1: one
//!   lookup, as in the thesis; more: S/Kademlia's defence, see `disjoint`),
//! - `bep42=enforce` is that BEP's enforcement; by default there is none, as it
//!   asks of the time of transition, and as the thesis's lookups were,
//! - `standard` never has more than `parallel` = alpha queries in flight;
//!   `aggressive` has no such bound after the start.
//!
//! Of clients in the field, and off in the thesis's two:
//! - `counted=nearer`: against `parallel` count only queries to contacts nearer
//!   than the next one, so that what was asked from farther away holds up nobody,
//! - `stall=adaptive`: a query no longer counts as in flight when its answer is
//!   later than most,
//! - `slow_parallel`, `slow_beta`: from the first values or the first timeout on.

mod config;
mod stall;

mod disjoint;

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mdht_krpc::{Contact, Distance, Id, id_fits_addr};

use super::{
    Goal, Lookup, LookupAction, LookupCx, LookupKind, LookupModule, LookupRequest, LookupResponse,
    QueryOutcome, Timeout,
};
use crate::parameter::Parameters;
use crate::registry::ModuleInfo;
use crate::routing::{ClosestRequest, Purpose};
use crate::subnet::Subnet;
use config::Config;
pub(super) use config::parameters;
use disjoint::Disjoint;
use stall::RoundTrips;

type Definition = (ModuleInfo, fn(&Parameters) -> Box<dyn LookupModule>);

/// `standard`: alpha 4, beta 1, as UTorrent was seen to do [thesis 8.IV].
pub(crate) fn standard() -> Definition {
    let info = ModuleInfo {
        name: "standard",
        label: "S",
        summary: "alpha 4, beta 1: a response makes room for one more query",
        source: "thesis 8.IV",
        parameters: parameters(1, 4),
    };
    (info, build)
}

/// `aggressive`: alpha 4, beta 3, no bound on queries in flight [thesis 8.IV].
pub(crate) fn aggressive() -> Definition {
    let info = ModuleInfo {
        name: "aggressive",
        label: "A",
        summary: "alpha 4, beta 3: a response sets off up to three queries",
        source: "thesis 8.IV",
        parameters: parameters(3, 0),
    };
    (info, build)
}

/// What runs maintenance lookups, whatever the node's lookup module: alpha 4,
/// beta 1 [thesis 8.V.A; pymdht].
pub fn maintenance_lookup() -> Box<dyn LookupModule> {
    let (info, build) = standard();
    build(&Parameters::defaults(&info.parameters))
}

pub(super) fn build(parameters: &Parameters) -> Box<dyn LookupModule> {
    let is_adaptive = parameters.choice("stall") == "adaptive";
    Box::new(Iterative {
        config: Config::new(parameters),
        round_trips: is_adaptive.then(Arc::default),
    })
}

struct Iterative {
    config: Config,
    /// Where soft timeouts follow them.
    round_trips: Option<Arc<Mutex<RoundTrips>>>,
}

impl LookupModule for Iterative {
    fn on_outcome(&mut self, outcome: &QueryOutcome) {
        if let (Some(round_trips), Some(rtt)) = (&self.round_trips, outcome.rtt) {
            let mut round_trips = round_trips.lock().unwrap_or_else(PoisonError::into_inner);
            round_trips.observe(rtt);
        }
    }

    fn make(&mut self, request: &LookupRequest) -> Box<dyn Lookup> {
        let round_trips = self.round_trips.clone();
        match self.config.paths {
            1 => Box::new(State::new(self.config, request, round_trips)),
            _ => Box::new(Disjoint::new(self.config, request, &round_trips)),
        }
    }
}

/// A contact with its distance to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ranked {
    distance: Distance,
    contact: Contact,
}

impl Ranked {
    fn new(target: &Id, contact: Contact) -> Self {
        Self {
            distance: target.distance(&contact.id),
            contact,
        }
    }

    /// By distance, then by address, so that the order never depends on arrival.
    fn order(&self, other: &Self) -> Ordering {
        (self.distance, self.contact.addr).cmp(&(other.distance, other.contact.addr))
    }
}

/// What has become of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    InFlight,
    /// The soft timeout has passed; the answer may still come.
    Slow,
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Queried {
    contact: Contact,
    fate: Fate,
}

struct State {
    config: Config,
    round_trips: Option<Arc<Mutex<RoundTrips>>>,
    request: LookupRequest,
    /// Not yet queried, closest first.
    queue: Vec<Ranked>,
    queried: Vec<Queried>,
    /// Queried by lookups beside this one.
    elsewhere: Vec<Contact>,
    /// Closest first; as many as the mark or the announce needs.
    responders: Vec<(Ranked, bool)>,
}

impl Lookup for State {
    fn start(&mut self, cx: &mut LookupCx<'_>) {
        let request = ClosestRequest {
            target: self.request.target,
            count: self.config.start,
            purpose: Purpose::Lookup,
            now: cx.now,
        };
        let mut candidates = Vec::with_capacity(self.config.start);
        cx.contacts.closest(&request, &mut candidates);
        self.enqueue(candidates.iter().map(|candidate| candidate.contact));
        self.begin(cx);
    }

    fn on_response(&mut self, cx: &mut LookupCx<'_>, response: &LookupResponse<'_>) {
        self.settle(response.contact, Fate::Over);
        let responder = Contact::new(response.id, response.contact.addr);
        if !self.config.enforces_bep42 || id_fits_addr(&responder.id, responder.addr.ip()) {
            self.note_responder(responder, response.has_token);
        }
        self.enqueue(response.nodes.iter().copied());
        if response.has_values {
            self.slow_down();
        }
        if self.is_satisfied(response) {
            return self.finish(cx);
        }
        self.proceed(cx);
    }

    fn on_error(&mut self, cx: &mut LookupCx<'_>, contact: &Contact) {
        self.settle(contact, Fate::Over);
        self.proceed(cx);
    }

    fn on_timeout(&mut self, cx: &mut LookupCx<'_>, contact: &Contact, timeout: Timeout) {
        let fate = match timeout {
            Timeout::Soft => Fate::Slow,
            Timeout::Hard => Fate::Over,
        };
        self.slow_down();
        // its soft timeout has already set off what this query's end may set off
        let counted = self.settle(contact, fate);
        match counted {
            Some(Fate::Slow) => self.finish_if_over(cx),
            _ => self.proceed(cx),
        }
    }
}

impl State {
    const fn new(
        config: Config,
        request: &LookupRequest,
        round_trips: Option<Arc<Mutex<RoundTrips>>>,
    ) -> Self {
        Self {
            config,
            round_trips,
            request: *request,
            queue: Vec::new(),
            queried: Vec::new(),
            elsewhere: Vec::new(),
            responders: Vec::new(),
        }
    }

    /// Sends the first queries.
    fn begin(&mut self, cx: &mut LookupCx<'_>) {
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
        let in_flight = self.queried.iter().filter(|q| q.fate == Fate::InFlight);
        let in_flight = match self.queue.first() {
            Some(next) if self.config.counts_nearer => in_flight
                .filter(|q| self.request.target.distance(&q.contact.id) < next.distance)
                .count(),
            _ => in_flight.count(),
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

    /// Asks the closest contact not yet queried, if it is closer than the mark.
    fn query_next(&mut self, cx: &mut LookupCx<'_>) -> bool {
        let mark = self.mark();
        if self.queue.first().is_none_or(|next| next.distance >= mark) {
            return false;
        }
        let Ranked { contact, .. } = self.queue.remove(0);
        self.queried.push(Queried {
            contact,
            fate: Fate::InFlight,
        });
        cx.actions.push(LookupAction::Query {
            contact,
            soft: self.soft(),
            hard: self.config.timeout,
        });
        true
    }

    /// Over: nothing in flight, and no contact left that is closer than the mark.
    fn finish_if_over(&mut self, cx: &mut LookupCx<'_>) {
        if self.is_over() {
            self.finish(cx);
        }
    }

    fn is_over(&self) -> bool {
        let waiting = self.count(Fate::InFlight) + self.count(Fate::Slow);
        let more = self
            .queue
            .first()
            .is_some_and(|ranked| ranked.distance < self.mark());
        waiting == 0 && !more
    }

    fn finish(&mut self, cx: &mut LookupCx<'_>) {
        if self.request.announce {
            let with_token = self.responders.iter().filter(|(_, has_token)| *has_token);
            let closest = with_token.take(self.config.announce);
            cx.actions
                .extend(closest.map(|(ranked, _)| LookupAction::Announce(ranked.contact)));
        }
        cx.actions.push(LookupAction::Finish);
    }

    /// Distance of the `mark`-th closest responder; none is that near at first.
    fn mark(&self) -> Distance {
        match self.responders.get(self.config.mark - 1) {
            Some((ranked, _)) => ranked.distance,
            None => Distance::MAX,
        }
    }

    fn count(&self, fate: Fate) -> usize {
        self.queried
            .iter()
            .filter(|queried| queried.fate == fate)
            .count()
    }

    /// Records what became of a query; returns what was known before.
    fn settle(&mut self, contact: &Contact, fate: Fate) -> Option<Fate> {
        let open = self
            .queried
            .iter_mut()
            .find(|q| q.contact == *contact && q.fate != Fate::Over)?;
        Some(std::mem::replace(&mut open.fate, fate))
    }

    /// A node counts once, and every one that gave a token is kept while it
    /// may be one to announce to.
    fn note_responder(&mut self, contact: Contact, has_token: bool) {
        let ranked = Ranked::new(&self.request.target, contact);
        let place = self
            .responders
            .partition_point(|(other, _)| other.order(&ranked).is_lt());
        if self
            .responders
            .get(place)
            .is_some_and(|(other, _)| *other == ranked)
        {
            return;
        }
        self.responders.insert(place, (ranked, has_token));
        let keep = 4 * self.config.mark.max(self.config.announce);
        self.responders.truncate(keep.max(KEEP_RESPONDERS));
    }

    /// Remembers contacts not seen before in this lookup, closest first. The
    /// mark only ever comes closer: what is beyond it now need not be kept.
    fn enqueue(&mut self, contacts: impl Iterator<Item = Contact>) {
        let mark = self.mark();
        for contact in contacts {
            let ranked = Ranked::new(&self.request.target, contact);
            let place = self
                .queue
                .partition_point(|other| other.order(&ranked).is_lt());
            let wanted = place < self.config.queue && ranked.distance < mark;
            if wanted && self.may_query(&contact) {
                self.queue.insert(place, ranked);
                self.queue.truncate(self.config.queue);
            }
        }
    }

    /// Not queried or queued yet, and neither its IP address nor its subnet
    /// used up.
    fn may_query(&self, contact: &Contact) -> bool {
        let queued = self.queue.iter().map(|ranked| &ranked.contact);
        self.has_room_for(contact, queued)
    }

    /// The same, beside those `queued`.
    fn has_room_for<'a>(
        &'a self,
        contact: &Contact,
        queued: impl Iterator<Item = &'a Contact>,
    ) -> bool {
        let ip = contact.addr.ip();
        let subnet = match self.config.per_subnet {
            0 => None,
            _ => Subnet::of(ip),
        };
        let queried = self.queried.iter().map(|queried| &queried.contact);
        let (mut same_ip, mut same_subnet) = (0, 0);
        for other in queried.chain(queued).chain(&self.elsewhere) {
            let other_ip = other.addr.ip();
            if other_ip == ip {
                if other.addr == contact.addr {
                    return false;
                }
                same_ip += 1;
            }
            same_subnet += usize::from(subnet.is_some() && Subnet::of(other_ip) == subnet);
        }
        let subnet_has_room = subnet.is_none() || same_subnet < self.config.per_subnet;
        same_ip < self.config.per_ip && subnet_has_room
    }

    /// Another lookup has queried this contact: it is none of ours, nor is
    /// what there is no room for beside it.
    fn leave_to_another(&mut self, contact: Contact) {
        self.elsewhere.push(contact);
        let mut kept: Vec<Ranked> = Vec::with_capacity(self.queue.len());
        for ranked in &self.queue {
            let before = kept.iter().map(|ranked| &ranked.contact);
            if self.has_room_for(&ranked.contact, before) {
                kept.push(*ranked);
            }
        }
        self.queue = kept;
    }

    fn has_queried(&self, contact: &Contact) -> bool {
        self.queried.iter().any(|q| q.contact == *contact)
    }

    /// Responders that gave a token, closest first.
    fn with_token(&self) -> impl Iterator<Item = Ranked> {
        let with_token = self.responders.iter().filter(|(_, has_token)| *has_token);
        with_token.map(|(ranked, _)| *ranked)
    }

    fn is_satisfied(&self, response: &LookupResponse<'_>) -> bool {
        if self.request.kind == LookupKind::FindNode {
            return false;
        }
        match self.request.goal {
            Goal::Closest => false,
            Goal::FirstValue => response.has_values,
            Goal::Peers(enough) => response.peers_found >= enough,
        }
    }
}

/// Responders kept beyond those that the mark and the announce count, so that
/// a responder without a token does not cost an announce.
const KEEP_RESPONDERS: usize = 32;

#[cfg(test)]
mod tests;

//! A lookup that asks as many as are worth asking, and no more.
//!
//! - **Outlook.** For each contact there is a chance, for each moment, that
//!   values have come by way of it: from its round-trip time, measured or
//!   forecast from its network; from its chance of answering; and, as far as it
//!   will have no values itself, from the hops that are left. What nearness is
//!   worth is learned from all lookups before.
//! - **Whom and how many.** The next is who makes values come soonest, those
//!   considered who were asked already. It is asked if that is sooner by `price`
//!   in the mean, where a time counts by its logarithm beyond `horizon`: to halve
//!   it is worth as much whether it is long or short. So few are asked where a
//!   fast one is near, and many where nobody is known well; at most `alpha` at
//!   the start and `beta` whenever a contact has answered without values or its
//!   time is over: its round-trip time and half of it, or that within which
//!   `patience` per cent of such hosts answer. A late answer still counts.
//! - **After the first value** nobody is in a hurry: the nearest contact not yet
//!   asked is next, at most `after` in flight. Those with a chance below
//!   `least_chance` in a hundred are left out.
//! - **When.** As with the iterative lookup: only contacts nearer than the
//!   `mark`-th nearest responder are asked, and the lookup is over when none is
//!   left and none in flight, or as soon as its goal is reached.

mod config;
mod learned;
mod outlook;
mod query;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mdht_krpc::{Contact, Instant};

use super::{
    Goal, Lookup, LookupAction, LookupCx, LookupKind, LookupModule, LookupRequest, LookupResponse,
    QueryOutcome, Timeout,
};
use crate::parameter::Parameters;
use crate::registry::ModuleInfo;
use crate::routing::{Candidate, ClosestRequest, Purpose};
use crate::subnet::Subnet;
use config::{Config, parameters};
use learned::{Learned, Prospects, step};
use outlook::Waiting;
use query::{Prospect, State as QueryState};

type Definition = (ModuleInfo, fn(&Parameters) -> Box<dyn LookupModule>);

/// The module `hedged`.
pub(crate) fn definition() -> Definition {
    let info = ModuleInfo {
        name: "hedged",
        label: "H",
        summary: "asks whom values may soonest come by, and others as long as it pays",
        source: "this project, docs/research.md",
        parameters: parameters(),
    };
    (info, build)
}

fn build(parameters: &Parameters) -> Box<dyn LookupModule> {
    Box::new(Hedged {
        config: Config::new(parameters),
        learned: Arc::default(),
    })
}

struct Hedged {
    config: Config,
    learned: Arc<Mutex<Learned>>,
}

impl LookupModule for Hedged {
    fn make(&mut self, request: &LookupRequest) -> Box<dyn Lookup> {
        let prospects = lock(&self.learned).prospects();
        Box::new(Search {
            config: self.config,
            request: *request,
            learned: Arc::clone(&self.learned),
            prospects,
            known: Vec::new(),
            responders: Vec::new(),
            has_value: request.kind == LookupKind::FindNode,
        })
    }

    fn on_outcome(&mut self, outcome: &QueryOutcome) {
        if let Some(rtt) = outcome.rtt {
            lock(&self.learned).measured(&outcome.contact, rtt);
        }
    }
}

/// A panic elsewhere leaves nothing half-written that would matter.
fn lock(learned: &Mutex<Learned>) -> MutexGuard<'_, Learned> {
    learned.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most contacts that a lookup keeps in mind.
const MOST_KNOWN: usize = 1024;

struct Search {
    config: Config,
    request: LookupRequest,
    learned: Arc<Mutex<Learned>>,
    prospects: Prospects,
    /// Everybody met in this lookup.
    known: Vec<Prospect>,
    /// Nearest first, with whether it gave a token.
    responders: Vec<(Contact, bool)>,
    /// Values have come, or are not what is looked for.
    has_value: bool,
}

impl Lookup for Search {
    fn start(&mut self, cx: &mut LookupCx<'_>) {
        let request = ClosestRequest {
            target: self.request.target,
            count: self.config.start,
            purpose: Purpose::Lookup,
            now: cx.now,
        };
        let mut candidates = Vec::with_capacity(self.config.start);
        cx.contacts.closest(&request, &mut candidates);
        candidates.iter().for_each(|candidate| self.meet(candidate));
        self.proceed(cx, self.config.alpha);
    }

    fn on_response(&mut self, cx: &mut LookupCx<'_>, response: &LookupResponse<'_>) {
        self.settle(response.contact, QueryState::Over);
        self.learn(response);
        for contact in response.nodes {
            let known = cx.contacts.known(contact, cx.now);
            self.meet(&known.unwrap_or(unknown(*contact)));
        }
        self.note_responder(
            Contact::new(response.id, response.contact.addr),
            response.has_token,
        );
        self.has_value |= response.has_values;
        match self.is_satisfied(response) {
            true => self.finish(cx),
            false => self.proceed(cx, self.config.beta),
        }
    }

    fn on_error(&mut self, cx: &mut LookupCx<'_>, contact: &Contact) {
        self.settle(contact, QueryState::Over);
        self.proceed(cx, self.config.beta);
    }

    fn on_timeout(&mut self, cx: &mut LookupCx<'_>, contact: &Contact, timeout: Timeout) {
        match timeout {
            Timeout::Soft => self.settle(contact, QueryState::Overdue),
            Timeout::Hard => self.settle(contact, QueryState::Over),
        }
        self.proceed(cx, self.config.beta);
    }
}

impl Search {
    /// Takes a contact into consideration.
    fn meet(&mut self, candidate: &Candidate) {
        let contact = candidate.contact;
        let chance = candidate.answer_chance.unwrap_or(0.5);
        let same_host = |other: &&Prospect| other.contact.addr.ip() == contact.addr.ip();
        let hosts = self.known.iter().filter(same_host);
        let is_new = hosts
            .clone()
            .all(|other| other.contact.addr != contact.addr);
        let is_wanted = chance >= self.config.least_chance
            && is_new
            && hosts.count() < self.config.per_ip
            && self.subnet_has_room(&contact)
            && self.known.len() < MOST_KNOWN;
        if !is_wanted {
            return;
        }
        let step = step(&self.request.target, &contact.id);
        let learned = lock(&self.learned);
        let (outlook, overdue) = match candidate.rtt {
            Some(rtt) => {
                let outlook = self.prospects.outlook(step, &[rtt.as_secs_f32()]);
                (outlook, rtt + rtt / 2 + SLACK)
            }
            None => {
                let (delays, within) = learned.expect(&contact, self.config.patience);
                let outlook = self.prospects.outlook(step, &delays);
                (outlook, Duration::from_secs_f32(within))
            }
        };
        drop(learned);
        self.known.push(Prospect {
            contact,
            distance: self.request.target.distance(&contact.id),
            outlook,
            chance,
            overdue: overdue.min(self.config.timeout),
            state: QueryState::Unasked,
            asked: Instant::ZERO,
        });
    }

    fn subnet_has_room(&self, contact: &Contact) -> bool {
        let most = self.config.per_subnet;
        let subnet = if most == 0 {
            return true;
        } else {
            Subnet::of(contact.addr.ip())
        };
        let same = |other: &&Prospect| Subnet::of(other.contact.addr.ip()) == subnet;
        subnet.is_none() || self.known.iter().filter(same).count() < most
    }

    fn learn(&self, response: &LookupResponse<'_>) {
        if self.request.kind != LookupKind::GetPeers {
            return;
        }
        let own = step(&self.request.target, &response.id);
        let mut learned = lock(&self.learned);
        learned.responded(own, response.has_values);
        let nodes = response.nodes.iter();
        if let Some(best) = nodes.map(|node| step(&self.request.target, &node.id)).max() {
            #[allow(clippy::cast_precision_loss)] // at most 64
            learned.referred(best.saturating_sub(own) as f32);
        }
    }

    /// Asks up to `most` more, as far as there may be so many in flight, and
    /// ends if nothing is left.
    fn proceed(&mut self, cx: &mut LookupCx<'_>, most: usize) {
        let bound = match self.has_value {
            true => self.config.after,
            false => self.config.parallel,
        };
        let room = bound.saturating_sub(self.count(QueryState::InFlight));
        let mut waiting = self.waiting(cx.now);
        for _ in 0..most.min(room) {
            let Some(next) = self.next(&waiting) else {
                break;
            };
            next.state = QueryState::InFlight;
            next.asked = cx.now;
            waiting.on(&next.outlook, next.chance, Duration::ZERO);
            let (contact, soft) = (next.contact, Some(next.overdue));
            cx.actions.push(LookupAction::Query {
                contact,
                soft,
                hard: self.config.timeout,
            });
        }
        // whoever is left pays if nobody is waited for
        if self.count(QueryState::InFlight) + self.count(QueryState::Overdue) == 0 {
            self.finish(cx);
        }
    }

    /// What may come of those who were asked.
    fn waiting(&self, now: Instant) -> Waiting {
        let mut waiting = Waiting::NOBODY;
        let is_open = |p: &&Prospect| matches!(p.state, QueryState::InFlight | QueryState::Overdue);
        for prospect in self.known.iter().filter(is_open) {
            waiting.on(
                &prospect.outlook,
                prospect.chance,
                now.since(prospect.asked),
            );
        }
        waiting
    }

    /// Whom to ask next: before the first value if it pays or nobody is waited
    /// for, afterwards the nearest.
    fn next(&mut self, waiting: &Waiting) -> Option<&mut Prospect> {
        let is_alone = self.count(QueryState::InFlight) + self.count(QueryState::Overdue) == 0;
        let horizon = self.config.horizon;
        let least_gain = if is_alone { 0.0 } else { self.config.price };
        let mark = self.responders.get(self.config.mark - 1);
        let mark = mark.map(|(contact, _)| self.request.target.distance(&contact.id));
        let open = self.known.iter_mut().filter(|prospect| {
            prospect.state == QueryState::Unasked
                && mark.is_none_or(|mark| prospect.distance < mark)
        });
        if self.has_value {
            return open.min_by_key(|prospect| prospect.distance);
        }
        let best = open
            .map(|prospect| {
                (
                    waiting.gain(&prospect.outlook, prospect.chance, horizon),
                    prospect,
                )
            })
            .max_by(|a, b| a.0.total_cmp(&b.0));
        best.filter(|(gain, _)| *gain >= least_gain)
            .map(|(_, prospect)| prospect)
    }

    fn finish(&mut self, cx: &mut LookupCx<'_>) {
        if self.request.announce {
            let with_token = self.responders.iter().filter(|(_, has_token)| *has_token);
            let nearest = with_token.take(self.config.announce);
            cx.actions
                .extend(nearest.map(|(contact, _)| LookupAction::Announce(*contact)));
        }
        cx.actions.push(LookupAction::Finish);
    }

    fn count(&self, state: QueryState) -> usize {
        self.known.iter().filter(|p| p.state == state).count()
    }

    fn settle(&mut self, contact: &Contact, state: QueryState) {
        let asked = self.known.iter_mut().find(|p| p.contact == *contact);
        if let Some(prospect) = asked {
            prospect.state = state;
        }
    }

    fn note_responder(&mut self, contact: Contact, has_token: bool) {
        let target = self.request.target;
        let order = |contact: &Contact| (target.distance(&contact.id), contact.addr);
        let place = self
            .responders
            .partition_point(|(other, _)| order(other) < order(&contact));
        if self
            .responders
            .get(place)
            .is_none_or(|(other, _)| *other != contact)
        {
            self.responders.insert(place, (contact, has_token));
        }
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

/// A measured round-trip time may be exceeded by this much, beside its half.
const SLACK: Duration = Duration::from_millis(10);

/// A contact of which nothing is known but that somebody named it.
const fn unknown(contact: Contact) -> Candidate {
    Candidate {
        contact,
        rtt: None,
        last_seen: None,
        answer_chance: None,
    }
}

#[cfg(test)]
mod tests;

//! One hedged lookup that goes on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdht_krpc::{Contact, Instant};

use super::config::Config;
use super::learned::{Learned, Prospects, step};
use super::lock;
use super::outlook::Waiting;
use super::query::{Prospect, State as QueryState};
use crate::lookup::referrals::Referrals;
use crate::lookup::responders::Responders;
use crate::lookup::{
    Lookup, LookupAction, LookupCx, LookupKind, LookupRequest, LookupResponse, Timeout,
};
use crate::routing::Candidate;
use crate::subnet::Subnet;

/// Most contacts that a lookup keeps in mind.
const MOST_KNOWN: usize = 1024;

pub(super) struct Search {
    config: Config,
    request: LookupRequest,
    learned: Arc<Mutex<Learned>>,
    prospects: Prospects,
    /// Everybody met in this lookup.
    known: Vec<Prospect>,
    referrals: Referrals,
    responders: Responders,
    /// Values have come, or are not what is looked for.
    has_value: bool,
}

impl Lookup for Search {
    fn start(&mut self, cx: &mut LookupCx<'_>) {
        self.responders.begin(cx);
        let candidates = cx.closest(self.request.target, self.config.start);
        for candidate in &candidates {
            self.meet(candidate, None);
        }
        self.proceed(cx, self.config.alpha);
    }

    fn on_response(&mut self, cx: &mut LookupCx<'_>, response: &LookupResponse<'_>) {
        self.settle(response.contact, QueryState::Over);
        self.learn(response);
        for contact in response.nodes {
            let known = cx.contacts.known(contact, cx.now);
            self.meet(&known.unwrap_or(unknown(*contact)), Some(response.contact));
        }
        self.referrals.answered(response.contact);
        self.responders.answered(response);
        self.has_value |= response.has_values;
        match self.request.is_met_by(response) {
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
    pub(super) fn new(
        config: Config,
        request: &LookupRequest,
        learned: Arc<Mutex<Learned>>,
        prospects: Prospects,
    ) -> Self {
        let Config {
            trust,
            mark,
            announce,
            ..
        } = config;
        Self {
            config,
            request: *request,
            learned,
            prospects,
            known: Vec::new(),
            referrals: Referrals::new(trust.per_responder),
            responders: Responders::new(request.target, trust, mark, announce),
            has_value: request.kind == LookupKind::FindNode,
        }
    }

    /// Takes a contact into consideration, whoever named it.
    fn meet(&mut self, candidate: &Candidate, by: Option<&Contact>) {
        let contact = candidate.contact;
        self.referrals.named(&contact, by.map(|by| by.addr));
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
            self.referrals.asked(&contact);
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
    /// for, afterwards the nearest. Those whom one alone has named who named many
    /// in vain are a last resort.
    fn next(&mut self, waiting: &Waiting) -> Option<&mut Prospect> {
        let is_alone = self.count(QueryState::InFlight) + self.count(QueryState::Overdue) == 0;
        let horizon = self.config.horizon;
        let least_gain = if is_alone { 0.0 } else { self.config.price };
        let reach = self.responders.reach();
        let known = self.known.iter_mut();
        let open = known.filter(|prospect| {
            prospect.state == QueryState::Unasked
                && reach.covers(&prospect.contact, prospect.distance)
        });
        let (mut vouched, mut others): (Vec<_>, Vec<_>) =
            open.partition(|prospect| self.referrals.may_ask(&prospect.contact));
        if vouched.is_empty() && is_alone {
            others.retain(|prospect| reach.is_last_resort(&prospect.contact));
            vouched = others;
        }
        let open = vouched.into_iter();
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

    fn finish(&self, cx: &mut LookupCx<'_>) {
        self.responders
            .finish(cx, &self.request, self.config.announce);
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

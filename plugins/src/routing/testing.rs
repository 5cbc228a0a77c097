//! A routing module under test: a clock, a seed, and what it asked for.

mod every_module;
mod fitting_ids;
pub(super) mod population;

use std::net::Ipv4Addr;
use std::time::Duration;

use mdht_krpc::{Contact, Family, Id, Instant, Method, Rng};

use super::*;
use crate::Registry;

/// The names of all built-in modules.
/// `harvest` with room for as many as the others have.
pub(super) const ALL: [&str; 9] = [
    "bep5",
    "nice",
    "nrtt",
    "checked",
    "nr64",
    "nr128",
    "ut22",
    "ml",
    "harvest:contacts=512",
];

pub(super) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(super) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A module, driven by hand.
pub(super) struct Harness {
    pub(super) module: Box<dyn RoutingModule>,
    pub(super) own_id: Id,
    pub(super) now: Instant,
    pub(super) online: bool,
    pub(super) sockets: usize,
    pub(super) rng: Rng,
    /// What was asked for and not taken yet, with when.
    pub(super) actions: Vec<(Instant, RoutingAction)>,
    next_call: Option<Instant>,
    hosts: u32,
}

impl Harness {
    /// The module that `spec` names; it has been called for the first time.
    pub(super) fn new(spec: &str) -> Self {
        let mut harness = Self::before_start(spec, 1);
        harness.advance(Duration::ZERO);
        harness
    }

    pub(super) fn before_start(spec: &str, seed: u64) -> Self {
        let mut rng = Rng::from_u64(seed);
        let own_id = Id::random(&mut rng);
        let factory = Registry::builtin().routing(spec).unwrap();
        let module = factory.make(RoutingSetup {
            own_id,
            family: Family::V4,
        });
        Self {
            module,
            own_id,
            now: Instant::ZERO,
            online: true,
            sockets: 1,
            rng,
            actions: Vec::new(),
            next_call: Some(Instant::ZERO),
            hosts: 0,
        }
    }

    /// Calls a hook, or anything that takes the module and its context.
    pub(super) fn call<T>(
        &mut self,
        hook: impl FnOnce(&mut dyn RoutingModule, &mut RoutingCx<'_>) -> T,
    ) -> T {
        let mut actions = Vec::new();
        let mut cx = RoutingCx {
            now: self.now,
            rng: &mut self.rng,
            online: self.online,
            sockets: self.sockets,
            actions: &mut actions,
        };
        let result = hook(self.module.as_mut(), &mut cx);
        let now = self.now;
        self.actions
            .extend(actions.into_iter().map(|action| (now, action)));
        result
    }

    /// Calls maintenance if it is due.
    pub(super) fn maintain(&mut self) {
        if self.next_call.is_some_and(|next| next <= self.now) {
            self.next_call = self.call(|module, cx| module.do_maintenance(cx));
            let now = self.now;
            assert!(
                self.next_call.is_none_or(|next| next > now),
                "called without end"
            );
        }
    }

    /// Lets time pass, with maintenance in it; nobody answers.
    pub(super) fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next_call.filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.maintain();
        }
        self.now = end;
    }

    /// When maintenance is to be called next.
    pub(super) fn next_call(&self) -> Option<Instant> {
        self.next_call
    }

    /// A contact never seen before, with an IP address of its own.
    pub(super) fn stranger(&mut self, bucket: usize) -> Contact {
        self.hosts += 1;
        let ip = Ipv4Addr::from(0x0a00_0000 + self.hosts);
        let id = self.own_id.random_in_bucket(bucket, &mut self.rng);
        Contact::new(id, (ip, 6881).into())
    }

    pub(super) fn strangers(&mut self, bucket: usize, count: usize) -> Vec<Contact> {
        (0..count).map(|_| self.stranger(bucket)).collect()
    }

    /// It queries us.
    pub(super) fn query(&mut self, contact: Contact) {
        self.query_as(contact, false);
    }

    pub(super) fn query_as(&mut self, contact: Contact, read_only: bool) {
        let seen = QuerySeen {
            contact,
            method: Method::Ping,
            read_only,
            version: None,
            id_fits_addr: false,
        };
        self.call(|module, cx| module.on_query(cx, &seen));
    }

    /// It answers a query of a lookup.
    pub(super) fn answer(&mut self, contact: Contact, rtt_ms: u64) {
        self.answer_with(contact, rtt_ms, &[], Origin::Lookup);
    }

    pub(super) fn answer_with(
        &mut self,
        contact: Contact,
        rtt_ms: u64,
        nodes: &[Contact],
        origin: Origin,
    ) {
        self.answer_under(contact.id, contact, rtt_ms, (nodes, origin));
    }

    /// It answers, having been asked under `expected_id`.
    pub(super) fn answer_under(
        &mut self,
        expected_id: Id,
        contact: Contact,
        rtt_ms: u64,
        (nodes, origin): (&[Contact], Origin),
    ) {
        let seen = ResponseSeen {
            contact,
            expected_id: Some(expected_id),
            rtt: millis(rtt_ms),
            nodes,
            version: None,
            id_fits_addr: false,
            origin,
        };
        self.call(|module, cx| module.on_response(cx, &seen));
    }

    /// It answers with an error.
    pub(super) fn error(&mut self, contact: Contact) {
        let seen = ErrorSeen {
            addr: contact.addr,
            expected_id: Some(contact.id),
            rtt: millis(50),
            code: 203,
            origin: Origin::Lookup,
        };
        self.call(|module, cx| module.on_error(cx, &seen));
    }

    /// It leaves a query of a lookup unanswered.
    pub(super) fn fail(&mut self, contact: Contact) {
        self.fail_to(contact, Origin::Lookup);
    }

    pub(super) fn fail_to(&mut self, contact: Contact, origin: Origin) {
        let seen = TimeoutSeen {
            addr: contact.addr,
            expected_id: Some(contact.id),
            origin,
        };
        self.call(|module, cx| module.on_timeout(cx, &seen));
    }

    /// Queries that the module asked for since they were last taken.
    pub(super) fn take_queries(&mut self) -> Vec<MaintenanceQuery> {
        let query = |(_, action)| match action {
            RoutingAction::Query(query) => Some(query),
            _ => None,
        };
        self.actions.drain(..).filter_map(query).collect()
    }

    /// Targets of the lookups that the module asked for since they were last taken.
    pub(super) fn take_lookups(&mut self) -> Vec<Id> {
        let target = |(_, action)| match action {
            RoutingAction::Lookup { target } => Some(target),
            _ => None,
        };
        self.actions.drain(..).filter_map(target).collect()
    }

    /// What became of the contact's place since actions were last taken.
    pub(super) fn changes_of(&self, of: &Contact) -> Vec<TableChange> {
        let change = |(_, action): &(Instant, RoutingAction)| match action {
            RoutingAction::Changed { contact, change } if contact == of => Some(*change),
            _ => None,
        };
        self.actions.iter().filter_map(change).collect()
    }

    /// The contact's standing; `None` if it is not held.
    pub(super) fn standing(&self, of: &Contact) -> Option<Standing> {
        let entries = self.module.entries(self.now);
        let found = entries.iter().find(|entry| entry.contact == *of);
        found.map(|entry| entry.standing)
    }

    pub(super) fn is_in_table(&self, contact: &Contact) -> bool {
        self.standing(contact)
            .is_some_and(|standing| standing != Standing::Waiting)
    }

    /// Contacts in a bucket of the table, or of all.
    pub(super) fn in_table(&self, bucket: Option<usize>) -> Vec<Contact> {
        let entries = self.module.entries(self.now).into_iter();
        let held = entries.filter(|entry| entry.standing != Standing::Waiting);
        let wanted = held.filter(|entry| bucket.is_none_or(|bucket| entry.bucket == bucket));
        wanted.map(|entry| entry.contact).collect()
    }

    pub(super) fn closest(&self, purpose: Purpose, count: usize) -> Vec<Contact> {
        let (target, now) = (self.own_id, self.now);
        let mut out = Vec::new();
        self.module.closest(
            &ClosestRequest {
                target,
                count,
                purpose,
                now,
            },
            &mut out,
        );
        out.iter().map(|candidate| candidate.contact).collect()
    }
}

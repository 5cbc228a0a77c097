//! One lookup after another of a module, driven by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use mdht_krpc::{Contact, Id, Instant, Rng};

use super::{
    Goal, Lookup, LookupAction, LookupCx, LookupKind, LookupModule, LookupRequest, LookupResponse,
    Timeout,
};
use crate::registry::Registry;
use crate::routing::{Candidate, ClosestRequest, ContactSource};

/// A table that hands out what it was given, and knows others besides.
#[derive(Default)]
pub(super) struct Table {
    pub(super) near: Vec<Candidate>,
    pub(super) others: BTreeMap<Id, Candidate>,
}

impl ContactSource for Table {
    fn closest(&self, request: &ClosestRequest, out: &mut Vec<Candidate>) {
        out.extend(&self.near);
        out.sort_by_key(|candidate| request.target.distance(&candidate.contact.id));
        out.truncate(request.count);
    }

    fn known(&self, contact: &Contact, _now: Instant) -> Option<Candidate> {
        self.others.get(&contact.id).copied()
    }
}

/// A contact of which nothing is known.
pub(super) const fn unknown(contact: Contact) -> Candidate {
    Candidate {
        contact,
        rtt: None,
        last_seen: None,
        answer_chance: None,
    }
}

/// Our own ID: as far from the target as can be.
pub(super) const OWN_ID: Id = Id::new([0xff; Id::LEN]);

/// Lookups of one module for the all-zero target, one at a time.
pub(super) struct Driven {
    pub(super) module: Box<dyn LookupModule>,
    lookup: Option<Box<dyn Lookup>>,
    pub(super) table: Table,
    rng: Rng,
    pub(super) in_flight: Vec<Contact>,
    /// Queried since last taken, with the soft timeout, or the hard one.
    pub(super) queried: Vec<(Contact, Duration)>,
    pub(super) announced: Vec<Contact>,
    pub(super) finished: bool,
}

impl Driven {
    /// No lookup begun.
    pub(super) fn made(spec: &str, near: Vec<Candidate>) -> Self {
        Self {
            module: Registry::builtin().lookup(spec).unwrap().make(),
            lookup: None,
            table: Table {
                near,
                ..Table::default()
            },
            rng: Rng::from_u64(1),
            in_flight: Vec::new(),
            queried: Vec::new(),
            announced: Vec::new(),
            finished: false,
        }
    }

    /// A lookup begun, with a table of strangers.
    pub(super) fn new(spec: &str, table: Vec<Contact>) -> Self {
        Self::with_goal(spec, table, Goal::Closest)
    }

    pub(super) fn with_goal(spec: &str, table: Vec<Contact>, goal: Goal) -> Self {
        let mut driven = Self::made(spec, table.into_iter().map(unknown).collect());
        driven.start(goal);
        driven
    }

    pub(super) fn start(&mut self, goal: Goal) {
        self.finished = false;
        self.lookup = Some(self.module.make(&LookupRequest {
            target: Id::default(),
            kind: LookupKind::GetPeers,
            goal,
            announce: true,
        }));
        self.step(|lookup, cx| lookup.start(cx));
    }

    /// Calls one hook; returns the contacts it queried.
    fn step(&mut self, hook: impl FnOnce(&mut dyn Lookup, &mut LookupCx<'_>)) -> Vec<Contact> {
        assert!(!self.finished, "called after the end");
        let mut actions = Vec::new();
        let mut cx = LookupCx {
            now: Instant::ZERO,
            rng: &mut self.rng,
            own_id: &OWN_ID,
            contacts: &self.table,
            actions: &mut actions,
        };
        hook(self.lookup.as_deref_mut().unwrap(), &mut cx);
        let mut queried = Vec::new();
        for action in actions {
            match action {
                LookupAction::Query {
                    contact,
                    soft,
                    hard,
                } => {
                    queried.push(contact);
                    self.queried.push((contact, soft.unwrap_or(hard)));
                }
                LookupAction::Announce(contact) => self.announced.push(contact),
                LookupAction::Finish => self.finished = true,
                LookupAction::WakeAt(_) => unreachable!("these lookups set no alarm"),
            }
        }
        self.in_flight.extend(&queried);
        queried
    }

    pub(super) fn respond(&mut self, from: Contact, nodes: &[Contact]) -> Vec<Contact> {
        self.respond_with(from, nodes, false, 0)
    }

    pub(super) fn respond_with(
        &mut self,
        from: Contact,
        nodes: &[Contact],
        has_values: bool,
        peers_found: usize,
    ) -> Vec<Contact> {
        self.in_flight.retain(|contact| *contact != from);
        let response = LookupResponse {
            contact: &from,
            id: from.id,
            rtt: Duration::from_millis(10),
            nodes,
            has_values,
            peers_found,
            has_token: true,
        };
        self.step(|lookup, cx| lookup.on_response(cx, &response))
    }

    pub(super) fn time_out(&mut self, contact: Contact, timeout: Timeout) -> Vec<Contact> {
        if timeout == Timeout::Hard {
            self.in_flight.retain(|other| *other != contact);
        }
        self.step(|lookup, cx| lookup.on_timeout(cx, &contact, timeout))
    }

    /// Everybody queried since the last call.
    pub(super) fn take_queried(&mut self) -> Vec<Contact> {
        self.queried.drain(..).map(|(contact, _)| contact).collect()
    }
}

/// A contact at a distance that grows with `rank`, on an IP of its own.
pub(super) fn contact(rank: u32) -> Contact {
    let mut id = [0; 20];
    id[..4].copy_from_slice(&rank.to_be_bytes());
    let [_, b, c, d] = rank.to_be_bytes();
    Contact::new(
        Id::new(id),
        (std::net::Ipv4Addr::new(10, b, c, d), 6881).into(),
    )
}

pub(super) fn contacts(ranks: std::ops::Range<u32>) -> Vec<Contact> {
    ranks.map(contact).collect()
}

//! Whom a lookup may ask next, and whom it has asked.

use std::cmp::Ordering;

use mdht_krpc::{Contact, Distance, Id};

use crate::lookup::responders::Reach;
use crate::subnet::Subnet;

/// A contact with its distance to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ranked {
    pub(super) distance: Distance,
    pub(super) contact: Contact,
}

impl Ranked {
    pub(super) fn new(target: &Id, contact: Contact) -> Self {
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
pub(super) enum Fate {
    InFlight,
    /// The soft timeout has passed; the answer may still come.
    Slow,
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Queried {
    pub(super) contact: Contact,
    pub(super) fate: Fate,
}

/// How much of a lookup goes to one host or network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most contacts that wait.
    pub(super) queue: usize,
    pub(super) per_ip: usize,
    /// 0 is no bound.
    pub(super) per_subnet: usize,
}

/// The contacts of a lookup.
#[derive(Debug)]
pub(super) struct Queue {
    limits: Limits,
    /// Not yet queried, closest first.
    waiting: Vec<Ranked>,
    pub(super) queried: Vec<Queried>,
    /// Queried by lookups beside this one.
    elsewhere: Vec<Contact>,
}

impl Queue {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: Vec::new(),
            queried: Vec::new(),
            elsewhere: Vec::new(),
        }
    }

    /// Remembers a contact that is worth asking, unless it is known. Where there
    /// are too many the farthest goes; of those that would not count, if they are
    /// the most.
    pub(super) fn push(&mut self, ranked: Ranked, reach: &Reach<'_>) {
        let waiting = self.waiting.iter().map(|ranked| &ranked.contact);
        if !reach.covers(&ranked.contact, ranked.distance)
            || !self.has_room_for(&ranked.contact, waiting)
        {
            return;
        }
        let is_before = |other: &Ranked| other.order(&ranked).is_lt();
        let place = self.waiting.partition_point(is_before);
        self.waiting.insert(place, ranked);
        if self.waiting.len() > self.limits.queue {
            let is_void = |ranked: &Ranked| !reach.would_count(&ranked.contact);
            let void = self.waiting.iter().filter(|ranked| is_void(ranked)).count();
            match self.waiting.iter().rposition(is_void) {
                Some(place) if 2 * void > self.limits.queue => drop(self.waiting.remove(place)),
                _ => drop(self.waiting.pop()),
            }
        }
    }

    /// The closest that is worth asking and that `may_ask` lets through.
    pub(super) fn next(
        &self,
        reach: &Reach<'_>,
        may_ask: impl Fn(&Contact) -> bool,
    ) -> Option<Ranked> {
        let covered = self
            .waiting
            .iter()
            .filter(|ranked| reach.covers(&ranked.contact, ranked.distance));
        covered.copied().find(|ranked| may_ask(&ranked.contact))
    }

    /// A contact that waits is asked.
    pub(super) fn ask(&mut self, contact: &Contact) {
        self.waiting.retain(|ranked| ranked.contact != *contact);
        self.queried.push(Queried {
            contact: *contact,
            fate: Fate::InFlight,
        });
    }

    /// Records what became of a query; returns what was known before.
    pub(super) fn settle(&mut self, contact: &Contact, fate: Fate) -> Option<Fate> {
        let open = self
            .queried
            .iter_mut()
            .find(|q| q.contact == *contact && q.fate != Fate::Over)?;
        Some(std::mem::replace(&mut open.fate, fate))
    }

    /// Whether nobody is waited for.
    pub(super) fn is_idle(&self) -> bool {
        self.queried.iter().all(|q| q.fate == Fate::Over)
    }

    pub(super) fn has_queried(&self, contact: &Contact) -> bool {
        self.queried.iter().any(|q| q.contact == *contact)
    }

    /// Whether a contact is neither queried nor among those `waiting`, and
    /// neither its IP address nor its subnet used up.
    fn has_room_for<'a>(
        &'a self,
        contact: &Contact,
        waiting: impl Iterator<Item = &'a Contact>,
    ) -> bool {
        let ip = contact.addr.ip();
        let subnet = match self.limits.per_subnet {
            0 => None,
            _ => Subnet::of(ip),
        };
        let queried = self.queried.iter().map(|queried| &queried.contact);
        let (mut same_ip, mut same_subnet) = (0, 0);
        for other in queried.chain(waiting).chain(&self.elsewhere) {
            let other_ip = other.addr.ip();
            if other_ip == ip {
                if other.addr == contact.addr {
                    return false;
                }
                same_ip += 1;
            }
            same_subnet += usize::from(subnet.is_some() && Subnet::of(other_ip) == subnet);
        }
        let subnet_has_room = subnet.is_none() || same_subnet < self.limits.per_subnet;
        same_ip < self.limits.per_ip && subnet_has_room
    }

    /// Another lookup has queried this contact: it is none of ours, nor is
    /// what there is no room for beside it.
    pub(super) fn leave_to_another(&mut self, contact: Contact) {
        self.elsewhere.push(contact);
        let mut kept: Vec<Ranked> = Vec::with_capacity(self.waiting.len());
        for ranked in &self.waiting {
            let before = kept.iter().map(|ranked| &ranked.contact);
            if self.has_room_for(&ranked.contact, before) {
                kept.push(*ranked);
            }
        }
        self.waiting = kept;
    }
}

//! One contact of a routing table, small: a node of the emulated overlay
//! holds hundreds, and there are many nodes.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use mdht_krpc::{Contact, Id, Instant, id_fits_addr};

use crate::routing::nearest::Identified;
use crate::routing::{
    Candidate, RoutingAction, RoutingCx, SavedContact, Standing, TableChange, TableEntry,
};

/// How long ago a contact counts as heard from, in a saved table, when it was
/// not heard from in this run: longer than any other, short enough to be tried.
const UNSEEN_IDLE: Duration = Duration::from_secs(24 * 60 * 60);

/// What an IPv4 address begins with in its mapped form (RFC 4291, 2.5.5.2).
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// A moment in four bytes, in steps of 2¹⁶ µs (1/15 s), for nine years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(NonZeroU32);

impl Moment {
    const STEP_BITS: u32 = 16;

    /// The last moment that is not after `time`.
    pub(crate) fn of(time: Instant) -> Self {
        Self::from_steps(time.as_micros() >> Self::STEP_BITS)
    }

    /// The first moment that is not before `time`.
    pub(crate) fn not_before(time: Instant) -> Self {
        Self::from_steps(time.as_micros().div_ceil(1 << Self::STEP_BITS))
    }

    fn from_steps(steps: u64) -> Self {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        Self(NonZeroU32::MIN.saturating_add(steps))
    }

    /// The moment as everyone else counts it.
    pub(crate) fn instant(self) -> Instant {
        Instant::from_micros(u64::from(self.0.get() - 1) << Self::STEP_BITS)
    }
}

/// What a contact that is not in the table bases its hope for a place on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    /// It has answered us.
    Responder,
    /// It has queried us.
    Querier,
    /// Another node's answer named it.
    Found,
    /// It was verified, but found no place, or lost it.
    Replacement,
}

/// A contact, in the table or waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Its node ID.
    pub(crate) id: Id,
    /// IPv4 in its mapped form: half the size of a `SocketAddr`.
    ip: [u8; 16],
    port: u16,
    /// Queries in a row that it left unanswered.
    pub(crate) failures: u8,
    /// Queries, answers and failures that a module has judged it by, where it
    /// counts them.
    pub(crate) judged: u8,
    /// Means something only while it waits.
    pub(crate) claim: Claim,
    rtt_micros: Option<NonZeroU32>,
    seen: Option<Moment>,
    /// In the table: when it entered. Waiting: when its quarantine is over.
    pub(crate) since: Moment,
}

impl Identified for Entry {
    fn id(&self) -> &Id {
        &self.id
    }
}

impl Entry {
    /// A contact not heard from yet.
    pub(crate) fn new(contact: &Contact, claim: Claim, since: Moment) -> Self {
        Self {
            id: contact.id,
            ip: octets(contact.addr.ip()),
            port: contact.addr.port(),
            failures: 0,
            judged: 0,
            claim,
            rtt_micros: None,
            seen: None,
            since,
        }
    }

    /// With the round-trip time known from an earlier run.
    pub(crate) fn with_rtt(mut self, rtt: Option<Duration>) -> Self {
        self.rtt_micros = rtt.map(rtt_micros);
        self
    }

    /// Its IP address.
    #[inline]
    pub(crate) fn ip(&self) -> IpAddr {
        match self.ip.split_last_chunk::<4>() {
            Some((prefix, ip)) if *prefix == MAPPED => IpAddr::from(*ip),
            _ => IpAddr::from(self.ip),
        }
    }

    /// Whether `addr` is its address.
    pub(crate) fn is_at(&self, addr: &SocketAddr) -> bool {
        self.port == addr.port() && self.is_on(&octets(addr.ip()))
    }

    /// Whether its host has the IP address of which these are the [`octets`].
    pub(crate) fn is_on(&self, host: &[u8; 16]) -> bool {
        self.ip == *host
    }

    /// Whether its ID is one that BEP 42 allows for its address.
    pub(crate) fn fits(&self) -> bool {
        id_fits_addr(&self.id, self.ip())
    }

    /// It and its address, as everyone else writes them.
    pub(crate) fn contact(&self) -> Contact {
        Contact::new(self.id, SocketAddr::new(self.ip(), self.port))
    }

    /// Last round-trip time measured.
    pub(crate) fn rtt(&self) -> Option<Duration> {
        let micros = self.rtt_micros?;
        Some(Duration::from_micros(micros.get().into()))
    }

    /// When it was last heard from, to the step of a [`Moment`].
    pub(crate) fn seen(&self) -> Option<Instant> {
        self.seen.map(Moment::instant)
    }

    /// Whether it was heard from less than `time` ago.
    pub(crate) fn seen_within(&self, time: Duration, now: Instant) -> bool {
        self.seen().is_some_and(|seen| now.since(seen) < time)
    }

    /// Whether it ever answered a query of ours.
    pub(crate) fn has_answered(&self) -> bool {
        self.rtt_micros.is_some()
    }

    /// Whether it is known to answer: it did in this run, and has not failed since.
    pub(crate) fn is_verified(&self) -> bool {
        self.has_answered() && self.seen.is_some() && self.failures == 0
    }

    /// It was heard from, not in answer to us.
    pub(crate) fn sighted(&mut self, now: Instant) {
        self.seen = Some(Moment::of(now));
    }

    /// It answered a query of ours. Only this ends a row of failures: a node
    /// that queries us need not be reachable for us [thesis 7.5].
    pub(crate) fn answered(&mut self, now: Instant, rtt: Duration) {
        self.sighted(now);
        self.failures = 0;
        self.rtt_micros = Some(rtt_micros(rtt));
    }

    /// For a lookup or an answer.
    #[inline]
    pub(crate) fn candidate(&self) -> Candidate {
        Candidate {
            contact: self.contact(),
            rtt: self.rtt(),
            last_seen: self.seen(),
            answer_chance: None,
        }
    }

    /// For statistics and for people.
    pub(crate) fn table_entry(&self, bucket: usize, standing: Standing) -> TableEntry {
        TableEntry {
            bucket,
            contact: self.contact(),
            standing,
            rtt: self.rtt(),
            last_seen: self.seen(),
        }
    }

    /// Tells the node that its place changed.
    pub(crate) fn report(&self, change: TableChange, cx: &mut RoutingCx<'_>) {
        let contact = self.contact();
        cx.actions.push(RoutingAction::Changed { contact, change });
    }

    /// For another run.
    pub(crate) fn saved(&self, now: Instant) -> SavedContact {
        SavedContact {
            contact: self.contact(),
            rtt: self.rtt(),
            idle: self.seen().map_or(UNSEEN_IDLE, |seen| now.since(seen)),
        }
    }
}

/// An IP address, IPv4 in its mapped form. To be compared with many, it is taken
/// apart once.
pub(crate) fn octets(ip: IpAddr) -> [u8; 16] {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// At most 71 minutes, at least a microsecond.
fn rtt_micros(rtt: Duration) -> NonZeroU32 {
    let micros = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX);
    NonZeroU32::new(micros).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 56);
    }

    #[test]
    fn addresses_of_both_families_come_back() {
        for addr in ["1.2.3.4:5", "[2a00::1]:6"] {
            let contact = Contact::new(Id::new([7; 20]), addr.parse().unwrap());
            let entry = Entry::new(&contact, Claim::Found, Moment::of(Instant::ZERO));
            assert_eq!(entry.contact(), contact);
            assert!(entry.is_at(&contact.addr));
            assert!(!entry.is_at(&"1.2.3.4:6".parse().unwrap()));
        }
    }

    #[test]
    fn a_quarantine_never_ends_early() {
        for micros in [0, 1, 65_535, 65_536, 65_537, 180_000_000] {
            let time = Instant::from_micros(micros);
            assert!(Moment::not_before(time).instant() >= time);
            assert!(Moment::of(time).instant() <= time);
            assert!(time.since(Moment::of(time).instant()) < Duration::from_millis(66));
        }
    }
}

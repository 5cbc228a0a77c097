//! The node's part in one family's overlay.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant, Rng, is_public};
use mdht_plugins::RoutingModule;
use mdht_plugins::routing::{Origin, RoutingSetup, SavedTable};

use super::addresses::ExternalAddress;
use super::own_id::{IdVotes, fitting_id};
use super::reachability::Reachability;
use super::timers::TimerKey;
use super::{Config, SocketId};

/// IPv4 and IPv6 are overlays of their own (BEP 32): an ID, a routing table
/// and a state of being joined for each.
pub(crate) struct Overlay {
    pub(crate) family: Family,
    /// The ID of the main socket, which the table is ordered by.
    pub(crate) own_id: Id,
    /// The ID of each socket, where they differ (BEP 45); else empty.
    pub(crate) socket_ids: Vec<Id>,
    /// The public address that our ID fits, if we know one (BEP 42).
    pub(crate) fits: Option<IpAddr>,
    /// The main socket first.
    pub(crate) sockets: Vec<SocketId>,
    pub(crate) routing: Box<dyn RoutingModule>,
    pub(crate) wake: Option<TimerKey>,
    pub(crate) external: ExternalAddress,
    /// Whether others reach us, if that is to be found out.
    pub(crate) reachability: Option<Box<Reachability>>,
    pub(crate) id_votes: IdVotes,
    /// Somebody has answered us since we began.
    pub(crate) joined: bool,
    /// False while nobody answers.
    pub(crate) online: bool,
    pub(crate) last_answer: Option<Instant>,
    /// Queries that nobody answered while nobody answered anything: blame is
    /// held back until it is known whose fault it was.
    pub(crate) held: Vec<HeldTimeout>,
    /// Addresses from an earlier life, to join by.
    pub(crate) saved: Vec<SocketAddr>,
    /// Attempts to join since the last answer, and the timer of the next.
    pub(crate) attempts: u32,
    pub(crate) next_attempt: Option<TimerKey>,
    /// Who was asked in the current attempt.
    pub(crate) tried: Vec<SocketAddr>,
    /// Where the next attempt goes on in the list of those to ask.
    pub(crate) next_source: usize,
}

/// A query's end of which the routing module has not been told yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldTimeout {
    pub(crate) addr: SocketAddr,
    pub(crate) expected_id: Option<Id>,
    pub(crate) origin: Origin,
}

impl Overlay {
    /// `None` without a socket of the family.
    pub(crate) fn new(family: Family, config: &Config, rng: &mut Rng) -> Option<Self> {
        let own =
            |(n, addr): (usize, &SocketAddr)| (Family::of(addr) == family).then_some(SocketId(n));
        let sockets: Vec<_> = config.sockets.iter().enumerate().filter_map(own).collect();
        if sockets.is_empty() {
            return None;
        }
        let bound = config.sockets[sockets[0].0].ip();
        let own_id = match config.id {
            Some(id) => id,
            // the address is known before anybody says so
            None if config.follow_address && is_public(bound) => fitting_id(bound, rng),
            None => Id::random(rng),
        };
        let mut overlay = Self {
            family,
            own_id,
            socket_ids: Vec::new(),
            fits: is_public(bound).then_some(bound),
            sockets,
            routing: config.routing.make(RoutingSetup { own_id, family }),
            wake: None,
            external: ExternalAddress::default(),
            reachability: None,
            id_votes: IdVotes::default(),
            joined: false,
            online: true,
            last_answer: None,
            held: Vec::new(),
            saved: Vec::new(),
            attempts: 0,
            next_attempt: None,
            tried: Vec::new(),
            next_source: 0,
        };
        overlay.name_sockets(config);
        Some(overlay)
    }

    /// Becomes the node that was saved, with an empty table still.
    pub(crate) fn restore(&mut self, own_id: Id, config: &Config, saved: &SavedTable) {
        let Self { family, .. } = *self;
        self.own_id = own_id;
        self.name_sockets(config);
        self.routing = config.routing.make(RoutingSetup { own_id, family });
        self.saved = saved
            .contacts
            .iter()
            .map(|saved| saved.contact.addr)
            .collect();
    }

    /// Whether an answer has come since `sent`.
    pub(crate) fn answered_since(&self, sent: Instant) -> bool {
        self.last_answer.is_some_and(|at| at >= sent)
    }

    /// How long to wait after the current attempt to join: 2 s, doubling up
    /// to 5 min.
    pub(crate) fn back_off(&self) -> Duration {
        const FIRST: Duration = Duration::from_secs(2);
        const LAST: Duration = Duration::from_secs(5 * 60);
        FIRST.saturating_mul(1 << self.attempts.min(16)).min(LAST)
    }
}

//! Lookup modules: whom an iterative lookup queries, when, and until when.

use std::time::Duration;

use mdht_krpc::{Contact, Id, Instant, Rng};

use crate::routing::{Candidate, ClosestRequest, ContactSource, Purpose};

mod density;
mod field;
mod hedged;
mod iterative;
mod referrals;
mod responders;
#[cfg(test)]
mod testing;
mod trust;

pub(crate) use field::definitions as field;
pub(crate) use hedged::definition as hedged;
pub use iterative::maintenance_lookup;
pub(crate) use iterative::{aggressive, standard};

/// Makes lookups [thesis 8.IV].
///
/// One module serves all lookups of a node, so it can learn from one for the
/// next; what running lookups share goes behind an `Arc<Mutex<_>>` of its own.
pub trait LookupModule: Send {
    /// The state of a new lookup. Nothing is sent before [`Lookup::start`].
    fn make(&mut self, request: &LookupRequest) -> Box<dyn Lookup>;

    /// Told of the outcome of every query of the node, maintenance included,
    /// so that a module can keep a picture of round-trip times.
    fn on_outcome(&mut self, outcome: &QueryOutcome) {
        let _ = outcome;
    }
}

/// One running lookup.
///
/// Every hook may push [`LookupAction`]s to [`LookupCx::actions`]. The node
/// calls nothing after [`LookupAction::Finish`].
pub trait Lookup: Send {
    /// The lookup begins: the first queries go out.
    fn start(&mut self, cx: &mut LookupCx<'_>);

    /// A queried contact answered, be it before or after the soft timeout.
    fn on_response(&mut self, cx: &mut LookupCx<'_>, response: &LookupResponse<'_>);

    /// A queried contact answered with an error.
    fn on_error(&mut self, cx: &mut LookupCx<'_>, contact: &Contact);

    /// A queried contact has not answered in time.
    fn on_timeout(&mut self, cx: &mut LookupCx<'_>, contact: &Contact, timeout: Timeout);

    /// The moment of the last [`LookupAction::WakeAt`] has come.
    fn on_wake(&mut self, cx: &mut LookupCx<'_>) {
        let _ = cx;
    }
}

/// What every hook of a lookup is handed.
pub struct LookupCx<'a> {
    /// The time it is.
    pub now: Instant,
    /// Randomness.
    pub rng: &'a mut Rng,
    /// Our own ID in this overlay. Around it the routing table knows the network
    /// best, and so how dense that is.
    pub own_id: &'a Id,
    /// The routing table: asked at the start, and again at any time.
    pub contacts: &'a dyn ContactSource,
    /// What is to be done, in this order.
    pub actions: &'a mut Vec<LookupAction>,
}

impl LookupCx<'_> {
    /// The contacts of the routing table that are closest to a target.
    fn closest(&self, target: Id, count: usize) -> Vec<Candidate> {
        let request = ClosestRequest {
            target,
            count,
            purpose: Purpose::Lookup,
            now: self.now,
        };
        let mut closest = Vec::with_capacity(count);
        self.contacts.closest(&request, &mut closest);
        closest
    }
}

/// Something the node is to do for a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookupAction {
    /// Query this contact.
    Query {
        /// Whom to ask.
        contact: Contact,
        /// When to call [`Lookup::on_timeout`] with [`Timeout::Soft`]; a later
        /// answer still counts.
        soft: Option<Duration>,
        /// When to give the query up. An answer after that counts for nothing.
        hard: Duration,
    },
    /// Call [`Lookup::on_wake`] then, instead of at any moment set before.
    WakeAt(Instant),
    /// Announce to this contact, which has answered, or put the item there.
    /// Done only where the user asked for it and the contact gave a token.
    Announce(Contact),
    /// The lookup is over; unanswered queries are given up.
    Finish,
}

/// What a lookup is to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupRequest {
    /// The key.
    pub target: Id,
    /// What is asked of each contact.
    pub kind: LookupKind,
    /// What is enough.
    pub goal: Goal,
    /// Whether the user wants to announce, or to put an item.
    pub announce: bool,
}

impl LookupRequest {
    /// Whether a response makes the lookup's result enough.
    pub fn is_met_by(&self, response: &LookupResponse<'_>) -> bool {
        if self.kind == LookupKind::FindNode {
            return false;
        }
        match self.goal {
            Goal::Closest => false,
            Goal::FirstValue => response.has_values,
            Goal::Peers(enough) => response.peers_found >= enough,
        }
    }
}

/// What a lookup asks of each contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookupKind {
    /// get_peers: peers of a swarm (BEP 5).
    GetPeers,
    /// find_node: the nodes closest to the target (BEP 5).
    FindNode,
    /// get: an item (BEP 44). Values of a response are an item whose hash or
    /// signature fits.
    Get,
}

/// What is enough for a lookup to end before it has reached the closest nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Goal {
    /// Nothing: go on to the nodes closest to the target.
    Closest,
    /// One response with values.
    FirstValue,
    /// This many distinct peers.
    Peers(usize),
}

/// A response within a lookup.
#[derive(Clone, Copy, Debug)]
pub struct LookupResponse<'a> {
    /// The contact as it was queried.
    pub contact: &'a Contact,
    /// The node ID it answered under.
    pub id: Id,
    /// Time from query to response.
    pub rtt: Duration,
    /// Contacts that the response held.
    pub nodes: &'a [Contact],
    /// Whether it held peers, or the item.
    pub has_values: bool,
    /// Distinct peers that this lookup has found so far.
    pub peers_found: usize,
    /// Whether it gave a token to announce with.
    pub has_token: bool,
}

/// Which timeout of a query has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// A wake-up: the answer may still come and will count.
    Soft,
    /// The query is given up.
    Hard,
}

/// The outcome of any query of the node.
#[derive(Clone, Copy, Debug)]
pub struct QueryOutcome {
    /// Whom it went to.
    pub contact: Contact,
    /// Round-trip time of the answer; `None` when it never came.
    pub rtt: Option<Duration>,
    /// The time it is.
    pub now: Instant,
}

//! get_peers and get queries grouped into lookups.
//!
//! A lookup is all get_peers queries of one node for one infohash, until it
//! has sent none for that infohash for longer than the lookup gap; a later
//! query starts a new lookup. `get` queries for one target [BEP 44] are
//! lookups of their own kind; every group of them is one.
//!
//! A get_peers group that got a value is a lookup. So is one that was followed by an
//! announce, or that has more than `refresh_max_queries` queries. Any other
//! is refresh: libtorrent refreshes its table with single get_peers queries
//! for made-up targets. Where the infohashes looked up are given, they decide
//! alone.

mod group;
mod open;

use std::time::Duration;

use mdht_krpc::Id;

use crate::Timestamp;
pub(crate) use open::Lookups;

/// Number of a lookup, unique within its node under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId {
    number: u64,
    /// Where its group is kept as long as it is open.
    place: u32,
}

impl LookupId {
    /// The number: 0 for the node's first lookup, and so on, in the order
    /// they started. Groups that were refresh are numbered with them.
    pub const fn number(self) -> u64 {
        self.number
    }
}

/// What a lookup looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookupKind {
    /// Peers, with get_peers queries [BEP 5].
    GetPeers,
    /// An item, with get queries [BEP 44]. Some clients announce through it,
    /// for the tokens.
    Get,
}

/// A lookup that is over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Lookup {
    /// Its number.
    pub id: LookupId,
    /// What it looked for.
    pub kind: LookupKind,
    /// What was looked up: the infohash, or the target of `get`.
    pub infohash: Id,
    /// When the first query was sent.
    pub start: Timestamp,
    /// get_peers or get queries sent.
    pub queries: u64,
    /// Queries answered within the timeout, by a response or an error
    /// [thesis 8.VIII.C].
    pub answered: u64,
    /// Queries answered later.
    pub answered_late: u64,
    /// The first response with values, or with an item, if one came.
    pub first_value: Option<FirstValue>,
    /// Time to closest: from the first query to the response of the node
    /// closest to the infohash among all that responded [thesis 8.VIII.B].
    pub closest: Option<Duration>,
    /// How the lookup came near the infohash.
    pub progress: LookupProgress,
    /// Distinct nodes that returned values [thesis 8.VIII.A]; `None` if there
    /// were too many to be told apart.
    pub replicas: Option<u64>,
    /// Distinct peers they returned, the swarm size [thesis 8.VIII.A]; `None`
    /// if there were too many to be told apart.
    pub peers: Option<u64>,
    /// The node announced itself for the infohash.
    pub announced: bool,
}

/// The first response of a lookup that held a value, in time or late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstValue {
    /// Lookup latency: from the first query to this response [thesis 8.III.B].
    pub latency: Duration,
    /// Lookup cost: queries sent before it came, those not yet answered
    /// included [thesis 8.III.B].
    pub cost: u64,
    /// Hops to the node that sent it, if they are known; see
    /// [`SentQuery::hops`](crate::SentQuery::hops).
    pub hops: Option<u8>,
}

/// How a lookup came near the infohash, hop by hop, by the nodes that
/// responded. Distances are in bits of XOR distance: 160 far, 0 equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookupProgress {
    /// Distance of the first node that responded.
    pub first_bits: Option<u8>,
    /// Distance of the closest node that responded.
    pub closest_bits: Option<u8>,
    /// Hops to that node, if they are known; see [`SentQuery::hops`](crate::SentQuery::hops).
    pub closest_hops: Option<u8>,
    by_hops: [Option<u8>; LookupProgress::MAX_HOPS + 1],
}

impl LookupProgress {
    /// Nodes that are further away are not told apart by hops.
    pub const MAX_HOPS: usize = 11;

    /// Distance of the closest node that responded within so many hops.
    pub fn bits_within(&self, hops: usize) -> Option<u8> {
        self.by_hops.iter().take(hops + 1).flatten().min().copied()
    }

    fn on_response(&mut self, bits: u8, hops: Option<u8>) {
        self.first_bits.get_or_insert(bits);
        if let Some(of_hops) = hops.and_then(|hops| self.by_hops.get_mut(usize::from(hops))) {
            *of_hops = Some(of_hops.map_or(bits, |before| before.min(bits)));
        }
    }
}

/// A group of get_peers queries that is over.
#[derive(Clone, Debug)]
pub(crate) enum Closed {
    Lookup(Lookup),
    /// Maintenance; see the module's rule.
    Refresh(Lookup),
}

//! Queries of ours that wait for an answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use mdht_krpc::{Family, Id, Instant, Rng};

use super::search::SearchId;
use super::timers::TimerKey;
use super::{LookupId, QueryId, SocketId};

/// Length of our transaction IDs in bytes. Some clients answer no other (the
/// crate `mainline` 8 reads a number of 32 bits). An answer must come from the
/// asked address and port to the socket that asked, too: who guesses from off
/// the path, 100,000 times a second for two seconds, hits one open query once
/// in 20,000 attempts.
const LEN: usize = 4;

/// A transaction ID of ours.
pub(crate) type TransactionId = [u8; LEN];

/// Why a query was sent, and so who is told of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The routing module asked for it, with this tag.
    Routing(u64),
    /// Part of a search.
    Search(SearchId),
    /// The announce after a lookup.
    Announce(LookupId),
    /// Joining the overlay.
    Bootstrap,
    /// A user's single query.
    User(QueryId),
}

/// One query in flight.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) socket: SocketId,
    pub(crate) to: SocketAddr,
    pub(crate) expected_id: Option<Id>,
    pub(crate) sent: Instant,
    pub(crate) purpose: Purpose,
    pub(crate) soft: Option<TimerKey>,
    pub(crate) hard: TimerKey,
}

impl Transaction {
    pub(crate) fn family(&self) -> Family {
        Family::of(&self.to)
    }
}

/// Queries in flight, bounded in number.
#[derive(Debug, Default)]
pub(crate) struct Transactions(BTreeMap<TransactionId, Transaction>);

impl Transactions {
    /// Most queries in flight at once.
    pub(crate) const MOST: usize = 8192;

    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= Self::MOST
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// A random ID that is not in use.
    pub(crate) fn fresh_id(&self, rng: &mut Rng) -> TransactionId {
        loop {
            // as much randomness as when they were twice as long: runs repeat
            let mut drawn = [0; 2 * LEN];
            rng.fill(&mut drawn);
            let mut id = [0; LEN];
            id.copy_from_slice(&drawn[..LEN]);
            if !self.0.contains_key(&id) {
                return id;
            }
        }
    }

    pub(crate) fn insert(&mut self, id: TransactionId, transaction: Transaction) {
        self.0.insert(id, transaction);
    }

    pub(crate) fn get_mut(&mut self, id: &TransactionId) -> Option<&mut Transaction> {
        self.0.get_mut(id)
    }

    /// Changes what all queries in flight are good for.
    pub(crate) fn retag(&mut self, change: impl FnMut(&mut Transaction)) {
        self.0.values_mut().for_each(change);
    }

    pub(crate) fn remove(&mut self, id: &TransactionId) -> Option<Transaction> {
        let removed = self.0.remove(id);
        if self.0.is_empty() {
            // an empty map keeps the memory of eleven: between two queries of
            // its maintenance a node would hold on to more than a kilobyte
            self.0 = BTreeMap::new();
        }
        removed
    }

    /// Takes the query that an answer belongs to: same ID, from the address
    /// that was asked, to the socket that asked.
    pub(crate) fn take_answered(
        &mut self,
        id: &[u8],
        from: &SocketAddr,
        socket: SocketId,
    ) -> Option<Transaction> {
        let id: TransactionId = id.try_into().ok()?;
        let asked = self.0.get(&id)?;
        if asked.to != *from || asked.socket != socket {
            return None;
        }
        self.remove(&id)
    }
}

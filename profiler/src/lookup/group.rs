//! One group of queries, as it goes on.

use std::net::SocketAddr;

use mdht_krpc::{Body, Distance, Id, Response};

use super::{FirstValue, Lookup, LookupId, LookupKind, LookupProgress};
use crate::Timestamp;
use crate::addresses::AddressSet;
use crate::exchange::{Exchange, Outcome, SentQuery};
use crate::referrals::{Referrals, distance_bits};

/// A group that is not over.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) lookup: Lookup,
    pub(super) last_query: Timestamp,
    closest: Option<Distance>,
    pub(super) gathered: Gathered,
}

/// What a group remembers while it goes on. Used again by later groups, since
/// it is what grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    replicas: AddressSet,
    peers: AddressSet,
    pub(super) referrals: Referrals,
}

impl Gathered {
    /// Addresses of replicas and peers.
    pub(super) const fn addresses(&self) -> usize {
        self.replicas.len() + self.peers.len()
    }

    /// Forgets all and keeps the space; `None` if that is much.
    pub(super) fn emptied(mut self) -> Option<Self> {
        let space = self.replicas.capacity() + self.peers.capacity() + self.referrals.capacity();
        if space > MAX_SPARE_ADDRESSES {
            return None;
        }
        self.replicas.clear();
        self.peers.clear();
        self.referrals.clear();
        Some(self)
    }
}

/// How many more addresses all groups may remember.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Replicas and peers.
    pub(super) addresses: usize,
    /// Referrals.
    pub(super) referrals: usize,
}

impl Group {
    /// A group that starts with a query at `now`.
    pub(super) fn new(
        id: LookupId,
        (kind, infohash): (LookupKind, Id),
        now: Timestamp,
        gathered: Gathered,
    ) -> Self {
        Self {
            lookup: Lookup {
                id,
                kind,
                infohash,
                start: now,
                queries: 1,
                answered: 0,
                answered_late: 0,
                first_value: None,
                closest: None,
                progress: LookupProgress::default(),
                replicas: Some(0),
                peers: Some(0),
                announced: false,
            },
            last_query: now,
            closest: None,
            gathered,
        }
    }

    /// Notes what became of a query of the group.
    pub(super) fn on_exchange(&mut self, exchange: &Exchange<'_>, room: &mut Room) {
        match &exchange.outcome {
            Outcome::Answered(_) => self.lookup.answered += 1,
            Outcome::AnsweredLate(_) => self.lookup.answered_late += 1,
            Outcome::Unanswered => {}
        }
        if let Some(answer) = exchange.outcome.answer()
            && let Body::Response(response) = &answer.message.body
        {
            self.on_response(&exchange.query, answer.time, response, &mut room.addresses);
            let infohash = &self.lookup.infohash;
            let (referrals, hops) = (&mut self.gathered.referrals, exchange.query.hops);
            referrals.on_response(response, infohash, hops, &mut room.referrals);
        }
    }

    fn on_response(
        &mut self,
        query: &SentQuery,
        now: Timestamp,
        response: &Response<'_>,
        room: &mut usize,
    ) {
        let lookup = &mut self.lookup;
        let elapsed = now.since(lookup.start);
        if let Some(id) = response.id {
            let distance = id.distance(&lookup.infohash);
            let bits = distance_bits(&id, &lookup.infohash);
            lookup.progress.on_response(bits, query.hops);
            if self.closest.is_none_or(|closest| distance < closest) {
                self.closest = Some(distance);
                lookup.closest = Some(elapsed);
                lookup.progress.closest_bits = Some(bits);
                lookup.progress.closest_hops = query.hops;
            }
        }
        // an empty list, which librqbit always sends, holds no value
        let found = match lookup.kind {
            LookupKind::GetPeers => response.has_values(),
            LookupKind::Get => response.has_item(),
        };
        if !found {
            return;
        }
        lookup.first_value.get_or_insert(FirstValue {
            latency: elapsed,
            cost: lookup.queries,
            hops: query.hops,
        });
        let Gathered {
            replicas, peers, ..
        } = &mut self.gathered;
        count_distinct(&mut lookup.replicas, replicas, query.remote, room);
        if let Some(values) = &response.values {
            for peer in values.iter() {
                count_distinct(&mut lookup.peers, peers, peer, room);
            }
        }
    }
}

/// Counts `addr` if it is new to `seen`. Without room to remember it the
/// count is no longer known.
fn count_distinct(
    count: &mut Option<u64>,
    seen: &mut AddressSet,
    addr: SocketAddr,
    room: &mut usize,
) {
    let Some(known) = count else { return };
    match seen.insert(addr, room) {
        Some(is_new) => *known += u64::from(is_new),
        None => *count = None,
    }
}

/// Most addresses that what is used again has space for, about 40 kB.
const MAX_SPARE_ADDRESSES: usize = 1 << 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_a_count_is_not_known() {
        let (mut count, mut seen, mut room) = (Some(0), AddressSet::default(), 2);
        let addr = |port: u16| SocketAddr::from(([10, 0, 0, 1], port));
        for port in [1, 2, 1, 2] {
            count_distinct(&mut count, &mut seen, addr(port), &mut room);
            assert_eq!(count, Some(u64::from(port).max(seen.len() as u64)));
        }
        count_distinct(&mut count, &mut seen, addr(3), &mut room);
        assert_eq!((count, seen.len(), room), (None, 2, 0));
    }
}

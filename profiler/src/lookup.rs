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

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use mdht_krpc::{Body, Distance, Id, Response};

use crate::exchange::{Exchange, Outcome, SentQuery, late_limit};
use crate::referrals::{Referrals, distance_bits};
use crate::{Options, Timestamp};

/// Number of a lookup, unique within its node under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId(u64);

impl LookupId {
    /// The number: 0 for the node's first lookup, and so on, in the order
    /// they started. Groups that were refresh are numbered with them.
    pub const fn number(self) -> u64 {
        self.0
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
    /// [`SentQuery::hops`].
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
    /// Hops to that node, if they are known; see [`SentQuery::hops`].
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

/// The groups of one node that are not over.
#[derive(Clone, Debug)]
pub(crate) struct Lookups {
    gap: Duration,
    /// A group is kept this long after its last query: for the gap, and as
    /// long as that query may be answered.
    hold: Duration,
    refresh_max_queries: u64,
    infohashes: Option<BTreeSet<Id>>,
    groups: HashMap<LookupId, Group>,
    /// The group that a query for an infohash would join.
    current: HashMap<(LookupKind, Id), LookupId>,
    /// When to look whether a group is over, one entry for each group.
    deadlines: BTreeSet<(Timestamp, LookupId)>,
    next_id: u64,
    /// How many more addresses all groups may remember.
    room: usize,
    /// How many more referrals all groups may remember.
    referral_room: usize,
}

impl Lookups {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            gap: options.lookup_gap,
            hold: options.lookup_gap.max(late_limit(options.timeout)),
            refresh_max_queries: options.refresh_max_queries,
            infohashes: options.infohashes.clone(),
            groups: HashMap::new(),
            current: HashMap::new(),
            deadlines: BTreeSet::new(),
            next_id: 0,
            room: MAX_ADDRESSES,
            referral_room: MAX_REFERRALS,
        }
    }

    /// Notes a query that was sent, and in it to which lookup it belongs and
    /// how that came to the node.
    pub(crate) fn on_query(&mut self, kind: LookupKind, infohash: Id, query: &mut SentQuery) {
        let id = self.group_for(kind, infohash, query.time);
        query.lookup = Some(id);
        if let Some(group) = self.groups.get(&id) {
            let referral = group.referrals.find(&query.remote);
            query.hops = referral.hops;
            query.distance_bits = referral.distance_bits;
        }
    }

    fn group_for(&mut self, kind: LookupKind, infohash: Id, now: Timestamp) -> LookupId {
        if let Some(id) = self.current.get(&(kind, infohash))
            && let Some(group) = self.groups.get_mut(id)
            && group.last_query.apart(now) <= self.gap
        {
            group.lookup.queries += 1;
            group.last_query = group.last_query.max(now);
            return *id;
        }
        let id = LookupId(self.next_id);
        self.next_id += 1;
        self.groups.insert(id, Group::new(id, kind, infohash, now));
        self.current.insert((kind, infohash), id);
        self.deadlines.insert((now.after(self.hold), id));
        id
    }

    /// Notes an announce_peer query that was sent.
    pub(crate) fn on_announce(&mut self, infohash: Id) {
        for kind in [LookupKind::GetPeers, LookupKind::Get] {
            let id = self.current.get(&(kind, infohash));
            if let Some(group) = id.and_then(|id| self.groups.get_mut(id)) {
                group.lookup.announced = true;
            }
        }
    }

    /// Notes that a query was answered.
    pub(crate) fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        let id = exchange.query.lookup;
        let Some(group) = id.and_then(|id| self.groups.get_mut(&id)) else {
            return;
        };
        match &exchange.outcome {
            Outcome::Answered(_) => group.lookup.answered += 1,
            Outcome::AnsweredLate(_) => group.lookup.answered_late += 1,
            Outcome::Unanswered => {}
        }
        if let Some(answer) = exchange.outcome.answer()
            && let Body::Response(response) = &answer.message.body
        {
            group.on_response(&exchange.query, answer.time, response, &mut self.room);
            let room = &mut self.referral_room;
            let hops = exchange.query.hops;
            let infohash = &group.lookup.infohash;
            group.referrals.on_response(response, infohash, hops, room);
        }
    }

    /// Takes out a group that is over at `now`. To be called until `None`
    /// whenever time has passed.
    pub(crate) fn close_due(&mut self, now: Timestamp) -> Option<Closed> {
        loop {
            let &(deadline, id) = self.deadlines.first()?;
            if deadline >= now && self.groups.len() <= MAX_GROUPS {
                return None;
            }
            self.deadlines.remove(&(deadline, id));
            let last_query = self.groups.get(&id)?.last_query;
            let prolonged = last_query.after(self.hold);
            if prolonged >= now && self.groups.len() <= MAX_GROUPS {
                self.deadlines.insert((prolonged, id));
                continue;
            }
            return self.close(id);
        }
    }

    /// Takes out every group, at the end of the capture.
    pub(crate) fn close_all(&mut self) -> Option<Closed> {
        let (_, id) = self.deadlines.pop_first()?;
        self.close(id)
    }

    fn close(&mut self, id: LookupId) -> Option<Closed> {
        let group = self.groups.remove(&id)?;
        let lookup = group.lookup;
        let key = (lookup.kind, lookup.infohash);
        if self.current.get(&key) == Some(&id) {
            self.current.remove(&key);
        }
        self.room += group.replicas.len() + group.peers.len();
        self.referral_room += group.referrals.len();
        let is_lookup = match &self.infohashes {
            _ if lookup.kind == LookupKind::Get => true,
            Some(named) => named.contains(&lookup.infohash),
            None => {
                lookup.first_value.is_some()
                    || lookup.announced
                    || lookup.queries > self.refresh_max_queries
            }
        };
        Some(match is_lookup {
            true => Closed::Lookup(lookup),
            false => Closed::Refresh(lookup),
        })
    }
}

#[derive(Clone, Debug)]
struct Group {
    lookup: Lookup,
    last_query: Timestamp,
    closest: Option<Distance>,
    replicas: HashSet<SocketAddr>,
    peers: HashSet<SocketAddr>,
    referrals: Referrals,
}

impl Group {
    /// A group that starts with a query at `now`.
    fn new(id: LookupId, kind: LookupKind, infohash: Id, now: Timestamp) -> Self {
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
            replicas: HashSet::new(),
            peers: HashSet::new(),
            referrals: Referrals::default(),
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
            LookupKind::Get => response.has_item,
        };
        if !found {
            return;
        }
        lookup.first_value.get_or_insert(FirstValue {
            latency: elapsed,
            cost: lookup.queries,
            hops: query.hops,
        });
        count_distinct(&mut lookup.replicas, &mut self.replicas, query.remote, room);
        for peer in response.values.iter().flat_map(|values| values.iter()) {
            count_distinct(&mut lookup.peers, &mut self.peers, peer, room);
        }
    }
}

/// Counts `addr` if it is new to `seen`. Without room to remember it the
/// count is no longer known.
fn count_distinct(
    count: &mut Option<u64>,
    seen: &mut HashSet<SocketAddr>,
    addr: SocketAddr,
    room: &mut usize,
) {
    let Some(known) = count else { return };
    if seen.contains(&addr) {
        return;
    }
    if *room == 0 {
        *count = None;
        return;
    }
    *room -= 1;
    *known += 1;
    seen.insert(addr);
}

/// Most groups of one node that are open at once, about 20 MB; beyond it the
/// oldest is closed. Enough for 500 new infohashes a second.
const MAX_GROUPS: usize = 1 << 15;

/// Most replicas and peers that the open groups of one node remember, about
/// 40 MB. A popular swarm has some ten thousand peers.
const MAX_ADDRESSES: usize = 1 << 20;

/// Most nodes that the referrals of the open groups of one node remember,
/// 20 MB. A lookup of thirty responses names 240.
const MAX_REFERRALS: usize = 1 << 21;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_infohashes_stays_within_bounds() {
        let mut lookups = Lookups::new(&Options::default());
        let mut closed = 0;
        for i in 0..MAX_GROUPS as u64 + 1000 {
            while lookups.close_due(Timestamp::from_nanos(i)).is_some() {
                closed += 1;
            }
            let mut infohash = [0; Id::LEN];
            infohash[..8].copy_from_slice(&i.to_be_bytes());
            lookups.group_for(
                LookupKind::GetPeers,
                Id::new(infohash),
                Timestamp::from_nanos(i),
            );
        }
        assert_eq!(closed, 999);
        assert_eq!(lookups.groups.len(), MAX_GROUPS + 1);
        assert_eq!(lookups.deadlines.len(), MAX_GROUPS + 1);
        while lookups.close_all().is_some() {
            closed += 1;
        }
        assert_eq!(closed, MAX_GROUPS + 1000);
        assert!(lookups.current.is_empty() && lookups.groups.is_empty());
    }

    #[test]
    fn without_room_a_count_is_not_known() {
        let (mut count, mut seen, mut room) = (Some(0), HashSet::new(), 2);
        let addr = |port: u16| SocketAddr::from(([10, 0, 0, 1], port));
        for port in [1, 2, 1, 2] {
            count_distinct(&mut count, &mut seen, addr(port), &mut room);
            assert_eq!(count, Some(u64::from(port).max(seen.len() as u64)));
        }
        count_distinct(&mut count, &mut seen, addr(3), &mut room);
        assert_eq!((count, seen.len(), room), (None, 2, 0));
    }
}

//! The groups of one node that are not over.

use std::collections::BTreeSet;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use mdht_krpc::Id;

use super::group::{Gathered, Group, Room};
use super::{Closed, LookupId, LookupKind};
use crate::exchange::{Exchange, SentQuery, late_limit};
use crate::timestamp::nanoseconds;
use crate::{Options, Timestamp};

/// The groups of one node that are not over.
#[derive(Clone, Debug)]
pub(crate) struct Lookups {
    /// In nanoseconds.
    gap: u64,
    /// A group is kept this long after its last query: for the gap, and as
    /// long as that query may be answered.
    hold: Duration,
    refresh_max_queries: u64,
    infohashes: Option<BTreeSet<Id>>,
    /// By [`LookupId::place`].
    groups: Vec<Option<Group>>,
    free_places: Vec<u32>,
    spare: Vec<Gathered>,
    /// The group that a query for an infohash would join.
    current: HashMap<(LookupKind, Id), LookupId>,
    /// The group that the last query joined, as the next is likely to.
    recent: Option<LookupId>,
    /// When to look whether a group is over, one entry for each group.
    deadlines: BTreeSet<(Timestamp, LookupId)>,
    /// The first of them.
    next_deadline: Timestamp,
    next_number: u64,
    room: Room,
}

impl Lookups {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            gap: nanoseconds(options.lookup_gap),
            hold: options.lookup_gap.max(late_limit(options.timeout)),
            refresh_max_queries: options.refresh_max_queries,
            infohashes: options.infohashes.clone(),
            groups: Vec::new(),
            free_places: Vec::new(),
            spare: Vec::new(),
            current: HashMap::new(),
            recent: None,
            deadlines: BTreeSet::new(),
            next_deadline: NEVER,
            next_number: 0,
            room: Room {
                addresses: MAX_ADDRESSES,
                referrals: MAX_REFERRALS,
            },
        }
    }

    /// Notes a query that was sent, and in it to which lookup it belongs and
    /// how that came to the node.
    pub(crate) fn on_query(&mut self, kind: LookupKind, infohash: Id, query: &mut SentQuery) {
        let key = (kind, infohash);
        let id = match self.current_of(&key, query.time) {
            Some(id) => id,
            None => self.start(key, query.time),
        };
        self.recent = Some(id);
        query.lookup = Some(id);
        if let Some(group) = self.group_mut(id) {
            let referral = group.gathered.referrals.find(&query.remote);
            query.hops = referral.hops;
            query.distance_bits = referral.distance_bits;
        }
    }

    /// The group that a query at `now` joins, in which it is counted.
    fn current_of(&mut self, key: &(LookupKind, Id), now: Timestamp) -> Option<LookupId> {
        let is_recent = |id: &LookupId| {
            let group = self.group(*id);
            group.is_some_and(|group| (group.lookup.kind, group.lookup.infohash) == *key)
        };
        let id = self.recent.filter(is_recent);
        let id = id.or_else(|| self.current.get(key).copied())?;
        let gap = self.gap;
        let group = self.group_mut(id)?;
        if group.last_query.nanos_apart(now) > gap {
            return None;
        }
        group.lookup.queries += 1;
        group.last_query = group.last_query.max(now);
        Some(id)
    }

    fn start(&mut self, key: (LookupKind, Id), now: Timestamp) -> LookupId {
        let place = self.free_places.pop().unwrap_or_else(|| {
            self.groups.push(None);
            u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX)
        });
        let id = LookupId {
            number: self.next_number,
            place,
        };
        self.next_number += 1;
        let gathered = self.spare.pop().unwrap_or_default();
        self.groups[place as usize] = Some(Group::new(id, key, now, gathered));
        self.current.insert(key, id);
        let deadline = now.after(self.hold);
        self.deadlines.insert((deadline, id));
        self.next_deadline = self.next_deadline.min(deadline);
        id
    }

    fn group(&self, id: LookupId) -> Option<&Group> {
        let group = self.groups.get(id.place as usize)?.as_ref();
        group.filter(|group| group.lookup.id == id)
    }

    fn group_mut(&mut self, id: LookupId) -> Option<&mut Group> {
        let group = self.groups.get_mut(id.place as usize)?.as_mut();
        group.filter(|group| group.lookup.id == id)
    }

    /// Notes an announce_peer query that was sent.
    pub(crate) fn on_announce(&mut self, infohash: Id) {
        for kind in [LookupKind::GetPeers, LookupKind::Get] {
            let id = self.current.get(&(kind, infohash)).copied();
            if let Some(group) = id.and_then(|id| self.group_mut(id)) {
                group.lookup.announced = true;
            }
        }
    }

    /// Notes what became of a query.
    #[inline]
    pub(crate) fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        let Some(id) = exchange.query.lookup else {
            return;
        };
        let group = self.groups.get_mut(id.place as usize);
        if let Some(Some(group)) = group
            && group.lookup.id == id
        {
            group.on_exchange(exchange, &mut self.room);
        }
    }

    /// Takes out a group that is over at `now`. To be called until `None`
    /// whenever time has passed.
    #[inline]
    pub(crate) fn close_due(&mut self, now: Timestamp) -> Option<Closed> {
        if self.next_deadline >= now && self.deadlines.len() <= MAX_GROUPS {
            return None;
        }
        let closed = self.close_first_due(now);
        self.next_deadline = self.deadlines.first().map_or(NEVER, |first| first.0);
        closed
    }

    fn close_first_due(&mut self, now: Timestamp) -> Option<Closed> {
        loop {
            let &(deadline, id) = self.deadlines.first()?;
            let too_many = self.deadlines.len() > MAX_GROUPS;
            if deadline >= now && !too_many {
                return None;
            }
            self.deadlines.remove(&(deadline, id));
            let prolonged = self.group(id)?.last_query.after(self.hold);
            if prolonged >= now && !too_many {
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
        let group = self.groups.get_mut(id.place as usize)?.take()?;
        self.free_places.push(id.place);
        let lookup = group.lookup;
        let key = (lookup.kind, lookup.infohash);
        if self.current.get(&key) == Some(&id) {
            self.current.remove(&key);
        }
        self.room.addresses += group.gathered.addresses();
        self.room.referrals += group.gathered.referrals.len();
        if self.spare.len() < MAX_SPARE {
            self.spare.extend(group.gathered.emptied());
        }
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

/// A deadline that no time is after.
const NEVER: Timestamp = Timestamp::from_nanos(u64::MAX);

/// Most groups of one node that are open at once, about 20 MB; beyond it the
/// oldest is closed. Enough for 500 new infohashes a second.
const MAX_GROUPS: usize = 1 << 15;

/// How much space of closed groups is kept for later ones, at most 3 MB.
const MAX_SPARE: usize = 64;

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
            let now = Timestamp::from_nanos(i);
            while lookups.close_due(now).is_some() {
                closed += 1;
            }
            let mut infohash = [0; Id::LEN];
            infohash[..8].copy_from_slice(&i.to_be_bytes());
            lookups.start((LookupKind::GetPeers, Id::new(infohash)), now);
        }
        assert_eq!(closed, 999);
        assert_eq!(lookups.groups.len(), MAX_GROUPS + 1);
        assert_eq!(lookups.deadlines.len(), MAX_GROUPS + 1);
        while lookups.close_all().is_some() {
            closed += 1;
        }
        assert_eq!(closed, MAX_GROUPS + 1000);
        assert!(lookups.current.is_empty());
        assert_eq!(lookups.free_places.len(), lookups.groups.len());
        assert_eq!(lookups.spare.len(), MAX_SPARE);
    }
}

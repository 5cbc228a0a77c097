//! The k-buckets that every routing module of ours keeps its contacts in.
//!
//! Bucket `i` holds contacts whose IDs share exactly `i` leading bits with
//! ours [BEP 5, "Routing Table", without its splitting: a bucket that BEP 5
//! has not split yet is the sum of our deeper ones]. Buckets are made as
//! contacts for them turn up, and lists grow on demand. Policy is not here:
//! who enters, waits or leaves is the modules' business.

mod closest;
mod entry;
mod subnets;

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};

use mdht_krpc::{ID_BITS, Id, Instant};

use super::nearest::head;
use super::{SavedContact, SavedTable, Standing, TableEntry};
use crate::{Parameter, Parameters};
use entry::octets;
pub(crate) use entry::{Claim, Entry, Moment};
pub(crate) use subnets::PerSubnet;

/// Contacts saved across a restart: enough that some answer after days, few
/// enough for a state file of some kilobytes.
const MAX_SAVED: usize = 300;

/// Size and rules of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Least capacity of a bucket.
    pub(crate) k: usize,
    /// Capacity of the first bucket; the next hold half each, down to `k`
    /// [thesis 8.V.D].
    pub(crate) first: usize,
    /// Most contacts of one IP address; 0 is no limit.
    pub(crate) per_ip: usize,
    /// Most contacts of one subnet.
    pub(crate) per_subnet: PerSubnet,
}

impl Shape {
    /// As the module's parameters say, with this capacity of the first bucket.
    pub(crate) fn new(parameters: &Parameters, first: usize) -> Self {
        Self {
            k: parameters.integer("k"),
            first,
            per_ip: parameters.integer("per_ip"),
            per_subnet: PerSubnet::new(parameters),
        }
    }
}

/// The limit on a table's contacts of one host.
pub(crate) fn per_ip_parameter(default: u32) -> Parameter {
    Parameter::integer(
        "per_ip",
        default,
        (0, 64),
        "contacts",
        "most of one IP address; 0 is no limit",
    )
}

/// One k-bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// The contacts in the table, in no order.
    pub(crate) main: Vec<Entry>,
    /// Those that wait for a place, in no order.
    pub(crate) waiting: Vec<Entry>,
    /// When a contact last answered or entered: BEP 5's "last changed".
    pub(crate) touched: Moment,
}

/// The two lists of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Main,
    Waiting,
}

/// Where an entry is, until something is pushed or taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) bucket: usize,
    pub(crate) list: List,
    pub(crate) index: usize,
}

/// The k-buckets of one node.
#[derive(Debug)]
pub(crate) struct Table {
    own_id: Id,
    shape: Shape,
    buckets: Vec<Bucket>,
}

impl Table {
    pub(crate) const fn new(own_id: Id, shape: Shape) -> Self {
        Self {
            own_id,
            shape,
            buckets: Vec::new(),
        }
    }

    pub(crate) const fn own_id(&self) -> Id {
        self.own_id
    }

    /// The bucket that `id` belongs to; `None` for our own ID.
    pub(crate) fn bucket_of(&self, id: &Id) -> Option<usize> {
        Some(self.own_id.common_prefix(id)).filter(|bucket| *bucket < ID_BITS)
    }

    /// How many contacts the bucket may hold.
    pub(crate) fn capacity(&self, bucket: usize) -> usize {
        let shift = u32::try_from(bucket).unwrap_or(u32::MAX);
        let share = self.shape.first.checked_shr(shift).unwrap_or(0);
        share.max(self.shape.k)
    }

    /// How many more contacts the bucket may hold.
    pub(crate) fn room(&self, bucket: usize) -> usize {
        let held = self.buckets.get(bucket).map_or(0, |b| b.main.len());
        self.capacity(bucket).saturating_sub(held)
    }

    /// The buckets made so far, from the farthest to the closest.
    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// A bucket, made if it is not there yet.
    pub(crate) fn bucket_mut(&mut self, bucket: usize, now: Instant) -> &mut Bucket {
        let empty = || Bucket {
            main: Vec::new(),
            waiting: Vec::new(),
            touched: Moment::of(now),
        };
        if let Some(more @ 1..) = (bucket + 1).checked_sub(self.buckets.len()) {
            // one deeper bucket is as seldom as twice as many nodes: no spare room
            self.buckets.reserve_exact(more);
            self.buckets.resize_with(bucket + 1, empty);
        }
        &mut self.buckets[bucket]
    }

    /// Contacts in the table.
    pub(crate) fn len(&self) -> usize {
        self.buckets.iter().map(|b| b.main.len()).sum()
    }

    /// Where the contact of this ID is.
    pub(crate) fn locate(&self, id: &Id) -> Option<Slot> {
        let bucket = self.bucket_of(id)?;
        let lists = self.buckets.get(bucket)?;
        // nearly always told by the first bytes alone
        let first = head(id);
        let is_it = |entry: &Entry| head(&entry.id) == first && entry.id == *id;
        let find = |entries: &[Entry], list| {
            let index = entries.iter().position(is_it)?;
            Some(Slot {
                bucket,
                list,
                index,
            })
        };
        find(&lists.main, List::Main).or_else(|| find(&lists.waiting, List::Waiting))
    }

    /// Where the contact of this address is, and of this ID if one is given.
    pub(crate) fn locate_at(&self, addr: &SocketAddr, id: Option<&Id>) -> Option<Slot> {
        if let Some(id) = id {
            return self.locate(id).filter(|slot| self.entry(*slot).is_at(addr));
        }
        let mut all = self.entries();
        all.find(|(_, entry)| entry.is_at(addr))
            .map(|(slot, _)| slot)
    }

    /// Every entry and where it is.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Slot, &Entry)> {
        self.buckets.iter().enumerate().flat_map(|(bucket, lists)| {
            let slots = move |list| {
                move |(index, entry)| {
                    let slot = Slot {
                        bucket,
                        list,
                        index,
                    };
                    (slot, entry)
                }
            };
            let main = lists.main.iter().enumerate().map(slots(List::Main));
            let waiting = lists.waiting.iter().enumerate();
            main.chain(waiting.map(slots(List::Waiting)))
        })
    }

    /// Every entry as people are shown it, with the standing that it has.
    pub(crate) fn listed(&self, standing: impl Fn(List, &Entry) -> Standing) -> Vec<TableEntry> {
        self.entries()
            .map(|(slot, entry)| entry.table_entry(slot.bucket, standing(slot.list, entry)))
            .collect()
    }

    pub(crate) fn entry(&self, slot: Slot) -> &Entry {
        let bucket = &self.buckets[slot.bucket];
        match slot.list {
            List::Main => &bucket.main[slot.index],
            List::Waiting => &bucket.waiting[slot.index],
        }
    }

    pub(crate) fn entry_mut(&mut self, slot: Slot) -> &mut Entry {
        let bucket = &mut self.buckets[slot.bucket];
        match slot.list {
            List::Main => &mut bucket.main[slot.index],
            List::Waiting => &mut bucket.waiting[slot.index],
        }
    }

    /// Moves every contact in the table to the bucket that it belongs to under
    /// another ID of ours, those known to answer first; returns those that find
    /// no room. Nobody waits any more.
    pub(crate) fn rename(&mut self, own_id: Id, now: Instant) -> Vec<Entry> {
        self.own_id = own_id;
        let buckets = std::mem::take(&mut self.buckets);
        let mut entries: Vec<_> = buckets.into_iter().flat_map(|b| b.main).collect();
        entries.sort_by_key(|entry| !entry.is_verified());
        let mut homeless = Vec::new();
        for entry in entries {
            match self.bucket_of(&entry.id) {
                Some(bucket) if self.room(bucket) > 0 => {
                    self.bucket_mut(bucket, now).main.push(entry);
                }
                _ => homeless.push(entry),
            }
        }
        homeless
    }

    /// Takes an entry out.
    pub(crate) fn take(&mut self, slot: Slot) -> Entry {
        let bucket = &mut self.buckets[slot.bucket];
        let entries = match slot.list {
            List::Main => &mut bucket.main,
            List::Waiting => &mut bucket.waiting,
        };
        let entry = entries.swap_remove(slot.index);
        // Many wait at the start, few later: give the memory back.
        if entries.len() * 4 <= entries.capacity() {
            entries.shrink_to(entries.len() * 2);
        }
        entry
    }

    /// Whether one more contact of this IP address may be in the table.
    pub(crate) fn ip_may_enter(&self, ip: IpAddr) -> bool {
        self.is_below_limit(ip, |_| false)
    }

    /// Whether one more contact of this IP address may be in the table or wait.
    /// Replacements do not count: one may have to wait for long.
    pub(crate) fn ip_may_wait(&self, ip: IpAddr) -> bool {
        self.is_below_limit(ip, |waiting| waiting.claim != Claim::Replacement)
    }

    /// Whether fewer contacts are in the table, or wait and count, than one IP
    /// address may have. Asked for nearly each contact that a response names,
    /// hence plain loops.
    fn is_below_limit(&self, ip: IpAddr, counts: impl Fn(&Entry) -> bool) -> bool {
        let limit = self.shape.per_ip;
        if limit == 0 {
            return true;
        }
        let host = octets(ip);
        let mut same = 0;
        for bucket in &self.buckets {
            let main = bucket.main.iter().filter(|entry| entry.is_on(&host));
            same += main.count();
            let waiting = bucket.waiting.iter().filter(|entry| entry.is_on(&host));
            same += waiting.filter(|entry| counts(entry)).count();
            if same >= limit {
                return false;
            }
        }
        true
    }

    /// A saved contact as not yet heard from in this run, and its bucket;
    /// `None` if it is here already or may not be.
    pub(crate) fn restored(&self, saved: &SavedContact, now: Instant) -> Option<(usize, Entry)> {
        let entry = Entry::new(&saved.contact, Claim::Replacement, Moment::of(now));
        let bucket = self.bucket_of(&entry.id)?;
        let may_enter = self.locate(&entry.id).is_none()
            && self.ip_may_enter(entry.ip())
            && self.subnet_may_enter(entry.ip(), bucket);
        may_enter.then(|| (bucket, entry.with_rtt(saved.rtt)))
    }

    /// The contacts in the table that are worth most after a restart, best
    /// first: those that answered, most recently heard from.
    pub(crate) fn saved(&self, now: Instant) -> SavedTable {
        let mut best: Vec<&Entry> = self.buckets.iter().flat_map(|b| &b.main).collect();
        best.sort_by_key(|entry| {
            let unanswered = !entry.has_answered() || entry.failures > 0;
            (entry.seen().is_none(), unanswered, Reverse(entry.seen()))
        });
        best.truncate(MAX_SAVED);
        SavedTable {
            contacts: best.iter().map(|entry| entry.saved(now)).collect(),
            private: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;

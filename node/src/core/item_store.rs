//! Items that others put here (BEP 44).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use mdht_krpc::{Distance, Id, Instant};

use crate::item::Item;

/// Bounds of the item store.
///
/// When there is no room, the source that brought most loses the item farthest
/// from our node ID, be it the new one: whoever floods the store evicts his
/// own, and from many sources only what lies farther away than he can place.
#[derive(Clone, Copy, Debug)]
pub struct ItemStoreConfig {
    /// Items kept. Default 1,024; libtorrent keeps 700.
    pub max_items: usize,
    /// Bytes kept, a fixed part for each item's key, salt and place included.
    /// Default 1 MiB.
    pub max_bytes: usize,
    /// Items kept of one source, an IPv4 address or an IPv6 /64. Default 128.
    pub per_source: usize,
    /// How long an item is kept after it was last put. Default 2 h, as BEP 44
    /// says.
    pub lifetime: Duration,
}

impl Default for ItemStoreConfig {
    fn default() -> Self {
        Self {
            max_items: 1024,
            max_bytes: 1 << 20,
            per_source: 128,
            lifetime: Duration::from_secs(2 * 3600),
        }
    }
}

/// Counters of an item store; they only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemCounts {
    /// Items taken in, or replaced by a newer one.
    pub stored: u64,
    /// Items put again unchanged, which start their time anew.
    pub renewed: u64,
    /// Puts refused, for whatever reason.
    pub refused: u64,
    /// Items that had to make room.
    pub evicted: u64,
    /// Items that nobody put again in time.
    pub expired: u64,
}

/// Why a put is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotStored {
    /// The item held has another sequence number than the sender expects.
    CasMismatch,
    /// The item held is as new, or newer.
    SequenceTooLow,
    /// There is no room for one so far from our ID.
    NoRoom,
}

/// The network that an item came from.
type Source = u64;

struct Stored {
    item: Item,
    at: Instant,
    /// Who brought it first: who only renews another's item cannot make it his
    /// own, and so cannot have it evicted.
    source: Source,
}

/// Items by target, bounded in number, size and time.
pub(crate) struct ItemStore {
    config: ItemStoreConfig,
    items: BTreeMap<Id, Stored>,
    by_age: BTreeSet<(Instant, Id)>,
    sources: BTreeMap<Source, BTreeSet<Id>>,
    bytes: usize,
    pub(crate) counts: ItemCounts,
}

impl ItemStore {
    /// Counted for each item beside its value and salt, in bytes.
    const OVERHEAD: usize = 256;

    pub(crate) const fn new(config: ItemStoreConfig) -> Self {
        Self {
            config,
            items: BTreeMap::new(),
            by_age: BTreeSet::new(),
            sources: BTreeMap::new(),
            bytes: 0,
            counts: ItemCounts {
                stored: 0,
                renewed: 0,
                refused: 0,
                evicted: 0,
                expired: 0,
            },
        }
    }

    /// Number of items held, and their size in bytes.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.items.len(), self.bytes)
    }

    /// The item at a target, unless its time is over.
    pub(crate) fn get(&self, now: Instant, target: &Id) -> Option<&Item> {
        let stored = self.items.get(target)?;
        let fresh = now.since(stored.at) < self.config.lifetime;
        fresh.then_some(&stored.item)
    }

    /// Stores, replaces or renews an item, whose hash or signature has been
    /// checked. `own_ids` are our node IDs, `cas` the sequence number that an
    /// item held must have.
    pub(crate) fn put(
        &mut self,
        now: Instant,
        own_ids: &[Id],
        from: IpAddr,
        item: Item,
        cas: Option<i64>,
    ) -> Result<(), NotStored> {
        let target = item.target();
        let held = self.get(now, &target);
        if let (Some(cas), Some(held)) = (cas, held.and_then(Item::sequence))
            && cas != held
        {
            return Err(NotStored::CasMismatch);
        }
        if let Some(held) = held {
            if *held == item {
                self.renew(now, target);
                return Ok(());
            }
            if item.sequence() <= held.sequence() {
                return Err(NotStored::SequenceTooLow);
            }
        }
        let source = match self.items.get(&target) {
            Some(stored) => stored.source,
            None => network(from),
        };
        self.remove(&target);
        self.insert(now, target, item, source);
        self.make_room(source, own_ids);
        match self.items.contains_key(&target) {
            true => {
                self.counts.stored += 1;
                Ok(())
            }
            false => {
                // it never was in
                self.counts.evicted -= 1;
                Err(NotStored::NoRoom)
            }
        }
    }

    /// Forgets the items whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some((at, target)) = self.by_age.first().copied() {
            if now.since(at) < self.config.lifetime {
                return;
            }
            self.remove(&target);
            self.counts.expired += 1;
        }
    }

    fn renew(&mut self, now: Instant, target: Id) {
        if let Some(stored) = self.items.get_mut(&target) {
            self.by_age.remove(&(stored.at, target));
            stored.at = now;
            self.by_age.insert((now, target));
            self.counts.renewed += 1;
        }
    }

    fn insert(&mut self, now: Instant, target: Id, item: Item, source: Source) {
        self.bytes += size(&item);
        self.by_age.insert((now, target));
        self.sources.entry(source).or_default().insert(target);
        let at = now;
        self.items.insert(target, Stored { item, at, source });
    }

    fn remove(&mut self, target: &Id) {
        let Some(stored) = self.items.remove(target) else {
            return;
        };
        self.bytes -= size(&stored.item);
        self.by_age.remove(&(stored.at, *target));
        if let Some(of_source) = self.sources.get_mut(&stored.source) {
            of_source.remove(target);
            if of_source.is_empty() {
                self.sources.remove(&stored.source);
            }
        }
    }

    /// Evicts until every bound holds again. All items are looked through for
    /// it at most; checking one signature takes longer.
    fn make_room(&mut self, newest: Source, own_ids: &[Id]) {
        let share = |store: &Self| store.sources.get(&newest).map_or(0, BTreeSet::len);
        while share(self) > self.config.per_source {
            let own = self.sources.get(&newest).into_iter().flatten();
            let farthest = own.max_by_key(|target| nearest(own_ids, target)).copied();
            self.evict(farthest);
        }
        while self.items.len() > self.config.max_items || self.bytes > self.config.max_bytes {
            let most = self.sources.values().map(BTreeSet::len).max();
            let largest = self.sources.values().filter(|of| Some(of.len()) == most);
            let farthest = largest
                .flatten()
                .max_by_key(|target| nearest(own_ids, target))
                .copied();
            self.evict(farthest);
        }
    }

    fn evict(&mut self, target: Option<Id>) {
        if let Some(target) = target {
            self.remove(&target);
            self.counts.evicted += 1;
        }
    }
}

fn size(item: &Item) -> usize {
    item.value().as_bencode().len() + item.salt().len() + ItemStore::OVERHEAD
}

/// Distance to the nearer of our IDs, one for each family.
fn nearest(own_ids: &[Id], target: &Id) -> Distance {
    let distances = own_ids.iter().map(|id| id.distance(target));
    distances.min().unwrap_or(Distance::MAX)
}

/// An IPv4 address or an IPv6 /64: what one host may well have all of.
fn network(from: IpAddr) -> Source {
    match from {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => u64::try_from(ip.to_bits() >> 64).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests;

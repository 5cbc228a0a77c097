//! Hash tables for what is looked up for nearly every packet.
//!
//! The standard map is right for most; here the addresses are random and the
//! tables larger than the caches, so that the time goes into waiting for
//! memory. An entry is one piece of memory, key and all. What is to be looked
//! up waits until there is some of it, then the places of all are looked at
//! before any is changed: the processor waits for many at once.

use std::hash::{BuildHasher, Hash};
use std::hint::black_box;

use foldhash::fast::RandomState;

/// An entry of a [`Slots`], in little space.
pub(crate) trait Slot: Copy {
    /// What it is found by.
    type Key: Copy + Eq + Hash;

    /// A slot without an entry.
    const FREE: Self;

    /// What is to become an entry.
    fn of(key: Self::Key) -> Self;

    /// The key of the entry; `None` of a slot without.
    fn key(&self) -> Option<Self::Key>;
}

/// A table of entries with linear probing, at most 7/8 full. Nothing is ever
/// taken out of it, but all at once.
#[derive(Clone, Debug)]
pub(crate) struct Slots<S> {
    /// As many as a power of two, or none.
    slots: Vec<S>,
    used: usize,
    hashing: RandomState,
}

impl<S> Default for Slots<S> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            used: 0,
            hashing: RandomState::default(),
        }
    }
}

impl<S: Slot> Slots<S> {
    /// Number of entries.
    pub(crate) const fn len(&self) -> usize {
        self.used
    }

    /// The entries in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &S> {
        self.slots.iter().filter(|slot| slot.key().is_some())
    }

    pub(crate) fn get(&self, key: &S::Key) -> Option<&S> {
        if self.slots.is_empty() {
            return None;
        }
        let slot = &self.slots[self.find(key, self.start(key))];
        slot.key().is_some().then_some(slot)
    }

    /// Adds an entry for `key`, if there is none, and takes room for it.
    /// Whether there was none; `None` if there was none and is no room.
    #[inline]
    pub(crate) fn insert(&mut self, key: S::Key, room: &mut usize) -> Option<bool> {
        self.reserve(1);
        let index = self.find(&key, self.start(&key));
        if self.slots[index].key().is_some() {
            return Some(false);
        }
        *room = room.checked_sub(1)?;
        self.slots[index] = S::of(key);
        self.used += 1;
        Some(true)
    }

    /// Takes all out, and keeps the space.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(S::FREE);
        self.used = 0;
    }

    /// Number of slots.
    pub(crate) const fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Makes sure that `more` entries fit, so that none moves when they come.
    fn reserve(&mut self, more: usize) {
        let needed = self.used + more;
        if needed <= self.slots.len() / 8 * 7 {
            return;
        }
        let size = (needed * 8).div_ceil(7).next_power_of_two().max(MIN_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![S::FREE; size]);
        for slot in old {
            if let Some(key) = slot.key() {
                let index = self.find(&key, self.start(&key));
                self.slots[index] = slot;
            }
        }
    }

    /// Where the search for a key starts.
    #[inline]
    fn start(&self, key: &S::Key) -> usize {
        let hash = self.hashing.hash_one(key);
        usize::try_from(hash & (self.slots.len() as u64 - 1)).unwrap_or(0)
    }

    /// Index of the entry of `key`, else of the free slot where it would be.
    #[inline]
    fn find(&self, key: &S::Key, start: usize) -> usize {
        let mut index = start;
        loop {
            match self.slots[index].key() {
                Some(other) if other != *key => index = (index + 1) & (self.slots.len() - 1),
                _ => return index,
            }
        }
    }
}

/// A table with news of its keys that wait to be looked up.
#[derive(Clone, Debug)]
pub(crate) struct Batched<S: Slot, News> {
    table: Slots<S>,
    most: usize,
    waiting: Vec<(S::Key, News)>,
    starts: Vec<usize>,
}

impl<S: Slot, News: Copy> Batched<S, News> {
    /// A table of at most so many entries; news of other keys are dropped.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            table: Slots::default(),
            most,
            waiting: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// The table, without what waits.
    pub(crate) const fn table(&self) -> &Slots<S> {
        &self.table
    }

    /// Whether no key was dropped.
    pub(crate) const fn is_complete(&self) -> bool {
        self.table.used < self.most
    }

    /// Notes news of a key. Whether so many wait that they are to be
    /// [settled](Self::settle).
    #[inline]
    pub(crate) fn note(&mut self, key: S::Key, news: News) -> bool {
        self.waiting.push((key, news));
        self.waiting.len() >= MAX_WAITING
    }

    /// Hands all that waits to `on`, in its order, with its entry, and whether
    /// that is new.
    pub(crate) fn settle(&mut self, on: impl FnMut(&mut S, News, bool)) {
        let _ = self.look_up();
        self.hand_out(on);
    }

    /// Looks all up that waits, to [hand it out](Self::hand_out) then, and
    /// shows where the search for each starts: nearly always its entry.
    pub(crate) fn look_up(&mut self) -> impl Iterator<Item = &S> {
        let table = &mut self.table;
        table.reserve(self.waiting.len().min(self.most - table.used));
        self.starts.clear();
        if !table.slots.is_empty() {
            let starts = self.waiting.iter().map(|(key, _)| table.start(key));
            // nothing hangs on what is there yet: a wrong guess of it would
            // end the wait for many at once
            self.starts
                .extend(starts.inspect(|start| _ = black_box(table.slots[*start])));
        }
        self.starts.iter().map(|start| &self.table.slots[*start])
    }

    /// Hands all that was [looked up](Self::look_up) to `on`.
    pub(crate) fn hand_out(&mut self, mut on: impl FnMut(&mut S, News, bool)) {
        let table = &mut self.table;
        for ((key, news), start) in self.waiting.drain(..).zip(&self.starts) {
            let index = table.find(&key, *start);
            let is_new = table.slots[index].key().is_none();
            if is_new && table.used >= self.most {
                continue;
            }
            if is_new {
                table.slots[index] = S::of(key);
                table.used += 1;
            }
            on(&mut table.slots[index], news, is_new);
        }
    }
}

const MIN_SLOTS: usize = 16;

/// How many keys wait to be looked up: what they bring near fits into the
/// first cache.
const MAX_WAITING: usize = 256;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A number, and how often it came.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Count(u64, u32);

    impl Slot for Count {
        type Key = u64;
        const FREE: Self = Self(0, 0);

        fn of(key: u64) -> Self {
            Self(key, 1)
        }

        fn key(&self) -> Option<u64> {
            (self.1 > 0).then_some(self.0)
        }
    }

    proptest::proptest! {
        #[test]
        fn news_are_handed_out_as_a_map_would(keys in proptest::collection::vec(0_u64..600, 0..3000), most in 1_usize..700) {
            let mut batched = Batched::<Count, usize>::new(most);
            let mut expected = BTreeMap::new();
            let mut order = Vec::new();
            for (i, &key) in keys.iter().enumerate() {
                if expected.len() < most || expected.contains_key(&key) {
                    *expected.entry(key).or_insert(1) += 1;
                }
                if batched.note(key, i) {
                    batched.settle(|slot, news, _| { slot.1 += 1; order.push(news); });
                }
            }
            batched.settle(|slot, news, _| { slot.1 += 1; order.push(news); });
            proptest::prop_assert!(order.is_sorted());
            let mut found: Vec<_> = batched.table().iter().map(|slot| (slot.0, slot.1)).collect();
            found.sort_unstable();
            proptest::prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
            proptest::prop_assert!(batched.table().len() <= batched.table().capacity() / 8 * 7);
        }
    }

    #[test]
    fn all_is_forgotten_at_once() {
        let mut table = Slots::<Count>::default();
        assert!(table.get(&1).is_none());
        let mut room = 60;
        for key in 0..100 {
            assert_eq!(table.insert(key % 50, &mut room), Some(key < 50));
        }
        assert_eq!((table.len(), room), (50, 10));
        assert!(table.get(&49).is_some() && table.get(&50).is_none());
        let capacity = table.capacity();
        table.clear();
        assert_eq!((table.len(), table.capacity()), (0, capacity));
        assert!(table.get(&1).is_none());
    }
}

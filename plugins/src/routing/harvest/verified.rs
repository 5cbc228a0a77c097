//! The contacts that others may be named, sorted by ID.
//!
//! Few contacts of the store have answered lately: looking for them in the store
//! would touch thousands of others. Those heard from within a while are listed
//! here once more, with nothing but ID and address.

use std::collections::VecDeque;
use std::time::Duration;

use mdht_krpc::{Contact, Id, Instant};

use crate::routing::nearest::{FEW, Identified, Nearest, head, places};

/// Most contacts listed; of more, those heard from last.
const MOST: usize = 4096;

/// A contact that answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verified {
    pub(super) contact: Contact,
    /// When.
    pub(super) heard: Instant,
}

impl Identified for Verified {
    fn id(&self) -> &Id {
        &self.contact.id
    }
}

/// Contacts that answered within a while.
#[derive(Debug, Default)]
pub(super) struct VerifiedIndex {
    /// By ID.
    sorted: Vec<Verified>,
    /// IDs and times of answers, in their order; those of contacts that have
    /// answered again since are passed over.
    answers: VecDeque<(Id, Instant)>,
}

impl VerifiedIndex {
    /// A contact has answered; who did so more than `within` ago is left out
    /// from now on.
    pub(super) fn answered(&mut self, contact: &Contact, now: Instant, within: Duration) {
        let entry = Verified {
            contact: *contact,
            heard: now,
        };
        match self.find(&contact.id) {
            Ok(place) => self.sorted[place] = entry,
            Err(place) => self.sorted.insert(place, entry),
        }
        self.answers.push_back((contact.id, now));
        if self.answers.len() > 2 * MOST {
            let mut answers = std::mem::take(&mut self.answers);
            answers.retain(|answer| self.current(answer).is_some());
            self.answers = answers;
        }
        while let Some(answer) = self.answers.front().copied() {
            if now.since(answer.1) <= within && self.sorted.len() <= MOST {
                break;
            }
            self.answers.pop_front();
            if let Some(place) = self.current(&answer) {
                self.sorted.remove(place);
            }
        }
    }

    /// Where the contact that gave this answer is, if it was its last one.
    fn current(&self, (id, heard): &(Id, Instant)) -> Option<usize> {
        let place = self.find(id).ok()?;
        (self.sorted[place].heard == *heard).then_some(place)
    }

    /// A contact has failed, or left the store.
    pub(super) fn remove(&mut self, contact: &Contact) {
        if let Ok(place) = self.find(&contact.id)
            && self.sorted[place].contact.addr == contact.addr
        {
            self.sorted.remove(place);
        }
    }

    /// Calls `visit` with the contacts that are wanted and closest to the
    /// target, at most `count` of them, closest first.
    ///
    /// In order of IDs the target's neighbours to both sides share the fewer
    /// bits with it the farther they stand, and who shares more is closer. So
    /// it is asked among neighbours until there are enough.
    pub(super) fn closest(
        &self,
        target: &Id,
        count: usize,
        is_wanted: impl Fn(&Verified) -> bool,
        visit: impl FnMut(&Verified),
    ) {
        let (mut few, mut many) = ([None; FEW], Vec::new());
        let places = places(&mut few, &mut many, count.min(self.sorted.len()));
        if places.is_empty() {
            return;
        }
        let mut nearest = Nearest::new(target, places, u64::MAX);
        let target = head(target);
        let shared = |entry: &Verified| (head(entry.id()) ^ target).leading_zeros();
        let is_below = |entry: &Verified| head(entry.id()) < target;
        let (below, above) = self.sorted.split_at(self.sorted.partition_point(is_below));
        let (mut below, mut above) = (below.iter().rev().peekable(), above.iter().peekable());
        while !nearest.is_full() {
            let bits = below.peek().copied().map(shared);
            let Some(bits) = bits.max(above.peek().copied().map(shared)) else {
                break;
            };
            let is_near = |entry: &&Verified| shared(entry) >= bits;
            while let Some(entry) = below.next_if(is_near).or_else(|| above.next_if(is_near)) {
                nearest.offer(entry, || is_wanted(entry));
            }
        }
        nearest.held().for_each(visit);
    }

    fn find(&self, id: &Id) -> Result<usize, usize> {
        self.sorted
            .binary_search_by(|entry| entry.contact.id.cmp(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdht_krpc::Rng;

    const HOUR: Duration = Duration::from_secs(3600);

    fn contact(rng: &mut Rng) -> Contact {
        Contact::new(Id::random(rng), ([1, 2, 3, 4], 5).into())
    }

    fn closest(index: &VerifiedIndex, target: &Id, count: usize) -> Vec<Contact> {
        let mut found = Vec::new();
        index.closest(target, count, |_| true, |entry| found.push(entry.contact));
        found
    }

    #[test]
    fn it_finds_what_sorting_by_distance_finds() {
        let mut rng = Rng::from_u64(7);
        for contacts in [0, 1, 2, 7, 300] {
            let center = Id::random(&mut rng);
            for crowded in [false, true] {
                let mut index = VerifiedIndex::default();
                let mut all: Vec<Contact> = (0..contacts).map(|_| contact(&mut rng)).collect();
                for contact in all.iter_mut().filter(|_| crowded) {
                    contact.id = center.random_in_bucket(rng.below(161), &mut rng);
                }
                all.sort_unstable();
                all.dedup_by_key(|contact| contact.id);
                all.iter()
                    .for_each(|c| index.answered(c, Instant::ZERO, HOUR));
                for n in 0..40 {
                    let target = center.random_in_bucket(4 * n, &mut rng);
                    all.sort_unstable_by_key(|c| target.distance(&c.id));
                    for count in [0, 1, 8, 40, 1000] {
                        let expected = &all[..all.len().min(count)];
                        assert_eq!(closest(&index, &target, count), expected);
                    }
                    // those that are not wanted are passed over
                    let is_odd = |contact: &Contact| contact.id.as_bytes()[19] % 2 == 1;
                    let odd = all.iter().copied().filter(is_odd).take(8);
                    let mut found = Vec::new();
                    let is_wanted = |entry: &Verified| is_odd(&entry.contact);
                    index.closest(&target, 8, is_wanted, |entry| found.push(entry.contact));
                    assert_eq!(found, odd.collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn who_answered_long_ago_is_left_out_unless_it_answered_again() {
        let mut rng = Rng::from_u64(8);
        let [old, again, new] = std::array::from_fn(|_| contact(&mut rng));
        let mut index = VerifiedIndex::default();
        index.answered(&old, Instant::ZERO, HOUR);
        index.answered(&again, Instant::ZERO, HOUR);
        index.answered(&again, Instant::ZERO + HOUR / 2, HOUR);
        index.answered(&new, Instant::ZERO + HOUR * 5 / 4, HOUR);
        let left = closest(&index, &old.id, 8);
        assert!(left.contains(&again) && left.contains(&new) && left.len() == 2);
    }

    #[test]
    fn it_is_bounded_and_keeps_those_heard_from_last() {
        let mut rng = Rng::from_u64(9);
        let mut index = VerifiedIndex::default();
        let first = contact(&mut rng);
        index.answered(&first, Instant::ZERO, HOUR);
        let all: Vec<Contact> = (0..MOST).map(|_| contact(&mut rng)).collect();
        all.iter()
            .for_each(|c| index.answered(c, Instant::ZERO, HOUR));
        assert_eq!(index.sorted.len(), MOST);
        assert_ne!(closest(&index, &first.id, 1), [first]);
        for micros in 0..4 * MOST as u64 {
            index.answered(&all[0], Instant::from_micros(micros), HOUR);
        }
        assert!(index.answers.len() <= 2 * MOST);
        assert_eq!(index.sorted.len(), MOST);
    }

    #[test]
    fn who_failed_is_gone() {
        let mut rng = Rng::from_u64(10);
        let gone = contact(&mut rng);
        let mut index = VerifiedIndex::default();
        index.answered(&gone, Instant::ZERO, HOUR);
        index.remove(&gone);
        assert!(closest(&index, &gone.id, 8).is_empty());
    }
}

//! The contacts of a list that are nearest to a target.

use mdht_krpc::Id;

/// Something that stands for a contact.
pub(super) trait Identified {
    fn id(&self) -> &Id;
}

/// Contacts that are ranked without memory of their own, at most: an answer
/// holds eight.
pub(super) const FEW: usize = 16;

/// A contact, and the [`head`] of its distance: heads compare at once, and
/// decide nearly always.
pub(super) type Place<'a, T> = Option<(u64, &'a T)>;

/// So many places: `few` of them, or as `many` as it takes.
pub(super) fn places<'p, 'a, T>(
    few: &'p mut [Place<'a, T>; FEW],
    many: &'p mut Vec<Place<'a, T>>,
    count: usize,
) -> &'p mut [Place<'a, T>] {
    match few.get_mut(..count) {
        Some(places) => places,
        None => {
            many.resize(count, None);
            many
        }
    }
}

/// The nearest contacts among those offered, as many as there are places.
pub(super) struct Nearest<'p, 'a, T> {
    target: &'p Id,
    target_head: u64,
    /// By distance, so many of them.
    places: &'p mut [Place<'a, T>],
    taken: usize,
    /// What is farther than this has no place.
    farthest: u64,
}

impl<'p, 'a, T: Identified> Nearest<'p, 'a, T> {
    /// None yet, with at least one place. What is farther than `within`, the
    /// head of a distance, is never taken.
    pub(super) fn new(target: &'p Id, places: &'p mut [Place<'a, T>], within: u64) -> Self {
        Self {
            target,
            target_head: head(target),
            places,
            taken: 0,
            farthest: within,
        }
    }

    /// Takes the contact up if it is nearer than one of those held, or there is
    /// room, and if it is wanted. Most are too far, so that is looked at first.
    #[inline(always)]
    pub(super) fn offer(&mut self, contact: &'a T, is_wanted: impl FnOnce() -> bool) {
        let distance = head(contact.id()) ^ self.target_head;
        if distance <= self.farthest && is_wanted() {
            self.insert((distance, contact));
        }
    }

    fn insert(&mut self, rank: (u64, &'a T)) {
        let last = self.places.len() - 1;
        if self.taken <= last {
            self.taken += 1;
        } else if !self.is_nearer(rank, self.places[last]) {
            return;
        }
        let mut at = self.taken - 1;
        while at > 0 && self.is_nearer(rank, self.places[at - 1]) {
            self.places[at] = self.places[at - 1];
            at -= 1;
        }
        self.places[at] = Some(rank);
        if let (true, Some((distance, _))) = (self.is_full(), self.places[last]) {
            self.farthest = distance;
        }
    }

    #[inline]
    fn is_nearer(&self, (distance, contact): (u64, &T), other: Place<'_, T>) -> bool {
        let Some((than, other)) = other else {
            return true;
        };
        if distance != than {
            return distance < than;
        }
        contact.id().distance(self.target) < other.id().distance(self.target)
    }

    /// Whether every place is taken.
    pub(super) const fn is_full(&self) -> bool {
        self.taken == self.places.len()
    }

    /// Those held, nearest first.
    pub(super) fn held(&self) -> impl Iterator<Item = &'a T> {
        let held = self.places[..self.taken].iter().flatten();
        held.map(|(_, contact)| *contact)
    }
}

/// The first eight bytes of an ID or a distance.
#[inline]
pub(super) fn head(id: &Id) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

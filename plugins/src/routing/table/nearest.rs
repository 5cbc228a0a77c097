//! The entries of a bucket that are nearest to a target.

use mdht_krpc::Id;

use super::Entry;

/// An entry, and the first eight bytes of its distance: they compare at once,
/// and decide nearly always.
type Place<'a> = Option<(u64, &'a Entry)>;

/// The nearest entries among those offered, as many as there are places.
pub(super) struct Nearest<'p, 'a> {
    target: &'p Id,
    head: u64,
    /// By distance; `None` behind the last.
    places: &'p mut [Place<'a>],
    taken: usize,
    /// What is farther than this has no place any more.
    farthest: u64,
}

impl<'p, 'a> Nearest<'p, 'a> {
    /// None yet, with at least one place, all of them `None`.
    pub(super) fn new(target: &'p Id, places: &'p mut [Place<'a>]) -> Self {
        Self {
            target,
            head: head(target),
            places,
            taken: 0,
            farthest: u64::MAX,
        }
    }

    /// Takes the entry up if it is nearer than one of those held, or there is
    /// room, and if it is wanted. Most are too far, so that is looked at first.
    #[inline(always)]
    pub(super) fn offer(&mut self, entry: &'a Entry, is_wanted: impl FnOnce() -> bool) {
        let distance = head(&entry.id) ^ self.head;
        if distance <= self.farthest && is_wanted() {
            self.insert((distance, entry));
        }
    }

    fn insert(&mut self, rank: (u64, &'a Entry)) {
        if self.taken < self.places.len() {
            self.taken += 1;
        } else if !self
            .places
            .last()
            .is_some_and(|last| self.is_nearer(rank, *last))
        {
            return;
        }
        let mut at = self.taken.saturating_sub(1);
        while at > 0 && self.is_nearer(rank, self.places[at - 1]) {
            self.places[at] = self.places[at - 1];
            at -= 1;
        }
        if let Some(place) = self.places.get_mut(at) {
            *place = Some(rank);
        }
        if let Some(Some((distance, _))) = self.places.last() {
            self.farthest = *distance;
        }
    }

    #[inline]
    fn is_nearer(&self, (distance, entry): (u64, &Entry), other: Place<'_>) -> bool {
        let Some((than, other)) = other else {
            return true;
        };
        if distance != than {
            return distance < than;
        }
        entry.id.distance(self.target) < other.id.distance(self.target)
    }

    /// Those held, nearest first.
    pub(super) fn entries(&self) -> impl Iterator<Item = &'a Entry> {
        self.places[..self.taken]
            .iter()
            .flatten()
            .map(|(_, entry)| *entry)
    }
}

/// The first eight bytes of an ID.
#[inline]
fn head(id: &Id) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

//! Things in a queue, found again by a digest.

use std::collections::VecDeque;

/// A queue whose things are numbered in the order they came, with a chain of
/// those whose digests fall into one bucket, newest first.
///
/// Nothing is taken out of a chain: it ends at the first thing that has left
/// the queue, since all behind it are older.
#[derive(Clone, Debug)]
pub(crate) struct Chains<T> {
    queue: VecDeque<Link<T>>,
    /// Number of the thing in front.
    first: u64,
    /// Number of the newest thing of each bucket; as many as a power of two.
    newest: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Link<T> {
    digest: u64,
    /// Number of the thing before this one in its bucket.
    previous: u64,
    thing: T,
}

impl<T> Default for Chains<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            first: NONE + 1,
            newest: vec![NONE; MIN_BUCKETS],
        }
    }
}

impl<T> Chains<T> {
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn front(&self) -> Option<&T> {
        self.queue.front().map(|link| &link.thing)
    }

    pub(crate) fn pop_front(&mut self) -> Option<T> {
        let link = self.queue.pop_front()?;
        self.first += 1;
        Some(link.thing)
    }

    pub(crate) fn push_back(&mut self, digest: u64, thing: T) {
        if self.queue.len() >= self.newest.len() {
            self.spread();
        }
        let number = self.first + self.queue.len() as u64;
        let bucket = bucket(digest, self.newest.len());
        let previous = std::mem::replace(&mut self.newest[bucket], number);
        self.queue.push_back(Link {
            digest,
            previous,
            thing,
        });
    }

    /// Twice as many buckets, and every chain anew.
    fn spread(&mut self) {
        self.newest = vec![NONE; 2 * self.newest.len()];
        for (number, link) in (self.first..).zip(&mut self.queue) {
            let bucket = bucket(link.digest, self.newest.len());
            link.previous = std::mem::replace(&mut self.newest[bucket], number);
        }
    }

    /// The places of the things with this digest, newest first.
    #[inline]
    pub(crate) fn find(&self, digest: u64) -> impl Iterator<Item = usize> {
        let mut number = self.newest[bucket(digest, self.newest.len())];
        std::iter::from_fn(move || {
            loop {
                let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
                let link = self.queue.get(index)?;
                number = link.previous;
                if link.digest == digest {
                    return Some(index);
                }
            }
        })
    }

    pub(crate) fn get(&self, index: usize) -> &T {
        &self.queue[index].thing
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> &mut T {
        &mut self.queue[index].thing
    }
}

fn bucket(digest: u64, buckets: usize) -> usize {
    usize::try_from(digest & (buckets as u64 - 1)).unwrap_or(0)
}

/// The number that nothing has.
const NONE: u64 = 0;

const MIN_BUCKETS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_is_in_the_queue_is_found_newest_first(
            steps in proptest::collection::vec((0_u64..200, proptest::bool::weighted(0.3)), 0..1000),
        ) {
            let mut chains = Chains::default();
            let mut expected = VecDeque::new();
            for (digest, leaves) in steps {
                chains.push_back(digest, digest);
                expected.push_back(digest);
                if leaves {
                    proptest::prop_assert_eq!(chains.pop_front(), expected.pop_front());
                }
                let all = expected.iter().enumerate().rev();
                let same = all.filter(|(_, other)| **other == digest).map(|(index, _)| index);
                proptest::prop_assert_eq!(
                    chains.find(digest).collect::<Vec<_>>(),
                    same.collect::<Vec<_>>()
                );
            }
            proptest::prop_assert_eq!(chains.front(), expected.front());
            proptest::prop_assert_eq!(chains.len(), expected.len());
        }
    }
}

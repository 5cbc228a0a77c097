//! The sorted ID space: where the nodes stand, and who stands in a subtree.

use std::ops::Range;

use crate::draws::{Draws, Subject};

/// The first 64 bits of the IDs of all places, in ascending order. A place is
/// taken by one node after another; their IDs share those bits.
#[derive(Debug)]
pub(crate) struct IdSpace {
    prefixes: Vec<u64>,
    /// First rank at or after each value of the top `index_bits` bits, and the
    /// number of places at the end.
    index: Vec<u32>,
    index_bits: u32,
}

#[allow(clippy::cast_possible_truncation)] // ranks fit 24 bits
impl IdSpace {
    pub(crate) fn new(seed: u64, nodes: u32) -> Self {
        let draws = Draws::new(seed, Subject::Id);
        let mut prefixes: Vec<u64> = (0..u64::from(nodes)).map(|i| draws.one(i)).collect();
        prefixes.sort_unstable();
        // about four places in each cell
        let index_bits = (nodes / 4).max(2).ilog2();
        let mut index = Vec::with_capacity((1 << index_bits) + 1);
        let mut rank = 0;
        for cell in 0..1_u64 << index_bits {
            while rank < prefixes.len() && prefixes[rank] >> (64 - index_bits) < cell {
                rank += 1;
            }
            index.push(rank as u32);
        }
        index.push(nodes);
        Self {
            prefixes,
            index,
            index_bits,
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.prefixes.len() as u32
    }

    pub(crate) fn prefix(&self, rank: u32) -> u64 {
        self.prefixes[rank as usize]
    }

    /// Tells the processor that a prefix will be asked for soon. In a large
    /// world each is a miss of every cache, as long as all the rest of an answer
    /// if it is waited for.
    #[inline]
    #[allow(unsafe_code)]
    pub(crate) fn expect(&self, rank: u32) {
        #[cfg(target_arch = "x86_64")]
        if let Some(prefix) = self.prefixes.get(rank as usize) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a hint; it reads nothing, and could not fault if it did:
            // the pointer is that of a reference
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(prefix).cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = rank;
    }

    /// Ranks of the places whose IDs share the first `bits` bits of `prefix`.
    pub(crate) fn subtree(&self, prefix: u64, bits: u32) -> Range<u32> {
        if bits == 0 {
            return 0..self.len();
        }
        let low = prefix & (!0 << (64 - bits));
        let high = low | ((!0_u64).checked_shr(bits).unwrap_or(0));
        if bits <= self.index_bits {
            let shift = 64 - self.index_bits;
            let (first, last) = ((low >> shift) as usize, (high >> shift) as usize);
            return self.index[first]..self.index[last + 1];
        }
        let cell = (prefix >> (64 - self.index_bits)) as usize;
        let cell = self.index[cell]..self.index[cell + 1];
        let places = &self.prefixes[cell.start as usize..cell.end as usize];
        let start = places.partition_point(|place| *place < low) as u32;
        let end = places.partition_point(|place| *place <= high) as u32;
        cell.start + start..cell.start + end
    }

    /// Depth from which a subtree holds at most about `k` nodes.
    pub(crate) fn depth_of(&self, k: u32) -> u32 {
        (self.len() / k.max(1)).max(1).ilog2()
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.prefixes.capacity() * size_of::<u64>() + self.index.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees_are_what_a_scan_finds() {
        let space = IdSpace::new(3, 5000);
        let draws = Draws::new(9, Subject::Id);
        for i in 0..500_u32 {
            let prefix = if i % 2 == 0 {
                draws.one(i.into())
            } else {
                space.prefix(i * 10)
            };
            for bits in 0..=64 {
                let same = |place: u64| bits == 0 || (place ^ prefix) >> (64 - bits) == 0;
                let found = space.subtree(prefix, bits);
                let count = space.prefixes.iter().filter(|place| same(**place)).count();
                assert_eq!(found.len(), count);
                assert!(found.clone().all(|rank| same(space.prefix(rank))));
            }
        }
    }
}

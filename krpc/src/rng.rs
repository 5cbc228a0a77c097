//! The one source of randomness: a seeded generator that is handed in.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A seeded ChaCha generator with twelve rounds.
///
/// The algorithm is named, so that a run recorded today repeats with a later
/// release; being cryptographic, it also keeps transaction IDs and tokens
/// unpredictable when it is seeded from the operating system.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha12Rng);

impl Rng {
    /// A generator from a full seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// A generator from a number, for tests and repeatable runs.
    pub fn from_u64(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A new generator seeded from this one.
    pub fn child(&mut self) -> Self {
        let mut seed = [0; 32];
        self.fill(&mut seed);
        Self::from_seed(seed)
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// A random 64-bit number.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A random number from 0 up to but not including `bound`; 0 if `bound` is 0.
    ///
    /// The bias of the multiply-shift used is below 2⁻³² for bounds under 2³².
    pub fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next_u64()) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// A random number in `[0, 1)`.
    #[allow(clippy::cast_precision_loss)] // 53 bits fit an f64 exactly
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Puts `items` into random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers_and_children_differ() {
        let (mut a, mut b) = (Rng::from_u64(1), Rng::from_u64(1));
        assert_eq!(a.next_u64(), b.next_u64());
        let (mut c, mut d) = (a.child(), a.child());
        assert_ne!(c.next_u64(), d.next_u64());
    }

    #[test]
    fn below_and_unit_stay_in_range() {
        let mut rng = Rng::from_u64(2);
        for bound in [1, 2, 3, 1000] {
            assert!((0..1000).all(|_| rng.below(bound) < bound));
        }
        assert_eq!(rng.below(0), 0);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&rng.unit())));
    }

    #[test]
    fn shuffle_keeps_the_items() {
        let mut items: Vec<u32> = (0..100).collect();
        Rng::from_u64(3).shuffle(&mut items);
        assert_ne!(items[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        items.sort_unstable();
        assert!(items.iter().copied().eq(0..100));
    }
}

//! Randomness without state: the same seed, subject and numbers always draw
//! the same, in any order. That is what lets the world be derived on demand.

#![allow(clippy::cast_possible_truncation)] // cutting bits is what hashing does

/// What is drawn. Each subject has its own, independent draws.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    Id = 1,
    Address,
    AddressCell,
    Secure,
    Residual,
    Session,
    Client,
    Class,
    Anomaly,
    Network,
    Host,
    TopSwarm,
    BackgroundSwarm,
    Replica,
    Peer,
    Entry,
    EntryPick,
    Circulation,
    Phase,
    Token,
    Port,
    Router,
    Link,
    FullNode,
    Sample,
    Resident,
    LocalRange,
    Attack,
}

/// The draws of one subject.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) const fn new(seed: u64, subject: Subject) -> Self {
        Self(mix(mix(seed) ^ (subject as u64).wrapping_mul(GOLDEN)))
    }

    /// A number for a pair of numbers.
    pub(crate) const fn draw(self, a: u64, b: u64) -> u64 {
        self.of(a).then(b)
    }

    /// Draws of their own for `a`.
    pub(crate) const fn of(self, a: u64) -> Self {
        Self(mix(self.0 ^ a))
    }

    /// A number for the second of a pair: `draw(a, b)` is `of(a).then(b)`.
    pub(crate) const fn then(self, b: u64) -> u64 {
        mix(self.0.wrapping_add(b.wrapping_mul(GOLDEN)))
    }

    /// A number for one number.
    pub(crate) const fn one(self, a: u64) -> u64 {
        mix(self.0 ^ a.wrapping_mul(GOLDEN))
    }
}

/// 2⁶⁴ over the golden ratio, odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A bijection of 64 bits that leaves no bit as it was: two rounds of
/// xor-shift and multiplication, as in Stafford's thirteenth variant of the
/// finaliser of MurmurHash3.
const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// `draw` scaled to `0..bound`; 0 if `bound` is 0.
pub(crate) const fn below(draw: u64, bound: u64) -> u64 {
    ((draw as u128 * bound as u128) >> 64) as u64
}

/// `draw` scaled to `[0, 1)`.
#[allow(clippy::cast_precision_loss)] // 53 bits fit an f64 exactly
pub(crate) const fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1_u64 << 53) as f64
}

/// A keyed permutation of the numbers of an even number of bits, at most 62:
/// a Feistel network of four rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permutation {
    keys: Draws,
    half: u32,
}

impl Permutation {
    const ROUNDS: u64 = 4;

    pub(crate) const fn new(keys: Draws, bits: u32) -> Self {
        Self {
            keys,
            half: bits / 2,
        }
    }

    pub(crate) const fn apply(self, x: u64) -> u64 {
        let mask = (1 << self.half) - 1;
        let (mut left, mut right) = (x >> self.half, x & mask);
        let mut round = 0;
        while round < Self::ROUNDS {
            (left, right) = (right, left ^ (self.keys.one(right << 2 | round) & mask));
            round += 1;
        }
        left << self.half | right
    }

    pub(crate) const fn invert(self, x: u64) -> u64 {
        let mask = (1 << self.half) - 1;
        let (mut left, mut right) = (x >> self.half, x & mask);
        let mut round = Self::ROUNDS;
        while round > 0 {
            round -= 1;
            (left, right) = (right ^ (self.keys.one(left << 2 | round) & mask), left);
        }
        left << self.half | right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_apart() {
        let draws = Draws::new(7, Subject::Class);
        let mean = (0..10_000).map(|i| unit(draws.draw(i, 3))).sum::<f64>() / 1e4;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert_ne!(draws.draw(1, 2), draws.draw(2, 1));
        assert_ne!(draws.one(1), Draws::new(7, Subject::Client).one(1));
        assert_eq!(below(u64::MAX, 10), 9);
        assert_eq!(below(5, 0), 0);
    }

    #[test]
    fn a_permutation_is_one_to_one() {
        let permutation = Permutation::new(Draws::new(1, Subject::Address), 12);
        let mut seen = vec![false; 1 << 12];
        for x in 0..1 << 12 {
            let y = permutation.apply(x);
            assert!(!std::mem::replace(&mut seen[y as usize], true));
            assert_eq!(permutation.invert(y), x);
        }
    }
}

//! Which row of a table of shares a draw falls to.

/// Bits of a draw that [`unit`](crate::draws::unit) looks at.
const BITS: u32 = 53;
/// The first of these bits that tell where to begin to look.
const GUIDE_BITS: u32 = 8;

/// Rows with shares that add up to 1, ready to be drawn from.
///
/// A row is that of the first sum of shares beyond the draw: found by comparing
/// integers, from where the draw's first bits lead to. For a table of a dozen
/// rows that is one comparison or two.
#[derive(Debug)]
pub(crate) struct Shares {
    /// For each row the least draw beyond it.
    ends: Vec<u64>,
    /// For each beginning of a draw the first row that it may fall to.
    guide: Vec<usize>,
}

impl Shares {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to about 2⁵³
    pub(crate) fn new(shares: impl Iterator<Item = f64>) -> Self {
        let sums = shares.scan(0.0, |sum, share| {
            *sum += share;
            Some(*sum)
        });
        let ends: Vec<u64> = sums
            .map(|sum| (sum * 2_f64.powi(BITS.cast_signed())).ceil() as u64)
            .collect();
        let first = |cell: u64| {
            let least = cell << (BITS - GUIDE_BITS);
            ends.partition_point(|end| *end <= least)
        };
        let guide = (0..1 << GUIDE_BITS).map(first).collect();
        Self { ends, guide }
    }

    /// The row that a draw falls to; the last if rounding leaves none.
    #[inline]
    pub(crate) fn row(&self, draw: u64) -> usize {
        let last = self.ends.len().saturating_sub(1);
        let place = draw >> (64 - BITS);
        #[allow(clippy::cast_possible_truncation)] // eight bits
        let mut row = self.guide[(draw >> (64 - GUIDE_BITS)) as usize];
        while self.ends.get(row).is_some_and(|end| *end <= place) {
            row += 1;
        }
        row.min(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::{Draws, Subject, unit};

    #[test]
    fn rows_are_those_of_the_sums_of_shares() {
        let tables: [&[f64]; 5] = [
            &[1.0],
            &[0.6, 0.073, 0.002, 0.325],
            &[0.0, 0.5, 0.0, 0.25, 0.25, 0.0],
            &[0.1; 10],
            // adds up to less than 1
            &[0.3, 0.3],
        ];
        let draws = Draws::new(5, Subject::Class);
        let edges = (0..256_u64).flat_map(|cell| [cell << 56, (cell << 56).wrapping_sub(1)]);
        let halves = [1 << 63, (1 << 63) - 1, (1 << 63) - (1 << 11)];
        let all: Vec<_> = (0..5000)
            .map(|i| draws.one(i))
            .chain(edges)
            .chain(halves)
            .collect();
        for table in tables {
            let shares = Shares::new(table.iter().copied());
            for draw in &all {
                let mut sum = 0.0;
                let expected = table.iter().position(|share| {
                    sum += share;
                    unit(*draw) < sum
                });
                let expected = expected.unwrap_or(table.len() - 1);
                assert_eq!(shares.row(*draw), expected, "{table:?} {draw:x}");
            }
        }
    }
}

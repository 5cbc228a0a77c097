//! Means over repetitions, and how far they may be off.

/// A mean and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The arithmetic mean.
    pub mean: f64,
    /// From the mean to either end of the interval, by Student's t; `None` if
    /// there is one value only.
    pub half: Option<f64>,
}

impl Interval {
    /// Of `values` that are taken to be drawn independently from one normal
    /// distribution; `None` without a value.
    #[allow(clippy::cast_precision_loss)] // counts of repetitions
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        let half = (values.len() > 1).then(|| {
            let deviation = (squares.sum::<f64>() / (count - 1.0)).sqrt();
            student(values.len() - 1) * deviation / count.sqrt()
        });
        (!values.is_empty()).then_some(Self { mean, half })
    }

    /// Both ends; `None` if there is one value only.
    pub fn ends(&self) -> Option<[f64; 2]> {
        self.half.map(|half| [self.mean - half, self.mean + half])
    }
}

/// The 97.5th percentile of Student's t with `freedom` degrees of freedom:
/// from a table, and above it by the expansion about the normal distribution
/// (Abramowitz and Stegun, 26.7.5), right to 3 digits.
#[allow(clippy::cast_precision_loss)] // counts of repetitions
fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 10] = [
        12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    ];
    const NORMAL: f64 = 1.959_964;
    let (z, n) = (NORMAL, freedom as f64);
    let first = (z.powi(3) + z) / (4.0 * n);
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n);
    let below = freedom.checked_sub(1).and_then(|place| TABLE.get(place));
    below.copied().unwrap_or(z + first + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_t_is_as_in_tables() {
        for (freedom, expected) in [
            (1, 12.706),
            (4, 2.776),
            (10, 2.228),
            (11, 2.201),
            (20, 2.086),
            (60, 2.0003),
        ] {
            let found = student(freedom);
            assert!((found - expected).abs() < 3e-3, "{freedom}: {found}");
        }
    }

    #[test]
    fn an_interval_by_hand() {
        // four values, sum of squares 16: deviation sqrt(16 / 3)
        let found = Interval::of(&[8.0, 8.0, 12.0, 12.0]).unwrap();
        assert!((found.mean - 10.0).abs() < 1e-12);
        assert!((found.half.unwrap() - 3.1824 * (16.0_f64 / 3.0).sqrt() / 2.0).abs() < 1e-3);
        assert_eq!(Interval::of(&[]), None);
        let one = Interval::of(&[5.0]).unwrap();
        assert_eq!((one.half, one.ends()), (None, None));
    }
}

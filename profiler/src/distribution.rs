//! Distributions and their percentiles.

use hdrhistogram::Histogram;
use serde_json::{Map, Value};
use std::time::Duration;

/// Samples of one figure.
///
/// Percentiles interpolate linearly between order statistics: of n samples,
/// percentile p is at position p/100 x (n - 1) of the sorted samples, counted
/// from 0. They come from the exact samples below a million of them, and from
/// a histogram with 3 significant digits above, where they are no longer
/// interpolated. Mean and maximum are always exact. Without a sample there is
/// no figure.
#[derive(Clone, Debug)]
pub struct Distribution {
    samples: Samples,
    /// Samples that make one of the unit that figures are given in.
    per_unit: f64,
    count: u64,
    sum: u128,
    max: u64,
}

#[derive(Clone, Debug)]
enum Samples {
    Exact { values: Vec<u64>, sorted: bool },
    Binned(Box<Histogram<u64>>),
}

impl Distribution {
    /// An empty distribution of durations, whose figures are milliseconds.
    pub const fn of_durations() -> Self {
        Self::with_unit(1e6)
    }

    /// An empty distribution of counts.
    pub const fn of_counts() -> Self {
        Self::with_unit(1.0)
    }

    const fn with_unit(per_unit: f64) -> Self {
        let values = Vec::new();
        Self {
            samples: Samples::Exact {
                values,
                sorted: true,
            },
            per_unit,
            count: 0,
            sum: 0,
            max: 0,
        }
    }

    /// Adds a duration, in a distribution of durations. Saturates at 584 years.
    pub fn add_duration(&mut self, duration: Duration) {
        self.add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds a sample: a count, or nanoseconds in a distribution of durations.
    pub fn add(&mut self, sample: u64) {
        self.count += 1;
        self.sum += u128::from(sample);
        self.max = self.max.max(sample);
        match &mut self.samples {
            Samples::Binned(histogram) => histogram.saturating_record(sample),
            Samples::Exact { values, sorted } => {
                values.push(sample);
                *sorted = false;
                if values.len() >= MAX_EXACT {
                    self.samples = Samples::Binned(Box::new(binned(values)));
                }
            }
        }
    }

    /// Number of samples.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The percentile `p`, 0 to 100.
    pub fn percentile(&mut self, p: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let raw = match &mut self.samples {
            Samples::Exact { values, sorted } => {
                if !*sorted {
                    values.sort_unstable();
                    *sorted = true;
                }
                interpolate(values, p / 100.0)
            }
            Samples::Binned(histogram) => histogram.value_at_percentile(p).min(self.max) as f64,
        };
        Some(raw / self.per_unit)
    }

    /// The arithmetic mean.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64 / self.per_unit)
    }

    /// The greatest sample.
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then(|| self.max as f64 / self.per_unit)
    }

    /// At most `most` points of the empirical CDF, in ascending order: every
    /// sample if there are no more, else percentiles at even steps, the least
    /// and the greatest sample among them.
    pub fn cdf(&mut self, most: usize) -> Vec<f64> {
        self.percentile(0.0); // sorts
        if let Samples::Exact { values, .. } = &self.samples
            && values.len() <= most
        {
            return values.iter().map(|&v| v as f64 / self.per_unit).collect();
        }
        let steps = most.saturating_sub(1).max(1) as f64;
        let points = (0..most).map(|i| self.percentile(100.0 * i as f64 / steps));
        points.flatten().collect()
    }

    /// The percentiles `ps` as JSON, with keys such as `p50`; `null` for all
    /// if there is no sample.
    pub fn percentiles_json(&mut self, ps: &[u8]) -> Map<String, Value> {
        ps.iter()
            .map(|&p| (format!("p{p}"), self.percentile(f64::from(p)).into()))
            .collect()
    }
}

/// The value at the fraction `p` of `sorted`, which is not empty.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index, never negative
fn interpolate(sorted: &[u64], p: f64) -> f64 {
    let last = sorted.len() - 1;
    let position = p.clamp(0.0, 1.0) * last as f64;
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let (low, high) = (sorted[below] as f64, sorted[above] as f64);
    low + (high - low) * (position - below as f64)
}

/// A histogram of `values`; with room for every sample, half a megabyte.
fn binned(values: &[u64]) -> Histogram<u64> {
    let mut histogram = match Histogram::new_with_max(u64::MAX, SIGNIFICANT_DIGITS) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("3 digits are within the histogram's range: {error}"),
    };
    for &value in values {
        histogram.saturating_record(value);
    }
    histogram
}

/// Number of samples from which they are binned.
const MAX_EXACT: usize = 1_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(samples: impl IntoIterator<Item = u64>) -> Distribution {
        let mut distribution = Distribution::of_counts();
        samples.into_iter().for_each(|s| distribution.add(s));
        distribution
    }

    #[test]
    fn percentiles_by_hand() {
        // sorted 1 2 4 8: p50 is at position 1.5, p75 at 2.25, p98 at 2.94
        let mut d = counts([8, 1, 4, 2]);
        assert_eq!(d.percentile(0.0), Some(1.0));
        assert_eq!(d.percentile(50.0), Some(3.0));
        assert_eq!(d.percentile(75.0), Some(5.0));
        assert!((d.percentile(98.0).unwrap() - 7.76).abs() < 1e-9);
        assert_eq!(d.percentile(100.0), Some(8.0));
        assert_eq!((d.mean(), d.max(), d.count()), (Some(3.75), Some(8.0), 4));
        d.add(100); // after a percentile was taken
        assert_eq!(d.percentile(50.0), Some(4.0));
    }

    #[test]
    fn one_sample_is_every_percentile_and_none_is_no_figure() {
        let mut one = Distribution::of_durations();
        one.add_duration(Duration::from_nanos(1_500_000));
        for p in [0.0, 2.0, 50.0, 99.0, 100.0] {
            assert_eq!(one.percentile(p), Some(1.5));
        }
        let mut none = Distribution::of_durations();
        assert_eq!(
            (none.percentile(50.0), none.mean(), none.max()),
            (None, None, None)
        );
        let json = Value::from(none.percentiles_json(&[50]));
        assert_eq!(json.to_string(), r#"{"p50":null}"#);
    }

    #[test]
    fn cdf_points() {
        let mut d = counts([8, 1, 4, 2]);
        assert_eq!(d.cdf(4), [1.0, 2.0, 4.0, 8.0]);
        assert_eq!(d.cdf(100), [1.0, 2.0, 4.0, 8.0]);
        assert_eq!(d.cdf(3), [1.0, 3.0, 8.0]);
        assert_eq!(counts([7]).cdf(5), [7.0]);
        assert!(counts([]).cdf(5).is_empty());
        assert_eq!(counts(0..=2000).cdf(1001).last(), Some(&2000.0));
    }

    #[test]
    fn a_million_samples_are_binned_to_three_digits() {
        let million = 1_000_000;
        let mut exact = counts(1..million);
        assert_eq!(exact.percentile(50.0), Some(500_000.0));
        let mut d = counts(1..=million);
        assert!(matches!(d.samples, Samples::Binned(_)));
        for p in [2.0, 50.0, 99.0] {
            let expected = 1e4 * p;
            let error = d.percentile(p).unwrap() / expected - 1.0;
            assert!(error.abs() < 1e-3, "p{p} is off by {error}");
        }
        assert_eq!((d.percentile(100.0), d.max()), (Some(1e6), Some(1e6)));
        assert_eq!(d.mean(), Some(500_000.5));
    }
}

//! Percentile bootstrap: how far a figure of a sample may be from that of
//! what it was drawn from.

use mdht_krpc::Rng;

/// Resamples of each bootstrap.
const RESAMPLES: usize = 1000;
/// Share of the resamples that an interval leaves out on either side: 95 %
/// intervals.
const TAIL: f64 = 0.025;

/// A figure of samples, which it may reorder; there is at least one.
pub type Statistic = fn(&mut [f64]) -> f64;

/// `statistic` of 1000 resamples of `samples`, drawn with replacement; empty
/// if there are fewer than two samples.
pub fn resampled(samples: &[f64], statistic: Statistic, rng: &mut Rng) -> Vec<f64> {
    if samples.len() < 2 {
        return Vec::new();
    }
    let mut scratch = Vec::with_capacity(samples.len());
    let resample = |_| resampled_once(samples, statistic, rng, &mut scratch);
    (0..RESAMPLES).map(resample).collect()
}

/// 95 % interval of the difference of a statistic, second less first, from
/// its resamples; `None` if one has none.
pub fn difference(a: &[f64], b: &[f64]) -> Option<[f64; 2]> {
    let mut differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    (!differences.is_empty()).then(|| middle(&mut differences))
}

/// The same straight from the samples.
pub(crate) fn interval(
    a: &[f64],
    b: &[f64],
    statistic: Statistic,
    rng: &mut Rng,
) -> Option<[f64; 2]> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let mut scratch = Vec::new();
    let mut once = |samples, rng: &mut Rng| resampled_once(samples, statistic, rng, &mut scratch);
    let mut differences: Vec<_> = (0..RESAMPLES)
        .map(|_| once(b, rng) - once(a, rng))
        .collect();
    Some(middle(&mut differences))
}

fn resampled_once(
    samples: &[f64],
    statistic: Statistic,
    rng: &mut Rng,
    scratch: &mut Vec<f64>,
) -> f64 {
    scratch.clear();
    scratch.extend((0..samples.len()).map(|_| samples[rng.below(samples.len())]));
    statistic(scratch)
}

/// What is left without the tails.
fn middle(values: &mut [f64]) -> [f64; 2] {
    [percentile(values, TAIL), percentile(values, 1.0 - TAIL)]
}

/// The arithmetic mean of samples, of which there is at least one.
#[allow(clippy::cast_precision_loss)] // counts of lookups are far below 2^52
pub fn mean(samples: &mut [f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}

/// The sample at `share`, 0 to 1, of all, of which there is at least one:
/// linear interpolation between order statistics.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
pub fn percentile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    let place = share * (samples.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    samples[below] + (samples[above] - samples[below]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_where_there_is_one() {
        let mut rng = Rng::from_u64(3);
        let of =
            |offset: f64| -> Vec<f64> { (0..200).map(|i| offset + f64::from(i % 20)).collect() };
        let mut median = |offset| resampled(&of(offset), |s| percentile(s, 0.5), &mut rng);
        let (a, b, same) = (median(0.0), median(10.0), median(0.0));
        let [low, high] = difference(&a, &b).unwrap();
        assert!(
            5.0 < low && low < 10.0 && 10.0 < high && high < 15.0,
            "{low} {high}"
        );
        let [low, high] = difference(&a, &same).unwrap();
        assert!(low <= 0.0 && high >= 0.0, "{low} {high}");
        assert_eq!(difference(&a, &[]), None);
        assert!(resampled(&[1.0], mean, &mut rng).is_empty());
    }
}

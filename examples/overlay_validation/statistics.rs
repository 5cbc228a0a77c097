//! Comparing samples.

/// The middle of sorted values, linear between the two; NaN of none.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    percentile(sorted, 50.0)
}

/// Linear between order statistics; NaN of none.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let at = percent / 100.0 * last as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index
    let (low, share) = (at as usize, at.fract());
    let high = (low + 1).min(last);
    sorted[low] + share * (sorted[high] - sorted[low])
}

/// Kolmogorov-Smirnov: the largest gap between the empirical distribution
/// functions of two sorted samples, 0 to 1.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    let share =
        |of: &[f64], at: f64| of.partition_point(|value| *value <= at) as f64 / of.len() as f64;
    let gap = |at: &f64| (share(a, *at) - share(b, *at)).abs();
    a.iter().chain(b).map(gap).fold(0.0, f64::max)
}

/// The distance that two samples of the same distribution exceed in one case
/// of twenty.
pub(crate) fn critical(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.len() as f64, b.len() as f64);
    1.358 * ((a + b) / (a * b)).sqrt()
}

/// Intercept and slope of the line of least squares, and the share of the
/// variance that it explains.
pub(crate) fn line(points: &[(f64, f64)]) -> (f64, f64, f64) {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
    let xy = sum(&|point| (point.0 - x) * (point.1 - y));
    let xx = sum(&|point| (point.0 - x).powi(2));
    let yy = sum(&|point| (point.1 - y).powi(2));
    let slope = xy / xx;
    (y - slope * x, slope, xy * xy / (xx * yy))
}

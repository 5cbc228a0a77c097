//! How far what is measured is from the fitted figures.

use mdht_experiments::{Basis, Outcome, Published};

/// Percentage points of the share answered that count as much as a factor of
/// e in a time.
const POINTS: f64 = 12.0;

/// Sum of squares: logarithms of ratios of times, and differences of shares
/// answered in units of [`POINTS`].
pub(crate) fn of(outcome: &Outcome) -> f64 {
    let published = outcome.published();
    let rows = outcome.variants.iter().filter_map(|variant| {
        let row = published.row(&variant.variant.label)?;
        let figure = |section, key: &str| variant.figure(section, key).unwrap_or(f64::NAN);
        let mut sum = 0.0;
        if row.answered_basis == Basis::Fitted {
            let answered = figure("lookup_queries", "answered_pct");
            sum += ((answered - row.answered_pct) / POINTS).powi(2);
        }
        if row.latency_basis == Basis::Fitted {
            let published = Published::LATENCY_PERCENTILES.iter().zip(row.latency_ms);
            sum += published
                .map(|(p, ms)| of_ratio(figure("lookup_latency_ms", &format!("p{p}")), ms))
                .sum::<f64>();
        }
        Some(sum)
    });
    let rtt = Published::RTT_PERCENTILES.iter().zip(published.rtt_ms);
    // the lowest is of the few nearest nodes: too few to fit to
    let rtt = rtt
        .skip(1)
        .map(|(p, ms)| of_ratio(mean_rtt(outcome, *p), ms));
    rows.sum::<f64>() + rtt.sum::<f64>()
}

/// Mean over the nodes of a percentile of their round-trip times.
fn mean_rtt(outcome: &Outcome, percentile: u8) -> f64 {
    let key = format!("p{percentile}");
    let figures = outcome.variants.iter();
    let figures = figures.map(|variant| variant.figure("rtt_ms", &key).unwrap_or(f64::NAN));
    #[allow(clippy::cast_precision_loss)] // a few
    let count = outcome.variants.len() as f64;
    figures.sum::<f64>() / count
}

fn of_ratio(own: f64, published: f64) -> f64 {
    (own / published).ln().powi(2)
}

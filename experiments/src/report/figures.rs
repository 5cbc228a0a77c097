//! The profiler's figures over all variants, with what the thesis published
//! marked in them.

use mdht_profiler::NodeProfile;
use mdht_profiler::plot::{self, Plot};

use crate::oracle;
use crate::outcome::Outcome;
use crate::published::Published;

/// Names of the figures of thesis 8, Figures 2 to 9 in their order; what has a
/// logarithmic axis comes with a twin.
const OF_THE_THESIS: [&str; 8] = [
    "rtt",
    "lookup_latency",
    "lookup_cost",
    "maintenance",
    "maintenance_6h",
    "swarm_replicas",
    "swarm_latency",
    "closest",
];
/// How the name of the twin with a logarithmic axis ends.
const LOG: &str = "_log";

/// Figures 2 to 9 of the thesis, then all others.
pub(super) fn all(outcome: &Outcome, nodes: &[NodeProfile]) -> Vec<Plot> {
    let (mut own, others) = split(outcome, nodes);
    own.extend(others);
    own
}

/// Figures 2 to 9 of the thesis in their order, and all others.
pub(super) fn split(outcome: &Outcome, nodes: &[NodeProfile]) -> (Vec<Plot>, Vec<Plot>) {
    let place = |plot: &Plot| {
        let stem = plot.name.strip_suffix(LOG).unwrap_or(&plot.name);
        OF_THE_THESIS.iter().position(|name| *name == stem)
    };
    let plots = plot::plots(nodes).into_iter();
    let (mut own, others): (Vec<Plot>, Vec<Plot>) = plots.partition(|plot| place(plot).is_some());
    own.sort_by_key(place);
    own.iter_mut().for_each(|plot| mark(plot, outcome));
    (own, others)
}

/// Puts the published figures and the oracle's into a plot.
fn mark(plot: &mut Plot, outcome: &Outcome) {
    let published = outcome.published();
    let labels = || outcome.variants.iter().map(|v| v.variant.label.as_str());
    // those that are run, once: another reading has the same figures
    let rows = labels().filter_map(|label| published.rows.iter().find(|row| row.label == label));
    match plot.name.strip_suffix(LOG).unwrap_or(&plot.name) {
        "rtt" => plot.add_published("", &curve(&published.rtt_ms, &Published::RTT_PERCENTILES)),
        "lookup_latency" => {
            for row in rows {
                let places = curve(&row.latency_ms, &Published::LATENCY_PERCENTILES);
                plot.add_published(row.label, &places);
            }
            plot.add_limit(oracle::LABEL, &outcome.limits_ms());
        }
        "closest" => {
            for row in rows {
                if let Some([median, within_1s_pct]) = row.closest {
                    let places = [(median, 0.5), (1000.0, within_1s_pct / 100.0)];
                    plot.add_published(row.label, &places);
                }
            }
        }
        _ => {}
    }
}

/// Points of a CDF from its percentiles.
fn curve(values: &[f64], percentiles: &[u8]) -> Vec<(f64, f64)> {
    let shares = percentiles.iter().map(|p| f64::from(*p) / 100.0);
    values.iter().copied().zip(shares).collect()
}

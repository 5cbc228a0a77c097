//! What is got against what it costs.

use mdht_profiler::Axis;
use mdht_profiler::plot::{Plane, PlanePoint, Plot, plane};

use super::pareto::front;
use crate::oracle;
use crate::outcome::{Outcome, VariantOutcome};
use crate::published::PublishedRow;

/// What is got: a percentile of lookup latency.
struct Gain {
    name: &'static str,
    title: &'static str,
    axis: Axis,
    key: &'static str,
    percentile: f64,
    published: fn(&PublishedRow) -> f64,
}

/// What it costs.
struct Price {
    name: &'static str,
    title: &'static str,
    axis: Axis,
    of: fn(&VariantOutcome) -> Option<f64>,
    /// The thesis gives no number of its own of maintenance.
    published: fn(&PublishedRow) -> Option<f64>,
}

const GAINS: [Gain; 2] = [
    Gain {
        name: "median",
        title: "Median latency",
        axis: Axis::log("median lookup latency (ms)"),
        key: "p50",
        percentile: 50.0,
        published: |row| row.latency_ms[0],
    },
    Gain {
        name: "p99",
        title: "99th percentile of latency",
        axis: Axis::log("99th percentile of lookup latency (ms)"),
        key: "p99",
        percentile: 99.0,
        published: |row| row.latency_ms[3],
    },
];

const PRICES: [Price; 2] = [
    Price {
        name: "queries",
        title: "lookup queries",
        axis: Axis::linear("queries a lookup"),
        of: VariantOutcome::queries_per_lookup,
        published: |row| Some(row.queries_per_lookup),
    },
    Price {
        name: "maintenance",
        title: "maintenance",
        axis: Axis::linear("maintenance queries a minute"),
        of: |variant| variant.figure("maintenance", "per_minute"),
        published: |_| None,
    },
];

/// Median and 99th percentile against lookup queries and against maintenance.
pub(super) fn all(outcome: &Outcome) -> Vec<Plot> {
    let pairs = GAINS
        .iter()
        .flat_map(|gain| PRICES.iter().map(move |price| (gain, price)));
    pairs
        .filter_map(|(gain, price)| of(outcome, gain, price))
        .collect()
}

fn of(outcome: &Outcome, gain: &Gain, price: &Price) -> Option<Plot> {
    let published = outcome.published();
    let run = outcome
        .variants
        .iter()
        .filter(|v| !v.repetitions.is_empty());
    let points = run.enumerate().filter_map(|(number, variant)| {
        let label = &variant.variant.label;
        let at = (
            (price.of)(variant)?,
            variant.figure("lookup_latency_ms", gain.key)?,
        );
        let row = published.row(label);
        Some(PlanePoint {
            label: label.clone(),
            number,
            at,
            published: row.and_then(|row| Some(((price.published)(&row)?, (gain.published)(&row)))),
        })
    });
    let points: Vec<PlanePoint> = points.collect();
    let places: Vec<(f64, f64)> = points.iter().map(|point| point.at).collect();
    let limit = oracle::percentile(&outcome.limits_ms(), gain.percentile);
    plane(
        &format!("plane_{}_{}", gain.name, price.name),
        &format!("{} against {}", gain.title, price.title),
        "lower and further to the left is better",
        Plane {
            x: price.axis,
            y: gain.axis,
            front: front(&places)
                .into_iter()
                .map(|place| places[place])
                .collect(),
            points,
            limit: limit.map(|limit| (format!("{}, ms", oracle::LABEL), limit)),
        },
    )
}

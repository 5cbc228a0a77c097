//! The repetitions of a variant as one node, for figures.

use mdht_profiler::{FigureData, NodeProfile};

use crate::outcome::{Outcome, VariantOutcome};

/// Lookups of each variant whose waterfall is shown.
const WATERFALLS: usize = 1;

/// A node for each variant that was run, under the variant's label. Samples
/// and points of its repetitions are put together; what goes over time, and
/// the figures that are no plots, are those of the first.
pub(super) fn nodes(outcome: &Outcome) -> Vec<NodeProfile> {
    outcome.variants.iter().filter_map(pooled).collect()
}

fn pooled(variant: &VariantOutcome) -> Option<NodeProfile> {
    let (first, others) = variant.repetitions.split_first()?;
    let mut node = first.clone();
    node.node.label = Some(variant.variant.label.clone());
    for section in &mut node.sections {
        for figure in &mut section.figures {
            let same = others.iter().flat_map(|other| &other.sections);
            let same = same.flat_map(|section| &section.figures);
            let same = same.filter(|other| other.name == figure.name);
            same.for_each(|other| add(&mut figure.data, &other.data));
        }
    }
    let slowest = variant.repetitions.iter().flat_map(|node| &node.waterfalls);
    node.waterfalls = slowest.cloned().collect();
    let latency = |ms: Option<f64>| ms.unwrap_or(f64::INFINITY);
    node.waterfalls
        .sort_by(|a, b| latency(b.latency_ms).total_cmp(&latency(a.latency_ms)));
    node.waterfalls.truncate(WATERFALLS);
    Some(node)
}

fn add(data: &mut FigureData, other: &FigureData) {
    match (data, other) {
        (FigureData::Cdf(samples), FigureData::Cdf(more)) => {
            samples.extend(more);
            samples.sort_by(f64::total_cmp);
        }
        (FigureData::Scatter(points), FigureData::Scatter(more)) => points.extend(more),
        _ => {}
    }
}

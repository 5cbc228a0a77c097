//! The patterns that the thesis's checker sees, against its Table 1.

use std::collections::BTreeMap;

use mdht_connectivity::{OTHER_PERCENT, TABLE_1};

use super::sampler::{Sampler, percent};
use super::{Comparison, Row};
use crate::describe::checker;
use crate::describe::make_up::shown_by;
use crate::draws::{Draws, Subject};

/// Nodes that query the instrumented node and are checked.
const SAMPLES: u64 = 200_000;
/// The rest of the cases in Table 1.
const OTHER: &str = "other";

/// Planted is what the classes would show if nobody left between the bursts.
pub(super) fn patterns(sampler: &Sampler<'_>) -> Comparison {
    let named = |pattern: String| {
        let known = TABLE_1.iter().find(|row| row.pattern == pattern);
        known.map_or(OTHER, |row| row.pattern)
    };
    let mut observed = BTreeMap::<_, u64>::new();
    for i in 0..SAMPLES {
        *observed.entry(named(check(sampler, i))).or_default() += 1;
    }
    let mut planted = BTreeMap::<_, f64>::new();
    for row in &sampler.world.parameters().connectivity {
        let name = shown_by(*row).map_or(OTHER, named);
        *planted.entry(name).or_default() += 100.0 * row.share;
    }
    let row = |(name, published): (&str, f64)| {
        let planted = planted.get(name).copied().unwrap_or(0.0);
        let observed = observed.get(name).copied().unwrap_or(0);
        Row::new(name, planted, percent(observed, SAMPLES))
            .published(Some(published))
            .samples(SAMPLES)
    };
    let published = TABLE_1.iter().map(|row| (row.pattern, row.percent));
    Comparison {
        subject: "patterns seen by the checker",
        unit: "% of nodes",
        rows: published.chain([(OTHER, OTHER_PERCENT)]).map(row).collect(),
    }
}

/// A node queries at a moment and is checked from then on.
fn check(sampler: &Sampler<'_>, i: u64) -> String {
    let world = sampler.world;
    let (identity, at) = sampler.node(i);
    let until = world.population().stay(identity.rank, at).end;
    let coins = Draws::new(world.parameters().seed, Subject::Anomaly).of(identity.number());
    let what = world.population().connectivity(identity);
    checker::pattern(what, at, until, coins).to_string()
}

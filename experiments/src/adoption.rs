//! Worlds of full nodes beside each other: what each kind of node has in each,
//! by how many others run the same modules.

use serde::Serialize;

use crate::interval::Interval;
use crate::outcome::{Outcome, VariantOutcome};

/// What the measured nodes of one variant had among full nodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Adoption {
    /// The variant.
    pub(crate) label: String,
    /// Label of the world.
    pub(crate) world: String,
    /// Share of the world's nodes that run the same modules, 0 to 1.
    pub(crate) share: f64,
    /// Median lookup latency, ms.
    pub(crate) p50_ms: Option<f64>,
    /// From it to either end of its 95 % interval.
    pub(crate) p50_half_ms: Option<f64>,
    /// Its median over that of the same combination in the first world.
    pub(crate) p50_ratio: Option<f64>,
    /// 99th percentile of lookup latency, ms.
    pub(crate) p99_ms: Option<f64>,
    /// Queries for each lookup.
    pub(crate) queries_per_lookup: Option<f64>,
    /// Percentage of them that were answered.
    pub(crate) answered_pct: Option<f64>,
    /// Maintenance queries a minute.
    pub(crate) maintenance_per_minute: Option<f64>,
}

impl Outcome {
    /// A row for each variant among full nodes; none if all worlds are
    /// modelled.
    pub(crate) fn adoption(&self) -> Vec<Adoption> {
        let variants = self.variants.iter().enumerate();
        let rows = variants.filter_map(|(number, variant)| {
            let first = &self.variants[self.script.combination(number)];
            self.adopted(variant, first)
        });
        rows.collect()
    }

    fn adopted(&self, own: &VariantOutcome, first: &VariantOutcome) -> Option<Adoption> {
        let variant = &own.variant;
        let world = &self.script.worlds[variant.world];
        let full = world.full_nodes.as_ref()?;
        let median = own.interval("lookup_latency_ms", "p50");
        let at_first = first.figure("lookup_latency_ms", "p50");
        Some(Adoption {
            label: variant.label.clone(),
            world: world.label.clone(),
            share: full.share_of(&variant.routing, &variant.lookup),
            p50_ms: median.map(|interval| interval.mean),
            p50_half_ms: median.and_then(|interval: Interval| interval.half),
            p50_ratio: median.zip(at_first).map(|(own, first)| own.mean / first),
            p99_ms: own.figure("lookup_latency_ms", "p99"),
            queries_per_lookup: own.queries_per_lookup(),
            answered_pct: own.figure("lookup_queries", "answered_pct"),
            maintenance_per_minute: own.figure("maintenance", "per_minute"),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn rows_say_how_many_run_the_same_and_compare_with_the_first_world() {
        let mut outcome = testing::outcome(&[("NICE-S", &[400.0, 600.0]), ("x", &[250.0, 250.0])]);
        assert!(outcome.adoption().is_empty());
        let text = "name = 'made'\nrepetitions = 2\noverlay.nodes = 500\n\
            matrix = { routing = ['nice'], lookup = ['standard'] }\n\
            [[world]]\nlabel = 'few'\nfull_nodes.plugins = [\n\
            { routing = 'nice', lookup = 'standard', share = 0.25 },\n\
            { routing = 'bep5', lookup = 'standard', share = 0.75 }]\n\
            [[world]]\nlabel = 'none'\nfull_nodes.plugins = [\n\
            { routing = 'bep5', lookup = 'standard', share = 1 }]\n";
        let registry = mdht_plugins::Registry::builtin();
        outcome.script = crate::Script::parse(text, &registry).unwrap();
        for (made, variant) in outcome.variants.iter_mut().zip(&outcome.script.variants) {
            made.variant = variant.clone();
        }
        let rows = outcome.adoption();
        let told: Vec<_> = rows.iter().map(|row| (row.share, row.p50_ratio)).collect();
        assert_eq!(told, [(0.25, Some(1.0)), (0.0, Some(0.5))]);
        assert_eq!(rows[1].label, "NICE-S none");
        assert!(rows[0].p50_half_ms.is_some() && rows[1].p50_half_ms == Some(0.0));
    }
}

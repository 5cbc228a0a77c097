//! Lookup cost [thesis 8.III.B, 8.VI.B].

use serde_json::json;

use super::{Hooks, Measurement, Row, Section, Span, cdf};
use crate::{Axis, Distribution, Lookup};

/// get_peers queries sent up to the first response with values, those not
/// yet answered included; only of lookups that got a value.
#[derive(Clone, Debug)]
pub(super) struct LookupCost(Distribution);

impl Default for LookupCost {
    fn default() -> Self {
        Self(Distribution::of_counts())
    }
}

impl Measurement for LookupCost {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_lookup(&mut self, lookup: &Lookup) {
        if let Some(first) = lookup.first_value {
            self.0.add(first.cost);
        }
    }

    fn finish(mut self: Box<Self>, _: &Span) -> Section {
        Section {
            key: "lookup_cost",
            json: json!({
                "mean": self.0.mean(),
                "p50": self.0.percentile(50.0),
                "p99": self.0.percentile(99.0),
            }),
            rows: vec![Row::spread("lookup cost, queries", &mut self.0)],
            figures: vec![cdf(
                "lookup_cost",
                "Lookup cost",
                Axis::linear("queries"),
                &mut self.0,
                "thesis 8, Fig. 4",
            )],
            ..Section::default()
        }
    }
}

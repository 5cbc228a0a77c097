//! Time to closest [thesis 8.VIII.B].

use super::{Hooks, Measurement, Row, Section, Span, cdf};
use crate::{Axis, Distribution, Lookup};

/// Time from the first get_peers query to the response of the node closest
/// to the infohash among all that responded in the lookup.
#[derive(Clone, Debug)]
pub(super) struct Closest(Distribution);

impl Default for Closest {
    fn default() -> Self {
        Self(Distribution::of_durations())
    }
}

impl Measurement for Closest {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_lookup(&mut self, lookup: &Lookup) {
        if let Some(closest) = lookup.closest {
            self.0.add_duration(closest);
        }
    }

    fn finish(mut self: Box<Self>, _: &Span) -> Section {
        Section {
            key: "closest_ms",
            json: self.0.percentiles_json(&[50, 75, 98, 99]).into(),
            rows: vec![Row::spread("time to closest, ms", &mut self.0)],
            figures: vec![cdf(
                "closest",
                "Time to closest",
                Axis::log("time to closest (ms)"),
                &mut self.0,
                "thesis 8, Fig. 9",
            )],
            ..Section::default()
        }
    }
}

//! Lookup latency [thesis 8.III.B, 8.VI.A].

use serde_json::Value;

use super::{Hooks, Measurement, Row, Section, Span, cdf};
use crate::{Axis, Distribution, Lookup};

/// Time from the first get_peers query to the first response with values.
/// Lookups without such a response are counted apart.
#[derive(Clone, Debug)]
pub(super) struct LookupLatency {
    latency: Distribution,
    no_value: u64,
}

impl Default for LookupLatency {
    fn default() -> Self {
        Self {
            latency: Distribution::of_durations(),
            no_value: 0,
        }
    }
}

impl Measurement for LookupLatency {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_lookup(&mut self, lookup: &Lookup) {
        match lookup.first_value {
            Some(first) => self.latency.add_duration(first.latency),
            None => self.no_value += 1,
        }
    }

    fn finish(mut self: Box<Self>, _: &Span) -> Section {
        let with_value = self.latency.count();
        let mut json = serde_json::Map::new();
        json.insert("count".into(), with_value.into());
        json.insert("no_value".into(), self.no_value.into());
        json.extend(self.latency.percentiles_json(&[50, 75, 98, 99]));
        json.insert("max".into(), self.latency.max().into());
        Section {
            key: "lookup_latency_ms",
            json: Value::Object(json),
            rows: vec![
                Row::spread("lookup latency, ms", &mut self.latency),
                Row::line(
                    "lookups",
                    format!("{with_value} with a value, {} without", self.no_value),
                ),
            ],
            figures: vec![
                cdf(
                    "lookup_latency",
                    "Lookup latency",
                    Axis::linear("lookup latency (ms)"),
                    &mut self.latency,
                    "thesis 8, Fig. 3",
                ),
                cdf(
                    "lookup_latency_log",
                    "Lookup latency",
                    Axis::log("lookup latency (ms)"),
                    &mut self.latency,
                    "thesis 8, Fig. 3",
                ),
            ],
            ..Section::default()
        }
    }
}

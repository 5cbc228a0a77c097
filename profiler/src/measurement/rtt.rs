//! RTT [thesis 8.VI, Fig. 2].

use serde_json::Value;

use super::{Hooks, Measurement, Row, Section, Span, cdf};
use crate::{Axis, Distribution, Exchange, Outcome};

/// Time from a query of any kind to its answer, of those answered within the
/// timeout.
#[derive(Clone, Debug)]
pub(super) struct Rtt(Distribution);

impl Default for Rtt {
    fn default() -> Self {
        Self(Distribution::of_durations())
    }
}

impl Measurement for Rtt {
    fn hooks(&self) -> Hooks {
        Hooks::EXCHANGES
    }

    fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        if let Outcome::Answered(answer) = &exchange.outcome {
            self.0.add_duration(answer.rtt);
        }
    }

    fn finish(mut self: Box<Self>, _: &Span) -> Section {
        let mut json = serde_json::Map::new();
        json.insert("count".into(), self.0.count().into());
        json.extend(self.0.percentiles_json(&[2, 25, 50, 75, 98]));
        Section {
            key: "rtt_ms",
            json: Value::Object(json),
            rows: vec![Row::spread("RTT, ms", &mut self.0)],
            figures: vec![cdf(
                "rtt",
                "RTT",
                Axis::log("RTT (ms)"),
                &mut self.0,
                "thesis 8, Fig. 2",
            )],
            ..Section::default()
        }
    }
}

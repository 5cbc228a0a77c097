//! Lookup latency against swarm size [thesis 8.VIII.A, Fig. 8].

use serde_json::{Value, json};

use super::{Hooks, Measurement, Points, Row, Section, Span, in_words};
use crate::timestamp::milliseconds;
use crate::{Axis, Distribution, Figure, FigureData, Lookup};

/// Lookup latency by the number of distinct peers that the lookup found.
#[derive(Clone, Debug)]
pub(super) struct SwarmLatency {
    points: Points,
    /// Up to [`SMALL`] peers, between, and over [`LARGE`].
    by_size: [Distribution; 3],
}

impl Default for SwarmLatency {
    fn default() -> Self {
        Self {
            points: Points::default(),
            by_size: [const { Distribution::of_durations() }; 3],
        }
    }
}

impl Measurement for SwarmLatency {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_lookup(&mut self, lookup: &Lookup) {
        let (Some(first), Some(peers)) = (lookup.first_value, lookup.peers) else {
            return;
        };
        let size = usize::from(peers > SMALL) + usize::from(peers > LARGE);
        self.by_size[size].add_duration(first.latency);
        self.points.add(peers as f64, milliseconds(first.latency));
    }

    fn finish(mut self: Box<Self>, _: &Span) -> Section {
        let [small, between, large] = &mut self.by_size;
        let figures = |distribution: &mut Distribution| -> Value {
            json!({"count": distribution.count(), "p50": distribution.percentile(50.0)})
        };
        let median = |distribution: &mut Distribution| in_words(distribution.percentile(50.0), 1);
        let text = format!(
            "median {} ms up to {SMALL} peers ({} lookups), {} ms over {LARGE} ({} lookups)",
            median(small),
            small.count(),
            median(large),
            large.count()
        );
        let figure = Figure {
            name: "swarm_latency",
            title: "Lookup latency against swarm size",
            x: Axis::linear("peers"),
            y: Axis::log("lookup latency (ms)"),
            data: FigureData::Scatter(self.points.into_vec()),
            note: "thesis 8, Fig. 8",
        };
        Section {
            key: "swarm_latency_ms",
            json: json!({
                "up_to_50_peers": figures(small),
                "51_to_200_peers": figures(between),
                "over_200_peers": figures(large),
            }),
            rows: vec![Row::line("latency by swarm", text)],
            figures: vec![figure],
            ..Section::default()
        }
    }
}

/// Swarms of up to so many peers are small in the thesis.
const SMALL: u64 = 50;

/// Swarms of more peers than that are large in the thesis.
const LARGE: u64 = 200;

//! Replicas against swarm size [thesis 8.VIII.A, Fig. 7].

use serde_json::json;

use super::{Hooks, Measurement, Points, Row, Section, Span};
use crate::{Axis, Distribution, Figure, FigureData, Lookup};

/// Distinct nodes that returned values and distinct peers they returned, of
/// lookups that got a value.
#[derive(Clone, Debug)]
pub(super) struct SwarmReplicas {
    points: Points,
    replicas: Distribution,
    peers: Distribution,
}

impl Default for SwarmReplicas {
    fn default() -> Self {
        Self {
            points: Points::default(),
            replicas: Distribution::of_counts(),
            peers: Distribution::of_counts(),
        }
    }
}

impl Measurement for SwarmReplicas {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_lookup(&mut self, lookup: &Lookup) {
        let (Some(_), Some(replicas), Some(peers)) =
            (lookup.first_value, lookup.replicas, lookup.peers)
        else {
            return;
        };
        self.replicas.add(replicas);
        self.peers.add(peers);
        self.points.add(peers as f64, replicas as f64);
    }

    fn finish(mut self: Box<Self>, _: &Span) -> Section {
        let figures = |distribution: &mut Distribution| {
            let mut json = distribution.percentiles_json(&[50, 75, 98]);
            json.insert("max".into(), distribution.max().into());
            json
        };
        let json = json!({
            "count": self.peers.count(),
            "replicas": figures(&mut self.replicas),
            "peers": figures(&mut self.peers),
        });
        let figure = Figure {
            name: "swarm_replicas",
            title: "Peers against nodes returning values",
            x: Axis::linear("peers"),
            y: Axis::linear("nodes returning values"),
            data: FigureData::Scatter(self.points.into_vec()),
            note: "thesis 8, Fig. 7",
        };
        Section {
            key: "swarm_replicas",
            json,
            rows: vec![
                Row::spread("replicas, nodes", &mut self.replicas),
                Row::spread("swarm size, peers", &mut self.peers),
            ],
            figures: vec![figure],
            ..Section::default()
        }
    }
}

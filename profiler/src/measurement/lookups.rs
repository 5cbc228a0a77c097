//! Every lookup with its figures.

use serde_json::{Value, json};

use super::{Measurement, Section, Span};
use crate::Lookup;
use crate::timestamp::milliseconds;

/// One entry for each lookup, in the order they started.
#[derive(Debug, Default)]
pub(super) struct Lookups(Vec<Lookup>);

impl Measurement for Lookups {
    fn on_lookup(&mut self, lookup: &Lookup) {
        self.0.push(lookup.clone());
    }

    fn finish(mut self: Box<Self>, span: &Span) -> Section {
        // numbers are given in the order of the capture; times may step back
        self.0.sort_unstable_by_key(|lookup| lookup.id);
        Section {
            key: "lookups",
            json: self.0.iter().map(|lookup| entry(lookup, span)).collect(),
            rows: Vec::new(),
        }
    }
}

fn entry(lookup: &Lookup, span: &Span) -> Value {
    let first_value = lookup.first_value;
    json!({
        "infohash": lookup.infohash.to_string(),
        "start_s": span.seconds_to(lookup.start),
        "latency_ms": first_value.map(|first| milliseconds(first.latency)),
        "cost": first_value.map(|first| first.cost),
        "queries": lookup.queries,
        "responses": lookup.answered,
        "responses_late": lookup.answered_late,
        "closest_ms": lookup.closest.map(milliseconds),
        "replicas": lookup.replicas,
        "peers": lookup.peers,
    })
}

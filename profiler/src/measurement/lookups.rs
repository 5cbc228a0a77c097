//! Every lookup with its figures.

use serde_json::Value;

use super::{Hooks, Measurement, Section, Span};
use crate::timestamp::milliseconds;
use crate::{DataTable, Lookup};

/// One entry for each lookup, in the order they started.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookups(Vec<Lookup>);

impl Measurement for Lookups {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_lookup(&mut self, lookup: &Lookup) {
        self.0.push(lookup.clone());
    }

    fn finish(mut self: Box<Self>, span: &Span) -> Section {
        // numbers are given in the order of the capture; times may step back
        self.0.sort_unstable_by_key(|lookup| lookup.id);
        Section {
            key: "lookups",
            tables: vec![DataTable {
                name: "lookups",
                title: "Lookups",
                columns: COLUMNS.to_vec(),
                rows: self.0.iter().map(|lookup| row(lookup, span)).collect(),
            }],
            ..Section::default()
        }
    }
}

/// A lookup as a row of [`COLUMNS`].
pub(super) fn row(lookup: &Lookup, span: &Span) -> Vec<Value> {
    let first_value = lookup.first_value;
    let progress = &lookup.progress;
    vec![
        lookup.infohash.to_string().into(),
        span.seconds_to(lookup.start).into(),
        first_value.map(|first| milliseconds(first.latency)).into(),
        first_value.map(|first| first.cost).into(),
        lookup.queries.into(),
        lookup.answered.into(),
        lookup.answered_late.into(),
        lookup.closest.map(milliseconds).into(),
        lookup.replicas.into(),
        lookup.peers.into(),
        lookup.announced.into(),
        first_value.and_then(|first| first.hops).into(),
        progress.closest_hops.into(),
        progress.first_bits.into(),
        progress.closest_bits.into(),
    ]
}

/// The figures of a lookup.
pub(super) const COLUMNS: &[&str] = &[
    "infohash",
    "start_s",
    "latency_ms",
    "cost",
    "queries",
    "responses",
    "responses_late",
    "closest_ms",
    "replicas",
    "peers",
    "announced",
    "hops",
    "closest_hops",
    "first_distance_bits",
    "closest_distance_bits",
];

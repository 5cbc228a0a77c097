//! Lookups by `get` queries [BEP 44].

use serde_json::json;

use super::lookups::{COLUMNS, row};
use super::{Hooks, Measurement, Row, Section, Span, percentage};
use crate::{DataTable, Distribution, Lookup};

/// Lookups by `get` queries, kept apart from those by get_peers. Some clients
/// announce through them: they want the tokens, not the item. The lookups one
/// by one are in the table only.
#[derive(Clone, Debug)]
pub(super) struct GetLookups {
    lookups: Vec<Lookup>,
    latency: Distribution,
    cost: Distribution,
    closest: Distribution,
}

impl Default for GetLookups {
    fn default() -> Self {
        Self {
            lookups: Vec::new(),
            latency: Distribution::of_durations(),
            cost: Distribution::of_counts(),
            closest: Distribution::of_durations(),
        }
    }
}

impl Measurement for GetLookups {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_get_lookup(&mut self, lookup: &Lookup) {
        if let Some(first) = lookup.first_value {
            self.latency.add_duration(first.latency);
            self.cost.add(first.cost);
        }
        if let Some(closest) = lookup.closest {
            self.closest.add_duration(closest);
        }
        self.lookups.push(lookup.clone());
    }

    fn finish(mut self: Box<Self>, span: &Span) -> Section {
        self.lookups.sort_unstable_by_key(|lookup| lookup.id);
        let count = self.lookups.len();
        let sum = |figure: fn(&Lookup) -> u64| self.lookups.iter().map(figure).sum::<u64>();
        let sent = sum(|lookup| lookup.queries);
        let answered = sum(|lookup| lookup.answered);
        let answered_late = sum(|lookup| lookup.answered_late);
        let announced = sum(|lookup| lookup.announced.into());
        let with_item = self.latency.count();
        let table = DataTable {
            name: "get_lookups",
            title: "Lookups by get queries",
            columns: COLUMNS.to_vec(),
            rows: self
                .lookups
                .iter()
                .map(|lookup| row(lookup, span))
                .collect(),
        };
        let json = json!({
            "count": count,
            "with_item": with_item,
            "announced": announced,
            "latency_ms": self.latency.percentiles_json(&[50, 75, 98, 99]),
            "cost": {
                "mean": self.cost.mean(),
                "p50": self.cost.percentile(50.0),
                "p99": self.cost.percentile(99.0),
            },
            "queries": {
                "sent": sent,
                "answered": answered,
                "answered_late": answered_late,
                "answered_pct": percentage(answered, sent),
            },
            "closest_ms": self.closest.percentiles_json(&[50, 75, 98, 99]),
        });
        let mut rows = Vec::new();
        if count > 0 {
            rows.push(Row::spread("get lookup latency, ms", &mut self.latency));
            rows.push(Row::line(
                "get lookups",
                format!(
                    "{count}: {with_item} with an item, {announced} to announce; {sent} queries"
                ),
            ));
        }
        Section {
            key: "get_lookups",
            json,
            rows,
            tables: vec![table],
            ..Section::default()
        }
    }
}

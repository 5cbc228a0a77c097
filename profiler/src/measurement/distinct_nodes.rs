//! Distinct nodes over time.

use serde_json::json;

use super::{Hooks, Measurement, Row, Section, Span};
use crate::{Axis, DataTable, Figure, FigureData, Remotes, Series};

/// Distinct remote IP addresses that sent something, in all and as they were
/// met over time. Exact up to [`Remotes::MAX_SENDERS`] of each family.
#[derive(Clone, Debug, Default)]
pub(super) struct DistinctNodes {
    met: Series<1>,
    complete: bool,
}

impl Measurement for DistinctNodes {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_remotes(&mut self, remotes: &Remotes) {
        self.met = remotes.new_senders().clone();
        self.complete = remotes.senders_complete();
    }

    fn finish(self: Box<Self>, span: &Span) -> Section {
        let total: u64 = self.met.counts(0).sum();
        let figure = Figure {
            name: "distinct_nodes",
            title: "Distinct nodes met",
            x: Axis::linear("time (s)"),
            y: Axis::linear("IP addresses"),
            data: FigureData::Steps(self.met.cumulative(0, span)),
            note: "",
        };
        let table = DataTable {
            name: "distinct_nodes",
            title: "IP addresses met for the first time, by interval",
            columns: vec!["start_s", "new_ips"],
            rows: self.met.rows(span),
        };
        Section {
            key: "distinct_nodes",
            json: json!({
                "ips": total,
                "complete": self.complete,
                "over_time": self.met.json(["new_ips"], span),
            }),
            rows: vec![Row::line("distinct nodes", format!("{total} IP addresses"))],
            figures: vec![figure],
            tables: vec![table],
        }
    }
}

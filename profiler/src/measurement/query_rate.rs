//! Query rate over time.

use serde_json::json;

use super::{Hooks, Measurement, Row, Section, Span};
use crate::{Axis, DataTable, Direction, Figure, FigureData, Observed, Series, Timestamp};

/// Queries of every kind each way, by interval, and the most that were sent
/// and received in one second: a query storm.
#[derive(Clone, Debug, Default)]
pub(super) struct QueryRate {
    queries: Series<2>,
    peaks: [Peak; 2],
}

/// The most within a second, counted from the first of them.
#[derive(Clone, Copy, Debug, Default)]
struct Peak {
    since: Timestamp,
    count: u64,
    most: u64,
}

impl Peak {
    fn add(&mut self, time: Timestamp) {
        if time.nanos_apart(self.since) >= NANOS_PER_SECOND {
            self.since = time;
            self.count = 0;
        }
        self.count += 1;
        self.most = self.most.max(self.count);
    }
}

impl Measurement for QueryRate {
    fn hooks(&self) -> Hooks {
        Hooks::SENT_QUERIES | Hooks::RECEIVED_QUERIES
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        let which = match observed.direction {
            Direction::Sent => 0,
            Direction::Received => 1,
        };
        self.queries.add(observed.time, which, 1);
        self.peaks[which].add(observed.time);
    }

    fn finish(self: Box<Self>, span: &Span) -> Section {
        let [sent, received] = self.peaks.map(|peak| peak.most);
        let figure = |which, name, title| Figure {
            name,
            title,
            x: Axis::linear("time (s)"),
            y: Axis::linear("queries per second"),
            data: FigureData::Line(self.queries.per_second(which, span)),
            note: "",
        };
        Section {
            key: "query_rate",
            json: json!({
                "peak_sent_per_s": sent,
                "peak_received_per_s": received,
                "over_time": self.queries.json(["sent", "received"], span),
            }),
            rows: vec![Row::line(
                "query rate",
                format!("at most {sent} sent and {received} received in a second"),
            )],
            figures: vec![
                figure(0, "query_rate", "Queries sent"),
                figure(1, "query_rate_received", "Queries received"),
            ],
            tables: vec![DataTable {
                name: "query_rate",
                title: "Queries by interval",
                columns: vec!["start_s", "sent", "received"],
                rows: self.queries.rows(span),
            }],
        }
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

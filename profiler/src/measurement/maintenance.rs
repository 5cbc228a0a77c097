//! Maintenance cost [thesis 8.III.B, 8.VI.C].

use std::time::Duration;

use serde_json::json;

use super::{MINUTE, Measurement, Row, Section, Span, in_words};
use crate::exchange::QueryKind;
use crate::{Axis, DataTable, Exchange, Figure, FigureData, Lookup, Observed, Series, Timestamp};

/// ping and find_node queries sent: in all, for each minute observed, over
/// time, and within the first 10 minutes of the node's traffic, its start-up.
/// Beside them the get_peers queries that were refresh and no lookup; they
/// are not in the total, as in the thesis.
#[derive(Clone, Debug, Default)]
pub(super) struct Maintenance {
    ping: u64,
    find_node: u64,
    get_peers_refresh: u64,
    startup: u64,
    /// When the node's first message was sent or received.
    first: Option<Timestamp>,
    /// Pings and find_node queries.
    over_time: Series<2>,
    first_hours: Series<2>,
}

impl Measurement for Maintenance {
    fn on_message(&mut self, observed: &Observed<'_>) {
        self.first.get_or_insert(observed.time);
    }

    fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        let time = exchange.query.time;
        let which = match exchange.query.kind {
            QueryKind::Ping => {
                self.ping += 1;
                0
            }
            QueryKind::FindNode => {
                self.find_node += 1;
                1
            }
            _ => return,
        };
        let since_first = time.since(self.first.unwrap_or(time));
        self.startup += u64::from(since_first <= STARTUP);
        self.over_time.add(time, which, 1);
        if since_first <= FIRST_HOURS {
            self.first_hours.add(time, which, 1);
        }
    }

    fn on_refresh(&mut self, group: &Lookup) {
        self.get_peers_refresh += group.queries;
    }

    fn finish(self: Box<Self>, span: &Span) -> Section {
        let Self {
            ping,
            find_node,
            get_peers_refresh,
            startup,
            ..
        } = *self;
        let total = ping + find_node;
        let per_minute = span.rate(total, MINUTE);
        let rate = in_words(per_minute, 1);
        Section {
            key: "maintenance",
            json: json!({
                "ping": ping,
                "find_node": find_node,
                "total": total,
                "per_minute": per_minute,
                "startup": startup,
                "get_peers_refresh": get_peers_refresh,
                "over_time": self.over_time.json(["ping", "find_node"], span),
            }),
            rows: vec![Row::line(
                "maintenance",
                format!(
                    "{total} queries ({rate} a minute): {ping} ping, {find_node} find_node; \
                     {startup} in the first 10 minutes; \
                     beside them {get_peers_refresh} get_peers as refresh"
                ),
            )],
            figures: vec![
                cumulative(&self.over_time, "maintenance", WHOLE, span),
                cumulative(&self.first_hours, "maintenance_6h", FIRST, span),
            ],
            tables: vec![DataTable {
                name: "maintenance",
                title: "Maintenance queries by interval",
                columns: vec!["start_s", "ping", "find_node"],
                rows: self.over_time.rows(span),
            }],
        }
    }
}

/// Title and note of a figure.
type Words = (&'static str, &'static str);

const WHOLE: Words = ("Cumulative maintenance traffic", "thesis 8, Fig. 5");
const FIRST: Words = (
    "Cumulative maintenance traffic, first 6 hours",
    "thesis 8, Fig. 6",
);

fn cumulative(series: &Series<2>, name: &'static str, words: Words, span: &Span) -> Figure {
    let (pings, find_nodes) = (series.cumulative(0, span), series.cumulative(1, span));
    let both = pings.iter().zip(&find_nodes);
    Figure {
        name,
        title: words.0,
        x: Axis::linear("time (s)"),
        y: Axis::linear("maintenance queries"),
        data: FigureData::Steps(both.map(|(a, b)| (a.0, a.1 + b.1)).collect()),
        note: words.1,
    }
}

/// The first queries of a node fill its routing table, and are told apart
/// from those that keep it.
const STARTUP: Duration = Duration::from_secs(10 * 60);

/// What Fig. 6 of thesis 8 shows.
const FIRST_HOURS: Duration = Duration::from_secs(6 * 3600);

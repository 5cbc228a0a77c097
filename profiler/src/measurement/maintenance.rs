//! Maintenance cost [thesis 8.III.B, 8.VI.C].

use serde_json::json;

use super::{MINUTE, Measurement, Row, Section, Span, in_words};
use crate::exchange::QueryKind;
use crate::{Exchange, Lookup};

/// ping and find_node queries sent, in all and for each minute observed.
/// Beside them the get_peers queries that were refresh and no lookup; they
/// are not in the total, as in the thesis.
#[derive(Debug, Default)]
pub(super) struct Maintenance {
    ping: u64,
    find_node: u64,
    get_peers_refresh: u64,
}

impl Measurement for Maintenance {
    fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        match exchange.query.kind {
            QueryKind::Ping => self.ping += 1,
            QueryKind::FindNode => self.find_node += 1,
            _ => {}
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
                "get_peers_refresh": get_peers_refresh,
            }),
            rows: vec![Row::line(
                "maintenance",
                format!(
                    "{total} queries ({rate} a minute): {ping} ping, {find_node} find_node; \
                     beside them {get_peers_refresh} get_peers as refresh"
                ),
            )],
        }
    }
}

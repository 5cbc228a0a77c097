//! Queries received, by kind.

use mdht_krpc::Body;
use serde_json::json;

use super::{Hooks, Measurement, Row, Section, Span};
use crate::Observed;
use crate::exchange::QueryKind;

/// Queries that other nodes sent to the node under test.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    ping: u64,
    find_node: u64,
    get_peers: u64,
    announce_peer: u64,
    other: u64,
}

impl Measurement for Received {
    fn hooks(&self) -> Hooks {
        Hooks::RECEIVED_QUERIES
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        let Body::Query(query) = &observed.message.body else {
            return;
        };
        let count = match QueryKind::of(&query.method) {
            QueryKind::Ping => &mut self.ping,
            QueryKind::FindNode => &mut self.find_node,
            QueryKind::GetPeers => &mut self.get_peers,
            QueryKind::AnnouncePeer => &mut self.announce_peer,
            _ => &mut self.other,
        };
        *count += 1;
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let Self {
            ping,
            find_node,
            get_peers,
            announce_peer,
            other,
        } = *self;
        Section {
            key: "received",
            json: json!({
                "ping": ping,
                "find_node": find_node,
                "get_peers": get_peers,
                "announce_peer": announce_peer,
                "other": other,
            }),
            rows: vec![Row::line(
                "received",
                format!(
                    "{ping} ping, {find_node} find_node, {get_peers} get_peers, \
                     {announce_peer} announce_peer, {other} other"
                ),
            )],
            ..Section::default()
        }
    }
}

//! Market share [thesis 8.VIII.D].

use std::cmp::Reverse;

use serde_json::json;

use super::by_client::ByClient;
use super::{Hooks, Measurement, Row, Section, Span, in_words, percentage};
use crate::{Axis, ClientCode, DataTable, Figure, FigureData, Remotes, figure};

/// Distinct remote IP addresses that sent something, by the two-letter client
/// code that `v` starts with. An address counts once, under the first code it
/// showed; one that never sent a `v` has no version, `null` in the JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients {
    /// Most addresses first.
    shares: Vec<(Option<ClientCode>, u64)>,
    total: u64,
}

impl Measurement for Clients {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_remotes(&mut self, remotes: &Remotes) {
        let mut nodes = ByClient::<u64>::default();
        for sender in remotes.senders() {
            *nodes.of(sender.client) += 1;
        }
        let met = nodes.into_entries().filter(|(_, nodes)| *nodes > 0);
        self.shares = met.collect();
        self.total = self.shares.iter().map(|(_, nodes)| nodes).sum();
        self.shares
            .sort_by_key(|&(code, nodes)| (Reverse(nodes), code));
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let json = self.shares.iter().map(|&(code, nodes)| {
            json!({
                "code": code.map(|code| code.to_string()),
                "name": code.and_then(ClientCode::name),
                "nodes": nodes,
                "pct": percentage(nodes, self.total),
            })
        });
        let table = DataTable {
            name: "clients",
            title: "Market share",
            columns: vec!["code", "name", "nodes", "pct"],
            rows: figure::rows(&["code", "name", "nodes", "pct"], json.clone()),
        };
        Section {
            key: "clients",
            rows: vec![Row::line("clients", self.in_text())],
            json: json.collect(),
            figures: vec![self.figure()],
            tables: vec![table],
        }
    }
}

impl Clients {
    fn in_text(&self) -> String {
        let mut text = format!("{} addresses", self.total);
        for (i, &(code, nodes)) in self.shares.iter().take(MAX_IN_TEXT).enumerate() {
            let name = client_name(code);
            let share = in_words(percentage(nodes, self.total), 1);
            let before = if i == 0 { ": " } else { ", " };
            text.push_str(&format!("{before}{name} {share} %"));
        }
        text
    }

    fn figure(&self) -> Figure {
        let shown = self.shares.iter().take(MAX_IN_TEXT);
        let bars = shown.map(|&(code, nodes)| {
            let share = percentage(nodes, self.total);
            (client_name(code), share.unwrap_or_default())
        });
        Figure {
            name: "clients",
            title: "Market share",
            x: Axis::linear("client"),
            y: Axis::linear("IP addresses (%)"),
            data: FigureData::Bars(bars.collect()),
            note: "thesis 8, Table III",
        }
    }
}

/// A client for a person: its name, else its code.
pub(super) fn client_name(code: Option<ClientCode>) -> String {
    match code {
        None => "no version".to_owned(),
        Some(code) => code.name().map_or_else(|| code.to_string(), str::to_owned),
    }
}

/// Most clients in the text table and the figure.
const MAX_IN_TEXT: usize = 8;

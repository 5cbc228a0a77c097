//! Protocol violations by client.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::by_client::ByClient;
use super::clients::client_name;
use super::{Hooks, Measurement, Row, Section, Span, percentage};
use crate::{ClientCode, DataTable, Observed};

/// Received messages that depart from BEP 5 and were read all the same, by
/// the client code of the message itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Violations {
    messages: ByClient<Messages>,
    /// Messages by kind of departure; one may show several.
    kinds: BTreeMap<(Option<ClientCode>, &'static str), u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Messages {
    all: u64,
    violating: u64,
}

impl Measurement for Violations {
    fn hooks(&self) -> Hooks {
        Hooks::RECEIVED_QUERIES | Hooks::RECEIVED_ANSWERS
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        let client = observed.message.version.and_then(ClientCode::of);
        let messages = self.messages.of(client);
        messages.all += 1;
        if observed.message.oddities.is_empty() {
            return;
        }
        messages.violating += 1;
        for kind in observed.message.oddities.names() {
            *self.kinds.entry((client, kind)).or_default() += 1;
        }
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let met = self.messages.into_entries().filter(|(_, m)| m.all > 0);
        let mut clients: Vec<_> = met.collect();
        clients.sort_by_key(|(client, messages)| (Reverse(messages.violating), *client));
        let all = clients.iter().map(|(_, messages)| messages.all).sum();
        let violating = clients.iter().map(|(_, messages)| messages.violating).sum();
        clients.retain(|(_, messages)| messages.violating > 0);
        let kinds = |client| {
            let of_client = move |((of, _), _): &(&(_, _), &u64)| *of == client;
            self.kinds.iter().filter(of_client)
        };
        let entries = clients.iter().take(MAX_CLIENTS).map(|(client, messages)| {
            let kinds =
                kinds(*client).map(|((_, kind), count)| json!({"kind": kind, "messages": count}));
            json!({
                "code": client.map(|code| code.to_string()),
                "name": client.and_then(ClientCode::name),
                "messages": messages.all,
                "violating": messages.violating,
                "kinds": kinds.collect::<Value>(),
            })
        });
        let rows = self
            .kinds
            .iter()
            .take(MAX_ROWS)
            .map(|((client, kind), count)| {
                let code = client.map(|code| code.to_string());
                vec![
                    json!(code),
                    json!(client.and_then(ClientCode::name)),
                    json!(kind),
                    json!(count),
                ]
            });
        let table = DataTable {
            name: "protocol_violations",
            title: "Received messages that depart from BEP 5",
            columns: vec!["code", "name", "kind", "messages"],
            rows: rows.collect(),
        };
        Section {
            key: "protocol_violations",
            json: json!({
                "messages": all,
                "violating": violating,
                "violating_pct": percentage(violating, all),
                "clients": entries.collect::<Value>(),
            }),
            rows: vec![Row::line("violations", in_text(violating, all, &clients))],
            tables: vec![table],
            ..Section::default()
        }
    }
}

fn in_text(violating: u64, all: u64, clients: &[(Option<ClientCode>, Messages)]) -> String {
    let mut text = format!("{violating} of {all} messages received");
    for (i, (client, messages)) in clients.iter().take(MAX_IN_TEXT).enumerate() {
        let before = if i == 0 { ": " } else { ", " };
        let name = client_name(*client);
        text.push_str(&format!("{before}{} of {name}", messages.violating));
    }
    text
}

/// Most clients in the JSON; a code may be any two bytes.
const MAX_CLIENTS: usize = 100;

/// Most rows of the table.
const MAX_ROWS: usize = 1000;

/// Most clients in the text table.
const MAX_IN_TEXT: usize = 4;

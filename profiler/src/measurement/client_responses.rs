//! Response rate by client.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::by_client::ByClient;
use super::clients::client_name;
use super::{Hooks, Measurement, Row, Section, Span, in_words, percentage};
use crate::{ClientCode, DataTable, QueriedAddress, Remotes, figure};

/// Queries of every kind by the client that was queried, and how many it
/// answered. A client is known by what its IP address sent at any time;
/// queries to addresses from which nothing ever came are counted apart.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientResponses {
    clients: Vec<(Option<ClientCode>, Queries)>,
    never_heard: Queries,
    complete: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Queries {
    addresses: u64,
    sent: u64,
    answered: u64,
    answered_late: u64,
}

impl Queries {
    fn add(&mut self, address: &QueriedAddress) {
        self.addresses += 1;
        self.sent += address.queries();
        self.answered += u64::from(address.answered);
        self.answered_late += u64::from(address.answered_late);
    }
}

impl Measurement for ClientResponses {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_remotes(&mut self, remotes: &Remotes) {
        let mut clients = ByClient::<Queries>::default();
        for address in remotes.queried() {
            match address.sender {
                Some(sender) => clients.of(sender.client).add(&address),
                None => self.never_heard.add(&address),
            }
        }
        let asked = clients.into_entries().filter(|(_, q)| q.addresses > 0);
        self.clients = asked.collect();
        self.clients
            .sort_by_key(|(code, queries)| (Reverse(queries.sent), *code));
        self.complete = remotes.queried_complete();
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let clients: Vec<Value> = self.clients.iter().map(entry).collect();
        let table = DataTable {
            name: "client_responses",
            title: "Response rate by client",
            columns: COLUMNS.to_vec(),
            rows: figure::rows(COLUMNS, clients.iter().cloned()),
        };
        Section {
            key: "client_responses",
            json: json!({
                "clients": clients,
                "never_heard": {
                    "addresses": self.never_heard.addresses,
                    "queries": self.never_heard.sent,
                },
                "complete": self.complete,
            }),
            rows: vec![Row::line("answers by client", self.in_text())],
            tables: vec![table],
            ..Section::default()
        }
    }
}

fn entry((code, queries): &(Option<ClientCode>, Queries)) -> Value {
    json!({
        "code": code.map(|code| code.to_string()),
        "name": code.and_then(ClientCode::name),
        "addresses": queries.addresses,
        "queries": queries.sent,
        "answered": queries.answered,
        "answered_late": queries.answered_late,
        "answered_pct": percentage(queries.answered, queries.sent),
    })
}

impl ClientResponses {
    fn in_text(&self) -> String {
        let shown = self
            .clients
            .iter()
            .take(MAX_IN_TEXT)
            .map(|(code, queries)| {
                let share = in_words(percentage(queries.answered, queries.sent), 1);
                format!("{} {share} % of {}", client_name(*code), queries.sent)
            });
        let never = self.never_heard.sent;
        let never = (never > 0).then(|| format!("never heard from 0 % of {never}"));
        let parts: Vec<String> = shown.chain(never).collect();
        match parts.is_empty() {
            true => "nobody was queried".to_owned(),
            false => parts.join(", "),
        }
    }
}

const COLUMNS: &[&str] = &[
    "code",
    "name",
    "addresses",
    "queries",
    "answered",
    "answered_late",
    "answered_pct",
];

/// Most clients in the text table.
const MAX_IN_TEXT: usize = 6;

//! What a message says, whatever its kind.

use std::borrow::Cow;

use mdht_krpc::{Body, Id, Message, Method, Response};

/// What the tables hold of a message's body.
#[derive(Default)]
pub(super) struct Said<'a> {
    /// `query`, `response` or `error`.
    pub(super) kind: &'static str,
    /// The method of a query, by its name on the wire; escaped where that is
    /// not plain ASCII.
    pub(super) method: Option<Cow<'a, str>>,
    /// ID of the sender.
    pub(super) id: Option<Id>,
    /// Infohash or target of a query.
    pub(super) target: Option<Id>,
    /// Contacts in `nodes` and `nodes6`, where one of them is there.
    pub(super) nodes: Option<usize>,
    /// Peers in `values`, where it is there.
    pub(super) peers: Option<usize>,
    /// Whether a response holds an item [BEP 44].
    pub(super) has_item: Option<bool>,
    pub(super) error_code: Option<i64>,
}

impl<'a> Said<'a> {
    pub(super) fn in_message(message: &Message<'a>) -> Self {
        match &message.body {
            Body::Query(query) => Self {
                kind: "query",
                method: Some(name(&query.method)),
                id: query.id,
                target: query.key(),
                ..Self::default()
            },
            Body::Response(response) => Self {
                kind: "response",
                id: response.id,
                nodes: contacts(response),
                peers: response.values.map(|values| values.iter().count()),
                has_item: Some(response.has_item()),
                ..Self::default()
            },
            Body::Error(error) => Self {
                kind: "error",
                error_code: Some(error.code),
                ..Self::default()
            },
        }
    }
}

fn contacts(response: &Response<'_>) -> Option<usize> {
    let lists = [response.nodes, response.nodes6].into_iter().flatten();
    lists.map(|nodes| nodes.len()).reduce(|a, b| a + b)
}

fn name<'a>(method: &Method<'a>) -> Cow<'a, str> {
    let name = method.name();
    match std::str::from_utf8(name) {
        Ok(text) if name.iter().all(u8::is_ascii_graphic) => text.into(),
        _ => name.escape_ascii().to_string().into(),
    }
}

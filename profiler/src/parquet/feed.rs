//! What one node under test did, as rows.

use std::fmt::{Display, Write as _};
use std::net::SocketAddr;

use mdht_krpc::Oddities;

use super::Sheet;
use super::column::Cell;
use super::said::Said;
use crate::measurement::{Duplicate, Measurement, Section, Span};
use crate::referrals::distance_bits;
use crate::{ClientCode, Direction, Exchange, Lookup, NodeSpec, Observed, Outcome, QueryKind};

/// Fills the tables with what one node does.
pub(super) struct Feed {
    sheet: Sheet,
    /// Its label, or its address.
    node: String,
    /// Room for the texts of a row.
    local: String,
    remote: String,
    client: String,
    oddities: String,
}

impl Feed {
    pub(super) fn new(sheet: Sheet) -> Self {
        Self {
            sheet,
            node: String::new(),
            local: String::new(),
            remote: String::new(),
            client: String::new(),
            oddities: String::new(),
        }
    }
}

/// A copy is made for the profile of a capture that goes on: it is told the
/// end of what is still open, which must not reach the tables.
impl Duplicate for Feed {
    fn duplicate(&self) -> Box<dyn Measurement> {
        Box::new(Self::new(Sheet(None)))
    }
}

impl Measurement for Feed {
    fn on_node(&mut self, node: &NodeSpec) {
        self.node = node.label.clone().unwrap_or_else(|| node.to_string());
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        let message = observed.message;
        let said = Said::in_message(message);
        let row = [
            Cell::number(observed.time.as_nanos()),
            Cell::text(&self.node),
            written(&mut self.local, observed.local.ip()),
            port(observed.local),
            written(&mut self.remote, observed.remote.ip()),
            port(observed.remote),
            Cell::text(match observed.direction {
                Direction::Sent => "sent",
                Direction::Received => "received",
            }),
            Cell::text(said.kind),
            Cell::optional(said.method.as_deref(), Cell::text),
            Cell::Bytes(message.transaction_id),
            Cell::optional(said.id.as_ref(), Cell::id),
            Cell::optional(said.target.as_ref(), Cell::id),
            client(&mut self.client, message.version),
            Cell::optional(message.version, Cell::Bytes),
            Cell::Flag(message.read_only),
            Cell::optional(said.nodes, Cell::number),
            Cell::optional(said.peers, Cell::number),
            Cell::optional(said.error_code, Cell::Number),
            oddities(&mut self.oddities, message.oddities),
            Cell::number(observed.ip_len),
        ];
        self.sheet.push(|files| &mut files.messages, row);
    }

    fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        let Exchange { query, outcome } = exchange;
        let answer = outcome.answer();
        let said = answer.map(|answer| Said::in_message(answer.message));
        let said = said.unwrap_or_default();
        let version = answer.and_then(|answer| answer.message.version);
        let distance = said.id.zip(query.key);
        let distance = distance.map(|(id, target)| distance_bits(&id, &target));
        let row = [
            Cell::number(query.time.as_nanos()),
            Cell::text(&self.node),
            written(&mut self.local, query.local.ip()),
            port(query.local),
            written(&mut self.remote, query.remote.ip()),
            port(query.remote),
            Cell::text(method(query.kind)),
            Cell::optional(query.key.as_ref(), Cell::id),
            Cell::optional(query.lookup, |lookup| Cell::number(lookup.number())),
            Cell::optional(query.hops, Cell::number),
            Cell::optional(query.distance_bits, Cell::number),
            Cell::text(match outcome {
                Outcome::Answered(_) => "answered",
                Outcome::AnsweredLate(_) => "answered_late",
                Outcome::Unanswered => "unanswered",
            }),
            Cell::optional(answer, |answer| Cell::number(answer.rtt.as_nanos())),
            Cell::optional(answer.map(|_| said.kind), Cell::text),
            Cell::optional(said.error_code, Cell::Number),
            Cell::optional(said.id.as_ref(), Cell::id),
            Cell::optional(distance, Cell::number),
            client(&mut self.client, version),
            Cell::optional(said.nodes, Cell::number),
            Cell::optional(said.peers, Cell::number),
            Cell::optional(said.has_item, Cell::Flag),
        ];
        self.sheet.push(|files| &mut files.exchanges, row);
    }

    fn on_lookup(&mut self, lookup: &Lookup) {
        self.on_group("get_peers", lookup);
    }

    fn on_get_lookup(&mut self, lookup: &Lookup) {
        self.on_group("get", lookup);
    }

    fn on_refresh(&mut self, group: &Lookup) {
        self.on_group("refresh", group);
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        Section::default()
    }
}

impl Feed {
    fn on_group(&self, kind: &str, group: &Lookup) {
        let first = group.first_value;
        let progress = &group.progress;
        let row = [
            Cell::number(group.start.as_nanos()),
            Cell::text(&self.node),
            Cell::number(group.id.number()),
            Cell::text(kind),
            Cell::id(&group.infohash),
            Cell::optional(first, |first| Cell::number(first.latency.as_nanos())),
            Cell::optional(first, |first| Cell::number(first.cost)),
            Cell::number(group.queries),
            Cell::number(group.answered),
            Cell::number(group.answered_late),
            Cell::optional(group.closest, |time| Cell::number(time.as_nanos())),
            Cell::optional(group.replicas, Cell::number),
            Cell::optional(group.peers, Cell::number),
            Cell::Flag(group.announced),
            Cell::optional(first.and_then(|first| first.hops), Cell::number),
            Cell::optional(progress.closest_hops, Cell::number),
            Cell::optional(progress.first_bits, Cell::number),
            Cell::optional(progress.closest_bits, Cell::number),
        ];
        self.sheet.push(|files| &mut files.lookups, row);
    }
}

fn port(addr: SocketAddr) -> Cell<'static> {
    Cell::number(addr.port())
}

/// The name of a query's method; `other` for those that have none here.
fn method(kind: QueryKind) -> &'static str {
    match kind {
        QueryKind::Ping => "ping",
        QueryKind::FindNode => "find_node",
        QueryKind::GetPeers => "get_peers",
        QueryKind::AnnouncePeer => "announce_peer",
        QueryKind::Get => "get",
        QueryKind::Put => "put",
        QueryKind::SampleInfohashes => "sample_infohashes",
        QueryKind::Other => "other",
    }
}

/// A value's text, in `room`.
fn written(room: &mut String, value: impl Display) -> Cell<'_> {
    room.clear();
    let _ = write!(room, "{value}"); // a string takes all
    Cell::text(room)
}

/// The client code that `v` starts with, if it does.
fn client<'a>(room: &'a mut String, version: Option<&[u8]>) -> Cell<'a> {
    let code = version.and_then(ClientCode::of);
    Cell::optional(code, |code| written(room, code))
}

/// The names of what was unusual, with `; ` between them.
fn oddities(room: &mut String, oddities: Oddities) -> Cell<'_> {
    room.clear();
    for name in oddities.names() {
        if !room.is_empty() {
            room.push_str("; ");
        }
        room.push_str(name);
    }
    match room.is_empty() {
        true => Cell::Null,
        false => Cell::text(room),
    }
}

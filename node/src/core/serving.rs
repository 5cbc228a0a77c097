//! Answering the queries of others.

use std::net::SocketAddr;

use mdht_krpc::{
    Body, Contact, ErrorReply, Family, Id, Message, Method, Nodes, Query, Response, ScrapeFilter,
    Values, Want, error_code, id_fits_addr,
};
use mdht_plugins::routing::{ClosestRequest, Purpose, QuerySeen};

use super::Core;
use super::incoming::Incoming;

mod items;

/// Contacts in an answer (BEP 5: the eight closest).
pub(crate) const NODES: usize = 8;
/// Most peers in an answer, where they find room.
const VALUES: usize = 50;
/// Largest answer in bytes of UDP payload (BEP 32, "Maximum packet size").
const MOST_PAYLOAD: usize = 1024;
/// An answer without its lists, in bytes at most: `ip` of IPv6, `id`, a token
/// of ours, `v`, `y`, and the keys and lengths of all lists.
const BARE: usize = 152;
/// Two filters with their keys and lengths.
const FILTERS: usize = 2 * (ScrapeFilter::LEN + 10);

/// How many peers an answer has room for beside all that it must hold.
fn room_for_values(family: Family, message: &Message<'_>, filters: bool) -> usize {
    // each has its length before it: `6:` or `18:`
    let each = family.compact_addr_len() + if family == Family::V4 { 2 } else { 3 };
    room(family, message, filters) / each
}

/// How many bytes an answer has room for beside contacts and filters.
pub(crate) fn room(family: Family, message: &Message<'_>, filters: bool) -> usize {
    let want = match &message.body {
        Body::Query(query) => query.want,
        _ => Want::default(),
    };
    let nodes = |family: Family| NODES * family.compact_node_len();
    let lists = match (filters, want.is_empty()) {
        (true, _) => FILTERS + nodes(family),
        (false, true) => nodes(family),
        (false, false) => {
            let wanted = [(want.v4, Family::V4), (want.v6, Family::V6)].into_iter();
            wanted
                .filter(|(w, _)| *w)
                .map(|(_, family)| nodes(family))
                .sum()
        }
    };
    let taken = BARE + message.transaction_id.len() + lists;
    MOST_PAYLOAD.saturating_sub(taken)
}

impl Core {
    pub(crate) fn on_query(&mut self, incoming: &Incoming<'_>, query: &Query<'_>) {
        let Incoming { socket, from, .. } = *incoming;
        let family = incoming.family();
        self.stats.queries_received.count(&query.method);
        self.note_visit(socket, from);
        if self.is_read_only(family) {
            return;
        }
        let (now, len) = (self.now, self.query_len);
        if self
            .limiter
            .as_mut()
            .is_some_and(|limiter| !limiter.admits(now, from.ip(), len))
        {
            self.stats.rate_limited += 1;
            return;
        }
        if self.id(family).is_none() {
            return;
        }
        let Some(id) = query.id else {
            return self.refuse(incoming, error_code::PROTOCOL, "bad or no id");
        };
        if !self.is_own_id(family, &id) {
            self.answer(incoming, query);
            self.tell_routing_of_query(Contact::new(id, from), incoming.message, query);
        }
    }

    fn tell_routing_of_query(
        &mut self,
        contact: Contact,
        message: &Message<'_>,
        query: &Query<'_>,
    ) {
        let seen = QuerySeen {
            contact,
            method: query.method,
            read_only: message.read_only,
            version: message.version,
            id_fits_addr: id_fits_addr(&contact.id, contact.addr.ip()),
        };
        self.with_routing(Family::of(&contact.addr), |module, cx| {
            module.on_query(cx, &seen);
        });
    }

    /// Answers by method; an unknown one that names a key is answered as
    /// find_node, as the field does.
    fn answer(&mut self, incoming: &Incoming<'_>, query: &Query<'_>) {
        let from = incoming.from;
        let refusal = match (query.method, query.info_hash, query.key()) {
            (Method::Ping, _, _) => return self.respond(incoming, None),
            (Method::GetPeers, Some(key), _) => {
                return self.serve_peers(incoming, key, query);
            }
            (Method::SampleInfohashes, _, Some(target)) => {
                return self.serve_samples(incoming, target);
            }
            (Method::AnnouncePeer, Some(key), _) => self.store_peer(from, key, query),
            (Method::Get, ..) => match query.target {
                Some(target) => return self.serve_item(incoming, query, target),
                None => Err("bad or no target"),
            },
            (Method::Put, ..) => match self.store_item(from, query) {
                Ok(()) => Ok(()),
                Err((code, text)) => return self.refuse(incoming, code, text),
            },
            (Method::GetPeers | Method::AnnouncePeer, None, _) => Err("bad or no info_hash"),
            (_, _, Some(target)) => return self.respond(incoming, Some(target)),
            (Method::FindNode, _, None) => Err("bad or no target"),
            _ => {
                let unknown = error_code::METHOD_UNKNOWN;
                return self.refuse(incoming, unknown, "method unknown");
            }
        };
        match refusal {
            Ok(()) => self.respond(incoming, None),
            Err(text) => self.refuse(incoming, error_code::PROTOCOL, text),
        }
    }

    /// A response with our ID and, given a key, the contacts closest to it.
    fn respond(&mut self, incoming: &Incoming<'_>, target: Option<Id>) {
        self.respond_with(incoming, target, &Response::default());
    }

    fn serve_peers(&mut self, incoming: &Incoming<'_>, key: Id, query: &Query<'_>) {
        let (family, from) = (incoming.family(), incoming.from);
        let token = self.tokens.make(&from, &key);
        let filters = query.scrape.then(|| self.swarm_filters(&key, family));
        let filters = filters.flatten();
        let most = room_for_values(family, incoming.message, filters.is_some()).min(VALUES);
        let limits = (most, !query.no_seeds);
        let mut peers = self.spare.peers();
        self.peers
            .sample(&key, family, limits, &mut self.rng, &mut peers);
        let response = Response {
            // no token: the swarm takes no more announces (BEP 33)
            token: (!self.is_crowded(&key, family)).then_some(&token),
            values: (!peers.is_empty()).then(|| Values::from_peers(&peers)),
            seeds: filters.as_ref().map(|filters| filters.seeds.as_bytes()),
            leeches: filters.as_ref().map(|filters| filters.leeches.as_bytes()),
            ..Response::default()
        };
        self.respond_with(incoming, Some(key), &response);
        self.spare.keep_peers(peers);
    }

    pub(crate) fn respond_with(
        &mut self,
        incoming: &Incoming<'_>,
        target: Option<Id>,
        response: &Response<'_>,
    ) {
        let Incoming {
            socket,
            from,
            message,
        } = *incoming;
        let own = (from.is_ipv4(), from.is_ipv6());
        let want = match &message.body {
            // filters leave no room for contacts of the other family (BEP 33)
            Body::Query(query) if !query.want.is_empty() && response.leeches.is_none() => {
                (query.want.v4, query.want.v6)
            }
            _ => own,
        };
        let mut compact = |family, wanted| {
            target
                .filter(|_| wanted)
                .and_then(|target| self.closest_compact(family, target))
        };
        let (v4, v6) = (compact(Family::V4, want.0), compact(Family::V6, want.1));
        let response = Response {
            id: self.id_at(socket, incoming.family()),
            nodes: v4.as_deref().map(|bytes| Nodes::new(Family::V4, bytes)),
            nodes6: v6.as_deref().map(|bytes| Nodes::new(Family::V6, bytes)),
            ..response.clone()
        };
        let version = self.config.version;
        let answer = Message {
            version: version.as_ref().map(<[u8; 4]>::as_slice),
            external_addr: Some(from),
            ..Message::new(message.transaction_id, Body::Response(response))
        };
        self.send_answer(socket, from, &answer);
        for bytes in [v4, v6].into_iter().flatten() {
            self.spare.keep_payload(bytes);
        }
    }

    /// The contacts closest to `target`, compact; `None` without that family.
    fn closest_compact(&mut self, family: Family, target: Id) -> Option<Vec<u8>> {
        let mut candidates = self.spare.candidates();
        let mut bytes = self.spare.payload();
        let overlay = self.overlay_ref(family)?;
        candidates.reserve(NODES);
        let request = ClosestRequest {
            target,
            count: NODES,
            purpose: Purpose::Serve,
            now: self.now,
        };
        overlay.routing.closest(&request, &mut candidates);
        bytes.reserve(candidates.len() * family.compact_node_len());
        for candidate in &candidates {
            Nodes::write(&candidate.contact, &mut bytes);
        }
        self.spare.keep_candidates(candidates);
        Some(bytes)
    }

    fn store_peer(
        &mut self,
        from: SocketAddr,
        key: Id,
        query: &Query<'_>,
    ) -> Result<(), &'static str> {
        let token = query.token.unwrap_or_default();
        if !self.tokens.is_valid(token, &from, &key) {
            self.stats.bad_tokens += 1;
            return Err("bad token");
        }
        let port = match (query.implied_port, query.port) {
            (true, _) => from.port(),
            (false, Some(port)) if port != 0 => port,
            _ => return Err("bad or no port"),
        };
        self.peers
            .announce(self.now, key, SocketAddr::new(from.ip(), port), query.seed);
        Ok(())
    }

    fn refuse(&mut self, incoming: &Incoming<'_>, code: i64, text: &str) {
        let Incoming { socket, from, .. } = *incoming;
        let error = ErrorReply {
            code,
            message: text.as_bytes(),
        };
        let version = self.config.version;
        let answer = Message {
            version: version.as_ref().map(<[u8; 4]>::as_slice),
            external_addr: Some(from),
            ..Message::new(incoming.message.transaction_id, Body::Error(error))
        };
        self.send_answer(socket, from, &answer);
    }
}

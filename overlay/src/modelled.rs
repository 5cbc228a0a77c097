//! How modelled nodes answer queries.

use std::collections::HashMap;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_krpc::{
    Body, Contact, ErrorReply, Family, Id, Instant, Message, Method, Nodes, Query, Response,
    Values, error_code,
};

use crate::draws::{Draws, Subject};
use crate::population::{Identity, prefix_of};
use crate::tables::{Closest, K};
use crate::world::World;

/// How long a token is current; it is accepted as long again [B5].
const TOKEN_PERIOD: Duration = Duration::from_secs(5 * 60);
/// Most peers that a modelled node holds for a full node's announces, each
/// infohash.
const MOST_STORED: usize = 100;

/// Answers for all modelled nodes, with what full nodes announced to them.
#[derive(Debug)]
pub(crate) struct Answerer {
    stored: HashMap<(u64, Id), Vec<SocketAddr>, FixedState>,
    tokens: Draws,
    closest: Closest,
    nodes: Vec<u8>,
    peers: Vec<SocketAddrV4>,
    values: Vec<SocketAddr>,
}

impl Answerer {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            stored: HashMap::default(),
            tokens: Draws::new(world.parameters().seed, Subject::Token),
            closest: Closest::default(),
            nodes: Vec::new(),
            peers: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Writes a modelled node's answer to `query`, or nothing: it ignores what
    /// it does not know.
    pub(crate) fn answer(
        &mut self,
        world: &World,
        me: Identity,
        from: SocketAddrV4,
        (transaction_id, query): (&[u8], &Query<'_>),
        now: Instant,
        out: &mut Vec<u8>,
    ) {
        let (_, id) = world.population().contact(me);
        let token = self.token(me, from, now);
        let mut response = Response::new(id);
        match query.method {
            Method::Ping => {}
            Method::FindNode | Method::GetPeers => {
                let Some(key) = query.key() else {
                    return error(world, me, transaction_id, "no target", out);
                };
                self.gather_nodes(world, me, &key, now);
                response.nodes = Some(Nodes::new(Family::V4, &self.nodes));
                if query.method == Method::GetPeers {
                    response.token = Some(&token);
                    gather_peers(
                        &self.stored,
                        &mut self.peers,
                        &mut self.values,
                        world,
                        me,
                        &key,
                        now,
                    );
                    if !self.values.is_empty() {
                        response.values = Some(Values::from_peers(&self.values));
                    }
                }
            }
            Method::AnnouncePeer => {
                if !self.store(me, from, query, now) {
                    return error(world, me, transaction_id, "bad token", out);
                }
            }
            _ => return,
        }
        let mut message = Message::new(transaction_id, Body::Response(response));
        let version = world.version(me);
        message.version = version.as_ref().map(<[u8; 4]>::as_slice);
        message.encode_into(out);
    }

    /// Writes a router's answer: nodes from everywhere.
    pub(crate) fn answer_as_router(
        &mut self,
        world: &World,
        router: usize,
        (transaction_id, query): (&[u8], &Query<'_>),
        now: Instant,
        out: &mut Vec<u8>,
    ) {
        let mut response = Response::new(world.router_id(router));
        if let Some(key) = query.key() {
            self.nodes.clear();
            let draws = self.tokens.of(now.as_micros()).of(prefix_of(&key));
            for number in 0..K as u64 {
                write_contact(
                    world,
                    world.router_contact(draws.one(number), now),
                    &mut self.nodes,
                );
            }
            response.nodes = Some(Nodes::new(Family::V4, &self.nodes));
        }
        Message::new(transaction_id, Body::Response(response)).encode_into(out);
    }

    fn gather_nodes(&mut self, world: &World, me: Identity, key: &Id, now: Instant) {
        let population = world.population();
        let (tables, target) = (&world.tables, prefix_of(key));
        tables.closest(population, me, target, now, &mut self.closest);
        self.nodes.clear();
        for identity in self.closest.identities() {
            write_contact(world, identity, &mut self.nodes);
        }
    }

    /// Takes up an announce; `false` if its token is not right.
    fn store(&mut self, me: Identity, from: SocketAddrV4, query: &Query<'_>, now: Instant) -> bool {
        let (Some(info_hash), Some(token)) = (query.info_hash, query.token) else {
            return false;
        };
        let before = now - TOKEN_PERIOD;
        if ![now, before]
            .map(|at| self.token(me, from, at))
            .iter()
            .any(|own| own == token)
        {
            return false;
        }
        let port = if query.implied_port {
            Some(from.port())
        } else {
            query.port
        };
        let peer = SocketAddrV4::new(*from.ip(), port.unwrap_or(from.port()));
        let peers = self.stored.entry((me.number(), info_hash)).or_default();
        if peers.len() < MOST_STORED && !peers.contains(&peer.into()) {
            peers.push(peer.into());
        }
        true
    }

    /// The token that a node gives to an address in this period.
    fn token(&self, me: Identity, to: SocketAddrV4, at: Instant) -> [u8; 4] {
        let period = at.as_micros() / u64::try_from(TOKEN_PERIOD.as_micros()).unwrap_or(1);
        let draw = self
            .tokens
            .of(me.number())
            .draw(to.ip().to_bits().into(), period);
        let [a, b, c, d, ..] = draw.to_be_bytes();
        [a, b, c, d]
    }
}

/// The peers that a node holds: of modelled swarms and of full nodes.
fn gather_peers(
    stored: &HashMap<(u64, Id), Vec<SocketAddr>, FixedState>,
    peers: &mut Vec<SocketAddrV4>,
    values: &mut Vec<SocketAddr>,
    world: &World,
    me: Identity,
    key: &Id,
    now: Instant,
) {
    peers.clear();
    values.clear();
    if let Some(swarm) = world.swarms().swarm(key) {
        let node = (me.number(), world.population().prefix(me.rank));
        world.swarms().held(&swarm, node, now, peers);
    }
    values.extend(peers.iter().copied().map(SocketAddr::V4));
    if !stored.is_empty() {
        values.extend(stored.get(&(me.number(), *key)).into_iter().flatten());
    }
}

fn write_contact(world: &World, identity: Identity, out: &mut Vec<u8>) {
    let (addr, id) = world.population().contact(identity);
    Nodes::write(&Contact::new(id, addr.into()), out);
}

fn error(world: &World, me: Identity, transaction_id: &[u8], text: &str, out: &mut Vec<u8>) {
    let reply = ErrorReply {
        code: error_code::PROTOCOL,
        message: text.as_bytes(),
    };
    let mut message = Message::new(transaction_id, Body::Error(reply));
    let version = world.version(me);
    message.version = version.as_ref().map(<[u8; 4]>::as_slice);
    message.encode_into(out);
}

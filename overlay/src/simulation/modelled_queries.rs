//! Queries of modelled nodes to full ones, and what guards them.

use std::net::SocketAddrV4;
use std::time::Duration;

use mdht_krpc::{Body, Family, Id, Instant, Message, Query, Response};
use mdht_node::core::SocketId;

use super::{NodeIndex, Occurrence, Simulation};
use crate::draws::{Draws, Subject, below, unit};
use crate::nat::lets_in;
use crate::parameters::Class;
use crate::population::{Identity, prefix_of};

/// A node's pause before it announces to one that gave it a token.
const ANNOUNCE_AFTER: Duration = Duration::from_millis(500);
/// Lowest port that a symmetric NAT gives.
const LOWEST_PORT: u64 = 1024;

impl Simulation {
    /// Whether what guards a modelled node lets a full node's datagram in.
    pub(super) fn modelled_lets_in(
        &self,
        (node, socket): (NodeIndex, SocketId),
        dest: Identity,
        addr: SocketAddrV4,
        at: Instant,
    ) -> bool {
        let what = self.world.population().connectivity(dest);
        // only the mapping made for this full node leads anywhere
        if what.class == Class::Symmetric && !self.mapped.contains_key(&addr) {
            return false;
        }
        let sent = self.nodes[node.place()].last_sent(dest, socket);
        let coins = Draws::new(self.world.parameters().seed, Subject::Anomaly);
        lets_in(what, sent, at, coins.of(dest.number()))
    }

    /// A modelled node has heard from a full one: it may take it up.
    pub(super) fn meet(&mut self, node: NodeIndex, modelled: Identity, at: Instant) {
        let full = &mut self.nodes[node.place()];
        let Some(own) = full.core.id(Family::V4) else {
            return;
        };
        if full.known.is_taken_up(&self.world, modelled, &own) {
            let pause = full.known.until_query(&self.world);
            self.wheel
                .push(at + pause, Occurrence::Holder(node, modelled));
        }
    }

    /// One that holds a full node sees whether it is still there.
    pub(super) fn holder_thinks(&mut self, node: NodeIndex, holder: Identity) {
        let online = self.world.population().is_online(holder, self.now);
        let full = &mut self.nodes[node.place()];
        if !online || !full.known.still_holds(&self.world, holder) {
            full.known.forget(holder);
            return;
        }
        let pause = full.known.until_query(&self.world);
        let target = if unit(full.known.draw()) < 0.5 {
            None
        } else {
            self.target_near(node, holder)
        };
        self.query(node, holder, target.map(Target::Node).as_ref());
        self.wheel
            .push(self.now + pause, Occurrence::Holder(node, holder));
    }

    /// One that has heard of a full node queries it, if `comes`.
    pub(super) fn stranger(&mut self, node: NodeIndex, comes: bool) {
        let known = &mut self.nodes[node.place()].known;
        let (pause, next) = known.until_stranger(&self.world);
        self.wheel
            .push(self.now + pause, Occurrence::Stranger(node, next));
        if !comes {
            return;
        }
        let known = &mut self.nodes[node.place()].known;
        let stranger = known.stranger(&self.world, self.now);
        let get_peers = unit(known.draw()) < self.world.parameters().acquaintances.get_peers;
        let target = self.target_near(node, stranger);
        let target = target.map(|target| match get_peers {
            true => Target::Swarm(target),
            false => Target::Node(target),
        });
        self.query(node, stranger, target.as_ref());
    }

    /// One that was given a token may announce a peer.
    pub(super) fn follow_up(
        &mut self,
        node: NodeIndex,
        modelled: Identity,
        from: SocketAddrV4,
        response: &Response<'_>,
        at: Instant,
    ) {
        let Some(token) = response.token else {
            return;
        };
        let full = &mut self.nodes[node.place()];
        let Some(own) = full.core.id(Family::V4) else {
            return;
        };
        if unit(full.known.draw()) >= self.world.parameters().acquaintances.announces {
            return;
        }
        let key = near_key(&own, self.world.tables.near_depth(), full.known.draw());
        let (_, id) = self.world.population().contact(modelled);
        let announce = Query::announce_peer(id, key, from.port(), token);
        self.send_query(node, modelled, &announce, at + ANNOUNCE_AFTER);
    }

    fn query(&mut self, node: NodeIndex, by: Identity, target: Option<&Target>) {
        let (_, id) = self.world.population().contact(by);
        let query = match target {
            None => Query::new(mdht_krpc::Method::Ping, id),
            Some(Target::Node(target)) => Query::find_node(id, *target),
            Some(Target::Swarm(info_hash)) => Query::get_peers(id, *info_hash),
        };
        self.send_query(node, by, &query, self.now);
    }

    fn send_query(&mut self, node: NodeIndex, by: Identity, query: &Query<'_>, at: Instant) {
        self.counters.modelled_queries += 1;
        let known = &mut self.nodes[node.place()].known;
        if self.world.population().connectivity(by).class != Class::Open {
            known.note_sent(by, SocketId(0), at);
        }
        let [a, b, c, d, ..] = known.draw().to_be_bytes();
        let transaction_id = [a, b, c, d];
        let mut message = Message::new(&transaction_id, Body::Query(query.clone()));
        let version = self.world.version(by);
        message.version = version.as_ref().map(<[u8; 4]>::as_slice);
        let mut payload = std::mem::take(&mut self.reply);
        payload.clear();
        message.encode_into(&mut payload);
        let from = self.shown_addr(node, by);
        let to = self.addr_known_to(node, from);
        self.deliver((from, to), &payload, at);
        self.reply = payload;
    }

    /// The address that a full node sees of a modelled one.
    fn shown_addr(&mut self, node: NodeIndex, of: Identity) -> SocketAddrV4 {
        let population = self.world.population();
        let (addr, _) = population.contact(of);
        if population.connectivity(of).class != Class::Symmetric {
            return addr;
        }
        let draws = Draws::new(self.world.parameters().seed, Subject::Port);
        let draw = draws.draw(of.number(), node.0.into());
        let port = LOWEST_PORT + below(draw, (1 << 16) - LOWEST_PORT);
        let shown = SocketAddrV4::new(*addr.ip(), u16::try_from(port).unwrap_or(u16::MAX));
        self.mapped.insert(shown, of);
        shown
    }

    /// A key for which a node that holds the full one would ask it: nearer to
    /// it than to the asker.
    fn target_near(&mut self, node: NodeIndex, asker: Identity) -> Option<Id> {
        let full = &mut self.nodes[node.place()];
        let own = full.core.id(Family::V4)?;
        let common = (self.world.population().prefix(asker.rank) ^ prefix_of(&own)).leading_zeros();
        // each bit more is half as likely
        let deeper = full.known.draw().leading_zeros();
        let depth = (common + 1 + deeper).min(60);
        Some(near_key(&own, depth, full.known.draw()))
    }
}

/// What a query asks for.
enum Target {
    Node(Id),
    Swarm(Id),
}

/// A key that shares `depth` bits, at most 60, with `id`.
fn near_key(id: &Id, depth: u32, draw: u64) -> Id {
    let mut bytes = *id.as_bytes();
    let prefix = prefix_of(id) ^ ((draw | 1 << 63) >> depth.min(60));
    bytes[..8].copy_from_slice(&prefix.to_be_bytes());
    bytes[8..16].copy_from_slice(&draw.rotate_left(32).to_be_bytes());
    Id::new(bytes)
}

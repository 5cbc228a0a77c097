//! Datagrams on their way: between full nodes, and to modelled ones, which
//! answer at once.

use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use mdht_krpc::{Body, Instant, Message};
use mdht_node::core::SocketId;

use super::guard::Guard;
use super::{NodeIndex, Occurrence, Simulation, links};
use crate::population::Identity;

/// Most payloads whose memory is kept.
const MOST_SPARE: usize = 1024;

impl Simulation {
    /// Sends a datagram from a full node's socket as if the node had sent it:
    /// for checkers that share an address with a node, and for benches.
    pub fn inject(&mut self, node: NodeIndex, socket: SocketId, to: SocketAddrV4, payload: &[u8]) {
        let copy = self.copy(payload);
        self.send((node, socket), to, copy);
    }

    /// Sends a full node's datagram.
    pub(super) fn send(
        &mut self,
        (node, socket): (NodeIndex, SocketId),
        to: SocketAddrV4,
        payload: Vec<u8>,
    ) {
        self.counters.sent += 1;
        let full = &mut self.nodes[node.place()];
        let own = full.socket(socket);
        if let Some(tap) = &mut full.tap {
            tap.datagram(self.now, own.into(), to.into(), &payload);
        }
        let shown = match socket {
            SocketId(0) => {
                full.note_sent(to, self.now);
                self.shown_of_full(node, to)
            }
            _ => own,
        };
        if let Some(other) = self.owner(&to) {
            self.send_to_full((node, socket), other, (shown, to), payload);
            return;
        }
        if self.is_hostile(&to) {
            self.send_to_adversary((node, socket), (shown, to), payload);
            return;
        }
        self.send_to_modelled((node, socket), shown, to, &payload);
        self.keep_spare(payload);
    }

    /// The address under which `to` sees a full node.
    fn shown_of_full(&mut self, node: NodeIndex, to: SocketAddrV4) -> SocketAddrV4 {
        let full = &self.nodes[node.place()];
        match full.guard().filter(|guard| guard.is_symmetric()) {
            Some(guard) => {
                let host = (node, *full.addr.ip());
                self.ports.show(host, to, guard.memory(), self.now)
            }
            None => full.addr,
        }
    }

    /// The full node at whose door datagrams to `addr` arrive.
    fn owner(&self, addr: &SocketAddrV4) -> Option<NodeIndex> {
        let at_home = self.by_addr.get(addr).copied();
        at_home.or_else(|| self.ports.owner(addr))
    }

    /// A datagram reaches the door of whoever is at `to` now.
    pub(super) fn arrive(&mut self, from: SocketAddrV4, to: SocketAddrV4, payload: Vec<u8>) {
        let Some(node) = self.owner(&to) else {
            match self.is_hostile(&to) {
                true => self.reach_adversary((from, to), payload),
                false => self.counters.to_nobody += 1,
            }
            return;
        };
        if !self.full_lets_in(node, from, to) {
            self.counters.filtered += 1;
            return;
        }
        self.counters.received += 1;
        self.hold_values(node, &payload);
        let Some(payload) = self.hand_over(node, from, payload) else {
            return;
        };
        let full = &mut self.nodes[node.place()];
        let socket = full.socket_at(to);
        let own = full.socket(socket);
        if let Some(tap) = &mut full.tap {
            tap.datagram(self.now, from.into(), own.into(), &payload);
        }
        full.core
            .handle_datagram(self.now, socket, from.into(), &payload);
        self.keep_spare(payload);
        self.settle(node);
    }

    /// Whether what guards a full node lets in what `from` sends to `to`.
    fn full_lets_in(&self, node: NodeIndex, from: SocketAddrV4, to: SocketAddrV4) -> bool {
        let full = &self.nodes[node.place()];
        if full.socket_at(to) != SocketId(0) {
            return true;
        }
        let leads_in = to == full.addr || self.ports.leads(&to, from, self.now);
        let is_bare = to == full.addr && full.guard().is_some_and(Guard::is_symmetric);
        leads_in && !is_bare && full.lets_in(from, self.now)
    }

    fn send_to_full(
        &mut self,
        (node, socket): (NodeIndex, SocketId),
        dest: NodeIndex,
        (from, to): (SocketAddrV4, SocketAddrV4),
        payload: Vec<u8>,
    ) {
        let own = self.nodes[node.place()].end_at(socket);
        let other = &self.nodes[dest.place()];
        let other = other.end_at(other.socket_at(to));
        let delay = self.links.delay(&self.world, own, other);
        self.set_off(delay, (from, to), payload);
    }

    /// Puts a datagram on its way, or counts it lost if it never arrives.
    pub(super) fn set_off(
        &mut self,
        delay: Option<Duration>,
        (from, to): (SocketAddrV4, SocketAddrV4),
        payload: Vec<u8>,
    ) {
        match delay {
            Some(delay) => {
                let arrival = Occurrence::Arrival { from, to, payload };
                self.wheel.push(self.now + delay, arrival);
            }
            None => {
                self.counters.lost += 1;
                self.keep_spare(payload);
            }
        }
    }

    fn send_to_modelled(
        &mut self,
        (node, socket): (NodeIndex, SocketId),
        shown: SocketAddrV4,
        to: SocketAddrV4,
        payload: &[u8],
    ) {
        let router = self.world.routers().iter().position(|router| *router == to);
        let dest = self.modelled_at(to);
        if let Some(dest) = dest {
            self.world.population().expect(dest.rank);
        }
        if router.is_none() && dest.is_none() {
            self.counters.to_nobody += 1;
            return;
        }
        let from = self.nodes[node.place()].end_at(socket);
        let Some(delay) = self.links.delay(&self.world, from, links::home(*to.ip())) else {
            self.counters.lost += 1;
            return;
        };
        let at = self.now + delay;
        let Ok(message) = Message::scan(payload) else {
            return;
        };
        match (router, dest) {
            (Some(router), _) => self.reach_router(router, (shown, to), &message, at),
            (None, Some(dest)) => {
                self.reach_modelled((node, socket), dest, (shown, to), &message, at);
            }
            (None, None) => {}
        }
    }

    /// The modelled node that shows itself under an address, for studies that
    /// compare what was found with what was planted.
    pub fn shown_at(&self, addr: SocketAddrV4) -> Option<Identity> {
        self.modelled_at(addr)
    }

    /// The modelled node that has an address; nobody where all are full.
    fn modelled_at(&self, addr: SocketAddrV4) -> Option<Identity> {
        if self.residents.is_some() {
            return None;
        }
        let mapped = self.mapped.get(&addr).copied();
        mapped.or_else(|| self.world.population().by_addr(addr))
    }

    fn reach_router(
        &mut self,
        router: usize,
        (from, to): (SocketAddrV4, SocketAddrV4),
        message: &Message<'_>,
        at: Instant,
    ) {
        if let Body::Query(query) = &message.body {
            let query = (message.transaction_id, query);
            self.reply.clear();
            self.answerer
                .answer_as_router(&self.world, router, query, at, &mut self.reply);
            self.reply_to((to, from), at);
        }
    }

    /// A full node's datagram reaches a modelled node's door at `at`, from and
    /// to the addresses it bears.
    fn reach_modelled(
        &mut self,
        (node, socket): (NodeIndex, SocketId),
        dest: Identity,
        (from, to): (SocketAddrV4, SocketAddrV4),
        message: &Message<'_>,
        at: Instant,
    ) {
        if !self.world.population().is_online(dest, at) {
            self.counters.to_nobody += 1;
            return;
        }
        if !self.modelled_lets_in((node, socket), dest, to, at) {
            self.counters.filtered += 1;
            return;
        }
        match &message.body {
            Body::Query(query) => {
                let query = (message.transaction_id, query);
                self.reply.clear();
                self.answerer
                    .answer(&self.world, dest, from, query, at, &mut self.reply);
                let sent = match self.reply.is_empty() {
                    true => None,
                    false => self.tampered(dest, from, message, at),
                };
                if let Some(sent) = sent {
                    self.counters.answered += 1;
                    if self
                        .world
                        .population()
                        .connectivity(dest)
                        .class
                        .has_mappings()
                    {
                        self.nodes[node.place()].known.note_sent(dest, socket, at);
                    }
                    self.reply_to((to, from), sent);
                }
                if !message.read_only && socket == SocketId(0) {
                    self.meet(node, dest, at);
                }
            }
            Body::Response(response) => {
                self.meet(node, dest, at);
                self.follow_up(node, dest, to, response, at);
            }
            Body::Error(_) => {}
        }
    }

    /// Sends the reply that was written.
    fn reply_to(&mut self, ends: (SocketAddrV4, SocketAddrV4), at: Instant) {
        let reply = std::mem::take(&mut self.reply);
        self.deliver(ends, &reply, at);
        self.reply = reply;
    }

    /// Sends a datagram of a modelled node to a full one at `at`.
    pub(super) fn deliver(
        &mut self,
        (from, to): (SocketAddrV4, SocketAddrV4),
        payload: &[u8],
        at: Instant,
    ) {
        let Some(node) = self.owner(&to) else {
            self.counters.to_nobody += 1;
            return;
        };
        let dest = &self.nodes[node.place()];
        let dest = dest.end_at(dest.socket_at(to));
        match self.links.delay(&self.world, links::home(*from.ip()), dest) {
            Some(delay) => {
                let payload = self.copy(payload);
                let arrival = Occurrence::Arrival { from, to, payload };
                self.wheel.push(at + delay, arrival);
            }
            None => self.counters.lost += 1,
        }
    }

    /// The address by which a modelled node knows a full one.
    pub(super) fn addr_known_to(&self, node: NodeIndex, peer: SocketAddrV4) -> SocketAddrV4 {
        let full = &self.nodes[node.place()];
        let host = (node, *full.addr.ip());
        match full.guard().filter(|guard| guard.is_symmetric()) {
            Some(_) => self.ports.shown(host, peer).unwrap_or(full.addr),
            None => full.addr,
        }
    }

    /// Keeps a payload's memory for the next.
    pub(super) fn keep_spare(&mut self, payload: Vec<u8>) {
        if self.spare.len() < MOST_SPARE {
            self.spare.push(payload);
        }
    }

    fn copy(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(payload);
        copy
    }

    /// Sends what a full node has to send, takes its events and notes when it
    /// wants to be woken.
    pub(super) fn settle(&mut self, node: NodeIndex) {
        while let Some(transmit) = self.nodes[node.place()].core.poll_transmit() {
            if let SocketAddr::V4(to) = transmit.to {
                self.send((node, transmit.socket), to, transmit.payload);
            }
        }
        self.take_events_of(node);
        let full = &mut self.nodes[node.place()];
        let Some(due) = full.core.poll_timeout() else {
            return;
        };
        if full.wake.is_none_or(|wake| due < wake) {
            full.wake = Some(due);
            self.wheel.push(due, Occurrence::Wake(node));
        }
    }
}

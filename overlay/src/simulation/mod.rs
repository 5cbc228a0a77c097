//! Full nodes among modelled ones, in virtual time.
//!
//! A [`Simulation`] drives any number of full nodes (the real
//! [`Core`](mdht_node::core::Core) with any plug-ins). A modelled node acts at
//! the moment a datagram reaches it; since nothing else can touch it on the
//! way, what it answers is worked out when the datagram is sent. Everything
//! follows from the world, the seed and the order of commands: to the byte.

mod acquaintances;
mod full_node;
mod links;
mod modelled_queries;
mod tap;

use std::collections::HashMap;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_krpc::{Body, Instant, Message};
use mdht_node::core::{Core, Event as NodeEvent, SocketId};

use crate::modelled::Answerer;
use crate::population::Identity;
use crate::wheel::Wheel;
use crate::world::World;

use full_node::FullNode;
pub use full_node::FullNodeSetup;
use links::Links;
pub use tap::{CaptureTap, Tap};

/// Names a full node of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(u32);

impl NodeIndex {
    const fn place(self) -> usize {
        self.0 as usize
    }
}

/// What happens at a moment.
#[derive(Debug)]
enum Occurrence {
    /// A datagram reaches a full node.
    Arrival(NodeIndex, SocketAddrV4, Vec<u8>),
    /// A full node asked to be woken.
    Wake(NodeIndex),
    /// A modelled node that holds a full node in its table thinks of it.
    Holder(NodeIndex, Identity),
    /// A modelled node that has heard of a full node may query it.
    Stranger(NodeIndex, bool),
}

/// What a simulation has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Datagrams that full nodes sent.
    pub sent: u64,
    /// Datagrams that reached full nodes.
    pub received: u64,
    /// Datagrams lost on a link.
    pub lost: u64,
    /// Datagrams that a NAT or firewall did not let in.
    pub filtered: u64,
    /// Datagrams to nodes that had left, or to nobody.
    pub to_nobody: u64,
    /// Queries of full nodes that modelled nodes answered.
    pub answered: u64,
    /// Queries of modelled nodes.
    pub modelled_queries: u64,
}

/// A run of full nodes in a world.
#[derive(Debug)]
pub struct Simulation {
    world: Arc<World>,
    now: Instant,
    wheel: Wheel<Occurrence>,
    nodes: Vec<FullNode>,
    by_addr: HashMap<SocketAddrV4, NodeIndex, FixedState>,
    /// Addresses that symmetric NATs show of modelled nodes.
    mapped: HashMap<SocketAddrV4, Identity, FixedState>,
    links: Links,
    answerer: Answerer,
    reply: Vec<u8>,
    /// Payloads that have been delivered, to be filled again.
    spare: Vec<Vec<u8>>,
    events: Vec<(NodeIndex, Instant, NodeEvent)>,
    counters: Counters,
}

impl Simulation {
    /// A run in `world` without full nodes yet. Runs with different `seed`s
    /// see the same world with other luck on the links.
    pub fn new(world: Arc<World>, seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            wheel: Wheel::default(),
            nodes: Vec::new(),
            by_addr: HashMap::default(),
            mapped: HashMap::default(),
            links: Links::new(&world, seed),
            answerer: Answerer::new(&world),
            reply: Vec::new(),
            spare: Vec::new(),
            events: Vec::new(),
            counters: Counters::default(),
            world,
        }
    }

    /// The world.
    pub const fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// What was counted so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Number of tables of modelled nodes that a full node is in, and number of
    /// queries that strangers sent it.
    pub fn known_by(&self, node: NodeIndex) -> (usize, u64) {
        let known = &self.nodes[node.place()].known;
        (known.holders(), known.strangers())
    }

    /// Adds a full node.
    pub fn add(&mut self, setup: FullNodeSetup) -> NodeIndex {
        let index = NodeIndex(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let number = u64::from(index.0);
        let node = FullNode::new(setup, self.links.draws_of(number), self.now);
        self.by_addr.insert(node.addr, index);
        self.nodes.push(node);
        self.wheel
            .push(self.now, Occurrence::Stranger(index, false));
        self.settle(index);
        index
    }

    /// A full node, to look at.
    pub fn node(&self, node: NodeIndex) -> &Core {
        &self.nodes[node.place()].core
    }

    /// A full node's address.
    pub fn addr(&self, node: NodeIndex) -> SocketAddrV4 {
        self.nodes[node.place()].addr
    }

    /// Gives a command to a full node.
    pub fn with<R>(&mut self, node: NodeIndex, command: impl FnOnce(&mut Core, Instant) -> R) -> R {
        let result = command(&mut self.nodes[node.place()].core, self.now);
        self.settle(node);
        result
    }

    /// Lets time pass up to `until`.
    pub fn run_until(&mut self, until: Instant) {
        while let Some((at, occurrence)) = self.wheel.pop_until(until) {
            self.now = self.now.max(at);
            self.happen(occurrence);
        }
        self.now = self.now.max(until);
    }

    /// Lets `time` pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// What full nodes told their users since this was last called.
    pub fn take_events(&mut self) -> Vec<(NodeIndex, Instant, NodeEvent)> {
        std::mem::take(&mut self.events)
    }

    fn happen(&mut self, occurrence: Occurrence) {
        match occurrence {
            Occurrence::Arrival(node, from, payload) => self.arrive(node, from, payload),
            Occurrence::Wake(node) => self.wake(node),
            Occurrence::Holder(node, holder) => self.holder_thinks(node, holder),
            Occurrence::Stranger(node, comes) => self.stranger(node, comes),
        }
    }

    fn arrive(&mut self, node: NodeIndex, from: SocketAddrV4, payload: Vec<u8>) {
        let full = &mut self.nodes[node.place()];
        if !full.lets_in(from, self.now) {
            self.counters.filtered += 1;
            return;
        }
        self.counters.received += 1;
        if let Some(tap) = &mut full.tap {
            tap.datagram(self.now, from.into(), full.addr.into(), &payload);
        }
        full.core
            .handle_datagram(self.now, SocketId(0), from.into(), &payload);
        self.spare.push(payload);
        self.settle(node);
    }

    fn wake(&mut self, node: NodeIndex) {
        let full = &mut self.nodes[node.place()];
        full.wake = None;
        if full.core.poll_timeout().is_some_and(|due| due <= self.now) {
            full.core.handle_timeout(self.now);
        }
        self.settle(node);
    }

    /// Sends what a full node has to send, takes its events and notes when it
    /// wants to be woken.
    fn settle(&mut self, node: NodeIndex) {
        while let Some(transmit) = self.nodes[node.place()].core.poll_transmit() {
            if let SocketAddr::V4(to) = transmit.to {
                self.send(node, to, transmit.payload);
            }
        }
        let full = &mut self.nodes[node.place()];
        while let Some(event) = full.core.poll_event() {
            self.events.push((node, self.now, event));
        }
        let Some(due) = full.core.poll_timeout() else {
            return;
        };
        if full.wake.is_none_or(|wake| due < wake) {
            full.wake = Some(due);
            self.wheel.push(due, Occurrence::Wake(node));
        }
    }

    fn send(&mut self, node: NodeIndex, to: SocketAddrV4, payload: Vec<u8>) {
        self.counters.sent += 1;
        let full = &mut self.nodes[node.place()];
        full.note_sent(to, self.now);
        if let Some(tap) = &mut full.tap {
            tap.datagram(self.now, full.addr.into(), to.into(), &payload);
        }
        if let Some(other) = self.by_addr.get(&to) {
            self.send_to_full(node, *other, payload);
            return;
        }
        self.send_to_modelled(node, to, &payload);
        self.spare.push(payload);
    }

    fn send_to_full(&mut self, node: NodeIndex, to: NodeIndex, payload: Vec<u8>) {
        let (from, dest) = (&self.nodes[node.place()], &self.nodes[to.place()]);
        let from_addr = from.addr;
        match self.links.delay(&self.world, from.end(), dest.end()) {
            Some(delay) => {
                let arrival = Occurrence::Arrival(to, from_addr, payload);
                self.wheel.push(self.now + delay, arrival);
            }
            None => self.counters.lost += 1,
        }
    }

    fn send_to_modelled(&mut self, node: NodeIndex, to: SocketAddrV4, payload: &[u8]) {
        let router = self.world.routers().iter().position(|router| *router == to);
        let population = self.world.population();
        let dest = self
            .mapped
            .get(&to)
            .copied()
            .or_else(|| population.by_addr(to));
        if router.is_none() && dest.is_none() {
            self.counters.to_nobody += 1;
            return;
        }
        let from = self.nodes[node.place()].end();
        let Some(delay) = self.links.delay(&self.world, from, links::home(*to.ip())) else {
            self.counters.lost += 1;
            return;
        };
        let at = self.now + delay;
        let Ok(message) = Message::scan(payload) else {
            return;
        };
        match (router, dest) {
            (Some(router), _) => self.reach_router(node, router, &message, at),
            (None, Some(dest)) => self.reach_modelled(node, dest, to, &message, at),
            (None, None) => {}
        }
    }

    fn reach_router(&mut self, node: NodeIndex, router: usize, message: &Message<'_>, at: Instant) {
        if let Body::Query(query) = &message.body {
            let query = (message.transaction_id, query);
            self.reply.clear();
            self.answerer
                .answer_as_router(&self.world, router, query, at, &mut self.reply);
            self.reply_to(node, self.world.routers()[router], at);
        }
    }

    /// A full node's datagram reaches a modelled node's door at `at`; `addr` is
    /// what it was sent to.
    fn reach_modelled(
        &mut self,
        node: NodeIndex,
        dest: Identity,
        addr: SocketAddrV4,
        message: &Message<'_>,
        at: Instant,
    ) {
        if !self.world.population().is_online(dest, at) {
            self.counters.to_nobody += 1;
            return;
        }
        if !self.modelled_lets_in(node, dest, addr, at) {
            self.counters.filtered += 1;
            return;
        }
        match &message.body {
            Body::Query(query) => {
                let from = self.nodes[node.place()].addr;
                let query = (message.transaction_id, query);
                self.reply.clear();
                self.answerer
                    .answer(&self.world, dest, from, query, at, &mut self.reply);
                if !self.reply.is_empty() {
                    self.counters.answered += 1;
                    if self
                        .world
                        .population()
                        .connectivity(dest)
                        .class
                        .has_mappings()
                    {
                        self.nodes[node.place()].known.note_sent(dest, at);
                    }
                    self.reply_to(node, addr, at);
                }
                if !message.read_only {
                    self.meet(node, dest, at);
                }
            }
            Body::Response(response) => {
                self.meet(node, dest, at);
                self.follow_up(node, dest, addr, response, at);
            }
            Body::Error(_) => {}
        }
    }

    /// Sends the reply that was written, from `from` at `at`.
    fn reply_to(&mut self, node: NodeIndex, from: SocketAddrV4, at: Instant) {
        let reply = std::mem::take(&mut self.reply);
        self.deliver(node, from, &reply, at);
        self.reply = reply;
    }

    /// Sends a datagram of a modelled node to a full one.
    fn deliver(&mut self, node: NodeIndex, from: SocketAddrV4, payload: &[u8], at: Instant) {
        let dest = self.nodes[node.place()].end();
        match self.links.delay(&self.world, links::home(*from.ip()), dest) {
            Some(delay) => {
                let mut copy = self.spare.pop().unwrap_or_default();
                copy.clear();
                copy.extend_from_slice(payload);
                self.wheel
                    .push(at + delay, Occurrence::Arrival(node, from, copy));
            }
            None => self.counters.lost += 1,
        }
    }
}

//! Full nodes among modelled ones, in virtual time.
//!
//! A [`Simulation`] drives any number of full nodes (the real
//! [`Core`](mdht_node::core::Core) with any plug-ins). A modelled node acts at
//! the moment a datagram reaches it; since nothing else can touch it on the
//! way, what it answers is worked out when the datagram is sent. Everything
//! follows from the world, the seed and the order of commands: to the byte.
//! Where all nodes of the world are full ones ([`Simulation::of_full_nodes`])
//! nobody is modelled but the routers.

mod acquaintances;
mod clients;
mod delivery;
mod full_node;
mod guard;
mod hostile;
mod inhabitant;
mod links;
mod modelled_queries;
mod residents;
mod symmetric_ports;
mod tap;

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_krpc::Instant;
use mdht_node::core::{Core, Event as NodeEvent};

use crate::attack::Adversary;
use crate::draws::{Draws, Subject};
use crate::modelled::Answerer;
use crate::population::Identity;
use crate::wheel::Wheel;
use crate::world::World;

pub(crate) use clients::Received;
use full_node::FullNode;
pub use full_node::FullNodeSetup;
use links::Links;
use residents::Residents;
use symmetric_ports::SymmetricPorts;
pub use tap::{CaptureTap, Tap};

/// Names a full node of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(u32);

impl NodeIndex {
    pub(crate) const fn place(self) -> usize {
        self.0 as usize
    }
}

/// Clients outside are this crate's own: nobody is given their indices.
const NOT_A_CORE: &str = "indices of clients are not handed out";

/// What happens at a moment.
#[derive(Debug)]
enum Occurrence {
    /// A datagram reaches the door of whatever full node is at `to`.
    Arrival {
        from: SocketAddrV4,
        to: SocketAddrV4,
        payload: Vec<u8>,
    },
    /// A full node asked to be woken.
    Wake(NodeIndex),
    /// A modelled node that holds a full node in its table thinks of it.
    Holder(NodeIndex, Identity),
    /// A modelled node that has heard of a full node may query it.
    Stranger(NodeIndex, bool),
    /// The first full node at a place of the population starts.
    Start(u32),
    /// A resident's stay ends: its successor starts.
    Succession(NodeIndex),
    /// A resident's user looks something up.
    UserLookup(NodeIndex),
    /// The adversary acts of its own accord.
    Adversary,
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
    /// Full nodes of the world that left and were succeeded.
    pub successions: u64,
    /// Lookups of their users.
    pub user_lookups: u64,
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
    /// Addresses that symmetric NATs show of full nodes.
    ports: SymmetricPorts,
    /// The world's own full nodes, where it has no modelled ones.
    residents: Option<Box<Residents>>,
    /// Whoever attacks.
    adversary: Option<Box<Adversary>>,
    links: Links,
    answerer: Answerer,
    reply: Vec<u8>,
    /// Payloads that have been delivered, to be filled again.
    spare: Vec<Vec<u8>>,
    events: Vec<(NodeIndex, Instant, NodeEvent)>,
    counters: Counters,
    /// What has reached clients outside.
    received: VecDeque<Received>,
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
            ports: SymmetricPorts::new(Draws::new(world.parameters().seed, Subject::Port).of(seed)),
            residents: None,
            adversary: None,
            links: Links::new(&world, seed),
            answerer: Answerer::new(&world),
            reply: Vec::new(),
            spare: Vec::new(),
            events: Vec::new(),
            counters: Counters::default(),
            received: VecDeque::new(),
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

    /// Adds a full node: a node under test.
    pub fn add(&mut self, setup: FullNodeSetup) -> NodeIndex {
        let index = self.next_index();
        let node = FullNode::new(setup, self.links.draws_of(index.0.into()), self.now);
        for addr in node.sockets() {
            self.by_addr.insert(addr, index);
        }
        self.nodes.push(node);
        if self.residents.is_none() {
            self.wheel
                .push(self.now, Occurrence::Stranger(index, false));
        }
        self.settle(index);
        index
    }

    fn next_index(&self) -> NodeIndex {
        NodeIndex(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX))
    }

    /// All full nodes, in the order in which they came. A node of the world
    /// that leaves hands its index to its successor.
    pub fn full_nodes(&self) -> impl Iterator<Item = NodeIndex> {
        (0..self.next_index().0).map(NodeIndex)
    }

    /// Number of events that are pending.
    pub const fn pending(&self) -> usize {
        self.wheel.len()
    }

    /// A full node, to look at.
    ///
    /// # Panics
    /// If the index is of another simulation.
    pub fn node(&self, node: NodeIndex) -> &Core {
        let core = self.nodes[node.place()].core.as_core();
        core.expect(NOT_A_CORE)
    }

    /// A full node's address.
    pub fn addr(&self, node: NodeIndex) -> SocketAddrV4 {
        self.nodes[node.place()].addr
    }

    /// Gives a command to a full node.
    ///
    /// # Panics
    /// If the index is of another simulation.
    pub fn with<R>(&mut self, node: NodeIndex, command: impl FnOnce(&mut Core, Instant) -> R) -> R {
        let core = self.nodes[node.place()].core.as_core_mut();
        let result = command(core.expect(NOT_A_CORE), self.now);
        self.settle(node);
        result
    }

    /// Gives a full node the world's routers to join by.
    pub fn bootstrap(&mut self, node: NodeIndex) {
        let routers: Vec<SocketAddr> = self.world.routers().iter().map(|&r| r.into()).collect();
        self.with(node, |core, now| core.add_bootstrap(now, &routers));
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
            Occurrence::Arrival { from, to, payload } => self.arrive(from, to, payload),
            Occurrence::Wake(node) => self.wake(node),
            Occurrence::Holder(node, holder) => self.holder_thinks(node, holder),
            Occurrence::Stranger(node, comes) => self.stranger(node, comes),
            Occurrence::Start(rank) => self.start_resident(rank),
            Occurrence::Succession(node) => self.succeed(node),
            Occurrence::UserLookup(node) => self.user_looks_up(node),
            Occurrence::Adversary => self.adversary_acts(),
        }
    }

    fn wake(&mut self, node: NodeIndex) {
        let full = &mut self.nodes[node.place()];
        // one that an earlier one has made needless, or a predecessor's
        if full.wake != Some(self.now) {
            return;
        }
        full.wake = None;
        if full.core.poll_timeout().is_some_and(|due| due <= self.now) {
            full.core.handle_timeout(self.now);
        }
        self.settle(node);
    }
}

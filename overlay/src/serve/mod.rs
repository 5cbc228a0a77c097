//! The world in real time, for real clients on real UDP.
//!
//! [`RealTime`] is the sans-IO front: datagrams of clients go in with the time
//! they came, datagrams to clients come out with the time they are due. **After
//! one input, drain [`RealTime::poll_transmit`] to `None`, then read
//! [`RealTime::poll_timeout`].** What happens in between is
//! [`Simulation`]'s, the same as in virtual time: a client is a full node that
//! something else drives. `udp` (on Linux) drives it with sockets and a clock.
//!
//! The nodes of the world have public addresses; clients meet them in a local
//! [`Range`]: there every node has an address that follows from the seed, and
//! all have the same port. A symmetric NAT shows ports of a pool instead.
//! Addresses inside of what nodes say are replaced likewise. So delays, losses
//! and filters go by the world's addresses, and clients see local ones only.

mod places;
mod range;
mod rewriting;
mod shown_ports;
#[cfg(test)]
mod tests;
#[cfg(target_os = "linux")]
pub mod udp;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::sync::Arc;

use foldhash::fast::FixedState;
use mdht_krpc::{Body, Id, Instant, Message, is_public};

use crate::attack::{Adversary, Attack, AttackError};
use crate::simulation::{Counters, NodeIndex, Received, Simulation};
use crate::world::World;

use places::LocalPlaces;
pub use places::TooNarrow;
pub use range::{ParseRangeError, Range};
use rewriting::{Role, rewrite};
use shown_ports::ShownPorts;

/// Most clients: each socket that sends is one.
const MOST_CLIENTS: usize = 4096;
/// Numbers of addresses for clients from outside the range begin here.
const OUTSIDE: u64 = 1 << 40;

/// Where the world is found.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The local addresses.
    pub range: Range,
    /// The port of every node.
    pub port: u16,
    /// Number of ports behind it that symmetric NATs show; at least 1.
    pub pool: u16,
    /// Luck on the links.
    pub seed: u64,
}

impl Plan {
    /// Ports of symmetric NATs.
    pub const fn pool_ports(&self) -> RangeInclusive<u16> {
        let first = self.port.saturating_add(1);
        first..=self.port.saturating_add(self.pool)
    }
}

/// A datagram that is due at a client.
#[derive(Debug)]
pub struct Transmit {
    /// When it was due: not after the time of the last input.
    pub at: Instant,
    /// The node's local address.
    pub from: SocketAddrV4,
    /// The client.
    pub to: SocketAddrV4,
    /// What it says.
    pub payload: Vec<u8>,
}

/// What the front counted beside the [`Counters`] of the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrontCounters {
    /// Sockets of clients that sent something.
    pub clients: usize,
    /// Datagrams of clients.
    pub received: u64,
    /// Datagrams to clients.
    pub sent: u64,
    /// Datagrams that are no KRPC messages, such as those of peers.
    pub not_krpc: u64,
    /// Datagrams to addresses that nobody has or had.
    pub to_nobody: u64,
    /// Datagrams of clients beyond the 4,096th, or from addresses that belong
    /// to nodes.
    pub turned_away: u64,
}

/// The world in real time.
#[derive(Debug)]
pub struct RealTime {
    simulation: Simulation,
    places: LocalPlaces,
    plan: Plan,
    /// Local addresses of clients, in the order of their indices.
    clients: Vec<SocketAddrV4>,
    by_local: HashMap<SocketAddrV4, NodeIndex, FixedState>,
    /// Local addresses of clients by those that the world knows.
    local_ips: HashMap<Ipv4Addr, Ipv4Addr, FixedState>,
    shown: ShownPorts,
    counters: FrontCounters,
}

impl RealTime {
    /// The world at time zero, without clients.
    ///
    /// # Errors
    /// The range is too narrow for the world.
    pub fn new(world: Arc<World>, plan: Plan) -> Result<Self, TooNarrow> {
        let seed = world.parameters().seed;
        let places = LocalPlaces::new(plan.range, seed, world.population().len())?;
        Ok(Self {
            simulation: Simulation::new(world, plan.seed),
            places,
            plan,
            clients: Vec::new(),
            by_local: HashMap::default(),
            local_ips: HashMap::default(),
            shown: ShownPorts::new(plan.pool_ports()),
            counters: FrontCounters::default(),
        })
    }

    /// Turns a share of the world's nodes, which then answer as the attack says.
    ///
    /// # Errors
    /// The attack needs addresses of its own: they have no place here.
    pub fn turn(&mut self, attack: Attack) -> Result<(), AttackError> {
        if !attack.is_by_turned_nodes() {
            let kind = attack.kind.name();
            return Err(AttackError::NotServed { kind });
        }
        // nobody is singled out: whoever asks is the victim
        let victim = (SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0), Id::default());
        let seed = self.world().parameters().seed;
        let adversary = Adversary::new(attack, seed, victim, Vec::new(), Instant::ZERO);
        self.simulation.let_in(adversary);
        Ok(())
    }

    /// Where the world is found.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The world.
    pub const fn world(&self) -> &Arc<World> {
        self.simulation.world()
    }

    /// Local addresses of the bootstrap nodes.
    pub fn bootstrap(&self) -> impl Iterator<Item = SocketAddrV4> {
        let routers = 0..self.world().routers().len();
        routers.map(|router| self.router_local(router))
    }

    /// What the world counted. Its full nodes are the clients.
    pub const fn counters(&self) -> Counters {
        self.simulation.counters()
    }

    /// What the front counted.
    pub const fn front_counters(&self) -> FrontCounters {
        self.counters
    }

    /// Each client, with the number of tables that it is in and of queries that
    /// strangers sent it.
    pub fn known_by(&self) -> impl Iterator<Item = (SocketAddrV4, usize, u64)> {
        let clients = self.simulation.full_nodes().zip(&self.clients);
        clients.map(|(node, local)| {
            let (tables, strangers) = self.simulation.known_by(node);
            (*local, tables, strangers)
        })
    }

    /// A client's datagram has come in.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddrV4,
        to: SocketAddrV4,
        payload: &[u8],
    ) {
        self.simulation.run_until(now);
        self.counters.received += 1;
        let Ok(message) = Message::scan(payload) else {
            self.counters.not_krpc += 1;
            return;
        };
        let Some(client) = self.client(from) else {
            self.counters.turned_away += 1;
            return;
        };
        let Some(to) = self.to_world(client, to, now) else {
            self.counters.to_nobody += 1;
            return;
        };
        let id = id_given(&message);
        self.simulation.client_sends(client, id, to, payload);
    }

    /// Lets time pass up to `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.simulation.run_until(now);
    }

    /// When something is due next.
    #[must_use]
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.simulation.next_due()
    }

    /// The next datagram that is due. [`RealTime::recycle`] its payload.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        loop {
            let received = self.simulation.take_received()?;
            match self.transmit(received) {
                Ok(transmit) => return Some(transmit),
                Err(payload) => self.recycle(payload),
            }
        }
    }

    /// Takes back the memory of a payload.
    pub fn recycle(&mut self, payload: Vec<u8>) {
        self.simulation.give_back(payload);
    }

    /// The datagram as the client sees it; only its payload if it has no
    /// sender that the client could see.
    fn transmit(&mut self, received: Received) -> Result<Transmit, Vec<u8>> {
        let Received {
            at,
            client,
            from,
            mut payload,
        } = received;
        let Some(to) = self.clients.get(client.place()).copied() else {
            return Err(payload);
        };
        let from = match self.local_ips.get(from.ip()) {
            // what a client says to another names local addresses already
            Some(ip) => SocketAddrV4::new(*ip, from.port()),
            None => {
                rewrite(&mut payload, |role, addr| self.to_local(role, addr));
                match self.sender_to_local(client, from, at) {
                    Some(from) => from,
                    None => return Err(payload),
                }
            }
        };
        self.counters.sent += 1;
        Ok(Transmit {
            at,
            from,
            to,
            payload,
        })
    }

    /// The client at an address: a new one if it has not sent before.
    fn client(&mut self, local: SocketAddrV4) -> Option<NodeIndex> {
        if let Some(client) = self.by_local.get(&local) {
            return Some(*client);
        }
        let place = self.plan.range.place(*local.ip());
        let is_node = place.is_some_and(|place| place >= self.plan.range.first_node());
        if is_node || self.clients.len() >= MOST_CLIENTS {
            return None;
        }
        let number = place.map_or_else(|| OUTSIDE | u64::from(local.ip().to_bits()), u64::from);
        let ip = *self.world().free_addr(number).ip();
        let client = self
            .simulation
            .add_client(SocketAddrV4::new(ip, local.port()));
        self.clients.push(local);
        self.by_local.insert(local, client);
        self.local_ips.insert(ip, *local.ip());
        self.counters.clients += 1;
        Some(client)
    }

    /// The world's address of what `client` knows by a local one.
    fn to_world(&self, client: NodeIndex, to: SocketAddrV4, now: Instant) -> Option<SocketAddrV4> {
        if let Some(other) = self.by_local.get(&to) {
            return Some(self.simulation.addr(*other));
        }
        if to.port() != self.plan.port {
            return self.shown.world(client, to);
        }
        let mut routers = (0..).zip(self.world().routers());
        let router = routers.find(|(number, _)| self.router_local(*number) == to);
        if let Some((_, router)) = router {
            return Some(*router);
        }
        let population = self.world().population();
        let identity = self.places.node(population, *to.ip(), now)?;
        Some(population.contact(identity).0)
    }

    /// The local address of a datagram's sender; one behind a symmetric NAT
    /// shows a port of the pool.
    fn sender_to_local(
        &mut self,
        client: NodeIndex,
        from: SocketAddrV4,
        at: Instant,
    ) -> Option<SocketAddrV4> {
        if let Some(router) = self.world().routers().iter().position(|r| *r == from) {
            return Some(self.router_local(router));
        }
        let identity = self.simulation.shown_at(from)?;
        let ip = self.places.of_node(identity);
        let (own, _) = self.world().population().contact(identity);
        match own == from {
            true => Some(SocketAddrV4::new(ip, self.plan.port)),
            false => Some(self.shown.show(client, ip, from, at)),
        }
    }

    /// The local address of a contact or peer.
    fn to_local(&self, role: Role, addr: SocketAddrV4) -> SocketAddrV4 {
        if let Some(ip) = self.local_ips.get(addr.ip()) {
            return SocketAddrV4::new(*ip, addr.port());
        }
        if role == Role::Node
            && let Some(identity) = self.simulation.shown_at(addr)
        {
            return SocketAddrV4::new(self.places.of_node(identity), self.plan.port);
        }
        let ip = *addr.ip();
        match role {
            // what no node can have, only an attacker names: it stays impossible
            _ if !is_public(ip.into()) || addr.port() == 0 => addr,
            // one that does not exist is silent, as all are at this port
            Role::Node => SocketAddrV4::new(self.places.of_stranger(ip), self.plan.port),
            Role::Peer => SocketAddrV4::new(self.places.of_stranger(ip), addr.port()),
        }
    }

    fn router_local(&self, router: usize) -> SocketAddrV4 {
        let number = u8::try_from(router).unwrap_or(0);
        SocketAddrV4::new(self.plan.range.bootstrap(number), self.plan.port)
    }
}

/// The ID that a message's sender gives as its own.
fn id_given(message: &Message<'_>) -> Option<Id> {
    match &message.body {
        Body::Query(query) => query.id,
        Body::Response(response) => response.id,
        Body::Error(_) => None,
    }
}

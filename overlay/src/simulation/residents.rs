//! The world's own full nodes: who lives where, until when, and what their
//! users do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mdht_krpc::{Body, Family, Id, Instant, Message, Method};
use mdht_node::AnnouncePort;
use mdht_node::core::{Event, SavedNode};

use super::{FullNode, NodeIndex, Occurrence, Simulation};
use crate::draws::{Draws, Subject, below, unit};
use crate::full_world::{FullWorld, FullWorldError, Plan, Start, warm_table};
use crate::population::{Identity, prefix_of};
use crate::world::World;

/// Addresses that a node without a table joins by.
const JOIN_BY: u64 = 8;

/// The residents' plan and its luck.
#[derive(Debug)]
pub(crate) struct Residents {
    plan: Plan,
    draws: Draws,
    drawn: u64,
}

impl Residents {
    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.draws.one(self.drawn)
    }
}

impl Simulation {
    /// A run in a world all of whose nodes are full ones; the routers alone
    /// are modelled still, and hand out nodes that are online. Nodes under test
    /// can be added as in any run.
    ///
    /// The peers of modelled swarms are put into the stores of the nodes that
    /// would hold them in the modelled world, at the moment somebody asks.
    ///
    /// # Errors
    /// Shares that do not add up, or a rate that cannot be.
    pub fn of_full_nodes(
        world: Arc<World>,
        seed: u64,
        full: FullWorld,
    ) -> Result<Self, FullWorldError> {
        full.validate()?;
        let world_seed = world.parameters().seed;
        let mut residents = Residents {
            draws: Draws::new(world_seed, Subject::Resident).of(3).of(seed),
            drawn: 0,
            plan: Plan::new(full, world_seed, seed),
        };
        let mut simulation = Self::new(world, seed);
        let places = simulation.world.population().len();
        let span = residents.plan.world.start_over.as_secs_f64();
        simulation.nodes.reserve_exact(places as usize);
        for rank in 0..places {
            let at = Instant::ZERO + Duration::from_secs_f64(span * unit(residents.draw()));
            simulation.wheel.push(at, Occurrence::Start(rank));
        }
        simulation.residents = Some(Box::new(residents));
        Ok(simulation)
    }

    /// Who a full node is in the world's population; `None` for a node under
    /// test.
    pub fn identity(&self, node: NodeIndex) -> Option<Identity> {
        self.nodes[node.place()].resident
    }

    pub(super) fn start_resident(&mut self, rank: u32) {
        let node = self.next_index();
        let identity = self.world.population().at(rank, self.now);
        let Some(full) = self.make_resident(node, identity) else {
            return;
        };
        self.nodes.push(full);
        self.plan_user_lookup(node);
        let start = self.residents.as_ref().map(|all| all.plan.world.start);
        self.move_in(node, identity, start == Some(Start::Warm));
    }

    /// The one who comes after a resident whose stay is over.
    pub(super) fn succeed(&mut self, node: NodeIndex) {
        let leaving = &self.nodes[node.place()];
        let Some(gone) = leaving.resident else {
            return;
        };
        self.by_addr.remove(&leaving.addr);
        let identity = self.world.population().at(gone.rank, self.now);
        if let Some(full) = self.make_resident(node, identity) {
            self.counters.successions += 1;
            self.nodes[node.place()] = full;
            self.move_in(node, identity, false);
        }
    }

    fn make_resident(&self, node: NodeIndex, identity: Identity) -> Option<FullNode> {
        let setup = self.residents.as_ref()?.plan.setup(&self.world, identity);
        let draws = self.links.draws_of(node.0.into());
        let mut full = FullNode::new(setup, draws, self.now);
        full.resident = Some(identity);
        Some(full)
    }

    fn move_in(&mut self, node: NodeIndex, identity: Identity, warm: bool) {
        self.by_addr.insert(self.nodes[node.place()].addr, node);
        let stay = self.world.population().stay(identity.rank, self.now);
        self.wheel.push(stay.end, Occurrence::Succession(node));
        if warm {
            let table = warm_table(&self.world, identity, self.now);
            let core = &mut self.nodes[node.place()].core;
            let id = core.id(Family::V4).unwrap_or_default();
            let overlays = vec![(Family::V4, id, table)];
            core.restore(self.now, &SavedNode { overlays });
            self.settle(node);
        } else {
            self.introduce(node);
        }
    }

    /// Gives a node addresses to join by. It knows the same few places all its
    /// life, and who is there now.
    fn introduce(&mut self, node: NodeIndex) {
        let full = &self.nodes[node.place()];
        let (Some(identity), Some(residents)) = (full.resident, &self.residents) else {
            return;
        };
        let known = match residents.plan.world.start {
            Start::Joining => self.nodes.len() as u64,
            Start::Warm => self.world.population().len().into(),
        };
        let draws = residents.draws.of(identity.number());
        let others = (0..JOIN_BY).map(|number| below(draws.one(number), known));
        let addrs: Vec<SocketAddr> = others
            .filter_map(|other| self.nodes.get(usize::try_from(other).ok()?))
            .map(|other| other.addr.into())
            .collect();
        let core = &mut self.nodes[node.place()].core;
        core.add_bootstrap(self.now, &addrs);
        self.settle(node);
    }

    /// Takes what a full node tells its user. A resident's user knows only one
    /// answer: more addresses.
    pub(super) fn take_events_of(&mut self, node: NodeIndex) {
        let mut needs_addresses = false;
        let full = &mut self.nodes[node.place()];
        while let Some(event) = full.core.poll_event() {
            match full.resident {
                Some(_) => needs_addresses |= event == Event::NeedBootstrap,
                None => self.events.push((node, self.now, event)),
            }
        }
        if needs_addresses {
            self.introduce(node);
        }
    }

    /// The next lookup of a resident's user.
    fn plan_user_lookup(&mut self, node: NodeIndex) {
        let Some(residents) = &mut self.residents else {
            return;
        };
        let rate = residents.plan.world.lookups_per_hour;
        if rate > 0.0 {
            let hours = -(1.0 - unit(residents.draw())).ln() / rate;
            let at = self.now + Duration::from_secs_f64(hours * 3600.0);
            self.wheel.push(at, Occurrence::UserLookup(node));
        }
    }

    pub(super) fn user_looks_up(&mut self, node: NodeIndex) {
        let Some(residents) = &mut self.residents else {
            return;
        };
        let swarms = self.world.swarms();
        let number = below(residents.draw(), swarms.background());
        if let Some(key) = swarms.background_infohash(number) {
            self.counters.user_lookups += 1;
            let core = &mut self.nodes[node.place()].core;
            core.announce(self.now, key, AnnouncePort::Implied);
            self.settle(node);
        }
        self.plan_user_lookup(node);
    }

    /// Before a resident is asked for a swarm's peers, its store is brought up
    /// to what would have been announced to it.
    pub(super) fn hold_values(&mut self, node: NodeIndex, payload: &[u8]) {
        let full = &mut self.nodes[node.place()];
        let Some((identity, key)) = full.resident.zip(asked_for(payload)) else {
            return;
        };
        let Some(swarm) = self.world.swarms().swarm(&key) else {
            return;
        };
        let prefix = self.world.population().prefix(identity.rank);
        debug_assert_eq!(
            Some(prefix),
            full.core.id(Family::V4).map(|id| prefix_of(&id))
        );
        let mut peers = Vec::new();
        let held = (identity.number(), prefix);
        self.world.swarms().held(&swarm, held, self.now, &mut peers);
        for peer in peers {
            full.core.hold_peer(self.now, key, peer.into());
        }
    }
}

/// The infohash that a query asks for.
fn asked_for(payload: &[u8]) -> Option<Id> {
    let message = Message::scan(payload).ok()?;
    match message.body {
        Body::Query(query) if query.method == Method::GetPeers => query.info_hash,
        _ => None,
    }
}

//! A node's life under attack.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mdht_krpc::{Body, Family, Id, Instant, Message, Method, Rng};
use mdht_node::core::{AnnouncePort, Config, Event, LookupId};
use mdht_plugins::routing::Standing;
use mdht_plugins::{LookupFactory, RoutingFactory};

use super::hosts::Hosts;
use super::{Adversary, Attack, Damage, Kind, Looked, Store, Traffic};
use crate::population::prefix_of;
use crate::simulation::{FullNodeSetup, NodeIndex, Simulation};
use crate::world::World;

/// What the node holds is looked at so often.
const LOOK: Duration = Duration::from_secs(1);
/// A lookup is over by then.
const AFTERWARDS: Duration = Duration::from_secs(60);
/// Swarms of which the node holds honest peers when the attack begins, and
/// peers of each.
const PLANTED: u8 = 100;
const PLANTED_PEERS: u8 = 3;
/// Peers of each swarm that is asked for under a forged source.
const WELL_KNOWN: u16 = 500;

/// What is to be lived through.
#[derive(Clone, Debug)]
pub struct Siege {
    /// The world.
    pub world: Arc<World>,
    /// Who attacks.
    pub attack: Attack,
    /// The node's routing policy.
    pub routing: RoutingFactory,
    /// Its lookup policy.
    pub lookup: LookupFactory,
    /// Luck of node, links and adversary.
    pub seed: u64,
    /// Lookups of as many of the world's most popular swarms, in an order that
    /// follows from the seed; at most as many as there are.
    pub lookups: u32,
    /// Time to join before the first lookup. The attack begins at half of it:
    /// the node has met honest ones by then. Twice the lifetime of an announce
    /// and more is too long to see what is left of those before.
    pub warm_up: Duration,
    /// Time between two lookups.
    pub interval: Duration,
}

/// What has passed between the node and others.
#[derive(Debug, Default)]
struct Passed {
    traffic: Traffic,
    /// Keys announced, and whom to.
    announces: Vec<(Id, SocketAddrV4)>,
}

/// A siege that goes on.
struct Run<'s> {
    siege: &'s Siege,
    simulation: Simulation,
    node: NodeIndex,
    keys: Vec<Id>,
    passed: Arc<Mutex<Passed>>,
    begun: Vec<(LookupId, usize)>,
    damage: Damage,
}

impl Siege {
    /// Lives through it.
    pub fn run(&self) -> Damage {
        let mut run = Run::new(self);
        let begins = Instant::ZERO + self.warm_up / 2;
        run.pass(begins);
        run.plant();
        run.pass(Instant::ZERO + self.warm_up);
        run.observe();
        for number in 0..run.keys.len() {
            run.look_up(number);
            run.pass(run.simulation.now() + self.interval);
        }
        run.pass(run.simulation.now() + AFTERWARDS);
        run.finish()
    }

    fn keys(&self) -> Vec<Id> {
        let swarms = self.world.swarms();
        let mut ranks: Vec<u32> = (0..self.world.parameters().swarms.top).collect();
        Rng::from_u64(self.seed).child().shuffle(&mut ranks);
        ranks.truncate(self.lookups as usize);
        ranks
            .into_iter()
            .map(|rank| swarms.top_infohash(rank))
            .collect()
    }
}

impl<'s> Run<'s> {
    fn new(siege: &'s Siege) -> Self {
        let keys = siege.keys();
        let mut rng = Rng::from_u64(siege.seed);
        let (mut seed, id) = ([0; 32], Id::random(&mut rng));
        rng.fill(&mut seed);
        let addr = siege.world.free_addr(0);
        let begins = Instant::ZERO + siege.warm_up / 2;
        let adversary = Adversary::new(siege.attack, siege.seed, (addr, id), keys.clone(), begins);
        let passed = Arc::new(Mutex::new(Passed::default()));
        let config = Config {
            id: Some(id),
            ..Config::new(Vec::new(), siege.routing.clone(), siege.lookup.clone())
        };
        let mut setup = FullNodeSetup::new(addr, config, seed);
        let hosts = Hosts::new(siege.attack, siege.seed, id);
        setup.tap = Some(Box::new(tap(hosts, addr, Arc::clone(&passed))));
        let mut simulation = Simulation::new(Arc::clone(&siege.world), siege.seed);
        let node = simulation.add(setup);
        simulation.bootstrap(node);
        simulation.let_in(adversary);
        Self {
            siege,
            simulation,
            node,
            keys,
            passed,
            begun: Vec::new(),
            damage: Damage::default(),
        }
    }

    /// What others have announced when the attack begins.
    fn plant(&mut self) {
        let planted = planted_keys();
        self.damage.planted = planted.len();
        let is_asked_for = self.siege.attack.kind == Kind::Reflect;
        let well_known = self.keys.iter().take(8).filter(|_| is_asked_for);
        let well_known: Vec<_> = well_known.copied().collect();
        self.simulation.with(self.node, |core, now| {
            for (number, key) in (0..).zip(&planted) {
                for peer in 0..PLANTED_PEERS {
                    let peer = SocketAddr::from(([81, number, peer, 1], 6881));
                    core.hold_peer(now, *key, peer);
                }
            }
            for (key, peer) in well_known
                .iter()
                .flat_map(|key| (0..WELL_KNOWN).map(move |p| (key, p)))
            {
                let [high, low] = peer.to_be_bytes();
                core.hold_peer(now, *key, SocketAddr::from(([82, 1, high, low], 6881)));
            }
        });
    }

    fn look_up(&mut self, number: usize) {
        let key = self.keys[number];
        self.simulation
            .have_adversary(|adversary, _| adversary.note_lookup(number));
        let announce =
            |core: &mut mdht_node::core::Core, now| core.announce(now, key, AnnouncePort::Implied);
        let lookup = self.simulation.with(self.node, announce);
        self.begun.push((lookup, number));
        self.damage.lookups.push(Looked::default());
    }

    /// Lets time pass and looks at what the node holds.
    fn pass(&mut self, until: Instant) {
        while self.simulation.now() < until {
            let next = until.min(self.simulation.now() + LOOK);
            self.simulation.run_until(next);
            self.take_events();
            let core = self.simulation.node(self.node);
            let store = &mut self.damage.store;
            store.most_in_flight = store.most_in_flight.max(core.in_flight());
            store.most_peer_bytes = store.most_peer_bytes.max(core.stored_peer_bytes());
            let (items, bytes) = core.stored_items();
            store.most_items = store.most_items.max(items);
            store.most_item_bytes = store.most_item_bytes.max(bytes);
            store.most_contacts = store.most_contacts.max(core.table(Family::V4).len());
        }
    }

    fn take_events(&mut self) {
        for (_, _, event) in self.simulation.take_events() {
            match event {
                Event::Peer {
                    lookup,
                    peer,
                    elapsed,
                    ..
                } => {
                    let is_false = matches!(peer, SocketAddr::V4(peer) if Hosts::is_false(&peer));
                    if let Some(looked) = self.looked(lookup) {
                        looked.any_value.get_or_insert(elapsed);
                        if is_false {
                            looked.false_peers += 1;
                        } else {
                            looked.true_peers += 1;
                            looked.true_value.get_or_insert(elapsed);
                        }
                    }
                }
                Event::LookupDone { lookup, report } => {
                    /// As many as the modules of the thesis announce to.
                    const ANNOUNCED_TO: usize = 3;
                    let adversary = self.simulation.adversary();
                    let is_hostile = |addr| adversary.is_some_and(|all| all.is_hostile(addr));
                    let closest = report.closest.iter().take(ANNOUNCED_TO);
                    let hostile = closest.clone().filter(|contact| is_hostile(&contact.addr));
                    let (count, hostile) = (closest.clone().count(), hostile.count());
                    if let Some(looked) = self.looked(lookup) {
                        looked.queries = report.queries;
                        looked.closest = u32::try_from(count).unwrap_or(0);
                        looked.hostile_closest = u32::try_from(hostile).unwrap_or(0);
                    }
                }
                _ => {}
            }
        }
    }

    fn looked(&mut self, lookup: LookupId) -> Option<&mut Looked> {
        let (_, number) = self.begun.iter().find(|(begun, _)| *begun == lookup)?;
        self.damage.lookups.get_mut(*number)
    }

    fn finish(mut self) -> Damage {
        self.take_announces();
        let adversary = self.simulation.adversary();
        let is_hostile = |addr| adversary.is_some_and(|all| all.is_hostile(addr));
        let core = self.simulation.node(self.node);
        let table = core.table(Family::V4);
        let held = table
            .iter()
            .filter(|entry| entry.standing != Standing::Waiting);
        let hostile = held.clone().filter(|entry| is_hostile(&entry.contact.addr));
        let (swarms, peers) = core.stored_peers();
        self.damage.store = Store {
            hostile_contacts: hostile.count(),
            contacts: held.count(),
            swarms,
            peers,
            ..self.damage.store
        };
        self.damage.stats = *core.stats();
        self.damage
    }

    /// Takes stock of what has passed.
    fn take_announces(&mut self) {
        let passed =
            std::mem::take(&mut *self.passed.lock().unwrap_or_else(PoisonError::into_inner));
        self.damage.traffic = passed.traffic;
        for (looked, key) in self.damage.lookups.iter_mut().zip(&self.keys) {
            let announces = passed.announces.iter().filter(|(about, _)| about == key);
            for (_, to) in announces {
                looked.announces += 1;
                looked.near_announces += u32::from(is_near(&self.siege.world, key, *to));
            }
        }
    }

    /// Asks for the planted swarms as anybody might.
    fn observe(&mut self) {
        let keys = planted_keys();
        self.simulation
            .have_adversary(|adversary, out| adversary.observe(&keys, out));
        self.pass(self.simulation.now() + AFTERWARDS);
        if let Some(adversary) = self.simulation.adversary() {
            let observed = adversary.observed();
            self.damage.answered = usize::try_from(observed.answered).unwrap_or(0);
            self.damage.kept = usize::try_from(observed.with_values).unwrap_or(0);
        }
    }
}

/// Infohashes of the planted swarms.
fn planted_keys() -> Vec<Id> {
    let key = |number: u8| {
        let mut key = [0x5a; Id::LEN];
        key[0] = number.wrapping_mul(37);
        key[1] = number;
        Id::new(key)
    };
    (0..PLANTED).map(key).collect()
}

/// Whether an address is that of one of the twenty honest nodes nearest to a key.
fn is_near(world: &World, key: &Id, addr: SocketAddrV4) -> bool {
    const NEAREST: usize = 20;
    let population = world.population();
    let Some(node) = population.by_addr(addr) else {
        return false;
    };
    let target = prefix_of(key);
    let distance = |rank| population.prefix(rank) ^ target;
    let bits = distance(node.rank).leading_zeros().min(63);
    let as_near = population.subtree(target, bits);
    let nearer = as_near.filter(|rank| distance(*rank) < distance(node.rank));
    nearer.take(NEAREST).count() < NEAREST
}

/// Notes what passes between a node and the adversary, and whom it announces to.
fn tap(
    hosts: Hosts,
    own: SocketAddrV4,
    passed: Arc<Mutex<Passed>>,
) -> impl FnMut(Instant, SocketAddr, SocketAddr, &[u8]) + Send + 'static {
    move |_, from, to, payload| {
        let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else {
            return;
        };
        let is_in = to == own;
        let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
        let message = Message::scan(payload);
        let query = match &message {
            Ok(message) => match &message.body {
                Body::Query(query) => Some(query),
                _ => None,
            },
            Err(_) => None,
        };
        if let Some(query) = query.filter(|query| !is_in && query.method == Method::AnnouncePeer) {
            let key = query.key();
            passed.announces.extend(key.map(|key| (key, to)));
        }
        if !hosts.is_hostile(if is_in { &from } else { &to }) {
            return;
        }
        let traffic = &mut passed.traffic;
        if is_in {
            traffic.received += 1;
            traffic.bytes_received += payload.len() as u64;
        } else if query.is_some() {
            traffic.queries += 1;
        } else {
            traffic.answers += 1;
            traffic.bytes_answered += payload.len() as u64;
        }
    }
}

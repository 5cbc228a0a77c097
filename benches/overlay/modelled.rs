//! Worlds of modelled nodes: building them, and what they answer a second.

use std::sync::Arc;
use std::time::Duration;

use mdht_krpc::{Body, Family, Id, Message, Query, Rng};
use mdht_node::AnnouncePort;
use mdht_node::core::{Config, SocketId};
use mdht_overlay::parameters::Parameters;
use mdht_overlay::{FullNodeSetup, Kind, NodeIndex, Simulation, World};
use mdht_plugins::Registry;

use super::process::{mib, resident, seconds};
use super::report;

const NODES: u32 = 10_000_000;
/// Queries of the bare driver.
const QUERIES: u32 = 1_000_000;
/// Queries in flight at once: one every 100 microseconds of virtual time.
const SPACING: Duration = Duration::from_micros(100);
/// Lookups of the real core.
const LOOKUPS: u32 = 2000;

pub(crate) fn build() {
    let before = resident();
    let (world, time) = seconds(|| world(NODES));
    let held = mib(resident() - before);
    report(
        "build 10 M modelled nodes",
        &format!("{time:.2} s"),
        "< 5 s",
    );
    report(
        "memory of 10 M modelled nodes",
        &format!("{held:.0} MiB"),
        "< 1024 MiB",
    );
    assert_eq!(world.population().len(), NODES);
}

/// Encoded get_peers queries of one address to reachable nodes for keys near
/// them. In the path: encoding the query, loss and delay, finding the node by
/// its address, its session, scanning the query, deriving its table and the
/// swarm, encoding the answer, the wheel, and the core reading the answer
/// (which it did not ask for).
pub(crate) fn pairs() {
    let world = world(NODES);
    let (mut simulation, node) = with_node(&world, "bep5", "standard");
    let targets = reachable(&world, QUERIES);
    let mut rng = Rng::from_u64(3);
    let (count, time) = seconds(|| {
        let before = simulation.counters().answered;
        for (to, near) in &targets {
            let own = Id::new([7; 20]);
            let key = near.random_in_bucket(12, &mut rng);
            let query = Query::get_peers(own, key);
            let datagram = Message::new(b"abcd", Body::Query(query)).encode();
            simulation.inject(node, SocketId(0), *to, &datagram);
            simulation.run_for(SPACING);
        }
        simulation.run_for(Duration::from_secs(5));
        simulation.counters().answered - before
    });
    let rate = format!("{:.0} k/s", count as f64 / time / 1e3);
    report(
        "query-answer pairs, bare driver, 10 M nodes",
        &rate,
        ">= 500 k/s",
    );
}

/// The real core (NR128-A) looking up top swarms as fast as they come. In the
/// path, besides: everything the node does, and what others ask it.
pub(crate) fn lookups() {
    let world = world(NODES);
    let (mut simulation, node) = with_node(&world, "nr128", "aggressive");
    simulation.bootstrap(node);
    simulation.run_for(Duration::from_secs(1800));
    assert!(simulation.node(node).is_joined(Family::V4));
    let (count, time) = seconds(|| {
        let before = simulation.counters().answered;
        for rank in 0..LOOKUPS {
            let key = world.swarms().top_infohash(rank);
            simulation.with(node, |core, now| {
                core.announce(now, key, AnnouncePort::Implied)
            });
            simulation.run_for(Duration::from_millis(500));
        }
        simulation.run_for(Duration::from_secs(10));
        simulation.take_events();
        simulation.counters().answered - before
    });
    let rate = format!("{:.0} k/s", count as f64 / time / 1e3);
    report(
        "query-answer pairs, NR128-A looking up, 10 M nodes",
        &rate,
        ">= 500 k/s",
    );
}

fn world(nodes: u32) -> Arc<World> {
    Arc::new(
        World::new(Parameters {
            nodes,
            ..Parameters::default()
        })
        .unwrap(),
    )
}

fn with_node(world: &Arc<World>, routing: &str, lookup: &str) -> (Simulation, NodeIndex) {
    let registry = Registry::builtin();
    let (routing, lookup) = (registry.routing(routing), registry.lookup(lookup));
    let mut config = Config::new(vec![], routing.unwrap(), lookup.unwrap());
    config.rate_limit = None;
    let mut simulation = Simulation::new(Arc::clone(world), 1);
    let node = simulation.add(FullNodeSetup::new(world.free_addr(1), config, [1; 32]));
    (simulation, node)
}

/// Addresses and IDs of nodes that are online and answer anybody.
fn reachable(world: &World, count: u32) -> Vec<(std::net::SocketAddrV4, Id)> {
    let mut rng = Rng::from_u64(2);
    let population = world.population();
    let mut found = Vec::new();
    while found.len() < count as usize {
        let rank = u32::try_from(rng.below(population.len() as usize)).unwrap();
        let identity = population.at(rank, mdht_krpc::Instant::ZERO);
        if Kind::of(population.connectivity(identity).class) == Kind::Good {
            found.push(population.contact(identity));
        }
    }
    found
}

//! Nodes that find out by packets alone whether others reach them.

#![allow(clippy::unwrap_used)] // a panic fails the test

use std::sync::Arc;
use std::time::Duration;

use mdht_krpc::{Family, Rng};
use mdht_node::core::{Config, Event, ReachabilityWatch};
use mdht_overlay::parameters::{Class, Connectivity, Parameters};
use mdht_overlay::{FullNodeSetup, FullWorld, NodeIndex, PluginShare, Simulation, World};
use mdht_plugins::Registry;

const HOUR: Duration = Duration::from_secs(3600);

fn world(nodes: u32, seed: u64) -> Arc<World> {
    let parameters = Parameters {
        nodes,
        seed,
        ..Parameters::default()
    };
    Arc::new(World::new(parameters).unwrap())
}

fn add(simulation: &mut Simulation, number: u64, class: Class) -> NodeIndex {
    let registry = Registry::builtin();
    let addr = simulation.world().free_addr(number);
    let routing = registry.routing("nr128").unwrap();
    let lookup = registry.lookup("standard").unwrap();
    let mut config = Config::new(vec![addr.into()], routing, lookup);
    config.read_only_if_unreachable = Some(ReachabilityWatch::default());
    let mut seed = [0; 32];
    Rng::from_u64(number).fill(&mut seed);
    let mut setup = FullNodeSetup::new(addr, config, seed);
    setup.connectivity = Connectivity {
        class,
        mapping_timeout_s: if class == Class::Open { 0 } else { 120 },
        share: 1.0,
    };
    let node = simulation.add(setup);
    simulation.bootstrap(node);
    node
}

/// What each node found, in order.
fn found(simulation: &mut Simulation, nodes: &[NodeIndex]) -> Vec<Vec<bool>> {
    let events = simulation.take_events();
    let of_node = |node: &NodeIndex| {
        let own = events.iter().filter(|(of, ..)| of == node);
        own.filter_map(|(.., event)| match event {
            Event::Reachable { .. } => Some(true),
            Event::Unreachable { .. } => Some(false),
            _ => None,
        })
        .collect()
    };
    nodes.iter().map(of_node).collect()
}

const CLASSES: [Class; 4] = [
    Class::Open,
    Class::PortRestrictedCone,
    Class::Symmetric,
    Class::FullCone,
];

/// Of the nodes behind what lets no stranger in each goes read-only, of the
/// others none.
fn check(simulation: &mut Simulation, what: &str) {
    let classes = CLASSES.iter().cycle().take(8);
    let nodes: Vec<_> = (0..)
        .zip(classes.clone())
        .map(|(number, class)| add(simulation, number, *class))
        .collect();
    simulation.run_for(2 * HOUR);
    let found = found(simulation, &nodes);
    for ((node, class), found) in nodes.iter().zip(classes).zip(found) {
        let is_reached = matches!(class, Class::Open | Class::FullCone);
        assert!(
            !found.is_empty() && found.iter().all(|found| *found == is_reached),
            "{what}, {class:?}: {found:?}"
        );
        let core = simulation.node(*node);
        assert_eq!(core.is_reachable(Family::V4), Some(is_reached), "{what}");
        let stats = core.stats();
        assert_eq!(
            stats.unsolicited_queries > 0,
            is_reached,
            "{what}, {class:?}"
        );
        assert_eq!(stats.read_only_turns > 0, !is_reached, "{what}");
        // two hours hold a trial
        assert_eq!(stats.reachability_trials > 0, !is_reached, "{what}");
    }
}

#[test]
fn among_modelled_nodes_the_guarded_go_read_only_and_the_open_do_not() {
    for seed in 1..=3 {
        let mut simulation = Simulation::new(world(100_000, seed), seed);
        check(&mut simulation, &format!("seed {seed}"));
    }
}

#[test]
fn among_full_nodes_too() {
    let registry = Registry::builtin();
    let pair = |routing| PluginShare::new(&registry, routing, "standard", 0.5).unwrap();
    let mut full = FullWorld::new(vec![pair("bep5"), pair("nr128")]);
    full.lookups_per_hour = 2.0;
    let mut simulation = Simulation::of_full_nodes(world(300, 1), 1, full).unwrap();
    check(&mut simulation, "full nodes");
}

//! Worlds of full nodes only.

use std::sync::Arc;
use std::time::Duration;

use mdht_krpc::Family;
use mdht_node::core::Event;
use mdht_overlay::parameters::{Parameters, Sessions};
use mdht_overlay::{FullWorld, PluginShare, Simulation, Start, World};
use mdht_plugins::Registry;
use mdht_plugins::routing::Standing;

use super::{setup, world};

fn pairs(shares: &[(&str, f64)]) -> Vec<PluginShare> {
    let registry = Registry::builtin();
    let pair = |(routing, share): &(&str, f64)| {
        PluginShare::new(&registry, routing, "standard", *share).unwrap()
    };
    shares.iter().map(pair).collect()
}

/// Mean number of good contacts in the tables of those that have any.
fn good_contacts(simulation: &Simulation) -> f64 {
    let good = |node| {
        let table = simulation.node(node).table(Family::V4);
        let good = table
            .iter()
            .filter(|entry| entry.standing == Standing::Good);
        good.count()
    };
    let all: Vec<_> = simulation
        .full_nodes()
        .map(good)
        .filter(|good| *good > 0)
        .collect();
    all.iter().sum::<usize>() as f64 / all.len() as f64
}

#[test]
fn a_world_joins_itself_or_starts_warm() {
    for start in [Start::Joining, Start::Warm] {
        let mut full = FullWorld::new(pairs(&[("bep5", 0.5), ("nice", 0.5)]));
        full.start = start;
        full.start_over = Duration::from_secs(120);
        let mut simulation = Simulation::of_full_nodes(world(300), 1, full).unwrap();
        simulation.run_for(Duration::from_secs(1200));
        assert_eq!(simulation.full_nodes().count(), 300);
        let joined = simulation
            .full_nodes()
            .filter(|node| simulation.node(*node).is_joined(Family::V4));
        // all but the 18 % that hear no answer to their queries, now or ever
        let joined = joined.count();
        assert!((220..=275).contains(&joined), "{start:?}: {joined}");
        let good = good_contacts(&simulation);
        assert!(good > 20.0, "{start:?}: {good}");
        assert!(simulation.take_events().is_empty(), "residents tell nobody");
    }
}

#[test]
fn those_that_leave_are_succeeded_at_another_address() {
    let mut parameters = Parameters {
        nodes: 200,
        sessions: Sessions::Exponential { mean_min: 30.0 },
        ..Parameters::default()
    };
    parameters.links.loss = 0.0;
    let world = Arc::new(World::new(parameters).unwrap());
    let full = FullWorld::new(pairs(&[("nice", 1.0)]));
    let mut simulation = Simulation::of_full_nodes(world, 1, full).unwrap();
    simulation.run_for(Duration::from_secs(120));
    let before: Vec<_> = simulation
        .full_nodes()
        .map(|node| simulation.addr(node))
        .collect();
    simulation.run_for(Duration::from_secs(3600));
    // two mean stays of 200 places
    let successions = simulation.counters().successions;
    assert!((330..480).contains(&successions), "{successions}");
    assert_eq!(simulation.full_nodes().count(), 200);
    let population = Arc::clone(simulation.world());
    let mut stayed = 0;
    for (node, before) in simulation.full_nodes().zip(before) {
        let identity = simulation.identity(node).unwrap();
        assert!(
            population
                .population()
                .is_online(identity, simulation.now())
        );
        assert_eq!(
            population.population().contact(identity).0,
            simulation.addr(node)
        );
        stayed += usize::from(simulation.addr(node) == before);
    }
    // e^-2 of those found
    assert!((10..50).contains(&stayed), "{stayed}");
    assert!(good_contacts(&simulation) > 15.0);
}

#[test]
fn modules_have_their_shares_and_stay_with_their_places() {
    let shares = [("bep5", 0.2), ("nice", 0.3), ("nr128", 0.5)];
    let world = world(1000);
    let run = |seed| {
        let mut full = FullWorld::new(pairs(&shares));
        full.start_over = Duration::ZERO;
        let mut simulation = Simulation::of_full_nodes(Arc::clone(&world), seed, full).unwrap();
        simulation.run_for(Duration::from_millis(1));
        // start-up queries tell nice's kin from bep5
        let sizes = simulation.full_nodes().map(|node| {
            let table = simulation.node(node).table(Family::V4);
            (simulation.addr(node), table.len())
        });
        sizes.collect::<Vec<_>>()
    };
    let places: Vec<_> = run(1).into_iter().map(|(addr, _)| addr).collect();
    let mut again: Vec<_> = run(2).into_iter().map(|(addr, _)| addr).collect();
    let mut places = places;
    places.sort();
    again.sort();
    assert_eq!(places, again);
}

#[test]
fn a_node_under_test_finds_the_swarms_of_the_modelled_world() {
    let world = world(1000);
    let full = FullWorld::new(pairs(&[("nice", 1.0)]));
    let mut simulation = Simulation::of_full_nodes(Arc::clone(&world), 1, full).unwrap();
    simulation.run_for(Duration::from_secs(300));
    let node = simulation.add(setup(world.free_addr(0), "nice", "aggressive", 1));
    simulation.bootstrap(node);
    simulation.run_for(Duration::from_secs(600));
    let mut found = 0;
    for rank in 0..20 {
        let key = world.swarms().top_infohash(rank * 150);
        let goal = mdht_plugins::lookup::Goal::Closest;
        simulation.with(node, |core, now| core.get_peers(now, key, goal));
        simulation.run_for(Duration::from_secs(30));
        let events = simulation.take_events();
        found += events
            .iter()
            .filter(|(_, _, event)| {
                matches!(event, Event::LookupDone { report, .. } if report.latency.is_some())
            })
            .count();
    }
    assert!(found >= 19, "{found}");
}

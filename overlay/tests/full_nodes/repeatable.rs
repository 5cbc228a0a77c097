//! The same seed gives the same bytes, on any number of threads.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdht_node::AnnouncePort;
use mdht_overlay::{CaptureTap, Counters, FullWorld, PluginShare, Simulation, Tap, World, run_all};
use mdht_plugins::Registry;

use super::{setup, world};

const NUTS: [(&str, &str); 4] = [
    ("bep5", "standard"),
    ("nr128", "aggressive"),
    ("nice", "aggressive"),
    ("nrtt", "standard"),
];

/// A node under test that looks things up, and its capture.
fn run(mut simulation: Simulation, number: usize) -> (Vec<u8>, Counters) {
    let world = Arc::clone(simulation.world());
    let capture = Arc::new(Mutex::new(CaptureTap::new(Vec::new()).unwrap()));
    let tap = Arc::clone(&capture);
    let (routing, lookup) = NUTS[number];
    let addr = world.free_addr(number as u64);
    let mut setup = setup(addr, routing, lookup, number as u64);
    setup.tap = Some(Box::new(move |at, from, to, payload: &[u8]| {
        tap.lock().unwrap().datagram(at, from, to, payload);
    }));
    let node = simulation.add(setup);
    simulation.bootstrap(node);
    simulation.run_for(Duration::from_secs(60));
    for rank in 0..5 {
        let key = world.swarms().top_infohash(rank);
        simulation.with(node, |core, now| {
            core.announce(now, key, AnnouncePort::Implied)
        });
        simulation.run_for(Duration::from_secs(30));
    }
    let counters = simulation.counters();
    drop(simulation);
    let capture = Arc::into_inner(capture).unwrap().into_inner().unwrap();
    (capture.finish().unwrap(), counters)
}

fn full_world(world: &Arc<World>, seed: u64) -> Simulation {
    let registry = Registry::builtin();
    let pair = |routing, share| PluginShare::new(&registry, routing, "standard", share).unwrap();
    let mut full = FullWorld::new(vec![pair("bep5", 0.5), pair("nice", 0.5)]);
    full.lookups_per_hour = 10.0;
    Simulation::of_full_nodes(Arc::clone(world), seed, full).unwrap()
}

#[test]
fn threads_change_no_byte_among_modelled_nodes() {
    let world = world(20_000);
    let all = |threads: usize| {
        run_all(NUTS.len(), NonZeroUsize::new(threads).unwrap(), |number| {
            run(Simulation::new(Arc::clone(&world), 1), number)
        })
    };
    let (one, two) = (all(1), all(2));
    for (number, (one, two)) in one.iter().zip(&two).enumerate() {
        assert!(one.0.len() > 20_000, "{number}: {} B", one.0.len());
        assert_eq!(one.1, two.1, "{number}");
        assert!(one.0 == two.0, "captures of {number} differ");
    }
    assert!(one[0].0 != one[1].0);
}

#[test]
fn threads_change_no_byte_among_full_nodes() {
    let world = world(300);
    let all = |threads: usize| {
        run_all(2, NonZeroUsize::new(threads).unwrap(), |number| {
            run(full_world(&world, 1), number)
        })
    };
    let (one, two) = (all(1), all(2));
    assert!(one[0].0.len() > 20_000, "{} B", one[0].0.len());
    assert!(one == two);
}

#[test]
fn another_seed_is_other_luck() {
    let world = world(2000);
    let run = |seed| run(Simulation::new(Arc::clone(&world), seed), 0);
    assert!(run(1) == run(1));
    assert!(run(1) != run(2));
}

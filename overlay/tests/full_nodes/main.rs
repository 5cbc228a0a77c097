//! Full nodes among themselves: what NATs let through, worlds without
//! modelled nodes, and runs that repeat to the byte.

#![allow(clippy::unwrap_used)] // tests

mod nats;
mod repeatable;
mod worlds;

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex};

use mdht_krpc::{Instant, Rng};
use mdht_node::core::Config;
use mdht_overlay::parameters::Parameters;
use mdht_overlay::{FullNodeSetup, World};
use mdht_plugins::Registry;

/// A world of `nodes` nodes that loses nothing on the way.
fn world(nodes: u32) -> Arc<World> {
    let mut parameters = Parameters {
        nodes,
        ..Parameters::default()
    };
    parameters.links.loss = 0.0;
    Arc::new(World::new(parameters))
}

/// A node under test with these modules.
fn setup(addr: SocketAddrV4, routing: &str, lookup: &str, seed: u64) -> FullNodeSetup {
    let registry = Registry::builtin();
    let (routing, lookup) = (registry.routing(routing), registry.lookup(lookup));
    let mut config = Config::new(vec![], routing.unwrap(), lookup.unwrap());
    config.rate_limit = None;
    let mut bytes = [0; 32];
    Rng::from_u64(seed).fill(&mut bytes);
    FullNodeSetup::new(addr, config, bytes)
}

/// Whatever passed a node's tap: when, from, to.
type Seen = Arc<Mutex<Vec<(Instant, SocketAddrV4, SocketAddrV4)>>>;

fn watched(mut setup: FullNodeSetup) -> (FullNodeSetup, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    setup.tap = Some(Box::new(move |at, from, to, _: &[u8]| {
        if let (std::net::SocketAddr::V4(from), std::net::SocketAddr::V4(to)) = (from, to) {
            log.lock().unwrap().push((at, from, to));
        }
    }));
    (setup, seen)
}

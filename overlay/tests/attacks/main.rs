//! Small sieges: what every attack may cost a node, and what it must not.

#![allow(clippy::unwrap_used)] // tests

mod bounds;
mod lookups;

use std::sync::Arc;
use std::time::Duration;

use mdht_overlay::World;
use mdht_overlay::attack::{Attack, Damage, Kind, Siege};
use mdht_overlay::parameters::Parameters;
use mdht_plugins::Registry;

/// A small world with an attack, lived through by a node with these modules.
fn siege(kind: Kind, strength: f64, modules: (&str, &str)) -> Siege {
    let registry = Registry::builtin();
    let mut parameters = Parameters {
        nodes: 20_000,
        seed: 3,
        ..Parameters::default()
    };
    parameters.links.loss = 0.0;
    Siege {
        world: Arc::new(World::new(parameters).unwrap()),
        attack: Attack::new(kind, strength).unwrap(),
        routing: registry.routing(modules.0).unwrap(),
        lookup: registry.lookup(modules.1).unwrap(),
        seed: 7,
        lookups: 30,
        warm_up: Duration::from_secs(1200),
        interval: Duration::from_secs(10),
    }
}

/// What became of a node with the modules of the thesis's fastest pair.
fn damage(kind: Kind, strength: f64) -> Damage {
    siege(kind, strength, ("nr128", "aggressive")).run()
}

fn unattacked() -> Damage {
    damage(Kind::None, 0.0)
}

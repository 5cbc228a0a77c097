//! What each node of a world of full nodes is made with.

use mdht_node::core::Config;

use super::FullWorld;
use crate::draws::{Draws, Subject, unit};
use crate::population::{Access, Identity};
use crate::simulation::FullNodeSetup;
use crate::world::World;

/// A world of full nodes with its draws.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) world: FullWorld,
    pairs: Draws,
    seeds: Draws,
}

impl Plan {
    /// The same places run the same modules in every run in a world; `seed`
    /// sets their randomness.
    pub(crate) const fn new(world: FullWorld, world_seed: u64, seed: u64) -> Self {
        let draws = Draws::new(world_seed, Subject::Resident);
        Self {
            world,
            pairs: draws.of(1),
            seeds: draws.of(2).of(seed),
        }
    }

    /// What a node is made with: all but its modules comes from the population.
    pub(crate) fn setup(&self, world: &World, of: Identity) -> FullNodeSetup {
        let population = world.population();
        let (addr, id) = population.contact(of);
        let mut share = unit(self.pairs.one(of.number()));
        let pairs = &self.world.plugins;
        let is_in = |pair: &&super::PluginShare| {
            share -= pair.share;
            share < 0.0
        };
        // rounding may leave none: the last
        let pair = pairs.iter().find(is_in).unwrap_or(&pairs[pairs.len() - 1]);
        let config = Config {
            id: Some(id),
            version: world.version(of),
            rate_limit: None,
            ..Config::new(Vec::new(), pair.routing.clone(), pair.lookup.clone())
        };
        let mut seed = [0; 32];
        for (number, bytes) in (0..).zip(seed.chunks_mut(8)) {
            bytes.copy_from_slice(&self.seeds.draw(of.number(), number).to_be_bytes());
        }
        FullNodeSetup {
            config,
            addr,
            seed,
            access: Access::Home,
            connectivity: population.connectivity(of),
            tap: None,
        }
    }
}

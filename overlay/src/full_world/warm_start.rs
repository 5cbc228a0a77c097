//! The table that a node has kept from an earlier life.

use std::time::Duration;

use mdht_krpc::{Contact, Instant};
use mdht_plugins::routing::{SavedContact, SavedTable};

use crate::population::{Access, Identity};
use crate::tables::Kind;
use crate::world::World;

/// What the modelled node of the same identity has in its table at `now`: the
/// entries of each of its buckets, and the neighbours it knows. Contacts that
/// could answer come with the round-trip time they answered in.
pub(crate) fn warm_table(world: &World, of: Identity, now: Instant) -> SavedTable {
    let population = world.population();
    let mut entries = Vec::new();
    world.tables.entries(population, of, now, &mut entries);
    let (own, _) = population.contact(of);
    let saved = |(kind, identity)| {
        let (addr, id) = population.contact(identity);
        let ends = [*own.ip(), *addr.ip()].map(|ip| (ip, Access::Home));
        SavedContact {
            contact: Contact::new(id, addr.into()),
            rtt: (kind == Kind::Good).then(|| population.rtt(ends[0], ends[1])),
            idle: Duration::ZERO,
        }
    };
    SavedTable {
        contacts: entries.into_iter().map(saved).collect(),
        private: Vec::new(),
    }
}

//! Worlds in which every node is a full one: the real core, at an address, of
//! a class, with a client and for a session of the same population that the
//! modelled world has.

mod plan;
mod warm_start;

use std::time::Duration;

use mdht_plugins::{LookupFactory, Registry, RoutingFactory, SpecError};
use thiserror::Error;

pub(crate) use plan::Plan;
pub(crate) use warm_start::warm_table;

/// How far shares may be from adding up to 1.
const TOLERANCE: f64 = 1e-6;

/// The nodes that run one combination of modules.
#[derive(Clone, Debug)]
pub struct PluginShare {
    /// Routing policy.
    pub routing: RoutingFactory,
    /// Lookup policy.
    pub lookup: LookupFactory,
    /// Share of nodes, 0 to 1. All shares add up to 1.
    pub share: f64,
}

impl PluginShare {
    /// Modules by their names, such as `nr128:refresh=3s` and `aggressive`.
    ///
    /// # Errors
    /// An unknown module or parameter, or a bad value.
    pub fn new(
        registry: &Registry,
        routing: &str,
        lookup: &str,
        share: f64,
    ) -> Result<Self, SpecError> {
        Ok(Self {
            routing: registry.routing(routing)?,
            lookup: registry.lookup(lookup)?,
            share,
        })
    }
}

/// What the nodes found at the beginning start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A few addresses of nodes that have started before: the world is joined
    /// by one after another. The first knows nobody.
    Joining,
    /// A table kept from an earlier life, with what a modelled node's table
    /// would hold at that moment, the dead and the guarded included: the world
    /// need not be joined by a million lookups. No contact counts as verified
    /// before it has answered, so the first minutes (`bep5`: the first 15) show
    /// tables that are still coming to life.
    Warm,
}

/// A world of full nodes only: as many as the [`World`](crate::World) it is
/// run in has places.
#[derive(Clone, Debug)]
pub struct FullWorld {
    /// Who runs which modules.
    pub plugins: Vec<PluginShare>,
    /// What the nodes found at the beginning start with. Successors of those
    /// that leave always join by addresses of nodes that are online.
    pub start: Start,
    /// Those found at the beginning start one by one within this time, so that
    /// not all tick at once.
    pub start_over: Duration,
    /// Mean lookups an hour that each node's user makes, for a swarm of the
    /// background that is announced to afterwards; 0 is none.
    pub lookups_per_hour: f64,
}

impl FullWorld {
    /// A world that starts warm within a minute and where nobody looks
    /// anything up.
    pub const fn new(plugins: Vec<PluginShare>) -> Self {
        Self {
            plugins,
            start: Start::Warm,
            start_over: Duration::from_secs(60),
            lookups_per_hour: 0.0,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), FullWorldError> {
        let shares = self.plugins.iter().map(|pair| pair.share);
        if let Some(share) = shares.clone().find(|share| !(0.0..=1.0).contains(share)) {
            return Err(FullWorldError::Share { share });
        }
        let sum = shares.fold(0.0, |sum, share| sum + share);
        if (sum - 1.0).abs() > TOLERANCE {
            return Err(FullWorldError::Sum { sum });
        }
        let rate = self.lookups_per_hour;
        if !(0.0..=3600.0).contains(&rate) {
            return Err(FullWorldError::LookupRate { rate });
        }
        Ok(())
    }
}

/// Why there can be no such world.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum FullWorldError {
    /// A share is none.
    #[error("plugins: a share of {share} is not between 0 and 1")]
    Share {
        /// The share.
        share: f64,
    },
    /// The shares do not add up.
    #[error("plugins: the shares add up to {sum}, not to 1")]
    Sum {
        /// What they add up to.
        sum: f64,
    },
    /// A rate that cannot be.
    #[error("lookups_per_hour: {rate} is not between 0 and 3600")]
    LookupRate {
        /// The rate.
        rate: f64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_must_add_up() {
        let registry = Registry::builtin();
        let pair = |share| PluginShare::new(&registry, "nice", "standard", share).unwrap();
        let error = |plugins| FullWorld::new(plugins).validate().unwrap_err().to_string();
        assert_eq!(
            FullWorld::new(vec![pair(0.3), pair(0.7)]).validate(),
            Ok(())
        );
        assert!(error(vec![pair(0.3)]).contains("add up to 0.3"));
        assert!(error(vec![pair(-0.5), pair(1.5)]).contains("-0.5"));
        assert!(error(vec![]).contains("add up to 0"));
        let mut world = FullWorld::new(vec![pair(1.0)]);
        world.lookups_per_hour = f64::NAN;
        assert!(world.validate().is_err());
    }
}

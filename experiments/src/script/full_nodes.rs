//! Worlds of full nodes: who runs which modules.

use mdht_overlay::{FullWorld, PluginShare};
use mdht_plugins::{Registry, SpecError};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::ScriptError;
use super::variants::check_pair;

/// The key, below `[overlay]` or `[[world]]`.
pub(super) const KEY: &str = "full_nodes";
/// Most nodes of such a world, about 2 GB; every thread has one of its own.
const MOST_NODES: u32 = 100_000;
/// How far shares may be from adding up to 1.
const TOLERANCE: f64 = 1e-6;
/// Lookups an hour of a node's user.
const MOST_LOOKUPS: f64 = 3600.0;

/// A world in which nobody is modelled: every node is a full one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullNodes {
    /// Who runs which modules.
    pub plugins: Vec<Share>,
    /// Mean lookups an hour of each node's user, of background swarms.
    #[serde(default)]
    pub lookups_per_hour: f64,
}

/// The nodes that run one pair of modules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The routing module, such as `nice`.
    pub routing: String,
    /// The lookup module.
    pub lookup: String,
    /// Share of the nodes; all add up to 1.
    pub share: f64,
}

impl FullNodes {
    /// Takes them out of a section that is otherwise the overlay's.
    pub(super) fn taken(
        section: &mut Table,
        at: &str,
        registry: &Registry,
    ) -> Result<Option<Self>, ScriptError> {
        let Some(value) = section.remove(KEY) else {
            return Ok(None);
        };
        let at = format!("{at}.{KEY}");
        let read = Value::try_into(value);
        let full: Self = read.map_err(|error: toml::de::Error| {
            let reason = super::suggestion::with_suggestion(error.message());
            ScriptError::new(&at, reason)
                .allowed("`plugins`, a list of { routing, lookup, share }, and `lookups_per_hour`")
        })?;
        full.check(&at, registry)?;
        Ok(Some(full))
    }

    fn check(&self, at: &str, registry: &Registry) -> Result<(), ScriptError> {
        for (place, pair) in self.plugins.iter().enumerate() {
            let at = format!("{at}.plugins[{place}]");
            check_pair(&pair.routing, &pair.lookup, registry, &at)?;
            if !(0.0..=1.0).contains(&pair.share) {
                let error = ScriptError::new(format!("{at}.share"), "it is out of bounds");
                return Err(error.allowed("a number from 0 to 1"));
            }
        }
        let sum: f64 = self.plugins.iter().map(|pair| pair.share).sum();
        if (sum - 1.0).abs() > TOLERANCE {
            let reason = format!("the shares add up to {sum}");
            let error = ScriptError::new(format!("{at}.plugins"), reason);
            return Err(error.allowed("shares that add up to 1"));
        }
        if !(0.0..=MOST_LOOKUPS).contains(&self.lookups_per_hour) {
            let error = ScriptError::new(format!("{at}.lookups_per_hour"), "it is out of bounds");
            return Err(error.allowed(format!("a number from 0 to {MOST_LOOKUPS}")));
        }
        Ok(())
    }

    /// Every node of these takes memory of its own.
    pub(super) fn check_size(nodes: u32, at: &str) -> Result<(), ScriptError> {
        if nodes <= MOST_NODES {
            return Ok(());
        }
        let reason = format!("{nodes} full nodes take too much memory");
        let error = ScriptError::new(format!("{at}.nodes"), reason);
        Err(error.allowed(format!("with `{KEY}` at most {MOST_NODES}")))
    }

    /// The share of the nodes that run a pair of modules, as they are written.
    pub fn share_of(&self, routing: &str, lookup: &str) -> f64 {
        let same = |pair: &&Share| pair.routing == routing && pair.lookup == lookup;
        let shares = self.plugins.iter().filter(same).map(|pair| pair.share);
        shares.fold(0.0, |sum, share| sum + share)
    }

    /// The world's plan.
    pub(crate) fn world(&self, registry: &Registry) -> Result<FullWorld, SpecError> {
        let pairs = self.plugins.iter();
        let pairs =
            pairs.map(|pair| PluginShare::new(registry, &pair.routing, &pair.lookup, pair.share));
        Ok(FullWorld {
            lookups_per_hour: self.lookups_per_hour,
            ..FullWorld::new(pairs.collect::<Result<_, _>>()?)
        })
    }
}

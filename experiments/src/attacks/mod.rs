//! What attacks cost a node: the same lookups in the same world with and
//! without attackers.
//!
//! Unlike other experiments this one does not go by packets alone: to a
//! profiler a false peer is a value. What is true is known from the world.

mod figures;
mod outcome;
mod picture;
mod script;
mod text;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mdht_overlay::attack::{Damage, Siege};
use mdht_overlay::parameters::ParameterError;
use mdht_overlay::{World, run_all};
use mdht_plugins::{Registry, SpecError};

pub use figures::Figures;
pub use outcome::AttackOutcome;
pub use script::AttackScript;

/// Why attacks could not be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttacksError {
    /// The world of the script cannot be.
    #[error(transparent)]
    World(#[from] ParameterError),
    /// A module is not in the registry.
    #[error(transparent)]
    Module(#[from] SpecError),
}

/// Plays every attack of a script on every combination, `threads` at once: the
/// outcome is the same with any number. `watch` is told how many sieges of how
/// many are over; once it says `false` no other begins.
///
/// # Errors
/// See [`AttacksError`].
pub fn attacks(
    script: &AttackScript,
    registry: &Registry,
    threads: NonZeroUsize,
    watch: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<AttackOutcome, AttacksError> {
    let modules = script.variants.iter().map(|variant| {
        let routing = registry.routing(&variant.routing)?;
        Ok((routing, registry.lookup(&variant.lookup)?))
    });
    let modules = modules.collect::<Result<Vec<_>, SpecError>>()?;
    let mut damages: Vec<Vec<Damage>> = vec![Vec::new(); script.sieges()];
    let all = script.sieges() * script.repetitions as usize;
    let over = AtomicUsize::new(0);
    let mut is_whole = true;
    for repetition in 0..script.repetitions {
        let seed = script.seed.wrapping_add(repetition.into());
        let mut overlay = script.overlay.clone();
        overlay.seed = seed;
        let world = Arc::new(World::new(overlay)?);
        let played = run_all(script.sieges(), threads, |number| {
            let so_far = over.fetch_add(1, Ordering::Relaxed);
            if !watch(so_far, all) {
                return None;
            }
            let (variant, attack) = script.siege(number);
            let (routing, lookup) = &modules[variant];
            let siege = Siege {
                world: Arc::clone(&world),
                attack: script.attacks[attack],
                routing: routing.clone(),
                lookup: lookup.clone(),
                seed,
                lookups: script.lookups,
                warm_up: Duration::from_secs_f64(script.warm_up_s),
                interval: Duration::from_secs_f64(script.interval_s),
            };
            Some(siege.run())
        });
        is_whole &= played.iter().all(Option::is_some);
        for (damages, damage) in damages.iter_mut().zip(played) {
            damages.extend(damage);
        }
        if !is_whole {
            break;
        }
    }
    Ok(AttackOutcome::new(script, &damages, is_whole))
}

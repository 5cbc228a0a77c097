//! Who and when is sampled.

use mdht_krpc::Instant;

use crate::draws::{Draws, Subject, below};
use crate::population::Identity;
use crate::world::World;

/// An hour in microseconds.
const HOUR: u64 = 3_600_000_000;
/// Moments are drawn from the first to the last hour of the thesis's run.
const HOURS: std::ops::Range<u64> = 1..77;

/// Draws nodes and moments from a world.
pub(super) struct Sampler<'a> {
    pub(super) world: &'a World,
    draws: Draws,
}

impl<'a> Sampler<'a> {
    pub(super) const fn new(world: &'a World) -> Self {
        Self {
            draws: Draws::new(world.parameters().seed, Subject::Sample),
            world,
        }
    }

    /// The `i`th number.
    pub(super) const fn draw(&self, i: u64) -> u64 {
        self.draws.one(i)
    }

    /// The `i`th place in the ID space.
    pub(super) fn rank(&self, i: u64) -> u32 {
        let places = self.world.population().len().into();
        u32::try_from(below(self.draws.draw(i, 1), places)).unwrap_or(0)
    }

    /// The `i`th moment.
    pub(super) fn moment(&self, i: u64) -> Instant {
        let length = (HOURS.end - HOURS.start) * HOUR;
        Instant::from_micros(HOURS.start * HOUR + below(self.draws.draw(i, 2), length))
    }

    /// Whoever is at the `i`th place at the `i`th moment.
    pub(super) fn node(&self, i: u64) -> (Identity, Instant) {
        let at = self.moment(i);
        (self.world.population().at(self.rank(i), at), at)
    }
}

/// `part` of `all` in percent; 0 of nothing.
pub(super) fn percent(part: u64, all: u64) -> f64 {
    100.0 * part as f64 / all.max(1) as f64
}

/// The value below which `percent` of sorted samples lie, linear between order
/// statistics; 0 without samples.
#[allow(clippy::cast_possible_truncation)] // a place among samples
pub(super) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let place = percent / 100.0 * sorted.len().saturating_sub(1) as f64;
    let low = sorted.get(place as usize).copied().unwrap_or(0.0);
    let high = sorted.get(place as usize + 1).copied().unwrap_or(low);
    low + (high - low) * place.fract()
}

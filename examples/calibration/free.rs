//! The parameters of the overlay that no published figure gives.

use std::fmt::Write as _;

use mdht_krpc::Rng;
use mdht_overlay::parameters::Parameters;

/// A free parameter: its key, where it is, and its bounds.
pub(crate) struct Free {
    pub(crate) name: &'static str,
    pub(crate) at: fn(&mut Parameters) -> &mut f64,
    bounds: (f64, f64),
}

const fn free(name: &'static str, at: fn(&mut Parameters) -> &mut f64, bounds: (f64, f64)) -> Free {
    Free { name, at, bounds }
}

#[rustfmt::skip] // a table
pub(crate) const FREE: [Free; 7] = [
    free("tables.good", |p| &mut p.tables.good, (0.5, 0.97)),
    free("tables.near_good", |p| &mut p.tables.near_good, (0.2, 0.9)),
    free("tables.natted", |p| &mut p.tables.natted, (0.1, 0.9)),
    free("tables.near_known", |p| &mut p.tables.near_known, (0.2, 1.0)),
    free("links.loss", |p| &mut p.links.loss, (0.002, 0.02)),
    free("swarms.replica_reach", |p| &mut p.swarms.replica_reach, (1.0, 20.0)),
    free("swarms.replica_spread", |p| &mut p.swarms.replica_spread, (1.2, 2.5)),
];

/// Chance of each parameter to move in a trial.
const MOVING: f64 = 0.4;
/// How far it moves at most: by a factor of this squared, or its inverse.
const STEP: f64 = 1.25;

/// Moves a few of the free parameters.
pub(crate) fn vary(parameters: &mut Parameters, rng: &mut Rng) {
    for free in &FREE {
        if rng.unit() < MOVING {
            let value = (free.at)(parameters);
            *value *= STEP.powf(4.0 * (rng.unit() - 0.5));
            *value = value.clamp(free.bounds.0, free.bounds.1);
        }
    }
}

/// The section of a script that makes such a world.
pub(crate) fn section(parameters: &Parameters) -> String {
    let mut parameters = parameters.clone();
    let mut section = format!("[overlay]\nnodes = {}\n", parameters.nodes);
    for free in &FREE {
        let value = (free.at)(&mut parameters);
        // writing to a string cannot fail
        let _ = writeln!(section, "{} = {value:?}", free.name);
    }
    section
}
